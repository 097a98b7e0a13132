"""A record read back: when each node began and ended, its phases, and when no watch was running."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migstat.errors import MigstatError
from migstat.follow.deadline import Stopped
from migstat.follow.night import night_in, read_back, read_night
from migstat.follow.watch import Plan
from migstat.model.events import Seen
from migstat.model.nights import Night, Span
from migstat.model.nodes import Level
from migstat.render.json import encoded, event_document
from migstat.simulator import scenario as script
from tests.scenarios import JOB, TASK, migration, moved
from tests.watching import EPOCH, SimulatedWatch, outage

PHASES = tuple(script.SimPhase(name, 1000) for name in ("export", "upload", "import"))
NIGHT = migration(
    moved("A", 60, 300, phases=PHASES),
    moved("B", 100, 900, "FAILED", phases=PHASES, final_message="Import stopped."),
    moved("C", 350, 500),
    moved("D", 420, 1000, "WARNING", phases=PHASES),
    scopes=(moved("apps", 40, 950),),
    core_end=1010.0,
)
OUTAGE = (600.0, 700.0)


def recorded(parts: list[tuple[float, float | None]], lines: list[bytes]) -> list[bytes]:
    """The lines of a record in which the night was watched in these parts, after those that are there."""
    for begin, end in parts:
        sim = SimulatedWatch(
            NIGHT,
            begin=begin,
            ends=None if end is None else (end, Stopped()),
            seen=partial(read_back_lines, lines),
            plan=Plan(),
            trouble=outage(*OUTAGE),
        )
        lines = [*lines, *(encoded(event_document(event)).encode() + b"\n" for event in sim.events())]
    return lines


def read_back_lines(lines: list[bytes]) -> Seen:
    with NamedTemporaryFile(buffering=0) as file:
        file.write(b"".join(lines))
        return read_back(Path(file.name), JOB, TASK)[0]


def night_of(lines: list[bytes]) -> Night:
    return read_night(io.BytesIO(b"".join(lines)), "night.jsonl")


@pytest.fixture(scope="module")
def whole() -> list[bytes]:
    """A night with an interruption at 200 s, of two minutes, and an outage."""
    return recorded([(40.0, 200.0), (320.0, None)], [])


def scenario_spans(node: script.SimNode, level: Level = ()) -> Iterator[tuple[Level, float, float]]:
    """Start and end of every node, in scenario seconds."""
    if not node.hidden:
        assert node.started_at is not None
        assert node.ended_at is not None
        yield level, node.started_at, node.ended_at
    for child in node.children:
        yield from scenario_spans(child, (*level, child.name))


def test_the_spans_are_those_of_the_scenario(whole: list[bytes]) -> None:
    """Through an interruption and an outage, every start and end is reported within a second."""
    night = night_of(whole)
    for level, started, ended in scenario_spans(NIGHT.tasks[-1].root):
        span = night.spans[level]
        assert span.exact
        assert span.started == pytest.approx((EPOCH + started) * 1000, abs=1000)
        assert span.ended == pytest.approx((EPOCH + ended) * 1000, abs=1000)
    assert len(night.spans) == len([*scenario_spans(NIGHT.tasks[-1].root)])
    assert [(watch.since / 1000 - EPOCH, watch.end) for watch in night.watches] == [(40, "timeout"), (320, "finished")]
    assert [outage.code for outage in night.outages] == ["unreachable"]
    assert night.outages[0].since / 1000 - EPOCH == pytest.approx(OUTAGE[0], abs=15)
    assert (night.outages[0].to or 0) / 1000 - EPOCH == pytest.approx(OUTAGE[1], abs=35)
    assert (night.verdict, night.exit_code, night.warnings) == ("failed", 1, ())
    assert night.spans["migrate", "projects", "B"].message == "Import stopped."


def test_any_prefix_of_a_record_is_read(whole: list[bytes]) -> None:
    """A record that was cut anywhere is read up to there, and no span in it changes later."""
    text, final = b"".join(whole), night_of(whole)
    for cut in range(0, len(text), 997):
        night = read_night(io.BytesIO(text[:cut]), "cut")
        for level, span in night.spans.items():
            assert span.started in (None, final.spans[level].started)
            assert span.ended in (None, final.spans[level].ended)
        assert len(night.warnings) <= 1


@pytest.mark.slow
def test_killed_at_any_moment_and_resumed_no_span_changes(whole: list[bytes]) -> None:
    """Wherever a record ends, and whenever it is resumed, the spans are the same in the end."""
    final = night_of(whole)
    for kept in range(1, len(whole), 3):
        begin = (read_back_lines(whole[:kept]).last or 0) / 1000 - EPOCH + 7
        cut = whole[kept - 1][: kept % 90 or None] + b"\n"
        resumed = night_of(recorded([(begin, None)], [*whole[: kept - 1], cut]))
        for level, span in final.spans.items():
            again = resumed.spans[level]
            assert (again.started, again.ended, again.state) == (span.started, span.ended, span.state), whole[kept]


AT = "2026-11-28T22:%02d:00Z"
FIRST = 29931720
"""The minute of the epoch that is AT % 0."""

P = ["migrate", "projects", "P"]


def line(event: str, minute: int, **more: Any) -> dict[str, Any]:
    return {"event": event, "at": AT % minute, **more}


def snapshot(minute: int, *nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    head = {"jobId": JOB, "taskId": TASK, "taskType": "migrate", "verdict": "running", "scope": "projects"}
    root = {"level": [], "status": "IN_PROGRESS", "outcome": None, "children": list(nodes)}
    return line("snapshot", minute, **head, node=root, **more)


def node(status: str, outcome: str | None = None, *phases: str, **stamps: Any) -> dict[str, Any]:
    """The project P, its stamps given as minutes or text."""
    progress = [{"name": name, "processed": 1.0, "total": 2.0} for name in phases]
    times = {name: AT % value if isinstance(value, int) else value for name, value in stamps.items()}
    return {"level": P, "status": status, "outcome": outcome, "progress": progress, **times}


def change(minute: int, status: str, outcome: str | None = None, **stamps: Any) -> dict[str, Any]:
    times = {name: stamp for name, stamp in node(status, **stamps).items() if name in stamps}
    return line("change", minute, level=P, to={"status": status, "outcome": outcome}, **times)


def moves(minute: int, *phases: str) -> dict[str, Any]:
    return line("progress", minute, level=P, percent=10.0, progress=node("", None, *phases)["progress"])


def brief(span: Span) -> str:
    """A span in short: minutes of start and end, ~ where they are not exact, and its phases."""

    def minute(at: int | None) -> str:
        return "" if at is None else f"{(at // 60_000 - FIRST):g}"

    phases = "".join(
        f" {each.name} {minute(each.begun)}-{minute(each.to)}{'' if each.exact else '~'}" for each in span.phases
    )
    return f"{span.state} {minute(span.started)}-{minute(span.ended)}{'' if span.exact else '~'}{phases}"


BEGUN = change(1, "IN_PROGRESS", startedAt=1)
TABLE: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "stamps": ("succeeded 1-8", [snapshot(0), BEGUN, change(9, "FINISHED", "SUCCESS", startedAt=1, lastUpdatedAt=8)]),
    "seen again": ("succeeded 1-8", [snapshot(0), change(9, "FINISHED", "SUCCESS", startedAt=1, lastUpdatedAt=8),
        snapshot(12, node("FINISHED", "SUCCESS", startedAt=1, lastUpdatedAt=11))]),
    "no stamps": ("failed 2-9~", [snapshot(0), change(2, "IN_PROGRESS"), change(9, "FINISHED", "FAILED")]),
    "ended before": ("succeeded -", [snapshot(0, node("FINISHED", "SUCCESS"))]),
    "ended before, seen twice": ("succeeded -",
        [snapshot(0, node("FINISHED", "SUCCESS")), snapshot(8, node("FINISHED", "SUCCESS"))]),
    "ended before, stamped": ("succeeded 1-5",
        [snapshot(9, node("FINISHED", "SUCCESS", startedAt=1, lastUpdatedAt=5))]),
    "end only": ("succeeded 1-9~", [snapshot(9, node("FINISHED", "SUCCESS", startedAt=1))]),
    "still running": ("running 1-", [snapshot(0), BEGUN, line("alive", 6)]),
    "pending": ("pending -", [snapshot(0, node("PENDING", startedAt=3))]),
    "again": ("running 4-", [snapshot(0), BEGUN, change(3, "FINISHED", "FAILED", lastUpdatedAt=2),
        change(5, "IN_PROGRESS", startedAt=4)]),
    "again, no stamps": ("running 5-~ b 5-", [snapshot(0), BEGUN, moves(2, "a"), change(3, "FINISHED", "FAILED"),
        change(5, "IN_PROGRESS"), moves(5, "b")]),
    "again in a gap": ("running 7- b 8-~", [snapshot(0), BEGUN, moves(2, "a"), moves(3, "b"),
        snapshot(8, node("IN_PROGRESS", None, "b", startedAt=7))]),
    "end before start": ("succeeded 1-9~", [snapshot(0), BEGUN, change(9, "FINISHED", "SUCCESS", lastUpdatedAt=0)]),
    "seconds": ("running 2-~", [snapshot(0), change(2, "IN_PROGRESS", startedAt="1970-01-21T16:00:00Z")]),
    "far future": ("succeeded 1-7~", [snapshot(0), BEGUN,
        change(7, "FINISHED", "SUCCESS", lastUpdatedAt="3026-11-28T22:00:00Z")]),
    "no time": ("running 2-~", [snapshot(0), change(2, "IN_PROGRESS", startedAt="soon")]),
    "phases": ("succeeded 1-7 a 1-5 b 5-7", [snapshot(0), BEGUN, moves(2, "a"), moves(5, "b"),
        change(8, "FINISHED", "SUCCESS", lastUpdatedAt=7)]),
    "phases at once": ("running 1- a 1-5 b 2-", [snapshot(0), BEGUN, moves(2, "a", "b"), moves(5, "b")]),
    "a phase over a gap": ("running 1- a 1-4~ b 8-~",
        [snapshot(0), BEGUN, moves(2, "a"), moves(4, "a"), snapshot(8, node("IN_PROGRESS", None, "b", startedAt=1))]),
    "one phase on both sides of a gap": ("running 1- a 1-9 b 9-",
        [snapshot(0), BEGUN, moves(2, "a"), snapshot(8, node("IN_PROGRESS", None, "a", startedAt=1)), moves(9, "b")]),
    "phases over an outage": ("running 1- a 1-6~ b 6-8~ c 8-",
        [*(snapshot(0), BEGUN, moves(2, "a"), line("outage", 3, code="x")),
        *(line("recovered", 6, outageSeconds=180), moves(6, "b"), moves(8, "c"))]),
    "phases over a sleep": ("running 1- a 1-6~ b 6-8~ c 8-", [snapshot(0), BEGUN, moves(2, "a"),
        line("alive", 6, gapSeconds=180), moves(6, "b"), moves(8, "c")]),
    "begun in an outage": ("running 2- b 3-5~ c 5-",
        [*(snapshot(0), line("outage", 1, code="x"), line("recovered", 3, outageSeconds=120)),
        *(change(3, "IN_PROGRESS", startedAt=2), moves(3, "b"), moves(5, "c"))]),
    "ended in a gap": ("succeeded 1-6 a 1-4~ b 4-6~",
        [*(snapshot(0), BEGUN, moves(2, "a"), moves(4, "b")),
        snapshot(8, node("FINISHED", "SUCCESS", startedAt=1, lastUpdatedAt=6))]),
    "resumed without a stamp": ("running 2-~",
        [snapshot(0), change(2, "IN_PROGRESS"), snapshot(8, node("IN_PROGRESS"))]),
    "only in the snapshot of a resumed watch": ("succeeded 1-6",
        [snapshot(0), BEGUN, snapshot(8, node("FINISHED", "SUCCESS", startedAt=1, lastUpdatedAt=6))]),
    "missing": ("missing -", [snapshot(0, missing=["P"])]),
    "missing at first": ("running 1-", [snapshot(0, missing=["P"]), BEGUN]),
    "unknown events": ("running 1-", [snapshot(0), line("news", 1), BEGUN]),
    "a document": ("running 1-", [{"kind": "projects", "jobId": JOB, "fetchedAt": AT % 9,
        "projects": [node("IN_PROGRESS", None, "a", startedAt=1)]}]),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
def test_what_a_record_tells_of_a_node(case: str) -> None:
    """Start and end are the API's where it reports them, else those of the poll that saw them."""
    expected, events = TABLE[case]
    for separators in (None, (",", ":")):
        night = night_of([json.dumps(each, separators=separators).encode() + b"\n" for each in events])
        assert brief(night.spans[tuple(P)]) == expected
        unknown = "night.jsonl: line 2 is truncated, corrupt or unknown; skipped"
        assert night.warnings == ((unknown,) if case == "unknown events" else ())


