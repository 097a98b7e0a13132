"""Counting, sorting and judging lists of nodes."""

from __future__ import annotations

import pytest

from migstat.model.crowd import summary_of
from migstat.model.nodes import Node, State
from migstat.model.reports import states_of, worst_first
from migstat.model.verdict import Verdict, verdict_of_list

FAILED, WARNING, RUNNING = Verdict.FAILED, Verdict.WARNING, Verdict.RUNNING
PENDING, SUCCEEDED = Verdict.PENDING, Verdict.SUCCEEDED
WORDS = ("SUCCESS", "WARNING", "SKIPPED", "FAILED", "INCOMPLETE", "MARTIAN", "IN_PROGRESS", "PENDING", None, "MISSING")


def node(name: str, word: str | None) -> Node:
    if word == "MISSING":
        return Node((name,), missing=True)
    unfinished = word in ("PENDING", "IN_PROGRESS", None)
    return Node((name,), word, None) if unfinished else Node((name,), "FINISHED", word)


def nodes(*words: str | None) -> tuple[Node, ...]:
    return tuple(node(chr(65 + number), word) for number, word in enumerate(words))


def test_the_worst_comes_first_and_then_the_name() -> None:
    """Nodes are sorted by state, then by name whatever its case."""
    given_words = {"c": "WARNING", "A": "SUCCESS", "b": "FAILED", "D": "IN_PROGRESS", "a": "SUCCESS", "m": "MISSING"}
    found = worst_first(node(name, word) for name, word in given_words.items())
    assert [each.name for each in found] == ["b", "m", "c", "D", "A", "a"]


def test_counts_are_worst_first_and_add_up() -> None:
    """Counts by state hold no zeros, are in the order of the states, and agree with the summary."""
    summary = summary_of(nodes(*WORDS))
    assert list(states_of(summary).items()) == [
        (State.FAILED, 3), (State.MISSING, 1), (State.WARNING, 1), (State.RUNNING, 1), (State.PENDING, 2),
        (State.SUCCEEDED, 1), (State.SKIPPED, 1),
    ]  # fmt: skip
    assert (summary.total, summary.finished) == (10, 6)
    assert states_of(summary_of(nodes("SUCCESS"))) == {State.SUCCEEDED: 1}


@pytest.mark.parametrize(
    ("words", "overall", "growing", "expected"),
    [
        (["SUCCESS", "SKIPPED"], SUCCEEDED, False, SUCCEEDED),
        (["SUCCESS", "WARNING"], WARNING, False, WARNING),
        (["SUCCESS", "FAILED"], SUCCEEDED, False, FAILED),
        (["SUCCESS", "INCOMPLETE"], SUCCEEDED, False, FAILED),
        (["FAILED", "IN_PROGRESS"], RUNNING, False, RUNNING),
        (["FAILED", "MISSING"], RUNNING, False, RUNNING),
        (["SUCCESS"], RUNNING, False, SUCCEEDED),
        (["SUCCESS"], RUNNING, True, RUNNING),
        (["SUCCESS", "PENDING"], FAILED, False, FAILED),
        (["SUCCESS", "MISSING"], FAILED, False, FAILED),
        (["SUCCESS"], FAILED, False, SUCCEEDED),
        ([], PENDING, False, PENDING),
        ([], FAILED, False, FAILED),
    ],
)
def test_a_list_is_judged_by_all_its_members(
    words: list[str], overall: Verdict, growing: bool, expected: Verdict
) -> None:
    """A list is running while any member is unfinished, unless what it belongs to has failed; then the worst counts."""
    assert verdict_of_list(nodes(*words), overall, growing=growing, now=0) is expected


def test_an_end_without_an_outcome_is_waited_for() -> None:
    """A list is running for two minutes more if the outcome of a member may still be reported."""
    ended = (Node(("A",), "FINISHED", details={"lastUpdatedAt": 1_700_000_000_000}),)
    found = [
        verdict_of_list(ended, SUCCEEDED, growing=False, now=1_700_000_000_000 + age) for age in (119_999, 120_000)
    ]
    assert found == [RUNNING, FAILED]
