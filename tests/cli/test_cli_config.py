"""`migstat config`: lists, tells origins, sets and removes; and what it refuses."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
from pathlib import Path
from typing import Any

import pytest

from migstat.settings.keychain import Account, Keychain
from migstat.settings.keys import DEFAULTS, PROFILE_KEYS
from tests.command_line import Result, migstat, process

JOB = "3f2a9c14-8f0e-4f0b-9a55-0c6a1d2e7b90"
CONFIG = f"""\
# as I want it
default_profile = "acme"

[profiles.acme]
email = "you@example.com"   # me
interval = 30

[targets.wave2]
job = "{JOB}"
profile = "acme test"

[profiles."acme test"]
email = "test@example.com"
task = "latest-check"
token_file = "test.token"
ca_bundle = "~/ca.pem"
"""


class Place:
    """A config file of its own, and the commands about it."""

    def __init__(self, folder: Path, text: str | None = CONFIG) -> None:
        self.file = folder / "config.toml"
        if text is not None:
            self.file.write_text(text, encoding="utf-8")

    @property
    def text(self) -> str:
        """What the file holds."""
        return self.file.read_text(encoding="utf-8")

    def run(self, *words: str, env: dict[str, str] | None = None, **more: Any) -> Result:
        """Run a command line with this config file."""
        return migstat(words, {"MIGSTAT_CONFIG": str(self.file), **(env or {})}, **more)

    def config(self, *words: str, **more: Any) -> Result:
        """Run `migstat config`."""
        return self.run("config", *words, **more)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return a config file that somebody has written."""
    return Place(tmp_path)


def refused(result: Result, code: int, *told: str) -> None:
    """Hold a result against the rules for errors for people."""
    assert (result.code, result.out) == (code, "")
    assert 1 <= len(result.err.splitlines()) <= 2, result.err
    assert result.err.startswith("migstat: ")
    assert "internal error" not in result.err
    for each in told:
        assert each in result.err


def test_the_first_value_makes_the_file(tmp_path: Path) -> None:
    """Without any file, a value that is set is there for the next command; file and folder are their owner's alone."""
    environ = {"MIGSTAT_CONFIG": "", "XDG_CONFIG_HOME": str(tmp_path / "config")}
    file = tmp_path / "config" / "migstat" / "config.toml"
    nothing = process(["config", "list"], environ)
    assert (nothing.code, nothing.out, nothing.err) == (0, "", f"{file} has no values yet\n")
    done = process(["config", "set", "profiles.acme.email", "you@example.com"], environ)
    assert (done.code, done.out, done.err) == (0, "", f"profiles.acme.email is set in {file}\n")
    listed = process(["config", "list"], environ)
    assert (listed.code, listed.out, listed.err) == (0, "profiles.acme.email\tyou@example.com\n", "")
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_the_file_that_is_named_need_not_be_there_to_be_made(tmp_path: Path) -> None:
    """MIGSTAT_CONFIG may name a new file for `set`, and for nothing else."""
    place = Place(tmp_path, None)
    refused(place.config("list"), 2, "MIGSTAT_CONFIG: no such file", str(place.file), "config set")
    refused(place.config("get", "default_profile"), 2, "MIGSTAT_CONFIG")
    refused(place.config("unset", "default_profile"), 2, "MIGSTAT_CONFIG")
    refused(place.run("status", "x"), 2, "MIGSTAT_CONFIG")
    assert place.config("set", "targets.w.job", "j").code == 0
    assert place.config("list").out == "targets.w.job\tj\n"


def test_all_values_are_listed_in_the_order_of_the_file(place: Place) -> None:
    """Into a pipe a value a line, tab separated; on a terminal in columns."""
    rows = [
        ("default_profile", "acme"),
        ("profiles.acme.email", "you@example.com"),
        ("profiles.acme.interval", "30"),
        ('profiles."acme test".email', "test@example.com"),
        ('profiles."acme test".task', "latest-check"),
        ('profiles."acme test".token_file', "test.token"),
        ('profiles."acme test".ca_bundle', "~/ca.pem"),
        ("targets.wave2.job", JOB),
        ("targets.wave2.profile", "acme test"),
    ]
    result = place.config("list")
    assert (result.code, result.err) == (0, "")
    assert [tuple(line.split("\t")) for line in result.out.splitlines()] == rows
    shown = place.config("list", terminal=True).out.splitlines()
    assert [tuple(re.split("  +", line)) for line in shown] == rows
    assert len({line.index(value) for line, (_, value) in zip(shown, rows, strict=True)}) == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("profiles.acme.email", "you@example.com"),
        ("profiles.acme.interval", "30"),
        ("profiles.acme test.task", "latest-check"),
        ('profiles."acme test".task', "latest-check"),
        ("targets.wave2.profile", "acme test"),
        ("default_profile", "acme"),
    ],
)
def test_one_value_is_got(place: Place, key: str, value: str) -> None:
    """`get` prints the value alone, as it stands in the file."""
    result = place.config("get", key)
    assert (result.code, result.out, result.err) == (0, f"{value}\n", "")


