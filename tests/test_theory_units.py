"""Units: every figure of the theory scales as it must when x, f or the place of the box is changed.

For g(x) = c f(A (x - t)) with A = diag(1/a, ..) on the box a Omega + t the exact laws are known; whatever assumes a
unit interval, a period of 1 or 2 pi, a direction of length 1 or a non-zero function breaks one of them.
"""

from __future__ import annotations

import numpy as np
import pytest
from theory_cases import random_network

import specgeo as sg
from specgeo.theory import (
    counting,
    curves,
    decay,
    directions,
    hanin_rolnick,
    lipschitz,
    manifolds,
    peaks,
    sampling,
    support,
    variation,
)

CHANGES = [(4.0, 1.0, 0.0), (0.125, 1.0, 0.0), (1.0, -8.0, 0.0), (1.0, 1.0, 64.0), (0.5, 16.0, -8.0)]
"""(a, c, t): powers of two and places that the weights hold exactly."""


def changed(net: sg.Network, a: float, c: float, t: float) -> sg.Network:
    """c f((x - t) / a)."""
    first = net.weights[0] / a
    shift = net.biases[0] - first.sum(axis=1) * t
    weights = [first, *net.weights[1:-1], net.weights[-1] * c]
    return sg.Network(weights, [shift, *net.biases[1:-1], net.biases[-1] * c], list(net.activations))


def pair(d: int, change: tuple[float, float, float], widths: tuple[int, ...] = (5, 4), clamp: bool = False):
    a, c, t = change
    net, box = random_network(d, widths, "integer", 3), sg.Box([-1.0] * d, [1.5] * d)
    if clamp:
        net = support.clamp_to_support(net, box, 2.0)
    other = sg.Box(a * box.lower + t, a * box.upper + t)
    return (
        (net, sg.enumerate_regions(net, box)),
        (changed(net, a, c, t), sg.enumerate_regions(changed(net, a, c, t), other)),
    )


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("d", [1, 2])
def test_sums_over_facets(d: int, change: tuple[float, float, float]) -> None:
    (_, f), (_, g) = pair(d, change)
    a, c, _ = change
    u = np.random.default_rng(0).normal(size=(5, d))
    k = u * 20.0
    close = {"rel": 1e-9, "abs": 1e-9}
    jump = abs(c) / a * a ** (d - 1)
    for boundary in ("interior", "zero", "mirror"):
        expected = jump * variation.total_variation(f, 0, boundary)
        assert variation.total_variation(g, 0, boundary) == pytest.approx(expected)
        assert variation.directional_variation(g, u, 0, boundary) == pytest.approx(
            jump * variation.directional_variation(f, u, 0, boundary), **close
        )
    assert variation.perimeter(g) == pytest.approx(a ** (d - 1) * variation.perimeter(f))
    assert variation.shadow(g, u) == pytest.approx(a ** (d - 1) * variation.shadow(f, 3 * u))
    assert variation.crossings(g, u) == pytest.approx(a ** (d - 1) * variation.crossings(f, 0.1 * u), **close)
    assert variation.integral_of_modulus(g) == pytest.approx(abs(c) * a**d * variation.integral_of_modulus(f))
    size = abs(c) * a**d
    assert decay.gradient_bound(g, k / a) == pytest.approx(size * decay.gradient_bound(f, k), rel=1e-9)
    assert decay.cut_bound(g, k / a) == pytest.approx(size * decay.cut_bound(f, k), rel=1e-9)
    assert lipschitz.lipschitz_constant(g) == pytest.approx(abs(c) / a * lipschitz.lipschitz_constant(f))
    heavy_f, heavy_g = directions.normal_directions(f), directions.normal_directions(g)
    assert heavy_g.variation == pytest.approx(jump * heavy_f.variation, **close)
    assert counting.region_table(sg.Network([[[1.0] * d]], [[0.0]]), g).activation_regions == f.n_cells


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("d", [1, 2])
def test_laws_of_decay(d: int, change: tuple[float, float, float]) -> None:
    (_, f), (_, g) = pair(d, change, (3,), clamp=True)
    a, c, _ = change
    assert variation.is_compact(f) and variation.is_compact(g)
    jump = abs(c) / a
    porod = jump**2 * a ** (d - 1)
    assert directions.porod_constant(g) == pytest.approx(porod * directions.porod_constant(f))
    assert directions.free_identities(g).measured < 1e-12
    k = decay.sample_wavevectors(f, 60)
    assert decay.sample_wavevectors(g, 60) == pytest.approx(k / a, rel=1e-9)
    report_f, report_g = decay.decay_report(f, k), decay.decay_report(g, k / a)
    assert report_g.paper_constant == pytest.approx(a ** (d - 1) * report_f.paper_constant, rel=1e-6)
    for mine, theirs in zip(report_f.checks, report_g.checks, strict=True):
        assert mine.holds and theirs.holds
        assert theirs.details["largest_ratio"] == pytest.approx(mine.details["largest_ratio"], rel=1e-6)
    u = np.ones(d) * 3
    along_f, along_g = directions.direction_report(f, u), directions.direction_report(g, u)
    assert along_f.exponent == along_g.exponent
    scale = abs(c) * a**d / a**along_f.exponent
    assert along_g.predicted_rms[0] == pytest.approx(scale * along_f.predicted_rms[0], rel=1e-6)
    assert along_g.window == pytest.approx(tuple(t / a for t in along_f.window))
    share = peaks.variation_check(f, k).measured
    assert peaks.variation_check(g, k / a).measured == pytest.approx(share, rel=1e-6)


