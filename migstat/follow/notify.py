"""Decides when to run `--notify`: which events are worth waking someone for, and which of them is the worst."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from migstat.model.events import Changed, Ended, Event, Late, Outage, Recovered, Stalled, View
from migstat.model.nodes import Millis, Node, State, levels_above

LONG_OUTAGE = 120.0
"""Seconds after which an outage is worth a notification: shorter ones are over before anyone could look."""

MOST_EVENTS = 10_000
"""Events passed on at once; the oldest go first."""

_WORST_FIRST = (Ended, Changed, Outage, Late, Stalled, Recovered)


def failed_for_good(node: Node) -> bool:
    """True if it ended badly. The outcome of an end without one may still come, and be a good one."""
    return node.state is State.FAILED and bool(node.outcome)


def is_bad_news(event: object) -> bool:
    """True for a new failure and for the end."""
    return isinstance(event, Ended) or (isinstance(event, Changed) and event.counts and failed_for_good(event.node))


class Batch(msgspec.Struct, frozen=True):
    """The events of one poll, or of several if a command still ran meanwhile, and those of them worth a notification.

    `view` is what was known after them; `ending` is how the watch ended, in words, if it has.
    """

    events: tuple[Event, ...]
    alarms: tuple[Event, ...]
    view: View
    ending: str = ""

    def after(self, earlier: Batch | None) -> Batch:
        """Both as one."""
        if earlier is None:
            return self
        events = (*earlier.events, *self.events)[-MOST_EVENTS:]
        return Batch(events, (*earlier.alarms, *self.alarms), self.view, self.ending)


class Alarms(msgspec.Struct):
    """Gathers events poll by poll, and remembers which outage was worth a notification: only its end is, too."""

    _events: list[Event] = []
    _outage: Outage | None = None
    _outage_passed_on: bool = False

    def add(self, event: Event) -> None:
        """Take in an event of this poll."""
        self._events.append(event)

    def due(self, now: Millis, view: View, ending: str = "") -> Batch | None:
        """End a poll, or look again during the pause after it; return what is worth a notification, if anything."""
        events, self._events = self._events, []
        alarms: list[Event] = []
        for event in events:
            match event:
                case Outage():
                    self._outage, self._outage_passed_on = event, False
                case Recovered():
                    alarms += [event] if self._outage_passed_on else []
                    self._outage, self._outage_passed_on = None, False
                case _ if is_bad_news(event) or isinstance(event, Stalled | Late):
                    alarms.append(event)
        if self._outage is not None and not self._outage_passed_on:
            since = self._outage.at if view.outage is None else view.outage.since
            if now - since >= LONG_OUTAGE * 1000:
                self._outage_passed_on = True
                alarms.append(self._outage)
                events += [] if self._outage in events else [self._outage]
        return Batch(tuple(events), tuple(alarms), view, ending) if alarms else None


def worst_of(alarms: Sequence[Event]) -> tuple[Event, int]:
    """The worst of some alarms, and how many more there are of its kind.

    Of failures, what failed is named and not what contains it. An outage that is over is not the worst any more.
    """
    if any(isinstance(alarm, Recovered) for alarm in alarms):
        alarms = [alarm for alarm in alarms if not isinstance(alarm, Outage)]
    above = levels_above(alarm.node for alarm in alarms if isinstance(alarm, Changed))
    alarms = [alarm for alarm in alarms if not (isinstance(alarm, Changed) and alarm.node.level in above)]
    worst = min(alarms, key=lambda alarm: [isinstance(alarm, kind) for kind in _WORST_FIRST].index(True))
    return worst, sum(type(alarm) is type(worst) for alarm in alarms) - 1


def recovery_beside(worst: Event, alarms: Sequence[Event]) -> Recovered | None:
    """The end of the last outage among some alarms, if the worst of them is something else."""
    last = next((alarm for alarm in reversed(alarms) if isinstance(alarm, Outage | Recovered)), None)
    return last if isinstance(last, Recovered) and last is not worst else None
