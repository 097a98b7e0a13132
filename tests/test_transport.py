"""The wire: verified TLS, the proxy, and deadlines that a drip of bytes does not outlive; over real sockets."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpcore
import httpx
import pytest
import trustme

from migstat.api import Api, Timing
from migstat.errors import ApiError, Unreachable, UntrustedServer, UsageError
from migstat.settings import Secret, Settings
from migstat.transport import Deadline, open_transport

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Time:
    """A clock that a sleep moves, and, by `step`, every look at it."""

    def __init__(self, step: float = 0.0) -> None:
        self.now = 0.0
        self.step = step
        self.slept: list[float] = []

    def clock(self) -> float:
        """The time in seconds."""
        self.now += self.step
        return self.now

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self.slept.append(seconds)
        self.now += seconds


def settings(base_url: str, ca_bundle: Path | None = None, proxy: str | None = None) -> Settings:
    """Settings for a server of the test."""
    bundle = None if ca_bundle is None else str(ca_bundle)
    return Settings(base_url, True, "a@example.com", Secret("the-token"), 15.0, 540, bundle, proxy)


def name_of_job(settings: Settings, time: Time) -> str | None:
    """The name of a job, asked for with these settings."""
    with Api(settings, Timing(time.clock, time.sleep, share=lambda: 1.0)) as api:
        return api.job("j").name


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    heads: list[str]

    def do_GET(self) -> None:
        self.heads.append(f"{self.requestline}\n{self.headers}")
        body = b'{"name": "over the wire"}'
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Keep silent."""


@contextmanager
def https_server(certificate: trustme.LeafCert | None) -> Iterator[tuple[int, list[str]]]:
    """A server with this certificate, plain http without one: its port, and the heads of requests it got."""

    class Handler(_Answer):
        heads: list[str] = []  # noqa: RUF012  one list a server

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1], Handler.heads
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def listener(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port on which every connection is handed to `serve`, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    serve(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            assert not thread.is_alive()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that the system does not know."""
    return trustme.CA()


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> Path:
    """The file that makes it known."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def test_a_further_authority_makes_a_server_trusted(authority: trustme.CA, bundle: Path) -> None:
    """With its authority in the bundle a server of the right name is asked over TLS."""
    with https_server(authority.issue_cert("127.0.0.1")) as (port, heads):
        assert name_of_job(settings(f"https://127.0.0.1:{port}", bundle), Time()) == "over the wire"
    assert len(heads) == 1


@pytest.mark.parametrize("fault", ["wrong host", "unknown authority", "expired", "no bundle"])
def test_a_server_that_proves_nothing_is_not_trusted(fault: str, authority: trustme.CA, bundle: Path) -> None:
    """A wrong name, an unknown authority and an expired certificate are told at once, and no secret is sent."""
    of_whom = trustme.CA() if fault == "unknown authority" else authority
    certificate = of_whom.issue_cert(
        "other.example" if fault == "wrong host" else "127.0.0.1",
        not_after=LONG_AGO if fault == "expired" else None,
    )
    time = Time()
    with https_server(certificate) as (port, heads):
        asked = settings(f"https://127.0.0.1:{port}", None if fault == "no bundle" else bundle)
        with pytest.raises(UntrustedServer) as raised:
            name_of_job(asked, time)
    assert (time.slept, heads) == ([], [])
    assert f"127.0.0.1:{port}" in raised.value.message
    assert "--ca-bundle" in raised.value.hint


def test_a_server_without_tls_is_no_certificate_error(bundle: Path) -> None:
    """A server that speaks plain http where https is asked for is unreachable."""
    with https_server(None) as (port, _), pytest.raises(Unreachable):
        name_of_job(settings(f"https://127.0.0.1:{port}", bundle), Time())


@pytest.mark.parametrize("content", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"])
def test_a_bundle_without_certificates_is_refused_by_name(content: str, tmp_path: Path) -> None:
    """The option and the file are named."""
    path = tmp_path / "bundle.pem"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"--ca-bundle.*bundle\.pem"):
        open_transport(settings("https://127.0.0.1:1", path))


def test_nothing_listens(bundle: Path) -> None:
    """A closed port is unreachable, and is tried more than once."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    time = Time()
    with pytest.raises(Unreachable, match=f"127.0.0.1:{port}"):
        name_of_job(settings(f"http://127.0.0.1:{port}"), time)
    assert len(time.slept) > 1


def drip(connection: socket.socket) -> None:
    """Send an answer that has no end, some bytes at a time, until the client hangs up."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n")
    for _ in range(1_000_000):
        connection.sendall(b" ")


def drip_head(connection: socket.socket) -> None:
    """Say again and again that the answer is being worked on, so that not even its status comes."""
    connection.recv(65536)
    for _ in range(100_000):
        connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")


@pytest.mark.parametrize("serve", [drip, drip_head])
def test_a_drip_feed_of_bytes_is_cut_off(serve: Callable[[socket.socket], None]) -> None:
    """The time-out covers a request as a whole, though every single read is answered in time."""
    time = Time(step=1.5)
    with listener(serve) as port, pytest.raises(Unreachable, match="no whole answer within 15 s"):
        name_of_job(settings(f"http://127.0.0.1:{port}"), time)
    assert time.now < 120


def test_a_server_that_is_slow_but_in_time_is_waited_for() -> None:
    """The same clock lets an answer through that comes within the deadline."""
    with https_server(None) as (port, _):
        assert name_of_job(settings(f"http://127.0.0.1:{port}"), Time(step=0.5)) == "over the wire"


def test_a_deadline_counts_down() -> None:
    """It is a number of seconds to whoever takes it for one, and says what is left of them."""
    time = Time()
    deadline = Deadline(15.0, time.clock)
    assert float(deadline) == 15.0
    time.now = 10.0
    assert deadline.left() == 5.0
    time.now = 20.0
    assert deadline.left() == -5.0


@contextmanager
def proxy_to(port: int, heads: list[bytes]) -> Iterator[int]:
    """A proxy that leads every CONNECT to this port and answers any other request itself; it notes the heads."""

    def serve(connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            part = connection.recv(65536)
            if not part:
                return
            head += part
        heads.append(head)
        if not head.startswith(b"CONNECT "):
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"name": "forwarded"}')
            return
        with socket.create_connection(("127.0.0.1", port), timeout=5) as beyond:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(beyond, connection), daemon=True)
            back.start()
            _pump(connection, beyond)
            back.join(5)

    with listener(serve) as own:
        yield own


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def test_the_proxy_of_the_settings_is_used(authority: trustme.CA, bundle: Path) -> None:
    """The proxy is asked for a tunnel to the API, resolves its name, and never sees the credentials."""
    heads: list[bytes] = []
    with (
        https_server(authority.issue_cert("migrations.example")) as (port, seen),
        proxy_to(port, heads) as proxy,
    ):
        asked = settings("https://migrations.example", bundle, f"http://user:pass@127.0.0.1:{proxy}")
        assert name_of_job(asked, Time()) == "over the wire"
    assert heads[0].startswith(b"CONNECT migrations.example:443 ")
    assert b"\r\nauthorization:" not in heads[0].lower()
    assert "Authorization: Basic" in seen[0]


