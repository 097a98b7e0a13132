"""`migstat config`: list, get, set and unset, the sources of values, and what is refused."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from migstat.settings.keys import DEFAULTS, FORMATS
from tests.command_line import Result, migstat, refused, refused_as_json

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
    def __init__(self, folder: Path, text: str | None = CONFIG) -> None:
        self.file = folder / "config.toml"
        if text is not None:
            self.file.write_text(text, encoding="utf-8")

    @property
    def text(self) -> str:
        return self.file.read_text(encoding="utf-8")

    def run(self, *words: str, env: dict[str, str] | None = None, **more: Any) -> Result:
        return migstat(words, {"MIGSTAT_CONFIG": str(self.file), **(env or {})}, **more)

    def config(self, *words: str, **more: Any) -> Result:
        return self.run("config", *words, **more)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_first_value_creates_the_file(tmp_path: Path) -> None:
    """A value that is set is there for the next command; only the owner can read file and folder.

    Before that, the origins are where it would be, and the defaults.
    """
    environ = {"MIGSTAT_CONFIG": "", "XDG_CONFIG_HOME": str(tmp_path / "config")}
    file = tmp_path / "config" / "migstat" / "config.toml"
    defaults = "".join(f"{key}\t{value}\tdefault\n" for key, value in DEFAULTS.items())
    for words, out, err in (
        ("list --show-origin", f"config\t{file}\tdefault, does not exist yet\n{defaults}", ""),
        ("list", "", f"{file} has no values yet\n"),
        ("set profiles.acme.email you@example.com", "", f"profiles.acme.email is set in {file}\n"),
        ("list", "profiles.acme.email\tyou@example.com\n", ""),
    ):
        done = migstat(["config", *words.split()], environ)
        assert (done.code, done.out, done.err) == (0, out, err)
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_named_file_must_exist_except_for_set(tmp_path: Path) -> None:
    """MIGSTAT_CONFIG may name a new file for `set` only."""
    place = Place(tmp_path, None)
    for words in ("config list", "config get default_profile", "config unset default_profile", "status x"):
        refused(place.run(*words.split()), 2, "MIGSTAT_CONFIG: no such file", str(place.file), "config set")
    assert place.config("set", "targets.w.job", "j").code == 0
    assert place.config("list").out == "targets.w.job\tj\n"


def test_values_are_listed_in_the_order_of_the_file(place: Place) -> None:
    """Tab separated into a pipe, in columns on a terminal; `get` prints one value alone."""
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
    for key, value in (*rows, ("profiles.acme test.task", "latest-check")):
        got = place.config("get", key)
        assert (got.code, got.out, got.err) == (0, f"{value}\n", "")


def test_set_and_unset_change_one_value(place: Place) -> None:
    """The file keeps comments and order; a missing value is code 5 with a hint."""
    done = place.config("set", "profiles.acme.email", "me@example.com")
    assert (done.code, done.out, done.err) == (0, "", f"profiles.acme.email is set in {place.file}\n")
    assert place.text == CONFIG.replace("you@", "me@")
    done = place.config("unset", "profiles.acme.email")
    assert (done.code, done.out, done.err) == (0, "", f"profiles.acme.email is no longer set in {place.file}\n")
    assert place.text == CONFIG.replace('email = "you@example.com"   # me\n', "")
    for command in ("get", "unset"):
        refused(place.config(command, "profiles.acme.job"), 5, "profiles.acme.job is not set", "migstat config list")
    for key in ("profiles.acme.interval", "default_profile"):  # the next command works after any removal
        assert place.config("unset", key).code == place.config("list", "--show-origin").code == 0


@pytest.mark.parametrize("command", ["get", "unset"])
@pytest.mark.parametrize(
    ("key", "what", "keys"),
    [
        ("targets.wave2", "target", "targets.wave2.job, targets.wave2.profile"),
        ("profiles.acme", "profile", "profiles.acme.email, profiles.acme.interval"),
        ("profiles.acme test", "profile",
         ", ".join(f'profiles."acme test".{key}' for key in ("email", "task", "token_file", "ca_bundle"))),
    ],
)  # fmt: skip
def test_a_whole_section_gets_its_keys_as_a_hint(place: Place, command: str, key: str, what: str, keys: str) -> None:
    """One value is shown or removed at a time, and the hint lists them."""
    refused(place.config(command, key), 2, f"{key} is a whole {what}, not one value", f"  Keys: {keys}.")
    assert place.text == CONFIG


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

    def filled_in(text: str) -> str:
        for name, meaning in names.items():
            text = text.replace(name, meaning)
        return text

    env = dict(filled_in(each).split("=", 1) for each in environ.split())
    result = place.config("list", "--show-origin", *options.split(), env=env)
    assert (result.code, result.err) == (0, "")
    expected = [tuple(map(filled_in, row.split(" ", 2))) for row in rows]
    expected += [(key, value, "default") for key, value in DEFAULTS.items() if key not in {row[0] for row in expected}]
    expected.append(("config", str(place.file), "MIGSTAT_CONFIG"))
    assert sorted(tuple(line.split("\t")) for line in result.out.splitlines()) == sorted(expected)
    assert "s3cr3t" not in result.out


def test_a_long_origin_stands_below_its_value(tmp_path: Path) -> None:
    """Where the window is too narrow for a row, its last column: the terminal would break paths anywhere."""
    folder = tmp_path / ("x" * 40)
    env = {"MIGSTAT_CONFIG": "", "XDG_CONFIG_HOME": str(folder)}
    lines = migstat(["config", "list", "--show-origin"], env, terminal=True).out.splitlines()
    assert lines[:2] == [f"config           {folder}/migstat/config.toml", "  default, does not exist yet"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (" ", "x", "KEY is empty"),
        ("profiles.acme.email", "  ", "VALUE is empty"),
        ("profiles.acme.email", "a\x1bb", "unprintable"),
        ("profiles.acme.base_url", "http://example.com", "profiles.acme.base_url: plain http"),
        ("profiles.acme.output", "yaml", f"Choose from {', '.join(FORMATS)}."),
        ("profiles.acme.job", "a b", "contains a space"),
        ("targets.w.job", "wave2", "'wave2' is a target itself"),
        ("targets.latest.job", "j", "targets.latest.job: 'latest' means a task wherever a target can be named"),
        ("targets.latest-check.profile", "acme", "'latest-check' means a task"),
        ("targets.w.profile", "nobody", "no profile 'nobody'"),
        ("default_profile", "my own", """config set 'profiles."my own".email' """),
        ("profiles.acme.token", "ATATT3s3cr3t", "does not belong in the config file"),
        ("profiles.acme.token_file", "ATATT3s3cr3t", "looks like the API token"),
    ],
)
def test_a_value_that_would_fail_later_is_refused(place: Place, key: str, value: str, message: str) -> None:
    """Unknown keys and invalid values are code 2, nothing is written, and no token is repeated."""
    result = place.config("set", "--", key, value)
    refused(result, 2, message)
    assert "s3cr3t" not in result.err
    assert place.text == CONFIG


def test_the_job_of_a_profile_is_an_id_a_url_or_a_target(place: Place) -> None:
    """A profile takes whatever the command line takes."""
    for value in ("https://example.com/jobs/j/tasks/t", JOB, "wave2"):
        assert place.config("set", "profiles.acme.job", value).code == 0
        assert place.config("get", "profiles.acme.job").out == f"{value}\n"


@pytest.mark.parametrize(("key", "name"), [("token_file", "mine.token"), ("ca_bundle", "sub/ca.pem")])
def test_a_file_that_does_not_exist_yet_draws_a_note(place: Place, key: str, name: str) -> None:
    """The note says where it is looked for: relative names begin at the config file."""
    target = place.file.parent / name
    done = place.config("set", f"profiles.acme.{key}", name)
    assert (done.code, done.err.splitlines()[1:]) == (0, [f"note: {target} does not exist yet"])
    target.parent.mkdir(exist_ok=True)
    target.touch()
    assert len(place.config("set", f"profiles.acme.{key}", name).err.splitlines()) == 1


@pytest.mark.parametrize("words", ["config list", "config set default_profile acme", "status job-1", "auth login"])
def test_a_damaged_file_stops_every_command(tmp_path: Path, words: str) -> None:
    """The error names file and key, and the likely key; the file is not changed."""
    place = Place(tmp_path, '[profiles.acme]\nemial = "x"\n')
    refused(place.run(*words.split()), 2, f"{place.file}: profiles.acme.emial: unknown key", "Did you mean email?")
    assert place.text == '[profiles.acme]\nemial = "x"\n'


def test_a_damaged_file_does_not_stop_help_and_demo(tmp_path: Path) -> None:
    """Help, the version and a demo do not read the file; a script gets the error in JSON."""
    place = Place(tmp_path, "damaged")
    for words in ("help", "config --help", "auth -h", "demo job --json", "--version"):
        result = place.run(*words.split())
        assert (result.code, result.err, result.out != "") == (0, "", True), words
    refused_as_json(place.run("status", "--json"), 2, "usage", str(place.file))


def test_a_token_in_the_file_draws_a_warning(tmp_path: Path) -> None:
    """Every command warns once, uses the rest, and neither shows nor changes the token."""
    text = '[profiles.acme]\nemail = "e"\npassword = "s3cr3t"\n[targets.w]\njob = "j"\nprofile = "acme"\n'
    place = Place(tmp_path, text)
    for words in ("config list", "config list --show-origin -p acme", "config get profiles.acme.email",
                  "config set profiles.acme.email f", "targets", "auth status -p acme",
                  "status -p acme j"):  # fmt: skip
        result = place.run(*words.split())
        warnings = [line for line in result.err.splitlines() if line.startswith("migstat: warning: ")]
        assert len(warnings) == 1, result.err
        assert f"{place.file}: profiles.acme.password: an API token in this file is ignored" in warnings[0]
        assert "s3cr3t" not in result.out + result.err
    assert result.code == 4
    assert place.text == text.replace('"e"', '"f"')
