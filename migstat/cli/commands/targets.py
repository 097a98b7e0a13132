"""`migstat targets`: every target of the config file, one line each."""

from __future__ import annotations

from contextlib import ExitStack

from msgspec.structs import replace

from migstat.api.threads import together
from migstat.cli.context import Options, Runtime, Session, open_session
from migstat.cli.options import ExitStatus, shared_options
from migstat.cli.output import finish
from migstat.errors import MigstatError
from migstat.model.reports import TargetRow, TargetsReport
from migstat.model.verdict import Verdict
from migstat.query.reports import target_row
from migstat.render.advice import Typed
from migstat.settings.resolve import profile_from

FORMATS = ("table", "plain", "json", "csv")

AT_A_TIME = 3
"""Targets that are read at the same time; each sends several requests at a time."""

WORST_FIRST = (Verdict.FAILED, Verdict.RUNNING, Verdict.PENDING, Verdict.WARNING, Verdict.SUCCEEDED)


@shared_options(FORMATS)
def targets(runtime: Runtime, options: Options, exit_status: ExitStatus = False) -> int:
    """Show all targets of the config file, one line each.

    Examples:

      migstat targets

      migstat targets --exit-status --json
    """
    names = [*options.sources.profile.config.targets]
    if not names:
        runtime.streams.tell("migstat: no targets. Add one: migstat config set targets.NAME.job JOB")

    def row(name: str) -> TargetRow:
        session = opened[name]
        return TargetRow(name, error=session) if isinstance(session, MigstatError) else target_row(session, name)

    with ExitStack() as stack:
        # Sessions are opened one by one: a keyring, or a person at `--token-file -`, cannot answer several at once.
        opened = {name: _opened(stack, runtime, options, name) for name in names}
        rows = together(row, names, AT_A_TIME)
    report = TargetsReport(int(runtime.now() * 1000), tuple(rows))
    verdicts = {row.snapshot.verdict for row in rows if row.snapshot}
    worst = next((verdict for verdict in WORST_FIRST if verdict in verdicts), Verdict.SUCCEEDED)
    return finish(runtime, options, report, worst if exit_status else None)


def _opened(stack: ExitStack, runtime: Runtime, options: Options, name: str) -> Session | MigstatError:
    """A session about a target with the profile that it names, or why there is none."""
    profile = options.sources.profile
    config = profile.config
    try:
        if "profile" in config.targets[name]:  # whatever option and environment say
            profile = profile_from(None, name, {}, config=config)
        about = replace(options, sources=replace(options.sources, profile=profile), typed=Typed(name))
        # Each session has a budget of its own.
        return stack.enter_context(open_session(runtime, about, sharing=len(config.targets)))
    except MigstatError as error:
        return error
