"""Signed big integers for kernels: balanced digits in base 2^28, in slices of flat int64 arrays.

A number is sum_i x[i] 2^(28 i). In *normal form* |x[i]| <= 2^27, so that the sign of the number is
the sign of its highest non-zero digit. Products of two normal digits stay below 2^54: up to 256
of them may be added to a digit before `carry` must restore the normal form, so inner loops have no
carries.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from specgeo._cast import IntArray
from specgeo._jit import hot, leaf
from specgeo.enumeration._scalars import Integer, trailing_zeros

BITS = 28
_HALF = np.int64(1 << 27)
_MASK = np.int64((1 << 28) - 1)
_SHIFT = np.int64(28)
MAX_PRODUCTS = 256


class Digits(NamedTuple):
    """A number: n digits of x from ``start`` on."""

    x: IntArray
    start: Integer
    n: Integer


@hot
def carry(x: IntArray, start: Integer, n: Integer) -> None:
    """Restore the normal form of the n digits from x[start]; the last digit must not overflow."""
    c = np.int64(0)
    for i in range(start, start + n - 1):
        v = x[i] + c
        low = ((v + _HALF) & _MASK) - _HALF
        c = (v - low) >> _SHIFT
        x[i] = low
    x[start + n - 1] += c


@hot
def length(x: IntArray, start: Integer, n: Integer) -> Integer:
    """Number of digits up to the highest non-zero one."""
    while n > 0 and x[start + n - 1] == 0:
        n -= 1
    return n


@leaf
def sign(x: IntArray, start: Integer, n: Integer) -> int:
    """-1, 0 or 1 of a number in normal form."""
    n = length(x, start, n)
    if n == 0:
        return 0
    return 1 if x[start + n - 1] > 0 else -1


@leaf
def add_product(out: Digits, a: Digits, b: Digits, factor: Integer) -> None:
    """out += factor a b for a factor of 1 or -1; ``out`` is left in normal form."""
    for i in range(a.n):
        digit = factor * a.x[a.start + i]
        if digit != 0:
            for j in range(b.n):
                out.x[out.start + i + j] += digit * b.x[b.start + j]
        if i % MAX_PRODUCTS == MAX_PRODUCTS - 1:
            carry(out.x, out.start, out.n)
    carry(out.x, out.start, out.n)


@leaf
def float_digits(bits: Integer, unit: Integer, out: IntArray) -> tuple[Integer, int]:
    """Digits of the float with this bit pattern in units of 2^unit: (first digit's position, sign).

    Writes three normal digits to ``out``; 2^unit must divide the float. Sign 0 means zero.
    """
    exponent = (bits >> np.int64(52)) & np.int64(2047)
    mantissa = bits & np.int64((1 << 52) - 1)
    if exponent == 0:
        exponent = np.int64(1)
    else:
        mantissa |= np.int64(1 << 52)
    if mantissa == 0:
        return 0, 0
    zeros = trailing_zeros(mantissa)
    mantissa >>= zeros
    shift = exponent - np.int64(1075) - unit + zeros
    position = shift // BITS
    r = np.int64(shift - position * BITS)
    low = (mantissa & _MASK) << r
    high = (mantissa >> _SHIFT) << r
    out[0] = low & _MASK
    out[1] = (low >> _SHIFT) + (high & _MASK)
    out[2] = high >> _SHIFT
    carry(out, np.int64(0), np.int64(3))
    return position, (-1 if bits < 0 else 1)


@leaf
def to_float(x: IntArray, start: Integer, n: Integer) -> tuple[float, Integer]:
    """(m, e) with number = m 2^e up to a relative error of 2^-52, rounded twice; (0, 0) for zero."""
    n = length(x, start, n)
    m = 0.0
    low = n - 4 if n > 4 else 0
    for i in range(n - 1, low - 1, -1):
        m = m * 268435456.0 + x[start + i]
    return m, low * BITS
