"""`migstat auth`: the token is asked for, checked and kept; which one is in force; and it is removed."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pexpect
import pytest

from migstat.settings.keychain import WITHOUT, Keychain
from migstat.simulator.server import Server
from tests.cli.rehearsals import NOW, Answer, answering, migration, still
from tests.command_line import Result, hermetic, migstat, process
from tests.keyrings import Forgetful, Hanging, Kept, Locked, Odd, Troubled, environ_of, in_force

ROOT = Path(__file__).parents[2]
TOKEN = "s3cr3t-t0ken"
PATIENCE = 30.0
EMAIL_PROMPT, TOKEN_PROMPT = "E-mail of the Atlassian account: ", r"API token of \S+ for \S+ \(not shown\): "


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Return a server of job-1."""
    with still(migration()) as started:
        yield started


class Desk:
    """A config file and a keyring of their own, and commands that know of nothing else."""

    def __init__(self, folder: Path, server: Server | None = None) -> None:
        self.folder = folder
        self.config = folder / "config" / "migstat" / "config.toml"
        self.keyring = folder / "keyring.json"
        self.url = server.base_url if server else "https://api.atlassian.com"
        self.environ = {"MIGSTAT_CONFIG": "", "XDG_CONFIG_HOME": str(folder / "config"), "HOME": str(folder)}

    def write(self, text: str) -> None:
        """Write the config file."""
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(text, encoding="utf-8")

    @property
    def text(self) -> str | None:
        """What the config file holds, if it is there."""
        return self.config.read_text(encoding="utf-8") if self.config.exists() else None

    @property
    def kept(self) -> dict[str, dict[str, str]]:
        """What the keyring holds: API, e-mail, token."""
        if not self.keyring.exists():
            return {}
        held: dict[str, dict[str, str]] = json.loads(self.keyring.read_text(encoding="utf-8"))
        return {service.removeprefix("migstat "): users for service, users in held.items() if users}

    def run(self, *words: str, env: Mapping[str, str] | None = None, **more: Any) -> Result:
        """Run a command line in this process, whose keyring is that of the test."""
        own: dict[str, Any] = {"keychain": Keychain(), "now": lambda: NOW}
        result = migstat(words, {**self.environ, **(env or {})}, **(own | more))
        assert TOKEN not in result.out + result.err
        assert "defect" not in result.err
        return result

    def auth(self, *words: str, **more: Any) -> Result:
        """Run `migstat auth`."""
        return self.run("auth", *words, **more)


