"""JUnit XML of checks or projects, which build servers show as test results.

Valid against the schema of Jenkins' xunit plugin (junit-10.xsd), which allows what most readers of JUnit understand.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from migstat.model.nodes import State
from migstat.model.reports import ChecksReport, ProjectsReport
from migstat.render.text import harmless, iso
from migstat.render.theme import state_words

_TAGS = {State.FAILED: "failure", State.SKIPPED: "skipped", State.WARNING: "system-out"}
_COUNTS = {"failure": "failures", "error": "errors", "skipped": "skipped"}
"""The attribute that counts the cases with an element."""


def junit_text(report: ChecksReport | ProjectsReport) -> str:
    """One test case for each check or project.

    A failed one is a failure, a skipped or accepted one is skipped; a warning passes, with its text as output. One that
    is unfinished or missing is an error: it has neither passed nor failed.
    """
    snapshot = report.snapshot
    nodes, kind = (report.checks, "checks") if isinstance(report, ChecksReport) else (report.projects, report.scope)
    root = ET.Element("testsuites")
    suite = ET.SubElement(root, "testsuite", name=f"migstat {kind}", tests=str(len(nodes)))
    counts = dict.fromkeys(_COUNTS, 0)
    for node in nodes:
        seconds = f"{node.elapsed_seconds(snapshot.fetched_at) or 0:.0f}"
        case = ET.SubElement(suite, "testcase", classname=f"migstat.{kind}", name=harmless(node.name), time=seconds)
        message, words = node.explanation or "", state_words(node)
        entry = snapshot.accepted.get(node.level)
        if entry is not None:
            message, words = f"{node.state}, accepted {entry.words}", "accepted"
        tag = "skipped" if entry is not None else _TAGS.get(node.state, "error")
        if tag == "system-out":
            ET.SubElement(case, tag).text = _lines(f"{words}: {message}".removesuffix(": "), *node.occurrences)
        elif node.state is not State.SUCCEEDED:
            counts[tag] += 1
            result = ET.SubElement(case, tag, type=harmless(words), message=harmless(message or words))
            result.text = _lines(*node.occurrences)
    for tag, name in _COUNTS.items():
        suite.set(name, str(counts[tag]))
    suite.set("timestamp", (iso(snapshot.fetched_at) or "").removesuffix("Z"))  # UTC; the format has no zone
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _lines(*texts: str) -> str:
    return "\n".join(map(harmless, texts))
