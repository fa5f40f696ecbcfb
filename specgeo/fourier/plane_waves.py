r"""Plane waves by powers of their phase, cut where their tail is small.

With Bessel functions J_m and Chebyshev polynomials T_m, e^{it} = J_0(R) + 2 sum_m i^m J_m(R) T_m(t / R) (Jacobi and
Anger). Cut at p, by powers of it:

    |e^{it} - sum_{m <= p} a_m (it)^m|  <=  eps = 2 sum_{m > p} |J_m(R)|  <=  2 sum_{m > p} (R/2)^m / m!      |t| <= R,

0 < a_m <= 1/m! (the coefficients of T_m alternate in sign, and so do the powers of i).
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from specgeo._cast import FloatArray

BITS = 200  # behind the point: sums lose some 40 at most


def tail(radius: float, degree: int) -> float:
    """Bound on 2 sum_{m > degree} |J_m(R)|, by |J_m(R)| <= (R/2)^m / m!."""
    return 2.0000001 * sum((radius / 2) ** m / math.factorial(m) for m in range(degree + 1, degree + 60))


@cache
def least_degree(radius: float, truncation: float) -> int:
    """The least p of such a bound."""
    return next(p for p in range(1, 100) if tail(radius, p) <= truncation)


@cache
def series(radius: float, degree: int) -> FloatArray:
    """The coefficients a_m, m <= degree: J_m by its power series and T_m in integers, of which one is 2^-`BITS`."""
    top, bottom = radius.as_integer_ratio()
    bottom *= 2  # R / 2
    bessel = []
    for m in range(degree + 1):
        term, s = (top**m << BITS) // (bottom**m * math.factorial(m)), 0
        bessel.append(0)
        while term:
            bessel[m] += -term if s % 2 else term
            s += 1
            term = term * top * top // (bottom * bottom * s * (s + m))
    before, chebyshev = [1], [0, 1]  # absolute values of the coefficients of T_m
    total = [bessel[0]] + [0] * degree
    for m in range(1, degree + 1):
        for i, x in enumerate(chebyshev):
            total[i] += 2 * bessel[m] * x
        following = [0, *(2 * x for x in chebyshev)]
        before, chebyshev = chebyshev, [x + y for x, y in zip(following, [*before, 0, 0], strict=True)]
    return np.array([x * bottom**i / ((2 * top) ** i << BITS) for i, x in enumerate(total)])
