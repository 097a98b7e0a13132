"""Progress of running nodes: which phases each went through, how fast the current one goes, and which stalled."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from migstat.follow.known import KnownTree
from migstat.model.events import PhaseSeen, Stalled
from migstat.model.nodes import Level, Millis, Node, Phase

RATED_OVER: Millis = 300_000
"""The rate of a phase is that of the last five minutes."""

MOVED_FOR: Millis = 60_000
"""How long a phase must have moved before its rate says anything."""


class Progress(msgspec.Struct):
    """Follows what runs. A node that has made no progress for `stall_after` seconds has stalled.

    `stalled` maps the level of each stalled node to when it last moved; it may be set to what an earlier watch has
    said. `phases` are those of every running node, in the order in which they began.
    """

    stall_after: float
    stalled: dict[Level, Millis] = {}
    phases: dict[Level, tuple[PhaseSeen, ...]] = {}
    _tracks: dict[Level, _Track] = {}

    def take(self, known: KnownTree, clock: float, now: Millis) -> list[Stalled]:
        """Take in what was read last, at `clock` (seconds) or `now`; return the nodes that have just stalled."""
        running = known.running if known.root.ended else {(): known.root, **known.running}
        tracks: dict[Level, _Track] = {}
        stalled: list[Stalled] = []
        for level, node in running.items():
            # `lastUpdatedAt` may stay where the node began while `percent` moves, or be refreshed while nothing moves,
            # so it counts only for a node without progress
            progress = (node.percent, node.progress) if node.percent is not None or node.progress else None
            looks = (node.status, progress or node.last_updated_at)
            track = self._tracks.get(level)
            if track is None:
                track = _Track(looks, clock)
                if not progress and node.last_updated_at is not None:
                    track.moved_at -= max(0, now - node.last_updated_at) / 1000
            elif track.looks != looks:
                track.looks, track.moved_at = looks, clock
                self.stalled.pop(level, None)
            reported = () if track.node is node else node.progress  # nothing, if it was not read again
            named = {phase.name: phase for phase in reported if phase.name}
            for name, phase in named.items():
                track.phases.setdefault(name, _PhaseTrack(now)).take(phase, now)
            for name, earlier in track.phases.items() if named else ():
                if name not in named and earlier.to is None:
                    earlier.to = now
            track.node = node
            tracks[level] = track
            still = clock - track.moved_at
            # a node with children moves when they do, and the root stands for all that is not reported yet
            if still >= self.stall_after and level not in self.stalled and not known.levels.get(level):
                self.stalled[level] = now - int(still * 1000)
                stalled.append(Stalled(now, level, still))
        self.stalled = {
            level: since for level, since in self.stalled.items() if level in tracks and not known.levels.get(level)
        }
        self.phases = {
            level: tuple(phase.seen(name) for name, phase in track.phases.items())
            for level, track in tracks.items()
            if track.phases
        }
        self._tracks = tracks
        return stalled

    def forgive(self, seconds: float, below: Iterable[Level] = ((),)) -> None:
        """Leave out time in which nothing `below` these levels could be read, so nothing could be seen to move."""
        levels = tuple(below)
        for level, track in self._tracks.items():
            if any(level[: len(unread)] == unread for unread in levels):
                track.moved_at += seconds


class _Track(msgspec.Struct):
    """A running node as last read: its looks, since when it has had them, and all phases that the API has named."""

    looks: object
    moved_at: float
    node: Node | None = None
    phases: dict[str, _PhaseTrack] = {}


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
