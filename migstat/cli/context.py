"""Wires settings to the client and to queries, so that no command assembles a client itself."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from migstat.api.retry import Policy, Timing, steady_clock
from migstat.cli.streams import Streams
from migstat.errors import NotFound
from migstat.model.nodes import HIDDEN_LEVELS, Level, Node, State, level_text
from migstat.query.task import TaskSession
from migstat.render.advice import Typed
from migstat.render.text import harmless
from migstat.settings.keychain import NOTICE_AFTER, Keychain
from migstat.settings.resolve import Settings, Sources
from migstat.settings.target import Target, TaskWord, target_from
from migstat.settings.values import closest_match

if TYPE_CHECKING:
    import httpx

    from migstat.api.http import Exchange


class Demo(msgspec.Struct, frozen=True):
    """A demo: the start of the commands that it suggests, its last line, and the environment for those it runs.

    Its `now` runs at the `pace` of the migration.
    """

    program: str
    label: str
    user_environ: Mapping[str, str]
    pace: float = 1.0


class Runtime(msgspec.Struct, frozen=True):
    """Everything that a run takes from the outside world. `now` is epoch seconds; `transport` is for tests.

    Without a `keychain` no keyring is used, and without a `cache` folder nothing is kept for completion. A `demo` has
    settings of its own, and options that name others are refused.
    """

    environ: Mapping[str, str]
    streams: Streams
    now: Callable[[], float] = time.time
    clock: Callable[[], float] = steady_clock
    sleep: Callable[[float], None] = time.sleep
    transport: httpx.BaseTransport | None = None
    keychain: Callable[[], Keychain] | None = None
    cache: Callable[[], str] | None = None
    demo: Demo | None = None


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a command is asked to do, apart from its own options: what to read, as whom, and how to show it.

    `format_given` is set if an option names the format. The terminal decides where `columns` is None. `ascii_only`: the
    terminal shows nothing else, or its stream cannot encode it. `dumb`: its cursor cannot be moved. `verbose`: requests
    are logged, and people see the ids of job and task. `exports` are the files of `--export`.
    """

    sources: Sources
    typed: Typed = Typed()
    format: str = "plain"
    format_given: bool = False
    color: bool = False
    columns: int | None = None
    ascii_only: bool = False
    dumb: bool = False
    verbose: bool = False
    exports: tuple[Path, ...] = ()


class Session(TaskSession):
    """One command's job and task, the client that answers about them, and the notices about slow steps.

    With `-v` a person sees every request, else on a terminal what is being waited for. `watching` is the patience of a
    watch, which has notices only if it has a view to show them in. At `ends_at`, a reading of the clock, a request
    under way is abandoned; `runtime.sleep` then has to raise what ends the command.
    """

    def __init__(
        self,
        runtime: Runtime,
        options: Options,
        target: Target,
        settings: Settings,
        *,
        watching: Policy | None = None,
        ends_at: float = math.inf,
        keep_raw: bool = False,
    ) -> None:
        from migstat.api.endpoints import Api  # loads httpx, which help and usage errors need not wait for
        from migstat.api.http import Observers
        from migstat.cli.memory import Memory
        from migstat.completion.seen import FOLDER, file_of

        self._runtime = runtime
        self._verbose = options.verbose
        # A notice erases its line, and would tear those of `-v`.
        self._silent = options.verbose or (watching is not None and runtime.streams.on_notice is None)
        self._quiet_since = runtime.clock()
        self._totals: dict[Level, int] = {}
        folder = f"{runtime.cache()}/{FOLDER}" if runtime.cache and not runtime.demo else None
        self.memory = Memory(file_of(folder, target.job_id) if folder else None)
        observers = Observers(
            exchanged=self._exchanged if options.verbose else None,
            waiting=self._waiting,
            pending=self._pending,
            answered=self.memory.answered,
        )
        timing = Timing(runtime.clock, runtime.sleep, now=runtime.now, ends_at=ends_at)
        api = Api(settings, timing, policy=watching, observers=observers, transport=runtime.transport)
        super().__init__(api, target, runtime.now, settings.rate_limit, keep_raw=keep_raw)

    def reading(self, level: Level, seen: Mapping[str, Node]) -> None:
        """Show how many children of a level were read, and of how many if the job names them."""
        if not self._silent and self._runtime.clock() - self._quiet_since >= NOTICE_AFTER:
            hidden, job = level in HIDDEN_LEVELS, self.known_job
            if job and level not in self._totals:  # keys are counted once: a job may name 100,000, on 5,000 pages
                self._totals[level] = len(job.included_keys(level[-1])) if hidden else 0
            total = self._totals.get(level, 0)
            of = f" of {total}" if total >= len(seen) else ""
            name = level[-1] if hidden else harmless(level_text(level))
            self._runtime.streams.notice(f"reading {name}: {len(seen)}{of}")

    def _exchanged(self, exchange: Exchange) -> None:
        page = f" page {exchange.page}" if exchange.page > 1 else ""
        line = f"GET {exchange.path} {exchange.result} {exchange.seconds * 1000:.0f} ms{page}"
        self._runtime.streams.tell(harmless(line))

    def _waiting(self, seconds: float, reason: str) -> None:
        text = harmless(f"trying again in {seconds:.0f}s: {reason}")
        if self._verbose:
            self._runtime.streams.tell(text)
        elif not self._silent:
            self._runtime.streams.notice(text)

    def _pending(self, seconds: float) -> None:
        if seconds >= NOTICE_AFTER and not self._silent:
            self._runtime.streams.notice(f"waiting for an answer, {seconds:.0f}s")


