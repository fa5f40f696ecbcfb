"""`Network`: affine layers and scalar piecewise-linear activations.

Notation, used everywhere: a network with L hidden layers maps x = a_0 through
z_l = W_l a_{l-1} + b_l and a_l = sigma_l(z_l), l = 1..L, to f = W_{L+1} a_L + b_{L+1}.
``d`` inputs, ``m`` outputs, ``n_l`` neurons in hidden layer l.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, as_floats, as_points
from specgeo.errors import InvalidInputError


@dataclass(frozen=True, eq=False)
class Activation:
    """A continuous scalar piecewise-linear activation.

    sigma(z) = slopes[0] * z + intercept left of the first breakpoint, and continues with slope
    ``slopes[i]`` between ``breakpoints[i - 1]`` and ``breakpoints[i]``.

    Parameters
    ----------
    breakpoints : array_like of floats, shape (s,)
        Strictly increasing.
    slopes : array_like of floats, shape (s + 1,)
        Neighbouring slopes differ.
    intercept : float
        Value at 0 of the line that the first piece lies on.
    name : str, optional
        For display.

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
        breakpoints = as_floats(self.breakpoints, "breakpoints", (None,))
        slopes = as_floats(self.slopes, "slopes", (len(breakpoints) + 1,))
        intercept = float(as_floats(self.intercept, "intercept", ()))
        if np.any(np.diff(breakpoints) <= 0):
            raise InvalidInputError("breakpoints: must increase strictly; sort them and drop duplicates")
        if np.any(np.diff(slopes) == 0):
            raise InvalidInputError("slopes: two neighbours are equal; drop the breakpoint between them")
        object.__setattr__(self, "breakpoints", breakpoints)
        object.__setattr__(self, "slopes", slopes)
        object.__setattr__(self, "intercept", intercept)

    @property
    def intercepts(self) -> FloatArray:
        """Value at 0 of the line of each piece, shape (s + 1,): sigma = slopes[i] z + intercepts[i]."""
        steps = -np.diff(self.slopes) * self.breakpoints
        return np.asarray(np.concatenate(([self.intercept], self.intercept + np.cumsum(steps))))

    def __call__(self, z: npt.ArrayLike) -> FloatArray:
        """Apply to each entry."""
        values = np.asarray(z, dtype=np.float64)
        piece = np.searchsorted(self.breakpoints, values, side="left")
        return np.asarray(self.slopes[piece] * values + self.intercepts[piece])

    @property
    def is_relu(self) -> bool:
        """True for max(z, 0)."""
        return (
            self.breakpoints.tolist() == [0.0] and self.slopes.tolist() == [0.0, 1.0] and self.intercept == 0.0
        )

    @staticmethod
    def relu() -> Activation:
        """max(z, 0)."""
        return Activation(np.array([0.0]), np.array([0.0, 1.0]), 0.0, "relu")

    @staticmethod
    def leaky_relu(slope: float = 0.01) -> Activation:
        """z for z > 0, ``slope * z`` otherwise."""
        return Activation(np.array([0.0]), np.array([slope, 1.0]), 0.0, "leaky_relu")

    @staticmethod
    def abs() -> Activation:
        """|z|."""
        return Activation(np.array([0.0]), np.array([-1.0, 1.0]), 0.0, "abs")

    @staticmethod
    def clip(lower: float = -1.0, upper: float = 1.0) -> Activation:
        """min(max(z, lower), upper); the default is the hard tanh."""
        return Activation(np.array([lower, upper]), np.array([0.0, 1.0, 0.0]), lower, "clip")


_NAMED = {
    "relu": Activation.relu,
    "leaky_relu": Activation.leaky_relu,
    "abs": Activation.abs,
    "hard_tanh": Activation.clip,
}


def _as_activation(activation: str | Activation) -> Activation:
    if isinstance(activation, Activation):
        return activation
    if activation not in _NAMED:
        raise InvalidInputError(
            f"activation: {activation!r} is not known; use one of {sorted(_NAMED)} or specgeo.Activation(breakpoints, slopes)"
        )
    return _NAMED[activation]()


class Network:
    """A feed-forward network with piecewise-linear activations, float64 throughout.

    Parameters
    ----------
    weights : sequence of array_like or scipy.sparse, shapes (n_1, d), (n_2, n_1), ..., (m, n_L)
        float32 and smaller types are widened exactly.
    biases : sequence of array_like, shapes (n_1,), ..., (m,)
    activation : str, Activation, or a sequence of these with one per hidden layer
        ``"relu"`` (default), ``"leaky_relu"``, ``"abs"``, ``"hard_tanh"`` or an `Activation`.

    Raises
    ------
    InvalidInputError
        Shapes do not chain, or an entry is NaN or infinite.

    Examples
    --------
    >>> import specgeo as sg
    >>> tent = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> tent([[0.0], [0.5], [2.0]])
    array([[1. ],
           [0.5],
           [0. ]])
    """

    weights: tuple[FloatArray, ...]
    biases: tuple[FloatArray, ...]
    activations: tuple[Activation, ...]

    def __init__(
        self,
        weights: Sequence[Any],
        biases: Sequence[npt.ArrayLike],
        activation: str | Activation | Sequence[str | Activation] = "relu",
    ) -> None:
        if len(weights) == 0 or len(weights) != len(biases):
            raise InvalidInputError(
                f"weights, biases: {len(weights)} and {len(biases)} layers given; pass one bias vector for each of at least one weight matrix"
            )
        matrices: list[FloatArray] = []
        vectors: list[FloatArray] = []
        for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            dense = weight.toarray() if hasattr(weight, "toarray") else weight
            matrix = as_floats(dense, f"weights[{layer}]", (None, matrices[-1].shape[0] if matrices else None))
            if 0 in matrix.shape:
                raise InvalidInputError(f"weights[{layer}]: shape {matrix.shape} has an empty axis; drop the layer")
            matrices.append(matrix)
            vectors.append(as_floats(bias, f"biases[{layer}]", (matrix.shape[0],)))
        hidden = len(matrices) - 1
        each = [activation] * hidden if isinstance(activation, (str, Activation)) else list(activation)
        if len(each) != hidden:
            raise InvalidInputError(f"activation: {len(each)} given for {hidden} hidden layers; pass one for each")
        for array in (*matrices, *vectors):
            array.setflags(write=False)
        self.weights = tuple(matrices)
        self.biases = tuple(vectors)
        self.activations = tuple(_as_activation(a) for a in each)

    @property
    def input_dim(self) -> int:
        """Number of inputs d."""
        return int(self.weights[0].shape[1])

    @property
    def output_dim(self) -> int:
        """Number of outputs m."""
        return int(self.weights[-1].shape[0])

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        """Neurons of each hidden layer (n_1, ..., n_L)."""
        return tuple(int(w.shape[0]) for w in self.weights[:-1])

    def __call__(self, x: npt.ArrayLike) -> FloatArray:
        """Values f(x): (..., d) -> (..., m)."""
        a = as_points(x, "x", self.input_dim)
        for weight, bias, activation in zip(self.weights[:-1], self.biases[:-1], self.activations, strict=True):
            z = a @ weight.T + bias
            a = np.maximum(z, 0.0) if activation.is_relu else activation(z)
        return np.asarray(a @ self.weights[-1].T + self.biases[-1])

    def __repr__(self) -> str:
        widths = "-".join(str(n) for n in (self.input_dim, *self.hidden_widths, self.output_dim))
        names = sorted({a.name for a in self.activations})
        return f"Network({widths}, {', '.join(names) or 'affine'})"
