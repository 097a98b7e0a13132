"""The verdict over a task, held against tables of what the design and the exit codes promise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from migstat.model.crowd import Crowd
from migstat.model.nodes import Job, Level, Node, State
from migstat.model.shape import Evidence, shape_of
from migstat.model.verdict import (
    Assessment,
    Snapshot,
    Until,
    Verdict,
    assess,
    assess_at,
    counted,
    failed_so_far,
)
from tests.scenarios import job_of

ENDED_AT = 1_700_000_000_000
JUST_NOW = ENDED_AT + 1000
TWO_MINUTES_LATER = ENDED_AT + 120_000

PENDING, RUNNING, SUCCEEDED, WARNING, FAILED = Verdict

Word = str | None
"""A status or an outcome in one word: an outcome means that the node is FINISHED."""

STATUSES = ("PENDING", "IN_PROGRESS", "FINISHED", "CANCELLED", "STOPPED", "ABORTED", "ERROR", "TIMED_OUT", "ODD_STATUS")
CORE = Until.CORE


def node(level: Level, word: Word, children: tuple[Node, ...] | None = None, **more: Any) -> Node:
    """A node that was last updated when the task ended."""
    status, outcome = (word, None) if word is None or word in STATUSES else ("FINISHED", word)
    return Node(level, status, outcome, details={"lastUpdatedAt": ENDED_AT}, children=children, **more)


def migrate_task(
    root: Word,
    *,
    check: Word = "SUCCESS",
    migrate: Word = "SUCCESS",
    scopes: dict[str, Word] | None = None,
    leaves: dict[str, Word] | None = None,
    hidden: str = "projects",
) -> Node:
    """A migrate task of which everything was read; `-` as the word of check or migrate leaves it out."""
    below = [node(("migrate", name), word, ()) for name, word in (scopes or {}).items()]
    if leaves is not None:
        children = tuple(node(("migrate", hidden, name), word) for name, word in leaves.items())
        below.append(Node(("migrate", hidden), children=children))
    phases = [node(("check",), check)] if check != "-" else []
    if migrate != "-":
        phases.append(node(("migrate",), migrate, tuple(below)))
    return node((), root, tuple(phases))


def job(*keys: str, **scopes: Any) -> Job:
    return job_of({"scope": {**({"projects": {"includedKeys": list(keys)}} if keys else {}), **scopes}})


def evidence(root: Node, *keys: str, task_type: str = "migrate", **scopes: Any) -> Evidence:
    return Evidence(root=root, task_type=task_type, job=job(*keys, **scopes))


def assessed(root: Node, *keys: str, settled: bool = True, until: Until = Until.DONE, **scopes: Any) -> Assessment:
    return assess(evidence(root, *keys, **scopes), until, settled=settled)


@pytest.mark.parametrize(
    ("word", "expected"),
    [("SUCCESS", SUCCEEDED), ("SKIPPED", SUCCEEDED), ("WARNING", WARNING), ("FAILED", FAILED), ("INCOMPLETE", FAILED),
     ("ODD_OUTCOME", FAILED), ("FINISHED", FAILED), ("CANCELLED", FAILED), ("TIMED_OUT", FAILED), ("ERROR", FAILED)],
)  # fmt: skip
@pytest.mark.parametrize("where", ["root", "check", "migrate", "scope", "app", "project", "space"])
def test_each_part_that_counts_makes_the_verdict(where: str, word: str, expected: Verdict) -> None:
    """An end of root, check, migrate, a scope, its child, or a project without a known good outcome is a failure."""
    root = migrate_task(
        word if where == "root" else "SUCCESS",
        check=word if where == "check" else "SUCCESS",
        migrate=word if where == "migrate" else "SUCCESS",
        scopes={"usersAndGroups": word if where == "scope" else "SUCCESS"},
        leaves={"A": "SUCCESS", "B": word if where in ("project", "space") else "SUCCESS"},
        hidden="spaces" if where == "space" else "projects",
    )
    if where == "app":
        migrate = (root.children or ())[1]
        apps = node(("migrate", "apps"), "SUCCESS", (node(("migrate", "apps", "x"), word),))
        root = replace(root, children=((root.children or ())[0], replace(migrate, children=(apps,))))
    assert assessed(root).verdict is expected


ENDS = {
    # what was read, what the job names, and the verdict: before the end has settled, and after
    "all well": (migrate_task("SUCCESS", leaves={"A": "SUCCESS"}), ("A",), SUCCEEDED, SUCCEEDED),
    "a key is missing": (migrate_task("SUCCESS", leaves={"A": "SUCCESS"}), ("A", "B"), RUNNING, FAILED),
    "another case": (migrate_task("SUCCESS", leaves={"DOC": "SUCCESS"}), ("doc",), SUCCEEDED, SUCCEEDED),
    "a failure, and a key is missing": (migrate_task("SUCCESS", leaves={"A": "FAILED"}), ("A", "B"), RUNNING, FAILED),
    "a project is pending": (migrate_task("SUCCESS", leaves={"A": "PENDING"}), (), RUNNING, FAILED),
    "a project runs": (migrate_task("SUCCESS", leaves={"A": "IN_PROGRESS"}), (), RUNNING, FAILED),
    "a project without an outcome": (migrate_task("SUCCESS", leaves={"A": "FINISHED"}), (), RUNNING, FAILED),
    "the root without an outcome": (migrate_task("FINISHED"), (), RUNNING, FAILED),
    "no migrate": (migrate_task("SUCCESS", migrate="-"), (), RUNNING, FAILED),
    "no check": (migrate_task("SUCCESS", check="-"), (), RUNNING, SUCCEEDED),
    "a scope runs": (migrate_task("SUCCESS", scopes={"apps": "IN_PROGRESS"}), (), RUNNING, RUNNING),
    "a scope runs, but a project failed": (
        migrate_task("SUCCESS", scopes={"apps": "PENDING"}, leaves={"A": "FAILED"}), (), RUNNING, RUNNING),
    "a scope of a failed task runs": (migrate_task("FAILED", scopes={"apps": "IN_PROGRESS"}), (), RUNNING, FAILED),
    "migrate failed, and a scope hangs": (
        migrate_task("SUCCESS", migrate="FAILED", scopes={"users": "IN_PROGRESS"}), (), RUNNING, FAILED),
    "migrate hangs": (migrate_task("SUCCESS", migrate="IN_PROGRESS"), (), RUNNING, FAILED),
    "cancelled": (migrate_task("CANCELLED", migrate="IN_PROGRESS"), (), RUNNING, FAILED),
    "refused": (node((), "FAILED", ()), ("A",), FAILED, FAILED),
    "a lone root without an outcome": (node((), "CANCELLED", ()), ("A",), RUNNING, FAILED),
    "a lone root that did well": (node((), "SUCCESS", ()), (), RUNNING, FAILED),
    "it runs": (migrate_task("IN_PROGRESS", leaves={"A": "FAILED"}), (), RUNNING, RUNNING),
    "it is pending": (migrate_task(None, check="-", migrate="-"), (), PENDING, PENDING),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_an_end_is_believed_when_it_is_proven_or_has_settled(name: str) -> None:
    """What is unfinished, missing or without an outcome may still come for two minutes, and then has failed."""
    root, keys, before, after = ENDS[name]
    assert [assessed(root, *keys, settled=settled).verdict for settled in (False, True)] == [before, after]


@pytest.mark.parametrize(
    ("scopes", "noted"),
    [
        ({}, []),
        ({"apps": {"includedKeys": ["x"]}}, ["apps was never reported and does not count"]),
        ({"apps": {"includedKeys": []}}, []),
        ({"usersAndGroups": {"mode": "NONE"}}, []),
        ({"projects": {"mode": "ALL"}}, ["projects was never reported and does not count"]),
    ],
)
def test_a_scope_that_the_job_names_is_waited_for_and_then_noted(scopes: Any, noted: list[str]) -> None:
    """A scope that never comes does not count, and is mentioned."""
    root = migrate_task("SUCCESS", scopes={"customers": "SUCCESS"})
    assert assessed(root, settled=False, **scopes).over is (not noted)
    found = assessed(root, **scopes)
    assert (found.verdict, list(found.notes)) == (SUCCEEDED, noted)
    either = migrate_task("SUCCESS", scopes={"customers": "SUCCESS"}, leaves={"A": "SUCCESS"}, hidden="spaces")
    assert assessed(either, projects={"mode": "ALL"}, settled=False).over
    assert assessed(root, until=Until.CORE, apps={"mode": "ALL"}, settled=False).over


UNTIL = [
    # root, check, migrate, scopes, projects, and the settled verdict of all, the core, and the checks
    ("IN_PROGRESS", "SUCCESS", "SUCCESS", {"apps": "IN_PROGRESS"}, "WARNING", RUNNING, WARNING, SUCCEEDED),
    ("IN_PROGRESS", "SUCCESS", "IN_PROGRESS", {}, "SUCCESS", RUNNING, RUNNING, SUCCEEDED),
    ("IN_PROGRESS", "WARNING", "SUCCESS", {"jsm": "IN_PROGRESS"}, "SUCCESS", RUNNING, RUNNING, WARNING),
    ("FAILED", "SUCCESS", "SUCCESS", {"apps": "FAILED"}, "SUCCESS", FAILED, SUCCEEDED, SUCCEEDED),
    ("FAILED", "SUCCESS", "SUCCESS", {"jsm": "FAILED"}, "SUCCESS", FAILED, FAILED, SUCCEEDED),
    ("IN_PROGRESS", "IN_PROGRESS", "-", {}, "SUCCESS", RUNNING, RUNNING, RUNNING),
    ("IN_PROGRESS", "FAILED", "-", {}, "SUCCESS", RUNNING, RUNNING, FAILED),
    ("CANCELLED", "IN_PROGRESS", "IN_PROGRESS", {}, "SUCCESS", FAILED, FAILED, FAILED),
    ("SUCCESS", "SUCCESS", "SUCCESS", {}, "PENDING", FAILED, FAILED, SUCCEEDED),
]


@pytest.mark.parametrize(("root", "check", "migrate", "scopes", "project", "done", "core", "checks"), UNTIL)
def test_only_what_is_waited_for_counts(
    root: Word, check: Word, migrate: Word, scopes: Any, project: Word, done: Verdict, core: Verdict, checks: Verdict
) -> None:
    """The core is all but apps, the checks are `check` alone, and both end with the root at the latest."""
    tree = migrate_task(root, check=check, migrate=migrate, scopes=scopes, leaves={"A": project})
    found = [assessed(tree, "A", until=until) for until in Until]
    assert [each.verdict for each in found] == [done, core, checks]
    assert found[0].summary == found[1].summary == found[2].summary


def test_failures_so_far_are_those_that_count_and_are_for_good() -> None:
    """Failing fast heeds only what is waited for, never an end without an outcome, and a warning only if strict."""
    scopes: dict[str, Word] = {"apps": "FAILED", "jsm": "WARNING", "customers": "TIMED_OUT"}
    tree = migrate_task("IN_PROGRESS", check="WARNING", migrate="IN_PROGRESS", scopes=scopes, leaves={"A": "ODD"})
    known = evidence(tree)

    def names(until: Until, *, strict: bool) -> list[str]:
        return [each.name for each in failed_so_far(known, until, strict=strict)]

    assert [names(until, strict=False) for until in Until] == [["apps", "A"], ["A"], []]
    assert [names(until, strict=True) for until in Until] == [["apps", "A", "check", "jsm"], ["A", "jsm"], ["check"]]


def test_single_checks_do_not_count_beside_check() -> None:
    """In a migrate task an overridden failure is the check's own WARNING, and unread checks are no flaw."""
    check = node(("check",), "WARNING", (node(("check", "A"), "FAILED"),))
    root = node((), "SUCCESS", (check, node(("migrate",), "SUCCESS", ())))
    assert assessed(root).verdict is WARNING
    unread = replace(check, children=None, unreadable="503")
    assert assessed(replace(root, children=(unread, *(root.children or ())[1:]))).verdict is WARNING


