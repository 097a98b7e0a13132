"""The config file: what it may hold, what is told of a damaged one, and that a change keeps all else."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from migstat.errors import MigstatError, NotFound, OutputError, UsageError
from migstat.settings.config import (
    DEFAULT_PROFILE,
    PROFILE_KEYS,
    SECRETS,
    TARGET_KEYS,
    Config,
    all_values,
    is_readable_by_others,
    line_of,
    may_be_secret,
    parsed,
    path_of,
    read_config,
    spelt,
    with_value,
    without_value,
    write_config,
)
from migstat.settings.config import Path as Keys

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
"""What somebody has written and does not want to lose."""


def values(text: str) -> dict[str, str]:
    """All values of a text by the keys as they are typed."""
    return {spelt(path): value for path, value in all_values(parsed(text, FILE))}


def refused(text: str) -> UsageError:
    """The error for a text."""
    with pytest.raises(UsageError) as raised:
        parsed(text, FILE)
    return raised.value


def test_a_config_written_by_hand() -> None:
    """Comments, quotes, spaces and numbers are understood, and values are texts in the order of the file."""
    config = parsed(BY_HAND, FILE)
    assert list(all_values(config)) == [
        (("default_profile",), "acme"),
        (("profiles", "acme", "email"), "you@example.com"),
        (("profiles", "acme", "token_file"), "~/.config/migstat/acme.token"),
        (("profiles", "acme", "interval"), "30"),
        (("profiles", "acme", "rate_limit"), "270"),
        (("profiles", "acme test", "email"), "test@example.com"),
        (("profiles", "acme test", "base_url"), "http://127.0.0.1:8080"),
        (("targets", "wave2", "job"), "3f2a9c14-8f0e-4f0b-9a55-0c6a1d2e7b90"),
        (("targets", "wave2", "profile"), "acme"),
        (("targets", "wave 3", "task"), "latest-check"),
        (
            ("targets", "wave 3", "job"),
            "https://api.atlassian.com/migrations/public/v1/jobs/7d0c/tasks/9e1f#top",
        ),
    ]
    assert config.default_profile == "acme"
    assert config.warnings == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("\n\n# nothing\n", {}),
        ("[profiles]\n[targets]\n", {}),
        ("[profiles.acme]\n", {}),
        ('profiles = { acme = { email = "e" } }', {"profiles.acme.email": "e"}),
        ('[profiles]\nacme = { email = "e", task = "t" }', {"profiles.acme.email": "e", "profiles.acme.task": "t"}),
        ('profiles.acme.email = "e"\ntargets.w.job = "j"', {"profiles.acme.email": "e", "targets.w.job": "j"}),
        ('[profiles]\nacme.email = "e"', {"profiles.acme.email": "e"}),
        ('["profiles".\'a.b\']\n"email" = "e"', {'profiles."a.b".email': "e"}),
        ('[profiles."a\\"b\\\\"]\nemail = "e"', {'profiles."a\\"b\\\\".email': "e"}),
        ('[profiles."é"]\nemail = "e"', {'profiles."é".email': "e"}),
        ('[profiles.a]\nemail = """\ne"""', {"profiles.a.email": "e"}),
        ("[profiles.a]\ninterval = 1.5", {"profiles.a.interval": "1.5"}),
        ("[profiles.a]\nrate_limit = 0x1_0", {"profiles.a.rate_limit": "16"}),
        ('[profiles.b]\nemail = "1"\n[targets.w]\njob = "j"\n[profiles.a]\nemail = "2"',
         {"profiles.b.email": "1", "profiles.a.email": "2", "targets.w.job": "j"}),
        ("default_profile = 5\n[profiles.5]\n", {"default_profile": "5"}),
    ],
)  # fmt: skip
def test_every_way_in_which_toml_says_the_same(text: str, expected: dict[str, str]) -> None:
    """Tables, inline tables, dotted and quoted keys in any order lead to the same values."""
    assert values(text) == expected


def test_all_keys_are_taken() -> None:
    """Profiles and targets have the keys that are promised, and each of them may be set."""
    assert PROFILE_KEYS == (
        "email", "base_url", "token_file", "job", "task", "interval", "output",
        "request_timeout", "rate_limit", "ca_bundle",
    )  # fmt: skip
    assert TARGET_KEYS == ("job", "task", "profile")
    text = "".join(
        f"[{section}.x]\n" + "".join(f'{key} = "v"\n' for key in keys)
        for section, keys in (("profiles", PROFILE_KEYS), ("targets", TARGET_KEYS))
    )
    expected = [f"profiles.x.{key}" for key in PROFILE_KEYS] + [f"targets.x.{key}" for key in TARGET_KEYS]
    assert list(values(text)) == expected


@pytest.mark.parametrize(
    ("text", "line", "told", "hint"),
    [
        ('# a\ndefault-profile = "x"', 2, "'default-profile'", "Is it default_profile?"),
        ('\n[profile.acme]\nemail = "x"', 2, "'profile'", "Is it profiles?"),
        ('[targets.w]\njob = "j"\n[target.v]\njob = "k"', 3, "'target'", "Is it targets?"),
        ('emial = "x"', 1, "'emial'", "email is a key of a profile: profiles.NAME.email"),
        ('email = "x"', 1, "'email'", "email is a key of a profile: profiles.NAME.email"),
        ("[acme]", 1, "'acme'", "Keys are default_profile, profiles.NAME.KEY and targets.NAME.KEY"),
        ('[profiles.a]\nemail = "x"\nemial = "y"', 3, "'emial' in profiles.a", "Is it email?"),
        ('[profiles.a]\nemail = "x"\n[profiles."b c"]\n\njobs = "y"', 5, "'jobs' in profiles.\"b c\"", "Is it job?"),
        ('[profiles.a]\ntoken-file = "y"', 2, "'token-file' in profiles.a", "Is it token_file?"),
        ('[profiles.a]\nzzz = "y"', 2, "'zzz' in profiles.a", "Keys of profiles are email, base_url,"),
        ('[targets.w]\nprofiles = "a"', 2, "'profiles' in targets.w", "Is it profile?"),
        ('[targets.w]\nemail = "a"', 2, "'email' in targets.w", "Keys of targets are job, task, profile."),
        ('[profiles.a]\n[profiles.a.more]\nemail = "x"', 2, "'more' in profiles.a", "Keys of profiles"),
        ('profiles.a.emial = "x"', 1, "'emial' in profiles.a", "Is it email?"),
        ('[profiles]\nb.email = "x"\na.emial = "x"', 3, "'emial' in profiles.a", "Is it email?"),
        ('[profiles]\nb = {email = "x"}\na = {email = "x", emial = "x"}', 3, "'emial' in profiles.a", "Is it email?"),
        ('profiles = {a = {emial = "x"}}', 1, "'emial' in profiles.a", "Is it email?"),
        ('[profiles.a]\nEmail = "x"', 2, "'Email' in profiles.a", "Is it email?"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_told_with_its_line_and_the_likely_one(text: str, line: int, told: str, hint: str) -> None:
    """Wherever a key stands that there cannot be, file, line and key are named, and what was probably meant."""
    error = refused(text)
    assert error.message == f"{FILE}, line {line}: unknown key {told}"
    assert error.hint.startswith(hint)


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("default_profile = true", 1, "default_profile must be a text"),
        ("# x\ndefault_profile = []", 2, "default_profile must be a text"),
        ("[default_profile]", 1, "default_profile must be a text"),
        ('default_profile = ""', 1, "default_profile must be a text"),
        ('[profiles.a]\nemail = "x"\njob = ["x"]', 3, "profiles.a.job must be a text"),
        ("[profiles.a]\nemail = 2026-09-21", 2, "profiles.a.email must be a text"),
        ("[profiles.a]\nemail = false", 2, "profiles.a.email must be a text"),
        ('[profiles.a]\nemail = " "', 2, "profiles.a.email must be a text"),
        ("[profiles.a]\ninterval = nan", 2, "profiles.a.interval must be a text"),
        ("[profiles.a]\ninterval = -inf", 2, "profiles.a.interval must be a text"),
        (f"[profiles.a]\ninterval = 0x{'f' * 5000}", 2, "profiles.a.interval must be a text"),
        ('[profiles.a.email]\nx = "y"', 1, "profiles.a.email must be a text"),
        ("[targets.w]\n\n[[targets.w.job]]", 3, "targets.w.job must be a text"),
        ('profiles = "acme"', 1, "profiles must hold tables"),
        ("[targets.w]\n[[profiles]]", 2, "profiles must hold tables"),
        ('[profiles.a]\n[profiles]\nemail = "x"', 3, "profiles.email must be a table"),
        ("[[profiles.a]]", 1, "profiles.a must be a table"),
        ('[profiles]\nacme = "x"', 2, "profiles.acme must be a table"),
        ('[targets.w]\n[profiles.""]\nemail = "x"', 2, "a name in profiles is empty"),
        ('[targets."  "]', 1, "a name in targets is empty"),
    ],
)
def test_a_value_of_another_kind_is_told_with_its_line(text: str, line: int, told: str) -> None:
    """What is no text where one must be, or no table, is told with file, line and key."""
    error = refused(text)
    assert error.message == f"{FILE}, line {line}: {told}"
    assert error.hint


def test_a_key_of_a_profile_without_a_profile_is_told_where_it_belongs() -> None:
    """Who leaves the profile's name out is told that one begins with its name."""
    assert refused('[profiles]\nemail = "x"').hint == "[profiles.NAME] begins one."
    assert refused('[profiles]\nacme = "x"').hint == "[profiles.acme] begins one."


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[profiles.a\nx = 1", 1),
        ("# a\n\nemail = you@example.com", 3),
        ('[profiles.a]\nemail = "x', 2),
        ('[profiles.a]\nemail = "x\n', 2),
        ('[profiles.a]\nemail = """x\n\n', 2),
        ('[profiles.a]\nemail = "x"\nemail = "y"', 3),
        ("[profiles.a]\n[profiles.a]", 2),
        ('[profiles.a]\nemail = "x" task = "y"', 2),
        ("[profiles.é]", 1),
        ("a\x00b", 1),
        ('x = "a\x07"', 1),
        ("profiles = {a = {}}\n[profiles.b]", 2),
        ("\n\nx =", 3),
        ("<<<<<<< HEAD", 1),
    ],
)
def test_a_damaged_file_is_told_with_its_line(text: str, line: int) -> None:
    """What is no TOML is told with file and line, in one line."""
    error = refused(text)
    assert error.message.startswith(f"{FILE}, line {line}: this is no TOML: ")
    assert "\n" not in error.message
    assert "(at" not in error.message


