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

- a sum afresh passes each term through at most so many roundings as `roundings` says, for sums in blocks of b = 32
  terms min(n, b) + n / b + 5 (Higham 2002, section 3.1 and 4.2);
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

from specgeo._cast import FloatArray
from specgeo._jit import hot, leaf, leaf_kernel, merged
from specgeo._prefetch import prefetch
from specgeo._vector import WIDTH, Vector, everywhere, load, multiply_add, store, total, where_below
from specgeo.enumeration._layers import (
    BIAS,
    COLUMNS,
    N_PIECES,
    N_PREVIOUS,
    N_WORDS,
    PIECE,
    ROWS,
    UNIT,
    History,
    Layers,
    N,
    active_pieces,
    entries,
    piece,
)
from specgeo.enumeration._layout import LEN, START, Frame, Neuron, Scratch, Size, State
from specgeo.enumeration._memory import workspace
from specgeo.enumeration._products import add_columns, add_entries, add_product, roundings
from specgeo.enumeration._scalars import ONE, SAFE, TINY, Ids, Integer, gamma, index, lowest_unit, popcount

STEPS, INPUT, SIZE, STEEP, DOUBT, ROUNDING = range(6)
_MOST = 128  # roundings by corrections before a map is summed afresh
_CORRECTION = 6


class Maps(NamedTuple):
    """Maps of a layer on the cells of the complex before it."""

    rows: FloatArray  # (n_c, d + 2, n): gradient, constant (with bias, without threshold), D
    trust: FloatArray  # (n_c, 6): r and S of the rows; S, G and E of their post-activations, and R


class Walk(NamedTuple):
    """Scratch space of `propagate`."""

    sides: Ids  # (facets, 2) cells on either side
    queue: Ids  # (n_c,)


def empty_maps(n: int, n_cells: int, dim: int) -> Maps:
    """Room for the maps of a layer of n neurons."""
    return Maps(workspace((n_cells, dim + 2, n), np.float64), workspace((n_cells, 6), np.float64))


def input_maps(dim: int) -> Maps:
    """What layer 1 has before it: the coordinates themselves, of which no rows are kept; S is missing."""
    return Maps(np.empty((1, dim + 2, 0)), np.array([[0.0, 0.0, 0.0, 1.0, 0.0, 0.0]]))


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
def _copy_map(rows: FloatArray, base: Integer, cell: Integer) -> None:
    for c in range(rows.shape[1]):
        here, there = rows[base, c], rows[cell, c]
        for j in range(len(here)):
            there[j] = here[j]


@hot
def activated_doubt(slope: float, shift: float, doubt: float, rounding: float) -> float:
    """Doubt of slope z + shift from that of z; ``rounding`` is R, 0 for a ReLU, which rounds nothing."""
    result = (abs(slope) * doubt + rounding) * SAFE
    return 0.0 if (slope == 0.0) & (shift == 0.0) else result


@leaf
def find_doubts(maps: Maps, cell: Integer, layers: Layers, layer: Integer, reach: float, doubt: FloatArray) -> None:
    """doubt (any,) = bounds on the errors of the rows of a map of ``layer`` on the domain."""
    meta, dim = layers.meta[layer - 1], maps.rows.shape[1] - 2
    n = meta[N]
    norms, biases = layers.norms[meta[BIAS] : meta[BIAS] + n], layers.biases[meta[BIAS] : meta[BIAS] + n]
    f, g, tiny = row_factors(maps, cell, meta[N_PREVIOUS], reach)
    inherited = maps.rows[cell, dim + 1]
    for k in range(n):
        doubt[k] = (inherited[k] + norms[k] * f + abs(biases[k]) * g + tiny) * SAFE


