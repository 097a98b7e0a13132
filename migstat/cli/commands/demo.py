"""`migstat demo`: any command against the built-in simulator, in one process."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from migstat.cli.commands.simulate import DEFAULT_SPEED, checked_speed, scenario_of, variables_of
from migstat.cli.context import Demo, Runtime
from migstat.cli.options import wants_json
from migstat.errors import UsageError
from migstat.model.exit_codes import Exit
from migstat.settings.keys import TERMINAL_VARIABLES
from migstat.settings.values import UNLIMITED, refuse_empty
from migstat.simulator.scenario import Scenario

if TYPE_CHECKING:
    from migstat.simulator.server import Server

REFUSED = ("demo", "simulate", "auth", "config")
UNDER_WAY = 0.55
"""Share of the scenario that has passed when a demo begins, so that there is something to see."""

SETTLED = 300.0
"""Scenario seconds after the end after which a migration that never began is believed to have failed."""

WATCHED_FOR = 24.0
"""Seconds in which a demo's watch shows the rest of the scenario."""

POLLED_OFTEN = 'default_profile = "demo"\n[profiles.demo]\ninterval = "1s"\n'
LABEL = "Demo: a simulated migration; nothing is sent anywhere."
NEXT = "migstat demo projects, migstat demo --scenario flaky"


def demo(
    ctx: typer.Context,
    scenario: Annotated[
        str | None,
        typer.Option("--scenario", metavar="NAME", help="Migration to simulate; 'migstat simulate -h' lists them."),
    ] = None,
    speed: Annotated[
        float | None, typer.Option("--speed", metavar="X", help="Speed of the migration and its clock.")
    ] = None,
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[COMMAND ...]", help="A command that reads a migration; watch by default."),
    ] = None,
) -> int:
    """Run a command against a simulated migration.

    Examples:

      migstat demo

      migstat demo projects

      migstat demo timeline

      migstat demo --scenario failing checks --details

      migstat demo targets

    Your settings and credentials are not read.
    """
    from migstat.simulator.server import serve

    runtime: Runtime = ctx.obj
    words = command or ["watch"]
    watches = words[0] == "watch"
    if words[0] in REFUSED:
        raise UsageError(f"{words[0]} has no demo: it does not read a migration", "Try: migstat demo projects")
    usual = {"targets": "waves", "timeline": "projects-failing"}.get(words[0], "cutover")
    scripted = _labelled(scenario_of(usual if scenario is None else refuse_empty(scenario, "--scenario")))
    begin = scripted.duration + SETTLED if scripted.name == "failing" else scripted.duration * UNDER_WAY
    left = scripted.duration - begin
    pace = left / WATCHED_FOR if watches and left > 0 else DEFAULT_SPEED
    pace = pace if speed is None else checked_speed(speed)
    started = runtime.now()

    def now() -> float:
        # The command's clock runs with the work, or an hour of it would look like twenty seconds. Pauses stay real.
        return started + (runtime.now() - started) * pace

    with (
        serve(scripted, speed=1.0, head_start=begin, clock=now, rate_limit=None) as server,
        tempfile.TemporaryDirectory(prefix="migstat-demo-") as folder,
    ):
        if words[0] == "timeline":
            words = _with_records(ctx, words, scripted, Path(folder))
        environ = _sealed_environ(runtime.environ, server, Path(folder, "config.toml"))
        program = "migstat demo" + (f" --scenario {scenario}" if scenario else "")
        rehearsal = replace(runtime, environ=environ, now=now, demo=Demo(program, LABEL, runtime.environ, pace))
        tells = not wants_json(words, rehearsal)  # or standard error could not be read as JSON
        if tells and watches:
            runtime.streams.tell(LABEL)
        code: int = ctx.find_root().command.main(words, "migstat demo", standalone_mode=False, obj=rehearsal)
    if tells and not watches:
        runtime.streams.tell(LABEL)
    if tells and watches and code in (Exit.OK, Exit.FAILED):
        runtime.streams.tell(f"Next: {f'{program} status' if scenario else NEXT}, migstat auth login")
    return code


def _sealed_environ(outside: Mapping[str, str], server: Server, config: Path) -> dict[str, str]:
    """The environment of the command: only the user's terminal variables, and a config file of the demo's own."""
    sections = (f'[targets.{name}]\njob = "{job_id}"\n' for name, job_id in sorted(server.job_ids.items()))
    config.write_text(POLLED_OFTEN + "".join(sections), encoding="utf-8")
    environ = {name: outside[name] for name in TERMINAL_VARIABLES if name in outside}
    return environ | variables_of(server) | {"MIGSTAT_RATE_LIMIT": UNLIMITED, "MIGSTAT_CONFIG": str(config)}


def _with_records(ctx: typer.Context, words: list[str], scripted: Scenario, folder: Path) -> list[str]:
    """The words of `timeline` with a recorded night, and with its rehearsal, unless they name a file."""
    from migstat.cli.demo_nights import record_night, rehearsed, saturday_night

    timeline = ctx.find_root().command.get_command(ctx, words[0])  # type: ignore[attr-defined]
    parsed = timeline.make_context(words[0], words[1:], resilient_parsing=True).params
    if parsed["file"] is not None:
        return words
    begins, night, rehearsal = saturday_night(ctx.obj.now()), folder / "night.jsonl", folder / "rehearsal.jsonl"
    record_night(night, scripted, begins)
    if parsed["against"] is None:
        record_night(rehearsal, rehearsed(scripted), begins - 7 * 86_400, smooth=True)
        words = [*words, "--against", str(rehearsal)]
    return [*words, "--", str(night)]


def _labelled(scenario: Scenario) -> Scenario:
    """Return the scenario with jobs whose names say that they are a demo's: a live view hides the line above it."""
    job = dataclasses.replace(scenario.job, name=f"{scenario.job.name} (demo)")
    return dataclasses.replace(scenario, job=job, more=tuple(map(_labelled, scenario.more)))
