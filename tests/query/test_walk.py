"""All children of a level, complete although they move between two pages."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Condition, Event, Thread, local
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migstat.errors import ApiError, BadRequest, NotFound, Refused, Unreachable
from migstat.model.nodes import EARLIEST_STAMP, Level, Node, Page, Question
from migstat.query.walk import LARGEST, MOST, Filters, Walked, ask_by_name, newer, walk

T = TypeVar("T")
R = TypeVar("R")

LEVEL: Level = ("migrate", "projects")
STAGES = ("PENDING", "IN_PROGRESS", "FINISHED")
OUTCOMES = ("SUCCESS", "FAILED", "WARNING", "SKIPPED")
FILTERS = ("works", "ignored", "empty", "rejected", "first-page", "once")

Moves = Callable[[int, list[str]], Iterable[str]]
"""Which children make a step at the request of that number, given those that have not finished."""


def stand_still(_request: int, _unfinished: list[str]) -> Sequence[str]:
    return ()


class Fake:
    """A level of children that move at every request, paged as the API pages them.

    Questions under way at the same time are answered one by one; `choose` picks one of so many that wait.
    """

    def __init__(
        self,
        stages: Mapping[str, int],
        moves: Moves = stand_still,
        *,
        size: int = 3,
        filters: str = "works",
        stamped: bool = False,
    ) -> None:
        self.stages = dict(stages)
        self.moves = moves
        self.back: Moves = stand_still
        self.size = size
        self.filters = filters
        self.stamped = stamped
        self.updated = dict.fromkeys(stages, 1)
        self.faults: dict[Level, ApiError] = {}
        self.unreported: set[str] = set()
        self.choose: Callable[[int], int] = lambda _count: 0
        self.asked: list[Question] = []
        self.progress: list[int] = []
        self.furthest: dict[str, int] = {}
        self._filtered_once: set[str | None] = set()
        self._changed = Condition()
        self._waiting: list[int] = []
        self._here = local()

    def together(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        results: dict[int, R] = {}
        errors: list[Exception] = []
        live = len(items)

        def run(number: int) -> None:
            nonlocal live
            self._here.number = number
            self._wait()
            try:
                if not errors:
                    results[number] = function(items[number])
            except Exception as error:  # noqa: BLE001  it is raised by the caller
                errors.append(error)
            with self._changed:
                live -= 1
                self._changed.notify_all()

        for number in range(live):
            Thread(target=run, args=(number,), daemon=True).start()
        with self._changed:
            while self._changed.wait_for(lambda: len(self._waiting) == live) and live:
                self._waiting.sort()
                del self._waiting[self.choose(live) % live]
                self._changed.notify_all()
        if errors:
            raise errors[0]
        return [results[at] for at in range(len(items))]

    def _wait(self) -> None:
        number = getattr(self._here, "number", None)
        if number is not None:
            with self._changed:
                self._waiting.append(number)
                self._changed.notify_all()
                self._changed.wait_for(lambda: number not in self._waiting)

    def reading(self, level: Level, seen: Mapping[str, Node]) -> None:
        self.progress.append(len(seen))

    def ask(self, question: Question) -> Page:
        """Answer a question, once it is its turn, after what moves at this request has moved."""
        self._wait()
        self.asked.append(question)
        unfinished = sorted(name for name, stage in self.stages.items() if stage < 2)
        for name in self.moves(len(self.asked), unfinished):
            if self.stages.get(name, 2) < 2:
                self._step(name, self.stages[name] + 1)
        for name in self.back(len(self.asked), sorted(self.stages)):
            if name in self.stages:
                self._step(name, 1)
        if question.level in self.faults:
            raise self.faults[question.level]
        if question.level == LEVEL:
            return self._page(question)
        name = question.level[-1]
        if name not in self.stages or name in self.unreported:
            return Page(Node(question.level), None, found=False)
        return Page(self.node(name), None, found=True)

    def _step(self, name: str, stage: int) -> None:
        self.stages[name] = stage
        self.updated[name] = len(self.asked) + 1

    def node(self, name: str) -> Node:
        stage = self.stages[name]
        outcome = OUTCOMES[sum(name.encode()) % len(OUTCOMES)] if stage == 2 else None
        details = {"lastUpdatedAt": EARLIEST_STAMP + self.updated[name]} if self.stamped else {}
        return Node((*LEVEL, name), STAGES[stage], outcome, details=details)

    def _page(self, question: Question) -> Page:
        filtered = question.status is not None or question.outcome is not None
        if filtered and self.filters == "rejected":
            raise BadRequest("the API did not understand the question")
        filtered = filtered and not (self.filters == "first-page" and question.cursor is not None)
        again = filtered and self.filters == "once" and question.status in self._filtered_once
        self._filtered_once |= {question.status} if filtered else set()
        if filtered and (self.filters == "empty" or again):
            return Page(Node(LEVEL, children=()), None, found=True)
        wanted = sorted(
            (f"root:migrate:projects#{node.status}#{node.outcome or ''}#{node.name}".lower(), node)
            for node in map(self.node, self.stages.keys() - self.unreported)
            if not filtered
            or self.filters == "ignored"
            or (question.status in (None, node.status) and question.outcome in (None, node.outcome))
        )
        behind = [(key, node) for key, node in wanted if question.cursor is None or key > question.cursor]
        sent = behind[: self.size]
        self.furthest |= {node.name: max(self.furthest.get(node.name, 0), self.stages[node.name]) for _, node in sent}
        following = sent[-1][0] if len(behind) > self.size else None
        return Page(Node(LEVEL, children=tuple(node for _, node in sent)), following, found=True)


def asking(ask: Callable[[Question], Page]) -> Fake:
    """A level whose questions are answered by this alone."""
    fake = Fake({})
    fake.ask = ask  # type: ignore[method-assign,assignment]
    return fake


def in_thirds(count: int, filters: str = "works") -> Fake:
    return Fake({f"P{number:02}": number % 3 for number in range(count)}, size=2, filters=filters)


def plain(fake: Fake) -> set[str]:
    names: set[str] = set()
    question: Question | None = Question(LEVEL, expand=True)
    while question:
        page = fake.ask(question)
        names |= {child.name for child in page.node.children or ()}
        question = Question(LEVEL, expand=True, cursor=page.next) if page.next else None
    return names


def names_of(walked: Walked) -> set[str]:
    names = [child.name for child in walked.children]
    assert len(names) == len(set(names))
    return set(names)


def named(fake: Fake, *more: str, filters: Filters | None = None) -> Walked:
    return walk(fake, LEVEL, still=False, filters=filters, keys=[*fake.stages, *more], running=True)


def asked_by_name(fake: Fake) -> list[str]:
    return sorted(question.level[-1] for question in fake.asked if question.level != LEVEL)


def walks_of(fake: Fake) -> list[str | None]:
    return [question.status for question in fake.asked if question.level == LEVEL and question.cursor is None]


# nothing is lost


def by_chance(seed: int, filters: str = "works") -> Fake:
    """A level of random size whose children move at random, and are asked about in random order."""
    chance = random.Random(seed)  # noqa: S311  chance, not secrecy
    stages = {f"P{number:02}": chance.choice((0, 0, 1, 1, 2)) for number in range(chance.randint(1, 40))}
    pace = chance.choice((0.03, 0.1, 0.3, 0.6))

    def moves(_request: int, unfinished: list[str]) -> Iterable[str]:
        return [name for name in unfinished if chance.random() < pace]

    fake = Fake(stages, moves, size=chance.randint(2, 5), filters=filters, stamped=chance.random() < 0.5)
    fake.choose = random.Random(seed).randrange  # noqa: S311  chance, not secrecy
    return fake


def test_a_plain_walk_loses_children() -> None:
    """The fake server has the very property that makes the walk necessary."""
    losing = sum(plain(fake) != set(fake.stages) for fake in map(by_chance, range(60)))
    assert losing > 20


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("do", [named, lambda fake: walk(fake, LEVEL, still=False)], ids=["named", "unnamed"])
def test_a_walk_never_loses_a_child(filters: str, do: Callable[[Fake], Walked]) -> None:
    """Over many random schedules every child is found, as far as any page has shown it."""
    for seed in range(40):
        fake = by_chance(seed, filters)
        walked = do(fake)
        assert (seed, names_of(walked), walked.cut) == (seed, set(fake.stages), None)
        assert all(STAGES.index(child.status) >= fake.furthest.get(child.name, 0) for child in walked.children)


SCHEDULES = st.lists(st.lists(st.integers(0, 11), max_size=12), max_size=25)
"""The numbers of the children that make a step, for each request."""


def scheduled(schedule: list[list[int]]) -> Moves:
    return lambda request, _: [f"P{number:02}" for number in (schedule[request - 1 : request] or [[]])[0]]


@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("keys", [False, True], ids=["unnamed", "named"])
@given(
    stages=st.lists(st.integers(0, 2), max_size=12),
    schedule=SCHEDULES,
    back=SCHEDULES,
    turns=st.lists(st.integers(0, 3), max_size=25),
    size=st.integers(1, 4),
    late=st.sets(st.integers(0, 11)),
)
def test_no_schedule_loses_a_child(
    filters: str,
    keys: bool,
    stages: list[int],
    schedule: list[list[int]],
    back: list[list[int]],
    turns: list[int],
    size: int,
    late: set[int],
) -> None:
    """Whichever child moves when. If the job names it, it may be reported late, too.

    It may move back if it is named; without names or filters, it is found, or the walk says that some may be missing.
    """
    fake = Fake(
        {f"P{at:02}": stage for at, stage in enumerate(stages)}, scheduled(schedule), size=size, filters=filters
    )
    if keys or filters in ("ignored", "empty", "rejected"):
        fake.back = scheduled(back[:10])
    if not keys:
        walked = walk(fake, LEVEL, still=False)
        assert names_of(walked) == set(fake.stages) or walked.cut
        assert not walked.cut or any(back)
        return
    order = iter(turns)
    fake.choose = lambda _count: next(order, 0)
    fake.unreported = {f"P{number:02}" for number in late} & set(fake.stages)
    walked = named(fake, "ABSENT")
    assert walked.cut or names_of(walked) == set(fake.stages) - fake.unreported


# what it costs


@pytest.mark.parametrize("still", [True, False])
@pytest.mark.parametrize("stages", [{"A": 0, "B": 1, "C": 2}, {}])
def test_a_single_page_is_one_request(stages: dict[str, int], still: bool) -> None:
    """One answer is one moment, so nothing more is requested, and having no children is not a flaw."""
    fake = Fake(stages)
    walked = walk(fake, LEVEL, still=still)
    assert (names_of(walked), walked.cut, walked.pages) == (set(stages), None, 1)
    assert fake.asked == [Question(LEVEL, expand=True)]


def test_what_stands_still_is_read_once() -> None:
    """A level that has ended costs exactly its pages, the first of which the caller may have read."""
    fake = Fake({f"P{number}": 2 for number in range(9)}, size=2)
    first = fake.ask(Question(LEVEL, expand=True))
    assert len(walk(fake, LEVEL, still=True, first=first).children) == 9
    assert [(question.page, question.status) for question in fake.asked] == [(page, None) for page in range(1, 6)]
    assert len({question.cursor for question in fake.asked}) == 5
    assert fake.progress == [2, 4, 6, 8, 9]


def test_what_moves_is_walked_in_the_order_in_which_it_lives() -> None:
    """Pending children come first, then those in progress, then all; pages keep their question's filter."""
    fake = in_thirds(15)
    assert len(walk(fake, LEVEL, still=False).children) == 15
    order = [question.status for question in fake.asked[1:]]
    assert order == ["PENDING"] * 3 + ["IN_PROGRESS"] * 3 + [None] * 8
    assert all(question.expand and question.outcome is None for question in fake.asked)


