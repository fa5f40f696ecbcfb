"""The splitting kernel: one layer cuts every face of the complex, dimension by dimension.

Notation. F is a face of the complex as it was before the block of units, of dimension k; all its
boundary has been cut already. Inside F the units are affine, so cutting F is a small arrangement
problem of its own: units come one after the other, and for each the pieces inside F are split in
order of dimension, so that a piece's own boundary is ready when its turn comes. `_split` has the drawing.
"""

from __future__ import annotations

import numpy as np

from specgeo._jit import hot, leaf_kernel, merged
from specgeo._prefetch import prefetch
from specgeo.enumeration._layers import N_WORDS, WORD, History
from specgeo.enumeration._layout import (
    CUT,
    LEN,
    NEXT,
    OWN,
    START,
    Cursor,
    Knife,
    Limits,
    Size,
    State,
    Status,
    Work,
)
from specgeo.enumeration._planes import end_layer, face_bits
from specgeo.enumeration._scalars import ONE, Integer, Word, index, lowest_unit, popcount
from specgeo.enumeration._split import Job, edge_bits, new_cell, plane_of, settle_vertex, split_edge, split_face


@merged
def _expand(state: State, f: Integer) -> bool:
    """Replace split facets of a face by their pieces; False if the pool is full.

    The new list is written behind the pool, of which it becomes a part if there was any to replace.
    """
    start, length, first = index(state.faces[f, START]), state.faces[f, LEN], index(state.sizes[Size.POOL])
    o, stop, width, room = first, start + length, state.faces.shape[1], state.pool.shape[0]
    if o + length > room:
        return False
    for i in range(start, stop):
        g = state.pool[index(i)]
        pieces = np.int64(state.faces[index(g), NEXT])
        if pieces < 0:
            state.pool[index(o)] = g
            o += 1
        else:
            n = index(state.pool[index(pieces)])
            if o + n + stop - i - 1 > room:  # with the facets that are left
                return False
            for j in range(pieces + 1, pieces + 1 + n):
                h = state.pool[index(j)]
                prefetch(state.faces, index(h) * width)
                state.pool[index(o)] = h
                o += 1
    if o - first != length:
        state.faces[f, START], state.faces[f, LEN] = first, o - first
        state.sizes[Size.POOL] = o
    state.sizes[Size.LONGEST] = max(state.sizes[Size.LONGEST], o - first + 1)
    return True


@merged
def _ask_for_cuts(state: State, job: Job, f: Integer, k: Integer) -> None:
    """Of the facets of a face of dimension k >= 2."""
    words, word = job.crossings.units.shape[1], index(state.cursor[Cursor.BLOCK])
    units = job.crossings.units[index(state.faces[f, OWN]), word]
    crossed, width = _crossed(state, f), state.faces.shape[1]
    start = index(state.faces[f, START])
    stop = start + state.faces[f, LEN]
    for i in range(start, stop):
        g = index(state.pool[index(i)])
        prefetch(state.pool, np.int64(state.faces[g, START] + state.faces[g, LEN] - 1))
    for i in range(start, stop):
        g = index(state.pool[index(i)])
        touch = state.bits[g, 2]
        rest = state.bits[g, 0] & touch & crossed
        if k == 2:
            if rest != 0:
                o = index(state.faces[g, START])
                prefetch(state.vbits, index(state.pool[o]) * 2 * words + word)
                prefetch(state.vbits, index(state.pool[o + 1]) * 2 * words + word)
            continue
        last = np.int64(state.faces[g, LEN] - 1)
        end = state.faces[g, START] + last
        while rest != 0:
            bit = rest & (~rest + ONE)
            rest &= rest - ONE
            later = popcount(touch & units & ~(bit | (bit - ONE)))
            prefetch(state.faces, index(state.pool[index(end - min(later, last))]) * width)


@merged
def _ask_for_ends(state: State, job: Job, f: Integer) -> None:
    """Of an edge."""
    words, word = job.crossings.units.shape[1], index(state.cursor[Cursor.BLOCK])
    start = index(state.faces[f, START])
    for i in range(start, start + 2):
        v = index(state.pool[index(i)])
        prefetch(state.vbits, v * 2 * words + word)
        prefetch(state.x, v * (job.frame.dim + 1))


@merged
def _ask_for_facets(state: State, f: Integer) -> None:
    """Of a face of dimension >= 2."""
    start, width = index(state.faces[f, START]), state.faces.shape[1]
    for i in range(start, start + state.faces[f, LEN]):
        prefetch(state.faces, index(state.pool[index(i)]) * width)


@merged
def _leave(state: State, work: Work, f: Integer, k: Integer) -> bool:
    """Put the pieces of a face that is done into a list behind their number; False if the pool is full."""
    n, at = work.level[k], index(state.sizes[Size.POOL])
    if at + n + 1 > state.pool.shape[0]:
        return False
    state.pool[at] = n
    g, o = np.int64(f), at + 1
    while g >= 0:
        state.pool[index(o)] = g
        o += 1
        g = np.int64(state.faces[index(g), NEXT])
    state.faces[f, NEXT] = at
    state.sizes[Size.POOL] = o
    return True


