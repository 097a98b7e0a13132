"""What is known of a task, and the parts of its tree: its phases, scopes, checks, and projects or spaces."""

from __future__ import annotations

from functools import cached_property

import msgspec

from migstat.model.acceptance import Accepted
from migstat.model.crowd import Crowd
from migstat.model.nodes import HIDDEN, Job, Node, State, TaskType, child_of


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a task's tree, as far as they were read.

    `scopes` are the children of `migrate` that it lists, `hidden` those of HIDDEN. `checks_parent` sums up the
    `checks`: it is `check`, or the root of a check task. `leaves` are the units of progress: the checks of a check
    task, else the projects or spaces. `begun` says that the migration has.

    `refused` is True for a task that could not start: the API reports it as a root that ended badly and has no
    children, ever, and all that is known is its message. `blocked` is True for a migrate task whose checks failed and
    whose migration has not begun, so that it may never begin: the root may stay IN_PROGRESS for good then.
    """

    root: Node
    task_type: str | None
    check: Node | None
    migrate: Node | None
    checks_parent: Node | None
    scopes: tuple[Node, ...]
    hidden: tuple[Node, ...]
    checks: tuple[Node, ...]
    leaves: Crowd
    begun: bool
    refused: bool
    blocked: bool


def shape_of(root: Node, task_type: str | None) -> Shape:
    """Find the parts of a task's tree."""
    check, migrate = child_of(root, "check"), child_of(root, "migrate")
    below = (migrate.children if migrate else None) or ()
    hidden = tuple(child for child in below if child.name in HIDDEN)
    checks = (check.children if check else None) or ()
    leaves = (hidden[0].children if hidden else None) or ()
    if task_type == TaskType.CHECK:
        # The vendor's pages disagree about check tasks: some have their checks below `check`, some in both places.
        checks = leaves = tuple(child for child in root.children or () if child is not check) or checks
    elif len(hidden) > 1:  # of a name that hangs below both, the worse counts
        found: dict[str, Node] = {}
        for leaf in (leaf for level in hidden for leaf in level.children or ()):
            known = found.get(leaf.name)
            if known is None or leaf.state.rank < known.state.rank:
                found[leaf.name] = leaf
        leaves = tuple(found.values())
    begun = migrate is not None and migrate.state not in (State.PENDING, State.MISSING)
    checks_failed = check is not None and check.ended and check.state is State.FAILED
    return Shape(
        root=root,
        task_type=task_type,
        check=check,
        migrate=migrate,
        checks_parent=root if task_type == TaskType.CHECK else check,
        scopes=tuple(child for child in below if child.name not in HIDDEN),
        hidden=hidden,
        checks=checks,
        leaves=leaves if isinstance(leaves, Crowd) else Crowd(leaves),  # one of a level may have counted its nodes
        begun=begun,
        refused=bool(root.outcome) and root.state is State.FAILED and not root.children and not root.unreadable,
        blocked=checks_failed and not begun and task_type != TaskType.CHECK,
    )


class Evidence(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All that is known of a task at one moment: what was read, and what the job names.

    `root` holds the levels that count as nested children, hidden levels among those of `migrate`. A level that could
    not be read is marked `unreadable`. `job` is None if the job's definition could not be read, or if what is waited
    for does not need it. `accepted` are the checks that do not count where checks are judged.
    """

    root: Node
    task_type: str | None
    job: Job | None
    accepted: Accepted = {}

    @cached_property
    def shape(self) -> Shape:
        """The parts of the tree."""
        return shape_of(self.root, self.task_type)