@pytest.fixture
def desk(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Return a desk whose keyring works."""
    made = Desk(tmp_path, server)
    monkeypatch.setenv("KEYRING_FILE", str(made.keyring))
    with in_force(Kept()):
        yield made


class Terminal:
    """A `migstat auth` on a pseudo-terminal, and all that it has shown."""

    def __init__(self, desk: Desk, backend: type = Kept, *words: str, env: Mapping[str, str] | None = None) -> None:
        own = hermetic() | environ_of(backend, desk.keyring) | desk.environ | {"TERM": "xterm"} | dict(env or {})
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "migstat", "auth", *words],
            env=own,
            timeout=PATIENCE,
            encoding="utf-8",
            cwd=str(ROOT),
        )
        self.child.delaybeforesend = None
        self.child.ptyproc.delayafterclose = self.child.ptyproc.delayafterterminate = 0.01
        self.shown = ""
        self.echoed = True

    def answer(self, prompt: str, text: str) -> None:
        """Wait for a prompt and type an answer."""
        self.child.expect(prompt)
        self.shown += self.child.before + self.child.after
        self.child.sendline(text)

    def press(self, prompt: str, key: str) -> None:
        """Wait for a prompt and press a control key; whether the terminal echoed before."""
        self.child.expect(prompt)
        self.shown += self.child.before + self.child.after
        self.echoed = self.child.getecho()
        self.child.sendcontrol(key)

    def ended(self) -> int:
        """Wait for the end; the exit code."""
        self.child.expect(pexpect.EOF)
        self.shown += self.child.before
        assert self.child.getecho()  # as the shell afterwards wants it
        self.child.close()
        assert "Traceback" not in self.shown
        assert self.child.signalstatus is None
        code = self.child.exitstatus
        assert isinstance(code, int)
        return code

    @property
    def lines(self) -> list[str]:
        """What was shown, line by line."""
        return [line for line in self.shown.split("\r\n") if line]


@pytest.mark.slow
def test_a_typed_token_is_checked_kept_and_used(desk: Desk, server: Server) -> None:
    """The token is not shown while it is typed, goes into the keyring, and the next command needs nothing else."""
    session = Terminal(desk, Kept, "login", "--base-url", server.base_url, env={"MIGSTAT_JOB": "job-1"})
    session.answer(EMAIL_PROMPT, server.email)
    session.answer(TOKEN_PROMPT, server.token)
    assert session.ended() == 0
    assert server.token not in session.shown
    assert session.lines == [
        f"E-mail of the Atlassian account: {server.email}",
        f"API token of {server.email} for {server.base_url} (not shown): ",
        "the API accepts e-mail and token",
        f"the token of {server.email} is kept in the keyring (keyrings Kept)",
        f"profile default in {desk.config} holds the e-mail and base_url now",
    ]
    assert desk.kept == {server.base_url: {server.email: server.token}}
    assert desk.text == (
        f'default_profile = "default"\n\n[profiles.default]\nemail = "{server.email}"\nbase_url = "{server.base_url}"\n'
    )
    environ = desk.environ | environ_of(Kept, desk.keyring)
    status = process(["status", "job-1", "--json"], environ)
    assert (status.code, status.err) == (0, "")
    assert json.loads(status.out)["verdict"] == "succeeded"
    told = process(["auth", "status"], environ | {"MIGSTAT_JOB": "job-1"})
    assert (told.code, told.err) == (0, "the API accepts e-mail and token\n")
    assert "token\t***\tthe keyring\n" in told.out


def test_a_wrong_token_is_not_kept(desk: Desk, server: Server) -> None:
    """What the API refuses is code 4, and neither keyring nor config holds anything of it."""
    env = {"MIGSTAT_JOB": "job-1", "MIGSTAT_BASE_URL": server.base_url}
    session = Terminal(desk, Kept, "login", env=env)
    session.answer(EMAIL_PROMPT, server.email)
    session.answer(TOKEN_PROMPT, TOKEN)
    assert session.ended() == 4
    assert TOKEN not in session.shown
    assert "401" in session.shown
    assert "; nothing was kept" in session.shown
    assert (desk.kept, desk.text) == ({}, None)


@pytest.mark.parametrize(
    ("key", "code", "told"),
    [
        ("c", 130, ["migstat: interrupted; nothing was kept"]),
        ("d", 4, ["migstat: nothing was typed; nothing was kept",
                  "  To pipe the token: ... | migstat auth login --token-file -"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("at", [EMAIL_PROMPT, TOKEN_PROMPT])
def test_who_does_not_answer_is_told_that_nothing_was_kept(
    desk: Desk, at: str, key: str, code: int, told: list[str]
) -> None:
    """Ctrl-C and Ctrl-D at each prompt end on a line of their own, the terminal echoes as before, nothing was kept."""
    session = Terminal(desk, Kept, "login")
    if at == TOKEN_PROMPT:
        session.answer(EMAIL_PROMPT, "you@example.com")
    session.press(at, key)
    assert session.ended() == code
    assert session.echoed is (at == EMAIL_PROMPT)
    lines = [re.sub(r"\^[CD](\x08\x08)?", "", line) for line in session.lines]
    assert lines[-len(told) :] == told
    assert re.fullmatch(at, lines[-len(told) - 1])
    assert (desk.kept, desk.text) == ({}, None)


def test_bytes_that_are_no_text_can_be_typed(desk: Desk) -> None:
    """What a terminal in another encoding sends is told, not a defect."""
    session = Terminal(desk, Kept, "login", "--email", "you@example.com")
    session.child.expect(TOKEN_PROMPT)
    os.write(session.child.child_fd, b"\xff\xfe\n")
    assert session.ended() == 4
    assert session.lines[-1] == "migstat: what was typed is no text; nothing was kept"
    assert desk.kept == {}


@pytest.mark.slow
def test_a_keyring_that_hangs_can_be_interrupted(desk: Desk) -> None:
    """After a moment one is told what is waited for, and Ctrl-C ends it at once."""
    session = Terminal(desk, Hanging, "logout", "--email", "you@example.com")
    session.press("waiting for the keyring: does it ask for its password\\?", "c")
    assert session.ended() == 130


def test_a_keyring_that_hangs_is_left_behind(tmp_path: Path) -> None:
    """When the time is up the process ends with code 4 and two lines, although the keyring still waits."""
    code = """
import sys, keyring
from migstat.cli.app import run
from migstat.cli.context import Runtime
from migstat.cli.streams import Streams
from migstat.settings.keychain import Keychain
keyring.get_keyring()
environ = {"MIGSTAT_EMAIL": "you@example.com", "MIGSTAT_CONFIG": sys.argv[1]}
sys.exit(run(["job", "job-1"], Runtime(environ, Streams(sys.stdout, sys.stderr), keychain=Keychain(limit=0.1))))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, os.devnull],
        env=hermetic() | environ_of(Hanging, tmp_path / "none"),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.splitlines() == [
        "migstat: no API token: the keyring did not answer within 0.1 s",
        f"  Unlock it and try again. {WITHOUT}",
    ]


