"""Splitting one face by one unit, given the signs at its vertices.

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

from specgeo._cast import IntArray
from specgeo._jit import hot, merged
from specgeo.enumeration._exact import Exact
from specgeo.enumeration._layers import History
from specgeo.enumeration._layout import (
    CARRIER,
    CUT,
    LEN,
    NEXT,
    NUMBER,
    OWN,
    PLANES,
    START,
    Crossings,
    Cursor,
    Frame,
    Knife,
    Size,
    State,
    Work,
)
from specgeo.enumeration._positions import place, sharpen
from specgeo.enumeration._predicates import UNDECIDED, exact_decision, exact_position, set_sign, sign_on_plane
from specgeo.enumeration._scalars import ONE, Ids, Integer, Word, Words, index, lowest_unit, popcount


class Job(NamedTuple):
    """The cutting of one layer: what came before it, and which of its units cross which cells."""

    history: History
    arithmetic: Exact
    layer: Integer
    crossings: Crossings
    frame: Frame


@merged
def plane_of(crossings: Crossings, cell: Integer, unit: Integer) -> np.int64:
    """Plane of a unit that crosses a cell."""
    word = unit >> 6
    below = (ONE << np.uint64(unit & 63)) - ONE
    return np.int64(crossings.first[cell, word] + popcount(crossings.units[cell, word] & below))


@merged
def _new_face(state: State, k: Integer, own: Integer, carrier: Integer) -> np.int64:
    """Append a face of dimension k with an empty boundary."""
    f = index(state.sizes[Size.FACES])
    state.sizes[Size.FACES] = f + 1
    state.dims[f] = k
    state.faces[f, OWN] = own
    state.faces[f, NEXT] = -1
    state.faces[f, CUT] = -1
    state.faces[f, CARRIER] = carrier
    return f


@merged
def split_edge(state: State, job: Job, work: Work, knife: Knife, g: Integer) -> tuple[np.int64, np.int64, int]:
    """Split an edge at the zero of a unit: a new vertex, and a new edge on the negative side.

    Returns (edge, vertex, number of units whose signs at the vertex are left in ``work.pending``).
    """
    word, words, frame, dim = knife.word, knife.words, job.frame, job.frame.dim
    start = index(state.faces[g, START])
    p, q = index(state.pool[start]), index(state.pool[start + 1])
    if state.vbits[p, word] & knife.bit == 0:
        p, q = q, p
    v = index(state.sizes[Size.VERTICES])
    state.sizes[Size.VERTICES] = v + 1
    for i in range(dim - 1):
        state.vplanes[v, i] = state.faces[g, PLANES + i]
    state.vplanes[v, dim - 1] = knife.plane
    state.vplanes[v, dim] = knife.cell
    state.vplanes[v, dim + 1] = state.faces[g, CARRIER]
    settled = place(state, v, p, q, knife.plane, dim)
    if frame.exact and not (settled and state.x[v, dim] <= frame.coarse):
        sharpen(state, v, work.newton, dim)
    n_pending = 0
    for w in range(words):
        positive = state.vbits[p, w] | state.vbits[q, w]
        negative = state.vbits[p, words + w] | state.vbits[q, words + w]
        both = positive & negative
        state.vbits[v, w] = positive & ~both
        state.vbits[v, words + w] = negative & ~both
        while both != 0:
            other = 64 * w + lowest_unit(both)
            both &= both - ONE
            if other != knife.unit:
                sign = sign_on_plane(state, v, plane_of(job.crossings, knife.cell, other), frame)
                if sign == UNDECIDED:
                    work.pending[n_pending] = other
                    n_pending += 1
                else:
                    set_sign(state.vbits, v, words, other, sign)
    half = _new_face(state, np.int64(1), state.faces[g, OWN], state.faces[g, CARRIER])
    for i in range(PLANES, PLANES + dim - 1):
        state.faces[half, i] = state.faces[g, i]
    state.pool[start], state.pool[start + 1] = p, v
    start = index(state.sizes[Size.POOL])
    state.sizes[Size.POOL] = start + 2
    state.faces[half, START], state.faces[half, LEN] = start, 2
    state.pool[start], state.pool[start + 1] = v, q
    return half, v, n_pending


@merged
def settle_vertex(state: State, job: Job, knife: Knife, vertex: Integer, open_units: IntArray) -> None:
    """Exact position and exact signs where floats left them open."""
    dim = job.frame.dim
    for i in range(len(open_units)):
        unit = open_units[i]
        sign = exact_decision(state, job.history, job.arithmetic, vertex, job.layer, unit, knife.cell, dim)
        set_sign(state.vbits, vertex, knife.words, unit, sign)
    if not state.x[vertex, dim] <= job.frame.rough:
        exact_position(state, job.history, job.arithmetic, vertex, dim)


@merged
def edge_bits(state: State, f: Integer, word: Integer, words: Integer) -> None:
    """Bits of an edge from its vertices."""
    start = index(state.faces[f, START])
    p, q = index(state.pool[start]), index(state.pool[start + 1])
    pp, pn = state.vbits[p, word], state.vbits[p, words + word]
    qp, qn = state.vbits[q, word], state.vbits[q, words + word]
    state.bits[f, 0] = pp | qp
    state.bits[f, 1] = pn | qn
    state.bits[f, 2] = ~(pp | pn) | ~(qp | qn)


@hot
def _joined(total: tuple[Word, Word, Word], bits: Words, f: Integer) -> tuple[Word, Word, Word]:
    """The bits of a face joined to those of others."""
    return total[0] | bits[f, 0], total[1] | bits[f, 1], total[2] | bits[f, 2]


@merged
def _collect_cut(state: State, g: Integer, k: Integer, knife: Knife, cut: Ids, n: Integer) -> Integer:
    """Append to ``cut`` the faces of dimension k - 2 that a (k-1)-face has in the zero set.

    It touches it in one face of its own. If it is older than what is inside the face at work, all units of the block
    are done with it and its facets, and this is one of them; else it may be in pieces already. Its cuts are behind, in
    the order of the units: where it touches no zero set but in a cut, so many come after this one as it touches later
    units.
    """
    old, first, last = g < state.cursor[Cursor.INSIDE], state.faces[g, START], state.faces[g, LEN] - 1
    if old and k > 2:
        later = popcount(state.bits[g, 2] & knife.later)
        h = index(state.pool[index(first + last - min(later, last))])
        if (state.bits[h, 0] | state.bits[h, 1]) & knife.bit == 0:
            cut[index(n)] = h
            return n + 1
    for i in range(first + last, first - 1, -1):
        h = index(state.pool[index(i)])
        if k == 2:
            signs = state.vbits[h, knife.word] | state.vbits[h, knife.words + knife.word]
        else:
            signs = state.bits[h, 0] | state.bits[h, 1]
        if signs & knife.bit == 0:
            cut[index(n)] = h
            n += 1
            if old:
                break
    return n


@merged
def split_face(
    state: State, work: Work, knife: Knife, g: Integer, k: Integer, dim: Integer
) -> tuple[np.int64, np.int64]:
    """Split a face of dimension k >= 2: (negative half, cut), or (-1, -1) if the signs contradict each other.

    The list of the positive half is written over that of the face, of which it is a part but for the cut.
    """
    pool, cut, first_new = state.pool, work.cut, knife.vertices if k == 2 else knife.faces
    n_positive, n_negative = 0, 0
    n_cut: Integer = np.int64(0)
    above = (np.uint64(0), np.uint64(0), np.uint64(0))  # bits of the halves
    below = above
    start, length, free = index(state.faces[g, START]), index(state.faces[g, LEN]), index(state.sizes[Size.POOL])
    for i in range(length):
        f = index(pool[index(start + i)])
        if state.bits[f, 0] & knife.bit == 0:
            pool[index(free + n_negative)] = f
            n_negative += 1
            below = _joined(below, state.bits, f)
            continue
        pool[index(start + n_positive)] = f
        n_positive += 1
        above = _joined(above, state.bits, f)
        if state.bits[f, 2] & knife.bit == 0:
            continue
        if state.faces[f, CUT] >= first_new:  # the positive half of one that was split
            other = index(state.faces[f, NEXT])
            pool[index(free + n_negative)], cut[index(n_cut)] = other, state.faces[f, CUT]
            n_negative, n_cut = n_negative + 1, n_cut + 1
            below = _joined(below, state.bits, other)
        else:
            n_cut = _collect_cut(state, f, k, knife, cut, n_cut)
    if n_cut < k or (k == 2 and n_cut != 2):
        return np.int64(-1), np.int64(-1)
    half = _new_face(state, k, state.faces[g, OWN], state.faces[g, CARRIER])
    h = _new_face(state, k - 1, state.faces[g, OWN], state.faces[g, CARRIER])
    for i in range(dim - k):
        state.faces[half, PLANES + i] = state.faces[g, PLANES + i]
        state.faces[h, PLANES + i] = state.faces[g, PLANES + i]
    state.faces[h, PLANES + dim - k] = knife.plane
    state.faces[half, START], state.faces[half, LEN] = free, n_negative + 1
    pool[index(free + n_negative)] = h
    free += n_negative + 1
    state.faces[h, START], state.faces[h, LEN] = free, n_cut
    for i in range(n_cut):
        pool[index(free + i)] = cut[i]
    free += n_cut
    if n_positive == length:  # no room for the cut behind them
        for i in range(length):
            pool[index(free + i)] = pool[index(start + i)]
        state.faces[g, START], start = free, free
        free += length + 1
    state.faces[g, LEN] = n_positive + 1
    pool[index(start + n_positive)] = h
    state.sizes[Size.POOL] = free
    state.sizes[Size.LONGEST] = max(state.sizes[Size.LONGEST], max(n_positive, n_negative) + 2)
    if k == 2:
        edge_bits(state, h, knife.word, knife.words)
    else:
        _list_bits(state, h)
    above, below = _joined(above, state.bits, h), _joined(below, state.bits, h)
    state.bits[g, 0], state.bits[g, 1], state.bits[g, 2] = above
    state.bits[half, 0], state.bits[half, 1], state.bits[half, 2] = below
    return half, h


@merged
def _list_bits(state: State, f: Integer) -> None:
    """Bits of a face of dimension >= 2 from its facets."""
    positive, negative, touch = np.uint64(0), np.uint64(0), np.uint64(0)
    start = index(state.faces[f, START])
    for i in range(start, start + state.faces[f, LEN]):
        g = index(state.pool[index(i)])
        positive |= state.bits[g, 0]
        negative |= state.bits[g, 1]
        touch |= state.bits[g, 2]
    state.bits[f, 0], state.bits[f, 1], state.bits[f, 2] = positive, negative, touch


@merged
def new_cell(state: State, g: Integer, half: Integer, words: Integer) -> None:
    """Number the negative half of a cell; it inherits the signs of the blocks done before."""
    number = index(state.sizes[Size.CELLS])
    state.sizes[Size.CELLS] = number + 1
    parent = index(state.faces[g, NUMBER])
    state.faces[half, NUMBER] = number
    state.cells[number, 0], state.cells[number, 1] = half, state.cells[parent, 1]
    for w in range(2 * words):
        state.signs[number, w] = state.signs[parent, w]
