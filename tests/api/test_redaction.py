"""Credentials are taken out of whatever a server says, and nothing else is changed."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migstat.api.redaction import MASK, SHORTEST, Redactor
from migstat.errors import BadAnswer
from migstat.settings.credentials import Secret
from migstat.settings.resolve import Settings

EMAIL = "a@example.com"

tokens = st.text(st.characters(min_codepoint=0x21, exclude_categories=["Cs", "Cc", "Zs"]), min_size=SHORTEST)
digits = st.text(st.sampled_from("0123456789+/=%&<>'\"\\é€"), min_size=SHORTEST, max_size=40)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
words = st.text(st.sampled_from("abc \n\tü😀"), max_size=10)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(words, each, max_size=3),
    max_leaves=6,
)


def redactor(token: str) -> Redactor:
    """A redactor of these credentials."""
    return Redactor(Settings("https://api.example", False, EMAIL, Secret(token), 15.0, 540, None))


@given(tokens, texts, texts)
def test_the_token_is_taken_out_of_any_text(token: str, before: str, behind: str) -> None:
    """As it is, in a URL and in base64 of anything around it, whatever characters it is made of."""
    clean = redactor(token).text
    assert token not in clean(f"{before}{token}{behind}")
    assert quote(token, safe="") not in clean(f"{before}{quote(token, safe='')}{behind}")
    inside = base64.b64encode(f"{before}{token}{behind}".encode()).decode()
    assert MASK in clean(inside)


@given(digits, values, st.booleans())
def test_an_answer_without_the_token_is_not_touched(token: str, value: Any, escapes: bool) -> None:
    """Not a byte of it changes, however it is written."""
    body = json.dumps(value, ensure_ascii=escapes, indent=1).encode()
    assert redactor(token).body(body) == body


@given(digits, values, st.booleans())
def test_an_answer_with_the_token_stays_json(token: str, value: Any, escapes: bool) -> None:
    """The token is gone from values and names, and all else is what it was."""
    content = {"there": value, token: [token, f"in {token} here"]}
    clean = redactor(token).body(json.dumps(content, ensure_ascii=escapes).encode())
    assert json.loads(clean) == {"there": value, MASK: [MASK, f"in {MASK} here"]}


@pytest.mark.parametrize("body", [b"", b"<html>\\ the-token-of-mine", b'{"a": "\\', b"\xff\\\xfe"])
def test_what_is_no_json_is_left_to_others(body: bytes) -> None:
    """It is returned as it came, for whoever tells that it is none."""
    assert redactor("the-token-of-mine").body(body) == body


def test_what_is_nested_too_deeply_is_refused() -> None:
    """An answer that cannot be looked through is not passed on."""
    body = b"[" * 100_000 + b'"the-token-of-mine"' + b"]" * 100_000
    with pytest.raises(BadAnswer, match="too deeply"):
        redactor("the-token-of-mine").body(body)


def test_without_a_token_nothing_is_taken_out() -> None:
    """Settings that have none yet leave texts as they are."""
    assert redactor("").text("as it is") == "as it is"
