"""Positions refined in more digits than a float has: what comes before integers.

A vertex x* solves N x + c = 0 for the exact rows (N, c) of its d planes; x is its float position, N' the rounded rows
and B about the inverse of N'. Let r be the values of the exact rows at x, known up to rho. The Newton step
x - B r is off by

    (I - B N)(x - x*) + B (N x + c - r):  at most  eta e + max_c sum_r |B_cr| rho_r  in the max norm, where
    eta = |I - B N'| + |B| D,  D_rc = err_r / extent_c,  e = min(old radius, |B| (|r| + rho) / (1 - eta)),

as err_r bounds the size sum_c extent_c |N_rc - N'_rc| + |c - c'| (`_maps`), and x - x* = (B N)^-1 B (N x + c).

r comes from a forward pass at x, with the pattern of the plane's cell, in double-doubles. Products of matrices are
without error (Ozaki, Ogita, Oishi and Rump 2012): rows are cut into S slices of b bits, 2 b + log2(S K) <= 53 for K
columns, so that BLAS adds integers below 2^53, in whatever order: those of all products of slices s + t = level. With
rows of W and a below 2^e and 2^f, what the levels from S on would add, and what remains of the rows, are below
(S + 1) K 2^(e + f - S b); one more term of this kind, and 2^-100 of the size, cover the sums of the levels. A bound
on the error of all post-activations of a layer goes along: |W_j| times the one before, and what the layer adds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._double import Double, add, dot, multiply, two_sum
from specgeo.enumeration._layers import (
    BIAS,
    N_PREVIOUS,
    N_UNITS,
    N_WORDS,
    UNIT,
    WEIGHT,
    History,
    Layers,
    N,
)
from specgeo.enumeration._layout import State
from specgeo.enumeration._scalars import SAFE, TINY, U

_SLICES = 3
_DOUBLE = 2.0**-100  # relative error of a few operations on double-doubles, generously
_LOST = 2.0**-1000  # what underflows in them, far more than it can be
_ROWS = 512  # vertices at a time


class Slices(NamedTuple):
    """Rows (n, K) as sums of S slices times 2^exponent, up to 2^-(S b) of that."""

    parts: FloatArray  # (n, S K), slice after slice
    exponents: IntArray  # (n,)
    columns: int  # K
    bits: int  # b


def _slices(high: FloatArray, low: FloatArray | None = None, descending: bool = False) -> Slices:
    """Slices of floats, or of double-doubles."""
    columns = high.shape[1]
    bits = (53 - int(np.ceil(np.log2(max(_SLICES * columns, 2))))) // 2
    exponents = np.frexp(np.abs(high).max(axis=1, initial=0.0))[1]
    rest = np.ldexp(high, -exponents[:, None])
    left = None if low is None else np.ldexp(low, -exponents[:, None])
    parts = np.empty((len(high), _SLICES, columns))
    for s in range(_SLICES):
        unit = 2.0 ** ((s + 1) * bits)
        part = parts[:, _SLICES - 1 - s if descending else s]
        np.rint(rest * unit, out=part)
        part *= 1.0 / unit
        rest -= part
        if left is not None:
            rest, left = two_sum(rest, left)
    return Slices(parts.reshape(len(high), -1), exponents, columns, bits)


class Refiner:
    """Newton steps for the vertices of a run.

    Parameters
    ----------
    layers : Layers
    extent : (d,) largest |x_c| on the domain
    """

    def __init__(self, layers: Layers, extent: FloatArray) -> None:
        self._layers, self._extent, self._dim = layers, extent, len(extent)
        self._kept: dict[int, Slices] = {}

    def bytes_needed(self, vertices: int) -> int:
        """Memory that the refinement of so many vertices takes, the slices of the weights that it keeps included."""
        widest = max(self._dim, int(self._layers.meta[:, N].max(initial=1)))
        return 8 * int(_SLICES * len(self._layers.weights) + 40 * min(_ROWS, vertices) * self._dim * widest)

    @np.errstate(all="ignore")  # what is not finite refines nothing
    def refine(self, state: State, history: History, vertices: IntArray) -> IntArray:
        """Move vertices (n,) whose error radius gets smaller so, and state that; returns which."""
        moved = [self._refine(state, history, vertices[at : at + _ROWS]) for at in range(0, len(vertices), _ROWS)]
        return np.asarray(np.concatenate(moved) if moved else vertices)

    def _refine(self, state: State, history: History, vertices: IntArray) -> IntArray:
        d = self._dim
        planes = state.vplanes[vertices, :d].astype(np.int64)  # (n, d)
        rows = state.planes[planes]  # (n, d, d + 3)
        determinants = np.linalg.det(rows[:, :, :d])
        solvable = np.isfinite(determinants) & (determinants != 0.0)
        vertices, planes, rows = vertices[solvable], planes[solvable], rows[solvable]
        x = state.x[vertices, :d]
        inverse = np.linalg.inv(rows[:, :, :d])
        size = np.abs(inverse)
        doubt = np.abs(inverse @ rows[:, :, :d] - np.eye(d))
        doubt += size @ (np.abs(rows[:, :, :d]) * ((d + 3.0) * U) + rows[:, :, d + 2 :] / self._extent) + 3.0 * U
        eta = doubt.sum(axis=2).max(axis=1) * SAFE
        values, rounding = self._values(state, history, np.repeat(x, d, axis=0), planes.ravel())
        values, rounding = values.reshape(-1, d), rounding.reshape(-1, d)
        step = np.einsum("ncr,nr->nc", inverse, values)
        reach = np.einsum("ncr,nr->nc", size, np.abs(values))
        noise = np.einsum("ncr,nr->nc", size, rounding)
        before = np.minimum(state.x[vertices, d], (reach + noise).max(axis=1) * SAFE / (1.0 - eta))
        better = x - step
        after = eta * before + (noise + (d + 3.0) * U * reach + U * np.abs(better)).max(axis=1)
        after = after * SAFE + 4.0 * d * TINY
        wins = (eta < 0.5) & (after < state.x[vertices, d]) & np.isfinite(better).all(axis=1)
        moved: IntArray = vertices[wins]
        state.x[moved, :d], state.x[moved, d] = better[wins], after[wins]
        return moved

    def _values(self, state: State, history: History, x: FloatArray, planes: IntArray) -> tuple[FloatArray, FloatArray]:
        """Values of the exact rows of planes (p,) at x (p, d), and bounds on their errors."""
        layers, d = self._layers, self._dim
        origin = state.porigin[planes].astype(np.int64)
        values, errors = np.zeros(len(x)), np.zeros(len(x))
        walls = np.flatnonzero(origin[:, 0] < 1)  # their rows are exact
        rows, points = state.planes[planes[walls], : d + 1], np.column_stack((x[walls], np.ones(len(walls))))
        total = dot((rows, np.zeros_like(rows)), (points, np.zeros_like(points)))
        values[walls], errors[walls] = _rounded(total, _DOUBLE * (np.abs(rows) * np.abs(points)).sum(axis=1))
        left = np.flatnonzero(origin[:, 0] >= 1)
        a, doubt = (x[left], np.zeros((len(left), d))), np.zeros(len(left))
        for layer in range(1, len(layers.meta) + 1):
            meta = layers.meta[layer - 1]
            ends = origin[left, 0] == layer
            if ends.any():
                here, unit = left[ends], origin[left[ends], 1]
                z, error = self._unit(layer, unit, (a[0][ends], a[1][ends]), doubt[ends])
                threshold = layers.thresholds[meta[UNIT] + unit]
                values[here], errors[here] = _rounded(
                    add(z, (-threshold, np.zeros_like(threshold))), error + _DOUBLE * np.abs(threshold)
                )
            left, a, doubt = left[~ends], (a[0][~ends], a[1][~ends]), doubt[~ends]
            if len(left) == 0:
                break
            z, error = self._layer(layer, a, doubt)
            a, doubt = _activate(history, layer, _ancestors(history, origin[left], layer), z, error)
        return values, errors

    def _layer(self, layer: int, a: Double, doubt: FloatArray) -> tuple[Double, FloatArray]:
        """z = W a + b for rows a (p, K), and bounds (p, n) on the errors, ``doubt`` (p,) being those of a."""
        weight, bias, norms = _weight(self._layers, layer)
        if layer not in self._kept:
            self._kept[layer] = _slices(weight, descending=True)
        ours, theirs = self._kept[layer], _slices(*a)
        total = _total([x @ y.T for x, y in _levels(theirs, ours)])
        return _affine(total, theirs.exponents[:, None] + ours.exponents, ours, bias, doubt[:, None] * norms)

    def _unit(self, layer: int, units: IntArray, a: Double, doubt: FloatArray) -> tuple[Double, FloatArray]:
        """The same for one neuron a row, that of a unit: (p,)."""
        weight, bias, norms = _weight(self._layers, layer)
        neurons = self._layers.owners[self._layers.meta[layer - 1, UNIT] + units]
        ours, theirs = _slices(weight[neurons], descending=True), _slices(*a)
        total = _total([np.einsum("pk,pk->p", x, y) for x, y in _levels(theirs, ours)])
        return _affine(total, theirs.exponents + ours.exponents, ours, bias[neurons], doubt * norms[neurons])


def _levels(x: Slices, y: Slices) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Pairs whose product is the sum of the products of slices s of x and t of y with s + t = 0, then 1, 2, ...

    The slices of y are in descending order.
    """
    for level in range(1, _SLICES + 1):
        yield x.parts[:, : level * x.columns], y.parts[:, (_SLICES - level) * y.columns :]


