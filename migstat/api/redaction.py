"""Takes the credentials out of what a server sent: debugging proxies and error pages repeat what they were asked."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote

from migstat.settings.resolve import Settings

MASK = "***"
SHORTEST = 8
"""Characters of a token below which it may occur in an answer by chance; no real token is that short."""


class Redactor:
    """Knows the spellings of the credentials that a server is likely to use."""

    def __init__(self, settings: Settings) -> None:
        token = settings.token.reveal()
        in_url = quote(token, safe="")
        in_json = json.dumps(token)[1:-1]
        spellings = (
            token,
            base64.b64encode(f"{settings.email}:{token}".encode()).decode(),
            in_url,
            re.sub("%..", lambda match: match[0].lower(), in_url),
            in_json,
            in_json.replace("/", "\\/"),
            json.dumps(token, ensure_ascii=False)[1:-1],
        )
        known = sorted(filter(None, set(spellings)), key=len, reverse=True)
        # host names come out in lower case
        self._pattern = re.compile("|".join(map(re.escape, known)) or "(?!)", re.IGNORECASE)
        self._bytes = [each.encode() for each in known if len(each) >= SHORTEST]

    def text(self, text: str) -> str:
        """The text of an error or a log line without them."""
        return self._pattern.sub(MASK, text)

    def body(self, body: bytes) -> bytes:
        """The bytes of an answer without them, before anything decodes or quotes them."""
        for spelling in self._bytes:
            body = body.replace(spelling, MASK.encode())
        return body
