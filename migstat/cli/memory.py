"""Collects the names of runs, checks and projects from the API's answers, to complete them later."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from threading import Thread

import msgspec

from migstat.api.http import Resource
from migstat.api.threads import started
from migstat.completion.seen import CHECK, MAX_NAME, SCOPES, seen_jobs
from migstat.errors import Unreachable
from migstat.files.whole import write_whole
from migstat.model.nodes import Job, Level, Page, Task, TaskPage, TaskType
from migstat.settings.target import TaskWord

MAX_JOBS = 50
MAX_RUNS = 20
MAX_NAMES = 20_000
"""Limits: jobs, runs of a job, and names of all its runs together."""

MOMENT = 0.5
"""Seconds for which the end of a command waits for what is being written, and again for the rest."""

_PHASES = ("check", "migrate")
_KINDS: dict[Level, str] = {("check",): CHECK, **{("migrate", scope): scope for scope in SCOPES}}
"""Kinds of the names below these levels."""


class SeenRun(msgspec.Struct):
    """One task: its type if known, and the names seen of it by kind (`check`, or a scope)."""

    type: str | None = None
    names: dict[str, set[str]] = {}


class SeenJob(msgspec.Struct):
    """A job: the ids that `latest` and the like stood for, and its runs by id, most recently used or listed first."""

    words: dict[str, str] = {}
    runs: dict[str, SeenRun] = {}


class Memory(msgspec.Struct):
    """The names of a job that one command sees; `keep` adds them to those in the job's file, if there is one.

    The file is read and written in a daemon thread: a home folder on a share that hangs must hold up nothing.
    """

    _file: str | None
    _seen: SeenJob = msgspec.field(default_factory=SeenJob)
    _kept: int = 0
    _thread: Thread | None = None

    def answered(self, resource: Resource, answer: Job | Task | TaskPage | Page) -> None:
        """Collect the runs and names of an answer of the API."""
        words, runs = self._seen.words, self._seen.runs
        match answer:
            case TaskPage():
                if resource.page == 1:  # the list is read anew, and a newer run may lead it
                    words.clear()
                for task in answer.tasks:  # newest first
                    run = runs.setdefault(task.task_id, SeenRun())
                    run.type = task.task_type or run.type
                    for word in (TaskWord.LATEST, f"{TaskWord.LATEST}-{task.task_type}"):
                        if word in [*TaskWord]:
                            words.setdefault(word, task.task_id)
            case Task():
                run = runs.setdefault(answer.task_id, SeenRun())
                run.type = answer.task_type or run.type
            case Page() if resource.task_id and answer.found:
                run = runs.setdefault(resource.task_id, SeenRun())
                for nodes in ((answer.node,), answer.node.children or ()):
                    level = nodes[0].level if nodes else ()  # siblings are of one kind
                    # a check task has its checks at the root
                    at_root = len(level) == 1 and level[0] not in _PHASES and run.type in (None, TaskType.CHECK)
                    kind = CHECK if at_root else _KINDS.get(level[:-1])
                    if kind and len(known := run.names.setdefault(kind, set())) < MAX_NAMES:
                        known.update(name for node in nodes if len(name := node.name) <= MAX_NAME)

    def close(self) -> None:
        """Have the rest written, or give up after a moment."""
        for _ in range(2):
            if self._thread is not None:
                self._thread.join(MOMENT)
            self.keep()

    def keep(self) -> None:
        """Begin to write what is new, unless a write is under way. A cache that cannot be written does not matter."""
        if self._file is None or (self._thread is not None and self._thread.is_alive()):
            return
        # Names are only ever added, so their number shows whether there are new ones, saving a write per poll. All is
        # copied before it is gone through, as requests that a signal has abandoned may be answered meanwhile.
        count = len(self._seen.words) + sum(
            1 + sum(map(len, [*run.names.values()])) + bool(run.type) for run in [*self._seen.runs.values()]
        )
        if count != self._kept:
            with suppress(Unreachable):  # no more threads are allowed
                self._thread = started(self._write, Path(self._file), name="memory")
                self._kept = count

    def _write(self, file: Path) -> None:
        try:
            # a pipe never answers, and some devices never end
            before = msgspec.json.decode(file.read_bytes() if file.is_file() else b"", type=SeenJob)
        except (OSError, ValueError, RecursionError, msgspec.MsgspecError):
            before = SeenJob()
        whole = self._added_to(before)
        if whole != before:
            with suppress(OSError, ValueError):
                write_whole(file, msgspec.json.encode(whole))
                for outdated in seen_jobs(str(file.parent))[MAX_JOBS:]:
                    file.with_stem(outdated).unlink()

    def _added_to(self, before: SeenJob) -> SeenJob:
        """Everything seen of the job, within the limits; runs without names are dropped first."""
        whole = SeenJob(before.words | self._seen.words)
        for seen in (self._seen, before):  # first, so that the limits drop the least recently used runs
            for task_id, run in [*seen.runs.items()]:
                into = whole.runs.setdefault(task_id, SeenRun())
                into.type = into.type or run.type
                for kind, names in [*run.names.items()]:
                    into.names[kind] = into.names.get(kind, set()) | names
        nameless = [task_id for task_id, run in whole.runs.items() if not run.names]
        while len(whole.runs) > MAX_RUNS:
            del whole.runs[nameless.pop() if nameless else [*whole.runs][-1]]
        left = MAX_NAMES
        for run in whole.runs.values():
            for kind, names in run.names.items():
                run.names[kind] = names if len(names) <= left else {*sorted(names)[:left]}
                left -= len(run.names[kind])
        return whole
