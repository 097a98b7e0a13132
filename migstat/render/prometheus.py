"""Metrics of a watch for the textfile collector of Prometheus's node_exporter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from migstat.model.nodes import HIDDEN_LEVELS, Node, State, TaskType
from migstat.render.exported import ExportedView
from migstat.render.sorted_view import progress_of
from migstat.render.text import harmless

METRICS = {
    "migstat_read_timestamp_seconds": "When the status was last read; alert if older than a few minutes.",
    "migstat_api_up": "1 while the API answers, 0 during an outage.",
    "migstat_nodes": "Nodes by scope and state; a scope without children counts itself.",
    "migstat_missing": "Projects or spaces that the job names and the API has not reported.",
    "migstat_progress_ratio": "Progress of the current phase, 0 to 1, of each running node.",
    "migstat_stalled": "Nodes that run and have made no progress for --stall-after.",
    "migstat_estimated_end_timestamp_seconds": "When the migration will end; needs a --baseline.",
    "migstat_exit_code": "Exit code of the watch once it has ended; absent while it goes on.",
}
"""Every metric and its help. All are gauges."""

MOST = 200
"""Running nodes, and scopes, with series of their own: Prometheus keeps every value of a label it has ever seen."""

LONGEST = 200
"""Characters of a label."""

_Series = tuple[Mapping[str, str], float]


def metrics_text(exported: ExportedView) -> str:
    """Write the metrics in Prometheus's text format; what is unknown has no series."""
    view, snapshot, result = exported.known.view, exported.known.view.snapshot, exported.result
    series: dict[str, list[_Series]] = {"migstat_api_up": [({}, float(view.outage is None and snapshot is not None))]}
    if snapshot is not None:
        # as of when all of it was read: a level may have been silent for longer than the root
        read_at = snapshot.fetched_at if view.outage is None else min(snapshot.fetched_at, view.outage.since)
        series["migstat_read_timestamp_seconds"] = [({}, read_at / 1000)]
        series["migstat_nodes"] = list(_nodes(exported))
        series["migstat_missing"] = [({}, len(snapshot.missing))]
        series["migstat_progress_ratio"] = list(_progress(exported))
        series["migstat_stalled"] = [({}, len(view.stalled))]
    if view.estimated_end is not None:
        series["migstat_estimated_end_timestamp_seconds"] = [({}, view.estimated_end / 1000)]
    if result is not None:
        series["migstat_exit_code"] = [({}, result.ended.exit_code)]
    lines: list[str] = []
    for name, about in METRICS.items():
        if samples := series.get(name):
            lines += [f"# HELP {name} {about}", f"# TYPE {name} gauge"]
            lines += [f"{name}{_labels(labels)} {value:.15g}" for labels, value in samples]
    return "".join(f"{line}\n" for line in lines)


def _nodes(exported: ExportedView) -> Iterable[_Series]:
    """Counts of each state, zeros included: an alert on a series that vanishes never fires."""
    snapshot = exported.known.view.snapshot
    assert snapshot is not None  # noqa: S101  checked by the caller
    kind = "check" if snapshot.task_type == TaskType.CHECK else exported.known.view.scope
    groups: dict[str, tuple[Node, ...]] = {kind: snapshot.shape.leaves}
    for scope in exported.known.scopes[:MOST]:
        below = [child for child in scope.children or () if child.level not in HIDDEN_LEVELS]
        if scope.level != ("migrate",):
            groups.setdefault(_label(scope.name), tuple(below) or (scope,))
    for name, nodes in groups.items():
        counts = Counter(node.state for node in nodes)
        for state in State:
            if state is not State.MISSING:
                yield {"scope": name, "state": state}, counts[state]


def _progress(exported: ExportedView) -> Iterable[_Series]:
    """One series per node and phase: two levels may share a name, and the collector refuses files that repeat one."""
    view = exported.known.view
    shares: dict[tuple[str, str], float] = {}
    for node in exported.known.running[:MOST]:
        phase, share = progress_of(node, view.phases.get(node.level, ()))
        if share is not None:
            shares.setdefault((_label(node.name), _label(phase.name) if phase is not None else ""), share)
    return [({"project": project, "phase": phase}, share) for (project, phase), share in shares.items()]


def _label(name: str) -> str:
    return harmless(name[:LONGEST])


def _labels(labels: Mapping[str, str]) -> str:
    pairs = []
    for name, value in labels.items():
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        pairs.append(f'{name}="{escaped}"')
    return f"{{{','.join(pairs)}}}" if pairs else ""
