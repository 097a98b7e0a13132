"""`migstat artifacts`: what is listed, in every format, and what is downloaded, through the command line."""

from __future__ import annotations

import csv
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pyte
import pytest

from migstat.simulator.artifacts import content_of
from migstat.simulator.scenarios import build
from tests.command_line import hermetic, migstat, refused, refused_as_json, started, until
from tests.schemas import assert_valid
from tests.servers import Answer, Asked
from tests.storage import CONTENT, EARLIER, LATER, binary, left_in, storing
from tests.terminal import MIGSTAT, PATIENCE, end_of, on_terminal


def by_path(replies: dict[str, Answer]) -> Callable[[Asked], Answer]:
    return lambda asked: replies.get(asked.path) or binary(CONTENT)


def test_plain_lists_name_expiry_and_location() -> None:
    """Into a pipe each file is a line, in CSV and Markdown a row; unknown values are empty."""
    with storing() as storage:
        storage.holds("report.csv").holds("tab\tand\nline.log", "https://files.example.com/x?y=1", EARLIER)
        storage.files.append({"name": None, "location": None, "expireAt": None})
        expected = (
            f"report.csv\t{LATER}\t{storage.base_url}/files/0?signature=5ig-nature\n"
            f"tab\\tand\\nline.log\t{EARLIER}\thttps://files.example.com/x?y=1\n\t\t\n"
        )
        result = storage.artifacts()
        table = list(csv.reader(storage.holds("=report.csv").artifacts("-o", "csv").out.splitlines()))
        marked = storage.artifacts("-o", "markdown").out.splitlines()
        assert (result.code, result.out, result.err) == (0, expected, "")
        assert (table[0], table[4][:2]) == (["name", "expiresAt", "location"], ["'=report.csv", LATER])
        assert (marked[0], "=report.csv" in marked[5]) == ("| name | expires | location |", True)
        assert storage.asked == []


def test_json_is_a_document_of_one_run() -> None:
    """The document is like that of tasks, with `path` null for what was not downloaded; ndjson is a file a line."""
    with storing() as storage:
        storage.holds("report.csv").holds("old.log", expires=EARLIER)
        document = json.loads(storage.artifacts("--json").out)
        lines = [json.loads(line) for line in storage.artifacts("-o", "ndjson").out.splitlines()]
    assert_valid("artifacts", document)
    locations = [f"{storage.base_url}/files/{number}?signature=5ig-nature" for number in (0, 1)]
    assert lines == [
        {"name": name, "location": location, "expiresAt": expires, "path": None}
        for name, location, expires in zip(("report.csv", "old.log"), locations, (LATER, EARLIER), strict=True)
    ]
    run = {"taskId": "task-1", "taskType": "check", "createdAt": "2026-09-21T13:00:00Z", "artifacts": lines}
    assert document == {
        "kind": "artifacts", "schemaVersion": 1, "jobId": "job-1", "fetchedAt": "2026-09-21T14:13:20Z", "tasks": [run],
    }  # fmt: skip
    assert_valid("artifacts", lines[0], "FileJson")


@pytest.mark.zone("UTC")
def test_the_table_shows_until_when_and_from_where() -> None:
    """A person sees local times under the name of the zone, what has expired, and hosts, but no signatures."""
    with storing() as storage:
        storage.holds("report.csv").holds("old.log", "https://files.example.com/x?signature=5ig-nature", EARLIER)
        storage.holds("odd.log", "https://[", "some day")
        result = storage.artifacts("--color", "never", terminal=True)
    lines = [line.split() for line in result.out.splitlines()]
    assert result.code == 0
    assert lines[0] == ["NAME", "EXPIRES", "(UTC)", "FROM"]
    assert lines[1] == ["report.csv", "in", "46m", "40s,", "15:00", "127.0.0.1"]
    assert lines[2] == ["old.log", "expired", "14:00", "files.example.com"]
    assert lines[3] == ["odd.log", "some", "day"]
    assert "5ig-nature" not in result.out


