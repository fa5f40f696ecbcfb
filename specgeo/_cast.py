"""Array-likes to exact dtype, contiguity and shape, or an error that names both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo.errors import InvalidInputError

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]
IntArray = npt.NDArray[np.int64]


def as_floats(
    value: npt.ArrayLike, name: str, shape: Sequence[int | None] | None = None, *, finite: bool = True
) -> FloatArray:
    """C-contiguous float64 array of the wanted shape (``None`` = any length along that axis).

    Other types are widened; numbers that float64 would round are refused.
    """
    try:
        given = np.asarray(value)
        if given.dtype.kind not in "biufO":
            raise TypeError(f"dtype {given.dtype}")
        with np.errstate(over="ignore"):
            array: FloatArray = np.ascontiguousarray(given, dtype=np.float64).reshape(given.shape)
    except (TypeError, ValueError, OverflowError) as error:
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


def as_indices(value: Any, name: str, stop: int) -> IntArray:
    """Integers from 0 to ``stop - 1`` along one axis."""
    try:
        array = np.asarray(value)
    except ValueError:  # ragged
        array = np.empty((0, 0))
    if array.ndim == 1 and array.size == 0:
        return np.empty(0, dtype=np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu" or np.any((array < 0) | (array >= stop)):
        raise InvalidInputError(f"{name}: {value!r} given; pass a list of integers from 0 to {stop - 1}")
    return array.astype(np.int64)


def as_budget(value: object, name: str) -> int | None:
    """A positive integer, or None for no limit."""
    if value is None:
        return None
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise InvalidInputError(f"{name}: {value!r} given; pass a positive integer or None")
    return int(value)
