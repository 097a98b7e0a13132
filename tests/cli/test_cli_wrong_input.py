"""Wrong input of every kind: its code, one or two lines on standard error, nothing on standard output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from migstat.simulator.server import Server
from tests.cli.rehearsals import NOT_FOUND, Answer, Asked, answering, ask, migration, node, one_task, still
from tests.command_line import Result, migstat, process


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Return a server of a migration that went well."""
    checks = node("check", children=(node("AppVendorCheck"),))
    with still(migration(check=checks, projects=(node("ACME"),))) as started:
        yield started


def refused(result: Result, code: int, *told: str) -> None:
    """Hold a result against the rules for errors for people."""
    assert (result.code, result.out) == (code, "")
    lines = result.err.splitlines()
    assert 1 <= len(lines) <= 2, result.err
    assert lines[0].startswith("migstat: ")
    assert "Traceback" not in result.err
    assert "internal error" not in result.err
    assert result.err.replace("\n", "").isprintable()
    for each in told:
        assert each in result.err


def refused_as_json(result: Result, code: int, kind: str) -> None:
    """Hold a result against the rules for errors for scripts."""
    assert (result.code, result.out) == (code, "")
    assert len(result.err.splitlines()) == 1, result.err
    told = json.loads(result.err)
    assert list(told) == ["error"]
    assert list(told["error"]) == ["code", "message", "hint"]
    assert all(isinstance(each, str) for each in told["error"].values())
    assert told["error"]["code"] == kind
    assert told["error"]["message"]


