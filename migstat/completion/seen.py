"""Names that commands have seen, for completion: a job's runs, their checks and the keys of their projects.

One JSON file per job, named after its id, which `cli.memory` writes:

    {"words": {"latest": "51c0..."},
     "runs": {"51c0...": {"type": "migrate", "names": {"check": ["AppVendorCheck"], "projects": ["ACME", "OPS"]}}}}

Runs are in order of use, the last one first. A file contains no states, messages or secrets, and may be deleted at any
time. Importing this must be fast, see `answer`.
"""

from __future__ import annotations

import json
import os
import re

TYPE_CHECKING = False  # that of `typing` takes long to import
if TYPE_CHECKING:
    from typing import Any

FOLDER = "seen"
"""The name of the folder with these files, in migstat's cache folder."""

MAX_NAME = 1024
"""Characters of a name that is worth completing."""

CHECK = "check"
SCOPES = ("projects", "spaces")

_ENDING = ".json"


def file_of(folder: str, job_id: str) -> str | None:
    """The file of a job; None for an id that is no safe file name, of which nothing is kept."""
    safe = re.fullmatch(r"[\w-][\w.-]{0,99}", job_id, re.ASCII)
    return os.path.join(folder, job_id + _ENDING) if safe else None  # noqa: PTH118


def read_seen(folder: str, job_id: str) -> dict[str, Any]:
    """The content of a job's file; no words and no runs if there is none, or if it is damaged."""
    path = file_of(folder, job_id) or ""
    try:
        if not os.path.isfile(path):  # noqa: PTH113  a pipe never answers, and some devices never end
            raise FileNotFoundError
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            seen: dict[str, Any] = json.load(file)
            return seen
    except (OSError, ValueError):
        return {"words": {}, "runs": {}}


def seen_jobs(folder: str) -> list[str]:
    """The ids of the jobs, most recently seen first."""
    try:
        with os.scandir(folder) as entries:
            found = [(each.stat().st_mtime_ns, each.name) for each in entries if each.name.endswith(_ENDING)]
    except OSError:
        return []
    return [name.removesuffix(_ENDING) for _, name in sorted(found, reverse=True)]


def usable(name: str) -> bool:
    """True for a name that can be typed and shown unchanged."""
    return 0 < len(name) <= MAX_NAME and name.isprintable()
