"""`Hypersurface`: a polyhedral set of dimension d - 1 in a domain, as a mesh."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._display import Shown, counted
from specgeo.errors import UnsupportedError
from specgeo.geometry.arrays import Flags, Ragged
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.export import polygon_rings
from specgeo.geometry.lattice import FaceLattice
from specgeo.geometry.mesh import Columns, Mesh, as_pyvista, as_trimesh
from specgeo.geometry.mesh_files import write_mesh
from specgeo.geometry.structure import stated_errors
from specgeo.geometry.topology import subcomplex
from specgeo.geometry.vertex_signs import inner_faces
from specgeo.levels.orientation import oriented


@dataclass(frozen=True, eq=False, repr=False)
class Hypersurface(Shown):
    """Points, segments or polygons with shared vertices: what `specgeo.level_set` and decision boundaries are.

    Attributes
    ----------
    normals : ndarray, shape (n, d)
        Unit normal of each face.
    sides : ndarray of int, shape (n, 2)
        What is behind and before each face, as its normal points.
    on_wall : ndarray of bool, shape (n,)
        Which faces lie in the boundary of the domain.
    vertex_errors : ndarray, shape (n_0,)
        For each vertex a bound on the error of its coordinates.
    lattice : FaceLattice
        All faces of the set: its vertices, edges, ..., and also parts of other dimensions than d - 1: its cells are
        the pieces on which the function is constant, ``strays`` what is in no face.
    """

    normals: FloatArray
    sides: IntArray
    on_wall: Flags
    vertex_errors: FloatArray = field(repr=False)
    lattice: FaceLattice = field(repr=False)
    facets: IntArray = field(repr=False)  # which (d - 1)-faces of the lattice the faces are
    inner_ridges: Flags = field(repr=False)  # of the (d - 2)-faces of the lattice those inside the domain
    notes: dict[str, Any] = field(repr=False)

    @property
    def dim(self) -> int:
        """Dimension d of the space."""
        return self.lattice.dim

    @property
    def vertices(self) -> FloatArray:
        """Vertices of the set, (n_0, d): roundings of exactly defined points, within ``vertex_errors``."""
        return self.lattice.vertices

    @cached_property
    def faces(self) -> Ragged:
        """Vertices of each face: a point, the ends of a segment, the corners of a polygon.

        In the plane the normal is to the right of a segment, so that polygons run counter-clockwise around what
        normals point out of; in space corners run counter-clockwise as seen from the tip of the normal. Beyond
        dimension 3 they are in no order. The order is proved by the error bounds of the corners, or follows from
        neighbours; of a face too small for either it is that of the rounded corners.
        """
        d, lattice = self.dim, self.lattice
        if d == 1:
            return Ragged(np.arange(len(self.facets) + 1, dtype=np.int64), self.facets.astype(np.int32))
        if d > 3 or len(self.facets) == 0:
            return lattice.vertices_of(d - 1).take(self.facets)
        rings = (lattice.faces[0] if d == 2 else polygon_rings(lattice)).take(self.facets)
        return oriented(self.vertices, self.vertex_errors, rings, self.normals, self._ridges, self.sides)

    @property
    def _ridges(self) -> Ragged:
        return self.lattice.faces[self.dim - 2].take(self.facets)

    @property
    def n_faces(self) -> int:
        """Number of faces."""
        return len(self.facets)

    @cached_property
    def measures(self) -> FloatArray:
        """Length or area of each face, (n,); 1 for points."""
        return np.asarray(self.lattice.face_measures(self.dim - 1)[self.facets]) if self.n_faces else np.zeros(0)

    @property
    def measure(self) -> float:
        """Length or area of the whole."""
        return float(self.measures.sum())

    @cached_property
    def ridge_degrees(self) -> IntArray:
        """Number of faces that meet in each (d-2)-face of the lattice (in the plane, in each vertex)."""
        if self.dim == 1:
            return np.zeros(0, np.int64)
        return np.bincount(self._ridges.indices, minlength=self.lattice.f_vector[self.dim - 2])

    @property
    def watertight(self) -> bool:
        """Whether exactly two faces meet in every ridge; on the walls of the domain, an open set may end.

        Counted in the lattice, which is exact.
        """
        degrees = self.ridge_degrees
        return bool(np.all((degrees == 2) | (degrees == 0) | (~self.inner_ridges & self._open & (degrees == 1))))

    @property
    def _open(self) -> bool:
        """Whether faces may end on the walls of the domain."""
        return True

    @property
    def flat_measure(self) -> float:
        """Volume of the pieces of full dimension."""
        return float(self.lattice.volumes.sum()) if self.lattice.n_cells else 0.0

    @cached_property
    def strays(self) -> tuple[IntArray, ...]:
        """For each dimension 0..d-2 the faces of the lattice that belong to no larger one: isolated points, edges."""
        found = []
        for lists, n in zip(self.lattice.faces, self.lattice.f_vector[: self.dim - 1], strict=False):
            found.append(np.flatnonzero(np.bincount(lists.indices, minlength=n) == 0))
        return tuple(found)

    @property
    def euler_characteristic(self) -> int:
        """Alternating sum of the numbers of faces."""
        return self.lattice.euler_characteristic

    @property
    def betti_numbers(self) -> tuple[int, ...]:
        """b_0, ..., b_{d-1} over GF(2): components, tunnels, cavities; from the lattice, exactly."""
        return self.lattice.betti_numbers

    @property
    def mesh(self) -> Mesh:
        """The faces as other programs take them, with normals, measures and sides."""
        if self.dim > 3:
            raise UnsupportedError(f"mesh: dimension {self.dim}; other programs take 1 to 3, slice the network first")
        normals = np.pad(self.normals, ((0, 0), (0, 3 - self.dim)))
        data: Columns = {"measure": self.measures, "normal": normals, "sides": self.sides.astype(np.int64)}
        return Mesh(self.vertices, self.faces, self.dim - 1, data, {"error": self.vertex_errors})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the faces for other programs; ``strays`` and flat pieces are left out.

        Parameters
        ----------
        path : path-like
            In space ``.ply`` (binary64), ``.obj``, ``.stl`` (triangles, as text) or ``.vtu`` (with normals, measures
            and sides); in the plane ``.geojson``, ``.svg``, ``.obj`` or ``.vtu``; on a line ``.vtu``.

        Raises
        ------
        InvalidInputError
            The suffix is none of these, or the file cannot be written.
        UnsupportedError
            The format cannot hold such faces, or the dimension is above 3.
        """
        write_mesh(self.mesh, path)

    def to_trimesh(self) -> Any:
        """Polygons in space as ``trimesh.Trimesh``: triangles that share the vertices."""
        return as_trimesh(self.mesh)

    def to_pyvista(self) -> Any:
        """The faces as ``pyvista.UnstructuredGrid``."""
        return as_pyvista(self.mesh)

    def __len__(self) -> int:
        """Number of faces."""
        return self.n_faces

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        parts = [self._what(), counted(len(self.vertices), "vertex", "vertices"), counted(self.n_faces, "face")]
        parts += [f"{counted(self.lattice.n_cells, 'flat cell')}"] if self.lattice.n_cells else []
        strays = sum(map(len, self.strays))
        parts += [counted(strays, "stray")] if strays else []
        return f"{type(self).__name__}({', '.join(parts)})"

    def _what(self) -> str:
        """The first words of the repr."""
        return f"dim={self.dim}"

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw it: points on a line, segments in the plane, polygons in space.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            A new figure otherwise.
        **options
            Those of `specgeo.plotting.surface_plot`.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        UnsupportedError
            The dimension is above 3.
        """
        from specgeo.plotting import surface_plot

        return surface_plot(self, ax=ax, **options)


def carved(
    cx: PolyhedralComplex, flags: list[Flags], facets: IntArray
) -> tuple[FloatArray, FaceLattice, IntArray, Flags, dict[str, Any]]:
    """What a hypersurface has of a closed set of faces of a complex; ``facets`` are numbers there.

    ``vertex_errors``, ``lattice``, ``facets``, ``inner_ridges``, ``notes``.
    """
    lattice, ids = subcomplex(cx, flags)
    place = np.cumsum(flags[cx.dim - 1]) - 1
    inner = inner_faces(cx)[cx.dim - 2][ids[cx.dim - 2]] if cx.dim > 1 else np.zeros(0, np.bool_)
    return stated_errors(cx)[ids[0]], lattice, place[facets], inner, cx.notes
