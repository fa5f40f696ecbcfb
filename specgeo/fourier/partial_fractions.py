"""Partial fractions of transforms along a ray: sums over simplices as powers of 1/t times exponentials.

A simplex seen along u is its offsets s = u.v. Its transform is a divided difference of exp at -i t s_0, -i t s_1, ..,
with repeated nodes where a face is orthogonal to u; in partial fractions it is a sum of t^-power e^{-i t s_q}.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np

from specgeo._cast import ComplexArray, FloatArray, IntArray
from specgeo._display import Shown
from specgeo._double import UNIT_ROUNDOFF
from specgeo._limits import check_time
from specgeo.fourier.forms import Term

SAME_OFFSET = 16 * UNIT_ROUNDOFF  # offsets closer than this, relative to the largest |v|, are one: rounding of u.v
VANISHING = 64 * UNIT_ROUNDOFF  # a coefficient below this share of its terms' sizes is a cancellation: zero


@dataclass(frozen=True, eq=False)
class DirectionalClass(Shown):
    """The terms t^-power sum_q a_q e^{-i t s_q} of one codimension class n.

    Attributes
    ----------
    n : int
        Codimension of the faces orthogonal to u, 1..d; for functions 0 is walls of the domain (cut functions only).
    power : int
        n + 1 for functions, n for the indicator of a polytope.
    offsets : (q,)
        s_q, increasing.
    coefficients : (q, m)
        a_q.
    sizes : (q, m)
        Sum of the absolute values of the contributions to a_q: 1e-16 of it is the rounding of a_q.
    """

    n: int
    power: int
    offsets: FloatArray
    coefficients: ComplexArray
    sizes: FloatArray

    @property
    def mean_square(self) -> FloatArray:
        """Mean over t of |sum_q a_q e^{-i t s_q}|^2, which is sum |a_q|^2: shape (m,)."""
        return np.asarray((np.abs(self.coefficients) ** 2).sum(axis=0))

    @property
    def supremum(self) -> FloatArray:
        """Bound sum |a_q| on the modulus of the sum, for every t: shape (m,)."""
        return np.asarray(np.abs(self.coefficients).sum(axis=0))


class Offsets:
    """Offsets of points along a direction, those that rounding may have told apart merged into one.

    ``values`` (q,) ascending; ``merged``: how far one was moved, at most.
    """

    def __init__(self, offsets: FloatArray, radius: float) -> None:
        ordered = np.unique(offsets)
        fresh = np.ones(len(ordered), dtype=bool)
        fresh[1:] = np.diff(ordered) > SAME_OFFSET * max(radius, 1e-300)
        starts = np.flatnonzero(fresh)
        self._starts = ordered[starts]
        counts = np.diff(np.append(starts, len(ordered)))
        self.values = np.add.reduceat(ordered, starts) / counts if len(starts) else ordered
        self.merged = float(np.abs(ordered - np.repeat(self.values, counts)).max(initial=0.0))

    def number(self, offsets: FloatArray) -> IntArray:
        """Which of the merged offsets each of the given ones belongs to."""
        return np.asarray(np.searchsorted(self._starts, offsets, side="right") - 1)


class Bins:
    """Coefficients gathered by offset (a bin each) and power of 1/t, from 0 to ``highest``."""

    def __init__(self, offsets: FloatArray, highest: int, n_outputs: int) -> None:
        self.offsets = offsets
        shape = (highest + 1, len(offsets), n_outputs)
        self._sums = np.zeros(shape, dtype=np.complex128)
        self._sizes = np.zeros(shape)

    def add(self, term: Term, bins: IntArray, power: int, factor: complex) -> None:
        """Add factor * t^-power * (the term's sum); ``bins`` (n_s, j + 1) are those of the simplices' corners."""
        if len(term) == 0:
            return
        scale = factorial(term.simplices.shape[1] - 1) * term.measures[:, None]
        if term.weights is not None:
            self.add_differences(bins, scale * term.weights, power, factor)
        if term.values is not None:
            for corner in range(bins.shape[1]):  # the node of each vertex once more
                repeated = np.concatenate([bins, bins[:, corner, None]], axis=1)
                self.add_differences(repeated, scale * term.values[:, corner], power, factor)

    def add_differences(self, ids: IntArray, weights: FloatArray, power: int, factor: complex) -> None:
        """Add divided differences of exp in partial fractions: e^{-i t s_a} (-i t)^{r - j} H_{m_a - 1 - r} / r!."""
        check_time()
        j = ids.shape[1] - 1
        same = ids[:, :, None] == ids[:, None, :]
        multiplicity = same.sum(axis=2)
        gaps = self.offsets[ids][:, :, None] - self.offsets[ids][:, None, :]
        inverse = np.where(same, 0.0, 1.0 / np.where(same, 1.0, gaps))
        for i in range(j + 1):
            leads = ~np.any(same[:, i, :i], axis=1)
            residues = _taylor_of_product(inverse[:, i], multiplicity[:, i].max(initial=1))
            for r in range(j + 1):
                rows = np.flatnonzero(leads & (multiplicity[:, i] > r))
                if len(rows) == 0:
                    continue
                share = residues[rows, multiplicity[rows, i] - 1 - r] / factorial(r)
                phase = factor * (1j) ** (j - r)  # (-i)^{r - j}
                self._store(power + j - r, ids[rows, i], share[:, None] * weights[rows], phase)

    def _store(self, power: int, where: IntArray, real: FloatArray, phase: complex) -> None:
        for output in range(real.shape[1]):
            count = self._sums.shape[1]
            self._sums[power, :, output] += phase * np.bincount(where, real[:, output], minlength=count)
            self._sizes[power, :, output] += np.bincount(where, np.abs(real[:, output]), minlength=count)

    def sums(self) -> tuple[ComplexArray, FloatArray, FloatArray]:
        """Coefficients (p, q, m), 0 where they vanish by cancellation; sizes; what vanished, with its rounding."""
        present = np.abs(self._sums) > VANISHING * self._sizes
        dropped = np.where(present, 0.0, np.abs(self._sums) + 16 * UNIT_ROUNDOFF * self._sizes)
        return np.where(present, self._sums, 0.0), self._sizes, dropped

    def classes(self, shift: int) -> tuple[tuple[DirectionalClass, ...], FloatArray]:
        """The classes that are not empty, by power (n + shift), and the sum of what vanishes for each power."""
        found = []
        sums, sizes, dropped = self.sums()
        for power in range(len(sums)):
            kept = np.any(sums[power] != 0, axis=1)
            if np.any(kept):
                part = DirectionalClass(power - shift, power, self.offsets[kept], sums[power, kept], sizes[power, kept])
                found.append(part)
        return tuple(found), dropped.sum(axis=1)


def _taylor_of_product(inverse: FloatArray, count: int) -> FloatArray:
    """Taylor coefficients H_0.. (n_s, count) of prod_b (gap_b + x)^-1 at x = 0; ``inverse`` 1/gap_b, 0 = no factor."""
    result = np.empty((len(inverse), count))
    result[:, 0] = np.prod(np.where(inverse == 0, 1.0, inverse), axis=1)
    powers = [-((-1.0) ** p) * (inverse ** (p + 1)).sum(axis=1) for p in range(count - 1)]
    for q in range(1, count):
        result[:, q] = sum(powers[p] * result[:, q - 1 - p] for p in range(q)) / q
    return result