@pytest.mark.parametrize("text", ["x = " + "1" * 5000, "x = " + "[" * 100_000])
def test_what_no_config_holds_is_told_with_the_file(text: str) -> None:
    """Numbers of thousands of digits and the like end in an error that names the file."""
    assert refused(text).message.startswith(FILE)


@pytest.mark.parametrize("section", ["profiles.a", "targets.w", ""])
@pytest.mark.parametrize("name", SECRETS)
def test_a_token_in_the_file_is_warned_of_and_not_used(section: str, name: str) -> None:
    """A token under any name is told with its line, and is neither a value nor part of the warning."""
    header = f"[{section}]\n" if section else "\n"
    config = parsed(f'{header}{name} = "s3cr3t"\n', FILE)
    assert list(all_values(config)) == []
    (warning,) = config.warnings
    assert warning.startswith(f"{FILE}, line 2: an API token")
    assert "s3cr3t" not in repr(config._replace(text=""))


def test_a_token_in_the_place_of_another_value_is_warned_of() -> None:
    """What begins like a token of Atlassian is taken for one, whatever its key."""
    config = parsed('[profiles.a]\nemail = "e"\ntoken_file = "ATATT3xFfGF0abc=1A2B"\n', FILE)
    assert values(config.text) == {"profiles.a.email": "e"}
    assert [warning.split(":")[0] for warning in config.warnings] == [f"{FILE}, line 3"]


