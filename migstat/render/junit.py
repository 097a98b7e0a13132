"""JUnit XML of checks or projects, which build servers show as test results."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from migstat.model.nodes import State
from migstat.model.reports import ChecksReport, ProjectsReport
from migstat.render.text import harmless, iso
from migstat.render.theme import message_words, state_words


def junit_text(report: ChecksReport | ProjectsReport) -> str:
    """One test case for each check or project: a failure if failed, or missing at the end; skipped if unfinished."""
    snapshot = report.snapshot
    nodes, kind = (report.checks, "checks") if isinstance(report, ChecksReport) else (report.projects, report.scope)
    bad = {State.FAILED, *([State.MISSING] if snapshot.node.ended else [])}
    suite = ET.Element("testsuite", name=f"migstat {kind}", timestamp=iso(snapshot.fetched_at) or "")
    counts = {"failure": 0, "skipped": 0}
    for node in nodes:
        elapsed = node.elapsed_seconds(snapshot.fetched_at)
        case = ET.SubElement(suite, "testcase", classname=f"migstat.{kind}", name=harmless(node.name))
        case.set("time", f"{elapsed or 0:.0f}")
        tag = "failure" if node.state in bad else "skipped"
        if node.state not in (State.SUCCEEDED, State.WARNING):
            counts[tag] += 1
            result = ET.SubElement(case, tag, message=harmless(message_words(node) or state_words(node)))
            result.text = "\n".join(map(harmless, node.occurrences))
    suite.set("tests", str(len(nodes)))
    suite.set("failures", str(counts["failure"]))
    suite.set("skipped", str(counts["skipped"]))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
