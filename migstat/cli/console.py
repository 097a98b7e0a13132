"""The Windows console, which obeys escape sequences only once that is switched on."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any, TextIO

PROCESSES_ESCAPES = 0x0004
"""The bit of a console's mode for obeying them (ENABLE_VIRTUAL_TERMINAL_PROCESSING)."""


def obeys_escapes(*streams: TextIO | None) -> bool:
    """True if all streams that are terminals obey escape sequences; switches that on if possible."""
    if sys.platform == "win32":
        import ctypes
        import msvcrt

        handles = []
        with suppress(OSError, ValueError):  # a closed stream is not a terminal
            handles = [msvcrt.get_osfhandle(each.fileno()) for each in streams if each is not None and each.isatty()]
        kernel = ctypes.WinDLL("kernel32")
        obeying = [switched_on(kernel, ctypes.c_void_p(handle)) for handle in handles]
        return all(obeying)
    return True


def switched_on(kernel: Any, handle: object) -> bool:
    """Switch escape sequences on; True if the console obeys them now."""
    from ctypes import byref, c_uint32

    mode = c_uint32()
    # Both functions return 0 if they fail: the first for a pipe, the second before Windows 10, which does not know the
    # bit. Windows 10 knows it, but does not set it.
    if not kernel.GetConsoleMode(handle, byref(mode)):
        return False
    return bool(mode.value & PROCESSES_ESCAPES or kernel.SetConsoleMode(handle, mode.value | PROCESSES_ESCAPES))
