"""Every scenario as a person sees it: `TZ=UTC python -m tests.render.nights` writes the screens in tests/screens anew.

A night is watched in simulated time, with an outage of two minutes in its second half.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import httpx
import msgspec
from rich.console import RenderableType

from migstat.follow.watch import Plan
from migstat.model.events import Changed, End, Ended, Resumed, View, Waiting
from migstat.model.nodes import Millis, State
from migstat.render.drawing import Canvas, drawn
from migstat.render.ending import WatchResult, ending
from migstat.render.live import frame
from migstat.render.log import LogLine, log_line
from migstat.render.sorted_view import sorted_view
from migstat.render.theme import UNICODE
from migstat.simulator.scenario import Scenario
from migstat.simulator.scenarios import build
from tests.watching import EPOCH, SimulatedWatch

FOLDER = Path(__file__).parent.parent / "screens"
SIZES = [(40, 15), (80, 24), (120, 40), (200, 50)]
NAMES = tuple(
    "checks confluence cutover failing flaky huge projects-failing refused users-only waves".split()  # noqa: SIM905
)
"""The scenarios whose nights differ to the eye."""

LONG = ("confluence", "cutover", "flaky", "huge", "projects-failing", "users-only", "waves")
"""Those that take more than a second."""


class Moment(msgspec.Struct, frozen=True):
    at: Millis
    view: View
    log: tuple[LogLine, ...]


def night(name: str) -> tuple[dict[str, Moment], WatchResult]:
    """Watch a scenario to its end: its start, its middle, its first failure and its outage, and how it ended.

    Thousands of projects are watched at these moments only, or it would take minutes.
    """
    scenario = build(name)
    begin = scenario.tasks[-1].created_at + 60
    if name != "huge":
        return watched(scenario, begin)
    outage = begin + (scenario.duration - begin) * 0.6
    moments = watched(scenario, begin, "start")[0] | watched(scenario, outage - 140, "outage")[0]
    return moments, watched(scenario, scenario.duration - 100)[1]


def watched(scenario: Scenario, since: float, until: str = "") -> tuple[dict[str, Moment], WatchResult]:
    begin = scenario.tasks[-1].created_at + 60
    length = scenario.duration - begin
    outage = (EPOCH + begin + length * 0.6, EPOCH + begin + length * 0.6 + 120)

    def trouble(_target: str, now: float) -> httpx.Response | None:
        return httpx.Response(503) if outage[0] <= EPOCH + now <= outage[1] else None

    sim = SimulatedWatch(scenario, begin=since, plan=Plan(interval=30.0), trouble=trouble, patience=length + 900)
    moments: dict[str, Moment] = {}
    log: list[LogLine] = []
    failed = False
    with closing(sim.api):
        for event in sim.watch.events():
            failed = failed or (isinstance(event, Changed) and event.node.state is State.FAILED)
            if isinstance(event, Ended) or until in moments:
                break
            if isinstance(event, Waiting):
                silent_since = event.view.outage.since if event.view.outage is not None else event.at
                happens = {
                    "start": since == begin,
                    "middle": sim.time.now - begin >= length / 2 and log,
                    "failure": failed,
                    "outage": event.at - silent_since > 60_000,
                }
                for moment in [name for name, is_now in happens.items() if is_now]:
                    moments.setdefault(moment, Moment(event.at, event.view, tuple(log)))
            elif not isinstance(event, Resumed) and (line := log_line(event)) is not None:
                log.append(line)
    return moments, WatchResult(
        ended=event if isinstance(event, Ended) else sim.watch.ended(End.INTERRUPTED), view=sim.watch.view
    )


def screens(name: str) -> dict[str, str]:
    return drawn_at_all_sizes(name, *night(name))


def drawn_at_all_sizes(name: str, moments: Mapping[str, Moment], result: WatchResult) -> dict[str, str]:
    """Each moment and the end, one below the other, a text for each size."""
    texts = {}
    for width, height in SIZES:
        canvas = Canvas(width, UNICODE, height)
        shown: dict[str, RenderableType] = {
            title: frame(sorted_view(moment.view), moment.log, moment.at, canvas) for title, moment in moments.items()
        }
        shown["end"] = ending(result, canvas)
        texts[f"{name}-{width}x{height}"] = "\n".join(
            f"{f' {moment} ':-^{width}}\n{drawn(each, canvas, color=False)}" for moment, each in shown.items()
        )
    return texts


if __name__ == "__main__":
    for scenario in NAMES:
        for title, text in screens(scenario).items():
            (FOLDER / f"{title}.txt").write_text(text, encoding="utf-8")
