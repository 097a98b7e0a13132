"""Which run of a job is meant, and what is noted about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from migstat.errors import BadAnswer, NotFound
from migstat.model.nodes import Task, TaskPage
from migstat.query.task import TaskTarget, resolve
from migstat.settings.target import Target, TaskWord


class Lists:
    """A job's runs in pages, and how many pages were asked for."""

    def __init__(self, *pages: tuple[tuple[str, str | None], ...]) -> None:
        self.pages = pages
        self.asked: list[str] = []

    def tasks(self, job_id: str) -> Iterator[TaskPage]:
        """One page after the other."""
        for number, page in enumerate(self.pages, start=1):
            self.asked.append(job_id)
            following = str(number) if number < len(self.pages) else None
            yield TaskPage(tuple(Task(name, kind, None, ()) for name, kind in page), following)


PAGES = Lists(
    (("t5", "check"), ("t4", None)),
    (("t3", "migrate"), ("t2", "check"), ("t1", "migrate")),
)


@pytest.mark.parametrize(
    ("word", "expected", "pages"),
    [
        ("latest", ("t5", "check", "t4"), 1),
        ("latest-check", ("t5", "check"), 1),
        ("latest-migrate", ("t3", "migrate", "t1"), 2),
    ],
)
def test_a_word_is_the_newest_run_of_its_type(word: str, expected: tuple[str, ...], pages: int) -> None:
    """Runs come newest first, and no more pages are read than are needed; the run before it is kept in mind."""
    lists = Lists(*PAGES.pages)
    assert resolve(lists, Target("j", word)) == TaskTarget("j", *expected)
    assert lists.asked == ["j"] * pages


def test_an_id_is_taken_as_it_is() -> None:
    """Nothing is asked where the task is named by its id."""
    lists = Lists()
    assert resolve(lists, Target("j", "Latest")) == TaskTarget("j", "Latest", None)
    assert lists.asked == []


@pytest.mark.parametrize(
    ("pages", "rest"),
    [
        ([(("a", "check"), ("b", "check")), (("c", "check"),)], "it has 3 runs of other kinds"),
        ([(("a", "check"),)], "its only run is a check"),
        ([(("a", None),)], "its only run is of another kind"),
    ],
)
def test_a_job_without_a_run_of_that_type_says_what_it_has(pages: list[tuple[Any, ...]], rest: str) -> None:
    """All pages are searched before a type is said to be absent, and what there is instead is named."""
    with pytest.raises(NotFound, match=f"^job j has no migrate task: {rest}$"):
        resolve(Lists(*pages), Target("j", "latest-migrate"))


@pytest.mark.parametrize("word", list(TaskWord))
def test_a_job_without_runs_has_no_latest(word: str) -> None:
    """A job that never ran has no task of any word."""
    with pytest.raises(NotFound, match="no runs yet"):
        resolve(Lists(()), Target("j", word))


@pytest.mark.parametrize("bad", ["", "a/b", "..", "a b"])
def test_an_unclean_id_from_the_api_is_a_bad_answer(bad: str) -> None:
    """What the server sent wrongly is no wrong usage of the command line."""
    with pytest.raises(BadAnswer):
        resolve(Lists(((bad, "check"),)), Target("j", "latest"))
