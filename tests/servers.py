"""Servers whose clock stands still or goes on by sleeping, servers that answer what a test wants, and asking them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from migstat.simulator.scenario import Scenario
from migstat.simulator.server import Server, serve
from tests.command_line import Result, environ_at, environ_of, migstat
from tests.scenarios import HERE
from tests.sockets import head, serving
from tests.watching import data_of

NOW = 1_790_000_000.0
"""The epoch second at which frozen migrations are looked at: 2026-09-21T14:13:20Z."""

FORMATS = ("table", "tree", "plain", "json", "ndjson", "csv", "markdown")

PREFIX = "/migrations/public/v1"


class Sleeps(list[float]):
    """Seconds slept, and what is to happen as soon as so many have been."""

    def __init__(self) -> None:
        super().__init__()
        self.plans: list[tuple[float, Callable[[], object]]] = []

    def append(self, seconds: float) -> None:
        super().append(seconds)
        for plan in [each for each in self.plans if each[0] <= sum(self)]:
            self.plans.remove(plan)
            plan[1]()


@dataclass(frozen=True)
class SleptServer:
    """A server and its watchers whose time goes on by what is slept, and by nothing else."""

    server: Server
    slept: Sleeps

    def now(self) -> float:
        return NOW + sum(self.slept)

    def at(self, second: float, plan: Callable[[], object]) -> None:
        self.slept.plans.append((second, plan))

    def watch(self, *words: str, env: Mapping[str, str] | None = None, **more: Any) -> Result:
        """Watch until it ends, with a poll every 20 seconds unless the words say else."""
        environ = {**environ_of(self.server), **(env or {})}
        return migstat(["watch", "--interval", "20s", *words], environ, now=self.now, sleep=self.slept, **more)

    def events(self, *words: str, **more: Any) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.watch("--json", *words, **more).out.splitlines()]


@contextmanager
def night(scripted: Scenario, *, head_start: float = 0.0) -> Iterator[SleptServer]:
    """Serve a scenario whose time goes on by what its watchers sleep, from scenario second `head_start`."""
    slept = Sleeps()
    clock = lambda: NOW + sum(slept)  # noqa: E731
    with serve(scripted, clock=clock, speed=1.0, head_start=head_start, rate_limit=None) as server:
        yield SleptServer(server, slept)


def still(scripted: Scenario) -> AbstractContextManager[Server]:
    return serve(scripted, clock=lambda: NOW, speed=1.0, head_start=HERE, rate_limit=None)


def server_of(scripted: Scenario) -> Any:
    """A fixture: for all tests of a module, a server of a scenario that stands still."""

    @pytest.fixture(scope="module")
    def server() -> Iterator[Server]:
        with still(scripted) as started:
            yield started

    return server


def servers_of(scenarios: Mapping[str, Scenario]) -> Any:
    """A fixture: for all tests of a module, servers of scenarios that stand still, by name, started when first used."""

    @pytest.fixture(scope="module")
    def servers() -> Iterator[dict[str, Server]]:
        with ExitStack() as stack:

            class Started(dict[str, Server]):
                def __missing__(self, name: str) -> Server:
                    self[name] = stack.enter_context(still(scenarios[name]))
                    return self[name]

            yield Started()

    return servers


def ask(server: Server, *words: str, env: Mapping[str, str] | None = None, **more: Any) -> Result:
    return migstat(words, {**environ_of(server), **(env or {})}, now=lambda: NOW, **more)


@dataclass(frozen=True)
class Asked:
    """One request: its target with the query, as sent, and its headers by their names in lower case."""

    target: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def segments(self) -> tuple[str, ...]:
        """The decoded segments of the path, below that of the API."""
        return tuple(unquote(each) for each in self.path.removeprefix(PREFIX + "/").split("/"))

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def authorization(self) -> str:
        return self.headers.get("authorization", "")


@dataclass(frozen=True)
class Answer:
    """What a scripted server sends back; `content` is JSON unless it is bytes.

    `sent` is how many bytes of the body are sent before the connection ends. It does so once `held` is set, where that
    is given, and stays silent until then. With `silent` not even a head is sent.
    """

    content: Any = b""
    status: int = 200
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: int | None = None
    held: threading.Event | None = None
    silent: bool = False


@dataclass
class Scripted:
    base_url: str
    asked: list[Asked] = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        return environ_at(self.base_url)

    def ask(self, *words: str, env: Mapping[str, str] | None = None, **more: Any) -> Result:
        return migstat(words, {**self.environ, **(env or {})}, now=lambda: NOW, **more)


@contextmanager
def answering(answer: Callable[[Asked], Answer]) -> Iterator[Scripted]:
    """Serve what `answer` makes of each request, over real HTTP."""
    asked: list[Asked] = []
    closing = threading.Event()

    def respond(request: BaseHTTPRequestHandler) -> None:
        asked.append(Asked(request.path, {name.lower(): value for name, value in request.headers.items()}))
        answered = answer(asked[-1])
        content = answered.content
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        headers = {"Content-Type": answered.kind, "Content-Length": str(len(body)), **answered.headers}
        if not answered.silent:
            request.wfile.write(head(answered.status, headers.items()) + body[: answered.sent])
        request.close_connection = answered.sent is not None
        while answered.held is not None and not answered.held.wait(0.02) and not closing.is_set():
            pass

    with serving(respond) as url:
        try:
            yield Scripted(url, asked)
        finally:
            closing.set()


NOT_FOUND = Answer({"status": 404, "errorMessage": "Not found", "id": "request-1"}, 404)


def one_task(data: Callable[[Asked], Any], *, task_type: Any = "migrate") -> Callable[[Asked], Answer]:
    """Answer for a job with one task, whose status questions `data` answers; None is a level that there is not."""

    def answer(asked: Asked) -> Answer:
        task = {"taskId": "task-1", "taskType": task_type, "createdAt": "2026-09-21T13:00:00.000Z"}
        match asked.segments:
            case ("jobs", "job-1"):
                return Answer({"name": "Odd", "flow": "jira-onpremises-to-cloud", "scope": {}})
            case ("jobs", "job-1", "tasks"):
                return Answer({"data": [task], "links": {}})
            case ("jobs", "job-1", "tasks", "task-1"):
                return Answer(task)
            case ("jobs", "job-1", "tasks", "task-1", "status"):
                return Answer({"data": data(asked) or {}, "links": {}})
        return NOT_FOUND

    return answer


def of_tree(root: dict[str, Any]) -> Callable[[Asked], Any]:
    """Answer status questions out of a whole tree, whose children are nested."""
    return lambda asked: data_of(root, asked.query)
