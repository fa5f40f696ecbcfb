r"""What random noise on the parameters does to a spectrum: exact spectra of perturbed networks, and the first order.

Notation: theta + delta v with v uniform on the unit sphere of R^p, or one of its 2 p coordinate vectors +-e_j. To first
order the change of a linear functional of f is delta v.g, g its gradient, so E|v.g|^2 = |g|^2 / p for both. Where noise
moves the kinks of f, the gradient falls as 1/|k| and the spectrum itself as 1/|k|^2 (mirror and interior spectra, which
have no walls): relative changes then grow with |k|. Source: Experiment 2 of arXiv 1806.08734v3, with exact spectra.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import ComplexArray, FloatArray, RNGLike, as_floats, as_points, as_rng
from specgeo._limits import check_time
from specgeo.domain import Box, Polytope
from specgeo.errors import DomainError, InvalidInputError
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.network import Network
from specgeo.results import RADIANS, Result, axes
from specgeo.theory.parameters import parameter_vector, spectral_gradient, with_parameters
from specgeo.theory.variation import checked_output

Boundary = Literal["cut", "interior", "mirror"]
Perturbation = Literal["isotropic", "axis-aligned"]


@dataclass(frozen=True, eq=False)
class PerturbationResponse(Result):
    """Exact spectra of randomly perturbed networks against the first-order prediction.

    Attributes
    ----------
    deltas : (q,)
        Lengths of the perturbation.
    wavevectors : (n, d)
    baseline : (n,)
        |f^(k)| unperturbed.
    mean_magnitude : (q, n)
        Mean of |f^(k)| over the directions.
    rms_change, predicted_change : (q, n)
        RMS of |f^_{theta + delta v}(k) - f^_theta(k)|, and delta |d_theta f^(k)| / sqrt(p).
    remainder : (q, n)
        RMS of |f^_{theta + delta v}(k) - f^_theta(k) - delta v.d_theta f^(k)|, direction by direction: what the first
        order leaves, without sampling error.
    directions : int
    gradient : (n, p)
        d_theta f^(k); left out of `to_dict`.
    spectra : (q, directions, n)
        f^(k) of every perturbed network; left out of `to_dict`.
    perturbation : {"isotropic", "axis-aligned"}
    """

    deltas: FloatArray
    wavevectors: FloatArray
    baseline: FloatArray
    mean_magnitude: FloatArray
    rms_change: FloatArray
    predicted_change: FloatArray
    remainder: FloatArray
    directions: int
    gradient: ComplexArray = field(repr=False)
    spectra: ComplexArray = field(repr=False)
    perturbation: Perturbation = "isotropic"

    def retention(
        self, bands: Sequence[npt.ArrayLike] | None = None, confidence: float = 0.95
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Mean modulus of f^ over the unperturbed modulus, and Student's confidence interval for it.

        Parameters
        ----------
        bands : sequence of b index arrays of wavevectors, optional
            Those taken together, (sum_k |f^(k)|^2)^(1/2); each alone by default.
        confidence : float
            Between 0 and 1.

        Returns
        -------
        ratio, lower, upper : (q, b)
            Infinite intervals for one direction; NaN where f has no spectrum.
        """
        from scipy.stats import t

        if not 0.0 < confidence < 1.0:
            raise InvalidInputError(f"confidence: {confidence} given; pass a number between 0 and 1")
        rows = [np.asarray(band) for band in (np.arange(len(self.wavevectors))[:, None] if bands is None else bands)]
        base = np.array([np.linalg.norm(self.baseline[band]) for band in rows])
        sizes = np.stack([np.linalg.norm(self.spectra[:, :, band], axis=2) for band in rows], axis=2)
        mean, reach = sizes.mean(axis=1), np.full(sizes[:, 0].shape, np.inf)
        if (n := self.directions) > 1:
            reach = t.ppf(0.5 + confidence / 2, n - 1) * sizes.std(axis=1, ddof=1) / np.sqrt(n)
        unit = np.where(base > 0, base, np.nan)
        return mean / unit, np.maximum(mean - reach, 0.0) / unit, (mean + reach) / unit

    def band(self, rows: npt.ArrayLike) -> tuple[FloatArray, float, float]:
        """Relative changes of some wavevectors taken together.

        Parameters
        ----------
        rows : index of wavevectors

        Returns
        -------
        measured : (q,)
            (sum_k mean |change|^2 / sum_k |f^(k)|^2)^(1/2) for each delta.
        predicted : float
            The same to first order, divided by delta.
        error : float
            Relative standard error of ``measured`` from the number of directions, to first order.
        """
        some = np.asarray(rows)
        base = np.linalg.norm(self.baseline[some])
        measured = np.sqrt((self.rms_change[:, some] ** 2).sum(axis=1))
        gradient = self.gradient[some]
        predicted = np.linalg.norm(gradient) / np.sqrt(gradient.shape[1])
        with np.errstate(divide="ignore", invalid="ignore"):  # f may have no spectrum at these wavevectors
            relative = np.asarray(measured / base), float(predicted / base)
        return *relative, sampling_error(gradient, self.directions, self.perturbation)

    def __str__(self) -> str:
        lines = ["delta      RMS change / prediction (all k), standard error; remainder / prediction"]
        every = np.arange(len(self.wavevectors))
        error = self.band(every)[2]
        for delta, *rows in zip(self.deltas, self.rms_change, self.predicted_change, self.remainder, strict=True):
            change, predicted, left = (float(np.linalg.norm(row)) for row in rows)
            if predicted > 0:
                ratio = change / predicted
                lines.append(f"{delta:<10.4g} {ratio:.4f} +- {ratio * error:.2g}; {left / predicted:.2g}")
            else:
                lines.append(f"{delta:<10.4g} nothing changes to first order")
        return "\n".join(lines)

    def plot(self, ax: Any = None) -> Any:
        """RMS change and its prediction against |k|, one colour a delta."""
        ax = axes(ax)
        length = np.linalg.norm(self.wavevectors, axis=1)
        order = np.argsort(length, kind="stable")
        for delta, change, predicted in zip(self.deltas, self.rms_change, self.predicted_change, strict=True):
            line = ax.loglog(length, np.where(change > 0, change, np.nan), ".", label=f"δ = {delta:.3g}")[0]
            shown = np.where(predicted > 0, predicted, np.nan)[order]
            ax.loglog(length[order], shown, "-", color=line.get_color(), lw=0.8)
        ax.plot([], [], "-", color="0.4", lw=0.8, label="first order")
        ax.set_xlabel(RADIANS)
        ax.set_ylabel("RMS change of f^(k)")
        ax.legend()
        return ax


