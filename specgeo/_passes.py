"""Two passes for numba's compiler (`_compiler`) that spare part of the time of a compilation, and change no result.

- Where numba copies a part into a larger function (`_jit.merged`) it deep-copies the part twice, and with every block
  all variables that there are, though it has read the part for this one purpose: here it takes what it has read.
- Numba lowers ``state.x`` to a load of the whole ``state``, hundreds of words for a NamedTuple of arrays, and LLVM
  takes them apart again, at each of hundreds of places. Arguments are immutable: here their fields are read once, at
  the beginning of a function.
"""

from __future__ import annotations

from typing import Any

from numba.core import ir
from numba.core.compiler import DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.inline_closurecall import InlineWorker, callee_ir_validator
from numba.core.ir_utils import build_definitions, replace_vars
from numba.core.typed_passes import NopythonRewrites
from numba.core.untyped_passes import InlineClosureLikes, InlineInlinables


class _Part(ir.Block):  # type: ignore[misc]
    """A block of a function that is read in order to be copied into one other."""

    def __deepcopy__(self, memo: Any) -> _Part:
        return self


class _Worker(InlineWorker):  # type: ignore[misc]
    """Copies functions into their callers."""

    def __init__(self, state: Any) -> None:
        contexts = state.typingctx, state.targetctx, state.locals, state.pipeline, state.flags
        super().__init__(*contexts, validator=callee_ir_validator)
        self._compiler_pipeline = lambda state: with_parts(DefaultPassBuilder.define_untyped_pipeline(state))

    def run_untyped_passes(self, func: Any, enable_ssa: bool = False) -> Any:
        function = super().run_untyped_passes(func, enable_ssa)
        for block in function.blocks.values():
            block.__class__ = _Part
        return function


@register_pass(mutates_CFG=True, analysis_only=False)
class MergeParts(InlineInlinables):  # type: ignore[misc]
    """Numba's pass, without copies of what is read only once."""

    _name = "merge_parts"

    def run_pass(self, state: Any) -> bool:
        changed = bool(super().run_pass(state))
        for block in state.func_ir.blocks.values():
            block.__class__ = ir.Block
        return changed

    def _do_work(self, state: Any, work_list: Any, block: Any, i: int, expr: Any, inline_worker: Any) -> Any:
        return super()._do_work(state, work_list, block, i, expr, _Worker(state))


@register_pass(mutates_CFG=False, analysis_only=False)
class ReadFieldsOnce(FunctionPass):  # type: ignore[misc]
    """Replace copies of arguments and their fields, and the fields of these, by variables set at the beginning."""

    _name = "read_fields_once"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        blocks = state.func_ir.blocks
        entry = blocks[min(blocks)]
        once: dict[str, Any] = {}  # the assignment to a variable; None if there are several
        methods = set()
        for block in blocks.values():
            for at in block.find_insts(ir.Assign):
                once[at.target.name] = None if at.target.name in once else at
                if isinstance(at.value, ir.Expr) and at.value.op == "call":
                    methods.add(at.value.func.name)
        open_ = {name: at for name, at in once.items() if at is not None and name not in methods}
        known = {name: at.target for name, at in open_.items() if isinstance(at.value, ir.Arg)}
        arguments = set(known)
        fields: dict[tuple[str, str], Any] = {}
        while found := {name: at for name, at in open_.items() if name not in known and _owner(at) in known}:
            for name, at in found.items():
                owner = known[_owner(at)]
                if isinstance(at.value, ir.Var):
                    known[name] = owner
                    continue
                key = (owner.name, at.value.attr)
                if key not in fields:
                    variable = entry.scope.redefine(".".join(key), at.loc)
                    fields[key] = ir.Assign(ir.Expr.getattr(owner, key[1], at.loc), variable, at.loc)
                known[name] = fields[key].target
        replaced = {name: variable for name, variable in known.items() if name not in arguments}
        for block in blocks.values():
            block.body = [at for at in block.body if not (isinstance(at, ir.Assign) and at.target.name in replaced)]
        replace_vars(blocks, replaced)
        start = max((i for i, at in enumerate(entry.body) if _is_argument(at)), default=-1) + 1
        entry.body[start:start] = fields.values()
        state.func_ir._definitions = build_definitions(blocks)
        return True


def _is_argument(at: Any) -> bool:
    return isinstance(at, ir.Assign) and isinstance(at.value, ir.Arg)


def _owner(at: Any) -> str:
    """Of what an assignment reads the whole or a field."""
    value = at.value
    if isinstance(value, ir.Expr) and value.op == "getattr":
        value = value.value
    return str(value.name) if isinstance(value, ir.Var) else ""


def with_parts(pipeline: Any) -> Any:
    """The pipeline with `MergeParts` in the place of numba's pass, without those for closures and array expressions."""
    pipeline.passes = [
        (MergeParts if kind is InlineInlinables else kind, text)
        for kind, text in pipeline.passes
        if kind not in (InlineClosureLikes, NopythonRewrites)
    ]
    return pipeline
