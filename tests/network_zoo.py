"""Networks with known complexes: closed forms and the degenerate cases that break region enumerators."""

from __future__ import annotations

from itertools import combinations
from math import comb, factorial

import numpy as np

import specgeo as sg
from specgeo.testing import random_network
from specgeo.theory.constructions import sawtooth


def one_layer(normals: object, offsets: object) -> sg.Network:
    """One hidden layer whose neurons are the affine functions normals @ x + offsets."""
    weight = np.array(normals, dtype=float)
    bias = np.array(offsets, dtype=float)
    return sg.Network([weight, np.ones((1, len(weight)))], [bias, [0.0]])


def diamonds(radii: list[float], dim: int = 2, activation: str = "relu") -> sg.Network:
    """Neurons |x|_1 - r in the second layer; |x| from pairs of ReLU or from abs units."""
    if activation == "abs":
        return sg.Network(
            [np.eye(dim), np.ones((len(radii), dim)), np.ones((1, len(radii)))],
            [np.zeros(dim), -np.array(radii), [0.0]],
            ["abs", "relu"],
        )
    first = np.kron(np.eye(dim), np.array([[1.0], [-1.0]]))
    second = np.ones((len(radii), 2 * dim))
    return sg.Network([first, second, np.ones((1, len(radii)))], [np.zeros(2 * dim), -np.array(radii), [0.0]])


def tent(dim: int) -> sg.Network:
    """(1 - |x|_1)_+ on R^dim."""
    first = np.kron(np.eye(dim), np.array([[1.0], [-1.0]]))
    return sg.Network([first, -np.ones((1, 2 * dim)), [[1.0]]], [np.zeros(2 * dim), [1.0], [0.0]])


def differences(n: int, shifts: list[int]) -> sg.Network:
    """The hyperplanes x_i - x_j = s for i < j and s in ``shifts``: braid, Shi, Catalan and Linial arrangements."""
    rows, offsets = [], []
    for i, j in combinations(range(n), 2):
        for s in shifts:
            row = np.zeros(n)
            row[i], row[j] = 1.0, -1.0
            rows.append(row)
            offsets.append(-float(s))
    return one_layer(rows, offsets)


def max_min(affine: np.ndarray) -> sg.Network:
    """max_i min_j (affine[i, j, :-1] . x + affine[i, j, -1]) for an array (p, 2, d + 1), p = 2, by ReLUs.

    min(a, b) = b - relu(b - a) and max(a, b) = a + relu(b - a); values are passed on as relu(v) - relu(-v).
    """
    (a1, b1), (a2, b2) = affine
    rows = np.array([b1, -b1, b1 - a1, b2, -b2, b2 - a2])
    first, bias = rows[:, :-1], rows[:, -1]
    low1 = np.array([1.0, -1.0, -1.0, 0.0, 0.0, 0.0])
    low2 = np.array([0.0, 0.0, 0.0, 1.0, -1.0, -1.0])
    second = np.array([low1, -low1, low2 - low1])
    return sg.Network([first, second, [[1.0, -1.0, 1.0]]], [bias, np.zeros(3), [0.0]])


def zaslavsky(n: int, d: int) -> int:
    """Regions of n generic hyperplanes in R^d."""
    return sum(comb(n, i) for i in range(d + 1))


def central(n: int, d: int) -> int:
    """Regions of n generic hyperplanes through the origin of R^d."""
    return 2 * sum(comb(n - 1, i) for i in range(d))


def catalan(n: int) -> int:
    """Catalan number."""
    return comb(2 * n, n) // (n + 1)


DIFFERENCE_ARRANGEMENTS = [
    # name, n, shifts, regions by the characteristic polynomial
    ("braid", 3, [0], factorial(3)),
    ("braid", 4, [0], factorial(4)),
    ("Shi", 3, [0, 1], 4**2),
    ("Shi", 4, [0, 1], 5**3),
    ("Catalan", 3, [-1, 0, 1], factorial(3) * catalan(3)),
    ("Catalan", 4, [-1, 0, 1], factorial(4) * catalan(4)),
    ("Linial", 3, [1], 7),
    ("Linial", 4, [1], 36),
]


