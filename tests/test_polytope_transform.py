"""Transforms of polytopes: closed forms, exact vertex data in mpmath, identities, and where other codes fail."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from naive.opitz import exact_phase, vertex_sum
from naive.opitz import volume as exact_volume
from scipy.special import j1
from shapely.geometry import MultiPolygon, Polygon, box

import specgeo as sg
from specgeo.errors import DomainError, InvalidInputError, UnsupportedError
from specgeo.fourier import polytope_moments
from specgeo.fourier.expansion import series_sum
from specgeo.fourier.shapes import as_shapes

pytestmark = pytest.mark.filterwarnings("ignore:.*inside the convex hull")  # random points: the hull is meant

PHI = (1 + 5**0.5) / 2


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def signs(*values: float) -> list[list[float]]:
    return [list(s) for s in itertools.product(*((v, -v) if v else (0.0,) for v in values))]


def cyclic(*values: float) -> list[list[float]]:
    return [s for turn in range(3) for s in signs(*np.roll(values, turn))]


def permutations(*values: float) -> np.ndarray:
    points = {tuple(s) for order in itertools.permutations(values) for s in signs(*order)}
    return np.array(sorted(points), dtype=float)


def ngon(n: int) -> np.ndarray:
    turn = 2 * np.pi * np.arange(n) / n
    return np.c_[np.cos(turn), np.sin(turn)]


SOLIDS = {
    "tetrahedron": np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=float),
    "cube": np.array(signs(1, 1, 1)),
    "octahedron": np.array(cyclic(1.0, 0, 0)),
    "dodecahedron": np.array(signs(1, 1, 1) + cyclic(0, 1 / PHI, PHI)),
    "icosahedron": np.array(cyclic(0, 1.0, PHI)),
    "cuboctahedron": permutations(1, 1, 0),
    "truncated octahedron": permutations(0, 1, 2),
    "rhombicuboctahedron": permutations(1, 1, 1 + 2**0.5),
    "truncated cuboctahedron": permutations(1, 1 + 2**0.5, 1 + 2 * 2**0.5),
    "icosidodecahedron": np.array(cyclic(0, 0, PHI) + cyclic(0.5, PHI / 2, PHI**2 / 2)),
    "rhombic dodecahedron": np.array(signs(1, 1, 1) + cyclic(2.0, 0, 0)),
    "square pyramid": np.array([[1, 1, 0], [1, -1, 0], [-1, -1, 0], [-1, 1, 0], [0, 0, 2**0.5]]),
    "off-centre hull": np.random.default_rng(8).normal(size=(25, 3)) + [3.0, -2.0, 1.0],
}
POLYGONS = {
    "square": np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=float),
    "hexagon": ngon(6),
    "100-gon": ngon(100),
    "off-centre triangle": np.array([[5, 5], [6, 5], [5, 6.5]]),
}


def wavevectors(points: np.ndarray, normals: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Zero, tiny, small, generic, normal to faces and orthogonal to edges, exactly and nearly."""
    g, d = rng(1), points.shape[1]
    radius = np.ptp(points, axis=0).max() / 2
    unit = g.normal(size=(40, d))
    unit /= np.linalg.norm(unit, axis=1)[:, None]
    sizes = (1e-12, 1e-8, 1e-4, 1e-3, 0.03, 0.3, 1, 2, 3, 5, 10, 50)
    waves = [np.zeros((1, d))] + [unit[2 * i : 2 * i + 2] * s / radius for i, s in enumerate(sizes)]
    for off in (0.0, 1e-14, 1e-12, 1e-8, 1e-4):
        waves += [(normals[i] + off * unit[i]) * s / radius for i in range(min(3, len(normals))) for s in (3.0, 20.0)]
        across = edges[:3] if d == 2 else np.cross(edges[:3], unit[30 : 30 + len(edges[:3])])
        across = across[:, ::-1] * [-1, 1] if d == 2 else across
        waves += list(
            (across / np.linalg.norm(across, axis=1)[:, None] + off * unit[34 : 34 + len(across)]) * 9.0 / radius
        )
    return np.concatenate([np.atleast_2d(w) for w in waves])


def check_against_exact(polytope: object, tolerance: float = 2e-15) -> None:
    shape = as_shapes(polytope)[0]
    points, simplices, _ = shape.triangulated
    hull = shape.solid.frames[:, 2] if shape.faces is not None else np.zeros((0, 2))
    corners = points[simplices]
    edges = corners[:, 1] - corners[:, 0]
    normals = hull if len(hull) else edges[:, ::-1] * [1, -1] / np.linalg.norm(edges, axis=1)[:, None]
    k = wavevectors(points, normals, edges)
    volumes = [exact_volume(c) for c in corners]
    got = sg.polytope_transform(polytope, k)
    for n in range(0, len(k), 1 if len(simplices) < 30 else 3):
        wanted = complex(vertex_sum(points, simplices, volumes, k[n]))
        assert abs(got[n] - wanted) <= tolerance * float(sum(volumes)), (n, k[n])


@pytest.mark.parametrize("name", list(SOLIDS))
def test_solids_in_every_class_of_wavevectors(name: str) -> None:
    check_against_exact(SOLIDS[name])


@pytest.mark.parametrize("name", list(POLYGONS))
def test_polygons_in_every_class_of_wavevectors(name: str) -> None:
    check_against_exact(POLYGONS[name])


