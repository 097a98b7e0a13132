"""Kinds of faults, their queue and their schedule."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest

from migstat.simulator.exchange import HttpResponse
from migstat.simulator.faults import NAMED_KINDS, Fault, FaultQueue, Schedule, disturb

ANSWER = HttpResponse(200, b'{"data":{}}', (("Content-Type", "application/json"),))
WALL = 1_700_000_000.4


@pytest.mark.parametrize(("retry_after", "ahead"), [(30, 30), (None, 1)])
def test_retry_after_comes_as_a_date(retry_after: int | None, ahead: int) -> None:
    """The date lies that many seconds ahead of the clock."""
    response = disturb(Fault("429-date", retry_after), ANSWER, WALL, "request-1")
    date = parsedate_to_datetime(dict(response.headers)["Retry-After"])
    assert (response.status, date.timestamp()) == (429, int(WALL) + ahead)


@pytest.mark.parametrize("kind", ["", "200", "600", "-1", "SLOW", "5xx"])
def test_unknown_kinds_are_refused_by_name(kind: str) -> None:
    """The error names all kinds there are."""
    with pytest.raises(ValueError, match="unknown fault kind") as caught:
        FaultQueue().add(kind)
    assert all(name in str(caught.value) for name in NAMED_KINDS)


def test_a_schedule_takes_turns_and_never_comes_twice_in_a_row() -> None:
    """Every third request meets the next fault of the rotation, again and again."""
    queue = FaultQueue(Schedule(3, (Fault("reset"), Fault("503"))))
    kinds = [fault.kind if isinstance(fault, Fault) else fault for fault in (queue.take() for _ in range(9))]
    assert kinds == [None, None, "reset", None, None, "503", None, None, "reset"]
