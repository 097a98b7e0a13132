"""The API from Python: the same answers as on the command line, as frozen types, over a real socket."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

import pytest

import migstat
from migstat import Client, Job, MigstatError, Snapshot, Summary, Task, Verdict, watch
from migstat.errors import CredentialsError, Incomplete, NotFound, UsageError
from migstat.model.events import Changed, End, Event, Snapped
from migstat.model.nodes import Millis
from migstat.model.reports import JobReport, Report, StatusReport
from migstat.render.json import document, encoded
from migstat.simulator import scenario as script
from migstat.simulator.scenarios import build
from migstat.simulator.server import Server, serve
from tests import command_line
from tests.command_line import environ_of, hermetic
from tests.scenarios import migration, moved, node, of_tasks, sim_task
from tests.servers import NOT_FOUND, Answer, Asked, answering, still
from tests.watching import kinds, the_end

NOW = time.time()
TOKEN = "s3cret-t0ken-of-the-test"


def client_of(server: Server) -> Client:
    return Client(email=server.email, token=server.token, base_url=server.base_url, rate_limit=None)


def running(scripted: script.Scenario, over: float) -> AbstractContextManager[Server]:
    """A server of a scenario that stands still when this share of it is over."""
    return serve(scripted, head_start=scripted.duration * over, clock=lambda: NOW, rate_limit=None)


@pytest.fixture(scope="module", params=[("projects-failing", 0.6), ("cutover", 1.01), ("failing", 1.01)])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    name, over = request.param
    with running(build(name), over) as served:
        yield served


@pytest.fixture(scope="module")
def small() -> Iterator[Server]:
    with running(migration(moved("A", 60, 300), moved("B", 100, 900, "FAILED")), 0.5) as served:
        yield served


def set_environment(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    for name in [name for name in os.environ if name.startswith("MIGSTAT_")]:
        monkeypatch.delenv(name)
    for name, value in {"MIGSTAT_CONFIG": os.devnull, **environ}.items():
        monkeypatch.setenv(name, value)


def printed(server: Server, at: Millis, *words: str) -> Any:
    result = command_line.migstat([*words, "--json"], environ_of(server), now=lambda: at / 1000)
    assert result.code == 0, result.err
    return json.loads(result.out)


def published(report: Report) -> Any:
    return json.loads(encoded(document(report)))


# the same as on the command line


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ((), {}),
        (("--depth", "all"), {"depth": "all"}),
        (("--depth", "all"), {"depth": 1_000_000}),
        (("--level", "check"), {"level": "check", "depth": -1}),
        (("--level", "check", "--depth", "1"), {"level": ["check"], "depth": 1}),
    ],
)
def test_a_status_is_that_of_the_command_line(server: Server, words: tuple[str, ...], options: dict[str, Any]) -> None:
    """A snapshot holds what `migstat status --json` prints, to the same depth."""
    with client_of(server) as client:
        snapshot: Snapshot = client.status(server.job_id, **options)
    assert published(StatusReport(snapshot)) == printed(server, snapshot.fetched_at, "status", *words)


def test_reports_are_those_of_the_command_line(server: Server) -> None:
    """Checks, projects, runs and the job are what the commands print, in the same order."""
    with client_of(server) as client:
        checks, projects = client.checks(server.job_id), client.projects(server.job_id)
        tasks: tuple[Task, ...] = client.tasks(server.job_id)
        job: Job = client.job(server.job_id)
    summary: Summary = checks.summary
    assert len(checks.checks) == summary.total > 0
    assert projects.projects or projects.snapshot.missing
    assert published(checks) == printed(server, checks.snapshot.fetched_at, "checks")
    assert published(projects) == printed(server, projects.snapshot.fetched_at, "projects")
    assert [task.task_id for task in tasks] == [run["taskId"] for run in printed(server, 1000, "tasks")["tasks"]]
    assert published(JobReport(server.job_id, 1000, job)) == printed(server, 1000, "job")


@pytest.mark.parametrize("call", ["status", "checks"])
def test_a_task_is_named_as_on_the_command_line(call: str) -> None:
    """A URL stands for the job, a word or an id for the task, and a lone word is not a job."""
    with running(build("cutover"), 0.6) as served, client_of(served) as client:
        latest_check = printed(served, 1000, "checks", "latest-check")["taskId"]
        ask = getattr(client, call)
        url = f"https://elsewhere.example/migrations/public/v1/jobs/{served.job_id}"
        answers = [ask(url, "latest-check"), ask(served.job_id, latest_check), ask(f"{url}/tasks/{latest_check}")]
        assert ask(served.job_id) not in answers
    snapshots = [answer if isinstance(answer, Snapshot) else answer.snapshot for answer in answers]
    assert {snapshot.task_id for snapshot in snapshots} == {latest_check}


def test_projects_are_of_the_latest_run_that_migrates() -> None:
    """A later run that only checks has no projects, so it is not the one whose projects are asked for."""
    migrate = node("root", children=(node("check"), node("migrate")))
    runs = (sim_task(migrate, task_id="m1", created_at=1), sim_task(node("root"), "check", "c1", created_at=2))
    with still(of_tasks(*runs)) as served, client_of(served) as client:
        assert client.status("job-1").task_id == "c1"
        assert client.projects("job-1").snapshot.task_id == "m1"


def test_a_verdict_is_of_the_whole_task(small: Server) -> None:
    """A snapshot of the root alone knows the levels below it; a key not reported counts for the projects alone."""
    with client_of(small) as client:
        assert client.status(small.job_id).verdict is Verdict.RUNNING
    ended = migration(moved("A", 60, 300), moved("B", 100, 900, "FAILED"), keys=("A", "B", "C"))
    with running(ended, 1.5) as over, client_of(over) as client:
        root, checks = client.status(over.job_id, depth=0), client.checks(over.job_id).snapshot
        projects = client.projects(over.job_id).snapshot
    assert (root.node.children, root.node.outcome, root.verdict) == (None, "SUCCESS", Verdict.FAILED)
    assert (checks.complete, checks.missing) == (True, ())
    assert (projects.complete, projects.missing, projects.verdict) == (False, ("C",), Verdict.FAILED)


def test_many_threads_may_use_one_client(small: Server) -> None:
    """Answers to several threads at once are the same as to one."""
    with client_of(small) as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.projects(small.job_id).projects, range(8)))
        assert answers == [client.projects(small.job_id).projects] * 8


# what goes wrong


@pytest.mark.parametrize(
    ("given", "kind", "says"),
    [
        ({"email": ""}, UsageError, "email is not an e-mail"),
        ({"token": "two words"}, CredentialsError, "token contains more than one word"),
        # such as of a variable that is not set, or of a file read as bytes
        ({"email": None}, CredentialsError, "email: not a string, but NoneType"),
        ({"token": None}, CredentialsError, "token: not a string, but NoneType"),
        ({"token": TOKEN.encode()}, CredentialsError, "^token: not a string, but bytes$"),
        ({"base_url": None}, UsageError, "base_url: not a string"),
        ({"ca_bundle": 5}, UsageError, "ca_bundle: not a string"),
        ({"base_url": "http://api.example"}, UsageError, "base_url: plain http"),
        ({"request_timeout": 1e9}, UsageError, "request_timeout: invalid duration: 1000000000.0"),
        ({"request_timeout": float("nan")}, UsageError, "request_timeout: invalid duration: nan"),
        ({"rate_limit": 0}, UsageError, "rate_limit: not a number of requests: '0'"),
        ({"rate_limit": None, "base_url": "https://api.example"}, UsageError, "rate_limit: 'none' is allowed"),
        ({"ca_bundle": Path("no") / "such.pem"}, UsageError, "ca_bundle: cannot read '.*such.pem'"),
    ],
)
def test_values_that_make_no_sense_are_refused(given: dict[str, Any], kind: type[MigstatError], says: str) -> None:
    """A client is not made of nonsense, and the error calls the value by the name of its argument."""
    with pytest.raises(kind, match=says):
        Client(**{"email": "a@example.com", "token": TOKEN, "base_url": "http://127.0.0.1:9", **given})


def test_a_client_shows_no_secret() -> None:
    """Neither a client nor its attributes show the token when printed."""
    with Client(email="a@example.com", token=TOKEN) as client:
        assert repr(client) == "Client(email='a@example.com', base_url='https://api.atlassian.com')"
        assert TOKEN not in f"{client}{vars(client)}"


@pytest.mark.parametrize(
    ("ask", "error", "says"),
    [
        (lambda client, job: client.job("no-such-job"), NotFound, "no-such-job"),
        (lambda client, job: client.status(job, level=("migrate", "nothing")), NotFound, "level migrate,nothing does"),
        (lambda client, job: client.status(job, level="check,,a"), UsageError, "level: 'check,,a' has an empty"),
        (lambda client, job: client.status(job, level=5), UsageError, "level: invalid value: 5"),
        (lambda client, job: client.status(job, level=["check", 5]), UsageError, "level: invalid value"),
        (lambda client, job: client.status(job, depth="x"), UsageError, "depth: invalid value: 'x'"),
        (lambda client, job: client.status(job, depth=1.5), UsageError, "depth: invalid value: 1.5"),
        (lambda client, job: Client.from_environment(cast("Any", 5)), UsageError, "profile: not a string"),
        (lambda client, job: client.tasks(), UsageError, "no job given"),
        (lambda client, job: client.checks(7), UsageError, "job: invalid id: 7"),
        (lambda client, job: client.status("latest-check"), UsageError, "no job given"),
        (lambda client, job: list(watch(client, "no-such-job", interval=0.01)), NotFound, "no-such-job"),
    ],
)
def test_errors_are_those_of_the_package(
    small: Server, ask: Callable[[Client, str], object], error: type[MigstatError], says: str
) -> None:
    """What the API does not know, and words that make no sense, raise a MigstatError with a hint."""
    with client_of(small) as client, pytest.raises(error, match=says) as raised:
        ask(client, small.job_id)
    assert raised.value.hint


def test_runs_that_cannot_all_be_read_are_no_answer() -> None:
    """If a page of the runs cannot be read there is an error, not a list that looks complete."""

    def answer(asked: Asked) -> Answer:
        run = {"taskId": "c1", "taskType": "check", "createdAt": "2026-09-21T13:00:00.000Z"}
        return NOT_FOUND if "cursor" in asked.query else Answer({"data": [run], "links": {"next": "more"}})

    with (
        answering(answer) as served,
        Client(email="a@example.com", token=TOKEN, base_url=served.base_url) as client,
        pytest.raises(Incomplete, match="could not be read: the rest of the runs"),
    ):
        client.tasks("job-1")


# from the environment


def test_the_environment_says_all(small: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client from the environment takes job, task and credentials where the command line does."""
    set_environment(monkeypatch, environ_of(small) | {"MIGSTAT_TASK": "latest-migrate"})
    with Client.from_environment() as client:
        assert client.status().job_id == small.job_id
        assert client.projects().snapshot.task_id == client.tasks()[0].task_id
    monkeypatch.setenv("MIGSTAT_TOKEN", "")
    monkeypatch.setenv("MIGSTAT_TOKEN_FILE", "-")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{small.token}\n"))
    with Client.from_environment() as client:
        assert client.status().job_id == small.job_id
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(CredentialsError):
        Client.from_environment()


