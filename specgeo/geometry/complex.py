"""`PolyhedralComplex`: the cells, faces and affine pieces of a piecewise-linear function.

Storage is struct of arrays. Faces of dimension k are numbered 0..n_k - 1; the boundary of each
is a ragged list of (k-1)-faces, so ``faces[k - 1]`` is the pair (offsets, indices) of k-faces in
terms of (k-1)-faces, k = 1..d. An edge lists its two vertices. Cells are the d-faces.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._budget import within_memory
from specgeo._cast import FloatArray, IntArray, as_indices, as_whole
from specgeo._deprecated import renamed
from specgeo.errors import UnsupportedError
from specgeo.geometry import incidence, measures

if TYPE_CHECKING:
    from specgeo.geometry.facets import Facets
    from specgeo.geometry.reproof import Reproof


class Ragged(NamedTuple):
    """Lists of varying length: list i is ``indices[offsets[i]:offsets[i + 1]]``."""

    offsets: IntArray
    indices: npt.NDArray[np.int32]


class Patterns(NamedTuple):
    """Signs of the units on each cell, packed: bit u of a row is unit u.

    A *unit* is a neuron together with one breakpoint t of its activation (ReLU: one unit a
    neuron); its sign is that of z - t. A cell on which it vanishes has neither bit.
    """

    positive: npt.NDArray[np.uint64]  # (n_cells, n_words)
    negative: npt.NDArray[np.uint64]  # (n_cells, n_words)
    layers: IntArray  # (n_units,) hidden layer of each unit, from 0
    neurons: IntArray  # (n_units,) neuron within the layer
    breakpoints: IntArray  # (n_units,) which breakpoint of the activation


@dataclass(frozen=True, eq=False)
class PolyhedralComplex:
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
    certificate : optional
        How the signs were proved.
    metadata : dict
        ``"network"``: weights, biases and activations, where known.

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

    vertices: FloatArray  # (n_0, d)
    faces: tuple[Ragged, ...]  # faces[k - 1]: boundary of the k-faces, k = 1..d
    pieces: tuple[FloatArray, FloatArray] | Callable[[], tuple[FloatArray, FloatArray]]
    signs: Patterns | None = None
    domain: Any = None
    certificate: Any = None
    metadata: dict[str, Any] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        """What pickle keeps: the affine pieces themselves, nothing derived."""
        names = ("vertices", "faces", "signs", "domain", "certificate", "metadata")
        return {name: getattr(self, name) for name in names} | {"pieces": self._affine}

    @property
    def dim(self) -> int:
        """Dimension d of the space and of the cells."""
        return int(self.vertices.shape[1])

    @property
    def f_vector(self) -> tuple[int, ...]:
        """Number of faces of each dimension (n_0, ..., n_d)."""
        return (len(self.vertices), *(len(faces.offsets) - 1 for faces in self.faces))

    @property
    def n_cells(self) -> int:
        """Number of activation regions."""
        return self.f_vector[-1]

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
    def _smallest_vertices(self) -> tuple[IntArray, ...]:
        return incidence.smallest_vertices(self)

    @cached_property
    def _box_tree(self) -> Any:
        return _module("locate").build_tree(self)

    @cached_property
    def _sign_table(self) -> Any:
        return _module("locate").SignTable(self)

    @cached_property
    def _kept(self) -> dict[tuple[str, int], Any]:
        return {}

    @within_memory

    def _once(self, name: str, k: int, make: Callable[[PolyhedralComplex, int], Any]) -> Any:
        """Derived data that depend on a face dimension, computed on first use."""
        key = (name, k)
        if key not in self._kept:
            self._kept[key] = make(self, k)
        return self._kept[key]

    def vertices_of(self, k: int) -> Ragged:
        """Vertex ids of each k-face, ascending, as a ragged list; k = 0..d."""
        result: Ragged = self._once("vertices", k, incidence.vertex_lists)
        return result

    def boundary(self, k: int) -> Any:
        """Incidence of k-faces (rows) and (k-1)-faces (columns), scipy CSR (n_k, n_{k-1}) of ones; k = 1..d."""
        return incidence.boundary_matrix(self, k)

    def triangulation(self, k: int) -> tuple[IntArray, IntArray]:
        """Pulling triangulation of the k-faces.

        The apex of each face is its smallest vertex id, so neighbours agree on what they share.

        Parameters
        ----------
        k : int
            0..d.

        Returns
        -------
        simplices : (n_s, k + 1) vertex ids, the apex first
        owner : (n_s,) the k-face of each simplex, ascending
        """
        result: tuple[IntArray, IntArray] = self._once("triangulation", k, _module("triangulation").triangulate)
        return result

    @cached_property
    @within_memory
    def facets(self) -> Facets:
        """The (d-1)-faces: measures, unit normals, cells, gradient jumps, units that bend there (`Facets`)."""
        result: Facets = _module("facets").build_facets(self)
        return result

    @cached_property
    @within_memory
    def volumes(self) -> FloatArray:
        """d-volumes of the cells, (n_cells,)."""
        return measures.face_measures(self, self.dim)

    @cached_property
    @within_memory
    def centroids(self) -> FloatArray:
        """Centres of mass of the cells, (n_cells, d)."""
        return measures.face_centroids(self, self.dim)

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
        return _module("integrals").integrate(self, as_whole(power, "power"))  # type: ignore[no-any-return]

    def mean(self) -> FloatArray:
        """Mean of f over the domain, for each output: (m,)."""
        return self.integrate() / self.integrate(0)

    @property
    def euler_characteristic(self) -> int:
        """Alternating sum of the f-vector: 1 for a convex domain."""
        return int(sum((-1) ** k * n for k, n in enumerate(self.f_vector)))

    @property
    @within_memory
    def patterns(self) -> npt.NDArray[np.bool_]:
        """True where a unit is positive, (n_cells, n_units). For ReLU a unit is a neuron: the activation pattern.

        Units are ordered by layer, neuron and breakpoint (see `Patterns`). A unit that vanishes on a
        whole cell counts as not positive here; `sign_vectors` tells it from a negative one.
        """
        signs = self._signs()
        return _module("patterns").unpack(signs.positive, len(signs.layers))  # type: ignore[no-any-return]

    @property
    @within_memory
    def sign_vectors(self) -> npt.NDArray[np.int8]:
        """Signs -1, 0, 1 of the units on each cell, (n_cells, n_units); 0: the unit vanishes on the cell."""
        return _module("patterns").sign_vectors(self._signs())  # type: ignore[no-any-return]

    def _signs(self) -> Patterns:
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
        return _module("linear_regions").linear_regions(self)  # type: ignore[no-any-return]

    @property
    def n_linear_regions(self) -> int:
        """Number of linear regions: maximal unions of cells, connected through facets, with one affine map."""
        return int(self.linear_regions.max()) + 1

    @within_memory

    def dual_graph(self) -> Any:
        """Cells that share a facet: scipy CSR (n_cells, n_cells), symmetric; the entry is facet id + 1."""
        return incidence.dual_graph(self)

    @within_memory

    def locate(self, x: npt.ArrayLike) -> IntArray:
        """Cell index of each point, (..., d) -> (...); -1 outside the domain.

        A point on a common face goes to the first of the cells that contain it. Decided exactly for the points as
        they are, by the signs of the network's units there; complexes without network go by their rounded
        vertices (`specgeo.geometry.locate`).
        """
        return _module("locate").locate(self, x)  # type: ignore[no-any-return]

    @within_memory

    def __call__(self, x: npt.ArrayLike) -> FloatArray:
        """Values f(x) from the affine piece of the cell of each point, (..., d) -> (..., m); NaN outside."""
        return _module("locate").evaluate(self, x)  # type: ignore[no-any-return]

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
        return _module("exact_points").exact_vertices(self, wanted)  # type: ignore[no-any-return]

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
        return _module("reproof").reprove(self)  # type: ignore[no-any-return]

    verify_certificate = renamed("verify_certificate", reprove)

    def to_shapely(self) -> npt.NDArray[np.object_]:
        """The cells of a plane complex as shapely polygons, (n_cells,)."""
        return _module("export").to_shapely(self)  # type: ignore[no-any-return]

    def to_networkx(self) -> Any:
        """The dual graph as networkx Graph: nodes with volume and centroid, edges with facet and measure."""
        return _module("export").to_networkx(self)

    @within_memory

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to one ``.npz`` file, to be read by `specgeo.load_complex`."""
        _module("storage").save_complex(self, path)

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

    def __bool__(self) -> bool:
        return True

    def _repr_html_(self) -> str:
        from specgeo._display import as_html

        return as_html(self, draw=self.n_cells <= 20_000)

    def __repr__(self) -> str:
        return f"PolyhedralComplex(dim={self.dim}, f_vector={self.f_vector})"


def _module(name: str) -> Any:
    """A module of this package, imported on first use: most complexes need few of them."""
    return importlib.import_module(f"specgeo.geometry.{name}")
