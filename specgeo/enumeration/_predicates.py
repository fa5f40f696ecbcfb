"""Every sign that the enumeration uses is decided here.

A float value with a rigorous bound on its error decides when it exceeds the bound; otherwise a
sharper, componentwise bound is tried (it proves structural zeros: inputs that are all exactly
zero); otherwise exact arithmetic decides. With ``exact`` False the sign of the float is taken.

Error model. u = 2^-53. A vertex carries the radius e of its position error in the max norm. A row
(g, c) of a plane carries ``norm`` = |g|_1 and ``err``, which bounds |rounded value at a float point of
the domain - true value there|; so at a vertex the value is off by at most norm e + err. For a map of
a layer on a cell the same two numbers and the magnitude on the domain are kept for each neuron
(``map_bounds``: rows norm, magnitude, err; a last column for the largest). A sum in which each
product passes through at most m roundings is off by at most gamma_m = m u / (1 - m u) times the sum
of magnitudes (Higham 2002, section 3.1), plus a few smallest subnormals; `combine` adds four products
at a time, so that m is n / 4 + 4 there.
Activations are Lipschitz with the largest slope.
"""

from __future__ import annotations

import numpy as np

from specgeo._jit import hot, kernel, leaf, merged
from specgeo.enumeration._exact import evaluate
from specgeo.enumeration._layers import (
    BIAS,
    N_BREAKS,
    N_PREVIOUS,
    N_WORDS,
    PIECE,
    UNIT,
    WEIGHT,
    N,
)
from specgeo.enumeration._layout import (
    LEN,
    N_COORD,
    N_EXACT,
    N_FLOAT,
    N_REFINED,
    N_ZERO,
    NF,
    NUMBER,
    NV,
    OWN,
    START,
)

U = 1.1102230246251565e-16
TINY = 5e-324
SAFE = 1.0 + 1e-8  # covers the rounding of the bounds themselves
COARSE = 1e-12  # larger position errors, relative to the domain, are reduced by a Newton step
RELIABLE = 1e-9  # larger ones that remain are removed by computing the position exactly
ONE = np.uint64(1)
UNDECIDED = 2


@hot
def popcount(x):  # type: ignore[no-untyped-def]
    """Number of set bits of a uint64."""
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@hot
def lowest_unit(x):  # type: ignore[no-untyped-def]
    """Position of the lowest set bit."""
    return popcount((x & (~x + ONE)) - ONE)


@hot
def at_least(x, y):  # type: ignore[no-untyped-def]
    """The larger of two bounds; NaN if either is: the built-in max may lose a NaN, and the doubt it stands for."""
    return x if y <= x or x != x else y


@hot
def gamma(n):  # type: ignore[no-untyped-def]
    """Bound on the relative error of a sum of n products."""
    return n * U * SAFE


@leaf
def combine(transposed, start, a, active, out):  # type: ignore[no-untyped-def]
    """out = W a for the matrix whose transpose starts at ``start``; zeros of a are skipped.

    Four columns at a time: the inner loop vectorises, as no sum is reordered. ``active`` is scratch, as long as a.
    """
    n, n_active = len(out), 0
    for k in range(len(a)):
        if a[k] != 0.0:
            active[n_active] = k
            n_active += 1
    for j in range(n):
        out[j] = 0.0
    t = 0
    while t + 4 <= n_active:
        k0, k1, k2, k3 = active[t], active[t + 1], active[t + 2], active[t + 3]
        a0, a1, a2, a3 = a[k0], a[k1], a[k2], a[k3]
        w0 = transposed[start + k0 * n : start + k0 * n + n]  # slices: an index that may be negative stops the
        w1 = transposed[start + k1 * n : start + k1 * n + n]  # vectoriser
        w2 = transposed[start + k2 * n : start + k2 * n + n]
        w3 = transposed[start + k3 * n : start + k3 * n + n]
        for j in range(n):
            out[j] += (a0 * w0[j] + a1 * w1[j]) + (a2 * w2[j] + a3 * w3[j])
        t += 4
    while t < n_active:
        a0 = a[active[t]]
        w0 = transposed[start + active[t] * n : start + active[t] * n + n]
        for j in range(n):
            out[j] += a0 * w0[j]
        t += 1


