"""`migstat auth`: the token is asked for, checked and kept; which one is in effect; and it is removed."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pexpect
import pytest

from migstat.settings.config import read_config
from migstat.settings.keychain import Keychain
from migstat.simulator.server import Server
from tests.command_line import Result, hermetic, migstat, process, refused
from tests.keyrings import Forgetful, Hanging, Kept, Locked, environ_of, in_force
from tests.scenarios import frozen
from tests.servers import NOW, Answer, answering, server_of
from tests.terminal import MIGSTAT, on_terminal

ROOT = Path(__file__).parents[2]
TOKEN = "s3cr3t-t0ken"
EMAIL_PROMPT, TOKEN_PROMPT = "E-mail of the Atlassian account: ", r"API token of \S+ for \S+ \(not shown\): "
JOB_PROMPT, NAME_PROMPT = r"Job id or URL \(Enter to skip\): ", r"Name for this job \[.*\]: "
UNCHECKED = "not verified: the API can verify credentials only against a job; set one: export MIGSTAT_JOB=JOB"
FOUND = 'the API accepts the e-mail and token: job "Jira to the cloud"'

server = server_of(frozen())


class Desk:
    """A config file and a keyring of their own, and commands that know of nothing else."""

    def __init__(self, folder: Path, server: Server | None = None) -> None:
        self.folder = folder
        self.config = folder / "config" / "migstat" / "config.toml"
        self.keyring = folder / "keyring.json"
        self.url = server.base_url if server else "https://api.atlassian.com"
        self.environ = {"MIGSTAT_CONFIG": "", "XDG_CONFIG_HOME": str(folder / "config"), "HOME": str(folder)}

    def write(self, text: str) -> None:
        self.config.parent.mkdir(parents=True, exist_ok=True)
        self.config.write_text(text, encoding="utf-8")

    @property
    def text(self) -> str | None:
        return self.config.read_text(encoding="utf-8") if self.config.exists() else None

    @property
    def kept(self) -> dict[str, dict[str, str]]:
        if not self.keyring.exists():
            return {}
        held: dict[str, dict[str, str]] = json.loads(self.keyring.read_text(encoding="utf-8"))
        return {service.removeprefix("migstat "): users for service, users in held.items() if users}

    def run(self, *words: str, env: Mapping[str, str] | None = None, **more: Any) -> Result:
        own: dict[str, Any] = {"keychain": Keychain(self.config.with_name("credentials.toml")), "now": lambda: NOW}
        result = migstat(words, {**self.environ, **(env or {})}, **(own | more))
        assert TOKEN not in result.out + result.err
        assert "internal error" not in result.err
        return result

    def auth(self, *words: str, **more: Any) -> Result:
        return self.run("auth", *words, **more)


@pytest.fixture
def desk(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    made = Desk(tmp_path, server)
    monkeypatch.setenv("KEYRING_FILE", str(made.keyring))
    monkeypatch.setenv("HOME", str(tmp_path))
    with in_force(Kept()):
        yield made


class Terminal:
    """A command on a pseudo-terminal, and everything that it has shown."""

    def __init__(self, desk: Desk, *words: str, backend: type = Kept) -> None:
        env = hermetic(measured=True) | environ_of(backend, desk.keyring) | desk.environ | {"TERM": "xterm"}
        self.child = on_terminal([*MIGSTAT, *words], env, size=(80, 24), cwd=str(ROOT))
        self.shown = ""

    def expect(self, prompt: str) -> None:
        self.child.expect(prompt)
        self.shown += self.child.before + self.child.after

    def answer(self, prompt: str, text: str) -> None:
        self.expect(prompt)
        self.child.sendline(text)

    def ended(self) -> int:
        self.child.expect(pexpect.EOF)
        self.shown += self.child.before
        assert self.child.getecho()  # as the shell afterwards wants it
        self.child.close()
        assert "Traceback" not in self.shown
        code = self.child.exitstatus
        assert isinstance(code, int)
        return code

    @property
    def lines(self) -> list[str]:
        return [line for line in self.shown.split("\r\n") if line]


@pytest.mark.slow
def test_a_newcomer_gets_from_nothing_to_the_first_status(desk: Desk, server: Server) -> None:
    """Login says where to find token and job id, shows what it found, and names the next command, which works."""
    session = Terminal(desk, "auth", "login", "--base-url", server.base_url)
    session.answer(EMAIL_PROMPT, server.email)
    session.answer(TOKEN_PROMPT, server.token)
    session.answer(JOB_PROMPT, "nowhere")
    session.answer(JOB_PROMPT, f"{server.base_url}/migrations/public/v1/jobs/job-1/tasks/t")
    session.answer(NAME_PROMPT, "")
    assert session.ended() == 0
    assert server.token not in session.shown
    assert session.lines[5:] == [
        "Job id or URL (Enter to skip): nowhere",
        "the API accepts the e-mail and token, but there is no job 'nowhere'",
        f"Job id or URL (Enter to skip): {server.base_url}/migrations/public/v1/jobs/job-1/tasks/t",
        FOUND,
        "Name for this job [jira-to-the-cloud]: ",
        f"stored the token of {server.email} in the keyring (keyrings Kept)",
        "stored profile default and target jira-to-the-cloud in",
        "  ~/config/migstat/config.toml",
        "Next: migstat status jira-to-the-cloud",
    ]
    assert desk.kept == {server.base_url: {server.email: server.token}}
    assert desk.text == (
        f'default_profile = "default"\n\n[profiles.default]\nemail = "{server.email}"\nbase_url = "{server.base_url}"\n'
        '\n[targets.jira-to-the-cloud]\njob = "job-1"\nprofile = "default"\n'
    )
    environ = desk.environ | environ_of(Kept, desk.keyring)
    status = process(["status", "jira-to-the-cloud", "--json"], environ)
    assert (status.code, status.err) == (0, "")
    assert json.loads(status.out)["verdict"] == "succeeded"
    again = process(["auth", "status"], environ | {"MIGSTAT_JOB": "jira-to-the-cloud"})
    assert (again.code, again.err) == (0, f"{FOUND}\n")
    assert "token\t***\tthe keyring\n" in again.out


@pytest.mark.parametrize(
    ("config", "typed", "targets", "line"),
    [
        ("", ("job-1", "mine"), {"mine": "job-1"}, "Next: migstat status mine"),
        ("", ("",), {}, UNCHECKED),
        ("", ("a b", "nowhere", "nowhere"), {}, "JOB: 'a b' contains a space or an unprintable character"),
        ("", ("job-1", "latest"), {"jira-to-the-cloud": "job-1"}, "Next: migstat status jira-to-the-cloud"),
        ('[targets.known]\njob = "job-1"\n', ("job-1", ""), {"known": "job-1"}, "Next: migstat status known"),
        ('[targets.jira-to-the-cloud]\njob = "other"\n', ("job-1", ""),
         {"jira-to-the-cloud": "other", "jira-to-the-cloud-2": "job-1"}, "Next: migstat status jira-to-the-cloud-2"),
    ],
    ids=["named", "skipped", "not found", "a word of its own", "known", "another's name"],
)  # fmt: skip
def test_the_job_may_be_skipped_or_named(
    desk: Desk, server: Server, config: str, typed: tuple[str, ...], targets: dict[str, str], line: str
) -> None:
    """Any name but another job's can be given; a known job keeps its name; without a job the token is stored."""
    desk.write(config)
    result = desk.auth("login", "--base-url", server.base_url, typed=(server.email, server.token, *typed))
    assert result.code == 0, result.err
    assert line in result.err.splitlines()
    assert {name: each["job"] for name, each in read_config(str(desk.config)).targets.items()} == targets
    assert desk.kept == {server.base_url: {server.email: server.token}}


