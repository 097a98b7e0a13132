"""The wire below the API's requests: one pool of connections, verified TLS, the proxy, and deadlines.

httpx's time-outs are per read, so a server that sends a byte now and then outlives them. A `Deadline` is a time-out
that shrinks: handed in as httpx's time-out, it arrives at every single read and write, and says what is left.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from threading import Thread
from typing import Any

import httpcore
import httpx

from migstat.errors import UsageError
from migstat.retry import Clock
from migstat.settings import Settings

CONNECTIONS = 4
"""Requests under way at the same time, at most."""


class Deadline(float):
    """A time-out in seconds that counts down from when it was made."""

    at: float
    clock: Clock

    def __new__(cls, seconds: float, clock: Clock) -> Deadline:
        """A deadline `seconds` from now."""
        self = super().__new__(cls, seconds)
        self.at = clock() + seconds
        self.clock = clock
        return self

    def left(self) -> float:
        """Seconds that are left, 0 or less when it has passed."""
        return self.at - self.clock()


def open_transport(settings: Settings) -> httpx.BaseTransport:
    """A transport to the settings' base URL. Raises UsageError for a proxy or a bundle that cannot be used."""
    context = _tls(settings)
    try:
        return _DeadlineTransport(context, settings.proxy)
    except (ValueError, ImportError, httpx.InvalidURL) as error:  # its text may hold the proxy's password
        raise UsageError(
            "the proxy that the environment names cannot be used",
            "See HTTPS_PROXY and ALL_PROXY; socks needs httpx[socks].",
        ) from error


def _tls(settings: Settings) -> ssl.SSLContext:
    """Verification with the system's authorities; none are loaded where only plain http to loopback is spoken."""
    if settings.base_url.startswith("http:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    import truststore  # costs what plain http need not pay

    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if settings.ca_bundle is not None:
        try:
            context.load_verify_locations(cafile=settings.ca_bundle)
        except (ssl.SSLError, OSError) as error:
            raise UsageError(
                f"--ca-bundle {settings.ca_bundle!r} holds no certificates",
                "It must be a PEM file of authorities.",
            ) from error
    return context


class _DeadlineTransport(httpx.HTTPTransport):
    """httpx's own transport over a network backend that knows deadlines."""

    def __init__(self, context: ssl.SSLContext, proxy: str | None) -> None:
        limits = httpx.Limits(max_connections=CONNECTIONS, keepalive_expiry=30.0)
        super().__init__(verify=context, proxy=proxy, limits=limits, trust_env=False)
        # httpcore takes a backend as an argument, httpx's transport does not pass one on
        self._pool._network_backend = _Backend()  # noqa: SLF001


class _Backend(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        _resolve(host, port, timeout)
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(super().connect_tcp(host, port, left, local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(timeout: float | None, passed: type[Exception]) -> float | None:
    if not isinstance(timeout, Deadline):
        return timeout
    left = timeout.left()
    if left <= 0:
        raise passed("the time for the whole request is up")
    return left


def _resolve(host: str, port: int, timeout: float | None) -> None:
    """Ask for the host's addresses within the deadline: the system's resolver knows none and may hang for minutes.

    The answer itself is not used: where it came in time, the connection's own look-up has it at once.
    """
    if not isinstance(timeout, Deadline) or _is_address(host):
        return
    errors: list[Exception] = []

    def look_up() -> None:
        try:
            socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:  # a label of more than 63 characters is the latter
            errors.append(error)

    thread = Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(max(0.0, timeout.left()))
    if thread.is_alive():
        raise httpcore.ConnectTimeout(f"the name {host} was not resolved in time")
    if errors:
        raise httpcore.ConnectError(str(errors[0])) from errors[0]


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit() or host == "localhost"
