"""Work space that one enumeration leaves to the next in its thread.

The operating system clears every page that it hands out, which takes longer than most work that is done on it. So
large buffers are kept, up to a limit. One is free again as soon as no array looks into it any more.

It hands out a page when it is touched. So a buffer may be far longer than what is wanted of it at first: an array that
looks into it grows where it is, without a copy, and only what has been asked for counts as taken.
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


class Buffer(np.ndarray[Any, np.dtype[np.uint8]]):
    """Memory, of which no more than the first ``used`` bytes have been asked for."""

    used: int

    @classmethod
    def of(cls, size: int, reserved: int) -> Buffer:
        """For so many bytes, and address space for more."""
        try:
            buffer = cls((max(size, reserved),), np.uint8)
        except MemoryError:  # a limit on addresses
            buffer = cls((size,), np.uint8)
        buffer.used = size
        return buffer


Buffers = list[Buffer]


def _first_free(buffers: Buffers, size: int) -> Buffer | None:
    """The smallest buffer (they are in order of size) that fits and into which no array looks."""
    for buffer in islice(buffers, bisect_left(buffers, size, key=len), None):
        if buffer.used > 4 * size:
            return None
        if sys.getrefcount(buffer) <= _FREE:
            return buffer
    return None


def _used(buffers: Iterable[Buffer]) -> int:
    return sum(buffer.used for buffer in buffers)


def _count(buffers: Buffers) -> int:
    """How often a buffer that nobody uses is referred to in a loop over the store."""
    for buffer in buffers:
        return sys.getrefcount(buffer)
    return 0


_FREE = _count([Buffer.of(1, 1)])


def workspace(shape: tuple[int, ...], dtype: Any, reserve: int = 1) -> npt.NDArray[Any]:
    """An array that is not initialised, perhaps in memory used before; with addresses to grow to so many times it."""
    size = prod(shape) * np.dtype(dtype).itemsize
    if reserve * size < _SMALL:
        return np.empty(shape, dtype)
    buffers: Buffers = _local.__dict__.setdefault("buffers", [])
    found = _first_free(buffers, reserve * size)
    if found is None:
        found = Buffer.of(size, reserve * size)
        if _used(buffers) + size > _KEPT:
            buffers[:] = [buffer for buffer in buffers if sys.getrefcount(buffer) > _FREE]
        if _used(buffers) + size <= _KEPT:
            insort(buffers, found, key=len)
    found.used = max(found.used, size)
    return np.ndarray(shape, dtype, found)


def can_grow(array: npt.NDArray[Any], rows: int) -> bool:
    """Whether an array of `workspace` can have so many rows where it is."""
    return isinstance(array.base, Buffer) and rows * array.strides[0] <= len(array.base)


def grown(array: npt.NDArray[Any], rows: int) -> npt.NDArray[Any]:
    """The array with more rows (`can_grow`), not initialised. It and the old one look into the same memory."""
    buffer: Any = array.base
    buffer.used = max(buffer.used, rows * array.strides[0])
    buffers: Buffers = _local.__dict__.setdefault("buffers", [])
    if _used(buffers) > _KEPT:  # it is free when no array looks into it any more
        buffers[:] = [kept for kept in buffers if kept is not buffer]
    return np.ndarray((rows, *array.shape[1:]), array.dtype, buffer)


def held_bytes(arrays: Iterable[Any]) -> int:
    """Bytes of the memory that arrays look into, each counted once."""
    owners = map(_owner, arrays)
    return sum({id(o): int(o.used if isinstance(o, Buffer) else o.nbytes) for o in owners}.values())


def _owner(array: Any) -> Any:
    while array.base is not None:
        array = array.base
    return array


def give_back(wanted: int) -> int:
    """Keep no free buffers if they are more than ``wanted`` bytes; how many bytes are kept."""
    buffers: Buffers = _local.__dict__.setdefault("buffers", [])
    in_use = [buffer for buffer in buffers if sys.getrefcount(buffer) > _FREE]
    free = _used(buffers) - _used(in_use)
    if free > wanted:
        buffers[:], free = in_use, 0
    return free
