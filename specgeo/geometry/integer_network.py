"""A network in integer arithmetic: each layer scaled by a power of two until nothing is a fraction.

Weights are binary64, hence integers times powers of two. Homogeneous coordinates (N, D), standing
for the point N / D with D > 0, keep rational points integral too::

    z_l = W_l a_{l-1} + b_l D          a_l = slope z_l + intercept D          (one scale for each layer)

Columns may be points (D > 0) or the columns of an affine map x -> M x + c in the form (M, 0), (c, 1).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._cast import IntArray
from specgeo._codec import Layers

try:
    from flint import fmpz_mat
except ImportError:  # the optional extra "exact": products of large integers, some ten times faster
    fmpz_mat = None

Integers = npt.NDArray[np.object_]


class IntegerMatrix:
    """A matrix of integers that multiplies from the left."""

    def __init__(self, entries: Integers) -> None:
        self._entries = entries
        self._flint = None if fmpz_mat is None else fmpz_mat(entries.tolist())

    def __matmul__(self, other: Integers) -> Integers:
        if self._flint is None:
            return np.asarray(self._entries @ other)
        entries = (self._flint * fmpz_mat(other.tolist())).entries()
        out = np.empty(len(entries), dtype=object)
        out[:] = [int(x) for x in entries]
        return out.reshape(len(self._entries), other.shape[1])


def _bits(values: Any) -> int:
    """Smallest e >= 0 such that all values times 2^e are integers."""
    return max((v.as_integer_ratio()[1].bit_length() - 1 for v in values), default=0)


def scaled(values: Any, exponent: int) -> Integers:
    """The values times 2^exponent as Python integers."""
    array = np.asarray(values, dtype=object)
    out = np.empty(array.size, dtype=object)
    out[:] = [(p << exponent) // q for p, q in (v.as_integer_ratio() for v in array.ravel().tolist())]
    return out.reshape(array.shape)


def integer_rows(rows: npt.NDArray[np.float64]) -> tuple[Integers, Integers]:
    """Rows of floats, exactly, as integers (n, d) over one power of two for each row, (n,)."""
    numerators, denominators = np.empty(rows.shape, dtype=object), np.empty(len(rows), dtype=object)
    for i, row in enumerate(rows.tolist()):
        bits = _bits(row)
        numerators[i], denominators[i] = scaled(row, bits), 1 << bits
    return numerators, denominators


class Bends(NamedTuple):
    """The units of a layer, exactly."""

    owners: IntArray  # (n_units,) neuron of each
    thresholds: Integers  # (n_units,)
    pieces_of: Callable[[npt.NDArray[np.bool_]], IntArray]  # (..., n_units) positive -> (..., n_l)

    def above(self, z: Integers, unit: Integers) -> Integers:
        """z - t of all units, (n_units, n), from those z (n_l, n) of all neurons."""
        return np.asarray(z[self.owners] - np.multiply.outer(self.thresholds, unit))


class IntegerNetwork:
    """A network, exactly.

    Parameters
    ----------
    layers : Layers
    """

    def __init__(self, layers: Layers) -> None:
        self.input_dim = int(layers.weights[0].shape[1])
        self._layers = []
        total = 0  # the inputs of the layer are scaled by 2^total
        for weight, bias, activation in zip(layers.weights[:-1], layers.biases[:-1], layers.activations, strict=True):
            units = activation.units(len(bias))
            breaks = [Fraction(t) for t in units.thresholds.tolist()]
            slopes = [Fraction(s) for s in activation.slopes.tolist()]
            intercepts = activation.exact_intercepts
            linear = max(_bits(np.ravel(weight).tolist()), _bits(bias.tolist()) - total, _bits(breaks) - total)
            outer = total + linear
            slope = max(_bits(slopes), _bits(intercepts) - outer)
            self._layers.append(
                (
                    IntegerMatrix(scaled(weight, linear)),
                    scaled(bias, outer),
                    Bends(units.owners, scaled(breaks, outer), activation.pieces_of),
                    scaled(slopes, slope),
                    scaled(intercepts, outer + slope),
                )
            )
            total = outer + slope
        weight, bias = layers.weights[-1], layers.biases[-1]
        linear = max(_bits(np.ravel(weight).tolist()), _bits(bias.tolist()) - total)
        self._output = IntegerMatrix(scaled(weight, linear)), scaled(bias, total + linear)
        self._exponent = total + linear  # outputs are scaled by 2 to this

    def affine_pieces(self, pieces: list[IntArray]) -> tuple[Integers, int]:
        """Integers (n_cells, m, d + 1) and e: gradients and offsets of the outputs on cells are the integers / 2^e.

        ``pieces`` says for each layer which piece of the activation each neuron is on, (n_cells, n_l).
        """
        n, d = len(pieces[0]) if pieces else 1, self.input_dim
        unit = np.zeros(n * (d + 1), dtype=object)
        unit[d :: d + 1] = 1
        a = np.tile(np.eye(d, d + 1, dtype=object), n)  # a column for each cell and each column of its map
        for (weight, bias, _, slopes, intercepts), piece in zip(self._layers, pieces, strict=True):
            z = weight @ a + np.multiply.outer(bias, unit)
            chosen = np.repeat(np.broadcast_to(piece, (n, len(bias))).T, d + 1, axis=1)
            a = slopes[chosen] * z + intercepts[chosen] * unit
        weight, bias = self._output
        z = weight @ a + np.multiply.outer(bias, unit)
        return z.reshape(-1, n, d + 1).transpose(1, 0, 2), self._exponent

    def signs_at(self, numerators: Integers, denominators: Integers) -> npt.NDArray[np.int8]:
        """Signs of all units at the points N / D: (n, d), (n,) -> (n, n_units)."""
        a, blocks = numerators.T, [np.empty((len(denominators), 0), dtype=np.int8)]
        for weight, bias, bends, slopes, intercepts in self._layers:
            z = weight @ a + np.multiply.outer(bias, denominators)
            above = bends.above(z, denominators)
            sign = ((above > 0).astype(np.int8) - (above < 0).astype(np.int8)).T
            piece = bends.pieces_of(sign > 0).T
            a = slopes[piece] * z + intercepts[piece] * denominators
            blocks.append(sign)
        return np.concatenate(blocks, axis=1)

    def unit_rows(self, signs: npt.NDArray[np.int8], depth: int) -> list[Integers]:
        """Rows (n_units of the layer, d + 1) of z - t for a cell with these signs, the first ``depth`` layers.

        Each row is exact up to a positive factor.
        """
        d = self.input_dim
        a = np.concatenate((np.eye(d, dtype=object), np.zeros((d, 1), dtype=object)), axis=1)
        unit = np.zeros(d + 1, dtype=object)
        unit[d] = 1
        rows, start = [], 0
        for weight, bias, bends, slopes, intercepts in self._layers[:depth]:
            z = weight @ a + np.multiply.outer(bias, unit)
            rows.append(bends.above(z, unit))
            piece = bends.pieces_of(signs[start : start + len(bends.owners)] > 0)
            start += len(bends.owners)
            a = slopes[piece][:, None] * z + np.multiply.outer(intercepts[piece], unit)
        return rows
