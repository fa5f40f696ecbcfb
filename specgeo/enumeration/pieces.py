"""Affine maps of the whole network on the cells, from their sign patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from specgeo._budget import afford
from specgeo._cast import FloatArray
from specgeo.geometry.complex import Patterns

if TYPE_CHECKING:
    from specgeo.network import Network

_CELLS_A_CHUNK, _ENTRIES_A_CHUNK = 4096, 1 << 20  # of the rows that are multiplied at a time


def affine_pieces(network: Network, signs: Patterns) -> tuple[FloatArray, FloatArray]:
    """Gradients (n_cells, m, d) and offsets (n_cells, m): f = gradients @ x + offsets on each cell.

    Runs backwards through the layers: the rows of the output layer are multiplied by the slopes of
    the active pieces and by the weights, one layer after the other. `stored_values.piece_bounds` bounds the errors.
    """
    n_cells = len(signs.positive)
    m, d = network.output_dim, network.input_dim
    remedy = "shrink the domain or take fewer outputs (Network.postcompose)"
    afford(8.0 * n_cells * m * (d + 1), f"network: affine pieces of {n_cells:,} cells", remedy)
    gradients, offsets = np.empty((n_cells, m, d)), np.empty((n_cells, m))
    step = max(1, min(_CELLS_A_CHUNK, _ENTRIES_A_CHUNK // (m * max(w.shape[1] for w in network.weights))))
    for start in range(0, n_cells, step):
        chunk = slice(start, min(start + step, n_cells))
        gradients[chunk], offsets[chunk] = _backward(network, signs.positive[chunk])
    return gradients, offsets


def _backward(network: Network, positive: np.ndarray) -> tuple[FloatArray, FloatArray]:
    n = len(positive)
    bits = np.unpackbits(np.ascontiguousarray(positive).view(np.uint8), axis=1, bitorder="little")
    m = network.output_dim
    rows = np.broadcast_to(network.weights[-1], (n, *network.weights[-1].shape))
    offsets = np.broadcast_to(network.biases[-1], (n, m)).copy()
    stop = sum(len(b) * len(a.breakpoints) for b, a in zip(network.biases[:-1], network.activations, strict=True))
    for weight, bias, activation in reversed(
        list(zip(network.weights[:-1], network.biases[:-1], network.activations, strict=True))
    ):
        units = len(bias) * len(activation.breakpoints)
        piece = bits[:, stop - units : stop].reshape(n, len(bias), -1).sum(axis=2)
        stop -= units
        if activation.intercepts.any():
            offsets += np.einsum("cmn,cn->cm", rows, activation.intercepts[piece])
        rows = rows * activation.slopes[piece][:, None, :]
        offsets += rows @ bias
        rows = (rows.reshape(n * m, -1) @ weight).reshape(n, m, -1)
    return rows, offsets
