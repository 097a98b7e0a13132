"""Headless Chromium, driven over its DevTools pipe."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)

RENUMBERED = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
"""Starts a program with two pipes as descriptors 3 and 4, as Chromium expects them."""

STATEMENTS = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
"""Events in which a page complains."""


class Page:
    """One tab. `requests` are the addresses it has asked for, `complaints` what it said in its console."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands = commands
        self._answers = os.fdopen(answers, "rb", closefd=False)
        self._ids = itertools.count(1)
        self._session: str | None = None
        self._clock: str | None = None
        self._events: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.complaints: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Any:
        """The result of a DevTools method."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != number:
            self._events.append(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def wait(self, event: str) -> Any:
        """The parameters of the next event of this name since the last call of `wait`."""
        while True:
            told = self._events.pop(0) if self._events else self._read()
            if told.get("method") == event:
                return told["params"]

    def open(self, url: str | Path) -> None:
        """Load a page, and wait until it has loaded."""
        self.run("window.left = true")
        self.call("Page.navigate", url=url.as_uri() if isinstance(url, Path) else url)
        self._arrive()

    def clock(self, now: int) -> None:
        """Let pages loaded from now on see this time, in epoch milliseconds; their timers wait for `tick`."""
        if self._clock is not None:
            self.call("Page.removeScriptToEvaluateOnNewDocument", identifier=self._clock)
        source = (
            f"const ticks = {{}}; setInterval = (work, every) => {{ ticks[every] = work }}; Date.now = () => {now};"
        )
        self._clock = self.call("Page.addScriptToEvaluateOnNewDocument", source=source)["identifier"]

    def tick(self, every: int) -> None:
        """Do what the page does every so many milliseconds."""
        self.run(f"ticks[{every}]()")

    def reloaded(self) -> None:
        """Let the page's time to reload come, and wait until it has."""
        self.run("window.left = true")
        self.tick(10_000)
        self._arrive()

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def window(self, width: int, height: int, *, scale: float = 1.0, dark: bool = False) -> None:
        """Be a window or a phone of this size, in light or dark."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 500,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, path: Path) -> None:
        """Save what the window shows as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def _arrive(self) -> None:
        """Wait until another page has loaded; an event may still be that of the page before."""
        self.wait("Page.loadEventFired")
        while not self.run("!window.left && document.readyState === 'complete'"):
            self.wait("Page.loadEventFired")

    def _read(self) -> dict[str, Any]:
        raw = bytearray()
        while (piece := self._answers.read(1)) != b"\0":
            assert piece, "the browser has gone"
            raw += piece
        message: dict[str, Any] = json.loads(raw)
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        if message.get("method") in STATEMENTS:
            self.complaints.append(json.dumps(message["params"]))
        return message


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """A tab in a browser of its own, whose files are in the folder `profile`."""
    assert CHROMIUM is not None, "no browser: apt-get install chromium"
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe"]
    flags += ["--no-first-run", "--disable-background-networking", "--hide-scrollbars", f"--user-data-dir={profile}"]
    with subprocess.Popen(
        [sys.executable, "-c", RENUMBERED, str(theirs_in), str(theirs_out), CHROMIUM, *flags],
        pass_fds=(theirs_in, theirs_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            yield Page(ours_out, ours_in)
        finally:
            process.kill()
            os.close(ours_out)
            os.close(ours_in)
