"""Readings that cost what changed, not what there is.

A task with 5000 projects costs 250 requests to read once, and 600 are allowed in a minute. So everything is read only
now and then; in between, the root, the scopes and the children that run, the newest failures, and by name those that
ran and do so no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from msgspec.structs import replace

from migstat.api.retry import WINDOW
from migstat.errors import ApiError, Refused
from migstat.model.nodes import (
    CHECK,
    HIDDEN,
    MIGRATE,
    Job,
    Level,
    Node,
    Outcome,
    Page,
    Question,
    State,
    Status,
    TaskType,
    level_is_hidden,
)
from migstat.model.verdict import Evidence
from migstat.query.tree import ALL, Source, Tree
from migstat.query.walk import Filters, by_name, find, newer, walk

_T = TypeVar("_T")
_R = TypeVar("_R")

FULL_EVERY = 120.0
"""Seconds between two readings of everything, at least."""

SHARE = 0.25
"""Share of the request limit that polls may use; half of it is for readings of everything."""

BY_NAME = 8
"""Questions by name in one poll, at most; the others have their turn in the next."""

FEW_BAD = 20
"""Failures or warnings up to which every poll asks for all of them: a page or two, which show a new one at once."""

TRUST_AGAIN = 5
"""Readings of everything after which filters are tried again that were refused, not ignored."""


class Poller:
    """Keeps what is known of one task up to date. `rate_limit` in requests per 60 s, None for no limit.

    `changes` are the nodes that the last reading found new or different, each with what it was before. `gone` holds
    the nodes that were reported once and are no longer.
    """

    def __init__(self, source: Source, rate_limit: int | None) -> None:
        self.root = Node()
        self.task_type: str | None = None
        self.job_or_none: Job | None = None
        self.flaws: tuple[str, ...] = ()
        self.changes: list[tuple[Node | None, Node]] = []
        self.gone: dict[Level, Node] = {}
        self.requests = 0
        self._source = source
        self._rate_limit = rate_limit
        self._levels: dict[Level, dict[str, Node]] = {}
        self._filters = Filters()
        self._fulls = 0
        self._asked_at: dict[Level, int] = {}
        self._full_cost = 0
        self._poll_cost = 0

    @property
    def full_every(self) -> float:
        """Seconds between two readings of everything that keep them to their share."""
        return max(FULL_EVERY, self._seconds_for(self._full_cost))

    @property
    def only_full(self) -> bool:
        """True if the server's filters are not to be trusted, so that every poll must read everything."""
        return not self._filters.trusted

    def interval(self, wanted: float, *, full: bool = False) -> float:
        """Seconds between two polls that keep them to their share, `wanted` at least; `full` if all read everything."""
        if self._filters.trusted and not full:
            return max(wanted, self._seconds_for(self._poll_cost))
        return max(wanted, self._seconds_for(self._full_cost) / 2)  # which has the whole share to itself then

    @property
    def scope(self) -> str:
        """The hidden level that the task has or would have."""
        order = self.job_or_none.scopes if self.job_or_none else HIDDEN
        return next((name for name in order if (*MIGRATE, name) in self._levels), order[0])

    def nodes(self) -> Iterator[Node]:
        """Every node that is known, without its children."""
        yield self.root
        for children in self._levels.values():
            yield from children.values()

    def has_children(self, level: Level) -> bool:
        """True if nodes are known below the level."""
        return bool(self._levels.get(level))

    def evidence(self) -> Evidence:
        """All that is known."""
        return Evidence(root=self._grown(self.root), task_type=self.task_type, job=self.job_or_none)

    def read_all(self) -> None:
        """Read everything there is, which replaces all that was known. Raises ApiError if the root cannot be read."""
        asked = self.requests
        self._fulls += 1
        self._asked_at.clear()
        if self._filters.refused and self._fulls % TRUST_AGAIN == 0:
            self._filters = Filters()
        reading = Tree(self, self._filters).read(ALL)
        before, self._levels = self._levels, {}
        self.changes = []
        self.task_type, self.flaws = reading.task_type, reading.flaws
        self.job_or_none = reading.job or self.job_or_none
        if not before and self.job_or_none is None and self.task_type == TaskType.CHECK:
            with suppress(ApiError):  # checks are judged without the job, which only names itself and the site here
                self.job_or_none = self.job
        self._note((self.root if before else None), replace(reading.root, children=None))
        self.root = replace(reading.root, children=None)
        gone = set(self.gone)
        self._replace(reading.root, before)
        self._ask_after([node for level, node in self.gone.items() if level not in gone])
        self._full_cost = self.requests - asked

    def read_running(self) -> None:
        """Read what may have changed. Raises ApiError."""
        asked = self.requests
        checking = self._runs(CHECK)
        page = self.ask(Question((), expand=True))
        self.changes = []
        self._note(self.root, page.node)
        self.root = replace(page.node, children=None)
        self._take((), page.node.children or ())
        if checking and not self._runs(CHECK):  # what ended between two polls was never seen running
            self._read_children(CHECK)
        if self._scopes_may_change():
            self._read_children(MIGRATE)
        for level in self._levels_of_leaves(page):
            self._read_leaves(level)
        # what one poll costs varies with what finished; the dearer of two is what has to be paid for
        self._poll_cost = max(self.requests - asked, (self._poll_cost + self.requests - asked) // 2)

    def ask(self, question: Question) -> Page:
        """Ask, and count."""
        self.requests += 1
        return self._source.ask(question)

    def together(self, function: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
        """Call the function for each item, a few at a time."""
        return self._source.together(function, items)

    def reading(self, level: Level, seen: Mapping[str, Node]) -> None:
        """Pass on which children of a level have been seen so far."""
        self._source.reading(level, seen)

    @property
    def job(self) -> Job:
        """The job's definition."""
        return self._source.job

    @property
    def known_type(self) -> str | None:
        """The task's type if it is known from finding the task."""
        return self._source.known_type

    @property
    def asked_type(self) -> str | None:
        """The task's type as the API's list of runs has it."""
        return self._source.asked_type

    def _replace(self, node: Node, before: dict[Level, dict[str, Node]]) -> None:
        """Take a whole subtree in place of what was known of it."""
        known = before.get(node.level, {})
        new = {child.name: child for child in node.children or ()}
        for name, child in new.items():
            bare = replace(child, children=None) if child.children is not None else child
            self._note(known.get(name), bare)
            new[name] = bare
            self.gone.pop(child.level, None)
        if node.unreadable:  # what is not seen in a level that could not be read is still there
            new = {**known, **new}
        elif len(new) < len(known) or any(name not in new for name in known):
            self.gone |= {child.level: child for name, child in known.items() if name not in new}
        if node.children is not None or node.unreadable or new:
            self._levels[node.level] = new
        for child in node.children or ():
            if child.children is not None or child.unreadable:
                self._replace(child, before)
        if node.unreadable:
            for level, children in before.items():
                if level[:-1] == node.level and level and level not in self._levels and level[-1] in new:
                    self._levels[level] = children

    def _ask_after(self, lost: list[Node]) -> None:
        """Ask for nodes by name that were there before: one that begins again while its level is read may be missed."""
        for level in {node.level[:-1]: None for node in lost if node.level[:-1] in self._levels}:
            names = [node.name for node in lost if node.level[:-1] == level and not level_is_hidden(node.level)]
            for _, answer in by_name(self, level, names[:FEW_BAD]):
                if not isinstance(answer, ApiError) and answer.found:
                    self._take(level, [answer.node])
                    self.gone.pop(answer.node.level, None)

    def _take(self, level: Level, nodes: Iterable[Node]) -> None:
        """Take readings of some children; the later one counts, whatever its stamp."""
        children = self._levels.setdefault(level, {})
        for node in nodes:
            known = children.get(node.name)
            # that the level below could not be read holds until it is read again
            flaw = known.unreadable if known and node.level in self._levels else None
            bare = replace(node, children=None, unreadable=node.unreadable or flaw)
            self._note(known, bare)
            children[node.name] = bare

    def _note(self, before: Node | None, node: Node) -> None:
        if before is not node:
            self.changes.append((before, node))

    def _read_children(self, level: Level) -> None:
        """All children of a level; one that fails is read again with everything, which says so."""
        try:
            children = walk(self, level, still=False, filters=self._filters).children
        except Refused:
            raise
        except ApiError:
            return
        self._take(level, children)

    def _found(self, level: Level, known: Iterable[Node]) -> dict[str, Node] | None:
        """The children that run and the newest bad ones; None if they cannot be read so."""
        found: dict[str, Node] = {}
        few = [bad for bad in (Outcome.FAILED, Outcome.WARNING) if sum(n.outcome == bad for n in known) < FEW_BAD]
        try:
            for status, outcome in ((Status.IN_PROGRESS, None), *((None, bad) for bad in few)):
                part = find(self, level, status=status, outcome=outcome, filters=self._filters)
                if part is None:
                    return None
                for node in part:
                    found[node.name] = newer(found[node.name], node) if node.name in found else node
        except Refused:
            raise
        except ApiError:
            return None
        return found

    def _read_leaves(self, level: Level) -> None:
        """The children of a level that run, the newest bad ones, and those that ran and do so no more."""
        known = self._levels.get(level, {})
        before = [node.name for node in known.values() if node.state is State.RUNNING]
        found = self._found(level, known.values())
        if found is None:
            return
        if known or found:
            self._take(level, found.values())
        doubtful = sorted(
            (name for name in before if name not in found), key=lambda name: self._asked_at.get((*level, name), 0)
        )[:BY_NAME]
        for name, answer in by_name(self, level, doubtful):
            self._asked_at[*level, name] = self.requests
            if not isinstance(answer, ApiError) and answer.found:  # what fails alone is asked for again
                self._take(level, [answer.node])
                if answer.node.status == Status.IN_PROGRESS:
                    self._filters.trusted = False

    def _levels_of_leaves(self, page: Page) -> list[Level]:
        if self.task_type == TaskType.CHECK:
            if self.root.state is not State.RUNNING:
                return []
            return [CHECK] if CHECK in self._levels else [()] if page.next is not None else []
        hidden = [(*MIGRATE, name) for name in HIDDEN if (*MIGRATE, name) in self._levels]
        if not hidden and self._runs(MIGRATE):
            hidden = [(*MIGRATE, name) for name in HIDDEN]
        if not self._runs(MIGRATE):
            hidden = [
                level for level in hidden if any(node.state is State.RUNNING for node in self._levels[level].values())
            ]
        return [*([CHECK] if self._runs(CHECK) else []), *hidden]

    def _scopes_may_change(self) -> bool:
        """True if a scope is known not to have ended, or none is known; a new one shows when everything is read."""
        scopes = [node for node in self._levels.get(MIGRATE, {}).values() if not level_is_hidden(node.level)]
        begun = self._runs(MIGRATE) or bool(scopes)
        return begun and (not scopes or any(not node.ended for node in scopes))

    def _runs(self, level: Level) -> bool:
        node = self._levels.get(level[:-1], {}).get(level[-1])
        return node is not None and node.state is State.RUNNING

    def _grown(self, node: Node) -> Node:
        """The node with all that is known below it. Few levels have children, so the others are taken as they are."""
        below = [level for level in self._levels if level and level[:-1] == node.level]
        if node.level not in self._levels and not below:
            return node
        children = dict(self._levels.get(node.level, {}))
        for level in below:
            children[level[-1]] = self._grown(children.get(level[-1]) or Node(level))
        return replace(node, children=tuple(children.values()))

    def _seconds_for(self, cost: int) -> float:
        """Seconds in which so many requests use half of the share."""
        return 0.0 if self._rate_limit is None else cost * WINDOW / (self._rate_limit * SHARE / 2)
