"""Vectors of `WIDTH` floats as values in kernels, for code whose vectors LLVM does not find by itself.

A loop over lanes whose body is long keeps everything in memory from one step to the next, and a processor waits in it
for each result in turn. A vector stays in registers: loops over lanes become the outer ones. In kernels `load`
makes one of consecutive floats; the operators, `fma` and the functions here take vectors and floats, which stand for
all lanes. In the interpreter a vector is an array of `WIDTH` floats.
"""

from __future__ import annotations

import operator
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.codegen import get_host_cpu_features
from numba.core.datamodel import models
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, register_model

from specgeo._cast import FloatArray

Vector = Any  # for annotations
WIDTH = 8  # two registers of 256 bits, whose operations do not wait for each other, or one of 512
MANY_REGISTERS = "+avx512vl" in (numba.config.CPU_FEATURES or get_host_cpu_features())  # 32, and not 16 shorter ones


class _Vector(types.Type):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(name=f"vector{WIDTH}")


VECTOR = _Vector()
_FLOATS = ir.VectorType(ir.DoubleType(), WIDTH)


@register_model(_Vector)
class _Model(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _FLOATS)


def wider(*kinds: Any) -> Any:
    """The type of a result: a vector where one operand is."""
    return VECTOR if VECTOR in kinds else types.float64


def operands(*kinds: Any) -> tuple[Any, ...]:
    """The types as which operands are taken: vectors, or else floats."""
    return tuple(kind if kind is VECTOR else types.float64 for kind in kinds)


