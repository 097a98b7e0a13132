"""Which levels of a task's status tree a question needs, and reading them.

A check task's checks are children of its root. A migrate task has `check` and `migrate` below its root, the checks
below the one and the scopes below the other, and there the hidden levels `projects` and `spaces`, which the API does
not list. Below these, checks and projects are leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec
from msgspec.structs import replace

from migstat.errors import ApiError, NotFound, Refused
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
    child_of,
    level_is_hidden,
)
from migstat.query.walk import Ask, Progress, Walked, find, shown, walk

ALL = 99
"""A depth below which there is nothing."""

FEW = 200
"""Children of which a glance reads all; of more it asks the server for those that run or went wrong."""


class Reading(msgspec.Struct, frozen=True):
    """What was read of a task. `root` holds the levels read as nested children.

    `missing` are keys of the job's scope that were not reported, `flaws` what could not be read, a line each.
    `scope` is the hidden level that the task has or would have. `partial` says that of its children only those that
    run or went wrong were asked for, out of `expected`. `links` are those of the first page.
    """

    root: Node
    task_type: str | None
    missing: tuple[str, ...] = ()
    flaws: tuple[str, ...] = ()
    scope: str = HIDDEN[0]
    expected: int = 0
    partial: bool = False
    links: Mapping[str, Any] = {}

    @property
    def check(self) -> Node | None:
        """The node whose children are the checks: `check`, or the root of a check task."""
        return self.root if self.task_type == TaskType.CHECK else child_of(self.root, "check")

    @property
    def migrate(self) -> Node | None:
        """The node of the migration itself; None in a check task and where it is not reported yet."""
        return child_of(self.root, "migrate")

    @property
    def leaves(self) -> tuple[Node, ...]:
        """The projects or spaces that were read."""
        level = child_of(self.migrate, self.scope)
        return (level.children or ()) if level else ()


class Tree:
    """Reads one task. `job` and `task_type` are asked for only where the tree itself does not tell."""

    def __init__(
        self,
        ask: Ask,
        job: Callable[[], Job],
        task_type: Callable[[], str | None],
        progress: Progress = lambda _level, _count: None,
    ) -> None:
        self._ask = ask
        self._ask_job = job
        self._ask_type = task_type
        self._progress = progress
        self._flaws: dict[str, None] = {}
        self._missing: tuple[str, ...] = ()
        self._scope = HIDDEN[0]
        self._expected = 0
        self._partial = False

    def read(self, depth: int, *, judged: bool = False) -> Reading:
        """The root and `depth` levels below it; `judged` reads what the verdict needs, too."""
        judged = judged and self._root.ended
        root = self._expanded(self._root, depth, judged=judged)
        begun = child_of(root, "migrate") is not None
        if (judged or depth > len(MIGRATE) + 1) and not begun and self.task_type == TaskType.MIGRATE:
            self._none_reported(self._job or Job({}))
        return self._reading(root)

    def outline(self, *, judged: bool) -> Reading:
        """The nodes that have something below them: the root, `check`, `migrate` and its scopes."""
        if self.task_type == TaskType.CHECK:
            return self.read(0, judged=judged)
        judged = judged and self._root.ended
        root = self._expanded(self._root, 1, judged=judged)
        migrate = child_of(root, "migrate")
        if migrate is not None and migrate.children is None:
            root = _with(root, [self._expanded(migrate, 1, judged=judged)])
        return self._reading(root)

    def glance(self) -> Reading:
        """What one look should tell: the checks unless all is well, the scopes, and the projects or spaces.

        Of many projects of a running task only those that run or went wrong.
        """
        root = self._expanded(self._root, 1, judged=False)
        return self._reading(_with(root, [self._glanced(child) for child in root.children or ()]))

    def checks(self, *, judged: bool) -> Reading:
        """The checks, and what the verdict needs where `judged`."""
        root = self._expanded(self._root, 1, judged=judged and self._root.ended)
        check = child_of(root, "check")
        if self.task_type == TaskType.MIGRATE and check is not None and check.children is None:
            root = _with(root, [self._expanded(check, 1, judged=False)])
        return self._reading(root)

    def projects(self, wanted: Sequence[str]) -> Reading:
        """The projects or spaces, asking for the `wanted` by name where a walk does not see them.

        Raises NotFound for a check task, which has none.
        """
        if self.task_type == TaskType.CHECK:
            raise NotFound(
                "this is a check task: it has checks, but no projects or spaces",
                "Name a migrate task, or latest-migrate.",
            )
        root = self._expanded(self._root, 1, judged=False)
        migrate = child_of(root, "migrate")
        if migrate is not None and root.ended:
            migrate = self._expanded(migrate, 1, judged=False)
        hidden = self._hidden(wanted)
        if migrate is None and not hidden:
            return self._reading(root)
        return self._reading(_with(root, [_with(migrate or Node(MIGRATE), hidden)]))

    def node(self, level: Level, depth: int) -> Reading:
        """One node by its level, and `depth` levels below it. Raises NotFound where the API knows no such level."""
        page = self._ask(Question(level, expand=depth > 0))
        if not page.found and depth == 0:  # it may be a level that only has children
            page = self._ask(Question(level, expand=True))
            depth = 1
        if not page.found:
            raise NotFound(
                f"there is no level {shown(level)} in this task, or it is not reported yet",
                "migstat status --depth all lists the levels; names are case-sensitive.",
            )
        node = page.node if depth == 0 else self._level(page, depth)
        return Reading(node, _type_by_level(level), self._missing, tuple(self._flaws), links=page.links)

    @property
    def job_name(self) -> str | None:
        """What the user called the job; None where it has no name or cannot be read."""
        return self._job.name if self._job else None

    @cached_property
    def task_type(self) -> str | None:
        """`check` or `migrate`, by the root's children where it has any; else by what the API says of the task."""
        names = {child.name for child in self._first.node.children or ()}
        if names & {"check", "migrate"}:
            return TaskType.MIGRATE
        return TaskType.CHECK if names else self._ask_type()

    @cached_property
    def _first(self) -> Page:
        return self._ask(Question((), expand=True))

    @property
    def _root(self) -> Node:
        return self._first.node

    @cached_property
    def _job_or_error(self) -> Job | ApiError:
        try:
            return self._ask_job()
        except Refused:
            raise
        except ApiError as error:
            return error

    @property
    def _job(self) -> Job | None:
        """The job's definition; where it cannot be read, all but what is missing can still be told."""
        job = self._job_or_error
        if isinstance(job, Job):
            return job
        self._flaws[f"the job's scope, so nobody can say what is not reported yet: {job.message}"] = None
        return None

    def _reading(self, root: Node) -> Reading:
        return Reading(
            _ordered(root),
            self.task_type,
            self._missing,
            tuple(self._flaws),
            self._scope,
            self._expected,
            self._partial,
            self._first.links,
        )

    def _expanded(self, node: Node, depth: int, *, judged: bool) -> Node:
        """The node with its children down to `depth`, or, where judged, at least down to what the verdict needs."""
        if not (depth > 0 or judged) or not _may_have_children(node.level, self.task_type):
            return node
        walked = self._walked(node)
        if isinstance(walked, str):
            return replace(node, unreadable=walked)
        children = [
            self._expanded(child, depth - 1, judged=judged and child.level == MIGRATE) for child in walked.children
        ]
        if node.level == MIGRATE and (depth > 1 or judged):
            children = _joined(children, self._hidden(()))
        return replace(node, children=tuple(children), unreadable=walked.cut)

    def _walked(self, node: Node) -> Walked | str:
        """All children of a node, or why they could not be read."""
        try:
            first = self._first if node.level == () else None
            walked = walk(
                self._ask, node.level, still=self._still(node), first=first, progress=self._progress, partial=True
            )
        except Refused:
            raise
        except ApiError as error:
            if node.level == ():
                raise
            self._flaws[f"{shown(node.level)}: {error.message}"] = None
            return error.message
        self._note(walked)
        return walked

    def _hidden(self, wanted: Sequence[str]) -> list[Node]:
        """The hidden level with all its children, as a list of one or none; notes what is missing."""
        job = self._job or Job({})
        for scope in job.scopes:
            level = (*MIGRATE, scope)
            expected = self._expected_keys(scope)
            try:
                page = self._ask(Question(level, expand=True))
                if not page.found:
                    continue
                walked = walk(
                    self._ask, level, still=self._leaves_still, expected=expected, wanted=wanted, first=page,
                    progress=self._progress, partial=True,
                )  # fmt: skip
            except Refused:
                raise
            except ApiError as error:
                self._flaws[f"{shown(level)}: {error.message}"] = None
                self._scope = scope
                return [Node(level, unreadable=error.message)]
            self._note(walked)
            self._scope, self._missing, self._expected = scope, walked.missing, len(expected)
            return [replace(walked.parent, children=walked.children, unreadable=walked.cut)]
        self._none_reported(job)
        return []

    def _none_reported(self, job: Job) -> None:
        self._scope = job.scopes[0]
        self._missing = job.included_keys(self._scope)
        self._expected = len(self._missing)

    def _glanced(self, child: Node) -> Node:
        if child.level == CHECK and child.state in (State.FAILED, State.WARNING, State.RUNNING):
            return self._expanded(child, 1, judged=False)
        if child.level == MIGRATE and (child.state is not State.PENDING or self._root.ended):
            child = self._expanded(child, 1, judged=False)
            return replace(child, children=tuple(_joined(list(child.children or ()), self._hidden_at_a_glance())))
        return child

    def _hidden_at_a_glance(self) -> list[Node]:
        job = self._job or Job({})
        scope = job.scopes[0]
        level = (*MIGRATE, scope)
        if self._root.ended or len(job.included_keys(scope)) <= FEW:
            return self._hidden(())
        try:
            found = [
                find(self._ask, level, status=Status.IN_PROGRESS),
                *(find(self._ask, level, outcome=bad) for bad in (Outcome.FAILED, Outcome.WARNING)),
            ]
        except Refused:
            raise
        except ApiError:
            found = [None]
        if any(part is None for part in found):
            return self._hidden(())
        self._scope, self._expected, self._partial = scope, len(job.included_keys(scope)), True
        children = {child.name: child for part in found for child in part or ()}
        return [Node(level, children=tuple(children.values()))] if children else []

    def _level(self, page: Page, depth: int) -> Node:
        node, level = page.node, page.node.level
        hidden = level_is_hidden(level)
        still = page.next is not None and (self._leaves_still if hidden else self._still(node))
        # the root was read after the page, so what is still now may have moved since
        first = None if still else page
        # a level that answers tells more than a job that is not there
        known = hidden and not isinstance(self._job_or_error, NotFound)
        expected = self._expected_keys(level[-1]) if known else ()
        walked = walk(
            self._ask, level, still=still, expected=expected, first=first, progress=self._progress, partial=True
        )
        self._note(walked)
        self._missing = walked.missing
        children = [
            self._expanded(child, depth - 1, judged=False) if _may_have_children(child.level, None) else child
            for child in walked.children
        ]
        if level == MIGRATE and depth > 1:
            children = _joined(children, self._hidden(()))
        return _ordered(replace(walked.parent, children=tuple(children), unreadable=walked.cut))

    def _expected_keys(self, scope: str) -> tuple[str, ...]:
        """Keys that must appear below this hidden level; the API may name the one of the other for it."""
        job = self._job or Job({})
        return job.included_keys(scope) or job.included_keys(_other(scope))

    def _still(self, node: Node) -> bool:
        return self._root.ended and node.ended

    @property
    def _leaves_still(self) -> bool:
        """Whether no project moves any more: the root and `migrate`, the hidden levels' parent, have ended."""
        migrate = child_of(self._root, "migrate")
        return self._root.ended and (migrate is None or migrate.ended)

    def _note(self, walked: Walked) -> None:
        for flaw in walked.flaws:
            self._flaws[flaw] = None
        for child in walked.children:
            if child.unreadable:
                self._flaws[f"{shown(child.level)}: {child.unreadable}"] = None