@hot
def set_sign(bits, row, words, unit, sign):  # type: ignore[no-untyped-def]
    """Record the sign of a unit: a bit among the positive words, or among the negative words, or none."""
    if sign > 0:
        bits[row, unit >> 6] |= ONE << np.uint64(unit & 63)
    elif sign < 0:
        bits[row, words + (unit >> 6)] |= ONE << np.uint64(unit & 63)


@merged
def exact_decision(s, layers, history, ex, vertex, layer, unit, cell, dim):  # type: ignore[no-untyped-def]
    """The sign by exact arithmetic, counted."""
    sign = evaluate(ex, layers, history, s.planes, s.porigin, s.vplanes, vertex, layer, unit, cell, dim, s.x)
    s.counts[N_EXACT] += 1
    if sign == 0:
        s.counts[N_ZERO] += 1
    return sign


@merged
def exact_position(s, layers, history, ex, vertex, dim):  # type: ignore[no-untyped-def]
    """Replace a position by the rounded exact one, counted."""
    zero = np.int64(0)
    evaluate(ex, layers, history, s.planes, s.porigin, s.vplanes, vertex, zero, zero, zero, dim, s.x)
    s.counts[N_COORD] += 1


@hot
def sign_on_plane(s, vertex, plane, exact, dim):  # type: ignore[no-untyped-def]
    """Sign of a unit at a vertex from its row on a cell, or UNDECIDED."""
    value = s.planes[plane, dim]
    for c in range(dim):
        value += s.planes[plane, c] * s.x[vertex, c]
    bound = (s.planes[plane, dim + 1] * s.x[vertex, dim] + s.planes[plane, dim + 2]) * SAFE
    s.counts[N_FLOAT] += 1
    if abs(value) > bound and abs(value) < np.inf:
        if abs(value) < s.margin[0] * bound:
            s.margin[0] = abs(value) / bound
        return 1 if value > 0 else -1
    if not exact:
        return 1 if value > 0 else (-1 if value < 0 else 0)
    if bound == 0.0:  # row and position are exact
        return 0
    s.counts[N_FLOAT] -= 1
    return UNDECIDED


@merged
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
    between = ratio >= 0.0 and ratio <= 1.0
    if not between:
        ratio = 0.5
    for c in range(dim):
        s.x[vertex, c] = s.x[p, c] + ratio * (s.x[q, c] - s.x[p, c])
    doubt = s.planes[plane, dim + 1] * (s.x[p, dim] + s.x[q, dim]) + 2.0 * s.planes[plane, dim + 2]
    gap = abs(zp - zq) - doubt
    error = max(s.x[p, dim], s.x[q, dim]) + (doubt / gap + 4.0 * U) * length + 4.0 * U * largest
    s.x[vertex, dim] = error * SAFE + TINY if gap > 0.0 and between else np.inf


@hot
def _residual(s, vertex, plane, dim):  # type: ignore[no-untyped-def]
    value = s.planes[plane, dim]
    for c in range(dim):
        value += s.planes[plane, c] * s.x[vertex, c]
    return value


