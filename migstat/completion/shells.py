"""The scripts that make four shells ask `migstat __complete` at each Tab.

A script passes the shell's name and the words up to the cursor. The first line of the answer says how to complete:
`files` and `folders` are left to the shell, `list` takes no space behind it, and `words` is all else. The other lines
are the candidates, with descriptions behind a tab. `answer` knows the rest, so the scripts need no update.
"""

from __future__ import annotations

import msgspec


class Shell(msgspec.Struct, frozen=True):
    """A shell's script, its usual file name, and the command that installs it."""

    file: str
    install: str
    script: str


BASH = r"""# Completion of migstat in bash.
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
"""

ZSH = r"""#compdef migstat
# Completion of migstat in zsh.
_migstat() {
    local line ret=1
    local -a answer values shown
    answer=("${(@f)$(command migstat __complete zsh "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2> /dev/null)}")
    for line in "${(@)answer[2,-1]}"; do
        [[ -n $line ]] || continue
        values+=("${line%%$'\t'*}")
        shown+=("${line/$'\t'/  -- }")
    done
    case $answer[1] in
        files) compset -P '-*='; _files && ret=0 ;;
        folders) compset -P '-*='; _files -/ && ret=0 ;;
        list) compadd -S '' -l -d shown -a -- values && ret=0 ;;
        *) compadd -l -d shown -a -- values && ret=0 ;;
    esac
    return ret
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _migstat "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
    compdef _migstat migstat
fi
"""

FISH = r"""# Completion of migstat in fish.
function __migstat_complete
    set -l words (commandline -opc)
    set -l current "$(commandline -ct)"
    set -l plain (string unescape -- "$current")
    or set plain (string replace -r '^["\']' '' -- "$current") # a quote is still open
    set -l answer (command migstat __complete fish $words[2..-1] "$plain" 2>/dev/null)
    set -l lead (string match -r -- '^--[^=]*=' "$current")
    set -l path (string replace -- "$lead" '' "$current")
    switch "$answer[1]"
        case files
            printf "$lead%s\n" (__fish_complete_path $path)
        case folders
            printf "$lead%s\n" (__fish_complete_directories $path)
        case '*'
            printf '%s\n' $answer[2..-1]
    end
end
complete -c migstat -f -a '(__migstat_complete)'
"""

POWERSHELL = r"""# Completion of migstat in PowerShell.
Register-ArgumentCompleter -Native -CommandName migstat -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 | Where-Object {
            $_.Extent.EndOffset -lt $cursorPosition
        } | ForEach-Object { if ($null -ne $_.Value) { [string]$_.Value } else { $_.Extent.Text } })
    $code, $encoding = $global:LASTEXITCODE, [Console]::OutputEncoding
    try {
        [Console]::OutputEncoding = [System.Text.Encoding]::UTF8
        # The plus keeps an empty word alive: PowerShell drops empty arguments of programs.
        $how, $found = @(& migstat __complete powershell @words "+$wordToComplete" 2>$null)
    } finally {
        [Console]::OutputEncoding = $encoding
        $global:LASTEXITCODE = $code
    }
    foreach ($each in $found) {
        $word, $about = $each -split "`t", 2
        $tip = if ($about) { $about } else { $word }
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $tip)
    }
}
"""

SHELLS = {
    "bash": Shell("migstat.bash", "migstat completion bash >> ~/.bashrc", BASH),
    "zsh": Shell("_migstat", "migstat completion zsh >> ~/.zshrc", ZSH),
    "fish": Shell(
        "migstat.fish",
        "migstat completion fish > ~/.config/fish/completions/migstat.fish",
        FISH,
    ),
    "powershell": Shell(
        "migstat.ps1",
        "mkdir -Force (Split-Path $PROFILE); migstat completion powershell >> $PROFILE",
        POWERSHELL,
    ),
}
