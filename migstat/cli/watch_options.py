"""The options of `migstat watch`, checked before anything is asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from migstat.cli.context import Options
from migstat.cli.streams import Streams
from migstat.errors import UsageError
from migstat.follow.estimate import Rehearsal, rehearsal_of
from migstat.follow.night import night_in
from migstat.follow.watch import Plan

if TYPE_CHECKING:
    from migstat.cli.notifying import Command


class WatchOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a watch: those `shared` by all commands, and its own. `ends_after` is seconds.

    `title` stands for the job until its name is known. The `warnings` are about the files that were read.
    """

    shared: Options
    plan: Plan = Plan()
    title: str = ""
    quiet: bool = False
    ends_after: float | None = None
    record: Path | None = None
    notify: Command | None = None
    warnings: tuple[str, ...] = ()


def rehearsal_in(path: Path) -> tuple[Rehearsal, tuple[str, ...]]:
    """The rehearsal that a file of `--baseline` records, and warnings about the file. Raises UsageError."""
    night = night_in(path, "--baseline")
    rehearsal = rehearsal_of(night)
    if not rehearsal.work and not rehearsal.scopes:
        raise UsageError(f"--baseline: {path} has no durations", "Use the record of a rehearsal that was completed.")
    return rehearsal, tuple(map(Streams.warning, night.warnings))