@pytest.mark.parametrize("change", CHANGES)
def test_one_input(change: tuple[float, float, float]) -> None:
    (net, f), (other, g) = pair(1, change)
    a, c, _ = change
    circle_f, circle_g = peaks.circle_variation(f), peaks.circle_variation(g)
    assert circle_g.slope == pytest.approx(abs(c) * circle_f.slope)
    assert circle_g.jump == pytest.approx(abs(c) * circle_f.jump, abs=1e-11 * abs(c))
    assert peaks.largest_mode(circle_g, abs(c)) == pytest.approx(peaks.largest_mode(circle_f, 1.0))
    target = np.array([0.3, -0.2j, 5.0])
    assert peaks.series_error(c * target, circle_g) == pytest.approx(c**2 * peaks.series_error(target, circle_f))
    height = 2.0
    report_f = peaks.peak_report(net, f, 30, height=height)
    if c > 0:
        report_g = peaks.peak_report(other, g, 30, height=height * c)
        assert report_g.steepness == pytest.approx(report_f.steepness)
        assert report_g.squared_error == pytest.approx(report_f.squared_error)
        for mine, theirs in zip(report_f.checks, report_g.checks, strict=True):
            assert theirs.bound == pytest.approx(mine.bound, abs=1e-12)
    for extension in ("mirror", "periodic"):
        constant = sampling.alias_constant(f, 0, extension)
        assert sampling.alias_constant(g, 0, extension) == pytest.approx(abs(c) * constant)
        reports = [sampling.alias_report(cx, 32, 0, extension, function) for cx, function in ((f, net), (g, other))]
        assert reports[1].bound == pytest.approx(abs(c) * reports[0].bound, rel=1e-6, abs=1e-10 * abs(c))
        assert reports[1].exact == pytest.approx(abs(c) * reports[0].exact, abs=1e-10 * abs(c))
        assert all(check.holds for report in reports for check in report.checks)
    wanted = sampling.samples_needed(f, [3], 1e-3)
    assert sampling.samples_needed(g, [3], 1e-3 * abs(c)) == wanted


