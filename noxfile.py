#!/usr/bin/env -S python
# /// script
# dependencies = ["nox>=2025.2.9"]
# ///
"""Tasks: ``nox -s tests``, ``nox -s lint``, ``nox -s docs``; each makes its own environment."""

from __future__ import annotations

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"


@nox.session
def lint(session: nox.Session) -> None:
    """Style and types."""
    session.install("-e", ".[test,lint]")
    session.run("ruff", "check", ".")
    session.run("mypy")


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """All tests, doctests included."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """The documentation, warnings being errors."""
    session.install("-e", ".[docs,viz]")
    session.run("python", "-m", "sphinx", "-W", "--keep-going", "docs", "docs/_build/html", *session.posargs)


if __name__ == "__main__":
    nox.main()
