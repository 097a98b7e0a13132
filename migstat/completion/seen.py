"""Names that commands have seen, for completion: a job's runs, their checks and the keys of their projects.

One small file per job with lines of tab-separated words: a Tab may read thousands of names, and this is the fastest.
It contains no states, messages or secrets, and may be deleted at any time.

    migstat seen 1
    job	3f2a9c14-8f0e-4f0b-9a55-0c6a1d2e7b90
    word	latest	51c0...
    task	51c0...	migrate
    check	AnonPermission	AppVendorCheck
    projects	ACME	OPS

Importing this must be fast, see `answer`.
"""

from __future__ import annotations

import os
from zlib import crc32

MOST_JOBS = 50
MOST_RUNS = 20
MOST_NAMES = 20_000
"""Limits: jobs, runs of a job, and names of all its runs together."""

LONGEST = 1024
"""Characters of a name that is worth completing."""

FOLDER = "seen"
"""The name of the folder with these files, in migstat's cache folder."""

CHECK = "check"
SCOPES = ("projects", "spaces")

_HEADER = "migstat seen 1"
_LARGEST = 1 << 25


# Not a struct: importing msgspec takes too long for a Tab.
class Run:
    """One task: its type if known, and the names seen of it by kind (`check`, or a scope)."""

    __slots__ = ("names", "task_id", "task_type")

    def __init__(self, task_id: str, task_type: str | None = None) -> None:
        self.task_id = task_id
        self.task_type = task_type
        self.names: dict[str, set[str]] = {}


class SeenJob:
    """A job: its runs by id, most recently used or listed first, and the ids that `latest` and the like stood for."""

    __slots__ = ("job_id", "runs", "words")

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.runs: dict[str, Run] = {}
        self.words: dict[str, str] = {}

    def run(self, task_id: str, task_type: str | None = None) -> Run:
        """The run with that id; a new one is appended."""
        run = self.runs.setdefault(task_id, Run(task_id))
        run.task_type = task_type or run.task_type
        return run


def read_seen(folder: str, job_id: str) -> SeenJob | None:
    """The names seen of a job; None if there are none, or if its file is damaged or another job's."""
    seen = parsed(_text(_file(folder, job_id)))
    return seen if seen is not None and seen.job_id == job_id else None


def seen_jobs(folder: str) -> list[str]:
    """The ids of the jobs, most recently seen first."""
    found = []
    for file in _files(folder):
        seen = parsed(_text(file, 2 * LONGEST))
        if seen is not None:
            found.append(seen.job_id)
    return found


def keep(folder: str, news: SeenJob) -> None:
    """Add what was seen to the job's file; a damaged one is replaced. Raises OSError, ValueError."""
    from pathlib import Path

    from migstat.files.whole import write_whole

    file = _file(folder, news.job_id)
    before = _text(file)
    text = text_of(merged(parsed(before), news))
    if sorted(text.split("\n")) != sorted(before.split("\n")):  # the order alone is not worth a write
        write_whole(Path(file), text)
        for outdated in _files(folder)[MOST_JOBS:]:
            os.unlink(outdated)  # noqa: PTH108


def merged(before: SeenJob | None, news: SeenJob) -> SeenJob:
    """Everything seen of a job, within the limits; runs without names are dropped first.

    What was seen `before` does not count if it is another job's.
    """
    whole = SeenJob(news.job_id)
    if before is None or before.job_id != news.job_id:
        before = SeenJob(news.job_id)
    whole.words = before.words | news.words
    for seen in (news, before):  # first, so that the limit drops the least recently used runs
        for run in seen.runs.values():
            into = whole.run(run.task_id)
            into.task_type = into.task_type or run.task_type
            for kind, names in run.names.items():
                into.names[kind] = into.names.get(kind, set()) | names
    nameless = [run.task_id for run in whole.runs.values() if not run.names]
    while len(whole.runs) > MOST_RUNS:
        del whole.runs[nameless.pop() if nameless else [*whole.runs][-1]]
    return whole


def text_of(seen: SeenJob) -> str:
    """The text of a job's file, without names that cannot be typed."""
    lines = [_HEADER, f"job\t{seen.job_id if usable(seen.job_id) else ''}"]
    lines += [f"word\t{word}\t{task_id}" for word, task_id in sorted(seen.words.items()) if usable(task_id)]
    left = MOST_NAMES
    for run in seen.runs.values():
        if not usable(run.task_id):
            continue
        lines.append(f"task\t{run.task_id}\t{run.task_type if run.task_type and usable(run.task_type) else ''}")
        for kind, names in sorted(run.names.items()):
            kept = sorted(_usable_of(names))[:left]
            left -= len(kept)
            lines.append("\t".join((kind, *kept)))
    return "\n".join(lines) + "\n"


def parsed(text: str) -> SeenJob | None:
    """The content of a file's text, without damaged lines and names that cannot be typed; None for any other text."""
    header, _, rest = text.partition("\n")
    first, *lines = rest.split("\n")
    if header != _HEADER or not first.startswith("job\t") or not usable(first[4:]):
        return None
    seen = SeenJob(first[4:])
    run = Run("")
    for line in lines:
        kind, *names = line.split("\t")
        if kind == CHECK or kind in SCOPES:
            run.names[kind] = _usable_of({*names})
        elif len(names) == 2 and kind == "task" and usable(names[0]):
            run = seen.run(names[0], names[1] if usable(names[1]) else None)
        elif len(names) == 2 and kind == "word" and usable(names[1]):
            seen.words[names[0]] = names[1]
    return seen


def usable(name: str) -> bool:
    """True for a name that can be typed and shown unchanged."""
    return 0 < len(name) <= LONGEST and name.isprintable()


def _usable_of(names: set[str]) -> set[str]:
    """The usable names; checking all at once first is faster, since usually all are."""
    if "".join(names).isprintable() and "" not in names and max(map(len, names), default=0) <= LONGEST:
        return names
    return set(filter(usable, names))


def _file(folder: str, job_id: str) -> str:
    """The file of a job, whose id may contain anything, so that its checksum is the name.

    Two jobs with the same checksum replace each other, which only costs a few candidates.
    """
    return os.path.join(folder, f"{crc32(job_id.encode('utf-8', 'replace')):08x}")  # noqa: PTH118


def _files(folder: str) -> list[str]:
    """All files, most recently changed first, without those being written."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.stat().st_mtime_ns, entry.path) for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return []
    return [path for _, path in sorted(found, reverse=True)]


def _text(file: str, most: int = _LARGEST) -> str:
    """The file's text, or its beginning; empty if it cannot be read."""
    try:
        with open(file, encoding="utf-8", newline="") as opened:  # noqa: PTH123
            return opened.read(most)
    except (OSError, ValueError):
        return ""
