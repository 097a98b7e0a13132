"""Which levels each view of a task asks for, and what it makes of the answers; against the simulator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
import pytest

from migstat.errors import ApiError, NotFound, Refused
from migstat.model.nodes import Level, Node, child_of
from migstat.model.shape import Shape, shape_of
from migstat.query.tree import ALL, Reading, TaskTarget, Tree
from migstat.simulator.scenario import SimNode
from tests.scenarios import TASK, moved, of_root
from tests.watching import Answer, OneByOne, Sent, SimulatedWatch, Trouble

PROJECTS: Level = ("migrate", "projects")
KEYS = {"projects": {"includedKeys": ["P1", "P2", "P3", "P4"]}}

Read = Callable[[Tree], Reading]


def scripted(name: str, word: str, *children: SimNode) -> SimNode:
    """A node in one word: PENDING, IN_PROGRESS, or the outcome that it had long ago."""
    began, ended = None if word == "PENDING" else -900, None if word in ("PENDING", "IN_PROGRESS") else -500
    return moved(name, began, ended, word, children=children)


def level_of(name: str, words: Mapping[str, str]) -> SimNode:
    return SimNode(name=name, hidden=True, children=tuple(scripted(key, word) for key, word in words.items()))


def migrate_task(
    root: str = "IN_PROGRESS",
    check: str = "SUCCESS",
    migrate: str = "IN_PROGRESS",
    hidden: SimNode | None = None,
    **scopes: str,
) -> SimNode:
    """The tree of a migrate task with two checks, and these scopes."""
    checks = scripted("check", check, scripted("A", "SUCCESS"), scripted("B", "WARNING"))
    below = [scripted(name, word) for name, word in scopes.items()]
    return scripted("root", root, checks, scripted("migrate", migrate, *below, *([hidden] if hidden else [])))


RUNNING = migrate_task(
    hidden=level_of("projects", {"P1": "SUCCESS", "P2": "IN_PROGRESS", "P3": "PENDING"}),
    usersAndGroups="SUCCESS",
    apps="IN_PROGRESS",
)
ENDED = migrate_task(
    "SUCCESS",
    migrate="SUCCESS",
    hidden=level_of("projects", {"P1": "SUCCESS", "P2": "FAILED"}),
    usersAndGroups="SUCCESS",
    apps="SUCCESS",
)
REFUSED = scripted("root", "FAILED")
CHECKS = scripted("root", "WARNING", scripted("B", "WARNING"), scripted("a", "SUCCESS"), scripted("C", "SKIPPED"))


def simulated(root: SimNode = RUNNING, **more: Any) -> SimulatedWatch:
    """A task with this tree: a check task if it is the one above, else one that migrates."""
    return SimulatedWatch(of_root(root, task_type="check" if root is CHECKS else "migrate", **more))


def tree_of(root: SimNode = RUNNING, **more: Any) -> Tree:
    return simulated(root, **more).session.tree


def failing(about: str, status: int) -> Trouble:
    """An error for each question about a level or the job; 200 is an answer that is not JSON."""

    def answer(target: str, _now: float) -> Answer:
        if Sent(0.0, target).brief.split()[0].rstrip("+") != about:
            return None
        return httpx.Response(status, text="<html>" if status == 200 else "{}")

    return answer


def shape(view: Reading) -> Shape:
    return shape_of(view.root, view.task_type)


def names(node: Node | None) -> list[str] | None:
    return None if node is None or node.children is None else [child.name for child in node.children]


# what is asked

BELOW = ["migrate,projects+", "migrate,spaces+"]
JUDGED = ["root+", "migrate+", "migrate,apps+", "migrate,usersAndGroups+", "job", *BELOW]
"""All that the verdict over a migration that has ended rests on."""


@pytest.mark.parametrize(
    ("root", "read", "asked"),
    [
        (RUNNING, lambda tree: tree.read(0), ["root+"]),
        (RUNNING, lambda tree: tree.read(0, judged=True), ["root+", "job"]),
        (RUNNING, lambda tree: tree.read(1), ["root+"]),
        (RUNNING, lambda tree: tree.read(2), ["root+", "check+", "migrate+"]),
        (ENDED, lambda tree: tree.read(0), ["root+"]),
        (ENDED, lambda tree: tree.read(1), ["root+"]),
        (REFUSED, lambda tree: tree.read(1), ["root+", "task"]),
        (ENDED, lambda tree: tree.read(0, judged=True), JUDGED),
        (RUNNING, lambda tree: tree.glance(), ["root+", "migrate+", "job", *BELOW]),
        (ENDED, lambda tree: tree.glance(), [*JUDGED, "migrate+", *BELOW]),
        (ENDED, lambda tree: (tree.read(0, judged=True), tree.read(ALL)), [*JUDGED, "check+"]),
        (RUNNING, lambda tree: tree.checks(), ["root+", "job", "check+"]),
        (RUNNING, lambda tree: (tree.read(0), tree.checks()), ["root+", "check+"]),
        (ENDED, lambda tree: tree.checks(), ["root+", "job", "check+", "check+"]),
        (ENDED, lambda tree: tree.checks(ended=True), ["root+", "check+"]),
        (RUNNING, lambda tree: tree.projects(()), ["root+", "job", *BELOW]),
        (ENDED, lambda tree: tree.projects(()), [*JUDGED, *BELOW]),
        (RUNNING, lambda tree: tree.node(("check", "A"), 0), ["check,A"]),
        (RUNNING, lambda tree: tree.node(("check",), 1), ["check+"]),
        (RUNNING, lambda tree: tree.node(PROJECTS, 0), ["migrate,projects", "migrate,projects+", "job"]),
        (RUNNING, lambda tree: tree.node(PROJECTS, 1), ["migrate,projects+", "job"]),
    ],
)  # fmt: skip
def test_each_view_asks_for_no_more_than_it_shows(root: SimNode, read: Read, asked: list[str]) -> None:
    """The requests of every view of a migrate task are those that it needs, each once.

    Of one that has ended, what was asked for before that was known is asked for again.
    """
    sim = simulated(root)
    read(sim.session.tree)
    assert sorted(sim.asked()) == sorted(asked)


@pytest.mark.parametrize("more", [0, 43], ids=["one page", "three"])
@pytest.mark.parametrize(
    "read",
    [
        lambda tree: tree.read(0, judged=True),
        lambda tree: tree.read(ALL),
        lambda tree: tree.glance(),
        lambda tree: tree.checks(),
    ],
)
def test_a_check_task_costs_its_pages(read: Read, more: int) -> None:
    """The checks of a check task are children of its root, and there is nothing below them."""
    checks = [*CHECKS.children, *(scripted(f"D{number}", "SUCCESS") for number in range(more))]
    sim = SimulatedWatch(of_root(scripted("root", "WARNING", *checks), task_type="check"))
    sim.session.task = TaskTarget(TASK, "check")
    view = read(sim.session.tree)
    pages = ["root+", *["root+ next"] * (2 if more else 0)]
    assert [asked for asked in sim.asked() if asked != "job"] == pages
    assert (names(shape(view).checks_parent) or ["a", "B", "C"])[:3] == ["a", "B", "C"]
    judged = view.evidence.shape if view.evidence else shape(view)
    assert {check.name for check in judged.checks} == {check.name for check in checks}
    assert (view.task_type, view.missing, view.flaws) == ("check", (), ())


@pytest.mark.parametrize(
    ("check", "asked"),
    [("SUCCESS", False), ("WARNING", True), ("FAILED", True), ("IN_PROGRESS", True), ("PENDING", False)],
)
def test_a_glance_reads_the_checks_unless_all_is_well(check: str, asked: bool) -> None:
    """Checks that passed are not worth a request."""
    sim = simulated(migrate_task(check=check, migrate="PENDING"))
    view = sim.session.tree.glance()
    assert ("check+" in sim.asked(), names(shape(view).checks_parent) is not None) == (asked, asked)


def test_a_glance_at_checks_in_two_places_reads_them_once() -> None:
    """While a check task runs, the checks at its root stand for their copies below `check`."""
    checks = (scripted("A", "IN_PROGRESS"), scripted("B", "SUCCESS"))
    root = scripted("root", "IN_PROGRESS", *checks, scripted("check", "IN_PROGRESS", *checks))
    sim = SimulatedWatch(of_root(root, task_type="check"))
    sim.session.task = TaskTarget(TASK, "check")
    view = sim.session.tree.glance()
    assert ([check.name for check in shape(view).checks], sim.asked()) == (["A", "B"], ["job", "root+"])


def test_wanted_projects_are_asked_for_by_name() -> None:
    """A project that the user named is looked for, whatever the walk saw."""
    sim = simulated(scope=KEYS)
    assert sim.session.tree.projects(("P1", "P4")).missing == ("P4",)
    assert sim.asked()[4:] == ["migrate,projects,P4"]


MANY = {f"P{number:03}": "SUCCESS" for number in range(230)} | {
    "P007": "FAILED", "P100": "WARNING", "P101": "IN_PROGRESS", "P150": "IN_PROGRESS", "P229": "PENDING",
}  # fmt: skip
BAD = ("IN_PROGRESS", "FAILED", "WARNING", "INCOMPLETE", "STOPPED", "CANCELLED", "TIMED_OUT")


@pytest.mark.parametrize(
    ("root", "count", "filters", "partial", "named"),
    [
        ("IN_PROGRESS", 230, "works", True, True),
        ("IN_PROGRESS", 230, "works", True, False),
        ("IN_PROGRESS", 230, "ignored", False, True),
        ("IN_PROGRESS", 230, "rejected", False, True),
        ("IN_PROGRESS", 200, "works", False, True),
        ("IN_PROGRESS", 200, "works", False, False),
        ("SUCCESS", 230, "works", False, True),
    ],
)
def test_a_glance_at_many_projects_reads_those_that_matter(
    root: str, count: int, filters: str, partial: bool, named: bool
) -> None:
    """Of more than 200 projects of a running task the server is asked for those that run or did not end well.

    Where the filter is not obeyed all are read, as they are once the verdict rests on them. Those that the job does not
    name are counted until there are so many.
    """
    words = dict(list(MANY.items())[:count])
    tree = migrate_task(root, migrate=root, hidden=level_of("projects", words))
    keys = [*words] if named else []
    sim = simulated(tree, scope={"projects": {"includedKeys": keys}}, filters=filters, page_size=100)
    view = sim.session.tree.glance()
    found = [leaf.name for leaf in shape(view).leaves]
    assert found == (["P007", "P100", "P101", "P150"] if partial else [*words])
    assert (view.partial, view.missing, view.flaws) == (partial, (), ())
    if partial:
        asked = [asked for asked in sim.asked() if "projects+ " in asked]
        counting = [] if named else [f"migrate,projects+ {word}" for word in ("PENDING", "IN_PROGRESS", "next")]
        assert asked == [*counting, *(f"migrate,projects+ {word}" for word in BAD)]
    elif not named:
        assert sim.asked().count("migrate,projects+ next") == 1
    if root == "SUCCESS":
        assert sum("projects" in asked for asked in sim.asked()) == 1 + 3


# what is found


def test_all_levels_of_a_migrate_task() -> None:
    """The whole tree holds the checks, the scopes, and the level that the API does not list; or as much as is asked."""
    tree = tree_of(scope=KEYS)
    view = tree.read(1)
    assert (names(view.root), names(shape(view).checks_parent), names(child_of(view.root, "migrate"))) == (
        ["check", "migrate"],
        None,
        None,
    )
    view = tree.read(ALL)
    assert (names(view.root), names(shape(view).checks_parent)) == (["check", "migrate"], ["A", "B"])
    assert names(child_of(view.root, "migrate")) == ["apps", "usersAndGroups", "projects"]
    assert [leaf.level for leaf in shape(view).leaves] == [(*PROJECTS, name) for name in ("P1", "P2", "P3")]
    assert (view.task_type, view.scope, view.missing) == ("migrate", "projects", ("P4",))
    assert view.flaws == ()


def test_children_stand_in_the_order_in_which_a_migration_goes() -> None:
    """Check comes before migrate, projects come last, and names are sorted without regard to case."""
    hidden = level_of("projects", {"b": "SUCCESS", "A": "SUCCESS"})
    view = tree_of(migrate_task(hidden=hidden, zeta="SUCCESS", Alpha="SUCCESS")).read(ALL)
    assert names(view.root) == ["check", "migrate"]
    assert names(child_of(view.root, "migrate")) == ["Alpha", "zeta", "projects"]
    assert [leaf.name for leaf in shape(view).leaves] == ["A", "b"]


@pytest.mark.parametrize("hidden", ["projects", "spaces"])
@pytest.mark.parametrize("scope", ["projects", "spaces"])
def test_both_names_of_the_hidden_level_are_supported(scope: str, hidden: str) -> None:
    """Projects and spaces are both asked for, whatever the job names."""
    root = migrate_task(hidden=level_of(hidden, {"X": "IN_PROGRESS"}))
    view = tree_of(root, scope={scope: {"includedKeys": ["X", "Y"]}}).projects()
    assert (view.scope, [leaf.name for leaf in shape(view).leaves], view.missing) == (hidden, ["X"], ("Y",))


@pytest.mark.parametrize("word", ["IN_PROGRESS", "SUCCESS"])
def test_what_hangs_below_the_other_hidden_level_is_not_missing(word: str) -> None:
    """A key of the job's scope is missing if neither level shows it, whichever of the two is asked for."""
    levels = (level_of("projects", {"P1": word, "P2": word}), level_of("spaces", {"P3": word}))
    sim = simulated(scripted("root", word, scripted("migrate", word, *levels)), scope=KEYS)
    view = sim.session.tree.node(("migrate", "spaces"), 1)
    assert (names(view.root), view.missing) == (["P3"], ("P4",))


