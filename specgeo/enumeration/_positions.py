"""Positions of new vertices, each with a radius that bounds its error.

A vertex carries the radius e of its position error in the max norm. A row (g, c) of a plane carries ``norm`` = |g|_1
of the rounded row and ``err``, which bounds, on the domain, the distance of the rounded row from the true one and the
rounding of its value.
"""

from __future__ import annotations

import numpy as np

from specgeo._cast import FloatArray
from specgeo._jit import hot, leaf, leaf_kernel, merged
from specgeo.enumeration._layout import Size, State
from specgeo.enumeration._scalars import SAFE, TINY, Integer, U, at_least, gamma


@hot
def _residual(state: State, vertex: Integer, plane: Integer, dim: Integer) -> float:
    """Value of a plane's row at a vertex."""
    value = state.planes[plane, dim]
    for c in range(dim):
        value += state.planes[plane, c] * state.x[vertex, c]
    return float(value)


@merged
def place(state: State, vertex: Integer, p: Integer, q: Integer, plane: Integer, dim: Integer) -> bool:
    """Position of a new vertex: the zero of a plane on the line through vertices p and q, with its error radius.

    With d_p = norm e_p + err the weight of q is off by at most (|z_q| d_p + |z_p| d_q) / (gap true gap)
    <= max(d_p, d_q) / true gap. So errors grow from vertex to vertex; in the plane and on the line the residuals give a
    second bound that does not (`sharpen` has the argument and does the same in any dimension). Returns whether the
    position is as good as can be had by interpolation. There that says that a Newton step is of no use: the residuals r
    are at most 4 err, so it could reduce |B| (|r| + err) five times at most, however large that is.
    """
    zp, zq = state.planes[plane, dim], state.planes[plane, dim]
    length, largest = 0.0, 0.0
    for c in range(dim):
        a, b, g = state.x[p, c], state.x[q, c], state.planes[plane, c]
        zp += g * a
        zq += g * b
        length = max(length, abs(b - a))
        largest = max(largest, max(abs(a), abs(b)))
    ratio = zp / (zp - zq)
    between = ratio >= 0.0 and ratio <= 1.0
    if not between:
        ratio = 0.5
    for c in range(dim):
        state.x[vertex, c] = state.x[p, c] + ratio * (state.x[q, c] - state.x[p, c])
    ep, eq = state.x[p, dim], state.x[q, dim]
    dp = state.planes[plane, dim + 1] * ep + state.planes[plane, dim + 2]
    dq = state.planes[plane, dim + 1] * eq + state.planes[plane, dim + 2]
    gap = abs(zp - zq) - (dp + dq)
    error = max(ep, eq) + (max(dp, dq) / gap + 4.0 * U) * length + 4.0 * U * largest
    # an overflow, or values that are not numbers, mean that nothing is known
    known = gap > 0.0 and gap < np.inf and between and error < np.inf
    state.x[vertex, dim] = error * SAFE + TINY if known else np.inf
    settled = True  # the residuals are no larger than what rounding explains
    if dim == 1:
        gap, err = abs(state.planes[plane, 0]), state.planes[plane, dim + 2]
        residual = abs(_residual(state, vertex, plane, dim))
        error, settled = (residual + err) / gap, residual <= 4.0 * err
    elif dim == 2:
        other = np.int64(state.vplanes[vertex, 0])
        a0, a1, b0, b1 = state.planes[other, 0], state.planes[other, 1], state.planes[plane, 0], state.planes[plane, 1]
        ra, rb = abs(_residual(state, vertex, other, dim)), abs(_residual(state, vertex, plane, dim))
        settled = ra <= 4.0 * state.planes[other, dim + 2] and rb <= 4.0 * state.planes[plane, dim + 2]
        ra, rb = ra + state.planes[other, dim + 2], rb + state.planes[plane, dim + 2]
        gap = abs(a0 * b1 - a1 * b0) - 8.0 * U * (abs(a0 * b1) + abs(a1 * b0)) - 4.0 * TINY  # 4 U outside the box
        error = (max(abs(b1) * ra + abs(a1) * rb, abs(b0) * ra + abs(a0) * rb) + 4.0 * TINY) / gap
    error = error * SAFE + TINY
    if dim < 3 and gap > 0.0 and gap < np.inf and error < state.x[vertex, dim]:
        state.x[vertex, dim] = error
    return bool(known and settled)


