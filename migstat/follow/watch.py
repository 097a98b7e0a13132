"""Follows a task until it ends: a generator of events, through any outage.

The caller owns time and the screen: before every pause the generator yields Waiting, and the caller sleeps. `paced` is
that loop for callers who want nothing special.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext

import msgspec
from msgspec.structs import replace

from migstat.api.retry import WINDOW, Clock, Policy, Sleep
from migstat.errors import ApiError, Incomplete, NotFound, Refused, UsageError
from migstat.follow.deadline import Deadline, Stopped
from migstat.follow.estimate import Rehearsal
from migstat.follow.filling import Filling
from migstat.follow.phases import Phases
from migstat.follow.poll import Poller
from migstat.follow.timetable import Timetable
from migstat.model.acceptance import Acceptances, accepted_of
from migstat.model.events import (
    Alive,
    Changed,
    Condition,
    End,
    Ended,
    Event,
    NoAnswer,
    Outage,
    Progressed,
    Recovered,
    Seen,
    Snapped,
    Stalled,
    View,
    Waiting,
)
from migstat.model.exit_codes import Exit, exit_of_end
from migstat.model.nodes import (
    CHECK,
    Level,
    Millis,
    Node,
    Page,
    Question,
    TaskType,
    checks_of,
    child_of,
    leaves_of,
)
from migstat.model.verdict import (
    SETTLED_AFTER,
    Assessment,
    Evidence,
    Snapshot,
    Until,
    Verdict,
    assess,
    estimated_end,
    failed_so_far,
    not_scheduled,
    old_by_stamps,
)
from migstat.query.task import TaskSession

APPEAR = 120.0
"""Seconds for which a task may be absent after it was created."""

BELIEVED = 120.0
"""Seconds after which a refusal, or a 404, is believed that came after earlier success: a proxy may be in between."""

UNREAD = 600.0
"""Seconds after a task's end after which a level that answers nothing but errors is given up."""

UNSCHEDULED = 30.0
UNSCHEDULED_POLLS = 2
"""Seconds and readings of everything after which a migration whose checks failed is taken not to be scheduled."""

SIGN_OF_LIFE = 300.0
"""Seconds without an event after which one says that the watch goes on."""

SHORTEST_PAUSE = 0.01
"""Seconds, so that a clock that is a little behind is not asked again and again whether the deadline has passed."""

SHORTEST_WAIT = 1.0
LONGEST_WAIT = 300.0
"""Seconds after which a silent API is asked again, whatever the dice say and however long it asked not to be."""

SLACK = 60.0
"""Seconds beyond the pause between two polls after which they were too far apart to say that nothing has moved."""


class Plan(msgspec.Struct, frozen=True):
    """The options of a watch. `interval` and `stall_after` in seconds; `due` is the deadline, which ends nothing.

    `acceptances` are for a watch until the checks have ended.
    """

    interval: float = 10.0
    stall_after: float = 900.0
    until: Until = Until.DONE
    fail_fast: bool = False
    strict: bool = False
    rehearsal: Rehearsal | None = None
    due: Millis | None = None
    acceptances: Acceptances | None = None


