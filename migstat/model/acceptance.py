"""Checks that a team has accepted for a while, and which checks of a run they cover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

import msgspec

from migstat.model.nodes import Level, Millis, Node, Outcome, State, match_keys

MOST_SENT = 100
"""Occurrences of a check that the API sends at most: a list of this length may be incomplete."""


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted check: the reason, the last day, who accepted it, and the most occurrences that are covered."""

    reason: str
    until: date
    by: str | None = None
    occurrences: int | None = None

    @property
    def words(self) -> str:
        """Such as `until 2026-12-01, Maria: merged on purpose`."""
        return f"until {self.until.isoformat()}{f', {self.by}' if self.by else ''}: {self.reason}"


class Acceptances(msgspec.Struct, frozen=True):
    """The content of a file of accepted checks, by the names of the checks."""

    file: str
    entries: Mapping[str, Acceptance]


Accepted = Mapping[Level, Acceptance]
"""The checks of a run that are accepted, by level."""


def accepted_of(
    known: Acceptances | None, checks: Sequence[Node], now: Millis, *, complete: bool
) -> tuple[Accepted, tuple[str, ...]]:
    """The checks that are accepted at `now`, in the local time zone, and a line for each entry that does not apply.

    `complete` means that no more checks will come, so a name that matches none of them is wrong. Only a finding can be
    accepted: not a check that was stopped or timed out, nor one that the API does not allow to be overridden.
    """
    if known is None:
        return {}, ()
    today = datetime.fromtimestamp(now / 1000, UTC).astimezone().date()
    named = match_keys(known.entries, (check.name for check in checks))
    by_name = {check.name: check for check in checks}
    accepted: dict[Level, Acceptance] = {}
    doubts = []
    for name, entry in known.entries.items():
        check = by_name.get(named.get(name, ""))
        if today > entry.until:
            doubts.append(f"{name} was accepted until {entry.until.isoformat()} and counts again")
        elif check is None:
            doubts += [f"{name} is accepted, but this run has no such check"] if complete else []
        elif check.state in (State.FAILED, State.WARNING):
            flaw = _flaw(check, entry)
            if flaw:
                doubts.append(f"{name} is accepted, but {flaw}: it counts")
            else:
                accepted[check.level] = entry
    return accepted, tuple(f"{known.file}: {doubt}" for doubt in doubts)


def _flaw(check: Node, entry: Acceptance) -> str | None:
    """The reason why an entry does not cover a check; None if it does."""
    if check.details.get("excludable") not in (None, True):  # any other value is not permission
        return "the API does not allow it to be overridden"
    if check.outcome not in (Outcome.FAILED, Outcome.WARNING):
        return f"it ended as {check.outcome or check.status}, which is not a finding"
    if entry.occurrences is None:
        return None
    sent = check.details.get("occurrences")
    if sent is not None and not isinstance(sent, list):
        return "its occurrences cannot be counted"
    found = len(check.occurrences)
    if found > entry.occurrences:
        return f"it has {found} occurrences instead of {entry.occurrences}"
    # The API cuts longer lists, so there may be findings that were never accepted.
    return f"it has {found} occurrences or more (the API sends no more than that)" if found >= MOST_SENT else None
