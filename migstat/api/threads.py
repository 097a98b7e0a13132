"""Calls in daemon threads, so that an abandoned request never delays a signal or the exit.

A name look-up can be neither interrupted nor timed out, and the interpreter joins the threads of a `ThreadPoolExecutor`
when it exits. The caller therefore waits for a daemon thread, and can leave at any time.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, TypeVar, cast

import msgspec

_T = TypeVar("_T")
_R = TypeVar("_R")

SLICE = 0.25
"""Longest wait in seconds: on Windows a Ctrl-C is delivered only between two waits."""

LINGER = 0.5
"""Seconds that calls under way are given after another one has failed, so that no connection is left half open."""


_Outcome = tuple[Any, BaseException | None]
"""The result of a call in another thread, or its exception."""


def _outcome(function: Callable[[], object]) -> _Outcome:
    try:
        return function(), None
    except BaseException as error:  # noqa: BLE001  it is raised in the caller's thread
        return None, error


def _result(outcome: _Outcome) -> Any:
    result, error = outcome
    if error is not None:
        raise error
    return result


class Workers(msgspec.Struct):
    """Daemon threads for calls that may hang; idle ones are reused, as starting one takes as long as half a request."""

    _idle: deque[SimpleQueue[Callable[[], None] | None]] = msgspec.field(default_factory=deque)

    def call(
        self, function: Callable[[], _R], seconds: float, meanwhile: Callable[[float], None] = lambda _: None
    ) -> _R:
        """Return the result of a function that is called in one of the threads, or raise its exception.

        `meanwhile` is called with the seconds that have passed, a few times a second. Raises TimeoutError after
        `seconds` of real time; the thread is then left to end on its own.
        """
        if seconds <= 0:
            raise TimeoutError
        # not an Event: it is written in Python, and a signal handler that raises inside it may leave its lock held
        ended: SimpleQueue[_Outcome] = SimpleQueue()
        try:
            thread = self._idle.pop()
        except IndexError:
            thread = SimpleQueue()
            Thread(target=_work, args=(thread,), daemon=True).start()
        thread.put(lambda: ended.put(_outcome(function)))
        began = time.monotonic()
        try:
            while True:
                passed = time.monotonic() - began
                if passed >= seconds:
                    raise TimeoutError
                try:
                    outcome = ended.get(timeout=min(SLICE, seconds - passed))
                    break
                except Empty:
                    meanwhile(passed)
        except BaseException:
            thread.put(None)  # it may hang for minutes, so it must not be given another call
            raise
        self._idle.append(thread)
        return cast("_R", _result(outcome))

    def close(self) -> None:
        """End the idle threads."""
        while self._idle:
            self._idle.pop().put(None)


def _work(calls: SimpleQueue[Callable[[], None] | None]) -> None:
    while (call := calls.get()) is not None:
        call()
        del call  # or its result would live until the next call


def together(function: Callable[[_T], _R], items: Sequence[_T], at_a_time: int) -> list[_R]:
    """Call the function for each item in daemon threads, `at_a_time` at once; return the results in order.

    No call begins after the first exception. It is raised once the calls under way have ended, or half a second later;
    one that is not an Exception, such as a signal's, at once.
    """
    if len(items) < 2:
        return [function(item) for item in items]
    pending = iter(enumerate(items))  # shared by the threads: `next` of it is atomic
    stopped = Event()
    ended: SimpleQueue[tuple[int, _Outcome]] = SimpleQueue()

    def run() -> None:
        for number, item in pending:
            if stopped.is_set():
                return
            outcome = _outcome(partial(function, item))
            if outcome[1] is not None:
                stopped.set()
            ended.put((number, outcome))

    threads = [Thread(target=run, daemon=True) for _ in range(min(at_a_time, len(items)))]
    for thread in threads:
        thread.start()
    results: dict[int, _R] = {}
    try:
        while len(results) < len(items):
            with suppress(Empty):
                number, outcome = ended.get(timeout=SLICE)
                results[number] = _result(outcome)
    except Exception:
        lingers_until = time.monotonic() + LINGER
        for thread in threads:
            thread.join(max(0.0, lingers_until - time.monotonic()))
        raise
    finally:
        stopped.set()
    return [results[number] for number in range(len(items))]
