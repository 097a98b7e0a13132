"""`migstat schema`: the JSON Schema of a document or event."""

from __future__ import annotations

from typing import Annotated

import typer

from migstat.errors import UsageError
from migstat.model.documents import KINDS, schema_of
from migstat.render.json import encoded
from migstat.settings.values import refuse_empty

_SOUGHT = {kind: kind for kind in KINDS} | {"watch": "event"}
"""Words that people may type, and the kind that is meant."""


def schema(
    ctx: typer.Context,
    kind: Annotated[str | None, typer.Argument(metavar="KIND", help=f"One of {', '.join(KINDS)}.")] = None,
) -> int:
    """Print the JSON Schema of a document or event.

    Examples:

      migstat schema status > status.schema.json

      migstat schema event | jq '.["$defs"] | keys'
    """
    ctx.obj.streams.print(encoded(schema_of(_checked(kind)), indent=2) + "\n")
    return 0


def _checked(kind: str | None) -> str:
    """Return a known kind. Raises UsageError for others, with the one probably meant."""
    there_are = f"Choose from {', '.join(KINDS)}."
    if kind is None:
        raise UsageError("no kind given", there_are)
    if refuse_empty(kind, "KIND") in KINDS:
        return kind

    from difflib import get_close_matches

    close = get_close_matches(kind.lower(), _SOUGHT, 1)
    likely = f"; did you mean {_SOUGHT[close[0]]}?" if close else ""
    raise UsageError(f"no such schema: {kind!r}{likely}", there_are)
