"""`migstat schema`: the JSON Schema of a document or event."""

from __future__ import annotations

from typing import Annotated

import typer

from migstat.errors import UsageError
from migstat.model.documents import KINDS, schema_of
from migstat.render.json import encoded
from migstat.settings.values import closest_match, refuse_empty

_SOUGHT = {kind: kind for kind in KINDS} | {"watch": "event"}
"""Words that users may type, and the kinds that they mean."""


def schema(
    ctx: typer.Context,
    kind: Annotated[str | None, typer.Argument(metavar="KIND", help=f"One of {', '.join(KINDS)}.")] = None,
) -> int:
    """Print the JSON Schema of a document or event.

    Examples:

      migstat schema status > status.schema.json

      migstat schema event | jq '.["$defs"] | keys'
    """
    if kind is not None and refuse_empty(kind, "KIND") in KINDS:
        ctx.obj.streams.print(encoded(schema_of(kind), indent=2) + "\n")
        return 0
    typed = (kind or "").lower()
    close = typed if typed in _SOUGHT else closest_match(typed, _SOUGHT)
    meant = f"; did you mean {_SOUGHT[close]}?" if close else ""
    wrong = f"no such schema: {kind!r}{meant}" if kind else "no kind given"
    raise UsageError(wrong, f"Choose from {', '.join(KINDS)}.")
