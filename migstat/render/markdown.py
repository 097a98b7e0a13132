"""A table in GitHub's Markdown: for an issue or a chat."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migstat.model.reports import Report
from migstat.render.rows import columns, rows
from migstat.render.text import harmless

_MARKUP = re.compile(r"([\\`*_\[\]<>|~])")
_LINK = re.compile(r"(?<=[@#])|(?<=/)(?=/)|(?<=www)(?=\.)|(?<=gh-)(?=[0-9])", re.IGNORECASE)
"""Places in what GitHub makes links and mentions of by itself; it does so after character references are read."""

_NOTHING = "&#8203;"
"""A space of no width."""


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
    safe = _MARKUP.sub(r"\\\1", _LINK.sub("\0", harmless(text)).replace("&", "&amp;"))
    return safe.replace("\0", _NOTHING)
