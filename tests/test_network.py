"""Network and Activation against rational arithmetic, differences and slow loops."""

from __future__ import annotations

import pickle
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse

import specgeo as sg
from specgeo._affine import Affine, fold


def exact_value(net: sg.Network, x: list[Fraction]) -> list[Fraction]:
    """f(x) in rational arithmetic, for activations with an intercept of exact floats."""
    values = x
    for index, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        z = [
            sum((Fraction(w) * v for w, v in zip(row, values, strict=True)), Fraction(b))
            for row, b in zip(weight.tolist(), bias.tolist(), strict=True)
        ]
        if index == len(net.weights) - 1:
            return z
        values = [exact_activation(net.activations[index], v) for v in z]
    raise AssertionError


def exact_activation(activation: sg.Activation, z: Fraction) -> Fraction:
    value = Fraction(activation.slopes[0]) * z + Fraction(activation.intercept)
    for t, left, right in zip(activation.breakpoints, activation.slopes[:-1], activation.slopes[1:], strict=True):
        value += (Fraction(right) - Fraction(left)) * max(Fraction(0), z - Fraction(t))
    return value


ACTIVATIONS = {
    "relu": ("relu", lambda z: np.maximum(z, 0)),
    "leaky": ("leaky_relu", lambda z: np.where(z > 0, z, 0.01 * z)),
    "abs": ("abs", np.abs),
    "hard tanh": ("hard_tanh", lambda z: np.clip(z, -1, 1)),
    "identity": ("identity", lambda z: z),
    "clip": (sg.Activation.clip(0.0, 6.0), lambda z: np.clip(z, 0, 6)),
    "soft shrink": (
        sg.Activation([-0.5, 0.5], [1.0, 0.0, 1.0], 0.5),
        lambda z: np.sign(z) * np.maximum(np.abs(z) - 0.5, 0),
    ),
}


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activations_are_the_functions_they_are_named_after(kind, random_network):
    activation, reference = ACTIVATIONS[kind]
    net = random_network([2, 7, 5, 3], seed=1, activation=activation)
    x = np.random.default_rng(2).normal(size=(50, 2))
    a = x
    for weight, bias in zip(net.weights[:-1], net.biases[:-1], strict=True):
        a = reference(a @ weight.T + bias)
    np.testing.assert_allclose(net(x), a @ net.weights[-1].T + net.biases[-1], atol=1e-13)
    points = np.array([-6.5, -1.0, -0.5, 0.0, 0.5, 1.0, 6.0, 1e3])
    np.testing.assert_allclose(net.activations[0](points), reference(points), atol=1e-13)


def test_intercepts_cancel_exactly():
    assert sg.Activation.clip(-0.1, 0.7).intercepts.tolist() == [-0.1, 0.0, 0.7]


def test_clip_without_bounds():
    assert sg.Activation.clip(-np.inf, np.inf).is_identity
    assert sg.Activation.clip(0.0, np.inf).is_relu
    assert sg.Activation.clip(-np.inf, 2.0)([-5.0, 3.0]).tolist() == [-5.0, 2.0]


def test_arguments_are_copied_and_frozen():
    weight, bias, breakpoints = np.ones((3, 2)), np.zeros(3), np.array([0.0])
    net = sg.Network([weight, np.ones((1, 3))], [bias, [0.0]], sg.Activation(breakpoints, np.array([0.0, 1.0])))
    for array in (weight, bias, breakpoints):
        array[:] = 99.0  # still the caller's own
    assert net([1.0, 1.0]).tolist() == [6.0]
    with pytest.raises(ValueError):
        net.weights[0][0, 0] = 2.0


def test_float32_is_widened_exactly():
    weight = np.array([[0.1], [1e-42]], dtype=np.float32)
    net = sg.Network([weight, np.ones((1, 2), np.float16)], [np.zeros(2, np.float32), [0]])
    assert net.weights[0].dtype == np.float64
    assert net.weights[0][:, 0].tolist() == [float(weight[0, 0]), float(weight[1, 0])]


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.longdouble, np.dtype(">f8"), object])
def test_numbers_that_float64_holds_are_kept(dtype):
    value = np.array([[2**53], [3]], dtype=dtype)
    assert sg.Network([value], [[0, 0]]).weights[0].tolist() == [[2.0**53], [3.0]]
    assert sg.Network([np.array([[2**62]], dtype=dtype)], [[0]]).weights[0].tolist() == [[2.0**62]]


