"""The reports and logs that simulated runs leave: their addresses, what is in them, and how they are served.

As from the storage behind the real API, they are fetched without credentials: the signature in an address is what
opens it, until it expires.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, unquote, urlsplit

from migstat.simulator.exchange import Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migstat.simulator.exchange import Request
    from migstat.simulator.scenario import Node, Task

PREFIX = "/artifacts"
ROWS_OF_CHECK = 60
"""Lines of a report about each check, so that a report has some 200 KB."""

LINES_OF_LOG = 3000
_KINDS = {".csv": "text/csv; charset=utf-8", ".zip": "application/zip"}
_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{1,18})?")


def location_of(base_url: str, task: Task, name: str) -> str:
    """Return the signed address of a task's file on the server at `base_url`."""
    path = f"{PREFIX}/{quote(task.task_id, safe='')}/{quote(name, safe='')}"
    return f"{base_url}{path}?signature={_signature(path)}"


def is_signed(target: str) -> bool:
    """Whether the query of a request's target holds the signature of its path."""
    parts = urlsplit(target)
    return parse_qs(parts.query).get("signature") == [_signature(parts.path)]


def names_in(target: str) -> tuple[str, str] | None:
    """Return the ids of task and file that a request's target names, None where it is no address of a file."""
    match urlsplit(target).path.removeprefix(f"{PREFIX}/").split("/"):
        case [task_id, name]:
            return unquote(task_id), unquote(name)
    return None


def content_of(task: Task, name: str) -> bytes:
    """Return what is in a task's file, the same in every run: a report of its checks, or the archive of a log."""
    return _archive(task) if name.endswith(".zip") else _report(task)


def serve(content: bytes, name: str, request: Request) -> Response:
    """Answer a request for a file: all of it, or from where an earlier download of the same content ended."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    kind = next((kind for suffix, kind in _KINDS.items() if name.endswith(suffix)), "application/octet-stream")
    whole = Response(200, content, (("Content-Type", kind), ("ETag", tag), ("Accept-Ranges", "bytes")))
    match = _RANGE.fullmatch(request.range or "")
    if match is None or request.if_range not in (None, tag):
        return whole
    first, last = int(match[1]), min(int(match[2] or len(content)), len(content) - 1)
    if first > last:
        return Response(416, b"", (("Content-Range", f"bytes */{len(content)}"),))
    headers = (*whole.headers, ("Content-Range", f"bytes {first}-{last}/{len(content)}"))
    return replace(whole, status=206, body=content[first : last + 1], headers=headers)


def _signature(path: str) -> str:
    return hashlib.sha256(f"simulated {path}".encode()).hexdigest()[:32]


def _checks(task: Task) -> tuple[Node, ...]:
    """Return the checks of a task: the root's children, or in a migrate task those of its `check`."""
    check = next((child for child in task.root.children if child.name == "check"), task.root)
    return check.children


def _report(task: Task) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("check", "outcome", "message", "finding"))
    for check in _checks(task):
        looked_at = (f"looked at: entity {number:05d}" for number in range(ROWS_OF_CHECK - len(check.occurrences)))
        for finding in (*check.occurrences, *looked_at):
            writer.writerow((check.name, check.outcome, check.final_message or "Nothing was found.", finding))
    return text.getvalue().encode()


def _archive(task: Task) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:  # packing differs between versions of zlib
        archive.writestr(zipfile.ZipInfo("migration.log"), "".join(_log(task)))
    return held.getvalue()


def _log(task: Task) -> Iterator[str]:
    for node in task.root.walk():
        yield f"INFO  {node.name}: begun, {len(node.children)} below it\n"
    for number in range(LINES_OF_LOG):
        yield f"DEBUG batch {number:05d}: 100 entities read, 100 written, 0 left out, no conflicts\n"
