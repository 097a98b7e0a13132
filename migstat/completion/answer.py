"""The candidates for a word that the user's own files hold or that was seen: `migstat __complete KIND WORD...`.

The scripts of the shells know commands, options and fixed choices, and ask this for the rest at each Tab: so it
imports next to nothing, asks nobody, writes nothing and never fails. Behind the kind stand the command, the profile
where the line names one, and its words for job and task:

    migstat __complete checks checks -p acme wave2 latest
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

from migstat.completion.quick import Names, read_names
from migstat.completion.seen import CHECK, SCOPES, Run, SeenJob, folder_of, read_seen, seen_jobs, usable
from migstat.files.places import cache_folder, config_file

LATEST = "latest"
LATEST_MIGRATE = "latest-migrate"
TASK_WORDS = (LATEST, "latest-check", LATEST_MIGRATE)
DEMO = "demo"
"""The command whose job is its own: nothing of the user's belongs to it."""


def answer(words: list[str]) -> bytes:
    """The candidates in UTF-8, one a line, some with a description behind a tab; nothing where anything goes wrong."""
    try:
        found = [each.partition("\t") for each in candidates(words[0], words[1:], os.environ)]
    except Exception:  # noqa: BLE001  nothing may be written into a line that is being typed
        found = []
    lines = {name: f"{name}{tab}{about}\n" for name, tab, about in reversed(found) if usable(name)}
    return "".join(reversed(lines.values())).encode()


def candidates(kind: str, words: list[str], environ: Mapping[str, str]) -> Iterable[str]:
    """What a word of that kind can be on a line of these words. Raises for a damaged config file as `read_config`."""
    command, rest = words[0], words[1:]
    flag, rest = (rest[1], rest[2:]) if rest[:1] == ["-p"] else (None, rest)
    if command == DEMO:
        return TASK_WORDS if kind in ("jobs-and-words", "tasks") else ()
    file, _ = config_file(environ)
    folder = folder_of(cache_folder(environ))
    if kind in ("keys", "possible-keys"):
        return _keys(file, possible=kind != "keys")
    names = read_names(file)
    if kind == "profiles":
        return _profiles(names)
    if kind in ("jobs", "jobs-and-words"):
        return [*_jobs(names, folder), *(TASK_WORDS if kind != "jobs" else ())]
    job_id, task = meant(flag, rest, environ, names)
    seen = (read_seen(folder, job_id) if job_id else None) or SeenJob("")
    if kind == "tasks":
        return _tasks(seen)
    return {"checks": _checks, "projects": _projects, "levels": _levels}[kind](seen, task)


def meant(
    flag: str | None, words: list[str], environ: Mapping[str, str], names: Names
) -> tuple[str | None, str | None]:
    """The id of the job and the task that a command line asks about, as far as they are named.

    It answers what `settings.profile_of` and `target.target_from` do, which take too long to import here, and refuses
    nothing: on a line that makes no sense nothing was ever seen.
    """
    job, task = ([word or None for word in words] + [None, None])[:2]
    if task is None and job in TASK_WORDS:
        job, task = None, job
    of_environ = environ.get("MIGSTAT_JOB") or None
    chosen = flag or environ.get("MIGSTAT_PROFILE") or names.targets.get(job or of_environ or "", {}).get("profile")
    profile = names.profiles.get(chosen or names.default_profile or "", {})
    layers = (
        (job, task),
        (of_environ, environ.get("MIGSTAT_TASK") or None),
        (profile.get("job"), profile.get("task")),
    )
    of_job = next((number for number, layer in enumerate(layers) if layer[0]), None)
    if of_job is None:
        return None, None
    job_id, task_of_job = _ids_of(layers[of_job][0] or "", names.targets)
    for number, (_, word) in enumerate(layers):
        if word and (number < 2 or number == of_job or word in TASK_WORDS):
            return job_id, word
        if number == of_job and task_of_job:
            return job_id, task_of_job
    return job_id, None


def _ids_of(name: str, targets: Mapping[str, Mapping[str, str]]) -> tuple[str, str | None]:
    """The ids that a target, a URL or an id stands for."""
    target = targets.get(name, {})
    job, task = target.get("job", name), target.get("task")
    if "://" not in job:
        return job, task
    from urllib.parse import unquote, urlsplit

    _, _, path = urlsplit(job).path.partition("/jobs/")
    job_id, *more = path.split("/")
    of_url = unquote(more[1]) if more[:1] == ["tasks"] and len(more) > 1 else None
    return unquote(job_id), task or of_url or None


def _profiles(names: Names) -> Iterator[str]:
    for name, profile in names.profiles.items():
        yield _told(name, profile.get("email"))


def _jobs(names: Names, folder: str) -> Iterator[str]:
    for name, target in names.targets.items():
        job = target.get("job", "")
        yield _told(name, None if "://" in job else job)
    yield from seen_jobs(folder)


def _tasks(seen: SeenJob) -> Iterator[str]:
    for word in TASK_WORDS:
        yield _told(word, seen.words.get(word))
    for run in seen.runs.values():
        yield _told(run.task_id, run.task_type)


def _keys(file: str, *, possible: bool) -> Iterator[str]:
    """The keys of the config file that are set, or all that can be set of the profiles and targets there are."""
    from migstat.settings.config import DEFAULT_PROFILE, all_values, read_config
    from migstat.settings.config import spelled as spelt
    from migstat.settings.keys import PROFILE_KEYS, TARGET_KEYS

    config = read_config(file)
    yield from (spelt(path) for path, _ in all_values(config))
    if possible:
        yield DEFAULT_PROFILE
        yield from (spelt(("profiles", name, key)) for name in config.profiles for key in PROFILE_KEYS)
        yield from (spelt(("targets", name, key)) for name in config.targets for key in TARGET_KEYS)


def _checks(seen: SeenJob, task: str | None) -> list[str]:
    return sorted(name for _, _, name in _names(seen, task or LATEST, (CHECK,)))


def _projects(seen: SeenJob, task: str | None) -> list[str]:
    return sorted(name for _, _, name in _names(seen, task or LATEST_MIGRATE, SCOPES))


def _levels(seen: SeenJob, task: str | None) -> Iterator[str]:
    """The levels of what was seen: a check is a level of its own in a check task, else below `check`."""
    for run, _, name in _names(seen, task or LATEST, (CHECK,)):
        yield name if run.task_type == "check" else f"check,{name}"
    for _, scope, name in _names(seen, task or LATEST, SCOPES):
        yield f"migrate,{scope},{name}"


def _names(seen: SeenJob, task: str, kinds: tuple[str, ...]) -> list[tuple[Run, str, str]]:
    """Names with their run and kind: of the run that is meant, or, where none was seen of it yet, of all of the job."""
    run = seen.runs.get(seen.words.get(task, task))
    runs = [run] if run and any(kind in run.names for kind in kinds) else [*seen.runs.values()]
    return [(run, kind, name) for run in runs for kind in kinds for name in sorted(run.names.get(kind, ()))]


def _told(name: str, about: str | None) -> str:
    """A candidate with its description; without one that does not print."""
    return f"{name}\t{about}" if about and usable(about) else name
