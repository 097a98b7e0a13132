"""Holds what the program prints against its own JSON Schemas."""

from __future__ import annotations

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
    """Hold a document, or with `definition` a part of one, against the schema of its kind."""
    error = best_match(validator(kind, definition).iter_errors(document))
    assert error is None, f"{kind}, {error.json_path}: {error.message}"