@pytest.mark.parametrize(
    ("root", "checks", "before", "after"),
    [
        ("SUCCESS", {"A": "SUCCESS", "B": "SKIPPED"}, SUCCEEDED, SUCCEEDED),
        ("SUCCESS", {"A": "WARNING"}, WARNING, WARNING),
        ("WARNING", {"A": "FAILED"}, FAILED, FAILED),
        ("WARNING", {"A": "ODD_OUTCOME"}, FAILED, FAILED),
        ("FAILED", {}, FAILED, FAILED),
        ("SUCCESS", {"A": "SUCCESS", "B": "IN_PROGRESS"}, RUNNING, FAILED),
        ("IN_PROGRESS", {"A": "FAILED"}, RUNNING, RUNNING),
        (None, {}, PENDING, PENDING),
    ],
)
@pytest.mark.parametrize("below_check", [False, True])
def test_in_a_check_task_all_checks_count(
    root: Word, checks: dict[str, Word], before: Verdict, after: Verdict, below_check: bool
) -> None:
    """The checks make the verdict together with the root, wherever they are answered; the job is not needed."""
    level: Level = ("check",) if below_check else ()
    children = tuple(node((*level, name), word) for name, word in checks.items())
    if below_check and checks:
        children = (Node(level, children=children),)
    known = Evidence(root=node((), root, children), task_type="check", job=None)
    assert [assess(known, settled=settled).verdict for settled in (False, True)] == [before, after]


