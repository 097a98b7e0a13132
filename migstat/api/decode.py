"""Turns the API's JSON into the model, and makes the best of malformed answers."""

from __future__ import annotations

import re
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
    level_text,
)


class _WirePhase(msgspec.Struct, frozen=True):
    name: str | None = None
    processed: int | float | None = None
    total: int | float | None = None


class _WireProgress(msgspec.Struct, frozen=True):
    isSupported: bool | None = None  # noqa: N815  the API's names
    percent: int | float | None = None
    data: list[_WirePhase] | None = None


class _WireState(msgspec.Struct, frozen=True):
    status: str | None = None
    outcome: str | None = None
    message: str | None = None
    details: dict[str, Any] | None = None


class _WireNode(_WireState, frozen=True):
    progressDetails: _WireProgress | None = None  # noqa: N815


class _WireChildren(msgspec.Struct, frozen=True):
    children: dict[str, msgspec.Raw] | None = None


class _WireLinks(msgspec.Struct, frozen=True):
    next: str | None = None


class _WireAnswer(msgspec.Struct, frozen=True):
    """The data stays JSON at first, and so do its children, so that a wrong type in one node costs no other."""

    data: msgspec.Raw = msgspec.Raw(b"null")
    links: _WireLinks | None = None


class _WireTasks(msgspec.Struct, frozen=True):
    data: list[Any] | None = None
    links: _WireLinks | None = None


_T = TypeVar("_T")
_answer = msgspec.json.Decoder(_WireAnswer)
_children = msgspec.json.Decoder(_WireChildren)
_own = msgspec.json.Decoder(_WireNode)
_state = msgspec.json.Decoder(_WireState)
_tasks = msgspec.json.Decoder(_WireTasks)
_object = msgspec.json.Decoder(dict[str, Any])

MAX_CHILDREN = 2000
MAX_OCCURRENCES = 10_000
"""Children of one page, and occurrences of one check, above which an answer is refused."""

MAX_MEMBERS = 250_000
MAX_VALUES = 250_000
MAX_KEYS = 1_000_000
MAX_CONTAINERS = 100_000
"""Colons, commas and opening brackets of one answer, above which it is not decoded: 8 MiB of `{},` would fill 2 GB.

The definition of a job may have more commas, since it lists the keys of its projects.
"""

_MAX_DIGITS = 400
"""Digits of a whole number beyond which it has no meaning."""

_MAX_NUMBER = 1e300
"""Percent or items beyond which a number has no meaning, and a whole one may have no fraction."""

_SECONDS_BELOW = 1e11
"""Instants below this are in seconds: in milliseconds they would be before March 1973."""


class NotJson(BadAnswer):
    """The body is not JSON, such as the HTML page of a proxy; worth another try."""


def decode_page(body: bytes, level: Level, *, keep_raw: bool = False) -> Page:
    """One answer to `/status` about `level`. Raises BadAnswer if it cannot be understood, or has too many children.

    A child that cannot be understood becomes an unreadable node, without harm to its siblings.
    """
    answer = _decoded(_answer.decode, body)
    data = bytes(answer.data)
    if data == b"null":
        data = b"{}"
    parts = _decoded(_children.decode, data, of="data")
    raw: dict[str, Any] = decode_object(body) if keep_raw else {}
    own = raw.get("data") or {}
    raws = own.pop("children", None) or {}
    children = None
    if parts.children is not None:
        if len(parts.children) > MAX_CHILDREN:
            raise _too_much(f"{len(parts.children):,} children; the limit is {MAX_CHILDREN:,}")
        children = tuple(_node((*level, name), part, raws.get(name)) for name, part in parts.children.items())
    return Page(
        node=_node(level, data, own if keep_raw else None, children),
        next=(answer.links.next if answer.links else None) or None,
        found=bool(data.strip(b"{} \t\r\n")),
        links=raw.get("links") or {},
        size=len(body),
    )


