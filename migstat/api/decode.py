"""Turns the API's JSON into the model, and makes the best of malformed answers."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from sys import intern
from typing import Any, TypeVar

import msgspec

from migstat.errors import BadAnswer
from migstat.model.nodes import (
    HIDDEN,
    Artifact,
    Job,
    Level,
    Node,
    Page,
    Phase,
    Task,
    TaskPage,
    millis,
)


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


class _LooseData(msgspec.Struct, frozen=True):
    children: dict[str, Any] | None = None


class _LooseAnswer(msgspec.Struct, frozen=True):
    """The minimum that an answer must have, so that its readable children can be shown."""

    data: _LooseData | None = None
    links: _WireLinks | None = None


class _WireTasks(msgspec.Struct, frozen=True):
    data: list[Any] | None = None
    links: _WireLinks | None = None


_T = TypeVar("_T")
_answer = msgspec.json.Decoder(_WireAnswer)
_loose = msgspec.json.Decoder(_LooseAnswer)
_tasks = msgspec.json.Decoder(_WireTasks)
_object = msgspec.json.Decoder(dict[str, Any])

MOST_CHILDREN = 2000
MOST_OCCURRENCES = 10_000
"""Children of one page, and occurrences of one check, above which an answer is refused."""

MOST_MEMBERS = 250_000
MOST_VALUES = 250_000
MOST_KEYS = 1_000_000
MOST_CONTAINERS = 100_000
"""Colons, commas and opening brackets of one answer, above which it is not decoded: 8 MiB of `{},` would fill 2 GB.

