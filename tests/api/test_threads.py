"""Daemon threads: results and errors come to the caller, who can leave at any time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from migstat.api.threads import Workers, together
from migstat.errors import Unreachable
from migstat.follow.deadline import Stopped
from migstat.follow.patrol import Patrol
from tests.interrupting import at_each_step

NOBODY: Any = SimpleNamespace(reading=None, together=None)
"""An asker that is never asked."""


def fail() -> int:
    raise TimeoutError("its own")


@pytest.mark.parametrize(
    ("function", "seconds", "expected"),
    [
        (lambda: 7, 60.0, 7),
        (fail, 60.0, "its own"),
        (lambda: threading.Event().wait(60), 0.0, ""),
        (lambda: threading.Event().wait(60), 0.01, ""),
    ],
)
def test_a_function_in_the_background_ends_as_it_would_here(
    function: Callable[[], object], seconds: float, expected: object
) -> None:
    """Its result or its exception, or a time-out."""
    if isinstance(expected, str):
        with pytest.raises(TimeoutError, match=f"^{expected}$"):
            Workers().call(function, seconds)
    else:
        assert Workers().call(function, seconds) == expected


@contextmanager
def no_more_threads() -> Iterator[None]:
    """The system starts no more threads: none has room for such a stack."""
    before = threading.stack_size(1 << 46)
    try:
        yield
    finally:
        threading.stack_size(before)


@pytest.mark.parametrize(
    "call",
    [lambda: Workers().call(int, 60.0), lambda: together(int, [1, 2], 2), lambda: Patrol(NOBODY, print).go_on(1)],
    ids=["a call", "several calls", "a patrol"],
)
def test_a_limit_of_threads_is_an_error_that_may_pass(call: Callable[[], object]) -> None:
    """Where other programs have used up the limit of processes, a request fails like one that is not answered."""
    with no_more_threads(), pytest.raises(Unreachable, match="no more threads") as raised:
        call()
    assert raised.value.again


def test_who_waits_is_called_meanwhile() -> None:
    """A caller that shows how long it has been waiting is called every now and then."""
    enough, passed = threading.Event(), list[float]()

    def meanwhile(seconds: float) -> None:
        passed.append(seconds)
        if len(passed) == 2:
            enough.set()

    Workers().call(enough.wait, 60.0, meanwhile)
    assert len(passed) == 2
    assert passed == sorted(passed)


def test_threads_are_kept_for_later_calls() -> None:
    """One is enough for calls that follow one another, even after an error; one that was given up on is not used."""
    workers, go_on = Workers(), threading.Event()
    first = workers.call(threading.get_ident, 60.0)
    with pytest.raises(TimeoutError):
        workers.call(fail, 60.0)
    assert workers.call(threading.get_ident, 60.0) == first
    with pytest.raises(TimeoutError):
        workers.call(go_on.wait, 0.01)
    assert workers.call(threading.get_ident, 60.0) != first
    go_on.set()
    workers.close()
    assert workers.call(lambda: 7, 60.0) == 7


@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_results_come_in_the_order_of_the_items(count: int) -> None:
    """However long each of them takes, and never more than some at once."""
    lock, running, most = threading.Lock(), [0], [0]
    gate = threading.Barrier(min(count, 3)) if count > 1 else None

    def double(item: int) -> int:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        if gate is not None and item < 3:
            gate.wait(10)
        with lock:
            running[0] -= 1
        return 2 * item

    assert together(double, range(count), 3) == [2 * item for item in range(count)]
    assert most[0] <= 3


def test_the_first_error_ends_it() -> None:
    """The error is raised though others still wait, and what was not begun is left out."""
    begun: list[int] = []

    def one(item: int) -> int:
        begun.append(item)
        if item == 1:
            raise ValueError("no")
        return int(threading.Event().wait(60))

    with pytest.raises(ValueError, match="no"):
        together(one, range(9), 2)
    assert sorted(begun) == [0, 1]


HANGING = """
import sys, threading
from migstat.api.threads import Workers, together
def hang(*_):
    threading.Event().wait()
try:
    print("ready", flush=True)
    {call}
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
@pytest.mark.parametrize("call", ["Workers().call(hang, 60)", "together(hang, [1, 2, 3], 2)"])
def test_a_signal_ends_the_wait_and_nothing_holds_up_the_exit(call: str) -> None:
    """Ctrl-C reaches the caller at once, and the process does not wait for threads that hang."""
    code = HANGING.format(call=call)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=os.environ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130


def test_a_signal_while_an_answer_is_awaited_is_never_lost() -> None:
    """Wherever in the wait for another thread a signal raises, that is what the caller gets."""
    workers = Workers()

    def call() -> None:
        workers.call(lambda: threading.Event().wait(0.005), 60)

    def ready() -> None:
        """Have a thread at hand, as there is from the second request on."""
        workers.call(int, 60)

    ready()
    for raised in at_each_step(call):
        assert raised is None or isinstance(raised, Stopped)
        ready()
