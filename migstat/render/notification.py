"""One sentence for a phone or a chat: `Jira to the cloud: ERP failed: Import stopped; 27 of 40 done`."""

from __future__ import annotations

from migstat.model.events import Changed, Event, NoAnswer, Outage, Recovered, View
from migstat.render.log import log_line, no_answer
from migstat.render.sorted_view import counts_of_view
from migstat.render.text import harmless
from migstat.render.theme import state_words

LONGEST = 300
"""Characters of a sentence, so that a phone shows all of it."""

LONGEST_NAME = 60


def sentence(alarm: Event, view: View, *, more: int = 0, ending: str = "", recovered: Recovered | None = None) -> str:
    """Say which migration it is, what happened to it and how far it is.

    `more` counts further events of this kind; `ending` says how the watch ended, if it has; `recovered` is the end of
    an outage that came with something worse.
    """
    news = harmless(ending) or _news(alarm, view.outage) + (f" (+{more} more)" if more else "")
    counts = counts_of_view(view)
    count = f"; {counts.done} of {counts.all} done" if counts.all and not ending else ""
    if recovered is not None:  # who was notified of the outage must learn that it is over
        count = f"; {_news(recovered, None)}{count}"
    head = view.snapshot
    name = "migstat" if head is None else head.job_name or f"job {head.job_id}"
    name = f"{_cut(harmless(name), LONGEST_NAME)}: "
    return name + _cut(news, LONGEST - len(name) - len(count)) + count


def _news(alarm: Event, outage: NoAnswer | None) -> str:
    match alarm:
        case Changed():
            node = alarm.node
            message = harmless(node.message or "").rstrip(".")
            news = f"{harmless(node.name) or 'the task'} {state_words(node)}"
            return f"{news}: {message}" if message else news
        case Outage():
            return no_answer(outage or NoAnswer(alarm.at, alarm.code, alarm.message, alarm.at), alarm.at, zoned=True)
    line = log_line(alarm)  # any other event in the words of the watch's log
    return line.text if line is not None else ""


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
