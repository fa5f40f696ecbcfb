"""Same-class paths: exact certificates along segments and polylines, in any input dimension.

On a segment every margin f_c - f_j is piecewise linear with the network's breakpoints, so the
network answers class c on the whole segment exactly when all margins are positive at all
breakpoints (theory A.9.9). The breakpoints are computed in floating point with a proved bound of
the whole function's error (`specgeo.theory.segments`); a path is called certified only where
every margin exceeds its bound, which makes the answer a proof about the network in real
arithmetic.

That points of one class can be joined inside the class is a claim about data and training
(paper, Section 4 and Experiment 9), not a theorem: two-dimensional networks with isolated islands
exist. Nothing here claims a connection without a certificate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, as_floats, as_whole
from specgeo.errors import InvalidInputError
from specgeo.network import Network
from specgeo.results import Result, axes
from specgeo.theory.segments import as_polyline, output_differences, trace_segment

Status = Literal["certified", "refuted", "undecided"]


@dataclass(frozen=True, eq=False)
class MarginCertificate(Result):
    """Whether a network answers one class along a whole polyline.

    Attributes
    ----------
    status : {"certified", "refuted", "undecided"}
        ``"certified"``: proved to hold everywhere on the polyline. ``"refuted"``: at ``parameter`` of
        ``segment`` another class is proved to be strictly larger. ``"undecided"``: the smallest margin is
        below its error bound; the class may touch a tie.
    label : int
        The class; for a network of one output 1 means f > 0 and 0 means f < 0.
    margin : float
        Smallest margin min_j f_label - f_j over the polyline, up to ``error_bound``.
    error_bound : float
        Proved bound of the rounding error of the margins.
    runner_up : int
        The class that comes closest.
    segment : int
        Segment on which the smallest margin lies.
    parameter : float
        Its place on that segment, from 0 to 1.
    point : ndarray, shape (d,)
        That place, rounded.
    n_breakpoints : int
        Interior breakpoints met.
    profile : tuple of two arrays
        Arc length and smallest margin at every breakpoint.
    """

    status: Status
    label: int
    margin: float
    error_bound: float
    runner_up: int
    segment: int
    parameter: float
    point: FloatArray
    n_breakpoints: int
    profile: tuple[FloatArray, FloatArray]

    @property
    def holds(self) -> bool:
        """True where the whole polyline is proved to lie in the class."""
        return self.status == "certified"

    def __str__(self) -> str:
        return (
            f"{self.status}: class {self.label} along {self.segment_count} breakpoint intervals, smallest margin "
            f"{self.margin:.6g} (error bound {self.error_bound:.2g}) against class {self.runner_up} "
            f"at {self.parameter:.6g} of segment {self.segment}"
        )

    @property
    def segment_count(self) -> int:
        """Intervals on which all margins are affine."""
        return len(self.profile[0]) - 1

    def plot(self, ax: Any = None) -> Any:
        """Smallest margin along the polyline; returns the matplotlib axes."""
        ax = axes(ax)
        ax.plot(*self.profile, lw=1.2, color="C0" if self.holds else "C3")
        ax.axhline(0.0, color="0.6", lw=0.8)
        ax.set(xlabel="arc length", ylabel=f"margin of class {self.label}", title=f"path {self.status}")
        return ax


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
            return f"not found: best of {self.bends} bends has smallest margin {self.certificate.margin:.6g}"
        return (
            f"connected, certified: {len(self.vertices) - 1} segments, {100 * self.excess:.3g} % longer than "
            f"straight, smallest margin {self.certificate.margin:.6g}"
        )

    def plot(self, ax: Any = None) -> Any:
        """Margin along the path found; returns the matplotlib axes."""
        return self.certificate.plot(ax)


def classify(net: Network, x: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Class of each point: the largest output; for one output 1 where f > 0, else 0.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.theory import classify
    >>> classify(sg.Network([[[1.0], [-1.0]]], [[0.0, 0.0]]), [[2.0], [-2.0]])
    array([0, 1])
    """
    values = net(x)
    if net.output_dim == 1:
        return np.asarray(values[..., 0] > 0, dtype=np.int64)
    return np.asarray(np.argmax(values, axis=-1), dtype=np.int64)


def as_classifier(net: Network) -> Network:
    """The network itself, or (0, f) for one output f, so that the class is always the largest output."""
    if net.output_dim > 1:
        return net
    weight, bias = net.weights[-1], net.biases[-1]
    weights = [*net.weights[:-1], np.concatenate((np.zeros_like(weight), weight))]
    return Network(weights, [*net.biases[:-1], np.concatenate((np.zeros(1), bias))], list(net.activations))


