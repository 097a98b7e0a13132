"""Which levels each view of a task asks for, and what it makes of the answers; against the simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import pytest

from migstat.api.endpoints import Api
from migstat.api.retry import Timing
from migstat.errors import NotFound, Refused
from migstat.model.nodes import Job, Level, Node, Page, Question, checks_of, child_of
from migstat.query.tree import ALL, Reading, Tree
from migstat.settings.resolve import Flags, settings_from
from migstat.simulator import scenario as script
from migstat.simulator.server import Server, serve

T = TypeVar("T")
R = TypeVar("R")

PROJECTS: Level = ("migrate", "projects")
SPACES: Level = ("migrate", "spaces")


def scripted(name: str, word: str, *children: script.SimNode, hidden: bool = False) -> script.SimNode:
    """A node in one word: PENDING, IN_PROGRESS, or the outcome that it had long ago."""
    if hidden or word == "PENDING":
        return script.SimNode(name=name, hidden=hidden, children=children)
    ended, outcome = (None, None) if word == "IN_PROGRESS" else (-500.0, word)
    return script.SimNode(name=name, started_at=-900, ended_at=ended, outcome=outcome, children=children)


def level_of(name: str, words: dict[str, str]) -> script.SimNode:
    """A hidden level with these children."""
    return scripted(name, "", *(scripted(key, word) for key, word in words.items()), hidden=True)


def migrate_task(
    root: str = "IN_PROGRESS",
    check: str = "SUCCESS",
    migrate: str = "IN_PROGRESS",
    hidden: script.SimNode | None = None,
    **scopes: str,
) -> script.SimNode:
    """The tree of a migrate task with two checks, and these scopes."""
    checks = scripted("check", check, scripted("A", "SUCCESS"), scripted("B", "WARNING"))
    below = [scripted(name, word) for name, word in scopes.items()]
    return scripted("root", root, checks, scripted("migrate", migrate, *below, *([hidden] if hidden else [])))


def scenario_of(
    root: script.SimNode,
    *,
    task_type: script.TaskType = "migrate",
    flow: str = "jira-onpremises-to-cloud",
    scope: dict[str, Any] | None = None,
    filters: script.FilterMode = "works",
    page_size: int = 20,
) -> script.Scenario:
    """A scenario of one task."""
    job = script.SimJob(job_id="j", name="n", flow=flow, server_id="s", destination_url="u", scope=scope or {})
    task = script.SimTask(label="only", task_id="t", task_type=task_type, created_at=-1000, root=root)
    return script.Scenario(name="one", job=job, tasks=(task,), filters=filters, page_size=page_size)


@dataclass
class Reader:
    """A tree over a simulator. `faults` are queued before a level is asked for."""

    server: Server
    api: Api
    faults: dict[Level, str] = field(default_factory=dict)
    job_fault: str = ""
    known_type: str | None = None
    backwards: bool = False

    @property
    def tree(self) -> Tree:
        """A tree that has read nothing yet."""
        return Tree(self, self)

    def ask(self, question: Question) -> Page:
        """One question about the only task."""
        if question.level in self.faults:
            self.server.faults.add(self.faults[question.level], 50)
        try:
            return self.api.status("j", "t", question)
        finally:
            self.server.faults.clear()

    def together(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Call the function for each item, one after the other, so that what is asked has one order."""
        order = reversed(range(len(items))) if self.backwards else range(len(items))
        results = {at: function(items[at]) for at in order}
        return [results[at] for at in range(len(items))]

    def reading(self, level: Level, seen: Mapping[str, Node]) -> None:
        """Nothing to note."""

    @property
    def job(self) -> Job:
        """The job's definition."""
        if self.job_fault:
            self.server.faults.add(self.job_fault)
        return self.api.job("j")

    @property
    def asked_type(self) -> str | None:
        """The type of the task, as the API has it."""
        return self.api.task("j", "t").task_type

    @property
    def asked(self) -> list[str]:
        """What the server was asked, in short: a level with + where it was expanded, and with its filter."""
        return [_short(path) for _, path in self.server.requests]


