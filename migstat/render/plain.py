"""One record a line, tab-separated, for grep, cut and awk."""

from __future__ import annotations

from collections.abc import Iterator

from migstat.model.events import Changed
from migstat.model.reports import Report
from migstat.render.rows import rows
from migstat.render.text import iso, one_field


def plain_lines(report: Report) -> Iterator[str]:
    """The lines without their ends."""
    return ("\t".join(map(one_field, row)) for row in rows(report))


def change_line(change: Changed) -> str:
    """A change as `time level from to message`: the time in UTC, from and to as states."""
    before, node = change.before, change.node
    was = before.state if before else ""
    row = (iso(change.at) or "", ",".join(node.level) or ".", was, node.state, node.message or "")
    return "\t".join(map(one_field, row))
