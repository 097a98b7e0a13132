"""The proxy for a URL: that of the environment or the system, except for hosts that NO_PROXY exempts."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from migstat.settings.values import is_loopback


def proxy_for(url: str) -> str | None:
    """The proxy to use for this URL, or None if it is reached directly, as loopback addresses always are.

    A proxy given as a bare `host:port` is an `http://` one.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    if is_loopback(host):
        return None
    from urllib.request import getproxies, proxy_bypass  # slow to import

    proxies = getproxies()  # the system's if the environment names none, on Windows and macOS
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy:
        return None
    # `urllib` knows neither `*.host` nor `host:443` nor networks, so it is asked for the system's exceptions only
    if is_exempt(proxies["no"], host, port) if "no" in proxies else proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def is_exempt(no_proxy: str, host: str, port: int | None) -> bool:
    """Tell if NO_PROXY lists the host: `host`, `.host`, `*.host`, each with or without `:port`, `10.0.0.0/8`, or `*`.

    Names are separated by commas or spaces, and a name covers all hosts below it, as in curl and Go.
    """
    host = host.lower().strip("[].")
    for entry in re.split(r"[\s,]+", no_proxy.lower().strip()):
        if entry == "*":
            return True
        # An IPv6 address has colons itself, so only one in brackets can be followed by a port.
        match = re.fullmatch(r"(?:\*?\.)?(\[[^]]*\]|[^:]+|[^:]*:[^:]*:.*?)\.?(?::(\d+))?", entry)
        if match is None or (match[2] and int(match[2]) != port):
            continue
        name = match[1].strip("[].")
        if host == name or host.endswith(f".{name}") or _is_within(host, name):
            return True
    return False


def _is_within(host: str, network: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False