@pytest.mark.parametrize(
    ("filters", "refused"), [("ignored", False), ("rejected", True), ("empty", False), ("once", True)]
)
def test_without_filters_a_level_is_walked_three_times_unless_the_job_names_its_children(
    filters: str, refused: bool
) -> None:
    """A server that does not filter is read as often as a child can move, or once with names, and not trusted again.

    Where the server did not just ignore a filter, it may be tried again later.
    """
    fake, trust = in_thirds(60, filters), Filters()
    assert len(walk(fake, LEVEL, still=False, filters=trust).children) == 60
    assert walks_of(fake).count(None) == 1 + 3
    assert (trust.trusted, trust.refused) == (False, refused)
    fake = in_thirds(60, filters)
    fake.moves = lambda request, unfinished: unfinished[: request % 2]
    assert len(named(fake, filters=trust).children) == 60
    assert walks_of(fake) == [None, None]


def test_a_filter_that_is_ignored_costs_one_question_for_each_status() -> None:
    """Whichever of the walks beside each other finds out, the others go no further."""
    fake = Fake({f"P{number:02}": min(number, 2) for number in range(60)}, size=2, filters="ignored")
    assert len(named(fake).children) == 60
    assert len(fake.asked) == 1 + 3 + 30


def test_a_large_level_of_a_running_migration_costs_little_more_than_its_pages() -> None:
    """The statuses are walked at the same time, and of those that moved meanwhile only few are asked for by name."""
    chance = random.Random(7)  # noqa: S311  chance, not secrecy
    stages = {f"P{at:04}": 2 if at < 160 else 1 if at < 200 else 0 for at in range(400)}
    fake = Fake(stages, lambda at, unfinished: chance.sample(unfinished, 2) if at % 20 == 0 else (), size=4)
    fake.choose = chance.randrange
    assert names_of(named(fake)) == set(stages)
    assert len(fake.asked) <= 400 / 4 + 10
    assert len(set(asked_by_name(fake))) == len(asked_by_name(fake)) > 0
    assert set(walks_of(fake)[1:]) == set(STAGES)


