"""A chain of affine maps and activations, as the readers meet them, turned into a `Network`."""

from __future__ import annotations

import numpy as np

from specgeo._affine import Affine, fold_chain
from specgeo._cast import FloatArray
from specgeo.activation import Activation
from specgeo.network import Network


class Chain:
    """Collects layers in the order of evaluation.

    Affine maps that follow each other are merged where that is exact in float64, and stay
    layers of their own (activation identity) otherwise: reading never changes the function.
    """

    def __init__(self, input_dim: int) -> None:
        self.width = input_dim
        self._pending: list[Affine] = []
        self._layers: list[tuple[Affine, Activation]] = []

    def affine(self, matrix: FloatArray, offset: FloatArray) -> None:
        """Append x -> matrix @ x + offset."""
        self._pending.append(Affine(matrix, offset))
        self.width = len(matrix)

    def shift(self, offset: FloatArray) -> None:
        """Append x -> x + offset."""
        if self._pending and not np.any(self._pending[-1].offset):
            self._pending[-1] = Affine(self._pending[-1].matrix, offset)
        else:
            self.affine(np.eye(self.width), offset)

    def scale(self, factor: FloatArray) -> None:
        """Append x -> factor * x."""
        self.affine(np.diag(factor), np.zeros(self.width))

    def activate(self, activation: Activation) -> None:
        """Append an activation."""
        if not activation.is_identity:
            self._flush(activation)

    def _flush(self, last: Activation) -> None:
        maps = fold_chain(self._pending or [Affine(np.eye(self.width), np.zeros(self.width))])
        self._pending = []
        for index, one in enumerate(maps):
            self._layers.append((one, last if index == len(maps) - 1 else Activation.identity()))

    def network(self) -> Network:
        """The network collected so far."""
        self._flush(Activation.identity())
        layers, self._layers = self._layers, []
        return Network(
            [one.matrix for one, _ in layers],
            [one.offset for one, _ in layers],
            [activation for _, activation in layers[:-1]],
        )
