"""A server that is the API of one run and the place where its files are, as a test wants it to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.command_line import Result, environ_at, migstat
from tests.servers import NOW, PREFIX, Answer, Asked, answering

LATER, EARLIER = "2026-09-21T15:00:00Z", "2026-09-21T14:00:00Z"
"""Instants after and before NOW."""

CONTENT = b"".join(b"%06d: a line of a report\n" % number for number in range(8000))
"""Some 200 KB, no two parts of which are the same."""


def binary(content: bytes = b"", status: int = 200, **more: Any) -> Answer:
    return Answer(content, status, "application/octet-stream", **more)


@dataclass
class Storage:
    """A running server: what its API says of the files, and what it was asked for."""

    base_url: str
    files: list[dict[str, Any]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

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
def storing(reply: Callable[[Asked], Answer] = lambda _: binary(CONTENT)) -> Iterator[Storage]:
    """Serve a run of job `job-1` at the API's paths, and what `reply` makes of a request at all others."""

    def answer(asked: Asked) -> Answer:
        if not asked.target.startswith(PREFIX):
            storage.asked.append(asked)
            return reply(asked)
        created = "2026-09-21T13:00:00.000Z"
        run = {"taskId": "task-1", "taskType": "check", "createdAt": created, "results": {"artifacts": storage.files}}
        return Answer({"data": [run], "links": {}} if asked.segments[-1] == "tasks" else run)

    with answering(answer) as server:
        storage = Storage(server.base_url)
        yield storage
