"""Which levels of a task's status tree a question needs, and reading them, each at most once.

A check task's checks are children of its root, or of `check`, or of both: the vendor's pages disagree. A migrate task
has `check` and `migrate` below its root, the checks below the one and the scopes below the other. There, too, are the
hidden levels `projects` and `spaces`, which the API does not list and answers only with their children. Checks and
projects are leaves.

The order of requests matters: whether a level can still move is decided by a root that was read before the level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from migstat.errors import ApiError, NotFound, Refused
from migstat.model.crowd import Crowd
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
    by_name,
    checks_of,
    child_of,
    leaves_of,
    level_is_hidden,
    match_keys,
    unmatched,
)
from migstat.model.verdict import Evidence
from migstat.query.walk import Asker, Filters, Walked, ask_by_name, attempted, find, shown, walk

ALL = 99
"""A depth below which there is nothing."""

FEW = 200
"""Maximum number of children that a glance reads; of more, it requests only those that run or went wrong."""


class TaskFacts(Protocol):
    """A task's job and type. All may ask the API and raise ApiError."""

    @property
    def job(self) -> Job:
        """The job's definition."""

    @property
    def known_type(self) -> str | None:
        """The task's type if it came with the task's id; makes no further request."""

    @property
    def asked_type(self) -> str | None:
        """The task's type according to the API's list of runs."""


class Reading(msgspec.Struct, frozen=True):
    """The part of a task that was read: `root`, with the levels below it as nested children.

    `evidence` is what the verdict rests on, the same whatever else was read; None if that is the node alone. `missing`
    are keys of the job's scope that were not reported, `flaws` what could not be read, one line each. `scope` is the
    hidden level that the task has or would have. `partial` says that of its `expected` children only those that run or
    went wrong were requested. `links` are those of the first page.
    """

    root: Node
    task_type: str | None
    evidence: Evidence | None
    job: Job | None = None
    missing: tuple[str, ...] = ()
    flaws: tuple[str, ...] = ()
    scope: str = HIDDEN[0]
    expected: int = 0
    partial: bool = False
    links: Mapping[str, Any] = {}

    @property
    def check(self) -> Node | None:
        """The node whose children are the checks: `check`, or the root of a check task."""
        check = child_of(self.root, "check")
        if self.task_type != TaskType.CHECK:
            return check
        return self.root if check is None else replace(self.root, children=checks_of(self.root, self.task_type))

    @property
    def leaves(self) -> tuple[Node, ...]:
        """The projects or spaces that were read, or the checks of a check task."""
        return leaves_of(self.root, self.task_type)


