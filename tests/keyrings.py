"""Keyrings for tests: in another process by PYTHON_KEYRING_BACKEND=tests.keyrings.NAME, in this one by `in_force`.

Kept works, with the file that KEYRING_FILE names; the others fail.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keyring
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError


class Kept(KeyringBackend):
    """Keeps passwords in a JSON file: service, then user."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the library's has no types

    def _passwords(self) -> dict[str, dict[str, str]]:
        file = Path(os.environ["KEYRING_FILE"])
        read: dict[str, dict[str, str]] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        return read

    def get_password(self, service: str, username: str) -> str | None:
        return self._passwords().get(service, {}).get(username)

    def set_password(self, service: str, username: str, password: str | None) -> None:
        passwords = self._passwords()
        of_service = passwords.setdefault(service, {})
        of_service.pop(username, None)
        if password is not None:
            of_service[username] = password
        Path(os.environ["KEYRING_FILE"]).write_text(json.dumps(passwords), encoding="utf-8")

    def delete_password(self, service: str, username: str) -> None:
        if self.get_password(service, username) is None:
            raise PasswordDeleteError("not found")
        self.set_password(service, username, None)


class Locked(Kept):
    def _passwords(self) -> dict[str, dict[str, str]]:
        raise KeyringLocked("Failed to unlock the collection!")


class Hanging(Kept):
    """Waits forever to be unlocked."""

    def _passwords(self) -> dict[str, dict[str, str]]:
        threading.Event().wait()
        return {}


class OddError(Exception):
    """An error that only this keyring knows."""


class Odd(Kept):
    """Raises an unexpected error with the password in its text."""

    def _passwords(self) -> dict[str, dict[str, str]]:
        raise OddError(os.environ["KEYRING_SECRET"])


class Ending(Kept):
    """Tries to end the process, with the password as its last words."""

    def _passwords(self) -> dict[str, dict[str, str]]:
        raise SystemExit(os.environ["KEYRING_SECRET"])


class Forgetful(Kept):
    """Claims to have kept a password."""

    def set_password(self, service: str, username: str, password: str | None) -> None:
        """Do nothing."""


@contextmanager
def in_force(backend: KeyringBackend) -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(backend)
    try:
        yield
    finally:
        keyring.set_keyring(before)


def environ_of(backend: type[KeyringBackend], file: Path) -> dict[str, str]:
    return {
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "PYTHON_KEYRING_BACKEND": f"tests.keyrings.{backend.__name__}",
        "KEYRING_FILE": str(file),
    }
