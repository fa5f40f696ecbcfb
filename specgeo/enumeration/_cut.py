"""The splitting kernel: one layer cuts every face of the complex, dimension by dimension.

Notation. F is a face of the complex as it was before the block of units, of dimension k; all its
boundary has been cut already. Inside F the units are affine, so cutting F is a small arrangement
problem of its own: units come one after the other, and for each the pieces inside F are split in
order of dimension, so that a piece's own boundary is ready when its turn comes. `_split` has the drawing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._jit import hot, leaf_kernel, merged
from specgeo.enumeration._layers import N_WORDS, WORD
from specgeo.enumeration._layout import (
    CUT,
    HALF,
    LEN,
    NEXT,
    OWN,
    STAMP,
    START,
    Cursor,
    Size,
    Status,
)
from specgeo.enumeration._positions import COARSE, RELIABLE
from specgeo.enumeration._rows import end_layer, face_bits
from specgeo.enumeration._scalars import ONE, index, lowest_unit
from specgeo.enumeration._split import edge_bits, new_cell, plane_of, settle_vertex, split_edge, split_face


@hot
def _expanded_length(s, f):  # type: ignore[no-untyped-def]
    """Number of facets of a face once those that were split are replaced by their pieces."""
    n = 0
    start = s.faces[f, START]
    for i in range(start, start + s.faces[f, LEN]):
        g = s.pool[i]
        while g >= 0:
            n += 1
            g = s.faces[g, NEXT]
    return n


@hot
def _expand(s, f, n):  # type: ignore[no-untyped-def]
    """Replace split facets by their pieces."""
    start, length = s.faces[f, START], s.faces[f, LEN]
    if n == length:
        return
    o = s.sizes[Size.POOL]
    s.faces[f, START], s.faces[f, LEN] = o, n
    for i in range(start, start + length):
        g = s.pool[i]
        while g >= 0:
            s.pool[o] = g
            o += 1
            g = s.faces[g, NEXT]
    s.sizes[Size.POOL] = o


class Work(NamedTuple):
    """Scratch space of `cut_layer`; what it says survives a return in the middle of a face."""

    level: npt.NDArray[np.int64]  # (d + 1,) number of pieces inside the current face, by dimension
    pieces: npt.NDArray[np.int32]  # (d + 1, any) the pieces
    rest: npt.NDArray[np.uint64]  # (1,) units that still have to cut it
    positive: npt.NDArray[np.int32]
    negative: npt.NDArray[np.int32]
    cut: npt.NDArray[np.int32]
    pending: npt.NDArray[np.int64]
    newton: npt.NDArray[np.float64]  # (d, 2 d)


@hot
def _fits(s, work, k, bit):  # type: ignore[no-untyped-def]
    """Whether there is room for all that one unit can create inside the current face."""
    total = 0
    for m in range(1, k + 1):
        total += work.level[m]
        if 2 * work.level[m] + 2 > work.pieces.shape[1]:
            return False
    longest = s.sizes[Size.LONGEST]
    room = s.pool.shape[0] - s.sizes[Size.POOL]
    if (
        s.sizes[Size.FACES] + 2 * total > s.dims.shape[0]
        or s.sizes[Size.VERTICES] + work.level[1] > s.x.shape[0]
        or s.sizes[Size.CELLS] + work.level[k] > s.cells.shape[0]
        or min(longest * longest, s.sizes[Size.POOL]) > len(work.cut)  # each list of facets is in the pool
    ):
        return False
    if total * (4 * longest + 8) <= room:
        return True
    items = 0
    for m in range(1, k + 1):
        for i in range(work.level[m]):
            g = work.pieces[m, i]
            if s.bits[g, 0] & s.bits[g, 1] & bit != 0:
                items += 4 * s.faces[g, LEN] + 8
    return items <= room


@hot
def _enter(s, work, f, k):  # type: ignore[no-untyped-def]
    """Begin with a crossed face: its boundary up to date, itself the only piece. False if the pool is full."""
    if k >= 2:
        n = _expanded_length(s, f)
        if s.sizes[Size.POOL] + n > s.pool.shape[0]:
            return False
        _expand(s, f, n)
        s.sizes[Size.LONGEST] = max(s.sizes[Size.LONGEST], n + 1)
    for m in range(1, k):
        work.level[m] = 0
    work.level[k] = 1
    work.pieces[k, 0] = f
    work.rest[0] = s.bits[f, 0] & s.bits[f, 1]
    return True


@merged
def _begin_block(s, layers, layer, word, words, dim):  # type: ignore[no-untyped-def]
    """Bits of the faces for 64 units; those of the first block are there. Faces from OLD on are made in the block."""
    if s.cursor[Cursor.DIMENSION] == 0:
        face_bits(s, s.vbits, words, word, layers.decided[layers.meta[layer - 1, WORD] + word], dim)
        s.cursor[Cursor.DIMENSION], s.cursor[Cursor.FACE] = 1, 0
    if s.cursor[Cursor.DIMENSION] == 1 and s.cursor[Cursor.FACE] == 0 and s.cursor[Cursor.OPEN] == 0:
        for f in range(s.sizes[Size.FACES]):
            s.faces[f, NEXT] = -1
        s.cursor[Cursor.OLD] = s.sizes[Size.FACES]


@merged
def _end_block(s, word, words):  # type: ignore[no-untyped-def]
    """The signs of the block's units on the cells."""
    for number in range(s.sizes[Size.CELLS]):
        g = s.cells[number, 0]
        s.signs[number, word] = s.bits[g, 0]
        s.signs[number, words + word] = s.bits[g, 1]
    s.cursor[Cursor.BLOCK], s.cursor[Cursor.DIMENSION] = word + 1, 0


