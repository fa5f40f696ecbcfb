"""Means over windows of |k| without sampling error: quadrature for functions of bounded frequency, and their limits.

Notation: along a ray t -> f^(t u) has its frequencies in the offsets s = u.v of the domain, so t^p |f^(t u)|^2 is a sum
of exponentials e^{-i t (s_q - s_r)} with smooth factors: panels of Gauss nodes that resolve the widest difference
integrate it to rounding. A sum A(t) = sum_q a_q e^{-i t s_q} has over a window of width W

    |mean |A|^2 - sum_q |a_q|^2| <= sum_{q != r} |a_q a_r| min(1, 2 / (W |s_q - s_r|)).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray
from specgeo._limits import check_time

_PHASE = 140.0  # across a panel, at most
_SPARE = 29  # Gauss nodes of a panel beyond a quarter of its phase: then exponentials are integrated to rounding
_LARGEST = 20_000  # terms whose pairs are gone through
_ROWS = 1 << 22  # pairs held at once


def window_rule(low: float, high: float, bandwidth: float) -> tuple[FloatArray, FloatArray]:
    """Nodes in [low, high], ascending, and weights of sum 1, for means of functions of angular frequency <= bandwidth.

    Examples
    --------
    >>> t, w = window_rule(10.0, 20.0, 40.0)
    >>> bool(abs(w @ np.exp(40j * t) - (np.exp(800j) - np.exp(400j)) / 400j) < 1e-14)
    True
    """
    phase = (high - low) * bandwidth
    panels = max(1, int(np.ceil(phase / _PHASE)))
    nodes, weights = _gauss(_SPARE + int(np.ceil(phase / panels / 4)))
    edges = np.linspace(low, high, panels + 1)
    half = np.diff(edges) / 2
    t = (edges[:-1] + half)[:, None] + half[:, None] * nodes
    return t.ravel(), np.tile(weights / (2 * panels), panels)


@cache
def _gauss(n: int) -> tuple[FloatArray, FloatArray]:
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return nodes, weights


def mean_deviation(offsets: FloatArray, sizes: npt.ArrayLike, width: float) -> float:
    """sum over q != r of sizes_q sizes_r min(1, 2 / (width |s_q - s_r|)): how far a mean is from its limit.

    Infinite where there are too many terms to go through their pairs.

    Examples
    --------
    >>> mean_deviation(np.array([0.0, 1.0]), [1.0, 3.0], 12.0)
    1.0
    """
    a = np.abs(np.asarray(sizes, dtype=np.float64))
    if len(a) > _LARGEST:
        return float("inf")
    total, step = 0.0, max(1, _ROWS // max(1, len(a)))
    for start in range(0, len(a), step):
        check_time()
        gaps = np.abs(offsets[start : start + step, None] - offsets) * width
        share = np.minimum(1.0, 2.0 / np.maximum(gaps, 1e-300))
        total += float(a[start : start + step] @ (share @ a))
    return max(0.0, total - float(a @ a))
