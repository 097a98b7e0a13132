"""The earlier run that checks are compared with: the previous one, another of the job, or one kept in a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
from msgspec.structs import replace

from migstat.errors import NotFound, UsageError, reason
from migstat.model.changes import EarlierRun
from migstat.model.documents import VERSION
from migstat.model.nodes import Node, Task, instant
from migstat.model.shape import shape_of
from migstat.query.task import TaskSession, resolve
from migstat.settings.target import Target, TaskWord
from migstat.settings.values import clean_id, closest_match, expanded, refuse_empty

PREVIOUS = "previous"
"""The next older run that has checks."""

MOST_TRIED = 20
"""Older runs searched for one with checks; those that were refused have none."""

LARGEST = 64 << 20
"""Bytes read of a document."""


def against_from(text: str) -> str | EarlierRun:
    """What `--against` names: a word such as `previous` or an id, returned as is, or the run of a document.

    A text that ends in `.json`, contains a slash or names an existing file is a document. Raises UsageError.
    """
    if refuse_empty(text, "--against") in (PREVIOUS, *TaskWord):
        return text
    path = expanded(text)
    if "/" in path or os.sep in path or path.lower().endswith(".json") or os.path.exists(path):  # noqa: PTH110  pathlib raises for some names
        return read_document(path)
    # `last` looks like `latest`, which is mostly the run itself.
    if meant := PREVIOUS if text == "last" else closest_match(text, (PREVIOUS, *TaskWord), cutoff=0.8):
        raise UsageError(f"--against: no run {text!r}", f"Did you mean {meant}?")
    return clean_id(text, "--against")


def earlier_run(session: TaskSession, word: str | EarlierRun) -> EarlierRun:
    """The run named by a word or an id. Raises NotFound if there is none, or if it has no checks."""
    if isinstance(word, EarlierRun):
        if word.job_id == session.job_id:
            return word
        note = f"compared with run {word.task_id} of another job, {word.job_id}"
        return replace(word, notes=(*word.notes, note))
    if word == PREVIOUS:
        return _previous(session)
    task_id = resolve(session.api, Target(session.job_id, word)).task_id
    if task_id == session.task.task_id:
        raise UsageError(f"--against {word} is the run itself", "Give an older one; see 'migstat tasks'.")
    found = _run(session, session.api.task(session.job_id, task_id))
    if not found.checks:
        raise NotFound(f"run {task_id} has no checks to compare with", "See 'migstat tasks' for other runs.")
    return found


def _previous(session: TaskSession) -> EarlierRun:
    tried = 0
    for task in islice(_older(session), MOST_TRIED):
        tried += 1
        try:
            found = _run(session, task)
        except NotFound:  # the API forgets old runs
            continue
        if found.checks or found.flaws:
            return found
    raise NotFound(
        "no earlier run has checks" if tried else "there is no earlier run",
        "Compare with a file instead: --against FILE, made by 'migstat checks --json > FILE'.",
    )


def _older(session: TaskSession) -> Iterator[Task]:
    """The runs before the session's own, newest first. Pages may overlap, since new runs shift them."""
    seen: set[str] = set()
    own = session.task.task_id
    for page in session.api.tasks(session.job_id):
        for task in page.tasks:
            if own in seen and task.task_id not in seen:
                yield task
            seen.add(task.task_id)


def _run(session: TaskSession, task: Task) -> EarlierRun:
    reading = session.of_run(task).tree.checks(ended=True)
    created = instant(task.created_at)
    return EarlierRun(
        task_id=task.task_id,
        checks=shape_of(reading.root, reading.task_type).checks,
        created_at=created,
        seen_at=created,
        flaws=tuple(f"run {task.task_id}: {flaw}" for flaw in reading.flaws),
    )


class _Check(msgspec.Struct, frozen=True):
    """The parts of a check that are needed; a document may come from another version, so other keys are ignored."""

    name: str
    level: list[str] = []
    state: str = ""
    status: str | None = None
    outcome: str | None = None
    message: str | None = None
    occurrences: list[str] = []
    change: str | None = None


class _Summary(msgspec.Struct, frozen=True):
    total: int = 0


class _Document(msgspec.Struct, frozen=True, rename="camel"):
    kind: str
    job_id: str
    task_id: str
    checks: list[_Check]
    schema_version: int = VERSION
    fetched_at: Any = None
    summary: _Summary = _Summary()


def read_document(path: str) -> EarlierRun:
    """The run in a document made by `migstat checks --json`. Raises UsageError."""
    hint = "Make one with 'migstat checks --json > FILE'."
    try:
        with open(path, "rb") as opened:  # noqa: PTH123  pathlib refuses some names with other errors
            data = opened.read(LARGEST)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise UsageError(f"--against: cannot read {path!r}: {reason(error)}", hint) from error
    try:
        # Windows PowerShell redirects into UTF-16
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        document = msgspec.json.decode(text, type=_Document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"--against: {path!r} is not a checks document: {error}"[:300], hint) from error
    if document.kind != "checks":
        raise UsageError(f"--against: {path!r} is a {document.kind[:40]!r} document, not a checks document", hint)
    if document.schema_version != VERSION:
        raise UsageError(f"--against: {path!r} has version {document.schema_version}, which is not supported", hint)
    checks = tuple(
        Node(
            tuple(check.level) or (check.name,),
            check.status,
            check.outcome,
            check.message,
            details={"occurrences": check.occurrences},
            missing=check.state == "missing",
        )
        for check in document.checks
        if check.change != "gone"  # itself only in the run that it was compared with
    )
    left_out = document.summary.total - len(checks)
    return EarlierRun(
        task_id=document.task_id,
        job_id=document.job_id,
        checks=checks,
        seen_at=instant(document.fetched_at),
        notes=(f"{path} holds only {len(checks)} of {document.summary.total} checks",) if left_out > 0 else (),
    )
