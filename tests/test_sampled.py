"""Sampled FFT beside exact coefficients: the alias certificate holds, and is not idle."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import Delaunay
from spectral_cases import complex_from_mesh, octahedron_tent, random_mesh, tent_1d

import specgeo as sg
from specgeo.errors import DomainError, InvalidInputError
from specgeo.fourier.sampled import _line_share, _slices, alias_bound, alias_factor, sampled_spectrum
from specgeo.fourier.series import fourier_coefficients


def function_of(cx):
    """Values at points, by scipy's interpolation on the mesh."""
    simplices, owner = cx.triangulation(cx.dim)
    values = np.zeros((len(cx.vertices), cx.gradients.shape[1]))
    corners = cx.vertices[simplices]
    values[simplices] = np.einsum("smd,sid->sim", cx.gradients[owner], corners) + cx.offsets[owner][:, None]
    if cx.dim == 1:
        order = np.argsort(cx.vertices[:, 0])
        return lambda x: np.stack([np.interp(x[..., 0], cx.vertices[order, 0], v) for v in values[order].T], axis=-1)
    interpolate = LinearNDInterpolator(Delaunay(cx.vertices), values)
    return lambda x: interpolate(np.clip(x, cx.domain.lower + 1e-15, cx.domain.upper - 1e-15))


