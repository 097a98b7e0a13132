"""A migration as recorded: when each node began and ended, and when nothing was read."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import combinations

import msgspec

from migstat.model.events import Condition, End, LateReason, PhaseSeen
from migstat.model.nodes import (
    CHECK,
    HIDDEN_LEVELS,
    LATEST_PLAUSIBLE,
    MIGRATE,
    Level,
    Millis,
    Phase,
    State,
    TaskType,
)
from migstat.model.verdict import Reason, Verdict


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One node from its start to its end, of its last run if it began again.

    `started` and `ended` are None while it has not begun or ended, or if the time is unknown; `exact` is False if
    either is the time of the poll that saw it, as the API gave none. `percent` and `progress` are the last ones seen.
    """

    level: Level
    state: State
    status: str | None = None
    outcome: str | None = None
    message: str | None = None
    started: Millis | None = None
    ended: Millis | None = None
    exact: bool = True
    phases: tuple[PhaseSeen, ...] = ()
    percent: float | None = None
    progress: tuple[Phase, ...] = ()

    @property
    def name(self) -> str:
        """The last name of the level; the root's is empty."""
        return self.level[-1] if self.level else ""

    @property
    def seconds(self) -> float | None:
        """Seconds from start to end; None unless both are known."""
        return None if self.started is None or self.ended is None else (self.ended - self.started) / 1000


class Watched(msgspec.Struct, frozen=True):
    """One watch from its first to its last recorded event; `end` is None if it was killed, or still goes on."""

    since: Millis
    to: Millis
    end: End | None


class Silence(msgspec.Struct, frozen=True):
    """An outage and its cause; `to` is None if the record ends before it does."""

    since: Millis
    to: Millis | None
    code: str
    message: str


class Gap(msgspec.Struct, frozen=True):
    """A time without polls: between two watches, or within one while it was suspended."""

    since: Millis
    to: Millis


class Night(msgspec.Struct, frozen=True, kw_only=True):
    """One task as found in a record or a `projects` document.

    `spans` holds the root and every node that has a status, or that is missing. `as_of` is the time of the last event,
    `exit_code` that of the last watch if it has ended. `readings`, `stalled` and `late` (the deadline of the last
    event for each reason) are what a watch that resumes the record need not repeat. `warnings` say what was
    skipped, one line each.
    """

    job_id: str | None = None
    job_name: str | None = None
    destination: str | None = None
    task_id: str | None = None
    task_type: str | None = None
    spans: Mapping[Level, Span] = {}
    watches: tuple[Watched, ...] = ()
    outages: tuple[Silence, ...] = ()
    gaps: tuple[Gap, ...] = ()
    verdict: Verdict = Verdict.PENDING
    reasons: tuple[Reason, ...] = ()
    exit_code: int | None = None
    missing: tuple[str, ...] = ()
    as_of: Millis | None = None
    readings: dict[Level, Condition] = {}
    stalled: frozenset[Level] = frozenset()
    late: dict[LateReason, Millis] = {}
    warnings: tuple[str, ...] = ()

    @property
    def root(self) -> Span | None:
        """The task itself; None if only a list of projects is known."""
        return self.spans.get(())

    @property
    def over(self) -> bool:
        """True if the task has ended, scopes such as `apps` too: until then bars stay open, as of `as_of`."""
        root, scopes = self.root, (span for span in self.spans.values() if len(span.level) == 2)
        # A killed watch left no exit code, so more may have happened after its last event. A document without a
        # root has only the verdict to go by.
        if root is None or self.exit_code is None:
            return root is None and self.verdict not in (Verdict.PENDING, Verdict.RUNNING)
        return root.state.ended and (root.state is State.FAILED or all(scope.state.ended for scope in scopes))

    @property
    def started(self) -> Millis | None:
        """When the task began, else the first of its nodes; None if it ran already when the first watch began.

        Check tasks report no times.
        """
        root, first_seen = self.root, self.watches[0].since if self.watches else None
        spans = [root] if root is not None and root.started is not None else self.spans.values()
        starts = (span.started for span in spans if span.exact or span.started != first_seen)
        return min((start for start in starts if start is not None), default=None)

    @property
    def ended(self) -> Millis | None:
        """When the last of task and scopes ended, else the last node; None while it goes on, or if no watch saw it."""
        ends = {span.level: span.ended for span in self.spans.values() if span.ended is not None}
        above = [end for level, end in ends.items() if len(level) <= 2] if () in ends else []
        return max(above or ends.values(), default=None) if self.over else None

    @property
    def elapsed_seconds(self) -> float | None:
        """Seconds from its start to its end, or to the last event while it goes on; None unless both are known."""
        until = self.ended if self.over else self.as_of
        return None if self.started is None or until is None else max(0, until - self.started) / 1000

    def elapsed_of(self, span: Span) -> float | None:
        """Seconds that a node took, or has been running for at the last event."""
        if span.state is not State.RUNNING or span.started is None or self.as_of is None:
            return span.seconds
        return max(0, self.as_of - span.started) / 1000

    @property
    def unseen(self) -> tuple[Gap, ...]:
        """The gaps and the outages; one without an end lasts until the last event."""
        now = self.as_of or 0
        return (*self.gaps, *(Gap(outage.since, outage.to or max(now, outage.since)) for outage in self.outages))


