"""Degenerate inputs against rational truth: the cases on which other region enumerators fail."""

from __future__ import annotations

import network_zoo as zoo
import numpy as np
import pytest
from naive.compare import assert_same_complex
from naive.rational import n_linear_regions, rational_complex

import specgeo as sg
from specgeo.testing import assert_complex_valid, random_network


def compared(net: sg.Network, lower: list[float], upper: list[float]) -> sg.PolyhedralComplex:
    """The complex, after comparison with its rational truth."""
    cx = sg.enumerate_regions(net, sg.Box(lower, upper))
    truth = rational_complex(net, lower, upper)
    assert_same_complex(cx, truth)
    assert_complex_valid(cx, net)
    assert cx.n_linear_regions == n_linear_regions(truth)
    return cx


@pytest.mark.parametrize("name", list(zoo.FAILURES))
def test_failure_networks(name: str) -> None:
    net, cells = zoo.FAILURES[name]
    cx = compared(net, *zoo.failure_box(name))
    if cells is not None:
        assert cx.n_cells == cells


def test_dead_and_zero_neurons_change_nothing() -> None:
    plain = sg.enumerate_regions(random_network([2, 5, 5, 1], rng=3), sg.Box([-1, -1], [1, 1]))
    for name in ("a1 dead neuron", "a2 all-zero neuron"):
        lower, upper = zoo.failure_box(name)
        net = zoo.FAILURES[name][0]
        weights = list(net.weights)
        weights[1] = weights[1].copy()
        cx = sg.enumerate_regions(net, sg.Box(lower, upper))
        assert cx.f_vector == plain.f_vector
        unit = 5
        assert set(cx.sign_vectors[:, unit].tolist()) == ({-1} if name.startswith("a1") else {0})


@pytest.mark.parametrize("kind", ["zero-bias", "integer", "quarter", "pruned", "duplicated"])
@pytest.mark.parametrize("widths", [[1, 5, 5, 1], [2, 5, 4, 1], [2, 3, 3, 3, 1], [3, 4, 3, 1]])
def test_everyday_degenerate_networks(widths: list[int], kind: str) -> None:
    d = widths[0]
    for seed in range(3):
        compared(random_network(widths, seed, kind), [-1.0] * d, [1.0] * d)


def test_neuron_that_vanishes_on_an_open_cell_has_sign_zero_there() -> None:
    net, _ = zoo.FAILURES["g1 zero layer, next bias zero"]
    cx = compared(net, [-1.0, -1.0], [1.0, 1.0])
    quadrant = cx.locate([[-0.5, -0.5]])[0]
    np.testing.assert_array_equal(cx.sign_vectors[quadrant], [-1, -1, 0])
    assert np.count_nonzero(cx.sign_vectors == 0) == 1


@pytest.mark.parametrize("lower", [-0.5, 0.0, -2.0])
def test_zero_sets_on_domain_faces_and_vertices(lower: float) -> None:
    normals = [[1, 0], [0, 1], [1, 1], [1, -1], [1, 0]]
    offsets = [0.5, 0.5, 1.0, 0.0, -1.0]  # the first three meet in (-1/2, -1/2), the last is the right side
    compared(zoo.one_layer(normals, offsets), [lower, lower], [1.0, 1.0])


def test_zero_set_contains_an_edge_of_a_cube_but_no_interior() -> None:
    cx = compared(zoo.one_layer([[1, 1, 0], [1, 1, 1]], [2.0, 3.0]), [-1.0] * 3, [1.0] * 3)
    assert cx.f_vector == (8, 12, 6, 1)  # one touches an edge, the other a corner


def test_network_without_hidden_units_on_the_domain() -> None:
    net = sg.Network([[[1.0, 1.0]], [[2.0]]], [[10.0], [1.0]])
    cx = compared(net, [-1.0, -1.0], [1.0, 1.0])
    assert cx.f_vector == (4, 4, 1)
    np.testing.assert_array_equal(cx.gradients, [[[2.0, 2.0]]])


def test_affine_network() -> None:
    cx = sg.enumerate_regions(sg.Network([[[1.0, 2.0]]], [[3.0]]), sg.Box([0, 0], [1, 1]))
    assert cx.f_vector == (4, 4, 1)
    assert cx.n_linear_regions == 1
    np.testing.assert_array_equal(cx.gradients, [[[1.0, 2.0]]])


@pytest.mark.parametrize("activation", ["leaky_relu", "abs", "hard_tanh"])
@pytest.mark.parametrize("widths", [[1, 4, 3, 2], [2, 3, 3, 1], [3, 3, 2, 1]])
def test_other_activations(widths: list[int], activation: str) -> None:
    d = widths[0]
    for kind in ("quarter", "zero-bias"):
        relu = random_network(widths, 5, kind)
        compared(sg.Network(relu.weights, relu.biases, activation), [-1.0] * d, [1.0] * d)


def test_activations_may_differ_by_layer_and_have_many_breakpoints() -> None:
    stairs = sg.Activation([-0.5, 0.0, 0.25, 1.0], [1.0, 0.0, 2.0, -1.0, 0.5])
    base = random_network([2, 3, 3, 2, 1], 7, "quarter")
    net = sg.Network(base.weights, base.biases, [stairs, "abs", stairs])
    compared(net, [-1.0, -1.0], [1.0, 1.0])
