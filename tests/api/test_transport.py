"""The wire: deadlines that a drip of bytes does not outlive, over real sockets, and who may open one."""

from __future__ import annotations

import ast
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpcore
import httpx
import pytest

import migstat
from migstat.api.endpoints import Api, Timing
from migstat.api.transport import Deadline, open_transport
from migstat.errors import ApiError, Unreachable, UsageError
from migstat.settings.credentials import Secret
from migstat.settings.resolve import Settings
from tests.sockets import head_of, listening


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


def settings(base_url: str, ca_bundle: Path | None = None) -> Settings:
    """Settings for a server of the test."""
    bundle = None if ca_bundle is None else str(ca_bundle)
    return Settings(base_url, True, "a@example.com", Secret("the-token"), 15.0, 540, bundle)


def name_of_job(settings: Settings, time: Time) -> str | None:
    """The name of a job, asked for with these settings."""
    with Api(settings, Timing(time.clock, time.sleep, share=lambda: 1.0)) as api:
        return api.job("j").name


def answer(connection: socket.socket) -> None:
    """Answer one request after the other with a job."""
    body = b'{"name": "over the wire"}'
    while head_of(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


@pytest.mark.parametrize("content", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"])
def test_a_bundle_without_certificates_is_refused_by_name(content: str, tmp_path: Path) -> None:
    """The option and the file are named."""
    path = tmp_path / "bundle.pem"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"--ca-bundle.*bundle\.pem"):
        open_transport(settings("https://127.0.0.1:1", path))


def test_nothing_listens() -> None:
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
    with listening(serve) as port, pytest.raises(Unreachable, match="no whole answer within 15 s"):
        name_of_job(settings(f"http://127.0.0.1:{port}"), time)
    assert time.now < 120


def test_a_server_that_is_slow_but_in_time_is_waited_for() -> None:
    """The same clock lets an answer through that comes within the deadline."""
    with listening(answer) as port:
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


def test_the_machines_proxies_are_the_settings_business(monkeypatch: pytest.MonkeyPatch) -> None:
    """The transport reads no proxy variable of its own, so loopback addresses go around them."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with listening(answer) as port:
        assert name_of_job(settings(f"http://127.0.0.1:{port}"), Time()) == "over the wire"


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


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere loopback has one address, and queues are not dropped")
@pytest.mark.parametrize("first", ["refuses", "is silent"])
def test_every_address_of_a_name_gets_its_share_of_the_time(first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one address leads nowhere, as IPv6 often does, the next one is connected to within the same request."""

    def look_up(host: str, port: int, *_: object) -> list[object]:
        addresses = [host] if host.startswith("127.") else ["127.0.0.2", "127.0.0.1"]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    with listening(answer) as port, socket.socket() as silent, socket.socket() as waiting:
        if first == "is silent":
            silent.bind(("127.0.0.2", port))
            silent.listen(0)
            waiting.connect(("127.0.0.2", port))  # and so its queue is full
        monkeypatch.setattr(socket, "getaddrinfo", look_up)  # the system's resolver cannot be handed in
        with open_transport(settings("http://two.example")) as transport, httpx.Client(transport=transport) as client:
            patience = httpx.Timeout(Deadline(1.0, time.monotonic))
            assert client.get(f"http://two.example:{port}", timeout=patience).json() == {"name": "over the wire"}


def test_the_backend_of_the_pool_is_the_one_with_deadlines() -> None:
    """The private attribute that takes the backend is still where the transport puts it."""
    with open_transport(settings("http://127.0.0.1:1")) as transport:
        assert isinstance(transport, httpx.HTTPTransport)
        backend = transport._pool._network_backend
        assert isinstance(backend, httpcore.SyncBackend)
        assert type(backend) is not httpcore.SyncBackend


PACKAGE = Path(migstat.__file__).parent
SOURCES = {
    path.relative_to(PACKAGE).as_posix(): [*ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    for path in sorted(PACKAGE.rglob("*.py"))
}


def test_nothing_turns_verification_off() -> None:
    """What the libraries have for that is named nowhere, and what verifies is given to them in one place."""
    names = {"CERT_NONE", "CERT_OPTIONAL", "check_hostname", "verify_mode", "_create_unverified_context"}
    for file, nodes in SOURCES.items():
        assert not names & {getattr(node, "attr", None) or getattr(node, "id", None) for node in nodes}, file
    given = [file for file, nodes in SOURCES.items() for node in nodes if getattr(node, "arg", None) == "verify"]
    assert given == ["api/transport.py"]


def test_every_client_stands_on_the_one_transport() -> None:
    """Clients have a transport of ours, and read no proxy, certificate or password out of the environment."""
    calls = [node for nodes in SOURCES.values() for node in nodes if isinstance(node, ast.Call)]
    clients = [call for call in calls if ast.unparse(call.func).startswith("httpx.") and _sends(call)]
    assert clients
    for call in clients:
        given = {each.arg: ast.unparse(each.value) for each in call.keywords}
        assert ast.unparse(call.func) == "httpx.Client"
        assert given["trust_env"] == "False"
        assert "open_transport" in given["transport"]


def _sends(call: ast.Call) -> bool:
    """Whether what is called makes a request, or something that does."""
    return ast.unparse(call.func).removeprefix("httpx.") in (
        "Client", "AsyncClient", "HTTPTransport", "AsyncHTTPTransport", "get", "head", "options", "request", "stream",
        "post", "put", "patch", "delete",
    )  # fmt: skip


def test_nothing_else_opens_connections() -> None:
    """Sockets and what stands on them are imported by the transport only; the simulator is a server."""
    modules = {"socket", "http.client", "urllib.request", "urllib3", "requests", "asyncio", "subprocess", "httpcore"}
    users = {
        (file, name)
        for file, nodes in SOURCES.items()
        for node in nodes
        for name in (*_imported(node),)
        if name in modules and not file.startswith("simulator/")
    }
    assert users == {
        ("api/transport.py", "socket"),
        ("api/transport.py", "httpcore"),
        ("settings/resolve.py", "urllib.request"),
    }


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []
