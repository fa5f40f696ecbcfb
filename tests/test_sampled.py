"""Sampled FFT beside exact coefficients: the alias certificate holds, and is not idle."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import Delaunay
from spectral_cases import complex_from_mesh, octahedron_tent, random_mesh, tent_1d

import specgeo as sg
from specgeo.errors import DomainError, InvalidInputError
from specgeo.fourier.sampled import (
    _line_share,
    _ramp_error,
    _sample_axis,
    _slices,
    alias_bound,
    alias_factor,
    sampled_spectrum,
)
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


def exact_function(net, lower, upper):
    """Breakpoints and values of a network of one input on [lower, upper], in rational arithmetic.

    Grid points are added layer by layer where a pre-activation changes its sign, so that all is linear between them.
    """
    grid = [Fraction(lower), Fraction(upper)]
    layers = [
        ([[Fraction(v) for v in row] for row in w.tolist()], [Fraction(v) for v in b.tolist()])
        for w, b in zip(net.weights, net.biases, strict=True)
    ]

    def pre(x, depth):
        a = [x]
        for i, (weight, bias) in enumerate(layers[: depth + 1]):
            z = [sum((w * v for w, v in zip(row, a, strict=True)), b) for row, b in zip(weight, bias, strict=True)]
            a = [max(v, Fraction(0)) for v in z]
            if i == depth:
                return z
        raise AssertionError

    for depth in range(len(layers) - 1):
        rows = [pre(x, depth) for x in grid]
        fresh = set(grid)
        for x0, x1, z0, z1 in zip(grid, grid[1:], rows, rows[1:], strict=False):
            fresh |= {x0 + (x1 - x0) * u / (u - v) for u, v in zip(z0, z1, strict=True) if u * v < 0}
        grid = sorted(fresh)
    return grid, [pre(x, len(layers) - 1)[0] for x in grid], lambda x: pre(x, len(layers) - 1)[0]


def exact_mirror_coefficient(grid, values, n):
    """c_n of the mirror extension as a ball: by parts, kink by kink."""
    flint = pytest.importorskip("flint")
    flint.ctx.prec = 400

    def ball(q):
        return flint.arb(flint.fmpq(q.numerator, q.denominator))

    side = grid[-1] - grid[0]
    pieces = list(zip(grid, grid[1:], values, values[1:], strict=False))
    if n == 0:
        return ball(sum((x1 - x0) * (u + v) / 2 for x0, x1, u, v in pieces) / side)
    k = flint.arb.pi() * n / ball(side)
    total = flint.arb(0)
    for x0, x1, u, v in pieces:  # f sin / k vanishes at both ends of the box; what is left is f' cos / k^2
        slope = ball((v - u) / (x1 - x0))
        turns = [ball((x - grid[0]) / side * n) for x in (x0, x1)]
        total += slope * (turns[1].cos_pi() - turns[0].cos_pi())
    return total / (k * k * ball(side))


def test_rounding_inside_the_network_is_in_the_bound():
    """relu(1e-6 x + 1) - 1: samples are off by 1e-16 of 1, which is 1e-10 of f; the certificate must know."""
    net = sg.Network([[[1e-6]], [[1.0]]], [[1.0], [-1.0]])
    cx = sg.enumerate_regions(net, sg.Box([-1], [1]))
    grid, values, at = exact_function(net, -1.0, 1.0)
    for count in (16, 256, 4096):
        result = sampled_spectrum(cx, count, function=net)
        assert np.all(result.difference <= result.alias_bound + result.exact_error)
        points = -1.0 + 2.0 * np.arange(count // 2 + 1) * 2 / count
        gaps = [
            abs(Fraction(float(v)) - at(Fraction(float(x))))
            for v, x in zip(net(points[:, None])[:, 0], points, strict=True)
        ]
        rounding = result.alias_bound[:, 0] - alias_bound(cx, result.modes, count)[:, 0]
        assert max(gaps) < Fraction(float(rounding.min())) < 8 * max(gaps)  # neither forgotten nor absurd
        for n in (0, 1, 2, 7, count // 2):
            gap = abs(float(exact_mirror_coefficient(grid, values, n)) - result.sampled[n, 0])
            assert gap <= result.alias_bound[n, 0]


def test_a_wrong_coefficient_is_noticed():
    """The negative control: a slope that is off by one part in a thousand, then by one in a million."""
    net = sg.Network([[[1e-6]], [[1.0]]], [[1.0], [-1.0]])
    right = sg.enumerate_regions(net, sg.Box([-1], [1]))
    for factor, count in ((1 + 1e-3, 4096), (1 + 1e-6, 1 << 17)):
        wrong = sg.enumerate_regions(sg.Network([[[1e-6]], [[factor]]], [[1.0], [-factor]]), sg.Box([-1], [1]))
        result = sampled_spectrum(wrong, count, function=net)
        assert np.any(result.difference > result.alias_bound + result.exact_error)
        assert np.all(sampled_spectrum(right, count, function=net).difference <= result.alias_bound)


@pytest.mark.parametrize("seed", range(12))
def test_certificate_of_cancelling_networks_against_balls(seed):
    """Deep networks whose big weights cancel, anywhere on the line: |FFT - true coefficient| within the bound."""
    rng = np.random.default_rng(seed)
    depth, n = 1 + seed % 3, 4
    lower = float(rng.normal() * 10 ** rng.uniform(-1, 3))
    upper = lower + float(10 ** rng.uniform(-1, 1))
    weights, biases = [], []
    for layer in range(depth + 1):
        w = rng.normal(size=(2 * n if layer < depth else 1, 2 * n if layer else 1)) * 10 ** rng.uniform(0, 3)
        b = rng.normal(size=len(w))
        if layer:
            w[:, n:] = -w[:, :n] * (1 + 1e-12 * rng.normal(size=(len(w), n)))
        if layer < depth:
            w[n:], b[n:] = w[:n], b[:n]
        if layer == 0:  # kinks inside the interval
            b = -w[:, 0] * np.tile(rng.uniform(lower, upper, n), 2)
        weights.append(w)
        biases.append(b)
    net = sg.Network(weights, biases)
    cx = sg.enumerate_regions(net, sg.Box([lower], [upper]))
    grid, values, _ = exact_function(net, lower, upper)
    for count in (8, 200):
        result = sampled_spectrum(cx, count, function=net)
        for m in (0, 1, 3, count // 2):
            gap = abs(float(exact_mirror_coefficient(grid, values, m) - float(result.sampled[m, 0])))
            assert gap <= result.alias_bound[m, 0], (gap, result.alias_bound[m, 0])


def test_positions_of_samples_are_rounded_too():
    """f = x far from the origin: the samples' places are off by a part in 1e16 of 1e8, and so are the values."""
    net = sg.Network([[[1.0]]], [[-1e8]])
    cx = sg.enumerate_regions(net, sg.Box([1e8], [1e8 + 0.7]))
    grid, values, _ = exact_function(net, 1e8, 1e8 + 0.7)
    result = sampled_spectrum(cx, 200, function=net)
    gaps = [abs(float(exact_mirror_coefficient(grid, values, n) - float(result.sampled[n, 0]))) for n in range(101)]
    assert np.all(gaps <= result.alias_bound[:, 0])
    plain = sampled_spectrum(cx, 200, function=lambda x: net(x))
    assert np.all(gaps <= plain.alias_bound[:, 0])


