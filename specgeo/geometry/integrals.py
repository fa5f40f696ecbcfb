"""Integrals of powers of a piecewise-linear function over the domain of its complex, by an exact formula.

An affine function with values v_0, ..., v_d at the vertices of a simplex S has

    int_S f^p = |S| h_p(v_0, ..., v_d) / C(d + p, p),

h_p the complete homogeneous symmetric polynomial: f^p in barycentric coordinates, integrated monomial by monomial.
"""

from __future__ import annotations

import math

import numpy as np

from specgeo._cast import FloatArray
from specgeo.errors import DomainError
from specgeo.geometry.complex import PolyhedralComplex

_CHUNK = 1 << 16  # values of corners at a time


def integrate(cx: PolyhedralComplex, power: int) -> FloatArray:
    """Integral of f^power of each output, (m,)."""
    simplices, owner = cx.triangulation(cx.dim)
    measures, m = cx.simplex_measures(cx.dim), cx.offsets.shape[1]
    step = max(1, _CHUNK // (m * (cx.dim + 1)))
    parts: list[list[float]] = [[] for _ in range(m)]
    for start in range(0, len(simplices), step):
        part = slice(start, start + step)
        corners, cells = cx.vertices[simplices[part]], owner[part]
        values = np.einsum("smd,sid->ism", cx.gradients[cells], corners) + cx.offsets[cells]
        with np.errstate(over="ignore", invalid="ignore"):
            means = _homogeneous(values, power) / math.comb(cx.dim + power, power)
            terms = measures[part, None] * means
        for output in range(m):
            parts[output].append(math.fsum(terms[:, output]) if np.all(np.isfinite(terms[:, output])) else math.inf)
    result = np.array([math.fsum(terms) if math.inf not in terms else math.inf for terms in parts])
    if not np.all(np.isfinite(result)):
        raise DomainError("power: the integral is beyond the range of floats; scale the network or take a lower power")
    return result


def _homogeneous(values: FloatArray, power: int) -> FloatArray:
    """h_power of the values along the first axis: h_p(v_0..v_j) = h_p(v_0..v_{j-1}) + v_j h_{p-1}(v_0..v_j)."""
    table: list[FloatArray] = [np.ones_like(values[0])] + [np.zeros_like(values[0]) for _ in range(power)]
    for value in values:
        for p in range(1, power + 1):
            table[p] = table[p] + value * table[p - 1]
    return table[power]
