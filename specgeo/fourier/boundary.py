"""Indicator transforms of polygons and polyhedra from their edges (Gauss twice), lanes over k.

Notation. Edge e from p to q, phases t = k.v, D_e = exp[-i t_p, -i t_q], so that the integral of
exp(-i k.x) over e is |e| D_e. Outward normals n, in-plane outward conormals m, lengths |e|
folded into n_e and m_fe::

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
from specgeo._jit import inline, kernel, lane
from specgeo.fourier.lanes import D_ROWS, SCRATCH, gather_lanes, three_nodes
from specgeo.fourier.phases import LANES, POINT, fill_table, fma

_NEAR = 0.5  # |t_q - t_p| below which D_e is a Taylor sum: each edge enters with a weight, two roundings may be lost
_TILT = 1e-2  # k closer than this angle to a face normal: the in-plane part of k has lost digits

# sin x / x and -(1 - cos x) / x^2 in x^2
_A = (1.0, -1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800, 1 / 6227020800, -1 / 1307674368000)
_B = (-1 / 2, 1 / 24, -1 / 720, 1 / 40320, -1 / 3628800, 1 / 479001600, -1 / 87178291200)


@lane
def edge_difference(
    h0: float, l0: float, c0: float, s0: float, h1: float, l1: float, c1: float, s1: float
) -> tuple[float, float]:
    """exp[-i t_0, -i t_1], far or near, without a branch."""
    x = (h1 - h0) + (l1 - l0)
    r = 1.0 / x
    far_re, far_im = (s0 - s1) * r, (c1 - c0) * r
    z = x * x
    a = fma(z, fma(z, fma(z, fma(z, fma(z, fma(z, fma(z, _A[7], _A[6]), _A[5]), _A[4]), _A[3]), _A[2]), _A[1]), _A[0])
    b = x * fma(z, fma(z, fma(z, fma(z, fma(z, fma(z, _B[6], _B[5]), _B[4]), _B[3]), _B[2]), _B[1]), _B[0])
    near = abs(x) < _NEAR
    return c0 * a - s0 * b if near else far_re, c0 * b + s0 * a if near else far_im


@inline
def _polygon_edge(w: FloatArray, n: int, normal_x: float, normal_y: float) -> None:
    """Add (k.n_e) D_e to rows 10, 11; rows 0-3 and 4-7 are the ends, rows 8, 9 hold k."""
    m = LANES
    for at in range(n):
        re, im = edge_difference(
            w[at], w[m + at], w[2 * m + at], w[3 * m + at], w[4 * m + at], w[5 * m + at], w[6 * m + at], w[7 * m + at]
        )
        kn = w[8 * m + at] * normal_x + w[9 * m + at] * normal_y
        w[10 * m + at] += kn * re
        w[11 * m + at] += kn * im


@kernel
def polygon_sum(points: FloatArray, ring_offsets: IntArray, k: FloatArray, real: FloatArray, imag: FloatArray) -> None:
    """Indicator of the polygon whose rings (interior on the left) are consecutive points; ``k`` (2, n_k)."""
    w = np.empty(12 * LANES)
    first = np.empty(POINT)
    for start in range(0, k.shape[1], LANES):
        n = min(LANES, k.shape[1] - start)
        for at in range(n):
            w[8 * LANES + at], w[9 * LANES + at] = k[0, start + at], k[1, start + at]
            w[10 * LANES + at], w[11 * LANES + at] = 0.0, 0.0
        for ring in range(len(ring_offsets) - 1):
            a, b = ring_offsets[ring], ring_offsets[ring + 1]
            fill_table(points[a : a + 1], k, start, n, first)
            w[:POINT] = first
            newer = POINT  # the end of an edge replaces the older of two points: D_e does not mind their order
            for p in range(a, b):
                q = p + 1 if p + 1 < b else a
                if q == a:
                    w[newer : newer + POINT] = first
                else:
                    fill_table(points[q : q + 1], k, start, n, w[newer : newer + POINT])
                newer = POINT - newer
                _polygon_edge(w, n, points[q, 1] - points[p, 1], points[p, 0] - points[q, 0])
        for at in range(n):
            x, y = w[8 * LANES + at], w[9 * LANES + at]
            r = 1.0 / (x * x + y * y)
            real[start + at] = -w[11 * LANES + at] * r
            imag[start + at] = w[10 * LANES + at] * r


@inline
def _edge_weight(
    k: FloatArray, rates: FloatArray, start: int, n: int, face: int, conormal: FloatArray, weight: FloatArray
) -> None:
    """Add (k.n_f / k_f^2) (k.m_fe) to an edge's weight."""
    x, y, z = k[0, start : start + n], k[1, start : start + n], k[2, start : start + n]
    rate = rates[face * LANES : face * LANES + n]
    a, b, c = conormal[0], conormal[1], conormal[2]
    for at in range(n):
        weight[at] += rate[at] * fma(x[at], a, fma(y[at], b, z[at] * c))


