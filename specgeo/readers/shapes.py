"""Reader of shapes for `specgeo.polytope_transform`: polygons from GeoJSON and WKT, surfaces from OBJ, PLY and STL."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from specgeo._arguments import checked
from specgeo._budget import afford
from specgeo._cast import FloatArray
from specgeo._caution import caution
from specgeo._display import counted
from specgeo._files import as_path, open_regular
from specgeo._progress import Tell, as_tell, reported
from specgeo.errors import ReadError, SpecgeoError, one_line
from specgeo.readers._meshes import EACH, Faces, read_obj, read_ply, read_stl

if TYPE_CHECKING:
    from shapely import Geometry

_MESHES = {".obj": read_obj, ".ply": read_ply, ".stl": read_stl}
_POLYGONS = (".geojson", ".json", ".wkt")
_RATIO = 20  # bytes in memory for a byte of a file, numbers as text and lists of Python's included


@checked
@reported
def read_shape(
    path: str | os.PathLike[str],
    *,
    max_bytes: int | None = None,
    progress: Callable[[str, float], None] | bool | None = None,
) -> Geometry | tuple[FloatArray, Faces]:
    """Read a polygon or a closed surface; the file name's suffix says the format.

    Parameters
    ----------
    path : path-like
        ``.geojson``, ``.json`` or ``.wkt`` (polygons); ``.obj``, ``.ply`` or ``.stl`` (surfaces), as text or binary.
    max_bytes : int, optional
        Budget for what the file may unfold to in memory; four fifths of what is available by default.
    progress : bool or callable, optional
        True: a bar. A callable is called now and then as ``progress(message, fraction)``.

    Returns
    -------
    shapely geometry, or (vertices, faces)
        What `specgeo.polytope_transform` takes. Vertices have shape (n, 3), faces list their numbers. Coordinates are
        those of the file: float32 is widened exactly, decimals are rounded once.

    Raises
    ------
    ReadError
        The file is missing, corrupt or of another format.
    BudgetError
        The file unfolds to more than ``max_bytes``.

    Warns
    -----
    UserWarning
        Vertices of a surface that are equal in every coordinate were merged, as STL files need it; faces that have
        a vertex twice by that have no area and are dropped.

    Examples
    --------
    >>> import specgeo as sg, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "square.wkt"
    ...     _ = path.write_text("POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))")
    ...     shape = sg.readers.read_shape(path)
    >>> complex(sg.polytope_transform(shape, [0.0, 0.0]))
    (4+0j)
    """
    file = as_path(path)
    suffix = file.suffix.lower()
    if suffix not in _MESHES and suffix not in _POLYGONS:
        known = ", ".join(sorted([*_MESHES, *_POLYGONS]))
        raise ReadError(f"path: {file.name!a} has suffix {file.suffix!r}; one of {known} can be read")
    with open_regular(file) as stream:
        size = os.fstat(stream.fileno()).st_size
        afford(_RATIO * size, f"max_bytes: reading {file.name}", "raise max_bytes, or simplify the shape", max_bytes)
        contents = stream.read()
    try:
        if suffix in _MESHES:
            mesh = _MESHES[suffix](contents, as_tell(progress, 0.0, 0.5))
            return _merged(*mesh, file.name, as_tell(progress, 0.5))
        text = contents.decode("utf-8-sig")
        return _from_wkt(text) if suffix == ".wkt" else _from_geojson(json.loads(text))
    except ReadError as error:
        raise ReadError(f"{file.name}: {error}") from error
    except SpecgeoError:
        raise
    except Exception as error:  # what json, shapely and struct raise on corrupt files has no common class
        raise ReadError(f"{file.name}: {one_line(error, 200)}; the file is corrupt or not {suffix}") from error


def _from_wkt(text: str) -> Geometry:
    """One geometry, or one a line."""
    import shapely

    try:
        return shapely.from_wkt(text.strip())
    except shapely.GEOSException:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        return shapely.GeometryCollection([shapely.from_wkt(line) for line in lines])


def _from_geojson(data: Any) -> Geometry:
    """A geometry; features become a collection of theirs."""
    import shapely

    kind = data.get("type") if isinstance(data, dict) else None
    if kind == "FeatureCollection":
        parts = [_from_geojson(feature) for feature in data["features"]]
        return parts[0] if len(parts) == 1 else shapely.GeometryCollection(parts)
    if kind == "Feature":
        if data["geometry"] is None:
            raise ReadError("a feature has no geometry; drop it")
        return _from_geojson(data["geometry"])
    if kind == "GeometryCollection":
        return shapely.GeometryCollection([_from_geojson(part) for part in data["geometries"]])
    if kind is None:
        raise ReadError("is not GeoJSON: it has no type; save it as a Polygon, a Feature or a FeatureCollection")
    from shapely.geometry import shape

    return shape(data)


def _merged(vertices: FloatArray, faces: Faces, name: str, tell: Tell) -> tuple[FloatArray, Faces]:
    """Vertices equal in every coordinate become one; faces that shrink to an edge or a point are dropped."""
    if len(vertices) == 0 or len(faces) == 0:
        raise ReadError("holds no faces; a closed surface is wanted")
    if not np.all(np.isfinite(vertices)):
        raise ReadError("has NaN or infinite coordinates; mend them")
    points, number = np.unique(vertices + 0.0, axis=0, return_inverse=True)
    if len(points) == len(vertices):
        return vertices, faces
    number = number.ravel()
    kept: Faces = []
    for at, face in enumerate(faces):
        if at % EACH == 0:
            tell(f"face {at + 1:,} of {len(faces):,}", at / len(faces))
        cycle = number[face]
        if len(cycle) > 3 or len(np.unique(cycle)) == len(cycle):
            kept.append(cycle)
    dropped = len(faces) - len(kept)
    caution(
        f"{name}: {len(vertices):,} vertices merged to the {len(points):,} that differ"
        + f", {counted(dropped, 'triangle')} without area dropped" * bool(dropped)
    )
    return points, kept
