r"""What an FFT of samples can know: aliasing certified, and the number of samples a frequency needs.

Notation: N samples a period of length T, F_n the discrete and c_n the exact Fourier coefficient. With
|c_n| <= B / n^2, B = T TV(f') / (4 pi^2) (kink at the seam included),

    |F_n - c_n| <= B E_N(n),   E_N(n) = pi^2 / (N sin(pi n / N))^2 - 1 / n^2,   E_N(0) = pi^2 / (3 N^2),

worst at n = N/2, where it is (pi^2 - 4) B / N^2. In d dimensions the axes contribute one after the other
(`specgeo.fourier.sampled`). An FFT on the training grid sees the training residual, not the
function: with zero training loss it equals the target's, whatever lies between the samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import FloatArray, IntArray
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.fourier.sampled import SampledSpectrum, alias_bound, alias_factor, sampled_spectrum
from specgeo.fourier.series import as_modes
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.results import Check, Result, axes
from specgeo.theory.variation import checked_output, total_variation

__all__ = ["AliasReport", "alias_constant", "alias_factor", "alias_report", "samples_needed"]

Extension = Literal["mirror", "periodic"]
ROUNDING = 1e-12  # relative, of the evaluation of the bound
LARGEST = 1 << 26  # samples an axis that samples_needed is willing to name


@checked
def alias_constant(cx: PolyhedralComplex, output: int = 0, extension: Extension = "mirror") -> float:
    """B = T TV(f') / (4 pi^2) in one dimension: |c_n| <= B / n^2 on the torus, without a jump at the seam.

    Examples
    --------
    The tent on [-1, 1] continued with period 2: slopes 1 and -1, TV(f') = 4 a period.

    >>> import numpy as np, specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> tent = sg.enumerate_regions(net, sg.Box([-1], [1]))
    >>> bool(np.isclose(alias_constant(tent, extension="periodic"), 2 * 4 / (4 * np.pi ** 2)))
    True
    """
    if cx.dim != 1:
        raise UnsupportedError("cx: the constant B is for one dimension; use alias_report")
    side = float(np.ptp(cx.vertices))
    if extension == "mirror":  # a period of two boxes
        return 2 * side * 2 * total_variation(cx, output, "mirror") / (4 * pi**2)
    output = checked_output(cx, output)
    slopes = cx.gradients[np.argsort(cx.centroids[:, 0]), output, 0]
    return side * float(np.abs(np.diff(slopes)).sum() + abs(slopes[0] - slopes[-1])) / (4 * pi**2)


@dataclass(frozen=True, eq=False)
class AliasReport(Result):
    """DFT against exact coefficients, mode by mode.

    Attributes
    ----------
    n_samples : tuple of int
        Samples a period, along each axis.
    modes : (q, d)
    difference, bound, exact : (q,)
        |F_n - c_n|, its certified bound (rounding of the samples and of the FFT included), |c_n|.
    checks : tuple of Check
    """

    n_samples: tuple[int, ...]
    modes: IntArray
    difference: FloatArray
    bound: FloatArray
    exact: FloatArray
    checks: tuple[Check, ...]

    @property
    def relative_error(self) -> FloatArray:
        """|F_n - c_n| / |c_n|; infinite where c_n = 0 and F_n does not."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.difference == 0, 0.0, self.difference / self.exact)

    def __str__(self) -> str:
        head = f"FFT of {' x '.join(map(str, self.n_samples))} samples a period against exact coefficients"
        return "\n".join([head, *map(str, self.checks)])

    def plot(self, ax: Any = None) -> Any:
        """Exact coefficients, FFT error and its bound against |n|."""
        ax = axes(ax)
        size = np.linalg.norm(self.modes, axis=1)
        order = np.argsort(size, kind="stable")
        order = order[size[order] > 0]
        bound = self.bound, "bound on the error", "k."
        series = ((self.exact, "exact |c_n|", "."), (self.difference, "error", "."), bound)
        for values, label, style in series:
            shown = values[order]
            ax.loglog(size[order], np.where((shown > 0) & np.isfinite(shown), shown, np.nan), style, ms=3, label=label)
        ax.set(xlabel="|n|", ylabel="modulus of a coefficient")
        ax.legend()
        return ax


@checked
def alias_report(
    cx: PolyhedralComplex,
    n_samples: npt.ArrayLike,
    output: int = 0,
    extension: Extension = "mirror",
    function: Callable[[FloatArray], npt.ArrayLike] | None = None,
) -> AliasReport:
    """Every mode an FFT resolves: its error, the certified bound, the exact value.

    Parameters
    ----------
    cx : PolyhedralComplex
        On a `Box`, dimension 1 to 3.
    n_samples : int or (d,) ints
        Samples a period (even for the mirror extension, whose period is twice the box).
    output : int
    extension : {"mirror", "periodic"}
        "periodic" is certified in one dimension, where the jump at the seam is accounted for exactly.
    function : callable, optional
        What is sampled, usually the network; default the complex's own pieces.

    Returns
    -------
    AliasReport

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> report = alias_report(sg.enumerate_regions(net, sg.Box([-1], [1])), 16, function=net)
    >>> len(report.modes), report.checks[0].holds
    (9, True)
    """
    output = checked_output(cx, output)
    return alias_report_of(sampled_spectrum(cx, n_samples, extension, function), output)


def alias_report_of(result: SampledSpectrum, output: int = 0) -> AliasReport:
    """`alias_report` of a spectrum that has been sampled."""
    modes = result.modes.reshape(-1, result.modes.shape[-1])
    arrays = (result.difference, result.alias_bound, result.exact_error, np.abs(result.exact))
    difference, bound, error, exact = (np.asarray(array)[..., output].ravel() for array in arrays)
    along = result.modes.shape[:-1]
    counts = along if np.any(modes < 0) else tuple(2 * (n - 1) for n in along)  # periodic, or mirror: 0 <= n <= N / 2
    allowed = error + ROUNDING * bound
    certified = np.isfinite(bound)
    checks: tuple[Check, ...] = ()
    if np.any(certified):
        i = int(np.argmax(np.where(certified, difference - allowed - bound, -np.inf)))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(bound > 0, np.maximum(difference - allowed, 0.0) / bound, 0.0)
        details = {"mode": modes[i], "largest_ratio": ratio[certified].max(), "modes": int(certified.sum())}
        statement = "|FFT - exact coefficient| <= certified alias bound, at every mode the FFT resolves"
        sides = float(difference[i]), float(bound[i])
        checks = (Check("sampling.alias", statement, *sides, "<=", float(allowed[i]), details),)
    return AliasReport(counts, modes, difference, bound, exact, checks)


@checked
def samples_needed(
    cx: PolyhedralComplex,
    mode: npt.ArrayLike,
    tolerance: float,
    output: int = 0,
    extension: Extension = "mirror",
) -> int:
    r"""Samples a period (the same along each axis) for which the aliasing at a mode is certified.

    In exact arithmetic this is the error of the FFT; in floats the rounding of the values and of the transform, some
    1e-15 of max \|f\| and more where terms within the network cancel, comes on top (`alias_report` bounds both).

    Parameters
    ----------
    cx : PolyhedralComplex
        On a `Box`, dimension 1 to 3 ("mirror") or 1 ("periodic").
    mode : array_like of ints, shape (d,)
    tolerance : float
        Aliasing allowed in the coefficient, absolute, positive.
    output : int
    extension : {"mirror", "periodic"}

    Returns
    -------
    int
        An even N, with `alias_bound` at most ``tolerance``; the smallest one in d = 1 with the
        mirror extension, and elsewhere the smallest that bisection meets.

    Raises
    ------
    InvalidInputError
        The tolerance is not positive or needs more than 2^26 samples an axis.
    UnsupportedError
        The periodic extension in d >= 2: no certificate is known.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> samples_needed(sg.enumerate_regions(net, sg.Box([-1], [1])), [10], 1e-4)
    164
    """
    output = checked_output(cx, output)
    if extension == "periodic" and cx.dim > 1:
        raise UnsupportedError("extension: 'periodic' has no certificate in two dimensions or more; use 'mirror'")
    if not tolerance > 0:
        raise InvalidInputError(f"tolerance: {tolerance} given; a positive number wanted")
    modes = np.atleast_2d(as_modes(np.atleast_1d(np.asarray(mode)), cx.dim))

    def certified(half: int) -> bool:
        return bool(alias_bound(cx, modes, 2 * half, extension)[0, output] <= tolerance)

    low = max(int(np.abs(modes).max()), 1)
    if certified(low):
        return 2 * low
    high = 2 * low
    while not certified(high):
        low, high = high, 2 * high
        if 2 * high > LARGEST:
            raise InvalidInputError(f"tolerance: {tolerance} needs more than {LARGEST} samples an axis; allow more")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if certified(middle) else (middle, high)
    return 2 * high
