"""The candidates for names: what is meant by a line, what is known of it, and that asking costs and changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from ast import literal_eval
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migstat.completion.answer import TASK_WORDS, candidates, meant
from migstat.completion.quick import Names, read_names
from migstat.completion.seen import SeenJob, folder_of, keep
from migstat.errors import UsageError
from migstat.settings.config import parsed
from migstat.settings.resolve import job_and_task, profile_from
from migstat.settings.target import TaskWord, target_from
from tests.command_line import hermetic, process

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

[profiles.bare]
base_url = "https://user:secret@example.com"

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
    """A user with a config file, who has seen two jobs."""
    config = tmp_path / "config.toml"
    config.write_text(CONFIG, encoding="utf-8")
    folder = folder_of(str(tmp_path / "cache" / "migstat"))
    for number in (1, 2):
        seen = SeenJob(f"job{number}")
        seen.words = {"latest": "c1", "latest-migrate": "m2", "latest-check": "c1"}
        seen.run("m2", "migrate").names = {"projects": {"NEW"}}
        seen.run("m1", "migrate").names = {"check": {"Apps"}, "projects": {"ACME", f"J{number}"}}
        seen.run("c1", "check").names = {"check": {"Licences", "Apps"}}
        seen.run("t1").names = {"spaces": {"DOC"}}
        keep(folder, seen)
        os.utime(next(Path(folder).glob("*")), (number, number))
    return {"MIGSTAT_CONFIG": str(config), "XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}


def asked(words: str, environ: dict[str, str]) -> list[str]:
    """The candidates; a plus is a space within a word."""
    kind, *rest = (word.replace("+", " ") for word in words.split(" "))
    return [*candidates(kind, rest, environ)]


JOBS = ["wave2\tjob2", "wave1\tjob1", "wave3\tjob3", "both", "far away", "job2", "job1"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("profiles status", ["acme\tyou@example.com", "my own", "own", "bare"]),
        ("jobs tasks", JOBS),
        ("jobs-and-words status", [*JOBS, *TASK_WORDS]),
        ("tasks status", ["latest\tc1", "latest-check\tc1", "latest-migrate\tm2", "m2\tmigrate", "m1\tmigrate",
                          "c1\tcheck", "t1"]),
        ("tasks status nobody", [*TASK_WORDS]),
        ("checks checks", ["Apps", "Licences"]),
        ("checks checks job1 m1", ["Apps"]),
        ("projects projects wave2", ["ACME", "DOC", "J2", "NEW"]),
        ("projects projects -p bare wave2", ["NEW"]),
        ("projects projects -p own wave2", ["NEW"]),
        ("projects projects wave2 m1", ["ACME", "J2"]),
        ("projects projects wave1", ["DOC"]),
        ("projects projects -p my+own latest", []),
        ("projects projects https://example.com/jobs/job1/tasks/m1", ["ACME", "J1"]),
        ("projects projects nobody", []),
        ("levels status job1 m1", ["check,Apps", "migrate,projects,ACME", "migrate,projects,J1"]),
        ("levels status job1 c1", ["Apps", "Licences", "migrate,projects,ACME", "migrate,projects,J1",
                                   "migrate,projects,NEW", "migrate,spaces,DOC"]),
        ("jobs-and-words demo", [*TASK_WORDS]),
        ("tasks demo job1", [*TASK_WORDS]),
        ("projects demo job1", []),
        ("profiles demo", []),
    ],
)  # fmt: skip
def test_what_is_known_is_offered(environ: dict[str, str], words: str, expected: list[str]) -> None:
    """Names of the config file and names seen are offered: those of the run that is meant, else of all of its job."""
    found = asked(words, environ)
    assert sorted(found) == sorted(expected) if words.startswith(("jobs", "levels")) else found == expected


def test_the_jobs_seen_last_come_first(environ: dict[str, str]) -> None:
    """Behind the targets stand the jobs that were seen, the last one first."""
    seen = [name for name in asked("jobs job", environ) if name.startswith("job")]
    assert sorted(seen) == ["job1", "job2"]
    folder = Path(environ["XDG_CACHE_HOME"], "migstat", "seen")
    newest = max(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)
    assert f"\t{seen[0]}\n" in newest.read_text(encoding="utf-8")


def test_the_keys_of_the_config_file(environ: dict[str, str]) -> None:
    """To get and unset there are the keys that are set, to set all those of the profiles and targets there are."""
    keys = asked("keys config+get", environ)
    assert keys[:2] == ["default_profile", "profiles.acme.email"]
    assert 'profiles."my own".job' in keys
    assert "profiles.acme.interval" not in keys
    possible = asked("possible-keys config+set", environ)
    assert set(keys) < set(possible)
    assert {"profiles.acme.interval", "profiles.bare.token_file", 'targets."far away".profile'} <= set(possible)
    assert [each for each in (*keys, *possible) if "secret" in each] == []


@pytest.mark.parametrize("variable", ["MIGSTAT_PROFILE", "MIGSTAT_JOB", "MIGSTAT_TASK"])
def test_the_environment_counts(environ: dict[str, str], variable: str) -> None:
    """MIGSTAT_PROFILE, MIGSTAT_JOB and MIGSTAT_TASK say what is meant where the line does not."""
    values = {"MIGSTAT_PROFILE": "my own", "MIGSTAT_JOB": "job1", "MIGSTAT_TASK": "m1"}
    expected = {"MIGSTAT_PROFILE": [], "MIGSTAT_JOB": ["ACME", "DOC", "J1", "NEW"], "MIGSTAT_TASK": ["ACME", "J2"]}
    assert asked("projects projects", environ | {variable: values[variable]}) == expected[variable]


NAMES = ["acme", "my own", "bare", "nobody", "wave1", "wave2", "wave3", "both", "latest", "latest-check", "t1", "job1"]
URLS = ["https://h/jobs/a", "https://h/x/jobs/a/tasks/b?c#d", "https://h/jobs/a%2Fb/tasks/latest", "http://h/", "x://"]
WORDS = st.sampled_from(["", *NAMES, *URLS])


@given(
    st.none() | st.sampled_from(NAMES[:4]),
    st.lists(WORDS, max_size=2),
    st.dictionaries(st.sampled_from(["MIGSTAT_PROFILE", "MIGSTAT_JOB", "MIGSTAT_TASK"]), WORDS),
)
def test_a_line_means_what_the_command_makes_of_it(flag: str | None, words: list[str], environ: dict[str, str]) -> None:
    """Wherever a command line makes sense, the job and task that are completed are those that it would ask about."""
    config = parsed(CONFIG, "config.toml")
    file = Path(tempfile.gettempdir()) / "migstat-line.toml"
    file.write_text(CONFIG, encoding="utf-8")
    job, task = ([*words, None, None])[:2]
    named = None if task is None and job in frozenset(TaskWord) else job
    try:
        profile = profile_from(flag, named, environ | {"MIGSTAT_CONFIG": str(file)})
        target = target_from(job, task, job_and_task(environ), TaskWord.LATEST, profile)
    except UsageError:
        return
    names = Names(config.default_profile, config.profiles, config.targets)
    job_id, task_id = meant(flag, words, environ, names)
    assert (job_id, task_id or "latest") == (target.job_id, target.task)


def test_a_target_of_the_environment_brings_its_profile(environ: dict[str, str]) -> None:
    """Where MIGSTAT_JOB is a target, the profile of that target is in force, not the default one."""
    names = read_names(environ["MIGSTAT_CONFIG"])
    assert meant(None, [], {"MIGSTAT_JOB": "wave3"}, names) == ("job3", "latest-migrate")


def test_the_words_for_tasks_are_those_of_the_commands() -> None:
    """The task words that complete are those that the commands know."""
    assert tuple(TaskWord) == TASK_WORDS


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense", "x"],
        ["profiles"],
        ["profiles", "status", "-p"],
        ["projects", "projects", "\udcff"],
        ["keys", "x"],
    ],
)
@pytest.mark.parametrize("damage", ["config", "cache", "no config", "folder"])
def test_nothing_is_ever_wrong(environ: dict[str, str], words: list[str], damage: str) -> None:
    """Whatever is asked and whatever is damaged, the code is 0 and nothing is told but names."""
    config, cache = Path(environ["MIGSTAT_CONFIG"]), Path(environ["XDG_CACHE_HOME"], "migstat", "seen")
    if damage == "config":
        config.write_bytes(b"[profiles.a\n\xff")
    elif damage == "cache":
        for number, file in enumerate(cache.iterdir()):
            file.write_bytes((b"migstat seen 1\njob\t\xff\xfe", b"\x00" * 1000)[number])
    else:
        config.unlink()
        if damage == "folder":
            config.mkdir()
    result = process(["__complete", *words], environ)
    assert (result.code, result.err) == (0, "")
    assert "Error" not in result.out


def test_names_that_do_not_print_are_left_out(environ: dict[str, str], tmp_path: Path) -> None:
    """A name that would move the cursor or begin another line is not offered."""
    Path(environ["MIGSTAT_CONFIG"]).write_text(
        '[targets."a\\u001b[2J"]\njob = "x"\n[targets."b\\nc"]\njob = "y"\n[targets.d]\njob = "e\\tf"\n',
        encoding="utf-8",
    )
    result = process(["__complete", "jobs", "tasks"], environ | {"XDG_CACHE_HOME": str(tmp_path / "none")})
    assert (result.code, result.out, result.err) == (0, "d\n", "")


GUARD = """
import sys