@np.errstate(over="ignore", invalid="ignore")  # what overflows is undecided
def certify_path(net: Network, vertices: npt.ArrayLike, label: int | None = None) -> MarginCertificate:
    """Proof that a network answers one class along a whole polyline, or the place where it does not.

    Theorem (A.9.9): on a segment all margins are piecewise linear with the network's breakpoints, so
    they are positive on the segment if and only if they are positive at the breakpoints. Hypotheses:
    piecewise-linear activations. Nothing is sampled; see the module's introduction for how rounding is
    accounted for.

    Parameters
    ----------
    net : Network
        Any input dimension d. One output is read as the two classes f < 0 (0) and f > 0 (1).
    vertices : array_like, shape (s + 1, d), or Polyline
    label : int, optional
        The class; that of the first vertex when left out.

    Returns
    -------
    MarginCertificate

    Raises
    ------
    InvalidInputError
        Fewer than two vertices, a wrong shape, or a label that is no class.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.theory import certify_path
    >>> cross = sg.Network([[[1.0, 0.0], [-1.0, 0.0]], [[1.0, 1.0]]], [[0.0, 0.0], [-0.5]])  # |x| > 1/2
    >>> print(certify_path(cross, [[1, 0], [-1, 0]]).status, certify_path(cross, [[1, 0], [1, 5]]).status)
    refuted certified
    >>> certificate = certify_path(cross, [[1, 0], [-1, 0]])
    >>> certificate.margin, certificate.point.tolist()
    (-0.5, [0.0, 0.0])
    """
    points = as_polyline(vertices, net.input_dim)
    head = as_classifier(net)
    label = int(np.argmax(head(points[0]))) if label is None else as_whole(label, "label")
    if not 0 <= label < head.output_dim:
        raise InvalidInputError(f"label: {label} given; the classes are 0 to {head.output_dim - 1}")
    others = np.delete(np.arange(head.output_dim), label)
    lengths = np.linalg.norm(np.diff(points, axis=0), axis=1)
    starts = np.concatenate(([0.0], np.cumsum(lengths)))
    places, heights, worst, refuted, proved, kinks = [], [], None, False, True, 0
    for i in range(len(points) - 1):
        trace = trace_segment(head, points[i], points[i + 1])
        margins, error = output_differences(head, trace, label)
        kinks += len(trace.parameters) - 2
        places.append(starts[i] + trace.parameters * lengths[i])
        heights.append(margins.min(axis=1))
        proved = proved and bool(np.all(margins > error))
        # A negative margin beats a merely small one: order by refutation first, then by height.
        below = margins + error < 0
        table = np.where(below, margins, np.inf) if below.any() else margins
        row, column = divmod(int(np.argmin(table)), table.shape[1])
        found = (not below.any(), float(margins[row, column]), i, float(trace.parameters[row]), column, error)
        refuted = refuted or bool(below.any())
        if worst is None or found[:2] < worst[:2]:
            worst = found
    assert worst is not None  # a polyline has at least one segment
    _, margin, segment, t, column, error = worst
    status: Status = "certified" if proved else "refuted" if refuted else "undecided"
    point = points[segment] + t * (points[segment + 1] - points[segment])
    profile = (np.concatenate(places), np.concatenate(heights))
    return MarginCertificate(
        status, label, margin, float(error[column]), int(others[column]), segment, t, point, kinks, profile
    )


def find_path(
    net: Network,
    start: npt.ArrayLike,
    stop: npt.ArrayLike,
    *,
    max_bends: int = 64,
    lower: npt.ArrayLike | None = None,
    upper: npt.ArrayLike | None = None,
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

    Returns
    -------
    PathResult
        ``"connected, certified"`` with its certificate, or ``"not found"``, which does not mean that
        the two points are disconnected.

    Raises
    ------
    InvalidInputError
        The end points have different classes, lie outside the box, or have wrong shapes.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.theory import find_path
    >>> bump = sg.Network(  # |x| + |y| > 1/2: the segment through the centre has to bend
    ...     [[[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [[1.0, 1.0, 1.0, 1.0]]], [[0.0] * 4, [-0.5]]
    ... )
    >>> find_path(bump, [1.0, 0.1], [-1.0, 0.0]).status
    'connected, certified'
    """
    p = as_floats(start, "start", (net.input_dim,))
    q = as_floats(stop, "stop", (net.input_dim,))
    low = np.broadcast_to(as_floats(-np.inf if lower is None else lower, "lower", finite=False), p.shape)
    high = np.broadcast_to(as_floats(np.inf if upper is None else upper, "upper", finite=False), p.shape)
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
