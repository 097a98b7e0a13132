"""The fast reader of the config file says what the slow one says, or leaves it to that one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migstat.completion.quick import Names, plain_names, read_names
from migstat.errors import UsageError
from migstat.settings.config import Config, parsed

PLAIN = """\
# the account
default_profile = "acme"

[profiles.acme]
email = "you@example.com"
\ttask="latest"

[targets.wave-2]
job = "https://api.example.com/jobs/1#x"
"""

LINES = st.sampled_from(
    [
        "", "  ", "# note", "#\x07", "[profiles.a]", "[profiles.b]", "[targets.a]", "[targets]", "[profiles]",
        '[profiles."c d"]', "[ profiles.a ]", "[profiles.a] # note", "[[profiles.a]]", "[other.a]", "\x0c", "=", "job",
        'default_profile = "a"', 'email = "e"', 'job = "j#x"', "job = 'j'", 'job = "a\\tb"', 'job = "" ', 'job = " "',
        'task = "t" # note', 'task="x"', 'profile = "a"', "interval = 30", 'email = "ü"', 'email = "a" "b"',
        'token = "s"', 'job = """j"""', 'a.job = "j"', '\xa0job = "j"', 'job = "\u2028"', "\ufeff# x",
    ]
)  # fmt: skip


def shown(names: Names | Config) -> object:
    """All that is read, comparable."""
    return names.default_profile, names.profiles, names.targets


def test_plain_lines_are_read_here() -> None:
    """A file as most people have it is read without TOML's parser, as that one reads it."""
    names = plain_names(PLAIN)
    assert names is not None
    assert shown(names) == shown(parsed(PLAIN, "config.toml"))
    assert names.targets == {"wave-2": {"job": "https://api.example.com/jobs/1#x"}}


@given(st.lists(LINES, max_size=8).map("\n".join) | st.text(max_size=40))
def test_both_readers_agree(text: str) -> None:
    """Whatever the fast reader takes the slow one reads alike, unless that one refuses a key that there cannot be."""
    names = plain_names(text)
    if names is None:
        return
    try:
        config = parsed(text, "config.toml")
    except UsageError as error:
        assert "unknown key" in error.message  # noqa: PT017
        return
    if not config.warnings:
        assert shown(names) == shown(config)


@pytest.mark.parametrize(
    "text",
    [
        "[profiles.a]\n[targets.a]\n[profiles.a]\n",
        '[profiles.a]\njob = "x"\njob = "y"\n',
        '[profiles.a]\njob = "a\\tb"\n',
        '[profiles.a]\njob = "a\tb"\n',
        '[profiles.a]\njob = " "\n',
        '[profiles.a]\njob = ""\n',
        '[profiles.a]\njob = "x" "y"\n',
        "[profiles.a]\njob = 7\n",
        'token = "x"\n',
        '[other.a]\njob = "x"\n',
        "[profiles.a\n",
        "[profiles]\n",
        "[profiles.a.b]\n",
        "job\n",
        "# \x07\n",
    ],
)
def test_what_is_not_plain_is_left_to_the_parser(text: str) -> None:
    """Whatever may be wrong, or mean something else than it seems to, is not read here."""
    assert plain_names(text) is None


@pytest.mark.parametrize("text", ['[profiles."my own"]\nemail = "e"\n', "default_profile = 'acme'\n", "\ufeff# x\n"])
def test_what_is_not_plain_is_read_all_the_same(tmp_path: Path, text: str) -> None:
    """A file with quoted names, other quotes or a byte order mark is read by TOML's parser."""
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    assert plain_names(text) is None
    assert shown(read_names(str(file))) == shown(parsed(text.lstrip("\ufeff"), "config.toml"))


def test_no_file_holds_nothing(tmp_path: Path) -> None:
    """Where there is no file there are no names."""
    assert shown(read_names(str(tmp_path / "none.toml"))) == (None, {}, {})


@pytest.mark.parametrize("data", [b"profiles = 1\n", b"[profiles.a\n", b"\xff\n"])
def test_a_damaged_file_is_an_error(tmp_path: Path, data: bytes) -> None:
    """A file that makes no sense is refused as everywhere."""
    file = tmp_path / "config.toml"
    file.write_bytes(data)
    with pytest.raises(UsageError):
        read_names(str(file))


def test_lines_of_windows_are_plain_too(tmp_path: Path) -> None:
    """A file with the line ends of Windows is read as one with others; a lone carriage return is left to the parser."""
    file = tmp_path / "config.toml"
    file.write_bytes(PLAIN.replace("\n", "\r\n").encode())
    assert shown(read_names(str(file))) == shown(parsed(PLAIN, "config.toml"))
    file.write_bytes(b'[profiles.a]\remail = "e"\n')
    with pytest.raises(UsageError):
        read_names(str(file))
