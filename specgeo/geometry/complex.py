"""`PolyhedralComplex`: the cells, faces and affine pieces of a piecewise-linear function."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._budget import within_memory
from specgeo._cast import FloatArray, IntArray, as_indices, as_points, as_whole
from specgeo._codec import Layers
from specgeo._deprecated import renamed, warn
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.geometry.arrays import Patterns, unpacked
from specgeo.geometry.cell import Cell
from specgeo.geometry.certificate import Reproof
from specgeo.geometry.facets import Facets, build_facets
from specgeo.geometry.lattice import FaceLattice


@dataclass(frozen=True, eq=False, repr=False)
class PolyhedralComplex(FaceLattice):
    """A polyhedral complex with an affine function on each cell.

    Made by `specgeo.enumerate_regions` or `specgeo.load_complex`. Treat it as immutable, its arrays too: what is
    not stored is derived on first use and kept.

    Parameters
    ----------
    vertices : (n_0, d)
    faces : tuple of Ragged
        ``faces[k - 1]`` lists the (k-1)-faces of each k-face, k = 1..d.
    pieces : (gradients, offsets) or a function that returns them
        Shapes (n_cells, m, d) and (n_cells, m).
    signs : Patterns, optional
        Signs of the units on the cells.
    domain : Box or Polytope, optional
    certificate : Certificate, optional
        How the signs were proved.
    layers : Layers, optional
        ``weights``, ``biases`` and ``activations`` of the network, where known.
    vertex_errors : (n_0,), optional
        For each vertex a bound on the error of its coordinates.
    facet_walls : (n_{d-1},), optional
        For each facet the wall of the domain that it lies in, -1 for facets of two cells.
    notes : dict
        What else is to be saved with the complex: arrays, and what JSON can hold.

    Examples
    --------
    >>> import specgeo as sg
    >>> diamond = sg.Network([[[1, 0], [-1, 0], [0, 1], [0, -1]], [[1, 1, 1, 1]], [[1]]], [[0] * 4, [-0.5], [0]])
    >>> cx = sg.enumerate_regions(diamond, sg.Box([-1, -1], [1, 1]))
    >>> cx.f_vector, cx.n_cells, cx.n_linear_regions
    ((13, 20, 8), 8, 5)
    >>> cx.volumes.sum()
    np.float64(4.0)
    >>> cx.locate([[0.9, 0.9], [2.0, 0.0]])[1]
    np.int64(-1)
    >>> cx([0.5, 0.5])
    array([0.5])
    """

    pieces: tuple[FloatArray, FloatArray] | Callable[[], tuple[FloatArray, FloatArray]]
    signs: Patterns | None = None
    domain: Any = None
    certificate: Any = None
    layers: Layers | None = None
    vertex_errors: FloatArray | None = None
    facet_walls: IntArray | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        """What pickle keeps: the fields, with the affine pieces themselves."""
        return super().__getstate__() | {"pieces": self._affine}

    @property
    def metadata(self) -> dict[str, Any]:
        """Old name of ``layers``, ``vertex_errors``, ``facet_walls`` and ``notes``; it goes in 0.3."""
        warn("PolyhedralComplex.metadata", "its parts: layers, vertex_errors, facet_walls and notes")
        network = None if self.layers is None else {name: list(part) for name, part in self.layers._asdict().items()}
        known = {"network": network, "vertex_errors": self.vertex_errors, "facet_walls": self.facet_walls}
        return {name: value for name, value in known.items() if value is not None} | self.notes

    @cached_property
    @within_memory
    def _affine(self) -> tuple[FloatArray, FloatArray]:
        return self.pieces() if callable(self.pieces) else self.pieces

    @property
    def gradients(self) -> FloatArray:
        """Gradient of each output on each cell, shape (n_cells, m, d)."""
        return self._affine[0]

    @property
    def offsets(self) -> FloatArray:
        """Constant term of each output on each cell, shape (n_cells, m)."""
        return self._affine[1]

    @cached_property
    @within_memory
    def facets(self) -> Facets:
        """The (d-1)-faces: measures, unit normals, cells, gradient jumps, units that bend there (`Facets`)."""
        return build_facets(self, self.gradients, self.signs, self.layers)

    @within_memory
    def integrate(self, power: int = 1) -> FloatArray:
        r"""Integral of f^power over the domain, for each output: (m,).

        Parameters
        ----------
        power : int
            0 or more; 2 gives the square of the L2 norm.

        Returns
        -------
        ndarray of floats, shape (m,)

        Raises
        ------
        DomainError
            The integral is beyond the range of floats.

        Notes
        -----
        Exact formula on the simplices of the cells (`specgeo.geometry.integrals`). Rounding: below
        (1e-14 + 3e-16 (power + 1) (d + 2)) int (\|g\|.\|x\| + \|c\|)^power for pieces g.x + c, that of the
        stored coordinates and pieces not counted.

        Examples
        --------
        >>> import specgeo as sg
        >>> tent = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
        >>> cx = sg.enumerate_regions(tent, sg.Box([-1], [1]))
        >>> cx.integrate(), cx.integrate(power=2), cx.mean()
        (array([1.]), array([0.66666667]), array([0.5]))
        """
        from specgeo.geometry.integrals import integrate

        return integrate(self, as_whole(power, "power"))

    def mean(self) -> FloatArray:
        """Mean of f over the domain, for each output: (m,)."""
        return self.integrate() / self.integrate(0)

    @property
    def facet_normals(self) -> FloatArray:
        """Those of `facets`: where vertices are too close to a facet to tell its sides, the network's units do."""
        return self.facets.normals

    def values(self, cells: npt.ArrayLike, x: npt.ArrayLike) -> FloatArray:
        """Values of the affine pieces of given cells, wherever the points lie.

        Parameters
        ----------
        cells : array_like of int, shape (n,)
        x : array_like of floats, shape (n, ..., d)
            One row for each cell: a point, or several.

        Returns
        -------
        ndarray of floats, shape (n, ..., m)

        Raises
        ------
        InvalidInputError
            There is no such cell, or the points and cells differ in number.

        Examples
        --------
        >>> import specgeo as sg
        >>> fold = sg.Network([[[1.0]], [[1.0]]], [[0.0], [0.0]])
        >>> cx = sg.enumerate_regions(fold, sg.Box([-1], [1]))  # 0 and x
        >>> cx.values(cx.locate([[-0.5], [0.5]]), [[[3.0], [4.0]], [[3.0], [4.0]]])[:, :, 0]
        array([[0., 0.],
               [3., 4.]])
        """
        rows, points = as_indices(cells, "cells", self.n_cells), as_points(x, "x", self.dim)
        if points.ndim < 2 or len(points) != len(rows):
            raise InvalidInputError(f"x: shape {points.shape} given for {len(rows)} cells; pass one row for each")
        offsets = np.expand_dims(self.offsets[rows], tuple(range(1, points.ndim - 1)))
        return np.asarray(np.einsum("nmd,n...d->n...m", self.gradients[rows], points) + offsets)

    @cached_property
    def means(self) -> FloatArray:
        """Mean of each output on each cell, (n_cells, m): the value at its centroid."""
        return self.values(np.arange(self.n_cells), self.centroids)

    @property
    @within_memory
    def patterns(self) -> npt.NDArray[np.bool_]:
        """True where a unit is positive, (n_cells, n_units). For ReLU a unit is a neuron: the activation pattern.

        Units are ordered by layer, neuron and breakpoint (see `Patterns`). A unit that vanishes on a
        whole cell counts as not positive here; `sign_vectors` tells it from a negative one.
        """
        signs = self.known_signs
        return unpacked(signs.positive, len(signs.layers))

    @property
    @within_memory
    def sign_vectors(self) -> npt.NDArray[np.int8]:
        """Signs -1, 0, 1 of the units on each cell, (n_cells, n_units); 0: the unit vanishes on the cell."""
        return self.known_signs.vectors()

    @property
    def known_signs(self) -> Patterns:
        """``signs``, or an error where there are none."""
        if self.signs is None:
            raise UnsupportedError("patterns: this complex was built without signs; enumerate it from a network")
        return self.signs

    @cached_property
    @within_memory
    def linear_regions(self) -> IntArray:
        """Label of the linear region of each cell, (n_cells,).

        Cells that share a facet and have the same affine map are merged (a linear region is connected
        through facets; distant cells with equal maps stay apart). Decided exactly, in integers where
        floats cannot, when the complex knows its network; without one, float gradients are compared
        up to `specgeo.geometry.linear_regions.RELATIVE_TOLERANCE`, which is no exact statement.
        """
        from specgeo.geometry.linear_regions import linear_regions

        return linear_regions(self)

    @property
    def n_linear_regions(self) -> int:
        """Number of linear regions: maximal unions of cells, connected through facets, with one affine map."""
        return int(self.linear_regions.max()) + 1

    @within_memory
    def locate(self, x: npt.ArrayLike) -> IntArray:
        """Cell index of each point, (..., d) -> (...); -1 outside the domain.

        A point on a common face goes to the first of the cells that contain it. Decided exactly for the points as
        they are, by the signs of the network's units there; complexes without network go by their rounded
        vertices (`specgeo.geometry.locate`).
        """
        from specgeo.geometry.locate import locate

        return locate(self, x)

    @within_memory
    def __call__(self, x: npt.ArrayLike) -> FloatArray:
        """Values f(x) from the affine piece of the cell of each point, (..., d) -> (..., m); NaN outside."""
        from specgeo.geometry.locate import evaluate

        return evaluate(self, x)

    @checked
    def level_set(
        self, value: float = 0.0, output: int = 0, *, closed: Literal["below", "above"] | None = None
    ) -> Any:
        """The exact set {f = value} of one output as a mesh: `specgeo.level_set` of its network and domain."""
        from specgeo.levels.cut import network_of
        from specgeo.levels.level import level_set

        return level_set(network_of(self, "a level set"), self.domain, value, output, closed=closed)

    @checked
    def sublevel_set(self, value: float = 0.0, output: int = 0, *, above: bool = False) -> FaceLattice:
        """The closed set {f <= value}, or {f >= value} where ``above``, as the lattice of all its faces.

        Its cells are those of the complex cut at the level; ``volumes``, ``betti_numbers``, ``f_vector`` follow.
        Parts of lower dimension than d, where f only touches the value, are faces that bound no cell.

        Examples
        --------
        >>> import specgeo as sg
        >>> tent = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
        >>> low = sg.enumerate_regions(tent, sg.Box([-2], [2])).sublevel_set(0.5)
        >>> low.volumes.sum(), low.betti_numbers
        (np.float64(3.0), (2,))
        """
        from specgeo.levels.cut import network_of
        from specgeo.levels.level import sublevel_of

        return sublevel_of(network_of(self, "a level set"), self.domain, value, output, above)

    @checked
    def decision_boundary(self, *, smallest: bool = False) -> Any:
        """Where the largest output is not one alone: `specgeo.paths.decision_boundary` of its network and domain."""
        from specgeo.levels.cut import network_of
        from specgeo.paths.boundary import decision_boundary

        return decision_boundary(network_of(self, "a decision boundary"), self.domain, smallest=smallest)

    @checked
    def decision_regions(self, *, smallest: bool = False, class_names: Sequence[str] | None = None) -> Any:
        """The components of its classes: `specgeo.paths.decision_regions` of its network and domain."""
        from specgeo.levels.cut import network_of
        from specgeo.paths.regions import decision_regions

        net = network_of(self, "a decision region")
        return decision_regions(net, self.domain, smallest=smallest, class_names=class_names)

    def exact_vertices(self, ids: npt.ArrayLike | None = None) -> list[tuple[Fraction, ...]]:
        """Exact coordinates of vertices, as Fractions.

        Parameters
        ----------
        ids : array_like of int, optional
            Vertex ids; all vertices by default.

        Returns
        -------
        list of d-tuples of fractions.Fraction

        Raises
        ------
        UnsupportedError
            The complex does not know its network, signs or domain.
        """
        n = len(self.vertices)
        wanted = np.arange(n) if ids is None else as_indices([ids] if np.isscalar(ids) else ids, "ids", n)
        from specgeo.geometry.exact_points import exact_vertices

        return exact_vertices(self, wanted)

    def reprove(self) -> Reproof:
        """Prove the complex again, in integers, and all that is stored with it, from its network and domain.

        Independent of the enumerator: exact vertices, their covectors by exact evaluation of the
        network, local completeness of each face, closure (`specgeo.geometry.reproof` gives the
        argument); then coordinates, affine pieces and walls against the exact ones
        (`specgeo.geometry.stored_values` has what is promised of them). About a millisecond for each
        vertex of a small network. `specgeo.check` is a short program that proves a saved complex alone.

        Returns
        -------
        Reproof
            True as a bool when the complex is proved; otherwise ``failure`` names what is wrong. Damaged data
            are not proved, whatever they are. ``not_covered`` names what is stored and says nothing provable.

        Raises
        ------
        UnsupportedError
            The complex does not know its network, signs or domain.

        Examples
        --------
        >>> import specgeo as sg
        >>> tent = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
        >>> sg.enumerate_regions(tent, sg.Box([-2], [2])).reprove().proved
        True
        """
        from specgeo.geometry.reproof import reprove

        return reprove(self)

    verify_certificate = renamed("verify_certificate", reprove)

    def to_shapely(self) -> npt.NDArray[np.object_]:
        """The cells of a plane complex as shapely polygons, (n_cells,)."""
        from specgeo.geometry.export import to_shapely

        return to_shapely(self)

    def to_networkx(self) -> Any:
        """The dual graph as networkx Graph: nodes with volume and centroid, edges with facet and measure."""
        from specgeo.geometry.export import to_networkx

        return to_networkx(self)

    def to_xarray(self) -> Any:
        """The cells as `xarray.Dataset`: volume, centroid, gradient, offset, value at the centroid, pattern."""
        from specgeo.geometry.export import to_xarray

        return to_xarray(self)

    @within_memory
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to one file for `specgeo.load_complex`: HDF5 if it ends in .h5 or .hdf5, else ``.npz``."""
        from specgeo.geometry.storage import save_complex

        save_complex(self, path)

    @within_memory
    def export(self, path: str | os.PathLike[str]) -> None:
        """Write the cells for other programs, with value, gradient, volume and pattern of each where there is room.

        Parameters
        ----------
        path : path-like
            ``.vtu`` (ParaView; dimension 1 to 3, cells as polyhedra), and in the plane ``.geojson``, ``.svg``,
            ``.obj``, ``.ply``, ``.stl``.
        """
        from specgeo.geometry.mesh import mesh_of
        from specgeo.geometry.mesh_files import write_mesh

        write_mesh(mesh_of(self), path)

    def to_pyvista(self) -> Any:
        """The cells as ``pyvista.UnstructuredGrid``, with the data of `export`."""
        from specgeo.geometry.mesh import as_pyvista, mesh_of

        return as_pyvista(mesh_of(self))

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw it: the function on a line, the cells in the plane, a solid cut open in space.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            A new figure otherwise.
        **options
            Those of `specgeo.plotting.function_plot`, `region_map` or `solid_map`, by the dimension.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        UnsupportedError
            The dimension is above 3.
        """
        from specgeo import plotting

        if self.dim > 3:
            raise UnsupportedError(f"plot: dimension {self.dim}; restrict the network to a slice of 1 to 3 dimensions")
        draw = (plotting.function_plot, plotting.region_map, plotting.solid_map)[self.dim - 1]
        return draw(self, ax=ax, **options)

    def __len__(self) -> int:
        """Number of cells."""
        return self.n_cells

    def __getitem__(self, cell: int) -> Cell:
        """One cell by its number, as `locate` gives it: ``cx[cx.locate(x)].gradient``."""
        return Cell.of(self, cell)

    def __iter__(self) -> Iterator[Cell]:
        return (self[cell] for cell in range(self.n_cells))

    def __bool__(self) -> bool:
        return True

    def _repr_html_(self) -> str:
        from specgeo._display import as_html

        return as_html(self, draw=self.n_cells <= 20_000)