def test_only_what_was_wrong_is_asked_again(desk: Desk, server: Server) -> None:
    """After a refused token, Enter keeps the e-mail, and the job need not be typed again; three refusals end it."""
    words = ("login", "--base-url", server.base_url)
    result = desk.auth(*words, typed=(server.email, TOKEN, "job-1", "", server.token, "mine"))
    assert (result.code, result.err.splitlines()[-1]) == (0, "Next: migstat status mine")
    assert FOUND in result.err.splitlines()
    assert desk.kept == {server.base_url: {server.email: server.token}}
    result = desk.auth(*words, typed=("", TOKEN, "job-1", *("", TOKEN) * 2))
    assert (result.code, result.err.count("(401)"), "; nothing was stored" in result.err) == (4, 3, True)


def test_enter_keeps_the_stored_token(desk: Desk, server: Server) -> None:
    """A second login, such as for another job, needs neither e-mail nor token, and says that it kept the token."""
    words = ("login", "--base-url", server.base_url)
    assert desk.auth(*words, typed=(server.email, server.token, "job-1", "mine")).code == 0
    result = desk.auth(*words, typed=("", "", "job-1", "mine"))
    assert result.code == 0, result.err
    assert f"kept the token of {server.email} in the keyring" in result.err.splitlines()
    assert desk.kept == {server.base_url: {server.email: server.token}}


