"""Networks on curves: how a data manifold turns low input frequencies into high latent ones.

Section 4 and appendix C.7 of the paper, in the checkable form. A closed curve gamma: [0, 1] ->
R^d carries latent frequencies l = 2 pi n; the Fourier integral of f passes to the curve by

    c_n = (2 pi)^(-d) int f_hat(k) P(n, k) dk,   P(n, k) = int_0^1 exp(i (k . gamma(z) - 2 pi n z)) dz

(the paper leaves out (2 pi)^(-d)). Where 2 pi |n| > |k| sup|gamma'| the phase has no stationary
point and |P| is small, with the explicit bound of `kernel_bound`; so latent frequency n needs
|k| of about n / rho or more, rho = sup|gamma'| / 2 pi.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from specgeo._arguments import check, checked
from specgeo._cast import ComplexArray, FloatArray, as_floats, as_points, as_whole
from specgeo._double import UNIT_ROUNDOFF
from specgeo.errors import InvalidInputError
from specgeo.network import Network
from specgeo.results import Result
from specgeo.theory.curves import CurveFunction, lipschitz_bound, restrict_to_polyline

_POINT_ROUNDING = 16  # roundoffs of |gamma| + sup|gamma'|: of a point of a curve, its parameter rounded too
_BLOCK = 1 << 16  # nodes of a quadrature at a time
_LARGEST_RULE = 1 << 24  # nodes of a quadrature


@runtime_checkable
class ClosedCurve(Protocol):
    """A closed curve gamma on [0, 1], gamma' continuous across the seam, with proved bounds of two derivatives."""

    def __call__(self, z: npt.ArrayLike) -> FloatArray:
        """Points gamma(z): (...) -> (..., d)."""

    @property
    def speed_bound(self) -> float:
        """Upper bound of ``|gamma'|``."""

    @property
    def second_derivative_bound(self) -> float:
        """Upper bound of ``|gamma''|``."""


