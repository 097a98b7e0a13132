"""Scripted nodes, what they answer, and the mapping of scenario time to the wall clock."""

from __future__ import annotations

import math
from typing import Any

import pytest

from migstat.simulator.content import describe_node
from migstat.simulator.scenario import HEARTBEAT, SimNode, SimPhase, Step, Timeline, shifted
from tests.scenarios import of_root, of_tasks, sim_task

TIMELINE = Timeline(started_at=1_700_000_000.0, speed=1.0)


def described(node: SimNode, now: float) -> dict[str, Any]:
    return describe_node(node, sim_task(node, created_at=0), now, TIMELINE)


def stamps(node: SimNode, now: float) -> dict[str, float]:
    """Return the time stamps that are sent, as scenario seconds."""
    details = described(node, now)["details"]
    return {name: value / 1000 - TIMELINE.started_at for name, value in details.items()}


def test_scenario_time_runs_faster_than_the_wall_clock() -> None:
    """A second of the wall clock is `speed` scenario seconds after the head start; instants before it pass at speed 1.

    They are written as ISO 8601 UTC with milliseconds, and a speed of zero or less is refused.
    """
    timeline = Timeline(1000.0, speed=60, head_start=30)
    assert timeline.scenario_time(1002.0) == 150
    for instant in (30.0, 90.0, 3630.0):
        assert timeline.scenario_time(timeline.wall_time(instant)) == pytest.approx(instant)
    assert Timeline(1_700_000_000.0, speed=60).epoch_ms(-86_400) == 1_699_913_600_000
    assert TIMELINE.iso(0.25) == "2023-11-14T22:13:20.250Z"
    for speed in (0, -1):
        with pytest.raises(ValueError, match="above 0"):
            Timeline(0.0, speed=speed)


State = tuple[str, str | None] | None

FAILED, SUCCEEDED = ("FINISHED", "FAILED"), ("FINISHED", "SUCCESS")
RUNNING, UNDECIDED = ("IN_PROGRESS", None), ("FINISHED", None)
RETRIED = (Step(10, *FAILED), Step(1), Step(20, message="again"), Step(30, "FINISHED"), Step(35, *SUCCEEDED))
STATES: list[tuple[SimNode, dict[float, State]]] = [
    (SimNode(name="late", reported_at=9, started_at=4, ended_at=12), {8: None, 9: ("IN_PROGRESS", None)}),
    (SimNode(name="very late", reported_at=9, ended_at=4, outcome="SKIPPED"), {8: None, 9: ("FINISHED", "SKIPPED")}),
    (SimNode(name="never", reported_at=math.inf, ended_at=5), {1e9: None}),
    (SimNode(name="odd", steps=(Step(0, "PAUSED", running=True), Step(5, "TIMED_OUT"))),
     {1: ("PAUSED", None), 5: ("TIMED_OUT", None)}),
    (SimNode(name="retried", steps=RETRIED),
     {0: None, 1: RUNNING, 10: FAILED, 20: RUNNING, 30: UNDECIDED, 35: SUCCEEDED}),
    (SimNode(name="gone", steps=(Step(1), Step(5, None), Step(9, "PENDING"))),
     {0: None, 5: None, 9: ("PENDING", None)}),
]  # fmt: skip
ENDS = ("TIMED_OUT", "STOPPED", "CANCELLED", "INCOMPLETE")
STATES += [(SimNode(name=word, steps=(Step(0, word),)), {0: (word, None)}) for word in (*ENDS, "")]


@pytest.mark.parametrize(
    ("node", "expected"), STATES, ids=lambda value: value.name if isinstance(value, SimNode) else ""
)
def test_a_history_is_whatever_its_steps_say(node: SimNode, expected: dict[float, State]) -> None:
    """A node may come late, vanish, end without an outcome, end in other words, and begin again."""
    for now, state in expected.items():
        answer = described(node, now)
        assert answer == {} if state is None else (answer.get("status", ""), answer.get("outcome")) == state
        assert node.is_reported(now) == (state is not None)


def test_a_retried_node_starts_again_and_says_so() -> None:
    """Its new run has a start, progress and a message of its own."""
    node = SimNode(
        name="SC",
        phases=(SimPhase("export", 100),),
        running_message="moving",
        final_message="moved",
        steps=(Step(0), Step(10, "FINISHED", "FAILED"), Step(20, message="again"), Step(40, "FINISHED", "SUCCESS")),
    )
    assert [described(node, now)["message"] for now in (5, 10, 25, 40)] == ["moving", "moved", "again", "moved"]
    assert [stamps(node, now)["startedAt"] for now in (5, 15, 25, 45)] == [0, 0, 20, 20]
    percents = [described(node, now).get("progressDetails", {}).get("percent") for now in (5, 10, 20, 25)]
    assert percents == [50, None, 0, 25]


def test_a_run_outlasts_moments_out_of_the_tree() -> None:
    """A node that comes back goes on where it would have been."""
    node = SimNode(
        name="SC", steps=(Step(0), Step(4, None), Step(6), Step(10, "FINISHED")), phases=(SimPhase("e", 100),)
    )
    assert described(node, 6)["progressDetails"]["percent"] == 60
    assert stamps(node, 6)["startedAt"] == 0


