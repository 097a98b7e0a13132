"""Readings that cost what changed, not what there is.

A task with 5000 projects costs 250 requests to read once, and 600 are allowed in a minute. So everything is read only
now and then; in between, the root, the scopes, the children that run, the failures and warnings, and by name those that
ran and do so no more. What the limit leaves goes to all the others in turn: of a large migration everything is read in
pieces, a few with every poll.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TypeVar

from msgspec.structs import replace

from migstat.api.retry import WINDOW
from migstat.errors import ApiError, BadRequest, Incomplete, Refused
from migstat.follow.patrol import Patrol, Places, Shortlist
from migstat.model.crowd import Change, Crowd
from migstat.model.nodes import (
    CHECK,
    HIDDEN,
    MIGRATE,
    Job,
    Level,
    Node,
    Outcome,
    Page,
    Question,
    State,
    Status,
    TaskType,
    level_is_hidden,
)
from migstat.model.verdict import Evidence
from migstat.query.tree import ALL, TaskFacts, Tree
from migstat.query.walk import Asker, Filters, ask_by_name, newer, walk

_T = TypeVar("_T")
_R = TypeVar("_R")

FULL_EVERY = 120.0
"""Seconds between two readings of everything, at least."""

SHARE = 0.25
"""Share of the request limit that polls may use; half of it is for readings of everything."""

BY_NAME = 8
"""Children to be asked for by name above which a poll reads fewer pages of those that run: they must wait anyway."""

FEW_BAD = 20
"""Nodes that a reading of everything has lost which are asked for by name, at most."""

PATROL = 0.12
"""Share of the requests of polls that is kept for reading everything in pieces; it takes what others leave, too."""

RUNNING_PAGES = 4
"""Pages of running children in one poll, at most; the next poll goes on where it ended."""

GOOD_PAGES = 6
GOOD_RESTS = 6
"""Pages at the end of the list of successes that a poll reads at most, and polls that do not after one without news."""

RARE = (Outcome.INCOMPLETE, "STOPPED", "CANCELLED", "TIMED_OUT")
"""Bad outcomes that only one poll in turn asks for."""

BAD_PAGES = 3
"""Pages of failures that each poll reads at most, and of warnings, at the end of the list; and two in turn."""

FREE = 0.25
"""Share of the requests of polls that is left for what has its turn: where it would not be, polls are rarer."""

AT_ONCE = 60
"""Requests up to which everything is read at once; where it takes more, it is read in pieces."""

LONGEST = 60.0
"""Seconds since the last poll that count for what this one may cost."""

TRUST_AGAIN = 5
"""Readings of everything after which filters are tried again that were refused, not ignored."""


class Poller:
    """Keeps what is known of one task up to date. `rate_limit` in requests per 60 s, None for no limit.

    `changes` are the nodes that the last reading found new or different, each with what it was before. `gone` holds
    the nodes that were reported once and are no longer.
    """

    def __init__(self, facts: TaskFacts, asker: Asker, rate_limit: int | None) -> None:
        self.root = Node()
        self.task_type: str | None = None
        self.job_or_none: Job | None = None
        self.flaws: tuple[str, ...] = ()
        self.changes: list[Change] = []
        self.gone: dict[Level, Node] = {}
        self.requests = 0
        self._facts = facts
        self._asker = asker
        self.together = asker.together
        self.reading = asker.reading
        self._rate_limit = rate_limit
        self._levels: dict[Level, dict[str, Node]] = {}
        self._filters = Filters()
        self._fulls = 0
        self._asked_at: dict[Level, int] = {}
        self._full_cost = 0
        self._must_cost = 0
        self._owed = 0.0
        self._running: dict[Level, Node] = {}
        self._leaves: dict[Level, _Leaves] = {}
        self._crowds: dict[Level, Crowd] = {}
        self._moved: dict[Level, list[Change]] = {}
        self._patrol: Patrol | None = None
        self._patrol_failed = False
        self._seen: set[Level] = set()
        self._places: dict[Level, Places] = {}
        self._walked: dict[Question, Page] = {}

    @property
    def full_every(self) -> float:
        """Seconds between two readings of everything that keep them to their share."""
        return max(FULL_EVERY, self._seconds_for(self._full_cost, SHARE / 2))

    @property
    def patrols(self) -> bool:
        """True if there is so much that polls read everything in pieces."""
        large = self._rate_limit is not None and self._full_cost > AT_ONCE
        return large and self._filters.trusted and not self._patrol_failed

    @property
    def only_full(self) -> bool:
        """True if the server's filters are not to be trusted, so that every poll must read everything."""
        return not self._filters.trusted

    def interval(self, wanted: float, *, full: bool = False) -> float:
        """Seconds between two polls that keep them to their share, `wanted` at least; `full` if all read everything.

        It depends on what every poll must ask, not on how much has changed: that has its turn.
        """
        if self._filters.trusted and not full:
            return max(wanted, self._seconds_for(self._must_cost, self._share * (1 - FREE)))
        return max(wanted, self._seconds_for(self._full_cost, SHARE))

    @property
    def scope(self) -> str:
        """The hidden level that the task has or would have."""
        order = self.job_or_none.scopes if self.job_or_none else HIDDEN
        return next((name for name in order if (*MIGRATE, name) in self._levels), order[0])

    def nodes(self) -> Iterator[Node]:
        """Every node that is known, without its children."""
        yield self.root
        for children in self._levels.values():
            yield from children.values()

    def at_work(self) -> Iterator[Node]:
        """The nodes that run and have none below them; the root, until it has ended, if nothing else is known."""
        if not self.root.ended and not self._levels.get(()):
            yield self.root
        yield from (node for node in self._running.values() if node.level and not self._levels.get(node.level))

    def evidence(self) -> Evidence:
        """All that is known."""
        return Evidence(root=self._grown(self.root), task_type=self.task_type, job=self.job_or_none)

    def read_all(self) -> None:
        """Read everything there is, which replaces all that was known. Raises ApiError if the root cannot be read."""
        self.close()
        self.changes, self._patrol_failed = [], False
        asked = self.requests
        self._read_whole()
        self._full_cost = self.requests - asked

    def read_running(self, seconds: float = LONGEST) -> None:
        """Read what may have changed, `seconds` after the last reading. Raises ApiError."""
        asked = self.requests
        checking = self._runs(CHECK)
        page = self.ask(Question((), expand=True))
        self.changes = []
        self._note(self.root, page.node)
        self.root = replace(page.node, children=None)
        self._take((), page.node.children or ())
        if checking and not self._runs(CHECK):  # what ended between two polls was never seen running
            self._read_children(CHECK)
        if self._scopes_may_change():
            self._read_children(MIGRATE)
        leaves = [self._leaves.setdefault(level, _Leaves(level)) for level in self._levels_of_leaves(page)]
        for each in leaves:
            self._read_news(each)
        must = self.requests - asked
        # what a poll must ask varies; the dearer of two is what has to be paid for
        self._must_cost = max(must, (self._must_cost + must) // 2)
        allowance = self._allowance(seconds)
        ends = asked + allowance
        reserve = allowance * PATROL if self.patrols else 0.0
        for each in leaves:
            if self.patrols:
                self._read_rest(each, ends - reserve)
            self._ask_doubtful(each, ends - reserve)
        if self.patrols:
            self._go_on(int(ends) - self.requests)
        self._owed = max(0.0, self.requests - ends)

    def close(self) -> None:
        """Give up what is being read in pieces."""
        if self._patrol is not None:
            self._patrol.close()
            self._patrol = None

    def ask(self, question: Question) -> Page:
        """Ask, and count."""
        if question in self._walked:
            return self._walked[question]
        self.requests += 1
        page = self._asker.ask(question)
        if level_is_hidden(question.level):
            self._places.setdefault(question.level, Places()).note(question, page)
        return page

    def _read_whole(self) -> None:
        self._fulls += 1
        self._asked_at.clear()
        if self._filters.refused and self._fulls % TRUST_AGAIN == 0:
            self._filters = Filters()
        reading = Tree(self._facts, self, self._filters).read(ALL)
        before, self._levels = self._levels, {}
        self._crowds.clear()
        self._moved.clear()
        self.task_type, self.flaws = reading.task_type, reading.flaws
        self.job_or_none = reading.job or self.job_or_none
        if not before and self.job_or_none is None and self.task_type == TaskType.CHECK:
            with suppress(ApiError):  # checks are judged without the job, which only names itself and the site here
                self.job_or_none = self._facts.job
        self._note((self.root if before else None), replace(reading.root, children=None))
        self.root = replace(reading.root, children=None)
        gone = set(self.gone)
        self._replace(reading.root, before)
        self._ask_after([node for level, node in self.gone.items() if level not in gone])

    def _replace(self, node: Node, before: dict[Level, dict[str, Node]]) -> None:
        """Take a whole subtree in place of what was known of it."""
        known = before.get(node.level, {})
        new = {child.name: child for child in node.children or ()}
        for name, child in new.items():
            bare = replace(child, children=None) if child.children is not None else child
            self._note(known.get(name), bare)
            new[name] = bare
            self.gone.pop(child.level, None)
        if node.unreadable:  # what is not seen in a level that could not be read is still there
            new = {**known, **new}
        elif len(new) < len(known) or any(name not in new for name in known):
            self.gone |= {child.level: child for name, child in known.items() if name not in new}
            self._running = {level: child for level, child in self._running.items() if level not in self.gone}
        if node.children is not None or node.unreadable or new:
            self._levels[node.level] = new
        for child in node.children or ():
            if child.children is not None or child.unreadable:
                self._replace(child, before)
        if node.unreadable:
            for level, children in before.items():
                if level[:-1] == node.level and level and level not in self._levels and level[-1] in new:
                    self._levels[level] = children

    def _ask_after(self, lost: list[Node]) -> None:
        """Ask for nodes by name that were there before: one that begins again while its level is read may be missed."""
        for level in {node.level[:-1]: None for node in lost if node.level[:-1] in self._levels}:
            names = [node.name for node in lost if node.level[:-1] == level and not level_is_hidden(node.level)]
            for _, answer in ask_by_name(self, level, names[:FEW_BAD]):
                if not isinstance(answer, ApiError) and answer.found:
                    self._take(level, [answer.node])
                    self.gone.pop(answer.node.level, None)

    def _take(self, level: Level, nodes: Iterable[Node]) -> None:
        """Take readings of some children; the later one counts, whatever its stamp."""
        children = self._levels.setdefault(level, {})
        for node in nodes:
            known = children.get(node.name)
            # that the level below could not be read holds until it is read again
            flaw = known.unreadable if known and node.level in self._levels else None
            bare = replace(node, children=None, unreadable=node.unreadable or flaw)
            self._note(known, bare)
            self._moved.setdefault(level, []).append((known, bare))
            children[node.name] = bare
            self._seen.add(bare.level)

    def _note(self, before: Node | None, node: Node) -> None:
        if before is not node:
            self.changes.append((before, node))
        if node.state is State.RUNNING:
            self._running[node.level] = node
        else:
            self._running.pop(node.level, None)

    def _read_children(self, level: Level) -> None:
        """All children of a level; one that fails is read again with everything, which says so."""
        try:
            children = walk(self, level, still=False, filters=self._filters).children
        except Refused:
            raise
        except ApiError:
            return
        self._take(level, children)

    def _read_news(self, leaves: _Leaves) -> None:
        """Read the children of a level that run, and the bad ones."""
        running = [node.name for node in self._running.values() if node.level[:-1] == leaves.level]
        try:
            found = leaves.news(self, self._filters, running)
        except Refused:
            raise
        except ApiError:
            return
        if found or (found is not None and leaves.level in self._levels):
            self._take(leaves.level, found.values())

    def _ask_doubtful(self, leaves: _Leaves, ends: float) -> None:
        """Ask for those that ran and do so no more, until so many requests have been made.

        By name, except for those that are listed on one page if they have succeeded.
        """
        level = leaves.level
        places, tried = self._places.get(level, Places()), set[str]()
        doubtful = [name for name in leaves.doubtful if (*level, name) in self._running]
        while self.patrols and self.requests < ends and (question := places.near(doubtful, tried)):
            try:
                self._take(level, self.ask(question).node.children or ())
            except Refused:
                raise
            except ApiError:
                places.clear()
            doubtful = [name for name in doubtful if (*level, name) in self._running]
        doubtful.sort(key=lambda name: self._asked_at.get((*leaves.level, name), 0))
        most = int(max(0, min(len(doubtful), ends - self.requests)))
        for name, answer in ask_by_name(self, leaves.level, doubtful[:most]):
            self._asked_at[*leaves.level, name] = self.requests
            if not isinstance(answer, ApiError) and answer.found:  # what fails alone is asked for again
                self._take(leaves.level, [answer.node])
                if answer.node.status == Status.IN_PROGRESS:
                    self._filters.refused |= self.patrols  # it may have begun again while it waited for its turn
                    self._filters.trusted = False

    def _read_rest(self, leaves: _Leaves, ends: float) -> None:
        """Read where other news of a level may be, until so many requests have been made."""
        known = self._levels.get(leaves.level, {})
        try:
            self._take(leaves.level, leaves.rare(self, self._filters))
            places = self._places.get(leaves.level, Places())
            self._take(leaves.level, leaves.good(self, places, known, int(ends - self.requests)))
        except Refused:
            raise
        except ApiError:  # it has its turn again
            return

    def _go_on(self, requests: int) -> None:
        """Read some more pages of everything; when all was read, what was not seen is gone."""
        if requests <= 0:
            return
        if self._patrol is None:
            self._patrol, self._seen = self._begun_patrol(), set()
        patrol = self._patrol
        try:
            over = patrol.go_on(requests)
            for node in patrol.taken():
                if level_is_hidden(node.level):
                    self._take(node.level, node.children or ())
                else:
                    self._take(node.level[:-1], [node])
            if over:
                self._read_patrolled(patrol)
        except Refused:
            raise
        except ApiError:  # so that all is read at once, which says what is wrong
            self.close()
            self._patrol_failed = True

    def _begun_patrol(self) -> Patrol:
        levels, filters = [level for level in self._levels if level_is_hidden(level)], Filters()

        def walk_all(asker: Asker) -> None:
            for level in levels:
                cut = walk(asker, level, still=False, filters=filters).cut
                # a child reported or begun anew during so long a walk looks as if a filter had not shown it
                if cut or not filters.trusted:
                    raise Incomplete(f"{level[-1]} were not read to the end")

        return Patrol(self, walk_all)

    def _read_patrolled(self, patrol: Patrol) -> None:
        """Read everything else, now that all children were read in pieces."""
        asked = self.requests
        for level in [level for level in self._levels if level_is_hidden(level)]:
            seen = [node for node in self._levels[level].values() if node.level in self._seen]
            self._walked[Question(level, expand=True)] = Page(Node(level, children=tuple(seen)), None, found=True)
        try:
            self._read_whole()
        finally:
            self._walked.clear()
        self._full_cost = patrol.asked + self.requests - asked
        self.close()

    def _levels_of_leaves(self, page: Page) -> list[Level]:
        if self.task_type == TaskType.CHECK:
            if self.root.state is not State.RUNNING:
                return []
            return [CHECK] if CHECK in self._levels else [()] if page.next is not None else []
        hidden = [(*MIGRATE, name) for name in HIDDEN if (*MIGRATE, name) in self._levels]
        if not hidden and self._runs(MIGRATE):
            hidden = [(*MIGRATE, name) for name in HIDDEN]
        if not self._runs(MIGRATE):
            hidden = [level for level in hidden if any(node[:-1] == level for node in self._running)]
        return [*([CHECK] if self._runs(CHECK) else []), *hidden]

    def _scopes_may_change(self) -> bool:
        """True if a scope is known not to have ended, or none is known; a new one shows when everything is read."""
        scopes = [node for node in self._levels.get(MIGRATE, {}).values() if not level_is_hidden(node.level)]
        begun = self._runs(MIGRATE) or bool(scopes)
        return begun and (not scopes or any(not node.ended for node in scopes))

    def _runs(self, level: Level) -> bool:
        node = self._levels.get(level[:-1], {}).get(level[-1])
        return node is not None and node.state is State.RUNNING

    def _grown(self, node: Node) -> Node:
        """The node with all that is known below it. Few levels have children, so the others are taken as they are."""
        below = [level for level in self._levels if level and level[:-1] == node.level]
        if node.level not in self._levels and not below:
            return node
        children = self._levels.get(node.level, {})
        if not below:
            return replace(node, children=self._crowd(node.level, children))
        grown = {level[-1]: self._grown(children.get(level[-1]) or Node(level)) for level in below}
        return replace(node, children=tuple((children | grown).values()))

    def _crowd(self, level: Level, children: Mapping[str, Node]) -> Crowd:
        """The children of a level, of which only those are counted that were read again."""
        known, changes = self._crowds.get(level), self._moved.pop(level, [])
        if known is None or changes:
            known = known.after(children.values(), changes) if known else Crowd(children.values())
            self._crowds[level] = known
        return known

    @property
    def _share(self) -> float:
        """Polls' share of the limit: all of it where they read everything, too."""
        return SHARE if self.patrols else SHARE / 2

    def _seconds_for(self, cost: float, share: float) -> float:
        """Seconds in which so many requests use this share of the limit."""
        return 0.0 if self._rate_limit is None else cost * WINDOW / (self._rate_limit * share)

    def _allowance(self, seconds: float) -> float:
        """Requests that a poll may make so many seconds after the last one."""
        if self._rate_limit is None:
            return math.inf
        rate = self._rate_limit * self._share / WINDOW
        return min(seconds * rate, max(LONGEST * rate, 2.0 * self._must_cost)) - self._owed


class _Leaves:
    """What polls ask about one level of checks, projects or spaces."""

    def __init__(self, level: Level) -> None:
        self.level = level
        self.doubtful: list[str] = []
        self._running = Shortlist(level, status=Status.IN_PROGRESS)
        self._bad = [Shortlist(level, outcome=outcome) for outcome in (Outcome.FAILED, Outcome.WARNING)]
        self._rare = deque(Shortlist(level, outcome=outcome) for outcome in RARE)
        self._good_rests = 0
        self._before: list[str] = []
        self._shown: set[str] = set()

    def news(self, asker: Asker, filters: Filters, running: list[str]) -> dict[str, Node] | None:
        """Those that run and the bad ones, as far as they have their turn; None if the filters are not obeyed.

        Once all that run were shown, those `running` before that were not among them are doubtful.
        """
        if self._running.at_start:
            self._before, self._shown = running, set()
        waiting = sum(name in running for name in self.doubtful)
        pages = self._running.turn(asker, filters, RUNNING_PAGES if waiting < BY_NAME else RUNNING_PAGES // 2)
        if pages is None:
            return None
        self._shown |= {child.name for page in pages for child in page.node.children or ()}
        if self._running.at_start:
            self.doubtful = [name for name in self._before if name not in self._shown]
        for listing in self._bad:
            more = listing.end(asker, filters, BAD_PAGES)
            turn = listing.turn(asker, filters, 2) if more is not None and listing.is_long else []
            if more is None or turn is None:
                return None
            pages += turn + more
        found: dict[str, Node] = {}
        for child in (child for page in pages for child in page.node.children or ()):
            found[child.name] = newer(found[child.name], child) if child.name in found else child
        return found

    def rare(self, asker: Asker, filters: Filters) -> Iterator[Node]:
        """Those of one of the rarer bad outcomes, which have their turn."""
        self._rare.rotate(-1)
        pages = self._rare[0].end(asker, filters, 1) or ()
        return (child for page in pages for child in page.node.children or ())

    def good(self, asker: Asker, places: Places, known: Mapping[str, Node], most: int) -> list[Node]:
        """Those at the end of the list of successes, while there is news in it. Raises ApiError."""
        self._good_rests -= 1
        found: list[Node] = []
        question = places.end() if self._good_rests <= 0 else None
        pages = news = 0
        while question is not None and pages < min(GOOD_PAGES, most):
            try:
                page = asker.ask(question)
            except BadRequest:
                places.clear()
                break
            children = page.node.children or ()
            found += children
            news += sum(child.name not in known or not known[child.name].ended for child in children if child.ended)
            pages += 1
            more = page.next is not None and children and children[-1].outcome == Outcome.SUCCESS
            question = replace(question, cursor=page.next) if more else None
        if news < pages:
            self._good_rests = GOOD_RESTS
        return found
