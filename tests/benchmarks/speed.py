"""Measures what is promised of speed, as ratios against a named peer, and prints them beside their goals.

`python tests/benchmarks/speed.py [ROUNDS]` times each pair side by side, cold, one run of each in turn. The verdict
is on the clock's ratio; where the machine is busy, that of the processor's time says more. HTTPie (`http`) must be
installed beside migstat. Ends with 1 where a goal was missed.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pexpect
import trustme
from certifi import where

from tests.benchmarks.measuring import Cost, Stage, Table, stage
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
    table.times("--help, against a bare Typer program's", 0.9, ours, theirs)


def over_tls(table: Table, rounds: int) -> None:
    """One request with the system's authorities, in a directory of hashed names, beside HTTPie with its bundle."""
    with TemporaryDirectory() as folder:
        authority, bundle = trustme.CA(), Path(folder, "bundle.pem")
        (served := Path(folder, "server.pem")).write_bytes(
            authority.issue_cert("localhost").private_key_and_cert_chain_pem.bytes()
        )
        (hashed := Path(folder, "hashed")).mkdir()
        for number, each in enumerate(re.findall(r"-+BEGIN C.*?END C\w+-+\n", Path(where()).read_text(), re.DOTALL)):
            (hashed / f"{number}.pem").write_text(each, encoding="utf-8")
        authority.cert_pem.write_to_path(str(hashed / "own.pem"))
        subprocess.run(["openssl", "rehash", hashed], check=True)  # noqa: S607
        bundle.write_bytes(Path(where()).read_bytes() + authority.cert_pem.bytes())
        environ = {"SSL_CERT_DIR": str(hashed), "REQUESTS_CA_BUNDLE": str(bundle)}
        with stage(40, certificate=str(served), environ=environ) as at:
            (at.home / "config.json").write_text('{"disable_update_warnings": true}', encoding="utf-8")  # HTTPie's
            url = f"{at.environ['MIGSTAT_BASE_URL']}/migrations/public/v1/jobs/bench/tasks/many/status"
            ours, theirs = at.costs(
                rounds,
                (MIGSTAT, "status", "bench", "many", "--depth", "0", "--json"),
                (httpie(), "--ignore-stdin", "-a", "bench@example.com:bench-token", url),
            )
            table.processor("status --depth 0 --json over TLS, against HTTPie", 0.4, ours, theirs)


def far_away(table: Table, rounds: int) -> None:
    """What is waited for where each answer takes 150 ms; a bare loop reads the projects once, and loses some."""
    with stage(40, "0.15", moving=True) as at:
        for command in ("status", "projects"):
            asked = (MIGSTAT, command, "bench", "many", "--json")
            ours, theirs = at.costs(rounds, asked, (PYTHON, "-c", BARE_LOOP))
            table.at_most(f"{command}, 40 projects, 150 ms an answer", "s", 0.75, *_walls(ours, theirs))
    with stage(5000, "0.15", moving=True) as at:
        many = (*PROJECTS, "ndjson")
        ours, theirs = [at.cost(many)], [at.cost((PYTHON, "-c", BARE_LOOP))]
        table.at_most("5000 moving projects, 150 ms an answer", "s", 20, *_walls(ours, theirs))
        table.at_most("5000 moving projects, requests", "", 5000 / 20 + 10, [at.requests(many)], [250])
    with stage(20_000, "0.15", moving=True, environ={"MIGSTAT_RATE_LIMIT": "540"}) as at:
        table.at_most("first screen of a watch of 20 000 projects", "s", 5, [_first_screen(at)])


def _walls(*costs: Sequence[Cost]) -> Iterator[list[float]]:
    return ([cost.wall for cost in each] for each in costs)


def _first_screen(at: Stage) -> float:
    """Seconds until the live view says how many of all projects were read."""
    began = time.perf_counter()
    watch = pexpect.spawn(MIGSTAT, ["watch", "bench", "many"], env={**at.environ, "TERM": "xterm"}, timeout=60)
    watch.expect("of 20 000")
    watch.terminate(force=True)
    return time.perf_counter() - began


def completion(at: Stage, table: Table, rounds: int) -> None:
    """What a press of Tab costs once the job's projects were seen."""
    folder = at.home / ".config" / "migstat"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(PROFILES, encoding="utf-8")
    at.cost((*PROJECTS, "ndjson"))
    asked = (MIGSTAT, "__complete", "zsh")
    profiles, projects, nothing = at.costs(
        rounds, (*asked, "status", "-p", ""), (*asked, "projects", "bench", "many", "--key", ""), NOTHING
    )
    table.times("completion of a profile, against python -c pass", 4, profiles, nothing)
    table.times("completion of one of 4000 projects, against the same", 4, projects, nothing)


def walk(at: Stage, table: Table, rounds: int) -> None:
    """What the pages of a migration cost that has ended."""
    ours, theirs = at.costs(rounds, (*PROJECTS, "ndjson"), (PYTHON, "-c", BARE_LOOP))
    table.times("1000 pages to ndjson, against a bare httpx loop", 1.4, ours, theirs)


def drawing(at: Stage, table: Table, rounds: int) -> None:
    """What a table costs beyond what it shows."""
    ours, theirs = at.costs(rounds, (*PROJECTS, "table", "--color", "always"), (*PROJECTS, "json"))
    table.times("table of 5000 projects, against their JSON", 1.5, ours, theirs)
    picture = at.home / "projects.svg"
    ours, theirs = at.costs(rounds, (*PROJECTS, "json", "--export", str(picture)), (*PROJECTS, "json"))
    table.times("SVG of 5000 projects and JSON, against JSON alone", 1.5, ours, theirs)
    table.at_most("SVG of 5000 projects, size", "MB", 0.2, [picture.stat().st_size / 1e6])


def main(rounds: int) -> int:
    table = Table()
    over_tls(table, rounds)
    far_away(table, rounds)
    for count, part in ((4000, start_up), (4000, completion), (20_000, walk), (5000, drawing)):
        with stage(count) as at:
            part(at, table, rounds)
    return 0 if table.reached else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 11))
