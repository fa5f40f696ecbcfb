"""`SparseMatrix`: the weights of a layer of which few are not zero, kept row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._budget import afford
from specgeo._cast import FloatArray, IntArray, as_floats
from specgeo.errors import InvalidInputError

Array = npt.NDArray[Any]

_DENSE = 1 << 20  # entries, zeros too, of a matrix that may be written as an array for its singular values


class SparseMatrix(np.lib.mixins.NDArrayOperatorsMixin):
    """A matrix by its entries that are not zero; it does not change.

    It multiplies arrays with ``@`` from either side, entry by entry. Functions of numpy take it for the array that it
    stands for (`dense`); ``tocsr`` gives it to scipy.

    Parameters
    ----------
    values : (any,) entries, row by row and by columns in a row
    columns : (any,) column of each
    starts : (m + 1,) where rows begin among them
    width : int
        Number of columns.
    """

    __slots__ = ("columns", "shape", "starts", "values")
    ndim = 2

    def __init__(self, values: Array, columns: IntArray, starts: IntArray, width: int) -> None:
        self.values, self.columns, self.starts = values, columns, starts
        self.shape = len(starts) - 1, width
        for array in (values, columns, starts):
            array.setflags(write=False)

    @classmethod
    def of(cls, matrix: Any, name: str) -> SparseMatrix:
        """From scipy.sparse: entries of one place are added up, zeros left out."""
        if len(matrix.shape) != 2:
            raise InvalidInputError(f"{name}: shape {matrix.shape} given; pass a sparse matrix of two axes")
        made = matrix.tocsr().copy()
        made.sum_duplicates()
        made.eliminate_zeros()
        values = as_floats(made.data, name)
        return cls(values, made.indices.astype(np.int64), made.indptr.astype(np.int64), int(made.shape[1]))

    @classmethod
    def from_dense(cls, matrix: Array) -> SparseMatrix:
        """From an array."""
        rows, columns = np.nonzero(matrix)
        starts = np.searchsorted(rows, np.arange(len(matrix) + 1))
        return cls(matrix[rows, columns], columns, starts, matrix.shape[1])

    @classmethod
    def from_arrays(cls, values: Array, rows: Array, columns: Array, shape: tuple[int, int], name: str) -> SparseMatrix:
        """From what a file holds, or an error: entries by rows and columns, none twice."""
        (m, n), values = shape, as_floats(values, name, (None,))
        places = [np.asarray(array) for array in (rows, columns)]
        if all(array.shape == values.shape and array.dtype.kind in "iu" for array in places):
            rows, columns = (array.astype(np.int64) for array in places)
            inside = np.all((rows >= 0) & (rows < m) & (columns >= 0) & (columns < n))
            down, right = np.diff(rows), np.diff(columns)
            if inside and np.all((down > 0) | (down == 0) & (right > 0)):
                return cls(values, columns, np.searchsorted(rows, np.arange(m + 1)), n)
        raise InvalidInputError(f"{name}: entries, rows and columns are not those of a matrix of shape {shape}")

    def __repr__(self) -> str:
        return f"SparseMatrix({self.shape[0]} x {self.shape[1]}, {len(self.values):,} entries)"

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def size(self) -> int:
        """Number of entries, zeros counted."""
        return self.shape[0] * self.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the entries."""
        return self.values.dtype

    @property
    def rows(self) -> IntArray:
        """Row of each entry."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    @property
    def T(self) -> SparseMatrix:  # noqa: N802 - as numpy calls it
        """The transposed matrix."""
        return SparseMatrix.of(self._scipy.T, "the matrix")

    def tocsr(self) -> Any:
        """As scipy.sparse.csr_array, a copy."""
        return self._scipy.copy()

    @property
    def _scipy(self) -> Any:
        from scipy.sparse import csr_array

        return csr_array((self.values, self.columns, self.starts), shape=self.shape)

    def dense(self) -> Array:
        """The array."""
        afford(8.0 * self.size, f"a matrix of shape {self.shape}", "take a network with fewer inputs or neurons")
        out = np.zeros(self.shape, self.dtype)
        out[self.rows, self.columns] = self.values
        return out

    def map(self, function: Callable[[Any], Any]) -> SparseMatrix:
        """The same places with other entries."""
        return SparseMatrix(function(self.values), self.columns, self.starts, self.shape[1])

    def take(self, rows: IntArray) -> SparseMatrix:
        """Some rows, in that order."""
        counts = np.diff(self.starts)[rows]
        starts = np.concatenate(([0], np.cumsum(counts)))
        at = np.arange(starts[-1]) + np.repeat(self.starts[:-1][rows] - starts[:-1], counts)
        return SparseMatrix(self.values[at], self.columns[at], starts, self.shape[1])

    def __getitem__(self, key: Any) -> Any:
        """Rows, by slices or lists; one row as an array; anything else of the whole array."""
        if isinstance(key, slice) or (isinstance(key, np.ndarray) and key.ndim == 1):
            return self.take(np.arange(len(self))[key])
        if isinstance(key, (int, np.integer)):
            return self.take(np.arange(len(self))[key : key + 1 or None]).dense()[0]
        return self.dense()[key]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return self.dense().astype(dtype or self.dtype, copy=False)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Products and absolute values stay sparse; anything else is done with the array."""
        if method == "__call__" and not options and ufunc in (np.absolute, np.matmul):
            if ufunc is np.absolute:
                return abs(self)
            return self @ inputs[1] if inputs[0] is self else self.__rmatmul__(inputs[0])
        arrays = [x.dense() if isinstance(x, SparseMatrix) else x for x in inputs]
        return getattr(ufunc, method)(*arrays, **options)

    def __matmul__(self, other: Any) -> Array:
        """W @ a for a vector or matrix a."""
        return np.asarray(self._scipy @ np.asarray(other))

    def __rmatmul__(self, other: Any) -> Array:
        """a @ W for an array a of any shape (..., m)."""
        a = np.asarray(other)
        flat = np.ascontiguousarray((self._scipy.T @ a.reshape(-1, a.shape[-1]).T).T)
        return flat.reshape(*a.shape[:-1], self.shape[1])

    def times(self, a: Array) -> Array:
        """W @ a for a matrix a of Python's integers, (n, k)."""
        out = np.zeros((len(self), a.shape[1]), dtype=object)
        some = np.flatnonzero(self.counts)
        if len(some):
            out[some] = np.add.reduceat(self.values[:, None] * a[self.columns], self.starts[some], axis=0)
        return out

    def __abs__(self) -> SparseMatrix:
        return self.map(np.abs)

    @property
    def counts(self) -> IntArray:
        """Number of entries of each row."""
        return np.diff(self.starts)

    def sums(self) -> FloatArray:
        """Sums of rows."""
        return np.add.reduceat(np.append(self.values, 0.0), self.starts[:-1]) * (np.diff(self.starts) > 0)


