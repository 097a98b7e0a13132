"""Nothing that only POSIX has is used without a way round it: the program is for Linux, macOS and Windows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import migstat

PACKAGE = Path(migstat.__file__ or "").parent
MODULES = {"curses", "fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"}
NAMES = {
    "os": "chown chroot fchdir fchmod fchown fork forkpty get_blocking geteuid getgid getgroups getloadavg getpgid "
    "getpgrp getuid initgroups killpg lchown login_tty mkfifo mknod nice openpty pread preadv pwrite register_at_fork "
    "sched_getaffinity set_blocking setegid seteuid setgid setpgid setsid setuid statvfs sysconf tcgetpgrp ttyname "
    "uname wait wait3 wait4 WNOHANG O_ASYNC O_CLOEXEC O_DIRECTORY O_DSYNC O_NOCTTY O_NOFOLLOW O_NONBLOCK O_SYNC",
    "signal": "SIGALRM SIGCHLD SIGCONT SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGTSTP SIGUSR1 SIGUSR2 SIGWINCH alarm "
    "pause pthread_kill pthread_sigmask setitimer siginterrupt sigwait",
    "select": "epoll kqueue poll",
    "socket": "AF_UNIX SO_REUSEPORT socketpair",
    "time": "CLOCK_BOOTTIME CLOCK_MONOTONIC clock_gettime tzset",
}
POSIX_ONLY = {f"{module}.{name}" for module, names in NAMES.items() for name in names.split()}
FOLDERS = re.compile(r"/(dev|etc|proc|tmp|var|usr)/\w+")
CHECKS = re.compile(r"\bsys\.platform\b|\bos\.name\b|\bhasattr\(")


def used(source: str) -> list[str]:
    """Return what a source uses of POSIX where nothing has asked before whether it is there."""
    return list(_used(ast.parse(source).body))


def _used(body: list[ast.stmt]) -> Iterator[str]:
    """Yield what these statements use; what follows a guard that leaves is guarded, too."""
    for statement in body:
        if isinstance(statement, ast.If) and CHECKS.search(ast.unparse(statement.test)):
            if isinstance(statement.body[-1], ast.Return | ast.Raise | ast.Continue):
                return
            continue
        yield from _used_by(statement)


def _used_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.IfExp) and CHECKS.search(ast.unparse(node.test)):
        return
    match node:
        case ast.Import(names=names):
            yield from (each.name for each in names if each.name.partition(".")[0] in MODULES)
        case ast.ImportFrom(module=str(module), names=names):
            yield from (f"{module}.{each.name}" for each in names if f"{module}.{each.name}" in POSIX_ONLY)
            yield from [module] if module in MODULES else []
        case ast.Attribute() if ast.unparse(node) in POSIX_ONLY:
            yield ast.unparse(node)
        case ast.Constant(value=str(text)) if FOLDERS.fullmatch(text):
            yield text
    for _, value in ast.iter_fields(node):
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            yield from _used(value)
        else:
            parts = value if isinstance(value, list) else [value]
            yield from (each for part in parts if isinstance(part, ast.AST) for each in _used_by(part))


@pytest.mark.slow
def test_the_package_uses_nothing_that_only_posix_has() -> None:
    """Each module runs without POSIX, or checks before it uses any of it."""
    found = {path: used(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import os\nos.fchmod(1, 2)", ["os.fchmod"]),
        ("def f():\n    for _ in x:\n        import fcntl", ["fcntl"]),
        ("from pwd import getpwuid", ["pwd"]),
        ("from signal import SIGHUP, SIGINT", ["signal.SIGHUP"]),
        ("open('/dev/null')", ["/dev/null"]),
        ("try:\n    import termios\nexcept ImportError:\n    pass", ["termios"]),
        ("if x:\n    pass\nelse:\n    os.getuid()", ["os.getuid"]),
        ("if sys.platform != 'win32':\n    import fcntl", []),
        ("def f():\n    if sys.platform == 'win32':\n        return\n    import fcntl", []),
        ("def f():\n    if sys.platform == 'win32':\n        print()\n    import fcntl", ["fcntl"]),
        ("def f():\n    if sys.platform == 'win32':\n        return\ndef g():\n    import fcntl", ["fcntl"]),
        ("x = time.clock_gettime(1) if sys.platform == 'darwin' else 2", []),
        ("getattr(os, 'O_NOFOLLOW', 0); os.devnull; '/jobs/x'", []),
    ],
)
def test_the_reader_finds_what_has_no_guard(source: str, found: list[str]) -> None:
    """Uses are found at any depth, and a question for the platform guards what it decides on."""
    assert used(source) == found
