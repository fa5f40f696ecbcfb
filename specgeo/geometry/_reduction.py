"""Reduction of a boundary matrix over GF(2), column by column.

Notation: ``offsets, rows`` list the boundary of each column. A column is reduced by adding, as long as there is one,
the reduced column with the same largest row, its *pivot*; it ends at zero or with a pivot of its own. The column at
work is a binary heap, largest first, in which two equal rows cancel.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from specgeo._cast import IntArray
from specgeo._jit import kernel, leaf


@leaf
def _push(heap: IntArray, size: int, row: int) -> None:
    """Add a row to the heap, which has room for it."""
    at = size
    while at > 0 and heap[(at - 1) >> 1] < row:
        heap[at] = heap[(at - 1) >> 1]
        at = (at - 1) >> 1
    heap[at] = row


@leaf
def _drop(heap: IntArray, size: int) -> None:
    """Take the largest row off a heap of ``size`` rows."""
    row, at = heap[size - 1], 0
    while 2 * at + 1 < size - 1:
        child = 2 * at + 1
        if child + 1 < size - 1 and heap[child + 1] > heap[child]:
            child += 1
        if heap[child] <= row:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = row


@leaf
def _settle(heap: IntArray, size: int) -> int:
    """Cancel equal rows at the top; the size that is left, and then the top occurs once."""
    while size > 1:
        top = heap[0]
        _drop(heap, size)
        if heap[0] != top:
            _push(heap, size - 1, top)
            return size
        _drop(heap, size - 1)
        size -= 2
    return size


@kernel
def pivots(offsets: IntArray, rows: IntArray, n_rows: int, skip: npt.NDArray[np.bool_]) -> IntArray:
    """The column with each row as its pivot, (n_rows,), -1 for none; columns in ``skip`` are known to become zero."""
    owner = np.full(n_rows, -1, np.int64)
    starts, lengths = np.zeros(len(offsets) - 1, np.int64), np.zeros(len(offsets) - 1, np.int64)
    kept, used = np.empty(2 * len(rows) + 64, np.int64), 0  # reduced columns, without their pivots
    heap = np.empty(1024, np.int64)
    for column in range(len(offsets) - 1):
        if skip[column]:
            continue
        size, begin, end, own = 0, offsets[column], offsets[column + 1], True
        while True:
            if size + end - begin > len(heap):
                larger = np.empty(2 * (size + end - begin), np.int64)
                for i in range(size):
                    larger[i] = heap[i]
                heap = larger
            for i in range(begin, end):
                _push(heap, size, rows[i] if own else kept[i])
                size += 1
            size = _settle(heap, size)
            if size == 0:
                break
            pivot = heap[0]
            other = owner[pivot]
            if other < 0:
                owner[pivot] = column
                break
            _drop(heap, size)
            size, own, begin, end = size - 1, False, starts[other], starts[other] + lengths[other]
        if size == 0:
            continue
        if used + size > len(kept):
            larger = np.empty(2 * (used + size), np.int64)
            for i in range(used):
                larger[i] = kept[i]
            kept = larger
        starts[column] = used
        _drop(heap, size)
        size = _settle(heap, size - 1)
        while size > 0:
            kept[used] = heap[0]
            used += 1
            _drop(heap, size)
            size = _settle(heap, size - 1)
        lengths[column] = used - starts[column]
    return owner