def test_a_piped_token_is_kept(desk: Desk, server: Server) -> None:
    """What another program prints is taken from standard input; without a job nothing is asked."""
    before = len(server.requests)
    done = process(
        ["auth", "login", "--email", server.email, "--token-file", "-"],
        desk.environ | environ_of(Kept, desk.keyring),
        stdin=f"{TOKEN}\n",
    )
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines() == [
        "not checked: the API can be asked about a job only, and none is set",
        f"the token of {server.email} is kept in the keyring (keyrings Kept)",
        f"profile default in {desk.config} holds the e-mail now",
    ]
    assert desk.kept == {"https://api.atlassian.com": {server.email: TOKEN}}
    assert len(server.requests) == before


@pytest.mark.parametrize(
    ("words", "data", "encoding", "told"),
    [
        (("auth", "login"), b"", "utf-8", "holds no API token"),
        (("auth", "login"), b"\xff\xfe\x00", "utf-8", "holds no API token: it is no text"),
        (("job", "x"), b"\xff\xfe\x00", "ascii:surrogateescape", "holds more than one word"),
    ],
)
def test_piped_bytes_are_told(desk: Desk, words: tuple[str, ...], data: bytes, encoding: str, told: str) -> None:
    """An empty pipe, as of a password program that failed, and bytes that are no text are code 4, for any command."""
    done = subprocess.run(
        [sys.executable, "-m", "migstat", *words, "--email", "e", "--token-file", "-"],
        env=hermetic() | environ_of(Kept, desk.keyring) | desk.environ | {"PYTHONIOENCODING": encoding},
        input=data,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (4, b"")
    assert done.stderr.decode().startswith(f"migstat: standard input (--token-file -) {told}")
    assert len(done.stderr.splitlines()) <= 2
    assert (desk.kept, desk.text) == ({}, None)


def test_a_token_file_that_others_can_read_is_warned_of(desk: Desk) -> None:
    """Who brings the token in a file is told to protect it."""
    file = desk.folder / "token"
    file.write_text(TOKEN, encoding="utf-8")
    file.chmod(0o644)
    result = desk.auth("login", "--email", "you@example.com", "--token-file", str(file))
    assert result.code == 0
    assert f"migstat: warning: other users can read the token in {file}: chmod 600 {file}" in result.err
    assert desk.kept == {"https://api.atlassian.com": {"you@example.com": TOKEN}}


def test_without_a_terminal_nothing_is_asked(desk: Desk) -> None:
    """A script that forgot to pipe the token is told how to, and does not hang."""
    refused = desk.auth("login", "--email", "you@example.com")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.splitlines() == [
        "migstat: standard input is no terminal to type the token on",
        "  To pipe the token: ... | migstat auth login --token-file -",
    ]
    without = desk.auth("login", "--token-file", "-", stdin=TOKEN)
    assert without.code == 4
    assert "no e-mail" in without.err
    assert (desk.kept, desk.text) == ({}, None)


@pytest.mark.parametrize(
    ("words", "env", "told"),
    [
        (("--token-file", ""), {}, "--token-file is empty"),
        (("--email", ""), {}, "--email is empty"),
        (("-p", ""), {}, "--profile is empty"),
        (("--email", "a:b"), {}, "--email holds no e-mail"),
        (("--base-url", "http://example.com"), {}, "plain http"),
        ((), {"MIGSTAT_JOB": "a b"}, "MIGSTAT_JOB"),
        ((), {"MIGSTAT_RATE_LIMIT": "x"}, "MIGSTAT_RATE_LIMIT"),
        (("--json",), {}, "--json"),
    ],
)
def test_what_makes_no_sense_is_told_before_anybody_types(
    desk: Desk, words: tuple[str, ...], env: dict[str, str], told: str
) -> None:
    """Wrong usage is code 2 and asks for nothing."""
    result = desk.auth("login", *words, env=env, typed=())
    assert (result.code, result.out) == (2, "")
    assert told in result.err
    assert desk.kept == {}


@pytest.mark.parametrize("typed", [("you@example.com", ""), ("you@example.com", " "), ("you@example.com", "a b")])
def test_what_is_typed_and_is_no_token_is_refused(desk: Desk, typed: tuple[str, ...]) -> None:
    """An empty line and two words are code 4, and nothing is kept."""
    result = desk.auth("login", typed=typed)
    assert (result.code, result.out) == (4, "")
    assert result.err.startswith("migstat: what was typed holds ")
    assert (desk.kept, desk.text) == ({}, None)


@pytest.mark.parametrize("email", ["", "a:b", "a\x1bb"])
def test_what_is_typed_and_is_no_email_is_refused(desk: Desk, email: str) -> None:
    """The token is not asked for then."""
    result = desk.auth("login", typed=(email,))
    assert (result.code, result.err.splitlines()[0]) == (2, "migstat: the e-mail holds no e-mail address")


def test_a_job_that_is_not_there_says_nothing_against_the_token(desk: Desk, server: Server) -> None:
    """The API answers 404 to credentials that it accepts, so that the token is kept and the job told."""
    env = {"MIGSTAT_JOB": "nowhere", "MIGSTAT_BASE_URL": server.base_url}
    result = desk.auth("login", env=env, typed=(server.email, server.token))
    assert result.code == 0
    assert result.err.splitlines()[0] == "the API refused neither e-mail nor token, but knows no job nowhere"
    assert desk.kept == {server.base_url: {server.email: server.token}}
    status = desk.auth("status", env=env)
    assert (status.code, status.err) == (0, "the API refused neither e-mail nor token, but knows no job nowhere\n")


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        (Answer({}, 403), 4, "403"),
        (Answer({}, 500), 3, "500"),
        (Answer(b"<html>login</html>", 200, "text/html"), 3, "text/html"),
        (None, 3, "cannot reach"),
    ],
    ids=["forbidden", "broken", "portal", "nobody"],
)
def test_what_the_api_does_not_accept_is_not_kept(desk: Desk, answer: Answer | None, code: int, told: str) -> None:
    """Refused, unreachable or not understood: nothing is kept, and that is said."""
    with answering(lambda _: answer or Answer({})) as scripted:
        url = scripted.base_url if answer else "http://127.0.0.1:9"
        env = {"MIGSTAT_JOB": "job-1", "MIGSTAT_BASE_URL": url}
        result = desk.auth("login", env=env, typed=("you@example.com", TOKEN))
    assert (result.code, result.out) == (code, "")
    assert told in result.err
    assert "; nothing was kept" in result.err.splitlines()[0]
    assert (desk.kept, desk.text) == ({}, None)


