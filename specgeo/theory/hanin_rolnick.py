r"""How much boundary a random network has: the co-area (Kac-Rice) integral of Hanin & Rolnick 2019.

Notation: neuron z of hidden layer l has pre-activation z~(x) + b, where z~ leaves its own bias out,
and bends where z~(x) + b = t for a breakpoint t. b has density rho. For a domain K,

    E vol_{d-1}(B in K) = sum over neurons and breakpoints of  int_K E[ |grad z~(x)| rho(t - z~(x)) 1{visible} ] dx,

"visible" meaning that an active path leads from the neuron to the output, given that its
pre-activation is at t. In d = 1 the left side is the expected number of kinks in K.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan, factorial, pi, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from specgeo._arguments import checked
from specgeo._cast import FloatArray, RNGLike, as_floats, as_rng
from specgeo.domain import Box
from specgeo.errors import InvalidInputError
from specgeo.results import Result, axes


@checked
def expected_kinks_shallow(
    n: int, weight_std: float, bias_std: float, lower: float = 0.0, upper: float = 1.0
) -> float:
    r"""Expected kinks in [lower, upper] of one hidden layer of n ReLU neurons on one input, in closed form.

    (n/pi) (arctan(upper sigma_w/sigma_b) - arctan(lower sigma_w/sigma_b)) for w ~ N(0, sigma_w^2),
    b ~ N(0, sigma_b^2): the kink -b/w is Cauchy distributed with scale sigma_b/sigma_w.

    Parameters
    ----------
    n : int
        Neurons.
    weight_std, bias_std : float
        sigma_w and sigma_b, positive.
    lower, upper : float
        Ends of the interval.

    Returns
    -------
    float

    Examples
    --------
    >>> round(expected_kinks_shallow(10, 2 ** 0.5, 0.7), 4)
    3.537
    """
    if n < 1 or not weight_std > 0 or not bias_std > 0 or not lower < upper:
        raise InvalidInputError("n, weight_std, bias_std: must be positive, and lower < upper")
    ratio = weight_std / bias_std
    return n / pi * (atan(upper * ratio) - atan(lower * ratio))


def kink_density_bound(n_neurons: int, c_grad: float, c_bias: float, breakpoints: int = 1) -> float:
    r"""Upper bound T C_grad C_bias N on the expected kinks per unit length (one input).

    C_bias bounds the density of the biases, C_grad the expected |grad z~| of a neuron. It follows from
    the co-area integral with rho <= C_bias and 1{visible} <= 1. Source: Hanin & Rolnick 2019
    (Complexity of Linear Regions).

    Examples
    --------
    Gaussian weights and biases of deviation sigma_w, sigma_b: C_grad = sigma_w sqrt(2/pi),
    C_bias = 1 / (sqrt(2 pi) sigma_b).

    >>> from math import pi, sqrt
    >>> round(kink_density_bound(10, sqrt(2) * sqrt(2 / pi), 1 / (sqrt(2 * pi) * 0.7)), 2)
    6.43
    """
    return breakpoints * c_grad * c_bias * n_neurons


def hanin_rolnick_regions(n_neurons: int, input_dim: int, t0: float) -> float:
    """(T_0 N)^{n_0} / n_0! for N >= n_0, else 2^N: expected activation regions per unit volume of a cube.

    Quoted, not verified: the theorem's T_0 = 2^5 C_grad C_bias and its demand that the cube be large
    are as Hanin & Rolnick 2019 (Deep ReLU Networks Have Surprisingly Few Activation Patterns) are
    usually cited; only the arithmetic is checked here.

    Examples
    --------
    >>> hanin_rolnick_regions(20, 2, 1.0)
    200.0
    """
    if n_neurons < input_dim:
        return 2.0**n_neurons
    return float((t0 * n_neurons) ** input_dim / factorial(input_dim))


@dataclass(frozen=True, eq=False)
class ExpectedBoundary(Result):
    """Monte Carlo value of the co-area integral.

    Attributes
    ----------
    mean : float
        Estimate of E vol_{d-1}(B in K); in d = 1 the expected number of kinks.
    lower, upper : float
        Confidence interval (normal approximation of the mean of independent draws).
    confidence : float
    samples : int
    by_layer : tuple of float
        The estimate's share of each hidden layer.
    """

    mean: float
    lower: float
    upper: float
    confidence: float
    samples: int
    by_layer: tuple[float, ...]

    def __str__(self) -> str:
        interval = f"{self.confidence:.0%} interval [{self.lower:.5g}, {self.upper:.5g}]"
        return f"E boundary measure {self.mean:.5g}, {interval}, {self.samples} draws"

    def plot(self, ax: Any = None) -> Any:
        """Share of each hidden layer."""
        ax = axes(ax)
        ax.bar(np.arange(1, len(self.by_layer) + 1), self.by_layer)
        ax.set_xlabel("hidden layer")
        ax.set_ylabel("expected boundary measure")
        return ax


@checked
def expected_boundary(
    domain: Box,
    widths: Sequence[int],
    weight_std: float | Sequence[float] | None = None,
    bias_std: float | Sequence[float] = 0.1,
    samples: int = 4000,
    rng: RNGLike = 0,
    visible_only: bool = True,
    confidence: float = 0.95,
) -> ExpectedBoundary:
    """Expected (d-1)-volume of the bends of a random ReLU network in a box, by the co-area integral.

    Parameters
    ----------
    domain : Box
    widths : sequence of int
        Hidden widths; the output is scalar.
    weight_std : float or one for each hidden layer, optional
        Deviation of the independent normal weights; default sqrt(2 / fan-in).
    bias_std : float or one for each hidden layer
        Deviation of the independent normal biases, positive.
    samples : int
        Networks drawn, one uniform point each.
    rng : int, SeedSequence, BitGenerator, Generator or None
    visible_only : bool
        Count only bends that reach the output; False counts those of activation regions.
    confidence : float
        Level of the interval.

    Returns
    -------
    ExpectedBoundary

    Raises
    ------
    InvalidInputError
        Widths, deviations or samples are not positive.

    Notes
    -----
    Unbiased for every number of samples: no network has to be enumerated. Source: the formula at the
    head of this module (Hanin & Rolnick 2019, Theorem 6; re-derived).

    Examples
    --------
    >>> import specgeo as sg
    >>> result = expected_boundary(sg.Box([0], [1]), [10], 2 ** 0.5, 0.7, samples=2000)
    >>> result.lower < 3.5370 < result.upper
    True
    """
    sizes = [domain.dim, *(int(n) for n in widths)]
    depth = len(sizes) - 1
    he = [sqrt(2.0 / n) for n in sizes[:-1]]
    weight = _each(he if weight_std is None else weight_std, "weight_std", depth)
    bias = _each(bias_std, "bias_std", depth)
    if depth < 1 or min(sizes) < 1 or samples < 2 or weight.min() <= 0 or bias.min() <= 0 or not 0 < confidence < 1:
        raise InvalidInputError(
            "widths, weight_std, bias_std: must be positive; samples at least 2, confidence within (0, 1)"
        )
    generator = as_rng(rng)
    chunk = max(1, 2_000_000 // max(n * n for n in sizes[1:]) // (max(sizes[1:]) if visible_only else 1))
    parts = [
        _one_batch(domain, sizes, weight, bias, min(chunk, samples - start), generator, visible_only)
        for start in range(0, samples, chunk)
    ]
    shares = np.concatenate(parts) * domain.volume  # (samples, L)
    totals = shares.sum(axis=1)
    half = float(ndtri(0.5 + confidence / 2) * totals.std(ddof=1) / sqrt(samples))
    mean = float(totals.mean())
    return ExpectedBoundary(mean, mean - half, mean + half, confidence, samples, tuple(shares.mean(axis=0).tolist()))


def _each(value: float | Sequence[float], name: str, depth: int) -> FloatArray:
    """One number for each hidden layer."""
    numbers = as_floats(value, name)
    return np.broadcast_to(numbers, (depth,)) if numbers.ndim == 0 else as_floats(value, name, (depth,))


def _one_batch(
    domain: Box,
    sizes: list[int],
    weight_std: npt.NDArray[np.float64],
    bias_std: npt.NDArray[np.float64],
    n: int,
    rng: np.random.Generator,
    visible_only: bool,
) -> FloatArray:
    """The integrand of each hidden layer at one random point of each of n random networks, (n, L)."""
    depth = len(sizes) - 1
    weights = [weight_std[i] * rng.standard_normal((n, sizes[i + 1], sizes[i])) for i in range(depth)]
    biases = [bias_std[i] * rng.standard_normal((n, sizes[i + 1])) for i in range(depth)]
    a = rng.uniform(domain.lower, domain.upper, (n, domain.dim))
    jacobian = np.broadcast_to(np.eye(domain.dim), (n, domain.dim, domain.dim))
    shares = np.empty((n, depth))
    for layer in range(depth):
        free = np.einsum("nij,nj->ni", weights[layer], a)
        slope = weights[layer] @ jacobian
        sigma = bias_std[layer]
        density = np.exp(-0.5 * (free / sigma) ** 2) / (sigma * sqrt(2 * pi))
        integrand = np.linalg.norm(slope, axis=2) * density
        z = free + biases[layer]
        if visible_only:
            integrand = integrand * _visible(np.maximum(z, 0.0), weights[layer + 1 :], biases[layer + 1 :])
        shares[:, layer] = integrand.sum(axis=1)
        a = np.maximum(z, 0.0)
        jacobian = slope * (z > 0)[:, :, None]
    return shares


def _visible(a: FloatArray, weights: list[FloatArray], biases: list[FloatArray]) -> npt.NDArray[np.bool_]:
    """Whether each neuron, set to zero with all others as they are, has an active unit in every later layer."""
    variants = a[:, None, :] * (1.0 - np.eye(a.shape[1]))  # (n, neuron set to zero, neuron)
    seen = np.ones(a.shape, dtype=bool)
    for weight, bias in zip(weights, biases, strict=True):
        variants = np.maximum(variants @ weight.transpose(0, 2, 1) + bias[:, None, :], 0.0)
        seen &= np.any(variants > 0, axis=2)
    return seen
