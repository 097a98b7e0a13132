"""The same truth in every format: states, failures, reasons, codes; recipes for jq; inputs from the field."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jq
import pytest

from migstat.simulator.scenario import SimPhase
from migstat.simulator.server import Server
from tests.command_line import environ_of, migstat
from tests.scenarios import LONG_AGO, frozen, node
from tests.servers import NOW, Answer, Asked, answering, ask, of_tree, one_task, still

LIST_FORMATS = ("table", "plain", "json", "ndjson", "csv", "markdown")


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("command", ["status", "projects"])
def test_a_failure_is_in_every_format(over: Server, command: str, terminal: bool) -> None:
    """Every failed project is named with its state in every format, on a terminal and into a pipe."""
    for form in (*LIST_FORMATS, *(["tree"] if command == "status" else [])):
        output = ask(over, command, "-o", form, terminal=terminal, columns=80).out
        for word in ("ERP", "INFRA", "PAY", "SHOP", "INCOMPLETE"):
            assert re.search(rf"\b{word}\b", output), form
        assert len(re.findall(r"\bfailed\b", output)) >= 4, form


RECIPES = {
    '.projects[] | select(.state == "failed") | .name': ("projects", ["ERP", "INFRA", "PAY", "SHOP"]),
    '.projects[] | select(.state == "failed" and .outcome != "FAILED") | .name': ("projects", ["SHOP"]),
    '[.projects[] | select(.state == "failed")] | length': ("projects", [4]),
    ".summary | .total == .missing + .pending + .running + .finished": ("projects", [True]),
    ".summary | .finished == .failed + .warning + .succeeded + .skipped": ("projects", [True]),
    ".summary.byOutcome.INCOMPLETE": ("projects", [1]),
    ".verdict, .complete, (.reasons | length)": ("projects", ["failed", True, 4]),
    '[.reasons[] | select(.state == "failed").level[-1]] | sort | join(" ")': ("status", ["ERP INFRA PAY SHOP"]),
    '[.. | objects | select(.level? | type == "array" and length == 3)] | length > 40': ("status", [True]),
    ".destination": ("status", ["https://acme-cloud.example.com"]),
    "[.checks[] | select(.occurrences | length > 2).name]": ("checks", [["DuplicateEmail", "MissingAttachments"]]),
    ".tasks[] | select(.overridden != []) | .overridden[]": ("tasks", ["DuplicateEmail"]),
    '.tasks | map(.state) | join(" ")': ("tasks", ["failed warning failed"]),
    '[.. | objects | select(has("level")) | .startedAt // empty | fromdate] | length > 40': ("status", [True]),
    ".fetchedAt | fromdate": ("status", [int(NOW)]),
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_for_jq_gives_what_it_says(over: Server, recipe: str) -> None:
    """Questions that scripts ask are answered by the documents."""
    command, expected = RECIPES[recipe]
    assert jq.compile(recipe).input_text(ask(over, command, "--json").out).all() == expected


def test_targets_are_shown_side_by_side_though_one_cannot_be_asked(over: Server, tmp_path: Path) -> None:
    """Every target has a line; one that cannot be asked says why, and the worst of them is the code."""
    file = tmp_path / "config.toml"
    jobs = (f'{over.job_id}"\nprofile = "a', "nonsense", 'x"\nprofile = "nobody')
    sections = (f'[targets.t{number}]\njob = "{job}"\n' for number, job in enumerate(jobs))
    file.write_text(f'[profiles.a]\nemail = "{over.email}"\n{"".join(sections)}')
    env = environ_of(over) | {"MIGSTAT_JOB": "", "MIGSTAT_CONFIG": str(file)}
    document = migstat(["targets", "--json"], env, now=lambda: NOW)
    first, second, third = json.loads(document.out)["targets"]
    assert (first["target"], first["verdict"], first["summary"]["failed"], first["error"]) == ("t0", "failed", 4, None)
    assert (second["target"], second["verdict"], second["error"]["code"]) == ("t1", None, "not-found")
    assert (third["target"], third["error"]["code"]) == ("t2", "usage")
    assert third["error"]["message"].endswith("targets.t2.profile: no profile 'nobody'")
    error = json.loads(document.err)["error"]
    assert (document.code, error["code"], error["hint"]) == (3, "incomplete", third["error"]["hint"])
    assert error["message"].startswith("could not be read: t2: ")  # a job that is not there is the least of it
    result = migstat(["targets"], env | {"NO_COLOR": "1"}, terminal=True, now=lambda: NOW)
    assert re.search(r"t0 +✖ failed +40 of 40 +4 +2h 28m", result.out)
    assert re.search(r"t1 +\? unknown +job nonsense not found", " ".join(result.out.split()))  # wrapped, not cut
    plain = migstat(["targets", "--exit-status"], env, now=lambda: NOW)
    rows = [line.split("\t") for line in plain.out.splitlines()]
    assert (plain.code, [row[0] for row in rows], rows[0][3:7]) == (1, ["t0", "t1", "t2"], ["failed", "40", "40", "4"])


def test_targets_share_the_token_that_is_piped(over: Server, tmp_path: Path) -> None:
    """Standard input is read once, for all of them."""
    file = tmp_path / "config.toml"
    file.write_text("".join(f'[targets.t{number}]\njob = "{over.job_id}"\n' for number in range(2)))
    env = environ_of(over) | {"MIGSTAT_CONFIG": str(file)}
    result = migstat(["targets", "--token-file", "-"], env, stdin=over.token, now=lambda: NOW)
    assert (result.code, result.err) == (0, "")


def test_targets_share_the_rate_limit(over: Server, tmp_path: Path) -> None:
    """A profile's limit that one target stays below makes two of them wait, since they are read side by side."""
    waits: dict[int, list[float]] = {1: [], 2: []}
    for count, slept in waits.items():
        file = tmp_path / "config.toml"
        sections = (f'[targets.t{number}]\njob = "{over.job_id}"\nprofile = "a"\n' for number in range(count))
        file.write_text(f"[profiles.a]\nrate_limit = 20\n{''.join(sections)}")
        env = environ_of(over) | {"MIGSTAT_CONFIG": str(file)}
        assert migstat(["targets"], env, now=lambda: NOW, sleep=slept).code == 0
    assert (waits[1], bool(waits[2])) == ([], True)


