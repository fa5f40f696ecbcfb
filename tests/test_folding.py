"""Affine pieces of many cells at once against integers and against the pass backwards through the layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import specgeo as sg
from specgeo._codec import Layers
from specgeo._sparse import SparseMatrix
from specgeo.geometry import folding, pieces
from specgeo.geometry._fold import SMALL
from specgeo.geometry.arrays import Patterns
from specgeo.geometry.integer_network import IntegerNetwork
from specgeo.geometry.stored_values import piece_bounds

CLIP = sg.Activation([-0.5, 0.5], [0.0, 1.0, 0.25], 0.1)
RELU, IDENTITY = sg.Activation.relu(), sg.Activation.identity()


def network(widths: list[int], activations: Any, seed: int, whole: bool = False) -> sg.Network:
    rng = np.random.default_rng(seed)
    outputs = [*widths]
    inputs = [
        len(a.groups) if isinstance(a, sg.MaxGroups) else n for n, a in zip(widths, [None, *activations], strict=False)
    ]
    draw = (lambda s: rng.integers(-3, 4, s).astype(float)) if whole else rng.standard_normal
    weights = [draw((b, a)) for a, b in zip(inputs, outputs[1:], strict=False)]
    return sg.Network(weights, [draw(len(w)) for w in weights], activations)


CASES = {
    "line": ([1, 7, 6, 1], [RELU, RELU]),
    "plane": ([2, 8, 7, 6, 2], [RELU, RELU, RELU]),
    "one layer": ([3, 9, 2], [RELU]),
    "breakpoints": ([2, 6, 5, 3], [CLIP, sg.Activation.leaky_relu(0.1)]),
    "an affine layer between": ([2, 6, 5, 4, 1], [RELU, IDENTITY, RELU]),
    "neurons of their own": ([2, 6, 5, 2], [[RELU, IDENTITY, CLIP, RELU, IDENTITY, RELU], RELU]),
    "maxima": ([2, 8, 5, 2], [sg.MaxGroups([[0, 1, 2], [3, 4], [5], [6, 7, 0]]), RELU]),
    "maxima at the end": ([2, 6, 6, 1], [RELU, sg.MaxGroups([[0, 1], [2, 3, 4], [5, 0]])]),
    "space": ([3, 6, 5, 1], [RELU, RELU]),
    "four dimensions": ([4, 5, 4, 2], [RELU, RELU]),
}


MANY = {
    "plane": ([2, 24, 20, 16, 2], [RELU, RELU, RELU]),
    "breakpoints": ([2, 16, 12, 3], [CLIP, sg.Activation.leaky_relu(0.1)]),
    "neurons of their own": ([2, 30, 20, 2], [[RELU, IDENTITY, CLIP] * 10, RELU]),
    "maxima": ([2, 72, 16, 2], [sg.MaxGroups([[i, i + 24, i + 48] for i in range(24)]), RELU]),
    "maxima at the end": ([2, 36, 24, 1], [RELU, sg.MaxGroups([[i, i + 1, (i + 2) % 24] for i in range(0, 24, 2)])]),
    "space": ([3, 12, 10, 1], [RELU, RELU]),
}
EVERY = CASES | {f"{name}, many cells": MANY[name] for name in MANY}


def maps(layers: Layers, signs: Patterns) -> np.ndarray[Any, Any]:
    n, m, d = len(signs.positive), len(layers.biases[-1]), layers.weights[0].shape[1]
    gradients, offsets = np.full((n, m, d), np.nan), np.full((n, m), np.nan)
    assert folding.folded(layers, signs, gradients, offsets)
    return np.concatenate((gradients, offsets[:, :, None]), axis=2)


@pytest.mark.parametrize("name", EVERY)
def test_within_the_bounds_of_the_exact_maps(name: str) -> None:
    net = network(*EVERY[name], seed=3)
    cx = sg.enumerate_regions(net, sg.Box(-2, 2, dim=net.input_dim))
    assert cx.signs is not None
    parts = cx.signs.neuron_pieces(net.activations)
    exact, exponent = IntegerNetwork(net.layers).affine_pieces(parts)
    truth = np.array([n / (1 << exponent) for n in exact.ravel().tolist()]).reshape(exact.shape)
    assert cx.n_cells > (4 * SMALL if "many" in name else 12)
    found = maps(net.layers, cx.signs)
    assert np.all(np.abs(found - truth) <= piece_bounds(net.layers, parts))


@pytest.mark.parametrize("name", ["plane", "neurons of their own", "maxima", "maxima at the end"])
def test_whole_numbers_are_exact(name: str) -> None:
    widths, activations = CASES[name]
    activations = [[RELU if a is CLIP else a for a in x] if isinstance(x, list) else x for x in activations]
    net = network(widths, activations, seed=5, whole=True)
    cx = sg.enumerate_regions(net, sg.Box(-2, 2, dim=net.input_dim))
    assert cx.signs is not None
    exact, exponent = IntegerNetwork(net.layers).affine_pieces(cx.signs.neuron_pieces(net.activations))
    np.testing.assert_array_equal(maps(net.layers, cx.signs) * 2.0**exponent, exact.astype(float))


def test_any_cells_in_any_order() -> None:
    net = network(*CASES["plane"], seed=4)
    cx = sg.enumerate_regions(net, sg.Box(-2, 2, dim=2))
    assert cx.signs is not None
    rng, all_of_them = np.random.default_rng(0), maps(net.layers, cx.signs)
    for n in (0, 1, 2, 9, 40, 500):
        some = rng.integers(0, cx.n_cells, n)
        np.testing.assert_allclose(maps(net.layers, cx.signs.take(some)), all_of_them[some], rtol=0, atol=1e-13)


def test_sparse_weights_are_those_that_they_stand_for() -> None:
    net = network(*CASES["plane"], seed=4)
    cx = sg.enumerate_regions(net, sg.Box(-2, 2, dim=2))
    assert cx.signs is not None
    sparse = net.layers._replace(weights=[SparseMatrix.from_dense(w) for w in net.layers.weights])
    np.testing.assert_array_equal(maps(sparse, cx.signs), maps(net.layers, cx.signs))
    assert folding._digits(sparse) == folding._digits(net.layers)


def test_without_room_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network(*CASES["plane"], seed=4)
    cx = sg.enumerate_regions(net, sg.Box(-2, 2, dim=2))
    assert cx.signs is not None
    monkeypatch.setattr(folding, "ROOM", 1)
    monkeypatch.setattr(folding, "SPARE", 1)
    empty = np.empty((cx.n_cells, 2, 2)), np.empty((cx.n_cells, 2))
    assert not folding.folded(net.layers, cx.signs, *empty)
    monkeypatch.setattr(folding, "LARGE", 1)
    gradients, offsets = pieces.affine_pieces(net.layers, cx.signs)
    np.testing.assert_array_equal(gradients, pieces.backward(net.layers, cx.signs)[0])
    np.testing.assert_array_equal(offsets, pieces.backward(net.layers, cx.signs)[1])
    monkeypatch.setattr(folding, "SPARE", 1 << 50)
    with pytest.raises(sg.BudgetError, match="network: tables of 23 rows: .* free some memory"):
        folding.folded(net.layers, cx.signs, *empty)


def test_large_complexes_take_it_and_small_numbers_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network(*CASES["plane"], seed=6)
    cx = sg.enumerate_regions(net, sg.Box(-2, 2, dim=2))
    assert cx.signs is not None and not folding.pays(net.layers, cx.n_cells)
    monkeypatch.setattr(folding, "LARGE", 1)
    assert folding.pays(net.layers, cx.n_cells)
    gradients, offsets = pieces.affine_pieces(net.layers, cx.signs)
    np.testing.assert_array_equal(np.dstack((gradients, offsets)), maps(net.layers, cx.signs))
    tiny = net.layers._replace(weights=[w * 2.0**-300 for w in net.layers.weights])
    assert not folding.pays(tiny, cx.n_cells)  # products of three such are below the range of floats
    assert folding.pays(net.layers._replace(weights=[np.rint(w) for w in net.layers.weights]), cx.n_cells)


def test_what_overflows_is_computed_in_integers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "LARGE", 1)
    weights = [np.array([[1e200], [1.0]]), np.array([[1e200, 1.0]]), np.array([[1e-300]])]
    net = sg.Network(weights, [np.zeros(2), np.zeros(1), np.zeros(1)])
    cx = sg.enumerate_regions(net, sg.Box([-1], [1]))
    assert folding.pays(net.layers, cx.n_cells)
    np.testing.assert_allclose(np.sort(cx.gradients.ravel()), [0.0, 1e100], rtol=1e-15)
