"""Records of simulated nights: a watch whose clock moves by its own pauses, so that hours take a second."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from migstat.api.endpoints import Answer, Api, path_of
from migstat.api.http import Resource
from migstat.errors import Unreachable
from migstat.follow.deadline import Deadline, Stopped
from migstat.follow.night import read_back
from migstat.follow.record import Record
from migstat.follow.watch import Plan, Watch
from migstat.model.events import Resumed, Waiting
from migstat.query.task import TaskSession
from migstat.render.json import encoded, event_document
from migstat.settings.target import Target
from migstat.simulator.app import ADMIN, App
from migstat.simulator.exchange import HttpRequest
from migstat.simulator.scenario import Scenario, SimNode, Timeline

INTERVAL = 60.0
"""Seconds between two polls of at most MANY nodes; with more, polls are rarer, since each takes longer."""

MANY = 500

BREAK = (0.45, 300.0)
OUTAGE = (0.65, 240.0)
"""The break in watching and the outage: the share of the night after which each begins, and its seconds."""


def record_night(path: Path, scenario: Scenario, begins: float, *, smooth: bool = False) -> None:
    """Record a scenario that begins at an epoch second, with a break and an outage unless all goes `smooth`."""
    now = begins
    job, task = scenario.job, scenario.tasks[-1]
    first = task.created_at + 60
    interval = INTERVAL * max(1.0, _size(task.root) / MANY)
    stop, silence = (begins + (scenario.duration - first) * share for share, _ in (BREAK, OUTAGE))
    stops_at = math.inf if smooth else stop

    def clock() -> float:
        return now

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        if now >= stops_at:
            raise Stopped

    app = App(scenario, Timeline(begins, 1.0, first), clock=clock, rate_limit=None)
    api = SimulatedApi(app, clock, lambda: not smooth and silence <= now < silence + OUTAGE[1])
    with Record(path) as record:
        while True:
            session = TaskSession(api, Target(job.job_id, task.task_id), clock, None)
            watch = Watch(
                session,
                Plan(interval=interval),
                Deadline(clock, sleep, None),
                share=lambda: 0.5,  # not random: a demo shows the same night each time
                recall=lambda job_id, task_id: read_back(path, job_id, task_id)[0],
            )
            for event in watch.events():
                if not isinstance(event, Waiting | Resumed):
                    record.append(encoded(event_document(event)))
            if stops_at == math.inf:
                return
            stops_at, now = math.inf, now + BREAK[1]


class SimulatedApi(Api):
    """The API, answered by the simulator without a socket; it is out of reach while `silent` says so."""

    def __init__(self, app: App, clock: Callable[[], float], silent: Callable[[], bool]) -> None:
        self._app = app
        self._clock = clock
        self._silent = silent

    def server_time(self) -> float:
        """The time of the night."""
        return self._clock()

    def request(
        self, resource: Resource, below: str, query: dict[str, str | None], decode: Callable[[bytes], Answer]
    ) -> Answer:
        """The decoded answer to a GET of a path below the job."""
        if self._silent():
            raise Unreachable("the server answered 503 (Service Unavailable)", again=True)
        path = path_of(resource, below, query)
        return decode(self._app.handle(HttpRequest("GET", path, f"Basic {ADMIN.authorization()}")).body)


def rehearsed(scenario: Scenario) -> Scenario:
    """The same migration a week before, when each project took some minutes more or less."""
    tasks = tuple(dataclasses.replace(task, root=_varied(task.root)) for task in scenario.tasks)
    return dataclasses.replace(scenario, tasks=tasks)


def _varied(node: SimNode) -> SimNode:
    children = tuple(map(_varied, node.children))
    if children or node.started_at is None or node.ended_at is None:
        return dataclasses.replace(node, children=children)
    share = 0.7 + sum(map(ord, node.name)) % 40 / 100
    return dataclasses.replace(node, ended_at=node.started_at + (node.ended_at - node.started_at) * share)


def _size(node: SimNode) -> int:
    return 1 + sum(map(_size, node.children))


def saturday_night(now: float) -> float:
    """Ten in the evening of the last Saturday at least a day ago, local time, in epoch seconds."""
    day = datetime.fromtimestamp(now).astimezone() - timedelta(days=1)
    saturday = day - timedelta(days=(day.weekday() - 5) % 7)
    return saturday.replace(hour=22, minute=2, second=0, microsecond=0, tzinfo=None).timestamp()
