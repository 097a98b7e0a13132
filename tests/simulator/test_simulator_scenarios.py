"""The catalogue: every named scenario builds, runs and ends as described."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from migstat.simulator import scenarios
from migstat.simulator.content import describe_node
from migstat.simulator.exchange import PREFIX, parse
from migstat.simulator.scenario import Timeline

if TYPE_CHECKING:
    from migstat.simulator.scenario import Scenario, SimNode, SimTask

HOUR = 3600.0


def task(scenario: Scenario, label: str) -> SimTask:
    return next(task for task in scenario.tasks if task.label == label)


def node(scenario: Scenario, *path: str, label: str = "migrate") -> SimNode:
    """Return a node as it is reachable after the scenario's end."""
    found = task(scenario, label).root.find(path, scenario.duration)
    assert found is not None
    return found


def outcomes(parent: SimNode) -> dict[str | None, int]:
    ends = [child.outcome for child in parent.children]
    return {outcome: ends.count(outcome) for outcome in set(ends)}


def most_at_a_time(parent: SimNode) -> int:
    starts = [child.started_at for child in parent.children if child.started_at is not None]
    return max(sum(child.status_at(start) == "IN_PROGRESS" for child in parent.children) for start in starts)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name == "huge" else ()) for name in scenarios.NAMES]
)
def test_scenarios_are_consistent(name: str) -> None:
    """Nodes are reported, then start, then end; ids are distinct and the same in every run."""
    scenario = scenarios.build(name)
    assert scenario.name == name
    assert scenario == scenarios.build(name)
    assert len({task.task_id for task in scenario.tasks}) == len(scenario.tasks)
    for item in (item for task in scenario.tasks for item in task.root.walk()):
        assert item.transitions() == tuple(sorted(item.transitions()))
        assert item.hidden or item.history[-1].ended


def test_other_names_are_unknown() -> None:
    """A name that is not in the catalogue raises KeyError."""
    with pytest.raises(KeyError):
        scenarios.build("CUTOVER")


@pytest.mark.parametrize("name", ["cutover", "flaky"])
def test_the_cutover_has_a_bit_of_everything(name: str) -> None:
    """40 projects, at most 6 at a time: one fails, two warn; for a while nothing answers; apps outlast the core."""
    scenario = scenarios.build(name)
    projects = node(scenario, "migrate", "projects")
    assert outcomes(projects) == {"SUCCESS": 37, "WARNING": 2, "FAILED": 1}
    assert all(child.final_message for child in projects.children if child.outcome != "SUCCESS")
    (outage,) = scenario.incidents
    assert 0.55 * scenario.duration < outage.begin < outage.end < scenario.duration
    assert all(outage.hits(parse(target), outage.begin) for target in ("/", f"{PREFIX}/jobs/j"))
    assert most_at_a_time(projects) == 6
    root, core, apps = node(scenario), node(scenario, "migrate"), node(scenario, "migrate", "apps")
    assert (outcomes(apps), root.outcome) == ({"SUCCESS": 1, "WARNING": 1}, "FAILED")
    assert root.ended_at is not None
    assert [each.status_at(root.ended_at) for each in (root, core, apps)] == ["FINISHED", "FINISHED", "IN_PROGRESS"]
    assert scenario.duration == pytest.approx(2.5 * HOUR, rel=0.1)


@pytest.mark.parametrize(("name", "path", "label"), [("checks", (), "check-3"), ("cutover", ("check",), "migrate")])
def test_checks_that_have_not_begun_are_not_listed(name: str, path: tuple[str, ...], label: str) -> None:
    """The level's own progress says how far it is, and how many there are."""
    scenario = scenarios.build(name)
    run, parent, timeline = task(scenario, label), node(scenario, *path, label=label), Timeline(0.0, 1.0)
    begin = parent.started_at or 0.0
    half = begin + ((parent.ended_at or 0.0) - begin) / 2
    progress = describe_node(parent, run, half, timeline)["progressDetails"]
    assert progress["percent"] == pytest.approx(50, abs=2)
    (counted,) = progress["data"]
    assert (counted["name"], counted["total"]) == ("Preflight Checks", 46)
    listed = [child for child in parent.children if child.is_reported(half)]
    assert counted["processed"] <= len(listed) <= counted["processed"] + 5 < 46
    assert "progressDetails" not in describe_node(parent, run, parent.ended_at or 0.0, timeline)


def test_the_flaky_scenario_always_lets_a_second_try_through() -> None:
    """Faults come all along, of six kinds, and never two in a row."""
    schedule = scenarios.build("flaky").faults
    assert schedule is not None
    faults = [schedule.at(number) for number in range(1, 101)]
    assert {fault.kind for fault in faults if fault} == {"reset", "503", "cut", "429", "html", "slow"}
    assert not any(one and other for one, other in pairwise(faults))
    assert sum(fault is not None for fault in faults) == 16
