"""Indicator transforms of polygons and polyhedra from their edges (Gauss twice), lanes over k.

Notation. Edge e from p to q, phases t = k.v, D_e = exp[-i t_p, -i t_q], so that the integral of exp(-i k.x) over e is
|e| D_e = |e| E_p E_q sin(y) / y, E exponentials of half phases, y half their difference: one polynomial for
small y. Outward normals n, in-plane outward conormals m, lengths |e| folded into n_e and m_fe::

    polygon      F = (i / k^2) sum_e (k.n_e) D_e
    polyhedron   F = (i / k^2) sum_f (k.n_f) F_f,    F_f = (i / k_f^2) sum_{e in f} (k.m_fe) D_e
                   = -(1 / k^2) sum_e D_e W_e,       W_e = sum_{f around e} (k.n_f / k_f^2) (k.m_fe)

with k_f the part of k in the plane of f. Where k is nearly normal to f, that face alone is summed
over its triangles by three-node divided differences. Both forms lose eps |boundary| / (|k| |P|);
the caller keeps small |k| away and sums simplices there.
"""

from __future__ import annotations

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._fused import fma, two_product_error, two_sum
from specgeo._jit import kernel, lane, leaf
from specgeo.fourier.lanes import D_ROWS, SCRATCH, SINC, three_nodes
from specgeo.fourier.phases import LANES, POINT, add_product, fill_table, unit
from specgeo.fourier.solids import Solid

Edge = tuple[float, float, float]

_TILT = 1e-2  # k closer than this angle to a face normal: the in-plane part of k has lost digits


@lane
def _half_edge(h0: float, l0: float, c0: float, s0: float, h1: float, l1: float, c1: float, s1: float) -> Edge:
    """sin y / y, and E_p E_q, from half phases and their exponentials."""
    y = (h1 - h0) + (l1 - l0)
    z = y * y
    near = fma(z, fma(z, fma(z, fma(z, fma(z, fma(z, SINC[6], SINC[5]), SINC[4]), SINC[3]), SINC[2]), SINC[1]), SINC[0])
    far = fma(c1, s0, -(s1 * c0)) / y
    return near if z < 0.25 else far, fma(c0, c1, -(s0 * s1)), fma(c0, s1, s0 * c1)


@leaf
def _first_corner(w: FloatArray, n: int, x: float, y: float) -> None:
    """The half phases and exponentials of a corner to rows 0-3, the last corner, and 4-7, the first one."""
    m = LANES
    for at in range(n):
        hi = w[8 * m + at] * x
        hi, lo = add_product(hi, two_product_error(w[8 * m + at], x, hi), w[9 * m + at], y)
        c, s = unit(hi, lo)
        w[at], w[m + at], w[2 * m + at], w[3 * m + at] = hi, lo, c, s
        w[4 * m + at], w[5 * m + at], w[6 * m + at], w[7 * m + at] = hi, lo, c, s


@leaf
def _next_corner(w: FloatArray, n: int, x: float, y: float, normal_x: float, normal_y: float) -> None:
    """Add (k.n_e / 2) D_e for the edge from the last corner to this one to rows 10, 11; this one is the last then."""
    m = LANES
    for at in range(n):
        kx, ky = w[8 * m + at], w[9 * m + at]
        hi = kx * x
        hi, lo = add_product(hi, two_product_error(kx, x, hi), ky, y)
        c, s = unit(hi, lo)
        size, re, im = _half_edge(w[at], w[m + at], w[2 * m + at], w[3 * m + at], hi, lo, c, s)
        g = fma(kx, normal_x, ky * normal_y) * size
        w[10 * m + at] = fma(g, re, w[10 * m + at])
        w[11 * m + at] = fma(g, im, w[11 * m + at])
        w[at], w[m + at], w[2 * m + at], w[3 * m + at] = hi, lo, c, s


@leaf
def _close_ring(w: FloatArray, n: int, normal_x: float, normal_y: float) -> None:
    """The same for the edge from the last corner to the first."""
    m = LANES
    for at in range(n):
        size, re, im = _half_edge(
            w[at], w[m + at], w[2 * m + at], w[3 * m + at], w[4 * m + at], w[5 * m + at], w[6 * m + at], w[7 * m + at]
        )
        g = fma(w[8 * m + at], normal_x, w[9 * m + at] * normal_y) * size
        w[10 * m + at] = fma(g, re, w[10 * m + at])
        w[11 * m + at] = fma(g, im, w[11 * m + at])


@leaf
def _load_plane(k: FloatArray, n: int, low: float, waves: FloatArray) -> int:
    """Turn n wavevectors, one after the other, into lanes of k / 2; returns how many have |k|^2 below ``low``."""
    outside = 0
    for at in range(n):
        x, y = k[2 * at], k[2 * at + 1]
        waves[at], waves[LANES + at] = 0.5 * x, 0.5 * y
        outside += 0 if x * x + y * y >= low else 1
    return outside


