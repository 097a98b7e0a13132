"""Everything that a watch knows of one task's tree, merged from full readings and polls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace

from migstat.model.crowd import Crowd, Update
from migstat.model.nodes import HIDDEN_LEVELS, Level, Node, State


class KnownTree(msgspec.Struct):
    """Everything known of one task's tree, merged from full readings and polls.

    `levels` holds the nodes, without their children, by the level that they are children of; `running` those of them
    that run. `changes` are the nodes found new or different, each with the earlier one; whoever reports them empties
    the list. `gone` holds the nodes that were reported once and are no longer. `seen` gathers the levels read while a
    patrol goes on.
    """

    root: Node = Node()
    levels: dict[Level, dict[str, Node]] = {}
    running: dict[Level, Node] = {}
    gone: dict[Level, Node] = {}
    changes: list[Update] = []
    seen: set[Level] | None = None
    # the levels as last handed out with their counts, and what has changed in them since
    _crowds: dict[Level, Crowd] = {}
    _moved: dict[Level, list[Update]] = {}

    def nodes(self) -> Iterator[Node]:
        """Every known node, without its children."""
        yield self.root
        for children in self.levels.values():
            yield from children.values()

    def grown(self, node: Node) -> Node:
        """The node with everything known below it."""
        # looks through the levels, not the nodes: few of 20,000 have children
        below = [level for level in self.levels if level and level[:-1] == node.level]
        if node.level not in self.levels and not below:
            return node
        children = self.levels.get(node.level, {})
        if below:
            grown = {level[-1]: self.grown(children.get(level[-1]) or Node(level)) for level in below}
            return replace(node, children=tuple((children | grown).values()))
        # counting 20,000 children again at each poll would take longer than reading what has changed
        crowd, changes = self._crowds.get(node.level), self._moved.pop(node.level, [])
        if crowd is None or changes:
            crowd = crowd.after(children.values(), changes) if crowd else Crowd(children.values())
            self._crowds[node.level] = crowd
        return replace(node, children=crowd)

    def runs(self, level: Level) -> bool:
        """True if the node of this level is known to run."""
        node = self.levels.get(level[:-1], {}).get(level[-1])
        return node is not None and node.state is State.RUNNING

    def take_root(self, root: Node) -> None:
        """Take a reading of the root and its children."""
        bare = replace(root, children=None)
        self._note(self.root, bare)
        self.root = bare
        self.take((), root.children or ())

    def take_all(self, root: Node) -> None:
        """Take a full reading that replaces everything known."""
        before, self.levels = self.levels, {}
        self._crowds.clear()
        self._moved.clear()
        bare = replace(root, children=None)
        self._note(self.root if before else None, bare)
        self.root = bare
        parents = [root]
        for node in parents:  # which grows
            known = before.get(node.level, {})
            children: dict[str, Node] = {}
            for child in node.children or ():
                bare = child if child.children is None else replace(child, children=None)
                children[child.name] = bare
                self._note(known.get(child.name), bare)
                self.gone.pop(child.level, None)
                if child.children is not None or child.unreadable:
                    parents.append(child)
            if node.unreadable:
                # children of a level that could not be read are still there; but not a hidden level, which was asked
                # for by itself: its last error would otherwise stay forever
                children = {name: child for name, child in known.items() if child.level not in HIDDEN_LEVELS} | children
                # and so are the children of these, unless they are among the parents below
                self.levels |= {
                    level: kept
                    for level, kept in before.items()
                    if level and level[:-1] == node.level and level[-1] in children
                }
            elif any(name not in children for name in known):
                self.gone |= {
                    child.level: child
                    for name, child in known.items()
                    # only its children show that a hidden level was ever there: it may only have failed to answer
                    if name not in children and (child.level not in HIDDEN_LEVELS or before.get(child.level))
                }
            if node.children is not None or node.unreadable or children:
                self.levels[node.level] = children
        self.running = {
            level: node
            for level, node in self.running.items()
            if not level or level[-1] in self.levels.get(level[:-1], {})
        }

    def take(self, level: Level, nodes: Iterable[Node]) -> None:
        """Take readings of some children.

        The later reading counts, whatever its `lastUpdatedAt`: the API's clock is not ours, and things begin again.
        """
        children = self.levels.setdefault(level, {})
        for node in nodes:
            known = children.get(node.name)
            # the level below stays unreadable until it is read again
            flaw = known.unreadable if known and node.level in self.levels else None
            bare = replace(node, children=None, unreadable=node.unreadable or flaw)
            self._note(known, bare)
            self._moved.setdefault(level, []).append((known, bare))
            children[node.name] = bare
            if self.seen is not None:
                self.seen.add(bare.level)

    def mark(self, level: Level, flaw: str | None) -> bool:
        """Note why a level cannot be read, or that it can be again; False if no node below the root stands for it."""
        node = self.levels.get(level[:-1], {}).get(level[-1]) if level else None
        if node is not None:
            marked = replace(node, unreadable=flaw)
            self._note(node, marked)
            self.levels[level[:-1]][node.name] = marked
        return node is not None

    def _note(self, before: Node | None, node: Node) -> None:
        if before is not node:  # it is the same for the thousands that a patrol has read
            self.changes.append((before, node))
        if node.state is State.RUNNING:
            self.running[node.level] = node
        else:
            self.running.pop(node.level, None)
