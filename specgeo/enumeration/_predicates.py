"""Every sign that the enumeration uses is decided here.

A float value with a rigorous bound on its error decides when it exceeds the bound; otherwise a
sharper, componentwise bound is tried (it proves structural zeros: inputs that are all exactly
zero); otherwise exact arithmetic decides. With ``exact`` False the sign of the float is taken.

Error model (u = 2^-53; `_maps` has the bounds on the maps). A vertex carries the radius e of its position error in the
max norm. A row (g, c) of a plane carries ``norm`` = |g|_1 of the rounded row and ``err``, which bounds, on the domain,
the distance of the rounded row from the true one and the rounding of its value. The value computed at the vertex's
float position differs from the true one at its true position, which lies in the domain, by at most norm e + err. At
the vertices that exist before a layer the same holds with the bounds of the map of the cell.
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
    WORD,
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
from specgeo.enumeration._maps import STEEP, activated_doubt, factors, neurons
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
    gap = abs(zp - zq) - doubt  # infinite if the values overflow: then nothing is known
    error = max(s.x[p, dim], s.x[q, dim]) + (doubt / gap + 4.0 * U) * length + 4.0 * U * largest
    s.x[vertex, dim] = error * SAFE + TINY if gap > 0.0 and gap < np.inf and between else np.inf


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
            total += abs(a[c, dim + r]) * (s.planes[s.vplanes[vertex, r], dim + 2] / narrow)
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
def _post_activation(s, layers, before, vbits, layer, vertex, parent, extent, reach, scratch, exact_input, dim):  # type: ignore[no-untyped-def]
    """scratch[0] = post-activations of layer - 1 at a vertex, from its signs in that layer; returns their error radius.

    ``exact_input[k]`` is set where entry k has no error at all (inactive, or exactly at its breakpoint).
    """
    meta = layers.meta[layer - 2]
    n, breaks, words, b0 = meta[N], meta[N_BREAKS], meta[N_WORDS], meta[BIAS]
    out, rows, error = scratch[0], before.rows[parent], 0.0
    _, _, tiny = factors(before.trust, parent, meta[N_PREVIOUS], dim, reach)
    neurons(
        before.rows, before.trust, parent, layers.norms[b0 : b0 + n], layers.biases[b0 : b0 + n], meta[N_PREVIOUS],
        extent, reach, dim, scratch[1:],
    )  # fmt: skip
    for k in range(n):
        z = rows[dim, k]
        for c in range(dim):
            z += rows[c, k] * s.x[vertex, c]
        p, at_break = meta[PIECE], np.int64(-1)
        for u in range(k * breaks, (k + 1) * breaks):
            positive = _bit(vbits, vertex, u)
            p += np.int64(positive)
            if positive == 0 and _bit(vbits, vertex, words * 64 + u) == 0:
                at_break = np.int64(u)
        slope, shift = layers.slopes[p], layers.intercepts[p]
        if at_break >= 0:
            z = layers.thresholds[meta[UNIT] + at_break]
        out[k] = slope * z + shift
        doubt = scratch[1, k] * s.x[vertex, dim] + scratch[3, k] + gamma(dim + 2) * scratch[2, k] + tiny
        error = at_least(error, activated_doubt(slope, shift, scratch[2, k] + abs(z), doubt * SAFE, tiny))
        # a slope of 0 or a z of 0 leaves the intercept, which is exact if its second term is zero
        inert = slope == 0.0 or (at_break >= 0 and z == 0.0)
        exact_input[k] = inert and layers.intercept_terms[p, 1] == 0.0
    return error * SAFE


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
def classify(  # type: ignore[no-untyped-def]
    s, layers, history, before, earlier, maps, layer, exact, extent, reach, scratch, exact_input, pairs, begin, dim
):
    """Signs of all units of a layer at the vertices that exist, from ``begin`` on, as far as floats prove them.

    Sets bits of s.vbits (all zero before) and writes the pairs (vertex, unit) that are left open to ``pairs``. Returns
    the vertex to go on with, when there was room no more, and the number of pairs. ``before`` and ``earlier`` are the
    maps and the vbits of the layer before.
    """
    meta = layers.meta[layer - 1]
    n, n_previous, breaks, words, w0 = meta[N], meta[N_PREVIOUS], meta[N_BREAKS], meta[N_WORDS], meta[WEIGHT]
    biases = layers.biases[meta[BIAS] : meta[BIAS] + n]
    norms = layers.norms[meta[BIAS] : meta[BIAS] + n]
    thresholds = layers.thresholds[meta[UNIT] : meta[UNIT] + n * breaks]
    plain = breaks == 1
    for u in range(n * breaks):
        plain = plain and thresholds[u] == 0.0
    values, bounds = scratch[dim], scratch[dim + 1]
    n_pairs = np.int64(0)
    for v in range(begin, s.counts[NV]):
        if n_pairs + n * breaks > len(pairs):
            return np.int64(v), n_pairs
        cell = np.int64(s.vplanes[v, dim])
        f, g, tiny = factors(maps.trust, cell, n_previous, dim + 5, reach)
        f += maps.trust[cell, STEEP] * s.x[v, dim] * SAFE
        constant, inherited = maps.rows[cell, dim], maps.rows[cell, dim + 1]
        for j in range(n):
            values[j] = constant[j]
            bounds[j] = (inherited[j] + norms[j] * f + (abs(biases[j]) * g + tiny)) * SAFE
        for c in range(dim):
            row, x = maps.rows[cell, c], s.x[v, c]
            for j in range(n):
                values[j] += row[j] * x
        if not plain:
            for u in range(n * breaks - 1, -1, -1):  # j <= u: nothing is overwritten that is still needed
                z, t = values[u // breaks], thresholds[u]
                bounds[u] = (bounds[u // breaks] + U * (abs(z) + abs(t))) * SAFE
                values[u] = z - t
        ready, unproved = False, False
        for w in range(words):
            decided, stop = layers.decided[meta[WORD] + w], min(64 * w + 64, n * breaks)
            positive, negative = _proved(values[64 * w : stop], bounds[64 * w : stop])
            rest = decided & ~(positive | negative)
            s.counts[N_FLOAT] += popcount(decided & (positive | negative))
            s.vbits[v, w], s.vbits[v, words + w] = positive & decided, negative & decided
            while rest != 0:
                u = 64 * w + lowest_unit(rest)
                rest &= rest - ONE
                unproved = True
                if not exact:
                    s.counts[N_FLOAT] += 1
                    set_sign(s.vbits, v, words, u, 1 if values[u] > 0 else (-1 if values[u] < 0 else 0))
                    continue
                if not ready:
                    ready = True
                    error = s.x[v, dim]
                    if layer == 1:
                        for c in range(dim):
                            scratch[dim + 2, c] = s.x[v, c]
                            exact_input[c] = error == 0.0
                    else:
                        parent = np.int64(history.parents[history.parent_start[layer - 1] + cell])
                        error = _post_activation(
                            s, layers, before, earlier, layer, v, parent, extent, reach,
                            scratch[dim + 2 :], exact_input, dim,
                        )  # fmt: skip
                j = u // breaks
                row = layers.weights[w0 + j * n_previous : w0 + (j + 1) * n_previous]
                sign = _refined(row, biases[j], thresholds[u], scratch[dim + 2], exact_input, error)
                if sign != UNDECIDED:
                    s.counts[N_REFINED] += 1
                    set_sign(s.vbits, v, words, u, sign)
                    continue
                pairs[n_pairs, 0], pairs[n_pairs, 1] = v, u
                n_pairs += 1
        if not unproved:
            s.margin[0] = min(s.margin[0], _margin(values, bounds, n * breaks))
    return s.counts[NV], n_pairs


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
def _margin(values, bounds, n):  # type: ignore[no-untyped-def]
    """A lower bound on |value| / bound: smallest by largest, found as integers, which bit patterns without sign are."""
    sizes, limits = values.view(np.int64), bounds.view(np.int64)
    smallest, largest = np.int64(0x7FF0000000000000), np.int64(0)
    for u in range(n):
        smallest = min(smallest, sizes[u] & np.int64(0x7FFFFFFFFFFFFFFF))
        largest = max(largest, limits[u])
    sizes[0], limits[0] = smallest, largest
    return values[0] / bounds[0]


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


@kernel
def settle(s, layers, history, ex, pairs, layer, dim):  # type: ignore[no-untyped-def]
    """Decide open pairs (vertex, unit) exactly; with layer 0: find the exact positions of the vertices."""
    words = layers.meta[layer - 1, N_WORDS]
    for i in range(len(pairs)):
        v, u = pairs[i, 0], pairs[i, 1]
        if layer == 0:
            exact_position(s, layers, history, ex, v, dim)
        else:
            cell = np.int64(s.vplanes[v, dim])
            set_sign(s.vbits, v, words, u, exact_decision(s, layers, history, ex, v, layer, u, cell, dim))