def test_who_logs_in_again_replaces_the_token(desk: Desk, server: Server) -> None:
    """With the profile of the first time only the token is asked for, and a refused one leaves the old one."""
    words = ("login", "--base-url", server.base_url)
    assert desk.auth(*words, typed=(server.email, "older-token")).code == 0
    before = desk.text
    env = {"MIGSTAT_JOB": "job-1"}
    assert desk.auth("login", env=env, typed=(TOKEN,)).code == 4
    assert desk.kept == {server.base_url: {server.email: "older-token"}}
    assert desk.auth("login", env=env, typed=(server.token,)).code == 0
    assert desk.kept == {server.base_url: {server.email: server.token}}
    assert desk.text == before


def test_a_profile_is_made_by_logging_in(desk: Desk, server: Server) -> None:
    """`--profile` may name a new one, which gets the e-mail; the default profile stays what it was."""
    desk.write('# mine\ndefault_profile = "acme"\n\n[profiles.acme]\nemail = "a@example.com"\n')
    result = desk.auth("login", "-p", "globex", "--base-url", server.base_url, typed=(server.email, server.token))
    assert result.code == 0, result.err
    assert desk.text == (
        '# mine\ndefault_profile = "acme"\n\n[profiles.acme]\nemail = "a@example.com"\n\n'
        f'[profiles.globex]\nemail = "{server.email}"\nbase_url = "{server.base_url}"\n'
    )
    assert desk.run("job", "job-1", "-p", "globex").code == 0
    assert desk.auth("status", "-p", "globx").code == 2


