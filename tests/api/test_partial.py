"""Names that are safe whatever they were, and partial files that never end as damaged ones."""

from __future__ import annotations

import os
import tempfile
import unicodedata
from io import FileIO
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from migstat.api import partial as module
from migstat.api.partial import LONGEST_NAME, Partial, file_names
from migstat.errors import OutputError

EVIL = ["../../etc/passwd", "..", ".", "", "\0", "a\0b", "/etc/passwd", "C:\\Windows\\x", "\\\\host\\share", "aux.txt",
        "COM1", "-rf", ".bashrc", "a/../../b", "x" * 300, "é" * 200 + ".csv", "a\u202egpj.exe", "~root", "a:b",
        "CON .txt", "report.csv.", "report.csv ", "\ud800", "nul", "...", "x.partial", "a\nb", "LPT¹"]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("report.csv", "report.csv"),
        ("Bericht über Prüfungen.csv", "Bericht über Prüfungen.csv"),
        ("../../etc/passwd", "etc_passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/etc/passwd", "etc_passwd"),
        ("C:\\x.csv", "C__x.csv"),
        ("a/../b", "a_._b"),
        ("..", "artifact"),
        (".", "artifact"),
        ("", "artifact"),
        (None, "artifact"),
        ("\0", "artifact"),
        (".bashrc", "bashrc"),
        ("-rf", "rf"),
        ("report\u202evsc.exe", "report_vsc.exe"),
        ("a\r\n\x1b[2Jb", "a___[2Jb"),
        ("report.csv. . ", "report.csv"),
        ("CON", "_CON"),
        ("aux.txt", "_aux.txt"),
        ("com1 .tar.gz", "_com1 .tar.gz"),
        ("console.log", "console.log"),
        ("x" * 300 + ".csv", "x" * (LONGEST_NAME - 4) + ".csv"),
        ("é" * 300 + ".csv", "é" * ((LONGEST_NAME - 4) // 2) + ".csv"),
        ("e\u0301.csv", "é.csv"),
    ],
)
def test_a_name_becomes_safe_and_stays_recognizable(wanted: str | None, name: str) -> None:
    """Separators and what does not print become `_`; what is special at either end goes."""
    assert file_names([wanted]) == [name]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (["a.csv", "a.csv", "a.csv"], ["a.csv", "a-2.csv", "a-3.csv"]),
        (["a.csv", "A.CSV"], ["a.csv", "A-2.CSV"]),
        (["a-2.csv", "a.csv", "a.csv"], ["a-2.csv", "a.csv", "a-3.csv"]),
        (["log", "log"], ["log", "log-2"]),
        (["a/b", "a_b"], ["a_b", "a_b-2"]),
        (["ﬁle", "file"], ["ﬁle", "file-2"]),
        (["x" * 300, "x" * 301], ["x" * LONGEST_NAME, "x" * (LONGEST_NAME - 2) + "-2"]),
    ],
)
def test_names_are_told_apart(wanted: list[str], names: list[str]) -> None:
    """Equal names, also to a file system that ignores case, are numbered before their ending."""
    assert file_names(wanted) == names


@given(st.lists(st.one_of(st.text(), st.sampled_from(EVIL), st.text(alphabet="./\\ -~\0Aaé")), max_size=6))
@example(EVIL)
def test_every_text_becomes_a_file_directly_in_the_folder(wanted: list[str]) -> None:
    """Whatever the names, what is made of them can be written, is distinct, and lies in the folder itself."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve()
        names = file_names(wanted)
        for name in names:
            assert (folder / name).resolve().parent == folder
            assert name.isprintable()
            assert name[0] not in ".- "
            assert name[-1] not in ". "
            (folder / f".{name}.partial").touch()
            (folder / name).touch()
        assert len({unicodedata.normalize("NFC", name).casefold() for name in names}) == len(wanted)
        assert {path.name for path in folder.iterdir() if not path.name.startswith(".")} == set(names)


def left_in(folder: Path) -> list[str]:
    """Names of all that is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def begun(target: Path, data: bytes, *, of: str = "this", validator: str | None = '"v1"') -> None:
    """Write the beginning of a file, then stop."""
    with Partial(target, of) as partial:
        partial.restart(validator)
        partial.write(data)


def test_a_whole_file_gets_its_name(tmp_path: Path) -> None:
    """Once finished there is the file, and nothing else."""
    target = tmp_path / "new" / "folder" / "report.csv"
    with Partial(target, "this") as partial:
        partial.restart('"v1"')
        partial.write(b"one ")
        partial.write(b"two")
        assert left_in(target.parent) == [".report.csv.partial"]
        partial.finish()
    assert target.read_bytes() == b"one two"
    assert left_in(target.parent) == ["report.csv"]


def test_a_file_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """What was written of the same version of the same file is there again, with the server's word for it."""
    begun(tmp_path / "a", b"one ")
    with Partial(tmp_path / "a", "this") as partial:
        assert (partial.size, partial.validator) == (4, '"v1"')
        partial.write(b"two")
        partial.finish()
    assert (tmp_path / "a").read_bytes() == b"one two"


