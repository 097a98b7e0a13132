"""The machine's proxy: used where it must be, named when it fails, and never shown the API token."""

from __future__ import annotations

import base64
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import trustme

from migstat.simulator.server import Server
from tests.command_line import Result, environ_of, migstat, refused, refused_as_json
from tests.proxying import Proxy, proxy, refusal
from tests.scenarios import frozen
from tests.servers import still
from tests.tls import TlsServer, bundle_of, secured

HOST = "api.migstat.test"
"""The API's name, which only the proxy can resolve."""

USER, PASSWORD = "us@er", "pa:ss/w0rd"
GIVEN = f"{USER}:{PASSWORD}"
IN_URL = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@"


@dataclass(frozen=True)
class Api:
    """The simulator behind TLS, with a certificate for the API's name, and the environment that points at it."""

    server: Server
    front: TlsServer
    authority: trustme.CA
    environ: dict[str, str]

    def proxy(self, **more: Any) -> AbstractContextManager[Proxy]:
        return proxy({f"{HOST}:443": self.front.port}, **more)

    @property
    def credentials(self) -> bytes:
        return base64.b64encode(f"{self.server.email}:{self.server.token}".encode())


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def api(authority: trustme.CA, tmp_path: Path) -> Iterator[Api]:
    with still(frozen()) as server, secured(authority.issue_cert(HOST), server.base_url) as front:
        environ = environ_of(server) | {
            "MIGSTAT_BASE_URL": f"https://{HOST}",
            "MIGSTAT_CA_BUNDLE": bundle_of(authority, tmp_path),
        }
        yield Api(server, front, authority, environ)


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine on which no name is known but localhost; its variables can be set."""
    resolve = socket.getaddrinfo

    def resolved(host: str, *more: Any, **named: Any) -> Any:
        if host.endswith(".test"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)  # the system's resolver cannot be handed in
    return monkeypatch


def assert_no_secret(result: Result, *secrets: str | bytes) -> None:
    """Check that no output contains the secrets, however they are spelt."""
    for secret in secrets:
        data = secret if isinstance(secret, bytes) else secret.encode()
        for spelling in (data.decode(), quote(data, safe=""), base64.b64encode(data).decode()):
            assert spelling not in result.out + result.err


VARIABLES = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]


@pytest.mark.parametrize(("variable", "scheme"), [*zip(VARIABLES, ("http://", "", "", "http://"), strict=True)])
def test_the_proxy_of_the_environment_leads_to_the_api(
    variable: str, scheme: str, api: Api, machine: pytest.MonkeyPatch
) -> None:
    """It is asked for a tunnel by the API's name, and sees neither the credentials nor anything else inside."""
    with api.proxy() as proxied:
        machine.setenv(variable, f"{scheme}127.0.0.1:{proxied.port}")
        result = migstat(["job"], api.environ)
    assert (result.code, result.err) == (0, "")
    assert proxied.asked_for == [f"CONNECT {HOST}:443"]
    for seen in (proxied.heads[0], bytes(proxied.through)):
        assert api.credentials not in seen
        assert b"\nauthorization" not in seen.lower()
        assert b"/jobs/" not in seen
    assert b"Authorization: Basic " + api.credentials in api.front.received


def test_the_password_of_a_proxy_is_for_the_proxy_alone(api: Api, machine: pytest.MonkeyPatch) -> None:
    """User and password of the proxy's URL are decoded and shown to the proxy, but not to the API, nor by -v."""
    with api.proxy(wants=GIVEN) as proxied:
        machine.setenv("HTTPS_PROXY", f"http://{IN_URL}127.0.0.1:{proxied.port}")
        result = migstat(["status", "-v"], api.environ)
    assert result.code == 0
    assert "GET /migrations/public/v1/" in result.err
    assert set(proxied.credentials) == {GIVEN}
    assert b"proxy-authorization" not in api.front.received.lower()
    assert PASSWORD.encode() not in api.front.received
    assert_no_secret(result, PASSWORD, GIVEN, api.credentials)


