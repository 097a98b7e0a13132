"""However a night went and whoever asks: a watch from the start, a later watch and `status` come to one exit code."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from migstat.api.endpoints import Api
from migstat.api.retry import Policy
from migstat.api.retry import Timing as ApiTiming
from migstat.cli.app import run
from migstat.cli.commands.simulate import variables_of
from migstat.cli.context import Runtime
from migstat.cli.streams import Streams
from migstat.errors import MigstatError
from migstat.follow.deadline import Deadline
from migstat.follow.watch import Plan, Watch, paced
from migstat.model.events import Ended
from migstat.model.exit_codes import exit_of_error
from migstat.query.task import TaskSession
from migstat.settings.resolve import Flags, settings_from
from migstat.settings.target import Target
from migstat.simulator.scenario import Scenario
from migstat.simulator.server import Server, serve
from tests.follow.histories import LONG_AFTER, History, Writer, expected_code
from tests.watching import Time

STATUSES = (
    ("--output", "table"),
    ("--output", "plain"),
    ("--json",),
    ("--output", "tree"),
    ("--raw",),
    ("--depth", "all", "--output", "csv"),
    ("--depth", "0", "--json"),
    ("--output", "markdown"),
)


class Stage:
    """A history on a server of the loopback interface, whose clock moves by sleeping only."""

    def __init__(self, server: Server, time: Time) -> None:
        self.server = server
        self.time = time
        self.environ = {**variables_of(server), "MIGSTAT_JOB": "job-1", "MIGSTAT_TASK": "task-1"}

    def watch(self, at: float, plan: Plan | None = None) -> int:
        """The exit code of a watch that begins at a second."""
        self.time.now = at
        time = self.time
        settings = settings_from(Flags(), self.environ | {"MIGSTAT_RATE_LIMIT": "none"}, str)
        timing = ApiTiming(time.clock, time.sleep, share=lambda: 0.5, now=time.wall)
        with Api(settings, timing, policy=Policy(give_up_after=8.0)) as api:
            session = TaskSession(lambda: api, Target("job-1", "task-1"), time.wall, None)
            deadline = Deadline(time.clock, time.sleep, None)
            watch = Watch(session, plan or Plan(), deadline, now=time.wall, share=lambda: 0.5)
            try:
                last = [*paced(watch.events(), deadline.sleep)][-1]
            except MigstatError as error:
                return exit_of_error(error)
        assert isinstance(last, Ended)
        return last.exit_code

    def status(self, at: float, *words: str) -> int:
        """The exit code of `status --exit-status` at a second."""
        self.time.now = at
        streams = Streams(io.StringIO(), io.StringIO())
        clock = self.time
        runtime = Runtime(self.environ, streams, now=clock.wall, clock=clock.clock, sleep=clock.sleep)
        return run(["status", "--exit-status", *words], runtime)


@contextmanager
def staged(scenario: Scenario, patience: float) -> Iterator[Stage]:
    """A stage for this scenario, on which nobody may wait longer than for so many seconds."""
    time = Time(latest=patience)
    with serve(scenario, clock=time.wall, speed=1.0, rate_limit=None) as server:
        yield Stage(server, time)


def codes(history: History) -> dict[str, int]:
    """What each way of asking comes to."""
    later = history.end + LONG_AFTER
    with staged(history.scenario, later + 20_000) as stage:
        found = {
            "watch": stage.watch(0.0),
            "watch from the middle": stage.watch(history.end * 0.7),
            "later watch": stage.watch(later),
        }
        for number, words in enumerate(STATUSES):
            found[" ".join(words)] = stage.status(later + 2000 + number * 1000, *words)
    return found


def assert_agreed(seed: int) -> None:
    """All ways of asking about the history of a seed come to the code that is expected."""
    history = Writer(seed).history()
    expected = expected_code(history.scenario, history.end + LONG_AFTER)
    if expected is None:  # a scope never ends, and neither would a watch
        return
    found = codes(history)
    assert found == dict.fromkeys(found, expected), (seed, expected, history.about)


@pytest.mark.parametrize("seed", range(24))
def test_all_agree_on_some_histories(seed: int) -> None:
    """The exit code is the same for whoever asks, in any format and depth, and it is the right one."""
    assert_agreed(seed)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(30))
def test_all_agree_on_hundreds_of_histories(part: int) -> None:
    """The same for three hundred histories more."""
    for seed in range(1000 + part * 10, 1010 + part * 10):
        assert_agreed(seed)
