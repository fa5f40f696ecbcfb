"""Changes of a network or domain that must not change the complex, or change it in a known way."""

from __future__ import annotations

import numpy as np
import pytest

import specgeo as sg
from specgeo.testing import assert_complex_valid, random_network

KINDS = ["he", "zero-bias", "integer", "pruned"]
SHAPES = [[1, 6, 6, 1], [2, 8, 6, 1], [3, 6, 4, 1]]
cases = pytest.mark.parametrize(("widths", "kind"), [(w, k) for w in SHAPES for k in KINDS])


def complex_of(net: sg.Network, lower: object = None, upper: object = None) -> sg.PolyhedralComplex:
    d = net.input_dim
    box = sg.Box([-1.0] * d if lower is None else lower, [1.0] * d if upper is None else upper)
    cx = sg.enumerate_regions(net, box)
    assert_complex_valid(cx, net)
    return cx


def sign_set(cx: sg.PolyhedralComplex) -> set[tuple[int, ...]]:
    return {tuple(row) for row in cx.sign_vectors.tolist()}


@cases
def test_permuting_neurons_permutes_signs(widths: list[int], kind: str) -> None:
    net = random_network(widths, 4, kind)
    rng = np.random.default_rng(0)
    weights, biases = list(net.weights), list(net.biases)
    orders = []
    for layer, n in enumerate(widths[1:-1]):
        order = rng.permutation(n)
        weights[layer], biases[layer] = weights[layer][order], biases[layer][order]
        weights[layer + 1] = weights[layer + 1][:, order]
        orders.append(order + sum(widths[1 : layer + 1]))
    a, b = complex_of(net), complex_of(sg.Network(weights, biases))
    assert a.f_vector == b.f_vector
    assert {tuple(row) for row in a.sign_vectors[:, np.concatenate(orders)].tolist()} == sign_set(b)
    np.testing.assert_allclose(np.sort(a.volumes), np.sort(b.volumes), rtol=0, atol=1e-12)


@cases
def test_scaling_neurons_by_powers_of_two(widths: list[int], kind: str) -> None:
    net = random_network(widths, 5, kind)
    rng = np.random.default_rng(1)
    weights, biases = [w.copy() for w in net.weights], [b.copy() for b in net.biases]
    for layer, n in enumerate(widths[1:-1]):
        factors = 2.0 ** rng.integers(-20, 21, n)
        weights[layer] *= factors[:, None]
        biases[layer] *= factors
        weights[layer + 1] /= factors
    a, b = complex_of(net), complex_of(sg.Network(weights, biases))
    assert a.f_vector == b.f_vector
    assert sign_set(a) == sign_set(b)
    assert a.n_linear_regions == b.n_linear_regions


@cases
def test_splitting_the_domain(widths: list[int], kind: str) -> None:
    net = random_network(widths, 6, kind)
    d, wall = widths[0], 0.25
    whole = complex_of(net)
    left = complex_of(net, None, [wall] + [1.0] * (d - 1))
    right = complex_of(net, [wall] + [-1.0] * (d - 1), None)
    assert sign_set(left) | sign_set(right) == sign_set(whole)
    volume: dict[tuple[int, ...], float] = {}
    for half in (left, right):
        for row, v in zip(half.sign_vectors.tolist(), half.volumes.tolist(), strict=True):
            volume[tuple(row)] = volume.get(tuple(row), 0.0) + v
    expected = [volume[tuple(row)] for row in whole.sign_vectors.tolist()]
    np.testing.assert_allclose(whole.volumes, expected, rtol=1e-9, atol=1e-13)


@cases
def test_duplicated_neurons_add_no_faces(widths: list[int], kind: str) -> None:
    net = random_network(widths, 7, kind)
    weights = [np.vstack((net.weights[0], net.weights[0])), np.hstack((net.weights[1], net.weights[1])) / 2]
    biases = [np.concatenate((net.biases[0], net.biases[0])), *net.biases[1:]]
    a, b = complex_of(net), complex_of(sg.Network([*weights, *net.weights[2:]], biases))
    assert a.f_vector == b.f_vector
    assert a.n_linear_regions == b.n_linear_regions


@cases
def test_abs_units_equal_pairs_of_relu(widths: list[int], kind: str) -> None:
    net = random_network(widths, 8, kind)
    first = np.vstack((net.weights[0], -net.weights[0]))
    bias = np.concatenate((net.biases[0], -net.biases[0]))
    pairs = sg.Network([first, np.hstack((net.weights[1],) * 2), *net.weights[2:]], [bias, *net.biases[1:]])
    a = complex_of(sg.Network(net.weights, net.biases, ["abs", "relu"]))
    b = complex_of(pairs)
    assert a.f_vector == b.f_vector
    assert a.n_linear_regions == b.n_linear_regions


@cases
def test_leaky_relu_bends_first_layer_facets_where_relu_does(widths: list[int], kind: str) -> None:
    net = random_network([widths[0], widths[1], 1], 9, kind)
    relu, leaky = complex_of(net), complex_of(sg.Network(net.weights, net.biases, "leaky_relu"))
    assert relu.f_vector == leaky.f_vector
    assert sign_set(relu) == sign_set(leaky)
    ratio = leaky.facets.jumps / np.where(relu.facets.jumps == 0.0, 1.0, relu.facets.jumps)
    bends = np.abs(relu.facets.jumps) > 1e-9
    np.testing.assert_allclose(ratio[bends], 0.99, rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_reflecting_the_input_reflects_the_complex(kind: str) -> None:
    net = random_network([2, 8, 6, 1], 10, kind)
    mirrored = sg.Network([-net.weights[0], *net.weights[1:]], net.biases)
    a, b = complex_of(net), complex_of(mirrored)
    assert a.f_vector == b.f_vector
    assert sign_set(a) == sign_set(b)
    x = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    np.testing.assert_allclose(a(x), b(-x), atol=1e-12)


@cases
def test_an_affine_layer_in_front_changes_nothing(widths: list[int], kind: str) -> None:
    net = random_network(widths, 11, kind)
    d = widths[0]
    turn = np.roll(np.eye(d), 1, axis=0) * 4.0  # exactly invertible
    front = sg.Network(
        [turn, net.weights[0] @ np.linalg.inv(turn), *net.weights[1:]],
        [np.zeros(d), *net.biases],
        ["identity", "relu", "relu"],
    )
    a, b = complex_of(net), complex_of(front)
    assert a.f_vector == b.f_vector
    assert sign_set(a) == sign_set(b)
    assert a.n_linear_regions == b.n_linear_regions


@pytest.mark.parametrize("kind", KINDS)
def test_a_slice_cuts_what_the_space_has(kind: str) -> None:
    net = random_network([3, 6, 4, 1], 12, kind)
    space = complex_of(net)
    level = 0.1875
    plane = complex_of(net.restrict(sg.AffineSlice([0.0, 0.0, level], np.eye(3)[:2])))
    assert sign_set(plane) <= sign_set(space) or kind != "he"  # degenerate planes may run inside facets
    x = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    lifted = np.column_stack((x, np.full(300, level)))
    np.testing.assert_allclose(plane(x), space(lifted), atol=1e-12)
