"""Maxima over groups: who wins on each cell, and the cells of the comparisons put together where nothing changes.

Comparisons cut more than the maxima do: where two values meet that both lose. Cells of one cell before, with the same
winners, are put together again: a *coarse* cell is where these values are the largest in that cell, so it is convex.

A face of the fine complex lies in the relative interior of one coarse face, its *carrier*. Top down, a k-face gets
those of the (k + 1)-faces around; walls of the domain count as cells beyond. If one of dimension k + 1 is twice among
them, the face divides it and lies inside. If all are of higher dimension than k + 1, it lies inside the lowest. Else it
is part of a coarse k-face: the one that has the same two lowest carriers around it.

A coarse cell keeps the signs of the comparisons on one of its fine cells. They are right for all that wins; what loses
is multiplied by zero in the affine maps, whatever its sign.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._cast import IntArray
from specgeo._tournament import Contest, played
from specgeo.enumeration._layers import N_UNITS, N_WORDS
from specgeo.enumeration._layout import CUT, LEN, NEXT, NUMBER, PLANES, START, Size, State, padded, words_of
from specgeo.enumeration._past import Past
from specgeo.enumeration._run import Run
from specgeo.enumeration._scalars import Flags, Ids, Words
from specgeo.geometry.arrays import packed, unpacked

_CELLS_A_CHUNK = 1 << 13
_DIMENSION = np.int64(1 << 40)  # carriers are numbered dimension by dimension
_SPARE = 2  # times what there is: room for the next layer


def winners(past: Past, number: int, contest: Contest, cells: IntArray) -> Words:
    """Signs of the units of a contest on cells of the complex after its last layer: rows as of other layers."""
    return np.concatenate([
        _winners(past, number, contest, cells[at : at + _CELLS_A_CHUNK]) for at in range(0, len(cells), _CELLS_A_CHUNK)
    ])  # fmt: skip


def _winners(past: Past, number: int, contest: Contest, cells: IntArray) -> Words:
    groups, depth = contest.groups, len(contest.rounds)
    above: list[Flags] = []  # of each round: where the opponent wins
    equal: list[Flags] = []
    for layer in range(number, number - depth, -1):
        words, n_units = (int(n) for n in past.history.layers.meta[layer - 1, [N_WORDS, N_UNITS]])
        signs = past.signs(layer)[cells]
        positive, negative = unpacked(signs[:, :words], n_units), unpacked(signs[:, words:], n_units)
        above.insert(0, positive)
        equal.insert(0, ~(positive | negative))
        cells = past.parents(layer)[cells].astype(np.int64)
    best, tied = played(contest, above, equal)
    won = np.zeros((len(best), len(groups.members)), np.bool_)
    np.put_along_axis(won, best, True, axis=1)
    return np.concatenate((packed(won[:, groups.competing]), packed(~(won | tied)[:, groups.competing])), axis=1)


def merge(run: Run, number: int, contest: Contest) -> None:
    """Put the cells of the complex after a layer together that have the same winners inside one cell before."""
    t = time.perf_counter()
    past, ancestors = run.past, np.arange(len(run.past.parents(number)))
    signs = winners(past, number, contest, ancestors)
    for layer in range(number, number - len(contest.rounds), -1):
        ancestors = past.parents(layer)[ancestors].astype(np.int64)
    chosen, label = _distinct(ancestors, *signs[:, : signs.shape[1] // 2].T)
    if len(chosen) < len(signs):
        run.afford(64 * int(run.state.sizes[Size.POOL]) + 64 * int(run.state.sizes[Size.FACES]))
        carriers = _carriers(run.state, run.dim, label, len(chosen))
        run.state = _coarse(run.state, run.dim, carriers, chosen)
        past.push(number, past.signs(number)[chosen], past.parents(number)[chosen])
        run.arithmetic.used[2] = -1  # the vertex that it remembers has another number
    run.seconds["merge"] += time.perf_counter() - t


def _distinct(*columns: Any) -> tuple[IntArray, IntArray]:
    """The first of each kind of rows, kinds in the order of their entries, and the kind of each row.

    As `np.unique` has it, which sorts them as records and takes ten times as long.
    """
    order = np.lexsort(columns[::-1])
    new = np.zeros(len(order), np.bool_)
    new[:1] = True
    for column in columns:
        ordered = column[order]
        new[1:] |= ordered[1:] != ordered[:-1]
    kinds = np.empty(len(order), np.int64)
    kinds[order] = np.cumsum(new) - 1
    return order[new], kinds


class Carriers(NamedTuple):
    """The coarse face that each face lies in the interior of: dimension * _DIMENSION + number."""

    faces: IntArray  # (n_f,)
    vertices: IntArray  # (n_0,)
    counts: list[int]  # coarse faces of each dimension
    boundary: list[tuple[IntArray, IntArray]]  # for k = 1..d: a k-face, and one of the faces in its boundary


def _carriers(s: State, dim: int, label: IntArray, n_coarse: int) -> Carriers:
    n_faces, n_vertices = int(s.sizes[Size.FACES]), int(s.sizes[Size.VERTICES])
    dims, faces = s.dims[:n_faces], s.faces[:n_faces]
    of_faces, of_vertices = np.full(n_faces, -1, np.int64), np.full(n_vertices, -1, np.int64)
    of_faces[s.cells[: len(label), 0]] = dim * _DIMENSION + label
    counts = [0] * dim + [n_coarse]
    boundary: list[tuple[IntArray, IntArray]] = []
    for k in range(dim - 1, -1, -1):
        up = np.flatnonzero(dims == k + 1)
        n = faces[up, LEN].astype(np.int64)
        begin = np.cumsum(n) - n
        items = s.pool[np.repeat(faces[up, START] - begin, n) + np.arange(n.sum())].astype(np.int64)
        boundary.insert(0, (np.repeat(up, n), items))
        around = np.repeat(of_faces[up], n)
        if k == dim - 1:  # beyond a wall, or what has been dropped, there is something else for each plane
            outer = np.flatnonzero(np.bincount(items, minlength=n_faces if k else n_vertices) == 1)
            plane = s.vplanes[outer, 0] if k == 0 else faces[outer, PLANES]
            items = np.concatenate((items, outer))
            around = np.concatenate((around, dim * _DIMENSION + n_coarse + plane))
        carrier = of_faces if k else of_vertices
        counts[k] = _carry(items, around, k, carrier)
    return Carriers(of_faces, of_vertices, counts, boundary)


def _carry(items: IntArray, around: IntArray, k: int, carrier: IntArray) -> int:
    """Carriers of k-faces from those around them: (face, carrier) pairs. Returns the number of coarse k-faces."""
    order = np.lexsort((around, items))
    items, around = items[order], around[order]
    again = np.concatenate(([False], items[1:] == items[:-1]))
    repeated = np.concatenate(([False], around[1:] == around[:-1]))
    start = np.flatnonzero(~again)
    ids, lowest = items[start], around[start]
    inside = np.full(len(carrier), -1, np.int64)
    divides = again & repeated & (around // _DIMENSION == k + 1)
    inside[items[divides]] = around[divides]
    found = np.where(inside[ids] >= 0, inside[ids], np.where(lowest // _DIMENSION > k + 1, lowest, -1))
    alive = found < 0
    second = np.full(len(carrier), -1, np.int64)
    other = np.flatnonzero(again & ~repeated)
    second[items[other[::-1]]] = around[other[::-1]]  # the lowest comes last
    if k == 0:
        number: Any = np.arange(np.count_nonzero(alive))
    else:
        number = _distinct(lowest[alive], second[ids[alive]])[1]
    found[alive] = k * _DIMENSION + number
    carrier[ids] = found
    return int(number.max(initial=-1)) + 1


def _coarse(s: State, dim: int, carriers: Carriers, chosen: IntArray) -> State:
    """The complex of the coarse faces; each is given what one of its parts has."""
    counts = carriers.counts
    base = np.concatenate(([0], np.cumsum(counts[1:])))  # number of the first face of each dimension, from 1 on
    faces = np.empty((int(base[-1]), s.faces.shape[1]), np.int32)
    dims, pools, items = np.empty(len(faces), np.uint8), [], 0
    of_faces, of_vertices = carriers.faces, carriers.vertices
    for k in range(1, dim + 1):
        parts = np.flatnonzero(of_faces // _DIMENSION == k)
        parts = parts[s.dims[parts] == k]
        some = np.empty(counts[k], np.int64)
        some[of_faces[parts[::-1]] % _DIMENSION] = parts[::-1]
        face, item = carriers.boundary[k - 1]
        below = (of_vertices if k == 1 else of_faces)[item]
        kept = (of_faces[face] // _DIMENSION == k) & (below // _DIMENSION == k - 1)
        pairs = np.sort((of_faces[face[kept]] % _DIMENSION) * counts[k - 1] + below[kept] % _DIMENSION)
        owners, members = np.divmod(pairs[np.diff(pairs, prepend=-1) != 0], counts[k - 1])
        n = np.bincount(owners, minlength=counts[k])
        own = slice(base[k - 1], base[k])
        faces[own], dims[own] = s.faces[some], k
        faces[own, START], faces[own, LEN] = items + np.cumsum(n) - n, n
        pools.append((members + (0 if k == 1 else base[k - 2])).astype(np.int32))
        items += len(members)
    n_cells, pool = counts[dim], np.concatenate(pools)
    faces[:, NEXT], faces[:, CUT] = -1, -1
    faces[base[dim - 1] :, NUMBER] = np.arange(n_cells)
    cells = np.column_stack((base[dim - 1] + np.arange(n_cells), s.cells[chosen, 1])).astype(np.int32)
    corners = np.empty(counts[0], np.int64)
    alive = of_vertices < _DIMENSION
    corners[of_vertices[alive]] = np.flatnonzero(alive)
    signs = s.signs[chosen]
    # the next layer finds at a vertex the signs of the first cell around it: others need not fit those of the cell
    vbits = signs[_first_cells(dims, faces, pool, n_cells, counts[0], dim)]
    sizes = s.sizes.copy()
    sizes[[Size.VERTICES, Size.FACES, Size.POOL, Size.CELLS]] = counts[0], len(faces), len(pool), n_cells
    sizes[Size.LONGEST] = int(faces[:, LEN].max()) + 1
    rows = _roomy(faces)
    return s._replace(
        sizes=sizes,
        x=_roomy(s.x[corners]),
        vplanes=_roomy(s.vplanes[corners]),
        vbits=_roomy(vbits),
        dims=_roomy(dims),
        faces=rows,
        bits=words_of(rows),
        pool=_roomy(pool),
        cells=_roomy(cells),
        signs=_roomy(signs),
    )


def _first_cells(
    dims: npt.NDArray[np.uint8], faces: Ids, pool: Ids, n_cells: int, n_vertices: int, dim: int
) -> IntArray:
    """The first cell around each vertex."""
    of_faces, of_vertices = np.full(len(faces), n_cells), np.full(n_vertices, n_cells)
    of_faces[len(faces) - n_cells :] = np.arange(n_cells)
    for k in range(dim, 0, -1):
        own = np.flatnonzero(dims == k)
        n = faces[own, LEN].astype(np.int64)
        items = pool[np.repeat(faces[own, START] - (np.cumsum(n) - n), n) + np.arange(n.sum())]
        np.minimum.at(of_vertices if k == 1 else of_faces, items, np.repeat(of_faces[own], n))
    return of_vertices


def _roomy(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return padded(array, _SPARE * len(array) + 64)
