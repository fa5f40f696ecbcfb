"""Affine maps of the whole network on the cells, from their sign patterns.

Those of few cells one after the other (`backward`), those of many together (`specgeo.geometry.folding`). With more
digits than float64 has: `specgeo.geometry.extended_pieces`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from specgeo._budget import afford
from specgeo._cast import FloatArray, IntArray
from specgeo._codec import Layers
from specgeo._sparse import entries_of
from specgeo.errors import DomainError
from specgeo.geometry.arrays import Patterns
from specgeo.geometry.folding import folded, pays
from specgeo.geometry.integer_network import IntegerNetwork

_LIFT, _DEPTH = 300.0, 900.0  # of less than 2^_LIFT times what underflows nothing remains
_CELLS_A_CHUNK, _ENTRIES_A_CHUNK = 4096, 1 << 20  # of the rows that are multiplied at a time


def affine_pieces(layers: Layers, signs: Patterns) -> tuple[FloatArray, FloatArray]:
    """Gradients (n_cells, m, d) and offsets (n_cells, m): f = gradients @ x + offsets on each cell.

    `stored_values.piece_bounds` bounds their errors. Where products leave the range of floats on the way, integers are
    multiplied instead.
    """
    n_cells, lost = len(signs.positive), False
    gradients, offsets = _arrays(layers, n_cells)
    with np.errstate(over="ignore", invalid="ignore"):
        if not (pays(layers, n_cells) and folded(layers, signs, gradients, offsets)):
            gradients, offsets = backward(layers, signs)
            lost = _lifts_what_underflows(layers)
    finite = np.isfinite(gradients).all(axis=(1, 2)) & np.isfinite(offsets).all(axis=1)
    rows = np.arange(n_cells) if lost else np.flatnonzero(~finite)
    for start in range(0, len(rows), _CELLS_A_CHUNK):
        _multiply_exactly(layers, signs, rows[start : start + _CELLS_A_CHUNK], gradients, offsets)
    return gradients, offsets


def _lifts_what_underflows(layers: Layers) -> bool:
    """Whether a product over later layers may underflow and earlier ones may make it large again."""
    slopes = [activation.slopes for activation in layers.activations]
    lift = depth = 0.0  # in powers of two
    for weight, slope in zip(layers.weights[:-1], slopes, strict=True):
        lift += max(0.0, _log2((np.abs(weight) @ np.ones(weight.shape[1])).max()) + _log2(np.abs(slope).max()))
    for factor in map(entries_of, (*slopes, *layers.weights)):
        depth -= min(0.0, _log2(np.abs(factor[factor != 0]).min(initial=1.0)))
    return lift > _LIFT and depth > _DEPTH


def _log2(x: float) -> float:
    return float(np.log2(x)) if x > 0 else 0.0


def _multiply_exactly(
    layers: Layers, signs: Patterns, rows: IntArray, gradients: FloatArray, offsets: FloatArray
) -> None:
    """Replace some rows of the affine pieces by the exact ones, rounded."""
    exact, exponent = IntegerNetwork(layers).affine_pieces(signs.take(rows).neuron_pieces(layers.activations))
    one = 1 << exponent
    try:
        rounded = np.array([n / one for n in exact.ravel().tolist()]).reshape(exact.shape)
    except OverflowError:
        raise DomainError("network: an affine piece is beyond the range of floats; scale the network") from None
    gradients[rows], offsets[rows] = rounded[:, :, :-1], rounded[:, :, -1]


def backward(layers: Layers, signs: Patterns) -> tuple[FloatArray, FloatArray]:
    """The affine pieces, backwards through the layers.

    The rows of the output layer are multiplied by the slopes of the active pieces and by the weights, one layer after
    the other.
    """
    n_cells, m = len(signs.positive), len(layers.weights[-1])
    gradients, offsets = _arrays(layers, n_cells)
    last = np.asarray(layers.weights[-1])
    step = max(1, min(_CELLS_A_CHUNK, _ENTRIES_A_CHUNK // (m * max(weight.shape[1] for weight in layers.weights))))
    for start in range(0, n_cells, step):
        chunk = slice(start, min(start + step, n_cells))
        pieces = signs.take(chunk).neuron_pieces(layers.activations)
        n = chunk.stop - start
        rows: Any = np.broadcast_to(last, (n, *last.shape))
        constants = np.tile(layers.biases[-1], (n, 1))
        for weight, bias, activation, piece in reversed(
            list(zip(layers.weights[:-1], layers.biases[:-1], layers.activations, pieces, strict=True))
        ):
            if activation.intercepts.any():
                constants += np.einsum("cmn,cn->cm", rows, activation.intercepts[piece])
            rows = activation.scatter(rows * activation.slopes[piece][:, None, :], piece, len(bias))
            constants += rows @ bias
            rows = (rows.reshape(n * m, -1) @ weight).reshape(n, m, -1)
        gradients[chunk], offsets[chunk] = rows, constants
    return gradients, offsets


def _arrays(layers: Layers, n_cells: int) -> tuple[FloatArray, FloatArray]:
    """Room for gradients (n_cells, m, d) and offsets (n_cells, m)."""
    m, d = len(layers.weights[-1]), layers.weights[0].shape[1]
    remedy = "shrink the domain or take fewer outputs (Network.postcompose)"
    afford(8.0 * n_cells * m * (d + 1), f"network: affine pieces of {n_cells:,} cells", remedy)
    return np.empty((n_cells, m, d)), np.empty((n_cells, m))