class Tree:
    """Reads one task through `asker`. The `facts` are asked for only if the tree does not show them.

    A cached property in `__dict__` has been read; looking there makes no request.
    """

    def __init__(self, facts: TaskFacts, asker: Asker, filters: Filters | None = None) -> None:
        self._facts = facts
        self._asker = asker
        self._filters = filters or Filters()
        self._expanded: dict[Level, Node] = {}
        self._walked: dict[Level, Walked] = {}
        self._ahead: dict[Level, Page | ApiError] = {}
        self._flaws: dict[str, None] = {}

    def judged(self) -> Reading:
        """Only what the verdict needs."""
        return self._reading(self._evidence.root if self._root.ended else self._root)

    def read(self, depth: int, *, judged: bool = False) -> Reading:
        """The root and `depth` levels below it. The root alone is one request, without evidence unless `judged`."""
        if depth == 0 and not judged:
            root = replace(self._root, children=None)
            return Reading(root, self._cheap_type, None, flaws=tuple(self._flaws), links=self._first.links)
        root = self._to_depth(self._root, depth)
        if depth > 0 and self.task_type == TaskType.CHECK:
            root = self._with_checks(root)
        return self._reading(root)

    def glance(self) -> Reading:
        """An overview: the checks unless all is well, the scopes, and the projects or spaces.

        Of many projects of a running task only those that run or went wrong.
        """
        self._look_ahead(MIGRATE, *_BELOW)
        root = self._with_checks(self._children_of(self._root), only_if_bad=True)
        migrate = child_of(root, "migrate")
        begun = self._root.ended or (migrate is not None and migrate.state is not State.PENDING)
        if self.task_type == TaskType.CHECK or not begun:
            return self._reading(root)
        some = self._few_leaves()
        return self._reading(self._with_scopes(root, self._hidden if some is None else some), partial=some is not None)

    def checks(self) -> Reading:
        """The checks."""
        self._look_ahead(CHECK)
        return self._reading(self._with_checks(self._children_of(self._root)))

    def only_checks(self) -> Reading:
        """The checks, without what the verdict on the task needs."""
        root = self._with_checks(self._children_of(self._root))
        return Reading(_ordered(root), self.task_type, None, flaws=tuple(self._flaws))

    def projects(self, wanted: Sequence[str] = ()) -> Reading:
        """The projects or spaces, asking for the `wanted` by name if a walk does not see them.

        Raises NotFound for a check task, which has none.
        """
        self._look_ahead(*_BELOW)
        if self.task_type == TaskType.CHECK:
            raise NotFound(
                "this is a check task: it has checks, but no projects or spaces",
                "Name a migrate task, or latest-migrate.",
            )
        root = self._children_of(self._root)
        migrate = child_of(root, "migrate")
        hidden = [self._with_named(level, wanted) for level in self._hidden]
        if self._root.ended:
            return self._reading(self._with_scopes(root, hidden))
        # while the task runs its scopes are not worth a request: neither the list nor the verdict needs them
        below = migrate or Node(MIGRATE)
        return self._reading(with_children(root, [with_children(below, hidden)]) if hidden or migrate else root)

    def node(self, level: Level, depth: int) -> Reading:
        """One node by its level, and `depth` levels below it. Raises NotFound if the API knows no such level."""
        page = self._asker.ask(Question(level, expand=depth > 0))
        if not page.found and depth == 0:  # a hidden level answers nothing without its children
            page = self._asker.ask(Question(level, expand=True))
            depth = 1
        if not page.found:
            raise NotFound(
                f"level {shown(level)} does not exist in this task, or is not reported yet",
                "'status --depth all' lists the levels; names are case-sensitive.",
            )
        node = page.node
        self._note([node])
        missing: tuple[str, ...] = ()
        if depth > 0:
            # This page is older than the root that says whether the level is still, so it begins no walk: what it
            # shows may have moved. A page without a next one needs no walk.
            self._expand(node, first=page if page.next is None else None)
            if level_is_hidden(level):
                keys = () if isinstance(self._job_or_error, NotFound) else self._keys
                named = self._with_named(self._expanded[level], keys if len(keys) <= FEW else ())
                self._expanded[level] = named
                missing = unmatched(keys, _names_in([named]))
            node = self._to_depth(node, depth)
            if "_hidden" in self.__dict__:
                missing = unmatched(self._keys, _names_in(self._hidden))
        task_type = TaskType.MIGRATE if level[:1] in (CHECK, MIGRATE) else TaskType.CHECK
        return Reading(_ordered(node), task_type, None, missing=missing, flaws=tuple(self._flaws), links=page.links)

    @cached_property
    def task_type(self) -> str | None:
        """`check` or `migrate`. What the list of runs says is believed before the shape of the tree."""
        if self._cheap_type is not None:
            return self._cheap_type
        listed = attempted(lambda: self._facts.asked_type)
        if isinstance(listed, ApiError):
            if not self._root.children:
                raise listed
            listed = None
        if listed or not self._root.children:
            return listed
        return TaskType.MIGRATE if child_of(self._root, "check") else TaskType.CHECK

    @property
    def _cheap_type(self) -> str | None:
        """The type if it is known without another request: only a migrate task has `migrate`."""
        return self._facts.known_type or (TaskType.MIGRATE if child_of(self._root, "migrate") else None)

    def _look_ahead(self, *levels: Level) -> None:
        """Ask for the root, the job and the first pages of these levels at the same time.

        While the task runs, it does not matter which was answered first. But once the root has ended the verdict is
        final, and a page answered before the root may still show a project running that has failed since. So what was
        read ahead of an end is thrown away, and what the verdict needs is asked for again.
        """
        if "_first" in self.__dict__:  # earlier readings hold, and a second view requests only what it adds
            return
        if self._facts.known_type == TaskType.CHECK:  # also finds the task, before several threads need its id
            levels = ()
        asks: list[Callable[[], object]] = [lambda: self._first, lambda: self._job_or_error]
        self._asker.together(lambda ask: ask(), asks + [partial(self._fetch, level) for level in levels])
        if self._root.ended:
            self._ahead.clear()
            if child_of(self._root, "migrate"):
                self._asker.together(self._fetch, list(dict.fromkeys((MIGRATE, *_BELOW, *levels))))

    def _fetch(self, level: Level) -> None:
        """Ask for the first page of a level, for `_page` to take."""
        self._ahead[level] = attempted(lambda: self._asker.ask(Question(level, expand=True)))

    def _page(self, level: Level) -> Page:
        """The first page of a level, which may have been asked for ahead. Raises ApiError."""
        page = self._ahead.pop(level, None) or self._asker.ask(Question(level, expand=True))
        if isinstance(page, ApiError):
            raise page
        return page

    @cached_property
    def _first(self) -> Page:
        page = self._asker.ask(Question((), expand=True))
        self._note([page.node])  # its children may well have been read
        return page

    @property
    def _root(self) -> Node:
        return self._first.node

    @cached_property
    def _job_or_error(self) -> Job | ApiError:
        return attempted(lambda: self._facts.job)

    @property
    def _job(self) -> Job | None:
        """The job's definition; if it cannot be read, everything but what is missing is still known."""
        job = self._job_or_error
        if isinstance(job, Job):
            return job
        self._flaws[f"the job's scope, so it is unknown what is not reported yet: {job.message}"] = None
        return None

    @property
    def _keys(self) -> tuple[str, ...]:
        return self._job.keys if self._job else ()

    @cached_property
    def _evidence(self) -> Evidence:
        """Everything that the verdict rests on for a task whose root has ended."""
        root = self._children_of(self._root)
        if self.task_type == TaskType.CHECK:
            return Evidence(root=self._with_checks(root), task_type=self.task_type, job=None)
        if root.outcome and root.state is State.FAILED and not root.children:
            return Evidence(root=root, task_type=self.task_type, job=None)  # it could not start: there is nothing else
        check, migrate = child_of(root, "check"), child_of(root, "migrate")
        if check and check.state is State.FAILED:  # the verdict rests on it alone, but its checks are the reasons
            root = with_children(root, [self._children_of(check)])
        below = self._children_of(migrate).children or () if migrate else ()
        scopes = [child for child in below if not level_is_hidden(child.level)]
        self._asker.together(self._fetch, [child.level for child in scopes if child.level not in self._expanded])
        root = self._with_scopes(root, [*map(self._children_of, scopes), *self._hidden])
        return Evidence(root=root, task_type=self.task_type, job=self._job)

    def _with_scopes(self, root: Node, scopes: Sequence[Node]) -> Node:
        """The root with these scopes among the others of `migrate`, which exists if any of them does."""
        migrate = child_of(root, "migrate")
        if migrate is None and not scopes:
            return root
        below = self._children_of(migrate) if migrate else Node(MIGRATE, children=())
        return with_children(root, [with_children(below, scopes)])

    def _reading(self, root: Node, *, partial: bool = False) -> Reading:
        if self._root.ended:
            evidence = self._evidence
        else:  # it runs, whatever is below: what was read of it only adds to the reasons and counts
            seen = root if root.children is not None else self._root
            job = self._job if "_hidden" in self.__dict__ else None
            evidence = Evidence(root=seen, task_type=self.task_type, job=job)
        hidden: tuple[Node, ...] | None = self.__dict__.get("_hidden")
        known = self.__dict__.get("_job_or_error")
        job = known if isinstance(known, Job) else None
        order = job.scopes if job else HIDDEN
        names = {child.name for child in (child_of(root, "migrate") or Node()).children or ()}
        names |= {level.name for level in hidden or ()}
        keys = job.keys if job else ()
        return Reading(
            root=_ordered(root),
            task_type=self.task_type,
            evidence=evidence,
            job=job,
            missing=() if hidden is None else unmatched(keys, _names_in(hidden)),
            flaws=tuple(self._flaws),
            scope=next((name for name in order if name in names), order[0]),
            expected=len(keys),
            partial=partial,
            links=self._first.links,
        )

    def _to_depth(self, node: Node, depth: int) -> Node:
        """The node with this many levels of children; the hidden levels count as scopes with children."""
        branches = node.level in ((), CHECK, MIGRATE) or node.level[:-1] == MIGRATE
        if depth <= 0 or not branches:
            return replace(node, children=None)
        full = self._children_of(node)
        if full.children is None and not (node.level == MIGRATE and depth > 1 and self._hidden):
            return full  # it could not be read, which takes nothing from the hidden levels
        children = [
            self._to_depth(child, depth - 1) for child in full.children or () if not level_is_hidden(child.level)
        ]
        if node.level == MIGRATE and depth > 1:
            children += self._hidden
        elif node.level == () and depth > 2 and child_of(full, "migrate") is None and self.task_type != TaskType.CHECK:
            # the projects may be reported before the phase that they are part of
            children += [Node(MIGRATE, children=self._hidden)] if self._hidden else []
        return replace(full, children=tuple(children))

    def _with_checks(self, root: Node, *, only_if_bad: bool = False) -> Node:
        """The root with the checks of the task, wherever they hang."""
        check = child_of(root, "check")
        if self.task_type != TaskType.CHECK:
            migrate = child_of(root, "migrate")
            begun = migrate is not None and migrate.state is not State.PENDING
            # once the migration has begun, warnings have been accepted
            needed = {State.FAILED, State.RUNNING} if begun else {State.FAILED, State.WARNING, State.RUNNING}
            if check is None or (only_if_bad and check.state not in needed):
                return root
            return with_children(root, [self._children_of(check)])
        if any(child.level != CHECK for child in root.children or ()):
            return root
        below = self._children_of(check or Node(CHECK))
        return with_children(root, [below]) if check or below.children or below.unreadable else root

    def _children_of(self, node: Node) -> Node:
        """The node with all its children, which have none of their own."""
        if node.level not in self._expanded:
            self._expand(node, first=self._first if node.level == () else None)
        return self._expanded[node.level]

    def _expand(self, node: Node, *, first: Page | None = None) -> None:
        """Walk a level. The flaw of one that cannot be read is noted; a level that does not exist has no children."""
        level, hidden = node.level, level_is_hidden(node.level)
        still = running = False
        if first is None or first.next is not None:  # a single page is complete, so the root need not be asked for
            # A hidden level has no status of its own. The root alone proves nothing: `apps` may go on after it.
            above = child_of(self._root, "migrate") if hidden else node
            over = above is None or above.ended
            still, running = self._root.ended and over, not self._root.ended and not over
        try:
            walked = walk(
                self._asker,
                level,
                still=still,
                filters=self._filters,
                first=first or self._page(level),
                # `_keys` alone would note that the job is unreadable, of a walk that can do without
                keys=self._keys if hidden and isinstance(self._job_or_error, Job) else (),
                running=running,
            )
        except Refused:
            raise
        except ApiError as error:
            if level == ():
                raise
            self._expanded[level] = replace(node, unreadable=error.message)
            self._note([self._expanded[level]])
            return
        self._walked[level] = walked
        parent = walked.parent if hidden or not (node.status or node.outcome) else node
        children = Crowd(walked.children) if hidden else walked.children  # thousands, to be counted once
        self._expanded[level] = replace(parent, children=children, unreadable=walked.cut or parent.unreadable)
        if walked.cut:
            self._flaws[f"{shown(level)}: after {len(walked.children)} children: {walked.cut}"] = None
        self._note(walked.children)

    @cached_property
    def _hidden(self) -> tuple[Node, ...]:
        """The hidden levels that the API answers, with all their children. All that answer count."""
        found = []
        for level in self._hidden_levels:
            page = attempted(partial(self._page, level))
            if isinstance(page, ApiError):
                found.append(Node(level, unreadable=page.message))
                self._note(found[-1:])
            elif page.found:
                self._expand(Node(level), first=page)
                found.append(self._expanded[level])
        unseen = unmatched(self._keys, _names_in(found))
        # A key not seen may be a child that escaped the walk. If there are so many that asking costs another walk, they
        # are more likely not reported yet.
        if not unseen or len(unseen) >= sum(
            self._walked[node.level].pages for node in found if node.level in self._walked
        ):
            return tuple(found)
        return tuple(self._with_named(node, unseen) for node in found)

    @property
    def _hidden_levels(self) -> list[Level]:
        return [(*MIGRATE, scope) for scope in (self._job.scopes if self._job else HIDDEN)]

    def _with_named(self, level: Node, names: Sequence[str]) -> Node:
        """The level with its children of these names, which are asked for if they were not seen."""
        children = {child.name: child for child in level.children or ()}
        walked = self._walked.get(level.level)
        known = {*match_keys(names, children), *(walked.absent if walked else ())}
        found = ask_by_name(self._asker, level.level, [name for name in names if name not in known])
        children |= {name: child for name, child in found.items() if child}
        if len(children) == len(level.children or ()):
            return level
        self._note(children.values())
        return replace(level, children=tuple(children.values()))

    def _few_leaves(self) -> list[Node] | None:
        """Of many children of a running task those that run or went wrong; None if all of them should be read."""
        if self._root.ended or len(self._keys) <= FEW:
            return None

        def one(wanted: tuple[Level, Status | None, str | None]) -> tuple[Node, ...] | None:
            level, status, outcome = wanted
            return find(self._asker, level, status=status, outcome=outcome, filters=self._filters)

        found: dict[Level, dict[str, Node]] = {level: {} for level in self._hidden_levels}
        # a task has one of the two levels; what is asked for first tells which, and saves the rest for the other
        for filters in (_NOTEWORTHY[:USUAL], _NOTEWORTHY[USUAL:]):
            wanted = [(level, *question) for level in found for question in filters]
            parts = attempted(partial(self._asker.together, one, wanted))
            if isinstance(parts, ApiError):
                return None  # reading all of it says what is wrong
            for (level, *_), part in zip(wanted, parts, strict=True):
                if part is None:
                    return None
                found[level] |= {child.name: child for child in part}
            found = {level: children for level, children in found.items() if children}
        return [Node(level, children=tuple(children.values())) for level, children in found.items()]

    def _note(self, nodes: Iterable[Node]) -> None:
        """Note which of these nodes could not be read."""
        for node in nodes:
            if node.unreadable:
                self._flaws[f"{shown(node.level)}: {node.unreadable}"] = None