ALL_THERE = Node(("migrate", "projects"), children=(node(("migrate", "projects", "A"), "SUCCESS"),))
UNREAD = {
    "a project": node(("migrate",), "SUCCESS", (Node(("migrate", "projects"), children=(
        Node(("migrate", "projects", "A"), unreadable="odd"),)),)),
    "the projects": node(("migrate",), "SUCCESS", (Node(("migrate", "projects"), unreadable="503"),)),
    "some of the projects": node(("migrate",), "SUCCESS", (Node(("migrate", "projects"), unreadable="no end", children=(
        node(("migrate", "projects", "X"), "IN_PROGRESS"),)),)),
    "the scopes": node(("migrate",), "SUCCESS", (
        ALL_THERE, node(("migrate", "apps"), "IN_PROGRESS")), unreadable="503"),  # as last known
    "an app": node(("migrate",), "SUCCESS", (
        node(("migrate", "apps"), "SUCCESS", None, unreadable="503"), ALL_THERE)),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREAD)
def test_what_could_not_be_read_is_no_success_and_no_failure(name: str) -> None:
    """An unread part may have failed, or may hold what is missing; a known failure still is one."""
    for root, expected in (("SUCCESS", RUNNING), ("FAILED", FAILED)):
        found = assessed(node((), root, (node(("check",), "SUCCESS"), UNREAD[name])), "A")
        assert (found.verdict, len(found.unread), found.ended) == (expected, 1, True)
        assert found.reasons[-1].message == f"could not be read: {found.unread[0]}"


