"""A loopback server that sends what no HTTP server would, and afterwards leads on to one that does."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from urllib.parse import urlsplit

Reply = Callable[[socket.socket], object]
"""Sends something to a client whose request was read; the connection is closed afterwards."""


def sending(data: bytes) -> Reply:
    """Send these bytes."""
    return lambda connection: connection.sendall(data)


def repeating(head: bytes, again: bytes, *, every: float = 0.0) -> Reply:
    """Send something, and something else again and again, every so many seconds, until the client hangs up."""

    def reply(connection: socket.socket) -> None:
        connection.sendall(head)
        while not threading.Event().wait(every):
            connection.sendall(again)

    return reply


class RawServer:
    """A server that replies raw to the first `times` connections, and relays the others to `then`.

    It has an address from the beginning, but refuses connections until it listens.
    """

    def __init__(self, reply: Reply, times: int, then: str) -> None:
        self.replies = 0
        self._reply, self._times, self._then = reply, times, then
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def listen(self) -> None:
        """Accept connections from now on."""
        self._listener.listen()
        self._thread.start()

    def close(self) -> None:
        """Accept no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if self.replies >= self._times:
                relay(connection, self._then)
                return
            self.replies += 1
            connection.recv(65536)
            self._reply(connection)
            connection.shutdown(socket.SHUT_WR)


def relay(connection: socket.socket, base_url: str) -> None:
    """Carry bytes between a client and a server until one of them hangs up."""
    parts = urlsplit(base_url)
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as onward:
        other = {connection: onward, onward: connection}
        while True:
            for ready in select.select(list(other), (), ())[0]:
                data = ready.recv(65536)
                if not data:
                    return
                other[ready].sendall(data)


@contextmanager
def raw_server(reply: Reply, times: int, then: str) -> Iterator[RawServer]:
    """Run such a server until the context ends."""
    with closing(RawServer(reply, times, then)) as server:
        server.listen()
        yield server
