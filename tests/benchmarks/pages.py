"""A migration API that answers from memory, in a process of its own: what is measured shall not share its time.

`python tests/benchmarks/pages.py COUNT [moving] [SECONDS]` serves a migration of so many projects, ended or under way,
each answer after so many seconds, and prints its base URL. `hostile=children` and `hostile=occurrences` serve 8 MiB of
these instead. With the environment variable `CERTIFICATE`, a file of key and certificate, it speaks TLS.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import time
from collections.abc import Sequence
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = 20
BEGAN = 1_708_680_664_150
"""Epoch milliseconds."""

NOTHING = b'{"data":{},"links":{}}'

HOSTILE = {
    "hostile=children": b'{"data":{"children":{%b}}}' % b",".join(b'"%d":{}' % at for at in range(700_000)),
    "hostile=occurrences": b'{"data":{"children":{"check":{"details":{"occurrences":[%b]}}}}}'
    % b",".join([b"{}"] * 2_700_000),
}
"""Pages as large as one may be, of parts that take a hundred times their size in memory."""


class Pages:
    """The answers about one migration, which has ended, or of which so many projects are under way."""

    def __init__(self, count: int, *, running: int | None, failing: bool = True) -> None:
        moving = running is not None
        statuses = [_status(at, count, running or 0) if moving else "FINISHED" for at in range(count)]
        listed = [(project(at, status, failed=failing and at % 50 == 0), status) for at, status in enumerate(statuses)]
        self._projects: dict[str | None, list[bytes]] = {None: [text for text, _ in listed]}
        for status in sorted(set(statuses)):
            self._projects[status] = [text for text, each in listed if each == status]
        done = {"status": "FINISHED", "outcome": "SUCCESS", "details": _details(0, updated=90_000)}
        head = {"status": "IN_PROGRESS", "details": _details(0, updated=60_000)} if moving else done
        scope = {"projects": {"includedKeys": [_key(at) for at in range(count)]}}
        self._job = _encoded({"name": "bench", "flow": "jira-onpremises-to-cloud", "scope": scope})
        self._levels = {
            "": _encoded({"data": head | {"children": {"check": done, "migrate": head}}, "links": {}}),
            "migrate": _encoded({"data": head | {"children": {"usersAndGroups": done}}, "links": {}}),
        }

    def flood(self, body: bytes) -> None:
        self._levels = dict.fromkeys(("", "migrate", "migrate,projects", "migrate,spaces", "check"), body)
        self._projects.clear()

    def answer(self, target: str) -> bytes:
        parts = urlsplit(target)
        if not parts.path.endswith("/status"):
            return self._job
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if query.get("level") != "migrate,projects" or not self._projects:
            return self._levels.get(query.get("level", ""), NOTHING)
        return self._page(query.get("status"), int(query.get("cursor", "0")))

    def _page(self, status: str | None, start: int) -> bytes:
        projects = self._projects.get(status, [])
        links = {"next": str(start + PAGE)} if start + PAGE < len(projects) else {}
        page = b",".join(projects[start : start + PAGE])
        return b'{"data":{"children":{' + page + b'}},"links":' + _encoded(links) + b"}"


def _status(at: int, count: int, running: int) -> str:
    """The API sorts children by their status: two fifths have ended."""
    ended = count * 4 // 10
    return "FINISHED" if at < ended else "IN_PROGRESS" if at < ended + running else "PENDING"


def _key(at: int) -> str:
    return f"PROJ{at:06}"


def project(at: int, status: str, *, progress: int = 0, failed: bool = False) -> bytes:
    """A child as it stands in a page; `progress` are steps that one under way has made since the beginning."""
    node: dict[str, Any] = {"status": status, "details": _details(at)}
    if status == "IN_PROGRESS":
        counted = [{"name": "issues", "total": 1000 + at, "processed": (at + progress) % 1000}]
        node["progressDetails"] = {"isSupported": True, "percent": (at + progress) % 100, "data": counted}
        node |= {"message": f"Importing the issues of {_key(at)}", "details": _details(at, updated=60_000)}
    elif status == "FINISHED":
        node |= {"outcome": "FAILED" if failed else "SUCCESS", "details": _details(at, updated=90_000 + at)}
        node["message"] = f"Project {_key(at)} was migrated with its {at} issues."
    return _encoded(_key(at)) + b":" + _encoded(node)


def _details(at: int, updated: int = 0) -> dict[str, int]:
    began = BEGAN + at * 1000
    started = {"startedAt": began + 500} if updated else {}
    return {"createdAt": began, "lastUpdatedAt": began + updated} | started


def _encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


class _Server(ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64
    pages: Pages
    latency = 0.0


class _Handler(StreamRequestHandler):
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        while line := self.rfile.readline():
            while self.rfile.readline() not in (b"\r\n", b""):
                pass
            time.sleep(self.server.latency)
            body = self.server.pages.answer(line.split()[1].decode())
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            self.wfile.write(head.encode() + body)


def main(words: Sequence[str]) -> None:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        count = int(words[0])
        server.pages = Pages(count, running=count // 10 if "moving" in words else None)
        for word in words[1:]:
            if word in HOSTILE:
                server.pages.flood(HOSTILE[word])
            elif word != "moving":
                server.latency = float(word)
        certificate = os.environ.get("CERTIFICATE")
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        sys.stdout.write(f"http{'s' if certificate else ''}://localhost:{server.server_address[1]}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
