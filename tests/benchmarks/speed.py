"""Measures what is promised of speed, as ratios of medians against a named peer, and prints them.

Run it with `python tests/benchmarks/speed.py [ROUNDS]`; HTTPie (`http`) must be installed beside migstat. Each pair
is timed side by side, one run of each in turn, against one loopback server that answers from memory.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = 20
BIN = Path(sys.executable).parent
BARE_LOOP = """
import json, os, sys
import httpx

base, job = os.environ["MIGSTAT_BASE_URL"], os.environ["MIGSTAT_JOB"]
url = f"{base}/migrations/public/v1/jobs/{job}/tasks/many/status"
auth = (os.environ["MIGSTAT_EMAIL"], os.environ["MIGSTAT_TOKEN"])
children, cursor = {}, None
with httpx.Client(auth=auth) as client:
    while True:
        query = {"level": "migrate,projects", "expandChildren": "true"} | ({"cursor": cursor} if cursor else {})
        page = client.get(url, params=query).raise_for_status().json()
        children |= page["data"].get("children", {})
        cursor = page["links"].get("next")
        if not cursor:
            break
json.dump({"projects": [{"name": name, **node} for name, node in children.items()]}, sys.stdout)
"""


def _finished(at: int) -> dict[str, Any]:
    began = 1_708_680_664_150 + at * 1000
    details = {"createdAt": began, "startedAt": began + 500, "lastUpdatedAt": began + 90_000}
    return {"status": "FINISHED", "outcome": "SUCCESS", "details": details}


def _answers(count: int) -> dict[str, bytes]:
    """Every answer about an ended migration of `count` projects, by path and query without the cursor's encoding."""
    done = _finished(0)
    job = {"name": "bench", "flow": "jira-onpremises-to-cloud", "scope": {}}
    phases = {"check": done, "migrate": done}
    answers: dict[str, Any] = {
        "job": job,
        "": {"data": done | {"children": phases}, "links": {}},
        "migrate": {"data": done | {"children": {"usersAndGroups": done}}, "links": {}},
    }
    names = [f"PROJ{at:05}" for at in range(count)]
    for start in range(0, count, PAGE):
        children = {name: _finished(start) for name in names[start : start + PAGE]}
        links = {"next": str(start + PAGE)} if start + PAGE < count else {}
        answers[f"migrate,projects@{start}"] = {"data": {"children": children}, "links": links}
    return {name: json.dumps(answer).encode() for name, answer in answers.items()}


class _Server(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    answers: dict[str, bytes]


class _Handler(StreamRequestHandler):
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        while line := self.rfile.readline():
            while self.rfile.readline() not in (b"\r\n", b""):
                pass
            body = self._answer(line.split()[1].decode())
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            self.wfile.write(head.encode() + body)

    def _answer(self, target: str) -> bytes:
        parts = urlsplit(target)
        if not parts.path.endswith("/status"):
            return self.server.answers["job"]
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        level = query.get("level", "")
        if level == "migrate,projects":
            level += "@" + query.get("cursor", "0")
        return self.server.answers.get(level, b'{"data":{},"links":{}}')


@contextmanager
def _serving(count: int) -> Iterator[dict[str, str]]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.answers = _answers(count)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "MIGSTAT_BASE_URL": f"http://127.0.0.1:{server.server_address[1]}",
            "MIGSTAT_EMAIL": "bench@example.com",
            "MIGSTAT_TOKEN": "bench-token",
            "MIGSTAT_JOB": "bench",
            "MIGSTAT_RATE_LIMIT": "none",
        }
        server.shutdown()


def _seconds(command: Sequence[str], environ: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _compare(
    what: str, limit: float, ours: Sequence[str], peer: Sequence[str], environ: dict[str, str], rounds: int
) -> None:
    """Time both in turn, and print the ratio of the medians beside what was promised."""
    times = [(_seconds(ours, environ), _seconds(peer, environ)) for _ in range(rounds + 1)][1:]  # the first warms up
    mine, theirs = (statistics.median(column) for column in zip(*times, strict=True))
    verdict = "ok" if mine / theirs <= limit else "TOO SLOW"
    shown = f"{mine * 1000:7.0f} ms {theirs * 1000:7.0f} ms"
    print(f"{what:<52} {shown}   ratio {mine / theirs:.2f} (at most {limit})  {verdict}")


def main(rounds: int) -> None:
    """Print all ratios; the figures are medians of `rounds` runs."""
    migstat = str(BIN / "migstat")
    http = str(BIN / "http") if (BIN / "http").exists() else shutil.which("http") or "http"
    with _serving(4000) as environ:
        url = f"{environ['MIGSTAT_BASE_URL']}/migrations/public/v1/jobs/bench/tasks/many/status"
        _compare(
            "status --json, one page, against HTTPie",
            0.65,
            [migstat, "status", "bench", "many", "--level", "migrate", "--json"],
            [http, "--ignore-stdin", "-a", "bench@example.com:bench-token", url, "level==migrate"],
            environ,
            rounds,
        )
        _compare(
            "projects --json, 4000 of them, against bare httpx",
            1.3,
            [migstat, "projects", "bench", "many", "--json"],
            [sys.executable, "-c", BARE_LOOP],
            environ,
            rounds,
        )
    with _serving(5000) as environ:
        _compare(
            "projects, 5000 of them: table against JSON",
            1.5,
            [migstat, "projects", "bench", "many", "-o", "table", "--color", "always"],
            [migstat, "projects", "bench", "many", "--json"],
            environ,
            rounds,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 11)
