"""Curves and manifolds (theory A.8): restriction, Fourier coefficients, certificates, the kernel."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import specgeo as sg
from specgeo.paths import trace_segment
from specgeo.theory import (
    PetalCurve,
    circle_kernel,
    curve_kernel,
    energy_comparison,
    kernel_bound,
    low_pass_check,
    restrict_to_curve,
    restrict_to_polyline,
)
from specgeo.theory.manifolds import resolving_nodes


def random_net(widths: list[int], seed: int, kind: str = "he") -> sg.Network:
    activation = {"leaky": "leaky_relu", "clip": "hard_tanh", "abs": "abs"}.get(kind, "relu")
    weights = {"integer": "integer", "zero bias": "zero-bias"}.get(kind, "he")
    return sg.testing.random_network(widths, seed, weights, activation=activation, bias=0.3)


def exact_output(net: sg.Network, x: list[Fraction]) -> list[Fraction]:
    """The network in rational arithmetic."""
    a = x
    for layer, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        rows = [[Fraction(float(w)) for w in row] for row in weight]
        a = [
            sum((w * v for w, v in zip(row, a, strict=True)), Fraction(float(b)))
            for row, b in zip(rows, bias, strict=True)
        ]
        if layer < len(net.activations):
            a = [exact_activation(net.activations[layer], v) for v in a]
    return a


def exact_activation(activation: sg.Activation, z: Fraction) -> Fraction:
    value = Fraction(float(activation.intercept)) + Fraction(float(activation.slopes[0])) * z
    for jump, at in zip(np.diff(activation.slopes), activation.breakpoints, strict=True):
        exact = Fraction(float(jump))
        value += exact * max(z - Fraction(float(at)), Fraction(0))
    return value


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(["he", "integer", "zero bias", "clip", "abs"]),
    st.sampled_from([[1, 5, 1], [2, 6, 5, 2], [5, 4, 4, 3, 2], [3, 2]]),
)
def test_proved_error_holds_against_rational_arithmetic(seed: int, kind: str, widths: list[int]) -> None:
    net = random_net(widths, seed, kind)
    rng = np.random.default_rng(seed + 1)
    p, q = rng.normal(size=(2, widths[0]))
    if seed % 5 == 0:  # through the origin, where bias-free networks are degenerate
        q = -p
    trace = trace_segment(net, p, q)
    assert trace.parameters[0] == 0.0 and trace.parameters[-1] == 1.0
    assert np.all(np.diff(trace.parameters) > 0)
    grid = trace.parameters
    for t in [*rng.random(6), *rng.choice(grid, 3), *((grid[1:] + grid[:-1]) / 2)[:3]]:
        share = Fraction(float(t))
        x = [Fraction(float(a)) + share * (Fraction(float(b)) - Fraction(float(a))) for a, b in zip(p, q, strict=True)]
        i = min(int(np.searchsorted(grid, t, side="right")) - 1, len(grid) - 2)
        left, right = Fraction(float(grid[i])), Fraction(float(grid[i + 1]))
        for j, value in enumerate(exact_output(net, x)):
            first, last = Fraction(float(trace.values[i, j])), Fraction(float(trace.values[i + 1, j]))
            interpolant = first + (last - first) * (share - left) / (right - left)
            assert abs(value - interpolant) <= Fraction(float(trace.error[j]))
    scale = 1 + np.abs(trace.values).max()
    assert trace.error.max() < 1e-9 * scale


def test_a_point_and_a_dead_network() -> None:
    net = sg.Network([[[1.0, 1.0]], [[2.0]]], [[-5.0], [3.0]])
    trace = trace_segment(net, [0.0, 0.0], [0.0, 0.0])
    assert trace.values.tolist() == [[3.0], [3.0]] and trace.error[0] < 1e-14
    constant = restrict_to_polyline(net, [[0.0, 0.0], [1.0, 1.0]])
    assert np.abs(constant.fourier_coefficients([1, 2, 50])).max() < 1e-15
    assert constant.mean_square[0] == pytest.approx(9.0)


@pytest.mark.parametrize("kind", ["he", "zero bias", "integer", "clip", "leaky"])
def test_coefficients_against_mpmath_quadrature(kind: str) -> None:
    net = random_net([2, 5, 4, 1], 11, kind)
    square = restrict_to_polyline(net, [[1.0, 0.3], [-0.7, 1.0], [-1.0, -0.8], [0.9, -1.1]], closed=True)
    grid, value = square.parameters, square.values[:, 0]
    with mpmath.workdps(30):
        for n in (0, 1, 7, 40):
            total = mpmath.mpc(0)
            for a, b, u, v in zip(grid, grid[1:], value, value[1:], strict=False):
                a, b, u, v = map(mpmath.mpf, map(float, (a, b, u, v)))
                total += mpmath.quad(
                    lambda z, a=a, b=b, u=u, v=v, n=n: (u + (v - u) * (z - a) / (b - a)) * mpmath.expjpi(-2 * n * z),
                    [a, b],
                )
            assert abs(complex(total) - square.fourier_coefficients(n)[0]) < 2e-15 * (1 + np.abs(value).max())


def test_parseval_and_mean() -> None:
    curve = restrict_to_polyline(random_net([3, 8, 8, 1], 2), np.random.default_rng(0).normal(size=(5, 3)), closed=True)
    n = np.arange(1, 4001)
    energy = 2 * np.sum(np.abs(curve.fourier_coefficients(n)) ** 2) + curve.mean[0] ** 2
    assert curve.fourier_coefficients(0)[0].real == pytest.approx(curve.mean[0], abs=1e-15)
    assert energy == pytest.approx(curve.mean_square[0], rel=1e-9)
    assert energy < curve.mean_square[0] * (1 + 1e-13)


def test_parameters_and_evaluation() -> None:
    net = random_net([2, 6, 2], 4)
    line = restrict_to_polyline(net, [[0, 0], [1, 0], [1, 3]], [0.0, 0.25, 1.0])
    assert np.abs(line(0.25) - net([1.0, 0.0])).max() < 1e-14
    assert np.abs(line([0.125, 0.5]) - net([[0.5, 0.0], [1.0, 1.0]])).max() < 1e-14


@pytest.mark.parametrize(
    ("petals", "rho", "mean", "needed"),
    [
        (0, 1.0, 1.0, 200),
        (4, 2.251, 1.694, 88.9),
        (10, 5.100, 3.422, 39.2),
        (16, 8.063, 5.266, 24.8),
        (20, 10.05, 6.513, 19.9),
    ],
)
def test_table_of_petal_curves(petals: int, rho: float, mean: float, needed: float) -> None:
    curve = PetalCurve(petals)
    digits = 2 if petals == 20 else 3
    assert round(curve.rho, digits) == rho and round(curve.mean_speed, 3) == mean
    assert round(float(curve.input_frequency(200)), 1) == needed


@pytest.mark.parametrize("petals", [0, 1, 2, 5, 20])
@pytest.mark.parametrize("amplitude", [0.0, 0.1, 0.5, 0.9])
def test_bounds_of_derivatives_are_attained(petals: int, amplitude: float) -> None:
    curve = PetalCurve(petals, amplitude, scale=0.7, centre=(0.2, -0.1))
    z = np.arange(40001) / 40000
    gamma = curve(z)
    speed = np.linalg.norm(np.gradient(gamma, z, axis=0)[1:-1], axis=1)
    assert np.abs(speed - curve.speed(z[1:-1])).max() < 1e-3 * curve.speed_bound
    assert curve.speed(z).max() <= curve.speed_bound * (1 + 1e-14)
    assert curve.speed(z).max() == pytest.approx(curve.speed_bound, rel=1e-4)
    second = np.linalg.norm(np.diff(gamma, 2, axis=0), axis=1) * 40000**2
    assert second.max() == pytest.approx(curve.second_derivative_bound, rel=2e-4)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 6), st.integers(20, 300))
def test_certificate_of_the_inscribed_polyline(seed: int, petals: int, segments: int) -> None:
    net, curve = random_net([2, 8, 6, 1], seed), PetalCurve(petals)
    fine = restrict_to_curve(net, curve, segments)
    z = np.random.default_rng(seed).random(300)
    gap = np.abs(net(curve(z))[:, 0] - fine.function(z)[:, 0]).max()
    assert gap <= fine.total_error
    assert fine.curve_error == pytest.approx(fine.lipschitz * curve.second_derivative_bound / segments**2 / 8)


def test_coefficient_on_the_circle_of_one_neuron() -> None:
    # f = max(x, 0) on the unit circle is max(cos 2 pi z, 0): c_0 = 1/pi, c_1 = 1/4, c_2 = 1/(3 pi), c_3 = 0.
    net = sg.Network([[[1.0, 0.0]], [[1.0]]], [[0.0], [0.0]])
    fine = restrict_to_curve(net, PetalCurve(0), 4000)
    exact = np.array([1 / np.pi, 0.25, 1 / (3 * np.pi), 0.0])
    assert np.abs(fine.fourier_coefficients([0, 1, 2, 3])[:, 0] - exact).max() <= fine.total_error < 1e-6


def test_kernel_on_the_circle_is_bessel() -> None:
    rng = np.random.default_rng(5)
    for n in (-7, -1, 0, 2, 13):
        k = rng.normal(size=2) * 9
        closed = complex(circle_kernel(n, k))
        assert abs(curve_kernel(PetalCurve(0), n, k) - closed) < 1e-15 * 20
        assert abs(abs(closed) - abs(float(mpmath.besselj(n, np.hypot(*k))))) < 1e-15


def test_kernel_bound_holds_and_is_trivial_below_the_cutoff() -> None:
    rng = np.random.default_rng(6)
    for petals in (0, 3, 8):
        curve = PetalCurve(petals)
        for n in (5, 30, 90):
            u = rng.normal(size=2)
            for size in (0.3, 0.7, 0.9, 0.99, 1.5):
                k = u / np.hypot(*u) * size * n / curve.rho
                bound = float(kernel_bound(curve, n, size * n / curve.rho))
                assert abs(curve_kernel(curve, n, k)) <= bound + 1e-14
                assert bound == 1.0 if size > 1 else bound <= 1.0


def test_bad_arguments_are_named() -> None:
    net = random_net([2, 3, 1], 0)
    with pytest.raises(sg.InvalidInputError, match="vertices"):
        restrict_to_polyline(net, [[0.0, 0.0]])
    with pytest.raises(sg.InvalidInputError, match="parameters"):
        restrict_to_polyline(net, [[0, 0], [1, 1]], [0.0, 0.5])
    with pytest.raises(sg.InvalidInputError, match="n_segments"):
        restrict_to_curve(net, PetalCurve(1), 2)
    with pytest.raises(sg.InvalidInputError, match="petals"):
        PetalCurve(-1)
    with pytest.raises(sg.InvalidInputError, match="start"):
        trace_segment(net, [0.0], [1.0, 2.0])
    with pytest.raises(sg.InvalidInputError, match="z"):
        restrict_to_polyline(net, [[0, 0], [1, 1]])(1.5)
    with pytest.raises(sg.InvalidInputError, match="curve"):
        curve_kernel(lambda z: np.stack((z, z), -1), 1, [200.0, 0.5])


class Arc:
    """An arc of the unit circle of some share of a turn, with honest bounds of its derivatives: open below 1."""

    def __init__(self, turns: float, exact: bool = True) -> None:
        self.turns, self.speed_bound = turns, 2 * np.pi * turns
        self.second_derivative_bound = (2 * np.pi * turns) ** 2 * (1.0 if exact else 0.5)

    def __call__(self, z):
        angle = 2 * np.pi * self.turns * np.asarray(z, dtype=float)
        return np.stack((np.cos(angle), np.sin(angle)), axis=-1)


class Teardrop:
    """Closed, with a corner at z = 0: a half circle and back along its chord, smoothly parametrised."""

    speed_bound, second_derivative_bound = 2 * np.pi, 4 * np.pi**2

    def __call__(self, z):
        angle = np.pi * np.asarray(z, dtype=float)
        return np.stack((np.sin(2 * angle) / 2, np.sin(angle)), axis=-1)


PLANE = sg.Network([[[1.0, 0.0]], [[1.0]]], [[0.0], [0.0]])


@pytest.mark.parametrize("turns", [0.25, 0.5, 0.999, 1 - 1e-9, 1.5])
def test_open_curves_are_refused(turns: float) -> None:
    arc = Arc(turns)
    box = sg.enumerate_regions(PLANE, sg.Box([-2, -2], [2, 2]))
    full = restrict_to_curve(PLANE, PetalCurve(0), 100)
    for call in (
        lambda: restrict_to_curve(PLANE, arc, 1000),
        lambda: kernel_bound(arc, 20, 3.0),
        lambda: curve_kernel(arc, 3, [1.0, 0.0]),
        lambda: curve_kernel(arc.__call__, 3, [1.0, 0.0]),
        lambda: energy_comparison(box, full, arc, [1]),
        lambda: low_pass_check(box, arc, 5.0),
    ):
        with pytest.raises(sg.InvalidInputError, match="curve: is not closed.*restrict_to_polyline"):
            call()


def test_a_whole_turn_is_closed_and_so_is_two() -> None:
    for turns in (1.0, 2.0):
        fine = restrict_to_curve(PLANE, Arc(turns), 1000)
        z = np.random.default_rng(0).random(500)
        assert np.abs(PLANE(Arc(turns)(z)) - fine.function(z)).max() <= fine.total_error < 5e-5 * turns**2
        assert float(kernel_bound(Arc(turns), 20, 3.0)) < 1
        assert abs(curve_kernel(Arc(turns), 2, [1.5, 0.0])) == pytest.approx(float(mpmath.besselj(2 / turns, 1.5)))


def test_a_corner_at_the_seam_is_refused_by_the_kernel_and_its_bound() -> None:
    """The corner leaves a term of the integration by parts that its proof does not have: all of P here."""
    z = (np.arange(200_000) + 0.5) / 200_000
    true = abs(np.mean(np.exp(1j * (Teardrop()(z) @ [0.0, 3.0] - 2 * np.pi * 200 * z))))
    assert true == pytest.approx(1 / (397 * np.pi) - 1 / (403 * np.pi), rel=1e-2)
    for call in (lambda: kernel_bound(Teardrop(), 200, 3.0), lambda: curve_kernel(Teardrop(), 200, [0.0, 3.0])):
        with pytest.raises(sg.InvalidInputError, match="curve: has a corner"):
            call()
    fine = restrict_to_curve(PLANE, Teardrop(), 500)  # the polyline does not mind a corner at a node
    z = np.random.default_rng(0).random(2000)
    assert np.abs(PLANE(Teardrop()(z)) - fine.function(z)).max() <= fine.total_error


def test_a_bend_beyond_its_bound_is_refused() -> None:
    with pytest.raises(sg.InvalidInputError, match="second_derivative_bound"):
        restrict_to_curve(PLANE, Arc(1.0, exact=False), 100)


@pytest.mark.parametrize("n", [255, 256, 512, -512, 1023, 68 * 69, 256 * 257, 1_000_000])
def test_kernel_does_not_alias(n: int) -> None:
    for k in ([1.0, 0.0], [-3.0, 4.0]):
        assert abs(curve_kernel(PetalCurve(0), n, k)) < 1e-13
        assert abs(curve_kernel(lambda z: PetalCurve(0)(z), n, k)) < 1e-13


@pytest.mark.parametrize("size", [600.0, 30_000.0])
def test_kernel_at_large_wavevectors(size: float) -> None:
    rng = np.random.default_rng(4)
    for share in (0.0, 0.5, 0.97, 1.0, 1.05):
        n, angle = int(size * share), rng.uniform(0, 7)
        k = [size * np.cos(angle), size * np.sin(angle)]
        exact = complex(circle_kernel(n, k))
        assert abs(curve_kernel(PetalCurve(0), n, k) - exact) < 1e-15 * size + 1e-13


def test_kernel_of_many_petals_is_resolved() -> None:
    """At |k| = .001 the phase is slow and the curve is not: P against a sum over Bessel functions in both factors."""
    z = (np.arange(1 << 18) + 0.25) / (1 << 18)
    for petals, n, k in ((4096, 0, 1e-3), (4096, 1, 1e-3), (4096, 4095, 1e-3), (4096, 4097, 1e-3), (68 * 69, 0, 1e-3)):
        curve = PetalCurve(petals)
        direct = np.mean(np.exp(1j * (k * curve(z)[:, 0] - 2 * np.pi * n * z)))
        assert abs(curve_kernel(curve, n, [k, 0.0]) - direct) < 1e-13


def test_kernel_of_a_curve_with_a_long_tail_of_frequencies() -> None:
    """An ellipse about its focus: analytic, and still at 1e-10 where all bounds of derivatives let the rule begin."""

    def ellipse(z):
        angle = 2 * np.pi * np.asarray(z)
        return (0.1 / (1 + 0.9 * np.cos(angle)))[..., None] * np.stack((np.cos(angle), np.sin(angle)), axis=-1)

    z = np.arange(1 << 15) / (1 << 15)
    for n in (0, 3, 40):
        direct = np.mean(np.exp(1j * (ellipse(z) @ [0.3, 0.2] - 2 * np.pi * n * z)))
        assert abs(curve_kernel(ellipse, n, [0.3, 0.2]) - direct) < 1e-13


class Ripple:
    """The unit circle with a ripple too small to show in its bounds: the first nodes that are tried miss it."""

    def __init__(self, waves: int) -> None:
        self.waves = waves
        self.speed_bound = 2 * np.pi * (1 + 1e-6 * waves)
        self.second_derivative_bound = 4 * np.pi**2 * (1 + 1e-6 * waves**2)

    def __call__(self, z):
        angle = 2 * np.pi * np.asarray(z, dtype=float)
        return np.stack((np.cos(angle) + 1e-6 * np.cos(self.waves * angle), np.sin(angle)), axis=-1)


def test_two_rules_must_agree() -> None:
    """Nodes that divide the ripple's waves add 1e-6 to P(0, k)."""
    curves = (Ripple(waves) for waves in range(2000, 4000))
    curve = next(c for c in curves if c.waves % resolving_nodes(c, c.speed_bound / (2 * np.pi)) == 0)
    assert abs(curve_kernel(curve, 0, [1.0, 0.0]) - float(mpmath.besselj(0, 1))) < 1e-11


