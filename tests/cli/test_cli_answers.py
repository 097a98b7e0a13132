"""Whatever the API answers, and whatever is typed: the program's own errors only, and text that does nothing."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.parsers.expat import ParserCreate

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from migstat.settings.keys import ENVIRONMENT, TERMINAL_VARIABLES
from tests.command_line import Result, environ_at, migstat
from tests.render.test_html import Tags
from tests.schemas import assert_csv, assert_markdown, assert_plain, assert_valid
from tests.servers import NOW, PREFIX

SOME = max(8, settings().max_examples // 10)
FEW = SOME // 2
CODES = {0, 1, 2, 3, 4, 5, 8, 124}
ENVIRON = environ_at("http://127.0.0.1:9")
LEVEL = "migrate,projects,ACME"
RUNS: dict[str, tuple[str, ...]] = {
    "status": ("table", "tree", "plain", "json", "ndjson", "csv", "markdown"),
    "status --depth all --exit-status": ("table", "tree", "plain", "json", "ndjson", "csv", "markdown"),
    f"status --level {LEVEL}": ("table", "plain", "json"),
    "status --level check --depth 1": ("tree", "json", "csv"),
    "status --raw --depth all": ("json",),
    "checks --all --details --exit-status": ("table", "plain", "json", "ndjson", "csv", "markdown"),
    "projects --sort progress --exit-status": ("table", "plain", "json", "ndjson", "csv", "markdown"),
    "tasks": ("table", "plain", "json", "ndjson", "csv", "markdown"),
    "job": ("table", "plain", "json"),
    "artifacts": ("table", "plain", "json", "ndjson", "csv", "markdown"),
    "watch --timeout 90s --interval 20s": ("plain", "json", "table"),
    "watch --until core --fail-fast --timeout 5m": ("json",),
}

# What a server may send

ODD = [
    "\x1b[31m", "\x1b]0;title\x07", "\x9b2J", "\x00", "\x7f", "\r", "\n", "\t", "\u2028", "\u2029", "\x85",
    "\u202e", "\u2066", "\u2069", "\u200f", "\u061c", "\ufeff", "\U000e0041", "\ud800", "\udfff", "\ud83d",
    "[bold red]", "[/]", "[link=https://evil.example]x[/link]", ":boom:", "{}", "%s", "\\", "\\u001b",
    "=1+1", "+1", "-1", "@SUM(A1)", ";=1+1", '"=1+1"', "|", "`", "*", "~~", "<b>", "](https://evil.example)",
    "https://evil.example", "www.evil.example", "#1", "GH-1", "$x$", "&amp;", ",", "\u0301", "\u6f22", "\U0001f600",
    "", " ",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from([*ODD, "word", "A", "\u00e9"]), max_size=3).map("".join) | st.text(max_size=5)
INSTANTS = st.sampled_from(
    [0, -1, 1, 2**63, -(2**63), 10**30, 10**500, 1e308, 5e-324, NOW * 1000, int(NOW * 1000) - 5000, 253402300799999,
     253402300800000, "2026-09-21T13:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "never"]
)  # fmt: skip
NUMBERS = st.sampled_from([0, -1, 50, 99.5, 100, 101, 1e308, -1e308, 10**400, float("nan"), float("inf"), 0.1 + 0.2])
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
VALUES = PLAIN | st.lists(PLAIN, max_size=2) | st.dictionaries(TEXTS, PLAIN | st.lists(PLAIN, max_size=1), max_size=2)
NESTED = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)


def mostly(usual: st.SearchStrategy[Any], field: st.SearchStrategy[Any] = VALUES) -> st.SearchStrategy[Any]:
    """Return usual values of a field, and now and then an unexpected one."""
    return st.integers(0, 9).flatmap(lambda dice: field if dice == 9 else usual)


STATUSES = mostly(st.sampled_from(["PENDING", "IN_PROGRESS", "FINISHED", "CANCELLED"]) | TEXTS)
OUTCOMES = mostly(st.sampled_from([None, "SUCCESS", "WARNING", "FAILED", "SKIPPED", "INCOMPLETE"]) | TEXTS)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return objects that may have these fields, each mostly with its usual values."""
    return st.fixed_dictionaries({}, optional={name: mostly(values) for name, values in fields.items()})


