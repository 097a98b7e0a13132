"""The tasks of development: `nox -s NAME`, in the environment that the README sets up; `nox -l` lists them."""

from __future__ import annotations

import sys

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "test"]

PYTHON = sys.executable


def _python(session: nox.Session, *words: str, **environ: str) -> None:
    session.run(PYTHON, *words, env=environ)


@nox.session
def test(session: nox.Session) -> None:
    """Run the quick tests; arguments after -- go to pytest."""
    _python(session, "-m", "pytest", "-q", *session.posargs)


@nox.session(name="test-all")
def test_all(session: nox.Session) -> None:
    """Run every test, slow ones included, with many Hypothesis examples."""
    _python(session, "-m", "pytest", "-q", "-m", "", *session.posargs, CI="true")


@nox.session
def coverage(session: nox.Session) -> None:
    """Run every test and fail when too few branches are covered; after -- comes what pytest runs in place of all."""
    options = ("-q", "-p", "no:cacheprovider", *(session.posargs or ("-m", "")))
    _python(session, "-m", "coverage", "run", "-m", "pytest", *options, CI="true")
    _python(session, "-m", "coverage", "combine", "-q")
    _python(session, "-m", "coverage", "report")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    _python(session, "-m", "ruff", "check", ".")
    _python(session, "-m", "ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types for this platform, and those of the package for the others."""
    _python(session, "-m", "mypy")
    _python(session, "-m", "mypy", "noxfile.py")
    for platform in sorted({"linux", "win32", "darwin"} - {sys.platform}):
        _python(session, "-m", "mypy", "--platform", platform, "migstat")


@nox.session
def pictures(session: nox.Session) -> None:
    """Draw the pictures in docs/ again."""
    _python(session, "docs/pictures.py", TZ="UTC")


@nox.session
def completions(session: nox.Session) -> None:
    """Write again what completion knows of the command line."""
    _python(session, "-m", "migstat.cli.grammar")


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Measure speed, memory, steps to the screen and how good estimates are; needs `pip install httpie`."""
    for name in ("steps", "speed", "memory", "estimates"):
        _python(session, f"tests/benchmarks/{name}.py")
