"""`UnboundedLattice`: the faces of a complex on all of R^d, read off a complex of cones.

`specgeo.geometry.homogeneous` has the argument. Faces are numbered as in `specgeo.geometry.lattice`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._budget import within_memory
from specgeo._cast import FloatArray, IntArray, as_indices
from specgeo._display import counted
from specgeo.domain import Box
from specgeo.errors import DomainError, InvalidInputError
from specgeo.geometry.arrays import Flags, Ragged
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.homogeneous import Cones, cones_of
from specgeo.geometry.lattice import FaceLattice
from specgeo.geometry.topology import subcomplex

_POOR = 2.0**-30  # vertices with larger relative error bounds are taken from their exact coordinates


@dataclass(frozen=True, eq=False, repr=False)
class UnboundedLattice:
    """The faces of a complex on R^d, bounded and unbounded. Treat it as immutable, its arrays too.

    Faces of dimension k are numbered 0..n_k - 1; each is

        conv(its points) + cone(its rays) + L

    with one linear space L for all faces, of dimension `lineality_dim`. Nearly always L = {0}, and points are the
    vertices. Where all neurons of the first layer are constant along some direction, L contains it, there are no
    vertices, and a point stands for each of the smallest faces, which are translates of L.

    Parameters
    ----------
    cone : PolyhedralComplex
        The complex of a homogenised network on [0, 1] x [-1, 1]^d (`specgeo.geometry.homogeneous`).

    Examples
    --------
    Two half-planes:

    >>> import specgeo as sg
    >>> fold = sg.Network([[[0.0, 2.0]], [[3.0]]], [[-1.0], [0.0]])
    >>> cx = sg.enumerate_regions(fold, sg.WholeSpace(2))
    >>> cx.f_vector, cx.lineality_dim, cx.points + 0.0, len(cx.rays)
    ((0, 1, 2), 1, array([[0. , 0.5]]), 2)
    """

    cone: PolyhedralComplex

    @cached_property
    @within_memory
    def _cones(self) -> Cones:
        return cones_of(self.cone)

    @property
    def dim(self) -> int:
        """Dimension d."""
        return self.cone.dim - 1

    # faces

    @property
    def f_vector(self) -> tuple[int, ...]:
        """Number of faces of each dimension (n_0, ..., n_d), bounded and unbounded; the cells come last."""
        return tuple(map(len, self._cones.finite))

    @property
    def euler_characteristic(self) -> int:
        """Alternating sum of the f-vector: (-1)^d, for open cells fill R^d."""
        return int(sum((-1) ** k * n for k, n in enumerate(self.f_vector)))

    @property
    def bounded_f_vector(self) -> tuple[int, ...]:
        """Number of bounded faces of each dimension."""
        return tuple(int(self.is_bounded(k).sum()) for k in range(self.dim + 1))

    @property
    def f_vector_at_infinity(self) -> tuple[int, ...]:
        """Number of cones of directions of dimension 1, ..., d (above L, where the lineality space L is not {0}).

        Where L = {0} they cut the sphere of directions into faces of dimension 0, ..., d - 1, and unbounded cells are
        those that have one of dimension d - 1, and those between parallel walls.
        """
        return tuple(map(len, self._cones.infinite))

    @property
    def n_cells(self) -> int:
        """Number of cells: all activation regions of the network."""
        return self.cone.n_cells

    @property
    def faces(self) -> tuple[Ragged, ...]:
        """``faces[k - 1]`` lists the (k-1)-faces of each k-face, k = 1..d; a ray has one vertex, a line none."""
        return tuple(self._cones.boundaries)

    def boundary(self, k: int) -> Any:
        """Incidence of k-faces (rows) and (k-1)-faces (columns), scipy CSR (n_k, n_{k-1}) of ones; k = 1..d."""
        import scipy.sparse

        lists = self._cones.boundaries[self._dimension(k, 1) - 1]
        shape = (self.f_vector[k], self.f_vector[k - 1])
        return scipy.sparse.csr_array((np.ones(len(lists.indices), np.int8), lists.indices, lists.offsets), shape=shape)

    def is_bounded(self, k: int | None = None) -> Flags:
        """Which k-faces are bounded, (n_k,); the cells by default. Decided by the combinatorics."""
        k = self.dim if k is None else self._dimension(k, 0)
        if self.lineality_dim:
            return np.zeros(self.f_vector[k], np.bool_)
        return np.asarray(np.diff(self.rays_of(k).offsets) == 0)

    @property
    def lineality_dim(self) -> int:
        """Dimension of the linear space L along which all signs are constant; 0 for nearly all networks."""
        return self._cones.lineality

    def _dimension(self, k: int, least: int) -> int:
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not least <= k <= self.dim:
            raise InvalidInputError(f"k: {k!r} given; this complex has faces of dimension {least} to {self.dim}")
        return int(k)

    def vertices_of(self, k: int) -> Ragged:
        """Ids of the vertices of each k-face, ascending; k = 0..d."""
        return Ragged.of([[]] * self.f_vector[self._dimension(k, 0)]) if self.lineality_dim else self.points_of(k)

    def points_of(self, k: int) -> Ragged:
        """Ids of the `points` on each k-face, ascending; k = 0..d."""
        on = self._cones.on[self._dimension(k, 0)][:, : self._n_points]
        return Ragged(on.indptr.astype(np.int64), on.indices.astype(np.int32))

    def rays_of(self, k: int) -> Ragged:
        """Ids of the rays of each k-face, ascending; k = 0..d."""
        on = self._cones.on[self._dimension(k, 0)][:, self._n_points :]
        return Ragged(on.indptr.astype(np.int64), on.indices.astype(np.int32))

    @property
    def _n_points(self) -> int:
        return len(self._cones.finite[self.lineality_dim])

    # coordinates

    @cached_property
    @within_memory
    def _points(self) -> tuple[FloatArray, FloatArray]:
        """Points and, where they are vertices, bounds on the errors of their coordinates."""
        flat = self.lineality_dim
        x = self._representatives(self._cones.finite[flat], flat + 1)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            points = self._across(x[:, 1:] / x[:, :1])
        if flat:
            return points, np.full(len(points), np.inf)
        ids = self._far_ends(self._cones.finite[0])
        stated = self.cone.vertex_errors
        error = np.zeros(len(ids)) if stated is None else stated[ids]
        size, eps = np.abs(points).max(axis=1), np.finfo(np.float64).eps
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            # |x'/x_0 - y'/y_0| <= (|x' - y'| + |x'/x_0| |x_0 - y_0|) / y_0, and y_0 >= x_0 - error
            bound = (error * (1.0 + size) / (x[:, 0] - error)) * (1.0 + 8.0 * eps) + eps * size
            bound[(error == 0.0) & (x[:, 0] == 1.0)] = 0.0
            poor = np.flatnonzero(~((bound >= 0.0) & (bound <= _POOR * (1.0 + size)) & (error < x[:, 0])))
        if len(poor):
            try:
                points[poor] = [[float(c) for c in point] for point in self.exact_vertices(poor)]
            except OverflowError:
                raise DomainError(
                    "vertices: some are beyond the range of floats; exact_vertices() has their coordinates"
                ) from None
            bound[poor] = eps * np.abs(points[poor]).max(axis=1) + 5e-324
        return points, bound

    def _far_ends(self, edges: IntArray) -> IntArray:
        """Of edges from the apex in the complex of cones the other ends, on the outer walls."""
        ends = self.cone.faces[0].take(edges).indices.reshape(-1, 2)
        return np.where(ends[:, 0] == self._cones.least, ends[:, 1], ends[:, 0]).astype(np.int64)

    def _representatives(self, ids: IntArray, j: int) -> FloatArray:
        """A point of the complex of cones on each of some j-faces, in its relative interior modulo L, (n, d + 1)."""
        if j == 1:
            return np.asarray(self.cone.vertices[self._far_ends(ids)])
        corners = self.cone.vertices_of(j).take(ids)
        sums = np.add.reduceat(self.cone.vertices[corners.indices], corners.offsets[:-1]) if len(ids) else 0.0
        return np.asarray(sums / np.maximum(corners.lengths, 1)[:, None]).reshape(-1, self.dim + 1)

    def _across(self, x: FloatArray) -> FloatArray:
        """The part orthogonal to L."""
        return np.asarray(x - x @ self.lineality.T @ self.lineality)

    @property
    def vertices(self) -> FloatArray:
        """Coordinates of the vertices, (n_0, d); `points` has what stands for them where there are none."""
        return self.points[: self.f_vector[0]]

    @property
    def vertex_errors(self) -> FloatArray:
        """For each vertex a bound on the error of its coordinates, (n_0,)."""
        return self._points[1][: self.f_vector[0]]

    @property
    def points(self) -> FloatArray:
        """The vertices; where ``lineality_dim`` is l > 0, a point of each l-face, the one orthogonal to L: (n_l, d)."""
        return self._points[0]

    @cached_property
    def lineality(self) -> FloatArray:
        """Orthonormal basis of the linear space L along which all signs are constant, (lineality_dim, d)."""
        if self.lineality_dim == 0:
            return np.empty((0, self.dim))
        corners = self.cone.vertices_of(self.lineality_dim)[self._cones.least]
        return np.asarray(np.linalg.svd(self.cone.vertices[corners, 1:])[2][: self.lineality_dim])

    @cached_property
    def rays(self) -> FloatArray:
        """Unit vectors, the directions that unbounded faces are spanned by, (n_rays, d), orthogonal to L."""
        flat = self.lineality_dim
        if flat == self.dim:
            return np.empty((0, self.dim))
        x = self._across(self._representatives(self._cones.infinite[flat], flat + 1)[:, 1:])
        return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True))

    def exact_vertices(self, ids: npt.ArrayLike | None = None) -> list[tuple[Fraction, ...]]:
        """Exact coordinates of vertices, all by default, as Fractions."""
        edges = self._cones.finite[0]
        wanted = np.arange(len(edges)) if ids is None else as_indices(ids, "ids", len(edges))
        exact = self.cone.exact_vertices(self._far_ends(edges[wanted]))
        return [tuple(c / point[0] for c in point[1:]) for point in exact]

    def bounding_box(self) -> Box:
        """A box with all points in its interior, a quarter of its width from the walls: bounded faces lie in it."""
        points = self.points if len(self.points) else np.zeros((1, self.dim))
        low, high = points.min(axis=0), points.max(axis=0)
        margin = (high - low) / 2
        margin[margin == 0] = max(1.0, float(margin.max()), float(np.abs(points).max()) * 2.0**-20)
        return Box(low - margin, high + margin)

    # who touches whom, and how large

    @cached_property
    def facet_cells(self) -> IntArray:
        """The two cells of each facet, (n_{d-1}, 2), the lower id first: a whole space has no boundary."""
        return np.asarray(self.cone.facet_cells[self._cones.finite[self.dim - 1]])

    @cached_property
    @within_memory
    def facet_normals(self) -> FloatArray:
        """Unit normals of the facets, (n_{d-1}, d), from the first to the second cell."""
        normals = self.cone.facet_normals[self._cones.finite[self.dim - 1], 1:]
        return np.asarray(normals / np.linalg.norm(normals, axis=1, keepdims=True))

    @within_memory
    def dual_graph(self) -> Any:
        """Cells that share a facet: scipy CSR (n_cells, n_cells), symmetric; the entry is facet id + 1."""
        import scipy.sparse

        a, b = self.facet_cells.T
        ids = np.arange(1, len(a) + 1)
        entries = np.concatenate((ids, ids)), (np.concatenate((a, b)), np.concatenate((b, a)))
        return scipy.sparse.csr_array(entries, shape=(self.n_cells, self.n_cells))

    @cached_property
    @within_memory
    def bounded_part(self) -> FaceLattice:
        """All bounded faces, as a lattice of their own: measures, centroids, Betti numbers."""
        if self.lineality_dim:
            return FaceLattice(np.empty((0, self.dim)), tuple(Ragged.of([]) for _ in range(self.dim)))
        flags = [self.is_bounded(k) for k in range(self.dim + 1)]
        return subcomplex(FaceLattice(self.vertices, self.faces), flags)[0]

    def face_measures(self, k: int) -> FloatArray:
        """k-volumes of the k-faces, (n_k,); infinite where they are unbounded."""
        bounded = self.is_bounded(k)
        measures = np.full(len(bounded), np.inf if k else 1.0)
        if k and np.any(bounded):
            measures[bounded] = self.bounded_part.face_measures(k)
        return measures

    @cached_property
    @within_memory
    def volumes(self) -> FloatArray:
        """d-volumes of the cells, (n_cells,); infinite where they are unbounded."""
        return self.face_measures(self.dim)

    @cached_property
    @within_memory
    def interior_points(self) -> FloatArray:
        """A point inside each cell, within rounding, (n_cells, d): the mean of its points plus the sum of its rays."""
        on = self._cones.on[self.dim].astype(np.float64)
        points, rays = on[:, : self._n_points], on[:, self._n_points :]
        return np.asarray(points @ self.points / points.sum(axis=1)[:, None] + rays @ self.rays)

    def __repr__(self) -> str:
        n = int(self.is_bounded().sum())
        return f"{type(self).__name__}(dim={self.dim}, f_vector={self.f_vector}, {counted(n, 'bounded cell')})"
