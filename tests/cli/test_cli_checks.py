"""`checks --against` and `--accepted`: what is new since an earlier run, and what a team lives with."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import textwrap
from pathlib import Path
from typing import Any

import pytest

from migstat.simulator.scenario import Scenario, SimNode, SimTask
from migstat.simulator.scenario import refused as refused_task
from migstat.simulator.server import Server
from tests.command_line import environ_of, migstat, refused
from tests.scenarios import LONG_AGO, check_run, cutover, frozen, moved, node, of_tasks, sim_task
from tests.schemas import assert_valid
from tests.servers import Answer, Asked, answering, ask, night, server_of, still

DAY = 86_400.0

pytestmark = pytest.mark.zone("UTC")


def found(name: str, outcome: str, message: str, count: int, **more: Any) -> SimNode:
    """Return a check with `count` occurrences, numbered from 1, or from `since`."""
    since = more.pop("since", 1)
    return node(name, outcome, message, occurrences=tuple(f"#{each}" for each in range(since, since + count)), **more)


def run(task_id: str, created_at: float, *checks: SimNode, state: str = "FAILED") -> SimTask:
    ended: dict[str, Any] = {} if state == "running" else {"ended_at": LONG_AGO}
    root = node("root", state, children=checks, **ended)
    return sim_task(root, "check", task_id, created_at=created_at)


FINE = tuple(node(f"Fine{number:02d}") for number in range(42))
MONDAY = run(
    "monday",
    -DAY,
    found("InvalidEmail", "FAILED", "7 accounts", 7, since=4),
    found("DuplicateEmail", "WARNING", "3 accounts", 3),
    found("MissingAttachments", "WARNING", "17 attachments", 3),
    node("Retired", "FAILED", "No longer looked at."),
    node("RetiredToo"),
    *FINE,
)
TODAY = run(
    "today",
    0,
    node("ProjectKeyConflict", "FAILED", "Key OPS is already in use.", excludable=True),
    found("InvalidEmail", "FAILED", "They cannot exist.", 4, excludable=False),
    found("DuplicateEmail", "WARNING", "3 accounts", 3),
    node("MissingAttachments"),
    *FINE,
)
REFUSED = refused_task("refused", "refused", "check", created_at=-DAY / 2, message="The site is not attached.")
RUNS = of_tasks(MONDAY, REFUSED, TODAY)

server = server_of(RUNS)


def entry(name: str, until: str = "2026-12-01", more: str = "") -> str:
    return f'[{name}]\nreason = "merged on purpose"\nby = "Maria"\nuntil = {until}\n{more}\n'


def accepting(folder: Path, *entries: str) -> str:
    file = folder / "accepted.toml"
    file.write_text("".join(entries))
    return str(file)


def test_the_table_tells_what_is_new_first(server: Server, tmp_path: Path) -> None:
    """Rows are grouped by change, an accepted check by that word; the last line counts, and what is as before."""
    file = accepting(tmp_path, entry("duplicateemail"))
    result = ask(server, "checks", "--against", "previous", "--accepted", file, "-o", "table", columns=120)
    assert (result.code, result.err) == (0, "")
    assert [line.rstrip() for line in result.out.splitlines()] == [
        "✖ failed   Pre-flight checks   Jira to the cloud → acme.example.com",
        "Mon 21 Sep 13:56 UTC, against Sun 20 Sep 13:56",
        "",
        "new       ProjectKeyConflict  ✖ failed     overridable      Key OPS is already in use.",
        "still     InvalidEmail        ✖ failed     not overridable  4 listed, 7 before: They cannot exist.",
        "accepted  DuplicateEmail      ▲ warning                     until 1 Dec, Maria: merged on purpose",
        "fixed     MissingAttachments  ✔ succeeded",
        "gone      Retired                                           was failed: No longer looked at.",
        "1 new · 1 still · 1 accepted · 1 fixed · 2 gone · 42 as before · --all lists them",
    ]


def test_the_next_command_compares_as_well(server: Server) -> None:
    """What shows more of a comparison is one, too."""
    words = ("checks", "--against", "previous")
    err = ask(server, *words, terminal=True, err_terminal=True, columns=120).err
    assert err.startswith("Next: migstat checks --against previous --details   (1 not overridable")
    assert ask(server, *words, "--details", terminal=True, err_terminal=True).err == ""


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_table_fits_any_window_in_ascii_too(server: Server, columns: int) -> None:
    """No line is wider than its window, every name and change is there, and a terminal without Unicode gets ASCII."""
    output = ask(server, "checks", "--against", "monday", "-o", "table", columns=columns, encoding="ascii").out
    words = ("new", "ProjectKeyConflict", "still", "fixed", "gone", "Retired")
    assert output.isascii()
    assert max(len(line.rstrip()) for line in output.splitlines()) <= columns
    assert [word for word in words if word not in output] == []


def test_details_tell_which_occurrences_came_and_went(server: Server, tmp_path: Path) -> None:
    """Each check tells what came, what went and how much stayed, in the table and in columns of CSV."""
    words = ("checks", "--against", "previous", "--name", "InvalidEmail", "--details")
    block = [line.strip() for line in ask(server, *words, "-o", "table").out.splitlines()]
    assert block[3:-1] == [
        "still  ✖ failed  InvalidEmail  not overridable",
        "4 listed, 7 before",
        "They cannot exist.",
        *("+ #1", "+ #2", "+ #3"),
        *(f"- #{each}" for each in range(5, 11)),
        "1 as before",
        "1 still",
    ]
    rows = [*csv.DictReader(io.StringIO(ask(server, *words, "-o", "csv").out))]
    assert [*rows[0]][:7] == ["name", "state", "status", "outcome", "excludable", "message", "occurrence"]
    assert [(row["occurrence"], row["occurrenceChange"]) for row in rows] == [
        ("", ""),
        *((f"#{each}", "came") for each in (1, 2, 3)),
        ("#4", ""),
        *((f"#{each}", "went") for each in range(5, 11)),
    ]


@pytest.mark.parametrize(
    ("words", "last"),
    [
        ("checks --name InvalidEmail", "1 of 46 checks match the filter (InvalidEmail)"),
        ("checks --name Fine01 --name InvalidEmail --state failed",
         "1 of 46 checks match the filter (Fine01 or InvalidEmail, failed)"),
        ("checks --name Fine01 --name Fine02 --name Fine03 --name Fine04 --name Fine05",
         "5 of 46 checks match the filter (Fine01 or Fine02 or Fine03 or 2 more)"),
    ],
)  # fmt: skip
def test_the_last_line_says_what_was_asked_for(server: Server, words: str, last: str) -> None:
    """A filtered list ends with how many of all it has, the names and the states; of many names the first few."""
    assert ask(server, *words.split(), "-o", "table").out.splitlines()[-1] == last


@pytest.mark.parametrize("details", [(), ("--details",)])
def test_a_check_that_is_worse_says_why(details: tuple[str, ...]) -> None:
    """A check that found less than before but fails now, or is better and found more, says what it was."""
    old = run("old", -DAY, found("A", "WARNING", "", 7), found("B", "FAILED", "", 1), found("C", "FAILED", "Two.", 2))
    new = run("new", 0, found("A", "FAILED", "", 4), found("B", "WARNING", "", 2), found("C", "WARNING", "Two.", 2))
    with still(of_tasks(old, new)) as asked:
        lines = ask(asked, "checks", "--against", "previous", *details, "-o", "table", columns=100).out
    words = ("was warning; 4 listed, 7 before", "was failed; 2 listed, 1 before", "was failed")
    assert [word for word in words if word not in lines] == []
    assert details or "was failed: Two. (2 listed)" in lines


@pytest.mark.parametrize(("count", "cut"), [(99, False), (100, True)])
def test_a_long_list_is_said_to_be_cut(count: int, cut: bool) -> None:
    """A list as long as the API's limit comes with a warning that more may have come or gone."""
    runs = (run("old", -DAY, found("A", "FAILED", "", 1)), run("new", 0, found("A", "FAILED", "", count)))
    with still(of_tasks(*runs)) as asked:
        output = ask(asked, "checks", "--against", "previous", "--details", "-o", "table").out
    assert ("The API sends at most about 100" in output) == cut


