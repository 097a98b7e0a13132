"""The migration API from Python, for notebooks and schedulers: everything the command line reads, as frozen types.

    from migstat import Client, watch

    with Client(email="you@example.com", token=token) as client:
        print(client.status("3f2a9c14-8f0e-4f0b-9a55-0c6a1d2e7b90").verdict)

Nothing here prints or exits. Errors are MigstatErrors with a `message` and a `hint` for people.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Generator, Sequence
from functools import partial
from os import PathLike, fspath
from typing import Literal, Self

from msgspec.structs import replace

from migstat.api.endpoints import Api
from migstat.api.retry import Timing, steady_clock
from migstat.errors import CredentialsError, Incomplete, MigstatError, UsageError
from migstat.follow.deadline import WATCH_POLICY, Deadline
from migstat.follow.watch import Plan, Watch
from migstat.model.events import Event, Resumed, Waiting
from migstat.model.nodes import Job, Task
from migstat.model.reports import ChecksReport, ProjectsReport
from migstat.model.verdict import Snapshot, Until
from migstat.query.reports import checks_report, projects_report, status_report, tasks_report
from migstat.query.task import TaskSession
from migstat.query.tree import ALL
from migstat.settings.credentials import MAX_TOKEN_LENGTH, token_of
from migstat.settings.keychain import Keychain
from migstat.settings.resolve import (
    Flags,
    Settings,
    Sources,
    process_environ,
    profile_from,
)
from migstat.settings.target import TaskWord, level_from, target_from
from migstat.settings.values import (
    DEFAULT_BASE_URL,
    DEFAULT_RATE_LIMIT,
    DEFAULT_REQUEST_TIMEOUT,
    MAX_DURATION,
    MAX_REQUEST_TIMEOUT,
    UNLIMITED,
    refuse_empty,
)
from migstat.settings.values import email as parse_email


class Client:
    """The migration API of one account. Thread-safe; close it, or use it as a context manager.

    `email` and `token` are those of a site or organization admin of the destination. `request_timeout` is in seconds,
    `rate_limit` in requests per 60 s (None means no limit, for loopback addresses only), `ca_bundle` a file of further
    certificate authorities. Raises UsageError and CredentialsError for invalid values.

    In every method `job` is an id, an API URL that contains it, or a target of the config file; `task` is an id,
    "latest", "latest-check" or "latest-migrate". If they are None, a client made `from_environment` takes those of
    the environment or profile, and else the latest task. Every method raises ApiError if the API refuses, fails or does
    not answer; each request is retried for 20 seconds.
    """

    def __init__(
        self,
        *,
        email: str,
        token: str,
        base_url: str = DEFAULT_BASE_URL,
        request_timeout: float = DEFAULT_REQUEST_TIMEOUT,
        rate_limit: int | None = DEFAULT_RATE_LIMIT,
        ca_bundle: str | PathLike[str] | None = None,
    ) -> None:
        if isinstance(ca_bundle, PathLike):
            ca_bundle = fspath(ca_bundle)
        flags = Flags(
            base_url=_text(base_url, "base_url"),
            rate_limit=UNLIMITED if rate_limit is None else str(rate_limit),
            ca_bundle=None if ca_bundle is None else _text(ca_bundle, "ca_bundle"),
        )
        settings = replace(
            _Arguments(flags).settings(),
            request_timeout=_seconds(request_timeout, "request_timeout", MAX_REQUEST_TIMEOUT),
            email=parse_email(_text(email, "email", CredentialsError), "email"),
            token=token_of(_text(token, "token", CredentialsError), "token"),
        )
        self._open(Sources({}), settings, named=True)

    @classmethod
    def from_environment(cls, profile: str | None = None) -> Self:
        """A client with the settings of the command line: environment, profile and keyring, in this order.

        `profile` is a section of the config file, by default the one that the command line would use. Its warnings
        become UserWarnings.
        """
        environ = process_environ()
        chosen = profile_from(None if profile is None else _text(profile, "profile"), None, environ)
        sources = Sources(
            {},
            environ,
            profile=chosen,
            stdin=lambda: sys.stdin.read(MAX_TOKEN_LENGTH) if sys.stdin else "",
            keychain=partial(Keychain.of_user, environ),
        )
        settings = sources.open()
        for text in dict.fromkeys((*chosen.config.warnings, *settings.token.warnings)):
            warnings.warn(text, stacklevel=2)
        client = cls.__new__(cls)
        named = bool(profile or environ.get("MIGSTAT_PROFILE"))
        client._open(sources, settings, named=named)  # noqa: SLF001  its own
        return client

    def _open(self, sources: Sources, settings: Settings, *, named: bool) -> None:
        self._sources = sources
        self._settings = settings
        self._named = named
        self._api = Api(settings, Timing(steady_clock, time.sleep))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client(email={self._settings.email!r}, base_url={self._settings.base_url!r})"

    def close(self) -> None:
        """Close all connections."""
        self._api.close()

    def status(
        self,
        job: str | None = None,
        task: str | None = None,
        *,
        level: str | Sequence[str] = (),
        depth: int | Literal["all"] | None = None,
    ) -> Snapshot:
        """A task and its verdict, or the node of a `level` such as "check,AppVendorCheck", and `depth` levels below it.

        Without a depth, as much as `migstat status` shows. Raises NotFound for an unknown level.
        """
        if not isinstance(level, str | None):
            if not isinstance(level, Sequence) or not all(isinstance(name, str) for name in level):
                raise UsageError(f"level: invalid value: {level!r}", "Use a string, or a list of names.")
            level = ",".join(level)
        names = level_from(level, "level") if level else ()
        if depth is not None and depth != "all" and not isinstance(depth, int):
            raise UsageError(f"depth: invalid value: {depth!r}", "Use a whole number, or 'all'.")
        extent = ALL if depth == "all" else None if depth is None else max(0, depth)
        return status_report(self._session(job, task, TaskWord.LATEST), names, extent, judged=True).snapshot

    def checks(self, job: str | None = None, task: str | None = None) -> ChecksReport:
        """The pre-flight checks of a task, problems first."""
        return checks_report(self._session(job, task, TaskWord.LATEST))

    def projects(self, job: str | None = None, task: str | None = None) -> ProjectsReport:
        """The projects or spaces of a task, problems first; by default of the latest migrate task.

        Those of the job's scope that are not reported yet are `missing` in its snapshot. Raises NotFound for a check
        task.
        """
        return projects_report(self._session(job, task, TaskWord.LATEST_MIGRATE))

    def tasks(self, job: str | None = None) -> tuple[Task, ...]:
        """The runs of a job, newest first. Raises Incomplete if some of them cannot be read."""
        report = tasks_report(self._session(job, None, None))
        if report.flaws:
            raise Incomplete(f"could not be read: {report.flaws[0]}")
        return tuple(run.task for run in report.runs)

    def job(self, job: str | None = None) -> Job:
        """The definition of a job."""
        return self._session(job, None, None).job

    def _session(
        self,
        job: str | None,
        task: str | None,
        default: TaskWord | None,
        watching: Deadline | None = None,
    ) -> TaskSession:
        """A session for these, as patient as a watch if there is a deadline. Raises UsageError."""
        for name, word in (("job", job), ("task", task)):
            if not isinstance(word, str | None):
                raise UsageError(f"{name}: invalid id: {word!r}", "Ids are strings.")
        profile = self._sources.profile
        target = target_from(job, task, self._sources.environ, default_task=default, profile=profile)
        # the target's account is another one: this token must not go to its site unless the caller chose the profile
        wanted = profile.config.targets.get(job or "", {}).get("profile")
        if wanted not in (None, profile.name) and not self._named:
            raise UsageError(
                f"target {job} belongs to profile {wanted}, but this client uses {profile.name or 'none'}",
                f"Use Client.from_environment({wanted!r}).",
            )
        api = self._api
        if watching is not None:
            api = api.with_policy(WATCH_POLICY, watching.sleep, watching.ends_at)
        return TaskSession(api, target, time.time, self._settings.rate_limit)


def watch(
    client: Client,
    job: str | None = None,
    task: str | None = None,
    *,
    interval: float = 10.0,
    until: Until | Literal["done", "core", "checks"] = Until.DONE,
    timeout: float | None = None,
    stall_after: float = 900.0,
    fail_fast: bool = False,
    strict: bool = False,
) -> Generator[Event, None, None]:
    """Follow a task until it ends, through any outage: events as they happen, the last an Ended.

    The Ended holds the verdict and the exit code of `migstat watch`. Polls are `interval` seconds apart, or more if the
    request limit demands it. `until` says what to wait for ("core" is all but apps). After `timeout` seconds the watch
    ends with End.TIMEOUT. A running node without progress for `stall_after` seconds is reported. `fail_fast` ends the
    watch on the first failure; with `strict` a WARNING is one. The generator may be closed at any time.

    Raises UsageError for invalid values at once, and ApiError while it runs if waiting cannot help.
    """
    if not isinstance(until, str) or until not in frozenset(Until):
        raise UsageError(f"until: invalid value {until!r}", f"Choose from {', '.join(Until)}.")
    plan = Plan(
        interval=_seconds(interval, "interval"),
        stall_after=_seconds(stall_after, "stall_after"),
        until=Until(until),
        fail_fast=fail_fast,
        strict=strict,
    )
    ends_after = None if timeout is None else _seconds(timeout, "timeout")
    deadline = Deadline(steady_clock, time.sleep, ends_after)
    session = client._session(job, task, TaskWord.LATEST, deadline)  # noqa: SLF001  a part of it
    return (event for event in Watch(session, plan, deadline).events() if not isinstance(event, Waiting | Resumed))


class _Arguments(Sources, frozen=True):
    """The arguments of `Client`, so that errors use its own parameter names."""

    def get(self, key: str) -> tuple[str, str] | None:
        value = self.flags.get(key)
        return None if value is None else (refuse_empty(value, key), key)


def _text(value: object, name: str, error: type[MigstatError] = UsageError) -> str:
    """The argument, which may be None where a variable is not set. The message does not show it: it may be a secret."""
    if not isinstance(value, str):
        raise error(f"{name}: not a string, but {type(value).__name__}", "Is the variable that it comes from set?")
    return value


def _seconds(value: float, name: str, longest: float = MAX_DURATION) -> float:
    if not isinstance(value, int | float) or not 0 < value <= longest:
        hint = f"Use seconds, above 0 and at most {longest / 86_400:g} days."
        raise UsageError(f"{name}: invalid duration: {value!r}", hint)
    return float(value)
