"""The verdict over a task, held against tables of what the design and the exit codes promise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from migstat.model.nodes import Level, Node, State, leaves_of
from migstat.model.verdict import (
    Snapshot,
    Summary,
    Until,
    Verdict,
    estimated_end,
    failures_of,
    flattened,
    nested,
    not_scheduled,
    settled,
    summary_of,
    verdict_of_node,
    verdict_of_states,
    verdict_of_task,
)

ENDED_AT = 1_700_000_000_000
JUST_NOW = ENDED_AT + 1000
TWO_MINUTES_LATER = ENDED_AT + 120_000

PENDING, RUNNING, SUCCEEDED, WARNING, FAILED = (
    Verdict.PENDING,
    Verdict.RUNNING,
    Verdict.SUCCEEDED,
    Verdict.WARNING,
    Verdict.FAILED,
)

Word = str | None
"""A status or an outcome in one word: an outcome means that the node is FINISHED."""

STATUSES = ("PENDING", "IN_PROGRESS", "FINISHED", "CANCELLED", "STOPPED", "ABORTED", "ERROR", "ODD_STATUS")


def node(level: Level, word: Word, children: tuple[Node, ...] | None = None) -> Node:
    """A node that was last updated when the task ended."""
    details = {"lastUpdatedAt": ENDED_AT}
    if word is None:
        return Node(level, details=details, children=children)
    if word in STATUSES:
        return Node(level, word, details=details, children=children)
    return Node(level, "FINISHED", word, details=details, children=children)


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
    below = [node(("migrate", name), word) for name, word in (scopes or {}).items()]
    if leaves is not None:
        children = tuple(node(("migrate", hidden, name), word) for name, word in leaves.items())
        below.append(Node(("migrate", hidden), children=children))
    phases = []
    if check != "-":
        phases.append(node(("check",), check))
    if migrate != "-":
        phases.append(node(("migrate",), migrate, tuple(below)))
    return node((), root, tuple(phases))


def verdict(root: Node, missing: tuple[str, ...] = (), now: int = JUST_NOW) -> Verdict:
    """The verdict of a migrate task."""
    return verdict_of_task(root, "migrate", missing, now)


@pytest.mark.parametrize(
    ("word", "expected"),
    [("SUCCESS", SUCCEEDED), ("SKIPPED", SUCCEEDED), ("WARNING", WARNING), ("FAILED", FAILED), ("INCOMPLETE", FAILED),
     ("ODD_OUTCOME", FAILED), ("FINISHED", FAILED), ("CANCELLED", FAILED), ("ABORTED", FAILED), ("ERROR", FAILED)],
)  # fmt: skip
@pytest.mark.parametrize("where", ["root", "check", "migrate", "scope", "project", "space"])
def test_each_part_that_counts_makes_the_verdict(where: str, word: str, expected: Verdict) -> None:
    """An end of root, check, migrate, a scope, a project or a space without a known good outcome is a failure."""
    root = migrate_task(
        word if where == "root" else "SUCCESS",
        check=word if where == "check" else "SUCCESS",
        migrate=word if where == "migrate" else "SUCCESS",
        scopes={"usersAndGroups": word if where == "scope" else "SUCCESS", "apps": "SUCCESS"},
        leaves={"A": "SUCCESS", "B": word if where in ("project", "space") else "SUCCESS"},
        hidden="spaces" if where == "space" else "projects",
    )
    assert verdict(root) is expected


def test_a_failure_weighs_more_than_a_warning() -> None:
    """The worst of all parts counts."""
    assert verdict(migrate_task("WARNING", leaves={"A": "FAILED"})) is FAILED
    assert verdict(migrate_task("SUCCESS", check="WARNING", leaves={"A": "SKIPPED"})) is WARNING


@pytest.mark.parametrize("word", ["PENDING", "IN_PROGRESS", None, "ODD_STATUS"])
@pytest.mark.parametrize("scope", ["apps", "usersAndGroups"])
def test_a_task_has_not_ended_while_a_scope_has_not(scope: str, word: Word) -> None:
    """Apps go on after the core: root, migrate and projects may be finished, and it still runs."""
    root = migrate_task("SUCCESS", scopes={"customers": "SUCCESS", scope: word}, leaves={"A": "SUCCESS"})
    assert verdict(root, now=TWO_MINUTES_LATER * 2) is RUNNING


def test_a_failed_project_is_no_end_while_apps_go_on() -> None:
    """Until the apps have ended the task runs, whatever its projects say."""
    assert verdict(migrate_task("SUCCESS", scopes={"apps": "IN_PROGRESS"}, leaves={"A": "FAILED"})) is RUNNING


@pytest.mark.parametrize(
    ("root", "phases", "expected"),
    [
        (None, {}, PENDING),
        (None, {"check": "IN_PROGRESS"}, RUNNING),
        ("IN_PROGRESS", {}, RUNNING),
        ("IN_PROGRESS", {"check": "FAILED", "migrate": "IN_PROGRESS"}, RUNNING),
        ("IN_PROGRESS", {"check": "SUCCESS", "migrate": "FAILED"}, RUNNING),
        ("IN_PROGRESS", {"check": "SUCCESS", "migrate": "SUCCESS"}, RUNNING),
        ("ODD_STATUS", {"check": "SUCCESS"}, RUNNING),
    ],
)
def test_a_task_that_has_not_ended(root: Word, phases: dict[str, Word], expected: Verdict) -> None:
    """Without any status it is pending, and it runs until its root has ended."""
    read = migrate_task(root, check=phases.get("check", "-"), migrate=phases.get("migrate", "-"))
    assert verdict(read) is expected


@pytest.mark.parametrize(
    ("check", "migrate", "now", "expected"),
    [
        ("FAILED", "-", JUST_NOW, RUNNING),
        ("FAILED", "-", TWO_MINUTES_LATER, FAILED),
        ("FAILED", "PENDING", TWO_MINUTES_LATER, FAILED),
        ("FAILED", None, TWO_MINUTES_LATER, FAILED),
        ("FAILED", "IN_PROGRESS", TWO_MINUTES_LATER, RUNNING),
        ("WARNING", "-", TWO_MINUTES_LATER, RUNNING),
        ("SUCCESS", "PENDING", TWO_MINUTES_LATER, RUNNING),
        ("IN_PROGRESS", "-", TWO_MINUTES_LATER, RUNNING),
    ],
)
def test_a_migration_that_was_never_scheduled_has_failed(
    check: Word, migrate: Word, now: int, expected: Verdict
) -> None:
    """Checks that ended badly with no migration begun for two minutes are the end, though the root still runs."""
    root = migrate_task("IN_PROGRESS", check=check, migrate=migrate)
    assert verdict(root, now=now) is expected


def test_checks_that_fail_before_the_migration_fail_the_task() -> None:
    """A root that ended FAILED without a migration is a failure at once, whatever is not reported."""
    assert verdict(migrate_task("FAILED", check="FAILED", migrate="-"), missing=("A",)) is FAILED
    assert verdict(migrate_task("FAILED", check="FAILED", migrate="PENDING"), missing=("A",)) is FAILED


@pytest.mark.parametrize("word", ["PENDING", "IN_PROGRESS", None, "missing"])
@pytest.mark.parametrize(("now", "expected"), [(JUST_NOW, RUNNING), (TWO_MINUTES_LATER, FAILED)])
def test_a_project_that_never_ends_fails_the_task_after_two_minutes(word: Word, now: int, expected: Verdict) -> None:
    """Statuses are eventually consistent, so an unfinished or missing project gets two minutes, and no success."""
    leaves: dict[str, Word] = {"A": "SUCCESS"}
    if word != "missing":
        leaves["B"] = word
    assert verdict(migrate_task("SUCCESS", leaves=leaves), ("B",) if word == "missing" else (), now) is expected


def test_a_missing_project_is_never_a_success_without_times() -> None:
    """Where nobody knows when the task ended, a project that was not seen keeps it from succeeding."""
    root = Node((), "FINISHED", "SUCCESS", children=(Node(("migrate",), "FINISHED", "SUCCESS", children=()),))
    assert verdict(root, ("A",), TWO_MINUTES_LATER) is not SUCCEEDED


def test_a_failed_project_fails_the_task_whatever_is_missing() -> None:
    """A failure that was seen is not waited for."""
    assert verdict(migrate_task("SUCCESS", leaves={"A": "FAILED", "B": "PENDING"}), ("C",)) is FAILED


def test_the_children_of_check_do_not_count_beside_it() -> None:
    """In a migrate task an overridden failure is the check's own WARNING."""
    check = node(("check",), "WARNING", (node(("check", "A"), "FAILED"),))
    root = node((), "SUCCESS", (check, node(("migrate",), "SUCCESS", ())))
    assert verdict(root) is WARNING


