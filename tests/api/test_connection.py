"""The connection: time limits that a drip of bytes does not outlive, whom TLS trusts, and who may open one."""

from __future__ import annotations

import ast
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import httpx
import pytest
import trustme

import migstat
from migstat.api.endpoints import Api
from migstat.api.http import open_client
from migstat.api.retry import Policy, Timing
from migstat.errors import ApiError, Unreachable, UsageError
from migstat.settings.credentials import Secret
from migstat.settings.resolve import Settings
from tests.sockets import hang, head_of, listening
from tests.tls import bundle_of, secured


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


def settings(base_url: str, *, bundle: str | None = None, timeout: float = 15.0) -> Settings:
    """Settings for a server of the test."""
    return Settings(base_url, True, "a@example.com", Secret("the-token"), timeout, 540, bundle)


def name_of_job(settings: Settings, time: Time, policy: Policy | None = None) -> str | None:
    """The name of a job, asked for with these settings."""
    with Api(settings, Timing(time.clock, time.sleep, share=lambda: 1.0), policy=policy) as api:
        return api.job("j").name


def answer(connection: socket.socket) -> None:
    """Answer one request after the other with a job."""
    body = b'{"name": "over the wire"}'
    while head_of(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


def drip(connection: socket.socket) -> None:
    """Send an answer that has no end, some bytes at a time, until the client hangs up."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n")
    for _ in range(1_000_000):
        connection.sendall(b" ")


def drip_head(connection: socket.socket) -> None:
    """Say again and again that the answer is being worked on, so that not even its status comes."""
    connection.recv(65536)
    while not threading.Event().wait(0.01):
        connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")


@pytest.mark.parametrize(("serve", "step", "timeout"), [(drip, 1.5, 15.0), (drip_head, 0.0, 0.1), (hang, 0.0, 0.1)])
def test_the_time_out_covers_a_request_as_a_whole(
    serve: Callable[[socket.socket], None], step: float, timeout: float
) -> None:
    """Name, connection, head and body have to come within it, though every single read is answered in time."""
    time = Time(step)
    with listening(serve) as port, pytest.raises(Unreachable, match=f"no complete answer .* within {timeout:g} s"):
        name_of_job(settings(f"http://127.0.0.1:{port}", timeout=timeout), time, Policy(give_up_after=0.0))


def test_a_server_that_is_slow_but_in_time_is_waited_for() -> None:
    """An answer that comes within the time-out is one."""
    with listening(answer) as port:
        assert name_of_job(settings(f"http://127.0.0.1:{port}"), Time(step=0.5)) == "over the wire"


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a" * 300])
def test_a_name_that_no_resolver_takes_is_an_error_of_ours(host: str) -> None:
    """A label that is too long for the name system is an error like any unknown name."""
    with pytest.raises((ApiError, UsageError), match="aaa"):
        name_of_job(settings(f"http://{host}"), Time())


@pytest.fixture
def hanging_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system whose name server never answers."""
    ended = threading.Event()

    def look_up(*_: object) -> list[object]:
        ended.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)  # the system's resolver cannot be handed in
    yield
    ended.set()


class Ended(Exception):
    """The time of the caller is over."""


@pytest.mark.usefixtures("hanging_resolver")
def test_a_resolver_that_hangs_is_not_waited_for() -> None:
    """The look-up of a name counts within the time of the request."""
    with pytest.raises(Unreachable, match=r"slow\.example"):
        name_of_job(settings("http://slow.example", timeout=0.05), Time(), Policy(give_up_after=0.0))


@pytest.mark.usefixtures("hanging_resolver")
def test_a_request_ends_with_the_time_of_the_caller() -> None:
    """It is abandoned, and what ends the caller is raised instead of an error."""

    def end(_: float) -> None:
        raise Ended

    with Api(settings("http://slow.example"), Timing(monotonic, end)) as api, pytest.raises(Ended):
        api.waiting_with(Policy(), end, monotonic() + 0.05).job("j")


def test_a_client_that_is_closed_in_the_middle_answers_and_is_closed_then() -> None:
    """A request under way comes to its end, its connection is closed after it, and nothing more is sent."""

    class Transport(httpx.MockTransport):
        closed = 0

        def close(self) -> None:
            self.closed += 1

    def close(_: httpx.Request) -> httpx.Response:
        api.close()
        assert transport.closed == 0
        return httpx.Response(200, json={"name": "still answered"})

    transport = Transport(close)
    api = Api(settings("https://api.example"), Timing(float, lambda _: None), transport=transport)
    assert api.job("j").name == "still answered"
    assert transport.closed == 1
    with pytest.raises(UsageError, match="closed"):
        api.job("j")


# TLS


