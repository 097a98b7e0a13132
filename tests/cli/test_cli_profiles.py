"""The profile and target in force, and what takes precedence over them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from migstat.settings.keychain import Account, Keychain
from migstat.simulator.scenario import Scenario, SimTask
from migstat.simulator.server import Server
from tests.cli.rehearsals import (
    NOW,
    PREFIX,
    Answer,
    Asked,
    Scripted,
    answering,
    cutover,
    migration,
    moving,
    night,
    node,
    scenario,
    still,
)
from tests.command_line import Result, migstat, process

EMAILS = ("flag", "variable", "acme", "globex", "initech")


def run(task_id: str, created_at: float, task_type: str) -> SimTask:
    """Return a small run."""
    return SimTask(
        label=task_id,
        task_id=task_id,
        task_type="check" if task_type == "check" else "migrate",
        created_at=created_at,
        root=node("root", children=(node("Well"),) if task_type == "check" else (node("check"), node("migrate"))),
    )


RUNS: Scenario = scenario(
    run("c1", 1, "check"), run("m1", 2, "migrate"), run("c2", 3, "check"), run("m2", 4, "migrate")
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Return a server of four runs of job-1."""
    with still(RUNS) as started:
        yield started


def write(folder: Path, text: str) -> dict[str, str]:
    """Write a config file; return the environment that names it."""
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return {"MIGSTAT_CONFIG": str(file)}


def reaching(server: Server) -> str:
    """The lines of a profile that reaches a server, except for its token."""
    return f'base_url = "{server.base_url}"\nemail = "{server.email}"\n'


def asked_about(result: Result) -> str:
    """The job and task in an answer."""
    assert (result.code, result.err) == (0, "")
    told = json.loads(result.out)
    return f"{told['jobId']}/{told['taskId']}"


def about_anything(asked: Asked) -> Answer:
    """Answer every request somehow."""
    if asked.segments[-1] == "tasks":
        return Answer({"data": [{"taskId": "t", "taskType": "migrate"}], "links": {}})
    return Answer({"data": {"status": "FINISHED", "outcome": "SUCCESS"}, "links": {}, "taskId": "t", "name": "x"})


def who(server: Scripted) -> set[str]:
    """The accounts whose credentials were sent."""
    sent = {base64.b64decode(asked.authorization.removeprefix("Basic ")).decode() for asked in server.asked}
    server.asked.clear()
    return {pair.removesuffix("@example.com:s3cr3t") for pair in sent}


PROFILES = """
default_profile = "acme"
[profiles.acme]
base_url = "URL"
email = "acme@example.com"
[profiles.globex]
base_url = "URL"
email = "globex@example.com"
[profiles.initech]
base_url = "URL"
email = "initech@example.com"
[targets.wave2]
job = "job-2"
profile = "globex"
[targets.plain]
job = "job-3"
"""


@pytest.mark.parametrize(
    ("words", "environ", "expected"),
    [
        (("status", "job-1"), {}, "acme"),
        (("status", "plain"), {}, "acme"),
        (("status", "wave2"), {}, "globex"),
        (("status", "wave2", "latest-check"), {}, "globex"),
        (("job", "wave2"), {}, "globex"),
        (("status",), {"MIGSTAT_JOB": "wave2"}, "globex"),
        (("status", "latest"), {"MIGSTAT_JOB": "wave2"}, "globex"),
        (("status", "job-1"), {"MIGSTAT_JOB": "wave2"}, "acme"),
        (("status", "plain"), {"MIGSTAT_JOB": "wave2"}, "acme"),
        (("status", "wave2"), {"MIGSTAT_PROFILE": "initech"}, "initech"),
        (("status", "wave2"), {"MIGSTAT_PROFILE": ""}, "globex"),
        (("status", "wave2", "-p", "acme"), {"MIGSTAT_PROFILE": "initech"}, "acme"),
        (("status", "wave2", "--profile", "acme"), {}, "acme"),
        (("status", "wave2"), {"MIGSTAT_EMAIL": "variable@example.com"}, "variable"),
        (("status", "wave2"), {"MIGSTAT_EMAIL": ""}, "globex"),
        (("status", "wave2", "--email", "flag@example.com"), {"MIGSTAT_EMAIL": "variable@example.com"}, "flag"),
    ],
)
def test_the_profile_in_force(tmp_path: Path, words: tuple[str, ...], environ: dict[str, str], expected: str) -> None:
    """Option beats variable beats the job's target beats the default, and each value above them beats the profile."""
    assert expected in EMAILS
    with answering(about_anything) as server:
        env = write(tmp_path, PROFILES.replace("URL", server.base_url)) | {"MIGSTAT_TOKEN": "s3cr3t"}
        result = migstat([*words, "--json"], env | environ, now=lambda: NOW)
        assert result.code in (0, 5), result.err
        assert who(server) == {expected}


