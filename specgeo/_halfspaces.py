"""Half-space and vertex descriptions of bounded polytopes: the linear programs and hulls behind `Polytope`.

A float linear program only suggests an answer. What the engine relies on is then proved: an
interior point by rational arithmetic, the enclosing box by weak duality with the multipliers
that the program returned.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._exact import affine_coordinates, check_volume
from specgeo.errors import DomainError

MERGE_TOLERANCE = 1e-9
"""Relative distance below which two computed vertices, or two computed facet planes, are taken for one.

Guards only what is reported (vertices, volume) and the facets built from given points; the cells
of a complex are cut by the rows of A themselves, with certified signs."""

_ADVICE_EMPTY = "the polytope is empty, flat, or too thin for float64; check the signs of A and b in A x <= b"
_ADVICE_UNBOUNDED = "the polytope is unbounded; add rows to A that close it"

_SPLIT_WORK = 5000  # systems of equations solved exactly to count vertices; later corners count as one

_SWEEPS = 30
"""Passes over rows and columns when they are balanced: exponents come within 1 of their limit."""


def _balanced(a: FloatArray, b: FloatArray, units: IntArray) -> tuple[FloatArray, FloatArray]:
    """The half-spaces in units 2^units of the coordinates, each row divided by a power of two: nothing is rounded.

    The largest entry of a row is near 1: linear programs and Qhull have absolute tolerances, the caller any scale.
    """
    largest = units.max()
    rows = np.ldexp(a, units - largest)
    _, shift = np.frexp(np.abs(rows).max(axis=1))
    return np.ldexp(rows, -shift[:, None]), np.ldexp(b, -shift - largest)


def locate(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """A point inside and the corners of a box around the polytope, all proved."""
    try:
        return _locate(a, b, np.zeros(a.shape[1], dtype=np.int64))
    except DomainError:
        # the program takes entries below 1e-9 for zeros: once more in units in which there may be none
        units = _units(a)
        if not np.any(units):
            raise
        try:
            return _locate(a, b, units)
        except DomainError:
            pass
        raise


def _locate(a: FloatArray, b: FloatArray, units: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The same by linear programs in units 2^units of the coordinates, and shrunk so that bounds are near 1."""
    with np.errstate(over="ignore"):
        rows, bounds = _balanced(a, b, units)
        _, exponent = np.frexp(np.abs(bounds).max())
        bounds = np.ldexp(bounds, -exponent)
        if np.all(np.isfinite(bounds)):
            center, box = interior_point(rows, bounds), enclosing_box(rows, bounds)
            x, lower, upper = (np.ldexp(point, units + exponent) for point in (center, *box))
            if np.all(np.isfinite(lower) & np.isfinite(upper)):
                return x, lower, upper
    raise DomainError("A, b: the polytope reaches beyond the largest float64; shrink it")


def _units(a: FloatArray) -> IntArray:
    """Exponents of a power of two for each column: with them, and with rows scaled too, entries are nearest to 1."""
    present = a != 0.0
    size = np.where(present, np.frexp(a)[1], 0)
    columns = np.zeros(a.shape[1])
    for _ in range(_SWEEPS):
        rows = (size + columns).sum(axis=1, where=present) / present.sum(axis=1)
        columns = -(size - rows[:, None]).sum(axis=0, where=present) / np.maximum(present.sum(axis=0), 1)
    return np.asarray(np.rint(columns - columns[0]), dtype=np.int64)


