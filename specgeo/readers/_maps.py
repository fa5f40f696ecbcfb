"""Affine maps of the readers' graph: dense ones, scaled permutations, and sparse ones; composed only where exact.

`specgeo._affine.fold` composes the first two. Here is the third: all products of two entries are listed, and added
up entry by entry; the result is taken where every product and every sum is exact (error-free transformations).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from specgeo._affine import Affine, Monomial, fold
from specgeo._cast import FloatArray, IntArray
from specgeo._double import product_error, two_sum

_BIG, _SMALL = 2.0**480, 2.0**-480  # beyond these the transformations may over- or underflow
_GLANCE = 16  # rows that decide most products
_WORK = 1 << 24  # products of two entries that may be proved exact


class Sparse(NamedTuple):
    """The map x -> matrix @ x + offset with few entries."""

    matrix: Any  # scipy.sparse.csr_array, (m, n), no explicit zeros
    offset: FloatArray  # (m,)


Map: TypeAlias = Affine | Monomial | Sparse


def n_rows(one: Map) -> int:
    """Length of the map's values."""
    return len(one.offset)


def csr(rows: IntArray, columns: IntArray, entries: FloatArray, shape: tuple[int, int]) -> Any:
    """The sparse matrix with these entries, those of one place added up."""
    from scipy.sparse import coo_array

    made = coo_array((entries, (rows, columns)), shape=shape).tocsr()
    made.eliminate_zeros()
    return made


def selection(columns: IntArray, n: int) -> Sparse:
    """The map x -> x[columns] on n numbers."""
    m = len(columns)
    return Sparse(csr(np.arange(m), columns, np.ones(m), (m, n)), np.zeros(m))


def as_sparse(one: Map) -> Sparse:
    """The same map with a sparse matrix."""
    from scipy.sparse import csr_array

    if isinstance(one, Sparse):
        return one
    if isinstance(one, Monomial):
        n = len(one.order)
        return Sparse(csr(np.arange(n), one.order, one.factor, (n, n)), one.offset)
    return Sparse(csr_array(one.matrix), one.offset)


def as_matrix(one: Map) -> Any:
    """The map's matrix: dense or sparse, as it is."""
    return one.matrix if isinstance(one, Affine) else as_sparse(one).matrix


def selected(one: Map) -> IntArray | None:
    """Columns c where the map is x -> x[c], else None."""
    if isinstance(one, Affine) or np.any(one.offset):
        return None
    matrix = as_sparse(one).matrix
    if np.all(matrix.data == 1.0) and np.all(np.diff(matrix.indptr) == 1):
        return np.asarray(matrix.indices, np.int64)
    return None


def used_columns(one: Map) -> npt.NDArray[np.bool_]:
    """Which entries of its argument the map looks at."""
    if isinstance(one, Affine):
        return np.asarray(np.any(one.matrix != 0.0, axis=0))
    used = np.zeros(as_sparse(one).matrix.shape[1], np.bool_)
    used[as_sparse(one).matrix.indices] = True
    return used


def stacked(maps: Sequence[Map]) -> Map:
    """Maps of one argument, one below the other."""
    offset = np.concatenate([one.offset for one in maps])
    dense = [one for one in maps if isinstance(one, Affine)]
    if len(dense) == len(maps):
        return Affine(np.vstack([one.matrix for one in dense]), offset)
    from scipy.sparse import vstack

    return Sparse(vstack([as_sparse(one).matrix for one in maps], format="csr"), offset)


def compose(outer: Map, inner: Map) -> Map | None:
    """The map outer(inner(x)) with binary64 entries, or None where these are not exact, or not proved to be."""
    if not isinstance(outer, Sparse) and not isinstance(inner, Sparse):
        return fold(outer, inner)
    columns = selected(inner)
    if isinstance(outer, Affine) and columns is not None and len(set(columns.tolist())) == len(columns):
        matrix = np.zeros((len(outer.matrix), as_sparse(inner).matrix.shape[1]))
        matrix[:, columns] = outer.matrix
        return Affine(matrix, outer.offset)
    rows = selected(outer)
    if isinstance(inner, Affine) and rows is not None:
        return Affine(inner.matrix[rows], inner.offset[rows])
    with np.errstate(all="ignore"):  # what overflows is not exact
        return _product(as_sparse(outer), as_sparse(inner))


def _product(outer: Sparse, inner: Sparse) -> Sparse | None:
    """`compose` of two sparse maps; a glance at a few rows first."""
    from scipy.sparse import csr_array, hstack

    a = outer.matrix
    b = hstack([inner.matrix, csr_array(inner.offset[:, None])], format="csr")  # offsets are one more column
    if not all(map(_in_range, (a.data, b.data, outer.offset))):
        return None
    if a.shape[0] > _GLANCE:
        some = np.linspace(0, a.shape[0] - 1, _GLANCE).astype(np.int64)
        if _sums(a[some], b, outer.offset[some]) is None:
            return None
    both = _sums(a, b, outer.offset)
    if both is None:
        return None
    n = b.shape[1] - 1
    return Sparse(both[:, :n].tocsr(), both[:, [n]].toarray()[:, 0])


def _sums(a: Any, b: Any, start: FloatArray) -> Any | None:
    """a @ b, plus ``start`` in the last column, or None where an operation rounds."""
    each = np.diff(b.indptr)[a.indices]  # entries of the row of b that an entry of a meets
    n_terms = int(each.sum())
    if n_terms > _WORK:
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


def _in_range(entries: FloatArray) -> bool:
    sizes = np.abs(entries[entries != 0.0])
    return bool(sizes.size == 0 or (sizes.max() < _BIG and sizes.min() > _SMALL))
