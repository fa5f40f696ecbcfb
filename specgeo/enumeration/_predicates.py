"""Every sign that the enumeration uses is decided here.

A float value with a rigorous bound on its error decides when it exceeds the bound; otherwise a
sharper, componentwise bound is tried (it proves structural zeros: inputs that are all exactly
zero); otherwise exact arithmetic decides. With ``exact`` False the sign of the float is taken.

Error model. u = 2^-53. A vertex carries the radius e of its position error in the max norm. A row
(g, c) of a plane carries ``norm`` = |g|_1 and ``err``, which bounds |rounded value at a float point of
the domain - true value there|; so at a vertex the value is off by at most norm e + err. For a map of
a layer on a cell the same three numbers are kept as maxima over its rows (columns of ``map_bounds``:
norm, magnitude on the domain, err). Sums of n products are off by at most gamma_n = n u / (1 - n u)
times the sum of magnitudes (Higham 2002, section 3.1), whatever the order of summation, plus n
times the smallest subnormal. Activations are Lipschitz with the largest slope.
"""

from __future__ import annotations

import numpy as np

from specgeo._jit import hot, kernel, leaf
from specgeo.enumeration._exact import exact_sign
from specgeo.enumeration._layers import (
    BIAS,
    N,
    N_BREAKS,
    N_PREVIOUS,
    N_UNITS,
    N_WORDS,
    PIECE,
    UNIT,
    WEIGHT,
)
from specgeo.enumeration._layout import N_EXACT, N_FLOAT, N_REFINED, N_ZERO, NV

U = 1.1102230246251565e-16
TINY = 5e-324
SAFE = 1.0 + 1e-10  # covers the rounding of the bounds themselves
RELIABLE = 1e-9  # larger position errors, relative to the domain, are replaced by exact positions
ONE = np.uint64(1)
UNDECIDED = 2


@hot
def gamma(n):  # type: ignore[no-untyped-def]
    """Bound on the relative error of a sum of n products."""
    return n * U * SAFE


@hot
def set_sign(bits, row, words, unit, sign):  # type: ignore[no-untyped-def]
    """Record the sign of a unit: a bit among the positive words, or among the negative words, or none."""
    if sign > 0:
        bits[row, unit >> 6] |= ONE << np.uint64(unit & 63)
    elif sign < 0:
        bits[row, words + (unit >> 6)] |= ONE << np.uint64(unit & 63)


@leaf
def exact_decision(s, layers, history, ex, vertex, layer, unit, cell, dim):  # type: ignore[no-untyped-def]
    """The sign by exact arithmetic, counted."""
    sign = exact_sign(ex, layers, history, s.planes, s.porigin, s.vplanes, vertex, layer, unit, cell, dim)
    s.count[N_EXACT] += 1
    if sign == 0:
        s.count[N_ZERO] += 1
    return sign


@hot
def sign_on_plane(s, vertex, plane, exact, dim):  # type: ignore[no-untyped-def]
    """Sign of a unit at a vertex from its row on a cell, or UNDECIDED."""
    value = s.planes[plane, dim]
    for c in range(dim):
        value += s.planes[plane, c] * s.x[vertex, c]
    bound = (s.planes[plane, dim + 1] * s.x[vertex, dim] + s.planes[plane, dim + 2]) * SAFE
    s.count[N_FLOAT] += 1
    if abs(value) > bound:
        if abs(value) < s.margin[0] * bound:
            s.margin[0] = abs(value) / bound
        return 1 if value > 0 else -1
    if not exact:
        return 1 if value > 0 else (-1 if value < 0 else 0)
    if bound == 0.0:  # row and position are exact
        return 0
    s.count[N_FLOAT] -= 1
    return UNDECIDED