class TimelineReport(msgspec.Struct, frozen=True, kw_only=True):
    """A night, perhaps beside its rehearsal (`against`), and the part of it that is shown: `rows`, out of `nodes`.

    The nodes are the checks of a check task; of a migrate task `check`, scopes, projects and spaces. The summary is of
    all of them, whatever is filtered. `filtered` names the requested states.
    """

    night: Night
    against: Night | None
    nodes: tuple[Span, ...]
    rows: tuple[Span, ...]
    filtered: str = ""
    show_all: bool = False

    @property
    def folds(self) -> bool:
        """True if the bars of what is fine may be summed up."""
        return not self.show_all

    def rehearsed(self, span: Span) -> float | None:
        """Seconds that a node took in the rehearsal; None if it did not end there."""
        found = self.against.spans.get(span.level) if self.against is not None else None
        return found.seconds if found is not None else None

    def difference(self, span: Span) -> int | None:
        """Seconds that a node took longer than in the rehearsal; None for one that still may.

        Both are cut to whole seconds before, so that it fits the durations that a person sees.
        """
        elapsed, rehearsed = self.night.elapsed_of(span), self.rehearsed(span)
        if elapsed is None or rehearsed is None:
            return None
        return int(elapsed) - int(rehearsed) if span.state.ended or elapsed > rehearsed else None

    @property
    def slowest(self) -> list[Span]:
        """The nodes that took longest, projects or spaces where there are any."""
        timed = [span for span in self.nodes if self.night.elapsed_of(span)]
        timed = [span for span in timed if len(span.level) == 3] or timed  # such as migrate,projects,KEY
        return sorted(timed, key=lambda span: -(self.night.elapsed_of(span) or 0))

    @property
    def phases(self) -> dict[str, float]:
        """Seconds that all projects together were seen in each phase, in the order in which one goes through them.

        Without projects or spaces, those of all scopes.
        """
        seconds: dict[str, float] = {}
        unseen_before = _length_before(self.night.unseen)
        scopes = [span for span in self.nodes if span.level != CHECK]
        for span in [span for span in scopes if len(span.level) == 3] or scopes:
            for phase in span.phases:
                until = phase.to or self.night.as_of or phase.begun
                unseen = unseen_before(until) - unseen_before(phase.begun)
                seconds[phase.name] = seconds.get(phase.name, 0.0) + max(0, until - phase.begun - unseen) / 1000
        return {name: seconds[name] for name in self.phase_names if name in seconds}

    @property
    def phase_names(self) -> list[str]:
        """All phases, in the order in which nodes go through them: a phase comes before those it mostly precedes."""
        # The API does not say in which order phases come, and polls miss some. The rehearsal counts, as tonight's nodes
        # may not have come far yet.
        spans = [span for span in self.nodes if span.level != CHECK]
        tonight = {phase.name for span in spans for phase in span.phases}
        seen: Counter[str] = Counter()
        before: Counter[tuple[str, str]] = Counter()
        for span in (*spans, *(self.against.spans.values() if self.against is not None else ())):
            names = [*dict.fromkeys(phase.name for phase in span.phases)]
            seen.update(names)
            before.update(combinations(names, 2))

        behind: Counter[str] = Counter()  # the phases that mostly come before one, less those that it precedes
        for (first, second), count in before.items():  # and not all pairs: a phase may have the name of its project
            if count > before[second, first]:
                behind[second] += 1
                behind[first] -= 1
        # Where nothing tells two phases apart, more nodes have come to the earlier one.
        return sorted(tonight, key=lambda name: (behind[name], -seen[name], name))

    @property
    def counts_missing(self) -> bool:
        """True if what is missing went wrong by itself: the task has ended, and not before it moved anything."""
        return self.night.over and any(len(level) == 3 and span.status for level, span in self.night.spans.items())


def _length_before(gaps: Iterable[Gap]) -> Callable[[Millis], Millis]:
    """A function that tells how much of these gaps is before a time; where two of them overlap, it counts once."""
    # added up here and only looked up later, as a large migration has hundreds of thousands of phases
    begins: list[Millis] = []
    ends: list[Millis] = []
    lengths = [0]
    for gap in sorted(gaps, key=lambda gap: gap.since):
        since = max((gap.since, *ends[-1:]))
        if since < gap.to:
            begins.append(since)
            ends.append(gap.to)
            lengths.append(lengths[-1] + gap.to - since)

    def before(time: Millis) -> Millis:
        at = bisect_right(begins, time)
        return lengths[at] - (max(0, ends[at - 1] - time) if at else 0)

    return before


ORDERS = ("start", "elapsed", "name")


def timeline_report(
    night: Night, against: Night | None, states: Collection[State] = (), sort: str = "start", *, show_all: bool = False
) -> TimelineReport:
    """The rows of a night in these states, in order: by start, the longest first, or by name."""
    spans = [span for span in night.spans.values() if _is_row(span.level, night.task_type)]
    spans.sort(key=lambda span: (span.name.casefold(), span.level))
    if sort == "start":
        spans.sort(key=lambda span: span.started or span.ended or LATEST_PLAUSIBLE)
    elif sort == "elapsed":
        spans.sort(key=lambda span: -(night.elapsed_of(span) or 0))
    return TimelineReport(
        night=night,
        against=against,
        nodes=tuple(spans),
        rows=tuple(span for span in spans if not states or span.state in states),
        filtered=", ".join(state for state in State if state in states),
        show_all=show_all,
    )


def _is_row(level: Level, task_type: str | None) -> bool:
    if task_type == TaskType.CHECK:
        return len(level) == 1 if level[:1] != CHECK else len(level) == 2
    return level == CHECK or (
        level[:1] == MIGRATE and (len(level) == 2 or level[:2] in HIDDEN_LEVELS) and len(level) < 4
    )
