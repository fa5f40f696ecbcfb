"""Exponentials e^{-i k.v}, right to the last bits for phases up to 1e15.

Notation, for one wavevector k and one point v::

    k.v  =  hi + lo            double-double, from exact products and sums
    hi + lo  =  q pi/2 - r     q an integer, |r| <= pi/4 (Cody and Waite, pi/2 in two parts)
    e    =  (c, s)             c = cos(k.v), s = -sin(k.v): the real and imaginary part

Rounding k.v once loses eps |k||v|: at |k||v| = 1e9 that is 1e-7. Here the product error is kept,
so e stays within 2.2e-16, and differences of phases, the divisors of all divided differences,
keep their relative accuracy. Everything is branch-free: loops run over lanes (wavevectors), so
LLVM turns them into vector code; or numbers are vectors of wavevectors (`specgeo._vector`).
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from specgeo._cast import FloatArray
from specgeo._fused import fma, two_product_error, two_sum
from specgeo._jit import inline, kernel, lane
from specgeo._vector import VECTOR, WIDTH, operands, spread, wider

LANES = 128  # wavevectors per block: tables of some hundred points stay in the second-level cache
ROWS = 4  # rows of a point in a table: hi, lo, c, s
POINT = ROWS * LANES  # doubles of a point in a table

_TWO_OVER_PI = 0.6366197723675814
_PIO2_HIGH = 1.5707963267948966
_PIO2_LOW = 6.123233995736766e-17
_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding it rounds to an integer, found in the low bits

# Minimax coefficients of sin and cos on [-pi/4, pi/4] (fdlibm).
_S = (
    -1.66666666666666324348e-01,
    8.33333333332248946124e-03,
    -1.98412698298579493134e-04,
    2.75573137070700676789e-06,
    -2.50507602534068634195e-08,
    1.58969099521155010221e-10,
)
_C = (
    4.16666666666666019037e-02,
    -1.38888888888741095749e-03,
    2.48015872894767294178e-05,
    -2.75573143513906633035e-07,
    2.08757232129817482790e-09,
    -1.13596475577881948265e-11,
)

if getattr(numba.config, "DISABLE_JIT", False):  # the same primitive for the interpreter

    def _turned(shifted: Any, cosine: Any, sine: Any) -> tuple[Any, Any]:
        """(cos, -sin) of a quarter turn times the low bits of ``shifted``, and an angle of this cosine and -sine."""
        quarter = np.asarray(shifted).view(np.int64) & 3
        swapped = (cosine, sine), (sine, -cosine)
        c, s = (np.where(quarter & 1, odd, even) for even, odd in zip(*swapped, strict=True))
        sign = np.where(quarter & 2, -1.0, 1.0)
        return sign * c, sign * s

else:

    @intrinsic  # type: ignore[untyped-decorator, unused-ignore]
    def _turned(typingctx: Any, shifted: Any, cosine: Any, sine: Any) -> Any:
        """(cos, -sin) of a quarter turn times the low bits of ``shifted``, and an angle of this cosine and -sine."""
        kind = wider(shifted, cosine, sine)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            shifted, cosine, sine = spread(builder, args, kind)
            word = ir.VectorType(ir.IntType(64), WIDTH) if kind is VECTOR else ir.IntType(64)

            def number(value: int) -> Any:
                return ir.Constant(word, [value] * WIDTH if kind is VECTOR else value)

            def turned(value: Any, sign: Any) -> Any:
                """-value where the highest bit is set."""
                flipped = builder.xor(builder.bitcast(value, word), builder.and_(sign, number(-(1 << 63))))
                return builder.bitcast(flipped, value.type)

            bits = builder.bitcast(shifted, word)
            second, first = builder.shl(bits, number(62)), builder.shl(bits, number(63))
            odd = builder.icmp_signed("<", first, number(0))
            c = turned(builder.select(odd, sine, cosine), second)
            s = turned(builder.select(odd, cosine, sine), builder.xor(second, first))
            return context.make_tuple(builder, signature.return_type, (c, s))

        return types.UniTuple(kind, 2)(*operands(shifted, cosine, sine)), codegen


@lane
def add_product(hi: float, lo: float, a: float, b: float) -> tuple[float, float]:
    """(hi + lo) + a b in double-double; hi and lo are left unnormalised."""
    p = a * b
    s, f = two_sum(hi, p)
    return s, (lo + two_product_error(a, b, p)) + f


@lane
def unit(hi: float, lo: float) -> tuple[float, float]:
    """(cos, -sin) of hi + lo, |hi| < 1e15. Polynomials by pairs of terms: half as many steps that wait for another."""
    shifted = fma(hi, _TWO_OVER_PI, _ROUND)
    q = shifted - _ROUND
    r = fma(q, _PIO2_HIGH, -hi) + fma(q, _PIO2_LOW, -lo)
    z = r * r
    zz = z * z
    a = fma(zz, fma(zz, fma(z, _S[5], _S[4]), fma(z, _S[3], _S[2])), fma(z, _S[1], _S[0]))
    b = fma(zz, fma(zz, fma(z, _C[5], _C[4]), fma(z, _C[3], _C[2])), fma(z, _C[1], _C[0]))
    w = fma(z, -0.5, 1.0)
    return _turned(shifted, w + fma(zz, b, fma(z, -0.5, 1.0 - w)), fma(r * z, a, r))


@inline
def fill_table(points: FloatArray, k: FloatArray, start: int, n: int, table: FloatArray) -> None:
    """Rows hi, lo, c, s of every point for wavevectors ``start .. start + n - 1``.

    ``points`` (n_p, d), or (n_p, 2 d) with the low parts of coordinates that are double-doubles; ``k`` (d, n_k),
    lanes contiguous; ``table`` flat, `POINT` doubles a point.
    """
    dim = k.shape[0]
    first = k[0, start : start + n]
    second, third = k[min(1, dim - 1), start : start + n], k[min(2, dim - 1), start : start + n]
    plain = points.shape[1] == dim
    for p in range(points.shape[0]):
        row = table[p * POINT : (p + 1) * POINT]
        x, y, z = points[p, 0], points[p, min(1, dim - 1)], points[p, min(2, dim - 1)]
        if plain and dim == 2:  # the plane and space in one pass
            for at in range(n):
                hi = first[at] * x
                hi, lo = add_product(hi, two_product_error(first[at], x, hi), second[at], y)
                row[at], row[LANES + at] = hi, lo
                row[2 * LANES + at], row[3 * LANES + at] = unit(hi, lo)
            continue
        if plain and dim == 3:
            for at in range(n):
                hi = first[at] * x
                hi, lo = add_product(hi, two_product_error(first[at], x, hi), second[at], y)
                hi, lo = add_product(hi, lo, third[at], z)
                row[at], row[LANES + at] = hi, lo
                row[2 * LANES + at], row[3 * LANES + at] = unit(hi, lo)
            continue
        for at in range(n):
            product = first[at] * x
            row[at] = product
            row[LANES + at] = two_product_error(first[at], x, product)
        for a in range(1, dim):
            x = points[p, a]
            axis = k[a, start : start + n]
            for at in range(n):
                row[at], row[LANES + at] = add_product(row[at], row[LANES + at], axis[at], x)
        for a in range(dim, points.shape[1]):
            x = points[p, a]
            axis = k[a - dim, start : start + n]
            for at in range(n):
                row[LANES + at] = fma(axis[at], x, row[LANES + at])
        for at in range(n):
            row[2 * LANES + at], row[3 * LANES + at] = unit(row[at], row[LANES + at])


@kernel
def unit_exponentials(points: FloatArray, k: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Real and imaginary part of e^{-i k.v}, each (n_p, n_k); ``k`` is (d, n_k)."""
    n_p, n_k = points.shape[0], k.shape[1]
    real = np.empty((n_p, n_k))
    imag = np.empty((n_p, n_k))
    table = np.empty(POINT)
    for p in range(n_p):
        for start in range(0, n_k, LANES):
            n = min(LANES, n_k - start)
            fill_table(points[p : p + 1], k, start, n, table)
            for i in range(n):
                real[p, start + i], imag[p, start + i] = table[2 * LANES + i], table[3 * LANES + i]
    return real, imag