OTHERS = 'default_profile = "a"\n[profiles.a]\nemail = "o@example.com"\n'
MINE = 'default_profile = "a"\n[profiles.a]\nemail = "you@example.com"\n'


@pytest.mark.parametrize(
    ("config", "env", "words", "note"),
    [
        (None, {"MIGSTAT_EMAIL": "you@example.com"}, "", None),
        (MINE, {}, "", None),
        (OTHERS, {}, "--email you@example.com", "profile a's email in CONFIG, line 3 says o@example.com"),
        (None, {"MIGSTAT_EMAIL": "o@example.com"}, "--email you@example.com", "MIGSTAT_EMAIL says o@example.com"),
        ("[profiles.default]\n", {}, "--email you@example.com", "nothing else says so"),
        (
            MINE,
            {"MIGSTAT_BASE_URL": "http://127.0.0.1:1"},
            "--base-url http://127.0.0.1:2",
            "MIGSTAT_BASE_URL says http://127.0.0.1:1",
        ),
        (
            f'{MINE}base_url = "http://127.0.0.1:1"\n',
            {},
            "--base-url https://api.atlassian.com",
            "profile a's base_url in CONFIG, line 4 says http://127.0.0.1:1",
        ),
    ],
)
def test_what_is_said_elsewhere_is_not_changed(
    desk: Desk, config: str | None, env: dict[str, str], words: str, note: str | None
) -> None:
    """Where profile or environment say something else, they stay, and what the next command needs is told."""
    if config:
        desk.write(config)
    result = desk.auth("login", *words.split(), env=env, typed=(TOKEN,))
    assert result.code == 0
    told = [line for line in result.err.splitlines() if line.startswith("note: ")]
    expected = f"note: to use this token give {words} each time: {note}".replace("CONFIG", str(desk.config))
    assert told == ([expected] if note else [])
    assert desk.text == config


