"""Functions of numba's compiler that took long, done in less time: `_compiler` puts them in while a kernel compiles.

- To find the meaning of ``a + b`` numba asks some dozen templates, at each occurrence anew: here what was found for
  operands of the same types is kept.
- After each pass numba finds out where all variables live: here when somebody asks.
- For each variable that is assigned more than once numba writes all blocks anew: here those that mention it.
"""

from __future__ import annotations

from typing import Any

from numba.core import ir, ssa
from numba.core.postproc import PostProcessor, VariableLifetime
from numba.core.targetconfig import ConfigStack
from numba.core.transforms import canonicalize_cfg
from numba.core.types.functions import BaseFunction

_Function: Any = BaseFunction
_ask, _process = _Function.get_call_type, PostProcessor.run
_MEANINGS: dict[Any, Any] = {}  # signatures of operations, by operation, operands and flags


def _meaning(self: Any, context: Any, args: Any, kws: Any) -> Any:
    key = self, context, tuple(args), tuple(kws.items()), ConfigStack.top_or_none()
    found = _MEANINGS.get(key)
    if found is None:  # what raises is not kept
        found = _MEANINGS[key] = _ask(self, context, args, kws)
    return found


def _process_later(self: Any, emit_dels: bool = False, extend_lifetimes: bool = False) -> None:
    function = self.func_ir
    if emit_dels or function.is_generator:
        _process(self, emit_dels, extend_lifetimes)
        return
    function.blocks = canonicalize_cfg(function.blocks)
    function.variable_lifetime, function.generator_info = VariableLifetime(function.blocks), None


def _list_variables(self: Any, value: Any) -> list[Any]:
    """Variables in an instruction's fields; most are variables themselves."""
    parts: Any = value if isinstance(value, (list, tuple)) else (value,)
    if isinstance(value, dict):
        parts = value.values()
    found = []
    for part in parts:
        if type(part) is ir.Var:
            found.append(part)
        elif isinstance(part, ir.Inst):
            found += part.list_vars()
        elif isinstance(part, (list, tuple, dict)):
            found += _list_variables(self, part)
    return found


def _rewrite(blocks: Any, states: Any, handler: Any) -> dict[int, Any]:
    """Blocks with the statements that a handler puts in place of those that mention a variable."""
    result = {}
    for label, block in blocks.items():
        result[label] = block
        if not hasattr(block, "mentioned"):
            block.mentioned = {variable.name for statement in block.body for variable in statement.list_vars()}
        if states["varname"] in block.mentioned:
            states["label"], states["block"] = label, block
            result[label] = ir.Block(block.scope, block.loc)
            for at in block.body:
                handle = handler.on_assign if isinstance(at, ir.Assign) else handler.on_other
                result[label].body.append(handle(states, at))
    return result


SHORTCUTS: list[tuple[Any, str, Any]] = [
    (_Function, "get_call_type", _meaning),
    (PostProcessor, "run", _process_later),
    (ir.Inst, "_rec_list_vars", _list_variables),
    (ssa, "_run_block_rewrite", _rewrite),
]
