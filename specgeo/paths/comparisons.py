"""Which output is the largest where: the domain cut along the ties of outputs, decided exactly.

f_i - f_j is a unit of one more hidden layer (`specgeo.levels.cut`), so the enumerator cuts every cell along its ties
and proves the sign of each comparison on each cell and at each vertex. Only pairs that matter are compared: an output
is out of the running on a cell where another one exceeds it at all vertices by more than the proved errors. Pairs are
added until every cell has one output left, or several that are identical there.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray
from specgeo._double import UNIT_ROUNDOFF
from specgeo._running_error import OUTWARD, forward
from specgeo.domain import Box
from specgeo.enumeration import enumerate_regions
from specgeo.geometry.arrays import Flags
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.linear_regions import gradient_error
from specgeo.geometry.structure import require_network, stated_errors
from specgeo.geometry.topology import closure
from specgeo.levels.cut import Cut, cut
from specgeo.network import Activation, Network

Pairs = list[tuple[int, int]]


def differences(net: Network, pairs: Pairs) -> Network:
    """The network of f_i - f_j for each pair. One output f counts as (0, f)."""
    if net.output_dim == 1:
        return net.postcompose([[-1.0]])
    rows = np.zeros((len(pairs), net.output_dim))
    for row, (i, j) in enumerate(pairs):
        rows[row, i], rows[row, j] = 1.0, -1.0
    return net.postcompose(rows)


def by_largest(net: Network, smallest: bool) -> Network:
    """A network whose largest output is the class: this one, or minus it where the smallest is; f counts as (0, f)."""
    return net.postcompose(-np.eye(net.output_dim)) if smallest else net


def argmax_complex(
    net: Network,
    domain: Any,
    max_cells: int | None = None,
    max_bytes: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> tuple[Cut, Pairs, IntArray]:
    """A complex on whose cells the largest output is one and the same, the pairs compared, the winner of each cell.

    The winner is -1 where the largest outputs are identical. One output f counts as (0, f).
    """
    pairs: Pairs = [(0, 1)] if net.output_dim <= 2 else []

    def tell(message: str, done: float) -> None:
        if progress is not None:
            progress(message, 0.9 * done)

    def compare() -> Cut:
        if pairs:
            return cut(differences(net, pairs), Activation.relu(), domain, max_cells, max_bytes, tell)
        cx = enumerate_regions(net, domain, max_cells=max_cells, max_bytes=max_bytes, progress=tell)
        return Cut(cx, np.zeros((len(cx.vertices), 0), np.int8))

    made = compare()
    steepest = None if pairs or not isinstance(domain, Box) else _steepest(made.complex)
    while True:
        standing = _unbeaten(made, pairs, max(2, net.output_dim))
        if net.output_dim > 2:
            missing = _undecided(made.complex, pairs, standing, *_vertex_values(net, made.complex, steepest))
            if missing:
                pairs = sorted([*pairs, *missing])
                made = compare()
                continue
        return made, pairs, np.where(standing.sum(axis=1) == 1, np.argmax(standing, axis=1), -1)


def _unbeaten(made: Cut, pairs: Pairs, n_classes: int) -> npt.NDArray[np.bool_]:
    """For each cell the outputs that win or tie all their comparisons, by the proved signs, (n_cells, m)."""
    signs = made.on_cells()
    standing = np.ones((len(signs), n_classes), dtype=np.bool_)
    for column, (i, j) in enumerate(pairs):
        standing[:, i] &= signs[:, column] >= 0
        standing[:, j] &= signs[:, column] <= 0
    return standing


def _undecided(
    cx: PolyhedralComplex, pairs: Pairs, standing: npt.NDArray[np.bool_], values: FloatArray, error: FloatArray
) -> Pairs:
    """Pairs still to be compared; takes from ``standing`` what is dominated by the values at the vertices.

    Only pairs that are both the largest at some vertex of a cell, where there are such: a third output that
    meets the two where they tie, below them, need not be cut by.
    """
    corners = cx.vertices_of(cx.dim)
    starts = corners.offsets[:-1]
    for i, j in combinations(range(values.shape[1]), 2):
        gap = (values[:, i] - values[:, j])[corners.indices]
        doubt = (error[i] + error[j]) * OUTWARD
        standing[:, i] &= ~(np.maximum.reduceat(gap, starts) < -doubt)
        standing[:, j] &= ~(np.minimum.reduceat(gap, starts) > doubt)
    top = np.maximum.reduceat((values == values.max(axis=1, keepdims=True))[corners.indices], starts, axis=0)
    for able in (standing & top, standing):
        wanted = [(i, j) for i, j in combinations(range(values.shape[1]), 2) if np.any(able[:, i] & able[:, j])]
        missing = [pair for pair in wanted if pair not in pairs]
        if missing:
            return missing
    return []


def _steepest(cx: PolyhedralComplex) -> FloatArray:
    """Bound (m, d) on the gradients of all cells."""
    return np.asarray(np.abs(cx.gradients).max(axis=0) + gradient_error(require_network(cx, "a bound")[0]))


def _vertex_values(net: Network, cx: PolyhedralComplex, steepest: FloatArray | None) -> tuple[FloatArray, FloatArray]:
    """Outputs at the vertices (n_0, m), and the largest distance to those at the exact vertices (not finite: unknown).

    Between a vertex of a box and its rounding, moved into the box, f changes by at most its steepest gradient on
    the cells times the error of the vertex. Elsewhere the sizes of the weights have to do.
    """
    layers = net.weights, net.biases, net.activations
    radius = np.full(cx.dim, stated_errors(cx).max(initial=0.0))
    with np.errstate(over="ignore", invalid="ignore"):
        if steepest is None:
            values, error = forward(*layers, cx.vertices, radius)
        else:
            x = np.clip(cx.vertices, cx.domain.lower, cx.domain.upper)
            values, error = forward(*layers, x, np.zeros(cx.dim))
            error = error + (steepest @ radius) * OUTWARD
        # the difference of two outputs is rounded once more
        return values, (error + 2.0 * UNIT_ROUNDOFF * np.abs(values).max(axis=0)) * OUTWARD


def ties(made: Cut, pairs: Pairs, winner: IntArray) -> list[Flags]:
    """For each dimension 0..d the faces on which the largest output is not one alone.

    They are closed. A face ties where a comparison with the winner of a cell around it vanishes at all of its
    vertices. Other comparisons need no look: an output out of the running on a cell, that equals the winner on a face,
    has lost to one that does, and so on up to the winner itself.
    """
    cx = made.complex
    found = closure(cx, winner < 0, cx.dim)
    around = [closure(cx, winner == label, cx.dim) for label in range(max((j for _, j in pairs), default=-1) + 1)]
    for column, (i, j) in enumerate(pairs):
        for flags, zero, *near in zip(found, made.vanishing(column), around[i], around[j], strict=True):
            flags |= zero & (near[0] | near[1])
    return found