def _with_first_neuron(base: sg.Network, row: list[float], bias: float) -> sg.Network:
    """``base`` with one more neuron in its first layer, whose outgoing weights are 1/2."""
    weights, biases = list(base.weights), list(base.biases)
    weights[0] = np.vstack((weights[0], row))
    biases[0] = np.append(biases[0], bias)
    weights[1] = np.hstack((weights[1], np.full((len(weights[1]), 1), 0.5)))
    return sg.Network(weights, biases, list(base.activations))


def _zero_layer(second_bias: list[float]) -> sg.Network:
    """relu(x), relu(y), both zero on an open quadrant, then differences of them."""
    second = np.array([[1.0, -1.0], [1.0, 1.0], [2.0, -1.0]])[: len(second_bias)]
    return sg.Network([np.eye(2), second, np.ones((1, len(second_bias)))], [[0.0, 0.0], second_bias, [0.0]])


def _failures() -> dict[str, tuple[sg.Network, int | None]]:
    base = random_network([2, 5, 5, 1], rng=3)
    rows = base.weights[0]
    third = [[3, 0], [0, 3], [3, 3], [3, -3]]
    pair_then_diamond = sg.Network(
        [[[1, 0], [-1, 0], [0, 1], [0, -1]], [[1, 1, 1, 1], [1, 1, -1, -1]], [[1, 1]]],
        [[0, 0, 0, 0], [-0.5, 0], [0]],
    )
    return {
        "a1 dead neuron": (_with_first_neuron(base, [1.0, 1.0], -50.0), None),
        "a2 all-zero neuron": (_with_first_neuron(base, [0.0, 0.0], 0.0), None),
        "b1 two identical neurons": (_with_first_neuron(base, rows[0].tolist(), base.biases[0][0]), None),
        "b2 neuron = -2 x other": (_with_first_neuron(base, (-2 * rows[0]).tolist(), -2 * base.biases[0][0]), None),
        "c1 line through a vertex": (one_layer([[1, 0], [0, 1], [1, 1]], [0, 0, 0]), 6),
        "c2 five lines through a point": (one_layer([[1, 0], [0, 1], [1, 1], [1, -1], [2, 1]], [0] * 5), 10),
        "c3 lines through box corners": (one_layer([[1, 1], [1, -1], [1, 0]], [0] * 3), 6),
        "c4 four lines through (1/3, 1/3)": (one_layer(third, [-1, -1, -2, 0]), 8),
        "d parallel neurons": (one_layer([[1, 0.5]] * 7, np.arange(-3, 4) / 4), 8),
        "e zero bias": (random_network([2, 8, 8, 1], rng=0, kind="zero-bias"), None),
        "f zero set = box face": (one_layer([[1, 0], [0, 1], [1, 1]], [-1, -1, 0]), 2),
        "g1 zero layer, next bias zero": (_zero_layer([0.0]), 5),
        "g2 zero layer, next bias not zero": (_zero_layer([-0.25, -0.75, 0.25]), None),
        "h1 x, -x, y, -y, then a diamond": (pair_then_diamond, 16),
        "h2 sawtooth of depth 4 along x": (sawtooth(4, dim=2), 16),
        "h3 sawtooth of depth 3 along x and y": (sawtooth(3, dim=2, axes=2), 64),
    }


FAILURES = _failures()
"""Name -> (network, number of cells where the description fixes it); boxes as in `failure_box`."""


def failure_box(name: str) -> tuple[list[float], list[float]]:
    """[0, 1]^2 for the sawtooths, [-1, 1]^2 for the others."""
    return ([0.0, 0.0], [1.0, 1.0]) if name[:2] in ("h2", "h3") else ([-1.0, -1.0], [1.0, 1.0])
