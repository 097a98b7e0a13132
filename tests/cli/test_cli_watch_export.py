"""`watch --export`: files that follow the watch, whole or not at all, and never hold it up."""

from __future__ import annotations

import os
import stat
import sys
import threading
from pathlib import Path
from queue import SimpleQueue

import pytest
from msgspec.structs import replace

from migstat.cli.exporting import WRITTEN_EVERY, Exporter
from migstat.cli.watching import close_all
from migstat.model.events import Waiting
from migstat.simulator.server import Server
from tests.command_line import environ_of, migstat, process
from tests.render.screens import FAILURE, MIDDLE, RESULT
from tests.scenarios import HERE, frozen, node
from tests.servers import NOW, night, server_of

FILES = ("page.html", "view.svg", "migstat.prom")

server = server_of(frozen("FAILED", projects=(node("ACME"), node("ERP", "FAILED", "It broke."))))


def exports(folder: Path, *names: str) -> list[str]:
    return [word for name in names for word in ("--export", str(folder / name))]


@pytest.mark.slow
def test_all_files_show_the_end(server: Server, tmp_path: Path) -> None:
    """After the end each file shows how it ended; other people may read it as the umask lets them; `~` is expanded."""
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    result = process(["watch", *exports(Path("~"), *FILES)], environ_of(server) | home)
    assert result.code == migstat(["watch"], environ_of(server), now=lambda: NOW).code == 1
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(FILES)
    page, _, metrics = texts = [tmp_path.joinpath(name).read_text(encoding="utf-8") for name in FILES]
    assert ["broke." in text for text in texts] == [True, True, False]
    assert ("The watch ended" in page, "\nmigstat_exit_code 1\n" in metrics) == (True, True)
    os.umask(mask := os.umask(0o022))
    assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o666 & ~mask}


def test_a_watch_that_is_given_up_says_so(tmp_path: Path) -> None:
    """After a timeout the page says that it is no longer watched, and the metrics have its code."""
    with night(frozen("running", migrate="running", projects=(node("ACME", "running"),)), head_start=HERE) as going_on:
        result = going_on.watch("--timeout", "5m", *exports(tmp_path, *FILES))
    assert result.code == 124
    page, _, metrics = (tmp_path.joinpath(name).read_text(encoding="utf-8") for name in FILES)
    assert "not watched since" in page
    assert "stopped after 5m 00s (--timeout): still running" in page
    assert "\nmigstat_exit_code 124\n" in metrics


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_file_that_cannot_be_written_changes_no_code(server: Server, tmp_path: Path) -> None:
    """What cannot be written is a warning, the other files are written, and the code is that of the data."""
    (tmp_path / "null.html").symlink_to("/dev/null")
    words = ["watch", "--json", *exports(tmp_path, "null.html", "page.html")]
    result = migstat(words, environ_of(server), sleep=[], now=lambda: NOW)
    assert result.code == 1
    assert "null.html: the final state was not written: not a regular file" in result.err
    assert "The watch ended" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_watch_that_cannot_begin_leaves_files_alone(server: Server, tmp_path: Path) -> None:
    """Where nothing could be read, the page of another watch stays."""
    (tmp_path / "page.html").write_text("of another", encoding="utf-8")
    words = ["watch", "nowhere", *exports(tmp_path, *FILES)]
    assert migstat(words, environ_of(server), sleep=[]).code == 5
    assert [each.read_text(encoding="utf-8") for each in tmp_path.iterdir()] == ["of another"]


def test_a_folder_that_goes_away_is_told_once_and_tried_again(tmp_path: Path) -> None:
    """Of failures in a row only the first is reported; once the folder is back, the file is written."""
    path, seconds, warnings = tmp_path / "share" / "page.html", [0.0], SimpleQueue[str]()
    path.parent.write_text("", encoding="utf-8")
    exporter = Exporter(path, warnings.put, lambda: seconds[0])
    exporter.show(Waiting(MIDDLE.at, 10.0, MIDDLE))
    warning = warnings.get(timeout=10)
    assert f"{path}: " in warning
    assert warning.endswith("; trying again after each poll")
    seconds[0] += WRITTEN_EVERY
    exporter.show(Waiting(MIDDLE.at, 10.0, MIDDLE))
    exporter.close(10.0)
    assert f"{path}: the final state was not written: " in warnings.get(timeout=10)
    assert warnings.empty()
    path.parent.unlink()
    again = Exporter(path, warnings.put, lambda: 0.0)
    again.end(RESULT)
    again.close(10.0)
    assert "The watch ended" in path.read_text(encoding="utf-8")


class Share:
    """A place for a file that may hang, and the texts that were written to it."""

    def __init__(self) -> None:
        self.writable = threading.Event()
        self.began = threading.Event()
        self.texts: list[str] = []

    def write(self, _: Path, text: str) -> None:
        self.began.set()
        self.writable.wait()
        self.texts.append(text)


def test_a_share_that_hangs_holds_nothing_up() -> None:
    """The watch goes on; later only the newest state is written; a missing end is reported."""
    share, warnings, seconds = Share(), list[str](), [0.0]
    exporter = Exporter(Path("page.html"), warnings.append, lambda: seconds[0], write=share.write)
    exporter.show(Waiting(MIDDLE.at, 10.0, MIDDLE))
    assert share.began.wait(10)
    for _ in range(5):
        seconds[0] += WRITTEN_EVERY
        exporter.show(Waiting(MIDDLE.at, 10.0, FAILURE))
    exporter.end(RESULT)
    exporter.close(0.0)
    assert warnings == ["migstat: warning: --export: page.html: the final state was not written: timed out"]
    share.writable.set()
    exporter.close(10.0)
    assert ["The watch ended" in text for text in share.texts] == [False, True]


def test_files_that_hang_share_one_limit() -> None:
    """However many files hang, the end of a watch takes no longer than for one, and each is reported."""
    share, warnings, seconds, given = Share(), list[str](), [0.0], list[float]()

    class Hanging(Exporter):
        def close(self, patience: float) -> None:
            given.append(patience)
            seconds[0] += patience
            super().close(0.0)

    hanging = [Hanging(Path(name), warnings.append, lambda: seconds[0], write=share.write) for name in FILES]
    for exporter in hanging:
        exporter.end(RESULT)
    close_all(hanging, 0.5, lambda: seconds[0])
    assert (given, len(warnings)) == ([0.5, 0.0, 0.0], 3)
    share.writable.set()


def test_files_are_written_every_five_seconds_at_most() -> None:
    """Polls in quick succession do not wear out a disk or a network; the end is written however soon it comes."""
    share, seconds, written = Share(), [0.0], list[int]()
    share.writable.set()
    exporter = Exporter(Path("page.html"), print, lambda: seconds[0], write=share.write)
    for seconds[0] in (0.0, 1.0, WRITTEN_EVERY - 0.1, WRITTEN_EVERY, WRITTEN_EVERY + 1):
        share.began.clear()
        exporter.show(Waiting(MIDDLE.at, 1.0, replace(MIDDLE, interval=1.0)))
        if seconds[0] in (0.0, WRITTEN_EVERY):
            assert share.began.wait(10)
        written.append(share.began.is_set())
    exporter.end(RESULT)
    exporter.close(10.0)
    assert written == [True, False, False, True, False]
    assert len(share.texts) == 3
    assert 'data-stale-after="30000"' in share.texts[0]  # not three seconds: the page itself reloads every ten
