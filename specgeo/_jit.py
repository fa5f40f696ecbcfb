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


def kernel(function: _F) -> _F:
    """Compile a kernel with the flags of this project."""
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)  # type: ignore[no-any-return]


def inline(function: _F) -> _F:
    """Compile a small helper that LLVM should inline into its callers."""
    return numba.njit(cache=True, nogil=True, error_model="numpy", inline="never")(function)  # type: ignore[no-any-return]


def lane(function: _F) -> _F:
    """Compile the arithmetic of one lane, always inlined: only then does LLVM vectorise the caller's loop."""
    return numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(function)  # type: ignore[no-any-return]


def leaf(function: _F) -> _F:
    """Compile a helper that allocates nothing, without numba's reference counting.

    In helpers that take a NamedTuple of arrays the counting (two atomic operations for each access) costs more
    than the work. Numba refuses to compile an allocation here, so misuse cannot pass silently.
    """
    return numba.njit(cache=True, nogil=True, error_model="numpy", _nrt=False)(function)  # type: ignore[no-any-return]


def hot(function: _F) -> _F:
    """A `leaf` that is always inlined: passing a NamedTuple of arrays to a call that stays costs a hundred moves."""
    return numba.njit(cache=True, nogil=True, error_model="numpy", _nrt=False, forceinline=True)(function)  # type: ignore[no-any-return]


def merged(function: _F) -> _F:
    """A part of one larger function, written apart for the reader: numba copies it into its caller.

    Unlike `hot` it is never compiled on its own, which for functions with large callees saves most of the time.
    """
    return numba.njit(cache=True, nogil=True, error_model="numpy", _nrt=False, inline="always")(function)  # type: ignore[no-any-return]
