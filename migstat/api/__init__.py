"""The migration API over HTTP: endpoints, decoding, retries, the request budget and downloads."""

import sys

# `import httpx` also imports its command line, and with it click, Rich and Pygments, wherever click is installed.
# This placeholder makes that import fail, which httpx is prepared for.
if "httpx" not in sys.modules:
    sys.modules["httpx._main"] = None  # type: ignore[assignment]