def test_alias_factor_is_the_alias_sum():
    p = np.concatenate([np.arange(-200000, 0), np.arange(1, 200001)])
    for count in (7, 64):
        n = np.arange(count // 2 + 1)
        sums = (1.0 / (n[:, None] + p * count) ** 2).sum(axis=1)
        assert np.allclose(alias_factor(n, count), sums, rtol=0, atol=2 / (200000 * count**2))
    # n = 50, N = 200: 23 % of the envelope n^-2
    assert alias_factor(50, 200) * 50**2 == pytest.approx(0.2337, abs=1e-4)
    # worst at n = N / 2: (pi^2 - 4) / N^2
    assert alias_factor(32, 64) == pytest.approx((np.pi**2 - 4) / 64**2, rel=1e-13)


def test_samples_alias_to_the_sum_of_coefficients():
    """F_n = sum_p c_{n + p N} (A.9.6), the sum cut at |p| <= 400 with its certified remainder."""
    cx = random_mesh(1, 5, seed=5)
    count = 16
    result = sampled_spectrum(cx, count, function=function_of(cx))
    n = np.arange(count // 2 + 1)
    p = np.arange(-400, 401)
    folded = fourier_coefficients(cx, (n[:, None] + p * count)[..., None])[..., 0].sum(axis=1)
    remainder = result.alias_bound[:, 0] / alias_factor(n, count) * 2 / (400 * count**2)
    assert np.all(np.abs(result.sampled[:, 0] - folded) <= remainder)


@pytest.mark.parametrize(("d", "count"), [(1, 8), (1, 200), (2, 16), (2, 64), (3, 12)])
def test_certificate_on_the_mirror_torus(d, count):
    cx = random_mesh(d, 6, seed=d, m=2, lower=-1.0, upper=2.0)
    result = sampled_spectrum(cx, count, function=function_of(cx))
    ratio = result.difference / result.alias_bound
    slack = (result.exact_error + 1e-15) / result.alias_bound
    assert np.all(ratio <= 1 + slack)
    assert ratio.max() > 0.02  # a certificate that is never nearly met would be idle
    assert np.all(np.isfinite(result.alias_bound))
    assert result.sampled.dtype == result.exact.dtype == np.float64


def test_default_function_is_the_complex():
    cx = random_mesh(2, 5, seed=2)
    given, default = sampled_spectrum(cx, 16, function=function_of(cx)), sampled_spectrum(cx, 16)
    assert np.allclose(given.sampled, default.sampled, rtol=0, atol=1e-13)


@pytest.mark.parametrize("count", [9, 64])
def test_naive_fft_with_a_jump_at_the_seam(count):
    """Periodic: the ramp's DFT is known, the rest is certified (A.9.6)."""
    cx = random_mesh(1, 5, seed=3, m=2, lower=-1.0, upper=3.0)
    result = sampled_spectrum(cx, count, "periodic", function_of(cx))
    assert result.sampled.dtype == np.complex128
    assert np.array_equal(result.modes[:, 0], np.arange(count) - count // 2)
    assert np.all(result.difference <= result.alias_bound + result.exact_error)
    assert (result.difference / result.alias_bound).max() > 0.3


def test_ramp_alone_meets_its_bound():
    cx = complex_from_mesh([[0.0], [1.0]], [[0, 1]], [0.0, 1.0], random_mesh(1, 1, 0).domain)
    result = sampled_spectrum(cx, 10, "periodic", lambda x: x)
    assert np.allclose(result.difference, result.alias_bound, rtol=1e-10)


def test_periodic_in_two_dimensions_has_no_certificate():
    cx = random_mesh(2, 4, seed=1)
    result = sampled_spectrum(cx, (8, 10), "periodic", function_of(cx))
    assert result.modes.shape == (8, 10, 2)
    assert np.all(np.isinf(result.alias_bound))
    assert np.abs(result.difference).max() < 0.2


def test_mean_variation_in_two_dimensions_by_lines():
    """One axis of the certificate against the total variation along many lines."""
    cx = random_mesh(2, 15, seed=9)
    count = 32
    f = function_of(cx)
    fine = np.linspace(0, 1, 4001)
    rows = np.arange(count // 2 + 1) * 2 / count
    weights = np.r_[1, np.full(count // 2 - 1, 2), 1] / count
    values = f(np.stack(np.meshgrid(fine, rows, indexing="ij"), axis=-1))[..., 0]
    slopes = np.diff(values, axis=0) / np.diff(fine)[:, None]
    variation = np.abs(np.diff(slopes, axis=0)).sum(axis=0) + np.abs(slopes[0]) + np.abs(slopes[-1])
    # modes with n_2 = 0 and n_1 = N / 2: the second axis contributes E_N(0) only; isolate the first
    first = alias_bound(cx, np.array([16, 0]), count)[0] - alias_bound(cx, np.array([0, 0]), count)[0]
    expected = (alias_factor(16, count) - alias_factor(0, count)) * 2 * 2 * (weights @ variation) / (4 * np.pi**2)
    assert first == pytest.approx(expected, rel=0.08)  # rows through vertices count both sides
    assert first >= expected * (1 - 1e-9)


def test_shadows_of_a_triangle():
    triangle = np.array([[[0.0, 0.0, 0.0], [1.0, 0.0, 0.5], [0.0, 1.0, 1.0]]])
    grids = [np.linspace(0, 1, 3)] * 3
    sides = np.ones(3)
    assert _line_share(triangle, 2, grids, sides, "mirror")[0] == pytest.approx(0.5)
    owner, row, ends = _slices(triangle, grids[2])
    assert np.array_equal(row, [0, 1, 2])
    assert np.allclose(ends[1], [[0.0, 0.5], [1.0, 0.0]])
    # lines along x_2: at z = 1/2 the slice is one long in x_1, at the ends a point
    assert _line_share(triangle, 1, grids, sides, "mirror")[0] == pytest.approx(0.5)
    # lines along x_1: y = 0, 1/2 meet the slice z = 1/2, (0, 0) and (1, 1) are touched
    assert _line_share(triangle, 0, grids, sides, "mirror")[0] == pytest.approx(0.5 * 0.75 + 2 * 0.25 * 0.25)


def test_bad_input():
    cx = tent_1d()
    for count, message in ((1, "whole number >= 2"), (2.5, "whole number"), ([4, 4], "whole number"), (5, "odd")):
        with pytest.raises(InvalidInputError, match=f"n_samples: .*{message}"):
            sampled_spectrum(cx, count, function=function_of(cx))
    with pytest.raises(InvalidInputError, match="function: returned shape"):
        sampled_spectrum(cx, 4, function=lambda x: x[..., 0])
    with pytest.raises(InvalidInputError, match="extension: 'odd'"):
        sampled_spectrum(cx, 4, "odd")
    with pytest.raises(DomainError, match="not a Box"):
        sampled_spectrum(octahedron_tent(), 4)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_constants_are_not_aliased(d):
    """Variation zero: what is left is the rounding of samples and FFT, in some mode or other."""
    rng = np.random.default_rng(d)
    for _ in range(20):
        value = rng.normal()
        net = sg.Network([rng.normal(size=(2, d)), np.zeros((1, 2))], [rng.normal(size=2), [value]])
        cx = sg.enumerate_regions(net, sg.Box([-1] * d, [0.7] * d))
        counts = 2 * rng.integers(1, 12, size=d)
        result = sampled_spectrum(cx, counts, function=net)
        assert np.all(result.difference <= result.alias_bound + result.exact_error)
        assert np.all(result.alias_bound <= 1e-13)
