"""Affine maps on cells: whole layers (for evaluation) and single units (the planes that cut)."""

from __future__ import annotations

import numpy as np

from specgeo._jit import hot, kernel, leaf
from specgeo.enumeration._layers import BIAS, N_BREAKS, N_PREVIOUS, N_WORDS, UNIT, WEIGHT, N, piece
from specgeo.enumeration._layout import (
    BLOCK,
    DIM,
    FACE,
    LEN,
    NCELL,
    NF,
    NPLANE,
    NV,
    OPEN,
    START,
)
from specgeo.enumeration._predicates import ONE, SAFE, TINY, U, at_least, combine, gamma, lowest_unit, popcount


@hot
def _peaks(bounds):  # type: ignore[no-untyped-def]
    """Last column of the bounds of a map: the largest of each row."""
    n = bounds.shape[1] - 1
    for i in range(3):
        largest = 0.0
        for j in range(n):
            largest = at_least(largest, bounds[i, j])
        bounds[i, n] = largest


@kernel
def first_map(layers, extent, dim):  # type: ignore[no-untyped-def]
    """Map of layer 1 on the one cell of complex 0, and its bounds (see `_predicates`)."""
    meta = layers.meta[0]
    n = meta[N]
    maps, bounds = np.empty((1, dim + 1, n)), np.zeros((1, 3, n + 1))
    for j in range(n):
        norm, size = 0.0, abs(layers.biases[meta[BIAS] + j])
        for c in range(dim):
            w = layers.weights[meta[WEIGHT] + j * dim + c]
            maps[0, c, j] = w
            norm += abs(w)
            size += abs(w) * extent[c]
        maps[0, dim, j] = layers.biases[meta[BIAS] + j]
        bounds[0, 0, j], bounds[0, 1, j] = norm * SAFE, size * SAFE
    _peaks(bounds[0])
    return maps, bounds


