"""What the user called a job and a task, into their ids.

Ids are opaque: whatever is one clean word is taken as it is, and percent-encoded into the path by the HTTP layer.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import StrEnum
from urllib.parse import unquote, urlsplit

import msgspec

from migstat.errors import UsageError
from migstat.model.nodes import Level
from migstat.settings.resolve import Profile, refuse_empty, shown_url


class TaskWord(StrEnum):
    """Words for a task that is not named by its id."""

    LATEST = "latest"
    LATEST_CHECK = "latest-check"
    LATEST_MIGRATE = "latest-migrate"


LONGEST = 1024
"""Characters of an id beyond which it is something else that was pasted."""


class Target(msgspec.Struct, frozen=True):
    """A job, and a task of it by id or by word."""

    job_id: str
    task: str


class _Layer(msgspec.Struct, frozen=True):
    """A job and a task as one source names them, each with the source for people."""

    job: tuple[str, str] | None
    task: tuple[str, str] | None


def target_from(
    job: str | None,
    task: str | None,
    environ: tuple[str | None, str | None],
    default_task: TaskWord | None,
    profile: Profile | None = None,
) -> Target:
    """The words of the command line over those of the environment (job and task) over those of the profile.

    A job may be the name of a target of the config file. A lone task word is the task where another source names the
    job, unless the command is about a job (`default_task` None). Raises UsageError.
    """
    profile = profile or Profile()
    if default_task is not None and task is None and job is not None and job in frozenset(TaskWord):
        job, task = None, job
    layers = (
        _Layer(job if job is None else (job, "JOB"), task if task is None else (task, "TASK")),
        _Layer(
            (environ[0], "MIGSTAT_JOB") if environ[0] is not None else None,
            (environ[1], "MIGSTAT_TASK") if environ[1] is not None else None,
        ),
        _Layer(profile.get("job"), profile.get("task")),
    )
    of_job = next((layer for layer in layers if layer.job is not None), None)
    if of_job is None or of_job.job is None:
        raise UsageError("no job is named", "Give its id, URL or target name as JOB, or set MIGSTAT_JOB.")
    job_id, task_of_job = _job(*of_job.job, profile)
    if task is not None and job is not None and "://" in job and task_of_job is not None and task != task_of_job:
        raise UsageError(f"the URL names task {task_of_job!r}, but TASK is {task!r}", "Leave one of them out.")
    for layer in layers:
        fits = layer is not layers[-1] or layer is of_job  # the id in a profile is of that profile's job
        if layer.task is not None and (fits or layer.task[0] in frozenset(TaskWord)):
            return Target(job_id, _clean(*layer.task))
        if layer is of_job and task_of_job is not None:
            return Target(job_id, task_of_job)
    return Target(job_id, default_task or TaskWord.LATEST)


def check_job(text: str, source: str, profile: Profile) -> None:
    """Raise UsageError where this names no job."""
    _job(text, source, profile)


def check_task(text: str, source: str) -> None:
    """Raise UsageError where this is neither a task's id nor a word for one."""
    _clean(text, source)


def likely_target(job: str | None, targets: Collection[str]) -> str | None:
    """The name of the target that a job that is not there was probably meant to be."""
    from difflib import get_close_matches

    close = get_close_matches(job, targets, 1) if job is not None and job not in targets else []
    return close[0] if close else None


def level_from(text: str, source: str) -> Level:
    """The level that names with commas between them name, such as `check,AppVendorCheck`. Raises UsageError."""
    names = tuple(refuse_empty(text, source).split(","))
    if not all(name.strip() and name.isprintable() for name in names):
        raise UsageError(
            f"{source}: {text!r} has a name that is empty or does not print",
            "Names with commas between: check,AppVendorCheck",
        )
    return names


def _job(text: str, source: str, profile: Profile) -> tuple[str, str | None]:
    """Job id and, where the name or URL holds one, task id."""
    target = profile.config.targets.get(text)
    if target is None:
        return _ids_of(text, source)
    of_target = profile.config.origin(("targets", text))
    if "job" not in target:
        raise UsageError(f"target {text} in {of_target} names no job", f"migstat config set targets.{text}.job JOB")
    job_id, task_of_url = _ids_of(target["job"], f"target {text}'s job in {of_target}")
    task = target.get("task")
    return job_id, task_of_url if task is None else _clean(task, f"target {text}'s task in {of_target}")


def _ids_of(text: str, source: str) -> tuple[str, str | None]:
    """Job id and, where it is a URL that holds one, task id. The URL's host and query are ignored."""
    if "://" not in text:
        return _clean(text, source), None
    try:
        path = urlsplit(text).path
    except ValueError:
        path = ""
    match = re.search(r"/jobs/([^/]+)(?:/tasks/([^/]+))?", path)
    if match is None:
        raise UsageError(
            f"{source}: there is no job id in the URL {shown_url(text)!r}",
            "It must hold /jobs/JOB, and may hold /tasks/TASK behind it.",
        )
    job_id = _clean(unquote(match[1]), f"{source}, the job in the URL")
    return job_id, _clean(unquote(match[2]), f"{source}, the task in the URL") if match[2] else None


def _clean(name: str, source: str) -> str:
    """The id as it is; raises UsageError for what no id can hold."""
    hint = "An id is one word, such as 3f2a9c14-8f0e-4f0b-9a55-0c6a1d2e7b90."
    if not name.strip():
        raise UsageError(f"{source} is empty", "Is a shell variable unset? Leave the argument out or give it a value.")
    if not name.isprintable() or " " in name:
        raise UsageError(f"{source}: {name!r} holds a space or a character that does not print", hint)
    if len(name) > LONGEST:
        raise UsageError(f"{source}: {name[:20]!r}... is {len(name)} characters long", hint)
    if "/" in name or "\\" in name:
        raise UsageError(f"{source}: {name!r} holds a slash", hint + " A URL is taken as JOB, with https:// in front.")
    if name in (".", ".."):
        raise UsageError(f"{source}: {name!r} is no id", hint)
    return name
