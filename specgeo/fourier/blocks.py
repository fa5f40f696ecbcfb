"""Blocks of wavevectors: each form of a transform takes those that it is for, whatever is between them."""

from __future__ import annotations

from specgeo._cast import FloatArray, IntArray
from specgeo._fused import fma
from specgeo._jit import lane, leaf
from specgeo.fourier.phases import LANES


@lane
def square_of(k: FloatArray, dim: int, i: int) -> float:
    """|k|^2 of a wavevector, in every kernel the same bits."""
    at = dim * i
    square = fma(k[at], k[at], k[at + 1] * k[at + 1])
    return square if dim == 2 else fma(k[at + 2], k[at + 2], square)


@leaf
def take(k: FloatArray, dim: int, start: int, low: float, high: float, numbers: IntArray) -> tuple[int, int]:
    """Numbers of the next wavevectors with low <= |k|^2 < high, `LANES` at most; how many, and where to go on.

    ``k`` (dim n_k,), of the plane or of space, one after the other.
    """
    n = min(LANES, len(k) // dim - start)
    outside = 0
    for at in range(n):
        square = square_of(k, dim, start + at)
        numbers[at] = start + at
        outside += 0 if (square >= low) & (square < high) else 1
    if outside == 0:  # as where all are of one length
        return n, start + n
    count = 0
    while count < LANES and start < len(k) // dim:
        for _ in range(min(LANES - count, len(k) // dim - start)):
            square = square_of(k, dim, start)
            numbers[count] = start
            count += 1 if (square >= low) & (square < high) else 0
            start += 1
    return count, start


@lane
def in_a_row(numbers: IntArray, n: int) -> bool:
    """Whether the first n numbers follow each other."""
    return bool((n > 0) & (numbers[max(n, 1) - 1] - numbers[0] == n - 1))
