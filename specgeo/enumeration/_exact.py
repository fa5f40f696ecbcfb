"""Signs in exact arithmetic: the last resort of the sign filter.

Weights are floats, hence integers times powers of two. On a cell of complex m - 1 a unit of layer m
is an affine function whose d + 1 coefficients are integers in units of 2^E_m; `_row` computes
them digit by digit. A vertex is the solution of d such equations; `_minors` gives its homogeneous
coordinates as d x d minors, and the sign of a unit at the vertex is the sign of an
inner product. Nothing is rounded and nothing is divided.

Rows are made where they are asked for, from those of the layer before that they need. They are kept in a table, and
those of planes too; it is emptied when it is full.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from specgeo._budget import afford
from specgeo._cast import FloatArray, IntArray
from specgeo._jit import hot, leaf, merged
from specgeo.enumeration import _bigint as big
from specgeo.enumeration._layers import A_UNIT, BIAS, UNIT, Z_UNIT, History, Layers, entries, piece
from specgeo.enumeration._layout import State
from specgeo.enumeration._memory import Loans
from specgeo.enumeration._scalars import Integer
from specgeo.enumeration._units import ZERO, bits_of, bits_of_layers, float_bits, span

_EMPTY = np.int64(-1)
PLUS, MINUS = np.int64(1), np.int64(-1)


class Exact(NamedTuple):
    """Width, scratch space and the table of the exact arithmetic."""

    width: IntArray  # (1,) digits that hold any coefficient
    keys: IntArray  # hash table: key, start in pool
    slots: IntArray
    pool: IntArray
    used: IntArray  # (3,) pool items, table entries, vertex whose cross product is in `minors`
    term: IntArray  # (d + 1) width: post-activation of one neuron
    digits: IntArray  # (3,)
    rows: IntArray  # (d + 1)^2 width: rows of the planes through the vertex, then of the unit asked for
    minors: IntArray  # 2^(d + 1) (d width + 2)
    product: IntArray  # (d + 1) width + 4
    wanted: IntArray  # (L + 1, 3) of each layer a row that is being made: neuron, cell, entry that it has come to


def make_exact(layers: Layers, domain_rows: FloatArray, dim: int, loans: Loans, max_bytes: int | None = None) -> Exact:
    """The exact arithmetic for a network on a domain whose planes have these rows."""
    n = len(layers.meta)
    width = max(bits_of(domain_rows), bits_of_layers(layers), 1) // int(big.BITS) + 2
    rows = len(layers.biases) + 100  # all that one row may be made of must fit
    pool, minors = max(1 << 19, 2 * rows * (dim + 1) * width), (1 << (dim + 1)) * (dim * width + 2)
    slots = 1 << max(13, (4 * rows).bit_length())
    afford(8.0 * (pool + minors), "max_bytes", "raise max_bytes", max_bytes)
    arithmetic = loans.take(_empty, n + 1, dim, width, pool, minors, slots)
    forget(arithmetic)
    return arithmetic


def _empty(n: int, dim: int, width: int, pool: int, minors: int, slots: int) -> Exact:
    """Room for n layers, the input among them, and an empty table."""
    return Exact(
        np.array([width]),
        np.full(slots, _EMPTY),
        np.empty(slots, np.int64),
        np.empty(pool, np.int64),
        np.zeros(3, np.int64),
        np.empty((dim + 1) * width, np.int64),
        np.empty(3, np.int64),
        np.empty((dim + 1) ** 2 * width, np.int64),
        np.empty(minors, np.int64),
        np.empty((dim + 1) * width + 4, np.int64),
        np.empty((n, 3), np.int64),
    )


def forget(ex: Exact) -> None:
    """Empty the table: cells and vertices will be others."""
    if ex.used[1] > 0:
        ex.keys[:] = _EMPTY
    ex.used[:] = 0, 0, -1


@hot
def _find(keys: IntArray, key: Integer) -> np.int64:
    """Slot of a key in the table: where it is, or the empty one where it goes."""
    size = np.int64(len(keys))
    h = (key * np.int64(-7046029254386353131)) >> np.int64(20) & (size - 1)
    while keys[h] != _EMPTY and keys[h] != key:
        h = (h + 1) & (size - 1)
    return np.int64(h)


@leaf
def _claim(ex: Exact, key: Integer, items: Integer) -> np.int64:
    """Room for a new entry: its start in the pool, or -1 after emptying a full table."""
    keys, used = ex.keys, ex.used
    if used[0] + items > len(ex.pool) or 2 * used[1] > len(keys):
        for i in range(len(keys)):
            keys[i] = _EMPTY
        used[0] = 0
        used[1] = 0
        return np.int64(-1)
    h = _find(keys, key)
    keys[h] = key
    ex.slots[h] = used[0]
    used[0] += items
    used[1] += 1
    return np.int64(ex.slots[h])


@leaf
def _add_float(ex: Exact, bits: Integer, unit: Integer, out: IntArray, o: Integer, factor: Integer) -> None:
    """out[o:] += factor * float, in units of 2^unit, for a factor of 1 or -1."""
    position, sign = big.float_digits(bits, unit, ex.digits)
    if sign != 0:
        for i in range(3):
            if ex.digits[i] != 0:
                out[o + position + i] += factor * sign * ex.digits[i]


@leaf
def _add_float_product(
    digits: IntArray, bits: Integer, unit: Integer, source: big.Digits, out: IntArray, o: Integer, limit: Integer
) -> None:
    """out[o:o + limit] += float * source, the float in units of 2^unit; ``digits`` (3,) is scratch."""
    position, sign = big.float_digits(bits, unit, digits)
    for i in range(3):
        a = sign * digits[i]
        if a != 0:
            for j in range(min(source.n, limit - position - i)):
                out[o + position + i + j] += a * source.x[source.start + j]


@hot
def _number(x: IntArray, start: Integer, n: Integer) -> big.Digits:
    """The number in n digits of x from ``start`` on, without its leading zeros."""
    return big.Digits(x, np.int64(start), np.int64(big.length(x, start, n)))


@hot
def _key(history: History, layer: Integer, neuron: Integer, cell: Integer) -> np.int64:
    """Of the row of a neuron of ``layer`` on a cell of complex layer - 1 in the table."""
    return np.int64((history.layers.meta[layer - 1, BIAS] + neuron) << np.int64(31) | cell)


@hot
def _needed(history: History, layer: Integer, cell: Integer, entry: Integer) -> bool:
    """Whether an entry of a row of ``layer`` counts on a cell of complex layer - 1: no zero is multiplied."""
    p = piece(history, layer - 1, cell, history.layers.row_columns[entry])
    flat = history.layers.slopes[p] == 0.0 and history.layers.intercept_terms[p, 0] == 0.0
    return history.layers.row_values[entry] != 0.0 and not flat


@leaf
def _combine(
    ex: Exact, history: History, layer: Integer, neuron: Integer, cell: Integer, out: IntArray, o: Integer
) -> None:
    """out[o:] = row of a neuron of ``layer`` on a cell of complex layer - 1, without threshold, in normal form.

    The rows that it is made of are in the table (`_prepare`).
    """
    layers, width, dim = history.layers, ex.width[0], len(ex.term) // ex.width[0] - 1
    begin, end = entries(layers, layer, neuron)
    z_unit, a_unit = layers.meta[layer - 1, Z_UNIT], layers.meta[max(layer, 2) - 2, A_UNIT]
    unit = z_unit - a_unit
    for i in range(o, o + (dim + 1) * width):
        out[i] = 0
    if layer == 1:
        for at in range(begin, end):
            _add_float(ex, float_bits(layers.row_values, at), z_unit, out, o + layers.row_columns[at] * width, PLUS)
    else:
        added = 0
        slope_unit = a_unit - layers.meta[layer - 2, Z_UNIT]
        parent = np.int64(history.parents[history.parent_start[layer - 1] + cell])
        for at in range(begin, end):
            if not _needed(history, layer, cell, at):
                continue
            i = layers.row_columns[at]
            p = piece(history, layer - 1, cell, i)
            slope, flat = layers.slopes[p], layers.intercept_terms[p, 0] == 0.0
            start = ex.slots[_find(ex.keys, _key(history, layer - 1, i, parent))]
            if slope == 1.0 and flat and slope_unit == 0:
                for c in range(dim + 1):
                    row = _number(ex.pool, start + c * width, width)
                    _add_float_product(
                        ex.digits, float_bits(layers.row_values, at), unit, row, out, o + c * width, width
                    )
            else:
                for t in range(len(ex.term)):
                    ex.term[t] = 0
                for c in range(dim + 1):
                    row = _number(ex.pool, start + c * width, width)
                    _add_float_product(
                        ex.digits, float_bits(layers.slopes, p), slope_unit, row, ex.term, c * width, width
                    )
                for t in range(8):
                    _add_float(ex, float_bits(layers.intercept_terms[p], t), a_unit, ex.term, dim * width, PLUS)
                for c in range(dim + 1):
                    big.carry(ex.term, c * width, width)
                    row = _number(ex.term, c * width, width)
                    _add_float_product(
                        ex.digits, float_bits(layers.row_values, at), unit, row, out, o + c * width, width
                    )
            added += 1
            if added % 64 == 0:
                for c in range(dim + 1):
                    big.carry(out, o + c * width, width)
    _add_float(ex, float_bits(layers.biases, layers.meta[layer - 1, BIAS] + neuron), z_unit, out, o + dim * width, PLUS)
    for c in range(dim + 1):
        big.carry(out, o + c * width, width)


@merged
def _prepare(ex: Exact, history: History, layer: Integer, neuron: Integer, cell: Integer) -> None:
    """Put the rows of layer - 1 into the table that a row of ``layer`` on a cell of complex layer - 1 is made of.

    Depth first: ``wanted`` has one row of each layer that waits for another below it.
    """
    layers, wanted, m = history.layers, ex.wanted, np.int64(layer)
    wanted[m, 0], wanted[m, 1], wanted[m, 2] = neuron, cell, entries(layers, layer, neuron)[0]
    while True:
        own, here, at = wanted[m, 0], wanted[m, 1], wanted[m, 2]
        end = entries(layers, m, own)[1] if m > 1 else at
        parent = np.int64(history.parents[history.parent_start[m - 1] + here]) if m > 1 else np.int64(0)
        while at < end:
            if _needed(history, m, here, at):
                key = _key(history, m - 1, layers.row_columns[at], parent)
                if ex.keys[_find(ex.keys, key)] != key:
                    break
            at += 1
        wanted[m, 2] = at
        if at < end:
            below = np.int64(layers.row_columns[at])
            m -= 1
            wanted[m, 0], wanted[m, 1], wanted[m, 2] = below, parent, entries(layers, m, below)[0]
            continue
        if m == layer:
            return
        start = _claim(ex, _key(history, m, own, here), len(ex.term))
        if start < 0:  # the table was emptied: begin again
            m = np.int64(layer)
            wanted[m, 2] = entries(layers, layer, neuron)[0]
            continue
        _combine(ex, history, m, own, here, ex.pool, start)
        m += 1


@merged
def _row(
    ex: Exact,
    history: History,
    planes: FloatArray,
    plane: Integer,
    layer: Integer,
    unit: Integer,
    cell: Integer,
    o: Integer,
) -> None:
    """ex.rows[o:] = exact coefficients of a unit of ``layer`` on a cell of complex layer - 1.

    Rows of planes (``plane`` >= 0) are kept in the table; those of layers below 1 are walls of the domain, whose
    float rows are exact.
    """
    width, n = ex.width[0], len(ex.term)
    dim = n // width - 1
    if layer < 1:
        wall, _ = span(planes[plane], ZERO, dim + 1)
        for i in range(o, o + n):
            ex.rows[i] = 0
        for c in range(dim + 1):
            _add_float(ex, float_bits(planes[plane], c), wall, ex.rows, o + c * width, PLUS)
            big.carry(ex.rows, o + c * width, width)
        return
    key = np.int64(1 << 62) | plane
    if plane >= 0:
        h = _find(ex.keys, key)
        if ex.keys[h] == key:
            for i in range(n):
                ex.rows[o + i] = ex.pool[ex.slots[h] + i]
            return
    meta = history.layers.meta[layer - 1]
    neuron = history.layers.owners[meta[UNIT] + unit]
    _prepare(ex, history, layer, neuron, cell)
    _combine(ex, history, layer, neuron, cell, ex.rows, o)
    _add_float(
        ex, float_bits(history.layers.thresholds, meta[UNIT] + unit), meta[Z_UNIT], ex.rows, o + dim * width, MINUS
    )
    big.carry(ex.rows, o + dim * width, width)
    if plane >= 0:
        start = _claim(ex, key, n)
        if start >= 0:
            for i in range(n):
                ex.pool[start + i] = ex.rows[o + i]


@merged
def _minors(width: Integer, rows: IntArray, minors: IntArray, dim: Integer) -> None:
    """Homogeneous coordinates of a vertex from the rows of its planes.

    D[mask] is the minor of the first rows, as many as columns in the mask. The vertex has
    x_c / x_d = (-1)^(c + d) D[all - c] / D[all - d].
    """
    stride = dim * width + 2
    for i in range(stride):
        minors[i] = 0
    minors[0] = 1
    for mask in range(1, (1 << (dim + 1)) - 1):
        size = 0
        for c in range(dim + 1):
            size += (mask >> c) & 1
        o = mask * stride
        for i in range(o, o + stride):
            minors[i] = 0
        position = 0
        for c in range(dim + 1):
            if (mask >> c) & 1:
                factor = PLUS if (size - 1 + position) % 2 == 0 else MINUS
                position += 1
                entry = _number(rows, ((size - 1) * (dim + 1) + c) * width, width)
                minor = _number(minors, (mask ^ (1 << c)) * stride, stride)
                big.add_product(big.Digits(minors, np.int64(o), np.int64(stride)), entry, minor, factor)


@leaf
def evaluate(
    ex: Exact,
    history: History,
    state: State,
    vertex: Integer,
    layer: Integer,
    unit: Integer,
    cell: Integer,
    dim: Integer,
) -> int:
    """Sign of a unit of ``layer`` at a vertex of the closure of a cell of complex layer - 1.

    With layer 0: write the vertex's coordinates to the state, and an error radius of a few units in the last place.
    """
    width, x = ex.width[0], state.x
    if layer > 0:
        own, anything = dim * (dim + 1) * width, False
        _row(ex, history, state.planes, MINUS, layer, unit, cell, own)
        for i in range(own, own + (dim + 1) * width):
            anything = anything or ex.rows[i] != 0
        if not anything:  # equal members of a maximum, say: no vertex is looked at
            return 0
    if ex.used[2] != vertex:
        for r in range(dim):
            plane = np.int64(state.vplanes[vertex, r])
            row_layer, row_unit = np.int64(state.porigin[plane, 0]), np.int64(state.porigin[plane, 1])
            row_cell = np.int64(state.porigin[plane, 2])
            _row(ex, history, state.planes, plane, row_layer, row_unit, row_cell, r * (dim + 1) * width)
        _minors(width, ex.rows, ex.minors, dim)
        ex.used[2] = vertex
    stride = dim * width + 2
    full = (1 << (dim + 1)) - 1
    last = (full ^ (1 << dim)) * stride
    if layer > 0:
        n = len(ex.product)
        for i in range(n):
            ex.product[i] = 0
        for c in range(dim + 1):
            entry = _number(ex.rows, (dim * (dim + 1) + c) * width, width)
            minor = _number(ex.minors, (full ^ (1 << c)) * stride, stride)
            factor = PLUS if (c + dim) % 2 == 0 else MINUS
            big.add_product(big.Digits(ex.product, ZERO, np.int64(n)), entry, minor, factor)
        return big.sign(ex.product, ZERO, n) * big.sign(ex.minors, last, stride)
    w, we = big.to_float(ex.minors, last, stride)
    largest = 0.0
    for c in range(dim):
        m, e = big.to_float(ex.minors, (full ^ (1 << c)) * stride, stride)
        value = np.ldexp(m / w, e - we)
        x[vertex, c] = value if (c + dim) % 2 == 0 else -value
        largest = max(largest, abs(value))
    x[vertex, dim] = 6e-16 * largest + 1e-322  # numerator, denominator and quotient: 4 2^-53
    return 0