@merged
def _neighbours(state: State, sides: Ids) -> None:
    """sides = the cells on either side of each facet, -1 for none."""
    for f in range(len(sides)):
        sides[f, 0], sides[f, 1] = -1, -1
    for cell in range(state.sizes[Size.CELLS]):
        root = index(state.cells[cell, 0])
        start = index(state.faces[root, START])
        for i in range(start, start + state.faces[root, LEN]):
            g = index(state.pool[index(i)])
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
    cell: Integer,
    base: Integer,
    scratch: Scratch,
) -> None:
    """The map of a cell from that of its neighbour ``base`` inside the same cell before."""
    factors = scratch.sums[0]
    parent = np.int64(history.parents[history.parent_start[layer - 1] + cell])
    layers, dim, rounding = history.layers, frame.dim, before.trust[parent, ROUNDING]
    meta, earlier = layers.meta[layer - 1], layers.meta[layer - 2]
    b0 = earlier[BIAS]
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
            p, q = piece(history, layer - 1, cell, k), piece(history, layer - 1, base, k)
            for c in range(dim + 1):
                z = before.rows[parent, c, k]
                new, old = layers.slopes[p] * z, layers.slopes[q] * z
                if c == dim:
                    new, old = new + layers.intercepts[p], old + layers.intercepts[q]
                factors[c] = new - old
            doubt = before.rows[parent, dim + 1, k] + layers.norms[b0 + k] * f + abs(layers.biases[b0 + k]) * g + tiny
            new = activated_doubt(layers.slopes[p], layers.intercepts[p], doubt * SAFE, rounding)
            old = activated_doubt(layers.slopes[q], layers.intercepts[q], doubt * SAFE, rounding)
            factors[dim + 1] = new - old
            if sparse:
                for c in range(dim + 2):
                    add_entries(layers, meta[COLUMNS] + k, c == dim + 1, factors[c], rows[cell, c])
            else:
                add_columns(layers, layer, k, factors, rows[source], rows[cell])
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
    layers, dim, inputs, sums = history.layers, frame.dim, scratch.rows, scratch.sums
    meta, earlier = layers.meta[layer - 1], layers.meta[layer - 2]
    n, n_previous, last = meta[N], meta[N_PREVIOUS], len(inputs) - 1
    doubt, slope, shift = scratch.neurons[Neuron.DOUBT], scratch.neurons[Neuron.SLOPE], scratch.neurons[Neuron.SHIFT]
    start = history.sign_start[layer - 1] + cell * 2 * earlier[N_WORDS]
    active_pieces(layers, layer - 1, history.signs[start : start + earlier[N_WORDS]], slope, shift)
    activate(before.rows, parent, slope, shift, n_previous, inputs[: dim + 1])
    doubtful = inputs[last]
    find_doubts(before, parent, layers, layer - 1, frame.reach, doubt)
    rounding = before.trust[parent, ROUNDING]
    for k in range(n_previous):
        doubtful[k] = activated_doubt(slope[k], shift[k], doubt[k], rounding)
    for c in range(last + 1):
        for j in range(n):
            sums[c, j] = 0.0
    add_product(layers, layer, inputs, last + 1, True, scratch, sums)
    for c in range(dim + 1):
        for j in range(n):
            maps.rows[cell, c, j] = sums[c, j]
    for j in range(n):
        maps.rows[cell, dim, j] += layers.biases[meta[BIAS] + j]
        maps.rows[cell, dim + 1, j] = sums[last, j]
    maps.trust[cell, STEPS] = roundings(layers, layer)


@hot
def _eight(row: FloatArray, j: Integer) -> Vector:
    """The eight numbers from j on; where fewer are left, the first of them eight times."""
    return load(row, j) if j + WIDTH <= len(row) else everywhere(row[j])


