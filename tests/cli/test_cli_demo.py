"""`demo` and `simulate`: nothing to set up, nothing of the user's."""

from __future__ import annotations

import json
import re
import signal
import socket
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from migstat.settings.keychain import Account, Keychain
from migstat.simulator.server import serve
from tests.command_line import environ_of, line_of, migstat, refused, started, until
from tests.scenarios import frozen
from tests.servers import NOW

LABEL = "Demo: a simulated migration; nothing is sent anywhere.\n"


@pytest.mark.parametrize(
    ("scenario", "verdict", "checks", "projects"),
    [
        ("cutover", "running", 46, 40),
        ("failing", "failed", 46, 40),
        ("refused", "failed", 0, 40),
        ("projects-failing", "running", 46, 40),
        ("confluence", "running", 46, 25),
        ("users-only", "running", 46, 0),
        ("checks", "running", None, None),  # reported one by one; nothing is migrated
        pytest.param("flaky", "running", 46, 40, marks=pytest.mark.slow),
        pytest.param("waves", "running", 46, 21, marks=pytest.mark.slow),
    ],
)
def test_every_scenario_answers_every_command(
    scenario: str, verdict: str, checks: int | None, projects: int | None
) -> None:
    """Without any settings each scenario answers each command; all its checks and projects are reported or missing."""
    words = ["demo", "--scenario", scenario]
    result = migstat([*words, "status", "-o", "table"], {})
    assert (result.code, verdict in result.out.splitlines()[0]) == (0, True)
    assert result.err.endswith(LABEL)
    assert ("older run" in result.err) == (scenario == "refused")
    for command, total in (("checks", checks), ("projects", projects)):
        result = migstat([*words, command, "--json"], {})
        if (scenario, command) == ("checks", "projects"):
            assert (result.code, result.out) == (5, "")
            assert json.loads(result.err)["error"]["code"] == "not-found"
            continue
        document = json.loads(result.out)
        assert (result.code, result.err, document["kind"]) == (0, "", command)
        names = {row["name"] for row in document[command]} | set(document.get("missing", ()))
        assert len(names) == total or (total is None and names)


def test_the_jobs_of_a_demo_are_targets() -> None:
    """They are in a config file of the demo's own, and their names are marked."""
    assert migstat(["demo", "--scenario", "waves", "status", "wave-3"], {}).code == 0
    assert migstat(["demo", "status", "wave-3"], {}).code == 5
    rows = json.loads(migstat(["demo", "targets", "--json"], {}).out)["targets"]
    assert [(row["target"], row["verdict"], row["summary"]["failed"]) for row in rows[:2]] == [
        ("wave-1", "warning", 0), ("wave-2", "running", 1),
    ]  # fmt: skip
    assert (rows[2]["target"], rows[2]["verdict"]) == ("wave-3", "failed")
    document = json.loads(migstat(["demo", "--scenario", "waves", "job", "wave-3", "--json"], {}).out)
    assert document["job"]["name"] == "Jira wave 3 (demo)"


@pytest.mark.parametrize(
    ("command", "row"),
    [
        ("tasks", "  check · ✖ failed\n  created "),
        ("targets", "wave-2\n  ● running · done 15 of 21"),
        ("artifacts", "pre-flight-report.csv\n  expires in "),
        ("job", "scope.usersAndGroups.mode\n  referenced\n"),
    ],
)
def test_a_narrow_window_cuts_no_names_or_states(command: str, row: str) -> None:
    """Where columns would be cut, what is known of a row is below its name."""
    words = ["demo", "--scenario", "waves", "--speed", "1", command, "-o", "table"]
    out = migstat(words, {}, columns=40).out
    assert row in out
    assert "…" not in out


@pytest.mark.slow
def test_the_huge_scenario_is_read_whole() -> None:
    """Five thousand projects are read and counted, within the limit of requests."""
    waits: list[float] = []
    document = json.loads(migstat(["demo", "--scenario", "huge", "projects", "--json"], {}, sleep=waits).out)
    assert document["summary"]["total"] + len(document["missing"]) == 5000
    assert len({project["name"] for project in document["projects"]}) == document["summary"]["total"]
    assert waits == []


class Forbidden(Keychain, frozen=True):
    def recall(self, account: Account) -> tuple[str, str] | None:
        pytest.fail(f"the keyring was asked for {account}")


def test_a_demo_reads_none_of_the_users_settings(tmp_path: Path) -> None:
    """No variable, profile or keyring changes a demo, the user's server is never asked, and none can be chosen."""
    file = tmp_path / "config.toml"
    profile = 'default_profile = "a"\n[profiles.a]\noutput = "csv"\njob = "j"\nbase_url = "http://127.0.0.1:1"\n'
    names = ("TASK", "TOKEN_FILE", "RATE_LIMIT", "REQUEST_TIMEOUT", "CA_BUNDLE", "PROFILE")
    with serve(frozen()) as own:
        env = environ_of(own) | {f"MIGSTAT_{name}": "nonsense/" for name in names}
        env |= {"MIGSTAT_OUTPUT": "csv", "MIGSTAT_CONFIG": str(file)}
        for text in (profile, "damaged"):
            file.write_text(text, encoding="utf-8")
            result = migstat(["demo", "status"], env, keychain=Forbidden(tmp_path / "none.toml"))
            assert (result.code, result.err) == (0, LABEL)
            assert result.out.startswith(".\trunning\tIN_PROGRESS\t")
            assert migstat(["demo", "status", "--level", ""], env).err.startswith("migstat: --level")
        assert own.requests == []
    for words, message in (("status -p a", "Omit --profile."), ("config list", "demo"), ("auth login", "demo")):
        refused(migstat(["demo", *words.split()], env, keychain=Forbidden(tmp_path / "none.toml")), 2, message)