class Watch:
    """One watch of one task. `view` holds everything that is known at any time, `doubts` entries that do not hold.

    `now` is epoch seconds, `share` a random number in 0..1; `recall` returns what an earlier watch has said, once the
    task is known. `filling` is called with views of the first reading while it goes on; see `Filling`.
    """

    def __init__(
        self,
        session: TaskSession,
        plan: Plan,
        deadline: Deadline,
        *,
        now: Clock = time.time,
        share: Callable[[], float] = random.random,
        recall: Callable[[], Seen] = Seen,
        filling: Callable[[View], None] = lambda _: None,
    ) -> None:
        self._session = session
        self._plan = plan
        self._deadline = deadline
        self._now = now
        self._share = share
        self._recall = recall
        self._first = Filling(session, deadline.clock, filling)
        self._poller = Poller(session, _Timely(session, deadline, self._first), session.rate_limit)
        self._phases = Phases()
        self._timetable = Timetable(plan.rehearsal, plan.due, plan.until)
        self._evidence = Evidence(root=Node(), task_type=None, job=None)
        self.doubts: tuple[str, ...] = ()
        self._assessment: Assessment | None = None
        self._snapshot: Snapshot | None = None
        self._moves: dict[Level, tuple[object, float]] = {}
        self._stalled: dict[Level, Millis] = {}
        self._outage: NoAnswer | None = None
        self._silent_since: Millis | None = None
        self._pace: deque[tuple[float, int]] = deque()
        self._began = self._millis()
        self._spoke_at = deadline.clock()
        self._full_at = 0.0
        self._asked_at = 0.0
        self._read_at: float | None = None
        self._last_was_full = False
        self._notes: tuple[str, ...] = ()
        self._ended_since: float | None = None
        self._unread_since: float | None = None
        self._unscheduled_since: float | None = None
        self._unscheduled_polls = 0

    def events(self) -> Generator[Event | Waiting, None, None]:
        """Events as they happen; the last is an Ended. Raises ApiError if no waiting can help.

        Stopped may be thrown in, or be raised by what it asks: the last event then says so.
        """
        try:
            yield from self._followed()
        except Stopped as stopped:
            yield self.ended(End.INTERRUPTED if stopped.signal else End.TIMEOUT, signal=stopped.signal)
        finally:
            self._poller.close()

    @property
    def view(self) -> View:
        """Everything that is known now."""
        snapshot = self._snapshot
        ended = self._assessment is not None and self._assessment.ended
        return View(
            at=self._millis(),
            snapshot=snapshot,
            scope=self._scope,
            not_before=self._not_before,
            estimated_end=self._timetable.estimate.end,
            deadline=self._timetable.deadline,
            pace=self._timetable.estimate.pace,
            rehearsed=self._timetable.rehearsed,
            stalled=dict(self._stalled),
            phases=self._phases.seen(),
            outage=self._outage,
            interval=self._interval,
            full_every=self._interval if ended or self._poller.only_full else self._poller.full_every,
            requests_a_minute=self._requests_a_minute,
        )

    @property
    def code_now(self) -> int:
        """The exit code if the watch ended now: that of the data."""
        end = self._end()
        return Exit.RUNNING if end is None else end.exit_code

    def ended(self, end: End, code: int | None = None, *, signal: int = 0) -> Ended:
        """The last event of a watch that ends so; `code` is that of an error which has one."""
        now = self._millis()
        found = self._assessment or assess(self._evidence, self._plan.until)
        elapsed = self._evidence.root.elapsed_seconds(now)
        if code is None:
            strict = self._plan.strict and bool(failed_so_far(self._evidence, self._plan.until, strict=True))
            code = exit_of_end(end, found.verdict, strict=strict, signal=signal)
        return Ended(
            at=now,
            end=end,
            verdict=found.verdict,
            exit_code=code,
            summary=found.summary,
            missing=found.missing,
            elapsed_seconds=elapsed if elapsed is not None else max(0, now - self._began) / 1000,
            reasons=found.reasons,
            notes=self._notes,
        )

    # the course of a watch

    def _followed(self) -> Iterator[Event | Waiting]:
        yield from self._until_read(full=True)
        same, names = self._timetable.rehearsed or (0, 0)
        if names and not same:
            raise UsageError(
                f"--baseline: none of the {names} {self._scope} of this task is in the rehearsal",
                "Use the record of a rehearsal of the same migration.",
            )
        seen = self._recall()
        self._began = seen.began or self._began
        self._timetable.resume(seen.late, self._millis())
        self._stalled = dict.fromkeys(seen.stalled, self._millis())
        if self._snapshot is not None:
            expected = self._timetable.estimate.end
            yield self._said(Snapped(self._millis(), self._snapshot, self._scope, self._not_before, expected))
        if seen.readings:
            yield from self._changes((seen.readings.get(node.level), node) for node in self._poller.nodes())
        while True:
            yield from self._stalls()
            yield from self._lateness()
            if (end := self._end()) is not None:
                yield end
                return
            # an end that a cheap poll has seen is looked at as a whole at once
            if self._last_was_full or not self._is_ended:
                yield from self._pause(self._interval)
            yield from self._until_read(full=self._full_is_due())
            yield from self._changes(
                (None if known is None else _condition(known), node) for known, node in self._poller.changes
            )
            yield from self._progress()

    def _pause(self, seconds: float) -> Iterator[Event | Waiting]:
        """Wait, with a sign of life in between if one is due."""
        while seconds > 0:
            quiet = self._spoke_at + SIGN_OF_LIFE - self._deadline.clock()
            if quiet <= 0:
                yield self._said(self._alive())
                continue
            now = min(seconds, quiet, max(self._timetable.seconds_left(self._millis()), SHORTEST_PAUSE))
            yield Waiting(self._millis(), now, self.view)
            self._deadline.check()
            yield from self._lateness()
            seconds -= now

    def _alive(self) -> Alive:
        found = self._assessment or assess(self._evidence, self._plan.until)
        return Alive(
            at=self._millis(),
            verdict=found.verdict,
            summary=found.summary,
            missing=found.missing,
            not_before=self._not_before,
            estimated_end=self._timetable.estimate.end,
        )

    def _lateness(self) -> Iterator[Event]:
        """Say what there is to say about the deadline."""
        if (late := self._timetable.late(self._millis())) is not None:
            yield self._said(late)

    def _said(self, event: Event) -> Event:
        self._spoke_at = self._deadline.clock()
        return event

    def _end(self) -> Ended | None:
        """The last event, if it is over."""
        found = self._assessment
        if found is None:
            return None
        if self._last_was_full:
            if found.unread:
                if self._given_up:
                    return self.ended(End.FINISHED if found.verdict is Verdict.FAILED else End.ERROR)
            elif found.over:
                return self.ended(End.FINISHED)
        # whether accepted checks explain an end is known once all of them have been read after it
        sure = self._last_was_full or not self._is_ended or self._plan.acceptances is None
        if sure and self._plan.fail_fast and failed_so_far(self._evidence, self._plan.until, strict=self._plan.strict):
            return self.ended(End.FAILED_FAST)
        return None

    @property
    def _given_up(self) -> bool:
        """True if what decides could not be read for too long."""
        return self._unread_since is not None and self._deadline.clock() - self._unread_since >= UNREAD

    def _full_is_due(self) -> bool:
        unsure = self._poller.task_type is None or self._is_ended or self._unscheduled_polls > 0
        unsure = unsure or not_scheduled(self._evidence.root)
        old = not self._poller.patrols and self._deadline.clock() - self._full_at >= self._poller.full_every
        return unsure or old or self._poller.only_full

    @property
    def _is_ended(self) -> bool:
        return self._assessment is not None and self._assessment.ended

    # what changed

    def _changes(self, nodes: Iterable[tuple[Condition | None, Node]]) -> Iterator[Event]:
        for known, node in nodes:
            now = _condition(node)
            if now != known and (known is not None or now != _NOTHING):
                sums_up = self._plan.acceptances is not None and node.level in ((), CHECK)
                counts = not sums_up and node.level not in self._evidence.accepted
                yield self._said(Changed(self._millis(), node, known, counts=counts))

    def _progress(self) -> Iterator[Event]:
        for known, node in self._poller.changes:
            moved = known is None or (known.percent, known.progress) != (node.percent, node.progress)
            if moved and (node.percent is not None or node.progress):
                yield self._said(Progressed(self._millis(), node.level, node.percent, node.progress))

    def _stalls(self) -> Iterator[Event]:
        """Nodes without children that run and have made no progress for too long; the root, if nothing is reported."""
        moves = {node.level: self._last_move(node) for node in self._poller.at_work()}
        for level, (_, since) in moves.items():
            known = self._moves.get(level)
            if known is not None and known[1] != since:  # it has moved
                self._stalled.pop(level, None)
            still = self._deadline.clock() - since
            if still >= self._plan.stall_after and level not in self._stalled:
                self._stalled[level] = self._millis() - int(still * 1000)
                yield self._said(Stalled(self._millis(), level, still))
        self._stalled = {level: since for level, since in self._stalled.items() if level in moves}
        self._moves = moves

    def _last_move(self, node: Node) -> tuple[object, float]:
        """The looks of a node at its last move, and when that was by the watch's clock.

        `lastUpdatedAt` may stay where the node began while it makes progress, or move while it makes none: it counts
        only if there is nothing better.
        """
        progress = (node.percent, node.progress) if node.percent is not None or node.progress else None
        looks = (node.status, progress or node.last_updated_at)
        known = self._moves.get(node.level)
        if known is not None and known[0] == looks:
            return known
        clock = self._deadline.clock()
        if known is not None or progress or node.last_updated_at is None:
            return looks, clock
        return looks, clock - max(0, self._millis() - node.last_updated_at) / 1000

    def _gone(self) -> list[str]:
        """Notes on what was reported once, would count, and is not reported any more."""
        missing = set(self._assessment.missing if self._assessment else ())
        return [
            f"{','.join(node.level)} is not reported any more and does not count"
            for node in self._poller.gone.values()
            if node.name not in missing and (node.level[:-1] != CHECK or self._poller.task_type == TaskType.CHECK)
        ]

    # reading

    def _until_read(self, *, full: bool) -> Iterator[Event | Waiting]:
        """Read until it succeeds, through any outage. Raises ApiError if no waiting can help."""
        clock = self._deadline.clock
        began, began_at = clock(), self._millis()
        definite_since: float | None = None
        tries = 0
        while True:
            tries += 1
            try:
                asked_at = clock()
                self._poller.read_all() if full else self._poller.read_running(clock() - self._asked_at)
            except ApiError as error:
                if not isinstance(error, Refused | NotFound):
                    definite_since = None
                elif definite_since is None:
                    definite_since = clock()
                definite = 0.0 if definite_since is None else clock() - definite_since
                if not self._may_pass(error, clock() - began, definite):
                    raise
                wait = self._wait(error, tries)
                known = self._read_at is not None or not isinstance(error, NotFound)
                if known:
                    if self._silent_since is None:
                        self._silent_since = began_at
                        yield self._said(Outage(self._millis(), error.code, error.message, wait))
                    since = began_at if self._outage is None else self._outage.since
                    self._outage = NoAnswer(since, error.code, error.message, self._millis() + int(wait * 1000))
                yield from self._pause(wait)
            else:
                self._asked_at = clock() if full else asked_at
                break
        self._take_stock(full=full)
        yield from self._silence()

    def _silence(self) -> Iterator[Event]:
        """Say that the API answers again or that, while everything else answers, the end cannot be believed."""
        self._outage = None
        unread = self._assessment.unread if self._assessment else ()
        if unread and self._silent_since is None:
            self._silent_since = self._millis()
            yield self._said(Outage(self._millis(), Incomplete.code, f"cannot read {unread[0]}", self._interval))
        elif self._silent_since is not None and not unread:
            seconds, self._silent_since = (self._millis() - self._silent_since) / 1000, None
            yield self._said(Recovered(self._millis(), seconds))

    def _take_stock(self, *, full: bool) -> None:
        """Judge what was read."""
        clock = self._deadline.clock()
        if self._read_at is not None and clock - self._read_at > self._interval + SLACK:
            # while nothing could be read, nothing could be seen to move
            shift = clock - self._read_at - self._interval
            self._moves = {level: (looks, since + shift) for level, (looks, since) in self._moves.items()}
        self._read_at, self._last_was_full, self._first.over = clock, full, True
        self._full_at = clock if full else self._full_at
        self._pace.append((clock, self._poller.requests))
        while len(self._pace) > 2 and self._pace[-1][0] - self._pace[1][0] >= WINDOW:
            self._pace.popleft()
        self._phases.take((node for _, node in self._poller.changes), self._millis())
        self._evidence = self._poller.evidence()
        root, task_type = self._evidence.root, self._evidence.task_type
        above = root if task_type == TaskType.CHECK else child_of(root, "check")
        whole = full and above is not None and above.ended
        checks = checks_of(root, task_type)
        accepted, self.doubts = accepted_of(self._plan.acceptances, checks, self._millis(), whole=whole)
        self._evidence = replace(self._evidence, accepted=accepted)
        found = self._assessed(clock, full=full)
        if not found.unread:
            self._unread_since = None
        elif self._unread_since is None and full:
            self._unread_since = clock
        if self._given_up and failed_so_far(self._evidence, self._plan.until, strict=False):
            found = replace(found, verdict=Verdict.FAILED)  # even if the root never says that it is over
        self._assessment = found
        self._timetable.take(self._evidence, found, self._millis())
        if found.over:
            self._notes = (*found.notes, *self._gone(), *self._session.notes_on_older(self._evidence))
        job, task = self._evidence.job, self._session.task
        self._snapshot = Snapshot(
            job_id=task.job_id,
            task_id=task.task_id,
            task_type=self._poller.task_type,
            fetched_at=self._millis(),
            node=self._evidence.root,
            verdict=found.verdict,
            missing=found.missing,
            flaws=self._poller.flaws,
            job_name=job.name if job else None,
            destination=job.destination if job else None,
            reasons=found.reasons,
            summary=found.summary,
            notes=self._notes,
            accepted=self._evidence.accepted,
        )

    def _assessed(self, clock: float, *, full: bool) -> Assessment:
        """The assessment by how long the end has been seen, or the checks have failed without a migration."""
        evidence, until = self._evidence, self._plan.until
        found = assess(evidence, until, settled=False)
        if self._snapshot is None:  # what ended long before the watch began need not be waited for again
            settled, unscheduled = old_by_stamps(evidence, self._millis(), unstamped=False)
            if settled and evidence.root.ended:
                self._ended_since = clock - SETTLED_AFTER / 1000
            if unscheduled:
                self._unscheduled_since, self._unscheduled_polls = clock - SETTLED_AFTER / 1000, UNSCHEDULED_POLLS
        if found.ended:
            self._ended_since = clock if self._ended_since is None else self._ended_since
            settled = (clock - self._ended_since) * 1000 >= SETTLED_AFTER
            return assess(evidence, until, settled=True) if settled else found
        self._ended_since = None
        if evidence.task_type == TaskType.CHECK or not not_scheduled(evidence.root):
            self._unscheduled_since, self._unscheduled_polls = None, 0
            return found
        if self._unscheduled_since is None:
            self._unscheduled_since = clock
        self._unscheduled_polls += full
        check = child_of(evidence.root, "check")
        # an end without an outcome may still turn out to be a good one
        long = UNSCHEDULED if check is not None and check.outcome else SETTLED_AFTER / 1000
        waited = clock - self._unscheduled_since >= long and self._unscheduled_polls >= UNSCHEDULED_POLLS
        return assess(evidence, until, settled=False, unscheduled=waited)

    def _may_pass(self, error: ApiError, waited: float, definite: float) -> bool:
        """True if another try may go better. A task that does not appear is waited for while its job is there."""
        if self._read_at is not None:
            return not isinstance(error, Refused | NotFound) or definite < BELIEVED
        if isinstance(error, NotFound):  # only the API's own 404, or an empty list of runs, may pass
            return (error.status is not None or error.again) and waited < APPEAR and self._job_may_be_there()
        return error.again

    def _job_may_be_there(self) -> bool:
        """Raises NotFound if it is not."""
        try:
            self._session.api.job(self._session.job_id)
        except NotFound:
            raise
        except ApiError:  # no answer does not mean that it is not there
            return True
        return True

    def _wait(self, error: ApiError, tries: int) -> float:
        """Seconds until the next try: longer each time, as long as the server asks, but not without a limit."""
        policy = Policy(base=1.0, give_up_after=None)
        wait = policy.wait(tries, 0.0, error.retry_after, self._share()) or 0.0
        return min(max(wait, SHORTEST_WAIT), LONGEST_WAIT)

    @property
    def _interval(self) -> float:
        return self._poller.interval(self._plan.interval, full=self._is_ended)

    @property
    def _scope(self) -> str:
        return "checks" if self._poller.task_type == TaskType.CHECK else self._poller.scope

    @property
    def _not_before(self) -> Millis | None:
        if self._assessment is None or self._assessment.ended:
            return None
        leaves = leaves_of(self._evidence.root, self._evidence.task_type)
        return estimated_end(leaves, self._assessment.summary.missing, self._millis())

    @property
    def _requests_a_minute(self) -> float:
        if len(self._pace) < 2:
            return float(self._poller.requests)
        (since, before), (until, after) = self._pace[0], self._pace[-1]
        return (after - before) * WINDOW / max(until - since, 1.0)

    def _millis(self) -> Millis:
        return int(self._now() * 1000)


class _Timely:
    """Asks like its session, but nothing more once the time is up: Stopped is raised then."""

    def __init__(self, session: TaskSession, deadline: Deadline, first: Filling) -> None:
        self._session = session
        self._deadline = deadline
        self._first = first
        self.together = session.together

    def ask(self, question: Question) -> Page:
        self._deadline.check()
        page = self._session.ask(question)
        self._first.answered(question, page)
        return page

    def reading(self, level: Level, seen: Mapping[str, Node]) -> None:
        self._session.reading(level, seen)
        self._first.reading(level, seen)


_NOTHING = Condition(None, None)


def _condition(node: Node) -> Condition:
    return Condition(node.status, node.outcome)


def paced(
    events: Generator[Event | Waiting, None, None],
    sleep: Sleep,
    interruptible: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[Event | Waiting]:
    """The events, with a sleep after each Waiting.

    Stopped ends the watch with its last event. It may be raised by the sleep and, inside of `interruptible`, at any
    time.
    """
    event: Event | Waiting | None = None
    while True:
        try:
            with interruptible():
                if isinstance(event, Waiting):
                    sleep(event.seconds)
                event = next(events)
        except Stopped as stopped:
            event = events.throw(stopped)
        except StopIteration:
            return
        yield event
