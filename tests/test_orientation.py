"""Orientation averages against closed forms and other rules, their error bounds; shapes of other libraries."""

from __future__ import annotations

import types
import warnings

import numpy as np
import pytest
import shapely
from scipy.integrate import dblquad
from scipy.spatial import ConvexHull
from scipy.special import j0

import specgeo as sg
from specgeo.fourier import polytope_moments
from specgeo.fourier.orientation import truncation
from specgeo.fourier.radial import sphere_rule

CUBE = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
SIMPLEX = np.vstack([np.zeros(3), np.eye(3)])
FACES = [[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]
TRIANGLE = np.array([[0.0, 0], [1, 0], [0, 1]])


def sinc(x):
    return np.sinc(x / np.pi)


@pytest.mark.parametrize("q", [0.3, 4.0, 25.0])
def test_a_cube_against_nested_adaptive_quadrature(q):
    def power(phi, z):
        r = np.sqrt(1 - z * z)
        return (sinc(q * r * np.cos(phi) / 2) * sinc(q * r * np.sin(phi) / 2) * sinc(q * z / 2)) ** 2

    wanted = dblquad(power, 0, 1, 0, np.pi / 2, epsabs=1e-12, epsrel=1e-11)[0] * 2 / np.pi
    for shape in (
        CUBE,
        sg.Box([2] * 3, [3] * 3),
        CUBE + 1e3,
        [sg.Box([0] * 3, [1, 1, 0.5]), sg.Box([0, 0, 0.5], [1] * 3)],
    ):
        mean, error = sg.orientation_average(shape, q, return_error=True)
        assert abs(mean - wanted) <= error + 2e-11 * wanted
        assert error <= 1e-9 * mean


def test_a_triangle_against_many_equispaced_angles():
    q = np.array([0.1, 3.0, 60.0])
    turn = 2 * np.pi * (np.arange(4096) + 0.3) / 4096
    waves = q[:, None, None] * np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    wanted = (np.abs(sg.polytope_transform(TRIANGLE, waves)) ** 2).mean(axis=1)
    mean, error = sg.orientation_average(TRIANGLE, q, return_error=True)
    assert np.all(np.abs(mean - wanted) <= 2 * error) and np.all(error <= 1e-10 * mean)


def test_a_ball_a_segment_and_the_laws_at_both_ends():
    """A sphere of many facets, sinc of a segment, Guinier's law (radius of gyration), Porod's law (surface)."""
    turn = np.linspace(0, np.pi, 41)
    ring = np.c_[np.sin(turn), np.cos(turn)]
    points = np.array([[s * np.cos(a), s * np.sin(a), c] for s, c in ring for a in 2 * np.pi * np.arange(80) / 80])
    q = np.array([0.5, 2.0, 4.0])
    ball = sg.orientation_average(points, q, normalise=True)
    np.testing.assert_allclose(ball, (3 * (np.sin(q) - q * np.cos(q)) / q**3) ** 2, rtol=0.05, atol=1e-4)
    segment, error = sg.orientation_average([[1.0], [3.0]], 2.0, normalise=True, return_error=True)
    assert abs(segment - sinc(2.0) ** 2) <= error + 1e-16
    small = sg.orientation_average(SIMPLEX, 1e-3, normalise=True)
    assert small == pytest.approx(1 - 1e-6 * np.trace(polytope_moments(SIMPLEX).covariance) / 3, abs=1e-13)
    far = np.linspace(150, 150 + 4 * np.pi, 9)
    porod = (sg.orientation_average(SIMPLEX, far) * far**4).mean()
    assert porod == pytest.approx(2 * np.pi * (1.5 + np.sqrt(3) / 2), rel=0.03)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize(("band", "margin"), [(3.0, -15.0), (60.0, -5.0), (60.0, -3.0), (300.0, -2.0), (300.0, 0.0)])
def test_the_truncation_bound_holds_where_it_says_something(dim, band, margin):
    """Plane waves of the largest frequency, at an angle, by rules that are hardly fine enough."""
    directions, weights, _ = sphere_rule(dim, band, margin)
    count = len(directions) if dim == 2 else round(np.sqrt(len(directions)))
    rng = np.random.default_rng(0)
    bound = truncation(dim, band, 2 * count - 1)
    exact = j0(band) if dim == 2 else sinc(band)
    for along in [*np.eye(dim), *rng.normal(size=(5, dim))]:
        wave = np.cos(band * directions @ (along / np.linalg.norm(along)))
        assert abs(weights @ wave - exact) <= bound + 1e-13
    assert truncation(dim, band, int(band) - 2) == np.inf  # too coarse a rule: nothing is claimed


def test_errors_of_the_transform_are_bounds():
    """Exact values of boxes and of a tetrahedron by mpmath; with affine densities too."""
    mpmath = pytest.importorskip("mpmath")
    rng = np.random.default_rng(1)
    waves = rng.normal(size=(20, 3)) * np.geomspace(0.1, 300, 20)[:, None]
    values, errors = sg.polytope_transform(SIMPLEX, waves, return_error=True)
    with mpmath.workdps(40):
        for k, value, error in zip(waves, values, errors, strict=True):
            nodes = [mpmath.mpc(0, -x) for x in (0.0, *k)]
            terms = [mpmath.exp(z) / mpmath.fprod(z - w for w in nodes if w is not z) for z in nodes]
            assert abs(complex(mpmath.fsum(terms)) - value) <= error <= 1e-13
    density = ([1.0, -2.0, 0.5], 3.0)
    whole, error = sg.polytope_transform(CUBE, waves, density, return_error=True)
    halves, other = sg.polytope_transform([sg.Box([0] * 3, [1, 1, 0.5]), sg.Box([0, 0, 0.5], [1] * 3)], waves, density, return_error=True)  # fmt: skip # noqa: E501
    assert np.all(np.abs(whole - halves) <= error + other) and error.max() < 1e-12
    np.testing.assert_allclose(sg.polytope_transform(CUBE, waves, 2.5), 2.5 * sg.polytope_transform(CUBE, waves))
    with pytest.raises(sg.UnsupportedError, match="callable"):
        sg.polytope_transform(CUBE, waves, lambda x: x[:, 0], degree=1, return_error=True)


def test_shapes_of_other_libraries():
    k = np.array([[0.0, 0, 0], [1, 2, 3]])
    mesh = types.SimpleNamespace(vertices=SIMPLEX, faces=np.array(FACES))  # as trimesh has it
    for shape in (ConvexHull(SIMPLEX), mesh, (SIMPLEX, FACES)):
        np.testing.assert_allclose(sg.polytope_transform(shape, k), sg.polytope_transform(SIMPLEX, k), atol=1e-16)
    square, hole = shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)
    both = shapely.GeometryCollection([square, shapely.GeometryCollection([hole])])
    np.testing.assert_allclose(
        sg.polytope_transform(both, k[:, :2]), sg.polytope_transform(shapely.box(0, 0, 2, 1), k[:, :2]), atol=1e-15
    )
    for parts, words in (([square, shapely.box(0.5, 0, 2, 1)], "overlap"), ([square, shapely.Point(0, 0)], "Point")):
        with pytest.raises(sg.DomainError, match=words):
            sg.polytope_transform(shapely.GeometryCollection(parts), k[:, :2])


