"""Numba's compiler with changes with which it takes less than a third of its time, and that change no result.

Besides the passes of `_passes`, the functions of `_shortcuts` and the lowering of `_lowering`:

- Numba makes machine code of a helper that only kernels call, and nobody runs it: here it stays a part, linked into
  kernels. (It is optimised by itself all the same: kernels are a few per cent faster for that.)
- Whether two sets of compiler flags are one numba finds out flag by flag, at each operation: here they are one object.
- Passes for closures and for expressions of arrays are left out: kernels have neither.
- Compiling makes millions of objects that live to its end: the garbage collector waits.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, Flags, lookup_environment
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering

from specgeo._lowering import REPLACED, Lowering
from specgeo._passes import MergeParts, ReadFieldsOnce, with_parts
from specgeo._shortcuts import SHORTCUTS


class _Flags(Flags):  # type: ignore[misc]
    """Flags whose copies, which are what numba hashes and compares, are one object for one set of values."""

    __slots__ = ("_hash",)

    def __hash__(self) -> int:
        return self._hash  # type: ignore[no-any-return]

    def __eq__(self, other: object) -> bool:
        return self is other or bool(super().__eq__(other))

    def copy(self) -> _Flags:
        same = _Flags(self)
        same._hash = hash(repr(same))  # numba's is one for all
        return _FLAGS.setdefault(same, same)


class _Nowhere:
    """The engine of what is never run."""

    def set_env(self, name: str, environment: Any) -> None:
        pass


class _Part(JITCodeLibrary):  # type: ignore[misc]
    """The code of a helper: linked into kernels, never run by itself."""

    codegen = _Nowhere()

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        self._ensure_finalized()
        return 0


@register_pass(mutates_CFG=True, analysis_only=False)
class Lower(NativeLowering):  # type: ignore[misc]
    """Numba's pass; helpers become parts."""

    _name = "lower"

    @property
    def lowering_class(self) -> Any:
        return Lowering

    def run_pass(self, state: Any) -> bool:
        part = state.flags.no_cpython_wrapper
        if part:
            state.library = _Part(state.targetctx.codegen(), state.func_id.func_qualname)
        changed = bool(super().run_pass(state))
        if not part:  # the environments of its parts have come to be with its own code
            for variable in state.library._final_module.global_variables:
                environment = lookup_environment(variable.name)
                if environment is not None:
                    state.library.codegen.set_env(variable.name, environment)
        return changed


_FLAGS: dict[_Flags, _Flags] = {}


@contextmanager
def _hurry() -> Iterator[None]:
    """While a kernel compiles: numba holds its lock, and kernels that this one needs compile within."""
    ours = [*REPLACED, *SHORTCUTS]
    before = [(owner, name, owner.__dict__[name]) for owner, name, _ in ours]
    collecting = gc.isenabled()
    gc.disable()
    for owner, name, function in ours:
        setattr(owner, name, function)
    try:
        yield
    finally:
        for owner, name, function in before:
            setattr(owner, name, function)
        if collecting:
            gc.enable()


class Compiler(CompilerBase):  # type: ignore[misc]
    """Numba's compiler with these changes."""

    def _compile_core(self) -> Any:
        self.state.flags = _Flags(self.state.flags)
        with _hurry():
            return super()._compile_core()

    def define_pipelines(self) -> list[Any]:
        pipeline = with_parts(DefaultPassBuilder.define_nopython_pipeline(self.state))
        pipeline.add_pass_after(ReadFieldsOnce, MergeParts)
        pipeline.passes = [(Lower if kind is NativeLowering else kind, text) for kind, text in pipeline.passes]
        pipeline.finalize()
        return [pipeline]
