"""`migstat auth`: store the API token, show which one is in force, remove it."""

from __future__ import annotations

import re
from collections.abc import Callable

import typer
from msgspec.structs import replace

from migstat.cli.context import Options, Runtime, opened, warn
from migstat.cli.help_page import MigstatTyper
from migstat.cli.options import asks_api
from migstat.cli.output import print_rows
from migstat.errors import ApiError, CredentialsError, Interrupted, MigstatError, NotFound, UsageError
from migstat.model.nodes import HIDDEN, Job
from migstat.render.text import harmless
from migstat.settings.config import DEFAULT_PROFILE, Path, change, shown_file
from migstat.settings.credentials import Token, TokenFile, email_from, secret_of, token_of_file
from migstat.settings.keychain import WITHOUT, Account, NoKeyring
from migstat.settings.keys import SETTING
from migstat.settings.resolve import NO_TOKEN, Settings, Sources, job_and_task
from migstat.settings.target import Target, target_from

FIRST_PROFILE = "default"
"""Name of the first profile if the user gave none."""

PIPE_IT = "To pipe the token: ... | migstat auth login --token-file -"
HOW_TO_BEGIN = "Create an API token at https://id.atlassian.com/manage-profile/security/api-tokens"
WHERE_JOB = "Copy the job id from the migration assistant, or an API URL with /jobs/ID in it."
TRIES = 3
"""Times that a person may type the job id."""

auth = MigstatTyper()


@auth.callback(invoke_without_command=True)
def about(ctx: typer.Context) -> None:
    """Store the API token, check it or remove it.

    Examples:

      migstat auth login

      migstat auth status

    The first of these is used: --token-file, MIGSTAT_TOKEN, MIGSTAT_TOKEN_FILE, the profile's token_file, the stored
    token.
    """
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@auth.command()
@asks_api((), new_profile=True)
def login(runtime: Runtime, options: Options) -> int:
    """Ask for e-mail, API token and job, check them, and store them.

    Examples:

      migstat auth login

      migstat auth login --profile acme --email you@example.com

      pass show atlassian | migstat auth login --email you@example.com --token-file -

    The token goes into the system's keyring, or into a file that only you can read if there is none. It is not shown
    while you type it.
    """
    if runtime.keychain is None:
        raise NoKeyring("cannot store a token here", WITHOUT)
    sources = _sources(runtime, options)
    sources.settings("", NO_TOKEN)  # report what is invalid before anybody types a token in vain
    target = _target(runtime, options)
    streams, person = runtime.streams, runtime.streams.in_is_terminal()
    file = sources.get("token_file") if options.flags.get("token_file") else None
    if person and file is None:
        streams.tell(HOW_TO_BEGIN)
    given = sources.get("email")
    if given is None and person:
        given = _typed(runtime, streams.ask, "E-mail of the Atlassian account: "), "the e-mail"
    account = Account(sources.parsed("base_url"), email_from(given))
    if file is not None:
        token = token_of_file(TokenFile(*file), streams.token_input)
    elif person:
        prompt = f"API token of {harmless(account.email)} for {account.base_url} (not shown): "
        token = Token(secret_of(_typed(runtime, streams.ask_secret, prompt), "the answer"), "typed")
    else:
        raise UsageError("cannot ask for the token: standard input is not a terminal", PIPE_IT)
    warn(runtime, token.warnings)
    settings = sources.settings(account.email, token)
    find = _asked_job if person and target is None else _job
    try:
        job_id, job = find(runtime, options, target, settings)
    except ApiError as error:
        raise type(error)(f"{error.message}; nothing was stored", error.hint) from error
    name = _target_name(runtime, options, job_id, job) if person and job and not target else None
    place = runtime.keychain.keep(account, token.secret.reveal())
    streams.tell(harmless(f"stored the token of {account.email} in {place}"))
    lasting = _remember(runtime, options, sources, account, {name: job_id} if name and job_id else {})
    for key, value in (("email", account.email), ("base_url", account.base_url)):
        if lasting.parsed(key) != value:
            why = lasting.get(key) or ("nothing", "the config file")
            streams.tell(harmless(f"note: add {SETTING[key].option} {value} to use this token: {why[1]} says {why[0]}"))
    _note_precedence(runtime, sources)
    if name or target:
        streams.tell(harmless(f"Next: migstat status{f' {name}' if name else ''}"))
    return 0


@auth.command()
@asks_api(())
def status(runtime: Runtime, options: Options) -> int:
    """Show e-mail and token source, and whether the API accepts them if a job is set.

    Examples:

      migstat auth status

      migstat auth status --profile acme
    """
    sources = _sources(runtime, options)
    token: Token | None = None
    error: MigstatError | None = None
    try:
        token = sources.token()
    except MigstatError as raised:
        error = raised
    in_force = {origin.key: origin for origin in sources.origins(token)}
    shown = ("config", "profile", "base_url", "email", "token", "job")
    print_rows(runtime.streams, [(key, in_force[key].value, in_force[key].source) for key in shown if key in in_force])
    email = email_from(sources.get("email"))
    if token is None:
        raise error or CredentialsError("no API token given")
    settings = sources.settings(email, token)
    warn(runtime, settings.warnings)
    _job(runtime, options, _target(runtime, options), settings)
    return 0


