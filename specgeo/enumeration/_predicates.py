"""Every sign that the enumeration uses is decided here.

A float value with a rigorous bound on its error decides when it exceeds the bound; otherwise a
sharper, componentwise bound is tried (it proves structural zeros: inputs that are all exactly
zero); otherwise exact arithmetic decides. With ``exact`` False the sign of the float is taken.

Error model (u = 2^-53; `_maps` has the bounds on the maps). A vertex carries the radius e of its position error in the
max norm. A row (g, c) of a plane carries ``norm`` = |g|_1 of the rounded row and ``err``, which bounds, on the domain,
the distance of the rounded row from the true one and the rounding of its value. The value computed at the vertex's
float position differs from the true one at its true position, which lies in the domain, by at most norm e + err.

At the vertices that exist before a layer the signs come from a forward pass W a + b through that layer alone, which
begins with the post-activations a_k of the layer before, taken from the map of the cell around. With S, G and E of
that cell (`_maps`) they are off by at most eps = G e + E + gamma_(d+4) S, and unit j by |W_j| (eps + gamma_r max |a_k|)
+ gamma_r |b_j| + underflow.
"""

from __future__ import annotations

import numpy as np

from specgeo._jit import hot, leaf, leaf_kernel, merged
from specgeo.enumeration._exact import evaluate
from specgeo.enumeration._layers import (
    BIAS,
    N_BREAKS,
    N_PREVIOUS,
    N_WORDS,
    PIECE,
    UNIT,
    WEIGHT,
    WORD,
    N,
    active_pieces,
)
from specgeo.enumeration._layout import (
    LEN,
    N_COORD,
    N_EXACT,
    N_FLOAT,
    N_REFINED,
    N_ZERO,
    NCELL,
    NF,
    NUMBER,
    NV,
    OWN,
    START,
)
from specgeo.enumeration._maps import DOUBT, SIZE, STEEP, combine, combine_two, factors, largest, roundings
from specgeo.enumeration._scalars import ONE, SAFE, TINY, U, at_least, gamma, lowest_unit, popcount

COARSE = 1e-12  # larger position errors, relative to the domain, are reduced by a Newton step
RELIABLE = 1e-9  # larger ones that remain are removed by computing the position exactly
UNDECIDED = 2


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
    s.counts[N_FLOAT] -= 1
    return UNDECIDED


@hot
def _residual(s, vertex, plane, dim):  # type: ignore[no-untyped-def]
    value = s.planes[plane, dim]
    for c in range(dim):
        value += s.planes[plane, c] * s.x[vertex, c]
    return value


@merged
def place(s, vertex, p, q, plane, dim):  # type: ignore[no-untyped-def]
    """Position of a new vertex: the zero of a plane on the line through vertices p and q, with its error radius.

    With d_p = norm e_p + err the weight of q is off by at most (|z_q| d_p + |z_p| d_q) / (gap true gap)
    <= max(d_p, d_q) / true gap. So errors grow from vertex to vertex; in the plane and on the line the residuals give a
    second bound that does not (`sharpen` has the argument and does the same in any dimension). Returns whether the
    position is as good as can be had by interpolation.
    """
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
    ep, eq = s.x[p, dim], s.x[q, dim]
    dp = s.planes[plane, dim + 1] * ep + s.planes[plane, dim + 2]
    dq = s.planes[plane, dim + 1] * eq + s.planes[plane, dim + 2]
    gap = abs(zp - zq) - (dp + dq)
    error = max(ep, eq) + (max(dp, dq) / gap + 4.0 * U) * length + 4.0 * U * largest
    # an overflow, or values that are not numbers, mean that nothing is known
    known = gap > 0.0 and gap < np.inf and between and error < np.inf
    s.x[vertex, dim] = error * SAFE + TINY if known else np.inf
    settled = True  # the residuals are no larger than what rounding explains
    if dim == 1:
        gap, err = abs(s.planes[plane, 0]), s.planes[plane, dim + 2]
        residual = abs(_residual(s, vertex, plane, dim))
        error, settled = (residual + err) / gap, residual <= 4.0 * err
    elif dim == 2:
        other = np.int64(s.vplanes[vertex, 0])
        a0, a1, b0, b1 = s.planes[other, 0], s.planes[other, 1], s.planes[plane, 0], s.planes[plane, 1]
        ra, rb = abs(_residual(s, vertex, other, dim)), abs(_residual(s, vertex, plane, dim))
        settled = ra <= 4.0 * s.planes[other, dim + 2] and rb <= 4.0 * s.planes[plane, dim + 2]
        ra, rb = ra + s.planes[other, dim + 2], rb + s.planes[plane, dim + 2]
        gap = abs(a0 * b1 - a1 * b0) - 4.0 * U * (abs(a0 * b1) + abs(a1 * b0)) - 4.0 * TINY
        error = (max(abs(b1) * ra + abs(a1) * rb, abs(b0) * ra + abs(a0) * rb) + 4.0 * TINY) / gap
    error = error * SAFE + TINY
    if dim < 3 and gap > 0.0 and gap < np.inf and error < s.x[vertex, dim]:
        s.x[vertex, dim] = error
    return known and settled


