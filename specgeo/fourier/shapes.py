"""Every kind of polytope the transforms accept, brought to one form: signed simplices and a boundary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from numbers import Number
from typing import Any

import numpy as np
import shapely
from shapely.geometry.polygon import orient

from specgeo._cast import FloatArray, IntArray, as_floats, as_indices
from specgeo.domain import Box
from specgeo.errors import DomainError, InvalidInputError, UnsupportedError
from specgeo.fourier.measures import check_range, signed_volumes, simplex_measures, unit_scale
from specgeo.fourier.solids import Solid, check_closed, check_flat, face_triangles, make_solid, warp
from specgeo.fourier.triangulation import hull_facets, hull_polygon, pulling_triangulation, triangulate_rings


@dataclass(frozen=True, eq=False)
class Shape:
    """A bounded polytope of full dimension: convex, or not; a region with holes; in several parts."""

    points: FloatArray  # (n, d)
    facets: tuple[frozenset[int], ...] | None = None  # convex: vertex sets of the facets
    rings: tuple[IntArray, ...] | None = None  # plane: closed point lists, interior on the left
    parts: tuple[tuple[int, ...], ...] | None = None  # plane: shell and holes of each part, by ring number
    faces: tuple[IntArray, ...] | None = None  # space: faces, counter-clockwise from outside
    convex: bool = True
    box: tuple[FloatArray, FloatArray] | None = None

    @property
    def dim(self) -> int:
        """Dimension of the space, which is that of the shape."""
        return int(self.points.shape[1])

    @cached_property
    def triangulated(self) -> tuple[FloatArray, IntArray, FloatArray]:
        """Points, simplices (n_s, d + 1) and their volumes (signed where simplices overlap)."""
        if self.dim == 1:
            ends = np.array([[int(np.argmin(self.points)), int(np.argmax(self.points))]], dtype=np.int64)
            return self.points, ends, simplex_measures(self.points[ends])
        if self.rings is not None:
            return self._plane()
        if self.faces is not None and not self.convex:
            return self._solid()
        assert self.facets is not None
        simplices = pulling_triangulation(list(self.facets), self.dim)
        return self.points, simplices, simplex_measures(self.points[simplices])

    def _plane(self) -> tuple[FloatArray, IntArray, FloatArray]:
        assert self.rings is not None and self.parts is not None
        pieces = []
        for part in self.parts:
            numbers = np.concatenate([self.rings[r] for r in part])
            pieces.append(numbers[triangulate_rings([self.points[self.rings[r]] for r in part])])
        simplices = np.concatenate(pieces)
        volumes = signed_volumes(self.points[simplices])
        delaunay = self.convex or hasattr(shapely, "constrained_delaunay_triangles")
        return self.points, simplices, np.abs(volumes) if delaunay else volumes

    def _solid(self) -> tuple[FloatArray, IntArray, FloatArray]:
        """Tetrahedra from one apex to the boundary triangles, with signs."""
        triangles = np.concatenate(self.face_triangles)
        apex = self.points[np.unique(triangles)].mean(axis=0)
        points = np.concatenate([self.points, apex[None, :]])
        simplices = np.column_stack([np.full(len(triangles), len(self.points)), triangles])
        return points, simplices, signed_volumes(points[simplices])

    @cached_property
    def face_triangles(self) -> list[IntArray]:
        """Triangles of each face of a solid."""
        assert self.faces is not None
        return face_triangles(self.points, self.faces)

    @cached_property
    def volume(self) -> float:
        """d-dimensional measure."""
        return float(self.triangulated[2].sum())

    @cached_property
    def surface(self) -> float:
        """(d - 1)-dimensional measure of the boundary, for d = 2, 3."""
        if self.rings is not None:
            turned = [self.points[np.roll(r, -1)] - self.points[r] for r in self.rings]
            return float(sum(np.linalg.norm(t, axis=1).sum() for t in turned))
        return float(simplex_measures(self.points[np.concatenate(self.face_triangles)]).sum())

    @cached_property
    def outline(self) -> tuple[FloatArray, IntArray]:
        """Points of the rings one after the other, and their offsets."""
        assert self.rings is not None
        offsets = np.cumsum([0, *(len(ring) for ring in self.rings)], dtype=np.int64)
        return np.ascontiguousarray(self.points[np.concatenate(self.rings)]), offsets

    @cached_property
    def solid(self) -> Solid:
        """The faces as they are."""
        assert self.faces is not None
        return make_solid(self.points, self.faces, self.face_triangles, self.volume)

    @cached_property
    def split_solid(self) -> Solid:
        """The faces split into triangles: exact for vertices that rounding moved off the face's plane."""
        triangles = np.concatenate(self.face_triangles)
        return make_solid(self.points, list(triangles), [t[None, :] for t in triangles], self.volume)

    @cached_property
    def warp(self) -> float:
        """Largest distance of a vertex from the plane of its face."""
        assert self.faces is not None
        return max(warp(self.points[face]) for face in self.faces)


