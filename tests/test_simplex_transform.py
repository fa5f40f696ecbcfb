"""Transforms of simplices: the Opitz oracle, closed forms, moments, slivers, huge and degenerate k."""

from __future__ import annotations

import itertools
import math

import mpmath as mp
import numpy as np
import pytest
from naive.opitz import exact_phase, measure, simplex

import specgeo as sg
from specgeo._measures import signed_volumes, simplex_measures
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.fourier import bernstein_indices
from specgeo.fourier.simplex import simplices_sum

RNG = np.random.default_rng(3)


def wavevectors(corners: np.ndarray) -> np.ndarray:
    """Every class: zero, tiny, small, generic, orthogonal to edges and to faces, exactly and nearly."""
    d = corners.shape[1]
    size = np.ptp(corners, axis=0).max()
    unit = RNG.normal(size=(6, d))
    unit /= np.linalg.norm(unit, axis=1)[:, None]
    waves = [np.zeros((1, d))] + [unit[:2] * s / size for s in (1e-12, 1e-6, 1e-3, 0.1, 1.0, 2.0, 5.0, 50.0)]
    edges = corners[1:] - corners[0]
    normal = np.linalg.svd(edges[: d - 1])[2][-1] if d > 1 else np.ones(1)
    across = np.linalg.svd(edges[:1])[2][-1] if d > 1 else np.ones(1)
    for off in (0.0, 1e-14, 1e-9, 1e-4):
        waves += [(normal + off * unit[2]) * 7.0 / size, (across + off * unit[3]) * 20.0 / size]
    return np.concatenate([np.atleast_2d(w) for w in waves])


@pytest.mark.parametrize(("j", "d"), [(0, 2), (1, 1), (1, 3), (2, 2), (2, 3), (3, 3), (4, 4), (6, 6)])
def test_every_class_of_wavevectors(j: int, d: int) -> None:
    corners = RNG.normal(size=(j + 1, d))
    k = wavevectors(corners if j == d else RNG.normal(size=(d + 1, d)))
    if j > 3:
        k = k[::4]
    values = RNG.normal(size=j + 1)
    area = complex(measure(corners)).real
    indicator, affine = sg.simplex_transform(corners, k), sg.simplex_transform(corners, k, values)
    for n, wave in enumerate(k):
        assert abs(indicator[n] - area * complex(simplex(corners, wave))) <= (2e-15 if j < 4 else 1e-14) * area
        wanted = area * sum(values[i] * simplex(corners, wave, [i]) for i in range(j + 1)) / 1
        assert abs(affine[n] - complex(wanted)) <= 1e-14 * area * np.abs(values).max()


@pytest.mark.parametrize("height", [1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("d", [2, 3])
def test_slivers(height: float, d: int) -> None:
    corners = RNG.normal(size=(d + 1, d))
    inside = np.array([0.3, 0.7, 0.0][: d - 1] + [0.0]) if d == 2 else np.array([0.2, 0.3, 0.5, 0.0])
    inside = inside[:d] / inside[:d].sum()
    normal = np.linalg.svd(corners[1:d] - corners[0])[2][-1]
    corners[d] = inside @ corners[:d] + height * normal
    area = measure(corners)
    values = RNG.normal(size=d + 1)
    for scale in (0.0, 1e-6, 1e-2, 1.0, 30.0, 1e3):
        k = RNG.normal(size=d) * scale
        wanted = complex(area * simplex(corners, k))
        assert abs(complex(sg.simplex_transform(corners, k)) - wanted) <= 3e-15 * float(area)
        wanted = complex(area * sum(values[i] * simplex(corners, k, [i]) for i in range(d + 1)))
        assert abs(complex(sg.simplex_transform(corners, k, values)) - wanted) <= 1e-14 * float(area)


@pytest.mark.parametrize("d", [1, 2, 3, 4])
@pytest.mark.parametrize("scale", [1e3, 1e6, 1e9])
def test_huge_wavevectors(d: int, scale: float) -> None:
    """Error against the sum of the absolute vertex terms; off the axes of a face by 1e-4 too."""
    corners = RNG.normal(size=(d + 1, d))
    normal = np.linalg.svd(corners[1:d] - corners[0])[2][-1] if d > 1 else np.ones(1)
    for direction in (RNG.normal(size=d), normal + 1e-4 * RNG.normal(size=d), normal + 1e-7 * RNG.normal(size=d)):
        k = direction * scale
        with mp.workdps(60):
            t = [exact_phase(k, v) for v in corners]
            gaps = [mp.fprod(abs(t[i] - t[j]) for j in range(d + 1) if j != i) for i in range(d + 1)]
            terms = [mp.expj(-t[i]) / mp.fprod(mp.mpc(0, -1) * (t[i] - t[j]) for j in range(d + 1) if j != i)
                     for i in range(d + 1)]  # fmt: skip
            factor = math.factorial(d) * measure(corners)
            wanted, size = complex(factor * mp.fsum(terms)), float(factor * mp.fsum(1 / g for g in gaps))
        area = float(measure(corners))
        assert abs(complex(sg.simplex_transform(corners, k)) - wanted) <= min(1e-14 * size, 2e-15 * area)


def test_standard_simplex_is_the_divided_difference() -> None:
    for d in range(1, 7):
        corners = np.vstack([np.zeros(d), np.eye(d)])
        k = RNG.normal(size=(5, d)) * 3.0
        np.testing.assert_allclose(
            sg.simplex_transform(corners, k),
            sg.fourier.divided_difference(np.c_[np.zeros(5), k]),
            rtol=0,
            atol=1e-15 / d,
        )


def test_affine_map_and_translation() -> None:
    corners, matrix, shift = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 3)), RNG.normal(size=3)
    k = RNG.normal(size=(20, 3)) * 4.0
    moved = sg.simplex_transform(corners @ matrix.T + shift, k)
    wanted = abs(np.linalg.det(matrix)) * np.exp(-1j * k @ shift) * sg.simplex_transform(corners, k @ matrix)
    np.testing.assert_allclose(moved, wanted, rtol=0, atol=1e-14 * abs(moved).max())