@auth.command()
@asks_api(())
def logout(runtime: Runtime, options: Options) -> int:
    """Remove the stored API token.

    Examples:

      migstat auth logout

      migstat auth logout --profile acme
    """
    if runtime.keychain is None:
        raise NoKeyring("no tokens are stored here", WITHOUT)
    sources = _sources(runtime, options)
    account = sources.account()
    places = runtime.keychain.forget(account)
    of = f"token of {account.email} for {account.base_url}"
    runtime.streams.tell(harmless(f"removed the {of} from {' and '.join(places)}" if places else f"no stored {of}"))
    _note_precedence(runtime, sources)
    return 0


def _sources(runtime: Runtime, options: Options) -> Sources:
    return Sources(options.flags, runtime.environ, options.profile, runtime.streams.token_input, runtime.keychain)


def _typed(runtime: Runtime, ask: Callable[[str], str], prompt: str) -> str:
    try:
        return ask(prompt)
    except KeyboardInterrupt:
        runtime.streams.tell("")  # the cursor is still behind the prompt
        raise Interrupted("interrupted; nothing was stored") from None
    except EOFError:
        runtime.streams.tell("")
        raise CredentialsError("no answer; nothing was stored", PIPE_IT) from None
    except UnicodeDecodeError:
        raise CredentialsError("the answer is not text; nothing was stored") from None


def _target(runtime: Runtime, options: Options) -> Target | None:
    """The job to ask about, if one is set. Raises UsageError for an invalid one."""
    words = job_and_task(runtime.environ)
    known = words[0] is not None or options.profile.get("job") is not None
    return target_from(None, None, words, None, options.profile) if known else None


def _job(runtime: Runtime, options: Options, target: Target | None, settings: Settings) -> tuple[str, Job | None]:
    """Report what the API says of the job; its id, and the job if it exists. Raises ApiError."""
    if target is None:
        runtime.streams.tell("not checked: set a job to check e-mail and token")
        return "", None
    try:
        with opened(runtime, options, target, settings) as session:
            job = session.api.job(target.job_id)
    except NotFound:
        runtime.streams.tell(harmless(f"the API accepts e-mail and token, but has no job {target.job_id}"))
        return target.job_id, None
    counts = [f"{len(keys)} {scope}" for scope in HIDDEN if (keys := job.included_keys(scope))]
    about = ", ".join([f'job "{job.name or target.job_id}"', *counts])
    runtime.streams.tell(harmless(f"the API accepts e-mail and token: {about}"))
    return target.job_id, job


def _asked_job(runtime: Runtime, options: Options, target: Target | None, settings: Settings) -> tuple[str, Job | None]:
    """Let a person type the job until the API knows it; without an answer there is none. Raises ApiError."""
    runtime.streams.tell(WHERE_JOB)
    for _ in range(TRIES):
        text = _typed(runtime, runtime.streams.ask, "Job id or URL (Enter to skip): ")
        if not text.strip():
            break
        try:
            target = target_from(text.strip(), None, (None, None), None, options.profile)
        except UsageError as error:
            runtime.streams.tell(harmless(error.message))
            continue
        job_id, job = _job(runtime, options, target, settings)
        if job is not None:
            return job_id, job
    return _job(runtime, options, None, settings)


def _target_name(runtime: Runtime, options: Options, job_id: str, job: Job) -> str:
    """The name under which a person wants to find the job again."""
    targets = options.profile.config.targets
    known = next((name for name, each in targets.items() if each.get("job") == job_id), None)
    name = known or re.sub(r"[^a-z0-9]+", "-", (job.name or "").lower()).strip("-")[:40] or "migration"
    if known is None and name in targets:
        name = next(f"{name}-{number}" for number in range(2, 1 << 20) if f"{name}-{number}" not in targets)
    answer = _typed(runtime, runtime.streams.ask, f"Name for this job [{name}]: ").strip()
    return answer if answer.isprintable() and answer else name


def _remember(
    runtime: Runtime, options: Options, sources: Sources, account: Account, targets: dict[str, str]
) -> Sources:
    """Write into the config file what is not set lastingly yet; the sources without flags thereafter."""
    lasting, profile = replace(sources, flags={}), sources.profile
    config, name = profile.config, profile.name or FIRST_PROFILE
    changes: dict[Path, str | None] = {}
    if profile.name is not None or name not in config.profiles:  # else someone's, who did not make it the default
        for key, value in (("email", account.email), ("base_url", account.base_url)):
            current = lasting.get(key)
            if current is None and (key == "email" or options.flags.get(key)) and value != SETTING[key].default:
                changes["profiles", name, key] = value
        if changes and profile.name is None:
            changes[DEFAULT_PROFILE,] = name
    for target, job_id in targets.items():
        changes["targets", target, "job"] = job_id
        if profile.name is not None or changes.get((DEFAULT_PROFILE,)):
            changes["targets", target, "profile"] = name
    if not changes:
        return lasting
    config = change(config.file, changes)
    what = [f"profile {name}"] * any(path[0] == "profiles" for path in changes) + [f"target {each}" for each in targets]
    runtime.streams.tell(harmless(f"stored {' and '.join(what)} in {shown_file(config.file)}"))
    in_force = profile.name or (name if changes.get((DEFAULT_PROFILE,)) else None)
    return replace(lasting, profile=replace(profile, config=config, name=in_force))


def _note_precedence(runtime: Runtime, sources: Sources) -> None:
    """Name the source that takes precedence over the stored token."""
    named = replace(sources, flags={}).named_token
    if named is not None:
        source = named.source if isinstance(named, TokenFile) else named
        runtime.streams.tell(harmless(f"note: {source} takes precedence over the stored token"))
