"""Ctrl-C, SIGTERM and SIGHUP as one exception, raised only where nothing can be left half done."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from migstat.follow.watch import Stopped

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class Signals:
    """Catches the signals that ask a program to end, while it is entered as a context manager.

    Inside of `interruptible` a signal raises Stopped at once; elsewhere it waits until there. After the first one the
    rest is over quickly, so further ones are ignored.
    """

    def __init__(self) -> None:
        self._pending: int | None = None
        self._stopped = False
        self._interruptible = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        for name in NAMES:
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup wants it so
                self._before[number] = signal.signal(number, self._arrived)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let signals raise Stopped until the end of the block."""
        self._interruptible = True
        try:
            self._raise_pending()
            yield
        finally:
            self._interruptible = False

    def _arrived(self, number: int, _frame: FrameType | None) -> None:
        if not self._stopped:
            self._pending = number
            if self._interruptible:
                self._raise_pending()

    def _raise_pending(self) -> None:
        if self._pending is not None and not self._stopped:
            self._stopped = True
            raise Stopped(self._pending)
