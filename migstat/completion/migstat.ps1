# Completion of migstat in PowerShell.
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