@pytest.mark.parametrize(
    ("node", "updates"),
    [
        (SimNode(name="SC", started_at=0), {0: 0, HEARTBEAT - 1: 0, HEARTBEAT: HEARTBEAT}),
        (SimNode(name="SC", started_at=2, heartbeat=None), {2: 2, 3600: 2}),
        (SimNode(name="SC", started_at=0, heartbeat=1), {7: 7}),
        (SimNode(name="SC", steps=(Step(0), Step(9, "FINISHED", "SUCCESS", updated_at=4))), {5: 5, 9: 4}),
        (SimNode(name="SC", steps=(Step(0), Step(9, "FINISHED", "SUCCESS", updated_at=7200))), {9: 7200}),
    ],
    ids=["heartbeats", "stays at the start", "always new", "goes backwards", "lies ahead"],
)
def test_the_last_update_need_not_tell_the_truth(node: SimNode, updates: dict[float, float]) -> None:
    """`lastUpdatedAt` moves with each heartbeat, stays put, or is whatever the script says."""
    assert {now: stamps(node, now)["lastUpdatedAt"] for now in updates} == updates


def test_the_last_update_may_be_in_seconds_and_nothing_is_created_after_its_start() -> None:
    """A step chooses the unit; a node reported late was created when it started."""
    details = described(SimNode(name="SC", steps=(Step(5, "FINISHED", "SUCCESS", unit="s"),)), 9)["details"]
    assert details == {"createdAt": TIMELINE.epoch_ms(5), "lastUpdatedAt": 1_700_000_005}
    late = SimNode(name="SC", reported_at=9, started_at=4)
    assert stamps(late, 10) == {"createdAt": 4, "lastUpdatedAt": 9, "startedAt": 4}


def test_progress_starts_again_with_each_phase_and_ends_with_the_node() -> None:
    """Progress counts the current phase only; a finished node has none, and one without an end stays at its start."""
    phases = (SimPhase("export", 100, 1), SimPhase("import", 50, 3))
    node = SimNode(name="SC", started_at=0, ended_at=40, phases=phases)
    seen = [described(node, now).get("progressDetails") for now in (0, 5, 10, 25, 39.999, 40)]
    counts = [(p["percent"], *p["data"][0].values()) if p else None for p in seen]
    assert counts == [
        (0, "export", 100, 0),
        (50, "export", 100, 50),
        (0, "import", 50, 0),
        (50, "import", 50, 25),
        (99, "import", 50, 49),
        None,
    ]
    assert described(SimNode(name="SC", started_at=0, phases=phases), 99)["progressDetails"]["percent"] == 0


def test_a_percentage_may_be_any_number() -> None:
    """An example in the vendor's reference says 2154."""
    answer = described(SimNode(name="SC", steps=(Step(0, percent=2154),)), 1)
    assert answer["progressDetails"] == {"isSupported": True, "percent": 2154, "data": []}


def test_nodes_are_found_only_below_reported_ones() -> None:
    """A path leads nowhere while any of its nodes is not in the tree."""
    leaf = SimNode(name="SC", reported_at=5)
    migrate = SimNode(name="migrate", steps=(Step(7), Step(9, None)), children=(leaf,))
    root = SimNode(name="root", children=(migrate,))
    assert [root.find(("migrate", "SC"), now) for now in (6, 7, 9)] == [None, leaf, None]
    assert root.find(("migrate", "ABC"), 7) is None
    assert root.find(("migrate", "ABC", "deeper"), 7) is None
    assert root.find((), 0) is root


def test_children_need_distinct_names() -> None:
    """An answer's children are an object, so a name cannot come twice; another case is another name."""
    SimNode(name="root", children=(SimNode(name="SC"), SimNode(name="sc")))
    with pytest.raises(ValueError, match="same name"):
        SimNode(name="root", children=(SimNode(name="SC"), SimNode(name="SC")))


def test_duration_is_the_last_transition_of_all_jobs() -> None:
    """The duration covers every node that is ever reported and is 0 for a scenario without transitions."""
    root = SimNode(name="root", ended_at=5, children=(SimNode(name="SC", ended_at=9),))
    one = of_root(root)
    assert one.duration == 9
    later = of_root(shifted(root, 3), more=(one,))
    assert later.duration == 12
    assert of_tasks().duration == 0


def test_a_shifted_node_does_everything_later() -> None:
    """Short forms, steps and children move alike."""
    node = SimNode(
        name="SC",
        reported_at=1,
        started_at=2,
        children=(SimNode(name="A", steps=(Step(3, updated_at=2), Step(5, "FINISHED", started_at=1))),),
    )
    moved = shifted(node, 100)
    for now in (0.0, 1.5, 3, 6):
        assert moved.step_at(now + 100) is None or stamps(moved, now + 100)["lastUpdatedAt"] >= 100
        assert moved.status_at(now + 100) == node.status_at(now)
        assert moved.children[0].status_at(now + 100) == node.children[0].status_at(now)
    assert stamps(moved.children[0], 104)["lastUpdatedAt"] == 102
