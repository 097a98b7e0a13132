"""A task as a tree of all nodes that were read."""

from __future__ import annotations

from rich.console import Group
from rich.text import Text
from rich.tree import Tree

from migstat.model.nodes import Node
from migstat.model.reports import StatusReport, states_of, worst_first
from migstat.model.verdict import summary_of
from migstat.render.parts import Canvas, counts_text, header, message_text, percent_text, state_text
from migstat.render.table import has_leaves
from migstat.render.text import duration, harmless
from migstat.render.theme import QUIET


def tree_view(report: StatusReport, canvas: Canvas) -> Group:
    """The verdict, and below it every node with its state, how long it takes, and its message."""
    root = report.snapshot.node
    tree = Tree(_label(root, report, canvas), guide_style=QUIET)
    _grow(tree, root, report, canvas)
    return Group(header(report.snapshot, canvas, report.not_before), "", tree)


def _grow(tree: Tree, node: Node, report: StatusReport, canvas: Canvas) -> None:
    children = node.children or ()
    for child in worst_first(children) if has_leaves(node, report.snapshot) else children:
        _grow(tree.add(_label(child, report, canvas)), child, report, canvas)


def _label(node: Node, report: StatusReport, canvas: Canvas) -> Text:
    parts = [
        Text(harmless(node.name) or "task"),
        percent_text(node),
        Text(duration(node.elapsed_seconds(report.snapshot.fetched_at)), QUIET),
        counts_text(states_of(summary_of(node.children)), canvas)
        if node.children and has_leaves(node, report.snapshot)
        else Text(),
        message_text(node, canvas),
    ]
    label = Text("  ").join([state_text(node, canvas), *(part for part in parts if part)])
    label.no_wrap, label.overflow = True, "ellipsis"
    return label
