"""Resolves the user's names for a job and a task to their ids."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from migstat.errors import UsageError
from migstat.model.nodes import Level
from migstat.settings.config import set_command
from migstat.settings.resolve import Profile
from migstat.settings.values import clean_id, job_ids, refuse_empty


class TaskWord(StrEnum):
    """Words for a task instead of its id."""

    LATEST = "latest"
    LATEST_CHECK = "latest-check"
    LATEST_MIGRATE = "latest-migrate"


class Target(msgspec.Struct, frozen=True):
    """A job, and a task of it by id or by word."""

    job_id: str
    task: str


def job_and_task(job: str | None, task: str | None) -> tuple[str | None, str | None]:
    """The words for job and task: a lone task word is the task, since people may have MIGSTAT_JOB set."""
    return (None, job) if task is None and job in frozenset(TaskWord) else (job, task)


def target_from(
    job: str | None,
    task: str | None,
    environ: Mapping[str, str],
    *,
    default_task: TaskWord | None,
    profile: Profile,
) -> Target:
    """The command line's words over those of the environment over those of the profile.

    A job may be the name of a target in the config file. A lone task word is the task, and the job comes from another
    source, unless the command is about a job (`default_task` None). Raises UsageError.
    """
    if default_task is not None:
        job, task = job_and_task(job, task)
    jobs, tasks = (
        (
            None if word is None else (word, key.upper()),
            (variable, f"MIGSTAT_{key.upper()}") if (variable := environ.get(f"MIGSTAT_{key.upper()}")) else None,
            profile.get(key),
        )
        for key, word in (("job", job), ("task", task))
    )
    # A task in the URL or target that names the job ranks with the source that named it, hence its number.
    of_job, named = next(((number, source) for number, source in enumerate(jobs) if source), (0, None))
    if named is None:
        known = ", ".join(sorted(profile.config.targets))
        target = f"target name ({known})" if known else "target name"
        new = "" if known or profile.config.profiles else " The first time, run: migstat auth login"
        raise UsageError("no job given", f"Give its id, URL or {target} as JOB, or set MIGSTAT_JOB.{new}")
    text, source = named
    entry = profile.config.targets.get(text)
    if entry is None:
        job_id, task_of_job = job_ids(text, source)
    else:
        origin = profile.config.origin(("targets", text))
        if "job" not in entry:
            raise UsageError(f"{origin} has no job", f"Set it: {set_command(('targets', text, 'job'), 'JOB')}")
        job_id, task_of_job = job_ids(entry["job"], f"{origin}.job")
        if "task" in entry:
            task_of_job = clean_id(entry["task"], f"{origin}.task")
    if task is not None and job is not None and "://" in job and task_of_job is not None and task != task_of_job:
        raise UsageError(f"the URL names task {task_of_job!r}, but TASK is {task!r}", "Omit one of them.")
    for number, chosen in enumerate(tasks):
        # A task id in a profile belongs to that profile's job; a word such as latest fits every job.
        if chosen and (number < 2 or number == of_job or chosen[0] in frozenset(TaskWord)):
            return Target(job_id, clean_id(*chosen))
        if number == of_job and task_of_job is not None:
            return Target(job_id, task_of_job)
    return Target(job_id, default_task or TaskWord.LATEST)


def level_from(text: str, source: str) -> Level:
    """The level from comma-separated names, such as `check,AppVendorCheck`. Raises UsageError."""
    names = tuple(refuse_empty(text, source).split(","))
    if not all(name.strip() and name.isprintable() for name in names):
        raise UsageError(
            f"{source}: {text!r} has an empty or unprintable name", "Separate names with commas: check,AppVendorCheck"
        )
    return names
