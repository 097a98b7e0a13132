"""Readings that cost what changed, not how much there is.

Reading 5000 projects once costs 250 requests, and 600 are allowed in a minute. So there are two kinds of reading:

- A *full reading* walks every level and replaces all that was known. It alone can tell that something is gone, and only
  on its word does a watch end. It is made at the start, at the end, and every two minutes in between.
- A *poll* asks for the root, the scopes, the children that run, the failures and warnings and, by name, those that ran
  at the last poll and no longer do. It may miss a child that began and ended between two polls, until the next full
  reading. Where a level has only a few children, all of them cost no more, and nothing is missed.

Of a large migration even one full reading takes minutes of the request budget, and nothing else would be read during
them. There each poll spends what its own questions leave on a few more pages of everything (`Patrol`), which add up to
a full reading every quarter of an hour or so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Any, TypeVar

import msgspec

from migstat.api.retry import WINDOW, Clock
from migstat.errors import ApiError, BadAnswer, BadRequest, Incomplete, Refused
from migstat.follow.known import KnownTree
from migstat.follow.patrol import Leaves, Patrol, Places
from migstat.model.crowd import Crowd, summary_of
from migstat.model.events import View
from migstat.model.nodes import (
    CHECK,
    HIDDEN_LEVELS,
    MIGRATE,
    Job,
    Level,
    Node,
    Page,
    Question,
    State,
    Status,
    TaskType,
    child_of,
)
from migstat.model.verdict import Assessment, Verdict, snapshot_of
from migstat.query.task import TaskSession
from migstat.query.tree import ALL, TaskTarget, Tree, with_children
from migstat.query.walk import MOST, Asker, Filters, ask_by_name, attempted, walk

_T = TypeVar("_T")

FULL_EVERY = 120.0
"""Minimum seconds between two full readings."""

SHARE = 0.25
"""Share of the request limit that a watch may use; colleagues and other tools need the rest."""

PATROL = 0.12
"""Share of a poll's requests reserved for the patrol, which also gets what is left over at the end."""

FREE = 0.25
"""Share of a poll's requests kept for what is read in turn; if the rest is not enough, polls become rarer."""

FEW = 40
"""Maximum number of children of a level of which each poll reads all: that costs about as much as asking for news."""

AT_ONCE = 60
"""Cost in requests up to which everything is read at once; above it, a patrol reads it in pieces."""

LONGEST = 60.0
"""Unused budget is kept for this many seconds, so that a poll after a long outage does not flood the API."""

FEW_BAD = 20
"""Maximum number of vanished nodes that a full reading asks for by name."""

SHOWN_EVERY = 1.0
"""Minimum seconds between two views of the first reading."""

TRUST_AGAIN = 5
"""Full readings after which filters that were refused, not ignored, are tried again."""


