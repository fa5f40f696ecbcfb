r"""A network restricted to a triangulated surface: one exact complex a triangle, glued along the edges.

Notation: on a triangle with corners p_0, p_1, p_2 in R^D the network is the function

    (s, t) -> f((1 - s - t) p_0 + s p_1 + t p_2),     s, t >= 0,  s + t <= 1,

of two inputs, in exact arithmetic and with the corners as they are: no difference p_i - p_0 is rounded, so that two
triangles have the same function on an edge that they share. With parameters w in R^2 at the corners

    c_n = int f(gamma(w)) exp(-2 pi i n . w) dw.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import ComplexArray, FloatArray, IntArray, as_floats, as_indices, as_whole
from specgeo._double import UNIT_ROUNDOFF
from specgeo._measures import simplex_measures
from specgeo.domain import Polytope
from specgeo.enumeration import enumerate_regions
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.fourier.spectra import spectrum
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.export import of_one_length, polygon_rings
from specgeo.geometry.vertex_values import vertex_values
from specgeo.network import Network
from specgeo.results import Result, axes, empty_figure

_WALLS = ((0, 2), (0, 1), (1, 2))  # corners on the walls s >= 0, t >= 0, s + t <= 1 of the domain of a triangle
_CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])  # (s, t) of the corners
_ROUNDING = 16  # roundoffs of a phase n . w, of an area in parameters, and of a sum of two terms


@dataclass(frozen=True, eq=False)
class SurfaceFunction(Result):
    """A network on a triangulated surface, from `restrict_to_surface`.

    Attributes
    ----------
    vertices : ndarray, shape (n, D)
    triangles : ndarray of int, shape (t, 3)
    parameters : ndarray, shape (t, 3, 2), or None
        Parameters w of the corners of each triangle.
    complexes : tuple of PolyhedralComplex, (t,)
        On each triangle, in its coordinates (s, t); cells are numbered through, triangle by triangle.
    """

    vertices: FloatArray
    triangles: IntArray
    parameters: FloatArray | None
    complexes: tuple[PolyhedralComplex, ...] = field(repr=False)

    @cached_property
    def areas(self) -> FloatArray:
        """Area of each triangle, (t,)."""
        return np.asarray(simplex_measures(self.vertices[self.triangles]))

    @property
    def n_cells(self) -> int:
        """Number of cells of all triangles together."""
        return len(self.cell_triangles)

    @cached_property
    def cell_triangles(self) -> IntArray:
        """The triangle of each cell, (n_cells,)."""
        return np.repeat(np.arange(len(self.complexes)), [cx.n_cells for cx in self.complexes])

    @cached_property
    def cell_areas(self) -> FloatArray:
        """Area of each cell, (n_cells,)."""
        shares = 2 * np.concatenate([cx.volumes for cx in self.complexes])
        return np.asarray(shares * self.areas[self.cell_triangles])

    @cached_property
    def _glued(self) -> tuple[IntArray, tuple[int, int, int]]:
        """Pairs of cells on the two sides of each segment of an edge that triangles share; the f-vector."""
        starts = np.cumsum([0, *(cx.n_cells for cx in self.complexes)])
        found: dict[tuple[int, int], list[IntArray]] = defaultdict(list)
        for number, cx in enumerate(self.complexes):
            for edge, cells in _sides(cx, self.triangles[number]):
                found[edge].append(cells + starts[number])
        n_0, n_1, n_2 = np.sum([cx.f_vector for cx in self.complexes], axis=0).tolist()
        pairs = [np.empty((0, 2), dtype=np.int64)]
        for edge, (first, *others) in found.items():
            for other in others:
                assert len(other) == len(first), f"edge {edge} is cut differently from its two sides"
                pairs.append(np.stack((first, other), axis=1))
                n_0, n_1 = n_0 - (len(first) - 1), n_1 - len(first)
        n_0 -= self.triangles.size - len(np.unique(self.triangles))
        return np.concatenate(pairs), (n_0, n_1, n_2)

    @property
    def f_vector(self) -> tuple[int, int, int]:
        """Vertices, edges and cells of the complex on the surface, those on shared edges counted once."""
        return self._glued[1]

    @property
    def euler_characteristic(self) -> int:
        """That of the surface: vertices - edges + cells."""
        n_0, n_1, n_2 = self.f_vector
        return n_0 - n_1 + n_2

    @cached_property
    def regions(self) -> IntArray:
        """Label of the activation region of each cell, (n_cells,).

        Cells with the same signs of all units that share a segment of an edge are one region, on which the network is
        one affine map of the space. A flat triangle that is cut in several keeps its regions.
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        signs = np.concatenate([cx.sign_vectors for cx in self.complexes])
        pairs = self._glued[0]
        joined = pairs[np.all(signs[pairs[:, 0]] == signs[pairs[:, 1]], axis=1)]
        graph = coo_array((np.ones(len(joined)), joined.T), shape=(self.n_cells, self.n_cells))
        return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)

    @property
    def n_regions(self) -> int:
        """Number of activation regions on the surface."""
        return int(self.regions.max()) + 1

    @property
    def region_areas(self) -> FloatArray:
        """Area of each activation region, (n_regions,)."""
        return np.asarray(np.bincount(self.regions, self.cell_areas), dtype=np.float64)

    @property
    def area(self) -> float:
        """Area of the surface."""
        return float(self.areas.sum())

    def integrate(self, power: int = 1) -> FloatArray:
        """Integral of f^power over the surface, with respect to its area, for each output: (m,)."""
        power = as_whole(power, "power")
        parts = np.array([cx.integrate(power) for cx in self.complexes])
        return np.asarray(2 * self.areas @ parts)

    def mean(self) -> FloatArray:
        """Mean of f over the surface, for each output: (m,)."""
        return np.asarray(self.integrate() / self.area)

    @overload
    def fourier_coefficients(self, modes: npt.ArrayLike, *, return_error: Literal[False] = False) -> ComplexArray: ...
    @overload
    def fourier_coefficients(
        self, modes: npt.ArrayLike, *, return_error: Literal[True]
    ) -> tuple[ComplexArray, FloatArray]: ...
    @checked
    def fourier_coefficients(
        self, modes: npt.ArrayLike, *, return_error: bool = False
    ) -> ComplexArray | tuple[ComplexArray, FloatArray]:
        """c_n = int f(gamma(w)) exp(-2 pi i n . w) dw over the parameters, in closed form.

        Parameters
        ----------
        modes : array_like, shape (..., 2)
            Frequencies n in cycles per unit of the parameters; integers for the series of a surface whose parameters
            fill the unit square.
        return_error : bool
            Return a bound on the error too: dearer by far, since the vertices of each triangle are to be exact.

        Returns
        -------
        coefficients : ndarray of complex128, shape (..., m)
        error : ndarray of float64, shape (..., m), only with ``return_error``
            Those of `specgeo.spectrum` on the triangles, and the rounding of phases, areas and the sum.

        Raises
        ------
        UnsupportedError
            The surface has no parameters.

        Notes
        -----
        On a triangle w = w_0 + B (s, t), so that its share is \\|det B\\| e^(-i k.w_0) F(B^T k), k = 2 pi n, with the
        transform F of its complex. Triangles of either orientation count with their area; flat ones in the
        parameters with none.
        """
        if self.parameters is None:
            raise UnsupportedError("modes: the surface has no parameters; pass them to restrict_to_surface")
        n = as_floats(modes, "modes")
        if n.ndim == 0 or n.shape[-1] != 2:
            raise InvalidInputError(f"modes: shape {n.shape} given, (..., 2) wanted")
        k = 2 * np.pi * n.reshape(-1, 2)
        scales = 2 * simplex_measures(self.parameters)
        total = np.zeros((len(k), self.complexes[0].offsets.shape[1]), dtype=np.complex128)
        error, size = np.zeros(total.shape), np.zeros(total.shape)
        for corners, scale, cx in zip(self.parameters, scales, self.complexes, strict=True):
            turned, waves = scale * np.exp(-1j * (k @ corners[0]))[:, None], k @ (corners[1:] - corners[0]).T
            if not return_error:
                total += turned * spectrum(cx, waves, method="volume")
                continue
            values, bound = spectrum(cx, waves, return_error=True, method="volume")
            total += turned * values
            phases = 1 + (np.abs(k) @ np.abs(corners).max(axis=0))[:, None]
            weight = scale * np.abs(vertex_values(cx)).max(axis=0) / 2  # at least scale int |f|
            error += scale * bound + _ROUNDING * UNIT_ROUNDOFF * phases * weight
            size += weight
        error += len(self.complexes) * UNIT_ROUNDOFF * size
        shape = (*n.shape[:-1], total.shape[1])
        return (total.reshape(shape), error.reshape(shape)) if return_error else total.reshape(shape)

    def to_dict(self) -> dict[str, Any]:
        """Plain Python numbers, for JSON."""
        counts = {"n_cells": self.n_cells, "n_regions": self.n_regions, "f_vector": list(self.f_vector)}
        return {**counts, "area": self.area, "mean": self.mean().tolist()}

    def __str__(self) -> str:
        return (
            f"network on a surface of {len(self.triangles):,} triangles: {self.n_cells:,} cells, {self.n_regions:,} "
            f"regions, area {self.area:.6g}"
        )

    def plot(self, ax: Any = None, output: int = 0) -> Any:
        """The surface in space, or another in its parameters: the mean of an output on each cell; matplotlib axes."""
        solid = self.vertices.shape[1] == 3
        places = self.vertices[self.triangles] if solid or self.parameters is None else self.parameters
        if places.shape[2] not in (2, 3):
            raise UnsupportedError(f"plot: a surface in dimension {places.shape[2]} without parameters")
        polygons: list[FloatArray] = []
        for corners, cx in zip(places, self.complexes, strict=True):
            points = corners[0] + cx.vertices @ (corners[1:] - corners[0])
            polygons += [points[ring] for ring in polygon_rings(cx)]
        colours = np.concatenate([cx.means[:, output] for cx in self.complexes])
        return _draw(ax, polygons, colours, places.reshape(-1, places.shape[2]))