AMONG_MANY = {
    "cube": SOLIDS["cube"],
    "off-centre hull": SOLIDS["off-centre hull"],
    "far solid": SOLIDS["dodecahedron"] + [1e6, -3e5, 7e5],
    "thin solid": SOLIDS["cube"] * [100.0, 1.0, 0.01],
    "100-gon": POLYGONS["100-gon"],
    "thin triangle": np.array([[0, 0], [100, 0], [30, 0.01]]),
    "ring": Polygon(3 * ngon(9), [[[0, 0], [1, 0], [0, 1]]]),
    "pinched": (
        SOLIDS["octahedron"] * [1, 1, 0.2],
        [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], *[[2, 0, 5], [1, 2, 5]], [3, 1, 5], [0, 3, 5]],
    ),
}


@pytest.mark.parametrize("name", list(AMONG_MANY))
def test_small_wavevectors_among_many(name: str) -> None:
    """Many are taken together by series, boundary form and simplices, mixed: each as if it were alone."""
    shape = as_shapes(AMONG_MANY[name])[0]
    points, simplices, _ = shape.triangulated
    radius, g = np.linalg.norm(np.ptp(points, axis=0)) / 2, rng(3)
    k = g.normal(size=(1500, shape.dim))
    k *= (10 ** g.uniform(-2, 1.5, 1500) / radius / np.linalg.norm(k, axis=1))[:, None]
    got = sg.polytope_transform(AMONG_MANY[name], k)
    volumes = [exact_volume(c) for c in points[simplices]]
    for n in range(0, len(k), 25):
        wanted = complex(vertex_sum(points, simplices, volumes, k[n]))
        assert abs(got[n] - wanted) <= 1e-15 * float(sum(map(abs, volumes))), (n, k[n])
    alone = np.array([sg.polytope_transform(AMONG_MANY[name], k[n]) for n in range(0, len(k), 10)])
    np.testing.assert_allclose(got[::10], alone, rtol=0, atol=2e-15 * shape.volume)


@pytest.mark.parametrize("name", ["tetrahedron", "off-centre hull", "hexagon", "off-centre triangle"])
def test_series_up_to_their_limits(name: str) -> None:
    """Each series where the next one takes over; what is beyond all of them is left as it is."""
    shape = as_shapes({**SOLIDS, **POLYGONS}[name])[0]
    series = shape.expansions
    lengths = np.sqrt(np.concatenate([series.limits * (1 - 1e-12), series.limits * (1 + 1e-12)]))
    k = rng(4).normal(size=(len(lengths), shape.dim))
    k *= (lengths / np.linalg.norm(k, axis=1))[:, None]
    out = np.full(len(k), np.nan + 0j)
    assert series_sum(series, k.ravel(), np.inf, out.view(np.float64)) == len(k) - 1
    assert np.isnan(out[-1])
    points, simplices, _ = shape.triangulated
    volumes = [exact_volume(c) for c in points[simplices]]
    for value, wave in zip(out[:-1], k, strict=False):
        assert abs(value - complex(vertex_sum(points, simplices, volumes, wave))) <= 1e-15 * shape.volume
    out[:] = np.nan
    assert series_sum(series, k.ravel(), series.limits[0], out.view(np.float64)) == 1
    assert np.count_nonzero(np.isnan(out)) == len(k) - 1


@pytest.mark.parametrize("d", range(1, 7))
def test_boxes(d: int) -> None:
    """Product of sincs: the closed form, the hull of the corners, and a Box."""
    sides = rng(d).uniform(0.5, 2.0, size=d)
    corners = np.array(list(itertools.product((0.0, 1.0), repeat=d))) * sides - sides / 2
    k = np.concatenate([rng(2).normal(size=(12, d)) * s for s in (0.0, 1e-9, 1e-3, 1.0, 5.0, 50.0)])
    k[3::4, 0] = 0.0
    wanted = np.prod(sides * np.sinc(k * sides / 2 / np.pi), axis=1)
    size = np.prod(sides)
    np.testing.assert_allclose(
        sg.polytope_transform(sg.Box(-sides / 2, sides / 2), k), wanted, rtol=0, atol=2e-15 * size
    )
    few = k[:: 1 if d < 5 else 6]
    hull = sg.polytope_transform(corners, few)
    np.testing.assert_allclose(hull, wanted[:: 1 if d < 5 else 6], rtol=0, atol=(2e-15 if d < 4 else 1e-14) * size)


