"""`Activation`: scalar continuous piecewise-linear functions; `NeuronActivations`: a layer with several of them.

What a layer has as its activation, one of these two, answers the same questions. A *piece* is an index into its
``slopes`` and ``intercepts``: on it sigma(z) = slopes[i] z + intercepts[i]. A *unit* is a neuron with one breakpoint.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
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


@dataclass(frozen=True, eq=False)
class Activation:
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


@dataclass(frozen=True, eq=False)
class NeuronActivations:
    """A layer whose neurons have activations of their own: pass-through units beside ReLUs, PReLU, any mixture.

    ``Network(..., activation=[..., [one a neuron], ...])`` makes them; they are what its ``activations`` hold for such
    a layer. A neuron with `Activation.identity` passes its value on: it has no unit, cuts nothing and has no column in
    patterns.

    Parameters
    ----------
    kinds : sequence of Activation
        The different activations.
    which : array_like of ints, shape (n,)
        For each neuron the number of its kind.

    Raises
    ------
    InvalidInputError
        A kind is no `Activation`, or ``which`` names one that is not there.

    Examples
    --------
    >>> import specgeo as sg
    >>> layer = sg.NeuronActivations([sg.Activation.relu(), sg.Activation.identity()], [0, 1, 0])
    >>> layer([-1.0, -2.0, 3.0])
    array([ 0., -2.,  3.])
    """

    kinds: tuple[Activation, ...]
    which: IntArray

    def __post_init__(self) -> None:
        kinds = tuple(self.kinds) if isinstance(self.kinds, Iterable) else (self.kinds,)
        if not kinds or not all(isinstance(kind, Activation) for kind in kinds):
            raise InvalidInputError("kinds: pass a sequence of specgeo.Activation, at least one")
        which = np.asarray(self.which)
        named = which.ndim == 1 and which.size > 0 and which.dtype.kind in "iu"
        if not named or which.min() < 0 or which.max() >= len(kinds):
            raise InvalidInputError(
                f"which: pass one whole number from 0 to {len(kinds) - 1} for each neuron, the place of its activation "
                "in kinds"
            )
        which = which.astype(np.int64)
        which.setflags(write=False)
        object.__setattr__(self, "kinds", kinds)
        object.__setattr__(self, "which", which)

    @property
    def name(self) -> str:
        """Names of the kinds."""
        return "+".join(dict.fromkeys(kind.name for kind in self.kinds))

    def each(self, n: int) -> list[Activation]:
        """The activation of each of the n neurons."""
        return [self.kinds[k] for k in self.which.tolist()[:n]]

    @cached_property
    def starts(self) -> IntArray:
        """Where the pieces of each kind begin among all, shape (kinds + 1,)."""
        return np.concatenate(([0], np.cumsum([len(kind.slopes) for kind in self.kinds])))

    @cached_property
    def first(self) -> IntArray:
        """First piece of each neuron, shape (n,)."""
        return np.asarray(self.starts[self.which])

    @cached_property
    def breaks(self) -> IntArray:
        """Number of breakpoints of each neuron, shape (n,)."""
        return np.asarray(np.diff(self.starts)[self.which] - 1)

    @cached_property
    def breakpoints(self) -> FloatArray:
        """Breakpoints, kind after kind."""
        return np.concatenate([kind.breakpoints for kind in self.kinds])

    @cached_property
    def slopes(self) -> FloatArray:
        """Slopes of the pieces, kind after kind."""
        return np.concatenate([kind.slopes for kind in self.kinds])

    @cached_property
    def intercepts(self) -> FloatArray:
        """Values at 0 of the lines of the pieces, kind after kind."""
        return np.concatenate([kind.intercepts for kind in self.kinds])

    @cached_property
    def exact_intercepts(self) -> list[Fraction]:
        """The intercepts before they are rounded."""
        return [value for kind in self.kinds for value in kind.exact_intercepts]

    def units(self, n: int) -> Units:
        """The units of the layer, which has n neurons."""
        owners = np.repeat(np.arange(n), self.breaks)
        thresholds = np.concatenate([np.empty(0), *(kind.breakpoints for kind in self.each(n))])
        return Units(owners, np.arange(len(owners)) - (np.cumsum(self.breaks) - self.breaks)[owners], thresholds)

    def pieces_of(self, positive: npt.NDArray[np.bool_]) -> IntArray:
        """Pieces (..., n) by which units (..., n_units) are positive."""
        counts = np.zeros((*positive.shape[:-1], positive.shape[-1] + 1), dtype=np.int64)
        np.cumsum(positive, axis=-1, out=counts[..., 1:])
        stops = np.cumsum(self.breaks)
        return np.asarray(self.first + counts[..., stops] - counts[..., stops - self.breaks])

    @cached_property
    def _table(self) -> tuple[FloatArray, FloatArray]:
        """Breakpoints and jumps of the slope, (most breakpoints, n); inf and 0 where a neuron has fewer."""
        thresholds = np.full((int(self.breaks.max()), len(self.which)), np.inf)
        jumps = np.zeros_like(thresholds)
        for k, kind in enumerate(self.kinds):
            s, own = len(kind.breakpoints), self.which == k
            thresholds[:s, own], jumps[:s, own] = kind.breakpoints[:, None], np.diff(kind.slopes)[:, None]
        return thresholds, jumps

    def bends(self) -> Iterator[tuple[Any, Any]]:
        """As `Activation.bends`: arrays (n,), where neurons with fewer breakpoints have inf and 0."""
        return zip(*self._table, strict=True)

    @cached_property
    def steepest(self) -> FloatArray:
        """The largest size of a slope of each neuron, shape (n,)."""
        return np.array([kind.steepest for kind in self.kinds])[self.which]

    @cached_property
    def shift(self) -> FloatArray:
        """The largest size of an intercept of each neuron, shape (n,)."""
        return np.array([kind.shift for kind in self.kinds])[self.which]

    @property
    def rounds(self) -> bool:
        """False where no value is rounded: pieces are 0 or z itself."""
        return any(kind.rounds for kind in self.kinds)

    is_relu = False
    is_identity = False

    def pieces(self, z: npt.ArrayLike) -> IntArray:
        """Piece of each entry, the last axis being that of the neurons; a breakpoint is in the piece on its left."""
        values = self._checked(z)
        piece = np.broadcast_to(self.first, values.shape)
        for threshold, _ in self.bends():
            piece = piece + (values > threshold)
        return piece

    def __call__(self, z: npt.ArrayLike) -> FloatArray:
        """Apply to arrays whose last axis is that of the neurons."""
        values = self._checked(z)
        piece = self.pieces(values)
        slope = self.slopes[piece]
        with np.errstate(invalid="ignore"):  # what is infinite may be on a flat piece
            return np.asarray(np.where(slope == 0.0, 0.0, slope * values) + self.intercepts[piece])

    def _checked(self, z: npt.ArrayLike) -> FloatArray:
        values = as_floats(z, "z", finite=False)
        if values.shape[-1:] != self.which.shape:
            raise InvalidInputError(f"z: shape {values.shape} given; the last axis must have {len(self.which)} entries")
        return values


LayerActivation = Activation | NeuronActivations

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


def as_layer_activation(activation: Any, n: int, layer: int) -> LayerActivation:
    """The activation of a hidden layer of n neurons: one for all, or a sequence with one for each."""
    if isinstance(activation, NeuronActivations):
        each = activation.each(len(activation.which))
    elif isinstance(activation, (str, Activation)) or not isinstance(activation, Iterable):
        return as_activation(activation)
    else:
        each = [as_activation(a) for a in activation]
    if len(each) != n:
        raise InvalidInputError(
            f"activation[{layer}]: {len(each)} given for {n} neurons; pass one for each neuron, or one for all"
        )
    places: dict[Any, int] = {}
    which = [places.setdefault(_key(a), len(places)) for a in each]
    kinds = [each[which.index(k)] for k in range(len(places))]
    return kinds[0] if len(kinds) == 1 else NeuronActivations(tuple(kinds), np.array(which))


def _key(activation: Activation) -> tuple[Any, ...]:
    """What makes two activations the same."""
    a = activation
    return a.breakpoints.tobytes(), a.slopes.tobytes(), a.intercept, a.name
