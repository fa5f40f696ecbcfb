"""Signs of a layer at the vertices that exist before it.

They come from a forward pass W a + b through that layer alone, which begins with the post-activations a_k of the layer
before, taken from the map of the cell around. With S, G and E of that cell (`_maps`) and the radius e of the vertex
they are off by at most eps = G e + E + gamma_(d+4) S, and unit j by |W_j| (eps + gamma_r max |a_k|) + gamma_r |b_j| +
underflow.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._jit import hot, leaf, leaf_kernel, merged
from specgeo.enumeration._layers import (
    BIAS,
    N_BREAKS,
    N_PREVIOUS,
    N_UNITS,
    N_WORDS,
    ROWS,
    UNIT,
    WEIGHT,
    WORD,
    History,
    Layers,
    N,
    active_pieces,
    entries,
)
from specgeo.enumeration._layout import LEN, NUMBER, OWN, START, Frame, Neuron, Scratch, Size, State, Tally
from specgeo.enumeration._maps import (
    DOUBT,
    SIZE,
    STEEP,
    Maps,
    factors,
    largest,
    roundings,
)
from specgeo.enumeration._predicates import UNDECIDED, counted, proved, refined, set_sign, smallest_margin
from specgeo.enumeration._products import combine, combine_two, gather
from specgeo.enumeration._scalars import ONE, SAFE, TINY, Flags, Integer, U, Word, Words, gamma, lowest_unit, popcount


class Evaluation(NamedTuple):
    """Signs of one layer at the vertices before it, and what they come from."""

    history: History
    before: Maps  # of the layer before
    earlier: Words  # the vbits of the layer before
    layer: Integer
    frame: Frame
    kept: FloatArray  # (n_v, n) room for the pre-activations, or (0, n)


class Inside(NamedTuple):
    """The vertices of each cell, those of cell c being order[start[c] : start[c + 1]]; pairs whose signs are open."""

    start: IntArray  # (n_c + 1,)
    order: IntArray  # (n_v,)
    pairs: IntArray  # (any, 2) vertex, unit


def inside_of(n_cells: int, n_vertices: int, n_pairs: int) -> Inside:
    """Room for so many."""
    return Inside(np.empty(n_cells + 1, np.int64), np.empty(n_vertices, np.int64), np.empty((n_pairs, 2), np.int64))


class Prepared(NamedTuple):
    """A cell made ready: the cell of its map, and the number of neurons before the layer that are active on it."""

    parent: np.int64
    n_active: np.int64


@merged
def own_faces(state: State, dim: Integer, start: IntArray, order: IntArray) -> None:
    """Give every face and vertex the first cell that contains it, top down, and list the vertices of each cell.

    These are order[start[c] : start[c + 1]], for start (n_c + 1,) and order (n_v,).
    """
    n_faces, n_cells = state.sizes[Size.FACES], state.sizes[Size.CELLS]
    for f in range(n_faces):
        state.faces[f, OWN] = state.faces[f, NUMBER] if state.dims[f] == dim else n_cells
    for v in range(state.sizes[Size.VERTICES]):
        state.vplanes[v, dim] = n_cells
    for k in range(dim, 0, -1):
        for f in range(n_faces):
            if state.dims[f] == k:
                own, begin = state.faces[f, OWN], state.faces[f, START]
                for i in range(begin, begin + state.faces[f, LEN]):
                    g = state.pool[i]
                    if k > 1:
                        state.faces[g, OWN] = min(state.faces[g, OWN], own)
                    else:
                        state.vplanes[g, dim] = min(state.vplanes[g, dim], own)
    for c in range(n_cells + 1):
        start[c] = 0
    for v in range(state.sizes[Size.VERTICES]):
        start[state.vplanes[v, dim]] += 1
    total = 0
    for c in range(n_cells + 1):
        start[c], total = total, total + start[c]
    for v in range(state.sizes[Size.VERTICES]):
        own = state.vplanes[v, dim]
        order[start[own]] = v
        start[own] += 1
    for c in range(n_cells, 0, -1):
        start[c] = start[c - 1]
    start[0] = 0


@merged
def prepare(history: History, layer: Integer, cell: Integer, scratch: Scratch, dim: Integer) -> Prepared:
    """Make ready for `values_at` on a cell: pieces of the neurons before, and a list of the active."""
    layers, active = history.layers, scratch.active
    if layer == 1:
        for c in range(dim):
            active[c] = c
        return Prepared(np.int64(0), np.int64(dim))
    words, n_active = layers.meta[layer - 2, N_WORDS], 0
    start = history.sign_start[layer - 1] + cell * 2 * words
    slope, shift = scratch.neurons[Neuron.SLOPE], scratch.neurons[Neuron.SHIFT]
    active_pieces(layers, layer - 1, history.signs[start : start + words], slope, shift)
    for k in range(layers.meta[layer - 1, N_PREVIOUS]):
        active[n_active] = k
        n_active += int((slope[k] != 0.0) | (shift[k] != 0.0))
    return Prepared(np.int64(history.parents[history.parent_start[layer - 1] + cell]), np.int64(n_active))


@merged
def _inputs(
    state: State,
    before: Maps,
    layer: Integer,
    parent: Integer,
    vertex: Integer,
    scratch: Scratch,
    n: Integer,
    side: Integer,
) -> float:
    """inputs[side] = the n post-activations of the layer before at a vertex; returns a bound on their errors."""
    a, slope, shift, dim = (
        scratch.inputs[side],
        scratch.neurons[Neuron.SLOPE],
        scratch.neurons[Neuron.SHIFT],
        state.x.shape[1] - 1,
    )
    error = state.x[vertex, dim]
    if layer == 1:  # the coordinates
        for c in range(dim):
            a[c] = state.x[vertex, c]
        return float(error)
    rows = before.rows[parent]
    constant = rows[dim]
    for k in range(n):
        a[k] = constant[k]
    for c in range(dim):
        row, x = rows[c], state.x[vertex, c]
        for k in range(n):
            a[k] += row[k] * x
    for k in range(n):
        z = slope[k] * a[k]
        a[k] = (0.0 if slope[k] == 0.0 else z) + shift[k]  # what overflows may be inactive
    trust = before.trust[parent]
    # what underflows here and is multiplied by a steep slope is in the doubts: they have room for it
    return float((trust[STEEP] * error + trust[DOUBT] + gamma(dim + 4) * trust[SIZE] + dim * TINY) * SAFE)


@merged
def values_at(
    state: State, layers: Layers, before: Maps, layer: Integer, cell: Prepared, v: Integer, w: Integer, scratch: Scratch
) -> tuple[float, float]:
    """scratch.values = W a at two vertices of a cell that `prepare` has made ready, scratch.inputs = a.

    Returns bounds on the errors of a.
    """
    meta = layers.meta[layer - 1]
    n, n_previous, first, second = meta[N], meta[N_PREVIOUS], 0.0, 0.0
    for side in range(2 if v != w else 1):
        second = _inputs(state, before, layer, cell.parent, w if side > 0 else v, scratch, n_previous, side)
        if side == 0:
            first = second
    active, start = scratch.active, meta[WEIGHT]
    if meta[ROWS] >= 0:
        gather(layers, meta[ROWS], False, scratch.inputs[0], scratch.values[0, :n])
        if v != w:
            gather(layers, meta[ROWS], False, scratch.inputs[1], scratch.values[1, :n])
    elif v == w:
        combine(layers.transposed, start, scratch.inputs[0], active, cell.n_active, scratch.values[0, :n])
    else:
        combine_two(layers.transposed, start, scratch.inputs, active, cell.n_active, n, scratch.values)
    return first, second


@leaf
def add_bias(
    norms: FloatArray,
    biases: FloatArray,
    a: FloatArray,
    error: float,
    reach: float,
    values: FloatArray,
    bounds: FloatArray,
) -> None:
    """values += biases; bounds = bounds on the errors of W a + b where those of a stay below ``error``."""
    f, g, tiny = factors(largest(a, len(a)), roundings(len(a)), len(a), reach)
    f += error
    for j in range(len(biases)):
        values[j] += biases[j]
        bounds[j] = (norms[j] * f + (abs(biases[j]) * g + tiny)) * SAFE


@hot
def _bit(bits: Words, row: Integer, unit: Integer) -> Word:
    """Bit of a unit in a row of words."""
    return np.uint64((bits[row, unit >> 6] >> np.uint64(unit & 63)) & ONE)


@merged
def _exact_inputs(
    state: State, layers: Layers, earlier: Words, layer: Integer, vertex: Integer, a: FloatArray, exact_input: Flags
) -> None:
    """Make what is known exactly of the inputs of a layer at a vertex exact, and mark it in ``exact_input``.

    These are neurons that are inactive, or whose pre-activation is a breakpoint.
    """
    if layer == 1:
        dim = state.x.shape[1] - 1
        for c in range(dim):
            exact_input[c] = state.x[vertex, dim] == 0.0
        return
    meta = layers.meta[layer - 2]
    words, b0 = meta[N_WORDS], meta[BIAS]
    for k in range(meta[N]):
        p, first, at_break = layers.first_pieces[b0 + k], layers.first_units[b0 + k], np.int64(-1)
        for u in range(first, first + layers.breaks[b0 + k]):
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
def _subtract_thresholds(scratch: Scratch, side: Integer, owners: IntArray, thresholds: FloatArray) -> None:
    """From values and bounds of neurons to those of units, in place."""
    values, bounds = scratch.values[side], scratch.neurons[Neuron.BOUND]
    z, bound = scratch.neurons[Neuron.SIZE], scratch.neurons[Neuron.DOUBT]
    for k in range(len(z)):
        z[k], bound[k] = values[k], bounds[k]
    for u in range(len(thresholds)):
        k, t = owners[u], thresholds[u]
        bounds[u] = (bound[k] + U * (abs(z[k]) + abs(t))) * SAFE
        values[u] = z[k] - t


@merged
def _refined_sign(layers: Layers, layer: Integer, unit: Integer, scratch: Scratch, side: Integer, error: float) -> int:
    """Sign of a unit by the componentwise bound, or UNDECIDED."""
    meta = layers.meta[layer - 1]
    j = layers.owners[meta[UNIT] + unit]
    begin, end = entries(layers, layer, j)
    row, columns = layers.row_values[begin:end], layers.row_columns[begin:end]
    bias, threshold = layers.biases[meta[BIAS] + j], layers.thresholds[meta[UNIT] + unit]
    return refined(row, columns, bias, threshold, scratch.inputs[side], scratch.exact_input, error)


@merged
def _record(
    state: State, job: Evaluation, scratch: Scratch, pairs: IntArray, n_pairs: Integer, vertex: Integer, side: Integer,
    error: float,
) -> Integer:  # fmt: skip
    """Write down the signs at a vertex that values and bounds prove, and list the others; the new number of pairs."""
    layers, meta = job.history.layers, job.history.layers.meta[job.layer - 1]
    words, units, values, ready = meta[N_WORDS], meta[N_UNITS], scratch.values[side], False
    count = counted(state, vertex, job.frame.dim)
    for w in range(words):
        decided, stop = layers.decided[meta[WORD] + w], min(64 * w + 64, units)
        positive, negative = proved(values[64 * w : stop], scratch.neurons[Neuron.BOUND, 64 * w : stop])
        rest = decided & ~(positive | negative)
        state.tally[Tally.FLOAT] += count * popcount(decided & (positive | negative))
        state.vbits[vertex, w], state.vbits[vertex, words + w] = positive & decided, negative & decided
        while rest != 0:
            u = 64 * w + lowest_unit(rest)
            rest &= rest - ONE
            if not job.frame.exact:
                state.tally[Tally.FLOAT] += count
                set_sign(state.vbits, vertex, words, u, 1 if values[u] > 0 else (-1 if values[u] < 0 else 0))
                continue
            if not ready:
                ready = True
                _exact_inputs(state, layers, job.earlier, job.layer, vertex, scratch.inputs[side], scratch.exact_input)
            sign = _refined_sign(layers, job.layer, u, scratch, side, error)
            if sign != UNDECIDED:
                state.tally[Tally.REFINED] += count
                set_sign(state.vbits, vertex, words, u, sign)
                continue
            pairs[n_pairs, 0], pairs[n_pairs, 1] = vertex, u
            n_pairs += 1
    return n_pairs


@leaf_kernel
def classify(state: State, job: Evaluation, scratch: Scratch, inside: Inside, begin: Integer) -> tuple[int, int]:
    """Signs of all units of a layer at the vertices that exist, as far as floats prove them, from cell ``begin`` on.

    Sets bits of state.vbits and writes the pairs (vertex, unit) that are left open to ``inside.pairs``. Returns the
    cell to go on with, when there is no room for the pairs of another, and the number of pairs. ``inside`` is filled
    by `own_faces` to begin with.
    """
    start, order, layer = inside.start, inside.order, job.layer
    if begin == 0:
        own_faces(state, job.frame.dim, start, order)
    layers, meta = job.history.layers, job.history.layers.meta[layer - 1]
    n, n_previous, units = meta[N], meta[N_PREVIOUS], meta[N_UNITS]
    norms, biases = layers.norms[meta[BIAS] : meta[BIAS] + n], layers.biases[meta[BIAS] : meta[BIAS] + n]
    thresholds = layers.thresholds[meta[UNIT] : meta[UNIT] + units]
    owners = layers.owners[meta[UNIT] : meta[UNIT] + units]
    plain = meta[N_BREAKS] == 1
    for u in range(units):
        plain = plain and thresholds[u] == 0.0
    n_pairs: Integer = np.int64(0)
    for cell in range(begin, state.sizes[Size.CELLS]):
        if start[cell] == start[cell + 1]:
            continue
        if n_pairs + (start[cell + 1] - start[cell]) * units > len(inside.pairs):
            return int(cell), int(n_pairs)  # at least one, unless ``pairs`` is too short for this cell
        ready = prepare(job.history, layer, np.int64(cell), scratch, job.frame.dim)
        for i in range(start[cell], start[cell + 1], 2):
            both = min(i + 1, start[cell + 1] - 1)
            v, w = np.int64(order[i]), np.int64(order[both])
            first, second = values_at(state, layers, job.before, layer, ready, v, w, scratch)
            for side in range(1 + both - i):
                error = second if side == 1 else first
                values, bounds = scratch.values[side], scratch.neurons[Neuron.BOUND]
                add_bias(norms, biases, scratch.inputs[side, :n_previous], error, job.frame.reach, values, bounds)
                if len(job.kept) > 0:
                    row = job.kept[w if side == 1 else v]
                    for j in range(n):
                        row[j] = values[j]
                if not plain:
                    _subtract_thresholds(scratch, np.int64(side), owners, thresholds)
                n_pairs = _record(state, job, scratch, inside.pairs, n_pairs, w if side == 1 else v, side, error)
                state.margin[0] = smallest_margin(values, bounds, units, state.margin[0])
    return int(state.sizes[Size.CELLS]), int(n_pairs)