def test_sparse_weights(random_network):
    net = random_network([3, 6, 2])
    sparse = sg.Network([scipy.sparse.csr_array(w) for w in net.weights], net.biases)
    np.testing.assert_array_equal(sparse.weights[0], net.weights[0])


def test_affine_network_without_hidden_layers():
    net = sg.Network([[[2.0, 3.0]]], [[1.0]])
    assert net([1.0, 1.0]).tolist() == [6.0]
    assert net.pre_activations([1.0, 1.0]) == ()
    assert net.activation_pattern(np.zeros((4, 2))).shape == (4, 0)
    assert net.gradient(np.zeros((4, 2))).tolist() == [[[2.0, 3.0]]] * 4
    assert net.hidden_widths == () and net.n_units == 0


def test_pre_activations_and_pattern_against_loops(random_network):
    net = random_network([2, 4, 3, 1], seed=3, activation="hard_tanh")
    x = np.random.default_rng(4).normal(size=(3, 5, 2))
    zs = net.pre_activations(x)
    assert [z.shape for z in zs] == [(3, 5, 4), (3, 5, 3)]
    pattern = net.activation_pattern(x)
    assert pattern.shape == (3, 5, net.n_units) and net.n_units == 14
    for i in np.ndindex(3, 5):
        expected = [z[i][n] > t for z in zs for n in range(z.shape[-1]) for t in (-1.0, 1.0)]
        assert pattern[i].tolist() == expected


@pytest.mark.parametrize("activation", ["relu", "abs", "hard_tanh", "leaky_relu"])
def test_gradient_against_exact_differences(activation, random_network):
    net = random_network([3, 6, 5, 2], seed=5, activation=activation)
    points = np.random.default_rng(6).normal(size=(4, 3))
    gradient = net.gradient(points)
    assert gradient.shape == (4, 2, 3)
    h = Fraction(1, 2**40)
    for point, found in zip(points, gradient, strict=True):
        x = [Fraction(v) for v in point.tolist()]
        for i in range(3):
            moved = [v + (h if i == j else 0) for j, v in enumerate(x)]
            quotient = [(b - a) / h for a, b in zip(exact_value(net, x), exact_value(net, moved), strict=True)]
            np.testing.assert_allclose(found[:, i], [float(q) for q in quotient], atol=1e-12)


@pytest.mark.parametrize("activation", ["relu", "hard_tanh", "identity"])
def test_patterns_of_an_empty_batch(activation, random_network):
    net = random_network([2, 4, 3, 1], activation=activation)
    assert net.activation_pattern(np.empty((0, 2))).shape == (0, net.n_units)
    assert net.activation_pattern(np.empty((3, 0, 2))).shape == (3, 0, net.n_units)


def test_networks_do_not_change(random_network):
    net = random_network([2, 3, 1])
    with pytest.raises(AttributeError, match="weights: .*new one"):
        net.weights = ()


def test_gradient_at_a_kink_is_the_left_slope():
    net = sg.Network([[[1.0]], [[1.0]]], [[0.0], [0.0]])
    assert net.gradient([[0.0]]).tolist() == [[[0.0]]]


@pytest.mark.parametrize("seed", range(4))
def test_restriction_is_the_same_function_in_rational_arithmetic(seed, random_network):
    rng = np.random.default_rng(seed)
    net = random_network([4, 5, 3, 2], seed=seed)
    where = sg.AffineSlice(rng.normal(size=4), rng.normal(size=(2, 4)))
    restricted = net.restrict(where)
    assert restricted.input_dim == 2
    for t in rng.normal(size=(5, 2)).tolist():
        exact_t = [Fraction(v) for v in t]
        x = [
            Fraction(o) + sum((v * Fraction(b) for v, b in zip(exact_t, column, strict=True)), Fraction(0))
            for o, column in zip(where.origin.tolist(), where.basis.T.tolist(), strict=True)
        ]
        assert exact_value(restricted, exact_t) == exact_value(net, x)


