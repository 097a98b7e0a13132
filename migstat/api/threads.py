"""Calls in daemon threads, so that an abandoned request never delays a signal or the exit.

A name look-up can be neither interrupted nor timed out, and the interpreter joins the threads of a `ThreadPoolExecutor`
when it exits. The caller therefore waits for a daemon thread, and can leave at any time.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, TypeVar, cast

import msgspec

from migstat.errors import Unreachable

_T = TypeVar("_T")
_R = TypeVar("_R")

SLICE = 0.25
"""Longest wait in seconds: on Windows a Ctrl-C is delivered only between two waits."""

LINGER = 0.5
"""Seconds that calls under way are given after another one has failed, so that no connection is left half open."""

AT_A_TIME = 6
"""Calls under way together."""

_Outcome = tuple[Any, BaseException | None]
"""The result of a call in another thread, or its exception."""

# not an Event: it is written in Python, and a signal handler that raises inside it may leave its lock held
_Outcomes = SimpleQueue[_Outcome]
"""Where the outcomes of calls arrive."""

_Calls = SimpleQueue[tuple[Callable[[], object], _Outcomes] | None]
"""The calls that one thread is given; None ends it."""


def started(target: Callable[..., object], *args: object, name: str | None = None) -> Thread:
    """A daemon thread that has started. Raises Unreachable where the system allows no more, which may pass."""
    thread = Thread(target=target, args=args, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        message = "no request can be sent: the system allows no more threads"
        raise Unreachable(message, "Other programs may have used up the limit (ulimit -u).", again=True) from error
    return thread


class Workers(msgspec.Struct):
    """Daemon threads for calls that may hang; idle ones are reused, as starting one takes as long as half a request."""

    _idle: deque[_Calls] = msgspec.field(default_factory=deque)
    _closed: bool = False

    def call(
        self, function: Callable[[], _R], seconds: float, meanwhile: Callable[[float], None] = lambda _: None
    ) -> _R:
        """Return the result of a function that is called in one of the threads, or raise its exception.

        `meanwhile` is called with the seconds that have passed, a few times a second. Raises TimeoutError after
        `seconds` of real time; the function is then left to end on its own, which may take minutes. Raises Unreachable
        if no thread can be started.
        """
        if seconds <= 0:
            raise TimeoutError
        outcomes: _Outcomes = SimpleQueue()
        try:
            calls = self._idle.pop()
        except IndexError:
            calls = SimpleQueue()
            started(self._work, calls)
        calls.put((function, outcomes))
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            try:
                result, error = outcomes.get(timeout=min(SLICE, seconds - passed))
            except Empty:
                meanwhile(passed)
                continue
            if error is not None:
                raise error
            return cast("_R", result)
        raise TimeoutError

    def _work(self, calls: _Calls) -> None:
        while (call := calls.get()) is not None:
            function, outcomes = call
            outcome: _Outcome
            try:
                outcome = function(), None
            except BaseException as error:  # noqa: BLE001  it is raised in the caller's thread
                outcome = None, error
            closed = self._closed
            if not closed:
                self._idle.append(calls)
            outcomes.put(outcome)
            if closed:
                return
            del call, function, outcome, outcomes  # or they would live until the next call

    def close(self) -> None:
        """End the idle threads, and the others after their calls."""
        self._closed = True
        while self._idle:
            self._idle.pop().put(None)


def _start_some(run: Callable[[], None], wanted: int) -> int:
    """Start so many threads, or as many as the system allows; how many. Raises Unreachable if it allows none."""
    for number in range(wanted):
        try:
            started(run)
        except Unreachable:
            if not number:
                raise
            return number
    return wanted


def together(function: Callable[[_T], _R], items: Sequence[_T], at_a_time: int = AT_A_TIME) -> list[_R]:
    """Call the function for each item in daemon threads, `at_a_time` at once; return the results in order.

    No call begins after the first exception. It is raised once the calls under way have ended, or half a second later;
    one that is not an Exception, such as a signal's, at once.
    """
    if len(items) < 2:
        return [function(item) for item in items]
    pending = iter(enumerate(items))  # shared by the threads: `next` of it is atomic
    results: dict[int, _R] = {}
    stopped, ends = Event(), SimpleQueue[BaseException | None]()

    def run() -> None:
        error = None
        try:
            for number, item in pending:
                if stopped.is_set():
                    break
                results[number] = function(item)
        except BaseException as raised:  # noqa: BLE001  it is raised in the caller's thread
            stopped.set()
            error = raised
        ends.put(error)

    running, failed, ends_at = 0, None, math.inf
    try:
        running = _start_some(run, min(at_a_time, len(items)))
        while running and (left := ends_at - time.monotonic()) > 0:
            with suppress(Empty):
                error = ends.get(timeout=min(SLICE, left))
                running -= 1
                if failed is None and error is not None:
                    failed, ends_at = error, time.monotonic() + LINGER if isinstance(error, Exception) else 0.0
    finally:
        stopped.set()
    if failed is not None:
        raise failed
    return [results[number] for number in range(len(items))]
