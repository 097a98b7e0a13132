"""The program's entry: `migstat` and `python -m migstat`."""

import sys


def run() -> None:
    """Run the command line of this process and end it with the exit code."""
    try:
        from migstat.cli.app import main_of_process

        code = main_of_process()
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    run()
