"""TLS at the program's edge: whom it trusts, what it says of whom it does not, and that those learn nothing."""

from __future__ import annotations

import base64
import re
import socket
import ssl
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from migstat.simulator.server import Server
from tests.command_line import environ_of, migstat, process, refused, refused_as_json
from tests.scenarios import frozen
from tests.servers import server_of
from tests.sockets import forward, head_of, listening
from tests.tls import TlsServer, bundle_of, secured

LONG_AGO, AGO = datetime(2019, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)
FAR, FARTHER = datetime(2090, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def bundle(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    return bundle_of(authority, tmp_path_factory.mktemp("tls"))


simulator = server_of(frozen())


def environ_at(url: str, server: Server) -> dict[str, str]:
    return {**environ_of(server), "MIGSTAT_BASE_URL": url}


def credentials_of(server: Server) -> bytes:
    return base64.b64encode(f"{server.email}:{server.token}".encode())


def test_a_further_authority_makes_a_server_trusted(
    authority: trustme.CA, bundle: str, simulator: Server, tmp_path: Path
) -> None:
    """A server of the right name is asked over TLS once its authority is known, and only it can read along."""
    keys = tmp_path / "keys"
    with secured(authority.issue_cert("localhost"), simulator.base_url) as front:
        environ = environ_at(f"https://localhost:{front.port}", simulator) | {"SSLKEYLOGFILE": str(keys)}
        result = process(["job"], environ | {"MIGSTAT_CA_BUNDLE": bundle})
    assert (result.code, result.err) == (0, "")
    assert "Jira to the cloud" in result.out
    assert front.received.count(b"Authorization: Basic " + credentials_of(simulator)) == 1
    assert not keys.exists()


Certify = Callable[[trustme.CA, Path], trustme.LeafCert | ssl.SSLContext]


def self_signed(_: trustme.CA, folder: Path) -> ssl.SSLContext:
    own = trustme.CA()
    return _context(folder, own.private_key_pem, own.cert_pem)


def missing_intermediate(authority: trustme.CA, folder: Path) -> ssl.SSLContext:
    """A certificate by an authority in between, which the server does not send along."""
    leaf = authority.create_child_ca().issue_cert("127.0.0.1")
    return _context(folder, leaf.private_key_pem, leaf.cert_chain_pems[0])


def with_old_tls(authority: trustme.CA, _: Path) -> ssl.SSLContext:
    """A server that only supports versions too old to be allowed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def _context(folder: Path, *pems: trustme.Blob) -> ssl.SSLContext:
    path = folder / "server.pem"
    path.write_bytes(b"".join(pem.bytes() for pem in pems))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


FAULTS: dict[str, tuple[str, Certify, str, str]] = {
    "wrong address": ("127.0.0.1", lambda ca, _: ca.issue_cert("other.example"), "mismatch", "another server"),
    "wrong name": ("localhost", lambda ca, _: ca.issue_cert("other.example"), "'localhost'", "Is the address right"),
    "expired": ("127.0.0.1", lambda ca, _: ca.issue_cert("127.0.0.1", not_before=LONG_AGO, not_after=AGO),
                "has expired", "machine's date"),
    "not yet valid": ("127.0.0.1", lambda ca, _: ca.issue_cert("127.0.0.1", not_before=FAR, not_after=FARTHER),
                      "not yet valid", "machine's date"),
    "other authority": ("127.0.0.1", lambda _, __: trustme.CA().issue_cert("127.0.0.1"),
                        "not signed by a trusted authority", "authority.pem"),
    "self-signed": ("127.0.0.1", self_signed, "self-signed", "authority.pem"),
    "link missing": ("127.0.0.1", missing_intermediate, "not signed by a trusted authority", "authority.pem"),
    "old TLS": ("127.0.0.1", with_old_tls, "does not speak proper TLS", "--base-url"),
}  # fmt: skip
"""What is wrong with a server: its host, its certificate, and words of the message and of the hint."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_that_does_not_prove_who_it_is_learns_nothing(
    fault: str, authority: trustme.CA, bundle: str, simulator: Server, tmp_path: Path
) -> None:
    """The error says what is wrong and what to do; the server is asked once and gets not a byte of the request."""
    host, certify, message, hint = FAULTS[fault]
    with secured(certify(authority, tmp_path), simulator.base_url) as front:
        environ = environ_at(f"https://{host}:{front.port}", simulator)
        result = migstat(["status", "--json"], environ | {"MIGSTAT_CA_BUNDLE": bundle})
    refused_as_json(result, 3, "untrusted-server", f"{host}:{front.port}", message, hint)
    assert (front.connections, bytes(front.received)) == (1, b"")


def test_without_a_bundle_the_hint_is_to_give_one(authority: trustme.CA, simulator: Server) -> None:
    """An unknown authority is reported in two lines; the second one names the variable."""
    with secured(authority.issue_cert("127.0.0.1"), simulator.base_url) as front:
        result = migstat(["status"], environ_at(f"https://127.0.0.1:{front.port}", simulator))
    message = f"the certificate of 127.0.0.1:{front.port} is not valid: it is not signed by a trusted authority"
    refused(result, 3, f"migstat: {message}", "\n  ", "MIGSTAT_CA_BUNDLE")
    assert (front.connections, bytes(front.received)) == (1, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system's store cannot be replaced by a file")
def test_a_bundle_is_added_to_the_systems_authorities(
    authority: trustme.CA, bundle: str, simulator: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server of an authority that the system knows is trusted with and without a bundle of others."""
    systems = trustme.CA()
    with secured(systems.issue_cert("127.0.0.1"), simulator.base_url) as front:
        environ = environ_at(f"https://127.0.0.1:{front.port}", simulator)
        monkeypatch.setenv("SSL_CERT_FILE", bundle_of(systems, tmp_path))
        codes = [migstat(["job"], environ | more).code for more in ({}, {"MIGSTAT_CA_BUNDLE": bundle})]
    assert codes == [0, 0]


def bad_request(connection: socket.socket, seen: list[bytes]) -> None:
    """Answer as a server of plain http does, whatever comes."""
    seen.append(head_of(connection))
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def test_a_server_of_plain_http_behind_https_learns_nothing(bundle: str, simulator: Server) -> None:
    """The error says that TLS is missing, and the server gets no more than the beginning of TLS."""
    seen: list[bytes] = []
    with listening(lambda connection: bad_request(connection, seen)) as port:
        environ = environ_at(f"https://127.0.0.1:{port}", simulator)
        result = migstat(["job", "--json"], environ | {"MIGSTAT_CA_BUNDLE": bundle})
    refused_as_json(result, 3, "untrusted-server", f"127.0.0.1:{port} does not speak proper TLS", "--base-url")
    assert len(seen) == 1
    assert b"Authorization" not in seen[0]
    assert credentials_of(simulator) not in seen[0]


def test_plain_http_to_a_server_of_https_is_told_so(authority: trustme.CA, simulator: Server) -> None:
    """On a loopback address the hint asks for the right scheme."""
    with secured(authority.issue_cert("127.0.0.1"), simulator.base_url) as front:
        result = migstat(["job", "--json"], environ_at(f"http://127.0.0.1:{front.port}", simulator))
    refused_as_json(result, 3, "unreachable", f"cannot reach 127.0.0.1:{front.port}: ", "plain http")


def test_a_handshake_that_is_broken_off_is_tried_again(authority: trustme.CA, bundle: str, simulator: Server) -> None:
    """A server that hangs up during the handshake is not untrusted: the next attempt succeeds."""
    certificate = authority.issue_cert("127.0.0.1")
    broken: list[bytes] = []

    def first_break_off(connection: socket.socket, front: TlsServer) -> None:
        if not broken:
            broken.append(connection.recv(65536))
            return
        forward(connection, f"https://127.0.0.1:{front.port}", bytearray())

    with (
        secured(certificate, simulator.base_url) as front,
        listening(lambda connection: first_break_off(connection, front)) as port,
    ):
        environ = environ_at(f"https://127.0.0.1:{port}", simulator)
        result = migstat(["job", "-v"], environ | {"MIGSTAT_CA_BUNDLE": bundle})
    assert result.code == 0
    assert re.search(rf"cannot reach 127\.0\.0\.1:{port}: .*\n.*trying again in", result.err)
    assert (len(broken), front.connections) == (1, 1)
