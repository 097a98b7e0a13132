"""The file of accepted checks: TOML with a table per check, meant to be kept in git.

[DuplicateEmail]
reason = "merged on purpose, CHG-4711"
by = "Maria"
until = 2026-12-01
occurrences = 3
"""

from __future__ import annotations

from datetime import date, datetime

from migstat.errors import UsageError
from migstat.model.acceptance import Acceptance, Acceptances
from migstat.settings.config import LARGEST, shown_file, spelled
from migstat.settings.resolve import Profile
from migstat.settings.values import reason, refuse_empty

_KEYS = {
    "reason": "a text that is not empty",
    "by": "a text that is not empty",
    "until": "a date such as 2026-12-01, without quotes",
    "occurrences": "a whole number, 0 or more",
}
_NAMES = {bool: "true or false", datetime: "a date with a time", str: "a text", float: "a fraction", list: "a list"}


def acceptances_from(flag: str | None, profile: Profile) -> Acceptances | None:
    """The accepted checks of the file that the flag names, or else the profile; None if neither does.

    Raises UsageError, which names file, key and type, for a file that cannot be read or makes no sense.
    """
    chosen = profile.get("accepted") if flag is None else (refuse_empty(flag, "--accepted"), "--accepted")
    if chosen is None:
        return None
    import tomllib

    file, source = chosen
    try:
        with open(file, "rb") as opened:  # noqa: PTH123  pathlib refuses some names with other errors
            data = opened.read(LARGEST)
        if len(data) == LARGEST:
            raise UsageError(f"{source}: {shown_file(file)} is larger than 1 MiB", "This is not a file of checks.")
        content = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{source}: {shown_file(file)} is not UTF-8", "Save the file as UTF-8.") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{source}: {shown_file(file)}: invalid TOML: {error}"[:300], _EXAMPLE) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        hint = "Name a TOML file with a table for each accepted check."
        raise UsageError(f"{source}: cannot read {file!r}: {reason(error)}", hint) from error
    shown = shown_file(file)
    return Acceptances(shown, {name: _acceptance(shown, name, entry) for name, entry in content.items()})


_EXAMPLE = 'For example: [DuplicateEmail] with reason = "merged on purpose" and until = 2026-12-01 below it.'


def _acceptance(file: str, name: str, entry: object) -> Acceptance:
    if not isinstance(entry, dict):
        raise UsageError(f"{file}: {spelled((name,))}: must be a table, not {_type(entry)}", _EXAMPLE)
    for key, value in entry.items():
        where = f"{file}: {spelled((name, key))}"
        if key not in _KEYS:
            from difflib import get_close_matches

            close = get_close_matches(key, _KEYS, 1)
            raise UsageError(
                f"{where}: unknown key", f"Did you mean {close[0]}?" if close else f"Keys: {', '.join(_KEYS)}."
            )
        if not _fits(key, value):
            raise UsageError(f"{where}: must be {_KEYS[key]}, not {_type(value)}")
    for key in ("reason", "until"):
        if key not in entry:
            hint = (
                "Add the last day on which it is accepted, such as until = 2026-12-01."
                if key == "until"
                else "Say why, for whoever reads it later."
            )
            raise UsageError(f"{file}: {spelled((name,))} has no {key}", hint)
    return Acceptance(**entry)


def _fits(key: str, value: object) -> bool:
    if key == "until":
        return isinstance(value, date) and not isinstance(value, datetime)
    if key == "occurrences":
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return isinstance(value, str) and bool(value.strip())


def _type(value: object) -> str:
    if isinstance(value, str) and not value.strip():
        return "an empty text"
    return _NAMES.get(type(value), "a table" if isinstance(value, dict) else str(value))
