"""The files that simulated runs leave: signed addresses and content, without a socket."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest

from migstat.simulator import scenarios
from migstat.simulator.app import ADMIN, App
from migstat.simulator.artifacts import content_of, location_of
from migstat.simulator.blocks import DAY
from migstat.simulator.exchange import PREFIX, HttpRequest, HttpResponse
from migstat.simulator.material import CHECK_NAMES
from migstat.simulator.scenario import SimArtifact, SimTask, Timeline

BEGIN = 1_700_000_000.0
SCENARIO = scenarios.build("checks")
TASK = next(task for task in SCENARIO.tasks if task.label == "check-2")
LOCATION = location_of("http://127.0.0.1:80", TASK, "pre-flight-report.csv")
ELSEWHERE = replace(
    TASK, task_id="2", created_at=-9, artifacts=(SimArtifact("x.log", "https://files.example.com/x.log", -9, 10),)
)
"""A run whose file a scenario places on another server."""

CONTENT = content_of(TASK, "pre-flight-report.csv")


class FileServer:
    """An app with its clock, which stands at scenario second `now`."""

    def __init__(self, now: float = 0.0, *tasks: SimTask) -> None:
        scenario = replace(SCENARIO, tasks=tasks or SCENARIO.tasks)
        clock = lambda: BEGIN + now  # noqa: E731
        self.app = App(scenario, Timeline(BEGIN, 1.0), clock=clock, rate_limit=1, base_url="http://127.0.0.1:80")

    def get(self, location: str = LOCATION, method: str = "GET") -> HttpResponse:
        parts = urlsplit(location)
        return self.app.handle(HttpRequest(method, f"{parts.path}?{parts.query}"))

    def sent(self, task: SimTask) -> list[dict[str, Any]]:
        path = f"{PREFIX}/jobs/{SCENARIO.job.job_id}/tasks/{task.task_id}"
        answer = self.app.handle(HttpRequest("GET", path, f"Basic {ADMIN.authorization()}"))
        artifacts: list[dict[str, Any]] = json.loads(answer.body)["results"]["artifacts"]
        return artifacts


def named(response: HttpResponse, name: str) -> str | None:
    return dict(response.headers).get(name)


def test_a_file_is_where_the_api_says() -> None:
    """The location of a file needs no credentials and is not limited, and the answer is its content."""
    server = FileServer()
    (artifact,) = server.sent(TASK)
    assert artifact["location"] == LOCATION
    for _ in range(3):
        response = server.get(artifact["location"])
        assert (response.status, response.body) == (200, CONTENT)
        assert named(response, "Content-Type") == "text/csv; charset=utf-8"


@pytest.mark.parametrize(
    ("now", "location", "status"),
    [
        (0, LOCATION.replace("signature=", "signature=0"), 403),
        (0, LOCATION.partition("?")[0] + "?", 403),
        (0, LOCATION.replace("pre-flight", "other"), 403),
        (0, location_of("", TASK, "other.csv"), 404),
        (0, location_of("", ELSEWHERE, "x.log"), 404),
        (0, location_of("", replace(TASK, task_id="other"), "pre-flight-report.csv"), 404),
        (-DAY + 1, LOCATION, 404),
        (6 * DAY + 3600, LOCATION, 410),
    ],
    ids=["wrong", "unsigned", "of-another", "no-file", "elsewhere", "no-task", "not-yet", "expired"],
)
def test_a_location_opens_one_file_for_a_while(now: float, location: str, status: int) -> None:
    """Without its signature it is refused, too early and for other files there is nothing, and late it has gone."""
    response = FileServer(now, *SCENARIO.tasks, ELSEWHERE).get(location)
    assert response.status == status
    assert json.loads(response.body)["status"] == status


@pytest.mark.parametrize(
    ("unit", "expected"), [("iso", "2023-11-21T22:13:20.000Z"), ("ms", 1_700_604_800_000), ("s", 1_700_604_800)]
)
def test_an_expiry_comes_in_any_unit(unit: Literal["iso", "ms", "s"], expected: str | int) -> None:
    """The API sends a number without a unit, so scripts choose one."""
    task = replace(TASK, artifacts=(SimArtifact("x.csv", None, 0, 7 * DAY, unit=unit),))
    (sent,) = FileServer(1, task).sent(task)
    assert sent["expireAt"] == expected


def test_faults_meet_files_too() -> None:
    """A queued fault disturbs the next answer, whatever it is about; methods other than GET are refused."""
    server = FileServer()
    assert server.get(method="DELETE").status == 405
    server.app.faults.add("503")
    server.app.faults.add("cut")
    assert [server.get().status, server.get().delivery, server.get().delivery] == [503, "cut", "whole"]


def test_a_report_tells_of_all_checks() -> None:
    """The report is a table of some 200 KB with every check and what it found, the same each time."""
    rows = list(csv.DictReader(io.StringIO(CONTENT.decode())))
    assert {row["check"] for row in rows} == set(CHECK_NAMES)
    assert {row["finding"] for row in rows if row["check"] == "DuplicateEmail"} >= {"build-bot, release-bot"}
    assert 150_000 < len(CONTENT) < 300_000
    assert content_of(TASK, "pre-flight-report.csv") == CONTENT


@pytest.mark.parametrize("name", ["cutover", "failing"])
def test_a_migration_leaves_a_report_and_a_log(name: str) -> None:
    """A migration's report is there after its checks, its log, an archive, after its end."""
    task = next(each for each in scenarios.build(name).tasks if each.label == "migrate")
    report, log = task.artifacts
    assert (report.name, log.name) == ("pre-flight-report.csv", "migration-log.zip")
    assert task.root.ended_at is not None
    assert report.available_at < task.root.ended_at < log.available_at or name == "failing"
    with zipfile.ZipFile(io.BytesIO(content_of(task, log.name))) as archive:
        text = archive.read("migration.log").decode()
    assert "check: begun, 46 below it" in text
    assert len(text) > 200_000
