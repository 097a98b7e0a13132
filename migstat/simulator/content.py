"""What the API says of jobs, tasks and nodes at a scenario second."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from migstat.simulator.artifacts import location_of

if TYPE_CHECKING:
    from migstat.simulator.scenario import SimArtifact, SimJob, SimNode, SimPhase, SimTask, Step, Timeline


def describe_job(job: SimJob) -> dict[str, Any]:
    """Return the content of the job's route."""
    return {
        "name": job.name,
        "flow": job.flow,
        "source": {"serverId": job.server_id},
        "destination": {"url": job.destination_url},
        "scope": job.scope,
    }


def describe_task(task: SimTask, now: float, timeline: Timeline, base_url: str) -> dict[str, Any]:
    """Return the task as its own route and the list have it; `base_url` is where its files are."""

    def expiry(artifact: SimArtifact) -> str | int:
        if artifact.unit == "iso":
            return timeline.iso(artifact.expires_at)
        return timeline.epoch_ms(artifact.expires_at) // (1000 if artifact.unit == "s" else 1)

    return {
        "taskId": task.task_id,
        "taskType": task.task_type,
        "createdAt": timeline.iso(task.created_at),
        "payload": {"checkTypes": {"excludeKeys": list(task.overridden)}} if task.overridden else {},
        "results": {
            "artifacts": [
                {
                    "name": each.name,
                    "location": each.location or location_of(base_url, task, each.name),
                    "expireAt": expiry(each),
                }
                for each in task.artifacts
                if now >= each.available_at
            ]
        },
    }


def describe_node(node: SimNode, task: SimTask, now: float, timeline: Timeline) -> dict[str, Any]:
    """Return the node as the status route has it, without children; `{}` for one that is not in the tree."""
    step = node.step_at(now)
    if node.hidden or step is None:
        return {}
    run = node.run_at(now)
    details: dict[str, Any] = _time_stamps(node, task, step, run, now, timeline) if node.has_details else {}
    if step.ended:
        found = {"description": node.description, "excludable": node.excludable, "occurrences": list(node.occurrences)}
        details |= {name: value for name, value in found.items() if value is not None and value != []}
    fields = {
        "status": step.status or None,
        "outcome": step.outcome,
        "message": step.message or (node.final_message if step.ended else node.running_message),
        "details": details or None,
        "progressDetails": _progress(node, step, run, now) if step.runs else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _time_stamps(
    node: SimNode, task: SimTask, step: Step, run: tuple[float, float | None] | None, now: float, timeline: Timeline
) -> dict[str, int]:
    first = node.history[0].at
    created = min(task.created_at if math.isinf(first) else first, math.inf if run is None else run[0])
    if step.updated_at is not None:
        updated = step.updated_at
    elif step.runs and run is not None:
        updated = run[0] if node.heartbeat is None else now - math.fmod(now - run[0], node.heartbeat)
    else:
        updated = max(created, step.at)
    stamps = {"createdAt": created, "lastUpdatedAt": updated}
    if run is not None:
        stamps["startedAt"] = run[0]
    in_ms = {name: timeline.epoch_ms(instant) for name, instant in stamps.items()}
    if step.unit == "s":
        in_ms["lastUpdatedAt"] //= 1000
    return in_ms


def _progress(node: SimNode, step: Step, run: tuple[float, float | None] | None, now: float) -> dict[str, Any]:
    if step.percent is not None:
        return {"isSupported": True, "percent": step.percent, "data": []}
    if not node.phases or run is None:
        return {"isSupported": False}
    phase, done = _current_phase(node.phases, *run, now)
    counted = {"name": phase.label, "total": phase.total, "processed": int(phase.total * done)}
    return {"isSupported": True, "percent": int(100 * done), "data": [counted]}


def _current_phase(phases: tuple[SimPhase, ...], begin: float, end: float | None, now: float) -> tuple[SimPhase, float]:
    """Return the current phase and the share of it that is done, below 1."""
    if end is None:
        return phases[0], 0.0
    left = (now - begin) / (end - begin) * sum(phase.share for phase in phases)
    for phase in phases[:-1]:
        if left < phase.share:
            return phase, left / phase.share
        left -= phase.share
    return phases[-1], min(left / phases[-1].share, 1.0)