def test_profiles_and_targets_are_those_of_the_config_file(
    small: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile says how to reach the API; a target of another one is refused unless this one was named."""
    (tmp_path / "token").write_text(small.token, encoding="utf-8")
    (tmp_path / "token").chmod(0o600)
    (tmp_path / "config.toml").write_text(
        f"""
        default_profile = "home"
        profiles.home = {{email="{small.email}", base_url="{small.base_url}", token_file="token", task="latest-check"}}
        profiles.away = {{email="somebody@else.example", base_url="http://127.0.0.1:9"}}
        targets.wave2 = {{job="https://api.example/jobs/{small.job_id}"}}
        targets.elsewhere = {{job="{small.job_id}", profile="away"}}
        """,
        encoding="utf-8",
    )
    set_environment(monkeypatch, {"MIGSTAT_CONFIG": str(tmp_path / "config.toml")})
    for profile in (None, "home"):
        with Client.from_environment(profile) as client:
            assert client.job("wave2") == client.job(small.job_id)
            assert client.status("wave2", "latest").job_id == small.job_id
            with pytest.raises(NotFound, match="has no check task"):  # as the profile's task is of that kind
                client.status("wave2")
    with Client.from_environment("home") as client:
        assert client.job("elsewhere") == client.job(small.job_id)
    asked = len(small.requests)
    with Client.from_environment() as client, pytest.raises(UsageError, match="belongs to profile away") as wrong:
        client.job("elsewhere")
    assert wrong.value.hint == "Use Client.from_environment('away')."
    assert len(small.requests) == asked
    with pytest.raises(UsageError, match="no profile 'nowhere'"):
        Client.from_environment("nowhere")


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
    with pytest.warns(UserWarning, match="other users can read the token") as warnings, Client.from_environment():
        assert [each.filename for each in warnings] == [__file__]


# a watch


@pytest.mark.parametrize(
    ("outcome", "how", "end", "verdict", "code"),
    [
        ("WARNING", {"strict": True}, End.FINISHED, "warning", 1),
        ("FAILED", {"fail_fast": True}, End.FAILED_FAST, "running", 1),
        ("", {"until": "checks"}, End.FINISHED, "succeeded", 0),
    ],
)
def test_a_watch_follows_a_task_to_its_end(
    outcome: str, how: dict[str, Any], end: End, verdict: str, code: int
) -> None:
    """A watch begins with a view, tells what changes, and ends with verdict and exit code of the command's."""
    scripted = migration(moved("A", 60, 300), moved("B", 100, 900, outcome or "SUCCESS"))
    now = [time.time()]
    with (
        serve(scripted, clock=lambda: now[0], speed=1.0, head_start=200.0, rate_limit=None) as served,
        client_of(served) as client,
    ):
        following = watch(client, served.job_id, interval=0.05, **how)
        events = [next(following)]
        now[0] += 710.0 if "fail_fast" in how else 1000.0
        events += following
    assert isinstance(events[0], Snapped)
    assert any(isinstance(event, Changed) and event.node.outcome == outcome for event in events) is bool(outcome)
    last = the_end(events)
    assert (last.end, last.verdict, last.exit_code) == (end, verdict, code)


def test_a_closed_client_sends_nothing(small: Server) -> None:
    """Every method of it raises a MigstatError, and so does a watch of it."""
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
    "wrong", [{"interval": "5"}, {"timeout": -1.0}, {"stall_after": float("inf")}, {"until": "x"}, {"until": ["done"]}]
)
def test_a_watch_of_nonsense_is_refused_before_it_begins(small: Server, wrong: dict[str, Any]) -> None:
    """Values that make no sense are refused by the call, not by the first event."""
    with client_of(small) as client, pytest.raises(UsageError, match=next(iter(wrong))):
        watch(client, small.job_id, **wrong)


