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
from types import MappingProxyType

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

    def cost(self, command: Sequence[str], *, code: int = 0) -> Cost:
        """Run a command to its end. Raises CalledProcessError unless it ends with this code."""
        began = time.perf_counter()
        quiet = subprocess.DEVNULL if code else None
        process = subprocess.Popen(command, env=self.environ, stdout=subprocess.DEVNULL, stderr=quiet)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != code:
            raise subprocess.CalledProcessError(process.returncode, command)
        unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
        return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)

    def requests(self, command: Sequence[str]) -> int:
        done = subprocess.run([*command, "-v"], env=self.environ, capture_output=True, text=True, check=True)
        return done.stderr.count("\nGET ") + done.stderr.startswith("GET ")

    def costs(self, rounds: int, *commands: Sequence[str]) -> list[list[Cost]]:
        """The costs of each command, run in turn, so that a busy moment meets all of them; the first round warms up."""
        measured = [[self.cost(command) for command in commands] for _ in range(rounds + 1)][1:]
        return [list(column) for column in zip(*measured, strict=True)]


@contextmanager
def stage(
    count: int,
    *words: str,
    moving: bool = False,
    certificate: str = "",
    environ: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Stage]:
    """A migration of so many projects, served on the loopback interface, over TLS with a `certificate`.

    `words` are more for `pages.py`, and `environ` is added to the environment of the programs.
    """
    command = [sys.executable, str(PAGES), str(count), *(["moving"] if moving else []), *words]
    served = {**os.environ, "CERTIFICATE": certificate}
    with (
        TemporaryDirectory() as home,
        subprocess.Popen(command, env=served, stdout=subprocess.PIPE, text=True) as server,
    ):
        assert server.stdout is not None
        try:
            yield Stage(Path(home), {**_environ(home, server.stdout.readline().strip()), **environ})
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

    def processor(self, what: str, goal: float, ours: Sequence[Cost], theirs: Sequence[Cost]) -> None:
        """How much of the processor's time both take, and the ratio: what counts where answers take their time."""
        cpu = statistics.median(mine.cpu / peer.cpu for mine, peer in zip(ours, theirs, strict=True))
        both = (f"{statistics.median(cost.cpu for cost in costs) * 1000:.0f} ms" for costs in (ours, theirs))
        self._line(what, *both, "", f"{cpu:.2f}", f"{goal:g}", reached=cpu <= goal)

    def at_most(self, what: str, unit: str, goal: float, figures: Sequence[float], peer: Sequence[float] = ()) -> None:
        """The median of figures that have a goal of their own, beside that of a peer."""
        mine = statistics.median(figures)
        theirs = f"{statistics.median(peer):.1f} {unit}" if peer else ""
        ratio = f"{mine / statistics.median(peer):.2f}" if peer else ""
        self._line(what, f"{mine:.1f} {unit}", theirs, ratio, "", f"{goal:g} {unit}", reached=mine <= goal)

    def peaks(self, what: str, goal: float, ours: Sequence[Cost], theirs: Sequence[Cost]) -> None:
        mine, peer = (statistics.median(cost.peak for cost in costs) for costs in (ours, theirs))
        ratio = mine / peer
        self._line(what, f"{mine:.1f} MB", f"{peer:.1f} MB", f"{ratio:.2f}", "", f"{goal:g}", reached=ratio <= goal)

    def peak(self, what: str, goal: float, cost: Cost) -> None:
        """A peak of memory beside the MB that it may reach."""
        self.at_most(what, "MB", goal, [cost.peak])

    def _line(self, what: str, *figures: str, reached: bool) -> None:
        mine, peer, ratio, cpu, goal = figures
        self.reached = self.reached and reached
        print(
            f"{what:<52} {mine:>9} {peer:>9} {ratio:>6} {cpu:>6} {goal:>6}  {'ok' if reached else 'OVER'}", flush=True
        )
