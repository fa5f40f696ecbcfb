"""Array-likes to exact dtype, contiguity and shape, or an error that names both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from specgeo.errors import InvalidInputError

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]
IntArray = npt.NDArray[np.int64]


def as_floats(
    value: npt.ArrayLike, name: str, shape: Sequence[int | None] | None = None, *, finite: bool = True
) -> FloatArray:
    """C-contiguous float64 array of the wanted shape (``None`` = any length along that axis)."""
    try:
        array = np.ascontiguousarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"{name}: not an array of real numbers ({error}); pass real floats") from error
    if np.ndim(value) == 0:
        array = array.reshape(())
    if np.iscomplexobj(value):
        raise InvalidInputError(f"{name}: complex numbers are not accepted; pass real floats")
    if shape is not None:
        wanted = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ("," if len(shape) == 1 else "") + ")"
        if array.ndim != len(shape) or any(n is not None and n != m for n, m in zip(shape, array.shape, strict=True)):
            raise InvalidInputError(f"{name}: shape {array.shape} given, {wanted} wanted")
    if finite and not np.all(np.isfinite(array)):
        raise InvalidInputError(f"{name}: contains NaN or infinite values; remove them first")
    return array


def as_points(value: npt.ArrayLike, name: str, dim: int) -> FloatArray:
    """Points as float64 array of shape ``(..., dim)``; in dimension 1 too the last axis is there, ``(..., 1)``."""
    array = as_floats(value, name)
    if array.ndim == 0 or array.shape[-1] != dim:
        raise InvalidInputError(f"{name}: shape {array.shape} given, (..., {dim}) wanted (last axis = dimension)")
    return array


def as_budget(value: object, name: str) -> int | None:
    """A positive integer, or None for no limit."""
    if value is None:
        return None
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < 1:
        raise InvalidInputError(f"{name}: {value!r} given; pass a positive integer or None")
    return int(value)
