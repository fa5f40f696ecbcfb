"""Indicator transforms of polygons and polyhedra from their edges (Gauss twice), vectors over k.

Notation. Edge e from p to q, phases t = k.v, D_e = exp[-i t_p, -i t_q], so that the integral of exp(-i k.x) over e is
|e| D_e = |e| E_p E_q sin(y) / y, E exponentials of half phases, y half their difference: one polynomial for
small y. Outward normals n, in-plane outward conormals m, lengths |e| folded into n_e and m_fe::

    polygon      F = (i / k^2) sum_e (k.n_e) D_e
    polyhedron   F = (i / k^2) sum_f (k.n_f) F_f,    F_f = (i / k_f^2) sum_{e in f} (k.m_fe) D_e
                   = -(1 / k^2) sum_e D_e W_e,       W_e = sum_{f around e} (k.n_f / k_f^2) (k.m_fe)

with k_f the part of k in the plane of f. Where k is nearly normal to f, that face alone is summed
over its triangles by three-node divided differences. Both forms lose eps |boundary| / (|k| |P|);
small |k| are left to other forms.

A block of `LANES` wavevectors lies in memory by rows; of these `WIDTH` at a time are taken through all edges as vectors
(`specgeo._vector`), with a table of half phases and exponentials of some corners that stays in the first-level cache.
Phases, exponentials and edges have their own loops, so that steps which do not wait for each other are close together.
"""

from __future__ import annotations

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._fused import fma, two_product_error, two_sum
from specgeo._jit import direct, kernel, lane, leaf
from specgeo._vector import WIDTH, Vector, bits_below, load, store, where_below
from specgeo.fourier.blocks import in_a_row, take
from specgeo.fourier.lanes import D_ROWS, SCRATCH, three_nodes
from specgeo.fourier.phases import LANES, POINT, ROWS, add_product, unit
from specgeo.fourier.solids import Solid

Node = tuple[Vector, Vector, Vector, Vector]  # hi, lo of a half phase, and its exponential c, s

CORNER = ROWS * WIDTH  # floats of a corner in a table
_CHUNK = 32  # corners of a ring at a time
_PLACES = 48  # for corners in a table, of as many vectors as have room: each loop takes a while to begin
_TILT = 1e-2  # k closer than this angle to a face normal: the in-plane part of k has lost digits

# sin y / y in y^2 <= _NEAR, but for the first term by Chebyshev interpolation: within 3e-17
_NEAR = 0.2
_SINC = (
    1.0,
    -0.16666666666666657,
    0.0083333333333083,
    -0.00019841269741127578,
    2.7557178993804905e-06,
    -2.4971937309754294e-08,
)


@lane
def _node(table: FloatArray, corner: int) -> Node:
    """A corner of a table."""
    at = corner * CORNER
    return load(table, at), load(table, at + WIDTH), load(table, at + 2 * WIDTH), load(table, at + 3 * WIDTH)


@lane
def _copy(table: FloatArray, source: int, target: int) -> None:
    """A corner of a table to another place."""
    for row in range(0, CORNER, WIDTH):
        store(load(table, source * CORNER + row), table, target * CORNER + row)


@lane
def _add_edge(rate: Vector, p: Node, q: Node, re: Vector, im: Vector) -> tuple[Vector, Vector]:
    """Add rate E_p E_q sin y / y to a sum. The quotient does not wait for the exponentials."""
    y = (q[0] - p[0]) + (q[1] - p[1])
    z = y * y
    near = fma(z, fma(z, fma(z, fma(z, fma(z, _SINC[5], _SINC[4]), _SINC[3]), _SINC[2]), _SINC[1]), _SINC[0])
    c0, s0, c1, s1 = p[2], p[3], q[2], q[3]
    sine = where_below(z, _NEAR, 1.0, fma(c1, s0, -(s1 * c0)))
    factor = where_below(z, _NEAR, rate * near, rate / y) * sine
    return fma(factor, fma(c0, c1, -(s0 * s1)), re), fma(factor, fma(c0, s1, s0 * c1), im)


