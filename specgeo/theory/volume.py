r"""How much of parameter space has high-frequency spectra: sampling against the repaired Proposition of Appendix D.

Notation: theta uniform in [-K, K]^p, f_int^(k u) = -k^-2 sum_F c_F F^(k u) over the facets inside the domain (kinks,
for one input) along a fixed direction u, J = sum |c_F| |F|. With |f_int^(k u)| <= J / k^2,

    P(sup_{k' > k} |f^| > eps) <= P(J > eps k^2) <= E[J^q] / (eps k^2)^q   for every q > 0 (Markov),

and the left side is 0 beyond k = sqrt(sup J / eps), sup J <= L_f (N - 1) Per (one input: Per = 2). The published proof
uses an inequality beyond the kappa(theta) for which it is shown; this form needs none, and since J is
bounded on the box it decays faster than any power.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, ndtri

from specgeo._arguments import checked
from specgeo._cast import FloatArray, RNGLike, as_floats, as_rng
from specgeo._limits import check_time
from specgeo.activation import Activation
from specgeo.domain import Box
from specgeo.errors import InvalidInputError
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.network import Network
from specgeo.results import PAPER, Check, Result, axes
from specgeo.theory.counting import region_table
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
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter("{x:g}")
        ax.set_yscale("log")
        ax.set_ylim(1e-5, 20)
        ax.set_xlabel("k  (radians per unit length)")
        ax.set_ylabel("share of parameter space")
        ax.legend()
        return ax


@checked
def parameter_volume(
    widths: Sequence[int],
    clip: float,
    epsilon: float,
    wavenumbers: npt.ArrayLike,
    samples: int = 1000,
    domain: Box | None = None,
    rng: RNGLike = 0,
    confidence: float = 0.95,
    moments: Sequence[int] = (1, 2, 4),
    activation: str | Activation | Sequence[str | Activation] = "relu",
) -> ParameterVolume:
    r"""P over theta uniform in [-clip, clip]^p of sup_{k' > k} \|f_int^(k' u)\| > epsilon, u the first axis.

    Parameters
    ----------
    widths : sequence of int
        Hidden widths.
    clip, epsilon : float
        Positive.
    wavenumbers : array_like, shape (q,)
        k > 0.
    samples : int
        Networks drawn, at least 2.
    domain : Box, optional
        Of as many inputs as the networks should have; default [0, 1].
    rng : int, SeedSequence, BitGenerator, Generator or None
    confidence : float
    moments : sequence of int
        Exponents of the Markov bounds; 1 is always included.
    activation : as for `specgeo.Network`

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

    box = Box([0.0], [1.0]) if domain is None else domain
    ks = as_floats(wavenumbers, "wavenumbers", (None,))
    if not isinstance(box, Box) or not clip > 0 or not epsilon > 0 or samples < 2 or len(ks) == 0 or np.any(ks <= 0):
        raise InvalidInputError(
            "domain, clip, epsilon, wavenumbers, samples: a Box, positive numbers and at least 2 samples wanted"
        )
    generator = as_rng(rng)
    sizes = [box.dim, *(int(n) for n in widths), 1]
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    variations = np.empty(samples)
    sure, open_ = np.zeros(len(ks), dtype=np.int64), np.zeros(len(ks), dtype=np.int64)
    for i in range(samples):
        check_time()
        weights = [generator.uniform(-clip, clip, shape) for shape in shapes]
        biases = [generator.uniform(-clip, clip, n) for n, _ in shapes]
        net = Network(weights, biases, activation)
        cx = enumerate_regions(net, box)
        inner = ~cx.facets.is_boundary
        masses = np.abs(cx.facets.jumps[inner, 0]) * cx.facets.measures[inner]
        variations[i] = masses.sum()
        above, maybe = (
            _exceeds(cx.facets.jumps[inner, 0], cx.vertices[inner, 0], epsilon, ks)
            if box.dim == 1
            else _exceeds_along_axis(cx, variations[i], epsilon, ks)
        )
        sure += above
        open_ += maybe & ~above
    return _summary(
        ks, epsilon, variations, sure, open_, a_priori_kappa(net, box, clip, epsilon), confidence, sorted({1, *moments})
    )