@hot
def _largest_rows(maps: Maps, cell: Integer, layers: Layers, layer: Integer, frame: Frame, most: FloatArray) -> float:
    """The largest 1-norm of a gradient, size with doubt, and doubt among the rows of a map, in eight lanes each.

    Returns NaN if one of them is, else 0.
    """
    meta, dim, extent, rows = layers.meta[layer - 1], frame.dim, frame.extent, maps.rows[cell]
    n, b0 = meta[N], meta[BIAS]
    norms, biases = layers.norms[b0 : b0 + n], layers.biases[b0 : b0 + n]
    f, g, tiny = row_factors(maps, cell, meta[N_PREVIOUS], frame.reach)
    steep, reach, doubt, seen = everywhere(0.0), everywhere(0.0), everywhere(0.0), everywhere(0.0)
    j = np.int64(0)
    while j < n:
        norm, size = everywhere(0.0), abs(_eight(rows[dim], j)) + dim * TINY
        for c in range(dim):
            slope = abs(_eight(rows[c], j))
            norm, size = norm + slope, multiply_add(slope, extent[c], size)
        off = (_eight(rows[dim + 1], j) + _eight(norms, j) * f + abs(_eight(biases, j)) * g + tiny) * SAFE
        size = size + off
        steep, reach = where_below(steep, norm, norm, steep), where_below(reach, size, size, reach)
        doubt, seen = where_below(doubt, off, off, doubt), seen + norm + size
        j += WIDTH if j + WIDTH <= n else 1
    store(steep, most, 0)
    store(reach, most, WIDTH)
    store(doubt, most, 2 * WIDTH)
    every = total(seen)
    return 0.0 if every == every else every


@merged
def _reach(layers: Layers, layer: Integer, maps: Maps, cell: Integer, frame: Frame, scratch: Scratch) -> None:
    """S, G, E and R of the post-activations of a layer on a cell, over all their pieces."""
    lanes, meta, steepest, shifted, rounds = scratch.sums[0], layers.meta[layer - 1], 0.0, 0.0, False
    for p in range(meta[PIECE], meta[PIECE] + meta[N_PIECES]):
        slope, shift = layers.slopes[p], layers.intercepts[p]
        steepest, shifted = max(steepest, abs(slope)), max(shifted, abs(shift))
        rounds |= (shift != 0.0) | ((slope != 1.0) & (slope != 0.0))
    _, _, tiny = row_factors(maps, cell, meta[N_PREVIOUS] + frame.dim, frame.reach)
    lost = _largest_rows(maps, cell, layers, layer, frame, lanes)
    norm, size, doubt = largest(lanes, WIDTH), largest(lanes[WIDTH:], WIDTH), largest(lanes[2 * WIDTH :], WIDTH) + lost
    maps.trust[cell, SIZE] = (steepest * (size + lost) + shifted) * SAFE + 8.0 * TINY
    maps.trust[cell, STEEP] = steepest * (norm + lost) * SAFE + TINY
    maps.trust[cell, ROUNDING] = (gamma(4.0) * maps.trust[cell, SIZE] + tiny) * SAFE if rounds else 0.0
    maps.trust[cell, DOUBT] = steepest * doubt * SAFE + maps.trust[cell, ROUNDING]


@merged
def ask_for(rows: FloatArray, cell: Integer) -> None:
    """Bring the rows of a cell into the cache."""
    size = rows.shape[1] * rows.shape[2]
    for at in range(0, size, 8):
        prefetch(rows, cell * size + at)


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
    words, most = layers.meta[layer - 2, N_WORDS], roundings(layers, layer) + _MOST
    _neighbours(state, sides)
    for c in range(state.sizes[Size.CELLS]):
        maps.trust[c, STEPS] = -1.0
    for seed in range(state.sizes[Size.CELLS]):
        if maps.trust[seed, STEPS] >= 0.0:
            continue
        parent = np.int64(history.parents[history.parent_start[layer - 1] + seed])
        after = min(seed + 1, state.sizes[Size.CELLS] - 1)
        ask_for(before.rows, np.int64(history.parents[history.parent_start[layer - 1] + after]))
        ask_for(maps.rows, np.int64(after))
        _sum(history, layer, before, maps, frame, parent, np.int64(seed), scratch)
        queue[0], head, tail = seed, 0, 1
        while head < tail:  # breadth first inside the parent
            base = np.int64(queue[head])
            head += 1
            maps.trust[base, INPUT] = before.trust[parent, SIZE]
            if head < tail:
                ask_for(maps.rows, np.int64(queue[head]))
            _reach(layers, layer, maps, base, frame, scratch)
            face = index(state.cells[base, 0])
            start = index(state.faces[face, START])
            for i in range(start, start + state.faces[face, LEN]):
                g = index(state.pool[index(i)])
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
                _correct(history, layer, before, maps.rows, frame, cell, base, scratch)
                maps.trust[cell, STEPS] = steps
                queue[tail] = cell
                tail += 1
