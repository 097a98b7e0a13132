"""Asks for a watch, and shows what its first reading has seen so far: that of 20,000 projects takes minutes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock

from msgspec.structs import replace

from migstat.follow.deadline import Deadline
from migstat.model.events import View
from migstat.model.nodes import MIGRATE, Level, Node, Page, Question, child_of, level_is_hidden
from migstat.model.verdict import Snapshot, Verdict, summary_of
from migstat.query.task import TaskSession

EVERY = 1.0
"""Seconds between two views."""


class Filling:
    """Asks like its session until the time is up; after that, asking raises Stopped.

    Until the first reading is `over`, `show` gets a view every second, each more complete than the last, in whichever
    thread has read a page. No view has a verdict, as what was not read yet may hold anything.
    """

    def __init__(self, session: TaskSession, deadline: Deadline, show: Callable[[View], None]) -> None:
        self.over = False
        self.together = session.together
        self._session = session
        self._deadline = deadline
        self._show = show
        self._shown_at = deadline.clock()
        self._outline: dict[Level, Node] = {}
        self._hidden: dict[Level, Node] = {}
        self._lock = Lock()

    def ask(self, question: Question) -> Page:
        """Ask, and note the root and the scopes."""
        self._deadline.check()
        page = self._session.ask(question)
        if not self.over and question.level in ((), MIGRATE):
            self._outline[question.level] = page.node
        return page

    def reading(self, level: Level, seen: Mapping[str, Node]) -> None:
        """Show the projects or spaces seen so far, if it is time."""
        self._session.reading(level, seen)
        if self.over or not level_is_hidden(level):
            return
        with self._lock:
            clock = self._deadline.clock()
            if clock - self._shown_at < EVERY:
                return
            self._shown_at = clock
        self._hidden[level] = Node(level, children=tuple(seen.values()))
        self._show(self._view(level, len(seen)))

    def _view(self, level: Level, count: int) -> View:
        now, job, task = self._session.now(), self._session.known_job, self._session.task
        keys = job.included_keys(level[-1]) if job else ()
        root = self._outline.get((), Node())
        scopes = self._outline.get(MIGRATE) or child_of(root, MIGRATE[0]) or Node(MIGRATE)
        scopes = replace(scopes, children=(*(scopes.children or ()), *self._hidden.values()))
        others = tuple(child for child in root.children or () if child.level != MIGRATE)
        return View(
            at=now,
            scope=level[-1],
            reading=(count, max(len(keys), count) if keys else 0),
            snapshot=Snapshot(
                job_id=task.job_id,
                task_id=task.task_id,
                task_type=task.task_type,
                fetched_at=now,
                node=replace(root, children=(*others, scopes)),
                verdict=Verdict.RUNNING,
                job_name=job.name if job else None,
                destination=job.destination if job else None,
                summary=summary_of(self._hidden[level].children or (), max(0, len(keys) - count)),
            ),
        )