def _sides(cx: PolyhedralComplex, corners: IntArray) -> list[tuple[tuple[int, int], IntArray]]:
    """For each side of a triangle its two mesh vertices, the smaller first, and its cells in order between them."""
    assert cx.facet_walls is not None
    ends = cx.faces[0].indices.reshape(-1, 2)
    found = []
    for wall, side in enumerate(_WALLS):
        first, last = sorted(side, key=lambda i: corners[i])
        rows = np.flatnonzero(cx.facet_walls == wall)
        at: dict[int, list[int]] = defaultdict(list)
        for row in rows.tolist():
            for v in ends[row].tolist():
                at[v].append(row)
        alone = [v for v, touching in at.items() if len(touching) == 1]
        here = alone[int(np.abs(cx.vertices[alone] - _CORNERS[first]).sum(axis=1).argmin())]
        chain: list[int] = []
        for _ in range(len(rows)):  # a walk from segment to segment: no coordinate orders them
            row = next(r for r in at[here] if r not in chain[-1:])
            chain.append(row)
            here = int(ends[row].sum()) - here
        found.append(((int(corners[first]), int(corners[last])), cx.facet_cells[chain, 0].astype(np.int64)))
    return found


def _draw(ax: Any, polygons: list[FloatArray], colours: FloatArray, places: FloatArray) -> Any:
    lower, upper = places.min(axis=0), places.max(axis=0)
    if places.shape[1] == 3:
        from mpl_toolkits.mplot3d.art3d import Poly3DCollection

        ax = empty_figure(6, 5).add_subplot(projection="3d") if ax is None else ax
        drawn: Any = Poly3DCollection(of_one_length(polygons), linewidths=0.2)
        ax.add_collection3d(drawn)
        ax.set(xlim=(lower[0], upper[0]), ylim=(lower[1], upper[1]), zlim=(lower[2], upper[2]))
        ax.set(xlabel="$x_0$", ylabel="$x_1$", zlabel="$x_2$")
        ax.set_box_aspect(np.maximum(upper - lower, 0.05 * (upper - lower).max()))
    else:
        from matplotlib.collections import PolyCollection

        ax = axes(ax)
        drawn = PolyCollection(polygons, linewidths=0.2)
        ax.add_collection(drawn)
        ax.set(xlim=(lower[0], upper[0]), ylim=(lower[1], upper[1]), xlabel="u", ylabel="v", aspect="equal")
    drawn.set_array(colours)
    drawn.set_edgecolor("face")
    ax.figure.colorbar(drawn, ax=ax, label="f, mean on each cell", shrink=0.8)
    return ax


