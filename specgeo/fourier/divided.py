"""Divided difference of exp on the imaginary axis for any number of nodes, repeated ones included.

Notation: real phases t_0 <= ... <= t_n, nodes z_i = -i t_i, runs [i..i+L] of the sorted nodes::

    v[i, L] = exp[z_i, ..., z_{i+L}]
    near run (t_{i+L} - t_i < reach(L)):  v[i, L] = e_c sum_m (-i)^m h_m(t - t_c) / (m + L)!
    far run:                              v[i, L] = i (v[i+1, L-1] - v[i, L-1]) / (t_{i+L} - t_i)

Only the runs that the full run needs are evaluated: a staircase of near runs and the far runs
above it. This is the scalar twin of `specgeo.fourier.lanes`, used above four nodes.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import ComplexArray, FloatArray, as_floats
from specgeo._fused import fma
from specgeo._jit import inline, kernel, lane
from specgeo.errors import InvalidInputError
from specgeo.fourier.phases import unit

_FACTORIALS = np.array([1.0 / math.factorial(m) for m in range(171)])
MAX_NODES = 64
_INVERSES = np.array([0.0, *(1.0 / m for m in range(1, 171))])
_PAIR = tuple((1.0, -1.0, -1.0, 1.0)[m % 4] / math.factorial(m + 1) for m in range(18))
WORK = 9 * MAX_NODES  # doubles of workspace: t hi, t lo, c, s, v re, v im, h, u, bits of the levels
_TERM = 4e-18  # relative size of the first neglected Taylor term


@lane
def _reach(length: int) -> float:
    """Spread below which a run of ``length + 1`` nodes is summed by Taylor."""
    return max(1.0, 0.75 * length)


@inline
def _pair(work: FloatArray, first: int) -> tuple[float, float]:
    """exp[z_first, z_{first+1}] = e (sin x / x - i (1 - cos x) / x) for |x| <= 1."""
    m = MAX_NODES
    x = (work[first + 1] - work[first]) + (work[m + first + 1] - work[m + first])
    z = x * x
    re = _PAIR[16]
    im = _PAIR[17]
    for n in range(14, -2, -2):
        re = fma(z, re, _PAIR[n])
        im = fma(z, im, _PAIR[n + 1])
    im *= x
    c, s = work[2 * m + first], work[3 * m + first]
    return c * re - s * im, c * im + s * re


@inline
def _taylor_short(work: FloatArray, first: int, length: int) -> tuple[float, float]:
    """`_taylor` for three and four nodes (length 2 and 3), the h_m in registers, four terms at a time."""
    m = MAX_NODES
    last = first + length
    centre = first + 1  # the inner node closest to the middle; the other one, if any, is `other`
    other = first + length - 1
    if abs(work[other] - 0.5 * (work[first] + work[last])) < abs(work[centre] - 0.5 * (work[first] + work[last])):
        centre, other = other, centre
    u = (work[first] - work[centre]) + (work[m + first] - work[m + centre])
    v = (work[last] - work[centre]) + (work[m + last] - work[m + centre])
    t = (work[other] - work[centre]) + (work[m + other] - work[m + centre])  # 0 for three nodes
    reach = max(-u, v)
    step = reach * reach * reach * reach
    a = 1.0  # h_m(u), h_m(u, t), h_m(u, t, v)
    b = 1.0
    h = 1.0
    re = 0.0
    im = 0.0
    power = 1.0
    term = 0
    while power * _FACTORIALS[term] > _TERM:
        re = fma(_FACTORIALS[term + length], h, re)
        a = u * a
        b = fma(t, b, a)
        h = fma(v, h, b)
        im = fma(-_FACTORIALS[term + length + 1], h, im)
        a = u * a
        b = fma(t, b, a)
        h = fma(v, h, b)
        re = fma(-_FACTORIALS[term + length + 2], h, re)
        a = u * a
        b = fma(t, b, a)
        h = fma(v, h, b)
        im = fma(_FACTORIALS[term + length + 3], h, im)
        a = u * a
        b = fma(t, b, a)
        h = fma(v, h, b)
        term += 4
        power *= step
    c, s = work[2 * m + centre], work[3 * m + centre]
    return c * re - s * im, c * im + s * re


@inline
def _taylor(work: FloatArray, first: int, length: int) -> tuple[float, float]:
    """exp[z_first, ..., z_{first+length}] around the node closest to the middle of the run."""
    m = MAX_NODES
    middle = 0.5 * (work[first] + work[first + length])
    centre = first
    for i in range(first + 1, first + length + 1):
        if abs(work[i] - middle) < abs(work[centre] - middle):
            centre = i
    h = work[6 * m : 7 * m]
    u = work[7 * m : 8 * m]
    reach = 0.0
    count = 0  # the centre itself has u = 0 and is left out
    for i in range(first, first + length + 1):
        if i != centre:
            u[count] = (work[i] - work[centre]) + (work[m + i] - work[m + centre])
            h[count] = 1.0
            reach = max(reach, abs(u[count]))
            count += 1
    re = _FACTORIALS[length]
    im = 0.0
    size = 1.0
    term = 0
    while size > _TERM:
        term += 1
        size *= reach * _INVERSES[term]
        x = 0.0
        for i in range(length):
            x = fma(u[i], h[i], x)
            h[i] = x
        x *= _FACTORIALS[term + length]
        turn = term & 3
        if turn == 0:
            re += x
        elif turn == 1:
            im -= x
        elif turn == 2:
            re -= x
        else:
            im += x
    c, s = work[2 * m + centre], work[3 * m + centre]
    return c * re - s * im, c * im + s * re


@inline
def _sort(work: FloatArray, n: int) -> None:
    """Insertion sort of the nodes by phase, with their exponentials."""
    m = MAX_NODES
    for i in range(1, n):
        t, low, c, s = work[i], work[m + i], work[2 * m + i], work[3 * m + i]
        j = i
        while j > 0 and work[j - 1] > t:
            for r in range(4):
                work[r * m + j] = work[r * m + j - 1]
            j -= 1
        work[j], work[m + j], work[2 * m + j], work[3 * m + j] = t, low, c, s


@inline
def difference(work: FloatArray, n: int) -> tuple[float, float]:
    """exp[z_0, ..., z_{n-1}] of the n nodes in rows 0..3 of the workspace, which it sorts."""
    m = MAX_NODES
    _sort(work, n)
    wanted = np.uint64(1)  # bit i: v[i, length] is needed; first going down from the full run
    one = np.uint64(1)
    length = n - 1
    # Level by level downwards is a staircase: run i of level L is needed iff a far run above needs it.
    levels = work[8 * m :].view(np.uint64)
    while length > 0:
        levels[length] = wanted
        below = np.uint64(0)
        for i in range(n - length):
            bit = one << np.uint64(i)
            if wanted & bit and work[i + length] - work[i] >= _reach(length):
                below |= bit | (bit << one)
        wanted = below
        length -= 1
    levels[0] = wanted
    for i in range(n):
        work[4 * m + i], work[5 * m + i] = work[2 * m + i], work[3 * m + i]
    for length in range(1, n):
        wanted = levels[length]
        for i in range(n - length):
            if not wanted & (one << np.uint64(i)):
                continue
            if work[i + length] - work[i] >= _reach(length):
                x = 1.0 / ((work[i + length] - work[i]) + (work[m + i + length] - work[m + i]))
                a = (work[5 * m + i] - work[5 * m + i + 1]) * x
                b = (work[4 * m + i + 1] - work[4 * m + i]) * x
                work[4 * m + i], work[5 * m + i] = a, b
            elif length == 1:
                work[4 * m + i], work[5 * m + i] = _pair(work, i)
            elif length <= 3:
                work[4 * m + i], work[5 * m + i] = _taylor_short(work, i, length)
            else:
                work[4 * m + i], work[5 * m + i] = _taylor(work, i, length)
    return work[4 * m], work[5 * m]


@kernel
def _differences(phases: FloatArray, real: FloatArray, imag: FloatArray) -> None:
    n = phases.shape[1]
    work = np.zeros(WORK)
    for r in range(phases.shape[0]):
        for i in range(n):
            c, s = unit(phases[r, i], 0.0)
            work[i], work[MAX_NODES + i] = phases[r, i], 0.0
            work[2 * MAX_NODES + i], work[3 * MAX_NODES + i] = c, s
        real[r], imag[r] = difference(work, n)


@checked
def divided_difference(phases: npt.ArrayLike) -> ComplexArray:
    """Divided difference exp[-i t_0, ..., -i t_n] of the exponential at imaginary nodes.

    Equal, close and far nodes are all treated stably; by Hermite-Genocchi the value times n! is
    the mean of exp(-i t) over the simplex with these vertex phases.

    Parameters
    ----------
    phases : array_like of floats, shape (..., n + 1)
        Real phases t_i in radians, at most 64 of them.

    Returns
    -------
    ndarray of complex128, shape (...)

    Raises
    ------
    InvalidInputError
        No phase, more than 64, or phases that are not finite or beyond 1e15.

    Notes
    -----
    Sorted recurrence with Taylor sums for near runs (McCurdy, Ng and Parlett 1984). Relative to
    1/n! the error is about 1e-15 up to 5 nodes, 4e-15 at 7, and grows to about 1e-14 at 9, 1e-12 at 13.

    Examples
    --------
    >>> from specgeo.fourier import divided_difference
    >>> complex(divided_difference([0.0, 0.0, 0.0]))  # exp''(0) / 2
    (0.5+0j)
    """
    t = as_floats(phases, "phases")
    if t.ndim == 0 or not 1 <= t.shape[-1] <= MAX_NODES:
        raise InvalidInputError(f"phases: shape {t.shape} given; the last axis must hold 1 to {MAX_NODES} nodes")
    if t.size and np.abs(t).max() > 1e15:
        raise InvalidInputError("phases: beyond 1e15, where a float no longer resolves a phase; reduce them first")
    rows = t.reshape(-1, t.shape[-1]) if t.size else t.reshape(0, t.shape[-1])
    real, imag = np.empty(len(rows)), np.empty(len(rows))
    _differences(rows, real, imag)
    return (real + 1j * imag).reshape(t.shape[:-1])
