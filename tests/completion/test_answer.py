"""The answer to a Tab: what a line may go on with, which names are known, and what it costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migstat.cli.grammar import grammar
from migstat.completion.answer import GRAMMAR as GRAMMAR_FILE
from migstat.completion.answer import TASK_WORDS, Line, Names, answer, complete, split
from migstat.completion.seen import FOLDER
from migstat.completion.shells import SHELLS
from migstat.errors import UsageError
from migstat.model.documents import KINDS
from migstat.settings.keys import FORMATS
from migstat.settings.resolve import profile_from
from migstat.settings.target import TaskWord, target_from
from migstat.simulator.scenarios import NAMES
from tests.command_line import hermetic, process

GRAMMAR = json.loads(Path(GRAMMAR_FILE).read_text(encoding="utf-8"))

CONFIG = """\
default_profile = "acme"

[profiles.acme]
email = "you@example.com"
job = "wave2"
task = "latest-check"

[profiles."my own"]
job = "https://api.example.com/migrations/public/v1/jobs/j%201/tasks/t1?a=/jobs/x"
task = "t9"

[profiles.own]
task = "latest-migrate"
email = "you@example.com ATATT3xFfGF0secret"

[profiles.bare]
base_url = "https://user:secret@example.com"
email = "you@example.com:ATATT3xFfGF0secret"

[targets.wave2]
job = "job2"

[targets.wave1]
job = "job1"
task = "t1"
profile = "my own"

[targets.wave3]
job = "job3"
profile = "own"

[targets.both]
job = "https://example.com/jobs/job4/tasks/t1"
task = "t2"