def test_without_targets_the_command_says_how_to_add_one(over: Server) -> None:
    """A config file without targets is not an error."""
    result = migstat(["targets"], environ_of(over))
    assert (result.code, result.out) == (0, "")
    assert "migstat config set targets.NAME.job JOB" in result.err


# inputs from the field

REFUSED = {"status": "FINISHED", "outcome": "FAILED", "message": "The site is not attached to this server."}


@pytest.mark.parametrize(
    ("task_type", "command"),
    [("check", "status"), ("check", "checks"), *(("migrate", each) for each in ("status", "checks", "projects"))],
)
def test_a_task_that_could_not_start_is_failed_for_every_command(task_type: str, command: str) -> None:
    """A lone root that failed is code 1 in every format, and its message is all the explanation there is."""
    with answering(one_task(of_tree(REFUSED), task_type=task_type)) as server:
        for form in LIST_FORMATS:
            result = server.ask(command, "--exit-status", "-o", form)
            assert result.code == 1, form
            assert form == "ndjson" or REFUSED["message"] in result.out + result.err, form
        document = json.loads(server.ask(command, "--json").out)
        output = server.ask(command, "-o", "table").out
    assert document["verdict"] == "failed"
    assert REFUSED["message"] in [reason["message"] for reason in document["reasons"]]
    assert REFUSED["message"] in output


def test_a_running_check_task_says_itself_how_far_it_is() -> None:
    """Checks that have not begun are not listed, so the task's own progress counts."""
    progress = {"isSupported": True, "percent": 30, "data": [{"name": "Checks", "processed": 12, "total": 40}]}
    checks = {f"Check{at}": {"status": "FINISHED", "outcome": "SUCCESS"} for at in range(13)}
    root = {"status": "IN_PROGRESS", "progressDetails": progress, "children": checks | {"Last": {"status": "PENDING"}}}
    with answering(one_task(of_tree(root), task_type="check")) as server:
        for command in ("checks", "status"):
            first = server.ask(command, "-o", "table").out.splitlines()[0]
            assert "12 of 40 checks · 30 %" in first
        assert server.ask("checks", "--exit-status").code == 8