_NOTEWORTHY: tuple[tuple[Status | None, str | None], ...] = (
    (Status.IN_PROGRESS, None),
    (None, Outcome.FAILED),
    (None, Outcome.WARNING),
    *((None, outcome) for outcome in (Outcome.INCOMPLETE, "STOPPED", "CANCELLED", "TIMED_OUT")),
)
"""The children of a large level that a glance reads: those that run, and all known outcomes but good ones."""

USUAL = 3
"""How many of these show whether a level exists."""


def _names_in(levels: Iterable[Node]) -> Iterator[str]:
    return (child.name for level in levels for child in level.children or ())


def with_children(node: Node, children: Iterable[Node]) -> Node:
    """The node with these children at the end, in place of those of the same names."""
    new = {child.name: child for child in children}
    kept = [child for child in node.children or () if child.name not in new]
    return replace(node, children=(*kept, *new.values()))


def _ordered(node: Node) -> Node:
    """Children in the order in which a migration goes: check before migrate, projects last; else by name."""
    if not node.children:
        return node
    children = sorted(by_name(node.children), key=lambda child: _PLACES.get(child.level, 2))
    return replace(node, children=tuple(_ordered(child) for child in children))


_BELOW: tuple[Level, ...] = tuple((*MIGRATE, name) for name in HIDDEN)
_PLACES: dict[Level, int] = {CHECK: 0, MIGRATE: 1, (*MIGRATE, HIDDEN[0]): 3, (*MIGRATE, HIDDEN[1]): 3}
