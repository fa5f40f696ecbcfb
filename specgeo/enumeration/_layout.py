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

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._jit import kernel

START, LEN, OWN, NEXT, STAMP, HALF, CUT, NUMBER, PLANES = range(9)

# counters
NV, NF, NPOOL, NCELL, NPLANE, STEP, STATUS, BLOCK, DIM, FACE = range(10)
N_FLOAT, N_REFINED, N_EXACT, N_ZERO, N_COORD, OLD = range(10, 16)
N_COUNTERS = 16

# status
RUNNING, DONE, OVER_BUDGET, CONTRADICTION = range(4)


class State(NamedTuple):
    """A complex in the making. Arrays have spare rows; ``count`` says how many are used."""

    count: npt.NDArray[np.int64]  # (N_COUNTERS,)
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
    planes: npt.NDArray[np.float64]  # (n_p, d + 3) row of d + 1, 1-norm of its normal, error of its value at a float point of the domain
    porigin: npt.NDArray[np.int32]  # (n_p, 3) layer (-1: domain), unit, cell number at the start of that layer




@kernel
def grow_rows(array, used, rows):  # type: ignore[no-untyped-def]
    """A copy of a 2-D array with room for ``rows`` rows."""
    width = array.shape[1]
    out = np.empty((rows, width), array.dtype)
    for i in range(used):
        for j in range(width):
            out[i, j] = array[i, j]
    return out


@kernel
def grow_items(array, used, rows):  # type: ignore[no-untyped-def]
    """A copy of a 1-D array with room for ``rows`` items."""
    out = np.empty(rows, array.dtype)
    for i in range(used):
        out[i] = array[i]
    return out


@kernel
def ensure(s, vertices, faces, pool, cells, planes):  # type: ignore[no-untyped-def]
    """The state with room for so many more of each."""
    x, vplanes, vbits = s.x, s.vplanes, s.vbits
    used = s.count[NV]
    if used + vertices > x.shape[0]:
        rows = 2 * (used + vertices)
        x, vplanes, vbits = grow_rows(x, used, rows), grow_rows(vplanes, used, rows), grow_rows(vbits, used, rows)
    dims, rows_f, bits = s.dims, s.faces, s.bits
    used = s.count[NF]
    if used + faces > dims.shape[0]:
        rows = 2 * (used + faces)
        dims, rows_f, bits = grow_items(dims, used, rows), grow_rows(rows_f, used, rows), grow_rows(bits, used, rows)
    items = s.pool
    used = s.count[NPOOL]
    if used + pool > items.shape[0]:
        items = grow_items(items, used, 2 * (used + pool))
    cell_rows, signs = s.cells, s.signs
    used = s.count[NCELL]
    if used + cells > cell_rows.shape[0]:
        rows = 2 * (used + cells)
        cell_rows, signs = grow_rows(cell_rows, used, rows), grow_rows(signs, used, rows)
    plane_rows, porigin = s.planes, s.porigin
    used = s.count[NPLANE]
    if used + planes > plane_rows.shape[0]:
        rows = used + planes + used // 2
        plane_rows, porigin = grow_rows(plane_rows, used, rows), grow_rows(porigin, used, rows)
    return State(
        s.count, s.margin, x, vplanes, vbits, dims, rows_f, bits, items, cell_rows, signs, plane_rows, porigin
    )