def test_a_config_that_cannot_be_written_is_told_after_the_token_was_kept(desk: Desk) -> None:
    """The token is in the keyring then, and the error says what is missing."""
    desk.config.parent.parent.mkdir()
    desk.config.parent.write_text("a file in the folder's place", encoding="utf-8")
    result = desk.auth("login", typed=("you@example.com", TOKEN))
    assert result.code == 3
    assert "is kept in the keyring" in result.err
    assert "could not be written" in result.err
    assert desk.kept == {"https://api.atlassian.com": {"you@example.com": TOKEN}}


@pytest.mark.parametrize("command", ["login", "logout"])
def test_what_goes_before_the_keyring_is_told(desk: Desk, command: str) -> None:
    """A token that is set elsewhere would be used in place of the kept one, even one that cannot be read."""
    desk.write('default_profile = "a"\n[profiles.a]\nemail = "e"\ntoken_file = "none.token"\n')
    of_profile = f"profile a's token_file in {desk.config}, line 4"
    for env, source in (
        ({"MIGSTAT_TOKEN": "other", "MIGSTAT_TOKEN_FILE": "/nonexistent"}, "MIGSTAT_TOKEN"),
        ({"MIGSTAT_TOKEN_FILE": "/nonexistent"}, "MIGSTAT_TOKEN_FILE"),
        ({}, of_profile),
    ):
        result = desk.auth(command, env=env, typed=(TOKEN,))
        assert (result.code, result.err.splitlines()[-1]) == (0, f"note: {source} is set and goes before the keyring")


def test_logging_out_removes_the_token(desk: Desk, server: Server) -> None:
    """The token goes, those of others stay, and to log out again is no error."""
    for email in (server.email, "other@example.com"):
        words = ("login", "--email", email, "--base-url", server.base_url)
        assert desk.auth(*words, typed=(server.token,)).code == 0
    done = desk.auth("logout")
    assert (done.code, done.out) == (0, "")
    assert done.err == f"the token of {server.email} for {server.base_url} was removed from the keyring\n"
    assert desk.kept == {server.base_url: {"other@example.com": server.token}}
    again = desk.auth("logout")
    assert (again.code, again.err) == (
        0,
        f"the token of {server.email} for {server.base_url} is not in the keyring\n",
    )
    refused = desk.run("job", "job-1")
    assert (refused.code, refused.out) == (4, "")
    assert "migstat auth login" in refused.err


def test_who_logs_out_must_be_known(desk: Desk) -> None:
    """Without an e-mail from anywhere there is no account to log out of."""
    result = desk.auth("logout")
    assert (result.code, result.out) == (4, "")
    assert "no e-mail" in result.err