def test_what_nobody_can_go_on_with_is_not_kept(tmp_path: Path) -> None:
    """Without a word for the version, and without a single byte, nothing stays behind."""
    begun(tmp_path / "a", b"one", validator=None)
    begun(tmp_path / "b", b"")
    assert left_in(tmp_path) == []


def test_another_file_is_not_gone_on_with(tmp_path: Path) -> None:
    """What was written of something else of the same name is thrown away."""
    begun(tmp_path / "a", b"one ", of="that")
    with Partial(tmp_path / "a", "this") as partial:
        assert (partial.size, partial.validator) == (0, None)
        partial.write(b"two")
        partial.finish()
    assert (tmp_path / "a").read_bytes() == b"two"


@pytest.mark.parametrize(
    "note",
    [b"", b"{", b"\xff", b'{"of":"this"}', b'{"of":"this","validator":"x","size":5}',
     b'{"of":"this","validator":"x","size":-1}', b'{"of":"this","validator":"x","size":0}', b"[" * 5000],
    ids=["empty", "torn", "no-text", "incomplete", "more-than-there-is", "negative", "none", "long"],
)  # fmt: skip
def test_a_note_that_cannot_be_trusted_is_none(tmp_path: Path, note: bytes) -> None:
    """Where the note beside a partial file is damaged, or counts more than there is, the file is begun anew."""
    begun(tmp_path / "a", b"one ")
    (tmp_path / ".a.resume").write_bytes(note)
    with Partial(tmp_path / "a", "this") as partial:
        assert partial.size == 0
    assert left_in(tmp_path) == []


def test_only_what_is_surely_on_disk_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a kill it goes on from the last checkpoint, whatever else had reached the file by then."""
    monkeypatch.setattr(module, "CHECKPOINT", 4)
    killed = Partial(tmp_path / "a", "this")
    killed.restart('"v1"')
    for data in (b"one ", b"and"):
        killed.write(data)
    killed._file.close()
    assert (tmp_path / ".a.partial").read_bytes() == b"one and"
    with Partial(tmp_path / "a", "this") as partial:
        assert partial.size == 4
        partial.write(b"2")
        partial.finish()
    assert (tmp_path / "a").read_bytes() == b"one 2"


@pytest.mark.parametrize("name", [".a.partial", ".a.resume"])
@pytest.mark.parametrize("link", ["symbolic", "hard", "fifo"])
def test_links_and_devices_in_the_way_are_not_written_through(tmp_path: Path, name: str, link: str) -> None:
    """A link in the place of a partial file or its note is removed, and what it leads to stays as it was."""
    outside = tmp_path / "outside"
    outside.write_bytes(b'{"of":"this","validator":"x","size":3}')
    folder = tmp_path / "folder"
    folder.mkdir()
    if link == "symbolic":
        (folder / name).symlink_to(outside)
    elif link == "hard":
        (folder / name).hardlink_to(outside)
    else:
        os.mkfifo(folder / name)
    begun(folder / "a", b"other data")
    with Partial(folder / "a", "this") as partial:
        assert partial.size == 10
        partial.finish()
    assert outside.read_bytes() == b'{"of":"this","validator":"x","size":3}'
    assert left_in(folder) == ["a"]


def test_a_link_under_the_final_name_is_replaced(tmp_path: Path) -> None:
    """A link out of the folder is replaced by the file; what it led to stays as it was."""
    (tmp_path / "outside").write_bytes(b"precious")
    target = tmp_path / "a"
    target.symlink_to(tmp_path / "outside")
    begun(target, b"new")
    with Partial(target, "this") as partial:
        partial.finish()
    assert (tmp_path / "outside").read_bytes() == b"precious"
    assert not target.is_symlink()
    assert target.read_bytes() == b"new"


def test_two_at_a_time_do_not_write_the_same_file(tmp_path: Path) -> None:
    """While somebody writes a file another one is refused, and the first is not disturbed."""
    with Partial(tmp_path / "a", "this") as first:
        first.restart('"v1"')
        first.write(b"one")
        with pytest.raises(OutputError, match="another migstat"):
            Partial(tmp_path / "a", "this")
        first.finish()
    assert (tmp_path / "a").read_bytes() == b"one"


def test_a_file_that_just_got_its_name_is_not_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who opened a partial file right before another one gave it its name leaves it alone."""
    first = Partial(tmp_path / "a", "this")
    first.restart('"v1"')
    first.write(b"one")
    lock = module._lock

    def late(file: FileIO, path: Path) -> None:
        if path.name == ".a.partial":
            first.finish()
        lock(file, path)

    monkeypatch.setattr(module, "_lock", late)
    with pytest.raises(OutputError, match="another migstat"):
        Partial(tmp_path / "a", "this")
    assert (tmp_path / "a").read_bytes() == b"one"


@pytest.mark.parametrize("where", ["file/a", "folder", "\0/a"])
def test_what_cannot_be_written_is_told_with_its_name(tmp_path: Path, where: str) -> None:
    """A folder that is none, and a folder where the file should be, are errors that name the file."""
    (tmp_path / "file").touch()
    (tmp_path / "folder" / "full").mkdir(parents=True)
    with pytest.raises(OutputError) as caught, Partial(tmp_path / where, "this") as partial:
        partial.finish()
    assert str(tmp_path) in caught.value.message
    assert left_in(tmp_path / "folder") == ["full"]
