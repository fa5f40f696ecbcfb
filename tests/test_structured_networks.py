"""Networks whose neurons have activations of their own: pass-through units, PReLU, mixtures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from naive.compare import assert_same_complex
from naive.rational import rational_complex

import specgeo as sg
from specgeo import check as program
from specgeo._running_error import values_with_error
from specgeo.enumeration import _layers
from specgeo.geometry.point_signs import PointSigns
from specgeo.paths.segments import trace_segment
from specgeo.testing import assert_complex_valid, random_network
from specgeo.theory.differences import difference
from specgeo.theory.support import clamp_to_support

RELU, SKIP = "relu", "identity"
PLANE = sg.Box([-1, -1], [1, 1])
KINDS = ["relu", "identity", "abs", "hard_tanh", sg.Activation.leaky_relu(0.25), sg.Activation.clip(0.0, 0.5),
         sg.Activation([], [-2.0], 0.25), sg.Activation([-0.5, 0.0, 0.25], [1.0, 0.0, 2.0, -1.0], 0.5)]  # fmt: skip

RESIDUAL = sg.Network(  # r = x + relu(-2 x), s = y + relu(-2 y), relu(r + s - 1/2)
    [[[1, 0], [0, 1], [-2, 0], [0, -2]], [[1, 1, 1, 1]], [[1]]], [[0] * 4, [-0.5], [0]],
    [[SKIP, SKIP, RELU, RELU], RELU],
)  # fmt: skip
CONCATENATION = sg.Network(  # u = relu(x + y) beside v = x - y, then relu(v - u + 1/2) beside u
    [[[1, 1], [1, -1]], [[1, 0], [-1, 1]], [[1, 1]]], [[0, 0], [0, 0.5], [0]], [[RELU, SKIP], [SKIP, RELU]]
)


def dyadic(widths: list[int], seed: int, kinds: list[Any] = KINDS) -> sg.Network:
    """Weights in eighths, and for each neuron one of these activations."""
    rng = np.random.default_rng(seed)
    weights = [rng.integers(-8, 9, (n, k)) / 8 for k, n in zip(widths[:-1], widths[1:], strict=True)]
    biases = [rng.integers(-4, 5, n) / 8 * (rng.random() < 0.7) for n in widths[1:]]
    return sg.Network(weights, biases, [[kinds[k] for k in rng.integers(len(kinds), size=n)] for n in widths[1:-1]])


def with_relus(net: sg.Network) -> sg.Network:
    """The same function on [-1, 1]^d with a ReLU for each pass-through unit, its bias raised until it is positive."""
    weights, biases, kinds = [np.array(w) for w in net.weights], [np.array(b) for b in net.biases], []
    for i, activation in enumerate(net.activations):
        kinds.append([RELU if kind.is_identity else kind for kind in activation.each(len(biases[i]))])
        for j, kind in enumerate(activation.each(len(biases[i]))):
            if kind.is_identity:
                biases[i][j] += 1024.0
                biases[i + 1] = biases[i + 1] - 1024.0 * weights[i + 1][:, j]
    return sg.Network(weights, biases, kinds)


@pytest.mark.parametrize(("net", "counts"), [(RESIDUAL, (13, 20, 8)), (CONCATENATION, (7, 10, 4))])
def test_residual_block_and_concatenation(net: sg.Network, counts: tuple[int, ...]) -> None:
    cx = sg.enumerate_regions(net, PLANE)
    assert cx.f_vector == counts
    assert cx.patterns.shape[1] == net.n_units == sum(len(a.units(n).owners) for n, a in zip(
        net.hidden_widths, net.activations, strict=True))  # fmt: skip
    assert_same_complex(cx, rational_complex(net, [-1.0] * 2, [1.0] * 2))
    assert_complex_valid(cx, net)


def test_uniform_sequences_are_plain_activations() -> None:
    net = sg.Network([np.eye(3), np.ones((1, 3))], [np.zeros(3), [0.0]], [["relu"] * 3])
    assert net.activations == (sg.Activation.relu(),)
    mixed = sg.Network([np.eye(3), np.ones((1, 3))], [np.zeros(3), [0.0]], [["relu", "identity", "relu"]])
    (layer,) = mixed.activations
    assert isinstance(layer, sg.NeuronActivations) and layer.which.tolist() == [0, 1, 0]
    assert [kind.name for kind in layer.kinds] == ["relu", "identity"]
    again = sg.Network(mixed.weights, mixed.biases, mixed.activations)
    assert repr(again) == repr(mixed) == "Network(3-3-1, relu+identity)"


def test_prelu_with_equal_slopes_is_leaky_relu_and_with_slope_one_the_identity() -> None:
    rng = np.random.default_rng(0)
    weights, biases = [rng.normal(size=(6, 2)), rng.normal(size=(1, 6))], [rng.normal(size=6), [0.0]]
    leaky = sg.Activation.leaky_relu
    one = sg.enumerate_regions(sg.Network(weights, biases, [[leaky(0.25)] * 6]), PLANE)
    assert one.f_vector == sg.enumerate_regions(sg.Network(weights, biases, leaky(0.25)), PLANE).f_vector
    slopes = [0.25, 1.0, -0.5, 1.0, 3.0, 0.0]
    prelu = sg.Network(weights, biases, [[SKIP if s == 1.0 else leaky(s) for s in slopes]])
    cx = sg.enumerate_regions(prelu, PLANE)
    bending = [i for i, s in enumerate(slopes) if s != 1.0]
    alone = sg.Network([weights[0][bending], weights[1][:, bending]], [biases[0][bending], [0.0]], leaky(0.25))
    assert cx.f_vector == sg.enumerate_regions(alone, PLANE).f_vector
    x = rng.uniform(-1, 1, (200, 2))
    z = x @ weights[0].T + biases[0]
    expected = np.where(z > 0, z, np.array(slopes) * z) @ weights[1].T
    np.testing.assert_allclose(cx(x), expected, atol=1e-13)
    np.testing.assert_allclose(prelu(x), expected, atol=1e-13)


@pytest.mark.parametrize("seed", range(24))
def test_mixtures_are_those_of_the_rational_twin(seed: int) -> None:
    widths = ([1, 5, 4, 1], [2, 4, 3, 2], [3, 3, 2, 1])[seed % 3]
    net, d = dyadic(widths, seed), widths[0]
    cx = sg.enumerate_regions(net, sg.Box([-1] * d, [1] * d))
    assert_same_complex(cx, rational_complex(net, [-1.0] * d, [1.0] * d))
    assert_complex_valid(cx, net)
    assert cx.reprove().proved


@pytest.mark.parametrize("seed", range(6))
def test_pass_through_by_relus_gives_the_same_cells(seed: int) -> None:
    net = dyadic([2, 12, 12, 1], seed, [RELU, RELU, SKIP])
    cx, other = (sg.enumerate_regions(one, PLANE) for one in (net, with_relus(net)))
    assert cx.f_vector == other.f_vector and cx.n_linear_regions == other.n_linear_regions
    assert cx.patterns.shape[1] < other.patterns.shape[1]


def test_twins_of_pass_through_units() -> None:
    """x + relu(-2 x): the unit has the zero set of a row that is no unit."""
    net = sg.Network([[[1.0], [-2.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]], [[SKIP, RELU]])
    cx = sg.enumerate_regions(net, sg.Box([-1], [1]))
    assert cx.f_vector == (3, 2) and cx.vertices[:, 0].tolist().count(0.0) == 1


@pytest.mark.parametrize("seed", range(4))
def test_files_and_proofs(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = dyadic([2, 5, 4, 2], 40 + seed)
    net.save(tmp_path / "net.npz")
    back, cx = sg.read_network(tmp_path / "net.npz"), sg.enumerate_regions(net, PLANE)
    x = np.random.default_rng(seed).normal(size=(100, 2))
    assert np.array_equal(back(x), net(x)) and repr(back) == repr(net)
    cx.save(tmp_path / "cx.npz")
    loaded = sg.load_complex(tmp_path / "cx.npz")
    assert loaded.reprove().proved and program.main([str(tmp_path / "cx.npz")]) == 0
    layers = loaded.layers
    assert layers is not None and np.array_equal(sg.Network(*layers)(x), net(x))
    assert "proved" in capsys.readouterr().out


def test_damaged_activations_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sg.enumerate_regions(RESIDUAL, PLANE).save(tmp_path / "cx.npz")
    with np.load(tmp_path / "cx.npz") as file:
        arrays = dict(file)
    damage: dict[str, tuple[str, Any]] = {
        "other neurons": ("kinds_0", arrays["kinds_0"][::-1]),
        "another kind": ("kinds_0", np.array([0, 0, 1, 7])),
        "fewer neurons": ("kinds_0", arrays["kinds_0"][:3]),
        "other sizes": ("sizes_0", arrays["sizes_0"][::-1]),
        "another slope": ("slopes_0", arrays["slopes_0"] * 2.0),
    }
    for name, (key, value) in damage.items():
        np.savez(tmp_path / "bad.npz", **{**arrays, key: value})
        assert program.main([str(tmp_path / "bad.npz")]) != 0, name
        try:
            assert not sg.load_complex(tmp_path / "bad.npz").reprove().proved, name
        except sg.ReadError:
            pass
    capsys.readouterr()


def test_forward_gradient_and_pattern() -> None:
    net, rng = dyadic([3, 7, 6, 2], 3), np.random.default_rng(1)
    x = rng.uniform(-1, 1, (50, 3))
    a = x
    for weight, bias, activation in zip(net.weights[:-1], net.biases[:-1], net.activations, strict=True):
        z = a @ weight.T + bias
        a = np.column_stack([one(z[:, j]) for j, one in enumerate(activation.each(len(bias)))])
    np.testing.assert_allclose(net(x), a @ net.weights[-1].T + net.biases[-1], rtol=0, atol=1e-14)
    step = 2.0**-24
    for c in range(3):
        e = np.eye(3)[c] * step
        slope = (net(x + e) - net(x - e)) / (2 * step)
        kept = (net.activation_pattern(x + e) == net.activation_pattern(x - e)).all(axis=1)
        np.testing.assert_allclose(net.gradient(x)[kept][:, :, c], slope[kept], atol=1e-7)
    cx = sg.enumerate_regions(net, sg.Box([-1] * 3, [1] * 3))
    assert np.array_equal(net.activation_pattern(cx.centroids), cx.patterns)


def test_bounds_hold_at_rational_points() -> None:
    net = dyadic([2, 6, 5, 1], 8)
    x = np.random.default_rng(2).normal(size=(40, 2))
    values, error = values_with_error(net, x)
    trace = trace_segment(net, x[0], x[1])
    signs = PointSigns(net.layers).exact(x)
    above, below = PointSigns(net.layers).decided(x)
    assert np.all(signs[above] == 1) and np.all(signs[below] == -1)
    for point, value, bound in zip(x[:20].tolist(), values[:, 0], error[:, 0], strict=False):
        assert abs(Fraction(value) - exact(net, [Fraction(c) for c in point])) <= Fraction(bound)
    p, q = ([Fraction(c) for c in row] for row in x[:2].tolist())
    for t, value in zip(trace.parameters.tolist(), trace.values[:, 0].tolist(), strict=True):
        on = [a + Fraction(t) * (b - a) for a, b in zip(p, q, strict=True)]
        assert abs(Fraction(value) - exact(net, on)) <= Fraction(float(trace.error[0]))


def exact(net: sg.Network, x: list[Fraction]) -> Fraction:
    """The value in rational arithmetic."""
    for weight, bias, activation in zip(net.weights[:-1], net.biases[:-1], net.activations, strict=True):
        z = [sum((Fraction(w) * v for w, v in zip(row, x, strict=True)), Fraction(b))
             for row, b in zip(weight.tolist(), bias.tolist(), strict=True)]  # fmt: skip
        x = []
        for value, one in zip(z, activation.each(len(z)), strict=True):
            piece = sum(value > Fraction(t) for t in one.breakpoints.tolist())
            x.append(Fraction(float(one.slopes[piece])) * value + one.exact_intercepts[piece])
    (row,), (b,) = net.weights[-1].tolist(), net.biases[-1].tolist()
    return sum((Fraction(w) * v for w, v in zip(row, x, strict=True)), Fraction(b))


def test_functions_made_of_it() -> None:
    """What takes networks apart: in ReLUs for differences and supports, region bounds, level sets, verification."""
    net, x = dyadic([2, 5, 4, 1], 11), np.random.default_rng(0).uniform(-1, 1, (100, 2))
    zero = difference(net, net)
    np.testing.assert_allclose(zero(x), 0.0, atol=1e-12)
    clamped = clamp_to_support(net, PLANE, 1e6)
    np.testing.assert_allclose(clamped(0.9 * x), net(0.9 * x), atol=1e-8)
    cx = sg.enumerate_regions(net, PLANE)
    assert all(check.holds for check in sg.theory.counting.region_table(net, cx).checks)
    level = float(np.median(net(x)))
    found = sg.level_set(net, PLANE, level)
    assert np.abs(net(found.vertices) - level).max() < 1e-12
    whole = cx.level_set(level)
    assert abs(found.measures.sum() - whole.measures.sum()) < 1e-9


@pytest.mark.parametrize("wrong", [[[RELU, SKIP]], [[RELU] * 3 + ["none"]], [[RELU, SKIP, RELU, 3]]])
def test_refused(wrong: Any) -> None:
    with pytest.raises(sg.InvalidInputError, match="activation"):
        sg.Network([np.eye(4), np.ones((1, 4))], [np.zeros(4), [0.0]], wrong)
    with pytest.raises(sg.InvalidInputError, match="which"):
        sg.NeuronActivations([sg.Activation.relu()], [1])


def test_plain_networks_are_not_touched() -> None:
    net = random_network([2, 16, 16, 1], 0)
    assert all(isinstance(a, sg.Activation) for a in net.activations)


def sparse(seed: int, d: int = 2) -> sg.Network:
    """Wide layers with few entries in a row, in eighths; values passed through and ReLUs."""
    rng = np.random.default_rng(seed)
    widths = [d, 40, 48, 40, 2]
    weights = [rng.integers(-8, 9, (n, k)) / 8 for k, n in zip(widths[:-1], widths[1:], strict=True)]
    for weight in weights[1:-1]:
        weight[rng.random(weight.shape) > 0.06] = 0.0
    kinds = [[["relu", "relu", "identity"][k] for k in rng.integers(3, size=n)] for n in widths[1:-1]]
    return sg.Network(weights, [rng.integers(-4, 5, n) / 8 for n in widths[1:]], kinds)


@pytest.mark.parametrize("seed", range(3))
def test_sparse_layers_are_those_of_their_dense_matrices(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    net, d = sparse(seed, 1 + seed % 2), 1 + seed % 2
    assert (_layers.flatten(net.weights[:-1], net.biases[:-1], net.activations).meta[:, _layers.ROWS] >= 0).sum() == 2
    box = sg.Box([-1] * d, [1] * d)
    cx = sg.enumerate_regions(net, box)
    assert cx.reprove().proved
    assert_complex_valid(cx, net)
    monkeypatch.setattr(_layers, "_SPARSE", 0.0)
    dense = sg.enumerate_regions(sg.Network(net.weights, net.biases, net.activations), box)
    assert dense.f_vector == cx.f_vector and np.array_equal(dense.sign_vectors, cx.sign_vectors)
    level = float(np.median(net(cx.vertices)[:, 0]))
    monkeypatch.undo()
    assert abs(sg.level_set(net, box, level).measures.sum() - cx.level_set(level).measures.sum()) < 1e-9
