"""Moments of small simplices, eight at a time: h_m of their corners as polynomials in the mode.

Notation. Corners v_1 .. v_d of a (d-1)-simplex, relative to the centre of its leaf, n a mode; h_m the complete
homogeneous polynomial, of which the mean of (n.x)^m over the simplex is h_m(n.v_1, .., n.v_d) / C(m + d - 1, m). With
one chain a corner,

    H^1_m = (n.v_1) H^1_{m-1},    H^i_m = (n.v_i) H^i_{m-1} + H^{i-1}_m,    h_m = H^d_m,    H^i_0 = 1,

(i = 1 .. d; with one corner twice, d + 1 chains, for what is affine on the simplex), each a polynomial in n whose
coefficients stand in a table by their exponents, one place of padding on the low sides. The step from m - 1 to m runs
through the table from high exponents to low, in place. Lanes are simplices: a coefficient is a vector of `WIDTH`
doubles, and all that is done with it are fused multiplications and additions. LLVM does not find these vectors in
loops of Numba, so `_row22` .. `_row34`,
named by dimension and chains, write them down.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from specgeo._cast import FloatArray, IntArray
from specgeo._jit import kernel

WIDTH = 8  # lanes: simplices at a time


def _interpreted(dim: int, corners: int) -> Callable[..., None]:
    """A row of coefficients for the interpreter."""

    def row(
        w: FloatArray, at: int, n: int, chain: int, below: int, x: FloatArray, acc: FloatArray, q: int,
        weights: FloatArray, n_out: int, size: int,
    ) -> None:  # fmt: skip
        for i in range(n):
            total = np.zeros(WIDTH)
            for c in range(corners):
                place = at - i * WIDTH + c * chain
                for axis, back in ((0, below), (1, WIDTH), (2, 0)):
                    if axis + dim > 2:
                        source = place - back
                        factor = x[(3 * c + axis) * WIDTH : (3 * c + axis + 1) * WIDTH]
                        total = total + factor * w[source : source + WIDTH]
                w[place : place + WIDTH] = total
            for o in range(n_out):
                place = o * size + q + i * WIDTH
                acc[place : place + WIDTH] += weights[o * WIDTH : (o + 1) * WIDTH] * total

    return row


def _vectors(dim: int, corners: int) -> Any:
    """The same with explicit vectors."""
    vector = ir.VectorType(ir.DoubleType(), WIDTH)
    word = ir.IntType(64)

    def number(value: int) -> Any:
        return ir.Constant(word, value)

    @intrinsic  # type: ignore[untyped-decorator, unused-ignore]
    def row(
        typingctx: Any, w: Any, at: Any, n: Any, chain: Any, below: Any, x: Any, acc: Any, q: Any, weights: Any,
        n_out: Any, size: Any,
    ) -> Any:  # fmt: skip
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            def start(i: int) -> Any:
                return context.make_array(signature.args[i])(context, builder, args[i]).data

            table, factors, sums, scales = (start(i) for i in (0, 5, 6, 8))
            at, n, chain, below, q, n_out, size = (args[i] for i in (1, 2, 3, 4, 7, 9, 10))
            function = ir.FunctionType(vector, [vector] * 3)
            fused = cgutils.get_or_insert_function(builder.module, function, f"llvm.fma.v{WIDTH}f64")

            def load(base: Any, offset: Any) -> Any:
                value = builder.load(builder.bitcast(builder.gep(base, [offset]), vector.as_pointer()))
                value.align = 8
                return value

            def store(value: Any, base: Any, offset: Any) -> None:
                builder.store(value, builder.bitcast(builder.gep(base, [offset]), vector.as_pointer())).align = 8

            x = [load(factors, number(i * WIDTH)) for i in range(3 * corners)]
            chains = [builder.mul(chain, number(c)) for c in range(corners)]
            before = builder.block
            current = [load(table, builder.add(at, c)) for c in chains]
            head, done = (builder.append_basic_block(name) for name in ("row", "row_done"))
            builder.cbranch(builder.icmp_signed(">", n, number(0)), head, done)
            builder.position_at_end(head)
            step = builder.phi(word)
            step.add_incoming(number(0), before)
            held = []
            for value in current:
                held.append(builder.phi(vector))
                held[-1].add_incoming(value, before)
            place = builder.sub(at, builder.mul(step, number(WIDTH)))
            total, following = None, []
            for c, own in enumerate(held):
                here = builder.add(place, chains[c])
                lower = load(table, builder.sub(here, number(WIDTH)))
                factor = x[3 * c + 2]
                total = builder.fmul(factor, own) if total is None else builder.call(fused, [factor, own, total])
                total = builder.call(fused, [x[3 * c + 1], lower, total])
                if dim == 3:
                    total = builder.call(fused, [x[3 * c], load(table, builder.sub(here, below)), total])
                store(total, table, here)
                following.append(lower)
            target = builder.add(q, builder.mul(step, number(WIDTH)))
            with cgutils.for_range(builder, n_out) as loop:
                own = builder.add(target, builder.mul(loop.index, size))
                weight = load(scales, builder.mul(loop.index, number(WIDTH)))
                store(builder.call(fused, [weight, total, load(sums, own)]), sums, own)
            later = builder.add(step, number(1))
            step.add_incoming(later, builder.block)
            for phi, value in zip(held, following, strict=True):
                phi.add_incoming(value, builder.block)
            builder.cbranch(builder.icmp_signed("<", later, n), head, done)
            builder.position_at_end(done)
            return context.get_dummy_value()

        return types.void(w, at, n, chain, below, x, acc, q, weights, n_out, size), codegen

    return row


_rows = _interpreted if getattr(numba.config, "DISABLE_JIT", False) else _vectors
_row22, _row23, _row33, _row34 = _rows(2, 2), _rows(2, 3), _rows(3, 3), _rows(3, 4)


@kernel
def add_moments(
    degree: int,
    pieces: FloatArray,
    weights: FloatArray,
    starts: IntArray,
    places: IntArray,
    scales: FloatArray,
    strides: IntArray,
    out: FloatArray,
) -> None:
    """Sums of moments times weights over the simplices of each leaf.

    ``pieces`` (n, c d) corners, d = 2 or 3, c = d or d + 1, ``weights`` (n, m); leaf l has pieces starts[l] ..
    starts[l + 1], its coefficient q times scales[q] goes to
    out[o, strides[0, q] + places[l, 0] strides[1, q] + places[l, 1]].
    Coefficients come by degree, then by descending exponents.
    """
    dim, size, outputs = 3 if pieces.shape[1] > 6 else 2, len(scales), weights.shape[1]
    corners = pieces.shape[1] // dim
    edge = degree + 2
    below, chain = edge * WIDTH, (edge if dim == 3 else 2) * edge * WIDTH
    table = np.zeros(corners * chain)
    x = np.zeros(3 * corners * WIDTH)
    lanes = np.zeros(outputs * WIDTH)
    acc = np.zeros(outputs * size * WIDTH)
    for leaf in range(len(starts) - 1):
        acc[:] = 0.0
        for first in range(starts[leaf], starts[leaf + 1], WIDTH):
            table[:] = 0.0
            for lane in range(WIDTH):
                piece = first + lane
                inside = piece < starts[leaf + 1]
                for i in range(corners):
                    for j in range(dim):
                        x[(3 * i + j + 3 - dim) * WIDTH + lane] = pieces[piece, i * dim + j] if inside else 0.0
                    table[i * chain + (edge + 1) * WIDTH + lane] = 1.0
                for o in range(outputs):
                    lanes[o * WIDTH + lane] = weights[piece, o] if inside else 0.0
                    acc[o * size * WIDTH + lane] += lanes[o * WIDTH + lane]
            q = WIDTH
            for m in range(1, degree + 1):
                for a in range(m if dim == 3 else 0, -1, -1):
                    at, n = ((a + 1) * edge + m - a + 1) * WIDTH, m - a + 1
                    if corners == 4:
                        _row34(table, at, n, chain, below, x, acc, q, lanes, outputs, size * WIDTH)
                    elif corners == 2:
                        _row22(table, at, n, chain, below, x, acc, q, lanes, outputs, size * WIDTH)
                    elif dim == 2:
                        _row23(table, at, n, chain, below, x, acc, q, lanes, outputs, size * WIDTH)
                    else:
                        _row33(table, at, n, chain, below, x, acc, q, lanes, outputs, size * WIDTH)
                    q += WIDTH * n
        for o in range(outputs):
            for q in range(size):
                total = 0.0
                for lane in range(WIDTH):
                    total += acc[(o * size + q) * WIDTH + lane]
                out[o, strides[0, q] + places[leaf, 0] * strides[1, q] + places[leaf, 1]] = total * scales[q]


class Layout(NamedTuple):
    """Where the coefficients of a leaf go: exponents (a, b) have a run over the last, for each row of leaves."""

    first: IntArray  # coefficients in the runs before
    run: IntArray  # length of the run
    last: IntArray  # exponent of the last axis
    degree: IntArray
    mean: FloatArray  # 1 / C(m + c - 1, m), c corners


@cache
def layout_of(dim: int, degree: int, corners: int) -> Layout:
    """In the order of `add_moments`."""
    rows = [
        (a, b, m - a - b)
        for m in range(degree + 1)
        for a in range(m if dim == 3 else 0, -1, -1)
        for b in range(m - a, -1, -1)
    ]
    a, b, c = np.array(rows, dtype=np.int64).T
    runs = [(x, y, degree + 1 - x - y) for x in range(degree + 1 if dim == 3 else 1) for y in range(degree + 1 - x)]
    first = np.zeros((degree + 1, degree + 1), np.int64)
    for (x, y, _), start in zip(runs, np.cumsum([0] + [n for *_, n in runs]), strict=False):
        first[x, y] = start
    mean = np.array([1 / math.comb(m + corners - 1, m) for m in range(degree + 1)])
    return Layout(first[a, b], degree + 1 - a - b, c, a + b + c, mean[a + b + c])