[targets."far away"]
job = "https://user:secret@example.com/jobs/job3"
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    config = tmp_path / "config.toml"
    config.write_text(CONFIG, encoding="utf-8")
    folder = tmp_path / "cache" / "migstat" / FOLDER
    folder.mkdir(parents=True)
    for number in (1, 2):
        runs = {
            "m2": {"type": "migrate", "names": {"projects": ["NEW"]}},
            "m1": {"type": "migrate", "names": {"check": ["Apps"], "projects": ["ACME", f"J{number}"]}},
            "c1": {"type": "check", "names": {"check": ["Licences", "Apps"]}},
            "t1": {"type": None, "names": {"spaces": ["DOC"]}},
        }
        seen = {"words": {"latest": "c1", "latest-migrate": "m2", "latest-check": "c1"}, "runs": runs}
        (folder / f"job{number}.json").write_text(json.dumps(seen), encoding="utf-8")
    return {"MIGSTAT_CONFIG": str(config), "XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}


def offered(line: str, environ: dict[str, str]) -> list[str]:
    """The words that may stand at the end of a line, with their descriptions, whatever it ends with."""
    words, _, _ = split(line)
    _, found = complete(GRAMMAR, words, environ)
    return [f"{word}\t{about}" if about else word for word, about in found]


FIXED: dict[str, Iterable[str]] = {
    "status --color ": ["auto", "always", "never"],
    "status --color=a": ["--color=auto", "--color=always", "--color=never"],
    "status acme latest --color al": ["auto", "always", "never"],
    "status -o ": FORMATS,
    "job -vo ": ["table", "plain", "json"],
    "status -oj": [f"-o{each}" for each in FORMATS],
    "watch --until ": ["done", "core", "checks"],
    "status --depth ": ["all"],
    "schema ": KINDS,
    "completion ": SHELLS,
    "simulate --scenario ": NAMES,
    "demo --speed 3 --scenario=hu": [f"--scenario={each}" for each in NAMES],
    "demo --scenario failing watch --until=c": ["--until=done", "--until=core", "--until=checks"],
    "status --email ": [],
    "nonsense ": [],
    "auth nonsense ": [],
    "status a b c": [],
    "status -- a b --": [],
    "config set a ": [],
}


@pytest.mark.parametrize("line", FIXED)
def test_fixed_choices_are_offered(line: str, environ: dict[str, str]) -> None:
    """After an option comes its value, wherever the option stands and however it is spelled."""
    assert offered(f"migstat {line}", environ) == list(FIXED[line])


def test_every_command_and_option_is_offered(environ: dict[str, str]) -> None:
    """A command offers those below it, or its options, but none twice, unless it may be repeated."""
    for name, command in GRAMMAR["commands"].items():
        line = f"migstat {name} ".replace("  ", " ")
        options = {each.partition("\t")[0] for each in offered(f"{line}-", environ)}
        assert options == {
            *command["options"],
            *(each for option in command["options"].values() for each in option["short"]),
        }
        if command["commands"]:
            assert [each.partition("\t")[0] for each in offered(line, environ)] == command["commands"]
    again = [each.partition("\t")[0] for each in offered("migstat checks --details --name A -", environ)]
    assert ("--details" in again, "--name" in again) == (False, True)


@pytest.mark.parametrize(
    ("line", "how"),
    [
        ("watch --record ", "files"), ("status --export=", "files"), ("status --token-file ", "files"),
        ("artifacts --download ", "folders"), ("checks --against kept/", "files"), ("checks --against=~/", "files"),
        ("checks --against ", "words"), ("status ", "words"),
    ],
)  # fmt: skip
def test_files_are_left_to_the_shell(line: str, how: str, environ: dict[str, str]) -> None:
    """The first line of the answer says so."""
    assert answer("zsh", split(f"migstat {line}")[0], environ).decode().partition("\n")[0] == how


JOBS = ["wave2\tjob2", "wave1\tjob1", "wave3\tjob3", "both", "far away", "job2", "job1"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("status -p ", ["acme\tyou@example.com", "my own", "own", "bare"]),
        ("auth login --profile=", ["--profile=acme\tyou@example.com", "--profile=my own", "--profile=own",
                                   "--profile=bare"]),
        ("tasks ", JOBS),
        ("status ", [*JOBS, *TASK_WORDS]),
        ("watch -- ", [*JOBS, *TASK_WORDS]),
        ("status wave2 ", ["latest\tc1", "latest-check\tc1", "latest-migrate\tm2", "m2\tmigrate", "m1\tmigrate",
                           "c1\tcheck", "t1"]),
        ("status nobody ", [*TASK_WORDS]),
        ("checks --name ", ["Apps", "Licences"]),
        ("checks -v job1 m1 --name=", ["--name=Apps"]),
        ("projects wave2 --key ", ["ACME", "DOC", "J2", "NEW"]),
        ("projects wave2 --key A --key ", ["ACME", "DOC", "J2", "NEW"]),
        ("projects -p bare wave2 --key ", ["NEW"]),
        ("projects -vp own wave2 --key ", ["NEW"]),
        ("projects -pown wave2 --key ", ["NEW"]),
        ("projects wave2 m1 --key ", ["ACME", "J2"]),
        ("projects wave1 --key ", ["DOC"]),
        (r"projects --profile=my\ own latest --key ", []),
        ("projects https://example.com:8443/jobs/job1/tasks/m1?a=b --key ", ["ACME", "J1"]),
        ("projects nobody --key ", []),
        ("status job1 m1 --level ", ["check,Apps", "migrate,projects,ACME", "migrate,projects,J1"]),
        ("status job1 c1 --level ", ["Apps", "Licences", "migrate,projects,ACME", "migrate,projects,J1",
                                     "migrate,projects,NEW", "migrate,spaces,DOC"]),
        ("checks nobody --against ", ["previous", *TASK_WORDS]),
        ("checks wave2 --against ", ["previous", "latest\tc1", "latest-check\tc1", "latest-migrate\tm2",
                                     "m2\tmigrate", "m1\tmigrate", "c1\tcheck", "t1"]),
        ("demo checks --against ", ["previous", *TASK_WORDS]),
        ("demo status ", [*TASK_WORDS]),
        ("demo status job1 ", [*TASK_WORDS]),
        ("demo projects job1 --key ", []),
    ],
)  # fmt: skip
def test_known_names_are_offered(environ: dict[str, str], line: str, expected: list[str]) -> None:
    """Names of the config file and names seen: those of the run that is meant, or else of all runs of its job."""
    found = offered(f"migstat {line}", environ)
    assert sorted(found) == sorted(expected)


def test_the_keys_of_the_config_file(environ: dict[str, str]) -> None:
    """`get` and `unset` offer the keys that are set, `set` all keys of the existing profiles and targets."""
    keys = offered("migstat config get ", environ)
    assert keys == offered("migstat config unset ", environ)
    assert keys[:2] == ["default_profile", "profiles.acme.email"]
    assert 'profiles."my own".job' in keys
    assert "profiles.acme.interval" not in keys
    possible = offered("migstat config set ", environ)
    assert set(keys) < set(possible)
    assert {"profiles.acme.interval", "profiles.bare.token_file", 'targets."far away".profile'} <= set(possible)
    assert [each for each in (*keys, *possible) if "secret" in each] == []


KNOWN = ["acme", "my own", "bare", "nobody", "wave1", "wave2", "wave3", "both", "latest", "latest-check", "t1", "job1"]
URLS = ["https://h/jobs/a", "https://h/x/jobs/a/tasks/b?c#d", "https://h/jobs/a%2Fb/tasks/latest", "http://h/", "x://"]
WORDS = st.sampled_from(["", *KNOWN, *URLS])


