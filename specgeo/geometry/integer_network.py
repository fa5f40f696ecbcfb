"""A network in integer arithmetic: each layer scaled by a power of two until nothing is a fraction.

Weights are binary64, hence integers times powers of two. Homogeneous coordinates (N, D), standing
for the point N / D with D > 0, keep rational points integral too::

    z_l = W_l a_{l-1} + b_l D          a_l = slope z_l + intercept D          (one scale for each layer)

Columns may be points (D > 0) or the columns of an affine map x -> M x + c in the form (M, 0), (c, 1).
"""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._cast import IntArray
from specgeo._codec import Layers
from specgeo._sparse import SparseMatrix, converted, entries_of
from specgeo.activation import Activation
from specgeo.geometry.arrays import Signs
from specgeo.layer_activations import MaxGroups, NeuronActivations

try:
    from flint import fmpz_mat
except ImportError:  # the optional extra "exact": products of large integers, some ten times faster
    fmpz_mat = None

Integers = npt.NDArray[np.object_]


class IntegerMatrix:
    """A matrix of integers that multiplies from the left."""

    def __init__(self, entries: Any) -> None:
        self._entries = entries
        sparse = isinstance(entries, SparseMatrix)
        self._flint = None if sparse or fmpz_mat is None else fmpz_mat(entries.tolist())

    def __matmul__(self, other: Integers) -> Integers:
        if isinstance(self._entries, SparseMatrix):
            return self._entries.times(other)
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
    """The units of a layer, exactly: z - t, columns z (n_l, n) being those of the neurons."""

    activation: Activation | NeuronActivations
    owners: IntArray  # (n_units,) neuron of each
    thresholds: Integers  # (n_units,)

    def at(self, z: Integers, unit: Integers) -> tuple[Signs, IntArray]:
        """Signs (n, n_units) at points, and pieces (n_l, n)."""
        above = z[self.owners] - np.multiply.outer(self.thresholds, unit)
        sign = ((above > 0).astype(np.int8) - (above < 0).astype(np.int8)).T
        return sign, self.activation.pieces_of(sign > 0).T

    def rows(self, z: Integers, unit: Integers, piece: IntArray) -> Integers:
        """Rows (n_units, n) on a cell with these pieces (n_l,)."""
        return np.asarray(z[self.owners] - np.multiply.outer(self.thresholds, unit))


class Contest(NamedTuple):
    """The units of a layer of maxima: a member less the largest of the others in its group."""

    activation: MaxGroups

    def at(self, z: Integers, unit: Integers) -> tuple[Signs, IntArray]:
        """Signs (n, n_units) at points, 0 for several that are the largest; winners (groups, n)."""
        a = self.activation
        values = z[a.members]
        attains = np.equal(values, np.maximum.reduceat(values, a.starts, axis=0)[a.owners]).astype(np.bool_)
        alone = np.add.reduceat(attains.astype(np.int64), a.starts, axis=0)[a.owners] == 1
        places = np.where(attains, np.arange(len(values))[:, None], len(values))
        sign = np.where(attains, alone, -1).astype(np.int8)
        return sign[a.competing].T, np.minimum.reduceat(places, a.starts, axis=0)

    def rows(self, z: Integers, unit: Integers, piece: IntArray) -> Integers:
        """Rows (n_units, n) on a cell with these winners (groups,): each member less the winner."""
        a = self.activation
        return np.asarray((z[a.members] - z[a.members[piece]][a.owners])[a.competing])


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
            linear = max(_bits(entries_of(weight).tolist()), _bits(bias.tolist()) - total, _bits(breaks) - total)
            outer = total + linear
            slope = max(_bits(slopes), _bits(intercepts) - outer)
            self._layers.append(
                (
                    IntegerMatrix(converted(weight, partial(scaled, exponent=linear))),
                    scaled(bias, outer),
                    Contest(activation)
                    if isinstance(activation, MaxGroups)
                    else Bends(activation, units.owners, scaled(breaks, outer)),
                    scaled(slopes, slope),
                    scaled(intercepts, outer + slope),
                )
            )
            total = outer + slope
        weight, bias = layers.weights[-1], layers.biases[-1]
        linear = max(_bits(entries_of(weight).tolist()), _bits(bias.tolist()) - total)
        self._output = IntegerMatrix(converted(weight, partial(scaled, exponent=linear))), scaled(bias, total + linear)
        self._exponent = total + linear  # outputs are scaled by 2 to this

    def affine_pieces(self, pieces: list[IntArray]) -> tuple[Integers, int]:
        """Integers (n_cells, m, d + 1) and e: gradients and offsets of the outputs on cells are the integers / 2^e.

        ``pieces`` says for each layer which piece of the activation each neuron is on, (n_cells, n_l).
        """
        n, d = len(pieces[0]) if pieces else 1, self.input_dim
        unit = np.zeros(n * (d + 1), dtype=object)
        unit[d :: d + 1] = 1
        a = np.tile(np.eye(d, d + 1, dtype=object), n)  # a column for each cell and each column of its map
        for (weight, bias, bends, slopes, intercepts), piece in zip(self._layers, pieces, strict=True):
            z = weight @ a + np.multiply.outer(bias, unit)
            width = bends.activation.width(len(bias))
            chosen = np.repeat(np.broadcast_to(piece, (n, width)).T, d + 1, axis=1)
            a = slopes[chosen] * bends.activation.select(z, chosen) + intercepts[chosen] * unit
        weight, bias = self._output
        z = weight @ a + np.multiply.outer(bias, unit)
        return z.reshape(-1, n, d + 1).transpose(1, 0, 2), self._exponent

    def signs_at(self, numerators: Integers, denominators: Integers) -> npt.NDArray[np.int8]:
        """Signs of all units at the points N / D: (n, d), (n,) -> (n, n_units)."""
        a, blocks = numerators.T, [np.empty((len(denominators), 0), dtype=np.int8)]
        for weight, bias, bends, slopes, intercepts in self._layers:
            z = weight @ a + np.multiply.outer(bias, denominators)
            sign, piece = bends.at(z, denominators)
            a = slopes[piece] * bends.activation.select(z, piece) + intercepts[piece] * denominators
            blocks.append(sign)
        return np.concatenate(blocks, axis=1)

    def unit_rows(self, signs: npt.NDArray[np.int8], depth: int) -> list[Integers]:
        """Rows (n_units of the layer, d + 1) of z - t for a cell with these signs, the first ``depth`` layers.

        Each row is exact up to a positive factor. Of a group whose maximum is taken it is a member less the winner.
        """
        d = self.input_dim
        a = np.concatenate((np.eye(d, dtype=object), np.zeros((d, 1), dtype=object)), axis=1)
        unit = np.zeros(d + 1, dtype=object)
        unit[d] = 1
        rows, start = [], 0
        for weight, bias, bends, slopes, intercepts in self._layers[:depth]:
            z = weight @ a + np.multiply.outer(bias, unit)
            n_units = len(bends.activation.units(len(bias)).owners)
            piece = bends.activation.pieces_of(signs[start : start + n_units] > 0)
            start += n_units
            rows.append(bends.rows(z, unit, piece))
            a = slopes[piece][:, None] * bends.activation.select(z, piece) + np.multiply.outer(intercepts[piece], unit)
        return rows