@leaf
def _exponentials(table: FloatArray, first: int, corners: int, size: int, vectors: int) -> None:
    """The last two rows of corners from the first two; tables of ``vectors`` one after another, each of that size."""
    for v in range(vectors):
        for p in range(v * size + first, v * size + first + corners):
            at = p * CORNER
            c, s = unit(load(table, at), load(table, at + WIDTH))
            store(c, table, at + 2 * WIDTH)
            store(s, table, at + 3 * WIDTH)


@leaf
def _load_plane(k: FloatArray, numbers: IntArray, n: int, waves: FloatArray) -> None:
    """Turn n wavevectors of these numbers into rows of k / 2."""
    if in_a_row(numbers, n):
        some = k[2 * numbers[0] :]
        for at in range(n):
            waves[at], waves[LANES + at] = 0.5 * some[2 * at], 0.5 * some[2 * at + 1]
        return
    for at in range(n):
        i = 2 * numbers[at]
        waves[at], waves[LANES + at] = 0.5 * k[i], 0.5 * k[i + 1]


@leaf
def _load_space(k: FloatArray, numbers: IntArray, n: int, waves: FloatArray) -> None:
    """The same in space with k itself."""
    if in_a_row(numbers, n):
        some = k[3 * numbers[0] :]
        for at in range(n):
            waves[at], waves[LANES + at], waves[2 * LANES + at] = some[3 * at], some[3 * at + 1], some[3 * at + 2]
        return
    for at in range(n):
        i = 3 * numbers[at]
        waves[at], waves[LANES + at], waves[2 * LANES + at] = k[i], k[i + 1], k[i + 2]


@leaf
def _store(re: FloatArray, im: FloatArray, x: FloatArray, numbers: IntArray, n: int, out: FloatArray) -> None:
    """out = (re, im) / x, as complex numbers."""
    if in_a_row(numbers, n):
        some = out[2 * numbers[0] :]
        for at in range(n):
            r = 1.0 / x[at]
            some[2 * at], some[2 * at + 1] = re[at] * r, im[at] * r
        return
    for at in range(n):
        r = 1.0 / x[at]
        out[2 * numbers[at]], out[2 * numbers[at] + 1] = re[at] * r, im[at] * r


@leaf
def _plane_corners(
    points: FloatArray, start: int, end: int, w: FloatArray, at: int, table: FloatArray, size: int, vectors: int
) -> None:
    """Points start .. end - 1 to the tables from their second place on, for k / 2 in rows 0 and 1 from lane ``at``."""
    for v in range(vectors):
        kx, ky = load(w, at + v * WIDTH), load(w, LANES + at + v * WIDTH)
        for p in range(start, end):
            place = (v * size + p - start + 1) * CORNER
            hi = kx * points[p, 0]
            hi, lo = add_product(hi, two_product_error(kx, points[p, 0], hi), ky, points[p, 1])
            store(hi, table, place)
            store(lo, table, place + WIDTH)
    _exponentials(table, 1, end - start, size, vectors)


@leaf
def _ring(
    points: FloatArray, a: int, b: int, w: FloatArray, at: int, table: FloatArray, size: int, vectors: int
) -> None:
    """Add sum_e (k.n_e / 2) D_e of the ring of points a .. b - 1 to rows 2 and 3, for ``vectors`` from lane ``at`` on.

    Each table holds a chunk of corners from its second place on, the one before them in the first place, the ring's
    first corner in the last.
    """
    for start in range(a, b, _CHUNK):
        end = min(start + _CHUNK, b)
        _plane_corners(points, start, end, w, at, table, size, vectors)
        for v in range(vectors):
            lane, origin = at + v * WIDTH, v * size
            kx, ky = load(w, lane), load(w, LANES + lane)
            re, im = load(w, 2 * LANES + lane), load(w, 3 * LANES + lane)
            if start == a:
                _copy(table, origin + 1, origin + size - 1)
            for p in range(max(start, a + 1), end):
                place = origin + p - start
                rate = fma(kx, points[p, 1] - points[p - 1, 1], ky * (points[p - 1, 0] - points[p, 0]))
                re, im = _add_edge(rate, _node(table, place), _node(table, place + 1), re, im)
            if end < b:
                _copy(table, origin + end - start, origin)
            else:
                rate = fma(kx, points[a, 1] - points[b - 1, 1], ky * (points[b - 1, 0] - points[a, 0]))
                re, im = _add_edge(rate, _node(table, origin + end - start), _node(table, origin + size - 1), re, im)
            store(re, w, 2 * LANES + lane)
            store(im, w, 3 * LANES + lane)


