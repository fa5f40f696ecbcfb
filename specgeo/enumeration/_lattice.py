"""The state before the first layer (the face lattice of a box) and the arrays after the last."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._jit import kernel, leaf_kernel, merged
from specgeo.enumeration._layout import (
    CARRIER,
    CUT,
    LEN,
    NEXT,
    NUMBER,
    PLANES,
    START,
    Cursor,
    Size,
    State,
    Tally,
    padded,
    row_length,
    sizes_of,
    words_of,
)
from specgeo.enumeration._memory import workspace
from specgeo.enumeration._scalars import Ids, Integer, Words


@lru_cache(maxsize=8)
def _cube(dim: int) -> tuple[Any, ...]:
    """Face lattice of the d-cube: (corners, planes of corners, dims, face rows, pool, planes, their origin).

    A face is a word over {0: lower, 1: upper, 2: free}; plane 2c is the lower wall of axis c, 2c + 1 the upper.
    """
    words = list(product((0, 1, 2), repeat=dim))
    corners = [w for w in words if 2 not in w]
    higher = sorted((w for w in words if 2 in w), key=lambda w: w.count(2))
    corner_id = {w: i for i, w in enumerate(corners)}
    face_id = {w: i for i, w in enumerate(higher)}
    rows = np.full((len(higher), row_length(dim)), -1, np.int32)
    pool: list[int] = []
    for i, w in enumerate(higher):
        boundary = [w[:c] + (side,) + w[c + 1 :] for c in range(dim) if w[c] == 2 for side in (0, 1)]
        table = corner_id if w.count(2) == 1 else face_id
        members = [table[b] for b in boundary]
        rows[i, START], rows[i, LEN] = len(pool), len(members)
        pool.extend(members)
        walls = [2 * c + side for c, side in enumerate(w) if side != 2]
        rows[i, PLANES : PLANES + len(walls)] = walls
    rows[-1, NUMBER] = 0
    rows[:, NEXT] = rows[:, CUT] = rows[:, CARRIER] = -1
    plane = np.arange(2 * dim)
    planes = np.zeros((2 * dim, dim + 3))  # of the unit cube, constants and errors missing
    planes[plane, plane // 2] = np.where(plane % 2 == 0, 1.0, -1.0)
    planes[:, dim + 1] = 1.0
    origin = np.column_stack((np.full(2 * dim, -1), plane, plane // 2 + dim * (plane % 2))).astype(np.int32)
    return (
        np.array(corners, dtype=np.int64),
        np.array([[2 * c + side for c, side in enumerate(w)] + [0, -1] for w in corners], dtype=np.int32),
        np.array([w.count(2) for w in higher], dtype=np.uint8),
        rows,
        np.array(pool, dtype=np.int32),
        planes,
        origin,
    )


def box_state(lower: FloatArray, upper: FloatArray, spare: int) -> State:
    """The complex of one cell, with room for ``spare`` cells."""
    dim = len(lower)
    corners, corner_planes, dims, rows, pool, walls, origin = _cube(dim)
    faces = padded(rows, spare * (2**dim - 1) + len(rows))
    x = workspace((spare + len(corners), dim + 1), np.float64)
    x[: len(corners), :dim] = np.where(corners == 0, lower, upper)
    x[: len(corners), dim] = 0.0
    planes = padded(walls, 2 * dim + spare)
    for c, (a, b) in enumerate(zip(lower.tolist(), upper.tolist(), strict=True)):
        planes[2 * c, dim], planes[2 * c + 1, dim] = -a, b
        planes[2 * c : 2 * c + 2, dim + 2] = 4 * 1.2e-16 * max(abs(a), abs(b))
    return State(
        sizes_of(len(corners), len(rows), len(pool), 1, 2 * dim, 2 * dim),
        np.zeros(len(Cursor), np.int64),
        np.zeros(len(Tally), np.int64),
        np.array([np.inf]),
        x,
        padded(corner_planes, len(x)),
        np.empty((1, 2), np.uint64),  # signs come with the first layer
        padded(dims, len(faces)),
        faces,
        words_of(faces),
        padded(pool, len(pool) + 4 * len(faces)),
        padded(np.array([[len(rows) - 1, 0]], dtype=np.int32), spare + 1),
        np.empty((1, 2), np.uint64),
        planes,
        padded(origin, len(planes)),
        np.ones(1, np.uint8),
    )


@merged
def wall_of(state: State, plane: Integer) -> Integer:
    """The wall of the domain that a plane is, -1 for none."""
    return np.int64(state.porigin[plane, 2]) if state.porigin[plane, 0] < 0 else np.int64(-1)


@leaf_kernel
def number_faces(state: State, dim: Integer, index: Ids, sizes: IntArray, items: IntArray, walls: Ids) -> None:
    """Number of each face within its dimension (cells keep theirs), number and boundary items of each dimension.

    ``walls`` receives the wall of the domain that each facet lies in, -1 for none.
    """
    for f in range(state.sizes[Size.FACES]):
        k = state.dims[f]
        index[f] = sizes[k] if k < dim else state.faces[f, NUMBER]
        if k == dim - 1:
            walls[sizes[k]] = wall_of(state, state.faces[f, PLANES])
        sizes[k] += 1
        items[k] += state.faces[f, LEN]
    if dim == 1:
        for v in range(state.sizes[Size.VERTICES]):
            walls[v] = wall_of(state, state.vplanes[v, 0])


@kernel
def boundary_lists(
    state: State, dim: Integer, index: Ids, first: IntArray, begin: IntArray, offsets: IntArray, indices: Ids
) -> None:
    """Boundaries of the faces as offsets and indices of faces of one dimension less.

    Those of the k-faces fill ``offsets`` from first[k] and ``indices`` from begin[k] on; both are advanced. Faces are
    numbered in the order in which they come.
    """
    for k in range(1, dim + 1):
        offsets[first[k]] = 0
    start_of = begin.copy()
    for f in range(state.sizes[Size.FACES]):
        k, start, length = state.dims[f], state.faces[f, START], state.faces[f, LEN]
        o = begin[k]
        for i in range(length):
            g = state.pool[start + i]
            indices[o + i] = g if k == 1 else index[g]
        begin[k] = o + length
        first[k] += 1
        offsets[first[k]] = o + length - start_of[k]


@leaf_kernel
def spread_signs(rows: Words, parents: Ids, cells: IntArray, bit: Integer, positive: Words, negative: Words) -> None:
    """Add the signs of one layer to those of the final cells, beginning at a bit.

    ``cells`` (n_cells,) says which cell of the complex after this layer each lies in; on return, of the one before.
    """
    words, shift, first = rows.shape[1] // 2, np.uint64(bit & 63), bit >> 6
    for i in range(len(cells)):
        c = cells[i]
        for w in range(words):
            p, q = rows[c, w], rows[c, words + w]
            positive[i, first + w] |= p << shift
            negative[i, first + w] |= q << shift
            if shift != 0 and first + w + 1 < positive.shape[1]:
                positive[i, first + w + 1] |= p >> (np.uint64(64) - shift)
                negative[i, first + w + 1] |= q >> (np.uint64(64) - shift)
        cells[i] = parents[c]
