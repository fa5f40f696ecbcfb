"""Products of affine maps, with the proof that no rounding took place.

A network is one exact function: the function of its binary64 weights. Folding a map into a layer
rounds in general, and so changes that function. `fold` therefore says whether it was exact; if
it was not, the caller keeps the map as an affine layer of its own.

The proof uses the error-free transformations of Dekker and Knuth: a product or sum of floats is
exact iff its (computable) error term is zero. Sums are taken term by term; a sum whose partial
sums round is called inexact even if the errors would cancel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from specgeo._cast import FloatArray

_SPLIT = 134217729.0  # 2^27 + 1
_BIG = 2.0**480  # beyond these magnitudes the transformations themselves may over- or underflow
_SMALL = 2.0**-480


class Affine(NamedTuple):
    """The map x -> matrix @ x + offset."""

    matrix: FloatArray  # (m, n)
    offset: FloatArray  # (m,)


def _product_error(a: FloatArray, b: FloatArray, product: FloatArray) -> FloatArray:
    """a * b - product, exactly (Dekker's two-product)."""
    ta, tb = _SPLIT * a, _SPLIT * b
    a_high, b_high = ta - (ta - a), tb - (tb - b)
    a_low, b_low = a - a_high, b - b_high
    return a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)


def _sum_error(a: FloatArray, b: FloatArray, total: FloatArray) -> FloatArray:
    """a + b - total, exactly (Knuth's two-sum)."""
    b_part = total - a
    return (a - (total - b_part)) + (b - b_part)


def _in_range(array: FloatArray) -> bool:
    sizes = np.abs(array[array != 0.0])
    return bool(sizes.size == 0 or (sizes.max() < _BIG and sizes.min() > _SMALL))


def _multiply(a: FloatArray, b: FloatArray, start: FloatArray) -> tuple[FloatArray, bool]:
    """start + a @ b for a (m, n), b (n, p), start (m, p), and whether every operation was exact."""
    if not (_in_range(a) and _in_range(b) and _in_range(start)):
        return a @ b + start, False
    total, exact = start.copy(), True
    for j in range(a.shape[1]):
        left, right = a[:, j, None], b[None, j, :]
        product = left * right
        updated = total + product
        exact = exact and not (
            np.any(_product_error(left, right, product)) or np.any(_sum_error(total, product, updated))
        )
        total = updated
        if not exact:
            return a @ b + start, False
    return total, True


def fold(outer: Affine, inner: Affine) -> tuple[Affine, bool]:
    """The map outer(inner(x)) with binary64 entries, and whether these are exact."""
    matrix, exact = _multiply(outer.matrix, inner.matrix, np.zeros((len(outer.matrix), inner.matrix.shape[1])))
    offset, offset_exact = _multiply(outer.matrix, inner.offset[:, None], outer.offset[:, None])
    return Affine(np.ascontiguousarray(matrix), np.ascontiguousarray(offset[:, 0])), exact and offset_exact


def fold_chain(maps: list[Affine]) -> list[Affine]:
    """Merge neighbours of a chain of affine maps (first applied first) wherever that is exact."""
    merged = [maps[0]]
    for outer in maps[1:]:
        folded, exact = fold(outer, merged[-1])
        if exact:
            merged[-1] = folded
        else:
            merged.append(outer)
    return merged
