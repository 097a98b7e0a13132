"""Signals that raise at any point of a call, without signals."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType

from migstat.follow.deadline import Stopped


def at_each_step(call: Callable[[], object]) -> Iterator[BaseException | None]:
    """Call it again and again, and raise Stopped a step later each time, wherever Python looks for signals.

    Yields what each call raised; the last one, which took fewer steps, raised nothing.
    """
    steps, raised = 0, None
    while steps == 0 or raised is not None:
        steps += 1
        left, raised = steps, None

        def step(_frame: FrameType, event: str, _: object) -> None:
            nonlocal left
            left -= event in ("call", "return", "c_return")
            if left == 0:
                raise Stopped(signal.SIGTERM)

        gc.disable()  # a finalizer of another test's garbage would swallow what is raised in it
        sys.setprofile(step)
        try:
            call()
        except BaseException as error:  # noqa: BLE001  whatever comes of it is what is tested
            raised = error
        finally:
            sys.setprofile(None)
            gc.enable()
        yield raised
