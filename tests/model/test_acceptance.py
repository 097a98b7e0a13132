"""Accepted checks: which of them hold, and what they do to the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from migstat.model.acceptance import Acceptance, Acceptances, accepted_of
from migstat.model.exit_codes import exit_of
from migstat.model.nodes import Millis, Node
from migstat.model.shape import Evidence
from migstat.model.verdict import Until, Verdict, assess, counted, failed_so_far

pytestmark = pytest.mark.zone("Pacific/Honolulu")
"""Ten hours behind UTC, where the first of December ends on the second in UTC."""

UNTIL = date(2026, 12, 1)
NOON = int(datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp() * 1000)


def check(name: str, outcome: str | None = "FAILED", found: int = 0, *above: str, **more: Any) -> Node:
    details = {"occurrences": ["x"] * found, **more}
    return Node((*above, name), "FINISHED" if outcome else "IN_PROGRESS", outcome, details=details)


def accepted_and_doubts(
    checks: Sequence[Node], entries: Mapping[str, int | None], now: Millis = NOON, *, complete: bool = True
) -> tuple[set[str], list[str]]:
    """The names that are accepted, and what is said of the other entries, for entries of these occurrences."""
    known = Acceptances(
        "f", {name: Acceptance(reason="on purpose", until=UNTIL, occurrences=most) for name, most in entries.items()}
    )
    accepted, doubts = accepted_of(known, checks, now, complete=complete)
    return {level[-1] for level in accepted}, list(doubts)


@pytest.mark.parametrize(
    ("checks", "entries", "accepted", "doubt"),
    [
        ([check("A")], {"A": None}, {"A"}, None),
        ([check("A", "WARNING")], {"a": None}, {"A"}, None),
        ([check("A"), check("a")], {"a": None}, {"a"}, None),
        ([check("A", "SUCCESS")], {"A": None}, set(), None),
        ([check("A", None)], {"A": None}, set(), None),
        ([check("A", found=3)], {"A": 3}, {"A"}, None),
        ([check("A", found=4)], {"A": 3}, set(), "it has 4 occurrences instead of 3: it counts"),
        ([check("A", found=100)], {"A": 250}, set(), "it has 100 occurrences or more"),
        ([check("A", found=100)], {"A": None}, {"A"}, None),
        ([check("A", excludable=True)], {"A": None}, {"A"}, None),
        ([check("A", excludable=False)], {"A": None}, set(), "the API does not allow it to be overridden"),
        ([check("A", excludable="false")], {"A": None}, set(), "the API does not allow it to be overridden"),
        ([check("A", occurrences="many")], {"A": 3}, set(), "its occurrences cannot be counted"),
        ([check("A", occurrences="many")], {"A": None}, {"A"}, None),
        ([check("A", "SUCCESS", excludable=False)], {"A": None}, set(), None),
        ([check("A", "TIMED_OUT")], {"A": None}, set(), "it ended as TIMED_OUT, which is not a finding"),
        ([check("A")], {"B": None}, set(), "B is accepted, but this run has no such check"),
    ],
)
def test_an_entry_holds_or_says_why_not(
    checks: list[Node], entries: dict[str, int | None], accepted: set[str], doubt: str | None
) -> None:
    """Only a finding that may be overridden, with no more occurrences than accepted, is accepted."""
    names, doubts = accepted_and_doubts(checks, entries)
    assert (names, len(doubts)) == (accepted, int(doubt is not None))
    assert (doubt or "") in "".join(doubts)


def test_an_unknown_name_may_still_come() -> None:
    """While checks are still to come, a name that none has is not wrong."""
    assert accepted_and_doubts([check("A")], {"B": None}, complete=False) == (set(), [])


@pytest.mark.parametrize(
    ("day", "holds"),
    [((2026, 12, 1, 0), True), ((2026, 12, 2, 9), True), ((2026, 12, 2, 10), False), ((2027, 1, 1, 0), False)],
)
def test_an_entry_holds_through_the_end_of_its_last_local_day(day: tuple[int, int, int, int], holds: bool) -> None:
    """The clock that is handed in and the local time zone decide when an entry has expired, which is said."""
    names, doubts = accepted_and_doubts([check("A")], {"A": None}, int(datetime(*day, tzinfo=UTC).timestamp() * 1000))
    assert names == ({"A"} if holds else set())
    assert doubts == ([] if holds else ["f: A was accepted until 2026-12-01 and counts again"])


F, W, S, R = "FAILED", "WARNING", "SUCCESS", None
YES = Acceptance(reason="on purpose", until=UNTIL, by="Maria")


def evidence(task_type: str, parent: str | None, checks: dict[str, str | None], accepted: str) -> Evidence:
    """A task whose checks have these outcomes, and of which those of these letters are accepted."""
    above = () if task_type == "check" else ("check",)
    nodes = tuple(check(name, outcome, 0, *above) for name, outcome in checks.items())
    status = "FINISHED" if parent else "IN_PROGRESS"
    if parent and "/" in parent:
        status, parent = parent.split("/")
    levels = {(*above, name): YES for name in accepted}
    if task_type == "check":
        return Evidence(root=Node((), status, parent, children=nodes), task_type="check", job=None, accepted=levels)
    phase = Node(("check",), status, parent, children=nodes)
    root = Node((), "IN_PROGRESS", children=(phase,))
    return Evidence(root=root, task_type="migrate", job=None, accepted=levels)


@pytest.mark.parametrize("task_type", ["check", "migrate"])
@pytest.mark.parametrize(
    ("parent", "checks", "accepted", "verdict", "strict"),
    [
        (F, {"a": F, "b": S}, "", Verdict.FAILED, True),
        (F, {"a": F, "b": S}, "a", Verdict.WARNING, False),
        (F, {"a": F, "b": F}, "a", Verdict.FAILED, True),
        (F, {"a": F, "b": F}, "ab", Verdict.WARNING, False),
        (F, {"a": F, "b": W}, "a", Verdict.WARNING, True),
        (F, {"a": F, "b": W}, "ab", Verdict.WARNING, False),
        (W, {"a": W, "b": S}, "a", Verdict.WARNING, False),
        (W, {"a": W, "b": W}, "a", Verdict.WARNING, True),
        (F, {"a": W, "b": S}, "a", Verdict.FAILED, True),
        (F, {"a": F, "b": R}, "a", Verdict.FAILED, True),
        ("TIMED_OUT", {"a": F}, "a", Verdict.FAILED, True),
        ("STOPPED", {"a": F}, "a", Verdict.FAILED, True),
        ("CANCELLED/FAILED", {"a": F}, "a", Verdict.FAILED, True),
    ],
)
def test_an_accepted_check_does_not_count_and_has_not_passed(
    task_type: str, parent: str, checks: dict[str, str | None], accepted: str, verdict: Verdict, strict: bool
) -> None:
    """It explains a FAILED or WARNING of its task only if all has ended and nothing else is as bad; that is a warning.

    `--strict` sees what is not accepted. The reasons name what failed, or else what was accepted and why.
    """
    known = evidence(task_type, parent, checks, accepted)
    found = assess(known, Until.CHECKS)
    assert (found.verdict, bool(failed_so_far(known, Until.CHECKS, strict=True))) == (verdict, strict)
    assert exit_of(found.verdict, readable=True) == (1 if verdict is Verdict.FAILED else 0)
    assert found.reasons
    messages = {reason.level[-1]: reason.message for reason in found.reasons if reason.message}
    if verdict is Verdict.WARNING:
        assert {each: messages[each] for each in accepted} == dict.fromkeys(
            accepted, "accepted until 2026-12-01, Maria: on purpose"
        )


def test_an_accepted_check_explains_nothing_while_others_were_not_read() -> None:
    """A failed `check` beside the checks of a check task may hold another failure, so the task has failed."""
    known = evidence("check", F, {"a": F}, "a")
    root = Node((), "FINISHED", F, children=(*(known.root.children or ()), Node(("check",), "FINISHED", F)))
    assert assess(replace(known, root=root)).verdict is Verdict.FAILED


def test_an_end_that_accepted_checks_explain_is_believed_once_it_has_settled() -> None:
    """A check that is yet to be reported may be another reason for it."""
    found = [assess(evidence("check", F, {"a": F}, "a"), settled=settled).verdict for settled in (False, True)]
    assert found == [Verdict.RUNNING, Verdict.WARNING]


def test_accepted_checks_change_nothing_about_a_migration() -> None:
    """A migration that its checks keep from beginning has not begun, whatever was accepted."""
    known = evidence("migrate", F, {"a": F}, "a")
    root = Node((), "FINISHED", "FAILED", children=known.root.children)
    whole = Evidence(root=root, task_type="migrate", job=None, accepted=known.accepted)
    assert assess(whole).verdict is Verdict.FAILED
    assert [node.level for node in counted(whole)[0]] == [(), ("check",)]
    assert assess(whole, Until.CHECKS).verdict is Verdict.WARNING
