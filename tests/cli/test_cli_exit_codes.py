"""Exit codes: computed from the data, the same for every format."""

from __future__ import annotations

import json

import pytest

from migstat.simulator.scenario import Scenario, SimNode
from migstat.simulator.server import Server
from tests.command_line import Result, environ_of, migstat, refused, refused_as_json
from tests.scenarios import LONG_AGO, check_run, frozen, node, of_tasks, sim_task
from tests.servers import FORMATS, NOW, Answer, Asked, answering, ask, of_tree, one_task, servers_of, still

SOME = ("table", "json")
PROJECTS = (node("ACME"), node("ZED"))
CHECKS = (node("Failing", "FAILED"), node("Going", "running"), node("Well"))

SCENARIOS: dict[str, Scenario] = {
    "nothing-reported": frozen(reported_at=float("inf")),
    "running": frozen("running", migrate="running", projects=(node("ACME"), node("ZED", "running"))),
    "running-failed-project": frozen("running", migrate="running",
        projects=(node("ACME", "FAILED"), node("ZED", "running"))),
    "succeeded": frozen(projects=PROJECTS),
    "warning": frozen("WARNING", projects=(node("ACME", "WARNING"), node("ZED"))),
    "skipped": frozen("SKIPPED", migrate="SKIPPED", projects=(node("ACME", "SKIPPED"),)),
    "failed-root": frozen("FAILED", projects=PROJECTS),
    "failed-project": frozen(projects=(node("ACME", "FAILED"), node("ZED"))),
    "unknown-outcome": frozen("MARTIAN", projects=(node("ACME", "MARTIAN"),)),
    "no-outcome": frozen(None, migrate=None, projects=(node("ACME", None),)),
    "apps-running": frozen(scopes=(node("apps", "running"),), projects=PROJECTS),
    "missing": frozen(projects=PROJECTS, keys=("ACME", "ZED", "LATE")),
    "missing-for-good": frozen(projects=PROJECTS, keys=("ACME", "ZED", "LATE"), ended_at=LONG_AGO),
    "overridden-check": frozen(check=node("check", "WARNING", children=(node("Failing", "FAILED", excludable=True),)),
        projects=PROJECTS),
    "warned": frozen("running", check=node("check", "WARNING", children=(node("Warning", "WARNING"),)),
        projects=PROJECTS),
    "check-stuck": frozen(check=node("check", children=CHECKS[1:]), projects=PROJECTS),
    "check-stuck-for-good": frozen(check=node("check", children=CHECKS[1:], ended_at=LONG_AGO), projects=PROJECTS),
    "not-scheduled": frozen("running", check=node("check", "FAILED", ended_at=LONG_AGO, children=CHECKS[:1]),
        migrate="absent", keys=("ACME",)),
    "checks-running": check_run("running", *CHECKS),
    "checks-well": check_run("SUCCESS", node("Skipped", "SKIPPED"), node("Well")),
    "checks-warning": check_run("WARNING", node("Warning", "WARNING"), node("Well")),
    "checks-failed": check_run("FAILED", *CHECKS[:1]),
    "checks-none-yet": check_run("running"),
    "checks-stuck-for-good": check_run("SUCCESS", *CHECKS[1:], ended_at=LONG_AGO),
    "no-outcome-for-good": frozen(projects=(node("ACME", None, ended_at=LONG_AGO),)),
}  # fmt: skip


servers = servers_of(SCENARIOS)


def codes(server: Server, words: tuple[str, ...], formats: tuple[str, ...] = FORMATS) -> dict[str, int]:
    return {each: ask(server, *words, "-o", each).code for each in formats}


def table(text: str) -> list[tuple[str, int]]:
    words = text.split()
    return [(name, int(code)) for name, code in zip(words[::2], words[1::2], strict=True)]


