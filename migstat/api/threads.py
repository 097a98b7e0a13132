"""Calls in daemon threads, so that an abandoned request never holds up a signal or the exit.

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
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")

SLICE = 0.25
"""Longest wait in seconds: on Windows a Ctrl-C is delivered between two waits only."""

LINGER = 0.5
"""Seconds that calls under way are given after another one has failed, so that no connection is left half open."""


class _Call(Generic[_R]):
    """A call of a function in another thread, and its result or exception."""

    def __init__(self, function: Callable[[], _R]) -> None:
        self._function = function
        self._results: list[_R] = []
        self.error: BaseException | None = None
        # not an Event: it is written in Python, and a signal handler that raises inside it may leave its lock held
        self.ended: SimpleQueue[None] = SimpleQueue()

    def run(self) -> None:
        try:
            self._results.append(self._function())
        except BaseException as error:  # noqa: BLE001  it is raised in the caller's thread
            self.error = error
        self.ended.put(None)

    def result(self) -> _R:
        if self.error is not None:
            raise self.error
        return self._results[0]


class Workers:
    """Daemon threads for calls that may hang; idle ones are reused, as starting one takes as long as half a request."""

    def __init__(self) -> None:
        self._idle: deque[SimpleQueue[_Call[Any] | None]] = deque()

    def call(
        self, function: Callable[[], _R], seconds: float, meanwhile: Callable[[float], None] = lambda _: None
    ) -> _R:
        """Return the result of a function that is called in one of the threads, or raise its exception.

        `meanwhile` is called with the seconds that have passed, a few times a second. Raises TimeoutError after
        `seconds` of real time; the thread is then left to end on its own.
        """
        if seconds <= 0:
            raise TimeoutError
        call = _Call(function)
        try:
            thread = self._idle.pop()
        except IndexError:
            thread = SimpleQueue()
            Thread(target=_work, args=(thread,), daemon=True).start()
        thread.put(call)
        began = time.monotonic()
        try:
            while True:
                passed = time.monotonic() - began
                if passed >= seconds:
                    raise TimeoutError
                try:
                    call.ended.get(timeout=min(SLICE, seconds - passed))
                    break
                except Empty:
                    meanwhile(passed)
        except BaseException:
            thread.put(None)  # it may hang for minutes, so it must not be given another call
            raise
        self._idle.append(thread)
        return call.result()

    def close(self) -> None:
        """End the idle threads."""
        while self._idle:
            self._idle.pop().put(None)


def _work(calls: SimpleQueue[_Call[Any] | None]) -> None:
    while (call := calls.get()) is not None:
        call.run()
        del call  # or its result would live until the next call


def together(function: Callable[[_T], _R], items: Sequence[_T], at_a_time: int) -> list[_R]:
    """Call the function for each item in daemon threads, `at_a_time` at once; return the results in order.

    No call begins after the first exception. It is raised once the calls under way have ended, or half a second later;
    one that is no Exception, such as a signal's, at once.
    """
    if len(items) < 2:
        return [function(item) for item in items]
    pending = iter(enumerate(items))  # shared by the threads: `next` of it is atomic
    stopped = Event()
    ended: SimpleQueue[tuple[int, _Call[_R]]] = SimpleQueue()

    def run() -> None:
        for number, item in pending:
            if stopped.is_set():
                return
            call = _Call(partial(function, item))
            call.run()
            if call.error is not None:
                stopped.set()
            ended.put((number, call))

    threads = [Thread(target=run, daemon=True) for _ in range(min(at_a_time, len(items)))]
    for thread in threads:
        thread.start()
    results: dict[int, _R] = {}
    try:
        while len(results) < len(items):
            with suppress(Empty):
                number, call = ended.get(timeout=SLICE)
                results[number] = call.result()
    except Exception:
        lingers_until = time.monotonic() + LINGER
        for thread in threads:
            thread.join(max(0.0, lingers_until - time.monotonic()))
        raise
    finally:
        stopped.set()
    return [results[number] for number in range(len(items))]