@pytest.mark.parametrize("d", range(2, 7))
def test_cross_polytopes(d: int) -> None:
    """|x|_1 <= 1: sum of k_j^(d-2) sin or cos k_j over products of k_j^2 - k_m^2, in mpmath."""
    points = np.concatenate([np.eye(d), -np.eye(d)])
    k = rng(d).normal(size=(8, d)) * np.array([0.3, 1, 3, 5, 10, 20, 30, 50])[:, None]
    got = sg.polytope_transform(points, k)
    for n, wave in enumerate(k):
        with mp.workdps(60):
            w = [mp.mpf(float(x)) for x in wave]
            trig = mp.sin if d % 2 else mp.cos
            terms = [x ** (d - 2) * trig(x) / mp.fprod(y * y - x * x for j, y in enumerate(w) if j != i)
                     for i, x in enumerate(w)]  # fmt: skip
            sign = (-1) ** ((d - 1) // 2)
            wanted = float(sign * mp.fsum(terms) * 2**d)
        assert abs(got[n] - wanted) <= (2e-15 if d < 4 else 1e-14) * 2**d / math.factorial(d)


def test_parallelepiped_prism_and_product() -> None:
    g = rng(4)
    matrix = g.normal(size=(3, 3))
    cube = np.array(list(itertools.product((-0.5, 0.5), repeat=3)))
    k = g.normal(size=(40, 3)) * 6.0
    wanted = abs(np.linalg.det(matrix)) * np.prod(np.sinc(k @ matrix / 2 / np.pi), axis=1)
    np.testing.assert_allclose(
        sg.polytope_transform(cube @ matrix.T, k), wanted, rtol=0, atol=4e-15 * abs(wanted).max()
    )
    base = ngon(7)
    prism = np.array([[*p, z] for p in base for z in (-1.5, 1.5)])
    wanted = sg.polytope_transform(base, k[:, :2]) * 3.0 * np.sinc(k[:, 2] * 1.5 / np.pi)
    np.testing.assert_allclose(sg.polytope_transform(prism, k), wanted, rtol=0, atol=1e-14)
    triangles = [[*p, *q] for p in POLYGONS["off-centre triangle"] for q in base[:3]]
    k = g.normal(size=(20, 4)) * 3.0
    factors = sg.polytope_transform(POLYGONS["off-centre triangle"], k[:, :2]) * sg.polytope_transform(
        base[:3], k[:, 2:]
    )
    np.testing.assert_allclose(sg.polytope_transform(np.array(triangles), k), factors, rtol=0, atol=1e-15)


def test_ngon_tends_to_the_disk() -> None:
    k = np.array([0.1, 1.0, 7.0, 20.0])
    for n in (100, 1000):
        disk = 2 * np.pi * j1(k) / k
        error = np.abs(sg.polytope_transform(ngon(n), np.c_[k, 0 * k]) - disk)
        assert np.all(error <= 25.0 / n**2) and error.max() >= 1e-2 / n**2


LATTICES = {
    "hexagon": (ngon(6), np.array([[1.5, 3**0.5 / 2], [0, 3**0.5]])),
    "truncated octahedron": (SOLIDS["truncated octahedron"], np.array([[4, 0, 0], [0, 4, 0], [2, 2, 2]])),
    "rhombic dodecahedron": (SOLIDS["rhombic dodecahedron"], np.array([[2, 2, 0], [2, 0, 2], [0, 2, 2]])),
    "24-cell": (permutations(1, 1, 0, 0), np.array([[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0], [1, 1, 1, 1]])),
}


@pytest.mark.parametrize("name", list(LATTICES))
def test_lattice_tiles_vanish_on_the_dual_lattice(name: str) -> None:
    points, basis = LATTICES[name]
    volume = abs(np.linalg.det(basis))
    if name == "24-cell":  # the vertices are those of the dual; its facets are orthogonal to the short vectors
        points = permutations(1, 0, 0, 0).tolist() + signs(0.5, 0.5, 0.5, 0.5)
        basis = np.array([[1, 1, 0, 0], [1, -1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]])
        volume = abs(np.linalg.det(basis))
    d = len(basis)
    modes = np.array(list(itertools.product(range(-2, 3), repeat=d)))
    k = 2 * np.pi * modes @ np.linalg.inv(basis).T
    value = sg.polytope_transform(np.array(points), k)
    centre = np.flatnonzero(~modes.any(axis=1))[0]
    assert value[centre] == pytest.approx(volume, rel=1e-14)
    assert np.delete(np.abs(value), centre).max() <= 3e-15 * volume


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), d=st.integers(1, 4), scale=st.sampled_from([1e-6, 0.3, 3.0, 40.0]))
def test_identities_on_random_polytopes(seed: int, d: int, scale: float) -> None:
    """Conjugation, bound, affine covariance, order of vertices, additivity over a cut by its triangulation."""
    g = rng(seed)
    points = g.normal(size=(d + 1 + int(g.integers(1, 6)), d))
    k = g.normal(size=(6, d)) * scale
    value = sg.polytope_transform(points, k)
    volume = float(sg.polytope_transform(points, np.zeros(d)).real)
    np.testing.assert_allclose(sg.polytope_transform(points, -k), value.conj(), rtol=0, atol=1e-15 * volume)
    assert np.all(np.abs(value) <= volume * (1 + 3e-15))
    shuffled = points[g.permutation(len(points))]
    np.testing.assert_allclose(sg.polytope_transform(shuffled, k), value, rtol=0, atol=4e-15 * volume)
    shape = as_shapes(points)[0]
    pieces = sg.simplex_transform(shape.points[shape.triangulated[1]], k).sum(axis=0)
    np.testing.assert_allclose(pieces, value, rtol=0, atol=4e-15 * volume)
    shift = g.normal(size=d)
    moved = sg.polytope_transform(2.0 * points + shift, k / 2.0)
    np.testing.assert_allclose(moved, 2.0**d * np.exp(-0.5j * k @ shift) * value, rtol=0, atol=4e-15 * volume * 2**d)


