"""`migstat auth`: store the API token, show which one is in effect, remove it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from contextlib import closing

import msgspec
from msgspec.structs import replace

from migstat.cli.context import Options, Runtime, Session
from migstat.cli.help_page import MigstatTyper
from migstat.cli.options import shared_options
from migstat.cli.output import print_rows
from migstat.errors import ApiError, CredentialsError, Interrupted, MigstatError, NotFound, UsageError
from migstat.model.nodes import HIDDEN, Job
from migstat.render.text import harmless
from migstat.settings.config import DEFAULT_PROFILE, KeyPath, change, display_path, set_command
from migstat.settings.credentials import Token, token_of, token_of_file
from migstat.settings.keychain import WITHOUT, Account, NoKeyring
from migstat.settings.keys import SETTING
from migstat.settings.resolve import Settings, Sources
from migstat.settings.target import Target, TaskWord, target_from

FIRST_PROFILE = "default"
"""Name of the first profile if the user gave none."""

NAME_IT = "Add --email ADDR, or set MIGSTAT_EMAIL."
PIPE_IT = "To pipe the token: ... | migstat auth login --token-file -"
HOW_TO_BEGIN = "Create an API token at https://id.atlassian.com/manage-profile/security/api-tokens"
WHERE_JOB = "Copy the job id from the migration assistant, or an API URL with /jobs/ID in it."
SET_JOB = "export MIGSTAT_JOB=JOB"
TRIES = 3
"""Attempts to type the job id."""

ABOUT = """Store the API token, check it or remove it.

Examples:

  migstat auth login

  migstat auth status