def test_all_sources_of_the_token(desk: Desk, server: Server) -> None:
    """Of all that are set the first is used and named, and each comes to its turn when those before it go."""
    job = {"MIGSTAT_JOB": "job-1"}
    assert desk.auth("login", "--base-url", server.base_url, typed=(server.email, server.token)).code == 0
    files = {}
    for name in ("flag", "variable", "profile"):
        files[name] = desk.folder / name
        files[name].write_text(server.token, encoding="utf-8")
        files[name].chmod(0o600)
    assert desk.run("config", "set", "profiles.default.token_file", str(files["profile"])).code == 0
    line = (desk.text or "").splitlines().index(f'token_file = "{files["profile"]}"') + 1
    variable = {"MIGSTAT_TOKEN_FILE": str(files["variable"])}
    steps: list[tuple[tuple[str, ...], dict[str, str], str]] = [
        (("--token-file", "-"), variable | {"MIGSTAT_TOKEN": server.token}, "standard input (--token-file -)"),
        (("--token-file", str(files["flag"])), variable | {"MIGSTAT_TOKEN": server.token},
         f"{files['flag']} (--token-file)"),
        ((), variable | {"MIGSTAT_TOKEN": server.token}, "MIGSTAT_TOKEN"),
        ((), variable, f"{files['variable']} (MIGSTAT_TOKEN_FILE)"),
        ((), {"MIGSTAT_TOKEN": "", "MIGSTAT_TOKEN_FILE": ""},
         f"{files['profile']} (profile default's token_file in config, line {line})"),
    ]  # fmt: skip
    for words, env, source in steps:
        result = desk.auth("status", *words, env=job | env, stdin=server.token)
        assert (result.code, result.err) == (0, "the API accepts e-mail and token\n")
        assert f"token\t***\t{source}\n" in result.out
        assert server.token not in result.out
        assert desk.run("job", "job-1", *words, env=env, stdin=server.token).code == 0
    assert desk.run("config", "unset", "profiles.default.token_file").code == 0
    assert "token\t***\tthe keyring\n" in desk.auth("status", env=job).out
    assert desk.auth("logout").code == 0
    last = desk.auth("status", env=job)
    assert last.code == 4
    assert "token\t" not in last.out
    assert last.err.startswith("migstat: no API token\n")


def test_the_first_source_is_used_although_it_is_wrong(desk: Desk, server: Server) -> None:
    """A wrong token is refused by the API, and no other source is tried in silence."""
    assert desk.auth("login", "--base-url", server.base_url, typed=(server.email, server.token)).code == 0
    result = desk.auth("status", env={"MIGSTAT_JOB": "job-1", "MIGSTAT_TOKEN": TOKEN})
    assert result.code == 4
    assert "token\t***\tMIGSTAT_TOKEN\n" in result.out
    assert "401" in result.err


def test_the_status_tells_what_is_in_force(desk: Desk, server: Server) -> None:
    """File, profile, API, e-mail, token and job are told with their origins, and whether the API accepts them."""
    desk.write(f'default_profile = "a"\n[profiles.a]\nbase_url = "{server.base_url}"\njob = "job-1"\n')
    env = {"MIGSTAT_EMAIL": server.email, "MIGSTAT_TOKEN": server.token}
    result = desk.auth("status", env=env)
    assert (result.code, result.err) == (0, "the API accepts e-mail and token\n")
    assert [tuple(line.split("\t")) for line in result.out.splitlines()] == [
        ("config", str(desk.config), "default"),
        ("profile", "a", "config, line 1"),
        ("base_url", server.base_url, "config, line 3"),
        ("email", server.email, "MIGSTAT_EMAIL"),
        ("token", "***", "MIGSTAT_TOKEN"),
        ("job", "job-1", "config, line 4"),
    ]


def test_the_status_without_a_job_asks_nothing(desk: Desk, server: Server) -> None:
    """Without a job the API cannot be asked, and that is said."""
    before = len(server.requests)
    env = {"MIGSTAT_EMAIL": server.email, "MIGSTAT_TOKEN": server.token, "MIGSTAT_BASE_URL": server.base_url}
    result = desk.auth("status", env=env)
    assert (result.code, result.err) == (0, "not checked: the API can be asked about a job only, and none is set\n")
    assert len(server.requests) == before


def test_the_status_of_nothing(desk: Desk) -> None:
    """Who has set nothing sees the defaults, and how to begin."""
    result = desk.auth("status")
    assert result.code == 4
    assert "base_url\thttps://api.atlassian.com\tdefault\n" in result.out
    assert result.err.splitlines()[0] == "migstat: no e-mail of an Atlassian account"
    assert "migstat auth login" in result.err


TROUBLES: list[tuple[type[Troubled], str]] = [
    (Locked, "the keyring is locked"),
    (Odd, "the keyring failed (OddError)"),
    (Forgetful, "the keyring did not keep the token"),
]