@hot
def place(s, vertex, p, q, plane, dim):  # type: ignore[no-untyped-def]
    """Position of a new vertex: the zero of a plane on the line through vertices p and q, with its error radius."""
    zp, zq = s.planes[plane, dim], s.planes[plane, dim]
    length, largest = 0.0, 0.0
    for c in range(dim):
        a, b, g = s.x[p, c], s.x[q, c], s.planes[plane, c]
        zp += g * a
        zq += g * b
        length = max(length, abs(b - a))
        largest = max(largest, max(abs(a), abs(b)))
    ratio = zp / (zp - zq)
    for c in range(dim):
        s.x[vertex, c] = s.x[p, c] + ratio * (s.x[q, c] - s.x[p, c])
    doubt = s.planes[plane, dim + 1] * (s.x[p, dim] + s.x[q, dim]) + 2.0 * s.planes[plane, dim + 2]
    gap = abs(zp - zq) - doubt
    error = max(s.x[p, dim], s.x[q, dim]) + (doubt / gap + 4.0 * U) * length + 4.0 * U * largest
    s.x[vertex, dim] = error * SAFE + TINY if gap > 0.0 and ratio >= 0.0 and ratio <= 1.0 else np.inf


@hot
def _bit(bits, row, unit):  # type: ignore[no-untyped-def]
    return (bits[row, unit >> 6] >> np.uint64(unit & 63)) & ONE


@leaf
def _post_activation(s, layers, history, maps, map_bounds, layer, vertex, a, i, exact_input, dim):  # type: ignore[no-untyped-def]
    """a[i] = post-activations of layer - 1 at a vertex, from the known signs; returns (error radius, largest entry).

    ``exact_input[i, k]`` is set where a[i, k] has no error at all (inactive, or exactly at its breakpoint).
    """
    meta = layers.meta[layer - 2]
    n, breaks, words = meta[N], meta[N_BREAKS], meta[N_WORDS]
    parent = np.int64(history.parents[history.parent_start[layer - 1] + s.vplanes[vertex, dim]])
    m = maps[parent]
    steepest, largest = 0.0, 0.0
    for p in range(meta[PIECE], meta[PIECE] + breaks + 1):
        steepest = max(steepest, abs(layers.slopes[p]))
        largest = max(largest, abs(layers.intercepts[p]))
    out = a[i]
    for k in range(n):
        out[k] = m[dim, k]
    for c in range(dim):
        x = s.x[vertex, c]
        for k in range(n):
            out[k] += m[c, k] * x
    plain = breaks == 1 and layers.slopes[meta[PIECE]] == 0.0 and layers.intercept_terms[meta[PIECE], 0] == 0.0
    error = map_bounds[parent, 0] * s.x[vertex, dim] + map_bounds[parent, 2]
    error += gamma(dim + 2) * map_bounds[parent, 1]
    error *= steepest
    if plain and layers.slopes[meta[PIECE] + 1] == 1.0 and layers.thresholds[meta[UNIT]] == 0.0:  # ReLU
        for w in range(words):
            word = s.vbits[vertex, w]
            for k in range(64 * w, min(64 * w + 64, n)):
                active = (word >> np.uint64(k & 63)) & ONE
                out[k] = out[k] if active != 0 else 0.0
                exact_input[i, k] = active == 0
    else:
        error += gamma(4) * (steepest * map_bounds[parent, 1] + largest)
        for k in range(n):
            p = meta[PIECE]
            at_break = -1
            for u in range(k * breaks, (k + 1) * breaks):
                positive = _bit(s.vbits, vertex, u)
                p += np.int64(positive)
                if positive == 0 and _bit(s.vbits, vertex, words * 64 + u) == 0:
                    at_break = u
            if at_break >= 0:
                out[k] = layers.thresholds[meta[UNIT] + at_break]
            value = layers.slopes[p] * out[k] + layers.intercepts[p]
            inert = layers.slopes[p] == 0.0 or (at_break >= 0 and out[k] == 0.0)
            exact_input[i, k] = inert and layers.intercept_terms[p, 1] == 0.0
            out[k] = value
    largest = 0.0
    for k in range(n):
        largest = max(largest, abs(out[k]))
    return error * SAFE, largest