def _solve(cost: FloatArray, a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Minimiser of cost @ x over a @ x <= b, and the multipliers of the rows (nonnegative)."""
    from scipy.optimize import linprog

    result = linprog(cost, A_ub=a, b_ub=b, bounds=(None, None), method="highs")
    if result.status == 2:
        raise DomainError(f"A, b: {_ADVICE_EMPTY}")
    if result.status in (3, 4):
        raise DomainError(f"A, b: {_ADVICE_UNBOUNDED}")
    if not result.success:
        raise DomainError(f"A, b: the linear program failed ({result.message}); rescale the rows of A")
    return np.asarray(result.x), np.maximum(-np.asarray(result.ineqlin.marginals), 0.0)


def _strictly_inside(point: FloatArray, a: FloatArray, b: FloatArray) -> bool:
    """a @ point < b in rational arithmetic."""
    x = [Fraction(v) for v in point.tolist()]
    return all(
        sum((Fraction(w) * v for w, v in zip(row, x, strict=True)), Fraction(0)) < Fraction(bound)
        for row, bound in zip(a.tolist(), b.tolist(), strict=True)
    )


def interior_point(a: FloatArray, b: FloatArray) -> FloatArray:
    """Centre of a largest inscribed ball; a @ x < b is proved by rational arithmetic."""
    norms = np.linalg.norm(a, axis=1)
    dim = a.shape[1]
    # the radius is capped by an extra row, so that an unbounded polytope is reported by `enclosing_box`
    cap = 1.0 + float(np.max(np.abs(b) / norms))
    rows = np.block([[a, norms[:, None]], [np.zeros((1, dim)), np.ones((1, 1))]])
    x, _ = _solve(np.append(np.zeros(dim), -1.0), rows, np.append(b, cap))
    if not (x[-1] > 0.0 and _strictly_inside(x[:-1], a, b)):
        raise DomainError(f"A, b: {_ADVICE_EMPTY}")
    return np.ascontiguousarray(x[:-1])


def _outward(value: float, step: float, direction: int) -> float:
    """Next multiple of ``step`` (a power of two), at least one step beyond ``value``."""
    return (math.floor(value / step) - 1.0) * step if direction < 0 else (math.ceil(value / step) + 1.0) * step


def enclosing_box(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lower and upper corner of a box with the polytope in its interior.

    Weak duality: for y >= 0 and r = c - a.T @ y every x of the polytope has
    c @ x <= b @ y + |r|_1 |x|_inf, which bounds |x|_inf too once max |r|_1 < 1. The
    corners are moved outward to short binary numbers, by at least 1/32 of the width.
    """
    dim = a.shape[1]
    bounds = np.empty((2, dim))
    residuals = np.empty((2, dim))
    for side, sign in enumerate((-1.0, 1.0)):
        for i in range(dim):
            cost = np.zeros(dim)
            cost[i] = sign
            _, y = _solve(-cost, a, b)
            bounds[side, i] = b @ y + 1e-12 * (np.abs(b) @ y)
            residuals[side, i] = np.abs(cost - a.T @ y).sum() + 1e-15 * len(a) * (np.abs(a).T @ y).sum()
    worst = float(residuals.max())
    if worst >= 0.5:
        raise DomainError(f"A, b: no bound could be proved; {_ADVICE_UNBOUNDED}, or rescale its rows")
    reach = max(0.0, float(bounds.max())) / (1.0 - worst)
    lower, upper = -(bounds[0] + residuals[0] * reach), bounds[1] + residuals[1] * reach
    for i in range(dim):
        step = 2.0 ** (math.floor(math.log2(upper[i] - lower[i])) - 4)
        lower[i], upper[i] = _outward(lower[i], step, -1), _outward(upper[i], step, 1)
    return lower, upper


def vertices_of(a: FloatArray, b: FloatArray, inside: FloatArray, box: tuple[FloatArray, FloatArray]) -> FloatArray:
    """Vertices of a polytope with a known interior point and a box around it, sorted lexicographically."""
    from scipy.spatial import HalfspaceIntersection, QhullError

    if a.shape[1] == 1:
        ratios = b / a[:, 0]
        return np.array([[ratios[a[:, 0] < 0].max()], [ratios[a[:, 0] > 0].min()]]) + 0.0
    _, units = extents(np.stack(box))
    rows, bounds = _balanced(a, b, units)
    try:
        found = HalfspaceIntersection(np.column_stack((rows, -bounds)), np.ldexp(inside, -units))
    except QhullError as error:
        raise DomainError(f"A, b: the vertices could not be computed; {_ADVICE_EMPTY}") from error
    finite = np.flatnonzero(np.all(np.isfinite(found.intersections), axis=1))
    # each vertex once more, from its own rows: short numbers come out exactly
    tight = [found.dual_facets[i] for i in finite[_distinct(found.intersections[finite])]]
    corners = np.ldexp([_meet(rows[own], bounds[own]) for own in tight], units) + 0.0
    return np.ascontiguousarray(corners[np.lexsort(corners.T[::-1])])


def _meet(rows: FloatArray, bounds: FloatArray) -> FloatArray:
    """The point where d or more hyperplanes meet."""
    square = rows.shape[0] == rows.shape[1]
    return np.asarray(np.linalg.solve(rows, bounds) if square else np.linalg.lstsq(rows, bounds)[0])


def extents(points: FloatArray) -> tuple[FloatArray, IntArray]:
    """Points in units of about their spread along each axis, from the smallest coordinates, and those units: 2^units.

    Halved on the way, so that differences do not overflow.
    """
    spread = np.ldexp(points, -1) - np.ldexp(points.min(axis=0), -1)
    _, units = np.frexp(spread.max(axis=0))
    return np.ldexp(spread, -units), units + 1


def volume_of(corners: FloatArray) -> float:
    """Volume of the hull of points; infinite beyond the largest float64."""
    from scipy.spatial import ConvexHull, QhullError

    points, units = extents(corners)
    try:
        volume = ConvexHull(points).volume if corners.shape[1] > 1 else np.ptp(points)
    except QhullError as error:
        raise DomainError("A, b: the polytope is too thin for its volume in float64; widen it") from error
    with np.errstate(over="ignore"):
        return float(np.ldexp(volume, int(units.sum())))


def _distinct(rows: FloatArray) -> IntArray:
    """The first of each group of near duplicates."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    scale = float(np.abs(rows - rows.mean(axis=0)).max()) or 1.0
    pairs = cKDTree(rows).query_pairs(MERGE_TOLERANCE * scale, output_type="ndarray")
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(rows), len(rows)))
    _, label = connected_components(graph, directed=False)
    _, first = np.unique(label, return_index=True)
    return np.asarray(first)


def _exact_plane(points: list[list[Fraction]]) -> tuple[list[Fraction], Fraction] | None:
    """Normal and constant of the hyperplane through d points, by rational elimination; None if it is not unique."""
    dim = len(points[0])
    rows = [[p - q for p, q in zip(point, points[0], strict=True)] for point in points[1:]]
    pivots: list[int] = []
    for row_index in range(len(rows)):
        pivot = next((c for c in range(dim) if rows[row_index][c] != 0), None)
        if pivot is None:
            return None
        pivots.append(pivot)
        lead = rows[row_index][pivot]
        rows[row_index] = [v / lead for v in rows[row_index]]
        for other in range(len(rows)):
            factor = rows[other][pivot]
            if other != row_index and factor != 0:
                rows[other] = [v - factor * w for v, w in zip(rows[other], rows[row_index], strict=True)]
    free = next(c for c in range(dim) if c not in pivots)
    normal = [Fraction(0)] * dim
    normal[free] = Fraction(1)
    for pivot, row in zip(pivots, rows, strict=True):
        normal[pivot] = -row[free]
    return normal, sum((n * p for n, p in zip(normal, points[0], strict=True)), Fraction(0))


def _as_floats(normal: list[Fraction], constant: Fraction, inside: list[Fraction]) -> tuple[list[float], float]:
    """The plane with the normal away from a point inside, scaled to integers if these are short, rounded otherwise."""
    common = math.lcm(*(v.denominator for v in normal), constant.denominator)
    values = [*(v * common for v in normal), constant * common]
    shared = math.gcd(*(int(v) for v in values))
    values = [v / shared for v in values]
    if sum((v * x for v, x in zip(normal, inside, strict=True)), Fraction(0)) > constant:
        values = [-v for v in values]
    largest = max(abs(v) for v in values)
    if largest >= 2**53:
        values = [v / largest for v in values]
    return [float(v) for v in values[:-1]], float(values[-1])


def facets_of(points: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """A, b and the vertices of the convex hull of points, shape (n, d).

    Qhull finds which points span which facet; each facet's row is then computed from d of its points
    in rational arithmetic, so that points with short coordinates give the exact planes.
    """
    from scipy.spatial import ConvexHull, QhullError

    check_volume(points, "points")
    dim = points.shape[1]
    if dim == 1:
        low, high = float(points.min()), float(points.max())
        return np.array([[-1.0], [1.0]]), np.array([-low, high]), np.array([[low], [high]])
    unit = extents(points)[0]
    try:
        hull = ConvexHull(unit)
    except QhullError:
        unit = affine_coordinates(points)  # in coordinates of its own the hull is not thin, and its facets are the same
        hull = ConvexHull(unit)
    exact = [[Fraction(v) for v in row] for row in points.tolist()]
    rows: dict[tuple[float, ...], tuple[list[float], float]] = {}
    normals: list[FloatArray] = []
    for simplex, equation in zip(hull.simplices, hull.equations, strict=True):
        if any(np.abs(equation - other).max() < MERGE_TOLERANCE for other in normals):
            continue
        plane = _exact_plane([exact[i] for i in simplex])
        if plane is None:
            continue
        normals.append(equation)
        row = _as_floats(*plane, exact[int(np.argmin(unit @ equation[:-1]))])
        rows[(*row[0], row[1])] = row
    a, b = np.array([r[0] for r in rows.values()]), np.array([r[1] for r in rows.values()])
    return a, b, np.ascontiguousarray(points[np.sort(hull.vertices)])


def split_vertices(a: FloatArray, b: FloatArray, corners: FloatArray) -> int:
    """How many vertices the half-spaces a @ x <= b have near these corners, counted exactly.

    Corners where more than d facets meet and that do not lie on all of them are looked at: there each d rows that
    meet in one point on the right side of the others make a vertex.
    """
    dim, total, work = a.shape[1], 0, 0
    size = np.abs(corners) @ np.abs(a).T + np.abs(b)
    near = np.abs(corners @ a.T - b) <= MERGE_TOLERANCE * size
    for corner, rows in zip(corners.tolist(), near, strict=True):
        own = [[Fraction(v) for v in row] for row in np.column_stack((a[rows], b[rows])).tolist()]
        point = [Fraction(v) for v in corner]
        exact = all(sum((w * x for w, x in zip(row, point, strict=False)), -row[-1]) == 0 for row in own)
        work += 0 if exact else math.comb(len(own), dim)
        if exact or len(own) <= dim or work > _SPLIT_WORK:
            total += 1
            continue
        found = set()
        for chosen in combinations(own, dim):
            meeting = _solve_exactly(list(chosen))
            if meeting is not None and all(
                sum((w * x for w, x in zip(row, meeting, strict=False)), -row[-1]) <= 0 for row in own
            ):
                found.add(tuple(meeting))
        total += len(found)
    return total


def _solve_exactly(rows: list[list[Fraction]]) -> list[Fraction] | None:
    """The point where d hyperplanes (normal, constant) meet, by rational elimination; None if there is not one."""
    rows, dim = [row[:] for row in rows], len(rows)
    for column in range(dim):
        pivot = next((r for r in range(column, dim) if rows[r][column] != 0), None)
        if pivot is None:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [v / rows[column][column] for v in rows[column]]
        for r in range(dim):
            if r != column and rows[r][column] != 0:
                rows[r] = [v - rows[r][column] * w for v, w in zip(rows[r], rows[column], strict=True)]
    return [row[-1] for row in rows]
