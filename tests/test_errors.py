"""The exception tree: codes, messages, hints, and its drawing."""

from __future__ import annotations

import inspect

import pytest

from migstat import errors
from migstat.errors import ApiError, BadAnswer, MigstatError

CODES = {
    "UsageError": "usage",
    "CredentialsError": "no-credentials",
    "OutputError": "output",
    "Interrupted": "interrupted",
    "TaskFailed": "task-failed",
    "Unreachable": "unreachable",
    "UntrustedServer": "untrusted-server",
    "RateLimited": "rate-limited",
    "BadAnswer": "bad-answer",
    "BadRequest": "bad-request",
    "Incomplete": "incomplete",
    "Refused": "refused",
    "NotFound": "not-found",
}
OF_THE_API = (
    "Unreachable", "UntrustedServer", "RateLimited", "BadAnswer", "BadRequest", "Incomplete", "Refused", "NotFound",
)  # fmt: skip


def classes() -> dict[str, type[MigstatError]]:
    """All error classes of the module by name."""
    members = inspect.getmembers(errors, inspect.isclass)
    return {name: kind for name, kind in members if issubclass(kind, MigstatError)}


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_each_error_has_the_code_that_scripts_rely_on(name: str, code: str) -> None:
    """The code of an error is a promise."""
    assert classes()[name].code == code


def test_no_two_errors_share_a_code() -> None:
    """A script can tell every error from every other."""
    codes = [kind.code for kind in classes().values()]
    assert len(set(codes)) == len(codes)


def test_the_table_above_knows_every_error() -> None:
    """An error that is added is given a code on purpose."""
    assert set(classes()) == {*CODES, "MigstatError", "ApiError"}


def test_what_the_api_did_is_an_api_error_and_nothing_else_is() -> None:
    """One base class covers all that can go wrong between the program and the API."""
    below = {name for name, kind in classes().items() if issubclass(kind, ApiError)} - {"ApiError"}
    assert below == set(OF_THE_API)
    assert issubclass(errors.BadRequest, BadAnswer)


def test_the_drawn_tree_names_every_error_with_its_code() -> None:
    """The docstring's drawing cannot rot."""
    drawing = errors.__doc__ or ""
    for name, code in CODES.items():
        line = next(line for line in drawing.splitlines() if name in line.split())
        assert code in line.split()


def test_an_error_holds_message_and_hint() -> None:
    """The message says what happened, the hint what to do, and the text of the error is the message alone."""
    error = errors.NotFound("there is no job x", "Check the id.")
    assert (error.message, error.hint, str(error)) == ("there is no job x", "Check the id.", "there is no job x")
    assert errors.NotFound("there is no job x").hint == ""


def test_no_error_knows_an_exit_code() -> None:
    """Exit codes are the command line's business."""
    assert not [name for kind in classes().values() for name in vars(kind) if "exit" in name.lower()]
