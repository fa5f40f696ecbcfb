"""The one place that calls numba: every kernel of specgeo is made by a decorator of this module.

Flags, and why:

- ``nogil=True``: the caller's executor owns concurrency. ``error_model="numpy"``: division by zero gives inf or nan
  and costs no branch; kernels test divisors where zero can occur.
- ``pipeline_class``: numba's compiler made faster (`_compiler`).
- Rows are copied entry by entry: for ``a[i] = b[i]`` numba compiles a message about shapes as well, and text is slow.
- ``fastmath`` is off everywhere: it breaks NaN tests and error-free transforms, on which the
  sign filter and the compensated phases rest.

Kernels are compiled once per machine (`_kernel_cache`). Numba takes a compiled function from its cache as long as the
file of that function stays the same, even if a callee in another file has changed (numba issue 1833): after an update
of a clone, kernels with different ideas of their arrays could meet. So the files of all kernels together decide here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import numba

from specgeo._compiler import Compiler
from specgeo._kernel_cache import attach

_F = TypeVar("_F", bound=Callable[..., Any])
_COMMON: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "no_cfunc_wrapper": True,
    "pipeline_class": Compiler,
}
# What only kernels call needs no entry from Python: half the time of compiling a small function goes into that.
_INTERNAL: dict[str, Any] = {**_COMMON, "no_cpython_wrapper": True}


@cache
def _stamp() -> str:
    """A digest of time and size of every file that has kernels."""
    package = Path(__file__).parent
    parts = [package / part for part in ("enumeration", "fourier", "geometry")]
    files = [
        Path(__file__),
        package / "_compiler.py",
        package / "_lowering.py",
        package / "_passes.py",
        package / "_shortcuts.py",
        package / "_double.py",
        package / "_fused.py",
        package / "_vector.py",
        package / "_prefetch.py",
        *(file for part in parts for file in part.iterdir()),
    ]
    stamps = sorted((f.as_posix(), f.stat().st_mtime_ns, f.stat().st_size) for f in files if f.suffix == ".py")
    return sha256(repr(stamps).encode()).hexdigest()


def _compiled(function: _F, options: dict[str, Any]) -> _F:
    compiled = numba.njit(**options)(function)
    if hasattr(compiled, "py_func") and "no_cpython_wrapper" not in options:  # helpers are kept within their kernels
        attach(compiled, _stamp())
    return compiled  # type: ignore[no-any-return]


def kernel(function: _F) -> _F:
    """Compile a kernel, to be called from Python."""
    return _compiled(function, _COMMON)


def direct(function: _F) -> _F:
    """A kernel for a caller whose arguments are always of the same types, which are looked at in the first call only.

    Numba looks at them in every call: of NamedTuples of arrays, at all their fields, which takes 10 to 50 microseconds.
    All such arrays are contiguous and can be written to.
    """
    overloads: Any = getattr(function, "overloads", None)
    if overloads is None:  # numba is switched off
        return function
    entry: Any = None

    def call(*args: Any) -> Any:
        nonlocal entry
        if entry is not None:
            return entry(*args)
        result = function(*args)
        if len(overloads) == 1:
            (compiled,) = overloads.values()
            entry = compiled.entry_point
        return result

    call.__wrapped__ = function  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]


def leaf_kernel(function: _F) -> _F:
    """A `kernel` that allocates nothing, without numba's reference counting; see `leaf`."""
    return _compiled(function, {**_COMMON, "_nrt": False})


def inline(function: _F) -> _F:
    """Compile a small helper on its own; LLVM may copy it into its callers, numba does not. Not for Python to call."""
    return _compiled(function, {**_INTERNAL, "inline": "never"})


def lane(function: _F) -> _F:
    """Compile the arithmetic of one lane, always inlined: only then does LLVM vectorise the caller's loop."""
    return _compiled(function, {**_INTERNAL, "forceinline": True})


def leaf(function: _F) -> _F:
    """Compile a helper that allocates nothing, without numba's reference counting. Never call it from Python.

    In helpers that take a NamedTuple of arrays the counting (two atomic operations for each access) costs more
    than the work. Numba refuses to compile an allocation here, so misuse cannot pass silently.
    """
    return _compiled(function, {**_INTERNAL, "_nrt": False})


def hot(function: _F) -> _F:
    """A `leaf` that is always inlined: passing a NamedTuple of arrays to a call that stays costs a hundred moves."""
    return _compiled(function, {**_INTERNAL, "_nrt": False, "forceinline": True})


def merged(function: _F) -> _F:
    """A part of one larger function, written apart for the reader: numba copies it into its caller.

    Unlike `hot` it is never compiled on its own: for what has one or two callers, which saves time.
    """
    return _compiled(function, {**_INTERNAL, "_nrt": False, "inline": "always"})