def test_a_login_without_a_job_says_how_to_set_one(desk: Desk, server: Server) -> None:
    """The account was verified with a wrong id, too; whatever was typed instead of a job, the last line helps."""
    words = ("login", "--base-url", server.base_url, "--email", server.email)
    for typed, verified in ((("nowhere", ""), True), (("",), False)):
        lines = desk.auth(*words, typed=(server.token, *typed)).err.splitlines()
        assert (UNCHECKED in lines) is not verified
        assert lines[-1] == "Next: copy the job id from the migration assistant, then: export MIGSTAT_JOB=JOB"


def test_the_size_of_the_job_is_shown(desk: Desk) -> None:
    """Name and number of projects tell a newcomer that it is the right job."""
    found = Answer({"name": "Wave 1", "scope": {"projects": {"includedKeys": [f"P{number}" for number in range(40)]}}})
    with answering(lambda _: found) as scripted:
        result = desk.auth("login", "--base-url", scripted.base_url, typed=("a@b", TOKEN, "job-1", ""))
    assert 'the API accepts the e-mail and token: job "Wave 1", 40 projects' in result.err.splitlines()
    assert result.err.splitlines()[-1] == "Next: migstat status wave-1"


PIPE_IT = "  To pipe the token: ... | migstat auth login --token-file -"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "code", "messages"),
    [("c", 130, ["migstat: interrupted; nothing was stored"]),
     ("d", 4, ["migstat: no answer; nothing was stored", PIPE_IT])],
)  # fmt: skip
@pytest.mark.parametrize("at", [EMAIL_PROMPT, TOKEN_PROMPT])
def test_leaving_a_prompt_stores_nothing(desk: Desk, at: str, key: str, code: int, messages: list[str]) -> None:
    """Ctrl-C and Ctrl-D at each prompt end on a line of their own, and the terminal echoes as before."""
    session = Terminal(desk, "auth", "login")
    if at == TOKEN_PROMPT:
        session.answer(EMAIL_PROMPT, "you@example.com")
    session.expect(at)
    assert session.child.getecho() is (at == EMAIL_PROMPT)
    session.child.sendcontrol(key)
    assert session.ended() == code
    lines = [re.sub(r"\^[CD](\x08\x08)?", "", line) for line in session.lines]
    assert lines[-len(messages) :] == messages
    assert re.fullmatch(at, lines[-len(messages) - 1])
    assert (desk.kept, desk.text) == ({}, None)


@pytest.mark.slow
def test_bytes_that_are_not_text_can_be_typed(desk: Desk) -> None:
    """A terminal in another encoding gets an error, not a crash."""
    session = Terminal(desk, "auth", "login", "--email", "you@example.com")
    session.expect(TOKEN_PROMPT)
    os.write(session.child.child_fd, b"\xff\xfe\n")
    assert session.ended() == 4
    assert session.lines[-1] == "migstat: the answer is not text; nothing was stored"
    assert desk.kept == {}


