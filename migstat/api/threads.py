"""Work in daemon threads, so that an abandoned request never holds up a signal or the exit.

Looking up a name cannot be interrupted or timed out, and the threads of a `ThreadPoolExecutor` are joined when the
interpreter exits. The caller therefore waits for a daemon thread, and can leave at any time.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")

SLICE = 0.25
"""Seconds of one wait: Windows delivers Ctrl-C only between two of them."""


class _Call(Generic[_R]):
    """A call of a function in another thread, and what came of it."""

    def __init__(self, function: Callable[[], _R]) -> None:
        self._function = function
        self._results: list[_R] = []
        self.error: BaseException | None = None
        self.ended = Event()

    def run(self) -> None:
        try:
            self._results.append(self._function())
        except BaseException as error:  # noqa: BLE001  it is raised in the caller's thread
            self.error = error
        self.ended.set()

    def result(self) -> _R:
        if self.error is not None:
            raise self.error
        return self._results[0]


class Workers:
    """Daemon threads for calls that may hang, kept for later calls: starting one takes as long as half a request."""

    def __init__(self) -> None:
        self._idle: deque[SimpleQueue[_Call[Any] | None]] = deque()

    def call(
        self, function: Callable[[], _R], seconds: float, meanwhile: Callable[[float], None] = lambda _: None
    ) -> _R:
        """Call the function in one of the threads and return its result, or raise its exception.

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
            while not call.ended.is_set():
                passed = time.monotonic() - began
                if passed >= seconds:
                    raise TimeoutError
                if not call.ended.wait(min(SLICE, seconds - passed)):
                    meanwhile(passed)
        except BaseException:
            thread.put(None)
            raise
        self._idle.append(thread)
        return call.result()

    def close(self) -> None:
        """End the threads that have nothing to do."""
        while self._idle:
            self._idle.pop().put(None)


def _work(calls: SimpleQueue[_Call[Any] | None]) -> None:
    while (call := calls.get()) is not None:
        call.run()
        del call  # or its result would live until the next call


def together(function: Callable[[_T], _R], items: Sequence[_T], at_a_time: int) -> list[_R]:
    """Call the function for each item in daemon threads, `at_a_time` at once; the results in the order of the items.

    The first exception is raised as soon as it occurs, and nothing more is begun after it.
    """
    if len(items) < 2:
        return [function(item) for item in items]
    pending = deque(enumerate(items))
    ended: SimpleQueue[tuple[int, _Call[_R]]] = SimpleQueue()

    def run() -> None:
        while pending:
            try:
                number, item = pending.popleft()
            except IndexError:  # another thread took the last one
                return
            call = _Call(partial(function, item))
            call.run()
            if call.error is not None:
                pending.clear()
            ended.put((number, call))

    for _ in range(min(at_a_time, len(items))):
        Thread(target=run, daemon=True).start()
    results: dict[int, _R] = {}
    try:
        while len(results) < len(items):
            try:
                number, call = ended.get(timeout=SLICE)
            except Empty:
                continue
            results[number] = call.result()
    finally:
        pending.clear()
    return [results[number] for number in range(len(items))]
