"""`--export`: the picture is written whole or not at all."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import xml.etree.ElementTree as ET
from html import unescape
from pathlib import Path

import pytest

from migstat.simulator.server import Server
from tests.command_line import environ_of, hermetic, refused
from tests.scenarios import frozen, node
from tests.servers import ask, server_of, still

server = server_of(
    frozen(
        check=node("check", "WARNING", children=(node("Suspicious", "WARNING", "Look <here> & there."),)),
        projects=(node("ACME", "FAILED", "It broke."),),
    )
)


def shown_in(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix.lower() == ".html":
        assert text.rstrip().endswith("</html>")
        words = unescape(re.sub("<[^>]*>", " ", text))
    else:
        root = ET.fromstring(text)  # noqa: S314  written by this program
        words = " ".join("".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text"))
    return re.sub(r"\s+", " ", words.replace("\xa0", " "))


@pytest.mark.parametrize(
    ("name", "command", "words"),
    [
        ("picture.svg", "status", ["ACME", "It broke."]),
        ("PICTURE.SVG", "checks", ["Suspicious", "Look <here> & there."]),
        ("picture.html", "projects", ["ACME", "It broke."]),
        ("a b é.html", "checks", ["Suspicious", "Look <here> & there."]),
    ],
)
def test_a_picture_is_written_whole_beside_the_output(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, command: str, words: list[str]
) -> None:
    """The picture shows what the table shows instead of an older one; all else is as without it, and the only file.

    Shells leave a tilde behind an equals sign alone, and what the server says is no markup.
    """
    (tmp_path / name).write_text("old", encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    result = ask(server, command, "--exit-status", f"--export=~/{name}")
    assert result == ask(server, command, "--exit-status")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    shown = shown_in(tmp_path / name)
    assert [word for word in words if word not in shown] == []
    assert "<here" not in (tmp_path / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("where", ["none/picture.svg", "file/picture.html", "folder.svg", "/proc/picture.svg"])
def test_a_place_that_cannot_be_written_is_refused_first(server: Server, tmp_path: Path, where: str) -> None:
    """A picture that cannot be written is code 2 before any request, and leaves nothing behind."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "folder.svg").mkdir()
    before = len(server.requests)
    refused(ask(server, "status", "--export", str(tmp_path / where)), 2, "--export")
    assert len(server.requests) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.svg"]


def test_nothing_is_written_where_nothing_was_read(server: Server, tmp_path: Path) -> None:
    """An error leaves no picture."""
    assert ask(server, "status", "nowhere", "--export", str(tmp_path / "picture.svg")).code == 5
    assert list(tmp_path.iterdir()) == []


def test_checks_and_projects_are_test_results_for_a_build_server(server: Server, tmp_path: Path) -> None:
    """FILE.xml is JUnit with a test case for each node; several exports may be asked for at once."""
    target, picture = tmp_path / "junit.xml", tmp_path / "picture.svg"
    assert ask(server, "projects", "--export", str(target), "--export", str(picture)).code == 0
    (suite,) = ET.fromstring(target.read_text(encoding="utf-8"))  # noqa: S314  written by this program
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("1", "1", "0")
    assert [(case.get("name"), case[0].tag, case[0].get("message")) for case in suite] == [
        ("ACME", "failure", "It broke.")
    ]
    assert picture.exists()
    assert ask(server, "checks", "--export", str(target)).code == 0
    assert "Suspicious" in target.read_text(encoding="utf-8")
    refused(ask(server, "status", "--export", str(tmp_path / "status.xml")), 2, "FILE.svg, FILE.html")


@pytest.mark.slow
def test_a_picture_has_no_more_rows_than_one_can_look_at(tmp_path: Path) -> None:
    """Hundreds of rows belong into a page, which can be searched; a picture sums up what is fine."""
    projects = tuple(node(f"P{number:03}") for number in range(501))
    picture, page = tmp_path / "all.svg", tmp_path / "all.html"
    with still(frozen(projects=projects)) as server:
        for words, why in (("--all", "--all"), ("--state succeeded", "the filter")):
            said = (f"--export: {why} leaves 501 rows", "Export all.html instead.")
            refused(ask(server, "projects", *words.split(), "--export", str(picture)), 2, *said)
        assert not picture.exists()
        assert ask(server, "projects", "--all", "--export", str(page)).code == 0
        assert ask(server, "projects", "--export", str(picture)).code == 0
    assert "P500" in page.read_text(encoding="utf-8")
    assert "P500" not in picture.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="the umask is POSIX's")
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_exports_follow_the_umask(server: Server, tmp_path: Path, umask: int) -> None:
    """With a strict umask, exports are private."""
    file = tmp_path / "x.svg"
    command = [sys.executable, "-m", "migstat", "status", "--export", str(file)]
    subprocess.run(command, env=hermetic() | environ_of(server), umask=umask, check=True, capture_output=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~umask