def _may_have_children(level: Level, task_type: str | None) -> bool:
    if level in (CHECK, MIGRATE):
        return task_type != TaskType.CHECK
    return level == () or (len(level) == 2 and level[:1] == MIGRATE)


def _type_by_level(level: Level) -> str:
    """A check task answers nothing for `check`, so whose levels begin so is a migrate task."""
    return TaskType.MIGRATE if level[:1] in (CHECK, MIGRATE) else TaskType.CHECK


def _with(node: Node, children: list[Node]) -> Node:
    """The node with these children in place of, or beside, those it has."""
    names = {child.name for child in children}
    kept = [child for child in node.children or () if child.name not in names]
    return replace(node, children=(*kept, *children))


def _joined(children: list[Node], hidden: list[Node]) -> list[Node]:
    names = {child.name for child in hidden}
    return [*(child for child in children if child.name not in names), *hidden]


def _ordered(node: Node) -> Node:
    """Children in the order in which a migration goes: check before migrate, projects last; else by name."""
    if not node.children:
        return node
    children = sorted(by_name(node.children), key=lambda child: _PLACES.get(child.level, 2))
    return replace(node, children=tuple(_ordered(child) for child in children))


_PLACES: dict[Level, int] = {CHECK: 0, MIGRATE: 1, (*MIGRATE, HIDDEN[0]): 3, (*MIGRATE, HIDDEN[1]): 3}


def _other(scope: str) -> str:
    return HIDDEN[1 - HIDDEN.index(scope)]