@kernel
def classify(s, layers, history, ex, maps, map_bounds, layer, exact, dim):  # type: ignore[no-untyped-def]
    """Signs of all units of a layer at all vertices that exist: (n_v, 2 n_words), as State.vbits."""
    meta = layers.meta[layer - 1]
    n, n_previous, breaks, words = meta[N], meta[N_PREVIOUS], meta[N_BREAKS], meta[N_WORDS]
    n_vertices = s.count[NV]
    bits = np.zeros((s.x.shape[0], 2 * words), np.uint64)
    block = 1024
    a, z = np.empty((block, n_previous)), np.empty((block, n))
    exact_input = np.zeros((block, n_previous), np.bool_)
    errors, sizes = np.empty(block), np.empty(block)
    weights = layers.weights[meta[WEIGHT] : meta[WEIGHT] + n * n_previous].reshape(n, n_previous)
    biases = layers.biases[meta[BIAS] : meta[BIAS] + n]
    norms = layers.norms[meta[BIAS] : meta[BIAS] + n]
    g = gamma(n_previous + 2)
    for v0 in range(0, n_vertices, block):
        rows = min(block, n_vertices - v0)
        for i in range(rows):
            v = v0 + i
            if layer == 1:
                largest = 0.0
                for c in range(dim):
                    a[i, c] = s.x[v, c]
                    largest = max(largest, abs(s.x[v, c]))
                    exact_input[i, c] = s.x[v, dim] == 0.0
                errors[i], sizes[i] = s.x[v, dim], largest
            else:
                errors[i], sizes[i] = _post_activation(
                    s, layers, history, maps, map_bounds, layer, v, a, i, exact_input, dim
                )
        np.dot(a[:rows], weights.T, z[:rows])
        for i in range(rows):
            v = v0 + i
            doubt = (errors[i] + g * sizes[i]) * SAFE
            for j in range(n):
                bound = norms[j] * doubt + n_previous * TINY
                total = z[i, j] + biases[j]
                for t in range(breaks):
                    unit = j * breaks + t
                    if layers.twins[meta[UNIT] + unit] != unit:
                        continue
                    threshold = layers.thresholds[meta[UNIT] + unit]
                    value = total - threshold
                    rounding = 0.0 if threshold == 0.0 else U * abs(total) * SAFE
                    if abs(value) > bound + rounding:
                        s.count[N_FLOAT] += 1
                        if abs(value) < s.margin[0] * (bound + rounding):
                            s.margin[0] = abs(value) / (bound + rounding)
                        sign = 1 if value > 0 else -1
                    elif not exact:
                        s.count[N_FLOAT] += 1
                        sign = 1 if value > 0 else (-1 if value < 0 else 0)
                    else:
                        sign = _refined(
                            s, layers, history, ex, weights[j], a[i], exact_input[i], value, rounding,
                            errors[i], g, v, layer, unit, dim,
                        )  # fmt: skip
                    set_sign(bits, v, words, unit, sign)
    return bits


@leaf
def _refined(s, layers, history, ex, w, a, exact_input, value, rounding, error, g, vertex, layer, unit, dim):  # type: ignore[no-untyped-def]
    """Sign of a unit by the componentwise bound, else exactly."""
    bound = rounding
    for k in range(len(w)):
        if w[k] != 0.0:
            bound += abs(w[k]) * ((0.0 if exact_input[k] else error) + g * abs(a[k])) + (
                0.0 if a[k] == 0.0 and exact_input[k] else TINY
            )
    bound *= SAFE
    if abs(value) > bound:
        s.count[N_REFINED] += 1
        return 1 if value > 0 else -1
    if bound == 0.0:
        s.count[N_REFINED] += 1
        return 0
    return exact_decision(s, layers, history, ex, vertex, layer, unit, np.int64(s.vplanes[vertex, dim]), dim)
