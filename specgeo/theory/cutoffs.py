r"""Rules for integrals of |f^(k)|^2 over a ball or a box of wavevectors, with a bound on what they leave out.

|f^|^2 is the transform of the autocorrelation A of f, which vanishes beyond the domain's extents: an entire function of
known exponential type. On such functions Gauss's rule converges faster than any power, and its error has a bound
without unknown constants. With M nodes on an interval of length l, for cos(k z), |z| <= s,

    |Q - I| <= g(M, l, s) = l^(2M+1) M!^4 s^2M / ((2M + 1) (2M)!^3),      int |A| <= (int |f|)^2 <= |Omega| int f^2.

Box: the rule along each axis, s its side, |Q - I| <= int |A| sum_i g_i prod_{j != i} l_j. Ball: the rule in t = |k|,
s the diameter; as t^(d-1) cos(t z) has a 2M-th derivative of (K + 2M / s)^(d-1) s^2M at most, the bound is the area of
the unit sphere times this and g / s^2M. Directions: with x = K s, of the plane waves expanded in circular and spherical
harmonics, N equidistant angles, and M Gauss nodes times 2M angles, leave out

    circle   4 pi sum_j |J_jN(x)|,                 |J_n(x)| <= (x / 2)^n / n!
    sphere   4 pi sum_{l >= 2M} (2l + 1) |j_l(x)|,  |j_l(x)| <= x^l / (2l + 1)!!

Numbers of nodes are such that the bound is far below rounding: about one node for each oscillation of |f^|^2.
"""

from __future__ import annotations

from collections.abc import Callable
from math import lgamma, log, pi
from typing import NamedTuple

import numpy as np
from scipy.special import roots_legendre

from specgeo._cast import FloatArray
from specgeo._double import UNIT_ROUNDOFF
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.fourier.radial import sphere_area

_NEGLIGIBLE = 1e-18  # of |Omega| int f^2 times the volume of the wavevectors: what a rule may leave out
MAX_NODES = 1 << 22


