"""Names seen of a job are kept in a small file that may be lost or damaged at any time."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migstat.completion.seen import (
    MOST_JOBS,
    MOST_NAMES,
    MOST_RUNS,
    SeenJob,
    keep,
    merged,
    parsed,
    read_seen,
    seen_jobs,
    text_of,
)

TEXT = "migstat seen 1\njob\tj1\n"
NAMES = st.text(st.characters(), max_size=12)


def job(runs: Mapping[str, set[str]], job_id: str = "j1") -> SeenJob:
    seen = SeenJob(job_id)
    for task_id, names in runs.items():
        seen.run(task_id, "migrate").names = {"projects": names} if names else {}
    return seen


def shown(seen: SeenJob | None) -> object:
    return seen and (seen.job_id, seen.words, [(run.task_id, run.task_type, run.names) for run in seen.runs.values()])


def kept(folder: Path, job_id: str = "j1") -> SeenJob:
    seen = read_seen(str(folder), job_id)
    assert seen is not None
    return seen


def test_what_was_kept_is_read(tmp_path: Path) -> None:
    """Without a folder nothing is known; then all is read as it was written, by its owner only."""
    news = job({"t1": {"ACME", "my own", "Ü"}, "t2": set()})
    news.words = {"latest": "t1"}
    news.run("t1").names["check"] = {"Apps"}
    folder = tmp_path / "seen"
    assert (seen_jobs(str(folder)), read_seen(str(folder), "j1")) == ([], None)
    keep(str(folder), news)
    assert shown(kept(folder)) == shown(news)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())] == [0o700, 0o600]


def test_names_are_added(tmp_path: Path) -> None:
    """Later names are added and nothing is lost."""
    keep(str(tmp_path), job({"t1": {"A", "B"}}))
    keep(str(tmp_path), job({"t2": {"C"}}))
    keep(str(tmp_path), job({"t1": {"D"}}))
    seen = kept(tmp_path)
    assert [*seen.runs] == ["t1", "t2"]
    assert seen.runs["t1"].names == {"projects": {"A", "B", "D"}}


def test_nothing_new_is_not_written(tmp_path: Path) -> None:
    """A file that would get nothing new is left alone."""
    whole = job({f"t{number}": {"A"} for number in range(MOST_RUNS + 5)})
    keep(str(tmp_path), whole)
    (file,) = tmp_path.iterdir()
    before = file.stat()
    for news in (whole, job({"t1": {"A"}}), job({"t3": set()}), SeenJob("j1")):
        keep(str(tmp_path), news)
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_runs_without_names_go_first() -> None:
    """Beyond the limit, runs without names are dropped first, the last ones before the others."""
    listed = job({f"t{number:02}": set() for number in range(MOST_RUNS)})
    whole = merged(job({"old": {"A"}, "older": {"B"}}), listed)
    assert len(whole.runs) == MOST_RUNS
    assert [*whole.runs][-3:] == [f"t{MOST_RUNS - 3}", "old", "older"]
    named = job({f"t{number:02}": {"A"} for number in range(MOST_RUNS)})
    assert [*merged(job({"old": {"A"}}), named).runs] == [*named.runs]


def test_names_are_bounded() -> None:
    """Beyond the limit, the names of the most recently used runs stay."""
    seen = parsed(text_of(job({"t1": {f"K{number}" for number in range(MOST_NAMES - 1)}, "t2": {"X", "Y"}})))
    assert seen is not None
    assert [len(run.names["projects"]) for run in seen.runs.values()] == [MOST_NAMES - 1, 1]


def test_jobs_are_bounded(tmp_path: Path) -> None:
    """The most recently seen job comes first; beyond the limit, the one seen longest ago is dropped."""
    for number in range(MOST_JOBS):
        file = tmp_path / str(number)
        file.write_text(f"migstat seen 1\njob\tj{number}\n", encoding="utf-8")
        os.utime(file, (number, number))
    keep(str(tmp_path), job({"t1": set()}, "new"))
    assert seen_jobs(str(tmp_path)) == ["new", *(f"j{number}" for number in range(MOST_JOBS - 1, 0, -1))]


def test_jobs_of_one_file_name_push_each_other_out(tmp_path: Path) -> None:
    """Another job's file is ignored and replaced."""
    keep(str(tmp_path), job({"t1": {"A"}}, "j1"))
    (file,) = tmp_path.iterdir()
    file.write_text(file.read_text(encoding="utf-8").replace("j1", "other"), encoding="utf-8")
    assert read_seen(str(tmp_path), "j1") is None
    keep(str(tmp_path), job({"t1": {"A"}}, "j1"))
    assert shown(kept(tmp_path)) == ("j1", {}, [("t1", "migrate", {"projects": {"A"}})])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"migstat seen 2\njob\tj1\n",
        b"migstat seen 1\n",
        b"migstat seen 1\njob\t\n",
        TEXT.encode() + b"\xff",
    ],
)
def test_a_damaged_file_is_replaced(tmp_path: Path, data: bytes) -> None:
    """A damaged file is ignored, and replaced the next time."""
    keep(str(tmp_path), job({"t1": {"A"}}))
    (file,) = tmp_path.iterdir()
    file.write_bytes(data)
    assert (read_seen(str(tmp_path), "j1"), seen_jobs(str(tmp_path))) == (None, [])
    keep(str(tmp_path), job({"t1": {"A"}}))
    assert kept(tmp_path).runs["t1"].names == {"projects": {"A"}}


def test_damaged_lines_are_skipped() -> None:
    """The rest of a partly damaged file counts."""
    seen = parsed(TEXT + "nonsense\ncheck\tlost\ntask\ntask\tt1\tmigrate\nprojects\tA\t\tB\x1b[2J\tC\nword\tlatest\n\n")
    assert shown(seen) == ("j1", {}, [("t1", "migrate", {"projects": {"A", "C"}})])


@given(NAMES, st.dictionaries(NAMES, st.sets(NAMES, max_size=4), max_size=4), st.dictionaries(NAMES, NAMES, max_size=2))
def test_whatever_is_seen_can_be_read_again(job_id: str, runs: dict[str, set[str]], words: dict[str, str]) -> None:
    """Of any names, those that can be typed are read back."""
    news = job(runs, job_id)
    news.words = {f"latest{word}": task_id for word, task_id in words.items() if word.isprintable()}
    seen = parsed(text_of(news))
    if not job_id or not job_id.isprintable():
        assert seen is None
        return
    assert seen is not None
    assert seen.job_id == job_id
    assert [*seen.runs] == [task_id for task_id in runs if task_id and task_id.isprintable()]
    for task_id, run in seen.runs.items():
        assert run.names.get("projects", set()) == {name for name in runs[task_id] if name and name.isprintable()}
    assert seen.words.items() <= news.words.items()
    assert shown(parsed(text_of(seen))) == shown(seen)
