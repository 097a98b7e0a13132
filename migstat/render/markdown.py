"""A table in GitHub's Markdown: for an issue or a chat."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migstat.render.rows import columns, rows
from migstat.render.text import harmless
from migstat.reports import Report

_MARKUP = re.compile(r"([\\`*_\[\]<>|~])")
_LINKS = {"://": "&#58;//", "@": "&#64;", "#": "&#35;", "www.": "www&#46;"}
"""What GitHub makes links of by itself; a character reference shows the same and stops it."""

_LINK = re.compile("|".join(map(re.escape, _LINKS)), re.IGNORECASE)


def markdown_lines(report: Report) -> Iterator[str]:
    """The lines of the table without their ends; no cell can hold markup, a link or a mention."""
    names = columns(report)
    yield _line(names)
    yield _line(("---",) * len(names))
    for row in rows(report):
        yield _line(map(_cell, row))


def _line(cells: Iterator[str] | tuple[str, ...] | map[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    safe = _MARKUP.sub(r"\\\1", harmless(text).replace("&", "&amp;"))
    return _LINK.sub(lambda match: _LINKS[match[0].lower()], safe)