def test_the_certificate_behind_a_proxy_is_verified(authority: trustme.CA, bundle: Path) -> None:
    """A tunnel that leads elsewhere is found out by the name in the certificate."""
    time = Time()
    with https_server(authority.issue_cert("elsewhere.example")) as (port, seen), proxy_to(port, []) as proxy:
        asked = settings("https://migrations.example", bundle, f"http://127.0.0.1:{proxy}")
        with pytest.raises(UntrustedServer):
            name_of_job(asked, time)
    assert (seen, time.slept) == ([], [])


def test_the_machines_proxies_are_the_settings_business(monkeypatch: pytest.MonkeyPatch) -> None:
    """The transport reads no proxy variable of its own, so loopback addresses go around them."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with https_server(None) as (port, _):
        assert name_of_job(settings(f"http://127.0.0.1:{port}"), Time()) == "over the wire"


@pytest.mark.parametrize("proxy", ["ftp://user:hunter2@proxy.example", "http://user:hunter2@proxy:port"])
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(proxy: str) -> None:
    """The variables that name a proxy are told, its password is not."""
    with pytest.raises(UsageError) as raised:
        open_transport(settings("https://migrations.example", proxy=proxy))
    assert "hunter2" not in raised.value.message + raised.value.hint
    assert "HTTPS_PROXY" in raised.value.hint


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a" * 300])
def test_a_name_that_no_resolver_takes_is_an_error_of_ours(host: str) -> None:
    """A label that is too long for the name system is told like any name that is not known."""
    with pytest.raises(ApiError, match="aaa"):
        name_of_job(settings(f"http://{host}"), Time())


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The look-up of a name counts within the deadline of the request."""
    answered = threading.Event()

    def look_up(*_: object) -> list[object]:
        answered.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)  # the system's resolver cannot be handed in
    time = Time()
    try:
        with open_transport(settings("http://slow.example")) as transport, httpx.Client(transport=transport) as client:
            deadline = Deadline(15.0, time.clock)
            time.now = 15.0
            with pytest.raises(httpx.ConnectTimeout):
                client.get("http://slow.example", timeout=httpx.Timeout(deadline))
    finally:
        answered.set()


def test_the_backend_of_the_pool_is_the_one_with_deadlines() -> None:
    """The private attribute that takes the backend is still where the transport puts it."""
    with open_transport(settings("http://127.0.0.1:1")) as transport:
        assert isinstance(transport, httpx.HTTPTransport)
        backend = transport._pool._network_backend
        assert isinstance(backend, httpcore.SyncBackend)
        assert type(backend) is not httpcore.SyncBackend
