"""What a user may call a job and a task: ids, URLs, words, and targets of the config file."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from migstat.simulator.scenario import SimTask
from migstat.simulator.server import Server
from tests.command_line import Result, refused
from tests.scenarios import node, of_tasks, sim_task
from tests.servers import PREFIX, Answer, Asked, answering, ask, server_of, still


def run(task_id: str, created_at: float) -> SimTask:
    check = task_id.startswith("c")
    children = (node("Well"),) if check else (node("check"), node("migrate"))
    root = node("root", children=children)
    return sim_task(root, "check" if check else "migrate", task_id, created_at=created_at)


RUNS = tuple(run(task_id, at) for at, task_id in enumerate(("c1", "m1", "c2", "m2"), 1))

server = server_of(of_tasks(*RUNS, page_size=2))


def asked_about(result: Result) -> str:
    assert (result.code, result.err) == (0, "")
    told = json.loads(result.out)
    return f"{told['jobId']}/{told['taskId']}"


def configured(folder: Path, server: Server) -> dict[str, str]:
    profile = f'base_url = "{server.base_url}"\nemail = "{server.email}"\n'
    sections = {
        "profiles.acme": "",
        "profiles.of-target": 'job = "acme-wave2"',
        "profiles.of-job": 'job = "job-1"\ntask = "c1"',
        "profiles.of-word": 'job = "job-1"\ntask = "latest-check"',
        "profiles.task-only": 'task = "c1"',
        "profiles.elsewhere": 'job = "job-9"\ntask = "c1"',
        "targets.acme-wave2": 'job = "job-1"',
        "targets.wave2": 'job = "job-1"\ntask = "m1"\nprofile = "acme"',
        "targets.pasted": f'job = "https://never.example{PREFIX}/jobs/job-1/tasks/c1/status?level=check"',
        "targets.both": f'job = "https://never.example{PREFIX}/jobs/job-1/tasks/c1"\ntask = "latest-migrate"',
        'targets."my wave"': 'job = "job-1"\ntask = "latest-check"',
    }
    file = folder / "config.toml"
    text = (f"[{name}]\n{profile if 'profiles' in name else ''}{more}\n" for name, more in sections.items())
    file.write_text('default_profile = "acme"\n' + "".join(text), encoding="utf-8")
    return {"MIGSTAT_CONFIG": str(file), "MIGSTAT_TOKEN": server.token}


@pytest.mark.parametrize(
    ("words", "environ", "about"),
    [
        ("", {}, "m2"),
        ("job-1 c1", {}, "c1"),
        ("job-1 latest-check", {}, "c2"),
        ("", {"TASK": "c1"}, "c1"),
        ("job-1", {"JOB": "other", "TASK": "c1"}, "c1"),
        ("latest", {"TASK": "c1"}, "m2"),
        ("job-1 m1", {"JOB": "other", "TASK": "c1"}, "m1"),
        ("URL/jobs/job-1/tasks/c1/status?level=check&cursor=x#top", {}, "c1"),
        ("URL/jobs/%6Aob-1/tasks/c%31", {}, "c1"),
        ("URL/jobs/job-1/tasks/c1 c1", {}, "c1"),
        ("URL/jobs/job-1/tasks/c1", {"TASK": "m1"}, "c1"),
        ("", {"JOB": "URL/jobs/job-1/tasks/c1"}, "c1"),
        ("", {"JOB": "URL/jobs/job-1/tasks/c1", "TASK": "latest-check"}, "c2"),
        ("HTTPS://user:pw@never.example:99/any/jobs/job-1/tasks/c1/", {}, "c1"),
        ("-- job-1 c1", {}, "c1"),
    ],
)
def test_a_task_is_found_by_what_it_is_called(server: Server, words: str, environ: dict[str, str], about: str) -> None:
    """Ids, pasted URLs, words and variables lead to the task, and only the base URL's host is ever asked."""

    def never(_asked: Asked) -> Answer:
        pytest.fail("the URL's host was asked")

    with answering(never) as elsewhere:
        url = elsewhere.base_url + PREFIX
        env = {f"MIGSTAT_{name}": value.replace("URL", url) for name, value in environ.items()}
        result = ask(server, "status", "--json", *words.replace("URL", url).split(), env=env)
        assert asked_about(result) == f"job-1/{about}"
        assert elsewhere.asked == []


