"""Public functions check at the door that their arguments are what the signature says: `checked`."""

from __future__ import annotations

import builtins
import importlib
import inspect
import math
import types
import typing
from collections.abc import Callable, Sequence
from functools import cache, wraps
from itertools import chain
from numbers import Integral, Real
from typing import Any, Literal, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from specgeo.errors import InvalidInputError

_P = ParamSpec("_P")
_R = TypeVar("_R")
_SHORT = (str, int, float, types.NoneType)
_WORDS = {None: "None", types.NoneType: "None", bool: "True or False", int: "a whole number", float: "a finite number"}


def checked(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorator: an argument that its annotation does not allow raises `InvalidInputError`, which says what would do.

    Checked are classes, numbers, flags, words of a ``Literal``, functions, and sequences of them. Arrays are not: a
    function converts them itself, by the shapes it wants.
    """
    names = list(inspect.signature(function).parameters)

    @cache  # on the first call: types are imported by then, or can be
    def hints() -> dict[str, Any]:
        return {name: hint for name, hint in _hints(function).items() if not _fits(object(), hint)}

    @wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        wanted = hints()
        for name, value in chain(zip(names, args, strict=False), kwargs.items()):
            if name in wanted:
                check(value, name, wanted[name])
        return function(*args, **kwargs)

    return call


def check(value: object, name: str, hint: Any) -> None:
    """Raise `InvalidInputError` unless a value is of a type; a class of ours may say what to pass ``instead`` of it."""
    if not _fits(value, hint):
        ours = getattr(hint, "__module__", "").startswith("specgeo")
        kind = type(value).__name__
        given = f"a{'n' * (kind[0] in 'aeiou')} {kind}" if ours or not isinstance(value, _SHORT) else repr(value)
        instead = getattr(type(value), "instead", "") if type(value).__module__.startswith("specgeo") else ""
        raise InvalidInputError(f"{name}: {given[:200]} given; pass {_words(hint)}{instead and f': {instead}'}")


class _Public(dict[str, Any]):
    """Names that a module imports for type checkers alone: public ones, or else anything."""

    def __missing__(self, name: str) -> Any:
        return getattr(importlib.import_module("specgeo"), name, Any)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function, evaluated."""
    known = _Public({**vars(builtins), **getattr(inspect.unwrap(function), "__globals__", {})})
    found = {}
    for name, hint in function.__annotations__.items():
        while isinstance(hint, str):
            hint = eval(hint, {}, known)
        found[name] = hint
    return found


def _fits(value: object, hint: Any) -> bool:
    """Whether a value is of a type, as far as this can be told without looking at arrays."""
    kind, parts = typing.get_origin(hint) or hint, typing.get_args(hint)
    if kind in (typing.Union, types.UnionType):
        return any(_fits(value, part) for part in parts)
    if kind is Literal:
        return isinstance(value, str) and value in parts
    if kind is bool:
        return isinstance(value, (bool, np.bool_))
    if kind in (int, float) and isinstance(value, bool):
        return False
    if kind is int:
        return isinstance(value, Integral)
    if kind is float:
        return isinstance(value, Real) and math.isfinite(value)
    if kind in (Sequence, tuple) and parts:
        if not isinstance(value, (Sequence, np.ndarray)) or isinstance(value, str) or getattr(value, "ndim", 1) != 1:
            return False
        many = kind is Sequence or parts[-1] is Ellipsis
        return (many or len(value) == len(parts)) and all(
            _fits(item, parts[0 if many else at]) for at, item in enumerate(value)
        )
    if kind is Callable:
        return callable(value)
    ours = getattr(kind, "__module__", "").startswith("specgeo")
    if kind in (Any, np.ndarray) or not isinstance(kind, type) or (getattr(kind, "_is_protocol", False) and not ours):
        return True
    return isinstance(value, kind)


def _words(hint: Any) -> str:
    """What to pass, in words."""
    kind, parts = typing.get_origin(hint) or hint, typing.get_args(hint)
    if hint == npt.ArrayLike:
        return "an array"
    if kind in (typing.Union, types.UnionType):
        return " or ".join(_words(part) for part in parts)
    if kind is Literal:
        return " or ".join(map(repr, parts))
    if kind is tuple and parts and parts[-1] is not Ellipsis:
        return f"({', '.join(map(_words, parts))})"
    if kind in (Sequence, tuple) and parts:
        return f"a sequence ({', '.join(_words(part) for part in parts if part is not Ellipsis)} each)"
    if kind is Callable:
        return "a function"
    return _WORDS.get(kind) or f"a {kind.__name__}"
