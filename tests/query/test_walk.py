"""All children of a level, complete although they move between two pages."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Condition, Thread, local
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migstat.api.endpoints import Api
from migstat.api.retry import Timing
from migstat.errors import ApiError, BadRequest, NotFound, Refused, Unreachable
from migstat.model.nodes import Level, Node, Page, Question
from migstat.query.walk import LARGEST, MOST, Filters, Walked, ask_by_name, find, newer, shown, walk
from migstat.settings.resolve import Flags, settings_from
from migstat.simulator import scenario as script
from migstat.simulator.server import Server, serve

T = TypeVar("T")
R = TypeVar("R")

LEVEL: Level = ("migrate", "projects")
STAGES = ("PENDING", "IN_PROGRESS", "FINISHED")
OUTCOMES = ("SUCCESS", "FAILED", "WARNING", "SKIPPED")
FILTERS = ("works", "ignored", "empty", "rejected", "first-page", "once")
END = 1000

Moves = Callable[[int, list[str]], Sequence[str]]
"""Which children make a step at the request of that number, given those that have not finished."""


def stand_still(_request: int, _unfinished: list[str]) -> Sequence[str]:
    """Nothing moves."""
    return ()


class Turns:
    """Lets functions that ask at the same time go on one by one, from question to question.

    `choose` picks one of so many that wait: the order in which the server happens to read for them.
    """

    def __init__(self, choose: Callable[[int], int]) -> None:
        self._choose = choose
        self._changed = Condition()
        self._waiting: list[int] = []
        self._here = local()

    def wait(self) -> None:
        """Wait for the turn of the calling function; outside of `together` it is always its turn."""
        number = getattr(self._here, "number", None)
        if number is not None:
            with self._changed:
                self._waiting.append(number)
                self._changed.notify_all()
                self._changed.wait_for(lambda: number not in self._waiting)

    def together(self, function: Callable[[T], R], items: Sequence[T], at_a_time: int = 4) -> list[R]:
        """Call the function for each item, in threads of which one runs at a time. Raises an exception at the end."""
        queue = list(enumerate(items))
        results: dict[int, R] = {}
        errors: list[Exception] = []
        live = min(at_a_time, len(items))

        def run(number: int) -> None:
            nonlocal live
            self._here.number = number
            self.wait()
            try:
                while queue and not errors:
                    at, item = queue.pop(0)
                    results[at] = function(item)
            except Exception as error:  # noqa: BLE001  it is raised by the caller
                errors.append(error)
            with self._changed:
                live -= 1
                self._changed.notify_all()

        for number in range(live):
            Thread(target=run, args=(number,), daemon=True).start()
        with self._changed:
            while self._changed.wait_for(lambda: len(self._waiting) == live) and live:
                waiting = sorted(self._waiting)
                self._waiting.remove(waiting[self._choose(live) % live])
                self._changed.notify_all()
        if errors:
            raise errors[0]
        return [results[at] for at in range(len(items))]


class Fake:
    """A level of children that move at every request, paged as the API pages them."""

    def __init__(
        self,
        stages: dict[str, int],
        moves: Moves = stand_still,
        *,
        size: int = 3,
        filters: str = "works",
        stamped: bool = False,
    ) -> None:
        self.stages = dict(stages)
        self.moves = moves
        self.size = size
        self.filters = filters
        self.stamped = stamped
        self.asked: list[Question] = []
        self.told: list[int] = []
        self.updated = dict.fromkeys(stages, 1)
        self.faults: dict[Level, ApiError] = {}
        self.unreported: set[str] = set()
        self.back: Moves = stand_still
        self._filtered_once: set[str | None] = set()
        self.turns = Turns(lambda _count: 0)

    def together(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Call the function for each item, a few at a time, and answer their questions in the order of `turns`."""
        return self.turns.together(function, items)

    def reading(self, level: Level, seen: Mapping[str, Node]) -> None:
        """Note how many children were read."""
        self.told.append(len(seen))

    def ask(self, question: Question) -> Page:
        """Answer a question, once it is its turn, after what moves at this request has moved."""
        self.turns.wait()
        self.asked.append(question)
        self._move()
        if question.level in self.faults:
            raise self.faults[question.level]
        if question.level != LEVEL:
            return self._single(question.level[-1])
        return self._page(question)

    def _move(self) -> None:
        unfinished = sorted(name for name, stage in self.stages.items() if stage < 2)
        for name in self.moves(len(self.asked), unfinished):
            if self.stages[name] < 2:
                self.stages[name] += 1
                self.updated[name] = len(self.asked) + 1
        for name in self.back(len(self.asked), sorted(self.stages)):
            self.stages[name] = 1
            self.updated[name] = len(self.asked) + 1

    def _single(self, name: str) -> Page:
        if name not in self.stages or name in self.unreported:
            return Page(Node((*LEVEL, name)), None, found=False)
        return Page(self.node(name), None, found=True)

    def node(self, name: str) -> Node:
        """The child as it is now."""
        stage = self.stages[name]
        outcome = OUTCOMES[sum(name.encode()) % len(OUTCOMES)] if stage == 2 else None
        details = {"lastUpdatedAt": self.updated[name]} if self.stamped else {}
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
            (_key(node), node)
            for node in map(self.node, self.stages.keys() - self.unreported)
            if not filtered or self.filters == "ignored" or _passes(node, question)
        )
        behind = [(key, node) for key, node in wanted if question.cursor is None or key > question.cursor]
        sent = behind[: self.size]
        following = sent[-1][0] if len(behind) > self.size else None
        return Page(Node(LEVEL, children=tuple(node for _, node in sent)), following, found=True)


