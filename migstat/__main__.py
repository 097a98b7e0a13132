"""The program's entry: `migstat` and `python -m migstat`."""

# `signal` imports `enum`, which takes long enough for a signal to arrive before the handlers are in place.
import _signal as signal  # type: ignore[import-not-found]
import gc
import os
import sys

from migstat import __version__

GC_THRESHOLD = 50_000
"""Allocations between two garbage collections: nearly everything that a run makes lives as long as the run."""


def run() -> None:
    """Run the command line of this process and end it with the exit code."""
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    ending = [getattr(signal, name) for name in names if hasattr(signal, name)]  # Windows has no SIGHUP
    ending = [number for number in ending if signal.getsignal(number) is not signal.SIG_IGN]  # as under nohup
    for number in ending:
        signal.signal(number, _end)
    gc.set_threshold(GC_THRESHOLD)
    if sys.argv[1:2] == ["__complete"]:
        _complete(sys.argv[2:])
        return
    if sys.argv[1:] == ["--version"] and _print_version():
        return
    try:
        from functools import partial

        from migstat.cli import app
        from migstat.cli.context import Runtime
        from migstat.cli.streams import Streams
        from migstat.files.places import user_folder
        from migstat.settings.keychain import Keychain
        from migstat.settings.resolve import process_environ

        environ = process_environ()
        # An old Windows console prints escape sequences, and so does a dumb terminal: both get the same plain output.
        escapes = environ.get("TERM") != "dumb"
        if escapes and sys.platform == "win32":
            from migstat.cli.console import obeys_escapes

            escapes = obeys_escapes(sys.stdout, sys.stderr)
        if not escapes:
            environ = {**environ, "TERM": "dumb"}
        streams = Streams(sys.stdout, sys.stderr, escapes=escapes)
        keychain = partial(Keychain.of_user, environ, streams.notice)
        cache = partial(user_folder, environ, "cache")
        code = app.run(sys.argv[1:], Runtime(environ, streams, keychain=keychain, cache=cache))
        streams.flush()
    except KeyboardInterrupt as interrupt:  # after the command, or a second one
        code = 128 + (interrupt.args[0] if interrupt.args else signal.SIGINT)
    for number in ending:  # the code is known, and a traceback from interpreter shutdown is of no use
        signal.signal(number, signal.SIG_IGN)
    gc.freeze()  # the process is ending: collecting what is left is not worth the time
    sys.exit(code)


def _end(number: int, _frame: object) -> None:
    """End the process at once, with the signal's code and no traceback; used while modules still load."""
    os._exit(128 + number)


def _complete(words: list[str]) -> None:
    """Print the candidates for the word that is being typed; the scripts of the shells ask for them."""
    try:
        from migstat.completion.answer import answer

        os.write(1, answer(words[0], words[1:], os.environ))
    except (OSError, IndexError, KeyboardInterrupt):
        return


def _print_version() -> bool:
    """Print the version without loading the command line; False if the command line must report an error."""
    try:
        os.write(1, f"migstat {__version__}\n".encode())
    except OSError:
        return False
    return True


if __name__ == "__main__":
    run()