DETAILS = some(
    createdAt=INSTANTS,
    startedAt=INSTANTS,
    lastUpdatedAt=INSTANTS,
    occurrences=st.lists(mostly(TEXTS), max_size=3),
    excludable=st.booleans(),
    description=TEXTS,
    other=VALUES,
)
PHASES = some(name=TEXTS, processed=NUMBERS, total=NUMBERS)
PROGRESS = some(isSupported=st.booleans(), percent=NUMBERS, data=st.lists(mostly(PHASES), max_size=2))
FIELDS: dict[Any, Any] = {
    "status": STATUSES, "outcome": OUTCOMES, "message": mostly(TEXTS), "details": mostly(DETAILS),
    "progressDetails": mostly(PROGRESS),
}  # fmt: skip
LEAVES = mostly(st.fixed_dictionaries({}, optional=FIELDS))
NAMES = st.sampled_from(["ACME", "OPS", "One", "apps", "users"]) | TEXTS
MANY = mostly(st.dictionaries(NAMES, LEAVES, max_size=4))


def nodes(**children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    named = st.fixed_dictionaries({}, optional=dict(children))
    both = st.tuples(named, st.dictionaries(TEXTS, LEAVES, max_size=1)).map(lambda pair: {**pair[1], **pair[0]})
    return mostly(st.fixed_dictionaries({"children": mostly(both)}, optional=FIELDS))


LEVELS = mostly(st.fixed_dictionaries({"children": MANY}, optional=FIELDS))
SCOPES = nodes(apps=LEAVES, usersAndGroups=LEAVES, projects=LEVELS, spaces=LEVELS)
TREES = nodes(check=LEVELS, migrate=SCOPES) | LEVELS
LINKS = mostly(
    st.just({}),
    st.fixed_dictionaries({}, optional={"next": mostly(TEXTS | st.sampled_from(["c", "d"])), "self": VALUES}) | VALUES,
)
ARTIFACTS = st.lists(mostly(some(name=TEXTS, location=TEXTS, expireAt=INSTANTS)), max_size=2)
TASKS = st.fixed_dictionaries(
    {"taskId": mostly(st.sampled_from(["task-1", "task-2"]) | TEXTS)},
    optional={
        "taskType": mostly(st.sampled_from(["check", "migrate"])),
        "createdAt": mostly(INSTANTS),
        "results": mostly(some(artifacts=ARTIFACTS)),
    },
)
FIRST = st.fixed_dictionaries({"taskId": st.just("task-1"), "taskType": st.sampled_from(["migrate", "check", None])})
LISTS = st.tuples(FIRST, st.lists(mostly(TASKS), max_size=2)).map(lambda pair: [pair[0], *pair[1]])
KEYS = some(includedKeys=st.lists(mostly(NAMES), max_size=4))
JOBS = some(
    name=TEXTS,
    flow=st.sampled_from(["jira-onpremises-to-cloud", "confluence-onpremises-to-cloud"]) | TEXTS,
    scope=some(projects=KEYS, spaces=KEYS, apps=VALUES),
    source=VALUES,
)


@dataclass(frozen=True)
class Answers:
    """What a server has to send: answers about the job, its tasks, and a task's tree; links by the page."""

    job: Any
    tasks: Any
    tree: Any
    links: list[Any]
    ascii_only: bool

    def answer(self, number: int, path: str, query: Mapping[str, str]) -> Any:
        links = self.links[number % len(self.links)] if number < 60 else {}
        match [unquote(each) for each in path.removeprefix(PREFIX + "/").split("/")]:
            case ["jobs", _]:
                return self.job
            case ["jobs", _, "tasks"]:
                return {"data": self.tasks, "links": links}
            case ["jobs", _, "tasks", _]:
                return self.tasks[-1] if isinstance(self.tasks, list) and self.tasks else {}
        return {"data": self._about(query), "links": links}

    def _about(self, query: Mapping[str, str]) -> Any:
        found = self.tree
        for name in query.get("level", "").split(",") if query.get("level") else ():
            found = _child(found, name)
        if not isinstance(found, dict) or query.get("expandChildren") == "true":
            return _without_grandchildren(found)
        return {name: value for name, value in found.items() if name != "children"}


def _child(node: Any, name: str) -> Any:
    children = node.get("children") if isinstance(node, dict) else None
    return children.get(name, {}) if isinstance(children, dict) else {}


def _without_grandchildren(node: Any) -> Any:
    if not isinstance(node, dict) or not isinstance(node.get("children"), dict):
        return node
    listed = {
        name: {key: value for key, value in child.items() if key != "children"} if isinstance(child, dict) else child
        for name, child in node["children"].items()
        if name not in ("projects", "spaces")
    }
    return {**node, "children": listed}


ANSWERS = st.builds(Answers, mostly(JOBS), mostly(LISTS), TREES, st.lists(LINKS, min_size=1, max_size=4), st.booleans())


def encoded(value: Any, *, ascii_only: bool) -> bytes:
    """Return JSON whose surrogates are escapes, or bytes that are not UTF-8."""
    return json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


def transport_of(answers: Answers, then: Answers | None = None) -> httpx.MockTransport:
    """A server that has this to send, and something else after eight requests."""
    count = iter(range(10**9))

    def answer(request: httpx.Request) -> httpx.Response:
        parts, number = urlsplit(str(request.url)), next(count)
        now = answers if then is None or number < 8 else then
        response = now.answer(number, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)))
        return httpx.Response(200, content=encoded(response, ascii_only=answers.ascii_only))

    return httpx.MockTransport(answer)