@hot
def _crossed(state: State, f: Integer) -> Word:
    """The units of the block that cross a face."""
    return np.uint64(state.bits[f, 0] & state.bits[f, 1])


@merged
def _fits(state: State, work: Work, k: Integer, bit: Word) -> bool:
    """Whether there is room for all that one unit can create inside the current face."""
    total = 0
    for m in range(1, k + 1):
        total += work.level[m]
        if 2 * work.level[m] + 2 > work.pieces.shape[1]:
            return False
    longest = state.sizes[Size.LONGEST]
    room = state.pool.shape[0] - state.sizes[Size.POOL]
    if (
        state.sizes[Size.FACES] + 2 * total > state.dims.shape[0]
        or state.sizes[Size.VERTICES] + work.level[1] > state.x.shape[0]
        or state.sizes[Size.CELLS] + work.level[k] > state.cells.shape[0]
        or min(longest * longest, state.sizes[Size.POOL]) > len(work.cut)  # each list of facets is in the pool
    ):
        return False
    if total * (4 * longest + 8) <= room:
        return True
    items = 0
    for m in range(1, k + 1):
        for i in range(work.level[m]):
            g = work.pieces[m, i]
            if work.crossed[m, i] & bit != 0:
                items += 4 * state.faces[g, LEN] + 8
    return bool(items <= room)


@merged
def _prepare(state: State, job: Job, f: Integer, k: Integer) -> bool:
    """Bring the boundary of a crossed face up to date, and ask for what its cutting begins with; False: pool full."""
    if f < state.cursor[Cursor.READY]:
        return True
    if k == 1:
        _ask_for_ends(state, job, f)
    elif _expand(state, f):
        _ask_for_cuts(state, job, f, k)
    else:
        return False
    state.cursor[Cursor.READY] = f + 1
    return True


@merged
def _enter(state: State, work: Work, f: Integer, k: Integer) -> None:
    """Begin with a crossed face: itself the only piece."""
    state.cursor[Cursor.INSIDE] = state.sizes[Size.FACES]
    for m in range(1, k):
        work.level[m] = 0
    work.level[k] = 1
    work.pieces[k, 0], work.crossed[k, 0] = f, _crossed(state, f)
    work.rest[0] = work.crossed[k, 0]


@merged
def _begin_block(state: State, history: History, layer: Integer, word: Integer, words: Integer, dim: Integer) -> None:
    """Bits of the faces for 64 units; those of the first block are there. Faces from OLD on are made in the block."""
    if state.cursor[Cursor.DIMENSION] == 0:
        layers = history.layers
        face_bits(state, state.vbits, words, word, layers.decided[layers.meta[layer - 1, WORD] + word], dim)
        state.cursor[Cursor.DIMENSION], state.cursor[Cursor.FACE] = 1, 0
    fresh = state.cursor[Cursor.DIMENSION] == 1 and state.cursor[Cursor.FACE] == 0
    if fresh and state.cursor[Cursor.OPEN] == 0:
        for f in range(state.sizes[Size.FACES]):
            state.faces[f, NEXT] = -1
        state.cursor[Cursor.OLD] = state.sizes[Size.FACES]


@merged
def _end_block(state: State, word: Integer, words: Integer) -> None:
    """The signs of the block's units on the cells."""
    for number in range(state.sizes[Size.CELLS]):
        g = index(state.cells[number, 0])
        state.signs[number, word] = state.bits[g, 0]
        state.signs[number, words + word] = state.bits[g, 1]
    state.cursor[Cursor.BLOCK], state.cursor[Cursor.DIMENSION] = word + 1, 0


@merged
def _split_piece(state: State, job: Job, work: Work, knife: Knife, g: Integer, m: Integer) -> np.int64:
    """Split one piece of dimension m and list its cut among the pieces; its negative half, or -1 at a contradiction."""
    if m == 1:
        half, h, n_open = split_edge(state, job, work, knife, g)
        if job.frame.exact and (n_open > 0 or not state.x[h, job.frame.dim] <= job.frame.rough):
            settle_vertex(state, job, knife, h, work.pending[:n_open])
        state.cursor[Cursor.POOR] += int(not state.x[h, job.frame.dim] <= job.frame.reliable)
        edge_bits(state, g, knife.word, knife.words)
        edge_bits(state, half, knife.word, knife.words)
    else:
        half, h = split_face(state, work, knife, g, m, job.frame.dim)
        if half >= 0:
            work.pieces[m - 1, work.level[m - 1]], work.crossed[m - 1, work.level[m - 1]] = h, _crossed(state, h)
            work.level[m - 1] += 1
    if half >= 0:
        state.faces[g, CUT] = h
        state.faces[half, NEXT], state.faces[g, NEXT] = state.faces[g, NEXT], half
    return half