def test_holes_parts_and_unions_in_the_plane() -> None:
    outer, hole, other = box(0, 0, 4, 3), box(1, 1, 2, 2.5), Polygon([(6, 0), (8, 0), (7, 0.5), (8, 2), (6, 2)])
    k = np.concatenate([rng(7).normal(size=(30, 2)) * s for s in (0, 1e-6, 0.1, 1.0, 9.0)])

    def rectangle(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
        return sg.polytope_transform(sg.Box([x0, y0], [x1, y1]), k)

    frame = sg.polytope_transform(outer.difference(hole), k)
    np.testing.assert_allclose(frame, rectangle(0, 0, 4, 3) - rectangle(1, 1, 2, 2.5), rtol=0, atol=3e-14)
    both = sg.polytope_transform(MultiPolygon([outer.difference(hole), other]), k)
    np.testing.assert_allclose(both, frame + sg.polytope_transform(other, k), rtol=0, atol=3e-14)
    np.testing.assert_allclose(sg.polytope_transform([outer.difference(hole), other], k), both, rtol=0, atol=3e-14)
    pieces = sg.polytope_transform(
        [[(6, 0), (8, 0), (7, 0.5)], [(6, 0), (7, 0.5), (6, 2)], [(7, 0.5), (8, 2), (6, 2)]], k
    )
    np.testing.assert_allclose(sg.polytope_transform(other, k), pieces, rtol=0, atol=1e-14)
    clockwise = Polygon([(0, 0), (0, 1), (1, 1), (1, 0)])
    assert complex(sg.polytope_transform(clockwise, [0.0, 0.0])) == 1.0


def l_solid() -> tuple[np.ndarray, list[list[int]]]:
    """An L-shaped prism: two non-convex hexagons, six rectangles."""
    base = [(0, 0), (2, 0), (2, 1), (1, 1), (1, 3), (0, 3)]
    points = np.array([[x, y, z] for z in (0.0, 1.5) for x, y in base])
    faces = [[5, 4, 3, 2, 1, 0], [6, 7, 8, 9, 10, 11]]
    faces += [[i, (i + 1) % 6, (i + 1) % 6 + 6, i + 6] for i in range(6)]
    return points, faces


def test_non_convex_solid_from_oriented_faces() -> None:
    k = np.concatenate([rng(9).normal(size=(40, 3)) * s for s in (0, 1e-7, 0.3, 2.0, 30.0)])
    k[::5, :2] *= 1e-9
    solid = l_solid()
    wanted = sg.polytope_transform([sg.Box([0, 0, 0], [2, 1, 1.5]), sg.Box([0, 1, 0], [1, 3, 1.5])], k)
    np.testing.assert_allclose(sg.polytope_transform(solid, k), wanted, rtol=0, atol=2e-14)
    prism = sg.polytope_transform(shapely.Polygon(solid[0][:6, :2]), k[:, :2])
    height = 1.5 * np.exp(-0.75j * k[:, 2]) * np.sinc(0.75 * k[:, 2] / np.pi)
    np.testing.assert_allclose(sg.polytope_transform(solid, k), prism * height, rtol=0, atol=2e-14)


def cut_cube(n: int) -> tuple[np.ndarray, list[list[int]]]:
    """The cube [-1, 1]^3 with each face cut into a grid of 2 n^2 triangles."""
    cuts = np.linspace(-1.0, 1.0, n + 1)
    grid = np.array(list(itertools.product(range(n + 1), repeat=3)))
    number = {tuple(p): i for i, p in enumerate(grid.tolist())}
    faces = []
    for axis, side, i, j in itertools.product(range(3), (0, n), range(n), range(n)):
        square = []
        for u, v in ((i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)):
            place = [0, 0, 0]
            place[axis], place[(axis + 1) % 3], place[(axis + 2) % 3] = side, u, v
            square.append(number[tuple(place)])
        a, b, c, d = square if side else square[::-1]
        faces += [[a, b, c], [a, c, d]]
    used, index = np.unique(np.array(faces), return_inverse=True)
    return cuts[grid[used]], index.reshape(-1, 3).tolist()


def test_thousands_of_equal_terms() -> None:
    """On a face normal, and at small k, all triangles or tetrahedra of a side round alike: the sums are compensated."""
    solid = cut_cube(20)
    lengths = np.array([1e-3, 0.1, 0.5, 1.0, 2.0, 3.0, 4.0, 6.3, 8.0, 20.0])
    k = np.concatenate([row * lengths[:, None] for row in np.eye(3)])
    exact = 8.0 * np.sinc(np.tile(lengths, 3) / np.pi)
    assert np.abs(sg.polytope_transform(solid, k) - exact).max() < 1e-15 * 8
    one = sg.polytope_transform(solid, k, ([0.0, 0.0, 0.0], 1.0))
    assert np.abs(one - exact).max() < 2e-15 * 8


def test_many_small_faces_that_are_bad_together() -> None:
    """A cube whose faces are cut into a grid of triangles: near a normal all the small faces of a side are tilted."""
    solid = cut_cube(8)
    g = rng(3)
    waves = []
    for length, tilt in itertools.product((2.0, 4.0, 8.0, 50.0), (1e-9, 1e-4, 1e-2, 0.05, 0.2, 0.5)):
        turn = g.uniform(0, 2 * np.pi, 10)
        k = length * np.c_[np.full(10, np.cos(tilt)), np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn)]
        waves.append(np.roll(k, 1, axis=1))
    k = np.concatenate(waves)
    exact = [float(mp.fprod(2 * mp.sinc(mp.mpf(x)) for x in row)) for row in k]
    assert np.abs(sg.polytope_transform(solid, k) - exact).max() < 2e-15 * 8