def test_cutting_a_simplex_changes_nothing() -> None:
    corners = RNG.normal(size=(4, 3))
    inside = RNG.dirichlet(np.ones(4)) @ corners
    pieces = np.array([[inside if i == j else corners[j] for j in range(4)] for i in range(4)])
    k = RNG.normal(size=(30, 3)) * 5.0
    whole = sg.simplex_transform(corners, k)
    np.testing.assert_allclose(sg.simplex_transform(pieces, k).sum(axis=0), whole, rtol=0, atol=1e-15)


def test_polynomial_densities_by_quadrature_in_one_dimension() -> None:
    x, w = np.polynomial.legendre.leggauss(60)
    a, b = -0.3, 1.1
    nodes, weights = (a + b) / 2 + x * (b - a) / 2, w * (b - a) / 2
    lam = (nodes - a) / (b - a)
    for degree in range(7):
        coefficients = RNG.normal(size=degree + 1)
        density = sum(c * math.comb(degree, n) * (1 - lam) ** (degree - n) * lam**n for n, c in enumerate(coefficients))
        for k in (0.0, 1e-7, 0.5, 11.0):
            wanted = (weights * density * np.exp(-1j * k * nodes)).sum()
            got = complex(sg.simplex_transform([[a], [b]], [k], coefficients, degree=degree))
            assert abs(got - wanted) <= 1e-13  # of the quadrature


def test_degree_elevation_and_order_of_coefficients() -> None:
    corners, values, k = RNG.normal(size=(3, 2)), RNG.normal(size=3), RNG.normal(size=(9, 2)) * 3
    quadratic = bernstein_indices(2, 2) @ values / 2
    cubic = bernstein_indices(2, 3) @ values / 3
    linear = sg.simplex_transform(corners, k, values)
    np.testing.assert_allclose(sg.simplex_transform(corners, k, quadratic, degree=2), linear, rtol=0, atol=2e-15)
    np.testing.assert_allclose(sg.simplex_transform(corners, k, cubic, degree=3), linear, rtol=0, atol=2e-15)
    assert bernstein_indices(3, 1).tolist() == np.eye(4).tolist()
    assert bernstein_indices(2, 0).tolist() == [[0, 0, 0]]


def test_bernstein_moments_at_zero() -> None:
    """At k = 0 every Bernstein polynomial integrates to measure / binomial(j + p, p)."""
    for j, d, degree in itertools.product((1, 2, 3), (3,), (1, 2, 4)):
        corners = RNG.normal(size=(j + 1, d))
        count = math.comb(j + degree, degree)
        got = sg.simplex_transform(corners, np.zeros(d), np.eye(count), degree=degree)
        np.testing.assert_allclose(got, np.full(count, float(measure(corners)) / count), rtol=1e-14)


