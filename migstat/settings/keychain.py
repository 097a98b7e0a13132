"""Stored API tokens, by account: in the system's keyring or, on machines without one, in a file of the user's own.

The keyring library is an extra and imported only when needed. A locked keyring may wait for a person forever, so every
call has a time limit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar, cast

import msgspec

from migstat.errors import CredentialsError, OutputError, reason
from migstat.files.places import user_folder
from migstat.files.whole import exclusively, write_whole
from migstat.settings.config import display_path

ANSWERS_WITHIN = 30.0
"""Seconds: long enough to type a keyring's password."""

NOTICE_AFTER = 1.0
"""Seconds of silence after which the user learns what the program waits for."""

WITHOUT = "Instead, set MIGSTAT_TOKEN, or MIGSTAT_TOKEN_FILE to a file that only you can read."

_T = TypeVar("_T")


class Account(msgspec.Struct, frozen=True):
    """The API and the e-mail that a token belongs to."""

    base_url: str
    email: str

    @property
    def service(self) -> str:
        """The name that keyrings show."""
        return f"migstat {self.base_url}"


class NoKeyring(CredentialsError):
    """This machine has no keyring, or the extra that talks to it is not installed."""


class Keychain(msgspec.Struct, frozen=True):
    """The stored tokens of this user, in `file` if there is no keyring.

    A call takes `limit` seconds at most; `notice` hears of long ones. Methods raise CredentialsError if the keyring or
    the file fails.
    """

    file: Path
    limit: float = ANSWERS_WITHIN
    notice: Callable[[str], None] = lambda _: None

    @classmethod
    def of_user(cls, environ: Mapping[str, str], notice: Callable[[str], None] = lambda _: None) -> Keychain:
        """The keyring of this user, or the file below the config folder."""
        return cls(Path(user_folder(environ, "config"), "credentials.toml"), notice=notice)

    def recall(self, account: Account) -> tuple[str, str] | None:
        """The token and where it is stored, if it is."""
        # The file comes first: it is fast to read, and holds only tokens that no keyring took.
        token = self._read().get(account.base_url, {}).get(account.email)
        if isinstance(token, str):
            return token, display_path(self.file)
        try:
            token = self._ask(lambda keyring: keyring.get_password(account.service, account.email))
        except NoKeyring:
            return None
        return None if token is None else (token, "the keyring")

    def keep(self, account: Account, token: str) -> str:
        """Store the token and return where; it is read back to make sure."""

        def kept(keyring: Any) -> str | None:
            from keyring.backends import fail, null

            backend = keyring.get_keyring()
            if isinstance(backend, fail.Keyring | null.Keyring):  # the null one would swallow the token
                raise NoKeyring("this machine has no usable keyring")
            keyring.set_password(account.service, account.email, token)
            return str(backend.name) if keyring.get_password(account.service, account.email) == token else None

        try:
            name = self._ask(kept)
        except NoKeyring:
            self._write(account, token)
            return f"{display_path(self.file)}, which only you can read"
        if name is None:
            raise CredentialsError("the keyring did not keep the token", WITHOUT)
        self._write(account, None)
        return f"the keyring ({name})"

    def forget(self, account: Account) -> list[str]:
        """Remove the token; the places that it was removed from."""

        def forgotten(keyring: Any) -> bool:
            there = keyring.get_password(account.service, account.email) is not None
            if there:
                keyring.delete_password(account.service, account.email)
            return there

        places = [display_path(self.file)] if self._write(account, None) else []
        try:
            return [*places, "the keyring"] if self._ask(forgotten) else places
        except NoKeyring:
            return places

    def _read(self) -> dict[str, Any]:
        if not self.file.is_file():
            return {}
        import tomlkit

        try:
            content: dict[str, Any] = tomlkit.parse(self.file.read_text(encoding="utf-8")).unwrap()
        except (OSError, ValueError) as error:  # its text stays out of the message, as it contains tokens
            what = reason(error) if isinstance(error, OSError) else "it is damaged"
            message = f"cannot read {display_path(self.file)}: {what}"
            raise CredentialsError(message, "Log in again after you have removed it.") from None
        return {name: entry for name, entry in content.items() if isinstance(entry, dict)}

    def _write(self, account: Account, token: str | None) -> bool:
        """Set or remove one token in the file; False if nothing changed."""
        if token is None and not self.file.exists():
            return False
        import tomlkit

        try:
            with exclusively(self.file):
                content = self._read()
                tokens = content.setdefault(account.base_url, {})
                before = tokens.pop(account.email, None)
                if token is not None:
                    tokens[account.email] = token
                if before == token:
                    return False
                write_whole(self.file, tomlkit.dumps({url: entry for url, entry in content.items() if entry}))
        except OSError as error:
            raise OutputError(f"cannot write {self.file}: {reason(error)}", WITHOUT) from error
        return True

    def _ask(self, question: Callable[[Any], _T]) -> _T:
        """Ask the keyring library in a thread of its own, which is abandoned if no answer comes."""
        # Not a Future, whose lock an interrupt at the wrong moment leaves broken.
        answers: SimpleQueue[tuple[_T, None] | tuple[None, BaseException]] = SimpleQueue()

        def ask() -> None:
            try:
                import keyring

                answers.put((question(keyring), None))
            except BaseException as error:  # noqa: BLE001  backends raise whatever they like, even SystemExit
                answers.put((None, error))

        # A keyring that waits for a person must delay neither Ctrl-C nor the exit, as threads of a pool would.
        threading.Thread(target=ask, daemon=True).start()
        patience = min(NOTICE_AFTER, self.limit)
        try:
            try:
                answer, error = answers.get(timeout=patience)
            except Empty:
                self.notice("waiting for the keyring; it may be asking for its password")
                answer, error = answers.get(timeout=self.limit - patience)
        except Empty:
            message = f"the keyring did not answer within {self.limit:g} s"
            raise CredentialsError(message, f"Unlock it and try again. {WITHOUT}") from None
        if error is not None:
            raise _translated(error) from None  # a backend's own words may contain the token
        return cast(_T, answer)


def _translated(error: BaseException) -> CredentialsError:
    if isinstance(error, CredentialsError):
        return error
    if isinstance(error, ImportError) and error.name == "keyring":
        return NoKeyring("the keyring extra is not installed")
    match type(error).__name__:  # the library may not be there to import its errors from
        case "NoKeyringError":
            return NoKeyring("this machine has no usable keyring")
        case "KeyringLocked":
            return CredentialsError("the keyring is locked", f"Unlock it and try again. {WITHOUT}")
        case name:
            return CredentialsError(f"the keyring failed ({name})", WITHOUT)
