"""Measures of simplices in double-double arithmetic, right for slivers too.

A sliver of height h loses 1/h in a plain determinant. Here edge vectors, products and sums carry
about 32 digits, so a j-simplex of height 1e-9 keeps a relative error of a few 1e-16. Arrays of
simplices are treated at once; a double-double array is a pair (hi, lo).
"""

from __future__ import annotations

import math

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo.errors import InvalidInputError

Double = tuple[FloatArray, FloatArray]
_SPLIT = 134217729.0  # 2**27 + 1


def two_sum(a: FloatArray, b: FloatArray) -> Double:
    """a + b, exact as a double-double."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _two_product(a: FloatArray, b: FloatArray) -> Double:
    """Product and its error (Dekker, with Veltkamp's splitting)."""
    p = a * b
    t = _SPLIT * a
    a1 = t - (t - a)
    t = _SPLIT * b
    b1 = t - (t - b)
    a2, b2 = a - a1, b - b1
    return p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2


def _add(x: Double, y: Double) -> Double:
    s, e = two_sum(x[0], y[0])
    t, f = two_sum(x[1], y[1])
    s, e = two_sum(s, e + t)
    return two_sum(s, e + f)


def multiply(x: Double, y: Double) -> Double:
    """x y."""
    p, e = _two_product(x[0], y[0])
    return two_sum(p, e + (x[0] * y[1] + x[1] * y[0]))


def _negate(x: Double) -> Double:
    return -x[0], -x[1]


def divide(x: Double, y: Double) -> Double:
    """x / y."""
    q = x[0] / y[0]
    one = np.zeros_like(q)
    r = _add(x, _negate(multiply(y, (q, one))))
    return two_sum(q, r[0] / y[0])


def _square_root(x: Double) -> Double:
    r = np.sqrt(x[0])
    p, e = _two_product(r, r)
    rest = _add(x, (-p, -e))
    with np.errstate(invalid="ignore", divide="ignore"):
        return two_sum(r, np.where(r > 0.0, rest[0] / (2.0 * r), 0.0))


def dot(x: Double, y: Double) -> Double:
    """Sum of products over the last axis."""
    terms = multiply(x, y)
    total = (np.zeros(terms[0].shape[:-1]), np.zeros(terms[0].shape[:-1]))
    for a in range(terms[0].shape[-1]):
        total = _add(total, (terms[0][..., a], terms[1][..., a]))
    return total


def edge_vectors(vertices: FloatArray) -> Double:
    """v_i - v_0, i = 1..j, exact as double-doubles: shape (n_s, j, d)."""
    return two_sum(vertices[:, 1:], -vertices[:, :1] + np.zeros_like(vertices[:, 1:]))


def simplex_measures(vertices: FloatArray) -> FloatArray:
    """j-dimensional measure of each simplex, ``vertices`` (n_s, j + 1, d), j <= d.

    Product of the heights from Gram and Schmidt, divided by j!; a point has measure 1. Edges are scaled one by
    one: they may be as unlike as floats allow.
    """
    n, j = vertices.shape[0], vertices.shape[1] - 1
    edges = edge_vectors(vertices)
    exponents = np.zeros(n, dtype=np.int64)
    rows = [_normalized((edges[0][:, i], edges[1][:, i]), exponents) for i in range(j)]
    measure: Double = (np.ones(n), np.zeros(n))
    for i in range(j):
        # Farthest of the rest first (per simplex), so that a flat simplex ends on its smallest height.
        rows = _pivot(rows, i)
        rows[i] = _normalized(rows[i], exponents)
        square = dot(rows[i], rows[i])
        measure = multiply(measure, _square_root(square))
        safe = (np.where(square[0] > 0.0, square[0], 1.0), np.where(square[0] > 0.0, square[1], 0.0))
        for q in range(i + 1, j):
            factor = divide(dot(rows[q], rows[i]), safe)
            shift = multiply((factor[0][:, None], factor[1][:, None]), rows[i])
            rows[q] = _add(rows[q], _negate(shift))
    with np.errstate(over="ignore", under="ignore"):
        result = np.asarray(np.ldexp(measure[0] / math.factorial(j), exponents))
    check_range(measure[0], result)
    return result


def _normalized(vectors: Double, exponents: IntArray) -> Double:
    """Vectors (n, d) by powers of two of their own, added to ``exponents``: no square under- or overflows then."""
    _, exponent = np.frexp(np.max(np.abs(vectors[0]), axis=1, initial=0.0))
    exponents += exponent
    return np.ldexp(vectors[0], -exponent[:, None]), np.ldexp(vectors[1], -exponent[:, None])


def unit_scale(array: FloatArray) -> float:
    """The power of two that brings the largest entry near 1: no under- or overflow in products."""
    largest = float(np.abs(array).max(initial=0.0))
    return 2.0 ** min(-math.floor(math.log2(largest)), 1023) if largest > 0.0 else 1.0


def check_range(scaled: FloatArray, measures: FloatArray) -> None:
    """Refuse measures that left the range of floats; ``scaled`` ones tell which of them are zero."""
    small = (np.abs(measures) < np.finfo(np.float64).tiny) & (scaled != 0.0)
    if np.any(small) or not np.all(np.isfinite(measures)):
        raise InvalidInputError("vertices: a measure is beyond the range of floats; rescale them, and k the other way")


def _pivot(rows: list[Double], first: int) -> list[Double]:
    """Exchange row ``first`` of every simplex with its longest row from there on."""
    if first + 1 >= len(rows):
        return rows
    high = np.stack([r[0] for r in rows[first:]], axis=1)
    low = np.stack([r[1] for r in rows[first:]], axis=1)
    best = np.argmax(np.max(np.abs(high), axis=2), axis=1)
    index = np.arange(len(best))
    for part in (high, low):
        top = part[index, best].copy()
        part[index, best] = part[:, 0]
        part[:, 0] = top
    return rows[:first] + [(high[:, i], low[:, i]) for i in range(high.shape[1])]


def signed_volumes(vertices: FloatArray) -> FloatArray:
    """Signed volume det(v_1 - v_0, ..., v_d - v_0) / d! of d-simplices (n_s, d + 1, d)."""
    d = vertices.shape[2]
    edges = edge_vectors(vertices)
    scale = unit_scale(edges[0])
    rows = [[(edges[0][:, i, a] * scale, edges[1][:, i, a] * scale) for a in range(d)] for i in range(d)]
    return np.asarray(_determinant(rows)[0] / math.factorial(d) / scale**d)


def _determinant(rows: list[list[Double]]) -> Double:
    """Laplace expansion along the first row, in double-double; meant for d <= 3."""
    if len(rows) == 1:
        return rows[0][0]
    total: Double | None = None
    for a, head in enumerate(rows[0]):
        minor = _determinant([row[:a] + row[a + 1 :] for row in rows[1:]])
        term = multiply(head, minor if a % 2 == 0 else _negate(minor))
        total = term if total is None else _add(total, term)
    assert total is not None
    return total
