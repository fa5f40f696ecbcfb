r"""Indicator transforms at small |k|: the polytope as a whole, by its moments about a centre.

Notation. Simplices T with volumes w_T, centre c, radius r >= |x - c| on all of them. Where |k| r <= R, with p and a_m
for which e^{it} is within eps of sum_{m <= p} a_m (it)^m (`specgeo.fourier.plane_waves`),

    e^{ik.c} F(k)  =  sum_T w_T mean_T e^{-ik.(x - c)}  =  sum_{|alpha| <= p} (-i)^|alpha| a_|alpha| M_alpha k^alpha

but for eps sum |w_T|, M the coefficients of the means (`specgeo.fourier.moment_rows`), summed over the T: what a
wavevector costs does not depend on the number of corners, but on R. So there are some series, and each wavevector takes
the shortest that is for it. Lengths are in units of 2^e, some r, lest powers leave the range of floats. Even degrees
are the real part, odd ones the imaginary part, both by Horner's rule in x, y and z^2. Coefficients come in the order of
use: exponents of x, of y and of z descend, and those of z come in pairs, an odd one and the even one below it.

Error. Truncation: eps <= `TRUNCATION`, proved. Rounding: the terms of T have at most the size |w_T| mean_T e^{|y|_1},
y_j = k_j (x_j - c_j), altogether, and each is rounded some 5 |alpha| + 20 times, in its coefficient (as in
`specgeo.fourier.moments`), in powers and sums, independently. Corners minus c are rounded: a phase moves by u |k| r.
Since terms fall like those of e^{|y|_1}, and the boundary form takes over at |k| r about 2 or 3 where the polytope is
not long, this stays below 1e-15 sum |w_T|.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._fused import fma, two_product_error
from specgeo._jit import direct, kernel, lane, leaf
from specgeo._vector import WIDTH, everywhere, load, store
from specgeo.fourier.blocks import square_of
from specgeo.fourier.moment_rows import add_moments, layout_of
from specgeo.fourier.phases import LANES, add_product, unit
from specgeo.fourier.plane_waves import least_degree, series

RADII = {2: (2.0, 4.0), 3: (0.6, 1.0, 1.5, 2.1, 2.8, 3.5)}  # R by dimension
TRUNCATION = 2.0**-54  # eps, at most

# Rows of a block: k in its unit (y and z in the plane), sums by the parity of the degree in y and z, and the results
_X, _Y, _Z, _EVEN, _ODD, _RE, _IM = (row * LANES for row in range(7))


class Expansions(NamedTuple):
    """The series of a polytope, for larger and larger R; for `series_sum`."""

    coefficients: FloatArray  # of one series after the other
    starts: IntArray  # (n,) where they begin
    degrees: IntArray  # (n,) p
    limits: FloatArray  # (n,) |k|^2 below which each serves
    centre: FloatArray  # (d,) c in units of 2^e
    unit: float  # 2^e


def expansions(points: FloatArray, simplices: IntArray, volumes: FloatArray) -> Expansions:
    """The series of a polytope of the plane or of space, cut into simplices (n_s, d + 1)."""
    dim, radii = points.shape[1], np.array(RADII[points.shape[1]])
    used = points[np.unique(simplices)]
    centre = used.min(axis=0) + np.ptp(used, axis=0) / 2
    radius = float(np.linalg.norm(used - centre, axis=1).max()) * (1.0 + 1e-15)
    unit = float(np.exp2(np.floor(np.log2(radius))))
    corners = ((points - centre) / unit)[simplices].reshape(len(simplices), -1)
    parts = [_coefficients(corners, volumes, dim, limit) for limit in radii.tolist()]
    starts = np.cumsum([0, *(len(part) for part in parts[:-1])])
    degrees = np.array([least_degree(limit, TRUNCATION) for limit in radii.tolist()])
    limits = (radii / radius) ** 2 * (1.0 - 1e-15)
    return Expansions(np.concatenate(parts), starts, degrees, limits, centre / unit, unit)


def _coefficients(corners: FloatArray, volumes: FloatArray, dim: int, limit: float) -> FloatArray:
    """Those of the series of one R, by corners (n_s, (d + 1) d) about the centre."""
    degree = least_degree(limit, TRUNCATION)
    layout = layout_of(dim, degree, dim + 1)
    turns = np.array([1.0, -1.0, -1.0, 1.0])[np.arange(degree + 1) % 4]  # of (-i)^m, of which one part is zero
    scales = (turns * series(limit, degree))[layout.degree] * layout.mean
    moments = np.zeros((1, len(layout.first) + 1))  # the last stands for exponents beyond a run
    strides = np.stack([layout.first + layout.last, layout.run])
    starts, place = np.array([0, len(corners)]), np.zeros((1, 2), np.int64)
    add_moments(degree, corners, volumes[:, None], starts, place, scales, strides, moments)
    return np.asarray(moments[0, _order(dim, degree)])


@cache
def _order(dim: int, degree: int) -> IntArray:
    """Where the coefficients are among moments, runs over the last exponent one after the other; -1 for none."""
    runs, start = [], 0
    for a in range(degree + 1 if dim == 3 else 1):
        for b in range(degree + 1 - a):
            n = degree + 1 - a - b
            runs.append([*([-1] if n % 2 else []), *range(start + n - 1, start - 1, -1)])
            start += n
    return np.array([place for run in reversed(runs) for place in run], dtype=np.int64)


@lane
def _add_run(t: FloatArray, start: int, stop: int, w: FloatArray, at: int, low: int, high: int) -> None:
    """y times what two rows have, plus the even and the odd powers of z with coefficients start .. stop - 1."""
    y, other_y, z, other_z = load(w, _Y + at), load(w, _Y + at + WIDTH), load(w, _Z + at), load(w, _Z + at + WIDTH)
    zz, other_zz = z * z, other_z * other_z
    even = odd = other_even = other_odd = everywhere(0.0)
    for q in range(start, stop, 2):
        odd, other_odd = fma(zz, odd, t[q]), fma(other_zz, other_odd, t[q])
        even, other_even = fma(zz, even, t[q + 1]), fma(other_zz, other_even, t[q + 1])
    store(fma(y, load(w, low + at), even), w, low + at)
    store(fma(other_y, load(w, low + at + WIDTH), other_even), w, low + at + WIDTH)
    store(fma(y, load(w, high + at), odd * z), w, high + at)
    store(fma(other_y, load(w, high + at + WIDTH), other_odd * other_z), w, high + at + WIDTH)


@leaf
def _polynomials(t: FloatArray, first: int, degree: int, n: int, w: FloatArray) -> None:
    """Real and imaginary rows; ``first`` the degree in x, 0 in the plane. Two vectors at a time share coefficients."""
    w[_RE : _IM + LANES] = 0.0
    q = 0
    for a in range(first, -1, -1):
        w[_EVEN : _ODD + LANES] = 0.0
        for b in range(degree - a, -1, -1):
            stop = q + 2 * ((degree - a - b) // 2 + 1)
            low, high = (_EVEN, _ODD) if b % 2 == 0 else (_ODD, _EVEN)
            for at in range(0, n, 2 * WIDTH):
                _add_run(t, q, stop, w, at, low, high)
            q = stop
        low, high = (_EVEN, _ODD) if a % 2 == 0 else (_ODD, _EVEN)
        for at in range(0, n, WIDTH):
            x = load(w, _X + at)
            store(fma(x, load(w, _RE + at), load(w, low + at)), w, _RE + at)
            store(fma(x, load(w, _IM + at), load(w, high + at)), w, _IM + at)


@leaf
def _turn(e: Expansions, n: int, w: FloatArray) -> None:
    """Real and imaginary rows times e^{-ik.c}."""
    c0, c1, c2 = e.centre[0] if len(e.centre) == 3 else 0.0, e.centre[-2], e.centre[-1]
    for at in range(0, n, WIDTH):
        x, y, z = load(w, _X + at), load(w, _Y + at), load(w, _Z + at)
        hi = x * c0
        hi, lo = add_product(hi, two_product_error(x, c0, hi), y, c1)
        hi, lo = add_product(hi, lo, z, c2)
        c, s = unit(hi, lo)
        re, im = load(w, _RE + at), load(w, _IM + at)
        store(fma(c, re, -(s * im)), w, _RE + at)
        store(fma(c, im, s * re), w, _IM + at)


@leaf
def _block(e: Expansions, i: int, k: FloatArray, numbers: IntArray, n: int, w: FloatArray, out: FloatArray) -> None:
    """Series i at n wavevectors of these numbers."""
    dim, degree = len(e.centre), int(e.degrees[i])
    for at in range(n):
        for a in range(dim):
            w[(3 - dim + a) * LANES + at] = k[dim * numbers[at] + a] * e.unit
    _polynomials(e.coefficients[e.starts[i] :], degree if dim == 3 else 0, degree, n, w)
    _turn(e, n, w)
    for at in range(n):
        out[2 * numbers[at]], out[2 * numbers[at] + 1] = w[_RE + at], w[_IM + at]


@direct
@kernel
def series_sum(e: Expansions, k: FloatArray, high: float, out: FloatArray) -> int:
    """The transform where |k|^2 < ``high`` and a series serves; returns for how many wavevectors.

    ``k`` (d n_k,) and ``out`` (2 n_k,), complex, one after the other. Wavevectors wait for the others of their series.
    """
    dim, n_series = len(e.centre), len(e.degrees)
    w = np.zeros(7 * LANES)  # lanes beyond the last wavevector are computed too, and thrown away
    numbers = np.empty((n_series, LANES), np.int64)
    waiting = np.zeros(n_series, np.int64)
    high = min(high, e.limits[-1])
    done = 0
    for i in range(len(k) // dim):
        square = square_of(k, dim, i)
        own = 0
        for j in range(n_series - 1):
            own += 1 if square >= e.limits[j] else 0
        numbers[own, waiting[own]] = i
        waiting[own] += 1 if square < high else 0
        if waiting[own] == LANES:
            _block(e, own, k, numbers[own], LANES, w, out)
            done += LANES
            waiting[own] = 0
    for own in range(n_series):
        _block(e, own, k, numbers[own], waiting[own], w, out)
        done += waiting[own]
    return done
