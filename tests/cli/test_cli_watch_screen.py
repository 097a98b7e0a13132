"""`migstat watch` on a terminal: what a person sees, whatever the window, and what is left afterwards."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pexpect
import pyte
import pytest
from rich.cells import cell_len

from migstat.simulator.scenario import Phase, Scenario
from migstat.simulator.server import Server
from tests.cli.rehearsals import HERE, check_run, cutover, migration, moving, night, node
from tests.command_line import environ_of, hermetic

PATIENCE = 20.0
"""Seconds of real time in which the screen must show what is waited for."""

SIZES = [(80, 24), (200, 50), (40, 15)]
"""Columns and lines of windows."""

BEYOND = 30
"""Columns and lines that a wider screen has than the window, to see what would be drawn outside of it."""

CJK = "日本語の長い名前のプロジェクト第一営業部門移行計画"
BEGIN_OF_FRAME, END_OF_FRAME = "\x1b[?2026h", "\x1b[?2026l"
SWITCH = re.compile(r"(\x1b\[\?1049[hl])")


class Window:
    """A terminal emulator with scrollback and a second screen, at whose other end a watch runs."""

    def __init__(
        self, server: Server, words: tuple[str, ...], size: tuple[int, int], environ: Mapping[str, str]
    ) -> None:
        own = hermetic()
        quick = {"MIGSTAT_RATE_LIMIT": "none", "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "migstat", "watch", "--interval", "0.2s", "--stall-after", "99999h", *words],
            env={**own, **environ_of(server), **quick, **environ},
            dimensions=(size[1], size[0]),
            encoding="utf-8",
            timeout=PATIENCE,
        )
        self.child.ptyproc.delayafterclose = self.child.ptyproc.delayafterterminate = 0.01
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
        self._frames_before = self.written.count(END_OF_FRAME)

    def resize(self, size: tuple[int, int]) -> None:
        """Make the window another one, as a person does with the mouse."""
        self.child.setwinsize(size[1], size[0])
        self.resized(size)
        self.until(self._is_settled)

    def _is_settled(self) -> bool:
        """Whether what was under way for the window as it was has arrived: from then on all must fit."""
        if self.outside():
            self.resized(self.size)
        return self._drawn_anew() and self.is_whole and not self.outside()

    def _drawn_anew(self) -> bool:
        """Whether a frame was drawn since the second screen began anew."""
        return self.written.count(END_OF_FRAME) > self._frames_before

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
        """What the second screen shows in the window, line by line."""
        columns, lines = self.size
        return [split(line, columns)[0].rstrip() for line in self._second.display[:lines]]

    @property
    def text(self) -> str:
        """The same as one text."""
        return "\n".join(self.lines)

    @property
    def scrollback(self) -> list[str]:
        """All lines of the main screen, those too that were scrolled out of it."""
        gone = ["".join(line[at].data for at in range(self.size[0])).rstrip() for line in self._main.history.top]
        return [*gone, *(line.rstrip() for line in self._main.display)]

    @property
    def is_whole(self) -> bool:
        """Whether no frame is half drawn."""
        return not self._held and self.written.count(BEGIN_OF_FRAME) == self.written.count(END_OF_FRAME)

    def until(self, shown: Callable[[], object]) -> None:
        """Wait until that is so."""
        deadline = time.monotonic() + PATIENCE
        while not shown():
            assert time.monotonic() < deadline, f"not shown:\n{self.text}"
            try:
                self.feed(self.child.read_nonblocking(65536, timeout=0.2))
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                assert shown(), f"it ended before:\n{self.text}\n{self.scrollback}"

    def until_shown(self, pattern: str) -> None:
        """Wait until the second screen shows a text that matches."""
        self.until(lambda: self.second and self.is_whole and re.search(pattern, self.text))

    def frames(self, count: int = 1) -> None:
        """Wait until so many further frames are drawn."""
        drawn = self.written.count(END_OF_FRAME) + count
        self.until(lambda: self.written.count(END_OF_FRAME) >= drawn and self.is_whole)

    def end(self, number: signal.Signals | None = None) -> int:
        """Wait until it has ended, by a signal where there is one; the exit code."""
        if number is not None:
            self.child.kill(number)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                self.feed(self.child.read_nonblocking(65536, timeout=0.2))
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                break
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
        """Whether the main screen is there, with a cursor, wrapping lines and no style left over."""
        found = [self.written.rfind(f"\x1b[?{mode}") for mode in ("1049l", "25h", "7h")]
        undone = [self.written.rfind(f"\x1b[?{mode}") for mode in ("1049h", "25l", "7l")]
        pen = self._main.cursor.attrs
        plain = (pen.fg, pen.bg, pen.bold, pen.reverse) == ("default", "default", False, False)
        return plain and not self._main.cursor.hidden and all(on > off for on, off in zip(found, undone, strict=True))


def split(line: str, columns: int) -> tuple[str, str]:
    """What a line has in so many cells, and what beyond; a wide character has an empty neighbour, which is none."""
    if cell_len(line.rstrip()) <= columns:
        return line.rstrip(), ""
    taken = 0
    for at, character in enumerate(line):
        taken += cell_len(character)
        if taken > columns:
            return line[:at], line[at:]
    return line, ""


@contextmanager
def window(server: Server, *words: str, size: tuple[int, int] = (80, 24), **environ: str) -> Iterator[Window]:
    """Open a window in which a server is watched; whatever happens, it is closed."""
    opened = Window(server, words, size, environ)
    try:
        yield opened
    finally:
        if not opened.child.closed:
            opened.child.kill(signal.SIGKILL)
            opened.child.wait()
            opened.child.close()


def many(*, failed: int = 0, warned: int = 0, running: int = 6, well: int = 20, prefix: str = "P") -> Scenario:
    """Return a migration that stands still, with projects in so many states."""
    states = [("FAILED", failed), ("WARNING", warned), ("running", running), ("SUCCESS", well)]
    projects = [
        node(
            f"{prefix}-{state[:1]}{number:04}",
            state,
            None if state in ("SUCCESS", "running") else f"message of {state} {number}, which is long enough to be cut",
            **({"phases": (Phase("import", 400),)} if state == "running" else {}),
        )
        for state, count in states
        for number in range(count)
    ]
    return migration("running", migrate="running", scopes=(node("apps", "running"),), projects=tuple(projects))


@pytest.fixture(scope="module", autouse=True)
def demo_begun(demo: subprocess.Popen[str]) -> None:
    """Begin the demo, which takes its time, before all else; the last test waits for its end."""


@contextmanager
def windows(scripted: Scenario, sizes: Sequence[tuple[int, int]], *words: str) -> Iterator[list[Window]]:
    """Open windows of several sizes on the same migration, all at once."""
    with ExitStack() as stack:
        rehearsed = stack.enter_context(night(scripted, head_start=HERE))
        yield [stack.enter_context(window(rehearsed.server, *words, size=size)) for size in sizes]


@pytest.mark.slow
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
    with windows(scripted, SIZES) as opened:
        for seen in opened:
            seen.until_shown(r"requests/min")
            seen.frames(2)
            assert seen.outside() == []
            assert seen.lines[0][:9] == "● running"
            assert "Jira to the cloud" in seen.lines[0]
            assert not [line for line in seen.scrollback if line]


@pytest.mark.slow
def test_a_window_of_any_size_is_not_exceeded() -> None:
    """Even in a window that is no use to anybody nothing is drawn beyond it, and it ends as it should."""
    with windows(many(failed=9, prefix=CJK), [(20, 5), (8, 2), (1, 1), (500, 3), (3, 100)]) as opened:
        for seen in opened:
            seen.until(lambda seen=seen: seen.second)  # type: ignore[misc]
            seen.frames(3)
        assert {seen.size: seen.outside() for seen in opened} == {seen.size: [] for seen in opened}
        for seen in opened:
            assert seen.end(signal.SIGINT) == 130
            assert seen.is_restored()


def test_a_frame_shows_what_counts() -> None:
    """The frame shows name, verdict, times, bar, scopes, running projects with phases, and failures before them."""
    with night(many(failed=1, warned=1, running=2), head_start=HERE) as rehearsed, window(rehearsed.server) as seen:
        seen.until_shown("requests/min")
        text = seen.text
        assert re.search(r"^● running  Jira to the cloud$", seen.lines[0])
        assert "22 of 24 projects done" in text
        assert re.search(r"read \d+s ago", text)
        assert re.search(r"\d+ requests/min", text)
        assert re.search(r"ends about|estimating", text)
        assert "1 failed" in text
        assert "1 warning" in text
        for pattern in (
            r"^check +✔",
            r"^migrate +● running",
            r"^ *apps +● running",
            r"P-r0000 +● running.*import 0/400",
        ):
            assert re.search(pattern, text, re.MULTILINE), pattern
        order = [text.index(name) for name in ("P-F0000", "P-W0000", "P-r0000")]
        assert order == sorted(order)
        assert text.index("P-W0000") < re.search(r"^migrate +●", text, re.MULTILINE).start()  # type: ignore[union-attr]


def test_failures_come_before_anything_healthy() -> None:
    """Where not all failures find room, nothing healthy takes it, and the rest is counted."""
    with windows(many(failed=70, warned=30), SIZES) as opened:
        for seen in opened:
            seen.until_shown(r"\+\d+ more")
            rows = [line for line in seen.lines[seen.lines.index("") + 1 :] if line and not line.startswith("+")]
            assert len(rows) >= 3
            assert [row for row in rows if "✖ failed" not in row] == []
            (more,) = re.findall(r"^\+(\d+) more(.*)", seen.text, re.MULTILINE)
            assert int(more[0]) >= 100 - len(rows)
            assert f"✖ {70 - len(rows)} failed" in more[1]


def test_a_scope_that_failed_comes_before_anything_healthy() -> None:
    """A scope that failed, such as the users, is shown before scopes and projects that are well, in any window."""
    scopes = (*(node(f"scope{number}", "running") for number in range(12)), node("usersAndGroups", "FAILED"))
    projects = tuple(node(f"P{number}", "running") for number in range(20))
    scripted = migration("running", migrate="running", scopes=scopes, projects=projects)
    with windows(scripted, SIZES) as opened:
        for seen in opened:
            seen.until_shown("requests/min")
            seen.until_shown(r"(?m)^ *scope\d+ ")
            first_healthy = re.search(r"(?m)^ *(scope\d+|P\d+) +●", seen.text)
            failed = re.search(r"(?m)^ *usersAndGr\S* +✖ failed", seen.text)
            assert failed is not None, seen.text
            assert first_healthy is not None
            assert failed.start() < first_healthy.start(), seen.text


def test_a_check_that_failed_is_shown() -> None:
    """While the check has failed, the checks that did are shown first."""
    check = node("check", "FAILED", children=(node("Well"), node("InvalidEmail", "FAILED", "4 accounts.")))
    scripted = migration("running", check=check, migrate="running", projects=(node("ACME", "running"),))
    with night(scripted, head_start=HERE) as rehearsed, window(rehearsed.server) as seen:
        seen.until_shown("InvalidEmail +✖ failed")
        assert seen.text.index("InvalidEmail") < seen.text.index("ACME")


def test_changes_are_shown_with_their_times() -> None:
    """The last changes are listed with their times, the state they led to and the one before."""
    with (
        night(cutover(moving("ACME", 100, 200, "FAILED"), moving("ZED", 0, 900))) as rehearsed,
        window(rehearsed.server) as seen,
    ):
        seen.until_shown("0 of 2 projects")
        rehearsed.slept.append(150.0)
        seen.until_shown(r"\d\d:\d\d  ● migrate,projects,ACME running \(was PENDING\)")
        rehearsed.slept.append(100.0)
        seen.until_shown(r"\d\d:\d\d  ✖ migrate,projects,ACME failed")
        assert re.search(r"(?m)^ACME +✖ failed", seen.text)
        assert "1 of 2 projects" in seen.text


@pytest.mark.slow
def test_it_follows_the_window() -> None:
    """When the window is resized, both ways, the frame soon fits again, and nothing is left over from before."""
    scripted = many(prefix=CJK, failed=40)
    with night(scripted, head_start=HERE) as rehearsed, window(rehearsed.server) as seen:
        seen.until_shown("requests/min")
        for size in ((200, 50), (40, 15), (120, 8), (30, 60), (80, 24)):
            seen.resize(size)
            seen.frames(2)
            assert seen.outside() == [], size
            assert "Jira to the" in seen.text
        assert seen.end(signal.SIGTERM) == 143
        assert seen.is_restored()


@pytest.mark.slow
def test_it_is_drawn_in_place() -> None:
    """Frames are drawn over each other as a whole, and the screen is not cleared in between."""
    with night(many(), head_start=HERE) as rehearsed, window(rehearsed.server) as seen:
        seen.until_shown("requests/min")
        seen.frames(5)
        _, _, drawn = seen.written.partition(END_OF_FRAME)
        assert "\x1b[2J" not in drawn
        assert "\x1b[3J" not in drawn
        assert drawn.count(BEGIN_OF_FRAME) - drawn.count(END_OF_FRAME) in (0, 1)
        assert seen.end(signal.SIGINT) == 130
        assert seen.written.count("\x1b[?1049h") == seen.written.count("\x1b[?1049l") == 1


@pytest.mark.slow
def test_five_thousand_projects_fit() -> None:
    """With 5000 projects of which 8 run the frame fits, shows those, and the end is short."""
    scripted = many(failed=2, running=8, well=4990)
    with night(scripted, head_start=HERE) as rehearsed, window(rehearsed.server) as seen:
        seen.until_shown("4992 of 5000 projects")
        seen.until(lambda: len(re.findall(r"(?m)^P-r\d+ +● running", seen.text)) == 8)
        assert len(re.findall(r"(?m)^P-F\d+ +✖ failed", seen.text)) == 2
        assert seen.outside() == []
        seen.resize((40, 15))
        assert "+" in seen.text
        assert seen.end(signal.SIGTERM) == 143
        assert len([line for line in seen.scrollback if line]) < 200


def test_a_plain_locale_gets_ascii() -> None:
    """With LC_ALL=C all that is drawn, live and at the end, is ASCII."""
    with night(many(failed=2, warned=2), head_start=HERE) as rehearsed, window(rehearsed.server, LC_ALL="C") as seen:
        seen.until_shown(r"> running  Jira to the cloud")
        seen.until_shown(r"x failed")
        assert seen.end(signal.SIGINT) == 130
    assert seen.written.isascii()


def test_no_color_is_heeded() -> None:
    """With NO_COLOR there is no colour, live or at the end, and without there is."""
    styled = re.compile(r"\x1b\[[0-9;]+m")
    for environ, colored in (({"NO_COLOR": "1"}, False), ({}, True)):
        with (
            night(many(failed=2), head_start=HERE) as rehearsed,
            window(rehearsed.server, size=(80, 24), **environ) as seen,
        ):
            seen.until_shown("requests/min")
            assert seen.end(signal.SIGINT) == 130
        live, _, final = seen.written.rpartition("\x1b[?1049l")
        assert [bool(styled.search(part)) for part in (live, final)] == [colored, colored]


@pytest.mark.slow
def test_an_outage_is_shown_and_its_end() -> None:
    """While nothing answers, that is shown beside the last good state, which is marked as old, and its end, too."""
    with night(many(failed=1), head_start=HERE) as rehearsed, window(rehearsed.server, "--no-bell") as seen:
        seen.until_shown("requests/min")
        rehearsed.server.faults.add("405", 100_000)
        seen.until_shown(r"no answer for \d+s, (again in \d+s|asking again)")
        seen.until_shown(r"again in \d+s")
        assert re.search(r"\d+s old", seen.text)
        assert "21 of 27 projects done" in seen.text
        assert re.search(r"(?m)^P-F0000 +✖ failed", seen.text)
        assert seen.outside() == []
        rehearsed.server.faults.clear()
        seen.until_shown(r"read \d+s ago")
        assert "no answer" not in seen.text
        assert seen.end(signal.SIGTERM) == 143


def test_an_outage_at_the_start_is_shown() -> None:
    """While the first answer does not come, the screen says so, and shows the migration as soon as it is there."""
    with night(many(), head_start=HERE) as rehearsed:
        rehearsed.server.faults.add("503", 2, retry_after=9)
        with window(rehearsed.server) as seen:
            seen.until_shown(r"no answer for \d+s")
            assert seen.outside() == []
            assert seen.end(signal.SIGINT) == 130
            assert seen.is_restored()


def ended(seen: Window, verdict: str, name: str) -> None:
    """Hold what is left after an end against what is promised: the final state once, and one line of verdict."""
    assert seen.is_restored()
    assert seen.outside() == []
    left = [line for line in seen.scrollback if line]
    assert len([line for line in left if "Jira to the cloud" in line]) == 1, left
    assert len([line for line in left if name in line]) == 1, left
    assert left[0] == f"{verdict}  Jira to the cloud"
    assert "projects done" in left[-1]
    assert len([line for line in left if "projects done" in line]) == 1


def test_the_final_state_stays_in_the_scrollback() -> None:
    """On the end the final state is in the scrollback once, with one line of verdict, and the terminal as it was."""
    scripted = cutover(moving("ACME", 0, 100), moving("ERP", 0, 100, "FAILED"), over=150)
    with night(scripted) as rehearsed, window(rehearsed.server, size=(100, 24)) as seen:
        seen.until_shown("0 of 2 projects")
        rehearsed.slept.append(200.0)
        assert seen.end() == 1
        ended(seen, "✖ failed", "ERP")
        last = [line for line in seen.scrollback if line][-1]
        assert re.search(r"finished: failed.*2 of 2 projects done", last)
        assert seen.written.count("\a") == 2


@pytest.mark.slow
def test_a_signal_leaves_the_terminal_as_it_was() -> None:
    """After Ctrl-C, SIGTERM and SIGHUP the terminal is as it was, with the last state and a last word."""
    with windows(many(failed=1), [(200, 50)] * 3) as opened:
        codes = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
        for seen, (number, code) in zip(opened, codes, strict=True):
            seen.until_shown("requests/min")
            assert seen.end(number) == code
            ended(seen, "● running", "P-F0000")
            assert "migration itself goes on" in [line for line in seen.scrollback if line][-1]


def test_ctrl_c_is_a_key() -> None:
    """Ctrl-C as typed into the terminal ends it with 130, also before anything has answered."""
    for faults in (0, 1000):
        with night(many(), head_start=HERE) as rehearsed:
            rehearsed.server.faults.add("slow", faults, seconds=60.0)
            with window(rehearsed.server, MIGSTAT_REQUEST_TIMEOUT="60s") as seen:
                seen.until_shown("asking|requests/min")
                seen.until(lambda: rehearsed.server.requests)
                seen.child.sendintr()
                assert seen.end() == 130
                assert seen.is_restored()
                assert "migration itself goes on" in " ".join(seen.scrollback)


def status_of(pid: int) -> int:
    """Wait for the end of a process whose terminal is gone; its exit status."""
    deadline = time.monotonic() + PATIENCE
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_terminal_that_goes_away_is_a_hangup(tmp_path: Path) -> None:
    """When the terminal is closed under it, it ends as by SIGHUP with 129, and the record has its last event."""
    path = tmp_path / "night.jsonl"
    with night(many(), head_start=HERE) as rehearsed, window(rehearsed.server, "--record", str(path)) as seen:
        seen.until_shown("requests/min")
        seen.child.ptyproc.fileobj.close()
        status = status_of(seen.child.pid)
        seen.child.closed = True
    last = json.loads(path.read_text().splitlines()[-1])
    assert (last["event"], last["exitCode"]) == ("interrupted", 129)
    assert os.waitstatus_to_exitcode(status) == 129


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "environ", "code"),
    [
        ((), {"MIGSTAT_TOKEN": "another"}, 4),
        (("job-2",), {}, 5),
        (("--fail-fast",), {}, 1),
    ],
)
def test_however_it_ends_the_terminal_is_restored(words: tuple[str, ...], environ: dict[str, str], code: int) -> None:
    """After an error and --fail-fast the terminal is as it was, and says why in a line or two."""
    with (
        night(many(failed=1), head_start=HERE) as rehearsed,
        window(rehearsed.server, *words, size=(200, 50), **environ) as seen,
    ):
        assert seen.end() == code
    assert seen.is_restored()
    left = [line for line in seen.scrollback if line]
    if code in (4, 5):
        assert 1 <= len(left) <= 2
        assert left[0].startswith("migstat: ")
    else:
        assert "migration itself goes on" in left[-1]
        assert left[0] == "● running  Jira to the cloud"


def test_a_warning_about_a_record_stays_readable(tmp_path: Path) -> None:
    """That a line of the record was cut short is still to be read when the watch is over, and spoils no frame."""
    path = tmp_path / "night.jsonl"
    path.write_text('{"event":"stalled","at":"2026-09-21T14:13:20.000Z","level":["gone"],"name":"gone"}\n{"event":"cha')
    with (
        night(many(), head_start=HERE) as rehearsed,
        window(rehearsed.server, "--record", str(path), size=(200, 50)) as seen,
    ):
        seen.until_shown("requests/min")
        seen.frames(2)
        assert "truncated" not in seen.text
        assert seen.end(signal.SIGINT) == 130
    assert "truncated" in "\n".join(seen.scrollback)
    assert seen.is_restored()


def test_verbose_gives_lines() -> None:
    """With -v on the same terminal the requests are logged, and nothing is drawn over them."""
    with night(many(), head_start=HERE) as rehearsed, window(rehearsed.server, "-v", size=(200, 50)) as seen:
        seen.until(lambda: re.search(r"GET /migrations\S+ 200 \d+ ms", "\n".join(seen.scrollback)))
        assert seen.end(signal.SIGINT) == 130
    assert "\x1b[?1049h" not in seen.written


@pytest.mark.slow
def test_the_demo_is_the_watch_of_the_cutover(demo: subprocess.Popen[str]) -> None:
    """`migstat demo` alone watches a failure, an outage and a warning, and ends within half a minute.

    Its clock runs with the work, and at the end it says what to do next.
    """
    out, err = demo.communicate(timeout=30)
    assert demo.returncode == 1
    assert "\tmigrate,projects,ATTIC\t" in out
    assert "\tmigrate,projects,INFRA\t" in out
    assert all(line.count("\t") == 4 for line in out.splitlines())
    times = [datetime.fromisoformat(line.split("\t")[0]) for line in out.splitlines()]
    assert times[-1] - times[0] > timedelta(minutes=50)
    first, *told, last, following = err.splitlines()
    assert first.startswith("Demo: ")
    assert any("503" in line for line in told)
    assert "failed" in last
    assert "40 of 40 projects" in last
    assert following.startswith("Next: migstat demo ")
