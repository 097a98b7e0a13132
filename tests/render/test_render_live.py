"""The live view: what fits into a window of any size, what went wrong before anything healthy."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len
from rich.console import Group
from rich.text import Text

from migstat.model.crowd import NOTHING, summary_of
from migstat.model.events import (
    Alive,
    Changed,
    Condition,
    End,
    Ended,
    Event,
    Late,
    NoAnswer,
    Outage,
    PhaseSeen,
    Recovered,
    Resumed,
    Stalled,
    View,
)
from migstat.model.nodes import CHECK, MIGRATE, Node, Phase, State
from migstat.model.verdict import Reason, Until, Verdict
from migstat.render.advice import NextStep, Typed, next_line, next_step
from migstat.render.drawing import Canvas, Prose, drawn
from migstat.render.ending import WatchResult, ending, last_line, status_line
from migstat.render.exported import ExportedView
from migstat.render.heading import reason_lines
from migstat.render.live import frame, progress_text, window_title
from migstat.render.log import LogLine, cause_of, log_line, logged
from migstat.render.page import page_text
from migstat.render.sorted_view import Counts, SortedView, counts_of_view, sorted_view
from migstat.render.text import harmless
from migstat.render.theme import ASCII, UNICODE, Glyphs
from tests.render import nights
from tests.render.nights import FOLDER, SIZES
from tests.render.screens import (
    BAD,
    FAILURE,
    LOG,
    LONG,
    MIDDLE,
    MINUTE,
    NOW,
    OUTAGE,
    OVER,
    PROJECTS,
    RESULT,
    RUNS,
    SILENT_LEVEL,
    START,
    WAITS,
    WELL,
    moving,
    night,
    node,
    screens,
)

pytestmark = pytest.mark.zone("UTC")


def shown(view: View, width: int, height: int, log: list[LogLine] | None = None, glyphs: Glyphs = UNICODE) -> list[str]:
    """The lines of a frame, which fit into the window."""
    canvas = Canvas(width, glyphs, height)
    text = drawn(frame(sorted_view(view), log or [], NOW, canvas), canvas, color=False)
    lines = text.split("\n")[:-1]
    assert len(lines) <= height
    assert [line for line in lines if cell_len(line) > width] == []
    return lines


@pytest.mark.parametrize(
    "name", ["night", *(pytest.param(name, marks=[pytest.mark.slow] * (name in nights.LONG)) for name in nights.NAMES)]
)
def test_the_screens_are_those_that_were_looked_at(name: str) -> None:
    """Every moment of every night looks at every size as it did when it was last approved."""
    drawn_now = screens() if name == "night" else nights.screens(name)
    kept = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob(f"{name}-[0-9]*.txt")}
    assert drawn_now == kept, (
        f"TZ=UTC python -m tests.render.{'screens' if name == 'night' else 'nights'} writes it anew"
    )


@pytest.mark.parametrize(("glyphs", "bar"), [(UNICODE, "━" * 23 + "─" * 17), (ASCII, "#" * 23 + "." * 17)])
def test_the_bar_of_the_header_needs_no_color(glyphs: Glyphs, bar: str) -> None:
    """What is done looks different from what is left without color, with and without Unicode."""
    assert shown(MIDDLE, 100, 30, glyphs=glyphs)[1] == f"{bar} 14 of 24 projects"


@pytest.mark.parametrize(
    ("view", "width", "height", "line"),
    [
        (MIDDLE, 40, 15, "● 3 · ○ 7 · ✔ 14"),
        (MIDDLE, 60, 20, "● 3 running · ○ 7 pending · ✔ 14 succeeded"),
        (FAILURE, 60, 20, "● 3 running · ○ 7 pending · ✔ 14 succeeded"),
        (FAILURE, 80, 24, "● 3 running · ○ 7 pending · ✔ 14 succeeded"),
    ],
)
def test_what_has_no_name_on_the_screen_is_counted(view: View, width: int, height: int, line: str) -> None:
    """Where the names of what waits or is well do not fit, they are counted if a line is left."""
    assert line in shown(view, width, height, LOG)


def test_the_scopes_keep_their_order() -> None:
    """Scopes are in the order of their names, in whichever order a poll has found them."""
    snapshot = MIDDLE.snapshot
    assert snapshot is not None
    check, migrate = snapshot.node.children or ()
    turned = replace(migrate, children=(migrate.children or ())[::-1])
    view = replace(MIDDLE, snapshot=replace(snapshot, node=replace(snapshot.node, children=(check, turned))))
    names = ["check", "migrate", "apps", "customers", "usersAndGroups"]
    assert [scope.name for scope in sorted_view(MIDDLE).scopes] == names
    assert [scope.name for scope in sorted_view(view).scopes] == names


NAMES = st.text(st.sampled_from("abcXYZ019_漢字かな한글é😀\t\x1b\u202e"), min_size=1, max_size=60)
STATES = st.sampled_from(["PENDING", "IN_PROGRESS", "SUCCESS", "WARNING", "FAILED", "SKIPPED", "漢字_ODD_OUTCOME"])
MESSAGES = st.none() | st.text(st.sampled_from("word 漢字 \n[/]\x07…"), max_size=120)
NUMBERS = st.none() | st.floats(-10, 1e6, allow_nan=False)
LEAVES = st.lists(
    st.builds(
        lambda name, state, message, percent, done, total: replace(
            node(*PROJECTS, name, state=state, message=message),
            percent=percent,
            progress=(Phase("import", done, total),),
        ),
        *(NAMES, STATES, MESSAGES, NUMBERS, NUMBERS, NUMBERS),
    ),
    max_size=40,
)
LINES = st.lists(st.builds(LogLine, st.just(NOW), NAMES.map(harmless), st.sampled_from(State)), max_size=9)
OUTAGES = st.none() | st.builds(NoAnswer, st.just(NOW - MINUTE), st.just("unreachable"), NAMES, st.just(NOW + MINUTE))


@given(LEAVES, LINES, OUTAGES, st.integers(1, 130), st.integers(1, 60), st.sampled_from([UNICODE, ASCII]))
def test_nothing_exceeds_the_window(
    leaves: list[Node], log: list[LogLine], outage: NoAnswer | None, width: int, height: int, glyphs: Glyphs
) -> None:
    """Whatever there is to show, the frame has no more lines than the window and no line that is wider."""
    lines = shown(replace(night(*leaves), outage=outage), width, height, log, glyphs)
    assert not any(character in line for line in lines for character in "\x1b\x07\u202e\t")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_what_does_not_fit_is_counted(width: int, height: int) -> None:
    """Many failures leave a third of the rows to what runs, and the last row of either counts the others."""
    failed = [node(*PROJECTS, f"F{number}", state="FAILED", message="why") for number in range(100)]
    running = [moving(f"R{number}", "import", 5, 10) for number in range(60)]
    lines = shown(night(*failed, *running), width, height)
    rows = [sum(bool(re.match(start, line)) for line in lines) for start in ("✖ F", "● (R|apps  )")]
    more = [int(count) for line in lines for count in re.findall(r"^\+(\d+) ", line)]
    assert rows[0] + more[0] == 101  # `check` has a warning
    assert rows[1] + more[1] == 61  # and the apps run
    assert rows[1] >= 2


def test_a_long_name_leaves_room_for_messages_in_a_narrow_window() -> None:
    """In 40 cells the names take a third, and the header counts what the summary counts."""
    timesheets = node("migrate", "apps", "com.example.timesheets", state="WARNING", message="12 of 4810 work logs")
    lines = shown(night(node(*PROJECTS, "ERP", state="FAILED", message=LONG), timesheets), 40, 15)
    assert lines[0] == "● running · ✖ 1 failed · ▲ 1 warning"
    assert "✖ ERP          Import stopped: custom" in lines
    assert "▲ com.exampl…  12 of 4810 work logs" in lines


def test_what_could_not_be_read_is_among_the_problems() -> None:
    """A level that could not be read has a row in the view and on the page, hides no reason, and is no failure."""
    assert MIDDLE.snapshot is not None
    view = replace(MIDDLE, snapshot=replace(MIDDLE.snapshot, flaws=("migrate: no answer: 503",)))
    lines = shown(view, 120, 40)
    assert [line for line in lines if re.match("✖ migrate +unreadable +could not be read: no answer: 503", line)]
    assert "failed" not in lines[0]
    ended = replace(RESULT.ended, reasons=(Reason(("migrate",), State.FAILED, None, "It broke."),))
    text = page_text(ExportedView(view=view, result=replace(RESULT, ended=ended)))
    assert "could not be read: no answer: 503</span>" in text
    assert "It broke.</span>" in text


def test_the_page_says_what_its_duration_is() -> None:
    """In a line of facts for people who were not there, the duration has a label."""
    assert "<span>1h 38m elapsed</span>" in page_text(ExportedView(view=FAILURE))


@pytest.mark.parametrize(("projects", "words"), [(WELL, "Warnings"), ([*BAD, *WELL], "Failures and warnings")])
def test_the_page_calls_warnings_what_they_are(projects: list[Node], words: str) -> None:
    """Where nothing failed, the page does not say that something did; `check` has a warning."""
    assert f"<h2>{words}</h2>" in page_text(ExportedView(view=night(*projects)))


def test_a_message_breaks_no_number() -> None:
    """Where a message, a reason or a line of the log is cut, its counts stay whole: half a number is a wrong one."""
    message = "import 31 204/33 000; stopped by 429"
    for width in range(16, 50):
        canvas = Canvas(width, UNICODE)
        texts = [drawn(Prose(Text(message), lines), canvas, color=False) for lines in (1, 2, 3)]
        reasons = reason_lines([Reason((), State.FAILED, None, message)], canvas)
        texts += [drawn(Group(*reasons), canvas, color=False)]
        texts += [line.partition(" ")[2] for line in shown(START, width, 15, [LogLine(NOW, message)]) if ":" in line]
        assert {*re.findall(r"\d[\d /]*", "\n".join(texts))} == {"31 204/33 000", "429"}


def test_a_number_is_never_cut() -> None:
    """As the room shrinks, whole parts are left out, the least important first; counts and times stay whole."""
    phases = (PhaseSeen("export", 0, 1), PhaseSeen("import", 1, None, 12058, 18000, 41.0))
    whole = " 66 %  ━━━━━───  export ✔ import 12 058/18 000 · 41/s · 2m 24s left"
    for width in range(12, 80):
        words = progress_text(RUNS[0], phases, None, NOW, UNICODE, width).plain
        assert cell_len(words) <= width
        assert (words == whole) is (width >= len(whole))
        assert all(number.strip() in whole for number in re.findall(r"\d[\d ]*/?[\d ]*\S*", words))
        assert "66 %" in words


def test_an_outage_makes_the_rest_dim() -> None:
    """What was known before an outage may no longer be true, so it is dim; the header says how old it is."""
    canvas = Canvas(100, UNICODE, 30)
    styled = drawn(frame(sorted_view(OUTAGE), [], NOW, canvas), canvas, color=True)
    assert re.search(r"\x1b\[2m[^\n]*ERP|\x1b\[2;[^\n]*✖", styled)
    assert shown(OUTAGE, 100, 30)[2].startswith("1h 33m · next try in 12s · running as of 14:08")


@pytest.mark.parametrize(
    ("known", "line"),
    [
        (sorted_view(OUTAGE), "✖ no answer since 14:08 (503) · ✖ 3 failed"),
        (sorted_view(replace(START, outage=OUTAGE.outage)), "✖ no answer since 14:08 (503)"),
        (sorted_view(START, "job 1"), "○ waiting for the first answer   job 1"),
        (replace(sorted_view(START), doing="reading migrate,projects: 80"), "○ reading migrate,projects: 80"),
        (sorted_view(replace(FAILURE, reading=(4300, 20_000))), "○ reading 4 300 of 20 000 · ✖ 3 failed"),
        (sorted_view(replace(FAILURE, reading=(4300, 0))), "○ reading 4 300 · ✖ 3 failed"),
    ],
)
def test_the_first_line_says_how_much_is_known(known: SortedView, line: str) -> None:
    """During an outage, or until all has been read, the first line says so in place of a verdict."""
    canvas = Canvas(100, UNICODE)
    assert drawn(frame(known, [], NOW, canvas), canvas, color=False).startswith(line)


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("the API failed on the status (503): down", "503"),
        ("the API failed on the status (503) (tried 3 times in 8 s)", "503"),
        ("api.example.com could not be reached: Connection refused", "Connection refused"),
        ("api.example.com gave no whole answer within 15 s", "timed out"),
        ("the answer is not JSON: JSON is malformed: invalid character (byte 0)", "not JSON"),
        ("", "unreachable"),
    ],
)
def test_the_cause_of_an_outage_in_a_word(message: str, cause: str) -> None:
    """The cause is the HTTP status or what the system says, without the rest of the sentence."""
    assert cause_of(NoAnswer(NOW, "unreachable", message, NOW)) == cause


PENDING, RUNNING = Condition("PENDING", None), Condition("IN_PROGRESS", None)


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (Changed(NOW, RUNS[0], PENDING), "BILL started"),
        (Changed(NOW, RUNS[0], Condition("FINISHED", "FAILED")), "BILL started again"),
        (Changed(NOW, BAD[2], RUNNING),
         "SHOP failed (INCOMPLETE) after 15m 00s: 1204 of 27000 issues could not be imported."),
        (Changed(NOW, WELL[0], RUNNING), "ACME succeeded after 15m 00s"),
        (Changed(NOW, node("migrate", "apps", state="WARNING"), RUNNING), "apps ended with a warning after 15m 00s"),
        (Changed(NOW, WAITS[0], None), None),
        (Changed(NOW, node("check", "Fine"), RUNNING), None),
        (Changed(NOW, node("check", "Bad", state="FAILED", message="4 accounts."), RUNNING),
         "Bad failed after 15m 00s: 4 accounts."),
        (Stalled(NOW, (*PROJECTS, "ITSM"), 960.0), "ITSM: no progress for 16m 00s"),
        (Outage(NOW, "unreachable", "the API failed (503)", 12.0),
         "no answer (503): the API failed; next try in 12s"),
        (Outage(NOW, "unreachable", "cannot reach api.atlassian.com: Connection refused", 1.0),
         "no answer (Connection refused): cannot reach api.atlassian.com; next try in 1s"),
        (Outage(NOW, "unreachable", "the API says 503 to everyone", 1.0),
         "no answer (503): the API says 503 to everyone; next try in 1s"),
        (Recovered(NOW, 43.0), "API back after 43s"),
        (Alive(NOW, Verdict.RUNNING, NOTHING, (), gap_seconds=7400.0),
         "not watched for 2h 03m: the computer or the watch was suspended"),
        (Late(NOW, NOW + 7 * MINUTE, NOW + 27 * MINUTE, 1200.0, "estimate"),
         "expected to end about 14:40, 20m after the deadline (14:20)"),
        (Late(NOW, NOW, NOW + 7 * MINUTE, 0.0, "passed"),
         "the deadline (14:13) has passed; expected to end about 14:20"),
        (Late(NOW, NOW - 7 * MINUTE, None, 420.0, "passed"), "the deadline (14:06) has passed"),
    ],
)  # fmt: skip
def test_the_log_says_what_happened(event: Event, text: str | None) -> None:
    """Starts, ends with their reasons, stalls, outages and recoveries are logged; checks that pass are not."""
    line = log_line(event)
    assert (line.text if line else None) == text


@pytest.mark.parametrize(
    ("width", "line"),
    [(40, "14:13 ✔ usersAndGroups succeeded"), (80, "14:13 ✔ usersAndGroups succeeded after 15m 00s")],
)
def test_a_duration_that_does_not_fit_into_the_log_is_left_out(width: int, line: str) -> None:
    """A line of the log never ends with a preposition: where the duration has no room, there is none."""
    ended = log_line(Changed(NOW, node("migrate", "usersAndGroups"), RUNNING))
    assert ended is not None
    assert line in shown(MIDDLE, width, 15, [ended])


def test_the_end_of_a_migration_is_logged_once() -> None:
    """The task's own message is not repeated by `migrate`, but for that of another scope, or another message."""
    log: tuple[LogLine, ...] = ()
    for level in ((), ("migrate",), ("migrate", "apps")):
        log = logged(log, Changed(NOW, node(*level, state="FAILED", message="3 projects failed."), RUNNING))
    log = logged(log, Changed(NOW, node("migrate", state="SUCCESS"), RUNNING))
    ends = ["the task failed: 3", "apps failed after", "migrate succeeded after"]  # the last line says how long it took
    assert [line.text.startswith(words) for line, words in zip(log, ends, strict=True)] == [True] * 3


