"""Who touches whom: vertices of faces, cells of facets, neighbours, Euler characteristic.

All of it follows from the boundary lists of the complex; nothing here looks at coordinates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from specgeo._budget import afford
from specgeo._cast import IntArray
from specgeo.errors import InvalidInputError
from specgeo.geometry.arrays import Ragged

if TYPE_CHECKING:
    from specgeo.geometry.complex import PolyhedralComplex


def check_dimension(cx: PolyhedralComplex, k: int, least: int) -> int:
    """The face dimension k as int, or an error that says which are possible."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not least <= k <= cx.dim:
        raise InvalidInputError(f"k: {k!r} given; this complex has faces of dimension {least} to {cx.dim}")
    return int(k)


def smallest_vertices(cx: PolyhedralComplex) -> tuple[IntArray, ...]:
    """Smallest vertex id of each face; entry k of the tuple is for the k-faces, k = 0..d."""
    smallest: list[IntArray] = [np.arange(len(cx.vertices), dtype=np.int64)]
    for lists in cx.faces:
        below = smallest[-1][lists.indices]
        smallest.append(np.minimum.reduceat(below, lists.offsets[:-1]) if len(below) else below)
    return tuple(smallest)


def vertex_lists(cx: PolyhedralComplex, k: int) -> Ragged:
    """Vertex ids of each k-face, ascending, as a ragged list."""
    k = check_dimension(cx, k, 0)
    n = cx.f_vector[k]
    if k == 0:
        return Ragged(np.arange(n + 1, dtype=np.int64), np.arange(n, dtype=np.int32))
    if k == 1:
        lists = cx.faces[0]
        return Ragged(lists.offsets, np.sort(lists.indices.reshape(-1, 2), axis=1).reshape(-1))
    from specgeo.geometry._kernels import union_lists, union_sizes

    below, lists = cx.vertices_of(k - 1), cx.faces[k - 1]
    stamp = np.full(len(cx.vertices), -1, dtype=np.int64)
    offsets = union_sizes(lists.offsets, lists.indices, below.offsets, below.indices, stamp)
    afford(4.0 * offsets[-1], f"cx: the vertices of {n:,} faces", "shrink the domain or restrict the network")
    vertices = np.empty(int(offsets[-1]), dtype=np.int32)
    stamp[:] = -1
    union_lists(lists.offsets, lists.indices, below.offsets, below.indices, stamp, offsets, vertices)
    return Ragged(offsets, vertices)


def boundary_matrix(cx: PolyhedralComplex, k: int) -> Any:
    """The unsigned incidence of k-faces (rows) and (k-1)-faces (columns) as scipy CSR of ones."""
    import scipy.sparse

    k = check_dimension(cx, k, 1)
    lists = cx.faces[k - 1]
    shape = (cx.f_vector[k], cx.f_vector[k - 1])
    return scipy.sparse.csr_array((np.ones(len(lists.indices), np.int8), lists.indices, lists.offsets), shape=shape)


def facet_cells(cx: PolyhedralComplex) -> IntArray:
    """The one or two cells of each facet, (n_facets, 2), the lower id first and -1 for the outside."""
    lists = cx.faces[-1]
    cell = lists.owners
    cells = np.full((cx.f_vector[-2], 2), -1, dtype=np.int64)
    cells[lists.indices[::-1], 0] = cell[::-1]  # the last write wins: the first cell of each facet
    cells[lists.indices, 1] = cell
    cells[cells[:, 1] == cells[:, 0], 1] = -1
    return cells


def dual_graph(cx: PolyhedralComplex) -> Any:
    """Adjacency of cells through facets as scipy CSR (n_cells, n_cells); the entry is facet id + 1."""
    import scipy.sparse

    cells = cx.facets.cells
    inner = np.flatnonzero(cells[:, 1] >= 0)
    a, b = cells[inner, 0], cells[inner, 1]
    rows, columns, data = np.concatenate((a, b)), np.concatenate((b, a)), np.concatenate((inner, inner)) + 1
    return scipy.sparse.csr_array((data, (rows, columns)), shape=(cx.n_cells, cx.n_cells))
