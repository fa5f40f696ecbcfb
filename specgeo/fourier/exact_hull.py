"""Convex hulls decided in integers, for the points of which floats cannot tell which ones are on the hull.

Points are inserted one after the other: the facets that a new point sees give way to the cone from
it over their horizon. All signs are those of points moved by less than any decision could notice, at
random: no d + 1 of them lie in a hyperplane, so every facet is a simplex, and no case is special.
Pieces of no area may come out where points are exactly coplanar.
"""

from __future__ import annotations

import random
from itertools import combinations

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._exact import Rows, determinant, integers

_ROUNDED = 1e-12  # generously, what rounding does to a side in those coordinates, and to a determinant of unit sides
_RANDOM_BITS = 60


def exact_hull(points: FloatArray, unit: FloatArray) -> IntArray:
    """Simplices (n_b, d) of the boundary of the hull of points that span the space, counter-clockwise from outside.

    ``unit`` are the points in coordinates of the same orientation, up to rounding, in which the hull is not thin.
    """
    n, d = points.shape
    rows = _moved(points)
    first = range(d + 1)
    inside = [sum(rows[i][a] for i in first) for a in range(d)]
    rows = [[(d + 1) * x for x in row] for row in rows]  # so that the centre of the first simplex is integral

    def outward(piece: tuple[int, ...]) -> tuple[int, ...]:
        return piece if _side(rows, piece, inside) < 0 else (piece[1], piece[0], *piece[2:])

    pieces = [outward(piece) for piece in combinations(first, d)]
    for p in range(d + 1, n):
        seen = _sees(rows, unit, np.array(pieces), p)
        if not seen.any():
            continue
        ridges: dict[frozenset[int], int] = {}
        for f in np.flatnonzero(seen):
            for ridge in combinations(pieces[f], d - 1):
                key = frozenset(ridge)
                ridges[key] = ridges.get(key, 0) + 1
        pieces = [piece for piece, visible in zip(pieces, seen, strict=True) if not visible]
        pieces += [outward((*sorted(ridge), p)) for ridge, count in ridges.items() if count == 1]
    return np.array(pieces, dtype=np.int64)


def _moved(points: FloatArray) -> Rows:
    """The points as integers, scaled up so far that the random lowest bits turn no determinant that is not zero."""
    rows, _ = integers(points)
    bits = max(abs(x).bit_length() for row in rows for x in row)
    shift = (bits + 2) * len(rows[0]) + 2 * _RANDOM_BITS
    draw = random.Random(0)
    return [[(x << shift) + draw.getrandbits(_RANDOM_BITS) for x in row] for row in rows]


def _side(rows: Rows, piece: tuple[int, ...], point: list[int]) -> int:
    """Sign of det(p_1 - p_0, ..., p_{d-1} - p_0, point - p_0): 1 outside of an outward piece."""
    base = rows[piece[0]]
    corners = [*(rows[i] for i in piece[1:]), point]
    value = determinant([[x - y for x, y in zip(row, base, strict=True)] for row in corners])
    return (value > 0) - (value < 0)


def _sees(rows: Rows, unit: FloatArray, pieces: IntArray, p: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which pieces a point lies outside of."""
    corners = np.concatenate([unit[pieces[:, 1:]], np.broadcast_to(unit[p], (len(pieces), 1, unit.shape[1]))], axis=1)
    sides = corners - unit[pieces[:, :1]]
    lengths = np.linalg.norm(sides, axis=2) + _ROUNDED
    value, size = np.linalg.det(sides), lengths.prod(axis=1)
    seen = value > 0.0
    for f in np.flatnonzero(np.abs(value) <= size * (_ROUNDED + (_ROUNDED / lengths).sum(axis=1))):
        seen[f] = _side(rows, tuple(pieces[f].tolist()), rows[p]) > 0
    return np.asarray(seen)