def test_what_happened_while_nobody_watched_is_summed_up() -> None:
    """A resumed watch says when there was no watch, how many nodes finished and what failed, in plain ASCII."""
    changes = [Changed(NOW, each, None) for each in (*WELL[:3], BAD[0], RUNS[0])]
    lines = [log_line(Resumed(NOW, NOW - 22 * MINUTE, tuple(missed))) for missed in (changes, ())]
    assert [line.text if line else None for line in lines] == [
        "since the last watch (13:51 to 14:13): 4 finished; failed: ERP",
        "since the last watch (13:51 to 14:13): nothing finished",
    ]


@pytest.mark.parametrize(
    ("scopes", "counted"), [(["FINISHED", "IN_PROGRESS"], Counts(1, 2, "scopes")), ([], Counts(1, 2, "steps"))]
)
def test_where_no_projects_move_the_scopes_are_counted(scopes: list[str], counted: Counts) -> None:
    """`check` and `migrate` are not scopes, and count only before there are any."""
    children = tuple(Node((*MIGRATE, f"scope{at}"), status) for at, status in enumerate(scopes))
    steps = (Node(CHECK, "FINISHED", "SUCCESS"), Node(MIGRATE, "IN_PROGRESS", children=children))
    root = Node((), "IN_PROGRESS", children=steps)
    view = replace(MIDDLE, snapshot=replace(MIDDLE.snapshot, node=root, summary=NOTHING))  # type: ignore[type-var]
    assert counts_of_view(view) == counted


