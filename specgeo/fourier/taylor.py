"""Taylor sums of divided differences of two and three near nodes, for `specgeo.fourier.lanes`.

Notation as there: exp[z_0..z_n] = e_c sum_m (-i)^m h_m(u) / (m + n)!, u_i = t_i - t_c. Arguments
are parts of the scratch vector that begin at a row: ``node`` the centre's t hi, t lo, c, s;
``low``, ``high`` the gaps below and above it; ``x`` the spread; results have a real and an
imaginary row. Lanes whose spread is not below `NEAR` keep what they have.
"""

from __future__ import annotations

import math

from specgeo._cast import FloatArray
from specgeo._jit import leaf
from specgeo.fourier.phases import LANES, fma

NEAR = 1.0  # spread of a run of two or three nodes below which the Taylor sum is used

_SIGN = (1.0, -1.0, -1.0, 1.0)  # (-i)^m = 1, -i, -1, i: signs of the real and imaginary parts in turn
_T2 = tuple(_SIGN[m % 4] / math.factorial(m + 1) for m in range(18))
_T3 = tuple(_SIGN[m % 4] / math.factorial(m + 2) for m in range(18))
_T4 = tuple(_SIGN[m % 4] / math.factorial(m + 3) for m in range(22))


@leaf
def pair_near(node: FloatArray, n: int, x: FloatArray, out: FloatArray) -> None:
    """exp[z_0, z_1] = e_0 sum (-i x)^m / (m + 1)! where |x| is below NEAR."""
    for at in range(n):
        u = x[at]
        z = u * u
        re = _T2[16]
        im = _T2[17]
        for m in range(14, -2, -2):
            re = fma(z, re, _T2[m])
            im = fma(z, im, _T2[m + 1])
        im = im * u
        c, s = node[2 * LANES + at], node[3 * LANES + at]
        p = c * re - s * im
        q = c * im + s * re
        near = abs(u) < NEAR
        out[at] = p if near else out[at]
        out[LANES + at] = q if near else out[LANES + at]


@leaf
def pair_gradient_near(node: FloatArray, n: int, x: FloatArray, out: FloatArray) -> None:
    """exp[z_0, z_0, z_1] = e_0 sum (-i x)^m / (m + 2)! where |x| is below NEAR; node is the repeated one."""
    for at in range(n):
        u = x[at]
        z = u * u
        re = _T3[16]
        im = _T3[17]
        for m in range(14, -2, -2):
            re = fma(z, re, _T3[m])
            im = fma(z, im, _T3[m + 1])
        im = im * u
        c, s = node[2 * LANES + at], node[3 * LANES + at]
        p = c * re - s * im
        q = c * im + s * re
        near = abs(u) < NEAR
        out[at] = p if near else out[at]
        out[LANES + at] = q if near else out[LANES + at]


@leaf
def three_near(node: FloatArray, n: int, low: FloatArray, high: FloatArray, x: FloatArray, out: FloatArray) -> None:
    """exp[z_0, z_1, z_2] around the middle node; low, high: rows of the two gaps."""
    for at in range(n):
        u, v = -low[at], high[at]
        e1 = u + v
        e2 = -u * v
        h0 = 0.0
        h = 1.0
        re = 0.0
        im = 0.0
        for m in range(0, 18, 2):
            re = fma(_T3[m], h, re)
            h0 = fma(e1, h, e2 * h0)
            im = fma(_T3[m + 1], h0, im)
            h = fma(e1, h0, e2 * h)
        c, s = node[2 * LANES + at], node[3 * LANES + at]
        p = c * re - s * im
        q = c * im + s * re
        near = x[at] < NEAR
        out[at] = p if near else out[at]
        out[LANES + at] = q if near else out[LANES + at]


@leaf
def three_gradients_near(
    node: FloatArray,
    n: int,
    low: FloatArray,
    high: FloatArray,
    x: FloatArray,
    first: FloatArray,
    last: FloatArray,
) -> None:
    """G of the first and of the last of three nodes, around the middle one."""
    for at in range(n):
        u, v = -low[at], high[at]
        e1 = u + v
        e2 = -u * v
        h0 = 0.0
        h = 1.0
        f = 1.0  # h_m(u, 0, v, u)
        g = 1.0  # h_m(u, 0, v, v)
        fr = 0.0
        fi = 0.0
        gr = 0.0
        gi = 0.0
        for m in range(0, 18, 2):
            fr = fma(_T4[m], f, fr)
            gr = fma(_T4[m], g, gr)
            h0 = fma(e1, h, e2 * h0)
            f = fma(u, f, h0)
            g = fma(v, g, h0)
            fi = fma(_T4[m + 1], f, fi)
            gi = fma(_T4[m + 1], g, gi)
            h = fma(e1, h0, e2 * h)
            f = fma(u, f, h)
            g = fma(v, g, h)
        c, s = node[2 * LANES + at], node[3 * LANES + at]
        near = x[at] < NEAR
        first[at] = c * fr - s * fi if near else first[at]
        first[LANES + at] = c * fi + s * fr if near else first[LANES + at]
        last[at] = c * gr - s * gi if near else last[at]
        last[LANES + at] = c * gi + s * gr if near else last[LANES + at]
