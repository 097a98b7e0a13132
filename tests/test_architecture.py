"""The rooms of docs/architecture.md and who may import whom; pyproject.toml bans environment, print and exit."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import migstat

PACKAGE = Path(migstat.__file__).parent
PAGE = PACKAGE.parent / "docs" / "architecture.md"
FILES = sorted(path for path in PACKAGE.rglob("*.py"))


def rooms() -> dict[str, frozenset[str]]:
    """What each room may import, from the table in docs/architecture.md; "everything" stands for all rooms."""
    rows = re.findall(r"^\| (`.*`) \| .* \| ([\w., ]+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    table = {room: frozenset(allowed.split(", ")) for names, allowed in rows for room in re.findall("`(.*?)`", names)}
    return {room: frozenset(table) if "everything" in allowed else allowed for room, allowed in table.items()}


ROOMS = rooms()


def room_of(module: str) -> str:
    """The innermost room that a module such as `cli.commands.status` is in."""
    parts = module.split(".")
    names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((name for name in names if name in ROOMS), parts[0])


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1]) if parts[-1] == "__init__" and len(parts) > 1 else ".".join(parts)


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """All nodes of a file's syntax tree, parsed and walked once for all tests."""
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imported(nodes: Iterable[ast.AST], package: str) -> Iterator[str]:
    """Absolute names of the modules that statements import; `package` resolves relative ones."""
    for each in nodes:
        if isinstance(each, ast.Import):
            yield from (alias.name for alias in each.names)
        elif isinstance(each, ast.ImportFrom):
            base = package.rsplit(".", each.level - 1)[0] if each.level else ""
            module = ".".join(part for part in (base, each.module) if part)
            # `from migstat import walk` imports a module, `from migstat import __version__` a name of the package.
            submodules = (f"{module}.{alias.name}" for alias in each.names)
            yield from (name if name.removeprefix("migstat.") in MODULES else module for name in submodules)


MODULES = {name_of(path) for path in FILES}


def package_of(path: Path) -> str:
    return ".".join(("migstat", *path.relative_to(PACKAGE).parent.parts))


@cache
def imported_when_run(path: Path) -> frozenset[str]:
    """What a file imports, without what only a type checker does."""
    guards = [node for node in nodes_of(path) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    guarded = {statement for guard in guards for statement in guard.body}
    return frozenset(imported((node for node in nodes_of(path) if node not in guarded), package_of(path)))


def files_that_import(module: str) -> set[str]:
    return {
        name_of(path) for path in FILES if any(f"{name}.".startswith(f"{module}.") for name in imported_when_run(path))
    }


def own_imports(path: Path) -> set[str]:
    """The modules of the package that a file imports anywhere; the package itself stands for its version."""
    names = imported(nodes_of(path), package_of(path))
    return {name.removeprefix("migstat.") for name in names if name != "migstat"} & MODULES


def test_the_table_and_the_package_have_the_same_rooms() -> None:
    """Every room in the table has modules, and every module has a room."""
    assert {room_of(name_of(path)) for path in FILES} == set(ROOMS)


def test_a_module_imports_only_what_its_room_may() -> None:
    """Imports go down the table, those for type checkers and those inside functions included."""
    upwards = set()
    for path in FILES:
        room = room_of(name_of(path))
        upwards |= {(name_of(path), name) for name in own_imports(path) if room_of(name) not in {room, *ROOMS[room]}}
    assert upwards == set()


def test_no_modules_import_each_other() -> None:
    """Imports form no cycle, neither between rooms nor inside one."""
    try:
        graph = {name_of(path): own_imports(path) for path in FILES}
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        pytest.fail(" > ".join(cycle.args[1]))


def test_no_two_public_classes_share_a_name() -> None:
    """A reader who meets a class by name knows which one it is."""
    names = [node.name for path in FILES for node in nodes_of(path) if isinstance(node, ast.ClassDef)]
    twice = {name for name, count in Counter(names).items() if count > 1 and not name.startswith("_")}
    assert twice == set()


@pytest.mark.parametrize(
    ("library", "room"), [("httpx", "api"), ("httpcore", "api"), ("truststore", "api"), ("typer", "cli")]
)
def test_a_library_is_known_to_one_room(library: str, room: str) -> None:
    """Only the HTTP layer imports httpx and what it stands on, and only the command line imports Typer."""
    assert {name.partition(".")[0] for name in files_that_import(library)} <= {room}


def test_nothing_climbs_back_to_the_table_of_commands() -> None:
    """Commands reach the application through their context; only its entry and the completion grammar import it."""
    assert files_that_import("migstat.cli.app") == {"__main__", "cli.grammar"}


def test_what_ruff_cannot_ban_is_not_used() -> None:
    """No module raises SystemExit, and only the settings name a folder that not every system has."""
    sources = {name_of(path): path.read_text(encoding="utf-8") for path in FILES}
    assert [name for name, source in sources.items() if "raise SystemExit" in source] == []
    folders = r"""["']/(?:dev|etc|proc|tmp|usr|var)/\w"""
    assert [name for name, source in sources.items() if re.search(folders, source)] == ["settings.resolve"]


def test_every_test_says_what_it_tests() -> None:
    """Each test has a docstring; its helpers need none."""
    silent = re.compile(r'^def (test_\w+)\((?>.*?\) -> None:\n)(?!    """)', re.MULTILINE | re.DOTALL)
    texts = (path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("test_*.py"))
    assert [name for text in texts for name in silent.findall(text)] == []


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_a_page_names_what_exists(page: str) -> None:
    """Every file that a page names is there, and so is every function that it names behind its module."""
    for name, suffix in re.findall(r"`(\w+(?:/\w+)+)\.(\w+)`", (PAGE.parents[1] / page).read_text(encoding="utf-8")):
        folder = PACKAGE if name.partition("/")[0] in ROOMS else PACKAGE.parent
        file = folder / f"{name}.{suffix if suffix in ('py', 'md') else 'py'}"
        assert file.exists(), file
        assert suffix in ("py", "md") or re.search(rf"(?:def|class) {suffix}\b", file.read_text(encoding="utf-8"))


def test_the_reader_of_imports_sees_every_form() -> None:
    """Absolute, relative, nested and late imports are all held against the table."""
    source = "import migstat.api\nfrom migstat import cli\nfrom . import query\nfrom .cli.app import run\n"
    assert set(imported(ast.walk(ast.parse(source)), "migstat")) == {
        "migstat.api", "migstat.cli", "migstat.query", "migstat.cli.app",
    }  # fmt: skip
