"""Readings in pieces: a walk over thousands of children that goes on only as fast as the request limit allows."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Condition, Lock, Thread

from migstat.api.threads import SLICE
from migstat.errors import ApiError, BadRequest, Refused
from migstat.model.nodes import Level, Node, Outcome, Page, Question, Status
from migstat.query.walk import Asker, Filters, fits, refused

MOST_PLACES = 4000
"""Cursors that are kept; of more, every other one is forgotten."""


class Shortlist:
    """What one filter shows of a level, read in turn: each poll takes some pages and the next goes on from there.

    The end of the list can be read anew with every poll: children are sorted by name, and migrations tend to go by
    name, too, so that this is where news is. Every cursor is one that the server has sent, with the same filter.
    """

    def __init__(self, level: Level, *, status: str | None = None, outcome: str | None = None) -> None:
        self._question = Question(level, expand=True, status=status, outcome=outcome)
        self._turn: str | None = None
        self._end: str | None = None
        self._cursors: set[str] = set()

    @property
    def is_long(self) -> bool:
        """True if there is more than its end."""
        return self._end is not None

    @property
    def at_start(self) -> bool:
        """True if the next page in turn is the first."""
        return self._turn is None

    def turn(self, asker: Asker, filters: Filters, most: int) -> list[Page] | None:
        """The next pages in turn, up to the last one. None if the filter is not obeyed, which is noted."""
        pages = self._read(asker, filters, self._turn, most)
        if pages is not None:
            self._turn = pages[-1].next if pages else None
            if self._turn is None:
                self._cursors.clear()
            elif self._turn in self._cursors:
                filters.trusted = False
                return None
            else:
                self._cursors.add(self._turn)
        return pages

    def end(self, asker: Asker, filters: Filters, most: int) -> list[Page] | None:
        """The last two pages, and what has come after them. None if the filter is not obeyed, which is noted."""
        pages = self._read(asker, filters, self._end, most)
        if pages is not None:
            ways = [self._end, *(page.next for page in pages)]
            self._end = ways[-1] or ways[max(len(ways) - 3, 0)]
            if not pages or not pages[0].node.children:
                self._end = None
        return pages

    def _read(self, asker: Asker, filters: Filters, cursor: str | None, most: int) -> list[Page] | None:
        pages: list[Page] = []
        while len(pages) < most:
            asked = self._question
            question = Question(
                asked.level, expand=True, status=asked.status, outcome=asked.outcome, cursor=cursor, page=len(pages) + 1
            )
            try:
                page = asker.ask(question)
            except Refused:
                raise
            except ApiError as error:
                if cursor is not None:  # it may be too old
                    self._turn = self._end = None
                    if isinstance(error, BadRequest):
                        return pages
                    raise
                refused(asker, asked.level, filters, error)
                return None
            children = page.node.children or ()
            # a cursor that leads to nothing says that the server filters the first answer only
            fitting = all(fits(child, question) for child in children)
            if not fitting or (pages and not children):
                filters.trusted = False
                filters.refused |= fitting  # or all that was behind the cursor has moved
                return None
            pages.append(page)
            cursor = page.next
            if cursor is None:
                break
        return pages


class Places:
    """Where the successes of a level are listed: cursors of pages, by the child before which each of them begins.

    Children are sorted by outcome, then by lower-case name, so that a page can be asked for that shows some children at
    once. Where that is not so, no harm is done but that of a question in vain.
    """

    def __init__(self) -> None:
        self._names: list[str] = []
        self._questions: dict[str, Question] = {}

    def note(self, question: Question, page: Page) -> None:
        """Note where the page after this one begins."""
        last = (page.node.children or (None,))[-1]
        whole = question.expand and question.outcome is None and question.status in (None, Status.FINISHED)
        if not whole or page.next is None or last is None or last.outcome != Outcome.SUCCESS:
            return
        name = last.name.lower()
        if name not in self._questions:
            insort(self._names, name)
        self._questions[name] = Question(question.level, expand=True, status=question.status, cursor=page.next)
        if len(self._names) > MOST_PLACES:
            for each in self._names[::2]:
                del self._questions[each]
            del self._names[::2]

    def near(self, names: Iterable[str], tried: set[str]) -> Question | None:
        """The page before whose end most of these names may be, if they are two at least; each is given once."""
        counts: Counter[str] = Counter()
        for name in names:
            at = bisect_left(self._names, name.lower()) - 1
            if at >= 0 and self._names[at] not in tried:
                counts[self._names[at]] += 1
        if not counts or (best := counts.most_common(1)[0])[1] < 2:
            return None
        tried.add(best[0])
        return self._questions[best[0]]

    def end(self) -> Question | None:
        """The last page but one."""
        return self._questions[self._names[max(len(self._names) - 2, 0)]] if self._names else None

    def clear(self) -> None:
        """Forget all cursors: the server does not take them."""
        self._names.clear()
        self._questions.clear()


class Patrol:
    """Work that asks, of which each `go_on` does so many requests.

    It is done in a thread of its own, which waits while it may not ask; the caller waits while it may.
    """

    def __init__(self, asker: Asker, work: Callable[[Asker], None]) -> None:
        self.reading = asker.reading
        self.together = asker.together
        self._pages: list[Page] = []
        self._asker = asker
        self._work = work
        # `with` a condition is Python code: a signal that raises in it would leave the lock locked forever
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self._news: SimpleQueue[None] = SimpleQueue()
        self._allowed = self._begun = self._answered = 0
        self._over = self._closed = False
        self._error: BaseException | None = None
        self._thread: Thread | None = None

    def taken(self) -> list[Node]:
        """The nodes read since the last time, with those of their children that came with them."""
        taken, self._pages = [page.node for page in self._pages if page.found], []
        return taken

    @property
    def asked(self) -> int:
        """Requests so far."""
        return self._begun

    def go_on(self, requests: int) -> bool:
        """Do so many requests more; True once all is done. Raises what the work raises."""
        with self._lock:
            self._allowed += requests
            self._changed.notify_all()
        if self._thread is None:
            self._thread = Thread(target=self._run, name="patrol", daemon=True)
            self._thread.start()
        while not self._over and self._answered < self._allowed:
            with suppress(Empty):  # a condition's own wait may lose an exception that a signal raises in it
                self._news.get(timeout=SLICE)
        if self._error is not None:
            raise self._error
        return self._over

    def close(self) -> None:
        """Give up what is not done."""
        with self._lock:
            self._closed = True
            self._changed.notify_all()

    def ask(self, question: Question) -> Page:
        """Ask once there is leave to."""
        with self._lock:
            while self._begun >= self._allowed and not self._closed:
                self._changed.wait()
            if self._closed:
                raise _Closed
            self._begun += 1
        try:
            page = self._asker.ask(question)
            self._pages.append(page)
            return page
        finally:
            with self._lock:
                self._answered += 1
            self._news.put(None)

    def _run(self) -> None:
        try:
            with suppress(_Closed):
                self._work(self)
        except BaseException as error:  # noqa: BLE001  it is raised in the caller's thread
            self._error = error
        self._over = True
        self._news.put(None)


class _Closed(Exception):
    """The rest of the work is no longer wanted."""