@pytest.mark.slow
def test_a_hanging_keyring_can_be_interrupted(desk: Desk) -> None:
    """After a second the user learns what the program waits for, and Ctrl-C ends it."""
    session = Terminal(desk, "auth", "logout", "--email", "you@example.com", backend=Hanging)
    session.expect("waiting for the keyring; it may be asking for its password")
    session.child.sendcontrol("c")
    assert session.ended() == 130


def test_a_piped_token_is_stored(desk: Desk, server: Server) -> None:
    """Standard input brings the token, or nothing after a password program failed; without a job nothing is asked."""
    before, words = len(server.requests), ("login", "--email", server.email, "--token-file", "-")
    refused(desk.auth(*words, stdin=""), 4, "standard input (--token-file -) does not contain an API token")
    assert (desk.kept, desk.text) == ({}, None)
    done = desk.auth(*words, stdin=f"{TOKEN}\n")
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines() == [
        UNCHECKED,
        f"stored the token of {server.email} in the keyring (keyrings Kept)",
        "stored profile default in ~/config/migstat/config.toml",
    ]
    assert desk.kept == {"https://api.atlassian.com": {server.email: TOKEN}}
    assert len(server.requests) == before


def test_a_terminal_as_standard_input_is_asked_for_the_token(desk: Desk, server: Server) -> None:
    """`--token-file -` lets a person type it; without an answer there is no token."""
    words = ("job", "job-1", "--email", server.email, "--base-url", server.base_url, "--token-file", "-")
    assert desk.run(*words, typed=(server.token,)).code == 0
    refused(desk.run(*words, typed=()), 4, "does not contain an API token")


@pytest.mark.parametrize(
    ("words", "env", "typed", "code", "message"),
    [
        ("--email a@b", {}, None, 2, "cannot ask for the token: standard input is not a terminal"),
        ("--token-file -", {}, None, 4, "no Atlassian account e-mail given"),
        ("--token-file=", {}, (), 2, "--token-file is empty"),
        ("--email a:b", {}, (), 2, "--email is not an e-mail address"),
        ("--base-url http://example.com", {}, (), 2, "--base-url: plain http"),
        ("", {"MIGSTAT_JOB": "a b"}, (), 2, "MIGSTAT_JOB: "),
        ("--json", {}, (), 2, "No such option: --json"),
        ("", {}, ("you@example.com", ""), 4, "the answer does not contain an API token"),
        ("", {}, ("you@example.com", "a b"), 4, "the answer contains more than one word"),
        ("", {}, ("you@example.com", "you@example.com"), 4, "the answer contains an e-mail address, not an API token"),
        ("", {}, ("a:b",), 2, "the e-mail is not an e-mail address"),
    ],
)  # fmt: skip
def test_a_login_that_cannot_work_stores_nothing(
    desk: Desk, words: str, env: dict[str, str], typed: tuple[str, ...] | None, code: int, message: str
) -> None:
    """Invalid options are refused before anybody types, invalid answers at once."""
    result = desk.auth("login", *words.split(), env=env, typed=typed, stdin=TOKEN)
    assert (result.code, result.out) == (code, "")
    assert message in result.err
    assert "Run migstat auth login" not in result.err
    assert (desk.kept, desk.text) == ({}, None)


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        (Answer({}, 401), 4, "401"),
        (Answer({}, 500), 3, "500"),
        (Answer(b"<html>login</html>", 200, "text/html"), 3, "text/html"),
        (None, 3, "cannot reach"),
    ],
    ids=["unauthorized", "broken", "portal", "nobody"],
)
def test_a_token_that_fails_the_check_is_not_stored(desk: Desk, answer: Answer | None, code: int, message: str) -> None:
    """Refused, unreachable or not understood: the error says that nothing was stored."""
    with answering(lambda _: answer or Answer({})) as scripted:
        url = scripted.base_url if answer else "http://127.0.0.1:9"
        env = {"MIGSTAT_JOB": "job-1", "MIGSTAT_BASE_URL": url}
        result = desk.auth("login", env=env, typed=("you@example.com", TOKEN))
    assert (result.code, result.out) == (code, "")
    assert message in result.err
    assert "; nothing was stored" in result.err
    assert (desk.kept, desk.text) == ({}, None)


