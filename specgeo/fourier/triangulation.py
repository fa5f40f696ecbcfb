"""Triangulations: convex hulls in any dimension by pulling, plane polygons with holes."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import NamedTuple

import numpy as np
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import ConvexHull, QhullError

from specgeo._cast import FloatArray, IntArray
from specgeo._double import dot, two_sum
from specgeo._exact import affine_coordinates, orientations
from specgeo._measures import rounded_measures, unit_scale
from specgeo.errors import DomainError
from specgeo.fourier.exact_hull import exact_hull

# Neighbouring simplices of a hull are pieces of one facet if each is this flat on the plane of the other, in units of
# the whitened size, and if the wedge between them, which is lost then, is below this share of the volume.
COPLANAR = 1e-13
WEDGE = 3e-16
OUTSIDE = 1e-16  # share of the volume that stands out over a piece of a hull and is taken for an error of it
AGREE = 3e-15  # relative, of the volumes of a hull from its pieces and from its facets
NEAR = 1e-9  # depth below all facets at which no error of theirs reaches a point
THIN = 1e-13  # least over largest principal axis below which double-doubles do not resolve a hull
_UNDERFLOW = 1e-300  # of products of differences of coordinates near 1


def hull_polygon(points: FloatArray) -> IntArray:
    """Vertices of the convex hull of plane points that span it, counter-clockwise: monotone chain with exact signs."""
    order = np.lexsort((points[:, 1], points[:, 0])).tolist()
    corners = points.tolist()  # numbers of Python are faster one by one
    chain: list[int] = []
    for sweep in (order, order[::-1]):
        part: list[int] = []
        for i in sweep:
            while len(part) > 1 and _turn(corners[part[-2]], corners[part[-1]], corners[i]) <= 0:
                part.pop()
            part.append(i)
        chain += part[:-1]
    return np.array(chain, dtype=np.int64)


def _turn(a: list[float], b: list[float], c: list[float]) -> int:
    """Sign of det(b - a, c - a): floating-point filter, then rational numbers."""
    left, right = (b[0] - a[0]) * (c[1] - a[1]), (b[1] - a[1]) * (c[0] - a[0])
    if abs(left - right) > 1e-15 * (abs(left) + abs(right)) + _UNDERFLOW:
        return 1 if left > right else -1
    (ax, ay), (bx, by), (cx, cy) = ([Fraction(x) for x in p] for p in (a, b, c))
    exact = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    return (exact > 0) - (exact < 0)


def whitened(points: FloatArray) -> tuple[FloatArray, float]:
    """Points moved and scaled to unit principal axes (hulls are affine-invariant), and the factor on volumes.

    In double-double, so that the vertices of a sliver are as good across as they are along; what is too thin for
    that gets the coordinates of `affine_coordinates`. The orientation stays.
    """
    steps = points - points[0]
    _, sizes, axes = np.linalg.svd(steps - steps.mean(axis=0), full_matrices=False)
    if sizes[-1] <= THIN * sizes[0]:
        return affine_coordinates(points), 0.0
    if np.linalg.det(axes) < 0.0:
        axes[0] = -axes[0]
    scaled = axes / (sizes[:, None] / np.sqrt(len(points)))
    rest = two_sum(points, np.broadcast_to(-points[0], points.shape))
    unit, _ = dot((rest[0][:, None], rest[1][:, None]), (scaled, np.zeros_like(scaled)))
    return unit, float(np.prod(np.sqrt(len(points)) / sizes))


class Hull(NamedTuple):
    """The convex hull of points in three dimensions or more."""

    facets: list[frozenset[int]]  # vertex sets of the facets, coplanar pieces merged
    pieces: IntArray | None  # simplices of the boundary instead, counter-clockwise from outside, where they are many
    unit: FloatArray  # the points in an affine image of the same orientation in which the hull is not thin


def convex_hull(points: FloatArray) -> Hull:
    """Hull of points that span the space, d >= 3: by Qhull, and where that is not right to the last bits, exactly."""
    n, d = points.shape
    if n == d + 1:
        unit = np.concatenate([np.zeros((1, d)), np.eye(d)])
        unit[1] *= orientations(points[None])[0]
        return Hull([frozenset(range(n)) - {i} for i in range(n)], None, unit)
    points = points * unit_scale(points - points[0])
    unit, growth = whitened(points)
    try:
        hull = ConvexHull(unit)
    except QhullError:
        return Hull([], exact_hull(points, unit), unit)
    shares = rounded_measures(unit[hull.simplices]) / (d * hull.volume)
    near = _outmost(unit, hull.equations, shares)
    if near is not None:
        pieces = near[exact_hull(points[near], unit[near])]
        return Hull([frozenset(piece) for piece in pieces.tolist()], pieces, unit)
    # the vertex of each simplex that its neighbour lacks, over the neighbour's plane
    piece, across = np.repeat(np.arange(len(hull.simplices)), d), hull.neighbors.ravel()
    apex = hull.simplices.ravel()
    heights = np.einsum("pa,pa->p", unit[apex], hull.equations[across, :-1]) + hull.equations[across, -1]
    flat = np.flatnonzero(np.abs(heights) <= COPLANAR)
    pairs = np.column_stack([apex[flat], hull.simplices[across[flat]]])
    wedges = rounded_measures(points[pairs]) * growth if growth else rounded_measures(unit[pairs])
    flat = flat[wedges <= WEDGE * hull.volume]
    one_way = coo_matrix((np.ones(len(flat)), (piece[flat], across[flat])), shape=(len(hull.simplices),) * 2).tocsr()
    _, label = connected_components(one_way.multiply(one_way.T), directed=False)
    order = np.argsort(label, kind="stable")
    groups = np.split(hull.simplices[order], np.flatnonzero(np.diff(label[order])) + 1)
    facets = [frozenset(group.ravel().tolist()) for group in groups]
    if _fit(facets, hull.simplices, unit):
        return Hull(facets, None, unit)
    pieces = exact_hull(points, unit)
    return Hull([frozenset(piece) for piece in pieces.tolist()], pieces, unit)


def _fit(facets: list[frozenset[int]], pieces: IntArray, unit: FloatArray) -> bool:
    """Whether merged facets make a polytope: in space by Euler's formula, and the volume is that of the pieces."""
    d = unit.shape[1]
    ends = sum(len(facet) for facet in facets)
    if d == 3 and 2 * (len(frozenset().union(*facets)) + len(facets) - 2) != ends:
        return False
    wanted = float(rounded_measures(unit[cones(pieces)]).sum())
    pulled = pulling_triangulation(facets, d)
    return abs(float(rounded_measures(unit[pulled]).sum()) - wanted) <= AGREE * wanted


