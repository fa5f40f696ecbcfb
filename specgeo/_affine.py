"""Products of affine maps, with the proof that no rounding took place.

A network is one exact function: the function of its binary64 weights. Folding a map into a layer
rounds in general, and so changes that function. `fold` therefore gives the product only where it is exact; where it
is not, the caller keeps the map as an affine layer of its own.

There are two proofs. By bit lengths: if all terms of a row are multiples of one power of two and their absolute
values sum to at most 2^53 times it, then every partial sum, in any order, is a float. And by the error-free
transformations of Dekker and Knuth: a product or sum of floats is exact iff its (computable) error term is zero. Sums
are taken term by term there; a sum whose partial sums round is called inexact even if the errors would cancel. So
is one that neither proof decides within a fixed amount of work.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._double import product_error, two_sum
from specgeo._sparse import SparseMatrix, csr

_BIG = 2.0**480  # beyond these magnitudes the transformations themselves may over- or underflow
_SMALL = 2.0**-480
_GLANCE = 64  # terms of one row that decide most large products
_WORK = 1 << 25  # products of two numbers that may be proved exact one by one
_ENTRIES, _ROWS = 1 << 24, 16  # products of entries of sparse matrices that may be; rows that decide most of them
_STEP = 1 << 10  # what a step of the loop over them costs, in such products


class Affine(NamedTuple):
    """The map x -> matrix @ x + offset."""

    matrix: Any  # (m, n), an array or a SparseMatrix
    offset: FloatArray  # (m,)


class Monomial(NamedTuple):
    """The map x -> factor * x[order] + offset: permutations, scalings and shifts, without their zeros."""

    order: IntArray  # (n,), a permutation
    factor: FloatArray  # (n,)
    offset: FloatArray  # (n,)

    def dense(self) -> Affine:
        """The same map with its matrix."""
        matrix = np.zeros((len(self.order), len(self.order)))
        matrix[np.arange(len(self.order)), self.order] = self.factor
        return Affine(matrix, self.offset)


def fold(outer: Affine | Monomial, inner: Affine | Monomial) -> Affine | Monomial | None:
    """The map outer(inner(x)) with binary64 entries, or None where these are not exact, or not proved to be."""
    with np.errstate(all="ignore"):  # what overflows is not exact
        if isinstance(outer, Affine):
            return fold_dense(outer, inner) if isinstance(inner, Affine) else _fold_columns(outer, inner)
        return _fold_rows(outer, inner)


def fold_dense(outer: Affine, inner: Affine) -> Affine | None:
    """`fold` of two maps with matrices."""
    if isinstance(outer.matrix, SparseMatrix) or isinstance(inner.matrix, SparseMatrix):
        return _fold_entries(outer, inner)
    n = inner.matrix.shape[1]
    start = np.zeros((len(outer.matrix), n + 1))
    start[:, n] = outer.offset
    with np.errstate(all="ignore"):
        both = _multiply(outer.matrix, np.column_stack((inner.matrix, inner.offset)), start)
    return None if both is None else Affine(np.ascontiguousarray(both[:, :n]), np.ascontiguousarray(both[:, n]))


def _fold_entries(outer: Affine, inner: Affine) -> Affine | None:
    """`fold_dense` where a matrix is sparse; the product is an array if the inner one is."""
    maps = [(SparseMatrix.from_dense(m) if isinstance(m, np.ndarray) else m, offset) for m, offset in (outer, inner)]
    both = product_of_entries(*((matrix.tocsr(), offset) for matrix, offset in maps))
    if both is None:
        return None
    return Affine(both[0].toarray() if isinstance(inner.matrix, np.ndarray) else SparseMatrix.of(both[0], "W"), both[1])


def product_of_entries(outer: Any, inner: Any) -> Any:
    """Product of two maps (scipy.sparse.csr_array, offset), or None where an operation is not proved to be exact.

    All products of two entries are listed, and added up entry by entry; a glance at a few rows comes first.
    """
    from scipy.sparse import csr_array, hstack

    (a, start), (matrix, offset) = outer, inner
    b = hstack([matrix, csr_array(offset[:, None])], format="csr")  # offsets are one more column
    with np.errstate(all="ignore"):  # what overflows is not exact
        if not all(map(_in_range, (a.data, b.data, start))):
            return None
        if a.shape[0] > _ROWS:
            some = np.linspace(0, a.shape[0] - 1, _ROWS).astype(np.int64)
            if _sums(a[some], b, start[some]) is None:
                return None
        both = _sums(a, b, start)
    if both is None:
        return None
    n = b.shape[1] - 1
    return both[:, :n].tocsr(), both[:, [n]].toarray()[:, 0]


def _sums(a: Any, b: Any, start: FloatArray) -> Any | None:
    """a @ b, plus ``start`` in the last column, or None where an operation rounds."""
    each = np.diff(b.indptr)[a.indices]  # entries of the row of b that an entry of a meets
    n_terms = int(each.sum())
    if n_terms > _ENTRIES:
        return None
    entry = np.repeat(np.arange(len(each)), each)
    place = np.arange(n_terms) - np.repeat(np.cumsum(each) - each, each) + b.indptr[a.indices][entry]
    left, right = a.data[entry], b.data[place]
    terms = left * right
    if np.any(product_error(left, right, terms)):
        return None
    row = np.repeat(np.arange(a.shape[0]), np.diff(a.indptr))[entry]
    n = b.shape[1]
    begin = np.flatnonzero(start)
    keys = np.concatenate((begin * n + n - 1, row * n + b.indices[place]))
    terms = np.concatenate((start[begin], terms))
    order = np.argsort(keys, kind="stable")
    keys, terms = keys[order], terms[order]
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    count = np.diff(first, append=len(keys))
    totals = terms[first]
    for k in range(1, int(count.max(initial=1))):
        more = np.flatnonzero(count > k)
        totals[more], error = two_sum(totals[more], terms[first[more] + k])
        if np.any(error):
            return None
    return csr(keys[first] // n, keys[first] % n, totals, (a.shape[0], n))


def _fold_columns(outer: Affine, inner: Monomial) -> Affine | None:
    matrix = np.empty_like(outer.matrix)
    matrix[:, inner.order] = outer.matrix * inner.factor
    if not _product_is_exact(outer.matrix, inner.factor, matrix[:, inner.order]):
        return None
    if not np.any(inner.offset):
        return Affine(matrix, outer.offset)
    offset = _multiply(outer.matrix, inner.offset[:, None], outer.offset[:, None])
    return None if offset is None else Affine(matrix, np.ascontiguousarray(offset[:, 0]))


def _fold_rows(outer: Monomial, inner: Affine | Monomial) -> Affine | Monomial | None:
    lines = (inner.matrix if isinstance(inner, Affine) else inner.factor)[outer.order]
    factor = outer.factor[:, None] if isinstance(inner, Affine) else outer.factor
    scaled, moved = factor * lines, inner.offset[outer.order]
    part = outer.factor * moved
    offset = part + outer.offset
    if not (
        _product_is_exact(factor, lines, scaled)
        and _product_is_exact(outer.factor, moved, part)
        and not np.any(two_sum(part, outer.offset)[1])
    ):
        return None
    return Affine(scaled, offset) if isinstance(inner, Affine) else Monomial(inner.order[outer.order], scaled, offset)


def _product_is_exact(a: FloatArray, b: FloatArray, product: FloatArray) -> bool:
    """Whether each entry of a * b is exact; products with 0 and 1 are, whatever the other's size."""
    if np.all(np.abs(b) == 1.0) or np.all(np.abs(a) == 1.0):
        return True
    if not (_in_range(a) and _in_range(b)):
        return False
    a, b, product = (np.atleast_2d(x) for x in np.broadcast_arrays(a, b, product))
    rows = 1 + (1 << 15) // product.shape[1]  # what a cache holds; mostly the first block decides
    blocks = (slice(at, at + rows) for at in range(0, len(product), rows))
    return not any(np.any(product_error(a[block], b[block], product[block])) for block in blocks)


