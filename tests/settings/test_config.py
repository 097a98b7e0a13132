"""The config file: what it may contain, how errors name file and key, and that a change keeps all else."""

from __future__ import annotations

import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from migstat.errors import NotFound, OutputError, UsageError
from migstat.settings.config import (
    DEFAULT_PROFILE,
    SECRETS,
    Config,
    KeyPath,
    all_values,
    change,
    dotted,
    parsed,
    path_of,
    read_config,
    with_changes,
)
from migstat.settings.keys import PROFILE_KEYS, TARGET_KEYS
from migstat.settings.values import holds_token

FILE = "/home/you/config.toml"

BY_HAND = """\
# What I migrate, and as whom.

default_profile = "acme"   # most of the time

# --- profiles ---------------------------------------------------------------

[profiles.acme]            # production
email = "you@example.com"
  # the token is in the safe: [profiles.acme] token = no
token_file = '~/.config/migstat/acme.token'
  interval = 30            # seconds; "10s" is too often
"rate_limit" = 270

[ profiles . "acme test" ]
email      = "test@example.com"
base_url = "http://127.0.0.1:8080"\t# the rehearsal

# --- targets ----------------------------------------------------------------

[targets.wave2]
job = "3f2a9c14-8f0e-4f0b-9a55-0c6a1d2e7b90"
profile = "acme"



[targets.'wave 3']
task = "latest-check"
job = "https://api.atlassian.com/migrations/public/v1/jobs/7d0c/tasks/9e1f#top"
# the end
"""
"""A file that somebody wrote and does not want to lose."""


