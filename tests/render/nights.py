"""Every scenario as a person sees it: `TZ=UTC python -m tests.render.nights` writes the screens in tests/screens anew.

A night is watched in simulated time, with an outage of two minutes in its second half.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import httpx
import msgspec
from rich.console import RenderableType

from migstat.cli.watching import Course
from migstat.follow.watch import Plan, paced
from migstat.model.events import Changed, Ended, View, Waiting
from migstat.model.nodes import Millis, State
from migstat.render.drawing import drawn
from migstat.render.ending import Story, ending
from migstat.render.live import LogLine, digest, frame, log_line
from migstat.render.parts import Canvas
from migstat.render.theme import UNICODE
from migstat.simulator.scenarios import build
from tests.watching import EPOCH, World

FOLDER = Path(__file__).parent.parent / "screens"
SIZES = [(40, 15), (80, 24), (120, 40), (200, 50)]
NAMES = tuple(
    "checks confluence cutover failing flaky huge projects-failing refused users-only waves".split()  # noqa: SIM905
)
"""The scenarios whose nights differ to the eye."""

LONG = ("confluence", "cutover", "flaky", "huge", "projects-failing", "users-only", "waves")
"""Those that take more than a second."""

INTERVAL = 30.0
SELDOM = {"huge": 1800.0}
"""Seconds between two polls; of thousands of projects, so seldom that a night takes a few seconds."""


class Moment(msgspec.Struct, frozen=True):
    """What was known at one moment of a night."""

    at: Millis
    view: View
    log: tuple[LogLine, ...]


def night(name: str) -> tuple[dict[str, Moment], Story]:
    """Watch a scenario to its end: its start, its middle, its first failure and its outage, and how it ended."""
    scenario = build(name)
    begin = scenario.tasks[-1].created_at + 60
    length = scenario.duration - begin
    interval = SELDOM.get(name, INTERVAL)
    outage = (EPOCH + begin + length * 0.6, EPOCH + begin + length * 0.6 + max(interval, 120))

    def trouble(_target: str, now: float) -> httpx.Response | None:
        return httpx.Response(503) if outage[0] <= EPOCH + now <= outage[1] else None

    world = World(scenario, begin=begin, plan=Plan(interval=interval), trouble=trouble, patience=length + 7200)
    moments: dict[str, Moment] = {}
    log: list[LogLine] = []
    course, failed = Course(), False
    with world.api:
        for event in paced(world.watch.events(), world.deadline.sleep):
            course.add(event)
            failed = failed or (isinstance(event, Changed) and event.node.state is State.FAILED)
            if isinstance(event, Ended):
                break
            if isinstance(event, Waiting):
                since = event.view.outage.since if event.view.outage is not None else event.at
                happens = {
                    "start": True,
                    "middle": world.time.now - begin >= length / 2,
                    "failure": failed,
                    "outage": event.at - since > 60_000,
                }
                for moment in [name for name, is_now in happens.items() if is_now]:
                    moments.setdefault(moment, Moment(event.at, event.view, tuple(log)))
            elif (line := log_line(event)) is not None:
                log.append(line)
    assert isinstance(event, Ended)
    return moments, Story(
        ended=event,
        view=world.watch.view,
        watched_seconds=world.time.now - begin,
        outages=course.outages,
        outage_seconds=course.outage_seconds,
    )


def screens(name: str) -> dict[str, str]:
    """The screens of a scenario, a text for each size."""
    return drawn_at_all_sizes(name, *night(name))


def drawn_at_all_sizes(name: str, moments: Mapping[str, Moment], story: Story) -> dict[str, str]:
    """Each moment and the end, one below the other, a text for each size."""
    texts = {}
    for width, height in SIZES:
        canvas = Canvas(width, UNICODE)
        shown: dict[str, RenderableType] = {
            moment: frame(digest(told.view), told.log, told.at, canvas, height) for moment, told in moments.items()
        }
        shown["end"] = ending(story, canvas)
        texts[f"{name}-{width}x{height}"] = "\n".join(
            f"{f' {moment} ':-^{width}}\n{drawn(each, canvas, color=False)}" for moment, each in shown.items()
        )
    return texts


if __name__ == "__main__":
    for scenario in NAMES:
        for title, text in screens(scenario).items():
            (FOLDER / f"{title}.txt").write_text(text, encoding="utf-8")
