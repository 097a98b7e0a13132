"""`migstat auth`: store the API token, show which one is in effect, remove it."""

from __future__ import annotations

from msgspec.structs import replace

from migstat.cli.account import NAME_IT, AccountDialog
from migstat.cli.context import Options, Runtime
from migstat.cli.help_page import MigstatTyper
from migstat.cli.options import shared_options
from migstat.cli.output import print_rows
from migstat.errors import ApiError, MigstatError
from migstat.model.nodes import Job
from migstat.settings.credentials import Token
from migstat.settings.keychain import Account

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
    while you type it. To log in again, Enter keeps the e-mail and the token that are stored.
    """
    dialog = AccountDialog(runtime, options)
    keychain, person = dialog.keychain, runtime.streams.in_is_terminal()
    dialog.sources.settings()  # report invalid values before anyone types a token in vain
    target = dialog.target()
    login = dialog.log_in()
    targets: dict[str, str] = {}
    job: Job | None = None
    try:
        if target or not person:
            login, job = dialog.check_login(login, target)
        else:
            login, targets = dialog.ask_job(login)
    except ApiError as error:
        raise type(error)(f"{error.message}; nothing was stored", error.hint) from error
    # The token first: if the config file cannot be written after that, at least the token need not be typed again.
    if login.place is None:
        place = keychain.keep(login.account, login.token.secret)
        dialog.tell(f"stored the token of {login.account.email} in {place}")
    else:
        dialog.tell(f"kept the token of {login.account.email} in {login.place}")
    words = dialog.remember(login.account, targets)
    dialog.note_precedence()
    if targets or job:
        dialog.tell(" ".join(("Next: migstat status", *words)))
    elif target or person:
        dialog.tell_how_to_correct_the_job()
    return 0


@auth.command()
@shared_options(())
def status(runtime: Runtime, options: Options) -> int:
    """Show e-mail and token source and, given a job, whether the API accepts them.

    Examples:

      migstat auth status

      migstat auth status --profile acme
    """
    dialog = AccountDialog(runtime, options)
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
        dialog.tell_how_to_correct_the_job()
    return 0


@auth.command()
@shared_options(())
def logout(runtime: Runtime, options: Options) -> int:
    """Remove the stored API token.

    Examples:

      migstat auth logout

      migstat auth logout --profile acme
    """
    dialog = AccountDialog(runtime, options)
    account = Account(dialog.sources.parsed("base_url"), dialog.sources.email(NAME_IT))
    places = dialog.keychain.forget(account)
    of = f"token of {account.email} for {account.base_url}"
    dialog.tell(f"removed the {of} from {' and '.join(places)}" if places else f"no stored {of}")
    dialog.note_precedence()
    return 0
