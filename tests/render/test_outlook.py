"""What a watch says of the end to come, the deadline, and the pace."""

from __future__ import annotations

import re
from itertools import islice

import pytest
from msgspec.structs import replace
from rich.text import Text

from migstat.model.events import NoAnswer, View
from migstat.model.nodes import Millis
from migstat.model.reports import StatusReport, TargetRow, TargetsReport
from migstat.render.drawing import Canvas, drawn
from migstat.render.live import frame, progress_lines, times
from migstat.render.markdown import markdown_lines
from migstat.render.outlook import pace_words
from migstat.render.sorted_view import sorted_view
from migstat.render.table import view as table_view
from migstat.render.theme import UNICODE
from tests.render.screens import MIDDLE, MINUTE, NOW

pytestmark = pytest.mark.zone("UTC")  # NOW is 14:13.


def expecting(end: float | None = None, deadline: float | None = None, pace: float | None = None) -> View:
    """A view in which the end is expected, and the deadline is, in so many minutes."""

    def at(minutes: float | None) -> Millis | None:
        return None if minutes is None else NOW + int(minutes * MINUTE)

    return replace(MIDDLE, not_before=at(57), estimated_end=at(end), deadline=at(deadline), pace=pace)


SILENT = NoAnswer(NOW - 3 * MINUTE, "unreachable", "failed (503)", NOW + 8000)
"""An outage of which it is unknown when it was noticed."""
NIGHT = 11.9 * 60


@pytest.mark.parametrize(
    ("view", "width", "words"),
    [
        (expecting(), 80, "1h 38m · not before 15:10 UTC · updated 4s ago"),
        (
            expecting(57, 86, 1.12), 120,
            "1h 38m · ends about 15:10, 29m before the deadline · 12 % slower than the rehearsal · updated 4s ago",
        ),
        (expecting(57, 86, 1.12), 80, "1h 38m · ends about 15:10, 29m before the deadline · updated 4s ago"),
        (expecting(57, 86, 1.12), 40, "ends 15:10, 29m early · updated 4s ago"),
        (expecting(57, 176), 40, "ends 15:10, 1h 59m early"),
        (expecting(57, 176), 60, "1h 38m · ends 15:10, 1h 59m early · updated 4s ago"),
        (expecting(57, 176), 64, "1h 38m · ends 15:10, 1h 59m early · updated 4s ago"),
        (expecting(57, 176), 72, "1h 38m · ends about 15:10, 1h 59m before the deadline · updated 4s ago"),
        (expecting(57, 12), 80, "1h 38m · ends about 15:10, 45m after the deadline · updated 4s ago"),
        (expecting(57, 12), 40, "ends 15:10, 45m late · updated 4s ago"),
        (expecting(57, None, 0.9), 80, "1h 38m · ends about 15:10 · 10 % faster than the rehearsal · updated 4s ago"),
        (expecting(NIGHT), 80, "1h 38m · ends about 02:07 · updated 4s ago"),
        (expecting(NIGHT + 24 * 60), 80, "1h 38m · ends about 23 Sep 02:07 · updated 4s ago"),
        (expecting(None, 86), 80, "1h 38m · not before 15:10 UTC · deadline 15:39 UTC, in 1h 26m · updated 4s ago"),
        (expecting(None, 86), 40, "1h 38m · deadline 15:39 · updated 4s ago"),
        (expecting(None, 86), 60, "1h 38m · deadline 15:39 UTC, in 1h 26m · updated 4s ago"),
        (expecting(None, -5), 120, "1h 38m · not before 15:10 UTC · 5m past the deadline (14:08 UTC) · updated 4s ago"),
        (expecting(None, -0.9), 80, "1h 38m · 54s past the deadline (14:12 UTC) · updated 4s ago"),
        (expecting(None, -1.9), 80, "1h 38m · 1m past the deadline (14:11 UTC) · updated 4s ago"),
        (expecting(None, -5), 40, "deadline 14:08 passed · updated 4s ago"),
        (
            replace(expecting(57, 86), outage=SILENT), 80,
            "1h 37m · next try in 8s · running as of 14:13 · ends 15:10, 29m early",
        ),
        (
            replace(expecting(-1, 86), outage=SILENT), 80,
            "1h 37m · next try in 8s · running as of 14:13 · deadline 15:39 UTC, in 1h 26m",
        ),
        (
            replace(expecting(), interval=300.0), 80,
            "1h 38m · not before 15:10 UTC · updated 4s ago · next reading at 14:18",
        ),
        (replace(expecting(), interval=300.0), 48, "1h 38m · updated 4s ago · next reading at 14:18"),
        (replace(expecting(57, -5), outage=SILENT), 40, "next try in 8s · ends 15:10, 1h 02m late"),
        (replace(expecting(None, -5), outage=SILENT), 40, "next try in 8s · deadline 14:08 passed"),
    ],
)  # fmt: skip
def test_the_header_says_what_is_expected(view: View, width: int, words: str) -> None:
    """The estimate and the deadline stay in a narrow window, in fewer words; what is late stays the longest."""
    canvas = Canvas(width, UNICODE)
    lines = [drawn(line, canvas, color=False).rstrip() for line in progress_lines(sorted_view(view), NOW, canvas)]
    assert len(lines) == 2
    assert lines[-1] == words


