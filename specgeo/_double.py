"""Arithmetic of binary64 beyond its own digits: its constants, error-free transformations, and double-doubles.

The transformations give a sum or product and its rounding error, exactly as long as nothing over- or underflows
(Knuth; Dekker, with Veltkamp's splitting). A double-double is a pair (hi, lo) with about 32 digits, here of arrays.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from specgeo._cast import FloatArray

UNIT_ROUNDOFF = 2.0**-53
SUBNORMAL = 2.0**-1074  # the smallest positive number
_SPLIT = 134217729.0  # 2^27 + 1

Double = tuple[FloatArray, FloatArray]
_F = TypeVar("_F", float, FloatArray)


def two_sum(a: _F, b: _F) -> tuple[_F, _F]:
    """a + b and its rounding error."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def product_error(a: _F, b: _F, product: _F) -> _F:
    """a b - product, for the rounded product."""
    ta, tb = _SPLIT * a, _SPLIT * b
    a1, b1 = ta - (ta - a), tb - (tb - b)
    a2, b2 = a - a1, b - b1
    return ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2


def two_product(a: FloatArray, b: FloatArray) -> Double:
    """a b and its rounding error."""
    p = a * b
    return p, product_error(a, b, p)


def add(x: Double, y: Double) -> Double:
    """x + y."""
    s, e = two_sum(x[0], y[0])
    t, f = two_sum(x[1], y[1])
    s, e = two_sum(s, e + t)
    return two_sum(s, e + f)


def negate(x: Double) -> Double:
    """-x."""
    return -x[0], -x[1]


def multiply(x: Double, y: Double) -> Double:
    """x y."""
    p, e = two_product(x[0], y[0])
    return two_sum(p, e + (x[0] * y[1] + x[1] * y[0]))


def divide(x: Double, y: Double) -> Double:
    """x / y."""
    q = x[0] / y[0]
    r = add(x, negate(multiply(y, (q, np.zeros_like(q)))))
    return two_sum(q, r[0] / y[0])


def square_root(x: Double) -> Double:
    """The root of x >= 0."""
    r = np.sqrt(x[0])
    rest = add(x, negate(two_product(r, r)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return two_sum(r, np.where(r > 0.0, rest[0] / (2.0 * r), 0.0))


def dot(x: Double, y: Double) -> Double:
    """Sum of products over the last axis."""
    terms = multiply(x, y)
    total = (np.zeros(terms[0].shape[:-1]), np.zeros(terms[0].shape[:-1]))
    for a in range(terms[0].shape[-1]):
        total = add(total, (terms[0][..., a], terms[1][..., a]))
    return total