def test_what_is_not_set_is_not_found(place: Place) -> None:
    """To get or remove what is not set is code 5, and the hint says how to see what is."""
    for command in ("get", "unset"):
        refused(place.config(command, "profiles.acme.job"), 5, "profiles.acme.job is not set", "migstat config list")
    assert place.text == CONFIG


def test_a_value_is_set_and_removed_and_all_else_stays(place: Place) -> None:
    """The file keeps its comments and its order, and is told."""
    done = place.config("set", "profiles.acme.email", "me@example.com")
    assert (done.code, done.out, done.err) == (0, "", f"profiles.acme.email is set in {place.file}\n")
    assert place.text == CONFIG.replace("you@", "me@")
    done = place.config("unset", "profiles.acme.email")
    assert (done.code, done.out, done.err) == (0, "", f"profiles.acme.email is no longer set in {place.file}\n")
    assert place.text == CONFIG.replace('email = "you@example.com"   # me\n', "")
    if os.name == "posix":
        assert stat.S_IMODE(place.file.stat().st_mode) == 0o600


def test_the_last_value_of_the_default_profile_leaves_a_profile(tmp_path: Path) -> None:
    """Whatever is removed, the next command still works."""
    place = Place(tmp_path, 'default_profile = "a"\n[profiles.a]\nemail = "e"\n')
    assert place.config("unset", "profiles.a.email").code == 0
    assert place.config("list", "--show-origin").code == 0
    assert place.config("unset", "default_profile").code == 0
    assert place.config("list", "--show-origin").code == 0


@pytest.mark.skipif(os.name != "posix", reason="links are those of POSIX")
def test_a_config_that_is_a_link_stays_one(tmp_path: Path) -> None:
    """Who keeps the file elsewhere, such as in a repository, has it changed there."""
    (tmp_path / "dotfiles").mkdir()
    place = Place(tmp_path / "dotfiles")
    link = tmp_path / "link.toml"
    link.symlink_to("dotfiles/config.toml")
    done = place.config("set", "default_profile", "acme test", env={"MIGSTAT_CONFIG": str(link)})
    assert (done.code, done.err) == (0, f"default_profile is set in {link}\n")
    assert link.is_symlink()
    assert place.text == CONFIG.replace('"acme"\n', '"acme test"\n', 1)


