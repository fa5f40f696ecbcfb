"""`PolyhedralComplex`: the cells, faces and affine pieces of a piecewise-linear function.

Storage is struct of arrays. Faces of dimension k are numbered 0..n_k - 1; the boundary of each
is a ragged list of (k-1)-faces, so ``faces[k - 1]`` is the pair (offsets, indices) of k-faces in
terms of (k-1)-faces, k = 1..d. An edge lists its two vertices. Cells are the d-faces.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray

if TYPE_CHECKING:
    from specgeo.geometry.facets import Facets


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
    """A polyhedral complex with an affine function on each cell."""

    vertices: FloatArray  # (n_0, d)
    faces: tuple[Ragged, ...]  # faces[k - 1]: boundary of the k-faces, k = 1..d
    pieces: tuple[FloatArray, FloatArray] | Callable[[], tuple[FloatArray, FloatArray]]
    signs: Patterns | None = None
    domain: Any = None
    certificate: Any = None
    metadata: dict[str, Any] = field(default_factory=dict)

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
        from specgeo.geometry.incidence import smallest_vertices

        return smallest_vertices(self)

    @cached_property
    def _kept(self) -> dict[tuple[str, int], Any]:
        return {}

    def _once(self, name: str, k: int, make: Callable[[PolyhedralComplex, int], Any]) -> Any:
        """Derived data that depend on a face dimension, computed on first use."""
        key = (name, k)
        if key not in self._kept:
            self._kept[key] = make(self, k)
        return self._kept[key]

    def vertices_of(self, k: int) -> Ragged:
        """Vertex ids of each k-face, ascending, k = 0..d."""
        from specgeo.geometry.incidence import vertex_lists

        result: Ragged = self._once("vertices", k, vertex_lists)
        return result

    def boundary(self, k: int) -> Any:
        """Incidence of k-faces (rows) and (k-1)-faces (columns), scipy CSR (n_k, n_{k-1}) of ones."""
        from specgeo.geometry.incidence import boundary_matrix

        return boundary_matrix(self, k)

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
        from specgeo.geometry.triangulation import triangulate

        result: tuple[IntArray, IntArray] = self._once("triangulation", k, triangulate)
        return result

    @cached_property
    def facets(self) -> Facets:
        """The (d-1)-faces: measures, unit normals, cells, gradient jumps, units that bend there."""
        from specgeo.geometry.facets import build_facets

        return build_facets(self)

    @cached_property
    def volumes(self) -> FloatArray:
        """d-volumes of the cells, (n_cells,)."""
        from specgeo.geometry.measures import face_measures

        return face_measures(self, self.dim)

    @cached_property
    def centroids(self) -> FloatArray:
        """Centres of mass of the cells, (n_cells, d)."""
        from specgeo.geometry.measures import face_centroids

        return face_centroids(self, self.dim)

    @property
    def euler_characteristic(self) -> int:
        """Alternating sum of the f-vector: 1 for a convex domain."""
        return int(sum((-1) ** k * n for k, n in enumerate(self.f_vector)))

    def dual_graph(self) -> Any:
        """Cells that share a facet: scipy CSR (n_cells, n_cells), symmetric; the entry is facet id + 1."""
        from specgeo.geometry.incidence import dual_graph

        return dual_graph(self)