def _key(node: Node) -> str:
    return f"root:migrate:projects#{node.status or ''}#{node.outcome or ''}#{node.name}".lower()


def _passes(node: Node, question: Question) -> bool:
    return question.status in (None, node.status) and question.outcome in (None, node.outcome)


class Asks:
    """An asker made of one function."""

    def __init__(self, ask: Callable[[Question], Page]) -> None:
        self.ask = ask

    def together(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Call the function for each item, in order."""
        return [function(item) for item in items]

    def reading(self, level: Level, seen: Mapping[str, Node]) -> None:
        """Nothing to note."""


def plain(fake: Fake) -> set[str]:
    """Names that following `next` alone finds."""
    names: set[str] = set()
    question = Question(LEVEL, expand=True)
    while True:
        page = fake.ask(question)
        names |= {child.name for child in page.node.children or ()}
        if page.next is None:
            return names
        question = Question(LEVEL, expand=True, cursor=page.next)


def names_of(walked: Walked) -> set[str]:
    """The names that a walk found, each once."""
    names = [child.name for child in walked.children]
    assert len(names) == len(set(names))
    return set(names)


def by_chance(seed: int, filters: str = "works") -> Fake:
    """A level of random size whose children move at random."""
    chance = random.Random(seed)  # noqa: S311  chance, not secrecy
    stages = {f"P{number:02}": chance.choice((0, 0, 1, 1, 2)) for number in range(chance.randint(1, 40))}
    pace = chance.choice((0.03, 0.1, 0.3, 0.6))

    def moves(_request: int, unfinished: list[str]) -> Sequence[str]:
        return [name for name in unfinished if chance.random() < pace]

    return at_random(Fake(stages, moves, size=chance.randint(2, 5), filters=filters, stamped=chance.random() < 0.5))


def at_random(fake: Fake) -> Fake:
    """The same level, which answers what is asked at the same time in a random order."""
    chance = random.Random(len(fake.stages))  # noqa: S311  chance, not secrecy
    fake.turns = Turns(chance.randrange)
    return fake


def in_bursts(seed: int, filters: str) -> Fake:
    """A level whose children all make a step together, at a few random requests."""
    chance = random.Random(seed)  # noqa: S311  chance, not secrecy
    stages = {f"P{number:02}": chance.choice((0, 1, 2, 2, 2)) for number in range(chance.randint(4, 30))}
    bursts = {chance.randint(1, 25) for _ in range(2)}

    def moves(request: int, unfinished: list[str]) -> Sequence[str]:
        return unfinished if request in bursts else ()

    return at_random(Fake(stages, moves, size=chance.randint(2, 5), filters=filters, stamped=chance.random() < 0.5))


def asked_by_name(fake: Fake) -> list[str]:
    """The children that were asked for one by one."""
    return sorted(question.level[-1] for question in fake.asked if question.level != LEVEL)


def test_a_plain_walk_loses_children() -> None:
    """The fake server has the very property that makes the walk necessary."""
    losing = sum(plain(fake) != set(fake.stages) for fake in map(by_chance, range(300)))
    assert losing > 100


def retried(seed: int, filters: str) -> Fake:
    """The same by chance, but finished children begin again now and then."""
    chance = random.Random(seed + 1)  # noqa: S311  chance, not secrecy
    fake = by_chance(seed, filters)

    def back(_request: int, names: list[str]) -> Sequence[str]:
        return [name for name in names if fake.stages[name] == 2 and chance.random() < 0.005]

    fake.back = back
    return fake


@pytest.mark.parametrize("filters", ["ignored", "empty", "rejected"])
def test_children_that_begin_again_are_found_or_said_to_be_missing(filters: str) -> None:
    """A child that moves backwards while a level is walked without filters is lost only if the walk says so."""
    lost = {}
    for seed in range(60):
        fake = retried(seed, filters)
        walked = walk(fake, LEVEL, still=False)
        if names_of(walked) != set(fake.stages) and not walked.cut:
            lost[seed] = set(fake.stages) - names_of(walked)
    assert lost == {}


@pytest.mark.parametrize("filters", FILTERS)
def test_no_child_that_the_job_names_is_lost_even_if_it_begins_again(filters: str) -> None:
    """While the migration runs every key is either seen or asked for, whichever way its child moves."""
    lost = {}
    for seed in range(60):
        fake = retried(seed, filters)
        walked = walk(fake, LEVEL, still=False, keys=[*fake.stages, "ABSENT"], running=True)
        if names_of(walked) != set(fake.stages) and not walked.cut:
            lost[seed] = set(fake.stages) - names_of(walked)
    assert lost == {}


@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize("filters", FILTERS)
@pytest.mark.parametrize("make", [by_chance, in_bursts])
def test_a_walk_never_loses_a_child(filters: str, make: Callable[[int, str], Fake], running: bool) -> None:
    """Over many random schedules every child is found, whatever the server makes of filters."""
    lost = {}
    for seed in range(60):
        fake = make(seed, filters)
        walked = walk(fake, LEVEL, still=False, keys=list(fake.stages), running=running)
        if names_of(walked) != set(fake.stages) or walked.cut:
            lost[seed] = (set(fake.stages) - names_of(walked), walked.cut)
    assert lost == {}


SCHEDULES = st.lists(st.lists(st.integers(0, 11), max_size=4), max_size=25)
TURNS = st.lists(st.integers(0, 3), max_size=25)


def stepping(schedule: list[list[int]], count: int) -> Moves:
    """The moves of a schedule: the numbers of the children that make a step, for each request."""

    def moves(request: int, _unfinished: list[str]) -> Sequence[str]:
        steps = schedule[request - 1] if request <= len(schedule) else []
        return [f"P{number:02}" for number in steps if number < count]

    return moves


@pytest.mark.parametrize("filters", FILTERS)
@given(stages=st.lists(st.integers(0, 2), max_size=12), schedule=SCHEDULES, size=st.integers(1, 4))
def test_no_schedule_loses_a_child(filters: str, stages: list[int], schedule: list[list[int]], size: int) -> None:
    """Whichever children move at whichever request, all of them are found."""
    moves = stepping(schedule, len(stages))
    fake = Fake({f"P{number:02}": stage for number, stage in enumerate(stages)}, moves, size=size, filters=filters)
    walked = walk(fake, LEVEL, still=False)
    assert names_of(walked) == set(fake.stages)
    assert walked.cut is None


@pytest.mark.parametrize("filters", FILTERS)
@given(
    stages=st.lists(st.integers(0, 2), max_size=12),
    schedule=SCHEDULES,
    back=SCHEDULES,
    turns=TURNS,
    size=st.integers(1, 4),
    late=st.sets(st.integers(0, 11)),
)
def test_no_order_of_answers_loses_a_child_that_the_job_names(
    filters: str,
    stages: list[int],
    schedule: list[list[int]],
    back: list[list[int]],
    turns: list[int],
    size: int,
    late: set[int],
) -> None:
    """Whatever moves, forward or back, and whichever of the concurrent questions is answered first."""
    order = iter(turns)
    fake = Fake(
        {f"P{number:02}": stage for number, stage in enumerate(stages)},
        stepping(schedule, len(stages)),
        size=size,
        filters=filters,
    )
    fake.back = stepping(back[:10], len(stages))
    fake.turns = Turns(lambda _count: next(order, 0))
    fake.unreported = {f"P{number:02}" for number in late} & set(fake.stages)
    walked = walk(fake, LEVEL, still=False, keys=[*fake.stages, "ABSENT"], running=True)
    assert walked.cut or names_of(walked) == set(fake.stages) - fake.unreported


def side_by_side(fake: Fake, *more: str, filters: Filters | None = None) -> Walked:
    """A walk while the migration runs, in a job that names all the children and these."""
    return walk(fake, LEVEL, still=False, filters=filters, keys=[*fake.stages, *more], running=True)


def test_a_large_level_of_a_running_migration_costs_little_more_than_its_pages() -> None:
    """The statuses are walked at the same time, and of those that moved meanwhile only few are asked for by name."""
    chance = random.Random(7)  # noqa: S311  chance, not secrecy
    stages = {f"P{number:04}": 2 if number < 800 else 1 if number < 1000 else 0 for number in range(2000)}

    def moves(request: int, unfinished: list[str]) -> Sequence[str]:
        return chance.sample(unfinished, 2) if request % 20 == 0 else ()

    fake = at_random(Fake(stages, moves, size=20))
    assert names_of(side_by_side(fake)) == set(stages)
    assert len(fake.asked) <= 2000 / 20 + 10
    assert {question.status for question in fake.asked[1:] if question.level == LEVEL} == set(STAGES)


def statuses_asked(fake: Fake) -> list[str | None]:
    """The filters of the walks, in order."""
    return [question.status for question in fake.asked if question.level == LEVEL and question.cursor is None]


@pytest.mark.parametrize(
    ("beyond", "keys"),
    [
        ({"OTHER": 1}, ()),
        ({"p01": 2}, ()),
        ({}, ("ODD,KEY",)),
        ({}, tuple(f"Q{number}" for number in range(30))),
    ],
    ids=["a child that the job does not name", "two names that differ in case", "no question has a comma", "young"],
)
def test_what_names_do_not_prove_is_walked_in_order(beyond: dict[str, int], keys: tuple[str, ...]) -> None:
    """If the keys of the job are not all there is, or cannot all be asked for, a level is walked as without them."""
    stages = {f"P{number:02}": number % 3 for number in range(15)}
    fake = Fake(stages | beyond, size=2)
    assert names_of(walk(fake, LEVEL, still=False, keys=[*stages, *keys], running=True)) == {*stages, *beyond}
    assert statuses_asked(fake) == [None, *STAGES, "PENDING", "IN_PROGRESS", None]


def test_only_a_running_migration_is_walked_side_by_side() -> None:
    """Once an end may rest on it, a child that no key names must not escape."""
    fake = Fake({f"P{number:02}": number % 3 for number in range(15)}, size=2)
    walk(fake, LEVEL, still=False, keys=[*fake.stages], running=False)
    assert "FINISHED" not in statuses_asked(fake)


@pytest.mark.parametrize("left_out", STAGES)
def test_a_filter_that_leaves_out_what_it_must_show_is_not_believed(left_out: str) -> None:
    """What was asked for by name and is what a filter shows none of, or has been so all along, disproves it."""
    fake = Fake({f"P{number}": 2 - (number > 3) - (number > 5) for number in range(8)}, size=2)
    answered = fake.ask

    def ask(question: Question) -> Page:
        page = answered(question)
        empty = question.status == left_out
        return Page(Node(LEVEL, children=()), None, found=True) if empty else page

    fake.ask = ask  # type: ignore[method-assign]
    trust = Filters()
    assert names_of(side_by_side(fake, filters=trust)) == set(fake.stages)
    assert trust.trusted is (left_out == "FINISHED")


def test_what_the_api_does_not_know_is_told() -> None:
    """Keys asked for by name in vain need not be asked for again."""
    fake = Fake({f"P{number}": 0 for number in range(4)}, size=2)
    assert side_by_side(fake, "GONE", "LATE").absent == {"GONE", "LATE"}


def test_a_walk_that_fails_stops_those_beside_it() -> None:
    """The error is the level's, with what was read; nothing more is asked for in the background."""
    fake = Fake({f"P{number:02}": number % 2 for number in range(30)}, size=2)
    answered = fake.ask

    def ask(question: Question) -> Page:
        if question.cursor and question.status == "IN_PROGRESS":
            raise Refused("401")
        if question.level == LEVEL and question.status is None and len(fake.asked) > 3:
            raise Unreachable("it broke")
        return answered(question)

    fake.ask = ask  # type: ignore[method-assign]
    with pytest.raises(Refused):
        side_by_side(fake)
    asked = len(fake.asked)
    assert asked < 30


def test_a_child_that_was_seen_finished_stays_so() -> None:
    """No reading that came later, on a page behind, takes a child's end back."""
    for seed in range(100):
        fake = by_chance(seed)
        finished: set[str] = set()

        def ask(question: Question, fake: Fake = fake, finished: set[str] = finished) -> Page:
            page = fake.ask(question)
            finished.update(child.name for child in page.node.children or () if child.ended)
            return page

        walked = walk(Asks(ask), LEVEL, still=False)
        assert finished <= {child.name for child in walked.children if child.ended}


@pytest.mark.parametrize("still", [True, False])
def test_a_single_page_is_one_request(still: bool) -> None:
    """One answer is one moment, so nothing more is asked."""
    fake = Fake({"A": 0, "B": 1, "C": 2})
    walked = walk(fake, LEVEL, still=still)
    assert names_of(walked) == {"A", "B", "C"}
    assert fake.asked == [Question(LEVEL, expand=True)]


def test_a_level_without_children_is_one_request() -> None:
    """No children are found, and that is no flaw."""
    fake = Fake({})
    assert walk(fake, LEVEL, still=False) == Walked(Node(LEVEL, children=()), children=(), pages=1)
    assert len(fake.asked) == 1


def test_what_stands_still_is_read_once() -> None:
    """A level that has ended costs exactly its pages, in their order, each with the cursor of the last."""
    fake = Fake({f"P{number}": 2 for number in range(9)}, size=2)
    walked = walk(fake, LEVEL, still=True)
    assert len(walked.children) == 9
    assert [(question.page, question.status) for question in fake.asked] == [(page, None) for page in range(1, 6)]
    assert len({question.cursor for question in fake.asked}) == 5
    assert fake.told == [2, 4, 6, 8, 9]


def test_the_first_page_is_not_read_again() -> None:
    """A page that the caller has just read counts as the first of a level that stands still."""
    fake = Fake({f"P{number}": 2 for number in range(4)}, size=2)
    first = fake.ask(Question(LEVEL, expand=True))
    assert len(walk(fake, LEVEL, still=True, first=first).children) == 4
    assert len(fake.asked) == 2


def test_what_moves_is_walked_in_the_order_in_which_it_lives() -> None:
    """Pending children come first, then those in progress, then all; pages keep their question's filter."""
    fake = Fake({f"P{number:02}": number % 3 for number in range(15)}, size=2)
    assert len(walk(fake, LEVEL, still=False).children) == 15
    order = [question.status for question in fake.asked[1:]]
    assert order == ["PENDING"] * 3 + ["IN_PROGRESS"] * 3 + [None] * 8
    assert all(question.expand and question.outcome is None for question in fake.asked)


@pytest.mark.parametrize("filters", ["ignored", "rejected", "empty"])
def test_without_filters_the_level_is_walked_three_times(filters: str) -> None:
    """A server that does not filter is read as often as a child can move, and once more."""
    fake = Fake({f"P{number:02}": number % 3 for number in range(15)}, size=2, filters=filters)
    assert len(walk(fake, LEVEL, still=False).children) == 15
    full = [question for question in fake.asked if question.status is None]
    assert len(full) == 1 + 3 * 8


@pytest.mark.parametrize("filters", ["ignored", "rejected"])
def test_without_filters_the_keys_of_a_running_job_make_one_walk_enough(filters: str) -> None:
    """Where the job names the children, a server that does not filter is not walked three times."""
    stages = {f"P{number:02}": number % 3 for number in range(60)}
    fake = Fake(stages, lambda request, unfinished: unfinished[: request % 2], size=2, filters=filters)
    assert names_of(side_by_side(fake)) == set(stages)
    assert len(fake.asked) <= 1 + 3 + 30 + 15


def test_a_child_seen_before_the_last_walk_only_is_asked_for_by_name() -> None:
    """A child that finishes while the last walk runs is read once more, so that its end is told."""
    stages = {f"P{number:02}": 2 for number in range(6)} | {"X": 1}
    last = 4  # requests: first page, PENDING, IN_PROGRESS, then the last walk

    def moves(request: int, _unfinished: list[str]) -> Sequence[str]:
        return ["X"] if request == last + 2 else ()

    fake = Fake(stages, moves, size=3)
    fake.stages["P00"] = 2
    walked = walk(fake, LEVEL, still=False)
    assert asked_by_name(fake) == ["X"]
    assert next(child.status for child in walked.children if child.name == "X") == "FINISHED"


def test_a_child_that_cannot_be_asked_for_is_unreadable() -> None:
    """A single child's error takes nothing from the others; a name with a comma is not asked for."""
    fake = Fake({"A": 2})
    fake.faults = {(*LEVEL, "B"): Unreachable("it broke"), (*LEVEL, "C"): NotFound("no such thing")}
    answers = dict(ask_by_name(fake, LEVEL, ["A", "B", "C", "D", "", "E,F"]))
    assert asked_by_name(fake) == ["A", "B", "C", "D"]
    assert [isinstance(answer, ApiError) or answer.found for answer in answers.values()] == [True, True, True, False]


def test_refused_credentials_are_no_single_childs_flaw() -> None:
    """A 401 while a child is asked for ends the walk."""
    fake = Fake({"A": 2})
    fake.faults = {(*LEVEL, "B"): Refused("401"), (*LEVEL, "C"): Refused("401")}
    with pytest.raises(Refused):
        ask_by_name(fake, LEVEL, ["B", "C"])


def test_an_error_of_the_level_itself_is_raised() -> None:
    """What cannot be walked is the caller's to tell."""
    fake = Fake({"A": 2})
    fake.faults = {LEVEL: Unreachable("it broke")}
    with pytest.raises(Unreachable):
        walk(fake, LEVEL, still=False)


def scripted(pages: Iterator[Page]) -> tuple[Callable[[Question], Page], list[Question]]:
    """A server that answers with these pages, whatever is asked, and what it was asked."""
    asked: list[Question] = []

    def ask(question: Question) -> Page:
        asked.append(question)
        return next(pages)

    return ask, asked


def page_of(names: str, following: str | None) -> Page:
    """A page of finished children, one a letter."""
    children = tuple(Node((*LEVEL, name), "FINISHED", "SUCCESS") for name in names)
    return Page(Node(LEVEL, children=children), following, found=True)


@pytest.mark.parametrize(
    ("pages", "requests"),
    [
        ([("AB", "1"), ("CD", "2"), ("EF", "1"), ("GH", "3")], 3),
        ([("AB", "1"), ("CD", "1"), ("EF", "1")], 2),
        ([("AB", "1"), ("AB", "2"), ("AB", "3"), ("AB", "4"), ("CD", None)], 4),
        ([("AB", "1"), ("", "2"), ("", "3"), ("", "4"), ("CD", None)], 4),
        ([("", "1"), ("", "2"), ("", "3"), ("AB", None)], 3),
    ],
    ids=["cursor twice", "its own cursor", "same names", "empty pages", "empty from the first"],
)
def test_pages_without_an_end_are_a_flaw(pages: list[tuple[str, str | None]], requests: int) -> None:
    """A cursor seen before, or three pages in a row without a new name, end the walk, and that is told."""
    ask, asked = scripted(page_of(*each) for each in pages)
    walked = walk(Asks(ask), LEVEL, still=True)
    assert len(asked) == requests
    assert walked.cut


@pytest.mark.parametrize(
    "pages",
    [
        [("AB", "1"), ("AB", "2"), ("AB", "3"), ("CD", None)],
        [("AB", "1"), ("", "2"), ("", "3"), ("C", "4"), ("", "5"), ("D", None)],
        [("AB", "1"), ("CD", None)],
    ],
)
def test_two_pages_without_a_new_name_are_none(pages: list[tuple[str, str | None]]) -> None:
    """Up to two barren pages in a row are read over."""
    ask, asked = scripted(page_of(*each) for each in pages)
    walked = walk(Asks(ask), LEVEL, still=True)
    assert names_of(walked) == set("ABCD")
    assert walked.cut is None
    assert len(asked) == len(pages)


@pytest.mark.slow
def test_pages_that_always_bring_something_new_are_a_flaw() -> None:
    """More children than any task has, beyond those that the job names, are not read to an end."""

    def ask(question: Question) -> Page:
        number = int(question.cursor or 0)
        children = tuple(Node((*LEVEL, f"{number}-{each}")) for each in range(MOST // 2))
        return Page(Node(LEVEL, children=children), str(number + 1) if number < 3 else None, found=True)

    walked = walk(Asks(ask), LEVEL, still=True)
    assert len(walked.children) == MOST
    assert "have no end" in str(walked.cut)
    named = walk(Asks(ask), LEVEL, still=True, keys=[f"{at}" for at in range(MOST)])
    assert (len(named.children), named.cut) == (2 * MOST, None)


@pytest.mark.parametrize("still", [True, False])
def test_pages_too_large_for_their_children_are_not_kept(still: bool) -> None:
    """Whatever new children they bring, pages of many megabytes are read only up to a bound, by all walks together."""
    asked: list[Question] = []

    def ask(question: Question) -> Page:
        asked.append(question)
        new = Node((*LEVEL, f"P{len(asked)}"), question.status or "PENDING")
        return Page(Node(LEVEL, children=(new,)), f"{len(asked)}", found=True, size=LARGEST // 4)

    walked = walk(Asks(ask), LEVEL, still=still, keys=["P1"], running=True)
    assert "too large" in str(walked.cut)
    assert len(asked) < 20


def test_pages_without_an_end_end_a_moving_walk_too() -> None:
    """A server that sends the same page for ever is left after a few requests."""
    fake = Fake({"A": 1, "B": 1})
    requests = 0

    def ask(question: Question) -> Page:
        nonlocal requests
        requests += 1
        page = fake.ask(question)
        return Page(page.node, f"cursor {requests}", found=True)

    walked = walk(Asks(ask), LEVEL, still=False)
    assert names_of(walked) == {"A", "B"}
    assert walked.cut
    assert requests < 30


def test_a_cursor_goes_back_as_it_came() -> None:
    """Whatever a cursor looks like, it is sent back with the same level and filters."""
    odd = "a b+/=&%#\u00e9"
    ask, asked = scripted(iter([page_of("AB", odd), page_of("C", None)]))
    walk(Asks(ask), LEVEL, still=True)
    assert asked[1] == Question(LEVEL, expand=True, cursor=odd, page=2)


def child(status: str | None, outcome: str | None = None, updated: int | None = None, text: str = "") -> Node:
    """A reading of a child; `text` tells two of them apart."""
    details = {} if updated is None else {"lastUpdatedAt": updated}
    return Node((*LEVEL, "A"), status, outcome, text, details)


RUNS, DONE = ("IN_PROGRESS", None), ("FINISHED", "SUCCESS")


@pytest.mark.parametrize(
    ("earlier", "later", "counts"),
    [
        (child(*RUNS), child(*RUNS), "later"),
        (child(*RUNS), child(*DONE), "later"),
        (child(*DONE), child(*RUNS), "earlier"),
        (child(*DONE), child("PENDING"), "earlier"),
        (child(*DONE), child("FINISHED", "FAILED"), "later"),
        (child(*RUNS, 5), child(*RUNS, 6), "later"),
        (child(*RUNS, 6), child(*RUNS, 5), "earlier"),
        (child(*DONE, 5), child(*RUNS, 6), "later"),
        (child(*RUNS, 6), child(*DONE, 5), "earlier"),
        (child(*DONE, 5), child(*RUNS, 5), "earlier"),
        (child(*RUNS, 5), child(*DONE, 5), "later"),
        (child(*RUNS, 5), child(*RUNS, 5), "later"),
        (child(*DONE, 5), child(*RUNS), "earlier"),
        (child(*DONE), child(*RUNS, 5), "earlier"),
        (child(*RUNS, 5), child(*RUNS), "later"),
        (child("ABORTED"), child(*RUNS), "earlier"),
        (child(None), child(*RUNS), "later"),
        (child("PENDING"), child(None), "later"),
    ],
)
def test_which_of_two_readings_counts(earlier: Node, later: Node, counts: str) -> None:
    """The one updated last; without times an end is never taken back, and else the later one counts."""
    assert newer(earlier, later) is (later if counts == "later" else earlier)


def test_an_unreadable_reading_takes_nothing_back() -> None:
    """What could be read counts, whichever came first."""
    broken, read = Node((*LEVEL, "A"), unreadable="odd"), child(*RUNS)
    assert newer(read, broken) is read
    assert newer(broken, read) is read


@pytest.mark.parametrize(("filters", "found"), [("works", {"P01", "P04"}), ("ignored", None), ("rejected", None)])
def test_a_filter_finds_what_runs(filters: str, found: set[str] | None) -> None:
    """One filtered walk finds the children of a status, and a filter not obeyed is told apart from no children."""
    fake = Fake({f"P{number:02}": number % 3 for number in range(6)}, size=1, filters=filters)
    nodes = find(fake, LEVEL, status="IN_PROGRESS")
    assert (None if nodes is None else {node.name for node in nodes}) == found


def test_a_filter_finds_what_went_wrong() -> None:
    """Children are found by their outcome, too, over all pages."""
    fake = Fake({f"P{number:02}": 2 for number in range(12)}, size=1)
    nodes = find(fake, LEVEL, outcome="FAILED") or ()
    assert {node.name for node in nodes} == {name for name in fake.stages if fake.node(name).outcome == "FAILED"}
    assert len(nodes) > 1


@pytest.mark.parametrize(("level", "text"), [((), "the task"), (("check",), "check"), (LEVEL, "migrate,projects")])
def test_a_level_is_shown_as_the_api_writes_it(level: Level, text: str) -> None:
    """Names stand with commas between, and the root has a name for people."""
    assert shown(level) == text


def scenario_of(filters: script.FilterMode, chance: random.Random) -> script.Scenario:
    """A migration whose 30 projects run for some seconds each, at random times."""
    projects = []
    for number in range(30):
        started = chance.uniform(-20, 40)
        projects.append(
            script.SimNode(
                name=f"P{number:02}",
                reported_at=-100,
                started_at=started,
                ended_at=started + chance.uniform(1, 30),
                outcome=chance.choice(OUTCOMES),
                has_details=chance.random() < 0.5,
            )
        )
    level = script.SimNode(name="projects", hidden=True, children=tuple(projects))
    migrate = script.SimNode(name="migrate", started_at=-100, ended_at=200, outcome="SUCCESS", children=(level,))
    root = script.SimNode(name="root", started_at=-100, ended_at=200, outcome="SUCCESS", children=(migrate,))
    task = script.SimTask(label="migrate", task_id="t", task_type="migrate", created_at=-100, root=root)
    job = script.SimJob(job_id="j", name="n", flow="jira-onpremises-to-cloud", server_id="s", destination_url="u")
    return script.Scenario(name="moving", job=job, tasks=(task,), page_size=4, filters=filters)


@contextmanager
def simulated(filters: script.FilterMode, seed: int) -> Iterator[tuple[Server, Callable[[Question], Page]]]:
    """A simulator whose clock moves a second with every request, and a client of it."""
    seconds = [1_700_000_000.0]

    def clock() -> float:
        seconds[0] += 1
        return seconds[0]

    scenario = scenario_of(filters, random.Random(seed))  # noqa: S311  chance, not secrecy
    with serve(scenario, clock=clock, speed=1.0, rate_limit=None) as server:
        environ = {
            "MIGSTAT_BASE_URL": server.base_url,
            "MIGSTAT_EMAIL": server.email,
            "MIGSTAT_TOKEN": server.token,
            "MIGSTAT_RATE_LIMIT": "none",
        }
        timing = Timing(lambda: 0.0, lambda _: pytest.fail("a request was retried"))
        with Api(settings_from(Flags(), environ, str), timing) as api:
            yield server, lambda question: api.status("j", "t", question)


@pytest.mark.parametrize("filters", ["works", "ignored", "empty", "rejected"])
@pytest.mark.parametrize("seed", range(5))
def test_a_walk_over_a_socket_never_loses_a_child(filters: script.FilterMode, seed: int) -> None:
    """Against the simulator, whose projects move between two pages, all of them are found."""
    with simulated(filters, seed) as (server, ask):
        walked = walk(Asks(ask), LEVEL, still=False)
        assert names_of(walked) == {f"P{number:02}" for number in range(30)}
        assert walked.cut is None
        assert len(server.requests) > 8


def test_the_simulators_children_move_between_pages() -> None:
    """A plain walk over the same socket loses children, so that the test above means something."""
    losing = 0
    for seed in range(5):
        with simulated("works", seed) as (_, ask):
            names: set[str] = set()
            question: Question | None = Question(LEVEL, expand=True)
            while question:
                page = ask(question)
                names |= {child.name for child in page.node.children or ()}
                question = Question(LEVEL, expand=True, cursor=page.next) if page.next else None
            losing += len(names) < 30
    assert losing >= 3
