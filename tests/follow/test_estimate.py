"""The end estimated from a rehearsal."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from migstat.follow.estimate import Estimate, Rehearsal, estimate, rehearsal_of, rehearsed_of
from migstat.model.nights import Night, Span
from migstat.model.nodes import Node, State, TaskType
from migstat.model.shape import Evidence
from migstat.model.verdict import Until
from tests.benchmarks.estimates import CASES, Case, errors
from tests.render.screens import MINUTE, NOW, PROJECTS, node
from tests.scenarios import job_of


@pytest.mark.parametrize(
    ("case", "minutes"), [*zip(CASES[:3], (3, 7, 6), strict=True)], ids=lambda each: getattr(each, "name", "")
)
def test_at_half_time_the_estimate_is_close(case: Case, minutes: float) -> None:
    """In half of 400 simulated nights of one to two hours the estimate at half time is only minutes off."""
    assert median(errors(case, 0.5)) <= minutes


def span(*level: str, begin: float = 0, minutes: float | None = 10, state: State = State.SUCCEEDED) -> Span:
    """What a rehearsal recorded: from which minute on a node ran, and for how long; None if it never ended."""
    started = NOW + int(begin * MINUTE)
    ended = None if minutes is None else started + int(minutes * MINUTE)
    return Span(level=level, state=state, started=started, ended=ended)


def rehearsal(*spans: Span, root: float = 100, task_type: str = "migrate", as_of: float = 100) -> Rehearsal:
    """A rehearsal whose root took `root` minutes."""
    found = {each.level: each for each in (span(minutes=root), *spans)}
    return rehearsal_of(Night(spans=found, task_type=task_type, as_of=NOW + int(as_of * MINUTE)))


REHEARSED = rehearsal(
    span("check", begin=0, minutes=5),
    span("migrate", begin=5, minutes=90),
    span("migrate", "users", begin=5, minutes=10),
    *(span(*PROJECTS, name, begin=20 + at * 5) for at, name in enumerate("ABC")),
    span(*PROJECTS, "LONG", begin=22, minutes=40),
    span("migrate", "apps", begin=20, minutes=80),
)
"""Four projects that ran at a time: three of ten minutes, one of forty, and two scopes."""


def waits(*level: str) -> Node:
    return node(*level, state="PENDING")


def running(*level: str, ago: float) -> Node:
    return node(*level, state="IN_PROGRESS", ago=ago, ran=0)


def done(*level: str, ran: float, outcome: str = "SUCCESS") -> Node:
    return node(*level, state=outcome, ran=ran)


def tonight(
    *nodes: Node, age: float = 60, check: Node | None = None, task_type: str = "migrate", scope: object = None
) -> Evidence:
    """What was read of a task that began `age` minutes ago: projects and scopes; `scope` is that of the job."""
    projects = tuple(each for each in nodes if each.level[:2] == PROJECTS)
    scopes = tuple(each for each in nodes if len(each.level) == 2)
    hidden = (Node(PROJECTS, children=projects),) if projects else ()
    below = (Node(("migrate",), "IN_PROGRESS", children=(*scopes, *hidden)),) if scopes or projects else ()
    tops = tuple(each for each in nodes if len(each.level) == 1)
    first = () if task_type == TaskType.CHECK else (check or done("check", ran=5),)
    root = running(ago=age)
    root = Node((), root.status, details=root.details, children=(*first, *tops, *below))
    return Evidence(root=root, task_type=task_type, job=None if scope is None else job_of({"scope": scope}))


def minutes_left(found: Estimate) -> float | None:
    return None if found.end is None else round((found.end - NOW) / MINUTE, 2)


A, B, C, LONG = (*PROJECTS, "A"), (*PROJECTS, "B"), (*PROJECTS, "C"), (*PROJECTS, "LONG")
AS_THEN = tuple(done(*level, ran=10) for level in (A, B, C))
TWICE = tuple(done(*level, ran=20) for level in (A, B, C))


@pytest.mark.parametrize(
    ("evidence", "left", "pace"),
    [
        pytest.param(tonight(*AS_THEN, running(*LONG, ago=30)), 10, 1.0, id="what runs has its rest to go"),
        pytest.param(tonight(*TWICE, running(*LONG, ago=30)), 50, 2.0, id="at half the pace it takes twice as long"),
        pytest.param(tonight(*TWICE[:2], running(*LONG, ago=30)), 10, None, id="two say nothing of the pace"),
        pytest.param(tonight(*AS_THEN, running(*LONG, ago=50)), 4, 1.0, id="overtime is a tenth"),
        pytest.param(tonight(running(*A, ago=5), waits(*LONG), waits(*B)), 55, None, id="the rest follows in one lane"),
        pytest.param(tonight(running(*A, ago=5), running(*B, ago=5), waits(*C), waits(*LONG)), 45, None, id="in two"),
        pytest.param(tonight(running(*PROJECTS, "NEW", ago=4)), 6, None, id="a new name takes the median"),
        pytest.param(tonight(running(*PROJECTS, "long", ago=4)), 36, None, id="names may differ in case"),
        pytest.param(tonight(*AS_THEN[:2], done(*C, ran=1, outcome="FAILED")), None, None, id="failures have no pace"),
        pytest.param(tonight(*AS_THEN[:2], done(*C, ran=0, outcome="SKIPPED")), None, None, id="nor has a skipped one"),
        pytest.param(tonight(*AS_THEN), None, 1.0, id="nothing is left that is known"),
        pytest.param(tonight(*AS_THEN, waits(*LONG)), 40, 1.0, id="between two projects nothing runs"),
        pytest.param(tonight(waits(*A), waits(*LONG), age=15), 47 - 2, None, id="projects begin when they did"),
        pytest.param(tonight(waits(*A), waits(*LONG), age=30), 40, None, id="or at once, when that has passed"),
        pytest.param(tonight(*AS_THEN, running("migrate", "apps", ago=20)), 60, 1.0, id="a scope goes on alongside"),
        pytest.param(tonight(*AS_THEN, waits("migrate", "apps"), age=10), 90, 1.0, id="a scope that has yet to begin"),
        pytest.param(tonight(*AS_THEN, running("migrate", "other", ago=20)), None, 1.0, id="an unknown scope"),
        pytest.param(tonight(*AS_THEN, scope={"apps": {"mode": "all"}}), 80, 1.0, id="a scope to be reported"),
        pytest.param(tonight(check=running("check", ago=1), age=1), 99, None, id="only the checks have begun"),
        pytest.param(
            tonight(check=running("check", ago=1), age=1, scope={"users": {"mode": "all"}}), 14, None, id="users only"
        ),
    ],
)  # fmt: skip
def test_what_is_left_takes_as_long_as_in_the_rehearsal(evidence: Evidence, left: float, pace: float | None) -> None:
    """The estimate is the unfinished work of the rehearsal, at tonight's pace and in the lanes that run."""
    found = estimate(REHEARSED, evidence, now=NOW)
    assert (minutes_left(found), found.pace) == (left, pace)


