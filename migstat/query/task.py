"""What is asked about one job and one of its tasks: each thing at most once, and only where it is needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from migstat.api.retry import Clock
from migstat.model.nodes import Job, Millis, Page, Question
from migstat.query.tree import Tree
from migstat.query.walk import Progress
from migstat.settings.target import Target, TaskTarget, resolve

if TYPE_CHECKING:
    from migstat.api.endpoints import Api


class Inquiry:
    """One job, one of its tasks, and what they answered.

    `opened` makes the client when the first thing is asked; `now` is epoch seconds; `rate_limit` in requests per 60 s,
    None for no limit. Every property may ask the API and raise ApiError.
    """

    def __init__(
        self,
        opened: Callable[[], Api],
        target: Target,
        now: Clock,
        rate_limit: int | None,
        progress: Progress = lambda _level, _count: None,
    ) -> None:
        self.job_id = target.job_id
        self.rate_limit = rate_limit
        self._opened = opened
        self._target = target
        self._now = now
        self._progress = progress

    @cached_property
    def api(self) -> Api:
        """The client."""
        return self._opened()

    @cached_property
    def task(self) -> TaskTarget:
        """The task's id, and its type where finding it told."""
        return resolve(self.api, self._target)

    @cached_property
    def job(self) -> Job:
        """The job's definition."""
        return self.api.job(self.job_id)

    @cached_property
    def tree(self) -> Tree:
        """The task's status tree."""
        return Tree(self.ask, lambda: self.job, self.task_type, self._progress)

    @cached_property
    def raw_tree(self) -> Tree:
        """The task's status tree, whose nodes keep the API's own JSON."""
        return Tree(self.ask_raw, lambda: self.job, self.task_type, self._progress)

    def ask(self, question: Question) -> Page:
        """Ask about one level of the task."""
        return self.api.status(self.job_id, self.task.task_id, question)

    def ask_raw(self, question: Question) -> Page:
        """Ask about one level of the task, and keep the API's own JSON."""
        return self.api.status(self.job_id, self.task.task_id, question, keep_raw=True)

    def now(self) -> Millis:
        """The time, in epoch milliseconds."""
        return int(self._now() * 1000)

    def task_type(self) -> str | None:
        """The task's type, asked for where finding the task did not tell."""
        return self.task.task_type or self.api.task(self.job_id, self.task.task_id).task_type
