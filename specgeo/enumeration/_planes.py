"""The planes that cut: which units cross which cells, and their rows."""

from __future__ import annotations

import numpy as np

from specgeo._jit import hot, leaf, leaf_kernel, merged
from specgeo.enumeration._layers import (
    BIAS,
    N_PREVIOUS,
    N_UNITS,
    N_WORDS,
    ROWS,
    UNIT,
    WORD,
    History,
    Layers,
    active_pieces,
    entries,
)
from specgeo.enumeration._layout import LEN, START, Crossings, Cursor, Frame, Neuron, Scratch, Size, State
from specgeo.enumeration._maps import ROUNDING, SIZE, Maps, activate, ask_for, factors, find_doubts
from specgeo.enumeration._products import row_dots
from specgeo.enumeration._scalars import ONE, SAFE, TINY, Integer, U, Word, Words, gamma, index, lowest_unit, popcount


@leaf
def face_bits(state: State, vbits: Words, words: Integer, word: Integer, mask: Word, dim: Integer) -> None:
    """Bits of every face for one block of 64 units, from the signs at the vertices."""
    n_faces = state.sizes[Size.FACES]
    for f in range(n_faces):
        if state.dims[f] == 1:
            o = index(state.faces[f, START])
            p, q = index(state.pool[o]), index(state.pool[o + 1])
            pp, pn = vbits[p, word], vbits[p, words + word]
            qp, qn = vbits[q, word], vbits[q, words + word]
            state.bits[f, 0] = (pp | qp) & mask
            state.bits[f, 1] = (pn | qn) & mask
            state.bits[f, 2] = (~(pp | pn) | ~(qp | qn)) & mask
    for k in range(2, dim + 1):
        for f in range(n_faces):
            if state.dims[f] == k:
                positive, negative, touch = np.uint64(0), np.uint64(0), np.uint64(0)
                start = index(state.faces[f, START])
                for i in range(start, start + state.faces[f, LEN]):
                    g = index(state.pool[index(i)])
                    positive |= state.bits[g, 0]
                    negative |= state.bits[g, 1]
                    touch |= state.bits[g, 2]
                state.bits[f, 0], state.bits[f, 1], state.bits[f, 2] = positive, negative, touch


@merged
def _copy_signs(bits: Words, rows: Integer, words: Integer, unit: Integer, twin: Integer, same: bool) -> None:
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
def _next_crossed(crossings: Crossings, cell: Integer, n_cells: Integer) -> np.int64:
    """The first cell from ``cell`` on that a unit crosses; ``n_cells`` if there is none."""
    c = np.int64(cell)
    while c < n_cells:
        for word in crossings.units[c]:
            if word != 0:
                return c
        c += 1
    return c


