"""The connection: time limits that a drip of bytes does not outlive, whom TLS trusts, who may open one; redaction."""

from __future__ import annotations

import base64
import json
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import trustme

import migstat
from migstat.api.endpoints import Api
from migstat.api.http import Redactor, open_client
from migstat.api.retry import Policy, Timing
from migstat.errors import ApiError, Unreachable, UsageError
from tests.api.apis import EMAIL, Time, api_of, settings_of
from tests.sockets import head_of, listening
from tests.tls import bundle_of, secured

ONCE = Policy(give_up_after=0.0)


def answer(connection: socket.socket) -> None:
    """Answer one request after the other with a job."""
    body = b'{"name": "over the wire"}'
    while head_of(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


def drip(connection: socket.socket) -> None:
    """Send a body that has no end, some bytes at a time, until the client hangs up."""
    head_of(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n")
    for _ in range(1_000_000):
        connection.sendall(b" ")


def drip_head(connection: socket.socket) -> None:
    """Say again and again that the answer is being worked on, so that not even its status comes."""
    head_of(connection)
    while not threading.Event().wait(0.01):
        connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")


@pytest.mark.parametrize(("serve", "step", "timeout"), [(drip, 1.5, 15.0), (drip_head, 0.0, 0.02)])
def test_the_time_out_covers_a_request_as_a_whole(
    serve: Callable[[socket.socket], None], step: float, timeout: float
) -> None:
    """Head and body must arrive within it, though every single read is answered in time."""
    with listening(serve) as port:
        settings = settings_of(f"http://127.0.0.1:{port}", request_timeout=timeout)
        with (
            api_of(None, Time(step), settings=settings, policy=ONCE) as api,
            pytest.raises(Unreachable, match=f"no complete response .* within {timeout:g} s"),
        ):
            api.job("j")


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a" * 300])
def test_a_name_that_no_resolver_takes_is_an_error_of_ours(host: str) -> None:
    """A label that is too long for DNS is reported like any unknown name."""
    with (
        pytest.raises((ApiError, UsageError), match="aaa"),
        api_of(None, Time(), settings=settings_of(f"http://{host}")) as api,
    ):
        api.job("j")


@pytest.mark.parametrize("late", [False, True], ids=["before it is tried again", "before it is sent"])
def test_a_client_closed_in_the_middle_of_a_request_says_so(late: bool) -> None:
    """Nothing more is sent, with whatever patience."""

    def close(_: httpx.Request) -> httpx.Response:
        api.close()
        if late:  # what httpx raises then
            raise RuntimeError("Cannot send a request, as the client has been closed.")
        return httpx.Response(503)

    api = Api(settings_of(), Timing(float, lambda _: None), transport=httpx.MockTransport(close))
    other = api.with_policy(Policy(), lambda _: None)
    for closed in (api, other):
        with pytest.raises(UsageError, match="closed"):
            closed.job("j")


@pytest.mark.parametrize("content", ["", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"])
def test_a_bundle_without_certificates_is_refused_by_name(content: str, tmp_path: Path) -> None:
    """The variable and the file are named."""
    path = tmp_path / "bundle.pem"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"MIGSTAT_CA_BUNDLE: .*bundle\.pem"):
        open_client(settings_of(ca_bundle=str(path)))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system itself verifies")
@pytest.mark.parametrize("by", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_authorities_come_from_all_the_usual_places(by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle, or a directory of hashed names."""
    authority = trustme.CA()
    bundle = bundle_of(authority, tmp_path)
    command = ["openssl", "x509", "-hash", "-noout", "-in", bundle]
    name = subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
    (hashed := tmp_path / "hashed").mkdir()
    (hashed / f"{name}.0").symlink_to(bundle)  # as `openssl rehash` does
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv(by, str(hashed) if by.endswith("DIR") else bundle)
    with (
        listening(answer) as plain,
        secured(authority.issue_cert("localhost"), f"http://127.0.0.1:{plain}") as front,
        api_of(None, Time(), settings=settings_of(f"https://localhost:{front.port}")) as api,
    ):
        assert api.job("j").name == "over the wire"


def test_a_process_reads_its_authorities_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many clients it opens and connections they make."""
    made: list[ssl.SSLContext] = []
    opened = ssl.SSLContext.__new__

    def make(kind: type[ssl.SSLContext], *rest: int) -> ssl.SSLContext:
        made.append(opened(kind, *rest))
        return made[-1]

    open_client(settings_of("https://one.example"))
    monkeypatch.setattr(ssl.SSLContext, "__new__", make)
    for _ in range(3):
        open_client(settings_of("https://another.example"))
    assert made == []


@pytest.mark.parametrize(
    ("pattern", "users"),
    [
        (r"CERT_NONE|CERT_OPTIONAL|check_hostname|verify_mode|_create_unverified_context", set()),
        (r"\bhttpx\.(?:(?:Async)?(?:Client|HTTPTransport)|get|head|options|request|stream|post|put|patch|delete)\(",
         {("api/http.py", "httpx.Client(")}),
        (r"(?:import|from) (?:socket|http\.client|urllib\.request|urllib3|requests|asyncio|httpcore)\b",
         {("settings/proxies.py", "from urllib.request")}),
    ],
)  # fmt: skip
def test_connections_are_opened_in_one_way(pattern: str, users: set[tuple[str, str]]) -> None:
    """Nothing but the one client of this package, which verifies, may talk to a network; the simulator is a server."""
    package = Path(migstat.__file__).parent
    files = {path.relative_to(package).as_posix(): path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    found = {
        (name, use)
        for name, text in files.items()
        for use in re.findall(pattern, text)
        if not name.startswith("simulator/")
    }
    assert found == users
    made = files["api/http.py"].partition("httpx.Client(")[2].partition("\n        )")[0]
    assert {"verify=context,", "trust_env=False,"} <= set(made.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "loads"), [("httpx", True), ("migstat.client", True), ("migstat.cli, migstat.api.endpoints", False)]
)
def test_the_command_line_of_httpx_is_not_loaded(module: str, loads: bool, tmp_path: Path) -> None:
    """Where click is installed `import httpx` loads it, except in a process of ours, which it would slow down."""
    (tmp_path / "click.py").write_text("raise SystemExit('loaded')\n", encoding="utf-8")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ("loaded" in done.stderr) is loads


SPELLINGS: dict[str, Callable[[str], str]] = {
    "verbatim": lambda token: token,
    "in the header": lambda token: base64.b64encode(f"{EMAIL}:{token}".encode()).decode(),
    "in a URL": lambda token: quote(token, safe=""),
    "in JSON": lambda token: json.dumps(token)[1:-1],
    "in JSON of UTF-8": lambda token: json.dumps(token, ensure_ascii=False)[1:-1],
    "in JSON of PHP": lambda token: json.dumps(token)[1:-1].replace("/", "\\/"),
}


@pytest.mark.parametrize("token", ["the-token-of-mine", "ATATT3x_dEf0123456789=1A2B", 'tök/en+&"\\=%41'])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_likely_spelling_of_a_token_is_masked(token: str, spelling: str) -> None:
    """In texts and in bytes, and nothing else is touched; host names come in lower case."""
    spelt, redactor = SPELLINGS[spelling](token), Redactor(settings_of(token=token))
    assert redactor.text(f"<{spelt}> and {spelt.lower()}") == "<***> and ***"
    assert redactor.body(f'{{"x": "{spelt}"}}'.encode()) == b'{"x": "***"}'


def test_a_token_that_is_too_short_stays_in_answers() -> None:
    """Its letters occur in any word, so only error texts are cleaned of it."""
    short = Redactor(settings_of(token="tok"))
    assert (short.body(b"token"), short.text("token")) == (b"token", "***en")
    assert Redactor(settings_of(token="")).text("token") == "token"
