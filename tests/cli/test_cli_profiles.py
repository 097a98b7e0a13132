"""The profile and target in effect, and what takes precedence over them."""

from __future__ import annotations

import base64
import shlex
from pathlib import Path

import pytest

from migstat.simulator.server import Server
from tests.command_line import migstat, refused, refused_as_json
from tests.scenarios import cutover, frozen, moved
from tests.servers import NOW, Answer, Asked, Scripted, answering, night, server_of, still

server = server_of(frozen())


def write(folder: Path, text: str) -> dict[str, str]:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return {"MIGSTAT_CONFIG": str(file)}


def reaching(server: Server) -> str:
    return f'base_url = "{server.base_url}"\nemail = "{server.email}"\n'


def about_anything(asked: Asked) -> Answer:
    if asked.segments[-1] == "tasks":
        return Answer({"data": [{"taskId": "t", "taskType": "migrate"}], "links": {}})
    return Answer({"data": {"status": "FINISHED", "outcome": "SUCCESS"}, "links": {}, "taskId": "t", "name": "x"})


def who(server: Scripted) -> set[str]:
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
        ("status job-1", {}, "acme"),
        ("status plain", {}, "acme"),
        ("status wave2 latest-check", {}, "globex"),
        ("job wave2", {}, "globex"),
        ("status latest", {"JOB": "wave2"}, "globex"),
        ("status job-1", {"JOB": "wave2"}, "acme"),
        ("status wave2", {"PROFILE": "initech"}, "initech"),
        ("status wave2", {"PROFILE": ""}, "globex"),
        ("status wave2 -p acme", {"PROFILE": "initech"}, "acme"),
        ("status wave2 --profile acme", {}, "acme"),
        ("status wave2", {"EMAIL": "variable@example.com"}, "variable"),
        ("status wave2", {"EMAIL": ""}, "globex"),
        ("status wave2 --email flag@example.com", {"EMAIL": "variable@example.com"}, "flag"),
    ],
)
def test_the_profile_in_force(tmp_path: Path, words: str, environ: dict[str, str], expected: str) -> None:
    """Option beats variable beats the job's target beats the default, and each value above them beats the profile."""
    with answering(about_anything) as server:
        env = write(tmp_path, PROFILES.replace("URL", server.base_url)) | {"MIGSTAT_TOKEN": "s3cr3t"}
        env |= {f"MIGSTAT_{name}": value for name, value in environ.items()}
        result = migstat([*words.split(), "--json"], env, now=lambda: NOW)
        assert result.code in (0, 5), result.err
        assert who(server) == {expected}


LOST = '[targets.lost]\njob = "j"\nprofile = "nobody"\n'


@pytest.mark.parametrize(
    ("words", "environ", "text", "messages"),
    [
        ("-p globx", {}, PROFILES, ["--profile: no profile 'globx' in", "Did you mean globex?"]),
        ("-p x", {}, PROFILES, ["--profile", "Choose from acme, globex, initech."]),
        ("-p ''", {}, PROFILES, ["--profile is empty"]),
        ("-p x", {}, '[profiles.acme]\nemail = "e"\n', ["The only one is 'acme'."]),
        ("", {"MIGSTAT_PROFILE": "x"}, PROFILES, ["MIGSTAT_PROFILE: no profile 'x' in"]),
        ("lost", {}, PROFILES + LOST, ["targets.lost.profile: no profile 'nobody'", "Choose from"]),
        ("x", {}, 'default_profile = "acme"', ["config.toml: default_profile: no profile 'acme'\n",
                                               "Create it: migstat config set profiles.acme.email ADDR"]),
    ],
)  # fmt: skip
def test_an_unknown_profile(
    tmp_path: Path, words: str, environ: dict[str, str], text: str, messages: list[str]
) -> None:
    """The error names its source and the likely profile, before anything is asked."""
    refused(migstat(["status", *shlex.split(words)], write(tmp_path, text) | environ), 2, *messages)


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        ('[targets.w]\ntask = "latest"', "status w", "targets.w has no job"),
        ('[targets.w]\njob = "a b"', "status w", "targets.w.job: 'a b' contains a space"),
        ('[profiles.p]\njob = "a b"', "status", "profiles.p.job: 'a b' contains a space"),
        ('[profiles.p]\nbase_url = "x"', "job j", "profiles.p.base_url: not an http or https URL: 'x'"),
        ('[profiles.p]\nrate_limit = "none"', "job j", "profiles.p.rate_limit: 'none' is allowed for loopback"),
        ('[profiles.p]\nca_bundle = "none.pem"', "job j", "profiles.p.ca_bundle: cannot read 'FOLDER/none.pem'"),
        ('[profiles.p]\noutput = "yaml"', "job j", "profiles.p.output: unknown value 'yaml'"),
        ('[profiles.p]\noutput = "yaml"', "watch j", "profiles.p.output: unknown value 'yaml'"),
        ('[profiles.p]\ninterval = "soon"', "watch j", "profiles.p.interval: invalid duration: 'soon'"),
    ],
)
def test_an_invalid_value_is_refused_with_file_and_key(tmp_path: Path, text: str, words: str, message: str) -> None:
    """A value of profile or target that a command cannot use is code 2, before any request."""
    env = write(tmp_path, text) | {"MIGSTAT_PROFILE": "p" if "profiles" in text else ""}
    env |= {"MIGSTAT_EMAIL": "e" if "email" not in text else "", "MIGSTAT_TOKEN": "t"}
    refused(migstat(words.split(), env), 2, f"{env['MIGSTAT_CONFIG']}: {message}".replace("FOLDER", str(tmp_path)))


