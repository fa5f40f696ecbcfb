"""Positions refined in more digits than a float has: what comes before integers.

A vertex x* solves N x + c = 0 for the exact rows (N, c) of its d planes; x is its float position, N' the rounded rows
and B about the inverse of N'. Let r be the values of the exact rows at x, known up to rho. The Newton step
x - B r is off by

    (I - B N)(x - x*) + B (N x + c - r):  at most  eta e + max_c sum_r |B_cr| rho_r  in the max norm, where
    eta = |I - B N'| + |B| D,  D_rc = err_r / extent_c,  e = min(old radius, |B| (|r| + rho) / (1 - eta)),

as err_r bounds the size sum_c extent_c |N_rc - N'_rc| + |c - c'| (`_maps`), and x - x* = (B N)^-1 B (N x + c).

r comes from a forward pass at x, with the pattern of the plane's cell, in double-doubles: planes whose cells contain
each other share it. A row sum b + sum_k w_k (a_k + a'_k), with |a'_k| <= u |a_k|, is taken in order: the float of each
product w_k a_k and of each partial sum s_k goes into hi, and into lo go their errors, which are floats, and w_k a'_k.
With S = |b| + sum_k |w_k a_k| and K terms all that goes into lo is in size below u (|s_1| + ... + |s_K| + 2 S), so
below u (K + 2) S (1 + K u), and passes through at most K + 3 roundings: hi + lo is off by less than (K + 4)^2 u^2 S,
and by what underflows. S is at most |b| + |w| max_k |a_k| for the 1-norm |w| of the row. One bound on the errors of
all post-activations of a layer goes along, and is multiplied by |w|; a ReLU adds nothing to it, other pieces a few
roundings of double-doubles. What overflows in a neuron whose piece is constant does not matter; elsewhere it leaves a
value or a bound that is not finite, which refines nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._fused import two_product_error, two_sum
from specgeo._jit import direct, hot, leaf, leaf_kernel, merged
from specgeo._vector import WIDTH
from specgeo.enumeration._layers import (
    BIAS,
    N_PREVIOUS,
    ROWS,
    UNIT,
    WEIGHT,
    History,
    Layers,
    N,
    entries,
    piece,
)
from specgeo.enumeration._layout import State
from specgeo.enumeration._positions import defect, invert
from specgeo.enumeration._scalars import SAFE, TINY, Flags, Integer, U, at_least

_DOUBLE = 2.0**-100  # relative error of a few operations on double-doubles, generously
_LOST = 2.0**-1000  # what underflows in them, far more than it can be


class Digits(NamedTuple):
    """Work space for one vertex."""

    inverse: FloatArray  # (d, 2 d) scratch; B in the columns from d on
    values: FloatArray  # (2, d) of the planes' rows at the vertex, and bounds on their errors
    inputs: FloatArray  # (2, n) post-activations of a layer, double-doubles
    outputs: FloatArray  # (2, n) pre-activations
    chain: IntArray  # (L + 1,) cells of the complexes, each inside the one before
    left: IntArray  # (d,) layers of the planes whose rows have no values yet, else 0


class Refiner:
    """Newton steps for the vertices of a run.

    Parameters
    ----------
    layers : Layers
    extent : (d,) largest |x_c| on the domain
    """

    def __init__(self, layers: Layers, extent: FloatArray) -> None:
        dim = len(extent)
        widest = max(dim, int(layers.meta[:, N].max(initial=1)))
        self._extent = extent
        self._digits = Digits(
            np.empty((dim, 2 * dim)),
            np.empty((2, dim)),
            np.empty((2, widest)),
            np.empty((2, widest)),
            np.empty(len(layers.meta) + 1, np.int64),
            np.empty(dim, np.int64),
        )

    def refine(self, state: State, history: History, vertices: IntArray) -> IntArray:
        """Move vertices (n,) whose error radius gets smaller so, and state that; returns which."""
        moved = np.zeros(len(vertices), np.bool_)
        _refine_vertices(state, history, vertices, self._extent, self._digits, moved)
        return vertices[moved]


@hot
def _add_multiple(w: FloatArray, a: float, b: float, high: FloatArray, low: FloatArray) -> None:
    """(high, low) += w (a + b), for a row of numbers w; left unnormalised."""
    for j in range(len(high)):
        p = w[j] * a
        s, e = two_sum(high[j], p)
        high[j] = s
        low[j] += (e + two_product_error(w[j], a, p)) + w[j] * b


@merged
def _rounding(terms: Integer) -> float:
    """Bound on the relative error of a sum of so many products."""
    return float((terms + 4.0) * (terms + 4.0) * U * U * SAFE)


@leaf
def _sum(layers: Layers, layer: Integer, neuron: Integer, digits: Digits) -> tuple[float, float]:
    """b + sum_k w_k a_k of a neuron, unnormalised."""
    high, low = layers.biases[layers.meta[layer - 1, BIAS] + neuron], 0.0
    begin, end = entries(layers, layer, neuron)
    for at in range(begin, end):
        w, k = layers.row_values[at], layers.row_columns[at]
        a, b = digits.inputs[0, k], digits.inputs[1, k]
        p = w * a
        high, e = two_sum(high, p)
        low += (e + two_product_error(w, a, p)) + w * b
    return high, low


@leaf
def _unit(
    layers: Layers, layer: Integer, unit: Integer, largest: float, doubt: float, digits: Digits
) -> tuple[float, float]:
    """Value of a unit's neuron less its threshold, rounded, and a bound on its error."""
    meta = layers.meta[layer - 1]
    neuron, threshold = layers.owners[meta[UNIT] + unit], layers.thresholds[meta[UNIT] + unit]
    high, low = _sum(layers, layer, neuron, digits)
    high, low = two_sum(high, low)
    size = abs(high) + abs(threshold)
    high, e = two_sum(high, -threshold)
    high, low = two_sum(high, e + low)
    r, bias = _rounding(meta[N_PREVIOUS]), layers.biases[meta[BIAS] + neuron]
    error = layers.norms[meta[BIAS] + neuron] * (doubt + r * largest) + r * abs(bias) + _DOUBLE * size + _LOST
    return high, error * SAFE + abs(low)