@leaf
def _load_space(k: FloatArray, n: int, low: float, high: float, waves: FloatArray) -> int:
    """The same in space with k itself, for |k|^2 outside [low, high]."""
    outside = 0
    for at in range(n):
        x, y, z = k[3 * at], k[3 * at + 1], k[3 * at + 2]
        waves[at], waves[LANES + at], waves[2 * LANES + at] = x, y, z
        square = x * x + y * y + z * z
        outside += 0 if (square >= low) & (square <= high) else 1
    return outside


@leaf
def _store(re: FloatArray, im: FloatArray, x: FloatArray, n: int, out: FloatArray) -> None:
    """out = (re, im) / x, as complex numbers."""
    for at in range(n):
        r = 1.0 / x[at]
        out[2 * at], out[2 * at + 1] = re[at] * r, im[at] * r


@kernel
def polygon_sum(points: FloatArray, ring_offsets: IntArray, k: FloatArray, low: float, out: FloatArray) -> int:
    """Indicator of the polygon whose rings (interior on the left) are consecutive points; ``k``, ``out`` (2 n_k,).

    Wavevectors and results, complex, one after the other: to reshape within a kernel takes seconds to compile. Returns
    the number of wavevectors with |k|^2 < low: these are for the caller to do otherwise, and a block of nothing else
    is left out.
    """
    w = np.empty(12 * LANES)
    near, n_k = 0, len(k) // 2
    for start in range(0, n_k, LANES):
        n = min(LANES, n_k - start)
        outside = _load_plane(k[2 * start :], n, low, w[8 * LANES :])
        near += outside
        if outside == n:
            continue
        w[10 * LANES :] = 0.0
        for ring in range(len(ring_offsets) - 1):
            a, b = ring_offsets[ring], ring_offsets[ring + 1]
            _first_corner(w, n, points[a, 0], points[a, 1])
            for q in range(a + 1, b):
                x, y = points[q, 0], points[q, 1]
                _next_corner(w, n, x, y, y - points[q - 1, 1], points[q - 1, 0] - x)
            _close_ring(w, n, points[a, 1] - points[b - 1, 1], points[b - 1, 0] - points[a, 0])
        for at in range(n):
            x, y = w[8 * LANES + at], w[9 * LANES + at]
            w[at] = 2.0 * (x * x + y * y)
            w[11 * LANES + at] = -w[11 * LANES + at]
        _store(w[11 * LANES :], w[10 * LANES :], w, n, out[2 * start :])
    return near


@leaf
def _face_rates(block: FloatArray, frame: FloatArray, limit: float, rate: FloatArray, tilted: FloatArray) -> int:
    """k.n_f / k_f^2, zero for lanes nearly normal to the face; ``tilted`` = k.n_f there. Returns their number."""
    ux, uy, uz = frame[0, 0], frame[0, 1], frame[0, 2]
    vx, vy, vz = frame[1, 0], frame[1, 1], frame[1, 2]
    nx, ny, nz = frame[2, 0], frame[2, 1], frame[2, 2]
    count = 0
    for at in range(LANES):  # all lanes: a number known to the compiler; what is in those beyond n is thrown away
        x, y, z = block[at], block[LANES + at], block[2 * LANES + at]
        a = fma(x, ux, fma(y, uy, z * uz))
        b = fma(x, vx, fma(y, vy, z * vz))
        c = fma(x, nx, fma(y, ny, z * nz))
        square = a * a + b * b
        flat = square < limit or square < _TILT * _TILT * (c * c)
        rate[at] = 0.0 if flat else c / square
        tilted[at] = c if flat else 0.0
        count += 1 if flat else 0
    return count


@leaf
def _solid_edge(
    block: FloatArray, p: FloatArray, q: FloatArray, left: FloatArray, right: FloatArray, conormals: FloatArray
) -> None:
    """Subtract D_e W_e: ``left``, ``right`` the rates of the two faces, ``conormals`` (2, 3)."""
    a0, a1, a2 = conormals[0, 0], conormals[0, 1], conormals[0, 2]
    b0, b1, b2 = conormals[1, 0], conormals[1, 1], conormals[1, 2]
    for at in range(LANES):
        x, y, z = block[at], block[LANES + at], block[2 * LANES + at]
        weight = left[at] * fma(x, a0, fma(y, a1, z * a2)) + right[at] * fma(x, b0, fma(y, b1, z * b2))
        size, re, im = _half_edge(
            p[at], p[LANES + at], p[2 * LANES + at], p[3 * LANES + at],
            q[at], q[LANES + at], q[2 * LANES + at], q[3 * LANES + at],
        )  # fmt: skip
        block[3 * LANES + at] = fma(-weight * size, re, block[3 * LANES + at])
        block[4 * LANES + at] = fma(-weight * size, im, block[4 * LANES + at])