WRONG = [
    (("stauts",), "stauts"),
    (("",), ""),
    (("--frobnicate",), "--frobnicate"),
    (("status", "--frobnicate"), "--frobnicate"),
    (("status", "--level"), "--level"),
    (("status", "job-1", "latest", "one-too-many"), "one-too-many"),
    (("tasks", "job-1", "latest"), "latest"),
    (("job", "--exit-status"), "--exit-status"),
    (("help", "nothing"), "nothing"),
    (("help", ""), ""),
    (("help", "status", "more"), "more"),
    # empty arguments
    (("status", ""), "JOB is empty"),
    (("status", "   "), "JOB is empty"),
    (("status", "job-1", ""), "TASK is empty"),
    (("status", "--level", ""), "--level is empty"),
    (("status", "--depth", ""), "--depth"),
    (("checks", "--name", ""), "--name is empty"),
    (("checks", "--state", ""), "--state is empty"),
    (("checks", "--outcome", "failed"), "--state"),
    (("projects", "--status", "running"), "--state"),
    (("status", "--children"), "--children"),
    (("checks", "--header"), "--header"),
    (("checks", "-o", "tree"), "tree"),
    (("job", "-o", "csv"), "csv"),
    (("projects", "--key", ""), "--key is empty"),
    (("projects", "--key", "ACME", "--key", " "), "--key is empty"),
    (("projects", "--sort", ""), "--sort"),
    (("status", "-o", ""), "--output"),
    (("status", "--output="), "--output"),
    (("status", "--color", ""), "--color"),
    (("status", "--export", ""), "--export"),
    (("status", "--base-url", ""), "--base-url is empty"),
    (("status", "--email", ""), "--email is empty"),
    (("status", "--token-file", ""), "--token-file is empty"),
    # ids
    (("status", "a/b"), "slash"),
    (("status", "a\\b"), "slash"),
    (("status", "a b"), "space"),
    (("status", "a\nb"), "unprintable"),
    (("status", "\x1b[31m"), "unprintable"),
    (("status", "a\u202eb"), "unprintable"),
    (("status", "a\udcff"), "unprintable"),
    (("status", "."), "invalid id"),
    (("status", ".."), "invalid id"),
    (("status", "job-1", "a/b"), "slash"),
    (("status", "job-1", "a\tb"), "unprintable"),
    (("status", "job-1", ".."), "invalid id"),
    (("status", "https://api.atlassian.com/"), "no job id"),
    (("status", "https://api.atlassian.com/migrations/public/v1/jobs/"), "no job id"),
    (("status", "https://[::1/jobs/x"), "no job id"),
    (("status", "https://x/jobs/a%2Fb"), "slash"),
    (("status", "https://x/jobs/%2e%2e"), "invalid id"),
    (("status", "https://x/jobs/a/tasks/b%20c"), "space"),
    (("status", "https://x/jobs/job-1/tasks/one", "two"), "two"),
    (("status", "api.atlassian.com/jobs/x"), "https://"),
    # settings
    (("status", "--base-url", "http://example.com"), "plain http"),
    (("status", "--base-url", "http://127.0.0.1.example.com"), "plain http"),
    (("status", "--base-url", "http://10.0.0.1"), "plain http"),
    (("status", "--base-url", "ftp://127.0.0.1"), "not an http or https URL"),
    (("status", "--base-url", "127.0.0.1:80"), "not an http or https URL"),
    (("status", "--base-url", "http://127.0.0.1:99999"), "not an http or https URL"),
    (("status", "--base-url", "https://user:pw@example.com"), "password"),
    (("status", "--base-url", "https://example.com/?a=b"), "query"),
    (("status", "--base-url", "https://exa mple.com"), "not an http or https URL"),
    (("status", "--email", "a:b"), "not an e-mail"),
    (("status", "--email", "a\nb"), "not an e-mail"),
    # contradictions
    (("status", "--json", "-o", "table"), "cannot be combined"),
    (("status", "-o", "ndjson", "--json"), "cannot be combined"),
    (("status", "-o", "\udcff", "--json"), "cannot be combined"),
    (("status", "--raw", "-o", "table"), "cannot be combined"),
    (("status", "--raw", "-o", "ndjson"), "cannot be combined"),
    (("status", "--raw", "--export", "a.svg"), "cannot be combined"),
    # values
    (("status", "--depth", "-1"), "--depth"),
    (("status", "--depth", "1.5"), "--depth"),
    (("status", "--depth", "deep"), "--depth"),
    (("status", "--depth", "\u0663"), "--depth"),
    (("status", "--level", "check,"), "--level"),
    (("status", "--level", ",check"), "--level"),
    (("status", "--level", "check,,x"), "--level"),
    (("status", "--level", "check,a\x1bb"), "--level"),
    (("checks", "--state", "faild"), "failed"),
    (("checks", "--state", "failed,,warning"), "--state"),
    (("projects", "--state", "sucess"), "Choose from"),
    (("projects", "--state", "runing"), "running"),
    (("projects", "--sort", "size"), "--sort"),
    (("status", "-o", "yaml"), "yaml"),
    (("status", "-oJSON"), "JSON"),
    (("job", "-o", "ndjson"), "ndjson"),
    (("job", "-o", "tree"), "tree"),
    (("tasks", "-o", "tree"), "tree"),
    (("status", "--color", "sometimes"), "--color"),
    (("status", "--export", "picture.png"), "--export"),
    (("status", "--export", "picture"), "--export"),
    (("status", "--export", ".svg"), "--export"),
    (("status", "--export", "/nonexistent/picture.svg"), "cannot be written"),
    (("artifacts", "--download", "/proc/x"), "Choose a folder that you can write to"),
    (("config", "list", "x"), "See 'migstat config list --help'."),
    (("demo", "demo"), "demo"),
    (("demo", "simulate"), "simulate"),
    (("demo", "stauts"), "stauts"),
    (("demo", "--scenario", "nothing"), "nothing"),
    (("demo", "--scenario", ""), "--scenario is empty"),
    (("demo", "--speed", "0"), "--speed"),
    (("demo", "--speed", "nan"), "--speed"),
    (("demo", "--speed", "fast"), "--speed"),
    (("simulate", "--scenario", "nothing"), "nothing"),
    (("simulate", "--port", "70000"), "--port"),
    (("simulate", "--port", "-1"), "--port"),
    (("simulate", "--port", "http"), "--port"),
    (("simulate", "--speed", "-1"), "--speed"),
]


PEOPLE = [(words, told) for words, told in WRONG if not {"--json", "--raw", "json", "ndjson"} & set(words)]
SCRIPTS = [
    (words, told)
    for words, told in WRONG
    if words[0] in ("status", "checks", "projects", "tasks", "job")
    and (
        {"--json", "--raw", "json", "ndjson"} & set(words)
        or not any(word.startswith(("-o", "--output")) for word in words)
    )
]


def names_of(cases: list[tuple[tuple[str, ...], str]]) -> list[str]:
    """Return names for cases of wrong words."""
    return [repr(" ".join(words)) for words, _ in cases]