@pytest.mark.parametrize(
    ("words", "environ", "messages"),
    [
        (("-p", "globx"), {}, ["--profile: no profile 'globx' in", "Did you mean globex?"]),
        (("-p", "x"), {}, ["--profile", "Choose from acme, globex, initech."]),
        (("-p", ""), {}, ["--profile is empty"]),
        ((), {"MIGSTAT_PROFILE": "x"}, ["MIGSTAT_PROFILE: no profile 'x' in"]),
        (("lost",), {}, ["targets.lost.profile: no profile 'nobody'", "Choose from"]),
    ],
)
def test_an_unknown_profile(
    tmp_path: Path, words: tuple[str, ...], environ: dict[str, str], messages: list[str]
) -> None:
    """The error names its source and the likely profile, before anything is asked."""
    env = write(tmp_path, PROFILES + '[targets.lost]\njob = "j"\nprofile = "nobody"\n') | {"MIGSTAT_TOKEN": "s3cr3t"}
    result = migstat(["status", *words], env | environ)
    assert (result.code, result.out, len(result.err.splitlines())) == (2, "", 2)
    for each in messages:
        assert each in result.err


def test_an_unknown_default_profile(tmp_path: Path) -> None:
    """The key that names it is shown."""
    env = write(tmp_path, '\ndefault_profile = "acme"\n')
    result = migstat(["job", "x"], env)
    assert result.code == 2
    assert result.err.splitlines() == [
        f"migstat: {env['MIGSTAT_CONFIG']}: default_profile: no profile 'acme'",
        "  Create it: migstat config set profiles.acme.email ADDR",
    ]


def test_flag_beats_environment_beats_profile(tmp_path: Path) -> None:
    """Each names another server, and only the first one's is asked."""
    with ExitStack() as stack:
        flag, variable, profile = (stack.enter_context(answering(about_anything)) for _ in range(3))
        env = write(tmp_path, f'default_profile = "a"\n[profiles.a]\nbase_url = "{profile.base_url}"\nemail = "e"\n')
        env |= {"MIGSTAT_TOKEN": "s3cr3t"}
        by_variable = {"MIGSTAT_BASE_URL": variable.base_url}
        for words, environ, expected in (
            (("--base-url", flag.base_url), by_variable, flag),
            ((), by_variable, variable),
            ((), {}, profile),
        ):
            assert migstat(["job", "job-1", *words], env | environ).code == 0
            assert [bool(server.asked) for server in (flag, variable, profile)] == [
                server is expected for server in (flag, variable, profile)
            ]
            expected.asked.clear()


