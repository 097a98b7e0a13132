"""All children of a level, complete although they move.

The API sorts children by status, outcome and name, and a cursor is the last child sent. A child that finishes between
two pages jumps from a later page to an earlier one, behind the cursor, and a plain walk never sees it. So a level whose
children may move is walked in the order in which they live: first those PENDING, then those IN_PROGRESS, then all. A
child moves only forward, into something not walked yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec
from msgspec.structs import replace

from migstat.api.threads import together
from migstat.errors import ApiError, BadRequest, NotFound, Refused
from migstat.model.nodes import Level, Node, Page, Question, Status

BARREN_PAGES = 3
"""Pages in a row without a new name after which a walk has no end."""

MOST = 100_000
"""Children of one level, beyond those that the job names, after which a walk has no end either."""

MOST_WALKS = 4
"""Plain walks after a first one, at most: two, and more until one of them sees nothing new."""

AT_A_TIME = 4
"""Questions by name that are under way together."""


class Asker(Protocol):
    """Answers questions about one task's status tree."""

    def ask(self, question: Question) -> Page:
        """One page. Raises ApiError."""

    def reading(self, level: Level, count: int) -> None:
        """Take note, after every page of a walk, of how many children of a level have been seen."""


class Filters(msgspec.Struct):
    """The trust in the server's filters, shared by all walks of one task.

    A filter is trusted only while its every answer fits, and while no walk over everything finds a child that it
    should have shown. `refused` says that one was refused, which may pass; a filter that is ignored stays so.
    """

    trusted: bool = True
    refused: bool = False


class Walked(msgspec.Struct, frozen=True):
    """The result of a walk. `parent` is the level's own node; `found` is False if the API knows no such level.

    `pages` is what one plain walk costs. `cut` says why the walk ended early, with some of the children only.
    """

    parent: Node
    found: bool
    children: tuple[Node, ...]
    pages: int
    cut: str | None = None


class _Pass(msgspec.Struct):
    """One walk over a level, following `next`."""

    seen: dict[str, Node] = {}
    pages: int = 0
    first: Page | None = None


def newer(earlier: Node, later: Node) -> Node:
    """Which of two readings of a child within one walk counts: the one updated last, else the finished one.

    Between two polls the later reading counts, whatever its stamp: the API's clock is not ours.
    """
    if _says_nothing(later) or _says_nothing(earlier):
        return earlier if _says_nothing(later) else later
    before, after = earlier.last_updated_at, later.last_updated_at
    if before is not None and after is not None and before != after:
        return later if after > before else earlier
    return earlier if earlier.ended and not later.ended else later


def _says_nothing(node: Node) -> bool:
    """True if the node itself could not be read; if only its children could not, its own state still counts."""
    return node.unreadable is not None and node.status is None and node.outcome is None


def walk(
    asker: Asker,
    level: Level,
    *,
    still: bool,
    filters: Filters | None = None,
    first: Page | None = None,
    named: int = 0,
    partial: bool = False,
) -> Walked:
    """All children of `level`.

    `still` says that nothing can move: the task and the level had ended before the walk began. `first` is the level's
    first page if the caller has just read it, `named` how many children the job names. Raises ApiError, but with
    `partial` answers what was read if a later page cannot be.
    """
    walking = _Walk(asker, level, filters or Filters(), named)
    page = first or asker.ask(Question(level, expand=True))
    try:
        # one page is one moment: nothing moves within it
        last = walking.plain(page) if still or page.next is None else walking.moving(page)
        walking.ask_by_name([name for name in walking.readings if name not in last.seen])
    except ApiError as error:
        if not partial or not walking.readings or isinstance(error, Refused):
            raise
        return Walked(page.node, page.found, tuple(walking.readings.values()), 1, error.message)
    begun = last.first or page
    return Walked(begun.node, begun.found, tuple(walking.readings.values()), last.pages, walking.endless)


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
        try:
            return asker.ask(Question((*level, name)))
        except Refused:
            raise
        except ApiError as error:
            return error

    askable = [name for name in names if name and "," not in name]
    return list(zip(askable, together(one, askable, AT_A_TIME), strict=True))


class _Walk:
    """Walks one level; `readings` holds the best reading of every child seen, `endless` says that pages had no end."""

    def __init__(self, asker: Asker, level: Level, filters: Filters, named: int = 0) -> None:
        self.readings: dict[str, Node] = {}
        self.endless: str | None = None
        self._asker = asker
        self._level = level
        self._filters = filters
        self._most = MOST + named
        self._moved_back = False

    def plain(self, page: Page | None = None) -> _Pass:
        """One walk over all children, from this first page on."""
        question = Question(self._level, expand=True)
        done = _Pass()
        for each in self._pages(page or self._asker.ask(question), question):
            self._read(each, done)
        return done

    def moving(self, page: Page) -> _Pass:
        """Walk PENDING, then IN_PROGRESS, then all; all three times if the server's filter is not to be trusted."""
        filters, begun = self._filters, _Pass()
        self._read(page, begun)
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
        unfinished = [node.name for each in (begun, last) for node in each.seen.values() if not node.ended]
        filters.trusted = filters.trusted and all(any(name in seen for seen in shown) for name in unfinished)
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
                if not all(_fits(child, question) for child in children) or (done.pages > 1 and not children):
                    self._filters.trusted = False
                    return None
                if one_page:
                    break
        except Refused:
            raise
        except ApiError as error:
            if not isinstance(error, BadRequest | NotFound):
                self._asker.ask(Question(self._level, expand=True))
            self._filters.trusted, self._filters.refused = False, True
            return None
        return done

    def ask_by_name(self, names: Sequence[str]) -> None:
        """Ask for single children; one that cannot be read is known to exist, and an empty answer says nothing new."""
        for name, answer in by_name(self._asker, self._level, names):
            if not isinstance(answer, ApiError):
                if answer.found:
                    self._keep(answer.node)
            elif not isinstance(answer, NotFound) and name not in self.readings:
                self._keep(Node((*self._level, name), unreadable=answer.message))

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
            if page.next in cursors or barren >= BARREN_PAGES or len(names) >= self._most:
                self.endless = "the server's pages have no end, so children may be missing"
                return
            cursors.add(page.next)
            page = self._asker.ask(replace(question, cursor=page.next, page=len(cursors) + 1))

    def _read(self, page: Page, done: _Pass) -> None:
        done.first = done.first or page
        done.pages += 1
        for child in page.node.children or ():
            self._keep(child)
            done.seen[child.name] = child
        self._asker.reading(self._level, len(self.readings))

    def _keep(self, child: Node) -> None:
        earlier = self.readings.get(child.name)
        if earlier is None:
            self.readings[child.name] = child
            return
        self.readings[child.name] = newer(earlier, child)
        self._moved_back |= earlier.ended and not child.ended and not _says_nothing(child)


def _fits(child: Node, question: Question) -> bool:
    return (question.status is None or child.status in (question.status, None)) and (
        question.outcome is None or child.outcome == question.outcome
    )


def shown(level: Level) -> str:
    """A level for people: as the API writes it."""
    return ",".join(level) or "the task"