@dataclass(frozen=True)
class PetalCurve:
    """The paper's curve with L petals: centre + scale * R(z) (cos 2 pi z, sin 2 pi z).

    R(z) = 1 + amplitude * sin(2 pi L z); the paper has amplitude 1/2 (Section 4, Experiments 5 and 6).

    Parameters
    ----------
    petals : int
        L >= 0; 0 gives the circle.
    amplitude, scale : float
        0 <= amplitude < 1, scale > 0.
    centre : tuple of two floats

    Examples
    --------
    >>> from specgeo.theory import PetalCurve
    >>> [round(PetalCurve(L).rho, 3) for L in (0, 4, 10, 16, 20)]
    [1.0, 2.251, 5.1, 8.063, 10.05]
    """

    petals: int
    amplitude: float = 0.5
    scale: float = 1.0
    centre: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        for name in ("petals", "amplitude", "scale"):
            check(getattr(self, name), name, float)
        if self.petals < 0 or self.petals != int(self.petals):
            raise InvalidInputError(f"petals: {self.petals} given; pass an integer >= 0")
        if not 0.0 <= self.amplitude < 1.0 or not 0.0 < self.scale < np.inf:
            raise InvalidInputError("amplitude, scale: need 0 <= amplitude < 1 and scale > 0")
        as_floats(self.centre, "centre", (2,))

    def __call__(self, z: npt.ArrayLike) -> FloatArray:
        """Points gamma(z): (...) -> (..., 2)."""
        angle = 2 * np.pi * as_floats(z, "z")
        radius = self.scale * (1 + self.amplitude * np.sin(self.petals * angle))
        return np.asarray(np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=-1) + self.centre)

    def speed(self, z: npt.ArrayLike) -> FloatArray:
        """``|gamma'(z)|``."""
        return np.asarray(2 * np.pi * self._speed_at(2 * np.pi * self.petals * as_floats(z, "z")))

    @property
    def rho(self) -> float:
        """rho_L = max ``|gamma'|`` / 2 pi, in closed form.

        With s = sin(2 pi L z) and a the amplitude, (|gamma'| / 2 pi scale)^2 = a^2 L^2 (1 - s^2) +
        (1 + a s)^2 is a parabola in s: its top 1 + a^2 L^2 + 1/(L^2 - 1) lies at s = 1/(a (L^2 - 1))
        when that is at most 1, else the maximum is (1 + a)^2 at s = 1 (theory A.8).
        """
        a, squared = self.amplitude, float(self.petals) ** 2
        if self.petals == 0 or a == 0.0:
            return self.scale
        if a * (squared - 1) >= 1:
            return self.scale * float(np.sqrt(1 + a * a * squared + 1 / (squared - 1)))
        return self.scale * (1 + a)

    @property
    def mean_speed(self) -> float:
        """Mean of ``|gamma'|`` / 2 pi: the length of the curve over 2 pi."""
        # |gamma'| has period 1/L and is analytic: the trapezoidal rule over one period converges geometrically.
        phase = 2 * np.pi * np.arange(4096 if self.petals else 1) / 4096
        return float(np.mean(self._speed_at(phase)))

    def _speed_at(self, phase: FloatArray) -> FloatArray:
        radial, around = self.amplitude * self.petals * np.cos(phase), 1 + self.amplitude * np.sin(phase)
        return np.asarray(self.scale * np.hypot(radial, around))

    @property
    def speed_bound(self) -> float:
        """sup ``|gamma'|`` = 2 pi rho."""
        return 2 * np.pi * self.rho

    @property
    def second_derivative_bound(self) -> float:
        """sup ``|gamma''|`` = 4 pi^2 scale (1 + a (1 + L^2)), attained at the tips (4 pi^2 scale on the circle)."""
        tip = 1 + self.amplitude * (1 + self.petals**2) if self.petals else 1.0
        return 4 * np.pi**2 * self.scale * float(tip)

    def input_frequency(self, n: npt.ArrayLike) -> FloatArray:
        """Smallest ``|k|`` (angular) that can express latent frequency n without decay: n / rho.

        Examples
        --------
        >>> from specgeo.theory import PetalCurve
        >>> [round(float(PetalCurve(L).input_frequency(200)), 1) for L in (0, 4, 10, 16, 20)]
        [200.0, 88.9, 39.2, 24.8, 19.9]
        """
        return np.asarray(as_floats(n, "n") / self.rho)


@dataclass(frozen=True, eq=False)
class CurveRestriction(Result):
    r"""A network on a smooth curve, by a polyline with a proved error.

    Attributes
    ----------
    function : CurveFunction
        The network on the inscribed polyline, exact.
    n_segments : int
    lipschitz : float
        The L_f used.
    curve_error : float
        L_f (sup\|gamma''\| h^2 / 8 + \|gamma(1) - gamma(0)\|): bound of \|f(gamma(z)) - f(gamma_h(z))\| for every z,
        hence of the error of every Fourier coefficient. The second term, of rounding size, closes the polyline.
    point_error : float
        L_f times the rounding of points of the curve.
    """

    function: CurveFunction
    n_segments: int
    lipschitz: float
    curve_error: float
    point_error: float

    def fourier_coefficients(self, modes: npt.ArrayLike) -> ComplexArray:
        """Coefficients of the polyline restriction, off by at most ``total_error``; shape (..., m)."""
        return self.function.fourier_coefficients(modes)

    @property
    def total_error(self) -> float:
        """Curve error plus the rounding of the points, of the restriction and of the sum over its pieces."""
        return self.curve_error + self.point_error + float(self.function.coefficient_error.max())

    def to_dict(self) -> dict[str, Any]:
        """Plain Python numbers, for JSON."""
        return {
            "n_segments": self.n_segments,
            "lipschitz": self.lipschitz,
            "curve_error": self.curve_error,
            "total_error": self.total_error,
            **self.function.to_dict(),
        }

    def __str__(self) -> str:
        return (
            f"network on a curve: {self.n_segments} segments, {self.function.n_pieces} pieces, "
            f"|error| <= {self.total_error:.3g} (L_f = {self.lipschitz:.4g})"
        )

    def plot(self, ax: Any = None, output: int = 0) -> Any:
        """Draw the network along the curve; returns the matplotlib axes."""
        return self.function.plot(ax, output)