TARGETS = """
[profiles.acme]
REACHING
[profiles.of-target]
REACHING
job = "acme-wave2"
[profiles.of-job]
REACHING
job = "job-1"
task = "c1"
[profiles.of-word]
REACHING
job = "job-1"
task = "latest-check"
[profiles.task-only]
REACHING
task = "c1"
[profiles.elsewhere]
REACHING
job = "job-9"
task = "c1"
[targets.acme-wave2]
job = "job-1"
[targets.wave2]
job = "job-1"
task = "m1"
profile = "acme"
[targets.pasted]
job = "https://never.example/migrations/public/v1/jobs/job-1/tasks/c1/status?level=check"
[targets.both]
job = "https://never.example/migrations/public/v1/jobs/job-1/tasks/c1"
task = "latest-migrate"
[targets."my wave"]
job = "job-1"
task = "latest-check"
"""


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
        ("status my+wave", {}, "c2"),
        ("status", {"MIGSTAT_JOB": "acme-wave2"}, "m2"),
        ("status", {"MIGSTAT_JOB": "wave2"}, "m1"),
        ("status latest-check", {"MIGSTAT_JOB": "wave2"}, "c2"),
        ("status", {"MIGSTAT_JOB": "wave2", "MIGSTAT_TASK": "c1"}, "c1"),
        ("status wave2", {"MIGSTAT_TASK": "c1"}, "m1"),
        ("status acme-wave2", {"MIGSTAT_TASK": "c1"}, "c1"),
        ("status -p of-target", {}, "m2"),
        ("status -p of-target latest-check", {}, "c2"),
        ("status -p of-job", {}, "c1"),
        ("status -p of-job latest", {}, "m2"),
        ("status -p of-job job-1", {}, "m2"),
        ("status -p of-job acme-wave2", {}, "m2"),
        ("status -p of-job wave2", {}, "m1"),
        ("status -p of-job", {"MIGSTAT_JOB": "job-1"}, "m2"),
        ("status -p of-job", {"MIGSTAT_TASK": "m1"}, "m1"),
        ("status -p of-word", {}, "c2"),
        ("status -p of-word job-1", {}, "c2"),
        ("status -p of-word acme-wave2", {}, "c2"),
        ("status -p of-word wave2", {}, "m1"),
        ("status -p elsewhere job-1", {}, "m2"),
        ("status -p task-only job-1", {}, "m2"),
    ],
)
def test_a_named_target(tmp_path: Path, server: Server, words: str, environ: dict[str, str], about: str) -> None:
    """A target stands for its job, and for its task unless another is given; a profile's task belongs to its job."""
    text = 'default_profile = "acme"\n' + TARGETS.replace("REACHING", reaching(server))
    env = write(tmp_path, text) | {"MIGSTAT_TOKEN": server.token}
    line = [word.replace("+", " ") for word in words.split()]
    assert asked_about(migstat([*line, "--json"], env | environ, now=lambda: NOW)) == f"job-1/{about}"


@pytest.mark.parametrize(
    ("words", "environ"),
    [
        (("status", "acme-wave"), {}),
        (("tasks", "acme-wave"), {}),
        (("job", "acme-wave"), {}),
        (("status", "acme-wave", "latest-check"), {}),
        (("status",), {"MIGSTAT_JOB": "acme-wave"}),
        (("status", "latest"), {"MIGSTAT_JOB": "acme-wave"}),
    ],
)
def test_a_mistyped_target(tmp_path: Path, server: Server, words: tuple[str, ...], environ: dict[str, str]) -> None:
    """An unknown job that resembles a target gets a hint with the target's name."""
    text = 'default_profile = "acme"\n' + TARGETS.replace("REACHING", reaching(server))
    env = write(tmp_path, text) | {"MIGSTAT_TOKEN": server.token} | environ
    result = migstat(words, env, now=lambda: NOW)
    assert (result.code, result.out) == (5, "")
    assert "acme-wave" in result.err.splitlines()[0]
    assert result.err.splitlines()[1:] == ["  Did you mean the target acme-wave2?"]


@pytest.mark.parametrize(
    ("words", "meant"),
    [(("lastest",), "latest"), (("acme-wave2", "latest-migarte"), "latest-migrate"), (("acme-wave2", "late"), None)],
)
def test_a_mistyped_word_for_a_task(tmp_path: Path, server: Server, words: tuple[str, ...], meant: str | None) -> None:
    """A job or task that is not there and resembles a word for a task gets a hint with that word."""
    text = 'default_profile = "acme"\n' + TARGETS.replace("REACHING", reaching(server))
    env = write(tmp_path, text) | {"MIGSTAT_TOKEN": server.token}
    result = migstat(("status", *words), env, now=lambda: NOW)
    assert result.code == 5
    assert (f"  Did you mean {meant}?" in result.err.splitlines()) == (meant is not None)