@pytest.mark.parametrize(("scheme", "host"), [("http", "127.0.0.1"), ("https", "localhost")])
def test_a_loopback_address_is_never_asked_for_at_a_proxy(
    scheme: str, host: str, api: Api, machine: pytest.MonkeyPatch
) -> None:
    """Whatever variables are set, what listens on this machine is reached without leaving it."""
    with api.proxy() as proxied, secured(api.authority.issue_cert(host), api.server.base_url) as front:
        for name in (*VARIABLES, "HTTP_PROXY", "http_proxy"):
            machine.setenv(name, f"http://127.0.0.1:{proxied.port}")
        port = front.port if scheme == "https" else api.server.base_url.rpartition(":")[2]
        result = migstat(["job"], api.environ | {"MIGSTAT_BASE_URL": f"{scheme}://{host}:{port}"})
    assert (result.code, result.err) == (0, "")
    assert proxied.heads == []


ECHO = f"{GIVEN} {base64.b64encode(GIVEN.encode()).decode()}"
TROUBLES: dict[str, tuple[dict[str, Any], str, str, str, bool]] = {
    "wants a password": ({"wants": GIVEN}, "", "requires a user name and password (407)", "NAME:PASSWORD@HOST", False),
    "refuses it": ({"wants": "else:where"}, IN_URL, "rejected its user name and password (407)", "%40 for @", False),
    "forbids it": ({"answers": refusal(403, ECHO)}, IN_URL, "does not allow connections to", "NO_PROXY", False),
    "redirects": ({"answers": refusal(302)}, IN_URL, f"not allow connections to {HOST} (302)", "administrator", False),
    "fails": ({"answers": refusal(502, ECHO)}, IN_URL, f"cannot reach {HOST} (502)", "HTTPS_PROXY", True),
    "is busy": ({"answers": refusal(503)}, IN_URL, f"cannot reach {HOST} (503)", "HTTPS_PROXY", True),
    "babbles": ({"answers": f"{ECHO}\r\n\r\n".encode()}, IN_URL, ": it did not respond with HTTP", "HTTPS_PROXY", True),
    "hangs up": ({"answers": b"HTTP"}, IN_URL, ": it closed the connection", "HTTPS_PROXY", True),
    "hangs": ({"answers": b""}, IN_URL, "did not answer within 0.1 s", "HTTPS_PROXY", True),
}
"""What a proxy does, the user in its URL, words of the message and of the hint, and whether that may pass."""


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_proxy_that_leads_nowhere_is_named_without_its_password(
    trouble: str, api: Api, machine: pytest.MonkeyPatch
) -> None:
    """Code 3: the error names the proxy instead of the API, what it did and what to do; passing faults are retried."""
    behaviour, user, message, hint, may_pass = TROUBLES[trouble]
    with api.proxy(**behaviour) as proxied:
        machine.setenv("HTTPS_PROXY", f"http://{user}127.0.0.1:{proxied.port}")
        limit = {"MIGSTAT_REQUEST_TIMEOUT": "0.1"} if trouble == "hangs" else {}
        result = migstat(["job", "-v", "--json"], api.environ | limit)
    error = replace(result, err=result.err.splitlines()[-1])
    refused_as_json(error, 3, "unreachable", f"the proxy 127.0.0.1:{proxied.port}", message, hint)
    assert (len(proxied.heads) > 1) is may_pass
    assert api.front.connections == 0
    assert_no_secret(result, PASSWORD, GIVEN, api.credentials)


