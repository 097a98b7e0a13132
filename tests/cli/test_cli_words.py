"""What a user may call a job and a task."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import quote

import pytest

from migstat.simulator.scenario import SimTask
from migstat.simulator.server import Server
from tests.cli.rehearsals import PREFIX, Answer, Asked, answering, ask, node, scenario, still
from tests.command_line import Result


def task(task_id: str, created_at: float, task_type: str) -> SimTask:
    """Return a small run."""
    return SimTask(
        label=task_id,
        task_id=task_id,
        task_type="check" if task_type == "check" else "migrate",
        created_at=created_at,
        root=node("root", children=(node("Well"),) if task_type == "check" else (node("check"), node("migrate"))),
    )


RUNS = (task("c1", 1, "check"), task("m1", 2, "migrate"), task("c2", 3, "check"), task("m2", 4, "migrate"))


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    """Return a server of four runs, and one that nobody should ask."""
    with ExitStack() as stack:
        runs = scenario(*RUNS, page_size=2)
        yield stack.enter_context(still(runs)), stack.enter_context(still(replace(runs, name="elsewhere")))


def asked_about(result: Result) -> str:
    """Return the task that an answer is about."""
    assert (result.code, result.err) == (0, "")
    told = json.loads(result.out)
    return f"{told['jobId']}/{told['taskId']}"


@pytest.mark.parametrize(
    ("words", "environ", "about"),
    [
        ((), {}, "m2"),
        (("job-1",), {}, "m2"),
        (("job-1", "c1"), {}, "c1"),
        (("job-1", "latest"), {}, "m2"),
        (("job-1", "latest-check"), {}, "c2"),
        (("job-1", "latest-migrate"), {}, "m2"),
        (("latest-check",), {}, "c2"),
        (("latest",), {}, "m2"),
        ((), {"MIGSTAT_TASK": "c1"}, "c1"),
        ((), {"MIGSTAT_TASK": "latest-check"}, "c2"),
        ((), {"MIGSTAT_TASK": ""}, "m2"),
        (("job-1", "m1"), {"MIGSTAT_TASK": "c1"}, "m1"),
        (("latest-check",), {"MIGSTAT_TASK": "c1"}, "c2"),
        (("job-1", "m1"), {"MIGSTAT_JOB": "other"}, "m1"),
        (("job-1",), {"MIGSTAT_JOB": ""}, "m2"),
        (("URL/jobs/job-1",), {}, "m2"),
        (("URL/jobs/job-1/",), {}, "m2"),
        (("URL/jobs/job-1/tasks",), {}, "m2"),
        (("URL/jobs/job-1/tasks/c1",), {}, "c1"),
        (("URL/jobs/job-1/tasks/c1/status?level=check&cursor=x#top",), {}, "c1"),
        (("URL/jobs/job-1/tasks/c1", "c1"), {}, "c1"),
        (("URL/jobs/job-1", "latest-check"), {}, "c2"),
        (("URL/jobs/%6Aob-1/tasks/c%31",), {}, "c1"),
        (("URL/jobs/job-1/tasks/c1",), {"MIGSTAT_TASK": "m1"}, "c1"),
        ((), {"MIGSTAT_JOB": "URL/jobs/job-1/tasks/c1"}, "c1"),
        ((), {"MIGSTAT_JOB": "URL/jobs/job-1/tasks/c1", "MIGSTAT_TASK": "m1"}, "m1"),
        (("latest-check",), {"MIGSTAT_JOB": "URL/jobs/job-1/tasks/m1"}, "c2"),
        (("HTTPS://user:pw@never.example:99/any/jobs/job-1/tasks/c1/",), {}, "c1"),
        (("--", "job-1", "c1"), {}, "c1"),
    ],
)
def test_a_task_is_found_by_what_it_is_called(
    servers: tuple[Server, Server], words: tuple[str, ...], environ: dict[str, str], about: str
) -> None:
    """Ids, pasted URLs, words and variables lead to the task, and only the base URL's host is ever asked."""
    server, elsewhere = servers
    url = elsewhere.base_url + PREFIX
    env = {name: value.replace("URL", url) for name, value in environ.items()}
    result = ask(server, "status", "--json", *(word.replace("URL", url) for word in words), env=env)
    assert asked_about(result) == f"job-1/{about}"
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("words", "about"), [((), "m2"), (("c2",), ""), (("latest-migrate",), "m2"), (("job-1", "m1"), "m1")]
)
def test_projects_are_those_of_the_latest_migration(
    servers: tuple[Server, Server], words: tuple[str, ...], about: str
) -> None:
    """Projects are read from the latest migrate task where none is named."""
    newest_is_check = scenario(*RUNS, task("c3", 5, "check"))
    with still(newest_is_check) as server:
        result = ask(server, "projects", "--json", *words)
        default = ask(server, "checks", "--json")
    assert asked_about(default) == "job-1/c3"
    if about:
        assert asked_about(result) == f"job-1/{about}"
    else:
        assert result.code == 5  # a lone word that is no task word is a job


