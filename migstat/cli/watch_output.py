"""Who tells a watch's events: as a picture that is drawn in place, as lines, or as JSON."""

from __future__ import annotations

from collections import deque
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from migstat.cli.context import Runtime, Session
from migstat.cli.output import ascii_only
from migstat.cli.screen import Screen
from migstat.follow.watch import Watch
from migstat.model.events import Changed, Ended, Event, Outage, Recovered, Snapped, Stalled
from migstat.model.nodes import Millis, State
from migstat.model.reports import StatusReport
from migstat.model.verdict import Snapshot, not_scheduled
from migstat.render.grid import Line, cells, wrapped
from migstat.render.json import encoded, event_document
from migstat.render.live import GOES_ON, Digest, Health, digest, ended_line, frame
from migstat.render.parts import Canvas
from migstat.render.plain import change_line
from migstat.render.table import view
from migstat.render.text import duration, harmless, local_time, zone
from migstat.render.theme import ASCII, UNICODE
from migstat.settings.resolve import Look

HEARTBEAT = 600.0
"""Seconds of silence into a pipe after which a line says that the watch still goes on."""

REMEMBERED = 50
"""Changes that the picture may show."""


class Teller(Protocol):
    """Tells events. `showing` is entered for as long as the watch goes on; `idle` comes before every pause."""

    def showing(self) -> AbstractContextManager[object]:
        """What to enter while it goes on."""

    def tell(self, event: Event) -> None:
        """Tell one event."""

    def warn(self, text: str) -> None:
        """Tell a warning where it stays readable."""

    def idle(self) -> None:
        """Look at what the watch knows now."""

    def conclude(self, ended: Ended) -> None:
        """Tell how it ended, after `showing` was left."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is watched, and the session that knows its names."""

    watch: Watch
    session: Session


class JsonTeller:
    """Each event as one JSON line, flushed as it happens."""

    def __init__(self, runtime: Runtime) -> None:
        self._streams = runtime.streams

    def showing(self) -> AbstractContextManager[object]:
        """Nothing to enter."""
        return nullcontext()

    def tell(self, event: Event) -> None:
        """Write the event."""
        self._streams.print(encoded(event_document(event), ascii_only=ascii_only(self._streams)) + "\n")

    def warn(self, text: str) -> None:
        """Write it to standard error."""
        self._streams.tell(text)

    def idle(self) -> None:
        """Nothing: a stream of events has no heartbeat."""

    def conclude(self, ended: Ended) -> None:
        """The last event has told all."""


class LineTeller:
    """Changes as lines on standard output; heartbeat, trouble and the verdict on standard error.

    With `quiet` only changes to bad states, and the verdict.
    """

    def __init__(self, runtime: Runtime, subject: Subject, *, quiet: bool) -> None:
        self._runtime = runtime
        self._subject = subject
        self._quiet = quiet
        self._told_at = runtime.clock()

    def showing(self) -> AbstractContextManager[object]:
        """Nothing to enter."""
        return nullcontext()

    def tell(self, event: Event) -> None:
        """Write what the event says, where a person or a script wants it."""
        match event:
            case Changed() if not self._quiet or event.node.state in (State.FAILED, State.WARNING):
                self._runtime.streams.print(change_line(event) + "\n")
                self._told_at = self._runtime.clock()
            case Snapped():
                self._say(f"watching {event.task_type or 'task'} {event.task_id}: {self._standing()}")
            case Stalled():
                self._say(f"{','.join(event.level)} has not moved for {duration(event.since_seconds)}")
            case Outage():
                self._say(f"no answer: {event.message}; asking on")
            case Recovered():
                self._say(f"answering again after {duration(event.outage_seconds)}")

    def warn(self, text: str) -> None:
        """Write it to standard error."""
        self._runtime.streams.tell(text)

    def idle(self) -> None:
        """A sign of life, sparsely."""
        if self._runtime.clock() - self._told_at >= HEARTBEAT:
            self._say(self._standing())

    def conclude(self, ended: Ended) -> None:
        """The verdict in one line."""
        self._runtime.streams.tell(f"migstat: {ended_line(ended, self._subject.watch.scope)}")

    def _say(self, text: str) -> None:
        if not self._quiet:
            now = int(self._runtime.now() * 1000)
            self._runtime.streams.tell(f"{local_time(now, now)} {zone(now)}  {harmless(text)}")
            self._told_at = self._runtime.clock()

    def _standing(self) -> str:
        watch = self._subject.watch
        leaves = watch.leaves
        total = len(leaves) + len(watch.missing)
        failed = sum(leaf.state is State.FAILED for leaf in leaves)
        bad = f", {failed} failed" if failed else ""
        return f"{watch.verdict}, {sum(leaf.ended for leaf in leaves)} of {total} {watch.scope} done{bad}"


