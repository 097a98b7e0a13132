"""The page of a watch in a real browser: it reloads, stays where it was, and says when it is old."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from msgspec.structs import replace

from migstat.cli.demo_nights import record_night
from migstat.files.whole import write_whole
from migstat.follow.night import night_in
from migstat.model.events import View
from migstat.model.nights import Night, Span, timeline_report
from migstat.model.nodes import State
from migstat.model.verdict import Verdict
from migstat.render.exported import ExportedView
from migstat.render.page import page_text
from migstat.render.timeline_page import timeline_page
from migstat.simulator.scenarios import build
from tests.browser import CHROMIUM, Browser, Page, browser
from tests.render.screens import BAD, FAILURE, LOG, MIDDLE, NOW, OUTAGE, PROJECTS, RESULT, RUNS, WELL, night, node
from tests.sockets import head, serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None and not ("CI" in os.environ and sys.platform == "linux"), reason="needs Chromium"
    ),
]

SECOND = 1000
PLACE = "Math.round(scrollY - document.getElementById('stale').getBoundingClientRect().height)"
EVIL = "</title></script><script>document.body.remove()</script><img src=x onerror=alert(1)><style>*{display:none}"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A phone at NOW. Its page may ask for nothing but itself, nor complain but of a server that is away."""
    tab = Page(chromium)
    tab.window(390, 844)
    tab.clock(NOW)
    yield tab
    assert [text for text in tab.complaints if "503" not in text] == []
    assert len(tab.requests) == 1
    tab.close()


def put(path: Path, view: View, **given: Any) -> None:
    write_whole(path, page_text(ExportedView(view=view, log=LOG * 3, **given)), private=False)


