"""Affine maps of many cells: what is affine on a block of cells is folded into the weights, block by halved block.

Notation. A network is a table C: row r is a pre-activation or a final output, its first d + 1 columns are x and 1, the
others the outputs of hidden neurons, so that

    z_r  =  C[r, :d] x + C[r, d] + sum_o C[r, o] a_o,        a_o = s z_src + t  on a piece of the activation.

Outputs that are on one piece throughout a block of cells are put in: their columns, and the rows that nobody needs any
longer, go. What is left is a network of the neurons that vary on the block, with connections across layers. The block
is halved by the sign of the unit that does so best, each half again, and quarters go on from there. In the plane a
block of n cells has some sqrt(n) neurons that vary: a cell costs about the same whatever the sizes of the layers. On a
small block the outputs are evaluated one after the other, each on all cells, which are lanes of vectors.

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

DEPTH = 128  # quarterings one after the other
SMALL = 128  # cells of a block that is not halved any more
ENTRIES = 1 << 12  # of the map of an output on the cells that are evaluated at a time
SAMPLE = 64  # cells that tell which unit halves a block
KEPT, PUT_IN = -2, -3  # instead of the place of a row that has none yet

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
    kept: IntArray  # (Q,) places among the columns of those that vary
    fixed: IntArray  # (Q,) of those that do not and are not zero
    n_fixed: IntArray  # (1,) how many
    pieces: IntArray  # (max(Q, SMALL),) of these, or of one output on some cells
    below: IntArray  # (Q,) for each of these, columns of layers before
    place: IntArray  # (R + m,) place of a row in the table
    outputs: FloatArray  # (Q, (d + 1) lanes) maps of outputs on some cells: all entries of x_1, then of x_2 ..
    row: FloatArray  # ((d + 1) lanes,) that of a row
    slopes: FloatArray  # (lanes,) of an output


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
    n = n_fixed = 0
    for i in range(b.counts[k, 1]):
        output = b.columns[k, i]
        varies = False
        for u in range(w.units[output], w.units[output + 1]):
            if (s.mask[u >> 6] >> np.uint64(u & 63)) & np.uint64(1):
                varies = True
        if varies:
            b.columns[k + 1, n] = output
            s.kept[n] = i
            n += 1
            continue
        piece = _piece(words, first, output, w)
        if w.slopes[piece] != 0.0 or w.intercepts[piece] != 0.0:
            s.fixed[n_fixed], s.pieces[n_fixed] = i, piece
            n_fixed += 1
    b.counts[k + 1, 1], s.n_fixed[0] = n, n_fixed


@leaf
def _place_rows(k: int, w: Wiring, b: Blocks, s: Scratch) -> int:
    """Places of rows at depth k + 1: of outputs that vary and the final ones, then of those put in; how many in all."""
    n_rows, last = b.counts[k, 0], w.row_layer[-1]
    for row in b.rows[k, :n_rows]:
        s.place[row] = KEPT if w.row_layer[row] == last else -1
    for j in range(s.n_fixed[0]):
        piece = s.pieces[j]
        if w.slopes[piece] != 0.0:
            s.place[_source(b.columns[k, s.fixed[j]], piece, w)] = PUT_IN
    for output in b.columns[k + 1, : b.counts[k + 1, 1]]:
        for u in range(w.units[output], w.units[output + 1]):
            s.place[_source(output, w.base[output] + w.steps[u], w)] = KEPT
    n = 0
    for row in b.rows[k, :n_rows]:
        if s.place[row] == KEPT:
            b.rows[k + 1, n] = row
            s.place[row] = n
            n += 1
    b.counts[k + 1, 0] = n
    for row in b.rows[k, :n_rows]:
        if s.place[row] == PUT_IN:
            s.place[row] = n
            n += 1
    return n


@leaf
def _put_in(k: int, d: int, w: Wiring, b: Blocks, s: Scratch) -> None:
    """The table at depth k + 1, of that at depth k: without the outputs that do not vary."""
    n_old, n_new = b.counts[k, 1], b.counts[k + 1, 1]
    below = d + 1  # columns of layers before that of the output
    for t in range(s.n_fixed[0]):
        layer = w.layer[b.columns[k, s.fixed[t]]]
        while below < d + 1 + n_new and w.layer[b.columns[k + 1, below - d - 1]] < layer:
            below += 1
        s.below[t] = below
    for i in range(b.counts[k, 0]):
        row = b.rows[k, i]
        if s.place[row] < 0:
            continue
        old = b.tables[b.starts[k] + i * (d + 1 + n_old) :]
        new = b.tables[b.starts[k + 1] + s.place[row] * (d + 1 + n_new) :]
        for x in range(d + 1):
            new[x] = old[x]
        for j in range(n_new):
            new[d + 1 + j] = old[d + 1 + s.kept[j]]
        for t in range(s.n_fixed[0]):
            output, piece = b.columns[k, s.fixed[t]], s.pieces[t]
            c = old[d + 1 + s.fixed[t]]
            if w.layer[output] >= w.row_layer[row]:
                break
            if c == 0.0:
                continue
            if w.slopes[piece] != 0.0:
                source = b.tables[b.starts[k + 1] + s.place[_source(output, piece, w)] * (d + 1 + n_new) :]
                c_s = c * w.slopes[piece]
                for x in range(s.below[t]):
                    new[x] += c_s * source[x]
            if w.intercepts[piece] != 0.0:
                new[d] += c * w.intercepts[piece]
    b.starts[k + 2] = b.starts[k + 1] + b.counts[k + 1, 0] * (d + 1 + n_new)


@leaf
def _add_up(row: FloatArray, outputs: FloatArray, stop: int, n: int, z: FloatArray) -> None:
    """The maps z (d + 1, n) of a row of the table on n cells, from those of the first outputs."""
    width = len(z) // n
    for x in range(width):
        for i in range(x * n, (x + 1) * n):
            z[i] = row[x]
    for e in range(stop):
        c = row[width + e]
        if c != 0.0:
            for i in range(width * n):
                z[i] += c * outputs[e, i]


@leaf
def _evaluate(
    words: Words, cells: IntArray, k: int, w: Wiring, b: Blocks, s: Scratch, gradients: FloatArray, offsets: FloatArray
) -> None:
    """The maps of cells, by the table at depth k: of one output on all of them, then of the next."""
    n, n_rows, n_columns = len(cells), b.counts[k, 0], b.counts[k, 1]
    m, d = gradients.shape[1:]
    table, width, z = b.tables[b.starts[k] :], d + 1 + n_columns, s.row[: (d + 1) * n]
    for i in range(n_rows):
        s.place[b.rows[k, i]] = i
    before = 0  # outputs of layers before
    for j in range(n_columns):
        output, own = b.columns[k, j], s.outputs[j]
        while w.layer[b.columns[k, before]] < w.layer[output]:
            before += 1
        own[: d * n] = 0.0
        first, last = w.units[output], w.units[output + 1]
        for i in range(n):
            s.pieces[i] = w.base[output]
        for u in range(first, last):
            step, x, shift = w.steps[u], u >> 6, np.uint64(u & 63)
            for i in range(n):
                s.pieces[i] += step * np.int64((words[cells[i], x] >> shift) & np.uint64(1))
        for i in range(n):
            own[d * n + i] = w.intercepts[s.pieces[i]]
        maximum = w.members[w.base[output]] >= 0
        for u in range(first, last if maximum else first + 1):
            piece = w.base[output] + w.steps[u]
            for i in range(n):
                s.slopes[i] = w.slopes[s.pieces[i]] if not maximum or s.pieces[i] == piece else 0.0
            _add_up(table[s.place[_source(output, piece, w)] * width :], s.outputs, before, n, z)
            for x in range(d + 1):
                for i in range(n):
                    own[x * n + i] += s.slopes[i] * z[x * n + i] if s.slopes[i] != 0.0 else 0.0
    for o in range(m):
        _add_up(table[(n_rows - m + o) * width :], s.outputs, n_columns, n, z)
        for i in range(n):
            for x in range(d):
                gradients[cells[i], o, x] = z[x * n + i]
            offsets[cells[i], o] = z[d * n + i]


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
                excess += int(2 * np.int64((words[cell, x] >> shift) & np.uint64(1)) - 1)
            if abs(excess) < least:
                best, least = u, abs(excess)
    x, shift = best >> 6, np.uint64(best & 63)
    low = 0
    for i in range(len(cells)):  # without branches, half of which would be foretold wrongly
        cell = cells[i]
        cells[i] = cells[low]
        cells[low] = cell
        low += int(np.int64((words[cell, x] >> shift) & np.uint64(1)))
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
    lanes = max(1, min(SMALL, ENTRIES // (d + 1)))
    shape = (DEPTH, n_rows), (DEPTH, n_outputs), (DEPTH, n_words)
    b = Blocks(
        np.empty(shape[0], np.int64), np.empty(shape[1], np.int64), np.empty(shape[2], np.int64),
        np.zeros((DEPTH, 3), np.int64), np.zeros(DEPTH + 1, np.int64), tables,
    )  # fmt: skip
    s = Scratch(
        np.zeros(n_words, np.uint64), np.empty(n_outputs, np.int64), np.empty(n_outputs, np.int64),
        np.zeros(1, np.int64), np.empty(max(n_outputs, SMALL), np.int64), np.empty(n_outputs, np.int64),
        np.empty(n_rows, np.int64), np.empty((n_outputs, (d + 1) * lanes)), np.empty((d + 1) * lanes),
        np.empty(lanes),
    )  # fmt: skip
    for row in b.rows[0], b.columns[0], b.words[0]:
        for i in range(len(row)):
            row[i] = i
    b.counts[0, 0], b.counts[0, 1], b.counts[0, 2] = n_rows, n_outputs, n_words
    b.starts[1] = n_rows * (d + 1 + n_outputs)
    stack = np.zeros((3 * DEPTH + 1, 3), np.int64)
    stack[0, 1] = len(cells)
    height = 1 if len(cells) else 0
    while height > 0:
        height -= 1
        begin, end, k = stack[height]
        own = cells[begin:end]
        _find_varying(words, own, k, w, b, s)
        n_placed = _place_rows(k, w, b, s)
        if k + 3 > DEPTH or b.starts[k + 1] + n_placed * (d + 1 + b.counts[k + 1, 1]) > len(tables):
            return False
        _put_in(k, d, w, b, s)
        if len(own) <= SMALL or b.counts[k + 1, 1] == 0:
            for i in range(0, len(own), lanes):
                _evaluate(words, own[i : i + lanes], k + 1, w, b, s, gradients, offsets)
            continue
        middle = begin + _halve(words, own, k + 1, w, b, s)
        quarters = begin + _halve(words, cells[begin:middle], k + 1, w, b, s)
        rest = middle + _halve(words, cells[middle:end], k + 1, w, b, s)
        for first, last in ((begin, quarters), (quarters, middle), (middle, rest), (rest, end)):
            if first < last:
                stack[height] = first, last, k + 1
                height += 1
    return True
