"""Bits of words and bounds on rounding errors: what every kernel needs."""

from __future__ import annotations

import numpy as np

from specgeo._jit import hot

ONE = np.uint64(1)
U = 1.1102230246251565e-16
TINY = 5e-324
SAFE = 1.0 + 1e-8  # covers the rounding of the bounds themselves


@hot
def popcount(x):  # type: ignore[no-untyped-def]
    """Number of set bits of a uint64."""
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@hot
def lowest_unit(x):  # type: ignore[no-untyped-def]
    """Position of the lowest set bit."""
    return popcount((x & (~x + ONE)) - ONE)


@hot
def at_least(x, y):  # type: ignore[no-untyped-def]
    """The larger of two bounds; NaN if either is: the built-in max may lose a NaN, and the doubt it stands for."""
    return x if y <= x or x != x else y


@hot
def gamma(n):  # type: ignore[no-untyped-def]
    """Bound on the relative error of a sum of products that pass through n roundings."""
    return n * U * SAFE


@hot
def index(i):  # type: ignore[no-untyped-def]
    """The id or offset i, which fits 31 bits: as it cannot be negative, numba spares the test whether it is."""
    return np.int64(i) & np.int64(0x7FFFFFFF)
