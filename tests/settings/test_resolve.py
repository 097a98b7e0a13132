"""Flags over environment, every value that makes no sense, and the token's sources."""

from __future__ import annotations

import copy
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from migstat.errors import CredentialsError, MigstatError, UsageError
from migstat.settings.credentials import Secret
from migstat.settings.resolve import (
    DEFAULT_BASE_URL,
    ENVIRONMENT,
    Flags,
    Look,
    Settings,
    job_and_task,
    look_from,
    process_environ,
    refuse_empty,
    seconds,
    settings_from,
)

TOKEN = "token-of-the-test"
LOGIN = {"MIGSTAT_EMAIL": "a@example.com", "MIGSTAT_TOKEN": TOKEN}
PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")


def no_stdin() -> str:
    """Standard input that nobody may read."""
    pytest.fail("standard input was read")


def settle(flags: Flags | None = None, **environ: str) -> Settings:
    """Settings of an environment that has a login."""
    return settings_from(flags or Flags(), LOGIN | environ, no_stdin)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests begin without the machine's proxies."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


def test_the_defaults_are_those_of_the_contract() -> None:
    """With nothing but a login it is Atlassian's API, 15 s a request and 540 requests a minute."""
    settings = settle()
    assert (settings.base_url, settings.loopback) == ("https://api.atlassian.com", False)
    assert (settings.request_timeout, settings.rate_limit) == (15.0, 540)
    assert (settings.ca_bundle, settings.proxy, settings.warnings) == (None, None, ())
    assert (settings.email, settings.token.reveal()) == ("a@example.com", TOKEN)


def test_a_flag_beats_the_environment(tmp_path: Path) -> None:
    """Every option has a variable, and where both are given the option counts."""
    one, two, token = tmp_path / "one", tmp_path / "two", tmp_path / "token"
    for file in (one, two, token):
        file.write_text("from-file", encoding="utf-8")
    token.chmod(0o600)
    environ = {
        "MIGSTAT_BASE_URL": "https://env.example",
        "MIGSTAT_EMAIL": "env@example.com",
        "MIGSTAT_REQUEST_TIMEOUT": "7",
        "MIGSTAT_RATE_LIMIT": "70",
        "MIGSTAT_CA_BUNDLE": str(one),
    }
    of_environ = settle(None, **environ)
    assert (of_environ.base_url, of_environ.email) == ("https://env.example", "env@example.com")
    assert (of_environ.request_timeout, of_environ.rate_limit, of_environ.ca_bundle) == (7.0, 70, str(one))
    flags = Flags("https://flag.example", "flag@example.com", str(token), "8", "80", str(two))
    of_flags = settle(flags, **environ)
    assert (of_flags.base_url, of_flags.email) == ("https://flag.example", "flag@example.com")
    assert (of_flags.request_timeout, of_flags.rate_limit, of_flags.ca_bundle) == (8.0, 80, str(two))
    assert of_flags.token.reveal() == "from-file"


def test_an_empty_variable_counts_as_unset() -> None:
    """A variable that is set to nothing leaves the default."""
    empty = dict.fromkeys(ENVIRONMENT, "") | LOGIN
    assert settings_from(Flags(), empty, no_stdin).base_url == DEFAULT_BASE_URL
    assert job_and_task(empty) == (None, None)


@pytest.mark.parametrize("field", ["base_url", "email", "token_file", "request_timeout", "rate_limit", "ca_bundle"])
@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_option_is_refused_by_name(field: str, value: str) -> None:
    """An empty argument is an unset shell variable, which is told with the option's name."""
    with pytest.raises(UsageError, match="--" + field.replace("_", "-")):
        settle(Flags(**{field: value}))


