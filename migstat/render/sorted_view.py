"""A view of a watch sorted for people, once per poll, however often and in however many forms it is then shown."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from migstat.model.crowd import NOTHING, Summary
from migstat.model.events import PhaseSeen, View
from migstat.model.nodes import HIDDEN_LEVELS, MIGRATE, Millis, Node, State, TaskType, by_name, levels_above
from migstat.model.reports import worst_first
from migstat.model.verdict import Verdict, discounted
from migstat.render.text import grouped, harmless
from migstat.render.theme import BAD


class Counts(msgspec.Struct, frozen=True):
    """Progress as `done` of `all`, which is 0 if nothing is known yet."""

    done: int
    all: int
    noun: str

    @property
    def words(self) -> str:
        """`27 of 40 projects`; empty if nothing is known yet."""
        return f"{grouped(self.done)} of {grouped(self.all)} {self.noun}" if self.all else ""


class SortedView(msgspec.Struct, frozen=True, kw_only=True):
    """A view sorted for drawing: what went wrong, what is running, the scopes, and the names of everything else.

    `folded` are the states whose nodes have no rows, and the names of these nodes, the most important first. Until
    there is a snapshot, `doing` says what is being read. `summary` does not count accepted checks as failed or as
    warnings.
    """

    view: View
    title: str
    counts: Counts
    verdict: Verdict = Verdict.PENDING
    summary: Summary = NOTHING
    problems: tuple[Node, ...] = ()
    running: tuple[Node, ...] = ()
    scopes: tuple[Node, ...] = ()
    folded: tuple[tuple[State, tuple[str, ...]], ...] = ()
    doing: str = ""

    def clock(self, now: Millis) -> Millis:
        """The time up to which running nodes are shown: in an outage it is unknown whether anything still runs.

        Clocks then stand still, and do not go back to the last reading.
        """
        view = self.view
        if view.outage is None or view.snapshot is None:
            return now
        return view.outage.noticed or view.snapshot.fetched_at


def sorted_view(view: View, title: str = "") -> SortedView:
    """Sort a view. `title` stands for the job until its name is known."""
    snapshot = view.snapshot
    if snapshot is None:
        return SortedView(view=view, title=title, counts=counts_of_view(view))
    root, summary, leaves = snapshot.node, snapshot.summary, snapshot.shape.leaves
    tally = leaves.tally
    scopes = () if snapshot.task_type == TaskType.CHECK else scopes_of(root)
    check = snapshot.shape.checks_parent if scopes else None
    if check is not None and check.ended and check.state is not State.FAILED:
        check = None  # what failed of it was overridden
    ended = snapshot.verdict not in (Verdict.PENDING, Verdict.RUNNING)
    apps = [app for scope in scopes if scope.level[:-1] == MIGRATE for app in scope.children or ()]
    problems = [
        node
        for node in (
            *(root, *scopes, *apps),
            *(child for child in (check.children if check else None) or () if child.state is State.FAILED),
            *tally.nodes[State.FAILED].values(),
            *tally.nodes[State.WARNING].values(),
            *(leaves if tally.counts[State.MISSING] else ()),
        )
        if node.state in BAD and (node.level or node.ended)
    ]
    settled = discounted(snapshot.shape, snapshot.accepted)
    problems = [node for node in problems if node.level not in settled]
    # A failure makes everything above it fail: only the failure itself is news.
    above = levels_above(problems)
    problems = [node for node in problems if node.level not in above]
    if ended:
        known = {node.level for node in problems}
        missing = [reason.level for reason in snapshot.reasons if reason.state is State.MISSING]
        problems += [Node(level, missing=True) for level in missing if level not in known]
    runs = [node for node in scopes if node.state is State.RUNNING and (node.progress or node.percent is not None)]
    counting = {node.level for node in runs}
    leaves_run = by_name(tally.nodes[State.RUNNING].values())
    runs += leaves_run
    # Scopes without counts, and single apps, say little: they get rows once the projects are through, or if they hang.
    others = (node for node in (*scopes, *apps) if len(node.level) > 1 and node.level not in counting)
    runs += [node for node in others if node.state is State.RUNNING and (not leaves_run or node.level in view.stalled)]
    runs.sort(key=lambda node: node.level not in view.stalled)  # those that do not move first
    unread = (flaw.partition(": ") for flaw in snapshot.flaws)
    # Only if there are any: a look at each of 20,000 projects takes longer than the rest of a poll.
    accepted = [leaf.state for leaf in leaves if leaf.level in snapshot.accepted] if snapshot.accepted else []
    return SortedView(
        view=view,
        verdict=snapshot.verdict,
        title=harmless(snapshot.job_name or title or f"job {snapshot.job_id}"),
        counts=counts_of_view(view),
        summary=replace(
            summary,
            failed=summary.failed - accepted.count(State.FAILED),
            warning=summary.warning - accepted.count(State.WARNING),
        ),
        problems=(*worst_first(problems), *(Node((part,), unreadable=why) for part, _, why in unread)),
        running=tuple(runs),
        scopes=scopes,
        folded=(
            (State.MISSING, () if ended else tuple(sorted(snapshot.missing, key=str.casefold))),
            *((state, tally.names(state, leaves)) for state in (State.PENDING, State.SUCCEEDED, State.SKIPPED)),
        ),
    )


def counts_of_view(view: View) -> Counts:
    """The counts for the bar of the header: of checks, projects or spaces, or else of scopes or steps."""
    snapshot = view.snapshot
    if snapshot is None:
        return Counts(0, 0, view.scope)
    summary, checking = snapshot.summary, snapshot.shape.checks_parent
    if checking is not None and not checking.ended and not snapshot.shape.begun:
        # Checks that have not begun are not reported, so the API's own count says more than their number.
        for phase in checking.progress:
            if phase.processed is not None and phase.total:
                return Counts(int(phase.processed), int(phase.total), "checks")
    if summary.total:
        return Counts(summary.finished, summary.total, view.scope)
    steps = scopes_of(snapshot.node)
    scopes = [step for step in steps if step.level[:-1] == MIGRATE]
    return Counts(sum(scope.ended for scope in scopes or steps), len(scopes or steps), "scopes" if scopes else "steps")


def scopes_of(root: Node) -> tuple[Node, ...]:
    """`check`, `migrate` and the scopes below it by name, without the hidden levels."""
    found: list[Node] = []
    for child in root.children or ():
        found.append(child)
        if child.level == MIGRATE:
            # By name: polls find them in any order.
            found += by_name(scope for scope in child.children or () if scope.level not in HIDDEN_LEVELS)
    return tuple(found)


def progress_of(node: Node, phases: Sequence[PhaseSeen]) -> tuple[PhaseSeen | None, float | None]:
    """The current phase of a running node, as the watch or else the node itself reports it, and its share done, 0..1.

    The API's percent may be any number.
    """
    reported = (PhaseSeen(each.name or "", 0, None, each.processed, each.total) for each in node.progress)
    phase = next((seen for seen in phases if seen.to is None), None) or next(reported, None)
    if node.percent is not None:
        return phase, min(max(node.percent, 0), 100) / 100
    if phase is not None and phase.processed is not None and phase.total:
        return phase, min(max(phase.processed / phase.total, 0), 1)
    return phase, None
