"""How the API's JSON becomes the model, whatever it is like."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from migstat.api.decode import NotJson, decode_job, decode_page, decode_task, decode_tasks, repaired_json
from migstat.errors import BadAnswer, MigstatError
from migstat.model.nodes import Artifact, Level, Node, Page, Phase, State, Task, TaskPage

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = (
    "status", "outcome", "message", "details", "progressDetails", "children", "percent", "isSupported", "data", "name",
    "total", "processed", "createdAt", "startedAt", "lastUpdatedAt", "occurrences", "excludable", "links", "next",
    "taskId", "taskType", "results", "artifacts", "location", "expireAt", "scope", "projects", "spaces", "includedKeys",
)  # fmt: skip
LIKELY = st.recursive(
    JSON,
    lambda inner: st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6) | st.lists(inner, max_size=4),
    max_leaves=20,
)
ANSWERS = st.fixed_dictionaries({}, optional={"data": LIKELY, "links": LIKELY}) | LIKELY


def page(data: object, links: object = None, level: Level = (), *, keep_raw: bool = False) -> Page:
    return decode_page(json.dumps({"data": data, "links": links}).encode(), level, keep_raw=keep_raw)


@pytest.mark.parametrize(
    ("own", "percent", "phases"),
    [
        ({"isSupported": True, "percent": 40, "data": [{"name": "issues", "total": 10, "processed": 4}, {}]},
         40, (Phase("issues", 4, 10), Phase(None, None, None))),
        ({"percent": 10**400, "data": [{"name": "x", "total": -(10**400), "processed": 1e299}]},
         None, (Phase("x", 1e299, None),)),
        ({"isSupported": False, "percent": 0}, None, ()),
        (None, None, ()),
    ],
)  # fmt: skip
@pytest.mark.parametrize("outcome", [None, "SUCCESS"])
def test_progress_comes_from_a_running_node_that_supports_it(
    own: object, percent: float | None, phases: tuple[Phase, ...], outcome: str | None
) -> None:
    """Percent and phases are read; what a phase lacks, or is absurdly large, is unknown; a finished node has none."""
    node = page({"status": "IN_PROGRESS", "outcome": outcome, "progressDetails": own}).node
    assert (node.percent, node.progress) == ((None, ()) if outcome else (percent, phases))


@pytest.mark.parametrize("keep_raw", [False, True])
@pytest.mark.parametrize("body", ["{}", '{"data": {}}', '{"data": null}', '{"data": {}, "links": {}}'])
def test_empty_data_means_no_such_level(body: str, keep_raw: bool) -> None:
    """Empty data with HTTP 200 is the API's way of saying that a level does not exist."""
    read = decode_page(body.encode(), ("check",), keep_raw=keep_raw)
    assert (read.found, read.next, read.node) == (False, None, Node(("check",), raw=read.node.raw))


def test_a_level_that_holds_children_only_is_found() -> None:
    """Children alone are enough for a level to exist."""
    read = page({"children": {"SC": {"status": "FINISHED"}}}, level=("migrate", "projects"))
    assert read.found
    assert [child.level for child in read.node.children or ()] == [("migrate", "projects", "SC")]


@pytest.mark.parametrize(("following", "expected"), [("c", "c"), (None, None), ("", None)])
def test_unknown_fields_are_ignored(following: str | None, expected: str | None) -> None:
    """New fields and new words are not errors; a next link that is null or empty leads nowhere."""
    read = page({"status": "ODD", "outcome": "ODDER", "new": [1]}, {"next": following, "prev": "b"})
    assert (read.node.status, read.node.outcome, read.next) == ("ODD", "ODDER", expected)


@pytest.mark.parametrize("bad", [5, "text", [], None, {"status": 5}, {"details": []}])
def test_a_child_that_cannot_be_understood_leaves_its_siblings(bad: object) -> None:
    """A broken child is a value that says why it is unreadable, and the others are read."""
    children = page({"status": "IN_PROGRESS", "children": {"a": {"status": "FINISHED"}, "b": bad}}).node.children or ()
    assert [(child.name, child.status, bool(child.unreadable)) for child in children] == [
        ("a", "FINISHED", False),
        ("b", None, True),
    ]


def test_a_node_that_cannot_be_understood_leaves_its_children() -> None:
    """A level with a broken status of its own still has its children."""
    read = page({"status": 5, "children": {"a": {"status": "FINISHED"}}})
    assert read.node.unreadable
    assert [child.status for child in read.node.children or ()] == ["FINISHED"]


