"""A chain of affine maps and activations, as the readers meet them, turned into a `Network`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from specgeo._affine import Affine, Monomial, fold
from specgeo._cast import FloatArray
from specgeo.activation import Activation
from specgeo.network import Network
from specgeo.readers._limit import Limit


class Chain:
    """Collects layers in the order of evaluation.

    Affine maps that follow each other are merged where that is exact in float64, and stay
    layers of their own (activation identity) otherwise: reading never changes the function.
    """

    def __init__(self, input_dim: int, limit: Limit | None = None) -> None:
        self.width = input_dim
        self._limit = limit or Limit()
        self._limit.take(8 * input_dim, "the input")
        self._pending: list[Affine | Monomial] = []
        self._layers: list[tuple[Affine, Activation]] = []

    def affine(self, matrix: FloatArray, offset: FloatArray) -> None:
        """Append x -> matrix @ x + offset."""
        self._take(len(matrix), matrix.shape[1])
        self._append(Affine(matrix, offset))
        self.width = len(matrix)

    def shift(self, offset: FloatArray) -> None:
        """Append x -> x + offset."""
        self._append(Monomial(np.arange(self.width), np.ones(self.width), offset))

    def scale(self, factor: FloatArray) -> None:
        """Append x -> factor * x."""
        self._append(Monomial(np.arange(self.width), factor, np.zeros(self.width)))

    def permute(self, order: npt.NDArray[np.int64]) -> None:
        """Append x -> x[order]."""
        self._append(Monomial(order, np.ones(self.width), np.zeros(self.width)))

    def activate(self, activation: Activation) -> None:
        """Append an activation."""
        if not activation.is_identity:
            self._flush(activation)

    def _append(self, new: Affine | Monomial) -> None:
        merged = fold(new, self._pending[-1]) if self._pending else None
        if merged is not None:
            self._pending[-1] = merged
        else:
            self._pending.append(new)

    def _take(self, n_out: int, n_in: int) -> None:
        self._limit.take(16 * n_out * (n_in + 1), f"a layer of {n_out} neurons with {n_in} inputs")  # and a copy

    def _flush(self, last: Activation) -> None:
        if not self._pending:
            self.shift(np.zeros(self.width))
        maps, self._pending = self._pending, []
        for index, one in enumerate(maps):
            if isinstance(one, Monomial):
                self._take(self.width, len(one.order))
                one = one.dense()
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
