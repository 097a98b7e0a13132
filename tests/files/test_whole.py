"""Files are written whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from migstat.files.whole import replacing, write_whole
from tests.storage import left_in

POSIX = pytest.mark.skipif(os.name != "posix", reason="modes, links and signals are those of POSIX")


@given(st.text() | st.binary())
@example("a\nb\r\né\n")
@example(b"\xff\n\r\n")
def test_any_content_is_written_or_refused(tmp_path_factory: pytest.TempPathFactory, data: str | bytes) -> None:
    """The file has the new content, text as UTF-8 with its own line ends, or the old one and an error says so."""
    folder = tmp_path_factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    file = folder / "file"
    file.write_bytes(b"old")
    try:
        write_whole(file, data)
    except ValueError:
        assert file.read_bytes() == b"old"
    else:
        assert file.read_bytes() == (data.encode() if isinstance(data, str) else data)
    assert left_in(folder) == ["file"]


@POSIX
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("private", [True, False])
def test_a_private_file_is_for_its_owner_and_others_follow_the_umask(tmp_path: Path, umask: int, private: bool) -> None:
    """Private files get 0600 and new folders 0700, whatever the umask and the previous mode, also while written."""
    file = tmp_path / "one" / "two" / "file"
    expected = (0o600, 0o700) if private else (0o666 & ~umask, 0o777 & ~umask)
    before = os.umask(umask)
    try:
        for content in ("x", "y"):
            write_whole(file, content, private=private)
            modes = [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent, file.parent.parent)]
            assert modes == [expected[0], expected[1], expected[1]]
            file.chmod(0o666 if private else 0o600)
        with replacing(file, 0o600) as unfinished:
            assert stat.S_IMODE(os.fstat(unfinished.fileno()).st_mode) == 0o600
    finally:
        os.umask(before)


@POSIX
def test_a_planted_link_is_not_written_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the temporary file's name is taken, by a link for example, nothing is written."""
    victim = tmp_path / "victim"
    victim.write_text("old", encoding="utf-8")
    monkeypatch.setattr(time, "monotonic_ns", lambda: 7)
    planted = tmp_path / f".migstat-{os.getpid()}-7"
    planted.symlink_to(victim)
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "file", "new")
    assert victim.read_text(encoding="utf-8") == "old"
    assert left_in(tmp_path) == [planted.name, "victim"]


@POSIX
@pytest.mark.parametrize("dangling", [False, True])
def test_a_link_stays_a_link(tmp_path: Path, dangling: bool) -> None:
    """The file that links lead to is written, relative links included."""
    (tmp_path / "dotfiles").mkdir()
    target = tmp_path / "dotfiles" / "config.toml"
    if not dangling:
        target.write_text("old", encoding="utf-8")
    (tmp_path / "link").symlink_to("dotfiles/config.toml")
    (tmp_path / "again").symlink_to(tmp_path / "link")
    write_whole(tmp_path / "again", "new")
    assert target.read_text(encoding="utf-8") == "new"
    assert (tmp_path / "again").is_symlink()
    assert (tmp_path / "link").is_symlink()
    assert left_in(target.parent) == ["config.toml"]


@POSIX
def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    """A link that leads to itself is an OSError."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match=r"[Ss]ymbolic links|ymlink"):
        write_whole(tmp_path / "a", "new")
    assert left_in(tmp_path) == ["a", "b"]


@POSIX
def test_only_regular_files_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders, pipes, devices and links to them stay as they are, and nothing is created beside them."""

    def forbidden(*_: object, **__: object) -> None:
        pytest.fail("something would have been written")

    pipe, folder, link, device = (tmp_path / name for name in ("pipe", "folder", "link", "device"))
    os.mkfifo(pipe)
    folder.mkdir()
    link.symlink_to(pipe)
    device.symlink_to(os.devnull)
    monkeypatch.setattr(os, "open", forbidden)
    for path in (pipe, folder, link, Path(f"{folder}/"), folder / "..", device, Path(os.devnull)):
        with pytest.raises(OSError, match="not a regular file"):
            write_whole(path, "new")


@pytest.mark.parametrize("name", ["nul\0", "x" * 300, "file/below", "file/below/that"])
def test_an_impossible_name_is_refused(tmp_path: Path, name: str) -> None:
    """Impossible names, and a file in a folder's place, raise the documented errors."""
    (tmp_path / "file").write_text("old", encoding="utf-8")
    with pytest.raises((OSError, ValueError)):
        write_whole(tmp_path / name, "new")
    assert left_in(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text(encoding="utf-8") == "old"


@POSIX
def test_the_longest_name_is_written(tmp_path: Path) -> None:
    """A name may be as long as the system allows."""
    file = tmp_path / ("x" * 255)
    write_whole(file, "new")
    assert file.read_text(encoding="utf-8") == "new"


@POSIX
def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """When the disk fills up, the file is unchanged and nothing is left beside it."""
    from tests.full_disk import files_of_at_most

    file = tmp_path / "file"
    file.write_text("old", encoding="utf-8")
    with files_of_at_most(10_000), pytest.raises(OSError, match="File too large"):
        write_whole(file, "new\n" * 10_000)
    assert file.read_text(encoding="utf-8") == "old"
    assert left_in(tmp_path) == ["file"]


WRITER = "import os, signal, sys\nfrom pathlib import Path\nfrom migstat.files.whole import write_whole\n"


@POSIX
def test_a_kill_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    """A killed writer leaves the whole old file, and the next one succeeds."""
    file = tmp_path / "file"
    file.write_text("old", encoding="utf-8")
    code = "os.fsync = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\nwrite_whole(Path(sys.argv[1]), 'new')"
    done = subprocess.run([sys.executable, "-c", WRITER + code, str(file)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert file.read_text(encoding="utf-8") == "old"
    write_whole(file, "new")
    assert file.read_text(encoding="utf-8") == "new"


@pytest.mark.slow
def test_many_writers_leave_one_whole_file(tmp_path: Path) -> None:
    """While processes write the same file again and again, a reader always sees the whole content of one."""
    file = tmp_path / "file"
    write_whole(file, "0" * 100_000)
    code = "for _ in range(40):\n    write_whole(Path(sys.argv[1]), sys.argv[2] * 100_000)\n"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER + code, str(file), letter]) for letter in "abc"]
    while any(writer.poll() is None for writer in writers):
        text = file.read_text(encoding="utf-8")
        assert (len(text), len(set(text))) == (100_000, 1)
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert file.read_text(encoding="utf-8")[0] in "abc"
    assert left_in(tmp_path) == ["file"]
