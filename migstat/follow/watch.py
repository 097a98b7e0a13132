"""Follows a task until it ends: a generator of events, through any outage."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from migstat.api.retry import WINDOW, Clock, Policy, Sleep
from migstat.errors import ApiError, NotFound, Refused
from migstat.follow.poll import Poller
from migstat.model.events import (
    Changed,
    End,
    Ended,
    Event,
    Outage,
    Progressed,
    Reading,
    Recovered,
    Seen,
    Snapped,
    Stalled,
)
from migstat.model.nodes import MIGRATE, Level, Millis, Node, State, TaskType, leaves_of
from migstat.model.verdict import (
    Until,
    Verdict,
    failures_of,
    nested,
    not_scheduled,
    summary_of,
    verdict_of_task,
)
from migstat.query.task import TaskTarget

SETTLE = 120.0
"""Seconds for which, at a task's end, what is not reported is asked for again: statuses are eventually consistent."""

APPEAR = 120.0
"""Seconds for which a task may answer 404 after it was created."""

TRIES = 3
"""Polls in a row that must be refused, after earlier success, until that is believed."""

SHORTEST_WAIT = 1.0
LONGEST_WAIT = 300.0
"""Seconds after which a silent API is asked again, whatever the dice say and however long it asked not to be."""

UNSCHEDULED_POLLS = 2
"""Readings of everything after which a migration whose checks failed is taken not to be scheduled."""


class Stopped(BaseException):
    """A signal arrived; `signal` is its number."""

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal


class TimeIsUp(BaseException):
    """The time for the whole watch has passed."""


def exit_code(end: End, verdict: Verdict, *, strict: bool = False, signal: int = 0) -> int:
    """The exit code of a watch that ended so: the one place where it is made, whatever shows it.

    A WARNING fails where `strict`; `signal` is what interrupted it. An error other than something unreadable has a
    code of its own.
    """
    match end:
        case End.FINISHED:
            return 1 if verdict is Verdict.FAILED or (strict and verdict is Verdict.WARNING) else 0
        case End.FAILED_FAST:
            return 1
        case End.TIMEOUT:
            return 124  # as of GNU timeout
        case End.INTERRUPTED:
            return 128 + signal  # as shells have it
        case End.ERROR:
            return 3


@dataclass(frozen=True, slots=True)
class Plan:
    """What to watch for. `interval` and `stall_after` in seconds."""

    interval: float = 10.0
    stall_after: float = 900.0
    until: Until = Until.DONE
    fail_fast: bool = False
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Timing:
    """`clock` counts seconds and goes on in a suspended machine, `now` is epoch seconds, `share` random in 0..1.

    Inside of `interruptible`, which is around all reading and sleeping, Stopped or TimeIsUp may be raised; nothing
    more is read then.
    """

    clock: Clock
    now: Clock
    sleep: Sleep
    share: Callable[[], float]
    interruptible: Callable[[], AbstractContextManager[None]] = nullcontext