@pytest.mark.parametrize(
    ("address", "reason"),
    [("127.0.0.1:{closed}", "Connection refused"), ("proxy.test:3128", "Name or service not known")],
)
def test_a_proxy_that_is_not_there_is_named(address: str, reason: str, api: Api, machine: pytest.MonkeyPatch) -> None:
    """A closed port or an unknown name is reported as the proxy's, not the API's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = address.format(closed=listener.getsockname()[1])
    machine.setenv("HTTPS_PROXY", f"http://{IN_URL}{where}")
    result = migstat(["job", "--json"], api.environ)
    refused_as_json(result, 3, "unreachable", f"cannot reach the proxy {where}: {reason} (tried ", "HTTPS_PROXY")
    assert_no_secret(result, PASSWORD, GIVEN)


def test_a_tunnel_that_leads_elsewhere_is_found_out(api: Api, machine: pytest.MonkeyPatch) -> None:
    """The certificate behind the proxy is verified by the API's name, which the error shows."""
    elsewhere = api.authority.issue_cert("elsewhere.test")
    with secured(elsewhere, api.server.base_url) as front, proxy({f"{HOST}:443": front.port}) as proxied:
        machine.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxied.port}")
        result = migstat(["job", "--json"], api.environ)
    refused_as_json(result, 3, "untrusted-server", f"the certificate of {HOST} is not valid", "another server")
    assert bytes(front.received) == b""
    assert len(proxied.heads) == 1


def test_a_proxy_may_be_spoken_to_over_tls(api: Api, machine: pytest.MonkeyPatch) -> None:
    """One whose URL begins with https is verified with the same authorities, those of MIGSTAT_CA_BUNDLE among them."""
    with api.proxy(wants=GIVEN, certificate=api.authority.issue_cert("localhost")) as proxied:
        machine.setenv("HTTPS_PROXY", f"https://{IN_URL}localhost:{proxied.port}")
        result = migstat(["job"], api.environ)
    assert (result.code, result.err) == (0, "")
    assert proxied.credentials == [GIVEN]
    assert b"Authorization: Basic " + api.credentials in api.front.received


TLS_TROUBLES: dict[str, tuple[Callable[[Api], trustme.LeafCert | None], str, str]] = {
    "unknown": (lambda _: trustme.CA().issue_cert("localhost"), "not signed by a trusted authority", "authority.pem"),
    "misnamed": (lambda api: api.authority.issue_cert("proxy.test"), "not valid for 'localhost'", "address right"),
    "no TLS": (lambda _: None, "does not speak proper TLS", "starts with http://"),
}


@pytest.mark.parametrize("trouble", TLS_TROUBLES)
def test_a_proxy_that_does_not_prove_who_it_is_learns_nothing(
    trouble: str, api: Api, machine: pytest.MonkeyPatch
) -> None:
    """It is named, asked once, and gets neither its password nor the name of the API."""
    certify, message, hint = TLS_TROUBLES[trouble]
    with api.proxy(certificate=certify(api)) as proxied:
        machine.setenv("HTTPS_PROXY", f"https://{IN_URL}localhost:{proxied.port}")
        result = migstat(["job", "--json"], api.environ)
    refused_as_json(result, 3, "untrusted-server", f"the proxy localhost:{proxied.port}", message, hint)
    assert len(proxied.heads) <= 1
    assert not any(secret in head for head in proxied.heads for secret in (b"CONNECT", HOST.encode(), b"roxy-A"))
    assert_no_secret(result, PASSWORD, GIVEN)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (f"ftp://{IN_URL}proxy.test", "the proxy in the environment is not a valid URL"),
        (f"http://{IN_URL}proxy.test:port", "the proxy in the environment is not a valid URL"),
        (f"socks5://{IN_URL}proxy.test:1080", "the configured proxy is a SOCKS proxy, which needs an extra package"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_wrong_usage(
    url: str, message: str, api: Api, machine: pytest.MonkeyPatch
) -> None:
    """The error names the variables but not the password, and the API is not asked without the proxy."""
    machine.setitem(sys.modules, "socksio", None)  # as where the extra is not installed
    machine.setenv("ALL_PROXY", url)
    result = migstat(["job"], api.environ)
    refused(result, 2, f"migstat: {message}", "HTTPS_PROXY")
    assert api.front.connections == 0
    assert_no_secret(result, PASSWORD, GIVEN)
