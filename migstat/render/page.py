"""The page for people who follow along without a token: everything a watch knows, in a file that reloads itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from migstat.model.events import End
from migstat.model.nodes import Millis, Node, State
from migstat.render.ending import last_line, status_line
from migstat.render.exported import ExportedView
from migstat.render.html import Markup, mark, page, tag
from migstat.render.live import heading, progress_text, times
from migstat.render.log import LogLine, name_of
from migstat.render.sorted_view import SortedView, progress_of
from migstat.render.text import absolute, duration, grouped, harmless, local_time, zone
from migstat.render.theme import BAD, UNICODE, count_words, describe, state_words

RELOAD = 10
"""Seconds after which the page reloads itself."""

MOST, NAMES, RECENT = 250, 5000, 12
"""Rows of one kind, names in a list, and lines of the log that are not folded away; the rest is only counted."""

_Item = TypeVar("_Item")


def page_text(exported: ExportedView) -> str:
    """Write the page. Failures and warnings come first; what is pending or done is folded."""
    known, at = exported.known, exported.at
    since = tag("b", f"{local_time(at, at)} {zone(at)}", data_date=absolute(at))
    stale = tag("p", Markup("Not updated since "), since, id="stale", hidden="", role="status")
    main = tag(
        "main",
        tag("div", _problems(exported), _running(exported)),
        tag("div", _scopes(known), *_folded(known), _log(exported)),
        class_=None if known.view.outage is None else "past",
    )
    limit = None if exported.result is not None else str(round(exported.stale_after * 1000))
    body = tag("div", stale, _header(exported), main, id="page", data_at=str(at), data_stale_after=limit)
    state, lead = (State.WARNING, "not watched · ") if _abandoned(exported) else (heading(known, at).state, "")
    name = f"{UNICODE.states[state]} {lead}{status_line(known.view, at)} · {known.title}".rstrip(" ·")
    return page(name, body, style=_STYLE, script=_SCRIPT, refresh=RELOAD)


def _abandoned(exported: ExportedView) -> bool:
    """True if the watch ended before the migration did, so that the page does not show how that ended."""
    return exported.result is not None and exported.result.ended.end not in (End.FINISHED, End.FAILED_FAST)


def _header(exported: ExportedView) -> Markup:
    known, at = exported.known, exported.at
    head, counts = heading(known, at), known.counts
    marks = [mark(State.WARNING, f"not watched since {local_time(at, at)}")] if _abandoned(exported) else []
    marks += [mark(head.state, head.word), *(mark(count.state, count.words) for count in head.counts if count.state)]
    parts = [tag("h1", head.title(UNICODE) or "Migration")]
    parts.append(tag("p", _joined(marks), class_="verdict"))
    if counts.all:
        bar = tag("progress", value=str(counts.done), max=str(counts.all), aria_label="done")
        parts.append(tag("p", bar, Markup(" "), tag("span", counts.words, class_="number"), class_="total"))
    snapshot = known.view.snapshot
    elapsed = duration(snapshot.elapsed_seconds(known.clock(at))) if snapshot is not None else ""
    facts = (  # who opens a page by chance does not know what a duration alone is about
        tag("span", f"{fact} elapsed" if fact == elapsed else fact, class_="warning" if importance < 0 else None)
        for importance, fact in times(known, at, still=True)
    )
    parts.append(tag("p", _joined(facts), class_="quiet number"))
    if exported.result is not None:
        parts.append(tag("p", tag("b", f"The watch ended {absolute(at)}: "), last_line(exported.result), class_="end"))
        parts += [tag("p", note, class_="quiet") for note in exported.result.ended.notes]
    return tag("header", *parts)


def _problems(exported: ExportedView) -> Markup:
    known = exported.known
    rows = [*known.problems]
    # A node that hung until the end is a reason for the verdict, but no problem of the view.
    if exported.result is not None:
        levels = {row.level[:depth] for row in rows if not row.says_nothing for depth in range(len(row.level) + 1)}
        rows += [
            Node(reason.level, message=reason.text, missing=reason.state is State.MISSING)
            for reason in exported.result.ended.reasons
            if reason.level not in levels
        ]
    warnings = [row.state is State.WARNING for row in rows]
    words = "Warnings" if all(warnings) else "Failures and warnings" if any(warnings) else "Failures"
    return _section(words, _rows(rows, lambda node: _problem(node, exported.at)))


def _problem(node: Node, now: Millis) -> Markup:
    words, hangs = describe(node, now), not (node.ended or node.missing or node.unreadable)
    about = () if hangs else (words.words, words.elapsed)
    state = State.FAILED if hangs else words.state
    return _row(mark(state, name_of(node)), _joined(tag("span", part) for part in about if part), words.message)


def _running(exported: ExportedView) -> Markup:
    known, view = exported.known, exported.known.view
    when = known.clock(exported.at)

    def row(node: Node) -> Markup:
        phases, stalled = view.phases.get(node.level, ()), view.stalled.get(node.level)
        _, share = progress_of(node, phases)
        bar = () if share is None else (tag("progress", value=f"{share:.3f}", max="1", aria_label=name_of(node)),)
        progress = progress_text(node, phases, stalled, when, UNICODE, None).plain.strip()
        progress = progress.replace(" %", "\u00a0%").replace("  ", UNICODE.dot)
        state = State.RUNNING if stalled is None else State.WARNING
        return _row(mark(state, name_of(node)), duration(node.elapsed_seconds(when)), progress, *bar)

    return _section("Running", _rows(known.running, row))


def _scopes(known: SortedView) -> Markup:
    def row(node: Node) -> Markup:
        return tag(
            "li", mark(node.state, harmless(node.name)), Markup(" "), tag("span", state_words(node), class_="quiet")
        )

    return _section("Scopes", _rows(known.scopes, row, "scopes"))


def _folded(known: SortedView) -> Iterable[Markup]:
    """Names of what is fine, or not there yet: folded, but the browser's search finds them."""
    for state, names in known.folded:
        if names:
            summary = tag("summary", mark(state, count_words(len(names), state, over=False)))
            listed = _rows(names, lambda name: tag("li", name if len(name) <= 80 else f"{name[:79]}…"), "names", NAMES)
            yield tag("details", summary, listed, id=str(state))