def end(how: End, verdict: Verdict, view: View, **more: object) -> WatchResult:
    """How a watch ended after three seconds, 15 minutes and 48 seconds into the task."""
    reasons = view.snapshot.reasons if view.snapshot else ()
    ended = Ended(NOW, how, verdict, 0, summary_of([]), (), 948.0, reasons)
    return replace(WatchResult(ended=ended, view=replace(view, watched_seconds=3.0)), **more)


REFUSED = replace(
    OVER,
    snapshot=replace(
        OVER.snapshot,  # type: ignore[type-var]
        node=Node((), "FINISHED", "FAILED", "the site is not attached", children=()),
        reasons=(Reason((), State.FAILED, "FAILED", "the site is not attached"),),
        summary=summary_of([]),
    ),
)
DONE = night(*WELL, verdict=Verdict.SUCCEEDED, root="SUCCESS")


def done_with(reason: Reason, verdict: Verdict, code: int) -> WatchResult:
    """How a watch ended for a single reason."""
    view = replace(DONE, snapshot=replace(DONE.snapshot, reasons=(reason,)))  # type: ignore[type-var]
    ended = end(End.FINISHED, verdict, view)
    return replace(ended, ended=replace(ended.ended, exit_code=code))


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (end(End.FINISHED, Verdict.SUCCEEDED, DONE), "succeeded after 15m 48s; 14 of 14 projects done"),
        (end(End.FINISHED, Verdict.WARNING, DONE), "succeeded with warnings after 15m 48s; 14 of 14 projects done"),
        (end(End.FINISHED, Verdict.FAILED, REFUSED), "failed after 15m 48s: the site is not attached"),
        (done_with(Reason(("migrate",), State.RUNNING, None, "Importing"), Verdict.FAILED, 1),
         "failed after 15m 48s: migrate: still running: Importing; 14 of 14 projects done"),
        (done_with(Reason((*PROJECTS, "ERP"), State.PENDING, None, None), Verdict.FAILED, 1),
         "failed after 15m 48s: ERP: never started; 14 of 14 projects done"),
        (done_with(Reason((), State.FAILED, None, None), Verdict.FAILED, 1),
         "failed after 15m 48s: ended without an outcome; 14 of 14 projects done"),
        (done_with(Reason((*PROJECTS, "ERP"), State.WARNING, "WARNING", "2 fields"), Verdict.WARNING, 1),
         "failed after 15m 48s (--strict): ERP: 2 fields; 14 of 14 projects done"),
        (replace(done_with(Reason((*PROJECTS, "ERP"), State.FAILED, "FAILED", "gone"), Verdict.FAILED, 1),
                 warnings=(Reason((*PROJECTS, "HR"), State.WARNING, "WARNING", "2 fields"),)),
         "failed after 15m 48s: ERP: gone (+1 more); 14 of 14 projects done"),
        (end(End.FINISHED, Verdict.SUCCEEDED, MIDDLE, until=Until.CHECKS),
         "checks passed; the migration goes on (14 of 24 projects)"),
        (end(End.FINISHED, Verdict.SUCCEEDED, MIDDLE, until=Until.CORE), "core succeeded; apps not included"),
        (end(End.TIMEOUT, Verdict.RUNNING, MIDDLE),
         "stopped after 3s (--timeout): still running, 15m 48s in (14 of 24 projects)"),
        (end(End.INTERRUPTED, Verdict.RUNNING, MIDDLE), "interrupted: still running, 15m 48s in (14 of 24 projects)"),
        (end(End.INTERRUPTED, Verdict.RUNNING, OUTAGE),
         "interrupted: last seen running at 14:08, no answer since (503)"),
        (end(End.TIMEOUT, Verdict.RUNNING, SILENT_LEVEL),
         ("stopped after 3s (--timeout): still running, 15m 48s in (18 of 28 projects), "
          "cannot read migrate,projects since 14:03 (503)")),
        (end(End.INTERRUPTED, Verdict.PENDING, START), "interrupted: no answer yet"),
        (
            end(End.FINISHED, Verdict.SUCCEEDED, replace(DONE, deadline=NOW - 12 * MINUTE)),
            "succeeded after 15m 48s, 12m after the deadline; 14 of 14 projects done",
        ),
        (  # seen long after it ended
            end(End.FINISHED, Verdict.SUCCEEDED, replace(DONE, at=NOW + 60 * MINUTE, deadline=NOW + 29 * MINUTE)),
            "succeeded after 15m 48s, 29m before the deadline; 14 of 14 projects done",
        ),
        (end(End.FINISHED, Verdict.SUCCEEDED, replace(MIDDLE, deadline=NOW - MINUTE), until=Until.CORE),
         "core succeeded, 1m after the deadline; apps not included"),
        (end(End.FINISHED, Verdict.SUCCEEDED, replace(MIDDLE, deadline=NOW - 14_900), until=Until.CORE),
         "core succeeded, 14s after the deadline; apps not included"),
        (end(End.INTERRUPTED, Verdict.RUNNING, replace(MIDDLE, deadline=NOW - 119_000)),
         "interrupted: still running, 15m 48s in (14 of 24 projects), 1m past the deadline (14:11 UTC)"),
        (end(End.TIMEOUT, Verdict.RUNNING, replace(MIDDLE, estimated_end=NOW + 60 * MINUTE)),
         "stopped after 3s (--timeout): still running, 15m 48s in (14 of 24 projects), ends about 15:13"),
        (end(End.FAILED_FAST, Verdict.RUNNING, FAILURE),
         f"failed after 15m 48s: ERP: {LONG.rstrip('.')} (+2 more); the migration goes on (18 of 28 projects)"),
    ],
)  # fmt: skip
def test_the_last_line_says_what_was_waited_for_and_what_was_not(result: WatchResult, line: str) -> None:
    """The last line names the verdict or the reason for stopping, and what goes on without being watched."""
    assert last_line(result) == line