@leaf_kernel
def make_planes(
    state: State, history: History, before: Maps, layer: Integer, crossings: Crossings, scratch: Scratch, frame: Frame
) -> None:
    """Fill the rows of the planes, one for each cell and each unit that crosses it.

    Each is a sum afresh, from the maps of the layer before.
    """
    layers, dim, reach, extent = history.layers, frame.dim, frame.reach, frame.extent
    rows, slope, shift = scratch.rows, scratch.neurons[Neuron.SLOPE], scratch.neurons[Neuron.SHIFT]
    inherited, doubt, sums = scratch.neurons[Neuron.DOUBT], scratch.rows[len(scratch.rows) - 1], scratch.sums[0]
    meta = layers.meta[layer - 1]
    n_previous, words = meta[N_PREVIOUS], meta[N_WORDS]
    parent, known, steps = np.int64(0), np.int64(-1), 0.0  # the rows of the first layer are its weights
    n_cells = state.sizes[Size.CELLS]
    following = _next_crossed(crossings, 0, n_cells)
    while following < n_cells:
        cell, following = following, _next_crossed(crossings, following + 1, n_cells)
        if layer > 1:
            if following < n_cells:
                ask_for(before.rows, np.int64(history.parents[history.parent_start[layer - 1] + following]))
            parent = np.int64(history.parents[history.parent_start[layer - 1] + cell])
            steps = n_previous // (4 if meta[ROWS] >= 0 else 8) + 14.0  # activation 2, sum n / 8 + 11 (n / 4), bias 1
            start = history.sign_start[layer - 1] + cell * 2 * layers.meta[layer - 2, N_WORDS]
            bits = history.signs[start : start + layers.meta[layer - 2, N_WORDS]]
            active_pieces(layers, layer - 1, bits, slope, shift)
            activate(before.rows, parent, slope, shift, n_previous, rows[: dim + 1])
            if parent != known:
                known = parent
                find_doubts(before, parent, layers, layer - 1, reach, inherited)
            for k in range(n_previous):
                doubt[k] = inherited[k] * abs(slope[k])
        f, g, tiny = factors(before.trust[parent, SIZE], steps, n_previous, reach)
        f += before.trust[parent, ROUNDING] * SAFE
        for w in range(words):
            rest = crossings.units[cell, w]
            plane = crossings.first[cell, w]
            while rest != 0:
                unit = 64 * w + lowest_unit(rest)
                rest &= rest - ONE
                j = layers.owners[meta[UNIT] + unit]
                begin, end = entries(layers, layer, j)
                weights, columns = layers.row_values[begin:end], layers.row_columns[begin:end]
                bias, threshold = layers.biases[meta[BIAS] + j], layers.thresholds[meta[UNIT] + unit]
                constant, error, row = bias, 0.0, state.planes[plane]
                if layer > 1:
                    row_dots(weights, columns, rows, n_previous, sums)
                    constant, error = sums[dim] + bias, sums[len(rows) - 1] * SAFE
                for c in range(dim):
                    row[c] = sums[c] if layer > 1 else 0.0
                for p in range(len(weights) if layer == 1 else 0):
                    row[columns[p]] = weights[p]
                row[dim] = constant - threshold
                error += layers.norms[meta[BIAS] + j] * f + abs(bias) * g + tiny
                if threshold != 0.0:
                    error += U * (abs(constant) + abs(threshold))
                norm, size = 0.0, abs(row[dim])
                for c in range(dim):
                    norm += abs(row[c])
                    size += abs(row[c]) * extent[c]
                row[dim + 1] = norm * SAFE
                row[dim + 2] = (error + gamma(dim + 2) * size) * SAFE + dim * TINY
                state.porigin[plane, 0] = layer
                state.porigin[plane, 1] = unit
                state.porigin[plane, 2] = cell
                plane += 1


@leaf_kernel
def begin_layer(state: State, layers: Layers, layer: Integer, crossings: Crossings, dim: Integer) -> int:
    """With the layer's signs at all vertices: which units cross which cells, and the numbers of their planes.

    Fills ``crossings`` and returns the number of planes in all.
    """
    words = layers.meta[layer - 1, N_WORDS]
    n_cells = state.sizes[Size.CELLS]
    for word in range(words - 1, -1, -1):  # block 0 comes last, so that its bits are ready for the cutting
        face_bits(state, state.vbits, words, word, layers.decided[layers.meta[layer - 1, WORD] + word], dim)
        for cell in range(n_cells):
            f = index(state.cells[cell, 0])
            crossings.units[cell, word] = state.bits[f, 0] & state.bits[f, 1]
    plane = state.sizes[Size.PLANES]
    for cell in range(n_cells):
        state.cells[cell, 1] = cell
        for word in range(words):
            crossings.first[cell, word] = plane
            plane += popcount(crossings.units[cell, word])
    state.cursor[Cursor.BLOCK], state.cursor[Cursor.DIMENSION] = 0, 1
    state.cursor[Cursor.FACE], state.cursor[Cursor.OPEN], state.cursor[Cursor.POOR] = 0, 0, 0
    state.cursor[Cursor.READY] = 0
    return int(plane)


@leaf
def end_layer(state: State, layers: Layers, layer: Integer) -> None:
    """Give units that share a zero set with an earlier unit their signs."""
    meta = layers.meta[layer - 1]
    words = meta[N_WORDS]
    for u in range(meta[N_UNITS]):
        twin = layers.twins[meta[UNIT] + u]
        if twin != u:
            same = layers.twin_signs[meta[UNIT] + u] > 0
            _copy_signs(state.vbits, state.sizes[Size.VERTICES], words, u, twin, same)
            _copy_signs(state.signs, state.sizes[Size.CELLS], words, u, twin, same)