@merged
def _cut_pieces(state: State, job: Job, work: Work, knife: Knife, k: Integer) -> bool:
    """Cut all pieces inside a k-face by one unit, in order of dimension; False if signs contradict each other."""
    for m in range(1, k + 1):
        for i in range(work.level[m]):
            if work.crossed[m, i] & knife.bit == 0:
                continue
            g = index(work.pieces[m, i])
            half = _split_piece(state, job, work, knife, g, np.int64(m))
            if half < 0:
                return False
            work.crossed[m, i] = _crossed(state, g)
            work.pieces[m, work.level[m]], work.crossed[m, work.level[m]] = half, _crossed(state, half)
            work.level[m] += 1
            if m == job.frame.dim:
                new_cell(state, g, half, knife.words)
    return True


@merged
def _cut_face(state: State, job: Job, work: Work, limits: Limits, f: Integer, k: Integer, last_step: Integer) -> Status:
    """Cut a face of dimension k by the units of the block that still have to: DONE, or why it stops before."""
    words, word = job.crossings.units.shape[1], index(state.cursor[Cursor.BLOCK])
    cell = index(state.faces[f, OWN])
    while work.rest[0] != 0:
        unit = 64 * word + lowest_unit(work.rest[0])
        bit = ONE << np.uint64(unit & 63)
        if not _fits(state, work, k, bit):
            return Status.FULL
        step = state.cursor[Cursor.STEP] + 1
        state.cursor[Cursor.STEP] = step
        plane, later = plane_of(job.crossings, cell, unit), job.crossings.units[cell, word] & ~(bit | (bit - ONE))
        n_faces, n_vertices = state.sizes[Size.FACES], state.sizes[Size.VERTICES]
        knife = Knife(unit, bit, word, words, cell, plane, later, n_faces, n_vertices)
        if not _cut_pieces(state, job, work, knife, k):
            return Status.CONTRADICTION
        work.rest[0] &= work.rest[0] - ONE
        # a face in more pieces lies in as many cells that will be: each piece is in the closure of another
        if state.sizes[Size.CELLS] > limits.cells or work.level[k] > limits.cells:
            return Status.OVER_BUDGET
        if step >= last_step:
            return Status.RUNNING
    return Status.DONE if k == job.frame.dim or _leave(state, work, f, k) else Status.FULL


@merged
def _next_crossed(state: State, f: Integer, k: Integer) -> np.int64:
    """The first old face of dimension k from number f on that is crossed, or the number of old faces."""
    g, old = index(f), state.cursor[Cursor.OLD]
    while g < old and (state.dims[g] != k or _crossed(state, g) == 0):
        g += 1
    return index(g)


@merged
def _cut_block(state: State, job: Job, work: Work, limits: Limits, last_step: Integer) -> Status:
    """Cut every face, by dimension, by the units of the block: DONE, or why it stops before.

    What a face is made of is anywhere in memory. So while one is cut three others are on their way, each by a step:
    the list of facets, the facets, and, when those are replaced by their pieces, what cutting looks at in them.
    """
    while state.cursor[Cursor.DIMENSION] <= job.frame.dim:
        k, old = state.cursor[Cursor.DIMENSION], state.cursor[Cursor.OLD]
        f = index(state.cursor[Cursor.FACE])
        if state.cursor[Cursor.OPEN] == 0:
            f = _next_crossed(state, f, k)
        second = _next_crossed(state, f + 1, k)
        third = _next_crossed(state, second + 1, k)
        while f < old:
            if not _prepare(state, job, f, k):
                state.cursor[Cursor.FACE] = f
                return Status.FULL
            fourth = _next_crossed(state, third + 1, k)
            if fourth < old:
                prefetch(state.pool, index(state.faces[fourth, START]))
            if third < old and k > 1:
                _ask_for_facets(state, third)
            if second < old:
                _prepare(state, job, second, k)  # if there is no room, then when its turn comes
            if state.cursor[Cursor.OPEN] == 0:
                _enter(state, work, f, k)
                state.cursor[Cursor.OPEN] = 1
            status = _cut_face(state, job, work, limits, f, k, last_step)
            if status != Status.DONE:
                state.cursor[Cursor.FACE] = f
                return status
            state.cursor[Cursor.OPEN] = 0
            f, second, third = second, third, fourth
        state.cursor[Cursor.DIMENSION], state.cursor[Cursor.FACE], state.cursor[Cursor.READY] = k + 1, 0, 0
    return Status.DONE


@leaf_kernel
def cut_layer(state: State, job: Job, work: Work, limits: Limits) -> int:
    """Cut the complex by a layer: blocks of 64 units; in each, faces by dimension; for each face, its units.

    The `Status`, as an integer, tells why it returns, RUNNING after about ``limits.cuts`` cuts. Call it again to go on.
    """
    words = job.history.layers.meta[job.layer - 1, N_WORDS]
    last_step = state.cursor[Cursor.STEP] + limits.cuts
    while state.cursor[Cursor.BLOCK] < words:
        word = index(state.cursor[Cursor.BLOCK])
        _begin_block(state, job.history, job.layer, word, words, job.frame.dim)
        status = _cut_block(state, job, work, limits, last_step)
        if status != Status.DONE:
            return int(status.value)
        _end_block(state, word, words)
    end_layer(state, job.history.layers, job.layer)
    return int(Status.DONE.value)