The definition of a job may have more commas, since it lists the keys of its projects.
"""

_DIGITS = 400
"""Digits of a whole number beyond which it has no meaning."""

_SECONDS_BELOW = 1e11
"""Instants below this are in seconds: in milliseconds they would be before March 1973."""


class NotJson(BadAnswer):
    """The body is not JSON, such as the HTML page of a proxy; worth another try."""


def decode_page(body: bytes, level: Level, *, keep_raw: bool = False) -> Page:
    """One answer to `/status` about `level`. Raises BadAnswer if it cannot be understood, or has too many children.

    A child that cannot be understood becomes an unreadable node, without harm to its siblings.
    """
    try:
        answer = None if keep_raw else _decoded(_answer.decode, body)
    except NotJson:
        raise
    except BadAnswer:
        answer = None
    if (
        answer is None or answer.data == _EMPTY
    ):  # unknown fields may make it a level that exists, which takes their JSON
        return _lenient_page(body, level, keep_raw=keep_raw)
    wire = answer.data or _EMPTY
    children = None
    if wire.children is not None:
        _check_count(wire.children)
        children = tuple(_node((*level, name), child) for name, child in wire.children.items())
    return Page(_node(level, wire, children), _next(answer.links), found=answer.data is not None, size=len(body))


def decode_tasks(body: bytes) -> TaskPage:
    """One answer to `/tasks`; raises BadAnswer where it cannot be understood. A run without an id becomes a flaw."""
    answer = _decoded(_tasks.decode, body)
    built = [_built_task(each) for each in answer.data or ()]
    nameless = sum(not task.task_id for task in built)
    flaws = (f"{nameless} of {len(built)} runs on a page have no id",) if nameless else ()
    return TaskPage(tuple(task for task in built if task.task_id), _next(answer.links), flaws)


def decode_task(body: bytes) -> Task:
    """One answer to `/tasks/{taskId}`, its id empty if it has none. Raises BadAnswer unless it is an object."""
    return _built_task(decode_object(body))


def decode_job(body: bytes) -> Job:
    """One answer to `/jobs/{jobId}`. Raises BadAnswer unless it is an object."""
    return job_of(decode_object(body))


def decode_object(body: bytes) -> dict[str, Any]:
    """The members of any JSON object. Raises BadAnswer for anything else."""
    return _decoded(_object.decode, body, values=MOST_KEYS)


def job_of(raw: dict[str, Any]) -> Job:
    """A job from its definition; what has an unexpected type counts as unknown."""
    scopes = _members_of(raw.get("scope"))
    included: dict[str, tuple[str, ...]] = {}
    for hidden in HIDDEN:
        keys = _members_of(scopes.get(hidden)).get("includedKeys")
        texts = (key for key in (keys if isinstance(keys, list) else ()) if isinstance(key, str) and key)
        included[hidden] = tuple(dict.fromkeys(texts))
    flow = _text_of(raw.get("flow")) or ""
    # Confluence has `spaces`, Jira `projects`. The API's documentation names `projects` for Confluence in one place, so
    # the other one always follows.
    spaces_first = bool(included["spaces"]) or flow.startswith("confluence")
    return Job(
        raw,
        name=_text_of(raw.get("name")),
        flow=flow,
        destination=_text_of(_members_of(raw.get("destination")).get("url")),
        keys=tuple(dict.fromkeys(key for hidden in HIDDEN for key in included[hidden])),
        named_scopes=tuple(
            name
            for name, scope in scopes.items()
            # an empty list of keys, or a mode of none, moves nothing
            if scope
            and _members_of(scope).get("includedKeys") != []
            and str(_members_of(scope).get("mode", "")).lower() != "none"
        ),
        scopes=("spaces", "projects") if spaces_first else ("projects", "spaces"),
        _included=included,
    )


def repaired_json(body: bytes) -> bytes:
    """Parse a body that breaks one of JSON's minor rules, so that the rest of it can be shown.

    Half a surrogate pair and bytes that are not UTF-8 become U+FFFD, absurdly large numbers null. Raises NotJson.
    """
    import json  # good answers do not need it

    try:
        value = json.loads(
            body.decode("utf-8-sig", "replace"),
            strict=False,  # control characters in texts
            parse_int=lambda digits: int(digits) if len(digits) < _DIGITS else None,
            parse_float=lambda text: number if isfinite(number := float(text)) else None,
            parse_constant=lambda _: None,
        )
        text = json.dumps(value, ensure_ascii=False)
    except ValueError as error:
        raise NotJson(f"the answer is not JSON: {error}") from error
    except RecursionError as error:
        raise BadAnswer("the answer is nested too deeply to be read") from error
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _decoded(decode: Callable[[bytes], _T], body: bytes, values: int = MOST_VALUES) -> _T:
    """Decode an answer, unless it has too many parts to build anything from it. Raises BadAnswer."""
    if len(body) > MOST_CONTAINERS:  # few are, and counting takes as long as decoding
        if body.count(b":") > MOST_MEMBERS or body.count(b",") > values:
            raise _too_much(f"more than {MOST_MEMBERS:,} members or {values:,} values")
        if body.count(b"{") + body.count(b"[") > MOST_CONTAINERS:
            raise _too_much(f"more than {MOST_CONTAINERS:,} objects and lists")
    try:
        return decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        # msgspec checks types as it goes, so a wrong type may come before the place where the body stops being JSON
        if isinstance(error, msgspec.ValidationError) and _is_json(body):
            raise BadAnswer(f"the answer is not as expected: {error}") from error
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


def _node(level: Level, wire: _WireNode, children: tuple[Node, ...] | None = None) -> Node:
    progress = wire.progressDetails
    details = wire.details or {}
    occurrences = details.get("occurrences")
    if isinstance(occurrences, list) and len(occurrences) > MOST_OCCURRENCES:
        raise _too_much(
            f"{len(occurrences):,} occurrences of {','.join(level) or 'the task'}; the limit is {MOST_OCCURRENCES:,}"
        )
    percent, phases = None, tuple[Phase, ...]()
    if progress is not None and progress.isSupported is not False and not wire.outcome:  # a finished node has none
        percent = progress.percent
        phases = tuple(Phase(phase.name, phase.processed, phase.total) for phase in progress.data or ())
    return Node(
        level,
        # thousands of nodes use the same few words, so share their memory
        status=wire.status and intern(wire.status),
        outcome=wire.outcome and intern(wire.outcome),
        message=wire.message,
        details=details,
        percent=percent,
        progress=phases,
        children=children,
    )


def _check_count(children: dict[str, Any]) -> None:
    if len(children) > MOST_CHILDREN:
        raise _too_much(f"{len(children):,} children; the limit is {MOST_CHILDREN:,}")


def _too_much(what: str) -> BadAnswer:
    return BadAnswer(f"the answer has {what}", "This does not look like the API; check the network and --base-url.")


def _lenient_page(body: bytes, level: Level, *, keep_raw: bool) -> Page:
    shape = _decoded(_loose.decode, body)
    answer = _decoded(_object.decode, body)
    own, links = answer.get("data") or {}, answer.get("links") or {}
    found, named, children = bool(own), own.pop("children", None), None
    if named is not None:
        _check_count(named)
        children = tuple(_lenient_node((*level, name), child, keep_raw) for name, child in named.items())
    node = msgspec.structs.replace(_lenient_node(level, own, keep_raw), children=children)
    return Page(node, _next(shape.links), found=found, links=links, size=len(body))


def _lenient_node(level: Level, value: object, keep_raw: bool) -> Node:
    raw = value if keep_raw and isinstance(value, dict) else None
    try:
        return msgspec.structs.replace(_node(level, msgspec.convert(value, _WireNode)), raw=raw)
    except (msgspec.ValidationError, RecursionError) as error:
        return Node(level, unreadable=f"not as expected: {error}", raw=raw)


def _built_task(value: object) -> Task:
    """A run; what has an unexpected type counts as unknown."""
    own = _members_of(value)
    artifacts = _members_of(own.get("results")).get("artifacts")
    named = map(_members_of, artifacts if isinstance(artifacts, list) else ())
    excluded = _members_of(_members_of(own.get("payload")).get("checkTypes")).get("excludeKeys")
    return Task(
        task_id=_text_of(own.get("taskId")) or "",
        task_type=_text_of(own.get("taskType")),
        created_at=own.get("createdAt"),
        artifacts=tuple(
            Artifact(_text_of(each.get("name")), _text_of(each.get("location")), _expiry(each.get("expireAt")))
            for each in named
        ),
        overridden=tuple(each for each in excluded if isinstance(each, str)) if isinstance(excluded, list) else (),
    )


def _expiry(value: object) -> object:
    """`expireAt` in epoch milliseconds if it is a number, whose unit the API does not state; else unchanged."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return millis(value * 1000 if abs(value) < _SECONDS_BELOW else value) or value
    return value


def _next(links: _WireLinks | None) -> str | None:
    return (links.next if links else None) or None


def _members_of(value: object) -> dict[str, Any]:
    """The members of a JSON object; none of anything else."""
    return value if isinstance(value, dict) else {}


def _text_of(value: object) -> str | None:
    """The text, if it is one."""
    return value if isinstance(value, str) else None
