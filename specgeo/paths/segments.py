"""A network along a segment or a polyline: a piecewise-linear curve with a proved error.

Notation: the segment is x(t) = (1 - t) p + t q, 0 <= t <= 1. All pre-activations are
continuous and piecewise affine in t. The walker goes through the network layer by layer and
keeps

    t_0 < ... < t_N    a grid that holds a breakpoint near every kink met so far,
    A[i, j]            values at t_i; A_j(t) is their piecewise-linear interpolant,
    e[j]               a proved bound of sup_t |a_j(t) - A_j(t)|, a_j the exact function.

No sign has to be right for the bound to hold: where a kink was not met exactly, the
interpolant misses the activation by at most (jump of slope) * min(|S_i|, |S_(i+1)|), S the
distances to the breakpoint at the two ends, and that is added to e. So the error is proved for
every network, degenerate ones included, in any input dimension; its size is a few rounding
errors times the sums of absolute weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import FloatArray, as_floats
from specgeo._display import Shown
from specgeo._double import SUBNORMAL, UNIT_ROUNDOFF
from specgeo._running_error import OUTWARD, activate, affine
from specgeo._tournament import lowered
from specgeo.activation import Activation
from specgeo.errors import InvalidInputError
from specgeo.layer_activations import NeuronActivations
from specgeo.network import Network
from specgeo.results import axes

# Rounding of one interpolation Z_i + lambda (Z_(i+1) - Z_i) in units of u * max|Z|: lambda carries
# 3 roundings, the difference (at most 2 max|Z|) one, the product and the sum one each: 2 * 5 + 1 = 11.
_INTERPOLATION = 16.0


@dataclass(frozen=True, eq=False)
class Trace(Shown):
    """A network along one segment.

    Attributes
    ----------
    parameters : ndarray, shape (n,)
        Increasing, from 0 to 1: the grid t_i.
    hidden : ndarray, shape (n, n_L)
        Values of the last hidden layer (of the input, where there is none) at the grid points.
    hidden_error : ndarray, shape (n_L,)
        Proved bound, for every t, of the distance between the hidden layer and the interpolant.
    values : ndarray, shape (n, m)
        Network outputs at the grid points.
    error : ndarray, shape (m,)
        Proved bound, for every t, of the distance between the outputs and the interpolant.
    """

    parameters: FloatArray
    hidden: FloatArray
    hidden_error: FloatArray
    values: FloatArray
    error: FloatArray

    def __len__(self) -> int:
        """Number of grid points."""
        return len(self.parameters)

    def plot(self, ax: Any = None) -> Any:
        """The outputs along the segment; returns the matplotlib axes."""
        ax = axes(ax)
        for output, values in enumerate(self.values.T):
            ax.plot(self.parameters, values, ".-", ms=4, label=f"f[{output}]")
        if self.values.shape[1] > 1:
            ax.legend()
        ax.set(xlabel="t, from start (0) to stop (1)", ylabel="f" if self.values.shape[1] == 1 else "outputs")
        return ax


@checked
@np.errstate(over="ignore", invalid="ignore")  # a bound that is not finite proves nothing
def trace_segment(net: Network, start: npt.ArrayLike, stop: npt.ArrayLike) -> Trace:
    """Outputs of a network along a segment, exactly up to a proved rounding error.

    Parameters
    ----------
    net : Network
        Any piecewise-linear activations, any input dimension d.
    start, stop : array_like, shape (d,)
        End points; they may coincide.

    Returns
    -------
    Trace

    Raises
    ------
    InvalidInputError
        No network; an end point has the wrong shape or is not finite.

    Notes
    -----
    theory A.9.9: on a segment all outputs are piecewise linear with the network's breakpoints.
    Cost: one forward pass for each breakpoint of the layer before.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.paths import trace_segment
    >>> hat = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> trace = trace_segment(hat, [-2.0], [2.0])
    >>> trace.parameters
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    >>> trace.values[:, 0]
    array([0., 0., 1., 0., 0.])
    >>> bool(trace.error[0] < 1e-13)
    True
    """
    p = as_floats(start, "start", (net.input_dim,))
    q = as_floats(stop, "stop", (net.input_dim,))
    grid, a, error = np.array([0.0, 1.0]), np.stack((p, q)), np.zeros(net.input_dim)
    weights, biases, activations, _ = lowered(net.layers)  # maxima bend where members meet that lose, too
    for weight, bias, activation in zip(weights[:-1], biases[:-1], activations, strict=True):
        z, error = affine(a, error, weight, bias)
        grid, z, error = _refine(grid, z, error, activation)
        a, error = _activate(z, error, activation)
    values, output_error = affine(a, error, weights[-1], biases[-1])
    return Trace(grid, a, error, values, output_error)


@np.errstate(over="ignore", invalid="ignore")
def output_differences(net: Network, trace: Trace, label: int) -> tuple[FloatArray, FloatArray]:
    """Margins f_label - f_j along a segment for all j != label, with their own error bounds.

    Taken from the last hidden layer by the difference of the two output rows, so that errors
    common to both outputs cancel. Returns values (n, m - 1) and bounds (m - 1,).
    """
    others = np.delete(np.arange(net.output_dim), label)
    weights, biases, *_ = lowered(net.layers)
    weight, bias = weights[-1], biases[-1]
    rows = weight[label] - weight[others]
    shift = bias[label] - bias[others]
    values, error = affine(trace.hidden, trace.hidden_error, rows, shift)
    # The differences are rounded once: at most u |row| and u |shift| away from the exact ones.
    size = np.abs(trace.hidden).max(axis=0) + trace.hidden_error
    return values, (error + UNIT_ROUNDOFF * (np.abs(rows) @ size + np.abs(shift))) * OUTWARD


def as_polyline(vertices: npt.ArrayLike, dim: int) -> FloatArray:
    """Vertices (n, d) of a polyline, n >= 2, from an array or a `specgeo.Polyline`."""
    for name in ("points", "vertices"):
        if hasattr(vertices, name):
            vertices = getattr(vertices, name)
            break
    points = as_floats(vertices, "vertices", (None, dim))
    if len(points) < 2:
        raise InvalidInputError(f"vertices: {len(points)} given; a polyline needs at least two")
    return points


def _refine(
    grid: FloatArray, z: FloatArray, error: FloatArray, activation: Activation | NeuronActivations
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Insert a grid point where an interpolated pre-activation meets a breakpoint of the activation."""
    places, intervals = [np.empty(0)], [np.empty(0, np.int64)]
    for breakpoint_, _ in activation.bends():
        s = z - breakpoint_
        i, j = np.nonzero(_crosses(s))
        share = s[i, j] / (s[i, j] - s[i + 1, j])
        t = grid[i] + share * (grid[i + 1] - grid[i])
        inside = (t > grid[i]) & (t < grid[i + 1])
        places.append(t[inside])
        intervals.append(i[inside])
    t, first = np.unique(np.concatenate(places), return_index=True)
    if len(t) == 0:
        return grid, z, error
    i = np.concatenate(intervals)[first]
    share = (t - grid[i]) / (grid[i + 1] - grid[i])
    new = z[i] + share[:, None] * (z[i + 1] - z[i])
    order = np.argsort(np.concatenate((grid, t)), kind="stable")
    rounding = _INTERPOLATION * UNIT_ROUNDOFF * np.abs(z).max(axis=0) + 4 * SUBNORMAL
    refined = np.concatenate((z, new))[order]
    return np.concatenate((grid, t))[order], refined, (error + rounding) * OUTWARD


def _activate(
    z: FloatArray, error: FloatArray, activation: Activation | NeuronActivations
) -> tuple[FloatArray, FloatArray]:
    """Activation at the grid points, and sup_t of the distance of its interpolant to the exact function."""
    missed = np.zeros(z.shape[1])
    for breakpoint_, jump in activation.bends():
        s = z - breakpoint_
        nearest = np.minimum(np.abs(s[:-1]), np.abs(s[1:]))
        missed += np.abs(jump) * np.where(_crosses(s), nearest, 0.0).max(axis=0)
    values, bound = activate(z, error, activation)
    return values, (bound + missed) * OUTWARD


def _crosses(s: FloatArray) -> npt.NDArray[np.bool_]:
    """True where two neighbours in the grid lie strictly on different sides of zero."""
    return np.asarray(((s[:-1] < 0) & (s[1:] > 0)) | ((s[:-1] > 0) & (s[1:] < 0)))
