"""Progress of a download on standard error: name, bytes, speed and time remaining on one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from migstat.cli.context import Options, Runtime
from migstat.cli.streams import is_terminal

if TYPE_CHECKING:
    from migstat.api.download import Moved

ROOM_FOR_SPEED = 50
ROOM_FOR_BAR = 72
"""Width of a window from which there is room for them."""

BESIDE_NAME = 26
"""Width of bytes and time."""


@contextmanager
def shown_progress(runtime: Runtime, options: Options, label: str) -> Iterator[Moved]:
    """Show the progress of the file `label` until the block ends, and erase it from the terminal.

    The block gets a function to call with the bytes so far, and with the total or None. Nothing is shown elsewhere, or
    between the lines of `--verbose`.
    """
    err = runtime.streams.err
    if options.verbose or options.dumb or err is None or not is_terminal(err):
        yield lambda _done, _total: None
        return
    from rich import progress
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column

    console = Console(file=err, force_terminal=True, no_color=not options.color, legacy_windows=False)
    room = console.width
    longest = room // 3 if room >= ROOM_FOR_SPEED else max(room - BESIDE_NAME, 1)
    name = Column(no_wrap=True, overflow="ellipsis", max_width=longest)
    columns = (
        progress.TextColumn("{task.description}", table_column=name),
        *((progress.BarColumn(20),) if room >= ROOM_FOR_BAR and not options.ascii_only else ()),
        progress.DownloadColumn(),
        *((progress.TransferSpeedColumn(),) if room >= ROOM_FOR_SPEED else ()),
        progress.TimeRemainingColumn(compact=True),
    )
    with progress.Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task(escape(label), total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
