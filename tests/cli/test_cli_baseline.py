"""`watch --baseline` and `watch --deadline` on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from migstat.simulator.scenario import Scenario
from tests.command_line import environ_of, migstat, refused
from tests.scenarios import HERE, cutover, moved
from tests.servers import night

NAMES = ("ACME", "CRM", "ERP", "HELP", "OPS", "WEB")


def in_turn(seconds: float, names: tuple[str, ...] = NAMES) -> Scenario:
    projects = [moved(name, 20 + at * seconds, 20 + (at + 1) * seconds) for at, name in enumerate(names)]
    return cutover(*projects, over=30 + len(names) * seconds)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record of a rehearsal in which each project took two minutes: the last ended after 12 minutes."""
    file = tmp_path_factory.mktemp("rehearsal") / "rehearsal.jsonl"
    with night(in_turn(120)) as rehearsed:
        assert rehearsed.watch("--record", str(file)).code == 0
    return file


def late(events: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(event["reason"], event["bySeconds"]) for event in events if event["event"] == "late"]


@pytest.mark.slow
def test_a_slow_night_is_late_in_every_format(record: Path) -> None:
    """Into a pipe, with --quiet and as JSON it is said once that the end will be late, and once that it is."""
    results = []
    for form in ("--output=plain", "--quiet", "--json"):
        with night(in_turn(180)) as rehearsed:
            results.append(rehearsed.watch("--baseline", str(record), "--deadline", "13m", form))
    lines, quiet, as_json = results
    assert lines.code == quiet.code == as_json.code == 0
    late_lines = [line for line in lines.err.splitlines() if "deadline (" in line]
    assert len(late_lines) == 2
    assert "after the deadline (14:26)" in late_lines[0]
    assert "the deadline (14:26) has passed; expected to end about 14:3" in late_lines[1]
    assert late_lines == [line for line in quiet.err.splitlines() if "deadline (" in line]
    assert "deadline 14:26 UTC, in 13m" in lines.err
    assert "deadline 14:26 UTC, in 13m" not in quiet.err
    assert "running, ends about 14:25" in lines.err
    assert lines.err.splitlines()[-1] == (
        "migstat: succeeded after 18m 30s, 5m after the deadline; 6 of 6 projects done"
    )
    events = [json.loads(line) for line in as_json.out.splitlines()]
    assert [reason for reason, _ in late(events)] == ["estimate", "passed"]
    assert events[0]["estimatedEndAt"] == "2026-09-21T14:25:40Z"
    assert [result.err.count("6 of 6 projects were rehearsed") for result in (lines, quiet, as_json)] == [1, 0, 1]


def test_a_projects_document_is_a_rehearsal(tmp_path: Path) -> None:
    """What `projects --json` printed serves as well; names that it lacks take the median, and that is said."""
    file = tmp_path / "projects.json"
    with night(in_turn(120, NAMES[:5]), head_start=HERE) as rehearsed:
        file.write_text(migstat(["projects", "--json"], environ_of(rehearsed.server), now=rehearsed.now).out)
    with night(in_turn(120)) as rehearsed:
        result = rehearsed.watch("--baseline", str(file))
    assert "5 of 6 projects were rehearsed; the rest are assumed to take the median time" in result.err
    assert "running, ends about 14:25" in result.err


def test_a_resumed_watch_does_not_repeat_that_it_is_late(record: Path, tmp_path: Path) -> None:
    """What an earlier watch has recorded about the deadline is not said again by the one that resumes it."""
    words = ("--baseline", str(record), "--deadline", "14:26", "--record", str(tmp_path / "night.jsonl"))
    with night(in_turn(180)) as rehearsed:
        parts = [rehearsed.events(*words, *timeout) for timeout in (("--timeout", "10m"), ("--timeout", "5m"), ())]
    assert [[reason for reason, _ in late(events)] for events in parts] == [["estimate"], ["passed"], []]


PENDING = {"level": ["migrate", "projects", "A"], "name": "A", "state": "pending", "status": "PENDING"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file"),
        ("Dear diary\n", "is not the record of a watch"),
        ("", "has no durations"),
        (json.dumps({"kind": "projects", "jobId": "job-1", "projects": [PENDING]}), "has no durations"),
    ],
)
def test_a_file_that_is_no_rehearsal_is_refused_before_anything_is_asked(
    text: str | None, message: str, tmp_path: Path
) -> None:
    """A baseline that is missing, no record or empty ends with 2, and no request is sent."""
    file = tmp_path / "baseline"
    if text is not None:
        file.write_text(text)
    for path, why in ((file, message), (tmp_path, "Is a directory")):
        result = migstat(["watch", "--baseline", str(path)], {"MIGSTAT_BASE_URL": "http://127.0.0.1:1"})
        refused(result, 2, "--baseline", why)
