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
from hypothesis import given
from hypothesis import strategies as st

from migstat.files.whole import write_whole

POSIX = pytest.mark.skipif(os.name != "posix", reason="modes, links and signals are those of POSIX")

OLD, NEW = "old\n" * 1000, "new\n" * 200_000


def names(folder: Path) -> list[str]:
    """The names in a folder, hidden ones included."""
    return sorted(path.name for path in folder.iterdir())


def child(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run code with `write_whole`, `path` and `data` in a process of its own."""
    prologue = (
        "import os, resource, signal, sys\nfrom pathlib import Path\nfrom migstat.files.whole import write_whole\n"
        "path, data = Path(sys.argv[1]), 'new\\n' * 200_000\n"
    )
    return subprocess.run(
        [sys.executable, "-c", prologue + code, *words], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(("data", "written"), [("a\nb\r\né\n", "a\nb\r\né\n".encode()), (b"\xff\n\r\n", b"\xff\n\r\n")])
def test_what_is_written_is_read(tmp_path: Path, data: str | bytes, written: bytes) -> None:
    """Bytes are written as they are, text as UTF-8 with its own line ends, and no other file is left."""
    file = tmp_path / "file"
    for _ in range(2):
        write_whole(file, data)
        assert file.read_bytes() == written
    assert names(tmp_path) == ["file"]


@given(st.text() | st.binary())
def test_any_content_is_written_or_refused(tmp_path_factory: pytest.TempPathFactory, data: str | bytes) -> None:
    """The file has the new content, or the old one and the error is one of the documented."""
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
    assert names(folder) == ["file"]


@POSIX
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_file_is_for_its_owner_only(tmp_path: Path, umask: int) -> None:
    """Private files get mode 0600 and new folders 0700, whatever the umask and the previous mode."""
    file = tmp_path / "one" / "two" / "file"
    before = os.umask(umask)
    try:
        write_whole(file, "x")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        file.chmod(0o666)
        write_whole(file, "y")
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (file.parent, file.parent.parent)} == {0o700}


@POSIX
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_other_files_follow_the_umask(tmp_path: Path, umask: int) -> None:
    """Exports are as readable as whatever else the user creates, and so are the folders made for them."""
    file = tmp_path / "one" / "file"
    before = os.umask(umask)
    try:
        write_whole(file, "x", private=False)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~umask
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o777 & ~umask


@POSIX
def test_nobody_else_can_read_it_meanwhile(tmp_path: Path) -> None:
    """While it is written, too, only the owner can read the file."""
    code = """
def see(descriptor):
    print(oct(os.fstat(descriptor).st_mode & 0o777))
os.fsync = see
os.umask(0)
write_whole(path, data)
"""
    assert child(code, str(tmp_path / "file")).stdout == "0o600\n"


@POSIX
def test_what_somebody_has_planted_is_not_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the temporary file's name is taken, by a link for example, nothing is written through it."""
    victim = tmp_path / "victim"
    victim.write_text("old", encoding="utf-8")
    monkeypatch.setattr(time, "monotonic_ns", lambda: 7)
    planted = tmp_path / f".migstat-{os.getpid()}-7"
    planted.symlink_to(victim)
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "file", "new")
    assert victim.read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == [planted.name, "victim"]


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
    assert names(target.parent) == ["config.toml"]


@POSIX
def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    """A link that leads to itself is an OSError."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match=r"[Ss]ymbolic links|ymlink"):
        write_whole(tmp_path / "a", "new")
    assert names(tmp_path) == ["a", "b"]


@POSIX
def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """Folders, pipes and links to pipes stay what they are."""
    pipe, folder, link = tmp_path / "pipe", tmp_path / "folder", tmp_path / "link"
    os.mkfifo(pipe)
    folder.mkdir()
    link.symlink_to(pipe)
    for path in (pipe, folder, link, Path(f"{folder}/"), tmp_path / "folder" / ".."):
        with pytest.raises(OSError, match="not a regular file"):
            write_whole(path, "new")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert names(folder) == []
    assert names(tmp_path) == ["folder", "link", "pipe"]


@POSIX
def test_a_device_is_refused_before_anything_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is created beside a device or moved over it."""

    def forbidden(*_: object, **__: object) -> None:
        pytest.fail("something would have been written")

    monkeypatch.setattr(os, "open", forbidden)
    monkeypatch.setattr(Path, "replace", forbidden)
    link = tmp_path / "link"
    link.symlink_to(os.devnull)
    for path in (Path(os.devnull), link):
        with pytest.raises(OSError, match="not a regular file"):
            write_whole(path, "new")


