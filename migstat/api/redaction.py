"""Takes the credentials out of what a server sent that may repeat them, as debugging proxies do."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec

from migstat.errors import BadAnswer
from migstat.settings.resolve import Settings

MASK = "***"
_IN_A_PAGE = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})
SHORTEST = 8
"""Characters of a secret below which it stands in an answer by chance; there are no tokens so short."""


class Redactor:
    """Knows the credentials of the settings in every spelling that a server is likely to use."""

    def __init__(self, settings: Settings) -> None:
        token = settings.token.reveal()
        spellings = {token, *_spellings(settings.email, token)}
        spellings |= {each.lower() for each in spellings} | {token.upper()}
        self._long = tuple(sorted((each for each in spellings if len(each) >= SHORTEST), key=len, reverse=True))
        self._all = tuple(filter(None, (*self._long, token)))

    def text(self, text: str) -> str:
        """The text of an error without them."""
        for spelling in self._all:
            text = text.replace(spelling, MASK)
        return text

    def body(self, body: bytes) -> bytes:
        """The JSON body of an answer without them, else as it is, like what is no JSON: nobody quotes that.

        Raises BadAnswer for one that is nested too deeply to be looked through.
        """
        if b"\\" not in body and not self._holds(body.decode("utf-8", "replace")):
            return body
        try:
            value = msgspec.json.decode(body)
            return msgspec.json.encode(self._value(value)) if self._holds("\n".join(_texts(value))) else body
        except (msgspec.DecodeError, UnicodeDecodeError):
            return body
        except RecursionError as error:
            raise BadAnswer("the answer is nested too deeply to be read") from error

    def _holds(self, text: str) -> bool:
        return any(spelling in text for spelling in self._long)

    def _value(self, value: Any) -> Any:
        """A JSON value without them, the names in an object included."""
        match value:
            case str():
                return self.text(value)
            case list():
                return [self._value(each) for each in value]
            case dict():
                return {self.text(name): self._value(each) for name, each in value.items()}
        return value


def _spellings(email: str, token: str) -> Iterator[str]:
    """The token in a URL, in JSON, in a page, as bytes that Python shows, in the wrong character set, in base64."""
    data = token.encode()
    in_url = quote(token, safe="")
    yield from (in_url, re.sub("%..", lambda match: match[0].lower(), in_url), quote(token))
    yield from (json.dumps(token)[1:-1], json.dumps(token, ensure_ascii=False)[1:-1])
    yield from (token.translate(_IN_A_PAGE), repr(data)[2:-1], data.decode("latin-1"))
    yield base64.b64encode(f"{email}:{token}".encode()).decode()
    for before in range(3):  # base64 groups by three bytes, so what is inside of a longer text looks one of three ways
        encoded = base64.b64encode(b"\0" * before + data).decode()
        inside = encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        yield from (inside, inside.replace("+", "-").replace("/", "_"), quote(inside, safe=""))


def _texts(value: Any) -> Iterator[str]:
    """All texts of a JSON value, out of which the escapes have been taken."""
    match value:
        case str():
            yield value
        case list():
            for each in value:
                yield from _texts(each)
        case dict():
            for name, each in value.items():
                yield name
                yield from _texts(each)
