"""Divided differences of exp on the imaginary axis: the primitive under every transform.

Notation. Nodes z_i = -i t_i with real phases t_i and exponentials e_i = exp(z_i)::

    D[0..n]   = exp[z_0, ..., z_n]             (Hermite-Genocchi: the mean of exp over a simplex, / n!)
    G_i[0..n] = exp[z_0, ..., z_n, z_i]        = dD/dz_i;   sum_i G_i = D
    D[0..n]   = i (D[1..n] - D[0..n-1]) / (t_n - t_0)                      (far)
    D[0..n]   = e_c sum_m (-i)^m h_m(u) / (m + n)!,   u_i = t_i - t_c      (near)

with h_m the complete homogeneous polynomials. The nodes are sorted first, so each divisor is the
largest gap of its run, which is what makes the recursion stable; below a spread of `NEAR` the
Taylor sum takes over, run by run, by selection and not by branching.

The functions here for 2, 3 and 4 nodes work on a block of lanes (wavevectors) in one scratch
vector ``w`` whose rows have constant addresses: LLVM can then prove that the loops vectorise.
Sources: Opitz 1964; McCurdy, Ng and Parlett 1984.
"""

from __future__ import annotations

import math

from specgeo._cast import FloatArray, IntArray
from specgeo._jit import inline, lane, leaf
from specgeo.fourier.phases import LANES, POINT, fma
from specgeo.fourier.taylor import NEAR, pair_gradient_near, pair_near, three_gradients_near, three_near

NEAR_FOUR = 1.5  # the same for four nodes: the recursion loses one more factor there

_SIGN = (1.0, -1.0, -1.0, 1.0)  # (-i)^m = 1, -i, -1, i: signs of the real and imaginary parts in turn
_T4 = tuple(_SIGN[m % 4] / math.factorial(m + 3) for m in range(22))
_T5 = tuple(_SIGN[m % 4] / math.factorial(m + 4) for m in range(22))

# Rows of the scratch vector: nodes 0..3 take four rows each (t hi, t lo, c, s), then come
# spreads, values D and derivatives G (real row, imaginary row) and the masks of the sort. They are
# plain integers on purpose: numba compiles a copy of a helper for each, and only that vectorises.
_D, G0, G1, G2, G3 = (m * LANES for m in range(16, 26, 2))  # results D, G_0, ..., G_3
_X01, _X12, _X23, _X02, _X13, _X03 = (m * LANES for m in range(26, 32))  # spreads of runs
_D01, _D12, _D23, _D012, _D123 = (m * LANES for m in range(32, 42, 2))
_G01, _G12, _G23 = (m * LANES for m in range(42, 48, 2))  # exp[z_i, z_i, z_j]: G of the first of a pair
_L01, _L12, _L23 = (m * LANES for m in range(48, 54, 2))  # exp[z_i, z_j, z_j]: G of the last of a pair
_F012, _L012, _F123, _L123 = (m * LANES for m in range(54, 62, 2))  # G of the first, last of a triple
_MASK = 62 * LANES
D_ROWS = 16 * LANES
G_ROWS = 18 * LANES
SCRATCH = 67 * LANES


@inline
def gather(table: FloatArray, point: int, node: int, n: int, w: FloatArray) -> None:
    """Copy the rows of a point of the table to a node of the scratch vector."""
    source = table[point * POINT : (point + 1) * POINT]
    target = w[node * POINT : (node + 1) * POINT]
    for r in range(4):
        for at in range(n):
            target[r * LANES + at] = source[r * LANES + at]


@inline
def gather_lanes(table: FloatArray, point: int, node: int, lanes: IntArray, w: FloatArray) -> None:
    """The same for some of the lanes, packed."""
    source = table[point * POINT : (point + 1) * POINT]
    target = w[node * POINT : (node + 1) * POINT]
    for r in range(4):
        for at in range(len(lanes)):
            target[r * LANES + at] = source[r * LANES + lanes[at]]


