"""The command line: one small file per command."""

import sys

# `import httpx` also imports its command line, and with it click, Rich and Pygments, wherever click is installed.
# This placeholder makes that import fail, which httpx is prepared for. Users of the Python API get httpx as it is.
if "httpx" not in sys.modules:
    sys.modules["httpx._main"] = None  # type: ignore[assignment]
