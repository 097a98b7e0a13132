"""Talks with a person about an account: asks for it, checks it against a job, and stores what later commands need."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from contextlib import closing

import msgspec
from msgspec.structs import replace

from migstat.cli.context import Options, Runtime, Session
from migstat.errors import CredentialsError, Interrupted, NotFound, Refused, UsageError
from migstat.model.nodes import HIDDEN, Job
from migstat.render.text import harmless
from migstat.settings.config import DEFAULT_PROFILE, KeyPath, change, display_path, set_command
from migstat.settings.credentials import Token, token_of, token_of_file
from migstat.settings.keychain import WITHOUT, Account, Keychain
from migstat.settings.keys import SETTING
from migstat.settings.resolve import Settings, Sources
from migstat.settings.target import Target, TaskWord, target_from

FIRST_PROFILE = "default"
"""Name of the first profile if the user gave none."""

NAME_IT = "Add --email ADDR, or set MIGSTAT_EMAIL."
PIPE_IT = "To pipe the token: ... | migstat auth login --token-file -"
WHERE_JOB = "Copy the job id from the migration assistant, or an API URL with /jobs/ID in it."
SET_JOB = "export MIGSTAT_JOB=JOB"
HOW_TO_BEGIN = "Create an API token at https://id.atlassian.com/manage-profile/security/api-tokens"
TRIES = 3
"""Attempts to type the job id, and to type e-mail and token."""


class Login(msgspec.Struct, frozen=True):
    """An account and its token, and the place where that is stored already."""

    account: Account
    token: Token
    place: str | None = None


class AccountDialog(msgspec.Struct, frozen=True):
    """One conversation: what is asked, and what is said on standard error."""

    runtime: Runtime
    options: Options

    @property
    def sources(self) -> Sources:
        """Where the user's settings come from."""
        return self.options.sources

    @property
    def keychain(self) -> Keychain:
        """The stored tokens. Raises CredentialsError where none are stored."""
        if self.runtime.keychain is None:
            raise CredentialsError("no tokens are stored here", WITHOUT)
        return self.runtime.keychain()

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

    def log_in(self, before: Account | None = None) -> Login:
        """The account, and the token of `--token-file` or as a person types it; Enter keeps one that is stored.

        A person who tries again can keep the e-mail typed `before`. Raises UsageError, CredentialsError.
        """
        sources, person, place = self.sources, self.runtime.streams.in_is_terminal(), None
        file = sources.get("token_file") if sources.flags["token_file"] else None
        if person and file is None and before is None:
            self.tell(HOW_TO_BEGIN)
        email = self.email(asks=person, keeps=file is not None, before=before)
        account = Account(sources.parsed("base_url"), email)
        if file is not None:
            token = token_of_file(*file, sources.stdin)
        elif person:
            prompt = f"API token of {harmless(email)} for {account.base_url} (not shown): "
            answer = self.ask(prompt, secret=True)
            stored = None if answer.strip() else self.keychain.recall(account)
            answer, place = stored or (answer, None)
            token = token_of(answer, "the answer")
        else:
            raise UsageError("cannot ask for the token: standard input is not a terminal", PIPE_IT)
        for warning in token.warnings:
            self.runtime.streams.warn(warning)
        return Login(account, token, place)

    def email(self, *, asks: bool, keeps: bool, before: Account | None) -> str:
        """The account's e-mail, which a person is asked for if option and variable do not give it.

        The profile's may be another account's than the one that logs in now: Enter keeps it, as `keeps` does unasked,
        or the one typed `before`. Raises UsageError for an invalid one, CredentialsError if there is none.
        """
        known = self.sources.get("email")
        of_profile = known == self.sources.profile.get("email")
        if not asks or (known is not None and (keeps or not of_profile)):
            return self.sources.email(NAME_IT)
        kept = before.email if before else _in_effect(self.sources, "email") or ""
        shown = f" [{harmless(kept)}]" if kept else ""
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
            session = Session(self.runtime, self.options, target, settings)
            with closing(session.api):
                job = session.job
        except NotFound:  # the API answers this only for credentials that it accepts
            self.tell(f"the API accepts the e-mail and token, but there is no job {target.job_id!r}")
            return None
        counts = [f"{len(keys)} {scope}" for scope in HIDDEN if (keys := job.included_keys(scope))]
        about = ", ".join([f'job "{job.name or target.job_id}"', *counts])
        self.tell(f"the API accepts the e-mail and token: {about}")
        return job

    def tell_how_to_correct_the_job(self) -> None:
        """Say what helps if the job that is set does not exist."""
        profile = self.sources.profile
        of_profile = not self.runtime.environ.get("MIGSTAT_JOB") and profile.get("job") is not None
        command = set_command(("profiles", profile.name or "", "job"), "JOB") if of_profile else SET_JOB
        self.tell(f"Next: copy the job id from the migration assistant, then: {command}")

    def check_login(self, login: Login, target: Target | None) -> tuple[Login, Job | None]:
        """Check a login as `check` does; a person whom the API refuses can try again. Raises ApiError."""
        for left in reversed(range(TRIES)):
            settings = replace(self.sources.settings(), email=login.account.email, token=login.token)
            try:
                return login, self.check(target, settings)
            except Refused as error:
                if not left or self.sources.flags["token_file"] or not self.runtime.streams.in_is_terminal():
                    raise
                for text in (error.message, error.hint):
                    self.tell(text)
                login = self.log_in(login.account)
        raise AssertionError("the last try returns or raises")

    def ask_job(self, login: Login) -> tuple[Login, dict[str, str]]:
        """Ask for the job until the API knows it, and for its name: the login, and name and id. Raises ApiError."""
        self.tell(WHERE_JOB)
        accepted = False
        for _ in range(TRIES):
            text = self.ask("Job id or URL (Enter to skip): ").strip()
            if not text:
                break
            try:
                target = target_from(text, None, {}, default_task=None, profile=self.sources.profile)
            except UsageError as error:
                self.tell(error.message)
                continue
            login, job = self.check_login(login, target)
            if job is not None:
                return login, {self._ask_name(target.job_id, job): target.job_id}
            accepted = True
        if not accepted:
            self.check_login(login, None)
        return login, {}

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
        """Store in the config file what is not set permanently yet, and return the words that later commands need.

        `targets` are the ids of new targets by name.
        """
        flags, profile = self.sources.flags, self.sources.profile
        config, name = profile.config, profile.name or FIRST_PROFILE
        # What the next command in this shell will find: the same as this one, except its options.
        lasting = replace(self.sources, flags={})
        changes: dict[KeyPath, str | None] = {}
        # A profile of that name that is not in effect belongs to someone who did not make it the default.
        if profile.name is not None or name not in config.profiles:
            # Without a flag it was typed at the prompt that showed the profile's, or it is unchanged.
            replaces = flags.get("email") is None or lasting.get("email") is None
            if replaces and _in_effect(lasting, "email") != account.email:
                changes["profiles", name, "email"] = account.email
            unset = lasting.get("base_url") == (SETTING["base_url"].default, "default")
            if flags.get("base_url") and unset and lasting.parsed("base_url") != account.base_url:
                changes["profiles", name, "base_url"] = account.base_url
            if changes and profile.name is None:
                changes[DEFAULT_PROFILE,] = name
        stored = [f"profile {name}"] if changes else []
        # A target without a profile takes the one in effect, which need not be the one of this token.
        of_profile = profile.name is not None or bool(changes)
        for target, job_id in targets.items():
            stored.append(f"target {target}")
            changes["targets", target, "job"] = job_id
            if of_profile:
                changes["targets", target, "profile"] = name
        if changes:
            config = change(config.file, changes)
            self.tell(f"stored {' and '.join(stored)} in {display_path(config.file)}")
            effective = profile.name or (name if (DEFAULT_PROFILE,) in changes else None)
            lasting = replace(lasting, profile=replace(profile, config=config, name=effective))
        words, flag = [*targets], flags["profile"]
        if flag and not targets:  # a stored target names its profile
            words = ["--profile", flag]
        return [*map(shlex.quote, words), *self._options_needed(lasting, account)]

    def _options_needed(self, lasting: Sources, account: Account) -> list[str]:
        """The options without which later commands would not find the stored token.

        Says why they are needed, and which variables other shells need.
        """
        needed = list[str]()
        for key, value in (("email", account.email), ("base_url", account.base_url)):
            found, (text, source) = _in_effect(lasting, key), lasting.get(key) or ("", "default")
            setting = SETTING[key]
            if found != value:
                why = f"{source} is {text if found is not None else 'invalid'}"
                if source == "default":
                    why = "the config file does not set it"
                option = f"{setting.option} {shlex.quote(value)}"
                name = lasting.profile.name
                if name is not None and source != setting.variable:
                    why += f"; or for good: {set_command(('profiles', name, key), shlex.quote(value))}"
                self.tell(f"note: add {option} to use this token: {why}")
                needed.append(option)
            elif value != _in_effect(replace(lasting, environ={}), key):
                self.tell(f"note: {setting.variable} is not stored; in other shells, set it to {value}")
        return needed

    def note_precedence(self) -> None:
        """Name the source that takes precedence over the stored token."""
        if source := replace(self.sources, flags={}).named_source:
            self.tell(f"note: {source} takes precedence over the stored token")


def _in_effect(sources: Sources, key: str) -> str | None:
    """The value that a command would use; None if there is none, or an invalid one, which may hold a token."""
    try:
        value: str | None = sources.parsed(key)
    except UsageError:
        return None
    return value