def test_the_checks_of_a_migration_say_themselves_how_far_they_are() -> None:
    """While they run, those listed are not all of them: `status` shows the progress of `check`, and no other counts."""
    states = ("SUCCESS", "SUCCESS", "SKIPPED", "FAILED", "running")
    checks = tuple(node(f"Check{at}", state) for at, state in enumerate(states))
    check = node("check", "running", children=checks, phases=(SimPhase("Checks", 40),))
    with still(frozen("running", check=check, migrate="absent", keys=("ACME",))) as server:
        for columns in (40, 80, 120):
            lines = ask(server, "status", "-o", "table", columns=columns).out.splitlines()
            row = next(at for at, line in enumerate(lines) if line.startswith("check "))
            assert "/40" in "".join(lines[row : row + 2])
            assert "of 5" not in "".join(lines[row:])
            assert "skipped" not in "".join(lines[row:])
            assert any("Check3" in line for line in lines[row + 1 :])


@pytest.mark.parametrize("columns", [80, 120])
def test_percentages_stand_below_each_other(columns: int) -> None:
    """With a bar or without one, the ends of percentages are in one column, in `projects` and in `status`."""
    names = ("One", "Two", "Three")
    levels = {
        name: {"status": "IN_PROGRESS", "progressDetails": {"isSupported": True, "percent": percent}}
        for name, percent in zip(names, (3, 21, 100), strict=True)
    }
    migrate = {"status": "IN_PROGRESS", "children": {"projects": {"status": "IN_PROGRESS", "children": levels}}}
    with answering(one_task(of_tree({"status": "IN_PROGRESS", "children": {"migrate": migrate}}))) as server:
        for command in ("projects", "status"):
            lines = server.ask(command, "-o", "table", columns=columns).out
            ends = {line.rindex(" %") for line in lines.splitlines() if line.strip().startswith(names)}
            assert len(ends) == 1, lines


def test_a_space_of_a_stopped_run_is_not_running() -> None:
    """A run that was stopped has failed: its unfinished space never began, and no row says running."""
    spaces = (node("DOC"), node("HR"), node("QA", "pending"))
    stopped = frozen("STOPPED", migrate="STOPPED", projects=spaces, level="spaces", ended_at=LONG_AGO)
    with still(stopped) as server:
        output = ask(server, "status", "-o", "table").out
        document = json.loads(ask(server, "status", "--json").out)
        assert ask(server, "projects", "--exit-status").code == 1
    assert output.startswith("✖ failed (STOPPED) · 2 of 3")
    assert "running" not in output
    assert document["verdict"] == "failed"
    assert "running" not in [document["node"]["state"], *(each["state"] for each in document["node"]["children"])]


LONG = "\n".join(
    f"Line {at} says <b>more</b> of it, see https://a.example/{at} and https://b.example/{at}." for at in range(28)
)


def test_a_long_message_takes_a_few_lines_of_a_table() -> None:
    """Of 28 lines and 300 occurrences a table shows a few, with whole words, and --details shows everything."""
    details = {"occurrences": [f"finding {at}" for at in range(300)]}
    checks = {"Big": {"status": "FINISHED", "outcome": "FAILED", "message": LONG, "details": details}}
    with answering(one_task(of_tree({"status": "IN_PROGRESS", "children": checks}), task_type="check")) as server:
        output = server.ask("checks", "-o", "table", columns=100).out
        everything = server.ask("checks", "-o", "table", "--details", columns=100).out
    assert len(output.splitlines()) < 12
    assert "…" in output
    assert re.findall(r"https://\S+", output)
    assert all(re.fullmatch(r"https://[ab]\.example/\d+\.?…?", url) for url in re.findall(r"https://\S+", output))
    assert "finding 299" in everything
    assert "Line 27" in everything


