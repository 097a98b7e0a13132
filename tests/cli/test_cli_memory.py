"""Names that commands see are kept for completion, and nothing else is."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from migstat.api.http import Resource
from migstat.cli.memory import Memory
from migstat.completion.answer import answer
from migstat.completion.seen import FOLDER, read_seen, seen_jobs
from migstat.model.nodes import Task, TaskType
from migstat.simulator.server import Server
from tests.command_line import environ_of, migstat, process


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def offered(line: str, going: Server, cache: Path) -> list[str]:
    environ = environ_of(going) | {"MIGSTAT_CONFIG": str(cache / "none"), "XDG_CACHE_HOME": str(cache.parent)}
    (cache.parent / "migstat").symlink_to(cache)
    lines = answer("zsh", [*line.split(), ""], environ).decode().splitlines()
    return [each.partition("\t")[0] for each in lines[1:]]


@pytest.mark.parametrize(
    ("command", "line", "some"),
    [
        ("status", "job", {"JOB"}),
        ("tasks", "status JOB", {"latest", "latest-migrate", "TASK"}),
        ("status", "status JOB", {"latest", "TASK"}),
        ("checks --state failed", "checks --name", {"AppVendorCheck", "AnonPermission"}),
        ("projects --state failed", "projects --key", {"ACME", "WEB", "OPS"}),
        ("status --level migrate,projects --depth 1 --raw", "projects --key", {"ACME", "WEB"}),
        ("status --level check,AppVendorCheck --json", "status --level", {"check,AppVendorCheck"}),
    ],
)
def test_what_was_seen_completes(going: Server, cache: Path, command: str, line: str, some: set[str]) -> None:
    """Names that a command has read complete afterwards, even those that it did not show."""
    result = migstat(command.split(" "), environ_of(going), cache=str(cache))
    assert (result.code, result.err) == (0, "")
    ids = {"JOB": going.job_id, "TASK": migstat(["tasks"], environ_of(going)).out.split("\t")[0]}
    assert {ids.get(name, name) for name in some} <= set(offered(line.replace("JOB", going.job_id), going, cache))


def test_a_watch_keeps_names_before_it_ends(going: Server, cache: Path) -> None:
    """Names that a watch has read complete while it runs."""
    seen: list[set[str]] = []

    class Ears(list[float]):
        def append(self, seconds: float) -> None:
            super().append(seconds)
            for thread in threading.enumerate():
                if thread.name == "memory":
                    thread.join(10)
            known = read_seen(str(cache / FOLDER), going.job_id)
            seen.append({name for run in known["runs"].values() for name in run["names"].get("projects", ())})

    result = migstat(["watch", "--timeout", "15s"], environ_of(going), cache=str(cache), sleep=Ears())
    assert result.code == 124
    assert {"ACME", "WEB"} <= seen[0]


@pytest.mark.skipif(sys.platform == "win32", reason="has neither pipes nor devices in folders")
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_cache_that_is_no_file_holds_up_nothing(going: Server, cache: Path, kind: str) -> None:
    """Neither a pipe, which never answers, nor a device that never ends is read, by a command or by completion."""
    (cache / FOLDER).mkdir(parents=True)
    file = cache / FOLDER / f"{going.job_id}.json"
    os.mkfifo(file) if kind == "pipe" else file.symlink_to("/dev/zero")
    for command in ("projects", "watch --timeout 15s"):
        assert migstat(command.split(), environ_of(going), cache=str(cache)).code in (0, 124)
    assert "latest" in offered(f"status {going.job_id}", going, cache)


def test_a_cache_that_hangs_is_waited_for_a_moment_only_at_the_end() -> None:
    """Whatever a write hangs on, neither a pause of a watch nor the end of a command waits until it is over."""
    begun, goes_on = threading.Event(), threading.Event()

    class Hanging(Memory):
        def _write(self, file: Path) -> None:
            begun.set()
            goes_on.wait(60)

    memory = Hanging("/nowhere/job.json")
    memory.answered(Resource("job", "task"), Task("task", TaskType.MIGRATE, None, ()))
    memory.keep()
    memory.keep()
    memory.close()
    assert begun.is_set()
    assert not goes_on.is_set()
    goes_on.set()


def test_only_names_are_kept(going: Server, cache: Path) -> None:
    """The file contains no token, e-mail, message or state."""
    for command in ("status", "checks --details", "projects", "tasks"):
        migstat(command.split(" "), environ_of(going), cache=str(cache))
    (file,) = (cache / "seen").iterdir()
    text = file.read_text(encoding="utf-8")
    assert [word for word in (going.token, going.email, "FAILED", "FINISHED", "IN_PROGRESS", " ") if word in text] == []


@pytest.mark.slow
def test_a_process_uses_the_users_cache_folder(going: Server, tmp_path: Path) -> None:
    """The file is below XDG_CACHE_HOME, where completion finds it."""
    environ = environ_of(going) | {"XDG_CACHE_HOME": str(tmp_path)}
    assert process(["projects"], environ).code == 0
    assert seen_jobs(str(tmp_path / "migstat" / "seen")) == [going.job_id]
    completed = process(["__complete", "fish", "projects", "--key", ""], environ)
    assert (completed.code, completed.err) == (0, "")
    assert {"ACME", "WEB"} <= set(completed.out.splitlines())


def test_a_demo_and_an_unknown_job_keep_nothing(going: Server, cache: Path) -> None:
    """Neither simulated nor wrong names complete the user's own command lines."""
    assert migstat(["demo", "status"], {}, cache=str(cache)).code == 0
    assert not cache.exists()
    assert migstat(["status", "nonsense"], environ_of(going), cache=str(cache)).code == 5
    assert seen_jobs(str(cache / FOLDER)) == []


def test_a_cache_that_cannot_be_written_is_ignored(going: Server, cache: Path) -> None:
    """A cache that cannot be written does not disturb the command."""
    cache.write_text("no folder", encoding="utf-8")
    result = migstat(["projects"], environ_of(going), cache=str(cache))
    assert (result.code, result.err) == (0, "")
    assert result.out
