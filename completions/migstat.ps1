# Completion of migstat in PowerShell.
# Generated from the program by `python completions/generate.py`; changes made here get lost.

Register-ArgumentCompleter -Native -CommandName @('migstat', 'migstat.exe') -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # commands that may follow a command
    $commands = @{
        '' = 'status checks projects watch tasks job artifacts auth config completion demo simulate schema help'
        'auth' = 'login status logout'
        'config' = 'list get set unset'
        'demo' = 'status checks projects watch tasks job artifacts'
    }
    # options of a command
    $options = @{
        '' = '--version --help -h'
        'status' = '--level --children -c --depth --raw --exit-status --header --export --profile -p --base-url --email --token-file --output -o --json --color --verbose -v --help -h'
        'checks' = '--name --outcome --status --details --all --exit-status --header --export --profile -p --base-url --email --token-file --output -o --json --color --verbose -v --help -h'
        'projects' = '--key --outcome --status --sort --exit-status --header --export --profile -p --base-url --email --token-file --output -o --json --color --verbose -v --help -h'
        'watch' = '--interval --timeout --until --fail-fast --strict --quiet --record --stall-after --profile -p --base-url --email --token-file --output -o --json --color --verbose -v --help -h'
        'tasks' = '--header --export --profile -p --base-url --email --token-file --output -o --json --color --verbose -v --help -h'
        'job' = '--profile -p --base-url --email --token-file --output -o --json --color --verbose -v --help -h'
        'artifacts' = '--download --header --profile -p --base-url --email --token-file --output -o --json --color --verbose -v --help -h'
        'auth' = '--help -h'
        'auth login' = '--profile -p --base-url --email --token-file --verbose -v --help -h'
        'auth status' = '--profile -p --base-url --email --token-file --verbose -v --help -h'
        'auth logout' = '--profile -p --base-url --email --token-file --verbose -v --help -h'
        'config' = '--help -h'
        'config list' = '--show-origin --profile -p --help -h'
        'config get' = '--help -h'
        'config set' = '--help -h'
        'config unset' = '--help -h'
        'completion' = '--help -h'
        'demo' = '--scenario --speed --help -h'
        'simulate' = '--port --scenario --speed --help -h'
        'schema' = '--help -h'
        'help' = '--help -h'
    }
    # what stands behind an option of all commands, or of one
    $values = @{
        '--level' = 'seen levels'
        '--depth' = 'words all'
        '--export' = 'files'
        '--profile' = 'seen profiles'
        '-p' = 'seen profiles'
        '--base-url' = 'nothing'
        '--email' = 'nothing'
        '--token-file' = 'files'
        'status --output' = 'words table tree plain json ndjson csv markdown'
        'status -o' = 'words table tree plain json ndjson csv markdown'
        'checks --output' = 'words table tree plain json ndjson csv markdown'
        'checks -o' = 'words table tree plain json ndjson csv markdown'
        'projects --output' = 'words table tree plain json ndjson csv markdown'
        'projects -o' = 'words table tree plain json ndjson csv markdown'
        '--color' = 'words auto always never'
        '--name' = 'seen checks'
        '--outcome' = 'list failed incomplete warning success skipped'
        '--status' = 'list pending in_progress finished cancelled canceled stopped aborted failed error timed_out incomplete'
        '--key' = 'seen projects'
        '--sort' = 'words name outcome elapsed progress'
        '--interval' = 'nothing'
        '--timeout' = 'nothing'
        '--until' = 'words done core checks'
        '--record' = 'files'
        '--stall-after' = 'nothing'
        'watch --output' = 'words table plain json ndjson'
        'watch -o' = 'words table plain json ndjson'
        'tasks --output' = 'words table plain json ndjson csv markdown'
        'tasks -o' = 'words table plain json ndjson csv markdown'
        'artifacts --output' = 'words table plain json ndjson csv markdown'
        'artifacts -o' = 'words table plain json ndjson csv markdown'
        'job --output' = 'words table plain json csv markdown'
        'job -o' = 'words table plain json csv markdown'
        '--download' = 'folders'
        '--scenario' = 'words cutover failing projects-failing confluence checks refused users-only waves huge flaky'
        '--speed' = 'nothing'
        '--port' = 'nothing'
    }
    # what stands for an argument, by its number
    $arguments = @{
        'status 1' = 'seen jobs-and-words'
        'status 2' = 'seen tasks'
        'checks 1' = 'seen jobs-and-words'
        'checks 2' = 'seen tasks'
        'projects 1' = 'seen jobs-and-words'
        'projects 2' = 'seen tasks'
        'watch 1' = 'seen jobs-and-words'
        'watch 2' = 'seen tasks'
        'tasks 1' = 'seen jobs'
        'job 1' = 'seen jobs'
        'artifacts 1' = 'seen jobs-and-words'
        'artifacts 2' = 'seen tasks'
        'config get 1' = 'seen keys'
        'config set 1' = 'seen possible-keys'
        'config set 2' = 'nothing'
        'config unset 1' = 'seen keys'
        'completion 1' = 'words bash zsh fish powershell'
        'schema 1' = 'words status checks projects tasks job artifacts event error'
        'help 1' = 'words status checks projects watch tasks job artifacts auth config completion demo simulate schema help exit-codes environment formatting'
    }

    function Get-Value([string] $name) {
        if ($values.ContainsKey("$at $name")) { $values["$at $name"] } else { $values[$name] }
    }
    function Get-Unquoted([string] $text) {
        if ($text -match "^'(.*?)'?$") { return $Matches[1].Replace("''", "'") }
        if ($text -match '^"(.*?)"?$') { return $Matches[1] -replace '`(.)', '$1' }
        $text -replace '`(.)', '$1'
    }

    # the words of the line up to the cursor, and the one it stands in
    $parts = @()
    $raw = ''
    foreach ($element in $commandAst.CommandElements) {
        $begin = $element.Extent.StartOffset
        if ($begin -ge $cursorPosition) { break }
        if ($element.Extent.EndOffset -ge $cursorPosition) {
            $raw = $element.Extent.Text.Substring(0, $cursorPosition - $begin)
            break
        }
        $parts += $element.Extent.Text
    }

    # what they say: the command, its arguments, the option whose value comes next
    $at = ''
    $demo = ''
    $waits = ''
    $only = $false
    $named = @()
    $words = @()
    foreach ($part in @($parts | Select-Object -Skip 1)) {
        $word = Get-Unquoted $part
        if ($waits) {
            if ($waits -ceq '-p' -or $waits -ceq '--profile') { $named = @('-p', $word) }
            $waits = ''
            continue
        }
        if (-not $only -and $word -ceq '--') {
            $only = $true
            continue
        }
        if (-not $only -and $word -match '^--') {
            $name, $value = $word -split '=', 2
            if ($null -eq $value -and (Get-Value $name)) { $waits = $name }
            if ($value -and $name -ceq '--profile') { $named = @('-p', (Get-Unquoted $value)) }
            continue
        }
        if (-not $only -and $word -match '^-.') {
            for ($i = 1; $i -lt $word.Length; $i++) {
                $name = '-' + $word[$i]
                if (-not (Get-Value $name)) { continue }
                $value = $word.Substring($i + 1)
                if (-not $value) { $waits = $name }
                if ($value -and $name -ceq '-p') { $named = @('-p', $value) }
                break
            }
            continue
        }
        if (-not $commands.ContainsKey($at)) {
            $words += $word
            continue
        }
        if ($at -ceq 'demo') {
            $demo = 'demo'
            $at = ''
        }
        $at = "$at $word".Trim()
        $only = $false
    }

    # what the word at the cursor can be; nothing leaves it to PowerShell, which offers files
    $lead = ''
    $typed = $raw
    $how = $null
    if ($waits) {
        $how = Get-Value $waits
    } elseif (-not $only -and $raw -match '^(--[^=]+)=') {
        $how = Get-Value $Matches[1]
        $lead = $Matches[0]
        $typed = $raw.Substring($lead.Length)
    } elseif (-not $only -and $raw -match '^-') {
        $how = 'words ' + $options[$at]
        for ($i = 1; $i -lt $raw.Length - 1 -and $raw[1] -ne '-'; $i++) {
            if (-not (Get-Value ('-' + $raw[$i]))) { continue }
            $how = Get-Value ('-' + $raw[$i])
            $lead = $raw.Substring(0, $i + 1)
            $typed = $raw.Substring($i + 1)
            break
        }
    } elseif ($commands.ContainsKey($at)) {
        $how = 'words ' + $commands[$at]
    } else {
        $how = $arguments["$at $($words.Count + 1)"]
        if (-not $how -and -not $raw -and -not $only) { $how = 'words ' + $options[$at] }
    }
    if (-not $how) { return }
    $kind, $choices = $how -split ' '
    $typed = Get-Unquoted $typed
    $found = @()
    if ($kind -eq 'words') { $found = $choices }
    if ($kind -eq 'list') {
        $before = $typed.Substring(0, $typed.LastIndexOf(',') + 1)
        $found = $choices | Where-Object { ($before -split ',') -cnotcontains $_ } | ForEach-Object { $before + $_ }
    }
    if ($kind -eq 'seen') {
        $asked = if ($demo) { $demo } else { $at }
        $code = $global:LASTEXITCODE
        $encoding = [Console]::OutputEncoding
        try {
            [Console]::OutputEncoding = [System.Text.Encoding]::UTF8
            $found = @(& migstat __complete $choices $asked @named @words 2>$null)
        } catch {
            $found = @()
        } finally {
            [Console]::OutputEncoding = $encoding
            $global:LASTEXITCODE = $code
        }
    }

    # PowerShell replaces only what it takes for the word, which may be less than stands there
    $kept = ''
    if ($raw.EndsWith($wordToComplete, [StringComparison]::Ordinal)) {
        $kept = $raw.Substring(0, $raw.Length - $wordToComplete.Length)
    }
    foreach ($each in $found) {
        $word, $about = $each -split "`t", 2
        if (-not $word.StartsWith($typed, [StringComparison]::Ordinal)) { continue }
        $text = $lead + $word
        if ($text -cmatch '[^A-Za-z0-9_.,:%+/=-]' -or $raw -match '^[''"]') {
            $text = "'" + ($text -replace '([''\u2018-\u201b])', '$1$1') + "'"
        }
        if (-not $text.StartsWith($kept, [StringComparison]::Ordinal)) { continue }
        $tip = if ($about) { $about } else { $word }
        $rest = $text.Substring($kept.Length)
        [System.Management.Automation.CompletionResult]::new($rest, $word, 'ParameterValue', $tip)
    }
}