@lane
def _exchange(w: FloatArray, n: int, i: int, j: int, mask: int) -> None:
    """Sort nodes i < j by phase; the mask remembers where they were swapped."""
    a, b = i * POINT, j * POINT
    for at in range(n):
        h0, l0, c0, s0 = w[a + at], w[a + LANES + at], w[a + 2 * LANES + at], w[a + 3 * LANES + at]
        h1, l1, c1, s1 = w[b + at], w[b + LANES + at], w[b + 2 * LANES + at], w[b + 3 * LANES + at]
        swap = h1 < h0
        w[a + at] = h1 if swap else h0
        w[b + at] = h0 if swap else h1
        w[a + LANES + at] = l1 if swap else l0
        w[b + LANES + at] = l0 if swap else l1
        w[a + 2 * LANES + at] = c1 if swap else c0
        w[b + 2 * LANES + at] = c0 if swap else c1
        w[a + 3 * LANES + at] = s1 if swap else s0
        w[b + 3 * LANES + at] = s0 if swap else s1
        w[_MASK + mask * LANES + at] = 1.0 if swap else 0.0


@lane
def _restore(w: FloatArray, n: int, i: int, j: int, mask: int) -> None:
    """Undo an exchange for the derivatives G_i, G_j."""
    a, b = G_ROWS + 2 * i * LANES, G_ROWS + 2 * j * LANES
    for at in range(n):
        r0, m0 = w[a + at], w[a + LANES + at]
        r1, m1 = w[b + at], w[b + LANES + at]
        swap = w[_MASK + mask * LANES + at] != 0.0
        w[a + at] = r1 if swap else r0
        w[b + at] = r0 if swap else r1
        w[a + LANES + at] = m1 if swap else m0
        w[b + LANES + at] = m0 if swap else m1


@lane
def _spread(w: FloatArray, n: int, i: int, j: int, row: int, near: float) -> int:
    """Row of t_j - t_i; returns how many lanes are near."""
    a, b = i * POINT, j * POINT
    count = 0
    for at in range(n):
        x = (w[b + at] - w[a + at]) + (w[b + LANES + at] - w[a + LANES + at])
        w[row + at] = x
        count += 1 if abs(x) < near else 0
    return count


@lane
def _far(w: FloatArray, n: int, low: int, high: int, x: int, out: int) -> None:
    """out = i (high - low) / x; all arguments are (addresses of) rows."""
    for at in range(n):
        r = 1.0 / w[x + at]
        a = (w[low + LANES + at] - w[high + LANES + at]) * r
        b = (w[high + at] - w[low + at]) * r
        w[out + at] = a
        w[out + LANES + at] = b


@leaf
def _four_near(w: FloatArray, n: int) -> None:
    """exp[z_0, ..., z_3] around node 1 where the spread is below NEAR_FOUR."""
    for at in range(n):
        u, v, t = -w[_X01 + at], w[_X12 + at], w[_X13 + at]
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
        c, s = w[POINT + 2 * LANES + at], w[POINT + 3 * LANES + at]
        near = w[_X03 + at] < NEAR_FOUR
        w[_D + at] = c * re - s * im if near else w[_D + at]
        w[_D + LANES + at] = c * im + s * re if near else w[_D + LANES + at]


@leaf
def _four_gradients_near(w: FloatArray, n: int) -> None:
    """G_0, G_1 and G_3 of four nodes around node 1 where the spread is below NEAR_FOUR."""
    for at in range(n):
        u, v, t = -w[_X01 + at], w[_X12 + at], w[_X13 + at]
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
        c, s = w[POINT + 2 * LANES + at], w[POINT + 3 * LANES + at]
        near = w[_X03 + at] < NEAR_FOUR
        a = G_ROWS
        w[a + at] = c * fr - s * fi if near else w[a + at]
        w[a + LANES + at] = c * fi + s * fr if near else w[a + LANES + at]
        w[a + 2 * LANES + at] = c * hr - s * hi if near else w[a + 2 * LANES + at]
        w[a + 3 * LANES + at] = c * hi + s * hr if near else w[a + 3 * LANES + at]
        w[a + 6 * LANES + at] = c * gr - s * gi if near else w[a + 6 * LANES + at]
        w[a + 7 * LANES + at] = c * gi + s * gr if near else w[a + 7 * LANES + at]


