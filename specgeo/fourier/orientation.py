r"""`orientation_average`: mean of \|F(q u)\|^2 over all directions u, with a bound on its error.

Notation. F is the transform of the indicator of a shape of volume V, D a bound on its diameter, A its
autocorrelation: A >= 0, supported in \|r\| <= D, int A = V^2, and \|F(q u)\|^2 = int A(r) exp(-i q u.r) dr.

Truncation. With x = q D, the waves exp(-i q u.r) of the integral have the expansions

    plane    sum_m (-i)^m J_m(q |r|) e^{i m theta}            space    sum_l (2 l + 1) (-i)^l j_l(q |r|) P_l(u.r / |r|)

A rule of positive weights of sum 1 that is exact up to degree L leaves no more than the terms beyond L, each at most
its coefficient: V^2 times the sum over l > L of 2 \|J_l\|, multiples of L + 1 only, or of (2 l + 1) \|j_l\|. They are
small because, for 0 < x <= n,

    J_n(x) <= exp(-g),   g = n (alpha - tanh alpha),   cosh alpha = n / x.

Proof (Siegel 1953 has the inequality): w = x J_n' / J_n obeys x w' = s^2 - w^2 with s = sqrt(n^2 - x^2), starts at n
above s, and wherever it met the falling s it would be level there: so w >= s on (0, n), and log J_n(n) - log J_n(x) is
at least the integral of s / t from x to n, which is g; and \|J_n\| <= 1. Both J_n and j_l = sqrt(pi / 2 x) J_{l + 1/2}
grow up to x = l, so that \|r\| = D is the worst. As dg / dn = alpha, each term is below exp(-alpha) of the one before
(times (2 l + 3) / (2 l + 1) in space), and the sum is below a geometric one.

Rounding. A value that is off by e changes \|F\|^2 by (2 \|F\| + e) e; a wavevector that is off by s changes F by at
most s min(R V, (R S + d V) / q): the gradient of F is the transform of -i (x - c) on the shape, R its largest length,
S the surface; the second bound is one integration by parts.
"""

from __future__ import annotations

from math import pi
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._budget import within_memory
from specgeo._cast import FloatArray, as_floats
from specgeo._double import UNIT_ROUNDOFF
from specgeo._limits import check_time
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.fourier.polytope import indicator, shapes_of_one_dimension
from specgeo.fourier.radial import rule_rounding, sphere_rule
from specgeo.fourier.shapes import Shape
from specgeo.fourier.simplex import check_phases

MARGIN = 18.0  # of the rule, in units of x^(1/3): what it leaves is below e^-70 then, and sums of it below 1e-24
_BATCH = 1 << 17  # wavevectors at a time


@overload
def orientation_average(
    shape: Any, q: npt.ArrayLike, *, normalise: bool = ..., return_error: Literal[False] = ...
) -> FloatArray: ...
@overload
def orientation_average(
    shape: Any, q: npt.ArrayLike, *, normalise: bool = ..., return_error: Literal[True]
) -> tuple[FloatArray, FloatArray]: ...
@checked
@within_memory
def orientation_average(
    shape: Any, q: npt.ArrayLike, *, normalise: bool = False, return_error: bool = False
) -> FloatArray | tuple[FloatArray, FloatArray]:
    r"""Mean of \|F(q u)\|^2 over all directions u: the intensity of randomly oriented particles.

    In scattering: the form factor P(q) of a particle in solution or powder, F the form factor amplitude.

    Parameters
    ----------
    shape : Polytope, array_like, shapely, scipy, trimesh or coxeter shape
        What `polytope_transform` takes, in dimension 1, 2 or 3.
    q : array_like of floats, shape (...)
        Lengths of the scattering vector, radians per unit length, >= 0.
    normalise : bool
        Divide by the square of the volume, so that P(0) = 1.
    return_error : bool
        Return a bound on the error too.

    Returns
    -------
    mean : ndarray of float64, shape (...)
    error : ndarray of float64, shape (...), only with ``return_error``
        Truncation of the rule over directions, proved; rounding of the transform as in `polytope_transform`, of
        wavevectors and weights.

    Raises
    ------
    UnsupportedError
        Dimension above 3.
    InvalidInputError
        A negative q, or one that takes too many directions: (q D)^2 / 2 in space, D the diameter.
    DomainError
        As in `polytope_transform`.

    Notes
    -----
    Gauss-Legendre heights times equispaced angles (equispaced angles in the plane), as many as the band limit
    q D of \|F\|^2 takes: no sampling error is left.

    Examples
    --------
    >>> import specgeo as sg
    >>> cube = [[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]
    >>> sg.orientation_average(cube, [0.0, 1.0, 10.0], normalise=True).round(8)
    array([1.        , 0.91965674, 0.0068186 ])
    """
    shapes = shapes_of_one_dimension(shape)
    dim = shapes[0].dim
    if dim > 3:
        raise UnsupportedError("shape: orientation averages are for dimension 1 to 3; use polytope_transform")
    radii = as_floats(q, "q")
    if np.any(radii < 0.0):
        raise InvalidInputError("q: negative lengths given; pass q >= 0")
    size = Size.of(shapes)
    check_phases(radii.reshape(-1, 1), size.radius, "q")
    rows = np.array([_mean(shapes, size, t) for t in radii.ravel().tolist()]).reshape(*radii.shape, 2)
    mean, error = rows[..., 0], rows[..., 1]
    if not np.all(np.isfinite(rows)):
        raise InvalidInputError("shape: the square of its transform is beyond the range of floats; rescale it")
    if normalise:
        square, doubt = size.volume**2, 3.0 * size.doubt / size.volume
        mean = mean / square
        error = error / square + (doubt + 4 * UNIT_ROUNDOFF) * mean
    return (mean, error) if return_error else mean


