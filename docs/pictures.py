"""Makes the pictures of the README from the simulator: `TZ=UTC python docs/pictures.py [FOLDER]`.

Time stands still at one instant, so that the same program always makes the same pictures.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from migstat.cli.app import run
from migstat.cli.context import Runtime
from migstat.cli.streams import Streams
from migstat.simulator.scenarios import build
from migstat.simulator.server import serve

SUNDAY = 1_793_496_360.0
"""The small hours of 2026-11-01, in epoch seconds."""

PICTURES = {
    "status.svg": ("cutover", 0.55, ["status"]),
    "checks.svg": ("failing", 1.01, ["checks"]),
    "projects.svg": ("projects-failing", 0.93, ["projects", "--outcome", "failed,incomplete,warning"]),
}
"""File to scenario, how much of it is over, and command."""


def picture(folder: Path, name: str) -> None:
    """Make one picture. Raises RuntimeError where the command fails."""
    scenario_name, over, words = PICTURES[name]
    scenario = build(scenario_name)
    with serve(scenario, head_start=scenario.duration * over, clock=lambda: SUNDAY) as server:
        environ = {
            "MIGSTAT_BASE_URL": server.base_url,
            "MIGSTAT_EMAIL": server.email,
            "MIGSTAT_TOKEN": server.token,
            "MIGSTAT_JOB": server.job_id,
        }
        runtime = Runtime(environ, Streams(io.StringIO(), sys.stderr), now=lambda: SUNDAY)
        if run([*words, "--export", str(folder / name)], runtime) != 0:
            raise RuntimeError(f"{name} could not be made")


if __name__ == "__main__":
    for each in PICTURES:
        picture(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent, each)
