"""The routes of the simulated API, asked without a socket and with a clock moved by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import quote, urlencode

import pytest

from migstat.simulator.app import ADMIN, MEMBER, App
from migstat.simulator.exchange import FAULTS as FAULTS_PATH
from migstat.simulator.exchange import PREFIX, HttpRequest, HttpResponse
from migstat.simulator.faults import Fault, Incident
from migstat.simulator.scenario import FilterMode, Scenario, SimArtifact, SimNode, Timeline, refused
from tests.scenarios import hidden, moved, of_tasks, sim_task

BEGIN = 1_700_000_000.0
BASIC = f"Basic {ADMIN.authorization()}"

APP_CHECK = moved("AppVendorCheck", None, -3550, "SKIPPED", has_details=False)
CHECK = sim_task(
    moved("root", None, -3500, "WARNING", has_details=False, children=(APP_CHECK,)),
    "check",
    "check-id",
    created_at=-3600,
)
LATE = moved("C", 40, None, reported_at=30)
PROJECTS = hidden("projects", moved("A", 10, 100), moved("B", 10, 20, "WARNING"), LATE)
APPS = moved("apps", 5, None)
MIGRATE = sim_task(
    moved("root", None, None, reported_at=4, children=(moved("migrate", 5, None, children=(APPS, PROJECTS)),)),
    task_id="migrate-id",
    created_at=0,
    status_at=2,
    artifacts=(SimArtifact("log.zip", "https://files.example.com/log.zip", available_at=50, expires_at=90),),
)
SCENARIO = of_tasks(CHECK, MIGRATE, scope={"projects": {"includedKeys": ["A"]}}, job="job/1", page_size=2)
JOB = SCENARIO.job


class SimulatedApi:
    """An app with its clock, which stands at scenario second `now` and runs at speed 1."""

    def __init__(self, scenario: Scenario = SCENARIO, rate_limit: int | None = None) -> None:
        self.now = 60.0
        self.app = App(scenario, Timeline(BEGIN, 1.0), clock=self.clock, rate_limit=rate_limit)

    def clock(self) -> float:
        return BEGIN + self.now

    def send(self, path: str, authorization: str | None = BASIC) -> HttpResponse:
        return self.app.handle(HttpRequest("GET", PREFIX + path, authorization))

    def get(self, path: str, **query: str) -> Any:
        suffix = f"?{urlencode(query)}" if query else ""
        response = self.send(f"/jobs/{quote(JOB.job_id, safe='')}{path}{suffix}")
        assert response.status == 200
        return json.loads(response.body)

    def refused(self, path: str, **query: str) -> int:
        """Return the status of an unsuccessful answer, whose body has the shape of an error."""
        response = self.send(f"/jobs/{quote(JOB.job_id, safe='')}{path}?{urlencode(query)}")
        content = json.loads(response.body)
        assert content["status"] == response.status
        assert content.keys() == {"status", "errorMessage", "id"}
        return response.status


def test_tasks_are_listed_newest_first_once_known() -> None:
    """A task of the future is in no list, and one may be listed some seconds after its creation."""
    api = SimulatedApi(replace(SCENARIO, tasks=(CHECK, replace(MIGRATE, listed_at=5))))
    assert [task["taskId"] for task in api.get("/tasks")["data"]] == ["migrate-id", "check-id"]
    api.now = 4
    assert [task["taskId"] for task in api.get("/tasks")["data"]] == ["check-id"]
    assert api.refused("/tasks/migrate-id") == 404
    api.now = -3601
    assert api.get("/tasks") == {"data": [], "links": {}}


def test_a_task_has_its_artifacts_as_soon_as_they_exist() -> None:
    """One task answers as in the list, with the checks that were overridden; an artifact comes with its expiry."""
    api = SimulatedApi(replace(SCENARIO, tasks=(CHECK, replace(MIGRATE, overridden=("DuplicateEmail",)))))
    location, expiry = "https://files.example.com/log.zip", "2023-11-14T22:14:50.000Z"
    expected = {
        "taskId": "migrate-id",
        "taskType": "migrate",
        "createdAt": "2023-11-14T22:13:20.000Z",
        "payload": {"checkTypes": {"excludeKeys": ["DuplicateEmail"]}},
        "results": {"artifacts": [{"name": "log.zip", "location": location, "expireAt": expiry}]},
    }
    assert api.get("/tasks/migrate-id") == expected
    assert api.get("/tasks")["data"][0] == expected
    api.now = 49
    assert api.get("/tasks/migrate-id")["results"] == {"artifacts": []}


@pytest.mark.parametrize(
    "target",
    [
        "/", PREFIX, f"{PREFIX}/jobs", f"{PREFIX}/jobs/other", "/jobs/job%2F1",
        *(f"{PREFIX}/jobs/job%2F1{below}" for below in ("/tasks/unknown", "/tasks/unknown/status", "/elsewhere")),
    ],
)  # fmt: skip
def test_unknown_resources_are_not_found(target: str) -> None:
    """Another job or task, or a path outside the API, answers 404."""
    assert SimulatedApi().app.handle(HttpRequest("GET", target, BASIC)).status == 404


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401), ("Bearer token", 401), ("Basic !!!", 401), (f"Basic {MEMBER.authorization()}", 403),
        (f"basic {ADMIN.authorization()}", 200),
    ],
)  # fmt: skip
def test_only_the_admin_may_read(authorization: str | None, status: int) -> None:
    """Missing or wrong credentials get 401, an account without admin rights 403."""
    assert SimulatedApi().send("/jobs/job%2F1", authorization).status == status


def test_a_new_task_has_no_status_and_then_an_empty_one() -> None:
    """Statuses are eventually consistent: 404, then no data, then the root."""
    api = SimulatedApi()
    api.now = 1
    assert api.refused("/tasks/migrate-id/status") == 404
    api.now = 3
    assert api.get("/tasks/migrate-id/status", expandChildren="true") == {"data": {}, "links": {}}
    api.now = 4
    assert api.get("/tasks/migrate-id/status")["data"]["status"] == "PENDING"


@pytest.mark.parametrize(
    ("check_level", "root", "below_check", "single"),
    [("none", True, False, True), ("also", True, True, True), ("only", False, True, False)],
)
def test_the_level_check_of_a_check_task(
    check_level: Literal["none", "also", "only"], root: bool, below_check: bool, single: bool
) -> None:
    """Checks are at the root, at the root and below `check`, or below `check` only; the root always has a status."""
    api = SimulatedApi(replace(SCENARIO, tasks=(replace(CHECK, check_level=check_level),)))

    def listed(**query: str) -> list[str]:
        answer = api.get("/tasks/check-id/status", expandChildren="true", **query)["data"]
        assert bool(answer) == (answer.get("outcome") == "WARNING")
        return list(answer.get("children", ()))

    checks = ["AppVendorCheck"]
    assert api.get("/tasks/check-id/status")["data"]["outcome"] == "WARNING"
    assert listed() == (checks if root else [])
    assert listed(level="check") == (checks if below_check else [])
    for level, there in (("AppVendorCheck", single), ("check,AppVendorCheck", below_check)):
        assert bool(api.get("/tasks/check-id/status", level=level)["data"]) == there


def test_a_refused_task_has_no_children_and_no_links() -> None:
    """Its root is the only level it has, and says why it could not start."""
    run = refused("r", "refused-id", "migrate", created_at=10, message="Another run of the job is going.")
    api = SimulatedApi(replace(SCENARIO, tasks=(MIGRATE, run)))
    root = {"status": "FINISHED", "outcome": "FAILED", "message": "Another run of the job is going."}
    assert api.get("/tasks")["data"][0]["taskId"] == "refused-id"
    assert api.get("/tasks/refused-id/status", expandChildren="true") == {"data": root, "links": {}}
    for level in ("check", "migrate", "migrate,projects"):
        assert api.get("/tasks/refused-id/status", level=level, expandChildren="true") == {"data": {}, "links": {}}


def test_a_server_has_several_jobs() -> None:
    """Each has its own tasks and incidents, and a task is found below its own job only."""
    other = replace(SCENARIO, name="other", job=replace(JOB, job_id="job-2"), tasks=(replace(CHECK, task_id="two"),))
    incident = Incident(fault=Fault("500"))
    api = SimulatedApi(replace(SCENARIO, more=(replace(other, incidents=(incident,)),)))
    assert [task["taskId"] for task in api.get("/tasks")["data"]] == ["migrate-id", "check-id"]
    assert api.refused("/tasks/two") == 404
    assert api.send("/jobs/job-2/tasks").status == 500
    api = SimulatedApi(replace(SCENARIO, more=(other,)))
    assert [task["taskId"] for task in json.loads(api.send("/jobs/job-2/tasks").body)["data"]] == ["two"]


def test_a_hidden_level_shows_only_its_children() -> None:
    """Projects, spaces or both hang below levels that are not listed, have no status, and answer when expanded."""
    spaces = hidden("spaces", SimNode(name="DOC"))
    root = SimNode(name="root", children=(SimNode(name="migrate", children=(APPS, PROJECTS, spaces)),))
    api = SimulatedApi(replace(SCENARIO, tasks=(replace(MIGRATE, root=root),)))
    migrate = api.get("/tasks/migrate-id/status", level="migrate", expandChildren="true")
    assert list(migrate["data"]["children"]) == ["apps"]
    assert api.get("/tasks/migrate-id/status", level="migrate,projects") == {"data": {}, "links": {}}
    for level, children in (("migrate,projects", ["B", "A"]), ("migrate,spaces", ["DOC"])):
        data = api.get("/tasks/migrate-id/status", level=level, expandChildren="true")["data"]
        assert {name: list(value) for name, value in data.items()} == {"children": children}
    assert api.get("/tasks/migrate-id/status", level="migrate,projects,B")["data"]["outcome"] == "WARNING"


def test_a_cursor_of_another_list_or_level_is_refused() -> None:
    """A cursor is sent back with the level it came with, and neither it nor garbage continues a task list."""
    api = SimulatedApi()
    query = {"expandChildren": "true"}
    following = api.get("/tasks/migrate-id/status", level="migrate,projects", **query)["links"]["next"]
    assert api.refused("/tasks/migrate-id/status", level="migrate", cursor=following, **query) == 400
    assert api.refused("/tasks/migrate-id/status", level="migrate", cursor="?", **query) == 400
    assert [api.refused("/tasks", cursor=wrong) for wrong in ("%", "//4=", "cm9vdCNh", following)] == [400] * 4


FINISHED_ONLY = {"level": "migrate,projects", "expandChildren": "true", "status": "FINISHED", "outcome": "WARNING"}


@pytest.mark.parametrize(
    ("mode", "pages"),
    [
        ("works", [{"B"}, {"B"}]),
        ("ignored", [{"A", "B"}, {"A", "B"}]),
        ("empty", [set(), set()]),
        ("once", [{"B"}, set()]),
    ],
)
def test_filters_do_what_the_scenario_says(mode: FilterMode, pages: list[set[str]]) -> None:
    """Filters choose children, are ignored, or leave none; unfiltered requests are not touched."""
    api = SimulatedApi(replace(SCENARIO, filters=mode))
    answers = [api.get("/tasks/migrate-id/status", **FINISHED_ONLY)["data"] for _ in pages]
    assert [set(answer.get("children", {})) for answer in answers] == pages
    query = {"level": "migrate,projects", "expandChildren": "true"}
    for _ in range(2):
        assert set(api.get("/tasks/migrate-id/status", **query)["data"]["children"]) == {"A", "B"}


def test_filters_may_hold_for_the_first_page_only() -> None:
    """With a cursor everything comes that sorts after it."""
    children = (*(moved(name, None, 0, "WARNING") for name in "ab"), moved("c", 0, None))
    root = SimNode(name="root", children=children)
    api = SimulatedApi(replace(SCENARIO, tasks=(replace(CHECK, root=root),), page_size=1, filters="first-page"))
    query = {"expandChildren": "true", "status": "FINISHED"}
    pages = [api.get("/tasks/check-id/status", **query)]
    while "next" in pages[-1]["links"]:
        pages.append(api.get("/tasks/check-id/status", cursor=pages[-1]["links"]["next"], **query))
    assert [list(page["data"]["children"]) for page in pages] == [["a"], ["b"], ["c"]]


def test_the_rate_limit_counts_any_minute() -> None:
    """Beyond the limit comes 429 with the seconds to wait; then one more request is admitted."""
    api = SimulatedApi(rate_limit=2)
    api.now = 0
    first = dict(api.send("/jobs/job%2F1").headers)
    assert (first["X-RateLimit-Limit"], first["X-RateLimit-Remaining"]) == ("2", "1")
    assert first["X-RateLimit-Reset"] == "2023-11-14T22:14:20Z"
    api.now = 30
    assert api.send("/jobs/job%2F1").status == 200
    api.now = 59.5
    refused = api.send("/jobs/job%2F1")
    assert (refused.status, dict(refused.headers)["Retry-After"]) == (429, "1")
    assert dict(refused.headers)["X-RateLimit-Remaining"] == "0"
    api.now = 60
    assert api.send("/jobs/job%2F1").status == 200
    assert api.send("/jobs/job%2F1").status == 429


@pytest.mark.parametrize("query", ["kind=earthquake", "kind=503&times=many"])
def test_a_fault_that_does_not_exist_is_refused(query: str) -> None:
    """A wrong kind or number answers 400 and queues nothing."""
    api = SimulatedApi()
    assert api.app.handle(HttpRequest("POST", f"{FAULTS_PATH}?{query}")).status == 400
    assert len(api.app.faults) == 0


REQUESTS = {
    "job": "",
    "tasks": "/tasks",
    "tasks 2": "/tasks?cursor=x",
    "task": "/tasks/t",
    "root": "/tasks/t/status",
    "root+": "/tasks/t/status?expandChildren=true&level=",
    "migrate": "/tasks/t/status?level=migrate",
    "migrate+": "/tasks/t/status?level=migrate&expandChildren=true",
    "running": "/tasks/t/status?level=migrate&expandChildren=true&status=IN_PROGRESS",
    "failed": "/tasks/t/status?level=migrate&expandChildren=true&outcome=FAILED",
    "migrate 2": "/tasks/t/status?level=migrate&expandChildren=true&cursor=x",
}


@pytest.mark.parametrize(
    ("address", "hit"),
    [
        ({}, list(REQUESTS)),
        ({"route": "job"}, ["job"]),
        ({"route": "tasks"}, ["tasks", "tasks 2"]),
        ({"route": "task"}, ["task"]),
        ({"level": ""}, ["root", "root+"]),
        ({"level": "migrate"}, ["migrate", "migrate+", "running", "failed", "migrate 2"]),
        ({"level": "migrate", "expanded": False}, ["migrate"]),
        ({"expanded": True, "page": "first"}, ["root+", "migrate+", "running", "failed"]),
        ({"status": "IN_PROGRESS"}, ["running"]),
        ({"status": "*"}, ["running"]),
        ({"outcome": "*"}, ["failed"]),
        ({"page": "next"}, ["tasks 2", "migrate 2"]),
        ({"page": "next", "route": "status"}, ["migrate 2"]),
        ({"begin": 60, "end": 61}, list(REQUESTS)),
        ({"begin": 60.5}, []),
        ({"end": 60}, []),
    ],
)
def test_an_incident_hits_what_it_is_addressed_to(address: dict[str, Any], hit: list[str]) -> None:
    """Route, level, filter, page and a period of scenario time choose the requests that fail."""
    tasks = (replace(MIGRATE, task_id="t"),)
    api = SimulatedApi(replace(SCENARIO, tasks=tasks, incidents=(Incident(fault=Fault("500"), **address),)))
    assert [name for name, path in REQUESTS.items() if api.send(f"/jobs/job%2F1{path}").status == 500] == hit


def test_the_first_incident_that_fits_counts_and_queued_faults_come_first() -> None:
    """Queued faults take precedence over incidents, and earlier incidents over later ones."""
    incidents = (Incident(fault=Fault("500"), route="task"), Incident(fault=Fault("503", retry_after=4)))
    api = SimulatedApi(replace(SCENARIO, incidents=incidents))
    api.app.faults.add("429")
    assert [api.send(f"/jobs/job%2F1{path}").status for path in ("", "", "/tasks/t")] == [429, 503, 500]


@pytest.mark.parametrize(
    ("path", "data"), [("/tasks", []), ("/tasks/migrate-id/status?expandChildren=true", {})], ids=["tasks", "status"]
)
def test_an_answer_may_be_emptied(path: str, data: object) -> None:
    """A list of tasks has none for a while, a level is not there for a while."""
    api = SimulatedApi(replace(SCENARIO, incidents=(Incident(fault=Fault("nothing"), end=70),)))
    assert json.loads(api.send(f"/jobs/job%2F1{path}").body) == {"data": data, "links": {}}
    assert api.send("/jobs/job%2F1/tasks/unknown").status == 404
    api.now = 70
    assert json.loads(api.send(f"/jobs/job%2F1{path}").body)["data"]
