"""Measures of many simplices of a complex at once: as `specgeo._measures`, in double-doubles, in one loop.

A simplex is left to those functions where double-doubles may not be enough: where it is nearly flat, or so small or
large that products leave the range of floats.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._double import product_error
from specgeo._double import two_sum as _two_sum
from specgeo._jit import kernel, lane
from specgeo._measures import FLAT, rounded_measures, signed_volumes
from specgeo.geometry.simplices import by_chunks

FEW = 1 << 13  # simplices for which no kernel is compiled
_SMALL, _LARGE = 1e-45, 1e45  # lengths of edges whose products are far from the limits of floats

Pair = tuple[float, float]  # a double-double
two_sum = lane(_two_sum)
_product_error = lane(product_error)


def measures(vertices: FloatArray, simplices: IntArray) -> FloatArray:
    """Of simplices (n, j + 1): volumes, with their signs, where j is the dimension of the space, else sizes."""
    full = simplices.shape[1] == vertices.shape[1] + 1
    exact: Callable[[FloatArray], FloatArray] = signed_volumes if full else rounded_measures
    if len(simplices) < FEW or not 2 <= vertices.shape[1] <= 3 or simplices.shape[1] < 2:
        return by_chunks(exact, vertices, simplices)
    found = np.empty(len(simplices))
    _measure(np.ascontiguousarray(vertices), np.ascontiguousarray(simplices, dtype=np.int64), found)
    left = np.flatnonzero(np.isnan(found))
    found[left] = by_chunks(exact, vertices, simplices[left])
    return found


@lane
def _times(x: Pair, y: Pair) -> Pair:
    p = x[0] * y[0]
    return two_sum(p, _product_error(x[0], y[0], p) + (x[0] * y[1] + x[1] * y[0]))


@lane
def _plus(x: Pair, y: Pair) -> Pair:
    s, e = two_sum(x[0], y[0])
    t, f = two_sum(x[1], y[1])
    s, e = two_sum(s, e + t)
    return two_sum(s, e + f)


@lane
def _minor(a: Pair, b: Pair, c: Pair, d: Pair) -> tuple[Pair, float]:
    """a d - b c, and |a d| + |b c|."""
    left, right = _times(a, d), _times(b, c)
    return _plus(left, (-right[0], -right[1])), abs(left[0]) + abs(right[0])


@lane
def _root(x: Pair) -> float:
    """The root of x > 0, rounded."""
    r = math.sqrt(x[0])
    square = r * r
    rest = _plus(x, (-square, -_product_error(r, r, square)))
    return r + rest[0] / (2.0 * r)


@lane
def _norm(x: Pair, y: Pair, z: Pair) -> float:
    return _root(_plus(_plus(_times(x, x), _times(y, y)), _times(z, z)))


@lane
def _edge(points: FloatArray, p: int, q: int, axis: int) -> Pair:
    return two_sum(points[q, axis], -points[p, axis])


@kernel
def _measure(points: FloatArray, simplices: IntArray, out: FloatArray) -> None:
    """Measures of edges, triangles and tetrahedra in the plane or space; NaN where somebody else must look."""
    dim, j = points.shape[1], simplices.shape[1] - 1
    zero, none = (0.0, 0.0), 0.0
    for s in range(len(simplices)):
        o, p, q, r = simplices[s, 0], simplices[s, 1], simplices[s, min(2, j)], simplices[s, min(3, j)]
        a, b = _edge(points, o, p, 0), _edge(points, o, p, 1)
        c = _edge(points, o, p, 2) if dim == 3 else zero
        d, e = _edge(points, o, q, 0), _edge(points, o, q, 1)
        f = _edge(points, o, q, 2) if dim == 3 else zero
        first = max(abs(a[0]), abs(b[0]), abs(c[0]))
        second = max(abs(d[0]), abs(e[0]), abs(f[0]))
        third = none
        if j == 1:
            value, size = _norm(a, b, c), first
        elif dim == 2:
            total, size = _minor(a, b, d, e)
            value = total[0] / 2.0
        else:
            x, x_size = _minor(b, c, e, f)
            y, y_size = _minor(c, a, f, d)
            z, z_size = _minor(a, b, d, e)
            if j == 2:
                value, size = _norm(x, y, z) / 2.0, first * second
            else:
                g, h, i = _edge(points, o, r, 0), _edge(points, o, r, 1), _edge(points, o, r, 2)
                third = max(abs(g[0]), abs(h[0]), abs(i[0]))
                total = _plus(_plus(_times(g, x), _times(h, y)), _times(i, z))
                value = total[0] / 6.0
                size = abs(g[0]) * x_size + abs(h[0]) * y_size + abs(i[0]) * z_size
        largest = max(first, second, third)
        smallest = min(first, second if j > 1 else first, third if j > 2 else first)
        sound = (largest < _LARGE) & (smallest > _SMALL) & (abs(value) > FLAT * size)
        out[s] = value if sound else np.nan