def test_the_children_of_a_scope_do_not_count_beside_it() -> None:
    """A single app counts in the scope's own outcome."""
    apps = node(("migrate", "apps"), "WARNING", (node(("migrate", "apps", "x"), "FAILED"),))
    root = node((), "SUCCESS", (node(("check",), "SUCCESS"), node(("migrate",), "SUCCESS", (apps,))))
    assert verdict(root) is WARNING


@pytest.mark.parametrize(
    ("root", "checks", "now", "expected"),
    [
        ("SUCCESS", {"A": "SUCCESS", "B": "SKIPPED"}, JUST_NOW, SUCCEEDED),
        ("SUCCESS", {"A": "WARNING"}, JUST_NOW, WARNING),
        ("WARNING", {"A": "FAILED"}, JUST_NOW, FAILED),
        ("WARNING", {"A": "ODD_OUTCOME"}, JUST_NOW, FAILED),
        ("FAILED", {"A": "SUCCESS"}, JUST_NOW, FAILED),
        ("FAILED", {}, JUST_NOW, FAILED),
        ("SKIPPED", {"A": "SKIPPED"}, JUST_NOW, SUCCEEDED),
        ("SUCCESS", {"A": "SUCCESS", "B": "IN_PROGRESS"}, JUST_NOW, RUNNING),
        ("IN_PROGRESS", {"A": "FAILED"}, TWO_MINUTES_LATER, RUNNING),
        (None, {}, TWO_MINUTES_LATER, PENDING),
    ],
)
def test_in_a_check_task_all_checks_count(root: Word, checks: dict[str, Word], now: int, expected: Verdict) -> None:
    """The checks of a check task make its verdict together with its root."""
    children = tuple(node((name,), word) for name, word in checks.items())
    assert verdict_of_task(node((), root, children), "check", (), now) is expected


