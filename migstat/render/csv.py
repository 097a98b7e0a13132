"""Comma-separated values with a header line, for spreadsheets."""

from __future__ import annotations

import csv
import io
import re

from migstat.model.reports import Report
from migstat.render.rows import columns, rows
from migstat.render.text import one_field

_SIGN = "[=+\\-@\uff1d\uff0b\uff0d\uff20]"
"""Characters that begin a formula, full-width ones included."""

# Names and messages come from the server: in a spreadsheet, =HYPERLINK(...) or =cmd|... would be run.
_FORMULA = re.compile(rf"\s*{_SIGN}")
_LATER = re.compile(rf';(?=[\s"]*{_SIGN})')
"""Semicolons before such a character: in many locales a spreadsheet splits lines there."""

_NUMBER = re.compile(r"-[0-9]+(\.[0-9]+)?(e[+-][0-9]+)?")


def csv_text(report: Report) -> str:
    """The whole table; no cell can start a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns(report))
    writer.writerows(map(_cell, row) for row in rows(report))
    return out.getvalue()


def _cell(text: str) -> str:
    """A leading quote makes a spreadsheet treat the cell as text."""
    field = _LATER.sub(";'", one_field(text))
    return f"'{field}" if _FORMULA.match(field) and not _NUMBER.fullmatch(field) else field