def test_what_may_have_ended_unseen_is_unread() -> None:
    """A root that makes no sense must not look like one that runs, nor a check task whose checks were not read."""
    assert assessed(Node((), unreadable="odd", children=())).unread == ("the task: odd",)
    root = node((), "WARNING", (Node(("check",), unreadable="503"),))
    found = assess(Evidence(root=root, task_type="check", job=None))
    assert (found.verdict, found.over, found.unread) == (RUNNING, False, ("check: 503",))


def test_without_the_job_nobody_knows_what_is_missing() -> None:
    """A success is not believed without the job's scope, except for the checks."""
    known = Evidence(root=migrate_task("SUCCESS", leaves={"A": "SUCCESS"}), task_type="migrate", job=None)
    assert [assess(known, until).verdict for until in Until] == [RUNNING, RUNNING, SUCCEEDED]


@pytest.mark.parametrize(
    ("check", "migrate", "expected"),
    [("FAILED", "-", FAILED), ("FAILED", "PENDING", FAILED), ("FAILED", "IN_PROGRESS", RUNNING),
     ("WARNING", "-", RUNNING), ("IN_PROGRESS", "-", RUNNING), ("ODD", "-", FAILED)],
)  # fmt: skip
def test_a_migration_that_was_not_scheduled_has_failed(check: Word, migrate: Word, expected: Verdict) -> None:
    """Checks that failed with no migration begun for long enough are the end, though the root still runs."""
    known = evidence(migrate_task("IN_PROGRESS", check=check, migrate=migrate), "A")
    found = assess(known, unscheduled=True)
    assert (found.verdict, found.over) == (expected, expected is FAILED)
    assert assess(known).verdict is RUNNING
    assert known.shape.blocked is found.over


@pytest.mark.parametrize("until", [Until.DONE, Until.CORE])
@pytest.mark.parametrize("root", ["IN_PROGRESS", "FAILED"])
def test_failed_checks_are_the_one_reason_why_nothing_was_moved(root: Word, until: Until) -> None:
    """Checks that blocked the migration fail the whole and its core alike, without listing everything missing."""
    blocked = evidence(node((), root, (node(("check",), "FAILED"),)), "A", "B", apps={"includedKeys": ["timesheets"]})
    found = assess(blocked, until, unscheduled=True)
    assert (found.verdict, found.over, found.notes) == (Verdict.FAILED, True, ())
    assert [reason.level for reason in found.reasons] == [("check",)]