def a_priori_kappa(net: Network, box: Box, clip: float, epsilon: float) -> float:
    """sqrt(sup J / epsilon) over all weights in [-clip, clip] of a shape: sup J <= L_f (N - 1) Per, N the best bound.

    Examples
    --------
    >>> net = Network([[[1.0]] * 4, [[1.0] * 4] * 4, [[1.0] * 4]], [[0.0] * 4, [0.0] * 4, [0.0]])
    >>> round(a_priori_kappa(net, Box([0], [1]), 1.0, 0.01))
    277
    """
    slopes = np.prod([a.stretch for a in net.activations])
    lipschitz = float(slopes) * weight_clip_bound(clip, net.input_dim, net.hidden_widths)
    regions = min((b.value for b in region_table(net).bounds if b.kind == "upper"), default=1)
    sides = box.upper - box.lower
    perimeter = float(2 * sum(np.prod(np.delete(sides, i)) for i in range(box.dim)))
    return float(np.sqrt(lipschitz * (regions - 1) * perimeter / epsilon))


_Exceedance = tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]


def _exceeds(jumps: FloatArray, places: FloatArray, epsilon: float, ks: FloatArray) -> _Exceedance:
    """Whether |f_int^| > epsilon is met on a grid beyond each k; whether it can be met at all. One input."""
    if len(jumps) == 0:
        return np.zeros(len(ks), dtype=bool), np.zeros(len(ks), dtype=bool)
    centred = places - (places.max() + places.min()) / 2
    reach = max(float(np.abs(centred).max()), 1e-300)

    def size(grid: FloatArray) -> tuple[FloatArray, FloatArray]:
        return np.abs(np.exp(-1j * np.outer(grid, centred)) @ jumps), np.zeros(len(grid))

    total = float(np.abs(jumps).sum())
    return _beyond(size, total, float(np.abs(jumps) @ np.abs(centred)), reach, epsilon, ks)


def _exceeds_along_axis(cx: PolyhedralComplex, total: float, epsilon: float, ks: FloatArray) -> _Exceedance:
    """The same for several inputs, along the first axis: facets reach no farther than half the box."""
    from specgeo.fourier.spectra import spectrum

    reach = float(np.ptp(cx.vertices[:, 0])) / 2

    def size(grid: FloatArray) -> tuple[FloatArray, FloatArray]:
        k = grid[:, None] * np.eye(cx.dim)[:1]
        values, error = spectrum(cx, k, "interior", return_error=True)
        return np.abs(values[:, 0]) * grid**2, np.asarray(error)[:, 0] * grid**2

    return _beyond(size, total, total * reach, reach, epsilon, ks)


def _beyond(
    size: Callable[[FloatArray], tuple[FloatArray, FloatArray]],
    total: float,
    steepness: float,
    reach: float,
    epsilon: float,
    ks: FloatArray,
) -> _Exceedance:
    """Whether size(k) / k^2 > epsilon on a grid beyond each k; whether it can be.

    ``size`` gives values and errors; it is at most ``total``, its slope at most ``steepness``, and it turns over
    lengths of 1 / ``reach``.
    """
    start, stop = ks.min(), np.sqrt(total / epsilon)  # beyond it size / k^2 <= total / k^2 <= epsilon
    if total == 0 or stop <= start:
        none = np.zeros(len(ks), dtype=bool)
        return none, none
    step = min(GRID_STEP / reach, (stop - start) / 8)
    grid = np.unique(np.concatenate((np.arange(start, stop, step), ks[(ks >= start) & (ks < stop)], [stop])))
    value, error = size(grid)
    slack = steepness * np.diff(grid) / 2  # between grid points the value moves by at most this
    low = np.nextafter(epsilon, 2 * epsilon) < (value - error) / grid**2
    high = (np.maximum(value[:-1] + error[:-1], value[1:] + error[1:]) + slack) / grid[:-1] ** 2 > epsilon
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
        Check("perturbation.volume", f"P(sup_(k'>k) |f^| > eps) <= E[J] / (eps k^2): measured is the lower end of the "
              f"{100 * confidence:g} % interval (repaired Appendix D, {PAPER})",
              float(lower[i]), float(markov[1][i]), "<=", float(spread[i]), {"k": ks[i], "fraction": sure[i] / n}),
        Check("perturbation.kappa", "sqrt(J / eps) of any draw <= sqrt(sup J / eps), sup J <= L_f (N-1) Per (Lemma 4)",
              largest, kappa, "<=", 1e-12 * kappa),
    )  # fmt: skip
    return ParameterVolume(
        ks, epsilon, sure / n, undecided / n, lower, upper, markov, mean, error, largest, kappa, n, checks
    )
