"""`migstat watch --notify CMD`: real commands, told of simulated nights; and the recipes of `help notify`."""

from __future__ import annotations

import html
import json
import os
import re
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from migstat.cli.notifying import Command, Notifier, command_from
from migstat.errors import UsageError
from migstat.settings.resolve import environ_of_commands
from migstat.simulator.scenario import Scenario
from tests.command_line import environ_of, line_of, migstat, started, until
from tests.render.screens import RESULT
from tests.scenarios import cutover, frozen, moved, node
from tests.schemas import assert_valid
from tests.servers import SleptServer, night, still
from tests.sockets import head, serving

HOSTILE = """Import "stopped" \\ `id` $(id) 'x'; %s & <!channel> <b>\x1b[2J\x00 {"é": 1}\nnext"""

HOOK = """
import json, os, pathlib, sys, time
folder = pathlib.Path(sys.argv[1])
told = {"words": sys.argv[2:], "environ": dict(os.environ), "events": [json.loads(line) for line in sys.stdin.buffer]}
(folder / "part").write_text(json.dumps(told))
(folder / "part").rename(folder / f"{len(list(folder.glob('*.json')))}.json")
while (folder / "wait").exists():
    time.sleep(0.01)
"""


class Hook:
    """A command that notes what it is given, and how often it is run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        script = folder / "hook.py"
        script.write_text(HOOK, encoding="utf-8")
        self.command = shlex.join([sys.executable, "-I", "-S", str(script), str(folder), "two words", "$HOME;'\""])

    @property
    def runs(self) -> list[dict[str, Any]]:
        files = sorted(self.folder.glob("*.json"), key=lambda file: int(file.stem))
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]

    @property
    def notified(self) -> list[tuple[str, str]]:
        return [(run["environ"]["MIGSTAT_EVENT"], run["environ"]["MIGSTAT_TEXT"]) for run in self.runs]

    def follow(self, rehearsed: SleptServer, *seconds: float) -> None:
        """Let simulated time wait at these seconds until one more run is over, as commands run in real time."""
        for number, second in enumerate(seconds, 1):
            rehearsed.at(second, lambda number=number: until(lambda: len(self.runs) >= number))  # type: ignore[misc]


@pytest.fixture
def hook(tmp_path: Path) -> Hook:
    return Hook(tmp_path)


def failing(message: str = "No such field.") -> Scenario:
    projects = (moved("ACME", 20, 200), moved("ERP", 20, 100, "FAILED", final_message=message), moved("ZED", 20, 300))
    return cutover(*projects, over=400, state="FAILED")


def test_it_runs_for_a_poll_with_failures_and_for_the_end(hook: Hook) -> None:
    """However many fail in a poll, and however little is shown, the command runs once; and once at the end."""
    bad = (moved(name, 20, 100, "FAILED", final_message="No such field.") for name in ("A", "B", "C"))
    with night(cutover(moved("ACME", 20, 200), *bad, over=400, state="FAILED")) as rehearsed:
        hook.follow(rehearsed, 150)
        result = rehearsed.watch("--quiet", "--notify", hook.command)
    assert (result.code, "notify" in result.err) == (1, False)
    assert hook.notified == [
        ("change", "Jira to the cloud: A failed: No such field (+2 more); 3 of 4 done"),
        ("finished", "Jira to the cloud: failed after 6m 40s: A: No such field (+2 more); 4 of 4 projects done"),
    ]
    changes = {event["name"] for event in hook.runs[0]["events"] if event["event"] == "change"}
    assert changes == {"A", "B", "C"}
    assert hook.runs[1]["events"][-1]["event"] == "finished"
    for run in hook.runs:
        assert run["words"] == ["two words", "$HOME;'\""]
        for event in run["events"]:
            assert_valid("event", event)


def test_it_runs_for_a_long_outage_and_its_end(hook: Hook) -> None:
    """An outage of two minutes is reported while it lasts, and so is the recovery."""
    with night(cutover(moved("ACME", 20, 800), over=900)) as rehearsed:
        # a server may ask for a pause that is longer than those two minutes
        rehearsed.at(50, lambda: rehearsed.server.faults.add("503", 1000, retry_after=300))
        rehearsed.at(360, rehearsed.server.faults.clear)
        hook.follow(rehearsed, 250, 700)
        result = rehearsed.watch("--notify", hook.command)
    assert (result.code, [event for event, _ in hook.notified]) == (0, ["outage", "recovered", "finished"])
    assert "no answer since 14:14 UTC (503); 0 of 1 done" in hook.notified[0][1]
    assert "API back after 5m " in hook.notified[1][1]


def test_what_happens_meanwhile_is_told_in_the_next_run(hook: Hook) -> None:
    """While the command runs no other one is started; events in between are reported in one run after it."""
    (hook.folder / "wait").touch()
    bad = (moved(name, 20, at, "FAILED") for name, at in (("A", 50), ("B", 100), ("C", 150)))
    with night(cutover(*bad, moved("ZED", 20, 300), over=400)) as rehearsed:
        hook.follow(rehearsed, 80)
        rehearsed.at(250, (hook.folder / "wait").unlink)
        rehearsed.at(280, lambda: until(lambda: len(hook.runs) == 2))
        rehearsed.watch("--notify", hook.command)
    assert [event for event, _ in hook.notified] == ["change", "change", "finished"]
    assert {event["name"] for event in hook.runs[1]["events"] if event["event"] == "change"} == {"B", "C"}


def test_a_server_reaches_neither_arguments_nor_terminal(hook: Hook) -> None:
    """A hostile message is in the text, harmless, and nowhere else; no credentials are in the environment."""
    token = {"JIRA_TOKEN": "Basic ATATT3xFfGF0", "MIGSTAT_TOKEN_FILE": "/nowhere", "HTTPS_PROXY": "http://proxy:1"}
    with night(failing(HOSTILE)) as rehearsed:
        secret = rehearsed.server.token
        hook.follow(rehearsed, 150)
        rehearsed.watch("--notify", hook.command, env={**token, "COPY": f"x{secret}", "KEPT": "kept"})
    for run in hook.runs:
        environ = run["environ"]
        assert (environ["MIGSTAT_TEXT"].isprintable(), run["words"]) == (True, ["two words", "$HOME;'\""])
        assert secret not in str(run)
        assert environ.keys().isdisjoint({"MIGSTAT_TOKEN", "MIGSTAT_TOKEN_FILE", "JIRA_TOKEN", "COPY"})
        assert (environ["KEPT"], environ["HTTPS_PROXY"]) == ("kept", "http://proxy:1")
    assert 'Import "stopped" \\ `id` $(id)' in hook.notified[0][1]
    assert environ_of_commands({"MIGSTAT_TOKEN": "a", "PATH": "/bin"}) == {"PATH": "/bin"}


def test_a_command_is_split_like_a_shell_would(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Quotes and escapes are the shell's, `~` is the home folder, comments and variables are nothing special."""
    program = tmp_path / "ping me"
    program.touch(0o700)
    monkeypatch.setenv("HOME", str(tmp_path))
    for text in (f"'{program}' 'a b' \"c\\\"\" # $HOME", '~/ping\\ me \'a b\' "c\\"" # $HOME'):
        assert command_from(text, {}).words == (str(program), "a b", 'c"', "#", "$HOME")
    with pytest.raises(UsageError):
        command_from("ping", {"PATH": str(tmp_path / "elsewhere")})


