"""Taylor sums of divided differences of two, three and four near nodes, for `specgeo.fourier.lanes`.

Notation as there: exp[z_0..z_n] = e_c sum_m (-i)^m h_m(u) / (m + n)!, u_i = t_i - t_c. Arguments
are parts of the scratch vector that begin at a row: ``node`` the centre's t hi, t lo, c, s;
``low``, ``high`` the gaps below and above it; ``x`` the spread; results have a real and an
imaginary row. They mean something in lanes whose spread is below `NEAR` (`NEAR_FOUR`).
"""

from __future__ import annotations

import math

from specgeo._cast import FloatArray
from specgeo._fused import fma
from specgeo._jit import leaf
from specgeo.fourier.phases import LANES

NEAR = 1.0  # spread of a run of two or three nodes below which the Taylor sum is used
NEAR_FOUR = 1.5  # the same for four nodes: the recursion loses one more factor there

_SIGN = (1.0, -1.0, -1.0, 1.0)  # (-i)^m = 1, -i, -1, i: signs of the real and imaginary parts in turn
_T2 = tuple(_SIGN[m % 4] / math.factorial(m + 1) for m in range(18))
_T3 = tuple(_SIGN[m % 4] / math.factorial(m + 2) for m in range(18))
_T4 = tuple(_SIGN[m % 4] / math.factorial(m + 3) for m in range(22))
_T5 = tuple(_SIGN[m % 4] / math.factorial(m + 4) for m in range(22))


@leaf
def pair_near(node: FloatArray, n: int, x: FloatArray, out: FloatArray) -> None:
    """exp[z_0, z_1] = e_0 sum (-i x)^m / (m + 1)!."""
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
        out[at] = c * re - s * im
        out[LANES + at] = c * im + s * re


@leaf
def pair_gradient_near(node: FloatArray, n: int, x: FloatArray, out: FloatArray) -> None:
    """exp[z_0, z_0, z_1] = e_0 sum (-i x)^m / (m + 2)!; node is the repeated one."""
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
        out[at] = c * re - s * im
        out[LANES + at] = c * im + s * re


@leaf
def three_near(node: FloatArray, n: int, low: FloatArray, high: FloatArray, out: FloatArray) -> None:
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
        out[at] = c * re - s * im
        out[LANES + at] = c * im + s * re


@leaf
def three_gradients_near(
    node: FloatArray, n: int, low: FloatArray, high: FloatArray, first: FloatArray, last: FloatArray
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
        first[at] = c * fr - s * fi
        first[LANES + at] = c * fi + s * fr
        last[at] = c * gr - s * gi
        last[LANES + at] = c * gi + s * gr


@leaf
def four_near(node: FloatArray, n: int, below: FloatArray, low: FloatArray, high: FloatArray, out: FloatArray) -> None:
    """exp[z_0, ..., z_3] around node 1; the gaps to nodes 0, 2 and 3."""
    for at in range(n):
        u, v, t = -below[at], low[at], high[at]
        e1 = u + v + t
        e2 = -(u * v + u * t + v * t)
        e3 = u * v * t
        h0 = 0.0
        h1 = 0.0
        h = 1.0
        re = 0.0
        im = 0.0
        for m in range(0, 20, 2):
            re = fma(_T4[m], h, re)
            h0 = fma(e1, h, fma(e2, h1, e3 * h0))
            im = fma(_T4[m + 1], h0, im)
            h1 = fma(e1, h0, fma(e2, h, e3 * h1))
            h, h1, h0 = h1, h0, h
        c, s = node[2 * LANES + at], node[3 * LANES + at]
        out[at] = c * re - s * im
        out[LANES + at] = c * im + s * re


@leaf
def four_gradients_near(
    node: FloatArray, n: int, below: FloatArray, low: FloatArray, high: FloatArray, out: FloatArray
) -> None:
    """G_0, G_1 and G_3 of four nodes around node 1, in rows 0, 2 and 6."""
    for at in range(n):
        u, v, t = -below[at], low[at], high[at]
        e1 = u + v + t
        e2 = -(u * v + u * t + v * t)
        e3 = u * v * t
        h0 = 0.0
        h1 = 0.0
        h = 1.0
        f = 1.0
        g = 1.0
        hr = 0.0
        hi = 0.0
        fr = 0.0
        fi = 0.0
        gr = 0.0
        gi = 0.0
        for m in range(0, 20, 2):
            hr = fma(_T5[m], h, hr)
            fr = fma(_T5[m], f, fr)
            gr = fma(_T5[m], g, gr)
            h0 = fma(e1, h, fma(e2, h1, e3 * h0))
            f = fma(u, f, h0)
            g = fma(t, g, h0)
            hi = fma(_T5[m + 1], h0, hi)
            fi = fma(_T5[m + 1], f, fi)
            gi = fma(_T5[m + 1], g, gi)
            h1 = fma(e1, h0, fma(e2, h, e3 * h1))
            f = fma(u, f, h1)
            g = fma(t, g, h1)
            h, h1, h0 = h1, h0, h
        c, s = node[2 * LANES + at], node[3 * LANES + at]
        out[at] = c * fr - s * fi
        out[LANES + at] = c * fi + s * fr
        out[2 * LANES + at] = c * hr - s * hi
        out[3 * LANES + at] = c * hi + s * hr
        out[6 * LANES + at] = c * gr - s * gi
        out[7 * LANES + at] = c * gi + s * gr
