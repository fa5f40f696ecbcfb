r"""Sensitivity of spectra to the parameters: the 1/|k| law, the Fourier NTK, random perturbations.

Notation: G = d_theta f, piecewise affine in x, with jumps on the facets that move with theta. Rigorously,
for every k,

    |d_theta f^(k)| <= |k|^-1 [ sum_F |u.n| int_F |G_1 - G_0| + sum_j |u_j| int |d_j G| ]   (boundary: G_1 = 0),

so spectra move at most at the rate 1/|k|, in every direction. In d = 1 the root mean square over k of
|k| |d_theta f^_int(k)| tends to (sum_j |c_j d_theta x_j|^2)^{1/2}: 1/|k| exactly, unless no kink moves
(output weights), where it is 1/|k|^2. Source: equation (9) and Propositions 1, 2 of arXiv 1806.08734v3,
whose Delta-dependent rate is an upper bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import ComplexArray, FloatArray, RNGLike, as_points, as_rng
from specgeo.errors import InvalidInputError
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.network import Network
from specgeo.results import PAPER, Check, Result, axes
from specgeo.theory.parameters import (
    CellDerivatives,
    facet_jumps,
    facet_values,
    parameter_vector,
    spectral_gradient,
    with_parameters,
)
from specgeo.theory.robustness import PerturbationResponse, perturbation_response
from specgeo.theory.volume import ParameterVolume, parameter_volume

__all__ = [
    "CellDerivatives", "ParameterVolume", "PerturbationResponse", "RateReport", "facet_jumps", "fourier_ntk",
    "gradient_bound", "parameter_vector", "parameter_volume", "perturbation_response", "rate_report",
    "spectral_gradient", "with_parameters",
]  # fmt: skip

ROUNDING = 1e-9  # relative, of d f^/d theta against its bound: sums of all cells with cancellation


def gradient_bound(net: Network, cx: PolyhedralComplex, k: npt.ArrayLike, output: int = 0) -> FloatArray:
    """|k|^-1 [sum_F |u.n| int_F |G_1 - G_0| + sum_j |u_j| int |d_j G|]: bound on |d_theta f^(k)|, (n, p).

    Of the cut function. Hypotheses: k != 0; parameters at which the combinatorics are stable. Integrals of moduli are
    bounded by the interpolants of their vertex values (convexity).

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0]], [[2.0]]], [[0.0], [0.0]])            # 2 relu(x)
    >>> cx = sg.enumerate_regions(net, sg.Box([-1], [1]))
    >>> gradient_bound(net, cx, [[10.0]])                               # each is O(1/k)
    array([[0.4, 0.4, 0.2, 0.2]])
    """
    wave = as_points(k, "k", cx.dim).reshape(-1, cx.dim)
    length = np.linalg.norm(wave, axis=1)[:, None]
    if np.any(length == 0):
        raise InvalidInputError("k: contains the zero wavevector; leave it out")
    u = wave / length
    derivatives = CellDerivatives(net, cx, output)
    simplices, owner = cx.triangulation(cx.dim - 1)
    cells, normals = cx.facets.cells[owner], cx.facets.normals[owner]
    before, after = (facet_values(derivatives, cx, simplices, cells[:, side]) for side in (0, 1))
    sizes = cx.simplex_measures(cx.dim - 1)[:, None] * np.abs(after - before).mean(axis=1)
    total = np.abs(u @ normals.T) @ sizes
    every = np.arange(cx.n_cells)
    for j, axis in enumerate(np.eye(cx.dim)):
        total += np.abs(u[:, j, None]) * (cx.volumes @ np.abs(derivatives.slope(every, cx.centroids, axis)))
    return np.asarray(total / length)


@dataclass(frozen=True, eq=False)
class RateReport(Result):
    """The 1/|k| law of the spectrum's sensitivity.

    Attributes
    ----------
    coefficient : (p,) or None
        In d = 1, (sum_j |c_j d_theta x_j|^2)^{1/2} for each parameter: the predicted RMS of |k| |d_theta f^_int|.
    measured : (p,) or None
        That RMS over the window.
    window : (float, float)
        Range of |k|.
    checks : tuple of Check
    """

    coefficient: FloatArray | None
    measured: FloatArray | None
    window: tuple[float, float]
    checks: tuple[Check, ...]

    def __str__(self) -> str:
        lines = [f"sensitivity of the spectrum, |k| in [{self.window[0]:.4g}, {self.window[1]:.4g}]"]
        if self.coefficient is not None and self.measured is not None:
            moving = self.coefficient > 1e-10 * (1 + self.coefficient.max())  # below: rounding of values that cancel
            if np.any(moving):
                gap = np.abs(self.measured[moving] / self.coefficient[moving] - 1).max()
                lines.append(f"  1/|k| coefficients of {moving.sum()} parameters: RMS within {gap:.2%} of prediction")
        return "\n".join([*lines, *map(str, self.checks)])

    def plot(self, ax: Any = None) -> Any:
        """Measured against predicted coefficient, one dot a parameter."""
        ax = axes(ax)
        if self.coefficient is not None and self.measured is not None:
            ax.plot(self.coefficient, self.measured, "o", label="a parameter")
            top = max(float(self.coefficient.max()), 1e-300)
            ax.plot([0, top], [0, top], "k-", label="limit")
            ax.legend()
            ax.set_xlabel("predicted coefficient")
            ax.set_ylabel("RMS of |k| |d f^/d theta|")
        else:
            ax.barh([c.name for c in self.checks], [c.ratio for c in self.checks])
            ax.set_xlabel("measured / bound")
        return ax


@checked
def rate_report(
    net: Network,
    cx: PolyhedralComplex,
    output: int = 0,
    window: tuple[float, float] | None = None,
    samples: int = 400,
    rng: RNGLike = 0,
) -> RateReport:
    r"""Derivatives d f^/d theta against the rigorous O(1/\|k\|) bound, and in d = 1 against its exact coefficient.

    Parameters
    ----------
    net : Network
    cx : PolyhedralComplex
        Its complex.
    output : int
    window : (float, float), optional
        Range of \|k\|; default 200 to 20000 over the domain's diameter.
    samples : int
        Wavevectors: lengths uniform over the window, isotropic directions.
    rng : int, SeedSequence, BitGenerator, Generator or None

    Returns
    -------
    RateReport

    Notes
    -----
    Work and memory grow like (cells + facets) * parameters, the work times ``samples`` too: for nets of
    thousands of cells and parameters ask for few samples.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0]], [[2.0]]], [[0.0], [0.0]])            # kink of jump 2 at -b/w
    >>> report = rate_report(net, sg.enumerate_regions(net, sg.Box([-1], [1])))
    >>> report.coefficient, report.checks[0].holds
    (array([0., 2., 0., 0.]), True)
    """
    diameter = float(np.linalg.norm(np.ptp(cx.vertices, axis=0)))
    low, high = window or (200.0 / diameter, 20000.0 / diameter)
    if not 0 < low < high or samples < 2:
        raise InvalidInputError("window, samples: 0 < low < high and at least 2 samples wanted")
    generator = as_rng(rng)
    u = generator.standard_normal((samples, cx.dim))
    length = generator.uniform(low, high, samples)[:, None]
    k = u / np.linalg.norm(u, axis=1, keepdims=True) * length
    gradient = np.abs(spectral_gradient(net, cx, k, output))
    bound = gradient_bound(net, cx, k, output)
    rounding = 1e-12 * bound.max(initial=0.0)  # of derivatives that vanish, and so have the bound 0
    share = np.where(bound > 0, gradient / np.where(bound > 0, bound, 1.0), np.where(gradient <= rounding, 0.0, np.inf))
    i, j = np.unravel_index(int(share.argmax()), share.shape)
    statement = f"|d_theta f^(k)| <= C_theta / |k| for every parameter (equation (9), Propositions 1 and 2, {PAPER})"
    check = Check("perturbation.rate", statement, float(gradient[i, j]), float(bound[i, j]), "<=",
                  float(ROUNDING * bound[i, j] + rounding), {"k": k[i], "parameter": int(j)})  # fmt: skip
    coefficient = measured = None
    if cx.dim == 1:
        coefficient = np.sqrt((facet_jumps(net, cx, output) ** 2).sum(axis=0))
        inner = np.abs(spectral_gradient(net, cx, k, output, "interior")) * length
        measured = np.sqrt((inner**2).mean(axis=0))
    return RateReport(coefficient, measured, (low, high), (check,))


@checked
def fourier_ntk(
    net: Network,
    cx: PolyhedralComplex,
    k: npt.ArrayLike,
    output: int = 0,
    boundary: Literal["cut", "interior"] = "cut",
) -> ComplexArray:
    r"""Finite-width Fourier NTK K(k, k') = sum_theta d_theta f^(k) conj(d_theta f^(k')): (n, n), Hermitian.

    Gradient flow on the Parseval loss sum_k \|h(k)\|^2 obeys d h(k)/dt = -2 sum_k' K(k, k') h(k'). For the
    loss int_0^1 \|f - target\|^2 take k = 2 pi n. The diagonal is O(\|k\|^-2).

    Parameters
    ----------
    net : Network
    cx : PolyhedralComplex
        Its complex.
    k : array_like, shape (n, d)
        Wavevectors, angular.
    output : int
    boundary : {"cut", "interior"}
        As in `spectral_gradient`.

    Returns
    -------
    ndarray of complex128, shape (n, n)

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0]], [[2.0]]], [[0.0], [0.0]])
    >>> fourier_ntk(net, sg.enumerate_regions(net, sg.Box([-1], [1])), [[0.0]]).real
    array([[9.25]])
    """
    gradient = spectral_gradient(net, cx, k, output, boundary)
    return np.asarray(gradient @ gradient.conj().T)
