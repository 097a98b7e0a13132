"""A threaded loopback HTTP server for the simulated API."""

from __future__ import annotations

import socket
import struct
import sys
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any

from migstat.simulator.app import ADMIN, MEMBER, App
from migstat.simulator.exchange import HttpRequest, HttpResponse
from migstat.simulator.scenario import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from migstat.simulator.faults import FaultQueue
    from migstat.simulator.scenario import Scenario

HOST = "127.0.0.1"

_REMEMBERED_REQUESTS = 10_000
_DRIPS = 20
_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = sys.platform != "win32"  # where two servers could share a port

    app: App

    def __init__(self, port: int) -> None:
        self.requests: deque[tuple[str, str]] = deque(maxlen=_REMEMBERED_REQUESTS)
        self.closing = threading.Event()
        self._connections: set[socket.socket] = set()
        super().__init__((HOST, port), _Handler)
        self.base_url = f"http://{HOST}:{self.server_port}"

    def server_bind(self) -> None:
        # HTTPServer would look up the host's name, which may take seconds.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def stop(self) -> None:
        """Stop accepting connections, cut delays short, and close the ones kept alive."""
        self.closing.set()
        self.shutdown()
        self.server_close()
        for connection in tuple(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def handle(self) -> None:
        # A client may hang up at any time.
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep silent: standard error belongs to the program that runs the server."""

    def _respond(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append((self.command, self.path))
        self._deliver(self.server.app.handle(HttpRequest(self.command, self.path, self.headers.get("Authorization"))))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _respond  # noqa: N815

    def _deliver(self, response: HttpResponse) -> None:
        body = response.body
        match response.delivery:
            case "reset":  # closing without lingering sends RST instead of FIN
                self.close_connection = True
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                socket.close(self.connection.detach())
            case "cut":
                self.connection.sendall(_head(response) + body[: len(body) // 2])
                self.close_connection = True
            case "drip":
                self.connection.sendall(_head(response))
                size = len(body) // _DRIPS + 1
                for start in range(0, len(body), size):
                    self.server.closing.wait(response.delay / _DRIPS)
                    self.connection.sendall(body[start : start + size])
            case "whole":
                self.server.closing.wait(response.delay)
                # in one write: with two, Nagle's algorithm and delayed acknowledgements cost 44 ms
                self.connection.sendall(_head(response) + body)


def _head(response: HttpResponse) -> bytes:
    status = response.status
    length = () if status == HTTPStatus.NO_CONTENT else (("Content-Length", str(len(response.body))),)
    lines = [f"HTTP/1.1 {status} {responses.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in (*response.headers, *length)]
    return "\r\n".join((*lines, "", "")).encode("latin-1")


class Server:
    """A running simulator: where it listens, who may read, and what it has seen.

    `job_ids` maps the short names of the served jobs to their ids, `task_ids` the labels of the first one's tasks
    to theirs. `email` and `token` are those of an admin; the `member_` ones get 403.
    """

    def __init__(self, listener: _Listener, scenario: Scenario) -> None:
        self._listener = listener
        self.base_url = listener.base_url
        self.job_id = scenario.job.job_id
        self.job_ids = {each.target or each.name: each.job.job_id for each in scenario.all}
        self.task_ids = {task.label: task.task_id for task in scenario.tasks}
        self.email, self.token = ADMIN.email, ADMIN.token
        self.member_email, self.member_token = MEMBER.email, MEMBER.token

    @property
    def faults(self) -> FaultQueue:
        """The queue of faults for the next requests."""
        return self._listener.app.faults

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Method and path with query of the latest requests, at most 10,000, oldest first."""
        return list(self._listener.requests)


@contextmanager
def serve(
    scenario: Scenario,
    *,
    port: int = 0,
    speed: float = 60.0,
    head_start: float = 0.0,
    clock: Callable[[], float] = time.time,
    rate_limit: int | None = 600,
) -> Iterator[Server]:
    """Serve `scenario` on the loopback interface until the context ends.

    Port 0 picks a free one; a port in use raises OSError. `speed` is scenario seconds per second of `clock`,
    `head_start` the scenario second to begin with. `clock` returns epoch seconds; it is read once at the
    start and once per request. `rate_limit` is in requests per 60 seconds, None for no limit.
    """
    timeline = Timeline(clock(), speed, head_start)
    listener = _Listener(port)
    listener.app = App(scenario, timeline, clock=clock, rate_limit=rate_limit, base_url=listener.base_url)
    thread = threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield Server(listener, scenario)
    finally:
        listener.stop()
        thread.join()
