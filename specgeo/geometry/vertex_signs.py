"""Where the units of a network are positive on the faces of its complex, exactly, though vertices are stored rounded.

A unit keeps one sign, or vanishes, on the relative interior of each face. It is positive there if and only if it is
positive at some vertex of the face, for it is affine on the face and not negative. At a vertex it is positive only if
it is so on all cells around, and not if it changes its sign there; of what is left, floats prove most at the rounded
vertex with the vertex's error, and integers decide the rest at the exact one.

A member of a maximum attains it on the relative interior of a face if and only if it does so at all vertices, for it is
at most the winner of a cell around. It is active there if it is the first that attains it, as ReLU is inactive at zero.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from specgeo._cast import IntArray
from specgeo._limits import check_time
from specgeo.geometry.arrays import Flags, Words, packed, unpacked
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.exact_points import ExactPoints
from specgeo.geometry.integer_network import Integers
from specgeo.geometry.lattice import FaceLattice
from specgeo.geometry.point_signs import PointSigns
from specgeo.geometry.structure import require_network, stated_errors

_VERTICES_A_CHUNK = 1024


def positive_at_vertices(cx: PolyhedralComplex) -> Words:
    """`packed` flags (n_0, n_words): the units that are positive at each vertex."""
    layers, signs = require_network(cx, "the sign of a unit at a vertex")
    corners, facets, cells = cx.vertices_of(cx.dim), cx.vertices_of(cx.dim - 1), cx.facet_cells
    possible = _gathered(np.bitwise_and, corners.indices, signs.positive[corners.owners], len(cx.vertices))
    inner = cells[:, 1] >= 0
    changes = np.zeros((len(cells), signs.positive.shape[1]), np.uint64)
    changes[inner] = signs.opposites(cells[inner])
    possible &= ~_gathered(np.bitwise_or, facets.indices, changes[facets.owners], len(cx.vertices))
    proved, points, errors = np.zeros_like(possible), PointSigns(layers), stated_errors(cx)
    order = np.argsort(errors)  # a chunk is proved with its largest error
    for part in points.chunks(len(order)):
        some = order[part]
        proved[some] = packed(points.decided(cx.vertices[some], float(errors[some].max()))[0])
    open_ = possible & ~proved
    rows = np.flatnonzero(np.any(open_, axis=1))
    if len(rows):
        top, bottom = exact_positions(cx, rows)
        network = ExactPoints(cx).network
        for start in range(0, len(rows), _VERTICES_A_CHUNK):
            check_time()
            part = slice(start, start + _VERTICES_A_CHUNK)
            open_[rows[part]] &= packed(network.signs_at(top[part], bottom[part]) > 0)
    return np.asarray((possible & proved) | open_)


def attained_at_vertices(cx: PolyhedralComplex, units: IntArray) -> Words:
    """`packed` flags (n_0, n_words): which of these units, members of maxima, attain theirs at each vertex."""
    layers, signs = require_network(cx, "the sign of a unit at a vertex")
    corners, n = cx.vertices_of(cx.dim), len(signs.layers)
    on_cells = packed(~unpacked(signs.negative, n)[:, units])
    found = _gathered(np.bitwise_or, corners.indices, on_cells[corners.owners], len(cx.vertices))
    points, errors, network = PointSigns(layers), stated_errors(cx), ExactPoints(cx).network
    order = np.argsort(errors)
    for chunk in points.chunks(len(order)):
        check_time()
        some = order[chunk]
        less = points.decided(cx.vertices[some], float(errors[some].max()))[1][:, units]
        open_ = np.flatnonzero(np.any(~(unpacked(found[some], len(units)) | less), axis=1))
        if len(open_):
            found[some[open_]] = packed(network.signs_at(*exact_positions(cx, some[open_]))[:, units] >= 0)
    return found


def first_on_faces(cx: PolyhedralComplex, attained: Words, groups: IntArray, k: int) -> Flags:
    """Which members (n_k, n) are the first that attain their maximum on k-faces; ``groups`` (n,) ascend."""
    lists = cx.vertices_of(k)
    flags = unpacked(np.bitwise_and.reduceat(attained[lists.indices], lists.offsets[:-1], axis=0), len(groups))
    count = np.cumsum(flags, axis=1)
    begins = np.flatnonzero(np.diff(groups, prepend=-1))
    before = np.concatenate((np.zeros((len(flags), 1), count.dtype), count), axis=1)[:, begins]
    return np.asarray(flags & (count - before[:, np.searchsorted(groups[begins], groups)] == 1))


def exact_positions(cx: PolyhedralComplex, ids: IntArray) -> tuple[Integers, Integers]:
    """Numerators (n, d) and denominators (n,) of the exact vertices ``ids``, which are distinct."""
    points = ExactPoints(cx)
    place = {v: i for i, v in enumerate(ids.tolist())}
    numerators, denominators = np.empty((len(ids), cx.dim), dtype=object), np.empty(len(ids), dtype=object)
    for cell, wanted in points._cover(ids):
        check_time()
        for v, (top, bottom) in points.cell_vertices(cell, wanted).items():
            numerators[place[v]], denominators[place[v]] = top, bottom
    return numerators, denominators


def positive_on_faces(cx: PolyhedralComplex, at_vertices: Words, k: int) -> Words:
    """`packed` flags (n_k, n_words): the units that are positive on the relative interior of each k-face."""
    lists = cx.vertices_of(k)
    return np.asarray(np.bitwise_or.reduceat(at_vertices[lists.indices], lists.offsets[:-1], axis=0))


def inner_faces(lattice: FaceLattice) -> tuple[Flags, ...]:
    """Which faces of each dimension 0..d have their relative interior within the domain, not on its boundary."""
    outer = lattice.facet_cells[:, 1] < 0
    found = [~outer, np.ones(lattice.n_cells, np.bool_)]
    for lists, n in zip(lattice.faces[-2::-1], lattice.f_vector[-3::-1], strict=True):
        below = np.zeros(n, np.bool_)
        below[lists.indices[outer[lists.owners]]] = True
        outer = below
        found.insert(0, ~outer)
    return tuple(found)


def _gathered(combine: np.ufunc, ids: npt.NDArray[np.integer], words: Words, n: int) -> Words:
    """Words of each of n ids, combined; every id occurs, or has no bits."""
    order = np.argsort(ids, kind="stable")
    present, starts = np.unique(ids[order], return_index=True)
    out = np.zeros((n, words.shape[1]), np.uint64)
    if len(present):
        out[present] = combine.reduceat(words[order], starts, axis=0)
    return out
