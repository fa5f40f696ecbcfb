"""Array-likes to exact dtype, contiguity and shape, or an error that names both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from specgeo.errors import InvalidInputError

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]
IntArray = npt.NDArray[np.int64]
RNGLike = int | Sequence[int] | np.random.SeedSequence | np.random.BitGenerator | np.random.Generator | None
T = TypeVar("T")
_NO_LIMIT = 2**63 - 1  # what kernels count to


def as_floats(
    value: npt.ArrayLike, name: str, shape: Sequence[int | None] | None = None, *, finite: bool = True
) -> FloatArray:
    """C-contiguous float64 array of the wanted shape (``None`` = any length along that axis).

    Other types are widened; numbers that float64 would round are refused.
    """
    if value is None or np.ma.is_masked(value):
        raise InvalidInputError(f"{name}: {'None' if value is None else 'masked values'} given; pass real floats")
    try:
        given = np.asarray(value)
        if given.dtype.kind not in "biufO":
            raise TypeError(f"dtype {given.dtype}")
        with np.errstate(over="ignore"):
            array: FloatArray = np.ascontiguousarray(given, dtype=np.float64).reshape(given.shape)
    except Exception as error:  # objects of others convert themselves, and raise what they like
        raise InvalidInputError(f"{name}: not an array of real numbers ({error}); pass real floats") from error
    if not _same_numbers(given, array):
        raise InvalidInputError(f"{name}: float64 does not hold these {given.dtype} numbers exactly; round them first")
    if shape is not None:
        wanted = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ("," if len(shape) == 1 else "") + ")"
        if array.ndim != len(shape) or any(n is not None and n != m for n, m in zip(shape, array.shape, strict=True)):
            raise InvalidInputError(f"{name}: shape {array.shape} given, {wanted} wanted")
    if finite and not np.all(np.isfinite(array)):
        raise InvalidInputError(f"{name}: contains NaN or infinite values; remove them first")
    return array


def _same_numbers(given: npt.NDArray[Any], array: FloatArray) -> bool:
    """Whether the conversion to float64 kept every number."""
    kind, size = given.dtype.kind, given.dtype.itemsize
    if kind != "O" and (size < 8 or (kind == "f" and size == 8)):
        return True
    if kind in "iu":
        if np.all(np.abs(array) < 2.0**53):
            return True
        given = given.astype(object)  # numpy would compare the integers as floats
    return bool(np.all((array.astype(object) == given) | np.isnan(array)))


def as_points(value: npt.ArrayLike, name: str, dim: int) -> FloatArray:
    """Points as float64 array of shape ``(..., dim)``; in dimension 1 too the last axis is there, ``(..., 1)``."""
    array = as_floats(value, name)
    if array.ndim == 0 or array.shape[-1] != dim:
        raise InvalidInputError(f"{name}: shape {array.shape} given, (..., {dim}) wanted (last axis = dimension)")
    return array


def as_complexes(value: npt.ArrayLike, name: str) -> ComplexArray:
    """Finite numbers as complex128 array."""
    try:
        given = np.asarray(value)
    except ValueError:  # ragged
        given = np.empty(0, dtype=object)
    if given.dtype.kind not in "biufc" or not np.all(np.isfinite(given)):
        raise InvalidInputError(f"{name}: pass an array of finite real or complex numbers")
    return given.astype(np.complex128)


def as_whole(value: object, name: str) -> int:
    """An integer, 0 or more."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 0:
        raise InvalidInputError(f"{name}: {value!r} given; pass an integer, 0 or more")
    return int(value)


def as_instance(value: object, name: str, kind: type[T]) -> T:
    """An object of a class of the package's public face."""
    if not isinstance(value, kind):
        raise InvalidInputError(f"{name}: {type(value).__name__} given; pass a specgeo.{kind.__name__}")
    return value


def as_rng(value: RNGLike, name: str = "rng") -> np.random.Generator:
    """The generator that ``numpy.random.default_rng`` makes (SPEC 7)."""
    try:
        return np.random.default_rng(value)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{name}: {value!r} given; pass an integer, 0 or more, a Generator or None") from error


def as_indices(value: Any, name: str, stop: int, width: int | None = None) -> IntArray:
    """Integers from 0 to ``stop - 1`` along one axis, or in rows of ``width``."""
    shape = () if width is None else (width,)
    try:
        array = np.asarray(value)
    except ValueError:  # ragged
        array = np.empty((0, 0))
    if array.ndim == len(shape) + 1 and array.size == 0:
        return np.empty((0, *shape), dtype=np.int64)
    fits = array.ndim == len(shape) + 1 and array.shape[1:] == shape and array.dtype.kind in "iu"
    if not fits or np.any((array < 0) | (array >= stop)):
        rows = "" if width is None else f" in rows of {width}"
        raise InvalidInputError(f"{name}: {value!r} given; pass a list of integers from 0 to {stop - 1}{rows}")
    return np.ascontiguousarray(array, dtype=np.int64)


def as_budget(value: object, name: str) -> int | None:
    """A positive integer, or None for no limit."""
    if value is None:
        return None
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise InvalidInputError(f"{name}: {value!r} given; pass a positive integer or None")
    return min(int(value), _NO_LIMIT)
