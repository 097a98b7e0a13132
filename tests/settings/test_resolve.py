"""Flags over environment over profile, and everything that follows from them."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from migstat.cli.context import Options, Runtime
from migstat.cli.output import OutputOptions, output_of
from migstat.cli.streams import Streams
from migstat.errors import CredentialsError, UsageError
from migstat.settings.config import parsed
from migstat.settings.credentials import Secret
from migstat.settings.keys import ENVIRONMENT, FORMATS, SETTINGS
from migstat.settings.resolve import (
    Flags,
    Profile,
    Settings,
    process_environ,
    settings_from,
)

TOKEN = "token-of-the-test"
LOGIN = {"MIGSTAT_EMAIL": "a@example.com", "MIGSTAT_TOKEN": TOKEN}
PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")


def no_stdin() -> str:
    """Standard input that must not be read."""
    pytest.fail("standard input was read")


def settle(flags: Flags | None = None, profile: Profile | None = None, **environ: str) -> Settings:
    """Settings of an environment that has a login."""
    return settings_from(flags or {}, LOGIN | environ, no_stdin, profile=profile)


def look(output: str | None, **environ: str) -> OutputOptions:
    """How to show the report of a command that has all formats and writes into a pipe."""
    return output_of(Runtime(environ, Streams(None, None)), Options(output=output), FORMATS)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests begin without the machine's proxies."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


def test_the_defaults_are_those_of_the_contract() -> None:
    """With only a login it is Atlassian's API, 15 s per request and 540 requests a minute."""
    assert (
        settle()
        == Settings(
            base_url="https://api.atlassian.com",
            loopback=False,
            email="a@example.com",
            token=settle().token,
            request_timeout=15.0,
            rate_limit=540,
            ca_bundle=None,
        )
        or settle().token.reveal() == TOKEN
    )


def test_flag_beats_environment_beats_profile(tmp_path: Path) -> None:
    """For every setting, the first of flag, variable and profile that has a value counts; empty variables do not."""
    token, bundle = tmp_path / "token", tmp_path / "bundle"
    for file in (token, bundle):
        file.write_text("from-file", encoding="utf-8")
        file.chmod(0o600)
    text = """[profiles.p]
    base_url = "https://profile.example"
    email = "profile@example.com"
    token_file = "token"
    request_timeout = 7
    rate_limit = 70
    ca_bundle = "bundle"
    """
    profile = Profile(parsed(text, str(tmp_path / "config.toml")), "p")
    empty = dict.fromkeys(ENVIRONMENT, "")
    of_profile = settings_from({}, empty, no_stdin, profile=profile)
    assert (of_profile.base_url, of_profile.email) == ("https://profile.example", "profile@example.com")
    assert (of_profile.request_timeout, of_profile.rate_limit, of_profile.ca_bundle) == (7.0, 70, str(bundle))
    assert of_profile.token.reveal() == "from-file"
    environ = {
        "MIGSTAT_BASE_URL": "https://env.example",
        "MIGSTAT_EMAIL": "env@example.com",
        "MIGSTAT_REQUEST_TIMEOUT": "8",
        "MIGSTAT_RATE_LIMIT": "80",
        "MIGSTAT_CA_BUNDLE": str(token),
    }
    of_environ = settle({}, profile, **environ)
    assert (of_environ.base_url, of_environ.email) == ("https://env.example", "env@example.com")
    assert (of_environ.request_timeout, of_environ.rate_limit, of_environ.ca_bundle) == (8.0, 80, str(token))
    assert of_environ.token.reveal() == TOKEN
    flags: Flags = {"base_url": "https://flag.example", "email": "flag@example.com", "token_file": str(token)}
    of_flags = settle(flags, profile, **environ)
    assert (of_flags.base_url, of_flags.email) == ("https://flag.example", "flag@example.com")
    assert of_flags.token.reveal() == "from-file"


@pytest.mark.parametrize("name", [each.name for each in SETTINGS if each.shared and each.name != "profile"])
@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_option_is_refused_by_name(name: str, value: str) -> None:
    """An empty argument is an unset shell variable."""
    with pytest.raises(UsageError, match="--" + name.replace("_", "-")):
        settle({name: value})


@pytest.mark.parametrize(
    ("text", "environ", "message"),
    [
        ("base_url = 'x'", {}, "/c.toml: profiles.p.base_url: not an http or https URL: 'x'"),
        ("email = 'a:b'", {}, "/c.toml: profiles.p.email is not an e-mail address"),
        ("request_timeout = 'x'", {}, "/c.toml: profiles.p.request_timeout: invalid duration: 'x'"),
        ("rate_limit = 'none'", {}, "/c.toml: profiles.p.rate_limit: no limit is for loopback addresses only"),
        ("", {"MIGSTAT_RATE_LIMIT": "none"}, "MIGSTAT_RATE_LIMIT: no limit is for loopback addresses only"),
        ("", {"MIGSTAT_EMAIL": "  "}, "MIGSTAT_EMAIL is not an e-mail address"),
        ("", {"MIGSTAT_BASE_URL": "http://x"}, "MIGSTAT_BASE_URL: plain http to x would send the API token"),
    ],
)
def test_an_invalid_value_names_its_source(text: str, environ: dict[str, str], message: str) -> None:
    """File and key, or the variable, come first."""
    profile = Profile(parsed(f"[profiles.p]\n{text}\n", "/c.toml"), "p")
    with pytest.raises(UsageError) as raised:
        settings_from({}, LOGIN | environ if not text.startswith("email") else {}, no_stdin, profile=profile)
    assert raised.value.message.startswith(message)