def csr(rows: IntArray, columns: IntArray, entries: FloatArray, shape: tuple[int, int]) -> Any:
    """The sparse matrix with these entries, those of one place added up."""
    from scipy.sparse import coo_array

    made = coo_array((entries, (rows, columns)), shape=shape).tocsr()
    made.eliminate_zeros()
    return made


Matrix = FloatArray | SparseMatrix


def entries_of(matrix: Any) -> Array:
    """All entries of an array, those that are not zero of a sparse matrix; (any,)."""
    return matrix.values if isinstance(matrix, SparseMatrix) else np.ravel(matrix)


def spectral_norm(matrix: Any) -> float:
    """The largest singular value; of a large sparse matrix by Lanczos' method, without a bound on its error."""
    if isinstance(matrix, SparseMatrix) and matrix.size > _DENSE and min(matrix.shape) > 1 and np.any(matrix.values):
        from scipy.sparse.linalg import svds

        start = np.random.default_rng(0).normal(size=min(matrix.shape))  # the same figure each time
        return float(svds(matrix.tocsr(), 1, v0=start, return_singular_vectors=False)[0])
    return float(np.linalg.norm(matrix, 2))


def filled(matrix: Any) -> IntArray:
    """Number of entries of each row that are not zero."""
    return matrix.counts if isinstance(matrix, SparseMatrix) else np.asarray(np.count_nonzero(matrix, axis=1))


def converted(matrix: Any, change: Callable[[Any], Any]) -> Any:
    """A matrix whose entries, or those that are not zero, go through a function that leaves zero as it is."""
    return matrix.map(change) if isinstance(matrix, SparseMatrix) else change(matrix)