class Watch:
    """One watch of one task: iterate over `events`; the rest tells what is known in between.

    `task` names the task and may have to ask the API for it; `job_is_there` raises NotFound where even the job is
    unknown; `seen` recalls an earlier watch of the task, once the task is known.
    """

    def __init__(
        self,
        task: Callable[[], TaskTarget],
        poller: Poller,
        plan: Plan,
        timing: Timing,
        *,
        job_is_there: Callable[[], object],
        seen: Callable[[], Seen] = Seen,
    ) -> None:
        self.root = Node()
        self.read_at: Millis | None = None
        self.stalled: set[Level] = set()
        self.phases: dict[Level, int] = {}
        self._task = task
        self._job_is_there = job_is_there
        self._poller = poller
        self._plan = plan
        self._timing = timing
        self._recall = seen
        self._moves: dict[Level, tuple[object, float]] = {}
        self._full_at = 0.0
        self._over_since: float | None = None
        self._unscheduled = 0
        self.outage_since: float | None = None
        self.next_try = 0.0
        self._pace: deque[tuple[float, int]] = deque()
        self._began = self._millis()
        self._succeeded = False
        self._last_was_full = False

    @property
    def task_type(self) -> str | None:
        """`check`, `migrate`, or None while nothing is known."""
        return self._poller.latest.task_type

    @property
    def job_name(self) -> str | None:
        """What the user called the job, where that is known."""
        return self._poller.job_name

    @property
    def leaves(self) -> tuple[Node, ...]:
        """What progress is counted in: checks, projects or spaces."""
        return leaves_of(self.root, self.task_type)

    @property
    def missing(self) -> tuple[str, ...]:
        """Keys of the job's scope that are not reported yet."""
        return self._poller.missing

    @property
    def flaws(self) -> tuple[str, ...]:
        """What the last reading of everything could not read, a line each."""
        return self._poller.latest.flaws

    @property
    def interval(self) -> float:
        """Seconds between polls: as asked for, or wider where the request budget wants it."""
        return self._poller.interval(self._plan.interval, full=self._over_since is not None)

    @property
    def full_every(self) -> float:
        """Seconds between readings of everything."""
        return self.interval if self._poller.only_full else self._poller.full_every

    @property
    def requests_a_minute(self) -> float:
        """Requests over the last minute or so."""
        if len(self._pace) < 2:
            return float(self._poller.requests)
        (since, before), (until, after) = self._pace[0], self._pace[-1]
        return (after - before) * WINDOW / max(until - since, 1.0)

    @property
    def scope(self) -> str:
        """What the leaves are called: checks, projects or spaces."""
        return "checks" if self.task_type == TaskType.CHECK else self._poller.latest.scope

    @property
    def verdict(self) -> Verdict:
        """What it comes down to now, of what is waited for."""
        unscheduled = self._unscheduled > UNSCHEDULED_POLLS and not_scheduled(self.root)
        return self._verdict(waited=self._has_waited() or unscheduled)

    def events(self) -> Generator[Event, None, None]:
        """Events as they happen; the last is an Ended. Raises ApiError where no waiting can help."""
        try:
            yield from self._followed()
        except TimeIsUp:
            yield self.ended(End.TIMEOUT)
        except Stopped as stopped:
            yield self.ended(End.INTERRUPTED, signal=stopped.signal)

    def ended(self, end: End, code: int | None = None, *, signal: int = 0) -> Ended:
        """The last event of a watch that ends so; `code` is that of an error which has one."""
        now = self._millis()
        elapsed = self.root.elapsed_seconds(now)
        return Ended(
            now,
            end,
            self.verdict,
            exit_code(end, self.verdict, strict=self._plan.strict, signal=signal) if code is None else code,
            summary_of(self.leaves),
            self.missing,
            elapsed if elapsed is not None else max(0, now - self._began) / 1000,
        )

    @property
    def code_now(self) -> int | None:
        """The exit code if it ended now, by what is known; None while it goes on."""
        if self._has_failed_fast():
            return exit_code(End.FAILED_FAST, self.verdict)
        verdict = self.verdict
        if verdict in (Verdict.PENDING, Verdict.RUNNING):
            return None
        return exit_code(End.FINISHED, verdict, strict=self._plan.strict)

    def _has_failed_fast(self) -> bool:
        return self._plan.fail_fast and bool(failures_of(self.root, self.task_type, self._plan.until))

    def _followed(self) -> Iterator[Event]:
        yield from self._until_read(self._read_all)
        seen = self._recall()
        self.stalled |= seen.stalled
        self._began = seen.began or self._began
        yield self._snapped()
        if seen.readings:
            yield from self._changes(seen.readings)
        while True:
            yield from self._stalls()
            if (end := self._end()) is not None:
                yield end
                return
            if self._over_since is None or self._last_was_full:
                self._pause(self.interval)
            before = dict(self._poller.nodes)
            yield from self._until_read(self._read_all if self._full_is_due() else self._read_running)
            yield from self._changes({level: _reading(node) for level, node in before.items()})
            yield from self._progress(before)

    def _snapped(self) -> Snapped:
        task, summary = self._task(), summary_of(self.leaves)
        return Snapped(self._millis(), task.job_id, task.task_id, self.task_type, self.verdict, summary, self.root)

    def _end(self) -> Ended | None:
        """The last event, where it is over."""
        if self._has_failed_fast():
            return self.ended(End.FAILED_FAST)
        verdict = self.verdict
        if not self._last_was_full:
            return None
        if verdict in (Verdict.PENDING, Verdict.RUNNING):
            return self.ended(End.ERROR) if self._ended_unseen() and self._has_waited() else None
        if verdict is not Verdict.FAILED and self._poller.latest.flaws:  # not all was seen, so it may have failed
            return self.ended(End.ERROR) if self._has_waited() else None
        whole = self._plan.until is not Until.CHECKS
        if whole and any(leaf.state is State.RUNNING for leaf in self.leaves) and not self._has_waited():
            return None
        return self.ended(End.FINISHED)

    # what changed

    def _changes(self, before: Mapping[Level, Reading]) -> Iterator[Event]:
        for level, node in self._poller.nodes.items():
            known, now = before.get(level), _reading(node)
            if now != known and (known is not None or now != _NOTHING):
                yield Changed(self._millis(), node, known)

    def _progress(self, before: Mapping[Level, Node]) -> Iterator[Event]:
        for level, node in self._poller.nodes.items():
            known = before.get(level)
            moved = known is None or (known.percent, known.progress) != (node.percent, node.progress)
            if known is not None and _begins_anew(known, node):
                self.phases[level] = self.phases.get(level, 1) + 1
            if moved and (node.percent is not None or node.progress):
                yield Progressed(self._millis(), level, node.percent, node.progress)

    def _stalls(self) -> Iterator[Event]:
        """Nodes without children that run and have not moved for too long; a node is told of once."""
        parents = {level[:-1] for level in self._poller.nodes if level}
        running = {
            level: node
            for level, node in self._poller.nodes.items()
            if level not in parents and node.state is State.RUNNING
        }
        self._moves = {level: self._last_move(level, node) for level, node in running.items()}
        for level, (_, since) in self._moves.items():
            still = self._timing.clock() - since
            if still >= self._plan.stall_after and level not in self.stalled:
                self.stalled.add(level)
                yield Stalled(self._millis(), level, still)

    def _last_move(self, level: Level, node: Node) -> tuple[object, float]:
        """What a node looked like at its last move, and when that was by the watch's clock."""
        looks = (node.status, node.percent, node.progress, node.last_updated_at)
        known = self._moves.get(level)
        if known is not None and known[0] == looks:
            return known
        clock = self._timing.clock()
        if known is not None or node.last_updated_at is None:
            return looks, clock
        return looks, clock - max(0, self._millis() - node.last_updated_at) / 1000

    # reading

    def _read_all(self) -> None:
        self._poller.read_all()
        self._full_at = self._timing.clock()
        self._unscheduled = self._unscheduled + 1 if self._take_stock() else 0
        self._last_was_full = True

    def _read_running(self) -> None:
        self._poller.read_running()
        self._take_stock()
        self._last_was_full = False

    def _take_stock(self) -> bool:
        """See what was read; whether the migration seems not to have been scheduled."""
        self.root = nested(self._poller.nodes)
        self.read_at = self._millis()
        unscheduled = not_scheduled(self.root)
        verdict = self._verdict(waited=True)
        over = (verdict not in (Verdict.PENDING, Verdict.RUNNING) and not unscheduled) or self._ended_unseen()
        if not over:
            self._over_since = None
        elif self._over_since is None:
            self._over_since = self._timing.clock()
        return unscheduled

    def _ended_unseen(self) -> bool:
        """Whether it has ended as far as can be seen, but a part could not be read."""
        core = self.root if self._plan.until is not Until.CORE else self._poller.nodes.get(MIGRATE, self.root)
        runs = any(node.state is State.RUNNING for node in self._poller.nodes.values())
        return core.ended and bool(self._poller.latest.flaws) and not runs

    def _full_is_due(self) -> bool:
        unsure = self.task_type is None or self._over_since is not None or not_scheduled(self.root)
        old = self._timing.clock() - self._full_at >= self._poller.full_every
        return unsure or old or self._poller.only_full

    def _until_read(self, read: Callable[[], None]) -> Generator[Event, None, None]:
        """Read until it succeeds, through any outage. Raises ApiError where no waiting can help."""
        began = self._timing.clock()
        tries = refusals = 0
        while True:
            tries += 1
            try:
                with self._timing.interruptible():
                    read()
            except ApiError as error:
                refusals = refusals + 1 if isinstance(error, Refused) else 0
                if not self._may_pass(error, refusals, self._timing.clock() - began):
                    raise
                wait = self._wait(error, tries)
                if self.outage_since is None and (self._succeeded or not isinstance(error, NotFound)):
                    self.outage_since = began
                    yield Outage(self._millis(), error.code, error.message, wait)
                self._pause(wait)
            else:
                break
        self._succeeded = True
        self._pace.append((self._timing.clock(), self._poller.requests))
        while len(self._pace) > 2 and self._pace[-1][0] - self._pace[1][0] >= WINDOW:
            self._pace.popleft()
        if self.outage_since is not None:
            yield Recovered(self._millis(), self._timing.clock() - self.outage_since)
            self.outage_since = None

    def _pause(self, seconds: float) -> None:
        self.next_try = self._timing.clock() + seconds
        with self._timing.interruptible():
            self._timing.sleep(seconds)

    def _may_pass(self, error: ApiError, refusals: int, waited: float) -> bool:
        """Whether another try may go better; a task that does not appear is waited for while its job is there."""
        if isinstance(error, NotFound):  # only the API's own 404 may pass
            return error.status is not None and waited < APPEAR and self._job_may_be_there()
        if isinstance(error, Refused):
            return self._succeeded and refusals < TRIES
        return self._succeeded or error.again

    def _job_may_be_there(self) -> bool:
        """Raises NotFound where it is not."""
        try:
            self._job_is_there()
        except NotFound:
            raise
        except ApiError:  # as for all else, no answer is no answer
            return True
        return True

    def _wait(self, error: ApiError, tries: int) -> float:
        """Seconds until the next try: longer each time, as long as the server asks, but never for ever."""
        policy = Policy(base=1.0, give_up_after=None)
        wait = policy.wait(tries, 0.0, error.retry_after, self._timing.share()) or 0.0
        return min(max(wait, SHORTEST_WAIT), LONGEST_WAIT)

    def _has_waited(self) -> bool:
        return self._over_since is not None and self._timing.clock() - self._over_since >= SETTLE

    def _verdict(self, *, waited: bool) -> Verdict:
        return verdict_of_task(
            self.root, self.task_type, self.missing, self._millis(), until=self._plan.until, waited=waited
        )

    def _millis(self) -> Millis:
        return int(self._timing.now() * 1000)


_NOTHING = Reading(None, None)


def _reading(node: Node) -> Reading:
    return Reading(node.status, node.outcome)


def _begins_anew(before: Node, now: Node) -> bool:
    """Whether a running node has begun another phase: progress is of the current one only, and starts again from 0."""
    names = [tuple(phase.name for phase in node.progress) for node in (before, now)]
    fell = before.percent is not None and now.percent is not None and now.percent < before.percent
    return not now.ended and (fell or (all(names) and names[0] != names[1]))
