"""Wrong input of every kind: its code, one or two lines on standard error, nothing on standard output."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from migstat.cli.options import REMOVED
from migstat.model.documents import KINDS
from migstat.simulator.server import Server
from tests.command_line import migstat, refused, refused_as_json
from tests.scenarios import frozen, node
from tests.servers import ask, server_of

server = server_of(frozen(check=node("check", children=(node("AppVendorCheck"),)), projects=(node("ACME"),)))

WRONG = {
    # words
    "stauts": ["stauts", "demo stauts"],
    "--frobnicate": ["--frobnicate", "status --frobnicate"],
    "--level": ["status --level", "status --level check,", "status --level ,check", "status --level check,,x",
                "status --level 'check,a\x1bb'"],
    "Did you mean 'migstat auth login'?": ["login"],
    "Did you mean 'migstat --version'?": ["version"],
    "Did you mean 'migstat timeline FILE'?": ["report night.jsonl"],
    "Did you mean 'migstat projects'?": ["spaces job-1", "demo spaces"],
    "one-too-many": ["status job-1 latest one-too-many", "tasks job-1 one-too-many"],
    "--exit-status": ["job --exit-status"],
    "Choose from status, ": ["help nothing"],
    "Choose from list, get, set, unset.": ["help config nothing"],
    "See 'migstat status --help'.": ["help status more"],
    "nothing": ["demo --scenario nothing", "simulate --scenario nothing"],
    "help: no command": ["help ''"],
    "See 'migstat config list --help'.": ["config list x"],
    "list": ["config lst"],
    "--show-origin": ["config list --show-origins"],
    "--profile is empty": ["config list --show-origin -p ''"],
    "demo": ["demo status --base-url http://127.0.0.1:1", "demo status --base-url=https://api.atlassian.com",
             "demo status --token-file /nonexistent", "demo status --email me@example.com"],
    "has no demo": ["demo demo", "demo simulate", "demo auth status"],
    "no shell given": ["completion"],
    "unknown shell: 'tcsh'": ["completion tcsh"],
    "bash, zsh, fish, powershell": ["completion", "completion tcsh"],
    "no such schema: 'stats'; did you mean status?": ["schema stats"],
    "'Status'; did you mean status?": ["schema Status"],
    "'watch'; did you mean event?": ["schema watch"],
    f"Choose from {', '.join(KINDS)}.": ["schema", "schema nonsense", "schema '\x1b[2J'", "schema -- --help"],
    "KIND is empty": ["schema ' '"],
    "no FILE": ["timeline"],
    "Use -o csv > 'my sunday.csv'; --export writes FILE.svg, FILE.html.": ["timeline n --export 'my sunday.csv'"],
    "Use -o markdown > sunday.md;": ["timeline n --export sunday.md", "projects --export sunday.md"],
    "'migstat help ci' shows one.": ["checks --accepted none.toml"],
    "--sort: unknown value 'state'": ["timeline - --sort state"],
    "format 'tree' is not available": ["timeline - -o tree"],
    "both be standard input": ["timeline - --against -"],
    "FILE and --export name the same file": ["timeline n.html --export ./n.html"],
    "--against and --export name the same file": ["timeline n --against n.svg --export n.svg"],
    "KEY": ["config set", "config get"],
    "VALUE": ["config set default_profile"],
    "KEY is empty": ["config get ''", "config unset ''"],
    "--profile requires --show-origin": ["config list -p acme"],
    # options that are gone
    "--children": ["status --children"],
    "--header": ["checks --header"],
    # empty arguments
    "JOB is empty": ["status ''", "status '   '", "watch ''"],
    "TASK is empty": ["status job-1 ''"],
    "--level is empty": ["status --level ''"],
    "--name is empty": ["checks --name ''"],
    "--state is empty": ["checks --state ''"],
    "--key is empty": ["projects --key ''", "projects --key ACME --key ' '"],
    "--output is empty": ["status -o ' '", "status --output="],
    "--export is empty": ["status --export ''"],
    "--color is empty": ["status --color ''"],
    "--sort is empty": ["projects --sort ''"],
    "--base-url is empty": ["status --base-url ''"],
    "--email is empty": ["status --email ''"],
    "--token-file is empty": ["status --token-file ''"],
    "--scenario is empty": ["demo --scenario ''"],
    # ids and settings, of which tests/settings has all forms
    "JOB: 'a/b' contains a slash": ["status a/b"],
    "TASK: 'a/b' contains a slash": ["status job-1 a/b"],
    "unprintable": ["status '\x1b[31m'", "status a\udcff", "projects --key a\udcff", "projects --key 'a\nb'",
                    "checks --name a\u202eb"],
    "no job id": ["status https://api.atlassian.com/"],
    "'two'": ["status https://x/jobs/job-1/tasks/one two"],
    "plain http": ["status --base-url http://example.com"],
    "not an e-mail": ["status --email a:b"],
    # contradictions
    "cannot be combined": ["status --json -o table", "status -o ndjson --json", "status -o \udcff --json",
                           "status --raw -o table", "status --raw -o ndjson", "status --raw --export a.svg"],
    # values
    "--depth": ["status --depth ''", "status --depth -1", "status --depth 1.5", "status --depth deep",
                "status --depth \u0663"],
    "Did you mean failed? Choose from failed, missing, warning, running, pending, succeeded, skipped.": [
        "checks --state faild"],
    "--state: unknown state": ["checks --state failed,,warning", "projects --state sucess", "checks --state failed,",
                               "checks --state FINISHED"],
    "--sort": ["projects --sort size"],
    "Did you mean previous?": ["checks --against last", "checks --against previos"],
    "not available for this command": ["status -o yaml", "status -oJSON", "job -o ndjson", "job -o csv",
                                       "tasks -o tree", "checks -o tree"],
    "--color": ["status --color sometimes"],
    "--export": ["status --export picture.png", "status --export picture", "status --export .svg",
                 "status --export none/picture.svg"],
    "Choose a folder that you can write to": ["artifacts --download /proc/x"],
    "--speed": ["demo --speed 0", "demo --speed nan", "demo --speed fast", "simulate --speed -1"],
    "--port": ["simulate --port 70000", "simulate --port -1", "simulate --port http"],
    # watches
    "--interval": ["watch --interval 0", "watch --interval -1", "watch --interval soon"],
    "--timeout": ["watch --timeout 0h", "watch --timeout nan", "watch --timeout ''"],
    "--stall-after": ["watch --stall-after 0m"],
    "--until": ["watch --until apps", "watch --until ''"],
    "--output": ["watch --output csv", "watch --output table", "watch --json --output plain"],
    "--deadline: invalid time: 'noon'": ["watch --deadline noon"],
    "--deadline is empty": ["watch --deadline ''"],
    "--baseline is empty": ["watch --baseline ''"],
    "--baseline: ~nobody-at-all/a: No such file": ["watch --baseline ~nobody-at-all/a"],
    "--record is empty": ["watch --record ''"],
    "--record: ~nobody-at-all/a: no such folder": ["watch --record ~nobody-at-all/a"],
    "--baseline and --record name the same file": ["watch --baseline a.jsonl --record b/../a.jsonl"],
    "--baseline and --export name the same": ["watch --baseline a.svg --export b.prom --export ./a.svg"],
    "--record and --export name the same file": ["watch --record a.html --export a.html"],
    "--against and --export name the same": ["checks --against ./a.xml --export a.xml"],
    "--accepted and --export name the same": ["checks --accepted a.xml --export a.xml",
                                              "watch --until checks --accepted a.prom --export a.prom"],
    "--token-file and --export name the same": ["status --token-file a.svg --export a.html --export a.svg"],
    "FILE.html, FILE.svg, FILE.prom": ["watch --export page.xml", "watch --export page"],
    "cannot write": ["watch --export none/page.html"],
    "is a folder": ["watch --export folder.prom"],
    "--notify is empty": ["watch --notify ''", "watch --notify ' '"],
    "--notify: empty command": ["""watch --notify "''" """],
    "no closing quotation": ["""watch --notify "say 'hello" """],
    "command not found: 'no-such-program'": ["watch --notify 'no-such-program --x'"],
    "command not found: '/dev/null'": ["watch --notify /dev/null"],
    "'>>notes.txt' needs a shell": ["watch --notify 'cat >>notes.txt'"],
    "'|' needs a shell": ["watch --notify 'cat | mail -s night me'"],
}  # fmt: skip
"""Words of the message or hint, and the command lines that get them."""


@pytest.mark.parametrize(
    ("line", "message"), [(line, message) for message, lines in WRONG.items() for line in lines], ids=repr
)
def test_wrong_usage_is_code_2_before_anything_is_asked(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, message: str
) -> None:
    """Wrong usage is one or two lines for people, one JSON line where JSON is wanted, and no request."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.prom").mkdir()
    words = shlex.split(line)
    before = len(server.requests)
    wants_json = bool({"--json", "--raw", "json", "ndjson"} & set(words))
    if not wants_json:
        refused(ask(server, *words), 2, message)
    queries = words[0] in ("status", "checks", "projects", "tasks", "job", "watch")
    if queries and (wants_json or not any(word.startswith(("-o", "--output")) for word in words)):
        refused_as_json(ask(server, *words, env={"MIGSTAT_OUTPUT": "json"}), 2, "usage", message)
    assert len(server.requests) == before


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use cannot be removed there")
@pytest.mark.parametrize(
    "line",
    ["watch --record n.jsonl", "watch --export n.html", "watch --baseline n.jsonl", "timeline n.jsonl",
     "timeline - --against n.jsonl", "timeline n.jsonl --export n.svg", "checks --against n.json",
     "checks --accepted n.toml", "status --export n.svg", "artifacts --download n", "status --token-file n"],
)  # fmt: skip
def test_in_a_folder_that_was_removed_no_file_is_found(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """A window may still be in it; that is wrong usage or, for a token, no credentials, and asks nothing."""
    (gone := tmp_path / "gone").mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    before = len(server.requests)
    refused(ask(server, *shlex.split(line)), 4 if "token" in line else 2, "No such file or directory")
    assert len(server.requests) == before


@pytest.mark.parametrize(
    "flags",
    ["--json", "-o json", "-ojson", "--output json", "--output=json", "-o ndjson", "-o table -o json", "-vo json",
     "-vojson"],
)  # fmt: skip
def test_every_way_to_want_json_gets_errors_in_json(server: Server, flags: str) -> None:
    """Wherever and however JSON is asked for, wrong usage is one JSON line."""
    for words in ((*flags.split(), "--level", ""), ("--level", "", *flags.split())):
        refused_as_json(ask(server, "status", *words), 2, "usage")


@pytest.mark.parametrize(
    ("flags", "variable"), [("-o table", "json"), ("--output=csv", "json"), ("", ""), ("", "plain"), ("-- --json", "")]
)
def test_without_json_wanted_errors_are_for_people(server: Server, flags: str, variable: str) -> None:
    """A flag beats the environment for the form of errors, too."""
    refused(ask(server, "status", "--level", "", *flags.split(), env={"MIGSTAT_OUTPUT": variable}), 2)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("OUTPUT", "yaml"), ("JOB", "a/b"), ("TASK", "\udcff"), ("BASE_URL", "http://example.com"), ("EMAIL", "a:b"),
     ("REQUEST_TIMEOUT", "0"), ("RATE_LIMIT", "0"), ("CA_BUNDLE", "/nonexistent")],
)  # fmt: skip
def test_a_wrong_variable_is_named(server: Server, variable: str, value: str) -> None:
    """A variable that makes no sense is code 2 and named."""
    refused(ask(server, "status", env={f"MIGSTAT_{variable}": value}), 2, f"MIGSTAT_{variable}")


