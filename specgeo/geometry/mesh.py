"""`Mesh`: points, what they bound and numbers for each, as other programs take them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray
from specgeo.errors import MissingDependencyError, UnsupportedError
from specgeo.geometry.arrays import Ragged, unpacked
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.export import polygon_rings
from specgeo.geometry.vertex_values import vertex_values

Columns = dict[str, npt.NDArray[Any]]


class Mesh(NamedTuple):
    """Points with the cells of one dimension that they bound: points, segments, polygons or polyhedra."""

    points: FloatArray  # (n, d), d = 1, 2 or 3
    cells: Ragged  # corners of each, those of polygons in order around
    dim: int  # of the cells
    cell_data: Columns  # (n_cells, ...)
    point_data: Columns  # (n, ...)
    polygons: Ragged | None = None  # corners of the walls of polyhedra, and which of them bound each
    walls: Ragged | None = None

    @property
    def in_space(self) -> FloatArray:
        """The points with zeros for the coordinates that they lack, (n, 3)."""
        return np.pad(self.points, ((0, 0), (0, 3 - self.points.shape[1])))

    @property
    def triangles(self) -> npt.NDArray[np.int32]:
        """Polygons, which are convex, as fans of triangles (n, 3) around the first corner of each."""
        lengths = self.cells.lengths - 2
        first = np.repeat(self.cells.offsets[:-1], lengths)
        step = np.arange(len(first)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + 1
        return np.asarray(self.cells.indices[np.stack((first, first + step, first + step + 1), axis=1)])


def mesh_of(cx: PolyhedralComplex) -> Mesh:
    """The cells of a complex with value (at the centroid), gradient, volume and pattern, and values at the points."""
    if cx.dim > 3:
        raise UnsupportedError(f"cx: dimension {cx.dim}; other programs take 1 to 3, slice the network first")
    data: Columns = {}
    gradients = np.pad(cx.gradients, ((0, 0), (0, 0), (0, 3 - cx.dim)))
    for output in range(cx.offsets.shape[1]):
        tail = "" if cx.offsets.shape[1] == 1 else f"_{output}"
        data[f"value{tail}"], data[f"gradient{tail}"] = cx.means[:, output], gradients[:, output]
    data["volume"] = cx.volumes
    if cx.signs is not None and len(cx.signs.layers):
        data["pattern"] = unpacked(cx.signs.positive, len(cx.signs.layers)).astype(np.uint8)
    values = {"value": vertex_values(cx)}
    if cx.dim < 3:
        cells = cx.vertices_of(1) if cx.dim == 1 else polygon_rings(cx)
        return Mesh(cx.vertices, cells, cx.dim, data, values)
    return Mesh(cx.vertices, cx.vertices_of(3), 3, data, values, polygon_rings(cx), cx.faces[2])


def as_trimesh(mesh: Mesh) -> Any:
    """The polygons as a triangulated ``trimesh.Trimesh``, corners shared as they are."""
    try:
        import trimesh
    except ImportError as error:
        raise MissingDependencyError("to_trimesh: needs trimesh; pip install trimesh") from error
    if mesh.dim != 2:
        raise UnsupportedError(f"to_trimesh: there are no polygons in cells of dimension {mesh.dim}; save it as .vtu")
    return trimesh.Trimesh(mesh.in_space, mesh.triangles, process=False)


def as_pyvista(mesh: Mesh) -> Any:
    """The mesh as a ``pyvista.UnstructuredGrid`` with all data."""
    try:
        import pyvista
    except ImportError as error:
        raise MissingDependencyError("to_pyvista: needs pyvista; pip install pyvista") from error
    from specgeo.geometry.mesh_files import write_mesh

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mesh.vtu"
        write_mesh(mesh, file)
        return pyvista.read(os.fspath(file))
