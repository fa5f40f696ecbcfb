"""Networks on triangulated surfaces: against slices, subdivisions, Euler characteristics, quadrature, closed forms."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import specgeo as sg
from specgeo.paths import trace_segment
from specgeo.theory import SurfaceFunction, restrict_to_surface

TETRAHEDRON = list(itertools.combinations(range(4), 3))
CORNERS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1.0]])


def random_net(widths: list[int], seed: int, kind: str = "he") -> sg.Network:
    weights = {"integer": "integer", "zero bias": "zero-bias"}.get(kind, "he")
    return sg.testing.random_network(widths, seed, weights, activation="abs" if kind == "abs" else "relu", bias=0.3)


def grid(n: int, twist: bool = False, closed: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A torus, a band (not closed) or a Moebius band in R^3: vertices, triangles, parameters of corners."""
    u, v = np.meshgrid(np.arange(n) / n, np.arange(n) / n, indexing="ij")
    if closed:
        radius, height = 2 + np.cos(2 * np.pi * v), np.sin(2 * np.pi * v)
    else:
        turn = np.pi * u if twist else 0 * u
        radius, height = 2 + (v - (n - 1) / n / 2) * np.cos(turn), (v - (n - 1) / n / 2) * np.sin(turn)
    points = np.stack((radius * np.cos(2 * np.pi * u), radius * np.sin(2 * np.pi * u), height), -1).reshape(-1, 3)
    triangles, parameters = [], []
    for i, j in itertools.product(range(n), range(n if closed else n - 1)):
        square = [(i, j), (i + 1, j), (i, j + 1), (i + 1, j + 1)]
        for corners in ((0, 1, 2), (1, 3, 2)):
            at = [square[c] for c in corners]
            rows = [(a % n, (n - 1 - b) if twist and a == n else b % n) for a, b in at]
            triangles.append([a * n + b for a, b in rows])
            parameters.append([[a / n, b / n] for a, b in at])
    return points, np.array(triangles), np.array(parameters)


@pytest.mark.parametrize("kind", ["he", "integer", "zero bias", "abs"])
def test_a_plane_surface_is_the_slice(kind: str) -> None:
    rng = np.random.default_rng(3)
    origin, steps = rng.integers(-8, 9, 5) / 8, rng.integers(-8, 9, (2, 5)) / 8
    net, square = random_net([5, 8, 6, 2], 7, kind), np.array([[0, 0], [1, 0], [0, 1], [1, 1.0]])
    cx = sg.enumerate_regions(net.restrict(sg.AffineSlice(origin, steps)), sg.Box([0, 0], [1, 1]))
    surface = restrict_to_surface(net, origin + square @ steps, [[0, 1, 2], [3, 1, 2]], square)
    stretch = float(np.sqrt(np.linalg.det(steps @ steps.T)))
    assert surface.n_regions == cx.n_cells and surface.euler_characteristic == 1
    assert np.sort(surface.region_areas) == pytest.approx(stretch * np.sort(cx.volumes), rel=1e-9, abs=1e-14)
    for power in (0, 1, 2):
        assert surface.integrate(power) == pytest.approx(stretch * cx.integrate(power), rel=1e-12)
    modes = np.array([[0, 0], [1, 0], [2, -3], [40, 17]])
    found, error = surface.fourier_coefficients(modes, return_error=True)
    wanted, other = sg.spectrum(cx, 2 * np.pi * modes, return_error=True)
    assert np.all(np.abs(found - wanted) <= error + other) and error.max() < 1e-10 * np.abs(wanted).max()


@pytest.mark.parametrize("kind", ["he", "integer", "zero bias"])
def test_subdivision_keeps_regions(kind: str) -> None:
    net, corners = random_net([3, 7, 6, 1], 5, kind), np.array([[1, 0.25, -1], [-1, 1, 0.5], [0, -1, 1]])
    whole = restrict_to_surface(net, corners, [[0, 1, 2]])
    middles = (corners + np.roll(corners, -1, axis=0)) / 2
    parts = restrict_to_surface(net, np.concatenate((corners, middles)), [[0, 3, 5], [3, 1, 4], [4, 2, 5], [3, 4, 5]])
    assert parts.n_regions == whole.n_regions == whole.n_cells < parts.n_cells
    assert np.sort(parts.region_areas) == pytest.approx(np.sort(whole.region_areas), rel=1e-9, abs=1e-14)
    assert parts.integrate(2) == pytest.approx(whole.integrate(2), rel=1e-12)


@pytest.mark.parametrize("kind", ["he", "integer", "zero bias", "abs"])
def test_euler_characteristics(kind: str) -> None:
    net = random_net([3, 6, 5, 1], 1, kind)
    assert restrict_to_surface(net, CORNERS, TETRAHEDRON).euler_characteristic == 2
    for twist, closed in ((False, True), (False, False), (True, False)):
        assert restrict_to_surface(net, *grid(3, twist, closed)[:2]).euler_characteristic == 0


