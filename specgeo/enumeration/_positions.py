"""Positions of new vertices, each with a radius that bounds its error.

A vertex carries the radius e of its position error in the max norm. A row (g, c) of a plane carries ``norm`` = |g|_1
of the rounded row and ``err``, which bounds, on the domain, the distance of the rounded row from the true one and the
rounding of its value.

Residuals bound the error of a position. The rounded rows N x + c of its planes take at the true vertex x* a value of at
most err, and at x the computed one r up to rounding: up to err where x lies in the domain's box, up to (d + 1) u |N|
delta more where it is outside by delta. So N (x - x*) is at most rho = |r| + err, but for the latter. With an
approximate inverse B of N and eta = |I - B N| + (d + 1) u |B| |N| < 1, x is off by at most |B| rho / (1 - eta).

In up to four dimensions B are the computed cofactors C over the computed determinant, and eta need not be looked for.
In three, C is off by 2 u n_j n_k for the 1-norms n of rows, C N so by 6 u P for the product P of all norms, the
determinant by 5 u P, and |C| |N| is at most 3 P: eta |det| is below 24 u P. In four, where C comes from minors of two
rows, it is off by 5 u n_j n_k n_l, C N by 20 u P, the determinant by 9 u P, and |C| |N| is at most 4 P: eta |det| is
below 56 u P. In the plane C is exact, the determinant off by 2 u S for S = |N_11 N_22| + |N_12 N_21|, and as
|B| |N| |B| <= 3 S / |det| |B| entry by entry, what lies outside adds 9 u S.
"""

from __future__ import annotations

import numpy as np

from specgeo._cast import FloatArray
from specgeo._jit import hot, leaf, leaf_kernel, merged
from specgeo.enumeration._layout import Size, State
from specgeo.enumeration._scalars import SAFE, TINY, Integer, U, at_least, gamma, index

_Four = tuple[float, float, float, float]


@hot
def _residual(state: State, vertex: Integer, plane: Integer, dim: Integer) -> float:
    """Value of a plane's row at a vertex."""
    value = state.planes[plane, dim]
    for c in range(dim):
        value += state.planes[plane, c] * state.x[vertex, c]
    return float(value)


@hot
def _cross(planes: FloatArray, i: Integer, j: Integer) -> tuple[float, float, float]:
    """Cross product of the normals of two planes in space."""
    a0, a1, a2, b0, b1, b2 = planes[i, 0], planes[i, 1], planes[i, 2], planes[j, 0], planes[j, 1], planes[j, 2]
    return a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0


@merged
def _spread_in_space(state: State, vertex: Integer, ra: float, rc: float) -> tuple[float, float, bool]:
    """|C| rho in the max norm, |det| (1 - eta), whether the residual of the second plane is explained.

    rho is known for the first plane of the vertex and for the last.
    """
    planes, vplanes, dim = state.planes, state.vplanes, np.int64(3)
    a, b, c = index(vplanes[vertex, 0]), index(vplanes[vertex, 1]), index(vplanes[vertex, 2])
    eb, na, nb, nc = planes[b, dim + 2], planes[a, dim + 1], planes[b, dim + 1], planes[c, dim + 1]
    rb = abs(_residual(state, vertex, b, dim)) + eb
    (a0, a1, a2), (b0, b1, b2), (c0, c1, c2) = _cross(planes, b, c), _cross(planes, c, a), _cross(planes, a, b)
    error = max(
        abs(a0) * ra + abs(b0) * rb + abs(c0) * rc,
        abs(a1) * ra + abs(b1) * rb + abs(c1) * rc,
        abs(a2) * ra + abs(b2) * rb + abs(c2) * rc,
    )
    gap = abs(planes[a, 0] * a0 + planes[a, 1] * a1 + planes[a, 2] * a2) - 24.0 * U * (na * nb * nc)
    return error, gap - 4.0 * TINY * (na + nb + nc), rb <= 5.0 * eb


@hot
def _minors(planes: FloatArray, i: Integer, j: Integer) -> tuple[float, float, float, float, float, float]:
    """Those of the normals of two planes in four dimensions: of columns 01, 02, 03, 12, 13, 23."""
    a0, a1, a2, a3 = planes[i, 0], planes[i, 1], planes[i, 2], planes[i, 3]
    b0, b1, b2, b3 = planes[j, 0], planes[j, 1], planes[j, 2], planes[j, 3]
    return (
        a0 * b1 - a1 * b0,
        a0 * b2 - a2 * b0,
        a0 * b3 - a3 * b0,
        a1 * b2 - a2 * b1,
        a1 * b3 - a3 * b1,
        a2 * b3 - a3 * b2,
    )


@hot
def _cofactors(planes: FloatArray, i: Integer, minors: tuple[float, float, float, float, float, float]) -> _Four:
    """Those of the row beside the normal of a plane and two that have these minors, but for a sign that they share."""
    a0, a1, a2, a3 = planes[i, 0], planes[i, 1], planes[i, 2], planes[i, 3]
    m01, m02, m03, m12, m13, m23 = minors
    return (
        a1 * m23 - a2 * m13 + a3 * m12,
        a2 * m03 - a0 * m23 - a3 * m02,
        a0 * m13 - a1 * m03 + a3 * m01,
        a1 * m02 - a0 * m12 - a2 * m01,
    )


