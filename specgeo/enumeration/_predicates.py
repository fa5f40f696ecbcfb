"""Every sign that the enumeration uses is decided here.

A float value with a rigorous bound on its error decides when it exceeds the bound; otherwise a
sharper, componentwise bound is tried (it proves structural zeros: inputs that are all exactly
zero); otherwise exact arithmetic decides. With ``exact`` False the sign of the float is taken.

Error model (u = 2^-53; `_maps` has the bounds on the maps, `_positions` those on positions and planes). The value of a
row computed at a vertex's float position differs from the true one at its true position, which lies in the domain, by
at most norm e + err.
"""

from __future__ import annotations

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._jit import hot, leaf_kernel, merged
from specgeo.enumeration._exact import Exact, evaluate
from specgeo.enumeration._layers import N_WORDS, History
from specgeo.enumeration._layout import Frame, State, Tally
from specgeo.enumeration._scalars import ONE, SAFE, TINY, Flags, Ids, Integer, Words, gamma

UNDECIDED = 2


@hot
def set_sign(bits: Words, row: Integer, words: Integer, unit: Integer, sign: int) -> None:
    """Record the sign of a unit: a bit among the positive words, or among the negative words, or none."""
    if sign > 0:
        bits[row, unit >> 6] |= ONE << np.uint64(unit & 63)
    elif sign < 0:
        bits[row, words + (unit >> 6)] |= ONE << np.uint64(unit & 63)


@hot
def counted(state: State, vertex: Integer, dim: Integer) -> np.int64:
    """1 where a decision at a vertex is counted here, 0 where another group counts it."""
    return np.int64(state.counts[state.vplanes[vertex, dim + 1]])


@merged
def sign_on_plane(state: State, vertex: Integer, plane: Integer, frame: Frame) -> int:
    """Sign of a unit at a vertex from its row on a cell, or UNDECIDED."""
    dim = frame.dim
    value = state.planes[plane, dim]
    for c in range(dim):
        value += state.planes[plane, c] * state.x[vertex, c]
    bound = (state.planes[plane, dim + 1] * state.x[vertex, dim] + state.planes[plane, dim + 2]) * SAFE
    count = counted(state, vertex, dim)
    state.tally[Tally.FLOAT] += count
    if abs(value) > bound and abs(value) < np.inf:
        if abs(value) < state.margin[0] * bound:
            state.margin[0] = abs(value) / bound
        return 1 if value > 0 else -1
    if not frame.exact:
        return 1 if value > 0 else (-1 if value < 0 else 0)
    state.tally[Tally.FLOAT] -= count
    return UNDECIDED


@merged
def exact_decision(
    state: State,
    history: History,
    ex: Exact,
    vertex: Integer,
    layer: Integer,
    unit: Integer,
    cell: Integer,
    dim: Integer,
) -> int:
    """The sign by exact arithmetic, counted."""
    sign = evaluate(ex, history, state, vertex, layer, unit, cell, dim)
    state.tally[Tally.EXACT] += counted(state, vertex, dim)
    if sign == 0:
        state.tally[Tally.ZERO] += counted(state, vertex, dim)
    return sign


@merged
def exact_position(state: State, history: History, ex: Exact, vertex: Integer, dim: Integer) -> None:
    """Replace a position by the rounded exact one, counted."""
    zero = np.int64(0)
    evaluate(ex, history, state, vertex, zero, zero, zero, dim)
    state.tally[Tally.POSITION] += counted(state, vertex, dim)


@merged
def refined(
    weights: FloatArray, columns: Ids, bias: float, threshold: float, a: FloatArray, exact_input: Flags, error: float
) -> int:
    """Sign of a unit by the componentwise bound, or UNDECIDED; ``error`` bounds the error of inputs that are not exact.

    Its weights are those of the inputs in these columns. Where only exact zeros come in, the value is exact.
    """
    n = len(weights)
    value, size, doubt, terms = 0.0, 0.0, 0.0, 0
    for p in range(n):
        w, k = weights[p], columns[p]
        if w != 0.0 and not (exact_input[k] and a[k] == 0.0):
            value += w * a[k]
            size += abs(w * a[k])
            doubt += 0.0 if exact_input[k] else abs(w)
            terms += 1
    bound = 0.0
    if terms > 0:  # otherwise the sign of bias - threshold is that of its rounding
        bound = doubt * error + gamma(terms + 3) * (size + abs(bias) + abs(threshold)) + 2.0 * (n + 1.0) * TINY
        bound *= SAFE
    value += bias - threshold
    if abs(value) > bound and abs(value) < np.inf:
        return 1 if value > 0 else -1
    return 0 if bound == 0.0 and value == 0.0 else UNDECIDED  # the difference may overflow


@leaf_kernel
def settle(state: State, history: History, ex: Exact, pairs: IntArray, layer: Integer, dim: Integer) -> None:
    """Decide open pairs (vertex, unit) exactly; with layer 0: find the exact positions of the vertices."""
    words = history.layers.meta[layer - 1, N_WORDS] if layer > 0 else np.int64(0)  # a network may have no hidden layer
    for i in range(len(pairs)):
        v, u = pairs[i, 0], pairs[i, 1]
        if layer == 0:
            exact_position(state, history, ex, v, dim)
        else:
            cell = np.int64(state.vplanes[v, dim])
            set_sign(state.vbits, v, words, u, exact_decision(state, history, ex, v, layer, u, cell, dim))
