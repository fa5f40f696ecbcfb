"""Shapes at the door and to the last bits: no volume, hardly any, far away, huge, tiny, in any order; against balls."""

from __future__ import annotations

import itertools
import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
import shapely

pytest.importorskip("flint")
from naive.balls import (
    Simplices,
    as_fraction,
    face_simplices,
    hull_simplices,
    relative_error,
    ring_simplices,
    total_volume,
    transform,
)

import specgeo as sg
from specgeo._exact import affine_rank, orientations
from specgeo._measures import rounded_measures, signed_volumes, simplex_measures
from specgeo.errors import DomainError, InvalidInputError
from specgeo.fourier import mesh_pullback, polytope_gradients, polytope_moments, simplex_gradients
from specgeo.fourier.exact_hull import exact_hull
from specgeo.fourier.shapes import as_shapes

pytestmark = pytest.mark.filterwarnings("ignore:.*inside the convex hull")  # random points: the hull is meant

SQUARE = np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]])
HOLE = np.array([[1.0, 1], [2, 1], [2, 3], [1, 3]])


def ngon(n: int) -> np.ndarray:
    turn = 2 * np.pi * np.arange(n) / n
    return np.c_[np.cos(turn), np.sin(turn)]


def prism(n: int) -> np.ndarray:
    return np.array([[*p, z] for p in ngon(n) for z in (0.0, 1.0)])


def star() -> np.ndarray:
    return ngon(14) * np.where(np.arange(14) % 2, 1.0, 0.35)[:, None]


def worst(polytope: object, simplices: Simplices, waves: np.ndarray) -> float:
    """Largest error over |P|, by balls."""
    volume = total_volume(simplices)
    got = sg.polytope_transform(polytope, waves)
    return max(relative_error(v, volume, transform(simplices, k)) for v, k in zip(got, waves, strict=True))


def waves_for(points: np.ndarray, seed: int, sizes: tuple[float, ...]) -> np.ndarray:
    """Random directions, and nearly along the axes; |k| in units of the extent along each axis."""
    g = np.random.default_rng(seed)
    d = points.shape[1]
    extent = points.max(axis=0) / 2 - points.min(axis=0) / 2
    rows = [np.zeros(d)]
    for number, size in enumerate(sizes):
        u = g.normal(size=d)
        if number % 3 == 2:
            u[: d - 1] *= 1e-7
        rows.append(size * u / np.linalg.norm(u) / np.maximum(extent, 1e-290) / 2)
    return np.array(rows)


SIZES = (1e-9, 1e-3, 0.05, 0.5, 1.0, 2.5, 6.0, 40.0, 1e3, 1e6, 1e9)

FLAT = {
    "a square in space": [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]],
    "too few": [[0, 0], [1, 1]],
    "equal points": [[0.1, 0.2, 0.3]] * 5,
    "equal numbers": [[2.5], [2.5]],
    "a line of subnormals": [[5e-324, 0], [1e-323, 0], [0, 0]],
    "a line far away": [[1e300, 1e300], [2e300, 2e300], [-1e300, -1e300], [3e300, 3e300]],
    "a line that floats bend": [[0.1 * i, 0.3 * 0] for i in range(5)],
    "an oblique plane": [[1, -1, 0], [0, 1, -1], [-1, 0, 1], [2, -1, -1], [3, -4, 1]],
    "a plane in four dimensions": [[x, y, x + y, x - y] for x, y in itertools.product((-1.0, 0.5, 2.0), repeat=2)],
    "nothing": np.zeros((0, 3)),
    "no axes": np.zeros((3, 0)),
}