@pytest.mark.parametrize(
    ("words", "environ", "about"),
    [
        ("status acme-wave2", {}, "m2"),
        ("checks wave2", {}, "m1"),
        ("checks wave2 latest-check", {}, "c2"),
        ("checks wave2 c1", {}, "c1"),
        ("projects acme-wave2", {}, "m2"),
        ("status pasted", {}, "c1"),
        ("status pasted latest", {}, "m2"),
        ("status both", {}, "m2"),
        ("status 'my wave'", {}, "c2"),
        ("status", {"JOB": "wave2"}, "m1"),
        ("status latest-check", {"JOB": "wave2"}, "c2"),
        ("status", {"JOB": "wave2", "TASK": "c1"}, "c1"),
        ("status wave2", {"TASK": "c1"}, "m1"),
        ("status acme-wave2", {"TASK": "c1"}, "c1"),
        ("status -p of-target", {}, "m2"),
        ("status -p of-target latest-check", {}, "c2"),
        ("status -p of-job", {}, "c1"),
        ("status -p of-job latest", {}, "m2"),
        ("status -p of-job job-1", {}, "m2"),
        ("status -p of-job wave2", {}, "m1"),
        ("status -p of-job", {"JOB": "job-1"}, "m2"),
        ("status -p of-job", {"TASK": "m1"}, "m1"),
        ("status -p of-word", {}, "c2"),
        ("status -p of-word job-1", {}, "c2"),
        ("status -p of-word wave2", {}, "m1"),
        ("status -p elsewhere job-1", {}, "m2"),
        ("status -p task-only job-1", {}, "m2"),
    ],
)
def test_a_named_target(tmp_path: Path, server: Server, words: str, environ: dict[str, str], about: str) -> None:
    """A target stands for its job, and for its task unless another is given; a profile's task belongs to its job."""
    env = configured(tmp_path, server) | {f"MIGSTAT_{name}": value for name, value in environ.items()}
    assert asked_about(ask(server, *shlex.split(words), "--json", env={"MIGSTAT_JOB": "", **env})) == f"job-1/{about}"


@pytest.mark.parametrize(
    ("words", "job", "hint"),
    [
        ("status acme-wave", "", "Did you mean the target acme-wave2?"),
        ("job acme-wave", "", "Did you mean the target acme-wave2?"),
        ("status acme-wave latest-check", "", "Did you mean the target acme-wave2?"),
        ("status latest", "acme-wave", "Did you mean the target acme-wave2?"),
        ("status lastest", "", "Did you mean latest?"),
        ("status acme-wave2 latest-migarte", "", "Did you mean latest-migrate?"),
        ("job 3f2a9c14-8f0e", "", "Targets: acme-wave2, "),
        ("projects failed", "", "To filter, use --state: migstat projects --state failed"),
        ("projects job-1 warning", "", "To filter, use --state: migstat projects --state warning"),
        ("job latest", "job-1", "Targets: acme-wave2, "),
        ("status latest c1", "job-1", "Targets: acme-wave2, "),
        ("status c1", "job-1", "If it is a task id, give the job before it: JOB c1"),
        ("checks m1 -p of-job", "", "If it is a task id, give the job before it: JOB m1"),
        ("status 3f2a9c14-8f0e", "", "Targets: acme-wave2, "),
        ("status gone", "gone", "Targets: acme-wave2, "),
        ("tasks c1", "job-1", "Targets: acme-wave2, "),
        ("status acme-wave2 other", "", ""),
        ("checks acme-wave2 c1 --name Nothing", "", ""),
    ],
)
def test_a_mistyped_name(tmp_path: Path, server: Server, words: str, job: str, hint: str) -> None:
    """A job or task that is not there gets the likely target or word as a hint, or the names of all targets."""
    result = ask(server, *words.split(), env=configured(tmp_path, server) | {"MIGSTAT_JOB": job})
    refused(result, 5, hint)
    assert ("Did you mean" in result.err, "Targets: " in result.err) == ("Did you" in hint, "Targets" in hint)


@pytest.mark.parametrize(("words", "about"), [("", "m2"), ("c2", None), ("latest-migrate", "m2"), ("job-1 m1", "m1")])
def test_projects_are_those_of_the_latest_migration(words: str, about: str | None) -> None:
    """Projects are read from the latest migrate task if none is named; a lone word that is not a task word is a job."""
    with still(of_tasks(*RUNS, run("c3", 5))) as server:
        result = ask(server, "projects", "--json", *words.split())
        assert asked_about(ask(server, "checks", "--json")) == "job-1/c3"
    assert result.code == 5 if about is None else asked_about(result) == f"job-1/{about}"


@pytest.mark.parametrize("command", ["tasks", "job"])
def test_commands_about_a_job_take_a_url_of_a_task(server: Server, command: str) -> None:
    """A URL that holds a task's id, too, names its job."""
    result = ask(server, command, f"https://never.example{PREFIX}/jobs/job-1/tasks/c1", "--json")
    assert json.loads(result.out)["jobId"] == "job-1"


def test_a_job_without_runs() -> None:
    """A job that has not been run yet is code 5 for a task, and an empty list of tasks."""
    with still(of_tasks()) as server:
        refused(ask(server, "status"), 5, "no runs yet")
        assert (ask(server, "tasks").code, ask(server, "tasks").out) == (0, "")
        assert "No runs yet." in ask(server, "tasks", "-o", "table").out
