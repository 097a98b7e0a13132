"""NO_PROXY in all its forms, and who is reached through a proxy at all."""

from __future__ import annotations

import pytest

from migstat.settings.proxies import is_exempt, proxy_for

API = "api.atlassian.com"


@pytest.mark.parametrize(
    ("no_proxy", "host", "port", "exempt"),
    [
        ("", API, 443, False),
        (",", API, 443, False),
        ("*", API, 443, True),
        ("x.example,*", API, 443, True),
        (API, API, 443, True),
        ("API.Atlassian.COM", API, 443, True),
        ("api.atlassian.com.", API, 443, True),
        ("atlassian.com", API, 443, True),
        (".atlassian.com", API, 443, True),
        ("*.atlassian.com", API, 443, True),
        (".atlassian.com", "atlassian.com", 443, True),
        ("lassian.com", API, 443, False),
        ("atlassian.co", API, 443, False),
        ("other.example , .atlassian.com", API, 443, True),
        ("  api.atlassian.com  ", API, 443, True),
        ("other.example api.atlassian.com", API, 443, True),
        ("other.example\tapi.atlassian.com\n", API, 443, True),
        ("api.atlassian.com:443", API, 443, True),
        ("api.atlassian.com:8443", API, 443, False),
        ("*.atlassian.com:443", API, 443, True),
        (".atlassian.com:80", API, 443, False),
        ("api.atlassian.com:443x", API, 443, False),
        ("10.0.0.1", "10.0.0.1", 443, True),
        ("10.0.0.1", "10.0.0.10", 443, False),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.0.0.0/8", API, 443, False),
        ("fe80::1", "fe80::1", 443, True),
        ("[fe80::1]:8080", "fe80::1", 8080, True),
        ("[fe80::1]:8080", "fe80::1", 443, False),
        ("fe80::/10", "fe80::1", 443, True),
    ],
)
def test_the_forms_of_no_proxy(no_proxy: str, host: str, port: int, exempt: bool) -> None:
    """Names with or without a dot, a star or a port, addresses and networks, between commas or spaces."""
    assert is_exempt(no_proxy, host, port) is exempt


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({}, f"https://{API}", None),
        ({"HTTPS_PROXY": "http://p:1"}, f"https://{API}", "http://p:1"),
        ({"https_proxy": "p:1"}, f"https://{API}", "http://p:1"),
        ({"ALL_PROXY": "socks5://p:1"}, f"https://{API}", "socks5://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, f"https://{API}", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*.atlassian.com"}, f"https://{API}", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": f"{API}:443"}, f"https://{API}", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": f"{API}:443"}, f"https://{API}:444", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "https://localhost", None),
        ({"ALL_PROXY": "http://p:1", "HTTP_PROXY": "http://p:1"}, "http://127.8.9.1:80", None),
        ({"ALL_PROXY": "http://p:1"}, "https://[::1]:8443", None),
    ],
)
def test_the_proxy_for_a_url(
    variables: dict[str, str], url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable of the scheme, else ALL_PROXY; nothing for exempt hosts and for this machine."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == proxy
