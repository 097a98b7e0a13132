"""Progress of a download on standard error: name, bytes, speed and time remaining on one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column

ROOM_FOR_SPEED = 50
ROOM_FOR_BAR = 72
"""Width of a window from which there is room for them."""

BESIDE_NAME = 26
"""Width of bytes and time."""


@contextmanager
def progress_of(
    label: str, stream: TextIO, *, ascii_only: bool, color: bool | None
) -> Iterator[Callable[[int, int | None], None]]:
    """Show the progress of the file `label` until the block ends, and erase it from the terminal.

    The block gets a function to call with the bytes so far, and with the total or None.
    """
    console = Console(file=stream, force_terminal=True, no_color=color is False, legacy_windows=False)
    room = console.width
    longest = room // 3 if room >= ROOM_FOR_SPEED else max(room - BESIDE_NAME, 1)
    columns = (
        TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", max_width=longest)),
        *((BarColumn(20),) if room >= ROOM_FOR_BAR and not ascii_only else ()),
        DownloadColumn(),
        *((TransferSpeedColumn(),) if room >= ROOM_FOR_SPEED else ()),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task: TaskID = progress.add_task(escape(label), total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