def test_a_walk_ends_where_there_are_more_children_than_wanted() -> None:
    """Whichever pass finds so many, no other goes on, and no child is asked for by name."""
    fake = in_thirds(60)
    walked = walk(fake, LEVEL, still=False, most=15)
    assert (len(walked.children), bool(walked.cut)) == (16, True)
    assert [question.status for question in fake.asked] == [None, *["PENDING"] * 7]


@pytest.mark.parametrize(
    ("beyond", "keys", "running"),
    [
        ({"OTHER": 1}, (), True),
        ({"p01": 2}, (), True),
        ({}, ("ODD,KEY",), True),
        ({}, tuple(f"Q{number}" for number in range(30)), True),
        ({}, (), False),
    ],
    ids=["a child that the job does not name", "names that differ in case", "a comma", "most not reported", "ended"],
)
def test_what_names_do_not_prove_is_walked_in_order(beyond: dict[str, int], keys: Sequence[str], running: bool) -> None:
    """Names complete no walk if they are not all there is, cannot all be asked for, or an end may rest on it."""
    stages = {f"P{number:02}": number % 3 for number in range(15)}
    fake = Fake(stages | beyond, size=2)
    assert names_of(walk(fake, LEVEL, still=False, keys=[*stages, *keys], running=running)) == {*stages, *beyond}
    assert walks_of(fake) == [None, *(STAGES if running else ()), "PENDING", "IN_PROGRESS", None]