@kernel
def next_maps(layers, history, layer, maps, map_bounds, extent, n_cells, dim):  # type: ignore[no-untyped-def]
    """Maps of ``layer`` on the cells of complex layer - 1 from those of layer - 1 on complex layer - 2."""
    meta = layers.meta[layer - 1]
    n, n_previous = meta[N], meta[N_PREVIOUS]
    out, bounds = np.empty((n_cells, dim + 1, n)), np.empty((n_cells, 3, n + 1))
    g = gamma(n_previous // 4 + 8)
    doubt = np.empty(n_previous)
    a = np.empty((dim + 1, n_previous))
    active = np.empty(n_previous, np.int64)
    slopes, shifts = np.empty(n_previous), np.empty(n_previous)
    for r in range(n_cells):
        parent = history.parents[history.parent_start[layer - 1] + r]
        for i in range(n_previous):
            p = piece(layers, history, layer - 1, r, i)
            slopes[i], shifts[i] = layers.slopes[p], layers.intercepts[p]
        for c in range(dim + 1):
            for i in range(n_previous):
                a[c, i] = slopes[i] * maps[parent, c, i]
        for i in range(n_previous):
            a[dim, i] += shifts[i]
        for c in range(dim + 1):
            combine(layers.transposed, meta[WEIGHT], a[c], active, out[r, c])
        for i in range(n_previous):
            steep = abs(slopes[i])
            doubt[i] = steep * (map_bounds[parent, 2, i] + g * map_bounds[parent, 1, i]) + g * abs(shifts[i])
        combine(layers.absolute, meta[WEIGHT], doubt, active, bounds[r, 2, :n])
        for j in range(n):
            bias = layers.biases[meta[BIAS] + j]
            rounding = 2.0 * U * (abs(out[r, dim, j]) + abs(bias))
            out[r, dim, j] += bias
            norm, size = 0.0, abs(out[r, dim, j])
            for c in range(dim):
                norm += abs(out[r, c, j])
                size += abs(out[r, c, j]) * extent[c]
            bounds[r, 2, j] = (bounds[r, 2, j] + rounding) * SAFE + (dim + 2) * n_previous * TINY
            bounds[r, 0, j] = norm * SAFE
            bounds[r, 1, j] = size * SAFE + bounds[r, 2, j]
        _peaks(bounds[r])
    return out, bounds


@leaf
def face_bits(s, vbits, words, word, mask, dim):  # type: ignore[no-untyped-def]
    """Bits of every face for one block of 64 units, from the signs at the vertices."""
    n_faces = s.counts[NF]
    for f in range(n_faces):
        if s.dims[f] == 1:
            p, q = s.pool[s.faces[f, START]], s.pool[s.faces[f, START] + 1]
            pp, pn = vbits[p, word], vbits[p, words + word]
            qp, qn = vbits[q, word], vbits[q, words + word]
            s.bits[f, 0] = (pp | qp) & mask
            s.bits[f, 1] = (pn | qn) & mask
            s.bits[f, 2] = (~(pp | pn) | ~(qp | qn)) & mask
    for k in range(2, dim + 1):
        for f in range(n_faces):
            if s.dims[f] == k:
                positive, negative, touch = np.uint64(0), np.uint64(0), np.uint64(0)
                start = s.faces[f, START]
                for i in range(start, start + s.faces[f, LEN]):
                    g = s.pool[i]
                    positive |= s.bits[g, 0]
                    negative |= s.bits[g, 1]
                    touch |= s.bits[g, 2]
                s.bits[f, 0], s.bits[f, 1], s.bits[f, 2] = positive, negative, touch


@hot
def _copy_signs(bits, rows, words, unit, twin, same):  # type: ignore[no-untyped-def]
    """Signs of a unit from those of its twin."""
    one = ONE << np.uint64(unit & 63)
    for r in range(rows):
        positive = (bits[r, twin >> 6] >> np.uint64(twin & 63)) & ONE
        negative = (bits[r, words + (twin >> 6)] >> np.uint64(twin & 63)) & ONE
        if not same:
            positive, negative = negative, positive
        bits[r, unit >> 6] = (bits[r, unit >> 6] & ~one) | (positive << np.uint64(unit & 63))
        bits[r, words + (unit >> 6)] = (bits[r, words + (unit >> 6)] & ~one) | (negative << np.uint64(unit & 63))


@hot
def block_mask(layers, layer, word):  # type: ignore[no-untyped-def]
    """The units of a block that are decided: all but those with the zero set of an earlier unit."""
    meta = layers.meta[layer - 1]
    mask = np.uint64(0)
    for u in range(64 * word, min(64 * word + 64, meta[N] * meta[N_BREAKS])):
        if layers.twins[meta[UNIT] + u] == u:
            mask |= ONE << np.uint64(u & 63)
    return mask


@hot
def _fill_row(row, weights, w0, active, slopes, shifts, doubts, n_active, values):  # type: ignore[no-untyped-def]
    """row = weights (slopes map + shifts), without bias; returns its error. Four partial sums run side by side."""
    last = values.shape[0] - 1
    error, shift, h = 0.0, 0.0, gamma(n_active + 4)  # the shifts are added one after the other
    for i in range(n_active):
        weight = weights[w0 + active[i]]
        error += abs(weight) * (abs(slopes[i]) * doubts[i] + h * abs(shifts[i]))
        shift += weight * shifts[i]
    for c in range(last + 1):
        s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
        i = 0
        while i + 4 <= n_active:
            k0, k1, k2, k3 = active[i], active[i + 1], active[i + 2], active[i + 3]
            s0 += weights[w0 + k0] * slopes[i] * values[c, k0]
            s1 += weights[w0 + k1] * slopes[i + 1] * values[c, k1]
            s2 += weights[w0 + k2] * slopes[i + 2] * values[c, k2]
            s3 += weights[w0 + k3] * slopes[i + 3] * values[c, k3]
            i += 4
        while i < n_active:
            s0 += weights[w0 + active[i]] * slopes[i] * values[c, active[i]]
            i += 1
        row[c] = (s0 + s1) + (s2 + s3)
    row[last] += shift
    return error


@kernel
def make_planes(s, layers, history, maps, map_bounds, layer, first, crossed, extent, dim):  # type: ignore[no-untyped-def]
    """Fill the rows of the planes, one for each cell and each unit that crosses it."""
    meta = layers.meta[layer - 1]
    n_previous, breaks, words = meta[N_PREVIOUS], meta[N_BREAKS], meta[N_WORDS]
    n_cells = s.counts[NCELL]
    active, doubts = np.empty(n_previous, np.int64), np.empty(n_previous)
    slopes, shifts = np.empty(n_previous), np.empty(n_previous)
    g = gamma(n_previous // 4 + 12)
    for cell in range(n_cells):
        parent, n_active = np.int64(0), 0
        started = False
        for w in range(words):
            rest = crossed[cell, w]
            plane = first[cell, w]
            while rest != 0:
                unit = 64 * w + lowest_unit(rest)
                rest &= rest - ONE
                j = unit // breaks
                w0 = meta[WEIGHT] + j * n_previous
                row = s.planes[plane]
                if layer == 1:
                    for c in range(dim):
                        row[c] = layers.weights[w0 + c]
                    row[dim] = 0.0
                    error = 0.0
                else:
                    if not started:
                        started = True
                        parent = np.int64(history.parents[history.parent_start[layer - 1] + cell])
                        for i in range(n_previous):
                            p = piece(layers, history, layer - 1, cell, i)
                            if layers.slopes[p] != 0.0 or layers.intercepts[p] != 0.0:
                                active[n_active] = i
                                slopes[n_active], shifts[n_active] = layers.slopes[p], layers.intercepts[p]
                                doubts[n_active] = map_bounds[parent, 2, i] + g * map_bounds[parent, 1, i]
                                n_active += 1
                    error = _fill_row(
                        row, layers.weights, w0, active, slopes, shifts, doubts, n_active, maps[parent]
                    )
                    if error > 0.0:
                        error += (dim + 2) * n_previous * TINY
                constant = layers.biases[meta[BIAS] + j] - layers.thresholds[meta[UNIT] + unit]
                if constant != 0.0:
                    error += 2.0 * U * (abs(row[dim]) + abs(constant))
                if layers.thresholds[meta[UNIT] + unit] == 0.0 and layer == 1:
                    error = 0.0
                row[dim] += constant
                norm, size = 0.0, abs(row[dim])
                for c in range(dim):
                    norm += abs(row[c])
                    size += abs(row[c]) * extent[c]
                row[dim + 1] = norm * SAFE
                row[dim + 2] = (error + gamma(dim + 2) * size) * SAFE + (dim * TINY if size > 0.0 else 0.0)
                s.porigin[plane, 0] = layer
                s.porigin[plane, 1] = unit
                s.porigin[plane, 2] = cell
                plane += 1


@kernel
def begin_layer(s, layers, layer, dim):  # type: ignore[no-untyped-def]
    """With the layer's signs at all vertices: which units cross which cells, and the numbers of their planes.

    Returns the first plane of each cell and block (the others follow in the order of units), the units that cross,
    and the number of planes in all.
    """
    words = layers.meta[layer - 1, N_WORDS]
    n_cells = s.counts[NCELL]
    crossed, first = np.empty((n_cells, words), np.uint64), np.empty((n_cells, words), np.int64)
    for word in range(words - 1, -1, -1):  # block 0 comes last, so that its bits are ready for the cutting
        face_bits(s, s.vbits, words, word, block_mask(layers, layer, word), dim)
        for cell in range(n_cells):
            f = s.cells[cell, 0]
            crossed[cell, word] = s.bits[f, 0] & s.bits[f, 1]
    plane = s.counts[NPLANE]
    for cell in range(n_cells):
        s.cells[cell, 1] = cell
        for word in range(words):
            first[cell, word] = plane
            plane += popcount(crossed[cell, word])
    s.counts[BLOCK], s.counts[DIM], s.counts[FACE], s.counts[OPEN] = 0, 1, 0, 0
    return first, crossed, plane


@kernel
def end_layer(s, layers, layer):  # type: ignore[no-untyped-def]
    """Give units that share a zero set with an earlier unit their signs."""
    meta = layers.meta[layer - 1]
    words = meta[N_WORDS]
    for u in range(meta[N] * meta[N_BREAKS]):
        twin = layers.twins[meta[UNIT] + u]
        if twin != u:
            same = layers.twin_signs[meta[UNIT] + u] > 0
            _copy_signs(s.vbits, s.counts[NV], words, u, twin, same)
            _copy_signs(s.signs, s.counts[NCELL], words, u, twin, same)
