"""Who logs in and with what: the order of the sources, and what is refused without being shown."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migstat.errors import CredentialsError, UsageError
from migstat.settings.credentials import (
    LONGEST_TOKEN,
    Secret,
    TokenFile,
    email_from,
    may_be_token,
    named_token,
    secret_of,
    token_from,
    token_of_file,
)
from migstat.settings.keychain import Account, Keychain
from tests.keyrings import Kept, Locked, in_force

ACCOUNT = Account("https://api.atlassian.com", "you@example.com")


def nobody() -> str:
    """Standard input that nobody may read."""
    pytest.fail("standard input was read")


def no_account() -> Account:
    """An account that nobody may ask for."""
    pytest.fail("the keyring was asked")


def token_file(path: Path, token: str) -> str:
    """Write a file that only its owner can read."""
    path.write_text(token, encoding="utf-8")
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the keyring a file."""
    monkeypatch.setenv("KEYRING_FILE", str(tmp_path / "keyring.json"))
    with in_force(Kept()):
        yield


@pytest.mark.usefixtures("kept")
def test_the_first_source_that_is_there_is_used(tmp_path: Path) -> None:
    """Of option, variable, variable of a file, profile and keyring the first wins, and says where it is."""
    Keychain().keep(ACCOUNT, "of-keyring")
    flag = TokenFile(token_file(tmp_path / "flag", "of-flag\n"), "--token-file")
    profile = TokenFile(token_file(tmp_path / "profile", "of-profile"), "profile acme's token_file in c.toml, line 7")
    environ = {
        "MIGSTAT_TOKEN": "of-variable",
        "MIGSTAT_TOKEN_FILE": token_file(tmp_path / "variable", "of-variables-file"),
    }
    left = [flag, environ["MIGSTAT_TOKEN"], environ["MIGSTAT_TOKEN_FILE"], profile, "keyring"]
    told = []
    while left:
        given_flag = flag if flag in left else None
        given_environ = {name: value for name, value in environ.items() if value in left}
        given_profile = profile if profile in left else None
        token = token_from(given_flag, given_environ, given_profile, lambda: ACCOUNT, nobody, Keychain())
        named = named_token(given_flag, given_environ, given_profile)
        told.append((token.secret.reveal(), token.source, getattr(named, "source", named)))
        left.pop(0)
    assert told == [
        ("of-flag", f"{tmp_path}/flag (--token-file)", "--token-file"),
        ("of-variable", "MIGSTAT_TOKEN", "MIGSTAT_TOKEN"),
        ("of-variables-file", f"{tmp_path}/variable (MIGSTAT_TOKEN_FILE)", "MIGSTAT_TOKEN_FILE"),
        ("of-profile", f"{tmp_path}/profile ({profile.source})", profile.source),
        ("of-keyring", "the keyring", None),
    ]


@pytest.mark.parametrize("first", ["flag", "file", "profile"])
def test_a_source_that_is_named_is_not_passed_over(tmp_path: Path, first: str) -> None:
    """Where the first source is unusable, that is told, and the next one is not used in silence."""
    missing = TokenFile(str(tmp_path / "none"), "named")
    environ = {"MIGSTAT_TOKEN_FILE": missing.path} if first == "file" else {}
    with pytest.raises(CredentialsError, match="cannot be read"):
        token_from(
            missing if first == "flag" else None,
            environ,
            missing if first == "profile" else None,
            no_account,
            nobody,
            Keychain(),
        )


@pytest.mark.usefixtures("kept")
def test_without_any_source_all_of_them_are_told() -> None:
    """Where nothing is kept, or there is no keyring at all, the hint says how to give a token."""
    for chain in (Keychain(), None):
        with pytest.raises(CredentialsError, match=r"^no API token$") as raised:
            token_from(None, {}, None, lambda: ACCOUNT, nobody, chain)
        for way in ("migstat auth login", "MIGSTAT_TOKEN", "--token-file"):
            assert way in raised.value.hint
    with in_force(Locked()), pytest.raises(CredentialsError, match=r"^no API token: the keyring is locked$") as raised:
        token_from(None, {}, None, lambda: ACCOUNT, nobody, Keychain())
    assert "Unlock it" in raised.value.hint


def test_a_keyring_without_the_library_is_no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has not installed the extra is told of no error of it, but of the ways that there are."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(CredentialsError, match=r"^no API token$"):
        token_from(None, {}, None, lambda: ACCOUNT, nobody, Keychain())


@pytest.mark.usefixtures("kept")
def test_the_keyring_of_another_account_is_not_used() -> None:
    """A token is that of one e-mail at one API."""
    Keychain().keep(ACCOUNT, "mine")
    for other in (ACCOUNT._replace(email="other@example.com"), ACCOUNT._replace(base_url="http://127.0.0.1:1")):
        with pytest.raises(CredentialsError, match="no API token"):
            token_from(None, {}, None, lambda other=other: other, nobody, Keychain())  # type: ignore[misc]


@pytest.mark.parametrize("bad", ["", " \n", "two words", "two\nlines", "a\x1bb", "\u202ea"])
@pytest.mark.usefixtures("kept")
def test_what_is_no_token_is_refused_from_every_source(tmp_path: Path, bad: str) -> None:
    """A text that no token can be is told by its source and not shown."""
    file = TokenFile(token_file(tmp_path / "token", bad), "--token-file")
    keyring.set_password(ACCOUNT.service, ACCOUNT.email, bad)
    sources: list[tuple[TokenFile | None, dict[str, str], str]] = [
        (file, {}, f"{file.path} (--token-file)"),
        (TokenFile("-", "--token-file"), {}, "standard input (--token-file -)"),
        (None, {}, "the keyring"),
    ]
    if bad:
        sources.append((None, {"MIGSTAT_TOKEN": bad}, "MIGSTAT_TOKEN"))
    for flag, environ, source in sources:
        with pytest.raises(CredentialsError) as raised:
            token_from(flag, environ, None, lambda: ACCOUNT, lambda: bad, Keychain())
        assert raised.value.message.startswith(f"{source} holds ")
        assert not bad.strip() or bad.strip() not in raised.value.message + raised.value.hint


