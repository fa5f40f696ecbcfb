"""Affine maps of the whole network on the cells, from their sign patterns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from specgeo._budget import afford
from specgeo._cast import FloatArray
from specgeo.geometry.complex import Patterns

if TYPE_CHECKING:
    from specgeo.network import Network

Layer = tuple[Any, Any, Any, Any]

_CELLS_A_CHUNK, _ENTRIES_A_CHUNK = 4096, 1 << 20  # of the rows that are multiplied at a time


def affine_pieces(network: Network, signs: Patterns) -> tuple[FloatArray, FloatArray]:
    """Gradients (n_cells, m, d) and offsets (n_cells, m): f = gradients @ x + offsets on each cell.

    Runs backwards through the layers: the rows of the output layer are multiplied by the slopes of
    the active pieces and by the weights, one layer after the other. `stored_values.piece_bounds` bounds the errors.
    """
    layers = [
        (weight, bias, activation.slopes, activation.intercepts)
        for weight, bias, activation in zip(network.weights, network.biases, network.activations, strict=False)
    ]
    return backward((*layers, (network.weights[-1], network.biases[-1], None, None)), signs)


def backward(layers: Sequence[Layer], signs: Patterns) -> tuple[Any, Any]:
    """The affine maps of layers (weight, bias, slopes, intercepts) in their own precision."""
    n_cells = len(signs.positive)
    m, d = len(layers[-1][0]), layers[0][0].shape[1]
    dtype = layers[-1][0].dtype
    remedy = "shrink the domain or take fewer outputs (Network.postcompose)"
    afford(float(dtype.itemsize) * n_cells * m * (d + 1), f"network: affine pieces of {n_cells:,} cells", remedy)
    gradients, offsets = np.empty((n_cells, m, d), dtype), np.empty((n_cells, m), dtype)
    step = max(1, min(_CELLS_A_CHUNK, _ENTRIES_A_CHUNK // (m * max(layer[0].shape[1] for layer in layers))))
    for start in range(0, n_cells, step):
        chunk = slice(start, min(start + step, n_cells))
        gradients[chunk], offsets[chunk] = _backward(layers, signs.positive[chunk])
    return gradients, offsets


def _backward(layers: Sequence[Layer], positive: np.ndarray) -> tuple[Any, Any]:
    n = len(positive)
    bits = np.unpackbits(np.ascontiguousarray(positive).view(np.uint8), axis=1, bitorder="little")
    last, constant, _, _ = layers[-1]
    m = len(last)
    rows = np.broadcast_to(last, (n, *last.shape))
    offsets = np.broadcast_to(constant, (n, m)).copy()
    stop = sum(len(bias) * (len(slopes) - 1) for _, bias, slopes, _ in layers[:-1])
    for weight, bias, slopes, intercepts in reversed(layers[:-1]):
        units = len(bias) * (len(slopes) - 1)
        piece = bits[:, stop - units : stop].reshape(n, len(bias), -1).sum(axis=2)
        stop -= units
        if intercepts.any():
            offsets += np.einsum("cmn,cn->cm", rows, intercepts[piece])
        rows = rows * slopes[piece][:, None, :]
        offsets += rows @ bias
        rows = (rows.reshape(n * m, -1) @ weight).reshape(n, m, -1)
    return rows, offsets