@lane
def _difference(w: FloatArray, n: int, total: int, a: int, out: int) -> None:
    """out = total - a, complex."""
    for at in range(n):
        w[out + at] = w[total + at] - w[a + at]
        w[out + LANES + at] = w[total + LANES + at] - w[a + LANES + at]


@lane
def _pair(w: FloatArray, n: int, i: int, j: int, x: int, near: int, out: int) -> None:
    """exp[z_i, z_j] given the row x = t_j - t_i and the number of near lanes."""
    if near < n:
        _far(w, n, i * POINT + 2 * LANES, j * POINT + 2 * LANES, x, out)
    if near > 0:
        pair_near(w[i * POINT :], n, w[x:], w[out:])


@lane
def _pair_gradient(w: FloatArray, n: int, i: int, x: int, near: int, pair: int, first: int, last: int) -> None:
    """exp[z_i, z_i, z_j] and exp[z_i, z_j, z_j] given exp[z_i, z_j] in row ``pair``."""
    if near < n:
        _far(w, n, i * POINT + 2 * LANES, pair, x, first)
    if near > 0:
        pair_gradient_near(w[i * POINT :], n, w[x:], w[first:])
    _difference(w, n, pair, first, last)


@lane
def _triple(w: FloatArray, n: int, node: int, low: int, high: int, x: int, near: int, a: int, b: int, out: int) -> None:
    """D of three sorted nodes around ``node`` from the D of its two gaps in rows a, b."""
    if near < n:
        _far(w, n, a, b, x, out)
    if near > 0:
        three_near(w[node * POINT :], n, w[low:], w[high:], w[x:], w[out:])


@lane
def _triple_gradient(
    w: FloatArray,
    n: int,
    node: int,
    low: int,
    high: int,
    x: int,
    near: int,
    a: int,
    b: int,
    d: int,
    first: int,
    last: int,
) -> None:
    """G of the first and last of three nodes; a: G of the first on the low gap, b: of the last on the high one."""
    if near < n:
        _far(w, n, a, d, x, first)
        _far(w, n, d, b, x, last)
    if near > 0:
        three_gradients_near(w[node * POINT :], n, w[low:], w[high:], w[x:], w[first:], w[last:])


@inline
def two_nodes(w: FloatArray, n: int) -> None:
    """D of nodes 0, 1 of the scratch vector."""
    _pair(w, n, 0, 1, _X01, _spread(w, n, 0, 1, _X01, NEAR), _D)


@inline
def two_nodes_gradient(w: FloatArray, n: int) -> None:
    """D and G of nodes 0, 1."""
    near = _spread(w, n, 0, 1, _X01, NEAR)
    _pair(w, n, 0, 1, _X01, near, _D)
    _pair_gradient(w, n, 0, _X01, near, _D, G0, G1)


@lane
def _sort_three(w: FloatArray, n: int) -> None:
    _exchange(w, n, 0, 1, 0)
    _exchange(w, n, 1, 2, 1)
    _exchange(w, n, 0, 1, 2)


@inline
def three_nodes(w: FloatArray, n: int) -> None:
    """D of nodes 0, 1, 2; the nodes are sorted in place."""
    _sort_three(w, n)
    near02 = _spread(w, n, 0, 2, _X02, NEAR)
    near01 = _spread(w, n, 0, 1, _X01, NEAR)
    near12 = _spread(w, n, 1, 2, _X12, NEAR)
    if near02 < n:
        _pair(w, n, 0, 1, _X01, near01, _D01)
        _pair(w, n, 1, 2, _X12, near12, _D12)
    _triple(w, n, 1, _X01, _X12, _X02, near02, _D01, _D12, _D)


