"""Exact certificates along segments and polylines that a network answers one class, in any input dimension.

On a segment every margin f_c - f_j is piecewise linear with the network's breakpoints, so the
network answers class c on the whole segment exactly when all margins are positive at all
breakpoints (theory A.9.9). The breakpoints are computed in floating point with a proved bound of
the whole function's error (`specgeo.paths.segments`); a path is called certified only where
every margin exceeds its bound, which makes the answer a proof about the network in real
arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import FloatArray, as_whole
from specgeo._display import counted
from specgeo.errors import InvalidInputError
from specgeo.network import Network
from specgeo.paths.segments import as_polyline, output_differences, trace_segment
from specgeo.results import Result, axes

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
            f"{self.status}: class {self.label} along {counted(self.segment_count, 'breakpoint interval')}, "
            f"smallest margin {self.margin:.6g} (error bound {self.error_bound:.2g}) against class {self.runner_up} "
            f"at {self.parameter:.6g} of segment {self.segment}"
        )

    @property
    def segment_count(self) -> int:
        """Intervals on which all margins are affine."""
        return len(self.profile[0]) - 1

    def plot(self, ax: Any = None) -> Any:
        """Smallest margin along the polyline; returns the matplotlib axes."""
        ax = axes(ax)
        ax.plot(*self.profile, lw=1.2, color="C0" if self.holds else "C3", label="margin")
        ax.axhline(0.0, color="0.6", lw=0.8, label="decision boundary")
        ax.legend()
        ax.set(xlabel="arc length", ylabel=f"margin of class {self.label}", title=f"class {self.label}: {self.status}")
        return ax


@checked
def classify(net: Network, x: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Class of each point: the largest output; for one output 1 where f > 0, else 0.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.paths import classify
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


@checked
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
        No network, fewer than two vertices, a wrong shape, or a label that is no class.

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.paths import certify_path
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