@leaf
def _advance(
    history: History, layer: Integer, cell: Integer, largest: float, doubt: float, digits: Digits
) -> tuple[float, float]:
    """Post-activations of a layer from those before it, on a cell of the complex after it.

    Returns the largest of them in size, and a bound on the errors of all.
    """
    layers, meta = history.layers, history.layers.meta[layer - 1]
    n, n_previous = meta[N], meta[N_PREVIOUS]
    high, low, sparse = digits.outputs[0, :n], digits.outputs[1, :n], meta[ROWS] >= 0
    for j in range(n):
        high[j], low[j] = layers.biases[meta[BIAS] + j], 0.0
    for first in range(0, 0 if sparse else n, WIDTH):
        start, stop = meta[WEIGHT] + first * n_previous, min(first + WIDTH, n)
        for k in range(n_previous):
            a, b = digits.inputs[0, k], digits.inputs[1, k]
            if a != 0.0:  # also true of NaN
                at = start + k * WIDTH
                _add_multiple(layers.tiles[at : at + WIDTH], a, b, high[first:stop], low[first:stop])
    r, most, worst = _rounding(n_previous), 0.0, 0.0
    for j in range(n):
        at = piece(history, layer, cell, j)
        slope, first, second = layers.slopes[at], layers.intercept_terms[at, 0], layers.intercept_terms[at, 1]
        a, b, error = first, second, _DOUBLE * abs(first)  # what overflows may be inactive
        if slope != 0.0:
            if sparse:
                high[j], low[j] = _sum(layers, layer, np.int64(j), digits)
            a, b = two_sum(high[j], low[j])
            bias, norm = abs(layers.biases[meta[BIAS] + j]), layers.norms[meta[BIAS] + j]
            own = (norm * (doubt + r * largest) + r * bias) * SAFE + _LOST
            error = abs(slope) * own
            if slope != 1.0 or first != 0.0:
                p = slope * a
                error += _DOUBLE * (abs(p) + abs(first)) + _LOST
                b = two_product_error(slope, a, p) + slope * b
                a, e = two_sum(p, first)
                a, b = two_sum(a, e + (b + second))
        digits.outputs[0, j], digits.outputs[1, j] = a, b
        most, worst = at_least(most, abs(a)), at_least(worst, error)
    for j in range(n):
        digits.inputs[0, j], digits.inputs[1, j] = high[j], low[j]
    return most, worst * SAFE


@merged
def _wall(state: State, vertex: Integer, plane: Integer, digits: Digits, r: Integer, dim: Integer) -> None:
    """Value of the row of a wall, which is exact."""
    high, low = state.planes[plane, dim], 0.0
    size = abs(high)
    for c in range(dim):
        w, x = state.planes[plane, c], state.x[vertex, c]
        p = w * x
        size += abs(p)
        high, e = two_sum(high, p)
        low += e + two_product_error(w, x, p)
    high, low = two_sum(high, low)
    digits.values[0, r] = high
    digits.values[1, r] = (_rounding(np.int64(dim)) * size + _LOST) * SAFE + abs(low)


