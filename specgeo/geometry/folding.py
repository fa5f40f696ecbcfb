"""Affine pieces of a large complex, from the table of its network (`specgeo.geometry._fold`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from specgeo._budget import afford
from specgeo._cast import FloatArray
from specgeo._codec import Layers
from specgeo._sparse import entries_of
from specgeo.geometry._fold import Wiring, fold
from specgeo.geometry.arrays import Patterns
from specgeo.layer_activations import MaxGroups, NeuronActivations

LARGE = 1 << 23  # outputs times neurons times cells from which it pays to compile
WIDEST = 1 << 23  # entries of a network's table
ROOM, SPARE = 8, 1 << 20  # so many times that, and entries beside, for the tables of blocks
_RANGE = 1074  # binary digits behind the point that floats have


def pays(layers: Layers, n_cells: int) -> bool:
    """Whether blocks are the faster way, and no product of theirs can be below the range of floats."""
    rows = sum(map(len, layers.biases))
    columns = rows + sum(
        activation.width(len(b)) for activation, b in zip(layers.activations, layers.biases, strict=False)
    )
    large = n_cells * len(layers.biases[-1]) * rows >= LARGE
    return large and bool(layers.activations) and rows * columns <= WIDEST and _digits(layers) <= _RANGE


def _digits(layers: Layers) -> float:
    """Binary digits behind the point, at most, of products of one factor a layer, and of rounded sums of such."""
    factors: list[list[Any]] = [[w, b] for w, b in zip(layers.weights, layers.biases, strict=True)]
    factors += [[a.slopes, a.intercepts] for a in layers.activations]
    total = 0.0
    for parts in factors:
        sizes = np.concatenate([np.abs(np.ravel(entries_of(part))) for part in parts])
        if np.any(sizes != np.rint(sizes)):
            total += max(0, 53 - int(np.frexp(sizes[sizes > 0].min())[1]))
    return total


def folded(layers: Layers, signs: Patterns, gradients: FloatArray, offsets: FloatArray) -> bool:
    """Fill gradients (n_cells, m, d) and offsets (n_cells, m) of the pieces; False where blocks do not help."""
    wiring, d = _wiring(layers), gradients.shape[2]
    rows, columns = len(wiring.row_layer), d + 1 + len(wiring.own)
    entries = ROOM * rows * columns + SPARE
    afford(8.0 * entries, f"network: tables of {rows:,} rows", "free some memory, or take a smaller network")
    tables = np.empty(entries)
    root = tables[: rows * columns].reshape(rows, columns)
    root[:] = 0.0
    row = column = 0
    for weight, bias in zip(layers.weights, layers.biases, strict=True):
        own = slice(row, row + len(bias))
        root[own, column : column + weight.shape[1]], root[own, d] = weight, bias
        row, column = row + len(bias), column + weight.shape[1] + (column == 0)
    cells = np.arange(len(gradients))
    return bool(fold(np.ascontiguousarray(signs.positive), cells, wiring, tables, gradients, offsets))


def _wiring(layers: Layers) -> Wiring:
    parts: list[tuple[Any, ...]] = []
    row = piece = unit = 0
    for layer, (activation, bias) in enumerate(zip(layers.activations, layers.biases, strict=False)):
        n, width, units = len(bias), activation.width(len(bias)), activation.units(len(bias))
        maxima, pieces = isinstance(activation, MaxGroups), len(activation.slopes)
        first = np.zeros(width, np.int64)
        if isinstance(activation, MaxGroups):
            first = activation.starts
        elif isinstance(activation, NeuronActivations):
            first = activation.first
        parts.append(
            (
                unit + np.searchsorted(units.owners, np.arange(width)),
                units.breakpoints if maxima else np.ones(len(units.owners), np.int64),
                piece + first,
                activation.slopes,
                activation.intercepts,
                row + activation.members if isinstance(activation, MaxGroups) else np.full(pieces, -1),
                np.full(width, -1) if maxima else row + np.arange(n),
                np.full(width, layer),
                np.full(n, layer),
            )
        )
        row, piece, unit = row + n, piece + pieces, unit + len(units.owners)
    columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
    columns[0] = np.append(columns[0], unit)
    columns[-1] = np.append(columns[-1], np.full(len(layers.biases[-1]), len(layers.activations)))
    return Wiring(*(np.ascontiguousarray(c, dtype=c.dtype if c.dtype.kind == "f" else np.int64) for c in columns))