@leaf
def sharpen(s, vertex, a, extent, dim):  # type: ignore[no-untyped-def]
    """One Newton step for the d planes of a vertex, and an error radius from the residual.

    The rounded rows N x + c take at the true vertex a value of at most err, and at a point of the domain the computed
    one up to rounding, which err also covers: N (x - true vertex) is at most |residual| + err. With an approximate
    inverse B of N and eta = |I - B N| < 1, the point is off by at most |B| (|residual| + err) / (1 - eta). Keeps the
    old position if that is better. ``a`` is scratch, (d, 2 d).
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
        eta = at_least(eta, total)
    if not eta < 0.5:
        return
    for r in range(dim):  # residuals, then the step; columns 0 and 1 of the scratch are free now
        a[r, 0] = _residual(s, vertex, s.vplanes[vertex, r], dim)
    old = s.x[vertex, 0]
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
    radius = radius * SAFE / (1.0 - eta) + dim * TINY
    if radius < s.x[vertex, dim]:
        s.x[vertex, dim] = radius
    else:
        for c in range(dim):
            s.x[vertex, c] = a[c, 1] if dim > 1 else old


@hot
def _bit(bits, row, unit):  # type: ignore[no-untyped-def]
    return (bits[row, unit >> 6] >> np.uint64(unit & 63)) & ONE


@leaf
def _exact_inputs(s, layers, earlier, layer, vertex, a, exact_input, dim):  # type: ignore[no-untyped-def]
    """Make what is known exactly of the inputs of a layer at a vertex exact, and mark it in ``exact_input``.

    These are neurons that are inactive, or whose pre-activation is a breakpoint.
    """
    if layer == 1:
        for c in range(dim):
            exact_input[c] = s.x[vertex, dim] == 0.0
        return
    meta = layers.meta[layer - 2]
    breaks, words = meta[N_BREAKS], meta[N_WORDS]
    for k in range(meta[N]):
        p, at_break = meta[PIECE], np.int64(-1)
        for u in range(k * breaks, (k + 1) * breaks):
            positive = _bit(earlier, vertex, u)
            p += np.int64(positive)
            if positive == 0 and _bit(earlier, vertex, words * 64 + u) == 0:
                at_break = np.int64(u)
        slope, shift = layers.slopes[p], layers.intercepts[p]
        z = layers.thresholds[meta[UNIT] + at_break] if at_break >= 0 else 1.0
        if at_break >= 0:
            a[k] = slope * z + shift
        # a slope of 0 or a z of 0 leaves the intercept, which is exact if its second term is zero
        exact_input[k] = (slope == 0.0 or z == 0.0) and layers.intercept_terms[p, 1] == 0.0


@merged
def prepare(layers, history, before, layer, cell, scratch, active, dim):  # type: ignore[no-untyped-def]
    """Make ready for `values_at` on a cell: pieces of the neurons before in scratch[4:6], and a list of the active.

    Returns the cell of their map and the number of active neurons.
    """
    if layer == 1:
        for c in range(dim):
            active[c] = c
        return np.int64(0), dim
    words, n_active = layers.meta[layer - 2, N_WORDS], 0
    start = history.sign_start[layer - 1] + cell * 2 * words
    slope, shift = scratch[4], scratch[5]
    active_pieces(layers, layer - 1, history.signs[start : start + words], slope, shift)
    for k in range(layers.meta[layer - 1, N_PREVIOUS]):
        active[n_active] = k
        n_active += int((slope[k] != 0.0) | (shift[k] != 0.0))
    return np.int64(history.parents[history.parent_start[layer - 1] + cell]), n_active


@merged
def _inputs(s, before, layer, vertex, parent, slope, shift, a, n, dim):  # type: ignore[no-untyped-def]
    """a = the n post-activations of the layer before at a vertex; returns a bound on their errors."""
    error = s.x[vertex, dim]
    if layer == 1:  # the coordinates
        for c in range(dim):
            a[c] = s.x[vertex, c]
        return error
    rows = before.rows[parent]
    constant = rows[dim]
    for k in range(n):
        a[k] = constant[k]
    for c in range(dim):
        row, x = rows[c], s.x[vertex, c]
        for k in range(n):
            a[k] += row[k] * x
    for k in range(n):
        z = slope[k] * a[k]
        a[k] = (0.0 if slope[k] == 0.0 else z) + shift[k]  # what overflows may be inactive
    trust = before.trust[parent]
    return (trust[STEEP] * error + trust[DOUBT] + gamma(dim + 4) * trust[SIZE] + dim * TINY) * SAFE


@merged
def values_at(s, layers, before, layer, parent, v, w, scratch, active, n_active, dim):  # type: ignore[no-untyped-def]
    """scratch[0], scratch[1] = W a at two vertices of a cell that `prepare` has made ready.

    The inputs a are left in scratch[2] and scratch[3]; returns bounds on their errors.
    """
    meta = layers.meta[layer - 1]
    n, n_previous, slope, shift = meta[N], meta[N_PREVIOUS], scratch[4], scratch[5]
    a, b, first, second = scratch[2], scratch[3], 0.0, 0.0
    for side in range(2 if v != w else 1):
        second = _inputs(
            s, before, layer, w if side > 0 else v, parent, slope, shift, b if side > 0 else a, n_previous, dim
        )
        if side == 0:
            first = second
    if v == w:
        combine(layers.transposed, meta[WEIGHT], a, active, n_active, scratch[0, :n])
    else:
        combine_two(layers.transposed, meta[WEIGHT], a, b, active, n_active, scratch[0, :n], scratch[1, :n])
    return first, second


@leaf
def add_bias(norms, biases, a, n_previous, error, reach, values, bounds):  # type: ignore[no-untyped-def]
    """values += biases; bounds = bounds on the errors of W a + b where those of a stay below ``error``."""
    f, g, tiny = factors(largest(a, n_previous), roundings(n_previous), n_previous, reach)
    f += error
    for j in range(len(biases)):
        values[j] += biases[j]
        bounds[j] = (norms[j] * f + (abs(biases[j]) * g + tiny)) * SAFE


@leaf
def own_faces(s, dim, start, order):  # type: ignore[no-untyped-def]
    """Give every face and vertex the first cell that contains it, top down, and list the vertices of each cell.

    These are order[start[c] : start[c + 1]], for start (n_c + 1,) and order (n_v,).
    """
    n_faces, n_cells = s.counts[NF], s.counts[NCELL]
    for f in range(n_faces):
        s.faces[f, OWN] = s.faces[f, NUMBER] if s.dims[f] == dim else n_cells
    for v in range(s.counts[NV]):
        s.vplanes[v, dim] = n_cells
    for k in range(dim, 0, -1):
        for f in range(n_faces):
            if s.dims[f] == k:
                own, begin = s.faces[f, OWN], s.faces[f, START]
                for i in range(begin, begin + s.faces[f, LEN]):
                    g = s.pool[i]
                    if k > 1:
                        s.faces[g, OWN] = min(s.faces[g, OWN], own)
                    else:
                        s.vplanes[g, dim] = min(s.vplanes[g, dim], own)
    for c in range(n_cells + 1):
        start[c] = 0
    for v in range(s.counts[NV]):
        start[s.vplanes[v, dim]] += 1
    total = 0
    for c in range(n_cells + 1):
        start[c], total = total, total + start[c]
    for v in range(s.counts[NV]):
        own = s.vplanes[v, dim]
        order[start[own]] = v
        start[own] += 1
    for c in range(n_cells, 0, -1):
        start[c] = start[c - 1]
    start[0] = 0


@leaf_kernel
def classify(  # type: ignore[no-untyped-def]
    s, layers, history, before, earlier, layer, start, order, exact, reach, scratch, exact_input, active, pairs, begin,
    dim,
):  # fmt: skip
    """Signs of all units of a layer at the vertices that exist, as far as floats prove them, from cell ``begin`` on.

    Sets bits of s.vbits and writes the pairs (vertex, unit) that are left open to ``pairs``. Returns the cell to go
    on with, when there is no room for the pairs of another, and the number of pairs. ``before`` and ``earlier`` are
    the maps and the vbits of the layer before; ``start`` and ``order`` are filled by `own_faces` to begin with.
    """
    if begin == 0:
        own_faces(s, dim, start, order)
    meta = layers.meta[layer - 1]
    n, n_previous, breaks, words, w0 = meta[N], meta[N_PREVIOUS], meta[N_BREAKS], meta[N_WORDS], meta[WEIGHT]
    biases = layers.biases[meta[BIAS] : meta[BIAS] + n]
    norms = layers.norms[meta[BIAS] : meta[BIAS] + n]
    thresholds = layers.thresholds[meta[UNIT] : meta[UNIT] + n * breaks]
    plain = breaks == 1
    for u in range(n * breaks):
        plain = plain and thresholds[u] == 0.0
    bounds = scratch[6]
    n_pairs = np.int64(0)
    for cell in range(begin, s.counts[NCELL]):
        if start[cell] == start[cell + 1]:
            continue
        if n_pairs + (start[cell + 1] - start[cell]) * n * breaks > len(pairs):
            return np.int64(cell), n_pairs  # at least one, unless ``pairs`` is too short for this cell
        parent, n_active = prepare(layers, history, before, layer, np.int64(cell), scratch, active, dim)
        for i in range(start[cell], start[cell + 1], 2):
            both = min(i + 1, start[cell + 1] - 1)
            first, second = values_at(
                s, layers, before, layer, parent, np.int64(order[i]), np.int64(order[both]), scratch, active,
                n_active, dim,
            )  # fmt: skip
            for side in range(1 + both - i):
                v, values, a = np.int64(order[i + side]), scratch[side], scratch[2 + side]
                error = second if side == 1 else first
                add_bias(norms, biases, a, n_previous, error, reach, values, bounds)
                if not plain:
                    for u in range(n * breaks - 1, -1, -1):  # j <= u: nothing is overwritten that is still needed
                        z, t = values[u // breaks], thresholds[u]
                        bounds[u] = (bounds[u // breaks] + U * (abs(z) + abs(t))) * SAFE
                        values[u] = z - t
                ready = False
                for w in range(words):
                    decided, stop = layers.decided[meta[WORD] + w], min(64 * w + 64, n * breaks)
                    positive, negative = _proved(values[64 * w : stop], bounds[64 * w : stop])
                    rest = decided & ~(positive | negative)
                    s.counts[N_FLOAT] += popcount(decided & (positive | negative))
                    s.vbits[v, w], s.vbits[v, words + w] = positive & decided, negative & decided
                    while rest != 0:
                        u = 64 * w + lowest_unit(rest)
                        rest &= rest - ONE
                        if not exact:
                            s.counts[N_FLOAT] += 1
                            set_sign(s.vbits, v, words, u, 1 if values[u] > 0 else (-1 if values[u] < 0 else 0))
                            continue
                        if not ready:
                            ready = True
                            _exact_inputs(s, layers, earlier, layer, v, a, exact_input, dim)
                        j = u // breaks
                        row = layers.weights[w0 + j * n_previous : w0 + (j + 1) * n_previous]
                        sign = _refined(row, biases[j], thresholds[u], a, exact_input, error)
                        if sign != UNDECIDED:
                            s.counts[N_REFINED] += 1
                            set_sign(s.vbits, v, words, u, sign)
                            continue
                        pairs[n_pairs, 0], pairs[n_pairs, 1] = v, u
                        n_pairs += 1
                s.margin[0] = _smallest_margin(values, bounds, n * breaks, s.margin[0])
    return s.counts[NCELL], n_pairs


@leaf
def _proved(values, bounds):  # type: ignore[no-untyped-def]
    """Bits of the values that are positive for sure, and of those that are negative for sure; at most 64."""
    positive, negative = np.uint64(0), np.uint64(0)
    for u in range(len(values)):
        finite = abs(values[u]) < np.inf  # an overflow proves nothing
        positive |= np.uint64(finite & (values[u] > bounds[u])) << np.uint64(u)
        negative |= np.uint64(finite & (values[u] < -bounds[u])) << np.uint64(u)
    return positive, negative


@leaf
def _smallest_margin(values, bounds, n, margin):  # type: ignore[no-untyped-def]
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
def _refined(weights, bias, threshold, a, exact_input, error):  # type: ignore[no-untyped-def]
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
