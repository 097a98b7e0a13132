"""JSON documents, version 1: keys, types and what is null."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from migstat.simulator.scenario import refused
from migstat.simulator.server import Server
from tests.scenarios import frozen, in_the_middle, node, of_tasks
from tests.schemas import assert_valid
from tests.servers import answering, ask, of_tree, one_task, server_of, still

FETCHED = "2026-09-21T14:13:20Z"

server = server_of(in_the_middle())


def document(server: Server, words: str) -> dict[str, Any]:
    result = ask(server, *shlex.split(words), "--json")
    assert (result.code, result.err) == (0, "")
    assert (result.out[-2:], result.out.count("\n")) == ("}\n", 1)
    parsed: dict[str, Any] = json.loads(result.out)
    kind = words.partition(" ")[0]
    assert_valid(kind, parsed)
    for each in all_nodes(parsed):
        assert each["name"] == (each["level"][-1] if each["level"] else "")
    return parsed


def all_nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "children" in value and "level" in value:
            yield value
            yield from all_nodes(value["children"])
        else:
            for name in ("node", "checks", "projects"):
                yield from all_nodes(value.get(name))
    elif isinstance(value, list):
        for each in value:
            yield from all_nodes(each)


def test_the_status_document(server: Server) -> None:
    """A status document holds the head, with job and destination, and the node, whose every key is there."""
    parsed = document(server, "status --depth 1")
    parsed["node"]["children"] = [child["name"] for child in parsed["node"]["children"]]
    assert parsed | {"summary": None} == {
        "kind": "status", "schemaVersion": 1, "jobId": "job-1", "jobName": "Jira to the cloud",
        "destination": "https://acme.example.com", "taskId": "migrate-1", "taskType": "migrate", "fetchedAt": FETCHED,
        "complete": False, "verdict": "running", "summary": None,
        "reasons": [{"level": ["check"], "state": "failed", "outcome": "FAILED", "message": "Some."}],
        "node": {
            "name": "", "level": [], "state": "running", "status": "IN_PROGRESS", "outcome": None,
            "message": "In progress", "createdAt": "2026-09-21T13:56:40Z",
            "startedAt": "2026-09-21T14:03:20Z", "lastUpdatedAt": FETCHED, "elapsedSeconds": 600, "percent": None,
            "progress": [], "excludable": None, "description": None, "occurrences": [],
            "details": {"createdAt": 1_789_999_000_000, "startedAt": 1_789_999_400_000,
                        "lastUpdatedAt": 1_790_000_000_000},
            "children": ["check", "migrate"],
        },
    }  # fmt: skip


SUMMARY = {"total": 0, "missing": 0, "pending": 0, "running": 0, "finished": 0} | {
    "failed": 0, "warning": 0, "succeeded": 0, "skipped": 0, "byOutcome": {}, "unread": 0
}  # fmt: skip


def test_the_checks_document(server: Server) -> None:
    """A checks document holds the head, the counts and the checks as nodes, what needs attention first."""
    parsed = document(server, "checks")
    assert parsed["against"] is None
    counts = {"total": 4, "pending": 1, "finished": 3, "failed": 1, "succeeded": 1, "skipped": 1}
    assert parsed["summary"] == SUMMARY | counts | {"byOutcome": {"FAILED": 1, "SKIPPED": 1, "SUCCESS": 1}}
    assert [check["name"] for check in parsed["checks"]] == ["Failing", "None", "Well", "Skipped"]
    failed, _, well, _ = parsed["checks"]
    assert (failed["excludable"], failed["description"], failed["occurrences"]) == (False, "Looks.", ["1", "2"])
    assert failed["level"] == ["check", "Failing"]
    assert (failed["elapsedSeconds"], failed["message"]) == (500, "It failed.")
    unknown = ("message", "createdAt", "startedAt", "lastUpdatedAt", "elapsedSeconds", "excludable", "description")
    assert [well[name] for name in unknown] == [None] * len(unknown)
    assert (well["occurrences"], well["details"], well["progress"]) == ([], {}, [])


def test_the_projects_document(server: Server) -> None:
    """A projects document holds the head, the scope, the counts and the projects, missing ones among them."""
    parsed = document(server, "projects")
    assert (parsed["kind"], parsed["scope"], parsed["missing"], parsed["complete"]) == (
        "projects",
        "projects",
        ["GONE"],
        False,
    )
    counts = {"total": 5, "missing": 1, "pending": 1, "running": 1, "finished": 2, "warning": 1, "succeeded": 1}
    assert parsed["summary"] == SUMMARY | counts | {"byOutcome": {"SUCCESS": 1, "WARNING": 1}}
    assert [project["name"] for project in parsed["projects"]] == ["GONE", "WARNED", "MOVED", "LATER", "DONE"]
    moved = parsed["projects"][2]
    assert (moved["percent"], moved["progress"]) == (50, [{"name": "issues", "processed": 500, "total": 1000}])
    assert (moved["level"], moved["elapsedSeconds"]) == (["migrate", "projects", "MOVED"], 600)
    assert (parsed["projects"][3]["elapsedSeconds"], parsed["estimatedEndAt"]) == (None, None)


def test_spaces_are_named_as_such() -> None:
    """The scope of a Confluence migration is `spaces`."""
    with still(frozen(level="spaces", projects=(node("DOC"),))) as server:
        parsed = document(server, "projects")
    assert (parsed["scope"], parsed["projects"][0]["level"]) == ("spaces", ["migrate", "spaces", "DOC"])


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("projects --state warning", "WARNED"),
        ("projects --state WARNING,succeeded", "WARNED DONE"),
        ("projects --state ' Pending, RUNNING'", "MOVED LATER"),
        ("projects --state missing", "GONE"),
        ("projects --state failed", ""),
        ("projects --key DONE --key later --key DONE", "LATER DONE"),
        ("projects --sort name", "DONE GONE LATER MOVED WARNED"),
        ("projects --sort progress", "DONE WARNED MOVED GONE LATER"),
        ("projects --sort elapsed", "MOVED DONE WARNED GONE LATER"),
        ("checks --state failed,skipped", "Failing Skipped"),
        ("checks --name Well", "Well"),
    ],
)
def test_filters_choose_what_is_listed_and_never_what_is_counted(server: Server, words: str, names: str) -> None:
    """The summary counts everything, regardless of filters."""
    parsed, kind = document(server, words), words.partition(" ")[0]
    assert [each["name"] for each in parsed[kind]] == names.split()
    assert parsed["summary"] == document(server, kind)["summary"]


def test_the_tasks_document(server: Server) -> None:
    """A tasks document lists the runs, newest first, with their artifacts; each line of ndjson is one run."""
    at = "https://artifacts.example.invalid/{}?signature=1"
    expires = "2026-09-21T14:30:00Z"
    files = [{"name": name, "location": at.format(name), "expiresAt": expires} for name in ("a.csv", "b.log")]
    keys = ("taskId", "taskType", "state", "createdAt", "elapsedSeconds", "overridden", "artifacts")
    runs: tuple[tuple[Any, ...], ...] = (
        ("migrate-1", "migrate", "running", "2026-09-21T13:56:40Z", 600, [], []),
        ("check-1", "check", "failed", "2026-09-21T13:55:00Z", 500, [], files),
    )
    parsed = document(server, "tasks")
    assert [json.loads(line) for line in ask(server, "tasks", "-o", "ndjson").out.splitlines()] == parsed["tasks"]
    assert parsed == {
        "kind": "tasks", "schemaVersion": 1, "jobId": "job-1", "fetchedAt": FETCHED,
        "tasks": [dict(zip(keys, run, strict=True)) for run in runs],
    }  # fmt: skip


def test_the_job_document(server: Server) -> None:
    """A job document holds the definition as the API sent it."""
    assert document(server, "job") == {
        "kind": "job", "schemaVersion": 1, "jobId": "job-1", "fetchedAt": FETCHED,
        "job": {
            "name": "Jira to the cloud", "flow": "jira-onpremises-to-cloud", "source": {"serverId": "BX7Q"},
            "destination": {"url": "https://acme.example.com"},
            "scope": {"projects": {"includedKeys": ["MOVED", "DONE", "LATER", "WARNED", "GONE"]}},
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    "words", ["status", "status --depth all", "status --level migrate --depth 2", "status --level migrate,projects"]
)
def test_a_missing_project_is_a_node_of_every_status(server: Server, words: str) -> None:
    """A key of the job that is not reported is a node, from whichever level one looks, and nothing is complete then."""
    parsed = document(server, words)
    missing = [each["level"] for each in all_nodes(parsed) if each["state"] == "missing"]
    assert (missing, parsed["complete"]) == ([["migrate", "projects", "GONE"]], False)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("checks", ["Failing", "None", "Well", "Skipped"]),
        ("checks --state failed", ["Failing"]),
        ("projects", ["GONE", "WARNED", "MOVED", "LATER", "DONE"]),
        ("status --depth 0", [""]),
        ("status --depth 1", ["", "check", "migrate"]),
        ("status --level check --depth 1", ["check", "Failing", "None", "Skipped", "Well"]),
    ],
)
def test_ndjson_is_one_node_a_line(server: Server, words: str, names: list[str]) -> None:
    """Each line of ndjson is one node without its children, those of a parent after it."""
    nodes = [json.loads(line) for line in ask(server, *words.split(), "-o", "ndjson").out.splitlines()]
    assert [each["name"] for each in nodes] == names
    assert all(each["children"] is None for each in nodes)


@pytest.mark.parametrize("depth", ["1", "2"])
def test_no_level_is_deeper_than_was_asked_for(depth: str) -> None:
    """Missing projects, their level, and whatever else the verdict needs, are not shown below the depth."""
    lone = refused("it", "task-1", "migrate", created_at=0, message="No.")
    not_begun = of_tasks(lone, scope={"projects": {"includedKeys": ["P"]}})
    one_missing = frozen(projects=(node("P"),), keys=("P", "Q"))
    for scenario, names in ((not_begun, [""]), (one_missing, ["", "check", "migrate"])):
        with still(scenario) as up:
            assert [each["name"] for each in all_nodes(document(up, f"status --depth {depth}"))] == names


def test_json_is_indented_for_a_person_only(server: Server) -> None:
    """On a terminal the document is spread over lines, and is the same document."""
    result = ask(server, "status", "--json", terminal=True)
    assert len(result.out.splitlines()) > 10
    assert "\x1b" not in result.out
    assert json.loads(result.out) == document(server, "status")


ODD = {
    "status": "FINISHED",
    "outcome": "WARNING",
    "message": "\x1b[31m\x07\x9b\u202e\u2066\x7f\u200b\u2028 tab\t line\n é 漢字 😀",
    "details": {"\u202ekey": {"deep": ["\x9b"]}, "createdAt": "never", "occurrences": ["\x85", {"odd": 1}]},
    "children": {"Check\u202eX": {"status": "MARTIAN", "message": "\x1b]0;t\x07"}},
}


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_json_is_ascii_where_the_stream_is_no_unicode(encoding: str) -> None:
    """Into a stream of another character set than UTF-8 all but ASCII is escaped, and the document is the same."""
    with answering(one_task(of_tree(ODD), task_type="check")) as server:
        result = server.ask("status", "--depth", "1", "--json", encoding=encoding)
        same = server.ask("status", "--depth", "1", "--json")
        lines = server.ask("watch", "--json", "--timeout", "1s", encoding=encoding)
    assert result.out.isascii()
    assert json.loads(result.out) == json.loads(same.out)
    assert lines.out.isascii()
    assert ODD["message"] in [json.loads(line).get("node", {}).get("message") for line in lines.out.splitlines()]


@pytest.mark.parametrize(
    ("status", "task_type", "verdict"), [("MARTIAN", "rehearsal", "running"), ("PENDING", None, "pending")]
)
def test_unknown_values_are_passed_on(status: str, task_type: str | None, verdict: str) -> None:
    """Unknown statuses, task types and odd details are passed on unchanged; null is null."""
    root = {"status": status, "details": {"createdAt": "x"}}
    with answering(one_task(of_tree(root), task_type=task_type)) as up:
        parsed = json.loads(up.ask("status", "--json").out)
    assert (parsed["taskType"], parsed["node"]["status"], parsed["verdict"]) == (task_type, status, verdict)
    assert (parsed["node"]["createdAt"], parsed["node"]["details"], parsed["complete"]) == (
        None,
        {"createdAt": "x"},
        True,
    )