def test_batches_single_and_empty() -> None:
    many = RNG.normal(size=(5, 2, 3, 2))
    k = RNG.normal(size=(4, 7, 2))
    result = sg.simplex_transform(many, k)
    assert result.shape == (5, 2, 4, 7)
    single = sg.simplex_transform(many[3, 1], k[2, 5])
    assert single.shape == () and abs(single - result[3, 1, 2, 5]) <= 1e-16
    values = RNG.normal(size=(5, 2, 3, 4))
    vector = sg.simplex_transform(many, k, values)
    assert vector.shape == (5, 2, 4, 7, 4)
    np.testing.assert_allclose(vector[..., 2], sg.simplex_transform(many, k, values[..., 2]), rtol=0, atol=1e-16)
    shared = sg.simplex_transform(many, k, values[0, 0, :, 0])
    np.testing.assert_allclose(
        shared[1, 1], sg.simplex_transform(many[1, 1], k, values[0, 0, :, 0]), rtol=0, atol=1e-16
    )
    assert sg.simplex_transform(many, np.zeros((0, 2))).shape == (5, 2, 0)
    assert sg.simplex_transform(np.zeros((0, 3, 2)), k).shape == (0, 4, 7)
    assert sg.simplex_transform(many, np.zeros((3, 0, 2)), values).shape == (5, 2, 3, 0, 4)


@pytest.mark.parametrize("j", [0, 1, 2, 3, 4])
def test_sums_over_large_meshes(j: int) -> None:
    """More simplices than a chunk, more wavevectors than a block, against one transform each."""
    d, n_s = max(j, 2), 450
    points = RNG.normal(size=(90, d))
    simplices = np.array([RNG.permutation(90)[: j + 1] for _ in range(n_s)])
    measures = simplex_measures(points[simplices])
    k = RNG.normal(size=(130, d)) * 3.0
    weights, values = RNG.normal(size=(n_s, 2)), RNG.normal(size=(n_s, j + 1, 2))
    constant = np.einsum("sk,sm->km", sg.simplex_transform(points[simplices], k), weights)
    affine = sg.simplex_transform(points[simplices], k, values).sum(axis=0)
    scale = (measures[:, None] * np.abs(weights)).sum()
    for w, v, wanted in ((weights, None, constant), (None, values, affine), (weights, values, constant + affine)):
        got = simplices_sum(points, simplices, measures, k, w, v)
        assert got.shape == (130, 2)
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-14 * scale)
    assert simplices_sum(points, simplices[:0], measures[:0], k).tolist() == [[0.0]] * 130


def test_measures_of_slivers_in_any_codimension() -> None:
    for j, d in ((1, 3), (2, 2), (2, 3), (3, 3), (3, 5), (4, 4), (5, 6)):
        for height in (1.0, 1e-6, 1e-9, 1e-12):
            corners = RNG.normal(size=(j + 1, d)) + 3.0
            corners[j] = RNG.dirichlet(np.ones(j)) @ corners[:j] + height * RNG.normal(size=d)
            wanted = measure(corners)
            assert abs(simplex_measures(corners[None])[0] - wanted) <= 1e-15 * wanted
            if j == d <= 3:
                assert abs(abs(signed_volumes(corners[None])[0]) - wanted) <= 1e-15 * wanted
    assert simplex_measures(np.zeros((1, 3, 2)))[0] == 0.0
    assert simplex_measures(np.array([[[1e-200, 0], [0, 1e-200], [0, 0]]]) * 1e120)[0] == pytest.approx(
        5e-161, rel=1e-15
    )


def test_refusals_name_the_argument() -> None:
    triangle = [[0, 0], [1, 0], [0, 1]]
    with pytest.raises(InvalidInputError, match=r"vertices.*j \+ 1"):
        sg.simplex_transform(np.zeros((4, 2)), [0, 0])
    with pytest.raises(InvalidInputError, match="k: shape"):
        sg.simplex_transform(triangle, [0.0, 0.0, 0.0])
    with pytest.raises(InvalidInputError, match="values: shape"):
        sg.simplex_transform(triangle, [0, 0], [1.0, 2.0])
    with pytest.raises(InvalidInputError, match="NaN"):
        sg.simplex_transform(triangle, [np.nan, 0])
    with pytest.raises(InvalidInputError, match="1e15"):
        sg.simplex_transform(triangle, [1e16, 0])
    with pytest.raises(InvalidInputError, match="degree"):
        sg.simplex_transform(triangle, [0, 0], degree=-1)
    with pytest.raises(UnsupportedError, match="63"):
        sg.simplex_transform(triangle, [0, 0], [1.0], degree=62)
    with pytest.raises(InvalidInputError, match="pass an integer, 0 or more"):
        bernstein_indices(-1, 2)
