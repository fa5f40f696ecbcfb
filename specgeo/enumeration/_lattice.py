"""The state before the first layer (the face lattice of a box) and the arrays after the last."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray
from specgeo._jit import leaf_kernel, merged
from specgeo._prefetch import prefetch
from specgeo.domain import Box
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
    row_length,
    words_of,
)
from specgeo.enumeration._memory import Loans
from specgeo.enumeration._scalars import Ids, Integer, Words, index

_AHEAD = 12  # faces whose boundaries are asked for before their turn: they lie all over the pool


@lru_cache(maxsize=8)
def _cube(dim: int) -> tuple[Any, ...]:
    """Face lattice of the d-cube: (corners, planes of corners, dims, face rows, pool, planes, their origin).

    Corners (with their errors) and planes are told by where their numbers stand among (0, 1, -1, lower d, upper d,
    -lower d, errors d). A face is a word over {0: lower, 1: upper, 2: free}; plane 2c is the lower wall of axis c,
    2c + 1 the upper.
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
    axis, plane = np.arange(dim), np.arange(2 * dim)
    planes = np.zeros((2 * dim, dim + 3), np.int64)
    planes[plane, plane // 2] = 1 + plane % 2
    planes[::2, dim], planes[1::2, dim] = 3 + 2 * dim + axis, 3 + dim + axis
    planes[:, dim + 1], planes[:, dim + 2] = 1, 3 + 3 * dim + plane // 2
    origin = np.column_stack((np.full(2 * dim, -1), plane, plane // 2 + dim * (plane % 2))).astype(np.int32)
    return (
        np.array([[3 + side * dim + c for c, side in enumerate(w)] + [0] for w in corners]),
        np.array([[2 * c + side for c, side in enumerate(w)] + [0, -1] for w in corners], dtype=np.int32),
        np.array([w.count(2) for w in higher], dtype=np.uint8),
        rows,
        np.array(pool, dtype=np.int32),
        planes,
        origin,
    )


class Blank(NamedTuple):
    """The state of a box that is not known yet, and what a run changes of it."""

    state: State
    changed: tuple[tuple[npt.NDArray[Any], npt.NDArray[Any]], ...]  # views of the state, and what stands there at first
    places: tuple[tuple[npt.NDArray[Any], IntArray], ...]  # views, and where in the numbers of the box theirs stand


def box_state(box: Box, spare: int, loans: Loans) -> State:
    """The complex of one cell, with room for ``spare`` cells."""
    lower, upper = box.lower.tolist(), box.upper.tolist()
    state, changed, places = loans.take(_blank, len(lower), spare)
    for there, content in changed:
        there[...] = content
    errors = [4 * 1.2e-16 * max(abs(a), abs(b)) for a, b in zip(lower, upper, strict=True)]
    numbers = np.array([0.0, 1.0, -1.0, *lower, *upper, *(-a for a in lower), *errors])
    for there, where in places:
        numbers.take(where, out=there, mode="clip")  # in this mode numpy writes to ``out`` at once
    return state


def _blank(dim: int, spare: int) -> Blank:
    """Room for a box and ``spare`` cells, in memory that nothing else is to grow in."""
    corners, corner_planes, dims, rows, pool, planes, origin = _cube(dim)
    n, n_faces, n_planes = len(corners), len(rows), len(planes)
    faces, vertices = spare * (2**dim - 1) + n_faces, spare + n
    counts = np.zeros(len(Size) + len(Cursor) + len(Tally), np.int64)
    x, all_planes = np.empty((vertices, dim + 1)), np.empty((n_planes + spare, dim + 3))
    face_rows = np.empty((faces, row_length(dim)), np.int32)
    state = State(
        counts[: len(Size)],
        counts[len(Size) : len(Size) + len(Cursor)],
        counts[len(Size) + len(Cursor) :],
        np.empty(1),
        x,
        np.empty((vertices, dim + 2), np.int32),
        np.empty((vertices, 2), np.uint64),  # of signs there is room for 64 units
        np.empty(faces, np.uint8),
        face_rows,
        words_of(face_rows),
        np.empty(len(pool) + 4 * faces, np.int32),
        np.empty((spare + 1, 2), np.int32),
        np.empty((spare + 1, 2), np.uint64),
        all_planes,
        np.empty((len(all_planes), 3), np.int32),
        np.ones(1, np.uint8),
    )
    state.dims[:n_faces], state.porigin[:n_planes] = dims, origin
    at_first = counts.copy()
    at_first[: len(Size)] = n, n_faces, len(pool), 1, n_planes, n_planes
    changed = (
        (counts, at_first),
        (state.margin, np.array([np.inf])),
        (state.vplanes[:n], corner_planes),
        (state.faces[:n_faces], rows),
        (state.pool[: len(pool)], pool),
        (state.cells[:1], np.array([[n_faces - 1, 0]], np.int32)),
    )
    return Blank(state, changed, ((x[:n], corners), (all_planes[:n_planes], planes)))


@merged
def wall_of(state: State, plane: Integer) -> Integer:
    """The wall of the domain that a plane is, -1 for none."""
    return np.int64(state.porigin[plane, 2]) if state.porigin[plane, 0] < 0 else np.int64(-1)


class Arrays(NamedTuple):
    """Those of a complex, to be filled."""

    offsets: IntArray  # boundaries of the k-faces, k = 1..d, one after the other
    indices: Ids
    walls: IntArray  # (n_{d-1},) the wall of the domain that each facet lies in, -1 for none
    vertices: FloatArray  # (n_0, d)
    errors: FloatArray  # (n_0,)


@leaf_kernel
def number_faces(state: State, dim: Integer, numbers: Ids, starts: IntArray) -> None:
    """Number of each face within its dimension (cells keep theirs), and where boundaries go, dimension after dimension.

    ``starts`` (2, d + 2), zeros to begin with, receives where those of the k-faces begin, k = 1..d, and their ends:
    the offsets, one more than faces, and the items.
    """
    for f in range(state.sizes[Size.FACES]):
        k = state.dims[f]
        number = starts[0, k + 1]
        numbers[f] = number if k < dim else state.faces[f, NUMBER]
        starts[0, k + 1] = number + 1
        starts[1, k + 1] += state.faces[f, LEN]
    for k in range(1, dim + 1):
        starts[0, k + 1] += starts[0, k] + 1
        starts[1, k + 1] += starts[1, k]


@leaf_kernel
def fill_arrays(state: State, dim: Integer, numbers: Ids, starts: IntArray, arrays: Arrays) -> None:
    """Fill the arrays of a complex, faces numbered in the order in which they come; advances ``starts``."""
    offsets, indices = arrays.offsets, arrays.indices
    for k in range(1, dim + 1):
        offsets[starts[0, k]] = 0
    n_faces, width = state.sizes[Size.FACES], state.faces.shape[1]
    for f in range(n_faces):
        prefetch(state.faces, min(f + 2 * _AHEAD, n_faces - 1) * width)
        prefetch(state.pool, np.int64(state.faces[min(f + _AHEAD, n_faces - 1), START]))
        k, start, length = state.dims[f], index(state.faces[f, START]), state.faces[f, LEN]
        at = starts[0, k]
        begin = offsets[at]
        o = starts[1, k] + begin
        if k == 1:
            indices[o], indices[o + 1] = state.pool[start], state.pool[start + 1]
        else:
            for i in range(length):
                indices[o + i] = numbers[index(state.pool[index(start + i)])]
        starts[0, k] = at + 1
        offsets[at + 1] = begin + length
        if k == dim - 1:
            arrays.walls[numbers[f]] = wall_of(state, state.faces[f, PLANES])
    for v in range(state.sizes[Size.VERTICES]):
        for c in range(dim):
            arrays.vertices[v, c] = state.x[v, c]
        arrays.errors[v] = state.x[v, dim]
        if dim == 1:
            arrays.walls[v] = wall_of(state, state.vplanes[v, 0])


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
