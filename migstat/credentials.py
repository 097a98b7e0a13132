"""Who logs in and with what: the e-mail, and the API token from the first source that is there."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from migstat.config import is_readable_by_others
from migstat.errors import CredentialsError, MigstatError, UsageError
from migstat.keychain import Account, Keychain, NoKeyring

LONGEST_TOKEN = 65536
"""Characters that are read of a file that should hold a token."""


class Secret:
    """A text that shows itself to nobody but who asks by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the request's header only."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__


class Token(msgspec.Struct, frozen=True):
    """An API token, which source it came from, and warnings about that."""

    secret: Secret
    source: str
    warnings: tuple[str, ...] = ()


class TokenFile(msgspec.Struct, frozen=True):
    """A file that should hold the token, and who named it."""

    path: str
    source: str


def email_from(chosen: tuple[str, str] | None) -> str:
    """The e-mail out of its text and source. Raises CredentialsError where none is given, UsageError for nonsense."""
    if chosen is None:
        raise CredentialsError(
            "no e-mail of an Atlassian account",
            "Set MIGSTAT_EMAIL, and MIGSTAT_TOKEN or --token-file FILE. Or: migstat auth login",
        )
    text, source = chosen[0].strip(), chosen[1]
    if not text or ":" in text or not text.isprintable():
        raise UsageError(f"{source}: {text!r} is no e-mail address")
    return text


def token_from(
    flag: TokenFile | None,
    environ: Mapping[str, str],
    profile: TokenFile | None,
    account: Callable[[], Account],
    stdin: Callable[[], str],
    keychain: Keychain | None,
) -> Token:
    """The token from the first source that is there; `account` is asked for with the keyring only.

    Raises CredentialsError where none is, or the first is unusable.
    """
    if flag is not None:
        return token_of_file(flag, stdin)
    if environ.get("MIGSTAT_TOKEN"):
        return Token(secret_of(environ["MIGSTAT_TOKEN"], "MIGSTAT_TOKEN"), "MIGSTAT_TOKEN")
    if environ.get("MIGSTAT_TOKEN_FILE"):
        return token_of_file(TokenFile(environ["MIGSTAT_TOKEN_FILE"], "MIGSTAT_TOKEN_FILE"), stdin)
    if profile is not None:
        return token_of_file(profile, stdin)
    return _token_of_keychain(account(), keychain)


def token_of_file(named: TokenFile, stdin: Callable[[], str]) -> Token:
    """The token that a file holds, `-` being standard input. Raises CredentialsError."""
    path, source = named.path, named.source
    shown = f"standard input ({source} -)" if path == "-" else f"{path} ({source})"
    if path == "-":
        return Token(secret_of(stdin(), shown), shown)
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(LONGEST_TOKEN)
            mode = os.fstat(file.fileno()).st_mode
    except UnicodeDecodeError as error:  # its text would show bytes of the file
        raise CredentialsError(f"{source}: {path!r} holds no API token: it is no text") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise CredentialsError(f"{source}: {path!r} cannot be read: {reason}") from error
    return Token(secret_of(text, shown), shown, _warnings_about(path, mode))


def secret_of(text: str, source: str) -> Secret:
    """The token in a text. Raises CredentialsError, which does not show it, for what is none."""
    token = text.strip()
    if not token:
        raise CredentialsError(f"{source} holds no API token")
    if not token.isprintable() or " " in token:
        raise CredentialsError(
            f"{source} holds more than one word, so no API token", "It must hold the token and nothing else."
        )
    return Secret(token)


def _token_of_keychain(account: Account, keychain: Keychain | None) -> Token:
    """The token that `auth login` kept. Raises CredentialsError."""
    try:
        token = keychain.recall(account) if keychain else None
    except NoKeyring:
        token = None
    except MigstatError as error:
        raise CredentialsError(f"no API token: {error.message}", error.hint) from error
    if token is None:
        hint = "migstat auth login keeps one; or set MIGSTAT_TOKEN, or give --token-file FILE (- reads standard input)."
        raise CredentialsError("no API token", hint)
    return Token(secret_of(token, "the keyring"), "the keyring")


def _warnings_about(path: str, mode: int) -> tuple[str, ...]:
    if not is_readable_by_others(mode) or not stat.S_ISREG(mode):
        return ()
    return (f"other users can read the token in {path}: chmod 600 {path}",)