def test_coordinate_slices_are_folded_bit_for_bit(random_network):
    net = random_network([5, 8, 2], seed=7)
    restricted = net.restrict(sg.AffineSlice(np.zeros(5), np.eye(5)[[3, 1]]))
    assert restricted.hidden_widths == net.hidden_widths
    np.testing.assert_array_equal(restricted.weights[0], net.weights[0][:, [3, 1]])
    np.testing.assert_array_equal(restricted.biases[0], net.biases[0])


def test_composition_before_and_after(random_network):
    rng = np.random.default_rng(8)
    net = random_network([3, 6, 2], seed=8)
    before, after = (rng.normal(size=(3, 4)), rng.normal(size=3)), (rng.normal(size=(5, 2)), rng.normal(size=5))
    composed = net.precompose(*before).postcompose(*after)
    x = rng.normal(size=(10, 4))
    expected = net(x @ before[0].T + before[1]) @ after[0].T + after[1]
    np.testing.assert_allclose(composed(x), expected, atol=1e-12)
    exact_x = [Fraction(v) for v in x[0].tolist()]
    inside = [
        Fraction(c) + sum((Fraction(m) * v for m, v in zip(row, exact_x, strict=True)), Fraction(0))
        for row, c in zip(before[0].tolist(), before[1].tolist(), strict=True)
    ]
    outside = [
        Fraction(c) + sum((Fraction(m) * v for m, v in zip(row, exact_value(net, inside), strict=True)), Fraction(0))
        for row, c in zip(after[0].tolist(), after[1].tolist(), strict=True)
    ]
    assert exact_value(composed, exact_x) == outside


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ([[0.1, 0.2]], [[4.0], [8.0]], False),  # 0.4 + 1.6 rounds
        ([[0.1, 0.2]], [[4.0], [0.0]], True),
        ([[0.1]], [[0.1]], False),
        ([[3.0, 5.0]], [[7.0], [-2.0]], True),
        ([[1e-300]], [[1e-300]], False),  # underflow
        ([[1e300]], [[1e300]], False),  # overflow
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_fold_knows_when_it_is_exact(outer, inner, expected):
    outer, inner = np.array(outer), np.array(inner)
    folded = fold(Affine(outer, np.zeros(1)), Affine(inner, np.zeros(len(inner))))
    truth = sum((Fraction(a) * Fraction(b) for a, b in zip(outer[0], inner[:, 0], strict=True)), Fraction(0))
    assert (folded is not None) == expected
    if folded is not None:
        assert Fraction(folded.matrix[0, 0]) == truth


def test_pickle(random_network):
    net = random_network([2, 3, 1])
    copy = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(copy.weights[0], net.weights[0])
    assert copy.activations[0].is_relu


def test_representation(random_network):
    assert repr(random_network([2, 3, 1])) == "Network(2-3-1, relu)"
    assert repr(sg.Network([[[1.0]]], [[0.0]])) == "Network(1-1, affine)"


def test_the_text_of_a_deep_network_is_short():
    net = sg.Network([np.eye(1)] * 1001, [[0.0]] * 1001)
    assert repr(net) == "Network(1-1-1-1-1-1-1-1-... (986 more) ...-1-1-1-1-1-1-1-1, relu)"


def test_one_output_is_a_network_of_its_own():
    net = sg.Network([[[1.0], [-1.0]], [[1.0, 2.0], [3.0, 4.0]]], [[0.0, 0.5], [5.0, 6.0]], "abs")
    x = np.linspace(-2, 2, 9)[:, None]
    for output in (0, np.int64(1)):
        assert np.array_equal(net.component(output)(x)[:, 0], net(x)[:, output])
    for output in (-1, 2, 0.0, "a", None):
        with pytest.raises(sg.InvalidInputError, match="output: .* given; the network has outputs 0 to 1"):
            net.component(output)
