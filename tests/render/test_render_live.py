"""The frame of a watch: what fits into a window of any size, what went wrong before anything healthy."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from migstat.model.events import Changed, End, Ended, Reading
from migstat.model.nodes import Node, Phase, State
from migstat.model.verdict import Summary, Verdict
from migstat.render.grid import Line
from migstat.render.live import Digest, Health, digest, ended_line, frame
from migstat.render.parts import Canvas
from migstat.render.theme import ASCII, UNICODE, Glyphs

NOW = 1_790_000_000_000
HOUR = 3_600_000
HEALTH = Health(NOW, NOW - 3000, 21.4, 10.0, 120.0)
PROJECTS = ("migrate", "projects")

WORDS = {"PENDING": None, "IN_PROGRESS": None}


def text_of(line: Line) -> str:
    """A line without its styles."""
    return "".join(text for text, _ in line)


def project(name: str, word: str, message: str | None = None, percent: float | None = None) -> Node:
    """A project in one word: a status, or the outcome of a finished one."""
    status, outcome = (word, None) if word in WORDS else ("FINISHED", word)
    details = {"startedAt": NOW - HOUR, "lastUpdatedAt": NOW - 60_000} if word != "PENDING" else {}
    phases = (Phase("issues", 120, 4000),) if percent is not None else ()
    return Node((*PROJECTS, name), status, outcome, message, details, percent, phases)


def told(
    *projects: Node,
    scopes: tuple[Node, ...] = (),
    checks: tuple[Node, ...] = (),
    check: str = "SUCCESS",
    verdict: Verdict = Verdict.RUNNING,
    missing: int = 0,
    title: str = "Jira to the cloud",
    stalled: frozenset[tuple[str, ...]] = frozenset(),
) -> Digest:
    """What is known of a migration."""
    ended = check not in WORDS
    first = Node(("check",), "FINISHED" if ended else check, check if ended else None, children=checks)
    hidden = Node(PROJECTS, children=projects)
    migrate = Node(("migrate",), "IN_PROGRESS", children=(*scopes, hidden))
    root = Node((), "IN_PROGRESS", details={"startedAt": NOW - 2 * HOUR}, children=(first, migrate))
    return digest(
        root,
        projects,
        title=title,
        task="migrate 3f2a9c14-8f0e-4f0b-9a55-0c6a1d2e7b90",
        verdict=verdict,
        scope="projects",
        missing=missing,
        stalled=stalled,
        now=NOW,
    )


def shown(
    known: Digest,
    width: int = 100,
    height: int = 30,
    *,
    health: Health = HEALTH,
    changes: tuple[Changed, ...] = (),
    glyphs: Glyphs = UNICODE,
) -> list[str]:
    """The lines of a frame, which fit into the window."""
    lines = [text_of(line) for line in frame(known, health, changes, Canvas(width, glyphs), height)]
    assert len(lines) <= height
    assert [line for line in lines if cell_len(line) > width] == []
    return lines


def row_of(lines: list[str], name: str) -> int:
    """Where a node's row is."""
    return next(at for at, line in enumerate(lines) if re.match(rf"\s*{re.escape(name)}\s", line + " "))


NAMES = st.text(st.sampled_from("abcXYZ019_漢字かな한글é😀\t\x1b\u202e"), min_size=1, max_size=60)
STATUSES = ("PENDING", "IN_PROGRESS", "SUCCESS", "WARNING", "FAILED", "SKIPPED", "INCOMPLETE", "漢字_ODD_OUTCOME")
MESSAGES = st.none() | st.text(st.sampled_from("word 漢字 \n[/]\x07…"), max_size=120)
PROJECT = st.builds(
    project, NAMES, st.sampled_from(STATUSES), MESSAGES, st.none() | st.floats(-10, 1e6, allow_nan=False)
)
CHANGES = st.builds(
    lambda node, age, before: Changed(NOW - age, node, before),
    PROJECT,
    st.integers(0, 40 * 86_400_000),
    st.none() | st.builds(Reading, st.none() | NAMES, st.none() | NAMES),
)
TROUBLE = st.builds(
    Health,
    st.just(NOW),
    st.none() | st.integers(NOW - 10 * HOUR, NOW),
    st.floats(0, 600),
    st.floats(1, 600),
    st.floats(1, 600),
    st.none() | st.floats(0, 1e6),
    st.floats(-5, 300),
)


