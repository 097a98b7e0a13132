"""`migstat demo`: any command against the built-in simulator, in one process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from msgspec.structs import replace

from migstat.cli.commands.simulate import DEFAULT_SPEED, checked_speed, scenario_of, variables_of
from migstat.cli.options import runtime_of
from migstat.errors import UsageError
from migstat.settings.resolve import LOOK_VARIABLES, UNLIMITED
from migstat.simulator.scenario import Scenario

REFUSED = ("demo", "simulate", "auth", "config")
UNDER_WAY = 0.55
OVER = 1.01
"""Share of the scenario that is over when a demo begins, so that there is something to see."""

WATCHED_FOR = 20.0
"""Seconds in which the rest of a scenario is over that is watched."""

WATCH = ("watch", "--interval", "1s")


def demo(
    ctx: typer.Context,
    scenario: Annotated[
        str,
        typer.Option("--scenario", metavar="NAME", help="Which migration; `migstat simulate -h` names them."),
    ] = "cutover",
    speed: Annotated[
        float | None, typer.Option("--speed", metavar="X", help="How many times faster than real time runs.")
    ] = None,
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[COMMAND ...]", help="Any command with its options; watch where none is given."),
    ] = None,
) -> int:
    """Run any command against a simulated migration.

    Examples:

      migstat demo

      migstat demo projects

      migstat demo --scenario failing checks --details

    Reads none of your settings and none of your secrets.
    """
    from migstat.simulator.server import serve

    runtime = runtime_of(ctx)
    words = command or list(WATCH)
    if words[0] in REFUSED:
        raise UsageError(
            f"demo {words[0]}: a demo is of the commands that ask the API", "Such as migstat demo projects."
        )
    scripted = scenario_of(scenario)
    begin = _head_start(scripted)
    pace = _speed(scripted, words) if speed is None else checked_speed(speed)
    with serve(scripted, speed=pace, head_start=begin, rate_limit=None) as server:
        environ = {**_look(runtime.environ), **variables_of(server), "MIGSTAT_RATE_LIMIT": UNLIMITED}
        rehearsal = replace(runtime, environ=environ, sealed=True)
        code: int = ctx.find_root().command.main(words, "migstat demo", standalone_mode=False, obj=rehearsal)
        return code


def _look(environ: Mapping[str, str]) -> dict[str, str]:
    """What the user's environment says of the terminal, and nothing else of it."""
    return {name: environ[name] for name in LOOK_VARIABLES if name in environ}


def _head_start(scenario: Scenario) -> float:
    return scenario.duration * (OVER if scenario.name == "failing" else UNDER_WAY)


def _speed(scenario: Scenario, words: Sequence[str]) -> float:
    """Fast enough that a watch ends while somebody still looks."""
    left = scenario.duration - _head_start(scenario)
    return left / WATCHED_FOR if words[0] == "watch" and left > 0 else DEFAULT_SPEED