class Rule(NamedTuple):
    """(2 pi)^-d int |f^(k)|^2 dk = sum of weights times |f^(nodes)|^2, for real f."""

    nodes: FloatArray  # (q, d) wavevectors, or (q,) their lengths
    weights: FloatArray  # (q,)
    left_out: float  # in units of |Omega| int f^2
    phase: float  # largest |k| |x - y|
    n: int  # nodes along an axis, or radii

    def energy(self, power: FloatArray, errors: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The sum for |f^|^2 (q, m) with these errors, and a bound on its error but for what the rule leaves out."""
        low = self.weights @ power
        # a node off by a roundoff moves |f^|^2 by that times its frequency; weights and the sum by some roundoffs
        rounding = (self.n + 16 + 4 * self.phase) * UNIT_ROUNDOFF
        spread = low + self.weights.sum() * power.max(axis=0, initial=0.0)
        return np.asarray(low), np.asarray(self.weights @ errors + rounding * spread)


def box_rule(cutoff: float, sides: FloatArray) -> Rule:
    """|k_i| <= cutoff on each axis, for functions on a domain with these extents (d,)."""
    d, n = len(sides), _n_nodes(2 * cutoff, float(sides.max()))
    _allow(float(n) ** d, cutoff)
    nodes, weights = roots_legendre(n)
    k = np.stack(np.meshgrid(*[cutoff * nodes] * d, indexing="ij"), axis=-1).reshape(-1, d)
    w = np.ones(1)
    for _ in range(d):
        w = np.multiply.outer(w, weights * cutoff / (2 * pi)).ravel()
    rest = sum(np.exp(_log_gauss(n, 2 * cutoff, s)) for s in sides.tolist()) * (2 * cutoff) ** (d - 1) / (2 * pi) ** d
    return Rule(k, w, float(rest), cutoff * float(sides.sum()), n)


def shell_rule(cutoff: float, dim: int, diameter: float) -> Rule:
    """|k| <= cutoff, by shells: the power is that of whole spheres |k| = t, int |f^(t u)|^2 t^(d-1) du."""
    n = _n_nodes(cutoff, diameter)
    nodes, weights = roots_legendre(n)
    growth = sphere_area(dim) * (cutoff + 2 * n / diameter) ** (dim - 1)
    rest = growth * np.exp(_log_gauss(n, cutoff, diameter)) / (2 * pi) ** dim
    t, w = cutoff * (1 + nodes) / 2, weights * cutoff / 2 / (2 * pi) ** dim
    return Rule(t, w, float(rest), cutoff * diameter, n)


def ball_rule(cutoff: float, dim: int, diameter: float) -> Rule:
    """|k| <= cutoff."""
    if dim > 3:
        raise UnsupportedError(f"shape: a ball in {dim} dimensions; use 'box' above 3")
    shells = shell_rule(cutoff, dim, diameter)
    u, w, missed = _directions(dim, cutoff * diameter, shells.n, cutoff)
    t = shells.nodes
    k = (t[:, None, None] * u).reshape(-1, dim)
    weights = np.multiply.outer(shells.weights * t ** (dim - 1), w).ravel()
    rest = shells.left_out + missed * cutoff**dim / dim / (2 * pi) ** dim
    return Rule(k, weights, rest, shells.phase, shells.n)


def _directions(dim: int, phase: float, radii: int, cutoff: float) -> tuple[FloatArray, FloatArray, float]:
    """Half of the directions of a rule for the unit sphere, their weights doubled, and what it leaves out of a wave."""
    if dim == 1:
        return np.ones((1, 1)), np.full(1, 2.0), 0.0
    x = max(phase, 1e-3)
    if dim == 2:

        def circle(n: int) -> float:
            return n * log(x / 2) - lgamma(n + 1)

        n = _first(circle, 8, cutoff)
        _allow(float(n) / 2 * radii, cutoff)
        angles = 2 * pi / n * np.arange(n // 2)
        u = np.stack((np.cos(angles), np.sin(angles)), axis=1)
        return u, np.full(n // 2, 4 * pi / n), float(8 * pi * np.exp(circle(n)))

    def sphere(l: int) -> float:  # noqa: E741  (the degree of a spherical harmonic)
        return l * log(2 * x) + log(2 * l + 1) + lgamma(l + 1) - lgamma(2 * l + 2)

    degree = _first(lambda l: sphere(l) if l > x else 1.0, 8, cutoff)  # noqa: E741
    m = degree // 2 + degree // 2 % 2
    _allow(float(m) * m * radii, cutoff)
    heights, weights = roots_legendre(m)
    upper = heights > 0
    heights, weights = heights[upper], weights[upper]
    angles = pi / m * np.arange(2 * m)
    radius = np.sqrt((1 - heights) * (1 + heights))
    u = np.stack(
        [np.multiply.outer(radius, np.cos(angles)), np.multiply.outer(radius, np.sin(angles)),
         np.broadcast_to(heights[:, None], (len(heights), 2 * m))], axis=-1,
    ).reshape(-1, 3)  # fmt: skip
    return u, np.repeat(weights * 2 * pi / m, 2 * m), float(8 * pi * np.exp(sphere(2 * m)))


def _first(log_term: Callable[[int], float], start: int, cutoff: float) -> int:
    """The first even number from ``start`` on for which a term is negligible; those after it add less than itself."""
    n = start
    while log_term(n) > log(_NEGLIGIBLE):
        n += 2
        _allow(n, cutoff)
    return n


def _log_gauss(n: int, length: float, reach: float) -> float:
    """log of g(n, length, reach): the error of n nodes on cos(k z), |z| <= reach."""
    factorials = 4 * lgamma(n + 1) - 3 * lgamma(2 * n + 1)
    return (2 * n + 1) * log(length) + 2 * n * log(reach) + factorials - log(2 * n + 1)


def _n_nodes(length: float, reach: float) -> int:
    n = 8
    while _log_gauss(n, length, reach) - log(length) > log(_NEGLIGIBLE):
        n += max(1, n // 16)
        _allow(n, length)
    return n


def _allow(nodes: float, cutoff: float) -> None:
    if nodes > MAX_NODES:
        raise InvalidInputError(f"cutoff: {cutoff:g} takes more than {MAX_NODES:,} wavevectors in all; lower it")
