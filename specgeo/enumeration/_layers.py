"""The network as flat arrays for kernels, and the history of the layers done so far.

Layer numbers in kernels run from 1; "layer 0" is the domain. Complex m is the complex after layer
m; a row of layer m lives on a cell of complex m - 1.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._jit import hot
from specgeo._sparse import SparseMatrix, filled
from specgeo._vector import WIDTH
from specgeo.activation import Activation
from specgeo.enumeration._memory import aligned
from specgeo.enumeration._scalars import Ids, Integer, Words
from specgeo.errors import UnsupportedError

# columns of Layers.meta, one row a hidden layer; N_BREAKS: breakpoints a neuron, -1 where neurons differ in activation;
# WEIGHT: where a dense layer begins in ``tiles``; ROWS, COLUMNS: where the starts of the rows and columns of a
# sparse layer stand, -1 for a dense one; ENTRIES: where those of its rows stand, whatever it is; Z_UNIT, A_UNIT: its
# rows are integers in units of 2^Z_UNIT, and after the activation of 2^A_UNIT; BITS: how long these integers get, and
# those of layers before it, 0 where nobody has asked yet
WEIGHT, BIAS, UNIT, PIECE, WORD, N, N_PREVIOUS, N_UNITS, N_BREAKS, N_WORDS, N_PIECES, ROWS, COLUMNS, ENTRIES = range(14)
Z_UNIT, A_UNIT, BITS = range(14, 17)


PADDED = 2 * WIDTH  # tiles come in pairs
_ENTRIES_A_CHUNK = 1 << 17  # of weight matrices, in what is made of them and thrown away
_SPARSE = 0.1  # a smaller part of the entries of a layer is not zero: they are worth a list


class Layers(NamedTuple):
    """Hidden layers, flattened; ``meta`` has the offsets."""

    meta: IntArray  # (L, 17)
    tiles: FloatArray  # the weight matrices of dense layers, in tiles of `WIDTH` neurons: tile, input, neuron
    biases: FloatArray
    norms: FloatArray  # 1-norms of the weight rows, rounded up (offset as the biases)
    thresholds: FloatArray  # one a unit
    twins: IntArray  # a unit: itself, or an earlier one with the same zero set
    twin_signs: IntArray  # 1 or -1: sign of the unit relative to its twin
    decided: Words  # bits of the units that are their own twins, in words of 64
    owners: IntArray  # the neuron of each unit
    first_units: IntArray  # the first unit of each neuron (offset as the biases), counted within the layer
    breaks: IntArray  # number of units of each neuron
    first_pieces: IntArray  # where its pieces begin; neurons of one activation share them
    slopes: FloatArray  # one a piece
    intercepts: FloatArray  # one a piece, rounded
    intercept_terms: FloatArray  # (pieces, 8): floats that add up to the exact intercept
    row_starts: IntArray  # entries row by row: of sparse layers those that are not zero, of dense ones all
    row_columns: Ids
    row_values: FloatArray
    column_starts: IntArray  # of sparse layers column by column
    column_rows: IntArray
    column_values: FloatArray


class History(NamedTuple):
    """The layers, and sign patterns and ancestry of the cells of each complex done so far, flat with offsets."""

    layers: Layers
    signs: Words  # layer m: rows of 2 n_words for the cells of complex m
    sign_start: IntArray  # (L + 2,)
    parents: Ids  # complex m: cell of complex m - 1 that contains it
    parent_start: IntArray  # (L + 2,)


def _exact_terms(value: Fraction) -> list[float]:
    terms: list[float] = []
    while value:
        term = float(value) if abs(value) < 2**1023 else 0.0
        if term == 0.0 or len(terms) == 8:
            raise UnsupportedError("activation: an intercept over- or underflows; rescale its breakpoints and slopes")
        terms.append(term)
        value -= Fraction(term)
    return terms


def _exact_intercepts(activation: Any) -> list[list[float]]:
    """The intercept of each piece as eight floats, largest first, that add up to it exactly."""
    return [parts + [0.0] * (8 - len(parts)) for parts in map(_exact_terms, activation.exact_intercepts)]


def _keys(weight: Any, bias: Any) -> tuple[Any, Any, Any, Any]:
    """Of each row (normal, constant): largest component of the normal, its column; a number and a size that rows with
    the same zero set share but for rounding."""
    n, columns = weight.shape
    scale, pivot, keys, sizes = np.zeros(n), np.zeros(n, np.int64), np.zeros(n), np.zeros(n)
    direction = np.cos(1.0 + np.arange(columns + 1))
    step = max(1, _ENTRIES_A_CHUNK // (columns + 1))
    for start in range(0, n, step):
        part = slice(start, min(start + step, n))
        rows = np.column_stack((weight[part], bias[part]))
        pivot[part] = np.argmax(np.abs(rows[:, :-1]), axis=1)
        scale[part] = rows[np.arange(len(rows)), pivot[part]]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            rows = rows / scale[part, None]
            keys[part] = rows @ direction
            sizes[part] = np.abs(rows).sum(axis=1)
    return scale, pivot, keys, sizes


def _keys_of_entries(weight: SparseMatrix, bias: Any) -> tuple[Any, Any, Any, Any]:
    """`_keys` of a sparse matrix, by one pass over its entries."""
    n, columns = weight.shape
    scale, pivot = np.zeros(n), np.zeros(n, np.int64)
    order = np.lexsort((-np.abs(weight.values), weight.rows))  # the largest of each row comes first
    rows, first = np.unique(weight.rows[order], return_index=True)
    scale[rows], pivot[rows] = weight.values[order[first]], weight.columns[order[first]]
    direction = np.cos(1.0 + np.arange(columns + 1))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        ratios = weight.values / scale[weight.rows]
        keys = np.bincount(weight.rows, ratios * direction[weight.columns], n) + bias / scale * direction[columns]
        sizes = np.bincount(weight.rows, np.abs(ratios), n) + np.abs(bias / scale)
    return scale, pivot, keys, sizes


def _twins(weight: Any, bias: Any) -> tuple[IntArray, IntArray]:
    """For each row (normal, constant) the first row that is an exact multiple of it, and the sign of the factor.

    Rounded keys find candidates; rational arithmetic decides.
    """
    n = len(weight)
    twins, signs = np.arange(n), np.ones(n, np.int64)
    if n < 2:
        return twins, signs
    scale, pivot, keys, sizes = (_keys_of_entries if isinstance(weight, SparseMatrix) else _keys)(weight, bias)
    usable = np.flatnonzero(scale)
    if len(usable) < 2:
        return twins, signs
    keys, sizes = keys[usable], sizes[usable]
    order = np.argsort(keys, kind="stable")
    with np.errstate(invalid="ignore"):
        near = ~(np.diff(keys[order]) > 1e-12 * sizes[order][1:])  # also true for NaN
    if not near.any():
        return twins, signs
    group = [int(usable[order[0]])]
    groups = []
    for index, is_near in zip(usable[order[1:]].tolist(), near.tolist(), strict=True):
        if is_near:
            group.append(index)
        else:
            groups.append(group)
            group = [index]
    groups.append(group)
    for group in groups:
        members = sorted(group)
        for position, later in enumerate(members[1:], 1):
            for first in members[:position]:
                if twins[first] != first:
                    continue
                p = int(pivot[later])
                ends = (*weight[later].tolist(), float(bias[later])), (*weight[first].tolist(), float(bias[first]))
                a, b = Fraction(ends[0][p]), Fraction(ends[1][p])
                if b != 0 and all(Fraction(v) * b == Fraction(w) * a for v, w in zip(*ends, strict=True)):
                    twins[later], signs[later] = first, 1 if (a > 0) == (b > 0) else -1
                    break
    return twins, signs


def _row_sums(weight: Any) -> Any:
    """Sums of absolute values, a few rows at a time."""
    if isinstance(weight, SparseMatrix):
        return abs(weight).sums()
    step = max(1, _ENTRIES_A_CHUNK // weight.shape[1])
    return np.concatenate([np.abs(weight[i : i + step]).sum(axis=1) for i in range(0, len(weight), step)])


def flat_bytes(weights: Any, activations: Any) -> int:
    """What `flatten` takes, at most."""
    entries = sum(2 * int(filled(w).sum()) if _is_list(w) else int(w.size) for w in weights)
    units = sum(len(a.units(len(w)).owners) + len(w) for w, a in zip(weights, activations, strict=True))
    spare = sum(8 * PADDED * int(w.shape[1]) for w in weights if not _is_list(w))  # in the last tiles
    return 28 * entries + spare + 256 * units + 64 * _ENTRIES_A_CHUNK


def _is_list(weight: Any) -> bool:
    """Whether a layer is worth a list, and its sums over the list round no more than those over all its inputs: no row
    has more than a quarter of them."""
    counts, (n, n_previous) = filled(weight), weight.shape
    return bool(counts.sum() <= _SPARSE * n * n_previous and counts.max() <= n_previous // 4)


def _lists(weights: Any, meta: IntArray) -> list[Any]:
    """Entries by rows, and those of sparse layers by columns, as `Layers` has them; ``meta`` is told where."""
    empty = np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0)
    rows, columns = [[part] for part in empty], [[part] for part in empty]
    begin, found = [0, 0], [0, 0]  # starts so far, and entries
    for own, weight in zip(meta, weights, strict=True):
        sparse = isinstance(weight, SparseMatrix)
        sides = [(rows, 0, weight)] + ([(columns, 1, weight.T)] if sparse else [])
        own[[ROWS, COLUMNS]] = (begin[0], begin[1]) if sparse else -1
        own[ENTRIES] = begin[0]
        for parts, side, matrix in sides:
            n, width = matrix.shape
            starts = matrix.starts if sparse else width * np.arange(n + 1)
            across = matrix.columns if sparse else np.tile(np.arange(width, dtype=np.int32), n)
            values = matrix.values if sparse else np.ravel(matrix)
            arrays = found[side] + starts, across.astype(np.int32, copy=False), values
            for part, array in zip(parts, arrays, strict=True):
                part.append(array)
            begin[side] += n + 1
            found[side] += len(values)
    sizes = [sum(map(len, part)) for part in (*rows, *columns)]
    return [
        np.concatenate(part, out=aligned((size,), part[0].dtype))
        for part, size in zip((*rows, *columns), sizes, strict=True)
    ]


def _listed(weight: Any) -> Any:
    """The matrix as kernels take it: as a list of entries or as an array."""
    if _is_list(weight):
        return weight if isinstance(weight, SparseMatrix) else SparseMatrix.from_dense(weight)
    return np.asarray(weight)


def _tiles(weights: list[FloatArray]) -> FloatArray:
    """Matrices in tiles, one after the other, the last of each filled up with zeros."""
    sizes = [-(-len(weight) // PADDED) * PADDED * weight.shape[1] for weight in weights]
    tiles, start = aligned((sum(sizes),)), 0
    for weight, size in zip(weights, sizes, strict=True):
        n, n_previous = weight.shape
        own = tiles[start : start + size].reshape(-1, n_previous, WIDTH)
        filled_up = np.zeros((len(own) * WIDTH, n_previous))
        filled_up[:n] = weight
        own[:] = filled_up.reshape(-1, WIDTH, n_previous).transpose(0, 2, 1)
        start += size
    return tiles


def _tables(layers: list[tuple[IntArray, ...]]) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """The same tables of all layers, one after the other."""
    none = (np.zeros(0, np.int64),) * 4
    owners, first_units, breaks, first_pieces = (np.concatenate(part) for part in zip(none, *layers, strict=True))
    return owners, first_units, breaks, first_pieces


def flatten(weights: Any, biases: Any, activations: Any) -> Layers:
    """Flatten the hidden layers (the output layer is not among them)."""
    meta = np.zeros((len(weights), 17), np.int64)
    weights = [_listed(weight) for weight in weights]
    thresholds, twins, twin_signs, norms = [], [], [], []
    neurons: list[tuple[IntArray, ...]] = []  # owners, first units, breaks, first pieces
    slopes: list[float] = []
    intercepts: list[float] = []
    terms: list[list[float]] = []
    starts = [0, 0, 0, 0, 0]
    decided: list[Any] = []
    for row, weight, bias, activation in zip(meta, weights, biases, activations, strict=True):
        n, n_previous = weight.shape
        units = activation.units(n)
        n_units, each = len(units.owners), np.bincount(units.owners, minlength=n)
        same = int(each[0]) if isinstance(activation, Activation) else -1
        row[:Z_UNIT] = (*starts, n, n_previous, n_units, same, (n_units + 63) // 64, len(activation.slopes), -1, -1, 0)
        thresholds.append(units.thresholds)
        first = starts[3] + (np.zeros(n, np.int64) if isinstance(activation, Activation) else activation.first)
        neurons.append((units.owners, np.cumsum(each) - each, each, first))
        twin, sign = np.arange(n_units), np.ones(n_units, np.int64)
        # b - t need not be a float: twins are looked for among equal thresholds only when t = 0
        zero = np.flatnonzero(units.thresholds == 0.0)
        at, sign[zero] = _twins(weight[units.owners[zero]], bias[units.owners[zero]])
        twin[zero] = zero[at]
        twins.append(twin)
        own = np.zeros(int(row[N_WORDS]) * 64, np.uint8)
        own[:n_units] = twin == np.arange(n_units)
        decided.append(np.packbits(own, bitorder="little").view(np.uint64))
        twin_signs.append(sign)
        with np.errstate(over="ignore"):  # an infinite norm only means that floats prove nothing
            norms.append(_row_sums(weight) * (1 + (n_previous + 2) * 2.3e-16))
        slopes.extend(activation.slopes.tolist())
        exact = _exact_intercepts(activation)
        terms.extend(exact)
        intercepts.extend(sum(reversed(parts)) for parts in exact)
        starts = [
            starts[0] + (0 if isinstance(weight, SparseMatrix) else -(-n // PADDED) * PADDED * n_previous),
            starts[1] + n,
            starts[2] + n_units,
            starts[3] + len(activation.slopes),
            starts[4] + int(row[N_WORDS]),
        ]
    empty, none = np.zeros(0), np.zeros(0, np.int64)
    return Layers(
        meta,
        _tiles([w for w in weights if not isinstance(w, SparseMatrix)]),
        np.concatenate(biases) if len(weights) else empty,
        np.concatenate(norms) if norms else empty,
        np.concatenate(thresholds) if thresholds else empty,
        np.concatenate(twins) if twins else none,
        np.concatenate(twin_signs) if twins else none,
        np.concatenate(decided) if decided else np.zeros(0, np.uint64),
        *_tables(neurons),
        np.array(slopes, dtype=np.float64),
        np.array(intercepts, dtype=np.float64),
        np.array(terms, dtype=np.float64).reshape(-1, 8),
        *_lists(weights, meta),
    )


@hot
def entries(layers: Layers, layer: Integer, neuron: Integer) -> tuple[np.int64, np.int64]:
    """Where the weights of a neuron begin and end among ``row_values`` and ``row_columns``."""
    at = layers.meta[layer - 1, ENTRIES] + neuron
    return np.int64(layers.row_starts[at]), np.int64(layers.row_starts[at + 1])


@hot
def piece(history: History, layer: Integer, cell: Integer, neuron: Integer) -> np.int64:
    """Where slope and intercept stand of the piece that a neuron of ``layer`` is on, on a cell of complex ``layer``."""
    layers, meta = history.layers, history.layers.meta[layer - 1]
    row, k = history.sign_start[layer] + cell * 2 * meta[N_WORDS], meta[BIAS] + neuron
    p, first = layers.first_pieces[k], layers.first_units[k]
    for u in range(first, first + layers.breaks[k]):
        p += np.int64((history.signs[row + (u >> 6)] >> np.uint64(u & 63)) & np.uint64(1))
    return np.int64(p)


@hot
def active_pieces(layers: Layers, layer: Integer, bits: Words, slope: FloatArray, shift: FloatArray) -> None:
    """slope[k], shift[k] = slope and intercept of the piece that neuron k of ``layer`` is on, by its positive bits."""
    meta = layers.meta[layer - 1]
    n, first, b0 = meta[N], meta[PIECE], meta[BIAS]
    if meta[N_BREAKS] == 1:  # a loop that vectorises
        low, high = layers.slopes[first], layers.slopes[first + 1]
        below, above = layers.intercepts[first], layers.intercepts[first + 1]
        for w in range(meta[N_WORDS]):
            word, rest = bits[w], min(n - 64 * w, 64)
            to_slope, to_shift = slope[64 * w : 64 * w + rest], shift[64 * w : 64 * w + rest]
            for k in range(rest):
                on = (word >> np.uint64(k)) & np.uint64(1) != 0
                to_slope[k] = high if on else low
                to_shift[k] = above if on else below
        return
    u = np.int64(0)
    for k in range(n):
        p = layers.first_pieces[b0 + k]
        for _ in range(layers.breaks[b0 + k]):
            p += np.int64((bits[u >> 6] >> np.uint64(u & 63)) & np.uint64(1))
            u += 1
        slope[k], shift[k] = layers.slopes[p], layers.intercepts[p]
