"""Work space that one enumeration leaves to the next in its thread.

The operating system clears every page that it hands out, which takes longer than most work that is done on it. So
large buffers are kept, up to a limit. One is free again as soon as no array looks into it any more.
"""

from __future__ import annotations

import sys
import threading
from itertools import compress
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

_SMALL = 1 << 16  # bytes; less comes from the heap of the process
_KEPT = 1 << 26  # bytes kept for each thread, at most

_local = threading.local()
Buffers = list[npt.NDArray[np.uint8]]


def _references(buffers: Buffers) -> list[int]:
    """How often each buffer is referred to, while it is looked at here."""
    return [sys.getrefcount(buffer) for buffer in buffers]


_FREE = _references([np.empty(1, np.uint8)])[0]


def workspace(shape: tuple[int, ...], dtype: Any) -> npt.NDArray[Any]:
    """An array that is not initialised, perhaps in memory used before."""
    size = prod(shape) * np.dtype(dtype).itemsize
    if size < _SMALL:
        return np.empty(shape, dtype)
    buffers: Buffers = _local.__dict__.setdefault("buffers", [])
    fitting = [
        (len(buffer), i)
        for i, (buffer, count) in enumerate(zip(buffers, _references(buffers), strict=True))
        if count <= _FREE and size <= len(buffer) <= 4 * size
    ]
    if fitting:
        buffer = buffers[min(fitting)[1]]
    else:
        buffer = np.empty(size, np.uint8)
        if sum(map(len, buffers)) + size > _KEPT:
            used = [count > _FREE for count in _references(buffers)]
            buffers[:] = compress(buffers, used)
        if sum(map(len, buffers)) + size <= _KEPT:
            buffers.append(buffer)
    array: npt.NDArray[Any] = buffer[:size].view(dtype).reshape(shape)
    return array