@leaf
def sharpen(s, vertex, a, extent, dim):  # type: ignore[no-untyped-def]
    """One Newton step for the d planes of a vertex, and an error radius from the residual.

    With an approximate inverse B of the true normals N and eta = |I - B N| < 1, a point whose true residual is r is
    off by at most |B| |r| / (1 - eta). Keeps the old position if that is better. ``a`` is scratch, (d, 2 d).
    """
    for r in range(dim):
        plane = s.vplanes[vertex, r]
        for c in range(dim):
            a[r, c] = s.planes[plane, c]
            a[r, dim + c] = 1.0 if r == c else 0.0
    for c in range(dim):  # Gauss-Jordan elimination with partial pivoting; the inverse is left in a[:, dim:]
        best = c
        for r in range(c + 1, dim):
            if abs(a[r, c]) > abs(a[best, c]):
                best = r
        if not abs(a[best, c]) > 0.0:
            return
        for k in range(2 * dim):
            a[c, k], a[best, k] = a[best, k], a[c, k]
        pivot = a[c, c]
        for k in range(2 * dim):
            a[c, k] /= pivot
        for r in range(dim):
            if r != c:
                factor = a[r, c]
                for k in range(2 * dim):
                    a[r, k] -= factor * a[c, k]
    narrow = extent[0]
    for c in range(1, dim):
        narrow = min(narrow, extent[c])
    eta = 0.0
    for c in range(dim):
        total = 0.0
        for k in range(dim):
            entry, size = (-1.0 if c == k else 0.0), 0.0
            for r in range(dim):
                product = a[c, dim + r] * s.planes[s.vplanes[vertex, r], k]
                entry += product
                size += abs(product)
            total += abs(entry) + gamma(dim + 2) * (size + 1.0)
        for r in range(dim):
            total += abs(a[c, dim + r]) * s.planes[s.vplanes[vertex, r], dim + 2] / narrow
        eta = at_least(eta, total)
    if not eta < 0.5:
        return
    for r in range(dim):  # residuals, then the step; columns 0 and 1 of the scratch are free now
        a[r, 0] = _residual(s, vertex, s.vplanes[vertex, r], dim)
    for c in range(dim):
        step = 0.0
        for r in range(dim):
            step += a[c, dim + r] * a[r, 0]
        if dim > 1:
            a[c, 1] = s.x[vertex, c]
        s.x[vertex, c] -= step
    radius = 0.0
    for r in range(dim):
        residual = _residual(s, vertex, s.vplanes[vertex, r], dim)
        a[r, 0] = abs(residual) + s.planes[s.vplanes[vertex, r], dim + 2]
    for c in range(dim):
        total = 0.0
        for r in range(dim):
            total += abs(a[c, dim + r]) * a[r, 0]
        radius = at_least(radius, total)
    radius = radius * SAFE / (1.0 - eta) + TINY
    if radius < s.x[vertex, dim]:
        s.x[vertex, dim] = radius
    elif dim > 1:
        for c in range(dim):
            s.x[vertex, c] = a[c, 1]


@hot
def _bit(bits, row, unit):  # type: ignore[no-untyped-def]
    return (bits[row, unit >> 6] >> np.uint64(unit & 63)) & ONE


