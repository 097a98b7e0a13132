"""The phases that each running node went through, and how fast the current one goes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from migstat.model.events import PhaseSeen
from migstat.model.nodes import Level, Millis, Node, Phase, State

WINDOW: Millis = 300_000
"""The rate of a phase is that of the last five minutes."""

MOVED_FOR: Millis = 60_000
"""How long a phase must have moved until its rate says anything."""


class Phases:
    """Remembers phases by the names that the API gives them: progress is of the current phase only."""

    def __init__(self) -> None:
        self._tracks: dict[Level, dict[str, _Track]] = {}

    def take(self, nodes: Iterable[Node], now: Millis) -> None:
        """Take in what a poll has read."""
        for node in nodes:
            if node.state is not State.RUNNING:
                self._tracks.pop(node.level, None)
                continue
            named = {phase.name: phase for phase in node.progress if phase.name}
            if not named:
                continue
            tracks = self._tracks.setdefault(node.level, {})
            for name, phase in named.items():
                tracks.setdefault(name, _Track(now)).take(phase, now)
            for name, track in tracks.items():
                if name not in named and track.to is None:
                    track.to = now

    def seen(self) -> dict[Level, tuple[PhaseSeen, ...]]:
        """The phases of every running node, in the order in which they began."""
        return {
            level: tuple(track.seen(name) for name, track in tracks.items()) for level, tracks in self._tracks.items()
        }


class _Track:
    def __init__(self, begun: Millis) -> None:
        self.to: Millis | None = None
        self._begun = begun
        self._phase: Phase | None = None
        self._samples: deque[tuple[Millis, float]] = deque()

    def take(self, phase: Phase, now: Millis) -> None:
        self.to, self._phase = None, phase
        if phase.processed is None:
            return
        if self._samples and phase.processed < self._samples[-1][1]:  # it begins again
            self._samples.clear()
        self._samples.append((now, phase.processed))
        while len(self._samples) > 2 and now - self._samples[1][0] >= WINDOW:
            self._samples.popleft()

    def seen(self, name: str) -> PhaseSeen:
        phase = self._phase
        return PhaseSeen(
            name,
            self._begun,
            self.to,
            phase.processed if phase else None,
            phase.total if phase else None,
            self._rate() if self.to is None else None,
        )

    def _rate(self) -> float | None:
        if len(self._samples) < 2:
            return None
        (since, before), (until, after) = self._samples[0], self._samples[-1]
        if until - since < MOVED_FOR or after <= before:
            return None
        return (after - before) * 1000 / (until - since)
