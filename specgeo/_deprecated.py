"""Old names serve for one release, and warn at the line that uses them: "old is now new; old goes in 0.3"."""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from specgeo.errors import InvalidInputError

P = ParamSpec("P")
R = TypeVar("R")
_END = "0.3"


def warn(old: str, new: str, stacklevel: int = 1) -> None:
    """Warn the caller's caller; ``stacklevel`` adds the calls between (of the standard library, for instance)."""
    warnings.warn(f"{old} is now {new}; {old} goes in {_END}", DeprecationWarning, stacklevel=stacklevel + 2)


def renamed(old: str, function: Callable[P, R]) -> Callable[P, R]:
    """A function or method under its old name: ``verify_certificate = renamed("verify_certificate", reprove)``."""

    @functools.wraps(function)
    def alias(*args: P.args, **kwargs: P.kwargs) -> R:
        warn(old, function.__name__)
        return function(*args, **kwargs)

    alias.__name__ = old
    alias.__doc__ = f"Old name of `{function.__name__}`; it goes in {_END}."
    return alias


def renamed_argument(old: str, new: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorator of a function one of whose arguments had another name; type checkers know the new name alone."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            if old in kwargs:
                if new in kwargs:
                    raise InvalidInputError(f"{old}, {new}: one argument under two names; pass {new} alone")
                warn(f"{old}=", f"{new}=")
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return call

    return decorate


def moved(package: str, homes: Mapping[str, str], otherwise: Callable[[str], Any]) -> Callable[[str], Any]:
    """``__getattr__`` of a package whose names have moved: ``{"certify_path": "specgeo.paths.certify_path"}``.

    Other names go to ``otherwise``, the ``__getattr__`` that the package has without them.
    """

    def load(name: str) -> Any:
        if name not in homes:
            return otherwise(name)
        home, _, last = homes[name].rpartition(".")
        warn(f"{package}.{name}", homes[name])
        return getattr(importlib.import_module(home), last)

    return load
