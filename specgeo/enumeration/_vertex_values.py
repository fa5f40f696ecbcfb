"""Values of a layer at the vertices that exist before it, with bounds on their errors.

They come from a forward pass W a + b through that layer alone, which begins with the post-activations a_k of the layer
before, taken from the map of the cell around. With S, G and E of that cell (`_maps`) and the radius e of the vertex
they are off by at most eps = G e + E + gamma_(d+4) S, and unit j by |W_j| (eps + gamma_r max |a_k|) + gamma_r |b_j| +
underflow. As a_k itself is at most S at the vertex, max |a_k| <= S + eps.

Some vertices are taken together, so that the weights are read once for them: vertices near each other, where nearly
the same neurons are active (`values_at`). Where their cells even have one map, most neurons are on the same piece on
all of these cells: what they add to W a is one affine function of x, d + 1 products with W for all vertices, and the
others are few (`values_inside`). Such a value is b + sum_c m_c x_c, m_c = sum_k W_jk a_kc over the common neurons, and
the sum over the others: a term passes through those roundings of `roundings` that m_c has, a product with x_c, d + 1
sums, and the sums of blocks of the others; in size they stay below |W_j| (S + eps) together.
"""

from __future__ import annotations

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._jit import hot, leaf, merged
from specgeo.enumeration._layers import (
    BIAS,
    N_PREVIOUS,
    N_WORDS,
    ROWS,
    UNIT,
    History,
    Layers,
    N,
    active_pieces,
    piece,
)
from specgeo.enumeration._layout import BLOCK, VERTICES, Neuron, Scratch, State
from specgeo.enumeration._maps import DOUBT, SIZE, STEEP, Maps, activate, factors
from specgeo.enumeration._products import add_columns_of, add_product, roundings
from specgeo.enumeration._scalars import ONE, SAFE, TINY, Integer, at_least, gamma, lowest_unit

FEW = 16  # vertices taken together where cells have maps of their own
_WIDE = 128  # inputs of a layer from which on it pays to share what is common


