"""Every kind of polytope the transforms accept, brought to one form: signed simplices and a boundary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from numbers import Number
from typing import Any

import numpy as np
import shapely

from specgeo._cast import FloatArray, IntArray, as_floats, as_indices
from specgeo._caution import caution
from specgeo._double import UNIT_ROUNDOFF
from specgeo._exact import check_volume, determinant, integers, unit_axes
from specgeo._measures import check_range, rounded_measures, signed_volumes
from specgeo.domain import Box
from specgeo.errors import DomainError, InvalidInputError, UnsupportedError
from specgeo.fourier.expansion import Expansions, expansions
from specgeo.fourier.foreign import as_own
from specgeo.fourier.forms import SUM_ROUNDING, TERM_ROUNDING, size_of
from specgeo.fourier.solids import Solid, check_closed, check_flat, face_triangles, make_solid, warp
from specgeo.fourier.triangulation import (
    WEDGE,
    cones,
    convex_hull,
    depths,
    hull_polygon,
    pulling_triangulation,
    triangulate_rings,
)

MODERATE = 256  # exponents of the coordinates, times the dimension, that leave room for every product
DEEP = 1e-9  # depth inside a hull, in units of its size, above which a point is no vertex of anything convex
CANCELLED = 1e-12  # relative size of a sum of volumes below which floats do not tell its sign


@dataclass(frozen=True, eq=False)
class Shape:
    """A bounded polytope of full dimension: convex, or not; a region with holes; in several parts.

    Coordinates are those given divided by 2^exponents, axis by axis: an affine map, so that transforms only scale.
    """

    points: FloatArray  # (n, d)
    exponents: IntArray  # (d,); zeros unless coordinates are so large or small that products leave the range of floats
    pieces: IntArray | None = None  # convex: simplices (n_b, d) of the boundary
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
            return self.points, ends, rounded_measures(self.points[ends])
        if self.rings is not None:
            return self._plane()
        if self.faces is not None and not self.convex:
            return self._solid()
        if self.pieces is not None:
            simplices = cones(self.pieces)
        else:
            assert self.facets is not None
            simplices = pulling_triangulation(list(self.facets), self.dim)
        return self.points, simplices, rounded_measures(self.points[simplices])

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
        """Tetrahedra to the boundary triangles, with signs, from the mean of the vertices or the first one."""
        triangles = np.concatenate(self.face_triangles)
        apexes = (self.points[np.unique(triangles)].mean(axis=0), self.points[triangles[0, 0]])
        choices = []
        for apex in apexes:
            points = np.concatenate([self.points, apex[None, :]])
            simplices = np.column_stack([np.full(len(triangles), len(self.points)), triangles])
            choices.append((points, simplices, signed_volumes(points[simplices])))
        # the one of less overlap
        return min(choices, key=lambda choice: float(np.abs(choice[2]).sum()))

    @cached_property
    def face_triangles(self) -> list[IntArray]:
        """Triangles of each face of a solid."""
        assert self.faces is not None
        return face_triangles(self.points, self.faces)

    @cached_property
    def volume(self) -> float:
        """d-dimensional measure."""
        if self.box is not None:
            return float(np.prod(self.box[1] - self.box[0]))
        return float(self.triangulated[2].sum())

    def check_volume(self) -> None:
        """Refuse a volume that leaves the range of floats."""
        with np.errstate(over="ignore", under="ignore"):
            true = np.ldexp(self.volume, self.exponents.sum())
        check_range(np.ones(1), np.atleast_1d(true), "polytope: its volume", "it")

    def sum_error(self, density: FloatArray | None = None) -> FloatArray:
        """Bound, for every k, on the error of the sum over simplices, in coordinates of the shape: (m,).

        To first order in the roundoff, roundings independent, six standard deviations allowed, as for spectra
        (`specgeo.fourier.forms`). ``density`` (n_s, d + 1, m): values at the corners.
        """
        if self.box is not None and density is None:  # a product of one-dimensional sums
            return np.array([self.dim * (TERM_ROUNDING + 2 * SUM_ROUNDING) * UNIT_ROUNDOFF * self.volume])
        volumes = np.abs(self.triangulated[2])[:, None]
        most = np.ones((1, 1)) if density is None else np.abs(density).max(axis=1)
        means = np.ones((1, 1)) if density is None else density.mean(axis=1)
        merged = sum(len(facet) - self.dim for facet in self.facets or ()) if self.box is None else 0
        size = size_of(self.triangulated[2][:, None] * means, volumes * most)
        return np.asarray(UNIT_ROUNDOFF * size.rounding + merged * WEDGE * (volumes * most).sum(axis=0))

    @cached_property
    def reach(self) -> FloatArray:
        """Largest absolute coordinate along each axis, (d,)."""
        return np.asarray(np.abs(self.points).max(axis=0))

    @cached_property
    def surface(self) -> float:
        """(d - 1)-dimensional measure of the boundary, for d = 2, 3."""
        if self.rings is not None:
            turned = [self.points[np.roll(r, -1)] - self.points[r] for r in self.rings]
            return float(sum(np.linalg.norm(t, axis=1).sum() for t in turned))
        return float(rounded_measures(self.points[np.concatenate(self.face_triangles)]).sum())

    @cached_property
    def outline(self) -> tuple[FloatArray, IntArray]:
        """Points of the rings one after the other, and their offsets."""
        assert self.rings is not None
        offsets = np.cumsum([0, *(len(ring) for ring in self.rings)], dtype=np.int64)
        return np.ascontiguousarray(self.points[np.concatenate(self.rings)]), offsets

    @cached_property
    def expansions(self) -> Expansions:
        """Series at small |k|, in the plane and in space."""
        return expansions(*self.triangulated)

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
    polytope = as_own(polytope)
    if isinstance(polytope, shapely.Geometry):
        return [_from_shapely(polytope)]
    if isinstance(polytope, Box):
        return [_from_box(polytope)]
    if hasattr(polytope, "vertices") and hasattr(polytope, "A"):
        return [_remembered(as_floats(polytope.vertices, "polytope.vertices", (None, int(polytope.dim))))]
    if isinstance(polytope, tuple) and len(polytope) == 2 and np.ndim(polytope[0]) == 2:
        return [_from_faces(*polytope)]
    if isinstance(polytope, np.ndarray) and polytope.ndim == 1 and polytope.dtype == object:  # cx.to_shapely()
        polytope = list(polytope)
    if isinstance(polytope, (list, tuple)) and polytope and not _is_points(polytope):
        return [shape for part in polytope for shape in as_shapes(part)]
    if not _is_points(polytope):
        raise InvalidInputError(
            f"polytope: {type(polytope).__name__} given; pass vertices (n, d), a Box or Polytope, a shapely"
            " (Multi)Polygon, a pair (vertices, faces), a shape of coxeter, scipy or trimesh, or a list of these with"
            " disjoint interiors"
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


def _in_range(points: FloatArray) -> tuple[FloatArray, IntArray]:
    """Points, axes scaled by powers of two where products of coordinates could leave the range, and the exponents."""
    unit, exponents = unit_axes(points)
    if len(exponents) * int(np.abs(exponents).max(initial=0)) <= MODERATE:
        return points, np.zeros_like(exponents)
    return unit, exponents


def _checked(shape: Shape) -> Shape:
    shape.check_volume()
    return shape


def from_points(points: FloatArray) -> Shape:
    """Convex hull; points strictly inside it get a warning."""
    _check_span(points)
    points, exponents = _in_range(points)
    d = points.shape[1]
    if d == 1:
        return _checked(Shape(points, exponents))
    if d == 2:
        ring = hull_polygon(points)
        _warn_inside(points, points, ring)
        return _checked(Shape(points, exponents, rings=(ring,), parts=((0,),)))
    hull = convex_hull(points)
    _warn_inside(points, hull.unit, np.array(sorted(frozenset().union(*hull.facets))))
    faces = None
    if d == 3:
        faces = tuple(_outward(hull.unit, hull.facets) if hull.pieces is None else hull.pieces)
    return _checked(Shape(points, exponents, hull.pieces, tuple(hull.facets), faces=faces))


def _check_span(points: FloatArray) -> None:
    try:
        check_volume(points, "polytope")
    except DomainError as error:
        if points.shape[1] == 3 and len(points) and np.all(points[:, 2] == points[0, 2]):
            raise DomainError(f"{error}; for a plane polygon, all z alike, pass points[:, :2]") from None
        raise


def _warn_inside(points: FloatArray, unit: FloatArray, corners: IntArray) -> None:
    """Say that the hull is meant where a point lies deep inside it; ``unit`` an affine image that is not thin."""
    others = np.setdiff1d(np.arange(len(points)), corners)
    others = others[:: 1 + len(others) // 256]
    if len(others) and np.any(depths(unit[corners], unit[others]) > DEEP):
        caution(
            f"polytope: of {len(points)} points some lie inside the convex hull of the others, which is meant; for a"
            f" shape that is not convex pass {'a shapely Polygon' if points.shape[1] == 2 else '(vertices, faces)'}"
        )


def _outward(points: FloatArray, facets: list[frozenset[int]]) -> list[IntArray]:
    """Vertex cycles of the facets of a convex solid that is not thin, counter-clockwise from outside."""
    inside = points[sorted(frozenset().union(*facets))].mean(axis=0)
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
        corners = points[cycle] - inside
        rest = corners - corners[0]
        normal = np.cross(rest[1:-1], rest[2:]).sum(axis=0)
        if normal @ corners.mean(axis=0) < 0.0:
            cycle.reverse()
        cycles.append(np.array(cycle, dtype=np.int64))
    return cycles


def _from_box(box: Box) -> Shape:
    (lower, upper), exponents = _in_range(np.stack([box.lower, box.upper]))
    d = len(lower)
    if d > 12:
        # closed form only: a triangulation has d! simplices
        return _checked(Shape(np.stack([lower, upper]), exponents, box=(lower, upper)))
    corners = np.array(list(product((0, 1), repeat=d)), dtype=np.int64)
    points = np.ascontiguousarray(np.where(corners == 0, lower, upper))
    if d == 1:
        return _checked(Shape(points, exponents, box=(lower, upper)))
    if d == 2:
        return _checked(Shape(points, exponents, rings=(np.array([0, 2, 3, 1]),), parts=((0,),), box=(lower, upper)))
    facets = [frozenset(np.flatnonzero(corners[:, a] == side).tolist()) for a in range(d) for side in (0, 1)]
    faces = tuple(_outward(corners.astype(np.float64), facets)) if d == 3 else None
    return _checked(Shape(points, exponents, facets=tuple(facets), faces=faces, box=(lower, upper)))


def _from_shapely(polygon: Any) -> Shape:
    """Points in the order of the polygon's coordinates; rings that run the other way round are read backwards."""
    kind = polygon.geom_type
    if kind not in ("Polygon", "MultiPolygon"):
        raise DomainError(
            f"polytope: a shapely {kind} has no area of its own; pass the Polygons in it, if any, as a list"
        )
    if polygon.has_z or getattr(polygon, "has_m", False):
        raise DomainError(f"polytope: the {kind} has z or m coordinates; drop them with shapely.force_2d if meant so")
    corners = shapely.get_coordinates(polygon)
    if polygon.is_empty or not np.all(np.isfinite(corners)):
        raise DomainError(f"polytope: the {kind} is empty or has infinite coordinates; give it finite ones")
    points, exponents = _in_range(corners)
    scaled = shapely.set_coordinates(shapely.transform(polygon, np.copy), points) if exponents.any() else polygon
    if not scaled.is_valid:  # decided by products of coordinates
        reason = shapely.is_valid_reason(scaled)
        raise DomainError(f"polytope: invalid polygon ({reason}); repair it with shapely.make_valid")
    rings: list[IntArray] = []
    parts: list[tuple[int, ...]] = []
    kept: list[FloatArray] = []
    total = start = 0
    for part in shapely.get_parts(polygon):
        numbers = []
        for hole, ring in enumerate((part.exterior, *part.interiors)):
            size = shapely.get_num_coordinates(ring) - 1
            corners = points[start : start + size]
            start += size + 1  # the closing point is left out
            order = np.arange(total, total + size, dtype=np.int64)
            numbers.append(len(rings))
            rings.append(order if (_ring_sign(corners) > 0) == (hole == 0) else order[::-1].copy())
            kept.append(corners)
            total += size
        parts.append(tuple(numbers))
    return _checked(Shape(np.concatenate(kept), exponents, rings=tuple(rings), parts=tuple(parts), convex=False))


