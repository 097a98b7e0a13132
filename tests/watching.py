"""Watches of simulated migrations in simulated time: hours pass in seconds, and nothing is sent anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from migstat.api.endpoints import Api
from migstat.api.retry import Policy
from migstat.api.retry import Timing as ApiTiming
from migstat.follow.deadline import Deadline
from migstat.follow.poll import Poller
from migstat.follow.watch import Plan, Watch
from migstat.model.events import Changed, Ended, Event, Resumed, Seen, View, Waiting
from migstat.model.nodes import Level, Node
from migstat.query.task import TaskSession
from migstat.settings.resolve import Sources
from migstat.settings.target import Target
from migstat.simulator import scenario as script
from migstat.simulator.app import ADMIN, App
from migstat.simulator.exchange import HttpRequest
from tests.command_line import environ_at

EPOCH = 1_790_000_000.0
"""The epoch second at which the scenarios begin."""

ENVIRON = environ_at("http://127.0.0.1:9", email=ADMIN.email, token=ADMIN.token)
LIMIT = 540
REQUEST_TIMEOUT = 15.0
INTERVAL = 20.0
"""Seconds between two polls unless a plan says else: half as many as by default find as much."""


class Endless(AssertionError):
    """A watch went on for longer than any of these migrations takes."""


@dataclass
class SimulatedTime:
    """Seconds since the scenario's beginning, which pass by sleeping only. At `ends` sleeping raises the error.

    Nobody sleeps beyond `latest`. The time of the day has been set by `step` seconds.
    """

    now: float = 0.0
    ends: tuple[float, BaseException] | None = None
    latest: float = 7200.0
    slept: list[float] = field(default_factory=list)
    step: float = 0.0

    def clock(self) -> float:
        """Steady seconds, which are not those of the day."""
        return self.now + 5000.0

    def wall(self) -> float:
        """Epoch seconds."""
        return EPOCH + self.now + self.step

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        if self.now > self.latest:
            raise Endless
        if self.ends is not None and self.now + seconds >= self.ends[0]:
            self.now = max(self.now, self.ends[0])
            raise self.ends[1]
        self.now += seconds


Answer = httpx.Response | Exception | None
"""What comes in place of the simulator's answer."""

Trouble = Callable[[str, float], Answer]
"""What goes wrong with a request: its path and query, and the second at which it is sent."""


def no_trouble(_target: str, _now: float) -> Answer:
    return None


def unavailable() -> Answer:
    return httpx.Response(503, json={"status": 503, "errorMessage": "down", "id": "1"})


@dataclass(frozen=True)
class Sent:
    """One request: when it was sent and about what."""

    at: float
    target: str

    @property
    def brief(self) -> str:
        """In short: `job`, `task`, or a level with + where it was expanded, with its filter and whether it goes on."""
        parts = urlsplit(self.target)
        if not parts.path.endswith("/status"):
            return "task" if "/tasks/" in parts.path else "job"
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        expanded = "+" if query.get("expandChildren") == "true" else ""
        wanted = "".join(f" {query[name]}" for name in ("status", "outcome") if name in query)
        return query.get("level", "root") + expanded + wanted + (" next" if "cursor" in query else "")


def answered(app: App, request: httpx.Request, time: SimulatedTime) -> httpx.Response:
    target = request.url.raw_path.decode()
    answer = app.handle(HttpRequest("GET", target, request.headers.get("Authorization")))
    time.now += answer.delay
    if answer.delay > REQUEST_TIMEOUT:
        raise httpx.ReadTimeout("too slow")
    if answer.delivery == "reset":
        raise httpx.ReadError("Connection reset by peer")
    if answer.delivery == "cut":
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")
    return httpx.Response(answer.status, headers=list(answer.headers), content=answer.body)


class OneByOne(TaskSession):
    """Asks one question after another: what goes wrong with which, and when, is the same each time."""

    def together(self, function: Callable[[Any], Any], items: Sequence[Any], at_a_time: int = 1) -> list[Any]:
        return [function(item) for item in items]