def test_every_format_has_the_same_rows_and_changes(server: Server, tmp_path: Path) -> None:
    """JSON, ndjson, plain, CSV and Markdown hold every check with its change, those that are gone as missing.

    JUnit has a case for each check of the newer run, an accepted one as skipped.
    """
    words = ("checks", "--against", "previous", "--accepted", accepting(tmp_path, entry("DuplicateEmail")))
    parsed = json.loads(ask(server, *words, "--json").out)
    assert_valid("checks", parsed)
    assert parsed["against"] == {"taskId": "monday", "createdAt": "2026-09-20T13:56:40Z"}
    checks = {each["name"]: each for each in parsed["checks"]}
    rows = [(each["name"], each["state"], each["change"]) for each in parsed["checks"]]
    assert len(rows) == len(checks) == 48
    assert checks["Retired"]["state"] == "missing"
    assert checks["Retired"]["before"] == {
        "state": "failed", "outcome": "FAILED", "message": "No longer looked at.", "occurrences": [],
    }  # fmt: skip
    assert checks["ProjectKeyConflict"]["before"] is None
    assert checks["DuplicateEmail"]["accepted"] == {
        "reason": "merged on purpose", "by": "Maria", "until": "2026-12-01", "occurrences": None,
    }  # fmt: skip
    assert (checks["DuplicateEmail"]["change"], checks["InvalidEmail"]["accepted"]) == ("still", None)
    assert parsed["summary"]["total"] == 46
    lines = [json.loads(line) for line in ask(server, *words, "-o", "ndjson").out.splitlines()]
    assert lines == parsed["checks"]
    plain = [line.split("\t") for line in ask(server, *words).out.splitlines()]
    assert [(line[0], line[1], line[6]) for line in plain] == rows
    assert plain[2][6:] == ["still", "warning", "until 2026-12-01, Maria: merged on purpose"]
    table = [*csv.DictReader(io.StringIO(ask(server, *words, "-o", "csv").out))]
    assert [(row["name"], row["state"], row["change"]) for row in table] == rows
    assert [*table[0]][6:] == ["change", "before", "accepted"]
    marked = ask(server, *words, "-o", "markdown", "--export", str(tmp_path / "checks.xml")).out
    assert "| accepted | DuplicateEmail | ▲ warning |  | until 2026-12-01, Maria: merged on purpose; 3 acc" in marked
    assert "1 new · 1 still · 1 accepted · 1 fixed · 2 gone · 42 as before" in marked
    cases = (tmp_path / "checks.xml").read_text(encoding="utf-8")
    assert 'tests="46" failures="2" errors="0" skipped="1"' in cases
    assert 'message="warning, accepted until 2026-12-01, Maria: merged on purpose"' in cases
    assert "Retired" not in cases


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_document_is_compared_with_like_a_run(server: Server, tmp_path: Path, encoding: str) -> None:
    """A document of --json stands for its run; unknown keys and its own comparison do not matter."""
    kept = json.loads(ask(server, "checks", "job-1", "monday", "--json").out)
    kept["surprise"] = kept["checks"][0]["surprise"] = {"deep": [1]}
    gone = {**kept["checks"][0], "name": "LongGone", "state": "missing", "change": "gone"}
    file = tmp_path / "monday.json"
    file.write_text(json.dumps({**kept, "checks": [*kept["checks"], gone]}), encoding=encoding)
    parsed = ask(server, "checks", "--against", str(file), "--json")
    of_run = json.loads(ask(server, "checks", "--against", "monday", "--json").out)
    assert parsed.err == ""
    assert json.loads(parsed.out)["checks"] == of_run["checks"]
    assert json.loads(parsed.out)["against"] == {"taskId": "monday", "createdAt": None}
    assert "against Mon 21 Sep 14:13" in ask(server, "checks", "--against", str(file), "-o", "table").out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"jobId": "job-9"}, "compared with run monday of another job, job-9"),
        ({"checks": []}, "holds only 0 of 47 checks"),
    ],
)
def test_a_document_that_is_not_quite_it_is_told(
    server: Server, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    """A document of another job, or a filtered one, is used with a warning on standard error."""
    file = tmp_path / "kept"
    file.write_text(json.dumps({**json.loads(ask(server, "checks", "job-1", "monday", "--json").out), **change}))
    result = ask(server, "checks", "--against", str(file))
    assert result.code == 0
    assert message in result.err


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"\xff\xfe\x00", *(b'{"kind": "%s", "jobId": "j", "taskId": "t", %s}' % each for each in (
        (b"checks", b'"name": 1'),
        (b"checks", b'"checks": [{"name": 1}]'),
        (b"status", b'"checks": []'),
        (b"checks", b'"schemaVersion": 2, "checks": []'),
    ))],
)  # fmt: skip
def test_any_other_file_is_refused_first(server: Server, tmp_path: Path, content: bytes) -> None:
    """A file that is not a checks document ends with code 2 before any request, and the hint names its command."""
    (tmp_path / "other.json").write_bytes(content)
    before = len(server.requests)
    refused(ask(server, "checks", "--against", str(tmp_path / "other.json")), 2, "migstat checks --json > FILE")
    assert len(server.requests) == before


