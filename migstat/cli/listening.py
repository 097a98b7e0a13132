"""What a watch reports to: its record, notifications, exported files, and whoever sits in front of it."""

from __future__ import annotations

from migstat.model.events import Event, Resumed, Waiting
from migstat.render.ending import WatchResult

Heard = Event | Waiting | Resumed


class Listener:
    """Hears everything that a watch says. It does its work in the background: a watch waits for no disk or network."""

    def show(self, event: Heard) -> None:
        """Take in what has happened, or that a pause begins."""
        raise NotImplementedError

    def end(self, result: WatchResult) -> None:
        """Take in the last event, and how the watch ended."""
        self.show(result.ended)

    def close(self, patience: float) -> None:
        """Finish, or give up after `patience` seconds or less."""
