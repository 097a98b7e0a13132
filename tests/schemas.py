"""Checks what the program prints: JSON by its own JSON Schemas, tables by what other programs make of them."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime
from functools import cache

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match

from migstat.model.documents import DRAFT, schema_of

_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or bool(datetime.fromisoformat(value))


@cache
def validator(kind: str, definition: str | None = None) -> Draft202012Validator:
    """A validator of a kind's documents, or of one of its `$defs`."""
    schema = schema_of(kind)
    if definition is not None:
        schema = {"$schema": DRAFT, "$defs": schema["$defs"], "$ref": f"#/$defs/{definition}"}
    return Draft202012Validator(schema, format_checker=_FORMATS)


def assert_valid(kind: str, document: object, definition: str | None = None) -> None:
    """Check a document, or with `definition` a part of one, against the schema of its kind."""
    error = best_match(validator(kind, definition).iter_errors(document))
    assert error is None, f"{kind}, {error.json_path}: {error.message}"


NUMBER = r"-[0-9]+(\.[0-9]+)?(e[+-][0-9]+)?"


def assert_csv(text: str) -> None:
    """Check a table against what a spreadsheet would compute, whichever of `,` and `;` it splits at."""
    rows = list(csv.reader(io.StringIO(text)))
    assert len({len(row) for row in rows}) == 1
    cells = [cell.strip() for row in rows for cell in row]
    parts = [part.strip(' \t"\x1f\xa0\u3000') for line in text.splitlines() for part in line.split(";")[1:]]
    for cell in [*cells, *parts]:
        assert not cell.startswith(tuple("=+-@\uff1d\uff0b\uff0d\uff20")) or re.fullmatch(NUMBER, cell), cell


def assert_markdown(text: str) -> None:
    """Check a table against anything else that Markdown knows, and for empty parts above it."""
    assert "\n\n\n" not in text
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    pipes = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines}
    assert len(pipes) == 1
    for line in lines[2:]:
        bare = re.sub("\\\\.|\u200b|&amp;", "\0", line)
        assert not re.search(r"[<>\[\]`*_~]|&#?\w+;|//|www\.|[@#][^\0]|GH-\d", bare, re.IGNORECASE), line


def assert_plain(text: str) -> None:
    """Check that lines are a table, each of as many fields."""
    assert len({line.count("\t") for line in text.split("\n")[:-1]}) == 1
