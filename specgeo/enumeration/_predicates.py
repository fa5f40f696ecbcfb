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

from specgeo._jit import hot, leaf, leaf_kernel, merged
from specgeo.enumeration._exact import evaluate
from specgeo.enumeration._layers import N_WORDS
from specgeo.enumeration._layout import (
    Tally,
)
from specgeo.enumeration._scalars import ONE, SAFE, TINY, gamma

UNDECIDED = 2


@hot
def set_sign(bits, row, words, unit, sign):  # type: ignore[no-untyped-def]
    """Record the sign of a unit: a bit among the positive words, or among the negative words, or none."""
    if sign > 0:
        bits[row, unit >> 6] |= ONE << np.uint64(unit & 63)
    elif sign < 0:
        bits[row, words + (unit >> 6)] |= ONE << np.uint64(unit & 63)


@hot
def sign_on_plane(s, vertex, plane, exact, dim):  # type: ignore[no-untyped-def]
    """Sign of a unit at a vertex from its row on a cell, or UNDECIDED."""
    value = s.planes[plane, dim]
    for c in range(dim):
        value += s.planes[plane, c] * s.x[vertex, c]
    bound = (s.planes[plane, dim + 1] * s.x[vertex, dim] + s.planes[plane, dim + 2]) * SAFE
    s.tally[Tally.FLOAT] += 1
    if abs(value) > bound and abs(value) < np.inf:
        if abs(value) < s.margin[0] * bound:
            s.margin[0] = abs(value) / bound
        return 1 if value > 0 else -1
    if not exact:
        return 1 if value > 0 else (-1 if value < 0 else 0)
    s.tally[Tally.FLOAT] -= 1
    return UNDECIDED


@merged
def exact_decision(s, layers, history, ex, vertex, layer, unit, cell, dim):  # type: ignore[no-untyped-def]
    """The sign by exact arithmetic, counted."""
    sign = evaluate(ex, layers, history, s.planes, s.porigin, s.vplanes, vertex, layer, unit, cell, dim, s.x)
    s.tally[Tally.EXACT] += 1
    if sign == 0:
        s.tally[Tally.ZERO] += 1
    return sign


@merged
def exact_position(s, layers, history, ex, vertex, dim):  # type: ignore[no-untyped-def]
    """Replace a position by the rounded exact one, counted."""
    zero = np.int64(0)
    evaluate(ex, layers, history, s.planes, s.porigin, s.vplanes, vertex, zero, zero, zero, dim, s.x)
    s.tally[Tally.POSITION] += 1


@leaf
def proved(values, bounds):  # type: ignore[no-untyped-def]
    """Bits of the values that are positive for sure, and of those that are negative for sure; at most 64."""
    positive, negative = np.uint64(0), np.uint64(0)
    for u in range(len(values)):
        finite = abs(values[u]) < np.inf  # an overflow proves nothing
        positive |= np.uint64(finite & (values[u] > bounds[u])) << np.uint64(u)
        negative |= np.uint64(finite & (values[u] < -bounds[u])) << np.uint64(u)
    return positive, negative


@leaf
def smallest_margin(values, bounds, n, margin):  # type: ignore[no-untyped-def]
    """The least of ``margin`` and of |value| / bound over the n values that exceed their bounds.

    The smallest value by the largest bound is not more, and is found faster: by integers, which bit patterns without
    sign are. Most often it settles the matter.
    """
    sizes, limits = values.view(np.int64), bounds.view(np.int64)
    smallest, largest = np.int64(0x7FF0000000000000), np.int64(0)
    for u in range(n):
        smallest = min(smallest, sizes[u] & np.int64(0x7FFFFFFFFFFFFFFF))
        largest = max(largest, limits[u])
    first, second = sizes[0], limits[0]
    sizes[0], limits[0] = smallest, largest
    least = values[0] / bounds[0]
    sizes[0], limits[0] = first, second
    if least >= margin:
        return margin
    for u in range(n):
        ratio = abs(values[u]) / bounds[u]
        if ratio > 1.0 and ratio < margin:
            margin = ratio
    return margin


@leaf
def refined(weights, bias, threshold, a, exact_input, error):  # type: ignore[no-untyped-def]
    """Sign of a unit by the componentwise bound, or UNDECIDED; ``error`` bounds the error of inputs that are not exact.

    Where only exact zeros come in, the value is exact.
    """
    n = len(weights)
    value, size, doubt, terms = 0.0, 0.0, 0.0, 0
    for k in range(n):
        w = weights[k]
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
def settle(s, layers, history, ex, pairs, layer, dim):  # type: ignore[no-untyped-def]
    """Decide open pairs (vertex, unit) exactly; with layer 0: find the exact positions of the vertices."""
    words = layers.meta[layer - 1, N_WORDS] if layer > 0 else np.int64(0)  # a network may have no hidden layer
    for i in range(len(pairs)):
        v, u = pairs[i, 0], pairs[i, 1]
        if layer == 0:
            exact_position(s, layers, history, ex, v, dim)
        else:
            cell = np.int64(s.vplanes[v, dim])
            set_sign(s.vbits, v, words, u, exact_decision(s, layers, history, ex, v, layer, u, cell, dim))
