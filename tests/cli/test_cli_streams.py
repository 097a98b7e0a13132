"""Pipes, terminals and signals: what only a process shows."""

from __future__ import annotations

import io
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pyte
import pytest

from migstat.cli.background import BackgroundStream, BackgroundStreams
from migstat.cli.screen import Badge, LiveScreen
from migstat.cli.streams import Streams, wants_color
from migstat.follow.deadline import Stopped
from migstat.simulator.scenario import Scenario
from migstat.simulator.server import Server
from tests.command_line import environ_of, hermetic, line_of, process, started, until
from tests.interrupting import at_each_step
from tests.scenarios import check_run, frozen, node
from tests.servers import ask, server_of, still
from tests.terminal import MIGSTAT, end_of, on_terminal


def failed_checks() -> Scenario:
    many = (node(f"Check{number:04d}", "SUCCESS", "x" * 200) for number in range(1000))
    return check_run("FAILED", node("Broken", "FAILED"), *many)


server = server_of(failed_checks())

small = server_of(frozen("running", migrate="running", projects=(node("ACME", "running"),)))


def environ(server: Server, **more: str) -> dict[str, str]:
    return hermetic() | environ_of(server) | more


def shell(script: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    defined = f'migstat() {{ "{sys.executable}" -m migstat "$@"; }}\n{script}'
    # Under `ulimit -f`, Python would leave truncated bytecode for all later runs.
    env = {**env, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        ["/bin/bash", "-c", defined], env=env, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("form", ["plain", "json", "table --all"])
def test_a_closed_pipe_ends_the_program_quietly(server: Server, form: str) -> None:
    """`| head` ends the program quietly with the code that the data gives."""
    script = f"migstat checks --exit-status -o {form} | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}"
    done = shell(script, environ(server))
    assert (done.stdout, done.stderr) == ("1\n", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("status --exit-status", 8), ("status --help", 0), ("help environment", 0), ("watch --json", 0),
        ("watch --json --strict", 1),
    ],
)  # fmt: skip
def test_a_pipe_that_was_closed_before_is_quiet_too(small: Server, words: str, code: int) -> None:
    """Without any reader the code is still that of the data, and nothing is printed."""
    with nullcontext(small) if "watch" not in words else still(frozen("WARNING")) as server:
        done = shell(f"migstat {words} > >(exec true); echo $?", environ(server))
    assert (done.stdout, done.stderr) == (f"{code}\n", "")


@pytest.mark.parametrize("form", ["plain", pytest.param("table", marks=pytest.mark.slow)])
def test_a_full_disk_is_one_line(small: Server, form: str) -> None:
    """Output that cannot be written is code 3 and said in one line."""
    done = shell(f"migstat status --exit-status -o {form} > /dev/full", environ(small))
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert "No space left" in done.stderr


@pytest.mark.slow
def test_closed_streams_are_no_traceback(small: Server) -> None:
    """A report that has nowhere to go is code 3; with standard error closed the code is that of the data."""
    closings = ("status >&-", "status --exit-status 2>&- >/dev/null", "status nowhere 2>&-",
                "status --exit-status <&- >&- 2>&-", "status --token-file - <&-")  # fmt: skip
    done = shell("".join(f"migstat {words}; echo $?\n" for words in closings), environ(small))
    assert done.stdout == "3\n8\n5\n3\n4\n"
    closed, *rest = done.stderr.splitlines()
    assert closed == "migstat: cannot write to standard output: Bad file descriptor"
    assert (len(rest) <= 2, "Traceback" in done.stderr) == (True, False)


@pytest.mark.slow
@pytest.mark.parametrize("out", ["&-", "/dev/full"])
@pytest.mark.parametrize(("answered", "code"), [(True, 3), (False, 124)])
def test_a_watch_says_that_its_output_was_lost(out: str, answered: bool, code: int) -> None:
    """A watch that cannot write says so in one line of JSON, also if its last line is the first one to be lost."""
    with still(frozen("running")) as server:
        if not answered:
            server.faults.add("slow", 100, seconds=60.0)
        done = shell(f"migstat watch --json --timeout {2 if code == 124 else 60} >{out}", environ(server))
    assert done.returncode == code
    (line,) = done.stderr.splitlines()
    assert json.loads(line)["error"]["code"] == "output"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "fault", "more"),
    [
        ("-o table", "slow", {"seconds": 60.0}),
        ("--json", "slow", {"seconds": 60.0}),
        ("-v", "429", {"retry_after": 15}),
    ],
)
def test_ctrl_c_ends_it_at_once(words: str, fault: str, more: dict[str, Any]) -> None:
    """Ctrl-C while an answer is pending, or before the next attempt, is code 130, without a traceback."""
    with still(frozen()) as server:
        server.faults.add(fault, 100, **more)
        with started(["status", *words.split()], environ_of(server) | {"MIGSTAT_REQUEST_TIMEOUT": "60"}) as running:
            until(lambda: server.requests)
            while words == "-v" and "again in" not in line_of(running.stderr):
                pass
            running.send_signal(signal.SIGINT)
            out, err = running.communicate(timeout=30)
    assert (running.returncode, out) == (130, "")
    if words == "--json":
        assert json.loads(err)["error"]["code"] == "interrupted"
    else:
        assert 1 <= len(err.splitlines()) <= (2 if fault == "slow" else 9)
        assert ("migration itself continues" in err, "Traceback" in err) == (True, False)


