"""`FaceLattice`: vertices and faces, and what follows from them alone.

Storage is struct of arrays. Faces of dimension k are numbered 0..n_k - 1; the boundary of each
is a list of (k-1)-faces, so ``faces[k - 1][i]`` lists the boundary of the k-face i, k = 1..d. An edge
lists its two vertices. Cells are the d-faces, facets the (d-1)-faces.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self, TypeVar

import numpy as np

from specgeo._budget import afford, within_memory
from specgeo._cast import FloatArray, IntArray
from specgeo.errors import InvalidInputError
from specgeo.geometry.arrays import Ragged, parts
from specgeo.geometry.simplices import (
    by_chunks,
    centres,
    cones,
    count_cones,
    mean_normals,
    simplex_normals,
    with_simplices,
)

_T = TypeVar("_T")
Triangulation = tuple[IntArray, IntArray]


@dataclass(frozen=True, eq=False, repr=False)
class FaceLattice:
    """The faces of a polyhedral complex, by their boundaries. Treat it as immutable, its arrays too.

    Parameters
    ----------
    vertices : (n_0, d)
    faces : tuple of Ragged
        ``faces[k - 1]`` lists the (k-1)-faces of each k-face, k = 1..d.

    Examples
    --------
    A square and the triangle beside it:

    >>> import numpy as np
    >>> from specgeo.geometry import FaceLattice, Ragged
    >>> edges = Ragged.of([[0, 1], [0, 2], [1, 3], [2, 3], [1, 4], [3, 4]])
    >>> corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [2, 0]], dtype=float)
    >>> lattice = FaceLattice(corners, (edges, Ragged.of([[0, 1, 2, 3], [2, 4, 5]])))
    >>> lattice.f_vector, lattice.volumes, lattice.vertices_of(2)[1]
    ((5, 6, 2), array([1. , 0.5]), array([1, 3, 4], dtype=int32))
    >>> lattice.facet_cells[2], lattice.facet_normals[2]
    (array([0, 1]), array([1., 0.]))
    """

    vertices: FloatArray  # (n_0, d)
    faces: tuple[Ragged, ...]  # faces[k - 1]: boundary of the k-faces, k = 1..d

    def __getstate__(self) -> dict[str, Any]:
        """What pickle keeps: the fields, nothing derived."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(dim={self.dim}, f_vector={self.f_vector})"

    @cached_property
    def _derived(self) -> dict[Hashable, Any]:
        return {}

    @within_memory
    def derived(self, key: Hashable, make: Callable[[Self], _T]) -> _T:
        """What ``make`` derives from this complex, made on first use and kept as long as the complex lives."""
        if key not in self._derived:
            self._derived[key] = make(self)
        value: _T = self._derived[key]
        return value

    @property
    def dim(self) -> int:
        """Dimension d of the space and of the cells."""
        return int(self.vertices.shape[1])

    @property
    def f_vector(self) -> tuple[int, ...]:
        """Number of faces of each dimension (n_0, ..., n_d)."""
        return (len(self.vertices), *map(len, self.faces))

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.faces[-1])

    @property
    def euler_characteristic(self) -> int:
        """Alternating sum of the f-vector: 1 for a convex domain."""
        return int(sum((-1) ** k * n for k, n in enumerate(self.f_vector)))

    @cached_property
    def betti_numbers(self) -> tuple[int, ...]:
        """b_0, ..., b_{d-1} over GF(2) of the union of all faces: components, tunnels, cavities. (1, 0, ..) if convex.

        Exact: ranks of the boundary matrices, from the faces alone (`specgeo.geometry.topology`).
        """
        from specgeo.geometry.topology import betti_numbers

        return betti_numbers(self)

    def _dimension(self, k: int, least: int) -> int:
        """The face dimension k as int, or an error that says which are possible."""
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not least <= k <= self.dim:
            raise InvalidInputError(f"k: {k!r} given; this complex has faces of dimension {least} to {self.dim}")
        return int(k)

    # who touches whom: no coordinate has a say

    @cached_property
    def smallest_vertices(self) -> tuple[IntArray, ...]:
        """Smallest vertex id of each face; entry k is for the k-faces, k = 0..d."""
        smallest: list[IntArray] = [np.arange(len(self.vertices), dtype=np.int64)]
        for lists in self.faces:
            found = np.empty(len(lists), dtype=np.int64)
            for some in parts(len(lists)):
                starts, end = lists.offsets[some], lists.offsets[some.stop]
                found[some] = np.minimum.reduceat(smallest[-1][lists.indices[starts[0] : end]], starts - starts[0])
            smallest.append(found)
        return tuple(smallest)

    def vertices_of(self, k: int) -> Ragged:
        """Vertex ids of each k-face, ascending; k = 0..d."""
        k = self._dimension(k, 0)
        return self.derived(("vertices", k), lambda lattice: lattice._vertex_lists(k))

    def _vertex_lists(self, k: int) -> Ragged:
        if k == 0:
            n = len(self.vertices)
            return Ragged(np.arange(n + 1, dtype=np.int64), np.arange(n, dtype=np.int32))
        lists = self.faces[k - 1]
        if k == 1:
            ends = lists.indices.reshape(-1, 2).T
            return Ragged(lists.offsets, np.column_stack((np.minimum(*ends), np.maximum(*ends))).reshape(-1))
        from specgeo.geometry._kernels import union_lists, union_sizes

        below, stamp = self.vertices_of(k - 1), np.full(len(self.vertices), -1, dtype=np.int64)
        offsets = union_sizes(lists.offsets, lists.indices, below.offsets, below.indices, stamp)
        what = f"cx: the vertices of {len(lists):,} faces"
        afford(4.0 * offsets[-1], what, "shrink the domain or restrict the network")
        vertices = np.empty(int(offsets[-1]), dtype=np.int32)
        stamp[:] = -1
        union_lists(lists.offsets, lists.indices, below.offsets, below.indices, stamp, offsets, vertices)
        return Ragged(offsets, vertices)

    def boundary(self, k: int) -> Any:
        """Incidence of k-faces (rows) and (k-1)-faces (columns), scipy CSR (n_k, n_{k-1}) of ones; k = 1..d."""
        import scipy.sparse

        lists = self.faces[self._dimension(k, 1) - 1]
        shape = (self.f_vector[k], self.f_vector[k - 1])
        return scipy.sparse.csr_array((np.ones(len(lists.indices), np.int8), lists.indices, lists.offsets), shape=shape)

    @cached_property
    def facet_cells(self) -> IntArray:
        """The one or two cells of each facet, (n_{d-1}, 2), the lower id first and -1 for the outside."""
        lists = self.faces[-1]
        cell = lists.owners
        cells = np.full((self.f_vector[-2], 2), -1, dtype=np.int64)
        cells[lists.indices[::-1], 0] = cell[::-1]  # the last write wins: the first cell of each facet
        cells[lists.indices, 1] = cell
        cells[cells[:, 1] == cells[:, 0], 1] = -1
        return cells

    @within_memory
    def dual_graph(self) -> Any:
        """Cells that share a facet: scipy CSR (n_cells, n_cells), symmetric; the entry is facet id + 1."""
        import scipy.sparse

        inner = np.flatnonzero(self.facet_cells[:, 1] >= 0)
        a, b = self.facet_cells[inner].T
        rows, columns, data = np.concatenate((a, b)), np.concatenate((b, a)), np.concatenate((inner, inner)) + 1
        return scipy.sparse.csr_array((data, (rows, columns)), shape=(self.n_cells, self.n_cells))

    # simplices

    def triangulation(self, k: int) -> Triangulation:
        """Pulling triangulation of the k-faces, oriented.

        The apex of each face is its smallest vertex id, so neighbours agree on what they share.

        Parameters
        ----------
        k : int
            0..d.

        Returns
        -------
        simplices : (n_s, k + 1) vertex ids
            For k > 1 the apex comes first. Those of cells (k = d) have positive volumes
            det(v_1 - v_0, ..., v_d - v_0) / d!, decided exactly for the vertices as they are. Those of facets
            (k = d - 1 > 0) have det(n, v_1 - v_0, ..., v_{d-1} - v_0) > 0 for the normal n of `facet_normals`: seen
            from the second cell, or from outside, they run counter-clockwise. Others have no orientation.
        owner : (n_s,) the k-face of each simplex, ascending
        """
        k = self._dimension(k, 0)
        if 0 < k == self.dim - 1:
            return self.derived("oriented facets", FaceLattice._oriented_facets)
        return pulled(self, k)


    def _pull(self, k: int) -> Triangulation:
        ids = np.arange(self.f_vector[k], dtype=np.int64)
        if k == 0:
            return ids[:, None], ids
        if k == 1:
            return self.vertices_of(1).indices.reshape(-1, 2).astype(np.int64), ids
        smallest = self.smallest_vertices
        if k > 3:  # numbers grow like k!: look ahead before those of lower dimensions are made
            count_cones(self.faces, smallest, k)
        return cones(self.faces[k - 1], smallest[k - 1], smallest[k], pulled(self, k - 1))

    @cached_property
    @within_memory
    def _oriented_cells(self) -> tuple[Triangulation, FloatArray]:
        """Simplices of the cells, with their volumes: one determinant gives both sign and size."""
        from specgeo.geometry.measures import measures

        simplices, owner = self._pull(self.dim)
        volumes = measures(self.vertices, simplices)
        _turn(simplices, volumes < 0)
        return (simplices, owner), np.abs(volumes, out=volumes)

    def _oriented_facets(self) -> Triangulation:
        simplices, owner = pulled(self, self.dim - 1)
        vectors = by_chunks(simplex_normals, self.vertices, simplices)
        simplices = simplices.copy()
        _turn(simplices, np.einsum("ij,ij->i", vectors, self.facet_normals[owner]) < 0)
        return simplices, owner

    def simplex_measures(self, k: int) -> FloatArray:
        """k-volumes of the simplices of `triangulation`, (n_s,), within 4e-16 of those of the float vertices."""
        k = self._dimension(k, 0)
        if k == self.dim:
            return self._oriented_cells[1]
        from specgeo.geometry.measures import measures

        return self.derived(("measures", k), lambda one: measures(one.vertices, pulled(one, k)[0]))

    def face_measures(self, k: int) -> FloatArray:
        """k-volumes of the k-faces, (n_k,); a vertex has measure 1. No term cancels another."""
        _, owner = pulled(self, k)
        sums = np.bincount(owner, self.simplex_measures(k), minlength=self.f_vector[k])
        return sums.astype(np.float64, copy=False)

    def face_centroids(self, k: int) -> FloatArray:
        """Centres of mass of the k-faces, (n_k, d); a face of rounded measure zero has the mean of its vertices."""
        simplices, owner = pulled(self, k)
        weights, apices = self.simplex_measures(k), self.vertices[self.smallest_vertices[k]]
        found = np.empty((self.f_vector[k], self.dim))
        for faces, some in with_simplices(owner, len(found)):
            points, own = self.vertices[simplices[some]], owner[some] - faces.start
            found[faces] = centres(points, weights[some], own, apices[faces])
        return found

    @cached_property
    @within_memory
    def volumes(self) -> FloatArray:
        """d-volumes of the cells, (n_cells,)."""
        return self.face_measures(self.dim)

    @cached_property
    @within_memory
    def centroids(self) -> FloatArray:
        """Centres of mass of the cells, (n_cells, d)."""
        return self.face_centroids(self.dim)

    # facets

    @cached_property
    def facet_sides(self) -> tuple[FloatArray, FloatArray]:
        """Unit normals (n_{d-1}, d) of the facets, and the distance of the vertex that decided the sense of each.

        That is the farthest vertex of the cells of the facet.
        """
        from specgeo.geometry._kernels import farthest_side

        d, normals = self.dim, np.empty((self.f_vector[-2], self.dim))
        simplices, owner = pulled(self, d - 1)
        for facets, some in with_simplices(owner, len(normals)):
            points, own = self.vertices[simplices[some]], owner[some] - facets.start
            normals[facets] = mean_normals(points, own, facets.stop - facets.start)
        lists, corners, base = self.faces[-1], self.vertices_of(d), self.smallest_vertices[d - 1]
        boundary, around = (lists.offsets, lists.indices), (corners.offsets, corners.indices)
        first = self.facet_cells[:, 0].copy()
        away = farthest_side(*boundary, *around, self.vertices, base, normals, first)
        normals *= np.where(away >= 0, 1.0, -1.0)[:, None]
        normals += 0.0  # no negative zeros
        return normals, np.abs(away, out=away)

    @property
    def facet_normals(self) -> FloatArray:
        """Unit normals of the facets, (n_{d-1}, d), from the first to the second cell; outwards on the boundary."""
        return self.facet_sides[0]


def pulled(lattice: FaceLattice, k: int) -> Triangulation:
    """As `FaceLattice.triangulation`, but facets in whatever orientation follows, for what does not depend on it."""
    k = lattice._dimension(k, 0)
    if k == lattice.dim:
        return lattice._oriented_cells[0]
    return lattice.derived(("pulled", k), lambda one: one._pull(k))


def _turn(simplices: IntArray, which: Any) -> None:
    """Exchange the last two vertices of some simplices, in place."""
    for some in parts(len(simplices)):
        rows = some.start + np.flatnonzero(which[some])
        simplices[rows, -2:] = simplices[rows, -2:][:, ::-1]
