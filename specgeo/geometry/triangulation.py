"""Pulling triangulation of all faces of a complex.

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

from typing import TYPE_CHECKING, Any

import numpy as np

from specgeo._budget import afford
from specgeo._cast import IntArray
from specgeo._limits import check_simplices, check_time
from specgeo.geometry.incidence import check_dimension

if TYPE_CHECKING:
    from specgeo.geometry.complex import PolyhedralComplex


def triangulate(cx: PolyhedralComplex, k: int) -> tuple[IntArray, IntArray]:
    """Simplices (n_s, k + 1) of the pulling triangulation of the k-faces, and the face of each (n_s,), ascending."""
    k = check_dimension(cx, k, 0)
    if k == 0:
        n = len(cx.vertices)
        return np.arange(n, dtype=np.int64).reshape(n, 1), np.arange(n, dtype=np.int64)
    smallest = cx._smallest_vertices
    lists = cx.faces[k - 1]
    if k == 1:
        ends = np.sort(lists.indices.reshape(-1, 2), axis=1).astype(np.int64)
        return ends, np.arange(len(ends), dtype=np.int64)
    if k > 3:  # numbers grow like k!: look ahead before those of lower dimensions are made
        _afford(_count(cx, k), k)
    below, below_owner = cx.triangulation(k - 1)
    face = lists.owners
    far = smallest[k - 1][lists.indices] != smallest[k][face]
    face, facet = face[far], lists.indices[far]
    starts = np.searchsorted(below_owner, np.arange(cx.f_vector[k - 1] + 1))
    lengths = np.diff(starts)[facet]
    ends = np.cumsum(lengths)
    first = starts[facet] - (ends - lengths)
    check_time()
    check_simplices(int(ends[-1]) if len(ends) else 0)
    _afford(int(ends[-1]) if len(ends) else 0, k)
    items = np.arange(int(ends[-1]) if len(ends) else 0, dtype=np.int64) + np.repeat(first, lengths)
    owner = np.repeat(face, lengths)
    simplices = np.empty((len(items), k + 1), dtype=np.int64)
    simplices[:, 0] = smallest[k][owner]
    simplices[:, 1:] = below[items]
    return simplices, owner


def _afford(n: int, k: int) -> None:
    afford(8.0 * (3 * k + 8) * n, f"cx: {n:,} simplices of dimension {k}", "shrink the domain or restrict the network")


def _count(cx: PolyhedralComplex, k: int) -> int:
    """Number of simplices of the k-faces: from those of their boundaries, nothing made."""
    smallest = cx._smallest_vertices
    counts: Any = np.ones(cx.f_vector[1])
    for j in range(2, k + 1):
        lists = cx.faces[j - 1]
        face = lists.owners
        far = smallest[j - 1][lists.indices] != smallest[j][face]
        counts = np.bincount(face[far], counts[lists.indices[far]], minlength=cx.f_vector[j])
    return int(counts.sum())