BAD = {
    "base_url": [
        "api.atlassian.com",
        "ftp://api.atlassian.com",
        "http://api.atlassian.com",
        "http://10.0.0.1",
        "http://0.0.0.0:8080",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "https://",
        "https:///path",
        "https://user@api.atlassian.com",
        "https://user:secret@api.atlassian.com",
        "https://api.atlassian.com?x=1",
        "https://api.atlassian.com#x",
        "https://api.atlassian.com:port",
        "https://api.atlassian.com:99999",
        "https://api.atlassian.com:0",
        "https://[::1",
        "https://a b",
        "https://a\nb",
        "https://xn--\u00e4",
        "file:///etc/passwd",
    ],
    "email": ["a:b@example.com", "a\n@example.com", "\x00", "\udc80@example.com"],
    "request_timeout": ["0", "0s", "-1", "soon", "1d", "1e3", "nan", "inf", "1,5", "9" * 400, "1 s", "s"],
    "rate_limit": ["0", "-1", "1.5", "many", "1e3", "1000000000", "+5", "5 5"],
    "ca_bundle": ["/nonexistent/bundle.pem", "/", "a\0b"],
}  # fmt: skip
VARIABLES = {name: "MIGSTAT_" + name.upper() for name in BAD}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in BAD.items() for value in values])
def test_a_value_that_makes_no_sense_names_its_source(field: str, value: str) -> None:
    """A bad option and a bad variable are each told by their own name."""
    with pytest.raises(UsageError, match="^--" + field.replace("_", "-")):
        settle(Flags(**{field: value}))
    with pytest.raises(UsageError, match=f"^{VARIABLES[field]}"):
        settle(None, **{VARIABLES[field]: value})


@pytest.mark.parametrize("value", ["   ", "\t"])
def test_an_email_of_blanks_is_no_email(value: str) -> None:
    """A variable that holds blanks only does not log anybody in."""
    with pytest.raises((UsageError, CredentialsError)):
        settle(MIGSTAT_EMAIL=value)


@pytest.mark.parametrize("value", ["0" * 5000 + "1", "9" * 5000])
def test_a_number_too_long_to_read_is_told(value: str) -> None:
    """Python refuses to read numbers of thousands of digits, which is the user's slip and no defect."""
    try:
        settle(MIGSTAT_RATE_LIMIT=value)
    except MigstatError as error:
        assert "MIGSTAT_RATE_LIMIT" in error.message  # noqa: PT017


def test_a_secret_in_a_url_is_not_repeated() -> None:
    """A URL with a password is refused without showing it."""
    with pytest.raises(UsageError) as raised:
        settle(MIGSTAT_BASE_URL="https://me:hunter2@api.atlassian.com")
    assert "hunter2" not in raised.value.message + raised.value.hint


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://127.8.8.8", True),
        ("http://localhost:1", True),
        ("http://LOCALHOST:1", True),
        ("http://[::1]:8080", True),
        ("https://localhost", True),
        ("https://migrations.example.com:8443/base", False),
    ],
)
def test_plain_http_is_for_loopback_addresses(url: str, loopback: bool) -> None:
    """A loopback address may be asked without TLS, and only it counts as one."""
    settings = settle(MIGSTAT_BASE_URL=url)
    assert (settings.base_url, settings.loopback) == (url, loopback)


def test_a_last_slash_of_the_base_url_is_dropped() -> None:
    """The path is appended, so that no double slash comes out."""
    assert settle(MIGSTAT_BASE_URL=" https://a.example/ ").base_url == "https://a.example"


def test_no_rate_limit_is_for_loopback_addresses() -> None:
    """`none` lifts the limit to a loopback address and is refused elsewhere."""
    assert settle(MIGSTAT_RATE_LIMIT="none", MIGSTAT_BASE_URL="http://127.0.0.1:1").rate_limit is None
    with pytest.raises(UsageError, match="--rate-limit"):
        settle(Flags(rate_limit="none"))
    with pytest.raises(UsageError, match="MIGSTAT_RATE_LIMIT"):
        settle(MIGSTAT_RATE_LIMIT="none")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90.0),
        ("1.5", 1.5),
        ("1.5s", 1.5),
        ("15m", 900.0),
        ("2h", 7200.0),
        (" 3s ", 3.0),
        ("0.001", 0.001),
        ("480h", 1_728_000.0),
    ],
)
def test_durations_take_units(text: str, expected: float) -> None:
    """A bare number is seconds, and s, m and h are understood."""
    assert seconds(text, "--interval") == expected


@pytest.mark.parametrize("text", ["0", "0m", "0.0", "", "-5", "5d", "m", "1m30s", "∞", "240001h", "9" * 400])
def test_a_duration_that_is_none_names_its_option(text: str) -> None:
    """Zero, nonsense and what no system can wait are refused."""
    with pytest.raises(UsageError, match=r"^--interval"):
        seconds(text, "--interval")