def test_latent_frequencies_are_whole() -> None:
    for n in (0.5, 19.5, [3, 4.25]):
        for call in (lambda n: kernel_bound(PetalCurve(2), n, 1.0), lambda n: circle_kernel(n, [1.0, 0.0])):
            with pytest.raises(sg.InvalidInputError, match="n: .*whole"):
                call(n)
    with pytest.raises(sg.InvalidInputError, match="n: .*whole"):
        curve_kernel(PetalCurve(2), 0.5, [1.0, 0.0])
    with pytest.raises(sg.InvalidInputError, match="n_segments"):
        restrict_to_curve(PLANE, PetalCurve(0), 10.5)


def test_energies_need_a_box_that_holds_the_curve() -> None:
    curve = PetalCurve(4)
    fine = restrict_to_curve(PLANE, curve, 200)
    for upper in ([1.0, 2.0], [2.0, 1.2]):
        small = sg.enumerate_regions(PLANE, sg.Box([-2, -2], upper))
        for call in (lambda cx: energy_comparison(cx, fine, curve, [1]), lambda cx: low_pass_check(cx, curve, 5.0)):
            with pytest.raises(sg.DomainError, match="does not hold the curve"):
                call(small)
    cx = sg.enumerate_regions(PLANE, sg.Box([-2, -2], [2, 2]))
    with pytest.raises(sg.InvalidInputError, match="another curve"):
        energy_comparison(cx, fine, PetalCurve(5), [1])
    with pytest.raises(sg.InvalidInputError, match="output"):
        energy_comparison(cx, fine, curve, [1], 1)
    flat = sg.Network([[[0.0, 0.0]], [[1.0]]], [[0.1], [0.2]])
    with pytest.raises(sg.InvalidInputError, match="constant along the curve"):
        energy_comparison(cx, restrict_to_curve(flat, curve, 200), curve, [1])
    with pytest.raises(sg.BudgetError, match="mirror modes"):
        energy_comparison(cx, fine, curve, [10_000_000])


@pytest.mark.parametrize("centre", [0.0, 1e6])
def test_rounding_of_points_and_sums_is_in_the_total_error(centre: float) -> None:
    """A linear function on a circle, at fine resolution: c_1 = r / 2 and c_0 are known, far from the origin too."""
    net = sg.Network([[[1.0, 0.0]], [[1.0]]], [[10.0], [-10.0]])
    fine = restrict_to_curve(net, PetalCurve(0, centre=(centre, 0.0)), 20_000)
    c = fine.fourier_coefficients([0, 1, 2, 7000])[:, 0]
    assert np.all(np.abs(c - [centre, 0.5, 0, 0]) <= fine.total_error)
    z = np.random.default_rng(1).random(400)
    assert np.all(np.abs(net(PetalCurve(0, centre=(centre, 0.0))(z)) - fine.function(z)) <= fine.total_error)