@pytest.mark.parametrize("content", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"])
def test_a_bundle_without_certificates_is_refused_by_name(content: str, tmp_path: Path) -> None:
    """The variable and the file are named."""
    path = tmp_path / "bundle.pem"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"MIGSTAT_CA_BUNDLE: .*bundle\.pem"):
        open_client(settings("https://127.0.0.1:1", bundle=str(path)))


def hashed(authority: trustme.CA, folder: Path) -> None:
    """Put the authority into a folder under the name that OpenSSL looks for, as `openssl rehash` does."""
    pem = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(pem))
    command = ["openssl", "x509", "-hash", "-noout", "-in", str(pem)]
    name = subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
    (folder / f"{name}.0").symlink_to(pem)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system itself verifies")
@pytest.mark.parametrize("by", ["SSL_CERT_FILE", "SSL_CERT_DIR", "MIGSTAT_CA_BUNDLE", "nothing"])
def test_authorities_come_from_all_the_usual_places(by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle, a directory of hashed names, or our own variable; without them the server is not trusted."""
    authority = trustme.CA()
    bundle = bundle_of(authority, tmp_path)
    folder = tmp_path / "hashed"
    folder.mkdir()
    hashed(authority, folder)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    if by.startswith("SSL"):
        monkeypatch.setenv(by, str(folder) if by.endswith("DIR") else bundle)
    with listening(answer) as plain, secured(authority.issue_cert("localhost"), f"http://127.0.0.1:{plain}") as front:
        chosen = settings(f"https://localhost:{front.port}", bundle=bundle if by == "MIGSTAT_CA_BUNDLE" else None)
        if by == "nothing":
            with pytest.raises(ApiError, match="not signed by a trusted authority"):
                name_of_job(chosen, Time())
        else:
            assert name_of_job(chosen, Time()) == "over the wire"


def test_a_process_reads_its_authorities_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many clients it opens and connections they make."""
    made: list[ssl.SSLContext] = []
    opened = ssl.SSLContext.__new__

    def make(kind: type[ssl.SSLContext], *rest: int) -> ssl.SSLContext:
        made.append(opened(kind, *rest))
        return made[-1]

    open_client(settings("https://one.example"))
    monkeypatch.setattr(ssl.SSLContext, "__new__", make)
    for _ in range(3):
        open_client(settings("https://another.example"))
    assert made == []


# who may connect

PACKAGE = Path(migstat.__file__).parent


@pytest.fixture(scope="module")
def sources() -> dict[str, list[ast.AST]]:
    """The syntax of every module of the package, by its path there."""
    return {
        path.relative_to(PACKAGE).as_posix(): [*ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def test_nothing_turns_verification_off(sources: dict[str, list[ast.AST]]) -> None:
    """What the libraries have for that is named nowhere."""
    names = {"CERT_NONE", "CERT_OPTIONAL", "check_hostname", "verify_mode", "_create_unverified_context"}
    for file, nodes in sources.items():
        assert not names & {getattr(node, "attr", None) or getattr(node, "id", None) for node in nodes}, file


def test_the_only_client_verifies_and_reads_no_environment(sources: dict[str, list[ast.AST]]) -> None:
    """One place makes clients: with our TLS, and without proxies, certificates or passwords that httpx finds itself."""
    calls = [(file, node) for file, nodes in sources.items() for node in nodes if isinstance(node, ast.Call)]
    sending = {"Client", "AsyncClient", "HTTPTransport", "AsyncHTTPTransport", "get", "head", "options", "request",
               "stream", "post", "put", "patch", "delete"}  # fmt: skip
    clients = [(file, call) for file, call in calls if ast.unparse(call.func).removeprefix("httpx.") in sending
               and ast.unparse(call.func).startswith("httpx.")]  # fmt: skip
    ((file, client),) = clients
    given = {each.arg: ast.unparse(each.value) for each in client.keywords}
    assert (file, given["trust_env"], given["verify"]) == ("api/http.py", "False", "context")


def test_nothing_else_opens_connections(sources: dict[str, list[ast.AST]]) -> None:
    """Sockets and what stands on them are imported nowhere; the simulator is a server."""
    modules = {"socket", "http.client", "urllib.request", "urllib3", "requests", "asyncio", "httpcore"}
    users = {
        (file, name)
        for file, nodes in sources.items()
        for node in nodes
        for name in _imported(node)
        if name in modules and not file.startswith("simulator/")
    }
    assert users == {("settings/proxies.py", "urllib.request")}


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


@pytest.mark.slow
@pytest.mark.parametrize(("module", "loads"), [("httpx", True), ("migstat.api.endpoints", False)])
def test_the_command_line_of_httpx_is_not_loaded(module: str, loads: bool, tmp_path: Path) -> None:
    """Where click is installed `import httpx` loads it; once that is over, the placeholder in migstat.api can go."""
    (tmp_path / "click.py").write_text("raise SystemExit('loaded')\n", encoding="utf-8")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ("loaded" in done.stderr) is loads