STATUS = table("""
    nothing-reported 8   running-failed-project 8   missing 8   warning 0   failed-project 1   checks-failed 1
    not-scheduled 1
""")
CHECKS_OF = table("""
    nothing-reported 8   succeeded 0   overridden-check 1   not-scheduled 1   checks-running 8   checks-well 0
    checks-warning 0   checks-failed 1   checks-none-yet 8   checks-stuck-for-good 1   check-stuck 8
    check-stuck-for-good 1   warned 0   failed-root 0
""")
PROJECTS_OF = table("""
    nothing-reported 8   running-failed-project 8   apps-running 0   succeeded 0   warning 0   skipped 0
    failed-project 1   unknown-outcome 1   no-outcome 8   no-outcome-for-good 1   missing 8   missing-for-good 1
""")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "code"), STATUS)
def test_the_task_is_judged_alike_in_every_format_and_at_any_depth(
    servers: dict[str, Server], name: str, code: int
) -> None:
    """`status --exit-status` is 0, 1 or 8 by the task, whatever is shown of it; without the option it is 0."""
    assert codes(servers[name], ("status", "--exit-status")) == dict.fromkeys(FORMATS, code)
    for depth in ("--raw", "--depth=all"):
        assert ask(servers[name], "status", "--exit-status", depth).code == code
    assert codes(servers[name], ("status",)) == dict.fromkeys(FORMATS, 0)


@pytest.mark.parametrize(
    ("command", "name", "code"),
    [*(("checks", *row) for row in CHECKS_OF), *(("projects", *row) for row in PROJECTS_OF)],
)
def test_all_checks_and_projects_are_judged_alike_in_every_format(
    servers: dict[str, Server], command: str, name: str, code: int
) -> None:
    """The code is 8 while any is unfinished or missing, then 1 for any failed one, else 0, whichever are shown."""
    assert codes(servers[name], (command, "--exit-status"), SOME) == dict.fromkeys(SOME, code)
    assert codes(servers[name], (command, "--exit-status", "--state", "skipped"), ("plain",)) == {"plain": code}


@pytest.mark.parametrize(("name", "code"), CHECKS_OF)
def test_the_verdict_on_the_checks_is_the_same_in_every_format(
    servers: dict[str, Server], name: str, code: int
) -> None:
    """It is that of all checks, as the code is, whatever is filtered and whatever becomes of the migration."""
    document, filtered = (
        json.loads(ask(servers[name], "checks", "--json", *words).out) for words in ((), ("--state", "skipped"))
    )
    verdict = document["verdict"]
    assert code == {"failed": 1, "running": 8, "pending": 8}.get(verdict, 0)
    assert (filtered["verdict"], filtered["reasons"]) == (verdict, document["reasons"])
    assert document["reasons"] or verdict not in ("failed", "warning")
    for form in ("table", "markdown"):
        assert verdict in ask(servers[name], "checks", "-o", form).out.splitlines()[0]


@pytest.mark.parametrize(
    ("name", "words", "code"),
    [
        ("running", "status --level migrate,projects,ACME", 0),
        ("running", "status --level migrate,projects,ZED", 8),
        ("running", "status --level migrate,projects", 8),
        ("running", "status --level check", 0),
        ("failed-project", "status --level migrate,projects,ACME", 1),
        ("failed-project", "status --level migrate,projects,ZED", 0),
        ("failed-project", "status --level migrate,projects", 1),
        ("unknown-outcome", "status --level migrate,projects,ACME", 1),
        ("no-outcome", "status --level migrate,projects,ACME", 8),
        ("no-outcome-for-good", "status --level migrate,projects,ACME", 1),
        ("apps-running", "status --level migrate,apps", 8),
        ("apps-running", "status --level migrate", 0),
        ("overridden-check", "status --level check,Failing", 1),
        ("checks-running", "checks --name Well", 0),
        ("checks-running", "checks --name Going", 8),
        ("checks-running", "checks --name Failing --name Well", 1),
        ("running", "projects --key ACME", 0),
        ("running", "projects --key ZED", 8),
        ("failed-project", "projects --key ZED", 0),
        ("failed-project", "projects --key ZED --key ACME", 1),
        ("missing", "projects --key LATE", 8),
        ("missing", "projects --key ACME", 0),
        ("missing", "status --level migrate,projects", 8),
        ("missing-for-good", "status --level migrate,projects", 1),
        ("missing-for-good", "projects --key LATE", 1),
    ],
)
def test_what_is_named_is_judged_alone(servers: dict[str, Server], name: str, words: str, code: int) -> None:
    """With --level, --name or --key, --exit-status judges the named nodes, however they are shown."""
    formats = ("plain", "json")
    assert codes(servers[name], (*words.split(), "--exit-status"), formats) == dict.fromkeys(formats, code)
    assert codes(servers[name], tuple(words.split()), ("csv",)) == {"csv": 0}


@pytest.mark.parametrize("wrong", [180, -450, -100_000])
@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("status", "missing"),
        ("projects", "missing"),
        ("projects --key LATE", "missing"),
        ("status --level migrate,projects", "missing"),
        ("status --level migrate,projects,ACME", "no-outcome"),
        ("checks", "check-stuck"),
        ("checks --name Going", "check-stuck"),
    ],
)
def test_a_clock_that_is_wrong_changes_no_code(servers: dict[str, Server], words: str, name: str, wrong: int) -> None:
    """How long ago an end was is told by the API's own clock; this machine's may be wrong by minutes or days."""
    for scenario, code in ((name, 8), (f"{name}-for-good", 1)):
        environ = environ_of(servers[scenario])
        assert migstat([*words.split(), "--exit-status"], environ, now=lambda: NOW + wrong).code == code


@pytest.mark.parametrize(
    ("name", "words", "hint"),
    [
        ("running", "status --level check,Nothing", ""),
        ("running", "status --level migrate,projects,NOPE --depth 1", ""),
        ("running", "projects --key ACME --key a,b", ""),
        ("checks-well", "status --level check", ""),
        ("checks-well", "projects latest", ""),
        ("running", "checks latest-check", ""),
        ("running", "status other-job", ""),
        ("running", "status job-1 other-task", ""),
        ("running", "tasks other-job", ""),
        ("running", "job other-job", ""),
        ("missing", "projects --key 1234", "2 are reported; --all lists them."),
        (
            "missing",
            "projects --key 12*",
            "Names must match exactly, without wildcards. 2 are reported; --all lists them.",
        ),
        ("checks-warning", "checks --name 1234", "2 are reported; --all lists them."),
        ("checks-none-yet", "checks --name 1234", "No checks are reported."),
        ("checks-running", "checks --name well", "Did you mean Well?"),
        ("checks-running", "checks --name failling", "Did you mean Failing?"),
    ],
)
def test_what_is_not_there_is_code_5(servers: dict[str, Server], name: str, words: str, hint: str) -> None:
    """No such job, task, level, check or project is an error that says what exists, or was probably meant."""
    result = ask(servers[name], *words.split())
    refused(result, 5)
    assert hint in result.err.splitlines()[-1]
    refused_as_json(ask(servers[name], *words.split(), "--json"), 5, "not-found", hint)


def test_a_part_that_could_not_be_read_is_code_3_unless_a_failure_was_seen() -> None:
    """An unreadable part that is asked for outweighs any answer but a failure: the rest is shown, and the error."""

    def broken(asked: Asked) -> Answer:
        if asked.query.get("level") == "migrate,projects":
            return Answer({"status": 500, "errorMessage": "broken"}, 500)
        return sound(asked)

    tops = {
        "check": {"status": "FINISHED", "outcome": "SUCCESS"},
        "migrate": {"status": "FINISHED", "outcome": "SUCCESS"},
    }
    root = {"status": "FINISHED", "outcome": "SUCCESS", "message": "seen", "children": tops}
    sound = one_task(of_tree(root))
    with answering(broken) as server:
        plain = server.ask("projects", "--exit-status", "-o", "plain")
        table = server.ask("status", "--exit-status", "-o", "table")
        markdown = server.ask("status", "-o", "markdown")
        document = server.ask("status", "--exit-status", "--json")
        checks = server.ask("checks", "--exit-status")
        root["outcome"] = "FAILED"
        failed = server.ask("status", "--exit-status", "--depth", "all")
    assert [plain.code, table.code, document.code, failed.code, checks.code] == [3, 3, 3, 1, 0]
    assert checks.err == ""  # they do not need the projects
    assert "succeeded" in table.out
    assert "could not be read" in table.out
    assert ("✖ unreadable" in table.out, "✖ unreadable" in markdown.out) == (True, True)
    assert json.loads(document.out)["complete"] is False
    assert json.loads(document.err)["error"]["code"] == "incomplete"
    assert "migrate,projects" in failed.err
    assert len(failed.err.splitlines()) == 2


