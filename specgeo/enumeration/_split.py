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

import numpy as np

from specgeo._jit import hot, merged
from specgeo.enumeration._layout import (
    CUT,
    HALF,
    LEN,
    NEXT,
    NUMBER,
    OWN,
    PLANES,
    STAMP,
    START,
    Size,
)
from specgeo.enumeration._positions import place, sharpen
from specgeo.enumeration._predicates import UNDECIDED, exact_decision, exact_position, set_sign, sign_on_plane
from specgeo.enumeration._scalars import ONE, index, lowest_unit, popcount


@merged
def plane_of(first, crossed, cell, unit):  # type: ignore[no-untyped-def]
    """Plane of a unit that crosses a cell."""
    word = unit >> 6
    below = (ONE << np.uint64(unit & 63)) - ONE
    return first[cell, word] + popcount(crossed[cell, word] & below)


@hot
def _new_face(s, k, own):  # type: ignore[no-untyped-def]
    """Append a face of dimension k with an empty boundary."""
    f = index(s.sizes[Size.FACES])
    s.sizes[Size.FACES] = f + 1
    s.dims[f] = k
    s.faces[f, OWN] = own
    s.faces[f, NEXT] = -1
    s.faces[f, STAMP] = -1
    s.faces[f, NUMBER] = -1
    return f


@merged
def split_edge(  # type: ignore[no-untyped-def]
    s, g, unit, word, words, cell, plane, first, crossed, pending, scratch, extent, coarse, exact, dim
):
    """Split an edge at the zero of a unit: a new vertex, and a new edge on the negative side.

    Returns (edge, vertex, number of units whose signs at the vertex are left in ``pending``).
    """
    start = index(s.faces[g, START])
    p, q = index(s.pool[start]), index(s.pool[start + 1])
    if (s.vbits[p, word] >> np.uint64(unit & 63)) & ONE == 0:
        p, q = q, p
    v = index(s.sizes[Size.VERTICES])
    s.sizes[Size.VERTICES] = v + 1
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
                sign = sign_on_plane(s, v, plane_of(first, crossed, cell, other), exact, dim)
                if sign == UNDECIDED:
                    pending[n_pending] = other
                    n_pending += 1
                else:
                    set_sign(s.vbits, v, words, other, sign)
    half = _new_face(s, np.int64(1), s.faces[g, OWN])
    for i in range(PLANES, PLANES + dim - 1):
        s.faces[half, i] = s.faces[g, i]
    s.pool[start], s.pool[start + 1] = p, v
    start = index(s.sizes[Size.POOL])
    s.sizes[Size.POOL] = start + 2
    s.faces[half, START], s.faces[half, LEN] = start, 2
    s.pool[start], s.pool[start + 1] = v, q
    return half, v, n_pending


@merged
def settle_vertex(s, layers, history, ex, layer, vertex, cell, pending, n_pending, words, reliable, dim):  # type: ignore[no-untyped-def]
    """Exact position and exact signs where floats left them open."""
    for i in range(n_pending):
        unit = pending[i]
        set_sign(s.vbits, vertex, words, unit, exact_decision(s, layers, history, ex, vertex, layer, unit, cell, dim))
    if not s.x[vertex, dim] <= reliable:
        exact_position(s, layers, history, ex, vertex, dim)


@merged
def edge_bits(s, f, word, words):  # type: ignore[no-untyped-def]
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
def split_face(s, g, k, bit, plane, word, words, step, positive, negative, cut, dim):  # type: ignore[no-untyped-def]
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
    start = index(s.sizes[Size.POOL])
    s.faces[h, START], s.faces[h, LEN] = start, n_cut
    for i in range(n_cut):
        s.pool[index(start + i)] = cut[i]
    start += n_cut
    if k == 2:
        edge_bits(s, h, word, words)
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
    s.sizes[Size.POOL] = start + n_negative + 1
    s.sizes[Size.LONGEST] = max(s.sizes[Size.LONGEST], max(n_positive, n_negative) + 2)
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
def new_cell(s, g, half, words):  # type: ignore[no-untyped-def]
    """Number the negative half of a cell; it inherits the signs of the blocks done before."""
    number = index(s.sizes[Size.CELLS])
    s.sizes[Size.CELLS] = number + 1
    parent = index(s.faces[g, NUMBER])
    s.faces[half, NUMBER] = number
    s.cells[number, 0], s.cells[number, 1] = half, s.cells[parent, 1]
    for w in range(2 * words):
        s.signs[number, w] = s.signs[parent, w]