def test_only_loopback_addresses_need_no_limit() -> None:
    """`none` lifts the limit for a local server."""
    local = settle(MIGSTAT_RATE_LIMIT="none", MIGSTAT_BASE_URL="http://127.0.0.1:1")
    assert (local.rate_limit, local.loopback) == (None, True)


def test_a_tilde_is_the_home_folder_wherever_a_path_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flags, variables and profiles may say `~`; a relative path in a profile begins at the config file."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "tok").write_text("\ufefft0ken\n", encoding="utf-8")
    (tmp_path / "tok").chmod(0o600)
    email = {"MIGSTAT_EMAIL": "a@b"}
    profiles = [
        Profile(parsed(f"[profiles.p]\ntoken_file = {name!r}\n", f"{tmp_path}/c.toml"), "p")
        for name in ("~/tok", "tok")
    ]
    found = [
        settings_from({"token_file": "~/tok"}, email, no_stdin),
        settings_from({}, email | {"MIGSTAT_TOKEN_FILE": "~/tok"}, no_stdin),
        *(settings_from({}, email, no_stdin, profile=profile) for profile in profiles),
    ]
    assert [each.token.reveal() for each in found] == ["t0ken"] * 4


def test_what_is_missing_is_named() -> None:
    """The hint says how to provide e-mail and token."""
    for given_, word in (({"MIGSTAT_TOKEN": TOKEN}, "MIGSTAT_EMAIL"), ({"MIGSTAT_EMAIL": "a@b"}, "MIGSTAT_TOKEN")):
        with pytest.raises(CredentialsError) as raised:
            settings_from({}, given_, no_stdin)
        assert word in raised.value.hint
        assert "migstat auth login" in raised.value.hint


def test_a_secret_never_shows_itself() -> None:
    """Neither the secret nor the settings around it print the token."""
    secret = Secret(TOKEN)
    shown = [repr(secret), str(secret), f"{secret!s:>50}", repr([secret]), repr(settle()), repr(copy.copy(secret))]
    assert not [text for text in shown if TOKEN in text]
    assert secret.reveal() == TOKEN
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize(
    ("environ", "base_url", "proxy"),
    [
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, "", "http://proxy.example:3128"),
        ({"https_proxy": "proxy.example:3128"}, "", "http://proxy.example:3128"),
        ({"ALL_PROXY": "proxy.example:3128"}, "", "http://proxy.example:3128"),
        ({"HTTPS_PROXY": "http://p:1"}, "https://localhost:8443", None),
        ({"HTTPS_PROXY": "http://p:1"}, "https://127.0.0.1:8443", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "api.atlassian.com"}, "", None),
    ],
)
def test_the_proxy_of_the_machine_is_used_but_not_for_loopback(
    environ: dict[str, str], base_url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy without a scheme is an http proxy; NO_PROXY and loopback addresses go around it."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert settle(MIGSTAT_BASE_URL=base_url).proxy == proxy


@pytest.mark.parametrize(
    ("columns", "expected"), [("80", 80), ("0", None), ("", None), ("-5", None), ("wide", None), ("9" * 5000, None)]
)
def test_the_width_is_a_number_of_columns(columns: str, expected: int | None) -> None:
    """Anything else leaves it to the terminal."""
    assert look(None, COLUMNS=columns).columns == expected


def test_the_format_is_asked_for_by_flag_then_variable() -> None:
    """`--output` beats MIGSTAT_OUTPUT, and an empty variable counts as unset."""
    assert look("csv", MIGSTAT_OUTPUT="json").format == "csv"
    assert look(None, MIGSTAT_OUTPUT="json").format == "json"
    assert look(None, MIGSTAT_OUTPUT="").format == "plain"


def test_the_environment_of_the_process_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default it is the process's own environment."""
    monkeypatch.setenv("MIGSTAT_JOB", "of-the-process")
    assert process_environ()["MIGSTAT_JOB"] == "of-the-process"


TEXTS = st.text(max_size=12) | st.sampled_from(
    ["none", "http://127.0.0.1:1", "https://[::1]", "https://[v1.x]", "https://a:b@c", "0", "540", "1h", "-", "/", "٣"]
)


@given(st.dictionaries(st.sampled_from([name for name in ENVIRONMENT if name != "MIGSTAT_TOKEN_FILE"]), TEXTS))
@example({"COLUMNS": "²"})
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_environment_lets_anything_but_our_errors_escape(environ: dict[str, str]) -> None:
    """Any variables lead to settings, or to an error that says what is wrong."""
    try:
        look(None, **environ)
        settings = settings_from({}, environ, no_stdin)
    except (UsageError, CredentialsError) as error:
        assert error.message  # noqa: PT017
    else:
        assert settings.base_url.startswith("https://") or settings.loopback
        assert settings.email
        assert settings.request_timeout > 0