@pytest.mark.parametrize("name", list(FLAT))
def test_one_error_for_all_that_has_no_volume(name: str) -> None:
    points = np.array(FLAT[name], dtype=float)
    k = np.zeros(points.shape[1])
    calls = [sg.polytope_transform, polytope_gradients, lambda p, k: polytope_moments(p)]
    calls += [lambda p, k: sg.polytope_transform([p, p], k), lambda p, k: sg.polytope_transform(p, k, (k, 1.0))]
    for call in calls:
        with pytest.raises(DomainError, match="no volume in dimension"):
            call(points, k)
    with pytest.raises(DomainError, match="points: "):
        sg.Polytope.from_vertices(points)


def test_flat_simplices_have_measure_zero_and_no_gradient() -> None:
    bent = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 1e-200]])
    flat = bent * [1, 1, 0]
    line = np.array([[0.1, 0.1], [0.2, 0.2], [0.7, 0.7]])
    assert sg.simplex_transform([flat, bent], [0.0] * 3).tolist() == [0.0, pytest.approx(1e-200 / 6, rel=1e-15)]
    assert simplex_gradients(bent, [0.0] * 3).value == pytest.approx(1e-200 / 6, rel=1e-15)
    for call in (
        lambda: simplex_gradients(flat, [0.0] * 3),
        lambda: simplex_gradients(line, [0.0] * 2),
        lambda: simplex_gradients([[1.0, 2.0], [1.0, 2.0]], [0.0] * 2),
        lambda: mesh_pullback(line, [[0, 1, 2]], np.ones(3), [[0.0, 0.0]], [1.0]),
    ):
        with pytest.raises(DomainError, match="flat"):
            call()


def test_a_surface_without_volume() -> None:
    """A flat one; one that runs round nothing; a thin one, whose sign floats do not tell, from inside and outside."""
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0.25, 0.25, 0]])
    faces = [[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]]
    for points, order, words in (
        (corners, faces, "no volume in dimension 3"),
        (corners + np.diag([0, 0, 0, 1])[:, 1:], [[0, 2, 1], [0, 1, 2]], "no volume in dimension 3"),
        (corners + np.diag([0, 0, 0, 1])[:, 1:], [*faces, *(f[::-1] for f in faces)], "not positive"),
        (corners + 1e-200 * np.array([[0, 0, 0]] * 3 + [[0, 0, 1]]), [f[::-1] for f in faces], "not positive"),
    ):
        with pytest.raises(DomainError, match=words):
            sg.polytope_transform((points, order), [0.0] * 3)
    thin = corners + 1e-200 * np.array([[0, 0, 0]] * 3 + [[0, 0, 1]])
    waves = waves_for(thin, 3, SIZES[:8])
    assert worst((thin, faces), face_simplices(thin, faces), waves) <= 4e-16


