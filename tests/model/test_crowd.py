"""Counts of many siblings that follow their changes are those of a new count."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from migstat.model.crowd import Crowd, Update
from migstat.model.nodes import EARLIEST_STAMP, Node, State
from tests.scenarios import job_of

LOOKS = st.tuples(
    st.sampled_from(["A", "a", "B", "b", "C", "D"]),
    st.sampled_from([None, "PENDING", "IN_PROGRESS", "FINISHED", "TIMED_OUT"]),
    st.sampled_from([None, "SUCCESS", "WARNING", "FAILED", "SKIPPED", "ODD"]),
    st.sampled_from([None, 1_000_000_000_000, 1_000_000_000_001]),
    st.sampled_from([None, "503"]),
)

JOB = job_of({"scope": {"projects": {"includedKeys": ["A", "b", "D", "E"]}}})


def facts(crowd: Crowd) -> tuple[object, ...]:
    """All that a tally tells, whatever the order in which it was found out."""
    tally = crowd.tally
    kinds = (State.FAILED, State.WARNING, State.RUNNING)
    names = [sorted(tally.names(state, crowd)) for state in State]
    return (
        tally.counts,
        tally.by_outcome,
        tally.unproven,
        tally.unreadable,
        tally.earliest,
        [sorted(tally.nodes[state].values(), key=lambda node: node.name) for state in kinds],
        names,
        tally.missing(JOB, crowd),
    )


@given(st.lists(st.lists(LOOKS, max_size=6), max_size=5))
def test_a_tally_that_follows_changes_is_that_of_a_new_count(polls: list[list[tuple[str, str, str, int, str]]]) -> None:
    """Whatever begins, ends, begins again or appears, the counts are those of the nodes as they are."""
    known: dict[str, Node] = {}
    crowd = Crowd()
    for poll in polls:
        changes: list[Update] = []
        for name, status, outcome, started, unreadable in poll:
            details = {} if started is None else {"startedAt": EARLIEST_STAMP + started}
            node = Node((name,), status, outcome, details=details, unreadable=unreadable)
            changes.append((known.get(name), node))
            known[name] = node
        facts(crowd)  # counted before the changes
        crowd = crowd.after(known.values(), changes)
        assert facts(crowd) == facts(Crowd(known.values()))
        for state in State:
            names = [name.casefold() for name in crowd.tally.names(state, crowd)]
            assert names == sorted(names)
