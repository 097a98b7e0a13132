"""A server that is the API of one run and the place where its files are, as a test wants it to answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.command_line import Result, environ_at, migstat
from tests.servers import NOW, PREFIX
from tests.sockets import head, serving

LATER, EARLIER = "2026-09-21T15:00:00Z", "2026-09-21T14:00:00Z"
"""Instants after and before NOW."""

CONTENT = b"".join(b"%06d: a line of a report\n" % number for number in range(8000))
"""Some 200 KB, no two parts of which are the same."""


@dataclass(frozen=True)
class Fetched:
    """One request for a file: its target with the query, and its headers by their names in lower case."""

    target: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        return urlsplit(self.target).path


@dataclass(frozen=True)
class Reply:
    """What is sent back. `sent` is how many bytes of the body are sent before the connection ends.

    It does so once `held` is set, where that is given, and stays silent until then. With `silent` not even a head is
    sent.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: int | None = None
    held: threading.Event | None = None
    silent: bool = False


@dataclass
class Storage:
    """A running server: what its API says of the files, and what it was asked for."""

    base_url: str
    files: list[dict[str, Any]] = field(default_factory=list)
    asked: list[Fetched] = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        return environ_at(self.base_url) | {"TZ": "UTC"}

    def holds(self, name: str | None, location: str | None = None, expires: str = LATER) -> Storage:
        """Name one more file of the run, at the server's own `/files/` unless told otherwise."""
        where = f"{self.base_url}/files/{len(self.files)}?signature=5ig-nature" if location is None else location
        self.files.append({"name": name, "location": where, "expireAt": expires})
        return self

    def artifacts(self, *words: str, env: Mapping[str, str] | None = None, **more: Any) -> Result:
        return migstat(["artifacts", *words], self.environ | dict(env or {}), now=lambda: NOW, **more)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def storing(reply: Callable[[Fetched], Reply] = lambda _: Reply(CONTENT)) -> Iterator[Storage]:
    """Serve a run of job `job-1` at the API's paths, and what `reply` makes of a request at all others."""
    closing = threading.Event()

    def answer_to(request: BaseHTTPRequestHandler) -> Reply:
        if request.path.startswith(PREFIX):
            return Reply(json.dumps(_run_of(storage, request.path)).encode())
        storage.asked.append(Fetched(request.path, {name.lower(): value for name, value in request.headers.items()}))
        return reply(storage.asked[-1])

    def respond(request: BaseHTTPRequestHandler) -> None:
        answer = answer_to(request)
        if not answer.silent:
            headers = {"Content-Length": len(answer.body), **answer.headers}
            request.wfile.write(head(answer.status, headers.items()) + answer.body[: answer.sent])
        request.close_connection = answer.sent is not None
        while answer.held is not None and not answer.held.wait(0.02) and not closing.is_set():
            pass

    with serving(respond) as url:
        storage = Storage(url)
        try:
            yield storage
        finally:
            closing.set()


def _run_of(storage: Storage, path: str) -> dict[str, Any]:
    run = {
        "taskId": "task-1",
        "taskType": "check",
        "createdAt": "2026-09-21T13:00:00.000Z",
        "results": {"artifacts": storage.files},
    }
    return {"data": [run], "links": {}} if path.endswith("/tasks") else run
