# Completion of migstat in fish.
# Generated from the program by `python completions/generate.py`; changes made here get lost.

function __migstat_is_followed -d 'Whether a command is followed by another one'
    switch "$argv[1]"
        case '' 'auth' 'config' 'demo'
            return 0
    end
    return 1
end

function __migstat_takes -d 'Whether a value stands behind an option'
    switch "$argv[1]"
        case --level --depth --export --profile -p --base-url --email --token-file --output -o --color --name --outcome --status --key --sort --interval --timeout --until --record --stall-after --download --scenario --speed --port
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
complete -c migstat -n '__migstat_at ""' -a status -d 'Show where a task stands and what is wrong'
complete -c migstat -n '__migstat_at ""' -a checks -d 'Show the pre-flight checks, problems first'
complete -c migstat -n '__migstat_at ""' -a projects -d 'Show the projects or spaces, problems first'
complete -c migstat -n '__migstat_at ""' -a watch -d 'Follow a task until it ends, through any outage'
complete -c migstat -n '__migstat_at ""' -a tasks -d 'List the runs of a job, newest first'
complete -c migstat -n '__migstat_at ""' -a job -d 'Show what a job moves, from where and to where'
complete -c migstat -n '__migstat_at ""' -a artifacts -d 'List or download a run\'s reports and error logs'
complete -c migstat -n '__migstat_at ""' -a auth -d 'Store the API token, check it or remove it'
complete -c migstat -n '__migstat_at ""' -a config -d 'List and change the settings in the config file'
complete -c migstat -n '__migstat_at ""' -a completion -d 'Print the completion script for a shell'
complete -c migstat -n '__migstat_at ""' -a demo -d 'Run any command against a simulated migration'
complete -c migstat -n '__migstat_at ""' -a simulate -d 'Serve a simulated migration until Ctrl-C'
complete -c migstat -n '__migstat_at ""' -a schema -d 'Print the JSON Schema of a document or event'
complete -c migstat -n '__migstat_at ""' -a help -d 'Explain a command or a topic'
complete -c migstat -n '__migstat_at auth' -a login -d 'Ask for e-mail, API token and job, check them, and store them'
complete -c migstat -n '__migstat_at auth' -a status -d 'Show e-mail and token source, and whether the API accepts them if a job is set'
complete -c migstat -n '__migstat_at auth' -a logout -d 'Remove the stored API token'
complete -c migstat -n '__migstat_at config' -a list -d 'List the values in the file, or with --show-origin those in force'
complete -c migstat -n '__migstat_at config' -a get -d 'Print one value of the file'
complete -c migstat -n '__migstat_at config' -a set -d 'Set one value; the rest of the file stays as it is, comments too'
complete -c migstat -n '__migstat_at config' -a unset -d 'Remove one value'
complete -c migstat -n '__migstat_at demo' -a status -d 'Show where a task stands and what is wrong'
complete -c migstat -n '__migstat_at demo' -a checks -d 'Show the pre-flight checks, problems first'
complete -c migstat -n '__migstat_at demo' -a projects -d 'Show the projects or spaces, problems first'
complete -c migstat -n '__migstat_at demo' -a watch -d 'Follow a task until it ends, through any outage'
complete -c migstat -n '__migstat_at demo' -a tasks -d 'List the runs of a job, newest first'
complete -c migstat -n '__migstat_at demo' -a job -d 'Show what a job moves, from where and to where'
complete -c migstat -n '__migstat_at demo' -a artifacts -d 'List or download a run\'s reports and error logs'
complete -c migstat -n '__migstat_nth 1 status checks projects watch artifacts' -a '(__migstat_seen jobs-and-words)'
complete -c migstat -n '__migstat_nth 2 status checks projects watch artifacts' -a '(__migstat_seen tasks)'
complete -c migstat -n '__migstat_nth 1 tasks job' -a '(__migstat_seen jobs)'
complete -c migstat -n '__migstat_nth 1 "config get" "config unset"' -a '(__migstat_seen keys)'
complete -c migstat -n '__migstat_nth 1 "config set"' -a '(__migstat_seen possible-keys)'
complete -c migstat -n '__migstat_nth 1 completion' -a 'bash zsh fish powershell'
complete -c migstat -n '__migstat_nth 1 schema' -a 'status checks projects tasks job artifacts event error'
complete -c migstat -n '__migstat_nth 1 help' -a 'status checks projects watch tasks job artifacts auth config completion demo simulate schema help exit-codes environment formatting'
complete -c migstat -n '__migstat_at ""' -l version -d 'Show the version'
complete -c migstat -n '__migstat_at "" status checks projects watch tasks job artifacts auth "auth login" "auth status" "auth logout" config "config list" "config get" "config set" "config unset" completion demo simulate schema help' -l help -s h -d 'Show this message and exit'
complete -c migstat -n '__migstat_at status' -l level -x -a '(__migstat_seen levels)' -d 'One node, such as check,AppVendorCheck'
complete -c migstat -n '__migstat_at status' -l children -s c -d 'Its children, too; all pages'
complete -c migstat -n '__migstat_at status' -l depth -x -a 'all' -d 'So many levels below it, or all'
complete -c migstat -n '__migstat_at status' -l raw -d 'The API\'s own JSON, all pages merged'
complete -c migstat -n '__migstat_at status checks projects' -l exit-status -d 'Exit with 1 if something failed, 8 if it still runs'
complete -c migstat -n '__migstat_at status checks projects tasks artifacts' -l header -d 'Begin plain output with a line of names'
complete -c migstat -n '__migstat_at status checks projects tasks' -l export -r -F -d 'Write a picture, too: FILE.svg or FILE.html'
complete -c migstat -n '__migstat_at status checks projects watch tasks job artifacts "auth login" "auth status" "auth logout" "config list"' -l profile -s p -x -a '(__migstat_seen profiles)' -d 'Section of the config file'
complete -c migstat -n '__migstat_at status checks projects watch tasks job artifacts "auth login" "auth status" "auth logout"' -l base-url -x -d 'URL of the API'
complete -c migstat -n '__migstat_at status checks projects watch tasks job artifacts "auth login" "auth status" "auth logout"' -l email -x -d 'E-mail of the Atlassian account'
complete -c migstat -n '__migstat_at status checks projects watch tasks job artifacts "auth login" "auth status" "auth logout"' -l token-file -r -F -d 'File with the API token; - reads standard input'
complete -c migstat -n '__migstat_at status checks projects' -l output -s o -x -a 'table tree plain json ndjson csv markdown' -d 'table, tree, plain, json, ndjson, csv, markdown'
complete -c migstat -n '__migstat_at status checks projects watch tasks job artifacts' -l json -d 'Short for -o json'
complete -c migstat -n '__migstat_at status checks projects watch tasks job artifacts' -l color -x -a 'auto always never' -d 'Use colors'
complete -c migstat -n '__migstat_at status checks projects watch tasks job artifacts "auth login" "auth status" "auth logout"' -l verbose -s v -d 'Log each request to standard error'
complete -c migstat -n '__migstat_at checks' -l name -x -a '(__migstat_seen checks)' -d 'Only this check; may be repeated'
complete -c migstat -n '__migstat_at checks projects' -l outcome -x -a '(__migstat_list failed incomplete warning success skipped)' -d 'Only these outcomes, such as failed,warning'
complete -c migstat -n '__migstat_at checks projects' -l status -x -a '(__migstat_list pending in_progress finished cancelled canceled stopped aborted failed error timed_out incomplete)' -d 'Only these statuses, such as in_progress'
complete -c migstat -n '__migstat_at checks' -l details -d 'What each check looks at and what it found'
complete -c migstat -n '__migstat_at checks' -l all -d 'List those that are well or skipped, too'
complete -c migstat -n '__migstat_at projects' -l key -x -a '(__migstat_seen projects)' -d 'Only this project or space; may be repeated'
complete -c migstat -n '__migstat_at projects' -l sort -x -a 'name outcome elapsed progress' -d 'By name, outcome, elapsed, progress'
complete -c migstat -n '__migstat_at watch' -l interval -x -d 'Minimum time between polls'
complete -c migstat -n '__migstat_at watch' -l timeout -x -d 'Give up after this long (exit 124)'
complete -c migstat -n '__migstat_at watch' -l until -x -a 'done core checks' -d 'What to wait for; core is all but apps'
complete -c migstat -n '__migstat_at watch' -l fail-fast -d 'Stop at the first failure (exit 1)'
complete -c migstat -n '__migstat_at watch' -l strict -d 'Treat a WARNING as a failure'
complete -c migstat -n '__migstat_at watch' -l quiet -d 'Print only failures, warnings and the verdict'
complete -c migstat -n '__migstat_at watch' -l record -r -F -d 'Append all events; resume from them next time'
complete -c migstat -n '__migstat_at watch' -l stall-after -x -d 'Warn when a node makes no progress for this long'
complete -c migstat -n '__migstat_at watch' -l output -s o -x -a 'table plain json ndjson' -d 'table, plain, json, ndjson'
complete -c migstat -n '__migstat_at tasks artifacts' -l output -s o -x -a 'table plain json ndjson csv markdown' -d 'table, plain, json, ndjson, csv, markdown'
complete -c migstat -n '__migstat_at job' -l output -s o -x -a 'table plain json csv markdown' -d 'table, plain, json, csv, markdown'
complete -c migstat -n '__migstat_at artifacts' -l download -x -a '(__fish_complete_directories)' -d 'Download them into DIR, replacing files of the same names'
complete -c migstat -n '__migstat_at "config list"' -l show-origin -d 'Show the values in force, defaults included, and their source'
complete -c migstat -n '__migstat_at demo' -l scenario -x -a 'cutover failing projects-failing confluence checks refused users-only waves huge flaky' -d 'Migration to simulate; \'migstat simulate -h\' lists them'
complete -c migstat -n '__migstat_at demo' -l speed -x -d 'Speed of the migration and its clock'
complete -c migstat -n '__migstat_at simulate' -l port -x -d 'Port on 127.0.0.1; 0 picks a free one'
complete -c migstat -n '__migstat_at simulate' -l scenario -x -a 'cutover failing projects-failing confluence checks refused users-only waves huge flaky' -d 'Migration to simulate: cutover, failing, projects-failing, confluence, checks, refused, users-only, waves, huge, flaky'
complete -c migstat -n '__migstat_at simulate' -l speed -x -d 'Speed of the migration'
