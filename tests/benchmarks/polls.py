"""Measures what is promised of a watch: how late news is, what a poll costs, and that its memory stays.

`python tests/benchmarks/polls.py [late|cpu|memory ...]`; all of them if none is named. Nights pass in simulated time,
with 50 ms an answer; the processor's time and memory are those of this process, without a request limit, by which
polls would read everything in turn, and whose transport answers from memory.
Ends with 1 where a goal was missed.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from pathlib import Path

import httpx
from rich.console import Console

from migstat.follow.watch import Plan
from migstat.model.events import Changed, Waiting
from migstat.render.drawing import THEME, Canvas
from migstat.render.live import frame
from migstat.render.sorted_view import sorted_view
from migstat.render.theme import UNICODE
from migstat.simulator.scenario import Scenario, SimNode
from tests.benchmarks.measuring import Table
from tests.benchmarks.pages import NOTHING, Pages, project
from tests.scenarios import migration, moved
from tests.watching import LIMIT, SimulatedWatch

WATCHED = 1200.0
"""Seconds of a night that are watched, from its middle."""

LATENCY = 0.05

OUTCOMES = ("FAILED", "WARNING")


@dataclass(frozen=True)
class SimulatedNight:
    """So many projects, of which some run at a time, each for so many seconds on average; by name, or at random."""

    count: int
    running: int
    length: float
    shuffled: bool = False

    def __str__(self) -> str:
        order = "at random" if self.shuffled else "by name"
        return f"{self.count} projects, {self.running} run {self.length:g} s, {order}"

    def scenario(self) -> Scenario:
        chance = random.Random(self.count)  # noqa: S311  chance, not secrecy
        numbers = list(range(self.count))
        if self.shuffled:
            chance.shuffle(numbers)
        free = [60.0 + chance.uniform(0, self.length) for _ in range(self.running)]
        projects: dict[int, SimNode] = {}
        for number in numbers:
            lane = min(range(self.running), key=free.__getitem__)
            end = free[lane] + chance.uniform(0.5, 1.5) * self.length
            dice = chance.randrange(100)
            outcome = OUTCOMES[dice] if dice < len(OUTCOMES) else "SUCCESS"
            projects[number] = moved(f"P{number:05}", free[lane], end, outcome)
            free[lane] = end
        return migration(*(projects[number] for number in sorted(projects)), core_end=max(free) + 10)

    def delays(self) -> tuple[list[float], list[float], float]:
        """Seconds from end to event: of bad news, of good news; and requests a minute."""
        scenario = self.scenario()
        end = scenario.tasks[-1].root.ended_at
        assert end is not None
        begin = max(0.0, min(end / 2, end - WATCHED - 400))
        sim = SimulatedWatch(scenario, begin=begin, plan=Plan(), latency=LATENCY, patience=2 * end)
        bad: list[float] = []
        good: list[float] = []
        ends = {
            project.name: project.ended_at or 0.0
            for project in scenario.tasks[-1].root.children[1].children[0].children
        }
        settled = 0.0
        for event in sim.events():
            now = sim.time.now
            settled = settled or now
            if now > begin + WATCHED:
                break
            if isinstance(event, Changed) and event.node.outcome and len(event.node.level) == 3:
                at = ends[event.node.name]
                if at > settled:
                    (bad if event.node.outcome in OUTCOMES else good).append(now - at)
        late = [now - at for name, at in ends.items() if settled < at < now - 60 and not sim.known[_level(name)].ended]
        asked = sum(sent.at > settled for sent in sim.sent) / (sim.time.now - settled) * 60
        return bad, good + late, asked


def _level(name: str) -> tuple[str, ...]:
    return ("migrate", "projects", name)


NIGHTS = tuple(
    SimulatedNight(*each, shuffled=shuffled)
    for shuffled in (False, True)
    for each in ((5000, 200, 200.0), (20_000, 200, 200.0), (5000, 8, 3.0))
)


class Figures(Table):
    def figure(self, what: str, goal: float, found: float, unit: str) -> None:
        self._line(what, f"{found:.1f} {unit}", "", "", "", f"{goal:g}", reached=found <= goal)


def late(table: Figures) -> None:
    """How late news is in the three nights, whose projects go by name or at random."""
    for night in NIGHTS:
        bad, good, asked = night.delays()
        for what, goal, found in (("bad news", 12.0, bad), ("good news", 60.0, good)):
            p95 = statistics.quantiles(found, n=20)[-1]
            table.figure(f"{what}, p95: {night}", goal, p95, "s")
        table.figure(f"requests a minute: {night}", LIMIT / 4, asked, "")


class Still(Pages):
    """A migration whose running projects make progress with every poll, and in which none begins or ends."""

    def __init__(self, count: int, running: int) -> None:
        super().__init__(count, running=running, failing=False)
        self._running = range(count * 4 // 10, count * 4 // 10 + running)
        self._polls = 0

    def respond(self, target: str, _now: float) -> httpx.Response:
        if "level=" not in target:  # the root, with which each poll begins
            self._polls += 1
            running = [project(at, "IN_PROGRESS", progress=self._polls) for at in self._running]
            self._projects["IN_PROGRESS"] = running
            self._projects[None][self._running.start : self._running.stop] = running
        return httpx.Response(200, content=NOTHING if "outcome=" in target else self.answer(target))


def waits(count: int, running: int) -> Iterator[Waiting]:
    sim = SimulatedWatch(migration(moved("A", 60, None), core_end=None), plan=Plan(), patience=1e9, rate_limit=None)
    still = Still(count, running)
    sim.trouble = still.respond
    for event in sim.watch.events():
        sim.sent.clear()
        sim.time.slept.clear()
        if isinstance(event, Waiting):
            yield event


def cpu(table: Figures) -> None:
    """What one poll of many projects takes of the processor, live view included; the median of a hundred."""
    canvas, console = Canvas(120, UNICODE, 40), Console(file=StringIO(), width=120, height=40, theme=THEME)
    spent: list[float] = []
    began = 0.0
    for event in islice(waits(20_000, 8), 102):
        console.print(frame(sorted_view(event.view), (), event.at, canvas))
        spent.append((time.process_time() - began) * 1000)
        began = time.process_time()
    table.figure("CPU of a poll: 20000 projects, 8 running", 8, statistics.median(spent[2:]), "ms")


def memory(table: Figures) -> None:
    """How much larger a watch is after 3000 polls than after a hundred."""
    for count, event in enumerate(waits(5000, 8), start=1):
        sorted_view(event.view)
        if count == 100:
            before = resident()
        if count == 3000:
            break
    after = resident()
    table.figure(f"memory after 3000 polls of 5000 projects, after 100: {before:.0f} MB", 1.05, after / before, "x")


def resident() -> float:
    """The memory that this process takes now, in MB; on Linux."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


PARTS = {"late": late, "cpu": cpu, "memory": memory}


def main(words: Sequence[str]) -> int:
    table = Figures()
    for name, part in PARTS.items():
        if not words or name in words:
            part(table)
    return 0 if table.reached else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
