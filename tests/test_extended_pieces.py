"""Affine pieces beyond float64 against rational numbers: bounds that hold, and are far below a roundoff."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import specgeo as sg
from specgeo._codec import Layers
from specgeo._sparse import SparseMatrix
from specgeo.geometry.extended_pieces import EPS, extended_pieces
from specgeo.geometry.integer_network import IntegerNetwork

BENT = sg.Activation([-0.3, 0.7], [0.1, 1.3, -0.4], 0.2)
CASES: dict[str, tuple[list[int], list[Any]]] = {
    "relu": ([2, 60, 50, 40, 3], ["relu"] * 3),
    "hard tanh": ([3, 20, 20, 2], ["hard_tanh"] * 2),
    "bent": ([2, 21, 19, 1], [BENT] * 2),
    "steep": ([1, 7, 7, 1], [sg.Activation([0.0], [1e-150, 1e200], 0.0), "relu"]),
    "affine": ([2, 9, 9, 1], ["relu", "identity"]),
    "maxima of shared members": ([2, 12, 9, 2], [sg.MaxGroups([[0, i, i + 1] for i in range(1, 11)]), "relu"]),
}


def layers_of(name: str, sparse: bool) -> tuple[Layers, sg.PolyhedralComplex]:
    """Networks whose inputs, neurons and outputs have scales of their own."""
    rng = np.random.default_rng(len(name))
    widths, activations = CASES[name]
    weights = []
    inputs = [
        len(a.groups) if isinstance(a, sg.MaxGroups) else n for n, a in zip(widths, [None, *activations], strict=False)
    ]
    for n, m in zip(inputs, widths[1:], strict=True):
        scales = np.ldexp(1.0, rng.integers(-20, 20, n))
        weights.append(rng.normal(size=(m, n)) * (scales if name == "relu" and len(weights) != 0 else 1.0))
    weights[-1] *= np.ldexp(1.0, 40 * np.arange(widths[-1]))[:, None]
    net = sg.Network(weights, [rng.normal(size=n) / 3 for n in widths[1:]], activations)
    cx = sg.enumerate_regions(net, sg.Box(-1, 1, dim=widths[0]))
    layers = net.layers
    if sparse:
        layers = layers._replace(weights=[SparseMatrix.from_dense(w) for w in layers.weights])
    return layers, cx


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_bounds_hold_and_are_sharp(name: str, sparse: bool) -> None:
    layers, cx = layers_of(name, sparse)
    assert cx.signs is not None
    signs = cx.signs.take(np.arange(0, cx.n_cells, 1 + cx.n_cells // 50))
    rows, errors = extended_pieces(layers, signs)
    exact, exponent = IntegerNetwork(cx.layers).affine_pieces(signs.neuron_pieces(cx.layers.activations))
    for x, error, top in zip(rows.flat, errors.flat, exact.flat, strict=True):
        high = float(x)
        off = abs(Fraction(high) + Fraction(float(x - high)) - Fraction(top, 1 << exponent))
        assert off <= Fraction(float(error))
    largest = np.abs(rows).max(axis=(0, 2))[:, None]  # of each output
    assert np.all(errors <= 2.0**-54 * largest)
    if name != "relu":  # whose rows are of mixed scales
        assert np.all(errors <= 32 * EPS * largest)
