"""How the API's JSON becomes the model: decoding, and what to make of answers that are not as they should be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from migstat.errors import BadAnswer
from migstat.model import Artifact, Job, Level, Node, Page, Phase, Task, TaskPage


class _WirePhase(msgspec.Struct, frozen=True):
    name: str | None = None
    processed: int | float | None = None
    total: int | float | None = None


class _WireProgress(msgspec.Struct, frozen=True):
    isSupported: bool | None = None  # noqa: N815  the API's names
    percent: int | float | None = None
    data: list[_WirePhase] | None = None


class _WireNode(msgspec.Struct, frozen=True):
    status: str | None = None
    outcome: str | None = None
    message: str | None = None
    details: dict[str, Any] | None = None
    progressDetails: _WireProgress | None = None  # noqa: N815
    children: dict[str, _WireNode] | None = None


_EMPTY = _WireNode()


class _WireLinks(msgspec.Struct, frozen=True):
    next: str | None = None


class _WireAnswer(msgspec.Struct, frozen=True):
    data: _WireNode | None = None
    links: _WireLinks | None = None


class _WireArtifact(msgspec.Struct, frozen=True):
    name: str | None = None
    location: str | None = None
    expireAt: Any = None  # noqa: N815


class _WireResults(msgspec.Struct, frozen=True):
    artifacts: list[_WireArtifact] | None = None


class _WireTask(msgspec.Struct, frozen=True):
    taskId: str  # noqa: N815
    taskType: str | None = None  # noqa: N815
    createdAt: Any = None  # noqa: N815
    results: _WireResults | None = None


class _WireTasks(msgspec.Struct, frozen=True):
    data: list[_WireTask] | None = None
    links: _WireLinks | None = None


_T = TypeVar("_T")
_answer = msgspec.json.Decoder(_WireAnswer)
_tasks = msgspec.json.Decoder(_WireTasks)
_task = msgspec.json.Decoder(_WireTask)
_object = msgspec.json.Decoder(dict[str, Any])


class NotJson(BadAnswer):
    """The body is no JSON at all, such as a proxy's HTML page; worth asking again."""


def decode_page(body: bytes, level: Level, *, keep_raw: bool = False) -> Page:
    """One answer to `/status` about `level`; raises BadAnswer where it cannot be understood.

    A child that cannot be understood does not take its siblings with it: it becomes an unreadable node.
    """
    if keep_raw:
        return _lenient_page(body, level, keep_raw=True)
    try:
        answer = _decoded(_answer.decode, body)
    except NotJson:
        raise
    except BadAnswer:
        return _lenient_page(body, level, keep_raw=False)
    if answer.data == _EMPTY:  # or it holds nothing but fields that nobody knows
        return _lenient_page(body, level, keep_raw=False)
    return _page(answer, level)


def decode_tasks(body: bytes) -> TaskPage:
    """One answer to `/tasks`; raises BadAnswer where it cannot be understood."""
    answer = _decoded(_tasks.decode, body)
    return TaskPage(tuple(_built_task(each) for each in answer.data or ()), _next(answer.links))


def decode_task(body: bytes) -> Task:
    """One answer to `/tasks/{taskId}`; raises BadAnswer where it cannot be understood."""
    return _built_task(_decoded(_task.decode, body))


def decode_job(body: bytes) -> Job:
    """One answer to `/jobs/{jobId}`; raises BadAnswer where it is no object."""
    return Job(_decoded(_object.decode, body))


def _decoded(decode: Callable[[bytes], _T], body: bytes) -> _T:
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        if not _is_json(body):  # the types were looked at first
            raise NotJson(f"the answer is not JSON: {error}") from error
        raise BadAnswer(f"the answer is not as expected: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJson(f"the answer is not JSON: {error}") from error
    except RecursionError as error:
        raise BadAnswer("the answer is nested too deeply to be read") from error


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except RecursionError:  # deep, but JSON so far
        return True
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


def _page(answer: _WireAnswer, level: Level) -> Page:
    wire = answer.data or _WireNode()
    children = wire.children
    built = None if children is None else tuple(_node((*level, name), each) for name, each in children.items())
    return Page(_node(level, wire, built), _next(answer.links), found=answer.data is not None)


def _node(level: Level, wire: _WireNode, children: tuple[Node, ...] | None = None) -> Node:
    progress = wire.progressDetails
    if progress is None or progress.isSupported is False or wire.outcome:  # a finished node has none any more
        return Node(level, wire.status, wire.outcome, wire.message, wire.details or {}, None, (), children)
    phases = tuple(Phase(each.name, each.processed, each.total) for each in progress.data or ())
    return Node(level, wire.status, wire.outcome, wire.message, wire.details or {}, progress.percent, phases, children)


def _lenient_page(body: bytes, level: Level, *, keep_raw: bool) -> Page:
    answer = _decoded(_object.decode, body)
    data = answer.get("data")
    own = dict(_object_or_raise({} if data is None else data, "data"))
    wire_children = own.pop("children", None)
    children = None
    if wire_children is not None:
        named = _object_or_raise(wire_children, "data.children")
        children = tuple(_lenient_node((*level, name), each, keep_raw) for name, each in named.items())
    node = msgspec.structs.replace(_lenient_node(level, own, keep_raw), children=children)
    links = _object_or_raise({} if answer.get("links") is None else answer["links"], "links")
    after = links.get("next")
    if after is not None and not isinstance(after, str):
        raise BadAnswer(f"the answer is not as expected: `links.next` is {_kind(after)} instead of a text")
    return Page(node, after or None, found=bool(data), links=links)


def _object_or_raise(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadAnswer(f"the answer is not as expected: `{name}` is {_kind(value)} instead of an object")
    return value


def _lenient_node(level: Level, value: object, keep_raw: bool) -> Node:
    raw = value if keep_raw and isinstance(value, dict) else None
    try:
        return msgspec.structs.replace(_node(level, msgspec.convert(value, _WireNode)), raw=raw)
    except (msgspec.ValidationError, RecursionError) as error:
        return Node(level, unreadable=f"not as expected: {error}", raw=raw)


def _built_task(wire: _WireTask) -> Task:
    artifacts = (wire.results.artifacts if wire.results else None) or ()
    return Task(
        wire.taskId,
        wire.taskType,
        wire.createdAt,
        tuple(Artifact(each.name, each.location, each.expireAt) for each in artifacts),
    )


def _next(links: _WireLinks | None) -> str | None:
    return (links.next if links else None) or None


def _kind(value: object) -> str:
    return {list: "a list", str: "a text", bool: "true or false"}.get(type(value), "a number")
