"""Wires settings to client to tree, lazily and in this order. Commands never assemble a client themselves."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from migstat.cli.streams import Streams
from migstat.errors import NotFound, UsageError
from migstat.keychain import Keychain
from migstat.model import Job, Level, Millis, Page, Question
from migstat.render.text import harmless
from migstat.retry import Policy
from migstat.settings import (
    Flags,
    Look,
    Profile,
    Settings,
    job_and_task,
    look_from,
    profile_from,
    settings_from,
)
from migstat.target import Target, TaskTarget, TaskWord, likely_target, resolve, target_from
from migstat.tree import Tree
from migstat.walk import shown

if TYPE_CHECKING:
    import httpx

    from migstat.api import Api, Exchange

NOTICE_AFTER = 1.0
"""Seconds of silence after which a person is told what is being read."""


ALL_FORMATS = ("table", "tree", "plain", "json", "ndjson", "csv", "markdown")
"""The formats of `--output`; each command has some of them."""


def steady_clock() -> float:
    """Seconds that go on while the machine is suspended, where the system has such a clock."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    # the clock of that name goes on in a suspended Mac, `time.monotonic` does not
    return time.clock_gettime(time.CLOCK_MONOTONIC) if sys.platform == "darwin" else time.monotonic()


class Runtime(msgspec.Struct, frozen=True):
    """All that a run takes from the outside world. `now` is epoch seconds; `transport` is for tests.

    Without a `keychain` no keyring is asked. `sealed` is set in a demo: its settings are its own, and options that name
    others are refused.
    """

    environ: Mapping[str, str]
    streams: Streams
    now: Callable[[], float] = time.time
    clock: Callable[[], float] = steady_clock
    sleep: Callable[[float], None] = time.sleep
    transport: httpx.BaseTransport | None = None
    keychain: Keychain | None = None
    sealed: bool = False


class Options(msgspec.Struct, frozen=True):
    """The options that every command has which asks the API, and the profile in force."""

    flags: Flags = msgspec.field(default_factory=Flags)
    profile: Profile = msgspec.field(default_factory=Profile)
    output: str | None = None
    json: bool = False
    color: str = "auto"
    verbose: bool = False


class Request(msgspec.Struct, frozen=True):
    """What is asked about: the words for job and task, and the task meant where none is named.

    `default_task` None is for commands that are about a job.
    """

    job: str | None
    task: str | None = None
    default_task: TaskWord | None = TaskWord.LATEST


def look_of(runtime: Runtime, options: Options, formats: tuple[str, ...], *, header: bool = False) -> Look:
    """The format to use, out of those that the command has. Raises UsageError for contradictions."""
    if options.json and options.output not in (None, "json"):
        raise UsageError(f"--json and --output {options.output} contradict each other", "Leave one of them out.")
    flag = "json" if options.json else options.output
    look = look_from(flag, options.color, runtime.environ, _preferred(options.profile, formats))
    if look.output is not None and look.output not in formats:
        source = "--output" if flag else "MIGSTAT_OUTPUT"
        raise UsageError(f"{source}: {look.output!r} is no format of this command", f"It has {', '.join(formats)}.")
    if header and look.output not in (None, "plain"):
        raise UsageError(
            f"--header and --output {look.output} contradict each other",
            "Only plain has lines without names.",
        )
    output = look.output or ("table" if runtime.streams.out_is_terminal else "plain")
    return replace(look, output=output)


def _preferred(profile: Profile, formats: tuple[str, ...]) -> str | None:
    """The profile's format, where the command has it. Raises UsageError for one that no command has."""
    chosen = profile.get("output")
    if chosen is None:
        return None
    if chosen[0] not in ALL_FORMATS:
        raise UsageError(f"{chosen[1]}: {chosen[0]!r} is no format", f"There are {', '.join(ALL_FORMATS)}.")
    return chosen[0] if chosen[0] in formats else None


def profile_for(runtime: Runtime, flag: str | None, job: str | None) -> Profile:
    """The profile in force; a demo has none. Raises UsageError."""
    if not runtime.sealed:
        return profile_from(flag, job, runtime.environ)
    if flag is not None:
        raise UsageError("a demo has an account of its own", "Leave out --profile.")
    return Profile()


