"""A recorded night in words: what its table, its page and Markdown say alike."""

from __future__ import annotations

from collections.abc import Iterator

from migstat.model.events import NoAnswer
from migstat.model.nights import Night, Span, TimelineReport
from migstat.model.nodes import Millis, Node, State
from migstat.model.verdict import Reason
from migstat.render.heading import REASONS, Heading
from migstat.render.log import cause_of
from migstat.render.text import absolute, duration, harmless, local_of, local_time, span_of_time, zone
from migstat.render.theme import UNICODE, state_words

MINUTE: Millis = 60_000
DAY = 24 * 60 * MINUTE


def night_heading(night: Night) -> Heading:
    """The verdict, name and destination."""
    name = harmless(night.job_name or f"job {night.job_id or 'unknown'}")
    return Heading(state=State(night.verdict), word=night.verdict, name=name, destination=night.destination)


def when_words(report: TimelineReport, *, in_full: bool = False) -> list[str]:
    """Start and end, duration, and that of the rehearsal: `Sat 28 Nov 22:03 to Sun 00:21 CET`, `2h 18m`.

    If the record does not tell that, when it was last seen. `in_full` with dates and zones for readers on another
    day, and with what a filter let through.
    """
    night = report.night
    began, ended, as_of = local_of(night.started), local_of(night.ended), local_of(night.as_of)
    if in_full:
        since, to, now = absolute(night.started), absolute(night.ended), absolute(night.as_of)
        span = f"{since} to {to}" if since and to else f"started {since}" if since else f"ended {to}" if to else ""
    else:
        span, now = "", ""
        if began is not None:
            span = f"{began:%a} {began.day} {began:%b %H:%M}"
            if ended is not None:
                span += ("" if zone(ended) == zone(began) else f" {zone(began)}") + " to "
                span += f"{'' if ended.date() == began.date() else f'{ended:%a} '}{ended:%H:%M}"
            span += f" {zone(ended or began)}"
        elif ended is not None:
            span = f"ended {ended:%a} {ended.day} {ended:%b %H:%M} {zone(ended)}"
        if as_of is not None:
            day = "" if began is not None and as_of.date() == began.date() else f"{as_of:%a} "
            now = f"{day}{as_of:%H:%M}{'' if began is not None else f' {zone(as_of)}'}"
    rehearsal = report.against.elapsed_seconds if report.against is not None else None
    parts = [
        span,
        duration(night.elapsed_seconds),
        f"as of {now}" if now and not (night.over and span) else "",
        f"rehearsal {duration(rehearsal)}" if rehearsal is not None else "",
        f"{len(report.rows)} of {len(report.nodes)}: {report.filtered}" if in_full and report.filtered else "",
    ]
    return [part for part in parts if part]


def elapsed_words(span: Span, night: Night) -> str:
    """How long a node took, with a `~` if only polls saw it begin or end."""
    elapsed = night.elapsed_of(span)
    return "" if elapsed is None else f"{'' if span.exact else '~'}{duration(elapsed)}"


def difference_words(seconds: int | None) -> str:
    """`+9m 05s`, `-12s`, `+1h 02m`; empty if unknown."""
    if seconds is None:
        return ""
    return f"{'-' if seconds < 0 else '+'}{duration(abs(seconds))}"


def summary_of_night(report: TimelineReport) -> Iterator[tuple[str, str]]:
    """The summary below the bars, as labels and words: the slowest, the phases, and the watches."""
    night = report.night
    slowest = []
    for span in report.slowest[:3]:
        more = difference_words(report.difference(span))
        slowest.append(f"{harmless(span.name)} {elapsed_words(span, night)}" + (f" ({more})" if more else ""))
    if slowest:
        yield "slowest", ", ".join(slowest)
    phases = report.phases
    if whole := sum(phases.values()):
        shares = [f"{harmless(name)} {seconds * 100 / whole:.0f} %" for name, seconds in phases.items()]
        more = f", +{len(shares) - 6} more" if len(shares) > 6 else ""
        yield "phases", f"{', '.join(shares[:6])}{more} of project time{' watched' if night.unseen else ''}"
    if night.watches:
        yield "watched", "; ".join(_watched(night))


def _watched(night: Night) -> Iterator[str]:
    count = len(night.watches)
    yield f"by {count} watch{'es' if count > 1 else ''}"
    now, first = night.as_of or 0, night.watches[0].since
    if night.started is not None and first - night.started >= MINUTE:
        yield f"not watched before {_when(first, first, night)}"
    gaps = [_when(gap.since, gap.to, night) for gap in night.gaps]
    if gaps:
        yield f"not watched {', '.join(gaps[:3])}" + (f", +{len(gaps) - 3} more" if len(gaps) > 3 else "")
    if outages := night.outages:
        lasted = sum(max(0, (outage.to or now) - outage.since) for outage in outages) / 1000
        causes = dict.fromkeys(cause_of(NoAnswer(outage.since, outage.code, outage.message, 0)) for outage in outages)
        reasons = ", ".join([*filter(None, causes)][:2])
        often = "one outage" if len(outages) == 1 else f"{len(outages)} outages"
        yield f"{often}, {duration(lasted)}{f' ({harmless(reasons)})' if reasons else ''}"


def _when(since: Millis, to: Millis, night: Night) -> str:
    """A time, or a span of time, with the date after the first day."""
    begun = since if night.started is None or since - night.started < DAY else night.started
    return local_time(since, begun) if since == to else span_of_time(since, to, begun)


def columns_for_people(report: TimelineReport) -> tuple[str, ...]:
    """The columns of `row_for_people`; the difference needs a rehearsal."""
    return ("name", "state", "from", "to", "elapsed", *(("+/-",) if report.against else ()), "phases", "message")


def row_for_people(span: Span, report: TimelineReport) -> tuple[str, ...]:
    """A node in words. Times have a date unless they are of the day on which the night began, a zone if it changes."""
    night, day = report.night, report.night.started or 0
    zoned = zone(day) != zone(night.ended or night.as_of or day)
    node = Node(span.level, span.status, span.outcome, missing=span.state is State.MISSING)
    phases = (
        f"{phase.name} {'' if phase.exact else '~'}"
        f"{duration(max(0, (phase.to or night.as_of or phase.begun) - phase.begun) / 1000)}"
        for phase in span.phases
    )
    return (
        span.name,
        f"{UNICODE.states[span.state]} {state_words(node)}",
        local_time(span.started, day, zoned=zoned),
        local_time(span.ended, day, zoned=zoned),
        elapsed_words(span, night),
        *((difference_words(report.difference(span)),) if report.against else ()),
        ", ".join(phases),
        span.message or "",
    )


def failures(report: TimelineReport, most: int = REASONS) -> list[tuple[str, str]]:
    """Names and messages of the first failures, or else of why the task failed, and how many more there are."""
    found = [
        Reason(span.level, span.state, span.outcome, span.message)
        for span in report.nodes
        if span.state is State.FAILED or (span.state is State.MISSING and report.counts_missing)
    ]
    root = report.night.root
    found = found or [reason for reason in report.night.reasons if reason.state is State.FAILED]
    if not found and root is not None and root.state is State.FAILED:
        found = [Reason((), root.state, root.outcome, root.message)]
    named = [
        (harmless(reason.level[-1] if reason.level else ""), harmless(reason.text).strip()) for reason in found[:most]
    ]
    return [*named, *([("", f"+{len(found) - most} more")] if len(found) > most else [])]
