"""The file that a watch records its events in: whole lines, appended to, read back by the next watch."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migstat.errors import OutputError, UsageError
from migstat.follow.deadline import Stopped
from migstat.follow.night import read_back
from migstat.follow.record import Record
from migstat.follow.watch import Plan
from migstat.model.events import Changed, Condition, Ended, Event, Seen, Snapped, Stalled
from migstat.model.verdict import Verdict
from migstat.render.json import encoded, event_document
from migstat.simulator import scenario as script
from tests.full_disk import files_of_at_most
from tests.scenarios import JOB, TASK, checks, migration, moved
from tests.watching import EPOCH, SimulatedWatch, changes, seconds_of, the_end

SNAPSHOT: dict[str, Any] = {
    "event": "snapshot",
    "at": "2026-09-21T14:13:20.000Z",
    "jobId": JOB,
    "taskId": TASK,
    "node": {"level": [], "status": "IN_PROGRESS", "outcome": None,
        "children": [{"level": ["check"], "status": "FINISHED", "outcome": "SUCCESS", "children": []}]},
}  # fmt: skip
APPS = ["migrate", "apps"]


def lines(*events: dict[str, Any]) -> bytes:
    return "".join(json.dumps(event) + "\n" for event in events).encode()


def change(level: list[str], status: str, outcome: str | None = None) -> dict[str, Any]:
    to = {"status": status, "outcome": outcome}
    return {"event": "change", "at": "2026-09-21T15:00:00.000Z", "level": level, "to": to}


def recorded(path: Path, scenario: script.Scenario, begin: float, end: float | None = None) -> list[Event]:
    stop = None if end is None else (end, Stopped())
    warnings: list[str] = []

    def seen() -> Seen:
        found, said = read_back(path, JOB, TASK)
        warnings.extend(said)
        return found

    sim = SimulatedWatch(scenario, begin=begin, ends=stop, seen=seen, plan=Plan(interval=30, stall_after=300))
    events: list[Event] = []
    with Record(path) as record:
        for event in sim.events():
            record.append(encoded(event_document(event)))
            events.append(event)
    assert warnings == []
    return events


NIGHT = migration(
    moved("A", 60, 300),
    moved("B", 100, 900, "WARNING"),
    moved("C", 350, 500),
    moved("STUCK", 60, 950, has_details=False),
)


def test_a_second_watch_tells_only_what_changed_meanwhile(tmp_path: Path) -> None:
    """Events of an earlier watch are not repeated, however many parts the night is watched in."""
    path = tmp_path / "night.jsonl"
    parts = [*recorded(path, NIGHT, 40, 450), *recorded(path, NIGHT, 520, 880), *recorded(path, NIGHT, 2000)]
    whole = [event for event in parts if isinstance(event, Changed)]
    for level in {event.node.level for event in whole}:
        reported = changes(parts, *level)
        assert len(reported) == len(set(reported))
        assert reported[-1][1] in ("SUCCESS", "WARNING")
        assert all(later == before for (_, later), (before, _) in pairwise(reported))
    assert {event.node.name for event in whole} >= {"A", "B", "C", "STUCK"}
    assert sum(isinstance(event, Snapped) for event in parts) == 3
    again = recorded(path, NIGHT, 3000)
    assert [type(event) for event in again] == [Snapped, Ended]
    assert the_end(again).verdict is Verdict.WARNING
    assert [event.level[-1] for event in parts if isinstance(event, Stalled)] == ["STUCK"]


def test_elapsed_reaches_back(tmp_path: Path) -> None:
    """Where the task reports no times, elapsed counts from the first watch's first view."""
    scenario = checks(moved("Fine", 0, 900, has_details=False), end=1000)
    (task,) = scenario.tasks
    scenario = replace(scenario, tasks=(replace(task, root=replace(task.root, has_details=False)),))
    path = tmp_path / "night.jsonl"
    recorded(path, scenario, 100, 200)
    ended = the_end(recorded(path, scenario, 900))
    assert ended.elapsed_seconds == seconds_of(ended) - 100
    for later in (path, tmp_path / "new.jsonl"):  # which cannot tell when it ended
        assert the_end(recorded(later, scenario, 9000)).elapsed_seconds is None


def test_what_was_reported_is_read_back(tmp_path: Path) -> None:
    """The last reading of each node that was reported as a change, whose stall was reported, and when it began."""
    path = tmp_path / "night.jsonl"
    stalled = {"event": "stalled", "at": "2026-09-21T15:00:00.000Z", "level": ["migrate", "apps"], "sinceSeconds": 900}
    new = {"level": ["migrate"], "status": "FINISHED"}
    root = {"level": [], "status": "FINISHED", "outcome": "X", "children": [new]}
    later = {**SNAPSHOT, "at": "2026-09-21T16:00:00.000Z", "node": root}
    path.write_bytes(lines(SNAPSHOT, change(APPS, "IN_PROGRESS"), stalled, later))
    seen, warnings = read_back(path, JOB, TASK)
    assert warnings == ()
    assert seen.readings == {
        (): Condition("IN_PROGRESS", None),  # a later view has its end, and a new node, but no change has reported them
        ("check",): Condition("FINISHED", "SUCCESS"),
        ("migrate", "apps"): Condition("IN_PROGRESS", None),
    }
    assert seen.stalled == {("migrate", "apps")}
    assert seen.began == EPOCH * 1000