@inline
def _face_rates(
    k: FloatArray, start: int, n: int, frame: FloatArray, limit: float, rate: FloatArray, tilted: FloatArray
) -> int:
    """k.n_f / k_f^2, zero for lanes nearly normal to the face; ``tilted`` = k.n_f there. Returns their number."""
    x, y, z = k[0, start : start + n], k[1, start : start + n], k[2, start : start + n]
    ux, uy, uz = frame[0, 0], frame[0, 1], frame[0, 2]
    vx, vy, vz = frame[1, 0], frame[1, 1], frame[1, 2]
    nx, ny, nz = frame[2, 0], frame[2, 1], frame[2, 2]
    count = 0
    for at in range(n):
        a = fma(x[at], ux, fma(y[at], uy, z[at] * uz))
        b = fma(x[at], vx, fma(y[at], vy, z[at] * vz))
        c = fma(x[at], nx, fma(y[at], ny, z[at] * nz))
        square = a * a + b * b
        flat = square < limit or square < _TILT * _TILT * (c * c)
        rate[at] = 0.0 if flat else c / square
        tilted[at] = c if flat else 0.0
        count += 1 if flat else 0
    return count


@inline
def _tilted_face(
    table: FloatArray,
    triangles: IntArray,
    areas: FloatArray,
    tilted: FloatArray,
    n: int,
    w: FloatArray,
    acc: FloatArray,
) -> None:
    """Add i (k.n_f) F_f, F_f summed over triangles, for the lanes where ``tilted`` is not zero."""
    lanes = np.empty(LANES, np.int64)
    count = 0
    for at in range(n):
        if tilted[at] != 0.0:
            lanes[count] = at
            count += 1
    for t in range(triangles.shape[0]):
        for i in range(3):
            gather_lanes(table, triangles[t, i], i, lanes[:count], w)
        three_nodes(w, count)
        area = 2.0 * areas[t]
        for a in range(count):
            x = area * tilted[lanes[a]]
            acc[lanes[a]] -= x * w[D_ROWS + LANES + a]
            acc[LANES + lanes[a]] += x * w[D_ROWS + a]


@kernel
def polyhedron_sum(
    points: FloatArray,
    edges: IntArray,
    side_offsets: IntArray,
    side_faces: IntArray,
    conormals: FloatArray,
    frames: FloatArray,
    limits: FloatArray,
    triangle_offsets: IntArray,
    triangles: IntArray,
    areas: FloatArray,
    k: FloatArray,
    real: FloatArray,
    imag: FloatArray,
) -> None:
    """Indicator of a closed polyhedron; ``k`` (3, n_k).

    Edge e lies in the faces ``side_faces[side_offsets[e]:side_offsets[e + 1]]`` with conormals
    times length of the same positions (n, 3); ``frames`` (n_f, 3, 3) rows u, v in the plane and n;
    ``limits`` (n_f,) the k_f^2 below which a face is summed over its triangles.
    """
    n_f = frames.shape[0]
    table = np.empty(points.shape[0] * POINT)
    rates = np.empty(n_f * LANES)
    tilted = np.empty(LANES)
    weight = np.empty(LANES)
    acc = np.empty(2 * LANES)
    w = np.empty(SCRATCH)
    for start in range(0, k.shape[1], LANES):
        n = min(LANES, k.shape[1] - start)
        fill_table(points, k, start, n, table)
        acc[:] = 0.0
        for f in range(n_f):
            row = rates[f * LANES : (f + 1) * LANES]
            if _face_rates(k, start, n, frames[f], limits[f], row, tilted) > 0:
                a, b = triangle_offsets[f], triangle_offsets[f + 1]
                _tilted_face(table, triangles[a:b], areas[a:b], tilted, n, w, acc)
        for e in range(edges.shape[0]):
            weight[:] = 0.0
            for side in range(side_offsets[e], side_offsets[e + 1]):
                _edge_weight(k, rates, start, n, side_faces[side], conormals[side], weight)
            p = table[edges[e, 0] * POINT : (edges[e, 0] + 1) * POINT]
            q = table[edges[e, 1] * POINT : (edges[e, 1] + 1) * POINT]
            for at in range(n):
                re, im = edge_difference(
                    p[at], p[LANES + at], p[2 * LANES + at], p[3 * LANES + at],
                    q[at], q[LANES + at], q[2 * LANES + at], q[3 * LANES + at],
                )  # fmt: skip
                acc[at] -= weight[at] * re
                acc[LANES + at] -= weight[at] * im
        for at in range(n):
            x, y, z = k[0, start + at], k[1, start + at], k[2, start + at]
            r = 1.0 / (x * x + y * y + z * z)
            real[start + at], imag[start + at] = acc[at] * r, acc[LANES + at] * r
