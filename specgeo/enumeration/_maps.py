"""Affine maps of a layer on the cells before it, with bounds on their errors.

On a cell of complex m - 1 the units of layer m are affine functions: W a + b with the post-activations a of layer
m - 1, of which the cell knows the pattern. Cells that share a facet differ in one neuron k (in general position), and
their maps by the outer product of column k of W with the row of that neuron: the map of a cell is that of a
neighbour, corrected. Only where no neighbour inside the same cell of complex m - 2 is at hand, or after too many
corrections, is it summed afresh. Maps are what a layer leaves to the next one; the last layer has none.

Error model. u = 2^-53, gamma_r = r u (1 + 1e-8), extent_c the largest |x_c| on the domain. The *size* of a row is
sum_c extent_c |row_c| + |constant|. The true a_k differs on the domain from the stored one by at most E_k (*doubt*),
so the true unit j from sum_k W_jk a_k + b_j by at most D_j = sum_k |W_jk| E_k: the last row of a map, carried
along as the others are. With |W_j| = sum_k |W_jk| and S >= size of a_k + E_k for all k and all pieces,

- a sum afresh passes each term through at most n / 4 + 8 roundings (`roundings`): activation 2, product 1, `combine`
  n / 4 + 4, bias 1 (Higham 2002, section 3.1);
- a correction adds an error of at most u |row| + 2 u (1 + u) |W_jk| (|old a_k| + |new a_k|), no more than 6 roundings;

in sizes both stay below gamma_r (|W_j| S + |b_j|), where r counts roundings, and so does the rounding of D_j. Products
that underflow add less than the smallest subnormal each.

What the next layer needs to know of a cell as a whole is its *reach*: S >= size of a_k + E_k, G >= 1-norm of the
gradient of a_k and E >= E_k, for all k and all pieces. G bounds the gradient of the next layer's unit j by |W_j| G.
R bounds what the rounding of slope z + shift adds to E_k for any k.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._jit import hot, leaf, leaf_kernel, merged
from specgeo.enumeration._layers import (
    BIAS,
    COLUMNS,
    N_PIECES,
    N_PREVIOUS,
    N_WORDS,
    PIECE,
    ROWS,
    UNIT,
    WEIGHT,
    History,
    Layers,
    N,
    active_pieces,
    entries,
    piece,
)
from specgeo.enumeration._layout import LEN, START, Frame, Neuron, Scratch, Size, State
from specgeo.enumeration._memory import workspace
from specgeo.enumeration._scalars import ONE, SAFE, TINY, Ids, Integer, gamma, lowest_unit, popcount

STEPS, INPUT, SIZE, STEEP, DOUBT, ROUNDING = range(6)
_MOST = 128  # roundings by corrections before a map is summed afresh
_CORRECTION = 6


class Maps(NamedTuple):
    """Maps of a layer on the cells of the complex before it."""

    rows: FloatArray  # (n_c, d + 2, n): gradient, constant (with bias, without threshold), D
    doubts: FloatArray  # (n_c, n): bounds on the errors of the rows on the domain
    trust: FloatArray  # (n_c, 6): r and S of the rows; S, G and E of their post-activations, and R


class Walk(NamedTuple):
    """Scratch space of `propagate`."""

    sides: Ids  # (facets, 2) cells on either side, -1 to begin with
    queue: Ids  # (n_c,)


def empty_maps(layers: Layers, layer: int, n_cells: int, dim: int) -> Maps:
    """Room for the maps of a layer."""
    n = int(layers.meta[layer - 1, N])
    shapes = (n_cells, dim + 2, n), (n_cells, n), (n_cells, 6)
    return Maps(*(workspace(shape, np.float64) for shape in shapes))


def input_maps(extent: FloatArray) -> Maps:
    """What layer 1 has before it: the coordinates themselves, of which no rows are kept."""
    return Maps(
        np.empty((1, len(extent) + 2, 0)), np.empty((1, 0)), np.array([[0.0, 0.0, extent.max(), 1.0, 0.0, 0.0]])
    )


@hot
def roundings(n: Integer) -> float:
    """How many roundings a term passes through in `combine` of n post-activations, and a bias."""
    return float(n // 4 + 8.0)


@hot
def factors(size: float, steps: float, n_previous: Integer, reach: float) -> tuple[float, float, float]:
    """(f, g, t): f |W_j| + g |b_j| + t bounds the rounding error of row j on the domain after r = ``steps`` roundings.

    ``size`` is S of what comes into the row.
    """
    tiny = 2.0 * (n_previous + steps + 8.0) * reach * TINY
    g = gamma(steps)
    return (g * size + tiny) * SAFE, g, tiny


@hot
def row_factors(maps: Maps, cell: Integer, n_previous: Integer, reach: float) -> tuple[float, float, float]:
    """`factors` of the rows of a map."""
    return factors(maps.trust[cell, INPUT], maps.trust[cell, STEPS], n_previous, reach)


@leaf
def combine(
    transposed: FloatArray, start: Integer, a: FloatArray, active: IntArray, n_active: Integer, out: FloatArray
) -> None:
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
def gather(layers: Layers, first: Integer, sizes: bool, a: FloatArray, out: FloatArray) -> None:
    """out = W a, or |W| a where only sizes are wanted, for a sparse layer whose rows start at ``first``."""
    starts, columns, values = layers.row_starts, layers.row_columns, layers.row_values
    for j in range(len(out)):
        total = 0.0
        for p in range(starts[first + j], starts[first + j + 1]):
            w = abs(values[p]) if sizes else values[p]
            total += w * a[columns[p]]
        out[j] = total


@leaf
def _gather_plane(layers: Layers, first: Integer, a: FloatArray, doubt: FloatArray, out: FloatArray) -> None:
    """A map (4, n) in the plane by one pass through the list: W a for three rows, then |W| times the doubts."""
    starts, columns, values = layers.row_starts, layers.row_columns, layers.row_values
    a0, a1, a2 = a[0], a[1], a[2]
    for j in range(out.shape[1]):
        s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
        for p in range(starts[first + j], starts[first + j + 1]):
            k, w = columns[p], values[p]
            s0 += w * a0[k]
            s1 += w * a1[k]
            s2 += w * a2[k]
            s3 += abs(w) * doubt[k]
        out[0, j], out[1, j], out[2, j], out[3, j] = s0, s1, s2, s3


@merged
def multiply(
    layers: Layers, layer: Integer, sizes: bool, a: FloatArray, active: IntArray, n_active: Integer, out: FloatArray
) -> None:
    """out = W a, or |W| a, for the weights of a layer; what is not active in a is 0."""
    meta = layers.meta[layer - 1]
    if meta[ROWS] >= 0:
        gather(layers, meta[ROWS], sizes, a, out)
    elif sizes:
        combine(layers.absolute, meta[WEIGHT], a, active, n_active, out)
    else:
        combine(layers.transposed, meta[WEIGHT], a, active, n_active, out)


@leaf
def combine_two(
    transposed: FloatArray, start: Integer, inputs: FloatArray, active: IntArray, n_active: Integer, n: Integer,
    values: FloatArray,
) -> None:  # fmt: skip
    """values = the first n entries of W a for both rows a of ``inputs``, as in `combine`: W is read once."""
    a, b, out, other = inputs[0], inputs[1], values[0, :n], values[1, :n]
    for j in range(n):
        out[j], other[j] = 0.0, 0.0
    t = 0
    while t + 4 <= n_active:
        k0, k1, k2, k3 = active[t], active[t + 1], active[t + 2], active[t + 3]
        a0, a1, a2, a3 = a[k0], a[k1], a[k2], a[k3]
        b0, b1, b2, b3 = b[k0], b[k1], b[k2], b[k3]
        w0 = transposed[start + k0 * n : start + k0 * n + n]
        w1 = transposed[start + k1 * n : start + k1 * n + n]
        w2 = transposed[start + k2 * n : start + k2 * n + n]
        w3 = transposed[start + k3 * n : start + k3 * n + n]
        for j in range(n):
            out[j] += (a0 * w0[j] + a1 * w1[j]) + (a2 * w2[j] + a3 * w3[j])
            other[j] += (b0 * w0[j] + b1 * w1[j]) + (b2 * w2[j] + b3 * w3[j])
        t += 4
    while t < n_active:
        a0, b0 = a[active[t]], b[active[t]]
        w0 = transposed[start + active[t] * n : start + active[t] * n + n]
        for j in range(n):
            out[j] += a0 * w0[j]
            other[j] += b0 * w0[j]
        t += 1


@leaf
def largest(numbers: FloatArray, n: Integer) -> float:
    """The largest magnitude of n numbers, NaN if one is: bit patterns without sign are ordered as the numbers."""
    words, most = numbers.view(np.int64), np.int64(0)
    for k in range(n):
        most = max(most, words[k] & np.int64(0x7FFFFFFFFFFFFFFF))
    first = words[0]
    words[0] = most
    result = numbers[0]
    words[0] = first
    return float(result)


@leaf
def _add_column(transposed: FloatArray, start: Integer, factor: float, old: FloatArray, new: FloatArray) -> None:
    """new = old + factor * column."""
    n = len(new)
    w = transposed[start : start + n]
    for j in range(n):
        new[j] = old[j] + factor * w[j]


@leaf
def _copy_map(rows: FloatArray, base: Integer, cell: Integer) -> None:
    for c in range(rows.shape[1]):
        here, there = rows[base, c], rows[cell, c]
        for j in range(len(here)):
            there[j] = here[j]


@leaf
def _add_entries(layers: Layers, column: Integer, sizes: bool, factor: float, row: FloatArray) -> None:
    """row += factor * column, or its absolute values, for a column of a sparse layer."""
    for p in range(layers.column_starts[column], layers.column_starts[column + 1]):
        w = abs(layers.column_values[p]) if sizes else layers.column_values[p]
        row[layers.column_rows[p]] += factor * w


@hot
def activated_doubt(slope: float, shift: float, size: float, doubt: float, tiny: float) -> float:
    """Doubt of slope z + shift from that of z; a ReLU rounds nothing. ``tiny`` covers what underflows."""
    plain = abs(slope) * doubt
    rounded = (plain + gamma(4.0) * (abs(slope) * size + abs(shift)) + tiny) * SAFE
    return plain if (shift == 0.0) & ((slope == 1.0) | (slope == 0.0)) else rounded


@leaf
def _neurons(maps: Maps, cell: Integer, layers: Layers, layer: Integer, frame: Frame, scratch: Scratch) -> None:
    """1-norm of the gradient, size and doubt of all rows of a map of ``layer``."""
    rows, dim, extent, meta = maps.rows, frame.dim, frame.extent, layers.meta[layer - 1]
    n = rows.shape[2]
    norms, biases = layers.norms[meta[BIAS] : meta[BIAS] + n], layers.biases[meta[BIAS] : meta[BIAS] + n]
    f, g, tiny = row_factors(maps, cell, meta[N_PREVIOUS], frame.reach)
    norm, size, doubt = scratch.neurons[Neuron.NORM], scratch.neurons[Neuron.SIZE], scratch.neurons[Neuron.DOUBT]
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


@merged
def _neighbours(state: State, sides: Ids) -> None:
    """sides = the cells on either side of each facet, -1 for none."""
    for cell in range(state.sizes[Size.CELLS]):
        f = state.cells[cell, 0]
        start = state.faces[f, START]
        for i in range(start, start + state.faces[f, LEN]):
            g = state.pool[i]
            sides[g, 0 if sides[g, 0] < 0 else 1] = cell


@merged
def _changes(history: History, words: Integer, here: Integer, there: Integer) -> np.int64:
    """Number of units that are positive on one of two cells only."""
    n = np.int64(0)
    for w in range(words):
        n += popcount(history.signs[here + w] ^ history.signs[there + w])
    return n


@merged
def _correct(
    history: History,
    layer: Integer,
    before: Maps,
    rows: FloatArray,
    frame: Frame,
    parent: Integer,
    cell: Integer,
    base: Integer,
) -> None:
    """The map of a cell from that of its neighbour ``base``, both inside ``parent``."""
    layers, dim, extent = history.layers, frame.dim, frame.extent
    meta, earlier = layers.meta[layer - 1], layers.meta[layer - 2]
    n, b0 = meta[N], earlier[BIAS]
    here = history.sign_start[layer - 1] + cell * 2 * earlier[N_WORDS]
    there = history.sign_start[layer - 1] + base * 2 * earlier[N_WORDS]
    f, g, tiny = row_factors(before, parent, earlier[N_PREVIOUS], frame.reach)
    source, last, sparse = np.int64(base), np.int64(-1), meta[ROWS] >= 0
    if sparse:
        _copy_map(rows, base, cell)
        source = np.int64(cell)
    for w in range(earlier[N_WORDS]):
        change = history.signs[here + w] ^ history.signs[there + w]
        while change != 0:
            k = layers.owners[earlier[UNIT] + 64 * w + lowest_unit(change)]
            change &= change - ONE
            if k == last:
                continue
            last = k
            column = meta[WEIGHT] + k * n
            p, q = piece(history, layer - 1, cell, k), piece(history, layer - 1, base, k)
            size = 0.0
            for c in range(dim + 1):
                z = before.rows[parent, c, k]
                new, old = layers.slopes[p] * z, layers.slopes[q] * z
                if c == dim:
                    new, old = new + layers.intercepts[p], old + layers.intercepts[q]
                size += abs(z) * (extent[c] if c < dim else 1.0)
                if sparse:
                    _add_entries(layers, meta[COLUMNS] + k, False, new - old, rows[cell, c])
                else:
                    _add_column(layers.transposed, column, new - old, rows[source, c], rows[cell, c])
            doubt = before.rows[parent, dim + 1, k] + layers.norms[b0 + k] * f + abs(layers.biases[b0 + k]) * g + tiny
            new = activated_doubt(layers.slopes[p], layers.intercepts[p], size * SAFE, doubt * SAFE, tiny)
            old = activated_doubt(layers.slopes[q], layers.intercepts[q], size * SAFE, doubt * SAFE, tiny)
            if sparse:
                _add_entries(layers, meta[COLUMNS] + k, True, new - old, rows[cell, dim + 1])
            else:
                _add_column(layers.absolute, column, new - old, rows[source, dim + 1], rows[cell, dim + 1])
            source = np.int64(cell)
    if source == base:  # only signs 0 and -1 differ
        _copy_map(rows, base, cell)


@leaf
def activate(
    rows: FloatArray, parent: Integer, slope: FloatArray, shift: FloatArray, n: Integer, out: FloatArray
) -> None:
    """out (d + 1, any) = rows of the post-activations, for these slopes and intercepts of the pieces."""
    dim = len(out) - 1
    for c in range(dim + 1):
        to, row = out[c], rows[parent, c]
        for k in range(n):
            z = slope[k] * row[k]
            to[k] = 0.0 if slope[k] == 0.0 else z  # a row that overflows may be inactive
    constant = out[dim]
    for k in range(n):
        constant[k] += shift[k]


@merged
def _sum(
    history: History,
    layer: Integer,
    before: Maps,
    maps: Maps,
    frame: Frame,
    parent: Integer,
    cell: Integer,
    scratch: Scratch,
) -> None:
    """The map of a cell inside ``parent`` from nothing."""
    layers, dim, active = history.layers, frame.dim, scratch.active
    meta, earlier = layers.meta[layer - 1], layers.meta[layer - 2]
    n_previous = meta[N_PREVIOUS]
    _neurons(before, parent, layers, layer - 1, frame, scratch)
    size, doubt, slope, shift = (
        scratch.neurons[Neuron.SIZE],
        scratch.neurons[Neuron.DOUBT],
        scratch.neurons[Neuron.SLOPE],
        scratch.neurons[Neuron.SHIFT],
    )
    start = history.sign_start[layer - 1] + cell * 2 * earlier[N_WORDS]
    active_pieces(layers, layer - 1, history.signs[start : start + earlier[N_WORDS]], slope, shift)
    activate(before.rows, parent, slope, shift, n_previous, scratch.rows)
    _, _, tiny = row_factors(before, parent, earlier[N_PREVIOUS] + dim, frame.reach)
    out, n_active = scratch.neurons[Neuron.ACTIVATED], 0
    for k in range(n_previous):
        idle = (slope[k] == 0.0) & (shift[k] == 0.0)
        doubtful = activated_doubt(slope[k], shift[k], size[k] * SAFE, doubt[k], tiny)
        out[k] = 0.0 if idle else doubtful
    for k in range(n_previous):
        active[n_active] = k
        n_active += int((slope[k] != 0.0) | (shift[k] != 0.0))
    if dim == 2 and meta[ROWS] >= 0:
        _gather_plane(layers, meta[ROWS], scratch.rows, out, maps.rows[cell])
    else:
        for c in range(dim + 1):
            multiply(layers, layer, False, scratch.rows[c], active, n_active, maps.rows[cell, c])
        multiply(layers, layer, True, out, active, n_active, maps.rows[cell, dim + 1])
    for j in range(meta[N]):
        maps.rows[cell, dim, j] += layers.biases[meta[BIAS] + j]
    maps.trust[cell, STEPS] = roundings(n_previous)


@merged
def _reach(layers: Layers, layer: Integer, maps: Maps, cell: Integer, frame: Frame, scratch: Scratch) -> None:
    """S, G, E and R of the post-activations of a layer on a cell, over all their pieces; and its doubts."""
    meta = layers.meta[layer - 1]
    n = meta[N]
    steepest, shifted, rounds = 0.0, 0.0, False
    for p in range(meta[PIECE], meta[PIECE] + meta[N_PIECES]):
        slope, shift = layers.slopes[p], layers.intercepts[p]
        steepest, shifted = max(steepest, abs(slope)), max(shifted, abs(shift))
        rounds |= (shift != 0.0) | ((slope != 1.0) & (slope != 0.0))
    _, _, tiny = row_factors(maps, cell, meta[N_PREVIOUS] + frame.dim, frame.reach)
    _neurons(maps, cell, layers, layer, frame, scratch)
    norm, size, doubt, kept = (
        scratch.neurons[Neuron.NORM],
        scratch.neurons[Neuron.SIZE],
        scratch.neurons[Neuron.DOUBT],
        maps.doubts[cell],
    )
    for k in range(n):
        kept[k] = doubt[k]
        size[k] += doubt[k]
    maps.trust[cell, SIZE] = (steepest * largest(size, n) + shifted) * SAFE + 8.0 * TINY
    maps.trust[cell, STEEP] = steepest * largest(norm, n) * SAFE + TINY
    maps.trust[cell, ROUNDING] = (gamma(4.0) * maps.trust[cell, SIZE] + tiny) * SAFE if rounds else 0.0
    maps.trust[cell, DOUBT] = steepest * largest(doubt, n) * SAFE + maps.trust[cell, ROUNDING]


@leaf_kernel
def first_map(layers: Layers, before: Maps, maps: Maps, frame: Frame, scratch: Scratch) -> None:
    """The map of layer 1: weights and biases themselves."""
    dim, meta, layer, cell = frame.dim, layers.meta[0], np.int64(1), np.int64(0)
    for j in range(meta[N]):
        for c in range(dim):
            maps.rows[cell, c, j] = 0.0
        begin, end = entries(layers, layer, np.int64(j))
        for p in range(begin, end):
            maps.rows[cell, layers.row_columns[p], j] = layers.row_values[p]
        maps.rows[cell, dim, j], maps.rows[cell, dim + 1, j] = layers.biases[meta[BIAS] + j], 0.0
    maps.trust[cell, STEPS], maps.trust[cell, INPUT] = 0.0, before.trust[cell, SIZE]
    _reach(layers, layer, maps, cell, frame, scratch)


@leaf_kernel
def propagate(
    state: State, history: History, layer: Integer, before: Maps, maps: Maps, frame: Frame, scratch: Scratch, walk: Walk
) -> None:
    """Fill the maps of a layer > 1 on the cells that exist from those of the layer before, ``before``."""
    layers, sides, queue = history.layers, walk.sides, walk.queue
    n_previous = layers.meta[layer - 1, N_PREVIOUS]
    words, most = layers.meta[layer - 2, N_WORDS], roundings(n_previous) + _MOST
    _neighbours(state, sides)
    for c in range(state.sizes[Size.CELLS]):
        maps.trust[c, STEPS] = -1.0
    for seed in range(state.sizes[Size.CELLS]):
        if maps.trust[seed, STEPS] >= 0.0:
            continue
        parent = np.int64(history.parents[history.parent_start[layer - 1] + seed])
        _sum(history, layer, before, maps, frame, parent, np.int64(seed), scratch)
        queue[0], head, tail = seed, 0, 1
        while head < tail:  # breadth first inside the parent
            base = np.int64(queue[head])
            head += 1
            maps.trust[base, INPUT] = before.trust[parent, SIZE]
            _reach(layers, layer, maps, base, frame, scratch)
            face = state.cells[base, 0]
            start = state.faces[face, START]
            for i in range(start, start + state.faces[face, LEN]):
                g = state.pool[i]
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
                if steps > most:
                    continue  # another neighbour may do, or its own sum
                _correct(history, layer, before, maps.rows, frame, parent, cell, base)
                maps.trust[cell, STEPS] = steps
                queue[tail] = cell
                tail += 1
