"""`plain`, `csv` and `markdown`: columns, order, escapes."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest

from migstat.simulator.server import Server
from tests.scenarios import in_the_middle
from tests.schemas import assert_csv, assert_markdown
from tests.servers import answering, ask, of_tree, one_task, server_of

server = server_of(in_the_middle())

HEADERS = {
    "status": "level\tstate\tstatus\toutcome\tpercent\telapsedSeconds\tmessage",
    "checks": "name\tstate\tstatus\toutcome\texcludable\tmessage",
    "projects": "name\tstate\tstatus\toutcome\tpercent\telapsedSeconds\tmessage",
    "tasks": "taskId\ttaskType\tstate\tcreatedAt\telapsedSeconds\tartifacts",
}
LINES = {
    "status": [".\trunning\tIN_PROGRESS\t\t\t600\tIn progress", "check\tfailed\tFINISHED\tFAILED\t\t500\tSome.",
        "check,Failing\tfailed\tFINISHED\tFAILED\t\t500\tIt failed.", "check,None\tpending\tPENDING\t\t\t\t",
        "check,Skipped\tskipped\tFINISHED\tSKIPPED\t\t500\t", "check,Well\tsucceeded\tFINISHED\tSUCCESS\t\t\t",
        "migrate\trunning\tIN_PROGRESS\t\t\t600\t", "migrate,users\twarning\tFINISHED\tWARNING\t\t250\t",
        "migrate,projects\trunning\t\t\t\t\t", "migrate,projects,DONE\tsucceeded\tFINISHED\tSUCCESS\t\t500\t",
        "migrate,projects,LATER\tpending\tPENDING\t\t\t\t",
        "migrate,projects,MOVED\trunning\tIN_PROGRESS\t\t50\t600\tOn it.",
        "migrate,projects,WARNED\twarning\tFINISHED\tWARNING\t\t500\t", "migrate,projects,GONE\tmissing\t\t\t\t\t"],
    "checks": ["Failing\tfailed\tFINISHED\tFAILED\tfalse\tIt failed.", "None\tpending\tPENDING\t\t\t",
        "Well\tsucceeded\tFINISHED\tSUCCESS\t\t", "Skipped\tskipped\tFINISHED\tSKIPPED\t\t"],
    "projects": ["GONE\tmissing\t\t\t\t\t", "WARNED\twarning\tFINISHED\tWARNING\t\t500\t",
        "MOVED\trunning\tIN_PROGRESS\t\t50\t600\tOn it.", "LATER\tpending\tPENDING\t\t\t\t",
        "DONE\tsucceeded\tFINISHED\tSUCCESS\t\t500\t"],
    "tasks": ["migrate-1\tmigrate\trunning\t2026-09-21T13:56:40Z\t600\t",
        "check-1\tcheck\tfailed\t2026-09-21T13:55:00Z\t500\ta.csv,b.log"],
}  # fmt: skip


@pytest.mark.parametrize("command", LINES)
def test_into_a_pipe_each_record_is_a_line(server: Server, command: str) -> None:
    """The default into a pipe is tab separated lines in the order of the columns, whatever the window and colors."""
    for env in ({}, {"FORCE_COLOR": "1"}, {"COLUMNS": "20"}, {"MIGSTAT_OUTPUT": "plain"}):
        result = ask(server, command, env=env)
        assert (result.code, result.err) == (0, "")
        assert result.out == "".join(line + "\n" for line in LINES[command])
    for form in ("plain", "csv", "markdown"):
        colored = ask(server, command, "-o", form, "--color", "always", terminal=True)
        assert ("\x1b" in colored.out, colored.out) == (False, ask(server, command, "-o", form).out)


@pytest.mark.parametrize("command", LINES)
def test_csv_and_markdown_have_the_same_rows(server: Server, command: str) -> None:
    """`csv` has the cells of `plain` below their names; `markdown` has its rows below verdict, name and dates."""
    found = list(csv.reader(io.StringIO(ask(server, command, "-o", "csv").out)))
    assert found == [line.split("\t") for line in (HEADERS[command], *LINES[command])]
    lines = ask(server, command, "-o", "markdown").out.splitlines()
    table = [line for line in lines if line.startswith("| ")]
    assert len(table) == 2 + len(LINES[command])
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1
    if command != "tasks":
        assert "Jira to the cloud → acme.example.com**" in lines[0]
        assert "as of 21 Sep 2026 14:13 UTC" in lines[2]


def test_details_of_checks_are_a_row_an_occurrence() -> None:
    """With --details `plain` and `csv` have one more column, and one more row for each occurrence."""
    details = {"occurrences": ["first", "second"]}
    checks = {"One": {"status": "FINISHED", "outcome": "FAILED", "details": details}, "Two": {"status": "PENDING"}}
    with answering(one_task(of_tree({"status": "IN_PROGRESS", "children": checks}), task_type="check")) as server:
        plain = server.ask("checks", "--details").out.splitlines()
        table = list(csv.reader(io.StringIO(server.ask("checks", "--details", "-o", "csv").out)))
        marked = server.ask("checks", "--details", "-o", "markdown").out
    assert [line.split("\t")[0] + ":" + line.split("\t")[-1] for line in plain] == [
        "One:", "One:first", "One:second", "Two:"
    ]  # fmt: skip
    assert table == [[*HEADERS["checks"].split("\t"), "occurrence"], *(line.split("\t") for line in plain)]
    assert "first; second" in marked


def test_the_rows_of_status_are_nodes_of_any_depth(server: Server) -> None:
    """`status` has one row a node, parents first, the levels written as the API writes them."""
    assert ask(server, "status", "--depth", "all").out.splitlines() == LINES["status"]
    one = ask(server, "status", "--level", "migrate,projects,DONE").out
    assert one == "migrate,projects,DONE\tsucceeded\tFINISHED\tSUCCESS\t\t500\t\n"
    assert_markdown(ask(server, "status", "--depth", "1", "-o", "markdown").out)
    some = [line.split("\t")[0] for line in ask(server, "status", "--depth", "1").out.splitlines()]
    assert some == [".", "check", "migrate"]


def test_the_definition_of_a_job_is_one_field_a_line(server: Server) -> None:
    """`job` prints a field's path and its value."""
    assert ask(server, "job").out.splitlines() == [
        "name\tJira to the cloud",
        "flow\tjira-onpremises-to-cloud",
        "source.serverId\tBX7Q",
        "destination.url\thttps://acme.example.com",
        "scope.projects.includedKeys\tMOVED,DONE,LATER,WARNED,GONE",
    ]