def state(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.run(
        """({title: document.title, old: document.body.classList.contains("stale"), y: Math.round(scrollY),
             notice: document.getElementById("stale").innerText,
             open: [...document.querySelectorAll("details[open]")].map(each => each.id)})"""
    )
    return found


@pytest.mark.parametrize("by_reader", [False, True], ids=["by-itself", "by-reader"])
def test_a_reload_changes_what_is_new_and_nothing_else(page: Page, tmp_path: Path, by_reader: bool) -> None:
    """After a reload the page shows the new state at the same place, unfolded where it was."""
    path = tmp_path / "war room.html"
    put(path, MIDDLE)
    page.open(path)
    page.run("document.querySelector('#succeeded summary').click(); scrollTo(0, 400)")
    before = state(page)
    assert (before["y"], before["open"], before["old"]) == (400, ["succeeded"], False)
    put(path, replace(FAILURE, at=NOW + 10 * SECOND))
    page.clock(NOW + 10 * SECOND)
    page.reloaded(by_reader=by_reader)
    after = state(page)
    assert (after["y"], after["open"], after["old"]) == (400, ["succeeded"], False)
    assert (before["title"], after["title"]) == (
        "● running, 14 of 24 projects · Jira to the cloud",
        "● running, 18 of 28 projects, 3 failed · Jira to the cloud",
    )


def test_a_page_nobody_writes_any_more_turns_gray(page: Page, tmp_path: Path) -> None:
    """It says so after three intervals and not before, keeps its place meanwhile, and recovers; the end never does."""
    path = tmp_path / "page.html"
    put(path, MIDDLE)
    page.open(path)
    page.run("scrollTo(0, 400)")
    seen = []
    for seconds in (29, 31, 61):
        page.clock(NOW + seconds * SECOND)
        page.reloaded()
        seen.append((state(page)["old"], page.run(PLACE)))
    assert seen == [(False, 400), (True, 400), (True, 400)]
    assert state(page)["notice"].startswith("Not updated since 14:13")
    put(path, replace(MIDDLE, at=NOW + 62 * SECOND))
    page.clock(NOW + 70 * SECOND)
    page.reloaded()
    assert (state(page)["old"], state(page)["y"]) == (False, 400)
    put(path, FAILURE, result=RESULT)
    page.clock(NOW + 3 * 86_400 * SECOND)
    page.reloaded()
    assert state(page)["old"] is False
    assert "The watch ended 21 Sep 2026 14:13 UTC: failed after 1h 38m" in page.run("document.body.innerText")


@pytest.mark.parametrize("wrong", [-3600, 3600], ids=["slow", "fast"])
def test_a_reader_s_clock_may_be_wrong(page: Page, tmp_path: Path, wrong: int) -> None:
    """A page that has just changed is not old, and one that has not is, whatever the reader's clock says."""
    path, clock = tmp_path / "page.html", NOW + wrong * SECOND
    page.clock(clock)
    put(path, MIDDLE)
    page.open(path)
    put(path, replace(MIDDLE, at=NOW + 10 * SECOND))
    page.clock(clock + 10 * SECOND)
    page.reloaded()
    assert state(page)["old"] is False
    page.clock(clock + 41 * SECOND)
    page.reloaded()
    assert state(page)["old"] is True


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1920, 1080)], ids=["phone", "projector"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_page_is_legible(page: Page, tmp_path: Path, width: int, height: int, dark: bool) -> None:
    """Nothing sticks out sideways, texts have enough contrast, and a projector shows what fails without scrolling."""
    path = tmp_path / "page.html"
    page.window(width, height, dark=dark)
    for view, result, seconds in ((FAILURE, None, 0), (FAILURE, None, 600), (OUTAGE, None, 0), (FAILURE, RESULT, 0)):
        put(path, view, result=result)
        page.clock(NOW + seconds * SECOND)
        page.open(path)
        assert page.run("document.documentElement.scrollWidth") <= width
        assert page.run(CONTRAST) == []
        running = page.run("[...document.querySelectorAll('h2')].find(each => each.innerText === 'Running').offsetTop")
        assert running < height * (1 if width > 1000 else 2)


CONTRAST = """
(() => {
  const parts = color => color.match(/[\\d.]+/g).map(Number);
  const line = each => each ? [each, ...line(each.parentElement)] : [];
  const paper = each => line(each).map(e => parts(getComputedStyle(e).backgroundColor)).find(([,,, a]) => a !== 0);
  const light = color => { const [r, g, b] = color.map(c => c / 255)
    .map(c => c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b };
  const texts = [...document.querySelectorAll("h1, h2, p, li, span, summary")].filter(each => each.checkVisibility());
  return texts.map(each => {
    const solid = line(each).reduce((product, e) => product * getComputedStyle(e).opacity, 1), back = paper(each);
    const ink = parts(getComputedStyle(each).color).map((c, at) => c * solid + back[at] * (1 - solid)).slice(0, 3);
    const [dark, bright] = [light(ink), light(back)].sort((a, b) => a - b);
    return [each.innerText, (bright + .05) / (dark + .05)];
  }).filter(([text, contrast]) => contrast < 4.5);
})()
"""


def test_hostile_names_and_messages_are_only_text(page: Page, tmp_path: Path) -> None:
    """Markup from the server is shown literally, and does nothing."""
    path = tmp_path / "page.html"
    evil = [node(*PROJECTS, EVIL, state=state, message=EVIL) for state in ("FAILED", "IN_PROGRESS", "PENDING")]
    view = night(*evil)
    assert view.snapshot is not None
    put(path, replace(view, snapshot=replace(view.snapshot, job_name=EVIL, destination="javascript:alert(1)")))
    page.open(path)
    assert page.run("document.body.innerText").count("<img src=x onerror=alert(1)>") >= 4
    found = page.run("[...document.querySelectorAll('img, a, script, style')].map(e => e.localName).join()")
    assert found == "style,script"
    assert EVIL in page.run("document.title")


def test_without_scripts_the_page_reloads_all_the_same(page: Page, tmp_path: Path) -> None:
    """If scripts do not run, the browser reloads the page by itself."""
    path = tmp_path / "page.html"
    put(path, MIDDLE)
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    page.open(path)
    assert page.wait("Page.frameScheduledNavigation")["reason"] == "metaTagRefresh"


def test_a_server_that_is_away_leaves_the_page(page: Page, tmp_path: Path) -> None:
    """From a web server the page reloads like from a folder; while the server is away, the last page stays."""
    path, away = tmp_path / "page.html", Event()

    def respond(request: BaseHTTPRequestHandler) -> None:
        body = path.read_bytes()
        request.wfile.write(head(503 if away.is_set() else 200, [("Content-Length", len(body))]))
        request.wfile.write(body if request.command == "GET" else b"")

    put(path, MIDDLE)
    with serving(respond) as url:
        page.open(f"{url}/page.html")
        put(path, replace(FAILURE, at=NOW + 10 * SECOND))
        page.reloaded()
        away.set()
        page.tick(10_000)
    assert "18 of 28 projects" in page.run("document.title")


def test_a_page_of_thousands_of_projects_is_small_and_quick(page: Page, tmp_path: Path) -> None:
    """The page holds every name, but is bounded whatever fails or runs."""
    path = tmp_path / "page.html"
    many = [
        replace(each, level=(*PROJECTS, f"{each.level[-1]}{at}"))
        for at in range(5000)
        for each in (BAD[0], RUNS[0], WELL[0])
    ]
    put(path, night(*many, verdict=Verdict.RUNNING))
    assert path.stat().st_size < 500_000
    page.open(path)
    assert "+4 751 more" in page.run("document.body.innerText")
    assert page.run("document.querySelectorAll('#succeeded li').length") == 5000


def test_the_page_of_a_night_fits_any_window(page: Page, tmp_path: Path) -> None:
    """The report of a recorded night has bars as long as they lasted, and needs no scrolling to the side."""
    record, file = tmp_path / "night.jsonl", tmp_path / "sunday.html"
    record_night(record, build("projects-failing"), 1_793_500_000.0)
    night = night_in(record)
    file.write_text(timeline_page(timeline_report(night, night)))
    for width in (360, 768, 1024, 1600):
        page.window(width, 900)
        page.open(file)
        assert page.run("document.documentElement.scrollWidth") <= width
        bars = page.run(
            """Object.fromEntries([...document.querySelectorAll("tbody tr")].map(row =>
                 [row.cells[0].innerText, row.querySelector("rect").getBoundingClientRect().width]))"""
        )
        assert len(bars) == 45
        assert bars["apps"] > 2 * bars["ITSM"] > bars["HR"] > 0


def test_the_times_above_the_bars_can_be_read_in_any_window(page: Page, tmp_path: Path) -> None:
    """Where the column of the bars is narrow, it has fewer times, and no two overlap."""
    level, minute, file = ("migrate", "projects", "A-LONG-NAME"), 60 * SECOND, tmp_path / "sunday.html"
    span = Span(
        level=level, state=State.WARNING, started=NOW, ended=NOW + 8 * minute, message="Some were left out. " * 9
    )
    file.write_text(timeline_page(timeline_report(Night(spans={level: span}, as_of=NOW + 8 * minute), None)))
    shown = set[int]()
    for width in (360, 600, 768, 1000, 1300, 2000):
        page.window(width, 900)
        page.open(file)
        marks = page.run(
            """[...document.querySelectorAll(".axis text")].map(text => text.getBoundingClientRect())
                 .filter(box => box.width).map(box => [box.left, box.right])"""
        )
        assert all(right + 2 < left for (_, right), (left, _) in pairwise(marks)), f"overlap at {width} px"
        shown.add(len(marks))
    assert min(shown) >= 2
    assert max(shown) >= 6
