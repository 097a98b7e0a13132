"""The shell of pages: foreign text stays text, and only the page's own style and script may take effect."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from migstat.render.html import LONGEST, page, tag, text


class Tags(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("text_sent", "read"),
    [
        ("</title></p><script>alert(1)</script>", "</title></p><script>alert(1)</script>"),
        ('" onclick="alert(1)', '" onclick="alert(1)'),
        ("&lt;b&gt; &amp;", "&lt;b&gt; &amp;"),
        ("a\nb\x1b[31m\x00\u202e\ud800", "a b\\x1b[31m\\x00\\u202e\\ud800"),
        ("x" * (LONGEST + 1), "x" * (LONGEST - 1) + "…"),
    ],
)
def test_foreign_text_is_text_wherever_it_stands(text_sent: str, read: str) -> None:
    """Names and messages become no tag, no attribute and no control character, and are not endless."""
    shown = Tags(page(text_sent, tag("p", text_sent, title=text_sent)))
    assert [(name, given) for name, given in shown.found if name in ("p", "script")] == [("p", {"title": read})]
    assert shown.text.count(read) == 2
    page(text_sent, text_sent).encode()


def test_the_policy_allows_the_own_style_and_script_only() -> None:
    """The page's policy names the hashes of its style and script, and nothing else may be loaded."""
    whole = page("Title", tag("p", "Body"), style="p { margin: 0 }", script="document.title = '1'")
    policy = next(given["content"] or "" for _, given in Tags(whole).found if "http-equiv" in given)
    for element, rule in (("style", "style-src"), ("script", "script-src")):
        source = re.findall(f"<{element}>(.*?)</{element}>", whole, re.DOTALL)[0]
        assert f"{rule} 'sha256-{b64encode(sha256(source.encode()).digest()).decode()}'" in policy
    assert "default-src 'none'" in policy
    assert "script-src 'none'" in page("Title", text("Body"))
