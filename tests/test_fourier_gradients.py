"""Derivatives of transforms against central differences with 60 digits, at generic and degenerate wavevectors."""

from __future__ import annotations

import math
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from naive.opitz import opitz

import specgeo as sg
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.fourier import mesh_pullback, polytope_gradients, simplex_gradients

pytestmark = pytest.mark.filterwarnings("ignore:.*inside the convex hull")  # random points: the hull is meant

RNG = np.random.default_rng(17)
STEP = mp.mpf(10) ** -20


def transform(vertices: Any, k: Any, values: Any) -> Any:
    """Transform of one simplex with an affine density, everything in mpmath."""
    j = len(vertices) - 1
    t = [mp.fsum(a * b for a, b in zip(k, v, strict=True)) for v in vertices]
    edges = mp.matrix([[a - b for a, b in zip(v, vertices[0], strict=True)] for v in vertices[1:]]) if j else None
    measure = mp.sqrt(mp.det(edges * edges.T)) if j else mp.mpf(1)
    return measure * mp.fsum(values[i] * opitz([*t, t[i]]) for i in range(j + 1))


def slope(function: Any, numbers: list[Any], index: int) -> complex:
    """Central difference by one of the numbers."""
    ahead, back = list(numbers), list(numbers)
    ahead[index] += STEP
    back[index] -= STEP
    return complex((function(ahead) - function(back)) / (2 * STEP))


def degenerate_wavevectors(corners: np.ndarray) -> np.ndarray:
    d = corners.shape[1]
    across = np.linalg.svd(corners[1:] - corners[0])[2][-1]
    normal = np.linalg.svd(corners[1:d] - corners[0])[2][-1] if d > 1 else across
    return np.array([np.zeros(d), 1e-9 * across, 5.0 * normal, 5.0 * normal + 1e-9 * across, RNG.normal(size=d) * 4.0])


@pytest.mark.parametrize(("j", "d"), [(0, 2), (1, 1), (1, 2), (2, 2), (2, 3), (3, 3), (4, 4)])
def test_simplex_gradients_everywhere(j: int, d: int) -> None:
    corners, values = RNG.normal(size=(j + 1, d)), RNG.normal(size=j + 1)
    waves = degenerate_wavevectors(RNG.normal(size=(d + 1, d)) if j < d else corners)
    got = simplex_gradients(corners, waves, values)
    np.testing.assert_allclose(got.value, sg.simplex_transform(corners, waves, values), rtol=0, atol=1e-14)
    with mp.workdps(60):
        flat = [mp.mpf(float(x)) for x in corners.ravel()]
        f = [mp.mpf(float(x)) for x in values]
        for n, wave in enumerate(waves[:: 1 if j < 4 else 3]):
            n *= 1 if j < 4 else 3
            k = [mp.mpf(float(x)) for x in wave]

            def shape(x: list[Any]) -> list[list[Any]]:
                return [x[d * i : d * i + d] for i in range(j + 1)]

            for a in range(d):
                wanted = slope(lambda x: transform(shape(flat), x, f), k, a)
                assert abs(got.wrt_k[n, a] - wanted) <= 1e-14 * np.abs(corners).max() * (1 + np.abs(values).sum())
                wanted = slope(lambda x, k=k: transform(shape(x), k, f), flat, a)
                assert got.wrt_vertices is not None
                assert abs(got.wrt_vertices[n, 0, a] - wanted) <= 3e-14 * (1 + np.linalg.norm(wave))
            wanted = complex(transform(shape(flat), k, [1] + [0] * j))
            assert got.wrt_values is not None and abs(got.wrt_values[n, 0] - wanted) <= 1e-14


def test_indicator_and_shapes() -> None:
    corners = RNG.normal(size=(4, 3))
    k = RNG.normal(size=(2, 5, 3))
    got = simplex_gradients(corners, k)
    assert got.wrt_vertices is not None and got.wrt_values is not None
    assert got.value.shape == (2, 5) and got.wrt_k.shape == (2, 5, 3)
    assert got.wrt_vertices.shape == (2, 5, 4, 3) and got.wrt_values.shape == (2, 5, 4)
    # moving all vertices together multiplies by exp(-i k.a)
    np.testing.assert_allclose(got.wrt_vertices.sum(axis=2), -1j * k * got.value[..., None], rtol=0, atol=1e-14)
    # scaling all of space: sum v . dF/dv = d F + k . dF/dk
    scaled = np.einsum("...la,la->...", got.wrt_vertices, corners)
    np.testing.assert_allclose(scaled, 3 * got.value + np.einsum("...a,...a->...", k, got.wrt_k), rtol=0, atol=2e-14)
    single = simplex_gradients(corners, k[0, 0])
    assert single.value.shape == () and single.wrt_k.shape == (3,)
    assert simplex_gradients(corners, np.zeros((0, 3))).wrt_k.shape == (0, 3)