def test_a_device_is_no_config_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has switched the config off is told, and the device stays what it is."""
    monkeypatch.setattr(Path, "replace", lambda *_: pytest.fail("the device would have been replaced"))
    refused(
        migstat(["config", "set", "profiles.a.email", "e"], {"MIGSTAT_CONFIG": os.devnull}),
        3,
        f"cannot write {os.devnull}: not a regular file",
    )
    assert migstat(["config", "list"], {"MIGSTAT_CONFIG": os.devnull}).code == 0


ACME = "profile acme CONFIG: default_profile", "email you@example.com CONFIG: profiles.acme.email"
TEST = (
    'email test@example.com CONFIG: profiles."acme test".email',
    'task latest-check CONFIG: profiles."acme test".task',
    'ca_bundle HOME/ca.pem CONFIG: profiles."acme test".ca_bundle',
)
INTERVAL = "interval 30 CONFIG: profiles.acme.interval"
ORIGINS: list[tuple[str, str, tuple[str, ...]]] = [
    ("", "", (*ACME, INTERVAL)),
    ("MIGSTAT_EMAIL=env@example.com MIGSTAT_OUTPUT=json MIGSTAT_TOKEN=s3cr3t", "",
     (ACME[0], "email env@example.com MIGSTAT_EMAIL", INTERVAL, "output json MIGSTAT_OUTPUT",
      "token *** MIGSTAT_TOKEN")),
    ("MIGSTAT_PROFILE=acme_test", "",
     ("profile acme_test MIGSTAT_PROFILE", *TEST,
      'token_file FOLDER/test.token CONFIG: profiles."acme test".token_file',
      'token *** FOLDER/test.token (CONFIG: profiles."acme test".token_file)')),
    ("MIGSTAT_PROFILE=acme_test MIGSTAT_TASK=t1", "-p acme",
     ("profile acme --profile", ACME[1], "task t1 MIGSTAT_TASK", INTERVAL)),
    ("MIGSTAT_JOB=wave2 MIGSTAT_TOKEN_FILE=FOLDER/test.token", "",
     ("profile acme_test CONFIG: targets.wave2.profile", *TEST, "job wave2 MIGSTAT_JOB",
      "token_file FOLDER/test.token MIGSTAT_TOKEN_FILE", "token *** FOLDER/test.token (MIGSTAT_TOKEN_FILE)")),
    ("MIGSTAT_BASE_URL=http://127.0.0.1:1 MIGSTAT_REQUEST_TIMEOUT=7 MIGSTAT_RATE_LIMIT=70 MIGSTAT_TOKEN_FILE=-", "",
     (*ACME, INTERVAL, "base_url http://127.0.0.1:1 MIGSTAT_BASE_URL", "request_timeout 7 MIGSTAT_REQUEST_TIMEOUT",
      "rate_limit 70 MIGSTAT_RATE_LIMIT", "token_file - MIGSTAT_TOKEN_FILE",
      "token *** standard input (MIGSTAT_TOKEN_FILE -)")),
]  # fmt: skip
"""Environment, options, and the rows: key, value and source; `acme_test` is the profile "acme test"."""


@pytest.mark.parametrize(("environ", "options", "rows"), ORIGINS)
def test_where_each_value_in_force_comes_from(place: Place, environ: str, options: str, rows: tuple[str, ...]) -> None:
    """Option, environment, target, profile and defaults are named for each value; a token's value is not shown."""
    folder = str(place.file.parent)
    token = place.file.parent / "test.token"
    token.write_text("s3cr3t", encoding="utf-8")
    token.chmod(0o600)
    names = {
        "FOLDER": folder,
        "HOME": str(Path("~").expanduser()),
        "CONFIG:": f"{place.file}:",
        "acme_test": "acme test",
    }

    def told(text: str) -> str:
        for name, meaning in names.items():
            text = text.replace(name, meaning)
        return text

    env = dict(told(each).split("=", 1) for each in environ.split())
    result = place.config("list", "--show-origin", *options.split(), env=env)
    assert (result.code, result.err) == (0, "")
    expected = [tuple(map(told, row.split(" ", 2))) for row in rows]
    expected += [(key, value, "default") for key, value in DEFAULTS.items() if key not in {row[0] for row in expected}]
    expected.append(("config", str(place.file), "MIGSTAT_CONFIG"))
    assert sorted(tuple(line.split("\t")) for line in result.out.splitlines()) == sorted(expected)
    assert "s3cr3t" not in result.out


def test_the_origins_without_any_file(tmp_path: Path) -> None:
    """Without a file the listing shows where it would be, and the defaults."""
    result = migstat(["config", "list", "--show-origin"], {"MIGSTAT_CONFIG": "", "XDG_CONFIG_HOME": str(tmp_path)})
    assert result.out.splitlines() == [
        f"config\t{tmp_path}/migstat/config.toml\tdefault, does not exist yet",
        *(f"{key}\t{value}\tdefault" for key, value in DEFAULTS.items()),
    ]


