"""`WholeSpaceComplex`: the polyhedral complex of a network on all of R^d, unbounded faces included.

It is read off a complex of cones, see `specgeo.geometry.homogeneous`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar, NoReturn

import numpy as np
import numpy.typing as npt

from specgeo._budget import within_memory
from specgeo._cast import FloatArray, IntArray, as_indices, as_points
from specgeo._codec import Layers, Names, pack, unpack
from specgeo._display import as_html, counted
from specgeo.domain import Box, WholeSpace
from specgeo.errors import DomainError, InvalidInputError, ReadError
from specgeo.geometry.arrays import Flags, Patterns, Ragged, unpacked
from specgeo.geometry.cell import Cell
from specgeo.geometry.certificate import Certificate, Reproof
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.homogeneous import Cones, cone_box, cones_of, homogenised, signs_of_cells
from specgeo.geometry.lattice import FaceLattice
from specgeo.geometry.pieces import affine_pieces
from specgeo.geometry.point_signs import PointSigns
from specgeo.geometry.topology import subcomplex

_POOR = 2.0**-30  # vertices with larger relative error bounds are taken from their exact coordinates
_NAMES = Names(*(f"space_{name}_" for name in ("weight", "bias", "breakpoints", "slopes")))
_ACTIVATIONS = "space_activations"


class _Unbounded(DomainError, AttributeError):
    """What a complex of the whole space does not have."""


@dataclass(frozen=True, eq=False, repr=False)
class WholeSpaceComplex:
    """The polyhedral complex of a network on R^d: every region, unbounded ones with their directions at infinity.

    Made by ``specgeo.enumerate_regions(network, specgeo.WholeSpace(d))``. Treat it as immutable, its arrays too. Faces
    of dimension k are numbered 0..n_k - 1; each is

        conv(its points) + cone(its rays) + L

    with one linear space L for all faces, of dimension `lineality_dim`. Nearly always L = {0}, and points are the
    vertices. Where all neurons of the first layer are constant along some direction, L contains it, there are no
    vertices, and a point stands for each of the smallest faces, which are translates of L.

    Parameters
    ----------
    cone : PolyhedralComplex
        The complex of the homogenised network on [0, 1] x [-1, 1]^d (`specgeo.geometry.homogeneous`).
    layers : Layers
        Those of the network itself.
    notes : dict
        Names and place of its slice.

    Raises
    ------
    DomainError
        When something is asked for that only bounded domains have (centroids, spectra, level sets, exports):
        ``cx.on(domain)`` has it. It is an AttributeError too.

    Examples
    --------
    Three lines in general position:

    >>> import specgeo as sg
    >>> net = sg.Network([[[1, 0], [0, 1], [1, 1]], [[1, 1, 1]]], [[0, 0, -1], [0]])
    >>> cx = sg.enumerate_regions(net, sg.WholeSpace(2))
    >>> cx.f_vector, cx.bounded_f_vector
    ((3, 9, 7), (3, 3, 1))
    >>> cx.volumes[cx.is_bounded()], cx.volumes.max()
    (array([0.5]), np.float64(inf))
    >>> cell = cx.locate([100.0, 100.0])
    >>> cx.vertices[cx.vertices_of(2)[cell]], cx.rays[cx.rays_of(2)[cell]] + 0.0
    (array([[0., 1.],
           [1., 0.]]), array([[0., 1.],
           [1., 0.]]))
    """

    cone: PolyhedralComplex
    layers: Layers
    notes: dict[str, Any]

    instead: ClassVar[str] = "cx.on(domain) is its complex on a bounded domain"

    @cached_property
    @within_memory
    def _cones(self) -> Cones:
        return cones_of(self.cone)

    @property
    def dim(self) -> int:
        """Dimension d."""
        return self.cone.dim - 1

    @property
    def domain(self) -> WholeSpace:
        """The space R^d."""
        return WholeSpace(self.dim)

    @property
    def certificate(self) -> Certificate:
        """How the signs were proved."""
        known: Certificate = self.cone.certificate
        return known

    # faces

    @property
    def f_vector(self) -> tuple[int, ...]:
        """Number of faces of each dimension (n_0, ..., n_d), bounded and unbounded; the cells come last.

        Their alternating sum is (-1)^d.
        """
        return tuple(map(len, self._cones.finite))

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

    # the function

    @cached_property
    @within_memory
    def signs(self) -> Patterns:
        """Signs of the units on the cells."""
        return signs_of_cells(self.cone, self.layers)

    @property
    @within_memory
    def patterns(self) -> npt.NDArray[np.bool_]:
        """True where a unit is positive, (n_cells, n_units), as `PolyhedralComplex.patterns`."""
        return unpacked(self.signs.positive, len(self.signs.layers))

    @property
    @within_memory
    def sign_vectors(self) -> npt.NDArray[np.int8]:
        """Signs -1, 0, 1 of the units on each cell, (n_cells, n_units); 0: the unit vanishes on the cell."""
        return self.signs.vectors()

    @property
    def known_signs(self) -> Patterns:
        """``signs``."""
        return self.signs

    @cached_property
    @within_memory
    def _affine(self) -> tuple[FloatArray, FloatArray]:
        return affine_pieces(self.layers, self.signs)

    @property
    def gradients(self) -> FloatArray:
        """Gradient of each output on each cell, shape (n_cells, m, d)."""
        return self._affine[0]

    @property
    def offsets(self) -> FloatArray:
        """Constant term of each output on each cell, shape (n_cells, m)."""
        return self._affine[1]

    @property
    def linear_regions(self) -> IntArray:
        """Label of the linear region of each cell, (n_cells,): cells that share a facet and have one affine map.

        Decided exactly, as `PolyhedralComplex.linear_regions`.
        """
        return self.cone.linear_regions  # two maps are equal where the homogeneous ones are

    @property
    def n_linear_regions(self) -> int:
        """Number of linear regions: maximal unions of cells, connected through facets, with one affine map."""
        return self.cone.n_linear_regions

    @within_memory
    def locate(self, x: npt.ArrayLike) -> IntArray:
        """Cell index of each point, (..., d) -> (...), decided exactly; on a common face the first of its cells."""
        points = as_points(x, "x", self.dim)
        flat = np.ascontiguousarray(points.reshape(-1, self.dim))
        # (1, x), divided by a power of two, is in the box of the cones: exactly, unless something underflows
        exponents = np.maximum(np.frexp(np.abs(flat).max(axis=1, initial=0.0))[1], 0)
        scaled = np.ldexp(np.column_stack((np.ones(len(flat)), flat)), -exponents[:, None])
        found = self.cone.locate(scaled)
        with np.errstate(over="ignore"):
            lost = np.flatnonzero(np.any(np.ldexp(scaled[:, 1:], exponents[:, None]) != flat, axis=1))
        if len(lost):
            signs = self.sign_vectors
            for i, own in zip(lost.tolist(), PointSigns(self.layers).exact(flat[lost]), strict=True):
                found[i] = int(np.argmax(~np.any(signs * own < 0, axis=1)))
        return np.asarray(found.reshape(points.shape[:-1]))

    @within_memory
    def __call__(self, x: npt.ArrayLike) -> FloatArray:
        """Values f(x) from the affine piece of the cell of each point, (..., d) -> (..., m)."""
        points = as_points(x, "x", self.dim)
        cells = self.locate(points)
        return np.asarray(np.einsum("...md,...d->...m", self.gradients[cells], points) + self.offsets[cells])

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

    # on to what needs a bounded domain, and to files

    def on(self, domain: Any, **options: Any) -> PolyhedralComplex:
        """The complex of the same network on a bounded domain, by `specgeo.enumerate_regions`."""
        from specgeo.enumeration import enumerate_regions
        from specgeo.network import Network

        cx: PolyhedralComplex = enumerate_regions(Network.of(self.layers, self.notes), domain, **options)
        return cx

    def plot(self, ax: Any = None, *, window: Any = None, **options: Any) -> Any:
        """Draw the complex on a window, `bounding_box` by default; options as in `PolyhedralComplex.plot`."""
        return self.on(self.bounding_box() if window is None else window).plot(ax, **options)

    @within_memory
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to one ``.npz`` file: that of the complex of cones, with the network beside.

        `specgeo.check` proves the former; `load` reads both.
        """
        names = [[activation.name, float(activation.intercept).hex()] for activation in self.layers.activations]
        notes = self.notes | pack(self.layers, _NAMES) | {_ACTIVATIONS: names}
        replace(self.cone, pieces=(self.cone.gradients, self.cone.offsets), notes=notes).save(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], max_bytes: int | None = None) -> WholeSpaceComplex:
        """Read a complex written by `save`.

        Raises
        ------
        ReadError
            The file is missing, corrupt, or that of a complex on a bounded domain.
        """
        from specgeo.geometry.storage import read_complex

        cone = read_complex(path, max_bytes)
        notes = dict(cone.notes)
        if _ACTIVATIONS not in notes:
            raise ReadError(f"{path}: a complex on a bounded domain; read it with specgeo.load_complex")
        hidden = [(float.fromhex(intercept), name) for name, intercept in notes.pop(_ACTIVATIONS)]
        own = {name: notes.pop(name) for name in list(notes) if name.startswith(_NAMES)}
        made = cls(replace(cone, notes={}), unpack(own, _NAMES, hidden), notes)
        failure = made._mismatch()
        if failure:
            raise ReadError(f"{path}: {failure}")
        return made

    def _mismatch(self) -> str | None:
        """Why the cones are not those of the network, if they are not."""
        wanted, given, box = homogenised(self.layers), self.cone.layers, self.cone.domain
        dim = wanted.weights[0].shape[1] - 1
        if not isinstance(box, Box) or repr(box) != repr(cone_box(dim)):
            return "domain: not the box of cones over the whole space"
        if given is None or len(given.weights) != len(wanted.weights):
            return "network: not the homogenised one"
        pairs = [*zip(given.weights, wanted.weights, strict=True), *zip(given.biases, wanted.biases, strict=True)]
        for own, other in zip(given.activations, wanted.activations, strict=True):
            pairs += [(own.breakpoints, other.breakpoints), (own.slopes, other.slopes)]
            pairs.append((np.array(own.intercept), np.array(other.intercept)))
        return None if all(np.array_equal(a, b) for a, b in pairs) else "network: not the homogenised one"

    def reprove(self) -> Reproof:
        """Prove the complex again, in integers: that of the cones (`PolyhedralComplex.reprove`), and whose they are."""
        proof, failure = self.cone.reprove(), self._mismatch()
        return proof if failure is None else replace(proof, proved=False, failure=failure)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_") or not hasattr(PolyhedralComplex, name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        raise _Unbounded(f"{name}: needs a bounded domain; cx.on(cx.bounding_box()).{name}, or on a Box of your choice")

    def __len__(self) -> int:
        """Number of cells."""
        return self.n_cells

    def __getitem__(self, cell: int) -> Cell:
        """One cell by its number, as `locate` gives it."""
        return Cell.of(self, cell)

    def __iter__(self) -> Iterator[Cell]:
        return (self[cell] for cell in range(self.n_cells))

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        n = int(self.is_bounded().sum())
        return f"{type(self).__name__}(dim={self.dim}, f_vector={self.f_vector}, {counted(n, 'bounded cell')})"

    def _repr_html_(self) -> str:
        return as_html(self, draw=self.n_cells <= 20_000)