@pytest.mark.parametrize("width", [40, 80])
def test_what_stays_after_the_end_leaves_nothing_out(width: int) -> None:
    """Unlike a frame, the last screen has the destination and all times whole, on more lines if need be."""
    canvas = Canvas(width, UNICODE, 24)
    result = end(End.TIMEOUT, Verdict.RUNNING, replace(FAILURE, deadline=NOW + 30 * MINUTE))
    text = " ".join(drawn(ending(result, canvas), canvas, color=False).split())
    for part in ("→ acme-cloud.example.com", "1h 38m", "not before", "deadline 14:43", "as of 14:13 UTC"):
        assert part in text


@pytest.mark.parametrize(
    ("view", "text", "title"),
    [
        (MIDDLE, "running, 14 of 24 projects", "● 14/24"),
        (FAILURE, "running, 18 of 28 projects, 3 failed", "✖3 18/28"),
        (OUTAGE, "no answer since 14:08 (503)", "? no answer 18/28"),
        (SILENT_LEVEL, "running, 18 of 28 projects, 3 failed, cannot read migrate,projects since 14:03 (503)",
         "? no answer 18/28"),
        (replace(START, outage=NoAnswer(NOW, "incomplete", "cannot read the job's definition", NOW)),
         "cannot read the job's definition since 14:13", "? no answer 0/0"),
        (START, "no answer yet", "○ 0/0"),
        (replace(MIDDLE, estimated_end=NOW + 60 * MINUTE, deadline=NOW + 89 * MINUTE),
         "running, 14 of 24 projects, ends about 15:13, 29m before the deadline", "● 14/24"),
    ],
)  # fmt: skip
def test_the_standing_and_the_title(view: View, text: str, title: str) -> None:
    """A sign of life and the title of the window say how it stands."""
    assert status_line(view, NOW) == text
    assert window_title(sorted_view(view), UNICODE) == title