def test_edges_are_cut_as_the_network_bends_along_them() -> None:
    net = random_net([3, 12, 8, 1], 2)
    surface = restrict_to_surface(net, CORNERS, TETRAHEDRON)
    bends = sum(len(trace_segment(net, *CORNERS[list(e)]).parameters) - 1 for e in itertools.combinations(range(4), 2))
    assert len(surface._glued[0]) == bends  # each edge of a closed surface has two sides


def test_against_quadrature() -> None:
    net, (points, triangles, parameters) = random_net([3, 6, 1], 4), grid(4)
    surface = restrict_to_surface(net, points, triangles, parameters)
    n, shares = 300, []
    for i, j in itertools.product(range(n), range(n)):  # midpoint rule: the two kinds of small triangles
        shares += [((i + third) / n, (j + third) / n) for third in (1 / 3, 2 / 3) if i + j + 2 * third <= n]
    st = np.array(shares)
    modes, total, square = np.array([[0, 0], [1, -2], [3, 1]]), np.zeros(3, complex), 0.0
    for corners, w, area in zip(points[triangles], parameters, surface.areas, strict=True):
        f = net(corners[0] + st @ (corners[1:] - corners[0]))[:, 0]
        waves = np.exp(-2j * np.pi * (w[0] + st @ (w[1:] - w[0])) @ modes.T)
        total += np.mean(f[:, None] * waves, axis=0) * abs(np.linalg.det(w[1:] - w[0])) / 2
        square += np.mean(f**2) * area
    assert surface.fourier_coefficients(modes)[:, 0] == pytest.approx(total, abs=2e-5)
    assert surface.integrate(2)[0] == pytest.approx(square, rel=2e-5)
    assert surface.areas.sum() == pytest.approx(surface.cell_areas.sum(), rel=1e-13)


def test_one_affine_triangle_in_closed_form() -> None:
    net = sg.Network([[[1.0, -2.0, 0.5]]], [[3.0]], [])
    corners, w = np.array([[0.1, 0.2, 0.3], [1.7, -0.4, 0.9], [0.3, 0.5, -2.0]]), [[0.1, 0.1], [0.9, 0.3], [0.2, 0.7]]
    surface = restrict_to_surface(net, corners, [[2, 0, 1]], w)
    values, modes = net(corners)[:, 0], [[0, 0], [3, -5], [1000, 1]]
    exact = sg.simplex_transform(w, 2 * np.pi * np.array(modes), values)
    found, error = surface.fourier_coefficients(modes, return_error=True)
    assert np.all(np.abs(found[:, 0] - exact) <= error[:, 0] + 1e-15) and error.max() < 1e-10
    assert surface.mean()[0] == pytest.approx(values.mean()) and surface.n_regions == surface.n_cells == 1


def test_parts_that_share_a_vertex_or_an_edge_of_three() -> None:
    net = sg.Network([[[1.0, 0.0, 0.0]], [[1.0]]], [[5.0], [0.0]])  # one region of the space
    points = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1], [-1, 0, 0], [0, -1, 0]]
    book = restrict_to_surface(net, points, [[0, 1, 2], [0, 1, 3], [0, 1, 4]])
    assert book.n_regions == 1 and book.f_vector == (5, 7, 3)
    touching = restrict_to_surface(net, points, [[0, 1, 2], [0, 5, 6]])
    assert touching.n_regions == 2 and touching.f_vector == (5, 6, 2)


def test_bad_arguments_are_named() -> None:
    net = random_net([3, 4, 1], 0)
    for arguments, word in (
        ((CORNERS, [[0, 1, 4]]), "triangles"),
        ((CORNERS, [[0, 1, 1]]), "number 0 has no area"),
        ((np.outer([0.0, 0.25, 0.5, 1.0], [1, 2, 3]), [[0, 3, 1], [0, 1, 2]]), "triangles"),
        ((CORNERS, np.empty((0, 3), int)), "none given"),
        ((CORNERS[:, :2], TETRAHEDRON), "vertices"),
        ((CORNERS, TETRAHEDRON, CORNERS), "parameters"),
    ):
        with pytest.raises(sg.InvalidInputError, match=word):
            restrict_to_surface(net, *arguments)
    with pytest.raises(sg.InvalidInputError, match="surface lies"):
        restrict_to_surface(random_net([1, 2, 1], 0), [[0.0], [1.0], [2.0]], [[0, 1, 2]])
    with pytest.raises(sg.UnsupportedError, match="no parameters"):
        restrict_to_surface(net, CORNERS, TETRAHEDRON).fourier_coefficients([[0, 0]])


def test_pictures_and_words() -> None:
    points, triangles, parameters = grid(4)
    surface = restrict_to_surface(random_net([3, 6, 1], 1), points, triangles, parameters)
    assert "32 triangles" in str(surface) and surface.to_dict()["n_regions"] == surface.n_regions
    assert surface.plot().name == "3d"
    flat = SurfaceFunction(points[:, :2], triangles, parameters, surface.complexes)
    assert flat.plot().get_xlabel() == "u"
    with pytest.raises(sg.UnsupportedError, match="dimension 4"):
        SurfaceFunction(np.ones((16, 4)), triangles, None, surface.complexes).plot()
