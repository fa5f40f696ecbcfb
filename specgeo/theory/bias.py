"""The spectral bias as a number: how much of the target's energy a network leaves unexplained below and above a cutoff.

    E_low = int_{|k| <= K} |f^ - target^|^2 / int_{|k| <= K} |target^|^2,    E_high the same for |k| > K
    index = (E_high - E_low) / (E_high + E_low)

from -1 to 1: positive where high frequencies are explained worse. Source: Kiessling and Thor 2022, who estimate both by
a discrete Fourier transform or by convolution; here f and the target are cut at the domain, and the integrals are those
of `specgeo.theory.energy_split`, with its proved error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from specgeo._arguments import checked
from specgeo._budget import within_memory
from specgeo._cast import FloatArray
from specgeo._double import UNIT_ROUNDOFF
from specgeo.domain import Box
from specgeo.enumeration import enumerate_regions
from specgeo.errors import DomainError, InvalidInputError
from specgeo.fourier.spectra import spectrum
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.structure import require_network
from specgeo.network import Network
from specgeo.results import Result, axes
from specgeo.theory.cutoffs import Rule, ball_rule, box_rule
from specgeo.theory.differences import difference
from specgeo.theory.energy import EnergySplit, energy_split, extents, square_error
from specgeo.theory.sines import Sines, transform_rounding


@dataclass(frozen=True, eq=False)
class SpectralBias(Result):
    """Energies of a target and of what a network leaves of it; arrays have shape (m,).

    Attributes
    ----------
    target : EnergySplit
    residual : EnergySplit
        Of f - target.
    """

    target: EnergySplit
    residual: EnergySplit

    @property
    def unexplained_low(self) -> FloatArray:
        """E_low: energy of the residual below the cutoff, over that of the target; inf where the target has none."""
        return _ratio(self.residual.low, self.target.low)

    @property
    def unexplained_high(self) -> FloatArray:
        """E_high: the same above the cutoff."""
        return _ratio(self.residual.high, self.target.high)

    @property
    def index(self) -> FloatArray:
        """(E_high - E_low) / (E_high + E_low), from -1 to 1; NaN where both vanish."""
        return _index(self.unexplained_low, self.unexplained_high)

    @property
    def index_error(self) -> FloatArray:
        """Bound on the error of ``index``, by that of the energies; 2 where they say nothing."""
        t, r = self.target, self.residual
        low, high = ((np.maximum(of - r.error, 0.0), of + r.error, by) for of, by in ((r.low, t.low), (r.high, t.high)))
        least = [_ratio(e[0], e[2] + t.error) for e in (low, high)]
        most = [np.where(e[2] > t.error, _ratio(e[1], e[2] - t.error), np.inf) for e in (low, high)]
        ends = np.stack((_index(most[0], least[1]), _index(least[0], most[1])))
        gap = np.abs(ends - self.index).max(axis=0) * (1 + 1e-9) + 16 * UNIT_ROUNDOFF
        return np.asarray(np.where(np.isfinite(gap), np.minimum(gap, 2.0), 2.0))

    def __str__(self) -> str:
        where = "|k|" if self.target.shape == "ball" else "max |k_i|"
        rows = [
            f"  output {j}: {low:.4g} of the target's energy unexplained below, {high:.4g} above; index {index:.4g}"
            for j, (low, high, index) in enumerate(
                zip(self.unexplained_low, self.unexplained_high, self.index, strict=True)
            )
        ]
        return "\n".join([f"spectral bias, cutoff {where} = {self.target.cutoff:g}:", *rows])

    def plot(self, ax: Any = None) -> Any:
        """Two bars for each output: the unexplained fractions below and above the cutoff."""
        ax = axes(ax)
        at = np.arange(len(self.residual.total))
        ax.bar(at - 0.2, self.unexplained_low, 0.4, color="#0072B2", label="below")
        ax.bar(at + 0.2, self.unexplained_high, 0.4, color="#E69F00", label="above")
        ax.set(xlabel="output", ylabel="unexplained fraction", xticks=at, title=f"cutoff {self.target.cutoff:g}")
        ax.legend()
        return ax


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(whole > 0, part / whole, np.inf))


def _index(low: FloatArray, high: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.minimum(low, high) / np.maximum(low, high)
        return np.asarray(np.sign(high - low) * (1 - ratio) / (1 + ratio))


@checked
@within_memory
def spectral_bias(
    cx: PolyhedralComplex, target: Sines | Network, cutoff: float, shape: Literal["ball", "box"] = "ball"
) -> SpectralBias:
    r"""Fractions of a target's energy that a network leaves unexplained below and above a cutoff, and their index.

    Source: Kiessling and Thor 2022; see `SpectralBias`.

    Parameters
    ----------
    cx : PolyhedralComplex
        Of the network; "ball" in dimension 1 to 3.
    target : specgeo.learning.Sines or Network
        Sines: cx on a `Box`; each output is compared with them. A Network has as many inputs and outputs as cx; the
        difference is enumerated.
    cutoff : float
        K > 0, radians per unit length. Kiessling and Thor take one that halves the target's energy.
    shape : {"ball", "box"}
        \|k\| <= K, or \|k_i\| <= K on each axis.

    Returns
    -------
    SpectralBias

    Raises
    ------
    InvalidInputError
        A cutoff that is not positive or takes too many wavevectors; inputs or outputs that differ.
    DomainError
        Sines and a domain that is not a box.
    UnsupportedError
        "ball" above dimension 3; a Network as target, and a complex that does not know its own.

    Examples
    --------
    A straight line explains none of a fast sine, and little of a slow one:

    >>> import numpy as np, specgeo as sg
    >>> target = sg.learning.Sines(2 * np.pi * np.array([1.0, 8.0]), [1.0, 0.5])
    >>> line = sg.Network([[[1.0]], [[-2.0]]], [[0.0], [1.0]])                   # 1 - 2x on [0, 1]
    >>> bias = sg.theory.spectral_bias(sg.enumerate_regions(line, sg.Box([0], [1])), target, 30.0)
    >>> print(bias)
    spectral bias, cutoff |k| = 30:
      output 0: 0.3155 of the target's energy unexplained below, 1.015 above; index 0.5259
    """
    if cutoff <= 0:
        raise InvalidInputError(f"cutoff: {cutoff} given; a positive number wanted")
    if isinstance(target, Network):
        layers, _ = require_network(cx, "its difference from another network")
        own = Network(list(layers.weights), list(layers.biases), list(layers.activations))
        pair = (enumerate_regions(net, cx.domain) for net in (target, difference(own, target)))
        return SpectralBias(*(energy_split(each, cutoff, shape) for each in pair))
    if not isinstance(cx.domain, Box):
        raise DomainError("cx: its domain is not a Box; sums of sines are cut at boxes")
    if target.wavevectors.shape[1] != cx.dim:
        raise InvalidInputError(f"target: {target.wavevectors.shape[1]} inputs given, {cx.dim} wanted")
    sides, diameter = extents(cx)
    rule = ball_rule(cutoff, cx.dim, diameter) if shape == "ball" else box_rule(cutoff, sides)
    return SpectralBias(
        _of_target(cx.domain, target, cutoff, shape, rule), _of_residual(cx, cx.domain, target, cutoff, shape, rule)
    )


def _of_target(box: Box, target: Sines, cutoff: float, shape: str, rule: Rule) -> EnergySplit:
    values = target.transform(rule.nodes, box)[:, None]
    errors = transform_rounding(target, rule.nodes, box)[:, None]
    total, off = _square(target, box)
    return _split(values, errors, np.array([total]), np.array([off]), box.volume, cutoff, shape, rule)


def _of_residual(
    cx: PolyhedralComplex, box: Box, target: Sines, cutoff: float, shape: str, rule: Rule
) -> EnergySplit:
    values, errors = spectrum(cx, rule.nodes, return_error=True)
    values = values - target.transform(rule.nodes, box)[:, None]
    errors = errors + transform_rounding(target, rule.nodes, box)[:, None] + UNIT_ROUNDOFF * np.abs(values)
    # int f sin(k.x + phi) = Im(e^{i phi} conj f^(k))
    own, own_errors = spectrum(cx, target.wavevectors, return_error=True)
    size = np.abs(target.amplitudes)
    cross = target.amplitudes @ np.imag(np.exp(1j * target.phases)[:, None] * np.conj(own))
    square, off = _square(target, box)
    terms = cx.integrate(2) + square + 2 * size @ np.abs(own)
    error = square_error(cx) + off + 2 * size @ own_errors + (len(size) + 8) * UNIT_ROUNDOFF * terms
    total = np.maximum(cx.integrate(2) - 2 * cross + square, 0.0)
    return _split(values, errors, total, error, box.volume, cutoff, shape, rule)


def _square(target: Sines, box: Box) -> tuple[float, float]:
    """int target^2 over the box, and a bound on its rounding: the transform at its own wavevectors."""
    k, a = target.wavevectors, np.abs(target.amplitudes)
    return box.volume * target.mean_square(box), float(2 * a @ transform_rounding(target, k, box))


def _split(
    values: Any, errors: FloatArray, total: FloatArray, total_error: FloatArray, volume: float, cutoff: float,
    shape: str, rule: Rule,
) -> EnergySplit:  # fmt: skip
    low, error = rule.energy(np.abs(values) ** 2, (2 * np.abs(values) + errors) * errors)
    error = error + volume * (total + total_error) * rule.left_out * 1.001
    return EnergySplit(cutoff, shape, low, total - low, total, error + total_error, rule.n)
