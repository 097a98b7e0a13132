"""Simulated migrations: `moved`, `migration` and `cutover` go by times, `node`, `frozen` and `check_run` by states."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from migstat.api.decode import decode_job
from migstat.model.nodes import Job
from migstat.simulator.scenario import Scenario, SimArtifact, SimJob, SimNode, SimPhase, SimTask, TaskType

JOB, TASK = "job-1", "task-1"

HERE = 1000.0
"""The second at which frozen migrations are looked at."""

BEGUN, ENDED = 400.0, 900.0
"""When nodes start, and when those end that have ended: 600 and 100 seconds before that."""

LONG_AGO = 500.0
"""An end so long ago that what is still missing will not come."""


def job_of(definition: Mapping[str, Any]) -> Job:
    return decode_job(json.dumps(definition).encode())


def of_tasks(
    *tasks: SimTask, scope: Mapping[str, Any] | None = None, flow: str = "jira", job: str = JOB, **more: Any
) -> Scenario:
    moved_job = SimJob(
        job_id=job,
        name="Jira to the cloud",
        flow=f"{flow}-onpremises-to-cloud",
        server_id="BX7Q",
        destination_url="https://acme.example.com",
        scope=scope or {},
    )
    return Scenario(name="rehearsal", job=moved_job, tasks=tasks, **more)


def sim_task(
    root: SimNode, task_type: TaskType = "migrate", task_id: str = TASK, *, created_at: float = -10, **more: Any
) -> SimTask:
    return SimTask(label=task_id, task_id=task_id, task_type=task_type, created_at=created_at, root=root, **more)


def of_root(root: SimNode, *, task_type: TaskType = "migrate", status_at: float | None = None, **more: Any) -> Scenario:
    return of_tasks(sim_task(root, task_type, status_at=status_at), **more)


def hidden(name: str, *children: SimNode) -> SimNode:
    return SimNode(name=name, hidden=True, children=children)


def scope_of(level: str, projects: tuple[SimNode, ...], keys: tuple[str, ...] | None) -> dict[str, Any]:
    """The scope of a job that names these keys, or else the projects."""
    named = [project.name for project in projects] if keys is None else list(keys)
    return {level: {"includedKeys": named}} if named else {}


# by times


def moved(name: str, begin: float | None, end: float | None, outcome: str = "SUCCESS", **more: Any) -> SimNode:
    return SimNode(name=name, started_at=begin, ended_at=end, outcome=None if end is None else outcome, **more)


def checks(*nodes: SimNode, end: float | None) -> Scenario:
    return of_root(moved("root", 0, end, children=nodes), task_type="check")


def migration(
    *projects: SimNode,
    scopes: tuple[SimNode, ...] = (),
    check: SimNode | None = None,
    migrate: SimNode | None = None,
    core_end: float | None = 1000.0,
    outcome: str = "SUCCESS",
    keys: tuple[str, ...] | None = None,
    level: str = "projects",
    **more: Any,
) -> Scenario:
    """A migrate task: its checks take 20 seconds, the migration begins at 30 and its core ends at `core_end`."""
    below = (*scopes, *((hidden(level, *projects),) if projects else ()))
    tops = (
        check or moved("check", 5, 20, children=(moved("Fine", 5, 10), moved("Quick", 5, 20))),
        migrate or moved("migrate", 30, core_end, outcome, children=below),
    )
    root = moved("root", 0, None if core_end is None else core_end + 2, outcome, children=tops)
    return of_root(root, scope=scope_of(level, projects, keys), **more)


def cutover(
    *projects: SimNode,
    scopes: tuple[SimNode, ...] = (),
    over: float | None = 1000.0,
    state: str = "SUCCESS",
    check: SimNode | None = None,
    keys: tuple[str, ...] | None = None,
) -> Scenario:
    """A migration under way from second 0, whose checks are over and which ends at `over`."""
    migrate = moved("migrate", 0, over, state, children=(*scopes, hidden("projects", *projects)))
    root = moved("root", 0, over, state, children=(check or moved("check", -20, -10), migrate))
    return of_tasks(sim_task(root, task_id="migrate-1", created_at=-30), scope=scope_of("projects", projects, keys))


# by states, as they are HERE


def node(name: str, state: str | None = "SUCCESS", message: str | None = None, **more: Any) -> SimNode:
    """A node that is `pending` or `running`, or has ended with the outcome `state`."""
    begin = None if state == "pending" else BEGUN
    end = None if state in ("pending", "running") else more.pop("ended_at", ENDED)
    outcome = None if end is None else state
    more |= {"running_message": message, "final_message": message}
    return SimNode(name=name, started_at=begin, ended_at=end, outcome=outcome, **more)


def frozen(
    root: str | None = "SUCCESS",
    *,
    check: SimNode | None = None,
    migrate: str | None = "SUCCESS",
    scopes: tuple[SimNode, ...] = (),
    projects: tuple[SimNode, ...] = (),
    keys: tuple[str, ...] | None = None,
    level: str = "projects",
    **more: Any,
) -> Scenario:
    """A migration by the states of its nodes; `keys` are the job's scope where not those of `projects`."""
    below = (*scopes, *((hidden(level, *projects),) if projects else ()))
    core = () if migrate == "absent" else (node("migrate", migrate, children=below),)
    top = node("root", root, children=(check or node("check"), *core), **more)
    return of_tasks(sim_task(top, task_id="migrate-1", created_at=0), scope=scope_of(level, projects, keys))


def check_run(root: str | None, *nodes: SimNode, **more: Any) -> Scenario:
    return of_tasks(sim_task(node("root", root, children=nodes, **more), "check", "check-1", created_at=0))


def artifact(name: str) -> SimArtifact:
    return SimArtifact(name, f"https://artifacts.example.invalid/{name}?signature=1", 0.0, 2000.0)


def in_the_middle() -> Scenario:
    """A migration under way, with a node of every kind, and the check run before it."""
    failing = node("Failing", "FAILED", "It failed.", excludable=False, description="Looks.", occurrences=("1", "2"))
    phases = (SimPhase("issues", 1000),)
    moving = SimNode(name="MOVED", started_at=BEGUN, ended_at=1600, phases=phases, running_message="On it.")
    of_check = (node("Well", has_details=False), failing, node("None", "pending"), node("Skipped", "SKIPPED"))
    now = frozen(
        "running",
        check=node("check", "FAILED", "Some.", children=of_check),
        migrate="running",
        scopes=(node("users", "WARNING", ended_at=650.5),),
        projects=(node("DONE"), moving, node("LATER", "pending"), node("WARNED", "WARNING")),
        keys=("MOVED", "DONE", "LATER", "WARNED", "GONE"),
        message="In progress",
    )
    files = (artifact("a.csv"), artifact("b.log"))
    root = node("root", "FAILED", children=(failing,))
    return replace(now, tasks=(*now.tasks, sim_task(root, "check", "check-1", created_at=-100, artifacts=files)))
