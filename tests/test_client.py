"""The API from Python: the same answers as on the command line, as frozen types, over a real socket."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

import migstat
from migstat import Client, Job, MigstatError, Node, Snapshot, Summary, Task, Verdict, watch
from migstat.errors import CredentialsError, Incomplete, NotFound, Refused, UsageError
from migstat.model.events import Changed, End, Ended, Event, Snapped
from migstat.model.nodes import Millis
from migstat.model.reports import JobReport, Report, StatusReport
from migstat.render.json import document, encoded
from migstat.simulator import scenario as script
from migstat.simulator.scenarios import build
from migstat.simulator.server import Server, serve
from tests import command_line
from tests.cli.rehearsals import NOT_FOUND, Answer, Asked, answering, node, scenario, still
from tests.command_line import environ_of, hermetic
from tests.watching import kinds, migration, moved, the_end

NOW = time.time()
TOKEN = "s3cret-t0ken-of-the-test"
TARGETS = """
default_profile = "home"

[profiles.home]
email = "{email}"
base_url = "{base_url}"
token_file = "{token_file}"
task = "latest-check"

[profiles.away]
email = "somebody@else.example"
base_url = "http://127.0.0.1:9"

[targets.wave2]
job = "{job}"

[targets.elsewhere]
job = "{job}"
profile = "away"
"""


def client_of(server: Server, **more: Any) -> Client:
    """Return a client of the simulator, whose requests nobody limits."""
    return Client(email=server.email, token=server.token, base_url=server.base_url, rate_limit=None, **more)


def running(scripted: script.Scenario, over: float) -> AbstractContextManager[Server]:
    """Serve a scenario whose time stands still when this share of it is over."""
    return serve(scripted, head_start=scripted.duration * over, clock=lambda: NOW, rate_limit=None)


@pytest.fixture(scope="module", params=[("projects-failing", 0.6), ("cutover", 1.01), ("failing", 1.01)])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Return a server of one of several migrations."""
    name, over = request.param
    with running(build(name), over) as served:
        yield served


@pytest.fixture(scope="module")
def small() -> Iterator[Server]:
    """Return a server of a small migration under way."""
    with running(migration(moved("A", 60, 300), moved("B", 100, 900, "FAILED")), 0.5) as served:
        yield served


def set_environment(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    """Give this process the variables, and none else of migstat."""
    for name in [name for name in os.environ if name.startswith("MIGSTAT_")]:
        monkeypatch.delenv(name)
    for name, value in {"MIGSTAT_CONFIG": os.devnull, **environ}.items():
        monkeypatch.setenv(name, value)


def config_in(folder: Path, server: Server) -> str:
    """Write a config file with profiles and targets, and return its name."""
    token = folder / "home.token"
    token.write_text(server.token, encoding="utf-8")
    token.chmod(0o600)
    file = folder / "config.toml"
    values = {
        "email": server.email,
        "base_url": server.base_url,
        "job": f"https://api.example/jobs/{server.job_id}",
        "token_file": token.name,
    }
    file.write_text(TARGETS.format(**values), encoding="utf-8")
    return str(file)


def told(server: Server, at: Millis, *words: str) -> Any:
    """Return what the command line tells at an instant, as JSON."""
    result = command_line.migstat([*words, "--json"], environ_of(server), now=lambda: at / 1000)
    assert result.code == 0, result.err
    return json.loads(result.out)


def published(report: Report) -> Any:
    """Return the document of a report."""
    return json.loads(encoded(document(report)))


# the same as on the command line


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ((), {}),
        (("--depth", "2"), {"depth": 2}),
        (("--depth", "all"), {"depth": "all"}),
        (("--depth", "all"), {"depth": 1_000_000}),
        (("--level", "check"), {"level": "check"}),
        (("--level", "check"), {"level": "check", "depth": -1}),
        (("--level", "check", "--depth", "1"), {"level": ["check"], "depth": 1}),
    ],
)
def test_a_status_is_that_of_the_command_line(server: Server, words: tuple[str, ...], asked: dict[str, Any]) -> None:
    """A snapshot holds what `migstat status --json` prints, to the same depth."""
    with client_of(server) as client:
        snapshot: Snapshot = client.status(server.job_id, **asked)
    assert published(StatusReport(snapshot)) == told(server, snapshot.fetched_at, "status", *words)


