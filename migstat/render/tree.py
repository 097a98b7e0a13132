"""A task as a tree of all nodes that were read."""

from __future__ import annotations

from collections import Counter

from rich.console import Group
from rich.text import Text
from rich.tree import Tree

from migstat.model.nodes import Node, State
from migstat.model.reports import StatusReport, worst_first
from migstat.render.drawing import NARROW, Canvas, Prose, dotted, mark
from migstat.render.folding import counts_of
from migstat.render.heading import header
from migstat.render.table import has_leaves
from migstat.render.text import harmless
from migstat.render.theme import QUIET, describe


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


def _label(node: Node, report: StatusReport, canvas: Canvas) -> Prose:
    over = report.snapshot.node.ended
    words = describe(node, report.snapshot.fetched_at, brief=canvas.width < NARROW, over=over)
    counts: list[Text] = []
    if node.children and has_leaves(node, report.snapshot):
        states = Counter(child.state for child in node.children)
        counts = counts_of(states, canvas, over=over)
    parts = [
        mark(words.state, words.words, canvas),
        Text(harmless(node.name) or "task"),
        Text(words.percent, State.RUNNING),
        Text(words.elapsed, QUIET),
        dotted(counts, canvas.glyphs),
        Text(words.message),
    ]
    return Prose(Text("  ").join(part for part in parts if part), 1)
