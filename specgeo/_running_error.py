"""Running error of a forward pass: the values of a network with a proved bound of what rounding did to them.

Notation: u = 2^-53, a^ the computed and a the exact inputs of a layer with |a^ - a| <= e. The sum of
W a^ + b over the n numbers of a row that are not zero, in whatever order a BLAS takes them and with or
without fused operations, is off by at most gamma_n (|W||a^| + |b|), gamma_n = n u / (1 - n u), plus
2^-1075 for each product that underflows (Higham, Accuracy and Stability, 3.1 and 4.2). Hence

    |z^ - z| <= |W| e + gamma_n (|W||a^| + |b|) + n 2^-1074,

and an activation passes on the error of its argument times its steepest slope. The bound is itself a sum of
terms >= 0 in floating point, rounded up.

The bound is had in two forms. `values_with_error` takes it point by point, with the steepest slope within the
error of each: 0 for a ReLU that is dead for certain. `affine`, `activate` and `forward` take one bound for all
rows of a batch, with the largest |a^|: it costs one product with |W| for each layer, not one for each point.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, as_points
from specgeo._double import SUBNORMAL, UNIT_ROUNDOFF
from specgeo._sparse import Matrix, filled
from specgeo.layer_activations import LayerActivation, MaxGroups
from specgeo.network import Network

# The bounds are evaluated by sums of non-negative terms: a relative error of at most (width + 10) u for
# each layer. One part in 2^20 covers every width below 2^30.
OUTWARD = 1.0 + 2.0**-20


def values_with_error(
    net: Network, x: npt.ArrayLike, input_error: npt.ArrayLike = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Values f(x), and a bound of their distance to those of exact arithmetic.

    Parameters
    ----------
    net : Network
    x : array_like of floats, shape (..., d)
    input_error : array_like of floats, broadcast to the shape of x
        What the points may themselves be off by, 0 or more.

    Returns
    -------
    values : ndarray, shape (..., m)
        Those of ``net(x)``; not finite where the pass overflows.
    error : ndarray, shape (..., m)
        |values - f(y)| is at most this for every y with |y - x| <= input_error, in each coordinate;
        infinite where the pass, or the bound, overflows.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1e-6]], [[1.0]]], [[1.0], [-1.0]])        # 1e-6 x, through the number 1
    >>> value, error = values_with_error(net, [0.3])
    >>> bool(1e-17 < abs(value[0] - 3e-7) < error[0] < 1e-15)
    True
    """
    a = as_points(x, "x", net.input_dim)
    error: FloatArray = np.broadcast_to(np.asarray(input_error, dtype=np.float64), a.shape)
    with np.errstate(all="ignore"):
        for weight, bias, activation in zip(net.weights[:-1], net.biases[:-1], net.activations, strict=True):
            z, error = a @ weight.T + bias, affine_error(np.abs(a), error, weight, bias)
            a, error = activation(z), activation_error(z, error, activation)
        weight, bias = net.weights[-1], net.biases[-1]
        values, error = np.asarray(a @ weight.T + bias), affine_error(np.abs(a), error, weight, bias)
    return values, np.where(np.isfinite(values) & np.isfinite(error), error, np.inf)


def affine_error(size: FloatArray, error: FloatArray, weight: Matrix, bias: FloatArray) -> FloatArray:
    """Bound (..., n_out) of the error of the computed W a + b, |a| <= size (..., n_in) being off by ``error``."""
    magnitude = np.abs(weight)
    terms = filled(weight) + np.count_nonzero(bias[:, None], axis=1)
    gamma = terms * UNIT_ROUNDOFF / (1.0 - terms * UNIT_ROUNDOFF)
    rounding = gamma * (size @ magnitude.T + np.abs(bias)) + 4 * terms * SUBNORMAL
    bound = (error @ magnitude.T + rounding) * OUTWARD
    return np.where(np.isnan(bound), np.inf, bound)  # 0 * inf: nothing is known any more


def activation_error(z: FloatArray, error: FloatArray, activation: LayerActivation) -> FloatArray:
    """Bound of the error of the computed sigma(z), where z is off by at most ``error``."""
    if activation.is_identity:
        return error
    if isinstance(activation, MaxGroups):  # a maximum changes no more than the member that changes most
        return activation(error)
    slopes = np.abs(activation.slopes)
    # A breakpoint belongs to the piece on its left, so the upper end is moved by what its sum may be rounded down.
    first, last = activation.pieces(z - error), activation.pieces(np.nextafter(z + error, np.inf))
    steepest = np.where(first == last, slopes[first], activation.steepest)
    passed = np.where(steepest > 0, steepest * error, 0.0)
    if not activation.rounds:
        return passed
    piece = activation.pieces(z)
    # slope * z + intercept: two roundings, and the intercept's own
    rounding = 4 * UNIT_ROUNDOFF * (slopes[piece] * np.abs(z) + np.abs(activation.intercepts[piece]))
    return np.asarray((passed + rounding) * OUTWARD + 4 * SUBNORMAL)


def affine(a: FloatArray, error: FloatArray, weight: Matrix, bias: FloatArray) -> tuple[FloatArray, FloatArray]:
    """W a + b for each row of a, and the largest distance to the exact values: (n, i), (i,) -> (n, j), (j,)."""
    return a @ weight.T + bias, affine_error(np.abs(a).max(axis=0, initial=0.0), error, weight, bias)


def activate(z: FloatArray, error: FloatArray, activation: LayerActivation) -> tuple[FloatArray, FloatArray]:
    """Activation of each row, and the largest distance to the activation of the exact values.

    No sign has to be right: a continuous activation moves by at most its steepest slope times the error.
    """
    if isinstance(activation, MaxGroups):
        return activation(z), activation(error)
    if not activation.rounds:
        return activation(z), error
    size = activation.steepest * np.abs(z).max(axis=0, initial=0.0) + activation.shift
    return activation(z), (activation.steepest * error + 4 * UNIT_ROUNDOFF * size) * OUTWARD + 4 * SUBNORMAL


def forward(
    weights: Sequence[Matrix],
    biases: Sequence[FloatArray],
    activations: Sequence[LayerActivation],
    x: FloatArray,
    error: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Outputs (n, m) at points within ``error`` of x, and the largest distance to the exact ones, (m,)."""
    a = x
    for weight, bias, activation in zip(weights[:-1], biases[:-1], activations, strict=True):
        a, error = activate(*affine(a, error, weight, bias), activation)
    return affine(a, error, weights[-1], biases[-1])