@pytest.mark.parametrize("root", [migrate_task(), scripted("root", "PENDING")], ids=["begun", "just created"])
def test_a_scope_of_which_nothing_is_reported_is_missing(root: SimNode) -> None:
    """Before the hidden level appears all keys of the job's scope are missing, which is not an error."""
    view = tree_of(root, scope=KEYS).projects()
    assert (view.scope, shape(view).leaves, view.missing, view.flaws) == ("projects", (), ("P1", "P2", "P3", "P4"), ())


def test_a_view_does_not_depend_on_those_before_it() -> None:
    """The checks say nothing of projects, even if another view of the same tree has found some missing."""
    tree = tree_of(migrate_task(migrate="PENDING"), scope=KEYS)
    assert (tree.glance().missing, tree.checks().missing) == (("P1", "P2", "P3", "P4"), ())


@pytest.mark.parametrize("task_type", ["check", "migrate"])
def test_a_task_just_created_is_pending(task_type: Any) -> None:
    """If the tree does not show the task's type, the task itself is read."""
    sim = SimulatedWatch(of_root(scripted("root", "PENDING"), task_type=task_type, scope=KEYS))
    view = sim.session.tree.glance()
    assert sim.asked()[5:] == ["task", *(["check+"] if task_type == "check" else [])]
    assert (view.task_type, view.root.ended, names(view.root)) == (task_type, False, [])