@checked
def restrict_to_curve(
    net: Network, curve: ClosedCurve, n_segments: int = 1000, lipschitz: float | None = None
) -> CurveRestriction:
    r"""A network on a smooth closed curve, with the certificate L_f sup\|gamma''\| h^2 / 8.

    Theorem: with gamma_h the polyline through gamma(i h), \|gamma - gamma_h\| <= sup\|gamma''\| h^2 / 8,
    so \|f o gamma - f o gamma_h\| <= L_f sup\|gamma''\| h^2 / 8 for every z.
    Hypotheses: gamma closed, twice differentiable with the stated bound; L_f a Lipschitz constant of f near
    the curve (on the convex hull of each arc). Source: theory A.8. For an open curve take `restrict_to_polyline`.

    Parameters
    ----------
    net : Network
    curve : ClosedCurve
        For example `PetalCurve`.
    n_segments : int
        Segments of the polyline, h = 1 / n_segments.
    lipschitz : float, optional
        L_f; the product of spectral norms when left out. The exact constant of
        `specgeo.theory.lipschitz` on a box that holds the curve gives a smaller certificate.

    Returns
    -------
    CurveRestriction

    Raises
    ------
    InvalidInputError
        Fewer than 3 segments, a negative Lipschitz constant, or a curve that is open, of another dimension, or
        bent more than its second_derivative_bound says.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.theory import PetalCurve, restrict_to_curve
    >>> net = sg.Network([[[1.0, 0.0]], [[1.0]]], [[0.0], [0.0]])
    >>> fine = restrict_to_curve(net, PetalCurve(0), 1000)
    >>> bool(abs(fine.fourier_coefficients(0)[0] - 1 / 3.141592653589793) < fine.total_error)
    True
    >>> f"{fine.curve_error:.3e}"
    '4.935e-06'
    """
    if as_whole(n_segments, "n_segments") < 3:
        raise InvalidInputError(f"n_segments: {n_segments} given; a closed polyline needs at least 3")
    if lipschitz is not None and not 0.0 <= lipschitz < np.inf:
        raise InvalidInputError(f"lipschitz: {lipschitz} given; pass a finite number >= 0")
    points = as_points(curve(np.arange(n_segments + 1) / n_segments), "curve", net.input_dim)
    gap, rounding = _closing_gap(points, curve.speed_bound)
    bend = np.linalg.norm(np.diff(points, 2, axis=0), axis=1).max() - 4 * rounding
    if bend > curve.second_derivative_bound / n_segments**2:
        raise InvalidInputError("curve: bends more than its second_derivative_bound between points that it gives")
    constant = lipschitz_bound(net) if lipschitz is None else float(lipschitz)
    function = restrict_to_polyline(net, points[:-1], closed=True)
    error = constant * (curve.second_derivative_bound / n_segments**2 / 8 + gap)
    # Both the polyline's points and gamma(z), wherever it is wanted, are rounded.
    return CurveRestriction(function, n_segments, constant, error, 2 * constant * rounding)


def check_closed(curve: ClosedCurve, dim: int) -> None:
    """Refuse a curve that is open, or whose tangent jumps at the seam: integration by parts leaves terms there."""
    h = np.array([2.0**-8, 2.0**-16])
    ends = as_points(curve(np.array([0.0, 1.0])), "curve", dim)
    _, rounding = _closing_gap(ends, curve.speed_bound)
    turn = np.linalg.norm(curve(h) - ends[0] - (ends[1] - curve(1 - h)), axis=1)
    if np.any(turn > curve.second_derivative_bound * h**2 * (1 + 1e-9) + 8 * rounding):
        raise InvalidInputError("curve: has a corner where it closes, at z = 0; gamma' must be continuous there")