LOADING = """
from migstat.cli.commands import schema
from migstat.__main__ import run
def schema_of(_):
    exec("import os, signal, time; os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)")
schema.schema_of = schema_of
run()
"""
"""A command that gets a signal within an `exec`, as where a library makes its classes while it loads."""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
def test_a_signal_while_a_library_loads_has_its_own_code(tmp_path: Path) -> None:
    """Run by `python -m`, Python would end by SIGINT for a KeyboardInterrupt that passes through an `exec`."""
    (tmp_path / "loading.py").write_text(LOADING)
    command, env = [sys.executable, "-m", "loading", "schema", "error"], hermetic() | {"PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr) == (143, "migstat: interrupted\n")


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such pipes")
@pytest.mark.parametrize(
    ("words", "environ"),
    [
        (["status", "job-1"], {"MIGSTAT_CONFIG": "PIPE"}),
        (["status", "job-1", "--token-file", "PIPE"], {"MIGSTAT_EMAIL": "a@b"}),
        (["watch", "job-1", "--baseline", "PIPE"], {}),
        (["timeline", "PIPE"], {}),
    ],
)
def test_a_signal_ends_the_reading_of_a_pipe(tmp_path: Path, words: list[str], environ: dict[str, str]) -> None:
    """A file may be a pipe that never answers; to report the interruption, the config file is not read again."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    env = {name: value.replace("PIPE", str(pipe)) for name, value in environ.items()}
    with started([word.replace("PIPE", str(pipe)) for word in words], env) as running, pipe.open("wb", buffering=0):
        running.send_signal(signal.SIGTERM)  # it has opened the pipe
        _, err = running.communicate(timeout=30)
    assert (running.returncode, err.splitlines()[0]) == (143, "migstat: interrupted")


def on_a_terminal(words: list[str], env: Mapping[str, str], *, columns: int = 100) -> tuple[str, pyte.Screen, int]:
    """Run a command line on a pseudo-terminal: what it wrote, the screen after it, and its code."""
    written, code = end_of(on_terminal([*MIGSTAT, *words], env, size=(columns, 50)))
    screen = pyte.Screen(columns, 50)
    pyte.Stream(screen).feed(written)
    return written, screen, code


@pytest.mark.slow
def test_what_a_watch_says_last_is_wrapped_between_words(small: Server) -> None:
    """Even though a thread writes it, the window's width is known."""
    words = ["watch", "-o", "plain", "--timeout", "0.1s"]  # perhaps before the first answer
    _, screen, code = on_a_terminal(words, environ(small, TERM="xterm"), columns=40)
    lines = [line.rstrip() for line in screen.display if line.strip()]
    assert code == 124
    assert "migstat: stopped after 0s (--timeout):" in lines


@pytest.mark.slow
def test_a_person_sees_a_table_in_color_where_it_is_wanted(small: Server) -> None:
    """On a terminal the default is a table in color that fits the window; with NO_COLOR it has no escape sequence."""
    env = environ(small, TERM="xterm-256color")
    written, screen, code = on_a_terminal(["status", "--exit-status"], env, columns=60)
    lines = [line.rstrip() for line in screen.display if line.strip()]
    assert (code, "\x1b[" in written) == (8, True)
    assert lines[0] == "● running · 0 of 1   Jira to the cloud → acme.example.com"
    assert all(any(re.search(rf"{name}\s+● running", line) for line in lines) for name in ("projects", "ACME"))
    glyph = screen.buffer[0][0]
    assert (glyph.data, glyph.fg != "default") == ("●", True)
    for words, more in ((["status"], {"NO_COLOR": "1"}), (["status", "-o", "plain"], {"FORCE_COLOR": "1"})):
        written, _, code = on_a_terminal(words, env | more)
        assert (code, "\x1b" in written, "ACME" in written) == (0, False, True)


@pytest.mark.parametrize(
    ("variables", "terminal", "pipe", "flag"),
    [
        ("", True, False, "auto"),
        ("NO_COLOR=1", False, False, "auto"),
        ("NO_COLOR=", True, False, "auto"),
        ("FORCE_COLOR=1", True, True, "auto"),
        ("FORCE_COLOR=0", False, False, "auto"),
        ("FORCE_COLOR=", True, False, "auto"),
        ("NO_COLOR=1 FORCE_COLOR=1", False, False, "auto"),
        ("CLICOLOR=0", False, False, "auto"),
        ("CLICOLOR=1", True, False, "auto"),
        ("CLICOLOR_FORCE=1", True, True, "auto"),
        ("CLICOLOR_FORCE=0", True, False, "auto"),
        ("CLICOLOR_FORCE=1 CLICOLOR=0", True, True, "auto"),
        ("TERM=dumb", False, False, "auto"),
        ("TERM=dumb FORCE_COLOR=1", True, True, "auto"),
        ("GITHUB_ACTIONS=true PY_COLORS=1", True, False, "auto"),
        ("NO_COLOR=1 TERM=dumb", True, True, "always"),
        ("FORCE_COLOR=1", False, False, "never"),
    ],
)
def test_one_rule_decides_about_color(variables: str, terminal: bool, pipe: bool, flag: str) -> None:
    """The flag beats NO_COLOR, which beats what forces color, which beats a terminal that cannot show it."""
    environ = dict(variable.split("=") for variable in variables.split())
    assert [wants_color(flag, environ, is_terminal=kind) for kind in (True, False)] == [terminal, pipe]


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_half_a_document_is_an_error(server: Server, unbuffered: str, tmp_path: Path) -> None:
    """A file that fills up midway, after a short write, is code 3 with one line, buffered or not."""
    script = f"ulimit -f 256; migstat checks --json > {tmp_path}/out.json"
    done = shell(script, environ(server, PYTHONUNBUFFERED=unbuffered))
    assert done.returncode == 3
    assert json.loads(done.stderr)["error"]["message"]


@pytest.mark.slow
def test_a_slow_reader_of_a_non_blocking_pipe_gets_everything(server: Server) -> None:
    """Standard output that takes no more for now is waited for."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with started(["checks", "--json"], environ_of(server), stdout=writing) as running:
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            head = pipe.read(10)
            while running.poll() is None and not select.select([], [], [], 0.05)[0] and len(head) < 200_000:
                head += pipe.read(1000)
            document = json.loads(head + pipe.read())
        assert (running.wait(30), len(document["checks"])) == (0, 1001)


def test_color_changes_nothing_but_color(small: Server) -> None:
    """A table without its escape sequences is the table without color; --color always holds whatever the terminal."""
    words = ("status", "-o", "table", "--color")
    colored, plain = (ask(small, *words, when, env={"TERM": "dumb"}).out for when in ("always", "never"))
    assert re.search(r"\x1b\[[0-9;]+m● running", colored)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == plain


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "plain"),
    [
        ("LANG=", True), ("LC_ALL=C", True), ("LC_ALL=C.UTF-8 LANG=C", False), ("LANG= LC_CTYPE=UTF-8", False),
        ("PYTHONIOENCODING=ascii", True),
    ],
)  # fmt: skip
def test_the_plain_locale_gets_plain_signs(small: Server, variables: str, plain: bool) -> None:
    """In the C locale, named or not, signs are ASCII, although Python switches to UTF-8; elsewhere they are not."""
    environ = environ_of(small) | dict(variable.split("=") for variable in variables.split())
    result = process(["status", "-o", "tree"], environ)
    assert (result.code, result.out.isascii(), "> running" in result.out) == (0, plain, plain)


def test_verbose_logs_each_request(server: Server) -> None:
    """-v logs requests, further pages, errors and waits on standard error, and changes nothing else."""
    quiet = ask(server, "checks")
    server.faults.add("503", 1)
    server.faults.add("reset", 1)
    logged = ask(server, "checks", "-v")
    assert logged.out == quiet.out
    request = r"GET /migrations/public/v1/jobs/job-1\S* (200|503|cannot reach .+) \d+ ms( page \d+)?"
    lines = logged.err.splitlines()
    assert [line for line in lines if not re.fullmatch(rf"{request}|trying again in \d+s: .+", line)] == []
    assert re.search(r"GET \S*cursor=\S+ 200 \d+ ms page 51$", logged.err, re.MULTILINE)
    assert re.search(r"GET \S+ 503 \d+ ms$", logged.err, re.MULTILINE)
    assert len(re.findall(r"^trying again in \d+s: ", logged.err, re.MULTILINE)) == 2


def test_progress_is_on_standard_error_of_a_terminal_only(server: Server) -> None:
    """Notices go to a terminal's standard error, are taken away again, and go nowhere into a pipe."""
    server.faults.add("429", 1, retry_after=2)
    result = ask(server, "checks", err_terminal=True)
    assert ("reading" in result.err, "\n" in result.err) == (True, False)
    assert result.err.endswith("\r\x1b[K")
    server.faults.add("429", 1, retry_after=2)
    assert ask(server, "checks").err == ""
    assert result.out == ask(server, "checks").out


WATCH = "watch --interval 0.2s --stall-after 99999h"


@pytest.mark.slow
@pytest.mark.parametrize(("words", "number", "code"), [(["--timeout", "2s"], None, 124), ([], signal.SIGTERM, 143)])
def test_a_pipe_that_nobody_reads_holds_up_nothing(words: list[str], number: signal.Signals | None, code: int) -> None:
    """With more to write than a full pipe takes, timeouts and signals end a watch with their codes."""
    projects = tuple(node(f"P{number:03}", "running", "x" * 500) for number in range(200))
    with still(frozen("running", migrate="running", projects=projects)) as big:
        command = [*WATCH.split(), "--json", *words]
        with started(command, environ_of(big) | {"MIGSTAT_RATE_LIMIT": "none"}, text=False) as running:
            assert running.stdout is not None
            running.stdout.peek(1)  # type: ignore[attr-defined]
            if number is not None:
                running.send_signal(number)
            assert running.wait(30) == code
            assert running.stderr is not None
            assert b"output was lost: the reader of standard output stopped reading" in running.stderr.read()  # type: ignore[operator]


@pytest.mark.slow
def test_a_watch_ends_when_its_reader_has_gone(small: Server) -> None:
    """`watch --json | head -1` ends quietly with the code of the data, even if nothing more happens."""
    env = environ(small, MIGSTAT_RATE_LIMIT="none")
    done = shell(f"migstat {WATCH} --json | head -n 1 >/dev/null; echo ${{PIPESTATUS[0]}}", env)
    assert (done.stdout, done.stderr) == ("8\n", "")


@pytest.mark.slow
def test_a_record_on_a_full_disk_is_warned_about_once(server: Server, tmp_path: Path) -> None:
    """A record that cannot be written is one warning, has no half line, and leaves the code to the data."""
    path = tmp_path / "night.jsonl"
    path.write_text('{"event":"stalled","at":"2026-09-21T14:13:20Z","level":["x"],"name":"x"}\n')
    kept = path.read_text()
    done = shell(f"ulimit -f 8; migstat {WATCH} --record {path}", environ(server, MIGSTAT_RATE_LIMIT="none"))
    assert done.returncode == 1
    assert len([line for line in done.stderr.splitlines() if "trying again" in line]) == 1
    assert "2 events were not written" in done.stderr
    assert path.read_text() == kept


def test_a_signal_within_a_write_locks_nothing() -> None:
    """Wherever in a write to a stream in the background a signal raises, the stream can be written to after it."""
    stream = BackgroundStream(written := io.StringIO())
    for raised in at_each_step(lambda: stream.write("x")):
        assert raised is None or isinstance(raised, Stopped)
        another = threading.Thread(target=stream.write, args=("y",), daemon=True)
        another.start()
        another.join(10)
        assert not another.is_alive()
    stream.finish(10)
    assert (written.getvalue()[-2:], stream.unwritten) == ("xy", False)


@pytest.mark.parametrize("names", [("one", "one"), ("one", "other")])
def test_lines_for_one_file_keep_their_order(tmp_path: Path, names: tuple[str, str]) -> None:
    """Where both streams are one file (`> f 2>&1`), one thread writes them: no event comes after the verdict."""
    with (tmp_path / names[0]).open("a") as out, (tmp_path / names[1]).open("a") as err:
        background = BackgroundStreams(Streams(out, err))
        with background:
            background.streams.print("failed\n")
            background.streams.tell("migstat: over")
    assert (background.streams.out is background.streams.err) is (names[0] == names[1])
    assert "".join((tmp_path / name).read_text() for name in dict.fromkeys(names)) == "failed\nmigstat: over\n"


def test_ctrl_z_at_any_moment_holds_up_nothing() -> None:
    """Wherever Ctrl-Z interrupts the main thread on its way to the screen, the terminal can be handed back."""
    screen = LiveScreen(io.StringIO(), lambda *_: "", color=False, ascii_only=False, environ={})

    def refresh() -> None:
        sys.setprofile(lambda *_: screen.suspend())
        screen.refresh(Badge("title"))
        sys.setprofile(None)

    thread = threading.Thread(target=refresh, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