@pytest.mark.parametrize(
    ("events", "watches", "outages"),
    [
        ([snapshot(0), line("alive", 5)], [(0, 5, None)], []),
        ([snapshot(0), line("outage", 2, code="x")], [(0, 2, None)], [(2, None, "x")]),
        ([snapshot(0), line("outage", 2, code="x"), line("timeout", 4), snapshot(8)],
         [(0, 4, "timeout"), (8, 8, None)], [(2, 4, "x")]),
        ([snapshot(0), line("outage", 2, code="x"), snapshot(8)], [(0, 2, None), (8, 8, None)], [(2, 2, "x")]),
        ([snapshot(0), line("recovered", 9, outageSeconds=240)], [(0, 9, None)], [(5, 9, "")]),
        ([snapshot(0), line("recovered", 9, outageSeconds=1e306)], [(0, 9, None)], [(0, 9, "")]),
        # the clock was set meanwhile
        ([snapshot(0), line("outage", 2, code="x"), line("recovered", 50, outageSeconds=120)],
         [(0, 50, None)], [(48, 50, "x")]),
        ([snapshot(40), line("outage", 42, code="x"), line("recovered", 2, outageSeconds=-3588)],
         [(40, 40, None)], [(2, 2, "x")]),
        ([snapshot(40), line("outage", 42, code="x"), line("recovered", 4, outageSeconds=120)],
         [(40, 40, None)], [(4, 4, "x")]),
        ([snapshot(0), line("finished", 3), BEGUN, line("alive", 7)], [(0, 3, "finished"), (1, 7, None)], []),
        ([BEGUN, line("alive", 7)], [(1, 7, None)], []),
    ],
)  # fmt: skip
def test_who_watched_and_when_nothing_answered(
    events: list[dict[str, Any]], watches: list[Any], outages: list[Any]
) -> None:
    """A watch ends with its last event, and so does an outage that it saw no end of."""

    def minute(at: int | None) -> int | None:
        return at and at // 60_000 - FIRST

    night = night_of([json.dumps(event).encode() + b"\n" for event in events])
    assert [(minute(watch.since), minute(watch.to), watch.end) for watch in night.watches] == watches
    assert [(minute(outage.since), minute(outage.to), outage.code) for outage in night.outages] == outages


