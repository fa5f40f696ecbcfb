"""`Activation`: scalar continuous piecewise-linear functions.

What a hidden layer has as its activation, this or what `specgeo.layer_activations` has, answers the same questions. A
*piece* is an index into its ``slopes`` and ``intercepts``: on it sigma(z) = slopes[i] z + intercepts[i]. A *unit* is a
neuron with one breakpoint.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray, as_floats
from specgeo.errors import InvalidInputError

if TYPE_CHECKING:
    from fractions import Fraction


class Units(NamedTuple):
    """The units of a layer: neuron by neuron, breakpoint by breakpoint."""

    owners: IntArray  # (n_units,) the neuron of each
    breakpoints: IntArray  # (n_units,) which of the breakpoints of its activation
    thresholds: FloatArray  # (n_units,) that breakpoint


class Scalar:
    """A layer whose neurons each have their own output."""

    slopes: FloatArray

    def width(self, n: int) -> int:
        """Number of outputs of a layer of n neurons."""
        return n

    def select(self, z: npt.NDArray[Any], piece: IntArray) -> npt.NDArray[Any]:
        """The pre-activations (n_l, ...) that the outputs are pieces of, for pieces (width, ...)."""
        return z

    def scatter(self, rows: npt.NDArray[Any], piece: IntArray, n: int) -> npt.NDArray[Any]:
        """Rows (c, m, width) over outputs, on cells with pieces (c, width), as rows (c, m, n) over pre-activations."""
        return rows

    @property
    def stretch(self) -> float:
        """A Lipschitz constant of the layer, in the Euclidean norm."""
        return float(np.abs(self.slopes).max())


@dataclass(frozen=True, eq=False)
class Activation(Scalar):
    """A continuous scalar piecewise-linear activation.

    sigma(z) = slopes[0] * z + intercept left of the first breakpoint, and continues with slope
    ``slopes[i]`` between ``breakpoints[i - 1]`` and ``breakpoints[i]``.

    Parameters
    ----------
    breakpoints : array_like of floats, shape (s,)
        Strictly increasing. Empty for an affine layer (see `identity`).
    slopes : array_like of floats, shape (s + 1,)
        Neighbouring slopes differ.
    intercept : float
        Value at 0 of the line that the first piece lies on.
    name : str, optional
        For display.

    Raises
    ------
    InvalidInputError
        Breakpoints do not increase, neighbouring slopes are equal, shapes do not match, or `intercepts` overflow.

    Examples
    --------
    >>> from specgeo import Activation
    >>> hard_tanh = Activation([-1.0, 1.0], [0.0, 1.0, 0.0], intercept=-1.0)
    >>> hard_tanh([-3.0, 0.5, 7.0])
    array([-1. ,  0.5,  1. ])
    """

    breakpoints: FloatArray
    slopes: FloatArray
    intercept: float = 0.0
    name: str = "piecewise linear"

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise InvalidInputError(f"name: {self.name!r} given; pass a word")
        breakpoints = as_floats(self.breakpoints, "breakpoints", (None,)).copy()
        slopes = as_floats(self.slopes, "slopes", (len(breakpoints) + 1,)).copy()
        intercept = float(as_floats(self.intercept, "intercept", ()))
        if np.any(np.diff(breakpoints) <= 0):
            raise InvalidInputError("breakpoints: must increase strictly; sort them and drop duplicates")
        if np.any(np.diff(slopes) == 0):
            raise InvalidInputError("slopes: two neighbours are equal; drop the breakpoint between them")
        for array in (breakpoints, slopes):
            array.setflags(write=False)
        object.__setattr__(self, "breakpoints", breakpoints)
        object.__setattr__(self, "slopes", slopes)
        object.__setattr__(self, "intercept", intercept)
        try:
            self.intercepts.setflags(write=False)
        except OverflowError as error:
            raise InvalidInputError(
                "breakpoints, slopes: the line of some piece meets 0 beyond the largest float64; scale them down"
            ) from error

    @cached_property
    def intercepts(self) -> FloatArray:
        """Value at 0 of the line of each piece, shape (s + 1,): sigma = slopes[i] z + intercepts[i].

        Each is the exact sum of the steps (slopes[i - 1] - slopes[i]) * breakpoints[i - 1], rounded
        once: an inner piece through the origin (hard tanh) has intercept 0 and not a rounding error.
        """
        return np.array([float(v) for v in self.exact_intercepts])

    @cached_property
    def exact_intercepts(self) -> list[Fraction]:
        """The intercepts before they are rounded."""
        from fractions import Fraction

        value = Fraction(self.intercept)
        exact = [value]
        slopes = [Fraction(s) for s in self.slopes.tolist()]
        for i, t in enumerate(self.breakpoints.tolist()):
            value -= (slopes[i + 1] - slopes[i]) * Fraction(t)
            exact.append(value)
        return exact

    def pieces(self, z: npt.ArrayLike) -> IntArray:
        """Index of the piece that each entry lies on; a breakpoint belongs to the piece on its left."""
        return np.asarray(np.searchsorted(self.breakpoints, as_floats(z, "z", finite=False), side="left"))

    def each(self, n: int) -> list[Activation]:
        """The activation of each of n neurons."""
        return [self] * n

    def units(self, n: int) -> Units:
        """The units of a layer of n neurons with this activation."""
        breaks = len(self.breakpoints)
        return Units(np.repeat(np.arange(n), breaks), np.tile(np.arange(breaks), n), np.tile(self.breakpoints, n))

    def pieces_of(self, positive: npt.NDArray[np.bool_]) -> IntArray:
        """Pieces (..., n) by which units (..., n_units) are positive; (..., 1) for an affine layer of any width."""
        breaks = len(self.breakpoints)
        if breaks == 0:
            return np.zeros((*positive.shape[:-1], 1), dtype=np.int64)
        split = positive.reshape(*positive.shape[:-1], -1, breaks)
        return np.asarray(split.sum(axis=-1) if breaks > 1 else split[..., 0].astype(np.int64))

    def bends(self) -> Iterator[tuple[Any, Any]]:
        """Breakpoints, and by how much the slope grows there: numbers, or arrays with one entry a neuron."""
        return zip(self.breakpoints, np.diff(self.slopes), strict=True)

    def positive(self, z: FloatArray) -> npt.NDArray[np.bool_]:
        """Which units are positive at pre-activations (..., n): (..., n_units)."""
        units = self.units(z.shape[-1])
        return np.asarray(z[..., units.owners] > units.thresholds)

    def spread(self, sizes: FloatArray) -> FloatArray:
        """Bounds (width, ...) on how outputs change, from those (n, ...) on how pre-activations do."""
        return np.asarray(self.steepest * sizes)

    @property
    def steepest(self) -> Any:
        """The largest size of a slope: a number, or an array with one entry a neuron."""
        return np.abs(self.slopes).max()

    @property
    def shift(self) -> Any:
        """The largest size of an intercept, in the same form."""
        return np.abs(self.intercepts).max()

    @cached_property
    def rounds(self) -> bool:
        """False where no value is rounded: pieces are 0 or z itself."""
        return bool(np.any((self.slopes != 0.0) & (self.slopes != 1.0)) or np.any(self.intercepts))

    def __call__(self, z: npt.ArrayLike) -> FloatArray:
        """Apply to each entry."""
        values = as_floats(z, "z", finite=False)
        if self.is_relu:
            return np.asarray(np.maximum(values, 0.0))
        if self.is_identity:
            return values
        piece = self.pieces(values)
        return np.asarray(self.slopes[piece] * values + self.intercepts[piece])

    @property
    def is_relu(self) -> bool:
        """True for max(z, 0)."""
        return self.breakpoints.tolist() == [0.0] and self.slopes.tolist() == [0.0, 1.0] and self.intercept == 0.0

    @property
    def is_identity(self) -> bool:
        """True for the activation of an affine layer, sigma(z) = z."""
        return len(self.breakpoints) == 0 and float(self.slopes[0]) == 1.0 and self.intercept == 0.0

    @staticmethod
    @cache
    def relu() -> Activation:
        """max(z, 0)."""
        return Activation(np.array([0.0]), np.array([0.0, 1.0]), 0.0, "relu")

    @staticmethod
    @cache
    def identity() -> Activation:
        """z itself: the layer is affine and cuts nothing."""
        return Activation(np.empty(0), np.array([1.0]), 0.0, "identity")

    @staticmethod
    def leaky_relu(slope: float = 0.01) -> Activation:
        """z for z > 0, ``slope * z`` otherwise."""
        return Activation(np.array([0.0]), np.array([as_floats(slope, "slope", ()), 1.0]), 0.0, "leaky_relu")

    @staticmethod
    def abs() -> Activation:
        """``|z|``."""
        return Activation(np.array([0.0]), np.array([-1.0, 1.0]), 0.0, "abs")

    @staticmethod
    def clip(lower: float = -1.0, upper: float = 1.0) -> Activation:
        """min(max(z, lower), upper); the default is the hard tanh. An infinite bound is no bound."""
        lower, upper = (
            float(as_floats(bound, name, (), finite=False)) for bound, name in ((lower, "lower"), (upper, "upper"))
        )
        if not lower < upper:
            raise InvalidInputError(f"lower, upper: {lower} and {upper} given; lower must be less than upper")
        low, high = math.isfinite(lower), math.isfinite(upper)
        return Activation(
            np.array([lower] * low + [upper] * high),
            np.array([0.0] * low + [1.0] + [0.0] * high),
            lower if low else 0.0,
            "clip" if low or high else "identity",
        )


_NAMED: dict[str, Callable[[], Activation]] = {
    "relu": Activation.relu,
    "leaky_relu": Activation.leaky_relu,
    "abs": Activation.abs,
    "hard_tanh": Activation.clip,
    "identity": Activation.identity,
}


def as_activation(activation: str | Activation) -> Activation:
    """An `Activation` from its name, or the activation itself."""
    if isinstance(activation, Activation):
        return activation
    if not isinstance(activation, str) or activation not in _NAMED:
        raise InvalidInputError(
            f"activation: {activation!r} is not known; use one of {sorted(_NAMED)} "
            "or specgeo.Activation(breakpoints, slopes)"
        )
    return _NAMED[activation]()
