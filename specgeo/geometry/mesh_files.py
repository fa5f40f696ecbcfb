"""Meshes as files: OBJ, PLY and STL (polygons), VTU (everything), GeoJSON and SVG (in the plane).

Coordinates are written with all their digits: binary64 in VTU, as text elsewhere. Files are written beside their target
and renamed.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray
from specgeo._files import as_path, write_bytes
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.geometry.arrays import Ragged
from specgeo.geometry.mesh import Columns, Mesh

_VTK_KINDS = (1, 3, 7, 42)  # vertex, line, polygon, polyhedron
_VTK_TYPES = {"f8": "Float64", "i8": "Int64", "i4": "Int32", "u1": "UInt8"}
_DARK, _LIGHT = np.array([0, 34, 78]), np.array([254, 232, 56])  # the ends of cividis


def write_mesh(mesh: Mesh, path: str | os.PathLike[str]) -> None:
    """Write a mesh; the suffix says in which format.

    Raises
    ------
    InvalidInputError
        The suffix is none of these, or the file cannot be written.
    UnsupportedError
        The format cannot hold such cells.
    """
    file = as_path(path)
    suffix = file.suffix.lower()
    if suffix not in FORMATS:
        raise InvalidInputError(f"path: {file.name} must end in {', '.join(sorted(FORMATS))}")
    contents, dims, spaces = FORMATS[suffix]
    space = mesh.points.shape[1]
    if mesh.dim not in dims or space not in spaces:
        raise UnsupportedError(
            f"path: {suffix} does not hold cells of dimension {mesh.dim} in dimension {space}; take .vtu, which does"
        )
    write_bytes(file, contents(mesh))


def _numbers(rows: FloatArray, head: str) -> str:
    """Lines of numbers with all their digits."""
    return "".join(f"{head}{' '.join(map(repr, row))}\n" for row in rows.tolist())


def obj(mesh: Mesh) -> bytes:
    """Wavefront OBJ: ``v x y z``, and ``f`` or ``l`` with the numbers of corners from 1."""
    letter = "l" if mesh.dim == 1 else "f"
    cells = "".join(f"{letter} {' '.join(map(str, (ids + 1).tolist()))}\n" for ids in mesh.cells)
    return (_numbers(mesh.in_space, "v ") + cells).encode()


def ply(mesh: Mesh) -> bytes:
    """PLY as text: programs differ in the binary lists of unequal length that they can read."""
    n, m = len(mesh.points), len(mesh.cells)
    head = (
        f"ply\nformat ascii 1.0\nelement vertex {n}\nproperty double x\nproperty double y\nproperty double z\n"
        f"element face {m}\nproperty list uint int vertex_indices\nend_header\n"
    )
    cells = "".join(f"{len(ids)} {' '.join(map(str, ids.tolist()))}\n" for ids in mesh.cells)
    return (head + _numbers(mesh.in_space, "") + cells).encode()


def stl(mesh: Mesh) -> bytes:
    """STL as text, since its binary form has single precision."""
    corners = mesh.in_space[mesh.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    size = np.linalg.norm(normals, axis=1, keepdims=True)
    rows = zip((normals / np.where(size > 0, size, 1.0)).tolist(), corners, strict=True)
    facets = (
        f"facet normal {' '.join(map(repr, n))}\nouter loop\n{_numbers(points, 'vertex ')}endloop\nendfacet\n"
        for n, points in rows
    )
    return f"solid specgeo\n{''.join(facets)}endsolid specgeo\n".encode()


def vtu(mesh: Mesh) -> bytes:
    """VTK's unstructured grids, in XML with the arrays in base64; polyhedra with their walls."""
    cells: Columns = {
        "connectivity": mesh.cells.indices.astype(np.int64),
        "offsets": mesh.cells.offsets[1:],
        "types": np.full(len(mesh.cells), _VTK_KINDS[mesh.dim], np.uint8),
    }
    if mesh.polygons is not None and mesh.walls is not None:
        own = mesh.polygons.take(mesh.walls.indices)
        ends = np.concatenate(([0], np.cumsum(own.lengths + 1)))[mesh.walls.offsets]  # in the stream of polygons
        cells["faces"] = np.insert(_counted(own), ends[:-1], mesh.walls.lengths)
        cells["faceoffsets"] = ends[1:] + np.arange(1, len(mesh.walls) + 1)
    parts: dict[str, Columns] = {"PointData": mesh.point_data, "CellData": mesh.cell_data}
    parts |= {"Points": {"points": mesh.in_space}, "Cells": cells}
    body = "".join(f"<{part}>{_arrays(arrays)}</{part}>" for part, arrays in parts.items())
    return (
        '<?xml version="1.0"?>\n'
        '<VTKFile type="UnstructuredGrid" version="1.0" byte_order="LittleEndian" header_type="UInt64">'
        f'<UnstructuredGrid><Piece NumberOfPoints="{len(mesh.points)}" NumberOfCells="{len(mesh.cells)}">{body}</Piece>'
        "</UnstructuredGrid></VTKFile>\n"
    ).encode()