def test_a_login_needs_an_email_and_a_token() -> None:
    """What is missing is told, with the variable that would hold it."""
    with pytest.raises(CredentialsError) as no_email:
        settings_from(Flags(), {"MIGSTAT_TOKEN": TOKEN}, no_stdin)
    with pytest.raises(CredentialsError) as no_token:
        settings_from(Flags(), {"MIGSTAT_EMAIL": "a@example.com"}, no_stdin)
    assert "MIGSTAT_EMAIL" in no_email.value.hint
    assert "MIGSTAT_TOKEN" in no_token.value.hint


def test_the_token_comes_from_the_first_source(tmp_path: Path) -> None:
    """The option's file beats the token variable, which beats the variable that names a file."""
    flag, variable = tmp_path / "flag", tmp_path / "variable"
    flag.write_text("of-flag\n", encoding="utf-8")
    variable.write_text("  of-variable  ", encoding="utf-8")
    environ = {"MIGSTAT_EMAIL": "a@example.com", "MIGSTAT_TOKEN_FILE": str(variable)}

    def token(flags: Flags, environ: dict[str, str]) -> str:
        return settings_from(flags, environ, no_stdin).token.reveal()

    assert token(Flags(token_file=str(flag)), environ | {"MIGSTAT_TOKEN": TOKEN}) == "of-flag"
    assert token(Flags(), environ | {"MIGSTAT_TOKEN": TOKEN}) == TOKEN
    assert token(Flags(), environ) == "of-variable"


def test_a_dash_reads_the_token_from_standard_input() -> None:
    """Standard input is a file named `-`, in the option and in the variable."""
    email = {"MIGSTAT_EMAIL": "a@example.com"}
    assert settings_from(Flags(token_file="-"), email, lambda: "piped\n").token.reveal() == "piped"
    of_variable = settings_from(Flags(), email | {"MIGSTAT_TOKEN_FILE": "-"}, lambda: "piped")
    assert of_variable.token.reveal() == "piped"


@pytest.mark.parametrize("text", ["", "  \n", "two words", "two\nlines", "tab\there", "nul\0", "\udc80"])
def test_what_is_no_token_is_refused_without_showing_it(text: str) -> None:
    """An empty, a split and an unprintable token are told by their source alone."""
    with pytest.raises(CredentialsError) as raised:
        settings_from(Flags(token_file="-"), {"MIGSTAT_EMAIL": "a@example.com"}, lambda: text)
    assert "--token-file" in raised.value.message
    if text.strip():
        assert text.strip() not in raised.value.message + raised.value.hint


@pytest.mark.parametrize("kind", ["absent", "directory", "binary", "nul"])
def test_a_token_file_that_cannot_be_read_is_told_by_name(tmp_path: Path, kind: str) -> None:
    """The file, and the option or variable that named it, stand in the error."""
    path = tmp_path / "token"
    if kind == "directory":
        path.mkdir()
    elif kind == "binary":
        path.write_bytes(b"\xff\xfe\x00")
    named = str(path) + ("\0" if kind == "nul" else "")
    email = {"MIGSTAT_EMAIL": "a@example.com"}
    with pytest.raises(CredentialsError, match="--token-file"):
        settings_from(Flags(token_file=named), email, no_stdin)
    with pytest.raises(CredentialsError, match="MIGSTAT_TOKEN_FILE"):
        settings_from(Flags(), email | {"MIGSTAT_TOKEN_FILE": named}, no_stdin)


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o400, False), (0o640, True), (0o644, True)])
def test_a_token_file_that_others_can_read_is_warned_of(tmp_path: Path, mode: int, warned: bool) -> None:
    """The warning names the file and the cure, and the token still works."""
    path = tmp_path / "token"
    path.write_text(TOKEN, encoding="utf-8")
    path.chmod(mode)
    settings = settle(Flags(token_file=str(path)))
    assert settings.token.reveal() == TOKEN
    assert any(str(path) in warning and "chmod" in warning for warning in settings.warnings) is warned
    assert TOKEN not in "".join(settings.warnings)


