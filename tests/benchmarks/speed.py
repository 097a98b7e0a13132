"""Measures what is promised of speed, as ratios against a named peer, and prints them beside their goals.

`python tests/benchmarks/speed.py [ROUNDS]` times each pair side by side, cold, one run of each in turn. The verdict
is on the clock's ratio; where the machine is busy, that of the processor's time says more. HTTPie (`http`) must be
installed beside migstat. Ends with 1 where a goal was missed.
"""

from __future__ import annotations

import sys

from tests.benchmarks.measuring import Stage, Table, stage
from tests.benchmarks.peers import BARE_LOOP, HELLO, MIGSTAT, PYTHON, httpie

PROJECTS = (MIGSTAT, "projects", "bench", "many", "-o")
NOTHING = (PYTHON, "-c", "pass")
PROFILES = "".join(f'[profiles.p{at}]\nemail = "p{at}@example.com"\n' for at in range(5))


def start_up(at: Stage, table: Table, rounds: int) -> None:
    """What every command costs, against programs of the same libraries."""
    (at.home / "config.json").write_text('{"disable_update_warnings": true}', encoding="utf-8")  # HTTPie's
    url = f"{at.environ['MIGSTAT_BASE_URL']}/migrations/public/v1/jobs/bench/tasks/many/status"
    ours, theirs = at.costs(
        rounds,
        (MIGSTAT, "status", "bench", "many", "--level", "migrate", "--json"),
        (httpie(), "--ignore-stdin", "-a", "bench@example.com:bench-token", url, "level==migrate"),
    )
    table.times("status --json, one request, against HTTPie", 0.6, ours, theirs)
    hello = at.home / "hello.py"
    hello.write_text(HELLO, encoding="utf-8")
    ours, theirs = at.costs(rounds, (MIGSTAT, "--help"), (PYTHON, str(hello), "--help"))
    table.times("--help, against a bare Typer program's", 1.2, ours, theirs)


def completion(at: Stage, table: Table, rounds: int) -> None:
    """What a press of Tab costs once the job's projects were seen."""
    folder = at.home / ".config" / "migstat"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(PROFILES, encoding="utf-8")
    at.cost((*PROJECTS, "ndjson"))
    asked = (MIGSTAT, "__complete")
    profiles, projects, nothing = at.costs(
        rounds, (*asked, "profiles", "status"), (*asked, "projects", "projects", "bench", "many"), NOTHING
    )
    table.times("completion of a profile, against python -c pass", 4, profiles, nothing)
    table.times("completion of one of 4000 projects, against the same", 4, projects, nothing)


def walk(at: Stage, table: Table, rounds: int) -> None:
    """What the pages of a migration cost that has ended."""
    ours, theirs = at.costs(rounds, (*PROJECTS, "ndjson"), (PYTHON, "-c", BARE_LOOP))
    table.times("1000 pages to ndjson, against a bare httpx loop", 1.1, ours, theirs)


def drawing(at: Stage, table: Table, rounds: int) -> None:
    """What a table costs beyond what it shows."""
    ours, theirs = at.costs(rounds, (*PROJECTS, "table", "--color", "always"), (*PROJECTS, "json"))
    table.times("table of 5000 projects, against their JSON", 1.5, ours, theirs)


def main(rounds: int) -> int:
    """Print all ratios over so many rounds."""
    table = Table()
    for count, part in ((4000, start_up), (4000, completion), (20_000, walk), (5000, drawing)):
        with stage(count) as at:
            part(at, table, rounds)
    return 0 if table.reached else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 11))
