"""Nodes, and what their statuses and outcomes mean."""

from __future__ import annotations

from typing import Any

import pytest

from migstat.model.nodes import Node, State, by_name, combined_state, match_keys, millis
from tests.scenarios import job_of

FIRST, LAST = 978_307_200_000, 100_000_000_000_000
"""The years 2001 and 5138."""

SECONDS = 1_708_680_664

STATES = {
    # statuses and outcomes, either of which may be missing
    State.PENDING: "/ PENDING/",
    State.RUNNING: "IN_PROGRESS/ SOMETHING_NEW/",
    State.SUCCEEDED: "FINISHED/SUCCESS /SUCCESS IN_PROGRESS/SUCCESS",
    State.WARNING: "FINISHED/WARNING",
    State.SKIPPED: "FINISHED/SKIPPED",
    State.FAILED: "FINISHED/FAILED FINISHED/INCOMPLETE FINISHED/SOMETHING_NEW FINISHED/success FINISHED/ CANCELLED/"
    " CANCELED/ STOPPED/ ABORTED/ FAILED/ ERROR/ TIMED_OUT/ INCOMPLETE/ IN_PROGRESS/SOMETHING_NEW",
}


@pytest.mark.parametrize(("state", "words"), [(state, each) for state in STATES for each in STATES[state].split()])
def test_status_and_outcome_make_the_state(state: State, words: str) -> None:
    """An outcome ends a node, so do the final statuses, and only a known good outcome is a good end."""
    status, outcome = (word or None for word in words.split("/"))
    node = Node(status=status, outcome=outcome)
    assert node.state is state
    assert node.ended is state.ended


LETTERS = dict(zip("FMWRPSK", State, strict=True))


@pytest.mark.parametrize("combined", ["> P", "PP > P", "PS > R", "R > R", "RF > R", "PF > R", "SFW > F", "SW > W",
                                      "SK > S", "KK > K", "WK > W", "MM > M", "MP > P", "MS > R"])  # fmt: skip
def test_several_states_combine_to_one(combined: str) -> None:
    """Together they run while any has begun and any has not ended, and else are as bad as the worst."""
    states, _, expected = combined.rpartition("> ")
    assert combined_state([LETTERS[letter] for letter in states.strip()]) is LETTERS[expected]


def test_a_level_without_a_status_takes_that_of_its_children() -> None:
    """Only where the API sends no status of its own do the children decide."""
    done, running = Node(("a",), "FINISHED", "SUCCESS"), Node(("b",), "IN_PROGRESS")
    assert Node(children=(done,)).state is State.SUCCEEDED
    assert Node(status="IN_PROGRESS", children=(done,)).state is State.RUNNING
    assert Node(children=(done, running)).state is State.RUNNING
    assert Node(children=(done, running), over=True).state is State.FAILED


def test_only_plausible_numbers_are_instants() -> None:
    """Epoch milliseconds lie between 2001 and the year 5138; seconds, microseconds and anything else are not a time."""
    given = (1708680664150, 1708680664150.9, FIRST, LAST)
    assert [millis(value) for value in given] == [1708680664150, 1708680664150, FIRST, LAST]
    others: tuple[object, ...] = (
        LAST + 1,
        FIRST - 1,
        SECONDS,
        SECONDS * 1_000_000,
        10**400,
        0,
        -5,
        float("nan"),
        float("inf"),
        True,
        "1708680664150",
        None,
        [],
    )
    assert [millis(value) for value in others] == [None] * len(others)


@pytest.mark.parametrize(
    ("details", "created", "excludable", "description", "occurrences"),
    [
        ({"createdAt": FIRST, "excludable": True, "description": "Looks.", "occurrences": ["one", {"two": 2}]},
         FIRST, True, "Looks.", ("one", '{"two":2}')),
        ({"createdAt": "now", "excludable": "yes", "description": 5, "occurrences": "none"}, None, None, None, ()),
        ({}, None, None, None, ()),
    ],
)  # fmt: skip
def test_details_of_an_unexpected_type_are_unknown(
    details: dict[str, Any], created: int | None, excludable: bool | None, description: str | None, occurrences: Any
) -> None:
    """Each field is read from the details if it is what it should be."""
    node = Node(details=details)
    assert (node.created_at, node.excludable, node.description) == (created, excludable, description)
    assert node.occurrences == occurrences