@pytest.mark.slow
def test_a_watch_reports_an_outage_and_still_ends_in_time() -> None:
    """An API that asks for a pause longer than the timeout is an outage, and the watch ends when its time is up."""
    with running(migration(moved("A", 60, 300)), 0.5) as served, client_of(served) as client:
        served.faults.add("429", retry_after=15)
        events = list(watch(client, served.job_id, interval=60.0, timeout=1.0))
    assert kinds(events) == ["Outage", "Ended"]
    last = the_end(events)
    assert (last.end, last.exit_code) == (End.TIMEOUT, 124)


# what is public


def test_the_package_loads_nothing_until_it_is_used() -> None:
    """Importing the package costs next to nothing: neither libraries nor modules of its own are loaded."""
    code = "import sys, migstat; print(sorted(name for name in sys.modules if name.startswith(('migstat', 'msgspec'))))"
    done = subprocess.run([sys.executable, "-c", code], env=hermetic(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['migstat']"


def test_every_public_name_is_there_and_documented() -> None:
    """What the package names as public can be had, says what it is, is what `dir` shows, and hides no module."""
    for name in migstat.__all__:
        assert getattr(migstat, name) is not None
        assert name == "Event" or getattr(migstat, name).__doc__
    assert set(migstat.__all__) <= set(dir(migstat))
    # loading `migstat.watch`, if there were such a module, would put it in the place of the function
    assert not {path.stem for path in Path(migstat.__file__ or "").parent.iterdir()} & set(migstat.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        getattr(migstat, "nonsense")  # noqa: B009  which a type checker would refuse
