"""Signs of a layer at the vertices that exist before it.

They come from a forward pass W a + b through that layer alone, which begins with the post-activations a_k of the layer
before, taken from the map of the cell around. With S, G and E of that cell (`_maps`) and the radius e of the vertex
they are off by at most eps = G e + E + gamma_(d+4) S, and unit j by |W_j| (eps + gamma_r max |a_k|) + gamma_r |b_j| +
underflow.
"""

from __future__ import annotations

import numpy as np

from specgeo._jit import hot, leaf, leaf_kernel, merged
from specgeo.enumeration._layers import BIAS, N_BREAKS, N_PREVIOUS, N_WORDS, PIECE, UNIT, WEIGHT, WORD, N, active_pieces
from specgeo.enumeration._layout import (
    LEN,
    NUMBER,
    OWN,
    START,
    Size,
    Tally,
)
from specgeo.enumeration._maps import DOUBT, SIZE, STEEP, combine, combine_two, factors, largest, roundings
from specgeo.enumeration._predicates import UNDECIDED, proved, refined, set_sign, smallest_margin
from specgeo.enumeration._scalars import ONE, SAFE, TINY, U, gamma, lowest_unit, popcount


@leaf
def own_faces(s, dim, start, order):  # type: ignore[no-untyped-def]
    """Give every face and vertex the first cell that contains it, top down, and list the vertices of each cell.

    These are order[start[c] : start[c + 1]], for start (n_c + 1,) and order (n_v,).
    """
    n_faces, n_cells = s.sizes[Size.FACES], s.sizes[Size.CELLS]
    for f in range(n_faces):
        s.faces[f, OWN] = s.faces[f, NUMBER] if s.dims[f] == dim else n_cells
    for v in range(s.sizes[Size.VERTICES]):
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
    for v in range(s.sizes[Size.VERTICES]):
        start[s.vplanes[v, dim]] += 1
    total = 0
    for c in range(n_cells + 1):
        start[c], total = total, total + start[c]
    for v in range(s.sizes[Size.VERTICES]):
        own = s.vplanes[v, dim]
        order[start[own]] = v
        start[own] += 1
    for c in range(n_cells, 0, -1):
        start[c] = start[c - 1]
    start[0] = 0


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
    # what underflows here and is multiplied by a steep slope is in the doubts: they have room for it
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
    for cell in range(begin, s.sizes[Size.CELLS]):
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
                    positive, negative = proved(values[64 * w : stop], bounds[64 * w : stop])
                    rest = decided & ~(positive | negative)
                    s.tally[Tally.FLOAT] += popcount(decided & (positive | negative))
                    s.vbits[v, w], s.vbits[v, words + w] = positive & decided, negative & decided
                    while rest != 0:
                        u = 64 * w + lowest_unit(rest)
                        rest &= rest - ONE
                        if not exact:
                            s.tally[Tally.FLOAT] += 1
                            set_sign(s.vbits, v, words, u, 1 if values[u] > 0 else (-1 if values[u] < 0 else 0))
                            continue
                        if not ready:
                            ready = True
                            _exact_inputs(s, layers, earlier, layer, v, a, exact_input, dim)
                        j = u // breaks
                        row = layers.weights[w0 + j * n_previous : w0 + (j + 1) * n_previous]
                        sign = refined(row, biases[j], thresholds[u], a, exact_input, error)
                        if sign != UNDECIDED:
                            s.tally[Tally.REFINED] += 1
                            set_sign(s.vbits, v, words, u, sign)
                            continue
                        pairs[n_pairs, 0], pairs[n_pairs, 1] = v, u
                        n_pairs += 1
                s.margin[0] = smallest_margin(values, bounds, n * breaks, s.margin[0])
    return s.sizes[Size.CELLS], n_pairs
