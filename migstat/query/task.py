"""One job and one of its tasks, each part read at most once, and only when it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Self

from migstat.api.retry import Clock
from migstat.api.threads import together
from migstat.errors import ApiError, BadAnswer, NotFound, UsageError
from migstat.model.nodes import Job, Level, Millis, Node, Page, Question, State, Task, TaskType
from migstat.query.tree import TaskTarget, Tree
from migstat.settings.target import Target, TaskWord
from migstat.settings.values import clean_id

if TYPE_CHECKING:
    from migstat.api.endpoints import Api

_TYPE_OF_WORD = {TaskWord.LATEST_CHECK: TaskType.CHECK, TaskWord.LATEST_MIGRATE: TaskType.MIGRATE}


class TaskSession:
    """One job, one of its tasks, and what was read of them.

    `now` is epoch seconds; `rate_limit` in requests per 60 s, None for no limit. Every property may ask the API and
    raise ApiError. With `keep_raw`, nodes keep the API's own JSON.
    """

    together = staticmethod(together)
    """Asks a few questions at a time."""

    def __init__(self, api: Api, target: Target, now: Clock, rate_limit: int | None, *, keep_raw: bool = False) -> None:
        self.api = api
        self.job_id = target.job_id
        self.rate_limit = rate_limit
        self.tree = Tree(self, self)
        self._target = target
        self._now = now
        self._keep_raw = keep_raw

    @cached_property
    def task(self) -> TaskTarget:
        """The task's id, and its type if that came with it."""
        return resolve(self.api, self._target)

    @cached_property
    def job(self) -> Job:
        """The job's definition."""
        return self.api.job(self.job_id)

    @cached_property
    def asked_type(self) -> str | None:
        """The task's type according to the API's list of runs."""
        return self.api.task(self.job_id, self.task.task_id).task_type

    def of_run(self, run: Task) -> Self:
        """A session about another run of the same job, of which nothing has been read."""
        other = copy(self)
        other.task = TaskTarget(run.task_id, run.task_type)
        other.asked_type = run.task_type
        other.tree = Tree(other, other)
        return other

    def ask(self, question: Question) -> Page:
        """Ask about one level of the task."""
        return self.api.status(self.job_id, self.task.task_id, question, keep_raw=self._keep_raw)

    @property
    def known_job(self) -> Job | None:
        """The job's definition if it has been read; makes no request."""
        return self.__dict__.get("job")

    def reading(self, level: Level, seen: Mapping[str, Node]) -> None:
        """Take note of the children of a level seen so far; for subclasses that show progress."""

    def now(self) -> Millis:
        """The time, in epoch milliseconds."""
        return int(self._now() * 1000)

    def api_now(self) -> Millis:
        """The time by the API's own clock, which its stamps are compared with; the local time if no answer tells it."""
        then = self.api.server_time()
        return self.now() if then is None else int(then * 1000)

    def older_in_progress(self) -> str | None:
        """The id of the run before one that was refused if it still runs, and `latest` means the refused one.

        The API refuses a run while another goes on, so the newest may not be the one that the user wants to see.
        This takes a request, made only for a task that was found by a word.
        """
        before = self.task.before
        if before is None:
            return None
        try:
            older = self.api.status(self.job_id, before, Question(())).node
        except ApiError:
            return None
        return before if older.state is State.RUNNING else None


def resolve(api: Api, target: Target) -> TaskTarget:
    """The task's id; asks for the job's runs only if it is a word.

    Raises NotFound if there is no such run, with `again` since a run that was just created takes a moment to appear.
    """
    if target.task not in frozenset(TaskWord):
        return TaskTarget(target.task, None)
    wanted = _TYPE_OF_WORD.get(TaskWord(target.task))
    count, only = 0, "of another kind"
    for page in api.tasks(target.job_id):
        if page.flaws:  # an unreadable one may be the run that is meant
            raise BadAnswer(f"cannot tell which task is {target.task}: {page.flaws[0]}", "Give the task's id.")
        fitting = [task for task in page.tasks if wanted is None or task.task_type == wanted]  # newest first
        if fitting:
            newest, *older = fitting
            try:
                clean_id(newest.task_id, "the API's task id")
            except UsageError as error:
                raise BadAnswer(error.message) from error
            return TaskTarget(newest.task_id, newest.task_type, older[0].task_id if older else None)
        count += len(page.tasks)
        only = next((f"a {task.task_type}" for task in page.tasks if task.task_type), only)
    if count:
        rest = f"its only run is {only}" if count == 1 else f"it has {count} runs of other kinds"
        raise NotFound(f"job {target.job_id} has no {wanted} task: {rest}", "See 'migstat tasks'.", again=True)
    hint = "A run just created may take a moment to appear."
    raise NotFound(f"job {target.job_id} has no runs yet", hint, again=True)