def values(text: str) -> dict[str, str]:
    return {dotted(path): value for path, value in all_values(parsed(text, FILE))}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[profiles.acme]\n[targets]\n", {}),
        ('profiles = { a = { email = "e" } }\ntargets.w.job = "j"', {"profiles.a.email": "e", "targets.w.job": "j"}),
        ('["profiles".\'a.é\']\n"email" = "e"', {'profiles."a.é".email': "e"}),
        ("[profiles.a]\ninterval = 1.5", {"profiles.a.interval": "1.5"}),
        ("default_profile = 5\n[profiles.5]\n", {"default_profile": "5"}),
        (BY_HAND, {
            "default_profile": "acme",
            "profiles.acme.email": "you@example.com",
            "profiles.acme.token_file": "~/.config/migstat/acme.token",
            "profiles.acme.interval": "30",
            "profiles.acme.rate_limit": "270",
            'profiles."acme test".email': "test@example.com",
            'profiles."acme test".base_url': "http://127.0.0.1:8080",
            "targets.wave2.job": "3f2a9c14-8f0e-4f0b-9a55-0c6a1d2e7b90",
            "targets.wave2.profile": "acme",
            'targets."wave 3".task': "latest-check",
            'targets."wave 3".job': "https://api.atlassian.com/migrations/public/v1/jobs/7d0c/tasks/9e1f#top",
        }),
        ("[profiles.x]\n" + "".join(f'{key} = "v"\n' for key in PROFILE_KEYS),
         {f"profiles.x.{key}": "v" for key in PROFILE_KEYS}),
        ("[targets.x]\n" + "".join(f'{key} = "v"\n' for key in TARGET_KEYS),
         {f"targets.x.{key}": "v" for key in TARGET_KEYS}),
    ],
)  # fmt: skip
def test_every_way_to_write_the_same_values(text: str, expected: dict[str, str]) -> None:
    """Tables, inline tables, dotted and quoted keys in any order lead to the same values."""
    assert values(text) == expected
    assert parsed(text, FILE).warnings == ()


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('# a\ndefault-profile = "x"', "default-profile: unknown key", "Did you mean default_profile?"),
        ('\n[profile.acme]\nemail = "x"', "profile: unknown key", "Did you mean profiles?"),
        ('emial = "x"', "emial: unknown key", "email belongs to a profile: profiles.NAME.email"),
        ("[acme]", "acme: unknown key", "Keys are default_profile, profiles.NAME.KEY and targets.NAME.KEY"),
        ('[profiles.a]\nemail = "x"\nemial = "y"', "profiles.a.emial: unknown key", "Did you mean email?"),
        ('[profiles."b c"]\njobs = "y"', 'profiles."b c".jobs: unknown key', "Did you mean job?"),
        ('[profiles.a]\nzzz = "y"', "profiles.a.zzz: unknown key", "Keys of profiles: "),
        ('[targets.w]\nemail = "a"', "targets.w.email: unknown key", "Keys of targets: job, task, profile."),
        ('[profiles.a.more]\nemail = "x"', "profiles.a.more: unknown key", "Keys of profiles"),
        ("default_profile = true", "default_profile: must be a non-empty string", ""),
        ('default_profile = ""', "default_profile: must be a non-empty string", ""),
        ('[profiles.a]\njob = ["x"]', "profiles.a.job: must be a non-empty string", ""),
        ("[profiles.a]\ninterval = nan", "profiles.a.interval: must be a non-empty string", ""),
        ('[profiles.a.email]\nx = "y"', "profiles.a.email: must be a non-empty string", ""),
        ("[[targets.w.job]]", "targets.w.job: must be a non-empty string", ""),
        ('profiles = "acme"', "profiles: must be a table", ""),
        ("[[profiles.a]]", "profiles.a: must be a table", ""),
        ('[profiles]\nemail = "x"', "profiles.email: must be a table", "It begins with [profiles.NAME]."),
        ('[profiles]\nacme = "x"', "profiles.acme: must be a table", "It begins with [profiles.acme]."),
        ('[profiles.""]\nemail = "x"', 'profiles."": empty name', ""),
        ("email = you@example.com", "invalid TOML: ", ""),
        ("x = " + "1" * 5000, "invalid TOML: ", ""),
        ("x = " + "[" * 100_000, "invalid TOML: ", ""),
    ],
)  # fmt: skip
def test_an_error_names_file_and_key(text: str, message: str, hint: str) -> None:
    """Whatever is wrong in a file, file and key are named, in one line, and the likely key is suggested."""
    with pytest.raises(UsageError) as raised:
        parsed(text, FILE)
    assert raised.value.message.startswith(f"{FILE}: {message}")
    assert "\n" not in raised.value.message
    assert raised.value.hint.startswith(hint)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("text", "key"),
    [
        *((f'[profiles.a]\n{name} = "s3cr3t"\n', f"profiles.a.{name}") for name in SECRETS),
        ('[targets.w]\ntoken = "s3cr3t"', "targets.w.token"),
        ('token = "s3cr3t"', "token"),
        ('[profiles.a]\ntoken_file = "ATATT3xFfGF0abc=s3cr3t"\n', "profiles.a.token_file"),
        ('[profiles.a]\nemail = "a@b:ATATT3xFfGF0abc=s3cr3t"\n', "profiles.a.email"),
    ],
)
def test_a_token_in_the_file_is_ignored_with_a_warning(text: str, key: str) -> None:
    """A token under any name is named by its key, and is neither a value nor part of the warning."""
    config = parsed(text, FILE)
    assert list(all_values(config)) == []
    (warning,) = config.warnings
    assert warning.startswith(f"{FILE}: {key}: an API token")
    assert "s3cr3t" not in repr(replace(config, text=""))


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("default_profile", ("default_profile",)),
        ("profiles.acme.email", ("profiles", "acme", "email")),
        ("targets.wave2.job", ("targets", "wave2", "job")),
        ("profiles.acme.example.com.email", ("profiles", "acme.example.com", "email")),
        ('profiles."acme.example.com".email', ("profiles", "acme.example.com", "email")),
        ("profiles.'a\"b'.email", ("profiles", 'a"b', "email")),
        ("profiles.my own.email", ("profiles", "my own", "email")),
        ("profiles.münchen.email", ("profiles", "münchen", "email")),
        *((key, "Keys are") for key in ("", ".", "profiles", "profiles.acme", "profiles..email")),
        ("default-profile", "Did you mean default_profile?"),
        ("profiles.acme.token", "Store it with migstat auth login"),
        ("targets.w.password", "Store it with migstat auth login"),
    ],
)
def test_a_key_is_a_path_or_refused_with_a_hint(key: str, expected: KeyPath | str) -> None:
    """A key has two dots around a name, which may contain dots itself."""
    if isinstance(expected, tuple):
        assert path_of(key) == path_of(dotted(expected)) == expected
        return
    with pytest.raises(UsageError) as raised:
        path_of(key)
    assert repr(key) in raised.value.message or key in raised.value.message
    assert raised.value.hint.startswith(expected)


