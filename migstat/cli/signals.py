"""Signals of a watch: those that end it become one exception, Ctrl-Z hands the terminal back before it stops."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

import msgspec

from migstat.follow.deadline import Stopped

if TYPE_CHECKING:
    from migstat.cli.notifying import Notifier
    from migstat.cli.screen import LiveScreen

ENDING = ("SIGINT", "SIGTERM", "SIGHUP")


class Signals(msgspec.Struct):
    """Catches the signals that ask a program to end or to stop, while it is entered as a context manager.

    Inside of `interruptible` a signal that ends raises Stopped at once; elsewhere it waits until there, so nothing is
    left half done. After the first one the rest is over within a second, so others are ignored, except a second Ctrl-C:
    that restores the screen, kills the notifier's command and ends the process on the spot.

    The screen is handed back while Ctrl-Z stops the process.
    """

    screen: LiveScreen | None = None
    notifier: Notifier | None = None
    _pending: int | None = None
    _stopped: bool = False
    _interruptible: bool = False
    _before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        for name in ENDING:
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # nohup and `trap '' HUP`
                self._before[number] = signal.signal(number, self._arrived)
        if hasattr(signal, "SIGTSTP") and signal.getsignal(signal.SIGTSTP) is not signal.SIG_IGN:
            self._before[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, self._stop)
        if hasattr(signal, "SIGTTOU"):  # `stty tostop` must not stop a watch in the background for writing a line
            self._before[signal.SIGTTOU] = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let signals raise Stopped until the end of the block."""
        self._interruptible = True
        try:
            if self._pending is not None and not self._stopped:
                self._stopped = True  # once: what runs after it, such as the last notification, is interruptible again
                raise Stopped(self._pending)
            yield
        finally:
            self._interruptible = False

    def _arrived(self, number: int, _frame: FrameType | None) -> None:
        if self._pending is not None:
            if number == signal.SIGINT:
                if self.screen:
                    self.screen.give_up()
                if self.notifier:
                    self.notifier.kill()
                # Not sys.exit(): it would flush the very stream whose reader hangs.
                os._exit(128 + self._pending)  # noqa: TID251
            return
        self._pending = number
        if self._interruptible:
            self._stopped = True
            raise Stopped(number)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self.screen:
            self.screen.suspend()
        signal.signal(number, signal.SIG_DFL)  # only the default action stops a process as its shell expects
        os.kill(os.getpid(), number)  # stops here, until `fg` or `bg`
        signal.signal(number, self._stop)
        if self.screen:
            self.screen.resume()
