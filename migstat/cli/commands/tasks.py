"""`migstat tasks`: the runs of a job."""

from __future__ import annotations

from migstat.cli.context import Options, Runtime, open_session
from migstat.cli.options import shared_options
from migstat.cli.output import finish
from migstat.query.reports import tasks_report

FORMATS = ("table", "plain", "json", "ndjson", "csv", "markdown")


@shared_options(FORMATS, about=("job",))
def tasks(runtime: Runtime, options: Options) -> int:
    """List the runs of a job, newest first.

    Examples:

      migstat tasks

      migstat tasks --json | jq -r '.tasks[0].taskId'

    State and ELAPSED are those of the core: apps may end later. 'migstat status' shows the whole run.
    """
    with open_session(runtime, options, default_task=None) as session:
        return finish(runtime, options, tasks_report(session))