def test_a_profiles_token_file_begins_at_the_config_file(tmp_path: Path, server: Server) -> None:
    """A relative token file is found from any folder; one that others can read draws one warning, none is code 4."""
    file = tmp_path / "acme.token"
    env = write(tmp_path, f'default_profile = "a"\n[profiles.a]\n{reaching(server)}token_file = "acme.token"\n')
    refused(migstat(["job", "job-1"], env), 4, f"{env['MIGSTAT_CONFIG']}: profiles.a.token_file: '{file}'")
    file.write_text(server.token, encoding="utf-8")
    for mode, warnings in ((0o600, 0), (0o644, 1)):
        file.chmod(mode)
        result = migstat(["job", "job-1"], env, now=lambda: NOW)
        warned = result.err.count(f"chmod 600 {file}"), len(result.err.splitlines())
        assert (result.code, *warned) == (0, warnings, warnings)
        assert server.token not in result.err


@pytest.mark.parametrize(
    ("output", "words", "begin"),
    [
        ("json", "status", '{"kind":"status"'),
        ("json", "job", '{"kind":"job"'),
        ("ndjson", "tasks", '{"taskId":'),
        ("csv", "status", "level,state,status,"),
        ("ndjson", "job", None),
        ("tree", "tasks", None),
        ("markdown", "checks", "**"),
        ("json", "status -o csv", "level,state,status,"),
        ("csv", "status --json", '{"kind":"status"'),
        ("csv", "status --raw", '{"data":'),
    ],
)
def test_the_format_of_a_profile(tmp_path: Path, server: Server, output: str, words: str, begin: str | None) -> None:
    """It is used if the command has it and no option says otherwise."""
    text = f'default_profile = "a"\n[profiles.a]\n{reaching(server)}job = "job-1"\noutput = "{output}"\n'
    env = write(tmp_path, text) | {"MIGSTAT_TOKEN": server.token}
    result = migstat(words.split(), env, now=lambda: NOW)
    assert (result.code, result.err) == (0, "")
    if begin is None:
        assert result.out == migstat(words.split(), env | {"MIGSTAT_OUTPUT": "plain"}, now=lambda: NOW).out
    else:
        assert begin in result.out.splitlines()[0]


@pytest.mark.parametrize(
    ("output", "words", "job", "as_json"),
    [
        ("json", "status", "", True),
        ("ndjson", "status --frobnicate", "", True),
        ("json", "status -o csv", "", False),
        ("csv", "status", "", False),
        ("json", "status -p plain", "", False),
        ("json", "status -pplain", "", False),
        ("csv", "status -p scripts", "", True),
        ("csv", "status w", "", True),
        ("csv", "status latest-check", "w", True),  # a lone task word does not hide the target of MIGSTAT_JOB
    ],
)
def test_errors_have_the_format_of_the_profile(
    tmp_path: Path, output: str, words: str, job: str, as_json: bool
) -> None:
    """If the profile in effect says JSON, an error is one JSON line."""
    text = (
        f'default_profile = "a"\n[profiles.a]\noutput = "{output}"\n[profiles.plain]\noutput = "plain"\n'
        '[profiles.scripts]\noutput = "json"\n[targets.w]\njob = "j"\nprofile = "scripts"\n'
    )
    result = migstat([*words.split(), "--level", ""], write(tmp_path, text) | {"MIGSTAT_JOB": job})
    if as_json:
        refused_as_json(result, 2, "usage")
    else:
        refused(result, 2)


def test_the_interval_of_a_profile(tmp_path: Path) -> None:
    """A watch polls as often as the profile says, unless the option says otherwise."""
    asked = []
    for words in ((), ("--interval", "5s")):
        with night(cutover(moved("ACME", 10, 900), over=1000.0)) as tonight:
            text = f'default_profile = "a"\n[profiles.a]\n{reaching(tonight.server)}interval = 30\n'
            env = write(tmp_path, text) | {"MIGSTAT_TOKEN": tonight.server.token, "MIGSTAT_JOB": "job-1"}
            result = migstat(["watch", "--timeout", "3m", *words], env, now=tonight.now, sleep=tonight.slept)
            assert result.code == 124, result.err
            asked.append(len(tonight.server.requests))
    assert asked[1] > 3 * asked[0]


def test_a_preference_for_tables_does_not_end_a_watch_in_a_script(tmp_path: Path) -> None:
    """Into a pipe a watch writes lines even if profile or environment say table; the option is refused."""
    with still(frozen()) as server:
        text = f'default_profile = "a"\n[profiles.a]\n{reaching(server)}job = "job-1"\noutput = "table"\n'
        env = write(tmp_path, text) | {"MIGSTAT_TOKEN": server.token}
        for environ in ({}, {"MIGSTAT_OUTPUT": "table"}):
            result = migstat(["watch"], env | environ, now=lambda: NOW)
            assert result.code == 0, result.err
        assert migstat(["watch", "-o", "table"], env, now=lambda: NOW).code == 2
