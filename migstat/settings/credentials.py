"""The API token, as a file or a text holds it."""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Callable
from typing import Any

import msgspec

from migstat.errors import CredentialsError, reason
from migstat.settings.values import may_be_token

MAX_TOKEN_LENGTH = 65536
"""Characters that are read of a file that should contain a token."""

_EMAIL = re.compile(r"[^@]+@[^@]+\.[a-zA-Z]{2,}")


class Token(msgspec.Struct, frozen=True):
    """An API token, the source it came from, and warnings about that. Printing a token does not show its `secret`."""

    secret: str
    source: str = ""
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Token(***, {self.source!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("secret", "***"), ("source", self.source)]


def token_of_file(path: str, source: str, stdin: Callable[[], str]) -> Token:
    """The token in a file that `source` names, `-` being standard input. Raises CredentialsError."""
    shown = f"standard input ({source} -)" if path == "-" else f"{path} ({source})"
    what = shown if path == "-" else f"{source}: {path!r}"
    try:
        if path == "-":
            text, mode = stdin(), 0
        else:
            with open(path, encoding="utf-8") as file:  # noqa: PTH123  pathlib refuses some names with other errors
                text, mode = file.read(MAX_TOKEN_LENGTH), os.fstat(file.fileno()).st_mode
    except UnicodeDecodeError as error:  # its text would show bytes of the file
        raise CredentialsError(f"{what} does not contain an API token: it is not text") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        if may_be_token(os.path.basename(path)):  # noqa: PTH119  of a profile the path was made absolute
            hint = "If that is the token itself, put it into MIGSTAT_TOKEN, or into a file that only you can read."
            raise CredentialsError(f"{source} is not the name of a readable file", hint) from error
        raise CredentialsError(f"cannot read {what}: {reason(error)}") from error
    others = os.name == "posix" and stat.S_ISREG(mode) and mode & 0o044
    warnings = (f"other users can read the token in {path}: chmod 600 {shlex.quote(path)}",) if others else ()
    return token_of(text.removeprefix("\ufeff"), shown, warnings)


def token_of(text: str, source: str, warnings: tuple[str, ...] = ()) -> Token:
    """The token in a text. Raises CredentialsError, which does not show the text, for anything else."""
    token = text.strip()
    if not token:
        raise CredentialsError(f"{source} does not contain an API token")
    if not token.isprintable() or " " in token:
        raise CredentialsError(
            f"{source} contains more than one word", "It must contain the API token and nothing else."
        )
    if _EMAIL.fullmatch(token):
        raise CredentialsError(f"{source} contains an e-mail address, not an API token")
    return Token(token, source, warnings)
