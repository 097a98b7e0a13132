"""Bash, zsh and fish complete the command line on a real terminal, with the real program behind them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from migstat.completion.seen import FOLDER
from migstat.completion.shells import SHELLS
from tests.completion.shells import Recorder, Shell, found, real_program

pytestmark = pytest.mark.slow

AWKWARD = (
    "k01 with space", "k02$(touch pwned)", "k03`touch pwned`", "k04;touch pwned;", "k05'; touch pwned; '",
    'k06"; touch pwned; "', "k07:a:b=c", "k08*?[a]", "k09{a,b}", "k10\\back\\", "k11!x !!", "k12#x ~ $HOME",
    "k13&|<>()", "k14%n%s^x", "k15Ü 日本", "k16,a@b+c", "~k17", "=k18", "#k19",
)  # fmt: skip
"""Names that a server may send."""

CONFIG = """
[profiles.acme]
job = "j1"
[profiles."my own"]
job = "j1"
[targets."wave two"]
job = "https://api.example.com:8443/jobs/j1?a=b"
"""

OFFERED = {
    "migstat wat": {"watch"},
    "migstat status --color=a": {"--color=auto", "--color=always"},
    "migstat status -oj": {"-ojson"},
    "migstat status -p ": {"acme", "my own"},
    r"migstat status --profile=my\ own 'wave two' --ex": {"--exit-status", "--export"},
    "migstat nonsense ": set(),
}
"""Lines and the words that they offer, however the shell writes them."""


@pytest.fixture(scope="module", params=["bash", "zsh", "fish"])
def shell_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    found(name)
    return name


@pytest.fixture(scope="module")
def recorder(shell_name: str, tmp_path_factory: pytest.TempPathFactory) -> Recorder:
    """A program whose user has a config file, and has seen a job with awkward names."""
    made = Recorder(tmp_path_factory.mktemp(shell_name))
    Path(made.environ["MIGSTAT_CONFIG"]).write_text(CONFIG, encoding="utf-8")
    folder = Path(made.environ["XDG_CACHE_HOME"], "migstat", FOLDER)
    folder.mkdir(parents=True)
    run = {"type": "migrate", "names": {"projects": [*AWKWARD]}}
    (folder / "j1.json").write_text(json.dumps({"words": {}, "runs": {"t1": run}}), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def shell(shell_name: str, recorder: Recorder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    started = Shell(shell_name, tmp_path_factory.mktemp("home"), recorder.bin)
    yield started
    started.close()


@pytest.mark.parametrize("line", OFFERED)
def test_words_are_offered(shell: Shell, line: str) -> None:
    """Commands, options, fixed choices and names are offered, with what the line already says in front."""
    offered = {word.replace("\\", "") for word in shell.offered(line)}
    lead = line.rpartition(" ")[2].partition("=")[0] + "="  # bash has only the rest of the word completed
    assert offered in (OFFERED[line], {word.removeprefix(lead) for word in OFFERED[line]})


@pytest.mark.parametrize("name", AWKWARD)
def test_a_name_is_completed_to_exactly_that_name(
    shell: Shell, recorder: Recorder, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever a server calls a project, the completed line names it and runs nothing."""
    begin = name[:3] if name[0] == "k" else f"\\{name[:2]}"
    shell.do(f"migstat projects j1 --key {begin}\t")
    assert recorder.last == ["projects", "j1", "--key", name]
    assert list(tmp_path_factory.getbasetemp().rglob("pwned")) == []


@pytest.mark.parametrize(("line", "name"), [("'k01", AWKWARD[0]), ('"k01', AWKWARD[0]), ("'k02", AWKWARD[1])])
def test_an_open_quote_is_respected(shell: Shell, recorder: Recorder, line: str, name: str) -> None:
    """Within quotes, too, the completed line names what was meant and runs nothing."""
    shell.do(f"migstat projects 'wave two' --key {line}\t")
    assert recorder.last == ["projects", "wave two", "--key", name]


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("migstat sta", "migstat status "),
        ("migstat watch --until=co", "migstat watch --until=core "),
        ("migstat watch --record nig", "migstat watch --record night.jsonl "),
        ("migstat status --export=pic", "migstat status --export=picture.svg "),
        ("migstat artifacts --download o", "migstat artifacts --download out/"),
        ("migstat status --email nig", "migstat status --email nig"),
        ("migstat status wave", r"migstat status wave\ two "),
        ("migstat STA", "migstat STA"),
    ],
)
def test_tab(shell_name: str, shell: Shell, line: str, completed: str) -> None:
    """Tab completes words, files and folders in the line itself, and changes nothing that it does not know."""
    shell.do("touch night.jsonl picture.svg other; mkdir -p out")
    if (shell_name, line) == ("fish", "migstat STA"):
        completed = "migstat status "  # fish itself offers what differs in case
    assert shell.tab(line) == completed


def test_the_line_that_installs_it(shell_name: str, tmp_path: Path) -> None:
    """The line that the help shows works in a new home."""
    path = real_program(tmp_path / "bin")
    (tmp_path / ".config" / "fish" / "completions").mkdir(parents=True)  # fish does so when it first starts
    environ = {"HOME": str(tmp_path), "PATH": f"{path}:/usr/bin:/bin"}
    subprocess.run([found(shell_name), "-c", SHELLS[shell_name].install], env=environ, cwd=tmp_path, check=True)
    shell = Shell(shell_name, tmp_path, path, bare=False)
    try:
        assert shell.tab("migstat sta") == "migstat status "
    finally:
        shell.close()


def test_zsh_loads_it_out_of_its_path(tmp_path: Path) -> None:
    """In a folder of $fpath zsh finds the script without any other line."""
    found("zsh")
    lines = f"fpath=({SHELLS['zsh'].file.parent} $fpath)\nautoload -Uz compinit && compinit\n"
    (tmp_path / ".zshrc").write_text(lines, encoding="utf-8")
    shell = Shell("zsh", tmp_path, Recorder(tmp_path).bin, bare=False)
    try:
        assert shell.tab("migstat sta") == "migstat status "
        assert shell.tab("migstat watch --until=co") == "migstat watch --until=core "
    finally:
        shell.close()
