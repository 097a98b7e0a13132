"""Names seen of a job are kept in a small file that may be lost or damaged at any time."""

from __future__ import annotations

import gc
import os
import stat
import threading
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migstat.api.http import Resource
from migstat.cli.memory import MAX_JOBS, MAX_NAMES, MAX_RUNS, Memory
from migstat.completion.answer import answer
from migstat.completion.seen import MAX_NAME, file_of, read_seen, seen_jobs
from migstat.model.nodes import Node, Page, Task, TaskPage

PROJECTS = ("migrate", "projects")


def keep(folder: Path, runs: Mapping[str, set[str]], job_id: str = "j1") -> None:
    """Keep what a command sees that lists these runs, and reads the keys of their projects."""
    memory = Memory(file_of(str(folder), job_id))
    listed = tuple(Task(task_id, "migrate", None, ()) for task_id in runs)
    memory.answered(Resource(job_id), TaskPage(listed, None))
    for task_id, keys in runs.items():
        children = tuple(Node((*PROJECTS, key)) for key in keys)
        memory.answered(Resource(job_id, task_id), Page(Node(PROJECTS, children=children), None, found=bool(keys)))
    memory.close()
    for thread in threading.enumerate():  # a slow disk may take longer than a command waits
        if thread.name == "memory":
            thread.join()


def kept(folder: Path) -> dict[str, set[str]]:
    runs: dict[str, Any] = read_seen(str(folder), "j1")["runs"]
    return {task_id: {*run["names"].get("projects", ())} for task_id, run in runs.items()}


def test_names_are_added(tmp_path: Path) -> None:
    """Without a folder nothing is known; later names are added to earlier ones, for their owner only."""
    folder = tmp_path / "seen"
    assert (seen_jobs(str(folder)), kept(folder)) == ([], {})
    for runs in ({"t1": {"ACME", "Ü"}}, {"t2": {"C"}}, {"t1": {"my own"}, "t0": set[str]()}):
        keep(folder, runs)
    assert [*kept(folder).items()] == [("t1", {"ACME", "Ü", "my own"}), ("t0", set()), ("t2", {"C"})]
    assert read_seen(str(folder), "j1")["words"] == {"latest": "t1", "latest-migrate": "t1"}
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())] == [0o700, 0o600]


def test_an_answer_may_arrive_while_names_are_kept(tmp_path: Path) -> None:
    """What a Ctrl-C has abandoned still answers, in its own thread, and costs nothing of what was seen before."""
    memory, numbers = Memory(file_of(str(tmp_path), "j1")), count()

    def answer_another(*_: object) -> None:
        children = (Node((*PROJECTS, "LATE")),)
        page = Page(Node((f"x{next(numbers)}",)), None, found=True)
        memory.answered(Resource("j1", f"t{next(numbers)}"), page)
        memory.answered(Resource("j1", "t0"), Page(Node(("migrate", "spaces"), children=children), None, found=True))

    memory.answered(Resource("j1", "t0"), Page(Node((*PROJECTS, "ACME")), None, found=True))
    gc.disable()  # a finalizer of another test's garbage would answer within a copy
    threading.setprofile(answer_another)
    try:
        memory.keep()
    finally:
        threading.setprofile(None)
        memory.close()
        gc.enable()
    assert "ACME" in kept(tmp_path)["t0"]


def test_nothing_new_is_not_written(tmp_path: Path) -> None:
    """A file that would get nothing new is left alone."""
    whole = {f"t{number}": {"A"} for number in range(MAX_RUNS + 5)}
    keep(tmp_path, whole)
    (file,) = tmp_path.iterdir()
    before = file.stat()
    for news in (whole, {"t0": {"A"}}, {"t0": set[str]()}, dict[str, set[str]]()):
        keep(tmp_path, news)
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_runs_without_names_go_first(tmp_path: Path) -> None:
    """Beyond the limit, runs without names are dropped first, the last ones before the others."""
    keep(tmp_path, {"old": {"A"}, "older": {"B"}})
    keep(tmp_path, {f"t{number:02}": set() for number in range(MAX_RUNS)})
    assert len(kept(tmp_path)) == MAX_RUNS
    assert [*kept(tmp_path)][-3:] == [f"t{MAX_RUNS - 3}", "old", "older"]
    named = {f"t{number:02}": {"A"} for number in range(MAX_RUNS)}
    keep(tmp_path, named)
    assert kept(tmp_path) == named


def test_names_are_bounded(tmp_path: Path) -> None:
    """Beyond the limit, the names of the most recently used runs stay; one that nobody would type is left out."""
    keep(tmp_path, {"t1": {f"K{number}" for number in range(MAX_NAMES - 1)}, "t2": {"X", "Y", "Z" * (MAX_NAME + 1)}})
    assert [len(names) for names in kept(tmp_path).values()] == [MAX_NAMES - 1, 1]


def test_jobs_are_bounded(tmp_path: Path) -> None:
    """The most recently seen job comes first; beyond the limit, the one seen longest ago is dropped."""
    for number in range(MAX_JOBS):
        file = tmp_path / f"j.{number}.json"
        file.write_text("{}", encoding="utf-8")
        os.utime(file, (number, number))
    keep(tmp_path, {"t1": set()}, "new")
    assert seen_jobs(str(tmp_path)) == ["new", *(f"j.{number}" for number in range(MAX_JOBS - 1, 0, -1))]


@pytest.mark.parametrize("job_id", ["..", ".hidden", "a b", "ä", "x" * 101, "a\\b", ""])
def test_an_id_that_is_no_safe_file_name_is_not_kept(tmp_path: Path, job_id: str) -> None:
    """Nothing is written of such a job, and nothing outside the folder is read."""
    keep(tmp_path / "seen", {"t1": {"A"}}, job_id)
    (tmp_path / "..json").write_text("[1]", encoding="utf-8")
    assert (read_seen(str(tmp_path), job_id), (tmp_path / "seen").exists()) == ({"words": {}, "runs": {}}, False)


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b'{"words": {}', b"\xff", b"[]", b'{"runs": {"t1": 5}}', b'{"x":' + b"[" * 9000]
)
def test_a_damaged_file_is_replaced(tmp_path: Path, data: bytes) -> None:
    """A damaged file completes nothing, and is replaced the next time."""
    cache = tmp_path / "migstat" / "seen"
    keep(cache, {"t1": {"A"}})
    (file,) = cache.iterdir()
    file.write_bytes(data)
    environ = {"XDG_CACHE_HOME": str(tmp_path), "MIGSTAT_CONFIG": str(tmp_path / "none")}
    assert answer("zsh", ["projects", "j1", "--key", ""], environ) == b"words\n"
    keep(cache, {"t1": {"A"}})
    assert kept(cache) == {"t1": {"A"}}


@given(st.dictionaries(st.text(min_size=1, max_size=12), st.sets(st.text(max_size=12), max_size=4), max_size=4))
def test_whatever_is_seen_can_be_read_again(
    tmp_path_factory: pytest.TempPathFactory, runs: dict[str, set[str]]
) -> None:
    """Names hold any character."""
    folder = tmp_path_factory.mktemp("seen")
    keep(folder, runs)
    assert kept(folder) == runs
