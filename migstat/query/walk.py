"""All children of a level, complete although they move.

The API sorts children by status, outcome and name, and a cursor is the last child sent. A child that finishes between
two pages jumps from a later page to an earlier one, behind the cursor, and a plain walk never sees it. So a level whose
children may move is walked in the order in which they live: first those PENDING, then those IN_PROGRESS, then all. A
child moves only forward, into something not walked yet.

That takes more than one walk's time. While the migration runs and the job names its children, those of each status are
walked side by side instead; a child that moves meanwhile may escape all of them, but its key is known, and every key
that was not seen is asked for by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from migstat.errors import ApiError, BadRequest, NotFound, Refused
from migstat.model.nodes import Level, Node, Page, Question, Status, match_keys

_T = TypeVar("_T")
_R = TypeVar("_R")

BARREN_PAGES = 3
"""Pages in a row without a new name after which a walk has no end."""

MOST = 100_000
"""Children of one level, beyond those that the job names, after which a walk has no end either."""

LARGEST = 32 * 1024 * 1024
LARGEST_CHILD = 4096
"""Bytes of pages with new children, and more for each child that the job names, after which no more is read."""

MOST_WALKS = 4
"""Plain walks after a first one, at most: two, and more until one of them sees nothing new."""

FEW = 10
"""Keys that are asked for by name after a walk side by side even if the level has fewer pages."""

LIFE = (Status.PENDING, Status.IN_PROGRESS, Status.FINISHED)
"""The statuses in the order in which a child has them."""


class Asker(Protocol):
    """Answers questions about one task's status tree."""

    def ask(self, question: Question) -> Page:
        """One page. Raises ApiError."""

    def together(self, function: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
        """Call the function, which may ask, for each item, a few at a time. Raises its first exception."""

    def reading(self, level: Level, seen: Mapping[str, Node]) -> None:
        """Take note, after every page of a walk, of the children of a level that have been seen so far."""


def attempted(ask: Callable[[], _T]) -> _T | ApiError:
    """The answer or the error. Raises Refused, which is about more than this one question."""
    try:
        return ask()
    except Refused:
        raise
    except ApiError as error:
        return error


class Filters(msgspec.Struct):
    """The trust in the server's filters, shared by all walks of one task.

    A filter is trusted only while its every answer fits, and while no walk over everything finds a child that it
    should have shown. `refused` says that this may pass, since one was refused, or children moved; a filter that is
    ignored stays so.
    """

    trusted: bool = True
    refused: bool = False


class Walked(msgspec.Struct, frozen=True):
    """The result of a walk. `parent` is the level's own node; `found` is False if the API knows no such level.

    `pages` is what one plain walk costs. `cut` says why the walk ended early, with some of the children only. `absent`
    are keys that were asked for by name, and that the API does not know.
    """

    parent: Node
    found: bool
    children: tuple[Node, ...]
    pages: int
    cut: str | None = None
    absent: frozenset[str] = frozenset()


class _Pass(msgspec.Struct):
    """One walk over a level, following `next`."""

    seen: dict[str, Node] = {}
    pages: int = 0
    first: Page | None = None


class _Known(msgspec.Struct):
    """What all walks over a level have seen, also those side by side, and the bytes of pages with new children."""

    children: dict[str, Node] = {}
    size: int = 0


def newer(earlier: Node, later: Node) -> Node:
    """Which of two readings of a child within one walk counts: the one updated last, else the finished one.

    Between two polls the later reading counts, whatever its stamp: the API's clock is not ours.
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
    partial: bool = False,
) -> Walked:
    """All children of `level`.

    `still` says that nothing can move: the task and the level had ended before the walk began. `first` is the level's
    first page if the caller has just read it, `keys` are the children that the job names. `running` says that the
    migration goes on, so that no end rests on this walk, and a child that the job does not name may be seen only by the
    next one. Raises ApiError, but with `partial` answers what was read if a later page cannot be.
    """
    walking = _Walk(asker, level, filters or Filters(), len(keys))
    page = first or asker.ask(Question(level, expand=True))
    try:
        # one page is one moment: nothing moves within it
        last = walking.plain(page) if still or page.next is None else walking.moving(page, keys if running else ())
        walking.ask_by_name([name for name in walking.readings if name not in last.seen])
    except ApiError as error:
        if not partial or not walking.readings or isinstance(error, Refused):
            raise
        return Walked(page.node, page.found, tuple(walking.readings.values()), 1, error.message)
    begun = last.first or page
    children = tuple(walking.readings.values())
    return Walked(begun.node, begun.found, children, last.pages, walking.endless, frozenset(walking.absent))


def find(
    asker: Asker,
    level: Level,
    *,
    status: str | None = None,
    outcome: str | None = None,
    filters: Filters | None = None,
) -> tuple[Node, ...] | None:
    """The children of one status or outcome as the server's filter finds them, in one plain walk.

    Cheap, and good for a glance or between two walks over everything only: a child that moves meanwhile may be lost.
    None if the filter is refused or ignored. Raises ApiError if the level itself does not answer.
    """
    walking = _Walk(asker, level, filters or Filters())
    found = walking.filtered(status=status, outcome=outcome)
    return None if found is None else tuple(walking.readings.values())


def by_name(asker: Asker, level: Level, names: Sequence[str]) -> list[tuple[str, Page | ApiError]]:
    """The answer about each child of these names, a few at a time. A name with a comma cannot be asked for.

    Raises Refused, which is not about a single child.
    """

    def one(name: str) -> Page | ApiError:
        page = attempted(lambda: asker.ask(Question((*level, name))))
        # children were not asked for
        return page if isinstance(page, ApiError) else replace(page, node=replace(page.node, children=None))

    askable = [name for name in names if name and "," not in name]
    return list(zip(askable, asker.together(one, askable), strict=True))


class _Walk:
    """Walks one level; `readings` holds the best reading of every child seen, `endless` says that pages had no end.

    `absent` are the names that the API does not know. One that is `stopped` asks for no more pages.
    """

    def __init__(
        self, asker: Asker, level: Level, filters: Filters, named: int = 0, known: _Known | None = None
    ) -> None:
        self.readings: dict[str, Node] = {}
        self.endless: str | None = None
        self.absent: set[str] = set()
        self.stopped = False
        self._asker = asker
        self._level = level
        self._filters = filters
        self._known = known or _Known()
        self._named = named
        self._moved_back = False

    def plain(self, page: Page | None = None) -> _Pass:
        """One walk over all children, from this first page on."""
        question = Question(self._level, expand=True)
        done = _Pass()
        for each in self._pages(page or self._asker.ask(question), question):
            self._read(each, done)
        return done

    def moving(self, page: Page, keys: Sequence[str] = ()) -> _Pass:
        """Walk PENDING, then IN_PROGRESS, then all; all three times if the server's filter is not to be trusted.

        If `keys` name the children, the walk side by side is tried first.
        """
        filters, begun = self._filters, _Pass()
        self._read(page, begun)
        if keys and filters.trusted and (whole := self._side_by_side(keys)) is not None:
            return whole
        shown: list[dict[str, Node]] = []
        for status in (Status.PENDING, Status.IN_PROGRESS):
            found = self.filtered(status=status) if filters.trusted else None
            shown += [found.seen] if found else []
        # if no filter showed anything, only children that it must show prove that it works at all
        if filters.trusted and not any(shown):
            proof = self.filtered(status=Status.FINISHED, one_page=True)
            filters.trusted = proof is not None and bool(proof.seen)
        last = self.plain()
        # one that had not ended was PENDING or IN_PROGRESS then, unless it is new or has begun again
        latest = begun.seen | last.seen  # one that has ended meanwhile may have done so between two of these walks
        unfinished = [node.name for node in latest.values() if not node.ended]
        if filters.trusted and not all(any(name in seen for seen in shown) for name in unfinished):
            filters.trusted, filters.refused = False, True
        if filters.trusted and not self._moved_back:
            return last
        for number in range(1, MOST_WALKS + 1):
            known, self._moved_back = len(self.readings), False
            last = self.plain()
            # a child can escape two walks, by beginning in the one and ending in the other
            if number > 1 and not self._moved_back and len(self.readings) == known:
                break
        else:
            self.endless = self.endless or "children moved while they were read, so some may be missing"
        return last

    def _side_by_side(self, keys: Sequence[str]) -> _Pass | None:
        """Walk the children of each status at the same time, and ask by name for every key not seen.

        None if that proves nothing: a filter is not obeyed, children are there that the job does not name, or a key
        cannot be asked for; or if it does not pay, since too many keys are not reported yet.
        """
        parts = self._each_status()
        if parts is None:
            return None
        whole = _Pass({name: child for part in parts for name, child in part.seen.items()})
        whole.pages = sum(part.pages for part in parts)
        matched = match_keys(keys, self.readings)
        unseen = [name for key in keys if (name := matched.get(key, key)) not in whole.seen]
        many = len(unseen) >= max(whole.pages, FEW)
        if many or len(matched) < len(self.readings) or any("," in name for name in unseen):
            return None
        self.ask_by_name(unseen)
        found = {name: self.readings[name] for name in unseen if name in self.readings}
        # one that is PENDING has been so all the time, and should have been shown, unless it is new; and of those that
        # run, a filter that works shows more than have begun meanwhile
        statuses = [child.status for child in found.values()]
        if Status.PENDING in statuses or statuses.count(Status.IN_PROGRESS) > len(parts[1].seen):
            return None
        whole.seen |= found
        return whole

    def _each_status(self) -> list[_Pass] | None:
        """Walk the children of each status of `LIFE` at the same time; None if a filter is not obeyed."""
        walks = [_Walk(self._asker, self._level, self._filters, self._named, self._known) for _ in LIFE]

        def one(at: int) -> _Pass | None:
            try:
                return walks[at].filtered(status=LIFE[at])
            except ApiError:
                for each in walks:
                    each.stopped = True
                raise

        try:
            parts = self._asker.together(one, range(len(LIFE)))
        finally:
            for each in walks:  # in this order: without times a child is as far as anyone has seen it
                each.stopped = True
                for child in list(each.readings.values()):
                    self._keep(child)
                self.endless = self.endless or each.endless
        done = [part for part in parts if part is not None]
        return done if len(done) == len(LIFE) else None

    def filtered(
        self, *, status: str | None = None, outcome: str | None = None, one_page: bool = False
    ) -> _Pass | None:
        """The children that a filter lets through; None if the server refuses the filter, or ignores it on any page.

        A failure counts as a refusal only if the level answers without the filter. Raises ApiError if it does not.
        """
        question = Question(self._level, expand=True, status=status, outcome=outcome)
        done = _Pass()
        try:
            for page in self._pages(self._asker.ask(question), question):
                self._read(page, done)
                children = page.node.children or ()
                # a cursor that leads to nothing says that the server filters the first answer only
                fitting = all(fits(child, question) for child in children)
                if not fitting or (done.pages > 1 and not children):
                    self._filters.trusted = False
                    self._filters.refused |= fitting  # or all that was behind the cursor has moved
                    return None
                if one_page or self.stopped:
                    break
                if not self._filters.trusted:  # as a walk beside this one has found
                    return None
        except Refused:
            raise
        except ApiError as error:
            refused(self._asker, self._level, self._filters, error)
            return None
        return done

    def ask_by_name(self, names: Sequence[str]) -> None:
        """Ask for single children; one that cannot be read is known to exist, and an empty answer says nothing new."""
        for name, answer in by_name(self._asker, self._level, () if self._too_large else names):
            if not isinstance(answer, ApiError):
                if answer.found:
                    self._keep(answer.node)
                else:
                    self.absent.add(name)
            elif not isinstance(answer, NotFound) and name not in self.readings:
                self._keep(Node((*self._level, name), unreadable=answer.message))

    @property
    def _too_large(self) -> bool:
        return self._known.size > LARGEST + self._named * LARGEST_CHILD

    def _pages(self, page: Page, question: Question) -> Iterator[Page]:
        """Pages of one walk until there is no next one, or they lead nowhere."""
        cursors: set[str] = set()
        names: set[str] = set()
        barren = 0
        while True:
            yield page
            known = len(names)
            names.update(child.name for child in page.node.children or ())
            barren = 0 if len(names) > known else barren + 1
            if page.next is None:
                return
            if self._too_large:
                self.endless = "the server's pages are too large to read all of them, so children may be missing"
                return
            if page.next in cursors or barren >= BARREN_PAGES or len(names) >= MOST + self._named:
                self.endless = "the server's pages have no end, so children may be missing"
                return
            cursors.add(page.next)
            page = self._asker.ask(replace(question, cursor=page.next, page=len(cursors) + 1))

    def _read(self, page: Page, done: _Pass) -> None:
        done.first = done.first or page
        done.pages += 1
        known, before = self._known, len(self._known.children)
        for child in page.node.children or ():
            self._keep(child)
            done.seen[child.name] = known.children[child.name] = child
        known.size += page.size if len(known.children) > before else 0
        self._asker.reading(self._level, known.children)

    def _keep(self, child: Node) -> None:
        earlier = self.readings.get(child.name)
        if earlier is None:
            self.readings[child.name] = child
            return
        self.readings[child.name] = newer(earlier, child)
        self._moved_back |= earlier.ended and not child.ended and not child.says_nothing


def fits(child: Node, question: Question) -> bool:
    """True if the child is what the question's filters ask for."""
    return (question.status is None or child.status in (question.status, None)) and (
        question.outcome is None or child.outcome == question.outcome
    )


def refused(asker: Asker, level: Level, filters: Filters, error: ApiError) -> None:
    """Note that a filter was refused, which is so only if the level answers without it. Raises ApiError if not."""
    if not isinstance(error, BadRequest | NotFound):
        asker.ask(Question(level, expand=True))
    filters.trusted, filters.refused = False, True


def shown(level: Level) -> str:
    """A level for people: as the API writes it."""
    return ",".join(level) or "the task"
