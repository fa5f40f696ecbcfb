"""The arrays that the kernels work on, and the meaning of every column.

Faces of dimension 1..d share one id space and one row layout; vertices have their own. A *unit*
is a neuron with one breakpoint of its activation; it vanishes on a hyperplane inside each cell of
the complex before its layer, and every such (cell, unit) pair that really cuts is a *plane*.
Cells are numbered in order of creation; a face that is split keeps its id as the positive half.

::

    face (int32)    START LEN  OWN   NEXT  STAMP HALF  CUT  NUMBER PLANES...
                    |     |    |     |     |     |     |    |      |
                    boundary   cell  next  last  nega- the  of a   independent planes that
                    in pool    at    piece split tive  cut  cell   contain it, d - dimension
                               start of the      half              of them
                               of    same
                               layer face

``bits`` of a face are three words for the 64 units of the current block: some vertex positive,
some vertex negative, some vertex exactly zero. A face is *crossed* by the units set in both of the
first two.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo.enumeration._memory import workspace
from specgeo.errors import BudgetError

START, LEN, OWN, NEXT, STAMP, HALF, CUT, NUMBER, PLANES = range(9)

# counters
NV, NF, NPOOL, NCELL, NPLANE, STEP, STATUS, BLOCK, DIM, FACE = range(10)
N_FLOAT, N_REFINED, N_EXACT, N_ZERO, N_COORD, OLD, OPEN, LONGEST = range(10, 18)
N_COUNTERS = 18

# status
RUNNING, DONE, OVER_BUDGET, CONTRADICTION, FULL = range(5)


class State(NamedTuple):
    """A complex in the making. Arrays have spare rows; ``counts`` says how many are used."""

    counts: npt.NDArray[np.int64]  # (N_COUNTERS,)
    margin: npt.NDArray[np.float64]  # (1,) smallest |value| / bound that the float filter accepted
    x: npt.NDArray[np.float64]  # (n_v, d + 1) coordinates and the radius of their error (max norm)
    vplanes: npt.NDArray[np.int32]  # (n_v, d + 1) d independent planes through the vertex, and a cell
    vbits: npt.NDArray[np.uint64]  # (n_v, 2 n_words) signs of the layer's units: positive words, negative words
    dims: npt.NDArray[np.uint8]  # (n_f,)
    faces: npt.NDArray[np.int32]  # (n_f, PLANES + d - 1)
    bits: npt.NDArray[np.uint64]  # (n_f, 3)
    pool: npt.NDArray[np.int32]  # boundaries
    cells: npt.NDArray[np.int32]  # (n_c, 2) face id, and number of the cell it came from at the start of the layer
    signs: npt.NDArray[np.uint64]  # (n_c, 2 n_words) signs of the layer's units on the cell
    planes: npt.NDArray[np.float64]  # (n_p, d + 3) row of d + 1, 1-norm of its normal, error of its values
    porigin: npt.NDArray[np.int32]  # (n_p, 3) layer (-1: domain), unit, cell number at the start of that layer (wall)


def with_room(s: State, **wanted: int) -> State:
    """The state with room for at least so many vertices, faces, pool items, cells, planes (in all)."""
    arrays = s._asdict()
    for kind, names in _ROWS.items():
        rows = wanted.get(kind, 0)
        if rows > _MOST_ROWS:
            raise BudgetError(f"network, domain: more than 2^31 {kind}; shrink the domain or set max_cells")
        if rows > len(arrays[names[0]]):
            for name in names:
                arrays[name] = padded(arrays[name], rows)
    return State(**arrays)


def extra_bytes(s: State, **wanted: int) -> int:
    """How many bytes `with_room` would take, while the arrays that it replaces are still there."""
    arrays = s._asdict()
    return sum(
        rows * arrays[name].strides[0]
        for kind, rows in wanted.items()
        if rows > len(arrays[_ROWS[kind][0]])
        for name in _ROWS[kind]
    )


_MOST_ROWS = 2**31 - 1  # ids are int32
_ROWS = {
    "vertices": ("x", "vplanes", "vbits"),
    "faces": ("dims", "faces", "bits"),
    "pool": ("pool",),
    "cells": ("cells", "signs"),
    "planes": ("planes", "porigin"),
}


def padded(array: npt.NDArray[Any], rows: int) -> npt.NDArray[Any]:
    """A copy with so many rows; those that are new are not initialised."""
    out = workspace((rows, *array.shape[1:]), array.dtype)
    out[: len(array)] = array[:rows]
    return out
