"""Affine maps of the cells beyond the digits of float64, and bounds on what is lost all the same.

Notation. Backwards through the layers, a row r of n numbers (one for each output of a layer), a double-double, is
multiplied by slopes and weights W. Rows and columns are divided by powers of two, so that |r_j| <= 1 and |W_ji| <= 1,
and split,

    r = r' + r'',  W = W' + W'',    r', W' multiples of 2^-b,    |r''|, |W''| <= 2^-b,    n 2^(2 b) <= 2^53,

so that partial sums of r' W' are whole multiples of 2^(-2 b) that float64 holds: a product of matrices without any
rounding, in whatever order a BLAS adds (Ozaki, Ogita, Oishi and Rump 2012). The others are 2^b times smaller:

    r W = r' W' + (r' W'' + r'' W),    the bracket off by at most  n (n + 3) u 2^(1 - b),    u = 2^-53,

n + 1 roundings of each of its 2 n products, one of r'', and room for what underflows. The two parts are a double-double
again. Other sums and products of double-doubles are off by 4 u^2 of their terms at most. Errors e of r become e |W|, in
floating point, rounded up; they are in the units of the row, where 4 `SUBNORMAL` stand for what underflows.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, log2
from typing import Any, NamedTuple

import numpy as np

from specgeo._budget import afford
from specgeo._cast import FloatArray, IntArray
from specgeo._codec import Layers
from specgeo._double import SUBNORMAL, UNIT_ROUNDOFF, add, multiply, two_sum
from specgeo._sparse import SparseMatrix, converted
from specgeo.geometry.arrays import Patterns
from specgeo.layer_activations import LayerActivation, MaxGroups

EXTENDED = np.longdouble  # 64 bits of mantissa on x86; where it is float64 the bounds are looser, not wrong
EPS = float(np.finfo(EXTENDED).eps)
OUTWARD = 1.0 + 2.0**-20  # for the roundings of the bounds, sums of fewer than 2^30 terms >= 0
LOST = 4 * UNIT_ROUNDOFF**2  # by a sum or product of double-doubles
NOTHING = -(1 << 20)  # exponent of rows of zeros
_ENTRIES_A_CHUNK = 1 << 15  # of the rows that are multiplied at a time: they stay in cache


class Rows(NamedTuple):
    """Numbers (high + low) 2^exponents, off by errors 2^exponents at most."""

    high: FloatArray  # (n_cells, m, n)
    low: FloatArray
    errors: FloatArray
    exponents: IntArray  # (n_cells, m, 1), or (1, m, 1) for all cells


class Factor(NamedTuple):
    """A matrix (n, k), or one for each cell (n_cells, n, k): W with columns divided by 2^exponents."""

    whole: Any
    high: Any  # W'
    low: Any  # W''
    exponents: IntArray  # (k,) or (n_cells, 1, k)


class Line(NamedTuple):
    """The activation of a layer by its pieces: slopes divided by 2^exponent; intercepts, double-doubles."""

    activation: LayerActivation
    slopes: FloatArray
    exponent: int
    rounds: bool  # whether products with these slopes do
    intercepts: tuple[FloatArray, FloatArray]


@np.errstate(over="ignore", invalid="ignore")  # whoever uses the bounds refuses what is not finite
def extended_pieces(layers: Layers, signs: Patterns) -> tuple[Any, FloatArray]:
    """Gradients and offsets of the cells, (n_cells, m, d + 1) with offsets last, in `EXTENDED`; bounds on errors."""
    weights, biases = [_factor(w) for w in layers.weights[:-1]], [_factor(b[:, None]) for b in layers.biases[:-1]]
    lines = [_line(activation) for activation in layers.activations]
    last = np.asarray(layers.weights[-1])
    n_cells, m, d = len(signs.positive), len(last), layers.weights[0].shape[1]
    remedy = "shrink the domain or take fewer outputs (Network.postcompose)"
    afford(24.0 * n_cells * m * (d + 1), f"network: affine pieces of {n_cells:,} cells, and bounds", remedy)
    values, errors = np.empty((n_cells, m, d + 1), EXTENDED), np.empty((n_cells, m, d + 1))
    step = max(1, _ENTRIES_A_CHUNK // (m * max(weight.shape[1] for weight in layers.weights)))
    for start in range(0, n_cells, step):
        chunk = slice(start, min(start + step, n_cells))
        pieces = signs.take(chunk).neuron_pieces(layers.activations)
        rows, offsets = (_repeated(x, chunk.stop - start) for x in (last, layers.biases[-1][:, None]))
        for weight, bias, line, piece in reversed(list(zip(weights, biases, lines, pieces, strict=True))):
            for shifts in line.intercepts:
                if shifts.any():
                    offsets = _plus(offsets, _times(rows, _factor(shifts[piece][:, :, None])))
            rows = _sloped(rows, line, piece, weight.whole.shape[0])
            offsets, rows = _plus(offsets, _times(rows, bias)), _times(rows, weight)
        for part, columns in ((rows, slice(d)), (offsets, slice(d, d + 1))):
            values[chunk, :, columns], errors[chunk, :, columns] = _joined(part)
    return values, errors


def _repeated(matrix: FloatArray, n_cells: int) -> Rows:
    """A matrix (m, n) as exact rows of each cell."""
    zeros = np.zeros((1, *matrix.shape))
    rows = _scaled(matrix[None], zeros, zeros, np.zeros((), np.int64))
    high, low, errors = (np.broadcast_to(x, (n_cells, *matrix.shape)) for x in rows[:3])
    return Rows(high, low, errors, rows.exponents)


def _scaled(high: FloatArray, low: FloatArray, errors: FloatArray, exponents: IntArray) -> Rows:
    """Rows divided by powers of two so that nothing is above 1."""
    top = np.maximum(np.abs(high).max(axis=-1, keepdims=True), errors.max(axis=-1, keepdims=True))
    own = np.where(top > 0, np.maximum(np.frexp(top)[1], -1022), 0)
    unit = np.ldexp(1.0, -own)
    return Rows(high * unit, low * unit, errors * unit, np.where(top > 0, exponents + own, NOTHING))


def _joined(rows: Rows) -> tuple[Any, FloatArray]:
    high, low, errors = (np.ldexp(x.astype(EXTENDED), rows.exponents) for x in rows[:3])
    values = high + low
    return values, (errors * OUTWARD + EPS * np.abs(values) + 4 * SUBNORMAL).astype(float)


def _line(activation: LayerActivation) -> Line:
    exact = activation.exact_intercepts
    high = [float(c) for c in exact]
    low = [float(c - Fraction(h)) for c, h in zip(exact, high, strict=True)]  # leaves 2^-106: n + 3 has room for it
    exponent = int(np.frexp(np.abs(activation.slopes).max())[1])
    rounds = not np.isin(np.abs(np.frexp(activation.slopes)[0]), (0.0, 0.5)).all()
    slopes = np.ldexp(activation.slopes, -exponent)
    return Line(activation, slopes, exponent, rounds, (np.array(high), np.array(low)))


def _digits(n: int) -> int:
    """b, for sums of n products."""
    return (53 - ceil(log2(n))) // 2


def _rounded(x: Any, digits: int) -> Any:
    """Multiples of 2^-digits next to numbers up to 1."""
    shift = 1.5 * 2.0 ** (52 - digits)
    return (x + shift) - shift


def _factor(matrix: Any) -> Factor:
    """Columns at a scale of their own, split."""
    digits = _digits(matrix.shape[-2])
    if isinstance(matrix, SparseMatrix):
        tops = np.zeros(matrix.shape[1])
        np.maximum.at(tops, matrix.columns, np.abs(matrix.values))
        exponents = _exponents(tops)
        whole: Any = matrix.map(lambda values: np.ldexp(values, -exponents[matrix.columns]))
    else:
        exponents = _exponents(np.abs(matrix).max(axis=-2, keepdims=matrix.ndim > 2))
        whole = np.ldexp(matrix, -exponents)
    high, low = (converted(whole, part) for part in (lambda x: _rounded(x, digits), lambda x: x - _rounded(x, digits)))
    return Factor(whole, high, low, exponents)


def _exponents(tops: FloatArray) -> IntArray:
    return np.where(tops > 0, np.frexp(tops)[1], NOTHING)


def _times(rows: Rows, factor: Factor) -> Rows:
    """r W (n_cells, m, k) of rows (n_cells, m, n)."""
    n = rows.high.shape[-1]
    high, low = _split(rows)
    parts = two_sum(_product(high, factor.high), _product(high, factor.low) + _product(low, factor.whole))
    errors = np.full(parts[0].shape, _product_error(n))
    if rows.errors.any():
        errors += _product(rows.errors, np.abs(factor.whole)) * OUTWARD
    largest = factor.exponents.max(axis=-1, keepdims=True)
    scale = np.ldexp(1.0, factor.exponents - largest)
    return _scaled(parts[0] * scale, parts[1] * scale, errors * scale + 4 * SUBNORMAL, rows.exponents + largest)


def _split(rows: Rows) -> tuple[FloatArray, FloatArray]:
    """r' and r''."""
    high = _rounded(rows.high, _digits(rows.high.shape[-1]))
    return high, (rows.high - high) + rows.low