def _closing_gap(points: FloatArray, speed_bound: float) -> tuple[float, float]:
    """|gamma(1) - gamma(0)| and the rounding of a point; an error unless rounding explains the gap."""
    gap = float(np.linalg.norm(points[-1] - points[0]))
    rounding = _POINT_ROUNDING * UNIT_ROUNDOFF * float(np.linalg.norm(points, axis=1).max() + speed_bound)
    if gap > 4 * rounding:
        raise InvalidInputError(
            f"curve: is not closed, gamma(0) and gamma(1) are {gap:.3g} apart; use restrict_to_polyline for an open one"
        )
    return gap, rounding


class _Sampled:
    """A plain function as a closed curve, its two bounds estimated from differences."""

    def __init__(self, function: Callable[[FloatArray], FloatArray], dim: int, nodes: int = 4096) -> None:
        self._function = function
        points = as_points(function(np.arange(nodes + 1) / nodes), "curve", dim)
        lengths = [float(np.linalg.norm(np.diff(points, order, axis=0), axis=1).max()) for order in (1, 2)]
        self.speed_bound, self.second_derivative_bound = 1.1 * lengths[0] * nodes, 1.1 * lengths[1] * nodes**2

    def __call__(self, z: npt.ArrayLike) -> FloatArray:
        return self._function(as_floats(z, "z"))


@checked
def curve_kernel(curve: ClosedCurve | Callable[[FloatArray], FloatArray], n: int, k: npt.ArrayLike) -> complex:
    r"""P(n, k) = int_0^1 exp(i (k . gamma(z) - 2 pi n z)) dz by quadrature to rounding.

    Source: paper Section 4 and C.7; theory A.8.

    Parameters
    ----------
    curve : ClosedCurve or callable
        gamma: (N,) -> (N, d), smooth with period 1. Of a plain function the speed and the bend are estimated.
    n : int
        Latent frequency in cycles.
    k : array_like, shape (d,)
        Angular wavevector.

    Returns
    -------
    complex
        To 1e-13, and some roundoffs of the phases \|k\|\|gamma\|, for curves that are analytic.

    Raises
    ------
    InvalidInputError
        n is not whole; no convergence with 2^24 nodes: the curve is not smooth and closed, or \|n\| or \|k\| too large.

    Notes
    -----
    The trapezoidal rule with N nodes gives sum over p of P(n + p N, k), and P(m, k) falls off beyond the
    frequencies m of the phase, \|k\| sup\|gamma'\| / 2 pi, and of the curve itself,
    sup\|gamma''\| / (2 pi sup\|gamma'\|). So N starts at twice the sum of these and \|n\|, and grows until N
    and a number prime to it agree to 1e-14: what aliases in both is n + p N (N + 1) only.

    Examples
    --------
    >>> from scipy.special import jv
    >>> from specgeo.theory import PetalCurve, curve_kernel
    >>> bool(abs(abs(curve_kernel(PetalCurve(0), 3, [4.0, -3.0])) - jv(3, 5.0)) < 1e-14)
    True
    """
    wave = as_floats(k, "k", (None,))
    order = int(_whole(n, "n").reshape(()))
    gamma = curve if isinstance(curve, ClosedCurve) else _Sampled(curve, len(wave))
    check_closed(gamma, len(wave))
    length, speed = float(np.linalg.norm(wave)), gamma.speed_bound
    radius = float(np.linalg.norm(gamma(np.zeros(1)))) + speed
    count = resolving_nodes(gamma, abs(order) + length * speed / (2 * np.pi))
    while count <= _LARGEST_RULE:
        value, other = (_trapezoidal(gamma, order, wave, some) for some in (count, count + 1))
        if abs(value - other) < 1e-14 + 4 * UNIT_ROUNDOFF * length * radius:
            return value
        count *= 2
    raise InvalidInputError(
        f"curve, n, k: quadrature does not converge with {_LARGEST_RULE} nodes; gamma must be smooth with period 1, "
        "and |n| and |k| sup|gamma'| below a million"
    )


def resolving_nodes(curve: ClosedCurve, frequency: float) -> int:
    """Nodes that resolve the curve itself and a function along it of some frequency in cycles."""
    own = curve.second_derivative_bound / max(curve.speed_bound, 1e-300) / (2 * np.pi)
    return int(64 + 2 * (frequency + own))