def _counted(lists: Ragged) -> npt.NDArray[np.int64]:
    """The lists one after the other, each behind its length."""
    return np.insert(lists.indices.astype(np.int64), lists.offsets[:-1], lists.lengths)


def _arrays(arrays: Columns) -> str:
    """Data arrays of VTK's XML."""
    found = []
    for name, array in arrays.items():
        kind = array.dtype.str[1:]
        data = np.ascontiguousarray(array, f"<{kind}").tobytes()
        text = base64.b64encode(np.uint64(len(data)).astype("<u8").tobytes() + data).decode()
        wide = f' NumberOfComponents="{array.shape[1]}"' if array.ndim > 1 else ""
        head = f'type="{_VTK_TYPES[kind]}" Name={quoteattr(name)}{wide} format="binary"'
        found.append(f"<DataArray {head}>{text}</DataArray>")
    return "".join(found)


def geojson(mesh: Mesh) -> bytes:
    """A GeoJSON FeatureCollection: a feature for each cell, its data as properties."""
    kind = ("Point", "LineString", "Polygon")[mesh.dim]
    columns = {name: array.tolist() for name, array in mesh.cell_data.items()}
    features = []
    for i, ids in enumerate(mesh.cells):
        corners: Any = mesh.points[ids].tolist()
        shape = (corners[0], corners, [[*corners, corners[0]]])[mesh.dim]
        properties = {name: column[i] for name, column in columns.items()}
        features.append({"type": "Feature", "geometry": {"type": kind, "coordinates": shape}, "properties": properties})
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def svg(mesh: Mesh) -> bytes:
    """An SVG drawing in the coordinates of the mesh: polygons by their first value, segments black."""
    points = mesh.points if len(mesh.points) else np.zeros((1, 2))
    lower, upper = points.min(axis=0), points.max(axis=0)
    edge = 0.01 * float((upper - lower).max())  # so that lines along the frame are seen
    frame = " ".join(map(str, [lower[0] - edge, -upper[1] - edge, *(upper - lower + 2 * edge)]))
    fills = ["none"] * len(mesh.cells) if mesh.dim == 1 else _shades(next(iter(mesh.cell_data.values())))
    paths = []
    for ids, fill in zip(mesh.cells, fills, strict=True):
        corners = "L".join(f"{a!r} {-b!r}" for a, b in mesh.points[ids].tolist())
        paths.append(f'<path fill="{fill}" d="M{corners}{"Z" if mesh.dim == 2 else ""}"/>\n')
    stroke, thick = ("black", 1.5) if mesh.dim == 1 else ("white", 0.4)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="600" viewBox="{frame}">\n'
        f'<style>path {{ stroke: {stroke}; stroke-width: {thick}; vector-effect: non-scaling-stroke }}</style>\n'
        f"{''.join(paths)}</svg>\n"
    ).encode()


def _shades(values: npt.NDArray[Any]) -> list[str]:
    """Colours between dark and light."""
    first = values.reshape(len(values), -1)[:, 0].astype(np.float64)
    share = (first - first.min(initial=np.inf)) / (np.ptp(first) or 1.0) if len(first) else first
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in np.rint(_DARK + share[:, None] * (_LIGHT - _DARK)).astype(int)]


Format = tuple[Callable[[Mesh], bytes], set[int], set[int]]
FORMATS: dict[str, Format] = {
    ".obj": (obj, {1, 2}, {2, 3}),
    ".ply": (ply, {2}, {2, 3}),
    ".stl": (stl, {2}, {2, 3}),
    ".vtu": (vtu, {0, 1, 2, 3}, {1, 2, 3}),
    ".geojson": (geojson, {0, 1, 2}, {2}),
    ".svg": (svg, {1, 2}, {2}),
}
"""Suffix -> writer, dimensions of cells and of the space that it can hold."""