@given(
    st.lists(PROJECT, max_size=40),
    st.lists(CHANGES, max_size=8),
    TROUBLE,
    st.integers(20, 220),
    st.integers(1, 60),
    st.sampled_from([UNICODE, ASCII]),
    st.sampled_from(list(Verdict)),
    NAMES,
    st.integers(0, 5000),
)
def test_a_frame_never_exceeds_the_window(
    projects: list[Node],
    changes: list[Changed],
    health: Health,
    width: int,
    height: int,
    glyphs: Glyphs,
    verdict: Verdict,
    title: str,
    missing: int,
) -> None:
    """Whatever is known and whatever the window's size, the frame has no line and no cell too many."""
    scopes = (Node(("migrate", "apps"), "IN_PROGRESS"), Node(("migrate", "usersAndGroups"), "FINISHED", "SUCCESS"))
    known = told(*projects, scopes=scopes, verdict=verdict, title=title, missing=missing)
    lines = shown(known, width, height, health=health, changes=tuple(changes), glyphs=glyphs)
    assert lines
    assert all(line.isprintable() for line in lines)


def test_counts_never_exceed_the_window() -> None:
    """The line of counts is broken between them, with no dot beyond the edge."""
    projects = [project(f"{word}{number}", word) for word in STATUSES[:6] for number in range(2)]
    for width in range(20, 60):
        shown(told(*projects, missing=3), width)
        shown(told(*projects[2:8]), width)


@pytest.mark.parametrize("width", [20, 24, 40, 80])
def test_old_changes_fit_into_the_window(width: int) -> None:
    """A change of more than a week ago has a longer date and still its line."""
    change = Changed(NOW - 30 * 24 * HOUR, project("ACME", "FAILED"), None)
    shown(told(project("ACME", "FAILED")), width, changes=(change,))


def test_nothing_is_known_at_first() -> None:
    """Before the first answer it says what is asked for, and that it is."""
    lines = shown(Digest.unknown("job 3f2a"), health=Health(NOW, None, 0.0, 10.0, 120.0))
    assert "pending" in lines[0]
    assert "job 3f2a" in lines[0]
    assert any("asking" in line for line in lines)


def test_the_head_tells_where_it_stands() -> None:
    """Name, verdict, elapsed, requests a minute, age of the data, the interval, and how many are done."""
    head = "\n".join(shown(told(project("A", "SUCCESS"), project("B", "IN_PROGRESS"), missing=1))[:8])
    for part in ("Jira to the cloud", "running", "2h 00m", "read 3s ago", "every 10s", "21 requests/min", "1 of 3"):
        assert part in head


def test_an_end_is_estimated_where_progress_allows() -> None:
    """With enough projects done it says when it may end, and before that that it is estimating."""
    few = [project("A", "SUCCESS"), *(project(f"R{number}", "IN_PROGRESS") for number in range(9))]
    many = [*(project(f"D{number}", "SUCCESS") for number in range(30)), project("R", "IN_PROGRESS")]
    assert "estimating" in "\n".join(shown(told(*few)))
    assert "ends about" in "\n".join(shown(told(*many)))
    assert "ends about" not in "\n".join(shown(told(*many, verdict=Verdict.SUCCEEDED)))
    assert "estimating" not in "\n".join(shown(told(*few, verdict=Verdict.FAILED)))


