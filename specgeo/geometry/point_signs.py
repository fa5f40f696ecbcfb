"""Signs of the units of a network at points: proved by floats where these tell, else by integers."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray
from specgeo._codec import Layers
from specgeo._running_error import activate, affine
from specgeo.geometry.arrays import Flags
from specgeo.geometry.integer_network import IntegerNetwork, integer_rows
from specgeo.layer_activations import MaxGroups

_CHUNK = 1 << 19  # pre-activations at a time: they stay in cache
_EXACT_CHUNK = 1 << 10  # points at a time in integers


class PointSigns:
    """Signs of all units at binary64 points, which are taken as they are.

    Parameters
    ----------
    layers : Layers
    """

    def __init__(self, layers: Layers) -> None:
        self._given = layers
        self._layers = list(zip(layers.weights[:-1], layers.biases[:-1], layers.activations, strict=True))

    @cached_property
    def _integers(self) -> IntegerNetwork:
        return IntegerNetwork(self._given)

    def chunks(self, n: int) -> Iterator[slice]:
        """Slices of n points."""
        widest = max((len(bias) for _, bias, _ in self._layers), default=1)
        step = max(64, _CHUNK // widest)
        return (slice(start, min(start + step, n)) for start in range(0, n, step))

    def decided(self, x: FloatArray, displaced: float = 0.0) -> tuple[Flags, Flags]:
        """Where a unit is proved positive and where negative, (n, n_units) each: a bound exceeds the rounding.

        The proof holds for all points whose coordinates are within ``displaced`` of x.
        """
        above, below = [np.zeros((len(x), 0), np.bool_)], [np.zeros((len(x), 0), np.bool_)]
        a, error = x, np.full(x.shape[1], displaced)
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is undecided
            for weight, bias, activation in self._layers:
                z, error = affine(a, error, weight, bias)
                if isinstance(activation, MaxGroups):
                    for found, flags in zip((above, below), _compared(z, error, activation), strict=True):
                        found.append(flags)
                    a, error = activate(z, error, activation)
                    continue
                height, doubt, units = z, error, activation.units(len(bias))
                if units.thresholds.any() or len(units.owners) != len(bias):
                    height = z[:, units.owners] - units.thresholds
                    doubt = error[units.owners] * (1.0 + 2.0**-50)
                above.append(height > doubt)
                below.append(height < -doubt)
                a, error = activate(z, error, activation)
        return np.concatenate(above, axis=1), np.concatenate(below, axis=1)

    def exact(self, x: FloatArray) -> npt.NDArray[np.int8]:
        """The signs themselves, (n, n_units): integer arithmetic, about a millisecond for each point."""
        parts = [np.zeros((0, sum(len(a.units(len(b)).owners) for _, b, a in self._layers)), np.int8)]
        for start in range(0, len(x), _EXACT_CHUNK):
            parts.append(self._integers.signs_at(*integer_rows(x[start : start + _EXACT_CHUNK])))
        return np.concatenate(parts)


def _compared(z: FloatArray, error: FloatArray, groups: MaxGroups) -> tuple[Flags, Flags]:
    """Which members of groups are proved to be larger than all others, and which to be smaller than one."""
    low, high = (z - error)[:, groups.members], (z + error)[:, groups.members]
    top = np.maximum.reduceat(low, groups.starts, axis=1)[:, groups.owners]
    below = high < top * (1.0 - np.sign(top) * 2.0**-50)  # the differences round
    beaten = np.add.reduceat(below, groups.starts, axis=1, dtype=np.int64)[:, groups.owners]
    above = ~below & (beaten == groups.sizes[groups.owners] - 1)
    return above[:, groups.competing], below[:, groups.competing]


def inside(domain: Any, x: FloatArray) -> Flags:
    """Which points lie in a box or polytope, its boundary included, exactly."""
    if hasattr(domain, "lower"):
        return np.asarray(np.all((domain.lower <= x) & (x <= domain.upper), axis=1))
    with np.errstate(over="ignore", invalid="ignore"):
        slack, doubt = affine(x, np.zeros(x.shape[1]), -domain.A, domain.b)
    within = np.all(slack > doubt, axis=1)
    rows = [([Fraction(v) for v in a], Fraction(b)) for a, b in zip(domain.A.tolist(), domain.b.tolist(), strict=True)]
    for i in np.flatnonzero(~within & ~np.any(slack < -doubt, axis=1)).tolist():
        point = [Fraction(v) for v in x[i].tolist()]
        within[i] = all(sum((v * w for v, w in zip(a, point, strict=True)), -b) <= 0 for a, b in rows)
    return np.asarray(within)
