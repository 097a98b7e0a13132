"""Tables and trees as a person sees them, at any width."""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import struct
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyte
import pytest
from rich.cells import cell_len

from migstat.cli.app import run
from migstat.cli.context import Runtime
from migstat.cli.streams import Streams
from migstat.simulator.scenario import Scenario, SimNode, SimPhase, SimTask
from migstat.simulator.server import Server
from tests.cli.rehearsals import (
    Answer,
    answering,
    artifact,
    ask,
    check_run,
    migration,
    node,
    still,
)
from tests.command_line import Result, environ_of

GLYPHS = {"failed": "✖", "warning": "▲", "running": "●", "pending": "○", "succeeded": "✔", "skipped": "\u2013"}
POOR = {"failed": "x", "warning": "!", "running": ">", "pending": ".", "succeeded": "+", "skipped": "-"}
LONG = "A message that is long enough to be wrapped in every window that people have, and then some more of it."
CJK = "漢字の課題は移行できませんでした。もう一度お試しください。ご不明な点は管理者まで。"


def busy() -> Scenario:
    checks = (
        node("Overridable", "FAILED", LONG, excludable=True, description=LONG, occurrences=("first one", LONG, CJK)),
        node("Fatal", "FAILED", CJK, excludable=False),
        node("Silent", "FAILED"),
        node("Warned", "WARNING", LONG),
        node("Odd", "PARTIALLY_COMPLETED_WITH_ERRORS", "odd"),
        node("Going", "running"),
        *(node(f"Waiting{number:02d}", "pending") for number in range(12)),
        *(node(f"Well{number:02d}") for number in range(25)),
        *(node(f"Skipped{number:02d}", "SKIPPED") for number in range(11)),
        node("漢字チェック", "WARNING", CJK),
        node("AVeryLongNameOfACheckThatNobodyWouldHaveThoughtOfButThatIsThereAnyway", "WARNING"),
    )
    projects = (
        SimNode(name="HALF", started_at=400, ended_at=1600, phases=(SimPhase("issues", 1000),)),
        SimNode(
            name="漢字プロジェクト", started_at=400, ended_at=1600, phases=(SimPhase("課題", 10),), running_message=CJK
        ),
        node("BROKEN", "FAILED", LONG),
        node("WARNED", "WARNING", LONG),
        node("SLOW", "running"),
        *(node(f"LATER{number}", "pending") for number in range(12)),
        *(node(f"DONE{number}") for number in range(33)),
    )
    scopes = (node("apps", "running", "Apps take longer."), node("usersAndGroups"), node("customers", "SKIPPED"))
    running = migration(
        "running",
        check=node("check", "WARNING", "Some.", children=checks),
        migrate="running",
        scopes=scopes,
        projects=projects,
        keys=(*(project.name for project in projects), *(f"MISSING{number:02d}" for number in range(20))),
    )
    earlier = SimTask(
        label="c",
        task_id="77707f5f-17f2-5fe8-ab88-01ea9afa7271",
        task_type="check",
        created_at=-86400 * 40,
        root=node("root"),
        artifacts=tuple(artifact(f"pre-flight-report-{number}.csv") for number in range(4)),
    )
    return dataclasses.replace(running, tasks=(*running.tasks, earlier))


SCENARIOS = {
    "busy": busy(),
    "well": migration(projects=(node("ACME"), node("ZED"))),
    "pending": migration("pending", check=node("check", "pending"), migrate="absent"),
    "nothing": migration(reported_at=float("inf")),
    "failed-checks": check_run("FAILED", node("Fatal", "FAILED", LONG, excludable=False)),
    "warned": migration(
        "FAILED",
        projects=(
            *(node(f"F{number}", "FAILED", LONG) for number in range(5)),
            *(node(f"W{number:02d}", "WARNING", LONG) for number in range(30)),
        ),
    ),
    "not-scheduled": migration(
        "running", check=node("check", "FAILED", children=(node("Fatal", "FAILED"),)), migrate="absent", keys=("ACME",)
    ),
}


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Server]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(still(scripted)) for name, scripted in SCENARIOS.items()}


@pytest.fixture
def server(servers: dict[str, Server]) -> Server:
    return servers["busy"]


def look(server: Server, *words: str, form: str = "table", **more: Any) -> str:
    result = ask(server, *words, "-o", form, terminal=True, env={"NO_COLOR": "1"}, **more)
    assert result.err == ""
    assert isinstance(result, Result)
    return result.out


