"""The token in the system's keyring: the real library, with keyrings that work and keyrings that make trouble."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from migstat.settings.keychain import ANSWERS_WITHIN, WITHOUT, Account, Keychain
from tests.command_line import hermetic

ROOT = Path(__file__).parents[1]
TOKEN = "ATATT3xFfGF0-s3cr3t"
ACCOUNT = Account("https://api.atlassian.com", "you@example.com")

WITHOUT_THE_EXTRA = "the keyring needs the extra: pip install 'migstat[keyring]'"

ASKS = """
import json, sys
for name in {blocked}:
    sys.modules[name] = None
from migstat.errors import MigstatError
from migstat.settings.keychain import Account, Keychain
if {limit} < 1:
    import keyring
    keyring.get_keyring()  # the limit of such a test is for the keyring alone
notices = []
chain = Keychain(limit={limit}, notice=notices.append)
account = Account("https://api.atlassian.com", "you@example.com")
def answer(ask, *words):
    try:
        return {{"answer": ask(*words)}}
    except MigstatError as error:
        return {{"error": type(error).__name__, "message": error.message, "hint": error.hint}}
told = {{"name": answer(chain.name), "recall": answer(chain.recall, account)}}
if notices == []:
    told["keep"] = answer(chain.keep, account, {token!r})
    told["again"] = answer(chain.recall, account)
    told["forget"] = answer(chain.forget, account)
    told["twice"] = answer(chain.forget, account)
    told["after"] = answer(chain.recall, account)
told["notices"] = notices
print(json.dumps(told))
"""


def asked(backend: str, tmp_path: Path, *, limit: float = ANSWERS_WITHIN, blocked: tuple[str, ...] = ()) -> Any:
    """Ask a keyring everything, in a process of its own; what it answers, and how it ended."""
    environ = {
        "PYTHONPATH": str(ROOT),
        "PYTHON_KEYRING_BACKEND": backend,
        "KEYRING_FILE": str(tmp_path / "keyring.json"),
        "KEYRING_SECRET": TOKEN,
        "HOME": str(tmp_path),
    }
    code = ASKS.format(blocked=blocked, limit=limit, token=TOKEN)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=hermetic() | environ,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    for answer in told.values():
        assert TOKEN not in f"{answer.get('message')}{answer.get('hint')}" if isinstance(answer, dict) else True
    return told


def test_a_keyring_keeps_what_it_is_given(tmp_path: Path) -> None:
    """The token is kept, found again, removed once, and then it is not there; each account has its own."""
    file = tmp_path / "keyring.json"
    file.write_text(json.dumps({"migstat https://eu.example": {"you@example.com": "other"}}), encoding="utf-8")
    told = asked("tests.keyrings.Kept", tmp_path)
    assert told.pop("notices") == []
    assert {name: answer["answer"] for name, answer in told.items()} == {
        "name": "keyrings Kept",
        "recall": None,
        "keep": None,
        "again": TOKEN,
        "forget": True,
        "twice": False,
        "after": None,
    }
    left = json.loads(file.read_text(encoding="utf-8"))
    assert left["migstat https://eu.example"] == {"you@example.com": "other"}


def test_the_service_is_named_after_program_and_api() -> None:
    """In the keyring's own window one sees whose token it is."""
    assert ACCOUNT.service == "migstat https://api.atlassian.com"


@pytest.mark.parametrize(
    ("backend", "blocked", "error", "message"),
    [
        ("keyring.backends.fail.Keyring", (), "NoKeyring", "this machine has no keyring that can be used"),
        ("tests.keyrings.Kept", ("keyring",), "NoKeyring", WITHOUT_THE_EXTRA),
        ("tests.keyrings.Locked", (), "CredentialsError", "the keyring is locked"),
        ("tests.keyrings.Odd", (), "CredentialsError", "the keyring failed (OddError)"),
        ("tests.keyrings.Ending", (), "CredentialsError", "the keyring failed (SystemExit)"),
        ("nosuch.module.Keyring", (), "CredentialsError", "the keyring failed (ModuleNotFoundError)"),
        ("tests.keyrings.Nobody", (), "CredentialsError", "the keyring failed (AttributeError)"),
    ],
)  # fmt: skip
def test_trouble_is_told_without_the_token(
    tmp_path: Path, backend: str, blocked: tuple[str, ...], error: str, message: str
) -> None:
    """Without the library, without a keyring, with a locked and with an odd one, every question ends in our error."""
    told = asked(backend, tmp_path, blocked=blocked)
    questions = ["recall", "keep", "again", "forget", "twice", "after"]
    for question in questions:
        assert (told[question].get("error"), told[question].get("message")) == (error, message)
        assert told[question]["hint"].endswith(WITHOUT)
    assert TOKEN not in json.dumps(told)
    if error == "NoKeyring":
        assert told["name"]["message"] == message


def test_a_keyring_that_keeps_nothing_is_none(tmp_path: Path) -> None:
    """The keyring that throws everything away is told before anybody types, and is not believed afterwards."""
    told = asked("keyring.backends.null.Keyring", tmp_path)
    assert told["name"]["error"] == "NoKeyring"
    assert told["keep"]["message"] == "the keyring did not keep the token"


def test_what_was_lost_is_told(tmp_path: Path) -> None:
    """A keyring that says that it has kept the token is asked for it at once."""
    told = asked("tests.keyrings.Forgetful", tmp_path)
    assert told["name"] == {"answer": "keyrings Forgetful"}
    assert told["keep"] == {
        "error": "CredentialsError",
        "message": "the keyring did not keep the token",
        "hint": WITHOUT,
    }
    assert told["forget"] == {"answer": False}


def test_a_keyring_that_hangs_is_left(tmp_path: Path) -> None:
    """No question lasts longer than the limit; it is told meanwhile, and the process ends although one still waits."""
    told = asked("tests.keyrings.Hanging", tmp_path, limit=0.2)
    assert told["recall"] == {
        "error": "CredentialsError",
        "message": "the keyring did not answer within 0.2 s",
        "hint": f"Unlock it and try again. {WITHOUT}",
    }
    assert told["notices"] == ["waiting for the keyring: does it ask for its password?"]


def test_a_question_is_asked_in_time_by_default() -> None:
    """Unless told otherwise, a person has half a minute to type a password."""
    assert ANSWERS_WITHIN == 30.0
    assert Keychain()._limit == ANSWERS_WITHIN
