"""The axis and the bars of a night, as pure functions."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from msgspec.structs import replace

from migstat.model.events import PhaseSeen
from migstat.model.nights import Gap, Night, Silence, Span, timeline_report
from migstat.model.nodes import Level, Millis, State
from migstat.render.drawing import Canvas, fitted
from migstat.render.night_words import difference_words, row_for_people, summary_of_night, when_words
from migstat.render.theme import UNICODE
from migstat.render.timeline import ASCII_SIGNS, Axis, axis_of, bar_of, timeline_view
from migstat.render.timeline_page import timeline_page

pytestmark = pytest.mark.zone("Europe/Berlin")

LEVEL = ("migrate", "projects", "ERP")


def at(text: str) -> Millis:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("since", "to", "cells", "marks"),
    [
        ("2026-11-28T22:03+01:00", "2026-11-29T00:21+01:00", 48, "22:00@0 22:30@10 23:00@20 23:30@30 00:00@40"),
        ("2026-10-25T01:30+02:00", "2026-10-25T04:30+01:00", 50, "01:00 CEST@0 02:00 CET@22 03:00@33 04:00@44"),
        ("2026-10-24T20:00+02:00", "2026-10-25T08:00+01:00", 50, "18:00 CEST@0 00:00@20 03:00 CET@33"),
        ("2027-03-28T00:10+01:00", "2027-03-28T05:10+02:00", 50, "00:00 CET@0 01:00@12 03:00 CEST@24 04:00@36"),
        ("2026-11-27T20:00+01:00", "2026-11-29T10:00+01:00", 50, "12:00@0 28 Nov@13 12:00@26 29 Nov@39"),
        ("2026-11-01T23:50+01:00", "2026-11-28T23:50+01:00", 60, "1 Nov@0 8 Nov@15 15 Nov@30 22 Nov@45"),
        ("2026-11-28T23:50+01:00", "2026-11-28T23:50+01:00", 60, "23:50@0"),
    ],
)
def test_marks_are_round_local_times(since: str, to: str, cells: int, marks: str) -> None:
    """Marks say the time of the clock on the wall where they stand, across midnight and when the clocks change."""
    span = Span(level=LEVEL, state=State.SUCCEEDED, started=at(since), ended=at(to))
    axis = axis_of(timeline_report(Night(spans={LEVEL: span}, as_of=at(to)), None), cells)
    assert " ".join(f"{words}@{cell}" for cell, words in axis.marks) == marks


@pytest.mark.parametrize(
    ("since", "to", "times"),
    [
        ("2026-10-25T02:30+02:00", "2026-10-25T02:10+01:00", ("02:30 CEST", "02:10 CET")),
        ("2026-11-28T22:03+01:00", "2026-11-29T00:21+01:00", ("22:03", "29 Nov 00:21")),
    ],
)
def test_a_row_has_zones_in_a_night_in_which_clocks_change(since: str, to: str, times: tuple[str, str]) -> None:
    """In Markdown and on the page a node does not end before it began."""
    root, span = (Span(level=level, state=State.SUCCEEDED, started=at(since), ended=at(to)) for level in ((), LEVEL))
    night = Night(spans={(): root, LEVEL: span}, as_of=at(to), exit_code=0)
    assert row_for_people(span, timeline_report(night, None))[2:4] == times


MINUTE = 60_000


def span_of(
    started: int | None, ended: int | None, *phases: tuple[str, int, int | None], state: str = "succeeded"
) -> Span:

    def minutes(count: int | None) -> Millis | None:
        return None if count is None else count * MINUTE

    seen = tuple(PhaseSeen(name, begun * MINUTE, minutes(to)) for name, begun, to in phases)
    return Span(level=LEVEL, state=State(state), started=minutes(started), ended=minutes(ended), phases=seen)


@pytest.mark.parametrize(
    ("span", "bar"),
    [
        (span_of(20, 60), "  ++++"),
        (span_of(20, 21), "  +"),
        (span_of(20, 60, ("a", 20, 40), ("b", 40, 60)), "  --=="),
        (span_of(0, 60, ("b", 30, 60)), "+++==="),
        (span_of(60, 98, ("a", 60, 98)), "      -..-"),
        (span_of(60, 98), "      ++++"),
        (span_of(60, None, ("a", 60, None), state="running"), "      -..-"),
        (span_of(None, 50), "     "),
        (span_of(None, None), ""),
    ],
)
def test_bars_are_as_long_as_their_nodes_lasted(span: Span, bar: str) -> None:
    """A bar is made of phases, with dots for times without a watch; one without phases is whole."""
    night = Night(gaps=(Gap(70 * MINUTE, 90 * MINUTE),), as_of=100 * MINUTE)
    assert bar_of(span, night, Axis(0, 100 * MINUTE, 10), ["a", "b"], ASCII_SIGNS) == bar


@pytest.mark.parametrize(("started", "words"), [(0, "1h 00m"), (None, "as of Thu 02:00 CET")])
def test_a_night_has_some_time_in_its_heading(started: int | None, words: str) -> None:
    """A refused task may report no times at all: its record says when that was seen."""
    root = span_of(started, None if started is None else 60, state="failed")
    report = timeline_report(Night(spans={(): root}, as_of=60 * MINUTE, exit_code=1), None)
    assert when_words(report)[-1] == words


@pytest.mark.parametrize(
    ("height", "failed", "fits"),
    [(80, 4, True), (50, 4, True), (50, 20, True), (24, 4, True), (24, 8, True), (24, 20, False), (10, 4, False)],
)
def test_rows_are_folded_until_the_title_stays_on_the_screen(height: int, failed: int, fits: bool) -> None:
    """Successes and warnings are folded until everything fits above the prompt; failures never are."""
    states = [State.FAILED] * failed + [State.WARNING] * 10 + [State.SUCCEEDED] * 40
    spans: dict[Level, Span] = {
        level: Span(level=level, state=state, started=0, ended=60 * MINUTE, message="It broke.")
        for at, state in enumerate(states)
        for level in [("migrate", "projects", f"P{at}")]
    }
    report = timeline_report(Night(spans=spans, as_of=60 * MINUTE), None)
    canvas = Canvas(80, UNICODE, height)
    lines = fitted(lambda each: timeline_view(report, each), canvas, color=False, below=3).splitlines()
    assert (len(lines) + 3 <= height) is fits
    assert sum(line.startswith("✖ P") for line in lines) == failed
    rest = next((line for line in lines if "--all lists them" in line), "")
    assert rest or height == 80
    # those of a state that has rows above are not all there are
    for word, row in (("warning", "▲ P"), ("succeeded", "  P")):
        assert (f"more {word}" in rest) is (word in rest and any(line.startswith(row) for line in lines))


@pytest.mark.parametrize(
    ("silent", "gaps"),
    [
        ([(30, 60)], []),
        ([(30, 50)], [(40, 60)]),
        ([(20, 30), (52, 54)], [(50, 60), (10, 20), (-20, 0), (90, 99)]),
    ],
    ids=["an outage", "one that a gap overlaps", "several, in no order, and one within another"],
)
def test_a_time_that_nobody_watched_is_no_time_of_a_phase(
    silent: list[tuple[int, int]], gaps: list[tuple[int, int]]
) -> None:
    """The shares of the phases are of the time watched, and a phase that ended unseen is marked as approximate."""
    span = span_of(0, 90, ("export", 0, 60), ("import", 60, 90))
    span = replace(span, phases=(replace(span.phases[0], exact=False), span.phases[1]))
    outages = tuple(Silence(since * MINUTE, to * MINUTE, "x", "") for since, to in silent)
    unwatched = tuple(Gap(since * MINUTE, to * MINUTE) for since, to in gaps)
    night = Night(spans={LEVEL: span}, outages=outages, gaps=unwatched, as_of=90 * MINUTE)
    report = timeline_report(night, None)
    assert report.phases == {"export": 1800, "import": 1800}
    assert "export ~1h 00m, import 30m 00s" in row_for_people(span, report)
    assert dict(summary_of_night(report))["phases"] == "export 50 %, import 50 % of project time watched"


def night_of(*nodes: str) -> Night:
    """A night of projects that went through these phases, separated by spaces, a minute each."""
    spans: dict[Level, Span] = {}
    for number, names in enumerate(nodes):
        level = ("migrate", "projects", f"P{number}")
        phases = ((name, minute, minute + 1) for minute, name in enumerate(names.split()))
        spans[level] = replace(span_of(0, 90, *phases), level=level)
    return Night(spans=spans, as_of=90 * MINUTE)


@pytest.mark.parametrize(
    ("nodes", "rehearsal", "order"),
    [
        (("export import", "export upload", "export upload import"), None, "export upload import"),
        (("export import", "export upload", "export upload"), None, "export upload import"),
        (("import", "export"), "export upload import", "export import"),
        (("b a", "a b", "a b"), None, "a b"),
    ],
)
def test_phases_are_in_the_order_in_which_most_nodes_go_through_them(
    nodes: tuple[str, ...], rehearsal: str | None, order: str
) -> None:
    """Whichever node comes first, and whatever polls have missed, it is the order of most nodes and the rehearsal."""
    for seen in (nodes, nodes[::-1]):
        report = timeline_report(night_of(*seen), None if rehearsal is None else night_of(rehearsal))
        assert report.phase_names == [*report.phases] == order.split()


def test_a_page_says_what_it_leaves_out_and_shows_the_colors_of_its_bars() -> None:
    """The page of a filtered night counts what it shows; the legend has the colors of bars, and no mark is cut off."""
    night = night_of("export", "import")
    spans = {level: replace(span, state=State.FAILED) for level, span in night.spans.items()}
    spans["migrate", "projects", "WELL"] = span_of(0, 90)
    page = timeline_page(timeline_report(replace(night, spans=spans), None, [State.FAILED]))
    assert "2 of 3: failed" in page
    legend = page.partition('class="legend')[2].partition("</ul>")[0]
    assert set(re.findall(r'class="swatch (\w+)"', legend)) == {"failed"}
    marks = [float(cell) for cell in re.findall(r'<text x="([\d.]+)%"', page)]
    assert len(marks) > 3
    assert max(marks) <= 86


def test_a_bar_of_the_page_begins_when_its_node_did() -> None:
    """Phases are seen by another clock than the start, and one of an earlier run is not drawn at all."""
    span = span_of(30, 60, ("export", 0, 20), ("import", 20, None))
    root = replace(span_of(0, 60), level=())
    page = timeline_page(timeline_report(Night(spans={(): root, LEVEL: span}, as_of=60 * MINUTE), None))
    bar = page.partition("<tbody>")[2]
    assert re.findall(r'<rect x="([\d.]+)%" width="([\d.]+)%"', bar) == [("50", "49.9"), ("50", "49.9")]


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, ""), (0, "+0s"), (-1, "-1s"), (-92, "-1m 32s"), (725, "+12m 05s"), (-3725, "-1h 02m")]
)
def test_a_difference_is_as_exact_as_the_durations_beside_it(seconds: int | None, words: str) -> None:
    """A difference has a sign and the units of a duration."""
    assert difference_words(seconds) == words
