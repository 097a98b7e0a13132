# Completion of migstat in bash.
_migstat() {
    local how word
    COMPREPLY=()
    # Quotes and $COMP_WORDBREAKS are left to the program: it gets the line and the part that bash will replace.
    {
        IFS= read -r how
        while IFS= read -r word; do [[ -n $word ]] && COMPREPLY+=("$word"); done
    } <<< "$(command migstat __complete bash "${COMP_LINE:0:COMP_POINT}" "$2" 2> /dev/null)"
    case $how in
        files) compopt -o default ;;
        folders) compopt -o dirnames ;;
        list) compopt -o nospace ;;
    esac 2> /dev/null
}
complete -F _migstat migstat
