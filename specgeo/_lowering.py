"""Numba's lowering to the language of LLVM, with values where it uses memory.

Numba keeps what it computes in places on the stack: a variable that several blocks read has one, and each look into a
structure (an array is one, of seven words) copies the whole to a new one. That none of them is needed LLVM finds out
later, pass by pass. Here

- a variable that is assigned once, before all its uses, is a value;
- a structure is a value until its address is taken or a field set in another block than it was made in;
- what comes out of a structure is what was put into it (`_Builder`), else it is taken out once.

A third as many instructions remain, and LLVM proves that each of them comes after those whose results it uses.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

from llvmlite.ir import IRBuilder
from llvmlite.ir.instructions import InsertValue, Instruction, PhiInstr
from numba.core import ir
from numba.core.analysis import compute_cfg_from_blocks, compute_use_defs
from numba.core.cgutils import _StructProxy, alloca_once
from numba.core.ir_utils import rename_labels
from numba.core.lowering import Lower
from numba.np import arrayobj


class _Builder(IRBuilder):  # type: ignore[misc]
    """Takes parts out of structures where they were put in, else once, in the block where the structure comes from."""

    _block: Any
    _anchor: Any

    def __init__(self, block: Any) -> None:
        super().__init__(block)
        self._taken: dict[Any, Any] = {}

    def extract_value(self, agg: Any, idx: Any, name: str = "") -> Any:
        path = list(idx) if isinstance(idx, (tuple, list)) else [idx]
        while path and isinstance(agg, InsertValue):
            put = list(agg.indices)
            if path[: len(put)] == put:
                agg, path = agg.value, path[len(put) :]
            elif put[: len(path)] == path:  # it is a part of what is wanted
                break
            else:
                agg = agg.aggregate
        if not path:
            return agg
        if not isinstance(agg, Instruction) or isinstance(agg, PhiInstr):
            return super().extract_value(agg, path, name)
        key = agg, *path
        if key not in self._taken:
            block, anchor = self._block, self._anchor
            if agg.parent is not block:
                self._block = agg.parent
                self._anchor = len(agg.parent.instructions) - int(agg.parent.is_terminated)
            self._taken[key] = super().extract_value(agg, path, name)
            if agg.parent is not block:
                self._block, self._anchor = block, anchor
        return self._taken[key]


class Lowering(Lower):  # type: ignore[misc]
    """Numba's, with values for variables that are assigned once."""

    def __init__(self, context: Any, library: Any, fndesc: Any, func_ir: Any, metadata: Any = None) -> None:
        func_ir.blocks = rename_labels(func_ir.blocks)  # in an order in which definitions come before their uses
        super().__init__(context, library, fndesc, func_ir, metadata)

    def setup_function(self, fndesc: Any) -> None:
        super().setup_function(fndesc)
        self.builder = _Builder(self.entry_block)
        self.call_helper = self.call_conv.init_call_helper(self.builder)

    def _find_singly_assigned_variable(self) -> None:
        super()._find_singly_assigned_variable()
        times: Counter[str] = Counter()
        home: dict[str, int] = {}  # the block of the assignment
        for label, block in self.func_ir.blocks.items():
            for at in block.find_insts(ir.Assign):
                times[at.target.name] += 1
                home[at.target.name] = label
        self._values = {name for name, n in times.items() if n == 1 and not self._is_counted(name)}
        dominators = compute_cfg_from_blocks(self.func_ir.blocks).dominators()
        for label, names in compute_use_defs(self.func_ir.blocks).usemap.items():
            before = dominators[label] - {label}
            self._values -= {name for name in names if home.get(name) not in before}
        self._singly_assigned_vars |= self._values

    def _is_counted(self, name: str) -> bool:
        """Whether references are counted to what a variable holds, so that its end is of importance."""
        kind = self.context.data_model_manager[self.typeof(name)]
        return bool(self.context.enable_nrt and kind.contains_nrt_meminfo())

    def delvar(self, name: str) -> None:
        if name not in self._values:
            super().delvar(name)


class _Structure:
    """Methods for numba's proxies of structures: ``_whole`` is the value, None where it is in memory."""

    def __init__(self: Any, context: Any, builder: Any, value: Any = None, ref: Any = None) -> None:
        self._whole = None
        model = context.data_model_manager[self._fe_type]
        kind = self._get_be_type(model)
        if ref is not None or (value is not None and value.type != kind):
            _in_memory(self, context, builder, value, ref)
            return
        self._context, self._builder, self._datamodel, self._be_type = context, builder, model, kind
        self._whole, self._home = kind(None) if value is None else value, builder.basic_block

    def __getattr__(self: Any, name: str) -> Any:
        if name not in ("_value", "_outer_ref"):
            return _attribute(self, name)
        place = alloca_once(self._builder, self._be_type)  # now there is need of an address
        with self._builder.goto_block(self._home):
            self._builder.store(self._whole, place)
        self._value, self._outer_ref, self._whole = place, place, None
        return place

    def __getitem__(self: Any, index: int) -> Any:
        if self._whole is None:
            return _item(self, index)
        return self._cast_member_to_value(index, self._builder.extract_value(self._whole, index))

    def __setitem__(self: Any, index: int, value: Any) -> None:
        part = self._cast_member_from_value(index, value)
        here = self._whole is not None and self._builder.basic_block is self._home
        if here and part.type == self._be_type.elements[index]:
            self._whole = self._builder.insert_value(self._whole, part, index)
        else:
            _set_item(self, index, value)

    def _getvalue(self: Any) -> Any:
        return _all(self) if self._whole is None else self._whole


_in_memory, _attribute, _item = _StructProxy.__init__, _StructProxy.__getattr__, _StructProxy.__getitem__
_set_item, _all, _make_array = _StructProxy.__setitem__, _StructProxy._getvalue, arrayobj.make_array


@cache
def _array(kind: Any) -> Any:
    """Numba's proxy of an array, which takes its shape from memory, likewise."""
    base: Any = _make_array(kind)

    class Array(base):  # type: ignore[misc, valid-type, unused-ignore]
        @property
        def shape(self) -> Any:
            if self._whole is None:
                return base.shape.fget(self)
            return self[self._datamodel.get_field_position("shape")]

    return Array


_METHODS = "__init__", "__getattr__", "__getitem__", "__setitem__", "_getvalue"
REPLACED: list[tuple[Any, str, Any]] = [
    *((_StructProxy, name, _Structure.__dict__[name]) for name in _METHODS),
    (arrayobj, "make_array", _array),
]
