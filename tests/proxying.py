"""A forward proxy on loopback with its own host names, which remembers every request."""

from __future__ import annotations

import base64
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import trustme

from tests.sockets import hang, head_of, listening, relay

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def refusal(status: int, reason: str = "No") -> bytes:
    return f"HTTP/1.1 {status} {reason}\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n".encode()


@dataclass
class Proxy:
    """What a running proxy has seen: the head of each request, and all bytes that clients sent through its tunnels."""

    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    through: bytearray = field(default_factory=bytearray)

    @property
    def asked_for(self) -> list[str]:
        """What was asked of it, such as `CONNECT api.example:443`."""
        return [head.decode("latin-1").partition(" HTTP/")[0] for head in self.heads]

    @property
    def credentials(self) -> list[str]:
        """The credentials that it was shown, decoded; empty where a request held none."""
        matches = [re.search(rb"(?im)^proxy-authorization: Basic (\S+)", head) for head in self.heads]
        return [base64.b64decode(match[1]).decode() if match else "" for match in matches]


@contextmanager
def proxy(
    routes: Mapping[str, int],
    *,
    wants: str | None = None,
    answers: bytes | None = None,
    certificate: trustme.LeafCert | None = None,
) -> Iterator[Proxy]:
    """Serve a proxy whose tunnels to `host:port` lead to a port of loopback, or to 502 where `routes` has none.

    With `wants` it insists on this user and password, with `answers` it sends these bytes whatever it is asked (none
    at all: it never answers), with a certificate it is spoken to over TLS.
    """
    seen = Proxy()

    def serve(connection: socket.socket) -> None:
        if certificate is None:
            _serve(connection)
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        with context.wrap_socket(connection, server_side=True) as secured:
            _serve(secured)

    def _serve(connection: socket.socket) -> None:
        seen.heads.append(head_of(connection))
        method, _, host = seen.asked_for[-1].partition(" ")
        if answers == b"":
            hang(connection)
        elif answers is not None:
            connection.sendall(answers)
        elif wants is not None and seen.credentials[-1] != wants:
            connection.sendall(refusal(407, "Proxy Authentication Required"))
        elif method != "CONNECT":
            connection.sendall(refusal(400, "Bad Request"))
        elif host not in routes:
            connection.sendall(refusal(502, "Bad Gateway"))
        else:
            with socket.create_connection(("127.0.0.1", routes[host])) as far:
                connection.sendall(ESTABLISHED)
                relay(connection, far, seen.through)

    with listening(serve) as seen.port:
        yield seen
