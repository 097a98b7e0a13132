"""The help of commands: examples first, then a command's own options, then the shared ones in one compact paragraph.

Typer's own help takes a line of a boxed panel for every option, more than a screen in all, and picks colors and width
from its own environment variables.
"""

from __future__ import annotations

import inspect
import io
import re
from collections.abc import Callable, Iterator, Sequence
from textwrap import fill, wrap
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from migstat.cli.streams import is_terminal, wants_color

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_Function = TypeVar("_Function", bound=Callable[..., Any])

MAX_WIDTH = 100
"""Maximum cells of a line, however wide the window is."""

NARROW = 60
"""In a window of fewer cells, an option's help goes below its name, so that no name is cut."""

Row = tuple[str, ...]
"""A name and its meaning, below a heading or not."""


class MigstatCommand(TyperCommand):
    """A command with migstat's help."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Options and arguments. Typer would put an argument into brackets whose absence has an error of its own."""
        arguments = (param.metavar for param in self.params if isinstance(param, TyperArgument))
        return [self.options_metavar or "", *(metavar or "" for metavar in arguments)]

    def get_help(self, ctx: Any) -> str:
        """Print the help and end the command: Typer would echo a text past the streams of this run."""
        own: list[Row] = []
        shared: list[str] = []
        for param in self.get_params(ctx):
            assert isinstance(param, TyperArgument | TyperOption)  # noqa: S101  Typer makes no others
            value = param.make_metavar(ctx)
            if isinstance(param, TyperOption):
                names = ", ".join(sorted(param.opts, key=len))
                value = names if param.is_flag else f"{names} {value}"
            if param.rich_help_panel or value == "-h, --help":
                shared.append(value)
            elif param.help:
                own.append((value, param.help))
        _print(self, ctx, [*_table("Options", own, page_width(ctx)), *_names(shared, page_width(ctx))])
        raise typer.Exit


class MigstatGroup(TyperGroup):
    """A group of commands with migstat's help."""

    def rows(self) -> list[Row]:
        """The commands and what they do; a heading may come first."""
        return [(name, str(command.help or "").partition("\n")[0]) for name, command in self.commands.items()]

    def get_help(self, ctx: Any) -> str:
        """Print the help and end the command."""
        _print(self, ctx, list(_table("Commands", self.rows(), page_width(ctx))))
        raise typer.Exit


class MigstatTyper(typer.Typer):
    """A Typer application whose commands have migstat's help; a group alone prints it, too."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(cls=MigstatGroup, add_completion=False, no_args_is_help=True, **settings)

    def command(self, name: str | None = None, **settings: Any) -> Callable[[_Function], _Function]:
        """Register a function as a command."""
        return super().command(name, cls=MigstatCommand, **settings)


def page_width(ctx: Any) -> int:
    """Cells of a line of help."""
    columns = ctx.obj.environ.get("COLUMNS", "")  # help is printed even if this is nonsense
    return min(int(ctx.obj.streams.size(int(columns) if columns.isdecimal() else None)[0]), MAX_WIDTH)


def _print(command: TyperCommand | TyperGroup, ctx: Any, parts: Sequence[RenderableType]) -> None:
    """Print usage, the command's text and the parts."""
    from rich.console import Console
    from rich.text import Text

    streams = ctx.obj.streams
    color = wants_color("auto", ctx.obj.environ, is_terminal=is_terminal(streams.out))
    text = io.StringIO()
    console = Console(file=text, width=page_width(ctx), force_terminal=color, no_color=not color, highlight=False)
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    first = Text(_hanging(f"Usage: {usage}", console.width, "  "))
    first.stylize("bold", end=len("Usage: "))
    console.print(first, *_paragraphs(command.help or "", console.width), *parts, sep="\n")
    console.print(*_paragraphs(command.epilog or "", console.width), end="")
    streams.print("\n".join(line.rstrip() for line in text.getvalue().rstrip().splitlines()) + "\n")


def _hanging(line: str, width: int, indent: str) -> str:
    """A line of usage or of an example, wrapped between words, with all but its first line indented."""
    return fill(line, width, subsequent_indent=indent, break_on_hyphens=False)


def _paragraphs(text: str, width: int) -> Iterator[Text]:
    """The paragraphs of a help, each below a blank line; examples, which are indented, stand together."""
    from rich.text import Text

    indented = False
    for block in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        example = block.startswith("  ")
        lines = (_hanging(line, width, "    ") for line in block.splitlines()) if example else [" ".join(block.split())]
        yield Text(f"{'' if example and indented else chr(10)}{chr(10).join(lines)}")
        indented = example or block == "Examples:"


def _table(heading: str, rows: Sequence[Row], width: int) -> Iterator[RenderableType]:
    """A heading above names and their meanings."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    yield Text(f"\n{heading}:", "bold")
    if width < NARROW:
        for *_, name, meaning in rows:
            yield Padding(Text(name, "cyan", no_wrap=True, overflow="ignore"), (0, 0, 0, 2))
            yield Padding(meaning, (0, 0, 0, 6))
        return
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in rows[0][:-1]:
        table.add_column(no_wrap=True, style="cyan")
    for row in rows:
        table.add_row(*map(Text, row))
    yield Padding(table, (0, 0, 0, 2))


def _names(names: Sequence[str], width: int) -> Iterator[Text]:
    """The shared options without their meanings; lines break only between options."""
    from rich.text import Text

    if len(names) > 1:
        whole = "  ".join(name.replace(" ", "\0") for name in names)  # no break between an option and its value
        lines = wrap(
            whole, width, initial_indent="  ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
        yield Text.assemble(("\nShared options", "bold"), " (see migstat help environment):")
        yield Text("\n".join(lines).replace("\0", " "), "cyan")
