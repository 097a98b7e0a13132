"""Settings of the whole test suite."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from migstat.simulator.scenarios import build
from migstat.simulator.server import Server, serve

NEEDS_POSIX = re.compile(
    r"^(?:import|from) (?:pexpect|pty|tests\.(?:completion\.shells|full_disk|terminal))\b", re.MULTILINE
)

# A shell lets what it starts with `&` ignore Ctrl-C, and nohup a hang-up; the programs under test would inherit both.
for _name, _handler in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
    _number = getattr(signal, _name, None)  # Windows has no SIGHUP
    if _number is not None and signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)

# A proxy of the machine would stand between the tests and their servers.
for _variable in [name for name in os.environ if name.lower().endswith("_proxy")]:
    del os.environ[_variable]

# The same examples each time: a failure belongs to the change at hand. `--hypothesis-profile explore` looks for others.
settings.register_profile(
    "quick",
    deadline=None,
    derandomize=True,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.register_profile("ci", settings.get_profile("quick"), max_examples=60)
settings.register_profile("explore", settings.get_profile("quick"), derandomize=False, max_examples=1000)
settings.load_profile("ci" if os.environ.get("CI") else "quick")


@pytest.fixture(autouse=True)
def zone(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let local time be that of the zone that a test is marked with."""
    marker = request.node.get_closest_marker("zone")
    if marker is None:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", marker.args[0])
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def unmeasured() -> Iterator[None]:
    """Stop measuring coverage, which makes a test that only repeats what others cover two and a half times as slow."""
    measuring = sys.modules["coverage"].Coverage.current() if "coverage" in sys.modules else None
    if measuring is not None:
        measuring.stop()
    yield
    if measuring is not None:
        measuring.start()


@contextmanager
def _at(share: float) -> Iterator[Server]:
    """A cutover in which projects fail, standing still when this share of it is over."""
    scenario = build("projects-failing")
    with serve(
        scenario, head_start=scenario.duration * share, clock=lambda: 1_790_000_000.0, speed=1.0, rate_limit=None
    ) as served:
        yield served


@pytest.fixture(scope="session")
def going() -> Iterator[Server]:
    """A cutover in which some projects have failed, and some still run."""
    with _at(0.6) as served:
        yield served


@pytest.fixture(scope="session")
def over() -> Iterator[Server]:
    """The same when it has ended; one project is INCOMPLETE."""
    with _at(1.1) as served:
        yield served


def pytest_xdist_auto_num_workers() -> int:
    """Use one worker more than processors, because tests of screens and watches mostly wait."""
    return (os.cpu_count() or 1) + 1


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out tests that need a pseudo-terminal where the system has none."""
    if sys.platform != "win32" or collection_path.suffix != ".py":
        return None
    return bool(NEEDS_POSIX.search(collection_path.read_text(encoding="utf-8"))) or None
