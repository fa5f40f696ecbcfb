"""Error bounds along segments against rational arithmetic, with cases in which each term of the bound is needed."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import specgeo as sg
from specgeo._running_error import activate
from specgeo.paths import certify_path
from specgeo.paths.segments import _activate, _refine, output_differences, trace_segment


def exact_outputs(net: sg.Network, point: list[Fraction]) -> list[Fraction]:
    a = point
    for layer, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        a = [
            sum((Fraction(w) * v for w, v in zip(row, a, strict=True)), Fraction(b))
            for row, b in zip(weight.tolist(), bias.tolist(), strict=True)
        ]
        if layer < len(net.activations):
            a = [apply(net.activations[layer], v) for v in a]
    return a


def apply(activation: sg.Activation, v: Fraction) -> Fraction:
    slopes = [Fraction(s) for s in activation.slopes.tolist()]
    value = slopes[0] * v + Fraction(activation.intercept)
    for i, t in enumerate(activation.breakpoints.tolist()):
        value += (slopes[i + 1] - slopes[i]) * max(v - Fraction(t), Fraction(0))
    return value


def on_segment(p: np.ndarray, q: np.ndarray, t: Fraction) -> list[Fraction]:
    return [Fraction(a) * (1 - t) + Fraction(b) * t for a, b in zip(p.tolist(), q.tolist(), strict=True)]


def worst_ratio(net: sg.Network, p: np.ndarray, q: np.ndarray) -> float:
    """Largest (distance of the exact outputs to the interpolant) / bound, at grid points and between them."""
    trace = trace_segment(net, p, q)
    grid = [Fraction(t) for t in trace.parameters.tolist()]
    worst = Fraction(0)
    for i in range(len(grid) - 1):
        for share in (Fraction(0), Fraction(1, 2), Fraction(1, 3)):
            t = grid[i] + share * (grid[i + 1] - grid[i])
            exact = exact_outputs(net, on_segment(p, q, t))
            for j, value in enumerate(exact):
                line = Fraction(trace.values[i, j]) * (1 - share) + Fraction(trace.values[i + 1, j]) * share
                worst = max(worst, abs(value - line) / Fraction(trace.error[j]))
    return float(worst)


def deep(widths: list[int], seed: int, activation: str | sg.Activation = "relu") -> sg.Network:
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(n, m)) for m, n in zip(widths, widths[1:], strict=False)]
    biases = [rng.normal(size=n) for n in widths[1:]]
    return sg.Network(weights, biases, activation)


@pytest.mark.parametrize(
    ("widths", "activation", "seen"),
    [
        ([3, 6, 6, 2], "relu", 0.0163),
        ([1, 1, 1, 1, 1], "relu", 0.33),
        ([2, 1, 1], "relu", 0.26),
        ([2, 30, 1], "relu", 0.0205),
        ([3, 5, 5, 2], "hard_tanh", 0.0207),
        ([2, 1, 1], sg.Activation([0.0], [-3.0, 1000.0]), 0.04),
    ],
)
def test_bounds_hold_and_are_as_tight_as_they_were(
    widths: list[int], activation: str | sg.Activation, seen: float
) -> None:
    """The worst ratio of error to bound over some networks, up to the order in which a product is summed."""
    ratios = []
    for seed in range(12):
        rng = np.random.default_rng(seed + 99)
        p, q = rng.normal(size=(2, widths[0])) * 10.0 ** rng.integers(-2, 3)
        ratios.append(worst_ratio(deep(widths, seed, activation), p, q))
    assert seen / 3 < max(ratios) < 3 * seen
    assert max(ratios) <= 1.0


def test_no_certificate_where_the_exact_margin_is_not_positive() -> None:
    """Margins of 0 or some -2^-54 that floats see above: each neuron twice, its weight split in two."""
    tempting = 0
    for seed in range(80):
        rng = np.random.default_rng(seed)
        n, d = 5, 2
        first, bias = rng.normal(size=(n, d)), rng.normal(size=n)
        whole = rng.normal(size=n)
        part = rng.normal(size=n)
        rest = whole - part  # rounded: the two halves add up to the whole up to a bit
        rows = [np.concatenate((whole, np.zeros(n))), np.concatenate((part, rest))]
        net = sg.Network(
            [np.concatenate((first, first)), rows[:: 1 if seed % 2 else -1]], [np.concatenate((bias, bias)), [0.3, 0.3]]
        )
        p, q = rng.normal(size=(2, d))
        for label in (0, 1):
            certificate = certify_path(net, [p, q], label)
            grid = [Fraction(k, 16) for k in range(17)] + [Fraction(certificate.parameter)]
            exact = [exact_outputs(net, on_segment(p, q, t)) for t in grid]
            smallest = min(f[label] - f[1 - label] for f in exact)
            if smallest <= 0:
                assert certificate.status != "certified"
                tempting += certificate.margin >= 0
            elif certificate.status == "refuted":
                raise AssertionError("refuted although the margin is positive")
    assert tempting > 10  # margins that a test against 0 would have certified


def test_errors_common_to_both_outputs_cancel() -> None:
    """Rows that are equal differ by the biases alone, so a margin of 2^-54 is proved; 0 is not."""
    for c, status in ((0.0, "undecided"), (2.0**-54, "certified"), (-(2.0**-54), "refuted")):
        net = sg.Network([[[1.0], [-1.0]], [[1.0, -1.0], [1.0, -1.0]]], [[0.0, 0.0], [c, 0.0]])
        assert certify_path(net, [[1.0], [2.0]], 0).status == status
        lone = sg.Network([[[1.0], [1.0]], [[0.1, -0.1]]], [[0.3, 0.3], [c]])  # the same, through roundings
        assert certify_path(lone, [[1.0], [2.0]], 1).status == "undecided"


def test_rounded_differences_of_outputs_are_accounted_for() -> None:
    """Rows 1 and -2^-54: their difference rounds to 1. On x = 2^60 that is 64, and the margin carries it."""
    net = sg.Network([[[1.0], [-(2.0**-54)]]], [[0.0, 0.0]])
    trace = trace_segment(net, [2.0**60], [2.0**60 + 2.0**30])
    margins, error = output_differences(net, trace, 0)
    exact = Fraction(2**60) + Fraction(2**60, 2**54)
    assert 0 < abs(Fraction(margins[0, 0]) - exact) <= Fraction(error[0])
    one = sg.Network([[[0.0], [0.0]]], [[1.0, -(2.0**-54)]])
    margins, error = output_differences(one, trace_segment(one, [0.0], [1.0]), 0)
    assert abs(Fraction(margins[0, 0]) - 1 - Fraction(1, 2**54)) <= Fraction(error[0])


def test_a_kink_that_no_parameter_meets() -> None:
    """Kinks between neighbouring floats t: the interpolant misses them by the slope times what is left."""
    for scale in (1e3, 1e8, 1e15):
        net = sg.Network([[[scale], [scale]], [[1.0, -1.0]]], [[-scale / 3, -scale / 3 * (1 + 2.0**-52)], [0.0]])
        p, q = np.array([0.0]), np.array([1.0])
        trace = trace_segment(net, p, q)
        t = Fraction(float(scale / 3)) / Fraction(scale)
        exact = exact_outputs(net, on_segment(p, q, t))[0]
        at = np.searchsorted([Fraction(v) for v in trace.parameters.tolist()], t)
        a, b = Fraction(trace.parameters[at - 1]), Fraction(trace.parameters[at])
        share = (t - a) / (b - a)
        line = Fraction(trace.values[at - 1, 0]) * (1 - share) + Fraction(trace.values[at, 0]) * share
        assert abs(exact - line) <= Fraction(trace.error[0])
        assert worst_ratio(net, p, q) <= 1.0


def test_what_a_missed_kink_costs() -> None:
    """From -1 to 2 with no grid point at the kink: relu leaves its interpolant by 2/3, the bound says 1."""
    _, bound = _activate(np.array([[-1.0], [2.0]]), np.zeros(1), sg.Activation.relu())
    assert 2 / 3 <= bound[0] < 1.1


def test_a_steep_activation_carries_the_error_up() -> None:
    _, bound = activate(np.array([[1.0]]), np.array([1e-3]), sg.Activation([0.0], [-3.0, 1000.0]))
    assert 1.0 <= bound[0] < 1.001


def test_evaluating_an_activation_rounds_in_a_batch_too() -> None:
    bent = sg.Activation([-0.3, 0.1, 0.7], [0.1, 1.7, -0.3, 0.9], intercept=0.2)
    z = np.random.default_rng(2).normal(size=(300, 1))
    values, bound = activate(z, np.zeros(1), bent)
    pairs = zip(z.ravel().tolist(), values.ravel().tolist(), strict=True)
    worst = max(abs(Fraction(value) - apply(bent, Fraction(x))) for x, value in pairs)
    assert Fraction(bound[0]) / 32 < worst <= Fraction(bound[0])


def test_rounding_of_inserted_grid_points() -> None:
    """The second neuron at the kink of the first: off its exact line, by no more than the bound."""
    worst = 0.0
    for seed in range(50):
        low, high = np.random.default_rng(seed).normal(size=(2, 2)) * [1.0, 1e10]
        low[0], high[0] = -abs(low[0]), abs(high[0])
        grid, z, bound = _refine(np.array([0.0, 1.0]), np.stack((low, high)), np.zeros(2), sg.Activation.relu())
        exact = Fraction(low[1]) + Fraction(grid[1]) * (Fraction(high[1]) - Fraction(low[1]))
        worst = max(worst, float(abs(Fraction(z[1, 1]) - exact) / Fraction(bound[1])))
    assert 0.02 < worst <= 1.0


def test_the_rounding_of_the_difference_of_two_rows_is_counted() -> None:
    net = sg.Network([[[0.1], [-0.3]]], [[0.0, 0.0]])
    trace = trace_segment(net, [1.0], [3.0])
    _, error = output_differences(net, trace, 0)
    assert 1.0 <= error[0] / ((1 + 1) * 2.0**-53 * 0.4 * 3.0) < 1.01  # the product, and the row itself


def test_what_overflows_is_undecided() -> None:
    net = sg.Network([[[1e300], [1e300]], [[1e300, -1e300]]], [[0.0, 1.0], [0.0]])
    assert certify_path(net, [[1.0], [2.0]], 1).status == "undecided"
