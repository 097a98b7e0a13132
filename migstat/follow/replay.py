"""Replays the events of a record: what each node went through, and when no watch was looking.

The record was written by a program that may be killed at any moment, and resumed hours later. So nothing in it is taken
for granted: an outage or a watch without an end ends with the last line that was written, and a stamp of the API counts
only if it can be a time at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec
from msgspec.structs import replace

from migstat.errors import UsageError
from migstat.model.events import Condition, End, LateReason, PhaseSeen
from migstat.model.nights import Gap, Night, Silence, Span, Watched
from migstat.model.nodes import MIGRATE, Level, Millis, Node, Phase, State, happened, instant
from migstat.model.verdict import Reason, Verdict

MOST_PHASES = 32
"""Maximum number of phases of one node: names that contain a counter must not fill the memory either."""

UNSEEN: Millis = 120_000
"""Longest time between the start of a node and the first sight of its first phase: the widest gap between polls."""

SHORTEST_GAP: Millis = 30_000
"""A watch that was resumed within half a minute missed nothing."""

AFTER: Millis = 30_000
"""Maximum time between the line that ends an outage or a gap and those of what the next reading has found."""


# gc=False: the garbage collector need not visit the thousands of objects that a long record is decoded into


class RecordedProgress(msgspec.Struct, gc=False):
    """The part of a progress event that is read back."""

    level: Level
    at: str = ""
    percent: float | None = None
    progress: tuple[Phase, ...] = ()


class RecordedNode(msgspec.Struct, rename="camel", gc=False):
    """The part of a node that is read back."""

    level: Level = ()
    status: str | None = None
    outcome: str | None = None
    message: str | None = None
    started_at: str | None = None
    last_updated_at: str | None = None
    percent: float | None = None
    progress: tuple[Phase, ...] = ()
    children: tuple[RecordedNode, ...] | None = None

    @property
    def reading(self) -> Condition:
        """Status and outcome."""
        return Condition(self.status, self.outcome)


class RecordedEvent(RecordedNode, rename="camel", gc=False):
    """The part of a line that is read back; a change is about the node that it is. Other keys are skipped undecoded."""

    event: str = ""
    kind: str = ""
    at: str = ""
    fetched_at: str = ""
    job_id: str | None = None
    job_name: str | None = None
    destination: str | None = None
    task_id: str | None = None
    task_type: str | None = None
    scope: str | None = None
    missing: tuple[str, ...] = ()
    verdict: Verdict | None = None
    reasons: tuple[Reason, ...] = ()
    exit_code: int | None = None
    code: str = ""
    outage_seconds: float = 0
    gap_seconds: float | None = None
    deadline: str = ""
    reason: str = ""
    to: RecordedNode | None = None
    node: RecordedNode | None = None
    projects: tuple[RecordedNode, ...] = ()


class Track(msgspec.Struct, gc=False):
    """A node's run so far. `phase` is the name of the current one if there is just one: the usual case, kept cheap."""

    reading: Condition
    under_way: bool = False
    message: str | None = None
    started: Millis | None = None
    start_exact: bool = True
    ended: Millis | None = None
    end_exact: bool = True
    phases: dict[str, tuple[Millis, Millis | None]] = {}
    phase: str | None = None
    last: RecordedProgress | None = None

    def take(self, node: RecordedNode, reading: Condition, at: Millis | None, before: Millis | None) -> None:
        """Take in a reading, made `at` the time of the line; a gap in the watch began at `before`."""
        state = reading.state
        was_under_way, self.under_way = self.under_way, not state.ended
        self.reading, self.message = reading, node.message
        if state is State.PENDING:
            return
        # The API's stamps are exact, but may be absent, or not times at all. The time of the line, at most a poll too
        # late, is second best; of a node first seen after its end it says nothing of the start.
        if (started := _stamp(node.started_at, at)) is not None:
            if self.started is not None and started > self.started:  # again, in a gap or faster than the polls
                self.phases = {name: times for name, times in self.phases.items() if times[0] >= started}
            self.started, self.start_exact = started, True
        elif self.started is None and not state.ended:
            self.started, self.start_exact = at, False
        if self.ended is not None and self.ended < (self.started or 0):
            self.ended = None  # the start was taken back after it, so one of the two was wrong
        if node.percent is not None or node.progress:
            self.last = RecordedProgress(node.level, "", node.percent, node.progress)
            self.take_phases(at, before)
        if state.ended and (self.ended is None or not self.end_exact):
            ended = _stamp(node.last_updated_at, at)
            if ended is not None and ended >= (self.started or 0):
                self.ended, self.end_exact = ended, True
            elif self.ended is None and (was_under_way or self.started is not None) and at is not None:
                self.ended, self.end_exact = max(at, self.started or 0), False

    def take_phases(self, at: Millis | None, before: Millis | None = None) -> None:
        """Note which phases are under way; one that is not ended at the last sight of it before a gap, else now."""
        names = [phase.name for phase in self.last.progress if phase.name] if self.last else []
        if not names or at is None or self.ended is not None:
            return
        self.phase = names[0] if len(names) == 1 else None
        for name, (begun, to) in self.phases.items():
            if name not in names and to is None:
                self.phases[name] = (begun, max(begun, at if before is None else before))
        for name in names[:MOST_PHASES]:
            if name in self.phases or len(self.phases) < MOST_PHASES:
                self.phases[name] = (self.phases.get(name, (at, None))[0], None)

    def span(self, level: Level, unseen: Sequence[Gap]) -> Span:
        """All of the run; what happened in an `unseen` time, or was found by the first reading after it, is inexact."""
        phases = [PhaseSeen(name, begun, to) for name, (begun, to) in self.phases.items()]
        began, end = self.started, self.ended
        if (
            phases
            and began is not None
            and phases[0].begun - began <= UNSEEN
            # a phase first seen after a gap may have followed others
            and not any(began < gap.to and gap.since < phases[0].begun for gap in unseen)
        ):
            phases[0] = replace(phases[0], begun=began)
        if end is not None:
            phases = [phase if phase.to is not None else replace(phase, to=max(phase.begun, end)) for phase in phases]
        for at, phase in enumerate(phases):
            times = [time for time in (phase.begun, phase.to) if time is not None]
            if any(gap.since <= time <= gap.to + AFTER for time in times for gap in unseen):
                phases[at] = replace(phase, exact=False)
        node = Node(level, self.reading.status, self.reading.outcome)
        return Span(
            level=level,
            state=node.state,
            status=node.status,
            outcome=node.outcome,
            message=self.message,
            started=began,
            ended=end,
            exact=self.start_exact and self.end_exact,
            phases=tuple(phases),
            percent=self.last.percent if self.last else None,
            progress=self.last.progress if self.last else (),
        )


