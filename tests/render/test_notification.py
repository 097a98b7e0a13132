"""The one sentence of a notification."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from migstat.model.crowd import summary_of
from migstat.model.events import Changed, End, Ended, Event, Late, Outage, Recovered, Stalled, View
from migstat.model.nodes import Level, Node
from migstat.model.verdict import Verdict
from migstat.render.notification import LONGEST, sentence
from tests.render.screens import FAILURE, NOW, OUTAGE, SILENT_LEVEL, START

ERP: Level = ("migrate", "projects", "ERP")
ENDED = Ended(NOW, End.FINISHED, Verdict.FAILED, 1, summary_of(()), (), None)
NO_ANSWER = Outage(NOW, "unreachable", "the API failed on the status (503)", 10.0)
COUNT = "; 18 of 28 done"


def failed(message: str | None, name: str = "ERP", outcome: str = "FAILED") -> Changed:
    return Changed(NOW, Node((*ERP[:-1], name), "FINISHED", outcome, message), None)


@pytest.mark.parametrize(
    ("alarm", "view", "news"),
    [
        (failed("Import stopped."), FAILURE, f"ERP failed: Import stopped{COUNT}"),
        (failed(None, outcome="STOPPED"), FAILURE, f"ERP failed (STOPPED){COUNT}"),
        (Changed(NOW, Node((), "FINISHED", "FAILED", "No."), None), FAILURE, f"the task failed: No{COUNT}"),
        (Stalled(NOW, ERP, 900.0), FAILURE, f"ERP: no progress for 15m 00s{COUNT}"),
        (NO_ANSWER, OUTAGE, f"no answer since 14:08 UTC (503){COUNT}"),
        (NO_ANSWER, SILENT_LEVEL, f"cannot read migrate,projects since 14:03 UTC (503){COUNT}"),
        (NO_ANSWER, FAILURE, f"no answer since 14:13 UTC (503){COUNT}"),
        (Recovered(NOW, 250.0), FAILURE, f"API back after 4m 10s{COUNT}"),
        (Late(NOW, NOW, None, 60.0, "passed"), FAILURE, f"the deadline (14:13) has passed{COUNT}"),
    ],
)
def test_it_names_the_migration_what_happened_and_how_far_it_is(alarm: Event, view: View, news: str) -> None:
    """Whoever reads it needs nothing else to know whether to get up."""
    assert sentence(alarm, view) == f"Jira to the cloud: {news}"


def test_it_says_how_many_more_there_are_and_how_it_ended() -> None:
    """Others of the kind are counted; the end has its own words, even if nothing was ever read."""
    news = sentence(failed("No"), FAILURE, more=2)
    assert news == f"Jira to the cloud: ERP failed: No (+2 more){COUNT}"
    news = sentence(failed("No"), FAILURE, recovered=Recovered(NOW, 250.0))
    assert news == f"Jira to the cloud: ERP failed: No; API back after 4m 10s{COUNT}"
    assert sentence(ENDED, FAILURE, ending="succeeded") == "Jira to the cloud: succeeded"
    assert sentence(ENDED, START, ending="no answer") == "migstat: no answer"
    assert FAILURE.snapshot is not None
    nameless = replace(FAILURE, snapshot=replace(FAILURE.snapshot, job_name=None))
    assert sentence(ENDED, nameless, ending="succeeded") == "job job-1: succeeded"


@pytest.mark.parametrize("hostile", ["\x1b]0;owned\x07", "a\nb\r\tc", "\u202egpj.exe", "x" * 9999, "\ud800", "é" * 500])
def test_it_is_short_and_harmless_whatever_the_server_says(hostile: str) -> None:
    """It fits on one line of a phone, has no characters that do not print, and its numbers are never cut."""
    assert FAILURE.snapshot is not None
    view = replace(FAILURE, snapshot=replace(FAILURE.snapshot, job_name=hostile))
    for news in (sentence(failed(hostile, hostile), view, more=3), sentence(ENDED, view, ending=hostile)):
        assert news.isprintable()
        assert len(news) <= LONGEST
    assert sentence(failed(hostile, hostile), view).endswith(COUNT)
