"""Comma separated values with a first line of names: for spreadsheets."""

from __future__ import annotations

import csv
import io

from migstat.render.rows import columns, rows
from migstat.render.text import one_field
from migstat.reports import Report

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_text(report: Report) -> str:
    """The whole table; no cell of it can start a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns(report))
    writer.writerows(map(_cell, row) for row in rows(report))
    return out.getvalue()


def _cell(text: str) -> str:
    """A leading quote makes a spreadsheet take the cell as text."""
    field = one_field(text)
    return f"'{field}" if text.lstrip(" ").startswith(_FORMULA) and not _is_number(field) else field


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