def test_an_unknown_job_is_not_always_a_mistyped_target(tmp_path: Path, server: Server) -> None:
    """Ids that resemble no target get the names of all targets, unknown checks no such hint."""
    text = 'default_profile = "acme"\n' + TARGETS.replace("REACHING", reaching(server))
    env = write(tmp_path, text) | {"MIGSTAT_TOKEN": server.token}
    unknown = (("job", "3f2a9c14-8f0e"), True), (("checks", "acme-wave2", "c1", "--name", "Nothing"), False)
    for words, named in unknown:
        result = migstat(words, env, now=lambda: NOW)
        assert result.code == 5
        assert "Did you mean the target" not in result.err
        assert ("Targets: acme-wave2, " in result.err) == named


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        ('[targets.w]\ntask = "latest"', "status w", "targets.w has no job"),
        ('[targets.w]\njob = "a b"', "status w", "targets.w.job: 'a b' contains a space"),
        ('[targets.w]\njob = "j"\ntask = "a/b"', "status w", "targets.w.task: 'a/b' contains a slash"),
        ('[profiles.p]\njob = "a b"', "status", "profiles.p.job: 'a b' contains a space"),
        ('[profiles.p]\njob = "j"\ntask = ".."', "status", "profiles.p.task: invalid id: '..'"),
        ('[profiles.p]\nemail = "a:b"', "job j", "profiles.p.email is not an e-mail address"),
        ('[profiles.p]\nbase_url = "x"', "job j", "profiles.p.base_url: not an http or https URL: 'x'"),
        ("[profiles.p]\nrequest_timeout = 0", "job j", "profiles.p.request_timeout: invalid duration: '0'"),
        ('[profiles.p]\nrate_limit = "none"', "job j", "profiles.p.rate_limit: no limit is for loopback"),
        ('[profiles.p]\nca_bundle = "none.pem"', "job j", "profiles.p.ca_bundle: cannot read 'FOLDER/none.pem'"),
        ('[profiles.p]\noutput = "yaml"', "job j", "profiles.p.output: unknown value 'yaml'"),
        ('[profiles.p]\noutput = "yaml"', "watch j", "profiles.p.output: unknown value 'yaml'"),
        ('[profiles.p]\ninterval = "soon"', "watch j", "profiles.p.interval: invalid duration: 'soon'"),
    ],
)
def test_an_invalid_value_is_refused_with_file_and_key(tmp_path: Path, text: str, words: str, message: str) -> None:
    """A value of profile or target that a command cannot use is code 2, before any request."""
    env = write(tmp_path, text) | {"MIGSTAT_PROFILE": "p" if "profiles" in text else ""}
    result = migstat(words.split(), env | {"MIGSTAT_EMAIL": "e" if "email" not in text else "", "MIGSTAT_TOKEN": "t"})
    assert (result.code, result.out) == (2, "")
    assert f"{env['MIGSTAT_CONFIG']}: {message}".replace("FOLDER", str(tmp_path)) in result.err
    assert len(result.err.splitlines()) <= 2


def test_a_profiles_token_file_begins_at_the_config_file(tmp_path: Path, server: Server) -> None:
    """A relative token file is found from any folder, and one that others can read draws a warning."""
    (tmp_path / "acme.token").write_text(server.token, encoding="utf-8")
    (tmp_path / "acme.token").chmod(0o600)
    text = f'default_profile = "a"\n[profiles.a]\n{reaching(server)}token_file = "acme.token"\n'
    env = write(tmp_path, text)
    assert migstat(["job", "job-1"], env, now=lambda: NOW).code == 0
    (tmp_path / "acme.token").chmod(0o644)
    warned = migstat(["job", "job-1"], env, now=lambda: NOW)
    assert (warned.code, len(warned.err.splitlines())) == (0, 1)
    assert f"chmod 600 {tmp_path}/acme.token" in warned.err
    assert server.token not in warned.err
    (tmp_path / "acme.token").unlink()
    missing = migstat(["job", "job-1"], env, now=lambda: NOW)
    assert missing.code == 4
    assert f"{env['MIGSTAT_CONFIG']}: profiles.a.token_file: '{tmp_path}/acme.token'" in missing.err


