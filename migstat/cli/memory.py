"""Collects the names of runs, checks and projects from the API's answers, to complete them later."""

from __future__ import annotations

from contextlib import suppress

import msgspec

from migstat.api.http import Resource
from migstat.completion import seen
from migstat.model.nodes import Job, Level, Page, Task, TaskPage, TaskType
from migstat.settings.target import TaskWord


class Memory(msgspec.Struct):
    """The names of a job that one command sees; `keep` adds them to those in the user's cache folder."""

    _folder: str
    _seen: seen.SeenJob
    _kept: int = 0
    _words: dict[str, str] = {}

    def answered(self, resource: Resource, answer: Job | Task | TaskPage | Page) -> None:
        """Collect the runs and names of an answer of the API."""
        match answer:
            case TaskPage():
                if resource.page == 1:  # the list is read anew, and a newer run may lead it
                    self._words = {}
                for task in answer.tasks:  # newest first
                    self._seen.run(task.task_id, task.task_type)
                    self._words.setdefault(TaskWord.LATEST, task.task_id)
                    self._words.setdefault(f"{TaskWord.LATEST}-{task.task_type}", task.task_id)
                self._seen.words.update({word: self._words[word] for word in TaskWord if word in self._words})
            case Task():
                self._seen.run(answer.task_id, answer.task_type)
            case Page() if resource.task_id and answer.found:
                run = self._seen.run(resource.task_id)
                for nodes in ((answer.node,), answer.node.children or ()):
                    if nodes and (kind := _kind(nodes[0].level, run.task_type)):  # siblings are of one kind
                        run.names.setdefault(kind, set()).update(node.name for node in nodes)

    def keep(self) -> None:
        """Write what is new. A cache that cannot be written does not matter."""
        # Names are only ever added, so their number shows whether there are new ones, saving a write per poll.
        count = len(self._seen.words) + sum(
            1 + sum(map(len, run.names.values())) + bool(run.task_type) for run in self._seen.runs.values()
        )
        if count != self._kept:
            self._kept = count
            with suppress(OSError, ValueError):
                seen.keep(self._folder, self._seen)


def _kind(level: Level, task_type: str | None) -> str | None:
    """The kind of a level's last name: a check, or the scope of a project or space."""
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