@pytest.mark.parametrize("task_type", ["check", "migrate"])
def test_what_was_not_read_is_no_success(task_type: str) -> None:
    """A root that ended well proves nothing where what is below it could not be read."""
    unread = node((), "SUCCESS", None if task_type == "check" else (node(("migrate",), "SUCCESS", None),))
    assert verdict_of_task(unread, task_type, (), TWO_MINUTES_LATER) not in (SUCCEEDED, WARNING)


@pytest.mark.parametrize("now", [JUST_NOW, TWO_MINUTES_LATER])
def test_an_unreadable_project_is_no_success_and_no_failure(now: int) -> None:
    """What could not be read is unknown, and unknown is not the end."""
    broken = Node(("migrate", "projects", "A"), unreadable="not as expected")
    level = Node(("migrate", "projects"), children=(broken,))
    root = node((), "SUCCESS", (node(("migrate",), "SUCCESS", (level,)),))
    assert verdict(root, now=now) is RUNNING
    unread = Node(("migrate", "projects"), unreadable="it broke")
    assert verdict(node((), "SUCCESS", (node(("migrate",), "SUCCESS", (unread,)),)), now=now) is RUNNING


WORDS = st.sampled_from([None, "PENDING", "IN_PROGRESS", "SUCCESS", "WARNING", "SKIPPED", "FAILED", "ODD", "ABORTED"])


@given(WORDS, WORDS, WORDS, st.lists(WORDS, max_size=3), st.lists(WORDS, max_size=4), st.booleans(), st.booleans())
def test_a_good_verdict_means_that_all_that_counts_ended_well(
    root: Word, check: Word, migrate: Word, scopes: list[Word], leaves: list[Word], missing: bool, late: bool
) -> None:
    """Whatever the tree, it succeeds only where every part that counts was seen to end well."""
    good = {"SUCCESS", "WARNING", "SKIPPED"}
    tree = migrate_task(
        root,
        check=check,
        migrate=migrate,
        scopes={f"s{number}": word for number, word in enumerate(scopes)},
        leaves={f"P{number}": word for number, word in enumerate(leaves)} or None,
    )
    parts = [root, check, migrate, *scopes, *leaves]
    reached = verdict(tree, ("X",) if missing else (), TWO_MINUTES_LATER if late else JUST_NOW)
    all_well = all(part in good for part in parts) and not missing
    assert (reached in (SUCCEEDED, WARNING)) is all_well
    if all_well:
        assert (reached is WARNING) is ("WARNING" in parts)