@hot
def _add_sizes(total: _Four, row: _Four, factor: float) -> _Four:
    """total + |row| factor."""
    (t0, t1, t2, t3), (a0, a1, a2, a3) = total, row
    return t0 + abs(a0) * factor, t1 + abs(a1) * factor, t2 + abs(a2) * factor, t3 + abs(a3) * factor


@merged
def _spread_in_four(state: State, vertex: Integer, ra: float, rd: float) -> tuple[float, float, bool]:
    """As in space, in four dimensions."""
    planes, vplanes, dim = state.planes, state.vplanes, np.int64(4)
    a, b = index(vplanes[vertex, 0]), index(vplanes[vertex, 1])
    c, d = index(vplanes[vertex, 2]), index(vplanes[vertex, 3])
    eb, ec = planes[b, dim + 2], planes[c, dim + 2]
    rb, rc = abs(_residual(state, vertex, b, dim)) + eb, abs(_residual(state, vertex, c, dim)) + ec
    na, nb, nc, nd = planes[a, dim + 1], planes[b, dim + 1], planes[c, dim + 1], planes[d, dim + 1]
    upper, lower = _minors(planes, a, b), _minors(planes, c, d)
    a0, a1, a2, a3 = _cofactors(planes, b, lower)
    spread = abs(a0) * ra, abs(a1) * ra, abs(a2) * ra, abs(a3) * ra
    spread = _add_sizes(spread, _cofactors(planes, a, lower), rb)
    spread = _add_sizes(spread, _cofactors(planes, d, upper), rc)
    spread = _add_sizes(spread, _cofactors(planes, c, upper), rd)
    det = planes[a, 0] * a0 + planes[a, 1] * a1 + planes[a, 2] * a2 + planes[a, 3] * a3
    gap = abs(det) - 56.0 * U * ((na * nb) * (nc * nd)) - 4.0 * TINY * (1.0 + na + nb + nc + nd) ** 2
    return max(max(spread[0], spread[1]), max(spread[2], spread[3])), gap, rb <= 5.0 * eb and rc <= 5.0 * ec


@merged
def _spread(state: State, vertex: Integer, dim: Integer) -> tuple[float, bool]:
    """Bound on the error of a position by its residuals, in up to four dimensions; infinite where there is none.

    Returns also whether there is none that is better: the residuals are at most 4 err, which rounding explains, and a
    Newton step could reduce |B| (|r| + err) five times at most, however large that is.
    """
    planes, vplanes, last = state.planes, state.vplanes, dim - 1
    a, b = index(vplanes[vertex, 0]), index(vplanes[vertex, last])
    ea, eb = planes[a, dim + 2], planes[b, dim + 2]
    ra, rb = abs(_residual(state, vertex, a, dim)) + ea, abs(_residual(state, vertex, b, dim)) + eb
    explained = ra <= 5.0 * ea and rb <= 5.0 * eb
    if dim == 1:
        error, gap = ra, abs(planes[a, 0])
    elif dim == 2:
        a0, a1, b0, b1 = planes[a, 0], planes[a, 1], planes[b, 0], planes[b, 1]
        error = max(abs(b1) * ra + abs(a1) * rb, abs(b0) * ra + abs(a0) * rb)
        gap = abs(a0 * b1 - a1 * b0) - 12.0 * U * (abs(a0 * b1) + abs(a1 * b0))
    else:
        if dim == 3:
            error, gap, others = _spread_in_space(state, vertex, ra, rb)
        else:
            error, gap, others = _spread_in_four(state, vertex, ra, rb)
        explained = explained and others
    gap -= 4.0 * TINY
    error = (error + 4.0 * TINY) / gap * SAFE + TINY
    known = gap > 0.0 and gap < np.inf and error < np.inf
    return error if known else np.inf, bool(known and explained)


@merged
def place(state: State, vertex: Integer, p: Integer, q: Integer, plane: Integer, dim: Integer) -> bool:
    """Position of a new vertex: the zero of a plane on the line through vertices p and q, with its error radius.

    With d_p = norm e_p + err the weight of q is off by at most (|z_q| d_p + |z_p| d_q) / (gap true gap)
    <= max(d_p, d_q) / true gap. So errors grow from vertex to vertex; in up to four dimensions the residuals give a
    second bound that does not. Returns whether a Newton step is known to be of no use.
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
    error = error * SAFE + TINY if known else np.inf
    settled = True
    if dim < 5:
        spread, settled = _spread(state, vertex, dim)
        error = min(spread, error)
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
    """One Newton step for the d planes of a vertex, and an error radius from the residuals.

    Keeps the old position if that is better. ``a`` is scratch, (d, 2 d).
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