@pytest.mark.parametrize(("seconds", "since"), [(180, 3), (1e306, 1), (-1e306, None), (20, None), (None, None)])
def test_a_sleep_is_a_gap_in_its_watch(seconds: float | None, since: int | None) -> None:
    """What was not polled for half a minute is a gap, like the time between two watches; it begins with its watch."""
    events = [snapshot(1), line("alive", 6, gapSeconds=seconds), snapshot(9)]
    gaps = night_of([json.dumps(event).encode() + b"\n" for event in events]).gaps
    minutes = [(gap.since // 60_000 - FIRST, gap.to // 60_000 - FIRST) for gap in gaps]
    assert minutes == [*([(since, 6)] if since else []), (6, 9)]


@pytest.mark.parametrize(("ended", "gap"), [(2, None), (4, (3, 4)), (None, (3, 6))])
def test_time_after_the_end_of_the_task_is_no_gap(ended: int | None, gap: tuple[int, int] | None) -> None:
    """Whoever starts the same watch once more after the end has not missed anything in between."""
    root = {"level": [], "status": "IN_PROGRESS", "startedAt": AT % 1}
    if ended is not None:
        root |= {"status": "FINISHED", "outcome": "SUCCESS", "lastUpdatedAt": AT % ended}
    end = line("finished", 7, exitCode=0, verdict="succeeded")
    events = [snapshot(1), line("timeout", 3), {**snapshot(6), "node": root}, end]
    gaps = night_of([json.dumps(event).encode() + b"\n" for event in events]).gaps
    minutes = [(gap.since // 60_000 - FIRST, gap.to // 60_000 - FIRST) for gap in gaps]
    assert minutes == [*([gap] if gap else [])]


@pytest.mark.parametrize(("first", "seconds"), [("PENDING", 420), ("IN_PROGRESS", None), ("FINISHED", None)])
def test_a_duration_is_known_only_if_the_begin_is(first: str, seconds: int | None) -> None:
    """Of a task without stamps that ran already when the first watch began, no duration is made up."""
    root: dict[str, Any] = {"level": [], "status": first, "outcome": None, "children": []}
    later = [line("change", minute, level=[], to={"status": status, "outcome": None})
             for minute, status in ((2, "IN_PROGRESS"), (9, "FINISHED"))]  # fmt: skip
    events = [{**snapshot(0), "node": root}, *(later[first != "PENDING" :] if first != "FINISHED" else [])]
    end = line("finished", 9, exitCode=1, verdict="failed")
    night = night_of([json.dumps(event).encode() + b"\n" for event in (*events, end)])
    assert (night.elapsed_seconds, night.started is None) == (seconds, seconds is None)
    assert (night.ended is None) == (first == "FINISHED")


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_document_is_read_however_it_was_kept(tmp_path: Path, encoding: str, indent: int | None) -> None:
    """A projects document may span lines, and be in UTF-16, as Windows PowerShell redirects into files."""
    path = tmp_path / "friday.json"
    path.write_text(json.dumps(TABLE["a document"][1][0], indent=indent), encoding=encoding)
    assert brief(night_in(path).spans[tuple(P)]) == "running 1-"


@given(st.lists(st.sampled_from([b"\n", b'"', b"}", b"{", b"0", b"\xff", b"null"]) | st.binary(max_size=3)), st.data())
def test_damage_anywhere_is_survived(whole: list[bytes], junk: list[bytes], data: st.DataObject) -> None:
    """Whatever bytes are damaged, the rest is read, or the file is refused."""
    text = bytearray(b"".join(whole))
    for piece in junk:
        at = data.draw(st.integers(0, len(text)))
        text[at : at + len(piece)] = piece
    try:
        night = read_night(io.BytesIO(bytes(text)), "odd")
    except MigstatError:
        return
    for span in night.spans.values():
        assert span.seconds is None or span.seconds >= 0
        assert all(phase.to is None or phase.to >= phase.begun for phase in span.phases)


def test_what_was_said_about_a_deadline_is_read_back() -> None:
    """Of each reason the last deadline counts, which a watch that resumes the record takes over."""
    said = [(1, "estimate", "2026-09-21T20:00:00Z"), (2, "estimate", "2026-09-21T21:00:00Z"), (3, "passed", "never")]
    lines = [
        json.dumps({"event": "late", "at": f"2026-09-21T14:13:2{at}Z", "deadline": deadline, "reason": reason})
        for at, reason, deadline in said
    ]
    night = night_of([f"{line}\n".encode() for line in lines])
    assert night.late == {"estimate": 1_790_024_400_000}
    assert len(night.warnings) == 1