def script(folder: Path, *lines: str) -> Path:
    file = folder / "script"
    file.write_text("\n".join(["#!/bin/sh", f"cd {shlex.quote(str(folder))}", *lines, ""]), encoding="utf-8")
    file.chmod(0o700)
    return file


def is_gone(process: Path) -> bool:
    try:
        state = Path("/proc", process.read_text(encoding="utf-8").strip(), "stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return True
    return state.rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("printf 'no \\033[2Jway\\n\\n' >&2; exit 3", "exited with 3: no \\x1b[2Jway"),
        ("exit 4", "exited with 4"),
        ("kill -9 $$", "was killed by signal 9"),
        ("rm script", "cannot be run: No such file or directory"),
        ("yes >&2", "exited with 141: y"),
        ("sleep 600 & echo $! > left", None),
    ],
)
def test_a_failing_command_is_told_once_and_changes_nothing(tmp_path: Path, lines: str, message: str | None) -> None:
    """Each kind of failure is one line on standard error; the code is that of the data."""
    file, runs = script(tmp_path, "echo run >> runs", lines), tmp_path / "runs"
    with night(failing()) as rehearsed:
        rehearsed.at(150, lambda: until(runs.exists))
        result = rehearsed.watch("--notify", str(file))
    if (tmp_path / "left").exists():
        os.kill(int((tmp_path / "left").read_text(encoding="utf-8")), signal.SIGKILL)
    assert result.code == 1
    assert [line for line in result.err.splitlines() if "notify" in line] == (
        [] if message is None else [f"migstat: warning: --notify: script {message}"]
    )


