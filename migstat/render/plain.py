"""One record a line, tab separated: for grep, cut and awk."""

from __future__ import annotations

from collections.abc import Iterator

from migstat.render.rows import columns, rows
from migstat.render.text import one_field
from migstat.reports import Report


def plain_lines(report: Report, *, header: bool) -> Iterator[str]:
    """The lines without their ends; the first names the columns where `header`."""
    if header:
        yield "\t".join(columns(report))
    for row in rows(report):
        yield "\t".join(map(one_field, row))
