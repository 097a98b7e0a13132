"""Which run of a job is meant by a word or an id."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from migstat.api.endpoints import Api
from migstat.errors import ApiError, BadAnswer, NotFound
from migstat.model.nodes import Task, TaskPage
from migstat.query.task import resolve
from migstat.query.tree import TaskTarget
from migstat.settings.target import Target, TaskWord

Runs = list[list[tuple[str, str | None]]]


class Lists(Api):
    """A job's runs in pages, and how many pages were asked for."""

    def __init__(self, pages: Runs) -> None:
        self._pages = pages
        self.asked = 0

    def tasks(self, job_id: str) -> Iterator[TaskPage]:
        assert job_id == "j"
        for page in self._pages:
            self.asked += 1
            yield TaskPage(tuple(Task(name, kind, None, ()) for name, kind in page), "more")


RUNS: Runs = [[("t5", "check"), ("t4", None)], [("t3", "migrate"), ("t2", "check"), ("t1", "migrate")]]


@pytest.mark.parametrize(
    ("word", "expected", "pages"),
    [
        ("latest", ("t5", "check", "t4"), 1),
        ("latest-check", ("t5", "check"), 1),
        ("latest-migrate", ("t3", "migrate", "t1"), 2),
        ("Latest", ("Latest", None), 0),
    ],
)
def test_a_word_is_the_newest_run_of_its_type(word: str, expected: tuple[str, ...], pages: int) -> None:
    """Runs come newest first, and no more pages are read than are needed: none for an id."""
    lists = Lists(RUNS)
    assert resolve(lists, Target("j", word)) == TaskTarget(*expected)
    assert lists.asked == pages


@pytest.mark.parametrize(
    ("runs", "word", "error", "says"),
    [
        ([[("a", "check"), ("b", "check")], [("c", "check")]], "latest-migrate", NotFound,
            "^job j has no migrate task: it has 3 runs of other kinds$"),
        ([[("a", "check")]], "latest-migrate", NotFound, "^job j has no migrate task: its only run is a check$"),
        ([[("a", None)]], "latest-migrate", NotFound, "its only run is of another kind$"),
        *(([[]], word, NotFound, "^job j has no runs yet$") for word in TaskWord),
        *(([[(bad, "check")]], "latest", BadAnswer, "task id") for bad in ("", "a/b", "..", "a b")),
    ],
)  # fmt: skip
def test_a_word_that_means_no_run_is_an_error(runs: Runs, word: str, error: type[ApiError], says: str) -> None:
    """All pages are searched, and the message names what exists instead; a malformed id is the API's fault."""
    with pytest.raises(error, match=says) as raised:
        resolve(Lists(runs), Target("j", word))
    assert raised.value.again is (error is NotFound)
