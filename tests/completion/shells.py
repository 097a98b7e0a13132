"""Real shells on a real terminal, in which lines are typed and Tab is pressed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from migstat.completion.shells import SHELLS
from tests.command_line import hermetic
from tests.terminal import on_terminal

PROMPT = "@@ "
SHOW = "\x18\x05"
"""Ctrl-X Ctrl-E, which makes the shells show their line."""

CLEAR = "\x15"
"""Ctrl-U."""

_SETUP = {
    "bash": r"""
        PS1='@''@ '
        show() { printf '<<%s>>' "$READLINE_LINE"; }
        offered() { _migstat "$@"; printf '%s\n' "${COMPREPLY[@]}" > "$HOME/offered"; }
        bind -x '"\C-x\C-e": show'
        bind 'set enable-bracketed-paste off' 'set bell-style none' 'set page-completions off'
        bind 'set completion-query-items 0' 'set show-all-if-ambiguous on'
        type _migstat > /dev/null 2>&1 && complete -F offered migstat
    """,
    "zsh": r"""
        PS1='@''@ '
        unset zle_bracketed_paste
        unsetopt beep prompt_sp
        LISTMAX=10000
        show() { print -rn -- "<<$BUFFER>>" }
        zle -N show
        bindkey '^X^E' show
        bindkey '^U' kill-whole-line
        compadd() {
            local -a hits
            if (( ! ${argv[(I)-[OAD]]} )); then
                builtin compadd -O hits "$@"
                print -rl -- $hits >> ~/offered
            fi
            builtin compadd "$@"
        }
    """,
    "fish": r"""
        function fish_prompt; echo -n '@''@ '; end
        function fish_greeting; end
        bind \cx\ce 'echo -n "<<"(commandline)">>"'
        bind \cu 'commandline ""'
    """,
}
"""Makes each shell quiet and able to show its line; it runs after the script that is tested."""

_INTERACTIVE = {"bash": ["--noprofile", "--norc", "-i"], "zsh": ["-f", "-i"], "fish": ["--no-config", "--interactive"]}


def found(shell: str) -> str:
    """The path of a shell; without it the test is skipped, or fails in CI."""
    path = shutil.which(shell)
    if path is None:
        missing = f"{shell} is not installed: apt-get install bash zsh fish"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return path


def program(folder: Path, *lines: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "migstat"
    file.write_text("\n".join(("#!/bin/sh", *lines, "")), encoding="utf-8")
    file.chmod(0o755)
    return folder


def real_program(folder: Path, environ: Mapping[str, str] = {}) -> Path:
    variables = " ".join(f"{name}='{value}'" for name, value in environ.items())
    return program(folder, f'{variables} exec "{sys.executable}" -m migstat "$@"')


class Recorder:
    """A `migstat` that completes like the real one, and records all other calls."""

    def __init__(self, folder: Path) -> None:
        self._called = folder / "called"
        self.environ = {"MIGSTAT_CONFIG": str(folder / "config.toml"), "XDG_CACHE_HOME": str(folder / "cache")}
        self._called.touch()
        real = real_program(folder / "real", self.environ)
        self.bin = program(
            folder / "bin",
            f'[ "$1" = __complete ] && exec "{real}/migstat" "$@"',
            f"for word; do printf '%s\\n' \"$word\" >> '{self._called}'; done; echo >> '{self._called}'",
        )

    @property
    def last(self) -> list[str]:
        *_, last, _ = self._called.read_text(encoding="utf-8").split("\n\n")
        return last.split("\n")


class Shell:
    def __init__(self, name: str, home: Path, path: Path, *, bare: bool = True) -> None:
        self._name = name
        self._home = home
        environ = {
            **hermetic(),
            "HOME": str(home),
            "PATH": f"{path}:{os.environ['PATH']}",
            "TERM": "dumb" if name != "fish" else "xterm",
            "LC_ALL": "C.UTF-8",
            "INPUTRC": os.devnull,
        }
        command = [found(name), *(_INTERACTIVE[name] if bare else ["-i"])]
        self._child = on_terminal(command, environ, size=(250, 100), cwd=home, echo=False)
        setup = home / "setup"
        setup.write_text((f". {SHELLS[name].file}\n" if bare else "") + _SETUP[name], encoding="utf-8")
        self.do(f". {setup}")

    def close(self) -> None:
        self._child.close(force=True)

    def tab(self, line: str) -> str:
        self._child.send(f"{line}\t{SHOW}")
        self._child.expect(r"<<([^\0]*?)>>")
        result = self._child.match[1]
        self._child.send(CLEAR)
        return str(result)

    def offered(self, line: str) -> set[str]:
        file = self._home / "offered"
        file.write_text("", encoding="utf-8")
        if self._name == "fish":
            (self._home / "line").write_text(line, encoding="utf-8")
            self.do("complete -C (cat line | string collect --no-trim-newlines) > offered")
        else:
            self.tab(line)
        return {word.partition("\t")[0] for word in file.read_text(encoding="utf-8").split("\n") if word}

    def do(self, line: str) -> None:
        """Type a line as it is, or with a Tab in it, and wait until it is done."""
        self._child.send(f"{line}\r")
        self._child.send("echo DO''NE\r")
        self._child.expect("DONE")
        self._child.expect_exact(PROMPT)
