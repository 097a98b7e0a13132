"""Counts the steps from the command line to the screen: `python tests/benchmarks/steps.py [list]`.

Each command runs in a process of its own, on a terminal, against the simulator. A step is one of migstat's own
functions, counted when it is first entered; a switch is a step in another file than the one before. Both stand for
what a reader has to follow. `list` prints the steps themselves. Ends with 1 where a goal was missed.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from migstat.simulator.scenarios import build
from migstat.simulator.server import Server, serve
from tests.command_line import environ_of, hermetic

BASE = {("status",): (312, 149), ("projects", "--json"): (282, 131), ("watch",): (364, 182)}
"""Functions and switches of each command before the modules were sorted into packages."""

GOAL = 2 / 3

TRACING = """
import atexit, importlib.util, json, os, sys, threading

package = os.path.dirname(importlib.util.find_spec("migstat").origin) + os.sep
file, steps = sys.argv.pop(1), {}


def enter(frame, event, arg):
    code = frame.f_code
    if event == "call" and code.co_filename.startswith(package) and code.co_name[0] != "<" and code.co_flags & 1:
        steps.setdefault((code.co_filename.removeprefix(package), code.co_qualname))


def write():
    sys.setprofile(None)
    with open(file, "w") as out:
        json.dump(list(steps), out)


atexit.register(write)
threading.setprofile(enter)
sys.setprofile(enter)
from migstat.__main__ import run
run()
"""
"""Leaves out comprehensions, lambdas, class bodies (those without the first flag, CO_OPTIMIZED) and modules."""


def traced(words: Sequence[str], server: Server) -> list[tuple[str, str]]:
    """File and name of each function that a command enters, in order."""
    with TemporaryDirectory() as home:
        environ = hermetic() | environ_of(server) | {"HOME": home, "TERM": "xterm-256color", "XDG_CACHE_HOME": home}
        ours, theirs = pty.openpty()
        file = Path(home) / "steps"
        with subprocess.Popen([sys.executable, "-c", TRACING, str(file), *words], env=environ, stdout=theirs) as run:
            os.close(theirs)
            with suppress(OSError):  # what Linux raises once the last writer is gone
                while os.read(ours, 65536):
                    pass
            os.close(ours)
        if run.returncode not in (0, 1):  # a watch of failures ends with 1
            raise subprocess.CalledProcessError(run.returncode, run.args)
        return [(file, name) for file, name in json.loads(file.read_text(encoding="utf-8"))]


def over() -> Iterator[tuple[tuple[str, ...], list[tuple[str, str]]]]:
    """Each command with its steps, asked about a cutover under way; a watch ends with it."""
    scenario = build("cutover")
    for words in BASE:
        elapsed = 0.99 if words == ("watch",) else 0.5
        with serve(scenario, speed=60.0, head_start=scenario.duration * elapsed, rate_limit=None) as server:
            yield words, traced(words, server)


def main(*, listed: bool) -> int:
    reached = True
    print(f"{'':<18} {'functions':>9} {'before':>6} {'switches':>9} {'before':>6} {'goal':>5}")
    for words, steps in over():
        counts = (len(steps), sum(before[0] != after[0] for before, after in pairwise(steps)))
        ratios = [count / base for count, base in zip(counts, BASE[words], strict=True)]
        good = max(ratios) <= GOAL
        reached = reached and good
        figures = "".join(f" {count:>9} {base:>6}" for count, base in zip(counts, BASE[words], strict=True))
        print(f"{' '.join(words):<18}{figures} {GOAL:>5.2f}  {'ok' if good else f'OVER ({max(ratios):.2f})'}")
        for file, name in steps if listed else ():
            print(f"    {file:<28} {name}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main(listed="list" in sys.argv[1:]))