def test_shapes_of_coxeter():
    shapes = pytest.importorskip("coxeter.shapes")
    k = np.array([[0.0, 0, 0], [1, 2, 3]])
    for solid in (shapes.ConvexPolyhedron(SIMPLEX), shapes.Polyhedron(SIMPLEX, FACES)):
        np.testing.assert_allclose(sg.polytope_transform(solid, k), sg.polytope_transform(SIMPLEX, k), atol=1e-16)
    bent = np.array([[0.0, 0], [4, 0], [1, 1], [0, 4]])
    polygon = shapes.Polygon(bent)
    np.testing.assert_allclose(
        sg.polytope_transform(polygon, k[:, :2]), sg.polytope_transform(shapely.Polygon(bent), k[:, :2])
    )
    with pytest.raises(sg.DomainError, match=r"plane polygon.*points\[:, :2\]"):
        sg.polytope_transform(polygon.vertices, k)
    with pytest.raises(sg.DomainError, match="z = constant"):
        sg.polytope_transform(shapes.Polygon([[0, 0, 0], [1, 0, 1], [1, 1, 1], [0, 1, 0]]), k[:, :2])
    for round_one in (shapes.Sphere(1.0), shapes.ConvexSpheropolygon(bent[[0, 1, 3]], 0.1)):
        with pytest.raises(sg.UnsupportedError, match="round"):
            sg.polytope_transform(round_one, k)


def test_hulls_that_are_meant_and_meshes_that_are_not_merged():
    with pytest.warns(UserWarning, match="inside the convex hull.*shapely Polygon") as caught:
        sg.polytope_transform([[0, 0], [4, 0], [1, 1.25], [0, 4]], [0.0, 0.0])
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match=r"\(vertices, faces\)"):
        sg.polytope_transform(np.vstack([CUBE, [[0.5, 0.5, 0.625]]]), [0.0, 0.0, 0.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # points on the boundary, and a ring that is closed, lose nothing
        sg.polytope_transform([[0, 0], [1, 0], [2, 0], [0, 2], [1, 1], [0, 0]], [0.0, 0.0])
        sg.polytope_transform(np.vstack([CUBE, [[0.5, 0.5, 0.0]]]), [0.0, 0.0, 0.0])
    loose, faces = SIMPLEX[np.array(FACES)].reshape(-1, 3), np.arange(12).reshape(4, 3)
    with pytest.raises(sg.InvalidInputError, match="8 points repeat others.*merge_vertices"):
        sg.polytope_transform((loose, faces), [0.0, 0.0, 0.0])
    points, number = np.unique(loose, axis=0, return_inverse=True)
    assert sg.polytope_transform((points, number[faces]), [0.0] * 3) == pytest.approx(1 / 6)


def test_what_is_no_shape_or_no_length():
    with pytest.raises(sg.InvalidInputError, match="q: negative"):
        sg.orientation_average(CUBE, -1.0)
    with pytest.raises(sg.InvalidInputError, match="q: a shell takes"):
        sg.orientation_average(CUBE, 1e5)
    with pytest.raises(sg.UnsupportedError, match="dimension 1 to 3"):
        sg.orientation_average(sg.Box([0] * 4, [1] * 4), 1.0)
    assert sg.orientation_average(CUBE, np.zeros((2, 0))).shape == (2, 0)
