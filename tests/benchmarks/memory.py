"""Measures what is promised of memory: the peak of the process, beside its goal.

`python tests/benchmarks/memory.py [COUNT]`; COUNT projects are the many, 100 000 if not given. Ends with 1 where a
goal was missed. A child begins with the peak of its parent, so nothing large may be held here.
"""

from __future__ import annotations

import sys

from tests.benchmarks.measuring import Table, stage
from tests.benchmarks.peers import BARE_LOOP, MIGSTAT, PYTHON

PROJECTS = (MIGSTAT, "projects", "bench", "many", "-o", "ndjson")
ROUNDS = 5


def main(many: int) -> int:
    table = Table()
    for moving, which in ((False, "ended"), (True, "moving")):
        with stage(4000, moving=moving) as at:
            ours, theirs = at.costs(ROUNDS, PROJECTS, (PYTHON, "-c", BARE_LOOP))
            table.peaks(f"memory: 4000 projects, {which}, to ndjson", 1.5, ours, theirs)
    for moving, which in ((False, "ended"), (True, "moving")):
        with stage(many, moving=moving) as at:
            lines, whole = ([at.cost((*PROJECTS[:-1], kind))] for kind in ("ndjson", "json"))
            table.peak(f"memory: {many} projects, {which}, to ndjson", 150, lines[0])
            table.peaks(f"memory: {many} projects, {which}, json against ndjson", 1.2, whole, lines)
    for word in ("children", "occurrences"):
        with stage(1, f"hostile={word}") as at:
            table.peak(f"memory: 8 MiB of hostile {word}", 200, at.cost((MIGSTAT, "status", "bench", "many"), code=3))
    return 0 if table.reached else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