def sampling_error(gradient: ComplexArray, directions: int, perturbation: Perturbation = "isotropic") -> float:
    """Relative standard error of the root of a mean of sum_k |g_k.v|^2 over so many random unit vectors v.

    For v uniform on the sphere of R^p and G = sum of g g^T (real and imaginary parts apart), the variance of
    v.G.v / E[v.G.v] is p (1 + 2 tr G^2 / (tr G)^2) / (p + 2) - 1. For v a coordinate vector it is
    p sum_j G_jj^2 / (tr G)^2 - 1.
    """
    p, scale = gradient.shape[1], float(np.abs(gradient).max(initial=0.0))
    if scale == 0 or p < 2:
        return 0.0
    gradient = gradient / scale
    energy = (np.abs(gradient) ** 2).sum(axis=0)
    trace = float(energy.sum())
    if perturbation == "axis-aligned":
        return float(np.sqrt(max(0.0, p * float((energy**2).sum()) / trace**2 - 1) / directions) / 2)
    square = float((np.abs(gradient @ gradient.conj().T) ** 2 + np.abs(gradient @ gradient.T) ** 2).sum()) / 2
    variance = p * (1 + 2 * square / trace**2) / (p + 2) - 1
    return float(np.sqrt(max(0.0, variance) / directions) / 2)