@pytest.mark.parametrize(("backend", "told"), TROUBLES)
def test_a_keyring_that_makes_trouble_is_told(desk: Desk, backend: type[Troubled], told: str) -> None:
    """Login and logout end with code 4 and at most two lines, and say how to do without a keyring."""
    with in_force(backend()):
        result = desk.auth("login", typed=("you@example.com", TOKEN))
        assert (result.code, result.out) == (4, "")
        assert result.err.splitlines()[0] == f"migstat: {told}"
        assert "MIGSTAT_TOKEN" in result.err
        assert len(result.err.splitlines()) == 2
        assert desk.text is None
        if backend is not Forgetful:
            out = desk.auth("logout", "--email", "you@example.com")
            assert (out.code, out.err.splitlines()[0]) == (4, f"migstat: {told}")
            status = desk.auth("status", "--email", "you@example.com")
            assert (status.code, status.err.splitlines()[0]) == (4, f"migstat: no API token: {told}")


@pytest.mark.parametrize(
    ("setup", "told"),
    [
        ("", "this machine has no keyring that can be used"),
        ("sys.modules['keyring'] = None", "the keyring needs the extra: pip install 'migstat[keyring]'"),
    ],
)
def test_without_a_keyring_one_is_told_before_typing(desk: Desk, server: Server, setup: str, told: str) -> None:
    """Login says at once how to do without, and a command that needs a token does not speak of keyrings."""
    code = f"import sys\n{setup}\nsys.argv[0] = 'migstat'\nfrom migstat.__main__ import run\nrun()"
    own = hermetic() | desk.environ | {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}

    def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, *words]
        return subprocess.run(command, env=own | env, capture_output=True, text=True, check=False, timeout=60)

    done = run("auth", "login")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.splitlines() == [
        f"migstat: {told}",
        f"  {WITHOUT}",
    ]
    missing = run("job", "job-1", MIGSTAT_EMAIL=server.email, MIGSTAT_BASE_URL=server.base_url)
    assert (missing.returncode, missing.stderr.splitlines()[0]) == (4, "migstat: no API token")


HELPED = [(), ("login",), ("status",), ("logout",)]


def helped(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    """The help of a command."""
    result = migstat(["auth", *words, "--help"], {})
    assert (result.code, result.err) == (0, "")
    return result.out + capsys.readouterr().out


@pytest.mark.parametrize("words", HELPED, ids=str)
def test_the_help_begins_with_examples(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Behind one sentence come examples of this very command, and then all else."""
    lines = [line.strip() for line in helped(words, capsys).splitlines() if line.strip()]
    first = lines.index("Examples:")
    assert first <= 3
    assert lines[first + 1].startswith(" ".join(("migstat auth", *words)))


def test_every_example_runs(desk: Desk, server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """What the help shows works for somebody who types e-mail and token, also where nothing was set up before."""
    examples = [
        line.strip()
        for words in HELPED
        for line in helped(words, capsys).splitlines()
        if re.match(r"(pass show \S+ \| )?migstat auth ", line.strip())
    ]
    assert len(examples) >= 9
    env = {"MIGSTAT_BASE_URL": server.base_url, "MIGSTAT_JOB": "job-1"}
    order = ("login", "status", "logout")
    for example in sorted(examples, key=lambda line: [word in line for word in order].index(True)):
        words = shlex.split(example.rpartition("| ")[2])[2:]
        replaced = [server.email if word == "you@example.com" else word for word in words]
        typed = (server.token,) if "--email" in words or desk.text else (server.email, server.token)
        result = desk.auth(*replaced, env=env, typed=typed, stdin=server.token)
        assert (result.code, example) == (0, example), result.err


def test_the_order_of_the_sources_is_told_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """The help names the five sources in their order."""
    text = " ".join(helped((), capsys).split())
    assert "--token-file, MIGSTAT_TOKEN, MIGSTAT_TOKEN_FILE, the profile's token_file, the keyring" in text
