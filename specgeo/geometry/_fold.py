"""Affine maps of many cells: what is affine on a block of cells is folded into the weights, block by halved block.

Notation. A network is a table C: row r is a pre-activation or a final output, its first d + 1 columns are x and 1, the
others the outputs of hidden neurons, so that

    z_r  =  C[r, :d] x + C[r, d] + sum_o C[r, o] a_o,        a_o = s z_src + t  on a piece of the activation.

Outputs that are on one piece throughout a block of cells are put in: their columns, and the rows that nobody needs any
longer, go. What is left is a network of the neurons that vary on the block, with connections across layers. The block
is halved by the sign of the unit that does so best, and each half goes on from there. In the plane a block of n cells
has some sqrt(n) neurons that vary: a cell costs about the same whatever the sizes of the layers. Small blocks are
evaluated, cell after cell.

Error. Each term of a map is a product of weights, slopes and a bias along a path through the network, or an intercept
instead of the bias. It takes part in one addition at most for every output that is put in (an entry of C passes over
the layer of that output, or ends there, once on every path), and in three roundings more in each layer that it passes,
of products and of the sum with the intercept: fewer than the roundings that `stored_values.piece_bounds` allows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray
from specgeo._jit import kernel, leaf

DEPTH = 128  # halvings one after the other
SMALL = 8  # cells of a block that is not halved any more
SAMPLE = 64  # cells that tell which unit halves a block

Flags = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]


class Wiring(NamedTuple):
    """Outputs, units and rows of all hidden layers, numbered layer after layer."""

    units: IntArray  # (Q + 1,) first unit of each output
    steps: IntArray  # (n_units,) by how much the piece of the output grows where the unit is positive
    base: IntArray  # (Q,) piece where no unit is
    slopes: FloatArray  # (n_pieces,) s
    intercepts: FloatArray  # (n_pieces,) t
    members: IntArray  # (n_pieces,) row of a maximum's member, -1 where the output has a row of its own
    own: IntArray  # (Q,) that row
    layer: IntArray  # (Q,)
    row_layer: IntArray  # (R + m,) layer of each row; that of the final outputs is L


class Blocks(NamedTuple):
    """The block in work and those that it is a part of, by depth: what varies, and the tables C one after the other."""

    rows: IntArray  # (DEPTH, R + m)
    columns: IntArray  # (DEPTH, Q) outputs that vary
    words: IntArray  # (DEPTH, n_words) words of the patterns that do
    counts: IntArray  # (DEPTH, 3) numbers of those
    starts: IntArray  # (DEPTH + 1,) of the tables
    tables: FloatArray


class Scratch(NamedTuple):
    """What one block needs."""

    mask: Words  # (n_words,) units that vary
    varies: Flags  # (Q,) by place among the columns
    pieces: IntArray  # (Q,) of those that do not
    kept: IntArray  # (Q,) places of those that vary
    place: IntArray  # (R + m,) place of a row in the table
    needed: Flags  # (R + m,)
    on: Flags  # (Q,)
    outputs: FloatArray  # (Q, d + 1) their maps


@leaf
def _piece(words: Words, cell: int, output: int, w: Wiring) -> int:
    piece = int(w.base[output])
    for u in range(w.units[output], w.units[output + 1]):
        piece += w.steps[u] * np.int64((words[cell, u >> 6] >> np.uint64(u & 63)) & np.uint64(1))
    return piece


@leaf
def _source(output: int, piece: int, w: Wiring) -> int:
    """The row that an output is a line in."""
    return int(w.members[piece] if w.members[piece] >= 0 else w.own[output])


@leaf
def _find_varying(words: Words, cells: IntArray, k: int, w: Wiring, b: Blocks, s: Scratch) -> None:
    """Units and outputs that vary on a block of cells, of those that did at depth k."""
    live = b.words[k, : b.counts[k, 2]]
    first, n_words = cells[0], words.shape[1]
    for x in live:
        s.mask[x] = np.uint64(0)
    if 4 * len(live) > 3 * n_words:  # in one go, those that do not vary included
        for cell in cells[1:]:
            for x in range(n_words):
                s.mask[x] |= words[cell, x] ^ words[first, x]
    else:
        for cell in cells[1:]:
            for x in live:
                s.mask[x] |= words[cell, x] ^ words[first, x]
    n = 0
    for x in live:
        if s.mask[x] != np.uint64(0):
            b.words[k + 1, n] = x
            n += 1
    b.counts[k + 1, 2] = n
    n = 0
    for i in range(b.counts[k, 1]):
        output = b.columns[k, i]
        s.varies[i] = False
        for u in range(w.units[output], w.units[output + 1]):
            if (s.mask[u >> 6] >> np.uint64(u & 63)) & np.uint64(1):
                s.varies[i] = True
        if s.varies[i]:
            b.columns[k + 1, n] = output
            s.kept[n] = i
            n += 1
        else:
            s.pieces[i] = _piece(words, first, output, w)
    b.counts[k + 1, 1] = n


@leaf
def _put_in(k: int, d: int, w: Wiring, b: Blocks, s: Scratch) -> None:
    """The table at depth k + 1, of all rows of that at depth k: without the outputs that do not vary."""
    n_rows, n_old, n_new = b.counts[k, 0], b.counts[k, 1], b.counts[k + 1, 1]
    b.counts[k + 1, 0] = n_rows
    columns = b.columns[k + 1]
    for i in range(n_rows):
        row = b.rows[k, i]
        s.place[row] = i
        old = b.tables[b.starts[k] + i * (d + 1 + n_old) :]
        new = b.tables[b.starts[k + 1] + i * (d + 1 + n_new) :]
        for x in range(d + 1):
            new[x] = old[x]
        for j in range(n_new):
            new[d + 1 + j] = old[d + 1 + s.kept[j]]
        below = d + 1  # columns of layers before that of the output
        for j in range(n_old):
            output, c = b.columns[k, j], old[d + 1 + j]
            if w.layer[output] >= w.row_layer[row]:
                break
            if s.varies[j] or c == 0.0:
                continue
            piece = s.pieces[j]
            if w.slopes[piece] != 0.0:
                while below < d + 1 + n_new and w.layer[columns[below - d - 1]] < w.layer[output]:
                    below += 1
                place = s.place[_source(output, piece, w)]
                source = b.tables[b.starts[k + 1] + place * (d + 1 + n_new) :]
                for x in range(below):
                    new[x] += c * w.slopes[piece] * source[x]
            if w.intercepts[piece] != 0.0:
                new[d] += c * w.intercepts[piece]


@leaf
def _drop_rows(k: int, d: int, w: Wiring, b: Blocks, s: Scratch) -> None:
    """Leave the rows of the table at depth k + 1 that outputs need which vary, and the final ones."""
    n_rows, n_columns, last = b.counts[k + 1, 0], b.counts[k + 1, 1], w.row_layer[-1]
    for i in range(n_rows):
        s.needed[i] = w.row_layer[b.rows[k, i]] == last
    for output in b.columns[k + 1, :n_columns]:
        piece = w.base[output]
        s.needed[s.place[_source(output, piece, w)]] = True
        if w.members[piece] >= 0:
            for u in range(w.units[output], w.units[output + 1]):
                s.needed[s.place[w.members[piece + w.steps[u]]]] = True
    table, width, n = b.tables[b.starts[k + 1] :], d + 1 + n_columns, 0
    for i in range(n_rows):
        if s.needed[i]:
            b.rows[k + 1, n] = b.rows[k, i]
            if n < i:
                for x in range(width):
                    table[n * width + x] = table[i * width + x]
            n += 1
    b.counts[k + 1, 0] = n
    b.starts[k + 2] = b.starts[k + 1] + n * width


@leaf
def _evaluate(
    words: Words, cells: IntArray, k: int, w: Wiring, b: Blocks, s: Scratch, gradients: FloatArray, offsets: FloatArray
) -> None:
    """The maps of cells, by the table at depth k."""
    n_rows, n_columns = b.counts[k, 0], b.counts[k, 1]
    m, d = gradients.shape[1:]
    outputs, table, width = s.outputs, b.tables[b.starts[k] :], d + 1 + n_columns
    for i in range(n_rows):
        s.place[b.rows[k, i]] = i
    for cell in cells:
        for j in range(n_columns):
            output = b.columns[k, j]
            piece = _piece(words, cell, output, w)
            slope = w.slopes[piece]
            s.on[j] = slope != 0.0 or w.intercepts[piece] != 0.0
            for x in range(d + 1):
                outputs[j, x] = 0.0
            if slope != 0.0:
                row = table[s.place[_source(output, piece, w)] * width :]
                for x in range(d + 1):
                    outputs[j, x] = row[x]
                for e in range(j):
                    if w.layer[b.columns[k, e]] == w.layer[output]:
                        break
                    if s.on[e]:
                        for x in range(d + 1):
                            outputs[j, x] += row[d + 1 + e] * outputs[e, x]
                for x in range(d + 1):
                    outputs[j, x] *= slope
            outputs[j, d] += w.intercepts[piece]
        for o in range(m):
            row = table[(n_rows - m + o) * width :]
            offsets[cell, o] = row[d]
            for x in range(d):
                gradients[cell, o, x] = row[x]
            for j in range(n_columns):
                if s.on[j]:
                    for x in range(d):
                        gradients[cell, o, x] += row[d + 1 + j] * outputs[j, x]
                    offsets[cell, o] += row[d + 1 + j] * outputs[j, d]


@leaf
def _halve(words: Words, cells: IntArray, k: int, w: Wiring, b: Blocks, s: Scratch) -> int:
    """Cells where the unit is positive that halves a block best, then the others; how many it is on."""
    best, least = 0, len(cells) + 1
    for output in b.columns[k, : b.counts[k, 1]]:
        for u in range(w.units[output], w.units[output + 1]):
            x, shift = u >> 6, np.uint64(u & 63)
            if not (s.mask[x] >> shift) & np.uint64(1):
                continue
            excess = 0
            for cell in cells[:: max(1, len(cells) // SAMPLE)]:
                excess += 1 if (words[cell, x] >> shift) & np.uint64(1) else -1
            if abs(excess) < least:
                best, least = u, abs(excess)
    x, shift = best >> 6, np.uint64(best & 63)
    low, high = 0, len(cells)
    while low < high:
        if (words[cells[low], x] >> shift) & np.uint64(1):
            low += 1
        else:
            high -= 1
            cells[low], cells[high] = cells[high], cells[low]
    return low


@kernel
def fold(
    words: Words, cells: IntArray, w: Wiring, tables: FloatArray, gradients: FloatArray, offsets: FloatArray
) -> bool:
    """Fill gradients (n, m, d) and offsets (n, m) of the ``cells``, which are put in another order.

    ``words`` has the units that are positive; ``tables`` begins with the table of the whole network and has room for
    those of blocks. Returns whether it had: where halves vary as much as the whole nothing is won.
    """
    n_outputs, n_rows, d, n_words = len(w.own), len(w.row_layer), gradients.shape[2], words.shape[1]
    shape = (DEPTH, n_rows), (DEPTH, n_outputs), (DEPTH, n_words)
    b = Blocks(
        np.empty(shape[0], np.int64), np.empty(shape[1], np.int64), np.empty(shape[2], np.int64),
        np.zeros((DEPTH, 3), np.int64), np.zeros(DEPTH + 1, np.int64), tables,
    )  # fmt: skip
    s = Scratch(
        np.zeros(n_words, np.uint64), np.empty(n_outputs, np.bool_), np.empty(n_outputs, np.int64),
        np.empty(n_outputs, np.int64), np.empty(n_rows, np.int64), np.empty(n_rows, np.bool_),
        np.empty(n_outputs, np.bool_), np.empty((n_outputs, d + 1)),
    )  # fmt: skip
    for row in b.rows[0], b.columns[0], b.words[0]:
        for i in range(len(row)):
            row[i] = i
    b.counts[0, 0], b.counts[0, 1], b.counts[0, 2] = n_rows, n_outputs, n_words
    b.starts[1] = n_rows * (d + 1 + n_outputs)
    stack = np.zeros((DEPTH + 1, 3), np.int64)
    stack[0, 1] = len(cells)
    height = 1 if len(cells) else 0
    while height > 0:
        height -= 1
        begin, end, k = stack[height]
        own = cells[begin:end]
        _find_varying(words, own, k, w, b, s)
        if k + 3 > DEPTH or b.starts[k + 1] + b.counts[k, 0] * (d + 1 + b.counts[k + 1, 1]) > len(tables):
            return False
        _put_in(k, d, w, b, s)
        _drop_rows(k, d, w, b, s)
        if len(own) <= SMALL or b.counts[k + 1, 1] == 0:
            _evaluate(words, own, k + 1, w, b, s, gradients, offsets)
            continue
        middle = begin + _halve(words, own, k + 1, w, b, s)
        stack[height, 1] = stack[height + 1, 0] = middle
        stack[height + 1, 1] = end
        stack[height, 2] = stack[height + 1, 2] = k + 1
        height += 2
    return True