def test_checks_are_those_of_the_command_line(server: Server) -> None:
    """The checks, their summary and the verdict are what `migstat checks --json` prints, in its order."""
    with client_of(server) as client:
        report = client.checks(server.job_id)
    summary: Summary = report.summary
    assert report.checks
    assert len(report.checks) == summary.total
    assert published(report) == told(server, report.snapshot.fetched_at, "checks")


def test_projects_are_those_of_the_command_line(server: Server) -> None:
    """The projects, and those that are missing, are what `migstat projects --json` prints, in its order."""
    with client_of(server) as client:
        report = client.projects(server.job_id)
    assert report.projects or report.snapshot.missing
    assert published(report) == told(server, report.snapshot.fetched_at, "projects")


def test_tasks_and_job_are_those_of_the_command_line(server: Server) -> None:
    """The runs of a job and its definition are what `migstat tasks` and `migstat job` print."""
    with client_of(server) as client:
        tasks: tuple[Task, ...] = client.tasks(server.job_id)
        job: Job = client.job(server.job_id)
    assert [task.task_id for task in tasks] == [run["taskId"] for run in told(server, 1000, "tasks")["tasks"]]
    assert published(JobReport(server.job_id, 1000, job)) == told(server, 1000, "job")


@pytest.mark.parametrize("call", ["status", "checks"])
def test_a_task_is_named_as_on_the_command_line(call: str) -> None:
    """A URL stands for the job, a word or an id for the task, and a lone word is no job."""
    with running(build("cutover"), 0.6) as served, client_of(served) as client:
        latest_check = told(served, 1000, "checks", "latest-check")["taskId"]
        ask = getattr(client, call)
        url = f"https://elsewhere.example/migrations/public/v1/jobs/{served.job_id}"
        answers = [ask(url, "latest-check"), ask(served.job_id, latest_check), ask(f"{url}/tasks/{latest_check}")]
        assert ask(served.job_id) not in answers
        with pytest.raises(UsageError, match="no job given"):
            ask("latest-check")
    snapshots = [answer if isinstance(answer, Snapshot) else answer.snapshot for answer in answers]
    assert {snapshot.task_id for snapshot in snapshots} == {latest_check}


def test_projects_are_of_the_latest_run_that_migrates() -> None:
    """A later run that only checks has no projects, so it is not the one whose projects are asked for."""
    migrate = node("root", children=(node("check"), node("migrate")))
    runs = (
        script.SimTask(label="m", task_id="m1", task_type="migrate", created_at=1, root=migrate),
        script.SimTask(label="c", task_id="c1", task_type="check", created_at=2, root=node("root")),
    )
    with still(scenario(*runs)) as served, client_of(served) as client:
        assert client.status("job-1").task_id == "c1"
        assert client.projects("job-1").snapshot.task_id == "m1"


def test_a_missing_project_is_missing_of_the_projects_only() -> None:
    """A project that is not reported makes the projects incomplete, and no success of the task, but not the checks."""
    with running(migration(moved("A", 60, 300), keys=("A", "B")), 1.01) as served, client_of(served) as client:
        checks, projects = client.checks(served.job_id).snapshot, client.projects(served.job_id).snapshot
    assert (checks.complete, checks.missing) == (True, ())
    assert (projects.complete, projects.missing) == (False, ("B",))
    assert not {checks.verdict, projects.verdict} & {Verdict.SUCCEEDED, Verdict.WARNING}


def test_a_verdict_is_of_the_whole_walk(small: Server) -> None:
    """A snapshot of the root alone knows what the levels below it come down to."""
    ended = migration(moved("A", 60, 300), moved("B", 100, 900, "FAILED"))
    with running(ended, 1.5) as over, client_of(over) as client:
        snapshot = client.status(over.job_id, depth=0)
    assert snapshot.node.children is None
    assert (snapshot.node.outcome, snapshot.verdict, snapshot.complete) == ("SUCCESS", Verdict.FAILED, True)
    with client_of(small) as client:
        assert client.status(small.job_id).verdict is Verdict.RUNNING