LINES = {
    "default_profile": 3,
    "profiles.acme": 7,
    "profiles.acme.email": 8,
    "profiles.acme.token_file": 10,
    "profiles.acme.interval": 11,
    "profiles.acme.rate_limit": 12,
    "profiles.acme.job": 7,
    'profiles."acme test"': 14,
    'profiles."acme test".email': 15,
    'profiles."acme test".base_url': 16,
    "targets.wave2.job": 21,
    "targets.wave2.profile": 22,
    'targets."wave 3".job': 28,
}


@pytest.mark.parametrize(("key", "line"), LINES.items())
def test_the_line_of_a_value(key: str, line: int) -> None:
    """A value's line is that of its assignment, and what is not set has the line of its table."""
    path = path_of(f"{key}.job")[:2] if key.count(".") == 1 else path_of(key)
    assert line_of(BY_HAND, path) == line
    assert parsed(BY_HAND, FILE).origin(path) == f"{FILE}, line {line}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[targets.w]\njob = """\n[profiles.a]\nemail = "no"\n"""\n[profiles.a]\nemail = "e"', 7),
        ("[targets.w]\njob = '''\n[profiles.a]\nemail = \"no\"\n'''\n[profiles.a]\nemail = \"e\"", 7),
        ('# it\'s """\n[profiles.a]\nemail = "e" # """', 3),
        ('# a\u2028b\x85c\n[profiles.a]\nemail = "e"', 3),
        ('[profiles."[profiles.a]"]\nemail = "n"\n[profiles.a]\nemail = "e"', 4),
        ('[profiles.b]\nemail = "[profiles.a]"\n\n[profiles.a]\nemail = "e"', 5),
        ('[profiles."a=b#c"]\nemail = "n"\n["profiles"."a"]\n"email" = "e"', 4),
        ('[profiles.b]\nemail = \'\'\'\n"""\'\'\'\n[profiles.a]\nemail = "e" # """', 5),
        ('[profiles.b]\nemail = "\\"\\"\\""\n[profiles.a]\nemail = "e"', 4),
        ('profiles.b.email = "n"\nprofiles . a . email = "e"', 2),
        ('[profiles]\nb.email = "n"\na.email = "e"', 3),
        ('[profiles]\nb = { email = "n" }\na = { email = "e" }', 3),
        ('[profiles]\n\n[profiles.a] # [profiles.b]\nemail="e"', 4),
    ],
)
def test_what_only_looks_like_the_line_is_passed_over(text: str, line: int) -> None:
    """Texts of several lines, comments, odd separators and quoted names do not mislead the count of lines."""
    assert values(text)["profiles.a.email"] == "e"
    assert line_of(text, ("profiles", "a", "email")) == line


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("default_profile", ("default_profile",)),
        ("profiles.acme.email", ("profiles", "acme", "email")),
        ("targets.wave2.job", ("targets", "wave2", "job")),
        ("profiles.acme.example.com.email", ("profiles", "acme.example.com", "email")),
        ('profiles."acme.example.com".email', ("profiles", "acme.example.com", "email")),
        ("profiles.'a\"b'.email", ("profiles", 'a"b', "email")),
        ('profiles."a\\tb".email', ("profiles", "a\tb", "email")),
        ('profiles."a=b#c".email', ("profiles", "a=b#c", "email")),
        ("profiles.my own.email", ("profiles", "my own", "email")),
        ("profiles.münchen.email", ("profiles", "münchen", "email")),
    ],
)
def test_a_key_is_a_path(key: str, path: Keys) -> None:
    """A key has two dots around a name, which may hold dots itself; quotes are those of TOML."""
    assert path_of(key) == path
    assert path_of(spelt(path)) == path


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("", "Keys are"),
        (".", "Keys are"),
        ("profiles", "Keys are"),
        ("profiles.acme", "Keys are"),
        ("profiles..email", "Keys are"),
        ('profiles."".email', "Keys are"),
        ("profiles.acme.emial", "Is it email?"),
        ("profile.acme.email", "Is it profiles?"),
        ("default-profile", "Is it default_profile?"),
        ("email", "email is a key of a profile"),
        ("targets.w.email", "Keys of targets are job, task, profile."),
        ('profiles."a.email', "Keys are"),
        ('profiles."a" = 1 #.email', "Keys are"),
        ('profiles."\\q".email', "Keys are"),
        ('x = 1\n"', "Keys are"),
    ],
)
def test_a_key_that_there_is_not_is_told_with_the_likely_one(key: str, hint: str) -> None:
    """A key that cannot be set is named with what was probably meant."""
    with pytest.raises(UsageError) as raised:
        path_of(key)
    assert raised.value.message == f"there is no key {key!r}"
    assert raised.value.hint.startswith(hint)