@merged
def _follow(history: History, layer: Integer, cell: Integer, chain: IntArray) -> None:
    """chain[m] = cell of complex m that contains a cell of complex ``layer``, for m up to it."""
    c = np.int64(cell)
    for m in range(layer, -1, -1):
        chain[m] = c
        if m > 0:
            c = np.int64(history.parents[history.parent_start[m] + c])


@leaf
def _residuals(state: State, history: History, vertex: Integer, digits: Digits, dim: Integer) -> None:
    """Values of the exact rows of a vertex's planes at its position, and bounds on their errors."""
    left = digits.left
    for r in range(dim):
        plane = np.int64(state.vplanes[vertex, r])
        left[r] = max(0, state.porigin[plane, 0])
        if left[r] == 0:
            _wall(state, vertex, plane, digits, r, dim)
    while True:
        top = 0
        for r in range(1, dim):
            if left[r] > left[top]:
                top = r
        deepest = left[top]
        if deepest == 0:
            return
        _follow(history, deepest - 1, state.porigin[state.vplanes[vertex, top], 2], digits.chain)
        largest, doubt = 0.0, 0.0
        for c in range(dim):
            digits.inputs[0, c], digits.inputs[1, c] = state.x[vertex, c], 0.0
            largest = at_least(largest, abs(state.x[vertex, c]))
        for layer in range(1, deepest + 1):
            for r in range(dim):
                plane = np.int64(state.vplanes[vertex, r])
                if left[r] == layer and state.porigin[plane, 2] == digits.chain[layer - 1]:
                    unit = np.int64(state.porigin[plane, 1])
                    value, error = _unit(history.layers, layer, unit, largest, doubt, digits)
                    digits.values[0, r], digits.values[1, r], left[r] = value, error, 0
            if layer < deepest:
                largest, doubt = _advance(history, layer, digits.chain[layer], largest, doubt, digits)


@merged
def _doubt(state: State, vertex: Integer, a: FloatArray, extent: FloatArray) -> float:
    """|B| D in the max norm, with B in a[:, d:]."""
    dim, across, worst = len(extent), 0.0, 0.0
    for c in range(dim):
        across += 1.0 / extent[c]
    for c in range(dim):
        total = 0.0
        for r in range(dim):
            total += abs(a[c, dim + r]) * state.planes[state.vplanes[vertex, r], dim + 2]
        worst = at_least(worst, total)
    return float(worst * across)


@leaf
def _step(state: State, vertex: Integer, eta: float, digits: Digits, dim: Integer) -> bool:
    """The Newton step, if the radius gets smaller so."""
    b, values, errors = digits.inverse, digits.values[0], digits.values[1]
    away, worst, finite = 0.0, 0.0, True
    for c in range(dim):
        step, reach, noise = 0.0, 0.0, 0.0
        for r in range(dim):
            step += b[c, dim + r] * values[r]
            reach += abs(b[c, dim + r] * values[r])
            noise += abs(b[c, dim + r]) * errors[r]
        better = state.x[vertex, c] - step
        b[c, 0] = better  # of the scratch, free now
        finite = finite and abs(better) < np.inf
        away = at_least(away, reach + noise)
        worst = at_least(worst, noise + (dim + 3.0) * U * reach + U * abs(better))
    old = state.x[vertex, dim]
    before = min(old, away * SAFE / (1.0 - eta))
    after = (eta * before + worst) * SAFE + 4.0 * dim * TINY
    if not (finite and after < old):
        return False
    for c in range(dim):
        state.x[vertex, c] = b[c, 0]
    state.x[vertex, dim] = after
    return True


@leaf_kernel
def refine_vertices(
    state: State, history: History, vertices: IntArray, extent: FloatArray, digits: Digits, moved: Flags
) -> None:
    """Take a step at each of the vertices, and say which of them it improves."""
    dim, inverse = len(extent), digits.inverse
    for i in range(len(vertices)):
        v = vertices[i]
        if invert(state, v, inverse, dim):
            eta = (defect(state, v, inverse, dim) + _doubt(state, v, inverse, extent)) * SAFE
            if eta < 0.5:
                _residuals(state, history, v, digits, dim)
                moved[i] = _step(state, v, eta, digits, dim)


_refine_vertices = direct(refine_vertices)
