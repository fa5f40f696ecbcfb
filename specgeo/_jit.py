"""The one place that calls numba: every kernel of specgeo is made by `kernel` or `inline`.

Flags, and why:

- ``cache=True``: compile once per machine. ``nogil=True``: the caller's executor owns
  concurrency. ``error_model="numpy"``: division by zero gives inf or nan and costs no branch;
  kernels test divisors where zero can occur.
- ``fastmath`` is off everywhere: it breaks NaN tests and error-free transforms, on which the
  sign filter and the compensated phases rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

_F = TypeVar("_F", bound=Callable[..., Any])
_COMMON: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
# What only kernels call needs no entry from Python: half the time of compiling a small function goes into that.
_INTERNAL: dict[str, Any] = {**_COMMON, "no_cpython_wrapper": True}


def kernel(function: _F) -> _F:
    """Compile a kernel, to be called from Python."""
    return numba.njit(**_COMMON)(function)  # type: ignore[no-any-return]


def leaf_kernel(function: _F) -> _F:
    """A `kernel` that allocates nothing, without numba's reference counting; see `leaf`."""
    return numba.njit(**_COMMON, _nrt=False)(function)  # type: ignore[no-any-return]


def inline(function: _F) -> _F:
    """Compile a small helper that LLVM should inline into its callers. Never call it from Python."""
    return numba.njit(**_INTERNAL, inline="never")(function)  # type: ignore[no-any-return]


def lane(function: _F) -> _F:
    """Compile the arithmetic of one lane, always inlined: only then does LLVM vectorise the caller's loop."""
    return numba.njit(**_INTERNAL, forceinline=True)(function)  # type: ignore[no-any-return]


def leaf(function: _F) -> _F:
    """Compile a helper that allocates nothing, without numba's reference counting. Never call it from Python.

    In helpers that take a NamedTuple of arrays the counting (two atomic operations for each access) costs more
    than the work. Numba refuses to compile an allocation here, so misuse cannot pass silently.
    """
    return numba.njit(**_INTERNAL, _nrt=False)(function)  # type: ignore[no-any-return]


def hot(function: _F) -> _F:
    """A `leaf` that is always inlined: passing a NamedTuple of arrays to a call that stays costs a hundred moves."""
    return numba.njit(**_INTERNAL, _nrt=False, forceinline=True)(function)  # type: ignore[no-any-return]


def merged(function: _F) -> _F:
    """A part of one larger function, written apart for the reader: numba copies it into its caller.

    Unlike `hot` it is never compiled on its own, which for functions with large callees saves most of the time.
    """
    return numba.njit(**_INTERNAL, _nrt=False, inline="always")(function)  # type: ignore[no-any-return]