@pytest.mark.parametrize("words", [("--depth", "0"), ("--exit-status",), ("--level", "check")])
def test_a_node_that_cannot_be_understood_is_named(words: tuple[str, ...]) -> None:
    """An unreadable node is not taken for one that has not begun, even if it is the task itself."""
    with answering(one_task(lambda _: {"status": "FINISHED", "message": {"no": "text"}})) as server:
        result = server.ask("status", *words)
    assert (result.code, result.err.count("could not be read")) == (3, 1)


@pytest.mark.parametrize("check", ["SUCCESS", "FAILED"])
def test_a_check_that_cannot_be_understood_changes_no_code_of_the_task(check: str) -> None:
    """Beside the `check` that sums it up it does not count, whatever is shown; that is said all the same."""
    ended = {"status": "FINISHED", "outcome": "SUCCESS"}
    odd = ended | {"outcome": check, "children": {"Odd": ended | {"message": 5}, "Other": ended}}
    with answering(one_task(of_tree(ended | {"children": {"check": odd, "migrate": ended}}))) as server:
        deep = ("--depth 2", "--depth all", "--raw --depth all", "--depth all --json")
        shown = [server.ask("status", "--exit-status", *words.split()) for words in ("", "--raw", "--depth 1", *deep)]
        watched = server.ask("watch", sleep=[])
        unjudged = server.ask("status", "--depth", "all")
    assert {result.code for result in (*shown, watched)} == {0 if check == "SUCCESS" else 1}
    assert unjudged.code == 3
    assert [result.err.count("could not be read: check,Odd: not as expected") for result in shown[3:]] == [1] * len(
        deep
    )


@pytest.mark.parametrize("odd", ["check", "migrate"])
def test_a_phase_that_cannot_be_understood_is_neither_absent_nor_a_success(odd: str) -> None:
    """It was reported and counts, so `status` answers 3 whatever is shown, and a watch gives up after ten minutes."""
    ended = {"status": "FINISHED", "outcome": "SUCCESS"}
    phases = {"check": ended, "migrate": ended} | {odd: ended | {"message": 5}}
    with answering(one_task(of_tree(ended | {"children": phases}))) as server:
        shown = [
            server.ask("status", "--exit-status", *words.split()) for words in ("", "--raw", "--depth 1", "-o json")
        ]
        watched = server.ask("watch", sleep=[])
    assert {result.code for result in (*shown, watched)} == {3}
    assert "never reported" not in "".join(result.out + result.err for result in (*shown, watched))


@pytest.mark.parametrize(
    ("other", "code", "verdict"), [("FINISHED", 3, "running"), ("FAILED", 1, "failed"), ("IN_PROGRESS", 1, "failed")]
)
def test_a_check_that_cannot_be_understood_has_not_failed(other: str, code: int, verdict: str) -> None:
    """Among the checks of an end long ago it is code 3, and the only reason, unless another failed or never ended."""
    ended = {"status": "FINISHED", "outcome": "SUCCESS"}
    more = ended if other == "FINISHED" else {"status": other}
    check = ended | {"children": {"Odd": ended | {"message": 5}, "Other": more}}
    with answering(one_task(of_tree(ended | {"children": {"check": check, "migrate": ended}}))) as server:
        lines = server.ask("checks", "--exit-status", "-o", "plain")
        document = server.ask("checks", "--exit-status", "--json")
    assert (lines.code, document.code) == (code, code)
    told = json.loads(document.out)
    assert (told["verdict"], told["complete"]) == (verdict, False)
    assert [reason["level"] for reason in told["reasons"]] == [["check", "Other"], []][code == 3 :]
    assert lines.err.splitlines()[0].startswith("migstat: could not be read: check,Odd: not as expected")
    assert "the task failed" not in lines.err


