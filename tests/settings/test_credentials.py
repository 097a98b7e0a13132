"""The order of the token's sources, stored tokens, and what is refused without being shown."""

from __future__ import annotations

import copy
import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.pretty import pretty_repr

from migstat.errors import CredentialsError, MigstatError
from migstat.settings.config import Config, parsed
from migstat.settings.credentials import MAX_TOKEN_LENGTH, token_of, token_of_file
from migstat.settings.keychain import WITHOUT, Account, Keychain
from migstat.settings.resolve import Profile, Sources
from tests.keyrings import Ending, Hanging, Kept, Locked, Odd, in_force

ACCOUNT = Account("https://api.atlassian.com", "you@example.com")
TOKEN = "ATATT3xFfGF0-s3cr3t"
POSIX = pytest.mark.skipif(os.name != "posix", reason="only POSIX modes say who can read a file")


def no_stdin() -> str:
    pytest.fail("standard input was read")


def no_keychain() -> Keychain:
    pytest.fail("the keyring was asked")


def kept() -> Keychain:
    """Stored tokens, all of them in the keyring."""
    return Keychain(Path(os.environ["KEYRING_FILE"]).with_name("unused.toml"))


def private(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return str(path)


@pytest.fixture(autouse=True)
def _kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make the keyring a file."""
    monkeypatch.setenv("KEYRING_FILE", str(tmp_path / "keyring.json"))
    with in_force(Kept()):
        yield


def test_the_first_source_that_has_a_token_is_used(tmp_path: Path) -> None:
    """--token-file, MIGSTAT_TOKEN, MIGSTAT_TOKEN_FILE, the profile's file, the stored token: in this order."""
    kept().keep(ACCOUNT, "of-keyring")
    flag, file, own = (private(tmp_path / name, f"of-{name}\n") for name in ("flag", "file", "own"))
    profile = Profile(Config("c.toml", profiles={"p": {"token_file": own}}), "p")
    variables = {"MIGSTAT_TOKEN": "of-variable", "MIGSTAT_TOKEN_FILE": file}
    cases: list[tuple[dict[str, str | None], dict[str, str], Profile]] = [
        ({"token_file": flag}, variables, profile),
        ({}, variables, profile),
        ({}, {"MIGSTAT_TOKEN_FILE": file}, profile),
        ({}, {}, profile),
        ({}, {}, Profile()),
    ]
    email = {"MIGSTAT_EMAIL": ACCOUNT.email}
    tokens = [Sources(flags, environ | email, of, no_stdin, kept).token() for flags, environ, of in cases]
    assert [(token.secret, token.source) for token in tokens] == [
        ("of-flag", f"{flag} (--token-file)"),
        ("of-variable", "MIGSTAT_TOKEN"),
        ("of-file", f"{file} (MIGSTAT_TOKEN_FILE)"),
        ("of-own", f"{own} (c.toml: profiles.p.token_file)"),
        ("of-keyring", "the keyring"),
    ]


def test_a_named_source_that_is_unusable_is_not_skipped(tmp_path: Path) -> None:
    """The error names it, and no other source is used silently."""
    with pytest.raises(CredentialsError, match=r"^cannot read --token-file: "):
        Sources({"token_file": str(tmp_path / "none")}, {}, Profile(), no_stdin, no_keychain).token()


@pytest.mark.parametrize("chain", [kept, None])
def test_without_any_token_the_ways_to_give_one_are_named(chain: Callable[[], Keychain] | None) -> None:
    """The hint is for newcomers, and for those whose profile is not the default one."""
    profile = Profile(Config("c.toml", default_profile="a", profiles={"a": {}, "my b": {}}), "my b")
    with pytest.raises(CredentialsError, match=f"^no API token for {ACCOUNT.email} at https://api") as raised:
        Sources({"email": ACCOUNT.email}, {}, profile, no_stdin, chain).token()
    for way in ("migstat auth login --profile 'my b'.", "MIGSTAT_TOKEN", "--token-file"):
        assert way in raised.value.hint
    with pytest.raises(CredentialsError, match="e-mail") as raised:
        Sources({}, profile=replace(profile, name="a")).open()
    assert raised.value.hint.startswith("Run migstat auth login. Or")


@pytest.mark.parametrize("bad", ["", " \n", "two words", "two\nlines", "a\x1bb", "\u202ea"])
def test_anything_but_one_word_is_refused_from_every_source(tmp_path: Path, bad: str) -> None:
    """The error names the source and does not show the text."""
    file = private(tmp_path / "token", bad)
    keyring.set_password(ACCOUNT.service, ACCOUNT.email, bad)
    sources: list[tuple[dict[str, str | None], dict[str, str], str]] = [
        ({"token_file": file}, {}, f"{file} (--token-file)"),
        ({"token_file": "-"}, {}, "standard input (--token-file -)"),
        ({}, {"MIGSTAT_TOKEN": bad}, "MIGSTAT_TOKEN" if bad else "the keyring"),
        ({}, {}, "the keyring"),
    ]
    for flags, environ, source in sources:
        with pytest.raises(CredentialsError) as raised:
            Sources(flags | {"email": ACCOUNT.email}, environ, Profile(), lambda: bad, kept).token()
        assert raised.value.message.startswith(source)
        assert not bad.strip() or bad.strip() not in raised.value.message + raised.value.hint


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"),
         "standard input (-f -) does not contain an API token: it is not text"),
        (IsADirectoryError(21, "Is a directory"), "cannot read standard input (-f -): Is a directory"),
    ],
)  # fmt: skip
def test_standard_input_that_cannot_be_read_is_refused(error: Exception, message: str) -> None:
    """Binary data and a folder are named, not shown."""

    def fail() -> str:
        raise error

    with pytest.raises(CredentialsError) as raised:
        token_of_file("-", "-f", fail)
    assert raised.value.message == message


