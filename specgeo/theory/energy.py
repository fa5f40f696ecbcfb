r"""Energy below and above a cutoff: the integral of |f^|^2 over a ball or a box of wavevectors, with a proved error.

    low  = (2 pi)^-d int_{|k| <= K} |f^(k)|^2 dk,     low + high = int_Omega f^2     (Parseval; f is cut at the domain)

f^ is a closed form, and |f^|^2 the transform of the autocorrelation A of f, which vanishes beyond the domain's extents:
an entire function of known exponential type. On such functions Gauss's rule converges faster than any power, and its
error has a bound without unknown constants. With M nodes on an interval of length l, for cos(k z), |z| <= s,

    |Q - I| <= g(M, l, s) = l^(2M+1) M!^4 s^2M / ((2M + 1) (2M)!^3),      int |A| <= (int |f|)^2 <= |Omega| int f^2.

Box: the rule along each axis, s its side, |Q - I| <= int |A| sum_i g_i prod_{j != i} l_j. Ball: the rule in t = |k|
over shell energies (`specgeo.radial_spectrum`), whose directions are exact to rounding; as t^(d-1) cos(t z) has a
2M-th derivative of (K + 2M / s)^(d-1) s^2M at most, the bound is the area of the unit sphere times this and g / s^2M.
M is chosen so that the bound is far below rounding: about one node for each oscillation of |f^|^2.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, log, pi
from typing import Any, Literal

import numpy as np
from scipy.special import roots_legendre

from specgeo._arguments import checked
from specgeo._budget import within_memory
from specgeo._cast import FloatArray
from specgeo._double import UNIT_ROUNDOFF
from specgeo.errors import InvalidInputError
from specgeo.fourier.deviation import deviation_of
from specgeo.fourier.forms import forms_of
from specgeo.fourier.radial import radial_spectrum, sphere_area
from specgeo.fourier.series import mean_square
from specgeo.fourier.spectra import spectrum, volume_bound
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.results import Result, axes

_NEGLIGIBLE = 1e-18  # of |Omega| int f^2 times the volume of the wavevectors: what the rule may leave out
MAX_NODES = 1 << 22


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
        The cutoff is not positive, or takes more than `MAX_NODES` wavevectors.
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
    total = mean_square(forms)
    values = forms.volume.cells.values
    assert values is not None
    largest, volume = np.abs(values).max(axis=(0, 1)), float(forms.volume.cells.measures.sum())
    total_error = 16 * UNIT_ROUNDOFF * (1 + np.sqrt(cx.n_cells) + cx.dim) * total
    total_error += 2.01 * largest * (deviation_of(cx).cells + volume_bound(forms))
    low, error, nodes = (_ball if shape == "ball" else _box)(cx, cutoff)
    size, left_out = volume * (total + total_error), _left_out(cx, cutoff, shape, nodes)
    error = error + size * left_out * 1.001
    return EnergySplit(cutoff, shape, low, total - low, total, error + total_error, nodes)


def _ball(cx: PolyhedralComplex, cutoff: float) -> tuple[FloatArray, FloatArray, int]:
    n = _n_nodes(cutoff, _diameter(cx))
    nodes, weights = roots_legendre(n)
    t, w = cutoff * (1 + nodes) / 2, weights * cutoff / 2 / (2 * pi) ** cx.dim
    shells = radial_spectrum(cx, t)
    low = w @ shells.energy
    # a node off by a roundoff moves |f^|^2 by that times its frequency; weights and the sum by some roundoffs
    rounding = (n + 16 + 4 * cutoff * _diameter(cx)) * UNIT_ROUNDOFF * (low + w.sum() * shells.energy.max(axis=0))
    return np.asarray(low), np.asarray(w @ shells.energy_error + rounding), n


def _box(cx: PolyhedralComplex, cutoff: float) -> tuple[FloatArray, FloatArray, int]:
    sides = np.ptp(cx.vertices, axis=0)
    n = _n_nodes(2 * cutoff, float(sides.max()))
    if float(n) ** cx.dim > MAX_NODES:
        raise InvalidInputError(
            f"cutoff: {cutoff:g} takes {n} nodes on each of {cx.dim} axes, {MAX_NODES} are allowed in all; lower it"
        )
    nodes, weights = roots_legendre(n)
    k = np.stack(np.meshgrid(*[cutoff * nodes] * cx.dim, indexing="ij"), axis=-1).reshape(-1, cx.dim)
    w = np.ones(1)
    for _ in range(cx.dim):
        w = np.multiply.outer(w, weights * cutoff / (2 * pi)).ravel()
    values, errors = spectrum(cx, k, return_error=True)
    power: FloatArray = np.abs(values) ** 2
    low = w @ power
    rounding = (n + 16 + 4 * cutoff * float(sides.sum())) * UNIT_ROUNDOFF * (low + w.sum() * power.max(axis=0))
    return np.asarray(low), np.asarray(w @ ((2 * np.abs(values) + errors) * errors) + rounding), n


def _diameter(cx: PolyhedralComplex) -> float:
    return float(np.linalg.norm(np.ptp(cx.vertices, axis=0)))


def _log_gauss(n: int, length: float, reach: float) -> float:
    """log of g(n, length, reach): the error of n nodes on cos(k z), |z| <= reach."""
    factorials = 4 * lgamma(n + 1) - 3 * lgamma(2 * n + 1)
    return (2 * n + 1) * log(length) + 2 * n * log(reach) + factorials - log(2 * n + 1)


def _n_nodes(length: float, reach: float) -> int:
    n = 8
    while _log_gauss(n, length, reach) - log(length) > log(_NEGLIGIBLE):
        n += max(1, n // 16)
        if n > MAX_NODES:
            raise InvalidInputError(f"cutoff: {length:g} times the domain's extent takes too many nodes; lower it")
    return n


def _left_out(cx: PolyhedralComplex, cutoff: float, shape: str, n: int) -> float:
    """Bound on the error of the rule, in units of |Omega| int f^2; factor (2 pi)^-d included."""
    d = cx.dim
    if shape == "ball":
        reach = _diameter(cx)
        growth = sphere_area(d) * (cutoff + 2 * n / reach) ** (d - 1)
        return float(growth * np.exp(_log_gauss(n, cutoff, reach)) / (2 * pi) ** d)
    sides = np.ptp(cx.vertices, axis=0).tolist()
    return float(sum(np.exp(_log_gauss(n, 2 * cutoff, s)) for s in sides) * (2 * cutoff) ** (d - 1) / (2 * pi) ** d)
