"""Measures how far off an estimated end is: `python tests/benchmarks/estimates.py`.

The projects of the `cutover` scenario are migrated again and again, with noise, slower, in fewer lanes or in another
order than in the rehearsal. Printed is the median error and what nine of ten nights stay below, both in minutes, after
each share of the night.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from heapq import heapify, heapreplace
from statistics import median

import msgspec

from migstat.follow.estimate import Rehearsal, estimate, rehearsal_of
from migstat.model.nights import Night, Span
from migstat.model.nodes import Level, Node, State, TaskType
from migstat.model.shape import Evidence
from migstat.simulator.scenarios import build

MOMENTS = (0.25, 0.5, 0.75, 0.9)
NIGHTS = 400
ZERO = 1_800_000_000_000
"""When each night begins, in epoch milliseconds."""

GAP = 5.0
"""Seconds between two projects in one lane."""

LEVEL = ("migrate", "projects")
LENGTHS = [
    (project.name, (project.ended_at or 0) - (project.started_at or 0))
    for scope in build("cutover").tasks[-1].root.children[1].children
    if scope.name == "projects"
    for project in scope.children
]
"""Projects in their order, and the seconds that each takes."""

Lengths = list[tuple[str, float, float]]
"""Projects with the seconds at which each begins and ends."""


class Case(msgspec.Struct, frozen=True):
    """How a night differs from its rehearsal, which had six lanes."""

    name: str
    pace: float = 1.0
    noise: float = 0.1
    lanes: int = 6
    shuffled: bool = False


CASES = (
    Case("as rehearsed, 10 % noise"),
    Case("30 % slower, 20 % noise", 1.3, 0.2),
    Case("4 lanes, not 6, 20 % noise", 1.0, 0.2, 4),
    Case("another order, 20 % noise", 1.0, 0.2, shuffled=True),
    Case("twice as slow, 40 % noise", 2.0, 0.4),
)


def in_lanes(lengths: Iterable[tuple[str, float]], lanes: int) -> Lengths:
    """Projects one after the other, in lanes that begin seven seconds apart."""
    free = [7.0 * lane for lane in range(lanes)]
    heapify(free)
    spans = []
    for name, length in lengths:
        begin = free[0]
        heapreplace(free, begin + length + GAP)
        spans.append((name, begin, begin + length))
    return spans


def rehearsal() -> Rehearsal:
    spans: dict[Level, Span] = {}
    for name, begin, end in in_lanes(LENGTHS, 6):
        level = (*LEVEL, name)
        times = ZERO + int(begin * 1000), ZERO + int(end * 1000)
        spans[level] = Span(level=level, state=State.SUCCEEDED, started=times[0], ended=times[1])
    return rehearsal_of(Night(spans=spans))


def night(case: Case, seed: int) -> Lengths:
    dice = random.Random(seed)  # noqa: S311  chance, not secrecy
    order = dice.sample(LENGTHS, len(LENGTHS)) if case.shuffled else LENGTHS
    return in_lanes(
        ((name, length * case.pace * dice.lognormvariate(0, case.noise)) for name, length in order), case.lanes
    )


def seen(spans: Lengths, now: float) -> Evidence:
    projects = []
    for name, begin, end in spans:
        status = "PENDING" if begin > now else "IN_PROGRESS" if end > now else "FINISHED"
        stamps = (
            {"startedAt": ZERO + int(begin * 1000), "lastUpdatedAt": ZERO + int(min(end, now) * 1000)}
            if begin <= now
            else {}
        )
        projects.append(Node((*LEVEL, name), status, "SUCCESS" if end <= now else None, details=stamps))
    scope = Node(LEVEL, children=tuple(projects))
    migrate = Node(LEVEL[:1], "IN_PROGRESS", children=(scope,))
    check = Node(("check",), "FINISHED", "SUCCESS")
    root = Node((), "IN_PROGRESS", details={"startedAt": ZERO}, children=(check, migrate))
    return Evidence(root=root, task_type=TaskType.MIGRATE, job=None)


def errors(case: Case, moment: float, nights: int = NIGHTS) -> list[float]:
    """How many minutes off the estimate is, after a share of each night, in order of size."""
    known, off = rehearsal(), []
    for seed in range(nights):
        spans = night(case, seed)
        end = max(end for _, _, end in spans)
        found = estimate(known, seen(spans, end * moment), now=ZERO + int(end * moment * 1000)).end
        off.append(abs(((found or ZERO) - ZERO) / 1000 - end) / 60)
    return sorted(off)


def main() -> None:
    print(f"{'':28}" + "".join(f"{f'at {moment:.0%}':>14}" for moment in MOMENTS))
    for case in CASES:
        found = [errors(case, moment) for moment in MOMENTS]
        print(
            f"{case.name:28}"
            + "".join(f"{f'{median(each):.1f} ({each[len(each) * 9 // 10]:.1f})':>14}" for each in found)
        )


if __name__ == "__main__":
    main()