@pytest.mark.parametrize(
    ("check", "migrate", "expected"),
    [("FAILED", "-", True), ("FAILED", "PENDING", True), ("FAILED", "IN_PROGRESS", False), ("FAILED", "FAILED", False),
     ("WARNING", "-", False), ("IN_PROGRESS", "-", False), ("-", "-", False), ("ODD", "-", True)],
)  # fmt: skip
def test_when_a_migration_was_not_scheduled(check: Word, migrate: Word, expected: bool) -> None:
    """Its checks ended badly and it has not begun."""
    assert not_scheduled(migrate_task("IN_PROGRESS", check=check, migrate=migrate)) is expected


def test_an_end_settles_after_two_minutes() -> None:
    """Only an end with a known time can be long ago."""
    assert settled(node((), "SUCCESS"), TWO_MINUTES_LATER)
    assert not settled(node((), "SUCCESS"), TWO_MINUTES_LATER - 1)
    assert not settled(node((), "IN_PROGRESS"), TWO_MINUTES_LATER * 2)
    assert not settled(Node((), "FINISHED", "SUCCESS"), TWO_MINUTES_LATER * 2)


@pytest.mark.parametrize(
    ("word", "expected"),
    [(None, PENDING), ("PENDING", PENDING), ("IN_PROGRESS", RUNNING), ("SUCCESS", SUCCEEDED), ("SKIPPED", SUCCEEDED),
     ("WARNING", WARNING), ("FAILED", FAILED), ("ODD", FAILED), ("CANCELLED", FAILED)],
)  # fmt: skip
def test_the_verdict_of_one_node(word: Word, expected: Verdict) -> None:
    """A node alone is what its status and outcome say."""
    assert verdict_of_node(node(("check", "A"), word)) is expected


def test_the_verdict_of_several_states() -> None:
    """Together they are running, or as bad as the worst."""
    assert verdict_of_states([State.SUCCEEDED, State.SKIPPED]) is SUCCEEDED
    assert verdict_of_states([State.SUCCEEDED, State.WARNING]) is WARNING
    assert verdict_of_states([State.FAILED, State.PENDING]) is RUNNING
    assert verdict_of_states([]) is PENDING


def test_nodes_are_counted_by_where_they_are_and_how_they_ended() -> None:
    """Every node is pending, running or finished, and outcomes are counted as they came."""
    words = [None, "PENDING", "IN_PROGRESS", "ODD_STATUS", "SUCCESS", "SUCCESS", "FAILED", "ODD", "CANCELLED"]
    summary = summary_of(node((str(number),), word) for number, word in enumerate(words))
    assert summary == Summary(9, 2, 2, 5, {"FAILED": 1, "ODD": 1, "SUCCESS": 2}, failed=3, succeeded=2)
    assert list(summary.by_outcome) == sorted(summary.by_outcome)
    assert summary_of([]) == Summary(0, 0, 0, 0, {})


@pytest.mark.parametrize(
    ("missing", "flaws", "complete"), [((), (), True), (("A",), (), False), ((), ("check: it broke",), False)]
)
def test_a_view_is_complete_without_flaws_and_missing_children(
    missing: tuple[str, ...], flaws: tuple[str, ...], complete: bool
) -> None:
    """A part that could not be read, or that is not reported, makes it incomplete."""
    view = Snapshot("j", "t", "migrate", 0, Node(), PENDING, missing, flaws)
    assert view.complete is complete


# parts of a task


def until(root: Node, what: Until, *, missing: tuple[str, ...] = (), waited: bool = False) -> Verdict:
    """The verdict of a migrate task, as far as it is waited for."""
    return verdict_of_task(root, "migrate", missing, JUST_NOW, until=what, waited=waited)


@pytest.mark.parametrize("apps", ["IN_PROGRESS", "PENDING", "FAILED", "WARNING", "SUCCESS", None])
def test_until_core_apps_do_not_count(apps: Word) -> None:
    """All but `apps` makes the verdict of the core, whether the apps have ended, and how."""
    root = migrate_task("IN_PROGRESS", scopes={"customers": "SUCCESS", "apps": apps}, leaves={"A": "WARNING"})
    assert until(root, Until.CORE) is WARNING