def test_cube_with_a_cavity_is_a_difference() -> None:
    cube, faces = SOLIDS["cube"], [f.tolist() for f in as_shapes(SOLIDS["cube"])[0].faces or ()]
    points = np.concatenate([2.0 * cube, cube])
    hollow = (points, faces + [[8 + i for i in reversed(f)] for f in faces])
    k = rng(3).normal(size=(30, 3)) * np.logspace(-6, 1.5, 30)[:, None]
    wanted = sg.polytope_transform(2.0 * cube, k) - sg.polytope_transform(cube, k)
    np.testing.assert_allclose(sg.polytope_transform(hollow, k), wanted, rtol=0, atol=2e-15 * 72)


def test_densities() -> None:
    """Affine and polynomial densities on a cube are products of one-dimensional integrals."""
    g = rng(5)
    k = np.concatenate([g.normal(size=(6, 3)) * s for s in (0.0, 1e-6, 0.5, 4.0)])
    cube = sg.Box([-1, -1, -1], [1, 1, 1])
    x, w = np.polynomial.legendre.leggauss(80)
    one = [[(w * x**p * np.exp(-1j * t * x)).sum() for p in range(3)] for t in k.ravel()]
    line = np.array(one).reshape(len(k), 3, 3)
    wanted = 2.0 * line[:, 0, 1] * line[:, 1, 0] * line[:, 2, 0] - 0.5 * np.prod(line[:, :, 0], axis=1)
    np.testing.assert_allclose(sg.polytope_transform(cube, k, ([2.0, 0, 0], -0.5)), wanted, rtol=0, atol=5e-14)
    vector = sg.polytope_transform(SOLIDS["cube"], k, ([[2.0, 0, 0], [0, 0, 1]], [-0.5, 0]))
    assert vector.shape == (24, 2)
    np.testing.assert_allclose(vector[:, 0], wanted, rtol=0, atol=5e-14)
    cubic = sg.polytope_transform(cube, k, lambda p: p[:, 0] ** 2 * p[:, 2], degree=3)
    np.testing.assert_allclose(cubic, line[:, 0, 2] * line[:, 1, 0] * line[:, 2, 1], rtol=0, atol=5e-14)
    constant = sg.polytope_transform(cube, k, lambda p: np.full(len(p), 3.0), degree=0)
    np.testing.assert_allclose(constant, 3.0 * sg.polytope_transform(cube, k), rtol=0, atol=5e-14)


def test_moments_are_derivatives_at_zero() -> None:
    for polytope in (SOLIDS["off-centre hull"], POLYGONS["off-centre triangle"], l_solid(), rng(6).normal(size=(9, 4))):
        m = polytope_moments(polytope)
        d = len(m.first)
        u = rng(7).normal(size=d)
        t = 1e-3 / np.abs(u @ m.centroid)
        f = sg.polytope_transform(polytope, np.stack([0 * u, t * u, -t * u]))
        assert f[0].real == pytest.approx(m.volume, rel=3e-15)
        assert (f[1] - f[2]).imag / (2 * t) == pytest.approx(-u @ m.first, rel=1e-4)
        assert (f[1] + f[2] - 2 * f[0]).real / t**2 == pytest.approx(-u @ m.second @ u, rel=1e-4)
        axis = np.eye(d)[0]
        linear = sg.polytope_transform(polytope, 0 * u, (axis, 0.0))
        square = sg.polytope_transform(polytope, 0 * u, lambda p: p[:, 0] ** 2, degree=2)
        assert complex(linear).real == pytest.approx(m.first[0], rel=1e-12)
        assert complex(square).real == pytest.approx(m.second[0, 0], rel=1e-12)
    cube = polytope_moments(sg.Box([0, 0, 0], [1, 2, 3]))
    np.testing.assert_allclose(cube.centroid, [0.5, 1.0, 1.5], rtol=1e-15)
    np.testing.assert_allclose(cube.covariance, np.diag([1, 4, 9]) / 12, rtol=1e-13, atol=1e-14)


def test_parseval_on_a_period_cell() -> None:
    triangle = np.array([[0.1, 0.1], [0.8, 0.2], [0.3, 0.9]])
    modes = np.arange(-150, 151)
    k = 2 * np.pi * np.stack(np.meshgrid(modes, modes), axis=-1)
    energy = float((np.abs(sg.polytope_transform(triangle, k)) ** 2).sum())
    area = polytope_moments(triangle).volume
    perimeter = np.linalg.norm(triangle - np.roll(triangle, 1, axis=0), axis=1).sum()
    tail = perimeter / (2 * np.pi**2 * 150)
    assert 0.5 * tail <= area - energy <= 1.5 * tail


def test_poisson_summation_counts_lattice_points_by_solid_angle() -> None:
    """Damped by a Gaussian, sum_n F(2 pi n) is the lattice sum of the blurred indicator."""
    square = np.array([[0, 0], [2, 0], [2, 1], [0, 1]], dtype=float)
    modes = np.arange(-60, 61)
    n = np.stack(np.meshgrid(modes, modes), axis=-1)
    damped = sg.polytope_transform(square, 2 * np.pi * n) * np.exp(-0.01 * (n**2).sum(axis=-1))
    # corners weigh 1/4 each, the two edge points (1, 0), (1, 1) 1/2 each: the area
    assert damped.sum() == pytest.approx(2.0, abs=1e-12)
    inside = sg.polytope_transform(square + 0.5, 2 * np.pi * n) * np.exp(-0.01 * (n**2).sum(axis=-1))
    assert inside.sum() == pytest.approx(2.0, abs=1e-12)
    triangle = np.array([[0, 0], [3, 0], [0, 3]], dtype=float)
    damped = sg.polytope_transform(triangle, 2 * np.pi * n) * np.exp(-0.01 * (n**2).sum(axis=-1))
    assert damped.sum().real == pytest.approx(1 + 6 / 2 + 0.25 + 1 / 8 + 1 / 8, abs=1e-3)  # 1 inside, 6 on edges


