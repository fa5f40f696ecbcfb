"""Affine maps of the readers' graph: dense ones, scaled permutations, and sparse ones; composed only where exact.

`specgeo._affine.fold` composes the first two, `product_of_entries` there the third.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from specgeo._affine import Affine, Monomial, fold, product_of_entries
from specgeo._cast import FloatArray, IntArray
from specgeo._sparse import csr as csr


class Sparse(NamedTuple):
    """The map x -> matrix @ x + offset with few entries."""

    matrix: Any  # scipy.sparse.csr_array, (m, n), no explicit zeros
    offset: FloatArray  # (m,)


Map: TypeAlias = Affine | Monomial | Sparse


def n_rows(one: Map) -> int:
    """Length of the map's values."""
    return len(one.offset)


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
    """`compose` of two sparse maps."""
    both = product_of_entries((outer.matrix, outer.offset), (inner.matrix, inner.offset))
    return None if both is None else Sparse(*both)