@pytest.mark.parametrize(
    ("output", "words", "begin"),
    [
        ("json", ("status",), '{"kind":"status"'),
        ("json", ("job",), '{"kind":"job"'),
        ("ndjson", ("tasks",), '{"taskId":'),
        ("csv", ("status",), "level,state,status,"),
        ("ndjson", ("job",), None),
        ("tree", ("tasks",), None),
        ("markdown", ("checks", "latest-check"), "**✔"),
        ("json", ("status", "-o", "csv"), "level,state,status,"),
        ("csv", ("status", "--json"), '{"kind":"status"'),
        ("csv", ("status", "--raw"), '{"data":'),
    ],
)
def test_the_format_of_a_profile(
    tmp_path: Path, server: Server, output: str, words: tuple[str, ...], begin: str | None
) -> None:
    """It is used if the command has it and no option says otherwise."""
    text = f'default_profile = "a"\n[profiles.a]\n{reaching(server)}job = "job-1"\noutput = "{output}"\n'
    env = write(tmp_path, text) | {"MIGSTAT_TOKEN": server.token}
    result = migstat(words, env, now=lambda: NOW)
    assert (result.code, result.err) == (0, "")
    if begin is None:
        plain = migstat(words, env | {"MIGSTAT_OUTPUT": "plain"}, now=lambda: NOW)
        assert (plain.code, result.out) == (0, plain.out)
    else:
        assert result.out.replace(" ", "").startswith(begin.replace(" ", ""))


@pytest.mark.parametrize(
    ("output", "words", "as_json"),
    [
        ("json", ("status", "--level", ""), True),
        ("ndjson", ("status", "--frobnicate"), True),
        ("json", ("status", "-o", "csv", "--level", ""), False),
        ("csv", ("status", "--level", ""), False),
        ("json", ("status", "-p", "plain", "--level", ""), False),
        ("json", ("status", "-pplain", "--level", ""), False),
        ("csv", ("status", "-p", "scripts", "--level", ""), True),
        ("csv", ("status", "w", "--level", ""), True),
    ],
)
def test_errors_have_the_format_of_the_profile(
    tmp_path: Path, output: str, words: tuple[str, ...], as_json: bool
) -> None:
    """If the profile in force says JSON, an error is one JSON line."""
    text = (
        f'default_profile = "a"\n[profiles.a]\noutput = "{output}"\n[profiles.plain]\noutput = "plain"\n'
        '[profiles.scripts]\noutput = "json"\n[targets.w]\njob = "j"\nprofile = "scripts"\n'
    )
    result = migstat(words, write(tmp_path, text))
    assert (result.code, result.out) == (2, "")
    if as_json:
        assert json.loads(result.err)["error"]["code"] == "usage"
    else:
        assert result.err.startswith("migstat: ")


def test_errors_have_the_format_of_the_profile_of_the_variables_target(tmp_path: Path) -> None:
    """A lone task word does not hide the target that MIGSTAT_JOB names."""
    env = write(tmp_path, '[profiles.scripts]\noutput = "json"\n[targets.w]\njob = "j"\nprofile = "scripts"\n')
    result = migstat(["status", "latest-check", "--level", ""], env | {"MIGSTAT_JOB": "w"})
    assert json.loads(result.err)["error"]["code"] == "usage"


def test_the_interval_of_a_profile(tmp_path: Path) -> None:
    """A watch polls as often as the profile says, unless the option says otherwise."""
    asked = []
    for words in (("--interval", "5s"), (), ("--interval", "60s")):
        with night(cutover(moving("ACME", 10, 900), over=1000.0)) as tonight:
            text = f'default_profile = "a"\n[profiles.a]\n{reaching(tonight.server)}interval = 30\n'
            env = write(tmp_path, text) | {"MIGSTAT_TOKEN": tonight.server.token, "MIGSTAT_JOB": "job-1"}
            result = migstat(["watch", "--timeout", "5m", *words], env, now=tonight.now, sleep=tonight.slept)
            assert result.code == 124, result.err
            asked.append(len(tonight.server.requests))
    assert asked[0] > 3 * asked[1] > 4 * asked[2]


