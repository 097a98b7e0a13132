"""What the commands tell: filters, order, counts, and the verdict over a list."""

from __future__ import annotations

import random

import pytest

from migstat.model.nodes import Node, State
from migstat.model.reports import Filter, count_states, verdict_of_many, worst_first
from migstat.model.verdict import Verdict

PENDING, RUNNING, SUCCEEDED, WARNING, FAILED = (
    Verdict.PENDING,
    Verdict.RUNNING,
    Verdict.SUCCEEDED,
    Verdict.WARNING,
    Verdict.FAILED,
)


def nodes(*words: str | None) -> tuple[Node, ...]:
    """Nodes in one word each: a status while they go on, an outcome once they ended."""
    unfinished = (None, "PENDING", "IN_PROGRESS")
    return tuple(
        Node((f"N{number}",), word) if word in unfinished else Node((f"N{number}",), "FINISHED", word)
        for number, word in enumerate(words)
    )


@pytest.mark.parametrize(
    ("asked", "status", "outcome", "passes"),
    [
        (Filter(), None, None, True),
        (Filter(outcomes=frozenset({"FAILED", "WARNING"})), "FINISHED", "FAILED", True),
        (Filter(outcomes=frozenset({"FAILED", "WARNING"})), "FINISHED", "SUCCESS", False),
        (Filter(outcomes=frozenset({"FAILED"})), "IN_PROGRESS", None, False),
        (Filter(statuses=frozenset({"PENDING"})), "PENDING", None, True),
        (Filter(statuses=frozenset({"PENDING"})), None, None, False),
        (Filter(frozenset({"FAILED"}), frozenset({"FINISHED"})), "FINISHED", "FAILED", True),
        (Filter(frozenset({"FAILED"}), frozenset({"IN_PROGRESS"})), "FINISHED", "FAILED", False),
    ],
)
def test_a_filter_lets_through_what_has_one_of_its_words(
    asked: Filter, status: str | None, outcome: str | None, passes: bool
) -> None:
    """Words of one kind are alternatives, the two kinds are both to be met, and no words let all through."""
    assert asked.passes(Node(("A",), status, outcome)) is passes


def test_a_filter_tells_what_it_lets_through() -> None:
    """Its text names both kinds of words in a fixed order."""
    assert str(Filter()) == ""
    assert str(Filter(frozenset({"WARNING", "FAILED"}))) == "outcome FAILED or WARNING"
    assert str(Filter(frozenset({"FAILED"}), frozenset({"FINISHED"}))) == "outcome FAILED and status FINISHED"


def test_what_needs_a_hand_comes_first() -> None:
    """Failed, warning, running, pending, then what is well, and names without regard to case within."""
    named = [
        ("z", "FINISHED", "FAILED"), ("b", "FINISHED", "ODD"), ("m", "FINISHED", "WARNING"), ("Q", "IN_PROGRESS", None),
        ("c", "PENDING", None), ("D", None, None), ("a", "FINISHED", "SUCCESS"), ("A", "FINISHED", "SKIPPED"),
    ]  # fmt: skip
    given = [Node((name,), status, outcome) for name, status, outcome in named]
    random.Random(4).shuffle(given)  # noqa: S311  chance, not secrecy
    assert [node.name for node in worst_first(tuple(given))] == ["b", "z", "m", "Q", "c", "D", "a", "A"]


def test_states_are_counted_worst_first_without_zeros() -> None:
    """The counts come in the order in which they are to be read."""
    counts = count_states(nodes("SUCCESS", "FAILED", "SUCCESS", None, "PENDING", "INCOMPLETE"))
    assert list(counts.items()) == [(State.FAILED, 2), (State.PENDING, 2), (State.SUCCEEDED, 2)]
    assert count_states(()) == {}


@pytest.mark.parametrize(
    ("words", "missing", "parent", "expected"),
    [
        (("SUCCESS", "SKIPPED"), (), SUCCEEDED, SUCCEEDED),
        (("SUCCESS", "WARNING"), (), WARNING, WARNING),
        (("SUCCESS", "FAILED"), (), SUCCEEDED, FAILED),
        (("SUCCESS", "ODD"), (), SUCCEEDED, FAILED),
        (("FAILED", "IN_PROGRESS"), (), RUNNING, FAILED),
        (("FAILED", "PENDING"), ("X",), RUNNING, FAILED),
        (("SUCCESS", "IN_PROGRESS"), (), RUNNING, RUNNING),
        (("SUCCESS", "PENDING"), (), RUNNING, RUNNING),
        (("SUCCESS", None), (), RUNNING, RUNNING),
        ((None, None), (), PENDING, RUNNING),
        (("SUCCESS",), ("X",), RUNNING, RUNNING),
        (("SUCCESS",), ("X",), SUCCEEDED, RUNNING),
        (("SUCCESS",), ("X",), FAILED, FAILED),
        (("SUCCESS", "PENDING"), (), FAILED, FAILED),
        ((), (), PENDING, PENDING),
        ((), (), RUNNING, RUNNING),
        ((), (), SUCCEEDED, SUCCEEDED),
        ((), (), FAILED, FAILED),
        ((), ("X",), PENDING, RUNNING),
    ],
)
def test_the_verdict_of_a_list(
    words: tuple[str | None, ...], missing: tuple[str, ...], parent: Verdict, expected: Verdict
) -> None:
    """Any failed one fails it, it runs while any is unfinished or missing, and an empty one is what its parent is."""
    assert verdict_of_many(nodes(*words), missing, parent, strict=False) is expected


@pytest.mark.parametrize(("strict", "expected"), [(True, FAILED), (False, SUCCEEDED)])
def test_a_failed_parent_fails_a_whole_list_and_no_single_names(strict: bool, expected: Verdict) -> None:
    """Where all are meant the parent's failure counts, and where some are named only theirs does."""
    assert verdict_of_many(nodes("SUCCESS"), (), FAILED, strict=strict) is expected