def test_a_token_from_a_pipe_is_no_file_of_others() -> None:
    """A process substitution is read like a file and not warned of."""
    reader, writer = os.pipe()
    os.write(writer, TOKEN.encode())
    os.close(writer)
    try:
        settings = settle(Flags(token_file=f"/dev/fd/{reader}"))
    finally:
        os.close(reader)
    assert (settings.token.reveal(), settings.warnings) == (TOKEN, ())


def test_a_secret_never_shows_itself() -> None:
    """Neither the secret nor the settings around it print the token."""
    secret = Secret(TOKEN)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{secret!s:>50}", repr([secret]), ascii(secret)]
    shown += [repr(settle()), str(settle()), repr(copy.copy(secret))]
    assert not [text for text in shown if TOKEN in text]
    assert secret.reveal() == TOKEN
    assert not hasattr(secret, "__dict__")


def test_the_proxy_of_the_machine_is_used_but_not_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY counts for the API, NO_PROXY and a loopback address go around it."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert settle().proxy == "http://proxy.example:3128"
    assert settle(MIGSTAT_BASE_URL="https://localhost:8443").proxy is None
    assert settle(MIGSTAT_BASE_URL="https://127.0.0.1:8443").proxy is None
    monkeypatch.setenv("NO_PROXY", "api.atlassian.com")
    assert settle().proxy is None


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"])
def test_a_proxy_that_is_a_bare_host_is_an_http_proxy(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a scheme a proxy is spoken to in plain http."""
    monkeypatch.setenv(variable, "proxy.example:3128")
    assert settle().proxy == "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("columns", "expected"), [("80", 80), ("0", None), ("", None), ("-5", None), ("wide", None), ("9" * 5000, None)]
)
def test_the_width_is_a_number_of_columns(columns: str, expected: int | None) -> None:
    """Anything that is no width leaves it to the terminal."""
    assert look_from(None, {"COLUMNS": columns}).columns == expected


def test_the_format_is_asked_for_by_flag_then_variable() -> None:
    """`--output` beats MIGSTAT_OUTPUT, and an empty variable counts as unset."""
    assert look_from("csv", {"MIGSTAT_OUTPUT": "json"}) == Look("csv", None, None)
    assert look_from(None, {"MIGSTAT_OUTPUT": "json"}).output == "json"
    assert look_from(None, {"MIGSTAT_OUTPUT": ""}).output is None


def test_job_and_task_come_from_the_environment() -> None:
    """Both words have a variable."""
    assert job_and_task({"MIGSTAT_JOB": "j", "MIGSTAT_TASK": "t"}) == ("j", "t")
    assert job_and_task({}) == (None, None)


def test_the_environment_of_the_process_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is handed in by default is the process's own environment."""
    monkeypatch.setenv("MIGSTAT_JOB", "of-the-process")
    assert process_environ()["MIGSTAT_JOB"] == "of-the-process"


@pytest.mark.parametrize("value", ["", " ", "\t\n"])
def test_an_empty_argument_is_refused(value: str) -> None:
    """The error names the argument."""
    with pytest.raises(UsageError, match=r"^--name"):
        refuse_empty(value, "--name")
    assert refuse_empty("x", "--name") == "x"


VALUES = st.text(max_size=12) | st.sampled_from(
    ["none", "http://127.0.0.1:1", "https://[::1]", "https://[v1.x]", "https://a:b@c", "0", "540", "1h", "-", "/", "٣"]
)


@given(st.dictionaries(st.sampled_from([name for name in ENVIRONMENT if name != "MIGSTAT_TOKEN_FILE"]), VALUES))
@example({"COLUMNS": "²"})
@hypothesis_settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_environment_lets_anything_but_our_errors_escape(environ: dict[str, str]) -> None:
    """Whatever the variables hold, there are settings, or an error that tells what is wrong."""
    look_from(None, environ)
    job_and_task(environ)
    try:
        settings = settings_from(Flags(), environ, no_stdin)
    except (UsageError, CredentialsError) as error:
        assert error.message  # noqa: PT017
    else:
        assert settings.base_url.startswith("https://") or settings.loopback
        assert settings.email
        assert settings.request_timeout > 0
        assert settings.rate_limit is None or settings.rate_limit > 0
