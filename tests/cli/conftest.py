"""What tests of several files share because it takes long."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.command_line import started


@pytest.fixture(scope="session")
def demo() -> Iterator[subprocess.Popen[str]]:
    """Return a `migstat demo` into a pipe, which goes on while other tests do."""
    with started(["demo"], {}) as begun:
        yield begun
