"""Order, cursors and pages of a level's children."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from migstat.simulator.paging import Filter, Key, Listing, SimPage, decode_cursor, encode_cursor
from migstat.simulator.scenario import SimNode, Step

NO_FILTER = Filter()


def names(page: SimPage) -> list[str]:
    return [node.name for node in page.nodes]


def finished(name: str, outcome: str = "SUCCESS") -> SimNode:
    return SimNode(name=name, ended_at=0, outcome=outcome)


@pytest.mark.parametrize(
    ("path", "key", "text"),
    [
        ((), Key("finished", "warning", "check"), b"root#finished#warning#check"),
        (("migrate", "usersAndGroups"), Key("pending", "", "x"), b"root:migrate:usersandgroups#pending##x"),
        ((), Key("finished", "success", "c#"), b"root#finished#success#c#"),
    ],
    ids=["documented", "lower-case", "with a separator"],
)
def test_a_cursor_is_the_level_and_the_key_of_a_child(path: tuple[str, ...], key: Key, text: bytes) -> None:
    """Cursors are lower-case all through, and whatever follows the third separator is the name."""
    assert base64.b64decode(encode_cursor(path, key)) == text
    assert decode_cursor(path, encode_cursor(path, key)) == key


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "not base64",
        "cm9vdA",
        base64.b64encode(b"\xff\xfe").decode(),
        base64.b64encode(b"root#finished").decode(),
        base64.b64encode(b"root:check#finished#success#a").decode(),
    ],
)
def test_anything_else_is_no_cursor(cursor: str) -> None:
    """Bad base64, too few parts and another level's cursor are refused."""
    with pytest.raises(ValueError, match="cursor"):
        decode_cursor((), cursor)


def test_children_are_sorted_by_status_then_outcome_then_lower_case_name() -> None:
    """Finished come before running and pending ones, successes before warnings, capitals count as small."""
    children = (
        SimNode(name="pending"),
        SimNode(name="running", started_at=0),
        finished("beta"),
        finished("ALPHA2"),
        finished("alpha1"),
        finished("aaa", outcome="WARNING"),
        finished("zzz", outcome="FAILED"),
    )
    page = Listing(children).page(1, None, NO_FILTER, 20)
    assert names(page) == ["zzz", "alpha1", "ALPHA2", "beta", "aaa", "running", "pending"]
    assert not page.has_more


@pytest.mark.parametrize("pages", [("a b", "c d"), ("a DOC Doc doc", "e")], ids=["full", "alike but for their case"])
def test_pages_continue_after_the_key_and_say_whether_more_follow(pages: tuple[str, str]) -> None:
    """The last page has no successor; names that differ in case only share a cursor, so they stay on one page."""
    listing = Listing(tuple(finished(name) for name in reversed(" ".join(pages).split())))
    first = listing.page(1, None, NO_FILTER, 2)
    second = listing.page(1, first.keys[-1], NO_FILTER, 2)
    assert (" ".join(names(first)), " ".join(names(second))) == pages
    assert (first.has_more, second.has_more) == (True, False)
    assert names(listing.page(1, second.keys[-1], NO_FILTER, 2)) == []


def test_a_retried_child_moves_back_behind_the_finished_ones() -> None:
    """The order follows every step, in both directions."""
    steps = (Step(0), Step(10, "FINISHED", "FAILED"), Step(20), Step(30, None))
    listing = Listing((finished("z"), SimNode(name="again", steps=steps)))
    seen = [names(listing.page(now, None, NO_FILTER, 9)) for now in (5, 10, 20, 30, 12)]
    assert seen == [["z", "again"], ["again", "z"], ["z", "again"], ["z"], ["again", "z"]]


def test_a_child_that_moves_the_other_way_is_seen_twice() -> None:
    """It jumps over the cursor, to a page that is yet to come."""
    runs = SimNode(name="b", steps=(Step(0, "PENDING"), Step(10, "RUNNING")))
    listing = Listing((finished("a"), runs, SimNode(name="c")))
    first = listing.page(5, None, NO_FILTER, 2)
    second = listing.page(15, first.keys[-1], NO_FILTER, 2)
    assert names(first) + names(second) == ["a", "b", "c", "b"]


def test_the_order_at_an_instant_does_not_depend_on_the_instants_asked_before() -> None:
    """A listing that was moved to and fro equals one asked for the first time."""
    steps = (Step(1), Step(4, "FINISHED", "FAILED"), Step(6, None), Step(11), Step(15, "TIMED_OUT"), Step(30))
    children = (
        *(SimNode(name=f"n{n}", reported_at=n, started_at=n + 3, ended_at=n + 9, outcome="SUCCESS") for n in range(30)),
        *(SimNode(name=f"m{n}", steps=tuple(replace(step, at=step.at + n) for step in steps)) for n in range(9)),
    )
    moved = Listing(children)
    for now in (20.0, 3.0, 40.0, 11.5, -5.0, 17.0, 17.0):
        fresh = Listing(children).page(now, None, NO_FILTER, 50)
        assert moved.page(now, None, NO_FILTER, 50) == fresh
        assert sorted(fresh.keys) == list(fresh.keys)
        assert {node.name for node in fresh.nodes} == {n.name for n in children if n.is_reported(now)}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter("FINISHED"), ["w", "s"]), (Filter("finished", "SUCCESS"), ["s"]), (Filter(outcome="WARNING"), ["w"]),
        (Filter("IN_PROGRESS"), ["r"]), (Filter("CANCELLED"), []),
    ],
)  # fmt: skip
def test_filters_choose_by_status_and_outcome(wanted: Filter, expected: list[str]) -> None:
    """Both filters must fit where both are given."""
    children = (finished("s"), finished("w", outcome="WARNING"), SimNode(name="r", started_at=0))
    assert sorted(names(Listing(children).page(1, None, wanted, 20))) == sorted(expected)


def test_filtered_pages_are_full_pages() -> None:
    """Children that the filter leaves out take no room on a page."""
    children = tuple(finished(f"n{n}", outcome="SUCCESS" if n % 2 else "WARNING") for n in range(8))
    page = Listing(children).page(1, None, Filter(outcome="WARNING"), 3)
    assert (names(page), page.has_more) == (["n0", "n2", "n4"], True)
