r"""Spectra of nearest-neighbour functions in the plane (Appendix E), from the edges of the order-K Voronoi diagram.

Notation: f(x) is the mean label of the K samples nearest to x; it is constant on cells and jumps by (y_j - y_i) / K
across the piece e of the bisector of samples i and j on which exactly K - 1 others are nearer. By the divergence
theorem

    f_int^(k) = -(i / |k|^2) sum_e jump_e (k.n_e) e^(k),    e^(k) = |e| exp(-i k.m_e) sinc(k.(q_e - p_e) / 2),

and Plancherel on each edge gives the law of shells E(t) t^2 -> 2 (2 pi) sum_e jump_e^2 |e|: two powers of t slower
than a continuous piecewise-linear function, whose jumps are in the gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import ComplexArray, FloatArray, as_floats, as_points
from specgeo._limits import check_time
from specgeo.domain import Box
from specgeo.errors import InvalidInputError
from specgeo.fourier.radial import sphere_rule
from specgeo.results import Result

_AT_ONCE = 2**21  # complex numbers: wavevectors times edges


@dataclass(frozen=True, eq=False)
class NeighbourEdges(Result):
    """Where a nearest-neighbour function jumps.

    Attributes
    ----------
    starts, stops : (e, 2)
        Ends of the edges.
    normals : (e, 2)
        Unit, from the side of lower to the side of higher index of the two samples.
    jumps : (e,)
        Value beyond the normal minus value before it.
    """

    starts: FloatArray
    stops: FloatArray
    normals: FloatArray
    jumps: FloatArray

    @property
    def lengths(self) -> FloatArray:
        """Lengths of the edges: (e,)."""
        return np.asarray(np.linalg.norm(self.stops - self.starts, axis=1))

    @property
    def tail_constant(self) -> float:
        r"""2 (2 pi) sum jump^2 \|edge\|, the limit of E(t) t^2 (mean over a window of t)."""
        return float(4 * np.pi * (self.jumps**2 @ self.lengths))

    @checked
    def spectrum(self, k: npt.ArrayLike) -> ComplexArray:
        """f_int^(k) at wavevectors k != 0 (n, 2), angular: shape (n,). The walls of the domain have no part in it."""
        waves = as_points(k, "k", 2)
        if np.any((waves == 0).all(axis=1)):
            raise InvalidInputError("k: a zero wavevector given; the part from the edges is defined for k != 0")
        middles, halves = (self.starts + self.stops) / 2, (self.stops - self.starts) / 2
        weights = self.jumps * self.lengths
        values = np.empty(len(waves), dtype=np.complex128)
        step = max(1, _AT_ONCE // max(1, len(weights)))
        for start in range(0, len(waves), step):
            check_time()
            part = waves[start : start + step]
            sizes = weights * (part @ self.normals.T) * np.sinc(part @ halves.T / np.pi)
            squares = (part**2).sum(axis=1)
            values[start : start + step] = -1j * (sizes * np.exp(-1j * (part @ middles.T))).sum(axis=1) / squares
        return values

    @checked
    def shells(self, t: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        r"""Shell energy t int \|f_int^\|^2 and amplitude zeta(t) = t int \|f_int^\| over the circle, at t (n,) > 0.

        The energy is exact to rounding, being that of finitely many waves; the modulus has kinks where it
        vanishes, so that zeta is right to about one part in 1000.
        """
        radii = as_floats(t, "t", (None,))
        if np.any(radii <= 0):
            raise InvalidInputError("t: radii that are not positive given; shell radii are lengths |k| > 0")
        ends = np.concatenate((self.starts, self.stops))
        reach = float(np.linalg.norm(np.ptp(ends, axis=0))) if len(ends) else 0.0
        rows = []
        for radius in radii:
            directions, weights, _ = sphere_rule(2, 4 * radius * reach)
            sizes = np.abs(self.spectrum(radius * directions))
            rows.append((weights @ sizes**2, weights @ sizes))
        power, amplitude = (2 * np.pi * radii * np.array(rows).reshape(-1, 2).T).reshape(2, -1)
        return power, amplitude

    def __str__(self) -> str:
        return f"{len(self.jumps)} edges of length {self.lengths.sum():.4g}: E(t) t^2 -> {self.tail_constant:.5g}"


@checked
def neighbour_edges(points: npt.ArrayLike, labels: npt.ArrayLike, domain: Box, n_neighbours: int = 1) -> NeighbourEdges:
    """Edges on which the mean label of the nearest samples jumps, within a box of the plane.

    Parameters
    ----------
    points : array_like, shape (n, 2)
        Samples, distinct.
    labels : array_like, shape (n,)
        Numbers; pairs of equal labels make no jump and no edge.
    domain : Box
        Of dimension 2.
    n_neighbours : int
        K, from 1 to n - 1.

    Returns
    -------
    NeighbourEdges

    Raises
    ------
    InvalidInputError
        Samples that coincide, or a K out of range.

    Notes
    -----
    Time and memory grow like the number of pairs of different labels times the number of samples. Ends of edges are
    rounded; where four samples lie on one circle an edge of length zero may or may not be listed.

    Examples
    --------
    >>> import specgeo as sg
    >>> edges = neighbour_edges([[0.0, 0.0], [1.0, 0.0]], [0.0, 1.0], sg.Box([-1, -1], [2, 1]))
    >>> edges.lengths, edges.jumps, edges.normals
    (array([2.]), array([1.]), array([[1., 0.]]))
    """
    x = as_points(points, "points", 2)
    y = as_floats(labels, "labels", (len(x),))
    if domain.dim != 2:
        raise InvalidInputError(f"domain: dimension {domain.dim} given; a Box of dimension 2 wanted")
    if not 1 <= n_neighbours < len(x):
        raise InvalidInputError(f"n_neighbours: {n_neighbours} given; 1 to {len(x) - 1} wanted, one less than samples")
    if len(np.unique(x, axis=0)) < len(x):
        raise InvalidInputError("points: samples that coincide given; pass each place once")
    parts = [_edges_of(i, x, y, domain, n_neighbours) for i in range(len(x) - 1)]
    starts, stops, normals, jumps = (np.concatenate(column) for column in zip(*parts, strict=True))
    return NeighbourEdges(starts, stops, normals, jumps / n_neighbours)


def _edges_of(
    i: int, x: FloatArray, y: FloatArray, box: Box, n_neighbours: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Starts, stops, normals and K times jumps of the edges between sample i and those of higher index."""
    check_time()
    partners = i + 1 + np.flatnonzero(y[i + 1 :] != y[i])
    middles = (x[i] + x[partners]) / 2
    normals = x[partners] - x[i]
    normals = normals / np.linalg.norm(normals, axis=1)[:, None]
    tangents = np.stack((-normals[:, 1], normals[:, 0]), axis=1)
    # middle + s tangent is nearer to sample m than to i where rise s < height
    rise = 2 * tangents @ (x[i] - x).T
    height = ((x[i] - x) * (x[i] + x)).sum(axis=1) - 2 * middles @ (x[i] - x).T
    rise[:, i] = height[:, i] = 0.0  # the two samples themselves are never nearer
    rise[np.arange(len(partners)), partners] = height[np.arange(len(partners)), partners] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        turns = np.where(rise != 0, height / rise, np.inf)
    order = np.argsort(turns, axis=1)
    first = ((rise > 0) | (rise == 0) & (height > 0)).sum(axis=1)
    nearer = first[:, None] - np.cumsum(np.take_along_axis(np.sign(rise), order, axis=1), axis=1)
    nearer = np.concatenate((first[:, None], nearer), axis=1)
    turns = np.take_along_axis(turns, order, axis=1)
    far = np.full((len(partners), 1), np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        walls = (np.stack((box.lower, box.upper)) - middles[:, None]) / tangents[:, None]
    crossed = tangents != 0
    inside = crossed | (middles >= box.lower) & (middles <= box.upper)
    enter = np.where(crossed, walls.min(axis=1), -np.inf).max(axis=1)
    leave = np.where(crossed, walls.max(axis=1), np.inf).min(axis=1)
    leave[~inside.all(axis=1)] = -np.inf
    low = np.maximum(np.concatenate((-far, turns), axis=1), enter[:, None])
    high = np.minimum(np.concatenate((turns, far), axis=1), leave[:, None])
    pair, piece = np.nonzero((nearer == n_neighbours - 1) & (low < high))
    along = tangents[pair]
    starts = middles[pair] + low[pair, piece, None] * along
    stops = middles[pair] + high[pair, piece, None] * along
    return starts, stops, normals[pair], y[partners[pair]] - y[i]