def _total(levels: list[FloatArray]) -> Double:
    """The sum of exact products, each level 2^-b of the one before at most."""
    high, low = two_sum(levels[0], levels[1])
    return two_sum(high, low + sum(levels[:1:-1]))


def _affine(
    total: Double, exponents: IntArray, slices: Slices, bias: FloatArray, doubt: FloatArray
) -> tuple[Double, FloatArray]:
    """total 2^exponents + bias, and a bound on its error: ``doubt`` is what comes from the inputs."""
    z = add((np.ldexp(total[0], exponents), np.ldexp(total[1], exponents)), (bias, np.zeros_like(bias)))
    lost = np.ldexp((_SLICES + 2.0) * slices.columns * 2.0 ** (-_SLICES * slices.bits), exponents)
    return z, (doubt + lost + _DOUBLE * (np.abs(z[0]) + np.abs(bias))) * SAFE + _LOST


def _weight(layers: Layers, layer: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weights, biases and 1-norms of the rows of a layer."""
    meta = layers.meta[layer - 1]
    n, columns, first = int(meta[N]), int(meta[N_PREVIOUS]), int(meta[BIAS])
    weight = layers.weights[meta[WEIGHT] : meta[WEIGHT] + n * columns].reshape(n, columns)
    return weight, layers.biases[first : first + n], layers.norms[first : first + n]


def _ancestors(history: History, origin: IntArray, layer: int) -> IntArray:
    """Cells of complex ``layer`` that contain the cells of planes: those of complex (layer of the plane) - 1."""
    cells, at = origin[:, 2].copy(), origin[:, 0] - 1
    for m in range(int(at.max()), layer, -1):
        deep = at == m
        cells[deep] = history.parents[history.parent_start[m] + cells[deep]]
        at[deep] = m - 1
    return cells


def _activate(history: History, layer: int, cells: IntArray, z: Double, error: FloatArray) -> tuple[Double, FloatArray]:
    """Post-activations by the patterns of cells of complex ``layer``, and one bound a row on their errors."""
    layers, meta = history.layers, history.layers.meta[layer - 1]
    words, own = int(meta[N_WORDS]), slice(meta[BIAS], meta[BIAS] + meta[N])
    starts = history.sign_start[layer] + cells * 2 * words
    bits = history.signs[starts[:, None] + np.arange(words)]
    units = np.arange(meta[N_UNITS])
    positive = (bits[:, units >> 6] >> (units & 63).astype(np.uint64)) & np.uint64(1)
    counts = np.zeros((len(cells), len(units) + 1), np.int64)  # positive units before each
    np.cumsum(positive, axis=1, out=counts[:, 1:])
    first = layers.first_units[own]
    pieces = layers.first_pieces[own] + counts[:, first + layers.breaks[own]] - counts[:, first]
    slope, high, low = layers.slopes[pieces], *layers.intercept_terms[pieces, :2].transpose(2, 0, 1)
    product = multiply(z, (slope, np.zeros_like(slope)))
    flat = slope == 0.0  # what overflows may be inactive
    a = add((np.where(flat, 0.0, product[0]), np.where(flat, 0.0, product[1])), (high, low))
    plain = (high == 0.0) & (flat | (slope == 1.0))
    rounding = np.where(plain, 0.0, _DOUBLE * (np.abs(slope * z[0]) + np.abs(high)) + _LOST)
    return a, np.where(flat & plain, 0.0, np.abs(slope) * error + rounding).max(axis=1, initial=0.0) * SAFE


def _rounded(value: Double, error: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A double-double as a float, with a bound on its error."""
    return value[0], error * SAFE + np.abs(value[1]) + _LOST
