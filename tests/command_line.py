"""Runs the command line, in this process or as one of its own, and keeps what it wrote."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from subprocess import PIPE
from typing import IO, Any

import httpx

from migstat.api.retry import steady_clock
from migstat.cli.app import run
from migstat.cli.context import Runtime
from migstat.cli.streams import Streams
from migstat.settings.keychain import Keychain
from migstat.simulator.server import Server

HERMETIC = ("PATH", "HOME", "SYSTEMROOT", "COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


class CapturedStream(io.TextIOWrapper):
    """A text stream over bytes that may say that it is a terminal."""

    def __init__(self, *, terminal: bool, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="", write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def text(self) -> str:
        self.flush()
        data = self.buffer.getvalue()  # type: ignore[attr-defined]
        assert isinstance(data, bytes)
        return data.decode(self.encoding)


def environ_at(
    base_url: str, *, email: str = "admin@example.com", token: str = "s3cr3t-t0ken", job: str = "job-1"
) -> dict[str, str]:
    return {"MIGSTAT_BASE_URL": base_url, "MIGSTAT_EMAIL": email, "MIGSTAT_TOKEN": token, "MIGSTAT_JOB": job}


def environ_of(server: Server) -> dict[str, str]:
    return environ_at(server.base_url, email=server.email, token=server.token, job=server.job_id)


def migstat(
    words: Sequence[str],
    environ: Mapping[str, str],
    *,
    terminal: bool = False,
    err_terminal: bool = False,
    columns: int = 100,
    encoding: str = "utf-8",
    stdin: str = "",
    transport: httpx.BaseTransport | None = None,
    sleep: list[float] | None = None,
    now: Callable[[], float] = time.time,
    cache: str | None = None,
    keychain: Keychain | None = None,
    typed: Sequence[str] | None = None,
    out: CapturedStream | None = None,
) -> Result:
    """Run a command line in this process. Sleeps are not slept: they are noted in `sleep`, and the clock jumps on.

    `now` is the wall clock in epoch seconds. Without a `cache` folder nothing is kept for completion, without a
    `keychain` there is no keyring. `typed` is what a person at a terminal answers to the questions.
    """
    answers = iter(typed or ())

    def ask(_prompt: str) -> str:
        answer = next(answers, None)
        if answer is None:
            raise EOFError
        return answer

    out = out or CapturedStream(terminal=terminal, encoding=encoding)
    err = CapturedStream(terminal=err_terminal, encoding=encoding)
    slept = sleep if sleep is not None else []
    runtime = Runtime(
        {"COLUMNS": str(columns), "TERM": "xterm-256color", "MIGSTAT_CONFIG": os.devnull, **environ},
        Streams(out, err, io.StringIO(stdin).read, lambda: typed is not None, ask, ask),
        now=now,
        clock=lambda: steady_clock() + sum(slept),
        sleep=slept.append,
        transport=transport,
        cache=None if cache is None else lambda: cache,
        keychain=None if keychain is None else lambda: keychain,
    )
    code = run(words, runtime)
    return Result(code, out.text(), err.text())


def refused(result: Result, code: int, *messages: str) -> None:
    """Check an error for people: one or two lines that say what happened, and no more."""
    assert (result.code, result.out) == (code, "")
    lines = result.err.splitlines()
    assert 1 <= len(lines) <= 2, result.err
    assert lines[0].startswith("migstat: ")
    assert [word for word in ("Traceback", "internal error") if word in result.err] == []
    assert result.err.replace("\n", "").isprintable()
    assert [each for each in messages if each not in result.err] == []


def refused_as_json(result: Result, code: int, kind: str, *messages: str) -> None:
    assert (result.code, result.out, len(result.err.splitlines())) == (code, "", 1)
    error = json.loads(result.err)["error"]
    assert (list(error), error["code"]) == (["code", "message", "hint"], kind)
    assert [each for each in messages if each not in error["message"] + error["hint"]] == []


def hermetic(*, measured: bool = False) -> dict[str, str]:
    """An environment without anything of the user's, their config file too; nothing is kept for completion.

    Where `measured`, the coverage of the process is, too. That takes three times as long to start, and swallows a
    Ctrl-C that comes meanwhile, so it is for what can be seen in a process of its own only.
    """
    names = [name for name in HERMETIC if measured or not name.startswith("COVERAGE")]
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return kept | {"MIGSTAT_CONFIG": os.devnull, "XDG_CACHE_HOME": os.devnull, "LANG": "C.UTF-8"}


def process(words: Sequence[str], environ: Mapping[str, str], *, stdin: str = "") -> Result:
    done = subprocess.run(
        [sys.executable, "-m", "migstat", *words],
        env=hermetic() | dict(environ),
        input=stdin.encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


@contextmanager
def started(words: Sequence[str], environ: Mapping[str, str], **more: Any) -> Iterator[subprocess.Popen[str]]:
    """A command line as a process of its own, which is killed with the context; its streams are pipes."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, "-m", "migstat", *words]
    with subprocess.Popen(command, env=hermetic() | dict(environ), **{**streams, **more}) as running:
        try:
            yield running
        finally:
            running.kill()


MEASURED = """
import sys
from migstat.__main__ import run
try:
    run()
finally:
    print(*(line for line in open("/proc/self/status") if line.startswith("VmHWM")), file=sys.stderr)
"""
"""Runs a command line and tells its peak, which getrusage would begin with that of the parent."""


def peak_of(words: Sequence[str], environ: Mapping[str, str], stdin: Iterable[bytes] = ()) -> tuple[Result, int]:
    """Run a command line on Linux, with these pieces on standard input: what came of it, and its peak in KB."""
    command, env = [sys.executable, "-c", MEASURED, *words], hermetic() | dict(environ)
    with subprocess.Popen(command, env=env, stdin=PIPE, stdout=PIPE, stderr=PIPE) as running:
        assert running.stdin is not None
        with suppress(BrokenPipeError):
            running.stdin.writelines(stdin)
        out, err = (stream.decode() for stream in running.communicate())
    return Result(running.returncode, out, err), int(re.findall(r"VmHWM:\s+(\d+)", err)[-1])


def line_of(stream: IO[str] | None) -> str:
    """The next line of a process, which must come."""
    assert stream is not None
    line = stream.readline()
    assert line.endswith("\n")
    return line


def until(true: Callable[[], object]) -> None:
    """Wait in real time until that is so, which must be soon."""
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