def directional(polytope: np.ndarray, k: np.ndarray, move: np.ndarray) -> np.ndarray:
    """Fourth-order central difference of the transform along a motion of the vertices."""
    h = 2e-4
    f = [sg.polytope_transform(polytope + s * h * move, k) for s in (-2, -1, 1, 2)]
    return np.asarray((f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h))


@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_polytope_gradients(d: int) -> None:
    """A simplicial polytope with a vertex inside, which has no influence; k = 0 and tiny k included."""
    points = np.concatenate([np.eye(d), -np.eye(d) * 1.2, np.zeros((1, d))]) + 0.05 * RNG.normal(size=(2 * d + 1, d))
    k = RNG.normal(size=(5, d)) * np.array([0.0, 1e-9, 0.1, 1.0, 4.0])[:, None]
    got = polytope_gradients(points, k)
    assert got.wrt_vertices is not None
    move = RNG.normal(size=points.shape)
    wanted = directional(points, k, move)
    np.testing.assert_allclose(np.einsum("kva,va->k", got.wrt_vertices, move), wanted, rtol=0, atol=1e-9)
    assert np.abs(got.wrt_vertices[:, -1]).max() == 0.0
    step = RNG.normal(size=d)
    ahead, back = (sg.polytope_transform(points, k + s * 1e-5 * step) for s in (1, -1))
    np.testing.assert_allclose(got.wrt_k @ step, (ahead - back) / 2e-5, rtol=0, atol=1e-9)
    np.testing.assert_allclose(got.wrt_vertices.sum(axis=1), -1j * k * got.value[:, None], rtol=0, atol=1e-14)


def test_polygon_with_a_hole_and_polyhedra() -> None:
    from shapely.geometry import Polygon

    shell, hole = np.array([[0, 0], [4, 0], [4, 3], [1, 4]]), np.array([[1, 1], [2, 1], [2, 2.0]])
    k = RNG.normal(size=(4, 2))
    got = polytope_gradients(Polygon(shell, [hole]), k)
    assert got.wrt_vertices is not None and got.wrt_vertices.shape == (4, 7, 2)
    np.testing.assert_allclose(got.wrt_vertices.sum(axis=1), -1j * k * got.value[:, None], rtol=0, atol=1e-13)
    cube = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
    assert polytope_gradients(cube, np.ones(3)).wrt_vertices is None  # a corner cannot move alone
    assert polytope_gradients(cube, np.ones(3)).wrt_k.shape == (3,)


def test_mesh_pullback_is_the_gradient_of_a_loss() -> None:
    points = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0.4, 0.6]])
    cells = np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]])
    values, k = RNG.normal(size=5), np.concatenate([RNG.normal(size=(4, 2)) * 3, np.zeros((1, 2))])
    weight = RNG.normal(size=5) ** 2

    def loss(p: np.ndarray, f: np.ndarray, q: np.ndarray) -> float:
        value = sum(sg.simplex_transform(p[c], q, f[c]) for c in cells)
        return float((weight * np.abs(value) ** 2).sum())

    value = np.asarray(sum(sg.simplex_transform(points[c], k, values[c]) for c in cells))
    got = mesh_pullback(points, cells, values, k, 2 * weight * value)
    np.testing.assert_allclose(got.value, value, rtol=0, atol=1e-14)
    h = 1e-6
    for result, start, rest in (
        (got.points, points, lambda x: loss(x, values, k)),
        (got.values, values, lambda x: loss(points, x, k)),
        (got.k, k, lambda x: loss(points, values, x)),
    ):
        assert result.shape == start.shape
        for index in np.ndindex(start.shape):
            bump = np.zeros(start.shape)
            bump[index] = h
            assert result[index] == pytest.approx((rest(start + bump) - rest(start - bump)) / (2 * h), abs=1e-8)


def test_refusals_name_the_argument() -> None:
    triangle = np.array([[0, 0], [1, 0], [0, 1.0]])
    for bad, words in ((np.zeros((3, 2)), "flat"), (np.zeros((4, 2)), "vertices"), (np.zeros(3), "vertices")):
        with pytest.raises(InvalidInputError, match=words):
            simplex_gradients(bad, [0.0, 0.0])
    with pytest.raises(InvalidInputError, match="values"):
        simplex_gradients(triangle, [0, 0], [1.0])
    with pytest.raises(UnsupportedError, match="union"):
        polytope_gradients([triangle, triangle + 5], [0, 0])
    for cells, cotangent, words in (([[0, 1, 3]], [1], "simplices"), ([[0, 1, 2]], [1, 2], "cotangent")):
        with pytest.raises(InvalidInputError, match=words):
            mesh_pullback(triangle, cells, np.ones(3), [[0, 0]], cotangent)
    with pytest.raises(InvalidInputError, match="flat"):
        mesh_pullback(np.zeros((3, 2)), [[0, 1, 2]], np.ones(3), [[0, 0]], [1])
    assert math.isfinite(float(np.abs(simplex_gradients(triangle, [1e9, 1.0]).wrt_k).max()))
