"""Signs of a layer at the vertices that exist before it.

They come from a forward pass W a + b through that layer alone, which begins with the post-activations a_k of the layer
before, taken from the map of the cell around. With S, G and E of that cell (`_maps`) and the radius e of the vertex
they are off by at most eps = G e + E + gamma_(d+4) S, and unit j by |W_j| (eps + gamma_r max |a_k|) + gamma_r |b_j| +
underflow.

Some vertices are taken together, so that the weights are read once for them: vertices near each other, where nearly
the same neurons are active. They share a bound for each neuron, with the largest S in the place of max |a_k| and the
largest eps. What exceeds it, times the smallest ratio of a value to its bound so far, has a sign for sure and is no
news for that ratio; this is so but for a handful of values, of which each vertex has its own bound.
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
    UNIT,
    WORD,
    History,
    Layers,
    N,
    active_pieces,
    entries,
)
from specgeo.enumeration._layout import LEN, NUMBER, OWN, START, VERTICES, Frame, Neuron, Scratch, Size, State, Tally
from specgeo.enumeration._maps import DOUBT, SIZE, STEEP, Maps, factors, largest
from specgeo.enumeration._predicates import UNDECIDED, counted, refined, set_sign
from specgeo.enumeration._products import add_product, roundings
from specgeo.enumeration._scalars import (
    ONE,
    SAFE,
    TINY,
    Flags,
    Integer,
    U,
    Word,
    Words,
    at_least,
    gamma,
    lowest_unit,
    popcount,
)


class Evaluation(NamedTuple):
    """Signs of one layer at the vertices before it, and what they come from."""

    history: History
    before: Maps  # of the layer before
    earlier: Words  # the vbits of the layer before
    layer: Integer
    frame: Frame
    kept: FloatArray  # (n_v, n) room for the pre-activations, or (0, n)


class Inside(NamedTuple):
    """The vertices of cells, those near each other together; pairs whose signs are open."""

    start: IntArray  # (boxes + 1,) where those in each box of a grid begin in ``order``; the last: their number
    order: IntArray  # (n_v,)
    pairs: IntArray  # (any, 2) vertex, unit


def inside_of(n_vertices: int, n_pairs: int) -> Inside:
    """Room for so many."""
    boxes = n_vertices // VERTICES + 1
    return Inside(np.empty(boxes + 1, np.int64), np.empty(n_vertices, np.int64), np.empty((n_pairs, 2), np.int64))


@merged
def own_faces(state: State, dim: Integer) -> None:
    """Give every face and vertex the first cell that contains it, top down."""
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


@hot
def _box(x: FloatArray, low: FloatArray, scale: FloatArray, dim: Integer, side: Integer) -> np.int64:
    """The box of a grid of side^dim that a point is in, counted to and fro: each is next to the one before."""
    box = np.int64(0)
    for c in range(dim):
        at = (x[c] - low[c]) * scale[c]
        digit = np.int64(at) if (at > 0.0) & (at < side) else np.int64(side - 1 if at >= side else 0)
        box = box * side + (digit if box & 1 == 0 else side - 1 - digit)
    return np.int64(box)


@merged
def _arrange(state: State, dim: Integer, scratch: Scratch, start: IntArray, order: IntArray) -> None:
    """List the vertices of cells by the boxes of a grid over them, of which there are fewer than entries in start."""
    low, scale = scratch.values[0], scratch.values[1]
    n_vertices, n_cells, boxes, side = state.sizes[Size.VERTICES], state.sizes[Size.CELLS], len(start) - 1, 1
    while (side + 1.0) ** dim <= boxes:
        side += 1
    for c in range(dim):
        low[c], scale[c] = state.x[0, c], state.x[0, c]
    for v in range(n_vertices):
        for c in range(dim):
            low[c], scale[c] = min(low[c], state.x[v, c]), max(scale[c], state.x[v, c])
    for c in range(dim):
        scale[c] = side / (scale[c] - low[c]) if scale[c] > low[c] else 0.0
    for b in range(boxes + 1):
        start[b] = 0
    for v in range(n_vertices):
        if state.vplanes[v, dim] < n_cells:
            start[_box(state.x[v], low, scale, dim, side)] += 1
    total = 0
    for b in range(boxes + 1):
        start[b], total = total, total + start[b]
    for v in range(n_vertices):
        if state.vplanes[v, dim] < n_cells:
            box = _box(state.x[v], low, scale, dim, side)
            order[start[box]] = v
            start[box] += 1


@merged
def _inputs(
    state: State, history: History, before: Maps, layer: Integer, vertex: Integer, cell: Integer, known: Integer,
    scratch: Scratch, lane: Integer,
) -> tuple[float, float]:  # fmt: skip
    """scratch.inputs[lane] = the post-activations of the layer before at a vertex of a cell.

    The scratch space has slopes and intercepts of the cell ``known``. Returns a bound on the errors, and S.
    """
    a, dim = scratch.inputs[lane], state.x.shape[1] - 1
    error = state.x[vertex, dim]
    if layer == 1:  # the coordinates
        for c in range(dim):
            a[c] = state.x[vertex, c]
        return float(error), float(before.trust[0, SIZE])
    layers = history.layers
    n, words = layers.meta[layer - 1, N_PREVIOUS], layers.meta[layer - 2, N_WORDS]
    slope, shift = scratch.neurons[Neuron.SLOPE], scratch.neurons[Neuron.SHIFT]
    if cell != known:
        start = history.sign_start[layer - 1] + cell * 2 * words
        active_pieces(layers, layer - 1, history.signs[start : start + words], slope, shift)
    parent = np.int64(history.parents[history.parent_start[layer - 1] + cell])
    rows = before.rows[parent]
    constant, first, last, sums = rows[dim], rows[0], rows[dim - 1], scratch.neurons[Neuron.NORM]
    x, y = state.x[vertex, 0], state.x[vertex, dim - 1]
    for k in range(n if dim > 1 else 0):
        sums[k] = constant[k] + first[k] * x
    for c in range(1, dim - 1):
        row, x = rows[c], state.x[vertex, c]
        for k in range(n):
            sums[k] += row[k] * x
    rest = sums if dim > 1 else constant
    for k in range(n):  # what overflows may be inactive
        z = slope[k] * (rest[k] + last[k] * y)
        a[k] = (0.0 if slope[k] == 0.0 else z) + shift[k]
    trust = before.trust[parent]
    # what underflows here and is multiplied by a steep slope is in the doubts: they have room for it
    error = (trust[STEEP] * error + trust[DOUBT] + gamma(dim + 4) * trust[SIZE] + dim * TINY) * SAFE
    return float(error), float(trust[SIZE])


@merged
def values_at(
    state: State, history: History, before: Maps, layer: Integer, vertices: IntArray, scratch: Scratch
) -> tuple[float, float]:
    """scratch.values = W a + b at some vertices, scratch.inputs = a, scratch.errors = bounds on the errors of a.

    Returns the largest of these bounds, and the largest S.
    """
    layers, meta = history.layers, history.layers.meta[layer - 1]
    n, n_previous, known, error, size = meta[N], meta[N_PREVIOUS], np.int64(-1), 0.0, 0.0
    biases = layers.biases[meta[BIAS] : meta[BIAS] + n]
    lanes = 4 if len(vertices) <= 4 else 8
    for i in range(lanes):
        if i < len(vertices):
            cell = np.int64(state.vplanes[vertices[i], state.x.shape[1] - 1])
            own, most = _inputs(state, history, before, layer, vertices[i], cell, known, scratch, np.int64(i))
            scratch.errors[i], known = own, cell
            error, size = at_least(error, own), at_least(size, most)
        else:
            a = scratch.inputs[i]
            for k in range(n_previous):
                a[k] = 0.0
        values = scratch.values[i]
        for j in range(n):
            values[j] = biases[j]
    add_product(layers, layer, scratch.inputs, lanes, False, scratch)
    return error, size


@hot
def value_bound(norm: float, bias: float, terms: tuple[float, float, float], error: float) -> float:
    """Bound on the error of the value of a neuron, by the `factors` of its inputs and their own error."""
    f, g, tiny = terms
    return (norm * (f + error) + (abs(bias) * g + tiny)) * SAFE


@hot
def vertex_factors(
    layers: Layers, layer: Integer, scratch: Scratch, lane: Integer, reach: float
) -> tuple[float, float, float]:
    """`factors` of the values at one of the vertices."""
    n = layers.meta[layer - 1, N_PREVIOUS]
    return factors(largest(scratch.inputs[lane], n), roundings(layers, layer), n, reach)


@leaf
def limits_of(
    layers: Layers, layer: Integer, error: float, size: float, reach: float, scale: float, limits: FloatArray
) -> None:
    """Limits of all neurons: bounds where inputs have this size and error, times ``scale``."""
    meta = layers.meta[layer - 1]
    terms = factors(size * SAFE, roundings(layers, layer), meta[N_PREVIOUS], reach)
    norms, biases = layers.norms[meta[BIAS] : meta[BIAS] + meta[N]], layers.biases[meta[BIAS] : meta[BIAS] + meta[N]]
    for j in range(len(norms)):
        limits[j] = value_bound(norms[j], biases[j], terms, error) * scale * SAFE


@leaf
def signs(values: FloatArray, limits: FloatArray) -> tuple[Word, Word]:
    """Bits of at most 64 values that are positive, and of those that do not exceed their limits, or are not finite."""
    positive, doubtful = np.uint64(0), np.uint64(0)
    for u in range(len(values)):
        size = abs(values[u])
        sure = (size > limits[u]) & (size < np.inf)
        positive |= np.uint64(values[u] > 0.0) << np.uint64(u)
        doubtful |= np.uint64(not sure) << np.uint64(u)
    return positive, doubtful


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


@leaf
def _subtract_thresholds(
    scratch: Scratch, lane: Integer, owners: IntArray, thresholds: FloatArray, scale: float
) -> None:
    """From values and limits of neurons, values to begin with copied, to those of units."""
    values, z = scratch.values[lane], scratch.neurons[Neuron.SIZE]
    limit, limits = scratch.neurons[Neuron.LIMIT], scratch.neurons[Neuron.DOUBT]
    for k in range(len(z)):
        z[k] = values[k]
    for u in range(len(thresholds)):
        k, t = owners[u], thresholds[u]
        limits[u] = (limit[k] + scale * (U * (abs(z[k]) + abs(t)))) * SAFE
        values[u] = z[k] - t


@merged
def _refined_sign(layers: Layers, layer: Integer, unit: Integer, scratch: Scratch, lane: Integer) -> int:
    """Sign of a unit by the componentwise bound, or UNDECIDED."""
    meta = layers.meta[layer - 1]
    j = layers.owners[meta[UNIT] + unit]
    begin, end = entries(layers, layer, j)
    row, columns = layers.row_values[begin:end], layers.row_columns[begin:end]
    bias, threshold = layers.biases[meta[BIAS] + j], layers.thresholds[meta[UNIT] + unit]
    return refined(row, columns, bias, threshold, scratch.inputs[lane], scratch.exact_input, scratch.errors[lane])


@merged
def _record(
    state: State, job: Evaluation, scratch: Scratch, limits: FloatArray, plain: bool, pairs: IntArray, n_pairs: Integer,
    vertex: Integer, lane: Integer,
) -> Integer:  # fmt: skip
    """Write down the signs at a vertex that are proved, and list the others; the new number of pairs."""
    layers, layer, meta = job.history.layers, job.layer, job.history.layers.meta[job.layer - 1]
    words, units, values, opened = meta[N_WORDS], meta[N_UNITS], scratch.values[lane], 0
    count, terms = counted(state, vertex, job.frame.dim), (0.0, 0.0, 0.0)
    for w in range(words):
        decided, stop = layers.decided[meta[WORD] + w], min(64 * w + 64, units)
        positive, rest = signs(values[64 * w : stop], limits[64 * w : stop])
        sure = decided & ~rest
        state.tally[Tally.FLOAT] += count * popcount(sure)
        state.vbits[vertex, w], state.vbits[vertex, words + w] = positive & sure, ~positive & sure
        while rest != 0:
            bit = rest & (~rest + ONE)
            u = 64 * w + lowest_unit(rest)
            rest &= rest - ONE
            if opened == 0:
                opened = 1
                terms = vertex_factors(layers, layer, scratch, lane, job.frame.reach)
            k, value = layers.owners[meta[UNIT] + u], values[u]
            norm, bias = layers.norms[meta[BIAS] + k], layers.biases[meta[BIAS] + k]
            bound = value_bound(norm, bias, terms, scratch.errors[lane])
            if not plain:
                z, t = scratch.neurons[Neuron.SIZE, k], layers.thresholds[meta[UNIT] + u]
                bound = (bound + U * (abs(z) + abs(t))) * SAFE
            proved = abs(value) > bound and abs(value) < np.inf
            if proved and abs(value) < state.margin[0] * bound:
                state.margin[0] = abs(value) / bound
            if decided & bit == 0:
                continue
            if proved or not job.frame.exact:
                state.tally[Tally.FLOAT] += count
                set_sign(state.vbits, vertex, words, u, 1 if value > 0 else (-1 if value < 0 else 0))
                continue
            if opened == 1:
                opened = 2
                _exact_inputs(state, layers, job.earlier, layer, vertex, scratch.inputs[lane], scratch.exact_input)
            sign = _refined_sign(layers, layer, u, scratch, lane)
            if sign != UNDECIDED:
                state.tally[Tally.REFINED] += count
                set_sign(state.vbits, vertex, words, u, sign)
                continue
            pairs[n_pairs, 0], pairs[n_pairs, 1] = vertex, u
            n_pairs += 1
    return n_pairs


@leaf_kernel
def classify(state: State, job: Evaluation, scratch: Scratch, inside: Inside, begin: Integer) -> tuple[int, int]:
    """Signs of all units of a layer at the vertices that exist, as far as floats prove them.

    Goes through ``inside.order`` from ``begin`` on; it is made to begin with. Sets bits of state.vbits and writes the
    pairs (vertex, unit) that are left open to ``inside.pairs``, which has room for those of `VERTICES` vertices.
    Returns where to go on, or -1 at the end, and the number of pairs.
    """
    start, order, layer, limits = inside.start, inside.order, job.layer, scratch.neurons[Neuron.LIMIT]
    if begin == 0:
        own_faces(state, job.frame.dim)
        _arrange(state, job.frame.dim, scratch, start, order)
    layers, meta = job.history.layers, job.history.layers.meta[layer - 1]
    units = meta[N_UNITS]
    thresholds = layers.thresholds[meta[UNIT] : meta[UNIT] + units]
    owners = layers.owners[meta[UNIT] : meta[UNIT] + units]
    plain = meta[N_BREAKS] == 1
    for u in range(units):
        plain = plain and thresholds[u] == 0.0
    n_pairs: Integer = np.int64(0)
    for first in range(begin, start[len(start) - 1], VERTICES):
        if n_pairs + VERTICES * units > len(inside.pairs):
            return int(first), int(n_pairs)
        vertices = order[first : min(first + VERTICES, start[len(start) - 1])]
        error, size = values_at(state, job.history, job.before, layer, vertices, scratch)
        scale = max(state.margin[0], 1.0)
        limits_of(layers, layer, error, size, job.frame.reach, scale, limits)
        for i in range(len(vertices)):
            v, lane = np.int64(vertices[i]), np.int64(i)
            if len(job.kept) > 0:
                row = job.kept[v]
                for j in range(meta[N]):
                    row[j] = scratch.values[i, j]
            if not plain:
                _subtract_thresholds(scratch, lane, owners, thresholds, scale)
            own = limits if plain else scratch.neurons[Neuron.DOUBT]
            n_pairs = _record(state, job, scratch, own, plain, inside.pairs, n_pairs, v, lane)
    return -1, int(n_pairs)
