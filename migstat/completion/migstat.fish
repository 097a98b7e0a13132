# Completion of migstat in fish.
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
