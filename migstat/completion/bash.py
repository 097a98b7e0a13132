"""The script of bash: tables, and one function that finds its way through the line. Bash 3.2 is enough for it."""

from __future__ import annotations

from migstat.completion.grammar import GENERATED, Command, all_of, rules_of


def script(root: Command) -> str:
    """The whole script."""
    return (
        _TEMPLATE.replace("@GENERATED@", GENERATED)
        .replace("@COMMANDS@", _case({_quoted(each.words): _names(each) for each in all_of(root) if _names(each)}))
        .replace("@OPTIONS@", _case({_quoted(each.words): _options(each) for each in all_of(root)}))
        .replace("@VALUES@", _case(_values(root)))
        .replace("@ARGUMENTS@", _case(_arguments(root)))
    )


def _names(command: Command) -> str:
    """What can follow a command that is followed by one."""
    return " ".join(each.name for each in command.commands) or " ".join(command.runs)


def _options(command: Command) -> str:
    return " ".join(name for option in command.options for name in option.names)


def _values(root: Command) -> dict[str, str]:
    table: dict[str, str] = {}
    for rule in rules_of(root):
        patterns = [f"{command}:{name}" for command in rule.commands or ("*",) for name in rule.options]
        table[" | ".join(each if each[0] == "*" else _quoted(each) for each in patterns)] = str(rule.values)
    return table


def _arguments(root: Command) -> dict[str, str]:
    table: dict[str, list[str]] = {}
    for command in all_of(root):
        for number, argument in enumerate(command.arguments, 1):
            table.setdefault(str(argument.values), []).append(_quoted(f"{command.words}:{number}"))
    return {" | ".join(places): values for values, places in table.items()}


def _case(table: dict[str, str]) -> str:
    """The branches of a `case` that answers in REPLY."""
    return "\n".join(f"        {pattern}) REPLY='{words}' ;;" for pattern, words in table.items())


def _quoted(text: str) -> str:
    return f"'{text}'"