@pytest.mark.parametrize("worst", ["SUCCESS", "FAILED"])
@pytest.mark.parametrize("command", ["checks", "projects"])
def test_a_walk_that_breaks_off_shows_what_it_read(command: str, worst: str) -> None:
    """If a later page cannot be read, the children on earlier pages are shown, but never as a success."""
    ended = {"status": "FINISHED", "outcome": "SUCCESS"}
    of_checks = command == "checks"
    many = {"One": {"status": "FINISHED", "outcome": worst}, "Two": ended}
    sound = one_task(
        of_tree(ended | {"children": many if of_checks else {"check": ended, "migrate": ended}}),
        task_type="check" if of_checks else "migrate",
    )

    def breaking_off(asked: Asked) -> Answer:
        if asked.query.get("cursor"):
            return Answer({"status": 400, "errorMessage": "broken"}, 400)
        if asked.query.get("level", "") == ("" if of_checks else "migrate,projects") and asked.segments[-1] == "status":
            children = {"children": many} if asked.query.get("expandChildren") else {}
            return Answer({"data": (ended if of_checks else {}) | children, "links": {"next": "more"}})
        return sound(asked)

    with answering(breaking_off) as server:
        plain = server.ask(command, "--exit-status", "-o", "plain")
        document = server.ask(command, "--exit-status", "--json")
        judged = server.ask("status", "--exit-status", "--depth", "all", "--json")
    code = 1 if worst == "FAILED" else 3
    assert [plain.code, document.code, judged.code] == [code] * 3
    assert sorted(line.split("\t")[0] for line in plain.out.splitlines()) == ["One", "Two"]
    assert f"list incomplete after 2 {'children' if of_checks else 'projects'}: " in plain.err
    told = [json.loads(each.out) for each in (document, judged)]
    assert [(each["complete"], each["verdict"]) for each in told] == [(False, "failed" if code == 1 else "running")] * 2


def judged(root: SimNode, *words: str) -> Result:
    with still(of_tasks(sim_task(root, task_id="m1", created_at=0))) as server:
        return ask(server, words[0], "job-1", "m1", *words[1:])


WITHOUT_PHASES = node("root", children=(node("other"),), ended_at=LONG_AGO)


@pytest.mark.parametrize(
    ("command", "root", "reason"),
    [
        ("checks", node("root", "FAILED", "Not now."), "Not now."),
        ("projects", node("root", "FAILED", "Not now."), "Not now."),
        ("projects", WITHOUT_PHASES, "migrate: never reported"),
        ("checks", node("root", "running", children=(node("check", "FAILED", "Not yet."),)), "check: Not yet."),
    ],
)
def test_records_say_on_standard_error_why_the_task_failed(command: str, root: SimNode, reason: str) -> None:
    """If no row shows why the code is 1, standard error does."""
    for output in ("plain", "csv", "ndjson"):
        result = judged(root, command, "-o", output, "--exit-status")
        assert result.code == 1
        err = json.loads(result.err)["error"]["message"] if output == "ndjson" else result.err
        assert f"the {'checks' if root.children and command == 'checks' else 'task'} failed: {reason}" in err


def test_a_good_end_without_checks_says_that_none_were_reported() -> None:
    """The code of `checks` and of a watch of them is 0 if the task ended well, and both say what does not count."""
    for words in (("checks", "--exit-status"), ("watch", "--until", "checks")):
        result = judged(WITHOUT_PHASES, *words)
        assert (result.code, "check was never reported and does not count" in result.err) == (0, True)
