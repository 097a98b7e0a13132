"""`migstat simulate`: the simulator as a server, to rehearse scripts against."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from migstat.cli.context import Runtime
from migstat.errors import UsageError, reason
from migstat.simulator.scenario import Scenario
from migstat.simulator.scenarios import NAMES, build

if TYPE_CHECKING:
    from migstat.simulator.server import Server

DEFAULT_SPEED = 60.0


def simulate(
    ctx: typer.Context,
    port: Annotated[int, typer.Option("--port", metavar="N", help="Port on 127.0.0.1; 0 picks a free one.")] = 0,
    scenario: Annotated[
        str, typer.Option("--scenario", metavar="NAME", help=f"Migration to simulate: {', '.join(NAMES)}.")
    ] = "cutover",
    speed: Annotated[float, typer.Option("--speed", metavar="X", help="Speed of the migration.")] = DEFAULT_SPEED,
) -> int:
    """Serve a simulated migration until Ctrl-C.

    Examples:

      migstat simulate

      migstat simulate --scenario failing --speed 600 --port 8765

    Prints the environment variables that point other commands at it.
    """
    from migstat.simulator.server import serve

    runtime: Runtime = ctx.obj
    scripted, speed = scenario_of(scenario), checked_speed(speed)
    if not 0 <= port <= 65535:
        raise UsageError(f"--port: invalid port: {port}", "Use 0 to 65535; 0 picks a free one.")
    with ExitStack() as stack:
        try:
            server = stack.enter_context(serve(scripted, port=port, speed=speed))
        except OSError as error:
            hint = "Use another port, or 0 for a free one."
            raise UsageError(f"--port: cannot listen on {port}: {reason(error)}", hint) from error
        runtime.streams.print_lines(f"export {name}={value}" for name, value in variables_of(server).items())
        jobs = server.job_ids.items() if len(server.job_ids) > 1 else ()
        runtime.streams.tell(
            f"Scenario {scripted.name} at {speed:g} times real speed: over in {scripted.duration / speed:.0f} s."
            " Ctrl-C stops the server.\n"
            + "".join(f"Job of {name}: {job_id}\n" for name, job_id in jobs)
            + f"Cause faults: curl -X POST '{server.base_url}/_simulator/faults?kind=503&times=3'"
        )
        try:
            while True:
                time.sleep(3600)  # unlike waiting for an event, Ctrl-C interrupts this on Windows, too
        except KeyboardInterrupt as interrupt:  # the normal end, of which nothing needs to be said
            return 128 + (interrupt.args[0] if interrupt.args else signal.SIGINT)


def variables_of(server: Server) -> dict[str, str]:
    """The environment that points a command at a simulator."""
    return {
        "MIGSTAT_BASE_URL": server.base_url,
        "MIGSTAT_EMAIL": server.email,
        "MIGSTAT_TOKEN": server.token,
        "MIGSTAT_JOB": server.job_id,
    }


def scenario_of(name: str) -> Scenario:
    """The scenario of that name. Raises UsageError for unknown names."""
    if name not in NAMES:
        raise UsageError(f"--scenario: unknown scenario: {name!r}", f"Choose from {', '.join(NAMES)}.")
    return build(name)


def checked_speed(speed: float) -> float:
    """The speed, if time can pass at it. Raises UsageError for others."""
    if not 0 < speed <= 1e6:
        raise UsageError(f"--speed: invalid speed: {speed:g}", "Use a number above 0, such as 60.")
    return speed