@pytest.mark.parametrize(
    ("config", "job", "command"),
    [
        (None, "nowhere", "export MIGSTAT_JOB=JOB"),
        ('[profiles.b]\njob = "nowhere"\n', "", "migstat config set profiles.b.job JOB"),
    ],
)
def test_a_job_that_does_not_exist_does_not_speak_against_the_token(
    desk: Desk, server: Server, config: str | None, job: str, command: str
) -> None:
    """The API answers 404 only to credentials that it accepts, so the token is stored; the next step mends the job."""
    if config:
        desk.write(f'default_profile = "b"\n{config}')
    env = {"MIGSTAT_JOB": job, "MIGSTAT_BASE_URL": server.base_url}
    result = desk.auth("login", env=env, typed=(server.email, server.token))
    assert result.code == 0
    lines = result.err.splitlines()
    absent = "the API accepts the e-mail and token, but there is no job 'nowhere'"
    step = f"Next: copy the job id from the migration assistant, then: {command}"
    assert (absent in lines, lines[-1]) == (True, step)
    assert desk.kept == {server.base_url: {server.email: server.token}}
    status = desk.auth("status", env=env)
    assert (status.code, status.err.splitlines()) == (0, [absent, step])


def test_a_second_login_replaces_the_token(desk: Desk, server: Server) -> None:
    """Enter keeps the profile's e-mail then, and a refused token leaves the old one."""
    assert desk.auth("login", "--base-url", server.base_url, typed=(server.email, "older-token", "")).code == 0
    before = desk.text
    env = {"MIGSTAT_JOB": "job-1"}
    assert desk.auth("login", env=env, typed=("", TOKEN)).code == 4
    assert desk.kept == {server.base_url: {server.email: "older-token"}}
    assert desk.auth("login", env=env, typed=("", server.token)).code == 0
    assert desk.kept == {server.base_url: {server.email: server.token}}
    assert desk.text == before
    listed = desk.run("config", "list", "--show-origin")
    assert "token\t***\tthe keyring\n" in listed.out
    assert server.token not in listed.out


@pytest.mark.slow
@pytest.mark.parametrize(("before", "shown"), [("o@example.com", r" \[o@example.com\]"), ("o@example.com:t0k", "")])
def test_a_second_login_shows_and_asks_for_the_e_mail(desk: Desk, before: str, shown: str) -> None:
    """The question names the profile's if it is valid, and another one typed there is logged in and replaces it."""
    desk.write(OTHERS.replace("o@example.com", before))
    session = Terminal(desk, "auth", "login")
    session.answer(f"E-mail of the Atlassian account{shown}: ", "you@example.com")
    session.answer(r"API token of you@example.com for \S+ \(not shown\): ", TOKEN)
    session.answer(JOB_PROMPT, "")
    assert session.ended() == 0
    assert desk.kept == {"https://api.atlassian.com": {"you@example.com": TOKEN}}
    assert desk.text == MINE
    assert "note: " not in session.shown


def test_a_new_profile_does_not_become_the_default(desk: Desk, server: Server) -> None:
    """`--profile` may name a new one, which gets e-mail and base URL, and the target refers to it."""
    desk.write('# mine\ndefault_profile = "acme"\n\n[profiles.acme]\nemail = "a@example.com"\n')
    words = ("login", "-p", "globex", "--base-url", server.base_url)
    result = desk.auth(*words, typed=(server.email, server.token, "job-1", "w"))
    assert result.code == 0, result.err
    assert desk.text == (
        '# mine\ndefault_profile = "acme"\n\n[profiles.acme]\nemail = "a@example.com"\n\n'
        f'[profiles.globex]\nemail = "{server.email}"\nbase_url = "{server.base_url}"\n\n'
        '[targets.w]\njob = "job-1"\nprofile = "globex"\n'
    )
    assert desk.run("job", "w").code == 0
    assert desk.auth("status", "-p", "globx").code == 2


