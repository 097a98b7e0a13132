"""Bash, zsh and fish complete the command line: what is fixed by themselves, names by asking the program."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from migstat.cli.commands import job
from migstat.cli.grammar import grammar
from migstat.completion.grammar import all_of
from migstat.completion.seen import SeenJob, folder_of, keep
from migstat.completion.shells import SHELLS
from migstat.model.nodes import Outcome
from migstat.render.schema import KINDS
from migstat.settings.keys import FORMATS
from migstat.simulator.scenarios import NAMES
from tests.completion.shells import SCRIPTS, Recorder, Shell, found, real_program

FIXED: dict[str, Iterable[str]] = {
    "migstat wat": ["watch"],
    "migstat --v": ["--version"],
    "migstat -- stat": ["status"],
    "migstat status --exit": ["--exit-status"],
    "migstat status --color ": ["auto", "always", "never"],
    "migstat status --color=a": ["auto", "always"],
    "migstat status acme latest --color al": ["always"],
    "migstat status -o ": FORMATS,
    "migstat status -oj": ["json"],
    "migstat status -vo m": ["markdown"],
    "migstat job --output=": job.FORMATS,
    "migstat watch --until ": ["done", "core", "checks"],
    "migstat projects --sort=": ["name", "outcome", "elapsed", "progress"],
    "migstat checks --outcome ": [each.lower() for each in Outcome],
    "migstat checks --outcome failed,": ["incomplete", "warning", "success", "skipped"],
    "migstat checks --outcome=failed,wa": ["warning"],
    "migstat projects --status in_": ["in_progress"],
    "migstat status --depth ": ["all"],
    "migstat schema ": KINDS,
    "migstat help e": ["exit-codes", "environment"],
    "migstat completion ": SHELLS,
    "migstat auth ": ["login", "logout", "status"],
    "migstat config un": ["unset"],
    "migstat simulate --scenario ": NAMES,
    "migstat demo ": ["status", "checks", "projects", "watch", "tasks", "job", "artifacts"],
    "migstat demo --speed 3 --scenario=hu": ["huge"],
    "migstat demo --scenario failing watch --until=c": ["core", "checks"],
    "migstat status --email ": [],
    "migstat nonsense ": [],
}
"""What the line offers without asking anybody."""

ASKED = {
    "migstat status -p ": "profiles status",
    "migstat status --profile=": "profiles status",
    "migstat auth login -p ": "profiles auth+login",
    "migstat status ": "jobs-and-words status",
    "migstat watch -- ": "jobs-and-words watch",
    "migstat tasks ": "jobs tasks",
    "migstat status wave2 ": "tasks status wave2",
    "migstat status -p acme --raw wave2 ": "tasks status -p acme wave2",
    "migstat status --level ": "levels status",
    "migstat checks --name ": "checks checks",
    "migstat checks -v --outcome failed wave2 latest-check --name=": "checks checks wave2 latest-check",
    "migstat projects --key ": "projects projects",
    "migstat projects --key A --key ": "projects projects",
    "migstat projects -pacme -vo json --key ": "projects projects -p acme",
    "migstat projects -vp acme --key ": "projects projects -p acme",
    "migstat projects --profile=acme -- x --key ": None,
    "migstat projects https://api.example.com:8443/jobs/1?a=b T-1 --key ": (
        "projects projects https://api.example.com:8443/jobs/1?a=b T-1"
    ),
    r"migstat projects --profile my\ own 'my target' --key ": "projects projects -p my+own my+target",
    'migstat projects --profile="my own" my\\ target --key=': "projects projects -p my+own my+target",
    "migstat demo projects --key ": "projects demo",
    "migstat demo --scenario failing checks latest --name ": "checks demo latest",
    "migstat config get ": "keys config+get",
    "migstat config set ": "possible-keys config+set",
    "migstat config set a ": None,
}
"""What the program is asked behind the line, a space within a word written as a plus; None: it is not asked."""

AWKWARD = (
    "k01 with space",
    "k02$(touch pwned)",
    "k03`touch pwned`",
    "k04;touch pwned;",
    "k05'; touch pwned; '",
    'k06"; touch pwned; "',
    "k07:a:b=c",
    "k08*?[a]",
    "k09{a,b}",
    "k10\\back\\",
    "k11!x !!",
    "k12#x ~ $HOME",
    "k13&|<>()",
    "k14%n%s^x",
    "k15Ü 日本",
    "k16,a@b+c",
    "~k17",
    "=k18",
    "#k19",
)
"""Names that a server may send."""


@pytest.fixture(scope="module", params=["bash", "zsh", "fish"])
def shell_name(request: pytest.FixtureRequest) -> str:
    """Each shell that runs here."""
    name: str = request.param
    found(name)
    return name


@pytest.fixture(scope="module")
def known(shell_name: str, tmp_path_factory: pytest.TempPathFactory) -> Recorder:
    """A program that tells what it was asked."""
    return Recorder(tmp_path_factory.mktemp(shell_name))


@pytest.fixture(scope="module")
def shell(shell_name: str, known: Recorder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell with the script and that program."""
    started = Shell(shell_name, tmp_path_factory.mktemp("home"), known.bin)
    yield started
    started.close()


@pytest.fixture
def recorder(known: Recorder) -> Recorder:
    """The same, which has not been asked yet and knows nothing."""
    known.know()
    return known


def _values(words: Iterable[str]) -> set[str]:
    """The value alone of words such as `--color=auto`, `-ojson` and `failed,warning`."""
    return {re.sub(r"^(--[\w-]+=|-[a-z](?=[a-z]))?(.*,)?", "", word) for word in words}


