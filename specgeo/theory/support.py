"""`clamp_to_support`: any network made zero outside a box or polytope, as a network of ReLU and affine layers."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from specgeo._arguments import checked
from specgeo._cast import FloatArray, as_floats
from specgeo._tournament import lowered
from specgeo.activation import Activation
from specgeo.domain import Box, Polytope, as_domain
from specgeo.errors import InvalidInputError
from specgeo.network import Network


class _Layer(NamedTuple):
    weight: FloatArray
    bias: FloatArray
    relu: bool  # or affine


@checked
def clamp_to_support(net: Network, domain: Any, slope: float) -> Network:
    r"""Clamp a network: g = max(-h, min(f, h)) with h(x) = slope * max(0, the smallest of `wall_distances` at x).

    g is continuous and piecewise linear, vanishes on and outside the walls of the domain (as a function of
    the network's rational weights; evaluation rounds), and equals f wherever \|f\| <= h. Its spectrum
    decays without the k^-1 tail of a cut.

    Parameters
    ----------
    net : Network
        d inputs, m outputs, each clamped.
    domain : Box, Polytope, convex shapely Polygon or scipy ConvexHull
    slope : float
        M > 0: the steepness of h at the walls; on a box h is M min_i(x_i - lower_i, upper_i - x_i).

    Returns
    -------
    Network
        With q walls and L hidden ReLU layers, max(L, ceil(log2(q)) + 1) + 1 hidden layers; another activation
        becomes an affine layer, one of ReLUs and an affine one. Its weights are those of ``net``, its slopes,
        +-1 and +-slope: nothing is multiplied or added with rounding, so g is this function exactly.

    Raises
    ------
    InvalidInputError
        ``slope`` is not positive, or the domain has another dimension.

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
    m, domain = net.output_dim, as_domain(domain)
    if domain.dim != net.input_dim:
        raise InvalidInputError(f"domain: dimension {domain.dim} given, {net.input_dim} wanted")

    # A layer's inputs are the last activations; `function` and `walls` are affine in them.
    # walls: the numbers, all >= 0 once cut, whose minimum is wanted; the function still owes `todo` layers of net.
    walls, cut = wall_distances(domain), False
    todo = in_relus(net)
    function = todo.pop(0)
    layers: list[_Layer] = []
    while not cut or todo or len(walls[0]) > 1:
        rows, consts, relu = function
        if not todo:  # the outputs wait for the walls as relu(f) and relu(-f)
            rows, consts, relu = _both_signs(rows), _both_signs(consts), True
        lines, shifts = _comparisons(*walls, not cut) if relu else walls
        layers.append(_Layer(np.concatenate((rows, lines)), np.concatenate((consts, shifts)), relu))
        n, total = len(rows), len(rows) + len(lines)
        walls = _minima(n, total, len(walls[0]), not (relu and cut))
        cut = cut or relu
        if todo:
            weight, bias, relu = todo.pop(0)
            function = _Layer(_widen(weight, total), bias, relu)
        else:
            pick = np.concatenate((np.eye(m), -np.eye(m)), axis=1)  # relu(f) - relu(-f)
            function = _Layer(_widen(pick, total), np.zeros(m), True)
    h = steep * walls[0]
    rows, consts, _ = function
    layers.append(_Layer(np.concatenate((rows + h, rows - h, h)), np.concatenate((consts, consts, [0.0])), True))
    eye = np.eye(m)
    layers.append(_Layer(np.concatenate((eye, -eye, -np.ones((m, 1))), axis=1), np.zeros(m), False))
    kinds = [Activation.relu() if layer.relu else Activation.identity() for layer in layers[:-1]]
    return Network([layer.weight for layer in layers], [layer.bias for layer in layers], kinds)


def wall_distances(domain: Box | Polytope) -> tuple[FloatArray, FloatArray]:
    """Affine functions (lines, shifts), one a wall, that are positive inside the domain and 0 on the wall.

    Their gradients have length 1 on a box, and between 1/2 and 1 on a polytope, whose rows are scaled by powers of
    two to get there without rounding.
    """
    if isinstance(domain, Box):
        eye = np.eye(domain.dim)
        return np.concatenate((eye, -eye)), np.concatenate((-domain.lower, domain.upper))
    _, exponent = np.frexp(np.linalg.norm(domain.A, axis=1))
    return -np.ldexp(domain.A, -exponent[:, None]), np.ldexp(domain.b, -exponent)


def in_relus(net: Network) -> list[_Layer]:
    """The layers of a network, each activation in ReLUs; the last one is the output."""
    layers: list[_Layer] = []
    weights, biases, activations, _ = lowered(net.layers)
    for weight, bias, activation in zip(weights[:-1], biases[:-1], activations, strict=True):
        if activation.is_relu or activation.is_identity:
            layers.append(_Layer(np.asarray(weight), bias, activation.is_relu))
            continue
        layers += [_Layer(np.asarray(weight), bias, False), *_in_relus(activation.each(len(weight)))]
    return [*layers, _Layer(np.asarray(weights[-1]), biases[-1], False)]


def _in_relus(each: Sequence[Activation]) -> tuple[_Layer, _Layer]:
    """sigma_k(z_k) of neurons as sum_i v_i relu(a_i z_k - t_i) + c: a layer of ReLUs and an affine one."""
    terms = [_terms(activation) for activation in each]
    owners = np.repeat(np.arange(len(each)), [len(own) for own in terms])
    a, t, v = (np.array(column) for column in zip(*(term for own in terms for term in own), strict=True))
    eye = np.eye(len(each))[owners]
    constants = np.array([activation.intercept for activation in each])
    return _Layer(eye * a[:, None], 0.0 - t, True), _Layer((eye * v[:, None]).T, constants, False)


def _terms(activation: Activation) -> list[tuple[float, float, float]]:
    """(a_i, t_i, v_i)."""
    slopes, breaks = activation.slopes.tolist(), activation.breakpoints.tolist()
    if breaks == [0.0]:
        terms = [(1.0, 0.0, slopes[1]), (-1.0, 0.0, -slopes[0])]
    else:
        terms = [(1.0, 0.0, slopes[0]), (-1.0, 0.0, -slopes[0])]
        for t, low, high in zip(breaks, slopes[:-1], slopes[1:], strict=True):
            step = high - low
            exact = Fraction(high) - Fraction(low) == Fraction(step)
            terms += [(1.0, t, step)] if exact else [(1.0, t, high), (1.0, t, -low)]
    return [term for term in terms if term[2] != 0.0] or [(1.0, 0.0, 0.0)]


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
