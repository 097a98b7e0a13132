"""Pages of a level's children, in the order and with the cursors the API documents."""

from __future__ import annotations

import base64
import binascii
import threading
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migstat.simulator.scenario import SimNode

_SEPARATOR = "#"
_CURSOR_PARTS = 4


class Key(NamedTuple):
    """A child's place among its siblings: sorted by status, then outcome, then name, all lower-case."""

    status: str
    outcome: str
    name: str


@dataclass(frozen=True, slots=True)
class Filter:
    """Wanted status and outcome; None lets all pass."""

    status: str | None = None
    outcome: str | None = None

    def passes(self, key: Key) -> bool:
        """Return True if a child with this key is wanted."""
        status_fits = self.status is None or self.status.lower() == key.status
        return status_fits and (self.outcome is None or self.outcome.lower() == key.outcome)


@dataclass(frozen=True, slots=True)
class SimPage:
    """Children of one page in their order, and whether more follow."""

    keys: tuple[Key, ...]
    nodes: tuple[SimNode, ...]
    has_more: bool


def place(node: SimNode, now: float) -> Key | None:
    """Return the child's key at scenario second `now`, None while it is not listed."""
    if node.hidden or not node.is_reported(now):
        return None
    outcome = node.outcome_at(now) or ""
    return Key(node.status_at(now).lower(), outcome.lower(), node.name.lower())


def encode_cursor(path: tuple[str, ...], key: Key) -> str:
    """Return the cursor of a child: base64 of level, status, outcome and name, such as `root:check#...`."""
    text = _SEPARATOR.join((_level_name(path), *key))
    return base64.b64encode(text.encode()).decode()


def decode_cursor(path: tuple[str, ...], cursor: str) -> Key:
    """Return the key in a cursor of the level at `path`. Raises ValueError for anything else."""
    try:
        text = base64.b64decode(cursor, validate=True).decode()
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("cursor is not valid") from error
    level, *parts = text.split(_SEPARATOR, _CURSOR_PARTS - 1)
    if level != _level_name(path) or len(parts) != _CURSOR_PARTS - 1:
        raise ValueError("cursor does not belong to this level")
    return Key(*parts)


def _level_name(path: tuple[str, ...]) -> str:
    return ":".join(("root", *path)).lower()


class Listing:
    """The sorted children of one level.

    The API's pages are not a snapshot: a page holds the children that sort after the cursor at the time of the
    request. Keys change at transitions only, so the order is kept, and only the children that had a transition since
    the last request are moved, in whichever direction time went.
    """

    def __init__(self, children: tuple[SimNode, ...]) -> None:
        moves = sorted(((instant, child) for child in children for instant in child.transitions()), key=itemgetter(0))
        self._instants = [instant for instant, _ in moves]
        self._movers = [child for _, child in moves]
        self._passed = 0
        self._nodes = {child.name: child for child in children}
        self._places: dict[str, Key] = {}
        self._order: list[tuple[Key, str]] = []
        self._lock = threading.Lock()
        for child in children:
            self._move(child, place(child, float("-inf")))

    def page(self, now: float, after: Key | None, wanted: Filter, size: int) -> SimPage:
        """Return at most `size` wanted children that sort after the key `after` at scenario second `now`.

        Names that differ only in case have the same key and stay on one page, or a cursor would skip one of them.
        """
        with self._lock:
            passed = bisect_right(self._instants, now)
            low, high = sorted((self._passed, passed))
            for child in self._movers[low:high]:
                self._move(child, place(child, now))
            self._passed = passed
            following = self._following(after, wanted)
            listed = list(islice(following, size))
            more = next(following, None)
            while listed and more and more[0] == listed[-1][0]:
                listed.append(more)
                more = next(following, None)
        nodes = tuple(self._nodes[name] for _, name in listed)
        return SimPage(tuple(key for key, _ in listed), nodes, has_more=more is not None)

    def _following(self, after: Key | None, wanted: Filter) -> Iterator[tuple[Key, str]]:
        order, start, stop = self._order, 0, len(self._order)
        if after is not None:
            start = bisect_right(order, after, key=itemgetter(0))
        if wanted.status is not None:  # of thousands of children a few run, and they stand together
            status = wanted.status.lower()
            start = max(start, bisect_left(order, status, key=lambda entry: entry[0].status))
            stop = bisect_right(order, status, key=lambda entry: entry[0].status)
        return (entry for entry in islice(order, start, stop) if wanted.passes(entry[0]))

    def _move(self, child: SimNode, to: Key | None) -> None:
        old = self._places.pop(child.name, None)
        if old is not None:
            del self._order[bisect_left(self._order, (old, child.name))]
        if to is not None:
            insort(self._order, (to, child.name))
            self._places[child.name] = to
