"""`migstat timeline`: a recorded night, offline, in every format."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migstat.cli.demo_nights import record_night, rehearsed
from migstat.simulator.scenario import Scenario, SimPhase
from migstat.simulator.scenarios import build
from tests.command_line import Result, hermetic, migstat, peak_of, process
from tests.scenarios import cutover, moved
from tests.schemas import assert_valid

BEGINS = 1_792_884_720.0
"""Sun 25 Oct 2026, 01:32 in Berlin: summer time ends at three."""

GOLDEN = Path(__file__).parents[1] / "golden"
FORMATS = ("table", "plain", "json", "csv", "markdown")

pytestmark = pytest.mark.zone("Europe/Berlin")


def scripted() -> Scenario:
    phases = (SimPhase("export", 10), SimPhase("import", 10))
    return cutover(
        *(moved(f"P{number:02}", 60 + 30 * number, 300 + 40 * number) for number in range(18)),
        moved("ERP", 60, 1000, "FAILED", phases=phases, final_message="No such field."),
        moved("PAY", 100, 1300, "FAILED"),
        moved("HELP", 60, 400, "WARNING"),
        scopes=(moved("apps", 10, 2390),),
        over=2400,
    )


def nights(folder: Path, scenario: Scenario) -> tuple[Path, Path]:
    """Records of a night with a break and an outage, and of its rehearsal a week before."""
    night, rehearsal = folder / "night.jsonl", folder / "rehearsal.jsonl"
    record_night(night, scenario, BEGINS)
    record_night(rehearsal, rehearsed(scenario), BEGINS - 7 * 86_400, smooth=True)
    return night, rehearsal


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return nights(tmp_path_factory.mktemp("nights"), scripted())


@pytest.fixture
def night(both: tuple[Path, Path]) -> Path:
    return both[0]


def timeline(*words: object, **more: Any) -> Result:
    result = migstat(["timeline", *map(str, words)], {"NO_COLOR": "1", **more.pop("environ", {})}, **more)
    assert (result.code, result.err) == (0, "")
    return result


@pytest.mark.slow
def test_the_picture_is_as_it_was_when_someone_looked_at_it(tmp_path: Path) -> None:
    """Bars, axis, legend and summary, against the rehearsal, at five widths, and in ASCII at one."""
    night, rehearsal = nights(tmp_path, build("projects-failing"))
    for width in (40, 60, 80, 120, 200):
        output = timeline(night, "--against", rehearsal, "-o", "table", columns=width).out
        if width == 80:
            output += timeline(night, "-o", "table", columns=width, environ={"LANG": "C"}).out
        assert all(len(line) <= width for line in output.splitlines())
        file = GOLDEN / f"timeline-{width}.txt"
        if os.environ.get("MIGSTAT_UPDATE_GOLDEN"):
            file.write_text(output, encoding="utf-8")
        assert output == file.read_text(encoding="utf-8")


def test_every_format_has_the_same_rows(both: tuple[Path, Path]) -> None:
    """JSON, plain, CSV and Markdown tell of the same nodes in the same order, and JSON is as its schema says."""
    night, rehearsal = both
    document = json.loads(timeline(night, "--against", rehearsal, "--json").out)
    assert_valid("timeline", document)
    names = [node["name"] for node in document["nodes"]]
    assert len(names) == 23
    plain = timeline(night, "--against", rehearsal).out
    assert [line.split("\t")[0] for line in plain.splitlines()] == names
    rows = list(csv.DictReader(io.StringIO(timeline(night, "--against", rehearsal, "-o", "csv").out)))
    for row, node in zip(rows, document["nodes"], strict=True):
        assert row["startedAt"] == (node["startedAt"] or "")
        assert row["againstSeconds"] == ("" if node["againstSeconds"] is None else str(node["againstSeconds"]))
        assert row["exact"] == ("true" if node["exact"] else "false")
    markdown = timeline(night, "-o", "markdown").out.splitlines()
    assert [line.split(" | ")[0].removeprefix("| ") for line in markdown[-len(names) :]] == names
    assert (document["verdict"], document["exitCode"]) == ("failed", 1)
    assert [watch["end"] for watch in document["watches"]] == ["timeout", "finished"]
    assert [outage["code"] for outage in document["outages"]] == ["unreachable"]
    first, second = document["watches"]
    assert document["gaps"] == [{"from": first["to"], "to": second["from"]}]


@pytest.mark.parametrize(
    ("words", "first"),
    [
        (["--state", "failed"], ["ERP", "PAY"]),
        (["--sort", "elapsed"], ["apps", "PAY", "ERP"]),
        (["--sort", "name"], ["apps", "check", "ERP"]),
        (["--state", "missing"], []),
    ],
)
def test_states_and_orders(night: Path, words: list[str], first: list[str]) -> None:
    """Rows are filtered by state and sorted by start, duration or name."""
    names = [line.split("\t")[0] for line in timeline(night, *words).out.splitlines()]
    assert names[: len(first)] == first
    assert "--state" not in words or len(names) == len(first)


def test_projects_as_json_are_a_night_without_phases(night: Path, tmp_path: Path) -> None:
    """Output of `projects --json` is drawn, and compared with, like a record."""
    document = json.loads(timeline(night, "--json").out)
    nodes = [
        {**node, "lastUpdatedAt": node["endedAt"], "children": None, "progress": []}
        for node in document["nodes"]
        if node["level"][1:2] == ["projects"]
    ]
    friday = tmp_path / "friday.json"
    head = {name: document[name] for name in ("jobId", "jobName", "taskId", "taskType", "verdict", "reasons")}
    friday.write_text(json.dumps({"kind": "projects", **head, "fetchedAt": document["endedAt"], "projects": nodes}))
    of_document = json.loads(timeline(friday, "--json").out)["nodes"]
    of_record = [node for node in document["nodes"] if len(node["level"]) == 3]
    assert [node["elapsedSeconds"] for node in of_document] == [node["elapsedSeconds"] for node in of_record]
    against = json.loads(timeline(night, "--against", friday, "--json").out)
    assert all(node["againstSeconds"] == node["elapsedSeconds"] for node in against["nodes"] if len(node["level"]) == 3)
    assert "▓" in timeline(friday, "-o", "table").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{folder}/nowhere.jsonl"], "No such file"),
        (["{folder}"], "directory"),
        (["{folder}/diary"], "not the record of a watch"),
        (["{folder}/task"], "two tasks"),
        (["{folder}/job"], "two jobs"),
        (["{night}", "--against", "{folder}/diary"], "--against: "),
        (["{night}", "--state", "odd"], "--state"),
    ],
)
def test_what_is_no_night_is_wrong_usage(words: list[str], message: str, night: Path, tmp_path: Path) -> None:
    """Anything but the record of one task is refused with code 2."""
    (tmp_path / "diary").write_text("Dear diary\n")
    first = night.read_text().partition("\n")[0]
    for name in ("task", "job"):
        (tmp_path / name).write_text(f"{first}\n{json.dumps({**json.loads(first), f'{name}Id': 'other'})}\n")
    result = migstat(["timeline", *(word.format(folder=tmp_path, night=night) for word in words)], {})
    assert (result.code, result.out) == (2, "")
    assert message in result.err


@pytest.mark.slow
def test_nothing_of_the_users_is_needed(night: Path, tmp_path: Path) -> None:
    """A config file that is broken, and credentials that are not there, do not matter."""
    config = tmp_path / "config.toml"
    config.write_text("[[[")
    environ = {**hermetic(), "MIGSTAT_CONFIG": str(config), "HTTPS_PROXY": "odd"}
    piped = process(["timeline", "-", "--json"], environ, stdin=night.read_text())
    assert (piped.code, piped.err) == (0, "")
    assert piped.out == timeline(night, "--json").out


def test_damage_is_one_warning(night: Path, tmp_path: Path) -> None:
    """Lines that are damaged or unknown are skipped with one line on standard error."""
    path = tmp_path / "night.jsonl"
    path.write_text(night.read_text() + '{"event": "news"}\n' + '{"event": "chan')
    result = migstat(["timeline", str(path)], {})
    assert (result.code, result.err.count("\n"), "2 lines" in result.err) == (0, 1, True)


@given(st.floats(0, 1), st.sampled_from(FORMATS))
@settings(max_examples=40)
def test_every_prefix_of_a_record_renders(tmp_path: Path, both: tuple[Path, Path], share: float, form: str) -> None:
    """Wherever a crash has cut a record, it is shown in every format, and bars without an end stay open."""
    text = both[0].read_bytes()
    path = tmp_path / "cut.jsonl"
    path.write_bytes(text[: int(len(text) * share**3)])
    result = migstat(["timeline", str(path), "-o", form], {})
    assert result.code == 0, result.err
    if form == "json":
        document = json.loads(result.out)
        assert_valid("timeline", document)
        assert document["endedAt"] is None or share > 0.9
    if form == "table" and result.out.count("\n") > 5:
        assert "as of" in result.out or share > 0.9


def test_what_is_fine_is_folded_and_counted(night: Path, tmp_path: Path) -> None:
    """In a low window what failed or warns is always there; the rest, 2000 projects too, is counted without --all."""
    folded, whole = (timeline(night, "-o", "table", *words).out for words in ((), ("--all",)))
    assert all(name in folded for name in ("--all lists them", "ERP", "PAY", "HELP"))
    assert ("--all" in whole, len(whole.splitlines()) > 23) == (False, True)
    node = {"status": "FINISHED", "outcome": "SUCCESS", "startedAt": "2026-10-24T20:03:00Z"}
    nodes = [
        {"level": ["migrate", "projects", f"P{at}"], **node, "lastUpdatedAt": f"2026-10-24T22:{at % 60:02}:00Z"}
        for at in range(2000)
    ]
    root = {"level": [], "status": "IN_PROGRESS", "children": nodes}
    path = tmp_path / "night.jsonl"
    snapshot = {"event": "snapshot", "at": "2026-10-24T23:00:00Z", "jobId": "j", "taskId": "t", "node": root}
    path.write_text(json.dumps(snapshot) + "\n")
    output = timeline(path, "-o", "table").out
    assert (len(output.splitlines()) < 24, "1 989 more succeeded" in output) == (True, True)
    assert len(timeline(path).out.splitlines()) == 2000


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell the peak of a process alone")
def test_a_long_night_is_read_in_bounded_memory(night: Path) -> None:
    """A record of 250 MB through a pipe takes less than 100 MB of memory."""
    lines = night.read_bytes().splitlines(keepends=True)
    progress = b"".join(line for line in lines if b'"progress","at"' in line) * 200
    read = (*lines[:-1], *itertools.repeat(progress, 250_000_000 // len(progress)), lines[-1])
    done, peak = peak_of(["timeline", "-", "--state", "missing"], {}, read)
    assert (done.code, peak < 100_000) == (0, True)


@pytest.mark.slow
def test_the_demo_needs_nothing(tmp_path: Path) -> None:
    """`demo timeline` shows a night beside its rehearsal, or the file that it is given."""
    result = migstat(["demo", "timeline", "-o", "table"], {})
    assert (result.code, "rehearsal" in result.out, "one outage" in result.out) == (0, True, True)
    (empty := tmp_path / "night.jsonl").touch()
    assert "Nothing has been recorded yet." in migstat(["demo", "timeline", str(empty), "-o", "table"], {}).out


WRONG = ["", "soon", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "5138-11-16T09:46:40Z"]
TIMES = st.sampled_from(WRONG) | st.integers(0, 59).map("2026-11-28T22:{:02}:00Z".format)
LENGTHS = st.sampled_from([0, -5, 90, 1e300])
LEVELS = st.sampled_from([[], ["check"], ["migrate", "projects", "P"]])
PHASES = st.lists(st.sampled_from([{"name": name, "processed": 1, "total": 2} for name in "ab"]), max_size=2)
READING = st.fixed_dictionaries(
    {
        "status": st.sampled_from([None, "PENDING", "IN_PROGRESS", "FINISHED"]),
        "outcome": st.sampled_from([None, "SUCCESS", "FAILED"]),
    }
)
NODE: dict[str, Any] = {"level": LEVELS, "progress": PHASES, "startedAt": TIMES, "lastUpdatedAt": TIMES}
KINDS = ("snapshot", "change", "progress", "outage", "recovered", "alive", "late", "stalled", "finished", "timeout")
EVENT = st.fixed_dictionaries(
    {
        "event": st.sampled_from(KINDS),
        "at": TIMES,
        "to": READING,
        "node": st.builds(lambda node, reading: node | reading, st.fixed_dictionaries(NODE), READING),
        "deadline": TIMES,
        "outageSeconds": LENGTHS,
        "gapSeconds": LENGTHS,
        **NODE,
    }
)


@pytest.mark.slow
@given(st.lists(EVENT, max_size=8))
@settings(max_examples=150)
def test_whatever_a_record_holds_the_document_is_valid(tmp_path: Path, record: list[dict[str, Any]]) -> None:
    """Times that are absent, wrong or out of order leave no time without a value, and no duration below 0."""
    path = tmp_path / "odd.jsonl"
    lines = (json.dumps({"event": line["event"], **line}, separators=(",", ":")) for line in record)  # it comes first
    path.write_text("".join(f"{line}\n" for line in lines))
    result = migstat(["timeline", str(path), "-o", "json"], {})
    assert result.code == 0, result.err
    document = json.loads(result.out)
    assert_valid("timeline", document)
    for span in [*document["nodes"], *document["watches"], *document["gaps"]]:
        since, to = (span.get(name, span.get(other)) for name, other in (("startedAt", "from"), ("endedAt", "to")))
        assert since is None or to is None or since <= to
