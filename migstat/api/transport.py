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

from migstat.api.retry import Clock
from migstat.errors import UsageError
from migstat.settings.resolve import Settings

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
    """A transport to the settings' base URL. Raises UsageError for a proxy or a bundle that cannot be used.

    What goes wrong on the way to a proxy, and before it leads anywhere, is an `httpx.ProxyError`.
    """
    context = _tls(settings)
    try:
        proxy = settings.proxy and _proxy(settings.proxy, context)
        return _DeadlineTransport(context, proxy or None)
    except ImportError as error:
        hint = "pip install 'migstat[socks]', or give HTTPS_PROXY an http:// proxy."
        raise UsageError(
            "the proxy that the environment names speaks socks, for which a package is missing", hint
        ) from error
    except (ValueError, httpx.InvalidURL) as error:  # its text may hold the proxy's password
        raise UsageError(
            "the proxy that the environment names cannot be used",
            "HTTPS_PROXY and ALL_PROXY take a URL such as http://proxy.example:3128.",
        ) from error


def _proxy(url: str, context: ssl.SSLContext) -> httpx.Proxy:
    """The proxy at a URL; one that is spoken to over TLS is verified like the API."""
    return httpx.Proxy(url, ssl_context=context if httpx.URL(url).scheme == "https" else None)


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

    def __init__(self, context: ssl.SSLContext, proxy: httpx.Proxy | None) -> None:
        limits = httpx.Limits(max_connections=CONNECTIONS, keepalive_expiry=30.0)
        super().__init__(verify=context, proxy=proxy, limits=limits, trust_env=False)
        self._has_proxy = proxy is not None
        # httpcore takes a backend as an argument, httpx's transport does not pass one on
        self._pool._network_backend = _Backend()  # noqa: SLF001

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        way = _Way()
        if self._has_proxy:
            request.extensions = {**request.extensions, "trace": way}
        try:
            return super().handle_request(request)
        except httpx.ProxyError:
            raise
        except httpx.TransportError as error:
            if way.at_proxy:
                raise httpx.ProxyError("", request=request) from error
            raise


class _Way:
    """How far a request has come: told of httpcore's steps, it knows whether the proxy is still to lead on."""

    at_proxy = False

    def __call__(self, step: str, _: object) -> None:
        if step.endswith(".connect_tcp.started"):
            self.at_proxy = True
        elif step in ("proxy.start_tls.started", "socks.start_tls.started"):
            self.at_proxy = False


class _Backend(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = _addresses(host, port, timeout)
        for number, address in enumerate(addresses, 1):
            left = _left(timeout, httpcore.ConnectTimeout)
            share = None if left is None else left / (len(addresses) - number + 1)  # IPv6 may lead nowhere
            try:
                return _Stream(super().connect_tcp(address, port, share, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses):
                    raise
        raise AssertionError("a name that was resolved has an address")


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


def _addresses(host: str, port: int, timeout: float | None) -> list[str]:
    """The host's addresses, found within the deadline: the system's resolver knows none and may hang for minutes."""
    if not isinstance(timeout, Deadline) or _is_address(host):
        return [host]
    found: list[str] = []
    errors: list[Exception] = []

    def look_up() -> None:
        try:
            found.extend(str(address[0]) for *_, address in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:  # a label of more than 63 characters is the latter
            errors.append(error)

    thread = Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(max(0.0, timeout.left()))
    if thread.is_alive():
        raise httpcore.ConnectTimeout(f"the name {host} was not resolved in time")
    for error in errors:  # httpcore cuts off causes, so the words must be in the message
        raise httpcore.ConnectError(getattr(error, "strerror", None) or str(error)) from error
    return list(dict.fromkeys(found))


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit() or host == "localhost"
