r"""Plane waves by powers of their phase, cut where their tail is small.

With Bessel functions J_m and Chebyshev polynomials T_m, e^{it} = J_0(R) + 2 sum_m i^m J_m(R) T_m(t / R) (Jacobi and
Anger). Cut at p, by powers of it:

    |e^{it} - sum_{m <= p} a_m (it)^m|  <=  eps = 2 sum_{m > p} |J_m(R)|  <=  2 sum_{m > p} (R/2)^m / m!      |t| <= R,

0 < a_m <= 1/m! (the coefficients of T_m alternate in sign, and so do the powers of i).
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

import numpy as np

from specgeo._cast import FloatArray


def tail(radius: float, degree: int) -> float:
    """Bound on 2 sum_{m > degree} |J_m(R)|, by |J_m(R)| <= (R/2)^m / m!."""
    return 2.0000001 * sum((radius / 2) ** m / math.factorial(m) for m in range(degree + 1, degree + 60))


@cache
def least_degree(radius: float, truncation: float) -> int:
    """The least p of such a bound."""
    return next(p for p in range(1, 100) if tail(radius, p) <= truncation)


@cache
def series(radius: float, degree: int) -> FloatArray:
    """The coefficients a_m, m <= degree, rounded once: J_m by its power series and T_m in rational numbers."""
    half, zero = Fraction(radius) / 2, Fraction(0)
    bessel: list[Fraction] = []
    for m in range(degree + 1):
        terms = (Fraction((-half * half) ** s) / math.factorial(s) / math.factorial(s + m) for s in range(40))
        bessel.append(Fraction(half**m) * sum(terms, zero))
    before, chebyshev = [Fraction(1)], [zero, Fraction(1)]  # absolute values of the coefficients of T_m
    total = [bessel[0]] + [zero] * degree
    for m in range(1, degree + 1):
        for i, x in enumerate(chebyshev):
            total[i] += 2 * bessel[m] * x
        following = [zero, *(2 * x for x in chebyshev)]
        before, chebyshev = chebyshev, [x + y for x, y in zip(following, [*before, zero, zero], strict=True)]
    return np.array([float(x / Fraction(radius) ** i) for i, x in enumerate(total)])
