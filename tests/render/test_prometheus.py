"""The metrics of a watch, as Prometheus's own parser reads them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from migstat.model.events import View
from migstat.model.nodes import TaskType
from migstat.render.ending import WatchResult
from migstat.render.exported import ExportedView
from migstat.render.prometheus import METRICS, metrics_text
from tests.render.screens import (
    FAILURE,
    MIDDLE,
    MINUTE,
    NOW,
    OUTAGE,
    OVER,
    PROJECTS,
    RESULT,
    SILENT_LEVEL,
    START,
    moving,
    night,
)

Series = dict[tuple[str, ...], float]


def metrics(view: View, result: WatchResult | None = None) -> dict[str, Series]:
    found: dict[str, Series] = {}
    for family in text_string_to_metric_families(metrics_text(ExportedView(view=view, result=result))):
        assert (family.type, family.documentation) == ("gauge", METRICS[family.name])
        for sample in family.samples:
            series = found.setdefault(sample.name, {})
            assert tuple(sample.labels.values()) not in series  # the collector drops the whole file
            series[tuple(sample.labels.values())] = sample.value
    return found


def test_metrics_of_a_night() -> None:
    """Counts, progress, stalls and the time of the reading are there, and no exit code yet."""
    found = metrics(FAILURE)
    assert set(METRICS) - set(found) == {"migstat_estimated_end_timestamp_seconds", "migstat_exit_code"}
    assert found["migstat_read_timestamp_seconds"] == {(): NOW / 1000 - 4}
    assert found["migstat_api_up"] == found["migstat_stalled"] == {(): 1}
    assert found["migstat_progress_ratio"] == {
        ("ITSM", "upload"): pytest.approx(19229 / 45000),
        ("apps", "apps"): 0.25,
        ("BILL", "import"): pytest.approx(12058 / 18000),
        ("EMEA", "import"): pytest.approx(0.7808),
    }
    projects = {state: count for (scope, state), count in found["migstat_nodes"].items() if scope == "projects"}
    assert projects == {"failed": 3, "warning": 1, "running": 3, "pending": 7, "succeeded": 14, "skipped": 0}
    assert found["migstat_nodes"]["check", "warning"] == found["migstat_nodes"]["apps", "running"] == 1


@pytest.mark.parametrize(
    ("view", "result", "name", "values"),
    [
        (START, None, "migstat_api_up", {(): 0}),
        (START, None, "migstat_nodes", None),
        (OUTAGE, None, "migstat_api_up", {(): 0}),
        (OUTAGE, None, "migstat_read_timestamp_seconds", {(): NOW / 1000 - 300}),
        (SILENT_LEVEL, None, "migstat_api_up", {(): 0}),
        (SILENT_LEVEL, None, "migstat_read_timestamp_seconds", {(): NOW / 1000 - 600}),
        (OVER, RESULT, "migstat_exit_code", {(): 1}),
        (replace(MIDDLE, estimated_end=NOW + MINUTE), None, "migstat_estimated_end_timestamp_seconds",
         {(): NOW / 1000 + 60}),
    ],
)  # fmt: skip
def test_what_is_not_known_has_no_series(
    view: View, result: WatchResult | None, name: str, values: Series | None
) -> None:
    """During an outage the last reading stays, an estimate needs a rehearsal, and only the end has an exit code."""
    assert metrics(view, result).get(name) == values


def test_checks_are_counted_as_such() -> None:
    """The nodes of a check task are those of the scope `check`, as the checks of a migration are."""
    view = night()
    assert view.snapshot is not None
    checks = replace(view.snapshot, task_type=TaskType.CHECK, node=replace(view.snapshot.node, children=()))
    assert {scope for scope, _ in metrics(replace(view, snapshot=checks))["migstat_nodes"]} == {"check"}


def test_hostile_names_are_labels() -> None:
    """A name may hold anything; two levels may hold the same one; thousands may run."""
    evil = 'a"b\\c\nd}\x00\u202e 1\n# TYPE x'
    same = replace(moving("A", "import", 1, 2), level=("migrate", "spaces", "A"))
    found = metrics(night(moving("A", "import", 1, 4), moving(evil, evil, 1, 2), same))["migstat_progress_ratio"]
    assert found["A", "import"] in (0.25, 0.5)
    assert ('a"b\\c d}\\x00\\u202e 1 # TYPE x',) * 2 in found
    many = [replace(moving("A", "import", 1, 2), level=(*PROJECTS, str(at))) for at in range(5000)]
    assert len(metrics_text(ExportedView(view=night(*many)))) < 50_000
