"""Shapes of other libraries (coxeter, scipy, trimesh, shapely's collections) in the terms of this package."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from scipy.spatial import ConvexHull

from specgeo.errors import DomainError, UnsupportedError


def as_own(polytope: Any) -> Any:
    """Vertices, (vertices, faces), a shapely polygon or a list of these; what is none of theirs as it is."""
    if isinstance(polytope, ConvexHull):
        return polytope.points[polytope.vertices]
    if isinstance(polytope, shapely.Geometry):
        return _polygons(polytope) if polytope.geom_type == "GeometryCollection" else polytope
    if type(polytope).__module__.partition(".")[0] == "coxeter":
        return _from_coxeter(polytope)
    if type(polytope).__module__.partition(".")[0] == "trimesh" and not hasattr(polytope, "faces"):
        raise UnsupportedError(
            f"polytope: a trimesh {type(polytope).__name__} is no closed surface; pass a mesh: scene.to_mesh(),"
            " points.convex_hull"
        )
    if hasattr(polytope, "vertices") and hasattr(polytope, "faces"):  # a mesh of trimesh, or what looks like one
        return np.asarray(polytope.vertices), np.asarray(polytope.faces)
    return polytope


def _polygons(collection: Any) -> list[Any]:
    """The polygons of a collection, which must not overlap."""
    parts: list[Any] = []
    for part in shapely.get_parts(collection):
        parts += _polygons(part) if part.geom_type == "GeometryCollection" else [part]
    kinds = {part.geom_type for part in parts}
    if not parts or kinds - {"Polygon", "MultiPolygon"}:
        given = " and ".join(sorted(kinds - {"Polygon", "MultiPolygon"})) or "nothing"
        raise DomainError(f"polytope: a GeometryCollection of {given}, which has no area; pass the Polygons in it")
    tree = shapely.STRtree(parts)
    for first, second in tree.query(parts, predicate="intersects").T.tolist():
        if first < second and shapely.relate_pattern(parts[first], parts[second], "T********"):
            raise DomainError(
                f"polytope: parts {first} and {second} of the GeometryCollection overlap; join them with"
                " shapely.union_all"
            )
    return parts


def _from_coxeter(shape: Any) -> Any:
    """Polyhedra by vertices and faces; polygons as plane ones."""
    name = type(shape).__name__
    if not hasattr(shape, "vertices") or hasattr(shape, "radius"):
        raise UnsupportedError(
            f"polytope: a coxeter {name} is round; pass a polygon or polyhedron that approximates it"
        )
    vertices = np.asarray(shape.vertices, dtype=np.float64)
    if hasattr(shape, "faces"):
        convex = any(base.__name__ == "ConvexPolyhedron" for base in type(shape).__mro__)
        return vertices if convex else (vertices, [np.asarray(face) for face in shape.faces])
    if np.any(vertices[:, 2] != vertices[0, 2]):
        raise DomainError(f"polytope: the coxeter {name} does not lie in a plane z = constant; turn it there")
    return shapely.Polygon(vertices[:, :2])
