"""`migstat job`: the job's definition."""

from __future__ import annotations

from migstat.cli.context import Options, Runtime, open_session
from migstat.cli.options import Job, asks_api
from migstat.cli.output import finish, output_of
from migstat.model.reports import JobReport

FORMATS = ("table", "plain", "json")


@asks_api(FORMATS)
def job(runtime: Runtime, options: Options, job: Job = None) -> int:
    """Show what a job moves, from where and to where.

    Examples:

      migstat job

      migstat job --json | jq '.job.scope'
    """
    output = output_of(runtime, options, FORMATS)
    with open_session(runtime, options, job=job, default_task=None) as session:
        report = JobReport(session.job_id, session.now(), session.job)
        return finish(runtime, output, report)