class Size:
    """Volume and its error, radius about the middle, and the slope of F: bounds for all of a union of shapes."""

    def __init__(self, volume: float, doubt: float, radius: float, rim: float) -> None:
        self.volume, self.doubt, self.radius, self.rim = volume, doubt, radius, rim

    @classmethod
    def of(cls, shapes: list[Shape]) -> Size:
        """Of shapes in one space."""
        points = np.concatenate([np.ldexp(shape.points, shape.exponents) for shape in shapes])
        middle = points.min(axis=0) / 2 + points.max(axis=0) / 2
        radius = float(np.linalg.norm(points - middle, axis=1).max()) * (1 + 16 * UNIT_ROUNDOFF)
        volume, doubt = indicator(shapes, np.zeros((1, points.shape[1])), True)
        plain = points.shape[1] > 1 and not any(shape.exponents.any() for shape in shapes)
        surface = sum(shape.surface for shape in shapes) if plain else np.inf
        rim = radius * surface * 1.001 + points.shape[1] * volume[0].real
        return cls(float(volume[0].real), float(doubt[0]), radius, float(rim))

    def slope(self, q: float) -> float:
        """Bound on the gradient of F at |k| = q, the shape's middle being the origin."""
        return min(self.radius * self.volume, self.rim / q)


def _mean(shapes: list[Shape], size: Size, q: float) -> tuple[float, float]:
    """Mean and bound at one q."""
    if q == 0.0:
        return size.volume**2, 2.0 * size.volume * size.doubt + 4 * UNIT_ROUNDOFF * size.volume**2
    dim, band = shapes[0].dim, 2.0 * q * size.radius
    directions, weights, _ = sphere_rule(dim, band, MARGIN, "q")
    count = len(directions) if dim == 2 else 0 if dim == 1 else round(np.sqrt(len(directions)))
    degree = 2 * count - 1
    tilt = np.full(len(directions), 16 * UNIT_ROUNDOFF)  # angles up to 2 pi, sines, products
    if dim == 3:  # a height that is off by an ulp turns directions near the pole by more
        tilt += 8 * UNIT_ROUNDOFF / np.linalg.norm(directions[:, :2], axis=1)
    mean = rounding = 0.0
    for start in range(0, len(directions), _BATCH):
        check_time()
        part = slice(start, start + _BATCH)
        values, errors = indicator(shapes, q * directions[part], True)
        moduli, bounds = np.abs(values), errors + q * size.slope(q) * tilt[part]
        mean += float(weights[part] @ moduli**2)
        rounding += float(weights[part] @ ((2 * moduli + bounds) * bounds))
        rounding += float(rule_rounding(dim, weights[part] @ moduli**2, moduli.max(initial=0.0) ** 2))
    return mean, rounding + truncation(dim, band, degree) * (size.volume + size.doubt) ** 2


def truncation(dim: int, band: float, degree: int) -> float:
    """Share of V^2 that a rule exact up to ``degree`` may leave of a mean of the power, ``band`` = q D."""
    if dim == 1:
        return 0.0
    x, n = max(band, 1.0), degree + 1.0 if dim == 2 else degree + 1.5
    if x >= degree + 1:
        return np.inf
    alpha = float(np.arccosh(n / x))
    first, ratio = np.exp(-n * (alpha - np.tanh(alpha))), np.exp(-alpha)
    if dim == 2:
        return float(2.0 * first / (1.0 - ratio**n))
    ratio *= (n + 1) / n
    return float(2.0 * n * np.sqrt(pi / (2.0 * x)) * first / (1.0 - ratio)) if ratio < 1.0 else np.inf
