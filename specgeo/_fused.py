"""The error-free transformations of `_double` for kernels: with the machine's fused product and sum.

As lanes they are copied into their callers' loops, which LLVM can then turn into vector code.
"""

from __future__ import annotations

from typing import Any

import numba
from numba.extending import intrinsic

from specgeo._double import product_error
from specgeo._double import two_sum as _two_sum
from specgeo._jit import lane
from specgeo._vector import fused, operands, spread, wider

if getattr(numba.config, "DISABLE_JIT", False):  # the same primitives for the interpreter

    def fma(a: float, b: float, c: float) -> float:
        """a b + c, nearly rounded once; the interpreter has no fused form."""
        product = a * b
        total, error = _two_sum(product, c)
        return total + (error + product_error(a, b, product))

    def two_product_error(a: float, b: float, product: float) -> float:
        """a b - fl(a b), exact."""
        return product_error(a, b, product)

else:

    @intrinsic  # type: ignore[untyped-decorator, unused-ignore]
    def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
        """a b + c, rounded once (llvm.fma), of floats or vectors."""
        kind = wider(a, b, c)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return fused(builder, *spread(builder, args, kind))

        return kind(*operands(a, b, c)), codegen

    @lane
    def two_product_error(a: float, b: float, product: float) -> float:
        """a b - fl(a b), exact."""
        return fma(a, b, -product)


two_sum = lane(_two_sum)
