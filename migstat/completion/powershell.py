"""The script of PowerShell: tables, and one function that finds its way through the line. 5.1 is enough for it."""

from __future__ import annotations

from migstat.completion.grammar import GENERATED, Command, all_of, rules_of


def script(root: Command) -> str:
    """The whole script."""
    commands = {each.words: " ".join(_below(each)) for each in all_of(root) if _below(each)}
    options = {each.words: " ".join(name for option in each.options for name in option.names) for each in all_of(root)}
    values = {
        f"{command} {name}".strip(): str(rule.values)
        for rule in rules_of(root)
        for command in rule.commands or ("",)
        for name in rule.options
    }
    arguments = {
        f"{command.words} {number}": str(argument.values)
        for command in all_of(root)
        for number, argument in enumerate(command.arguments, 1)
    }
    return (
        _TEMPLATE.replace("@GENERATED@", GENERATED)
        .replace("@COMMANDS@", _table(commands))
        .replace("@OPTIONS@", _table(options))
        .replace("@VALUES@", _table(values))
        .replace("@ARGUMENTS@", _table(arguments))
    )


def _below(command: Command) -> tuple[str, ...]:
    return tuple(each.name for each in command.commands) or command.runs


def _table(entries: dict[str, str]) -> str:
    return "\n".join(f"        '{name}' = '{words}'" for name, words in entries.items())


_TEMPLATE = r"""# Completion of migstat in PowerShell.
# @GENERATED@

Register-ArgumentCompleter -Native -CommandName @('migstat', 'migstat.exe') -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # commands that may follow a command
    $commands = @{
@COMMANDS@
    }
    # options of a command
    $options = @{
@OPTIONS@
    }
    # what stands behind an option of all commands, or of one
    $values = @{
@VALUES@
    }
    # what stands for an argument, by its number
    $arguments = @{
@ARGUMENTS@
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
"""