_TEMPLATE = r"""# Completion of migstat in bash.
# @GENERATED@

# What may follow a command: other commands.
_migstat_commands() {
    REPLY=''
    case $1 in
@COMMANDS@
    esac
}

# The options of a command.
_migstat_options() {
    REPLY=''
    case $1 in
@OPTIONS@
    esac
}

# What stands behind an option (COMMAND:OPTION); fails where nothing does.
_migstat_values() {
    REPLY=''
    case $1 in
@VALUES@
        *) return 1 ;;
    esac
}

# What stands for an argument (COMMAND:NUMBER).
_migstat_arguments() {
    REPLY=''
    case $1 in
@ARGUMENTS@
    esac
}

# A word as the program gets it; an open quote is left in $quote. Nothing is expanded.
_migstat_unquoted() {
    local rest=$1 char
    REPLY='' quote=''
    while [[ -n $rest ]]; do
        char=${rest:0:1} rest=${rest:1}
        case $quote$char in
            \' | \") quote=$char ;;
            "''" | '""') quote='' ;;
            '\' | '"\') REPLY+=${rest:0:1} rest=${rest:1} ;;
            *) REPLY+=$char ;;
        esac
    done
}

# Offers those words that begin with $typed, behind $lead and as the line must hold them to mean just that.
_migstat_offer() {
    local word quoted
    for word in "$@"; do
        [[ $word == "$typed"* ]] || continue
        case $quote in
            "'") [[ $word == *\'* ]] && continue ;;
            '"') [[ $word == *[\"\$\`\\\!]* ]] && continue ;;
            *) [[ $word == *[!A-Za-z0-9_.,:@%+/=-]* ]] && printf -v word '%q' "$word" ;;
        esac
        quoted=$lead$quote$word
        [[ $quoted == "$kept"* ]] && COMPREPLY+=("${quoted:${#kept}}")
    done
}

# Offers the values that a table names: $1 is how they complete, the others are words.
_migstat_complete() {
    local how=$1 word before='' found=()
    shift
    _migstat_unquoted "$typed"
    typed=$REPLY
    case $how in
        words) _migstat_offer "$@" ;;
        list)
            [[ $typed == *,* ]] && before=${typed%,*},
            compopt -o nospace 2> /dev/null
            for word in "$@"; do
                [[ ,$before == *,"$word",* ]] || found+=("$before$word")
            done
            _migstat_offer ${found[@]+"${found[@]}"}
            ;;
        files) compopt -o default 2> /dev/null ;;
        folders) compopt -o dirnames 2> /dev/null ;;
        seen)
            [[ -n $profile ]] && words=(-p "$profile" ${words[@]+"${words[@]}"})
            while IFS= read -r word; do
                [[ -n $word ]] && found+=("${word%%$'\t'*}")
            done <<< "$(command migstat __complete "$1" "${demo:-$at}" ${words[@]+"${words[@]}"} 2> /dev/null)"
            _migstat_offer ${found[@]+"${found[@]}"}
            ;;
    esac
}

_migstat() {
    local IFS=$' \t\n' REPLY line=${COMP_LINE:0:COMP_POINT} parts=() words=() word rest i last=$2
    local at='' demo='' profile='' waits='' only='' lead='' typed='' kept='' quote=''
    COMPREPLY=()

    # the words of the line up to the cursor, which bash has also parted at = and :
    for ((i = 0; i <= COMP_CWORD; i++)); do
        rest=${line#"${line%%[![:space:]]*}"}
        word=${COMP_WORDS[i]}
        ((i == COMP_CWORD)) && word=$rest
        if ((i == 0)) || [[ $rest != "$line" ]]; then
            parts+=("$word")
        else
            parts[${#parts[@]} - 1]+=$word
        fi
        line=${rest#"$word"}
    done

    # what they say: the command in $at, its arguments in $words, the option whose value comes next in $waits
    for ((i = 1; i < ${#parts[@]} - 1; i++)); do
        _migstat_unquoted "${parts[i]}"
        word=$REPLY
        if [[ -n $waits ]]; then
            [[ $waits == -p || $waits == --profile ]] && profile=$word
            waits=''
            continue
        fi
        case $only$word in
            --) only=1 ;;
            --profile=*) profile=${word#*=} ;;
            --*=*) ;;
            --*) _migstat_values "$at:$word" && waits=$word ;;
            -?*)
                for ((rest = 1; rest < ${#word}; rest++)); do
                    _migstat_values "$at:-${word:rest:1}" || continue
                    waits=-${word:rest:1}
                    ((rest + 1 < ${#word})) || break
                    [[ $waits == -p ]] && profile=${word:rest+1}
                    waits=''
                    break
                done
                ;;
            *)
                _migstat_commands "$at"
                if [[ -z $REPLY ]]; then
                    words+=("$word")
                else
                    [[ $at == demo ]] && demo=demo at=''
                    at=${at:+$at }$word only=''
                fi
                ;;
        esac
    done

    # what bash replaces of the last word is only what stands behind its last = or :, or within its quotes
    word=${parts[${#parts[@]} - 1]}
    kept=${word%"$last"}
    typed=$word
    if [[ -n $waits ]]; then
        _migstat_values "$at:$waits" && _migstat_complete $REPLY
        return
    fi
    case $only$word in
        --*=*)
            lead=${word%%=*}= typed=${word#*=}
            _migstat_values "$at:${word%%=*}" && _migstat_complete $REPLY
            return
            ;;
        -[!-]?*)
            for ((i = 1; i < ${#word} - 1; i++)); do
                if _migstat_values "$at:-${word:i:1}"; then
                    lead=${word:0:i+1} typed=${word:i+1}
                    _migstat_complete $REPLY
                    return
                fi
            done
            ;;
    esac
    if [[ -z $only && $word == -* ]]; then
        _migstat_options "$at"
        _migstat_complete words $REPLY
        return
    fi
    _migstat_commands "$at"
    [[ -n $REPLY ]] && REPLY="words $REPLY" || _migstat_arguments "$at:$((${#words[@]} + 1))"
    if [[ -z $only$word$REPLY ]]; then
        _migstat_options "$at"
        REPLY="words $REPLY"
    fi
    [[ -n $REPLY ]] && _migstat_complete $REPLY
}

complete -F _migstat migstat
"""