def _trapezoidal(curve: ClosedCurve, n: int, wave: FloatArray, nodes: int) -> complex:
    """The rule with some number of nodes, a block of them at a time."""
    total = 0j
    for start in range(0, nodes, _BLOCK):
        j = np.arange(start, min(start + _BLOCK, nodes))
        turns = (n % nodes * j) % nodes / nodes  # n z without its whole turns, exactly
        phases = as_points(curve(j / nodes), "curve", len(wave)) @ wave - 2 * np.pi * turns
        total += complex(np.exp(1j * phases).sum())
    return total / nodes


def _whole(value: npt.ArrayLike, name: str) -> FloatArray:
    """Whole numbers as floats: the series of a closed curve has no other frequencies."""
    numbers = as_floats(value, name)
    if np.any(numbers != np.round(numbers)):
        raise InvalidInputError(f"{name}: latent frequencies on a closed curve are whole numbers; round them")
    return numbers


@checked
def circle_kernel(n: npt.ArrayLike, k: npt.ArrayLike) -> ComplexArray:
    r"""P(n, k) on the unit circle: i^n J_n(\|k\|) exp(-i n arg k) (Jacobi-Anger; theory A.8).

    Parameters
    ----------
    n : array_like of int, shape (...)
    k : array_like, shape (..., 2)

    Returns
    -------
    ndarray, complex, the broadcast shape

    Examples
    --------
    >>> from specgeo.theory import circle_kernel
    >>> circle_kernel(0, [0.0, 0.0])
    array(1.+0.j)
    """
    from scipy.special import jv

    order, wave = _whole(n, "n"), as_points(k, "k", 2)
    radius, angle = np.hypot(wave[..., 0], wave[..., 1]), np.arctan2(wave[..., 1], wave[..., 0])
    power = np.array([1, 1j, -1, -1j])[np.asarray(order, dtype=np.int64) % 4]
    return np.asarray(power * jv(order, radius) * np.exp(-1j * order * angle))


@checked
def kernel_bound(curve: ClosedCurve, n: npt.ArrayLike, k: npt.ArrayLike) -> FloatArray:
    r"""Bound of \|P(n, k)\| away from stationary phase.

    It is min(1, \|k\| sup\|gamma''\| / (2 pi \|n\| - \|k\| sup\|gamma'\|)^2). Theorem: phi = k . gamma - 2 pi n z has
    \|phi'\| >= 2 pi \|n\| - \|k\| sup\|gamma'\| =: delta; where delta > 0 one integration by parts on the closed curve
    gives \|P\| <= sup\|phi''\| / delta^2. It is 1 where delta <= 0. Source: theory A.8 (the paper argues by
    stationary phase).

    Parameters
    ----------
    curve : ClosedCurve
    n : array_like of int, shape (...)
        Latent frequency in cycles.
    k : array_like, shape (...)
        \|k\|, angular.

    Returns
    -------
    ndarray, the broadcast shape

    Raises
    ------
    InvalidInputError
        n is not whole, or the curve is open or has a corner at its seam: the theorem is not about these.

    Examples
    --------
    >>> from specgeo.theory import PetalCurve, kernel_bound
    >>> float(kernel_bound(PetalCurve(0), 20, 10.0).round(6))
    0.1
    """
    check_closed(curve, as_floats(curve(np.zeros(1)), "curve", (1, None)).shape[1])
    size = np.abs(as_floats(k, "k"))
    order = np.abs(_whole(n, "n"))
    try:
        order, size = np.broadcast_arrays(order, size)
    except ValueError as error:
        raise InvalidInputError(f"n, k: shapes {order.shape} and {size.shape} do not broadcast") from error
    gap = 2 * np.pi * order - size * curve.speed_bound
    safe = np.where(gap > 0, gap, 1.0)
    return np.asarray(np.where(gap > 0, np.minimum(1.0, size * curve.second_derivative_bound / safe**2), 1.0))
