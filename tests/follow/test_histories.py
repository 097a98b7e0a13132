"""However a night went and whoever asks: a watch from the start, a later watch and `status` come to one exit code."""

from __future__ import annotations

import pytest

from migstat.follow.watch import Plan
from migstat.model.verdict import Until
from tests.follow.histories import LONG_AFTER, History, HistoryRunner, Writer, expected_code

RARELY = Plan(interval=20.0)
STATUSES = (
    ("--output", "table"), ("--output", "plain"), ("--json",), ("--output", "tree"), ("--raw",),
    ("--depth", "all", "--output", "csv"), ("--depth", "0", "--json"), ("--output", "markdown"),
)  # fmt: skip


def codes(history: History) -> dict[str, int]:
    later = history.end + LONG_AFTER
    runner = HistoryRunner(history.scenario, later + 20_000)
    found = {
        "watch": runner.watch(0.0, RARELY),
        "watch from the middle": runner.watch(history.middle, RARELY),
        "later watch": runner.watch(later, RARELY),
    }
    for number, words in enumerate(STATUSES):
        found[" ".join(words)] = runner.status(later + 2000 + number * 1000, *words)
    return found


def assert_agreed(seed: int) -> None:
    """All ways of asking about the history of a seed end with the expected code."""
    history = Writer(seed).history()
    expected = expected_code(history.scenario, history.end + LONG_AFTER)
    if expected is None:  # a scope never ends, and neither would a watch
        return
    found = codes(history)
    assert found == dict.fromkeys(found, expected), (seed, expected, history.about)


def assert_agreed_until(seed: int, until: Until) -> None:
    """A watch that waits for a part only ends with the code of that part, whenever it begins."""
    history = Writer(seed).history()
    part = "migrate" if until is Until.CORE else "check"
    expected = expected_code(history.scenario, history.end + LONG_AFTER, until)
    # what begins again after it has ended was over for the one who waited for its end
    if expected is None or f"{part} is retried" in history.about:
        return
    # nor can a watch know that a migration which it never sees was scheduled although its checks had failed
    checks = expected_code(history.scenario, history.end + LONG_AFTER, Until.CHECKS)
    if "migrate is reported late" in history.about and checks != 0:
        return
    later = history.end + LONG_AFTER
    runner = HistoryRunner(history.scenario, later + 20_000)
    found = [runner.watch(at, Plan(interval=20.0, until=until)) for at in (0.0, history.middle, later)]
    assert found == [expected] * 3, (seed, history.about)


@pytest.mark.parametrize("seed", [0, 1, 770070, 770135])
def test_all_agree_on_some_histories(seed: int) -> None:
    """Every command, format and depth ends with the same exit code, and it is the right one."""
    assert_agreed(seed)


@pytest.mark.parametrize("until", [Until.CORE, Until.CHECKS])
@pytest.mark.parametrize("seed", range(100, 102))
def test_all_agree_on_a_part_of_some_histories(seed: int, until: Until) -> None:
    """The same for the core of a migration, and for its checks."""
    assert_agreed_until(seed, until)


@pytest.mark.slow
@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("part", range(15))
def test_all_agree_on_many_histories(part: int) -> None:
    """The same for a hundred and fifty histories more."""
    for seed in range(1000 + part * 10, 1010 + part * 10):
        assert_agreed(seed)
        assert_agreed_until(seed, (Until.CORE, Until.CHECKS)[seed % 2])