OTHERS = 'default_profile = "a"\n[profiles.a]\nemail = "o@example.com"\n'
MINE = 'default_profile = "a"\n[profiles.a]\nemail = "you@example.com"\n'


@pytest.mark.parametrize(
    ("config", "env", "words", "note"),
    [
        (None, {"MIGSTAT_EMAIL": "you@example.com"}, "",
         "MIGSTAT_EMAIL is not stored; in other shells, set it to you@example.com"),
        (MINE, {"MIGSTAT_BASE_URL": "http://127.0.0.1:1"}, "",
         "MIGSTAT_BASE_URL is not stored; in other shells, set it to http://127.0.0.1:1"),
        (MINE, {"MIGSTAT_EMAIL": "you@example.com"}, "", None),
        (MINE, {}, "", None),
        (OTHERS, {}, "--email you@example.com",
         ("~/config/migstat/config.toml: profiles.a.email is o@example.com; or for good: "
          "migstat config set profiles.a.email you@example.com")),
        (None, {"MIGSTAT_EMAIL": "o@example.com"}, "--email you@example.com", "MIGSTAT_EMAIL is o@example.com"),
        ("[profiles.default]\n", {}, "--email you@example.com", "the config file does not set it"),
        (None, {"MIGSTAT_EMAIL": "o@example.com:t0k"}, "--email you@example.com", "MIGSTAT_EMAIL is invalid"),
        (MINE, {"MIGSTAT_BASE_URL": "http://127.0.0.1:1"}, "--base-url http://127.0.0.1:2",
         "MIGSTAT_BASE_URL is http://127.0.0.1:1"),
        (f'{MINE}base_url = "http://127.0.0.1:1"\n', {}, "--base-url https://api.atlassian.com",
         ("~/config/migstat/config.toml: profiles.a.base_url is http://127.0.0.1:1; or for good: "
          "migstat config set profiles.a.base_url https://api.atlassian.com")),
    ],
)  # fmt: skip
def test_other_settings_are_left_alone(
    desk: Desk, config: str | None, env: dict[str, str], words: str, note: str | None
) -> None:
    """Where profile or environment differ they stay, and a note says what the next command needs."""
    if config:
        desk.write(config)
    kept = () if "--email" in words or "MIGSTAT_EMAIL" in env else ("",)
    result = desk.auth("login", *words.split(), env=env, typed=(*kept, TOKEN, ""))
    assert result.code == 0, result.err
    notes = [line for line in result.err.splitlines() if line.startswith("note: ")]
    added = f"add {words} to use this token: " if words else ""
    assert notes == ([f"note: {added}{note}"] if note else [])
    assert desk.text == config


def test_the_next_command_has_the_options_that_it_needs(desk: Desk, server: Server) -> None:
    """Where the profile differs, the suggested command would not find the stored token without them."""
    desk.write(f'{OTHERS}base_url = "http://127.0.0.1:1"\n')
    options = ["--email", server.email, "--base-url", server.base_url]
    result = desk.auth("login", *options, typed=(server.token, "job-1", "mine"))
    assert result.err.splitlines()[-1] == f"Next: migstat status mine {' '.join(options)}"
    desk.write(f'{OTHERS}[profiles."my b"]\nemail = "{server.email}"\nbase_url = "{server.base_url}"\njob = "job-1"\n')
    result = desk.auth("login", "--profile", "my b", typed=("", server.token))
    assert result.err.splitlines()[-1] == "Next: migstat status --profile 'my b'"
    assert desk.run("status", "--profile", "my b").code == 0


