"""Estimates the end of a rehearsed migration: the time that the rest took then, at tonight's pace.

Pure functions of the times of the rehearsal, tonight's tree, and the time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from heapq import heapify, heapreplace

import msgspec
from msgspec.structs import replace

from migstat.model.nights import Night
from migstat.model.nodes import (
    APPS,
    CHECK,
    HIDDEN,
    HIDDEN_LEVELS,
    LATEST_PLAUSIBLE,
    MIGRATE,
    Level,
    Millis,
    Node,
    State,
    TaskType,
    match_keys,
)
from migstat.model.shape import Evidence
from migstat.model.verdict import Until

PACED_FROM = 3
"""Minimum number of nodes that must be done before their pace says anything about the rest."""

OVERTIME = 0.1
"""A node past its expected time is assumed to need this share of it again."""


class PastRun(msgspec.Struct, frozen=True):
    """A node's run in the rehearsal: `began` and `seconds` both in seconds, `began` from the task's start.

    `whole` is False if it failed or never ended: then it takes at least this long.
    """

    began: float
    seconds: float
    whole: bool = True


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """The times of a rehearsal: of its projects or spaces, its scopes (with `check` among them), and its checks.

    `usual` is the median of the projects in seconds, `lanes` how many of them ran at a time, `offset` when the first
    one began, in seconds from the task's start.
    """

    work: Mapping[str, PastRun] = {}
    scopes: Mapping[str, PastRun] = {}
    checks: Mapping[str, PastRun] = {}
    usual: float = 0.0
    lanes: int = 1
    offset: float = 0.0


class Estimate(msgspec.Struct, frozen=True):
    """When the task will have ended, in epoch milliseconds, and tonight's pace: seconds over those of the rehearsal.

    `end` is None if nothing that is left was rehearsed, `pace` while too little is done to tell.
    """

    end: Millis | None = None
    pace: float | None = None


def rehearsal_of(night: Night) -> Rehearsal:
    """Sort out the times of a recorded task; a check task takes as long as the `check` of a migration would."""
    times = dict(_took(night))
    work = {level[-1]: took for level, took in times.items() if len(level) == 3 and level[:-1] in HIDDEN_LEVELS}
    checking = night.task_type == TaskType.CHECK
    # a check without times still counts as rehearsed, by its name
    checks = {
        level[-1]: times.get(level, PastRun(0, 0, whole=False))
        for level in night.spans
        if level[:-1] == CHECK or (checking and len(level) == 1 and level != CHECK)
    }
    scopes = {level[-1]: took for level, took in times.items() if level == CHECK or level[:-1] == MIGRATE}
    if checking and () in times:
        scopes["check"] = times[()]
    seconds = sorted([took.seconds for took in work.values() if took.whole] or [took.seconds for took in work.values()])
    usual = seconds[len(seconds) // 2] if seconds else 0.0
    return Rehearsal(
        # what failed then would have taken longer, and may do so tonight
        work={
            name: took if took.whole else replace(took, seconds=max(took.seconds, usual)) for name, took in work.items()
        },
        scopes=scopes,
        checks=checks,
        usual=usual,
        lanes=_lanes_of(work.values()),
        offset=min((took.began for took in work.values()), default=0.0),
    )


def _took(night: Night) -> Iterator[tuple[Level, PastRun]]:
    root = night.spans.get(())
    starts = [span.started for span in night.spans.values() if span.started is not None]
    origin = root.started if root is not None and root.started is not None else min(starts, default=0)
    for level, span in night.spans.items():
        end = night.as_of if span.ended is None else span.ended
        # nothing takes no time at all: such stamps are worthless
        if span.started is not None and end is not None and end > span.started and span.state is not State.SKIPPED:
            whole = span.ended is not None and span.state is not State.FAILED
            yield level, PastRun((span.started - origin) / 1000, (end - span.started) / 1000, whole)


def _lanes_of(work: Iterable[PastRun]) -> int:
    """The maximum that ran at once."""
    running = most = 0
    for _, step in sorted(edge for took in work for edge in ((took.began, 1), (took.began + took.seconds, -1))):
        running += step
        most = max(most, running)
    return most


def rehearsed_of(rehearsal: Rehearsal, evidence: Evidence, missing: tuple[str, ...] = ()) -> tuple[int, int]:
    """How many of tonight's projects or spaces (in a check task: checks) were rehearsed, and how many there are.

    The second is 0 while no names are known.
    """
    checking = evidence.task_type == TaskType.CHECK
    names = {leaf.name for leaf in evidence.shape.leaves}.union(() if checking else missing)
    return len(match_keys(names, rehearsal.checks if checking else rehearsal.work)), len(names)


def estimate(
    rehearsal: Rehearsal,
    evidence: Evidence,
    until: Until = Until.DONE,
    *,
    now: Millis,
    missing: tuple[str, ...] = (),
    since: Mapping[Level, Millis] = {},
    lanes: int = 0,
) -> Estimate:
    """Estimate when the watch will end, if nothing else goes wrong.

    `missing` are names of the job's scope that are not reported yet. `since` is when each running node, and the root,
    began by our clock (by default `startedAt` counts), `lanes` how many projects ran at a time lately, 0 if none did.
    """
    root, shape = evidence.root, evidence.shape
    checking = until is Until.CHECKS or evidence.task_type == TaskType.CHECK
    leaves = shape.checks if checking else shape.leaves
    rehearsed = rehearsal.checks if checking else rehearsal.work
    matched = match_keys([*(leaf.name for leaf in leaves), *missing], rehearsed)  # names may differ in case
    took: Mapping[str, PastRun] = {name: rehearsed[then] for name, then in matched.items()}
    pace = _pace(((leaf, took[leaf.name]) for leaf in leaves if leaf.name in took), now)

    def left(node: Node, seconds: float) -> float:
        expected = seconds * (pace or 1.0)
        rest = expected - _elapsed(node, since, now)
        return rest if rest > 0 else expected * OVERTIME

    age = _elapsed(root, since, now)
    ends: list[float] = []  # seconds from now
    for scope in _scopes(rehearsal, evidence, until):
        if (known := rehearsal.scopes.get(scope.name or "check")) is not None:
            begins = max(0.0, known.began - age) if scope.state is State.PENDING else 0.0
            ends.append(begins + left(scope, known.seconds))
    if not checking:
        waiting = [leaf.name for leaf in leaves if leaf.state is State.PENDING] + list(missing)
        if not leaves and not missing and _moves_projects(evidence):  # a job that moves all projects names none
            took, waiting = rehearsal.work, list(rehearsal.work)
        unknown = PastRun(math.inf, rehearsal.usual)
        runs = [left(leaf, took.get(leaf.name, unknown).seconds) for leaf in leaves if leaf.state is State.RUNNING]
        begun = lanes or any(leaf.state is not State.PENDING for leaf in leaves)
        free = 0.0 if begun else max(0.0, rehearsal.offset - age)
        # in the order of the rehearsal, as the assistant goes by an order of its own; what was not rehearsed comes last
        queue = sorted((took.get(name, unknown) for name in waiting), key=lambda took: took.began)
        at_a_time = lanes or len(runs) or rehearsal.lanes or 1
        ends += _in_lanes(runs, [took.seconds * (pace or 1.0) for took in queue], at_a_time, free=free)
    end = now + round(max(ends) * 1000) if ends else None
    # stamps that are wrong, but may be times, can lead past the end of the calendar
    return Estimate(end if end is not None and end <= LATEST_PLAUSIBLE else None, pace)


def _pace(done: Iterable[tuple[Node, PastRun]], now: Millis) -> float | None:
    """Tonight's seconds over the rehearsal's, for nodes that went well both times; None while they are too few."""
    times = [
        (seconds, took.seconds)
        for node, took in done
        if took.whole and node.state in (State.SUCCEEDED, State.WARNING)
        if (seconds := node.elapsed_seconds(now))  # stamps without a time between them are worthless
    ]
    tonight, then = sum(seconds for seconds, _ in times), sum(seconds for _, seconds in times)
    return tonight / then if len(times) >= PACED_FROM else None


def _elapsed(node: Node, since: Mapping[Level, Millis], now: Millis) -> float:
    return max(0, now - since.get(node.level, node.started_at or now)) / 1000


def _scopes(rehearsal: Rehearsal, evidence: Evidence, until: Until) -> Iterator[Node]:
    """The unfinished scopes that the watch waits for; one that is not reported yet counts as pending."""
    check, migrate, reported = evidence.shape.check, evidence.shape.migrate, evidence.shape.scopes
    if evidence.task_type == TaskType.CHECK:
        yield evidence.root
        return
    if until is not Until.CORE and not (check.ended if check else migrate):
        yield check or Node(CHECK)
    if until is Until.CHECKS:
        return
    named = evidence.job.named_scopes if evidence.job else rehearsal.scopes if migrate is None else ()
    expected = set(named) & set(rehearsal.scopes) - {"check", *(scope.name for scope in reported)}
    for scope in (*reported, *(Node((*MIGRATE, name)) for name in expected)):
        if not scope.ended and not (until is Until.CORE and scope.name == APPS):
            yield scope


def _moves_projects(evidence: Evidence) -> bool:
    """True if projects may still be reported although the job names none."""
    migrate = evidence.shape.migrate
    named = evidence.job.named_scopes if evidence.job else HIDDEN
    return not (migrate and migrate.ended) and not set(HIDDEN).isdisjoint(named)


def _in_lanes(running: list[float], waiting: list[float], lanes: int, *, free: float) -> Iterator[float]:
    """Yield when each node ends: the waiting ones take the next lane that becomes free. All in seconds from now."""
    yield from running
    ends = [*running, *([free] * (lanes - len(running)))]
    heapify(ends)
    for seconds in waiting:
        ended = ends[0] + seconds
        heapreplace(ends, ended)
        yield ended