@pytest.mark.parametrize("height", range(10, 50, 5))
@pytest.mark.parametrize("width", [44, 80, 200])
def test_what_went_wrong_comes_before_anything_healthy(width: int, height: int) -> None:
    """Failures first, then warnings, then scopes and what runs; nothing healthy is shown while one is left out."""
    bad = [project(f"BAD{number:02}", "FAILED") for number in range(6)]
    warned = [project(f"WARN{number:02}", "WARNING") for number in range(6)]
    running = [project(f"RUN{number:02}", "IN_PROGRESS", percent=50) for number in range(8)]
    well = [project(f"WELL{number:02}", "SUCCESS") for number in range(30)]
    scopes = (Node(("migrate", "usersAndGroups"), "FINISHED", "SUCCESS"), Node(("migrate", "apps"), "IN_PROGRESS"))
    lines = shown(told(*well, *running, *warned, *bad, scopes=scopes), width, height)
    body = [
        match[0] for line in lines if (match := re.match(r"\s*(BAD\d+|WARN\d+|RUN\d+|apps|usersAndGroups)\b", line))
    ]
    names = [name.strip() for name in body]
    ranks = [0 if name.startswith("BAD") else 1 if name.startswith("WARN") else 2 for name in names]
    assert ranks == sorted(ranks)
    if 2 in ranks:
        assert ranks.count(0) == ranks.count(1) == 6
    assert not any("WELL" in line for line in lines)


def test_what_does_not_fit_is_counted() -> None:
    """The rest is one line that says how many more there are."""
    bad = [project(f"BAD{number:02}", "FAILED") for number in range(40)]
    lines = shown(told(*bad), 80, 20)
    rows = sum(line.startswith("BAD") for line in lines)
    assert rows >= 5
    more = next(line for line in lines if "more" in line)
    assert int(re.findall(r"\+(\d+) more", more)[0]) >= 40 - rows
    assert "failed" in more


def test_failures_show_in_a_small_window() -> None:
    """In a window of 15 lines and 40 columns a failed project is still there by its name."""
    running = [project(f"RUN{number:02}", "IN_PROGRESS") for number in range(8)]
    change = Changed(NOW, running[0], None)
    assert any("BAD" in line for line in shown(told(*running, project("BAD", "FAILED")), 40, 15, changes=(change,)))


def test_all_of_a_small_migration_is_shown() -> None:
    """Where there is room there is a row for every scope and running project, with its phase, and the last changes."""
    scopes = (Node(("migrate", "usersAndGroups"), "FINISHED", "SUCCESS"), Node(("migrate", "apps"), "IN_PROGRESS"))
    running = project("RUN", "IN_PROGRESS", percent=40)
    changes = tuple(
        Changed(NOW - 1000 * number, project(f"OLD{number}", "SUCCESS"), Reading("IN_PROGRESS", None))
        for number in (3, 2, 1)
    )
    lines = shown(told(running, scopes=scopes), changes=changes)
    for name in ("check", "migrate", "usersAndGroups", "apps", "RUN"):
        row_of(lines, name)
    row = lines[row_of(lines, "RUN")]
    assert "40 %" in row
    assert "issues 120/4000" in row
    last = [line for line in lines if "OLD" in line]
    assert [re.findall(r"OLD\d", line)[0] for line in last] == ["OLD3", "OLD2", "OLD1"]
    assert "+" not in lines[-1]


def test_an_outage_is_shown_with_what_is_known() -> None:
    """While nothing is answered it says so, since when and until when, and that what is shown is old."""
    health = replace(HEALTH, read_at=NOW - 50_000, silent=43.0, next_try=8.0)
    lines = shown(told(project("BAD", "FAILED")), health=health)
    text = "\n".join(lines)
    assert "no answer for 43s, again in 8s" in text
    assert "50s old" in text
    row_of(lines, "BAD")
    asking = "\n".join(shown(told(project("BAD", "FAILED")), health=replace(health, next_try=-1.0)))
    assert "no answer for 43s" in asking
    assert "again in" not in asking


