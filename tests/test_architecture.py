"""The layers: who may import whom, who may read the environment, who may print and exit."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import migstat

PACKAGE = Path(migstat.__file__).parent
FILES = sorted(path for path in PACKAGE.rglob("*.py"))
ANYTHING = ("migstat",)

# What a package may import of migstat besides itself; `__init__` is the version alone. DESIGN: data falls one way.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "__init__": ("client", "errors", "model"),
    "__main__": ("__init__", "completion", "cli"),
    "errors": (),
    "model": ("errors",),
    "files": ("errors",),
    "settings": ("model", "files", "errors"),
    "api": ("__init__", "settings", "model", "files", "errors"),
    "query": ("api", "settings", "model", "errors"),
    "follow": ("query", "api", "settings", "model", "files", "errors"),
    "render": ("model", "errors"),
    "completion": ("settings", "model", "files", "errors"),
    "client": ("follow", "query", "api", "settings", "model", "errors"),
    "cli": ANYTHING,
    "simulator": (),
}


def name_of(path: Path) -> str:
    """A file's module name within the package, such as `render.json`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1]) if parts[-1] == "__init__" and len(parts) > 1 else ".".join(parts)


@cache
def tree_of(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(node: ast.AST, package: str) -> Iterator[str]:
    """Absolute names of the modules that the statements below `node` import; `package` resolves relative ones."""
    for each in ast.walk(node):
        if isinstance(each, ast.Import):
            yield from (alias.name for alias in each.names)
        elif isinstance(each, ast.ImportFrom):
            base = package.rsplit(".", each.level - 1)[0] if each.level else ""
            module = ".".join(part for part in (base, each.module) if part)
            yield from (_submodule(module, alias.name) for alias in each.names)


def _submodule(module: str, name: str) -> str:
    """`from migstat import walk` imports a module, `from migstat import __version__` a name of the package."""
    path = PACKAGE.parent.joinpath(*module.split("."))
    is_module = module.partition(".")[0] == "migstat" and (
        (path / f"{name}.py").exists() or (path / name / "__init__.py").exists()
    )
    return f"{module}.{name}" if is_module else module


def package_of(path: Path) -> str:
    """The dotted package that a file is in."""
    return ".".join(("migstat", *path.relative_to(PACKAGE).parent.parts))


@cache
def imported_when_run(path: Path) -> frozenset[str]:
    """What a file imports, without what only a type checker does."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    return frozenset(imported(tree, package_of(path)))


def files_that_import(module: str) -> set[str]:
    """The modules of the package that import `module`, or anything below it, when they run."""
    return {
        name_of(path)
        for path in FILES
        if any(name == module or name.startswith(f"{module}.") for name in imported_when_run(path))
    }


def below_cli(path: Path) -> bool:
    """Whether the file is no part of the command line."""
    return name_of(path).partition(".")[0] not in ("cli", "__main__")


def calls(tree: ast.AST) -> Iterator[str]:
    """What is called, as it is written: `print`, `sys.exit`."""
    return (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))


def test_the_files_are_found() -> None:
    """The rules below are held against real files."""
    assert {"api", "cli", "render", "simulator"} <= {name_of(path).partition(".")[0] for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_module_imports_only_what_is_below_it(path: Path) -> None:
    """The layers know one direction, type hints included."""
    layer = name_of(path).partition(".")[0]
    assert layer in MAY_IMPORT, f"{layer} has no place in the table"
    allowed = MAY_IMPORT[layer]
    own = [name for name in imported(tree_of(path), package_of(path)) if name.partition(".")[0] == "migstat"]
    layers = {[*name.split("."), "__init__"][1] for name in own}
    if allowed is not ANYTHING:
        assert layers <= {layer, *allowed}


def test_only_the_http_layer_imports_the_http_library() -> None:
    """httpx, and what it stands on, is known to the HTTP layer, downloads, their failures and their transport only."""
    for library in ("httpx", "httpcore", "truststore"):
        assert {name.partition(".")[0] for name in files_that_import(library)} <= {"api"}


def test_only_settings_reads_the_environment() -> None:
    """Neither `os.environ` nor `os.getenv`, nor a name imported from `os`, is used elsewhere but for completion."""
    readers = set()
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.environb", "os.getenv"):
                readers.add(name_of(path))
            if isinstance(node, ast.ImportFrom) and node.module == "os":
                names = {alias.name for alias in node.names}
                readers |= {name_of(path)} if names & {"environ", "environb", "getenv"} else set()
    assert {name.partition(".")[0] for name in readers} == {"settings", "completion"}


@pytest.mark.parametrize("path", [path for path in FILES if below_cli(path)], ids=name_of)
def test_nothing_below_the_command_line_prints_or_exits(path: Path) -> None:
    """No print, no write to a standard stream, no exit."""
    tree = tree_of(path)
    forbidden = {"print", "exit", "quit", "sys.exit", "os._exit", "SystemExit", "typer.Exit", "typer.echo", "Exit"}
    forbidden |= {f"sys.{stream}.write" for stream in ("stdout", "stderr")}
    assert not forbidden & set(calls(tree))
    raised = {ast.unparse(node.exc) for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.exc}
    assert not {name for name in raised if name.partition("(")[0] in ("SystemExit", "typer.Exit", "typer.Abort")}


def test_the_reader_of_imports_sees_every_form() -> None:
    """Absolute, relative, nested and late imports are all held against the table."""
    source = "import migstat.api\nfrom migstat import cli\nfrom . import query\nfrom .cli.app import run\n"
    assert set(imported(ast.parse(source), "migstat")) == {
        "migstat.api", "migstat.cli", "migstat.query", "migstat.cli.app",
    }  # fmt: skip
