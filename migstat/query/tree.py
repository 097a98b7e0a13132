"""Which levels of a task's status tree a question needs, and reading them, each at most once.

A check task's checks are children of its root, or of `check`, or of both: the vendor's pages disagree. A migrate task
has `check` and `migrate` below its root, the checks below the one and the scopes below the other. There, too, are the
hidden levels `projects` and `spaces`, which the API does not list and answers only with their children. Checks and
projects are leaves.

The order of requests matters: whether a level can still move is decided by a root that was read before the level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from migstat.errors import ApiError, NotFound, Refused
from migstat.model.crowd import Crowd
from migstat.model.nodes import (
    CHECK,
    HIDDEN,
    HIDDEN_LEVELS,
    MIGRATE,
    RARE_FAILURES,
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
    child_of,
    level_text,
    match_keys,
    unmatched,
)
from migstat.model.shape import Evidence
from migstat.query.walk import MOST, Asker, Filters, Walked, ask_by_name, attempted, find, walk

ALL = 99
"""Deeper than any tree."""

MANY = 200
"""Children of a level; of more than these, a glance requests only those that run or went wrong."""


class TaskTarget(msgspec.Struct, frozen=True):
    """One task: its type and the run before it of the same kind, if the list of runs was read to find it."""

    task_id: str
    task_type: str | None
    before: str | None = None


class TaskFacts(Protocol):
    """A task, its job and its type. All may ask the API and raise ApiError."""

    @property
    def task(self) -> TaskTarget:
        """The task's id, and its type if that came with it."""

    @property
    def job(self) -> Job:
        """The job's definition."""

    @property
    def asked_type(self) -> str | None:
        """The task's type according to the API's list of runs."""


class Reading(msgspec.Struct, frozen=True):
    """The part of a task that was read: `root`, with the levels below it as nested children.

    `evidence` is what the verdict rests on, the same whatever else was read; None if that is the node alone. `missing`
    are keys of the job's scope that were not reported, `flaws` what could not be read, one line each. `scope` is the
    hidden level that the task has or would have. With `partial` only those of its children that run or went wrong were
    requested. `links` are those of the first page.
    """

    root: Node
    task_type: str | None
    evidence: Evidence | None
    missing: tuple[str, ...] = ()
    flaws: tuple[str, ...] = ()
    scope: str = HIDDEN[0]
    partial: bool = False
    links: Mapping[str, Any] = {}