@pytest.mark.parametrize(
    ("key", "value", "before", "after"),
    [
        ("default_profile", "acme test", 'default_profile = "acme" ', 'default_profile = "acme test" '),
        ("profiles.acme.email", "me@example.com", 'email = "you@example.com"', 'email = "me@example.com"'),
        ("profiles.acme.interval", "1m", "interval = 30 ", 'interval = "1m" '),
        ("profiles.acme.rate_limit", "9", '"rate_limit" = 270', '"rate_limit" = "9"'),
        ("profiles.acme test.base_url", "b", '"http://127.0.0.1:8080"\t#', '"b"\t#'),
        ("targets.wave2.task", "t", 'profile = "acme"\n', 'profile = "acme"\ntask = "t"\n'),
        ("profiles.a.b.job", "v", "# the end\n", '# the end\n\n[profiles."a.b"]\njob = "v"\n'),
        ("default_profile", None, 'default_profile = "acme"   # most of the time\n', ""),
        ("profiles.acme.interval", None, '  interval = 30            # seconds; "10s" is too often\n', ""),
        ("targets.wave2.profile", None, 'profile = "acme"\n', ""),
    ],
)
def test_a_change_keeps_everything_else(key: str, value: str | None, before: str, after: str) -> None:
    """Setting or removing a value leaves comments, order, spaces and quotes alone."""
    assert BY_HAND.count(before) == 1
    assert with_changes(parsed(BY_HAND, FILE), {path_of(key): value}).text == BY_HAND.replace(before, after)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[profiles.a]\nemail = "e"\n', ""),
        ('[profiles.b]\ntask = "t"\n\n[profiles.a]\nemail = "e"\n', '[profiles.b]\ntask = "t"\n'),
        ('[profiles.a]\nemail = "e"\n\n[profiles.b]\ntask = "t"\n', '[profiles.b]\ntask = "t"\n'),
        ('[profiles.a]\n# mine\nemail = "e"\n', "[profiles.a]\n# mine\n"),
        ('[profiles.a]\nemail = "e"\ntoken = "s"\n', '[profiles.a]\ntoken = "s"\n'),
        ('default_profile = "a"\n[profiles.a]\nemail = "e"\n', 'default_profile = "a"\n[profiles.a]\n'),
        ('[profiles.a]\nemail = "e"\n[targets.w]\nprofile = "a"\n', '[profiles.a]\n[targets.w]\nprofile = "a"\n'),
    ],
)
def test_an_empty_profile_goes_unless_it_is_needed(text: str, expected: str) -> None:
    """The last value takes its table along, but not a comment, nor a profile that the file refers to."""
    assert with_changes(parsed(text, FILE), {("profiles", "a", "email"): None}).text == expected


ODD = {
    "apart": '[profiles.a]\nemail = "1"\n[targets.w]\njob = "2"\n# c\n[profiles.b]\nemail = "3"\n[targets.v]\njob="4"',
    "dotted": '# c\nprofiles.a.email = "1"\nprofiles.b.email = "3"\ntargets.w.job = "2"\nprofiles.a.job = "5"\n',
    "dotted below": '[profiles]\na.email = "1" # c\na.task = "x"\nb.email = "3"\n[targets]\nw.job = "2"\n',
    "inline": 'profiles = { a = { email = "1" }, b = { email = "3" } } # c\n[targets]\nw = { job = "2" }\n',
    "inline below": '[profiles]\na = { email = "1" } # c\nb = {}\n\n[targets]\n w = { job = "2", task="x" }\n',
    "table behind": '[profiles.a]\nemail = "1"\n[targets.w]\njob = "2"\n[profiles] # c\n[targets]\n',
    "mixed": 'profiles.b.email = "3"\n# c\n[profiles.a]\nemail = "1"\n[targets]\nv.job = "4"\n[targets.w]\njob = "2"\n',
    "long": "[profiles.a]\nemail = \"\"\"\n1\"\"\"\n# c\n[targets.w]\njob = '''\n[profiles.a]\n'''\n",
    "by hand": BY_HAND,
    "nothing": "",
    "no end": '[profiles.a]\nemail = "1"',
    "blank": '\n\n\n[profiles.a]\n\n\n email = "1"\n\n\n\n',
}
"""Files as few people write them."""

NAME = st.text(min_size=1, max_size=8).filter(str.strip) | st.sampled_from(
    ["a", "b", "w", "a b", "a.b", "profiles", "email", '"', "'", "#", "=", "]", "[x]", "\\", "a\nb", "5", "true", "é"]
)
KEY = (
    st.just((DEFAULT_PROFILE,))
    | st.tuples(st.just("profiles"), NAME, st.sampled_from(PROFILE_KEYS))
    | st.tuples(st.just("targets"), NAME, st.sampled_from(TARGET_KEYS))
)
VALUE = st.text(min_size=1, max_size=10).filter(lambda text: text.strip() and not holds_token(text)) | (
    st.sampled_from(['"', "'", "'''", '"""', "\\", "\\n", "a\nb", "#", "5", "\x00", "\x7f", "a\u2028", "x\r\ny"])
)


