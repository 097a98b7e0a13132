"""One record a line, tab separated: for grep, cut and awk."""

from __future__ import annotations

from collections.abc import Iterator

from migstat.model.events import Changed
from migstat.model.reports import Report
from migstat.render.rows import columns, rows
from migstat.render.text import iso_millis, one_field


def plain_lines(report: Report, *, header: bool) -> Iterator[str]:
    """The lines without their ends; the first names the columns where `header`."""
    if header:
        yield "\t".join(columns(report))
    for row in rows(report):
        yield "\t".join(map(one_field, row))


def change_line(change: Changed) -> str:
    """A change as `time level from to message`, the time in UTC."""
    before, node = change.before, change.node
    was = (before.outcome or before.status or "") if before else ""
    row = (
        iso_millis(change.at) or "",
        ",".join(node.level),
        was,
        node.outcome or node.status or "",
        node.message or "",
    )
    return "\t".join(map(one_field, row))
