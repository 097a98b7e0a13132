"""The files that simulated runs leave: signed addresses, content, and parts of it; without a socket."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from migstat.simulator import scenarios
from migstat.simulator.app import ADMIN, PREFIX, App
from migstat.simulator.artifacts import content_of, location_of
from migstat.simulator.exchange import Request, Response
from migstat.simulator.scenario import Artifact, Task, Timeline

BEGIN = 1_700_000_000.0
SCENARIO = scenarios.build("checks")
TASK = next(task for task in SCENARIO.tasks if task.label == "check-2")
LOCATION = location_of("http://127.0.0.1:80", TASK, "pre-flight-report.csv")
CONTENT = content_of(TASK, "pre-flight-report.csv")


class Storage:
    """An app with its clock, which stands at scenario second `now`."""

    def __init__(self, now: float = 0.0, *tasks: Task) -> None:
        scenario = replace(SCENARIO, tasks=tasks or SCENARIO.tasks)
        clock = lambda: BEGIN + now  # noqa: E731
        self.app = App(scenario, Timeline(BEGIN, 1.0), clock=clock, rate_limit=1, base_url="http://127.0.0.1:80")

    def get(self, location: str = LOCATION, method: str = "GET", **headers: str) -> Response:
        """Ask for a file."""
        parts = urlsplit(location)
        return self.app.handle(Request(method, f"{parts.path}?{parts.query}", **headers))


def named(response: Response, name: str) -> str | None:
    """Return a header of a response."""
    return dict(response.headers).get(name)


def test_a_file_is_where_the_api_says() -> None:
    """The location of a file needs no credentials and is not limited, and the answer is its content."""
    storage = Storage()
    path = f"{PREFIX}/jobs/{SCENARIO.job.job_id}/tasks/{TASK.task_id}"
    answer = storage.app.handle(Request("GET", path, f"Basic {ADMIN.authorization()}"))
    (artifact,) = json.loads(answer.body)["results"]["artifacts"]
    assert artifact["location"] == LOCATION
    for _ in range(3):
        response = storage.get(artifact["location"])
        assert (response.status, response.body) == (200, CONTENT)
        assert named(response, "Content-Type") == "text/csv; charset=utf-8"


def test_files_elsewhere_are_named_as_they_are() -> None:
    """A file that a scenario places on another server is not served here."""
    elsewhere = Artifact("x.log", "https://files.example.com/x.log", 0, 10)
    task = replace(TASK, created_at=0, artifacts=(elsewhere,))
    assert Storage(1, task).get(location_of("", task, "x.log")).status == 404


@pytest.mark.parametrize(
    ("now", "location", "status"),
    [
        (0, LOCATION.replace("signature=", "signature=0"), 403),
        (0, LOCATION.partition("?")[0] + "?", 403),
        (0, LOCATION.replace("pre-flight", "other"), 403),
        (0, location_of("", TASK, "other.csv"), 404),
        (0, location_of("", replace(TASK, task_id="other"), "pre-flight-report.csv"), 404),
        (-scenarios.DAY + 1, LOCATION, 404),
        (6 * scenarios.DAY + 3600, LOCATION, 410),
    ],
    ids=["wrong", "unsigned", "of-another", "no-file", "no-task", "not-yet", "expired"],
)
def test_a_location_opens_one_file_for_a_while(now: float, location: str, status: int) -> None:
    """Without its signature it is refused, too early and for other files there is nothing, and late it has gone."""
    response = Storage(now).get(location)
    assert response.status == status
    assert json.loads(response.body)["status"] == status


def test_files_are_only_read() -> None:
    """Other methods than GET are refused."""
    assert Storage().get(method="DELETE").status == 405


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [("bytes=0-", 0, None), ("bytes=100-", 100, None), ("bytes=100-199", 100, 200), ("bytes=5-99999999999", 5, None)],
)
def test_a_part_of_a_file_can_be_asked_for(asked: str, begin: int, end: int | None) -> None:
    """A range is answered with that part, and where in the whole it lies."""
    response = Storage().get(range=asked)
    assert (response.status, response.body) == (206, CONTENT[begin:end])
    last = begin + len(response.body) - 1
    assert named(response, "Content-Range") == f"bytes {begin}-{last}/{len(CONTENT)}"


@pytest.mark.parametrize("asked", ["bytes=-5", "bytes=x", "lines=1-2", "bytes=1-2,4-5"])
def test_other_ranges_are_ignored(asked: str) -> None:
    """What is no simple range is answered with the whole."""
    assert Storage().get(range=asked).body == CONTENT


@pytest.mark.parametrize("asked", [f"bytes={len(CONTENT)}-", "bytes=7-6"])
def test_a_range_beyond_the_end_cannot_be_satisfied(asked: str) -> None:
    """There is nothing to send, and the answer says how much there is."""
    response = Storage().get(range=asked)
    assert (response.status, response.body) == (416, b"")
    assert named(response, "Content-Range") == f"bytes */{len(CONTENT)}"


def test_a_part_of_another_version_is_not_sent() -> None:
    """With If-Range a part is sent of the same version only, else the whole."""
    tag = named(Storage().get(), "ETag")
    assert tag is not None
    assert Storage().get(range="bytes=9-", if_range=tag).body == CONTENT[9:]
    assert Storage().get(range="bytes=9-", if_range='"other"').body == CONTENT


def test_faults_meet_files_too() -> None:
    """A queued fault disturbs the next answer, whatever it is about."""
    storage = Storage()
    storage.app.faults.add("503")
    storage.app.faults.add("cut")
    assert [storage.get().status, storage.get().delivery, storage.get().delivery] == [503, "cut", "whole"]


def test_a_report_tells_of_all_checks() -> None:
    """The report is a table of some 200 KB with every check and what it found, the same each time."""
    rows = list(csv.DictReader(io.StringIO(CONTENT.decode())))
    assert {row["check"] for row in rows} == set(scenarios.CHECK_NAMES)
    assert {row["finding"] for row in rows if row["check"] == "DuplicateEmail"} >= {"build-bot, release-bot"}
    assert 150_000 < len(CONTENT) < 300_000
    assert content_of(TASK, "pre-flight-report.csv") == CONTENT


@pytest.mark.parametrize("name", ["cutover", "failing", "confluence"])
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