@pytest.mark.parametrize("left_out", STAGES)
def test_a_filter_that_leaves_out_what_it_must_show_is_not_believed(left_out: str) -> None:
    """What was asked for by name and is what a filter shows none of, or has been so all along, disproves it."""
    fake = Fake({f"P{number}": 2 - (number > 3) - (number > 5) for number in range(8)}, size=2)
    answered = fake.ask

    def ask(question: Question) -> Page:
        page = answered(question)
        return Page(Node(LEVEL, children=()), None, found=True) if question.status == left_out else page

    fake.ask = ask  # type: ignore[method-assign]
    trust = Filters()
    assert names_of(named(fake, filters=trust)) == set(fake.stages)
    assert trust.trusted is (left_out == "FINISHED")
    assert trust.refused is not trust.trusted


@pytest.mark.parametrize("keys", [(), (*(f"P{number:02}" for number in range(60)),)], ids=["no keys", "keys"])
@pytest.mark.parametrize("every", [2, 5])
def test_children_that_are_reported_meanwhile_do_not_count_against_a_filter(every: int, keys: Sequence[str]) -> None:
    """Nothing shows them to a filter that was asked before they were there; none is lost all the same."""
    fake = Fake({f"P{number:02}": number % 2 for number in range(60)})
    fake.unreported = {f"P{number:02}" for number in range(60) if number % every == 1}
    appearing = iter(sorted(fake.unreported))

    def report(request: int, _unfinished: Sequence[str]) -> Sequence[str]:
        fake.unreported -= {next(appearing, "")} if request > 8 else set()
        return ()

    fake.moves = report
    filters = Filters()
    walked = walk(fake, LEVEL, still=False, filters=filters, keys=keys, running=bool(keys))
    assert filters == Filters()
    assert {child.name for child in walked.children} == set(fake.stages)
    assert walked.cut is None