def decode_root(body: bytes) -> Page:
    return decode_page(body, ())


DECODERS: list[Callable[[bytes], object]] = [decode_job, decode_task, decode_tasks, decode_root]


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize("body", [b"", b"<html></html>", b'{"data": ', b"\xff\xfe", b"nonsense", b"{'data': 1}"])
def test_what_is_no_json_is_told_apart(decode: Callable[[bytes], object], body: bytes) -> None:
    """A body that is not JSON is worth a retry, so it has an error of its own."""
    with pytest.raises(NotJson):
        decode(body)


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (b'{"a": "\\ud800"}', {"a": "\ufffd"}),
        (b'{"a\\udfff": "\\ud83d\\ude00 \\ud83d"}', {"a\ufffd": "\U0001f600 \ufffd"}),
        (b'{"a": "\\ud83d\xed\xb8\x80"}', {"a": "\ufffd\ufffd\ufffd\ufffd"}),
        (b'{"a": "x\xffy"}', {"a": "x\ufffdy"}),
        (b'{"a": "x\x00\x1b\ty"}', {"a": "x\x00\x1b\ty"}),
        (b"\xef\xbb\xbf{}", {}),
        (b'{"a": [NaN, Infinity, -Infinity, 1e999, -1e999, 0.5]}', {"a": [None, None, None, None, None, 0.5]}),
        (b'{"a": [' + b"9" * 5000 + b", " + b"9" * 400 + b", -" + b"9" * 30 + b"]}",
         {"a": [None, None, -(10**30) + 1]}),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_what_breaks_a_minor_rule_is_repaired(body: bytes, content: dict[str, Any]) -> None:
    """Half characters become U+FFFD, absurdly large numbers null, and everything else is unchanged."""
    with pytest.raises(NotJson):
        decode_job(body)
    assert decode_job(repaired_json(body)).raw == content


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        *((body, NotJson) for body in (b"", b"<html>", b'{"a": "\\ud800', b"{'a': 1}", b'{"a": 01}', b'{"a": "\xff}')),
        *((body, BadAnswer) for body in (b"[" * 200_000, b'{"\xff":' * 5000, b"[" * 9000 + b"NaN" + b"]" * 9000)),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_no_json_at_all_is_not_repaired(body: bytes, kind: type[BadAnswer]) -> None:
    """A cut body or a page is not made JSON of, and one made of brackets does not end the program."""
    with pytest.raises(kind):
        repaired_json(body)


@pytest.mark.slow
@given(ANSWERS)
def test_sound_json_is_not_changed_by_the_repair(answer: object) -> None:
    """JSON that breaks no rule comes out unchanged."""
    with suppress(ValueError):
        body = json.dumps(answer, allow_nan=False).encode()
        assert json.loads(repaired_json(body)) == answer


@pytest.mark.slow
@given(st.binary(max_size=60) | st.text().map(lambda text: json.dumps([text]).encode()))
def test_what_is_repaired_is_sound_json(body: bytes) -> None:
    """Any bytes become JSON that can be read, or raise NotJson."""
    with suppress(NotJson):
        json.loads(repaired_json(body).decode())


WRONG_SHAPES = [
    "[]", "5", "null", '"text"', '{"data": 5}', '{"data": []}',
    *(f'{{"data": {{"status": "X", "children": {children}}}}}' for children in ("[1, 2]", '"text"', "5", "true")),
    *(f'{{"data": {{"status": "X"}}, "links": {links}}}' for links in ("[1]", '"text"', '{"next": 5}')),
    "[" * 200_000, '{"data":' * 5000, '{"data":{"details":' + "[" * 9000 + "]" * 9000 + "}}",
]  # fmt: skip


@pytest.mark.parametrize("keep_raw", [False, True])
@pytest.mark.parametrize("body", WRONG_SHAPES, ids=lambda body: body[:40])
def test_json_of_the_wrong_shape_is_a_bad_answer_for_good(body: str, keep_raw: bool) -> None:
    """It stays so, so it is not NotJson, and it is neither an empty level nor the last page.

    A body made of brackets does not end the program.
    """
    with pytest.raises(BadAnswer) as raised:
        decode_page(body.encode(), (), keep_raw=keep_raw)
    assert not isinstance(raised.value, NotJson)


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ("[]", "it is a list instead of an object"),
        ('{"data": "text"}', "data is text instead of an object"),
        ('{"data": {"children": [1]}}', "data.children is a list instead of an object"),
        ('{"links": {"next": 5}}', "links.next is a number instead of text"),
    ],
)
def test_a_wrong_shape_is_named_in_plain_words(body: str, wrong: str) -> None:
    """The message says which part of the answer is what, and what it should be."""
    with pytest.raises(BadAnswer, match=f": {wrong}$"):
        decode_page(body.encode(), ())
    node = page({"children": {"a": {"details": [5]}}}).node
    assert [child.unreadable for child in node.children or ()] == [
        "not as expected: details is a list instead of an object"
    ]


