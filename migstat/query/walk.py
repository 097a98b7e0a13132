"""All children of a level, complete although they move.

The API sorts children by status, outcome and name, and a cursor is the last child sent. A child that finishes between
two pages jumps from a later page to an earlier one, behind the cursor, and a plain walk never sees it. So a level whose
children may move is walked in the order in which they live: first those PENDING, then those IN_PROGRESS, then all. A
child moves only forward, into something not walked yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from migstat.errors import ApiError, BadRequest, NotFound, Refused
from migstat.model.nodes import Level, Node, Page, Question, Status

Ask = Callable[[Question], Page]
"""Asks the API one question; raises ApiError."""

Progress = Callable[[Level, int], None]
"""Told after every page how many children of a level have been seen."""

PATIENCE = 3
"""Pages in a row without a new name after which a walk has no end."""

MOST = 100_000
"""Children of one level after which a walk has no end, either: no task has so many."""

AT_A_TIME = 4
"""Questions by name that are under way together."""

_T = TypeVar("_T")
_R = TypeVar("_R")


class Walked(msgspec.Struct, frozen=True):
    """What a walk found. `parent` is the level's own node; `found` is False where the API knows no such level.

    `missing` are names that must exist and were not reported; `flaws` say, a line each, what could not be read. `cut`
    says why the walk ended before its end, with some of the children only; then nobody knows what is missing.
    """

    parent: Node
    found: bool
    children: tuple[Node, ...]
    missing: tuple[str, ...] = ()
    flaws: tuple[str, ...] = ()
    cut: str | None = None


class _Pass(msgspec.Struct):
    """One walk over a level, following `next`: the names and statuses that it saw, not their nodes."""

    seen: set[str] = set()
    statuses: set[str | None] = set()
    pages: int = 0
    first: Page | None = None


def newer(earlier: Node, later: Node) -> Node:
    """Which of two readings of one child counts: the one updated last, else the finished one, else the later."""
    if _says_nothing(later) or _says_nothing(earlier):
        return earlier if _says_nothing(later) else later
    before, after = earlier.last_updated_at, later.last_updated_at
    if before is not None and after is not None and before != after:
        return later if after > before else earlier
    return earlier if earlier.ended and not later.ended else later


def _says_nothing(node: Node) -> bool:
    """Whether the node itself could not be read; of one whose children could not, the own state still counts."""
    return node.unreadable is not None and node.status is None and node.outcome is None


def walk(
    ask: Ask,
    level: Level,
    *,
    still: bool,
    expected: Sequence[str] = (),
    wanted: Sequence[str] = (),
    first: Page | None = None,
    progress: Progress = lambda _level, _count: None,
    partial: bool = False,
) -> Walked:
    """All children of `level`.

    `still` says that nothing can move: the task and the level had ended before the walk began. `expected` are names
    that must exist; those not seen are asked for by name where that is cheaper than another walk. `wanted` are always
    asked for where not seen. `first` is the level's first page where the caller has just read it. Raises ApiError, but
    with `partial` answers what was read where a later page cannot be.
    """
    walking = _Walk(ask, level, progress)
    page = first or ask(Question(level, expand=True))
    try:
        return walking.run(page, still=still, expected=expected, wanted=wanted)
    except ApiError as error:
        if not partial or not walking.found or isinstance(error, Refused):
            raise
        return walking.cut_short(page, error.message)


def find(ask: Ask, level: Level, *, status: str | None = None, outcome: str | None = None) -> tuple[Node, ...] | None:
    """The children of one status or outcome as the server's filter finds them, in one plain walk.

    Cheap, and good for a glance only: a child that moves meanwhile may be lost. None where the filter is refused or
    ignored.
    """
    walking = _Walk(ask, level, lambda _level, _count: None)
    return None if walking.filtered(status, outcome) is None else walking.found


def by_name(ask: Ask, level: Level, names: Sequence[str]) -> Iterable[tuple[str, Page | ApiError]]:
    """The answer about each child of these names, a few at a time. A name with a comma cannot be asked for.

    Raises Refused, which is no single child's flaw.
    """

    def one(name: str) -> Page | ApiError:
        try:
            return ask(Question((*level, name)))
        except Refused:
            raise
        except ApiError as error:
            return error

    askable = [name for name in names if name and "," not in name]
    return zip(askable, _together(one, askable), strict=True)


class _Walk:
    def __init__(self, ask: Ask, level: Level, progress: Progress) -> None:
        self._ask = ask
        self._level = level
        self._progress = progress
        self._readings: dict[str, Node] = {}
        self._flaws: dict[str, None] = {}

    @property
    def found(self) -> tuple[Node, ...]:
        """The children that were read, each as its best reading has it."""
        return tuple(self._readings.values())

    def cut_short(self, page: Page, reason: str) -> Walked:
        """What was read before an error."""
        flaw = f"{shown(self._level)}: after {len(self._readings)} children: {reason}"
        return Walked(page.node, page.found, self.found, flaws=(*self._flaws, flaw), cut=reason)

    def run(self, page: Page, *, still: bool, expected: Sequence[str], wanted: Sequence[str]) -> Walked:
        """Walk the whole level, of which `page` is the first one. Raises ApiError."""
        alone = page.next is None  # one answer is one moment: nothing moves within a page
        last = self._pass(page) if still or alone else self._moving(page)
        self._by_name([name for name in self._readings if name not in last.seen])
        unseen = [name for name in expected if name not in self._readings]
        cheap = unseen if len(unseen) < last.pages else []
        self._by_name(list(dict.fromkeys([*cheap, *(name for name in wanted if name not in self._readings)])))
        begun = last.first or page
        return Walked(
            parent=begun.node,
            found=begun.found,
            children=self.found,
            missing=tuple(name for name in expected if name not in self._readings),
            flaws=tuple(self._flaws),
        )

    def _moving(self, page: Page) -> _Pass:
        """Walk PENDING, then IN_PROGRESS, then all; three times all where the server's filter is not to be trusted."""
        self._read(page, _Pass())
        filtered = [self.filtered(status) for status in _FILTERS]
        obeyed = self._is_obeyed(filtered)
        last = self._pass()
        if not obeyed or self._is_belied(filtered, last):
            self._pass()
            last = self._pass()
        return last

    def _is_obeyed(self, filtered: list[_Pass | None]) -> bool:
        """Whether the filter lets through what it should: where nothing was to be seen, FINISHED children prove it."""
        if any(result is None for result in filtered):
            return False
        if any(result.seen for result in filtered if result is not None):
            return True
        proof = self._first_page(Question(self._level, expand=True, status=Status.FINISHED))
        return proof is not None and bool(proof.node.children)

    def _is_belied(self, filtered: list[_Pass | None], last: _Pass) -> bool:
        """Whether the last walk saw children that a filter should have, or some whose status no filter asked for."""
        missed = {status for result, status in zip(filtered, _FILTERS, strict=True) if not (result and result.seen)}
        strange = any(not child.ended and child.status not in _FILTERS for child in self._readings.values())
        return strange or not missed.isdisjoint(last.statuses)

    def filtered(self, status: str | None, outcome: str | None = None) -> _Pass | None:
        """The children that a filter lets through; None where the server refuses the filter or ignores it."""
        question = Question(self._level, expand=True, status=status, outcome=outcome)
        page = self._first_page(question)
        return None if page is None else self._pass(page, question)

    def _first_page(self, question: Question) -> Page | None:
        """The first page of a filtered question; None where the server refuses the filter or ignores it."""
        try:
            page = self._ask(question)
        except (BadRequest, NotFound):  # a filter is all that is new in the question
            return None
        if not all(_fits(child, question) for child in page.node.children or ()):
            self._read(page, _Pass())
            return None
        return page

    def _pass(self, page: Page | None = None, question: Question | None = None) -> _Pass:
        done = _Pass()
        question = question or Question(self._level, expand=True)
        for each in self._pages(page or self._ask(question), question, done):
            self._read(each, done)
        return done

    def _pages(self, page: Page, question: Question, done: _Pass) -> Iterator[Page]:
        """Pages of one walk until there is no next one, or no sense in it."""
        cursors: set[str] = set()
        barren = 0
        while True:
            known = len(done.seen)
            yield page
            barren = 0 if len(done.seen) > known else barren + 1
            if page.next is None:
                return
            if page.next in cursors or barren >= PATIENCE or len(done.seen) >= MOST:
                self._flaws[f"{shown(self._level)}: the server's pages have no end, so children may be missing"] = None
                return
            cursors.add(page.next)
            page = self._ask(replace(question, cursor=page.next, page=len(cursors) + 1))

    def _read(self, page: Page, done: _Pass) -> None:
        done.first = done.first or page
        done.pages += 1
        children = page.node.children or ()
        for child in children:
            self._keep(child)
        done.seen.update(child.name for child in children)
        done.statuses.update(child.status for child in children)
        self._progress(self._level, len(self._readings))

    def _keep(self, child: Node) -> None:
        earlier = self._readings.get(child.name)
        self._readings[child.name] = child if earlier is None else newer(earlier, child)

    def _by_name(self, names: list[str]) -> None:
        """Ask for single children; an empty answer says nothing new."""
        for name, answer in by_name(self._ask, self._level, names):
            if isinstance(answer, ApiError):
                self._flaws[f"{shown((*self._level, name))}: {answer.message}"] = None
            elif answer.found:
                self._keep(answer.node)


_FILTERS = (Status.PENDING, Status.IN_PROGRESS)


def _together(function: Callable[[_T], _R], items: Sequence[_T]) -> Iterable[_R]:
    """The function of each item, a few at a time."""
    if len(items) < 2:
        return [function(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(function, items))


def _fits(child: Node, question: Question) -> bool:
    return (question.status is None or child.status in (question.status, None)) and (
        question.outcome is None or child.outcome == question.outcome
    )


def shown(level: Level) -> str:
    """A level for people: as the API writes it."""
    return ",".join(level) or "the task"
