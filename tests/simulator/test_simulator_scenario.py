"""Scripted nodes and the mapping of scenario time to the wall clock."""

from __future__ import annotations

import math
from typing import Any

import pytest

from migstat.simulator.scenario import HEARTBEAT, Job, Node, Phase, Scenario, Task, Timeline, describe_node

TIMELINE = Timeline(started_at=1_700_000_000.0, speed=1.0)


def task(root: Node) -> Task:
    """Return a task created at 0 with this tree."""
    return Task(label="migrate", task_id="t", task_type="migrate", created_at=0, root=root)


def described(node: Node, now: float) -> dict[str, Any]:
    """Return the node as it is sent at scenario second `now`."""
    return describe_node(node, task(node), now, TIMELINE)


def test_scenario_time_runs_faster_than_the_wall_clock() -> None:
    """A second of the wall clock is `speed` scenario seconds after the head start."""
    assert Timeline(1000.0, speed=60, head_start=30).scenario_time(1002.0) == 150


@pytest.mark.parametrize("instant", [30.0, 90.0, 3630.0])
def test_past_instants_lie_on_the_wall_clock_they_were_reached_at(instant: float) -> None:
    """The wall time of an instant is the one at which scenario time is that instant."""
    timeline = Timeline(1000.0, speed=60, head_start=30)
    assert timeline.scenario_time(timeline.wall_time(instant)) == pytest.approx(instant)


def test_instants_before_the_head_start_pass_at_speed_one() -> None:
    """What happened a scenario day before the server began happened a real day ago."""
    assert Timeline(1_700_000_000.0, speed=60).epoch_ms(-86_400) == 1_699_913_600_000


def test_iso_times_are_utc() -> None:
    """Instants are written as ISO 8601 UTC with milliseconds."""
    assert TIMELINE.iso(0.25) == "2023-11-14T22:13:20.250Z"


@pytest.mark.parametrize("speed", [0, -1])
def test_time_must_move_forward(speed: float) -> None:
    """A speed of zero or less is refused."""
    with pytest.raises(ValueError, match="above 0"):
        Timeline(0.0, speed=speed)


def test_a_node_goes_from_pending_over_running_to_its_end() -> None:
    """Status, outcome, message and time stamps follow the script."""
    node = Node(
        name="SC",
        started_at=10,
        ended_at=20,
        outcome="WARNING",
        running_message="moving",
        final_message="moved",
    )
    zero = TIMELINE.epoch_ms(0)
    assert described(node, 5) == {
        "status": "PENDING",
        "message": "moving",
        "details": {"createdAt": zero, "lastUpdatedAt": zero},
    }
    assert described(node, 16) == {
        "status": "IN_PROGRESS",
        "message": "moving",
        "details": {"createdAt": zero, "lastUpdatedAt": zero + 15_000, "startedAt": zero + 10_000},
        "progressDetails": {"isSupported": False},
    }
    assert described(node, 20) == {
        "status": "FINISHED",
        "outcome": "WARNING",
        "message": "moved",
        "details": {"createdAt": zero, "lastUpdatedAt": zero + 20_000, "startedAt": zero + 10_000},
    }


def test_a_running_node_is_updated_with_each_heartbeat() -> None:
    """The last update moves on while a node runs that never ends."""
    node = Node(name="SC", reported_at=0, started_at=0)
    updates = [described(node, beat * HEARTBEAT)["details"]["lastUpdatedAt"] for beat in range(3)]
    assert updates == [TIMELINE.epoch_ms(beat * HEARTBEAT) for beat in range(3)]


def test_a_node_reported_late_was_created_when_it_started() -> None:
    """No node is created after it started."""
    details = described(Node(name="SC", reported_at=9, started_at=4), 10)["details"]
    assert details["createdAt"] == details["startedAt"] == TIMELINE.epoch_ms(4)


def test_statuses_can_be_overridden() -> None:
    """A script may use statuses and outcomes that nobody documented."""
    node = Node(
        name="SC",
        started_at=0,
        ended_at=5,
        outcome="INCOMPLETE",
        running_status="PAUSED",
        final_status="CANCELLED",
    )
    assert described(node, 1)["status"] == "PAUSED"
    assert (described(node, 5)["status"], described(node, 5)["outcome"]) == ("CANCELLED", "INCOMPLETE")


def test_progress_starts_again_with_each_phase_and_ends_with_the_node() -> None:
    """Progress counts the current phase only, and a finished node has none."""
    phases = (Phase("export", 100, 1), Phase("import", 50, 3))
    node = Node(name="SC", started_at=0, ended_at=40, phases=phases)
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


def test_a_node_that_never_ends_stays_in_its_first_phase() -> None:
    """Without an end there is no pace, so nothing is processed."""
    node = Node(name="SC", started_at=0, phases=(Phase("export", 100), Phase("import", 50)))
    assert described(node, 1e6)["progressDetails"]["data"] == [{"name": "export", "total": 100, "processed": 0}]


def test_a_check_has_details_once_it_ended_and_no_time_stamps() -> None:
    """Occurrences, description and excludability are results."""
    check = Node(
        name="AnonPermission",
        started_at=0,
        ended_at=5,
        has_details=False,
        description="looks",
        excludable=False,
        occurrences=("a", "b"),
    )
    assert "details" not in described(check, 1)
    assert described(check, 5)["details"] == {
        "description": "looks",
        "excludable": False,
        "occurrences": ["a", "b"],
    }


def test_a_hidden_level_has_no_status() -> None:
    """Only its children can be seen."""
    assert described(Node(name="projects", hidden=True), 1) == {}


def test_nodes_are_found_only_below_reported_ones() -> None:
    """A path leads nowhere before each of its nodes is reported."""
    leaf = Node(name="SC", reported_at=5)
    root = Node(name="root", children=(Node(name="migrate", reported_at=7, children=(leaf,)),))
    assert root.find(("migrate", "SC"), 6) is None
    assert root.find(("migrate", "SC"), 7) is leaf
    assert root.find(("migrate", "ABC"), 7) is None
    assert root.find(("migrate", "ABC", "deeper"), 7) is None
    assert root.find((), 0) is root


def test_a_node_may_never_be_reported() -> None:
    """An infinite report time keeps a node away for good and is no transition."""
    node = Node(name="SC", reported_at=math.inf)
    assert not node.is_reported(1e9)
    assert node.transitions() == ()


def test_children_need_distinct_names() -> None:
    """An answer's children are an object, so a name cannot come twice."""
    with pytest.raises(ValueError, match="same name"):
        Node(name="root", children=(Node(name="SC"), Node(name="SC")))


def test_duration_is_the_last_transition_of_all_tasks() -> None:
    """The duration covers every node and is 0 for a scenario without transitions."""
    job = Job(job_id="j", name="n", flow="f", server_id="s", destination_url="u")
    root = Node(name="root", ended_at=5, children=(Node(name="SC", ended_at=9, reported_at=math.inf),))
    assert Scenario(name="x", job=job, tasks=(task(root),)).duration == 9
    assert Scenario(name="x", job=job, tasks=()).duration == 0