@pytest.mark.parametrize(
    ("migrate", "scope", "project", "expected"),
    [
        ("IN_PROGRESS", "SUCCESS", "SUCCESS", RUNNING),
        ("SUCCESS", "IN_PROGRESS", "SUCCESS", RUNNING),
        ("SUCCESS", "SUCCESS", "FAILED", FAILED),
        ("SUCCESS", "FAILED", "SUCCESS", FAILED),
        ("FAILED", "SUCCESS", "SUCCESS", FAILED),
        ("SUCCESS", "SUCCESS", "SUCCESS", SUCCEEDED),
        ("SUCCESS", "SUCCESS", "PENDING", RUNNING),
    ],
)
def test_until_core_all_else_counts(migrate: Word, scope: Word, project: Word, expected: Verdict) -> None:
    """The core has ended when `migrate` and its scopes but `apps` have, and its projects make the verdict."""
    root = migrate_task(
        "IN_PROGRESS", migrate=migrate, scopes={"customers": scope, "apps": "IN_PROGRESS"}, leaves={"A": project}
    )
    assert until(root, Until.CORE) is expected


@pytest.mark.parametrize(
    ("check", "expected"),
    [("IN_PROGRESS", RUNNING), ("PENDING", PENDING), ("SUCCESS", SUCCEEDED), ("WARNING", WARNING), ("FAILED", FAILED)],
)
@pytest.mark.parametrize("root", ["IN_PROGRESS", "FAILED"])
def test_until_checks_only_check_counts(root: Word, check: Word, expected: Verdict) -> None:
    """The verdict of the checks is that of the `check` node, whatever the migration does."""
    assert until(migrate_task(root, check=check, migrate="FAILED", leaves={"A": "FAILED"}), Until.CHECKS) is expected


def test_until_checks_in_a_check_task_all_count() -> None:
    """A check task is its checks."""
    root = node((), "WARNING", (node(("A",), "FAILED"),))
    assert verdict_of_task(root, "check", (), JUST_NOW, until=Until.CHECKS) is FAILED


@pytest.mark.parametrize("waited", [True, False])
def test_whether_it_was_waited_long_enough_can_be_told(waited: bool) -> None:
    """A watch knows itself how long it waited for what is missing, whatever the times of the nodes say."""
    root = migrate_task("SUCCESS", leaves={"A": "SUCCESS"})
    expected = FAILED if waited else RUNNING
    assert verdict_of_task(root, "migrate", ("B",), TWO_MINUTES_LATER, waited=waited) is expected
    scheduled = migrate_task("IN_PROGRESS", check="FAILED", migrate="-")
    assert verdict_of_task(scheduled, "migrate", (), TWO_MINUTES_LATER, waited=waited) is expected


NAMES = st.sampled_from(["a", "b", "check", "migrate", "projects", "", "漢"])


def trees(level: Level = (), depth: int = 3) -> st.SearchStrategy[Node]:
    """Any tree whose children have names of their own; None and no children at all are two things."""
    below: st.SearchStrategy[tuple[Node, ...] | None] = st.none()
    if depth:
        below |= st.lists(NAMES, unique=True, max_size=3).flatmap(
            lambda names: st.tuples(*(trees((*level, name), depth - 1) for name in names))
        )
    return st.builds(lambda word, children: node(level, word, children), WORDS, below)


@given(trees(depth=2))
def test_a_tree_survives_being_flattened(root: Node) -> None:
    """A tree taken apart by levels and put together again is the same tree."""
    parts = flattened(root)
    assert all(level == part.level and not part.children for level, part in parts.items())
    assert nested(parts) == root


def test_a_root_that_was_not_read_is_made() -> None:
    """Where only what is below the root was read, the root is there without a status."""
    check = node(("check",), "FAILED")
    assert nested({("check",): check}) == Node((), children=(check,))
    assert nested({}) == Node()


