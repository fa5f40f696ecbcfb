"""Work space that one enumeration leaves to the next in its thread.

The operating system clears every page that it hands out, which takes longer than most work that is done on it. So
large buffers are kept, up to a limit. One is free again as soon as no array looks into it any more.
"""

from __future__ import annotations

import sys
import threading
from bisect import bisect_left, insort
from collections.abc import Iterable
from itertools import islice
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

_SMALL = 1 << 16  # bytes; less comes from the heap of the process
_KEPT = 1 << 28  # bytes kept for each thread, at most

_local = threading.local()
Buffers = list[npt.NDArray[np.uint8]]


def _first_free(buffers: Buffers, size: int) -> npt.NDArray[np.uint8] | None:
    """The smallest buffer (they are in order of size) that fits and into which no array looks."""
    for buffer in islice(buffers, bisect_left(buffers, size, key=len), None):
        if len(buffer) > 4 * size:
            return None
        if sys.getrefcount(buffer) <= _FREE:
            return buffer
    return None


def _count(buffers: Buffers) -> int:
    """How often a buffer that nobody uses is referred to in a loop over the store."""
    for buffer in buffers:
        return sys.getrefcount(buffer)
    return 0


_FREE = _count([np.empty(1, np.uint8)])


def workspace(shape: tuple[int, ...], dtype: Any) -> npt.NDArray[Any]:
    """An array that is not initialised, perhaps in memory used before."""
    size = prod(shape) * np.dtype(dtype).itemsize
    if size < _SMALL:
        return np.empty(shape, dtype)
    buffers: Buffers = _local.__dict__.setdefault("buffers", [])
    found = _first_free(buffers, size)
    if found is None:
        found = np.empty(size, np.uint8)
        if sum(map(len, buffers)) + size > _KEPT:
            buffers[:] = [buffer for buffer in buffers if sys.getrefcount(buffer) > _FREE]
        if sum(map(len, buffers)) + size <= _KEPT:
            insort(buffers, found, key=len)
    return np.ndarray(shape, dtype, found)


def held_bytes(arrays: Iterable[Any]) -> int:
    """Bytes of the memory that arrays look into, each counted once."""
    owners = (array if array.base is None else array.base for array in arrays)
    return sum({id(owner): int(owner.nbytes) for owner in owners}.values())


def give_back(wanted: int) -> int:
    """Keep no free buffers if they are more than ``wanted`` bytes; how many bytes are kept."""
    buffers: Buffers = _local.__dict__.setdefault("buffers", [])
    used = [buffer for buffer in buffers if sys.getrefcount(buffer) > _FREE]
    free = sum(map(len, buffers)) - sum(map(len, used))
    if free > wanted:
        buffers[:], free = used, 0
    return free