@direct
@kernel
def polygon_sum(points: FloatArray, ring_offsets: IntArray, k: FloatArray, low: float, out: FloatArray) -> int:
    """Indicator of the polygon whose rings (interior on the left) are consecutive points; ``k``, ``out`` (2 n_k,).

    Wavevectors and results, complex, one after the other: to reshape within a kernel takes seconds to compile. Those
    with |k|^2 < low are left out; returns the number of the others.
    """
    w = np.zeros(5 * LANES)  # lanes beyond the last wavevector are computed too, and thrown away
    table = np.empty(_PLACES * CORNER)
    numbers = np.empty(LANES, np.int64)
    done = following = 0
    while following < len(k) // 2:
        n, following = take(k, 2, following, low, np.inf, numbers)
        _load_plane(k, numbers, n, w)
        w[2 * LANES : 4 * LANES] = 0.0
        for ring in range(len(ring_offsets) - 1):
            a, b = ring_offsets[ring], ring_offsets[ring + 1]
            size = min(b - a, _CHUNK) + 2
            some = _PLACES // size
            for at in range(0, n, some * WIDTH):
                _ring(points, a, b, w, at, table, size, min(some, (n - at + WIDTH - 1) // WIDTH))
        for at in range(n):
            x, y = w[at], w[LANES + at]
            w[4 * LANES + at] = 2.0 * (x * x + y * y)
            w[3 * LANES + at] = -w[3 * LANES + at]
        _store(w[3 * LANES :], w[2 * LANES :], w[4 * LANES :], numbers, n, out)
        done += n
    return done


@leaf
def _corners(points: FloatArray, block: FloatArray, at: int, table: FloatArray, vectors: int) -> None:
    """All points to the tables, for ``vectors`` from lane ``at`` on."""
    size = points.shape[0]
    for v in range(vectors):
        lane = at + v * WIDTH
        kx, ky, kz = 0.5 * load(block, lane), 0.5 * load(block, LANES + lane), 0.5 * load(block, 2 * LANES + lane)
        for p in range(size):
            hi = kx * points[p, 0]
            hi, lo = add_product(hi, two_product_error(kx, points[p, 0], hi), ky, points[p, 1])
            hi, lo = add_product(hi, lo, kz, points[p, 2])
            store(hi, table, (v * size + p) * CORNER)
            store(lo, table, (v * size + p) * CORNER + WIDTH)
    _exponentials(table, 0, size, size, vectors)


@lane
def _along(x: Vector, y: Vector, z: Vector, axes: FloatArray, i: int, j: int) -> Vector:
    """k.axis."""
    return fma(x, axes[i, j, 0], fma(y, axes[i, j, 1], z * axes[i, j, 2]))


@leaf
def _face_rates(
    block: FloatArray, at: int, frames: FloatArray, limits: FloatArray, rates: FloatArray, tilted: IntArray
) -> bool:
    """(k.n_f / k_f^2) k_f of all faces, by in-plane components; zero in lanes nearly normal to the face.

    Their bits are those of ``tilted``. Returns whether there are any.
    """
    x, y, z = load(block, at), load(block, LANES + at), load(block, 2 * LANES + at)
    some = 0
    for f in range(frames.shape[0]):
        a, b, c = _along(x, y, z, frames, f, 0), _along(x, y, z, frames, f, 1), _along(x, y, z, frames, f, 2)
        square, least = fma(a, a, b * b), _TILT * _TILT * (c * c)
        least = where_below(least, limits[f], limits[f], least)
        rate = where_below(square, least, 0.0, c / square)
        store(rate * a, rates, 2 * f * WIDTH)
        store(rate * b, rates, (2 * f + 1) * WIDTH)
        tilted[f] = bits_below(square, least)
        some |= tilted[f]
    return some != 0


@leaf
def _edges(
    block: FloatArray, at: int, table: FloatArray, origin: int, rates: FloatArray, edges: IntArray,
    side_faces: IntArray, conormals: FloatArray,
) -> None:  # fmt: skip
    """Subtract sum_e D_e W_e; the table's first place is ``origin``."""
    re, im = load(block, 3 * LANES + at), load(block, 4 * LANES + at)
    for e in range(edges.shape[0]):
        left, right = 2 * side_faces[e, 0] * WIDTH, 2 * side_faces[e, 1] * WIDTH
        weight = load(rates, left) * -conormals[e, 0, 0]
        weight = fma(load(rates, left + WIDTH), -conormals[e, 0, 1], weight)
        weight = fma(load(rates, right), -conormals[e, 1, 0], weight)
        weight = fma(load(rates, right + WIDTH), -conormals[e, 1, 1], weight)
        re, im = _add_edge(weight, _node(table, origin + edges[e, 0]), _node(table, origin + edges[e, 1]), re, im)
    store(re, block, 3 * LANES + at)
    store(im, block, 4 * LANES + at)


@lane
def _load_whole(table: FloatArray, source: int, w: FloatArray, target: int) -> None:
    """A node of the whole phase, from the half: e^{-2ih} = (c + is)^2."""
    c, s = table[source + 2 * WIDTH], table[source + 3 * WIDTH]
    w[target], w[target + LANES] = 2.0 * table[source], 2.0 * table[source + WIDTH]
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


@lane
def _normal_part(block: FloatArray, at: int, frames: FloatArray, f: int) -> float:
    """k.n_f."""
    x, y, z = block[at], block[LANES + at], block[2 * LANES + at]
    return fma(x, frames[f, 2, 0], fma(y, frames[f, 2, 1], z * frames[f, 2, 2]))


@direct
@kernel
def polyhedron_sum(points: FloatArray, solid: Solid, k: FloatArray, low: float, high: float, out: FloatArray) -> int:
    """Indicator of a closed polyhedron; ``k`` (3 n_k,), ``out`` (2 n_k,) as in `polygon_sum`.

    Wavevectors with |k|^2 outside [low, high) are left out; returns the number of the others.

    The (triangle, lane) pairs of faces nearly normal to k are few in each face: they queue in the
    scratch vector over all faces of a block until it is full.
    """
    n_p, n_f = points.shape[0], solid.frames.shape[0]
    some = max(1, _PLACES // n_p)
    table = np.empty(some * n_p * CORNER)
    rates = np.empty(2 * n_f * WIDTH)
    tilted = np.empty(n_f, np.int64)
    block = np.zeros(7 * LANES)  # k, the sum and its compensation
    w = np.empty(SCRATCH)
    lanes = np.empty(LANES, np.int64)
    weights = np.empty(LANES)
    numbers = np.empty(LANES, np.int64)
    done = following = 0
    while following < len(k) // 3:
        n, following = take(k, 3, following, low, high, numbers)
        _load_space(k, numbers, n, block)
        block[3 * LANES :] = 0.0
        waiting = 0
        for at in range(0, n, WIDTH):
            turn = at // WIDTH % some
            if turn == 0:
                _corners(points, block, at, table, min(some, (n - at + WIDTH - 1) // WIDTH))
            if _face_rates(block, at, solid.frames, solid.limits, rates, tilted):
                for f in range(n_f):
                    for lane in range(min(WIDTH, n - at) if tilted[f] != 0 else 0):
                        if tilted[f] >> lane & 1 == 0:
                            continue
                        for t in range(solid.triangle_offsets[f], solid.triangle_offsets[f + 1]):
                            for i in range(3):
                                place = (turn * n_p + solid.triangles[t, i]) * CORNER
                                _load_whole(table, place + lane, w, i * POINT + waiting)
                            lanes[waiting] = at + lane
                            weights[waiting] = 2.0 * solid.areas[t] * _normal_part(block, at + lane, solid.frames, f)
                            waiting += 1
                            if waiting == LANES:
                                _add_tilted(w, waiting, lanes, weights, block)
                                waiting = 0
            _edges(block, at, table, turn * n_p, rates, solid.edges, solid.side_faces, solid.conormals)
        if waiting > 0:
            _add_tilted(w, waiting, lanes, weights, block)
        for at in range(n):
            x, y, z = block[at], block[LANES + at], block[2 * LANES + at]
            weights[at] = x * x + y * y + z * z
            block[3 * LANES + at] += block[5 * LANES + at]
            block[4 * LANES + at] += block[6 * LANES + at]
        _store(block[3 * LANES :], block[4 * LANES :], weights, numbers, n, out)
        done += n
    return done
