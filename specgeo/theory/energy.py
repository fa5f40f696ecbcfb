r"""Energy below and above a cutoff: the integral of |f^|^2 over a ball or a box of wavevectors, with a proved error.

    low  = (2 pi)^-d int_{|k| <= K} |f^(k)|^2 dk,     low + high = int_Omega f^2     (Parseval; f is cut at the domain)

f^ is a closed form, and the integral of its square a sum at nodes with a proved error (`specgeo.theory.cutoffs`): over
a box at wavevectors, over a ball at radii, by shell energies (`specgeo.radial_spectrum`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from specgeo._arguments import checked
from specgeo._budget import within_memory
from specgeo._cast import FloatArray
from specgeo._double import UNIT_ROUNDOFF
from specgeo.errors import InvalidInputError
from specgeo.fourier.deviation import deviation_of
from specgeo.fourier.forms import forms_of
from specgeo.fourier.radial import radial_spectrum
from specgeo.fourier.series import mean_square
from specgeo.fourier.spectra import spectrum, volume_bound
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.results import Result, axes
from specgeo.theory.cutoffs import box_rule, shell_rule


@dataclass(frozen=True, eq=False)
class EnergySplit(Result):
    r"""int f^2 over the domain, split at a cutoff; arrays have shape (m,).

    Attributes
    ----------
    cutoff : float
    shape : {"ball", "box"}
    low, high, total : (m,)
    error : (m,)
        Bound on the error of each: the rule, the rounding, and the distance of the stored complex from its network.
    n_nodes : int
        Wavevectors at which the rule takes \|f^\|^2 along an axis ("box") or shells ("ball").
    """

    cutoff: float
    shape: str
    low: FloatArray
    high: FloatArray
    total: FloatArray
    error: FloatArray
    n_nodes: int

    @property
    def high_fraction(self) -> FloatArray:
        """high / total, (m,); 0 where f = 0."""
        return np.asarray(self.high / np.where(self.total > 0, self.total, 1.0))

    def __str__(self) -> str:
        where = "|k|" if self.shape == "ball" else "max |k_i|"
        rows = [
            f"  output {j}: {low:.6g} below, {high:.6g} above, of {total:.6g} (+- {error:.1g})"
            for j, (low, high, total, error) in enumerate(
                zip(self.low, self.high, self.total, self.error, strict=True)
            )
        ]
        return "\n".join([f"energy split at {where} = {self.cutoff:g}:", *rows])

    def plot(self, ax: Any = None) -> Any:
        """A bar for each output, the part below the cutoff and the part above."""
        ax = axes(ax)
        at = np.arange(len(self.total))
        ax.bar(at, self.low, color="#0072B2", label="below")
        ax.bar(at, self.high, bottom=self.low, color="#E69F00", label="above")
        ax.set(xlabel="output", ylabel="energy", xticks=at, title=f"cutoff {self.cutoff:g}")
        ax.legend()
        return ax


@checked
@within_memory
def energy_split(cx: PolyhedralComplex, cutoff: float, shape: Literal["ball", "box"] = "ball") -> EnergySplit:
    r"""Energy of f below and above a cutoff frequency, without sampling f.

    Source: the decomposition of Kiessling and Thor 2022, there estimated by a discrete Fourier transform or by
    convolution; the complex of a residual f - target gives theirs. For series use `specgeo.fourier.tail_energy`.

    Parameters
    ----------
    cx : PolyhedralComplex
        f is taken as zero outside the domain. "ball": dimension 1 to 3.
    cutoff : float
        K > 0, radians per unit length.
    shape : {"ball", "box"}
        \|k\| <= K, or \|k_i\| <= K on each axis.

    Returns
    -------
    EnergySplit
        low = (2 pi)^-d times the integral of \|f^\|^2 over these k; low + high = total = int f^2.

    Raises
    ------
    InvalidInputError
        The cutoff is not positive, or takes more than 2^22 wavevectors.
    UnsupportedError
        "ball" above dimension 3.

    Notes
    -----
    About (K s / 2 + 15) nodes along an axis of side s.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> tent = sg.enumerate_regions(net, sg.Box([-1], [1]))
    >>> split = sg.theory.energy_split(tent, 3.0)       # 1/pi times the integral of sinc(k/2)^4 from 0 to 3
    >>> split.low.round(9), split.total.round(9), bool(split.error[0] < 1e-12)
    (array([0.62512008]), array([0.66666667]), True)
    """
    if cutoff <= 0:
        raise InvalidInputError(f"cutoff: {cutoff} given; a positive number wanted")
    forms = forms_of(cx)
    total, total_error = mean_square(forms), square_error(cx)
    sides, diameter = extents(cx)
    if shape == "ball":
        rule = shell_rule(cutoff, cx.dim, diameter)
        shells = radial_spectrum(cx, rule.nodes)
        low, error = rule.energy(shells.energy, shells.energy_error)
    else:
        rule = box_rule(cutoff, sides)
        values, errors = spectrum(cx, rule.nodes, return_error=True)
        low, error = rule.energy(np.abs(values) ** 2, (2 * np.abs(values) + errors) * errors)
    volume = float(forms.volume.cells.measures.sum())
    error = error + volume * (total + total_error) * rule.left_out * 1.001
    return EnergySplit(cutoff, shape, low, total - low, total, error + total_error, rule.n)


def square_error(cx: PolyhedralComplex) -> FloatArray:
    """Bound on the error of int f^2, (m,): rounding, and the distance of the stored complex from its network."""
    forms = forms_of(cx)
    values = forms.volume.cells.values
    assert values is not None
    rounding = 16 * UNIT_ROUNDOFF * (1 + np.sqrt(cx.n_cells) + cx.dim) * mean_square(forms)
    largest = np.abs(values).max(axis=(0, 1))
    return np.asarray(rounding + 2.01 * largest * (deviation_of(cx).cells + volume_bound(forms)))


def extents(cx: PolyhedralComplex) -> tuple[FloatArray, float]:
    """Sides of a box around the domain, (d,), and its diagonal."""
    sides = np.ptp(cx.vertices, axis=0)
    return sides, float(np.linalg.norm(sides))
