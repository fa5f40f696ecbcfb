"""Signs of a layer at the vertices that exist before it.

The values come from `_vertex_values`, with one bound for each neuron that holds at all vertices taken together. What
exceeds it, times the smallest ratio of a value to its bound so far, has a sign for sure and is no news for that ratio;
this is so but for a handful of values, of which each vertex has its own bound.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._jit import hot, leaf, leaf_kernel, merged
from specgeo._prefetch import prefetch
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
    entries,
)
from specgeo.enumeration._layout import LEN, OWN, START, VERTICES, Frame, Neuron, Scratch, Size, State, Tally
from specgeo.enumeration._maps import Maps, ask_for, factors, largest
from specgeo.enumeration._predicates import UNDECIDED, counted, refined, set_sign
from specgeo.enumeration._products import roundings
from specgeo.enumeration._scalars import ONE, SAFE, Flags, Integer, U, Word, Words, index, lowest_unit, popcount
from specgeo.enumeration._vertex_values import (
    FEW,
    common_roundings,
    inputs_at,
    limits_of,
    of_one_parent,
    value_bound,
    values_at,
    values_inside,
)

DIGIT = 10  # bits by which vertices are sorted at a time
BOXES = 1 << DIGIT


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

    order: IntArray  # (n_v,)
    keys: IntArray  # (2, n_v) scratch
    starts: IntArray  # (BOXES + 1,) scratch; the last is the number of vertices in ``order``
    pairs: IntArray  # (any, 2) vertex, unit


def inside_of(n_vertices: int, n_pairs: int) -> Inside:
    """Room for so many."""
    shapes = n_vertices, (2, n_vertices), BOXES + 1, (n_pairs, 2)
    return Inside(*(np.empty(shape, np.int64) for shape in shapes))


@hot
def _hand_down(state: State, f: Integer, k: Integer, dim: Integer) -> None:
    """The facets of a face of dimension k belong to its cell, if not to an earlier one."""
    own, begin = state.faces[f, OWN], index(state.faces[f, START])
    for i in range(begin, begin + state.faces[f, LEN]):
        g = index(state.pool[index(i)])
        if k > 1:
            state.faces[g, OWN] = min(state.faces[g, OWN], own)
        else:
            state.vplanes[g, dim] = min(state.vplanes[g, dim], own)


@merged
def own_faces(state: State, dim: Integer) -> None:
    """Give every face and vertex the first cell that contains it, top down."""
    n_faces, n_cells = state.sizes[Size.FACES], state.sizes[Size.CELLS]
    for f in range(n_faces):
        state.faces[f, OWN] = n_cells
    for v in range(state.sizes[Size.VERTICES]):
        state.vplanes[v, dim] = n_cells
    for cell in range(n_cells):
        root = index(state.cells[cell, 0])
        state.faces[root, OWN] = cell
        _hand_down(state, root, dim, dim)
    for k in range(dim - 1, 0, -1):
        for f in range(n_faces):
            if state.dims[f] == k:
                _hand_down(state, f, k, dim)


@merged
def _arrange(state: State, dim: Integer, scratch: Scratch, inside: Inside) -> None:
    """List the vertices of cells along a Z-order curve: by the bits of their coordinates, those of all axes in turn."""
    low, scale, one, other, starts = scratch.values[0], scratch.values[1], inside.keys[0], inside.keys[1], inside.starts
    n_vertices, n_cells, n, passes = state.sizes[Size.VERTICES], state.sizes[Size.CELLS], 0, 3
    if n_vertices < 1 << 17:
        passes = 2 if n_vertices > 4 * FEW else 0
    bits = DIGIT * passes // dim
    for c in range(dim):
        low[c], scale[c] = state.x[0, c], state.x[0, c]
    for v in range(n_vertices if bits > 0 else 0):
        for c in range(dim):
            low[c], scale[c] = min(low[c], state.x[v, c]), max(scale[c], state.x[v, c])
    most = np.int64(1) << np.int64(bits)
    for c in range(dim):
        scale[c] = most / (scale[c] - low[c]) if scale[c] > low[c] else 0.0
    for v in range(n_vertices):
        if state.vplanes[v, dim] < n_cells:
            key = np.int64(0)
            for c in range(dim if bits > 0 else 0):
                at = (state.x[v, c] - low[c]) * scale[c]
                whole = np.int64(at) if (at > 0.0) & (at < most) else (most - 1 if at >= most else np.int64(0))
                for bit in range(bits):
                    key |= ((whole >> bit) & 1) << (bit * dim + c)
            one[n] = key << 32 | v
            n += 1
    for p in range(passes):  # digit by digit, the lowest first
        shift = 32 + DIGIT * p
        for i in range(len(starts)):
            starts[i] = 0
        for i in range(n):
            starts[((one[i] >> shift) & (BOXES - 1)) + 1] += 1
        for i in range(BOXES):
            starts[i + 1] += starts[i]
        for i in range(n):
            box = (one[i] >> shift) & (BOXES - 1)
            other[starts[box]] = one[i]
            starts[box] += 1
        one, other = other, one
    for i in range(n):
        inside.order[i] = one[i] & 0xFFFFFFFF
    starts[BOXES] = n


@hot
def own_factors(layers: Layers, layer: Integer, a: FloatArray, size: float, frame: Frame) -> tuple[float, float, float]:
    """`factors` of the values at a vertex, by what came in, or by a bound on its size if that is not 0."""
    n = layers.meta[layer - 1, N_PREVIOUS]
    if size > 0.0:
        return factors(size, common_roundings(layers, layer, frame.dim), n, frame.reach)
    return factors(largest(a, n), roundings(layers, layer), n, frame.reach)


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
def _refined_sign(
    layers: Layers, layer: Integer, unit: Integer, a: FloatArray, exact_input: Flags, error: float
) -> int:
    """Sign of a unit by the componentwise bound, or UNDECIDED."""
    meta = layers.meta[layer - 1]
    j = layers.owners[meta[UNIT] + unit]
    begin, end = entries(layers, layer, j)
    row, columns = layers.row_values[begin:end], layers.row_columns[begin:end]
    bias, threshold = layers.biases[meta[BIAS] + j], layers.thresholds[meta[UNIT] + unit]
    return refined(row, columns, bias, threshold, a, exact_input, error)


class Batch(NamedTuple):
    """What the vertices of a batch have in common."""

    limits: FloatArray  # (n_units,) values beyond them have a sign for sure
    plain: bool  # units are neurons, and break at 0
    size: float  # 0 where scratch.inputs has what came in, else a bound on its size


@merged
def _record(
    state: State, job: Evaluation, scratch: Scratch, batch: Batch, pairs: IntArray, n_pairs: Integer, vertex: Integer,
    lane: Integer,
) -> Integer:  # fmt: skip
    """Write down the signs at a vertex that are proved, and list the others; the new number of pairs."""
    limits, plain, size = batch
    layers, layer, meta = job.history.layers, job.layer, job.history.layers.meta[job.layer - 1]
    words, units, values, opened = meta[N_WORDS], meta[N_UNITS], scratch.values[lane], 0
    a = scratch.inputs[0 if size > 0.0 else lane]
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
                terms = own_factors(layers, layer, a, size, job.frame)
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
                if size > 0.0:
                    inputs_at(state, job.history, job.before, layer, vertex, np.int64(-1), scratch, a)
                _exact_inputs(state, layers, job.earlier, layer, vertex, a, scratch.exact_input)
            sign = _refined_sign(layers, layer, u, a, scratch.exact_input, scratch.errors[lane])
            if sign != UNDECIDED:
                state.tally[Tally.REFINED] += count
                set_sign(state.vbits, vertex, words, u, sign)
                continue
            pairs[n_pairs, 0], pairs[n_pairs, 1] = vertex, u
            n_pairs += 1
    return n_pairs


@merged
def _look_ahead(state: State, job: Evaluation, soon: IntArray, later: IntArray) -> None:
    """Bring what will be asked of vertices into the cache; of those whose turn is soon, the maps they are in."""
    dim, last, history, layer = job.frame.dim, np.int64(-1), job.history, job.layer
    for v in later:
        prefetch(state.x, v * (dim + 1))
        prefetch(state.vplanes, v * (dim + 2))
        prefetch(state.vbits, v * state.vbits.shape[1])
    if layer > 1:
        for v in soon:
            parent = np.int64(history.parents[history.parent_start[layer - 1] + state.vplanes[v, dim]])
            if parent != last:
                last = parent
                ask_for(job.before.rows, parent)


@leaf_kernel
def classify(state: State, job: Evaluation, scratch: Scratch, inside: Inside, begin: Integer) -> tuple[int, int]:
    """Signs of all units of a layer at the vertices that exist, as far as floats prove them.

    Goes through ``inside.order`` from ``begin`` on; it is made to begin with. Sets bits of state.vbits and writes the
    pairs (vertex, unit) that are left open to ``inside.pairs``, which has room for those of `VERTICES` vertices.
    Returns where to go on, or -1 at the end, and the number of pairs.
    """
    order, layer, limits = inside.order, job.layer, scratch.neurons[Neuron.LIMIT]
    if begin == 0:
        own_faces(state, job.frame.dim)
        _arrange(state, job.frame.dim, scratch, inside)
    layers, meta = job.history.layers, job.history.layers.meta[layer - 1]
    units = meta[N_UNITS]
    thresholds = layers.thresholds[meta[UNIT] : meta[UNIT] + units]
    owners = layers.owners[meta[UNIT] : meta[UNIT] + units]
    plain = meta[N_BREAKS] == 1
    for u in range(units):
        plain = plain and thresholds[u] == 0.0
    n_pairs, first, stop = np.int64(0), np.int64(begin), inside.starts[BOXES]
    while first < stop:
        if n_pairs + VERTICES * units > len(inside.pairs):
            return int(first), int(n_pairs)
        vertices = order[first : min(first + VERTICES, stop)]
        if of_one_parent(state, job.history, layer, vertices):
            error, size = values_inside(state, job.history, job.before, layer, vertices, scratch)
            steps, own_size = common_roundings(layers, layer, job.frame.dim), size
        else:
            vertices = vertices[:FEW]
            error, size = values_at(state, job.history, job.before, layer, vertices, scratch)
            steps, own_size = roundings(layers, layer), 0.0
        after = first + len(vertices)
        _look_ahead(state, job, order[after : min(after + FEW, stop)], order[after + FEW : min(after + 2 * FEW, stop)])
        scale = max(state.margin[0], 1.0)
        limits_of(layers, layer, error, size, steps, job.frame.reach, scale, limits)
        for i in range(len(vertices)):
            v, lane = np.int64(vertices[i]), np.int64(i)
            if len(job.kept) > 0:
                row = job.kept[v]
                for j in range(meta[N]):
                    row[j] = scratch.values[i, j]
            if not plain:
                _subtract_thresholds(scratch, lane, owners, thresholds, scale)
            batch = Batch(limits if plain else scratch.neurons[Neuron.DOUBT], plain, own_size)
            n_pairs = np.int64(_record(state, job, scratch, batch, inside.pairs, n_pairs, v, lane))
        first += len(vertices)
    return -1, int(n_pairs)
