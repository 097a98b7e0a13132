"""How polls read a level with thousands of children: filtered lists, in turn, and everything in pieces."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, deque
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from threading import Thread

import msgspec
from msgspec.structs import replace

from migstat.api.threads import SLICE, started
from migstat.errors import ApiError, BadRequest, Refused
from migstat.model.nodes import RARE_FAILURES, Level, Node, Outcome, Page, Question, Status
from migstat.query.walk import Asker, Filters, distrust, fits, newer

RUNNING_PAGES = 4
"""Maximum pages of running children in one poll; the next poll goes on where it ended."""

BY_NAME = 8
"""Children waiting to be asked for by name above which a poll reads only half of `RUNNING_PAGES`."""

BAD_PAGES = 3
"""Maximum pages at the end of the list of failures, and of warnings, in one poll, beside two more in turn."""

MOST_PLACES = 4000
"""Maximum number of cursors to keep; beyond it, every other one is forgotten."""


class Shortlist:
    """The children of a level with one status or outcome, too many to read all of them with each poll.

    `turn` reads some pages at a time, each call from where the one before ended. `end` reads the last pages anew:
    children are sorted by name, and as migrations tend to go by name, too, that is where news is. A cursor is only ever
    sent with the filter that it came with. `next_turn` and `last_page` are cursors, None for the first page.
    """

    def __init__(self, level: Level, *, status: str | None = None, outcome: str | None = None) -> None:
        self.next_turn: str | None = None
        self.last_page: str | None = None
        self._question = Question(level, expand=True, status=status, outcome=outcome)
        self._cursors: set[str] = set()

    def turn(self, asker: Asker, filters: Filters, most: int) -> list[Page] | None:
        """The next pages, up to the end of the list. None if the server ignores the filter, which is noted."""
        pages = self._read(asker, filters, self.next_turn, most)
        if pages is not None:
            self.next_turn = pages[-1].next if pages else None
            if self.next_turn is None:
                self._cursors.clear()
            elif self.next_turn in self._cursors:  # pages that lead in a circle
                filters.trusted = False
                return None
            else:
                self._cursors.add(self.next_turn)
        return pages

    def end(self, asker: Asker, filters: Filters, most: int) -> list[Page] | None:
        """The last two pages, and what has come after them. None if the server ignores the filter, which is noted."""
        pages = self._read(asker, filters, self.last_page, most)
        if pages is not None:
            # begin one page before the last one next time: a child that came late may be sorted into either
            cursors = [self.last_page, *(page.next for page in pages)]
            self.last_page = cursors[-1] or cursors[max(len(cursors) - 3, 0)]
            if not pages or not pages[0].node.children:
                self.last_page = None
        return pages

    def _read(self, asker: Asker, filters: Filters, cursor: str | None, most: int) -> list[Page] | None:
        pages: list[Page] = []
        while len(pages) < most:
            question = replace(self._question, cursor=cursor, page=len(pages) + 1)
            try:
                page = asker.ask(question)
            except Refused:
                raise
            except ApiError as error:
                if cursor is None:
                    distrust(asker, question.level, filters, error)
                    return None
                # a cursor names the last child sent, and that child may be sorted elsewhere by now
                self.next_turn = self.last_page = None
                if isinstance(error, BadRequest):
                    return pages
                raise
            children = page.node.children or ()
            fitting = all(fits(child, question) for child in children)
            # a cursor that leads to nothing says that the server filters the first page only, or that all that was
            # behind it has moved, in which case the filter gets another chance
            if not fitting or (pages and not children):
                filters.trusted = False
                filters.refused |= fitting
                return None
            pages.append(page)
            cursor = page.next
            if cursor is None:
                break
        return pages


class Places(msgspec.Struct):
    """Where the successes of a level are listed: cursors of pages, by the child before which each page begins.

    Children are sorted by outcome, then by lower-case name, so one page may answer for several children that are
    thought to have succeeded. The order is observed, not documented: where it is another one, a request is wasted.
    """

    _names: list[str] = []
    _questions: dict[str, Question] = {}

    def note(self, question: Question, page: Page) -> None:
        """Note where the page after this one begins, which there must be."""
        last = (page.node.children or (None,))[-1]
        whole = question.outcome is None and question.status in (None, Status.FINISHED)
        if not whole or last is None or last.outcome != Outcome.SUCCESS:
            return
        name = last.name.lower()
        if name not in self._questions:
            insort(self._names, name)
        self._questions[name] = Question(question.level, expand=True, status=question.status, cursor=page.next)
        if len(self._names) > MOST_PLACES:  # with fewer of them, a page is a little further from the child
            for dropped in self._names[::2]:
                del self._questions[dropped]
            del self._names[::2]

    def near(self, names: Iterable[str], tried: set[str]) -> Question | None:
        """The page that may list most of these names, at least two; it is added to `tried`, and not returned again."""
        counts: Counter[str] = Counter()
        for name in names:
            at = bisect_left(self._names, name.lower()) - 1
            if at >= 0 and self._names[at] not in tried:
                counts[self._names[at]] += 1
        # for a single child, asking by name costs the same and is sure to answer
        if not counts or (best := counts.most_common(1)[0])[1] < 2:
            return None
        tried.add(best[0])
        return self._questions[best[0]]

    def clear(self) -> None:
        """Forget all cursors: the server refuses them."""
        self._names.clear()
        self._questions.clear()


class Leaves:
    """What polls ask about one level of checks, projects or spaces.

    `doubtful` are the names of those that ran but were not among the running ones when these were last listed to the
    end. `asked_at` numbers the request that last asked for a child by name.
    """

    def __init__(self, level: Level, places: Places) -> None:
        self.level = level
        self.places = places
        self.doubtful: list[str] = []
        self.asked_at: dict[str, int] = {}
        self._running = Shortlist(level, status=Status.IN_PROGRESS)
        self._bad = [Shortlist(level, outcome=outcome) for outcome in (Outcome.FAILED, Outcome.WARNING)]
        self._rare = deque(Shortlist(level, outcome=outcome) for outcome in RARE_FAILURES)
        self._before: list[str] = []
        self._shown: set[str] = set()

    def news(self, asker: Asker, filters: Filters, running: list[str]) -> list[Node]:
        """Running, failed and warned children whose turn it is; none if the server ignores the filters.

        `running` are the names of those that ran at the last poll. Raises ApiError.
        """
        # the list may take several polls, so it is compared with what ran when it was begun
        if self._running.next_turn is None:
            self._before, self._shown = running, set()
        waiting = sum(name in running for name in self.doubtful)
        pages = self._running.turn(asker, filters, RUNNING_PAGES if waiting < BY_NAME else RUNNING_PAGES // 2)
        if pages is None:
            return []
        self._shown |= {child.name for page in pages for child in page.node.children or ()}
        if self._running.next_turn is None:
            self.doubtful = [name for name in self._before if name not in self._shown]
        # Bad news must come with the next poll, so the end of these lists, where most of it is, is read each time.
        # Where a migration does not go by name, it may be anywhere, so the rest is read in turn.
        for listing in self._bad:
            more = listing.end(asker, filters, BAD_PAGES)
            turn = listing.turn(asker, filters, 2) if more is not None and listing.last_page is not None else []
            if more is None or turn is None:
                return []
            pages += turn + more
        found: dict[str, Node] = {}
        for child in (child for page in pages for child in page.node.children or ()):
            found[child.name] = newer(found[child.name], child) if child.name in found else child
        return list(found.values())

    def rare(self, asker: Asker, filters: Filters) -> list[Node]:
        """Those of one of the rare bad outcomes, in turn. Raises ApiError."""
        self._rare.rotate(-1)
        pages = self._rare[0].end(asker, filters, 1) or ()
        return [child for page in pages for child in page.node.children or ()]


class Patrol:
    """A full reading in pieces: work that asks, a few requests with each `go_on`; `over` once all is done.

    A walk over pages cannot be left in the middle and taken up again, so it runs in a thread of its own, which waits
    inside `ask` for a permit. Only one of the two threads asks at any time.
    """

    def __init__(self, asker: Asker, work: Callable[[Asker], None]) -> None:
        self.reading = asker.reading
        self.together = asker.together
        self.asked = 0
        self.over = False
        self._asker = asker
        self._work = work
        # None is a permit. No Condition, as that is Python code: a signal that raises inside it would leave its lock
        # locked forever
        self._permits: SimpleQueue[_Closed | None] = SimpleQueue()
        self._results: SimpleQueue[Page | BaseException | None] = SimpleQueue()
        self._under_way = 0
        self._thread: Thread | None = None

    def go_on(self, requests: int) -> list[Node]:
        """Make this many more requests; the nodes read, with those of their children that came with them.

        Raises what the work raises.
        """
        if self._thread is None:
            self._thread = started(self._run, name="patrol")
        for _ in range(requests):
            self._permits.put(None)
        self._under_way += requests
        found: list[Node] = []
        while self._under_way and not self.over:
            try:
                result = self._results.get(timeout=SLICE)
            except Empty:
                continue
            if isinstance(result, BaseException):
                self._results.put(result)  # there is nothing else to wait for
                raise result
            if result is None:
                self.over = True
            else:
                self.asked, self._under_way = self.asked + 1, self._under_way - 1
                found += [result.node] if result.found else []
        return found

    def close(self) -> None:
        """Give up the rest."""
        self._permits.put(_Closed())

    def ask(self, question: Question) -> Page:
        """Ask once there is a permit; the thread of the work ends here if it is given up."""
        if (closed := self._permits.get()) is not None:
            self._permits.put(closed)  # the work may ask from several threads
            raise closed
        page = Page(Node(), None, found=False)
        try:
            page = self._asker.ask(question)
            return page
        finally:
            self._results.put(page)

    def _run(self) -> None:
        try:
            self._work(self)
            self._results.put(None)
        except _Closed:
            return
        except BaseException as error:  # noqa: BLE001  it is raised in the caller's thread
            self._results.put(error)


class _Closed(Exception):
    """The rest of the work is no longer wanted."""