def test_decay_by_class_of_direction_with_leading_coefficients() -> None:
    """t F(t n) beats between facets; t^2 F across edges; t^3 F generic: amplitudes by |facet|, |edge| and vertices."""
    cube = SOLIDS["cube"]
    t = np.linspace(1e4, 1e4 + 50, 400)[:, None]
    facet = np.abs(sg.polytope_transform(cube, t * [1.0, 0, 0])) * t[:, 0]
    assert facet.max() == pytest.approx(8.0, rel=1e-3)  # 2 facets of area 4
    edge = np.abs(sg.polytope_transform(cube, t * [0.6, 0.8, 0])) * t[:, 0] ** 2
    assert 0.9 * 8 / 0.48 <= edge.max() <= 8 / 0.48 * (1 + 1e-9)  # 4 edges of length 2 over 0.6 * 0.8
    generic = np.abs(sg.polytope_transform(cube, t * [2 / 3, 1 / 3, 2 / 3])) * t[:, 0] ** 3
    assert 0.5 * 8 * 27 / 4 <= generic.max() <= 8 * 27 / 4 * (1 + 1e-9)


@pytest.mark.parametrize(
    "name", ["cube", "tetrahedron", "octahedron", "dodecahedron", "off-centre hull", "square", "hexagon"]
)
@pytest.mark.parametrize("reach", [1e3, 1e6, 1e9])
def test_huge_wavevectors(name: str, reach: float) -> None:
    """1e-13 of the sum of absolute vertex terms, near face normals too."""
    points = SOLIDS[name] if name in SOLIDS else POLYGONS[name]
    shape = as_shapes(points)[0]
    points, simplices, _ = shape.triangulated
    d = points.shape[1]
    g = rng(12)
    normal = shape.solid.frames[0, 2] if d == 3 else (points[1] - points[0])[::-1] * [1, -1]
    volumes = [exact_volume(c) for c in points[simplices]]
    for direction in (g.normal(size=d), normal + 1e-3 * g.normal(size=d), normal + 1e-6 * g.normal(size=d)):
        k = direction / np.linalg.norm(direction) * reach / np.abs(points).max()
        wanted = complex(vertex_sum(points, simplices, volumes, k))
        with mp.workdps(40):
            size = mp.mpf(0)
            for s, v in zip(simplices, volumes, strict=True):
                t = [exact_phase(k, points[i]) for i in s]
                for i in range(d + 1):
                    size += v * math.factorial(d) / mp.fprod(abs(t[i] - t[j]) for j in range(d + 1) if j != i)
        assert abs(complex(sg.polytope_transform(points[: len(shape.points)], k)) - wanted) <= 1e-13 * float(size)


@pytest.mark.parametrize("height", [1e-6, 1e-9])
def test_flat_polytopes(height: float) -> None:
    """Relative error 1e-13 for plates and needles of several simplices."""
    g = rng(13)
    plate = np.c_[g.normal(size=(6, 2)), np.zeros(6)]
    plate = np.concatenate([plate, plate + [0, 0, height]])
    strip = np.array([[0, 0], [1, 0.3], [1, 0.3 + height], [0, height]])
    for points in (plate, plate[:, [2, 0, 1]], strip):
        shape = as_shapes(points)[0]
        corners, simplices, _ = shape.triangulated
        volumes = [exact_volume(c) for c in corners[simplices]]
        for scale in (0.0, 1e-6, 1e-3, 0.1, 1.0, 20.0, 1e3):
            k = g.normal(size=points.shape[1]) * scale
            wanted = complex(vertex_sum(corners, simplices, volumes, k))
            assert abs(complex(sg.polytope_transform(points, k)) - wanted) <= 1e-13 * float(sum(volumes))


def test_where_other_codes_fail() -> None:
    """Small |k| away from the centroid; a single wavevector, normal to a face; equal phases; tiny |k|; densities."""
    tetra = SOLIDS["tetrahedron"] + [5.0, 0, 0]
    volume, centre = 8 / 3, np.array([5.0, 0, 0])
    for t in (1e-2, 1e-4, 1e-9, 1e-14):  # a series around a centroid that is not the origin; isclose(k, 0)
        k = np.array([t, t / 2, -t])
        second = polytope_moments(tetra).covariance
        wanted = volume * np.exp(-1j * k @ centre) * (1 - k @ second @ k / 2)
        assert abs(complex(sg.polytope_transform(tetra, k)) - wanted) <= volume * (1e-14 + np.abs(k).sum() ** 3)
    assert sg.polytope_transform(tetra, np.ones(3)).shape == ()
    assert sg.polytope_transform(tetra, np.array([[0.0, 0.0, 4.0]])).shape == (1,)
    triangle = np.array([[0, 0], [1, 0], [0, 1]], dtype=float)
    grid = 2 * np.pi * np.stack(np.meshgrid(np.arange(-8, 9), np.arange(-8, 9)), axis=-1)
    value = sg.polytope_transform(triangle, grid)  # equal phases at a fifth of the frequencies
    assert np.all(np.isfinite(value)) and value[8, 8] == 0.5
    on_axis = grid[8, 9:, 0]
    np.testing.assert_allclose(value[8, 9:], -1j / on_axis, rtol=0, atol=1e-16)
    hexagon = sg.polytope_transform(ngon(6), [[1e-30, 0], [1e-200, 1e-250], [0, 1e-12]])
    np.testing.assert_allclose(hexagon, 1.5 * 3**0.5, rtol=1e-15)
    heavy = sg.polytope_transform(tetra, [0.3, 0.2, 0.1], ([0, 0, 0], 7.0))  # a density is not ignored
    assert abs(complex(heavy) - 7.0 * complex(sg.polytope_transform(tetra, [0.3, 0.2, 0.1]))) <= 1e-14 * 7 * volume


