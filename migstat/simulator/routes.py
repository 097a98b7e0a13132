"""Which of the API's routes a request asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "/migrations/public/v1"
ARTIFACTS = "/artifacts"
FAULTS = "/_simulator/faults"

Route = Literal["job", "tasks", "task", "status", "artifact", "faults", "unknown"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A parsed request: its route, the decoded ids in its path, and its query.

    The ids are those of job and task; of an artifact they are the task's id and the file's name.
    """

    route: Route
    ids: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> tuple[str, ...]:
        """The names in `level`, from the root down."""
        return tuple(self.query["level"].split(",")) if self.query.get("level") else ()

    @property
    def filtered(self) -> bool:
        """True if the request filters children by status or outcome."""
        return bool(self.query.keys() & {"status", "outcome"})


def parse(target: str) -> Asked:
    """Return what the path and query of a request ask for."""
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.path == FAULTS:
        return Asked("faults", (), query)
    for prefix in (PREFIX, ARTIFACTS):
        if parts.path.startswith(f"{prefix}/"):
            segments = tuple(unquote(each) for each in parts.path.removeprefix(f"{prefix}/").split("/"))
            match prefix, segments:
                case "/artifacts", (task_id, name):
                    return Asked("artifact", (task_id, name), query)
                case _, ("jobs", job_id):
                    return Asked("job", (job_id,), query)
                case _, ("jobs", job_id, "tasks"):
                    return Asked("tasks", (job_id,), query)
                case _, ("jobs", job_id, "tasks", task_id):
                    return Asked("task", (job_id, task_id), query)
                case _, ("jobs", job_id, "tasks", task_id, "status"):
                    return Asked("status", (job_id, task_id), query)
    return Asked("unknown", (), query)