def _in_range(array: FloatArray) -> bool:
    sizes = np.abs(array[array != 0.0])
    return bool(sizes.size == 0 or (sizes.max() < _BIG and sizes.min() > _SMALL))


def _multiply(a: FloatArray, b: FloatArray, start: FloatArray) -> FloatArray | None:
    """start + a @ b for a (m, n), b (n, p), start (m, p), or None where an operation is not proved to be exact."""
    if not (_in_range(a) and _in_range(b) and _in_range(start)):
        return None
    if a.size * b.shape[1] + _STEP * len(b) > _WORK >> 6:
        fullest = int(np.argmax(np.count_nonzero(a, axis=1)))
        if _by_terms(a[fullest, None], b, start[fullest, None], _GLANCE) is None:
            return None
        if _fits(a, b, start):
            return start + a @ b
        terms = np.count_nonzero(a, axis=0) @ np.count_nonzero(b, axis=1)
        if terms + _STEP * len(b) > _WORK:
            return None
    return _by_terms(a, b, start, len(b))


def _by_terms(a: FloatArray, b: FloatArray, start: FloatArray, most: int) -> FloatArray | None:
    """start + a @ b by rank-one terms without zeros, the first ``most`` of them, or None if one rounds."""
    total = start.copy()
    for k in np.flatnonzero(a.any(axis=0) & b.any(axis=1))[:most].tolist():
        rows, columns = np.flatnonzero(a[:, k]), np.flatnonzero(b[k])
        where = np.ix_(rows, columns) if len(rows) * len(columns) < total.size else (slice(None), slice(None))
        left, right, before = a[rows, k, None], b[None, k, columns], total[where]
        product = left * right
        after = before + product
        if np.any(product_error(left, right, product)) or np.any(two_sum(before, product)[1]):
            return None
        total[where] = after
    return total


def _fits(a: FloatArray, b: FloatArray, start: FloatArray) -> bool:
    """The proof by bit lengths for start + a @ b, row by row of a."""
    unit = np.minimum((_lowest_bit(a) + _lowest_bit(b).min(axis=1)).min(axis=1), _lowest_bit(start).min(axis=1))
    size = np.abs(a) @ np.abs(b).max(axis=1) + np.abs(start).max(axis=1)
    return bool(np.all(size * (1.0 + 1e-9) <= np.ldexp(1.0, np.clip(unit + 53, -2000, 2000))))


def _lowest_bit(array: FloatArray) -> IntArray:
    """Exponent of the lowest bit set in each entry, which is 0 (then large) or no subnormal number."""
    bits = np.ascontiguousarray(array).view(np.int64)
    digits = bits & ((1 << 52) - 1) | (1 << 52)
    digits &= -digits
    exponent = digits.astype(np.float64).view(np.int64) >> 52
    exponent += (bits >> 52) & 0x7FF
    exponent -= 1023 + 1075
    exponent[array == 0.0] = 1 << 20
    return exponent
