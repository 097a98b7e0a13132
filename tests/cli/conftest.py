"""What tests of several files share because it takes long."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.command_line import hermetic


@pytest.fixture(scope="session")
def demo() -> Iterator[subprocess.Popen[str]]:
    """Return a `migstat demo` into a pipe, which goes on while other tests do."""
    with subprocess.Popen(
        [sys.executable, "-m", "migstat", "demo"],
        env=hermetic(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        try:
            yield started
        finally:
            started.kill()