def test_an_overridden_check_is_named() -> None:
    """Checks that were excluded for this run are named by `checks` and `tasks`, in tables and documents."""
    run = {"taskId": "task-1", "taskType": "check", "payload": {"checkTypes": {"excludeKeys": ["DuplicateEmail"]}}}
    warning = {"status": "FINISHED", "outcome": "WARNING"}
    tree = of_tree({**warning, "children": {"DuplicateEmail": warning}})

    def answer(asked: Asked) -> Answer:
        match asked.segments:
            case ("jobs", _, "tasks"):
                return Answer({"data": [run], "links": {}})
            case ("jobs", _, "tasks", _):
                return Answer(run)
        return one_task(tree, task_type="check")(asked)

    with answering(answer) as server:
        for command in ("checks", "tasks"):
            assert "overridden" in server.ask(command, "-o", "table").out
            document = json.loads(server.ask(command, "--json").out)
            found = document if command == "checks" else document["tasks"][0]
            assert found["overridden"] == ["DuplicateEmail"]
        assert "overridden" in server.ask("checks").out


def test_markdown_is_readable_where_nothing_is_decoded() -> None:
    """What would be a mention has an invisible character in it; an ampersand stays, unless it begins a reference."""
    failed = node("BAD", "FAILED", "R&D told admin@localhost &lt;")
    with still(frozen("running", migrate="running", projects=(failed,), keys=("BAD", "GOOD"))) as server:
        lines = ask(server, "projects", "-o", "markdown").out.splitlines()
    assert lines[0].startswith("**● running · 1 of 2 projects · ✖ 1 failed: ")
    assert "R&D told admin@\u200blocalhost &amp;lt;" in lines[-2]


def test_a_failure_stays_on_the_screen() -> None:
    """Of 40 projects, one failed and many running or missing, the failure is among the last 24 lines at 80 columns."""
    projects = (node("BAD", "FAILED", "It broke."), *(node(f"RUN{at:02}", "running", "x " * 60) for at in range(25)))
    keys = tuple(each.name for each in projects) + tuple(f"GONE{at:02}" for at in range(14))
    with still(frozen("running", migrate="running", projects=projects, keys=keys)) as server:
        for command in ("projects", "status"):
            result = ask(server, command, terminal=True, err_terminal=True, columns=80)
            lines = (result.out + result.err).splitlines()
            assert len(lines) <= 24
            assert any("BAD" in line and "failed" in line for line in lines)


@pytest.mark.parametrize(
    ("words", "err"),
    [
        (("status",), "Next: migstat checks --details   (1 not overridable, 1 overridable)\n"),
        (("checks", "job-1"), "Next: migstat checks job-1 --details   (1 not overridable, 1 overridable)\n"),
        (("projects", "job-1", "latest"), "Next: migstat checks job-1 latest --details\n"),
        (("status", "--profile", "a b"),  # a line longer than the terminal is wrapped between words
         "Next: migstat checks --profile 'a b' --details   (1 not overridable, 1\n  overridable)\n"),
        (("checks", "--details"), ""),
        (("status", "--json"), ""),
    ],
)  # fmt: skip
def test_the_next_command_is_named_with_the_words_that_were_typed(
    words: tuple[str, ...], err: str, tmp_path: Path
) -> None:
    """After a problem a terminal's standard error shows the command that helps; a script's shows nothing."""
    checks = (node("One", "FAILED", excludable=False), node("Two", "FAILED", excludable=True))
    check = node("check", "FAILED", children=checks, ended_at=LONG_AGO)
    with still(frozen("running", check=check, migrate="absent", keys=("ACME",))) as server:
        (tmp_path / "config.toml").write_text("[profiles.'a b']\n", encoding="utf-8")
        env = {"MIGSTAT_CONFIG": str(tmp_path / "config.toml")}
        result = ask(server, *words, env=env, terminal="--json" not in words, err_terminal=True)
        assert ask(server, *words, env=env).err == ""
    assert result.err == err