@POSIX
@pytest.mark.parametrize(
    ("mode", "warned"), [(0o600, False), (0o400, False), (0o700, False), (0o640, True), (0o604, True), (0o644, True)]
)
def test_a_token_file_that_others_can_read_draws_a_warning(tmp_path: Path, mode: int, warned: bool) -> None:
    """The warning names the file and the command that fixes it; the token is used and not shown."""
    file = Path(private(tmp_path / "token", "\ufefft0ken"))
    file.chmod(mode)
    token = token_of_file(str(file), "--token-file", no_stdin)
    assert token.secret == "t0ken"
    assert token.warnings == ((f"other users can read the token in {file}: chmod 600 {file}",) if warned else ())


@POSIX
def test_a_pipe_draws_no_warning() -> None:
    """The shell's process substitution is read like a file."""
    reader, writer = os.pipe()
    os.write(writer, b"t0ken")
    os.close(writer)
    try:
        token = token_of_file(f"/dev/fd/{reader}", "--token-file", no_stdin)
    finally:
        os.close(reader)
    assert (token.secret, token.warnings) == ("t0ken", ())


@pytest.mark.parametrize("path", ["none", "", "nul\0", "none/below", "x" * 300 + "."])
def test_a_token_file_that_cannot_be_read_is_named(tmp_path: Path, path: str) -> None:
    """So is the variable that names it."""
    with pytest.raises(CredentialsError, match=r"^cannot read MIGSTAT_TOKEN_FILE: ") as raised:
        token_of_file(f"{tmp_path}/{path}", "MIGSTAT_TOKEN_FILE", no_stdin)
    assert repr(f"{tmp_path}/{path}") in raised.value.message


def test_a_token_given_as_a_file_name_is_not_shown() -> None:
    """The hint says where the token belongs."""
    with pytest.raises(CredentialsError, match="--token-file") as raised:
        token_of_file("0123456789abcdefghijKLMN", "--token-file", no_stdin)
    assert "0123456789" not in raised.value.message + raised.value.hint
    assert "MIGSTAT_TOKEN" in raised.value.hint


def test_no_more_of_a_file_is_read_than_a_token_can_be(tmp_path: Path) -> None:
    """A disk image given by mistake does not fill the memory."""
    file = private(tmp_path / "image", "x" * 3 * MAX_TOKEN_LENGTH)
    assert len(token_of_file(file, "--token-file", no_stdin).secret) == MAX_TOKEN_LENGTH


@given(st.text())
def test_any_text_is_a_token_or_refused(text: str) -> None:
    """A token is one printable word; nothing of another text is shown."""
    try:
        token = token_of(text, "SOURCE")
    except CredentialsError as error:
        assert len(text.strip()) < 3 or text.strip() not in error.message + error.hint  # noqa: PT017
        return
    assert token.secret == text.strip()
    assert token.secret.isprintable()
    assert repr(token) == "Token(***, 'SOURCE')"