def test_many_threads_may_use_one_client(small: Server) -> None:
    """Answers to several threads at once are the same as to one."""
    answers: list[tuple[Node, ...]] = []

    def ask() -> None:
        answers.append(client.projects(small.job_id).projects)

    with client_of(small) as client:
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        alone = client.projects(small.job_id).projects
    assert answers == [alone] * 8


# what goes wrong


@pytest.mark.parametrize(
    ("given", "kind", "says"),
    [
        ({"email": ""}, UsageError, "email is not an e-mail"),
        ({"token": " "}, CredentialsError, "token does not contain an API token"),
        ({"token": "two words"}, CredentialsError, "token contains more than one word"),
        ({"base_url": "ftp://127.0.0.1"}, UsageError, "base_url: not an http or https URL: 'ftp"),
        ({"base_url": "http://api.example"}, UsageError, "base_url: plain http"),
        ({"base_url": ""}, UsageError, "base_url is empty"),
        ({"request_timeout": 0}, UsageError, "request_timeout: invalid duration: 0"),
        ({"request_timeout": float("nan")}, UsageError, "request_timeout: invalid duration: nan"),
        ({"rate_limit": 0}, UsageError, "rate_limit: not a number of requests: '0'"),
        ({"rate_limit": None, "base_url": "https://api.example"}, UsageError, "rate_limit: no limit is for loopback"),
        ({"ca_bundle": Path("no") / "such.pem"}, UsageError, "ca_bundle: cannot read '.*such.pem'"),
    ],
)
def test_values_that_make_no_sense_are_refused(given: dict[str, Any], kind: type[MigstatError], says: str) -> None:
    """A client is not made of nonsense, and the error calls the value by the name of its argument."""
    with pytest.raises(kind, match=says):
        Client(**{"email": "a@example.com", "token": TOKEN, "base_url": "http://127.0.0.1:9", **given})


def test_a_client_shows_no_secret() -> None:
    """Neither a client nor what it holds shows the token to somebody who prints it."""
    with Client(email="a@example.com", token=TOKEN) as client:
        assert repr(client) == "Client(email='a@example.com', base_url='https://api.atlassian.com')"
        assert TOKEN not in f"{client}{vars(client)}"


def test_errors_are_those_of_the_package(small: Server) -> None:
    """What the API refuses or does not know, and words that make no sense, raise a MigstatError with a hint."""
    member = Client(email=small.member_email, token=small.member_token, base_url=small.base_url)
    with member, pytest.raises(Refused):
        member.status(small.job_id)
    with client_of(small) as client:
        with pytest.raises(NotFound):
            client.job("no-such-job")
        with pytest.raises(NotFound, match="level migrate,nothing does not exist"):
            client.status(small.job_id, level=("migrate", "nothing"))
        with pytest.raises(UsageError, match="level: 'check,,a' has an empty") as wrong:
            client.status(small.job_id, level="check,,a")
        assert wrong.value.hint
        with pytest.raises(UsageError, match="no job given"):
            client.tasks()


def test_runs_that_cannot_all_be_read_are_no_answer() -> None:
    """Where a page of the runs cannot be read there is an error, not a list that looks whole."""

    def answer(asked: Asked) -> Answer:
        run = {"taskId": "c1", "taskType": "check", "createdAt": "2026-09-21T13:00:00.000Z"}
        return NOT_FOUND if "cursor" in asked.query else Answer({"data": [run], "links": {"next": "more"}})

    with (
        answering(answer) as served,
        Client(email="a@example.com", token=TOKEN, base_url=served.base_url) as client,
        pytest.raises(Incomplete, match="could not be read: the rest of the runs"),
    ):
        client.tasks("job-1")


def test_a_check_task_has_no_projects() -> None:
    """Projects of a task that only checks are not found, rather than none."""
    with running(build("checks"), 0.5) as served, client_of(served) as client, pytest.raises(NotFound):
        client.projects(served.job_id, "latest")


# from the environment


