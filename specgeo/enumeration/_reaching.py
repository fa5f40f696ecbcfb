"""Which cells the units of the last layer may cross: bounds on them, cell by cell, before the layers between are cut.

On a cell of complex m the post-activations of layer m are affine (`_maps`). From there on each neuron is bounded by one
affine function and a radius: z in A(x) +- r for all x of the cell. A layer takes A to W A + b and r to |W| r. An
activation takes z in [lo, hi] to mu z + [low, high], where mu is the slope of its chord over that interval and low and
high are the extremes of sigma(z) - mu z, which it takes at the ends and at breakpoints; half of high - low goes into r.
[lo, hi] is found at the vertices of the cell, of which each is known within an error. This is the forward linear bound
of Weng et al., "Towards fast computation of certified robustness" (2018), with all rounding added to the radius: a
cell without ``MEETS`` is proved not to meet the zero set of any unit of the last layer, its boundary included; one
without ``BELOW`` to have all units positive, one without ``ABOVE`` to have them negative.

The function and the radius found for the last layer hold for all pieces into which the cell is cut later. These are
tried first: a piece that they decide costs a few products a vertex instead of all layers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray
from specgeo._jit import leaf_kernel, merged
from specgeo.enumeration._layers import (
    BIAS,
    N_PIECES,
    N_PREVIOUS,
    N_UNITS,
    N_WORDS,
    PIECE,
    UNIT,
    Layers,
    N,
    active_pieces,
)
from specgeo.enumeration._layout import LEN, START, Frame, Neuron, Scratch, Size, State
from specgeo.enumeration._maps import ROUNDING, Maps, activate, factors, find_doubts
from specgeo.enumeration._products import add_product, roundings
from specgeo.enumeration._scalars import SAFE, TINY, Ids, Integer, gamma

MEETS, BELOW, ABOVE = 1, 2, 4  # a unit may vanish, be negative or zero, be positive or zero


class Bounds(NamedTuple):
    """Scratch space."""

    rows: FloatArray  # (d + 2, n): affine functions and radii of post-activations
    next: FloatArray  # (d + 2, n): of the layer after
    lowest: FloatArray  # (n,) values at the vertices
    highest: FloatArray
    value: FloatArray
    steep: FloatArray  # 1-norms of the gradients
    size: FloatArray  # sum of extent |coefficient|, with the constant
    seen_vertices: Ids  # (n_v,) the last cell that each was seen in
    seen_faces: Ids
    corners: IntArray  # (any,) vertices of a cell
    stack: IntArray
    inherited: FloatArray  # (parents, d + 2, n): of the last layer on the cells before the last cut; or none
    forms: FloatArray  # (n_c, d + 2, n): on the cells


def bounds_of(widest: int, state: State, inherited: FloatArray) -> Bounds:
    """Scratch space for the cells of a state, of which the parents have these functions and radii."""
    dim = state.x.shape[1] - 1
    n_faces, n_vertices = int(state.sizes[Size.FACES]), int(state.sizes[Size.VERTICES])
    return Bounds(
        np.zeros((dim + 2, widest)),
        np.zeros((dim + 2, widest)),
        np.empty(widest),
        np.empty(widest),
        np.empty(widest),
        np.empty(widest),
        np.empty(widest),
        np.full(n_vertices, -1, np.int32),
        np.full(n_faces, -1, np.int32),
        np.empty(n_vertices, np.int64),
        np.empty(n_faces, np.int64),
        inherited,
        np.empty((int(state.sizes[Size.CELLS]), *inherited.shape[1:])),
    )


@merged
def _corners(state: State, cell: Integer, bounds: Bounds) -> tuple[np.int64, float]:
    """List the vertices of a cell: their number, and the largest error of their coordinates."""
    n, top, error, dim = 0, 1, 0.0, state.x.shape[1] - 1
    bounds.stack[0] = state.cells[cell, 0]
    while top > 0:
        top -= 1
        f = bounds.stack[top]
        start = state.faces[f, START]
        for i in range(start, start + state.faces[f, LEN]):
            g = state.pool[i]
            if state.dims[f] > 1:
                if bounds.seen_faces[g] != cell:
                    bounds.seen_faces[g] = cell
                    bounds.stack[top] = g
                    top += 1
            elif bounds.seen_vertices[g] != cell:
                bounds.seen_vertices[g] = cell
                bounds.corners[n] = g
                n += 1
                error = max(error, state.x[g, dim])
    return np.int64(n), error


@merged
def _begin(
    state: State, layers: Layers, layer: Integer, maps: Maps, cell: Integer, reach: float, scratch: Scratch,
    rows: FloatArray,
) -> None:  # fmt: skip
    """Post-activations of a layer on a cell of the complex after it."""
    n, words, parent = layers.meta[layer - 1, N], layers.meta[layer - 1, N_WORDS], np.int64(state.cells[cell, 1])
    slope, shift = scratch.neurons[Neuron.SLOPE], scratch.neurons[Neuron.SHIFT]
    active_pieces(layers, layer, state.signs[cell, :words], slope, shift)
    dim = len(rows) - 2
    activate(maps.rows, parent, slope, shift, n, rows[: dim + 1])
    find_doubts(maps, parent, layers, layer, reach, rows[dim + 1])
    for k in range(n):
        idle = (slope[k] == 0.0) & (shift[k] == 0.0)
        radius = (abs(slope[k]) * rows[dim + 1, k] + maps.trust[parent, ROUNDING]) * SAFE
        rows[dim + 1, k] = 0.0 if idle else radius


@merged
def _copy(rows: FloatArray, n: Integer, out: FloatArray) -> None:
    for c in range(len(rows)):
        for j in range(n):
            out[c, j] = rows[c, j]


@merged
def _advance(
    layers: Layers, layer: Integer, frame: Frame, sizes: FloatArray, rows: FloatArray, out: FloatArray, scratch: Scratch
) -> None:
    """Pre-activations of a layer from the post-activations before it."""
    meta, dim, size, inputs, sums = layers.meta[layer - 1], frame.dim, 0.0, scratch.rows, scratch.sums
    n, n_previous, last = meta[N], meta[N_PREVIOUS], len(inputs) - 1
    own = sizes[:n_previous]
    for k in range(n_previous):
        own[k] = abs(rows[dim, k]) + rows[dim + 1, k]
    for c in range(dim):
        most, row = frame.extent[c], rows[c, :n_previous]
        for k in range(n_previous):
            own[k] += abs(row[k]) * most
    for k in range(n_previous):
        size = own[k] if not own[k] <= size else size
    _copy(rows[: dim + 1], n_previous, inputs)
    _copy(rows[dim + 1 :], n_previous, inputs[last:])
    for c in range(last + 1):
        for j in range(n):
            sums[c, j] = 0.0
    add_product(layers, layer, inputs, last + 1, True, scratch, sums)
    _copy(sums[: dim + 1], n, out)
    f, g, tiny = factors(size * SAFE, roundings(layers, layer), n_previous, frame.reach)
    for j in range(n):
        bias = layers.biases[meta[BIAS] + j]
        out[dim, j] += bias
        out[dim + 1, j] = (sums[last, j] + f * layers.norms[meta[BIAS] + j] + g * abs(bias) + tiny) * SAFE


@merged
def _range(state: State, frame: Frame, n: Integer, rows: FloatArray, corners: IntArray, error: float, bounds: Bounds
) -> None:  # fmt: skip
    """Lowest and highest values of n neurons on a cell, by its vertices. Loops over neurons vectorise."""
    dim, lowest, highest, value = frame.dim, bounds.lowest[:n], bounds.highest[:n], bounds.value[:n]
    constant, radius, steep, size = rows[dim, :n], rows[dim + 1, :n], bounds.steep[:n], bounds.size[:n]
    for j in range(n):
        lowest[j], highest[j] = np.inf, -np.inf
        steep[j], size[j] = 0.0, abs(constant[j])
    first, last = rows[0, :n], rows[dim - 1, :n]
    for v in corners:
        x, y = (state.x[v, 0] if dim > 1 else 0.0), state.x[v, dim - 1]
        for j in range(n):
            value[j] = constant[j] + first[j] * x
        for c in range(1, dim - 1):
            z, row = state.x[v, c], rows[c, :n]
            for j in range(n):
                value[j] += row[j] * z
        for j in range(n):
            z = value[j] + last[j] * y
            lowest[j] = z if z < lowest[j] else lowest[j]
            highest[j] = z if z > highest[j] else highest[j]
    for c in range(dim):
        most, row = frame.extent[c] + error, rows[c, :n]
        for j in range(n):
            steep[j] += abs(row[j])
            size[j] += abs(row[j]) * most
    relative, tiny = gamma(dim + 4.0), 8.0 * dim * TINY
    for j in range(n):
        doubt = (radius[j] + steep[j] * error + relative * size[j] + tiny) * SAFE
        lowest[j] -= doubt
        highest[j] += doubt


@merged
def _activate(layers: Layers, layer: Integer, frame: Frame, bounds: Bounds, rows: FloatArray) -> None:
    """Post-activations from pre-activations whose ranges are known, in place."""
    meta, dim, steepest = layers.meta[layer - 1], frame.dim, 0.0
    for p in range(meta[PIECE], meta[PIECE] + meta[N_PIECES]):
        steepest = max(steepest, abs(layers.slopes[p]))
    for j in range(meta[N]):
        low, high, unit = bounds.lowest[j], bounds.highest[j], meta[UNIT] + layers.first_units[meta[BIAS] + j]
        pieces = layers.first_pieces[meta[BIAS] + j]
        first, last = pieces, pieces  # those of the ends of the interval; NaN lies in all of them
        for u in range(unit, unit + layers.breaks[meta[BIAS] + j]):
            first += int(low >= layers.thresholds[u])
            last += int(not high <= layers.thresholds[u])
        slope, shift = layers.slopes[first], layers.intercepts[first]
        if first >= last and shift == 0.0 and (slope == 0.0 or slope == 1.0):
            if slope == 0.0:
                for c in range(dim + 2):
                    rows[c, j] = 0.0
            continue
        if not high - low < np.inf:
            rows[dim + 1, j] = np.inf  # nothing is known of it, and of what it goes into
            continue
        if first < last:
            rise = layers.slopes[last] * high + layers.intercepts[last] - (slope * low + shift)
            slope = min(max(rise / (high - low), -steepest), steepest)  # any slope will do
        # extremes of sigma(z) - slope z: at the ends, and at the breakpoints between
        least, most, shifted = np.inf, -np.inf, 0.0
        for p in range(first, max(first, last) + 1):
            z = low if p == first else layers.thresholds[unit + p - 1 - pieces]
            rest = (layers.slopes[p] - slope) * z + layers.intercepts[p]
            least, most, shifted = min(least, rest), max(most, rest), max(shifted, abs(layers.intercepts[p]))
        if first < last:
            rest = (layers.slopes[last] - slope) * high + layers.intercepts[last]
            least, most = min(least, rest), max(most, rest)
        reach = max(abs(low), abs(high)) + bounds.size[j]
        rounded = gamma(16.0) * (2.0 * steepest * reach + 2.0 * shifted) + 16.0 * frame.reach * TINY
        for c in range(dim + 1):
            rows[c, j] *= slope
        rows[dim, j] += 0.5 * (least + most)
        rows[dim + 1, j] = (abs(slope) * rows[dim + 1, j] + 0.5 * (most - least) + rounded) * SAFE


@merged
def _found(layers: Layers, bounds: Bounds) -> int:
    """What units of the last layer may do, by the ranges of its neurons."""
    last, found = layers.meta[-1], 0
    for u in range(last[UNIT], last[UNIT] + last[N_UNITS]):
        j, t = layers.owners[u], layers.thresholds[u]
        above, below = not bounds.highest[j] < t, not bounds.lowest[j] > t  # NaN: both
        found |= MEETS * int(above and below) | BELOW * int(below) | ABOVE * int(above)
    return found


@leaf_kernel
def find_reaching(
    state: State,
    layers: Layers,
    layer: Integer,
    maps: Maps,
    frame: Frame,
    scratch: Scratch,
    bounds: Bounds,
    reach: npt.NDArray[np.uint8],
) -> None:
    """What some unit of the last layer may do on each cell of the complex after a layer, whose maps are given.

    ``reach`` becomes the sum of some of ``MEETS``, ``BELOW``, ``ABOVE``.
    """
    depth = len(layers.meta)
    n = layers.meta[depth - 1, N]
    for cell in range(state.sizes[Size.CELLS]):
        n_corners, error = _corners(state, cell, bounds)
        corners, form = bounds.corners[:n_corners], bounds.forms[cell]
        found = MEETS
        if len(bounds.inherited) > 0:
            _copy(bounds.inherited[state.cells[cell, 1]], n, form)
            _range(state, frame, n, form, corners, error, bounds)
            found = _found(layers, bounds)
        if found & MEETS:
            rows, after = bounds.rows, bounds.next
            _begin(state, layers, layer, maps, np.int64(cell), frame.reach, scratch, rows)
            for m in range(layer + 1, depth + 1):
                _advance(layers, np.int64(m), frame, bounds.size, rows, after, scratch)
                rows, after = after, rows
                _range(state, frame, layers.meta[m - 1, N], rows, corners, error, bounds)
                if m < depth:
                    _activate(layers, np.int64(m), frame, bounds, rows)
            found = _found(layers, bounds)
            _copy(rows, n, form)
        reach[cell] = found
