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

from collections.abc import Callable, Iterator, Sequence
from functools import reduce

import numpy as np

from specgeo._budget import afford
from specgeo._cast import FloatArray, IntArray
from specgeo._limits import check_simplices, check_time
from specgeo._measures import over_last
from specgeo.geometry.arrays import AT_ONCE, Ragged, parts, spans


def cones(
    lists: Ragged, smallest_below: IntArray, smallest: IntArray, below: tuple[IntArray, IntArray]
) -> tuple[IntArray, IntArray]:
    """Simplices (n_s, k + 1) of faces with these boundaries, and the face of each (n_s,), ascending.

    ``below`` are those of the boundary faces; ``smallest_below, smallest`` the apices of these and of the faces.
    """
    simplices, k = below[0], below[0].shape[1]
    counts = np.bincount(below[1], minlength=len(smallest_below))
    starts, total = np.cumsum(counts) - counts, 0
    made = [(np.empty((0, k + 1), np.int64), np.empty(0, np.int64))]
    for some in parts(len(lists)):
        offsets = lists.offsets[some.start : some.stop + 1]
        face = np.repeat(np.arange(some.start, some.stop), np.diff(offsets))
        boundary = lists.indices[offsets[0] : offsets[-1]]
        far = smallest_below[boundary] != smallest[face]
        face, boundary = face[far], boundary[far]
        lengths = counts[boundary]
        total += int(lengths.sum())
        check_time()
        check_simplices(total)
        _afford(total, k)
        owner = np.repeat(face, lengths)
        made.append((np.column_stack((smallest[owner], simplices[spans(starts[boundary], lengths)])), owner))
    return np.concatenate([part[0] for part in made]), np.concatenate([part[1] for part in made])


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
    first = simplices[:AT_ONCE]
    rest = (simplices[some] for some in parts(len(simplices)) if some.start)
    return np.concatenate([measure(vertices[corners]) for corners in (first, *rest)])


def with_simplices(owner: IntArray, n: int) -> Iterator[tuple[slice, slice]]:
    """Faces 0 .. n - 1 by `parts`, and the simplices of each part; ``owner`` is the face of each simplex."""
    for faces in parts(n):
        yield faces, slice(*np.searchsorted(owner, (faces.start, faces.stop)).tolist())


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


def centres(points: FloatArray, weights: FloatArray, owner: IntArray, base: FloatArray) -> FloatArray:
    """Centres of mass (n, d) of n faces with simplices (n_s, k + 1, d) of such measures; ``base`` is a point of each.

    A face of measure zero has the mean of its vertices.
    """
    n = len(base)
    count, total = np.bincount(owner, minlength=n), np.bincount(owner, weights, minlength=n)
    scale = np.where(total > 0, total, 1.0)[owner]
    # relative weights: a face of measure 1e-300 is averaged like any other
    weights = np.where(total[owner] > 0, weights / scale, 1.0 / np.maximum(count, 1)[owner])
    # offsets from a point of the face, so that small faces far from the origin keep their digits
    origin = base[owner]
    offset = reduce(np.add, (points[:, i] - origin for i in range(points.shape[1])))
    columns = (np.bincount(owner, weights * x / points.shape[1], minlength=n) for x in offset.T)
    return np.stack(list(columns), axis=1) + base