class Replay:
    """Replays the events: what a resumed watch need not repeat, and when each node began and ended.

    Each watch begins with a snapshot, but only the first one counts as reported. A later one shows how things stand,
    and the changes that led there come after it: if a crash cuts them off, the next watch must report them.
    """

    def __init__(
        self, source: str, job_id: str | None = None, task_id: str | None = None, *, resumes: bool = False
    ) -> None:
        self.empty = True
        self._source = source
        self._resumes = resumes
        self._head = RecordedEvent(job_id=job_id, task_id=task_id)
        self._scope = "projects"
        self._readings: dict[Level, Condition] = {}
        self._stalled: set[Level] = set()
        self._late: dict[LateReason, Millis] = {}
        self._tracks: dict[Level, Track] = {}
        self._watches: list[Watched] = []
        self._since: Millis | None = None
        self._outages: list[Silence] = []
        self._gaps: list[Gap] = []
        self._last = ""
        self._last_instant: Millis = 0
        self._summed_up: RecordedEvent | None = None
        self._end: RecordedEvent | None = None
        self._has_snapshot = False

    def add(self, event: RecordedEvent) -> bool:
        """Take in a line; False if it is unknown. Raises UsageError if it is about another task."""
        if not event.event:
            return self._take_document(event)
        if not self._take_event(event):
            return False
        self.empty = False
        self._last, at = event.at or self._last, instant(event.at)
        self._last_instant = at or self._last_instant
        ends = event.event in _ENDS
        if self._since is None:
            self._since = at
            self._end = event if ends else None
        if ends:
            self._close_watch(End(event.event))
        return True

    def add_progress(self, event: RecordedProgress) -> None:
        """Take in progress, quickly: only a new phase takes more than a look."""
        self._last = event.at or self._last
        if self._stalled:
            self._stalled.discard(event.level)
        track = self._tracks.get(event.level)
        if track is not None:
            track.last = event
            phases = event.progress
            if len(phases) != 1 or phases[0].name != track.phase:
                track.take_phases(instant(event.at))
        if self._since is None:
            self._since, self._end, self.empty = instant(event.at), None, False

    def _take_event(self, event: RecordedEvent) -> bool:
        at = instant(event.at)
        now = at or self._now
        match event.event:
            case "snapshot":
                self._take_snapshot(event)
            case "change":
                self._readings[event.level] = reading = event.to.reading if event.to else Condition(None, None)
                self._stalled.discard(event.level)
                self._take(event, reading, at)
            case "stalled":
                self._stalled.add(event.level)
            case "outage" if now:  # else its time was damaged, and no line before it has one
                self._outages.append(Silence(now, None, event.code, event.message or ""))
            case "recovered" if now:
                self._end_outage(now, event.outage_seconds)
            case "late" if (deadline := instant(event.deadline)) is not None:
                self._late["passed" if event.reason == "passed" else "estimate"] = deadline
            case "alive":
                self._summed_up = event
                self._gaps.append(Gap(self._before(now, event.gap_seconds or 0), now))
            case "progress":  # with its keys in another order or with spaces, as jq may have left it
                self.add_progress(RecordedProgress(event.level, event.at, event.percent, event.progress))
            case _ if event.event in _ENDS:
                self._summed_up = self._end = event
            case _:
                return False
        return True

    def night(self, skipped: int, first: int) -> Night:
        """All that was read, with one warning about all skipped lines: a crash cuts one, a bad disk any number."""
        warnings: tuple[str, ...] = ()
        if skipped:
            lines = f"line {first} is" if skipped == 1 else f"{skipped:,} lines are"
            where = "" if skipped == 1 else f", first line {first}"
            warnings = (f"{self._source}: {lines} truncated, corrupt or unknown{where}; skipped",)
        end, last, head = self._end, self._summed_up or RecordedEvent(), self._head
        as_of = self._now or None
        open_watch = () if self._since is None else (Watched(self._since, max(self._since, self._now), None),)
        watches = (*self._watches, *open_watch)
        gaps = self._gaps + [Gap(before.to, after.since) for before, after in pairwise(watches)]
        gaps = sorted((gap for gap in gaps if gap.to - gap.since >= SHORTEST_GAP), key=lambda gap: gap.since)
        unseen = [*gaps, *(Gap(outage.since, outage.to or self._now) for outage in self._outages)]
        unseen = [each for each in unseen if each.to - each.since >= SHORTEST_GAP]
        spans = {level: track.span(level, unseen) for level, track in self._tracks.items()}
        for name in last.missing:
            level = (*MIGRATE, self._scope, name)
            if level not in spans or spans[level].status is None:
                spans[level] = Span(level=level, state=State.MISSING)
        verdict = last.verdict or Verdict.PENDING
        if end is None and self._since is not None:  # the last verdict is older than what has changed since
            root = spans.get(())
            begun = any(span.state not in (State.PENDING, State.MISSING) for span in spans.values())
            failed = root is not None and root.state is State.FAILED
            verdict = Verdict.FAILED if failed else Verdict.RUNNING if begun else Verdict.PENDING
        night = Night(
            job_id=head.job_id,
            job_name=head.job_name,
            destination=head.destination,
            task_id=head.task_id,
            task_type=head.task_type,
            spans=spans,
            watches=watches,
            outages=tuple(self._outages),
            gaps=tuple(gaps),
            verdict=verdict,
            reasons=last.reasons,
            exit_code=end.exit_code if end else None,
            missing=last.missing,
            as_of=as_of,
            readings=self._readings,
            stalled=frozenset(self._stalled),
            late=self._late,
            warnings=warnings,
        )
        if (ended := night.ended) is not None:  # what came after the end was not missed
            clipped = (replace(gap, to=min(gap.to, ended)) for gap in gaps)
            night = replace(night, gaps=tuple(gap for gap in clipped if gap.to - gap.since >= SHORTEST_GAP))
        return night

    @property
    def _now(self) -> Millis:
        """The time of the last event that has one; 0 if none has."""
        return instant(self._last) or self._last_instant

    def _take_head(self, event: RecordedEvent) -> None:
        """Raises UsageError if this is about another job or task than what came before."""
        known = self._head
        for kind, new, old in (("job", event.job_id, known.job_id), ("task", event.task_id, known.task_id)):
            if old is not None and new != old:
                found = f"records {kind} {new}" if self._resumes else f"records two {kind}s, {old} and {new}"
                raise UsageError(f"{self._source} {found}", "Use another file for this task.")
        self._head, self._scope = event, event.scope or self._scope
        if event.task_id is None:
            event.task_id = known.task_id

    def _take_snapshot(self, event: RecordedEvent) -> None:
        self._take_head(event)
        at, before = instant(event.at), self._now or None
        if self._since is not None:
            self._close_watch(None)
        self._summed_up, self._end = event, None
        for node in _flat(event.node) if event.node is not None else ():
            if not self._has_snapshot:
                self._readings.setdefault(node.level, node.reading)
            self._take(node, node.reading, at, before)
        self._has_snapshot = self._has_snapshot or event.node is not None
        event.node = None  # or the tree would stay in memory as long as the head does

    def _take_document(self, event: RecordedEvent) -> bool:
        if event.kind != "projects" or self._resumes or not self.empty:
            return False
        self._take_head(event)
        self.empty, self._summed_up, self._last = False, event, event.fetched_at
        for node in event.projects:
            self._take(node, node.reading, instant(event.fetched_at))
        for track in self._tracks.values():
            track.phases.clear()  # a document tells which phases are under way, but not since when
        event.projects = ()
        return True

    def _close_watch(self, end: End | None) -> None:
        """End the watch with the last line, and so an outage that it saw no end of."""
        if self._since is not None:
            self._watches.append(Watched(self._since, max(self._since, self._now), end))
        self._since = None
        if self._outages and self._outages[-1].to is None:
            self._end_outage(self._now, 0)

    def _end_outage(self, at: Millis, seconds: float) -> None:
        if not self._outages or self._outages[-1].to is not None:  # the line that began it was damaged
            self._outages.append(Silence(at, None, "", ""))
        last = self._outages.pop()
        # the outage began when the last answer was missed, a little before it was reported; if its end says how long it
        # lasted, that counts, as the computer's clock may have been set meanwhile
        before = self._before(at, seconds)
        self._outages.append(replace(last, since=before if seconds > 0 else min(last.since, before), to=at))

    def _before(self, at: Millis, seconds: float) -> Millis:
        """The time so many seconds before another, but not before the watch; a damaged line may have any number."""
        return int(min(max(at - seconds * 1000, at if self._since is None else self._since), at))

    def _take(self, node: RecordedNode, reading: Condition, at: Millis | None, before: Millis | None = None) -> None:
        """Take in a reading of a node, which may begin with it, or begin again."""
        track = self._tracks.get(node.level)
        if track is None and reading.status is None and reading.outcome is None:
            return  # a level that only has children, or a missing node
        if track is None or (track.ended is not None and not reading.state.ended):
            self._tracks[node.level] = track = Track(reading)
        track.take(node, reading, at, before)


_ENDS = frozenset(End)


def _flat(node: RecordedNode) -> Iterator[RecordedNode]:
    yield node
    for child in node.children or ():
        yield from _flat(child)


def _stamp(text: str | None, seen: Millis | None) -> Millis | None:
    """The time of a stamp that was `seen` at some time; None if it is not a time, or lies too far in the future."""
    at = instant(text)
    return at if seen is None else happened(at, seen)
