"""However a night went and whoever asks: a watch from the start, a later watch and `status` come to one exit code."""

from __future__ import annotations

import pytest

from tests.follow.histories import LONG_AFTER, History, Writer, expected_code, staged

STATUSES = (
    ("--output", "table"),
    ("--output", "plain"),
    ("--json",),
    ("--output", "tree"),
    ("--raw",),
    ("--depth", "all", "--output", "csv"),
    ("--depth", "0", "--json"),
    ("--output", "markdown"),
)


def codes(history: History) -> dict[str, int]:
    """What each way of asking comes to."""
    later = history.end + LONG_AFTER
    with staged(history.scenario, later + 20_000) as stage:
        found = {
            "watch": stage.watch(0.0),
            "watch from the middle": stage.watch(history.end * 0.7),
            "later watch": stage.watch(later),
        }
        for number, words in enumerate(STATUSES):
            found[" ".join(words)] = stage.status(later + 2000 + number * 1000, *words)
    return found


def assert_agreed(seed: int) -> None:
    """All ways of asking about the history of a seed come to the code that is expected."""
    history = Writer(seed).history()
    expected = expected_code(history.scenario, history.end + LONG_AFTER)
    if expected is None:  # a scope never ends, and neither would a watch
        return
    found = codes(history)
    assert found == dict.fromkeys(found, expected), (seed, expected, history.about)


@pytest.mark.parametrize("seed", range(24))
def test_all_agree_on_some_histories(seed: int) -> None:
    """The exit code is the same for whoever asks, in any format and depth, and it is the right one."""
    assert_agreed(seed)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(30))
def test_all_agree_on_hundreds_of_histories(part: int) -> None:
    """The same for three hundred histories more."""
    for seed in range(1000 + part * 10, 1010 + part * 10):
        assert_agreed(seed)
