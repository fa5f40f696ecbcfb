"""Running error of a forward pass against rational arithmetic: never exceeded, not much larger than it must be."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import specgeo as sg
from specgeo._running_error import activation_error, values_with_error

ACTIVATIONS = ("relu", "leaky_relu", "abs", "hard_tanh", "identity")


def exact_values(net: sg.Network, x: np.ndarray) -> list[Fraction]:
    """The network in rational arithmetic; activations by their definition, a sum of hinges."""
    a = [Fraction(float(v)) for v in x]
    for layer, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        a = [
            sum((Fraction(w) * v for w, v in zip(row, a, strict=True)), Fraction(b))
            for row, b in zip(weight.tolist(), bias.tolist(), strict=True)
        ]
        if layer < len(net.activations):
            act = net.activations[layer]
            slopes = [Fraction(s) for s in act.slopes.tolist()]
            kinks = [Fraction(t) for t in act.breakpoints.tolist()]
            a = [
                Fraction(act.intercept)
                + slopes[0] * z
                + sum((s1 - s0) * max(z - t, 0) for s0, s1, t in zip(slopes, slopes[1:], kinks, strict=False))
                for z in a
            ]
    return a


def worst_ratio(net: sg.Network, x: np.ndarray) -> float:
    """Largest |computed - exact| over its bound; infinite where the bound is exceeded by any amount at all."""
    values, error = values_with_error(net, x)
    np.testing.assert_array_equal(values, net(x))
    worst = Fraction(0)
    for point, row, bounds in zip(x, values, error, strict=True):
        for exact, value, bound in zip(exact_values(net, point), row, bounds, strict=True):
            gap = abs(Fraction(float(value)) - exact)
            assert gap <= Fraction(float(bound)), (gap, bound)
            worst = max(worst, gap / Fraction(float(bound)) if bound > 0 else Fraction(0))
    return float(worst)


def cancelling(rng: np.random.Generator, activation: str) -> sg.Network:
    """Deep, with big weights that cancel: pairs of rows that differ in the last digits, taken from one another."""
    d, n = int(rng.integers(1, 4)), int(rng.integers(2, 7))
    widths = [d, *([2 * n] * int(rng.integers(1, 4))), 2]
    weights, biases = [], []
    for layer, (fan_in, fan_out) in enumerate(zip(widths, widths[1:], strict=False)):
        w = rng.normal(size=(fan_out, fan_in)) * 10 ** rng.uniform(-2, 4)
        if layer:
            half = fan_in // 2
            w[:, half:] = -w[:, :half] * (1 + rng.normal(size=(fan_out, half)) * 1e-13)
        b = rng.normal(size=fan_out) * 10 ** rng.uniform(-3, 5)
        if layer < len(widths) - 2:
            w[len(w) // 2 :] = w[: len(w) // 2] * (1 + 1e-12 * rng.normal())
            b[len(b) // 2 :] = b[: len(b) // 2]
        weights.append(w)
        biases.append(b)
    return sg.Network(weights, biases, activation)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_bound_holds_for_cancelling_networks(activation: str) -> None:
    rng = np.random.default_rng(ACTIVATIONS.index(activation))
    ratios = []
    for _ in range(40):
        net = cancelling(rng, activation)
        ratios.append(worst_ratio(net, rng.normal(size=(6, net.input_dim)) * 10 ** rng.uniform(-3, 3)))
    assert 0.05 < max(ratios) < 0.5  # of 240 values: ten times looser, or tighter, is noticed
    assert 0.005 < np.median(ratios)


def test_one_rounding_is_charged_as_few() -> None:
    """relu(1e-6 x + 1) - 1: one rounding of half a unit, a bound of six."""
    net = sg.Network([[[1e-6]], [[1.0]]], [[1.0], [-1.0]])
    x = np.linspace(-1, 1, 400)[:, None]
    assert worst_ratio(net, x) > 1 / 7
    assert np.all(values_with_error(net, x)[1] < 7 * 2.0**-53)


def test_a_unit_dead_for_certain_passes_no_error_on() -> None:
    net = sg.Network([[[1.0], [0.1]], [[1e9, 1.0]]], [[-1.0, 0.0], [0.0]])
    _, error = values_with_error(net, [[0.5], [1.0]])
    assert error[0, 0] < 1e-15  # the first unit is off by half a step and dead
    assert error[1, 0] > 1e-8  # at its kink it may be alive


@pytest.mark.parametrize("scale", [1e-320, 1e-310, 1e-160])
def test_underflow_is_in_the_bound(scale: float) -> None:
    rng = np.random.default_rng(3)
    net = sg.Network([rng.normal(size=(5, 2)), rng.normal(size=(1, 5)) * scale], [rng.normal(size=5) * scale, [0.0]])
    worst_ratio(net, rng.normal(size=(20, 2)) * scale)


def test_overflow_is_infinite() -> None:
    for activation in ACTIVATIONS:
        for weight in (1e308, -1e308):
            net = sg.Network([[[weight]], [[1.0]], [[0.0]]], [[1e308], [weight], [0.0]], activation)
            _, error = values_with_error(net, [[10.0]])
            assert np.isinf(error).all(), activation


def test_error_of_the_input_is_passed_on() -> None:
    """Every point within the stated distance, corners and kinks included, stays within the bound."""
    rng = np.random.default_rng(5)
    for activation in ACTIVATIONS:
        weights = rng.normal(size=(6, 2)), rng.normal(size=(2, 6))
        net = sg.Network(weights, [rng.normal(size=6), [0.0, 1.0]], activation)
        x, off = rng.normal(size=2), np.array([0.3, 1e-3])
        values, error = values_with_error(net, x, off)
        corners = x + off * np.stack(np.meshgrid(*[np.linspace(-1, 1, 21)] * 2), -1)
        gap = np.abs(net(corners) - values)
        assert np.all(gap <= error)
        assert np.all(gap.max(axis=(0, 1)) > 0.1 * error)


def test_evaluating_an_activation_rounds() -> None:
    """slope * z + intercept, with an intercept that is itself rounded: without any error of z."""
    bent = sg.Activation([-0.3, 0.1, 0.7], [0.1, 1.7, -0.3, 0.9], intercept=0.2)
    z = np.random.default_rng(2).normal(size=300)
    bound = activation_error(z, np.zeros(300), bent)
    slopes, kinks = [Fraction(s) for s in bent.slopes.tolist()], [Fraction(t) for t in bent.breakpoints.tolist()]
    worst = Fraction(0)
    for x, value, allowed in zip(z.tolist(), bent(z).tolist(), bound.tolist(), strict=True):
        hinges = sum((b - a) * max(Fraction(x) - t, 0) for a, b, t in zip(slopes, slopes[1:], kinks, strict=False))
        gap = abs(Fraction(value) - Fraction(bent.intercept) - slopes[0] * Fraction(x) - hinges)
        assert gap <= Fraction(allowed)
        worst = max(worst, gap / Fraction(allowed))
    assert worst > Fraction(1, 8)


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_an_error_may_reach_across_a_breakpoint(side: float) -> None:
    """A flat piece passes nothing on, unless the neighbouring slope is within the error."""
    clip = sg.Activation.clip()
    near, far = activation_error(np.array([side * (1 + 1e-9), side * 1.5]), np.array([1e-6, 1e-6]), clip)
    assert near >= 1e-6 > 1e3 * far