def _short(path: str) -> str:
    parts = urlsplit(path)
    if not parts.path.endswith("/status"):
        return "task" if "/tasks/" in parts.path else "job"
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    expanded = "+" if query.get("expandChildren") == "true" else ""
    wanted = "".join(f" {query[name]}" for name in ("status", "outcome") if name in query)
    return query.get("level", "root") + expanded + wanted + (" next" if "cursor" in query else "")


@contextmanager
def reading(scenario: script.Scenario, *, step: float = 0.0, known_type: str | None = None) -> Iterator[Reader]:
    """A simulator whose clock makes a step with every request, and a client whose sleeps move its own."""
    wall, now = [1_700_000_000.0 - step], [0.0]

    def clock() -> float:
        wall[0] += step
        return wall[0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with ExitStack() as opened:
        server = opened.enter_context(serve(scenario, clock=clock, speed=1.0, rate_limit=None))
        environ = {
            "MIGSTAT_BASE_URL": server.base_url,
            "MIGSTAT_EMAIL": server.email,
            "MIGSTAT_TOKEN": server.token,
            "MIGSTAT_RATE_LIMIT": "none",
        }
        timing = Timing(lambda: now[0], sleep, share=lambda: 1.0)
        api = opened.enter_context(Api(settings_from(Flags(), environ, str), timing))
        yield Reader(server, api, known_type=known_type)


def names(node: Node | None) -> list[str] | None:
    """The names of a node's children, None where they were not read."""
    return None if node is None or node.children is None else [child.name for child in node.children]


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
KEYS = {"projects": {"includedKeys": ["P1", "P2", "P3", "P4"]}}
CHECKS = scripted("root", "WARNING", scripted("B", "WARNING"), scripted("a", "SUCCESS"), scripted("C", "SKIPPED"))

JUDGED = [
    "root+",
    "migrate+",
    "migrate,apps+",
    "migrate,usersAndGroups+",
    "job",
    "migrate,projects+",
    "migrate,spaces+",
]
"""All that the verdict over a migration that has ended rests on."""

BELOW = ["migrate,projects+", "migrate,spaces+"]

Read = Callable[[Tree], Reading]


@pytest.mark.parametrize(
    ("root", "read", "asked"),
    [
        (RUNNING, lambda tree: tree.read(0), ["root+"]),
        (RUNNING, lambda tree: tree.read(0, judged=True), ["root+"]),
        (RUNNING, lambda tree: tree.read(1), ["root+"]),
        (RUNNING, lambda tree: tree.read(2), ["root+", "check+", "migrate+"]),
        (ENDED, lambda tree: tree.read(0), ["root+"]),
        (ENDED, lambda tree: tree.judged(), JUDGED),
        (RUNNING, lambda tree: tree.glance(), ["root+", "migrate+", "job", "migrate,projects+", "migrate,spaces+"]),
        (ENDED, lambda tree: tree.glance(), [*JUDGED, "migrate+", *BELOW]),
        (RUNNING, lambda tree: tree.checks(), ["root+", "job", "check+"]),
        (ENDED, lambda tree: tree.checks(), [*JUDGED, "check+", "check+"]),
        (RUNNING, lambda tree: tree.projects(()), ["root+", "job", "migrate,projects+", "migrate,spaces+"]),
        (ENDED, lambda tree: tree.projects(()), [*JUDGED, *BELOW]),
        (RUNNING, lambda tree: tree.node(("check", "A"), 0), ["check,A"]),
        (RUNNING, lambda tree: tree.node(("check",), 1), ["check+"]),
        (RUNNING, lambda tree: tree.node(PROJECTS, 0), ["migrate,projects", "migrate,projects+", "job"]),
        (RUNNING, lambda tree: tree.node(PROJECTS, 1), ["migrate,projects+", "job"]),
    ],
)  # fmt: skip
def test_each_view_asks_for_no_more_than_it_shows(root: script.SimNode, read: Read, asked: list[str]) -> None:
    """The requests of every view of a migrate task are those that it needs, each once.

    Of one that has ended, what was asked for before that was known is asked for again.
    """
    with reading(scenario_of(root)) as reader:
        read(reader.tree)
        assert sorted(reader.asked) == sorted(asked)


@pytest.mark.parametrize(
    "read",
    [
        lambda tree: tree.read(0, judged=True),
        lambda tree: tree.read(ALL),
        lambda tree: tree.glance(),
        lambda tree: tree.checks(),
    ],
)
def test_a_check_task_is_one_request(read: Read) -> None:
    """The checks of a check task are children of its root, and there is nothing below them."""
    with reading(scenario_of(CHECKS, task_type="check"), known_type="check") as reader:
        view = read(reader.tree)
        assert [asked for asked in reader.asked if asked != "job"] == ["root+"]
    assert view.task_type == "check"
    assert names(view.check) in (None, ["a", "B", "C"])
    assert view.evidence is not None
    assert {check.name for check in checks_of(view.evidence.root, "check")} == {"a", "B", "C"}
    assert (child_of(view.root, "migrate"), view.missing, view.flaws) == (None, (), ())


def test_all_pages_of_a_check_task_are_read() -> None:
    """A check task that has ended costs its pages."""
    root = scripted("root", "SUCCESS", *(scripted(f"C{number:02}", "SUCCESS") for number in range(46)))
    with reading(scenario_of(root, task_type="check"), known_type="check") as reader:
        view = reader.tree.checks()
        assert reader.asked == ["root+", "job", "root+ next", "root+ next"]
    assert len(names(view.check) or ()) == 46


def test_all_levels_of_a_migrate_task() -> None:
    """The whole tree holds the checks, the scopes, and the level that the API does not list."""
    with reading(scenario_of(RUNNING, scope=KEYS)) as reader:
        view = reader.tree.read(ALL)
    assert names(view.root) == ["check", "migrate"]
    assert names(view.check) == ["A", "B"]
    assert names(child_of(view.root, "migrate")) == ["apps", "usersAndGroups", "projects"]
    assert [leaf.level for leaf in view.leaves] == [(*PROJECTS, name) for name in ("P1", "P2", "P3")]
    assert (view.task_type, view.scope, view.missing, view.expected) == ("migrate", "projects", ("P4",), 4)
    assert view.flaws == ()


def test_what_was_not_asked_for_has_no_children() -> None:
    """Children are unknown, not none, if they were not asked for."""
    with reading(scenario_of(RUNNING)) as reader:
        view = reader.tree.read(1)
    assert (names(view.root), names(view.check), names(child_of(view.root, "migrate"))) == (
        ["check", "migrate"],
        None,
        None,
    )


@pytest.mark.parametrize(("check", "asked"), [("SUCCESS", False), ("WARNING", True), ("FAILED", True),
    ("IN_PROGRESS", True), ("PENDING", False)])  # fmt: skip
def test_a_glance_reads_the_checks_unless_all_is_well(check: str, asked: bool) -> None:
    """Checks that passed are not worth a request."""
    with reading(scenario_of(migrate_task(check=check, migrate="PENDING"))) as reader:
        view = reader.tree.glance()
        assert ("check+" in reader.asked) is asked
    assert (names(view.check) is not None) is asked


@pytest.mark.parametrize("hidden", ["projects", "spaces"])
@pytest.mark.parametrize("flow", ["jira-onpremises-to-cloud", "confluence-onpremises-to-cloud"])
def test_both_names_of_the_hidden_level_are_supported(flow: str, hidden: str) -> None:
    """Projects and spaces are both asked for, whatever moves."""
    root = migrate_task(hidden=level_of(hidden, {"X": "IN_PROGRESS"}))
    scope = {"spaces" if flow.startswith("conf") else "projects": {"includedKeys": ["X", "Y"]}}
    with reading(scenario_of(root, flow=flow, scope=scope)) as reader:
        view = reader.tree.projects(())
        assert reader.asked == ["root+", "job", *BELOW]
    assert (view.scope, [leaf.name for leaf in view.leaves], view.missing) == (hidden, ["X"], ("Y",))


def test_a_scope_of_which_nothing_is_reported_is_missing() -> None:
    """Before the hidden level appears all keys of the job's scope are missing, and that is no error."""
    with reading(scenario_of(migrate_task(), scope=KEYS)) as reader:
        view = reader.tree.projects(())
    assert (view.scope, view.leaves, view.missing) == ("projects", (), ("P1", "P2", "P3", "P4"))
    assert view.flaws == ()


def test_wanted_projects_are_asked_for_by_name() -> None:
    """A project that the user named is looked for, whatever the walk saw."""
    with reading(scenario_of(RUNNING, scope=KEYS)) as reader:
        view = reader.tree.projects(("P1", "P4"))
        assert reader.asked[-1] == "migrate,projects,P4"
        assert len(reader.asked) == 5
    assert view.missing == ("P4",)


def test_a_check_task_has_no_projects() -> None:
    """Asking a check task for projects is answered without asking for any."""
    with reading(scenario_of(CHECKS, task_type="check")) as reader:
        with pytest.raises(NotFound, match="check task"):
            reader.tree.projects(())
        assert reader.asked[-1] == "task"


@pytest.mark.parametrize("read", [Tree.glance, Tree.projects])
@pytest.mark.parametrize("ended_at", range(8))
def test_no_page_is_older_than_the_end_that_the_root_tells(read: Read, ended_at: int) -> None:
    """What was asked for together with the root is asked for again if the root turns out to have ended."""

    def ending(name: str, outcome: str, *children: script.SimNode) -> script.SimNode:
        return script.SimNode(name=name, started_at=-900, ended_at=ended_at, outcome=outcome, children=children)

    hidden = script.SimNode(name="projects", hidden=True, children=(ending("P1", "FAILED"),))
    root = ending("root", "FAILED", ending("migrate", "FAILED", hidden))
    with reading(scenario_of(root, scope={"projects": {"includedKeys": ["P1"]}}), step=1.0) as reader:
        reader.backwards = True
        found = read(reader.tree)
    assert [leaf.ended for leaf in found.leaves] == [True] or not found.root.ended


@pytest.mark.parametrize(
    ("task_type", "level"),
    [
        ("check", ("check",)),
        ("check", ("check", "B")),
        ("check", ("b",)),
        ("migrate", ("A",)),
        ("migrate", ("check", "C")),
        ("migrate", ("migrate", "spaces")),
        ("migrate", (*PROJECTS, "NONE")),
    ],
)
@pytest.mark.parametrize("depth", [0, 1])
def test_a_level_that_is_not_there_is_not_found(task_type: script.TaskType, level: Level, depth: int) -> None:
    """Empty data, with HTTP 200, says that there is no such level."""
    with reading(scenario_of(CHECKS if task_type == "check" else RUNNING, task_type=task_type)) as reader:
        with pytest.raises(NotFound, match=",".join(level)):
            reader.tree.node(level, depth)
        assert len(reader.asked) <= 2


@pytest.mark.parametrize(
    ("level", "task_type", "status"),
    [(("check", "B"), "migrate", "FINISHED"), (("migrate",), "migrate", "IN_PROGRESS"),
     ((*PROJECTS, "P2"), "migrate", "IN_PROGRESS")],
)  # fmt: skip
def test_a_level_of_a_migrate_task_is_one_node(level: Level, task_type: str, status: str) -> None:
    """One node is one request and tells whose it is."""
    with reading(scenario_of(RUNNING)) as reader:
        view = reader.tree.node(level, 0)
        assert len(reader.asked) == 1
    assert (view.root.level, view.root.status, view.root.children) == (level, status, None)
    assert view.task_type == task_type


def test_a_check_of_a_check_task_is_a_level() -> None:
    """In a check task a check's name alone is its level."""
    with reading(scenario_of(CHECKS, task_type="check")) as reader:
        view = reader.tree.node(("B",), 0)
    assert (view.root.outcome, view.task_type) == ("WARNING", "check")


@pytest.mark.parametrize("depth", [0, 1, ALL])
def test_a_level_that_only_has_children_is_expanded_anyway(depth: int) -> None:
    """The hidden level has no status of its own, so its children are what it is."""
    with reading(scenario_of(RUNNING)) as reader:
        view = reader.tree.node(PROJECTS, depth)
    assert (view.root.status, names(view.root)) == (None, ["P1", "P2", "P3"])


def test_a_level_is_read_as_deep_as_asked() -> None:
    """Below `migrate` lie its scopes, and two levels below also the projects."""
    with reading(scenario_of(RUNNING)) as reader:
        assert names(reader.tree.node(("migrate",), 1).root) == ["apps", "usersAndGroups"]
        deep = reader.tree.node(("migrate",), 2).root
    assert names(deep) == ["apps", "usersAndGroups", "projects"]
    assert names(child_of(deep, "projects")) == ["P1", "P2", "P3"]


@pytest.mark.parametrize(
    ("level", "told"), [(("check",), "check: "), (("migrate",), "migrate: "), (PROJECTS, "migrate,projects: ")]
)
@pytest.mark.parametrize("fault", ["404", "400", "503", "garbage"])
def test_an_unreadable_subtree_is_a_value(level: Level, told: str, fault: str) -> None:
    """What cannot be read stands there with its reason, and all else is read."""
    with reading(scenario_of(RUNNING)) as reader:
        reader.faults = {level: fault}
        view = reader.tree.read(ALL)
    node: Node | None = view.root
    for name in level:
        node = child_of(node, name)
    assert node is not None
    assert node.unreadable
    assert names(node) == (["projects"] if level == ("migrate",) else None)
    assert [flaw for flaw in view.flaws if flaw.startswith(told)]
    assert names(view.check) == (None if level == ("check",) else ["A", "B"])


@pytest.mark.parametrize("level", [("check",), ("migrate",), ("migrate", "apps"), PROJECTS])
@pytest.mark.parametrize("fault", ["401", "403"])
def test_refused_credentials_inside_the_tree_are_raised(level: Level, fault: str) -> None:
    """An account that may not see a part may not see the task."""
    with reading(scenario_of(RUNNING)) as reader:
        reader.faults = {level: fault}
        with pytest.raises(Refused):
            reader.tree.read(ALL)


@pytest.mark.parametrize("fault", ["401", "404", "400"])
def test_an_error_of_the_root_is_raised(fault: str) -> None:
    """Without its root there is nothing to show of a task."""
    with reading(scenario_of(RUNNING)) as reader:
        reader.faults = {(): fault}
        with pytest.raises((Refused, NotFound) if fault != "400" else Exception, match=fault):
            reader.tree.glance()


def test_a_job_that_cannot_be_read_is_a_flaw() -> None:
    """Without the job's scope all is read, but nobody can say what is missing."""
    with reading(scenario_of(RUNNING, scope=KEYS)) as reader:
        reader.job_fault = "404"
        view = reader.tree.glance()
    assert [leaf.name for leaf in view.leaves] == ["P1", "P2", "P3"]
    assert (view.missing, len(view.flaws)) == ((), 1)
    assert "scope" in view.flaws[0]


def test_a_job_that_may_not_be_read_is_raised() -> None:
    """A refusal is no flaw of the job."""
    with reading(scenario_of(RUNNING)) as reader:
        reader.job_fault = "403"
        with pytest.raises(Refused):
            reader.tree.projects(())


@pytest.mark.parametrize("task_type", ["check", "migrate"])
def test_a_task_just_created_is_pending(task_type: script.TaskType) -> None:
    """Where the tree does not tell the task's type, the task itself is asked."""
    root = scripted("root", "PENDING")
    with reading(scenario_of(root, task_type=task_type, scope=KEYS)) as reader:
        view = reader.tree.glance()
        assert reader.asked[5:] == ["task", *(["check+"] if task_type == "check" else [])]
    assert (view.task_type, view.root.ended, names(view.root)) == (task_type, False, [])


def test_a_pending_migration_has_no_projects_yet() -> None:
    """All projects of a task just created are missing, and that is no error."""
    with reading(scenario_of(scripted("root", "PENDING"), scope=KEYS)) as reader:
        view = reader.tree.projects(())
    assert (view.leaves, view.missing, view.flaws) == ((), ("P1", "P2", "P3", "P4"), ())


MANY = {f"P{number:03}": "SUCCESS" for number in range(230)} | {
    "P007": "FAILED", "P100": "WARNING", "P101": "IN_PROGRESS", "P200": "IN_PROGRESS", "P229": "PENDING",
}  # fmt: skip
MANY_KEYS = {"projects": {"includedKeys": list(MANY)}}


BAD = ("IN_PROGRESS", "FAILED", "WARNING", "INCOMPLETE", "STOPPED", "CANCELLED", "TIMED_OUT")


def test_a_glance_at_many_projects_reads_those_that_matter() -> None:
    """Of more than 200 projects of a running task the server is asked for those that run or did not end well."""
    root = migrate_task(hidden=level_of("projects", MANY))
    with reading(scenario_of(root, scope=MANY_KEYS)) as reader:
        view = reader.tree.glance()
        filtered = [asked for asked in reader.asked if "projects+ " in asked]
        assert filtered == [f"migrate,projects+ {word}" for word in BAD]
    assert [leaf.name for leaf in view.leaves] == ["P007", "P100", "P101", "P200"]
    assert (view.partial, view.expected, view.missing, view.flaws) == (True, 230, (), ())


@pytest.mark.parametrize("filters", ["ignored", "rejected"])
def test_a_glance_reads_all_where_the_filter_is_not_obeyed(filters: script.FilterMode) -> None:
    """What cannot be asked for is read as a whole."""
    root = migrate_task(hidden=level_of("projects", MANY))
    with reading(scenario_of(root, scope=MANY_KEYS, filters=filters, page_size=100)) as reader:
        view = reader.tree.glance()
    assert len(view.leaves) == 230
    assert (view.partial, view.missing) == (False, ())


def test_a_glance_at_many_projects_of_an_ended_task_reads_all() -> None:
    """The verdict of a task that has ended rests on every project, read once."""
    root = migrate_task("SUCCESS", migrate="SUCCESS", hidden=level_of("projects", MANY))
    with reading(scenario_of(root, scope=MANY_KEYS, page_size=100)) as reader:
        view = reader.tree.glance()
        assert sum("projects" in asked for asked in reader.asked) == 1 + 3
    assert len(view.leaves) == 230
    assert not view.partial


def test_a_glance_at_two_hundred_projects_reads_all() -> None:
    """Up to 200 projects are shown, every one."""
    words = dict(list(MANY.items())[:200])
    root = migrate_task(hidden=level_of("projects", words))
    keys = {"projects": {"includedKeys": list(words)}}
    with reading(scenario_of(root, scope=keys, page_size=300)) as reader:
        view = reader.tree.glance()
    assert len(view.leaves) == 200
    assert not view.partial


def test_an_ended_task_costs_its_pages() -> None:
    """Nothing can move in a task that has ended, so every page is read once after that is known."""
    root = migrate_task(
        "SUCCESS", migrate="SUCCESS", hidden=level_of("projects", {f"P{n}": "SUCCESS" for n in "12345"})
    )
    with reading(scenario_of(root, page_size=2)) as reader:
        assert len(reader.tree.projects(()).leaves) == 5
        assert [each for each in reader.asked if each.startswith("migrate,projects")] == [
            "migrate,projects+", "migrate,projects+", "migrate,projects+ next", "migrate,projects+ next",
        ]  # fmt: skip


def moving(root_ended_at: float, migrate_ended_at: float, moved_at: float) -> script.SimNode:
    """Four projects, of which one finishes at `moved_at` and so comes to lie behind the first page's cursor."""

    def project(name: str, ended_at: float) -> script.SimNode:
        return script.SimNode(name=name, started_at=-900, ended_at=ended_at, outcome="SUCCESS")

    level = script.SimNode(
        name="projects",
        hidden=True,
        children=(project("A", -500), project("C", -500), project("B", moved_at), project("D", moved_at)),
    )
    migrate = script.SimNode(
        name="migrate", started_at=-900, ended_at=migrate_ended_at, outcome="SUCCESS", children=(level,)
    )
    return script.SimNode(name="root", started_at=-900, ended_at=root_ended_at, outcome="SUCCESS", children=(migrate,))


@pytest.mark.parametrize(
    ("root_ended_at", "migrate_ended_at", "moved_at"),
    [(0.5, 0.5, 0.5), (1.5, 1.5, 1.5), (2.5, 2.5, 2.5), (99, 99, 1.5), (99, 99, 2.5), (-5, 99, 1.5), (-5, 99, 2.5)],
)
def test_a_level_read_alone_loses_no_child(root_ended_at: float, migrate_ended_at: float, moved_at: float) -> None:
    """Whenever the task ends between two requests, all projects of `--level migrate,projects` are found."""
    scenario = scenario_of(moving(root_ended_at, migrate_ended_at, moved_at), page_size=2)
    with reading(scenario, step=1.0) as reader:
        assert names(reader.tree.node(PROJECTS, 1).root) == ["A", "B", "C", "D"]


@pytest.mark.parametrize("moved_at", [0.5, 1.5, 2.5, 3.5, 4.5])
@pytest.mark.parametrize("migrate_ended_at", [None, 99.0])
def test_the_projects_of_a_task_that_ends_meanwhile_are_complete(
    moved_at: float, migrate_ended_at: float | None
) -> None:
    """Whenever the task ends between two requests, all of its projects are found."""
    scenario = scenario_of(moving(moved_at, migrate_ended_at or moved_at, moved_at), page_size=2)
    with reading(scenario, step=1.0) as reader:
        assert [leaf.name for leaf in reader.tree.projects(()).leaves] == ["A", "B", "C", "D"]


def test_children_stand_in_the_order_in_which_a_migration_goes() -> None:
    """Check comes before migrate, projects come last, and names are sorted without regard to case."""
    root = migrate_task(hidden=level_of("projects", {"b": "SUCCESS", "A": "SUCCESS"}), zeta="SUCCESS", Alpha="SUCCESS")
    with reading(scenario_of(root)) as reader:
        view = reader.tree.read(ALL)
    assert names(view.root) == ["check", "migrate"]
    assert names(child_of(view.root, "migrate")) == ["Alpha", "zeta", "projects"]
    assert [leaf.name for leaf in view.leaves] == ["A", "b"]


def test_reading_again_asks_for_nothing_twice() -> None:
    """A second view of the same tree rests on the root that was read."""
    with reading(scenario_of(RUNNING)) as reader:
        tree = reader.tree
        tree.read(0)
        tree.checks()
        assert reader.asked == ["root+", "check+"]