def test_a_command_that_hangs_is_killed_with_all_it_has_started(tmp_path: Path) -> None:
    """After its time the command is ended, with its child processes and anything that holds its pipes."""
    warnings: list[str] = []
    file = script(tmp_path, "sleep 600 & echo $! > left", "wait")
    notifier = Notifier(Command((str(file),), {"PATH": os.environ["PATH"]}), warnings.append, lambda: 0.0, patience=0.3)
    notifier.end(RESULT)
    notifier.wait(nullcontext)
    assert warnings == ["migstat: warning: --notify: script timed out after 0.3s"]
    until(lambda: is_gone(tmp_path / "left"))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, None])
def test_the_end_waits_for_the_command_until_ctrl_c(tmp_path: Path, number: signal.Signals | None) -> None:
    """A signal ends the watch and not the command, which is waited for; Ctrl-C then ends it, and changes no code."""
    hangs = shlex.quote(str(script(tmp_path, "sleep 600 & echo $! > left.new; mv left.new left", "wait")))
    left = tmp_path / "left"
    scripted = frozen() if number is None else frozen("running", projects=(node("ACME", "running"),))
    words = ["watch", "--json", "--stall-after", "99999h", "--notify", hangs]
    with still(scripted) as server, started(words, environ_of(server)) as watch:
        assert '"snapshot"' in line_of(watch.stdout)
        if number is not None:
            watch.send_signal(number)
            assert '"interrupted"' in line_of(watch.stdout)
        until(left.exists)
        assert watch.poll() is None
        assert not is_gone(left)
        watch.send_signal(signal.SIGINT)
        _, err = watch.communicate(timeout=20)
    assert watch.returncode == (0 if number is None else 128 + number)
    assert "killed" not in err
    until(lambda: is_gone(left))


def test_an_error_is_told_too(hook: Hook) -> None:
    """A watch that ends with an error says which one it was."""
    with still(frozen("running")) as server:
        environ = {**environ_of(server), "MIGSTAT_TOKEN": "wrong"}
        result = migstat(["watch", "--notify", hook.command], environ, sleep=[])
    ((event, text),) = hook.notified
    assert (result.code, event, text.startswith("migstat: stopped after 0s: ")) == (4, "error", True)
    assert text.removeprefix("migstat: stopped after 0s: ") in result.err


# the recipes


def recipes() -> dict[str, str]:
    found = {}
    for part in migstat(["help", "notify"], {}).out.split("\n\n#!/bin/sh\n")[1:]:
        body = part.partition("\n\n")[0]
        found[next(word for word in ("slack", "AdaptiveCard", "notify-send", "osascript") if word in body)] = body
    return found


@contextmanager
def webhook() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Serve a webhook; its URL, and content type and body of what was posted to it."""
    posted: list[tuple[str, bytes]] = []

    def respond(request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        posted.append((request.headers["Content-Type"], body))
        request.wfile.write(head(202, [("Content-Length", 0)]))

    with serving(respond) as url:
        yield f"{url}/hook", posted


SAID = """Import "stopped" \\ `id` $(id) 'x'; %s & <!channel> <b>\\x1b[2J\\x00 {"é": 1} next"""


@pytest.mark.parametrize("name", ["slack", "AdaptiveCard", "notify-send", "osascript"])
def test_a_recipe_sends_one_harmless_sentence(tmp_path: Path, name: str) -> None:
    """Real curl posts valid JSON of the right shape, a desktop gets one word behind `--`; hostile text stays text."""
    recipe, program = recipes()[name], tmp_path / name
    if "curl" not in recipe:
        program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/words\n', encoding="utf-8")
        program.chmod(0o700)
    with webhook() as (url, posted), still(frozen("FAILED", migrate="absent", message=HOSTILE)) as server:
        file = script(tmp_path, re.sub(r"https://\S+", url, recipe))
        path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        result = migstat(["watch", "--notify", str(file)], environ_of(server) | path, sleep=[])
    assert (result.code, "notify" in result.err) == (1, False)
    if "curl" not in recipe:
        *_, dashes, text = (tmp_path / "words").read_text(encoding="utf-8").splitlines()
        assert dashes == "--"
    else:
        ((kind, body),) = posted
        payload = json.loads(body)
        assert kind == "application/json"
        if name == "slack":
            assert (payload.keys(), re.search("[<>]", payload["text"])) == ({"text"}, None)
            text = html.unescape(payload["text"])
        else:
            (card,) = payload["attachments"]
            ((run,),) = [block["inlines"] for block in card["content"]["body"]]
            content = card["content"]
            assert (payload["type"], content["type"], content["version"]) == ("message", "AdaptiveCard", "1.4")
            assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
            assert run.keys() == {"type", "text"}
            text = run["text"]
    assert "Jira to the cloud: failed" in text
    assert SAID in text