@pytest.mark.parametrize("key", ["profiles.acme.token", "profiles.acme.api_token", "targets.w.password"])
def test_a_token_has_no_key(key: str) -> None:
    """Who wants to set the token is told where it belongs."""
    with pytest.raises(UsageError, match="does not belong in the config file") as raised:
        path_of(key)
    assert "migstat auth login" in raised.value.hint


@pytest.mark.parametrize(
    ("key", "value", "before", "after"),
    [
        ("default_profile", "acme test", 'default_profile = "acme" ', 'default_profile = "acme test" '),
        ("profiles.acme.email", "me@example.com", 'email = "you@example.com"', 'email = "me@example.com"'),
        ("profiles.acme.interval", "1m", "interval = 30 ", 'interval = "1m" '),
        ("profiles.acme.rate_limit", "9", '"rate_limit" = 270', '"rate_limit" = "9"'),
        ("profiles.acme.token_file", "x", "'~/.config/migstat/acme.token'", '"x"'),
        ("profiles.acme test.base_url", "b", '"http://127.0.0.1:8080"\t#', '"b"\t#'),
        ("profiles.acme.job", "j", '"rate_limit" = 270\n', '"rate_limit" = 270\njob = "j"\n'),
        ("targets.wave2.task", "t", 'profile = "acme"\n', 'profile = "acme"\ntask = "t"\n'),
    ],
)
def test_a_change_keeps_everything_else(key: str, value: str, before: str, after: str) -> None:
    """To set a value changes that value only: comments, order, spaces and quotes stay."""
    assert BY_HAND.count(before) == 1
    assert with_value(parsed(BY_HAND, FILE), path_of(key), value).text == BY_HAND.replace(before, after)