def _product_error(n: int) -> float:
    return n * (n + 3) * UNIT_ROUNDOFF * 2.0 ** (1 - _digits(n)) * OUTWARD


def _product(rows: FloatArray, matrix: Any) -> FloatArray:
    """rows @ matrix, of one matrix for all cells in one go."""
    if matrix.ndim > 2:
        return np.asarray(rows @ matrix)
    return np.asarray(rows.reshape(-1, rows.shape[-1]) @ matrix).reshape(*rows.shape[:-1], matrix.shape[1])


def _sloped(rows: Rows, line: Line, piece: Any, n: int) -> Rows:
    """Rows of outputs as rows (n_cells, m, n) of pre-activations."""
    slopes = line.slopes[piece][:, None, :]
    high, low = rows.high * slopes, rows.low * slopes
    if line.rounds:
        high, low = multiply((rows.high, rows.low), (slopes, np.zeros_like(slopes)))
    errors = (rows.errors * np.abs(slopes) + LOST * np.abs(high)) * OUTWARD + 4 * SUBNORMAL
    sloped = Rows(high, low, errors, rows.exponents + line.exponent)
    if not isinstance(line.activation, MaxGroups):
        return sloped
    parts = two_sum(*(line.activation.scatter(part, piece, n) for part in _split(sloped)))  # a product with ones
    errors = line.activation.scatter(errors, piece, n) * OUTWARD + _product_error(slopes.shape[-1])
    return _scaled(*parts, errors, sloped.exponents)


def _plus(a: Rows, b: Rows) -> Rows:
    exponents = np.maximum(a.exponents, b.exponents)
    a, b = (_shifted(rows, exponents) for rows in (a, b))
    high, low = add((a.high, a.low), (b.high, b.low))
    errors = a.errors + b.errors + LOST * (np.abs(a.high) + np.abs(b.high))
    return Rows(high, low, errors * OUTWARD + 4 * SUBNORMAL, exponents)


def _shifted(rows: Rows, exponents: IntArray) -> Rows:
    """The same numbers in larger units."""
    unit = np.ldexp(1.0, rows.exponents - exponents)
    return Rows(rows.high * unit, rows.low * unit, rows.errors * unit, exponents)
