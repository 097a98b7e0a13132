"""The places of the user's own files are those of platformdirs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from migstat.files.places import config_file, user_folder

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere platformdirs itself is asked")

ENVIRONMENTS: list[dict[str, str]] = [
    {"HOME": "/home/you"},
    {"HOME": "/home/you/"},
    {"HOME": "/"},
    {"HOME": "/nonexistent"},
    {"HOME": "/dev/null"},
    {"HOME": "/home/you", "XDG_CONFIG_HOME": "/etc/you", "XDG_CACHE_HOME": "/var/cache/you"},
    {"HOME": "/home/you", "XDG_CONFIG_HOME": "/etc/you/", "XDG_CACHE_HOME": "/"},
    {"HOME": "/home/you", "XDG_CONFIG_HOME": "", "XDG_CACHE_HOME": ""},
    {"HOME": "/home/you", "XDG_CONFIG_HOME": "relative", "XDG_CACHE_HOME": "./cache"},
    {"HOME": "/home/you", "XDG_CONFIG_HOME": "~/config", "XDG_CACHE_HOME": " /x"},
    {"HOME": "/home/you", "XDG_CONFIG_HOME": "/a b/é"},
    {"HOME": ""},
    {"HOME": "relative"},
    {"XDG_CONFIG_HOME": "/etc/you"},
    {},
]

ASKS = """
import json, os, sys
import platformdirs
answers = []
for environ in json.load(sys.stdin):
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        os.environ.pop(name, None)
    os.environ.update(environ)
    answers.append([find("migstat", appauthor=False)
                    for find in (platformdirs.user_config_dir, platformdirs.user_cache_dir)])
json.dump(answers, sys.stdout)
"""


@pytest.fixture(scope="module")
def answers() -> list[list[str]]:
    """Return the folders of config and cache that platformdirs finds in each environment."""
    done = subprocess.run(
        [sys.executable, "-c", ASKS], input=json.dumps(ENVIRONMENTS), capture_output=True, text=True, check=True
    )
    told: list[list[str]] = json.loads(done.stdout)
    return told


@ON_LINUX
@pytest.mark.parametrize("number", range(len(ENVIRONMENTS)), ids=lambda number: repr(ENVIRONMENTS[number]))
def test_the_folders_are_those_of_platformdirs(answers: list[list[str]], number: int) -> None:
    """The folders found without platformdirs, which takes long to import, are the same."""
    environ = ENVIRONMENTS[number]
    config, cache = answers[number]
    assert config_file(environ) == (f"{config}/config.toml", False)
    assert user_folder(environ, "cache") == cache


def test_the_file_that_somebody_named_comes_first(tmp_path: Path) -> None:
    """MIGSTAT_CONFIG beats all folders, unless it is empty."""
    file = str(tmp_path / "my.toml")
    assert config_file({"MIGSTAT_CONFIG": file, "XDG_CONFIG_HOME": "/x", "HOME": "/y"}) == (file, True)
    unnamed, named = config_file({"MIGSTAT_CONFIG": "", "XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)})
    assert not named
    assert Path(unnamed).name == "config.toml"


def test_a_tilde_is_the_users_folder() -> None:
    """`~` is expanded, as no shell has done so."""
    assert config_file({"MIGSTAT_CONFIG": "~/my.toml"}) == (str(Path("~/my.toml").expanduser()), True)


@pytest.mark.skipif(sys.platform == "linux", reason="there platformdirs is not asked")
def test_elsewhere_platformdirs_is_asked() -> None:
    """On other systems platformdirs decides, whatever the XDG variables say."""
    import platformdirs

    environ = {"XDG_CONFIG_HOME": "/x"}
    assert config_file(environ)[0] == os.path.join(  # noqa: PTH118
        platformdirs.user_config_dir("migstat", appauthor=False), "config.toml"
    )
    assert user_folder(environ, "cache") == platformdirs.user_cache_dir("migstat", appauthor=False)
