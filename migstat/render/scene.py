"""A watch at one moment, as the files of `watch --export` show it, and its picture."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich.console import Group
from rich.text import Text

from migstat.model.nodes import Millis
from migstat.render.drawing import picture
from migstat.render.ending import Story, last_line
from migstat.render.live import Digest, frame
from migstat.render.log import LogLine
from migstat.render.parts import Canvas
from migstat.render.theme import STATE_OF_VERDICT, UNICODE

WIDTH, HEIGHT = 100, 40
"""Cells of a picture."""


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that an exported file shows: what was known at one moment, the log so far, and at the end the story.

    A file that has not been rewritten for `stale_after` seconds is out of date.
    """

    known: Digest
    log: Sequence[LogLine] = ()
    stale_after: float = 30.0
    story: Story | None = None

    @property
    def at(self) -> Millis:
        """The moment that it shows, in epoch milliseconds."""
        return self.known.view.at if self.story is None else self.story.ended.at


def picture_text(scene: Scene) -> str:
    """Draw the live view as SVG, and below it how the watch ended."""
    canvas = Canvas(WIDTH, UNICODE, HEIGHT)
    view = frame(scene.known, scene.log, scene.at, canvas, footer=None)
    if scene.story is None:
        return picture(view, WIDTH)
    line = Text(last_line(scene.story), STATE_OF_VERDICT[scene.story.ended.verdict])
    return picture(Group(view, Text(), line), WIDTH)