@pytest.mark.parametrize(("words", "told"), PEOPLE, ids=names_of(PEOPLE))
def test_wrong_usage_is_code_2_before_anything_is_asked(server: Server, words: tuple[str, ...], told: str) -> None:
    """Wrong usage is code 2, one or two lines, and no request."""
    before = len(server.requests)
    refused(ask(server, *words), 2, told)
    assert len(server.requests) == before


@pytest.mark.parametrize(("words", "told"), SCRIPTS, ids=names_of(SCRIPTS))
def test_wrong_usage_is_one_json_line_for_a_script(server: Server, words: tuple[str, ...], told: str) -> None:
    """Where JSON is wanted, by flag or environment, wrong usage is one JSON line."""
    before = len(server.requests)
    result = ask(server, *words, env={"MIGSTAT_OUTPUT": "json"})
    refused_as_json(result, 2, "usage")
    error = json.loads(result.err)["error"]
    assert told in error["message"] + error["hint"]
    assert len(server.requests) == before


@pytest.mark.parametrize(
    "flags",
    [
        ("--json",),
        ("-o", "json"),
        ("-ojson",),
        ("--output", "json"),
        ("--output=json",),
        ("-o", "ndjson"),
        ("-o", "table", "-o", "json"),
        ("-vo", "json"),
        ("-vojson",),
        ("-cvo", "json"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("first", [True, False])
def test_every_way_to_want_json_gets_errors_in_json(server: Server, flags: tuple[str, ...], first: bool) -> None:
    """Wherever and however JSON is asked for, wrong usage is one JSON line."""
    words = (*flags, "--level", "") if first else ("--level", "", *flags)
    refused_as_json(ask(server, "status", *words), 2, "usage")


@pytest.mark.parametrize(
    ("flags", "variable"),
    [(("-o", "table"), "json"), (("--output=csv",), "json"), ((), ""), ((), "plain"), (("--", "--json"), "")],
)
def test_without_json_wanted_errors_are_for_people(server: Server, flags: tuple[str, ...], variable: str) -> None:
    """A flag beats the environment for the form of errors, too."""
    refused(ask(server, "status", "--level", "", *flags, env={"MIGSTAT_OUTPUT": variable}), 2)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MIGSTAT_OUTPUT", "yaml"),
        ("MIGSTAT_JOB", "a/b"),
        ("MIGSTAT_JOB", "a b"),
        ("MIGSTAT_TASK", "a b"),
        ("MIGSTAT_TASK", "\udcff"),
        ("MIGSTAT_BASE_URL", "http://example.com"),
        ("MIGSTAT_BASE_URL", "nonsense"),
        ("MIGSTAT_EMAIL", "a:b"),
        ("MIGSTAT_REQUEST_TIMEOUT", "0"),
        ("MIGSTAT_RATE_LIMIT", "0"),
        ("MIGSTAT_CA_BUNDLE", "/nonexistent"),
    ],
)
def test_a_wrong_variable_is_named(server: Server, variable: str, value: str) -> None:
    """A variable that makes no sense is code 2 and named."""
    refused(ask(server, "status", env={variable: value}), 2, variable)


def test_no_job_is_wrong_usage(tmp_path: Path) -> None:
    """Without a job from anywhere the hint says how to name one, and which targets there are."""
    (tmp_path / "config.toml").write_text('[targets.wave2]\njob = "job-1"\n', encoding="utf-8")
    refused(migstat(["status"], {"MIGSTAT_CONFIG": str(tmp_path / "config.toml")}), 2, "target name (wave2)")
    refused(migstat(["status"], {}), 2, "no job", "MIGSTAT_JOB")
    refused(migstat(["status", "latest"], {}), 2, "no job")


@pytest.mark.parametrize("name", ["MIGSTAT_EMAIL", "MIGSTAT_TOKEN"])
def test_no_credentials_are_code_4(server: Server, name: str) -> None:
    """Without e-mail or token the user is told where to put them, and nothing is asked."""
    before = len(server.requests)
    refused(ask(server, "status", env={name: ""}), 4, name)
    refused_as_json(ask(server, "status", "--json", env={name: ""}), 4, "no-credentials")
    assert len(server.requests) == before


COMMANDS = ("status", "checks", "projects", "tasks", "job")


@pytest.mark.parametrize(
    "data",
    [
        [],
        "text",
        7,
        True,
        {"status": 7},
        {"status": "FINISHED", "children": []},
        {"status": "FINISHED", "children": {"A": 7}},
        {"status": ["FINISHED"], "outcome": {"a": 1}},
        {"status": "FINISHED", "details": "text"},
        {"status": "IN_PROGRESS", "progressDetails": {"percent": "half", "data": 7}},
        {"status": "FINISHED", "details": {"createdAt": 10**40, "startedAt": -5, "lastUpdatedAt": "x"}},
        {"status": "IN_PROGRESS", "progressDetails": {"percent": 1e308, "data": [{"name": None, "total": -1}]}},
        {"status": "IN_PROGRESS", "progressDetails": {"percent": 10**400, "data": [{"name": "x", "total": 10**400}]}},
        {"status": "IN_PROGRESS", "progressDetails": {"percent": -(10**400)}},
    ],
    ids=str,
)
@pytest.mark.parametrize("task_type", ["check", "migrate"])
def test_nodes_that_are_not_as_expected_never_break_the_program(data: object, task_type: str) -> None:
    """Whatever a node is made of, every command ends with a code of the table and no traceback."""
    with answering(one_task(lambda _: data, task_type=task_type)) as server:
        for command, form in (("status", "table"), ("checks", "json"), ("projects", "csv")):
            result = server.ask(command, "-o", form)
            assert result.code in (0, 3, 5)
            assert "internal error" not in result.err
            assert "Traceback" not in result.err


@pytest.mark.parametrize(
    "content",
    [
        {"data": [{"taskType": "check"}]},
        {"data": [{"taskId": 7}]},
        {"data": [{"taskId": "a/b"}]},
        {"data": [{"taskId": ".."}]},
        {"data": [{"taskId": "\x1b"}]},
        {"data": {"taskId": "x"}},
        {"data": None},
        {},
    ],
    ids=str,
)
def test_task_lists_that_are_not_as_expected(content: object) -> None:
    """A list of tasks without ids that can be used ends with a code, and no strange path is ever asked for."""

    def answer(asked: Asked) -> Answer:
        return Answer(content) if asked.segments[-1] == "tasks" else NOT_FOUND

    with answering(answer) as server:
        result = server.ask("status")
        assert result.code in (2, 3, 5)
        assert len(result.err.splitlines()) <= 2
        assert "internal error" not in result.err
        assert all(each.segments == ("jobs", "job-1", "tasks") for each in server.asked)


@pytest.mark.parametrize(
    "words",
    [
        ("projects", "--key", "\udcff"),
        ("projects", "--key", "\x1b[31m"),
        ("projects", "--key", "a\nb"),
        ("checks", "--name", "\udcff"),
        ("checks", "--name", "a\u202eb"),
    ],
    ids=repr,
)
def test_names_that_cannot_be_are_code_5(server: Server, words: tuple[str, ...]) -> None:
    """A check or project of a name that no text can hold is not there, whatever bytes were typed."""
    result = ask(server, *words)
    assert "internal error" not in result.err
    assert result.code in (2, 5)
    assert result.out == ""
    assert result.err.replace("\n", "").isprintable()


def test_wrong_usage_as_a_process() -> None:
    """As a process, too, wrong usage is one or two lines on standard error and code 2."""
    refused(process(["status", "--frobnicate"], {}), 2, "--frobnicate")
    refused_as_json(process(["status", "--frobnicate"], {"MIGSTAT_OUTPUT": "json"}), 2, "usage")


@pytest.mark.parametrize("kind", ["reset", "503", "cut", "html", "garbage", "empty", "429", "429-date", "408", "425"])
def test_what_may_be_over_in_a_moment_is_asked_again(server: Server, kind: str) -> None:
    """A few faults in a row are waited out, and what is told of it on a terminal is gone at the end."""
    waits: list[float] = []
    server.faults.add(kind, 3, retry_after=1 if kind.startswith("429") else None)
    result = ask(server, "status", sleep=waits, err_terminal=True)
    server.faults.clear()
    assert result.code == 0
    assert len(waits) >= 3
    assert "\n" not in result.err
    assert result.err.endswith("\r\x1b[K")
