"""Makes the pictures of the README from the simulator: `TZ=UTC python docs/pictures.py [FOLDER]`.

Time stands still at one instant, so that the same program always makes the same pictures.
"""

from __future__ import annotations

import io
import random
import sys
import tempfile
from pathlib import Path

from msgspec.structs import replace
from rich.console import RenderableType

from migstat.cli.app import run
from migstat.cli.commands.simulate import variables_of
from migstat.cli.context import Options, Runtime, open_session
from migstat.cli.demo_nights import record_night, rehearsed
from migstat.cli.streams import Streams
from migstat.follow.deadline import WATCH_POLICY, Deadline
from migstat.follow.night import night_in
from migstat.follow.watch import Plan, Watch
from migstat.model.events import Ended, Resumed, Waiting
from migstat.model.nights import timeline_report
from migstat.render.drawing import Canvas
from migstat.render.drawing import picture as drawn_picture
from migstat.render.ending import WatchResult, ending
from migstat.render.live import frame
from migstat.render.log import LogLine, log_line
from migstat.render.sorted_view import sorted_view
from migstat.render.theme import UNICODE
from migstat.render.timeline import timeline_view
from migstat.settings.resolve import Sources
from migstat.simulator.scenarios import build
from migstat.simulator.server import serve

SUNDAY = 1_793_496_360.0
"""The small hours of 2026-11-01, in epoch seconds."""

PICTURES = {
    "status.svg": ("cutover", 0.55, ["status"]),
    "checks.svg": ("failing", 1.01, ["checks"]),
}
"""File to scenario, how much of it is over, and command."""


WEEK = 7 * 86_400
"""Seconds between the rehearsal and the night."""

POLLED_FOR = 420.0
"""Seconds after which the watch is drawn; then nothing answers for a while."""

OUTAGE = 45.0

WINDOW = Canvas(100, UNICODE)
LINES = 30


def picture(folder: Path, name: str) -> None:
    """Make one picture of a report. Raises RuntimeError where the command fails."""
    scenario_name, over, words = PICTURES[name]
    scenario = build(scenario_name)
    with serve(scenario, head_start=scenario.duration * over, clock=lambda: SUNDAY) as server:
        runtime = Runtime(variables_of(server), Streams(io.StringIO(), sys.stderr), now=lambda: SUNDAY)
        if run([*words, "--export", str(folder / name)], runtime) != 0:
            raise RuntimeError(f"{name} could not be made")


def pictures_of_watch(folder: Path) -> None:
    """Make pictures of a watch: under way, in an outage, and of its end. Its clock is moved on by its own pauses."""
    random.seed(1)  # of the pauses between attempts
    now = [SUNDAY]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    def clock() -> float:
        return now[0]

    def keep(name: str, shown: RenderableType) -> None:
        (folder / name).write_text(drawn_picture(shown, WINDOW.width), encoding="utf-8")

    scenario = build("projects-failing")
    with serve(scenario, speed=1.0, head_start=scenario.duration * 0.62, clock=clock, rate_limit=None) as server:
        runtime = Runtime(variables_of(server), Streams(io.StringIO(), sys.stderr), now=clock, clock=clock, sleep=sleep)
        with open_session(runtime, Options(sources=Sources({}, runtime.environ)), watching=WATCH_POLICY) as asked:
            watch = Watch(asked, Plan(interval=30.0), Deadline(clock, sleep, None), share=lambda: 0.5)
            log, name = list[LogLine](), "watch.svg"
            for event in watch.events():
                if isinstance(event, Ended):
                    keep("end.svg", ending(WatchResult(ended=event, view=watch.view), WINDOW))
                elif not isinstance(event, Waiting):
                    line = None if isinstance(event, Resumed) else log_line(event)
                    log += [line] if line is not None else []
                elif clock() - SUNDAY >= POLLED_FOR:
                    outage = event.view.outage
                    if name == "watch.svg" or (outage is not None and event.at - outage.since > OUTAGE * 1000):
                        keep(name, frame(sorted_view(event.view), log, event.at, replace(WINDOW, height=LINES)))
                        server.faults.clear()
                    if name == "watch.svg":
                        server.faults.add("503", 100_000)
                        name = "outage.svg"


def picture_of_night(folder: Path) -> None:
    """Make a picture of a whole night beside its rehearsal."""
    with tempfile.TemporaryDirectory() as records:
        night, rehearsal = Path(records, "night.jsonl"), Path(records, "rehearsal.jsonl")
        scenario = build("projects-failing")
        record_night(night, scenario, SUNDAY - 9000)
        record_night(rehearsal, rehearsed(scenario), SUNDAY - 9000 - WEEK, smooth=True)
        report = timeline_report(night_in(night), night_in(rehearsal))
    shown = timeline_view(report, replace(WINDOW, height=32))
    (folder / "timeline.svg").write_text(drawn_picture(shown, WINDOW.width), encoding="utf-8")


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for each in PICTURES:
        picture(where, each)
    picture_of_night(where)
    pictures_of_watch(where)
