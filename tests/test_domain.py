"""Domains against closed forms and rational arithmetic."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import factorial

import numpy as np
import pytest

import specgeo as sg
from specgeo.testing import assert_complex_valid


def inside(polytope, x):
    """A x <= b in rational arithmetic."""
    point = [Fraction(v) for v in x]
    return all(
        sum((Fraction(a) * v for a, v in zip(row, point, strict=True)), Fraction(0)) <= Fraction(bound)
        for row, bound in zip(polytope.A.tolist(), polytope.b.tolist(), strict=True)
    )


def test_box():
    box = sg.Box([-1, 0, 2], [1, 3, 4])
    assert box.dim == 3 and box.volume == 12.0
    assert sorted(map(tuple, box.vertices)) == sorted(product([-1, 1], [0, 3], [2, 4]))
    assert box.bounding_box() is box
    own = np.zeros(2)
    sg.Box(own, [1, 1])
    own[0] = 5.0  # the caller's array is not frozen


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_simplex_and_cross_polytope(dim):
    simplex = sg.Polytope(np.vstack((-np.eye(dim), np.ones((1, dim)))), [0.0] * dim + [1.0])
    assert simplex.volume == pytest.approx(1 / factorial(dim), rel=1e-12)
    assert len(simplex.vertices) == dim + 1
    cross = sg.Polytope(np.array(list(product([-1.0, 1.0], repeat=dim))), np.ones(2**dim))
    assert cross.volume == pytest.approx(2**dim / factorial(dim), rel=1e-12)
    assert len(cross.vertices) == 2 * dim
    np.testing.assert_allclose(np.sort(np.abs(cross.vertices), axis=1)[:, :-1], 0.0, atol=1e-14)


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_bounding_box_holds_the_polytope_in_its_interior(dim):
    rng = np.random.default_rng(dim)
    for _ in range(5):
        a = rng.normal(size=(3 * dim + 3, dim))
        a = np.vstack((a, -a.sum(axis=0, keepdims=True)))
        b = rng.uniform(0.1, 2.0, len(a)) - a @ (center := 10 * rng.normal(size=dim)) + 2 * (a @ center)
        polytope = sg.Polytope(a, b)
        box = polytope.bounding_box()
        vertices = polytope.vertices
        width = vertices.max(axis=0) - vertices.min(axis=0)
        assert np.all(box.lower < vertices.min(axis=0) - width / 64)
        assert np.all(box.upper > vertices.max(axis=0) + width / 64)
        assert np.all(box.upper - box.lower < 1.75 * width)
        assert inside(polytope, polytope.center.tolist())


def test_bounding_box_has_short_coordinates():
    box = sg.Polytope([[-1.0, 0.0], [0.0, -1.0], [0.1, 0.3]], [0.1, 0.7, 1 / 3]).bounding_box()
    for value in (*box.lower, *box.upper):
        assert float(value * 64).is_integer()


def test_redundant_duplicate_and_zero_rows():
    rows = [[-1, 0], [0, -1], [1, 1], [1, 1], [1, 0], [0, 0]]
    triangle = sg.Polytope(rows, [0, 0, 1, 1, 5, 3])
    assert len(triangle.A) == 5
    assert triangle.volume == pytest.approx(0.5) and len(triangle.vertices) == 3


def test_polytope_in_one_dimension():
    interval = sg.Polytope([[2.0], [-4.0], [1.0]], [3.0, 4.0, 100.0])
    assert interval.vertices.tolist() == [[-1.0], [1.5]] and interval.volume == 2.5


@pytest.mark.parametrize(
    ("a", "b", "word"),
    [
        ([[1.0, 0.0]], [1.0], "unbounded"),
        ([[1, 0], [-1, 0], [0, 1]], [1, 1, 1], "unbounded"),
        ([[1, 0], [-1, 0], [0, 1], [0, -1]], [1, -2, 1, 1], "empty"),
        ([[1, 0], [-1, 0], [0, 1], [0, -1]], [1, -1, 1, 1], "flat"),
        ([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]], [-1, 1, 1, 1, 1], "empty"),
        ([[0.0, 0.0]], [1.0], "unbounded"),
        ([[1.0], [-1.0]], [0.0, 0.0], "flat"),
    ],
)
def test_bad_polytopes(a, b, word):
    with pytest.raises(sg.DomainError, match=word):
        sg.Polytope(a, b)


def test_tiny_and_huge_polytopes():
    a, b = np.vstack((-np.eye(2), np.ones((1, 2)))), np.array([0.0, 0.0, 1.0])
    for scale in (1e-6, 1e6):
        assert sg.Polytope(a, b * scale).volume == pytest.approx(0.5 * scale**2, rel=1e-9)


SIMPLICES = [(np.vstack((-np.eye(d), np.ones((1, d)))), np.array([0.0] * d + [1.0])) for d in (1, 2, 3)]


@pytest.mark.parametrize(("a", "b"), SIMPLICES, ids=["interval", "triangle", "tetrahedron"])
@pytest.mark.parametrize("size", [1e-100, 1e-8, 1.0, 1e21, 1e100])
@pytest.mark.parametrize("row", [1e-8, 1.0, 1e8])
def test_rows_and_bodies_of_any_scale(a, b, size, row):
    scale = np.array([row] * (len(a) - 1) + [1 / row])
    simplex = sg.Polytope(scale[:, None] * a, scale * b * size)
    dim = a.shape[1]
    assert simplex.volume == pytest.approx(size**dim / factorial(dim), rel=1e-12)
    np.testing.assert_allclose(simplex.vertices.max(axis=0), size, rtol=1e-12)


def test_volumes_and_bodies_beyond_the_largest_float():
    a, b = SIMPLICES[2]
    assert sg.Polytope(a, b * 1e150).volume == np.inf
    assert sg.Polytope([[1.0], [-1.0]], [8e307, 8e307]).volume == 1.6e308
    with pytest.raises(sg.DomainError, match="A, b: .*shrink"):
        sg.Polytope([[1.0], [-1.0]], [1.7e308, 1.7e308])


@pytest.mark.parametrize("width", [1e-5, 1e-8, 1e-11])
def test_thin_bodies(width, random_network):
    strip = sg.Polytope([[1, 0], [-1, 0], [0, 1], [0, -1]], [width, 0, 1, 1])
    assert strip.volume == pytest.approx(2 * width, rel=1e-12)
    assert strip.vertices.tolist() == [[0.0, -1.0], [0.0, 1.0], [width, -1.0], [width, 1.0]]
    net = random_network([2, 6, 4, 1], seed=1)
    assert_complex_valid(sg.enumerate_regions(net, strip), net)


def test_bodies_too_thin_for_a_volume_are_named():
    needle = sg.Polytope([[1, 1], [-1, -1], [1, -1], [-1, 1]], [1e-11, 0, 1, 1])
    with pytest.raises(sg.DomainError, match="too thin for its volume.*widen"):
        _ = needle.volume


def test_entries_that_a_linear_program_drops():
    triangle = sg.Polytope([[-1, 0], [0, -1], [1, 1e-12]], [0, 0, 1])
    np.testing.assert_allclose(triangle.vertices, [[0, 0], [0, 1e12], [1, 0]], atol=1e-15)
    assert triangle.volume == pytest.approx(5e11)
    with pytest.raises(sg.DomainError, match="unbounded"):
        sg.Polytope([[-1, 0], [0, -1], [1, -1e-12]], [0, 0, 1])


@pytest.mark.parametrize("n", [*range(3, 40), 64, 100, 127, 200])
def test_regular_polygons(n):
    angle = 2 * np.pi * np.arange(n) / n
    polygon = sg.Polytope.from_vertices(np.column_stack((np.cos(angle), np.sin(angle))))
    again = sg.Polytope(polygon.A, polygon.b)
    assert len(polygon.A) == len(again.vertices) == n
    for found in (polygon.volume, again.volume):
        assert found == pytest.approx(n / 2 * np.sin(2 * np.pi / n), rel=1e-12)


PHI = (1 + 5**0.5) / 2
CUBE = list(product((-1.0, 1.0), repeat=3))
ICOSAHEDRON = [v for a, b in product((-1, 1), repeat=2) for v in ((0, a, b * PHI), (a, b * PHI, 0), (b * PHI, 0, a))]
DODECAHEDRON = CUBE + [
    v
    for a, b in product((-PHI, PHI), (-1 / PHI, 1 / PHI))
    for v in ((0, a, b), (a, b, 0), (b, 0, a))
]


@pytest.mark.filterwarnings("ignore:.*became a polytope of")
@pytest.mark.parametrize("scale", [1e-100, 1e-3, 1.0, 1e100])
@pytest.mark.parametrize(
    ("points", "facets", "volume"),
    [
        (CUBE, 6, 8.0),
        (ICOSAHEDRON, 20, 10 / 3 * (3 + 5**0.5)),
        (DODECAHEDRON, 12, (15 + 7 * 5**0.5) / 4 * (2 / PHI) ** 3),
    ],
)
def test_solids(points, facets, volume, scale):
    solid = sg.Polytope.from_vertices(scale * np.array(points))
    again = sg.Polytope(solid.A, solid.b)
    assert len(solid.A) == facets and len(again.vertices) == len(points)
    for found in (solid.volume, again.volume):
        assert found == pytest.approx(volume * scale**3, rel=1e-12)


def test_octahedron_from_vertices_has_exact_planes():
    points = np.vstack((np.eye(3), -np.eye(3), np.zeros((1, 3))))
    octahedron = sg.Polytope.from_vertices(points)
    assert sorted(map(tuple, octahedron.A.tolist())) == sorted(product([-1.0, 1.0], repeat=3))
    assert octahedron.b.tolist() == [1.0] * 8
    assert octahedron.volume == pytest.approx(4 / 3) and len(octahedron.vertices) == 6


def test_cube_facets_are_not_split():
    cube = sg.Polytope.from_vertices(list(product([0, 1], repeat=3)))
    assert len(cube.A) == 6
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turned = sg.Polytope.from_vertices(np.array(list(product([0, 1], repeat=3))) @ rotation)
    assert len(turned.A) == 6 and turned.volume == pytest.approx(1.0)


def test_from_vertices_in_dimension_one_and_with_short_fractions():
    assert sg.Polytope.from_vertices([[3.0], [-1.0], [0.5]]).vertices.tolist() == [[-1.0], [3.0]]
    points = [[0.0, 0.0], [0.75, 0.125], [0.25, 1.5]]
    triangle = sg.Polytope.from_vertices(points)
    for point in points:  # each corner lies exactly on two of the planes
        values = [
            Fraction(r[0]) * Fraction(point[0]) + Fraction(r[1]) * Fraction(point[1]) - Fraction(c)
            for r, c in zip(triangle.A.tolist(), triangle.b.tolist(), strict=True)
        ]
        assert values.count(0) == 2 and max(values) == 0


@pytest.mark.parametrize("points", [[[0, 0], [1, 1], [2, 2]], [[0, 0], [1, 0]], [[1.0], [1.0]], np.zeros((0, 2))])
def test_points_that_span_nothing(points):
    with pytest.raises(sg.DomainError, match="points"):
        sg.Polytope.from_vertices(points)


def test_slice():
    plane = sg.AffineSlice([1.0, 2.0, 3.0], [[0.0, 2.0, 0.0], [1.0, 0.0, 1.0]])
    assert (plane.dim, plane.ambient_dim) == (2, 3)
    np.testing.assert_array_equal(plane([[1.0, 10.0]]), [[11.0, 4.0, 13.0]])
    axes = sg.AffineSlice.axes([2], origin=[1.0, 2.0, 3.0])
    assert axes.origin.tolist() == [1.0, 2.0, 0.0] and axes([7.0]).tolist() == [1.0, 2.0, 7.0]


def test_slices_of_any_scale():
    for length in (1e-200, 1e200):
        assert sg.AffineSlice([0.0, 0.0], [[length, 0.0]]).dim == 1
        assert sg.AffineSlice([0.0, 0.0], [[length, length], [1.0, -1.0]]).dim == 2


@pytest.mark.parametrize("basis", [[[1.0, 2.0], [2.0, 4.0]], [[0.0, 0.0]], np.zeros((0, 2)), np.eye(3)[:, :2]])
def test_dependent_directions(basis):
    with pytest.raises(sg.InvalidInputError, match="basis"):
        sg.AffineSlice([0.0, 0.0], basis)


def test_polyline():
    path = sg.Polyline([[0, 0], [0, 2], [1, 2]])
    assert path.length == 3.0 and path.ambient_dim == 2
    assert [s([1.0]).tolist() for s in path.segments] == [[0.0, 2.0], [1.0, 2.0]]
    assert path([-1.0, 1.0, 2.5, 9.0]).tolist() == [[0, 0], [0, 1], [0.5, 2], [1, 2]]
    for bad in ([[0, 0]], [[0, 0], [0, 0], [1, 1]]):
        with pytest.raises(sg.DomainError, match="points"):
            sg.Polyline(bad)


def test_a_slice_through_points_contains_them() -> None:
    """Against rationals: within half an ulp of each coordinate of the difference, and exactly where that is a float."""
    rng = np.random.default_rng(5)
    for points in (rng.normal(size=(3, 7)), rng.normal(size=(2, 3)) * 1e6, rng.integers(0, 256, (3, 9)) / 256):
        found = sg.AffineSlice.through(points)
        assert found.dim == len(points) - 1 and np.array_equal(found([0.0] * found.dim), points[0])
        for i, direction in enumerate(found.basis):
            for x, step, wanted in zip(found.origin, direction, points[i + 1], strict=True):
                off = abs(Fraction(x) + Fraction(step) - Fraction(wanted))
                assert off <= Fraction(np.spacing(abs(step))) / 2
                assert off == 0 or np.any(256 * points % 1)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([[0.0, 1.0]], "two points for a line"),
        ([[0.0, 1.0], [0.0, 1.0]], "coincide"),
        ([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]], "dimension less than 2"),
        ([[1e308], [-1e308]], "beyond the range"),
        ([0.0, 1.0], "points: shape"),
    ],
)
def test_points_that_span_no_slice(points: list[list[float]], words: str) -> None:
    with pytest.raises(sg.InvalidInputError, match=words):
        sg.AffineSlice.through(points)