def test_a_preference_for_tables_does_not_end_a_watch_in_a_script(tmp_path: Path) -> None:
    """Into a pipe a watch writes lines even if profile or environment say table; the option is refused."""
    with still(migration()) as server:
        text = f'default_profile = "a"\n[profiles.a]\n{reaching(server)}job = "job-1"\noutput = "table"\n'
        env = write(tmp_path, text) | {"MIGSTAT_TOKEN": server.token}
        for environ in ({}, {"MIGSTAT_OUTPUT": "table"}):
            result = migstat(["watch"], env | environ, now=lambda: NOW)
            assert result.code == 0, result.err
        assert migstat(["watch", "-o", "table"], env, now=lambda: NOW).code == 2


class Forbidden(Keychain):
    """A keyring that must not be asked."""

    def recall(self, account: Account) -> tuple[str, str] | None:
        """Fail the test."""
        pytest.fail(f"the keyring was asked for {account}")


def test_a_demo_reads_neither_profile_nor_keyring(tmp_path: Path) -> None:
    """Files, profiles, targets and keyrings do not change a demo."""
    plain = migstat(["demo", "job", "--json"], {}, now=lambda: NOW)
    text = 'default_profile = "a"\n[profiles.a]\noutput = "csv"\njob = "j"\nbase_url = "http://127.0.0.1:1"\n'
    for config in (text, "damaged"):
        env = write(tmp_path, config) | {"MIGSTAT_PROFILE": "a", "MIGSTAT_JOB": "j", "MIGSTAT_OUTPUT": "table"}
        result = migstat(["demo", "job", "--json"], env, now=lambda: NOW, keychain=Forbidden())
        assert (result.code, result.err) == (0, "")
        assert json.loads(result.out)["job"] == json.loads(plain.out)["job"]
        assert migstat(["demo", "status"], env, keychain=Forbidden()).out.startswith(".\trunning\tIN_PROGRESS\t")
        wrong = migstat(["demo", "status", "--level", ""], env)
        assert wrong.err.startswith("migstat: --level")


@pytest.mark.parametrize("words", [("status", "-p", "a"), ("config", "list"), ("auth", "login"), ("auth", "status")])
def test_a_demo_has_no_profiles_to_choose(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Options and commands about the user's own settings are refused in a demo."""
    env = write(tmp_path, '[profiles.a]\nemail = "e"\n')
    result = migstat(["demo", *words], env, keychain=Forbidden())
    assert (result.code, result.out) == (2, "")
    assert "demo" in result.err


def test_a_named_target_as_a_process(tmp_path: Path, server: Server) -> None:
    """With a config file in its usual place, a target's name is enough."""
    folder = tmp_path / "config" / "migstat"
    folder.mkdir(parents=True)
    (folder / "acme.token").write_text(f"{server.token}\n", encoding="utf-8")
    (folder / "acme.token").chmod(0o600)
    text = f'[profiles.acme]\n{reaching(server)}token_file = "acme.token"\n'
    text += '[targets.acme-wave2]\njob = "job-1"\ntask = "c1"\nprofile = "acme"\n'
    (folder / "config.toml").write_text(text, encoding="utf-8")
    env = {"MIGSTAT_CONFIG": "", "XDG_CONFIG_HOME": str(tmp_path / "config")}
    assert asked_about(process(["status", "acme-wave2", "--json"], env)) == "job-1/c1"


def test_only_the_base_url_is_ever_asked(tmp_path: Path, server: Server) -> None:
    """The host of a URL in a target is ignored."""

    def never(_asked: Asked) -> Answer:
        pytest.fail("the target's host was asked")

    with answering(never) as elsewhere:
        text = f'default_profile = "a"\n[profiles.a]\n{reaching(server)}[targets.w]\n'
        text += f'job = "{elsewhere.base_url}{PREFIX}/jobs/job-1/tasks/c1"\n'
        env: dict[str, Any] = write(tmp_path, text) | {"MIGSTAT_TOKEN": server.token}
        assert asked_about(migstat(["status", "w", "--json"], env, now=lambda: NOW)) == "job-1/c1"
        assert elsewhere.asked == []
