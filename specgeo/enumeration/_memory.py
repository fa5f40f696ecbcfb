"""Work space that one enumeration leaves to the next in its thread.

The operating system clears every page that it hands out, which takes longer than most work that is done on it. So
large buffers are kept, up to a limit. One is free again as soon as no array looks into it any more.

It hands out a page when it is touched. So a buffer may be far longer than what is wanted of it at first: an array that
looks into it grows where it is, without a copy, and only what has been asked for counts as taken.

Even arrays that need not be cleared take time to make, more than a small enumeration spends on its cells. So a run
gives back what it has begun with (`Loans`), as it is, for the next of the same shape.

What is read in lines of the cache begins with one: numpy leaves the start of large arrays 16 bytes behind it, and every
row that is as long as a line, and every long vector, would be in two.
"""

from __future__ import annotations

import sys
import threading
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from math import prod
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

_LINE = 64  # bytes of a line of the cache
_SMALL = 1 << 16  # bytes; less comes from the heap of the process
_KEPT = 1 << 29  # bytes kept for each thread, at most
_LENT = 1 << 25  # of them, at most, those that are given back as they are

_local = threading.local()
_Tuple = TypeVar("_Tuple", bound=tuple[Any, ...])
_Key = tuple[Callable[..., Any], tuple[int, ...]]
_Thing = tuple[Any, int]  # arrays, and how many bytes they have


def _to_line(array: npt.NDArray[Any]) -> int:
    """Bytes from the start of an array to that of a line of the cache."""
    return int(-array.__array_interface__["data"][0] % _LINE)


def aligned(shape: tuple[int, ...], dtype: Any = np.float64) -> npt.NDArray[Any]:
    """An array that is not initialised and begins with a line of the cache."""
    size = prod(shape) * np.dtype(dtype).itemsize
    room = np.empty(size + _LINE, np.uint8)
    start = _to_line(room)
    array: npt.NDArray[Any] = room[start : start + size].view(dtype).reshape(shape)
    return array


class Buffer(np.ndarray[Any, np.dtype[np.uint8]]):
    """Memory, of which no more than the first ``used`` bytes from a line on have been asked for."""

    used: int
    start: int  # of the line

    @classmethod
    def of(cls, size: int, reserved: int) -> Buffer:
        """For so many bytes, and address space for more."""
        try:
            buffer = cls((max(size, reserved) + _LINE,), np.uint8)
        except MemoryError:  # a limit on addresses
            buffer = cls((size + _LINE,), np.uint8)
        buffer.used, buffer.start = size, _to_line(buffer)
        return buffer

    def __len__(self) -> int:
        """Bytes from the line on."""
        return self.size - _LINE

    def view_of(self, shape: tuple[int, ...], dtype: Any) -> npt.NDArray[Any]:
        """An array in this memory."""
        return np.ndarray(shape, dtype, self, self.start)


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
    buffers = _buffers()
    found = _first_free(buffers, reserve * size)
    if found is None:
        found = Buffer.of(size, reserve * size)
        if _used(buffers) + size > _KEPT:
            buffers[:] = [buffer for buffer in buffers if sys.getrefcount(buffer) > _FREE]
        if _used(buffers) + size <= _KEPT:
            insort(buffers, found, key=len)
    found.used = max(found.used, size)
    return found.view_of(shape, dtype)


def can_grow(array: npt.NDArray[Any], rows: int) -> bool:
    """Whether an array of `workspace` can have so many rows where it is."""
    return isinstance(array.base, Buffer) and rows * array.strides[0] <= len(array.base)


def grown(array: npt.NDArray[Any], rows: int) -> npt.NDArray[Any]:
    """The array with more rows (`can_grow`), not initialised. It and the old one look into the same memory."""
    buffer: Any = array.base
    buffer.used = max(buffer.used, rows * array.strides[0])
    buffers = _buffers()
    if _used(buffers) > _KEPT:  # it is free when no array looks into it any more
        buffers[:] = [kept for kept in buffers if kept is not buffer]
    view: npt.NDArray[Any] = buffer.view_of((rows, *array.shape[1:]), array.dtype)
    return view


class Loans:
    """Arrays, in tuples, that a run takes over from earlier ones in its thread, with whatever is in them.

    Parameters
    ----------
    kept : bool
        Whether others get them afterwards.
    """

    def __init__(self, kept: bool = True) -> None:
        self.shelf = _shelf() if kept else None
        self.taken: dict[_Key, _Thing] = {}

    def take(self, make: Callable[..., _Tuple], *shape: int) -> _Tuple:
        """What ``make(*shape)`` has made at some time, or makes now."""
        if self.shelf is None:
            return make(*shape)
        key = make, shape
        found = self.shelf.pop(key, None)
        if found is None:
            arrays = make(*shape)
            found = arrays, held_bytes(arrays)
        self.taken[key] = found
        arrays = found[0]
        return arrays

    def give_back(self) -> None:
        """The run is over: nothing may look into them any more."""
        if self.shelf is not None:
            self.shelf.update(self.taken)
            if _lent(self.shelf) > _LENT:
                self.shelf.clear()
        self.taken = {}

    def arrays(self) -> tuple[Any, ...]:
        """All of them, for those who count bytes."""
        return tuple(arrays for arrays, _ in self.taken.values())


def _lent(shelf: dict[_Key, _Thing]) -> int:
    return sum([size for _, size in shelf.values()])


def _buffers() -> Buffers:
    """What the thread keeps, in order of size."""
    buffers: Buffers = _local.__dict__.setdefault("buffers", [])
    return buffers


def _shelf() -> dict[_Key, _Thing]:
    """What the thread has to lend."""
    shelf: dict[_Key, _Thing] = _local.__dict__.setdefault("shelf", {})
    return shelf


def held_bytes(things: Iterable[Any]) -> int:
    """Bytes of the memory that arrays look into, each counted once; they may be in tuples, with other things."""
    owners = map(_owner, _arrays(things))
    return sum({id(o): int(o.used if isinstance(o, Buffer) else o.nbytes) for o in owners}.values())


def _arrays(things: Iterable[Any]) -> Iterator[Any]:
    for each in things:
        if isinstance(each, tuple):
            yield from _arrays(each)
        elif isinstance(each, np.ndarray):
            yield each


def _owner(array: Any) -> Any:
    while array.base is not None:
        array = array.base
    return array


def give_back(wanted: int) -> int:
    """Keep nothing that is free if it is more than ``wanted`` bytes; how many bytes are kept."""
    buffers, shelf = _buffers(), _shelf()
    free = _used(buffer for buffer in buffers if sys.getrefcount(buffer) <= _FREE)
    free += _lent(shelf)
    if free <= wanted:
        return free
    shelf.clear()
    buffers[:] = [buffer for buffer in buffers if sys.getrefcount(buffer) > _FREE]
    return 0
