"""A hint to the processor: this will be read soon."""

from __future__ import annotations

from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

if getattr(numba.config, "DISABLE_JIT", False):  # nothing for the interpreter

    def prefetch(array: Any, item: Any) -> None:
        """Nothing."""

else:

    @intrinsic  # type: ignore[untyped-decorator, unused-ignore]
    def prefetch(typingctx: Any, array: Any, item: Any) -> Any:
        """Bring an item of an array (counted through its rows) into the cache, without waiting for it."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            data = context.make_array(signature.args[0])(context, builder, args[0]).data
            where = builder.bitcast(builder.gep(data, [args[1]]), ir.IntType(8).as_pointer())
            flag = ir.IntType(32)
            kind = ir.FunctionType(ir.VoidType(), [where.type, flag, flag, flag])
            hint = builder.module.declare_intrinsic("llvm.prefetch", [where.type], kind)
            builder.call(hint, [where, flag(0), flag(3), flag(1)])  # to read, into the nearest cache, data
            return context.get_dummy_value()

        return types.void(array, types.int64), codegen
