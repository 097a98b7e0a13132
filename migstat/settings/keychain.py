"""The API token in the system's keyring, kept by account: API and e-mail.

The library that speaks to keyrings is an extra and is imported only when a keyring is asked. One that is locked may
wait for a person for ever, so that every question has a time limit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from migstat.errors import CredentialsError

ANSWERS_WITHIN = 30.0
"""Seconds: long enough to type a keyring's password."""

NOTICE_AFTER = 1.0
"""Seconds of silence after which a person is told what is waited for."""

WITHOUT = "To do without: set MIGSTAT_TOKEN, or MIGSTAT_TOKEN_FILE to a file that only you can read."

_T = TypeVar("_T")


class Account(NamedTuple):
    """Whose token it is."""

    base_url: str
    email: str

    @property
    def service(self) -> str:
        """The name under which keyrings show it."""
        return f"migstat {self.base_url}"


class NoKeyring(CredentialsError):
    """There is no keyring, or the extra that speaks to it is not installed."""


class Keychain:
    """The keyring of this user. Every method raises NoKeyring, or CredentialsError where the keyring fails."""

    def __init__(self, limit: float = ANSWERS_WITHIN, notice: Callable[[str], None] = lambda _: None) -> None:
        """Wait for an answer `limit` seconds at most; `notice` is told when it takes a while."""
        self._limit = limit
        self._notice = notice

    def recall(self, account: Account) -> str | None:
        """The token, where one is kept."""

        def recalled() -> str | None:
            import keyring

            return keyring.get_password(account.service, account.email)

        return self._ask(recalled)

    def keep(self, account: Account, token: str) -> None:
        """Keep the token; read it back before that is believed."""

        def kept() -> bool:
            import keyring

            keyring.set_password(account.service, account.email, token)
            return keyring.get_password(account.service, account.email) == token

        if not self._ask(kept):
            raise CredentialsError("the keyring did not keep the token", WITHOUT)

    def forget(self, account: Account) -> bool:
        """Remove the token; whether there was one."""

        def forgotten() -> bool:
            import keyring

            there = keyring.get_password(account.service, account.email) is not None
            if there:
                keyring.delete_password(account.service, account.email)
            return there

        return self._ask(forgotten)

    def name(self) -> str:
        """What the keyring is called."""

        def named() -> str:
            import keyring
            from keyring.backends import fail, null

            backend = keyring.get_keyring()
            if isinstance(backend, fail.Keyring | null.Keyring):
                raise NoKeyring("this machine has no keyring that can be used", WITHOUT)
            return str(backend.name)

        return self._ask(named)

    def _ask(self, question: Callable[[], _T]) -> _T:
        """Ask in a thread of its own, which is left behind where no answer comes."""
        import queue
        import threading

        answers: queue.SimpleQueue[tuple[_T | None, BaseException | None]] = queue.SimpleQueue()

        def asked() -> None:
            try:
                answers.put((question(), None))
            except BaseException as error:  # noqa: BLE001  backends raise whatever they like
                answers.put((None, error))

        threading.Thread(target=asked, daemon=True).start()
        patience = min(NOTICE_AFTER, self._limit)
        try:
            try:
                answer, error = answers.get(timeout=patience)
            except queue.Empty:
                self._notice("waiting for the keyring: does it ask for its password?")
                answer, error = answers.get(timeout=self._limit - patience)
        except queue.Empty:
            told = f"the keyring did not answer within {self._limit:g} s"
            raise CredentialsError(told, f"Unlock it and try again. {WITHOUT}") from None
        if error is not None:
            raise _told(error) from None  # what a backend says may hold the token
        return answer  # type: ignore[return-value]  # an answer without an error is the question's


def _told(error: BaseException) -> CredentialsError:
    """What the backend's failure means; its own words stay out of it."""
    if isinstance(error, CredentialsError):
        return error
    if isinstance(error, ImportError) and error.name == "keyring":
        return NoKeyring("the keyring needs the extra: pip install 'migstat[keyring]'", WITHOUT)
    if type(error).__name__ == "NoKeyringError":
        return NoKeyring("this machine has no keyring that can be used", WITHOUT)
    if type(error).__name__ == "KeyringLocked":
        return CredentialsError("the keyring is locked", f"Unlock it and try again. {WITHOUT}")
    return CredentialsError(f"the keyring failed ({type(error).__name__})", WITHOUT)
