"""The spectral-bias index: energies below a cutoff as a double integral of the residual over the sinc kernel."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import j1, spherical_jn

import specgeo as sg
from specgeo.learning import Sines
from specgeo.testing import random_network
from specgeo.theory import difference, energy_split, spectral_bias
from specgeo.theory.cutoffs import ball_rule

HAT = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])


def kernel(z: np.ndarray, cutoff: float, shape: str) -> np.ndarray:
    """(2 pi)^-d times the transform of a ball or a box."""
    d = z.shape[-1]
    if shape == "box":
        return (np.sinc(cutoff * z / np.pi) * cutoff / np.pi).prod(axis=-1)
    r = np.maximum(np.linalg.norm(z, axis=-1), 1e-12)
    if d == 1:
        return np.sin(cutoff * r) / (np.pi * r)
    if d == 2:
        return cutoff * j1(cutoff * r) / (2 * np.pi * r)
    return cutoff**2 * spherical_jn(1, cutoff * r) / (2 * np.pi**2 * r)


def gauss(breaks: list[float], n: int) -> tuple[np.ndarray, np.ndarray]:
    x, w = np.polynomial.legendre.leggauss(n)
    parts = [((a + b) / 2 + (b - a) / 2 * x, (b - a) / 2 * w) for a, b in zip(breaks[:-1], breaks[1:], strict=True)]
    return np.concatenate([p for p, _ in parts]), np.concatenate([v for _, v in parts])


def energies(function, axes: list[tuple[np.ndarray, np.ndarray]], cutoff: float, shape: str) -> tuple[float, float]:
    """Below the cutoff, and in all, by quadrature in space."""
    x = np.stack(np.meshgrid(*[a for a, _ in axes], indexing="ij"), axis=-1).reshape(-1, len(axes))
    w = np.ones(1)
    for _, each in axes:
        w = np.multiply.outer(w, each).ravel()
    values = w * function(x)
    return float(values @ kernel(x[:, None] - x[None], cutoff, shape) @ values), float(values**2 / w @ np.ones(len(w)))


@pytest.mark.parametrize("shape", ["ball", "box"])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_against_the_sinc_kernel(dim: int, shape: str) -> None:
    rng = np.random.default_rng(dim)
    net = sg.Network([np.ones((1, dim)), [[1.5]]], [[10.0], [-15.2]])  # affine on the box
    box = sg.Box(-0.3 * np.ones(dim), [0.7, 0.5, 0.6][:dim])
    target = Sines(rng.normal(size=(2, dim)) * 3, [1.0, -0.7], [0.3, 2.0])
    cutoff, n = 6.0, {1: 60, 2: 24, 3: 12}[dim]
    bias = spectral_bias(sg.enumerate_regions(net, box), target, cutoff, shape)
    nodes = [gauss([a, b], n) for a, b in zip(box.lower.tolist(), box.upper.tolist(), strict=True)]
    for split, function in (
        (bias.target, target),
        (bias.residual, lambda x: net(x)[:, 0] - target(x)),
    ):
        low, total = energies(function, nodes, cutoff, shape)
        assert split.low[0] == pytest.approx(low, rel=1e-8) and split.total[0] == pytest.approx(total, rel=1e-8)
        assert split.error[0] < 1e-11
    explained = bias.residual.low / bias.target.low, bias.residual.high / bias.target.high
    assert bias.index[0] == pytest.approx((explained[1] - explained[0])[0] / (explained[1] + explained[0])[0])
    assert 0 < bias.index_error[0] < 1e-8


def test_a_network_as_target() -> None:
    net = sg.Network([[[1.0], [1.0]], [[1.0, -1.5]]], [[0.0, -0.5], [0.25]])
    bias = spectral_bias(sg.enumerate_regions(net, sg.Box([-1], [1])), HAT, 4.0)
    nodes = [gauss([-1.0, 0.0, 0.5, 1.0], 40)]
    low, total = energies(lambda x: (net(x) - HAT(x))[:, 0], nodes, 4.0, "ball")
    assert (bias.residual.low[0], bias.residual.total[0]) == pytest.approx((low, total), rel=1e-12)
    assert bias.target.low == pytest.approx(energy_split(sg.enumerate_regions(HAT, sg.Box([-1], [1])), 4.0).low)


@pytest.mark.parametrize("dim", [2, 3])
def test_no_target_leaves_the_network(dim: int) -> None:
    """Shell energies in closed form against a rule of directions, within the errors that both state."""
    cx = sg.enumerate_regions(random_network([dim, 5, 2], rng=dim), sg.Box(-0.5, 0.5, dim=dim))
    split, bias = energy_split(cx, 5.0), spectral_bias(cx, Sines(np.ones((1, dim)), 0.0), 5.0)
    assert np.all(np.abs(split.low - bias.residual.low) <= split.error + bias.residual.error)
    assert np.all(bias.residual.error < 1e-9) and np.all(np.isinf(bias.unexplained_low))


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("phase", [0.01, 3.0, 20.0])
def test_the_rule_on_plane_waves(dim: int, phase: float) -> None:
    """int cos(k.z) over the ball is the kernel; what the rule leaves out is bounded."""
    z = np.random.default_rng(0).normal(size=(20, dim))
    z *= np.linspace(0.05, 1, 20)[:, None] / np.linalg.norm(z, axis=1, keepdims=True)
    rule = ball_rule(phase, dim, 1.0)
    got = rule.weights @ np.cos(rule.nodes @ z.T)
    assert np.abs(got - kernel(z, phase, "ball")).max() <= rule.left_out + 1e-13 * rule.weights.sum()
    assert rule.left_out < 1e-15 * rule.weights.sum() and len(rule.nodes) < 60_000


def test_an_explained_target_and_a_bound_that_says_nothing() -> None:
    bias = spectral_bias(sg.enumerate_regions(HAT, sg.Box([-1], [1])), HAT, 3.0)
    assert bias.residual.total == 0 and bias.index_error == 2.0


NETS = [
    sg.Network([[[1.0, 2.0], [-1.0, 0.5], [0.25, -3.0]], [[1.0, -1.0, 2.0]]], [[0.5, 0.0, -1.0], [0.75]]),
    sg.Network([[[1.0, 2.0]], [[3.0]], [[-1.0], [0.5]], [[1.0, -2.0]]], [[0.5], [-1.0], [0.25, 0.0], [2.0]], "abs"),
    sg.Network([[[3.0, -0.5]]], [[1.25]]),
    sg.Network([[[1.0, 0.0], [0.5, 1.0]], [[1.0, 1.0]]], [[0.0, 0.5], [0.0]], sg.Activation.clip(-1.0, 0.5)),
    sg.Network([[[1.0, 1.0]], [[2.0]], [[1.0]]], [[0.5], [-1.0], [0.125]],
               [sg.Activation.identity(), sg.Activation.leaky_relu(0.25)]),
]  # fmt: skip


@pytest.mark.parametrize("first", range(5))
@pytest.mark.parametrize("second", range(5))
def test_differences_are_exact(first: int, second: int) -> None:
    """Dyadic weights and points: floats round nothing."""
    points = np.random.default_rng(0).integers(-64, 64, (200, 2)) / 16.0
    both = difference(NETS[first], NETS[second])
    assert np.array_equal(both(points), NETS[first](points) - NETS[second](points))


def test_transform_of_sines_by_quadrature() -> None:
    box, k = sg.Box([-1.0, 2.0], [0.5, 3.0]), np.array([[0.0, 0.0], [3.0, -2.0], [1.0, 2.0]])
    target = Sines([[1.0, 2.0], [0.0, 5.0]], [2.0, 1.0], [0.4, 0.0])
    (x, u), (y, v) = gauss([-1.0, 0.5], 40), gauss([2.0, 3.0], 40)
    grid = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1)
    wanted = [np.einsum("i,j,ij", u, v, target(grid) * np.exp(-1j * grid @ wave)) for wave in k]
    assert target.transform(k, box) == pytest.approx(wanted, abs=1e-13)


def test_refusals() -> None:
    cx = sg.enumerate_regions(HAT, sg.Box([-1], [1]))
    with pytest.raises(sg.InvalidInputError, match="cutoff"):
        spectral_bias(cx, HAT, 0.0)
    with pytest.raises(sg.InvalidInputError, match="target: 2 inputs"):
        spectral_bias(cx, Sines([[1.0, 2.0]]), 1.0)
    with pytest.raises(sg.InvalidInputError, match="other: 2 inputs"):
        spectral_bias(cx, NETS[0], 1.0)
    triangle = sg.enumerate_regions(NETS[0], sg.Polytope.from_vertices([[0, 0], [1, 0], [0, 1]]))
    with pytest.raises(sg.DomainError, match="not a Box"):
        spectral_bias(triangle, Sines([[1.0, 2.0]]), 1.0)
    with pytest.raises(sg.InvalidInputError, match="dimension 1"):
        Sines([[1.0, 2.0]]).transform([[1.0]], sg.Box([0], [1]))
    with pytest.raises(sg.UnsupportedError, match="'box' above 3"):
        net = sg.Network([np.ones((1, 4)), [[1.0]]], [[0.0], [0.0]])
        spectral_bias(sg.enumerate_regions(net, sg.Box(0, 1, dim=4)), Sines(np.ones((1, 4))), 1.0)
    with pytest.raises(sg.InvalidInputError, match="lower it"):
        spectral_bias(cx, Sines([1.0]), 1e9)
