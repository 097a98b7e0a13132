"""Compares tonight with its rehearsal and its deadline: the estimate after each reading, and when to warn."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping

import msgspec

from migstat.follow.estimate import Estimate, Rehearsal, estimate, rehearsed_of
from migstat.model.events import Late, LateReason
from migstat.model.nodes import Level, Millis, Node, State
from migstat.model.shape import Evidence
from migstat.model.verdict import Assessment, Until
from migstat.settings.values import same_time_next_day

HALF_A_DAY: Millis = 12 * 3_600_000

IN_A_ROW = 3
"""Estimates past the deadline before a warning: a single one may be due to one slow project."""

AHEAD: Millis = 600_000
"""How far ahead of the deadline an estimate must lie before the warning may be repeated."""

STEADY = 6
"""Readings of which the one with the most running projects counts: between two of them a lane is empty for a moment."""

RAMP: Millis = 300_000
"""How long after the first project others may still join it, until as many run as in the rehearsal."""


class Timetable(msgspec.Struct):
    """The deadline and the expected end, as of the last reading, so that an outage changes neither.

    `rehearsed` is how many of tonight's names were rehearsed, and of how many; None without a rehearsal. Each
    warning, that the estimate lies past the deadline and that it has passed, is given once.
    """

    _rehearsal: Rehearsal | None
    deadline: Millis | None
    _until: Until
    estimate: Estimate = Estimate()
    rehearsed: tuple[int, int] | None = None
    _since: dict[Level, Millis] = {}
    _lanes: deque[int] = msgspec.field(default_factory=lambda: deque(maxlen=STEADY))
    _read_at: Millis = 0
    _ended: bool = False
    _beyond: int = 0
    _said: set[LateReason] = set()

    def resume(self, late: Mapping[LateReason, Millis], now: Millis) -> None:
        """Take in which deadline an earlier watch has reported as missed, by reason.

        The same command, run again after `--deadline 03:00` has passed, means the same night and not the next one.
        """
        passed = late.get("passed", 0)
        if self.deadline is not None:
            if same_time_next_day(passed // 1000, self.deadline // 1000) and now - passed < HALF_A_DAY:
                self.deadline = passed
            # a record has whole seconds
            self._said = {reason for reason, deadline in late.items() if deadline // 1000 == self.deadline // 1000}

    def take(self, evidence: Evidence, found: Assessment, now: Millis) -> None:
        """Take in a reading and how it was judged."""
        self._ended = found.ended
        if self._rehearsal is not None:
            self.rehearsed = rehearsed_of(self._rehearsal, evidence, found.missing)
            self._note(evidence, now)
            self.estimate = self._estimated(self._rehearsal, evidence, found, now)
        self._read_at = now
        if self.deadline is not None and self.estimate.end is not None:
            self._beyond = self._beyond + 1 if self.estimate.end > self.deadline else 0
            if self.deadline - self.estimate.end >= AHEAD:
                self._said.discard("estimate")

    def late(self, now: Millis) -> Late | None:
        """The warning about the deadline that is due now, if any."""
        if self.deadline is None or not self.seconds_left(now) < math.inf:
            return None
        end, late_at = self.estimate.end, now
        reason: LateReason = "passed"
        if now < self.deadline:
            if end is None or self._beyond < IN_A_ROW or "estimate" in self._said:
                return None
            reason, late_at = "estimate", end
        self._said.add(reason)
        by = (late_at - self.deadline) / 1000
        return Late(at=now, deadline=self.deadline, estimated_end=end, by_seconds=by, reason=reason)

    def seconds_left(self, now: Millis) -> float:
        """Seconds until the deadline passes; infinite if that was already said, or before the first reading."""
        if self.deadline is None or self._ended or not self._read_at or "passed" in self._said:
            return math.inf
        return max(0, self.deadline - now) / 1000

    def _estimated(self, rehearsal: Rehearsal, evidence: Evidence, found: Assessment, now: Millis) -> Estimate:
        same, names = self.rehearsed or (0, 0)
        if found.ended or (names and not same):
            return Estimate()
        lanes = max(self._lanes, default=0)
        # while the first projects begin, one after the other, few run at a time, which says nothing of the rest
        leaves = evidence.shape.leaves
        begun = [self._since[leaf.level] for leaf in leaves if leaf.level in self._since]
        if lanes and now - min(begun, default=now) < RAMP and not any(leaf.ended for leaf in leaves):
            lanes = max(lanes, rehearsal.lanes)
        return estimate(
            rehearsal, evidence, self._until, now=now, missing=found.missing, since=self._since, lanes=lanes
        )

    def _note(self, evidence: Evidence, now: Millis) -> None:
        """Note when the running nodes began: by our clock if it was seen, as the API's clock may be wrong."""
        leaves = evidence.shape.leaves
        running = sum(leaf.state is State.RUNNING for leaf in leaves)
        if running:
            self._lanes.append(running)
        known, self._since = self._since, {}
        for node in _running(evidence.root):
            start = min(max(node.started_at or now, self._read_at), now)
            self._since[node.level] = known.get(node.level, start)


def _running(node: Node) -> list[Node]:
    below = [running for child in node.children or () for running in _running(child)]
    return [node, *below] if node.state is State.RUNNING else below
