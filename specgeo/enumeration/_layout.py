"""The arrays that the kernels work on, and the meaning of every column.

Faces of dimension 1..d share one id space and one row layout; vertices have their own. A *unit*
is a neuron with one breakpoint of its activation; it vanishes on a hyperplane inside each cell of
the complex before its layer, and every such (cell, unit) pair that really cuts is a *plane*.
Cells are numbered in order of creation; a face that is split keeps its id as the positive half.

::

    face (int32)    (bits) START LEN  OWN   NEXT   CUT   CARRIER PLANES...
                    |      |     |    |     |      |     |       |
                    three  boundary   cell  next   cut   face    independent planes that
                    words  in pool    at    piece  of    of the  contain it, d - dimension
                                      start of the its   head    of them; of a cell, which
                                      of    same   last  it lies has none, its NUMBER
                                      layer face   split in

``bits`` of a face are three words for the 64 units of the current block: some vertex positive,
some vertex negative, some vertex exactly zero. A face is *crossed* by the units set in both of the
first two. They are the beginning of its row, as most looks at a face ask for both: a row is as
long as a line of the cache (in up to 5 dimensions).

A face that is split gets its negative half as its next piece, and a cut, whose id is larger than
all ids before the step: that tells what the step at work has split. When all units of the block are
done with a face, its NEXT says where in the pool its pieces are listed, behind their number.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray
from specgeo.enumeration._memory import aligned, can_grow, grown, workspace
from specgeo.enumeration._scalars import Flags, Ids, Integer, Word, Words
from specgeo.errors import BudgetError

START, LEN, OWN, NEXT, CUT, CARRIER, PLANES = range(6, 13)  # in units of 4 bytes, behind the bits
NUMBER = PLANES
_LINE = 16  # so many of them are as long as a line of the cache


class Size(IntEnum):
    """How much of the arrays is used."""

    VERTICES = 0
    FACES = 1  # of dimension 1 and more
    POOL = 2
    CELLS = 3
    PLANES = 4
    LONGEST = 5  # no boundary has more items


class Cursor(IntEnum):
    """Where the cutting of a layer stands, so that it can go on after a return in the middle of a face."""

    STEP = 0  # cuts so far in the whole run
    BLOCK = 1  # of 64 units
    DIMENSION = 2  # of the faces whose turn it is; 0: the block has not begun
    FACE = 3
    OLD = 4  # faces from here on were made in this block
    OPEN = 5  # whether the cutting of the face has begun
    INSIDE = 6  # faces from here on are made inside it
    POOR = 7  # vertices made in the layer whose error radius is too large
    READY = 8  # below this number, faces of the dimension have their boundaries up to date


class Tally(IntEnum):
    """How signs and positions were decided."""

    FLOAT = 0
    REFINED = 1
    EXACT = 2
    ZERO = 3  # of the exact ones
    POSITION = 4  # exact positions
    REFINED_POSITION = 5  # in double-doubles


class Status(IntEnum):
    """Why `cut_layer` returns; from one to the other as an integer."""

    RUNNING = 0  # after the cuts it was allowed: the caller may report progress
    DONE = 1
    OVER_BUDGET = 2
    CONTRADICTION = 3
    FULL = 4  # arrays must grow


class State(NamedTuple):
    """A complex in the making. Arrays have spare rows; ``sizes`` says how many are used."""

    sizes: IntArray  # (len(Size),)
    cursor: IntArray  # (len(Cursor),)
    tally: IntArray  # (len(Tally),)
    margin: FloatArray  # (1,) smallest |value| / bound that the float filter accepted
    x: FloatArray  # (n_v, d + 1) coordinates and the radius of their error (max norm)
    vplanes: Ids  # (n_v, d + 2) d independent planes through the vertex, a cell, and the carrier; old vertices: -1 - v
    vbits: Words  # (n_v, 2 n_words) signs of the layer's units: positive words, negative words
    dims: npt.NDArray[np.uint8]  # (n_f,)
    faces: Ids  # (n_f, `row_length`)
    bits: Words  # (n_f, half of that) the same memory in words, of which the first three are the bits
    pool: Ids  # boundaries
    cells: Ids  # (n_c, 2) face id, and number of the cell it came from at the start of the layer
    signs: Words  # (n_c, 2 n_words) signs of the layer's units on the cell
    planes: FloatArray  # (n_p, d + 3) row of d + 1, 1-norm of its normal, error of its values
    porigin: Ids  # (n_p, 3) layer (-1: domain), unit, cell number at the start of that layer (wall)
    counts: npt.NDArray[np.uint8]  # by carrier: 1 where decisions at vertices in it are counted, 0 where others do


COARSE = 1e-12  # larger position errors, relative to the domain, are reduced by a Newton step
RELIABLE = 1e-9  # larger ones that remain are reduced by a step in double-doubles when the layer is cut, or exactly
ROUGH = 1e-5  # the largest that positions have meanwhile; beyond, they are computed exactly at once


class Frame(NamedTuple):
    """What stays the same for a whole run."""

    extent: FloatArray  # (d,) largest |x_c| on the domain
    reach: float  # 1 + their sum
    coarse: float  # position errors beyond this are reduced by a Newton step; none is too large in up to 4 dimensions
    reliable: float  # those that remain beyond this, when the layer is cut
    rough: float  # beyond this, at once, by computing the position exactly
    exact: bool  # signs are proved
    dim: int


class Neuron(IntEnum):
    """What scratch space keeps of each neuron, or of each unit, of a layer on one cell."""

    SLOPE = 0  # of the piece that it is on
    SHIFT = 1
    NORM = 2  # of its row: 1-norm of the gradient, size, doubt
    SIZE = 3
    DOUBT = 4
    LIMIT = 5  # a value beyond it has a sign for sure


VERTICES = 32  # whose values are computed together, at most

BLOCK = 32  # terms of a product that are summed up by themselves: fewer roundings for each


class Scratch(NamedTuple):
    """Work space for one cell or some vertices, as wide as the widest layer."""

    rows: FloatArray  # (4 q or 4 q + 1 >= d + 2, n) post-activations as affine functions; zeros; in the last row doubts
    neurons: FloatArray  # (len(Neuron), n)
    sums: FloatArray  # (as many, n to the next multiple of 16, at least 32) their products
    inputs: FloatArray  # (VERTICES, n) post-activations at vertices
    errors: FloatArray  # (VERTICES,) bounds on their errors
    values: FloatArray  # (VERTICES, as above) pre-activations
    columns: IntArray  # (n,) in which the factors of a product are not zero, see `_products.find_columns`
    blocks: IntArray  # (n / BLOCK + 2,)
    odd: IntArray  # (n,) neurons that are not on the same piece everywhere
    common: Words  # (n / 64 + 1,) signs of those that are
    exact_input: Flags  # (n,)


class Crossings(NamedTuple):
    """Which units of a layer cross which cells of the complex before it: the planes of a cell have ids in order."""

    first: IntArray  # (n_c, n_words) first plane of the cell and block
    units: Words  # (n_c, n_words)


class Knife(NamedTuple):
    """A unit that cuts a face."""

    unit: Integer
    bit: Word  # in its block
    word: Integer  # the block
    words: Integer  # number of blocks
    cell: Integer  # of the complex before the layer, around the face
    plane: Integer
    later: Word  # units that cut the cell after it
    faces: Integer  # how many there were before the cut
    vertices: Integer


class Work(NamedTuple):
    """Scratch space of the cutting; what it says survives a return in the middle of a face."""

    level: IntArray  # (d + 1,) number of pieces inside the current face, by dimension
    pieces: Ids  # (d + 1, any) the pieces
    crossed: Words  # (d + 1, any) by which units of the block they still have to be cut
    rest: Words  # (1,) units that still have to cut it
    cut: Ids  # a list of facets
    pending: IntArray  # units whose signs at a new vertex are open
    newton: FloatArray  # (d, 2 d)


class Limits(NamedTuple):
    """When `cut_layer` is to return."""

    cells: Integer
    cuts: Integer


def sizes_of(vertices: int, faces: int, pool: int, cells: int, planes: int, longest: int) -> IntArray:
    """The sizes of a state, in the order of `Size`."""
    return np.array([vertices, faces, pool, cells, planes, longest], np.int64)


def row_length(dim: int) -> int:
    """Of the rows of faces: whole words, and in few dimensions as long as a line of the cache."""
    return max(_LINE, (PLANES + dim) // 2 * 2)


def words_of(faces: Ids) -> Words:
    """Rows of faces as words."""
    return faces.view(np.uint64)


def frame_of(extent: FloatArray, exact: bool) -> Frame:
    """The frame of a run on a domain of this extent."""
    sizes = extent.tolist()
    most, reach = max(sizes), 1.0 + sum(sizes)  # an infinite reach only means that floats prove nothing
    coarse = COARSE * most if len(sizes) > 4 else np.inf
    return Frame(extent, reach, coarse, RELIABLE * most, ROUGH * most, exact, len(sizes))


def scratch_of(widest: int, dim: int) -> Scratch:
    """Work space; only ``rows`` has to be initialised."""
    n_rows = dim + 2 if dim % 4 == 3 else (dim + 5) // 4 * 4  # fours, or one more
    wide = max(32, (widest + 15) // 16 * 16)
    rows = aligned((n_rows, wide))
    rows[:] = 0.0
    return Scratch(
        rows,
        aligned((len(Neuron), wide)),
        aligned((n_rows, wide)),
        aligned((VERTICES, wide)),
        np.empty(VERTICES),
        aligned((VERTICES, wide)),
        np.empty(widest, np.int64),
        np.empty(widest // BLOCK + 2, np.int64),
        np.empty(widest, np.int64),
        np.empty(widest // 64 + 1, np.uint64),
        np.empty(widest, np.bool_),
    )


def work_of(units: int, dim: int) -> Work:
    """Work space for layers of at most so many units, not initialised."""
    return Work(
        np.zeros(dim + 1, np.int64),
        np.empty((dim + 1, 4096), np.int32),
        np.empty((dim + 1, 4096), np.uint64),
        np.zeros(1, np.uint64),
        np.empty(1 << 15, np.int32),
        np.empty(units, np.int64),
        np.empty((dim, 2 * dim)),
    )


def with_room(s: State, reserve: int = 1, **wanted: int) -> State:
    """The state with room for at least so many vertices, faces, pool items, cells, planes (in all).

    Arrays that have to move get addresses to grow to ``reserve`` times that.
    """
    longer = {
        name: grown(array, rows) if can_grow(array, rows) else padded(array, rows, reserve)
        for name, array, rows in _growing(s, wanted)
    }
    if "faces" in longer:
        longer["bits"] = words_of(longer["faces"])
    return s._replace(**longer)


def extra_bytes(s: State, **wanted: int) -> int:
    """How many bytes `with_room` would take, while the arrays that it replaces are still there."""
    return sum((rows - len(a) * can_grow(a, rows)) * a.strides[0] for _, a, rows in _growing(s, wanted))


def moving_bytes(s: State, **wanted: int) -> int:
    """How many of them in arrays that cannot grow where they are."""
    return sum(rows * a.strides[0] for _, a, rows in _growing(s, wanted) if not can_grow(a, rows))


def _growing(s: State, wanted: dict[str, int]) -> list[tuple[str, npt.NDArray[Any], int]]:
    """The arrays with fewer rows than are wanted, by name, and how many."""
    arrays, growing = s._asdict(), []
    for kind, rows in wanted.items():
        if rows > _MOST_ROWS:
            raise BudgetError(f"network, domain: more than 2^31 {kind}; shrink the domain or set max_cells")
        if rows > len(arrays[_ROWS[kind][0]]):
            growing += [(name, arrays[name], rows) for name in _ROWS[kind]]
    return growing


_MOST_ROWS = 2**31 - 1  # ids are int32
_ROWS = {
    "vertices": ("x", "vplanes", "vbits"),
    "faces": ("dims", "faces"),
    "pool": ("pool",),
    "cells": ("cells", "signs"),
    "planes": ("planes", "porigin"),
}


def padded(array: npt.NDArray[Any], rows: int, reserve: int = 1) -> npt.NDArray[Any]:
    """A copy with so many rows; those that are new are not initialised."""
    out = workspace((rows, *array.shape[1:]), array.dtype, reserve)
    out[: len(array)] = array[:rows]
    return out
