"""Products with the weights of a layer, as it is kept: an array by columns, or lists of entries."""

from __future__ import annotations

from specgeo._cast import FloatArray, IntArray
from specgeo._jit import leaf, merged
from specgeo.enumeration._layers import ROWS, WEIGHT, Layers
from specgeo.enumeration._scalars import Integer


@leaf
def combine(
    transposed: FloatArray, start: Integer, a: FloatArray, active: IntArray, n_active: Integer, out: FloatArray
) -> None:
    """out = W a for the matrix whose transpose starts at ``start``, where only the active entries of a count.

    Four columns at a time: the inner loop vectorises, as no sum is reordered.
    """
    n = len(out)
    for j in range(n):
        out[j] = 0.0
    t = 0
    while t + 4 <= n_active:
        k0, k1, k2, k3 = active[t], active[t + 1], active[t + 2], active[t + 3]
        a0, a1, a2, a3 = a[k0], a[k1], a[k2], a[k3]
        w0 = transposed[start + k0 * n : start + k0 * n + n]  # slices: an index that may be negative stops the
        w1 = transposed[start + k1 * n : start + k1 * n + n]  # vectoriser
        w2 = transposed[start + k2 * n : start + k2 * n + n]
        w3 = transposed[start + k3 * n : start + k3 * n + n]
        for j in range(n):
            out[j] += (a0 * w0[j] + a1 * w1[j]) + (a2 * w2[j] + a3 * w3[j])
        t += 4
    while t < n_active:
        a0 = a[active[t]]
        w0 = transposed[start + active[t] * n : start + active[t] * n + n]
        for j in range(n):
            out[j] += a0 * w0[j]
        t += 1


@leaf
def gather(layers: Layers, first: Integer, sizes: bool, a: FloatArray, out: FloatArray) -> None:
    """out = W a, or |W| a where only sizes are wanted, for a sparse layer whose rows start at ``first``."""
    starts, columns, values = layers.row_starts, layers.row_columns, layers.row_values
    for j in range(len(out)):
        total = 0.0
        for p in range(starts[first + j], starts[first + j + 1]):
            w = abs(values[p]) if sizes else values[p]
            total += w * a[columns[p]]
        out[j] = total


@leaf
def gather_plane(layers: Layers, first: Integer, a: FloatArray, doubt: FloatArray, out: FloatArray) -> None:
    """A map (4, n) in the plane by one pass through the list: W a for three rows, then |W| times the doubts."""
    starts, columns, values = layers.row_starts, layers.row_columns, layers.row_values
    a0, a1, a2 = a[0], a[1], a[2]
    for j in range(out.shape[1]):
        s0, s1, s2, s3 = 0.0, 0.0, 0.0, 0.0
        for p in range(starts[first + j], starts[first + j + 1]):
            k, w = columns[p], values[p]
            s0 += w * a0[k]
            s1 += w * a1[k]
            s2 += w * a2[k]
            s3 += abs(w) * doubt[k]
        out[0, j], out[1, j], out[2, j], out[3, j] = s0, s1, s2, s3


@merged
def multiply(
    layers: Layers, layer: Integer, sizes: bool, a: FloatArray, active: IntArray, n_active: Integer, out: FloatArray
) -> None:
    """out = W a, or |W| a, for the weights of a layer; what is not active in a is 0."""
    meta = layers.meta[layer - 1]
    if meta[ROWS] >= 0:
        gather(layers, meta[ROWS], sizes, a, out)
    elif sizes:
        combine(layers.absolute, meta[WEIGHT], a, active, n_active, out)
    else:
        combine(layers.transposed, meta[WEIGHT], a, active, n_active, out)


@leaf
def combine_two(
    transposed: FloatArray, start: Integer, inputs: FloatArray, active: IntArray, n_active: Integer, n: Integer,
    values: FloatArray,
) -> None:  # fmt: skip
    """values = the first n entries of W a for both rows a of ``inputs``, as in `combine`: W is read once."""
    a, b, out, other = inputs[0], inputs[1], values[0, :n], values[1, :n]
    for j in range(n):
        out[j], other[j] = 0.0, 0.0
    t = 0
    while t + 4 <= n_active:
        k0, k1, k2, k3 = active[t], active[t + 1], active[t + 2], active[t + 3]
        a0, a1, a2, a3 = a[k0], a[k1], a[k2], a[k3]
        b0, b1, b2, b3 = b[k0], b[k1], b[k2], b[k3]
        w0 = transposed[start + k0 * n : start + k0 * n + n]
        w1 = transposed[start + k1 * n : start + k1 * n + n]
        w2 = transposed[start + k2 * n : start + k2 * n + n]
        w3 = transposed[start + k3 * n : start + k3 * n + n]
        for j in range(n):
            out[j] += (a0 * w0[j] + a1 * w1[j]) + (a2 * w2[j] + a3 * w3[j])
            other[j] += (b0 * w0[j] + b1 * w1[j]) + (b2 * w2[j] + b3 * w3[j])
        t += 4
    while t < n_active:
        a0, b0 = a[active[t]], b[active[t]]
        w0 = transposed[start + active[t] * n : start + active[t] * n + n]
        for j in range(n):
            out[j] += a0 * w0[j]
            other[j] += b0 * w0[j]
        t += 1


@leaf
def add_column(transposed: FloatArray, start: Integer, factor: float, old: FloatArray, new: FloatArray) -> None:
    """new = old + factor * column."""
    n = len(new)
    w = transposed[start : start + n]
    for j in range(n):
        new[j] = old[j] + factor * w[j]


@leaf
def add_entries(layers: Layers, column: Integer, sizes: bool, factor: float, row: FloatArray) -> None:
    """row += factor * column, or its absolute values, for a column of a sparse layer."""
    for p in range(layers.column_starts[column], layers.column_starts[column + 1]):
        w = abs(layers.column_values[p]) if sizes else layers.column_values[p]
        row[layers.column_rows[p]] += factor * w
