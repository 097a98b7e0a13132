"""`migstat schema`, and that everything the program prints as JSON is valid by it."""

from __future__ import annotations

import json

import pytest

from migstat.model.documents import KINDS, schema_of
from tests.command_line import migstat


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_printed(kind: str) -> None:
    """A schema is indented into a pipe as on a terminal, and is the program's own; no setting is needed."""
    names = ("BASE_URL", "EMAIL", "TOKEN_FILE", "JOB", "OUTPUT", "RATE_LIMIT", "CA_BUNDLE", "PROFILE", "CONFIG")
    nonsense = {f"MIGSTAT_{name}": "\tnonsense" for name in names}
    piped = migstat(["schema", kind], nonsense)
    assert (piped.code, piped.err) == (0, "")
    assert piped == migstat(["schema", kind], {}, terminal=True)
    assert json.loads(piped.out) == schema_of(kind)
    assert piped.out.startswith('{\n  "$schema": "https://json-schema.org/draft/2020-12/schema",\n')
    assert piped.out.endswith("\n}\n")
    assert piped.out.isascii()
