"""JUnit: what build servers make of checks and projects."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migstat.model.acceptance import Acceptance
from migstat.model.nodes import Node
from migstat.model.reports import ChecksReport, ProjectsReport
from migstat.model.verdict import Snapshot, Verdict
from migstat.render.junit import junit_text

TEXT = {"type", "message"}
SUITE = {"name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id", "package"}
SCHEMA: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": ({"name", "tests", "failures", "errors"}, SUITE | {"file", "log", "url"}, {"properties", "testcase"}),
    "testcase": ({"name"}, {"name", "time", "classname", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"}),
    "failure": (set(), TEXT, set()),
    "error": (set(), TEXT, set()),
    "skipped": (set(), TEXT, set()),
    "system-out": (set(), set(), set()),
}  # fmt: skip
"""By element: the attributes that the schema of Jenkins' xunit plugin (junit-10) requires and allows, and children."""

MIXED = {"failure", "error", "skipped", "system-out"}
"""Elements that may hold text."""


def valid(text: str) -> ET.Element:
    root = ET.fromstring(text)  # noqa: S314  written by this program
    assert root.tag == "testsuites"
    for element in root.iter():
        required, allowed, children = SCHEMA[element.tag]
        assert required <= element.attrib.keys() <= allowed
        assert {child.tag for child in element} <= children
        assert element.tag in MIXED or not (element.text or "").strip()
        assert not (element.tail or "").strip()
    (suite,) = root
    for tag, name in (("testcase", "tests"), ("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert suite.get(name) == str(sum(1 for _ in suite.iter(tag)))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp", ""))
    assert all(re.fullmatch(r"\d+", case.get("time", "")) for case in suite)
    return suite


def report(*nodes: Node, **more: Any) -> ChecksReport:
    snapshot = Snapshot("job", "task", "check", 1_790_000_000_000, Node(), Verdict.RUNNING, **more)
    return ChecksReport(snapshot, Node(), nodes, Verdict.RUNNING)


def case_of(node: Node, **more: Any) -> tuple[str, str | None, str]:
    """What becomes of a node: the element in its case, with its message and text; `pass` for none."""
    (case,) = valid(junit_text(report(node, **more)))
    return (case[0].tag, case[0].get("message"), case[0].text or "") if len(case) else ("pass", None, "")


FOUND = {"occurrences": ["one", "two"]}
ON_PURPOSE = Acceptance(reason="on purpose", until=date(2026, 12, 1), by="Maria")


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (Node(("A",), "FINISHED", "FAILED", "It broke.", FOUND), ("failure", "It broke.", "one\ntwo")),
        (Node(("A",), "FINISHED", "TIMED_OUT"), ("failure", "failed (TIMED_OUT)", "")),
        (Node(("A",), "FINISHED", None), ("failure", "failed (no outcome)", "")),
        (Node(("A",), "FINISHED", "WARNING", "Look.", FOUND), ("system-out", None, "warning: Look.\none\ntwo")),
        (Node(("A",), "FINISHED", "SUCCESS", "Fine."), ("pass", None, "")),
        (Node(("A",), "FINISHED", "SKIPPED", "Not needed."), ("skipped", "Not needed.", "")),
        (Node(("A",), "IN_PROGRESS", None, "Looking."), ("error", "Looking.", "")),
        (Node(("A",), "PENDING"), ("error", "pending", "")),
        (Node(("A",)), ("error", "pending", "")),
        (Node(("A",), missing=True), ("error", "missing", "")),
    ],
    ids=str,
)
def test_each_state_is_one_result(node: Node, expected: tuple[str, str | None, str]) -> None:
    """Failed is a failure with what was found, a warning passes and says so, what has not ended is an error."""
    assert case_of(node) == expected


@pytest.mark.parametrize("outcome", ["FAILED", "WARNING"])
def test_an_accepted_check_is_skipped_with_the_reason(outcome: str) -> None:
    """What was accepted is neither a failure nor a pass."""
    check = Node(("A",), "FINISHED", outcome, "It broke.", FOUND)
    words = f"{outcome.lower()}, accepted until 2026-12-01, Maria: on purpose"
    assert case_of(check, accepted={("A",): ON_PURPOSE}) == ("skipped", words, "one\ntwo")


def test_missing_projects_are_errors() -> None:
    """A project that is not reported is an error, however the run ended."""
    root = Node((), "FINISHED", "FAILED")
    snapshot = Snapshot("job", "task", "migrate", 1_790_000_000_000, root, Verdict.FAILED)
    projects = (Node(("migrate", "projects", "A"), missing=True), Node(("migrate", "projects", "B"), "X", "SUCCESS"))
    suite = valid(junit_text(ProjectsReport(snapshot, "projects", projects, Verdict.FAILED)))
    assert [(case.get("name"), [each.tag for each in case]) for case in suite] == [("A", ["error"]), ("B", [])]


MARKUP = ("]]>", "<![CDATA[", "--><failure/>", "&lt;&#0;")
CONTROLS = ("\x00\x1b[31m\x07", "\ud800", "\ufffe\uffff", "\u202e\u2028", "\r\n\t")
HOSTILE = st.text(st.characters(), max_size=20) | st.sampled_from([*MARKUP, *CONTROLS])


@given(
    st.lists(st.tuples(HOSTILE, HOSTILE, st.sampled_from(["FAILED", "WARNING", "SKIPPED", None])), max_size=4), HOSTILE
)
def test_whatever_names_and_messages_hold_the_document_is_valid(found: list[tuple[str, str, Any]], reason: str) -> None:
    """Control characters, halves of surrogate pairs and markup of any kind are text, in UTF-8, and change nothing."""
    nodes = [Node((name,), "X", outcome, message, {"occurrences": [message]}) for name, message, outcome in found]
    entry = Acceptance(reason=reason, until=date(2026, 12, 1), by=reason)
    text = junit_text(report(*nodes, accepted={node.level: entry for node in nodes[:1]}))
    suite = valid(text)
    assert len(suite) == len(nodes)
    assert ET.tostring(ET.fromstring(text.encode())) == ET.tostring(ET.fromstring(text))  # noqa: S314
