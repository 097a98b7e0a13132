"""The changes of the checks since an earlier run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from migstat.model.nodes import Level, Millis, Node, State, match_keys


class Change(StrEnum):
    """The change of a check since an earlier run; members are in display order."""

    NEW = "new"
    WORSE = "worse"
    STILL = "still"
    SKIPPED = "skipped"
    BETTER = "better"
    FIXED = "fixed"
    GONE = "gone"
    RUNNING = "running"
    SAME = "same"


_BAD = {State.WARNING: 1, State.FAILED: 2}


def change_of(before: State | None, now: State | None) -> Change:
    """The change from one state to another; None is a check that the run does not have.

    A check that was skipped before was fine. One that had not ended in the earlier run is treated as if it had been
    absent.
    """
    if now is None:
        return Change.GONE
    if not now.ended:
        return Change.RUNNING  # it may still end in any state
    was, is_now = _BAD.get(before, 0) if before else 0, _BAD.get(now, 0)
    if was and now is State.SKIPPED:
        return Change.SKIPPED  # not checked again, so it may still be wrong
    if not was or not is_now:
        return Change.NEW if is_now else Change.FIXED if was else Change.SAME
    return Change.STILL if was == is_now else Change.WORSE if is_now > was else Change.BETTER


class EarlierRun(msgspec.Struct, frozen=True, kw_only=True):
    """The checks of an earlier run, from the API or from a document.

    `created_at` is when the run was created, None if that is not known; `seen_at` is the time that a person is shown.
    Only a document has a `job_id`; it may be about another job. `flaws` say what could not be read, one line each;
    `notes` are for the user.
    """

    task_id: str
    job_id: str | None = None
    checks: tuple[Node, ...]
    created_at: Millis | None = None
    seen_at: Millis | None = None
    flaws: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Comparison(msgspec.Struct, frozen=True):
    """A run's checks beside those of an earlier run.

    `before` holds the earlier check of each level that has one. `gone` are the checks that only the earlier run has,
    as nodes that are missing now; `pending` counts those that may still come. `seen_at` is when the newer run was
    created, or else read.
    """

    earlier: EarlierRun
    before: Mapping[Level, Node]
    gone: tuple[Node, ...]
    pending: int
    seen_at: Millis

    def change(self, check: Node) -> Change:
        """The change of one check of the newer run, or of one that is gone."""
        before = self.before.get(check.level)
        return change_of(before.state if before else None, None if check.missing else check.state)

    def came_and_went(self, check: Node) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Occurrences that only the newer run has, and those that only the earlier one has."""
        before = self.before.get(check.level)
        old, new = before.occurrences if before else (), check.occurrences
        kept_old, kept_new = set(old), set(new)
        return tuple(text for text in new if text not in kept_old), tuple(text for text in old if text not in kept_new)


def compared(earlier: EarlierRun, checks: Iterable[Node], seen_at: Millis, *, complete: bool) -> Comparison:
    """Compare checks with those of an earlier run. `complete` means that no more will come, so the others are gone.

    Names match exactly, else ignoring case where that is unambiguous.
    """
    now = {check.name: check for check in checks}
    old = {check.name: check for check in earlier.checks if not check.missing}
    named = match_keys(now, old)
    before = {check.level: old[named[name]] for name, check in now.items() if name in named}
    absent = [old[name] for name in old if name not in named.values()]
    gone = {check.level: check for check in absent} if complete else {}
    return Comparison(
        earlier,
        before | gone,
        tuple(Node(level, missing=True) for level in gone),
        0 if complete else len(absent),
        seen_at,
    )