def test_the_last_sample_lies_in_the_box():
    """lower + (upper - lower) may round beyond upper, where the complex has no value."""
    rng = np.random.default_rng(0)
    beyond = 0
    for _ in range(200):
        lower, upper = -float(rng.random()), 0.1 * float(rng.random())
        beyond += lower + (upper - lower) > upper
        assert _sample_axis(sg.Box([lower], [upper]), 0, 8, "mirror")[-1] <= upper
    assert beyond > 0


def test_overflow_has_no_certificate():
    net = sg.Network([[[1.0]], [[1e200]], [[1e-200]]], [[0.0], [1e308], [0.0]])
    cx = sg.enumerate_regions(sg.Network([[[1.0]]], [[0.0]]), sg.Box([0], [1]))
    with pytest.raises(InvalidInputError, match="function: returned NaN or infinite"):
        sampled_spectrum(cx, 8, function=net.precompose([[1e200]]))
    assert np.all(np.isfinite(sampled_spectrum(cx, 8, function=net).alias_bound))


def test_alias_factors_keep_their_digits():
    """E_N(n) and the ramp's error at N up to 2^26, where the closed forms cancel, against 50 digits."""
    with mpmath.workdps(50):
        for count in (7, 64, 4096, 1 << 26):
            for n in {0, 1, 2, 3, count // 40, count // 7, count // 6, count // 2}:
                t = mpmath.pi * n / count
                factor = mpmath.pi**2 / 3 / count**2
                if n:
                    factor = (mpmath.pi / count / mpmath.sin(t)) ** 2 - mpmath.mpf(n) ** -2
                ramp = abs(mpmath.mpc(1, 0 if n == 0 else mpmath.cot(t) - 1 / t)) / (2 * count)
                assert abs(alias_factor(n, count) / factor - 1) < 4e-15
                assert abs(_ramp_error(n, count) / ramp - 1) < 4e-15
