"""What a run loads: nothing heavy before it is needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from migstat.cli.app import COMMANDS, loaded
from migstat.simulator.scenarios import build
from migstat.simulator.server import Server, serve
from tests.command_line import environ_at, environ_of, hermetic

NOTING = """
import atexit, sys
file = sys.argv.pop(1)
atexit.register(lambda: open(file, "w").write("\\n".join(name for name, module in sys.modules.items() if module)))
if sys.argv[1:]:
    from migstat.__main__ import run
    run()
"""

SIGNALLED = """
import json, os, signal, sys, threading, time

from migstat.__main__ import run

out, main, codes = open(sys.argv.pop(1), "w"), os.getpid(), []

def hook(event, _):
    if event not in ("import", "exec", "open", "marshal.loads") or os.getpid() != main or threading.active_count() > 1:
        return
    number = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[len(codes) % 3]
    codes.append((128 + number, None))
    child = os.fork()
    if not child:
        os.kill(os.getpid(), number)
        return
    ends, pid = time.monotonic() + 20, 0
    while not pid and time.monotonic() < ends:
        time.sleep(0.0005)
        pid, status = os.waitpid(child, os.WNOHANG)
    if pid:
        codes[-1] = (128 + number, os.waitstatus_to_exitcode(status))
    else:
        os.kill(child, signal.SIGKILL)

def begin():
    sys.addaudithook(hook)
    try:
        run()
    finally:
        if os.getpid() == main:
            with out:
                json.dump(codes, out)

begin()
"""
"""Runs the program; at every step of an import a twin of the process gets a signal, and its exit code is kept."""

FULL = Path("/dev/full")

OTHERS = {
    "migstat.api.download", "migstat.cli.watching", "migstat.completion.answer",
    "migstat.files.incoming", "migstat.follow.poll", "migstat.follow.watch", "migstat.render.live",
    "migstat.render.table", "migstat.simulator.server", "truststore",
}  # fmt: skip
"""What neither the help nor a glance as JSON has a use for."""

COMMAND_LINE = {"annotated_doc", "msgspec", "shellingham", "typer", "typing_extensions"}
SCREEN = {"attr", "markdown_it", "mdurl", "pygments", "rich"}
HTTP = {"anyio", "certifi", "h11", "httpcore", "httpx", "idna", "sniffio"}
HEAVY = {
    "argparse", "asyncio", "concurrent", "csv", "ctypes", "doctest", "http.server", "multiprocessing", "socketserver",
    "sqlite3", "tomllib", "unittest", "xml", "zipfile",
}  # fmt: skip
"""Modules of Python itself that take long to import."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    scenario = build("cutover")
    with serve(scenario, head_start=scenario.duration / 2) as running:
        yield running


def modules(home: Path, server: Server, *words: str) -> set[str]:
    """What a run of these words has loaded beyond what every Python has; of a run of none, all of it."""
    file = home / "modules"
    environ = hermetic()
    subprocess.run(
        [sys.executable, "-c", NOTING, str(file), *words],
        env=environ | environ_of(server) | {"HOME": str(home)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    found = set(file.read_text(encoding="utf-8").split("\n"))
    return found - modules(home, server) if words else found


def foreign(found: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in found} - sys.stdlib_module_names - {"migstat"}


@pytest.mark.parametrize(
    ("words", "commands", "libraries"),
    [
        (["--version"], set(), set()),
        (["--help"], set(), COMMAND_LINE | SCREEN),
        (["status", "--json"], {"migstat.cli.commands.status"}, COMMAND_LINE | HTTP),
    ],
)
def test_a_run_loads_what_it_needs_and_no_more(
    words: Sequence[str], commands: set[str], libraries: set[str], tmp_path: Path, server: Server
) -> None:
    """Neither other commands nor libraries that a run has no use for are loaded, and nothing at all for --version."""
    found = modules(tmp_path, server, *words)
    if words == ["--version"]:
        assert found - {"migstat", "migstat.__main__"} <= set(sys.builtin_module_names)
    assert {name for name in found if name.startswith("migstat.cli.commands.")} == commands
    assert foreign(found) - libraries == set()
    assert found & (HEAVY | OTHERS) == set()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system makes no twins of processes")
def test_a_signal_at_each_of_a_thousand_moments_of_the_start_ends_it(tmp_path: Path) -> None:
    """Whatever is being imported when a signal comes, the code is the signal's, without a traceback, and soon."""
    file = tmp_path / "codes"
    done = subprocess.run(
        [sys.executable, "-c", SIGNALLED, str(file), "watch", "job-1", "--timeout", "5s"],
        env=hermetic() | environ_at("http://127.0.0.1:9"),
        capture_output=True,
        text=True,
        check=False,
    )
    codes = json.loads(file.read_text(encoding="utf-8"))
    assert done.returncode == 124
    assert len(codes) >= 1000
    assert [(expected, code) for expected, code in codes if code != expected] == []
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="the system has no disk that is always full")
def test_the_version_where_it_cannot_be_written() -> None:
    """A full disk is one line and code 3 for --version as for every command."""
    with FULL.open("wb") as full:
        command = [sys.executable, "-m", "migstat", "--version"]
        done = subprocess.run(command, env=hermetic(), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "No space left" in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_a_commands_own_help_begins_with(name: str) -> None:
    """Commands are listed without loading them, in the words of their own help."""
    first = str(loaded(name).help).partition("\n\n")[0]
    assert " ".join(first.split()) == COMMANDS[name]