@pytest.mark.parametrize(
    ("until", "evidence", "left"),
    [
        (Until.DONE, tonight(*AS_THEN, running(*LONG, ago=30), running("migrate", "apps", ago=20)), 60),
        (Until.CORE, tonight(*AS_THEN, running(*LONG, ago=30), running("migrate", "apps", ago=20)), 10),
        (Until.CHECKS, tonight(running(*LONG, ago=30), check=running("check", ago=2)), 3),
        (Until.DONE, tonight(running("A", ago=1), age=2, task_type="check"), 3),
        (Until.CHECKS, tonight(running("A", ago=1), age=2, task_type="check"), 3),
    ],
)
def test_only_what_is_waited_for_is_left(until: Until, evidence: Evidence, left: float) -> None:
    """`--until core` leaves out apps, `--until checks` and a check task everything but the checks."""
    assert minutes_left(estimate(REHEARSED, evidence, until, now=NOW)) == left


@pytest.mark.parametrize("stamps", [{"startedAt": 1}, {"startedAt": NOW // 1000}, {"lastUpdatedAt": 3 * NOW}])
def test_a_meaningless_stamp_says_nothing_of_the_pace(stamps: dict[str, int]) -> None:
    """A start in seconds, or an end in the far future, made the night millions of times as slow as the rehearsal."""
    wrong = (replace(each, details={**each.details, **stamps}) for each in AS_THEN)
    found = estimate(REHEARSED, tonight(*wrong, running(*LONG, ago=30)), now=NOW)
    assert (minutes_left(found), found.pace) == (10, None)


def test_an_end_past_the_calendar_is_unknown() -> None:
    """Stamps that may be times, but are wrong, lead to no estimate that cannot be shown."""
    past = (node(*level, state="SUCCESS", ago=12e6, ran=12e6) for level in (A, B, C))  # 22 years
    brief = (span(*PROJECTS, name, minutes=1 / 60_000) for name in "ABC")
    known = rehearsal(*brief, span(*PROJECTS, "LONG", minutes=10_000))
    assert estimate(known, tonight(*past, running(*LONG, ago=30)), now=NOW).end is None


def test_what_is_not_reported_yet_is_still_to_come() -> None:
    """Keys of the job count as pending, in the order of the rehearsal; what only the rehearsal had does not."""
    evidence = tonight(running(*A, ago=5), waits(*B))
    assert minutes_left(estimate(REHEARSED, evidence, now=NOW, missing=("LONG", "NEW"))) == 5 + 10 + 40 + 10
    assert minutes_left(estimate(REHEARSED, evidence, now=NOW)) == 5 + 10


def test_our_clock_and_the_lanes_of_late_come_first() -> None:
    """When a node was seen to begin beats its stamp, and how many ran of late what runs at this moment."""
    evidence = tonight(running(*A, ago=600), waits(*B), waits(*C))
    found = estimate(REHEARSED, evidence, now=NOW, since={A: NOW - 4 * MINUTE}, lanes=3)
    assert minutes_left(found) == 10


def test_a_rehearsal_is_sorted_out() -> None:
    """What failed or never ended takes the median at least and has no pace; what was skipped is unknown."""
    known = rehearsal(
        *(span(*PROJECTS, name, begin=at, minutes=10) for at, name in enumerate("ABC")),
        span(*PROJECTS, "EARLY", begin=20, minutes=1, state=State.FAILED),
        span(*PROJECTS, "LATE", begin=20, minutes=30, state=State.FAILED),
        span(*PROJECTS, "OPEN", begin=60, minutes=None, state=State.RUNNING),
        span(*PROJECTS, "NONE", state=State.SKIPPED),
        span(*PROJECTS, "ATONCE", minutes=0),
        Span(level=(*PROJECTS, "WAITS"), state=State.PENDING),
        as_of=100,
    )
    took = {name: (each.seconds / 60, each.whole) for name, each in known.work.items()}
    assert took == {**dict.fromkeys("ABC", (10, True)), "EARLY": (10, False), "LATE": (30, False), "OPEN": (40, False)}
    assert (known.usual, known.lanes, known.offset) == (600, 3, 0)
    two = [done(*PROJECTS, name, ran=20) for name in "AB"]
    failed_then, well_then = done(*PROJECTS, "LATE", ran=20), done(*PROJECTS, "C", ran=20)
    assert estimate(known, tonight(*two, failed_then), now=NOW).pace is None
    assert estimate(known, tonight(*two, done(*PROJECTS, "C", ran=0)), now=NOW).pace is None
    assert estimate(known, tonight(*two, well_then), now=NOW).pace == 2


def test_checks_of_a_check_task_are_those_of_a_migration() -> None:
    """A check task may be the rehearsal of a check, and its checks set the pace."""
    checks = tuple(span(f"C{at}", minutes=1) for at in range(4))
    timeless = Span(level=("T",), state=State.SUCCEEDED)
    known = rehearsal(*checks, timeless, root=10, task_type="check")
    evidence = tonight(*(done(f"C{at}", ran=2) for at in range(3)), done("T", ran=9), age=4, task_type="check")
    assert rehearsed_of(known, evidence) == (4, 4)
    found = estimate(known, evidence, now=NOW)
    assert (minutes_left(found), found.pace) == (16, 2.0)


def test_names_in_common_are_counted() -> None:
    """Names of the rehearsal are counted among those that were reported or that the job names; spaces are such, too."""
    assert rehearsed_of(REHEARSED, tonight(waits(*A), waits(*PROJECTS, "NEW")), ("b", "OTHER")) == (2, 4)
    assert rehearsed_of(REHEARSED, tonight()) == (0, 0)
    assert list(rehearsal(span("migrate", "spaces", "DOC")).work) == ["DOC"]


NAMES = st.sampled_from(["A", "B", "C", "LONG", "NEW", "OTHER"])
MOMENTS = st.floats(0, 200)
LIVES: st.SearchStrategy[Mapping[str, tuple[str, float, float]]] = st.dictionaries(
    NAMES, st.tuples(st.sampled_from(["PENDING", "IN_PROGRESS", "SUCCESS", "FAILED"]), MOMENTS, MOMENTS), max_size=6
)


@given(LIVES, st.lists(NAMES, unique=True).map(tuple), st.integers(0, 5))
def test_an_estimate_lies_ahead_and_more_work_takes_no_less(
    lives: Mapping[str, tuple[str, float, float]], missing: tuple[str, ...], lanes: int
) -> None:
    """Whatever was read, an end is yet to come, and what is missing besides never makes it come earlier."""
    nodes = [node(*PROJECTS, name, state=status, ago=ago, ran=ran) for name, (status, ago, ran) in lives.items()]
    missing = tuple(name for name in missing if name not in lives)
    found = estimate(REHEARSED, tonight(*nodes), now=NOW, lanes=lanes)
    more = estimate(REHEARSED, tonight(*nodes), now=NOW, missing=missing, lanes=lanes)
    assert found.end is None or found.end >= NOW
    assert not nodes or (more.end or 0) >= (found.end or 0)