NARROW, EVERY = (20, 33), (40, 61, 80, 200)
SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "command", "widths"),
    [
        pytest.param("busy", "status", EVERY, marks=SLOW),
        pytest.param("busy", "status --depth all", EVERY, marks=SLOW),
        pytest.param("busy", "status --level check --depth 1", EVERY, marks=SLOW),
        pytest.param("busy", "checks", EVERY, marks=SLOW),
        pytest.param("busy", "checks --all --details", EVERY, marks=SLOW),
        pytest.param("busy", "projects --all", EVERY, marks=SLOW),
        pytest.param("busy", "job", EVERY, marks=SLOW),
        ("busy", "status", NARROW),
        ("busy", "checks --details", NARROW),
        ("busy", "projects", NARROW),
        ("busy", "tasks", (*NARROW, *EVERY)),
        ("well", "status --level migrate,projects", (*NARROW, 80)),
        ("well", "checks", (*NARROW, 80)),
        ("nothing", "status", (40, 80)),
        ("not-scheduled", "status", (40, 80)),
        ("failed-checks", "checks", (40, 80)),
    ],
)
def test_no_line_is_wider_than_the_window(
    servers: dict[str, Server], name: str, command: str, widths: tuple[int, ...]
) -> None:
    """Each line of a table and of a tree is cut or wrapped, wide characters counted as two."""
    forms = ("table", "tree") if command.startswith("status") else ("table",)
    for form, width in itertools.product(forms, widths):
        shown = look(servers[name], *command.split(), form=form, columns=width)
        assert [line for line in shown.splitlines() if cell_len(line.rstrip()) > width] == []


@pytest.mark.parametrize(
    ("form", "command"),
    [
        ("table", "checks --all"),
        ("table", "projects --all"),
        ("table", "status --depth all"),
        ("tree", "status --depth all"),
    ],
)
def test_a_glyph_stands_beside_each_state(server: Server, form: str, command: str) -> None:
    """Each state has its glyph before its word, in both character sets, so that nothing depends on color alone."""
    for encoding, glyphs in (("utf-8", GLYPHS), ("ascii", POOR)):
        shown = look(server, *command.split(), form=form, columns=200, encoding=encoding)
        assert shown.isascii() is (encoding == "ascii")
        states = re.findall(r"(\S) (failed|warning|running|pending|succeeded|skipped)\b", shown)
        assert len(states) > 40
        assert {word: glyph for glyph, word in states} == {word: glyphs[word] for _, word in states}


def test_checks_that_need_a_hand_are_listed_and_the_rest_is_one_line(server: Server) -> None:
    """By default failed, warning and running checks are listed, worst first, and the others counted in one line."""
    shown = look(server, "checks")
    names = ["Fatal", "Odd", "Overridable", "Silent", "Warned", "Going"]
    found = [shown.index(name) for name in names]
    assert found == sorted(found)
    assert not re.search(r"Well\d|Skipped\d", shown)
    rest = [line for line in shown.splitlines() if "25 succeeded" in line]
    assert len(rest) == 1
    assert "11 skipped" in rest[0]
    everything = look(server, "checks", "--all")
    assert len(re.findall(r"(?:Well|Skipped|Waiting)\d\d", everything)) == 48


@pytest.mark.parametrize("width", [20, 33, 40])
def test_no_name_of_a_check_hides_its_state(server: Server, width: int) -> None:
    """In a narrow window the name of a check is cut, and not the state behind it."""
    rows = [line for line in look(server, "checks", columns=width).splitlines() if line.startswith("AVery")]
    assert [(row.endswith("▲ warning"), "…" in row) for row in rows] == [(True, True)]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_details_are_told_in_full(server: Server, width: int) -> None:
    """--details shows what a check looks at and all its findings, and no word of a message is lost."""
    shown = look(server, "checks", "--details", columns=width)
    words = re.sub(r"[│├└─]|\s+", " ", shown)
    flat = re.sub(r"\s", "", words)
    assert flat.count(re.sub(r"\s", "", LONG)) >= 3
    assert "first one" in shown
    assert CJK in flat
    assert "first one" not in look(server, "checks", columns=width)


def test_progress_is_a_bar_and_a_number(server: Server) -> None:
    """A running project shows its percent and what its phase counts, with a bar where there is room."""
    for encoding, bar in (("utf-8", "━━━"), ("ascii", "---")):
        shown = look(server, "projects", columns=120, encoding=encoding)
        assert re.search(rf"^HALF .*{bar}.* 50 % .*10m 00s .*500/1 000", shown, re.MULTILINE)


def test_missing_projects_are_rows(server: Server, servers: dict[str, Server]) -> None:
    """Projects of the job's scope that are not reported are rows like any others; a folded table may count them."""
    for words in (("projects", "--all"), ("status", "--depth", "all")):
        shown = look(server, *words)
        assert re.search(r"MISSING00 +\? missing", shown)
        assert "MISSING19" in shown
    assert re.search(r"\? \d+ not reported yet", look(server, "projects").splitlines()[-1])
    assert "missing" not in look(servers["well"], "projects")