@checked
def perturbation_response(
    net: Network,
    domain: Box | Polytope,
    k: npt.ArrayLike,
    deltas: npt.ArrayLike,
    directions: int = 16,
    output: int = 0,
    rng: RNGLike = 0,
    boundary: Boundary = "cut",
    perturbation: Perturbation = "isotropic",
) -> PerturbationResponse:
    r"""Spectra of theta + delta v for random unit vectors v over all parameters jointly.

    To first order E \|f^_{theta + delta v}(k) - f^_theta(k)\|^2 = delta^2 \|d_theta f^(k)\|^2 / p for isotropic v, and
    for v = +-e_j with j drawn from all p parameters.

    Parameters
    ----------
    net : Network
    domain : Box or Polytope
    k : array_like, shape (n, d)
    deltas : array_like, shape (q,)
    directions : int
        Random directions, the same for every delta.
    output : int
    rng : int, SeedSequence, BitGenerator, Generator or None
    boundary : {"cut", "interior", "mirror"}
        "cut": of f times the indicator of the domain, whose walls dominate at large \|k\|. "interior": of the kinks
        inside (one input). "mirror": int f(x) prod_j cos(k_j (x_j - a_j)) dx on a box with lower corner a, which at
        k = pi n / s (s the sides) is the volume times the coefficient c_n of the mirror series.
    perturbation : {"isotropic", "axis-aligned"}
        v uniform on the unit sphere, or one parameter alone, up or down.

    Returns
    -------
    PerturbationResponse

    Raises
    ------
    DomainError
        "mirror" on a domain that is no box.
    InvalidInputError
        No directions or no deltas, or a boundary that is not known.
    UnsupportedError
        "interior" with two inputs or more: see `spectral_gradient`.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [-2.0]], [[2.0, 1.0]]], [[0.1, 0.3], [0.0]])
    >>> response = perturbation_response(net, sg.Box([-1], [1]), [[3.0], [30.0]], [1e-5], directions=400)
    >>> bool(abs(response.rms_change / response.predicted_change - 1).max() < 0.15)
    True
    >>> bool((response.remainder / response.predicted_change).max() < 1e-3)
    True
    """
    from specgeo.enumeration import enumerate_regions

    wave = as_points(k, "k", net.input_dim).reshape(-1, net.input_dim)
    lengths = as_floats(deltas, "deltas", (None,))
    if directions < 1 or len(lengths) == 0:
        raise InvalidInputError("directions, deltas: at least one of each wanted")
    if boundary == "mirror" and not isinstance(domain, Box):
        raise DomainError("domain: not a Box; the mirror spectrum needs one, use boundary='cut'")
    theta = parameter_vector(net)
    v = _unit_vectors(as_rng(rng), directions, len(theta), perturbation)
    cx = enumerate_regions(net, domain)
    checked_output(cx, output)
    base = _spectrum(cx, wave, output, boundary)
    gradient = _gradient(net, cx, wave, output, boundary)
    changes = np.empty((len(lengths), directions, len(wave)), dtype=np.complex128)
    for i, delta in enumerate(lengths):
        for j in range(directions):
            check_time()
            moved = enumerate_regions(with_parameters(net, theta + delta * v[j]), domain)
            changes[i, j] = _spectrum(moved, wave, output, boundary) - base
    first = lengths[:, None, None] * (v @ gradient.T)
    size = np.linalg.norm(gradient, axis=1) / np.sqrt(len(theta))
    return PerturbationResponse(
        deltas=lengths,
        wavevectors=wave,
        baseline=np.abs(base),
        mean_magnitude=np.abs(base + changes).mean(axis=1),
        rms_change=np.sqrt((np.abs(changes) ** 2).mean(axis=1)),
        predicted_change=np.abs(lengths)[:, None] * size,
        remainder=np.sqrt((np.abs(changes - first) ** 2).mean(axis=1)),
        directions=directions,
        gradient=gradient,
        spectra=base + changes,
        perturbation=perturbation,
    )


def _unit_vectors(rng: np.random.Generator, n: int, p: int, perturbation: Perturbation) -> FloatArray:
    if perturbation == "axis-aligned":
        v = np.zeros((n, p))
        v[np.arange(n), rng.integers(p, size=n)] = rng.choice([-1.0, 1.0], n)
        return v
    v = rng.standard_normal((n, p))
    return np.asarray(v / np.linalg.norm(v, axis=1, keepdims=True))


def _spectrum(cx: PolyhedralComplex, k: FloatArray, output: int, boundary: Boundary) -> ComplexArray:
    from specgeo.fourier.spectra import spectrum

    if boundary != "mirror":
        return np.asarray(spectrum(cx, k, boundary), dtype=np.complex128)[:, output]
    reflected, phases = _reflections(cx.domain, k)
    values = np.asarray(spectrum(cx, reflected.reshape(-1, cx.dim)))[:, output]
    return np.asarray((phases * values.reshape(phases.shape)).mean(axis=1).real.astype(np.complex128))


def _gradient(net: Network, cx: PolyhedralComplex, k: FloatArray, output: int, boundary: Boundary) -> ComplexArray:
    if boundary != "mirror":
        return spectral_gradient(net, cx, k, output, boundary)
    reflected, phases = _reflections(cx.domain, k)
    values = spectral_gradient(net, cx, reflected.reshape(-1, cx.dim), output)
    means = (phases[:, :, None] * values.reshape(*phases.shape, -1)).mean(axis=1)
    return np.asarray(means.real.astype(np.complex128))


def _reflections(box: Box, k: FloatArray) -> tuple[FloatArray, ComplexArray]:
    """Half of the reflections of each k, (n, 2^(d-1), d), and e^{i k.a}: f being real, the real part is the mean."""
    signs = np.array([(1.0, *rest) for rest in product((1.0, -1.0), repeat=box.dim - 1)])
    reflected = k[:, None, :] * signs
    return reflected, np.exp(1j * (reflected @ box.lower))
