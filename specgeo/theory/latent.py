"""Latent against input-space energy: a network in the plane, seen from a curve (theory A.8).

Notation: f on a box has mirror-torus coefficients c_m at k_m = pi m / s; f o gamma has latent
coefficients c_n. With rho = sup|gamma'| / 2 pi, wavevectors below n / rho reach latent frequency n
only through the non-stationary part of P(n, k), so high latent and low input frequency go together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._budget import afford
from specgeo._cast import FloatArray, IntArray, as_floats, as_points
from specgeo.domain import Box
from specgeo.errors import DomainError, InvalidInputError
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.results import PAPER, Check, Result, axes
from specgeo.theory.manifolds import ClosedCurve, CurveRestriction, check_closed, kernel_bound, resolving_nodes
from specgeo.theory.variation import checked_output

_BYTES_A_MODE = 64  # and axis: the grid, its lengths, coefficients and their errors
_NODES = 2048  # trapezoidal nodes for a low-pass function along the curve, at least


@dataclass(frozen=True, eq=False)
class EnergyComparison(Result):
    r"""Where the energy of a function sits: along a curve, and in the plane.

    Attributes
    ----------
    modes : ndarray of int, shape (n,)
        Latent frequencies n.
    wavenumbers : ndarray, shape (n,)
        n / rho, the input frequency below which n is out of reach of stationary phase.
    latent_tail : ndarray, shape (n,)
        Share of the variance of f o gamma in latent frequencies \|n'\| >= n.
    input_tail : ndarray, shape (n,)
        Share of the variance of f on the box in \|k\| >= n / rho (mirror torus).
    same_tail : ndarray, shape (n,)
        Share of the variance of f on the box in \|k\| >= n: the input energy at the same number,
        which is what the tail would be without the curve's gain rho.
    rho : float
    """

    modes: IntArray
    wavenumbers: FloatArray
    latent_tail: FloatArray
    input_tail: FloatArray
    same_tail: FloatArray
    rho: float

    def __str__(self) -> str:
        rows = [f"rho {self.rho:.4g}: shares of variance beyond latent n, input |k| >= n/rho, input |k| >= n"]
        table = zip(self.modes, self.latent_tail, self.input_tail, self.same_tail, strict=True)
        return "\n".join([*rows, *(f"  n = {n:5d}: {a:.4f}  {b:.4f}  {c:.4f}" for n, a, b, c in table)])

    def plot(self, ax: Any = None) -> Any:
        """The three tails against n; returns the matplotlib axes."""
        ax = axes(ax)
        ax.loglog(self.modes, np.maximum(self.latent_tail, 1e-16), "o-", ms=3, label="along the curve, beyond n")
        ax.loglog(self.modes, np.maximum(self.input_tail, 1e-16), "s-", ms=3, label="in the plane, |k| ≥ n/ρ")
        ax.loglog(self.modes, np.maximum(self.same_tail, 1e-16), ":", color="0.5", label="in the plane, |k| ≥ n")
        ax.set(xlabel="latent frequency n", ylabel="share of variance")
        ax.legend(frameon=False)
        return ax


@checked
def energy_comparison(
    cx: PolyhedralComplex,
    restriction: CurveRestriction,
    curve: ClosedCurve,
    modes: npt.ArrayLike,
    output: int = 0,
) -> EnergyComparison:
    """Tail energies of a network along a closed curve and in its box, both exact by Parseval.

    Parameters
    ----------
    cx : PolyhedralComplex
        The network on a box that holds the curve.
    restriction : CurveRestriction
        The same network on the curve.
    curve : ClosedCurve
    modes : array_like of int, shape (n,)
        Latent frequencies, each at least 1.
    output : int

    Returns
    -------
    EnergyComparison

    Raises
    ------
    DomainError
        The domain of ``cx`` is not a box, or does not hold the curve.
    InvalidInputError
        A mode below 1; ``restriction`` is not along ``curve``; f has no variance to share out.
    BudgetError
        More mirror modes within the largest wavenumber than memory allows.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.theory import PetalCurve, energy_comparison, restrict_to_curve
    >>> net = sg.Network([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])
    >>> curve = PetalCurve(4)
    >>> cx = sg.enumerate_regions(net, sg.Box([-2, -2], [2, 2]))
    >>> tails = energy_comparison(cx, restrict_to_curve(net, curve, 400), curve, [1, 8])
    >>> tails.latent_tail.round(3).tolist(), tails.same_tail.round(3).tolist()
    ([1.0, 0.001], [0.212, 0.0])
    """
    numbers = as_floats(modes, "modes", (None,))
    if len(numbers) == 0 or np.any(numbers < 1) or np.any(numbers != np.round(numbers)):
        raise InvalidInputError("modes: latent frequencies are integers of at least 1; pass one or more")
    output = checked_output(cx, output)
    _check_inside(cx, curve)
    function = restriction.function
    z = np.arange(len(function.vertices)) / (len(function.vertices) - 1)
    if np.any(np.abs(curve(z) - function.vertices) > 1e-9 * (1 + np.abs(function.vertices).max())):
        raise InvalidInputError("restriction, curve: the restriction is along another curve; restrict to this one")
    rho = curve.speed_bound / (2 * np.pi)
    size, planar, total = _planar_energy(cx, float(max(numbers.max(), numbers.max() / rho)), output)
    below = np.arange(1, int(numbers.max()))
    energy = 2 * np.abs(function.fourier_coefficients(below)[:, output]) ** 2
    variance = float(function.variance[output])
    if variance <= float(function.coefficient_error[output]) ** 2:
        raise InvalidInputError("restriction: the network is constant along the curve; there is no variance to share")
    reached = np.concatenate(([0.0], np.cumsum(energy)))[numbers.astype(np.int64) - 1]
    order = np.argsort(size)
    ladder = np.concatenate(([0.0], np.cumsum(planar[order])))

    def tail(cut: FloatArray) -> FloatArray:
        return np.asarray(1 - ladder[np.searchsorted(size[order], cut)] / total)

    return EnergyComparison(
        numbers.astype(np.int64), numbers / rho, 1 - reached / variance, tail(numbers / rho), tail(numbers), rho
    )


@checked
def low_pass_check(cx: PolyhedralComplex, curve: ClosedCurve, cutoff: float, output: int = 0) -> Check:
    r"""Energy that input frequencies \|k\| <= K put at latent frequency n = ceil(2 K rho): against its bound.

    Theorem (A.8 made quantitative): the part of f with \|k\| <= K has latent coefficient
    \|c_n\| <= sum \|c_m\| \|P(n, k_m)\| <= sum \|c_m\| \|k_m\| sup\|gamma''\| / (2 pi n - \|k_m\| sup\|gamma'\|)^2.
    Hypotheses: gamma closed and twice differentiable, n > K rho.

    Parameters
    ----------
    cx : PolyhedralComplex
        On a box of the plane that holds the curve.
    curve : ClosedCurve
    cutoff : float
        K > 0, angular.
    output : int

    Returns
    -------
    Check

    Raises
    ------
    DomainError
        The domain of ``cx`` is not a box, or does not hold the curve.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])
    >>> cx = sg.enumerate_regions(net, sg.Box([-2, -2], [2, 2]))
    >>> sg.theory.low_pass_check(cx, sg.theory.PetalCurve(4), 3.0).holds
    True
    """
    from specgeo.fourier.series import fourier_coefficients, mode_wavevectors, partial_sum

    output = checked_output(cx, output)
    _check_inside(cx, curve)
    box, orbits, weights = _orbits(cx, cutoff)
    coefficients = np.real(np.asarray(fourier_coefficients(cx, orbits))[:, output])
    size = np.linalg.norm(mode_wavevectors(orbits, box), axis=1)
    n = int(np.ceil(2 * cutoff * curve.speed_bound / (2 * np.pi)))
    bound = float((weights * np.abs(coefficients)) @ kernel_bound(curve, n, size))
    nodes = max(_NODES, 4 * resolving_nodes(curve, n))
    z = np.arange(nodes) / nodes
    values = partial_sum(coefficients[:, None], orbits, curve(z), box)[:, 0]
    measured = float(np.abs(np.mean(values * np.exp(-2j * np.pi * n * z))))
    statement = (
        f"|k| <= {cutoff:.4g} reaches latent n = {n} only through sum |c_m||P(n, k_m)| (Section 4, C.7, {PAPER})"
    )
    details = {"latent_frequency": n, "cutoff": cutoff, "modes": len(orbits), "rms": float(np.sqrt(np.mean(values**2)))}
    rounding = 1e-14 * float(weights @ np.abs(coefficients))
    return Check("manifold.low-pass", statement, measured, bound, "<=", rounding, details)


def _check_inside(cx: PolyhedralComplex, curve: ClosedCurve) -> None:
    """Refuse a box with points of the curve outside, beyond rounding."""
    if not isinstance(cx.domain, Box):
        raise DomainError("cx: its domain is not a Box; the mirror series needs one")
    check_closed(curve, cx.dim)
    nodes = max(_NODES, 4 * resolving_nodes(curve, 0))
    points = as_points(curve(np.arange(nodes) / nodes), "curve", cx.dim)
    slack = 1e-12 * (np.abs(points).max() + np.abs(cx.domain.upper - cx.domain.lower))
    if np.any(points < cx.domain.lower - slack) or np.any(points > cx.domain.upper + slack):
        raise DomainError("cx: its box does not hold the curve; enumerate the network on a larger one")


def _orbits(cx: PolyhedralComplex, cutoff: float) -> tuple[Box, IntArray, FloatArray]:
    """Mirror modes m >= 0 with |k_m| <= cutoff, and how many reflections each stands for."""
    box = cx.domain
    if not isinstance(box, Box):
        raise DomainError("cx: its domain is not a Box; the mirror series needs one")
    counts = np.floor(cutoff * (box.upper - box.lower) / np.pi)
    afford(float(np.prod(counts + 1)) * _BYTES_A_MODE * cx.dim, "mirror modes", "take smaller modes or a lower cutoff")
    counts = counts.astype(np.int64)
    grid = np.stack(np.meshgrid(*(np.arange(c + 1) for c in counts), indexing="ij"), axis=-1).reshape(-1, cx.dim)
    size = np.linalg.norm(grid * np.pi / (box.upper - box.lower), axis=1)
    kept = grid[size <= cutoff]
    return box, kept, 2.0 ** np.count_nonzero(kept, axis=1)


def _planar_energy(cx: PolyhedralComplex, cutoff: float, output: int) -> tuple[FloatArray, FloatArray, float]:
    """|k_m| and energy of the mirror modes up to a cutoff, without the constant, and the whole variance."""
    from specgeo.fourier.series import fourier_coefficients, mode_wavevectors, tail_energy

    box, orbits, weights = _orbits(cx, cutoff)
    coefficients = np.asarray(fourier_coefficients(cx, orbits))[:, output]
    energy = weights * np.abs(coefficients) ** 2
    energy[0] = 0.0
    constant = np.zeros((1, cx.dim), dtype=np.int64)
    variance = tail_energy(cx, constant)
    total = float(variance.tail[output])
    if total <= float(variance.error[output]):
        raise InvalidInputError("cx: the network is constant on its box; there is no variance to share")
    return np.linalg.norm(mode_wavevectors(orbits, box), axis=1), energy, total