@given(
    st.none() | st.sampled_from(KNOWN[:4]),
    st.lists(WORDS, max_size=2),
    st.dictionaries(st.sampled_from(["MIGSTAT_PROFILE", "MIGSTAT_JOB", "MIGSTAT_TASK"]), WORDS),
)
def test_a_line_means_what_the_command_makes_of_it(
    tmp_path_factory: pytest.TempPathFactory, flag: str | None, words: list[str], environ: dict[str, str]
) -> None:
    """The job and task whose names are completed are those that the command would ask about."""
    file = tmp_path_factory.getbasetemp() / "line.toml"
    file.write_text(CONFIG, encoding="utf-8")
    environ |= {"MIGSTAT_CONFIG": str(file)}
    job, task = ([*words, None, None])[:2]
    try:
        profile = profile_from(flag, None if task is None and job in frozenset(TaskWord) else job, environ)
        target = target_from(job, task, environ, default_task=TaskWord.LATEST, profile=profile)
    except UsageError:
        return
    line = Line(GRAMMAR["commands"], ["status", *(["-p", flag] if flag else []), "--", *words])
    job_id, task_id = Names({}, environ, line).meant()
    assert (job_id, task_id or "latest") == (target.job_id, target.task)


@pytest.mark.slow
@given(st.sampled_from(["bash", "zsh", "fish", "powershell"]), st.lists(st.text(max_size=8) | WORDS, max_size=5))
def test_any_line_is_answered(shell: str, words: list[str]) -> None:
    """Whatever is typed, the answer is lines that print, the first of which says how to complete."""
    line = f"migstat {' '.join(words)}"
    environ = {"MIGSTAT_CONFIG": os.devnull, "XDG_CACHE_HOME": os.devnull, "HOME": "/nonexistent"}
    lines = answer(shell, [line, words[-1] if words else ""] if shell == "bash" else [*words, ""], environ).decode()
    how, *found = lines.splitlines()
    assert how in ("words", "list", "files", "folders")
    assert all(each.replace("\t", "").isprintable() for each in found)


@pytest.mark.parametrize("content", ["damaged", 'profiles = "x"', "[profiles]\na = 1\n[[targets]]\n", None])
def test_a_damaged_config_file_offers_nothing_and_says_nothing(tmp_path: Path, content: str | None) -> None:
    """Commands and options complete all the same."""
    config = tmp_path / "config.toml"
    config.mkdir() if content is None else config.write_text(content, encoding="utf-8")
    environ = {"MIGSTAT_CONFIG": str(config), "XDG_CACHE_HOME": str(tmp_path)}
    for words in (["status", "-p", ""], ["status", "--key", ""], ["config", "get", ""]):
        assert answer("zsh", words, environ) == b"words\n"
    assert b"\nstatus\t" in answer("zsh", [""], environ)


@pytest.mark.parametrize(
    ("line", "words", "quote"),
    [
        ("migstat ", [""], ""),
        ("migstat  status   a", ["status", "a"], ""),
        (r"migstat my\ own 'a b' \"c\" e'f'g", ["my own", "a b", '"c"', "efg"], ""),
        ("migstat 'it", ["it"], "'"),
        ('migstat --key="a b', ["--key=a b"], '"'),
        ("migstat '' ", ["", ""], ""),
    ],
)
def test_a_line_of_bash_has_words(line: str, words: list[str], quote: str) -> None:
    """Quotes and backslashes are removed, and a quote may still be open."""
    found, _, still_open = split(line)
    assert (found, still_open) == (words, quote)


def test_powershell_gets_names_in_its_quotes(environ: dict[str, str]) -> None:
    """Words that PowerShell would take apart are quoted, and its marked last word is understood."""
    assert b"\n'my own'\n" in answer("powershell", ["status", "-p", "+"], environ)
    assert answer("powershell", ["status", "-p", "+ow"], environ) == b"words\nown\n"


def test_the_grammar_is_current() -> None:
    """The packaged grammar is that of the commands: `python -m migstat.cli.grammar` writes it."""
    assert grammar() == Path(GRAMMAR_FILE).read_text(encoding="utf-8")


def test_an_answer_loads_nothing_slow(environ: dict[str, str]) -> None:
    """Typer, Rich, httpx, msgspec and the like would cost more than a Tab may take."""
    code = (
        "import sys, runpy\nsys.argv = ['migstat', '__complete', 'zsh', 'projects', 'wave2', '--key', '']\n"
        "import migstat.__main__\nmigstat.__main__.run()\n"
        "print(*sorted(name.partition('.')[0] for name in sys.modules))"
    )
    environ = hermetic() | environ
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert "ACME" in done.stdout
    slow = set("typer rich httpx msgspec tomlkit platformdirs pathlib dataclasses inspect asyncio".split())  # noqa: SIM905
    assert slow & set(done.stdout.splitlines()[-1].split()) == set()


def test_it_answers_as_a_process(environ: dict[str, str]) -> None:
    """`migstat __complete` prints the answer, and nothing where the script is not the one it knows."""
    for words in ([], ["bash"]):
        done = process(["__complete", *words], environ)
        assert (done.code, done.err) == (0, "")
        assert done.out in ("", "words\n")