@pytest.mark.parametrize("form", ["table", "plain", "json"])
def test_a_run_without_files_says_why(tmp_path: Path, form: str) -> None:
    """An empty list is not an error, and says why it may be empty; no folder is made for it."""
    with storing() as storage:
        result = storage.artifacts("--download", str(tmp_path / "new"), "-o", form)
    assert result.code == 0
    assert ("newer migration assistants" in result.err) is (form != "json")
    assert (result.out == "") is (form == "plain")
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("sent", "expected"),
    [(1790002800, LATER), (1790002800000, LATER), (LATER, LATER), ("2026-09-21T17:00:00+02:00", LATER),
     (1789999200, EARLIER), ("some day", ""), (None, ""), (True, "")],
)  # fmt: skip
def test_an_expiry_is_understood_in_every_unit(sent: object, expected: str) -> None:
    """Seconds, milliseconds and ISO text give the same instant; anything else is not a time."""
    with storing() as storage:
        storage.files.append({"name": "report.csv", "location": "/files/0", "expireAt": sent})
        assert storage.artifacts().out == f"report.csv\t{expected}\t/files/0\n"


@pytest.mark.parametrize(("words", "label"), [("", "migrate"), ("latest-check", "check-2")])
def test_the_demo_has_files_to_download(tmp_path: Path, words: str, label: str) -> None:
    """A run's report can be downloaded from the built-in simulator without any settings."""
    file = tmp_path / "new" / "folder" / "pre-flight-report.csv"
    result = migstat(["demo", "artifacts", *words.split(), "--download", str(file.parent), "--json"], {})
    assert (result.code, result.err) == (0, "")
    document = json.loads(result.out)
    assert_valid("artifacts", document)
    (run,) = document["tasks"]
    task = next(each for each in build("cutover").tasks if each.label == label)
    assert (run["taskId"], [each["path"] for each in run["artifacts"]]) == (task.task_id, [str(file)])
    assert left_in(file.parent) == [file.name]
    assert file.read_bytes() == content_of(task, file.name)


@pytest.mark.parametrize("form", ["plain", "csv", "markdown"])
def test_a_download_says_where_the_files_are(tmp_path: Path, form: str) -> None:
    """Every format has the path of each file, empty where it could not be fetched, and no signed link."""
    with storing(by_path({"/files/1": binary(status=404)})) as storage:
        result = storage.holds("report.csv").holds("lost.csv").artifacts("--download", str(tmp_path), "-o", form)
    lines = result.out.splitlines()
    assert "signature" not in result.out
    found = [line for line in lines if "report.csv" in line]
    assert (len(found), str(tmp_path / "report.csv") in found[0].replace("\\", "")) == (1, True)
    if form == "plain":
        assert lines == [f"report.csv\t{LATER}\t{tmp_path / 'report.csv'}", f"lost.csv\t{LATER}\t"]
    else:
        assert "path" in lines[0]


def test_files_of_one_name_and_of_evil_names_are_kept_apart(tmp_path: Path) -> None:
    """Whatever the server calls its files, each gets a name of its own in the folder, and none is outside of it."""
    names = ["report.csv", "REPORT.csv", "../../evil", "/etc/evil", None]
    contents = {f"/files/{number}": binary(b"content %d" % number) for number in range(len(names))}
    folder = tmp_path / "deep" / "down"
    with storing(by_path(contents)) as storage:
        for name in names:
            storage.holds(name)
        result = storage.artifacts("--download", str(folder), "--json")
    paths = [each["path"] for each in json.loads(result.out)["tasks"][0]["artifacts"]]
    assert [os.path.relpath(path, folder) for path in paths] == [
        "report.csv", "REPORT-2.csv", "evil", "etc_evil", "artifact",
    ]  # fmt: skip
    assert [Path(path).read_bytes() for path in paths] == [reply.content for reply in contents.values()]
    assert (result.code, left_in(tmp_path)) == (0, ["deep"])


@pytest.mark.parametrize(
    ("status", "expires", "code", "others"),
    [(410, LATER, 5, 0), (410, LATER, 5, 2), (404, LATER, 5, 2), (403, EARLIER, 5, 0), (400, EARLIER, 5, 2),
     (403, LATER, 3, 2), (400, LATER, 3, 0), (503, EARLIER, 3, 2)],
)  # fmt: skip
def test_a_file_that_cannot_be_fetched_does_not_stop_the_others(
    tmp_path: Path, status: int, expires: str, code: int, others: int
) -> None:
    """All others are fetched and listed with their paths; error and code say whether to try again."""
    kept = [f"kept-{number}.csv" for number in range(others)]
    with storing(by_path({"/files/0": binary(status=status)})) as storage:
        storage.holds("lost.csv", expires=expires)
        for name in kept:
            storage.holds(name)
        result = storage.artifacts("--download", str(tmp_path), "--json")
        table = storage.artifacts("--download", str(tmp_path), "-o", "table")
    error = json.loads(result.err)["error"]
    assert (result.code, table.code, error["code"]) == (code, code, "not-found" if code == 5 else "incomplete")
    assert f"{'1 of 3 files' if others else 'the file'} could not be downloaded; lost.csv: " in error["message"]
    assert str(status) in error["message"]
    paths = [each["path"] for each in json.loads(result.out)["tasks"][0]["artifacts"]]
    assert paths == [None, *(str(tmp_path / name) for name in kept)]
    assert left_in(tmp_path) == kept
    assert len(table.err.splitlines()) <= 2
    assert "not downloaded" in table.out