@hot
def common_roundings(layers: Layers, layer: Integer, dim: Integer) -> float:
    """How many roundings a term passes through in `values_inside`."""
    return float(roundings(layers, layer) + layers.meta[layer - 1, N_PREVIOUS] // BLOCK + dim + 4.0)


@hot
def _error(state: State, before: Maps, parent: Integer, vertex: Integer) -> float:
    """Bound on the errors of the post-activations at a vertex of a cell inside ``parent``."""
    trust, dim = before.trust[parent], state.x.shape[1] - 1
    # what underflows here and is multiplied by a steep slope is in the doubts: they have room for it
    error = trust[STEEP] * state.x[vertex, dim] + trust[DOUBT] + gamma(dim + 4) * trust[SIZE] + dim * TINY
    return float(error * SAFE)


@merged
def inputs_at(
    state: State, history: History, before: Maps, layer: Integer, vertex: Integer, known: Integer, scratch: Scratch,
    a: FloatArray,
) -> tuple[float, float]:  # fmt: skip
    """a = the post-activations of the layer before at a vertex; a bound on the errors, and S.

    The scratch space has slopes and intercepts of the cell ``known``.
    """
    dim = state.x.shape[1] - 1
    if layer == 1:  # the coordinates
        for c in range(dim):
            a[c] = state.x[vertex, c]
        return float(state.x[vertex, dim]), float(before.trust[0, SIZE])
    layers = history.layers
    n, words = layers.meta[layer - 1, N_PREVIOUS], layers.meta[layer - 2, N_WORDS]
    slope, shift = scratch.neurons[Neuron.SLOPE], scratch.neurons[Neuron.SHIFT]
    cell = np.int64(state.vplanes[vertex, dim])
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
    return _error(state, before, parent, vertex), float(before.trust[parent, SIZE])


@merged
def values_at(
    state: State, history: History, before: Maps, layer: Integer, vertices: IntArray, scratch: Scratch
) -> tuple[float, float]:
    """scratch.values = W a + b at up to `FEW` vertices, scratch.inputs = a, scratch.errors = bounds on the errors of a.

    Returns the largest of these bounds, and one on the size of a.
    """
    layers, meta = history.layers, history.layers.meta[layer - 1]
    n, n_previous, known, error, size = meta[N], meta[N_PREVIOUS], np.int64(-1), 0.0, 0.0
    biases = layers.biases[meta[BIAS] : meta[BIAS] + n]
    lanes = (len(vertices) + 3) // 4 * 4
    for i in range(lanes):
        a = scratch.inputs[i]
        if i < len(vertices):
            own, most = inputs_at(state, history, before, layer, vertices[i], known, scratch, a)
            scratch.errors[i], known = own, np.int64(state.vplanes[vertices[i], state.x.shape[1] - 1])
            error, size = at_least(error, own), at_least(size, most)
        else:
            for k in range(n_previous):
                a[k] = 0.0
        values = scratch.values[i]
        for j in range(n):
            values[j] = biases[j]
    add_product(layers, layer, scratch.inputs, lanes, False, scratch, scratch.values)
    return error, (size + error) * SAFE


@merged
def of_one_parent(state: State, history: History, layer: Integer, vertices: IntArray) -> bool:
    """Whether `values_inside` will do, and pays, for so many vertices."""
    meta, dim = history.layers.meta[layer - 1], state.x.shape[1] - 1
    if layer == 1 or meta[N_PREVIOUS] < _WIDE or meta[ROWS] >= 0 or len(vertices) < VERTICES:
        return False
    parents, start = history.parents, history.parent_start[layer - 1]
    parent = parents[start + state.vplanes[vertices[0], dim]]
    for v in vertices:
        if parents[start + state.vplanes[v, dim]] != parent:
            return False
    return True


@merged
def _odd_neurons(state: State, history: History, layer: Integer, vertices: IntArray, scratch: Scratch) -> np.int64:
    """List in scratch.odd the neurons before the layer that are not on the same piece on all cells of these vertices.

    Slopes and intercepts in the scratch space become those of the common ones, and 0 for these.
    """
    layers, earlier, dim = history.layers, history.layers.meta[layer - 2], state.x.shape[1] - 1
    words, n_odd, last = earlier[N_WORDS], np.int64(0), np.int64(-1)
    slope, shift = scratch.neurons[Neuron.SLOPE], scratch.neurons[Neuron.SHIFT]
    for w in range(words):
        first = history.signs[history.sign_start[layer - 1] + state.vplanes[vertices[0], dim] * 2 * words + w]
        scratch.common[w], differ = first, np.uint64(0)
        for v in vertices:
            differ |= first ^ history.signs[history.sign_start[layer - 1] + state.vplanes[v, dim] * 2 * words + w]
        while differ != 0:
            k = layers.owners[earlier[UNIT] + 64 * w + lowest_unit(differ)]
            differ &= differ - ONE
            if k != last:
                scratch.odd[n_odd] = k
                n_odd += 1
            last = k
    active_pieces(layers, layer - 1, scratch.common[:words], slope, shift)
    for i in range(n_odd):
        slope[scratch.odd[i]], shift[scratch.odd[i]] = 0.0, 0.0
    return n_odd


@merged
def _find_odd(
    state: State, history: History, before: Maps, layer: Integer, parent: Integer, vertices: IntArray, n_odd: Integer,
    scratch: Scratch,
) -> np.int64:  # fmt: skip
    """scratch.inputs = post-activations of the odd neurons at these vertices; the number of blocks."""
    layers, rows, dim = history.layers, before.rows[parent], state.x.shape[1] - 1
    n_blocks = np.int64(0)
    for t in range(n_odd):
        if t % BLOCK == 0:
            scratch.blocks[n_blocks] = t
            n_blocks += 1
        k = scratch.odd[t]
        scratch.columns[t] = k
        for i in range(len(vertices)):
            v = vertices[i]
            z, p = rows[dim, k], piece(history, layer - 1, np.int64(state.vplanes[v, dim]), k)
            for c in range(dim):
                z += rows[c, k] * state.x[v, c]
            slope, shift = layers.slopes[p], layers.intercepts[p]
            scratch.inputs[i, k] = (0.0 if slope == 0.0 else slope * z) + shift
    scratch.blocks[n_blocks] = n_odd
    return n_blocks


@merged
def values_inside(
    state: State, history: History, before: Maps, layer: Integer, vertices: IntArray, scratch: Scratch
) -> tuple[float, float]:
    """scratch.values = W a + b at `VERTICES` vertices of cells with one parent, scratch.errors = bounds on those of a.

    Returns the largest of these bounds, and one on the size of a.
    """
    layers, meta, dim = history.layers, history.layers.meta[layer - 1], state.x.shape[1] - 1
    n, rows, sums, n_rows, error = meta[N], scratch.rows, scratch.sums, (dim + 4) // 4 * 4, 0.0
    parent = np.int64(history.parents[history.parent_start[layer - 1] + state.vplanes[vertices[0], dim]])
    n_odd = _odd_neurons(state, history, layer, vertices, scratch)
    slope, shift = scratch.neurons[Neuron.SLOPE], scratch.neurons[Neuron.SHIFT]
    activate(before.rows, parent, slope, shift, meta[N_PREVIOUS], rows[: dim + 1])
    for c in range(dim + 1, n_rows):
        for k in range(meta[N_PREVIOUS]):
            rows[c, k] = 0.0
    for c in range(n_rows):
        for j in range(n):
            sums[c, j] = 0.0
    add_product(layers, layer, rows, n_rows, False, scratch, sums)
    biases, constant = layers.biases[meta[BIAS] : meta[BIAS] + n], sums[dim]
    for i in range(len(vertices)):
        v, values = vertices[i], scratch.values[i]
        for j in range(n):
            values[j] = biases[j] + constant[j]
        for c in range(dim):
            row, x = sums[c], state.x[v, c]
            for j in range(n):
                values[j] += row[j] * x
        scratch.errors[i] = _error(state, before, parent, v)
        error = at_least(error, scratch.errors[i])
    n_blocks = _find_odd(state, history, before, layer, parent, vertices, n_odd, scratch)
    add_columns_of(layers, layer, scratch.inputs, VERTICES, n_blocks, False, scratch, scratch.values)
    return error, (before.trust[parent, SIZE] + error) * SAFE


@hot
def value_bound(norm: float, bias: float, terms: tuple[float, float, float], error: float) -> float:
    """Bound on the error of the value of a neuron, by the `factors` of its inputs and their own error."""
    f, g, tiny = terms
    return (norm * (f + error) + (abs(bias) * g + tiny)) * SAFE


@leaf
def limits_of(
    layers: Layers, layer: Integer, error: float, size: float, steps: float, reach: float, scale: float,
    limits: FloatArray,
) -> None:  # fmt: skip
    """Limits of all neurons: bounds where inputs have this size and error, times ``scale``."""
    meta = layers.meta[layer - 1]
    terms = factors(size, steps, meta[N_PREVIOUS], reach)
    norms, biases = layers.norms[meta[BIAS] : meta[BIAS] + meta[N]], layers.biases[meta[BIAS] : meta[BIAS] + meta[N]]
    for j in range(len(norms)):
        limits[j] = value_bound(norms[j], biases[j], terms, error) * scale * SAFE
