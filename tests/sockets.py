"""Servers on loopback: of bare sockets, for what no library's server does, and of a library's."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port on loopback; `serve` gets each connection in a thread of its own, and it is cut when the context ends."""
    connections: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def handle(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            serve(connection)

    def accept(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                threads.append(threading.Thread(target=handle, args=(connection,), daemon=True))
                threads[-1].start()

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        accepting = threading.Thread(target=accept, args=(listener,), daemon=True)
        accepting.start()
        try:
            yield listener.getsockname()[1]
        finally:
            cut(listener)
            accepting.join(5)
            for connection in connections:
                cut(connection)
            for thread in threads:
                thread.join(5)
            assert not any(thread.is_alive() for thread in (accepting, *threads))


@contextmanager
def serving(respond: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """The URL of an HTTP server on loopback, which leaves hanging requests behind when the context ends.

    `respond` writes the whole answer to a request.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep silent."""

        def do_GET(self) -> None:
            with suppress(ConnectionError):  # a client may hang up whenever it likes
                respond(self)

        do_HEAD = do_POST = do_GET  # noqa: N815

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    listener.block_on_close = False
    thread = threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_port}"
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


def head(status: int, headers: Iterable[tuple[str, object]] = ()) -> bytes:
    lines = (f"HTTP/1.1 {status} Answer", *(f"{name}: {value}" for name, value in headers), "", "")
    return "\r\n".join(lines).encode()


def cut(connection: socket.socket) -> None:
    """End a connection under the hands of whoever waits for it; `connection` may be closed."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def head_of(connection: socket.socket) -> bytes:
    """Read a request's head, up to its empty line; less where the client hangs up before, or speaks TLS."""
    head = b""
    while b"\r\n\r\n" not in head and not head.startswith(b"\x16") and (part := connection.recv(65536)):
        head += part
    return head


def hang(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def relay(near: socket.socket, far: socket.socket, sent: bytearray) -> None:
    """Pass bytes between two sockets until one side ends; those that come from `near` are noted in `sent`."""
    while True:
        for source in select.select([near, far], [], [])[0]:
            data = source.recv(65536)
            if not data:
                return
            if source is near:
                sent += data
            (far if source is near else near).sendall(data)


def forward(near: socket.socket, base_url: str, sent: bytearray) -> None:
    """Relay a client to the server at this URL; what it sends is noted in `sent`."""
    with socket.create_connection(("127.0.0.1", int(base_url.rpartition(":")[2]))) as far:
        relay(near, far, sent)
