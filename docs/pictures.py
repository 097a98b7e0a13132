"""Makes the pictures of the README from the simulator: `TZ=UTC python docs/pictures.py [FOLDER]`.

Time stands still at one instant, so that the same program always makes the same pictures.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from migstat.cli.app import run
from migstat.cli.commands.simulate import variables_of
from migstat.cli.context import Options, Request, Runtime, session
from migstat.cli.streams import Streams
from migstat.follow.deadline import Deadline
from migstat.follow.watch import Plan, Watch, paced
from migstat.model.events import Changed
from migstat.render.drawing import picture as drawn_picture
from migstat.render.live import digest, frame, log_line
from migstat.render.parts import Canvas
from migstat.render.theme import UNICODE
from migstat.simulator.scenarios import build
from migstat.simulator.server import serve

SUNDAY = 1_793_496_360.0
"""The small hours of 2026-11-01, in epoch seconds."""

PICTURES = {
    "status.svg": ("cutover", 0.55, ["status"]),
    "checks.svg": ("failing", 1.01, ["checks"]),
}
"""File to scenario, how much of it is over, and command."""


WATCH = "watch.svg"
POLLS = 14


def picture(folder: Path, name: str) -> None:
    """Make one picture of a report. Raises RuntimeError where the command fails."""
    scenario_name, over, words = PICTURES[name]
    scenario = build(scenario_name)
    with serve(scenario, head_start=scenario.duration * over, clock=lambda: SUNDAY) as server:
        runtime = Runtime(variables_of(server), Streams(io.StringIO(), sys.stderr), now=lambda: SUNDAY)
        if run([*words, "--export", str(folder / name)], runtime) != 0:
            raise RuntimeError(f"{name} could not be made")


def picture_of_watch(folder: Path) -> None:
    """Make the picture of a watch after some polls, its clock moved on by its own pauses."""
    now = [SUNDAY]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    def clock() -> float:
        return now[0]

    scenario = build("projects-failing")
    with serve(scenario, speed=1.0, head_start=scenario.duration * 0.62, clock=clock, rate_limit=None) as server:
        runtime = Runtime(variables_of(server), Streams(io.StringIO(), sys.stderr), now=clock, clock=clock, sleep=sleep)
        with session(runtime, Options(), Request(None)) as asked:
            watch = Watch(asked, Plan(interval=30.0), Deadline(clock, sleep, None), now=clock, share=lambda: 0.5)
            changes = []
            for event in paced(watch.events(), sleep):
                if isinstance(event, Changed):
                    changes.append(event)
                if clock() - SUNDAY >= POLLS * 30.0 and watch.view.snapshot is not None:
                    break
            at = int(now[0] * 1000)
            known = digest(watch.view)
            log = [line for line in map(log_line, changes) if line is not None]
            shown = frame(known, log, at, Canvas(100, UNICODE), 30)
    (folder / WATCH).write_text(drawn_picture(shown, 100), encoding="utf-8")


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for each in PICTURES:
        picture(where, each)
    picture_of_watch(where)
