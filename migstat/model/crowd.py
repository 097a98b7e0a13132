"""Many siblings and their counts, so that a poll counts only what it has read again, and the summary of any nodes.

A poll of 100,000 projects reads a few dozen again; to count and sort all of them would take longer than the poll.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Annotated

import msgspec
from msgspec import Meta

from migstat.model.nodes import Job, Millis, Node, State, unmatched

ENOUGH = 5
"""Siblings that must have ended, and at least a tenth of all, before their pace says anything about the rest."""

Update = tuple[Node | None, Node]
"""A node before (None if it was not there) and after."""


class Tally:
    """Totals over some siblings; read-only apart from its caches.

    `counts` are by state, `unproven` counts those without an outcome. `nodes` are those that failed, have a warning or
    run, by state and name. `earliest` is when the first of them started.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.counts: dict[State, int] = dict.fromkeys(State, 0)
        self.by_outcome: dict[str, int] = {}
        self.unproven = 0
        self.unreadable: dict[str, Node] = {}
        self.earliest: Millis | None = None
        self._missing: tuple[Job | None, tuple[str, ...]] | None = None
        self.nodes = {state: dict[str, Node]() for state in (State.FAILED, State.WARNING, State.RUNNING)}
        self._sorted: dict[State, list[str]] = {}
        for node in nodes:
            self._count(node, 1)

    def names(self, state: State, nodes: Sequence[Node]) -> tuple[str, ...]:
        """The names of those of `nodes` in this state, upper and lower case alike."""
        if state not in self._sorted:
            self._sorted[state] = sorted((node.name for node in nodes if node.state is state), key=str.casefold)
        return tuple(self._sorted[state])

    def missing(self, job: Job | None, nodes: Sequence[Node]) -> tuple[str, ...]:
        """The keys that the job names and that match none of `nodes`, whose tally this is."""
        if self._missing is None or self._missing[0] is not job:
            self._missing = job, unmatched(job.keys if job else (), (node.name for node in nodes))
        return self._missing[1]

    def after(self, changes: Sequence[Update]) -> Tally | None:
        """The tally after some changes; None if all must be counted again."""
        new = Tally(())
        new.counts, new.by_outcome, new.unproven = dict(self.counts), dict(self.by_outcome), self.unproven
        new.unreadable, new.earliest = dict(self.unreadable), self.earliest
        new.nodes = {state: dict(nodes) for state, nodes in self.nodes.items()}
        new._sorted = {state: list(names) for state, names in self._sorted.items()}
        if all(before is not None for before, _ in changes):
            new._missing = self._missing  # no name was added
        for before, node in changes:
            if before is not None:
                # The earliest one has started again; only a recount finds the next.
                if before.started_at is not None and before.started_at == new.earliest != node.started_at:
                    return None
                new._count(before, -1)
            new._count(node, 1)
        return new

    def _count(self, node: Node, by: int) -> None:
        state, outcome, name = node.state, node.outcome, node.name
        self.counts[state] += by
        if outcome:
            self.by_outcome[outcome] = self.by_outcome.get(outcome, 0) + by
            if not self.by_outcome[outcome]:
                del self.by_outcome[outcome]
        else:
            self.unproven += by
        for nodes in (self.nodes.get(state), self.unreadable if node.unreadable else None):
            if nodes is not None and by > 0:
                nodes[name] = node
            elif nodes is not None:
                nodes.pop(name, None)
        started = node.started_at if by > 0 else None
        if started is not None:
            self.earliest = started if self.earliest is None else min(self.earliest, started)
        if (names := self._sorted.get(state)) is not None:
            if by > 0:
                insort(names, name, key=str.casefold)
            else:  # others may differ only in case
                del names[names.index(name, bisect_left(names, name.casefold(), key=str.casefold))]


class Crowd(tuple[Node, ...]):  # noqa: SLOT001  it has a cached property
    """The children of a level with their tally, which is counted on first use."""

    @cached_property
    def tally(self) -> Tally:
        """The tally of all of them."""
        return Tally(self)

    def after(self, nodes: Iterable[Node], changes: Sequence[Update]) -> Crowd:
        """The crowd of `nodes`: this one after these changes."""
        crowd = Crowd(nodes)
        known: Tally | None = self.__dict__.get("tally")
        if known is not None and (tally := known.after(changes)) is not None:
            crowd.__dict__["tally"] = tally
        return crowd

    def earliest_end(self, missing: int, now: Millis) -> Millis | None:
        """The earliest end of all, and of as many that are `missing`, if they go on at the pace so far.

        A lower bound, since the largest ones tend to end last; None if nothing honest can be said.
        """
        tally = self.tally
        # Skipped ones take no time, and must not make the others look fast.
        ended = sum(count for state, count in tally.counts.items() if state.ended and state is not State.SKIPPED)
        left = len(self) - ended - tally.counts[State.SKIPPED] + missing
        if not left or tally.earliest is None or ended < max(ENOUGH, (len(self) + missing) / 10):
            return None
        return now + left * max(0, now - tally.earliest) // ended


Count = Annotated[int, Meta(ge=0)]


class Summary(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Counts of all nodes by state, regardless of filters, and by the outcomes of those that have one."""

    total: Annotated[int, Meta(ge=0, description="missing + pending + running + finished + unread")]
    missing: Count
    pending: Count
    running: Count
    finished: Annotated[int, Meta(ge=0, description="failed + warning + succeeded + skipped")]
    failed: Count
    warning: Count
    succeeded: Count
    skipped: Count
    by_outcome: dict[str, Annotated[int, Meta(ge=1)]]
    unread: Annotated[int, Meta(ge=0, description="of unknown state: a glance at many leaves out those that are well")]


NOTHING = Summary(**dict.fromkeys(map(str, State), 0), total=0, finished=0, by_outcome={}, unread=0)
"""The summary of what was not read."""


def summary_of(nodes: Sequence[Node], missing: int = 0) -> Summary:
    """Count nodes by state and by outcome; `missing` more are in the job's scope and were not reported."""
    tally = nodes.tally if isinstance(nodes, Crowd) else Tally(nodes)
    counts = tally.counts | {State.MISSING: tally.counts[State.MISSING] + missing}
    return Summary(
        total=sum(counts.values()),
        finished=sum(count for state, count in counts.items() if state.ended),
        by_outcome=dict(sorted(tally.by_outcome.items())),
        unread=0,
        **{str(state): count for state, count in counts.items()},
    )