class Remembering(Keychain):
    """A keyring that knows one token, and whose account was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Account] = []

    def recall(self, account: Account) -> tuple[str, str] | None:
        """Return the token."""
        self.asked.append(account)
        return "s3cr3t", "the keyring"


def test_the_keyring_is_an_origin(place: Place) -> None:
    """Where the token is in the keyring, that is told, and it was asked for the account in force."""
    keychain = Remembering()
    result = place.config("list", "--show-origin", keychain=keychain)
    assert "token\t***\tthe keyring\n" in result.out
    assert "s3cr3t" not in result.out
    assert keychain.asked == [Account("https://api.atlassian.com", "you@example.com")]


def test_a_profile_to_list_is_for_origins(place: Place) -> None:
    """The list is of the whole file, so that a profile makes no sense with it."""
    refused(place.config("list", "-p", "acme"), 2, "--profile", "--show-origin")


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("profiles.acme.emial", "x", "Did you mean email?"),
        ("profile.acme.email", "x", "Did you mean profiles?"),
        ("profiles.acme", "x", "unknown key 'profiles.acme'"),
        ("emial", "x", "email belongs to a profile"),
        ("", "x", "KEY is empty"),
        (" ", "x", "KEY is empty"),
        ("profiles.acme.email", "", "VALUE is empty"),
        ("profiles.acme.email", "  ", "VALUE is empty"),
        ("profiles.acme.email", "a:b", "profiles.acme.email is not an e-mail address"),
        ("profiles.acme.email", "a\x1bb", "unprintable"),
        ("profiles.acme.token_file", "a\udcffb", "unprintable"),
        ("profiles.acme.base_url", "api.atlassian.com", "profiles.acme.base_url: "),
        ("profiles.acme.base_url", "http://example.com", "plain http"),
        ("profiles.acme.base_url", "https://u:s3cr3t@example.com", "password"),
        ("profiles.acme.interval", "0", "profiles.acme.interval: invalid duration: '0'"),
        ("profiles.acme.interval", "soon", "invalid duration"),
        ("profiles.acme.request_timeout", "-1", "invalid duration"),
        ("profiles.acme.rate_limit", "many", "not a number of requests"),
        ("profiles.acme.rate_limit", "0", "not a number of requests"),
        ("profiles.acme.output", "yaml", "Choose from table, tree, plain, json, ndjson, csv, markdown."),
        ("profiles.acme.job", "a b", "contains a space"),
        ("profiles.acme.job", "https://example.com/", "no job id"),
        ("profiles.acme.task", "a/b", "contains a slash"),
        ("targets.w.job", "..", "invalid id"),
        ("targets.w.job", "wave2", "'wave2' is a target itself"),
        ("targets.w.task", "a b", "contains a space"),
        ("targets.w.profile", "nobody", "no profile 'nobody'"),
        ("default_profile", "my own", 'config set profiles."my own".email'),
        ("profiles.acme.token", "ATATT3s3cr3t", "does not belong in the config file"),
        ("profiles.acme.password", "s3cr3t", "does not belong in the config file"),
        ("profiles.acme.token_file", "ATATT3s3cr3t", "looks like the API token"),
        ("profiles.acme.email", " ATATT3s3cr3t", "looks like the API token"),
    ],
)
def test_what_would_fail_later_is_not_set(place: Place, key: str, value: str, told: str) -> None:
    """A key that there is not and a value that makes no sense are code 2, nothing is written and no token repeated."""
    result = place.config("set", "--", key, value)
    refused(result, 2, told)
    assert "s3cr3t" not in result.err
    assert place.text == CONFIG


@pytest.mark.parametrize("value", ["https://example.com/jobs/j/tasks/t", JOB, "wave2"])
def test_the_job_of_a_profile_is_an_id_a_url_or_a_target(place: Place, value: str) -> None:
    """What may stand as JOB may stand in a profile."""
    assert place.config("set", "profiles.acme.job", value).code == 0
    assert place.config("get", "profiles.acme.job").out == f"{value}\n"


@pytest.mark.parametrize(("key", "name"), [("token_file", "mine.token"), ("ca_bundle", "sub/ca.pem")])
def test_a_file_that_is_not_there_yet_is_told(place: Place, key: str, name: str) -> None:
    """A relative name begins at the config file, and who sets one is told where it is looked for."""
    target = place.file.parent / name
    done = place.config("set", f"profiles.acme.{key}", name)
    assert (done.code, done.err.splitlines()[1:]) == (0, [f"note: {target} does not exist yet"])
    target.parent.mkdir(exist_ok=True)
    target.touch()
    assert len(place.config("set", f"profiles.acme.{key}", name).err.splitlines()) == 1
    assert place.config("get", f"profiles.acme.{key}").out == f"{name}\n"


@pytest.mark.parametrize("command", ["get", "unset"])
def test_an_empty_key_is_refused(place: Place, command: str) -> None:
    """An unset shell variable is told as such."""
    refused(place.config(command, ""), 2, "KEY is empty")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("lst",), "list"),
        (("set",), "KEY"),
        (("set", "default_profile"), "VALUE"),
        (("get",), "KEY"),
        (("list", "more"), "more"),
        (("list", "--show-origins"), "--show-origin"),
        (("list", "--show-origin", "-p", ""), "--profile is empty"),
        (("list", "--show-origin", "-p", "acm"), "Did you mean acme?"),
    ],
)
def test_wrong_words_are_told(place: Place, words: tuple[str, ...], told: str) -> None:
    """What is no subcommand, option or profile is code 2 with what was probably meant."""
    refused(place.config(*words), 2, told)


DAMAGED = [
    ('[profiles.acme]\nemial = "x"\n', "profiles.acme.emial: unknown key", "Did you mean email?"),
    ("[profiles.acme]\nemail = x\n", "invalid TOML: ", "Quote"),
    ("[profiles.acme]\nemail = true\n", "profiles.acme.email: must be a text", "quotes"),
    ("[profile.acme]\n", "profile: unknown key", "Did you mean profiles?"),
]


READERS = [
    "config list --show-origin",
    "config get default_profile",
    "config set default_profile acme",
    "config unset default_profile",
    "status job-1",
    "watch job-1",
    "tasks x",
    "job",
    "auth status",
    "auth login",
    "auth logout",
]


@pytest.mark.parametrize(
    ("text", "told", "hint", "words"),
    [*((*flaw, "config list") for flaw in DAMAGED), *((*DAMAGED[0], words) for words in READERS)],
)
def test_a_damaged_file_stops_every_command(tmp_path: Path, text: str, told: str, hint: str, words: str) -> None:
    """File, line and key are named with what is likely meant, and the file stays as it is."""
    place = Place(tmp_path, text)
    refused(place.run(*words.split()), 2, f"{place.file}: {told}", hint)
    assert place.text == text


@pytest.mark.parametrize(
    "words", ["help", "config --help", "auth -h", "simulate --help", "demo job --json", "--version"]
)
def test_a_damaged_file_does_not_stop_who_does_not_need_it(
    tmp_path: Path, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Help, the version and a demo do not read the file."""
    place = Place(tmp_path, "damaged")
    result = place.run(*words.split())
    assert (result.code, result.err) == (0, "")
    assert result.out + capsys.readouterr().out