@contextmanager
def open_session(
    runtime: Runtime,
    options: Options,
    *,
    default_task: TaskWord | None = TaskWord.LATEST,
    sharing: int = 1,
    watching: Policy | None = None,
    ends_at: float = math.inf,
    keep_raw: bool = False,
) -> Iterator[Session]:
    """An open session about a job and task, as the user typed them; `default_task` None is for commands about a job.

    As many as are `sharing` the rate limit get an equal part of it. Everything wrong with words or settings is reported
    before any request. See also `Session`.
    """
    typed, profile = options.typed, options.sources.profile
    target = target_from(typed.job, typed.task, runtime.environ, default_task=default_task, profile=profile)
    settings = options.sources.open()
    if settings.rate_limit is not None:
        settings = replace(settings, rate_limit=max(settings.rate_limit // sharing, 1))
    for warning in settings.token.warnings:
        runtime.streams.warn(warning)
    try:
        session = Session(runtime, options, target, settings, watching=watching, ends_at=ends_at, keep_raw=keep_raw)
        with closing(session.api):
            try:
                yield session
            finally:  # after an error, too: what was seen until then completes the next attempt
                runtime.streams.clear_notice()
                session.memory.close()
    except NotFound as error:
        if error.status is None:  # not a 404: job and task exist, only a level or a name below them does not
            raise
        hint = _hint_at_words(
            error, options, target=target, environ=runtime.environ, takes_task=default_task is not None
        )
        raise NotFound(error.message, hint) from error


def _hint_at_words(
    error: NotFound, options: Options, *, target: Target, environ: Mapping[str, str], takes_task: bool
) -> str:
    """What the words for a job or task that does not exist may have meant, or else the error's own hint."""
    job, task, profile = options.typed.job, options.typed.task, options.sources.profile
    targets = profile.config.targets
    typed = task or job
    if typed in frozenset(State):
        return f"To filter, use --state: migstat projects --state {typed}"
    if word := closest_match(typed, [*TaskWord], cutoff=0.8):
        return f"Did you mean {word}?"
    named = target.job_id in (job, environ.get("MIGSTAT_JOB"))
    if named and (meant := closest_match(target.job_id, targets)):
        return f"Did you mean the target {meant}?"
    # A lone word is the job, though with a job set it may be one of the ids that `tasks` lists.
    usual = environ.get("MIGSTAT_JOB") or next(iter(profile.get("job") or ()), None)
    if takes_task and task is None and job == target.job_id and usual not in (None, job):
        return f"If it is a task id, give the job before it: JOB {job}"
    return f"{error.hint} Targets: {', '.join(sorted(targets))}." if named and targets else error.hint
