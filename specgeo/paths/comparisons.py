"""Which output is the largest where: the domain cut along the ties of outputs, decided exactly.

f_i - f_j is a unit of one more hidden layer, so the enumerator cuts every cell along its ties and proves the sign
of each comparison on each cell. Only pairs that matter are compared: an output is out of the running on a cell
where another one exceeds it at all vertices by more than the proved errors. Pairs are added until every cell has one
output left, or several that are identical there.
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
from specgeo.geometry.arrays import Patterns, unpacked
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.linear_regions import gradient_error
from specgeo.geometry.residues import CellMaps, reduced, residues, vanishing
from specgeo.geometry.structure import require_network, stated_errors
from specgeo.network import Activation, Network

Pairs = list[tuple[int, int]]


def compared(net: Network, pairs: Pairs) -> Network:
    """The network with f_i - f_j as units of one more hidden layer; its output is the sum of their positive parts."""
    if net.output_dim == 1:  # (0, f), the classes of one output
        difference = np.array([[-1.0]])
    else:
        difference = np.zeros((len(pairs), net.output_dim))
        for row, (i, j) in enumerate(pairs):
            difference[row, i], difference[row, j] = 1.0, -1.0
    deeper = net.postcompose(difference)
    weights = [*deeper.weights, np.ones((1, len(pairs)))]
    last = Network(weights, [*deeper.biases, np.zeros(1)], [*deeper.activations, Activation.relu()])
    return last.placed_like(net)


def argmax_complex(
    net: Network,
    domain: Any,
    max_cells: int | None = None,
    max_bytes: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> tuple[PolyhedralComplex, Pairs, IntArray]:
    """A complex on whose cells the largest output is one and the same, the pairs compared, the winner of each cell.

    The pairs are the units of the last hidden layer; the winner is -1 where the largest outputs are identical. One
    output f counts as (0, f).
    """
    pairs: Pairs = [(0, 1)] if net.output_dim <= 2 else []

    def tell(message: str, done: float) -> None:
        if progress is not None:
            progress(message, 0.9 * done)

    def cut(network: Network) -> PolyhedralComplex:
        return enumerate_regions(network, domain, max_cells=max_cells, max_bytes=max_bytes, progress=tell)

    cx = cut(compared(net, pairs) if pairs else net)
    steepest = None if pairs or not isinstance(domain, Box) else _steepest(cx)
    while True:
        standing = _unbeaten(cx, pairs, max(2, net.output_dim))
        if net.output_dim > 2:
            missing = _undecided(cx, pairs, standing, *_vertex_values(net, cx, steepest))
            if missing:
                pairs = sorted([*pairs, *missing])
                cx = cut(compared(net, pairs))
                continue
        return cx, pairs, np.where(standing.sum(axis=1) == 1, np.argmax(standing, axis=1), -1)


def _unbeaten(cx: PolyhedralComplex, pairs: Pairs, n_classes: int) -> npt.NDArray[np.bool_]:
    """For each cell the outputs that win or tie all their comparisons, by the proved signs, (n_cells, m)."""
    standing = np.ones((cx.n_cells, n_classes), dtype=np.bool_)
    assert cx.signs is not None  # enumerated complexes carry their signs
    n = len(cx.signs.layers)
    above, below = (unpacked(words, n)[:, n - len(pairs) :] for words in (cx.signs.positive, cx.signs.negative))
    for column, (i, j) in enumerate(pairs):
        standing[:, i] &= ~below[:, column]
        standing[:, j] &= ~above[:, column]
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


def tied(cx: PolyhedralComplex, pairs: Pairs, winner: IntArray, cells: IntArray) -> npt.NDArray[np.bool_]:
    """Which facets (given by their two cells, won by one class) lie in a tie of that class with another.

    The facet spans the zero set of a unit that changes its sign there. So the comparison, which is affine and not
    zero on either cell, vanishes on the facet exactly when its coefficients are proportional to that unit's: when
    all 2 x 2 minors of the two rows are zero, which is decided modulo primes.
    """
    layers, signs = require_network(cx, "a tie")
    if not pairs:
        return np.zeros(len(cells), dtype=np.bool_)
    maps = CellMaps(layers, signs.neuron_pieces(layers.activations))
    last, unit = len(maps.bits) - 2, _separating(signs, cells)
    (first, second), label = np.array(pairs).reshape(-1, 2).T, winner[cells[:, :1]]
    facet, pair = np.nonzero((label == first) | (label == second))
    own, columns = cells[facet, 0], np.triu_indices(cx.dim + 1, 1)
    layer, neuron, level = signs.layers[unit[facet]], signs.neurons[unit[facet]], signs.breakpoints[unit[facet]]

    def minors(rows: IntArray, p: int) -> FloatArray:
        distinct, at = np.unique(own[rows], return_inverse=True)
        out = np.empty((len(rows), len(columns[0])))
        for part in maps.chunks(distinct):
            here = np.flatnonzero((at >= part.start) & (at < part.stop))
            mine, wall, gap = rows[here], np.empty((len(here), cx.dim + 1)), np.empty((len(here), cx.dim + 1))
            for number, z in enumerate(maps.layers(distinct[part], p)):
                some = np.flatnonzero(layer[mine] == number)
                wall[some] = z[neuron[mine[some]], at[here[some]] - part.start]
                if len(some):
                    wall[some, -1] -= residues(layers.activations[number].breakpoints, p)[level[mine[some]]]
                if number == last:
                    gap = z[pair[mine], at[here] - part.start]
                    break
            wall = reduced(wall, p)
            a, b = columns
            out[here] = reduced(wall[:, a] * gap[:, b] - wall[:, b] * gap[:, a], p)
        return out

    zero = vanishing(minors, len(facet), max(maps.bits[: last + 1]) + maps.bits[last] + 1, maps.primes())
    return np.bincount(facet[zero], minlength=len(cells)) > 0


def _separating(signs: Patterns, cells: IntArray) -> IntArray:
    """The first unit of opposite signs on the two cells of each row."""
    return np.asarray(np.argmax(unpacked(signs.opposites(cells), len(signs.layers)), axis=1))
