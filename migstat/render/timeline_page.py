"""A recorded night as a page of its own: what to read, and what to show, on the morning after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migstat.model.nights import Span, TimelineReport
from migstat.model.nodes import Millis, State
from migstat.render.html import Markup, mark, page, tag
from migstat.render.night_words import (
    columns_for_people,
    failures,
    night_heading,
    row_for_people,
    summary_of_night,
    when_words,
)
from migstat.render.theme import UNICODE
from migstat.render.timeline import Axis, axis_of

CELLS = 1000
"""A bar is as precise as a thousandth of the axis."""

BAR = 2
"""The column of the bars: behind name and state."""

LAST_MARK = 86
"""Percent of the axis after which no mark begins: its words would run into the next column."""

LETTER = 1.5
"""Percent of a wide axis that a letter of a mark takes; a narrow one leaves out every other mark."""

SHADES = 4
"""Shades of a bar, which the phases take in turn."""


def timeline_page(report: TimelineReport) -> str:
    """The page: verdict and times, what failed, bars of all nodes, and the summary."""
    night = report.night
    heading = night_heading(night)
    phases = {name: f"phase{at % SHADES}" for at, name in enumerate(report.phase_names)}
    axis = axis_of(report, 100, letter=LETTER)
    marks = (tag("text", words, x=f"{cell}%", y="1em") for cell, words in axis.marks if cell <= LAST_MARK)
    head = [tag("th", name, class_=_class(name)) for name in columns_for_people(report) if name != "phases"]
    head.insert(BAR, tag("th", tag("div", tag("svg", *marks), class_="axis"), class_="bar"))
    fine = Axis(axis.since, axis.to, CELLS)
    rows = (tag("tr", *_cells(span, report, fine, phases)) for span in report.rows)
    states = [state for state in State if any(span.state is state and span.started is not None for span in report.rows)]
    legend = [tag("li", *_swatches(shade, states), Markup(" "), name) for name, shade in phases.items()]
    legend.append(tag("li", *_swatches("unphased", states), " no phases"))
    legend.append(tag("li", *_swatches("unseen", states[:1]), " not watched"))
    summary = (tag("dt", label) + tag("dd", words) for label, words in summary_of_night(report))
    failed = (
        tag("li", *((mark(State.FAILED, name), Markup(" ")) if name else ()), words)
        for name, words in failures(report, 50)
    )
    return page(
        f"{heading.word}: {heading.title(UNICODE)}",
        tag("h1", mark(heading.state, heading.word), Markup(" "), heading.title(UNICODE)),
        tag("p", " · ".join(when_words(report, in_full=True)), class_="quiet"),
        tag("ul", *failed, class_="failures"),
        tag("dl", *map(Markup, summary)),
        tag("ul", *legend, class_="legend quiet"),
        tag("table", tag("thead", tag("tr", *head)), tag("tbody", *rows)),
        style=STYLE,
    )


def _cells(span: Span, report: TimelineReport, axis: Axis, phases: dict[str, str]) -> Iterator[str]:
    for at, (name, words) in enumerate(zip(columns_for_people(report), row_for_people(span, report), strict=True)):
        if name == "phases":  # which the bar shows
            continue
        if at == BAR:
            yield tag("td", tag("svg", *_bar(span, report, axis, phases), class_=span.state, aria_hidden="true"))
        yield tag("td", words, class_=f"state {span.state}" if name == "state" else _class(name))


def _bar(span: Span, report: TimelineReport, axis: Axis, phases: dict[str, str]) -> Iterator[str]:
    """The parts of a bar, each over the one before: the whole, its phases, and the gaps without a watch."""
    night = report.night
    end = span.ended if span.state.ended else night.as_of
    if span.started is None or end is None:
        return
    yield _part(span.started, end, axis, "unphased")
    for phase in span.phases:  # by the clock of the watch, which may be behind that of the API
        since, to = max(phase.begun, span.started), min(phase.to or end, end)
        if since <= to:
            yield _part(since, to, axis, phases.get(phase.name, "unphased"))
    if span.phases:
        for gap in night.unseen:
            if gap.since < end and gap.to > span.started:
                yield _part(max(gap.since, span.started), min(gap.to, end), axis, "unseen")


def _part(since: Millis, to: Millis, axis: Axis, class_: str) -> Markup:
    first = axis.cell(since)
    width = max(axis.cell(to) - first, 3)  # what took seconds of a night must still be seen
    return tag("rect", x=f"{first / 10:g}%", width=f"{width / 10:g}%", class_=class_)


def _swatches(shade: str, states: Sequence[State]) -> Iterator[Markup]:
    """A shade in the colors that bars of these states have, over the whole bar as there."""
    shades = dict.fromkeys(("unphased", shade))
    for state in states:
        rects = (tag("rect", width="100%", class_=each) for each in shades)
        yield tag("svg", *rects, class_=f"swatch {state}", aria_hidden="true")


def _class(column: str) -> str:
    return {"from": "number when", "to": "number when", "elapsed": "number", "+/-": "number"}.get(column, column)


STYLE = """
table { width: 100%; margin-top: 1rem; font-size: .85rem }
th, td { padding: .15rem .6rem .15rem 0; vertical-align: top; border-bottom: 1px solid var(--line) }
.bar { width: 34% } td svg { width: 100%; height: 1em; display: block; min-width: 10rem }
.axis { container-type: inline-size; font-weight: 400; font-size: .8rem }
.axis svg { width: 100%; height: 1.3em; display: block; overflow: visible; fill: var(--quiet) }
@container (max-width: 23rem) { .axis text:nth-child(even) { display: none } }
@container (max-width: 12rem) { .axis text:nth-child(4n + 3) { display: none } }
rect { fill: currentColor; height: 100% }
.unphased { opacity: .55 } .phase0 { opacity: .3 } .phase1 { opacity: .6 } .phase2 { opacity: 1 }
.phase3 { opacity: .8 }
rect.unseen { fill: var(--line); opacity: 1 }
svg.succeeded, svg.warning, svg.failed, svg.running, svg.skipped { fill: currentColor }
.legend { display: flex; flex-wrap: wrap; gap: 0 1.2rem } .swatch { width: 1.4em; height: .8em }
.number, .state, .name { white-space: nowrap } .name { max-width: 14em; overflow: hidden; text-overflow: ellipsis }
.message { min-width: 15em }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .8rem 0 } dd { margin: 0 }
dt { color: var(--quiet) }
@media (max-width: 72rem) { .when { display: none } .message { min-width: 10em } }
@media (max-width: 60rem) { .message { display: none } }
@media (max-width: 45rem) { .state { display: none }
  .name { max-width: 6em } td svg { min-width: 4rem } }
"""
