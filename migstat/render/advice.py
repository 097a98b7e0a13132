"""The command to suggest next, after something went wrong or came to an end."""

from __future__ import annotations

import shlex

import msgspec
from msgspec.structs import replace

from migstat.model.acceptance import Accepted
from migstat.model.nodes import Node, State, TaskType
from migstat.model.reports import ChecksReport, ProjectsReport, Report, StatusReport, nothing_moved
from migstat.model.verdict import Snapshot, Verdict
from migstat.render.text import harmless


class NextStep(msgspec.Struct, frozen=True):
    """What to type after `migstat`, such as `checks --details`, and why, if that needs saying.

    `run` are the ids of job and task where the words that were typed mean, or may come to mean, another run.
    """

    command: str
    why: str = ""
    run: tuple[str, str] | None = None


WATCH = NextStep("watch")


def step_after_report(report: Report) -> NextStep | None:
    """The next step after a report; None while all is well, or if the report shows it already."""
    match report:
        case ChecksReport(snapshot=snapshot) if snapshot.older:
            return next_step(snapshot)
        case ChecksReport(snapshot=snapshot, parent=parent, details=details):
            step = None if details else _step_after_checks(parent, snapshot.accepted)
            compares = f"--against {shlex.quote(report.against)} " if report.against else ""
            return replace(step, command=f"checks {compares}--details") if step else None
        case StatusReport(snapshot=snapshot) | ProjectsReport(snapshot=snapshot) if not snapshot.node.level:
            step = next_step(snapshot, over=snapshot.node.ended, listed=isinstance(report, ProjectsReport))
            return None if step == WATCH else step
        case _:
            return None


def next_step(snapshot: Snapshot | None, *, over: bool = True, listed: bool = False) -> NextStep:
    """The next step. `over`: no watch is waiting any more. `listed`: the failed projects have been shown."""
    if snapshot is None:
        return NextStep("status -v")
    if snapshot.older:
        return NextStep("watch", run=(snapshot.job_id, snapshot.older))
    if snapshot.node.children == () and snapshot.shape.refused:
        return NextStep("tasks")
    check = snapshot.shape.checks_parent
    if step := _step_after_checks(check, snapshot.accepted):
        return step
    if nothing_moved(snapshot):
        return NextStep("tasks" if check is None else "checks --details")
    summary = snapshot.summary
    if over and summary.failed and snapshot.task_type != TaskType.CHECK and not listed:
        if summary.warning:  # no reason of a failure names them
            why = f"{summary.failed} failed, {summary.warning} with warnings"
            return NextStep("projects --state failed,warning", why)
        return NextStep("projects --state failed", f"{summary.failed} failed")
    if not over or snapshot.verdict in (Verdict.PENDING, Verdict.RUNNING):
        return WATCH
    return NextStep("artifacts", "reports and error logs of this run")


def _step_after_checks(check: Node | None, accepted: Accepted) -> NextStep | None:
    """The details of checks that failed and are not accepted, and how many of them are overridable."""
    if check is None or not check.ended or check.state is not State.FAILED:
        return None
    failing = [child for child in check.children or () if child.state is State.FAILED and child.level not in accepted]
    blocking = sum(not child.excludable for child in failing)
    counts = {"not overridable": blocking, "overridable": len(failing) - blocking}
    why = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return NextStep("checks --details", why) if failing else None


class Typed(msgspec.Struct, frozen=True):
    """What a suggested command must repeat: JOB and TASK as they were typed, and options."""

    job: str | None = None
    task: str | None = None
    options: tuple[str, ...] = ()


def next_line(step: NextStep, typed: Typed, program: str = "migstat") -> str:
    """The step for a person, quoted for a shell."""
    name, _, rest = step.command.partition(" ")
    job, task = (typed.job or step.run[0], step.run[1]) if step.run else (typed.job, typed.task)
    words = [shlex.quote(word) for word in (job, task if name != "tasks" else None) if word]
    command = " ".join(filter(None, (program, name, *words, *typed.options, rest)))
    return harmless(f"Next: {command}" + (f"   ({step.why})" if step.why else ""))
