"""An `httpx.Client` for one server: verified TLS, the right proxy, and nothing that httpx reads on its own."""

from __future__ import annotations

import re
import ssl
import sys
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path

import httpx

from migstat import __version__
from migstat.errors import UsageError
from migstat.settings.resolve import Settings

KEPT_ALIVE = 30.0
"""Seconds that a connection may stay unused; longer than the usual pause between two polls."""


class Redirect(Exception):
    """The server answered with a redirect. httpx would look where it leads even when it does not follow it."""

    def __init__(self, status: int, location: str) -> None:
        super().__init__(status)
        self.status = status
        self.location = location


def open_client(settings: Settings, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """Open a client for the server of the settings; it raises Redirect for every redirect.

    Raises UsageError for a proxy or a CA bundle that cannot be used. `transport` replaces the network in tests.
    """
    secure = settings.base_url.startswith("https:")
    # for plain http without authorities: loading them is slower than the request
    unused = None if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context = unused or _tls(settings.ca_bundle, ssl.get_default_verify_paths())
    try:
        return httpx.Client(
            transport=transport,
            verify=context,
            proxy=None if transport or not settings.proxy else _proxy(settings.proxy, context),
            timeout=settings.request_timeout,
            limits=httpx.Limits(max_connections=None, keepalive_expiry=KEPT_ALIVE),
            headers={"User-Agent": f"migstat/{__version__}"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            event_hooks={"response": [_raise_redirect]},
            trust_env=False,
        )
    except ImportError as error:
        raise UsageError(
            "the configured proxy is a SOCKS proxy, which needs an extra package",
            "Run pip install 'migstat[socks]', or set HTTPS_PROXY to an http:// proxy.",
        ) from error
    except (ValueError, httpx.InvalidURL) as error:  # its text may hold the proxy's password
        raise UsageError(
            "the proxy in the environment is not a valid URL",
            "Set HTTPS_PROXY or ALL_PROXY to a URL such as http://proxy.example:3128.",
        ) from error


def _proxy(url: str, context: ssl.SSLContext) -> httpx.Proxy:
    """The proxy at a URL; one that is spoken to over TLS is verified like the API."""
    return httpx.Proxy(url, ssl_context=context if httpx.URL(url).scheme == "https" else None)


def _raise_redirect(response: httpx.Response) -> None:
    if 300 <= response.status_code < 400:
        raise Redirect(response.status_code, response.headers.get("Location", ""))


@cache  # one context a process: every server is verified in the same way, and parsing authorities is slow
def _tls(ca_bundle: str | None, paths: ssl.DefaultVerifyPaths) -> ssl.SSLContext:
    """Verification against the system's authorities, and those of MIGSTAT_CA_BUNDLE in addition.

    `paths` are OpenSSL's, after SSL_CERT_FILE and SSL_CERT_DIR. On Windows and macOS the system itself verifies.
    Elsewhere truststore would parse the whole bundle for every connection (30 ms); a directory of hashed names is read
    only for the one authority that is needed.
    """
    if sys.platform in ("win32", "darwin") or not (paths.cafile or paths.capath):
        import truststore

        context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if paths.capath is not None and any(_HASHED.fullmatch(path.name) for path in Path(paths.capath).iterdir()):
            context.load_verify_locations(capath=paths.capath)
            if paths.cafile != paths.openssl_cafile:  # SSL_CERT_FILE names another one than the system's
                _load(context, paths.cafile, "SSL_CERT_FILE")
        else:
            context.set_default_verify_paths()
    _load(context, ca_bundle, "MIGSTAT_CA_BUNDLE")
    return context


def _load(context: ssl.SSLContext, bundle: str | None, source: str) -> None:
    try:
        if bundle is not None:
            context.load_verify_locations(cafile=bundle)
    except (ssl.SSLError, OSError) as error:
        hint = "Use a PEM file of certificate authorities."
        raise UsageError(f"{source}: {bundle!r} holds no certificates", hint) from error


_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")