class Tree(msgspec.Struct, dict=True):
    """Reads one task through its `asker`. The `facts` are asked for only if the tree does not show them.

    A cached property in `__dict__` has been read; looking there makes no request.
    """

    _facts: TaskFacts
    _asker: Asker
    _filters: Filters = msgspec.field(default_factory=Filters)
    _pages: dict[Level, Page | ApiError] = {}
    _expanded: dict[Level, Node] = {}
    _walked: dict[Level, Walked] = {}
    _job_error: ApiError | None = None
    _flaws: dict[str, None] = {}

    def read(self, depth: int, *, judged: bool = False) -> Reading:
        """The root and `depth` levels below it, and evidence only if it is `judged`. The root alone is one request."""
        if judged:
            self._look_ahead()
        root = self._to_depth(self._root, depth)
        if depth > 0 and self.task_type == TaskType.CHECK:
            root = self._with_checks(root)
        return self._reading(root, judged=judged)

    def glance(self) -> Reading:
        """An overview: the checks unless all is well, the scopes, and the projects or spaces.

        Of many projects of a running task only those that run or went wrong.
        """
        self._look_ahead(MIGRATE, *HIDDEN_LEVELS)
        root = self._children_of(self._root)
        if self.task_type == TaskType.CHECK:
            own = any(child.level != CHECK for child in root.children or ())
            return self._reading(root if own else self._with_checks(root))  # those in both places are shown once
        check, migrate = child_of(root, "check"), child_of(root, "migrate")
        begun = migrate is not None and migrate.state is not State.PENDING
        # once the migration has begun, warnings have been accepted
        bad = (State.FAILED, State.RUNNING) if begun else (State.FAILED, State.RUNNING, State.WARNING)
        if check is not None and check.state in bad:
            root = with_children(root, [self._children_of(check)])
        # before `migrate` is reported, its projects may be
        if migrate is not None and not begun and not self._root.ended:
            return self._reading(root, hidden=())
        few = self._few_leaves()
        scopes = self._hidden if few is None else few
        root = _with_scopes(root, migrate and self._children_of(migrate), scopes)
        return self._reading(root, partial=few is not None)

    def checks(self, *, ended: bool = False) -> Reading:
        """The checks, without what the verdict on the task needs; `ended` says that it probably has."""
        if not ended:  # what is asked for together with a root that has ended must be asked for again
            self._look_ahead(CHECK, judged=False)
        root = self._with_checks(self._children_of(self._root))
        return Reading(_ordered(root), self.task_type, None, flaws=tuple(self._flaws))

    def projects(self, wanted: Sequence[str] = ()) -> Reading:
        """The projects or spaces, asking for the `wanted` by name if a walk does not see them.

        Raises NotFound for a check task, which has none.
        """
        self._look_ahead(*HIDDEN_LEVELS)
        if self.task_type == TaskType.CHECK:
            raise NotFound(
                "this is a check task: it has checks, but no projects or spaces",
                "Give a migrate task, or latest-migrate.",
            )
        root = self._children_of(self._root)
        hidden = self._with_named(self._hidden, wanted) if wanted else self._hidden
        # the list does not show the other scopes, so they are not worth a request unless the verdict needs them
        return self._reading(_with_scopes(root, child_of(root, "migrate"), hidden), hidden=hidden)

    def node(self, level: Level, depth: int) -> Reading:
        """One node by its level, and `depth` levels below it. Raises NotFound if the API knows no such level."""
        page = self._page(level) if depth > 0 else self._asker.ask(Question(level))
        if not page.found and depth == 0:  # a hidden level answers nothing without its children
            page, depth = self._page(level), 1
        if not page.found:
            raise NotFound(
                f"level {level_text(level)} does not exist in this task, or is not reported yet",
                "'status --depth all' lists the levels; names are case-sensitive.",
            )
        node = page.node
        self._note([node])
        # where there is no such job, nothing can be missing
        if depth > 0 and level in HIDDEN_LEVELS and (self.job or not isinstance(self._job_error, NotFound)):
            found = self._children_of(node)
            if self._missing_from((found,)):  # they may hang below the other level, which is read after the root
                self._look_ahead()
                self._expanded[level] = next((each for each in self._hidden if each.level == level), found)
        node = self._to_depth(node, depth)
        task_type = self._facts.task.task_type or (
            TaskType.MIGRATE if level[:1] in (CHECK, MIGRATE) else TaskType.CHECK
        )
        return Reading(
            root=_ordered(node),
            task_type=task_type,
            evidence=None,
            missing=self._missing_from(),
            flaws=tuple(self._flaws),
            scope=level[-1] if level in HIDDEN_LEVELS else self._scope_name,
            links=page.links,
        )

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

    @cached_property
    def job(self) -> Job | None:
        """The job's definition, if it can be read; it is asked for once."""
        job = attempted(lambda: self._facts.job)
        if isinstance(job, Job):
            return job
        self._job_error = job
        return None

    @property
    def _cheap_type(self) -> str | None:
        """The type if it is known without another request: only a migrate task has `migrate`."""
        return self._facts.task.task_type or (TaskType.MIGRATE if child_of(self._root, "migrate") else None)

    def _look_ahead(self, *levels: Level, judged: bool = True) -> None:
        """Ask for the root, the job and the first pages of these levels at the same time.

        If the root has ended and the task is `judged`, all that its verdict needs is asked for anew, at the same time.
        """
        if "_root" in self.__dict__:  # earlier readings hold, and a second view requests only what it adds
            return
        if self._facts.task.task_type == TaskType.CHECK:  # also finds the task, before several threads need its id
            levels = ()
        self._ask_ahead(((), *levels), lambda: self.job)
        if judged and self._root.ended and child_of(self._root, "migrate"):
            self._ask_ahead(dict.fromkeys((MIGRATE, *HIDDEN_LEVELS, *levels)))

    def _ask_ahead(self, levels: Iterable[Level], *others: Callable[[], object]) -> None:
        """Ask for the first pages of these levels, and ask these other questions, at the same time."""
        asks: list[Callable[[], object]] = [partial(self._page, level) for level in levels]
        self._asker.together(attempted, [*others, *asks])  # the job first, as its answer may be the longest

    def _page(self, level: Level) -> Page:
        """The first page of a level, which is asked for once. Raises ApiError."""
        if level not in self._pages:
            self._pages[level] = attempted(lambda: self._asker.ask(Question(level, expand=True)))
        page = self._pages[level]
        if isinstance(page, ApiError):
            raise page
        return page

    @cached_property
    def _root(self) -> Node:
        root = self._page(()).node
        if root.ended:
            # While the task runs, it does not matter what was answered first. But an end is final, and a page answered
            # before the root may still show a project running that has failed since, so it must be asked for again.
            self._pages = {(): self._pages[()]}
            self._expanded.clear()
            self._walked.clear()
        self._note([root])  # its children may well have been read
        return root

    @cached_property
    def _scope(self) -> Job:
        """The job's definition; if it cannot be read, everything but what is missing is still known."""
        if self.job is None and self._job_error is not None:
            why = f"{self._job_error.message}; missing projects cannot be detected"
            self._flaws[f"the job's scope: {why}"] = None
        return self.job or Job({})

    @property
    def _scope_name(self) -> str:
        """The hidden level that the task has or would have, by what has been read."""
        job: Job | None = self.__dict__.get("job")
        levels: list[Level] | None = self.__dict__.get("_hidden_levels")
        return levels[0][-1] if levels else job.scopes[0] if job else HIDDEN[0]

    @cached_property
    def _evidence(self) -> Evidence:
        """Everything that the verdict rests on for a task whose root has ended."""
        root = self._children_of(self._root)
        if self.task_type == TaskType.CHECK:
            return Evidence(root=self._with_checks(root), task_type=self.task_type, job=None)
        check, migrate = child_of(root, "check"), child_of(root, "migrate")
        if check and check.state is State.FAILED:  # the verdict rests on it alone, but its checks are the reasons
            root = with_children(root, [self._children_of(check)])
        migrate = migrate and self._children_of(migrate)
        scopes = [child for child in (migrate and migrate.children) or () if child.level not in HIDDEN_LEVELS]
        self._ask_ahead(child.level for child in scopes)
        # projects may be reported without the phase that they are part of, even of a task that looks as if refused
        root = _with_scopes(root, migrate, [*map(self._children_of, scopes), *self._hidden])
        return Evidence(root=root, task_type=self.task_type, job=self.job)

    def _reading(
        self, root: Node, *, judged: bool = True, partial: bool = False, hidden: tuple[Node, ...] | None = None
    ) -> Reading:
        """The reading of this root; keys of the job's scope that are not in the `hidden` levels are missing."""
        evidence = self._evidence if judged and self._root.ended else None
        if judged and evidence is None:  # it runs, whatever is below: that only adds to the reasons and counts
            scope_counts = hidden is not None or "_hidden" in self.__dict__
            seen = root if root.children is not None else self._root
            evidence = Evidence(root=seen, task_type=self.task_type, job=self.job if scope_counts else None)
            if evidence.shape.blocked and not evidence.shape.migrate:  # unless it has begun without saying so
                seen = _with_scopes(seen, None, self._hidden)
                evidence = Evidence(root=seen, task_type=self.task_type, job=self.job)
        return Reading(
            root=_ordered(root),
            task_type=self.task_type if judged else self._cheap_type,
            evidence=evidence,
            missing=self._missing_from(hidden),
            flaws=tuple(self._flaws),
            scope=self._scope_name,
            partial=partial,
            links=self._page(()).links,
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
            self._to_depth(child, depth - 1) for child in full.children or () if child.level not in HIDDEN_LEVELS
        ]
        if node.level == MIGRATE and depth > 1:
            children += self._hidden
        full = replace(full, children=tuple(children))
        if node.level == () and depth > 2 and child_of(full, "migrate") is None and self.task_type != TaskType.CHECK:
            # the projects may be reported before the phase that they are part of
            return _with_scopes(full, None, self._hidden)
        return full

    def _with_checks(self, root: Node) -> Node:
        """The root with the checks of the task, wherever they hang."""
        check = child_of(root, "check")
        if check is None and (self.task_type != TaskType.CHECK or root.children):
            return root
        below = self._children_of(check or Node(CHECK))  # it answers although it is not listed, or there is none
        return with_children(root, [below]) if check or below.children or below.unreadable else root

    def _children_of(self, node: Node, most: int = MOST) -> Node:
        """The node with all its children, which have none of their own; a level that does not exist has none.

        The flaw of a level that cannot be read is noted. One with `most` children and more is not read to its end, and
        not kept.
        """
        level, hidden = node.level, node.level in HIDDEN_LEVELS
        if level in self._expanded:
            return self._expanded[level]
        still = running = False
        first = self._pages.get(level)
        # a single page is complete, so the root need not be asked for
        if first is None or (isinstance(first, Page) and first.next is not None):
            # A hidden level has no status of its own. The root alone proves nothing: `apps` may go on after it.
            above = child_of(self._root, "migrate") if hidden else node
            over = above is None or above.ended
            still, running = self._root.ended and over, not self._root.ended and not over
        try:
            first = self._page(level)
            # `_scope` alone would note that the job is unreadable, of a walk that can do without
            keys = self._scope.keys if hidden and self.job else ()
            walked = walk(
                self._asker,
                level,
                still=still,
                filters=self._filters,
                first=first,
                keys=keys,
                running=running,
                most=most,
            )
        except Refused:
            raise
        except ApiError as error:
            if level == ():
                raise
            found = replace(node, unreadable=error.message)
            self._note([found])
        else:
            if most < MOST and walked.cut and len(walked.children) >= most:
                return node
            self._walked[level] = walked
            parent = walked.parent if hidden or not (node.status or node.outcome) else node
            # of the thousands below a hidden level, to be sorted and counted once
            children = Crowd(by_name(walked.children)) if hidden else walked.children
            seen = len(walked.children)
            count = f"{seen} of {len(keys)}" if len(keys) > seen else str(seen)
            cut = walked.cut and f"list incomplete after {count} {level[-1] if hidden else 'children'}: {walked.cut}"
            found = replace(parent, children=children, unreadable=cut or parent.unreadable)
            if cut:
                self._flaws[f"{level_text(level)}: {cut}"] = None
            self._note(walked.children)
        self._expanded[level] = found
        return found

    @cached_property
    def _hidden_levels(self) -> list[Level]:
        """The hidden levels that exist, as the API answers them, or may exist, as they cannot be read."""
        levels: list[Level] = [(*MIGRATE, scope) for scope in self._scope.scopes]
        self._ask_ahead(levels)
        return [level for level in levels if isinstance(page := self._pages[level], ApiError) or page.found]

    @cached_property
    def _hidden(self) -> tuple[Node, ...]:
        """The hidden levels with all their children. All that exist count."""
        found = tuple(self._children_of(Node(level)) for level in self._hidden_levels)
        missing = self._missing_from(found)
        # A key not seen may be a child that escaped the walk. If there are so many that asking costs another walk, they
        # are more likely not reported yet.
        cost = sum(self._walked[level].pages for level in self._hidden_levels if level in self._walked)
        return self._with_named(found, missing) if 0 < len(missing) < cost else found

    def _missing_from(self, hidden: tuple[Node, ...] | None = None) -> tuple[str, ...]:
        """Keys of the job's scope that these hidden levels do not show; by default all of them, once they were read."""
        levels: tuple[Node, ...] | None = self.__dict__.get("_hidden") if hidden is None else hidden
        if levels is None:
            return ()
        return unmatched(self._scope.keys, (child.name for level in levels for child in level.children or ()))

    def _with_named(self, levels: Iterable[Node], names: Sequence[str]) -> tuple[Node, ...]:
        """The hidden levels with their children of these names, which are asked for if they were not seen."""
        found = []
        for level in levels:
            children = {child.name: child for child in level.children or ()}
            walked = self._walked.get(level.level)
            known = {*match_keys(names, children), *(walked.absent if walked else ())}
            asked = ask_by_name(self._asker, level.level, [name for name in names if name not in known])
            new = [child for child in asked.values() if child]
            self._note(new)
            children |= {child.name: child for child in new}
            found.append(replace(level, children=Crowd(by_name(children.values()))) if new else level)
        return tuple(found)

    def _few_leaves(self) -> list[Node] | None:
        """Of many children of a running task those that run or went wrong; None if all of them should be read."""
        levels, keys = self._hidden_levels, self._scope.keys
        if self._root.ended or not levels:
            return None
        many = len(keys) > MANY
        if not keys:  # then only reading them tells how many there are
            for level in levels:
                self._children_of(Node(level), most=MANY + 1)
            many = any(level not in self._expanded for level in levels)
        if not many:
            return None
        found = []
        for level in levels:
            children = attempted(partial(find, self._asker, level, _NOTEWORTHY, self._filters))
            if children is None or isinstance(children, ApiError):
                return None  # reading all of it says what is wrong
            found.append(Node(level, children=Crowd(by_name(children))))
        return found

    def _note(self, nodes: Iterable[Node]) -> None:
        """Note which of these nodes could not be read."""
        for node in nodes:
            if node.unreadable:
                self._flaws[f"{level_text(node.level)}: {node.unreadable}"] = None


