"""A watch at one moment, as the files of `watch --export` show it, and its picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import msgspec
from rich.console import Group
from rich.text import Text

from migstat.model.events import View
from migstat.model.nodes import Millis, State
from migstat.render.drawing import Canvas, picture
from migstat.render.ending import WatchResult, last_line
from migstat.render.live import frame
from migstat.render.log import LogLine
from migstat.render.sorted_view import SortedView, sorted_view
from migstat.render.theme import UNICODE

WIDTH, HEIGHT = 100, 40
"""Cells of a picture."""


class ExportedView(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Everything that an exported file shows: what was known at one moment, the log so far, and at the end the result.

    `title` stands for the job until its name is known. A file that has not been rewritten for `stale_after` seconds is
    out of date.
    """

    view: View
    title: str = ""
    log: Sequence[LogLine] = ()
    stale_after: float = 30.0
    result: WatchResult | None = None

    @cached_property
    def known(self) -> SortedView:
        """The view, sorted, which takes long for 5000 projects: the watch leaves it to the thread that writes."""
        return sorted_view(self.view, self.title)

    @property
    def at(self) -> Millis:
        """The moment that it shows, in epoch milliseconds."""
        return self.view.at if self.result is None else self.result.ended.at


def picture_text(exported: ExportedView) -> str:
    """Draw the live view as SVG, and below it how the watch ended."""
    canvas = Canvas(WIDTH, UNICODE, HEIGHT)
    view = frame(exported.known, exported.log, exported.at, canvas, footer=None)
    if exported.result is None:
        return picture(view, WIDTH)
    line = Text(last_line(exported.result), State(exported.result.ended.verdict))
    return picture(Group(view, Text(), line), WIDTH)
