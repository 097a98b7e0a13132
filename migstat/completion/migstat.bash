# Completion of migstat in bash.
_migstat() {
    local IFS=$'\n' how word
    COMPREPLY=()
    # Quotes and $COMP_WORDBREAKS are left to the program: it gets the line and the part that bash will replace.
    {
        IFS= read -r how
        while IFS= read -r word; do [[ -n $word ]] && COMPREPLY+=("$word"); done
    } <<< "$(command migstat __complete bash "${COMP_LINE:0:COMP_POINT}" "$2" 2> /dev/null)"
    case $how in # bash 3.2, which macOS has, knows no compopt
        files) compopt -o default || COMPREPLY=($(compgen -f -- "$2")) ;;
        folders) compopt -o dirnames || COMPREPLY=($(compgen -d -- "$2")) ;;
        list) compopt -o nospace ;;
    esac 2> /dev/null
}
complete -F _migstat migstat
