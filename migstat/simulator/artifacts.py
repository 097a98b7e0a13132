"""The reports and logs that simulated runs leave: their addresses and contents.

As with the storage behind the real API, they are fetched without credentials: the signature in an address grants
access until it expires.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlsplit

from migstat.simulator.exchange import ARTIFACTS, HttpResponse

if TYPE_CHECKING:
    from migstat.simulator.scenario import SimArtifact, SimTask

ROWS_OF_CHECK = 60
"""Lines of a report about each check, which make some 200 KB."""

LINES_OF_LOG = 3000
_KINDS = {".csv": "text/csv; charset=utf-8", ".zip": "application/zip"}


def location_of(base_url: str, task: SimTask, name: str) -> str:
    """Return the signed address of a task's file on the server at `base_url`."""
    path = f"{ARTIFACTS}/{quote(task.task_id, safe='')}/{quote(name, safe='')}"
    return f"{base_url}{path}?signature={_signature(path)}"


def is_signed(target: str) -> bool:
    """Return True if the query of a request's target holds the signature of its path."""
    parts = urlsplit(target)
    return parse_qs(parts.query).get("signature") == [_signature(parts.path)]


def content_of(task: SimTask, name: str) -> bytes:
    """Return the content of a task's file, the same in every run: a report of its checks, or a zipped log."""
    return _archive(task) if name.endswith(".zip") else _report(task)


def serve(task: SimTask, artifact: SimArtifact) -> HttpResponse:
    """Return the response to a request for a file: its content."""
    kind = next((kind for suffix, kind in _KINDS.items() if artifact.name.endswith(suffix)), "application/octet-stream")
    return HttpResponse(200, content_of(task, artifact.name), (("Content-Type", kind),))


def _signature(path: str) -> str:
    return hashlib.sha256(f"simulated {path}".encode()).hexdigest()[:32]


def _report(task: SimTask) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("check", "outcome", "message", "finding"))
    # the checks are the root's children, or in a migrate task those of its `check`
    level = next((child for child in task.root.children if child.name == "check"), task.root)
    for check in level.children:
        looked_at = (f"looked at: entity {number:05d}" for number in range(ROWS_OF_CHECK - len(check.occurrences)))
        for finding in (*check.occurrences, *looked_at):
            writer.writerow((check.name, check.outcome, check.final_message or "Nothing was found.", finding))
    return text.getvalue().encode()


def _archive(task: SimTask) -> bytes:
    lines = [f"INFO  {node.name}: begun, {len(node.children)} below it\n" for node in task.root.walk()]
    lines += [
        f"DEBUG batch {number:05d}: 100 entities read, 100 written, 0 left out, no conflicts\n"
        for number in range(LINES_OF_LOG)
    ]
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:  # packing differs between versions of zlib
        archive.writestr(zipfile.ZipInfo("migration.log"), "".join(lines))
    return held.getvalue()
