"""`migstat tasks`: the runs of a job."""

from __future__ import annotations

from migstat.cli.context import Options, Runtime, open_session
from migstat.cli.options import Job, asks_api
from migstat.cli.output import finish, output_of
from migstat.query.reports import tasks_report

FORMATS = ("table", "plain", "json", "ndjson", "csv", "markdown")


@asks_api(FORMATS)
def tasks(runtime: Runtime, options: Options, job: Job = None) -> int:
    """List the runs of a job, newest first.

    Examples:

      migstat tasks

      migstat tasks --json | jq -r '.tasks[0].taskId'
    """
    output = output_of(runtime, options, FORMATS)
    with open_session(runtime, options, job=job, default_task=None) as session:
        return finish(runtime, output, tasks_report(session))
