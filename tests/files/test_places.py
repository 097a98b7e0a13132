"""The places of the user's own files are those of platformdirs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from migstat.files.places import config_file, user_folder

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


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere platformdirs itself is asked")
def test_the_folders_are_those_of_platformdirs() -> None:
    """The folders found without platformdirs, which takes long to import, are the same."""
    done = subprocess.run(
        [sys.executable, "-c", ASKS], input=json.dumps(ENVIRONMENTS), capture_output=True, text=True, check=True
    )
    found = [[user_folder(environ, kind) for kind in ("config", "cache")] for environ in ENVIRONMENTS]
    assert found == json.loads(done.stdout)


def test_migstat_config_names_the_file() -> None:
    """MIGSTAT_CONFIG takes precedence over all folders unless it is empty, and `~` in it is expanded."""
    environ = {"XDG_CONFIG_HOME": "/x", "HOME": "/y"}
    named = {text: config_file({"MIGSTAT_CONFIG": text, **environ}) for text in ("/my.toml", "~/my.toml", "")}
    assert named["/my.toml"] == ("/my.toml", True)
    assert named["~/my.toml"] == (str(Path("~/my.toml").expanduser()), True)
    assert named[""] == (f"{user_folder(environ, 'config')}/config.toml", False)