@pytest.mark.parametrize(
    ("pace", "words"),
    [
        (1.12, "12 % slower than the rehearsal"),
        (0.88, "12 % faster than the rehearsal"),
        (1.004, "as fast as the rehearsal"),
        (0.996, "as fast as the rehearsal"),
        (2.0, "100 % slower than the rehearsal"),
        (2.49, "2.5 times as long as in the rehearsal"),
    ],
)
def test_the_pace_is_compared_in_words(pace: float, words: str) -> None:
    """The pace of the night is that of the rehearsal, slower or faster."""
    assert pace_words(pace) == words


@pytest.mark.parametrize(("minutes", "shown"), [(57, True), (0, False), (-5, False)])
def test_a_lower_bound_that_has_passed_is_not_shown(minutes: int, shown: bool) -> None:
    """`not before` is only said of a minute that is still to come, on every screen and in Markdown."""
    snapshot, end = MIDDLE.snapshot, NOW + minutes * MINUTE
    assert snapshot is not None
    canvas, report = Canvas(120, UNICODE), StatusReport(snapshot, not_before=end)
    listed = TargetsReport(snapshot.fetched_at, (TargetRow("wave2", snapshot.job_id, snapshot, end),))
    live = Text(" ".join(words for _, words in times(sorted_view(replace(MIDDLE, not_before=end)), NOW)))
    for drawing in (table_view(report, canvas), live, Text(next(islice(markdown_lines(report), 2, None)))):
        assert ("not before" in drawn(drawing, canvas, color=False)) is shown
    assert ("NOT BEFORE" in drawn(table_view(listed, canvas), canvas, color=False)) is shown


@pytest.mark.parametrize("width", [80, 120])
def test_clocks_stand_still_in_an_outage(width: int) -> None:
    """When an outage is noticed, no clock goes back to the last reading, and none goes on."""
    canvas, view = Canvas(width, UNICODE, 24), expecting(57)
    outage = NoAnswer(NOW - 4000, "unreachable", "failed (503)", NOW + 8000, noticed=NOW)

    def clocks(view: View, now: Millis) -> list[str]:
        text = drawn(frame(sorted_view(view), [], now, canvas), canvas, color=False)
        return re.findall(r"^(?:\d+h \d+m|● \S+ +\d+m \d+s)", text, re.MULTILINE)

    before = clocks(view, NOW)
    assert len(before) > 2
    assert clocks(replace(view, outage=outage), NOW) == before
    assert clocks(replace(view, outage=outage), NOW + 90_000) == before