@checked
def restrict_to_surface(
    net: Network, vertices: npt.ArrayLike, triangles: npt.ArrayLike, parameters: npt.ArrayLike | None = None
) -> SurfaceFunction:
    """The network on a triangulated surface, exactly: the complex of its cells on every triangle.

    Parameters
    ----------
    net : Network
        Any input dimension D.
    vertices : array_like, shape (n, D)
        Points of the surface.
    triangles : array_like of int, shape (t, 3)
        Their numbers; triangles are joined where they share the numbers of two vertices. The surface may be closed or
        have a boundary, be oriented or not, or branch.
    parameters : array_like, shape (n, 2) or (t, 3, 2), optional
        Parameters w of each vertex, or of each corner of each triangle where a vertex has several (at the seam of a
        closed surface), for Fourier coefficients.

    Returns
    -------
    SurfaceFunction

    Raises
    ------
    InvalidInputError
        Wrong shapes, a vertex that does not exist, or a triangle without area (decided exactly).

    Notes
    -----
    Each triangle is an affine slice of the space. Its corners enter the network as they are, so the function and all
    its cells are those of exact arithmetic, and the two sides of a shared edge have the same segments.

    Examples
    --------
    An octahedron, and \\|x\\| on it, which has four regions:

    >>> import specgeo as sg
    >>> net = sg.Network([[[1, 0, 0], [-1, 0, 0], [0, 1, 0]], [[1, 1, 0]]], [[0, 0, 0], [0]])
    >>> vertices = [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]]
    >>> triangles = [[x, y, z] for x in (0, 1) for y in (2, 3) for z in (4, 5)]
    >>> surface = sg.theory.restrict_to_surface(net, vertices, triangles)
    >>> surface.f_vector, surface.euler_characteristic, surface.n_regions
    ((6, 12, 8), 2, 4)
    >>> surface.mean().round(12)
    array([0.33333333])
    """
    points = as_floats(vertices, "vertices", (None, net.input_dim))
    numbers = as_indices(triangles, "triangles", len(points), 3)
    if len(numbers) == 0:
        raise InvalidInputError("triangles: none given; pass one or more")
    if net.input_dim < 2:
        raise InvalidInputError("net: has one input; a surface lies in dimension 2 or more")
    flat = np.flatnonzero(simplex_measures(points[numbers]) == 0.0)
    if len(flat):
        raise InvalidInputError(f"triangles: number {flat[0]} has no area; drop it, and others like it")
    places = None
    if parameters is not None:
        places = as_floats(parameters, "parameters")
        if places.shape == (len(points), 2):
            places = places[numbers]
        if places.shape != (len(numbers), 3, 2):
            raise InvalidInputError(
                f"parameters: shape {places.shape} given; ({len(points)}, 2) or ({len(numbers)}, 3, 2) wanted"
            )
    domain = Polytope([[-1.0, 0.0], [0.0, -1.0], [1.0, 1.0]], [0.0, 0.0, 1.0])
    shares = [[-1.0, -1.0], [1.0, 0.0], [0.0, 1.0]], [1.0, 0.0, 0.0]  # of the corners, at (s, t)
    complexes = tuple(
        enumerate_regions(net.precompose(points[corners].T).precompose(*shares), domain) for corners in numbers
    )
    return SurfaceFunction(points, numbers, places, complexes)
