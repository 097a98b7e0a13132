"""The script of fish: a line an option, and one function that finds its way through the line."""

from __future__ import annotations

from collections.abc import Iterator

from migstat.completion.grammar import GENERATED, Command, Kind, Option, Values, all_of, rules_of


def script(root: Command) -> str:
    """The whole script."""
    return (
        _TEMPLATE.replace("@GENERATED@", GENERATED)
        .replace("@COMMANDS@", "\n".join(_followed(root)))
        .replace("@VALUES@", "\n".join(_taking(root)))
        .replace("@COMPLETE@", "\n".join((*_commands(root), *_arguments(root), *_options(root))))
    )


def _followed(root: Command) -> Iterator[str]:
    """The commands that another one follows."""
    yield "        case " + " ".join(_quoted(each.words) for each in all_of(root) if each.commands or each.runs)


def _taking(root: Command) -> Iterator[str]:
    """The options behind which a value stands."""
    names = dict.fromkeys(name for rule in rules_of(root) for name in rule.options)
    yield "        case " + " ".join(names)


def _commands(root: Command) -> Iterator[str]:
    for command in all_of(root):
        below = command.commands or tuple(each for each in root.commands if each.name in command.runs)
        for each in below:
            yield f"complete -c migstat -n {_at(command.words)} -a {each.name} -d {_quoted(each.help)}"


def _arguments(root: Command) -> Iterator[str]:
    places: dict[tuple[int, Values], list[str]] = {}
    for command in all_of(root):
        for number, argument in enumerate(command.arguments, 1):
            places.setdefault((number, argument.values), []).append(command.words)
    for (number, values), commands in places.items():
        if values.kind is not Kind.NOTHING:
            at = _quoted(" ".join(("__migstat_nth", str(number), *map(_inner, commands))))
            yield f"complete -c migstat -n {at}{_action(values)}"


def _options(root: Command) -> Iterator[str]:
    found: dict[Option, list[str]] = {}
    for command in all_of(root):
        for option in command.options:
            found.setdefault(option, []).append(command.words)
    for option, commands in found.items():
        names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
        action = "" if option.values is None else _action(option.values, option=True)
        yield f"complete -c migstat -n {_at(*commands)} {names}{action} -d {_quoted(option.help)}"


def _action(values: Values, *, option: bool = False) -> str:
    words = " ".join(values.words)
    taken = " -x" if option else ""
    return {
        Kind.NOTHING: taken,
        Kind.WORDS: f"{taken} -a {_quoted(words)}",
        Kind.LIST: f"{taken} -a '(__migstat_list {words})'",
        Kind.FILES: " -r -F" if option else " -F",
        Kind.FOLDERS: f"{taken} -a '(__fish_complete_directories)'",
        Kind.SEEN: f"{taken} -a '(__migstat_seen {words})'",
    }[values.kind]


def _at(*commands: str) -> str:
    return _quoted(" ".join(("__migstat_at", *map(_inner, commands))))


def _inner(words: str) -> str:
    """A command as an argument within a text of its own."""
    return words if words.isalpha() else f'"{words}"'


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_TEMPLATE = r"""# Completion of migstat in fish.
# @GENERATED@

function __migstat_is_followed -d 'Whether a command is followed by another one'
    switch "$argv[1]"
@COMMANDS@
            return 0
    end
    return 1
end

function __migstat_takes -d 'Whether a value stands behind an option'
    switch "$argv[1]"
@VALUES@
            return 0
    end
    return 1
end

function __migstat_read -d 'What the words before the cursor say'
    set -l waits ''
    set -g __migstat_at ''
    set -g __migstat_only ''
    set -g __migstat_demo
    set -g __migstat_profile
    set -g __migstat_words
    for word in (commandline -opc)[2..-1]
        if test -n "$waits"
            contains -- $waits -p --profile; and set __migstat_profile -p $word
            set waits ''
            continue
        end
        switch "$__migstat_only$word"
            case --
                set __migstat_only 1
            case '--profile=*'
                set __migstat_profile -p (string replace -- --profile= '' $word)
            case '--*=*'
            case '--*'
                __migstat_takes $word; and set waits $word
            case '-*'
                for number in (seq 2 (string length -- $word))
                    set -l option -(string sub -s $number -l 1 -- $word)
                    __migstat_takes $option; or continue
                    set -l rest (string sub -s (math $number + 1) -- $word)
                    if test -z "$rest"
                        set waits $option
                    else if test $option = -p
                        set __migstat_profile -p $rest
                    end
                    break
                end
            case '*'
                if not __migstat_is_followed "$__migstat_at"
                    set -a __migstat_words $word
                else
                    test "$__migstat_at" = demo; and set __migstat_demo demo; and set __migstat_at ''
                    set __migstat_at (string trim -- "$__migstat_at $word")
                    set __migstat_only ''
                end
        end
    end
end

function __migstat_at -d 'Whether the line is at one of these commands'
    __migstat_read
    contains -- "$__migstat_at" $argv
end

function __migstat_nth -d 'Whether the line is at an argument, by its number, of one of these commands'
    __migstat_at $argv[2..-1]
    and test (count $__migstat_words) -eq (math $argv[1] - 1)
    and not string match -q -- '-*' "$__migstat_only"(commandline -ct)
end

function __migstat_seen -d 'Names that the program knows without starting all of it'
    set -l command $__migstat_demo "$__migstat_at"
    command migstat __complete $argv[1] $command[1] $__migstat_profile $__migstat_words 2>/dev/null
end

function __migstat_list -d 'Words, and more of them behind commas'
    set -l typed (string replace -r -- '^--[^=]*=' '' (commandline -ct))
    set -l before (string match -r -- '^.*,' $typed)
    for word in $argv
        contains -- $word (string split , -- "$before"); or echo "$before$word"
    end
end

complete -c migstat -f
@COMPLETE@
"""