def _log(exported: ExportedView) -> Markup:
    """The log, newest line first: no one scrolls to the end of a page."""
    lines = exported.log[::-1]

    def row(line: LogLine) -> Markup:
        bad = line.state in BAD
        glyph = mark(line.state, line.text if bad else "") if line.state is not None else Markup()
        when = tag("span", local_time(line.at, exported.at), class_="quiet number")
        return tag("li", when, tag("span", glyph, "" if bad else line.text))

    parts = [_rows(lines[:RECENT], row, "log")]
    if len(lines) > RECENT:
        summary = tag("summary", f"{len(lines) - RECENT} earlier")
        parts.append(tag("details", summary, _rows(lines[RECENT:], row, "log"), id="earlier"))
    return _section(f"Log ({zone(exported.at)})", *parts)


def _section(heading: str, *content: Markup) -> Markup:
    """A part of the page under its heading; nothing if it has no content."""
    return tag("section", tag("h2", heading), *content) if any(content) else Markup()


def _rows(items: Sequence[_Item], row: Callable[[_Item], Markup], kind: str = "rows", most: int = MOST) -> Markup:
    """A list with an element for each item; beyond `most` they are only counted."""
    if not items:
        return Markup()
    more = [tag("li", f"+{grouped(len(items) - most)} more", class_="quiet")] if len(items) > most else []
    return tag("ul", *map(row, items[:most]), *more, class_=kind)


def _row(name: Markup, about: str, message: str, *bar: Markup) -> Markup:
    return tag("li", tag("b", name), tag("span", about, class_="quiet number"), tag("span", *bar, message))


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup(UNICODE.dot.join(parts))


_STYLE = """
#stale { position: sticky; top: 0; z-index: 1; margin: 0; padding: .5rem .75rem; border-radius: .4rem;
  background: var(--ink); color: var(--paper) }
.past { opacity: .85 } .stale header, .stale main { filter: grayscale(1); opacity: .85 }
.verdict { font-size: 1.5rem; font-weight: 700; line-height: 1.25; margin: .15rem 0 .35rem }
.total { display: flex; align-items: center; gap: .75rem; white-space: nowrap }
.end { margin-top: .75rem; padding: .5rem .75rem; border-inline-start: .3rem solid; background: var(--panel) }
.rows > li { padding: .35rem 0; border-top: 1px solid var(--line) } .rows > li > * { display: block }
.rows progress { display: block; height: .6rem; margin: .35rem 0 } .number span { display: inline-block }
.scopes, .names { display: flex; flex-wrap: wrap; gap: .15rem 1.25rem }
.log > li { display: grid; grid-template-columns: auto 1fr; gap: .6rem }
details { margin-top: .75rem } summary { cursor: pointer; font-weight: 600 } details > ul { margin: .35rem 0 0 1rem }
@media (min-width: 48rem) {
  .rows { display: grid; grid-template-columns: fit-content(16rem) fit-content(12rem) 1fr; column-gap: 1rem }
  .rows > li { display: grid; grid-template-columns: subgrid; grid-column: 1 / -1 }
  .rows progress { max-width: 24rem } .total progress { max-width: 30rem } }
@media (min-width: 80rem) {
  main { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 0 3rem } }
"""

_SCRIPT = f"""
"use strict";
(() => {{
  const page = document.getElementById("page"), stale = document.getElementById("stale");
  const at = Number(page.dataset.at), limit = Number(page.dataset.staleAfter), now = Date.now();
  // Not sessionStorage: Chromium loses, now and then, what a page from a file: address stores there.
  const kept = history.state || {{}};
  for (const id of kept.open || []) document.getElementById(id)?.setAttribute("open", "");

  // A page that changed under a reader's eyes is new, even if the reader's clock is wrong.
  const seen = now - kept.loaded < 3 * {RELOAD}000;
  const born = kept.at === at ? kept.born : seen ? now : Math.min(at, now);
  const title = document.title;
  const grow = () => {{
    const old = Date.now() - born > limit;  // never after the end, which has no limit
    document.body.classList.toggle("stale", old);
    stale.hidden = !old;
    document.title = (old ? "? not updated · " : "") + title;
    if (Date.now() - at > 12 * 3600e3) stale.lastChild.textContent = stale.lastChild.dataset.date;
  }};
  grow();
  const shift = () => stale.getBoundingClientRect().height;
  history.scrollRestoration = "manual";
  if (kept.at) scrollTo(kept.x, kept.y + shift());
  setInterval(grow, 1000);

  const save = () => {{
    const open = [...document.querySelectorAll("details[open]")].map(element => element.id);
    history.replaceState({{ at, born, open, loaded: now, x: scrollX, y: scrollY - shift() }}, "");
  }};
  addEventListener("beforeunload", save);  // pagehide would be too late: the next page may have begun
  const there = async () => {{  // a page that is old beats a browser's error page
    if (!/^http/.test(location.protocol)) return true;
    try {{ return (await fetch(location.href, {{ method: "HEAD", cache: "no-store" }})).ok }} catch {{ return false }}
  }};
  setInterval(async () => {{
    if (!await there()) return;
    save();  // iOS knows no beforeunload
    location.reload();
  }}, {RELOAD}000);
}})();
"""
