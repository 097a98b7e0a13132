"""Tables and trees as a person sees them, at any width."""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import struct
import sys
from pathlib import Path
from typing import Any

import pyte
import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from migstat.cli.app import run
from migstat.cli.context import Runtime
from migstat.cli.streams import Streams
from migstat.model.crowd import summary_of
from migstat.model.nodes import MIGRATE, Node, Phase
from migstat.model.reports import StatusReport
from migstat.model.verdict import Snapshot, Verdict
from migstat.render.drawing import Canvas, drawn
from migstat.render.table import view
from migstat.render.theme import UNICODE
from migstat.simulator.scenario import Scenario, SimNode, SimPhase
from migstat.simulator.server import Server
from tests.command_line import environ_of
from tests.render.screens import PROJECTS
from tests.scenarios import artifact, frozen, node, sim_task
from tests.servers import ask, servers_of

LONG = "A message that is long enough to be wrapped in every window that people have, and then some more of it."
CJK = "漢字の課題は移行できませんでした。もう一度お試しください。ご不明な点は管理者まで。"


def busy() -> Scenario:
    checks = (
        node("Overridable", "FAILED", LONG, excludable=True, description=LONG, occurrences=("first one", LONG, CJK)),
        node("Fatal", "FAILED", CJK, excludable=False),
        node("Warned", "WARNING", LONG),
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
    running = frozen(
        "running",
        check=node("check", "WARNING", "Some.", children=checks),
        migrate="running",
        scopes=scopes,
        projects=projects,
        keys=(*(project.name for project in projects), *(f"MISSING{number:02d}" for number in range(20))),
    )
    earlier = sim_task(
        node("root"),
        "check",
        "77707f5f-17f2-5fe8-ab88-01ea9afa7271",
        created_at=-86400 * 40,
        artifacts=tuple(artifact(f"pre-flight-report-{number}.csv") for number in range(4)),
    )
    return dataclasses.replace(running, tasks=(*running.tasks, earlier))


SCENARIOS = {
    "busy": busy(),
    "well": frozen(projects=(node("ACME"), node("ZED"))),
    "pending": frozen("pending", check=node("check", "pending"), migrate="absent"),
    "nothing": frozen(reported_at=float("inf")),
    "without-checks": frozen(),
    "warned": frozen("FAILED",
        check=node("check", "WARNING", children=tuple(
            node(f"Check{at}", "WARNING" if at else "FAILED", LONG, occurrences=("1", "2", "3")) for at in range(4))),
        projects=(*(node(f"F{number}", "FAILED", LONG) for number in range(5)),
                  *(node(f"W{number:02d}", "WARNING", LONG) for number in range(30)))),
    "not-scheduled": frozen("running", check=node("check", "FAILED", children=(node("Fatal", "FAILED"),)),
        migrate="absent", keys=("ACME",)),
    "apps-last": frozen("FAILED", scopes=(node("apps", ended_at=960),), projects=(node("ERP", "FAILED"),)),
    "apps-go-on": frozen(scopes=(node("apps", "running"),), projects=(node("ERP"),)),
}  # fmt: skip


servers = servers_of(SCENARIOS)


@pytest.fixture
def server(servers: dict[str, Server]) -> Server:
    return servers["busy"]


def rendered(server: Server, *words: str, form: str = "table", **more: Any) -> str:
    result = ask(server, *words, "-o", form, terminal=True, env={"NO_COLOR": "1"}, **more)
    assert result.err == ""
    return result.out


NARROW, EVERY = (20, 33), (40, 61, 80, 200)


@pytest.mark.parametrize(
    ("name", "command", "widths"),
    [
        *(
            pytest.param("busy", command, EVERY, marks=pytest.mark.slow)
            for command in ("status --depth all", "checks --all --details", "projects --all", "job")
        ),
        ("busy", "status", NARROW),
        ("busy", "checks --details", NARROW),
        ("busy", "projects", NARROW),
        ("busy", "tasks", (*NARROW, *EVERY)),
        ("well", "status --level migrate,projects", (*NARROW, 80)),
        ("nothing", "status", (40, 80)),
        ("not-scheduled", "status", (40, 80)),
    ],
)
def test_no_line_is_wider_than_the_window(
    servers: dict[str, Server], name: str, command: str, widths: tuple[int, ...]
) -> None:
    """Each line of a table and of a tree is cut or wrapped, wide characters counted as two, and no sign ends a line."""
    forms = ("table", "tree") if command.startswith("status") else ("table",)
    for form, width in itertools.product(forms, widths):
        shown = rendered(servers[name], *command.split(), form=form, columns=width)
        assert [line for line in shown.splitlines() if cell_len(line.rstrip()) > width] == []
        assert re.findall(r"^.*[✖▲●○✔]$", shown, re.MULTILINE) == []


@pytest.mark.parametrize("width", [20, 33, 40])
def test_no_name_of_a_check_hides_its_state(server: Server, width: int) -> None:
    """In a narrow window the name of a check is cut, and not the state behind it."""
    rows = [line for line in rendered(server, "checks", columns=width).splitlines() if line.startswith("AVery")]
    assert [(row.endswith("▲ warning"), "…" in row) for row in rows] == [(True, True)]


@pytest.mark.parametrize(
    ("name", "command", "words"),
    [
        ("well", "projects", ["✔ succeeded", "2 of 2", "✔ 2 succeeded · --all lists them"]),
        ("pending", "status", ["○ pending", "check"]),
        ("nothing", "status", ["○ pending"]),
        ("nothing", "checks", ["No checks are reported yet"]),
        ("without-checks", "checks", ["✔ succeeded", "No checks were reported."]),
        ("nothing", "projects", ["No projects are reported yet"]),
        (
            "not-scheduled",
            "status",
            [
                "Nothing was moved yet: the checks failed.",
                "Fatal",
                "checks failed; counts as failed unless the migration starts by ",
            ],
        ),
        ("not-scheduled", "projects", ["Nothing was moved yet: the checks failed."]),
    ],
)
def test_the_table_says_what_matters(servers: dict[str, Server], name: str, command: str, words: list[str]) -> None:
    """Each state of a migration shows what a person must know of it."""
    shown = rendered(servers[name], command)
    assert [word for word in words if word not in shown] == []


@pytest.mark.parametrize(("name", "lasted"), [("apps-last", "9m 20s"), ("apps-go-on", "10m 00s")])
def test_a_task_lasts_equally_long_wherever_one_looks(servers: dict[str, Server], name: str, lasted: str) -> None:
    """To the end of `apps`, even where they are not shown; that of the root alone is said nowhere beside it."""
    for command, form in itertools.product(("status", "status --depth 1", "projects"), ("table", "tree", "markdown")):
        if (command, form) != ("projects", "tree"):
            shown = rendered(servers[name], *command.split(), form=form)
            roots = [line for line in shown.splitlines() if re.search(r"^started| to |\btask\b", line)]
            assert re.findall(r"\d+m \d\ds", "".join(roots)) == [lasted]
    # the runs are read at one request each, which only tells when the core has ended
    assert re.search(r" ELAPSED.*\n.* 8m 20s", rendered(servers[name], "tasks"))
    assert "| elapsed |" in rendered(servers[name], "tasks", form="markdown")


@pytest.mark.parametrize(
    ("progress", "words"), [((), "5 000 in scope · ● 1 running"), ((Phase("p", 2685, 5000),), "2 685 of 5 000 · ● 1")]
)
def test_what_a_glance_did_not_read_is_counted_by_its_level(progress: tuple[Phase, ...], words: str) -> None:
    """Of thousands of projects few are read: how many are done is said only if their level says so itself."""
    going = Node((*PROJECTS, "ACME"), "IN_PROGRESS")
    projects = Node(PROJECTS, progress=progress, children=(going,))
    migrate = Node(MIGRATE, "IN_PROGRESS", children=(projects,))
    summary = replace(summary_of([going]), total=5000, unread=4999)
    snapshot = Snapshot(
        "job", "task", "migrate", 0, Node((), "IN_PROGRESS", children=(migrate,)), Verdict.RUNNING, partial=True
    )
    canvas = Canvas(100, UNICODE)
    shown = drawn(view(StatusReport(replace(snapshot, summary=summary), folds=True), canvas), canvas, color=False)
    assert words in shown


@pytest.mark.zone("XYZ-3")
def test_times_are_local_and_name_their_zone(server: Server) -> None:
    """Times for people are local, with the zone named once, and no instant of a machine is among them."""
    status, tasks = rendered(server, "status"), rendered(server, "tasks", columns=150)
    assert ask(server, "tasks", "--json").out.count("Z") == ask(server, "tasks", "--json").out.count('Z"')
    for shown in (status, tasks):
        assert shown.count("XYZ") == 1
        assert not re.search(r"\d\d:\d\d:\d\dZ", shown)
    assert "17:03" in status  # begun at 14:03:20 UTC
    assert "16:56" in tasks  # created at 13:56:40 UTC


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize(
    ("words", "last"),
    [
        ("status", ""),
        ("projects", ""),
        ("checks --accepted FILE", "Gone is accepted"),
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

    file = tmp_path / "accepted.toml"
    entry = '[{}]\nreason = "merged on purpose"\nby = "Maria"\nuntil = 2126-12-01\n'
    file.write_text(entry.format("DuplicateEmail" if "demo" in words else "Gone"))
    environ = {"TERM": "xterm", "LANG": "C.UTF-8", "MIGSTAT_CONFIG": os.devnull, **environ_of(servers["warned"])}
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 15, 40, 0, 0))
    with os.fdopen(slave, "w", encoding="utf-8") as terminal:
        assert run(words.replace("FILE", str(file)).split(), Runtime(environ, Streams(terminal, terminal))) == 0
        screen = pyte.HistoryScreen(40, 15)
        pyte.ByteStream(screen).feed(os.read(master, 65536))
    os.close(master)
    assert re.match(r"[✖●▲] \w+", screen.display[0])
    assert last in "\n".join(screen.display)
    assert not screen.history.top