GOING = of_tasks(run("old", -DAY, node("A", "FAILED")), run("new", 0, node("A", "running"), state="running"))
CODES: dict[str, tuple[Scenario, tuple[str, ...], int]] = {
    "compared": (RUNS, ("--against", "previous"), 0),
    "failed": (RUNS, ("--against", "previous", "--exit-status"), 1),
    "the same run": (RUNS, ("--against", "today"), 2),
    "a misspelled word": (RUNS, ("--against", "prevoius"), 2),
    "no acceptances": (RUNS, ("--accepted", "none.toml"), 2),
    "no such run": (RUNS, ("--against", "tuesday"), 5),
    "refused": (RUNS, ("--against", "refused"), 5),
    "none before": (RUNS, ("job-1", "monday", "--against", "previous"), 5),
    "running": (GOING, ("--against", "previous", "--exit-status"), 8),
    "across kinds": (of_tasks(*frozen(check=node("check", children=FINE)).tasks,
        run("old", -DAY, node("A", "FAILED"))), ("--against", "previous"), 0),
}  # fmt: skip


@pytest.mark.parametrize("name", CODES)
def test_the_code_is_that_of_the_checks(name: str) -> None:
    """A comparison never changes the code; without anything to compare with it is an error of a line or two."""
    scripted, words, code = CODES[name]
    with still(scripted) as asked:
        result = ask(asked, "checks", *words)
    assert result.code == code
    assert len(result.err.splitlines()) <= 2
    assert bool(result.out) == (code in (0, 1, 8))


