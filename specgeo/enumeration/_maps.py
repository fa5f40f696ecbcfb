"""Affine maps of a layer on the cells before it, with bounds on their errors.

On a cell of complex m - 1 the units of layer m are affine functions: W a + b with the post-activations a of layer
m - 1, of which the cell knows the pattern. Cells that share a facet differ in one neuron k (in general position), and
their maps by the outer product of column k of W with the row of that neuron: the map of a cell is that of a
neighbour, corrected. Only where no neighbour inside the same cell of complex m - 2 is at hand, or after too many
corrections, is it summed afresh.

Error model. u = 2^-53, gamma_r = r u (1 + 1e-8), extent_c the largest |x_c| on the domain. The *size* of a row is
sum_c extent_c |row_c| + |constant|. The true a_k differs on the domain from the stored one by at most E_k (*doubt*),
so the true unit j from sum_k W_jk a_k + b_j by at most D_j = sum_k |W_jk| E_k: the last row of a map, carried
along as the others are. With |W_j| = sum_k |W_jk| and S >= size of a_k + E_k for all k and all pieces,

- a sum afresh passes each term through at most n / 4 + 8 roundings: activation 2, product 1, `combine` n / 4 + 4,
  bias 1 (Higham 2002, section 3.1);
- a correction adds an error of at most u |row| + 2 u (1 + u) |W_jk| (|old a_k| + |new a_k|), no more than 6 roundings;

in sizes both stay below gamma_r (|W_j| S + |b_j|), where r counts roundings, and so does the rounding of D_j. Products
that underflow add less than the smallest subnormal each. G >= 1-norm of the gradient of every a_k bounds the gradient
of unit j by |W_j| G.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._jit import hot, kernel, leaf
from specgeo.enumeration._layers import BIAS, N_BREAKS, N_PREVIOUS, N_WORDS, PIECE, WEIGHT, Layers, N, piece
from specgeo.enumeration._layout import LEN, NCELL, START
from specgeo.enumeration._memory import workspace
from specgeo.enumeration._scalars import ONE, SAFE, TINY, gamma, lowest_unit, popcount

SIZE, STEEP, STEPS = range(3)
_MOST = 128  # roundings by corrections before a map is summed afresh
_CORRECTION = 6


class Maps(NamedTuple):
    """Maps of a layer on the cells of the complex before it."""

    rows: npt.NDArray[np.float64]  # (n_c, d + 2, n): gradient, constant (with bias, without threshold), D
    trust: npt.NDArray[np.float64]  # (n_c, 3): S, G and r of the cell


def empty_maps(layers: Layers, layer: int, n_cells: int, dim: int) -> Maps:
    """Room for the maps of a layer; layer 0 has none."""
    n = int(layers.meta[layer - 1, N]) if layer else 0
    return Maps(workspace((n_cells, dim + 2, n), np.float64), workspace((n_cells, 3), np.float64))


@hot
def factors(trust, cell, n_previous, more, reach):  # type: ignore[no-untyped-def]
    """(f, g, t): f |W_j| + g |b_j| + t bounds the rounding error of row j on the domain, ``more`` roundings later."""
    r = trust[cell, STEPS] + more
    tiny = 2.0 * (n_previous + r + 8.0) * reach * TINY
    g = gamma(r)
    return (g * trust[cell, SIZE] + tiny) * SAFE, g, tiny


@leaf
def combine(transposed, start, a, active, n_active, out):  # type: ignore[no-untyped-def]
    """out = W a for the matrix whose transpose starts at ``start``, where only the active entries of a count.

    Four columns at a time: the inner loop vectorises, as no sum is reordered.
    """
    n = len(out)
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


@leaf
def _add_column(transposed, start, factor, old, new):  # type: ignore[no-untyped-def]
    """new = old + factor * column."""
    n = len(new)
    w = transposed[start : start + n]
    for j in range(n):
        new[j] = old[j] + factor * w[j]


@hot
def activated_doubt(slope, shift, size, doubt, tiny):  # type: ignore[no-untyped-def]
    """Doubt of slope z + shift from that of z; a ReLU rounds nothing. ``tiny`` covers what underflows."""
    plain = abs(slope) * doubt
    rounded = (plain + gamma(4.0) * (abs(slope) * size + abs(shift)) + tiny) * SAFE
    return plain if (shift == 0.0) & ((slope == 1.0) | (slope == 0.0)) else rounded


@leaf
def neurons(rows, trust, cell, norms, biases, n_previous, extent, reach, dim, out):  # type: ignore[no-untyped-def]
    """out = 1-norm of the gradient, size and doubt of all rows of a map, whose layer has these norms and biases."""
    n = rows.shape[2]
    f, g, tiny = factors(trust, cell, n_previous, np.int64(0), reach)
    norm, size, doubt = out[0], out[1], out[2]
    constant, inherited = rows[cell, dim], rows[cell, dim + 1]
    for k in range(n):
        norm[k] = 0.0
        size[k] = abs(constant[k]) + dim * TINY
        doubt[k] = (inherited[k] + norms[k] * f + abs(biases[k]) * g + tiny) * SAFE
    for c in range(dim):
        row, most = rows[cell, c], extent[c]
        for k in range(n):
            norm[k] += abs(row[k])
            size[k] += abs(row[k]) * most


@leaf
def _neighbours(s, sides, dim):  # type: ignore[no-untyped-def]
    """sides = the cells on either side of each facet, -1 for none."""
    for cell in range(s.counts[NCELL]):
        f = s.cells[cell, 0]
        start = s.faces[f, START]
        for i in range(start, start + s.faces[f, LEN]):
            g = s.pool[i]
            sides[g, 0 if sides[g, 0] < 0 else 1] = cell


@hot
def _changes(history, words, here, there):  # type: ignore[no-untyped-def]
    """Number of units that are positive on one of two cells only."""
    n = 0
    for w in range(words):
        n += popcount(history.signs[here + w] ^ history.signs[there + w])
    return n


@hot
def _correct(layers, history, layer, before, rows, extent, reach, cell, base, parent, here, there, dim):  # type: ignore[no-untyped-def]
    """The map of a cell from that of its neighbour ``base``; their signs start at ``here`` and ``there``."""
    meta, earlier = layers.meta[layer - 1], layers.meta[layer - 2]
    n, breaks, b0 = meta[N], earlier[N_BREAKS], earlier[BIAS]
    f, g, tiny = factors(before.trust, parent, earlier[N_PREVIOUS], np.int64(0), reach)
    source, last = base, np.int64(-1)
    for w in range(earlier[N_WORDS]):
        change = history.signs[here + w] ^ history.signs[there + w]
        while change != 0:
            k = (64 * w + lowest_unit(change)) // breaks
            change &= change - ONE
            if k == last:
                continue
            last = k
            column = meta[WEIGHT] + k * n
            p, q = piece(layers, history, layer - 1, cell, k), piece(layers, history, layer - 1, base, k)
            size = 0.0
            for c in range(dim + 1):
                z = before.rows[parent, c, k]
                new, old = layers.slopes[p] * z, layers.slopes[q] * z
                if c == dim:
                    new, old = new + layers.intercepts[p], old + layers.intercepts[q]
                size += abs(z) * (extent[c] if c < dim else 1.0)
                _add_column(layers.transposed, column, new - old, rows[source, c], rows[cell, c])
            doubt = before.rows[parent, dim + 1, k] + layers.norms[b0 + k] * f + abs(layers.biases[b0 + k]) * g + tiny
            new = activated_doubt(layers.slopes[p], layers.intercepts[p], size * SAFE, doubt * SAFE, tiny)
            old = activated_doubt(layers.slopes[q], layers.intercepts[q], size * SAFE, doubt * SAFE, tiny)
            _add_column(layers.absolute, column, new - old, rows[source, dim + 1], rows[cell, dim + 1])
            source = np.int64(cell)
    if source == base:  # only signs 0 and -1 differ
        for c in range(dim + 2):
            for j in range(n):
                rows[cell, c, j] = rows[base, c, j]


@leaf
def _largest(bounds, n):  # type: ignore[no-untyped-def]
    """The largest of n bounds, NaN if one is: bit patterns are ordered as the numbers. Overwrites them."""
    words, most = bounds.view(np.int64), np.int64(0)
    for k in range(n):
        most = max(most, words[k] & np.int64(0x7FFFFFFFFFFFFFFF))
    words[0] = most
    return bounds[0]


@leaf
def _activate(pieces, slopes, intercepts, rows, parent, n, tiny, scratch, active, dim):  # type: ignore[no-untyped-def]
    """scratch[: d + 2] = rows of the post-activations and their doubts; returns the number of active neurons."""
    size, doubt, slope, shift = scratch[dim + 3], scratch[dim + 4], scratch[dim + 5], scratch[dim + 6]
    n_active = 0
    for k in range(n):
        slope[k], shift[k] = slopes[pieces[k]], intercepts[pieces[k]]
        active[n_active] = k
        n_active += int(slope[k] != 0.0 or shift[k] != 0.0)
    for c in range(dim + 1):
        out, row = scratch[c], rows[parent, c]
        for k in range(n):
            out[k] = slope[k] * row[k]
    constant, out = scratch[dim], scratch[dim + 1]
    for k in range(n):
        constant[k] += shift[k]
    for k in range(n):
        out[k] = activated_doubt(slope[k], shift[k], size[k] * SAFE, doubt[k], tiny)
    return n_active


@hot
def _sum(layers, history, layer, before, maps, reach, cell, parent, scratch, pieces, active, dim):  # type: ignore[no-untyped-def]
    """The map of a cell from nothing; 1-norms, sizes and doubts of the neurons before are in scratch rows d + 2 on."""
    meta, earlier = layers.meta[layer - 1], layers.meta[layer - 2]
    n_previous = meta[N_PREVIOUS]
    steepest, shifted = 0.0, 0.0
    for p in range(earlier[PIECE], earlier[PIECE] + earlier[N_BREAKS] + 1):
        steepest = max(steepest, abs(layers.slopes[p]))
        shifted = max(shifted, abs(layers.intercepts[p]))
    for k in range(n_previous):
        pieces[k] = piece(layers, history, layer - 1, cell, k)
    _, _, tiny = factors(before.trust, parent, earlier[N_PREVIOUS], dim, reach)
    n_active = _activate(
        pieces, layers.slopes, layers.intercepts, before.rows, parent, n_previous, tiny, scratch, active, dim
    )
    for c in range(dim + 1):
        combine(layers.transposed, meta[WEIGHT], scratch[c], active, n_active, maps.rows[cell, c])
    combine(layers.absolute, meta[WEIGHT], scratch[dim + 1], active, n_active, maps.rows[cell, dim + 1])
    for j in range(meta[N]):
        maps.rows[cell, dim, j] += layers.biases[meta[BIAS] + j]
    norm, size, doubt = scratch[dim + 2], scratch[dim + 3], scratch[dim + 4]
    for k in range(n_previous):
        size[k] += doubt[k]
    maps.trust[cell, SIZE] = (steepest * _largest(size, n_previous) + shifted) * SAFE + 8.0 * TINY
    maps.trust[cell, STEEP] = steepest * _largest(norm, n_previous) * SAFE + TINY


@kernel
def propagate(s, layers, history, layer, before, maps, extent, reach, sides, queue, scratch, pieces, active, dim):  # type: ignore[no-untyped-def]
    """Fill the maps of a layer on the cells that exist from those of the layer before, ``before``.

    ``sides`` is (facets, 2) of -1; ``queue`` (n_c,), ``scratch`` (d + 7, widest layer), ``pieces`` and ``active``
    (widest layer) need not be initialised.
    """
    meta = layers.meta[layer - 1]
    n, n_previous, w0, b0 = meta[N], meta[N_PREVIOUS], meta[WEIGHT], meta[BIAS]
    if layer == 1:  # weights and biases themselves, and a_k = x_k
        largest = 0.0
        for c in range(dim):
            largest = max(largest, extent[c])
            for j in range(n):
                maps.rows[0, c, j] = layers.transposed[w0 + c * n + j]
        for j in range(n):
            maps.rows[0, dim, j], maps.rows[0, dim + 1, j] = layers.biases[b0 + j], 0.0
        maps.trust[0, SIZE], maps.trust[0, STEEP], maps.trust[0, STEPS] = largest, 1.0, 0.0
        return
    earlier = layers.meta[layer - 2]
    words = earlier[N_WORDS]
    norms = layers.norms[earlier[BIAS] : earlier[BIAS] + n_previous]
    biases = layers.biases[earlier[BIAS] : earlier[BIAS] + n_previous]
    fresh = n_previous // 4 + 8.0
    _neighbours(s, sides, dim)
    for c in range(s.counts[NCELL]):
        maps.trust[c, STEPS] = -1.0
    for seed in range(s.counts[NCELL]):
        if maps.trust[seed, STEPS] >= 0.0:
            continue
        parent = np.int64(history.parents[history.parent_start[layer - 1] + seed])
        neurons(
            before.rows, before.trust, parent, norms, biases, earlier[N_PREVIOUS], extent, reach, dim,
            scratch[dim + 2 :],
        )  # fmt: skip
        _sum(layers, history, layer, before, maps, reach, seed, parent, scratch, pieces, active, dim)
        maps.trust[seed, STEPS] = fresh
        queue[0], head, tail = seed, 0, 1
        while head < tail:  # breadth first inside the parent
            base = np.int64(queue[head])
            head += 1
            face = s.cells[base, 0]
            start = s.faces[face, START]
            for i in range(start, start + s.faces[face, LEN]):
                g = s.pool[i]
                cell = np.int64(sides[g, 0] if sides[g, 1] == base else sides[g, 1])
                if (
                    cell < 0
                    or maps.trust[cell, STEPS] >= 0.0
                    or history.parents[history.parent_start[layer - 1] + cell] != parent
                ):
                    continue
                here = history.sign_start[layer - 1] + cell * 2 * words
                there = history.sign_start[layer - 1] + base * 2 * words
                steps = maps.trust[base, STEPS] + _CORRECTION * _changes(history, words, here, there)
                if steps > fresh + _MOST:
                    continue  # another neighbour may do, or its own sum
                _correct(layers, history, layer, before, maps.rows, extent, reach, cell, base, parent, here, there, dim)
                maps.trust[cell, SIZE], maps.trust[cell, STEEP] = maps.trust[seed, SIZE], maps.trust[seed, STEEP]
                maps.trust[cell, STEPS] = steps
                queue[tail] = cell
                tail += 1
