"""Work space that one enumeration leaves to the next in its thread.

The operating system clears every page that it hands out, which takes longer than most work that is done on it. So
large buffers are kept, up to a limit. One is free again as soon as no array looks into it any more.

Even arrays that need not be cleared take time to make, more than a small enumeration spends on its cells. So a run
gives back what it has begun with (`Loans`), as it is, for the next of the same shape.
"""

from __future__ import annotations

import sys
import threading
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from math import prod
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

_SMALL = 1 << 16  # bytes; less comes from the heap of the process
_KEPT = 1 << 28  # bytes kept for each thread, at most
_LENT = 1 << 25  # of them, at most, those that are given back as they are

_local = threading.local()
Buffers = list[npt.NDArray[np.uint8]]
_Arrays = TypeVar("_Arrays", bound=tuple[Any, ...])
_Key = tuple[Callable[..., Any], tuple[int, ...]]
_Thing = tuple[Any, int]  # arrays, and how many bytes they have


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
    buffers = _buffers()
    found = _first_free(buffers, size)
    if found is None:
        found = np.empty(size, np.uint8)
        if sum(map(len, buffers)) + size > _KEPT:
            buffers[:] = [buffer for buffer in buffers if sys.getrefcount(buffer) > _FREE]
        if sum(map(len, buffers)) + size <= _KEPT:
            insort(buffers, found, key=len)
    return np.ndarray(shape, dtype, found)


class Loans:
    """Arrays, in tuples, that a run takes over from earlier ones in its thread, with whatever is in them.

    Parameters
    ----------
    kept : bool
        Whether others get them afterwards.
    """

    def __init__(self, kept: bool = True) -> None:
        self.kept = kept
        self.taken: dict[_Key, _Thing] = {}

    def take(self, make: Callable[..., _Arrays], *shape: int) -> _Arrays:
        """What ``make(*shape)`` has made at some time, or makes now."""
        if not self.kept:
            return make(*shape)
        key = make, shape
        found = _shelf().pop(key, None)
        if found is None:
            arrays = make(*shape)
            found = arrays, held_bytes(_flat(arrays))
        self.taken[key] = found
        arrays = found[0]
        return arrays

    def give_back(self) -> None:
        """The run is over: nothing may look into them any more."""
        shelf = _shelf()
        shelf.update(self.taken)
        if sum(size for _, size in shelf.values()) > _LENT:
            shelf.clear()
        self.taken = {}

    def arrays(self) -> Iterable[Any]:
        """All of them, for those who count bytes."""
        return chain.from_iterable(_flat(arrays) for arrays, _ in self.taken.values())


def _flat(arrays: tuple[Any, ...]) -> Iterator[Any]:
    for each in arrays:
        if isinstance(each, tuple):
            yield from _flat(each)
        else:
            yield each


def _buffers() -> Buffers:
    """What the thread keeps, in order of size."""
    buffers: Buffers = _local.__dict__.setdefault("buffers", [])
    return buffers


def _shelf() -> dict[_Key, _Thing]:
    """What the thread has to lend."""
    shelf: dict[_Key, _Thing] = _local.__dict__.setdefault("shelf", {})
    return shelf


def held_bytes(arrays: Iterable[Any]) -> int:
    """Bytes of the memory that arrays look into, each counted once."""
    owners = (array if array.base is None else array.base for array in arrays)
    return sum({id(owner): int(owner.nbytes) for owner in owners}.values())


def give_back(wanted: int) -> int:
    """Keep nothing that is free if it is more than ``wanted`` bytes; how many bytes are kept."""
    buffers, shelf = _buffers(), _shelf()
    free = sum(len(buffer) for buffer in buffers if sys.getrefcount(buffer) <= _FREE)
    free += sum(size for _, size in shelf.values())
    if free <= wanted:
        return free
    shelf.clear()
    buffers[:] = [buffer for buffer in buffers if sys.getrefcount(buffer) > _FREE]
    return 0