@pytest.mark.parametrize(
    ("key", "added"),
    [
        ("profiles.new.email", '\n[profiles.new]\nemail = "v"\n'),
        ("targets.new.job", '\n[targets.new]\njob = "v"\n'),
        ("profiles.a.b.job", '\n[profiles."a.b"]\njob = "v"\n'),
    ],
)
def test_what_is_new_comes_at_the_end_and_goes_without_a_trace(key: str, added: str) -> None:
    """A new profile or target is put behind all else, and when its only value goes nothing is left of it."""
    config = with_value(parsed(BY_HAND, FILE), path_of(key), "v")
    assert config.text == BY_HAND + added
    assert without_value(config, path_of(key)).text == BY_HAND


@pytest.mark.parametrize(
    ("key", "gone"),
    [
        ("default_profile", 'default_profile = "acme"   # most of the time\n'),
        ("profiles.acme.email", 'email = "you@example.com"\n'),
        ("profiles.acme.interval", '  interval = 30            # seconds; "10s" is too often\n'),
        ("profiles.acme test.base_url", 'base_url = "http://127.0.0.1:8080"\t# the rehearsal\n'),
        ("targets.wave2.profile", 'profile = "acme"\n'),
        ("targets.wave 3.task", 'task = "latest-check"\n'),
    ],
)
def test_a_removal_keeps_everything_else(key: str, gone: str) -> None:
    """To remove a value takes its line away and no other."""
    assert BY_HAND.count(gone) == 1
    assert without_value(parsed(BY_HAND, FILE), path_of(key)).text == BY_HAND.replace(gone, "")