def always(value: Any) -> httpx.MockTransport:
    body = encoded(value, ascii_only=True)
    return httpx.MockTransport(lambda _: httpx.Response(200, content=body))


def run(words: list[str], transport: httpx.MockTransport, environ: Mapping[str, str] = ENVIRON, **more: Any) -> Result:
    """Run a command line whose clock advances only by sleeping."""
    slept: list[float] = []
    return migstat(words, environ, transport=transport, sleep=slept, now=lambda: NOW + sum(slept), **more)


# What may come out

BIDIRECTIONAL = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
OWN = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][09];[ -~\u2000-\u2fff]*(?:\a|\x1b\\)|\r\n|\r(?=\x1b\[K)|\a")
"""Escape sequences of the program itself: colours, and of a watch's view the cursor, the title and the bell."""


def active(text: str) -> set[str]:
    """Return the characters that a terminal would obey, or that would change how the rest is read."""
    return {
        each
        for each in text
        if unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") or each in BIDIRECTIONAL or "\U000e0000" <= each
        <= "\U000e007f"
    }  # fmt: skip


def assert_harmless(result: Result, form: str = "plain") -> None:
    """Check what holds of every result: a code of the table, no defect, nothing that a terminal obeys."""
    assert result.code in CODES
    assert "internal error" not in result.err, result.err
    assert active(result.err) <= {"\n"}
    assert active(result.out) <= ({"\n", "\t"} if form == "plain" else {"\n"})


LINES = {"tasks": ("tasks", "RunJson"), "artifacts": ("artifacts", "FileJson"), "checks": ("checks", "CheckJson")}
"""The records that commands print in `ndjson` if they are not nodes: the document and the part of it."""


def assert_documented(result: Result, words: str, form: str) -> None:
    """Check what was written by the rules of its format, and errors for scripts by theirs."""
    kind = words.partition(" ")[0]
    match form:
        case "json" | "ndjson" if kind == "watch":
            assert_lines(result.out, "event")
        case "json":
            assert_document(result.out, None if "--raw" in words else kind)
        case "ndjson":
            assert_lines(result.out, *LINES.get(kind, ("status", "NodeJson")))
        case "csv" | "markdown" | "plain" if result.out and kind != "watch":
            {"csv": assert_csv, "markdown": assert_markdown, "plain": assert_plain}[form](result.out)
    if form in ("json", "ndjson"):
        assert_lines(result.err, "error")


def assert_document(text: str, kind: str | None) -> None:
    """Check that one line, if there is any, is JSON by the schema of a kind of document."""
    assert text.count("\n") == (1 if text else 0)
    if text and kind is None:
        assert isinstance(json.loads(text), dict)
    elif text:
        assert_valid(kind or "", json.loads(text))


def assert_lines(text: str, kind: str, definition: str | None = None) -> None:
    for line in text.split("\n")[:-1]:
        assert_valid(kind, json.loads(line), definition)


@pytest.mark.parametrize("words", RUNS)
@given(ANSWERS.map(transport_of) | NESTED.map(always), st.data())
@settings(max_examples=SOME)
def test_no_answer_breaks_a_command(words: str, transport: httpx.MockTransport, data: st.DataObject) -> None:
    """Whatever JSON the answers hold, each command in each format shows harmless text or one error."""
    form = data.draw(st.sampled_from(RUNS[words]))
    picture = words.startswith("watch") and form == "table"
    format_words = [] if "--raw" in words else ["-o", form]
    result = run([*words.split(), *format_words], transport, terminal=picture)
    if picture:
        result = Result(result.code, OWN.sub("\n", result.out), result.err)
    assert_harmless(result, form)
    assert_documented(result, words, form)


EVIL = "<b>[/]" + " ".join(each for each in ODD if not "\ud800" <= each <= "\udfff")
"""All odd texts that are Unicode, in one; first, what narrow columns show."""


def everywhere(text: str, *, over: bool) -> Answers:
    """A job whose every text ends with this one, while it is migrated or after it has failed."""
    bad = {
        "status": f"FINISHED{text}",
        "outcome": f"FAILED{text}",
        "message": text,
        "details": {"description": text, "occurrences": [text, {text: text}], "excludable": True},
    }
    counted = [{"name": text, "total": 3, "processed": 1}]
    going = {"status": "IN_PROGRESS", "message": text, "progressDetails": {"isSupported": True, "data": counted}}
    node = bad if over else going
    projects = {"children": {"ACME": node, f"P{text}": node, f"Q{text}": bad}}
    scopes = {"children": {f"S{text}": node, "projects": projects}}
    tree = node | {"children": {"check": bad | {"children": {f"C{text}": bad}}, "migrate": node | scopes}}
    files = {"artifacts": [{"name": text, "location": text, "expireAt": text}]}
    tasks = [{"taskId": "task-1", "taskType": text, "createdAt": text, "results": files}]
    tasks += [{"taskId": "task\x1b[2J\u202e"}, {"taskId": "task-2", "taskType": "migrate", "results": files}]
    job = {"name": text, "flow": text, "scope": {"projects": {"includedKeys": [f"K{text}"]}, text: text}}
    return Answers(job, tasks, tree, [{}], ascii_only=True)


def output_at_80(words: list[str], form: str, *exports: Path) -> str:
    """What a command shows on a terminal of 80 columns; its own colors are left out."""
    server = transport_of(everywhere(EVIL, over=False), everywhere(EVIL, over=True) if words[0] == "watch" else None)
    more = [] if "--raw" in words else ["-o", form, "--color", "always"]
    files = [word for path in exports for word in ("--export", str(path))]
    live = words[0] != "watch" or form == "table"
    result = run([*words, *more, *files], server, terminal=live, columns=80)
    own = OWN if words[0] == "watch" else re.compile(r"\x1b\[[0-9;]*m")
    result = Result(result.code, own.sub("\n" if own is OWN else "", result.out), result.err)
    assert_harmless(result, form)
    assert_documented(result, " ".join(words), form if form != "json" else "")
    return result.out


PICTURED = ("status", "checks", "projects", "timeline")
"""Commands that can export a picture."""


@pytest.mark.parametrize("words", [*RUNS, "timeline FILE"])
def test_a_text_that_is_everywhere_does_no_harm(words: str, tmp_path: Path) -> None:
    """Escape sequences, markup, formulas and odd characters wherever text can be are shown as what they are."""
    record, page, picture = tmp_path / "night.jsonl", tmp_path / "page.html", tmp_path / "picture.svg"
    if words == "timeline FILE":
        output_at_80(["watch", "--record", str(record)], "plain")
    for form in RUNS.get(words, ("table", "plain", "json", "csv", "markdown")):
        exports = (page, picture) if form == "table" and words.split(maxsplit=1)[0] in PICTURED else ()
        out = output_at_80(words.replace("FILE", str(record)).split(), form, *exports)
        assert out
        invisible = "\t\u200b" if form == "markdown" else "\t"  # which keeps a link from being one
        assert all(line.translate(dict.fromkeys(map(ord, invisible))).isprintable() for line in out.split("\n"))
        if form in ("table", "tree"):
            assert max(cell_len(line.rstrip()) for line in out.splitlines()) <= 80
            assert r"\x1b" in re.sub(r"[\s│├└─]", "", out)
            assert "[/]" in out or "--all" not in words
        elif form == "json" and words.startswith("status"):
            document = json.loads(out)
            assert (document.get("node") or document["data"])["message"] == EVIL
    if page.exists():
        shown = Tags(page.read_text(encoding="utf-8"))
        assert {name for name, _ in shown.found} & {"b", "script"} == set()
        assert "<b>" in shown.text
        ParserCreate().Parse(picture.read_bytes(), True)


# Whatever is typed or set

TYPED = (st.sampled_from(
    ["latest", "latest-check", "job-1", "task-1", "check", "migrate,projects,ACME", "", " ", "-", "--", "..", "/", "~",
     "https://api.atlassian.com/migrations/public/v1/jobs/job-1/tasks/task-1", "http://[", "https://x/jobs/%ff%00",
     "\udcff", "\x1b[31m", "\u202e", "a" * 2000, "1e309", "0", "-1", "9" * 400, "\u0663", "none", "table", "json"]
) | TEXTS.map(lambda text: re.sub("[\0\ud800-\udbff]", "\udcff", text)))  # fmt: skip
"""What a system can hand over: without NUL, and its bytes that are no UTF-8 as Python spells them."""

OPTIONS = {
    "status": ("--level", "--depth", "-o", "--color"),
    "checks": ("--name", "--state", "-o"),
    "projects": ("--key", "--state", "--sort"),
    "tasks": ("-o", "--email"),
    "job": ("-o", "--base-url", "--profile"),
    "watch": ("--interval", "--stall-after", "--timeout", "--until", "-o"),
}
TREE = {
    "status": "FINISHED",
    "outcome": "SUCCESS",
    "children": {"check": {"status": "FINISHED", "outcome": "SUCCESS", "children": {"One": {"status": "FINISHED"}}},
        "migrate": {"status": "FINISHED", "outcome": "SUCCESS", "children": {"projects": {"children": {"ACME": {}}}}}},
}  # fmt: skip
GOOD = Answers({"name": "Cutover"}, [{"taskId": "task-1", "taskType": "migrate"}], TREE, [{}], ascii_only=True)


@pytest.mark.parametrize("command", OPTIONS)
@given(st.data())
@settings(max_examples=SOME)
def test_no_word_breaks_a_command(command: str, data: st.DataObject) -> None:
    """Any text as the job, the task or the value of an option is used, or refused with a code of the table."""
    words = data.draw(st.lists(TYPED, max_size=2))
    if data.draw(st.booleans()):
        words += [data.draw(st.sampled_from(OPTIONS[command])), data.draw(TYPED)]
    flags = data.draw(st.sampled_from([[], ["--json"], ["-v"]]))
    result = run([command, *flags, *(["--timeout", "5m"] if command == "watch" else []), *words], transport_of(GOOD))
    assert_harmless(result)


VARIABLES = dict.fromkeys([*ENVIRONMENT, *TERMINAL_VARIABLES])


@pytest.mark.parametrize("variable", VARIABLES)
@given(TYPED, st.sampled_from(["status", "job --json", "checks -v"]))
@settings(max_examples=FEW)
def test_no_variable_breaks_a_command(variable: str, value: str, words: str) -> None:
    """Any text in a variable of the environment is used, or refused with a code of the table."""
    assert_harmless(run(words.split(), transport_of(GOOD), {**ENVIRON, variable: value}))