@pytest.mark.parametrize("hidden", ["projects", "spaces"])
def test_the_leaves_of_a_migration_are_its_projects_or_spaces(hidden: str) -> None:
    """Progress is counted in projects or spaces; a check task's in its checks."""
    root = migrate_task("IN_PROGRESS", scopes={"apps": "SUCCESS"}, leaves={"A": None, "B": "FAILED"}, hidden=hidden)
    assert [leaf.name for leaf in leaves_of(root, "migrate")] == ["A", "B"]
    assert leaves_of(migrate_task("IN_PROGRESS", migrate="-"), "migrate") == ()
    assert leaves_of(Node(), "migrate") == leaves_of(Node(), "check") == leaves_of(Node(), None) == ()
    assert [leaf.name for leaf in leaves_of(node((), None, (node(("X",), "FAILED"),)), "check")] == ["X"]


def failing(what: Until) -> list[str]:
    """What of a task in which everything failed counts, by its names."""
    root = migrate_task(
        "FAILED",
        check="FAILED",
        migrate="FAILED",
        scopes={"apps": "FAILED", "customers": "INCOMPLETE", "jsm": "WARNING"},
        leaves={"A": "FAILED", "B": "ODD", "C": "SUCCESS", "D": "IN_PROGRESS"},
    )
    return [",".join(failed.level) for failed in failures_of(root, "migrate", what)]


def test_failures_are_what_would_make_the_verdict() -> None:
    """Root, phases, scopes and projects that ended badly, as far as they are waited for."""
    core = ["", "check", "migrate", "migrate,customers", "migrate,projects,A", "migrate,projects,B"]
    assert sorted(failing(Until.DONE)) == sorted([*core, "migrate,apps"])
    assert sorted(failing(Until.CORE)) == core
    assert failing(Until.CHECKS) == ["check"]
    overridden = node(("check",), "WARNING", (node(("check", "A"), "FAILED"),))
    assert failures_of(node((), "IN_PROGRESS", (overridden,)), "migrate", Until.DONE) == ()
    checks = node((), "IN_PROGRESS", (node(("A",), "FAILED"), node(("B",), "SUCCESS")))
    for what in Until:
        assert [failed.name for failed in failures_of(checks, "check", what)] == ["A"]


def leaf(name: str, begun: int | None, word: Word) -> Node:
    """A project that began so many seconds ago."""
    details = {} if begun is None else {"startedAt": JUST_NOW - begun * 1000}
    return replace(node(("migrate", "projects", name), word), details=details)


@pytest.mark.parametrize(
    ("done", "running", "missing", "expected"),
    [
        (10, 10, 0, 100),
        (10, 5, 5, 100),
        (5, 1, 0, 20),
        (4, 1, 0, None),
        (9, 95, 0, None),
        (9, 0, 95, None),
        (20, 0, 0, None),
        (0, 5, 0, None),
        (0, 0, 0, None),
    ],
)
def test_an_end_is_estimated_from_the_pace_so_far(done: int, running: int, missing: int, expected: int | None) -> None:
    """What is left takes as long as what is done took, where that is five and a tenth at least; else nobody knows."""
    leaves = [leaf(f"D{number}", 100, "SUCCESS") for number in range(done)]
    leaves += [leaf(f"R{number}", 50, "IN_PROGRESS") for number in range(running)]
    end = estimated_end(tuple(leaves), missing, JUST_NOW)
    assert end == (None if expected is None else JUST_NOW + expected * 1000)


def test_no_end_is_estimated_without_times_or_from_what_was_skipped() -> None:
    """Skipped projects tell nothing of the pace, and neither do those without times."""
    running = leaf("R", 50, "IN_PROGRESS")
    skipped = [leaf(f"S{number}", 100, "SKIPPED") for number in range(20)]
    timeless = [leaf(f"D{number}", None, "SUCCESS") for number in range(20)]
    assert estimated_end((*skipped, running), 0, JUST_NOW) is None
    assert estimated_end((*timeless, leaf("R", None, "IN_PROGRESS")), 0, JUST_NOW) is None


@given(st.lists(st.tuples(st.none() | st.integers(-100, 10**6), WORDS), max_size=30), st.integers(0, 50))
def test_an_estimated_end_is_never_past(lives: list[tuple[int | None, Word]], missing: int) -> None:
    """Whatever the times say, the end lies ahead, and there is none to come where all is done."""
    leaves = tuple(leaf(f"P{number}", begun, word) for number, (begun, word) in enumerate(lives))
    end = estimated_end(leaves, missing, JUST_NOW)
    assert end is None or end >= JUST_NOW
    if not missing and all(each.ended for each in leaves):
        assert end is None