def test_a_port_in_use_is_refused() -> None:
    """It is wrong usage, and the error names the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = str(server.getsockname()[1])
        refused(migstat(["simulate", "--port", taken], {}), 2, taken)


@pytest.mark.parametrize(
    ("words", "code"),
    [("status --exit-status", 8), ("checks --exit-status", 0), ("status other-job", 5), ("status --level=", 2)],
)
def test_a_demo_passes_codes_through(words: str, code: int) -> None:
    """The code of a demo is that of the command in it."""
    assert migstat(["demo", *words.split()], {}).code == code
    if code == 2:
        assert json.loads(migstat(["demo", *words.split(), "--json"], {}).err)["error"]["code"] == "usage"


@pytest.mark.parametrize(
    ("scenario", "words", "command"),
    [
        ("failing", ["status"], "checks --details"),
        ("refused", ["status", "latest"], "watch [-0-9a-f]{36} 275f4656[-0-9a-f]{28}"),
    ],
)
def test_a_demo_suggests_what_can_be_typed_and_leaves_nothing_behind(
    tmp_path: Path, scenario: str, words: list[str], command: str
) -> None:
    """The next command is one of the same demo, as the user may have no job; a picture is the only file written."""
    words = ["demo", "--scenario", scenario, *words, "--export", str(tmp_path / "json.svg")]
    result = migstat(words, {}, terminal=True, err_terminal=True)
    assert re.search(f"^Next: migstat demo --scenario {scenario} {command}( |$)", result.err, re.MULTILINE)
    assert (result.code, [path.name for path in tmp_path.iterdir()]) == (0, ["json.svg"])
    assert result.err.endswith(LABEL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_ended_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    """A signal ends it with its own code, and removes its folder, even before its command has begun."""
    with started(["demo", "timeline"], {"TMPDIR": str(tmp_path)}) as running:
        until(lambda: list(tmp_path.glob("*/night.jsonl")))
        running.send_signal(number)
        _, err = running.communicate(timeout=30)
    assert (running.returncode, list(tmp_path.iterdir()), "Traceback" in err) == (128 + number, [], False)


def test_a_simulator_serves_another_process() -> None:
    """The printed variables are all that another process needs; Ctrl-C ends the server quietly with 130."""
    with started(["simulate", "--scenario", "confluence", "--speed", "6000"], {}) as running:
        lines = [line_of(running.stdout).rstrip("\n") for _ in range(4)]
        assert all(line.startswith("export MIGSTAT_") for line in lines), lines
        environ = dict(line.removeprefix("export ").split("=", 1) for line in lines)
        other = migstat(["job", "--json"], environ)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    assert (other.code, other.err) == (0, "")
    assert json.loads(other.out)["job"]["name"] == "Confluence to the cloud"
    assert (running.returncode, out) == (130, "")
    first, *_, last = err.splitlines()
    assert (first.partition(":")[0], last.partition(":")[0]) == (
        "Scenario confluence at 6000 times real speed",
        "Cause faults",
    )


def test_a_second_demo_does_not_continue_the_record_of_the_first(tmp_path: Path) -> None:
    """Its migration begins anew, by a clock that has run ahead: resumed, the record would end before it begins."""
    path = tmp_path / "night.jsonl"
    words = ["demo", "--scenario", "failing", "watch", "--record", str(path)]
    assert migstat(words, {}, sleep=[]).code == 1
    before = path.read_bytes()
    result = migstat(words, {}, sleep=[])
    assert (result.code, "night.jsonl already records a demo" in result.err) == (2, True)
    assert path.read_bytes() == before


def test_the_demo_is_the_watch_of_the_cutover() -> None:
    """`migstat demo` alone watches failures and an outage in half a minute, by a clock that runs with the work.

    At the end it says what to do next.
    """
    slept: list[float] = []
    result = migstat(["demo"], {}, sleep=slept, now=lambda: NOW + sum(slept))
    assert (result.code, 20 < sum(slept) < 40) == (1, True)
    assert all(f"\tmigrate,projects,{name}\t" in result.out for name in ("ATTIC", "INFRA"))
    times = [datetime.fromisoformat(line.split("\t")[0]) for line in result.out.splitlines()]
    assert times[-1] - times[0] > timedelta(minutes=50)
    first, *middle, last, following = result.err.splitlines()
    assert (first + "\n", following[:19]) == (LABEL, "Next: migstat demo ")
    assert any("503" in line for line in middle)
    assert re.match("migstat: failed .*; 40 of 40 projects", last)


def test_after_the_watch_of_a_scenario_its_status_is_suggested() -> None:
    """Another demo would show another migration, without the failures that were just watched."""
    result = migstat(["demo", "--scenario", "failing", "watch"], {})
    assert result.err.splitlines()[-1] == "Next: migstat demo --scenario failing status, migstat auth login"