_NOTEWORTHY: tuple[tuple[Status | None, str | None], ...] = (
    (Status.IN_PROGRESS, None),
    (None, Outcome.FAILED),
    (None, Outcome.WARNING),
    *((None, outcome) for outcome in RARE_FAILURES),
)
"""The children of a large level that a glance reads: those that run, and all known outcomes but good ones."""


def with_children(node: Node, children: Iterable[Node]) -> Node:
    """The node with these children at the end, in place of those of the same names."""
    new = {child.name: child for child in children}
    kept = [child for child in node.children or () if child.name not in new]
    return replace(node, children=(*kept, *new.values()))


def _with_scopes(root: Node, migrate: Node | None, scopes: Iterable[Node]) -> Node:
    """The root with `migrate` and these scopes among its others; it exists if any of them does."""
    scopes = tuple(scopes)
    return with_children(root, [with_children(migrate or Node(MIGRATE), scopes)]) if migrate or scopes else root


def _ordered(node: Node) -> Node:
    """Children in the order in which a migration goes: check before migrate, projects last; else by name."""
    if not node.children or isinstance(node.children, Crowd):  # which is sorted
        return node
    children = sorted(by_name(node.children), key=lambda child: _PLACES.get(child.level, 2))
    return replace(node, children=tuple(_ordered(child) for child in children))


_PLACES: dict[Level, int] = {CHECK: 0, MIGRATE: 1, (*MIGRATE, HIDDEN[0]): 3, (*MIGRATE, HIDDEN[1]): 3}