def test_shapes_of_k_and_kinds_of_polytopes() -> None:
    square = POLYGONS["square"]
    k = rng(2).normal(size=(3, 4, 2))
    value = sg.polytope_transform(square, k)
    assert value.shape == (3, 4)
    for same in (square.tolist(), sg.Box([0, 0], [1, 1]), Polygon(square), [Polygon(square)], square[[2, 0, 3, 1]]):
        np.testing.assert_allclose(sg.polytope_transform(same, k), value, rtol=0, atol=2e-15)
    assert sg.polytope_transform(square, np.zeros((0, 2))).shape == (0,)
    assert sg.polytope_transform(square, np.zeros((2, 0, 2)), ([1, 0], 0)).shape == (2, 0)
    inner = np.concatenate([square, [[0.5, 0.5], [0.5, 0.0]]])  # inner points and points on edges do not matter
    np.testing.assert_allclose(sg.polytope_transform(inner, k), value, rtol=0, atol=2e-15)
    line = sg.polytope_transform([[1.0], [-1.0], [0.2]], [[0.0], [np.pi]])
    np.testing.assert_allclose(line, [2.0, 0.0], rtol=0, atol=4e-16)
    assert abs(complex(sg.polytope_transform(sg.Box([0] * 20, [1] * 20), np.zeros(20))) - 1) <= 1e-15


class _HalfSpaces:
    """The attributes of an H-representation."""

    def __init__(self, vertices: np.ndarray) -> None:
        self.vertices, self.dim = vertices, vertices.shape[1]
        self.A, self.b = np.zeros((0, self.dim)), np.zeros(0)


def test_half_space_representation() -> None:
    k = rng(3).normal(size=(5, 3))
    got = sg.polytope_transform(_HalfSpaces(SOLIDS["octahedron"]), k)
    np.testing.assert_allclose(got, sg.polytope_transform(SOLIDS["octahedron"], k), rtol=0, atol=0)


def test_refusals_name_the_argument() -> None:
    square, k = POLYGONS["square"], [0.0, 0.0]
    points, faces = l_solid()
    for bad, error, words in (
        (square[:2], DomainError, "needs 3"),
        (np.array([[0, 0], [1, 1], [2, 2]]), DomainError, "line"),
        (np.array([[0, 0, 0], [1, 1, 0], [2, 1, 0], [0, 4, 0], [1, 7, 0]]), DomainError, "hyperplane"),
        ("square", InvalidInputError, "polytope"),
        (None, InvalidInputError, "polytope"),
        (Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), DomainError, "make_valid"),
        (Polygon(), DomainError, "empty"),
        ((square, [[0, 1, 2]]), UnsupportedError, "3 dimensions"),
        ((points, faces[1:]), InvalidInputError, "closed"),
        ((points, [f[::-1] for f in faces]), DomainError, "outside"),
        ((points, [[0, 1]]), InvalidInputError, "face 0"),
        ((points, [[0, 1, 1]]), UnsupportedError, "repeats"),
        ((points + np.eye(12, 3), faces), InvalidInputError, "flat"),
        ([square, SOLIDS["cube"]], InvalidInputError, "one dimension"),
    ):
        with pytest.raises(error, match=words):
            sg.polytope_transform(bad, [0.0] * 3 if words in ("hyperplane", "flat") else k)
    with pytest.raises(InvalidInputError, match="k: shape"):
        sg.polytope_transform(square, [0.0] * 3)
    with pytest.raises(InvalidInputError, match="1e15"):
        sg.polytope_transform(square, [1e16, 0.0])
    with pytest.raises(InvalidInputError, match="density"):
        sg.polytope_transform(square, k, ([1.0, 2.0, 3.0], 0.0))
    with pytest.raises(InvalidInputError, match="density"):
        sg.polytope_transform(square, k, [3.0])  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="degree"):
        sg.polytope_transform(square, k, degree=2)
    with pytest.raises(UnsupportedError, match="degree"):
        sg.polytope_transform(square, k, lambda p: p[:, 0])
    with pytest.raises(InvalidInputError, match="returned shape"):
        sg.polytope_transform(square, k, lambda p: np.ones(3), degree=1)


