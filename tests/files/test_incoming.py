"""Names that are safe whatever they were, and files that are whole or absent."""

from __future__ import annotations

import os
import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from migstat.errors import OutputError
from migstat.files.incoming import MAX_NAME_BYTES, Incoming, file_names, incoming
from tests.storage import left_in

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
        ("x" * 300 + ".csv", "x" * (MAX_NAME_BYTES - 4) + ".csv"),
        ("é" * 300 + ".csv", "é" * ((MAX_NAME_BYTES - 4) // 2) + ".csv"),
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
        (["x" * 300, "x" * 301], ["x" * MAX_NAME_BYTES, "x" * (MAX_NAME_BYTES - 2) + "-2"]),
    ],
)
def test_names_are_told_apart(wanted: list[str], names: list[str]) -> None:
    """Equal names, also to a file system that ignores case, are numbered before their ending."""
    assert file_names(wanted) == names


@given(st.lists(st.one_of(st.text(), st.sampled_from(EVIL), st.text(alphabet="./\\ -~\0Aaé")), max_size=6))
@example(EVIL)
def test_every_text_becomes_a_file_directly_in_the_folder(wanted: list[str]) -> None:
    """Any names become distinct ones that can be written, directly in the folder."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve()
        names = file_names(wanted)
        for name in names:
            assert (folder / name).resolve().parent == folder
            assert name.isprintable()
            assert name[0] not in ".- "
            assert name[-1] not in ". "
            (folder / name).touch()
        assert len({unicodedata.normalize("NFC", name).casefold() for name in names}) == len(wanted)
        assert {path.name for path in folder.iterdir()} == set(names)


@pytest.mark.parametrize("before", ["nothing", "a file", "a link"])
def test_a_file_gets_its_name_once_it_is_whole(tmp_path: Path, before: str) -> None:
    """Only the last attempt's bytes are in it, with the user's umask; an older file or a link makes room for it."""
    outside, folder = tmp_path / "outside", tmp_path / "new" / "folder"
    outside.write_bytes(b"precious")
    target = folder / "report.csv"
    if before != "nothing":
        folder.mkdir(parents=True)
        target.write_bytes(b"old") if before == "a file" else target.symlink_to(outside)
    with incoming(target) as file:
        file.write(b"first attempt")
        file.restart()
        file.write(b"one ")
        file.write(b"two")
        assert file.size == 7
        assert target.exists() is (before != "nothing")
    os.umask(mask := os.umask(0o022))
    assert (target.read_bytes(), target.is_symlink()) == (b"one two", False)
    assert target.stat().st_mode & 0o777 == 0o666 & ~mask
    assert (left_in(folder), outside.read_bytes()) == (["report.csv"], b"precious")


@pytest.mark.parametrize("error", [OSError, ValueError, KeyboardInterrupt, OutputError])
def test_a_broken_download_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    """A network error or an interrupt is passed on, removes the partial file, and leaves an older one untouched."""
    target = tmp_path / "report.csv"
    target.write_bytes(b"old")

    def receive(file: Incoming) -> None:
        file.write(b"some of it")
        raise error("stop")

    with pytest.raises(error, match="stop"), incoming(target) as file:
        receive(file)
    assert (left_in(tmp_path), target.read_bytes()) == (["report.csv"], b"old")


@pytest.mark.parametrize("folder", ["file", "a\0b", "/proc/new"])
def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path, folder: str) -> None:
    """The error names the file."""
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot write .*report\.csv"), incoming(tmp_path / folder / "report.csv"):
        pytest.fail("it was opened")
