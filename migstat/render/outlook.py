"""Words for the end that is expected, and how it compares with the deadline and the rehearsal."""

from __future__ import annotations

from migstat.model.events import Late, View
from migstat.model.nodes import Millis
from migstat.render.text import duration, local_time, zone

SOON: Millis = 12 * 3_600_000
"""Within twelve hours a time of day needs no date: it cannot mean another day."""

LATE = -1
"""Importance of being late, which stays even if nothing else fits."""


def outlook(view: View, now: Millis, *, brief: bool = False) -> list[tuple[int, str]]:
    """The expected end of a running task, each part with its importance; `brief` in a narrow window.

    `ends about 00:31, 29m before the deadline` and `12 % slower than the rehearsal`; without a rehearsal the deadline.
    """
    end, deadline = view.estimated_end, view.deadline
    if end is not None:
        words = f"ends {'' if brief else 'about '}{clock(end, now)}"
        compared = "" if deadline is None else f", {against_deadline(end, deadline, brief=brief)}"
        late = deadline is not None and end > deadline
        return [(LATE if late else 0, words + compared), *([] if view.pace is None else [(4, pace_words(view.pace))])]
    return [] if deadline is None else [deadline_words(deadline, now, brief=brief)]


def deadline_words(deadline: Millis, now: Millis, *, brief: bool = False) -> tuple[int, str]:
    """The deadline and how far away it is, with its importance."""
    if brief:
        when = f"deadline {clock(deadline, now)}"
        return (0, when) if now < deadline else (LATE, f"{when} passed")
    when = local_time(deadline, now, zoned=True)
    if now < deadline:
        return 3, f"deadline {when}, in {_whole(deadline - now)}"
    # Not how long ago it was: the last page of a watch may be read on another day.
    return LATE, f"{_whole(now - deadline)} past the deadline ({when})"


def against_deadline(end: Millis, deadline: Millis, *, brief: bool = False, ended: bool = False) -> str:
    """How an end, which is only expected unless it has `ended`, compares with the deadline.

    `29m before the deadline` or, in a narrow window, `29m early`.
    """
    # Less than a minute is more than can be estimated.
    by = _whole(abs(end - deadline) if ended else max(abs(end - deadline), 60_000))
    if brief:
        return f"{by} late" if end > deadline else f"{by} early"
    return f"{by} after the deadline" if end > deadline else f"{by} before the deadline"


def pace_words(pace: float) -> str:
    """How tonight's pace compares with that of the rehearsal."""
    percent = round(abs(pace - 1) * 100)
    if not percent:
        return "as fast as the rehearsal"
    if percent > 100:
        return f"{pace:.1f} times as long as in the rehearsal"
    return f"{percent} % {'slower' if pace > 1 else 'faster'} than the rehearsal"


def rehearsed_words(view: View) -> str:
    """How much of tonight the rehearsal had, and what that means for the estimate; empty until names are known."""
    same, names = view.rehearsed or (0, 0)
    if not names:
        return ""
    words = f"{same} of {names} {view.scope} were rehearsed"
    if not same:
        return f"{words}; there is no estimate of the end"
    if same < names and view.scope != "checks":
        return f"{words}; the rest are assumed to take the median time"
    return words


def late_words(event: Late) -> str:
    """What a late event says."""
    when = local_time(event.deadline, event.at)
    end = "" if event.estimated_end is None else f"expected to end about {clock(event.estimated_end, event.at)}"
    if event.reason == "estimate" and event.estimated_end is not None:
        return f"{end}, {against_deadline(event.estimated_end, event.deadline)} ({when})"
    return f"the deadline ({when}) has passed" + (f"; {end}" if end else "")


def clock(at: Millis, now: Millis) -> str:
    """The local time of day, with its date only where another day could be meant, and its zone if it changes."""
    return local_time(at, at if abs(at - now) < SOON else now, zoned=zone(at) != zone(now))


def _whole(span: Millis) -> str:
    """A span in whole minutes, or in seconds if it is shorter: `14s`, `29m`, `1h 12m`; never more than it is."""
    seconds = span // 1000
    return duration(seconds if seconds < 60 else seconds // 60 * 60).removesuffix(" 00s")
