"""Measures of simplices, right for slivers too: floats where they do, then double-doubles, then integers.

A sliver of height h loses 1/h in a plain determinant. In double-doubles edge vectors, products and
sums carry about 32 digits, so a j-simplex of height 1e-9 keeps a relative error of a few 1e-16;
what is flatter is measured in integers. Arrays of simplices are treated at once.
"""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._double import Double, add, divide, dot, multiply, negate, square_root, two_sum
from specgeo._exact import determinant, edges, integers, orientations, simplex_measure
from specgeo.errors import InvalidInputError

_UNDERFLOW = 1e-250  # of products of coordinates near 1: below, double-doubles lose digits
SHORT = 4  # numbers along an axis that numpy is slow over
FLAT = 1e-13  # measure over the product of lengths below which double-doubles may not be enough


def edge_vectors(vertices: FloatArray) -> Double:
    """v_i - v_0, i = 1..j, exact as double-doubles: shape (n_s, j, d)."""
    return two_sum(vertices[:, 1:], -vertices[:, :1] + np.zeros_like(vertices[:, 1:]))


def simplex_measures(vertices: FloatArray) -> FloatArray:
    """As `rounded_measures`; measures below the smallest normal float, or beyond the largest, are refused."""
    mantissas, exponents = scaled_measures(vertices)
    result = _rounded(mantissas, exponents)
    check_range(mantissas, result, "vertices: a measure", "them")
    return result


def rounded_measures(vertices: FloatArray) -> FloatArray:
    """j-dimensional measure of each simplex, ``vertices`` (n_s, j + 1, d), j <= d: relative error a few 1e-16.

    Zero exactly where the vertices span less than j dimensions; a point has measure 1.
    """
    return _rounded(*scaled_measures(vertices))


def _rounded(mantissas: FloatArray, exponents: IntArray) -> FloatArray:
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.ldexp(mantissas, exponents))


def scaled_measures(vertices: FloatArray) -> tuple[FloatArray, IntArray]:
    """Measures m 2^e as (m, e), which neither under- nor overflow."""
    n, j = vertices.shape[0], vertices.shape[1] - 1
    if 0 < j == vertices.shape[2] <= 3:
        signed, exponents = _scaled_volumes(vertices)
        return np.abs(signed), exponents
    unit, exponents = unit_simplices(vertices)
    edges = edge_vectors(unit)
    rows = [(edges[0][:, i], edges[1][:, i]) for i in range(j)]
    measure: Double = (np.ones(n), np.zeros(n))
    lengths = np.ones(n)
    for i in range(j):
        # Longest remaining edge first (per simplex), so that a flat simplex ends on its smallest height.
        rows = _pivot(rows, i)
        square = dot(rows[i], rows[i])
        measure = multiply(measure, square_root(square))
        if i == 0:
            lengths = np.sqrt(square[0])
        safe = (np.where(square[0] > 0.0, square[0], 1.0), np.where(square[0] > 0.0, square[1], 0.0))
        for q in range(i + 1, j):
            factor = divide(dot(rows[q], rows[i]), safe)
            shift = multiply((factor[0][:, None], factor[1][:, None]), rows[i])
            rows[q] = add(rows[q], negate(shift))
    result = measure[0] / math.factorial(j)
    exponents = exponents * j
    for s in np.flatnonzero((measure[0] <= FLAT * lengths**j) & (lengths > 0.0)):
        result[s], exponents[s] = simplex_measure(vertices[s])
    return result, exponents


def unit_simplices(vertices: FloatArray) -> tuple[FloatArray, IntArray]:
    """Each simplex divided by 2^exponent so that its longest edge is near 1, and the exponents.

    Exact but for coordinates that vanish beside the others, and those make a sliver, for which this is not the end.
    """
    unit, first = _divided(vertices, vertices)
    unit, second = _divided(unit, unit[:, 1:] - unit[:, :1])
    return unit, (first + second).astype(np.int64)


def _divided(vertices: FloatArray, sides: FloatArray) -> tuple[FloatArray, IntArray]:
    """Simplices divided by powers of two such that the largest entry of the sides of each is near 1."""
    columns = np.abs(sides).reshape(len(sides), sides.shape[1] * sides.shape[2]).T
    # column by column: reductions along short axes are slow
    _, exponents = np.frexp(reduce(np.maximum, columns, np.zeros(len(sides))))
    exponents = np.maximum(exponents, -1000)  # what shares a simplex with subnormal sides shall not overflow
    if np.all(exponents < 1000):
        return vertices * np.ldexp(1.0, -exponents)[:, None, None], exponents
    return np.ldexp(vertices, -exponents[:, None, None]), exponents


