"""migstat: the status of a migration to Atlassian Cloud, from the command line and from Python.

    from migstat import Client, watch

What is not used is not loaded. The kinds of events are in `migstat.model.events`, those of errors in `migstat.errors`.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False  # as in `typing`, which would cost more than all of this

if TYPE_CHECKING:
    from migstat.client import Client, watch
    from migstat.errors import MigstatError
    from migstat.model.events import Event
    from migstat.model.nodes import Job, Node, Task
    from migstat.model.reports import ChecksReport, ProjectsReport
    from migstat.model.verdict import Snapshot, Summary, Verdict

__all__ = [
    "ChecksReport",
    "Client",
    "Event",
    "Job",
    "MigstatError",
    "Node",
    "ProjectsReport",
    "Snapshot",
    "Summary",
    "Task",
    "Verdict",
    "watch",
]

_HOMES = {
    "client": ("Client", "watch"),
    "errors": ("MigstatError",),
    "model.events": ("Event",),
    "model.nodes": ("Job", "Node", "Task"),
    "model.reports": ("ChecksReport", "ProjectsReport"),
    "model.verdict": ("Snapshot", "Summary", "Verdict"),
}

if not TYPE_CHECKING:

    def __getattr__(name):
        """Load a public name from the module that it lives in."""
        from importlib import import_module

        for module, names in _HOMES.items():
            if name in names:
                return getattr(import_module(f"migstat.{module}"), name)
        raise AttributeError(f"module 'migstat' has no attribute {name!r}")

    def __dir__():
        """The names that there are, loaded or not."""
        return sorted({*globals(), *__all__})
