"""The answer to a Tab: `migstat __complete SHELL WORD...`, whose last word is the one being typed.

It must come within 60 ms, so nothing is imported here that takes long (Typer, msgspec and platformdirs do). The
grammar of the command line is read from grammar.json, which `cli.grammar` writes from the commands themselves; names
come from the config file and from what earlier commands have seen. No request is made, and nothing is written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property

from migstat.completion.seen import CHECK, FOLDER, SCOPES, read_seen, seen_jobs, usable
from migstat.files.places import config_file, user_folder

TYPE_CHECKING = False  # that of `typing` takes long to import
if TYPE_CHECKING:
    from typing import Any

LATEST, LATEST_MIGRATE = "latest", "latest-migrate"
TASK_WORDS = (LATEST, "latest-check", LATEST_MIGRATE)
PREVIOUS = "previous"
GRAMMAR = os.path.join(os.path.dirname(__file__), "grammar.json")  # noqa: PTH118, PTH120
SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.,:@%+/=-")
"""ASCII characters that bash and PowerShell leave as they are within a word."""

Candidate = tuple[str, str]
"""A word and its description, which may be empty."""


def answer(shell: str, words: list[str], environ: Mapping[str, str]) -> bytes:
    """The lines for the shell's script, in UTF-8; only `words` if anything goes wrong."""
    try:
        written: Callable[[str], str] = str
        if shell == "bash":  # it splits words at = and : and leaves quotes in them, so its script passes the whole line
            line, replaced = words
            words, head, quote = split(line)
            written = lambda word: _for_bash(word, typed=words[-1], raw=head, quote=quote, replaced=replaced)  # noqa: E731
        elif shell == "powershell":  # it passes the last word as it was typed, behind a plus
            words = [*words[:-1], words[-1].removeprefix("+").strip("'\"")]
            written = _for_powershell
        with open(GRAMMAR, encoding="utf-8") as file:  # noqa: PTH123
            how, found = complete(json.load(file), words, environ)
        filters = shell not in ("zsh", "fish")  # which match candidates in their own, configurable ways
        texts: dict[str, None] = {}  # ordered and unique
        for word, about in found:
            if (not filters or word.startswith(words[-1])) and usable(word) and (text := written(word)):
                texts[f"{text}\t{about}" if about and usable(about) and shell != "bash" else text] = None
        lines = [how, *texts]
    except Exception:  # noqa: BLE001  an error message would end up in the line that is being typed
        lines = ["words"]
    return "\n".join((*lines, "")).encode()


def complete(grammar: dict[str, Any], words: list[str], environ: Mapping[str, str]) -> tuple[str, Iterable[Candidate]]:
    """How the last of the words completes, and its candidates, regardless of what has been typed."""
    *before, word = words
    commands: dict[str, Any] = grammar["commands"]
    line = Line(commands, before)
    command = commands.get(line.at)
    if command is None:
        return "words", ()
    names = Names(grammar["keys"], environ, line)
    if line.waits:
        return _values(command["options"][line.waits]["values"], names, word)
    if word.startswith("-") and not line.dashes:
        name, value, _ = _option(command["options"], word)
        values = command["options"].get(name, {}).get("values")
        if values and (value or word.endswith("=")):
            return _values(values, names, value, lead=word[: len(word) - len(value)])
        return "words", _options(command["options"], line.used)
    if command["commands"]:
        return "words", ((below, commands[line.path_of(below)]["help"]) for below in command["commands"])
    if len(line.arguments) < len(command["arguments"]):
        return _values(command["arguments"][len(line.arguments)], names, word)
    return "words", () if word or line.dashes else _options(command["options"], line.used)


class Line:
    """The meaning of the words before the last one.

    `at` are the words of the command, which may not exist; `waits` is the option whose value comes next; `dashes` is
    True behind `--`; `used` are the options so far.
    """

    def __init__(self, commands: dict[str, Any], before: list[str]) -> None:
        self.at = ""
        self.demo = False
        self.waits = ""
        self.dashes = False
        self.profile: str | None = None
        self.arguments: list[str] = []
        self.used: set[str] = set()
        for word in before:
            command = commands.get(self.at)
            if command is None:
                return
            if self.waits:
                self._use(self.waits, word)
                self.waits = ""
            elif word == "--" and not self.dashes:
                self.dashes = True
            elif word.startswith("-") and len(word) > 1 and not self.dashes:
                name, value, self.waits = _option(command["options"], word)
                self._use(name, value)
            elif not command["commands"]:
                self.arguments.append(word)
            else:
                self.at, self.demo, self.dashes = self.path_of(word), self.demo or self.at == "demo", False

    def path_of(self, word: str) -> str:
        """The words of a command below this one; a demo is followed by any command."""
        return word if self.at == "demo" else f"{self.at} {word}".strip()

    def _use(self, name: str, value: str) -> None:
        self.used.add(name)
        if name == "--profile" and value:
            self.profile = value