class Session:
    """One command's way to the API."""

    def __init__(
        self, runtime: Runtime, options: Options, target: Target, settings: Settings, watching: Policy | None
    ) -> None:
        self._watching = watching
        self._runtime = runtime
        self._options = options
        self._target = target
        self._settings = settings
        self._quiet_since = runtime.clock()

    @cached_property
    def api(self) -> Api:
        """The client."""
        from migstat.api import Api, Observers, Timing

        return Api(
            self._settings,
            Timing(self._runtime.clock, self._runtime.sleep, now=self._runtime.now),
            policy=self._watching,
            observers=Observers(self._log, self._waits),
            transport=self._runtime.transport,
        )

    @property
    def rate_limit(self) -> int | None:
        """Requests that may be sent in any 60 s."""
        return self._settings.rate_limit

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self._target.job_id

    @cached_property
    def task(self) -> TaskTarget:
        """The task's id, and its type where finding it told."""
        return resolve(self.api, self._target)

    @cached_property
    def job(self) -> Job:
        """The job's definition."""
        return self.api.job(self.job_id)

    @cached_property
    def tree(self) -> Tree:
        """The task's status tree."""
        return Tree(self.ask, lambda: self.job, self.task_type, self._progress)

    @cached_property
    def raw_tree(self) -> Tree:
        """The task's status tree, whose nodes keep the API's own JSON."""
        return Tree(self.ask_raw, lambda: self.job, self.task_type, self._progress)

    def ask(self, question: Question) -> Page:
        """Ask about one level of the task."""
        return self.api.status(self.job_id, self.task.task_id, question)

    def ask_raw(self, question: Question) -> Page:
        """Ask about one level of the task, and keep the API's own JSON."""
        return self.api.status(self.job_id, self.task.task_id, question, keep_raw=True)

    def now(self) -> Millis:
        """The time, in epoch milliseconds."""
        return int(self._runtime.now() * 1000)

    def task_type(self) -> str | None:
        """The task's type, asked for where finding the task did not tell."""
        return self.task.task_type or self.api.task(self.job_id, self.task.task_id).task_type

    def _log(self, exchange: Exchange) -> None:
        if self._options.verbose:
            page = f" page {exchange.page}" if exchange.page > 1 else ""
            self._runtime.streams.tell(
                harmless(f"GET {exchange.path} {exchange.result} {exchange.seconds * 1000:.0f} ms{page}")
            )

    def _waits(self, seconds: float, reason: str) -> None:
        text = harmless(f"again in {seconds:.0f} s: {reason}")
        if self._options.verbose:
            self._runtime.streams.tell(text)
        elif self._watching is None:
            self._runtime.streams.notice(text)

    def _progress(self, level: Level, count: int) -> None:
        silent = self._options.verbose or self._watching is not None
        if not silent and self._runtime.clock() - self._quiet_since >= NOTICE_AFTER:
            self._runtime.streams.notice(f"reading {harmless(shown(level))}: {count}")


@contextmanager
def session(
    runtime: Runtime, options: Options, request: Request, *, watching: Policy | None = None
) -> Iterator[Session]:
    """A session about what the user named. Everything typed is checked before anything is asked.

    `watching` is the patience of a watch, which has a picture of its own and wants no notices.
    """
    if runtime.sealed and any((options.flags.base_url, options.flags.email, options.flags.token_file)):
        raise UsageError("a demo has an account of its own", "Leave out --base-url, --email and --token-file.")
    environ = runtime.environ
    target = target_from(request.job, request.task, job_and_task(environ), request.default_task, options.profile)
    settings = settings_from(options.flags, environ, runtime.streams.stdin, options.profile, runtime.keychain)
    warn(runtime, settings.warnings)
    opened = Session(runtime, options, target, settings, watching)
    try:
        yield opened
    except NotFound as error:
        meant = likely_target(request.job, options.profile.config.targets)
        if meant is None or error.status is None:
            raise
        raise NotFound(error.message, f"Is it the target {meant}?") from error
    finally:
        runtime.streams.clear_notice()
        if "api" in vars(opened):
            opened.api.close()


def warn(runtime: Runtime, warnings: tuple[str, ...]) -> None:
    """Tell warnings on standard error."""
    for warning in warnings:
        runtime.streams.tell(f"migstat: warning: {harmless(warning)}")
