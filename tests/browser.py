"""Headless Chromium, driven over its DevTools pipe."""

from __future__ import annotations

import itertools
import json
import os
import select
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

PATIENCE = 120.0
"""Seconds within which the browser must say something."""

RENUMBERED = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)
"""Starts a program with two pipes as descriptors 3 and 4, as Chromium expects them."""

COMPLAINTS = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")


class Browser:
    def __init__(self, commands: int, answers: int) -> None:
        self._commands = commands
        self._answers = answers
        self._unread = b""
        self._ids = itertools.count(1)
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str | None = None, **params: Any) -> Any:
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (answer := self.read()).get("id") != number:
            self.events.append(answer)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def read(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            assert select.select([self._answers], [], [], PATIENCE)[0], "the browser says nothing"
            piece = os.read(self._answers, 1 << 16)
            assert piece, "the browser has gone"
            self._unread += piece
        raw, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(raw)
        return message


class Page:
    """A new tab, so that no late event of an earlier test is taken for one of this test's page."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._session: str | None = None
        self._clock: str | None = None
        self._target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Page.setLifecycleEventsEnabled", enabled=True)

    def close(self) -> None:
        self._browser.call("Target.closeTarget", targetId=self._target)

    def call(self, method: str, **params: Any) -> Any:
        return self._browser.call(method, self._session, **params)

    def events(self, *methods: str) -> list[dict[str, Any]]:
        mine = (event for event in self._browser.events if event.get("sessionId") == self._session)
        return [event["params"] for event in mine if event["method"] in methods]

    def wait(self, event: str, before: int = 0, **expected: str) -> dict[str, Any]:
        """Wait for an event with these parameters; the first `before` of its name do not count."""
        while True:
            for params in self.events(event)[before:]:
                if expected.items() <= params.items():
                    return params
            self._browser.events.append(self._browser.read())

    @property
    def requests(self) -> set[str]:
        return {params["request"]["url"] for params in self.events("Network.requestWillBeSent")}

    @property
    def complaints(self) -> list[str]:
        return list(map(json.dumps, self.events(*COMPLAINTS)))

    def open(self, url: str | Path) -> None:
        answer = self.call("Page.navigate", url=url.as_uri() if isinstance(url, Path) else url)
        self.wait("Page.lifecycleEvent", name="load", loaderId=answer["loaderId"])

    def reloaded(self, *, by_reader: bool = False) -> None:
        """Let the page reload itself, or the reader reload it, and wait until it has loaded."""
        before = len(self.events("Page.lifecycleEvent"))
        self.call("Page.reload") if by_reader else self.tick(10_000)
        self.wait("Page.lifecycleEvent", before, name="load")

    def clock(self, now: int) -> None:
        """Let pages loaded from now on see this time, in epoch milliseconds; their timers wait for `tick`."""
        if self._clock is not None:
            self.call("Page.removeScriptToEvaluateOnNewDocument", identifier=self._clock)
        source = (
            f"const ticks = {{}}; setInterval = (work, every) => {{ ticks[every] = work }}; Date.now = () => {now};"
        )
        self._clock = self.call("Page.addScriptToEvaluateOnNewDocument", source=source)["identifier"]

    def tick(self, every: int) -> None:
        self.run(f"ticks[{every}]()")

    def run(self, expression: str) -> Any:
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def window(self, width: int, height: int, *, dark: bool = False) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
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
            yield Browser(ours_out, ours_in)
        finally:
            process.kill()
            os.close(ours_out)
            os.close(ours_in)