def spread(builder: Any, values: Any, kind: Any) -> list[Any]:
    """Operands as values of one type: a float in all lanes of a vector."""
    if kind is not VECTOR:
        return list(values)
    result = []
    for value in values:
        if not isinstance(value.type, ir.VectorType):
            lone = builder.insert_element(ir.Constant(_FLOATS, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
            zeros = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
            value = builder.shuffle_vector(lone, ir.Constant(_FLOATS, ir.Undefined), zeros)
        result.append(value)
    return result


def _call(builder: Any, name: str, *args: Any) -> Any:
    """An intrinsic function of LLVM for floats or vectors."""
    kind = args[0].type
    lanes = f"v{WIDTH}" if isinstance(kind, ir.VectorType) else ""
    function = ir.FunctionType(kind, [kind] * len(args))
    return builder.call(cgutils.get_or_insert_function(builder.module, function, f"llvm.{name}.{lanes}f64"), args)


def _define(operation: Any, name: str, n: int) -> None:
    """Give an operator of n operands its meaning for vectors: an instruction or intrinsic function of LLVM."""

    @infer_global(operation)
    class _Operator(AbstractTemplate):  # type: ignore[misc]
        def generic(self, args: Any, kws: Any) -> Any:
            if len(args) == n and VECTOR in args and all(kind in (VECTOR, types.float64) for kind in args):
                return signature(VECTOR, *args)
            return None

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        values = spread(builder, args, VECTOR)
        return getattr(builder, name)(*values) if hasattr(builder, name) else _call(builder, name, *values)

    for kinds in ((VECTOR,),) if n == 1 else ((VECTOR, VECTOR), (VECTOR, types.float64), (types.float64, VECTOR)):
        lower_builtin(operation, *kinds)(lower)


_define(operator.neg, "fneg", 1)
_define(abs, "fabs", 1)
for _operation, _name in (("add", "fadd"), ("sub", "fsub"), ("mul", "fmul"), ("truediv", "fdiv")):
    _define(getattr(operator, _operation), _name, 2)


def _place(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    """Address of a vector in a contiguous array."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), _FLOATS.as_pointer())


if getattr(numba.config, "DISABLE_JIT", False):

    def load(array: FloatArray, at: Any) -> Vector:
        """The floats from a place on, in memory that has the rows of an array one after the other."""
        return array.reshape(-1)[at : at + WIDTH].copy()

    def store(vector: Vector, array: FloatArray, at: Any) -> None:
        """Put the floats of a vector to a place and those behind it."""
        array.reshape(-1)[at : at + WIDTH] = vector

    def everywhere(number: float) -> Vector:
        """A number in all lanes."""
        return np.full(WIDTH, number)

    def multiply_add(a: Any, b: Any, c: Any) -> Any:
        """a b + c, in one rounding where the machine has an instruction for it, else in two."""
        return a * b + c

    def total(vector: Vector) -> float:
        """The sum over the lanes, by halves."""
        while len(vector) > 1:
            vector = vector[: len(vector) // 2] + vector[len(vector) // 2 :]
        return float(vector[0])

    def where_below(a: Any, b: Any, x: Any, y: Any) -> Vector:
        """x in lanes where a < b, else y."""
        return np.where(np.less(a, b), x, y)

    def bits_below(a: Any, b: Any) -> int:
        """The number whose bit i says whether a < b in lane i."""
        return int(sum(1 << lane for lane in np.flatnonzero(np.less(a, b)).tolist()))

else:

    @intrinsic  # type: ignore[untyped-decorator, unused-ignore]
    def load(typingctx: Any, array: Any, at: Any) -> Any:
        """The floats from a place on, in memory that has the rows of an array one after the other."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            value = builder.load(_place(context, builder, signature.args[0], *args))
            value.align = 8
            return value

        return VECTOR(array, types.intp), codegen

    @intrinsic  # type: ignore[untyped-decorator, unused-ignore]
    def store(typingctx: Any, vector: Any, array: Any, at: Any) -> Any:
        """Put the floats of a vector to a place and those behind it."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            (value,) = spread(builder, args[:1], VECTOR)
            builder.store(value, _place(context, builder, signature.args[1], *args[1:])).align = 8
            return context.get_dummy_value()

        return types.void(*operands(vector), array, types.intp), codegen

    @intrinsic  # type: ignore[untyped-decorator, unused-ignore]
    def everywhere(typingctx: Any, number: Any) -> Any:
        """A number in all lanes."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return spread(builder, args, VECTOR)[0]

        return VECTOR(types.float64), codegen

    @intrinsic  # type: ignore[untyped-decorator, unused-ignore]
    def multiply_add(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
        """a b + c, in one rounding where the machine has an instruction for it, else in two."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return _call(builder, "fmuladd", *spread(builder, args, VECTOR))

        return VECTOR(*operands(a, b, c)), codegen

    @intrinsic  # type: ignore[untyped-decorator, unused-ignore]
    def total(typingctx: Any, vector: Any) -> Any:
        """The sum over the lanes, by halves."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            parts = [builder.extract_element(args[0], ir.IntType(32)(lane)) for lane in range(WIDTH)]
            while len(parts) > 1:
                half = len(parts) // 2
                parts = [builder.fadd(*pair) for pair in zip(parts[:half], parts[half:], strict=True)]
            return parts[0]

        return types.float64(VECTOR), codegen

    @intrinsic  # type: ignore[untyped-decorator, unused-ignore]
    def where_below(typingctx: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
        """x in lanes where a < b, else y."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            low, high, this, other = spread(builder, args, VECTOR)
            return builder.select(builder.fcmp_ordered("<", low, high), this, other)

        return VECTOR(*operands(a, b, x, y)), codegen

    @intrinsic  # type: ignore[untyped-decorator, unused-ignore]
    def bits_below(typingctx: Any, a: Any, b: Any) -> Any:
        """The number whose bit i says whether a < b in lane i."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            below = builder.fcmp_ordered("<", *spread(builder, args, VECTOR))
            return builder.zext(builder.bitcast(below, ir.IntType(WIDTH)), ir.IntType(64))

        return types.int64(*operands(a, b)), codegen


def fused(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once, of floats or vectors."""
    return _call(builder, "fma", a, b, c)
