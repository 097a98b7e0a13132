"""The script of zsh: a function a command, each a call of zsh's own `_arguments`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from migstat.completion.grammar import GENERATED, Argument, Command, Kind, Option, Values, all_of


def script(root: Command) -> str:
    """The whole script."""
    functions = "\n\n".join(_function(root, command) for command in all_of(root))
    return _TEMPLATE.replace("@GENERATED@", GENERATED).replace("@FUNCTIONS@", functions)


def _function(root: Command, command: Command) -> str:
    below = command.commands or tuple(each for each in root.commands if each.name in command.runs)
    specs = [spec for option in command.options for spec in _option(option)]
    specs += [_argument(number, argument) for number, argument in enumerate(command.arguments, 1)]
    specs += ["': :->command'", "'*:: :->rest'"] if below else []
    lines = [f"{_name(command)}() {{", *_body(command, specs, below), "}"]
    return "\n".join(lines)


def _body(command: Command, specs: list[str], below: tuple[Command, ...]) -> Iterator[str]:
    yield "    local line state; local -A opt_args"
    yield f"    local at={_quoted(command.words)}" + (" demo=demo" if command.runs else "")
    ends = "; local ret=$?" if below else ""
    stops = "-C -A '-*' " if below else ""
    yield " \\\n        ".join([f"    _arguments {stops}-s -S :", *specs]) + ends
    if not below:
        return
    yield "    case $state in"
    yield "        command)"
    yield "            local -a commands=("
    yield from (f"                {_quoted(f'{each.name}:{each.help}')}" for each in below)
    yield "            )"
    yield "            _describe -t commands command commands && ret=0"
    yield "            ;;"
    yield "        rest)"
    yield "            case $words[1] in"
    yield from (f"                {each.name}) {_name(each)} && ret=0 ;;" for each in below)
    yield "            esac"
    yield "            ;;"
    yield "    esac"
    yield "    return ret"


def _option(option: Option) -> Iterator[str]:
    """A spec a name: all names of an option exclude each other unless it may be repeated."""
    before = "*" if option.repeats else f"({' '.join(option.names)})"
    for name in option.names:
        sign = "" if option.values is None else "=" if name.startswith("--") else "+"
        value = "" if option.values is None else f":{_plain(option.metavar)}:{_action(option.values)}"
        yield _quoted(f"{before}{name}{sign}[{_explained(option.help)}]{value}")


def _argument(number: int, argument: Argument) -> str:
    return _quoted(f"{number}::{_plain(argument.metavar)}:{_action(argument.values)}")


def _action(values: Values) -> str:
    words = " ".join(values.words)
    return {
        Kind.NOTHING: " ",
        Kind.WORDS: f"({words})",
        Kind.LIST: f"_values -s , value {words}",
        Kind.FILES: "_files",
        Kind.FOLDERS: "_files -/",
        Kind.SEEN: f"_migstat_seen {words}",
    }[values.kind]


def _name(command: Command) -> str:
    return "__".join(("_migstat", *command.path))


def _explained(text: str) -> str:
    return _escaped(text, "\\[]")


def _plain(text: str) -> str:
    return _escaped(text, "\\:")


def _escaped(text: str, signs: Iterable[str]) -> str:
    return "".join(f"\\{char}" if char in signs else char for char in text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


_TEMPLATE = r"""#compdef migstat
# Completion of migstat in zsh.
# @GENERATED@

# Names that the program knows without starting all of it; the last argument says which, the others are for compadd.
_migstat_seen() {
    local kind=$argv[-1] profile=${opt_args[-p]:-$opt_args[--profile]} each
    local -a names shown arguments
    [[ $PREFIX == -* ]] && (( words[(i)--] >= CURRENT )) && return 1  # an option, for which nobody is asked
    profile=${profile//(#b)\\([\\:])/$match[1]}
    [[ -n $profile ]] && arguments=(-p "${(Q)profile}")
    case $kind in
        profiles | jobs* | *keys) arguments=() ;;
        tasks) arguments+=("${(Q)line[1]}") ;;
        *) arguments+=("${(@Q)line}") ;;
    esac
    for each in "${(@f)$(command migstat __complete $kind ${demo:-$at} "${(@)arguments}" 2>/dev/null)}"; do
        [[ -n $each ]] || continue
        names+=("${each%%$'\t'*}")
        shown+=("${each/$'\t'/  -- }")
    done
    compadd "${(@)argv[1,-2]}" -l -d shown -a names
}

@FUNCTIONS@

if [[ $funcstack[1] == _migstat ]]; then  # loaded out of $fpath
    _migstat "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
    compdef _migstat migstat
fi
"""
