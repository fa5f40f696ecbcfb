r"""Decay along directions and over shells: Theorem 1's classes with exact coefficients, and the Porod law.

Notation: f^(t u) = sum_n t^{-(n+1)} sum_q a_{n,q} e^{-i t s_q}, exact for t != 0; n is the codimension of
the faces orthogonal to u (n = 0: walls of the domain, for cut functions). t^{n+1}|f^(t u)| of the
smallest n present is asymptotically almost periodic with mean square sum_q |a_{n,q}|^2. So the
theorem predicts an exponent *and* an amplitude; fitted slopes alone are biased over finite windows.
E(t) is the energy of the shell |k| = t (`specgeo.radial_spectrum`); for continuous compactly supported f,
E(t) t^4 -> 2 (2 pi)^{d-1} sum_F c_F^2 |F| in every dimension.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, as_floats
from specgeo.errors import InvalidInputError
from specgeo.fourier.radial import porod_constants, radial_spectrum
from specgeo.fourier.rays import DirectionalExpansion, as_direction, directional_expansion, ray_spectrum
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.theory._results import PAPER, Check, Result, axes
from specgeo.theory.decay import _output, is_compact, kinks

GOLDEN = 0.5 * (5**0.5 - 1)  # multiples modulo 1: even coverage without a period that could meet the walls' beat
SAME_NORMAL = 1e-9  # normals closer than this are one direction: only for listing directions to look at


@dataclass(frozen=True, eq=False)
class DirectionReport(Result):
    """Theorem 1 along one direction.

    Attributes
    ----------
    direction : (d,)
        u, a unit vector.
    codimensions : tuple of int
        Classes n present, slowest first.
    predicted_rms : tuple of float
        (sum_q |a_{n,q}|^2)^{1/2} of each class.
    n_offsets : tuple of int
        Terms in each class.
    exponent : int or None
        n + 1 of the slowest class: |f^(t u)| = O(t^-exponent). None where no term is left, as for f = 0.
    measured_rms : float or None
        RMS of t^exponent |f^(t u)| over the window; None without an exponent.
    window : (float, float)
        Range of t.
    fitted_slope : float or None
        -exponent, corrected by the change of that RMS between the first and last quarter of the window;
        None without an exponent, or where one of these quarters is zero.
    checks : tuple of Check
        Exactness of the expansion, and the supremum sum_n t^{-n-1} sum_q |a_{n,q}|.
    """

    direction: FloatArray
    codimensions: tuple[int, ...]
    predicted_rms: tuple[float, ...]
    n_offsets: tuple[int, ...]
    exponent: int | None
    measured_rms: float | None
    window: tuple[float, float]
    fitted_slope: float | None
    t: FloatArray
    magnitude: FloatArray
    checks: tuple[Check, ...]

    def __str__(self) -> str:
        classes = ", ".join(
            f"t^-{n + 1} ({q} offsets, rms {r:.6g})"
            for n, q, r in zip(self.codimensions, self.n_offsets, self.predicted_rms, strict=True)
        )
        head = f"direction {np.round(self.direction, 6).tolist()}: {classes or 'no terms, no exponent'}"
        if self.exponent is None or self.measured_rms is None:
            return head
        lo, hi = self.window
        body = f"rms of t^{self.exponent} |f^| over [{lo:.4g}, {hi:.4g}]: {self.measured_rms:.6g}"
        body += "" if self.fitted_slope is None else f", slope {self.fitted_slope:.4f}"
        return "\n".join([head, body, *map(str, self.checks)])

    def plot(self, ax: Any = None) -> Any:
        """|f^(t u)| and the predicted RMS law."""
        ax = axes(ax)
        ax.loglog(self.t, np.maximum(self.magnitude, 1e-300), ".", ms=2, label="exact")
        if self.exponent is not None:
            law = self.predicted_rms[0] / self.t**self.exponent
            ax.loglog(self.t, law, "k-", label=f"predicted t^-{self.exponent}")
        ax.set_xlabel("t = |k|")
        ax.legend()
        return ax


def direction_report(
    cx: PolyhedralComplex,
    direction: npt.ArrayLike,
    output: int = 0,
    window: tuple[float, float] | None = None,
    samples: int = 4000,
    boundary: Literal["cut", "interior"] = "cut",
    rng: np.random.Generator | int = 0,
) -> DirectionReport:
    """Classes, exact coefficients, predicted and measured amplitude and exponent along a direction.

    Parameters
    ----------
    cx : PolyhedralComplex
    direction : array_like, shape (d,)
    output : int
    window : (float, float), optional
        Range of t, positive; default 200 to 20000 in units of 1 / diameter of the domain.
    samples : int
        Values of t, uniform over the window.
    boundary : {"cut", "interior"}
        As in `specgeo.spectrum`.
    rng : Generator or seed

    Returns
    -------
    DirectionReport

    Notes
    -----
    Theorem 1 of arXiv 1806.08734v3, with O(1) in place of its Theta(1): a coefficient may vanish (all
    interior vertices of a network with one hidden layer), and the exponents reported are of
    those that do not.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> report = direction_report(sg.enumerate_regions(net, sg.Box([-2], [2])), [1.0])
    >>> report.exponent, round(report.predicted_rms[0] ** 2, 12), all(c.holds for c in report.checks)
    (2, 6.0, True)
    """
    output = _output(cx, output)
    u = as_direction(direction, cx.dim)
    diameter = float(np.linalg.norm(np.ptp(cx.vertices, axis=0)))
    low, high = window or (200.0 / diameter, 20000.0 / diameter)
    if not 0 < low < high or samples < 8:
        raise InvalidInputError("window, samples: 0 < low < high and at least 8 samples wanted")
    expansion = directional_expansion(cx, u, boundary)
    parts = [p for p in expansion.classes if np.any(p.coefficients[:, output])]
    t = np.sort(np.random.default_rng(rng).uniform(low, high, samples))
    values, errors = ray_spectrum(cx, u, t, boundary, return_error=True)
    magnitude = np.abs(values[:, output])
    exponent = parts[0].n + 1 if parts else None
    rms, slope = (None, None) if exponent is None else _rms_and_slope(t, magnitude, exponent)
    return DirectionReport(
        direction=u,
        codimensions=tuple(p.n for p in parts),
        predicted_rms=tuple(float(np.sqrt(p.mean_square[output])) for p in parts),
        n_offsets=tuple(int(np.count_nonzero(p.coefficients[:, output])) for p in parts),
        exponent=exponent,
        measured_rms=rms,
        window=(low, high),
        fitted_slope=slope,
        t=t,
        magnitude=magnitude,
        checks=_expansion_checks(expansion, t, values[:, output], np.asarray(errors)[:, output], output),
    )


def _rms_and_slope(t: FloatArray, magnitude: FloatArray, exponent: int) -> tuple[float, float | None]:
    """RMS of t^exponent |f^|, and the slope that its first and last quarter suggest."""
    scaled = magnitude * (t / t[-1]) ** exponent  # in units of the largest t: no overflow
    quarter = len(t) // 4
    first, last = (np.sqrt(np.mean(scaled[part] ** 2)) for part in (slice(quarter), slice(-quarter, None)))
    early, late = (np.mean(np.log(t[part])) for part in (slice(quarter), slice(-quarter, None)))
    slope = float(np.log(last / first) / (late - early)) - exponent if first > 0 and last > 0 else None
    return float(np.sqrt(np.mean(scaled**2)) * t[-1] ** exponent), slope


def _expansion_checks(
    expansion: DirectionalExpansion, t: FloatArray, values: npt.NDArray[np.complex128], error: FloatArray, output: int
) -> tuple[Check, ...]:
    """The expansion equals the transform; its coefficients bound it."""
    allowed = error + expansion.rounding(t)[:, output]
    gap = np.abs(values - expansion(t)[:, output])
    envelope = np.zeros(len(t))
    for part in expansion.classes:
        envelope += part.supremum[output] / t ** (part.n + 1)
    i = int(np.argmax(gap - allowed))
    over = np.abs(values) - allowed - envelope
    j = int(np.argmax(over))
    return (
        Check("decay.expansion", f"f^(tu) equals Theorem 1's sum with exact coefficients ({PAPER})", float(gap[i]), 0.0,
              "<=", float(allowed[i]), {"t": t[i]}),
        Check("decay.envelope", "|f^(tu)| <= sum_n t^-(n+1) sum_q |a_nq|", float(np.abs(values[j])), float(envelope[j]),
              "<=", float(allowed[j] + 1e-12 * envelope[j]), {"t": t[j]}),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class NormalDirections(Result):
    """Directions normal to facets: where |f^| decays slowest, as t^-2.

    Attributes
    ----------
    directions : (q, d)
        Unit normals up to sign, heaviest first.
    variation : (q,)
        sum |c_F| |F| over the facets orthogonal to each: the largest t^2 |f^| they can cause.
    """

    directions: FloatArray
    variation: FloatArray

    def __str__(self) -> str:
        pairs = zip(self.directions[:10], self.variation[:10], strict=True)
        lines = [f"  {np.round(u, 6).tolist()}: {w:.6g}" for u, w in pairs]
        return "\n".join([f"{len(self.directions)} facet-normal directions, sum |c_F||F|:", *lines])

    def plot(self, ax: Any = None) -> Any:
        """Weights in decreasing order."""
        ax = axes(ax)
        ax.semilogy(np.arange(1, len(self.variation) + 1), np.maximum(self.variation, 1e-300), ".-")
        ax.set_xlabel("facet-normal direction")
        ax.set_ylabel("sum |c_F| |F|")
        return ax


def normal_directions(cx: PolyhedralComplex, output: int = 0) -> NormalDirections:
    """Facet normals grouped up to sign, with the weight of their facets.

    Normals closer than about 1e-9 are taken as one; this is a list of directions to look at, and
    decides nothing else.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0, 0.0], [0.0, 2.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]])
    >>> print(normal_directions(sg.enumerate_regions(net, sg.Box([-1, -1], [1, 1]))))
    2 facet-normal directions, sum |c_F||F|:
      [0.0, 1.0]: 4
      [1.0, 0.0]: 2
    """
    k = kinks(cx, output)
    size = np.abs(k.jumps) * k.measures
    bent = size > 1e-14 * max(float(size.max(initial=0.0)), 1e-300)
    normals, size = k.normals[bent], size[bent]
    lead = np.take_along_axis(normals, np.abs(normals).argmax(axis=1)[:, None], 1)
    upper = normals * np.sign(lead)
    key = np.round(upper / SAME_NORMAL).astype(np.int64)
    _, first, group = np.unique(key, axis=0, return_index=True, return_inverse=True)
    weight = np.bincount(group.ravel(), size, minlength=len(first))
    order = np.argsort(-weight, kind="stable")
    return NormalDirections(upper[first][order] + 0.0, np.asarray(weight[order], dtype=np.float64))


@dataclass(frozen=True, eq=False)
class ShellLaw(Result):
    """Measured shell energies against their limit law.

    Attributes
    ----------
    windows : (q,)
        T; each mean is over T <= t <= 2T.
    measured, spread : (q,)
        Mean and standard error of E(t) t^exponent in each window.
    predicted : float
        Its limit: 2 (2 pi)^{d-1} sum c_F^2 |F| (exponent 4), or 2 (2 pi)^{d-1} int_{boundary} f^2 (exponent 2)
        where f does not vanish on the boundary.
    exponent : int
    """

    windows: FloatArray
    measured: FloatArray
    spread: FloatArray
    predicted: float
    exponent: int

    def __str__(self) -> str:
        triples = zip(self.windows, self.measured, self.spread, strict=True)
        rows = [f"  T = {t:g}: {m:.6g} +- {s:.2g}" for t, m, s in triples]
        return "\n".join([f"E(t) t^{self.exponent} -> {self.predicted:.6g}", *rows])

    def plot(self, ax: Any = None) -> Any:
        """Window means with error bars, the limit as a line."""
        ax = axes(ax)
        ax.errorbar(self.windows, self.measured, self.spread, fmt="o")
        ax.axhline(self.predicted, color="k")
        ax.set_xscale("log")
        ax.set_xlabel("T")
        ax.set_ylabel(f"mean of E(t) t^{self.exponent}")
        return ax


def porod_constant(cx: PolyhedralComplex, output: int = 0) -> float:
    """2 (2 pi)^{d-1} sum_F c_F^2 |F|: limit of E(t) t^4 for a continuous compactly supported f.

    The spectral tail mass: f is in H^s exactly for s < 3/2, and this is the coefficient of its tail.
    Facets on the boundary count with jump -d_nu f. Source: Plancherel on each facet plane.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> porod_constant(sg.enumerate_regions(net, sg.Box([-2], [2])))       # 2 (1 + 4 + 1)
    12.0
    """
    k = kinks(cx, output, "zero")
    return float(2 * (2 * np.pi) ** (cx.dim - 1) * (k.jumps**2 @ k.measures))


def shell_law(
    cx: PolyhedralComplex, windows: npt.ArrayLike | None = None, output: int = 0, samples: int = 48
) -> ShellLaw:
    """Shell energies in windows [T, 2T] against the Porod law.

    Parameters
    ----------
    cx : PolyhedralComplex
        Dimension 1 to 3.
    windows : array_like, optional
        T > 0 of each window; the cost grows like T^{d-1}. Default 140 and 280 in units of 1 / diameter of the domain.
    output : int
    samples : int
        Radii in each window.

    Returns
    -------
    ShellLaw

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> law = shell_law(sg.enumerate_regions(net, sg.Box([-2], [2])), [1000.0], samples=1000)
    >>> law.exponent, bool(abs(law.measured[0] / law.predicted - 1) < 0.02)
    (4, True)
    """
    output = _output(cx, output)
    diameter = float(np.linalg.norm(np.ptp(cx.vertices, axis=0)))
    starts = np.array([140.0, 280.0]) / diameter if windows is None else as_floats(windows, "windows", (None,))
    if np.any(starts <= 0) or samples < 2:
        raise InvalidInputError("windows, samples: positive windows and at least 2 samples wanted")
    compact = is_compact(cx, output)
    exponent = 4 if compact else 2
    predicted = porod_constant(cx, output) if compact else float(porod_constants(cx).walls[output])
    fractions = (np.arange(1, samples + 1) * GOLDEN) % 1.0
    means, spreads = [], []
    for start in starts:
        t = start * (1 + fractions)
        scaled = radial_spectrum(cx, t).energy[:, output] * t**exponent
        means.append(scaled.mean())
        spreads.append(scaled.std(ddof=1) / np.sqrt(samples))
    return ShellLaw(starts, np.array(means), np.array(spreads), predicted, exponent)


def free_identities(cx: PolyhedralComplex, output: int = 0) -> Check:
    """sum_F c_F |F| n_F n_F^T = 0 for compact support: a test of a complex that costs nothing.

    Boundary facets count with jump -d_nu f. The measured value is the largest entry of the sum
    relative to sum |c_F| |F|. Source: the limit k -> 0 of the directional facet form.

    Raises
    ------
    InvalidInputError
        f does not vanish on the boundary of the domain: clamp it first (`clamp_to_support`).

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> free_identities(sg.enumerate_regions(net, sg.Box([-2], [2]))).holds
    True
    """
    if not is_compact(cx, output):
        raise InvalidInputError("cx: f does not vanish on the boundary; apply clamp_to_support to the network first")
    k = kinks(cx, output, "zero")
    weights = k.jumps * k.measures
    scale = max(float(np.abs(weights).sum()), 1e-300)
    matrix = np.einsum("f,fi,fj->ij", weights, k.normals, k.normals) / scale
    statement = "compact support: sum c_F |F| n n^T = 0 (directional facet form at k -> 0)"
    return Check("decay.identity", statement, float(np.abs(matrix).max()), 0.0, "==", 1e-11, {"matrix": matrix})
