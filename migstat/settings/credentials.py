"""Who logs in and with what: the e-mail, and the API token from the first source that is there."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from migstat.errors import CredentialsError, MigstatError, UsageError
from migstat.settings.config import is_readable_by_others
from migstat.settings.keychain import Account, Keychain, NoKeyring

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
    """A file that should hold the token (`-` is standard input), and who named it."""

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
        hint = "It takes the address alone; the token goes into MIGSTAT_TOKEN."
        raise UsageError(f"{source} holds no e-mail address", hint)  # it may hold the token, as in NAME:TOKEN
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
    named = named_token(flag, environ, profile)
    if named is None:
        return _token_of_keychain(account(), keychain)
    if isinstance(named, TokenFile):
        return token_of_file(named, stdin)
    return Token(secret_of(environ[named], named), named)


def named_token(
    flag: TokenFile | None, environ: Mapping[str, str], profile: TokenFile | None
) -> TokenFile | str | None:
    """What is asked for the token before the keyring is: a file, or the variable that holds it."""
    if flag is not None:
        return flag
    if environ.get("MIGSTAT_TOKEN"):
        return "MIGSTAT_TOKEN"
    if environ.get("MIGSTAT_TOKEN_FILE"):
        return TokenFile(environ["MIGSTAT_TOKEN_FILE"], "MIGSTAT_TOKEN_FILE")
    return profile


def token_of_file(named: TokenFile, stdin: Callable[[], str]) -> Token:
    """The token that a file holds, `-` being standard input. Raises CredentialsError."""
    path, source = named.path, named.source
    shown = f"standard input ({source} -)" if path == "-" else f"{path} ({source})"
    what = shown if path == "-" else f"{source}: {path!r}"
    try:
        text, mode = (stdin(), None) if path == "-" else _text_and_mode(path)
    except UnicodeDecodeError as error:  # its text would show bytes of the file
        raise CredentialsError(f"{what} holds no API token: it is no text") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        if may_be_token(path):
            hint = "If that is the token itself: put it into MIGSTAT_TOKEN, or into a file that only you can read."
            raise CredentialsError(f"{source} names no file that can be read", hint) from error
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise CredentialsError(f"{what} cannot be read: {reason}") from error
    warnings = _warnings_about(path, mode) if mode is not None else ()
    return Token(secret_of(text, shown), shown, warnings)


def _text_and_mode(path: str) -> tuple[str, int]:
    with Path(path).open(encoding="utf-8") as file:
        return file.read(LONGEST_TOKEN), os.fstat(file.fileno()).st_mode


def may_be_token(text: str) -> bool:
    """Whether this is one long word, as nobody calls a file or a host: a message must not show it."""
    return re.fullmatch(r"[\w=+-]{20,}", text.strip()) is not None


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
