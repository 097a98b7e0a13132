"""What was last seen of each job: its runs, the names of their checks and the keys of their projects, for completion.

One small file a job, lines of tab separated words: every real format needs a parser that takes too long to import.
No state, no message and no secret is in it, and it may be thrown away at any time.

    migstat seen 1
    job	3f2a9c14-8f0e-4f0b-9a55-0c6a1d2e7b90
    word	latest	51c0...
    task	51c0...	migrate
    check	AnonPermission	AppVendorCheck
    projects	ACME	OPS

Nothing is imported here that takes long.
"""

from __future__ import annotations

import os
from zlib import crc32

MOST_JOBS = 50
MOST_RUNS = 20
MOST_NAMES = 20_000
"""What is kept: jobs, runs of a job, and names of all its runs together."""

LONGEST = 1024
"""Characters of a name beyond which nobody completes it."""

CHECK = "check"
SCOPES = ("projects", "spaces")

_HEADER = "migstat seen 1"
_LARGEST = 1 << 25


class Run:
    """One task: its type where it is known, and the names seen of it by what they are (`check`, or a scope)."""

    __slots__ = ("names", "task_id", "task_type")

    def __init__(self, task_id: str, task_type: str | None = None) -> None:
        self.task_id = task_id
        self.task_type = task_type
        self.names: dict[str, set[str]] = {}


class SeenJob:
    """A job: its runs by their ids, used or listed last first, and the ids that `latest` and its like stood for."""

    __slots__ = ("job_id", "runs", "words")

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        self.runs: dict[str, Run] = {}
        self.words: dict[str, str] = {}

    def run(self, task_id: str, task_type: str | None = None) -> Run:
        """The run of that id; a new one goes behind those that there are."""
        run = self.runs.setdefault(task_id, Run(task_id))
        run.task_type = task_type or run.task_type
        return run


def folder_of(cache: str) -> str:
    """Where the files are, below the user's cache folder of migstat."""
    return os.path.join(cache, "seen")  # noqa: PTH118  pathlib takes long to import


def read_seen(folder: str, job_id: str) -> SeenJob | None:
    """What was seen of a job; None where nothing was, or where its file is damaged or another job's."""
    seen = parsed(_text(_file(folder, job_id)))
    return seen if seen is not None and seen.job_id == job_id else None


def seen_jobs(folder: str) -> list[str]:
    """The ids of the jobs, seen last first."""
    found = []
    for file in _files(folder):
        seen = parsed(_text(file, 2 * LONGEST))
        if seen is not None:
            found.append(seen.job_id)
    return found


def keep(folder: str, news: SeenJob) -> str | None:
    """Add what was seen to the job's file, where it adds anything. Raises OSError, ValueError.

    A damaged file is written anew with what is left of it; the answer names file and line then.
    """
    from pathlib import Path

    from migstat.files.whole import write_whole

    file = _file(folder, news.job_id)
    written = _text(file)
    before = parsed(written)
    line = damaged_line(written)
    if line is None and before is None and os.path.exists(file):  # noqa: PTH110
        line = 2 if written else 1  # it ends before the job's own line, or is no text
    if line is None and before is not None and _holds(before, news):
        return None
    text = text_of(merged(before, news))
    if text != written:
        write_whole(Path(file), text)
    for outdated in _files(folder)[MOST_JOBS:]:
        os.unlink(outdated)  # noqa: PTH108
    return None if line is None else f"{file}, line {line}, was damaged and is written anew"


def merged(before: SeenJob | None, news: SeenJob) -> SeenJob:
    """All that was seen of a job, as much as is kept: of runs first those without names go."""
    before = before if before is not None and before.job_id == news.job_id else SeenJob(news.job_id)
    whole = SeenJob(news.job_id)
    whole.words = before.words | news.words
    for seen in (news, before):
        for run in seen.runs.values():
            into = whole.run(run.task_id)
            into.task_type = into.task_type or run.task_type
            for kind, names in run.names.items():
                into.names[kind] = into.names.get(kind, set()) | names
    nameless = [run.task_id for run in whole.runs.values() if not run.names]
    while len(whole.runs) > MOST_RUNS:
        del whole.runs[nameless.pop() if nameless else [*whole.runs][-1]]
    return whole


def _holds(before: SeenJob, news: SeenJob) -> bool:
    """Whether nothing of the news is new."""
    if before.job_id != news.job_id or not news.words.items() <= before.words.items():
        return False
    return all(
        (known := before.runs.get(run.task_id)) is not None
        and run.task_type in (None, known.task_type)
        and all(names <= known.names.get(kind, set()) for kind, names in run.names.items())
        for run in news.runs.values()
    )


def text_of(seen: SeenJob) -> str:
    """The text of a job's file; what cannot be typed is left out."""
    lines = [_HEADER, f"job\t{seen.job_id}"]
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
    """What a file's text holds; None for what is no such text. What makes no sense, or cannot be typed, is left out."""
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


def damaged_line(text: str) -> int | None:
    """The first line, from 1, that makes no sense in a file's text; None where all do, or there is none."""
    *lines, rest = text.split("\n")
    damaged = (number for number, line in enumerate(lines, 1) if not _makes_sense(number, line))
    return next(damaged, len(lines) + 1 if rest else None)


def _makes_sense(number: int, line: str) -> bool:
    kind, *names = line.split("\t")
    if number == 1:
        return line == _HEADER
    known = kind == CHECK or kind in SCOPES or (kind in ("task", "word") and len(names) == 2)
    return line.replace("\t", "").isprintable() and (kind == "job" and len(names) == 1 if number == 2 else known)


def usable(name: str) -> bool:
    """Whether a name can be typed, and shown as it is."""
    return 0 < len(name) <= LONGEST and name.isprintable()


def _usable_of(names: set[str]) -> set[str]:
    """Those of the names that can be used; of many thousands most times all, which one look tells."""
    if "".join(names).isprintable() and "" not in names and max(map(len, names), default=0) <= LONGEST:
        return names
    return set(filter(usable, names))


def _file(folder: str, job_id: str) -> str:
    """The file of a job, whose id may hold anything. Two of one name only push each other out."""
    return os.path.join(folder, f"{crc32(job_id.encode('utf-8', 'replace')):08x}")  # noqa: PTH118


def _files(folder: str) -> list[str]:
    """All files, changed last first; what is still being written is none."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.stat().st_mtime_ns, entry.path) for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return []
    return [path for _, path in sorted(found, reverse=True)]


def _text(file: str, most: int = _LARGEST) -> str:
    """The file's text, or its beginning; empty where it cannot be read."""
    try:
        with open(file, encoding="utf-8", newline="") as opened:  # noqa: PTH123
            return opened.read(most)
    except (OSError, ValueError):
        return ""
