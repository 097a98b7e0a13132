"""From the words for a job and a task to their ids."""

from __future__ import annotations

from typing import Any

import pytest

from migstat.errors import UsageError
from migstat.settings.config import Config
from migstat.settings.resolve import Profile
from migstat.settings.target import Target, TaskWord, target_from

JOB = "3f2a9c14-8f0e-4f0b-9a55-0c6a1d2e7b90"
TASK = "11111111-8f0e-4f0b-9a55-0c6a1d2e7b90"
URL = f"https://api.atlassian.com/migrations/public/v1/jobs/{JOB}"
NOTHING: dict[str, str] = {}


@pytest.mark.parametrize(
    ("job", "task", "environ", "expected"),
    [
        (JOB, None, NOTHING, (JOB, "latest")),
        (JOB, TASK, NOTHING, (JOB, TASK)),
        (None, None, {"MIGSTAT_JOB": JOB}, (JOB, "latest")),
        (None, None, {"MIGSTAT_JOB": JOB, "MIGSTAT_TASK": TASK}, (JOB, TASK)),
        (None, TASK, {"MIGSTAT_JOB": JOB, "MIGSTAT_TASK": "latest-check"}, (JOB, TASK)),
        (JOB, None, {"MIGSTAT_JOB": "other", "MIGSTAT_TASK": TASK}, (JOB, TASK)),
        ("latest-check", None, {"MIGSTAT_JOB": JOB}, (JOB, "latest-check")),
        ("latest-migrate", None, {"MIGSTAT_JOB": JOB, "MIGSTAT_TASK": TASK}, (JOB, "latest-migrate")),
        ("latest", None, {"MIGSTAT_JOB": JOB, "MIGSTAT_TASK": TASK}, (JOB, "latest")),
        (URL, None, NOTHING, (JOB, "latest")),
        (f"{URL}/tasks/{TASK}", None, NOTHING, (JOB, TASK)),
        (f"{URL}/tasks/{TASK}", TASK, NOTHING, (JOB, TASK)),
        (URL, "latest-check", NOTHING, (JOB, "latest-check")),
        (f"{URL}/tasks/{TASK}", None, {"MIGSTAT_TASK": "latest-check"}, (JOB, TASK)),
        (None, None, {"MIGSTAT_JOB": f"{URL}/tasks/{TASK}"}, (JOB, TASK)),
        (None, "latest-check", {"MIGSTAT_JOB": f"{URL}/tasks/{TASK}"}, (JOB, "latest-check")),
        (None, None, {"MIGSTAT_JOB": f"{URL}/tasks/{TASK}", "MIGSTAT_TASK": "latest-check"}, (JOB, "latest-check")),
    ],
)
def test_the_job_and_task_that_the_user_named(
    job: str | None, task: str | None, environ: dict[str, str], expected: tuple[str, str]
) -> None:
    """Words beat the environment, a URL gives its ids only, and a lone task word is the task."""
    assert target_from(job, task, environ, TaskWord.LATEST) == Target(*expected)


def test_a_command_has_its_own_default_task() -> None:
    """Without a task it is the command's default; for one about a job, a lone word is the job."""
    assert target_from(JOB, None, NOTHING, TaskWord.LATEST_MIGRATE).task == "latest-migrate"
    assert target_from("latest", None, {"MIGSTAT_JOB": JOB}, None).job_id == "latest"


@pytest.mark.parametrize(
    ("job", "task", "expected"),
    [
        (None, TASK, (JOB, TASK)),
        ("other", TASK, ("other", "latest")),
        ("other", "latest-check", ("other", "latest-check")),
    ],
)
def test_a_task_of_the_profile_belongs_to_its_job(job: str | None, task: str, expected: tuple[str, str]) -> None:
    """A task id in a profile never applies to another job, but a word such as latest-check fits every job."""
    profile = Profile(Config("c.toml", profiles={"p": {"job": JOB, "task": task}}), "p")
    assert target_from(job, None, NOTHING, TaskWord.LATEST, profile) == Target(*expected)


@pytest.mark.parametrize("job", [None, "latest", "latest-check"])
def test_a_job_must_be_named(job: str | None) -> None:
    """Without any job the error says how to give one."""
    with pytest.raises(UsageError) as raised:
        target_from(job, None, NOTHING, TaskWord.LATEST)
    assert "MIGSTAT_JOB" in raised.value.hint


@pytest.mark.parametrize(
    ("words", "source"),
    [
        (("a/b", None, NOTHING), "JOB"),
        (("https://x/jobs/a%2Fb", None, NOTHING), "JOB"),
        ((JOB, "a/b", NOTHING), "TASK"),
        ((None, None, {"MIGSTAT_JOB": "a/b"}), "MIGSTAT_JOB"),
        ((JOB, None, {"MIGSTAT_TASK": "a/b"}), "MIGSTAT_TASK"),
    ],
)
def test_an_invalid_id_is_refused_by_its_source(words: tuple[Any, Any, Any], source: str) -> None:
    """The argument or variable that contains it is named."""
    with pytest.raises(UsageError, match=f"^{source}"):
        target_from(*words, TaskWord.LATEST)


def test_a_url_and_a_word_that_name_two_tasks_contradict_each_other() -> None:
    """Both are named in the error."""
    with pytest.raises(UsageError, match=TASK) as raised:
        target_from(f"{URL}/tasks/{TASK}", "other", NOTHING, TaskWord.LATEST)
    assert "other" in raised.value.message