def checks_saying(texts: list[str]) -> Any:
    children = {
        f"{at:02} {text}": {"status": "FINISHED", "outcome": text, "message": text} for at, text in enumerate(texts)
    }
    return one_task(of_tree({"status": "FINISHED", "children": children}), task_type="check")


FORMULAS = [
    "=1+1", "+1+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", '=HYPERLINK("http://x","y")', "-1 task", "-inf", "+1",
    "-1_0", "-\u0661", "\xa0=1", "\u3000=1", "\uff1d1+1", "\uff0b1", "\uff0d1+1", "\uff20SUM(A1)",
    "x;=1+1", 'x; "=1+1"', ";@SUM(A1)", "a;;-1+1", ";\t+1",
]  # fmt: skip


def test_no_cell_of_csv_starts_a_formula() -> None:
    """A spreadsheet takes each cell as text or a number, split at semicolons too; quotes hold cells together."""
    with answering(checks_saying([*FORMULAS, 'a,b "c"', "d\ne"])) as server:
        checks, nodes = (server.ask(command, "-o", "csv").out for command in ("checks", "status"))
    rows = list(csv.reader(io.StringIO(checks)))
    assert len(rows) == 1 + len(FORMULAS) + 2
    assert [row[-1] for row in rows][-2:] == ['a,b "c"', r"d\ne"]
    for text, row in zip(FORMULAS, rows[1:], strict=False):
        assert any(text.strip().replace("\t", r"\t") in cell.replace("'", "") for cell in row)
    assert_csv(checks)
    assert_csv(nodes)


MARKUP = [
    "[link](https://evil.example)",
    "![picture](https://evil.example/x.png)",
    "<script>alert(1)</script> <b>",
    "https://evil.example and HTTP://evil.example",
    "www.evil.example WWW.evil.example",
    "@everyone and octocat/repo#1 #2 GH-3 gh-4",
    "a | b | c",
    "| --- |",
    "`code` *bold* _it_ ~~gone~~",
    "a\n\n# Heading\n- list",
    "&lt;b&gt; &#64;someone &amp;",
    "\\| \\[x](y)",
    "mail@example.com mailto:mail@example.com //evil.example",
]


def test_no_cell_of_markdown_holds_markup() -> None:
    """A cell of `markdown` can hold no link, table, mention, HTML or emphasis."""
    with answering(checks_saying(MARKUP)) as server:
        assert_markdown(server.ask("checks", "-o", "markdown").out)
