"""Running error bounds of a forward pass: how far floats may be from the exact function.

A bound holds for all rows of a batch at once (a sup), so it costs one product with |W| for each layer and
not one for each point. Every bound is proved, for sums in any order, with or without fused operations.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from specgeo._cast import FloatArray
from specgeo.activation import Activation

UNIT_ROUNDOFF = 2.0**-53
# The bounds are themselves evaluated in floating point, by sums of non-negative terms: a relative
# error of at most (width + 10) u for each layer. One part in 2^20 covers every width below 2^30.
OUTWARD = 1.0 + 2.0**-20
TINY = 2.0**-1000  # covers gradual underflow in the products


def affine(a: FloatArray, error: FloatArray, weight: FloatArray, bias: FloatArray) -> tuple[FloatArray, FloatArray]:
    """W a + b for each row of a, and the largest distance to the exact values: (n, i), (i,) -> (n, j), (j,)."""
    magnitude = np.abs(weight)
    n = weight.shape[1] + 2
    gamma = n * UNIT_ROUNDOFF / (1.0 - n * UNIT_ROUNDOFF)
    size = np.abs(a).max(axis=0)
    bound = magnitude @ error + gamma * (magnitude @ size + np.abs(bias)) + TINY
    return a @ weight.T + bias, bound * OUTWARD


def activate(z: FloatArray, error: FloatArray, activation: Activation) -> tuple[FloatArray, FloatArray]:
    """Activation of each row, and the largest distance to the activation of the exact values.

    No sign has to be right: a continuous activation moves by at most its steepest slope times the error.
    """
    if activation.is_relu:
        return np.maximum(z, 0.0), error
    jumps = np.abs(np.diff(activation.slopes))
    lipschitz = np.abs(activation.slopes).max()
    size = lipschitz * np.abs(z).max(axis=0) + abs(activation.intercept) + jumps @ np.abs(activation.breakpoints)
    rounding = (4.0 + 4.0 * len(jumps)) * UNIT_ROUNDOFF * size + TINY
    return activation(z), (lipschitz * error + rounding) * OUTWARD


def forward(
    weights: Sequence[FloatArray],
    biases: Sequence[FloatArray],
    activations: Sequence[Activation],
    x: FloatArray,
    error: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Outputs (n, m) at points within ``error`` of x, and the largest distance to the exact ones, (m,)."""
    a = x
    for weight, bias, activation in zip(weights[:-1], biases[:-1], activations, strict=True):
        a, error = activate(*affine(a, error, weight, bias), activation)
    return affine(a, error, weights[-1], biases[-1])
