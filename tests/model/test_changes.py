"""What has changed between the checks of two runs."""

from __future__ import annotations

from typing import Any

import pytest

from migstat.model.changes import Change, EarlierRun, change_of, compared
from migstat.model.nodes import Node, State

NEW, WORSE, STILL, NOT_RUN, BETTER, FIXED, GONE, RUNNING, SAME = Change
FAILED, MISSING, WARNING, UNDER_WAY, PENDING, SUCCEEDED, SKIPPED = State

BEFORE = (FAILED, WARNING, SUCCEEDED, SKIPPED, UNDER_WAY, PENDING, MISSING, None)
TABLE: dict[State | None, tuple[Change, ...]] = {
    FAILED: (STILL, WORSE, NEW, NEW, NEW, NEW, NEW, NEW),
    WARNING: (BETTER, STILL, NEW, NEW, NEW, NEW, NEW, NEW),
    SUCCEEDED: (FIXED, FIXED, SAME, SAME, SAME, SAME, SAME, SAME),
    SKIPPED: (NOT_RUN, NOT_RUN, SAME, SAME, SAME, SAME, SAME, SAME),
    UNDER_WAY: (RUNNING,) * 8,
    PENDING: (RUNNING,) * 8,
    MISSING: (RUNNING,) * 8,
    None: (GONE,) * 8,
}
"""The change by the state now and, in the order of BEFORE, the one in the earlier run."""


@pytest.mark.parametrize("now", TABLE, ids=str)
def test_each_pair_of_states_has_one_change(now: State | None) -> None:
    """Every state now beside every state before is the change that the table has."""
    assert tuple(change_of(before, now) for before in BEFORE) == TABLE[now]


def check(name: str, outcome: str | None = "SUCCESS", *occurrences: str, **more: Any) -> Node:
    return Node(
        (name,), "FINISHED" if outcome else "IN_PROGRESS", outcome, details={"occurrences": [*occurrences]}, **more
    )


@pytest.mark.parametrize(("complete", "gone", "pending"), [(True, [("Old",)], 0), (False, [], 1)])
def test_only_a_complete_list_has_lost_a_check(complete: bool, gone: list[tuple[str, ...]], pending: int) -> None:
    """A check of the earlier run alone is gone once the newer one has ended, and may still come before that."""
    found = compared(EarlierRun(task_id="t", checks=(check("Old"), check("A"))), [check("A")], 0, complete=complete)
    assert ([node.level for node in found.gone], found.pending) == (gone, pending)
    assert [found.change(node) for node in found.gone] == [GONE] * len(gone)


def test_names_and_occurrences_are_matched() -> None:
    """Names may differ in case where that is unambiguous; occurrences come and go by their text."""
    earlier = EarlierRun(task_id="t", checks=(check("mail", "FAILED", "a", "b"), check("X"), check("x", "FAILED")))
    now = check("Mail", "WARNING", "b", "c")
    found = compared(earlier, [now, check("X")], 0, complete=True)
    assert (found.change(now), found.came_and_went(now)) == (BETTER, (("c",), ("a",)))
    assert [node.name for node in found.gone] == ["x"]
