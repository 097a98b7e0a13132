"""`migstat auth`: the API token in the keyring, and which one is in force."""

from __future__ import annotations

from collections.abc import Callable

import typer
from msgspec.structs import replace

from migstat.cli.context import Options, Runtime, opened, warn
from migstat.cli.help_page import MigstatTyper
from migstat.cli.options import asks_api
from migstat.cli.output import print_rows
from migstat.errors import ApiError, CredentialsError, Interrupted, MigstatError, NotFound, UsageError
from migstat.render.text import harmless
from migstat.settings.config import DEFAULT_PROFILE, with_value, write_config
from migstat.settings.credentials import Token, email_from, secret_of, token_of_file
from migstat.settings.keychain import WITHOUT, Account, Keychain, NoKeyring
from migstat.settings.resolve import DEFAULT_BASE_URL, Flags, Settings, Sources, job_and_task
from migstat.settings.target import Target, target_from

FIRST_PROFILE = "default"
"""What the first profile is called where nobody gave a name."""

PIPE_IT = "To pipe the token: ... | migstat auth login --token-file -"

auth = MigstatTyper()


@auth.callback(invoke_without_command=True)
def about(ctx: typer.Context) -> None:
    """Store the API token, check it or remove it.

    Examples:

      migstat auth login

      migstat auth status

    The token is the first of --token-file, MIGSTAT_TOKEN, MIGSTAT_TOKEN_FILE, the profile's token_file, the keyring.
    """
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@auth.command()
@asks_api((), new_profile=True)
def login(runtime: Runtime, options: Options) -> int:
    """Ask for the API token, check it, and keep it in the keyring.

    Examples:

      migstat auth login

      migstat auth login --profile acme --email you@example.com

      pass show atlassian | migstat auth login --email you@example.com --token-file -

    It is not shown while it is typed.

    Where MIGSTAT_JOB or the profile names a job, the API is asked whether it accepts the token.
    """
    sources = _sources(runtime, options)
    sources.check()  # what makes no sense is told before anybody types a token in vain
    target = _target(runtime, options)
    flagged = sources.flagged_token
    keychain = _keychain(runtime)
    name = keychain.name()
    account = Account(sources.base_url, _email(runtime, sources))
    token = _typed_token(runtime, account) if flagged is None else token_of_file(flagged, runtime.streams.stdin)
    warn(runtime, token.warnings)
    try:
        verdict = _checked(runtime, options, target, sources.settings(account.email, token))
    except ApiError as error:
        told = type(error)(f"{error.message}; nothing was kept", error.hint)
        raise told from error
    keychain.keep(account, token.secret.reveal())
    runtime.streams.tell(harmless(verdict))
    runtime.streams.tell(harmless(f"the token of {account.email} is kept in the keyring ({name})"))
    _tell_what_is_needed(runtime, _remembered(runtime, sources, account), account)
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
    token = _token_or_error(sources)
    in_force = {origin.key: origin for origin in sources.origins(token if isinstance(token, Token) else None)}
    shown = [(key, in_force[key].value, in_force[key].source) for key in _SHOWN if key in in_force]
    print_rows(runtime.streams, shown)
    email = email_from(sources.get("email"))
    if isinstance(token, MigstatError):
        raise token
    settings = sources.settings(email, token)
    warn(runtime, settings.warnings)
    runtime.streams.tell(harmless(_checked(runtime, options, _target(runtime, options), settings)))
    return 0


_SHOWN = ("config", "profile", "base_url", "email", "token", "job")


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
        chosen = _typed(runtime, runtime.streams.ask, "E-mail of the Atlassian account: "), "the e-mail"
    return email_from(chosen)


def _token_or_error(sources: Sources) -> Token | MigstatError:
    try:
        return sources.token()
    except MigstatError as error:
        return error


def _typed_token(runtime: Runtime, account: Account) -> Token:
    if not runtime.streams.in_is_terminal():
        raise UsageError("standard input is no terminal to type the token on", PIPE_IT)
    prompt = f"API token of {harmless(account.email)} for {account.base_url} (not shown): "
    return Token(secret_of(_typed(runtime, runtime.streams.ask_secret, prompt), "what was typed"), "typed")


def _typed(runtime: Runtime, ask: Callable[[str], str], prompt: str) -> str:
    try:
        return ask(prompt)
    except KeyboardInterrupt:
        runtime.streams.tell("")  # the cursor stands behind the prompt
        raise Interrupted("interrupted; nothing was kept") from None
    except EOFError:
        runtime.streams.tell("")
        raise CredentialsError("nothing was typed; nothing was kept", PIPE_IT) from None
    except UnicodeDecodeError:
        raise CredentialsError("what was typed is no text; nothing was kept") from None


def _target(runtime: Runtime, options: Options) -> Target | None:
    """The job to ask about, where one is known. Raises UsageError for what names none."""
    words = job_and_task(runtime.environ)
    known = words[0] is not None or options.profile.get("job") is not None
    return target_from(None, None, words, None, options.profile) if known else None


def _checked(runtime: Runtime, options: Options, target: Target | None, settings: Settings) -> str:
    """What the API says of e-mail and token. Raises ApiError where it refuses them or does not answer."""
    if target is None:
        return "not checked: the API can be asked about a job only, and none is set"
    try:
        with opened(runtime, options, target, settings) as session:
            session.api.job(target.job_id)
    except NotFound:
        return f"the API refused neither e-mail nor token, but knows no job {target.job_id}"
    return "the API accepts e-mail and token"


def _remembered(runtime: Runtime, sources: Sources, account: Account) -> Sources:
    """Write e-mail and API into the profile where neither it nor the environment has them; what is in force then."""
    lasting = replace(sources, flags=Flags())
    profile = sources.profile
    config, name = profile.config, profile.name or FIRST_PROFILE
    if profile.name is None and name in config.profiles:  # somebody's, who did not want it to be the default
        return lasting
    wanted = {"email": account.email}
    if sources.flags.base_url is not None and account.base_url != DEFAULT_BASE_URL:
        wanted["base_url"] = account.base_url
    missing = {key: value for key, value in wanted.items() if lasting.get(key) is None}
    for key, value in missing.items():
        config = with_value(config, ("profiles", name, key), value)
    if missing and profile.name is None:
        config = with_value(config, (DEFAULT_PROFILE,), name)
    if missing:
        write_config(config)
        held = " and ".join(key.replace("email", "e-mail") for key in missing)
        runtime.streams.tell(harmless(f"profile {name} in {config.file} holds the {held} now"))
    return replace(lasting, profile=replace(profile, config=config, name=name if missing else profile.name))


def _tell_what_is_needed(runtime: Runtime, lasting: Sources, account: Account) -> None:
    """Tell which options the next command needs to find this token."""
    for key, option, value in (("email", "--email", account.email), ("base_url", "--base-url", account.base_url)):
        chosen = lasting.get(key)
        if (chosen[0].strip().rstrip("/") if chosen else DEFAULT_BASE_URL) == value:
            continue
        why = f"{chosen[1]} says {chosen[0]}" if chosen else "nothing else says so"
        runtime.streams.tell(harmless(f"note: to use this token give {option} {value} each time: {why}"))


def _tell_of_others(runtime: Runtime, sources: Sources) -> None:
    """Tell what goes before the keyring."""
    named = replace(sources, flags=Flags()).named_token
    if named is not None:
        runtime.streams.tell(harmless(f"note: {named} is set and goes before the keyring"))