def test_a_config_that_cannot_be_written_is_reported_after_the_token_was_stored(desk: Desk) -> None:
    """The error says what is missing."""
    desk.config.parent.parent.mkdir()
    desk.config.parent.write_text("a file in the folder's place", encoding="utf-8")
    result = desk.auth("login", typed=("you@example.com", TOKEN, ""))
    assert result.code == 3
    assert "stored the token" in result.err
    assert "cannot write" in result.err
    assert desk.kept == {"https://api.atlassian.com": {"you@example.com": TOKEN}}


def test_without_a_keyring_everything_works_with_a_private_file(
    desk: Desk, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra, login says which file it used; status finds the token there, logout removes it."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    env, file = {"MIGSTAT_BASE_URL": server.base_url, "MIGSTAT_JOB": "job-1"}, "~/config/migstat/credentials.toml"
    done = desk.auth("login", "--email", server.email, "--token-file", "-", env=env, stdin=server.token)
    assert done.err.splitlines()[1] == f"stored the token of {server.email} in {file}, which only you can read"
    status = desk.auth("status", env=env)
    assert f"token\t***\t{file}\n" in status.out
    assert server.token not in done.err + status.out + status.err
    assert desk.run("job", env=env).code == 0
    removed = f"removed the token of {server.email} for {server.base_url} from {file}\n"
    assert desk.auth("logout", env=env).err == removed
    refused(desk.run("job", env=env), 4, f"migstat: no API token for {server.email} at {server.base_url}")


@pytest.mark.parametrize("command", ["login", "logout"])
def test_a_source_that_takes_precedence_is_named(desk: Desk, command: str) -> None:
    """A token that is set elsewhere would be used instead of the stored one, even one that cannot be read."""
    desk.write('default_profile = "a"\n[profiles.a]\nemail = "e"\ntoken_file = "none.token"\n')
    for env, source in (
        ({"MIGSTAT_TOKEN": "other", "MIGSTAT_TOKEN_FILE": "/nonexistent"}, "MIGSTAT_TOKEN"),
        ({"MIGSTAT_TOKEN_FILE": "/nonexistent"}, "MIGSTAT_TOKEN_FILE"),
        ({}, "~/config/migstat/config.toml: profiles.a.token_file"),
    ):
        result = desk.auth(command, env=env, typed=("", TOKEN, ""))
        last = f"note: {source} takes precedence over the stored token"
        assert (result.code, last in result.err.splitlines()) == (0, True)


def test_logout_removes_one_accounts_token(desk: Desk, server: Server) -> None:
    """Other accounts keep theirs, a second logout is not an error, and one without an account names the option."""
    refused(desk.auth("logout"), 4, "  Add --email ADDR, or set MIGSTAT_EMAIL.")
    for email in (server.email, "other@example.com"):
        words = ("login", "--email", email, "--base-url", server.base_url)
        assert desk.auth(*words, typed=(server.token, "")).code == 0
    of = f"token of {server.email} for {server.base_url}"
    assert desk.auth("logout").err == f"removed the {of} from the keyring\n"
    assert desk.kept == {server.base_url: {"other@example.com": server.token}}
    again = desk.auth("logout")
    assert (again.code, again.err) == (0, f"no stored {of}\n")
    assert desk.run("job", "job-1").code == 4


def test_status_shows_every_value_and_its_source(desk: Desk, server: Server) -> None:
    """Everything needed to log in is shown with its source, then the API's answer; without a job there is no check."""
    desk.write(f'default_profile = "a"\n[profiles.a]\nbase_url = "{server.base_url}"\njob = "job-1"\n')
    env = {"MIGSTAT_EMAIL": server.email, "MIGSTAT_TOKEN": server.token}
    result = desk.auth("status", env=env)
    assert (result.code, result.err) == (0, f"{FOUND}\n")
    config = "~/config/migstat/config.toml"
    assert [tuple(line.split("\t")) for line in result.out.splitlines()] == [
        ("config", str(desk.config), "default"),
        ("profile", "a", f"{config}: default_profile"),
        ("base_url", server.base_url, f"{config}: profiles.a.base_url"),
        ("email", server.email, "MIGSTAT_EMAIL"),
        ("token", "***", "MIGSTAT_TOKEN"),
        ("job", "job-1", f"{config}: profiles.a.job"),
    ]
    wrong = desk.auth("status", env=env | {"MIGSTAT_TOKEN": TOKEN})
    assert (wrong.code, "401" in wrong.err) == (4, True)
    before = len(server.requests)
    unchecked = desk.run("auth", "status", env=env | {"XDG_CONFIG_HOME": str(desk.folder / "none")})
    assert (unchecked.code, unchecked.err) == (0, f"{UNCHECKED}\n")
    assert len(server.requests) == before


@pytest.mark.parametrize(
    ("targets", "lines"),
    [
        ('[targets.w]\njob = "job-1"\n', [FOUND]),
        ('[targets.w]\njob = "job-1"\nprofile = "a"\n', [FOUND]),
        ('[targets.w]\njob = "job-1"\nprofile = "b"\n', None),
        ('[targets.w]\njob = "job-1"\n[targets.x]\njob = "job-1"\n', None),
        ("", None),
    ],
)
def test_status_checks_with_the_only_target(desk: Desk, server: Server, targets: str, lines: list[str] | None) -> None:
    """A target is enough if there is one, of this profile; else the command that sets a job is named."""
    profiles = f'[profiles.a]\nemail = "{server.email}"\nbase_url = "{server.base_url}"\n[profiles.b]\n'
    desk.write(f'default_profile = "a"\n{profiles}{targets}')
    result = desk.auth("status", env={"MIGSTAT_TOKEN": server.token})
    assert (result.code, result.err.splitlines()) == (0, lines or [UNCHECKED])


def test_status_without_any_setting_says_how_to_begin(desk: Desk) -> None:
    """The defaults are shown, and the first step."""
    result = desk.auth("status")
    assert result.code == 4
    assert "base_url\thttps://api.atlassian.com\tdefault\n" in result.out
    assert result.err.splitlines()[0] == "migstat: no Atlassian account e-mail given"
    assert "migstat auth login" in result.err


@pytest.mark.parametrize(
    ("backend", "message"), [(Locked, "the keyring is locked"), (Forgetful, "the keyring did not keep the token")]
)
def test_a_failing_keyring_is_reported(desk: Desk, backend: type[Kept], message: str) -> None:
    """Every command that needs it ends with code 4, and says how to do without."""
    with in_force(backend()):
        result = desk.auth("login", typed=("you@example.com", TOKEN, ""))
        assert (result.code, result.out, desk.text) == (4, "", None)
        assert result.err.splitlines()[-2] == f"migstat: {message}"
        assert "MIGSTAT_TOKEN" in result.err
        if backend is Locked:
            refused(desk.auth("logout", "--email", "you@example.com"), 4, f"migstat: {message}")
            status = desk.auth("status", "--email", "you@example.com")
            assert (status.code, status.err.splitlines()[0]) == (4, f"migstat: no API token: {message}")


def test_every_example_in_the_help_works(desk: Desk, server: Server) -> None:
    """The examples of each help work where nothing was set up before."""
    order = ("login", "status", "logout")
    pages = "\n".join(migstat(["auth", *words, "--help"], {}).out for words in ((), *((word,) for word in order)))
    examples = re.findall(r"^ +(?:pass show \S+ \| )?(migstat auth .*)$", pages, re.MULTILINE)
    assert len(examples) > 5
    env = {"MIGSTAT_BASE_URL": server.base_url, "MIGSTAT_JOB": "job-1"}
    for example in sorted(examples, key=lambda line: [word in line for word in order].index(True)):
        words = [server.email if word == "you@example.com" else word for word in shlex.split(example)[2:]]
        typed = (server.token,) if "--email" in words else (server.email, server.token)
        result = desk.auth(*words, env=env, typed=typed, stdin=server.token)
        assert (result.code, example) == (0, example), result.err