def decode_tasks(body: bytes) -> TaskPage:
    """One answer to `/tasks`; raises BadAnswer where it cannot be understood. A run without an id becomes a flaw."""
    answer = _decoded(_tasks.decode, body)
    built = [_built_task(each) for each in answer.data or ()]
    nameless = sum(not task.task_id for task in built)
    flaws = (f"{nameless} of {len(built)} runs on a page have no id",) if nameless else ()
    following = (answer.links.next if answer.links else None) or None
    return TaskPage(tuple(task for task in built if task.task_id), following, flaws)


def decode_task(body: bytes) -> Task:
    """One answer to `/tasks/{taskId}`, its id empty if it has none. Raises BadAnswer unless it is an object."""
    return _built_task(decode_object(body))


def decode_job(body: bytes) -> Job:
    """One answer to `/jobs/{jobId}`. Raises BadAnswer unless it is an object.

    What has an unexpected type counts as unknown.
    """
    raw = _decoded(_object.decode, body, values=MAX_KEYS)
    scopes = _members_of(raw.get("scope"))
    included: dict[str, tuple[str, ...]] = {}
    for hidden in HIDDEN:
        keys = _members_of(scopes.get(hidden)).get("includedKeys")
        texts = (key for key in (keys if isinstance(keys, list) else ()) if isinstance(key, str) and key)
        included[hidden] = tuple(dict.fromkeys(texts))
    flow = _text_of(raw.get("flow")) or ""
    named = tuple(
        name
        for name, scope in scopes.items()
        # an empty list of keys, or a mode of none, moves nothing
        if scope
        and _members_of(scope).get("includedKeys") != []
        and str(_members_of(scope).get("mode", "")).lower() != "none"
    )
    # Confluence has `spaces`, Jira `projects`. The API's documentation names `projects` for Confluence in one place, so
    # the other one always follows.
    spaces_first = bool(included["spaces"]) or flow.startswith("confluence")
    return Job(
        raw,
        name=_text_of(raw.get("name")),
        flow=flow,
        destination=_text_of(_members_of(raw.get("destination")).get("url")),
        keys=tuple(dict.fromkeys(key for hidden in HIDDEN for key in included[hidden])),
        named_scopes=named,
        moves_projects=not named or any(scope in named for scope in HIDDEN),
        scopes=("spaces", "projects") if spaces_first else ("projects", "spaces"),
        _included=included,
    )


def decode_object(body: bytes) -> dict[str, Any]:
    """The members of any JSON object. Raises BadAnswer for anything else."""
    return _decoded(_object.decode, body)


def repaired_json(body: bytes) -> bytes:
    """Parse a body that breaks one of JSON's minor rules, so that the rest of it can be shown.

    Half a surrogate pair and bytes that are not UTF-8 become U+FFFD, absurdly large numbers null. Raises NotJson.
    """
    import json  # good answers do not need it

    try:
        value = json.loads(
            body.decode("utf-8-sig", "replace"),
            strict=False,  # control characters in texts
            parse_int=lambda digits: int(digits) if len(digits) < _MAX_DIGITS else None,
            parse_float=lambda text: number if isfinite(number := float(text)) else None,
            parse_constant=lambda _: None,
        )
        text = json.dumps(value, ensure_ascii=False)
    except ValueError as error:
        raise NotJson(f"the response is not JSON: {error}") from error
    except RecursionError as error:
        raise BadAnswer("the response is nested too deeply to be read") from error
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def _decoded(decode: Callable[[Any], _T], body: bytes, *, values: int = MAX_VALUES, of: str = "") -> _T:
    """Decode an answer, or the member `of` it, unless it has too many parts to be worth it. Raises BadAnswer."""
    if len(body) > MAX_CONTAINERS:  # few are, and counting takes as long as decoding
        if body.count(b":") > MAX_MEMBERS or body.count(b",") > values:
            raise _too_much(f"more than {MAX_MEMBERS:,} members or {values:,} values")
        if body.count(b"{") + body.count(b"[") > MAX_CONTAINERS:
            raise _too_much(f"more than {MAX_CONTAINERS:,} objects and lists")
    try:
        return decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        # msgspec checks types as it goes, so a wrong type may come before the place where the body stops being JSON
        if isinstance(error, msgspec.ValidationError) and _is_json(body):
            raise BadAnswer(f"the response is not as expected: {_mismatch(error, of)}") from error
        raise NotJson(f"the response is not JSON: {error}") from error
    except RecursionError as error:
        raise BadAnswer("the response is nested too deeply to be read") from error


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body)
    except RecursionError:  # deep, but JSON so far
        return True
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True