@pytest.mark.parametrize(
    ("view", "command"),
    [
        (START, "migstat status JOB -v"),
        (MIDDLE, "migstat watch JOB"),
        (OVER, "migstat projects JOB --state failed,warning   (3 failed, 1 with warnings)"),
        (REFUSED, "migstat tasks JOB"),
        (replace(REFUSED, snapshot=replace(REFUSED.snapshot, older="task-0")),  # type: ignore[type-var]
         "migstat watch JOB task-0"),
        (DONE, "migstat artifacts JOB   (reports and error logs of this run)"),
    ],
)  # fmt: skip
def test_the_next_command_fits_the_end(view: View, command: str) -> None:
    """The suggested command depends on what went wrong."""
    assert next_line(next_step(view.snapshot), Typed("JOB")) == f"Next: {command}"


def test_the_next_command_repeats_what_it_needs() -> None:
    """The task is only repeated for commands that take one, options that choose the account always."""
    typed = Typed("https://a.b/?c&d", "my task", ("--profile wave2",))
    checks = "Next: migstat checks 'https://a.b/?c&d' 'my task' --profile wave2 --details"
    assert next_line(NextStep("checks --details"), typed) == checks
    assert next_line(NextStep("tasks"), typed) == "Next: migstat tasks 'https://a.b/?c&d' --profile wave2"
    assert (
        next_line(NextStep("tasks", run=("job-1", "task-1")), Typed(None, "latest-check"))
        == "Next: migstat tasks job-1"
    )
    of_run = next_line(NextStep("watch", run=("job-1", "task-1")), Typed(None, "latest"))
    assert of_run == "Next: migstat watch job-1 task-1"