@merged
def _leave(s, work, f, rest, step, status):  # type: ignore[no-untyped-def]
    """Write down where to go on."""
    s.cursor[Cursor.FACE], s.cursor[Cursor.STEP], s.cursor[Cursor.STATUS] = f, step, status
    work.rest[0] = rest


@leaf_kernel
def cut_layer(s, layers, history, ex, work, layer, first, crossed, extent, exact, max_cells, limit, dim):  # type: ignore[no-untyped-def]
    """Cut the complex by a layer: blocks of 64 units; in each, faces by dimension; for each face, its units.

    The `Status` in the cursor tells why it returns, RUNNING after about ``limit`` cuts. Call it again to go on.
    """
    words = layers.meta[layer - 1, N_WORDS]
    size = extent[0]
    for c in range(1, dim):
        size = max(size, extent[c])
    coarse, reliable = COARSE * size, RELIABLE * size
    step = s.cursor[Cursor.STEP]
    last_step = step + limit
    while s.cursor[Cursor.BLOCK] < words:
        word = index(s.cursor[Cursor.BLOCK])
        _begin_block(s, layers, layer, word, words, dim)
        while s.cursor[Cursor.DIMENSION] <= dim:
            k = s.cursor[Cursor.DIMENSION]
            for face in range(s.cursor[Cursor.FACE], s.cursor[Cursor.OLD]):
                f = index(face)
                if s.cursor[Cursor.OPEN] == 0:
                    if s.dims[f] != k or s.bits[f, 0] & s.bits[f, 1] == 0:
                        continue
                    if not _enter(s, work, f, k):
                        _leave(s, work, f, np.uint64(0), step, Status.FULL)
                        return
                    s.cursor[Cursor.OPEN] = 1
                cell, rest = index(s.faces[f, OWN]), work.rest[0]
                while rest != 0:
                    unit = 64 * word + lowest_unit(rest)
                    bit = ONE << np.uint64(unit & 63)
                    if not _fits(s, work, k, bit):
                        _leave(s, work, f, rest, step, Status.FULL)
                        return
                    plane = plane_of(first, crossed, cell, unit)
                    step += 1
                    for m in range(1, k + 1):  # the pieces inside the face, in order of dimension
                        for i in range(work.level[m]):
                            g = index(work.pieces[m, i])
                            if s.bits[g, 0] & s.bits[g, 1] & bit == 0:
                                continue
                            if m == 1:
                                half, h, n_open = split_edge(
                                    s, g, unit, word, words, cell, plane, first, crossed, work.pending, work.newton,
                                    extent, coarse, exact, dim,
                                )  # fmt: skip
                                if exact and (n_open > 0 or not s.x[h, dim] <= reliable):
                                    settle_vertex(
                                        s, layers, history, ex, layer, h, cell, work.pending, n_open, words, reliable,
                                        dim,
                                    )  # fmt: skip
                                edge_bits(s, g, word, words)
                                edge_bits(s, half, word, words)
                            else:
                                half, h = split_face(
                                    s, g, m, bit, plane, word, words, step, work.positive, work.negative, work.cut, dim
                                )
                                if half < 0:
                                    _leave(s, work, f, rest, step, Status.CONTRADICTION)
                                    return
                                work.pieces[m - 1, work.level[m - 1]] = h
                                work.level[m - 1] += 1
                            s.faces[g, STAMP], s.faces[g, HALF], s.faces[g, CUT] = step, half, h
                            work.pieces[m, work.level[m]] = half
                            work.level[m] += 1
                            if m == k:
                                s.faces[half, NEXT] = s.faces[g, NEXT]
                                s.faces[g, NEXT] = half
                            if m == dim:
                                new_cell(s, g, half, words)
                    rest &= rest - ONE
                    # a face in more pieces lies in as many cells that will be: each piece is in the closure of another
                    if s.sizes[Size.CELLS] > max_cells or work.level[k] > max_cells:
                        _leave(s, work, f, rest, step, Status.OVER_BUDGET)
                        return
                    if step >= last_step:
                        _leave(s, work, f, rest, step, Status.RUNNING)
                        return
                s.cursor[Cursor.OPEN] = 0
            s.cursor[Cursor.DIMENSION], s.cursor[Cursor.FACE] = k + 1, 0
        _end_block(s, word, words)
    end_layer(s, layers, layer)
    _leave(s, work, np.int64(0), np.uint64(0), step, Status.DONE)