@pytest.mark.parametrize(
    ("name", "command", "words"),
    [
        ("well", "checks", ["No checks are reported yet"]),
        ("well", "projects", ["✔ succeeded", "2 of 2", "✔ 2 succeeded · --all lists them"]),
        ("pending", "status", ["○ pending", "check"]),
        ("nothing", "status", ["○ pending"]),
        ("nothing", "checks", ["No checks are reported yet"]),
        ("nothing", "projects", ["No projects are reported yet"]),
        ("not-scheduled", "status", ["Nothing was moved yet: the checks failed.", "Fatal"]),
        ("not-scheduled", "projects", ["Nothing was moved yet: the checks failed."]),
    ],
)
def test_a_look_tells_what_matters(servers: dict[str, Server], name: str, command: str, words: list[str]) -> None:
    """Each state of a migration shows what a person must know of it."""
    shown = look(servers[name], command)
    assert [word for word in words if word not in shown] == []


def test_a_job_without_a_definition_is_an_empty_table() -> None:
    """A job of which the API says nothing is shown as such."""
    with answering(lambda _asked: Answer({})) as server:
        result = server.ask("job", "-o", "table")
    assert (result.code, result.out.split(), result.err) == (0, ["FIELD", "VALUE"], "")


def test_a_tree_has_branches(server: Server) -> None:
    """A tree draws a branch before each node, and a table indents it."""
    tree = look(server, "status", "--depth", "all", form="tree", columns=200)
    assert re.search(r"^├── \S+ \w+ +check", tree, re.MULTILINE)
    assert re.search(r"^└── \S+ \w+ +migrate", tree, re.MULTILINE)
    assert re.search(r"^    └── \S+ \w+ +projects", tree, re.MULTILINE)
    assert re.search(r"^        └── \S+", tree, re.MULTILINE)
    table = look(server, "status", "--depth", "all", columns=200)
    assert not re.search(r"[├└]", table)
    assert re.search(r"^  projects", table, re.MULTILINE)


@pytest.mark.zone("XYZ-3")
def test_times_are_local_and_name_their_zone(server: Server) -> None:
    """Times for people are local, with the zone named once, and no instant of a machine is among them."""
    status, tasks = look(server, "status"), look(server, "tasks", columns=150)
    assert ask(server, "tasks", "--json").out.count("Z") == ask(server, "tasks", "--json").out.count('Z"')
    for shown in (status, tasks):
        assert shown.count("XYZ") == 1
        assert not re.search(r"\d\d:\d\d:\d\dZ", shown)
    assert "17:03" in status  # begun at 14:03:20 UTC
    assert "16:56" in tasks  # created at 13:56:40 UTC


def test_a_filter_says_what_it_left_out(server: Server) -> None:
    """With a filter the view says how many of all it shows."""
    assert "4 of 56 checks: failed" in look(server, "checks", "--state", "failed")
    assert "0 of 70 projects: skipped" in look(server, "projects", "--state", "skipped")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize(
    ("words", "last"),
    [
        ("status", ""),
        ("projects", ""),
        ("demo status", ""),
        ("demo checks --against previous", "new  MissingAttachments  ▲ warning"),
        ("demo checks --against previous", "+3 more · 1 new · 2 still"),
        ("demo --scenario failing status", ""),
        ("demo --scenario failing checks", ""),
        ("demo --scenario failing checks --against previous", "as before"),
        ("demo --scenario failing checks --accepted FILE", ""),
        pytest.param("demo timeline", "", marks=pytest.mark.slow),
    ],
)
def test_the_verdict_stays_on_a_small_screen(servers: dict[str, Server], words: str, last: str, tmp_path: Path) -> None:
    """At 40 x 15, with everything below it and a prompt, no line of a view that folds has left the screen.

    A comparison keeps the worst of its rows and counts the others.
    """
    import fcntl
    import pty
    import termios
    import tty

    file = tmp_path / "accepted.toml"
    file.write_text('[DuplicateEmail]\nreason = "merged on purpose"\nby = "Maria"\nuntil = 2126-12-01\n')
    master, slave = pty.openpty()
    tty.setraw(slave)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 15, 40, 0, 0))
    with os.fdopen(slave, "w", encoding="utf-8") as terminal:
        environ = {"TERM": "xterm", "LANG": "C.UTF-8", "MIGSTAT_CONFIG": os.devnull, **environ_of(servers["warned"])}
        code = run(words.replace("FILE", str(file)).split(), Runtime(environ, Streams(terminal, terminal)))
        screen = pyte.HistoryScreen(40, 15)
        pyte.ByteStream(screen).feed(os.read(master, 65536).replace(b"\n", b"\r\n"))
    os.close(master)
    assert code == 0
    assert re.match(r"[✖●▲] \w+", screen.display[0])
    assert last in "\n".join(line.rstrip() for line in screen.display)
    assert not screen.history.top
