"""Bits of words and bounds on rounding errors: what every kernel needs."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from specgeo._double import SUBNORMAL, UNIT_ROUNDOFF
from specgeo._jit import hot

Integer: TypeAlias = int | np.int64
Word: TypeAlias = np.uint64  # bits of 64 units
Ids: TypeAlias = npt.NDArray[np.int32]
Words: TypeAlias = npt.NDArray[np.uint64]
Flags: TypeAlias = npt.NDArray[np.bool_]

ONE = np.uint64(1)
U = UNIT_ROUNDOFF
TINY = SUBNORMAL
SAFE = 1.0 + 1e-8  # covers the rounding of the bounds themselves


@hot
def popcount(x: Word) -> np.int64:
    """Number of set bits of a uint64."""
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@hot
def lowest_unit(x: Word) -> np.int64:
    """Position of the lowest set bit."""
    return popcount((x & (~x + ONE)) - ONE)


@hot
def trailing_zeros(x: Integer) -> np.int64:
    """Number of zero bits below the lowest set bit of an integer that is not zero."""
    return popcount(np.uint64((x & -x) - np.int64(1)))


@hot
def at_least(x: float, y: float) -> float:
    """The larger of two bounds; NaN if either is: the built-in max may lose a NaN, and the doubt it stands for."""
    return x if y <= x or x != x else y


@hot
def gamma(n: float | np.int64) -> float:
    """Bound on the relative error of a sum of products that pass through n roundings."""
    return float(n * U * SAFE)


@hot
def index(i: Integer) -> np.int64:
    """The id or offset i, which fits 31 bits: as it cannot be negative, numba spares the test whether it is."""
    return np.int64(i) & np.int64(0x7FFFFFFF)