def guard(event, arguments):
    if event.startswith(("socket.", "subprocess.", "os.exec", "os.fork", "os.mkdir", "os.remove", "os.rename")):
        told.append(event)
    if event == "open" and (set(str(arguments[1])) & set("wax+") or arguments[2] & 0o103):
        told.append(f"open {arguments[0]}")

told = []
sys.argv = ["migstat", *sys.argv[1:]]
sys.addaudithook(guard)
from migstat.__main__ import run
run()
print([told, sorted(sys.modules)], file=sys.stderr)
"""


@pytest.mark.parametrize(
    "words", ["profiles status", "tasks status", "projects projects", "checks checks job1 latest-check"]
)
def test_asking_is_cheap_and_changes_nothing(environ: dict[str, str], words: str) -> None:
    """Names complete without the network, a written file, another process or any of the libraries of the program."""
    Path(environ["MIGSTAT_CONFIG"]).write_text('default_profile = "a"\n[profiles.a]\njob = "job1"\n', encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-B", "-c", GUARD, "__complete", *words.split(" ")],
        env=hermetic() | environ,
        capture_output=True,
        text=True,
        check=True,
    )
    told, modules = literal_eval(done.stderr)
    assert done.stdout
    assert told == []
    dear = {"typer", "httpx", "rich", "msgspec", "tomllib", "typing", "re", "pathlib", "json", "socket", "ssl"}
    loaded = {module.partition(".")[0] for module in modules}
    assert loaded & dear <= _of_bare_python()
    assert {"migstat.completion.answer", "migstat.completion.seen"} <= set(modules)


def _of_bare_python() -> set[str]:
    """What Python loads for itself here, which may be much where it is measured."""
    asked = "import sys; print(*{module.partition('.')[0] for module in sys.modules})"
    done = subprocess.run([sys.executable, "-c", asked], env=hermetic(), capture_output=True, text=True, check=True)
    return set(done.stdout.split())