def test_a_stall_is_shown() -> None:
    """A node that has not moved for long is marked, until it ends."""
    stalled = frozenset({(*PROJECTS, "SLOW")})
    lines = shown(told(project("SLOW", "IN_PROGRESS"), stalled=stalled))
    assert "stalled" in lines[row_of(lines, "SLOW")]
    lines = shown(told(project("SLOW", "FAILED"), stalled=stalled))
    assert "stalled" not in lines[row_of(lines, "SLOW")]


def test_failed_checks_are_shown_while_they_count() -> None:
    """A failed check is bad news where `check` failed or still runs, and none once it was overridden."""
    bad = Node(("check", "InvalidEmail"), "FINISHED", "FAILED", "4 accounts.")
    for word, expected in (("IN_PROGRESS", True), ("FAILED", True), ("WARNING", False)):
        lines = shown(told(checks=(bad,), check=word))
        assert any("InvalidEmail" in line for line in lines) is expected


def test_ascii_is_enough() -> None:
    """Where the terminal shows no more, a frame of plain names is plain ASCII."""
    projects = [project(f"{word}1", word, "m" * 200, 40) for word in STATUSES[:7]]
    changes = tuple(Changed(NOW, node, Reading("IN_PROGRESS", None)) for node in projects)
    for width in (20, 40, 80, 200):
        lines = shown(told(*projects, title="t" * 300), width, 40, changes=changes, glyphs=ASCII)
        assert all(line.isascii() for line in lines)


def test_foreign_text_is_no_markup_and_no_control() -> None:
    """Names and messages from elsewhere are shown as they are, without anything that moves the cursor."""
    odd = project("[red]A\x1b[2J", "FAILED", "line\none\x07 [/bold]")
    text = "\n".join(shown(told(odd, title="[link=x]\u202eevil"), 150))
    assert "[red]A" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_check_task_shows_its_checks() -> None:
    """In a check task the checks are what is counted, and there are no scopes."""
    nodes = (Node(("Fine",), "FINISHED", "SUCCESS"), Node(("Bad",), "FINISHED", "FAILED"), Node(("On",), "IN_PROGRESS"))
    known = digest(
        Node((), "IN_PROGRESS", children=nodes), nodes, title="t", task="check t", verdict=Verdict.RUNNING,
        scope="checks", missing=0, stalled=frozenset(), now=NOW,
    )  # fmt: skip
    lines = shown(known)
    assert row_of(lines, "Bad") < row_of(lines, "On")
    assert any("2 of 3 checks" in line for line in lines)
    assert not any(line.startswith("Fine") for line in lines)


def test_a_digest_sorts_by_what_matters() -> None:
    """The worst first, and what is well only counted."""
    known = told(project("W", "WARNING"), project("S", "SUCCESS"), project("F", "FAILED"), project("R", "IN_PROGRESS"))
    assert [node.name for node in known.bad] == ["F", "W"]
    assert [node.name for node in known.running] == ["R"]
    assert known.states[State.SUCCEEDED] == 1
    assert known.finished == 3


@pytest.mark.parametrize(
    ("end", "verdict", "words", "goes_on"),
    [
        (End.FINISHED, Verdict.WARNING, "finished: warning", False),
        (End.FAILED_FAST, Verdict.RUNNING, "failed", True),
        (End.TIMEOUT, Verdict.RUNNING, "running", True),
        (End.INTERRUPTED, Verdict.RUNNING, "interrupted", True),
        (End.ERROR, Verdict.RUNNING, "could be read", False),
    ],
)
def test_the_end_is_told_in_one_line(end: End, verdict: Verdict, words: str, goes_on: bool) -> None:
    """How it ended and what it came down to; where the migration goes on without the watch, that too."""
    summary = Summary(39, 0, 0, 39, {"FAILED": 1, "SUCCESS": 38})
    line = ended_line(Ended(NOW, end, verdict, 1, summary, ("NEW",), 7695.0), "projects")
    assert words in line
    assert "39 of 40 projects" in line
    assert "2h 08m" in line
    assert "1 FAILED" in line
    assert ("goes on" in line) is goes_on
    assert "\n" not in line
