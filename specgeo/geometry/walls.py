"""Walls of the domain. Of vertices on one that is normal to an axis the combinatorics knows a coordinate."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo.domain import Box, Polytope
from specgeo.errors import UnsupportedError
from specgeo.geometry.arrays import Ragged, spans


def domain_rows(domain: Any) -> FloatArray:
    """Rows (n, d + 1), non-negative on the domain: a . x + b >= 0; numbered as in ``facet_walls``."""
    if isinstance(domain, Box):
        eye = np.eye(domain.dim)
        return np.concatenate((np.column_stack((eye, -domain.lower)), np.column_stack((-eye, domain.upper))))
    if isinstance(domain, Polytope):
        return np.column_stack((-domain.A, domain.b))
    raise UnsupportedError("domain: exact vertices need a complex with a Box or Polytope; this one has none")


def axis_walls(domain: Any) -> tuple[IntArray, FloatArray, FloatArray]:
    """For each wall: the axis it is normal to (-1: none), its coordinate there, and the rounding of that.

    Walls are numbered as in ``facet_walls``: of a box, c for the lower and d + c for the upper one; of a polytope, the
    rows of A. A row a x_c <= b has the coordinate b / a, rounded once.
    """
    if isinstance(domain, Box):
        places = np.concatenate((domain.lower, domain.upper))
        return np.tile(np.arange(domain.dim), 2), places, np.zeros(len(places))
    axes = np.where(np.count_nonzero(domain.A, axis=1) == 1, np.argmax(domain.A != 0, axis=1), -1)
    places, rounding = np.zeros(len(axes)), np.zeros(len(axes))
    for row in np.flatnonzero(axes >= 0).tolist():
        exact = Fraction(float(domain.b[row])) / Fraction(float(domain.A[row, axes[row]]))
        places[row] = float(exact)
        gap = abs(Fraction(float(places[row])) - exact)
        rounding[row] = np.nextafter(float(gap), np.inf) if gap else 0.0
    return axes, places, rounding


def wall_corners(walls: IntArray, faces: Sequence[Ragged]) -> tuple[IntArray, IntArray]:
    """Vertices that lie on walls of the domain, and these walls: two arrays (n,), some pairs more than once.

    ``faces`` are the boundary lists of a complex, without those of the cells.
    """
    at = np.flatnonzero(walls >= 0)
    on, n_walls = walls[at], int(walls.max(initial=0)) + 1
    for lists in reversed(faces):
        first = lists.offsets[at]
        lengths = lists.offsets[at + 1] - first
        at, on = lists.indices[spans(first, lengths)].astype(np.int64), np.repeat(on, lengths)
        if len(faces) > 1:  # faces of faces of faces are many
            at, on = np.divmod(np.unique(at * n_walls + on), n_walls)
    return at, on


def snap(vertices: FloatArray, domain: Any, walls: IntArray, faces: Sequence[Ragged]) -> None:
    """Give the vertices on a wall normal to an axis exactly the wall's coordinate, in place."""
    axes, places, _ = axis_walls(domain)
    vertex, wall = wall_corners(walls, faces)
    if np.any(axes < 0):
        straight = axes[wall] >= 0
        vertex, wall = vertex[straight], wall[straight]
    vertices[vertex, axes[wall]] = places[wall]
