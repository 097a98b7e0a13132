"""All children of a level, complete although they move.

The API sorts children by status, outcome and lower-case name, and a cursor is the last child sent. A child that
finishes between two requests moves from a later page to an earlier one, behind the cursor, and a walk that only follows
`next` never sees it. Reading everything twice does not help: a child can escape the first walk by beginning and the
second one by ending. Two things make a walk complete:

- Order. Children move forward only: PENDING, IN_PROGRESS, ended. So those pending are walked first, then those in
  progress, then all, and whatever a child does, it moves into something that is still to be walked. Over 20 000 random
  schedules a plain walk lost a child in 17 733, two plain walks in 2239, and this order in none.
- Names. If the job names the children, any walk will do, since each key that it did not show can be asked for. So the
  three statuses are walked at the same time, which takes less than half as long, and where the server does not filter,
  one plain walk is enough. That holds only while the migration runs: a child that the job does not name may escape
  until the next reading, so no end may rest on it.

Filters are not documented to work on children, so each answer must prove that they do. Where they do not, and names do
not help either, the level is walked again until that shows nothing new.

One gap is left: a child that no key names, and that begins again and ends while the last walk goes on, may be missed.
No answer tells that it exists, and walking everything twice to make that less likely would double every reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from migstat.errors import ApiError, BadRequest, NotFound, Refused
from migstat.model.nodes import Level, Node, Page, Question, Status, match_keys

_T = TypeVar("_T")
_R = TypeVar("_R")

PAGES_WITHOUT_NEWS = 3
"""Pages in a row without a new name after which a walk has no end. One or two are normal: children moved ahead."""

MOST = 100_000
"""Children of one level, beyond those that the job names, after which a walk has no end either."""

LARGEST = 32 * 1024 * 1024
LARGEST_CHILD = 4096
"""Bytes of pages with new children, and more for each child that the job names, after which no more is read."""

MOST_WALKS = 4
"""Further plain walks of a level whose filters do not work: at least two, at most these."""

FEW_KEYS = 10
"""Keys that are asked for by name even if the level has fewer pages."""

LIFE = (Status.PENDING, Status.IN_PROGRESS, Status.FINISHED)
"""The statuses in the order in which a child has them."""


class Asker(Protocol):
    """Answers questions about one task's status tree."""

    def ask(self, question: Question) -> Page:
        """One page. Raises ApiError."""

    def together(self, function: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
        """Call the function, which may ask, for each item, a few at a time. Raises its first exception."""

    def reading(self, level: Level, seen: Mapping[str, Node]) -> None:
        """Take note of the children seen so far, after every page of a walk."""


def attempted(ask: Callable[[], _T]) -> _T | ApiError:
    """The answer or the error. Raises Refused: credentials are about more than this one question."""
    try:
        return ask()
    except Refused:
        raise
    except ApiError as error:
        return error


class Filters(msgspec.Struct):
    """Trust in the server's filters, shared by all walks of one task.

    A filter is trusted while all of its answers fit, and while no walk over everything finds a child that it should
    have shown. `refused` says that distrust may pass, since the server refused a filter or children moved; a filter
    that is ignored will always be.
    """

    trusted: bool = True
    refused: bool = False


class Walked(msgspec.Struct, frozen=True):
    """The result of a walk. `parent` is the level's own node, `pages` what one plain walk costs.

    `cut` says why the walk ended early, with some of the children only. `absent` are keys that were asked for by name
    and that the API does not know.
    """

    parent: Node
    children: tuple[Node, ...]
    pages: int
    cut: str | None = None
    absent: frozenset[str] = frozenset()


class _Pass(msgspec.Struct):
    """One walk that follows `next`, and the last reading of each child that it saw."""

    seen: dict[str, Node] = {}
    pages: int = 0


def newer(earlier: Node, later: Node) -> Node:
    """Which of two readings of a child within one walk counts: the one updated last, else the finished one.

    A walk may meet a child on a page that was answered before another that it has already read, so what came later is
    not always newer. Between two polls it is, whatever the stamps say: the API's clock is not ours.
    """
    if later.says_nothing or earlier.says_nothing:
        return earlier if later.says_nothing else later
    before, after = earlier.last_updated_at, later.last_updated_at
    if before is not None and after is not None and before != after:
        return later if after > before else earlier
    return earlier if earlier.ended and not later.ended else later


def walk(
    asker: Asker,
    level: Level,
    *,
    still: bool,
    filters: Filters | None = None,
    first: Page | None = None,
    keys: Sequence[str] = (),
    running: bool = False,
    most: int = MOST,
) -> Walked:
    """All children of `level`; cut if there are `most` and more, besides those that the job names.

    `still` says that nothing can move: the task and the level had ended before the walk began. `first` is the level's
    first page if the caller has just read it, `keys` are the children that the job names. `running` says that the
    migration goes on, so that no end rests on this walk. Raises ApiError if the level does not answer; if only a later
    page does not, the result is cut.
    """
    page = first or asker.ask(Question(level, expand=True))
    room = LARGEST + LARGEST_CHILD * len(keys)
    walking = _Walk(asker, level, filters or Filters(), most=most + len(keys), room=room)
    try:
        # one page is one moment: nothing moves within it
        last = walking.plain(page) if still or page.next is None else walking.moving(page, keys if running else ())
        # what the last pass did not show has moved behind its cursor, so what is known of it is out of date
        moved = [name for name in walking.readings if name not in last.seen]
        if moved and not walking.full:
            walking.ask_for(moved)
    except Refused:
        raise
    except ApiError as error:
        return Walked(page.node, tuple(walking.readings.values()), 1, error.message)
    children = tuple(walking.readings.values())
    return Walked(page.node, children, last.pages, walking.endless, frozenset(walking.absent))


def find(
    asker: Asker, level: Level, wanted: Iterable[tuple[Status | None, str | None]], filters: Filters
) -> tuple[Node, ...] | None:
    """The children of these statuses and outcomes, in one plain walk each; None if a filter is refused or ignored.

    Cheap, but a child that moves meanwhile may be lost: enough for a glance. Raises ApiError if the level itself does
    not answer.
    """
    walking = _Walk(asker, level, filters)
    questions = (Question(level, expand=True, status=status, outcome=outcome) for status, outcome in wanted)
    return None if walking.filtered(*questions) is None else tuple(walking.readings.values())


def ask_by_name(asker: Asker, level: Level, names: Sequence[str]) -> dict[str, Node | None]:
    """The children of these names, asked for a few at a time; None for one that the API does not know.

    One that cannot be read is unreadable: it may be there, and it may have failed. Names with a comma are left out,
    since the API takes `level` for a path that commas separate. Raises Refused.
    """

    def one(name: str) -> Node | None:
        page = attempted(lambda: asker.ask(Question((*level, name))))
        if isinstance(page, ApiError):
            return None if isinstance(page, NotFound) else Node((*level, name), unreadable=page.message)
        # children were not asked for, which is not the same as having none
        return replace(page.node, children=None) if page.found else None

    askable = [name for name in dict.fromkeys(names) if name and "," not in name]
    return dict(zip(askable, asker.together(one, askable), strict=True))


class _Walk(msgspec.Struct):
    """Walks one level; `readings` holds the best reading of every child seen.

    A walk over more than `most` children has no end; it is `full` then, and no more is read, as once `room` bytes of
    pages are used up. `endless` says why the pages were not read to the end, if they were not. `absent` are the names
    that the API does not know.
    """

    _asker: Asker
    _level: Level
    _filters: Filters
    most: int = MOST
    room: int = LARGEST
    readings: dict[str, Node] = {}
    endless: str | None = None
    full: bool = False
    absent: set[str] = set()
    _shown: dict[str, Node] = {}
    _stopped: bool = False
    _moved_back: bool = False

    def plain(self, first: Page | None = None) -> _Pass:
        """One walk over all children, from this first page on."""
        question = Question(self._level, expand=True)
        done = _Pass()
        for page in self._pages(first or self._asker.ask(question), question, done):
            self._keep(page.node.children or ())
        return done

    def moving(self, page: Page, keys: Sequence[str]) -> _Pass:
        """Walk until every child has been seen, and return the last pass; `keys` are given if names may complete it."""
        self._shown |= {child.name: child for child in page.node.children or ()}
        self._keep(page.node.children or ())
        if keys and self._filters.trusted and (whole := self._side_by_side(keys)) is not None:
            return whole
        last = self._in_order()
        # pages that had no end have none in another walk either
        if self.endless or (self._filters.trusted and not self._moved_back):
            return last
        if keys and self._ask_unseen(last, keys) is not None:
            return last
        # Only repetition is left. It takes two more walks at least, since a child can escape two of three by beginning
        # in the one and ending in the other.
        for number in range(1, MOST_WALKS + 1):
            known, self._moved_back = len(self.readings), False
            last = self.plain()
            if number > 1 and not self._moved_back and len(self.readings) == known:
                return last
        self.endless = self.endless or "some moved while they were read"
        return last

    def _in_order(self) -> _Pass:
        """Walk those PENDING, then those IN_PROGRESS, then all, and find out whether the filters work."""
        for again in (False, True):
            before = dict(self.readings)
            last, shown = self._once_in_order()
            # A child that has still not ended had a status that was asked for, unless it is new or has begun again.
            # One that has ended proves nothing: it may have done so before it was asked for.
            hidden = [name for name, child in last.seen.items() if not child.ended and name not in shown]
            if not self._filters.trusted or self.endless:
                break
            if any(name in before and not before[name].ended for name in hidden):
                self._filters.trusted, self._filters.refused = False, True
                break
            if self._moved_back or all(name in before for name in hidden):
                break
            # Children are reported while this goes on. A filter that works shows those of the first round in the
            # second; if more have come by then, others may have escaped.
            self._moved_back |= again
        return last

    def _once_in_order(self) -> tuple[_Pass, set[str]]:
        """One such walk over all, and the names that the filters have shown."""
        filters = self._filters
        shown: set[str] = set()
        for status in (Status.PENDING, Status.IN_PROGRESS):
            question = Question(self._level, expand=True, status=status)
            if filters.trusted and not self.full and (found := self.filtered(question)) is not None:
                shown.update(found[0].seen)
        if self.full:
            return _Pass(), shown
        # Filters that show nothing may not work at all, or all may have ended. Only a filter that must show something
        # tells these apart.
        if filters.trusted and not shown:
            proof = self.filtered(Question(self._level, expand=True, status=Status.FINISHED), one_page=True)
            filters.trusted = proof is not None and bool(proof[0].seen)
        return self.plain(), shown

    def _side_by_side(self, keys: Sequence[str]) -> _Pass | None:
        """Walk the three statuses at the same time, and ask for the keys not seen; None if that proves nothing."""
        parts = self.filtered(*(Question(self._level, expand=True, status=status) for status in LIFE))
        if parts is None:
            return None
        seen = {name: child for part in parts for name, child in part.seen.items()}
        whole = _Pass(seen, sum(part.pages for part in parts))
        found = self._ask_unseen(whole, keys)
        if found is None:
            return None
        # One that is PENDING has been so all the time, and should have been shown, unless it is new; and of those that
        # run, a filter that works shows more than have begun meanwhile.
        statuses = [child.status for child in found]
        if Status.PENDING in statuses or statuses.count(Status.IN_PROGRESS) > len(parts[1].seen):
            return None
        return whole

    def _ask_unseen(self, done: _Pass, keys: Sequence[str]) -> list[Node] | None:
        """Complete a pass by asking for every key that it did not show; the children found so.

        None, with nothing asked, if the result would prove nothing or costs more than another walk.
        """
        matched = match_keys(keys, self.readings)
        unseen = [name for key in keys if (name := matched.get(key, key)) not in done.seen]
        if len(matched) < len(self.readings):  # where there are children that the job does not name, one may be unseen
            return None
        if len(unseen) >= max(done.pages, FEW_KEYS) or any("," in name for name in unseen):
            return None
        if unseen:
            self.ask_for(unseen)
        found = [self.readings[name] for name in unseen if name in self.readings]
        done.seen |= {child.name: child for child in found}
        return found

    def filtered(self, *questions: Question, one_page: bool = False) -> list[_Pass] | None:
        """Walk what each of these filters shows, all at the same time; None if the server does not obey them all.

        A filter that fails counts as refused only if the level answers without it. Raises ApiError if it does not.
        """
        parts = [_Pass() for _ in questions]

        def one(at: int) -> None:
            question, done = questions[at], parts[at]
            try:
                try:
                    for page in self._pages(self._asker.ask(question), question, done):
                        children = page.node.children or ()
                        fitting = all(fits(child, question) for child in children)
                        # a cursor that leads to nothing says that the server filters the first answer only
                        if not fitting or (done.pages > 1 and not children):
                            self._filters.trusted = False
                            self._filters.refused |= fitting  # or all that was behind the cursor has moved
                        if one_page or self._stopped or not self._filters.trusted:  # a walk beside may have found out
                            return
                except Refused:
                    raise
                except ApiError as error:
                    distrust(self._asker, self._level, self._filters, error)
            except BaseException:
                self._stopped = True  # or the walks beside this one would go on in their threads
                raise

        try:
            self._asker.together(one, range(len(questions)))
        except BaseException:  # a signal, say, which only this thread gets
            self._stopped = True
            raise
        finally:
            # Not kept as they come, since threads take turns as they like: in the order of a child's life, one without
            # stamps is as far as any of them has seen it.
            for part in parts:
                self._keep(list(part.seen.values()))  # a copy: after an error others may still read into it
        return parts if self._filters.trusted else None

    def ask_for(self, names: Sequence[str]) -> None:
        """Ask for single children. What was read of them before stays if they cannot be read now."""
        found = ask_by_name(self._asker, self._level, names if self.room >= 0 else ())
        self._keep(child for child in found.values() if child)
        self.absent |= {name for name, child in found.items() if child is None}

    def _pages(self, page: Page, question: Question, done: _Pass) -> Iterator[Page]:
        """Pages of one walk, noted as `done`, in whichever thread.

        They end where there is no next one, or they lead nowhere: a broken server must not hold us up.
        """
        cursors: set[str] = set()
        without_news = 0
        while True:
            known, known_to_all = len(done.seen), len(self._shown)
            done.pages += 1
            for child in page.node.children or ():
                done.seen[child.name] = self._shown[child.name] = child
            self.room -= page.size if len(self._shown) > known_to_all else 0
            without_news = 0 if len(done.seen) > known else without_news + 1
            yield page
            self._asker.reading(self._level, self._shown)
            if page.next is None:
                return
            if self.room < 0:
                self.endless = "the server's pages are too large to read all of them, so children may be missing"
                return
            self.full = len(self._shown) >= self.most
            if page.next in cursors or without_news >= PAGES_WITHOUT_NEWS or self.full:
                self.endless = "the server's pages have no end, so children may be missing"
                return
            cursors.add(page.next)
            page = self._asker.ask(replace(question, cursor=page.next, page=len(cursors) + 1))

    def _keep(self, children: Iterable[Node]) -> None:
        """Take readings in the order in which they count."""
        for child in children:
            earlier = self.readings.get(child.name)
            self.readings[child.name] = newer(earlier, child) if earlier else child
            if earlier and earlier.ended and not child.ended and not child.says_nothing:
                self._moved_back = True


def fits(child: Node, question: Question) -> bool:
    """True if the child is what the question's filters ask for."""
    return (question.status is None or child.status in (question.status, None)) and (
        question.outcome is None or child.outcome == question.outcome
    )


def distrust(asker: Asker, level: Level, filters: Filters, error: ApiError) -> None:
    """Note that a filter was refused, which is so only if the level answers without it. Raises ApiError if not."""
    if not isinstance(error, BadRequest | NotFound):
        asker.ask(Question(level, expand=True))
    filters.trusted, filters.refused = False, True
