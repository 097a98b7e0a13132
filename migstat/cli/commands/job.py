"""`migstat job`: the job's definition."""

from __future__ import annotations

from migstat.cli.context import Options, Runtime, open_session
from migstat.cli.options import shared_options
from migstat.cli.output import finish
from migstat.model.reports import JobReport

FORMATS = ("table", "plain", "json")


@shared_options(FORMATS, about=("job",))
def job(runtime: Runtime, options: Options) -> int:
    """Show what a job moves, from where and to where.

    Examples:

      migstat job

      migstat job --json | jq '.job.scope'
    """
    with open_session(runtime, options, default_task=None) as session:
        report = JobReport(session.job_id, session.now(), session.job)
        return finish(runtime, options, report)
