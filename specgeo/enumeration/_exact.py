"""Signs in exact arithmetic: the last resort of the sign filter.

Weights are floats, hence integers times powers of two. On a cell of complex m - 1 a unit of layer m
is an affine function whose d + 1 coefficients are integers in units of 2^E_m; `_row` computes
them digit by digit. A vertex is the solution of d such equations; `_minors` gives its homogeneous
coordinates as d x d minors, and the sign of a unit at the vertex is the sign of an
inner product. Nothing is rounded and nothing is divided.

Maps of whole layers and rows of planes are kept in a table, emptied when it is full.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._budget import afford
from specgeo._jit import hot, kernel, leaf, merged
from specgeo.enumeration import _bigint as big
from specgeo.enumeration._layers import (
    BIAS,
    N_BREAKS,
    N_PREVIOUS,
    N_UNITS,
    PIECE,
    UNIT,
    WEIGHT,
    Layers,
    N,
    piece,
)

_EMPTY = np.int64(-1)
_FAR = np.int64(1 << 40)
# numba compiles a function anew for each literal integer it is given, but not for these
ZERO, PLUS, MINUS = np.int64(0), np.int64(1), np.int64(-1)


class Exact(NamedTuple):
    """Units, widths, scratch space and the table of the exact arithmetic."""

    z_unit: npt.NDArray[np.int64]  # (L + 1,) rows of layer m are in units of 2^z_unit[m]
    a_unit: npt.NDArray[np.int64]  # (L + 1,) the same after the activation
    width: npt.NDArray[np.int64]  # (1,) digits that hold any coefficient
    weight_bits: npt.NDArray[np.int64]  # views of the floats as integers
    bias_bits: npt.NDArray[np.int64]
    threshold_bits: npt.NDArray[np.int64]
    slope_bits: npt.NDArray[np.int64]
    intercept_bits: npt.NDArray[np.int64]
    keys: npt.NDArray[np.int64]  # hash table: key, start in pool
    slots: npt.NDArray[np.int64]
    pool: npt.NDArray[np.int64]
    used: npt.NDArray[np.int64]  # (3,) pool items, table entries, vertex whose cross product is in `minors`
    term: npt.NDArray[np.int64]  # (d + 1) width: post-activation of one neuron
    digits: npt.NDArray[np.int64]  # (3,)
    rows: npt.NDArray[np.int64]  # (d + 1)^2 width: rows of the planes through the vertex, then of the unit asked for
    minors: npt.NDArray[np.int64]  # 2^(d + 1) (d width + 2)
    product: npt.NDArray[np.int64]  # (d + 1) width + 4


@hot
def _lowest_bit(bits):  # type: ignore[no-untyped-def]
    """Exponent of the lowest set bit of a float; far for zero."""
    mantissa = bits & np.int64((1 << 52) - 1)
    exponent = (bits >> np.int64(52)) & np.int64(2047)
    if exponent == 0:
        exponent = np.int64(1)
    else:
        mantissa |= np.int64(1 << 52)
    if mantissa == 0:
        return _FAR
    while mantissa & np.int64(1) == 0:
        mantissa >>= np.int64(1)
        exponent += 1
    return exponent - np.int64(1075)


@leaf
def _span(bits, start, stop):  # type: ignore[no-untyped-def]
    """(lowest bit of all, highest bit of all) of a range of floats; (far, -far) if all are zero."""
    low, high = _FAR, -_FAR
    for i in range(start, stop):
        if bits[i] & np.int64((1 << 63) - 1) != 0:
            low = min(low, _lowest_bit(bits[i]))
            high = max(high, ((bits[i] >> np.int64(52)) & np.int64(2047)) - np.int64(1022))
    return low, high


@kernel
def units_and_width(layers, wb, bb, tb, sb, ib, domain_bits, z_unit, a_unit):  # type: ignore[no-untyped-def]
    """Fill the units of every layer and return the number of digits that any coefficient needs."""
    low, high = _span(domain_bits, ZERO, len(domain_bits))
    most = max(high - low, np.int64(1))
    low, high = np.int64(0), np.int64(1)  # of the post-activation rows of the layer before: a_0 = x
    for m in range(1, len(layers.meta) + 1):
        meta = layers.meta[m - 1]
        w_low, w_high = _span(wb, meta[WEIGHT], meta[WEIGHT] + meta[N] * meta[N_PREVIOUS])
        b_low, b_high = _span(bb, meta[BIAS], meta[BIAS] + meta[N])
        t_low, t_high = _span(tb, meta[UNIT], meta[UNIT] + meta[N_UNITS])
        growth = np.int64(np.ceil(np.log2(meta[N_PREVIOUS] + 1.0))) + 1
        if w_low == _FAR:
            w_low, w_high = np.int64(0), np.int64(0)
        low = min(min(low + w_low, b_low), t_low)
        high = max(max(high + w_high + growth, b_high + 1), t_high + 1) + 1
        z_unit[m] = low
        most = max(most, high - low)
        pieces = meta[N_BREAKS] + 1
        s_low, s_high = _span(sb, meta[PIECE], meta[PIECE] + pieces)
        i_low, i_high = _span(ib, 8 * meta[PIECE], 8 * (meta[PIECE] + pieces))
        low = min(low + s_low, i_low)
        high = max(high + s_high, i_high + 3) + 1
        a_unit[m] = low
        most = max(most, high - low)
    return most // big.BITS + 2


def make_exact(
    layers: Layers, domain_rows: npt.NDArray[np.float64], dim: int, max_bytes: int | None = None
) -> Exact:
    """The exact arithmetic for a network on a domain whose planes have these rows."""
    n = len(layers.meta) + 1
    z_unit, a_unit = np.zeros(n, np.int64), np.zeros(n, np.int64)
    wb, bb, tb, sb, ib = (
        a.ravel().view(np.int64)
        for a in (layers.weights, layers.biases, layers.thresholds, layers.slopes, layers.intercept_terms)
    )
    width = int(units_and_width(layers, wb, bb, tb, sb, ib, domain_rows.ravel().view(np.int64), z_unit, a_unit))
    # the largest map and a hundred rows must fit
    largest = int(max((m[N] for m in layers.meta), default=1)) * (dim + 1) * width
    pool, minors = max(1 << 20, 4 * largest * n), (1 << (dim + 1)) * (dim * width + 2)
    afford(8.0 * (pool + minors), "max_bytes", "raise max_bytes", max_bytes)
    return Exact(
        z_unit,
        a_unit,
        np.array([width]),
        wb,
        bb,
        tb,
        sb,
        ib,
        np.full(1 << 13, _EMPTY),
        np.empty(1 << 13, np.int64),
        np.empty(pool, np.int64),
        np.array([0, 0, -1]),
        np.empty((dim + 1) * width, np.int64),
        np.empty(3, np.int64),
        np.empty((dim + 1) ** 2 * width, np.int64),
        np.empty(minors, np.int64),
        np.empty((dim + 1) * width + 4, np.int64),
    )


@hot
def _find(keys, key):  # type: ignore[no-untyped-def]
    """Slot of a key in the table: where it is, or the empty one where it goes."""
    size = np.int64(len(keys))
    h = (key * np.int64(-7046029254386353131)) >> np.int64(20) & (size - 1)
    while keys[h] != _EMPTY and keys[h] != key:
        h = (h + 1) & (size - 1)
    return h


@leaf
def _claim(keys, slots, used, room, key, items):  # type: ignore[no-untyped-def]
    """Room for a new entry: its start in the pool, or -1 after emptying a full table."""
    if used[0] + items > room or 2 * used[1] > len(keys):
        for i in range(len(keys)):
            keys[i] = _EMPTY
        used[0] = 0
        used[1] = 0
        return np.int64(-1)
    h = _find(keys, key)
    keys[h] = key
    slots[h] = used[0]
    used[0] += items
    used[1] += 1
    return slots[h]


@leaf
def _add_float(ex, bits, unit, out, o, s):  # type: ignore[no-untyped-def]
    """out[o:] += s * float, in units of 2^unit."""
    position, sign = big.float_digits(bits, unit, ex.digits)
    if sign != 0:
        for i in range(3):
            if ex.digits[i] != 0:
                out[o + position + i] += s * sign * ex.digits[i]


@leaf
def _add_float_product(ex, bits, unit, source, i0, n, out, o, limit):  # type: ignore[no-untyped-def]
    """out[o:o + limit] += float * source[i0:i0 + n], the float in units of 2^unit."""
    position, sign = big.float_digits(bits, unit, ex.digits)
    for i in range(3):
        a = sign * ex.digits[i]
        if a != 0:
            for j in range(min(n, limit - position - i)):
                out[o + position + i + j] += a * source[i0 + j]


@leaf
def _combine(ex, layers, history, layer, neuron, cell, source, out, o, dim):  # type: ignore[no-untyped-def]
    """out[o:] = row of a neuron of ``layer`` on a cell of complex layer - 1, without threshold, in normal form.

    ``source``: start in the pool of the map of the layer before (unused for layer 1).
    """
    width = ex.width[0]
    meta = layers.meta[layer - 1]
    n_previous = meta[N_PREVIOUS]
    w0 = meta[WEIGHT] + neuron * n_previous
    unit = ex.z_unit[layer] - ex.a_unit[layer - 1]
    for i in range(o, o + (dim + 1) * width):
        out[i] = 0
    if layer == 1:
        for c in range(dim):
            _add_float(ex, ex.weight_bits[w0 + c], ex.z_unit[1], out, o + c * width, PLUS)
    else:
        added = 0
        slope_unit = ex.a_unit[layer - 1] - ex.z_unit[layer - 1]
        for i in range(n_previous):
            if layers.weights[w0 + i] == 0.0:
                continue
            p = piece(layers, history, layer - 1, cell, i)
            slope = layers.slopes[p]
            flat = layers.intercept_terms[p, 0] == 0.0
            if slope == 0.0 and flat:
                continue
            start = source + i * (dim + 1) * width
            if slope == 1.0 and flat and slope_unit == 0:
                for c in range(dim + 1):
                    used = big.length(ex.pool, start + c * width, width)
                    _add_float_product(
                        ex, ex.weight_bits[w0 + i], unit, ex.pool, start + c * width, used, out, o + c * width, width
                    )
            else:
                for t in range(len(ex.term)):
                    ex.term[t] = 0
                for c in range(dim + 1):
                    used = big.length(ex.pool, start + c * width, width)
                    _add_float_product(
                        ex, ex.slope_bits[p], slope_unit, ex.pool, start + c * width, used, ex.term, c * width, width
                    )
                for t in range(8):
                    _add_float(ex, ex.intercept_bits[8 * p + t], ex.a_unit[layer - 1], ex.term, dim * width, PLUS)
                for c in range(dim + 1):
                    big.carry(ex.term, c * width, width)
                    _add_float_product(
                        ex, ex.weight_bits[w0 + i], unit, ex.term, c * width, width, out, o + c * width, width
                    )
            added += 1
            if added % 64 == 0:
                for c in range(dim + 1):
                    big.carry(out, o + c * width, width)
    _add_float(ex, ex.bias_bits[meta[BIAS] + neuron], ex.z_unit[layer], out, o + dim * width, PLUS)
    for c in range(dim + 1):
        big.carry(out, o + c * width, width)


@hot
def _ancestor(parents, parent_start, cell, layer, target):  # type: ignore[no-untyped-def]
    """Cell of complex ``target`` that contains a cell of complex ``layer``."""
    c = np.int64(cell)
    for m in range(layer, target, -1):
        c = np.int64(parents[parent_start[m] + c])
    return c


@leaf
def _map(ex, layers, history, layer, cell, dim):  # type: ignore[no-untyped-def]
    """Start in the pool of the rows of all neurons of ``layer`` on a cell of complex layer - 1."""
    width = ex.width[0]
    m = np.int64(1)
    source = np.int64(0)
    while m <= layer:
        c = _ancestor(history.parents, history.parent_start, cell, layer - 1, m - 1)
        key = (m << np.int64(34)) | c
        h = _find(ex.keys, key)
        if ex.keys[h] == key:
            source = ex.slots[h]
            m += 1
            continue
        n = layers.meta[m - 1, N]
        start = _claim(ex.keys, ex.slots, ex.used, len(ex.pool), key, n * (dim + 1) * width)
        if start < 0:  # the table was emptied: begin again
            m = np.int64(1)
            continue
        for j in range(n):
            _combine(ex, layers, history, m, j, c, source, ex.pool, start + j * (dim + 1) * width, dim)
        source = start
        m += 1
    return source


@merged
def _row(ex, layers, history, planes, plane, layer, unit, cell, dim, o):  # type: ignore[no-untyped-def]
    """ex.rows[o:] = exact coefficients of a unit of ``layer`` on a cell of complex layer - 1.

    Rows of planes (``plane`` >= 0) are kept in the table; those of layers below 1 are walls of the domain, whose
    float rows are exact.
    """
    width = ex.width[0]
    n = (dim + 1) * width
    if layer < 1:
        bits = planes[plane].view(np.int64)
        wall, _ = _span(bits, ZERO, dim + 1)
        for i in range(o, o + n):
            ex.rows[i] = 0
        for c in range(dim + 1):
            _add_float(ex, bits[c], wall, ex.rows, o + c * width, PLUS)
            big.carry(ex.rows, o + c * width, width)
        return
    key = np.int64(1 << 62) | plane
    if plane >= 0:
        h = _find(ex.keys, key)
        if ex.keys[h] == key:
            for i in range(n):
                ex.rows[o + i] = ex.pool[ex.slots[h] + i]
            return
    meta = layers.meta[layer - 1]
    source = np.int64(0)
    if layer > 1:
        parent = np.int64(history.parents[history.parent_start[layer - 1] + cell])
        source = _map(ex, layers, history, layer - 1, parent, dim)
    _combine(ex, layers, history, layer, unit // meta[N_BREAKS], cell, source, ex.rows, o, dim)
    _add_float(ex, ex.threshold_bits[meta[UNIT] + unit], ex.z_unit[layer], ex.rows, o + dim * width, MINUS)
    big.carry(ex.rows, o + dim * width, width)
    if plane >= 0:
        start = _claim(ex.keys, ex.slots, ex.used, len(ex.pool), key, n)
        if start >= 0:
            for i in range(n):
                ex.pool[start + i] = ex.rows[o + i]


@leaf
def _minors(width, rows, minors, dim):  # type: ignore[no-untyped-def]
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
                s = 1 if (size - 1 + position) % 2 == 0 else -1
                position += 1
                a = ((size - 1) * (dim + 1) + c) * width
                na = big.length(rows, a, width)
                b = (mask ^ (1 << c)) * stride
                nb = big.length(minors, b, stride)
                big.add_product(minors, o, stride, rows, a, na, minors, b, nb, s)


@leaf
def evaluate(ex, layers, history, planes, porigin, vplanes, vertex, layer, unit, cell, dim, x):  # type: ignore[no-untyped-def]
    """Sign of a unit of ``layer`` at a vertex of the closure of a cell of complex layer - 1.

    With layer 0: write the vertex's coordinates to ``x``, and an error radius of a few units in the last place.
    """
    width = ex.width[0]
    known = ex.used[2] == vertex
    for r in range(dim if known else 0, dim + 1 if layer > 0 else dim):
        plane = np.int64(vplanes[vertex, r]) if r < dim else np.int64(-1)
        row_layer, row_unit, row_cell = layer, unit, cell
        if r < dim:
            row_layer, row_unit = np.int64(porigin[plane, 0]), np.int64(porigin[plane, 1])
            row_cell = np.int64(porigin[plane, 2])
        _row(ex, layers, history, planes, plane, row_layer, row_unit, row_cell, dim, r * (dim + 1) * width)
    if not known:
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
            o, a = (full ^ (1 << c)) * stride, (dim * (dim + 1) + c) * width
            na, nb = big.length(ex.rows, a, width), big.length(ex.minors, o, stride)
            s = 1 if (c + dim) % 2 == 0 else -1
            big.add_product(ex.product, ZERO, n, ex.rows, a, na, ex.minors, o, nb, s)
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