@pytest.mark.parametrize("level", ["", "check"])
def test_an_older_run_that_cannot_be_read_is_named(level: str) -> None:
    """If the previous run, or its list of checks, does not answer, that is code 3; no older one takes its place."""
    bad = {"status": "FINISHED", "outcome": "FAILED"}

    def answer(asked: Asked) -> Answer:
        match asked.segments:
            case ("jobs", _, "tasks"):
                return Answer({"data": [{"taskId": name, "taskType": "migrate"} for name in ("new", "old", "oldest")]})
            case ("jobs", _, "tasks", "old", "status") if asked.query.get("level", "") == level:
                return Answer({}, 500)
            case ("jobs", _, "tasks", _, "status"):
                name = "A" if asked.query.get("level") else "check"
                return Answer({"data": {**bad, "children": {name: bad}}, "links": {}})
        return Answer({})

    with answering(answer) as asked:
        result = asked.ask("checks", "--against", "previous", "--json")
    assert (result.code, "500" in result.err) == (3, True)
    if level:
        assert "run old: check: " in result.err
        assert json.loads(result.out)["complete"] is False
        assert json.loads(result.out)["against"]["taskId"] == "old"
    else:
        assert result.out == ""


TOLERABLE = check_run(
    "FAILED", found("Mail", "FAILED", "3 accounts", 3, excludable=True), node("Fine"), ended_at=LONG_AGO
)
LATE = node("check", "FAILED", children=(node("Mail", "FAILED"),), ended_at=LONG_AGO)
VERDICTS: dict[str, tuple[Scenario, str, int, str, str]] = {
    "accepted": (TOLERABLE, entry("Mail"), 0, "warning", ""),
    "more than accepted": (TOLERABLE, entry("Mail", more="occurrences = 2"), 1, "failed", "it has 3 occurrences"),
    "expired": (TOLERABLE, entry("Mail", "2026-09-20"), 1, "failed", "was accepted until 2026-09-20 and counts again"),
    "of a migration": (
        frozen("FAILED", check=LATE, migrate="absent", ended_at=LONG_AGO),
        entry("Mail"), 0, "warning", "",
    ),
    "refused": (of_tasks(REFUSED), entry("Mail"), 1, "failed", "no such check"),
    "a moment ago": (check_run("FAILED", node("Mail", "FAILED")), entry("Mail"), 8, "running", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", VERDICTS)
def test_accepted_checks_do_not_count(name: str, tmp_path: Path) -> None:
    """Accepted checks neither fail nor pass in code, verdict and reasons; entries that do not hold draw a warning."""
    scripted, entries, code, verdict, message = VERDICTS[name]
    file = accepting(tmp_path, entries)
    with still(scripted) as asked:
        result = ask(asked, "checks", "--accepted", file, "--exit-status", "--json")
        parsed = json.loads(result.out)
        assert_valid("checks", parsed)
        assert (result.code, parsed["verdict"]) == (code, verdict)
        assert message in result.err
        assert bool(message) == bool(result.err)
        accepted = [check for check in parsed["checks"] if check["accepted"]]
        assert bool(accepted) == (not message)
        assert [check["state"] for check in accepted] == ["failed"] * len(accepted)
        assert parsed["reasons"] or verdict == "running"
        if verdict == "warning":
            assert parsed["reasons"][0]["message"] == "accepted until {until}, {by}: {reason}".format(
                **accepted[0]["accepted"]
            )
        for form in ("table", "plain", "ndjson", "csv", "markdown"):
            again = ask(asked, "checks", "--accepted", file, "--exit-status", "-o", form)
            assert again.code == code
            assert ("Maria" in again.out) == bool(accepted)


def of_profile(folder: Path) -> dict[str, str]:
    """The environment of a profile that names a file of accepted checks, relative to the config file."""
    accepting(folder, entry("Mail"))
    (folder / "config.toml").write_text('default_profile = "p"\n[profiles.p]\naccepted = "accepted.toml"\n')
    return {"MIGSTAT_CONFIG": str(folder / "config.toml")}


def test_accepted_checks_may_come_from_the_profile(tmp_path: Path) -> None:
    """A profile names the file, whose absence names the key; the option takes precedence."""
    env = of_profile(tmp_path)
    (tmp_path / "none.toml").touch()
    with still(TOLERABLE) as asked:
        assert ask(asked, "checks", "--exit-status", env=env).code == 0
        assert ask(asked, "checks", "--exit-status", "--accepted", str(tmp_path / "none.toml"), env=env).code == 1
        (tmp_path / "accepted.toml").unlink()
        refused(ask(asked, "checks", env=env), 2, "profiles.p.accepted: cannot read")


def going(*checks: SimNode, over: float = 60.0) -> Scenario:
    """A check task that runs from second 0 until it is over."""
    root = moved("root", 0, over, "FAILED", children=checks)
    return of_tasks(sim_task(root, "check", "check-1", created_at=-5))


MAIL = moved("Mail", 0, 20, "FAILED", excludable=True)
BOTH = (MAIL, moved("Keys", 20, 50, "FAILED", excludable=True))
SITE = moved("Site", 20, 50, "WARNING")
LATER = moved("Keys", 20, 50, "FAILED", excludable=True, reported_at=110.0)
MANY = (MAIL, *(moved(f"Fine{number:02d}", 5 + number, 58) for number in range(40)))
WATCHES: dict[str, tuple[Scenario, str, int, str, bool]] = {
    "nothing else": (going(MAIL), "", 0, "checks ended with accepted failures (1 accepted)", False),
    "many at once": (going(*MANY), "--fail-fast --interval 20s", 0, "accepted failures (1 accepted)", False),
    "another failure": (going(*BOTH, over=200), "", 1, "checks failed: Keys", True),
    "another, reported late": (going(MAIL, LATER), "", 1, "checks failed: Keys", False),
    "a strict warning": (going(MAIL, SITE), "--strict", 1, "checks failed (--strict): Site", False),
    "of a migration": (cutover(check=moved("check", -20, 30, "FAILED", children=(MAIL,)), state="FAILED", over=40), "",
                       0, "accepted failures (1 accepted)", True),
}  # fmt: skip
"""A check of Mail, accepted, with others: options, code, the last line, and whether the bell rings before the end."""


@pytest.mark.parametrize("name", WATCHES)
def test_a_watch_comes_to_what_checks_would_say(name: str, tmp_path: Path) -> None:
    """An accepted check does not end a watch, ring its bell or decide its code; its end says that it is accepted."""
    scripted, words, code, message, rings = WATCHES[name]
    file = accepting(tmp_path, entry("Mail"))
    given = ("--until", "checks", "--accepted", file, *words.split())
    with night(scripted) as tonight:
        result = tonight.watch("-o", "plain", *given, terminal=True)
        once = ("checks", "--accepted", file, "--exit-status")
        assert words or migstat(once, environ_of(tonight.server), now=tonight.now).code == code
    assert (result.code, message in result.err, result.out.count("\a")) == (code, True, 1 + rings)
    with night(scripted) as tonight:
        end = tonight.events(*given)[-1]
    parsed = any("accepted until 2026-12-01" in (reason["message"] or "") for reason in end["reasons"])
    assert end["exitCode"] == code
    assert parsed == (end["verdict"] == "warning") == (not code or "Site" in message)


def test_a_quiet_watch_has_nothing_to_say_of_accepted_checks(tmp_path: Path) -> None:
    """With --quiet only the end is reported: neither the accepted check nor the task that it fails is a failure."""
    with night(going(MAIL)) as tonight:
        result = tonight.watch("--quiet", "--until", "checks", "--accepted", accepting(tmp_path, entry("Mail")))
    assert (result.code, result.out) == (0, "")
    assert result.err == "migstat: checks ended with accepted failures (1 accepted)\n"


def test_a_watch_tells_entries_that_do_not_hold_once(tmp_path: Path) -> None:
    """An expired entry draws a warning at once, a wrong name once all checks are there; each once, in JSON too."""
    file = accepting(tmp_path, entry("Mail", "2026-01-01"), entry("Male"))
    with night(going(MAIL)) as tonight:
        result = tonight.watch("--json", "--until", "checks", "--accepted", file)
    assert result.code == 1
    assert [line.rpartition("accepted.toml: ")[2] for line in result.err.splitlines()] == [
        "Mail was accepted until 2026-01-01 and counts again",
        "Male is accepted, but this run has no such check",
    ]


def test_a_watch_of_a_migration_takes_no_accepted_checks(tmp_path: Path) -> None:
    """`--accepted` without `--until checks` is wrong usage; a profile's file is for `--until checks` alone."""
    env = of_profile(tmp_path)
    for words, code in (("--accepted x", 2), ("--until checks", 0), ("", 1)):
        with night(going(MAIL)) as tonight:
            result = tonight.watch(*words.split(), env=env)
        assert (result.code, "needs --until checks" in result.err) == (code, code == 2)


CI = migstat(["help", "ci"], {}).out
RECIPES = re.findall(r"^ *(?:- run: |- )?(migstat checks .*|migstat watch .*)$", CI, re.MULTILINE)


def test_the_recipes_for_build_servers_are_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their command lines run, with the accepted checks that they show, and write what they name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "accepted.toml").write_text(textwrap.dedent(CI[CI.index("  [Dupl") : CI.index("\nThe occurrences")]))
    mail = found("DuplicateEmail", "FAILED", "3 accounts", 3)
    assert len(RECIPES) == 8
    with still(of_tasks(MONDAY, run("today", 0, mail))) as asked:
        for line in RECIPES:
            command, _, file = re.sub(" > ?", " > ", line).partition(" > ")
            result = ask(asked, *shlex.split(command)[1:], env={"MIGSTAT_TASK": "latest-check"})
            assert result.code == 0, (line, result.err)
            if file:
                (tmp_path / file.strip("$")).write_text(result.out, encoding="utf-8")
    assert 'skipped="1"' in (tmp_path / "checks.xml").read_text(encoding="utf-8")
    summary = (tmp_path / "GITHUB_STEP_SUMMARY").read_text(encoding="utf-8")
    assert "| accepted | DuplicateEmail | ✖ failed |" in summary
