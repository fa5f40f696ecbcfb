"""The exceptions that specgeo raises on purpose.

Every one derives from `SpecgeoError`; those that report a bad argument are also
`ValueError`, so that code written against numpy habits catches them too. A message names
the argument and says what to do about it.
"""

from __future__ import annotations


class SpecgeoError(Exception):
    """Root of all errors raised by specgeo."""


class InvalidInputError(SpecgeoError, ValueError):
    """An argument has the wrong shape, type or value."""


class DomainError(InvalidInputError):
    """The domain is empty, unbounded, flat or of the wrong dimension."""


class UnsupportedError(SpecgeoError, ValueError):
    """A layer, file feature or dimension that specgeo does not support, named in the message."""


class ReadError(SpecgeoError, ValueError):
    """A file cannot be read: missing parts, corrupt contents, unknown format."""


class BudgetError(SpecgeoError):
    """A run was stopped because it would exceed the budget given by the caller."""


class MissingDependencyError(SpecgeoError, ImportError):
    """An optional package is needed; the message names the extra that installs it."""


def one_line(text: object, most: int = 600) -> str:
    """A message in one line of printable characters, whatever names a file puts into it."""
    line = " ".join(str(text).split())
    return "".join(c if c.isprintable() else "?" for c in (line if len(line) <= most else f"{line[: most - 3]}..."))