@pytest.mark.parametrize("name", ["nul\0", "x" * 300, "file/below", "file/below/that"])
def test_a_name_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    """Impossible names, and a file in a folder's place, raise the documented errors."""
    (tmp_path / "file").write_text("old", encoding="utf-8")
    with pytest.raises((OSError, ValueError)):
        write_whole(tmp_path / name, "new")
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text(encoding="utf-8") == "old"


@POSIX
def test_the_longest_name_is_written(tmp_path: Path) -> None:
    """A name may be as long as the system allows."""
    file = tmp_path / ("x" * 255)
    write_whole(file, "new")
    assert file.read_text(encoding="utf-8") == "new"


@POSIX
def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """When the disk fills up, the file is as it was and nothing is left beside it."""
    file = tmp_path / "file"
    file.write_text(OLD, encoding="utf-8")
    code = """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    write_whole(path, data)
except OSError as error:
    print("told", error.strerror)
"""
    done = child(code, str(file))
    assert done.stdout == "told File too large\n", done.stderr
    assert file.read_text(encoding="utf-8") == OLD
    assert names(tmp_path) == ["file"]


@POSIX
def test_a_folder_that_may_not_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    """Without write permission the file is as it was; tried as a user whom permissions concern."""
    file = tmp_path / "file"
    file.write_text(OLD, encoding="utf-8")
    tmp_path.chmod(0o555)
    code = """
if os.geteuid() == 0:
    os.chdir(path.parent)  # whose parents are root's alone
    path = Path(path.name)
    os.setresuid(65534, 65534, 65534)
try:
    write_whole(path, data)
except OSError as error:
    print("told", error.strerror)
"""
    done = child(code, str(file))
    tmp_path.chmod(0o755)
    assert done.stdout == "told Permission denied\n", done.stderr
    assert file.read_text(encoding="utf-8") == OLD
    assert names(tmp_path) == ["file"]


@POSIX
@pytest.mark.parametrize("moment", ["os.fsync", "Path.replace"])
def test_a_kill_in_the_middle_leaves_the_old_file(tmp_path: Path, moment: str) -> None:
    """A killed writer leaves the whole old file, and the next one succeeds."""
    file = tmp_path / "file"
    file.write_text(OLD, encoding="utf-8")
    done = child(f"{moment} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\nwrite_whole(path, data)", str(file))
    assert done.returncode == -signal.SIGKILL
    assert file.read_text(encoding="utf-8") == OLD
    write_whole(file, NEW)
    assert file.read_text(encoding="utf-8") == NEW


@POSIX
def test_an_interruption_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C neither changes the file nor leaves another one."""
    file = tmp_path / "file"
    file.write_text(OLD, encoding="utf-8")
    code = """
def interrupted(_):
    raise KeyboardInterrupt
os.fsync = interrupted
try:
    write_whole(path, data)
except KeyboardInterrupt:
    print("on up")
"""
    assert child(code, str(file)).stdout == "on up\n"
    assert file.read_text(encoding="utf-8") == OLD
    assert names(tmp_path) == ["file"]


@pytest.mark.slow
def test_many_writers_leave_one_whole_file(tmp_path: Path) -> None:
    """While processes write the same file again and again, a reader always sees the whole content of one."""
    file = tmp_path / "file"
    write_whole(file, "0" * 100_000)
    code = "for _ in range(40):\n    write_whole(path, sys.argv[2] * 100_000)\n"
    start = (
        "import sys\nfrom pathlib import Path\nfrom migstat.files.whole import write_whole\npath = Path(sys.argv[1])\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", start + code, str(file), letter]) for letter in "abc"]
    while any(writer.poll() is None for writer in writers):
        text = file.read_text(encoding="utf-8")
        assert (len(text), len(set(text))) == (100_000, 1)
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert file.read_text(encoding="utf-8")[0] in "abc"
    assert names(tmp_path) == ["file"]
