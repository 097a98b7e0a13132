"""`migstat watch` on a terminal: what a person sees, whatever the window, and that nothing holds it up."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pexpect
import pyte
import pytest
from rich.cells import cell_len

from migstat.simulator.scenario import Scenario, SimPhase
from migstat.simulator.server import Server
from tests.cli.rehearsals import HERE, Night, check_run, cutover, migration, night, node
from tests.command_line import environ_of, hermetic, started, until
from tests.terminal import MIGSTAT, PATIENCE, on_terminal
from tests.watching import moved

pytestmark = pytest.mark.slow

BEYOND = 30
"""Columns and lines that a wider screen has than the window, to see what would be drawn outside of it."""

CJK = "日本語の長い名前のプロジェクト第一営業部門移行計画"
HOME = "\x1b[H"
SWITCH = re.compile(r"(\x1b\[\?1049[hl])")
SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
WATCH = [*MIGSTAT, "watch", "--interval", "0.2s", "--stall-after", "99999h"]


class Window:
    """A terminal emulator with scrollback and a second screen, at whose other end a watch runs.

    `bash` is a command line of bash in place of the watch, in which `$WATCH` is the watch.
    """

    def __init__(
        self,
        server: Server,
        words: tuple[str, ...],
        size: tuple[int, int],
        environ: dict[str, str],
        bash: str | None = None,
    ) -> None:
        quick = {"MIGSTAT_RATE_LIMIT": "none", "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        watch = [*WATCH, *words]
        self.child = on_terminal(
            watch if bash is None else ["/bin/bash", *shlex.split(bash)],
            hermetic(measured=True) | environ_of(server) | quick | {"WATCH": shlex.join(watch), "PS1": "$ "} | environ,
            size=size,
        )
        self.written = ""
        self.second = False
        self._held = ""
        self._main = pyte.HistoryScreen(*size, history=10_000)
        self._of_main = pyte.Stream(self._main)
        self.resized(size)

    def resized(self, size: tuple[int, int]) -> None:
        """Begin the second screen anew, in a window of another size."""
        self.size = size
        self._second = pyte.Screen(size[0] + BEYOND, size[1] + BEYOND)
        self._of_second = pyte.Stream(self._second)
        self._lowest = 0
        self._main.resize(size[1], size[0])
        self._frames_before = self.written.count(HOME)

    def resize(self, size: tuple[int, int]) -> None:
        self.child.setwinsize(size[1], size[0])
        self.resized(size)
        self.until(self._is_settled)

    def _is_settled(self) -> bool:
        """True once a frame for the new window is there; what was under way for the old one does not count."""
        if self.outside():
            self.resized(self.size)
        return self.written.count(HOME) > self._frames_before + 1 and not self.outside()

    def feed(self, text: str) -> None:
        """Show what was written; the beginning of an escape sequence waits for its end."""
        self.written += text
        text = self._held + text
        unfinished = re.search(r"\x1b(?:\[[?0-9;]*)?$", text)
        self._held = unfinished[0] if unfinished else ""
        for part in SWITCH.split(text[: len(text) - len(self._held)]):
            if SWITCH.fullmatch(part):
                self.second = part.endswith("h")
            elif self.second:
                self._of_second.feed(part)
                self._lowest = max(self._lowest, self._second.cursor.y)
            else:
                self._of_main.feed(part)

    @property
    def lines(self) -> list[str]:
        columns, lines = self.size
        return [split(line, columns)[0].rstrip() for line in self._second.display[:lines]]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def scrollback(self) -> list[str]:
        """All lines of the main screen, those too that were scrolled out of it."""
        gone = ["".join(line[at].data for at in range(self.size[0])).rstrip() for line in self._main.history.top]
        return [*gone, *(line.rstrip() for line in self._main.display)]

    def _read(self) -> bool:
        """Show what is written next; False after the end."""
        try:
            self.feed(self.child.read_nonblocking(65536, timeout=0.2))
        except pexpect.EOF:
            return False
        except pexpect.TIMEOUT:
            pass
        return True

    def until(self, shown: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not shown():
            assert time.monotonic() < deadline, f"not shown:\n{self.text}"
            assert self._read() or shown(), f"it ended before:\n{self.text}\n{self.scrollback}"

    def until_shown(self, pattern: str) -> None:
        self.until(lambda: self.second and re.search(pattern, self.text, re.MULTILINE))

    def until_printed(self, pattern: str) -> None:
        self.until(lambda: not self.second and re.search(pattern, "\n".join(self.scrollback), re.MULTILINE))

    def frames(self, count: int = 1) -> None:
        drawn = self.written.count(HOME) + count
        self.until(lambda: self.written.count(HOME) >= drawn)

    def end(self, number: signal.Signals | None = None) -> int:
        """Wait until it has ended, by a signal where there is one; the exit code."""
        if number is not None:
            self.child.kill(number)
        deadline = time.monotonic() + PATIENCE
        while self._read() and time.monotonic() < deadline:
            pass
        self.child.wait()
        self.child.close()
        code = self.child.exitstatus
        assert isinstance(code, int)
        return code

    def outside(self) -> list[str]:
        """What was drawn beyond the window, or would have scrolled it: nothing, if all is well."""
        columns, lines = self.size
        right = [split(line, columns)[1].strip() for line in self._second.display[:lines]]
        below = [line.strip() for line in self._second.display[lines:]]
        scrolled = [f"line {self._lowest}"] if self._lowest >= lines else []
        return [text for text in (*right, *below, *scrolled) if text]

    def is_restored(self) -> bool:
        """True if the main screen is there, with a cursor and no style left over."""
        found = [self.written.rfind(f"\x1b[?{mode}") for mode in ("1049l", "25h")]
        undone = [self.written.rfind(f"\x1b[?{mode}") for mode in ("1049h", "25l")]
        pen = self._main.cursor.attrs
        plain = (pen.fg, pen.bg, pen.bold, pen.reverse) == ("default", "default", False, False)
        return plain and not self._main.cursor.hidden and all(on > off for on, off in zip(found, undone, strict=True))


def split(line: str, columns: int) -> tuple[str, str]:
    """The text of a line within this many cells, and beyond; the empty cell beside a wide one does not count."""
    if cell_len(line.rstrip()) <= columns:
        return line.rstrip(), ""
    taken = 0
    for at, character in enumerate(line):
        taken += cell_len(character)
        if taken > columns:
            return line[:at], line[at:]
    return line, ""


@contextmanager
def window(
    server: Server, *words: str, size: tuple[int, int] = (80, 24), bash: str | None = None, **environ: str
) -> Iterator[Window]:
    """Open a window in which a server is watched; whatever happens, it is closed."""
    opened = Window(server, words, size, environ, bash)
    try:
        yield opened
    finally:
        if not opened.child.closed:
            opened.child.kill(signal.SIGKILL)
            opened.child.wait()
            opened.child.close()


@contextmanager
def watching(scripted: Scenario, *words: str, **more: Any) -> Iterator[tuple[Night, Window]]:
    """A window in which a migration is watched that has gone on for a while."""
    with night(scripted, head_start=HERE) as rehearsed, window(rehearsed.server, *words, **more) as seen:
        yield rehearsed, seen


def many(*, failed: int = 0, warned: int = 0, running: int = 6, well: int = 20, prefix: str = "P") -> Scenario:
    """Return a migration that stands still, with projects in so many states."""
    states = [("FAILED", failed), ("WARNING", warned), ("running", running), ("SUCCESS", well)]
    projects = [
        node(
            f"{prefix}-{state[:1]}{number:04}",
            state,
            None if state in ("SUCCESS", "running") else f"message of {state} {number}, which is long enough to be cut",
            **({"phases": (SimPhase("import", 400),)} if state == "running" else {}),
        )
        for state, count in states
        for number in range(count)
    ]
    return migration("running", migrate="running", scopes=(node("apps", "running"),), projects=tuple(projects))


@pytest.fixture(scope="module", autouse=True)
def demo() -> Iterator[subprocess.Popen[str]]:
    """A `migstat demo` into a pipe: begun before all other tests, as it takes half a minute; the last one reads it."""
    with started(["demo"], {}) as running:
        yield running


@contextmanager
def windows(scripted: Scenario, *sizes: tuple[int, int]) -> Iterator[list[Window]]:
    """Open windows of several sizes on the same migration, all at once."""
    with ExitStack() as stack:
        rehearsed = stack.enter_context(night(scripted, head_start=HERE))
        yield [stack.enter_context(window(rehearsed.server, size=size)) for size in sizes]


@pytest.mark.parametrize(
    "scripted",
    [
        many(failed=70, warned=30),
        many(prefix=CJK, failed=3, warned=3),
        check_run("running", *(node(f"Check{number}", "running") for number in range(60))),
    ],
    ids=["many-failures", "cjk", "checks"],
)
def test_a_frame_fits_the_window(scripted: Scenario) -> None:
    """Nothing is drawn beyond the window and nothing scrolls, whatever there is to show."""
    with windows(scripted, (80, 24), (200, 50), (40, 15)) as opened:
        for seen in opened:
            seen.until_shown(r"updated \d+s ago")
            seen.frames(2)
            assert (seen.outside(), seen.lines[0][:9]) == ([], "● running")
            assert not [line for line in seen.scrollback if line]


def test_a_window_of_any_size_is_not_exceeded() -> None:
    """Even in a uselessly small window nothing is drawn beyond it, and the watch ends properly."""
    with windows(many(failed=9, prefix=CJK), (20, 5), (8, 2), (1, 1), (500, 3), (3, 100)) as opened:
        for seen in opened:
            seen.until(lambda seen=seen: seen.second)  # type: ignore[misc]
            seen.frames(3)
            assert seen.outside() == [], seen.size
            assert (seen.end(signal.SIGINT), seen.is_restored()) == (130, True)


def test_it_follows_the_window() -> None:
    """When the window is resized, both ways, the frame soon fits again, and nothing is left over from before."""
    with watching(many(prefix=CJK, failed=40)) as (_, seen):
        seen.until_shown("updated")
        for size in ((200, 50), (40, 15), (120, 8), (30, 60), (80, 24)):
            seen.resize(size)
            seen.frames(2)
            assert (seen.outside(), "● running" in seen.text) == ([], True), size
        assert (seen.end(signal.SIGTERM), seen.is_restored()) == (143, True)


@pytest.mark.parametrize(("program", "progress"), [("xterm", []), ("ghostty", ["2;77", "0;0"])])
def test_it_is_drawn_in_place(program: str, progress: list[str]) -> None:
    """Frames are drawn over each other, the screen is not cleared in between, and title and progress go at the end.

    Only a terminal known to show progress gets it, red after a failure.
    """
    with watching(many(failed=1), TERM_PROGRAM=program) as (_, seen):
        seen.until_shown("updated")
        seen.frames(5)
        assert seen.end(signal.SIGINT) == 130
    assert not re.search(r"\x1b\[[23]J", seen.written)
    assert seen.written.count("\x1b[?1049h") == seen.written.count("\x1b[?1049l") == 1
    titles = re.findall(r"\x1b\]0;(.*?)\x07", seen.written)
    assert (titles[-2], titles[-1]) == ("✖1 21/27", "")
    assert re.findall(r"\x1b\]9;4;(\d;\d+)\x07", seen.written)[-2:] == progress


@pytest.mark.parametrize(
    ("environ", "ascii_only", "colored"),
    [({}, False, True), ({"NO_COLOR": "1"}, False, False), ({"LC_ALL": "C"}, True, True)],
    ids=["usual", "no color", "C locale"],
)
def test_color_and_signs_are_those_that_are_wanted(environ: dict[str, str], ascii_only: bool, colored: bool) -> None:
    """With NO_COLOR nothing has color, with LC_ALL=C all is ASCII, live and at the end."""
    color = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")
    with watching(many(failed=2, warned=2), **environ) as (_, seen):
        seen.until_shown(r"> running, x 2 failed, ! 2 warning" if ascii_only else "updated")
        seen.until_shown(r"^[x✖] P-F0000")
        assert seen.end(signal.SIGINT) == 130
    live, _, final = seen.written.rpartition("\x1b[?1049l")
    assert [bool(color.search(part)) for part in (live, final)] == [colored, colored]
    assert seen.written.isascii() is ascii_only


def test_an_outage_is_shown_and_its_end() -> None:
    """While nothing answers, that is the verdict, beside the last good state with its time; the end is logged."""
    with watching(many(failed=1), size=(100, 24)) as (rehearsed, seen):
        seen.until_shown("updated")
        rehearsed.server.faults.add("405", 100_000)
        seen.until_shown(r"^✖ no answer since \d\d:\d\d \(405\)")
        seen.until_shown(r"next try in \d+s|trying again")
        assert re.search(r"running as of \d\d:\d\d", seen.text)
        assert "21 of 27 projects" in seen.text
        assert re.search(r"(?m)^✖ P-F0000 ", seen.text)
        assert seen.outside() == []
        rehearsed.server.faults.clear()
        seen.until_shown(r"updated \d+s ago")
        seen.until_shown("API back after")
        assert seen.lines[0].startswith("● running")
        assert seen.end(signal.SIGTERM) == 143


def test_five_thousand_projects_fit() -> None:
    """With 5000 projects of which 8 run the frame fits, shows those, and the end is short."""
    with watching(many(failed=2, running=8, well=4990)) as (_, seen):
        seen.until_shown("4 992 of 5 000 projects")
        assert len(re.findall(r"(?m)^● P-r\d+", seen.text)) >= 4
        assert len(re.findall(r"(?m)^✖ P-F\d+", seen.text)) == 2
        assert seen.outside() == []
        assert seen.end(signal.SIGTERM) == 143
        assert len([line for line in seen.scrollback if line]) < 24


def test_an_outage_at_the_start_is_shown() -> None:
    """While the first answer does not come, the screen says so, and since when."""
    with night(many(), head_start=HERE) as rehearsed:
        rehearsed.server.faults.add("503", 100, retry_after=9)
        with window(rehearsed.server) as seen:
            seen.until_shown(r"no answer since \d\d:\d\d \(503\)")
            assert seen.end(signal.SIGINT) == 130
    assert seen.is_restored()
    assert re.search(r"interrupted: no answer \(503\)", " ".join(seen.scrollback))


def test_the_same_command_resumes_a_recorded_watch(tmp_path: Path) -> None:
    """After Ctrl-C the next command is the same one: without its options, it would neither record nor resume."""
    with watching(many(), "--record", str(tmp_path / "night.jsonl")) as (_, seen):
        seen.until_shown("updated")
        assert seen.end(signal.SIGINT) == 130
    assert [line for line in seen.scrollback if line][-1] == "Next: run the same command to resume this watch"


def left_over(seen: Window, verdict: str) -> list[str]:
    """The lines that are left after the end: one screen, whose first line is the verdict, on a terminal as it was."""
    assert seen.is_restored()
    assert seen.outside() == []
    left = [line for line in seen.scrollback if line]
    assert left[0].startswith(verdict)
    assert len([line for line in left if "Jira to the cloud" in line]) == 1, left
    assert left[-1].startswith("Next: migstat ")
    return left


def test_the_end_stays_in_the_scrollback() -> None:
    """The end leaves verdict, reason and the next command in the scrollback, and has rung twice."""
    scripted = cutover(moved("ACME", 0, 100), moved("ERP", 0, 100, "FAILED", final_message="No field."), over=150)
    with night(scripted) as rehearsed, window(rehearsed.server, size=(100, 24)) as seen:
        seen.until_shown("0 of 2 projects")
        rehearsed.slept.append(200.0)
        assert seen.end() == 1
    left = left_over(seen, "✖ failed")
    assert any(re.search(r"✖ ERP +No field\.", line) for line in left)
    assert re.search(r"^failed after .*", left[-2])
    assert left[-1] == "Next: migstat projects --state failed   1 failed"
    assert len(re.findall(r"(?<!\x1b\]0;)\a", re.sub(r"\x1b\][^\a]*\a", "", seen.written))) == 2


@pytest.mark.parametrize(
    ("words", "environ", "number", "code", "said"),
    [
        *(((), {}, number, code, "interrupted: still running") for number, code in SIGNALS),
        (("--fail-fast",), {}, None, 1, "the migration goes on"),
        ((), {"MIGSTAT_TOKEN": "another"}, None, 4, ""),
        (("job-2",), {}, None, 5, ""),
    ],
    ids=str,
)
def test_however_it_ends_the_terminal_is_restored(
    words: tuple[str, ...], environ: dict[str, str], number: signal.Signals | None, code: int, said: str
) -> None:
    """After signals, errors and --fail-fast the terminal is restored, with the last state and the last line."""
    with watching(many(failed=1), *words, size=(200, 50), **environ) as (_, seen):
        if number is not None:
            seen.until_shown("updated")
        assert seen.end(number) == code
    if said:
        assert said in left_over(seen, "● running")[-2]
    else:
        left = [line for line in seen.scrollback if line]
        assert (seen.is_restored(), len(left) in (1, 2), left[0][:9]) == (True, True, "migstat: ")


@pytest.mark.parametrize(("hanging", "times"), [(0, 1), (1000, 1), (1000, 2)])
def test_ctrl_c_is_a_key_and_twice_is_at_once(hanging: int, times: int) -> None:
    """Ctrl-C as typed ends it with 130, also while the first answer hangs, and typed again it changes nothing."""
    with night(many(), head_start=HERE) as rehearsed:
        rehearsed.server.faults.add("slow", hanging, seconds=60.0)
        with window(rehearsed.server, MIGSTAT_REQUEST_TIMEOUT="60s") as seen:
            seen.until_shown("waiting for the first answer|updated")
            seen.until(lambda: rehearsed.server.requests)
            for _ in range(times):
                seen.child.sendintr()
            assert (seen.end(), seen.is_restored()) == (130, True)


@pytest.mark.parametrize(
    ("words", "number", "code"),
    [(("--timeout", "3s"), None, 124), ((), signal.SIGTERM, 143), ((), signal.SIGINT, 130)],
)
def test_a_frozen_terminal_holds_up_nothing(
    words: tuple[str, ...], number: signal.Signals | None, code: int, tmp_path: Path
) -> None:
    """With the output paused by Ctrl-S, polls, record, timeout and signals go on as ever."""
    path = tmp_path / "night.jsonl"
    scripted = cutover(moved("ACME", 100, 200, "FAILED"), moved("ZED", 0, 9000))
    with night(scripted) as rehearsed, window(rehearsed.server, "--record", str(path), *words) as seen:
        seen.until_shown("0 of 2 projects")
        seen.child.send("\x13")
        rehearsed.slept.append(150.0)
        until(lambda: '"name":"ACME"' in path.read_text())
        if number is not None:
            seen.child.kill(number)
        assert code_of(seen.child.pid) == code  # nobody reads what it writes
        seen.child.ptyproc.terminated = True
    assert json.loads(path.read_text().splitlines()[-1])["exitCode"] == code


def test_ctrl_z_hands_the_terminal_back() -> None:
    """Ctrl-Z restores the shell's screen, with a cursor; `fg` shows the view again."""
    with watching(many(failed=1), bash="--norc --noprofile -i") as (_, seen):
        seen.child.send("$WATCH\n")
        seen.until_shown("updated")
        seen.child.send("\x1a")
        seen.until_printed("Stopped")
        assert seen.is_restored()
        seen.child.send("fg\n")
        seen.until_shown("updated")
        seen.frames(2)
        seen.child.sendintr()
        seen.until_printed("^Next: ")
        seen.child.send("echo code $?\n")
        seen.until_printed("^code 130")


