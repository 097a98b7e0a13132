"""Progress of running nodes: which phases each went through, how fast the current one goes, and which stalled."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from migstat.model.events import PhaseSeen, Stalled
from migstat.model.nodes import Level, Millis, Node, Phase, State

RATED_OVER: Millis = 300_000
"""The rate of a phase is that of the last five minutes."""

MOVED_FOR: Millis = 60_000
"""How long a phase must have moved before its rate says anything."""


class Stalls(msgspec.Struct):
    """Running nodes that have made no progress for `after` seconds.

    `since` maps the level of each stalled node to when it last moved. It may be set to what an earlier watch has said.
    """

    _after: float
    since: dict[Level, Millis] = {}
    _moves: dict[Level, tuple[object, float]] = {}

    def take(self, nodes: Iterable[Node], clock: float, now: Millis) -> list[Stalled]:
        """Take in all nodes that run, read at `clock` (seconds) or `now`; return those that have just stalled."""
        moves: dict[Level, tuple[object, float]] = {}
        stalled: list[Stalled] = []
        for node in nodes:
            level = node.level
            # `lastUpdatedAt` may stay where the node began while `percent` moves, or be refreshed while nothing moves,
            # so it counts only for a node without progress
            progress = (node.percent, node.progress) if node.percent is not None or node.progress else None
            looks = (node.status, progress or node.last_updated_at)
            known = self._moves.get(level)
            if known is not None and known[0] == looks:
                moved_at = known[1]
            else:
                moved_at = clock
                if known is not None:
                    self.since.pop(level, None)
                elif not progress and node.last_updated_at is not None:
                    moved_at -= max(0, now - node.last_updated_at) / 1000
            moves[level] = (looks, moved_at)
            still = clock - moved_at
            if still >= self._after and level not in self.since:
                self.since[level] = now - int(still * 1000)
                stalled.append(Stalled(now, level, still))
        self.since = {level: since for level, since in self.since.items() if level in moves}
        self._moves = moves
        return stalled

    def forgive(self, seconds: float) -> None:
        """Leave out time in which nothing could be read, so nothing could be seen to move."""
        self._moves = {level: (looks, moved_at + seconds) for level, (looks, moved_at) in self._moves.items()}


class Phases(msgspec.Struct):
    """Remembers phases by the names that the API gives them, as it reports progress of the current phase only."""

    _tracks: dict[Level, dict[str, _PhaseTrack]] = {}

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
                tracks.setdefault(name, _PhaseTrack(now)).take(phase, now)
            for name, track in tracks.items():
                if name not in named and track.to is None:
                    track.to = now

    def seen(self) -> dict[Level, tuple[PhaseSeen, ...]]:
        """The phases of every running node, in the order in which they began."""
        return {
            level: tuple(track.seen(name) for name, track in tracks.items()) for level, tracks in self._tracks.items()
        }


class _PhaseTrack:
    def __init__(self, begun: Millis) -> None:
        self.to: Millis | None = None
        self._begun = begun
        self._phase = Phase(None, None, None)
        self._samples: deque[tuple[Millis, float]] = deque()

    def take(self, phase: Phase, now: Millis) -> None:
        self.to, self._phase = None, phase
        if phase.processed is None:
            return
        if self._samples and phase.processed < self._samples[-1][1]:  # it begins again
            self._samples.clear()
        self._samples.append((now, phase.processed))
        while len(self._samples) > 2 and now - self._samples[1][0] >= RATED_OVER:
            self._samples.popleft()

    def seen(self, name: str) -> PhaseSeen:
        rate = None
        if self.to is None and len(self._samples) >= 2:
            (since, before), (until, after) = self._samples[0], self._samples[-1]
            if until - since >= MOVED_FOR and after > before:
                rate = (after - before) * 1000 / (until - since)
        phase = self._phase
        return PhaseSeen(
            name=name, begun=self._begun, to=self.to, processed=phase.processed, total=phase.total, rate=rate
        )