_KINDS = {
    "str": "text",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}
"""msgspec's words for kinds of JSON, and ours."""


def _mismatch(error: Exception, of: str = "") -> str:
    """What has which wrong type, in plain words; `of` is the member that the error is about."""
    found = re.fullmatch(r"Expected `(\w+).*?`, got `(\w+)`(?: - at `\$\.?(.*)`)?", str(error))
    if found is None:
        return str(error)
    expected, got = (_KINDS.get(kind, kind) for kind in found.group(1, 2))
    return f"{'.'.join(filter(None, (of, found[3]))) or 'it'} is {got} instead of {expected}"


def _node(
    level: Level, part: bytes | msgspec.Raw, raw: object = None, children: tuple[Node, ...] | None = None
) -> Node:
    """The node in a part of an answer; an unreadable one if it cannot be understood. `raw` is the part for `--raw`."""
    raw = raw if isinstance(raw, dict) else None
    try:
        wire = _wire_node(part)
    except (msgspec.ValidationError, RecursionError) as error:
        return Node(level, children=children, unreadable=f"not as expected: {_mismatch(error)}", raw=raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJson(f"the response is not JSON: {error}") from error
    progress = wire.progressDetails or _WireProgress()
    details = wire.details or {}
    occurrences = details.get("occurrences")
    if isinstance(occurrences, list) and len(occurrences) > MAX_OCCURRENCES:
        raise _too_much(f"{len(occurrences):,} occurrences of {level_text(level)}; the limit is {MAX_OCCURRENCES:,}")
    percent, phases = None, tuple[Phase, ...]()
    if progress.isSupported is not False and not wire.outcome:  # a finished node has none
        percent = _sane(progress.percent)
        phases = tuple(Phase(each.name, _sane(each.processed), _sane(each.total)) for each in progress.data or ())
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
        raw=raw,
    )


def _wire_node(part: bytes | msgspec.Raw) -> _WireNode:
    """The node in a part of an answer; progress that cannot be understood is unknown, as it decides nothing."""
    try:
        return _own.decode(part)
    except msgspec.ValidationError as error:
        if "out of range" in str(error):  # such as 1e999
            return _wire_node(repaired_json(bytes(part)))
        if "`$.progressDetails" in str(error):
            return _WireNode(*msgspec.structs.astuple(_state.decode(part)))
        raise


def _sane(number: float | None) -> float | None:
    """The number, unless it is too large to calculate with."""
    return None if number is None or abs(number) > _MAX_NUMBER else number


def _too_much(what: str) -> BadAnswer:
    return BadAnswer(f"the response has {what}", "This does not look like the API; check the network and --base-url.")


def _built_task(value: object) -> Task:
    """A run; what has an unexpected type counts as unknown."""
    own = _members_of(value)
    sent = _members_of(own.get("results")).get("artifacts")
    artifacts = []
    for each in map(_members_of, sent if isinstance(sent, list) else ()):
        expiry = each.get("expireAt")
        if isinstance(expiry, int | float) and not isinstance(expiry, bool):  # the API does not state the unit
            expiry = int(expiry * 1000 if abs(expiry) < _SECONDS_BELOW else expiry)
        artifacts.append(Artifact(_text_of(each.get("name")), _text_of(each.get("location")), expiry))
    excluded = _members_of(_members_of(own.get("payload")).get("checkTypes")).get("excludeKeys")
    return Task(
        task_id=_text_of(own.get("taskId")) or "",
        task_type=_text_of(own.get("taskType")),
        created_at=own.get("createdAt"),
        artifacts=tuple(artifacts),
        overridden=tuple(each for each in excluded if isinstance(each, str)) if isinstance(excluded, list) else (),
    )


def _members_of(value: object) -> dict[str, Any]:
    """The members of a JSON object; none of anything else."""
    return value if isinstance(value, dict) else {}


def _text_of(value: object) -> str | None:
    """The text, if it is one."""
    return value if isinstance(value, str) else None
