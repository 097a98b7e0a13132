"""Readings that cost what changed, not what there is.

A task with 5000 projects costs 250 requests to read once, and 600 are allowed in a minute. So everything is read only
now and then; in between, the root, the scopes and the children that run, and by name those that ran and do so no more.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from migstat.api.retry import WINDOW
from migstat.errors import ApiError
from migstat.model.nodes import (
    CHECK,
    MIGRATE,
    Job,
    Level,
    Node,
    Page,
    Question,
    State,
    Status,
    TaskType,
    level_is_hidden,
)
from migstat.model.verdict import flattened
from migstat.query.tree import ALL, Reading, Source, Tree
from migstat.query.walk import by_name, find, newer, walk

FULL_EVERY = 120.0
"""Seconds between two readings of everything, at least."""

SHARE = 0.25
"""Share of the request limit that polls may use; half of it is for readings of everything."""


class Poller:
    """Keeps what is known of one task up to date. `rate_limit` in requests per 60 s, None for no limit.

    `nodes` holds the last reading of every node by its level; its children are `()` where they were read, else None.
    """

    def __init__(self, source: Source, rate_limit: int | None) -> None:
        self.nodes: dict[Level, Node] = {}
        self.latest = Reading(Node(), None, None)
        self.job_name: str | None = None
        self.requests = 0
        self._source = source
        self._rate_limit = rate_limit
        self._filter_trusted = True
        self._full_cost = 0
        self._poll_cost = 0

    @property
    def full_every(self) -> float:
        """Seconds between two readings of everything that keep them to their share."""
        return max(FULL_EVERY, self._seconds_for(self._full_cost))

    def interval(self, wanted: float, *, full: bool = False) -> float:
        """Seconds between two polls that keep them to their share, `wanted` at least; `full` if all read everything."""
        if self._filter_trusted and not full:
            return max(wanted, self._seconds_for(self._poll_cost))
        return max(wanted, self._seconds_for(self._full_cost) / 2)  # which has the whole share for itself then

    @property
    def missing(self) -> tuple[str, ...]:
        """Keys of the job's scope that no reading has seen yet."""
        hidden = (*MIGRATE, self.latest.scope)
        return tuple(key for key in self.latest.missing if (*hidden, key) not in self.nodes)

    @property
    def only_full(self) -> bool:
        """Whether the server's filter is not to be trusted, so that every poll must read everything."""
        return not self._filter_trusted

    def read_all(self) -> None:
        """Read everything there is. Raises ApiError where the root cannot be read."""
        asked = self.requests
        tree = Tree(self)
        self.latest, self.job_name = tree.read(ALL), tree.job_name
        self._take(flattened(self.latest.root).values())
        self._full_cost = self.requests - asked

    def read_running(self) -> None:
        """Read what may have changed. Raises ApiError."""
        asked = self.requests
        checking = self._runs(CHECK)
        page = self.ask(Question((), expand=True))
        self._take([page.node, *(page.node.children or ())])
        if checking and not self._runs(CHECK):  # what ended between two polls was never seen running
            self._take(walk(self, CHECK, still=False).children)
        if self._scopes_may_change():
            self._take(walk(self, MIGRATE, still=False).children)
        for level in self._levels_of_leaves():
            self._read_leaves(level)
        # what one poll costs varies with what finished; the dearer of two is what has to be paid for
        self._poll_cost = max(self.requests - asked, (self._poll_cost + self.requests - asked) // 2)

    def _read_leaves(self, level: Level) -> None:
        """The children of a level that run, and those that ran and do so no more."""
        found = find(self, level, status=Status.IN_PROGRESS)
        if found is None:
            self._filter_trusted = False
            return
        before = [node.name for node in self._children(level) if node.state is State.RUNNING]
        self.nodes.setdefault(level, Node(level, children=()))
        self._take(found)
        running = {node.name for node in found}
        for _, answer in by_name(self, level, [name for name in before if name not in running]):
            if not isinstance(answer, ApiError) and answer.found:  # what fails alone is asked for again
                self._take([answer.node])
                if answer.node.status == Status.IN_PROGRESS:
                    self._filter_trusted = False

    def _levels_of_leaves(self) -> list[Level]:
        if self.latest.task_type == TaskType.CHECK:
            return [()] if self._runs(()) else []
        hidden = (*MIGRATE, self.latest.scope)
        leaves_run = self._runs(MIGRATE) or any(node.state is State.RUNNING for node in self._children(hidden))
        return [*([CHECK] if self._runs(CHECK) else []), *([hidden] if leaves_run else [])]

    def _scopes_may_change(self) -> bool:
        """Whether a scope is known not to have ended, or none is known; one that is new shows when all is read."""
        scopes = [node for node in self._children(MIGRATE) if not level_is_hidden(node.level)]
        begun = self._runs(MIGRATE) or bool(scopes)
        return begun and (not scopes or any(not node.ended for node in scopes))

    def _runs(self, level: Level) -> bool:
        node = self.nodes.get(level)
        return node is not None and node.state is State.RUNNING

    def _children(self, level: Level) -> list[Node]:
        return [node for each, node in self.nodes.items() if each[:-1] == level and each]

    def _take(self, nodes: Iterable[Node]) -> None:
        for node in nodes:
            known = self.nodes.get(node.level)
            was_read = node.children is not None or (known is not None and known.children is not None)
            latest = node if known is None else newer(known, node)
            self.nodes[node.level] = replace(latest, children=() if was_read else None)

    def reading(self, level: Level, count: int) -> None:
        """Nothing to note."""

    def ask(self, question: Question) -> Page:
        """Ask, and count."""
        self.requests += 1
        return self._source.ask(question)

    @property
    def job(self) -> Job:
        """The job's definition."""
        return self._source.job

    @property
    def known_type(self) -> str | None:
        """The task's type if finding the task told it."""
        return self._source.known_type

    @property
    def asked_type(self) -> str | None:
        """The task's type as the API has it."""
        return self._source.asked_type

    def _seconds_for(self, cost: int) -> float:
        """Seconds in which so many requests use half of the share."""
        return 0.0 if self._rate_limit is None else cost * WINDOW / (self._rate_limit * SHARE / 2)