def as_shapes(polytope: Any) -> list[Shape]:
    """The shapes whose union a polytope argument is; their interiors do not meet."""
    if isinstance(polytope, (shapely.Polygon, shapely.MultiPolygon)):
        return [_from_shapely(polytope)]
    if isinstance(polytope, Box):
        return [_from_box(polytope)]
    if hasattr(polytope, "vertices") and hasattr(polytope, "A"):
        return [_remembered(as_floats(polytope.vertices, "polytope.vertices", (None, int(polytope.dim))))]
    if isinstance(polytope, tuple) and len(polytope) == 2 and np.ndim(polytope[0]) == 2:
        return [_from_faces(*polytope)]
    if isinstance(polytope, list) and polytope and not _is_points(polytope):
        return [shape for part in polytope for shape in as_shapes(part)]
    if not _is_points(polytope):
        raise InvalidInputError(
            "polytope: pass vertices (n, d), a Box or Polytope, a shapely (Multi)Polygon, a pair (vertices, faces),"
            " or a list of these with disjoint interiors"
        )
    return [_remembered(as_floats(polytope, "polytope", (None, None)))]


def _remembered(points: FloatArray) -> Shape:
    """Hulls of the last few point sets: callers loop over wavevectors."""
    return _hull(points.shape, points.tobytes())


@lru_cache(maxsize=32)
def _hull(shape: tuple[int, ...], data: bytes) -> Shape:
    return from_points(np.frombuffer(data).reshape(shape).copy())


def _is_points(value: Any) -> bool:
    try:
        array = np.asarray(value)
    except ValueError:  # ragged
        return False
    return array.ndim == 2 and all(isinstance(x, Number) for x in array.ravel()[:1].tolist())


def from_points(points: FloatArray) -> Shape:
    """Convex hull."""
    n, d = points.shape
    if d == 0 or n < d + 1:
        raise DomainError(f"polytope: {n} points given; a polytope of dimension {d} needs {d + 1} or more")
    if d == 1:
        if np.ptp(points) == 0.0:
            raise DomainError("polytope: all its points are equal; an interval of positive length is needed")
        return Shape(points)
    if d == 2:
        return Shape(points, rings=(hull_polygon(points),), parts=((0,),))
    facets = hull_facets(points)
    if d > 3:
        return Shape(points, tuple(facets))
    return Shape(points, tuple(facets), faces=tuple(_outward(points, facets)))