@pytest.mark.parametrize("height", [1e-9, 1e-14, 1e-20, 1e-60, 1e-200])
def test_what_has_volume_however_little_gets_its_number(height: float) -> None:
    base = [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    oblique = [[1, -1, 0], [0, 1, -1], [-1, 0, 1], [2, -1, -1], [1, -1, height], [0, 0, -height], [0, height, 0]]
    for points in (
        [*base, [0.2, 0.3, height]],
        [*base, [0.2, 0.3, height], [0.5, 0.5, height]],
        [[1, -1, 0], [0, 1, -1], [-1, 0, 1], [1, -1, height]],
        oblique,
        [[0, 0], [1, 1], [2, 2], [1, 1 + height], [height, 0]],
    ):
        vertices = np.array(points, dtype=float)
        waves = waves_for(vertices, 1, SIZES[:9])
        assert worst(vertices, hull_simplices(vertices), waves) <= 6e-16


def test_volumes_beyond_floats_say_so() -> None:
    for points in ([[0.0], [5e-324]], ngon(5) * 1e-160, ngon(5) * 1e155, prism(4) * 1e-104):
        with pytest.raises(InvalidInputError, match="volume is beyond the range of floats; rescale"):
            sg.polytope_transform(points, np.zeros(np.shape(points)[1]))


@pytest.mark.parametrize("scale", [1e-153, 1e-150, 1e-120, 1e-77, 1e77, 1e120, 1e150, 1e153])
def test_plane_shapes_at_every_scale(scale: float) -> None:
    """The polygon at 1e-150 was off by 2.7e-6 of its area; no warning of numpy, no overflow either."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for points in (ngon(7), ngon(4) + [3.0, 1.0]):
            scaled = points * scale
            assert worst(scaled, hull_simplices(scaled), waves_for(scaled, 2, SIZES)) <= 6e-16
        ring, hole = 2 * ngon(9) * scale, star()[::-1] * scale
        framed = shapely.Polygon(ring, [hole])
        assert worst(framed, ring_simplices([ring, hole]), waves_for(ring, 2, SIZES)) <= 1e-15
        k = np.array([1.0, 2.0]) / scale
        if scale > 1e100:
            with pytest.raises(InvalidInputError, match="a result is beyond the range of floats"):
                polytope_gradients(framed, k)  # the derivative by k has the third power of the size
        else:
            assert np.all(np.isfinite(polytope_gradients(framed, k).wrt_vertices))


@pytest.mark.parametrize("stretch", [(1e-200, 1, 1), (1e200, 1e-150, 1), (1e-300, 1e300, 1), (1e-100, 1e-100, 1e-100)])
def test_shapes_of_every_proportion(stretch: tuple[float, float, float]) -> None:
    points = np.random.default_rng(4).normal(size=(8, 3)) * stretch
    for d in (2, 3):
        assert worst(points[:, :d], hull_simplices(points[:, :d]), waves_for(points[:, :d], 5, SIZES)) <= 6e-16
    box = sg.Box(points.min(axis=0), points.max(axis=0))
    assert box.volume == pytest.approx(math.prod((box.upper - box.lower).tolist()), rel=1e-15)
    k = waves_for(points, 6, SIZES)
    sides = box.upper - box.lower
    wanted = np.prod(np.sinc(k * sides / 2 / np.pi) * np.exp(-0.5j * k * (box.upper + box.lower)), axis=1)
    assert np.abs(sg.polytope_transform(box, k[:8]) / box.volume - wanted[:8]).max() <= 1e-14
    density = sg.polytope_transform(points, k, (np.zeros(3), 2.0))
    assert np.abs(density / 2.0 - sg.polytope_transform(points, k)).max() <= 2e-15 * box.volume


@pytest.mark.parametrize("offset", [0.0, 1.0, 1e3, 1e6, 1e8, 1e12])
def test_offsets_cost_nothing(offset: float) -> None:
    """The prism at 1e6 was off by 1.6e-13 at |k| = 1e-3: its faces seemed warped by the rounding of a mean."""
    shapes = {"segment": np.array([[0.0], [1.0]]), "heptagon": ngon(7), "prism": prism(3), "heptagonal": prism(7)}
    shapes["hull"] = np.random.default_rng(3).normal(size=(9, 3))
    shapes["simplex"] = np.random.default_rng(3).normal(size=(5, 4))
    errors = []
    for points in shapes.values():
        d = points.shape[1]
        moved = points + offset * np.array([1.0, 0.7, -0.3, 0.5])[:d]
        k = np.ones((9, d)) * np.array([0.0, 1e-6, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 5.0, 300.0])[:, None]
        k[:, 0] *= 0.6
        errors.append(worst(moved, hull_simplices(moved), k))
    assert 5e-17 <= max(errors) <= 6e-16
    star_at = star() + offset * np.array([1.0, 0.7])
    wanted = ring_simplices([star_at])
    assert worst(shapely.Polygon(star_at), wanted, np.ones((7, 2)) * np.logspace(-4, 2, 7)[:, None]) <= 8e-16


def test_faces_that_rounding_warped_far_away() -> None:
    """Their triangles are the faces; at small |k| the sum over tetrahedra serves all the same."""
    base = 2 * np.arange(7)
    faces = [base[::-1].tolist(), (base + 1).tolist()]
    faces += [[2 * i, 2 * ((i + 1) % 7), 2 * ((i + 1) % 7) + 1, 2 * i + 1] for i in range(7)]
    points = prism(7) + 1e6 * np.array([1.0, 0.7, -0.3])
    points[::2, 2] += np.arange(7) * 2.0**-32
    triangles = np.concatenate(as_shapes((points, faces))[0].face_triangles).tolist()
    k = np.ones((6, 3)) * np.array([1e-4, 1e-3, 1e-2, 0.1, 1.0, 9.0])[:, None]
    assert worst((points, faces), face_simplices(points, triangles), k) <= 6e-16


def test_large_phases_of_hulls() -> None:
    """|k| R up to 1e9 in random directions and within 1e-7 of the normals: the worst error is pinned on both sides."""
    errors = []
    for seed in range(12):
        g = np.random.default_rng(seed)
        points = g.normal(size=(int(g.integers(4, 9)), 3)) * 10.0 ** g.uniform(-2, 0, size=3)
        errors.append(worst(points, hull_simplices(points), waves_for(points, seed, SIZES)))
    assert 2e-16 <= max(errors) <= 8e-16


GRIDS = {"lattice": 0.0, "1e-13": 1e-13, "1e-15": 1e-15}


@pytest.mark.parametrize("noise", list(GRIDS))
def test_hulls_of_points_on_a_grid_and_nearly(noise: str) -> None:
    """Qhull leaves such points out of the hull, up to 1e-14 of the volume; points repeat and lie inside as well."""
    errors = []
    for seed in range(30):
        g = np.random.default_rng(seed)
        d = 3 if seed % 3 else 4
        points = g.integers(-1, 2, size=(int(g.integers(d + 3, d + (7 if d == 3 else 4))), d)).astype(float)
        points += GRIDS[noise] * g.normal(size=points.shape)
        points = points[g.integers(0, len(points), size=len(points) + 2)]
        if affine_rank(points) == d:
            exact = hull_simplices(np.unique(points, axis=0))
            errors.append(worst(points, exact, g.normal(size=(5, d)) * np.array([0, 0.1, 1, 4, 20])[:, None]))
    assert len(errors) > 15 and max(errors) <= 2e-15


def test_hulls_of_points_that_nearly_coincide() -> None:
    """Corners apart by rounding, or with coordinates of every size: floats must not decide on sides of such length."""
    near = np.array(
        [[1, 1, 1], [1, 0, 0], [1, 0, 0], [1, 1, 1], [0, 1, 1], [0, 1, 0], [1, 0, 0], [1, 0, 0], [1, 1, 1.0]]
    )
    cases = [near * (1 + 1e-15 * np.random.default_rng(s).integers(-1, 2, size=near.shape)) for s in range(12)]
    for seed in range(24):
        g = np.random.default_rng(seed)
        cases.append(g.integers(-2, 3, size=(8, 3)) * 10.0 ** g.integers(-20, 3, size=(8, 3)))
    errors = []
    for number, points in enumerate(cases):
        points = np.unique(points, axis=0)
        if affine_rank(points) == 3:
            waves = waves_for(points, number, (0.1, 2.0, 9.0))
            errors.append(worst(points, hull_simplices(points), waves))
    assert len(errors) > 25 and max(errors) <= 2e-15


def test_the_exact_hull_alone() -> None:
    """A cube of 27 lattice points, and a flattened one: the volume of its cones, each facet seen from inside."""
    grid = np.array(list(itertools.product((0.0, 1.0, 2.0), repeat=3)))
    for matrix in (np.eye(3), np.diag([1.0, 1e-30, 1e-60])):
        points = grid @ matrix.T
        pieces = exact_hull(points, grid)
        volumes = [signed_volumes(np.concatenate([points[p], points[13:14]])[None])[0] for p in pieces]
        assert max(volumes) <= 0.0
        assert -sum(volumes) == pytest.approx(8 * abs(np.linalg.det(matrix)), rel=1e-14)


def test_rows_of_gradients_are_in_the_callers_order() -> None:
    k0 = [0.0, 0.0]
    plain = polytope_gradients(shapely.Polygon(SQUARE, [HOLE]), k0)
    assert plain.wrt_vertices[5].real.tolist() == [-1.0, 0.5]  # the row of (2, 1)
    for shell, hole in itertools.product((SQUARE, SQUARE[::-1]), (HOLE, HOLE[::-1])):
        far = shapely.Polygon(SQUARE[::-1] + 10)
        for given in (shapely.Polygon(shell, [hole]), shapely.MultiPolygon([far, shapely.Polygon(shell, [hole])])):
            order = shapely.get_coordinates(given)
            rings = [ring for part in shapely.get_parts(given) for ring in (part.exterior, *part.interiors)]
            rows = np.delete(order, np.cumsum([len(ring.coords) for ring in rings]) - 1, axis=0)  # closing points
            for k in (k0, [0.3, -1.1]):
                gradient = polytope_gradients(given, k).wrt_vertices
                for row, point in zip(gradient, rows, strict=True):
                    for axis in range(2):
                        assert abs(row[axis] - moved_slope(given, point, axis, k)) <= 3e-9, (point, axis)


def moved_slope(given: shapely.Geometry, point: np.ndarray, axis: int, k: list[float]) -> complex:
    """Central difference of the transform by one coordinate of one vertex."""
    step = np.eye(2)[axis] * 2.0**-18

    def move(sign: float) -> shapely.Geometry:
        return shapely.transform(given, lambda c: np.where(np.all(c == point, axis=1)[:, None], c + sign * step, c))

    return complex(sg.polytope_transform(move(1), k) - sg.polytope_transform(move(-1), k)) / 2.0**-17


def test_gradients_where_points_repeat_or_scale() -> None:
    """Repeated points of a ring have one-sided shares that sum up; 1e-170 of the size is 1e-170 of the gradient."""
    ring = SQUARE[[0, 1, 1, 2, 3]]
    got = polytope_gradients(shapely.Polygon(ring), [0.2, 0.1]).wrt_vertices
    whole = polytope_gradients(SQUARE, [0.2, 0.1]).wrt_vertices
    assert np.all(np.isfinite(got))
    np.testing.assert_allclose([got[0], got[1] + got[2], got[3], got[4]], whole, rtol=0, atol=1e-15)
    thin = SQUARE * [1e-170, 1.0]
    got = polytope_gradients(thin, [0.2e170, 0.1])
    np.testing.assert_allclose(got.wrt_vertices, whole * [1.0, 1e-170], rtol=1e-13)
    wanted = polytope_gradients(SQUARE, [0.2, 0.1]).wrt_k[1]
    assert got.wrt_k[1] * 1e170 == pytest.approx(wanted, rel=1e-13)


def test_shapely_geometries_at_the_door() -> None:
    raised = shapely.Polygon([(0, 0, 1), (1, 0, 1), (0, 1, 5)])
    mixed = shapely.MultiPolygon([shapely.Polygon(SQUARE + 20), raised])
    for given, words in (
        (raised, "force_2d"),
        (mixed, "force_2d"),
        ([shapely.Polygon(SQUARE + 20), raised], "force_2d"),
        (shapely.Polygon(), "empty"),
        (shapely.MultiPolygon(), "empty"),
        (shapely.LineString([(0, 0), (1, 1)]), "LineString has no area"),
        (shapely.Point(0, 0), "Point has no area"),
        (shapely.GeometryCollection([shapely.Polygon(SQUARE), shapely.Point(0, 0)]), "pass the Polygons"),
        (shapely.Polygon([(0, 0), (1, 1), (2, 2)]), "make_valid"),
        (shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]), "make_valid"),
        (shapely.Polygon([(0, 0), (2, 0), (1, 1), (2, 2), (0, 2), (1, 1)]), "make_valid"),  # touches itself
        (shapely.Polygon([(0, 0), (1e-200, 1e-200), (2e-200, 2e-200)]), "make_valid"),
        (shapely.Polygon([(0, 0), (np.inf, 0), (0, 1)]), "infinite"),
    ):
        for call in (sg.polytope_transform, polytope_gradients, lambda p, k: polytope_moments(p)):
            with pytest.raises(DomainError, match=words):
                call(given, [0.0, 0.0])
    dropped = shapely.force_2d(raised)
    assert complex(sg.polytope_transform(dropped, [0.0, 0.0])) == 0.5
    touching = shapely.Polygon([(0, 0), (4, 0), (4, 4), (0, 4)], [[(0, 0), (2, 1), (1, 2)]])  # a hole in a corner
    assert complex(sg.polytope_transform(touching, [0.0, 0.0])) == 16 - 1.5


def test_affine_densities_far_away() -> None:
    """gradient @ x + offset cancels there: the values at the vertices are sums in double-double."""
    points = prism(5) + [1e8, -1e8, 3e7]
    gradient = np.array([0.3, 0.7, -0.1])
    offset = -float(gradient @ points[0])
    moments = polytope_moments(points)
    exact = sum(
        (as_fraction(v) * sum(
            sum(Fraction(g) * as_fraction(x) for g, x in zip(gradient.tolist(), p, strict=True)) + Fraction(offset)
            for p in c) / 4 for v, c in hull_simplices(points)), Fraction(0))  # fmt: skip
    got = complex(sg.polytope_transform(points, np.zeros(3), (gradient, offset)))
    assert abs(got - float(exact)) <= 1e-15 * moments.volume
    assert abs(moments.covariance - polytope_moments(prism(5)).covariance).max() <= 1e-7


def exact_square(corners: np.ndarray) -> Fraction:
    """Squared measure of a simplex by its Gram determinant, in rational numbers."""
    p = [[Fraction(x) for x in row] for row in corners.tolist()]
    sides = [[x - y for x, y in zip(q, p[0], strict=True)] for q in p[1:]]
    gram = [[sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0)) for b in sides] for a in sides]
    return leibniz(gram) / math.factorial(len(sides)) ** 2


def leibniz(matrix: list[list[Fraction]]) -> Fraction:
    """Determinant as the sum over permutations."""
    total = Fraction(0)
    for order in itertools.permutations(range(len(matrix))):
        swaps = sum(order[i] > order[j] for i in range(len(order)) for j in range(i + 1, len(order)))
        total += (-1) ** swaps * math.prod((matrix[i][j] for i, j in enumerate(order)), start=Fraction(1))
    return total


def relative(measure: float, square: Fraction) -> float:
    """Error of a measure against its exact square."""
    if square == 0:
        return math.inf if measure else 0.0
    return abs(float(Fraction(measure) ** 2 / square - 1)) / 2


def slivers(j: int, d: int, seed: int) -> np.ndarray:
    """Simplices of every thickness and offset, and exactly flat ones."""
    g = np.random.default_rng(seed)
    corners = []
    for height, offset in itertools.product((1, 1e-2, 1e-5, 1e-9, 1e-13, 1e-15, 1e-30, 0.0), (0.0, 1.0, 1e8)):
        c = g.normal(size=(j + 1, d))
        c[j] = g.dirichlet(np.ones(j)) @ c[:j] + height * g.normal(size=d)
        if height == 0.0:
            c[j] = c[0]
        corners.append(c + offset)
    return np.array(corners)


@pytest.mark.parametrize(("j", "d"), [(1, 1), (1, 2), (2, 2), (1, 3), (2, 3), (3, 3), (3, 4), (4, 4)])
def test_measures_of_slivers_against_fractions(j: int, d: int) -> None:
    """Within 4e-16, relatively; flat ones exactly 0. With their signs too, where they have them."""
    corners = np.concatenate([slivers(j, d, seed) for seed in range(4)])
    squares = [exact_square(c) for c in corners]
    fine = [relative(m, s) for m, s in zip(rounded_measures(corners), squares, strict=True)]
    assert max(fine) <= 4e-16
    assert [affine_rank(c) == j for c in corners] == [s != 0 for s in squares]
    if j == d:
        signed = signed_volumes(corners)
        assert max(relative(abs(v), s) for v, s in zip(signed, squares, strict=True)) <= 4e-16
        signs = orientations(corners)
        assert np.array_equal(np.sign(signed), signs)
        for c, sign in zip(corners, signs, strict=True):
            p = [[Fraction(x) for x in row] for row in c.tolist()]
            value = leibniz([[x - y for x, y in zip(q, p[0], strict=True)] for q in p[1:]])
            assert sign == (value > 0) - (value < 0)


def test_signed_areas_against_fractions() -> None:
    """At every scale and proportion, far from the origin, flat and nearly flat: sign and value of one determinant."""
    g = np.random.default_rng(0)
    for n in range(400):
        corners = g.normal(size=(3, 2)) * 10.0 ** g.uniform(-120, 120, (1, 2))
        largest = np.abs(corners).max()
        if n % 4 == 1:
            corners += 10.0 ** g.uniform(0, 12) * largest
        if n % 4 == 2:
            corners[2] = corners[0] + (corners[1] - corners[0]) * g.uniform() + 1e-16 * g.normal() * largest
        if n % 8 == 3:
            corners[2] = corners[1]
        (ax, ay), (bx, by), (cx, cy) = ([Fraction(x) for x in row] for row in corners.tolist())
        exact = ((bx - ax) * (cy - ay) - (by - ay) * (cx - ax)) / 2
        area = Fraction(float(signed_volumes(corners[None])[0]))
        assert abs(area - exact) <= Fraction(3e-16) * abs(exact)


def test_measures_of_faces_of_a_thin_complex() -> None:
    """Volumes, facet areas and centroids of a complex with slivers, from its float vertices in rational numbers."""
    cut = [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0 + 1e-9], [1.0, 0.5, 0.25], [0.0, 1.0, -1.0]]
    net = sg.Network([cut, [[1.0, -2.0, 0.5, 1.0]]], [[0.1, 0.1 - 1e-10, 0.3, 1e-12], [0.0]])
    cx = sg.enumerate_regions(net, sg.Box([-1.0] * 3, [1.0] * 3))
    assert cx.volumes.min() < 1e-9  # slivers there are
    for k, measured in ((3, cx.volumes), (2, cx.facets.measures)):
        simplices, owner = cx.triangulation(k)
        exact = [0.0] * cx.f_vector[k]
        for s, o in zip(simplices, owner, strict=True):
            exact[o] += math.sqrt(exact_square(cx.vertices[s]))
        np.testing.assert_allclose(measured, exact, rtol=1e-14)
    simplices, owner = cx.triangulation(3)
    for cell in np.argsort(cx.volumes)[:8]:
        parts = [[[Fraction(x) for x in row] for row in cx.vertices[s].tolist()] for s in simplices[owner == cell]]
        weights = [abs(leibniz([[x - y for x, y in zip(q, p[0], strict=True)] for q in p[1:]])) for p in parts]
        for axis in range(3):
            mean = sum(w * sum(q[axis] for q in p) / 4 for w, p in zip(weights, parts, strict=True)) / sum(weights)
            assert abs(float(Fraction(cx.centroids[cell, axis]) - mean)) <= 2e-16


def test_gradients_of_slivers_are_those_of_the_exact_simplex() -> None:
    """d log |S| / dv of a thin simplex, decided in rational numbers; edges in the plane and in space too."""
    for height in (1e-3, 1e-9, 1e-20, 1e-200):
        corners = np.array([[0.0, 0], [1, 0], [0.3, height]])
        got = simplex_gradients(corners, [0.0, 0.0])
        wanted = [[-height / 2, -0.35], [height / 2, -0.15], [0, 0.5]]
        np.testing.assert_allclose(got.wrt_vertices.real, wanted, rtol=1e-14)
        tilted = np.array([[1.0, -1, 0], [1, -1, height], [0, 1, -1]])
        step = np.array([[0.0] * 3, [0, 0, height], [0.0] * 3])  # stretches one side: the area is a root of squares
        got = simplex_gradients(tilted, [0.0] * 3).wrt_vertices.real
        assert (got * step).sum() == pytest.approx(simplex_measures(tilted[None])[0], rel=1e-13)


def test_domains_of_extreme_size() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sg.Box([0, 0, 0], [1e200, 1e200, 1e-300]).volume == pytest.approx(1e100, rel=1e-15)
        assert sg.Box([-1.7e308], [1.7e308]).volume == math.inf
        assert sg.Box([0.0], [5e-324]).volume == 5e-324
        assert sg.Box([0.0, 0.0], [1e-170, 1.0]).volume == 1e-170
        with pytest.raises(DomainError, match="points: their hull is too thin"):
            sg.Polytope.from_vertices([[0, 0], [1, 1], [2, 2 + 5e-16]])
        thin = sg.Polytope.from_vertices([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0.25, 0.25, 1e-200], [0.5, 0.25, 1e-200]])
        assert np.all(thin.A @ [0.3, 0.3, 1e-201] < thin.b)


def test_meshes_of_trimesh() -> None:
    """Against the box's closed form; separate bodies, unmerged and open surfaces, what is no surface."""
    trimesh = pytest.importorskip("trimesh")
    waves = [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0], [0.0, 0.0, 5.0]]
    box = trimesh.creation.box((1, 2, 3))
    expected = sg.polytope_transform(sg.Box([-0.5, -1, -1.5], [0.5, 1, 1.5]), waves)
    loose = trimesh.Trimesh(box.triangles.reshape(-1, 3), np.arange(36).reshape(-1, 3), process=False)  # as in STL
    for words, mesh in (
        ("merge_vertices", loose),
        ("not closed", trimesh.Trimesh(box.vertices, box.faces[:-1], process=False)),
        ("no closed surface", trimesh.Scene([box])),
        ("no closed surface", trimesh.PointCloud(box.vertices)),
    ):
        with pytest.raises(sg.SpecgeoError, match=words):
            sg.polytope_transform(mesh, waves)
    loose.merge_vertices()
    for mesh in (box, loose, trimesh.primitives.Box((1, 2, 3)), box.convex_hull):
        np.testing.assert_allclose(sg.polytope_transform(mesh, waves, 2.0), 2 * expected, atol=1e-13)
    far = box.copy()
    far.apply_translation([0, 0, 10.0])
    both = expected * (1 + np.exp(-10j * np.array(waves)[:, 2]))
    for pair in (trimesh.util.concatenate([box, far]), [box, far], (box, far)):
        np.testing.assert_allclose(sg.polytope_transform(pair, waves), both, atol=1e-12)
    mean, error = sg.orientation_average(box, [0.0, 1.0], normalise=True, return_error=True)
    assert abs(mean[0] - 1.0) <= error[0] and error[1] < 1e-12


def test_cells_as_shapely_polygons_are_a_shape() -> None:
    cx = sg.enumerate_regions(sg.testing.random_network([2, 5, 1], rng=0), sg.Box(-1, 1, dim=2))
    waves = np.array([[0.0, 0.0], [1.0, -2.0]])
    np.testing.assert_allclose(
        sg.polytope_transform(cx.to_shapely(), waves), sg.polytope_transform(cx.domain, waves), atol=1e-13
    )
    with pytest.raises(sg.InvalidInputError, match=r"density: .*\(an array, an array\) or a function"):
        sg.polytope_transform(cx.domain, waves, "x")
