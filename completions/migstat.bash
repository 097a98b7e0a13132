# Completion of migstat in bash.
# Generated from the program by `python completions/generate.py`; changes made here get lost.

# What may follow a command: other commands.
_migstat_commands() {
    REPLY=''
    case $1 in
        '') REPLY='status checks projects watch tasks job artifacts auth config completion demo simulate schema help' ;;
        'auth') REPLY='login status logout' ;;
        'config') REPLY='list get set unset' ;;
        'demo') REPLY='status checks projects watch tasks job artifacts' ;;
    esac
}

# The options of a command.
_migstat_options() {
    REPLY=''
    case $1 in
        '') REPLY='--version --help -h' ;;
        'status') REPLY='--level --children -c --depth --raw --exit-status --header --export --profile -p --base-url --email --token-file --output -o --json --color --verbose -v --help -h' ;;
        'checks') REPLY='--name --outcome --status --details --all --exit-status --header --export --profile -p --base-url --email --token-file --output -o --json --color --verbose -v --help -h' ;;
        'projects') REPLY='--key --outcome --status --sort --exit-status --header --export --profile -p --base-url --email --token-file --output -o --json --color --verbose -v --help -h' ;;
        'watch') REPLY='--interval --timeout --until --fail-fast --strict --quiet --record --stall-after --profile -p --base-url --email --token-file --output -o --json --color --verbose -v --help -h' ;;
        'tasks') REPLY='--header --export --profile -p --base-url --email --token-file --output -o --json --color --verbose -v --help -h' ;;
        'job') REPLY='--profile -p --base-url --email --token-file --output -o --json --color --verbose -v --help -h' ;;
        'artifacts') REPLY='--download --header --profile -p --base-url --email --token-file --output -o --json --color --verbose -v --help -h' ;;
        'auth') REPLY='--help -h' ;;
        'auth login') REPLY='--profile -p --base-url --email --token-file --verbose -v --help -h' ;;
        'auth status') REPLY='--profile -p --base-url --email --token-file --verbose -v --help -h' ;;
        'auth logout') REPLY='--profile -p --base-url --email --token-file --verbose -v --help -h' ;;
        'config') REPLY='--help -h' ;;
        'config list') REPLY='--show-origin --profile -p --help -h' ;;
        'config get') REPLY='--help -h' ;;
        'config set') REPLY='--help -h' ;;
        'config unset') REPLY='--help -h' ;;
        'completion') REPLY='--help -h' ;;
        'demo') REPLY='--scenario --speed --help -h' ;;
        'simulate') REPLY='--port --scenario --speed --help -h' ;;
        'schema') REPLY='--help -h' ;;
        'help') REPLY='--help -h' ;;
    esac
}

# What stands behind an option (COMMAND:OPTION); fails where nothing does.
_migstat_values() {
    REPLY=''
    case $1 in
        *:--level) REPLY='seen levels' ;;
        *:--depth) REPLY='words all' ;;
        *:--export) REPLY='files' ;;
        *:--profile | *:-p) REPLY='seen profiles' ;;
        *:--base-url) REPLY='nothing' ;;
        *:--email) REPLY='nothing' ;;
        *:--token-file) REPLY='files' ;;
        'status:--output' | 'status:-o' | 'checks:--output' | 'checks:-o' | 'projects:--output' | 'projects:-o') REPLY='words table tree plain json ndjson csv markdown' ;;
        *:--color) REPLY='words auto always never' ;;
        *:--name) REPLY='seen checks' ;;
        *:--outcome) REPLY='list failed incomplete warning success skipped' ;;
        *:--status) REPLY='list pending in_progress finished cancelled canceled stopped aborted failed error timed_out incomplete' ;;
        *:--key) REPLY='seen projects' ;;
        *:--sort) REPLY='words name outcome elapsed progress' ;;
        *:--interval) REPLY='nothing' ;;
        *:--timeout) REPLY='nothing' ;;
        *:--until) REPLY='words done core checks' ;;
        *:--record) REPLY='files' ;;
        *:--stall-after) REPLY='nothing' ;;
        'watch:--output' | 'watch:-o') REPLY='words table plain json ndjson' ;;
        'tasks:--output' | 'tasks:-o' | 'artifacts:--output' | 'artifacts:-o') REPLY='words table plain json ndjson csv markdown' ;;
        'job:--output' | 'job:-o') REPLY='words table plain json csv markdown' ;;
        *:--download) REPLY='folders' ;;
        *:--scenario) REPLY='words cutover failing projects-failing confluence checks refused users-only waves huge flaky' ;;
        *:--speed) REPLY='nothing' ;;
        *:--port) REPLY='nothing' ;;
        *) return 1 ;;
    esac
}

# What stands for an argument (COMMAND:NUMBER).
_migstat_arguments() {
    REPLY=''
    case $1 in
        'status:1' | 'checks:1' | 'projects:1' | 'watch:1' | 'artifacts:1') REPLY='seen jobs-and-words' ;;
        'status:2' | 'checks:2' | 'projects:2' | 'watch:2' | 'artifacts:2') REPLY='seen tasks' ;;
        'tasks:1' | 'job:1') REPLY='seen jobs' ;;
        'config get:1' | 'config unset:1') REPLY='seen keys' ;;
        'config set:1') REPLY='seen possible-keys' ;;
        'config set:2') REPLY='nothing' ;;
        'completion:1') REPLY='words bash zsh fish powershell' ;;
        'schema:1') REPLY='words status checks projects tasks job artifacts event error' ;;
        'help:1') REPLY='words status checks projects watch tasks job artifacts auth config completion demo simulate schema help exit-codes environment formatting' ;;
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