@pytest.mark.parametrize(("stamped", "walks"), [(True, 1 + 1 + 2), (False, 1 + 1 + 4)])
def test_a_level_is_walked_again_if_children_moved_back(stamped: bool, walks: int) -> None:
    """A child that begins again may be in front of no walk, whatever filters prove.

    Without stamps it seems to move back in each further walk, too, and that is said in the end.
    """
    fake = in_thirds(30)
    fake.stamped = stamped
    fake.back = lambda request, names: names[2::3] if request == 14 else ()
    walked = walk(fake, LEVEL, still=False)
    assert (len(walked.children), bool(walked.cut)) == (30, not stamped)
    assert walks_of(fake).count(None) == walks


def test_a_child_seen_before_the_last_walk_only_is_asked_for_by_name() -> None:
    """A child that finishes while the last walk runs is read once more, so that its end is reported."""
    last = 4  # requests: first page, PENDING, IN_PROGRESS, then the last walk
    stages = {f"P{number:02}": 2 for number in range(6)} | {"X": 1}
    fake = Fake(stages, lambda request, _: ["X"] if request == last + 2 else ())
    walked = walk(fake, LEVEL, still=False)
    assert asked_by_name(fake) == ["X"]
    assert next(child.status for child in walked.children if child.name == "X") == "FINISHED"


# what fails


def test_a_child_that_cannot_be_asked_for_is_an_error_of_its_own() -> None:
    """A single child's error takes nothing from the others, the level's own does; a name with a comma is not asked."""
    fake = Fake({"A": 2})
    fake.faults = {(*LEVEL, "B"): Unreachable("it broke"), (*LEVEL, "C"): NotFound("no such thing")}
    answers = ask_by_name(fake, LEVEL, ["A", "B", "C", "D", "", "E,F"])
    assert asked_by_name(fake) == ["A", "B", "C", "D"]
    assert answers == {"A": fake.node("A"), "B": child(None, flaw="it broke", name="B"), "C": None, "D": None}
    fake.faults = {(*LEVEL, "B"): Refused("401")}
    with pytest.raises(Refused):
        ask_by_name(fake, LEVEL, ["B", "C"])
    fake.faults = {LEVEL: Unreachable("it broke")}
    with pytest.raises(Unreachable):
        walk(fake, LEVEL, still=False)


def test_what_the_api_does_not_know_is_told() -> None:
    """Keys asked for by name in vain need not be asked for again, and an error says that a child exists."""
    fake = Fake({f"P{number}": 0 for number in range(4)}, size=2)
    fake.faults = {(*LEVEL, "ODD"): Unreachable("it broke"), (*LEVEL, "AWAY"): NotFound("404")}
    walked = named(fake, "GONE", "LATE", "ODD", "AWAY")
    assert walked.absent == {"AWAY", "GONE", "LATE"}
    assert asked_by_name(fake) == ["AWAY", "GONE", "LATE", "ODD"]
    assert [child.name for child in walked.children if child.unreadable] == ["ODD"]