@pytest.mark.parametrize(
    ("sent", "percent"),
    [
        ('"progressDetails": {"percent": 1e999}', None),
        ('"progressDetails": {"percent": "50 %"}', None),
        ('"progressDetails": {"percent": 50, "data": [{"name": 5}]}', None),
        ('"progressDetails": [50]', None),
        ('"progressDetails": {"percent": 50}, "details": {"startedAt": -1e999, "excludable": true}', 50),
    ],
)
def test_a_number_that_is_none_costs_no_node(sent: str, percent: float | None) -> None:
    """Progress and times that cannot be understood are unknown; status and outcome still count."""
    body = f'{{"data": {{"children": {{"A": {{"status": "IN_PROGRESS", {sent}}}}}}}}}'
    (child,) = decode_page(body.encode(), ()).node.children or ()
    assert (child.unreadable, child.status, child.percent, child.started_at) == (None, "IN_PROGRESS", percent, None)


@pytest.mark.slow
@given(ANSWERS, st.booleans())
@example({"data": {"details": {"occurrences": [[[]]], "lastUpdatedAt": 1e308}}}, False)
@example({"data": {"progressDetails": {"percent": 10**30}}}, False)
def test_no_json_lets_anything_but_our_error_escape(answer: object, keep_raw: bool) -> None:
    """Whatever JSON comes, it becomes nodes whose every property can be read, or an error of ours."""
    body = json.dumps(answer).encode()
    for decode in DECODERS:
        with suppress(MigstatError):
            decode(body)
    try:
        node = decode_page(body, ("l",), keep_raw=keep_raw).node
    except MigstatError:
        return
    for each in (node, *(node.children or ())):
        assert isinstance(each.state, State)
        assert all(isinstance(text, str) for text in each.occurrences)
        assert (each.elapsed_seconds(1) or 0) >= 0
        assert all(value is None or value > 0 for value in (each.created_at, each.started_at, each.last_updated_at))


@given(st.binary(max_size=60))
def test_no_bytes_let_anything_but_our_error_escape(body: bytes) -> None:
    """A body that is not text at all is a MigstatError, too."""
    with suppress(MigstatError):
        decode_page(body, ())


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(("status", "outcome", "message", "details", "children", "new")), JSON))
@example({"new": 1})
def test_an_answer_means_the_same_with_its_json_kept(data: dict[str, Any]) -> None:
    """`--raw` sees the same levels, statuses and children as the other formats."""
    try:
        plain, raw = page(data), page(data, keep_raw=True)
    except MigstatError:
        return
    assert plain.found is raw.found
    assert plain.node.state is raw.node.state
    assert (plain.node.status, plain.node.outcome) == (raw.node.status, raw.node.outcome)
    assert len(plain.node.children or ()) == len(raw.node.children or ())


def test_raw_keeps_what_the_api_sent() -> None:
    """Node and children keep their own JSON, each without the children below it."""
    data = {"status": "X", "new": 1, "children": {"a": {"status": "Y", "odd": [2]}}}
    node = page(data, keep_raw=True).node
    assert node.raw == {"status": "X", "new": 1}
    assert [child.raw for child in node.children or ()] == [{"status": "Y", "odd": [2]}]
    assert page(data).node.raw is None


def test_a_page_of_tasks_is_read() -> None:
    """Tasks keep id, type, creation and artifacts, in the order in which they came."""
    artifact = {"name": "r.csv", "location": "https://x/y", "expireAt": "later"}
    created = "2024-02-23T09:31:04.150Z"
    first = {"taskId": "t2", "taskType": "migrate", "createdAt": created, "results": {"artifacts": [artifact]}}
    read = decode_tasks(json.dumps({"data": [first, {"taskId": "t1"}], "links": {"next": "c"}}).encode())
    files = (Artifact("r.csv", "https://x/y", "later"),)
    assert read == TaskPage((Task("t2", "migrate", created, files), Task("t1", None, None, ())), "c")