def test_in_the_background_there_are_lines() -> None:
    """`watch &` in an interactive shell prints lines, and never takes the terminal."""
    with watching(many(failed=1), "--timeout", "4s", bash="--norc --noprofile -i") as (_, seen):
        seen.child.send("$WATCH & wait %1; echo code $?\n")
        seen.until_printed("^code 124")
    assert "already failed: P-F0000" in "\n".join(seen.scrollback)
    assert "\x1b[?1049h" not in seen.written


def code_of(process: int) -> int:
    """Wait for the end of a process whose terminal is gone; its exit code."""
    found = (0, 0)

    def ended() -> int:
        nonlocal found
        found = os.waitpid(process, os.WNOHANG)
        return found[0]

    until(ended)
    return os.waitstatus_to_exitcode(found[1])


@pytest.mark.parametrize(
    ("bash", "code", "last"),
    [(None, 129, "interrupted"), ("""-c "trap '' HUP; exec $WATCH" """, 1, "finished")],
    ids=["usual", "SIGHUP ignored"],
)
def test_a_terminal_that_goes_away_is_a_hangup(tmp_path: Path, bash: str | None, code: int, last: str) -> None:
    """It ends as by SIGHUP, with a last event in the record; with SIGHUP ignored, as by nohup, it goes on without."""
    path = tmp_path / "night.jsonl"
    scripted = cutover(moved("ACME", 0, 100), moved("ERP", 0, 100, "FAILED"), over=150)
    with night(scripted) as rehearsed, window(rehearsed.server, "--record", str(path), bash=bash) as seen:
        seen.until_shown("0 of 2 projects")
        seen.child.ptyproc.fileobj.close()
        if bash:
            rehearsed.slept.append(200.0)
        assert code_of(seen.child.pid) == code
        seen.child.closed = True
    event = json.loads(path.read_text().splitlines()[-1])
    assert (event["event"], event["exitCode"]) == (last, code)


