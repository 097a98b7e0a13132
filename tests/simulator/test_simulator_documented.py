"""The documented exchanges, answered by the simulator word for word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from migstat.simulator.app import ADMIN, App
from migstat.simulator.exchange import PREFIX, HttpRequest
from migstat.simulator.scenario import SimNode, TaskType, Timeline
from tests.scenarios import JOB, hidden, moved, of_tasks, sim_task

PAIRS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "examples.json").read_text(encoding="utf-8"))
BEGIN = 1708680664.0
"""The epoch second at which scenario time begins."""


def documented(task: TaskType, **query: str) -> dict[str, Any]:
    (found,) = (pair["response"] for pair in PAIRS if (pair["task"], pair["query"]) == (task, query))
    response: dict[str, Any] = found
    return response


def checks(response: dict[str, Any]) -> tuple[SimNode, ...]:
    """Return the checks of a documented page, and one more where a page follows."""
    children = [
        SimNode(
            name=name,
            ended_at=0,
            outcome=child["outcome"],
            final_message=child.get("message"),
            has_details=False,
            description=child.get("details", {}).get("description"),
            excludable=child.get("details", {}).get("excludable"),
            occurrences=tuple(child.get("details", {}).get("occurrences", ())),
        )
        for name, child in response["data"]["children"].items()
    ]
    more = (moved("ZzLast", None, 0, "WARNING", has_details=False),)
    return (*children, *(more if "next" in response["links"] else ()))


def top(name: str, response: dict[str, Any]) -> SimNode:
    data, listed = response["data"], checks(response)
    end = {"outcome": data["outcome"], "final_message": data["message"]}
    return SimNode(name=name, ended_at=0, has_details=False, children=listed, **end)


SCOPES = tuple(moved(name, None, 100, has_details=False) for name in ("customers", "usersAndGroups"))
PROJECTS = hidden("projects", moved("SC", 38.393, 162.929, reported_at=0.378, heartbeat=None))
BEGUN: dict[str, Any] = {"reported_at": 0.15, "heartbeat": None}
CHECK = top("check", documented("migrate", level="check", expandChildren="true"))
ROOTS: dict[TaskType, SimNode] = {
    "check": top("root", documented("check", expandChildren="true")),
    "migrate": moved("root", 1.175, 1000, children=(CHECK,
        moved("migrate", 1.175, 177.379, children=(*SCOPES, PROJECTS), **BEGUN)),
        running_message="Migration is in progress", **BEGUN),
}  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair['task']} {urlencode(pair['query'])}")
def test_the_simulator_answers_as_documented(pair: dict[str, Any]) -> None:
    """Status, details, children and cursors of every documented exchange come out of a script."""
    # The root was asked while the migration ran, its levels after it.
    now = 500 if pair["query"].get("level", "").startswith("migrate") else 50
    scenario = of_tasks(*(sim_task(root, kind, kind, created_at=0) for kind, root in ROOTS.items()), page_size=21)
    app = App(scenario, Timeline(BEGIN, 1.0), clock=lambda: BEGIN + now)
    target = f"{PREFIX}/jobs/{JOB}/tasks/{pair['task']}/status?{urlencode(pair['query'])}"
    answer = json.loads(app.handle(HttpRequest("GET", target, f"Basic {ADMIN.authorization()}")).body)
    assert answer == pair["response"]
    assert list(answer["data"].get("children", ())) == list(pair["response"]["data"].get("children", ()))