def test_what_is_not_set_cannot_be_removed() -> None:
    """The error names the key and how to see what there is."""
    with pytest.raises(NotFound, match=r"profiles\.acme\.task is not set") as raised:
        without_value(parsed(BY_HAND, FILE), path_of("profiles.acme.task"))
    assert FILE in raised.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[profiles.a]\nemail = "e"\n', ""),
        ('[profiles.b]\ntask = "t"\n\n[profiles.a]\nemail = "e"\n', '[profiles.b]\ntask = "t"\n'),
        ('[profiles.a]\nemail = "e"\n\n[profiles.b]\ntask = "t"\n', '[profiles.b]\ntask = "t"\n'),
        ('[profiles.a]\n# mine\nemail = "e"\n', "[profiles.a]\n# mine\n"),
        ('[profiles.a]\nemail = "e"\ntoken = "s"\n', '[profiles.a]\ntoken = "s"\n'),
        ('default_profile = "a"\n[profiles.a]\nemail = "e"\n', 'default_profile = "a"\n[profiles.a]\n'),
        (
            '[profiles.a]\nemail = "e"\n[targets.w]\nprofile = "a"\n',
            '[profiles.a]\n[targets.w]\nprofile = "a"\n',
        ),
    ],
)
def test_an_empty_profile_goes_unless_it_is_needed(text: str, expected: str) -> None:
    """The last value takes its table along, but not a comment, nor a profile that is named elsewhere."""
    assert without_value(parsed(text, FILE), ("profiles", "a", "email")).text == expected


def test_a_default_profile_is_put_before_the_tables() -> None:
    """What belongs to no table stands above all tables, and is gone again without a trace."""
    config = with_value(parsed('# mine\n[profiles.a]\nemail = "e"\n', FILE), (DEFAULT_PROFILE,), "a")
    assert config.default_profile == "a"
    assert config.text.index("default_profile") < config.text.index("[profiles.a]")
    assert config.text.startswith("# mine\n")
    plain = '[profiles.a]\nemail = "e"\n'
    assert without_value(with_value(parsed(plain, FILE), (DEFAULT_PROFILE,), "a"), (DEFAULT_PROFILE,)).text == plain


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
    "comment": "# c",
    "no end": '[profiles.a]\nemail = "1"',
    "blank": '\n\n\n[profiles.a]\n\n\n email = "1"\n\n\n\n',
}
"""Files in ways in which few people write them."""

CHANGED = ["default_profile", "profiles.a.email", "profiles.a.task", "profiles.b.email", "profiles.b.job",
           "profiles.new.email", "targets.w.job", "targets.w.profile", "targets.v.task", "targets.new.job"]  # fmt: skip
NOT_TO_BE_CHANGED = {("inline", "profiles.new.email")}
"""Where a table of one line would have to grow: that is refused."""