@leaf
def _post_activation(s, layers, history, maps, map_bounds, layer, vertex, out, exact_input, dim):  # type: ignore[no-untyped-def]
    """out = post-activations of layer - 1 at a vertex, from the known signs; returns (error radius, largest entry).

    ``exact_input[k]`` is set where out[k] has no error at all (inactive, or exactly at its breakpoint).
    """
    meta = layers.meta[layer - 2]
    n, breaks, words = meta[N], meta[N_BREAKS], meta[N_WORDS]
    parent = np.int64(history.parents[history.parent_start[layer - 1] + s.vplanes[vertex, dim]])
    m = maps[parent]
    steepest, largest = 0.0, 0.0
    for p in range(meta[PIECE], meta[PIECE] + breaks + 1):
        steepest = max(steepest, abs(layers.slopes[p]))
        largest = max(largest, abs(layers.intercepts[p]))
    for k in range(n):
        out[k] = m[dim, k]
    for c in range(dim):
        x = s.x[vertex, c]
        for k in range(n):
            out[k] += m[c, k] * x
    plain = breaks == 1 and layers.slopes[meta[PIECE]] == 0.0 and layers.intercept_terms[meta[PIECE], 0] == 0.0
    # the largest over all neurons, kept in the last column
    error = map_bounds[parent, 0, n] * s.x[vertex, dim] + map_bounds[parent, 2, n]
    error = steepest * (error + gamma(dim + 2) * map_bounds[parent, 1, n])
    if plain and layers.slopes[meta[PIECE] + 1] == 1.0 and layers.thresholds[meta[UNIT]] == 0.0:  # ReLU
        for w in range(words):
            word = s.vbits[vertex, w]
            for k in range(64 * w, min(64 * w + 64, n)):
                active = (word >> np.uint64(k & 63)) & ONE
                out[k] = out[k] if active != 0 else 0.0
                exact_input[k] = active == 0
    else:
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
            exact_input[k] = inert and layers.intercept_terms[p, 1] == 0.0
            out[k] = value
        error += gamma(4) * (steepest * map_bounds[parent, 1, n] + largest)
    largest = 0.0
    for k in range(n):
        largest = at_least(largest, abs(out[k]))
    return error * SAFE, largest


@kernel
def own_faces(s, dim):  # type: ignore[no-untyped-def]
    """Give every face and vertex one cell that contains it, top down."""
    n_faces = s.counts[NF]
    for f in range(n_faces):
        if s.dims[f] == dim:
            s.faces[f, OWN] = s.faces[f, NUMBER]
    for k in range(dim, 0, -1):
        for f in range(n_faces):
            if s.dims[f] == k:
                own, start = s.faces[f, OWN], s.faces[f, START]
                for i in range(start, start + s.faces[f, LEN]):
                    if k > 1:
                        s.faces[s.pool[i], OWN] = own
                    else:
                        s.vplanes[s.pool[i], dim] = own