def _outward(points: FloatArray, facets: list[frozenset[int]]) -> list[IntArray]:
    """Vertex cycles of the facets of a convex solid, counter-clockwise from outside."""
    inside = points[sorted(frozenset().union(*facets))].mean(axis=0)
    scale = unit_scale(points - inside)
    cycles = []
    for facet in facets:
        sides = [facet & other for other in facets if other is not facet and len(facet & other) == 2]
        follow: dict[int, list[int]] = {v: [] for v in facet}
        for side in sides:
            a, b = sorted(side)
            follow[a].append(b)
            follow[b].append(a)
        if any(len(ends) != 2 for ends in follow.values()):
            raise DomainError("polytope: its facets cannot be told apart in floats; pass (vertices, faces) instead")
        cycle = [min(facet)]
        cycle.append(follow[cycle[0]][0])
        while len(cycle) < len(facet):
            cycle.append(next(v for v in follow[cycle[-1]] if v != cycle[-2]))
        corners = (points[cycle] - inside) * scale
        rest = corners - corners[0]
        normal = np.cross(rest[1:-1], rest[2:]).sum(axis=0)
        if normal @ corners.mean(axis=0) < 0.0:
            cycle.reverse()
        cycles.append(np.array(cycle, dtype=np.int64))
    return cycles


def _from_box(box: Box) -> Shape:
    lower, upper = box.lower, box.upper
    d = len(lower)
    check_range(np.ones(1), np.array([math.prod((upper - lower).tolist())]))
    if d > 12:
        # closed form only: a triangulation has d! simplices
        return Shape(np.stack([lower, upper]), box=(lower, upper))
    corners = np.array(list(product((0, 1), repeat=d)), dtype=np.int64)
    points = np.ascontiguousarray(np.where(corners == 0, lower, upper))
    if d == 1:
        return Shape(points, box=(lower, upper))
    if d == 2:
        return Shape(points, rings=(np.array([0, 2, 3, 1]),), parts=((0,),), box=(lower, upper))
    facets = [frozenset(np.flatnonzero(corners[:, a] == side).tolist()) for a in range(d) for side in (0, 1)]
    faces = tuple(_outward(points, facets)) if d == 3 else None
    return Shape(points, tuple(facets), faces=faces, box=(lower, upper))


def _from_shapely(polygon: Any) -> Shape:
    if polygon.is_empty or not polygon.is_valid:
        reason = shapely.is_valid_reason(polygon)
        raise DomainError(f"polytope: empty or invalid polygon ({reason}); repair it with shapely.make_valid")
    rings: list[IntArray] = []
    parts: list[tuple[int, ...]] = []
    points: list[FloatArray] = []
    total = 0
    for part in shapely.get_parts(polygon):
        part = orient(part)
        numbers = []
        for ring in (part.exterior, *part.interiors):
            corners = shapely.get_coordinates(ring)[:-1]
            numbers.append(len(rings))
            rings.append(np.arange(total, total + len(corners), dtype=np.int64))
            points.append(corners)
            total += len(corners)
        parts.append(tuple(numbers))
    return Shape(np.concatenate(points), rings=tuple(rings), parts=tuple(parts), convex=False)


def _from_faces(vertices: Any, faces: Sequence[Sequence[int]]) -> Shape:
    points = as_floats(vertices, "vertices", (None, None))
    if points.shape[1] != 3:
        raise UnsupportedError(
            f"polytope: oriented faces need 3 dimensions, not {points.shape[1]}; pass vertices alone"
        )
    if not isinstance(faces, (Sequence, np.ndarray)) or len(faces) == 0:
        raise InvalidInputError("faces: pass a list of faces, each a list of vertex numbers")
    cycles = [as_indices(face, f"faces: face {number}", len(points)) for number, face in enumerate(faces)]
    for number, face in enumerate(cycles):
        if len(face) < 3:
            raise InvalidInputError(f"faces: face {number} must list three or more vertices")
        if len(set(face.tolist())) < len(face):
            raise UnsupportedError(f"faces: face {number} repeats a vertex; cut faces with holes into simple polygons")
    check_closed(cycles)
    check_flat(points, cycles)
    shape = Shape(points, faces=tuple(cycles), convex=False)
    if not shape.volume > 0.0:
        raise DomainError("polytope: volume is not positive; list each face counter-clockwise as seen from outside")
    return shape
