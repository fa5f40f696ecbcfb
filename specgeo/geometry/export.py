"""Complexes for other programs: shapely polygons, networkx graphs, xarray datasets."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray
from specgeo._xarray import dataset
from specgeo.errors import MissingDependencyError, UnsupportedError
from specgeo.geometry.arrays import Ragged
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.lattice import FaceLattice


def polygon_rings(cx: FaceLattice) -> Ragged:
    """Vertex ids of the 2-faces in order around each; in the plane counter-clockwise."""
    from specgeo.geometry._kernels import walk_polygons

    if cx.dim < 2:
        raise UnsupportedError("polygons: a complex of dimension 1 has no 2-faces")
    lists = cx.faces[1]
    out = np.empty(len(lists.indices), dtype=np.int32)
    walk_polygons(lists.offsets, lists.indices, cx.faces[0].indices.reshape(-1, 2), out)
    if cx.dim > 2:
        return Ragged(lists.offsets, out)
    first, last, owner = lists.offsets[:-1], lists.offsets[1:] - 1, lists.owners
    after = np.arange(1, len(out) + 1)
    after[last] = first
    sides = cx.vertices[out] - cx.vertices[out[first]][owner]
    area = np.add.reduceat(sides[:, 0] * sides[after, 1] - sides[:, 1] * sides[after, 0], first)
    backwards = (first + last)[owner] - np.arange(len(out))
    return Ragged(lists.offsets, np.where(area[owner] < 0, out[backwards], out))


def of_one_length(polygons: list[FloatArray]) -> list[FloatArray]:
    """Polygons, (any, d) each, with as many corners as the longest: by their last one, repeated.

    mplot3d takes limits from arrays that it leaves unfilled where a polygon is shorter than others.
    """
    most = max(map(len, polygons), default=0)
    return [np.concatenate((one, np.repeat(one[-1:], most - len(one), axis=0))) for one in polygons]


def to_shapely(cx: PolyhedralComplex) -> npt.NDArray[np.object_]:
    """The cells of a plane complex as shapely polygons, (n_cells,)."""
    import shapely

    if cx.dim != 2:
        raise UnsupportedError(f"to_shapely: the complex has dimension {cx.dim}; shapely polygons need dimension 2")
    rings = polygon_rings(cx)
    rows = shapely.linearrings(cx.vertices[rings.indices], indices=rings.owners)
    polygons: npt.NDArray[np.object_] = shapely.polygons(rows)
    return polygons


def to_networkx(cx: PolyhedralComplex) -> Any:
    """The dual graph as networkx Graph: nodes with volume and centroid, edges with facet and measure."""
    try:
        import networkx
    except ImportError as error:
        raise MissingDependencyError("networkx is needed here: pip install specgeo[graph]") from error
    graph = networkx.Graph()
    rows = zip(cx.volumes.tolist(), cx.centroids.tolist(), strict=True)
    graph.add_nodes_from((i, {"volume": v, "centroid": c}) for i, (v, c) in enumerate(rows))
    facets = cx.facets
    inner = np.flatnonzero(~facets.is_boundary)
    graph.add_edges_from(
        (a, b, {"facet": f, "measure": m})
        for f, (a, b), m in zip(
            inner.tolist(), facets.cells[inner].tolist(), facets.measures[inner].tolist(), strict=True
        )
    )
    return graph


def to_xarray(cx: PolyhedralComplex) -> Any:
    """An `xarray.Dataset` of the cells: volume, centroid, gradient, offset, value at the centroid, pattern."""
    centroids, gradients = cx.centroids, cx.gradients
    data: dict[str, Any] = {
        "volume": ("cell", cx.volumes),
        "centroid": (("cell", "input"), centroids),
        "gradient": (("cell", "output", "input"), gradients),
        "offset": (("cell", "output"), cx.offsets),
        "value": (("cell", "output"), np.einsum("cmd,cd->cm", gradients, centroids) + cx.offsets),
    }
    names = cx.notes.get("input_names", [f"x_{i}" for i in range(cx.dim)])
    cells, outputs = np.arange(cx.n_cells), np.arange(gradients.shape[1])
    places: dict[str, Any] = {"cell": cells, "input": list(names), "output": outputs}
    if cx.signs is not None:
        data["pattern"] = (("cell", "unit"), cx.patterns)
        for name in ("layers", "neurons", "breakpoints"):
            places[name.removesuffix("s")] = ("unit", getattr(cx.signs, name))
    return dataset(data, places)