@pytest.mark.parametrize("body", ['{"data": {}}', '{"data": "text"}', '{"data": [], "links": {"next": 5}}', "[]"])
def test_tasks_that_are_no_list_are_a_bad_answer(body: str) -> None:
    """A list of another shape, or one that may or may not go on, cannot be shown."""
    with pytest.raises(BadAnswer):
        decode_tasks(body.encode())


@pytest.mark.parametrize("bad", [{}, {"taskId": 5}, {"taskId": ""}, {"taskId": None}, None, [], "text", 7])
def test_a_task_without_an_id_leaves_the_others(bad: object) -> None:
    """A run without an id is reported, and the others are read."""
    read = decode_tasks(json.dumps({"data": [{"taskId": "t1"}, bad, {"taskId": "t2"}]}).encode())
    assert [task.task_id for task in read.tasks] == ["t1", "t2"]
    assert read.flaws == ("1 of 3 runs on a page have no id",)


@pytest.mark.parametrize("bad", [5, [], {}, True, 1.5, [5], {"artifacts": 5}, {"artifacts": [5]}])
def test_a_field_of_a_task_of_another_type_is_unknown(bad: object) -> None:
    """A field of an unexpected type is unknown, and the rest of the run is read."""
    odd = {"taskId": "t", "taskType": bad, "createdAt": "now", "results": bad}
    named = {"artifacts": [{"name": bad, "location": bad, "expireAt": "later"}]}
    read = decode_tasks(json.dumps({"data": [odd, {"taskId": "u", "results": named}]}).encode())
    assert [(task.task_id, task.task_type, task.created_at) for task in read.tasks] == [
        ("t", None, "now"),
        ("u", None, None),
    ]
    assert read.tasks[1].artifacts == (Artifact(None, None, "later"),)
    assert read.flaws == ()


def test_a_job_keeps_all_that_was_sent() -> None:
    """Name and flow are read, the rest is kept as it came."""
    body = {"name": "n", "flow": "jira-onpremises-to-cloud", "new": {"x": [1]}}
    job = decode_job(json.dumps(body).encode())
    assert (job.name, job.flow, job.raw) == ("n", "jira-onpremises-to-cloud", body)
    odd = decode_job(b'{"name": 5, "flow": null}')
    assert (odd.name, odd.flow) == (None, "")


@pytest.mark.parametrize("keep_raw", [False, True])
@pytest.mark.parametrize(
    ("children", "occurrences", "refused"),
    [(2000, 10_000, None), (2001, 1, "2,001 children"), (1, 10_001, "10,001 occurrences of check,C0")],
)
def test_the_children_and_occurrences_of_a_page_are_limited(
    children: int, occurrences: int, refused: str | None, keep_raw: bool
) -> None:
    """More than any page of the API has is refused, with the limit."""
    nodes: dict[str, object] = {f"C{number}": {"status": "PENDING"} for number in range(children)}
    nodes["C0"] = {"details": {"occurrences": ["x"] * occurrences}}
    if refused is None:
        assert len(page({"children": nodes}, level=("check",), keep_raw=keep_raw).node.children or ()) == children
    else:
        with pytest.raises(BadAnswer, match=refused):
            page({"children": nodes}, level=("check",), keep_raw=keep_raw)


@pytest.mark.parametrize("part", ["1,", '"":1,', "{},"])
@pytest.mark.parametrize("decode", DECODERS)
def test_an_answer_of_too_many_parts_is_refused_before_it_is_read(decode: Callable[[bytes], object], part: str) -> None:
    """8 MiB of tiny values would take hundreds of times their size in memory."""
    body = f'{{"data": {"{" if ":" in part else "["}{part * 1_100_000}'.encode()  # which is not even JSON
    with pytest.raises(BadAnswer, match="more than"):
        decode(body)


def test_a_run_names_the_checks_that_were_overridden() -> None:
    """They are the excluded keys of its payload; anything but a list of names counts as none."""
    payload = {"checkTypes": {"excludeKeys": ["DuplicateEmail", 5]}}
    assert decode_task(json.dumps({"taskId": "t", "payload": payload}).encode()).overridden == ("DuplicateEmail",)
    odds: list[object] = [None, [], {"checkTypes": []}, {"checkTypes": {"excludeKeys": "x"}}]
    for odd in odds:
        assert decode_task(json.dumps({"taskId": "t", "payload": odd}).encode()).overridden == ()