@inline
def three_nodes_gradient(w: FloatArray, n: int) -> None:
    """D and G of nodes 0, 1, 2, in the order given."""
    _sort_three(w, n)
    near02 = _spread(w, n, 0, 2, _X02, NEAR)
    near01 = _spread(w, n, 0, 1, _X01, NEAR)
    near12 = _spread(w, n, 1, 2, _X12, NEAR)
    if near02 < n:
        _pair(w, n, 0, 1, _X01, near01, _D01)
        _pair(w, n, 1, 2, _X12, near12, _D12)
        _pair_gradient(w, n, 0, _X01, near01, _D01, _G01, _L01)
        _pair_gradient(w, n, 1, _X12, near12, _D12, _G12, _L12)
    _triple(w, n, 1, _X01, _X12, _X02, near02, _D01, _D12, _D)
    _triple_gradient(w, n, 1, _X01, _X12, _X02, near02, _G01, _L12, _D, G0, G2)
    _difference(w, n, _D, G0, G1)
    _difference(w, n, G1, G2, G1)
    _restore(w, n, 0, 1, 2)
    _restore(w, n, 1, 2, 1)
    _restore(w, n, 0, 1, 0)


@lane
def _sort_four(w: FloatArray, n: int) -> None:
    """Sorting network of five exchanges."""
    _exchange(w, n, 0, 1, 0)
    _exchange(w, n, 2, 3, 1)
    _exchange(w, n, 0, 2, 2)
    _exchange(w, n, 1, 3, 3)
    _exchange(w, n, 1, 2, 4)


@inline
def four_nodes(w: FloatArray, n: int) -> None:
    """D of nodes 0..3; the nodes are sorted in place."""
    _sort_four(w, n)
    near03 = _spread(w, n, 0, 3, _X03, NEAR_FOUR)
    near02 = _spread(w, n, 0, 2, _X02, NEAR)
    near13 = _spread(w, n, 1, 3, _X13, NEAR)
    near01 = _spread(w, n, 0, 1, _X01, NEAR)
    near12 = _spread(w, n, 1, 2, _X12, NEAR)
    near23 = _spread(w, n, 2, 3, _X23, NEAR)
    if near03 < n:
        _pair(w, n, 0, 1, _X01, near01, _D01)
        _pair(w, n, 1, 2, _X12, near12, _D12)
        _pair(w, n, 2, 3, _X23, near23, _D23)
        _triple(w, n, 1, _X01, _X12, _X02, near02, _D01, _D12, _D012)
        _triple(w, n, 2, _X12, _X23, _X13, near13, _D12, _D23, _D123)
        _far(w, n, _D012, _D123, _X03, _D)
    if near03 > 0:
        _four_near(w, n)


@inline
def four_nodes_gradient(w: FloatArray, n: int) -> None:
    """D and G of nodes 0..3, in the order given."""
    four_nodes(w, n)
    near03 = _spread(w, n, 0, 3, _X03, NEAR_FOUR)
    near02 = _spread(w, n, 0, 2, _X02, NEAR)
    near13 = _spread(w, n, 1, 3, _X13, NEAR)
    if near03 < n:
        _pair_gradient(w, n, 0, _X01, _spread(w, n, 0, 1, _X01, NEAR), _D01, _G01, _L01)
        _pair_gradient(w, n, 1, _X12, _spread(w, n, 1, 2, _X12, NEAR), _D12, _G12, _L12)
        _pair_gradient(w, n, 2, _X23, _spread(w, n, 2, 3, _X23, NEAR), _D23, _G23, _L23)
        _triple_gradient(w, n, 1, _X01, _X12, _X02, near02, _G01, _L12, _D012, _F012, _L012)
        _triple_gradient(w, n, 2, _X12, _X23, _X13, near13, _G12, _L23, _D123, _F123, _L123)
        _difference(w, n, _D012, _F012, G1)
        _difference(w, n, G1, _L012, G2)  # G of node 1 on the triple 0, 1, 2
        _far(w, n, _F012, _D, _X03, G0)
        _far(w, n, G2, _F123, _X03, G1)
        _far(w, n, _D, _L123, _X03, G3)
    if near03 > 0:
        _four_gradients_near(w, n)
    _difference(w, n, _D, G0, G2)
    _difference(w, n, G2, G1, G2)
    _difference(w, n, G2, G3, G2)
    _restore(w, n, 1, 2, 4)
    _restore(w, n, 1, 3, 3)
    _restore(w, n, 0, 2, 2)
    _restore(w, n, 2, 3, 1)
    _restore(w, n, 0, 1, 0)