@pytest.mark.parametrize(
    ("status", "details", "expected"),
    [
        ("IN_PROGRESS", {"startedAt": 1000, "lastUpdatedAt": 4000}, 9.0),
        ("FINISHED", {"startedAt": 1000, "lastUpdatedAt": 4000}, 3.0),
        ("FINISHED", {"startedAt": 1900, "lastUpdatedAt": 4100}, 3.0),  # as from 1 to 4 in a record
        ("FINISHED", {"startedAt": 1000}, None),
        ("FINISHED", {"startedAt": 4000, "lastUpdatedAt": 1000}, 0.0),
        ("PENDING", {}, None),
        ("IN_PROGRESS", {"startedAt": 60_000}, 0.0),
        # an hour before 2001 and two days ahead are not times
        ("IN_PROGRESS", {"startedAt": -3_600_000}, None),
        ("FINISHED", {"startedAt": -3_600_000, "lastUpdatedAt": 4000}, None),
        ("IN_PROGRESS", {"startedAt": 2 * 86_400_000}, None),
        ("FINISHED", {"startedAt": 1000, "lastUpdatedAt": 2 * 86_400_000}, None),
    ],
)
def test_elapsed_is_from_start_to_end_or_to_now(status: str, details: dict[str, int], expected: float | None) -> None:
    """A running node counts until now, an ended one until its last update; none goes backwards."""
    stamps = {name: FIRST + after for name, after in details.items()}
    assert Node(status=status, details=stamps).elapsed_seconds(FIRST + 10_000) == expected


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"projects": {"includedKeys": ["A", "B", "A", 5, None, ""]}}, ("A", "B")),
        ({"projects": {"includedKeys": "ABC"}}, ()),
        ({"projects": ["A"]}, ()),
        ({"spaces": {"includedKeys": ["D"]}}, ()),
        ("all", ()),
        (None, ()),
    ],
)
def test_the_keys_of_the_scope_are_those_that_are_texts(scope: object, expected: tuple[str, ...]) -> None:
    """Keys come once each, and a scope of another shape has none."""
    assert job_of({"scope": scope}).included_keys("projects") == expected


@pytest.mark.parametrize(
    ("raw", "first"),
    [
        ({"flow": "jira-onpremises-to-cloud"}, "projects"),
        ({"flow": "confluence-onpremises-to-cloud"}, "spaces"),
        ({"scope": {"spaces": {"includedKeys": ["D"]}}}, "spaces"),
        ({"flow": "confluence-x", "scope": {"projects": {"includedKeys": ["D"]}}}, "spaces"),
        ({}, "projects"),
    ],
)
def test_both_hidden_levels_are_looked_for(raw: dict[str, Any], first: str) -> None:
    """The likelier of projects and spaces comes first, and the other one follows."""
    scopes = job_of(raw).scopes
    assert scopes[0] == first
    assert set(scopes) == {"projects", "spaces"}


@pytest.mark.parametrize(
    ("keys", "names", "matched"),
    [
        (["doc", "HR"], ["DOC", "HR"], {"doc": "DOC", "HR": "HR"}),
        (["doc"], ["doc", "DOC"], {"doc": "doc"}),
        (["doc"], ["Doc", "DOC"], {}),
        (["doc", "DOC"], ["Doc"], {"doc": "Doc"}),
        (["doc", "DOC"], ["DOC"], {"DOC": "DOC"}),
    ],
)
def test_a_key_matches_a_name_exactly_or_else_in_another_case(
    keys: list[str], names: list[str], matched: dict[str, str]
) -> None:
    """Another case counts only if it is unambiguous, and a name stands for one key only."""
    assert match_keys(keys, names) == matched


def test_names_are_sorted_as_people_read_them() -> None:
    """Upper and lower case stand together, and what differs in nothing else has one order."""
    given = ["b", "B", "a", "Ä", "A", "ä", "C"]
    for names in (given, given[::-1]):
        assert [node.name for node in by_name([Node((name,)) for name in names])] == ["A", "a", "B", "b", "C", "Ä", "ä"]
