"""`migstat auth`: the API token in the keyring, and which one is in force."""

from __future__ import annotations

from collections.abc import Callable

import typer

from migstat.cli.context import Options, Runtime, Session, warn
from migstat.cli.options import asks_api
from migstat.cli.present import print_rows
from migstat.config import DEFAULT_PROFILE, with_value, write_config
from migstat.credentials import Token, TokenFile, email_from, secret_of, token_of_file
from migstat.errors import ApiError, CredentialsError, NotFound, UsageError
from migstat.keychain import WITHOUT, Account, Keychain, NoKeyring
from migstat.render.text import harmless
from migstat.settings import Settings, Sources, job_and_task
from migstat.target import target_from

FIRST_PROFILE = "default"
"""What the first profile is called where nobody gave a name."""

auth = typer.Typer()


@auth.callback(invoke_without_command=True)
def about(ctx: typer.Context) -> None:
    """Log in: keep the API token in the system's keyring, see which one is in force, remove it.

    Examples:

      migstat auth login

      migstat auth status

    The token is taken from the first of --token-file, MIGSTAT_TOKEN, MIGSTAT_TOKEN_FILE, token_file, keyring.
    """
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@auth.command()
@asks_api(())
def login(runtime: Runtime, options: Options) -> int:
    """Ask for the API token, check it, and keep it in the keyring.

    Examples:

      migstat auth login

      migstat auth login --profile acme --email you@example.com

      pass show atlassian | migstat auth login --email you@example.com --token-file -

    It is not shown while it is typed.

    Where MIGSTAT_JOB or the profile names a job, the API is asked whether it accepts the token.
    """
    keychain = _keychain(runtime)
    name = keychain.name()  # before anybody types a token in vain
    sources = _sources(runtime, options)
    sources.check()  # what makes no sense is told first
    account = Account(sources.base_url, _email(runtime, sources))
    token = _token(runtime, sources, account)
    warn(runtime, token.warnings)
    settings = sources.settings(account.email, token)
    try:
        verdict = _checked(runtime, options, settings)
    except ApiError as error:
        told = type(error)(f"{error.message}; nothing was kept", error.hint)
        raise told from error
    keychain.keep(account, token.secret.reveal())
    _remember(runtime, sources, account)
    streams = runtime.streams
    streams.tell(harmless(f"{verdict}; the token of {account.email} is kept in {name}"))
    _tell_of_others(runtime, sources)
    return 0


@auth.command()
@asks_api(())
def status(runtime: Runtime, options: Options) -> int:
    """Where e-mail and token come from, and whether the API accepts them where a job is known.

    Examples:

      migstat auth status

      migstat auth status --profile acme
    """
    sources = _sources(runtime, options)
    in_force = {origin.key: origin for origin in sources.origins()}
    shown = [(key, in_force[key].value, in_force[key].source) for key in _SHOWN if key in in_force]
    print_rows(runtime.streams, shown)
    settings = sources.settings(email_from(sources.get("email")), sources.token())
    warn(runtime, settings.warnings)
    runtime.streams.tell(harmless(_checked(runtime, options, settings)))
    return 0


_SHOWN = ("profile", "base_url", "email", "token", "job")


@auth.command()
@asks_api(())
def logout(runtime: Runtime, options: Options) -> int:
    """Remove the API token from the keyring.

    Examples:

      migstat auth logout

      migstat auth logout --profile acme
    """
    sources = _sources(runtime, options)
    account = sources.account()
    there = _keychain(runtime).forget(account)
    told = "was removed from the keyring" if there else "is not in the keyring"
    runtime.streams.tell(harmless(f"the token of {account.email} for {account.base_url} {told}"))
    _tell_of_others(runtime, sources)
    return 0


def _keychain(runtime: Runtime) -> Keychain:
    if runtime.keychain is None:
        raise NoKeyring("there is no keyring here", WITHOUT)
    return runtime.keychain


def _sources(runtime: Runtime, options: Options) -> Sources:
    return Sources(options.flags, runtime.environ, options.profile, runtime.streams.stdin, runtime.keychain)


def _email(runtime: Runtime, sources: Sources) -> str:
    """The e-mail that is set, or that is typed."""
    chosen = sources.get("email")
    if chosen is None and runtime.streams.in_is_terminal():
        chosen = _typed(runtime.streams.ask, "E-mail of the Atlassian account: "), "the e-mail"
    return email_from(chosen)


def _token(runtime: Runtime, sources: Sources, account: Account) -> Token:
    """The token out of `--token-file`, or typed."""
    if sources.flags.token_file is not None:
        return token_of_file(TokenFile(sources.flags.token_file, "--token-file"), runtime.streams.stdin)
    if not runtime.streams.in_is_terminal():
        raise UsageError(
            "standard input is no terminal to type the token on", "Pipe it: ... | migstat auth login --token-file -"
        )
    prompt = f"API token of {harmless(account.email)} for {account.base_url} (not shown): "
    return Token(secret_of(_typed(runtime.streams.ask_secret, prompt), "what was typed"), "typed")


def _typed(ask: Callable[[str], str], prompt: str) -> str:
    try:
        return ask(prompt)
    except EOFError:
        raise CredentialsError("nothing was typed; nothing was kept", WITHOUT) from None


def _checked(runtime: Runtime, options: Options, settings: Settings) -> str:
    """What the API says of e-mail and token. Raises ApiError where it refuses them or does not answer."""
    try:
        target = target_from(None, None, job_and_task(runtime.environ), None, options.profile)
    except UsageError:
        return "not checked, since no job is known"
    session = Session(runtime, options, target, settings, None)
    try:
        session.api.job(target.job_id)
    except NotFound:
        return f"the API refused neither e-mail nor token, but knows no job {target.job_id}"
    finally:
        session.api.close()
    return "the API accepts e-mail and token"


def _remember(runtime: Runtime, sources: Sources, account: Account) -> None:
    """Write e-mail and API into the profile where they stand neither there nor in the environment."""
    profile, environ = sources.profile, runtime.environ
    name = profile.name or FIRST_PROFILE
    wanted = [] if environ.get("MIGSTAT_EMAIL") or profile.get("email") else [("email", account.email)]
    if sources.flags.base_url is not None and not profile.get("base_url"):
        wanted.append(("base_url", account.base_url))
    config = profile.config
    changed = config
    for key, value in wanted:
        changed = with_value(changed, ("profiles", name, key), value)
    if wanted and profile.name is None:
        changed = with_value(changed, (DEFAULT_PROFILE,), name)
    if changed is not config:
        write_config(changed)
        runtime.streams.tell(harmless(f"profile {name} in {config.file} holds the e-mail"))


def _tell_of_others(runtime: Runtime, sources: Sources) -> None:
    """Tell which token goes before the keyring's."""
    try:
        before = Sources(sources.flags, sources.environ, sources.profile, lambda: "-").token()
    except CredentialsError:
        return
    if sources.flags.token_file is None:
        runtime.streams.tell(harmless(f"note: {before.source} is set and goes before the keyring"))