class PictureTeller:
    """A picture that is drawn in place; the final state stays in the scrollback."""

    def __init__(self, runtime: Runtime, subject: Subject, look: Look) -> None:
        self._runtime = runtime
        self._subject = subject
        self._look = look
        self._glyphs = UNICODE if runtime.streams.unicode and not look.plain_signs else ASCII
        self._changes: deque[Changed] = deque(maxlen=REMEMBERED)
        self._digest: Digest | None = None
        self._warnings: list[str] = []
        out = runtime.streams.out
        assert out is not None  # noqa: S101  a picture is drawn on a terminal only
        self.screen = Screen(out, self._frame, color=look.color is not False)

    def showing(self) -> AbstractContextManager[object]:
        """The screen."""
        return self.screen

    def tell(self, event: Event) -> None:
        """Remember changes, and draw anew."""
        if isinstance(event, Changed):
            self._changes.append(event)
        if isinstance(event, Snapped | Outage | Recovered | Stalled | Ended):
            self.idle()

    def warn(self, text: str) -> None:
        """Keep it until the picture is over."""
        self._warnings.append(text)

    def idle(self) -> None:
        """Sort out what is known, and draw it."""
        if self._subject.watch.read_at is not None:
            self._digest = digest_of(self._subject.watch, self._subject.session.task.task_id, self._now())
        self.screen.draw()

    def conclude(self, ended: Ended) -> None:
        """The final state, and the verdict in one line."""
        streams, watch = self._runtime.streams, self._subject.watch
        for warning in self._warnings:
            streams.tell(warning)
        width = streams.width(self._look.columns)
        if watch.read_at is not None:
            canvas = Canvas(width, self._glyphs)
            streams.draw(view(self._final(ended), canvas), color=self._look.color, width=width)
        line = ended_line(ended, watch.scope)
        if cells(line) > width:  # whole sentences stay together where they can
            told, goes_on, _ = line.partition(GOES_ON)
            line = "\n".join((*wrapped(told, width), *wrapped(goes_on, width)))
        streams.print(f"\n{line}\n")

    def _final(self, ended: Ended) -> StatusReport:
        watch = self._subject.watch
        snapshot = Snapshot(
            self._subject.session.job_id,
            self._subject.session.task.task_id,
            watch.task_type,
            ended.at,
            watch.root,
            ended.verdict,
        )
        expected = len(watch.leaves) + len(watch.missing)
        return StatusReport(
            snapshot,
            self._subject.watch.job_name,
            watch.missing,
            expected,
            brief=True,
            not_scheduled=not_scheduled(watch.root),
        )

    def _frame(self, columns: int, lines: int) -> list[Line]:
        now = self._now()
        told = self._digest or Digest.unknown(f"job {self._subject.session.job_id}")
        health = health_of(self._subject.watch, now, self._runtime.clock())
        return frame(told, health, tuple(self._changes), Canvas(columns, self._glyphs), lines)

    def _now(self) -> Millis:
        return int(self._runtime.now() * 1000)


def digest_of(watch: Watch, task_id: str, now: Millis) -> Digest:
    """What a watch knows, sorted out for its picture."""
    return digest(
        watch.root,
        watch.leaves,
        title=watch.job_name or f"task {task_id}",
        task=f"{watch.task_type or 'task'} {task_id}",
        verdict=watch.verdict,
        scope=watch.scope,
        missing=len(watch.missing),
        stalled=frozenset(watch.stalled),
        now=now,
        phases=dict(watch.phases),
    )


def health_of(watch: Watch, now: Millis, clock: float) -> Health:
    """How a watch itself is, at `clock` of its own clock."""
    return Health(
        now,
        watch.read_at,
        watch.requests_a_minute,
        watch.interval,
        watch.full_every,
        None if watch.outage_since is None else clock - watch.outage_since,
        watch.next_try - clock,
    )


def is_new_failure(event: Event) -> bool:
    """Whether somebody should look up from what they are doing."""
    return isinstance(event, Changed) and event.node.ended and event.node.state is State.FAILED
