"""Terminals that obey no escape sequences, and consoles that do so only once that is switched on."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from migstat.cli.console import PROCESSES_ESCAPES, obeys_escapes, switched_on
from migstat.cli.context import Runtime
from migstat.cli.options import options_from
from migstat.cli.streams import Streams
from migstat.simulator.scenarios import build
from migstat.simulator.server import serve
from tests.command_line import CapturedStream, environ_of, hermetic
from tests.terminal import MIGSTAT, end_of, on_terminal


class Console:
    """What Windows answers about one handle; `mode` None if that is not a console."""

    def __init__(self, mode: int | None, *, old: bool = False) -> None:
        self.mode = mode
        self.old = old
        self.changes = 0

    def GetConsoleMode(self, handle: Any, mode: Any) -> int:  # noqa: N802
        """Write the mode where the reference points."""
        if self.mode is None:
            return 0
        mode._obj.value = self.mode
        return 1

    def SetConsoleMode(self, handle: Any, mode: int) -> int:  # noqa: N802
        """Take the mode, unless the console is too old to know it."""
        self.changes += 1
        if self.old:
            return 0
        self.mode = mode
        return 1


@pytest.mark.parametrize(
    ("console", "obeys", "mode", "changes"),
    [
        (Console(3), True, 3 | PROCESSES_ESCAPES, 1),
        (Console(7), True, 7, 0),
        (Console(3, old=True), False, 3, 1),
        (Console(None), False, None, 0),
    ],
)
def test_a_console_is_switched_on_where_it_can_be(
    console: Console, obeys: bool, mode: int | None, changes: int
) -> None:
    """A console that does not obey escape sequences yet is switched to it, and keeps the rest of its mode."""
    assert switched_on(console, 1) is obeys
    assert (console.mode, console.changes) == (mode, changes)


@pytest.mark.skipif(sys.platform == "win32", reason="of other systems")
def test_other_terminals_are_taken_as_they_are() -> None:
    """On systems without such consoles nothing is queried, and a terminal's name decides."""
    assert obeys_escapes(sys.stdout, None)


@pytest.mark.parametrize("escapes", [True, False])
def test_a_notice_is_for_terminals_that_can_take_it_away(escapes: bool) -> None:
    """What the next line replaces is shown, on one line, only where it can be replaced."""
    err = CapturedStream(terminal=True, encoding="utf-8")
    streams = Streams(None, err, escapes=escapes)
    streams.notice("漢字" * 30)
    streams.tell("done")
    notice = f"\r\x1b[K{'漢字' * 19}漢 \r\x1b[K"  # two cells a character: longer, it would wrap
    assert err.text() == f"{notice if escapes else ''}done\n"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [("80", 80), ("0", None), ("", None), ("-5", None), ("wide", None), ("²", None), ("9" * 5000, None)],
)
def test_the_width_is_a_number_of_columns(columns: str, expected: int | None) -> None:
    """Anything else leaves it to the terminal."""
    runtime = Runtime({"COLUMNS": columns}, Streams(None, None))
    assert options_from(runtime, {}, formats=(), exports=(), new_profile=False).columns == expected


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo terminal")
def test_a_dumb_terminal_sees_no_escape_sequence_at_all() -> None:
    """On a dumb terminal even notices do not move the cursor."""
    with serve(build("projects-failing"), rate_limit=None) as server:
        server.faults.add("slow", times=8, seconds=0.3)
        environ = hermetic(measured=True) | environ_of(server) | {"TERM": "dumb"}
        output, code = end_of(on_terminal([*MIGSTAT, "status"], environ))
    assert (code, "migrate" in output, "\x1b" in output) == (0, True, False)
