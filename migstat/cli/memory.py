"""Notes what the API says of runs, checks and projects on the way, so that their names can be completed later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from migstat.api.endpoints import Api
from migstat.completion import seen
from migstat.model.nodes import Level, Page, Question, Task, TaskPage, TaskType
from migstat.settings.target import TaskWord


class Memory:
    """What one command sees of a job, added to what the user's cache folder holds when it is kept."""

    def __init__(self, cache: str, job_id: str) -> None:
        self._folder = seen.folder_of(cache)
        self._seen = seen.SeenJob(job_id)
        self._kept = 0

    def runs(self, tasks: Iterable[Task]) -> None:
        """Note runs."""
        for task in tasks:
            self._seen.run(task.task_id, task.task_type)

    def words(self, words: dict[str, str]) -> None:
        """Note which runs `latest` and its like stand for."""
        self._seen.words.update(words)

    def page(self, task_id: str, page: Page) -> None:
        """Note the names of an answer."""
        run = self._seen.run(task_id)
        for nodes in ((page.node,), page.node.children or ()) if page.found else ():
            if nodes and (kind := _kind(nodes[0].level, run.task_type)):  # siblings are of one kind
                run.names.setdefault(kind, set()).update(node.name for node in nodes)

    def keep(self) -> str | None:
        """Write what is new; a warning where what was there is damaged.

        A cache that cannot be written is none: nobody is told.
        """
        count = len(self._seen.words) + sum(
            1 + sum(map(len, run.names.values())) + bool(run.task_type) for run in self._seen.runs.values()
        )
        if count != self._kept:
            self._kept = count
            with suppress(OSError, ValueError):
                return seen.keep(self._folder, self._seen)
        return None


class NotingApi(Api):
    """The client, which notes what comes by."""

    def __init__(self, memory: Memory, *rest: Any, **options: Any) -> None:
        super().__init__(*rest, **options)
        self._memory = memory

    def tasks(self, job_id: str) -> Iterator[TaskPage]:
        """The runs of a job, as the client lists them."""
        words: dict[str, str] = {}
        for page in super().tasks(job_id):
            self._memory.runs(page.tasks)
            for task in page.tasks:  # newest first
                words.setdefault(TaskWord.LATEST, task.task_id)
                words.setdefault(f"{TaskWord.LATEST}-{task.task_type}", task.task_id)
            self._memory.words({word: words[word] for word in TaskWord if word in words})
            yield page

    def task(self, job_id: str, task_id: str) -> Task:
        """One run of a job."""
        task = super().task(job_id, task_id)
        self._memory.runs((task,))
        return task

    def status(self, job_id: str, task_id: str, question: Question, *, keep_raw: bool = False) -> Page:
        """One page of a level."""
        page = super().status(job_id, task_id, question, keep_raw=keep_raw)
        self._memory.page(task_id, page)
        return page


def _kind(level: Level, task_type: str | None) -> str | None:
    """What the last name of a level is the name of: a check, or a project or space by its scope."""
    match level:
        case ("check" | "migrate",):
            return None
        case (_,):  # a check task has its checks at the root
            return seen.CHECK if task_type in (None, TaskType.CHECK) else None
        case ("check", _):
            return seen.CHECK
        case ("migrate", scope, _) if scope in seen.SCOPES:
            return scope
    return None