HOUR = 3_600_000


@pytest.mark.parametrize(
    ("stamp", "now", "expected"),
    [
        (ENDED_AT, TWO_MINUTES_LATER - 1, RUNNING),
        (ENDED_AT, TWO_MINUTES_LATER, FAILED),
        (ENDED_AT // 1000, JUST_NOW, RUNNING),  # in seconds: the newest of the others counts
        (None, JUST_NOW, RUNNING),
        (None, TWO_MINUTES_LATER, FAILED),
        (ENDED_AT + 60_000, TWO_MINUTES_LATER, RUNNING),
        (ENDED_AT + 48 * HOUR, TWO_MINUTES_LATER, FAILED),  # not a time
    ],
)
def test_a_one_off_goes_by_the_stamps(stamp: int | None, now: int, expected: Verdict) -> None:
    """The end of the root is as old as its last update says, or else the newest stamp of what counts."""
    root = migrate_task("SUCCESS", leaves={"A": "SUCCESS"})
    root = replace(root, details={} if stamp is None else {"lastUpdatedAt": stamp})
    assert assess_at(evidence(root, "A", "B"), now).verdict is expected


def test_a_one_off_goes_by_the_scope_that_ended_last() -> None:
    """Apps may end days after the root, and their end settles as well; without any stamp an end has settled."""
    root = migrate_task("SUCCESS", scopes={"apps": "FINISHED"})
    old = replace(root, details={"lastUpdatedAt": ENDED_AT - 48 * HOUR})
    assert [assess_at(evidence(old), now).verdict for now in (JUST_NOW, TWO_MINUTES_LATER)] == [RUNNING, FAILED]
    bare = Node((), "FINISHED", "SUCCESS", children=())
    assert assess_at(evidence(bare, "A"), JUST_NOW).verdict is FAILED
    assert assess_at(evidence(migrate_task("IN_PROGRESS", check="FAILED", migrate="-")), JUST_NOW).verdict is RUNNING
    young = replace(migrate_task("IN_PROGRESS", check="FINISHED"), details={"lastUpdatedAt": ENDED_AT - 48 * HOUR})
    assert assess_at(evidence(young), JUST_NOW, Until.CHECKS).verdict is RUNNING


WORDS = st.sampled_from([None, "PENDING", "IN_PROGRESS", "SUCCESS", "WARNING", "SKIPPED", "FAILED", "ODD", "ABORTED"])


@given(WORDS, WORDS, WORDS, st.lists(WORDS, max_size=3), st.lists(WORDS, max_size=4), st.booleans(), st.booleans())
def test_a_good_verdict_means_that_all_that_counts_ended_well(
    root: Word, check: Word, migrate: Word, scopes: list[Word], leaves: list[Word], missing: bool, settled: bool
) -> None:
    """Whatever the tree, it succeeds only if every part that counts ended well, and says why if it did not."""
    tree = migrate_task(
        root,
        check=check,
        migrate=migrate,
        scopes={f"s{number}": word for number, word in enumerate(scopes)},
        leaves={f"P{number}": word for number, word in enumerate(leaves)} or None,
    )
    parts = [root, check, migrate, *scopes, *leaves]
    found = assessed(tree, *(["X"] if missing else []), settled=settled)
    all_well = all(part in {"SUCCESS", "WARNING", "SKIPPED"} for part in parts) and not missing
    assert (found.verdict in (SUCCEEDED, WARNING)) is all_well
    assert found.over is (found.verdict not in (PENDING, RUNNING))
    if all_well:
        assert (found.verdict is WARNING) is ("WARNING" in parts)
    if found.verdict in (FAILED, WARNING):
        assert found.reasons
    assert found.summary.total == len(leaves) + missing


def test_reasons_name_what_failed_then_what_is_missing() -> None:
    """A parent that only repeats a failure below it is not a reason; one beside something that hangs is.

    Nor is an end that may still get an outcome. Checks are the reasons for `check`, unless it was stopped.
    """
    no_outcome = migrate_task("SUCCESS", leaves={"A": "FINISHED"})
    assert [len(assessed(no_outcome, settled=settled).reasons) for settled in (False, True)] == [0, 1]
    tree = migrate_task("FAILED", migrate="FAILED", scopes={"apps": "IN_PROGRESS"}, leaves={"A": "FAILED"})
    found = [(reason.level[-1] if reason.level else "", reason.state) for reason in assessed(tree, "A", "B").reasons]
    assert found == [("A", State.FAILED), ("apps", State.RUNNING), ("B", State.MISSING)]
    cancelled = migrate_task("CANCELLED", migrate="IN_PROGRESS")
    assert [reason.level for reason in assessed(cancelled).reasons] == [(), ("migrate",)]
    for outcome, named in (("FAILED", ["A"]), ("ABORTED", ["check"])):
        checks = (node(("check", "A"), "FAILED"), node(("check", "B"), "WARNING"))
        blocked = node((), "FAILED", (node(("check",), outcome, checks),))
        assert [reason.level[-1] for reason in assessed(blocked).reasons] == named
    warned = migrate_task("WARNING", leaves={"A": "WARNING", "B": "SUCCESS"})
    assert [reason.level[-1] for reason in assessed(warned).reasons] == ["A"]


def test_a_view_is_complete_if_all_was_read_and_reported() -> None:
    """A part that could not be read or was left out, or that is not reported, makes it incomplete."""
    view = Snapshot("j", "t", "migrate", 0, Node(), PENDING)
    lacking = (replace(view, missing=("A",)), replace(view, flaws=("check: it broke",)), replace(view, partial=True))
    assert [each.complete for each in (view, *lacking)] == [True, False, False, False]


def test_the_leaves_of_a_task() -> None:
    """Progress is counted in checks, or in the projects and spaces of both hidden levels, each name once."""
    for hidden in ("projects", "spaces"):
        root = migrate_task("IN_PROGRESS", scopes={"apps": "SUCCESS"}, leaves={"A": None, "B": "FAILED"}, hidden=hidden)
        assert [leaf.name for leaf in shape_of(root, "migrate").leaves] == ["A", "B"]
        known = evidence(root)
        assert [len(part) for part in counted(known)] == [4, 2]
        assert replace(known, root=Node()).shape.leaves == ()  # found once, but not for another tree
    assert [shape_of(Node(), task_type).leaves for task_type in ("migrate", "check", None)] == [()] * 3
    assert [leaf.name for leaf in shape_of(node((), None, (node(("X",), "FAILED"),)), "check").leaves] == ["X"]
    levels = tuple(
        Node(("migrate", hidden), children=tuple(node(("migrate", hidden, name), word) for name, word in words.items()))
        for hidden, words in (
            ("projects", {"A": "SUCCESS", "B": "FAILED"}),
            ("spaces", {"A": "FAILED", "B": "SUCCESS"}),
        )
    )
    both = node((), "SUCCESS", (node(("migrate",), "SUCCESS", levels),))
    assert [(leaf.name, leaf.outcome) for leaf in shape_of(both, "migrate").leaves] == [
        ("A", "FAILED"), ("B", "FAILED"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("done", "running", "skipped", "missing", "begun", "expected"),
    [
        (10, 10, 0, 0, 100, 100), (10, 5, 0, 5, 100, 100), (5, 1, 0, 0, 100, 20), (4, 1, 0, 0, 100, None),
        (9, 95, 0, 0, 100, None), (9, 0, 0, 95, 100, None), (20, 0, 0, 0, 100, None), (0, 5, 0, 0, 100, None),
        (0, 0, 0, 0, 100, None), (0, 1, 20, 0, 100, None), (10, 10, 20, 0, 100, 100), (20, 1, 0, 0, None, None),
        (10, 10, 0, 0, -50, 0),
    ],
)  # fmt: skip
def test_an_end_is_estimated_from_the_pace_so_far(
    done: int, running: int, skipped: int, missing: int, begun: int | None, expected: int | None
) -> None:
    """What is left takes as long as what is done took, if that is five and a tenth at least; skipped ones say nothing.

    All began `begun` seconds ago. An end is never in the past, even if the clocks disagree.
    """
    details = {} if begun is None else {"startedAt": JUST_NOW - begun * 1000}
    words = ["SUCCESS"] * done + ["IN_PROGRESS"] * running + ["SKIPPED"] * skipped
    leaves = [replace(node(("migrate", "projects", str(n)), word), details=details) for n, word in enumerate(words)]
    end = Crowd(leaves).earliest_end(missing, JUST_NOW)
    assert end == (None if expected is None else JUST_NOW + expected * 1000)
