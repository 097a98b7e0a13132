"""`migstat watch` on a terminal: what a person sees, whatever the window, and that nothing holds it up."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect
import pyte
import pytest

from migstat.simulator.scenario import Scenario, SimPhase
from migstat.simulator.server import Server
from tests.command_line import environ_of, hermetic, until
from tests.scenarios import HERE, cutover, frozen, moved, node
from tests.servers import SleptServer, night
from tests.terminal import MIGSTAT, PATIENCE, on_terminal

pytestmark = pytest.mark.slow

CJK = "日本語の長い名前のプロジェクト第一営業部門移行計画"
HOME = "\x1b[H"
SWITCH = re.compile(r"(\x1b\[\?1049[hl])")
WATCH = [*MIGSTAT, "watch", "--interval", "0.2s", "--stall-after", "99999h"]


class Window:
    """A terminal emulator with scrollback and a second screen, at whose other end a watch runs.

    `bash` is a command line of bash in place of the watch, in which `$WATCH` is the watch.
    """

    def __init__(
        self, server: Server, words: tuple[str, ...], size: tuple[int, int], environ: dict[str, str], bash: str
    ) -> None:
        quick = {"MIGSTAT_RATE_LIMIT": "none", "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        watch = [*WATCH, *words]
        self.child = on_terminal(
            ["/bin/bash", *shlex.split(bash)] if bash else watch,
            hermetic(measured=True) | environ_of(server) | quick | {"WATCH": shlex.join(watch), "PS1": "$ "} | environ,
            size=size,
        )
        self.written = ""
        self.second = False
        self._main, self._view = pyte.HistoryScreen(*size, history=10_000), pyte.Screen(*size)
        self._shown = {False: pyte.Stream(self._main), True: pyte.Stream(self._view)}
        self._unfinished = ""

    def resize(self, columns: int, lines: int) -> None:
        self.child.setwinsize(lines, columns)
        self._main.resize(lines, columns)
        self._view.resize(lines, columns)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._view.display)

    @property
    def scrollback(self) -> list[str]:
        """The lines of the main screen that are not empty, those too that were scrolled out of it."""
        gone = ["".join(line[at].data for at in range(self._main.columns)) for line in self._main.history.top]
        return [line.rstrip() for line in (*gone, *self._main.display) if line.strip()]

    def read(self) -> bool:
        """Show what is written next; False after the end."""
        try:
            text = self.child.read_nonblocking(65536, timeout=0.2)
        except pexpect.EOF:
            return False
        except pexpect.TIMEOUT:
            return True
        self.written += text
        text = self._unfinished + text
        # the beginning of an escape sequence waits for its end
        self._unfinished = text[found.start() :] if (found := re.search(r"\x1b[^a-zA-Z]*$", text)) else ""
        for part in SWITCH.split(text.removesuffix(self._unfinished)):
            if SWITCH.fullmatch(part):
                self.second = part.endswith("h")
            else:
                self._shown[self.second].feed(part)
        return True

    def until(self, true: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, f"not shown:\n{self.text}"
            assert self.read() or true(), f"it ended before:\n{self.text}\n{self.scrollback}"

    def until_shown(self, pattern: str) -> None:
        self.until(lambda: self.second and re.search(pattern, self.text, re.MULTILINE))

    def until_printed(self, pattern: str) -> None:
        self.until(lambda: not self.second and re.search(pattern, "\n".join(self.scrollback), re.MULTILINE))

    def until_it_fits(self, frames: int = 2) -> None:
        """Wait for some more frames, and until the window holds one from its first line to its last."""
        drawn = self.written.count(HOME) + frames
        self.until(lambda: self.written.count(HOME) >= drawn)
        self.until_shown(r"\A● running[^\0]*\nCtrl-C stops watching.*\Z")

    def end(self, number: signal.Signals | None = None) -> int:
        """Wait until it has ended, by a signal where there is one; the exit code."""
        if number is not None:
            self.child.kill(number)
        deadline = time.monotonic() + PATIENCE
        while self.read() and time.monotonic() < deadline:
            pass
        self.child.close()
        assert isinstance(self.child.exitstatus, int)
        return self.child.exitstatus

    def is_restored(self) -> bool:
        """True if the main screen is there, with a cursor and no style left over."""
        last = {mode: self.written.rfind(f"\x1b[?{mode}") for mode in ("1049h", "1049l", "25h", "25l")}
        pen = self._main.cursor.attrs
        plain = (pen.fg, pen.bg, pen.bold, pen.reverse) == ("default", "default", False, False)
        return plain and not self._main.cursor.hidden and last["1049l"] > last["1049h"] and last["25h"] > last["25l"]


@contextmanager
def window(
    server: Server, *words: str, size: tuple[int, int] = (80, 24), bash: str = "", **environ: str
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
def watching(scripted: Scenario, *words: str, **more: Any) -> Iterator[tuple[SleptServer, Window]]:
    """A window in which a migration is watched that has gone on for a while."""
    with night(scripted, head_start=HERE) as rehearsed, window(rehearsed.server, *words, **more) as seen:
        yield rehearsed, seen


def many(*, failed: int = 0, warned: int = 0, prefix: str = "P") -> Scenario:
    """Return a migration that stands still, with projects in so many states."""
    states = [("FAILED", failed), ("WARNING", warned), ("running", 6), ("SUCCESS", 20)]
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
    return frozen("running", migrate="running", scopes=(node("apps", "running"),), projects=tuple(projects))


def test_a_frame_fits_the_window_whatever_its_size() -> None:
    """Nothing is drawn beyond the window and nothing scrolls, however much there is to show; a resize is followed."""
    with watching(many(prefix=CJK, failed=70, warned=30)) as (_, seen):
        seen.until_it_fits()
        for size in ((200, 50), (40, 15), (80, 24)):
            seen.resize(*size)
            seen.until_it_fits()
        assert seen.scrollback == []
        assert (seen.end(signal.SIGTERM), seen.is_restored()) == (143, True)


@pytest.mark.parametrize(("program", "progress"), [("xterm", []), ("ghostty", ["2;77", "0;0"])])
def test_it_is_drawn_in_place(program: str, progress: list[str]) -> None:
    """Frames are drawn over each other, the screen is cleared at the end only, and title and progress go then.

    Left as it is, it would stay in the scrollback of a tmux whose window has grown. Only a terminal known
    to show progress gets it, red after a failure.
    """
    with watching(many(failed=1), TERM_PROGRAM=program) as (_, seen):
        seen.until_it_fits(frames=5)
        assert seen.end(signal.SIGINT) == 130
    live, cleared, _ = seen.written.partition("\x1b[H\x1b[2J\x1b[?25h\x1b[?1049l")
    assert cleared
    assert not re.search(r"\x1b\[[23]J", live)
    assert seen.written.count("\x1b[?1049h") == seen.written.count("\x1b[?1049l") == 1
    titles = re.findall(r"\x1b\]0;(.*?)\x07", seen.written)
    assert (titles[-2], titles[-1]) == ("✖1 21/27", "")
    assert re.findall(r"\x1b\]9;4;(\d;\d+)\x07", seen.written)[-2:] == progress


@pytest.mark.parametrize(
    ("environ", "ascii_only", "colored"),
    [({"NO_COLOR": "1"}, False, False), ({"LC_ALL": "C"}, True, True)],
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


@pytest.mark.parametrize(
    ("failed", "record", "steps"),
    [
        (0, False, ["migstat watch job-1 migrate-1"]),
        (1, False, ["migstat watch job-1 migrate-1", "migstat projects job-1 migrate-1 --state failed   (1 failed)"]),
        # without its options, it would neither record nor resume
        (0, True, ["run the same command to resume this watch"]),
    ],
)
def test_an_interrupted_watch_says_how_to_go_on(tmp_path: Path, failed: int, record: bool, steps: list[str]) -> None:
    """After Ctrl-C the next command resumes the watch, also where something has failed that is worth a look."""
    words = ("--record", str(tmp_path / "night.jsonl")) if record else ()
    with watching(many(failed=failed), *words) as (_, seen):
        seen.until_shown("updated")
        assert seen.end(signal.SIGINT) == 130
    assert [line for line in seen.scrollback if "Next" in line] == [f"Next: {step}" for step in steps]


def left_over(seen: Window, verdict: str) -> list[str]:
    """The lines that are left after the end: one screen, whose first line is the verdict, on a terminal as it was."""
    assert seen.is_restored()
    left = seen.scrollback
    assert left[0].startswith(verdict)
    assert len([line for line in left if "Jira to the cloud" in line]) == 1, left
    assert left[-1].startswith("Next: migstat ")
    return left


def bells(written: str) -> int:
    return re.sub(r"\x1b\][^\a]*\a", "", written).count("\a")


def test_the_end_stays_in_the_scrollback() -> None:
    """The end leaves verdict, reason and the next command in the scrollback, and rings as the failure before it did."""
    scripted = cutover(moved("ACME", 0, 100), moved("ERP", 0, 100, "FAILED", final_message="No field."), over=150)
    with night(scripted) as rehearsed, window(rehearsed.server, size=(100, 24)) as seen:
        seen.until_shown("0 of 2 projects")
        rehearsed.slept.append(120.0)
        seen.until(lambda: bells(seen.written) == 1)  # what comes within one frame rings once
        rehearsed.slept.append(80.0)
        assert seen.end() == 1
    left = left_over(seen, "✖ failed")
    assert any(re.search(r"✖ ERP +No field\.", line) for line in left)
    assert re.search(r"^failed after .*", left[-2])
    assert left[-1] == "Next: migstat projects job-1 migrate-1 --state failed   (1 failed)"  # no longer `latest`, maybe
    assert bells(seen.written) == 2


@pytest.mark.parametrize(
    ("words", "environ", "number", "code", "ending"),
    [
        ((), {}, signal.SIGHUP, 129, "interrupted: still running"),
        (("--fail-fast",), {}, None, 1, "the migration goes on"),
        ((), {"MIGSTAT_TOKEN": "another"}, None, 4, ""),
    ],
    ids=str,
)
def test_however_it_ends_the_terminal_is_restored(
    words: tuple[str, ...], environ: dict[str, str], number: signal.Signals | None, code: int, ending: str
) -> None:
    """After signals, errors and --fail-fast the terminal is restored, with the last state and the last line."""
    with watching(many(failed=1), *words, size=(200, 50), **environ) as (_, seen):
        if number is not None:
            seen.until_shown("updated")
        assert seen.end(number) == code
    if ending:
        assert ending in [line for line in left_over(seen, "● running") if not line.startswith("Next: ")][-1]
    else:
        left = seen.scrollback
        assert (seen.is_restored(), len(left) in (1, 2), left[0][:9]) == (True, True, "migstat: ")


@pytest.mark.parametrize(("hanging", "times"), [(0, 1), (1000, 2)])
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


@pytest.mark.parametrize(("words", "number", "code"), [(("--timeout", "3s"), None, 124), ((), signal.SIGINT, 130)])
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
        seen.until_it_fits()
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
    [("", 129, "interrupted"), ("""-c "trap '' HUP; exec $WATCH" """, 1, "finished")],
)
def test_a_terminal_that_goes_away_is_a_hangup(tmp_path: Path, bash: str, code: int, last: str) -> None:
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
    hook, notified, go = (tmp_path / name for name in ("hook", "notified", "go"))
    lines = (f"echo $MIGSTAT_EVENT >> {notified}", "(echo XX > /dev/tty) 2>&-", "echo YY; echo ZZ >&2")
    # Within limits, so that it ends even if the test is killed.
    waits = f"n=0; [ $MIGSTAT_EVENT = change ] || while [ ! -e {go} ] && [ $((n += 1)) -le 999 ]; do sleep 0.05; done"
    hook.write_text("\n".join(["#!/bin/sh", *lines, waits, f"echo over >> {notified}", "exit 3", ""]), encoding="utf-8")
    hook.chmod(0o700)
    scripted = cutover(moved("ACME", 20, 100, "FAILED"), moved("ZED", 20, 900), over=900, state="FAILED")
    with night(scripted, head_start=50) as rehearsed, window(rehearsed.server, "--notify", str(hook)) as seen:
        seen.until_shown("ACME")
        rehearsed.slept.append(100.0)
        seen.until_shown(r"^\d\d:\d\d ▲ .*--notify: hook exited with 3: ZZ")
        seen.child.sendcontrol("c")
        seen.until_printed("press Ctrl-C to stop it")
        go.touch()
        assert seen.end() == 130
    assert notified.read_text(encoding="utf-8").split() == ["change", "over", "interrupted", "over"]
    assert not re.search("XX|YY", seen.written)
    assert len([line for line in seen.scrollback if "exited with 3" in line]) == 1


def test_verbose_gives_lines() -> None:
    """With -v on the same terminal the requests are logged, and nothing is drawn over them."""
    with watching(many(), "-v", size=(200, 50)) as (_, seen):
        seen.until_printed(r"GET /migrations\S+ 200 \d+ ms")
        assert seen.end(signal.SIGINT) == 130
    assert "\x1b[?1049h" not in seen.written
