"""`migstat help`: the help of a command, or a topic."""

from __future__ import annotations

import re
from functools import partial
from textwrap import fill
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from migstat.cli.help_page import page_width
from migstat.cli.streams import is_terminal
from migstat.errors import UsageError
from migstat.model import reports
from migstat.model.exit_codes import MEANINGS
from migstat.render.rows import COLUMNS, TIMELINE_COLUMNS
from migstat.settings.keys import ENVIRONMENT, SETTINGS

_FORMATTING = """\
Output is a table on a terminal and plain text elsewhere. Choose with -o (--output):

  table      for people; fits the window and sums up what is fine (--all lists it)
  tree       the nodes of status with their branches
  plain      one record per line, tab-separated, nothing cut; for grep, cut and awk
  json       one document; for jq. migstat schema prints its JSON Schema
  ndjson     one node, task or artifact per line
  csv        for spreadsheets; the first line names the columns
  markdown   for a chat or an issue

Columns of plain and csv (an unknown value is empty):

COLUMNS

More columns of checks, at the end and in this order: occurrence (--details),
change before (--against), accepted (--accepted), occurrenceChange (--details
with --against).

What some words mean:

  not before 03:10   the earliest end, at the pace so far; the largest projects tend to end last. watch --baseline \
estimates the end
  PROGRESS, percent  of the node's current phase: one that exports, then imports, starts again from 0 %
  12 of 40           how many have ended, well or not
  excludable         whether a failed check can be overridden, so that the migration starts all the same

Color: --color beats NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE and CLICOLOR.
Also write a file with --export: .svg or .html (a picture), .xml (JUnit; checks and projects).

watch --export writes its files anew after each poll, at most every five seconds:

  .html      a page for people without a token, on any share or web server; it reloads itself, and turns gray when \
out of date
  .svg       the live view as a picture
  .prom      metrics for the textfile collector of Prometheus's node_exporter: migstat_read_timestamp_seconds, \
migstat_api_up, migstat_nodes{scope,state}, migstat_missing, migstat_progress_ratio{project,phase}, migstat_stalled, \
migstat_estimated_end_timestamp_seconds (with --baseline), migstat_exit_code (at the end)"""


_RECORDS = {
    "status": COLUMNS[reports.StatusReport],
    "checks": COLUMNS[reports.ChecksReport],
    "projects": COLUMNS[reports.ProjectsReport],
    "tasks": COLUMNS[reports.TasksReport],
    "job": COLUMNS[reports.JobReport],
    "targets": COLUMNS[reports.TargetsReport],
    "artifacts": COLUMNS[reports.ArtifactsReport],
    "watch": ("time", "level", "from", "to", "message"),
    "timeline": TIMELINE_COLUMNS,
}

_NOTIFY = r"""
migstat watch --notify CMD runs CMD, without a shell, when someone should look:
when something failed or makes no progress, when the end will be late, after two
minutes of an outage and when that is over, and at the end. It runs once a poll,
for 30s at most; what happens meanwhile goes into the next run.

  MIGSTAT_EVENT   the worst event: change, outage, late, stalled or recovered;
                  or the end: finished, failed-fast, timeout, interrupted, error
  MIGSTAT_TEXT    one sentence, such as "Jira to the cloud: ERP failed: Import
                  stopped; 27 of 40 done"
  standard input  the events of the poll, one line of JSON each; for their keys
                  see migstat schema event

CMD gets your environment without the API token. Its output is dropped, and each
kind of failure is reported once. Put a recipe into a file, chmod +x it and try:

  migstat demo watch --notify ./recipe

Slack, with the URL of an incoming webhook:

#!/bin/sh
text=$(printf %s "$MIGSTAT_TEXT" |
  sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/[\\"]/\\&/g')
curl -fsS -H 'Content-Type: application/json' -d "{\"text\": \"$text\"}" \
  https://hooks.slack.com/services/T000/B000/XXXX

Teams, with the URL of the workflow "When a webhook request is received":

#!/bin/sh
text=$(printf %s "$MIGSTAT_TEXT" | sed 's/[\\"]/\\&/g')
curl -fsS -H 'Content-Type: application/json' -d @- \
  https://example.webhook.office.com/workflows/XXXX <<END
{"type": "message", "attachments": [{
  "contentType": "application/vnd.microsoft.card.adaptive",
  "content": {"type": "AdaptiveCard", "version": "1.4", "body": [
    {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": "$text"}]}
  ]}}]}
END

A Linux desktop:

#!/bin/sh
notify-send --urgency=critical -- "$MIGSTAT_TEXT"

macOS:

#!/bin/sh
osascript -e 'on run words' \
  -e 'display notification (item 1 of words) with title "migstat"' \
  -e 'end run' -- "$MIGSTAT_TEXT"
"""