@kernel
def classify(s, layers, history, maps, map_bounds, layer, exact, dim):  # type: ignore[no-untyped-def]
    """Signs of all units of a layer at all vertices that exist, as far as floats prove them.

    Returns (n_v, 2 n_words) bits as State.vbits, and the pairs (vertex, unit) that are left open.
    """
    meta = layers.meta[layer - 1]
    n, n_previous, breaks, words = meta[N], meta[N_PREVIOUS], meta[N_BREAKS], meta[N_WORDS]
    n_vertices = s.counts[NV]
    bits = np.zeros((s.x.shape[0], 2 * words), np.uint64)
    pairs, n_pairs = np.empty((64, 2), np.int64), 0
    active = np.empty(n_previous, np.int64)
    a, z = np.empty(n_previous), np.empty(n)
    exact_input = np.zeros(n_previous, np.bool_)
    weights = layers.weights[meta[WEIGHT] : meta[WEIGHT] + n * n_previous].reshape(n, n_previous)
    biases = layers.biases[meta[BIAS] : meta[BIAS] + n]
    norms = layers.norms[meta[BIAS] : meta[BIAS] + n]
    thresholds = layers.thresholds[meta[UNIT] : meta[UNIT] + n * breaks]
    latest = 0.0
    for u in range(n * breaks):
        latest = max(latest, abs(thresholds[u]))
    masks = np.zeros(words, np.uint64)
    for u in range(n * breaks):
        if layers.twins[meta[UNIT] + u] == u:
            masks[u >> 6] |= ONE << np.uint64(u & 63)
    g = gamma(n_previous // 4 + 6)
    values, bounds = np.empty(n * breaks), np.empty(n * breaks)
    for v in range(n_vertices):
        if layer == 1:
            error, size = s.x[v, dim], 0.0
            for c in range(dim):
                a[c] = s.x[v, c]
                size = max(size, abs(s.x[v, c]))
                exact_input[c] = error == 0.0
        else:
            error, size = _post_activation(
                s, layers, history, maps, map_bounds, layer, v, a, exact_input, dim
            )
        combine(layers.transposed, meta[WEIGHT], a, active, z)
        doubt = (error + g * size) * SAFE
        if breaks == 1 and latest == 0.0:
            for j in range(n):
                values[j] = z[j] + biases[j]
                bounds[j] = norms[j] * doubt + n_previous * TINY
        else:
            for j in range(n):
                total = z[j] + biases[j]
                for u in range(j * breaks, (j + 1) * breaks):
                    values[u] = total - thresholds[u]
                    bounds[u] = norms[j] * doubt + n_previous * TINY + U * abs(total) * SAFE
        smallest, largest = np.inf, 0.0
        for w in range(words):
            positive, negative = np.uint64(0), np.uint64(0)
            for u in range(64 * w, min(64 * w + 64, n * breaks)):
                bit = np.uint64(u & 63)
                finite = abs(values[u]) < np.inf  # an overflow proves nothing
                positive |= np.uint64(finite and values[u] > bounds[u]) << bit
                negative |= np.uint64(finite and values[u] < -bounds[u]) << bit
                if abs(values[u]) < smallest:
                    smallest = abs(values[u])
                if bounds[u] > largest:
                    largest = bounds[u]
            rest = masks[w] & ~(positive | negative)
            s.counts[N_FLOAT] += popcount(masks[w] & (positive | negative))
            bits[v, w], bits[v, words + w] = positive & masks[w], negative & masks[w]
            while rest != 0:
                u = 64 * w + lowest_unit(rest)
                rest &= rest - ONE
                smallest = np.inf
                if not exact:
                    s.counts[N_FLOAT] += 1
                    set_sign(bits, v, words, u, 1 if values[u] > 0 else (-1 if values[u] < 0 else 0))
                    continue
                j = u // breaks
                rounding = 0.0 if thresholds[u] == 0.0 else bounds[u] - norms[j] * doubt
                sign = _refined(weights, j, a, exact_input, values[u], rounding, error, g)
                if sign != UNDECIDED:
                    s.counts[N_REFINED] += 1
                    set_sign(bits, v, words, u, sign)
                    continue
                if n_pairs == len(pairs):
                    longer = np.empty((2 * n_pairs, 2), np.int64)
                    longer[:n_pairs] = pairs
                    pairs = longer
                pairs[n_pairs, 0], pairs[n_pairs, 1] = v, u
                n_pairs += 1
        if smallest < s.margin[0] * largest:
            s.margin[0] = smallest / largest
    return bits, pairs[:n_pairs]


@leaf
def _refined(weights, j, a, exact_input, value, rounding, error, g):  # type: ignore[no-untyped-def]
    """Sign of a unit by the componentwise bound, or UNDECIDED."""
    bound = rounding
    for k in range(weights.shape[1]):
        w = weights[j, k]
        if w != 0.0 and not (exact_input[k] and a[k] == 0.0):
            bound += abs(w) * ((0.0 if exact_input[k] else error) + g * abs(a[k])) + TINY
    bound *= SAFE
    if abs(value) > bound and abs(value) < np.inf:
        return 1 if value > 0 else -1
    return 0 if bound == 0.0 else UNDECIDED


@kernel
def settle(s, layers, history, ex, bits, pairs, layer, dim):  # type: ignore[no-untyped-def]
    """Decide open pairs (vertex, unit) exactly."""
    words = layers.meta[layer - 1, N_WORDS]
    for i in range(len(pairs)):
        v, u = pairs[i, 0], pairs[i, 1]
        cell = np.int64(s.vplanes[v, dim])
        set_sign(bits, v, words, u, exact_decision(s, layers, history, ex, v, layer, u, cell, dim))


@kernel
def polish(s, layers, history, ex, vertices, dim):  # type: ignore[no-untyped-def]
    """Exact positions for some vertices."""
    for v in vertices:
        exact_position(s, layers, history, ex, v, dim)