@pytest.mark.parametrize("where", ["", " ", "file", "file/below", "a\0b", "\udcff", "/proc/new", "/dev/null/x"])
def test_a_folder_that_cannot_be_one_is_refused_before_anything_is_asked(tmp_path: Path, where: str) -> None:
    """An empty name, a file or a place that cannot be written to is wrong usage, in two lines."""
    (tmp_path / "file").touch()
    folder = str(tmp_path / where) if where.startswith("file") else where
    words, environ = ["artifacts", "job-1", "--download", folder], {"MIGSTAT_BASE_URL": "http://127.0.0.1:9"}
    refused(migstat(words, environ), 2, "--download")
    refused_as_json(migstat([*words, "--json"], environ), 2, "usage")


def test_the_log_of_requests_has_no_signature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With -v each request is logged without its signature; a tilde, which shells leave alone here, is the home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with storing() as storage:
        result = storage.holds("report.csv").artifacts("--download=~/reports", "-v", "-o", "table")
    assert (result.code, left_in(tmp_path / "reports")) == (0, ["report.csv"])
    host = storage.base_url.removeprefix("http://")
    assert f"GET {host}/files/0 200 " in result.err
    assert "5ig-nature" not in result.err + result.out
    assert "s3cr3t" not in result.err + result.out


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("when", ["before the answer", "in the middle"])
def test_an_interrupted_download_leaves_nothing(tmp_path: Path, when: str, number: signal.Signals) -> None:
    """A signal ends it with its own code within a second, and leaves no file, not even a partial one."""
    half = len(CONTENT) // 2 if when == "in the middle" else 0
    silent = binary(CONTENT, sent=half, held=Event(), silent=not half)

    def has_begun() -> bool:
        return any(path.stat().st_size == half for path in tmp_path.iterdir()) and bool(storage.asked)

    with storing(lambda _: silent) as storage:
        words = ("artifacts", "--download", str(tmp_path))
        with started(words, storage.holds("report.csv").environ) as process:
            until(lambda: process.poll() is not None or has_begun())
            process.send_signal(number)
            out, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, out) == (128 + number, ""), err
        assert "Traceback" not in err
    assert left_in(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("columns", [100, 40])
def test_a_terminal_shows_how_far_a_download_is(tmp_path: Path, columns: int) -> None:
    """While bytes come there is a line with name, bytes and speed that fits the window, and none of it is left."""
    half = len(CONTENT) // 2
    held = Event()
    replies = [binary(CONTENT, sent=half, held=held), binary(CONTENT)]
    screen = pyte.Screen(columns, 24)
    stream = pyte.Stream(screen)
    with storing(lambda _: replies.pop(0) if len(replies) > 1 else replies[0]) as storage:
        storage.holds("report.csv").holds("a much too long name of a file, of which only a part can be shown.csv")
        env = hermetic() | storage.environ | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}
        child = on_terminal([*MIGSTAT, "artifacts", "--download", str(tmp_path)], env, size=(columns, 24))
        child.logfile_read = SimpleNamespace(write=stream.feed, flush=lambda: None)
        child.expect(r"1/2 report\.csv [^\r]*108\.0/216\.0 kB")
        assert len([line for line in screen.display if line.strip()]) == 1
        held.set()
        assert end_of(child)[1] == 0
    text = "\n".join(screen.display)
    assert "kB" not in text
    assert "report.csv" in text or columns == 40


def test_no_progress_where_nobody_looks(tmp_path: Path) -> None:
    """Into a pipe, and beside the log of -v, nothing of it is written."""
    with storing() as storage:
        storage.holds("report.csv")
        assert storage.artifacts("--download", str(tmp_path)).err == ""
        assert "kB" not in storage.artifacts("--download", str(tmp_path), "-v", err_terminal=True).err
        assert "kB" in storage.artifacts("--download", str(tmp_path), err_terminal=True).err
