"""Simplices that fill faces: their pulling triangulation, and the normals of those of facets.

Notation: the apex of a face is its smallest vertex id. A k-face is the union of the cones from its
apex over the triangulated facets that do not contain it::

        c---d        apex a = min(a, b, c, d): cones over the edges c-d and b-d
        |  /|
        | / |        two faces that share a facet split it in the same way, because the facet's own
        |/  |        apex depends on the facet alone: the triangulation of the complex is conforming
        a---b

A facet contains the apex of its face exactly when it has the same apex.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from specgeo._budget import afford
from specgeo._cast import FloatArray, IntArray
from specgeo._limits import check_simplices, check_time
from specgeo._measures import over_last
from specgeo.geometry.arrays import Ragged, spans

_CHUNK = 1 << 14  # simplices at a time: the temporaries stay in cache


def cones(
    lists: Ragged, smallest_below: IntArray, smallest: IntArray, below: tuple[IntArray, IntArray]
) -> tuple[IntArray, IntArray]:
    """Simplices (n_s, k + 1) of faces with these boundaries, and the face of each (n_s,), ascending.

    ``below`` are those of the boundary faces; ``smallest_below, smallest`` the apices of these and of the faces.
    """
    simplices, owner = below
    face = lists.owners
    far = smallest_below[lists.indices] != smallest[face]
    face, boundary = face[far], lists.indices[far]
    starts = np.searchsorted(owner, np.arange(len(smallest_below) + 1))
    lengths = np.diff(starts)[boundary]
    check_time()
    check_simplices(int(lengths.sum()))
    _afford(int(lengths.sum()), simplices.shape[1])
    owner = np.repeat(face, lengths)
    return np.column_stack((smallest[owner], simplices[spans(starts[boundary], lengths)])), owner


def count_cones(faces: Sequence[Ragged], smallest: Sequence[IntArray], k: int) -> None:
    """Refuse more simplices of the k-faces than memory has room for, nothing made."""
    counts = np.ones(len(faces[0]))
    for j in range(2, k + 1):
        lists = faces[j - 1]
        face = lists.owners
        far = smallest[j - 1][lists.indices] != smallest[j][face]
        counts = np.bincount(face[far], counts[lists.indices[far]], minlength=len(lists)).astype(np.float64)
    _afford(int(counts.sum()), k)


def _afford(n: int, k: int) -> None:
    afford(8.0 * (3 * k + 8) * n, f"cx: {n:,} simplices of dimension {k}", "shrink the domain or restrict the network")


def by_chunks(measure: Callable[[FloatArray], FloatArray], vertices: FloatArray, simplices: IntArray) -> FloatArray:
    """A function of the corners (n_s, k + 1, d) of simplices, some at a time."""
    starts = range(0, max(1, len(simplices)), _CHUNK)
    return np.concatenate([measure(vertices[simplices[start : start + _CHUNK]]) for start in starts])


def simplex_normals(points: FloatArray) -> FloatArray:
    """Normals n of (d-1)-simplices (n_s, d, d) in R^d, of length (d-1)! times their measure.

    det(n, v_1 - v_0, ..., v_{d-1} - v_0) > 0.
    """
    d = points.shape[2]
    sides = points[:, 1:] - points[:, :1]
    if d == 1:
        return np.ones((len(points), 1))
    if d == 2:
        return np.stack((sides[:, 0, 1], -sides[:, 0, 0]), axis=1)
    if d == 3:
        return np.asarray(np.cross(sides[:, 0], sides[:, 1]))
    q, r = np.linalg.qr(np.swapaxes(sides, 1, 2), mode="complete")
    size = np.prod(np.diagonal(r, axis1=1, axis2=2), axis=1) * np.linalg.det(q) * (-1.0) ** (d - 1)
    return np.asarray(q[:, :, -1] * size[:, None])


def mean_normals(points: FloatArray, owner: IntArray, n: int) -> FloatArray:
    """Unit normals of n facets up to sign: the area-weighted mean over the simplices (n_s, d, d) of each."""
    vectors = simplex_normals(points)
    total = vectors
    if points.shape[2] > 2:
        size = over_last(np.maximum, np.abs(vectors))
        # the largest simplex of each facet gives the sense; owners ascend and are contiguous
        first = np.searchsorted(owner, np.arange(n))
        candidates = np.flatnonzero(size == np.fmax.reduceat(size, first)[owner])
        largest = first.copy()
        largest[owner[candidates]] = candidates
        aligned = np.where(np.einsum("ij,ij->i", vectors, vectors[largest][owner]) < 0, -1.0, 1.0)
        parts = (np.bincount(owner, aligned * column, minlength=n) for column in vectors.T)
        total = np.stack(list(parts), axis=1)
    scale = over_last(np.maximum, np.abs(total))[:, None]
    total = total / np.where(scale > 0, scale, 1.0)
    length = np.sqrt(over_last(np.add, total**2))[:, None]
    return np.asarray(total / np.where(length > 0, length, 1.0))