def comments(text: str) -> list[str]:
    """The comments of a text that stand on lines of their own."""
    return sorted(line.strip() for line in text.splitlines() if line.strip().startswith("#"))


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("name", ODD)
def test_no_way_of_writing_leads_to_a_broken_file(name: str, newline: str, tmp_path: Path) -> None:
    """Whatever is set or removed, the file is then what it was but for that value, or the change is refused."""
    file = tmp_path / "config.toml"
    file.write_bytes(ODD[name].replace("\n", newline).encode())
    config = read_config(str(file))
    assert config.newline == (newline if "\n" in ODD[name] else "\n")
    before = dict(all_values(config))
    for key in CHANGED:
        path = path_of(key)
        if (name, key) in NOT_TO_BE_CHANGED:
            with pytest.raises(UsageError, match="could not be changed safely; it is as it was"):
                with_value(config, path, "v")
            continue
        write_config(with_value(config, path, 'q"\\é#'))
        changed = read_config(str(file))
        assert dict(all_values(changed)) == before | {path: 'q"\\é#'}
        assert comments(changed.text) == comments(config.text)
        data = file.read_bytes()
        assert data.count(b"\r\n") == (data.count(b"\n") if config.newline == "\r\n" else 0)
        write_config(without_value(changed, path))
        without = read_config(str(file))
        assert dict(all_values(without)) == {each: value for each, value in before.items() if each != path}
        assert comments(without.text) == comments(config.text)


def test_the_byte_order_mark_of_some_editors_is_no_part_of_the_text(tmp_path: Path) -> None:
    """A file that begins with one is read and can be changed."""
    file = tmp_path / "config.toml"
    file.write_bytes('\ufeffdefault_profile = "é"\n'.encode())
    config = read_config(str(file))
    assert config.default_profile == "é"
    write_config(with_value(config, ("profiles", "é", "email"), "e"))
    assert values(file.read_text(encoding="utf-8")) == {"default_profile": "é", 'profiles."é".email': "e"}


def test_a_file_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    """Where nobody named the file it need not exist, nor the folder that it would be in."""
    (tmp_path / "file").touch()
    for file in (tmp_path / "none.toml", tmp_path / "no" / "folder", tmp_path / "file" / "below"):
        assert read_config(str(file)) == Config(str(file))
        with pytest.raises(UsageError, match="MIGSTAT_CONFIG: there is no file"):
            read_config(str(file), must_exist=True)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"# \xff\n", ", line 1: this is no UTF-8"),
        (b'# a\n\n[profiles.a]\nemail = "\xe9"\n', ", line 4: this is no UTF-8"),
        ("# a\n".encode("utf-16"), ", line 1: this is no UTF-8"),
        (b"#" * (1 << 20), " is larger than 1 MiB"),
        (b"default_profile\r\n", ", line 1: this is no TOML"),
        (b"\r\n\r\nx\r\n", ", line 3: this is no TOML"),
        (b"\n\n\x00", ", line 3: this is no TOML"),
    ],
)
def test_bytes_that_are_no_text_are_told_with_their_line(data: bytes, told: str, tmp_path: Path) -> None:
    """A file in another encoding, or one that is no config, is told by its name and the line."""
    file = tmp_path / "config.toml"
    file.write_bytes(data)
    with pytest.raises(UsageError) as raised:
        read_config(str(file))
    assert raised.value.message.startswith(f"{file}{told}")


@pytest.mark.parametrize("name", ["", "nul\0", "x" * 300])
def test_a_file_that_cannot_be_read_is_told_by_its_name(name: str, tmp_path: Path) -> None:
    """A folder, a name that cannot be and one that is too long are told, with what to do."""
    file = f"{tmp_path}/{name}"
    with pytest.raises(UsageError, match="cannot be read") as raised:
        read_config(file)
    assert repr(file) in raised.value.message
    assert "MIGSTAT_CONFIG" in raised.value.hint


def test_a_file_that_cannot_be_written_is_told_by_its_name(tmp_path: Path) -> None:
    """A folder in the file's place is told, and stays."""
    with pytest.raises(OutputError, match="no ordinary file") as raised:
        write_config(Config(str(tmp_path), "# x\n"))
    assert str(tmp_path) in raised.value.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("mode", "told"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o777, True), (0o611, False)]
)
def test_others_are_those_who_may_read(mode: int, told: bool) -> None:
    """Group and others count, and what counts is whether they may read."""
    assert is_readable_by_others(mode) is told


