"""`migstat simulate`: the simulator as a server, to rehearse scripts against."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from migstat.cli.context import Runtime
from migstat.cli.options import runtime_of
from migstat.errors import UsageError
from migstat.simulator.scenario import Scenario

if TYPE_CHECKING:
    from migstat.simulator.server import Server

DEFAULT_SPEED = 60.0


def simulate(
    ctx: typer.Context,
    port: Annotated[int, typer.Option("--port", metavar="N", help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    scenario: Annotated[
        str, typer.Option("--scenario", metavar="NAME", help="Which migration; help names them.")
    ] = "cutover",
    speed: Annotated[
        float, typer.Option("--speed", metavar="X", help="How many times faster than real time runs.")
    ] = DEFAULT_SPEED,
) -> int:
    """Serve a simulated migration until Ctrl-C.

    Examples:

      migstat simulate

      migstat simulate --scenario failing --speed 600 --port 8765

    Scenarios: cutover, failing, projects-failing, confluence, checks, huge, flaky.
    """
    from migstat.simulator.server import serve

    runtime = runtime_of(ctx)
    scripted, speed = scenario_of(scenario), checked_speed(speed)
    if not 0 <= port <= 65535:
        raise UsageError(f"--port: {port} is no port", "Ports go from 0 to 65535; 0 takes a free one.")
    try:
        with serve(scripted, port=port, speed=speed) as server:
            runtime.streams.print_lines(f"export {name}={value}" for name, value in variables_of(server).items())
            _tell(runtime, scripted, speed, server.base_url)
            while True:
                time.sleep(3600)  # which Ctrl-C ends on Windows, too, unlike the wait for an event
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(
            f"--port: {port} cannot be used: {reason}", "Take another one, or 0 for any free one."
        ) from error
    return 0


def variables_of(server: Server) -> dict[str, str]:
    """The environment that points a command at a simulator."""
    return {
        "MIGSTAT_BASE_URL": server.base_url,
        "MIGSTAT_EMAIL": server.email,
        "MIGSTAT_TOKEN": server.token,
        "MIGSTAT_JOB": server.job_id,
    }


def scenario_of(name: str) -> Scenario:
    """The scenario of that name. Raises UsageError where there is none."""
    from migstat.simulator.scenarios import NAMES, build

    if name not in NAMES:
        raise UsageError(f"--scenario: there is no scenario {name!r}", f"There are {', '.join(NAMES)}.")
    return build(name)


def checked_speed(speed: float) -> float:
    """A speed that time can run at. Raises UsageError for others."""
    if not 0 < speed <= 1e6:
        raise UsageError(f"--speed: {speed:g} is no speed", "Give a number above 0, such as 60.")
    return speed


def _tell(runtime: Runtime, scenario: Scenario, speed: float, base_url: str) -> None:
    runtime.streams.tell(
        f"Scenario {scenario.name}, {speed:g} times faster than real: over in {scenario.duration / speed:.0f} s."
        " Ctrl-C ends the server.\n"
        f"Faults on demand: curl -X POST '{base_url}/_simulator/faults?kind=503&times=3'"
    )