def _ring_sign(corners: FloatArray) -> int:
    """1 if a ring runs counter-clockwise, -1 if clockwise, decided exactly."""
    steps = corners - corners[0]
    terms = steps[:-1, 0] * steps[1:, 1] - steps[:-1, 1] * steps[1:, 0]
    lengths = np.linalg.norm(steps, axis=1)
    area = float(terms.sum())
    if abs(area) > CANCELLED * float(lengths[:-1] @ lengths[1:]):
        return 1 if area > 0.0 else -1
    rows = integers(corners)[0]
    return 1 if sum(a[0] * b[1] - a[1] * b[0] for a, b in zip(rows, [*rows[1:], rows[0]], strict=True)) > 0 else -1


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
    check_closed(points, cycles)
    check_volume(points[np.unique(np.concatenate(cycles))], "polytope")
    points, exponents = _in_range(points)
    check_flat(points, cycles)
    shape = Shape(points, exponents, faces=tuple(cycles), convex=False)
    if not _encloses(shape):
        raise DomainError("polytope: volume is not positive; list each face counter-clockwise as seen from outside")
    return _checked(shape)


def _encloses(shape: Shape) -> bool:
    """Whether the signed volume of a closed surface is positive, decided exactly."""
    points, _, volumes = shape.triangulated
    if abs(shape.volume) > CANCELLED * float(np.abs(volumes).sum()):
        return shape.volume > 0.0
    rows = integers(points)[0]
    return sum(determinant([rows[i] for i in t]) for t in np.concatenate(shape.face_triangles).tolist()) > 0
