"""Oracle: divided differences of exp as the corner entry of exp of Opitz's bidiagonal matrix, in mpmath.

exp[z_0, ..., z_n] is entry (0, n) of expm(diag(z) + superdiagonal of ones) (Opitz 1964). The
matrix is a Jordan block for equal nodes and needs no case distinction; the Taylor series is scaled
and squared with enough digits for the largest phase.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import mpmath as mp
import numpy as np
import numpy.typing as npt

DIGITS = 60


def exact_phase(k: npt.ArrayLike, v: npt.ArrayLike) -> Any:
    """k.v of floats, exact to the working precision."""
    total = mp.mpf(0)
    for a, b in zip(np.atleast_1d(k), np.atleast_1d(v), strict=True):
        total += mp.mpf(float(a)) * mp.mpf(float(b))
    return total


def opitz(phases: Sequence[Any]) -> Any:
    """exp[-i t_0, ..., -i t_n], an mpmath complex number."""
    t = [mp.mpf(x) for x in phases]
    centre = (max(t) + min(t)) / 2
    u = [x - centre for x in t]
    spread = max(abs(x) for x in u)
    squarings = max(0, int(mp.ceil(mp.log(spread + 1, 2))) + 2)
    n = len(t)
    with mp.workdps(DIGITS + squarings):
        scale = mp.mpf(2) ** -squarings
        a = mp.matrix(n, n)
        for i in range(n):
            a[i, i] = mp.mpc(0, -u[i]) * scale
            if i + 1 < n:
                a[i, i + 1] = scale
        total, term, m = mp.eye(n), mp.eye(n), 0
        while mp.mnorm(term, 1) > mp.mpf(10) ** (-DIGITS - squarings):
            m += 1
            term = term * a / m
            total += term
        for _ in range(squarings):
            total = total * total
        return total[0, n - 1] * mp.expj(-centre)


def simplex(vertices: npt.ArrayLike, k: npt.ArrayLike, repeat: Sequence[int] = ()) -> Any:
    """j! times the divided difference at the vertices, those in ``repeat`` once more: transform / measure."""
    v = np.asarray(vertices, dtype=float)
    with mp.workdps(DIGITS):
        t = [exact_phase(k, v[i]) for i in [*range(len(v)), *repeat]]
        return math.factorial(len(v) - 1) * opitz(t)


def measure(vertices: npt.ArrayLike) -> Any:
    """j-dimensional measure by the Gram determinant, 60 digits."""
    v = np.asarray(vertices, dtype=float)
    with mp.workdps(2 * DIGITS):
        j = len(v) - 1
        if j == 0:
            return mp.mpf(1)
        e = mp.matrix([[mp.mpf(float(x)) - mp.mpf(float(y)) for x, y in zip(row, v[0], strict=True)] for row in v[1:]])
        return mp.sqrt(mp.det(e * e.T)) / math.factorial(j)


def vertex_sum(points: npt.ArrayLike, simplices: npt.ArrayLike, volumes: Sequence[Any], k: npt.ArrayLike) -> Any:
    """Sum over d-simplices of d! vol exp[...] by the naive vertex formula, equal nodes split by 1e-40.

    sum_i e_i / prod_{j != i} (z_i - z_j) with 220 digits: another principle than `opitz`, and fast.
    """
    v, s = np.asarray(points, dtype=float), np.asarray(simplices)
    dim = v.shape[1]
    with mp.workdps(220):
        rng = np.random.default_rng(5)
        wave = [
            mp.mpf(float(x)) + mp.mpf(10) ** -40 * mp.mpf(float(r)) for x, r in zip(k, rng.random(dim), strict=True)
        ]
        t = [mp.fsum(w * mp.mpf(float(x)) for w, x in zip(wave, row, strict=True)) for row in v]
        e = [mp.expj(-x) for x in t]
        total = mp.mpc(0)
        for simplex_nodes, volume in zip(s, volumes, strict=True):
            for i in simplex_nodes:
                product = mp.mpc(0, -1) ** dim
                for j in simplex_nodes:
                    if j != i:
                        product *= t[i] - t[j]
                total += volume * e[i] / product
        return total * math.factorial(dim)


def volume(corners: npt.ArrayLike) -> Any:
    """Volume of a d-simplex, 60 digits, unsigned."""
    v = np.asarray(corners, dtype=float)
    with mp.workdps(DIGITS):
        rows = [[mp.mpf(float(x)) - mp.mpf(float(y)) for x, y in zip(r, v[0], strict=True)] for r in v[1:]]
        return abs(mp.det(mp.matrix(rows))) / math.factorial(len(v) - 1)