def _outmost(unit: FloatArray, planes: FloatArray, shares: FloatArray) -> IntArray | None:
    """Points that may be vertices, if one of all stands out of a facet that Qhull found, which merges near ones."""
    highest, out = np.full(len(unit), -np.inf), 0.0
    for start in range(0, len(planes), 256):
        part = planes[start : start + 256]
        heights = unit @ part[:, :-1].T + part[:, -1]
        np.maximum(highest, heights.max(axis=1), out=highest)
        out = max(out, float((heights.max(axis=0) * shares[start : start + 256]).max()))
    return np.flatnonzero(highest > -NEAR) if out > OUTSIDE else None


def depths(corners: FloatArray, points: FloatArray) -> FloatArray:
    """How deep points (n, d) lie inside the hull of its corners, in units of its size; 0 where floats find no hull."""
    base = corners[0]
    scale = unit_scale(corners - base)
    try:
        hull = ConvexHull((corners - base) * scale)
    except QhullError:
        return np.zeros(len(points))
    heights = (points - base) * scale @ hull.equations[:, :-1].T + hull.equations[:, -1]
    return np.asarray(-heights.max(axis=1))


def cones(pieces: IntArray) -> IntArray:
    """Simplices (n_s, d + 1) from the vertex that most pieces (n_b, d) of a convex boundary share to all the others."""
    apex = np.bincount(pieces.ravel()).argmax()
    far = pieces[~np.any(pieces == apex, axis=1)]
    return np.column_stack([np.full(len(far), apex), far])


def pulling_triangulation(facets: list[frozenset[int]], dim: int) -> IntArray:
    """Simplices (n_s, dim + 1) of a convex polytope given by its facets' vertex sets.

    Each face is coned from its smallest vertex over its facets that miss it, so the pieces fit
    without any geometry.
    """

    @cache
    def pieces(face: frozenset[int], size: int) -> tuple[tuple[int, ...], ...]:
        if len(face) == size + 1:
            return (tuple(sorted(face)),)
        apex = min(face)
        meets = {face & f for f in facets if not face <= f}
        sides = [s for s in meets if len(s) >= size and apex not in s and not any(s < other for other in meets)]
        return tuple((apex, *simplex) for side in sides for simplex in pieces(side, size - 1))

    return np.array(pieces(frozenset().union(*facets), dim), dtype=np.int64).reshape(-1, dim + 1)


def triangulate_rings(rings: list[FloatArray]) -> IntArray:
    """Triangles of the plane region bounded by rings (first the shell, then holes), by point number.

    Points are numbered ring after ring. Constrained Delaunay triangulation where shapely has it
    (2.1); otherwise a fan from the first point, whose triangles overlap with signs.
    """
    points = np.concatenate(rings)
    scale = unit_scale(points - points[0])  # GEOS multiplies four coordinates
    rings, points = [ring * scale for ring in rings], points * scale
    if len(points) == 3:
        return np.array([[0, 1, 2]], dtype=np.int64)
    if len(rings) == 1 and _is_convex(points):
        return fan(len(points))
    if not hasattr(shapely, "constrained_delaunay_triangles"):
        starts = np.cumsum([0, *(len(r) for r in rings)])
        parts = [[(a + i, a + (i + 1) % len(r)) for i in range(len(r))] for a, r in zip(starts, rings, strict=False)]
        return np.array([(0, i, j) for part in parts for i, j in part if i != 0 and j != 0], dtype=np.int64)
    number = {(float(x), float(y)): i for i, (x, y) in enumerate(points)}
    region = shapely.Polygon(rings[0], rings[1:])
    try:
        parts = shapely.get_parts(shapely.constrained_delaunay_triangles(region))
    except shapely.errors.GEOSException as error:
        raise DomainError(f"polytope: a polygon or face crosses itself ({error}); repair it") from error
    corners = np.stack([shapely.get_coordinates(p)[:3] for p in parts])
    return np.array([[number[float(x), float(y)] for x, y in t] for t in corners], dtype=np.int64)


def fan(n: int) -> IntArray:
    """Triangles of a convex polygon with vertices 0..n-1, from vertex 0."""
    return np.array([(0, i, i + 1) for i in range(1, n - 1)], dtype=np.int64)


def _is_convex(points: FloatArray) -> bool:
    """All turns to the left, once around (a star turns twice)."""
    e = np.roll(points, -1, axis=0) - points
    f = np.roll(e, -1, axis=0)
    turns = np.arctan2(e[:, 0] * f[:, 1] - e[:, 1] * f[:, 0], np.sum(e * f, axis=1))
    return bool(np.all(turns >= 0.0) and turns.sum() < 7.0)
