"""NO_PROXY in all its forms, and who is reached through a proxy at all."""

from __future__ import annotations

import pytest

from migstat.settings.proxies import is_exempt, proxy_for

API = "api.atlassian.com"


@pytest.mark.parametrize(
    ("host", "port", "exempting", "others"),
    [
        (API, 443,
         ["*", "x.example,*", API, "API.Atlassian.COM", f"{API}.", "atlassian.com", ".atlassian.com", "*.atlassian.com",
          "other.example , .atlassian.com", f"  {API}  ", f"other.example {API}", f"other.example\t{API}\n",
          f"{API}:443", "*.atlassian.com:443"],
         ["", ",", "lassian.com", "atlassian.co", f"{API}:8443", ".atlassian.com:80", f"{API}:443x", "10.0.0.0/8"]),
        ("atlassian.com", 443, [".atlassian.com"], []),
        ("10.0.0.1", 443, ["10.0.0.1", "10.0.0.0/8"], ["10.0.0.10", "11.0.0.0/8"]),
        ("fe80::1", 443, ["fe80::1", "fe80::/10"], ["[fe80::1]:8080"]),
        ("fe80::1", 8080, ["[fe80::1]:8080"], []),
    ],
)  # fmt: skip
def test_the_forms_of_no_proxy(host: str, port: int, exempting: list[str], others: list[str]) -> None:
    """Names with or without a dot, a star or a port, addresses and networks, between commas or spaces."""
    assert [text for text in (*exempting, *others) if is_exempt(text, host, port)] == exempting


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