The first of these is used: --token-file, MIGSTAT_TOKEN, MIGSTAT_TOKEN_FILE, the profile's token_file, the stored token.
"""

auth = MigstatTyper(help=ABOUT)


@auth.command()
@shared_options((), new_profile=True)
def login(runtime: Runtime, options: Options) -> int:
    """Ask for e-mail, API token and job, check them, and store them.

    Examples:

      migstat auth login

      migstat auth login --profile acme --email you@example.com

      pass show jira | migstat auth login --email you@example.com --token-file -

    The token goes into the system's keyring, or into a file that only you can read if there is none. It is not shown
    while you type it.
    """
    if runtime.keychain is None:
        raise NoKeyring("cannot store a token here", WITHOUT)
    dialog = _Dialog(runtime, options)
    sources, person = dialog.sources, runtime.streams.in_is_terminal()
    sources.settings()  # report invalid values before anyone types a token in vain
    target = dialog.target()
    file = sources.get("token_file") if sources.flags["token_file"] else None
    if person and file is None:
        dialog.tell(HOW_TO_BEGIN)
    account = Account(sources.parsed("base_url"), dialog.email(asks=person, keeps=file is not None))
    if file is not None:
        token = token_of_file(*file, sources.stdin)
    elif person:
        prompt = f"API token of {harmless(account.email)} for {account.base_url} (not shown): "
        token = token_of(dialog.ask(prompt, secret=True), "the answer")
    else:
        raise UsageError("cannot ask for the token: standard input is not a terminal", PIPE_IT)
    for warning in token.warnings:
        runtime.streams.warn(warning)
    settings = replace(sources.settings(), email=account.email, token=token)
    targets: dict[str, str] = {}
    job: Job | None = None
    try:
        if target or not person:
            job = dialog.check(target, settings)
        else:
            targets = dialog.ask_job(settings)
    except ApiError as error:
        raise type(error)(f"{error.message}; nothing was stored", error.hint) from error
    # The token first: if the config file cannot be written after that, at least the token need not be typed again.
    place = runtime.keychain().keep(account, token.secret)
    dialog.tell(f"stored the token of {account.email} in {place}")
    words = dialog.remember(account, targets)
    dialog.note_precedence()
    if targets or job:
        dialog.tell(" ".join(("Next: migstat status", *words)))
    elif target:
        dialog.tell(f"Next: {dialog.correct_job}")
    return 0


@auth.command()
@shared_options(())
def status(runtime: Runtime, options: Options) -> int:
    """Show e-mail and token source and, given a job, whether the API accepts them.

    Examples:

      migstat auth status

      migstat auth status --profile acme
    """
    dialog = _Dialog(runtime, options)
    token: Token | MigstatError
    try:
        token = dialog.sources.token()
    except MigstatError as error:
        token = error
    rows = {row[0]: row for row in dialog.sources.rows(token if isinstance(token, Token) else None)}
    shown = ("config", "profile", "base_url", "email", "token", "job")
    print_rows(runtime.streams, [rows[key] for key in shown if key in rows])
    email = dialog.sources.email()
    if isinstance(token, MigstatError):
        raise token
    settings = replace(dialog.sources.settings(), email=email, token=token)
    for warning in token.warnings:
        runtime.streams.warn(warning)
    target = dialog.target() or dialog.only_target()
    if dialog.check(target, settings) is None and target:
        dialog.tell(f"Next: {dialog.correct_job}")
    return 0


@auth.command()
@shared_options(())
def logout(runtime: Runtime, options: Options) -> int:
    """Remove the stored API token.

    Examples:

      migstat auth logout

      migstat auth logout --profile acme
    """
    if runtime.keychain is None:
        raise NoKeyring("no tokens are stored here", WITHOUT)
    dialog = _Dialog(runtime, options)
    account = Account(dialog.sources.parsed("base_url"), dialog.sources.email(NAME_IT))
    places = runtime.keychain().forget(account)
    of = f"token of {account.email} for {account.base_url}"
    dialog.tell(f"removed the {of} from {' and '.join(places)}" if places else f"no stored {of}")
    dialog.note_precedence()
    return 0


class _Dialog(msgspec.Struct, frozen=True):
    """One conversation with the user about their settings."""

    runtime: Runtime
    options: Options

    @property
    def sources(self) -> Sources:
        """Where the user's settings come from."""
        return self.options.sources

    def tell(self, text: str) -> None:
        """Write a line to standard error."""
        self.runtime.streams.tell(harmless(text))

    def ask(self, prompt: str, *, secret: bool = False) -> str:
        """Return what the user types. Raises Interrupted, CredentialsError without an answer."""
        ask: Callable[[str], str] = self.runtime.streams.ask_secret if secret else self.runtime.streams.ask
        try:
            return ask(prompt)
        except KeyboardInterrupt:
            self.tell("")  # the cursor is still behind the prompt
            raise Interrupted("interrupted; nothing was stored") from None
        except EOFError:
            self.tell("")
            raise CredentialsError("no answer; nothing was stored", PIPE_IT) from None
        except UnicodeDecodeError:
            self.tell("")
            raise CredentialsError("the answer is not text; nothing was stored") from None

    def email(self, *, asks: bool, keeps: bool) -> str:
        """The account's e-mail, which a person is asked for if option and variable do not give it.

        The profile's may be another account's than the one that logs in now: Enter keeps it, as `keeps` does unasked.
        Raises UsageError for an invalid one, CredentialsError if there is none.
        """
        known = self.sources.get("email")
        of_profile = known == self.sources.profile.get("email")
        if not asks or (known is not None and (keeps or not of_profile)):
            return self.sources.email(NAME_IT)
        shown, kept = (f" [{harmless(known[0])}]", known[0]) if known else ("", "")
        answer = self.ask(f"E-mail of the Atlassian account{shown}: ").strip()
        email: str = SETTING["email"].parse(answer or kept, "the e-mail")
        return email

    def target(self) -> Target | None:
        """The job to ask about, if one is set. Raises UsageError for an invalid one."""
        environ, profile = self.runtime.environ, self.sources.profile
        known = environ.get("MIGSTAT_JOB") or profile.get("job")
        return target_from(None, None, environ, default_task=None, profile=profile) if known else None

    def only_target(self) -> Target | None:
        """The config file's target, if there is only one, and no other profile's. Raises UsageError."""
        profile = self.sources.profile
        match [*profile.config.targets.items()]:
            case [(name, target)] if target.get("profile", profile.name) == profile.name:
                return target_from(name, None, {}, default_task=None, profile=profile)
        return None

    def check(self, target: Target | None, settings: Settings) -> Job | None:
        """Report what the API says of the job; the job if it exists. Raises ApiError."""
        if target is None:
            self.tell(f"not verified: the API can verify credentials only against a job; set one: {SET_JOB}")
            return None
        try:
            with closing(Session(self.runtime, self.options, target, settings).api) as api:
                job = api.job(target.job_id)
        except NotFound:  # the API answers this only for credentials that it accepts
            self.tell(f"the API accepts the e-mail and token, but there is no job {target.job_id!r}")
            return None
        counts = [f"{len(keys)} {scope}" for scope in HIDDEN if (keys := job.included_keys(scope))]
        about = ", ".join([f'job "{job.name or target.job_id}"', *counts])
        self.tell(f"the API accepts the e-mail and token: {about}")
        return job

    @property
    def correct_job(self) -> str:
        """What helps if the job that is set does not exist."""
        profile = self.sources.profile
        of_profile = not self.runtime.environ.get("MIGSTAT_JOB") and profile.get("job") is not None
        command = set_command(("profiles", profile.name or "", "job"), "JOB") if of_profile else SET_JOB
        return f"copy the job id from the migration assistant, then: {command}"

    def ask_job(self, settings: Settings) -> dict[str, str]:
        """Ask for the job until the API knows it, and for its name; returns name and id, if any. Raises ApiError."""
        self.tell(WHERE_JOB)
        for _ in range(TRIES):
            text = self.ask("Job id or URL (Enter to skip): ").strip()
            if not text:
                break
            try:
                target = target_from(text, None, {}, default_task=None, profile=self.sources.profile)
            except UsageError as error:
                self.tell(error.message)
                continue
            if (job := self.check(target, settings)) is not None:
                return {self._ask_name(target.job_id, job): target.job_id}
        self.check(None, settings)
        return {}

    def _ask_name(self, job_id: str, job: Job) -> str:
        """Ask for the name of the job's target, and suggest one."""
        targets = self.sources.profile.config.targets
        known = next((name for name, target in targets.items() if target.get("job") == job_id), None)
        name = known or re.sub(r"[^a-z0-9]+", "-", (job.name or "").lower()).strip("-")[:40] or "migration"
        if known is None and name in targets:
            name = next(f"{name}-{number}" for number in range(2, 1 << 20) if f"{name}-{number}" not in targets)
        if name in frozenset(TaskWord):
            name = f"job-{name}"
        answer = self.ask(f"Name for this job [{name}]: ").strip()
        return answer if answer.isprintable() and answer and answer not in frozenset(TaskWord) else name

    def remember(self, account: Account, targets: Mapping[str, str]) -> list[str]:
        """Store in the config file what is not set permanently yet, and return the words that later commands need."""
        # What the next command in this shell will find: the same as this one, except its options.
        lasting, profile = replace(self.sources, flags={}), self.sources.profile
        config, name = profile.config, profile.name or FIRST_PROFILE
        changes: dict[KeyPath, str | None] = {}
        typed = self.sources.flags.get("email") is None  # at the prompt that showed the profile's; or it is unchanged
        if (
            profile.name is not None or name not in config.profiles
        ):  # else it belongs to someone who did not make it the default
            for key, value in (("email", account.email), ("base_url", account.base_url)):
                wanted = key == "email" or self.sources.flags.get(key)
                _, source = lasting.get(key) or ("", "default")
                replaced = source == "default" or (key == "email" and typed)
                if wanted and replaced and value != lasting.parsed(key):
                    changes["profiles", name, key] = value
            if changes and profile.name is None:
                changes[DEFAULT_PROFILE,] = name
        what = [f"profile {name}"] if changes else []
        for target, job_id in targets.items():
            what.append(f"target {target}")
            # A target without a profile takes the one in effect, which need not be the one of this token.
            of_profile = profile.name is not None or bool(changes)
            changes["targets", target, "job"] = job_id
            if of_profile:
                changes["targets", target, "profile"] = name
        if changes:
            config = change(config.file, changes)
            self.tell(f"stored {' and '.join(what)} in {display_path(config.file)}")
            effective = profile.name or (name if (DEFAULT_PROFILE,) in changes else None)
            lasting = replace(lasting, profile=replace(profile, config=config, name=effective))
        words, flag = [*targets], self.sources.flags["profile"]
        if flag and not targets:  # a stored target names its profile
            words = ["--profile", flag]
        return [*map(shlex.quote, words), *self._note_needed(lasting, account)]

    def _note_needed(self, lasting: Sources, account: Account) -> list[str]:
        """Name the options and variables without which a later command would not find the stored token.

        Returns the options.
        """
        needed = list[str]()
        for key, value in (("email", account.email), ("base_url", account.base_url)):
            if lasting.parsed(key) != value:
                stored, source = lasting.get(key) or ("", "default")
                why = "the config file does not set it" if source == "default" else f"{source} is {stored}"
                option = f"{SETTING[key].option} {shlex.quote(value)}"
                name = lasting.profile.name
                if name is not None and source != SETTING[key].variable:
                    why += f"; or for good: {set_command(('profiles', name, key), shlex.quote(value))}"
                self.tell(f"note: add {option} to use this token: {why}")
                needed.append(option)
            elif lasting.parsed(key) != replace(lasting, environ={}).parsed(key):
                self.tell(f"note: {SETTING[key].variable} is not stored; in other shells, set it to {value}")
        return needed

    def note_precedence(self) -> None:
        """Name the source that takes precedence over the stored token."""
        named = replace(self.sources, flags={}).named_token
        if named is not None:
            self.tell(f"note: {named[1]} takes precedence over the stored token")