@pytest.mark.parametrize("command", ["tasks", "job"])
def test_commands_about_a_job_take_a_url_of_a_task(servers: tuple[Server, Server], command: str) -> None:
    """A URL that holds a task's id, too, names its job."""
    server, elsewhere = servers
    result = ask(server, command, f"{elsewhere.base_url}{PREFIX}/jobs/job-1/tasks/c1", "--json")
    assert json.loads(result.out)["jobId"] == "job-1"
    assert elsewhere.requests == []


@pytest.mark.parametrize("word", ["latest-check", "latest-migrate"])
def test_a_job_without_such_a_run(word: str) -> None:
    """A task word that no run fits is code 5 and says so."""
    only = task("c1", 1, "check") if word == "latest-migrate" else task("m1", 1, "migrate")
    with still(scenario(only)) as server:
        result = ask(server, "status", word)
    assert (result.code, result.out) == (5, "")
    assert "its only run is a" in result.err


def test_a_job_without_runs() -> None:
    """A job that has not been run yet is code 5 for a task, and an empty list of tasks."""
    with still(scenario()) as server:
        assert ask(server, "status").code == 5
        assert "no runs yet" in ask(server, "status").err
        assert (ask(server, "tasks").code, ask(server, "tasks").out) == (0, "")
        assert "No runs yet." in ask(server, "tasks", "-o", "table").out


@pytest.mark.parametrize(
    "odd", ["job.1", "jöb", "a%2Fb", "a?b=c", "a#b", "a&b", "a;b", "a+b", "..a", "-a", "*", "漢字"]
)
def test_odd_ids_are_percent_encoded(odd: str) -> None:
    """An id goes into the path as one segment, whatever it is made of, and comes back as it is."""

    def answer(asked: Asked) -> Answer:
        return Answer({"data": {"status": "PENDING"}, "links": {}, "taskId": "x", "taskType": "check"})

    with answering(answer) as server:
        result = server.ask("status", "--depth", "0", "--json", "--", odd, odd)
        asked = [each.target.split("?")[0] for each in server.asked]
        segments = [each.segments for each in server.asked]
    assert asked_about(result) == f"{odd}/{odd}"
    assert {each.removesuffix("/status") for each in asked} == {
        f"{PREFIX}/jobs/{quote(odd, safe='')}/tasks/{quote(odd, safe='')}"
    }
    assert all(each[1] == each[3] == odd for each in segments)


@pytest.mark.parametrize("level", ["check,Ä b", "check,a&b=c", "check,100%", "check,a+b", "check,#"])
def test_odd_levels_are_percent_encoded(level: str) -> None:
    """A level reaches the API as it was typed."""

    def answer(asked: Asked) -> Answer:
        return Answer({"data": {"status": "FINISHED", "outcome": "SUCCESS"}, "links": {}})

    with answering(answer) as server:
        result = server.ask("status", "job-1", "t", "--level", level, "--json")
        assert level in [each.query.get("level") for each in server.asked]
    assert json.loads(result.out)["node"]["level"] == level.split(",")