def test_no_job_is_wrong_usage(tmp_path: Path) -> None:
    """Without a job from anywhere the hint says how to name one, and which targets there are."""
    (tmp_path / "config.toml").write_text('[targets.wave2]\njob = "job-1"\n', encoding="utf-8")
    refused(migstat(["status"], {"MIGSTAT_CONFIG": str(tmp_path / "config.toml")}), 2, "target name (wave2)")
    refused(migstat(["status"], {}), 2, "no job", "MIGSTAT_JOB", "The first time, run: migstat auth login")
    refused(migstat(["status", "latest"], {}), 2, "no job")


@pytest.mark.parametrize("name", ["MIGSTAT_EMAIL", "MIGSTAT_TOKEN"])
def test_no_credentials_are_code_4(server: Server, name: str) -> None:
    """Without e-mail or token the error says where to put them, and no request is sent."""
    before = len(server.requests)
    refused(ask(server, "status", env={name: ""}), 4, name, "migstat auth login")
    refused_as_json(ask(server, "status", "--json", env={name: ""}), 4, "no-credentials")
    assert len(server.requests) == before


@pytest.mark.parametrize("name", REMOVED)
def test_a_removed_option_names_its_successor(name: str) -> None:
    """Old habits get a hint."""
    result = migstat(["job", "job-1", name, "x"], {})
    assert result.code == 2
    assert result.err.startswith(f"migstat: No such option: {name}")
    assert "Possible options" not in result.err
    assert result.err.splitlines()[1].strip() == REMOVED[name]


@pytest.mark.parametrize(
    ("words", "order"),
    [
        ("-p acme status", "migstat status -p ..."),
        ("--json status", "migstat status --json ..."),
        ("--email a@b checks job-1", "migstat checks --email ..."),
    ],
)
def test_options_before_the_command_are_refused_with_the_right_order(words: str, order: str) -> None:
    """The hint shows the command first, and nothing else is suggested."""
    result = migstat(words.split(), {"MIGSTAT_OUTPUT": "plain"})
    assert result.code == 2
    assert f"Options go after the command: {order}" in result.err
    assert "Possible options" not in result.err
