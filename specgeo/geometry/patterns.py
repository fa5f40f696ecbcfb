"""Activation patterns of the cells: unpacked signs of the units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from specgeo._budget import afford
from specgeo._cast import IntArray

if TYPE_CHECKING:
    from specgeo.geometry.complex import Patterns


def unpack(words: npt.NDArray[np.uint64], n: int) -> npt.NDArray[np.bool_]:
    """The first n bits of each row."""
    afford(3.0 * n * len(words), f"cx: signs of {n:,} units on {len(words):,} cells", "shrink the domain")
    if words.shape[1] == 0:
        return np.zeros((len(words), n), dtype=np.bool_)
    little = np.ascontiguousarray(words.astype("<u8", copy=False)).view(np.uint8)
    return np.unpackbits(little, axis=1, count=n, bitorder="little").view(np.bool_)


def sign_vectors(signs: Patterns) -> npt.NDArray[np.int8]:
    """Signs -1, 0, 1 of the units on each cell, (n_cells, n_units)."""
    n = len(signs.layers)
    return np.asarray(unpack(signs.positive, n).view(np.int8) - unpack(signs.negative, n).view(np.int8))


def neuron_pieces(signs: Patterns, activations: Sequence[Any]) -> list[IntArray]:
    """For each layer the piece of the activation that each neuron is on, (n_cells, n_l)."""
    positive = unpack(signs.positive, len(signs.layers))
    pieces = []
    start = 0
    for layer, activation in enumerate(activations):
        breaks = len(activation.breakpoints)
        units = int(np.count_nonzero(signs.layers == layer))
        if breaks == 0:  # an affine layer has no units: the only piece, whatever its width
            pieces.append(np.zeros((len(positive), 1), dtype=np.int64))
            continue
        block = positive[:, start : start + units].reshape(len(positive), -1, breaks)
        pieces.append(block.sum(axis=2, dtype=np.int64))
        start += units
    return pieces