@lane
def _load_whole(table: FloatArray, source: int, w: FloatArray, target: int) -> None:
    """A node of the whole phase, from the half: e^{-2ih} = (c + is)^2."""
    c, s = table[source + 2 * LANES], table[source + 3 * LANES]
    w[target], w[target + LANES] = 2.0 * table[source], 2.0 * table[source + LANES]
    w[target + 2 * LANES], w[target + 3 * LANES] = (c - s) * (c + s), 2.0 * c * s


@leaf
def _add_tilted(w: FloatArray, count: int, lanes: IntArray, weights: FloatArray, block: FloatArray) -> None:
    """Add i (k.n_f) times the transform of the triangles waiting in the scratch vector, each to its own lane.

    The sums are compensated: a face may be cut into thousands of equal triangles, whose roundings point the same way.
    """
    three_nodes(w, count)
    for a in range(count):
        re, im = 3 * LANES + lanes[a], 4 * LANES + lanes[a]
        block[re], error_re = two_sum(block[re], -weights[a] * w[D_ROWS + LANES + a])
        block[im], error_im = two_sum(block[im], weights[a] * w[D_ROWS + a])
        block[re + 2 * LANES] += error_re
        block[im + 2 * LANES] += error_im


@kernel
def polyhedron_sum(points: FloatArray, solid: Solid, k: FloatArray, low: float, high: float, out: FloatArray) -> int:
    """Indicator of a closed polyhedron; ``k`` (3 n_k,), ``out`` (2 n_k,) as in `polygon_sum`.

    Returns the number of wavevectors with |k|^2 outside [low, high], which are for the caller to do otherwise.

    The (triangle, lane) pairs of faces nearly normal to k are few in each face: they queue in the
    scratch vector over all faces until it is full.
    """
    n_f = solid.frames.shape[0]
    table = np.zeros(points.shape[0] * POINT)  # of half phases
    rates = np.zeros(n_f * LANES)
    tilted = np.empty(LANES)
    block = np.zeros(7 * LANES)  # k, the sum and its compensation
    w = np.empty(SCRATCH)
    lanes = np.empty(LANES, np.int64)
    weights = np.empty(LANES)
    waves, origin = np.empty((3, LANES)), int(np.int64(0))  # a literal 0 is another type: compiled anew
    others, n_k = 0, len(k) // 3
    for start in range(0, n_k, LANES):
        n = min(LANES, n_k - start)
        outside = _load_space(k[3 * start :], n, low, high, block)
        others += outside
        if outside == n:
            continue
        for at in range(n):
            for axis in range(3):
                waves[axis, at] = 0.5 * block[axis * LANES + at]
        fill_table(points, waves, origin, n, table)
        block[3 * LANES :] = 0.0
        waiting = 0
        for f in range(n_f):
            if _face_rates(block, solid.frames[f], solid.limits[f], rates[f * LANES : (f + 1) * LANES], tilted) == 0:
                continue
            for at in range(n):
                if tilted[at] == 0.0:
                    continue
                for t in range(solid.triangle_offsets[f], solid.triangle_offsets[f + 1]):
                    for i in range(3):
                        _load_whole(table, solid.triangles[t, i] * POINT + at, w, i * POINT + waiting)
                    lanes[waiting], weights[waiting] = at, 2.0 * solid.areas[t] * tilted[at]
                    waiting += 1
                    if waiting == LANES:
                        _add_tilted(w, waiting, lanes, weights, block)
                        waiting = 0
        if waiting > 0:
            _add_tilted(w, waiting, lanes, weights, block)
        for e in range(solid.edges.shape[0]):
            p, q = solid.edges[e, 0] * POINT, solid.edges[e, 1] * POINT
            left, right = solid.side_faces[e, 0] * LANES, solid.side_faces[e, 1] * LANES
            _solid_edge(
                block, table[p : p + POINT], table[q : q + POINT],
                rates[left : left + LANES], rates[right : right + LANES], solid.conormals[e],
            )  # fmt: skip
        for at in range(n):
            x, y, z = block[at], block[LANES + at], block[2 * LANES + at]
            tilted[at] = x * x + y * y + z * z
            block[3 * LANES + at] += block[5 * LANES + at]
            block[4 * LANES + at] += block[6 * LANES + at]
        _store(block[3 * LANES :], block[4 * LANES :], tilted, n, out[2 * start :])
    return others
