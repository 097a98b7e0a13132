"""`migstat targets`: every target of the config file, one line each."""

from __future__ import annotations

from contextlib import ExitStack

from msgspec.structs import replace

from migstat.api.threads import together
from migstat.cli.context import Options, Runtime, Session, open_session, profile_for
from migstat.cli.options import ExitStatus, asks_api
from migstat.cli.output import finish, output_of
from migstat.errors import MigstatError
from migstat.model.reports import TargetRow, TargetsReport
from migstat.model.verdict import Verdict
from migstat.query.reports import target_row
from migstat.settings.keys import SETTING

FORMATS = ("table", "plain", "json", "csv")

AT_A_TIME = 3
"""Targets that are read at the same time; each sends several requests at a time."""

WORST_FIRST = (Verdict.FAILED, Verdict.RUNNING, Verdict.PENDING, Verdict.WARNING, Verdict.SUCCEEDED)


@asks_api(FORMATS)
def targets(runtime: Runtime, options: Options, exit_status: ExitStatus = False) -> int:
    """Show all targets of the config file, one line each.

    Examples:

      migstat targets

      migstat targets --exit-status --json
    """
    output = output_of(runtime, options, FORMATS)
    names = [*options.profile.config.targets]
    if not names:
        runtime.streams.tell("migstat: no targets. Add one: migstat config set targets.NAME.job JOB")

    def row(name: str) -> TargetRow:
        session = opened[name]
        return TargetRow(name, error=session) if isinstance(session, MigstatError) else target_row(session, name)

    with ExitStack() as stack:
        shared = _sharing(runtime, options, len(names))
        # Sessions are opened one by one: a keyring, or a person at `--token-file -`, cannot answer several at once.
        opened = {name: _opened(stack, shared, options, name) for name in names}
        rows = together(row, names, AT_A_TIME)
    report = TargetsReport(int(runtime.now() * 1000), tuple(rows))
    verdicts = {row.snapshot.verdict for row in rows if row.snapshot}
    worst = next((verdict for verdict in WORST_FIRST if verdict in verdicts), Verdict.SUCCEEDED)
    return finish(runtime, output, report, worst if exit_status else None)


def _sharing(runtime: Runtime, options: Options, count: int) -> Runtime:
    """A runtime whose rate limit is divided by `count`, as each session has a budget of its own."""
    setting = SETTING["rate_limit"]
    own = options.profile.get(setting.name)
    limit = runtime.environ.get(setting.variable) or (own[0] if own else setting.default) or ""
    if count < 2 or not limit.isdecimal():
        return runtime
    return replace(runtime, environ={**runtime.environ, setting.variable: str(max(int(limit) // count, 1))})


def _opened(stack: ExitStack, runtime: Runtime, options: Options, name: str) -> Session | MigstatError:
    """A session about a target with the profile that it names, or why there is none."""
    try:
        profile = options.profile
        own = profile.config.targets[name].get("profile")
        if own not in (None, profile.name):
            profile = profile_for(runtime, own, name)
        return stack.enter_context(open_session(runtime, replace(options, profile=profile), job=name))
    except MigstatError as error:
        return error