@pytest.mark.parametrize("line", FIXED)
def test_what_is_fixed_completes_without_the_program(shell: Shell, recorder: Recorder, line: str) -> None:
    """Commands, options and fixed choices are offered, as many as there are, without any program being started."""
    offered = shell.offered(line)
    assert (_values(offered) if offered - set(FIXED[line]) else offered) == set(FIXED[line])
    assert recorder.calls == []


def test_all_options_are_offered(shell: Shell, recorder: Recorder) -> None:
    """Behind every command all of its options are offered, and no others, without any program being started."""
    for command in all_of(grammar()):
        names = {option.names[0] for option in command.options}
        assert shell.offered(f"migstat {command.words} --".replace("  ", " ")) == names
    assert recorder.calls == []


@pytest.mark.slow
@pytest.mark.parametrize("line", ASKED)
def test_names_are_asked_of_the_program(shell: Shell, recorder: Recorder, line: str) -> None:
    """A name is asked for with what the line says of profile, job and task, and what is known is offered."""
    recorder.know("ACME\tsomething about it", "OPS")
    offered = shell.offered(line)
    asked = ASKED[line]
    expected = [] if asked is None else [["__complete", *(word.replace("+", " ") for word in asked.split(" "))]]
    assert recorder.calls == expected
    assert _values(offered) == (set() if asked is None else {"ACME", "OPS"})


@pytest.mark.parametrize("name", AWKWARD)
def test_a_name_is_completed_to_just_that_name(
    shell: Shell, recorder: Recorder, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever a server calls a project, the completed line names it and runs nothing."""
    recorder.know(*AWKWARD)
    begin = name[:3] if name[0] == "k" else f"\\{name[:2]}"
    shell.do(f"migstat projects --key {begin}\t")
    assert recorder.calls[-1] == ["projects", "--key", name]
    assert list(tmp_path_factory.getbasetemp().rglob("pwned")) == []


@pytest.mark.parametrize(
    ("line", "name"), [("'k01", "k01 with space"), ('"k01', "k01 with space"), ("'k02", AWKWARD[1])]
)
def test_an_open_quote_is_respected(shell: Shell, recorder: Recorder, line: str, name: str) -> None:
    """Within quotes, too, the completed line names what was meant and runs nothing."""
    recorder.know(*AWKWARD)
    shell.do(f"migstat projects --key {line}\t")
    assert recorder.calls[-1] == ["projects", "--key", name]


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("migstat sta", "migstat status "),
        ("migstat watch --until=co", "migstat watch --until=core "),
        ("migstat watch --record nig", "migstat watch --record night.jsonl "),
        ("migstat status --export=pic", "migstat status --export=picture.svg "),
        ("migstat artifacts --download o", "migstat artifacts --download out/"),
        ("migstat status --email nig", "migstat status --email nig"),
        ("migstat STA", "migstat STA"),
    ],
)
def test_tab(shell_name: str, shell: Shell, recorder: Recorder, line: str, completed: str) -> None:
    """Tab completes words, files and folders in the line itself, and changes nothing that it does not know."""
    for name in ("night.jsonl", "picture.svg", "other"):
        shell.do(f"echo > {name}")
    shell.do("mkdir -p out")
    if (shell_name, line) == ("fish", "migstat STA"):
        completed = "migstat status "  # fish itself offers what differs in case
    assert shell.tab(line) == completed
    assert [call for call in recorder.calls if call[:1] != ["__complete"]] == []


def test_the_real_program_answers(shell: Shell, recorder: Recorder, tmp_path: Path) -> None:
    """Profiles, targets and what was last seen complete with nothing but the program and the user's own files."""
    config = tmp_path / "config.toml"
    config.write_text('[profiles.acme]\njob = "j1"\n[targets."wave two"]\njob = "j1"\n', encoding="utf-8")
    seen = SeenJob("j1")
    seen.run("t1", "migrate").names["projects"] = {"OPS", "OPEN SPACE"}
    seen.words["latest-migrate"] = "t1"
    keep(folder_of(str(tmp_path / "cache" / "migstat")), seen)
    real_program(recorder.bin, {"MIGSTAT_CONFIG": str(config), "XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert shell.tab("migstat status -p a") == "migstat status -p acme "
    assert shell.tab("migstat status wave") == r"migstat status wave\ two "
    assert shell.tab(r"migstat projects wave\ two --key OP") == r"migstat projects wave\ two --key OP"
    assert shell.tab("migstat projects -p acme --key OPE") == r"migstat projects -p acme --key OPEN\ SPACE "


@pytest.mark.slow
def test_the_line_that_installs_it(shell_name: str, tmp_path: Path) -> None:
    """The line that the help shows installs the script in a home that has nothing of the kind yet."""
    path = real_program(tmp_path / "bin")
    environ = {"HOME": str(tmp_path), "PATH": f"{path}:/usr/bin:/bin"}
    subprocess.run([found(shell_name), "-c", SHELLS[shell_name].install], env=environ, cwd=tmp_path, check=True)
    shell = Shell(shell_name, tmp_path, path, bare=False)
    try:
        assert shell.tab("migstat sta") == "migstat status "
    finally:
        shell.close()


def test_zsh_loads_it_out_of_its_path(tmp_path: Path) -> None:
    """In a folder of $fpath zsh finds the script by itself."""
    found("zsh")
    functions = tmp_path / "functions"
    functions.mkdir()
    shutil.copy(SCRIPTS / "_migstat", functions)
    (tmp_path / ".zshrc").write_text(
        "fpath=(~/functions $fpath)\nautoload -Uz compinit && compinit\n", encoding="utf-8"
    )
    shell = Shell("zsh", tmp_path, Recorder(tmp_path).bin, bare=False)
    try:
        assert shell.tab("migstat sta") == "migstat status "
        assert shell.tab("migstat watch --until=co") == "migstat watch --until=core "
    finally:
        shell.close()