class SimulatedWatch:
    """A simulated API behind a client, and a watch of its last task. All that happens is kept.

    `latency` is how many seconds a request takes, `patience` for how many the watch may go on. Requests are made one
    after the other unless `session` makes several at a time. By default the last task is watched. The watch's own wall
    clock is `fast` by some seconds.
    """

    def __init__(
        self,
        scenario: script.Scenario,
        *,
        begin: float = 0.0,
        plan: Plan | None = None,
        trouble: Trouble = no_trouble,
        latency: float = 0.0,
        rate_limit: int | None = LIMIT,
        ends: tuple[float, BaseException] | None = None,
        seen: Callable[[], Seen] = Seen,
        share: Callable[[], float] = lambda: 1.0,
        timeout: float | None = None,
        patience: float = 5400.0,
        task: str = "",
        fast: float = 0.0,
        session: type[TaskSession] = OneByOne,
    ) -> None:
        self.scenario = scenario
        self.time = SimulatedTime(begin, ends, begin + patience)
        self.trouble = trouble
        self.sent: list[Sent] = []
        self.view: View | None = None
        self.app = App(scenario, script.Timeline(EPOCH, 1.0), clock=lambda: EPOCH + self.time.now, rate_limit=600)
        self._latency = latency
        own_wall = lambda: self.time.wall() + fast  # noqa: E731
        self.deadline = Deadline(self.time.clock, self.time.sleep, timeout)
        self.api = Api(
            Sources({}, ENVIRON | {"MIGSTAT_RATE_LIMIT": str(rate_limit or "none")}).open(),
            ApiTiming(self.time.clock, self.deadline.sleep, share=share, now=own_wall, ends_at=self.deadline.ends_at),
            policy=Policy(give_up_after=8.0),
            transport=httpx.MockTransport(self._answer),
        )
        self.session = session(self.api, Target(scenario.job.job_id, task or self.task.task_id), own_wall, rate_limit)
        plan = plan or Plan(interval=INTERVAL)
        self.filled: list[View] = []
        self.watch = Watch(
            self.session,
            plan,
            self.deadline,
            share=share,
            recall=lambda _job_id, _task_id: seen(),
            show=self.filled.append,
        )

    @property
    def poller(self) -> Poller:
        return self.watch._poller

    @property
    def known(self) -> dict[Level, Node]:
        return {node.level: node for node in self.poller.known.nodes()}

    @property
    def task(self) -> script.SimTask:
        return self.scenario.tasks[-1]

    def events(self) -> Iterator[Event]:
        """The events as they happen; the latest pause is in `view`."""
        with closing(self.api):
            for event in self.watch.events():
                if isinstance(event, Waiting):
                    self.view = event.view
                elif not isinstance(event, Resumed):
                    yield event

    def run(self) -> list[Event]:
        return list(self.events())

    def ended(self) -> Ended:
        return the_end(self.run())

    def asked(self, since: float = 0.0) -> list[str]:
        return [sent.brief for sent in self.sent if sent.at >= since]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode()
        self.sent.append(Sent(self.time.now, target))
        self.time.now += self._latency
        instead = self.trouble(target, self.time.now)
        if isinstance(instead, Exception):
            raise instead
        return instead or answered(self.app, request, self.time)


def the_end(events: list[Event]) -> Ended:
    last = events[-1]
    assert isinstance(last, Ended)
    assert not any(isinstance(event, Ended) for event in events[:-1])
    return last


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def changes(events: list[Event], *level: str) -> list[tuple[str | None, str | None]]:
    """What the changes of one node led from and to; outcomes where there are, else statuses."""
    found = [event for event in events if isinstance(event, Changed) and event.node.level == level]
    return [
        (
            None if change.before is None else change.before.outcome or change.before.status,
            change.node.outcome or change.node.status,
        )
        for change in found
    ]


def seconds_of(event: Event) -> float:
    return event.at / 1000 - EPOCH


def pauses(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


def outage(begin: float, end: float, answer: Callable[[], Answer] = unavailable, about: str = "") -> Trouble:
    """From one second to another nothing is answered to requests about this but that."""
    return lambda target, now: answer() if begin <= now < end and about in target.replace("%2C", ",") else None


JsonTree = dict[str, Any]
"""A node of the status tree in the API's JSON, its children with all that is below them."""


def served(tree: JsonTree) -> Trouble:
    """Answers about the tree, whatever the simulator's scenario says.

    A level whose node is a number fails so, and one with a number that `fails` does where it is expanded.
    """

    def answer(target: str, _now: float) -> Answer:
        parts = urlsplit(target)
        if not parts.path.endswith("/status"):
            return None
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        node = node_of(tree, query)
        failure = node.get("fails") if isinstance(node, dict) and "expandChildren" in query else node
        if isinstance(failure, int):
            return httpx.Response(failure)
        return httpx.Response(200, json={"data": data_of(tree, query) or {}, "links": {}})

    return answer


def node_of(tree: JsonTree, query: dict[str, str]) -> Any:
    node: Any = tree
    for name in query["level"].split(",") if query.get("level") else ():
        node = (node.get("children") or {}).get(name) if isinstance(node, dict) else None
    return node


def data_of(tree: JsonTree, query: dict[str, str]) -> Any:
    """The data that answers a question about a tree: no pages; hidden children are asked for by name only."""
    node = node_of(tree, query)
    if not isinstance(node, dict):
        return node
    data = {name: value for name, value in node.items() if name not in ("children", "fails", "hidden")}
    if "expandChildren" in query and node.get("children"):
        data["children"] = {
            name: {key: value for key, value in child.items() if key not in ("children", "fails")}
            for name, child in node["children"].items()
            if isinstance(child, dict)
            and not child.get("hidden")
            and all(query.get(filter_) in (None, child.get(filter_)) for filter_ in ("status", "outcome"))
        }
    return data


def done(outcome: str = "SUCCESS", **more: Any) -> JsonTree:
    return {"status": "FINISHED", "outcome": outcome, **more}


def going(**more: Any) -> JsonTree:
    return {"status": "IN_PROGRESS", **more}


def truth(node: script.SimNode, now: float, level: Level = ()) -> dict[Level, tuple[str, str | None]]:
    """Status and outcome of every reported node that has a status, by its level."""
    found = {} if node.hidden else {level: (node.status_at(now), node.outcome_at(now))}
    for child in node.children:
        if child.is_reported(now):
            found |= truth(child, now, (*level, child.name))
    return found
