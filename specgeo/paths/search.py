"""A search for a path inside one class, certified where it is found.

That points of one class can be joined inside the class is a claim about data and training
(paper, Section 4 and Experiment 9), not a theorem: two-dimensional networks with isolated islands
exist. Nothing here says "connected" without a certificate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import FloatArray, as_floats, as_whole
from specgeo._display import counted
from specgeo._progress import reported
from specgeo.errors import InvalidInputError
from specgeo.network import Network
from specgeo.paths.certificates import MarginCertificate, as_classifier, certify_path
from specgeo.results import Result


@dataclass(frozen=True, eq=False)
class PathResult(Result):
    """The outcome of `find_path`.

    Attributes
    ----------
    status : str
        ``"connected, certified"`` or ``"not found"``.
    vertices : ndarray, shape (s + 1, d)
        The polyline; where no path was found the best attempt.
    certificate : MarginCertificate
        Of that polyline.
    excess : float
        Length of the polyline over the straight distance, minus 1; nan between equal points.
    bends : int
        Vertices that were inserted.
    """

    status: Literal["connected, certified", "not found"]
    vertices: FloatArray
    certificate: MarginCertificate
    excess: float
    bends: int

    @property
    def connected(self) -> bool:
        """True only where a certificate was found."""
        return self.status == "connected, certified"

    def __str__(self) -> str:
        if not self.connected:
            return f"not found: best of {counted(self.bends, 'bend')} has smallest margin {self.certificate.margin:.6g}"
        segments = counted(len(self.vertices) - 1, "segment")
        return (
            f"connected, certified: {segments}, {100 * self.excess:.3g} % longer than "
            f"straight, smallest margin {self.certificate.margin:.6g}"
        )

    def plot(self, ax: Any = None) -> Any:
        """Margin along the path found; returns the matplotlib axes."""
        return self.certificate.plot(ax)


@checked
@reported
def find_path(
    net: Network,
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    *,
    max_bends: int = 64,
    lower: npt.ArrayLike | None = None,
    upper: npt.ArrayLike | None = None,
    progress: Callable[[str, float], None] | bool | None = None,
) -> PathResult:
    """Join two inputs of one class by a polyline on which the network provably answers that class.

    Starts from the straight segment. While a segment is not certified, the point where its margin is
    smallest is moved up the margin (Newton steps along the gradient of the smallest margin, on the
    affine piece of each iterate) until it reaches half of the smaller end margin, and becomes a
    vertex. Source: paper, Experiment 9 (there: sampled paths); theory A.9.9.

    Parameters
    ----------
    net : Network
        Any input dimension.
    start, stop : array_like, shape (d,)
        Two inputs of the same class.
    max_bends : int
        Vertices that may be inserted.
    lower, upper : array_like, shape (d,) or (), optional
        Box that the path must not leave, such as the pixel range.
    progress : bool or callable, optional
        True: a bar. A callable is called after each segment as ``progress(message, fraction)``; the fraction is of the
        bends allowed, or of the segments proved, whichever is larger.

    Returns
    -------
    PathResult
        ``"connected, certified"`` with its certificate, or ``"not found"``, which does not mean that
        the two points are disconnected.

    Raises
    ------
    InvalidInputError
        No network; the end points have different classes, lie outside the box, or have wrong shapes.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.paths import find_path
    >>> bump = sg.Network(  # |x| + |y| > 1/2: the segment through the centre has to bend
    ...     [[[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [[1.0, 1.0, 1.0, 1.0]]], [[0.0] * 4, [-0.5]]
    ... )
    >>> find_path(bump, [1.0, 0.1], [-1.0, 0.0]).status
    'connected, certified'
    """
    p = as_floats(start, "start", (net.input_dim,))
    q = as_floats(stop, "stop", (net.input_dim,))
    low = _limit(-np.inf if lower is None else lower, "lower", net.input_dim)
    high = _limit(np.inf if upper is None else upper, "upper", net.input_dim)
    if np.any((p < low) | (p > high) | (q < low) | (q > high)):
        raise InvalidInputError("start, stop: an end point lies outside lower..upper; widen the box")
    head = as_classifier(net)
    label = int(np.argmax(head(p)))
    if int(np.argmax(head(q))) != label:
        raise InvalidInputError(f"stop: is of class {int(np.argmax(head(q)))}, start of class {label}; pass one class")
    max_bends = as_whole(max_bends, "max_bends")
    goal = 0.5 * min(_smallest_margin(head, p, label)[0], _smallest_margin(head, q, label)[0])
    vertices, done = [p, q], [False]
    while not all(done) and len(vertices) - 2 < max_bends:
        if callable(progress):
            bends, proved = len(vertices) - 2, sum(done)
            progress(
                f"{counted(bends, 'bend')}, {proved} of {counted(len(done), 'segment')} proved",
                0.9 * max(bends / max_bends, proved / len(done)),
            )
        i = done.index(False)
        certificate = certify_path(net, np.stack(vertices[i : i + 2]), label)
        if certificate.holds:
            done[i] = True
            continue
        middle = np.clip(certificate.parameter, 0.05, 0.95)  # keep both halves of some length
        bend = _climb(head, (1 - middle) * vertices[i] + middle * vertices[i + 1], label, goal, low, high)
        vertices.insert(i + 1, bend)
        done[i : i + 1] = [False, False]
    path = np.stack(vertices)
    final = certify_path(net, path, label)
    if final.holds:
        path = _shorten(net, path, label)
        final = certify_path(net, path, label)
    straight = float(np.linalg.norm(q - p))
    length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    return PathResult(
        "connected, certified" if final.holds else "not found",
        path,
        final,
        max(0.0, length / straight - 1) if straight else float("nan"),
        len(path) - 2,
    )


def _limit(value: npt.ArrayLike, name: str, dim: int) -> FloatArray:
    """Lower or upper limits of all inputs."""
    limit = as_floats(value, name, finite=False)
    if limit.shape not in ((), (dim,)) or np.any(np.isnan(limit)):
        raise InvalidInputError(f"{name}: pass one number, or {dim} (one an input)")
    return np.broadcast_to(limit, (dim,))


def _smallest_margin(net: Network, x: FloatArray, label: int) -> tuple[float, int]:
    """min_j f_label - f_j and the class j that attains it."""
    values = net(x)
    gaps = values[label] - values
    gaps[label] = np.inf
    rival = int(np.argmin(gaps))
    return float(gaps[rival]), rival


def _climb(net: Network, x: FloatArray, label: int, goal: float, low: FloatArray, high: FloatArray) -> FloatArray:
    """Move x until its margin reaches ``goal``, by Newton steps on the affine piece of each iterate; best seen."""
    best, top = x, -np.inf
    for _ in range(60):
        margin, rival = _smallest_margin(net, x, label)
        if margin > top:
            best, top = x, margin
        if margin >= goal:
            break
        jacobian = net.gradient(x)
        slope = jacobian[label] - jacobian[rival]
        slope = np.where(((x <= low) & (slope < 0)) | ((x >= high) & (slope > 0)), 0.0, slope)
        steep = float(slope @ slope)
        if steep == 0.0:
            break
        # 1.1: to step a little beyond the goal, or rounding would stop just short of it.
        x = np.clip(x + 1.1 * (goal - margin) / steep * slope, low, high)
    return best


def _shorten(net: Network, path: FloatArray, label: int) -> FloatArray:
    """Drop each vertex whose neighbours can be joined straight, with a certificate."""
    kept = list(path)
    i = 1
    while i < len(kept) - 1:
        if certify_path(net, np.stack((kept[i - 1], kept[i + 1])), label).holds:
            del kept[i]
            i = max(1, i - 1)
        else:
            i += 1
    return np.stack(kept)
