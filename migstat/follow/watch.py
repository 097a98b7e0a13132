"""Follows a task until it ends: a generator of events, through any outage.

The caller owns the screen: before every pause the generator yields Waiting, and the caller draws. Time is handed in.

A watch repeats four steps: read (`poll.py` decides what), judge what was read, say what has changed, pause. Three
things make it more than a loop:

- *Settling*. The API reports its nodes little by little, also after the end, so an end is not believed as soon as it
  is seen. How long to wait, and for what, is in `settling.py`; what counts is in `model/verdict.py`.
- *Outages*. No error ends a watch that has read the task once, unless it is a refusal that lasts. What is known stays
  on the screen, and nothing counts as stalled meanwhile. A level that counts and does not answer is an outage, too,
  although all else does: whatever fails below it goes unseen.
- *Records*. A watch that resumes a record says what has changed since the last change in it, so that both together
  read as if there had been one watch.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext

import msgspec
from msgspec.structs import replace

from migstat.api.retry import WINDOW, Clock, Policy
from migstat.errors import ApiError, Incomplete, NotFound, Refused, UsageError
from migstat.follow.deadline import Deadline, Stopped
from migstat.follow.estimate import Rehearsal
from migstat.follow.poll import Poller
from migstat.follow.progress import Progress
from migstat.follow.settling import Settling
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
    Resumed,
    Seen,
    Snapped,
    View,
    Waiting,
)
from migstat.model.exit_codes import Exit, exit_of_end
from migstat.model.nodes import CHECK, HIDDEN, MIGRATE, Millis, Node, TaskType, level_text
from migstat.model.shape import Evidence
from migstat.model.verdict import (
    Assessment,
    Reason,
    Snapshot,
    Until,
    Verdict,
    failed_so_far,
    snapshot_of,
    strict_warnings,
    would_count,
)
from migstat.query.task import TaskSession

APPEAR = 120.0
"""Seconds for which a task may be absent after it was created."""

BELIEVED = 120.0
"""Seconds of nothing but refusals or 404s after which they are believed: a proxy or a restart may be behind them."""

SIGN_OF_LIFE = 300.0
"""Seconds without an event after which one says that the watch goes on."""

SHORTEST_PAUSE = 0.01
"""Seconds, so that a clock that lags a little is not checked again and again for the deadline."""

SHORTEST_WAIT = 1.0
LONGEST_WAIT = 300.0
"""Seconds after which a silent API is asked again, whatever the jitter and however long its `Retry-After` is."""

BACKOFF = Policy(base=1.0, give_up_after=None)

MISSED = 20.0
"""Seconds by which a poll must at least be late, and by two intervals, before something is taken to be missed."""

SLACK = 60.0
"""Seconds beyond the interval after which two readings are too far apart to tell that nothing has moved in between."""


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
    """One watch of one task. `view` holds everything known at any time, `doubts` accepted entries that do not apply.

    `share` is a random number in 0..1. `recall` returns what an earlier watch has said about a job and task, once these
    are known. `show` gets views of the first reading while it goes on, which takes minutes for 20,000 projects.
    `steady` counts the seconds that something lasts, whatever the time of the day is set to: those of the deadline's
    clock, except in a demo, whose days are short.
    """

    def __init__(
        self,
        session: TaskSession,
        plan: Plan,
        deadline: Deadline,
        *,
        share: Callable[[], float] = random.random,
        recall: Callable[[str, str], Seen] | None = None,
        show: Callable[[View], None] = lambda _: None,
        steady: Clock | None = None,
    ) -> None:
        self.doubts: tuple[str, ...] = ()
        self._session = session
        self._plan = plan
        self._deadline = deadline
        self._now = session.now
        self._steady = steady or deadline.clock
        self._share = share
        self._recall = recall
        self._poller = Poller(session, deadline.clock, show)
        self._settling = Settling(plan.until, deadline.clock)
        self._progress = Progress(plan.stall_after)
        self._timetable = Timetable(plan.rehearsal, plan.due, plan.until)
        # what was read last, how it was judged, and both as the caller sees them; no snapshot before the first reading
        self._evidence = Evidence(root=Node(), task_type=None, job=None)
        self._assessment = Assessment(verdict=Verdict.PENDING)
        self._snapshot: Snapshot | None = None
        # seconds until the next reading, as of the last one
        self._interval = plan.interval
        # why there is no answer at present, since when an Outage has been out without a Recovered, and earlier ones
        self._no_answer: NoAnswer | None = None
        self._silent_since: float | None = None
        self._outages = 0
        self._outage_seconds = 0.0
        # how long all this was suspended
        self._gap_seconds = 0.0
        # since when something that counts could not be read, although the root answers
        self._unread_since: float | None = None
        # when things happened, by the deadline's clock, except for the beginning
        self._began: Millis | None = self._now()
        self._spoke_at = deadline.clock()
        self._read_at: float | None = None
        self._seen_at = 0.0
        self._asked_at = 0.0
        self._full_at = 0.0
        self._last_was_full = False
        self._pace: deque[tuple[float, int]] = deque()

    def events(
        self, interruptible: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> Generator[Event | Waiting | Resumed, None, None]:
        """Events as they happen, with a sleep after each Waiting; the last is an Ended.

        Stopped, raised by the sleep or by a signal inside of `interruptible`, becomes this last event. What the caller
        does with an event is outside of it. Raises ApiError if no waiting can help.
        """
        steps = self._steps()
        event: Event | Waiting | Resumed | None = None
        try:
            while not isinstance(event, Ended):
                with interruptible():
                    if isinstance(event, Waiting):
                        self._deadline.sleep(event.seconds)
                    event = next(steps)
                if not isinstance(event, Waiting):
                    self._spoke_at = self._deadline.clock()
                yield event
        except Stopped as stopped:
            yield self.ended(End.INTERRUPTED if stopped.signal else End.TIMEOUT, signal=stopped.signal)
        finally:
            self._poller.close()

    @property
    def view(self) -> View:
        """Everything that is known now."""
        now, found, poller = self._now(), self._assessment, self._poller
        leaves = self._evidence.shape.leaves
        if len(self._pace) < 2:
            requests = float(poller.requests)
        else:
            (since, before), (until, after) = self._pace[0], self._pace[-1]
            requests = (after - before) * WINDOW / max(until - since, 1.0)
        silent = 0.0 if self._silent_since is None else self._steady() - self._silent_since
        scope = "checks"
        if poller.task_type != TaskType.CHECK:  # the hidden level that the task has, or would have
            scopes = poller.job.scopes if poller.job else HIDDEN
            scope = next((name for name in scopes if (*MIGRATE, name) in poller.known.levels), scopes[0])
        only_full = found.ended or not poller.filters.trusted
        return View(
            at=now,
            snapshot=self._snapshot,
            scope=scope,
            not_before=None if found.ended else leaves.earliest_end(found.summary.missing, now),
            estimated_end=self._timetable.estimate.end,
            deadline=self._timetable.deadline,
            pace=self._timetable.estimate.pace,
            rehearsed=self._timetable.rehearsed,
            stalled=dict(self._progress.stalled),
            phases=self._progress.phases,
            outage=self._no_answer,
            outages=self._outages,
            outage_seconds=self._outage_seconds + silent,
            gap_seconds=self._gap_seconds,
            watched_seconds=self._deadline.clock() - self._deadline.began_at,
            interval=self._interval,
            full_every=self._interval if only_full else poller.full_every,
            requests_a_minute=requests,
        )

    @property
    def strict_warnings(self) -> tuple[Reason, ...]:
        """The warnings that fail this watch, if it is strict, beside the reasons for the verdict."""
        return strict_warnings(self._evidence, self._plan.until) if self._plan.strict else ()

    @property
    def code_now(self) -> int:
        """The exit code if the watch ended now: that of the data."""
        end = self._end()
        return Exit.RUNNING if end is None else end.exit_code

    def ended(self, end: End, code: int | None = None, *, signal: int = 0) -> Ended:
        """The last event of a watch that ends this way; `code` is that of an error which has one."""
        now, found = self._now(), self._assessment
        elapsed = self._snapshot.elapsed_seconds(now) if self._snapshot is not None else None
        if elapsed is None and self._began is not None:  # check tasks report no times
            elapsed = max(0, now - self._began) / 1000
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
            elapsed_seconds=elapsed,
            reasons=found.reasons,
            notes=self._snapshot.notes if self._snapshot else (),
        )

    # the steps of a watch

    def _steps(self) -> Iterator[Event | Waiting | Resumed]:
        yield from self._begin()
        while True:
            yield from self._progress.take(self._poller.known, self._deadline.clock(), self._now())
            if (late := self._timetable.late(self._now())) is not None:
                yield late
            if (end := self._end()) is not None:
                yield end
                return
            # a poll cannot tell whether everything has ended, so a full reading follows at once
            if self._last_was_full or not self._assessment.ended:
                yield from self._pause(self._interval)
            yield from self._read(full=self._full_is_due())
            # forgotten only here: a reading that was interrupted has seen some of them, and is made again
            news, self._poller.known.changes = self._poller.known.changes, []
            yield from self._changes((None if before is None else _condition(before), node) for before, node in news)
            for before, node in news:
                moved = before is None or (before.percent, before.progress) != (node.percent, node.progress)
                if moved and (node.percent is not None or node.progress):
                    yield Progressed(self._now(), node.level, node.percent, node.progress)

    def _begin(self) -> Iterator[Event | Waiting | Resumed]:
        """Read everything, show it, and say what an earlier watch has not said yet. Raises UsageError."""
        yield from self._read(full=True)
        self._poller.known.changes.clear()  # the snapshot shows them
        view, seen = self.view, Seen()
        same, names = view.rehearsed or (0, 0)
        if names and not same:
            raise UsageError(
                f"--baseline: none of this task's {names} {view.scope} is in the rehearsal",
                "Use the record of a rehearsal of the same migration.",
            )
        if self._recall:  # only now, as the record is of one task, and `latest` was not resolved before
            seen = self._recall(self._session.job_id, self._session.task.task_id)
            self._timetable.resume(seen.late, self._now())
            self._progress.stalled = dict.fromkeys(seen.stalled, self._now())
        # A task that had ended before this watch looked may have done so at any time, hours or days ago.
        self._began = None if self._evidence.root.ended else seen.began or self._began
        if view.snapshot is not None:
            yield Snapped(
                at=view.at,
                snapshot=view.snapshot,
                scope=view.scope,
                not_before=view.not_before,
                estimated_end=view.estimated_end,
            )
        missed: list[Changed] = []
        if seen.readings:  # what the record does not have yet is news, though the snapshot shows it already
            missed += self._changes((seen.readings.get(node.level), node) for node in self._poller.known.nodes())
            yield from missed
        if seen.last is not None:
            yield Resumed(self._now(), seen.last, tuple(missed))

    def _changes(self, nodes: Iterable[tuple[Condition | None, Node]]) -> Iterator[Changed]:
        """The differences from the condition last reported; a bare parent of other nodes has none."""
        for known, node in nodes:
            now = _condition(node)
            if now != known and (known is not None or now != _NOTHING):
                # where some checks are accepted, their parent says nothing about those that count
                sums_up = self._plan.acceptances is not None and node.level in ((), CHECK)
                counts = not sums_up and node.level not in self._evidence.accepted
                yield Changed(self._now(), node, known, counts=counts)

    def _pause(self, seconds: float) -> Iterator[Event | Waiting]:
        """Wait, but speak up meanwhile if a sign of life is due or the deadline passes."""
        while seconds > 0:
            quiet = self._spoke_at + SIGN_OF_LIFE - self._deadline.clock()
            if quiet <= 0:
                yield self._alive()
                continue
            step = min(seconds, quiet, max(self._timetable.seconds_left(self._now()), SHORTEST_PAUSE))
            yield Waiting(self._now(), step, self.view)
            if (late := self._timetable.late(self._now())) is not None:
                yield late
            seconds -= step

    def _alive(self, gap: float | None = None) -> Alive:
        found, view = self._assessment, self.view
        return Alive(
            at=view.at,
            verdict=found.verdict,
            summary=found.summary,
            missing=found.missing,
            not_before=view.not_before,
            estimated_end=view.estimated_end,
            gap_seconds=gap,
        )

    def _end(self) -> Ended | None:
        """The last event, if it is over. Nothing ends well on the word of a poll, which does not ask for everything."""
        found = self._assessment
        if self._last_was_full:
            if found.unread:
                if self._settling.given_up:
                    return self.ended(End.FINISHED if found.verdict is Verdict.FAILED else End.ERROR)
            elif found.over:
                return self.ended(End.FINISHED)
        # whether accepted checks explain an end is known once all of them have been read after it
        sure = self._last_was_full or not found.ended or self._plan.acceptances is None
        if sure and self._plan.fail_fast and failed_so_far(self._evidence, self._plan.until, strict=self._plan.strict):
            return self.ended(End.FAILED_FAST)
        return None

    def _full_is_due(self) -> bool:
        """True if the next reading must be a full one: polls cannot be trusted, or cannot answer the question."""
        poller = self._poller
        if poller.task_type is None or not poller.filters.trusted or self._assessment.ended:
            return True
        # whether a level answers or not is believed on the word of two readings: of polls, if a full one takes minutes
        unsure = self._unread_since is not None and self._silent_since is None
        if poller.outdated or (unsure and not poller.patrols):
            return True
        if self._evidence.shape.blocked:  # a `migrate` that is still to come shows only in a full reading
            return True
        return not poller.patrols and self._deadline.clock() - self._full_at >= poller.full_every

    # reading

    def _read(self, *, full: bool) -> Iterator[Event | Waiting]:
        """Read until it succeeds, through any outage. Raises ApiError if no waiting can help."""
        clock = self._deadline.clock
        began, began_at = clock(), self._steady()
        read_at = began if self._read_at is None else self._read_at
        # seconds between two readings beyond which polls were missed, in an outage or while all this was suspended
        longest = self._interval + max(2 * self._interval, MISSED)
        if began - read_at > longest and self._snapshot is not None:
            gap = began_at - self._seen_at
            self._gap_seconds += gap
            yield self._alive(gap=gap)
        definite_since: float | None = None
        tries = 0
        while True:
            tries += 1
            try:
                asked_at = clock()
                # a poll would show wrong counts; a large migration is read in pieces all the same
                full = full or (asked_at - read_at > longest and not self._poller.patrols)
                self._poller.read_all() if full else self._poller.read_running(clock() - self._asked_at)
            except ApiError as error:
                # any other error in between shows that it is not the API that refuses
                if not isinstance(error, Refused | NotFound):
                    definite_since = None
                elif definite_since is None:
                    definite_since = clock()
                definite = 0.0 if definite_since is None else clock() - definite_since
                if not self._may_pass(error, clock() - began, definite):
                    raise
                wait = BACKOFF.wait(tries, 0.0, error.retry_after or 0.0, self._share()) or 0.0
                wait = min(max(wait, SHORTEST_WAIT), LONGEST_WAIT)
                # a task that has just been created is not there yet, which is no outage
                if self._read_at is not None or not isinstance(error, NotFound):
                    if self._silent_since is None:
                        self._silent_since, self._outages = began_at, self._outages + 1
                        yield Outage(self._now(), error.code, error.message, wait)
                    now, known = self._now(), self._no_answer
                    self._no_answer = NoAnswer(
                        since=self._time_of(self._silent_since),
                        code=error.code,
                        message=error.message,
                        next_try=now + int(wait * 1000),
                        noticed=now if known is None else known.noticed,
                    )
                yield from self._pause(wait)
            else:
                # a poll may spend what has accrued since the last one began; a full reading pays for itself
                self._asked_at = clock() if full else asked_at
                break
        yield from self._take_stock(full=full)

    def _may_pass(self, error: ApiError, waited: float, definite: float) -> bool:
        """True if another try may go better. A task that does not appear is waited for while its job is there.

        `waited` are the seconds since the first try, `definite` those of nothing but refusals and 404s. Raises NotFound
        if the job is not there.
        """
        if self._read_at is not None:
            return not isinstance(error, Refused | NotFound) or definite < BELIEVED
        if not isinstance(error, NotFound):
            return error.again
        # only a 404 of the API itself, or a run that is not listed yet, may pass
        if (error.status is None and not error.again) or waited >= APPEAR:
            return False
        try:
            self._session.api.job(self._session.job_id)
        except NotFound:
            raise
        except ApiError:  # no answer does not mean that it is not there
            return True
        return True

    def _take_stock(self, *, full: bool) -> Iterator[Event]:
        """Judge what was read, and tell whether it is enough to judge by."""
        clock, now = self._deadline.clock(), self._now()
        first, passed = self._read_at is None, clock - (self._read_at or clock)
        if passed > self._interval + SLACK:
            self._progress.forgive(passed - self._interval)
            passed = self._interval
        self._progress.forgive(passed, self._poller.failing)
        self._read_at, self._seen_at, self._last_was_full = clock, self._steady(), full
        self._full_at = clock if full else self._full_at
        self._pace.append((clock, self._poller.requests))
        while len(self._pace) > 2 and self._pace[-1][0] - self._pace[1][0] >= WINDOW:
            self._pace.popleft()
        known = self._poller.known
        evidence = Evidence(root=known.grown(known.root), task_type=self._poller.task_type, job=self._poller.job)
        if self._plan.acceptances is not None:
            above = evidence.shape.checks_parent
            complete = full and above is not None and above.ended
            accepted, self.doubts = accepted_of(self._plan.acceptances, evidence.shape.checks, now, complete=complete)
            evidence = replace(evidence, accepted=accepted)
        self._evidence = evidence
        if first and self._session.api.server_time() is not None:  # the local clock may be wrong by minutes or days
            self._settling.begin(evidence, self._session.api_now())
        gone = [level for level in known.gone if would_count(level, evidence.task_type, self._plan.until)]
        self._assessment = found = self._settling.judge(evidence, full=full, gone=gone)
        self._interval = self._poller.interval(self._plan.interval, full=found.ended)
        names = {level_text(level) for level in self._poller.failing}
        unread = tuple(
            line for line in found.unread if found.ended or evidence.root.unreadable or line.partition(": ")[0] in names
        )
        if not unread or found.ended:  # else what is known of the rest makes it look late
            self._timetable.take(evidence, found, now)
        if found.over:
            notes = (
                f"{level_text(level)} is no longer reported and does not count"
                for level in gone
                if level[-1] not in found.missing  # a key of the job that is gone is among the reasons already
            )
            self._assessment = found = replace(found, notes=(*found.notes, *notes))
        left = self._settling.seconds_left(evidence, found)
        self._snapshot = snapshot_of(
            found,
            evidence.root,
            evidence.job,
            job_id=self._session.job_id,
            task_id=self._session.task.task_id,
            task_type=evidence.task_type,
            now=now,
            flaws=self._poller.flaws,
            accepted=evidence.accepted,
            older=self._session.older_in_progress() if found.over and evidence.shape.refused else None,
            settles_at=None if left is None else now + int(left * 1000),
        )
        yield from self._take_unread(unread)

    def _time_of(self, then: float) -> Millis:
        """The time of the day, as it is set now, at a moment of the steady clock."""
        return self._now() - round((self._steady() - then) * 1000)

    def _take_unread(self, unread: tuple[str, ...]) -> Iterator[Event]:
        """Tell that what counts cannot be read, although the root answers, or that all is read again."""
        now, steady, since, poller = self._now(), self._steady(), self._unread_since, self._poller
        doubtful = poller.outdated and bool(poller.failing)
        if unread or doubtful:
            self._unread_since = steady if since is None else since
        else:
            self._unread_since = None
        # an error of one reading may be gone with the next, unless the whole API was silent before
        silent = since if self._silent_since is None else self._silent_since
        if unread and silent is not None:
            message = f"cannot read {unread[0]}"
            self._no_answer = NoAnswer(
                since=self._time_of(silent),
                code=Incomplete.code,
                message=message,
                next_try=now + int(self._interval * 1000),
            )
            if self._silent_since is None:
                self._silent_since, self._outages = silent, self._outages + 1
                yield Outage(now, Incomplete.code, message, self._interval)
        elif not unread:
            self._no_answer = None
            if self._silent_since is not None:
                seconds, self._silent_since = steady - self._silent_since, None
                self._outage_seconds += seconds
                yield Recovered(now, seconds)


_NOTHING = Condition(None, None)


def _condition(node: Node) -> Condition:
    return Condition(node.status, node.outcome)