_CI = """\
These builds show each check as a test and fail for those that count: code 0 if
all have passed or are accepted, 1 if one failed, 8 while they still run, with
or without --export. Keep what you accept in git, in accepted.toml:

  [DuplicateEmail]
  reason = "merged on purpose, CHG-4711"
  until = 2026-12-01    # through the end of this day
  by = "Maria"          # may be left out
  occurrences = 3       # may be left out; it counts again if more are listed

The occurrences are the examples that checks --details lists, at most about 100
a check: a message may speak of 17 attachments where three are listed.

Each recipe needs migstat installed, and MIGSTAT_EMAIL, MIGSTAT_JOB and the
secret MIGSTAT_TOKEN in the environment; MIGSTAT_TASK=latest-check is for runs
of checks alone. In JUnit, accepted checks are skipped, unfinished ones errors.
To wait for the checks first:

  migstat watch --until checks --accepted accepted.toml --quiet --timeout 1h

GitHub Actions:

steps:
- uses: actions/checkout@v4
- run: migstat checks --accepted accepted.toml --exit-status --export checks.xml
- run: migstat checks --accepted accepted.toml -o markdown >$GITHUB_STEP_SUMMARY
  if: always()
- uses: actions/upload-artifact@v4
  if: always()
  with: {name: checks, path: checks.xml}

GitLab:

  checks:
    script:
    - migstat checks --accepted accepted.toml --exit-status --export checks.xml
    artifacts:
      when: always
      reports: {junit: checks.xml}

Jenkins:

  node {
    checkout scm
    try {
      sh '''
      migstat checks --accepted accepted.toml --exit-status --export checks.xml
      '''
    } finally { junit 'checks.xml' }
  }

To see what is new since the run before, or since a document that a build kept:

  migstat checks --against previous
  migstat checks --json > checks.json
  migstat checks --against checks.json --details
"""

_EXIT_CODES = (
    "\n".join(f"{code.value:>4}  {meaning}" for code, meaning in MEANINGS.items())
    + """

An end is believed at once if all that counts has an outcome, else after two minutes. A migration whose checks failed \
counts as failed after two minutes, too, as someone may override them; until then --exit-status gives 8."""
)

_VARIABLES = [(row.variable, row.option, ENVIRONMENT[row.variable]) for row in SETTINGS if row.variable]
_WIDTHS = [max(len(row[column]) for row in _VARIABLES) for column in (0, 1)]
_ENVIRONMENT = """\
An option beats its environment variable, which beats the profile's key in the config file, which beats the default.

""" + "\n".join(f"{name:<{_WIDTHS[0]}}  {option:<{_WIDTHS[1]}}  {meaning}" for name, option, meaning in _VARIABLES)

TOPICS = {
    "exit-codes": _EXIT_CODES,
    "environment": _ENVIRONMENT,
    "formatting": _FORMATTING.replace(
        "COLUMNS", "\n".join(f"  {command:<9}  {' '.join(names)}" for command, names in _RECORDS.items())
    ),
    "notify": _NOTIFY,
    "ci": _CI,
}

_VERBATIM = ("notify", "ci")
"""Topics with scripts and files to copy, which must not be wrapped."""

_PROSE = re.compile(r"[A-Z]|migstat watch --notify CMD runs")
"""How their paragraphs begin that are neither."""


def _lines_of(topic: str, width: int, *, terminal: bool) -> list[str]:
    """The lines of a topic, wrapped for a window; scripts stay whole, and so does what is between them in a pipe."""
    lines = TOPICS[topic].strip("\n").splitlines()
    if topic not in _VERBATIM:
        # What does not fit goes on below the start of a line's last column, or indented where that has no room.
        starts = [max((gap.end() for gap in re.finditer(" {2,}", line)), default=0) for line in lines]
        columns = [start if width - start >= 16 else 4 for start in starts]
        wrapped = partial(fill, width=width, break_on_hyphens=False, break_long_words=False)
        return [wrapped(line, subsequent_indent=" " * column) for line, column in zip(lines, columns, strict=True)]
    if not terminal or width >= max(map(len, lines)):
        return lines
    blocks = (
        fill(" ".join(block.split()), width, break_on_hyphens=False) if _PROSE.match(block) else block
        for block in "\n".join(lines).split("\n\n")
    )
    return "\n\n".join(blocks).splitlines()


def help_(
    ctx: typer.Context,
    topic: Annotated[
        list[str] | None,
        typer.Argument(metavar="[COMMAND ... | TOPIC]", help=f"Topics: {', '.join(TOPICS)}."),
    ] = None,
) -> int:
    """Explain a command or a topic.

    Examples:

      migstat help exit-codes

      migstat help config set
    """
    runtime, root = ctx.obj, ctx.find_root().command
    words = topic or []
    if len(words) == 1 and words[0] in TOPICS:
        lines = _lines_of(words[0], page_width(ctx), terminal=is_terminal(runtime.streams.out))
        runtime.streams.print_lines(lines)
        return 0
    command: Any = root
    for word in words:
        known = [*command.commands] if isinstance(command, TyperGroup) else []
        if word not in known:
            choices = ", ".join([*known, *(TOPICS if command is root else ())])
            hint = f"Choose from {choices}." if choices else f"See 'migstat {command.name} --help'."
            raise UsageError(f"help: no command or topic {' '.join(words)!r}", hint)
        command = command.get_command(ctx, word)
    code: int = root.main([*words, "--help"], ctx.find_root().info_name, standalone_mode=False, obj=runtime)
    return code