def test_a_file_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    """The first watch begins with nothing, and so does one whose file is empty."""
    path = tmp_path / "night.jsonl"
    assert read_back(path, JOB, TASK) == (Seen(), ())
    path.touch()
    assert read_back(path, JOB, TASK) == (Seen(), ())


def test_the_next_line_is_not_glued_to_one_that_was_cut(tmp_path: Path) -> None:
    """A last line cut by a crash is left out, and the warning names it."""
    path = tmp_path / "night.jsonl"
    path.write_bytes(lines(SNAPSHOT, change(APPS, "IN_PROGRESS")) + lines(change(APPS, "FINISHED", "SUCCESS"))[:20])
    with Record(path) as record:
        record.append(json.dumps(change(APPS, "FINISHED", "WARNING")))
    seen, warnings = read_back(path, JOB, TASK)
    assert seen.readings["migrate", "apps"] == Condition("FINISHED", "WARNING")
    assert warnings == (f"--record: {path}: line 3 is truncated, corrupt or unknown; skipped",)


@pytest.mark.parametrize("text", [b"Dear diary\n", b"[1, 2]\n3\n", b'{"kind": "status"}\n', b"\xff\xfe\x00"])
def test_a_file_that_records_no_watch_is_refused(tmp_path: Path, text: bytes) -> None:
    """A file of something else is not appended to; neither is a folder, or a file in one that does not exist."""
    path = tmp_path / "notes.txt"
    path.write_bytes(text)
    with pytest.raises(UsageError, match="not the record of a watch"):
        read_back(path, JOB, TASK)
    for place in (tmp_path, tmp_path / "nowhere" / "night.jsonl"):
        with pytest.raises(UsageError, match="--record"):
            Record(place)


def test_a_full_disk_costs_nothing_but_time(tmp_path: Path) -> None:
    """Lines that could not be written are kept and written once there is room, each of them whole."""
    path = tmp_path / "night.jsonl"
    with Record(path) as record:
        record.append("a" * 50)
        with files_of_at_most(100):
            for line in ("b" * 60, "c" * 10):
                with pytest.raises(OutputError, match="File too large"):
                    record.append(line)
            assert (record.unwritten, path.read_text()) == (2, "a" * 50 + "\n")
        record.append("d")
    assert path.read_text().split() == ["a" * 50, "b" * 60, "c" * 10, "d"]


WHOLE = lines(SNAPSHOT, change(APPS, "IN_PROGRESS"))


@pytest.mark.parametrize(
    ("damage", "counted"),
    [
        (WHOLE[20:] + b"junk\n" * 100_000, "100,001 lines"),
        (b'{"event": "\xff"}\n', "line 1"),
        (lines({**SNAPSHOT, "node": {"children": 5}}), "line 1"),
        (b"[" * 100_000 + b"\n", "line 1"),
        (b'{"event": "snapshot", "node": ' + b'{"children": [' * 2000 + b"\n", "line 1"),
    ],
    ids=["many", "no UTF-8", "children 5", "deep", "deep nodes"],
)
def test_damaged_lines_are_one_warning(tmp_path: Path, damage: bytes, counted: str) -> None:
    """Any number of lines, damaged in any way, the first one too, is one warning with a count; the rest is read."""
    path = tmp_path / "night.jsonl"
    path.write_bytes(damage + WHOLE)
    seen, (warning,) = read_back(path, JOB, TASK)
    assert seen.readings.keys() == {(), ("check",), ("migrate", "apps")}
    assert counted in warning


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=4),
    st.text(max_size=9),
)
def test_any_name_comes_back_as_it_was(tmp_path: Path, level: list[str], status: str) -> None:
    """Names with line separators, controls or any other characters stay on their line and are read back."""
    path = tmp_path / "names.jsonl"
    path.unlink(missing_ok=True)
    with Record(path) as record:
        record.append(encoded(SNAPSHOT))
        record.append(encoded(change(level, status)))
    seen, warnings = read_back(path, JOB, TASK)
    assert warnings == ()
    assert tuple(level) in seen.readings


@pytest.mark.parametrize("replaced", [False, True])
def test_a_record_that_was_moved_away_is_begun_anew(tmp_path: Path, *, replaced: bool) -> None:
    """Lines go to the file of that name, not to one that was moved or removed meanwhile, where no one would look."""
    file, old = tmp_path / "night.jsonl", tmp_path / "old"
    with Record(file) as record:
        record.append("1")
        file.rename(old)
        if replaced:
            file.write_text("other\n", encoding="utf-8")
        record.append("2")
        record.append("3")
    assert old.read_text(encoding="utf-8") == "1\n"
    assert file.read_text(encoding="utf-8") == ("other\n" if replaced else "") + "2\n3\n"


@pytest.mark.skipif(sys.platform == "win32", reason="files are not locked")
@pytest.mark.parametrize("exists", [True, False])
def test_two_watches_never_write_to_one_record(tmp_path: Path, exists: bool) -> None:
    """A second watch is refused until the first one is over, at once if there is a file, else before it writes."""
    path = tmp_path / "night.jsonl"
    if exists:
        path.touch()
    second = Record(path)
    with Record(path) as first:
        first.claim()
        for refused in (second.claim, lambda: Record(path)):
            with pytest.raises(UsageError, match=r"night\.jsonl: another watch is writing to it"):
                refused()
        with pytest.raises(OutputError, match="another watch"):
            second.append("{}")
        first.append("[]")
    second.append("1")
    second.close()
    assert path.read_text() == "[]\n{}\n1\n"