def comments(text: str) -> list[str]:
    return sorted(line.strip() for line in text.splitlines() if line.strip().startswith("#"))


@given(st.sampled_from(sorted(ODD)), st.booleans(), st.lists(st.tuples(KEY, st.none() | VALUE), max_size=5))
@example("by hand", True, [(("profiles", "acme", "email"), 'q"\\é#'), (("targets", "new", "job"), "v")])
def test_any_changes_one_after_the_other(name: str, crlf: bool, changes: list[tuple[KeyPath, str | None]]) -> None:
    """Any values can be set and removed in any file: they are read as typed and all else stays, or it is refused."""
    config = parsed(ODD[name].replace("\n", "\r\n" if crlf else "\n"), FILE)
    expected = dict(all_values(config))
    for path, value in changes:
        try:
            config = with_changes(config, {path: value})
        except NotFound:
            assert value is None
            assert path not in expected
            continue
        except UsageError:
            unwritable = any("\ud800" <= sign <= "\udfff" for sign in "".join((*path, value or "")))
            assert unwritable or name in ("inline", "inline below", "dotted", "mixed")
            continue
        expected |= {path: value or ""}
        if value is None:
            del expected[path]
        assert dict(all_values(config)) == expected
        tomllib.loads(config.text)
        assert comments(config.text) == comments(ODD[name])
        assert config.text.count("\r\n") == (config.text.count("\n") if crlf and ODD[name] else 0)


@given(st.text(max_size=40) | st.lists(st.sampled_from(
    ["[profiles.a]", "[targets.w]", "[profiles]", "email", "job", "=", '"x"', "'", '"', '"""', "\n", "\r\n", "#", ".",
     "{", "}", "[", "]", "[[", ",", " ", "token", "default_profile", "profiles", "5", "\\", "é", "\x00", "nan"]
), max_size=14).map("".join))  # fmt: skip
@example("profiles.a.b.c = 1")
def test_any_text_is_a_config_or_our_error(text: str) -> None:
    """Any text is understood, or refused in one line that names the file."""
    try:
        config = parsed(text, FILE)
    except UsageError as error:
        assert error.message.startswith(FILE)  # noqa: PT017
        return
    assert all(value.strip() for _, value in all_values(config))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"# \xff\n", "FILE: not UTF-8"),
        ("# a\n".encode("utf-16"), "FILE: not UTF-8"),
        (b"#" * (1 << 20), "FILE is larger than 1 MiB"),
        (b"default_profile\r\n", "FILE: invalid TOML"),
        (b"\n\n\x00", "FILE: invalid TOML"),
        (None, "cannot read the config file 'FILE': Is a directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(data: bytes | None, message: str, tmp_path: Path) -> None:
    """Other encodings, other files and folders are refused by name."""
    file = tmp_path / "config.toml"
    file.mkdir() if data is None else file.write_bytes(data)
    with pytest.raises(UsageError) as raised:
        read_config(str(file))
    assert raised.value.message.startswith(message.replace("FILE", str(file)))


def test_a_file_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    """Unless the user named it, neither the file nor its folder needs to exist."""
    (tmp_path / "file").touch()
    for file in (tmp_path / "none.toml", tmp_path / "no" / "folder", tmp_path / "file" / "below"):
        assert read_config(str(file)) == Config(str(file))
        with pytest.raises(UsageError, match="MIGSTAT_CONFIG: no such file"):
            read_config(str(file), must_exist=True)


def test_a_byte_order_mark_is_not_part_of_the_text(tmp_path: Path) -> None:
    """A file that begins with one is read and can be changed."""
    file = tmp_path / "config.toml"
    file.write_bytes('\ufeffdefault_profile = "é"\n'.encode())
    change(str(file), {("profiles", "é", "email"): "e"})
    assert values(file.read_text(encoding="utf-8")) == {"default_profile": "é", 'profiles."é".email': "e"}


@pytest.mark.parametrize("name", ["file/below.toml", "x" * 300])
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    """So is one that cannot even be read before it is changed."""
    (tmp_path / "file").touch()
    with pytest.raises((OutputError, UsageError), match=str(tmp_path / name)):
        change(str(tmp_path / name), {("profiles", "a", "email"): "e"})


def test_changes_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    """Two runs that change the file at once do not undo each other's changes."""
    file = str(tmp_path / "migstat" / "config.toml")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: change(file, {("targets", f"t{number}", "job"): "j"}), range(8)))
    assert len(read_config(file).targets) == 8