def test_a_warning_about_a_record_stays_readable(tmp_path: Path) -> None:
    """A damaged line of the record is logged in the view, and named once more when the watch is over."""
    path = tmp_path / "night.jsonl"
    path.write_text('{"event":"stalled","at":"2026-09-21T14:13:20.000Z","level":["gone"],"name":"gone"}\n{"event":"cha')
    with watching(many(), "--record", str(path)) as (_, seen):
        seen.until_shown("^\\d\\d:\\d\\d ▲ migstat: warning: ")
        assert (seen.end(signal.SIGINT), seen.is_restored()) == (130, True)
    assert "truncated" in "\n".join(seen.scrollback)


def test_a_notification_leaves_the_view_alone(tmp_path: Path) -> None:
    """A command that writes to its terminal and fails is a line of the log; Ctrl-C ends the watch, not the command."""
    hook, told, go = (tmp_path / name for name in ("hook", "told", "go"))
    lines = (f"echo $MIGSTAT_EVENT >> {told}", "(echo XX > /dev/tty) 2>&-", "echo YY; echo ZZ >&2")
    waits = f"[ $MIGSTAT_EVENT = change ] || while [ ! -e {go} ]; do sleep 0.05; done"
    hook.write_text("\n".join(["#!/bin/sh", *lines, waits, f"echo over >> {told}", "exit 3", ""]), encoding="utf-8")
    hook.chmod(0o700)
    scripted = cutover(moved("ACME", 20, 100, "FAILED"), moved("ZED", 20, 900), over=900, state="FAILED")
    with night(scripted, head_start=50) as rehearsed, window(rehearsed.server, "--notify", str(hook)) as seen:
        seen.until_shown("ACME")
        rehearsed.slept.append(100.0)
        seen.until_shown(r"^\d\d:\d\d ▲ .*--notify: hook exited with 3: ZZ")
        assert seen.outside() == []
        seen.child.sendcontrol("c")
        seen.until_printed("press Ctrl-C to stop it")
        go.touch()
        assert seen.end() == 130
    assert told.read_text(encoding="utf-8").split() == ["change", "over", "interrupted", "over"]
    assert not re.search("XX|YY", seen.written)
    assert len([line for line in seen.scrollback if "exited with 3" in line]) == 1


def test_verbose_gives_lines() -> None:
    """With -v on the same terminal the requests are logged, and nothing is drawn over them."""
    with watching(many(), "-v", size=(200, 50)) as (_, seen):
        seen.until_printed(r"GET /migrations\S+ 200 \d+ ms")
        assert seen.end(signal.SIGINT) == 130
    assert "\x1b[?1049h" not in seen.written


def test_the_demo_is_the_watch_of_the_cutover(demo: subprocess.Popen[str]) -> None:
    """`migstat demo` alone watches failures and an outage in half a minute, by a clock that runs with the work.

    At the end it says what to do next.
    """
    out, err = demo.communicate(timeout=30)
    assert demo.returncode == 1
    assert all(f"\tmigrate,projects,{name}\t" in out for name in ("ATTIC", "INFRA"))
    assert all(line.count("\t") == 4 for line in out.splitlines())
    times = [datetime.fromisoformat(line.split("\t")[0]) for line in out.splitlines()]
    assert times[-1] - times[0] > timedelta(minutes=50)
    first, *told, last, following = err.splitlines()
    assert (first[:6], following[:19]) == ("Demo: ", "Next: migstat demo ")
    assert any("503" in line for line in told)
    assert "failed" in last
    assert "40 of 40 projects" in last
