"""Programs on a pseudo-terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pexpect

MIGSTAT = (sys.executable, "-m", "migstat")
PATIENCE = 20.0
"""Seconds of real time within which a program must show what is waited for."""


def on_terminal(
    command: Sequence[str], environ: Mapping[str, str], *, size: tuple[int, int] = (100, 50), **more: Any
) -> pexpect.spawn[str]:
    """Start a program on a terminal of so many columns and lines. Neither typing nor closing it takes a pause."""
    child = pexpect.spawn(
        command[0],
        [*command[1:]],
        env=dict(environ),
        dimensions=(size[1], size[0]),
        encoding="utf-8",
        timeout=PATIENCE,
        **more,
    )
    child.delaybeforesend = None
    child.ptyproc.delayafterclose = child.ptyproc.delayafterterminate = 0.01
    return child


def end_of(child: pexpect.spawn[str]) -> tuple[str, int]:
    """Wait for the end of a program: what it wrote since it was last waited for, and its exit code."""
    child.expect(pexpect.EOF)
    child.close()
    assert isinstance(child.exitstatus, int)
    return child.before or "", child.exitstatus
