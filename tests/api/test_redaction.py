"""Credentials in what a server sends: taken out in the spellings that servers use."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from migstat.api.http import Redactor
from migstat.settings.credentials import Secret
from migstat.settings.resolve import Settings

EMAIL = "a@example.com"
TOKENS = ["the-token-of-mine", "ATATT3x_dEf0123456789=1A2B", 'tök/en+&"\\=%41']
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda token: token,
    "as it was sent": lambda token: base64.b64encode(f"{EMAIL}:{token}".encode()).decode(),
    "in a URL": lambda token: quote(token, safe=""),
    "in JSON": lambda token: json.dumps(token)[1:-1],
    "in JSON of UTF-8": lambda token: json.dumps(token, ensure_ascii=False)[1:-1],
    "in JSON of PHP": lambda token: json.dumps(token)[1:-1].replace("/", "\\/"),
}


def redactor(token: str) -> Redactor:
    """A redactor for a token."""
    return Redactor(Settings("https://api.example", False, EMAIL, Secret(token), 15.0, 540, None))


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_likely_spelling_is_masked(token: str, spelling: str) -> None:
    """In texts and in bytes, and nothing else is touched; host names come in lower case."""
    spelt = SPELLINGS[spelling](token)
    assert redactor(token).text(f"<{spelt}> and {spelt.lower()}") == "<***> and ***"
    assert redactor(token).body(f'{{"x": "{spelt}"}}'.encode()) == b'{"x": "***"}'


def test_a_token_that_is_too_short_stays_in_answers() -> None:
    """Its letters occur in any word, so only error texts are cleaned of it."""
    assert redactor("tok").body(b"token") == b"token"
    assert redactor("tok").text("token") == "***en"
    assert redactor("").text("token") == "token"