def _options(options: dict[str, Any], used: set[str]) -> Iterator[Candidate]:
    for name, option in options.items():
        if name not in used or option["repeats"]:
            yield from ((spelling, option["help"]) for spelling in (name, *option["short"]))


def _option(options: dict[str, Any], word: str) -> tuple[str, str, str]:
    """The long name of the option in a word, the value in it, and the name again if its value is the next word."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        waits = name if not equals and options.get(name, {}).get("values") else ""
        return name, value, waits
    for number, letter in enumerate(word[1:], 2):  # a cluster such as -vojson
        name = next((known for known, option in options.items() if f"-{letter}" in option["short"]), "")
        if options.get(name, {}).get("values"):
            return name, word[number:], "" if word[number:] else name
    return "", "", ""


def _values(values: list[str], names: Names, word: str, *, lead: str = "") -> tuple[str, Iterable[Candidate]]:
    """How a value completes, and its candidates with `lead` before each; `word` is the value so far."""
    how, *choices = values
    if how == "seen":
        if "files" in choices and ("/" in word or word.startswith((".", "~"))):
            return "files", ()
        return "words", ((lead + name, about) for name, about in names.of(choices[0]))
    if how == "list":
        first, comma, _ = word.rpartition(",")
        return how, ((f"{lead}{first}{comma}{choice}", "") for choice in choices if choice not in first.split(","))
    return how, ((lead + choice, "") for choice in choices)


class Names:
    """Names in the user's own files, for one command line; in a demo they are not the user's."""

    def __init__(self, keys: dict[str, list[str]], environ: Mapping[str, str], line: Line) -> None:
        self._keys = keys
        self._environ = environ
        self._line = line

    def of(self, kind: str) -> Iterable[Candidate]:
        """The names of a kind. Raises OSError or ValueError if the config file cannot be read."""
        if self._line.demo:
            plain = (PREVIOUS, *TASK_WORDS) if kind == "earlier" else TASK_WORDS
            return [(word, "") for word in plain] if kind in ("jobs-and-words", "tasks", "earlier") else ()
        profiles, targets = self._section("profiles"), self._section("targets")
        folder = os.path.join(user_folder(self._environ, "cache"), FOLDER)  # noqa: PTH118
        match kind:
            case "profiles":
                return [(name, _shown(profile.get("email", ""))) for name, profile in profiles.items()]
            case "keys" | "possible-keys":
                return self._config_keys(possible=kind == "possible-keys")
            case "jobs" | "jobs-and-words":
                found = [(name, _shown(target.get("job", ""))) for name, target in targets.items()]
                found += [(job_id, "") for job_id in seen_jobs(folder)]
                return found + [(word, "") for word in TASK_WORDS if kind != "jobs"]
        job_id, task = self.meant()
        seen = read_seen(folder, job_id or "")
        match kind:
            case "tasks" | "earlier":
                words = [(PREVIOUS, "")] if kind == "earlier" else []
                words += [(word, seen["words"].get(word, "")) for word in TASK_WORDS]
                return words + [(task_id, run["type"] or "") for task_id, run in seen["runs"].items()]
            case "checks":
                return sorted((name, "") for _, _, name in _names(seen, task or LATEST, (CHECK,)))
            case "projects":
                return sorted((name, "") for _, _, name in _names(seen, task or LATEST_MIGRATE, SCOPES))
        checks = _names(seen, task or LATEST, (CHECK,))  # levels; a check task has its checks at the root
        levels = [name if run["type"] == "check" else f"check,{name}" for run, _, name in checks]
        levels += [f"migrate,{scope},{name}" for _, scope, name in _names(seen, task or LATEST, SCOPES)]
        return [(level, "") for level in levels]

    def meant(self) -> tuple[str | None, str | None]:
        """The id of the job and the task that the line is about, as far as they are named.

        They are those of `settings.target.target_from`, which takes too long to import. Nothing is refused here: for
        nonsense no names were ever seen.
        """
        environ, targets = self._environ, self._section("targets")
        job, task = ([word or None for word in self._line.arguments] + [None, None])[:2]
        if task is None and job in TASK_WORDS:
            job, task = None, job
        of_environ = environ.get("MIGSTAT_JOB") or None
        chosen = self._line.profile or environ.get("MIGSTAT_PROFILE")
        chosen = (
            chosen or targets.get(job or of_environ or "", {}).get("profile") or self._config.get("default_profile")
        )
        profile = self._section("profiles").get(str(chosen), {})
        jobs = (job, of_environ, profile.get("job"))
        tasks = (task, environ.get("MIGSTAT_TASK") or None, profile.get("task"))
        of_job = next((number for number, named in enumerate(jobs) if named), None)
        if of_job is None:
            return None, None
        job_id, task_of_job = _ids_of(str(jobs[of_job]), targets)
        for number, word in enumerate(tasks):
            if word and (number < 2 or number == of_job or word in TASK_WORDS):
                return job_id, str(word)
            if number == of_job and task_of_job:
                return job_id, task_of_job
        return job_id, None

    def _config_keys(self, *, possible: bool) -> Iterator[Candidate]:
        """The keys that are set, or all that can be set for the existing profiles and targets."""
        if possible or "default_profile" in self._config:
            yield "default_profile", ""
        for section, keys in self._keys.items():
            for name, entry in self._section(section).items():
                spelled = name if set(name) <= SAFE - set(".,:@%+/=") else f'"{name}"'
                yield from ((f"{section}.{spelled}.{key}", "") for key in (keys if possible else entry))

    def _section(self, name: str) -> dict[str, dict[str, Any]]:
        return {key: entry for key, entry in self._config.get(name, {}).items() if isinstance(entry, dict)}

    @cached_property
    def _config(self) -> dict[str, Any]:
        try:
            with open(config_file(self._environ)[0], "rb") as opened:  # noqa: PTH123  pathlib takes long to import
                data = opened.read(1 << 20)
        except FileNotFoundError:
            return {}
        import tomllib  # tomlkit, which reads and writes the file elsewhere, takes 60 ms more

        return tomllib.loads(data.decode("utf-8-sig"))


def _shown(value: object) -> str:
    """A value as a description; empty if it may hold a secret: a token, or a URL or e-mail with one in it."""
    text = str(value)
    return "" if ":" in text or "ATATT" in text else text


def _ids_of(name: str, targets: dict[str, dict[str, Any]]) -> tuple[str, str | None]:
    """The ids that a target, a URL or an id stands for."""
    target = targets.get(name, {})
    job, task = str(target.get("job", name)), target.get("task")
    if "://" not in job:
        return job, task
    from urllib.parse import unquote, urlsplit

    _, _, path = urlsplit(job).path.partition("/jobs/")
    job_id, *more = path.split("/")
    of_url = unquote(more[1]) if more[:1] == ["tasks"] and len(more) > 1 else None
    return unquote(job_id), task or of_url or None


def _names(seen: dict[str, Any], task: str, kinds: tuple[str, ...]) -> list[tuple[dict[str, Any], str, str]]:
    """Names with run and kind: of the run that is meant, or of all runs of the job if none of that were seen yet."""
    run = seen["runs"].get(seen["words"].get(task, task))
    runs = [run] if run and any(kind in run["names"] for kind in kinds) else [*seen["runs"].values()]
    return [(run, kind, name) for run in runs for kind in kinds for name in sorted(run["names"].get(kind, ()))]


def split(line: str) -> tuple[list[str], str, str]:
    """Split a line of bash: the words after the first, the last one as it was typed, and the quote open at its end.

    Nothing is expanded. `shlex` would do the same, but takes long to import and refuses an open quote.
    """
    words, raw, quote = [""], "", ""
    characters = iter(line.lstrip())
    for character in characters:
        raw += character
        if character in "'\"" and quote in ("", character):
            quote = "" if quote else character
        elif character == "\\" and quote != "'":
            following = next(characters, "")
            raw += following
            words[-1] += following
        elif character.isspace() and not quote:
            if raw.strip():
                words.append("")
            raw = ""
        else:
            words[-1] += character
    return words[1:], raw, quote


def _for_bash(word: str, *, typed: str, raw: str, quote: str, replaced: str) -> str:
    """The word as a line of bash must contain it, without what bash keeps of the raw word; empty if that is impossible.

    bash replaces only the end of the raw word, behind the last `=` or `:`, or within quotes.
    """
    if quote:  # bash adds the closing one itself; a word that contains it cannot stand within
        head = raw[: raw.rindex(quote) + 1]
        rest = word[len(typed) - len(raw) + len(head) :]
        if quote in rest or (quote == '"' and set(rest) & set("$`\\!")):
            return ""
        text = head + rest
    else:
        text = "".join(
            character if character in SAFE or not character.isascii() else f"\\{character}" for character in word
        )
    kept = raw.removesuffix(replaced)
    return text.removeprefix(kept) if text.startswith(kept) else ""


def _for_powershell(word: str) -> str:
    if set(word) <= SAFE and not word.startswith("@"):
        return word
    # PowerShell takes typographic quotes for plain ones, so all of these would end a text in quotes.
    quotes: dict[str, str | int | None] = {mark: mark * 2 for mark in "'\u2018\u2019\u201a\u201b"}
    return f"'{word.translate(str.maketrans(quotes))}'"
