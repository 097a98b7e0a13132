"""What the first reading of a task has seen so far: that of 20 000 projects takes minutes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock

from msgspec.structs import replace

from migstat.api.retry import Clock
from migstat.model.events import View
from migstat.model.nodes import MIGRATE, Level, Node, Page, Question, child_of, level_is_hidden
from migstat.model.verdict import Snapshot, Verdict, summary_of
from migstat.query.task import TaskSession

EVERY = 1.0
"""Seconds between two views."""


class Filling:
    """Shows views of a first reading while it goes on, each more complete than the one before.

    `show` is called from whichever thread has read a page. No view has a verdict: nothing is known of what was not
    read yet.
    """

    def __init__(self, session: TaskSession, clock: Clock, show: Callable[[View], None]) -> None:
        self.over = False
        self._session = session
        self._clock = clock
        self._show = show
        self._shown_at = clock()
        self._outline: dict[Level, Node] = {}
        self._hidden: dict[Level, Node] = {}
        self._lock = Lock()

    def answered(self, question: Question, page: Page) -> None:
        """Take note of the root and of the scopes."""
        if not self.over and question.level in ((), MIGRATE):
            self._outline[question.level] = page.node

    def reading(self, level: Level, seen: Mapping[str, Node]) -> None:
        """Show what was seen of the projects or spaces, if it is time."""
        with self._lock:
            due = not self.over and level_is_hidden(level) and self._clock() - self._shown_at >= EVERY
            if due:
                self._shown_at = self._clock()
        if due:
            self._hidden[level] = Node(level, children=tuple(seen.values()))
            self._show(self._view(level, len(seen)))

    def _view(self, level: Level, count: int) -> View:
        now, job, task = self._session.now(), self._session.known_job, self._session.task
        keys = job.included_keys(level[-1]) if job else ()
        leaves = self._hidden[level].children or ()
        return View(
            at=now,
            scope=level[-1],
            reading=(count, max(len(keys), count) if keys else 0),
            snapshot=Snapshot(
                job_id=task.job_id,
                task_id=task.task_id,
                task_type=task.task_type,
                fetched_at=now,
                node=self._root(),
                verdict=Verdict.RUNNING,
                job_name=job.name if job else None,
                destination=job.destination if job else None,
                summary=summary_of(leaves, max(0, len(keys) - count)),
            ),
        )

    def _root(self) -> Node:
        root = self._outline.get((), Node())
        scopes = self._outline.get(MIGRATE) or child_of(root, MIGRATE[0]) or Node(MIGRATE)
        children = (*(scopes.children or ()), *self._hidden.values())
        others = tuple(child for child in root.children or () if child.level != MIGRATE)
        return replace(root, children=(*others, replace(scopes, children=children)))