def test_a_keyring_keeps_each_accounts_token_apart() -> None:
    """A token is found for its e-mail and API only, and removed once."""
    chain = kept()
    assert chain.recall(ACCOUNT) is None
    assert chain.keep(ACCOUNT, TOKEN) == "the keyring (keyrings Kept)"
    assert chain.recall(ACCOUNT) == (TOKEN, "the keyring")
    for other in (replace(ACCOUNT, email="other@example.com"), replace(ACCOUNT, base_url="http://127.0.0.1:1")):
        assert chain.recall(other) is None
        assert chain.forget(other) == []
    assert chain.forget(ACCOUNT) == ["the keyring"]
    assert (chain.forget(ACCOUNT), chain.recall(ACCOUNT)) == ([], None)


@pytest.mark.parametrize("cause", ["extra", "fail", "null"])
def test_without_a_keyring_the_token_goes_into_a_private_file(
    cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the library or a backend there is a 0600 file, where each account has its token."""
    backend: keyring.backend.KeyringBackend = keyring.backends.null.Keyring()  # type: ignore[no-untyped-call]
    if cause == "extra":
        monkeypatch.setitem(sys.modules, "keyring", None)
    elif cause == "fail":
        backend = keyring.backends.fail.Keyring()  # type: ignore[no-untyped-call]
    file = tmp_path / "config" / "credentials.toml"
    chain, other = Keychain(file), replace(ACCOUNT, email='o"th.er@example.com')
    keyring.set_keyring(backend)
    assert chain.keep(ACCOUNT, TOKEN) == f"{file}, which only you can read"
    chain.keep(other, "theirs")
    assert chain.recall(ACCOUNT) == (TOKEN, str(file))
    assert chain.recall(other) == ("theirs", str(file))
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert chain.forget(ACCOUNT) == [str(file)]
    assert chain.forget(ACCOUNT) == []
    assert (chain.recall(ACCOUNT), chain.recall(other)) == (None, ("theirs", str(file)))


def test_a_token_that_a_keyring_takes_leaves_the_file(tmp_path: Path) -> None:
    """There is one stored token per account, whoever keeps it."""
    file = private(tmp_path / "credentials.toml", f'["{ACCOUNT.base_url}"]\n"{ACCOUNT.email}" = "old"\n')
    chain = Keychain(Path(file))
    assert chain.recall(ACCOUNT) == ("old", file)
    chain.keep(ACCOUNT, TOKEN)
    assert chain.recall(ACCOUNT) == (TOKEN, "the keyring")


def test_a_damaged_file_is_named_without_its_content(tmp_path: Path) -> None:
    """Remains of a token in it are not shown."""
    file = private(tmp_path / "credentials.toml", '["https://x"]\n"a@b" = s3cr3t\n')
    with pytest.raises(CredentialsError) as raised:
        Keychain(Path(file)).recall(ACCOUNT)
    assert raised.value.message == f"cannot read {file}: it is damaged"


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        (Locked, "the keyring is locked"),
        (Odd, "the keyring failed (OddError)"),
        (Ending, "the keyring failed (SystemExit)"),
        (Hanging, "the keyring did not answer within 0.05 s"),
    ],
)
def test_a_failing_keyring_is_reported_without_the_token(
    backend: type[Kept], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A locked, odd or hanging keyring ends every call in our error, and the token goes nowhere else."""
    monkeypatch.setenv("KEYRING_SECRET", TOKEN)
    file, notices = tmp_path / "credentials.toml", list[str]()
    limit = 0.05 if backend is Hanging else 30.0
    chain = Keychain(file, limit, notices.append)
    with in_force(backend()):
        for call in (lambda: chain.recall(ACCOUNT), lambda: chain.keep(ACCOUNT, TOKEN), lambda: chain.forget(ACCOUNT)):
            with pytest.raises(MigstatError) as raised:
                call()
            assert raised.value.message == message
            assert raised.value.hint.endswith(WITHOUT)
    assert not file.exists()
    assert set(notices) == (
        {"waiting for the keyring; it may be asking for its password"} if backend is Hanging else set()
    )


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
    settings = Sources({}, {"MIGSTAT_EMAIL": ACCOUNT.email, "MIGSTAT_TOKEN": TOKEN}).open()
    texts = (repr(settings), f"{settings.token!s:>50}", repr([copy.copy(settings.token)]), pretty_repr(settings))
    assert not [text for text in texts if TOKEN in text]