def test_a_damaged_file_is_told_to_scripts_in_json(tmp_path: Path) -> None:
    """With --json the error is one JSON line."""
    place = Place(tmp_path, "x")
    result = place.run("status", "--json")
    assert (result.code, result.out) == (2, "")
    error = json.loads(result.err)["error"]
    assert error["code"] == "usage"
    assert error["message"].startswith(f"{place.file}: ")


@pytest.mark.parametrize("name", ["token", "api_token", "password", "secret"])
def test_a_token_in_the_file_is_warned_of_and_never_shown(tmp_path: Path, name: str) -> None:
    """Every command warns once with the line, uses the rest, and neither lists nor changes the token."""
    text = f'[profiles.acme]\nemail = "e"\n{name} = "s3cr3t"\n'
    place = Place(tmp_path, text)
    for words in ("config list", "config list --show-origin -p acme", "config get profiles.acme.email",
                  "config set profiles.acme.email f", "auth status -p acme", "status -p acme j"):  # fmt: skip
        result = place.run(*words.split())
        warnings = [line for line in result.err.splitlines() if line.startswith("migstat: warning: ")]
        assert len(warnings) == 1, result.err
        assert f"{place.file}: profiles.acme.{name}: an API token in this file is ignored" in warnings[0]
        assert "s3cr3t" not in result.out + result.err
    assert result.code == 4
    assert place.text == text.replace('"e"', '"f"')


def test_a_token_in_the_file_leaves_scripts_their_json(tmp_path: Path) -> None:
    """The warning is no part of the JSON on standard output."""
    place = Place(tmp_path, 'token = "s3cr3t"\n')
    result = place.run("demo", "job", "--json")
    assert result.err == ""
    assert json.loads(result.out)["kind"] == "job"


def helped(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    """The help of a command."""
    result = migstat([*words, "--help"], {})
    assert (result.code, result.err) == (0, "")
    return result.out + capsys.readouterr().out


HELPED = [(), ("list",), ("get",), ("set",), ("unset",)]


@pytest.mark.parametrize("words", HELPED, ids=str)
def test_the_help_begins_with_examples(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Behind one sentence come examples of this very command, and then all else."""
    lines = [line.strip() for line in helped(("config", *words), capsys).splitlines() if line.strip()]
    first = lines.index("Examples:")
    assert first <= 3
    assert lines[first + 1].startswith(" ".join(("migstat config", *words)))


def test_every_example_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the help shows works, one after the other, in a config file that has the profile and the target."""
    place = Place(tmp_path, '[profiles.acme]\ntask = "latest"\n[targets.wave2]\ntask = "latest"\n')
    examples = [
        line.strip()
        for words in HELPED
        for line in helped(("config", *words), capsys).splitlines()
        if line.strip().startswith("migstat config ")
    ]
    assert len(examples) >= 10
    ordered = sorted(examples, key=lambda line: ("unset" in line, " set " not in line, "profile acme" in line))
    for example in ordered:
        result = place.run(*shlex.split(example)[1:])
        assert (result.code, example) == (0, example), result.err


def test_the_keys_are_told_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """The help names every key of a profile and of a target."""
    text = " ".join(helped(("config",), capsys).split())
    assert f"Keys of a profile: {', '.join(PROFILE_KEYS)}." in text
    assert "Keys of a target: job, task, profile." in text
