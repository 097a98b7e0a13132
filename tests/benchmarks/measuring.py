"""Runs programs as processes, two in turn, and compares what they take."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

PAGES = Path(__file__).with_name("pages.py")


@dataclass(frozen=True)
class Cost:
    """What one run took: seconds on the clock and of the processor, and MB of memory at most."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True)
class Stage:
    """Where programs run: a home folder of their own, and an environment that points them at a migration."""

    home: Path
    environ: Mapping[str, str]

    def cost(self, command: Sequence[str]) -> Cost:
        """Run a command to its end. Raises CalledProcessError where it fails."""
        began = time.perf_counter()
        process = subprocess.Popen(command, env=self.environ, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
        return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)

    def costs(self, rounds: int, *commands: Sequence[str]) -> list[list[Cost]]:
        """The costs of each command, run in turn, so that all meet the same weather; the first round warms up."""
        measured = [[self.cost(command) for command in commands] for _ in range(rounds + 1)][1:]
        return [list(column) for column in zip(*measured, strict=True)]


@contextmanager
def stage(count: int, *, moving: bool = False) -> Iterator[Stage]:
    """A migration of so many projects, served on the loopback interface."""
    command = [sys.executable, str(PAGES), str(count), *(["moving"] if moving else [])]
    with TemporaryDirectory() as home, subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield Stage(Path(home), _environ(home, server.stdout.readline().strip()))
        finally:
            server.terminate()


def _environ(home: str, base_url: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": home,
        "HTTPIE_CONFIG_DIR": home,
        "MIGSTAT_BASE_URL": base_url,
        "MIGSTAT_EMAIL": "bench@example.com",
        "MIGSTAT_TOKEN": "bench-token",
        "MIGSTAT_JOB": "bench",
        "MIGSTAT_RATE_LIMIT": "none",
    }


class Table:
    """Prints a line a measurement, as it is made, and remembers whether all goals were reached."""

    def __init__(self) -> None:
        self.reached = True
        print(f"{'':<52} {'migstat':>9} {'peer':>9} {'ratio':>6} {'cpu':>6} {'goal':>6}")

    def times(self, what: str, goal: float, ours: Sequence[Cost], theirs: Sequence[Cost]) -> None:
        """The medians of both, and how many times the peer's migstat takes: the median over rounds."""
        wall = statistics.median(mine.wall / peer.wall for mine, peer in zip(ours, theirs, strict=True))
        cpu = statistics.median(mine.cpu / peer.cpu for mine, peer in zip(ours, theirs, strict=True))
        both = (f"{statistics.median(cost.wall for cost in costs) * 1000:.0f} ms" for costs in (ours, theirs))
        self._line(what, *both, f"{wall:.2f}", f"{cpu:.2f}", f"{goal:g}", reached=wall <= goal)

    def peaks(self, what: str, goal: float, ours: Sequence[Cost], theirs: Sequence[Cost]) -> None:
        """The medians of both peaks of memory, and their ratio."""
        mine, peer = (statistics.median(cost.peak for cost in costs) for costs in (ours, theirs))
        ratio = mine / peer
        self._line(what, f"{mine:.1f} MB", f"{peer:.1f} MB", f"{ratio:.2f}", "", f"{goal:g}", reached=ratio <= goal)

    def peak(self, what: str, goal: float, cost: Cost) -> None:
        """A peak of memory beside the MB that it may reach."""
        self._line(what, f"{cost.peak:.1f} MB", "", "", "", f"{goal:g} MB", reached=cost.peak <= goal)

    def _line(self, what: str, *figures: str, reached: bool) -> None:
        mine, peer, ratio, cpu, goal = figures
        self.reached = self.reached and reached
        print(
            f"{what:<52} {mine:>9} {peer:>9} {ratio:>6} {cpu:>6} {goal:>6}  {'ok' if reached else 'OVER'}", flush=True
        )
