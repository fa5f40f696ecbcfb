"""Inner loops of matrix products, written down as vector code: what they sum up stays in registers.

LLVM vectorises loops whose results go to memory in each turn, which take more loads and stores than products. Here
a tile of the result, four rows by eight columns, or four sums in eight parts, is kept through the whole loop.

Products and sums are llvm.fmuladd: fused where the machine does that in one instruction, else one after the other.
So results may differ between machines in their last bits; who bounds their errors counts both roundings.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

HEIGHT = 4
WIDTH = 8

_NUMBER, _INDEX, _LANES = ir.DoubleType(), ir.IntType(64), ir.VectorType(ir.DoubleType(), WIDTH)
_NOTHING = ir.Constant(_LANES, ir.Undefined)


def interpreted_tile(sizes: bool) -> Callable[..., None]:
    """`add_tile` for the interpreter."""

    def add(
        panel: Any, at: int, columns: Any, first: int, last: int, tiles: Any, start: int, out: Any, to: int, step: int
    ) -> None:
        result = out.reshape(-1)
        for row in range(HEIGHT):
            for j in range(WIDTH):
                total = 0.0
                for t in range(first, last):
                    w = tiles[start + WIDTH * columns[t] + j]
                    total += panel[at + HEIGHT * t + row] * (abs(w) if sizes and row == HEIGHT - 1 else w)
                result[to + step * row + j] += total

    return add


def interpreted_dots(sizes: bool) -> Callable[..., None]:
    """`four_dots` for the interpreter."""

    def dots(w: Any, n: int, rows: Any, at: int, step: int, out: Any) -> None:
        numbers = rows.reshape(-1)
        for row in range(HEIGHT):
            total = 0.0
            for k in range(n // WIDTH * WIDTH):
                total += (abs(w[k]) if sizes and row == HEIGHT - 1 else w[k]) * numbers[at + step * row + k]
            out[row] = total

    return dots


def _data(context: Any, builder: Any, kinds: Any, values: Any) -> list[Any]:
    """Pointers to the numbers of arrays."""
    return [context.make_array(kind)(context, builder, value).data for kind, value in zip(kinds, values, strict=True)]


def _call(builder: Any, name: str, *arguments: Any) -> Any:
    """An intrinsic of LLVM for eight lanes."""
    kind = ir.FunctionType(_LANES, [_LANES] * len(arguments))
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{WIDTH}f64")
    return builder.call(function, arguments)


def _lanes_at(builder: Any, data: Any, at: Any) -> Any:
    """Pointer to eight numbers."""
    return builder.bitcast(builder.gep(data, [at]), _LANES.as_pointer())


def _load(builder: Any, data: Any, at: Any) -> Any:
    return builder.load(_lanes_at(builder, data, at), align=8)


def _spread(builder: Any, number: Any) -> Any:
    """A number in all lanes."""
    one = builder.insert_element(_NOTHING, number, ir.IntType(32)(0))
    return builder.shuffle_vector(one, _NOTHING, ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), None))


def _sums(builder: Any, first: Any, last: Any, step: int, terms: Any) -> list[Any]:
    """Four sums of lanes over t = first, first + step, ... < last, of the pairs of factors that ``terms`` has for t."""
    entry, zero = builder.block, ir.Constant(_LANES, [0.0] * WIDTH)
    loop, end = builder.append_basic_block("terms"), builder.append_basic_block("summed")
    builder.cbranch(builder.icmp_signed("<", first, last), loop, end)
    builder.position_at_end(loop)
    t, sums = builder.phi(_INDEX), [builder.phi(_LANES) for _ in range(HEIGHT)]
    more = [_call(builder, "fmuladd", *pair, old) for pair, old in zip(terms(t), sums, strict=True)]
    after = builder.add(t, _INDEX(step))
    t.add_incoming(first, entry)
    t.add_incoming(after, loop)
    builder.cbranch(builder.icmp_signed("<", after, last), loop, end)
    builder.position_at_end(end)
    totals = [builder.phi(_LANES) for _ in range(HEIGHT)]
    for total, old, new in zip(totals, sums, more, strict=True):
        for phi in (old, total):
            phi.add_incoming(zero, entry)
            phi.add_incoming(new, loop)
    return totals


def vector_tile(sizes: bool) -> Any:
    """`add_tile` as vector code."""

    @intrinsic  # type: ignore[untyped-decorator, unused-ignore]
    def add(
        typingctx: Any, panel: Any, at: Any, columns: Any, first: Any, last: Any, tiles: Any, start: Any, out: Any,
        to: Any, step: Any,
    ) -> Any:  # fmt: skip
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            at, first, last, start, to, step = (arguments[i] for i in (1, 3, 4, 6, 8, 9))
            kinds, values = ([of[i] for i in (0, 2, 5, 7)] for of in (signature.args, arguments))
            panel, columns, tiles, out = _data(context, builder, kinds, values)

            def terms(t: Any) -> Any:
                k = builder.load(builder.gep(columns, [t]))
                w = _load(builder, tiles, builder.add(start, builder.mul(k, _INDEX(WIDTH))))
                place = builder.add(at, builder.mul(t, _INDEX(HEIGHT)))
                for row in range(HEIGHT):
                    a = builder.load(builder.gep(panel, [builder.add(place, _INDEX(row))]))
                    yield _call(builder, "fabs", w) if sizes and row == HEIGHT - 1 else w, _spread(builder, a)

            for row, total in enumerate(_sums(builder, first, last, 1, terms)):
                place = builder.add(to, builder.mul(step, _INDEX(row)))
                value = builder.fadd(_load(builder, out, place), total)
                builder.store(value, _lanes_at(builder, out, place), align=8)
            return context.get_dummy_value()

        i = types.intp
        return types.void(panel, i, columns, i, i, tiles, i, out, i, i), codegen

    return add


def vector_dots(sizes: bool) -> Any:
    """`four_dots` as vector code."""

    @intrinsic  # type: ignore[untyped-decorator, unused-ignore]
    def dots(typingctx: Any, w: Any, n: Any, rows: Any, at: Any, step: Any, out: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            n, at, step = (arguments[i] for i in (1, 3, 4))
            kinds, values = ([of[i] for i in (0, 2, 5)] for of in (signature.args, arguments))
            w, rows, out = _data(context, builder, kinds, values)

            def terms(k: Any) -> Any:
                factor = _load(builder, w, k)
                for row in range(HEIGHT):
                    place = builder.add(builder.add(at, builder.mul(step, _INDEX(row))), k)
                    own = _call(builder, "fabs", factor) if sizes and row == HEIGHT - 1 else factor
                    yield own, _load(builder, rows, place)

            whole = builder.and_(n, _INDEX(-WIDTH))
            for row, total in enumerate(_sums(builder, _INDEX(0), whole, WIDTH, terms)):
                parts = [builder.extract_element(total, ir.IntType(32)(lane)) for lane in range(WIDTH)]
                while len(parts) > 1:
                    half = len(parts) // 2
                    parts = [builder.fadd(*pair) for pair in zip(parts[:half], parts[half:], strict=True)]
                builder.store(parts[0], builder.gep(out, [_INDEX(row)]))
            return context.get_dummy_value()

        i = types.intp
        return types.void(w, i, rows, i, i, out), codegen

    return dots


_off = getattr(numba.config, "DISABLE_JIT", False)
_tile, _dots = (interpreted_tile, interpreted_dots) if _off else (vector_tile, vector_dots)

# add_tile(panel, at, columns, first, last, tiles, start, out, to, step):
#     out[to + step r + j] += sum of panel[at + 4 t + r] tiles[start + 8 columns[t] + j] over first <= t < last
# for r < 4, j < 8, all arrays flat; in `add_tile_and_sizes` row 3 takes the absolute values of the tile.
add_tile, add_tile_and_sizes = _tile(False), _tile(True)
# four_dots(w, n, rows, at, step, out):
#     out[r] = sum of w[k] rows[at + step r + k] over k < 8 (n // 8)
# for r < 4; in `four_dots_and_sizes` row 3 takes |w[k]|.
four_dots, four_dots_and_sizes = _dots(False), _dots(True)
