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
vector ``w`` whose rows have constant addresses: LLVM can then prove that the loops vectorise. Each
has three steps: sort and measure spreads; the Taylor sums of the runs that some lane needs, into
rows of their own; one loop for the recursion, which takes its runs from those rows where near.
Sources: Opitz 1964; McCurdy, Ng and Parlett 1984.
"""

from __future__ import annotations

from specgeo._cast import FloatArray
from specgeo._fused import fma
from specgeo._jit import lane, leaf
from specgeo.fourier.phases import LANES, POINT
from specgeo.fourier.taylor import (
    NEAR,
    NEAR_FOUR,
    four_gradients_near,
    four_near,
    pair_gradient_near,
    pair_near,
    three_gradients_near,
    three_near,
)

_NEAR_EDGE = (
    0.5  # |t_q - t_p| below which D_e is a Taylor sum: each edge enters with a weight, two roundings may be lost
)

# sin x / x and -(1 - cos x) / x^2 in x^2 <= 1/4, but for the first terms by Chebyshev interpolation: within 5e-18
SINC = (
    1.0,
    -0.16666666666666666,
    0.008333333333333307,
    -0.0001984126984114765,
    2.7557319015414588e-06,
    -2.5051947445533465e-08,
    1.600178884003352e-10,
)
_B = (
    -0.5,
    0.041666666666666644,
    -0.0013888888888845244,
    2.480158716190952e-05,
    -2.7557162747016665e-07,
    2.0805186048440583e-09,
)

Pair = tuple[float, float]  # a complex number
Node = tuple[float, float, float, float]  # t hi, t lo, c, s

# Rows of the scratch vector: nodes 0..3 take four rows each (t hi, t lo, c, s), then come values D
# and derivatives G (real row, imaginary row), spreads, Taylor sums and the masks of the sort.
D_ROWS = 16 * LANES
G_ROWS = 18 * LANES
_G0, _G1, _G2, _G3 = (m * LANES for m in range(18, 26, 2))
_X01, _X12, _X23, _X02, _X13, _X03 = (m * LANES for m in range(26, 32))  # spreads of runs
_D01, _D12, _D23, _D012, _D123 = (m * LANES for m in range(32, 42, 2))
_F01, _F12, _F23 = (m * LANES for m in range(42, 48, 2))  # exp[z_i, z_i, z_j]: G of the first of a pair
_F012, _L012, _F123, _L123 = (m * LANES for m in range(48, 56, 2))  # G of the first, last of a triple
_MASK = 56 * LANES
SCRATCH = 61 * LANES


@leaf
def gather(table: FloatArray, point: int, node: int, n: int, w: FloatArray) -> None:
    """Copy the rows of a point of the table to a node of the scratch vector."""
    source = table[point * POINT : (point + 1) * POINT]
    target = w[node * POINT : (node + 1) * POINT]
    for r in range(4):
        for at in range(n):
            target[r * LANES + at] = source[r * LANES + at]


@lane
def edge_difference(
    h0: float, l0: float, c0: float, s0: float, h1: float, l1: float, c1: float, s1: float
) -> tuple[float, float]:
    """exp[-i t_0, -i t_1], far or near, without a branch."""
    x = (h1 - h0) + (l1 - l0)
    r = 1.0 / x
    far_re, far_im = (s0 - s1) * r, (c1 - c0) * r
    z = x * x
    a = fma(z, fma(z, fma(z, fma(z, fma(z, fma(z, SINC[6], SINC[5]), SINC[4]), SINC[3]), SINC[2]), SINC[1]), SINC[0])
    b = x * fma(z, fma(z, fma(z, fma(z, fma(z, _B[5], _B[4]), _B[3]), _B[2]), _B[1]), _B[0])
    near = abs(x) < _NEAR_EDGE
    return c0 * a - s0 * b if near else far_re, c0 * b + s0 * a if near else far_im


@leaf
def edge_nodes(table: FloatArray, p: int, q: int, n: int, w: FloatArray) -> None:
    """D of two points of the table."""
    a, b = table[p * POINT : (p + 1) * POINT], table[q * POINT : (q + 1) * POINT]
    for at in range(n):
        w[D_ROWS + at], w[D_ROWS + LANES + at] = edge_difference(
            a[at], a[LANES + at], a[2 * LANES + at], a[3 * LANES + at],
            b[at], b[LANES + at], b[2 * LANES + at], b[3 * LANES + at],
        )  # fmt: skip


@lane
def _load(w: FloatArray, at: int) -> Node:
    """A node."""
    return w[at], w[at + LANES], w[at + 2 * LANES], w[at + 3 * LANES]


@lane
def _keep(w: FloatArray, at: int, node: Node) -> None:
    w[at], w[at + LANES], w[at + 2 * LANES], w[at + 3 * LANES] = node


@lane
def _exponential(w: FloatArray, at: int) -> Pair:
    """exp(z) of a node."""
    return w[at + 2 * LANES], w[at + 3 * LANES]


@lane
def _get(w: FloatArray, at: int) -> Pair:
    return w[at], w[at + LANES]


@lane
def _put(w: FloatArray, at: int, value: Pair) -> None:
    w[at], w[at + LANES] = value


@lane
def _ordered(a: Node, b: Node) -> tuple[Node, Node, float]:
    """Two nodes sorted by phase, and 1.0 if they were swapped."""
    swap = b[0] < a[0]
    low = (b[0] if swap else a[0], b[1] if swap else a[1], b[2] if swap else a[2], b[3] if swap else a[3])
    high = (a[0] if swap else b[0], a[1] if swap else b[1], a[2] if swap else b[2], a[3] if swap else b[3])
    return low, high, 1.0 if swap else 0.0


@lane
def _restored(a: Pair, b: Pair, mask: float) -> tuple[Pair, Pair]:
    """Derivatives by two nodes in the order before the sort."""
    swap = mask != 0.0
    first = (b[0] if swap else a[0], b[1] if swap else a[1])
    return first, (a[0] if swap else b[0], a[1] if swap else b[1])


@lane
def _spread(a: Node, b: Node) -> float:
    """t_b - t_a."""
    return (b[0] - a[0]) + (b[1] - a[1])


@lane
def _run(low: Pair, high: Pair, x: float, reach: float, w: FloatArray, row: int) -> Pair:
    """i (high - low) / x, or the Taylor sum in a row of w where the spread is below its reach."""
    near_re, near_im = w[row], w[row + LANES]
    r = 1.0 / x
    re, im = (low[1] - high[1]) * r, (high[0] - low[0]) * r
    near = abs(x) < reach
    return near_re if near else re, near_im if near else im


@lane
def _minus(a: Pair, b: Pair) -> Pair:
    return a[0] - b[0], a[1] - b[1]


@leaf
def two_nodes_gradient(w: FloatArray, n: int) -> None:
    """G of nodes 0, 1."""
    if _spread_two(w, n) > 0:
        pair_near(w, n, w[_X01:], w[_D01:])
        pair_gradient_near(w, n, w[_X01:], w[_G0:])
    for at in range(n):
        e0, e1, x = _exponential(w, at), _exponential(w, POINT + at), w[_X01 + at]
        d = _run(e0, e1, x, NEAR, w, _D01 + at)
        first = _run(e0, d, x, NEAR, w, _G0 + at)
        _put(w, _G0 + at, first)
        _put(w, _G1 + at, _minus(d, first))


@leaf
def _spread_two(w: FloatArray, n: int) -> int:
    near = 0
    for at in range(n):
        x = _spread(_load(w, at), _load(w, POINT + at))
        w[_X01 + at] = x
        near += 1 if abs(x) < NEAR else 0
    return near


@leaf
def _sort_three(w: FloatArray, n: int) -> tuple[int, int, int]:
    """Sort nodes 0, 1, 2 and store their spreads; returns how many lanes of runs 01, 12, 02 are near."""
    near01 = 0
    near12 = 0
    near02 = 0
    for at in range(n):
        a, b, c = _load(w, at), _load(w, POINT + at), _load(w, 2 * POINT + at)
        a, b, mask0 = _ordered(a, b)
        b, c, mask1 = _ordered(b, c)
        a, b, mask2 = _ordered(a, b)
        _keep(w, at, a)
        _keep(w, POINT + at, b)
        _keep(w, 2 * POINT + at, c)
        w[_MASK + at], w[_MASK + LANES + at], w[_MASK + 2 * LANES + at] = mask0, mask1, mask2
        x01, x12, x02 = _spread(a, b), _spread(b, c), _spread(a, c)
        w[_X01 + at], w[_X12 + at], w[_X02 + at] = x01, x12, x02
        near01 += 1 if abs(x01) < NEAR else 0
        near12 += 1 if abs(x12) < NEAR else 0
        near02 += 1 if abs(x02) < NEAR else 0
    return near01, near12, near02


@leaf
def three_nodes(w: FloatArray, n: int) -> None:
    """D of nodes 0, 1, 2; the nodes are sorted in place."""
    near01, near12, near02 = _sort_three(w, n)
    if near02 > 0:
        three_near(w[POINT:], n, w[_X01:], w[_X12:], w[D_ROWS:])
    if near02 == n:
        return
    if near01 > 0:
        pair_near(w, n, w[_X01:], w[_D01:])
    if near12 > 0:
        pair_near(w[POINT:], n, w[_X12:], w[_D12:])
    for at in range(n):
        e0, e1, e2 = _exponential(w, at), _exponential(w, POINT + at), _exponential(w, 2 * POINT + at)
        d01 = _run(e0, e1, w[_X01 + at], NEAR, w, _D01 + at)
        d12 = _run(e1, e2, w[_X12 + at], NEAR, w, _D12 + at)
        _put(w, D_ROWS + at, _run(d01, d12, w[_X02 + at], NEAR, w, D_ROWS + at))


@lane
def _put_three(w: FloatArray, at: int, g0: Pair, g1: Pair, g2: Pair) -> None:
    """Store the derivatives in the order before the sort."""
    g0, g1 = _restored(g0, g1, w[_MASK + 2 * LANES + at])
    g1, g2 = _restored(g1, g2, w[_MASK + LANES + at])
    g0, g1 = _restored(g0, g1, w[_MASK + at])
    _put(w, _G0 + at, g0)
    _put(w, _G1 + at, g1)
    _put(w, _G2 + at, g2)


@leaf
def three_nodes_gradient(w: FloatArray, n: int) -> None:
    """G of nodes 0, 1, 2, in the order given."""
    near01, near12, near02 = _sort_three(w, n)
    if near02 > 0:
        three_near(w[POINT:], n, w[_X01:], w[_X12:], w[D_ROWS:])
        three_gradients_near(w[POINT:], n, w[_X01:], w[_X12:], w[_G0:], w[_G2:])
    if near02 == n:
        for at in range(n):
            g0, g2 = _get(w, _G0 + at), _get(w, _G2 + at)
            _put_three(w, at, g0, _minus(_minus(_get(w, D_ROWS + at), g0), g2), g2)
        return
    if near01 > 0:
        pair_near(w, n, w[_X01:], w[_D01:])
        pair_gradient_near(w, n, w[_X01:], w[_F01:])
    if near12 > 0:
        pair_near(w[POINT:], n, w[_X12:], w[_D12:])
        pair_gradient_near(w[POINT:], n, w[_X12:], w[_F12:])
    for at in range(n):
        e0, e1, e2 = _exponential(w, at), _exponential(w, POINT + at), _exponential(w, 2 * POINT + at)
        x01, x12, x02 = w[_X01 + at], w[_X12 + at], w[_X02 + at]
        d01 = _run(e0, e1, x01, NEAR, w, _D01 + at)
        d12 = _run(e1, e2, x12, NEAR, w, _D12 + at)
        d = _run(d01, d12, x02, NEAR, w, D_ROWS + at)
        first01 = _run(e0, d01, x01, NEAR, w, _F01 + at)
        last12 = _minus(d12, _run(e1, d12, x12, NEAR, w, _F12 + at))
        g0 = _run(first01, d, x02, NEAR, w, _G0 + at)
        g2 = _run(d, last12, x02, NEAR, w, _G2 + at)
        _put_three(w, at, g0, _minus(_minus(d, g0), g2), g2)


@leaf
def _sort_four(w: FloatArray, n: int) -> None:
    """Sort nodes 0..3 by a network of five exchanges and store their spreads."""
    for at in range(n):
        a, b = _load(w, at), _load(w, POINT + at)
        c, d = _load(w, 2 * POINT + at), _load(w, 3 * POINT + at)
        a, b, mask0 = _ordered(a, b)
        c, d, mask1 = _ordered(c, d)
        a, c, mask2 = _ordered(a, c)
        b, d, mask3 = _ordered(b, d)
        b, c, mask4 = _ordered(b, c)
        _keep(w, at, a)
        _keep(w, POINT + at, b)
        _keep(w, 2 * POINT + at, c)
        _keep(w, 3 * POINT + at, d)
        w[_MASK + at], w[_MASK + LANES + at], w[_MASK + 2 * LANES + at] = mask0, mask1, mask2
        w[_MASK + 3 * LANES + at], w[_MASK + 4 * LANES + at] = mask3, mask4
        w[_X01 + at], w[_X12 + at], w[_X23 + at] = _spread(a, b), _spread(b, c), _spread(c, d)
        w[_X02 + at], w[_X13 + at], w[_X03 + at] = _spread(a, c), _spread(b, d), _spread(a, d)


@leaf
def _count_near(x: FloatArray, n: int, reach: float) -> int:
    """Lanes whose spread is below the reach."""
    near = 0
    for at in range(n):
        near += 1 if abs(x[at]) < reach else 0
    return near


@leaf
def _taylor_four(w: FloatArray, n: int) -> bool:
    """Taylor sums of D of all runs of nodes 0..3 that have near lanes; returns whether some full run is far."""
    near = _count_near(w[_X03:], n, NEAR_FOUR)
    if near > 0:
        four_near(w[POINT:], n, w[_X01:], w[_X12:], w[_X13:], w[D_ROWS:])
    if near == n:
        return False
    for i in range(3):
        x = w[_X01 + i * LANES :]
        if _count_near(x, n, NEAR) > 0:
            pair_near(w[i * POINT :], n, x, w[_D01 + 2 * i * LANES :])
    for i in range(2):
        if _count_near(w[_X02 + i * LANES :], n, NEAR) > 0:
            low, high = w[_X01 + i * LANES :], w[_X12 + i * LANES :]
            three_near(w[(i + 1) * POINT :], n, low, high, w[_D012 + 2 * i * LANES :])
    return True


@leaf
def _taylor_four_gradients(w: FloatArray, n: int) -> None:
    """The same for the derivatives G."""
    near = _count_near(w[_X03:], n, NEAR_FOUR)
    if near > 0:
        four_gradients_near(w[POINT:], n, w[_X01:], w[_X12:], w[_X13:], w[G_ROWS:])
    if near == n:
        return
    for i in range(3):
        x = w[_X01 + i * LANES :]
        if _count_near(x, n, NEAR) > 0:
            pair_gradient_near(w[i * POINT :], n, x, w[_F01 + 2 * i * LANES :])
    for i in range(2):
        if _count_near(w[_X02 + i * LANES :], n, NEAR) > 0:
            first, last = w[_F012 + 4 * i * LANES :], w[_L012 + 4 * i * LANES :]
            three_gradients_near(w[(i + 1) * POINT :], n, w[_X01 + i * LANES :], w[_X12 + i * LANES :], first, last)


@leaf
def four_nodes(w: FloatArray, n: int) -> None:
    """D of nodes 0..3; the nodes are sorted in place."""
    _sort_four(w, n)
    if not _taylor_four(w, n):
        return
    for at in range(n):
        e0, e1 = _exponential(w, at), _exponential(w, POINT + at)
        e2, e3 = _exponential(w, 2 * POINT + at), _exponential(w, 3 * POINT + at)
        d01 = _run(e0, e1, w[_X01 + at], NEAR, w, _D01 + at)
        d12 = _run(e1, e2, w[_X12 + at], NEAR, w, _D12 + at)
        d23 = _run(e2, e3, w[_X23 + at], NEAR, w, _D23 + at)
        d012 = _run(d01, d12, w[_X02 + at], NEAR, w, _D012 + at)
        d123 = _run(d12, d23, w[_X13 + at], NEAR, w, _D123 + at)
        _put(w, D_ROWS + at, _run(d012, d123, w[_X03 + at], NEAR_FOUR, w, D_ROWS + at))


@leaf
def four_nodes_gradient(w: FloatArray, n: int) -> None:
    """G of nodes 0..3, in the order given."""
    _sort_four(w, n)
    _taylor_four(w, n)
    _taylor_four_gradients(w, n)
    for at in range(n):
        e0, e1 = _exponential(w, at), _exponential(w, POINT + at)
        e2, e3 = _exponential(w, 2 * POINT + at), _exponential(w, 3 * POINT + at)
        x01, x12, x23 = w[_X01 + at], w[_X12 + at], w[_X23 + at]
        x02, x13, x03 = w[_X02 + at], w[_X13 + at], w[_X03 + at]
        d01 = _run(e0, e1, x01, NEAR, w, _D01 + at)
        d12 = _run(e1, e2, x12, NEAR, w, _D12 + at)
        d23 = _run(e2, e3, x23, NEAR, w, _D23 + at)
        d012 = _run(d01, d12, x02, NEAR, w, _D012 + at)
        d123 = _run(d12, d23, x13, NEAR, w, _D123 + at)
        d = _run(d012, d123, x03, NEAR_FOUR, w, D_ROWS + at)
        first01 = _run(e0, d01, x01, NEAR, w, _F01 + at)
        first12 = _run(e1, d12, x12, NEAR, w, _F12 + at)
        last12 = _minus(d12, first12)
        last23 = _minus(d23, _run(e2, d23, x23, NEAR, w, _F23 + at))
        first012 = _run(first01, d012, x02, NEAR, w, _F012 + at)
        last012 = _run(d012, last12, x02, NEAR, w, _L012 + at)
        middle012 = _minus(_minus(d012, first012), last012)
        first123 = _run(first12, d123, x13, NEAR, w, _F123 + at)
        last123 = _run(d123, last23, x13, NEAR, w, _L123 + at)
        g0 = _run(first012, d, x03, NEAR_FOUR, w, _G0 + at)
        g1 = _run(middle012, first123, x03, NEAR_FOUR, w, _G1 + at)
        g3 = _run(d, last123, x03, NEAR_FOUR, w, _G3 + at)
        g2 = _minus(_minus(_minus(d, g0), g1), g3)
        g1, g2 = _restored(g1, g2, w[_MASK + 4 * LANES + at])
        g1, g3 = _restored(g1, g3, w[_MASK + 3 * LANES + at])
        g0, g2 = _restored(g0, g2, w[_MASK + 2 * LANES + at])
        g2, g3 = _restored(g2, g3, w[_MASK + LANES + at])
        g0, g1 = _restored(g0, g1, w[_MASK + at])
        _put(w, _G0 + at, g0)
        _put(w, _G1 + at, g1)
        _put(w, _G2 + at, g2)
        _put(w, _G3 + at, g3)
