"""Flags over environment over profile, and everything that follows from them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from rich.pretty import pretty_repr

from migstat.cli.context import Runtime
from migstat.cli.options import options_from
from migstat.cli.streams import Streams
from migstat.errors import UsageError
from migstat.settings.config import parsed
from migstat.settings.keys import ENVIRONMENT, SETTINGS
from migstat.settings.resolve import Flags, Profile, Settings, Sources

TOKEN = "token-of-the-test"
LOGIN = {"MIGSTAT_EMAIL": "a@example.com", "MIGSTAT_TOKEN": TOKEN}


def no_stdin() -> str:
    pytest.fail("standard input was read")


def settle(flags: Flags | None = None, profile: Profile | None = None, **environ: str) -> Settings:
    return Sources(flags or {}, LOGIN | environ, profile or Profile(), no_stdin).open()


def facts(settings: Settings) -> dict[str, Any]:
    """All fields of the settings by name, the token in plain text."""
    found = {name: getattr(settings, name) for name in Settings.__struct_fields__}
    return found | {"token": settings.token.secret}


def test_flag_beats_environment_beats_profile_beats_default(tmp_path: Path) -> None:
    """For every setting, the first source that has a value counts; empty variables do not."""
    token, bundle = tmp_path / "token", tmp_path / "bundle"
    for file in (token, bundle):
        file.write_text("from-file", encoding="utf-8")
        file.chmod(0o600)
    found = {"base_url": "https://api.atlassian.com", "email": "a@example.com", "token": TOKEN,
             "request_timeout": 15.0, "rate_limit": 540, "ca_bundle": None, "proxy": None}  # fmt: skip
    assert facts(settle()) == found

    text = """[profiles.p]
    base_url = "https://profile.example"
    email = "profile@example.com"
    token_file = "token"
    request_timeout = 7
    rate_limit = 70
    ca_bundle = "bundle"
    """
    profile = Profile(parsed(text, str(tmp_path / "config.toml")), "p")
    found |= {"base_url": "https://profile.example", "email": "profile@example.com", "token": "from-file",
              "request_timeout": 7.0, "rate_limit": 70, "ca_bundle": str(bundle)}  # fmt: skip
    assert facts(Sources({}, dict.fromkeys(ENVIRONMENT, ""), profile, no_stdin).open()) == found

    environ = {
        "MIGSTAT_BASE_URL": "https://env.example",
        "MIGSTAT_EMAIL": "env@example.com",
        "MIGSTAT_REQUEST_TIMEOUT": "8",
        "MIGSTAT_RATE_LIMIT": "80",
        "MIGSTAT_CA_BUNDLE": str(token),
    }
    found |= {"base_url": "https://env.example", "email": "env@example.com", "token": TOKEN,
              "request_timeout": 8.0, "rate_limit": 80, "ca_bundle": str(token)}  # fmt: skip
    assert facts(settle({}, profile, **environ)) == found

    flags: Flags = {"base_url": "https://flag.example", "email": "flag@example.com", "token_file": str(token)}
    found |= {"base_url": "https://flag.example", "email": "flag@example.com", "token": "from-file"}
    assert facts(settle(flags, profile, **environ)) == found


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
        ("email = 'a:b'", {"MIGSTAT_EMAIL": ""}, "/c.toml: profiles.p.email is not an e-mail address"),
        ("request_timeout = 'x'", {}, "/c.toml: profiles.p.request_timeout: invalid duration: 'x'"),
        ("rate_limit = 'none'", {}, "/c.toml: profiles.p.rate_limit: 'none' is allowed for loopback addresses only"),
        ("", {"MIGSTAT_RATE_LIMIT": "none"}, "MIGSTAT_RATE_LIMIT: 'none' is allowed for loopback addresses only"),
        ("", {"MIGSTAT_EMAIL": "  "}, "MIGSTAT_EMAIL is not an e-mail address"),
        ("", {"MIGSTAT_BASE_URL": "http://x"}, "MIGSTAT_BASE_URL: plain http to x would send the API token"),
        ("base_url = 'x'", {"MIGSTAT_EMAIL": ""}, "/c.toml: profiles.p.base_url: "),  # rather than what is missing
    ],
)
def test_an_invalid_value_names_its_source(text: str, environ: dict[str, str], message: str) -> None:
    """File and key, or the variable, come first; and what is invalid before what is missing."""
    with pytest.raises(UsageError) as raised:
        settle({}, Profile(parsed(f"[profiles.p]\n{text}\n", "/c.toml"), "p"), **environ)
    assert raised.value.message.startswith(message)


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
        Sources({"token_file": "~/tok"}, email).open(),
        Sources({}, email | {"MIGSTAT_TOKEN_FILE": "~/tok"}).open(),
        *(Sources({}, email, profile).open() for profile in profiles),
    ]
    assert [each.token.secret for each in found] == ["t0ken"] * 4


def test_settings_never_show_the_token() -> None:
    """Nor does the token in them, however it is printed."""
    settings = settle()
    texts = (repr(settings), f"{settings.token!s:>50}", repr([copy.copy(settings.token)]), pretty_repr(settings))
    assert not [text for text in texts if TOKEN in text]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [("80", 80), ("0", None), ("", None), ("-5", None), ("wide", None), ("²", None), ("9" * 5000, None)],
)
def test_the_width_is_a_number_of_columns(columns: str, expected: int | None) -> None:
    """Anything else leaves it to the terminal."""
    runtime = Runtime({"COLUMNS": columns}, Streams(None, None))
    assert options_from(runtime, {}, formats=(), exports=(), new_profile=False).columns == expected