def test_the_environment_says_all(small: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client from the environment takes job, task and credentials where the command line does."""
    set_environment(monkeypatch, environ_of(small) | {"MIGSTAT_TASK": "latest-migrate"})
    with Client.from_environment() as client:
        assert client.status().job_id == small.job_id
        assert client.projects().snapshot.task_id == client.tasks()[0].task_id


def test_a_token_comes_from_standard_input_where_the_environment_says_so(
    small: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token file `-` is standard input, and a process without one has no token."""
    set_environment(monkeypatch, environ_of(small) | {"MIGSTAT_TOKEN": "", "MIGSTAT_TOKEN_FILE": "-"})
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{small.token}\n"))
    with Client.from_environment() as client:
        assert client.status().job_id == small.job_id
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(CredentialsError):
        Client.from_environment()


def test_a_profile_and_a_target_are_those_of_the_config_file(
    small: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default profile, or one by name, says how to reach the API, and targets name jobs."""
    file = config_in(tmp_path, small)
    set_environment(monkeypatch, {"MIGSTAT_CONFIG": file})
    for profile in (None, "home"):
        with Client.from_environment(profile) as client:
            assert client.job("wave2") == client.job(small.job_id)
            assert client.status("wave2", "latest").job_id == small.job_id
            with pytest.raises(NotFound, match="has no check task"):  # as the profile's task is of that kind
                client.status("wave2")
    with pytest.raises(UsageError, match="no profile 'nowhere'"):
        Client.from_environment("nowhere")


def test_a_target_of_another_profile_is_not_asked_with_this_ones_token(
    small: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target of another profile is refused, unless this profile was named, which goes before it."""
    set_environment(monkeypatch, {"MIGSTAT_CONFIG": config_in(tmp_path, small)})
    asked = len(small.requests)
    with Client.from_environment() as client, pytest.raises(UsageError, match="is of profile away") as wrong:
        client.job("elsewhere")
    assert wrong.value.hint == "Use Client.from_environment('away')."
    assert len(small.requests) == asked
    with Client.from_environment("home") as client:
        assert client.job("elsewhere") == client.job(small.job_id)


@pytest.mark.skipif(os.name != "posix", reason="only POSIX modes say who may read")
def test_what_the_command_line_warns_of_is_a_warning(
    small: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token file that others can read is warned of, where the client is made."""
    file = tmp_path / "token"
    file.write_text(small.token, encoding="utf-8")
    file.chmod(0o644)
    environ = {**environ_of(small), "MIGSTAT_TOKEN": "", "MIGSTAT_TOKEN_FILE": str(file)}
    set_environment(monkeypatch, environ)
    with pytest.warns(UserWarning, match="other users can read the token") as told, Client.from_environment():
        assert [each.filename for each in told] == [__file__]


# a watch


@pytest.mark.parametrize(
    ("outcome", "strict", "verdict", "code"),
    [("SUCCESS", False, "succeeded", 0), ("FAILED", False, "failed", 1), ("WARNING", True, "warning", 1)],
)
def test_a_watch_follows_a_task_to_its_end(outcome: str, strict: bool, verdict: str, code: int) -> None:
    """A watch begins with a view, tells what changes, and ends with verdict and exit code of the command's."""
    scripted = migration(moved("A", 60, 300), moved("B", 100, 900, outcome))
    now = [time.time()]
    with (
        serve(scripted, clock=lambda: now[0], speed=1.0, head_start=200.0, rate_limit=None) as served,
        client_of(served) as client,
    ):
        following = watch(client, served.job_id, interval=0.05, strict=strict)
        events = [next(following)]
        now[0] += 1000.0
        events += following
    assert isinstance(events[0], Snapped)
    assert any(isinstance(event, Changed) and event.node.outcome == outcome for event in events)
    last = events[-1]
    assert isinstance(last, Ended)
    assert (last.end, last.verdict, last.exit_code) == (End.FINISHED, verdict, code)


@pytest.mark.slow
def test_a_watch_ends_when_its_time_is_up(small: Server) -> None:
    """A watch with a timeout ends with an Ended that says so, and sleeps no longer than that."""
    with client_of(small) as client:
        *before, last = watch(client, small.job_id, interval=60.0, timeout=1.0)
    assert isinstance(last, Ended)
    assert (last.end, last.verdict, last.exit_code) == (End.TIMEOUT, Verdict.RUNNING, 124)
    assert isinstance(before[0], Snapped)


def test_a_watch_waits_for_what_it_is_told_to(small: Server) -> None:
    """What is waited for, and a failure that ends it at once, are those of the command."""
    with client_of(small) as client:
        *_, checked = watch(client, small.job_id, until="checks")
    assert isinstance(checked, Ended)
    assert (checked.end, checked.verdict) == (End.FINISHED, Verdict.SUCCEEDED)
    failed = migration(moved("A", 60, 300), moved("B", 100, 400, "FAILED"))
    with running(failed, 0.6) as served, client_of(served) as client:
        *_, ended = watch(client, served.job_id, fail_fast=True)
    assert isinstance(ended, Ended)
    assert (ended.end, ended.exit_code) == (End.FAILED_FAST, 1)


def test_a_closed_client_sends_nothing(small: Server) -> None:
    """It raises an error of ours, whatever it is asked, and the watch of it does, too."""
    with client_of(small) as client:
        pass
    before = len(small.requests)
    for ask in (client.status, client.checks, client.projects, client.tasks, client.job):
        with pytest.raises(UsageError, match="closed"):
            ask(small.job_id)
    with pytest.raises(UsageError, match="closed"):
        list(watch(client, small.job_id))
    assert len(small.requests) == before


def test_a_closed_watch_asks_no_more(small: Server) -> None:
    """A watch may be closed at any time, and its client goes on to answer."""
    with client_of(small) as client:
        events = watch(client, small.job_id, interval=0.01)
        first: Event = next(events)
        events.close()
        asked = len(small.requests)
        assert list(events) == []
        assert len(small.requests) == asked
        assert isinstance(first, Snapped)
        assert client.status(small.job_id).task_id == first.snapshot.task_id


@pytest.mark.parametrize(
    "wrong",
    [
        {"interval": "5"},
        {"interval": 0},
        {"timeout": -1.0},
        {"stall_after": float("inf")},
        {"timeout": 1e300},
        {"until": "x"},
    ],
)
def test_a_watch_of_nonsense_is_refused_before_it_begins(small: Server, wrong: dict[str, Any]) -> None:
    """Values that make no sense are refused by the call, not by the first event."""
    with client_of(small) as client, pytest.raises(UsageError, match=next(iter(wrong))):
        watch(client, small.job_id, **wrong)


def test_a_watch_raises_what_no_waiting_can_help(small: Server) -> None:
    """A job that there is not is an error, not a watch without end."""
    with client_of(small) as client, pytest.raises(NotFound):
        list(watch(client, "no-such-job", interval=0.01))


@pytest.mark.slow
def test_a_watch_tells_of_an_outage_and_still_ends_in_time() -> None:
    """An API that wants a longer pause than a watch is silent for is an outage, which its timeout ends."""
    with running(migration(moved("A", 60, 300)), 0.5) as served, client_of(served) as client:
        served.faults.add("429", retry_after=15)
        events = list(watch(client, served.job_id, timeout=1.0))
    assert kinds(events) == ["Outage", "Ended"]
    assert the_end(events).end is End.TIMEOUT


# what is public


def test_the_package_loads_nothing_until_it_is_used() -> None:
    """Importing the package costs next to nothing: neither libraries nor modules of its own are loaded."""
    code = "import sys, migstat; print(sorted(name for name in sys.modules if name.startswith(('migstat', 'msgspec'))))"
    done = subprocess.run([sys.executable, "-c", code], env=hermetic(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['migstat']"


def test_every_public_name_is_there_and_documented() -> None:
    """What the package names as public can be had, says what it is, and is what `dir` shows."""
    for name in migstat.__all__:
        assert getattr(migstat, name) is not None
        assert name == "Event" or getattr(migstat, name).__doc__
    assert set(migstat.__all__) <= set(dir(migstat))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        getattr(migstat, "nonsense")  # noqa: B009  which a type checker would refuse


@pytest.mark.slow
def test_the_watch_of_the_package_is_the_function_whatever_was_loaded() -> None:
    """No module of the package stands in the way of a public name."""
    code = "import migstat.cli.commands.watch, migstat.client; from migstat import watch; print(watch.__module__)"
    done = subprocess.run([sys.executable, "-c", code], env=hermetic(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "migstat.client"
    assert not {path.stem for path in Path(migstat.__file__ or "").parent.iterdir()} & set(migstat.__all__)
