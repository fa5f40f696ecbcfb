r"""How much of parameter space has high-frequency spectra: sampling against the repaired Proposition of Appendix D.

Notation: theta uniform in [-K, K]^p, one input, f_int^(k) = -k^-2 sum_j c_j e^{-ik x_j} over the kinks inside
the domain, J = sum |c_j|. With |f_int^(k)| <= J / k^2,

    P(sup_{k' > k} |f^| > eps) <= P(J > eps k^2) <= E[J^q] / (eps k^2)^q   for every q > 0 (Markov),

and the left side is 0 beyond k = sqrt(sup J / eps), sup J <= 2 L_f (N - 1). The published proof uses an
inequality beyond the kappa(theta) for which it is shown; this form needs none, and since J is
bounded on the box it decays faster than any power.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, ndtri

from specgeo._cast import FloatArray, as_floats
from specgeo.domain import Box
from specgeo.errors import InvalidInputError
from specgeo.network import Network
from specgeo.theory._results import PAPER, Check, Result, axes
from specgeo.theory.counting import serra_upper
from specgeo.theory.lipschitz import weight_clip_bound

GRID_STEP = 0.02  # of k times half the kinks' range: |sum c_j e^{-ikx_j}| moves by at most J * step / 2 in between


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact confidence interval of a binomial proportion. Source: Clopper & Pearson 1934.

    Examples
    --------
    >>> [round(x, 4) for x in clopper_pearson(0, 100)]
    [0.0, 0.0362]
    """
    if not 0 <= successes <= trials or trials < 1 or not 0 < confidence < 1:
        raise InvalidInputError("successes, trials, confidence: 0 <= successes <= trials and 0 < confidence < 1 wanted")
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(betaincinv(successes, trials - successes + 1, tail))
    high = 1.0 if successes == trials else float(betaincinv(successes + 1, trials - successes, 1 - tail))
    return low, high


@dataclass(frozen=True, eq=False)
class ParameterVolume(Result):
    """Sampled volume of the parameters with |f^| > epsilon somewhere beyond k, against the bounds.

    Attributes
    ----------
    wavenumbers : (q,)
    epsilon : float
    fraction : (q,)
        Share of draws with sup_{k' > k} |f^_int(k')| > epsilon, proved draw by draw.
    undecided : (q,)
        Share of draws where the grid of k' left it open; they count in ``upper`` only.
    lower, upper : (q,)
        Clopper-Pearson interval.
    markov : dict of int to (q,)
        E[J^m] / (epsilon k^2)^m from the sample means, for moments m.
    mean_variation, mean_variation_error : float
        Sample mean of J and its standard error.
    largest_kappa, kappa : float
        Largest sqrt(J / epsilon) drawn; the a-priori kappa, beyond which the volume is zero.
    samples : int
    checks : tuple of Check
    """

    wavenumbers: FloatArray
    epsilon: float
    fraction: FloatArray
    undecided: FloatArray
    lower: FloatArray
    upper: FloatArray
    markov: dict[int, FloatArray]
    mean_variation: float
    mean_variation_error: float
    largest_kappa: float
    kappa: float
    samples: int
    checks: tuple[Check, ...]

    def __str__(self) -> str:
        head = f"{self.samples} draws: E J = {self.mean_variation:.4g} +- {self.mean_variation_error:.2g}"
        head += f", largest kappa {self.largest_kappa:.4g}, a-priori kappa {self.kappa:.4g}"
        columns = zip(self.wavenumbers, self.fraction, self.lower, self.upper, self.markov[1], strict=True)
        rows = [f"  k = {k:g}: {f:.4f} [{a:.4f}, {b:.4f}], Markov {m:.4g}" for k, f, a, b, m in columns]
        return "\n".join([head, *rows, *map(str, self.checks)])

    def plot(self, ax: Any = None) -> Any:
        """Sampled volume with its interval, and the Markov bounds."""
        ax = axes(ax)
        ax.fill_between(self.wavenumbers, np.maximum(self.lower, 1e-6), self.upper, alpha=0.4, label="sampled")
        for moment, bound in self.markov.items():
            ax.plot(self.wavenumbers, bound, label=f"Markov, moment {moment}")
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_ylim(1e-5, 20)
        ax.set_xlabel("k")
        ax.set_ylabel("share of parameter space")
        ax.legend()
        return ax


