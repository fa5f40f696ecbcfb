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

from specgeo._arguments import checked
from specgeo._cast import FloatArray, RNGLike, as_floats, as_rng
from specgeo.errors import InvalidInputError
from specgeo.fourier.partial_fractions import DirectionalClass
from specgeo.fourier.radial import porod_constants, radial_spectrum
from specgeo.fourier.rays import DirectionalExpansion, as_direction, directional_expansion, ray_spectrum
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.facet_errors import moved_facets
from specgeo.results import PAPER, Check, Result, axes
from specgeo.theory.normals import NormalDirections, normal_directions
from specgeo.theory.variation import checked_output, is_compact, kinks
from specgeo.theory.windows import mean_deviation, window_rule

__all__ = [
    "DirectionReport", "NormalDirections", "ShellLaw", "direction_report", "free_identities", "normal_directions",
    "porod_constant", "shell_law", "shell_size",
]  # fmt: skip


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
        ax.set_xlabel("t = |k|  (radians per unit length)")
        ax.legend()
        return ax


@checked
def direction_report(
    cx: PolyhedralComplex,
    direction: npt.ArrayLike,
    output: int = 0,
    window: tuple[float, float] | None = None,
    samples: int | None = None,
    boundary: Literal["cut", "interior"] = "cut",
    rng: RNGLike = 0,
) -> DirectionReport:
    """Classes, exact coefficients, predicted and measured amplitude and exponent along a direction.

    Parameters
    ----------
    cx : PolyhedralComplex
    direction : array_like, shape (d,)
    output : int
    window : (float, float), optional
        Range of t, positive; default 200 to 20000 in units of 1 / diameter of the domain.
    samples : int, optional
        Values of t, uniform over the window. By default the nodes of a rule that takes means over the window without
        sampling error; only then is the amplitude checked.
    boundary : {"cut", "interior"}
        As in `specgeo.spectrum`.
    rng : int, SeedSequence, BitGenerator, Generator or None

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
    output = checked_output(cx, output)
    u = as_direction(direction, cx.dim)
    diameter = float(np.linalg.norm(np.ptp(cx.vertices, axis=0)))
    low, high = window or (200.0 / diameter, 20000.0 / diameter)
    if not 0 < low < high or (samples is not None and samples < 8):
        raise InvalidInputError("window, samples: 0 < low < high and at least 8 samples wanted")
    expansion = directional_expansion(cx, u, boundary)
    parts = [p for p in expansion.classes if np.any(p.coefficients[:, output])]
    if samples is None:
        t, weights = window_rule(low, high, float(np.ptp(cx.vertices @ u)))
    else:
        t = np.sort(as_rng(rng).uniform(low, high, samples))
        weights = np.full(samples, 1 / samples)
    values, errors = ray_spectrum(cx, u, t, boundary, return_error=True)
    magnitude = np.abs(values[:, output])
    exponent = parts[0].n + 1 if parts else None
    rms, slope = (None, None) if exponent is None else _rms_and_slope(t, weights, magnitude, exponent)
    checks = _expansion_checks(expansion, t, values[:, output], np.asarray(errors)[:, output], output)
    if samples is None and parts:
        check = _amplitude_check(parts, t, weights, high - low, magnitude, np.asarray(errors)[:, output], output)
        checks = (*checks, check)
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
        checks=checks,
    )


def _amplitude_check(
    parts: list[DirectionalClass],
    t: FloatArray,
    weights: FloatArray,
    width: float,
    magnitude: FloatArray,
    error: FloatArray,
    output: int,
) -> Check:
    """The mean square over the window against sum |a_q|^2: as far off as the terms that interfere allow, at most.

    With A the slowest class and R the others, each times t^exponent,
    |mean |A + R|^2 - mean |A|^2| <= 2 (mean |A|^2 mean |R|^2)^(1/2) + mean |R|^2.
    """
    slow = parts[0]
    scaled, allowed = (part * t ** (slow.n + 1) for part in (magnitude, error))
    measured, rounding = float(weights @ scaled**2), float(weights @ ((2 * scaled + allowed) * allowed))
    predicted = float(slow.mean_square[output])
    drift = mean_deviation(slow.offsets, np.abs(slow.coefficients[:, output]), width)
    rest = np.zeros(len(t))
    for part in parts[1:]:
        rest += part.supremum[output] / t ** (part.n - slow.n)
    rest_square = float(weights @ rest**2)
    with np.errstate(invalid="ignore"):
        mixed = 2 * np.sqrt((predicted + drift) * rest_square) if rest_square > 0 else 0.0
    size = float(np.sqrt(slow.mean_square[output]) * np.linalg.norm(slow.sizes[:, output]))
    statement = (
        f"|mean of t^{2 * (slow.n + 1)} |f^(tu)|^2 over the window - sum_q |a_q|^2| <= what terms of near offsets and "
        "the faster classes can add"
    )
    details = {"mean_square": measured, "predicted": predicted}
    return Check("decay.amplitude", statement, abs(measured - predicted), drift + mixed + rest_square, "<=",
                 rounding + 1e-12 * (predicted + measured + size), details)  # fmt: skip


def _rms_and_slope(
    t: FloatArray, weights: FloatArray, magnitude: FloatArray, exponent: int
) -> tuple[float, float | None]:
    """RMS of t^exponent |f^|, and the slope that its first and last quarter suggest."""
    scaled = magnitude * (t / t[-1]) ** exponent  # in units of the largest t: no overflow
    quarter = len(t) // 4
    first, last = (np.sqrt(np.mean(scaled[part] ** 2)) for part in (slice(quarter), slice(-quarter, None)))
    early, late = (np.mean(np.log(t[part])) for part in (slice(quarter), slice(-quarter, None)))
    slope = float(np.log(last / first) / (late - early)) - exponent if first > 0 and last > 0 else None
    return float(np.sqrt(weights @ scaled**2) * t[-1] ** exponent), slope


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
              "==", float(allowed[i]), {"t": t[i]}),
        Check("decay.envelope", "|f^(tu)| <= sum_n t^-(n+1) sum_q |a_nq|", float(np.abs(values[j])), float(envelope[j]),
              "<=", float(allowed[j] + 1e-12 * envelope[j]), {"t": t[j]}),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class ShellLaw(Result):
    """Shell energies against their limit law.

    Attributes
    ----------
    windows : (q,)
        T; each mean is over T <= t <= 2T.
    measured, error : (q,)
        Mean of E(t) t^exponent over each window, without sampling error, and a bound on its rounding.
    allowed : (q,)
        Bound on its distance to the limit; infinite where none is known (more than one dimension, a cut function).
    predicted : float
        The limit: 2 (2 pi)^{d-1} sum c_F^2 |F| (exponent 4), or 2 (2 pi)^{d-1} int_{boundary} f^2 (exponent 2)
        where f does not vanish on the boundary.
    exponent : int
    """

    windows: FloatArray
    measured: FloatArray
    error: FloatArray
    allowed: FloatArray
    predicted: float
    exponent: int

    @property
    def checks(self) -> tuple[Check, ...]:
        """Distance of each mean to the limit, where a bound is known: in one dimension."""
        statement = (
            "|mean of E(t) t^4 over [T, 2T] - limit| <= 2 sum over i != j of |c_i c_j| min(1, 2 / (T |x_i - x_j|))"
        )
        return tuple(
            Check("decay.shell", statement, abs(float(mean) - self.predicted), float(bound), "<=",
                  float(error) + 1e-9 * self.predicted, {"T": float(start)})
            for start, mean, error, bound in zip(self.windows, self.measured, self.error, self.allowed, strict=True)
            if np.isfinite(bound)
        )  # fmt: skip

    def __str__(self) -> str:
        pairs = zip(self.windows, self.measured, strict=True)
        rows = [f"  T = {t:g}: {m:.6g}" for t, m in pairs]
        return "\n".join([f"E(t) t^{self.exponent} -> {self.predicted:.6g}", *rows])

    def plot(self, ax: Any = None) -> Any:
        """Window means, the limit as a line."""
        ax = axes(ax)
        ax.plot(self.windows, self.measured, "o", label="measured")
        ax.axhline(self.predicted, color="k", label="limit")
        ax.set_xscale("log")
        ax.set_xlabel("T  (radians per unit length)")
        ax.legend()
        ax.set_ylabel(f"mean of E(t) t^{self.exponent} over [T, 2T]")
        return ax


@checked
def porod_constant(cx: PolyhedralComplex, output: int = 0) -> float:
    r"""2 (2 pi)^{d-1} sum_F c_F^2 \|F\|: limit of E(t) t^4 for a continuous compactly supported f.

    The spectral tail mass: f is in H^s exactly for s < 3/2, and this is the coefficient of its tail.
    Facets on the boundary count with jump -d_nu f. Source: Plancherel on each facet plane.

    Parameters
    ----------
    cx : PolyhedralComplex
    output : int

    Returns
    -------
    float

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> porod_constant(sg.enumerate_regions(net, sg.Box([-2], [2])))       # 2 (1 + 4 + 1)
    12.0
    """
    k = kinks(cx, output, "zero")
    return float(2 * (2 * np.pi) ** (cx.dim - 1) * (k.jumps**2 @ k.measures))


@checked
def shell_law(cx: PolyhedralComplex, windows: npt.ArrayLike | None = None, output: int = 0) -> ShellLaw:
    """Shell energies in windows [T, 2T] against the Porod law.

    The energy of a shell has its frequencies within the diameter of the domain, so that quadrature takes the mean
    over a window to rounding: what is left between it and the limit belongs to the function, not to the samples.

    Parameters
    ----------
    cx : PolyhedralComplex
        Dimension 1 to 3.
    windows : array_like, optional
        T > 0 of each window; the cost grows like T^d. Default 140 and 280 in units of 1 / diameter of the domain.
    output : int

    Returns
    -------
    ShellLaw

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> law = shell_law(sg.enumerate_regions(net, sg.Box([-2], [2])), [1000.0])
    >>> law.exponent, bool(abs(law.measured[0] / law.predicted - 1) < 0.002), law.checks[0].holds
    (4, True, True)
    """
    output = checked_output(cx, output)
    diameter = float(np.linalg.norm(np.ptp(cx.vertices, axis=0)))
    starts = np.array([140.0, 280.0]) / diameter if windows is None else as_floats(windows, "windows", (None,))
    if np.any(starts <= 0):
        raise InvalidInputError("windows: positive numbers wanted")
    compact = is_compact(cx, output)
    exponent = 4 if compact else 2
    predicted = porod_constant(cx, output) if compact else float(porod_constants(cx).walls[output])
    means, errors = np.zeros(len(starts)), np.zeros(len(starts))
    for i, start in enumerate(starts):
        t, weights = window_rule(start, 2 * start, diameter)
        shell = radial_spectrum(cx, t)
        weights = weights * t**exponent
        means[i], errors[i] = weights @ shell.energy[:, output], weights @ shell.energy_error[:, output]
    allowed = np.full(len(starts), np.inf)
    if compact and cx.dim == 1:
        k = kinks(cx, output, "zero")
        allowed = np.array([2 * mean_deviation(cx.vertices[:, 0], k.jumps, float(start)) for start in starts])
    return ShellLaw(starts, means, errors, allowed, predicted, exponent)


def shell_size(cx: PolyhedralComplex, start: float) -> int:
    """Wavevectors that one window [T, 2T] of `shell_law` takes, about."""
    width = start * float(np.linalg.norm(np.ptp(cx.vertices, axis=0)))
    return int(len(window_rule(1.0, 2.0, width)[0]) * (1.5 * width + 60.0) ** (cx.dim - 1) / 2)


@checked
def free_identities(cx: PolyhedralComplex, output: int = 0) -> Check:
    r"""The identity sum_F c_F \|F\| n_F n_F^T = 0 for compact support: a test of a complex that costs nothing.

    Boundary facets count with jump -d_nu f. The measured value is the largest entry of the sum
    relative to sum \|c_F\| \|F\|. Source: the limit k -> 0 of the directional facet form.

    Parameters
    ----------
    cx : PolyhedralComplex
    output : int

    Returns
    -------
    Check

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
    moved = float(np.abs(k.jumps) @ moved_facets(cx))
    scale = max(float(np.abs(weights).sum()), 1e-300)
    matrix = np.einsum("f,fi,fj->ij", weights, k.normals, k.normals) / scale
    statement = "compact support: sum c_F |F| n n^T = 0 (directional facet form at k -> 0)"
    return Check("decay.identity", statement, float(np.abs(matrix).max()), 0.0, "==", 1e-11 + moved / scale,
                 {"matrix": matrix})  # fmt: skip
