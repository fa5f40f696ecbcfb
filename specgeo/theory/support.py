"""`clamp_to_support`: any ReLU network made zero outside a box, as a ReLU network again."""

from __future__ import annotations

import numpy as np

from specgeo._cast import FloatArray, as_floats
from specgeo.domain import Box
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.network import Network


def clamp_to_support(net: Network, domain: Box, slope: float) -> Network:
    """g = max(-h, min(f, h)) with h(x) = slope * max(0, distance of x to the nearest wall, axis by axis).

    g is continuous and piecewise linear, vanishes on and outside the walls of the box (as a function of
    the network's rational weights; evaluation rounds), and equals f wherever |f| <= h. Its spectrum
    decays without the k^-1 tail of a cut.

    Parameters
    ----------
    net : Network
        ReLU activations; d inputs, m outputs, each clamped.
    domain : Box
    slope : float
        M > 0: the steepness of h at the walls, min_i(x_i - lower_i, upper_i - x_i) times M.

    Returns
    -------
    Network
        max(L, ceil(log2(2d)) + 1) + 1 hidden layers. Its weights are those of ``net`` and
        +-1, +-slope: nothing is multiplied, so g is this function exactly.

    Raises
    ------
    UnsupportedError
        An activation is not ReLU.
    InvalidInputError
        ``slope`` is not positive, or the box has another dimension.

    Notes
    -----
    min(a, b) = a - relu(a - b) in a binary tree beside the network's own layers;
    max(-h, min(f, h)) = relu(f + h) - relu(f - h) - relu(h).

    Examples
    --------
    >>> import specgeo as sg
    >>> one = sg.Network([[[1.0]], [[0.0]]], [[0.0], [1.0]])          # the constant 1
    >>> g = clamp_to_support(one, sg.Box([0.0], [1.0]), 4.0)
    >>> g([[-1.0], [0.0], [0.125], [0.5], [1.0], [7.0]])[:, 0]
    array([0. , 0. , 0.5, 1. , 0. , 0. ])
    """
    steep = float(as_floats(slope, "slope", ()))
    if not steep > 0:
        raise InvalidInputError(f"slope: {slope} given; a positive number wanted")
    d, m = net.input_dim, net.output_dim
    if domain.dim != d:
        raise InvalidInputError(f"domain: dimension {domain.dim} given, {d} wanted")
    if not all(a.is_relu for a in net.activations):
        raise UnsupportedError("net: clamp_to_support is for ReLU activations only; other layers are not supported")

    # A layer's inputs are the last activations; `function` and `walls` are affine in them.
    # walls: the numbers, all >= 0, whose minimum is wanted; the function still owes `todo` layers of net.
    walls = (np.concatenate((np.eye(d), -np.eye(d))), np.concatenate((-domain.lower, domain.upper)))
    todo = list(zip(net.weights, net.biases, strict=True))
    function = todo.pop(0)
    weights: list[FloatArray] = []
    biases: list[FloatArray] = []
    first = True
    while first or todo or len(walls[0]) > 1:
        lines, shifts = _comparisons(*walls, first)
        rows, consts = function if todo else (_both_signs(function[0]), _both_signs(function[1]))
        weights.append(np.concatenate((rows, lines)))
        biases.append(np.concatenate((consts, shifts)))
        n, total = len(rows), len(rows) + len(lines)
        walls = _minima(n, total, len(walls[0]), first)
        if todo:
            weight, bias = todo.pop(0)
            function = _widen(weight, total), bias
        else:
            pick = np.concatenate((np.eye(m), -np.eye(m)), axis=1)  # relu(f) - relu(-f)
            function = _widen(pick, total), np.zeros(m)
        first = False
    h = steep * walls[0]
    weights.append(np.concatenate((function[0] + h, function[0] - h, h)))
    biases.append(np.concatenate((function[1], function[1], np.zeros(1))))
    eye = np.eye(m)
    weights.append(np.concatenate((eye, -eye, -np.ones((m, 1))), axis=1))
    biases.append(np.zeros(m))
    return Network(weights, biases)


def _both_signs(array: FloatArray) -> FloatArray:
    return np.concatenate((array, -array))


def _widen(weight: FloatArray, total: int) -> FloatArray:
    return np.concatenate((weight, np.zeros((len(weight), total - weight.shape[1]))), axis=1)


def _comparisons(lines: FloatArray, shifts: FloatArray, first: bool) -> tuple[FloatArray, FloatArray]:
    """Units that carry the walls on: themselves in the first layer (which cuts them at zero), then a and a - b."""
    if first:
        return lines, shifts
    pairs = len(lines) // 2
    a, b = slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)
    rest = slice(2 * pairs, None)
    return (
        np.concatenate((lines[a], lines[a] - lines[b], lines[rest])),
        np.concatenate((shifts[a], shifts[a] - shifts[b], shifts[rest])),
    )


def _minima(n: int, total: int, count: int, first: bool) -> tuple[FloatArray, FloatArray]:
    """The walls after that layer, in terms of its activations: relu(a) - relu(a - b) for each pair."""
    pairs = 0 if first else count // 2
    left = count - pairs
    lines = np.zeros((left, total))
    for i in range(pairs):
        lines[i, n + i], lines[i, n + pairs + i] = 1.0, -1.0
    for i in range(pairs, left):
        lines[i, n + pairs + i] = 1.0
    return lines, np.zeros(left)