def unit_scale(array: FloatArray) -> float:
    """The power of two that brings the largest entry near 1: no under- or overflow in products."""
    largest = float(np.abs(array).max(initial=0.0))
    return math.ldexp(1.0, min(1 - math.frexp(largest)[1], 1023))


def check_range(scaled: FloatArray, measures: FloatArray, what: str, which: str) -> None:
    """Refuse measures that left the range of floats; ``scaled`` ones tell which of them are zero."""
    small = (np.abs(measures) < np.finfo(np.float64).tiny) & (scaled != 0.0)
    if np.any(small) or not np.all(np.isfinite(measures)):
        raise InvalidInputError(f"{what} is beyond the range of floats; rescale {which}, and k the other way")


def _pivot(rows: list[Double], first: int) -> list[Double]:
    """Exchange row ``first`` of every simplex with its longest row from there on."""
    if first + 1 >= len(rows):
        return rows
    high = np.stack([r[0] for r in rows[first:]], axis=1)
    low = np.stack([r[1] for r in rows[first:]], axis=1)
    best = np.argmax(np.sum(high * high, axis=2), axis=1)
    index = np.arange(len(best))
    for part in (high, low):
        top = part[index, best].copy()
        part[index, best] = part[:, 0]
        part[:, 0] = top
    return rows[:first] + [(high[:, i], low[:, i]) for i in range(high.shape[1])]


def signed_volumes(vertices: FloatArray) -> FloatArray:
    """Signed volume det(v_1 - v_0, ..., v_d - v_0) / d! of d-simplices (n_s, d + 1, d), as right as the measures."""
    if vertices.shape[2] > 3:
        return orientations(vertices) * rounded_measures(vertices)
    return _rounded(*_scaled_volumes(vertices))


def _scaled_volumes(vertices: FloatArray) -> tuple[FloatArray, IntArray]:
    """The same as m 2^e, d <= 3: one determinant gives both sign and measure, in a third of the time."""
    d = vertices.shape[2]
    unit, exponents = unit_simplices(vertices)
    high, low = edge_vectors(unit)
    value, size = _determinant([[(high[:, i, j], low[:, i, j]) for j in range(d)] for i in range(d)])
    result, exponents = value[0] / math.factorial(d), d * exponents
    for s in np.flatnonzero(np.abs(result) <= FLAT * size + _UNDERFLOW):
        volume, exponents[s] = simplex_measure(vertices[s])
        result[s] = volume if determinant(edges(integers(vertices[s])[0])) > 0 else -volume
    return result, exponents


def _determinant(rows: list[list[Double]]) -> tuple[Double, FloatArray]:
    """Determinants of order 1, 2 or 3 along the first row, and the sum of the absolute values of their terms."""
    total, size = rows[0][0], np.abs(rows[0][0][0])
    for column, entry in enumerate(rows[0] if len(rows) > 1 else ()):
        minor, minor_size = _determinant([row[:column] + row[column + 1 :] for row in rows[1:]])
        term, term_size = multiply(entry, minor), np.abs(entry[0]) * minor_size
        if column == 0:
            total, size = term, term_size
        else:
            total, size = add(total, negate(term) if column % 2 else term), size + term_size
    return total, size


def lengths_of(vectors: FloatArray) -> FloatArray:
    """Euclidean lengths along the last axis, without overflow or underflow."""
    scale = over_last(np.maximum, np.abs(vectors))
    safe = np.where(scale > 0, scale, 1.0)
    return np.asarray(scale * np.sqrt(over_last(np.add, (vectors / safe[..., None]) ** 2)))


def over_last(operation: np.ufunc, array: FloatArray) -> FloatArray:
    """Sums or maxima along the last axis of what is not negative; place by place where numpy takes its time over it."""
    if 0 < array.shape[-1] <= SHORT:
        return np.asarray(reduce(operation, (array[..., i] for i in range(array.shape[-1]))))
    return np.asarray(operation.reduce(array, axis=-1, initial=0.0))
