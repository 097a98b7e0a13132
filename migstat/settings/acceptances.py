"""The file of accepted checks: TOML with a table per check, meant to be kept in git.

[DuplicateEmail]
reason = "merged on purpose, CHG-4711"
by = "Maria"
until = 2026-12-01
occurrences = 3
"""

from __future__ import annotations

from datetime import date, datetime

from migstat.errors import UsageError, reason
from migstat.model.acceptance import Acceptance, Acceptances
from migstat.settings.config import display_path, dotted, read_text
from migstat.settings.resolve import Chosen
from migstat.settings.values import closest_match

_KEYS = {
    "reason": "a non-empty string",
    "by": "a non-empty string",
    "until": "a date such as 2026-12-01, without quotes",
    "occurrences": "a whole number, 0 or more",
}
_NEEDED = {
    "reason": "Say why, for later readers.",
    "until": "Add the last day on which it is accepted, such as until = 2026-12-01.",
}
_NAMES = {bool: "true or false", datetime: "a date with a time", str: "a string", float: "a fraction", list: "a list"}


def acceptances_from(chosen: Chosen | None) -> Acceptances | None:
    """The accepted checks of a file, which flag or profile name; None if neither does.

    Raises UsageError, which names file, key and type, for a file that cannot be read or is invalid.
    """
    if chosen is None:
        return None
    import tomllib

    file, source = chosen
    shown = display_path(file)
    try:
        content = tomllib.loads(read_text(file, f"{source}: "))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{source}: {shown}: invalid TOML: {error}"[:300], _EXAMPLE) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        hint = "Name a TOML file with a table for each accepted check; 'migstat help ci' shows one."
        raise UsageError(f"{source}: cannot read {file!r}: {reason(error)}", hint) from error
    return Acceptances(shown, {name: _acceptance(shown, name, entry) for name, entry in content.items()})


_EXAMPLE = 'For example: [DuplicateEmail] with reason = "merged on purpose" and until = 2026-12-01 below it.'


def _acceptance(file: str, name: str, entry: object) -> Acceptance:
    if not isinstance(entry, dict):
        raise UsageError(f"{file}: {dotted((name,))}: must be a table, not {_type(entry)}", _EXAMPLE)
    for key, value in entry.items():
        where = f"{file}: {dotted((name, key))}"
        if key not in _KEYS:
            close = closest_match(key, _KEYS)
            raise UsageError(
                f"{where}: unknown key", f"Did you mean {close}?" if close else f"Keys: {', '.join(_KEYS)}."
            )
        if key == "until":  # TOML has dates, so that no other spelling need be understood
            fits = isinstance(value, date) and not isinstance(value, datetime)
        elif key == "occurrences":
            fits = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        else:
            fits = isinstance(value, str) and bool(value.strip())
        if not fits:
            raise UsageError(f"{where}: must be {_KEYS[key]}, not {_type(value)}")
    for key, hint in _NEEDED.items():
        if key not in entry:
            raise UsageError(f"{file}: {dotted((name,))} has no {key}", hint)
    return Acceptance(**entry)


def _type(value: object) -> str:
    if isinstance(value, str) and not value.strip():
        return "an empty string"
    return _NAMES.get(type(value), "a table" if isinstance(value, dict) else str(value))
