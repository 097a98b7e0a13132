"""Where the user's own files of migstat are: the config file, and what was last seen, for completion."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

NAME = "migstat"


def config_file(environ: Mapping[str, str]) -> tuple[str, bool]:
    """The config file's path, and whether the user named it."""
    named = environ.get("MIGSTAT_CONFIG")
    if named:
        return os.path.expanduser(named), True  # noqa: PTH111  pathlib takes long to import
    return os.path.join(_folder(environ, "config"), "config.toml"), False  # noqa: PTH118


def cache_folder(environ: Mapping[str, str]) -> str:
    """The folder of what may be thrown away."""
    return _folder(environ, "cache")


def _folder(environ: Mapping[str, str], kind: str) -> str:
    """What platformdirs answers; on Linux without importing it, which would cost a completion half of its time."""
    if sys.platform != "linux":
        import platformdirs

        find = platformdirs.user_config_dir if kind == "config" else platformdirs.user_cache_dir
        return find(NAME, appauthor=False)
    base = environ.get(f"XDG_{kind.upper()}_HOME", "")
    if not base.startswith("/"):  # a relative one must be ignored, says the standard
        base = f"{_home(environ)}/.{kind}"
    return os.path.join(base, NAME)  # noqa: PTH118


def _home(environ: Mapping[str, str]) -> str:
    """The user's folder, without a slash at its end."""
    home = environ.get("HOME", "")
    if home.startswith("/") or sys.platform == "win32":  # which has no such users
        return home.rstrip("/")
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir.rstrip("/")
    except KeyError:  # a container's user without a name
        return ""
