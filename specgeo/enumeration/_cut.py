"""The splitting kernel: one layer cuts every face of the complex, dimension by dimension.

Notation. F is a face of the complex as it was before the block of units, of dimension k; all its
boundary has been cut already. Inside F the units are affine, so cutting F is a small arrangement
problem of its own: units come one after the other, and for each the pieces inside F are split in
order of dimension, so that a piece's own boundary is ready when its turn comes.

::

         +------p------+          splitting the polygon G by unit j:
         |  G    .     |            facets on the positive side stay with G, those on the negative
         |      . H    |  j > 0     side go to the new half N, facets that were split (in this step)
         z.....        |            give a half to each, and their cuts p bound the cut H of G.
         |   N  .      |            A facet that touches the zero set without crossing gives the
         +-------------+            face z it has there (old boundaries are always of this kind).

The cut H of a k-face is a new (k-1)-face and bounds both halves. Signs are exact, so no case is
special: zero sets through vertices, along faces, or several at once need no code of their own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._jit import hot, leaf_kernel, merged
from specgeo.enumeration._layers import N_WORDS, WORD
from specgeo.enumeration._layout import (
    BLOCK,
    CONTRADICTION,
    CUT,
    DIM,
    DONE,
    FACE,
    FULL,
    HALF,
    LEN,
    LONGEST,
    NCELL,
    NEXT,
    NF,
    NPOOL,
    NUMBER,
    NV,
    OLD,
    OPEN,
    OVER_BUDGET,
    OWN,
    PLANES,
    RUNNING,
    STAMP,
    START,
    STATUS,
    STEP,
)
from specgeo.enumeration._predicates import (
    COARSE,
    RELIABLE,
    UNDECIDED,
    exact_decision,
    exact_position,
    place,
    set_sign,
    sharpen,
    sign_on_plane,
)
from specgeo.enumeration._rows import end_layer, face_bits
from specgeo.enumeration._scalars import ONE, index, lowest_unit, popcount


@merged
def _plane_of(first, crossed, cell, unit):  # type: ignore[no-untyped-def]
    """Plane of a unit that crosses a cell."""
    word = unit >> 6
    below = (ONE << np.uint64(unit & 63)) - ONE
    return first[cell, word] + popcount(crossed[cell, word] & below)


@hot
def _new_face(s, k, own):  # type: ignore[no-untyped-def]
    """Append a face of dimension k with an empty boundary."""
    f = index(s.counts[NF])
    s.counts[NF] = f + 1
    s.dims[f] = k
    s.faces[f, OWN] = own
    s.faces[f, NEXT] = -1
    s.faces[f, STAMP] = -1
    s.faces[f, NUMBER] = -1
    return f


@merged
def _split_edge(  # type: ignore[no-untyped-def]
    s, g, unit, word, words, cell, plane, first, crossed, pending, scratch, extent, coarse, exact, dim
):
    """Split an edge at the zero of a unit: a new vertex, and a new edge on the negative side.

    Returns (edge, vertex, number of units whose signs at the vertex are left in ``pending``).
    """
    start = index(s.faces[g, START])
    p, q = index(s.pool[start]), index(s.pool[start + 1])
    if (s.vbits[p, word] >> np.uint64(unit & 63)) & ONE == 0:
        p, q = q, p
    v = index(s.counts[NV])
    s.counts[NV] = v + 1
    for i in range(dim - 1):
        s.vplanes[v, i] = s.faces[g, PLANES + i]
    s.vplanes[v, dim - 1] = plane
    s.vplanes[v, dim] = cell
    settled = place(s, v, p, q, plane, dim)
    if exact and not (settled and s.x[v, dim] <= coarse):
        sharpen(s, v, scratch, extent, dim)
    n_pending = 0
    for w in range(words):
        positive = s.vbits[p, w] | s.vbits[q, w]
        negative = s.vbits[p, words + w] | s.vbits[q, words + w]
        both = positive & negative
        s.vbits[v, w] = positive & ~both
        s.vbits[v, words + w] = negative & ~both
        while both != 0:
            other = 64 * w + lowest_unit(both)
            both &= both - ONE
            if other != unit:
                sign = sign_on_plane(s, v, _plane_of(first, crossed, cell, other), exact, dim)
                if sign == UNDECIDED:
                    pending[n_pending] = other
                    n_pending += 1
                else:
                    set_sign(s.vbits, v, words, other, sign)
    half = _new_face(s, np.int64(1), s.faces[g, OWN])
    for i in range(PLANES, PLANES + dim - 1):
        s.faces[half, i] = s.faces[g, i]
    s.pool[start], s.pool[start + 1] = p, v
    start = index(s.counts[NPOOL])
    s.counts[NPOOL] = start + 2
    s.faces[half, START], s.faces[half, LEN] = start, 2
    s.pool[start], s.pool[start + 1] = v, q
    return half, v, n_pending


@merged
def _settle(s, layers, history, ex, layer, vertex, cell, pending, n_pending, words, reliable, dim):  # type: ignore[no-untyped-def]
    """Exact position and exact signs where floats left them open."""
    for i in range(n_pending):
        unit = pending[i]
        set_sign(s.vbits, vertex, words, unit, exact_decision(s, layers, history, ex, vertex, layer, unit, cell, dim))
    if not s.x[vertex, dim] <= reliable:
        exact_position(s, layers, history, ex, vertex, dim)


@merged
def _edge_bits(s, f, word, words):  # type: ignore[no-untyped-def]
    """Bits of an edge from its vertices."""
    start = index(s.faces[f, START])
    p, q = index(s.pool[start]), index(s.pool[start + 1])
    pp, pn = s.vbits[p, word], s.vbits[p, words + word]
    qp, qn = s.vbits[q, word], s.vbits[q, words + word]
    s.bits[f, 0] = pp | qp
    s.bits[f, 1] = pn | qn
    s.bits[f, 2] = ~(pp | pn) | ~(qp | qn)


@hot
def _joined(total, bits, f):  # type: ignore[no-untyped-def]
    """The bits of a face joined to those of others."""
    return total[0] | bits[f, 0], total[1] | bits[f, 1], total[2] | bits[f, 2]


@hot
def _collect_cut(s, g, k, bit, word, words, cut, n):  # type: ignore[no-untyped-def]
    """Append to ``cut`` the faces of dimension k - 2 that a (k-1)-face has in the zero set."""
    start = index(s.faces[g, START])
    for i in range(start, start + s.faces[g, LEN]):
        h = index(s.pool[index(i)])
        if k == 2:
            signs = s.vbits[h, word] | s.vbits[h, words + word]
        else:
            signs = s.bits[h, 0] | s.bits[h, 1]
        if signs & bit == 0:
            cut[index(n)] = h
            n += 1
    return n


@hot
def _split_face(s, g, k, bit, plane, word, words, step, positive, negative, cut, dim):  # type: ignore[no-untyped-def]
    """Split a face of dimension k >= 2: (negative half, cut), or (-1, -1) if the signs contradict each other."""
    n_positive, n_negative, n_cut = 0, 0, np.int64(0)
    above = (np.uint64(0), np.uint64(0), np.uint64(0))  # bits of the halves
    below = above
    start = index(s.faces[g, START])
    for i in range(start, start + s.faces[g, LEN]):
        f = index(s.pool[index(i)])
        if s.faces[f, STAMP] == step:
            other = index(s.faces[f, HALF])
            positive[index(n_positive)], negative[index(n_negative)] = f, other
            cut[index(n_cut)] = s.faces[f, CUT]
            n_positive, n_negative, n_cut = n_positive + 1, n_negative + 1, n_cut + 1
            above, below = _joined(above, s.bits, f), _joined(below, s.bits, other)
        elif s.bits[f, 0] & bit != 0:
            positive[index(n_positive)] = f
            n_positive += 1
            above = _joined(above, s.bits, f)
            if s.bits[f, 2] & bit != 0:
                n_cut = _collect_cut(s, f, k, bit, word, words, cut, n_cut)
        else:
            negative[index(n_negative)] = f
            n_negative += 1
            below = _joined(below, s.bits, f)
    if n_cut < k or (k == 2 and n_cut != 2):
        return np.int64(-1), np.int64(-1)
    half = _new_face(s, k, s.faces[g, OWN])
    h = _new_face(s, k - 1, s.faces[g, OWN])
    for i in range(dim - k):
        s.faces[half, PLANES + i] = s.faces[g, PLANES + i]
        s.faces[h, PLANES + i] = s.faces[g, PLANES + i]
    s.faces[h, PLANES + dim - k] = plane
    # boundary of the cut
    start = index(s.counts[NPOOL])
    s.faces[h, START], s.faces[h, LEN] = start, n_cut
    for i in range(n_cut):
        s.pool[index(start + i)] = cut[i]
    start += n_cut
    if k == 2:
        _edge_bits(s, h, word, words)
    else:
        _list_bits(s, h)
    # boundaries of the halves
    if n_positive + 1 <= s.faces[g, LEN]:
        place_at = np.int64(s.faces[g, START])
    else:
        place_at = start
        start += n_positive + 1
    s.faces[g, START], s.faces[g, LEN] = place_at, n_positive + 1
    for i in range(n_positive):
        s.pool[index(place_at + i)] = positive[i]
    s.pool[index(place_at + n_positive)] = h
    s.faces[half, START], s.faces[half, LEN] = start, n_negative + 1
    for i in range(n_negative):
        s.pool[index(start + i)] = negative[i]
    s.pool[index(start + n_negative)] = h
    s.counts[NPOOL] = start + n_negative + 1
    s.counts[LONGEST] = max(s.counts[LONGEST], max(n_positive, n_negative) + 2)
    above, below = _joined(above, s.bits, h), _joined(below, s.bits, h)
    s.bits[g, 0], s.bits[g, 1], s.bits[g, 2] = above
    s.bits[half, 0], s.bits[half, 1], s.bits[half, 2] = below
    return half, h


@hot
def _list_bits(s, f):  # type: ignore[no-untyped-def]
    """Bits of a face of dimension >= 2 from its facets."""
    positive, negative, touch = np.uint64(0), np.uint64(0), np.uint64(0)
    start = index(s.faces[f, START])
    for i in range(start, start + s.faces[f, LEN]):
        g = index(s.pool[index(i)])
        positive |= s.bits[g, 0]
        negative |= s.bits[g, 1]
        touch |= s.bits[g, 2]
    s.bits[f, 0], s.bits[f, 1], s.bits[f, 2] = positive, negative, touch


@merged
def _new_cell(s, g, half, words):  # type: ignore[no-untyped-def]
    """Number the negative half of a cell; it inherits the signs of the blocks done before."""
    number = index(s.counts[NCELL])
    s.counts[NCELL] = number + 1
    parent = index(s.faces[g, NUMBER])
    s.faces[half, NUMBER] = number
    s.cells[number, 0], s.cells[number, 1] = half, s.cells[parent, 1]
    for w in range(2 * words):
        s.signs[number, w] = s.signs[parent, w]


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
    o = s.counts[NPOOL]
    s.faces[f, START], s.faces[f, LEN] = o, n
    for i in range(start, start + length):
        g = s.pool[i]
        while g >= 0:
            s.pool[o] = g
            o += 1
            g = s.faces[g, NEXT]
    s.counts[NPOOL] = o


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
    longest = s.counts[LONGEST]
    room = s.pool.shape[0] - s.counts[NPOOL]
    if (
        s.counts[NF] + 2 * total > s.dims.shape[0]
        or s.counts[NV] + work.level[1] > s.x.shape[0]
        or s.counts[NCELL] + work.level[k] > s.cells.shape[0]
        or min(longest * longest, s.counts[NPOOL]) > len(work.cut)  # each list of facets has its own place in the pool
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
        if s.counts[NPOOL] + n > s.pool.shape[0]:
            return False
        _expand(s, f, n)
        s.counts[LONGEST] = max(s.counts[LONGEST], n + 1)
    for m in range(1, k):
        work.level[m] = 0
    work.level[k] = 1
    work.pieces[k, 0] = f
    work.rest[0] = s.bits[f, 0] & s.bits[f, 1]
    return True


@merged
def _begin_block(s, layers, layer, word, words, dim):  # type: ignore[no-untyped-def]
    """Bits of the faces for 64 units; those of the first block are there. Faces from OLD on are made in the block."""
    if s.counts[DIM] == 0:
        face_bits(s, s.vbits, words, word, layers.decided[layers.meta[layer - 1, WORD] + word], dim)
        s.counts[DIM], s.counts[FACE] = 1, 0
    if s.counts[DIM] == 1 and s.counts[FACE] == 0 and s.counts[OPEN] == 0:
        for f in range(s.counts[NF]):
            s.faces[f, NEXT] = -1
        s.counts[OLD] = s.counts[NF]


@merged
def _end_block(s, word, words):  # type: ignore[no-untyped-def]
    """The signs of the block's units on the cells."""
    for number in range(s.counts[NCELL]):
        g = s.cells[number, 0]
        s.signs[number, word] = s.bits[g, 0]
        s.signs[number, words + word] = s.bits[g, 1]
    s.counts[BLOCK], s.counts[DIM] = word + 1, 0


