"""How the whole suite is run."""

from __future__ import annotations

import os


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than processors: the tests of screens and of watches wait, most of the time."""
    return (os.cpu_count() or 1) + 1
