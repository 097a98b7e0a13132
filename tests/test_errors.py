"""The exception tree: codes, messages, hints, and its drawing."""

from __future__ import annotations

import inspect

import pytest

from migstat import errors
from migstat.errors import ApiError, MigstatError

CODES = {
    "UsageError": "usage", "CredentialsError": "no-credentials", "OutputError": "output", "Interrupted": "interrupted",
    "TaskFailed": "task-failed",
}  # fmt: skip
CODES_OF_THE_API = {
    "Unreachable": "unreachable", "UntrustedServer": "untrusted-server", "RateLimited": "rate-limited",
    "BadAnswer": "bad-answer", "BadRequest": "bad-request", "Incomplete": "incomplete", "Refused": "refused",
    "NotFound": "not-found",
}  # fmt: skip


@pytest.mark.parametrize(("base", "codes"), [(ApiError, CODES_OF_THE_API), (MigstatError, CODES | CODES_OF_THE_API)])
def test_every_error_has_the_code_that_scripts_rely_on(base: type[MigstatError], codes: dict[str, str]) -> None:
    """The code of an error is a promise, and one base class covers all that goes wrong with the API."""
    members = inspect.getmembers(errors, inspect.isclass)
    kinds = {name: kind.code for name, kind in members if issubclass(kind, base)}
    assert {name: code for name, code in kinds.items() if name not in ("MigstatError", "ApiError")} == codes
    assert len(set(kinds.values())) == len(kinds)
    drawn = [line.split()[-2:] for line in (errors.__doc__ or "").splitlines()]
    assert not [name for name, code in codes.items() if [name, code] not in drawn]


def test_an_error_holds_message_and_hint_without_the_token() -> None:
    """The text of the error is the message alone, and a token that was pasted into either is masked."""
    error = errors.NotFound("no job ATATT3xFf=12", "Check ATATT3xFf=12.")
    assert (error.message, error.hint, str(error)) == ("no job ***", "Check ***.", "no job ***")
    assert errors.NotFound("no job x").hint == ""