@merged
def _leave(s, work, f, rest, step, status):  # type: ignore[no-untyped-def]
    """Write down where to go on."""
    s.counts[FACE], s.counts[STEP], s.counts[STATUS] = f, step, status
    work.rest[0] = rest


@leaf_kernel
def cut_layer(s, layers, history, ex, work, layer, first, crossed, extent, exact, max_cells, limit, dim):  # type: ignore[no-untyped-def]
    """Cut the complex by a layer: blocks of 64 units; in each, faces by dimension; for each face, its units.

    ``s.counts[STATUS]`` tells why it returns: DONE; RUNNING after about ``limit`` cuts, so that the caller can report
    progress; FULL when arrays must grow; OVER_BUDGET or CONTRADICTION. Call it again to go on.
    """
    words = layers.meta[layer - 1, N_WORDS]
    size = extent[0]
    for c in range(1, dim):
        size = max(size, extent[c])
    coarse, reliable = COARSE * size, RELIABLE * size
    step = s.counts[STEP]
    last_step = step + limit
    while s.counts[BLOCK] < words:
        word = index(s.counts[BLOCK])
        _begin_block(s, layers, layer, word, words, dim)
        while s.counts[DIM] <= dim:
            k = s.counts[DIM]
            for face in range(s.counts[FACE], s.counts[OLD]):
                f = index(face)
                if s.counts[OPEN] == 0:
                    if s.dims[f] != k or s.bits[f, 0] & s.bits[f, 1] == 0:
                        continue
                    if not _enter(s, work, f, k):
                        _leave(s, work, f, np.uint64(0), step, FULL)
                        return
                    s.counts[OPEN] = 1
                cell, rest = index(s.faces[f, OWN]), work.rest[0]
                while rest != 0:
                    unit = 64 * word + lowest_unit(rest)
                    bit = ONE << np.uint64(unit & 63)
                    if not _fits(s, work, k, bit):
                        _leave(s, work, f, rest, step, FULL)
                        return
                    plane = _plane_of(first, crossed, cell, unit)
                    step += 1
                    for m in range(1, k + 1):  # the pieces inside the face, in order of dimension
                        for i in range(work.level[m]):
                            g = index(work.pieces[m, i])
                            if s.bits[g, 0] & s.bits[g, 1] & bit == 0:
                                continue
                            if m == 1:
                                half, h, n_open = _split_edge(
                                    s, g, unit, word, words, cell, plane, first, crossed, work.pending, work.newton,
                                    extent, coarse, exact, dim,
                                )  # fmt: skip
                                if exact and (n_open > 0 or not s.x[h, dim] <= reliable):
                                    _settle(
                                        s, layers, history, ex, layer, h, cell, work.pending, n_open, words, reliable,
                                        dim,
                                    )  # fmt: skip
                                _edge_bits(s, g, word, words)
                                _edge_bits(s, half, word, words)
                            else:
                                half, h = _split_face(
                                    s, g, m, bit, plane, word, words, step, work.positive, work.negative, work.cut, dim
                                )
                                if half < 0:
                                    _leave(s, work, f, rest, step, CONTRADICTION)
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
                                _new_cell(s, g, half, words)
                    rest &= rest - ONE
                    # a face in more pieces lies in as many cells that will be: each piece is in the closure of another
                    if s.counts[NCELL] > max_cells or work.level[k] > max_cells:
                        _leave(s, work, f, rest, step, OVER_BUDGET)
                        return
                    if step >= last_step:
                        _leave(s, work, f, rest, step, RUNNING)
                        return
                s.counts[OPEN] = 0
            s.counts[DIM], s.counts[FACE] = k + 1, 0
        _end_block(s, word, words)
    end_layer(s, layers, layer)
    _leave(s, work, np.int64(0), np.uint64(0), step, DONE)