@merged
def invert(state: State, vertex: Integer, a: FloatArray, dim: Integer) -> bool:
    """About the inverse of the rounded normals of a vertex's planes, in a[:, d:]; False if there is none.

    ``a`` is scratch, (d, 2 d).
    """
    for r in range(dim):
        plane = state.vplanes[vertex, r]
        for c in range(dim):
            a[r, c] = state.planes[plane, c]
            a[r, dim + c] = 1.0 if r == c else 0.0
    for c in range(dim):  # Gauss-Jordan elimination with partial pivoting
        best = c
        for r in range(c + 1, dim):
            if abs(a[r, c]) > abs(a[best, c]):
                best = r
        if not abs(a[best, c]) > 0.0:
            return False
        for k in range(2 * dim):
            a[c, k], a[best, k] = a[best, k], a[c, k]
        pivot = a[c, c]
        for k in range(2 * dim):
            a[c, k] /= pivot
        for r in range(dim):
            if r != c:
                factor = a[r, c]
                for k in range(2 * dim):
                    a[r, k] -= factor * a[c, k]
    return True


@merged
def defect(state: State, vertex: Integer, a: FloatArray, dim: Integer) -> float:
    """Bound on |I - B N| in the max norm for the rounded normals N of a vertex's planes, and B in a[:, d:]."""
    eta = 0.0
    for c in range(dim):
        total = 0.0
        for k in range(dim):
            entry, size = (-1.0 if c == k else 0.0), 0.0
            for r in range(dim):
                plane = state.vplanes[vertex, r]
                product = a[c, dim + r] * state.planes[plane, k]
                entry += product
                size += abs(product)
            total += abs(entry) + gamma(2 * dim + 2) * (size + 1.0)  # rounding of this entry, and outside the box
        eta = at_least(eta, total)
    return float(eta)


@leaf
def sharpen(state: State, vertex: Integer, a: FloatArray, dim: Integer) -> None:
    """One Newton step for the d planes of a vertex, and an error radius from the residual.

    The rounded rows N x + c take at the true vertex a value of at most err, and at x the computed one up to rounding:
    up to err where x lies in the domain's box, up to d u |N| delta more where it is outside by delta. So N (x - true
    vertex) is at most |residual| + err + d u |N| delta. With an approximate inverse B of N and eta = |I - B N| +
    d u |B| |N| < 1, the point is off by at most |B| (|residual| + err) / (1 - eta). Keeps the old position if that is
    better. ``a`` is scratch, (d, 2 d).
    """
    if not invert(state, vertex, a, dim):
        return
    eta = defect(state, vertex, a, dim)
    if not eta < 0.5:
        return
    for r in range(dim):  # residuals, then the step; columns 0 and 1 of the scratch are free now
        a[r, 0] = _residual(state, vertex, state.vplanes[vertex, r], dim)
    old = state.x[vertex, 0]
    for c in range(dim):
        step = 0.0
        for r in range(dim):
            step += a[c, dim + r] * a[r, 0]
        if dim > 1:
            a[c, 1] = state.x[vertex, c]
        state.x[vertex, c] -= step
    radius = 0.0
    for r in range(dim):
        residual = _residual(state, vertex, state.vplanes[vertex, r], dim)
        a[r, 0] = abs(residual) + state.planes[state.vplanes[vertex, r], dim + 2]
    for c in range(dim):
        total = 0.0
        for r in range(dim):
            total += abs(a[c, dim + r]) * a[r, 0]
        radius = at_least(radius, total)
    radius = radius * SAFE / (1.0 - eta) + dim * TINY
    if radius < state.x[vertex, dim]:
        state.x[vertex, dim] = radius
    else:
        for c in range(dim):
            state.x[vertex, c] = a[c, 1] if dim > 1 else old


@leaf_kernel
def finish_positions(state: State, dim: Integer) -> int:
    """Give the vertices on walls normal to an axis the walls' coordinates; how many others are not told from 0."""
    n_doubtful = 0
    for v in range(state.sizes[Size.VERTICES]):
        doubtful = False
        for c in range(dim):
            size = abs(state.x[v, c])
            doubtful |= size > 0.0 and not size > state.x[v, dim]
        n_doubtful += int(doubtful)
        for i in range(dim):
            plane = state.vplanes[v, i]
            if state.porigin[plane, 0] < 0 and state.porigin[plane, 2] >= 0:
                axis, n_axes = 0, 0
                for c in range(dim):
                    if state.planes[plane, c] != 0.0:
                        axis, n_axes = c, n_axes + 1
                if n_axes == 1:
                    state.x[v, axis] = -state.planes[plane, dim] / state.planes[plane, axis]
    return n_doubtful
