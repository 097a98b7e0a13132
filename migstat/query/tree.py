"""Which levels of a task's status tree a question needs, and reading them, each at most once.

A check task's checks are children of its root, or of `check`, or of both. A migrate task has `check` and `migrate`
below its root, the checks below the one and the scopes below the other, and there the hidden levels `projects` and
`spaces`, which the API does not list. Below these, checks and projects are leaves.
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
from migstat.query.walk import Asker, Filters, ask_by_name, attempted, find, shown, walk

ALL = 99
"""A depth below which there is nothing."""

FEW = 200
"""Children of which a glance reads all; of more it asks the server for those that run or went wrong."""


class TaskFacts(Protocol):
    """The job that a task is a run of, and its type. All may ask the API and raise ApiError."""

    @property
    def job(self) -> Job:
        """The job's definition."""

    @property
    def known_type(self) -> str | None:
        """The task's type if it is known from finding the task; asks nothing more."""

    @property
    def asked_type(self) -> str | None:
        """The task's type as the API's list of runs has it."""


class Reading(msgspec.Struct, frozen=True):
    """The part of a task that was read. `root` holds the levels read as nested children.

    `evidence` is what the verdict rests on, which does not depend on what else was read; None if that is the node
    alone. `missing` are keys of the job's scope that were not reported, `flaws` what could not be read, a line each.
    `scope` is the hidden level that the task has or would have. `partial` says that of its children only those that
    run or went wrong were asked for, out of `expected`. `links` are those of the first page.
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
    def migrate(self) -> Node | None:
        """The node of the migration itself; None in a check task and if it is not reported yet."""
        return child_of(self.root, "migrate")

    @property
    def leaves(self) -> tuple[Node, ...]:
        """The projects or spaces that were read, or the checks of a check task."""
        return leaves_of(self.root, self.task_type)


class Tree:
    """Reads one task by the answers of `asker`. The `facts` are asked for only if the tree does not show them."""

    def __init__(self, facts: TaskFacts, asker: Asker, filters: Filters | None = None) -> None:
        self._facts = facts
        self._asker = asker
        self._filters = filters or Filters()
        self._expanded: dict[Level, Node] = {}
        self._pages: dict[Level, int] = {}
        self._absent: dict[Level, frozenset[str]] = {}
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
        root = self._with_checks(self._to_depth(self._root, 1), only_if_bad=True)
        migrate = child_of(root, "migrate")
        partial = False
        if self.task_type != TaskType.CHECK and (
            self._root.ended or (migrate is not None and migrate.state is not State.PENDING)
        ):
            some = self._few_leaves()
            partial = some is not None
            hidden = self._hidden if some is None else some
            below = self._children_of(migrate) if migrate else Node(MIGRATE, children=())
            if migrate or hidden:
                root = _with(root, [_with(below, hidden)])
        return self._reading(root, partial=partial)

    def checks(self) -> Reading:
        """The checks."""
        self._look_ahead(CHECK)
        return self._reading(self._with_checks(self._to_depth(self._root, 1)))

    def only_checks(self) -> Reading:
        """The checks without what the verdict over the task needs."""
        root = self._with_checks(self._to_depth(self._root, 1))
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
        root = self._to_depth(self._root, 1)
        migrate = child_of(root, "migrate")
        hidden = [self._with_named(level, wanted) for level in self._hidden]
        below = self._children_of(migrate) if migrate is not None and self._root.ended else migrate or Node(MIGRATE)
        return self._reading(_with(root, [_with(below, hidden)]) if hidden or migrate else root)

    def node(self, level: Level, depth: int) -> Reading:
        """One node by its level, and `depth` levels below it. Raises NotFound if the API knows no such level."""
        page = self._asker.ask(Question(level, expand=depth > 0))
        if not page.found and depth == 0:  # it may be a level that only has children
            page = self._asker.ask(Question(level, expand=True))
            depth = 1
        if not page.found:
            raise NotFound(
                f"level {shown(level)} does not exist in this task, or is not reported yet",
                "migstat status --depth all lists the levels; names are case-sensitive.",
            )
        node = page.node
        if node.unreadable:
            self._flaws[f"{shown(level)}: {node.unreadable}"] = None
        missing: tuple[str, ...] = ()
        if depth > 0:
            # the page was read before the root, so a node that is still now may have moved since
            self._expand(page.node, first=page if page.next is None else None)
            if level_is_hidden(level):
                keys = () if isinstance(self._job_or_error, NotFound) else self._keys
                named = self._with_named(self._expanded[level], keys if len(keys) <= FEW else ())
                self._expanded[level] = named
                missing = unmatched(keys, _names_in([named]))
            node = self._to_depth(page.node, depth)
            if "_hidden" in self.__dict__:
                missing = unmatched(self._keys, _names_in(self._hidden))
        task_type = TaskType.MIGRATE if level[:1] in (CHECK, MIGRATE) else TaskType.CHECK
        return Reading(_ordered(node), task_type, None, missing=missing, flaws=tuple(self._flaws), links=page.links)

    @cached_property
    def task_type(self) -> str | None:
        """`check` or `migrate`. What the list of runs says is believed before the shape of the tree."""
        if self._cheap_type is not None:
            return self._cheap_type
        names = {child.name for child in self._root.children or ()}
        asked = attempted(lambda: self._facts.asked_type)
        if isinstance(asked, ApiError):
            if not names:
                raise asked
            asked = None
        return asked or ((TaskType.MIGRATE if "check" in names else TaskType.CHECK) if names else None)

    @property
    def _cheap_type(self) -> str | None:
        """The type where nothing more must be asked: only a migrate task has `migrate`."""
        is_migrate = any(child.name == "migrate" for child in self._root.children or ())
        return self._facts.known_type or (TaskType.MIGRATE if is_migrate else None)

    def _look_ahead(self, *levels: Level) -> None:
        """Ask for the root, the job and the first pages of these levels at the same time.

        Of a task that runs, it does not matter which was answered first. Of one that has ended, a page may be older
        than the end, so what the verdict needs is asked for again, once the root's answer is there.
        """
        if "_first" in self.__dict__:
            return
        if self._facts.known_type == TaskType.CHECK:  # which finds the task, before several threads need its id
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
        if page.node.unreadable:  # its children may well be read
            self._flaws[f"the task: {page.node.unreadable}"] = None
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
        """All that the verdict over a task rests on whose root has ended."""
        root = self._to_depth(self._root, 1)
        if self.task_type == TaskType.CHECK:
            return Evidence(root=self._with_checks(root), task_type=self.task_type, job=None)
        if root.outcome and root.state is State.FAILED and not root.children:
            return Evidence(root=root, task_type=self.task_type, job=None)  # it could not start: there is nothing else
        migrate = child_of(root, "migrate")
        below = self._children_of(migrate) if migrate else Node(MIGRATE, children=())
        listed = [child for child in below.children or () if not level_is_hidden(child.level)]
        self._asker.together(self._fetch, [child.level for child in listed if child.level not in self._expanded])
        scopes = [self._children_of(child) for child in listed]
        if migrate or self._hidden:
            root = _with(root, [_with(below, [*scopes, *self._hidden])])
        return Evidence(root=root, task_type=self.task_type, job=self._job)

    def _reading(self, root: Node, *, partial: bool = False) -> Reading:
        hidden = self.__dict__.get("_hidden")
        if self._root.ended:
            evidence = self._evidence
            hidden = self.__dict__.get("_hidden")
        else:  # it runs, whatever is below: what was read of it only adds to the reasons and counts
            seen = root if root.children is not None else self._root
            job = self._job if hidden is not None else None
            evidence = Evidence(root=seen, task_type=self.task_type, job=job)
        known = self.__dict__.get("_job_or_error")
        job = known if isinstance(known, Job) else None
        order = job.scopes if job else HIDDEN
        names = {child.name for child in (child_of(root, "migrate") or Node()).children or ()}
        names |= {level.name for level in hidden or ()}
        keys = self._keys if job else ()
        return Reading(
            _ordered(root),
            self.task_type,
            evidence,
            job,
            () if hidden is None else unmatched(keys, _names_in(hidden)),
            tuple(self._flaws),
            next((name for name in order if name in names), order[0]),
            len(keys),
            partial,
            self._first.links,
        )

    def _to_depth(self, node: Node, depth: int) -> Node:
        """The node with so many levels of children; the hidden levels are counted as scopes with children."""
        branches = node.level in ((), CHECK, MIGRATE) or (len(node.level) == 2 and node.level[:1] == MIGRATE)
        if depth <= 0 or not branches:
            return replace(node, children=None)
        full = self._children_of(node)
        if full.children is None and not (node.level == MIGRATE and depth > 1 and self._hidden):
            return full
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
            needed = {State.FAILED, State.RUNNING} if begun else {State.FAILED, State.WARNING, State.RUNNING}
            if check is None or (only_if_bad and check.state not in needed):
                return root
            return _with(root, [self._children_of(check)])
        if any(child.level != CHECK for child in root.children or ()):
            return root
        # the vendor's pages disagree: some say that a check task answers its checks below `check`
        below = self._children_of(check or Node(CHECK))
        return _with(root, [below]) if check or below.children or below.unreadable else root

    def _children_of(self, node: Node) -> Node:
        """The node with all its children, which have none of their own."""
        if node.level not in self._expanded:
            self._expand(node, first=self._first if node.level == () else None)
        return self._expanded[node.level]

    def _expand(self, node: Node, *, first: Page | None = None) -> None:
        """Walk a level. The flaw of one that cannot be read is noted; a level that does not exist has no children."""
        level = node.level
        alone = first is not None and first.next is None  # then nothing more must be asked
        hidden = level_is_hidden(level)
        still = running = False
        if not alone:
            migrate = child_of(self._root, "migrate")
            above = migrate if hidden else node  # a hidden level has no status of its own
            over = above is None or above.ended
            still, running = self._root.ended and over, not self._root.ended and not over
        keys = self._keys if hidden and isinstance(self._job_or_error, Job) else ()
        try:
            walked = walk(
                self._asker,
                level,
                still=still,
                filters=self._filters,
                first=first or self._page(level),
                keys=keys,
                running=running,
            )
        except Refused:
            raise
        except ApiError as error:
            if level == ():
                raise
            self._flaws[f"{shown(level)}: {error.message}"] = None
            self._expanded[level] = replace(node, unreadable=error.message)
            return
        parent = walked.parent if level_is_hidden(level) or not (node.status or node.outcome) else node
        children = Crowd(walked.children) if hidden else walked.children
        self._expanded[level] = replace(parent, children=children, unreadable=walked.cut or parent.unreadable)
        self._pages[level] = walked.pages
        self._absent[level] = walked.absent
        if walked.cut:
            self._flaws[f"{shown(level)}: after {len(walked.children)} children: {walked.cut}"] = None
        self._note(walked.children)

    @cached_property
    def _hidden(self) -> tuple[Node, ...]:
        """The hidden levels that the API answers, with all their children. All that answer count."""
        found = []
        for scope in self._job.scopes if self._job else HIDDEN:
            level = (*MIGRATE, scope)
            try:
                page = self._page(level)
            except Refused:
                raise
            except ApiError as error:
                self._flaws[f"{shown(level)}: {error.message}"] = None
                found.append(Node(level, unreadable=error.message))
                continue
            if page.found:
                self._expand(Node(level), first=page)
                found.append(self._expanded[level])
        unseen = unmatched(self._keys, _names_in(found))
        if not unseen or len(unseen) >= sum(self._pages.get(level.level, 0) for level in found):
            return tuple(found)
        return tuple(self._with_named(level, unseen) for level in found)

    def _with_named(self, level: Node, names: Sequence[str]) -> Node:
        """The level with its children of these names, which are asked for if they were not seen."""
        children = {child.name: child for child in level.children or ()}
        known = {*match_keys(names, children), *self._absent.get(level.level, ())}
        for name, answer in ask_by_name(self._asker, level.level, [name for name in names if name not in known]):
            if not isinstance(answer, ApiError):
                if answer.found:
                    children[name] = answer.node
            elif not isinstance(answer, NotFound):  # it may be there, and it may have failed
                children[name] = Node((*level.level, name), unreadable=answer.message)
        if len(children) == len(level.children or ()):
            return level
        self._note(children.values())
        return replace(level, children=tuple(children.values()))

    def _few_leaves(self) -> list[Node] | None:
        """Of many children of a running task those that run or went wrong; None if all of them should be read."""
        if self._root.ended or len(self._keys) <= FEW:
            return None
        found: dict[Level, dict[str, Node]] = {
            (*MIGRATE, scope): {} for scope in (self._job.scopes if self._job else HIDDEN)
        }
        for wanted in (_NOTEWORTHY[:USUAL], _NOTEWORTHY[USUAL:]):
            asked = [(level, *each) for level in found for each in wanted]
            try:
                parts = self._asker.together(self._find, asked)
            except Refused:
                raise
            except ApiError:
                return None  # reading all of it says what is wrong
            for (level, *_), part in zip(asked, parts, strict=True):
                if part is None:
                    return None
                found[level] |= {child.name: child for child in part}
            found = {level: children for level, children in found.items() if children}  # else it is well, or not there
        return [Node(level, children=tuple(children.values())) for level, children in found.items()]

    def _find(self, wanted: tuple[Level, Status | None, str | None]) -> tuple[Node, ...] | None:
        level, status, outcome = wanted
        return find(self._asker, level, status=status, outcome=outcome, filters=self._filters)

    def _note(self, children: Iterable[Node]) -> None:
        for child in children:
            if child.unreadable:
                self._flaws[f"{shown(child.level)}: {child.unreadable}"] = None


_NOTEWORTHY: tuple[tuple[Status | None, str | None], ...] = (
    (Status.IN_PROGRESS, None),
    (None, Outcome.FAILED),
    (None, Outcome.WARNING),
    *((None, outcome) for outcome in (Outcome.INCOMPLETE, "STOPPED", "CANCELLED", "TIMED_OUT")),
)
"""The children read of a large level: those that run, and every known outcome that is not a good one."""

USUAL = 3
"""The first of these, which show whether a level exists."""


def _names_in(levels: Iterable[Node]) -> Iterator[str]:
    return (child.name for level in levels for child in level.children or ())


def _with(node: Node, children: Iterable[Node]) -> Node:
    """The node with these children in place of, or beside, those it has."""
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