def test_standard_input_that_is_no_text_is_refused() -> None:
    """Bytes that somebody pipes by mistake are told, not shown."""

    def binary() -> str:
        return b"\xff\xfe".decode()

    with pytest.raises(
        CredentialsError, match=r"^standard input \(--token-file -\) holds no API token: it is no text$"
    ):
        token_of_file(TokenFile("-", "--token-file"), binary)


def test_standard_input_that_cannot_be_read_is_refused() -> None:
    """A folder in place of standard input is told like a file that cannot be read."""

    def folder() -> str:
        raise IsADirectoryError(21, "Is a directory")

    with pytest.raises(CredentialsError, match=r"^standard input \(--token-file -\) cannot be read: Is a directory$"):
        token_of_file(TokenFile("-", "--token-file"), folder)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere modes say nothing of readers")
@pytest.mark.parametrize(
    ("mode", "warned"), [(0o600, False), (0o400, False), (0o700, False), (0o640, True), (0o604, True), (0o644, True)]
)
def test_a_token_file_that_others_can_read_is_warned_of(tmp_path: Path, mode: int, warned: bool) -> None:
    """The warning names the file and the command that mends it; the token is used and not shown."""
    file = Path(token_file(tmp_path / "token", "t0ken"))
    file.chmod(mode)
    token = token_of_file(TokenFile(str(file), "--token-file"), nobody)
    assert token.secret.reveal() == "t0ken"
    assert token.warnings == ((f"other users can read the token in {file}: chmod 600 {file}",) if warned else ())


@pytest.mark.parametrize("path", ["none", "", "nul\0", "none/below", "x" * 300])
def test_a_token_file_that_cannot_be_read_is_told(tmp_path: Path, path: str) -> None:
    """A file that is not there, a folder and a name that cannot be are told with who named them."""
    with pytest.raises(CredentialsError, match=r"^MIGSTAT_TOKEN_FILE: .* cannot be read: ") as raised:
        token_of_file(TokenFile(f"{tmp_path}/{path}", "MIGSTAT_TOKEN_FILE"), nobody)
    assert repr(f"{tmp_path}/{path}") in raised.value.message


def test_no_more_of_a_file_is_read_than_a_token_can_be(tmp_path: Path) -> None:
    """Somebody's disk image is no token, and does not fill the memory."""
    file = tmp_path / "image"
    with file.open("wb") as opened:
        opened.truncate(1 << 33)
    with pytest.raises(CredentialsError, match="holds more than one word"):
        token_of_file(TokenFile(str(file), "--token-file"), nobody)
    assert LONGEST_TOKEN < 1 << 20


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("ATATT3xFfGF0123456789abcdef=1A2B3C4D", True),
        ("0123456789abcdefghijKLMN", True),
        (" ATATT3xFfGF0123456789abcdef ", True),
        ("acme.token", False),
        ("/home/you/.config/migstat/acme-and-others.token", False),
        ("token", False),
        ("-", False),
        ("", False),
    ],
)
def test_what_may_be_the_token_itself(text: str, is_one: bool) -> None:
    """One long word without dot or slash may be a token, which no message may show."""
    assert may_be_token(text) is is_one


def test_a_token_given_as_a_files_name_is_not_shown() -> None:
    """Who mistakes the option for one that takes the token is told, and the token is not repeated."""
    token = "ATATT3xFfGF0123456789abcdef"
    with pytest.raises(CredentialsError, match="--token-file") as raised:
        token_of_file(TokenFile(token, "--token-file"), nobody)
    assert token not in raised.value.message + raised.value.hint
    assert "MIGSTAT_TOKEN" in raised.value.hint


@pytest.mark.parametrize(("text", "email"), [("a@b", "a@b"), (" a@b\n", "a@b"), ("no-at", "no-at"), ("é@b", "é@b")])
def test_an_email_is_one_word(text: str, email: str) -> None:
    """Spaces around it go; whether it is one is for the API to say."""
    assert email_from((text, "MIGSTAT_EMAIL")) == email


@pytest.mark.parametrize("text", ["", " ", "a:b", "a\nb", "a\x1bb"])
def test_what_is_no_email_is_refused(text: str) -> None:
    """A text that would break the login is told by its source; it may hold a token and is not shown."""
    with pytest.raises(UsageError, match=r"^--email holds no e-mail address$"):
        email_from((text, "--email"))


def test_no_email_is_told_with_all_that_is_needed() -> None:
    """Who begins is told of e-mail and token at once."""
    with pytest.raises(CredentialsError, match="no e-mail") as raised:
        email_from(None)
    for way in ("MIGSTAT_EMAIL", "MIGSTAT_TOKEN", "--token-file", "migstat auth login"):
        assert way in raised.value.hint


@given(st.text())
def test_any_text_is_a_token_or_refused(text: str) -> None:
    """A token is one word that prints; of anything else nothing is shown."""
    try:
        secret = secret_of(text, "SOURCE")
    except CredentialsError as error:
        assert len(text.strip()) < 3 or text.strip() not in error.message + error.hint  # noqa: PT017
        return
    assert secret.reveal() == text.strip()
    assert secret.reveal().isprintable()
    assert " " not in secret.reveal()
    assert [repr(secret), str(secret), repr(Secret(text))] == ["Secret(***)"] * 3
