"""The places of the user's own files: config file, stored tokens, and names seen, for completion.

On Linux platformdirs is not imported: that takes 30 ms, half the time in which a Tab should be answered.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

NAME = "migstat"


def config_file(environ: Mapping[str, str]) -> tuple[str, bool]:
    """The config file's path, and True if the user named it."""
    named = environ.get("MIGSTAT_CONFIG")
    if named:
        return os.path.expanduser(named), True  # noqa: PTH111  pathlib takes long to import
    return os.path.join(user_folder(environ, "config"), "config.toml"), False  # noqa: PTH118


def user_folder(environ: Mapping[str, str], kind: str) -> str:
    """The folder that platformdirs finds for `config`, or for the `cache`, which may be deleted at any time."""
    if sys.platform != "linux":
        import platformdirs

        find = platformdirs.user_config_dir if kind == "config" else platformdirs.user_cache_dir
        return find(NAME, appauthor=False)
    base = environ.get(f"XDG_{kind.upper()}_HOME", "")
    if not base.startswith("/"):  # the XDG specification says to ignore relative ones
        home = environ.get("HOME", "")
        if not home.startswith("/"):
            import pwd

            try:
                home = pwd.getpwuid(os.getuid()).pw_dir
            except KeyError:  # a container running as an unnamed user
                home = ""
        base = f"{home.rstrip('/')}/.{kind}"
    return os.path.join(base, NAME)  # noqa: PTH118