# one node


@pytest.mark.parametrize(
    ("root", "level"),
    [
        (CHECKS, ("check",)), (CHECKS, ("check", "B")), (CHECKS, ("b",)), (RUNNING, ("A",)), (RUNNING, ("check", "C")),
        (RUNNING, ("migrate", "spaces")), (RUNNING, (*PROJECTS, "NONE")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("depth", [0, 1])
def test_a_level_that_is_not_there_is_not_found(root: SimNode, level: Level, depth: int) -> None:
    """Empty data with HTTP 200 means that the level does not exist."""
    sim = simulated(root)
    with pytest.raises(NotFound, match=",".join(level)):
        sim.session.tree.node(level, depth)
    assert len(sim.asked()) <= 2


@pytest.mark.parametrize(
    ("root", "level", "task_type", "state"),
    [
        (RUNNING, ("check", "B"), "migrate", "warning"),
        (RUNNING, ("migrate",), "migrate", "running"),
        (RUNNING, (*PROJECTS, "P2"), "migrate", "running"),
        (CHECKS, ("B",), "check", "warning"),
    ],
)
def test_a_level_is_one_node(root: SimNode, level: Level, task_type: str, state: str) -> None:
    """One node is one request and tells whose it is."""
    sim = simulated(root)
    view = sim.session.tree.node(level, 0)
    assert len(sim.asked()) == 1
    assert (view.root.level, view.root.state, view.root.children, view.task_type) == (level, state, None, task_type)


def test_a_level_is_read_as_deep_as_asked() -> None:
    """Below `migrate` lie its scopes, and two levels below also the projects, whose level only has children."""
    assert names(tree_of().node(("migrate",), 1).root) == ["apps", "usersAndGroups"]
    deep = tree_of().node(("migrate",), 2).root
    assert names(deep) == ["apps", "usersAndGroups", "projects"]
    assert names(child_of(deep, "projects")) == ["P1", "P2", "P3"]
    for depth in (0, 1, ALL):
        hidden = tree_of().node(PROJECTS, depth).root
        assert (hidden.status, names(hidden)) == (None, ["P1", "P2", "P3"])


# what cannot be read


@pytest.mark.parametrize("level", [("check",), ("migrate",), PROJECTS])
@pytest.mark.parametrize("status", [404, 400, 503, 200])
def test_an_unreadable_subtree_is_a_value(level: Level, status: int) -> None:
    """An unreadable part is shown with its reason, and everything else is read."""
    sim = simulated()
    sim.trouble = failing(",".join(level), status)
    view = sim.session.tree.read(ALL)
    node: Node | None = view.root
    for name in level:
        node = child_of(node, name)
    assert node is not None
    assert node.unreadable
    assert names(node) == (["projects"] if level == ("migrate",) else None)
    assert [flaw for flaw in view.flaws if flaw.startswith(f"{','.join(level)}: ")]
    assert names(shape(view).checks_parent) == (None if level == ("check",) else ["A", "B"])


@pytest.mark.parametrize(
    ("about", "status", "raised"),
    [
        ("check", 401, Refused), ("migrate", 403, Refused), ("migrate,apps", 401, Refused),
        ("migrate,projects", 403, Refused), ("job", 403, Refused), ("root", 401, Refused), ("root", 404, NotFound),
        ("root", 400, ApiError),
    ],
)  # fmt: skip
def test_what_is_about_the_whole_task_is_raised(about: str, status: int, raised: type[ApiError]) -> None:
    """An account that may not see a part may not see the task, and without its root there is nothing to show."""
    sim = simulated(scope=KEYS)
    sim.trouble = failing(about, status)
    with pytest.raises(raised, match=str(status)):
        sim.session.tree.read(ALL)


def test_a_job_that_cannot_be_read_is_a_flaw() -> None:
    """Without the job's scope everything is read, but it is unknown what is missing."""
    sim = simulated(scope=KEYS)
    sim.trouble = failing("job", 404)
    view = sim.session.tree.glance()
    assert [leaf.name for leaf in shape(view).leaves] == ["P1", "P2", "P3"]
    assert (view.missing, len(view.flaws)) == ((), 1)
    name, _, why = view.flaws[0].partition(": ")  # as the live view divides it between two columns
    assert (name, why.endswith("; missing projects cannot be detected")) == ("the job's scope", True)


# what ends or moves meanwhile


class Backwards(OneByOne):
    def together(self, function: Callable[[Any], Any], items: Sequence[Any], at_a_time: int = 1) -> list[Any]:
        return super().together(function, items[::-1])[::-1]


@pytest.mark.parametrize("read", [Tree.glance, Tree.projects])
@pytest.mark.parametrize("ended_at", range(8))
def test_no_page_is_older_than_the_end_that_the_root_tells(read: Read, ended_at: int) -> None:
    """What was asked for together with the root is asked for again if the root turns out to have ended."""
    hidden = SimNode(name="projects", hidden=True, children=(moved("P1", -9, ended_at, "FAILED"),))
    migrate = moved("migrate", -9, ended_at, "FAILED", children=(hidden,))
    scenario = of_root(moved("root", -9, ended_at, "FAILED", children=(migrate,)), scope=KEYS)
    found = read(SimulatedWatch(scenario, latency=1.0, session=Backwards).session.tree)
    assert [leaf.ended for leaf in shape(found).leaves] == [True] or not found.root.ended


@pytest.mark.parametrize(
    "read",
    [
        lambda tree: tree.node(PROJECTS, 1).root.children,
        lambda tree: tree.node(("migrate",), 2).root.children[0].children,
        lambda tree: shape(tree.projects()).leaves,
    ],
)
@pytest.mark.parametrize(
    ("root_ended_at", "migrate_ended_at", "moved_at"),
    [
        *((at, at, at) for at in (0.5, 1.5, 2.5, 3.5, 4.5, 5.5)),
        *((root, 99, at) for root in (99, -5) for at in (1.5, 2.5, 3.5, 4.5)),
    ],
)
def test_a_level_whose_task_ends_meanwhile_loses_no_child(
    read: Callable[[Tree], tuple[Node, ...]], root_ended_at: float, migrate_ended_at: float, moved_at: float
) -> None:
    """Whenever the task ends between two requests, all projects are found.

    Two of four finish at `moved_at`, so that one comes to lie behind the first page's cursor.
    """
    ends = {"A": -2, "B": moved_at, "C": -2, "D": moved_at}
    hidden = SimNode(name="projects", hidden=True, children=tuple(moved(name, -9, at) for name, at in ends.items()))
    migrate = moved("migrate", -9, migrate_ended_at, children=(hidden,))
    root = moved("root", -9, root_ended_at, children=(migrate,))
    found = read(SimulatedWatch(of_root(root, page_size=2), latency=1.0).session.tree)
    assert [child.name for child in found] == ["A", "B", "C", "D"]