PIECES = st.sampled_from(
    ["[profiles.a]", "[targets.w]", "[profiles]", "email", "job", "=", '"x"', "'", '"', '"""', "\n", "\r\n", "#", ".",
     "{", "}", "[", "]", "[[", ",", " ", "token", "default_profile", "profiles", "5", "\\", "é", "\x00", "nan"]
)  # fmt: skip
SOUP = st.text(max_size=40) | st.lists(PIECES, max_size=14).map("".join)


@given(SOUP)
@example("profiles.a.b.c = 1")
def test_any_text_is_a_config_or_our_error(text: str) -> None:
    """Whatever a file holds, it is understood or told in one line that names the file."""
    try:
        config = parsed(text, FILE)
    except UsageError as error:
        assert error.message.startswith(FILE)  # noqa: PT017
        return
    for path, value in all_values(config):
        assert value.strip()
        assert path_of(spelt(path)) == path
        assert 1 <= line_of(text, path) <= text.count("\n") + 1


@given(st.binary(max_size=60) | SOUP.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_config_or_our_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """Whatever bytes a file holds, it is understood or told."""
    file = tmp_path_factory.getbasetemp() / "config.toml"
    file.write_bytes(data)
    try:
        read_config(str(file))
    except UsageError as error:
        assert str(file) in error.message  # noqa: PT017


NAME = st.text(min_size=1, max_size=8).filter(lambda text: text.strip()) | st.sampled_from(
    [
        "acme",
        "a b",
        "a.b",
        "profiles",
        "email",
        '"',
        "'",
        "#",
        "=",
        "]",
        "[x]",
        "\\",
        "a\nb",
        "a\u2028b",
        "5",
        "true",
        "é",
    ]
)
KEY = (
    st.just((DEFAULT_PROFILE,))
    | st.tuples(st.just("profiles"), NAME, st.sampled_from(PROFILE_KEYS))
    | st.tuples(st.just("targets"), NAME, st.sampled_from(TARGET_KEYS))
)
VALUE = st.text(min_size=1, max_size=10).filter(
    lambda text: text.strip() and not may_be_secret(text)
) | st.sampled_from(['"', "'", "'''", '"""', "\\", "\\n", "a\nb", "#", "5", "\x00", "\x7f", "a\u2028", "x\r\ny"])


def is_text(text: str) -> bool:
    """Whether UTF-8 can hold it."""
    return not re.search("[\ud800-\udfff]", text)


@given(st.sampled_from(sorted(ODD)), KEY, VALUE)
def test_what_is_set_is_read_and_what_is_removed_was_never_there(name: str, path: Keys, value: str) -> None:
    """Any name and value can be set, is then read as it was typed, and all else stays; or it is refused."""
    config = parsed(ODD[name], FILE)
    before = dict(all_values(config))
    try:
        changed = with_value(config, path, value)
    except UsageError:
        assert not all(map(is_text, (*path, value))) or name == "inline"
        return
    assert tomllib.loads(changed.text)
    assert dict(all_values(parsed(changed.text, FILE))) == before | {path: value}
    assert comments(changed.text) == comments(config.text)
    without = without_value(changed, path)
    assert dict(all_values(parsed(without.text, FILE))) == {each: old for each, old in before.items() if each != path}
    assert comments(without.text) == comments(config.text)


CHANGES = st.lists(st.tuples(KEY, st.none() | VALUE.filter(is_text)), max_size=8)


@given(CHANGES)
def test_any_changes_one_after_the_other(changes: list[tuple[Keys, str | None]]) -> None:
    """A file that only these commands have written holds what was set last, after any number of changes."""
    config, expected = parsed("", FILE), dict[Keys, str]()
    for path, value in changes:
        if not all(map(is_text, path)):
            continue
        try:
            config = without_value(config, path) if value is None else with_value(config, path, value)
        except MigstatError:
            assert value is None
            assert path not in expected
            continue
        if value is None:
            del expected[path]
        else:
            expected[path] = value
        assert dict(all_values(parsed(config.text, FILE))) == expected