@pytest.mark.parametrize(("error", "raised"), [(Refused("401"), True), (Unreachable("it broke"), False)])
def test_a_walk_that_fails_stops_those_beside_it(error: ApiError, raised: bool) -> None:
    """What was read until then is kept, unless the credentials are refused; nothing more is asked for."""
    fake = Fake({f"P{number:02}": number % 2 for number in range(30)}, size=2)
    answered = fake.ask

    def ask(question: Question) -> Page:
        if question.cursor if question.status == "IN_PROGRESS" else len(fake.asked) > 3 and not question.status:
            raise error
        return answered(question)

    fake.ask = ask  # type: ignore[method-assign]
    turn = iter(range(100))
    fake.choose = lambda count: next(turn) % count
    if raised:
        with pytest.raises(Refused):
            named(fake)
    else:
        walked = named(fake)
        assert walked.cut == "it broke"
        assert 2 < len(walked.children) < 30
    assert len(fake.asked) <= 7


class Late(dict[str, Any]):
    """Details of a child; while they are looked at, an answer arrives."""

    def __init__(self, arrive: Callable[[], None]) -> None:
        super().__init__(lastUpdatedAt=EARLIEST_STAMP)
        self._arrive = arrive

    def get(self, key: str, default: object = None) -> object:
        self._arrive()
        return super().get(key, default)