def parameter_volume(
    widths: Sequence[int],
    clip: float,
    epsilon: float,
    wavenumbers: npt.ArrayLike,
    samples: int = 1000,
    domain: Box | None = None,
    rng: np.random.Generator | int = 0,
    confidence: float = 0.95,
    moments: Sequence[int] = (1, 2, 4),
) -> ParameterVolume:
    """P over theta uniform in [-clip, clip]^p of sup_{k' > k} |f_int^(k')| > epsilon, one input, one output.

    Parameters
    ----------
    widths : sequence of int
        Hidden widths of a ReLU network.
    clip, epsilon : float
        Positive.
    wavenumbers : array_like, shape (q,)
        k > 0.
    samples : int
        Networks drawn, at least 2.
    domain : Box, optional
        Interval; default [0, 1].
    rng : Generator or seed
    confidence : float
    moments : sequence of int
        Exponents of the Markov bounds; 1 is always included.

    Returns
    -------
    ParameterVolume

    Examples
    --------
    >>> result = parameter_volume([4, 4], 1.0, 0.01, [8.0, 32.0], samples=50)
    >>> round(result.kappa), bool(result.fraction[1] == 0), all(c.holds for c in result.checks)
    (277, True, True)
    """
    from specgeo.enumeration import enumerate_regions

    interval = Box([0.0], [1.0]) if domain is None else domain
    ks = as_floats(wavenumbers, "wavenumbers", (None,))
    if interval.dim != 1 or not clip > 0 or not epsilon > 0 or samples < 2 or len(ks) == 0 or np.any(ks <= 0):
        raise InvalidInputError(
            "domain, clip, epsilon, wavenumbers, samples: an interval, positive numbers and at least 2 samples wanted"
        )
    generator = np.random.default_rng(rng)
    sizes = [1, *(int(n) for n in widths), 1]
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    variations = np.empty(samples)
    sure, open_ = np.zeros(len(ks), dtype=np.int64), np.zeros(len(ks), dtype=np.int64)
    for i in range(samples):
        weights = [generator.uniform(-clip, clip, shape) for shape in shapes]
        biases = [generator.uniform(-clip, clip, n) for n, _ in shapes]
        cx = enumerate_regions(Network(weights, biases), interval)
        inner = cx.facets.cells[:, 1] >= 0
        jumps, places = cx.facets.jumps[inner, 0] * 1.0, cx.vertices[inner, 0]
        variations[i] = np.abs(jumps).sum()
        above, maybe = _exceeds(jumps, places, epsilon, ks)
        sure += above
        open_ += maybe & ~above
    lipschitz = weight_clip_bound(clip, 1, sizes[1:-1])
    kappa = float(np.sqrt(2 * lipschitz * (serra_upper(1, sizes[1:-1]) - 1) / epsilon))
    return _summary(ks, epsilon, variations, sure, open_, kappa, confidence, sorted({1, *moments}))


def _exceeds(
    jumps: FloatArray, places: FloatArray, epsilon: float, ks: FloatArray
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Whether |f_int^| > epsilon is met on a grid beyond each k; whether it can be met at all."""
    total = np.abs(jumps).sum()
    stop = np.sqrt(total / epsilon)  # beyond it |f_int^| <= J / k^2 <= epsilon
    start = ks.min()
    if total == 0 or stop <= start:
        none = np.zeros(len(ks), dtype=bool)
        return none, none
    centred = places - (places.max() + places.min()) / 2
    reach = max(float(np.abs(centred).max()), 1e-300)
    step = min(GRID_STEP / reach, (stop - start) / 8)
    grid = np.unique(np.concatenate((np.arange(start, stop, step), ks[(ks >= start) & (ks < stop)], [stop])))
    size = np.abs(np.exp(-1j * np.outer(grid, centred)) @ jumps)
    # between grid points |sum c_j e^{-ikx_j}| moves by at most sum |c_j| |x_j| times half the step
    slack = float(np.abs(jumps) @ np.abs(centred)) * np.diff(grid) / 2
    low = np.nextafter(epsilon, 2 * epsilon) < size / grid**2
    high = (np.maximum(size[:-1], size[1:]) + slack) / grid[:-1] ** 2 > epsilon
    last_low = grid[low].max(initial=-np.inf)
    last_high = grid[1:][high].max(initial=-np.inf)
    return ks <= last_low, ks < last_high  # beyond epsilon at k itself is beyond it just above, by continuity


def _summary(
    ks: FloatArray,
    epsilon: float,
    variations: FloatArray,
    sure: npt.NDArray[np.int64],
    undecided: npt.NDArray[np.int64],
    kappa: float,
    confidence: float,
    moments: list[int],
) -> ParameterVolume:
    n = len(variations)
    lower = np.array([clopper_pearson(int(s), n, confidence)[0] for s in sure])
    upper = np.array([clopper_pearson(int(s + o), n, confidence)[1] for s, o in zip(sure, undecided, strict=True)])
    mean, error = float(variations.mean()), float(variations.std(ddof=1) / np.sqrt(n))
    markov = {m: np.asarray((variations**m).mean() / (epsilon * ks**2) ** m) for m in moments}
    spread = float(ndtri(0.5 + confidence / 2)) * error / (epsilon * ks**2)
    i = int(np.argmax(lower / np.maximum(markov[1], 1e-300)))
    largest = float(np.sqrt(variations.max() / epsilon))
    checks = (
        Check("perturbation.volume", f"P(sup_(k'>k) |f^| > eps) <= E[J] / (eps k^2) (repaired Appendix D, {PAPER})",
              float(lower[i]), float(markov[1][i]), "<=", float(spread[i]), {"k": ks[i], "fraction": sure[i] / n}),
        Check("perturbation.kappa", f"sqrt(J / eps) <= sqrt(2 L_f (N - 1) / eps) for every draw (Lemma 4, {PAPER})",
              largest, kappa, "<=", 1e-12 * kappa),
    )  # fmt: skip
    return ParameterVolume(
        ks, epsilon, sure / n, undecided / n, lower, upper, markov, mean, error, largest, kappa, n, checks
    )
