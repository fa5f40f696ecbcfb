"""Floats as integers: in units of which powers of two, and how long they get, for the rows of every layer."""

from __future__ import annotations

import numpy as np

from specgeo._cast import FloatArray
from specgeo._jit import direct, hot, leaf, leaf_kernel, merged
from specgeo.enumeration._layers import (
    A_UNIT,
    BIAS,
    BITS,
    ENTRIES,
    N_PIECES,
    N_PREVIOUS,
    N_UNITS,
    PIECE,
    UNIT,
    Z_UNIT,
    Layers,
    N,
)
from specgeo.enumeration._scalars import Integer, trailing_zeros

FAR = np.int64(1 << 40)
ZERO = np.int64(0)  # numba compiles a function anew for each literal integer it is given, but not for this


@merged
def lowest_bit(bits: Integer) -> np.int64:
    """Exponent of the lowest set bit of a float; far for zero."""
    mantissa = bits & np.int64((1 << 52) - 1)
    exponent = (bits >> np.int64(52)) & np.int64(2047)
    if exponent == 0:
        exponent = np.int64(1)
    else:
        mantissa |= np.int64(1 << 52)
    if mantissa == 0:
        return FAR
    return np.int64(exponent - np.int64(1075) + trailing_zeros(mantissa))


@hot
def float_bits(x: FloatArray, i: Integer) -> np.int64:
    """A float as an integer."""
    return np.int64(x.view(np.int64)[i])


@leaf
def span(x: FloatArray, start: Integer, stop: Integer) -> tuple[np.int64, np.int64]:
    """(lowest bit of all, highest bit of all) of a range of floats; (far, -far) if all are zero."""
    bits, low, high = x.view(np.int64), FAR, -FAR
    for i in range(start, stop):
        if bits[i] & np.int64((1 << 63) - 1) != 0:
            low = min(low, lowest_bit(bits[i]))
            high = max(high, ((bits[i] >> np.int64(52)) & np.int64(2047)) - np.int64(1022))
    return low, high


@leaf_kernel
def _fill_units(layers: Layers) -> None:
    """Fill the columns of ``layers.meta`` that say in which units rows of each layer are, and how long they get."""
    most = np.int64(1)
    low, high = np.int64(0), np.int64(1)  # of the post-activation rows of the layer before: a_0 = x
    for m in range(len(layers.meta)):
        meta = layers.meta[m]
        rows = layers.row_starts[meta[ENTRIES] : meta[ENTRIES] + meta[N] + 1]
        w_low, w_high = span(layers.row_values, rows[0], rows[meta[N]])
        b_low, b_high = span(layers.biases, meta[BIAS], meta[BIAS] + meta[N])
        t_low, t_high = span(layers.thresholds, meta[UNIT], meta[UNIT] + meta[N_UNITS])
        growth = np.int64(np.ceil(np.log2(meta[N_PREVIOUS] + 1.0))) + 1
        if w_low == FAR:
            w_low, w_high = np.int64(0), np.int64(0)
        low = min(min(low + w_low, b_low), t_low)
        high = max(max(high + w_high + growth, b_high + 1), t_high + 1) + 1
        meta[Z_UNIT] = low
        most = max(most, high - low)
        s_low, s_high = span(layers.slopes, meta[PIECE], meta[PIECE] + meta[N_PIECES])
        i_low, i_high = FAR, -FAR
        for p in range(meta[PIECE], meta[PIECE] + meta[N_PIECES]):
            least, largest = span(layers.intercept_terms[p], ZERO, layers.intercept_terms.shape[1])
            i_low, i_high = min(i_low, least), max(i_high, largest)
        low = min(low + s_low, i_low)
        high = max(high + s_high, i_high + 3) + 1
        meta[A_UNIT] = low
        most = max(most, high - low)
        meta[BITS] = most


@leaf_kernel
def _bits_of(rows: FloatArray) -> int:
    """The number of bits that floats need as integers in common units."""
    low, high = FAR, -FAR
    for r in range(len(rows)):
        least, largest = span(rows[r], ZERO, rows.shape[1])
        low, high = min(low, least), max(high, largest)
    return int(high - low)


_fill, bits_of = direct(_fill_units), direct(_bits_of)


def bits_of_layers(layers: Layers) -> int:
    """How long the rows of any layer get; the units of all are found when this is asked for the first time."""
    if len(layers.meta) == 0:
        return 1
    if layers.meta[-1, BITS] == 0:
        _fill(layers)
    return int(layers.meta[-1, BITS])
