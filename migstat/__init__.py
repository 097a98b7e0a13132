"""migstat: the status of a migration to Atlassian Cloud, from the command line and from Python.

    from migstat import Client, watch

Names are loaded when they are first used. The kinds of errors are in `migstat.errors`.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False  # as in `typing`, whose import would take longer than this whole module

if TYPE_CHECKING:
    from migstat.client import Client, watch
    from migstat.errors import MigstatError
    from migstat.model.crowd import Summary
    from migstat.model.events import (
        Alive,
        Changed,
        End,
        Ended,
        Event,
        Late,
        Outage,
        Progressed,
        Recovered,
        Snapped,
        Stalled,
    )
    from migstat.model.nodes import Job, Node, Task
    from migstat.model.reports import ChecksReport, ProjectsReport
    from migstat.model.verdict import Reason, Snapshot, Verdict

__all__ = [
    "Alive",
    "Changed",
    "ChecksReport",
    "Client",
    "End",
    "Ended",
    "Event",
    "Job",
    "Late",
    "MigstatError",
    "Node",
    "Outage",
    "Progressed",
    "ProjectsReport",
    "Reason",
    "Recovered",
    "Snapped",
    "Snapshot",
    "Stalled",
    "Summary",
    "Task",
    "Verdict",
    "watch",
]

_HOMES = {
    "client": ("Client", "watch"),
    "errors": ("MigstatError",),
    "model.crowd": ("Summary",),
    "model.nodes": ("Job", "Node", "Task"),
    "model.reports": ("ChecksReport", "ProjectsReport"),
    "model.verdict": ("Reason", "Snapshot", "Verdict"),
}
"""The modules of the names above; every name that is not here is an event."""

if not TYPE_CHECKING:

    def __getattr__(name):
        """Load a public name from the module that it lives in."""
        from importlib import import_module

        if name not in __all__:
            raise AttributeError(f"module 'migstat' has no attribute {name!r}")
        home = next((module for module, names in _HOMES.items() if name in names), "model.events")
        return getattr(import_module(f"migstat.{home}"), name)

    def __dir__():
        """All names, loaded or not."""
        return sorted({*globals(), *__all__})