@pytest.mark.parametrize("change", CHANGES)
def test_curves(change: tuple[float, float, float]) -> None:
    """A curve carried along with the plane: latent coefficients, certificates and kernels."""
    a, c, t = change
    net = random_network(2, (5, 4), "he", 1)
    curve, moved = manifolds.PetalCurve(3, scale=0.5), manifolds.PetalCurve(3, scale=0.5 * a, centre=(t, t))
    here = manifolds.restrict_to_curve(net, curve, 300)
    there = manifolds.restrict_to_curve(changed(net, a, c, t), moved, 300)
    n = [0, 1, 5, 40]
    gap = np.abs(there.fourier_coefficients(n) - c * here.fourier_coefficients(n)).max()
    assert gap <= there.total_error + abs(c) * here.total_error
    assert there.curve_error == pytest.approx(abs(c) * here.curve_error, rel=1e-6)
    k = np.array([3.0, -5.0])
    phase = np.exp(1j * (k / a).sum() * t)
    value = manifolds.curve_kernel(curve, 4, k)
    assert abs(manifolds.curve_kernel(moved, 4, k / a) - phase * value) < 1e-12
    size = float(np.hypot(*k))
    assert manifolds.kernel_bound(moved, 9, size / a) == pytest.approx(manifolds.kernel_bound(curve, 9, size))
    points = np.array([[0.1, 0.2], [1.0, -0.3], [0.4, 0.9]])
    line = curves.restrict_to_polyline(net, points)
    other = curves.restrict_to_polyline(changed(net, a, c, t), a * points + t)
    assert np.abs(other.mean - c * line.mean).max() <= other.error.max() + abs(c) * line.error.max() + 1e-12 * abs(c)
    assert other.variance == pytest.approx(c**2 * line.variance, rel=1e-9)


@pytest.mark.parametrize("a", [0.25, 3.0])
def test_expected_boundaries(a: float) -> None:
    """x -> x / a in the weights: kinks of an interval a times as long are as many, lengths in the plane grow by a."""
    assert hanin_rolnick.expected_kinks_shallow(7, 1.0 / a, 0.5, -a, 2 * a) == pytest.approx(
        hanin_rolnick.expected_kinks_shallow(7, 1.0, 0.5, -1, 2)
    )
    for d in (1, 2):
        box, other = sg.Box([-1.0] * d, [2.0] * d), sg.Box([-a] * d, [2 * a] * d)
        f = hanin_rolnick.expected_boundary(box, [6, 5], [1.0, 0.6], 0.3, samples=200)
        g = hanin_rolnick.expected_boundary(other, [6, 5], [1.0 / a, 0.6], 0.3, samples=200)
        assert g.mean == pytest.approx(a ** (d - 1) * f.mean)


@pytest.mark.parametrize("value", [0.0, 2.5])
@pytest.mark.parametrize("d", [1, 2])
def test_constants(d: int, value: float) -> None:
    """f = 0 and f constant: zeros, nothing that is not a number, no warning."""
    net = sg.Network([np.ones((1, d)), [[0.0]]], [[d + 2.0], [value]])
    cx = sg.enumerate_regions(net, sg.Box([-1.0] * d, [1.0] * d))
    assert variation.total_variation(cx) == variation.total_variation(cx, boundary="mirror") == 0
    assert variation.is_compact(cx) == (value == 0)
    assert lipschitz.lipschitz_constant(cx) == 0
    report = decay.decay_report(cx, decay.sample_wavevectors(cx, 30))
    assert all(check.holds for check in report.checks) and np.isfinite(report.paper_constant)
    assert directions.porod_constant(cx) == 0
    along = directions.direction_report(cx, np.ones(d))
    assert (along.exponent is None) == (value == 0)
    assert sampling.alias_report(cx, 8, function=net).checks[0].holds
    if d == 1:
        circle = peaks.circle_variation(cx)
        assert circle.slope == 0 and circle.jump < 1e-14 * (1 + value)
        assert peaks.largest_mode(circle) < 1e-14