@pytest.mark.parametrize("family", ["PlatonicFamily", "ArchimedeanFamily", "CatalanFamily", "JohnsonFamily"])
def test_named_families_of_solids(family: str) -> None:
    """Every solid coxeter ships: volumes, faces merged, and values against the vertex formula in mpmath."""
    families = pytest.importorskip("coxeter.families")
    for name, solid in getattr(families, family):
        points = np.ascontiguousarray(solid.vertices) + [0.3, -0.2, 0.1]
        shape = as_shapes(points)[0]
        assert shape.faces is not None and len(shape.faces) == len(solid.faces), name
        assert shape.volume == pytest.approx(solid.volume, rel=1e-12), name
        corners, simplices, _ = shape.triangulated
        volumes = [exact_volume(c) for c in corners[simplices]]
        normal = shape.solid.frames[-1, 2]
        k = np.array([[4.0, -3.0, 1.0] / np.cbrt(shape.volume), 5.0 * normal, 5.0 * normal + 1e-9])
        k = k[: 3 if len(simplices) < 20 else 1]
        got = sg.polytope_transform(points, k)
        for n, wave in enumerate(k):
            wanted = complex(vertex_sum(corners, simplices, volumes, wave))
            assert abs(got[n] - wanted) <= 2e-15 * shape.volume, (name, n)


@pytest.mark.parametrize("exponent", [-330, -265, 265, 330])
def test_scaling_by_powers_of_two_rounds_nothing(exponent):
    """F(s P)(k / s) = s^d F(P)(k), up to where volumes leave the range of floats; cross products do so much earlier."""
    star = np.array([[(1 if i % 2 else 0.35) * f(i * np.pi / 7) for f in (np.cos, np.sin)] for i in range(14)])
    cube = SOLIDS["cube"]
    faces = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    faces = [face[::-1] for face in faces]  # its corners come from (1, 1, 1) to (-1, -1, -1)
    cases = [(star, shapely.Polygon), (SOLIDS["icosidodecahedron"], np.asarray), (cube, lambda v: (v, faces))]
    for vertices, make in cases:
        d = vertices.shape[1]
        k = np.array([[0.0] * d, [0.1] * d, [3.0, 4.0, 5.0][:d], [50.0] * d])
        reference = sg.polytope_transform(make(vertices), k)
        scaled = sg.polytope_transform(make(np.ldexp(vertices, exponent)), np.ldexp(k, -exponent))
        back = np.ldexp(scaled.view(float), -d * exponent).view(complex)
        assert np.all(np.abs(back - reference) <= 2e-15 * abs(reference[0]))


@pytest.mark.parametrize("size", [1e-90, 1e-79, 1e90])
def test_measures_beyond_floats_say_so(size):
    simplex = size * np.vstack([np.zeros(4), np.eye(4)])
    for call in (
        lambda: sg.polytope_transform(simplex, np.zeros(4)),
        lambda: sg.polytope_transform(sg.Box(np.zeros(4), np.full(4, size)), np.zeros(4)),
        lambda: sg.simplex_transform(simplex, np.zeros(4)),
    ):
        with pytest.raises(InvalidInputError, match="beyond the range of floats; rescale"):
            call()


@pytest.mark.parametrize("height", [1.0, 1e-3, 1e-9])
@pytest.mark.parametrize("dim", [3, 4])
def test_hulls_of_nearly_coplanar_vertices(dim, height):
    """Prisms whose vertices are off by a share of the height: no wedge is lost. Volume in rational numbers."""
    corners = np.array(list(itertools.product((0.0, 1.0), repeat=dim - 1)))[[0, 1, 2, 3, 4, 7][: 2 * dim - 2]]
    for seed, share in enumerate((1e-7, 1e-10, 1e-11, 1e-12, 1e-13, 3e-14, 1e-15)):
        draw = rng(seed)
        points = np.vstack([np.c_[corners, np.full(len(corners), z)] for z in (0.0, 1.0)])
        points[:, :-1] += 0.05 * draw.normal(size=(len(points), dim - 1))
        points[:, -1] = height * (points[:, -1] + share * draw.normal(size=len(points)))
        exact = float(hull_volume(points))
        value = sg.polytope_transform(points, np.zeros(dim)).real
        assert abs(value - exact) <= 3e-15 * exact


def hull_volume(points: np.ndarray) -> Fraction:
    """Every choice of d points with all others on one side is a facet; cones over them from the first point."""
    exact = [[Fraction(x) for x in p] for p in points.tolist()]
    dim, total = points.shape[1], Fraction(0)
    for facet in itertools.combinations(range(len(exact)), dim):
        sides = [determinant([exact[i] for i in facet], p) for q, p in enumerate(exact) if q not in facet]
        if (all(s > 0 for s in sides) or all(s < 0 for s in sides)) and 0 not in facet:
            total += abs(determinant([exact[i] for i in facet], exact[0]))
    return total / math.factorial(dim)


def determinant(facet: list[list[Fraction]], apex: list[Fraction]) -> Fraction:
    """det(v_i - apex), by rational elimination."""
    rows = [[x - y for x, y in zip(vertex, apex, strict=True)] for vertex in facet]
    result = Fraction(1)
    for column in range(len(rows)):
        pivot = next((i for i in range(column, len(rows)) if rows[i][column] != 0), None)
        if pivot is None:
            return Fraction(0)
        if pivot != column:
            rows[column], rows[pivot], result = rows[pivot], rows[column], -result
        result *= rows[column][column]
        for row in rows[column + 1 :]:
            factor = row[column] / rows[column][column]
            row[column:] = [x - factor * y for x, y in zip(row[column:], rows[column][column:], strict=True)]
    return result