def test_an_answer_that_comes_after_a_signal_does_no_harm() -> None:
    """A signal does not wait for the requests under way, and what they bring does not get in its way."""
    asked, answered = Event(), Event()
    threads: list[Thread] = []

    def arrive() -> None:
        answered.set()
        threads[0].join()

    class Signalled(Fake):
        def ask(self, question: Question) -> Page:
            if question.cursor is not None:
                asked.set()
                answered.wait()
                return page_of("DE", None)
            node = Node((*LEVEL, "A"), question.status or "PENDING", details=Late(arrive))
            return Page(Node(LEVEL, children=(node, Node((*LEVEL, "B"), question.status))), "more", found=True)

        def together(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
            threads.append(Thread(target=function, args=items[:1]))
            threads[0].start()
            asked.wait()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        walk(Signalled({}), LEVEL, still=False, keys=["A"], running=True)


def page_of(names: str, following: str | None) -> Page:
    children = tuple(Node((*LEVEL, name), "FINISHED", "SUCCESS") for name in names)
    return Page(Node(LEVEL, children=children), following, found=True)


ODD = "a b+/=&%#\u00e9"


@pytest.mark.parametrize(
    ("pages", "requests"),
    [
        ([("AB", "1"), ("CD", "2"), ("EF", "1"), ("GH", "3")], 3),
        ([("AB", "1"), ("CD", "1"), ("EF", "1")], 2),
        ([("AB", "1"), ("AB", "2"), ("AB", "3"), ("AB", "4"), ("CD", None)], 4),
        ([("AB", "1"), ("", "2"), ("", "3"), ("", "4"), ("CD", None)], 4),
        ([("", "1"), ("", "2"), ("", "3"), ("AB", None)], 3),
        ([("AB", "1"), ("AB", "2"), ("AB", "3"), ("CD", None)], None),
        ([("AB", "1"), ("", "2"), ("", "3"), ("C", "4"), ("", "5"), ("D", None)], None),
        ([("AB", ODD), ("CD", None)], None),
    ],
    ids=["cursor twice", "its own cursor", "same names", "empty pages", "empty from the first", "twice the same names",
        "two empty pages", "an odd cursor"],
)  # fmt: skip
def test_pages_without_an_end_are_a_flaw(pages: list[tuple[str, str | None]], requests: int | None) -> None:
    """A cursor seen before, or three pages in a row without a new name, end the walk; two are read over.

    Whatever a cursor looks like, it goes back as it came.
    """
    answers, asked = iter(pages), list[Question]()

    def ask(question: Question) -> Page:
        asked.append(question)
        return page_of(*next(answers))

    walked = walk(asking(ask), LEVEL, still=True)
    assert [question.cursor for question in asked] == [None, *(cursor for _, cursor in pages)][: requests or len(pages)]
    assert bool(walked.cut) is bool(requests)
    assert requests or names_of(walked) == set("ABCD")


@pytest.mark.slow
def test_pages_that_always_bring_something_new_are_a_flaw() -> None:
    """More children than any task has, beyond those that the job names, are not read to an end."""

    def ask(question: Question) -> Page:
        number = int(question.cursor or 0)
        children = tuple(Node((*LEVEL, f"{number}-{each}")) for each in range(MOST // 2))
        return Page(Node(LEVEL, children=children), str(number + 1) if number < 3 else None, found=True)

    walked = walk(asking(ask), LEVEL, still=True)
    assert len(walked.children) == MOST
    assert "have no end" in str(walked.cut)
    walked = walk(asking(ask), LEVEL, still=True, keys=[f"{at}" for at in range(MOST)])
    assert (len(walked.children), walked.cut) == (2 * MOST, None)


@pytest.mark.parametrize("still", [True, False])
@pytest.mark.parametrize(("name", "flaw"), [("P{}-{}", "too large"), ("P", "no end")])
def test_pages_that_lead_nowhere_are_left_by_all_walks_together(still: bool, name: str, flaw: str) -> None:
    """Pages of many megabytes, and pages that add nothing, are read only up to a bound."""
    asked: list[Question] = []

    def ask(question: Question) -> Page:
        asked.append(question)
        status = question.status or "PENDING"
        children = tuple(Node((*LEVEL, name.format(len(asked), at)), status) for at in range(20))
        return Page(Node(LEVEL, children=children), f"{len(asked)}", found=True, size=LARGEST // 4)

    walked = walk(asking(ask), LEVEL, still=still, keys=["P1"], running=True)
    assert flaw in str(walked.cut)
    assert len(asked) <= 25


# which reading counts


def child(
    status: str | None,
    outcome: str | None = None,
    updated: int | None = None,
    *,
    flaw: str | None = None,
    name: str = "A",
) -> Node:
    details = {} if updated is None else {"lastUpdatedAt": EARLIEST_STAMP + updated}
    return Node((*LEVEL, name), status, outcome, details=details, unreadable=flaw)


RUNS, DONE = ("IN_PROGRESS", None), ("FINISHED", "SUCCESS")


@pytest.mark.parametrize(
    ("earlier", "later", "counts"),
    [
        (child(*RUNS), child(*RUNS), "later"),
        (child(*RUNS), child(*DONE), "later"),
        (child(*DONE), child(*RUNS), "earlier"),
        (child(*DONE), child("FINISHED", "FAILED"), "later"),
        (child(*RUNS, 5), child(*RUNS, 6), "later"),
        (child(*RUNS, 6), child(*RUNS, 5), "earlier"),
        (child(*DONE, 5), child(*RUNS, 6), "later"),
        (child(*RUNS, 6), child(*DONE, 5), "earlier"),
        (child(*DONE, 5), child(*RUNS, 5), "earlier"),
        (child(*RUNS, 5), child(*DONE, 5), "later"),
        (child(*DONE, 5), child(*RUNS), "earlier"),
        (child(*DONE), child(*RUNS, 5), "earlier"),
        (child(None), child(*RUNS), "later"),
        (child("PENDING"), child(None), "later"),
        (child(*RUNS), child(None, flaw="odd"), "earlier"),
        (child(None, flaw="odd"), child(*RUNS), "later"),
    ],
)
def test_which_of_two_readings_counts(earlier: Node, later: Node, counts: str) -> None:
    """The one updated last; without times an end is never taken back, and else the later one that could be read."""
    assert newer(earlier, later) is (later if counts == "later" else earlier)
