"""Servers that show over TLS who they are, or fail to."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from tests.sockets import forward, head_of, listening


@dataclass
class TlsServer:
    """A TLS server in front of a plain one: how many clients connected to it, and all that they said under TLS."""

    port: int = 0
    connections: int = 0
    received: bytearray = field(default_factory=bytearray)


@contextmanager
def secured(certificate: trustme.LeafCert | ssl.SSLContext, behind: str | None = None) -> Iterator[TlsServer]:
    """Serve what is at the URL `behind` over TLS, with this certificate; without one, hang up on each request."""
    context = certificate
    if isinstance(certificate, trustme.LeafCert):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
    assert isinstance(context, ssl.SSLContext)
    front = TlsServer()

    def serve(connection: socket.socket) -> None:
        front.connections += 1
        with context.wrap_socket(connection, server_side=True) as near:
            if behind is None:
                front.received += head_of(near)
                return
            forward(near, behind, front.received)

    with listening(serve) as front.port:
        yield front


def bundle_of(authority: trustme.CA, folder: Path) -> str:
    """Write the authority's certificate where MIGSTAT_CA_BUNDLE can name it; the file's name."""
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)