class Poller:
    """Keeps what is `known` of one task up to date, within the request limit of its session.

    While the first reading goes on, `show` gets a view every second, each more complete than the last, in whichever
    thread has read a page. A Poller is an `Asker` itself, to see what is asked and to count it. While `filters` are not
    trusted, every poll must be a full reading. `failing` are the levels that did not answer when they were last asked
    for; once polls have found that to differ from the last full reading, what is known is `outdated`, unless the polls
    patrol: then they note it themselves, as a full reading takes minutes.
    """

    def __init__(self, session: TaskSession, clock: Clock, show: Callable[[View], None] = lambda _: None) -> None:
        self.known = KnownTree()
        self.task_type: str | None = None
        self.job: Job | None = None
        self.flaws: tuple[str, ...] = ()
        self.failing: frozenset[Level] = frozenset()
        self.outdated = False
        self.requests = 0
        self.together = session.together
        self._session = session
        self.filters = Filters()
        self._leaves: dict[Level, Leaves] = {}
        self._places: dict[Level, Places] = {}
        # for each level asked for in this reading, why it failed to answer, if it did; the levels that a full reading
        # has read once; and whether any question was answered
        self._failed: dict[Level, str] = {}
        self._once_read: set[Level] = set()
        self._answered = False
        # the budget: requests a second, what a full reading and the compulsory part of a poll cost, what was overspent
        self._rate = math.inf if session.rate_limit is None else session.rate_limit * SHARE / WINDOW
        self._full_cost = 0
        self._large = False
        self._must_cost = 0
        self._owed = 0.0
        self._full_readings = 0
        self._patrol: Patrol | None = None
        self._patrol_failed = False
        self._patrolled: dict[Question, Page] = {}
        # the levels that the first reading has seen so far; None once it is over
        self._first_seen: dict[Level, Node] | None = {}
        self._show = show
        self._clock = clock
        self._shown_at = clock()
        self._showing = Lock()

    # the budget of requests

    @property
    def patrols(self) -> bool:
        """True if there is so much that polls read everything in pieces."""
        large = self._rate < math.inf and self._large
        return large and self.filters.trusted and not self._patrol_failed

    @property
    def full_every(self) -> float:
        """Seconds between two full readings that keep these to half of the budget."""
        return max(FULL_EVERY, 2 * self._full_cost / self._rate)

    @property
    def _poll_rate(self) -> float:
        """Requests a second for polls: all of the budget if they also do the work of full readings."""
        return self._rate if self.patrols else self._rate / 2

    def interval(self, wanted: float, *, full: bool = False) -> float:
        """Seconds between two polls that keep them to the budget, at least `wanted`; `full` if all are full readings.

        It depends on what every poll must ask, not on how much has changed: news waits for its turn instead.
        """
        if full or not self.filters.trusted:
            return max(wanted, self._full_cost / self._rate)
        return max(wanted, self._must_cost / (self._poll_rate * (1 - FREE)))

    # reading

    def ask(self, question: Question) -> Page:
        """Ask, and count; what a patrol has just read is not asked again."""
        if question in self._patrolled:
            return self._patrolled[question]
        self.requests += 1
        failed = self._failed.get(question.level, "")
        try:
            page = self.unless_refused(lambda: self._session.ask(question))
        except ApiError as error:
            if not isinstance(error, BadRequest):  # some servers refuse filters, or old cursors
                failed = failed or error.message
            raise
        finally:
            if question.expand:
                self._failed[question.level] = failed
        self._answered = True
        if page.next is not None and question.level in HIDDEN_LEVELS:
            self._places.setdefault(question.level, Places()).note(question, page)
        if self._first_seen is not None and question.level in ((), MIGRATE):
            self._first_seen[question.level] = page.node
        return page

    def unless_refused(self, ask: Callable[[], _T]) -> _T:
        """The answer. A refusal is about this question alone, and not about the account, once another was answered.

        In the first reading it is raised all the same: whoever has just typed a command had better know.
        """
        try:
            return ask()
        except Refused as error:
            if self._first_seen is None and self._answered:
                raise BadAnswer(error.message, error.hint, status=error.status) from error
            raise

    def reading(self, level: Level, seen: Mapping[str, Node]) -> None:
        """Show the projects or spaces seen so far of the first reading, if it is time."""
        self._session.reading(level, seen)
        first_seen = self._first_seen
        if first_seen is None or level not in HIDDEN_LEVELS:
            return
        with self._showing:
            if self._clock() - self._shown_at < SHOWN_EVERY:
                return
            self._shown_at = self._clock()
            first_seen[level] = Node(level, children=Crowd(seen.values()))  # counted once
            view = _first_view(self._session, first_seen, level)
        self._show(view)

    def close(self) -> None:
        """Give up the patrol."""
        if self._patrol is not None:
            self._patrol.close()
            self._patrol = self.known.seen = None

    def read_all(self, asked: int = 0) -> None:
        """Read everything, which replaces all that was known; a patrol has `asked` some of it before.

        Raises ApiError if the root cannot be read.
        """
        self.close()
        self._patrol_failed = self._answered = False
        self._failed.clear()
        before = self.requests - asked
        self._full_readings += 1
        for leaves in self._leaves.values():
            leaves.asked_at.clear()
        if self.filters.refused and self._full_readings % TRUST_AGAIN == 0:
            self.filters = Filters()
        tree = Tree(_Facts(self._session, self.unless_refused), self, self.filters)
        reading = tree.read(ALL)
        known, gone, first = self.known, set(self.known.gone), not self.known.levels
        self.task_type, self.flaws = tree.task_type, reading.flaws
        if first or self.task_type != TaskType.CHECK:  # checks are judged without the job: it is read for its name only
            self.job = tree.job or self.job
        known.take_all(reading.root)
        self._first_seen = None
        # a child that begins again while its level is walked escapes the walk, so one that has just vanished gets a
        # second chance by its name
        lost = [level for level in known.gone if level not in gone and level not in HIDDEN_LEVELS]
        for parent in {level[:-1]: None for level in lost if level[:-1] in known.levels}:
            names = [level[-1] for level in lost if level[:-1] == parent]
            for child in ask_by_name(self, parent, names[:FEW_BAD]).values():
                if child and not child.unreadable:
                    # it was there all the time, so it has changed from what it was and is not new
                    known.levels[parent][child.name] = known.gone.pop(child.level)
                    known.take(parent, [child])
        failed = dict(self._failed)  # copied, as an abandoned request may be answered meanwhile
        self.failing, self.outdated = frozenset(level for level, why in failed.items() if why), False
        self._once_read |= failed.keys() - self.failing
        self._full_cost = self.requests - before
        self._large = self._full_cost > AT_ONCE or (self._large and bool(self.failing))

    def read_running(self, seconds: float = LONGEST) -> None:
        """Read what may have changed, `seconds` after the last reading. Raises ApiError if the root cannot be read."""
        self._failed.clear()
        self._answered = False
        before = self.requests
        known, checking = self.known, self.known.runs(CHECK)
        page = self.ask(Question((), expand=True))
        known.take_root(page.node)
        if checking and not known.runs(CHECK):  # a check that began and ended between two polls was never seen running
            self._read_children(CHECK)
        scopes = [node for node in known.levels.get(MIGRATE, {}).values() if node.level not in HIDDEN_LEVELS]
        # a scope that begins again, or a new one, shows with the next full reading
        if any(not node.ended for node in scopes) or (not scopes and known.runs(MIGRATE)):
            self._read_children(MIGRATE)
        levels = []
        for leaves in self._working_levels(page):
            if len(known.levels.get(leaves.level, ())) <= FEW and not self.patrols:
                self._read_children(leaves.level, most=FEW + 1)
                # of a large level that was not there before, the rest is left to a full reading, which pays for itself:
                # as a part of every poll it would make polls rarer than once in ten minutes
                self.outdated |= len(known.levels.get(leaves.level, ())) > FEW
                continue
            levels.append(leaves)
            running = [node.name for node in known.running.values() if node.level[:-1] == leaves.level]
            with _left_for_later():
                if found := leaves.news(self, self.filters, running):
                    known.take(leaves.level, found)
        self._ask_again()
        # Every poll must get this far, whatever it costs, so this is what the interval has to pay for. The cost varies
        # from poll to poll, so a high one counts for some more.
        must = self.requests - before
        self._must_cost = max(must, (self._must_cost + must) // 2)
        rate, allowance = self._poll_rate, math.inf
        if rate < math.inf:
            allowance = min(seconds * rate, max(LONGEST * rate, 2.0 * self._must_cost)) - self._owed
        ends = before + allowance
        reserve = allowance * PATROL if self.patrols else 0.0
        for leaves in levels:
            if not self._failed.get(leaves.level):
                self._read_rest(leaves, ends - reserve)
        silent = any(self._failed.get(level) for level in HIDDEN_LEVELS)  # then the patrol goes on later
        if self.patrols and int(ends) > self.requests and not silent:
            self._go_on(int(ends) - self.requests)
        self._owed = max(0.0, self.requests - ends)
        self._compare()

    def _ask_again(self) -> None:
        """Ask for levels that did not answer and that this poll has not asked for, if no full reading will."""
        for level in self.failing - self._failed.keys() if self.patrols else ():
            with _left_for_later():
                self.known.take(level, self.ask(Question(level, expand=True)).node.children or ())

    def _compare(self) -> None:
        """Find out which levels no longer answer, and which do again."""
        for level, why in dict(self._failed).items():
            if bool(why) is (level in self.failing):
                continue
            self.failing ^= {level}
            # of a level that was never read to its end, or has no node to say it of, a full reading must tell
            told = self.patrols and level in self._once_read and self.known.mark(level, why or None)
            self.outdated |= not told

    def _working_levels(self, page: Page) -> Iterator[Leaves]:
        """The levels of checks, projects or spaces in which something may go on, after this page of the root."""
        known = self.known
        if self.task_type == TaskType.CHECK:
            # those on the root's only page have just been read
            levels = [CHECK] if CHECK in known.levels else [()] if page.next is not None else []
            levels = levels if known.root.state is State.RUNNING else []
        else:
            levels = [level for level in HIDDEN_LEVELS if level in known.levels]
            if not known.runs(MIGRATE):
                levels = [level for level in levels if any(node[:-1] == level for node in known.running)]
            elif not levels:
                levels = [*HIDDEN_LEVELS]
            levels = [CHECK, *levels] if known.runs(CHECK) else levels
        for level in levels:
            if level not in self._leaves:
                self._leaves[level] = Leaves(level, self._places.setdefault(level, Places()))
            yield self._leaves[level]

    def _read_children(self, level: Level, most: int = MOST) -> None:
        """All children of a small level; if it turns out to be large, at least `most`."""
        with _left_for_later():
            self.known.take(level, walk(self, level, still=False, filters=self.filters, most=most).children)

    def _read_rest(self, leaves: Leaves, ends: float) -> None:
        """Read where other news of a level may be, until this many requests have been made.

        Children that ran and no longer do are asked for by name, except for those that are listed together on a page if
        they have succeeded.
        """
        level, places = leaves.level, leaves.places
        if self.patrols:
            with _left_for_later():
                self.known.take(level, leaves.rare(self, self.filters))
        tried = set[str]()
        doubtful = [name for name in leaves.doubtful if (*level, name) in self.known.running]
        while self.patrols and self.requests < ends and (question := places.near(doubtful, tried)):
            page = attempted(partial(self.ask, question))
            if isinstance(page, ApiError):
                places.clear()
                continue
            self.known.take(level, page.node.children or ())
            doubtful = [name for name in doubtful if (*level, name) in self.known.running]
        # those that have waited longest come first, so that one which fails alone does not keep the others waiting
        doubtful.sort(key=lambda name: leaves.asked_at.get(name, 0))
        most = int(max(0, min(len(doubtful), ends - self.requests)))
        for name, child in ask_by_name(self, level, doubtful[:most]).items():
            leaves.asked_at[name] = self.requests
            if child is None or child.unreadable:
                continue
            self.known.take(level, [child])
            if child.status == Status.IN_PROGRESS:
                # the filter should have shown it. In a long queue it may have begun again meanwhile, so that the
                # filter is only suspended
                self.filters.refused |= self.patrols
                self.filters.trusted = False

    def _go_on(self, requests: int) -> None:
        """Let the patrol make some requests. Once it has seen every page, what it has not seen is gone."""
        if self._patrol is None:
            levels, filters = [level for level in self.known.levels if level in HIDDEN_LEVELS], Filters()

            def walk_all(asker: Asker) -> None:
                for level in levels:
                    cut = walk(asker, level, still=False, filters=filters).cut
                    # a child reported or begun again during so long a walk looks as if a filter had not shown it
                    if cut or not filters.trusted:
                        raise Incomplete(f"{level[-1]} were not read to the end")

            self._patrol, self.known.seen = Patrol(self, walk_all), set()
        patrol = self._patrol
        try:
            for node in patrol.go_on(requests):
                if node.level in HIDDEN_LEVELS:
                    self.known.take(node.level, node.children or ())
                else:
                    self.known.take(node.level[:-1], [node])
            if patrol.over:
                self._finish(patrol)
        except ApiError:
            self.close()
            self._patrol_failed = True  # the next reading is a full one, which says what is wrong

    def _finish(self, patrol: Patrol) -> None:
        """Read what the patrol has not walked."""
        # an ordinary full reading, but for the walked levels: it gets these as the patrol, and the polls since then,
        # have left them
        for level in [level for level in self.known.levels if level in HIDDEN_LEVELS]:
            seen = tuple(node for node in self.known.levels[level].values() if node.level in (self.known.seen or ()))
            self._patrolled[Question(level, expand=True)] = Page(Node(level, children=seen), None, found=True)
        try:
            self.read_all(patrol.asked)
        finally:
            self._patrolled.clear()


_left_for_later = partial(suppress, ApiError)
"""Leave what cannot be read to the next full reading, which reports it."""


class _Facts(msgspec.Struct, frozen=True):
    """The facts of a session, with its refusals taken like those of a level."""

    _session: TaskSession
    _unless_refused: Callable[[Callable[[], Any]], Any]

    @property
    def task(self) -> TaskTarget:
        return self._session.task

    @property
    def job(self) -> Job:
        job: Job = self._unless_refused(lambda: self._session.job)
        return job

    @property
    def asked_type(self) -> str | None:
        listed: str | None = self._unless_refused(lambda: self._session.asked_type)
        return listed


def _first_view(session: TaskSession, seen: Mapping[Level, Node], level: Level) -> View:
    """A view of what the first reading has seen so far, the last of it at `level`.

    It has no verdict, as what was not read yet may hold anything.
    """
    now, job, task = session.now(), session.known_job, session.task
    leaves = seen[level].children or ()
    keys = job.included_keys(level[-1]) if job else ()
    root = seen.get((), Node())
    migrate = seen.get(MIGRATE) or child_of(root, "migrate") or Node(MIGRATE)
    migrate = with_children(migrate, [node for node in seen.values() if node.level in HIDDEN_LEVELS])
    return View(
        at=now,
        scope=level[-1],
        reading=(len(leaves), max(len(keys), len(leaves)) if keys else 0),
        snapshot=snapshot_of(
            Assessment(verdict=Verdict.RUNNING, summary=summary_of(leaves, max(0, len(keys) - len(leaves)))),
            with_children(root, [migrate]),
            job,
            job_id=session.job_id,
            task_id=task.task_id,
            task_type=task.task_type,
            now=now,
        ),
    )
