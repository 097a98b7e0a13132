"""Kinds of faults, their queue and their schedule."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest

from migstat.simulator.exchange import HttpResponse
from migstat.simulator.faults import ELSEWHERE, NAMED_KINDS, Fault, FaultQueue, Schedule, disturb

ANSWER = HttpResponse(200, b'{"data":{}}', (("Content-Type", "application/json"),))
WALL = 1_700_000_000.4


def disturbed(fault: Fault) -> HttpResponse:
    """Return what becomes of a good answer."""
    return disturb(fault, ANSWER, WALL, "request-1")


@pytest.mark.parametrize("kind", ["400", "401", "404", "429", "500", "502", "503", "504", "599"])
def test_a_status_replaces_the_answer(kind: str) -> None:
    """Any error status is answered with an error body, and with Retry-After only if asked for."""
    response = disturbed(Fault(kind))
    assert response.status == int(kind)
    assert b"errorMessage" in response.body
    assert "Retry-After" not in dict(response.headers)


def test_retry_after_comes_in_seconds() -> None:
    """A status may carry the seconds to wait, zero included."""
    assert dict(disturbed(Fault("429", retry_after=7)).headers)["Retry-After"] == "7"
    assert dict(disturbed(Fault("503", retry_after=0)).headers)["Retry-After"] == "0"


@pytest.mark.parametrize(("retry_after", "ahead"), [(30, 30), (None, 1)])
def test_retry_after_comes_as_a_date(retry_after: int | None, ahead: int) -> None:
    """The date lies that many seconds ahead of the clock."""
    response = disturbed(Fault("429-date", retry_after))
    date = parsedate_to_datetime(dict(response.headers)["Retry-After"])
    assert (response.status, date.timestamp()) == (429, int(WALL) + ahead)


def test_a_proxy_answers_html() -> None:
    """The gateway's page is HTML with status 502."""
    response = disturbed(Fault("html"))
    assert response.status == 502
    assert dict(response.headers)["Content-Type"].startswith("text/html")
    assert response.body.startswith(b"<html>")


def test_a_login_page_is_a_successful_answer() -> None:
    """A captive portal answers HTML with status 200."""
    response = disturbed(Fault("login"))
    assert (response.status, dict(response.headers)["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"<form>" in response.body


def test_any_answer_may_come_instead_of_the_true_one() -> None:
    """A queued answer takes its turn among the faults and is sent as it is."""
    queue, odd = FaultQueue(), HttpResponse(299, b"odd")
    queue.add("503")
    queue.add_answer(odd, times=2)
    taken = [queue.take() for _ in range(4)]
    assert taken == [Fault("503"), odd, odd, None]
    assert disturb(odd, ANSWER, WALL, "request-1") is odd


def test_successful_answers_may_be_worthless() -> None:
    """Status 200 may come with something that is not JSON, or with nothing."""
    garbage, empty = disturbed(Fault("garbage")), disturbed(Fault("empty"))
    assert (garbage.status, empty.status) == (200, 200)
    with pytest.raises(UnicodeDecodeError):
        garbage.body.decode()
    assert empty.body == b""


def test_a_redirect_leads_to_another_host() -> None:
    """Following it would send the credentials elsewhere."""
    response = disturbed(Fault("redirect"))
    assert (response.status, dict(response.headers)["Location"]) == (302, ELSEWHERE)


def test_some_faults_keep_the_answer_and_spoil_its_delivery() -> None:
    """Slow, dripping, cut and reset answers are the true ones, delivered badly."""
    slow, drip = disturbed(Fault("slow", seconds=3)), disturbed(Fault("drip", seconds=4))
    assert (slow.delivery, slow.delay, drip.delivery, drip.delay) == ("whole", 3, "drip", 4)
    assert disturbed(Fault("cut")).delivery == "cut"
    assert disturbed(Fault("reset")).delivery == "reset"
    assert slow.body == drip.body == ANSWER.body


@pytest.mark.parametrize("kind", ["", "200", "600", "-1", "SLOW", "5xx"])
def test_unknown_kinds_are_refused_by_name(kind: str) -> None:
    """The error names all kinds there are."""
    with pytest.raises(ValueError, match="unknown fault kind") as caught:
        FaultQueue().add(kind)
    assert all(name in str(caught.value) for name in NAMED_KINDS)


def test_the_queue_is_first_in_first_out() -> None:
    """Each request takes one fault; none is left after the last."""
    queue = FaultQueue()
    queue.add("503", times=2)
    queue.add("429", retry_after=3)
    assert len(queue) == 3
    assert [queue.take() for _ in range(4)] == [
        Fault("503"),
        Fault("503"),
        Fault("429", retry_after=3),
        None,
    ]


def test_the_queue_can_be_cleared() -> None:
    """Cleared faults hit no request."""
    queue = FaultQueue()
    queue.add("reset", times=5)
    queue.clear()
    assert queue.take() is None


def test_a_schedule_takes_turns_and_never_comes_twice_in_a_row() -> None:
    """Every third request meets the next fault of the rotation, again and again."""
    queue = FaultQueue(Schedule(3, (Fault("reset"), Fault("503"))))
    kinds = [fault.kind if isinstance(fault, Fault) else fault for fault in (queue.take() for _ in range(9))]
    assert kinds == [None, None, "reset", None, None, "503", None, None, "reset"]


def test_queued_faults_come_before_scheduled_ones() -> None:
    """Queued faults come next, whatever the schedule says."""
    queue = FaultQueue(Schedule(1, (Fault("reset"),)))
    queue.add("empty")
    assert [queue.take(), queue.take()] == [Fault("empty"), Fault("reset")]
