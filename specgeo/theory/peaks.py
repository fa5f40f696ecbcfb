r"""What a delta-like peak costs: lower bounds on the error of a network that should fit one.

Notation: L_f is the Lipschitz constant, J = sum |c_F| (u.n_F)^2 |F| the directional variation (d = 1:
TV(f'), on the unit circle where coefficients are meant), N samples of spacing h = 1/N with target 1 at
one node and 0 at the others. Experiment 7 of arXiv 1806.08734v3 fits such peaks with clipped weights;
these are the rigorous figures beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, pi, prod, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import ComplexArray, FloatArray, as_floats
from specgeo.errors import InvalidInputError
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.network import Network
from specgeo.results import Check, Result, axes
from specgeo.theory.lipschitz import lipschitz_constant
from specgeo.theory.variation import CANCELLING, checked_output, total_variation


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise InvalidInputError(f"{name}: {value} given; a positive number wanted")


def peak_sup_error(lipschitz: float, n_samples: int) -> float:
    """Sup-error on the samples is at least max(0, (1 - L_f / N) / 2).

    Hypothesis: f is L_f-Lipschitz. The two neighbours of the peak differ from it by 1 in the target
    and by at most L_f / N in f.

    Examples
    --------
    >>> peak_sup_error(50.0, 200)
    0.375
    """
    _positive(n_samples=n_samples)
    return max(0.0, (1.0 - lipschitz / n_samples) / 2)


def peak_squared_error(lipschitz: float, n_samples: int, neighbours: int | None = None) -> float:
    """N * MSE is at least min_p (1 - p)^2 + 2 sum_j (p - j L_f / N)_+^2, j = 1..neighbours.

    p is the value at the peak; j steps away f is at least p - j L_f / N. The peak has at least
    ``neighbours`` samples on either side (default: half of them, a peak in the middle). Zero iff L_f >= N.

    Examples
    --------
    >>> [round(peak_squared_error(L, 200), 4) for L in (10, 50, 100, 150, 200)]
    [0.7056, 0.375, 0.1667, 0.0417, 0.0]
    """
    _positive(n_samples=n_samples)
    step = lipschitz / n_samples
    if step >= 1.0:
        return 0.0
    limit = (n_samples - 1) // 2 if neighbours is None else neighbours
    best, total, squares, m = 0.0, 0.0, 0.0, 0
    # with m active neighbours a side the quadratic is least at p = (1 + 2 S) / (1 + 2 m), S = sum j step
    while True:
        p = (1.0 + 2.0 * total) / (1.0 + 2.0 * m)
        best = (1.0 - p) ** 2 + 2.0 * (m * p * p - 2.0 * p * total + squares)
        if m == limit or p <= (m + 1) * step:
            return best
        m += 1
        total += m * step
        squares += (m * step) ** 2


def variation_needed(cutoff: float) -> float:
    """J(u) >= K^2 / 2 for a peak of mass 1 with |f^| >= 1/2 up to |k| = K, f continuous of compact support.

    Hence L_f N Per >= K^2 / 2, and in d = 1 L_f N >= K^2 / 4. Source: |f^| <= J / |k|^2 at |k| = K. Nearly
    sharp: for the tent of half-width w, |f^| = 1/2 at K = 2.783/w, so K^2/2 = 3.87/w^2 against J = 4/w^2.

    Examples
    --------
    >>> variation_needed(10.0)
    50.0
    """
    return cutoff**2 / 2


@dataclass(frozen=True)
class CircleVariation(Result):
    """What bounds the Fourier coefficients of a function of one variable, repeated with period T.

    c_n = (1/T) int f exp(-2 pi i n (x - a) / T) dx obeys |c_n| <= D / (2 pi |n|) + J / (4 pi^2 n^2) for every n != 0,
    by parts twice; with D = 0 it is the decay of a continuous function on the circle.

    Attributes
    ----------
    slope : float
        J = T times the total variation of f' over a period, the change of slope at the seam included: that of
        f on the unit circle, whatever the length of the interval.
    jump : float
        D = |f(a + T) - f(a)|, with what rounding may have hidden of it.
    """

    slope: float
    jump: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.slope < inf and 0 <= self.jump < inf):
            raise InvalidInputError(f"slope, jump: {self.slope} and {self.jump} given; finite numbers >= 0 wanted")

    def bound(self, modes: npt.ArrayLike) -> FloatArray:
        """Bound of |c_n| at modes n != 0 (...): shape (...)."""
        n = np.abs(as_floats(modes, "modes"))
        if np.any(n == 0) or np.any(n != np.round(n)):
            raise InvalidInputError("modes: whole numbers other than 0 wanted")
        return np.asarray(self.jump / (2 * pi * n) + self.slope / (2 * pi * n) ** 2)

    def __str__(self) -> str:
        return f"J {self.slope:.5g}" + (f", jump {self.jump:.5g} at the seam" if self.jump else "")


@checked
def largest_mode(variation: float | CircleVariation, amplitude: float = 1.0) -> float:
    r"""Largest n, a real number, with \|c_n\| = A / 2 within reach: sqrt(J / (2 pi^2 A)) without a jump.

    A sine A sin(2 pi n x) on the unit circle needs J >= 2 pi^2 n^2 A. With a jump D at the seam n is the
    root of A n^2 / 2 = D n / (2 pi) + J / (4 pi^2). No coefficient of a larger n has modulus A / 2.

    Parameters
    ----------
    variation : float or CircleVariation
        J on the unit circle, or `circle_variation` of a network on an interval of any length.
    amplitude : float
        A > 0.

    Returns
    -------
    float

    Examples
    --------
    >>> round(largest_mode(1000.0), 3)
    7.118
    """
    _positive(amplitude=amplitude)
    reach = variation if isinstance(variation, CircleVariation) else CircleVariation(float(variation))
    half = reach.jump / (2 * pi)
    return float((half + sqrt(half**2 + amplitude * reach.slope / (2 * pi**2))) / amplitude)


def circle_variation(cx: PolyhedralComplex, output: int = 0) -> CircleVariation:
    """Variation of f on the circle of one interval: kinks inside, change of slope and jump at the seam.

    Examples
    --------
    The ramp x on [0, 3] jumps by 3 and |c_n| = 3 / (2 pi n), its bound.

    >>> import specgeo as sg
    >>> ramp = sg.Network([[[1.0]], [[1.0]]], [[0.0], [0.0]])
    >>> reach = circle_variation(sg.enumerate_regions(ramp, sg.Box([0], [3])))
    >>> round(reach.slope, 12), round(reach.jump, 12)
    (0.0, 3.0)
    """
    if cx.dim != 1:
        raise InvalidInputError("cx: one input dimension wanted; restrict the network to a segment first")
    output = checked_output(cx, output)
    places = np.array([cx.vertices.min(), cx.vertices.max()])
    ends = np.argsort(cx.centroids[:, 0])[[0, -1]]
    slopes, offsets = cx.gradients[ends, output, 0], cx.offsets[ends, output]
    low, high = slopes * places + offsets
    noise = CANCELLING * float((np.abs(slopes * places) + np.abs(offsets)).sum())
    variation = total_variation(cx, output) + float(abs(slopes[0] - slopes[1]))
    return CircleVariation(float(places[1] - places[0]) * variation, float(abs(high - low)) + noise)


def series_error(target: npt.ArrayLike, variation: float | CircleVariation) -> float:
    """Mean squared error over a period is at least sum_n (|g_n| - J / (4 pi^2 n^2))_+^2.

    Hypotheses: f continuous on the unit circle with TV(f') <= J, or any f with its `circle_variation`.
    Source: the bound of |c_n| in `CircleVariation`.

    Parameters
    ----------
    target : array_like of complex, shape (q,)
        Fourier coefficients g_1..g_q of a real target, positive n; negative ones count alike.
    variation : float or CircleVariation
        J on the unit circle, or `circle_variation` of a network on an interval of any length.

    Examples
    --------
    A sine of frequency 5 and amplitude 1, that is g_5 = -i/2, with J = 100:

    >>> round(series_error([0, 0, 0, 0, -0.5j], 100.0), 4)
    0.3179
    """
    g: ComplexArray = np.atleast_1d(np.asarray(target, dtype=np.complex128))
    if g.ndim != 1 or not np.all(np.isfinite(g)):
        raise InvalidInputError("target: finite coefficients of shape (q,) wanted")
    reach = variation if isinstance(variation, CircleVariation) else CircleVariation(float(variation))
    return float(2 * (np.maximum(np.abs(g) - reach.bound(np.arange(1, len(g) + 1)), 0.0) ** 2).sum())


def clip_needed(n_samples: int, input_dim: int, widths: list[int] | tuple[int, ...]) -> float:
    """Weight clip below which the product bound excludes a fit of the peak: (N / (sqrt(d) prod n_l))^{1/(L+1)}.

    From L_f <= K^{L+1} sqrt(d) prod n_l and L_f >= N.

    Examples
    --------
    The depth-6 network of Experiment 7, whose failures are reported at clips of 0.1 to 0.2: excluded only below

    >>> round(clip_needed(200, 1, [64] * 5), 4)
    0.0756
    """
    _positive(n_samples=n_samples, input_dim=input_dim)
    return float((n_samples / (sqrt(input_dim) * prod(widths))) ** (1 / (len(widths) + 1)))


def tent_coefficients(n_samples: int, modes: npt.ArrayLike) -> FloatArray:
    """Exact coefficients sinc(n/N)^2 / N of the tent through a sampled delta; its DFT is flat, 1/N.

    Examples
    --------
    The flat spectrum is an artefact of sampling: at the Nyquist frequency the tent has

    >>> round(float(tent_coefficients(200, 100) * 200), 3)
    0.405
    """
    _positive(n_samples=n_samples)
    return np.asarray(np.sinc(as_floats(modes, "modes") / n_samples) ** 2 / n_samples)


@dataclass(frozen=True, eq=False)
class PeakReport(Result):
    """How a network fits one sample among zeros, against what its exact figures allow.

    Attributes
    ----------
    lipschitz : float
        L_f.
    steepness : float
        L_f T / height: that of the peak of height 1 on the unit interval, which the bounds are for.
    variation : CircleVariation
        Of f, repeated with the interval's length T as period.
    n_samples : int
    sup_error, squared_error : float
        max |f - target| and N * MSE on the samples.
    checks : tuple of Check
    """

    lipschitz: float
    steepness: float
    variation: CircleVariation
    n_samples: int
    sup_error: float
    squared_error: float
    checks: tuple[Check, ...]

    def __str__(self) -> str:
        head = f"peak on {self.n_samples} samples: L_f {self.lipschitz:.5g}, {self.variation}"
        return "\n".join([head, *map(str, self.checks)])

    def plot(self, ax: Any = None) -> Any:
        """N * MSE allowed by each steepness, and where the network is."""
        ax = axes(ax)
        grid = np.linspace(0, 1.2 * max(self.n_samples, self.steepness), 200)
        ax.plot(grid, [peak_squared_error(x, self.n_samples) for x in grid], label="lower bound")
        ax.plot([self.steepness], [self.squared_error], "o", label="network")
        ax.set_xlabel("L_f T / height")
        ax.set_ylabel("N MSE")
        ax.legend()
        return ax


@checked
def peak_report(
    net: Network,
    cx: PolyhedralComplex,
    n_samples: int = 200,
    position: float = 0.5,
    height: float = 1.0,
    output: int = 0,
) -> PeakReport:
    """Exact figures of a network on one input against the bounds for a sampled peak.

    Parameters
    ----------
    net : Network
        One input.
    cx : PolyhedralComplex
        Its complex on an interval; samples at lower + T j / N, j = 0..N-1, T its length.
    n_samples : int
        N, at least 3.
    position : float
        Share of the interval at which the peak sits; the nearest interior sample is taken.
    height : float
        Positive.
    output : int

    Returns
    -------
    PeakReport

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[8.0], [8.0], [8.0]], [[1.0, -2.0, 1.0]]], [[-3.0, -4.0, -5.0], [0.0]])
    >>> cx = sg.enumerate_regions(net, sg.Box([0], [1]))        # a tent of slope 8 about 1/2
    >>> report = peak_report(net, cx, 16)
    >>> report.sup_error, report.squared_error, [check.holds for check in report.checks]
    (0.5, 0.5, [True, True])
    """
    if cx.dim != 1 or n_samples < 3:
        raise InvalidInputError("cx, n_samples: one input dimension and at least 3 samples wanted")
    _positive(height=height)
    output = checked_output(cx, output)
    lower, side = float(cx.vertices.min()), float(np.ptp(cx.vertices))
    x = lower + side * np.arange(n_samples) / n_samples
    at = int(np.clip(round(position * n_samples), 1, n_samples - 2))
    target = np.zeros(n_samples)
    target[at] = height
    residual = (net(x[:, None])[:, output] - target) / height
    lf = lipschitz_constant(cx, output)
    scaled = lf * side / height  # of the peak of height 1 on the unit interval
    sup, squared = float(np.abs(residual).max()), float((residual**2).sum())
    rounding = 1e-12 * (1 + float(np.abs(residual).max()) ** 2)
    bound = peak_squared_error(scaled, n_samples, min(at, n_samples - 1 - at))
    checks = (
        Check("peaks.sup", "sup-error on a sampled delta >= (1 - L_f h) / 2 (Experiment 7)",
              sup, peak_sup_error(scaled, n_samples), ">=", rounding),
        Check("peaks.squared", "N MSE on a sampled delta >= min_p (1-p)^2 + 2 sum_j (p - j L_f h)_+^2 (Experiment 7)",
              squared, bound, ">=", rounding),
    )  # fmt: skip
    return PeakReport(lf, scaled, circle_variation(cx, output), n_samples, sup, squared, checks)


@checked
def variation_check(cx: PolyhedralComplex, k: npt.ArrayLike, output: int = 0) -> Check:
    r"""J >= K^2 \|f^(K)\| in every direction at once: the contrapositive of the decay bound, for compact supports.

    The measured value is max over k of \|k\|^2 \|f^(k)\| / J(k/\|k\|), the share of the variation a spectrum
    has to spend; with \|f^(k)\| = 1/2 it is J >= K^2 / 2.

    Parameters
    ----------
    cx : PolyhedralComplex
        Of a function that vanishes on its boundary.
    k : array_like, shape (n, d)
        Wavevectors, angular, not zero.
    output : int

    Returns
    -------
    Check

    Examples
    --------
    >>> import numpy as np, specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> check = variation_check(sg.enumerate_regions(net, sg.Box([-2], [2])), [[np.pi]])
    >>> round(check.measured, 9), check.holds                  # the tent attains it
    (1.0, True)
    """
    from specgeo.fourier.spectra import spectrum
    from specgeo.theory.variation import directional_variation, is_compact

    if not is_compact(cx, output):
        raise InvalidInputError("cx: f does not vanish on the boundary; apply clamp_to_support to the network first")
    wave = np.atleast_2d(as_floats(k, "k"))
    values, errors = spectrum(cx, wave, return_error=True)
    squared = (wave**2).sum(axis=1)
    j = directional_variation(cx, wave, output, "zero")
    scale = np.where(j > 0, j, 1.0)  # f = 0 has no variation, and no spectrum either
    shares = squared * np.abs(values[:, output]) / scale
    i = int(shares.argmax())
    tolerance = float(squared[i] * np.asarray(errors)[i, output] / scale[i]) + 1e-9
    return Check("peaks.variation", "|k|^2 |f^(k)| / J(u) <= 1, hence J >= K^2/2 for a peak with |f^| >= 1/2 up to K",
                 float(shares[i]), 1.0, "<=", tolerance, {"k": wave[i]})  # fmt: skip
