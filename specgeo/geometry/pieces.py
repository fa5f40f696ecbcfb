"""Affine maps of the whole network on the cells, from their sign patterns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from specgeo._budget import afford
from specgeo._cast import FloatArray, IntArray
from specgeo.errors import DomainError
from specgeo.geometry.arrays import Patterns, unpacked
from specgeo.geometry.integer_network import IntegerNetwork

if TYPE_CHECKING:
    from specgeo.network import Network

Layer = tuple[Any, Any, Any, Any]

_LIFT, _DEPTH = 300.0, 900.0  # of less than 2^_LIFT times what underflows nothing remains
_CELLS_A_CHUNK, _ENTRIES_A_CHUNK = 4096, 1 << 20  # of the rows that are multiplied at a time


def affine_pieces(network: Network, signs: Patterns) -> tuple[FloatArray, FloatArray]:
    """Gradients (n_cells, m, d) and offsets (n_cells, m): f = gradients @ x + offsets on each cell.

    Runs backwards through the layers: the rows of the output layer are multiplied by the slopes of
    the active pieces and by the weights, one layer after the other. `stored_values.piece_bounds` bounds the errors.
    Where products leave the range of floats on the way, integers are multiplied instead.
    """
    layers: list[Layer] = [
        (weight, bias, activation.slopes, activation.intercepts)
        for weight, bias, activation in zip(network.weights, network.biases, network.activations, strict=False)
    ]
    layers.append((network.weights[-1], network.biases[-1], None, None))
    with np.errstate(over="ignore", invalid="ignore"):
        gradients, offsets = backward(layers, signs)
    finite = np.isfinite(gradients).all(axis=(1, 2)) & np.isfinite(offsets).all(axis=1)
    rows = np.arange(len(finite)) if _lifts_what_underflows(layers) else np.flatnonzero(~finite)
    for start in range(0, len(rows), _CELLS_A_CHUNK):
        _multiply_exactly(network, signs, rows[start : start + _CELLS_A_CHUNK], gradients, offsets)
    return gradients, offsets


def _lifts_what_underflows(layers: Sequence[Layer]) -> bool:
    """Whether a product over later layers may underflow and earlier ones may make it large again."""
    lift = depth = 0.0  # in powers of two
    for weight, _, slopes, _ in layers[:-1]:
        lift += max(0.0, _log2(np.abs(weight).sum(axis=1).max()) + _log2(np.abs(slopes).max()))
    for weight, _, slopes, _ in layers:
        for factor in (weight,) if slopes is None else (slopes, weight):
            depth -= min(0.0, _log2(np.abs(factor[factor != 0]).min(initial=1.0)))
    return lift > _LIFT and depth > _DEPTH


def _log2(x: float) -> float:
    return float(np.log2(x)) if x > 0 else 0.0


def _multiply_exactly(
    network: Network, signs: Patterns, rows: IntArray, gradients: FloatArray, offsets: FloatArray
) -> None:
    """Replace some rows of the affine pieces by the exact ones, rounded."""
    stored = {"weights": network.weights, "biases": network.biases, "activations": network.activations}
    exact, exponent = IntegerNetwork(stored).affine_pieces(signs.take(rows).neuron_pieces(network.activations))
    one = 1 << exponent
    try:
        rounded = np.array([n / one for n in exact.ravel().tolist()]).reshape(exact.shape)
    except OverflowError:
        raise DomainError("network: an affine piece is beyond the range of floats; scale the network") from None
    gradients[rows], offsets[rows] = rounded[:, :, :-1], rounded[:, :, -1]


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
        gradients[chunk], offsets[chunk] = _backward(layers, signs.take(chunk))
    return gradients, offsets


def _backward(layers: Sequence[Layer], signs: Patterns) -> tuple[Any, Any]:
    n = len(signs.positive)
    bits = unpacked(signs.positive, len(signs.layers))
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
