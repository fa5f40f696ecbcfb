"""Linear regions: cells merged across facets on which the function does not bend.

Two cells that share a facet carry the same affine map exactly when their gradients are equal, for
the function is continuous. When the complex knows its network, this is decided exactly: a float
difference above a rounding bound proves the gradients different; the few facets left are settled in
integers (weights are dyadic rationals, so each layer is an integer matrix times a power of two).
Without a network the float gradients are compared with `RELATIVE_TOLERANCE`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray
from specgeo.geometry.patterns import neuron_pieces

if TYPE_CHECKING:
    from specgeo.geometry.complex import PolyhedralComplex

RELATIVE_TOLERANCE = 1e-12
"""Guards the merging of cells of a complex without network: |g_1 - g_0| against the largest gradient."""

_SAFE = 1e100  # weights outside [1 / _SAFE, _SAFE] may over- or underflow in products: no float bound then


def linear_regions(cx: PolyhedralComplex) -> IntArray:
    """Label (n_cells,) of the linear region of each cell, numbered 0, 1, ... in order of their first cell."""
    import scipy.sparse
    from scipy.sparse.csgraph import connected_components

    cells = cx.facets.cells
    inner = cells[cells[:, 1] >= 0]
    same = inner[_equal_gradients(cx, inner)]
    graph = scipy.sparse.coo_array((np.ones(len(same), np.int8), (same[:, 0], same[:, 1])), shape=(cx.n_cells,) * 2)
    _, labels = connected_components(graph, directed=False)
    _, first = np.unique(labels, return_index=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[labels])


def _equal_gradients(cx: PolyhedralComplex, pairs: IntArray) -> npt.NDArray[np.bool_]:
    """Which pairs of cells (n, 2) have equal gradients."""
    gradients = cx.gradients
    step = np.abs(gradients[pairs[:, 1]] - gradients[pairs[:, 0]])
    network = cx.metadata.get("network")
    if network is None or cx.signs is None:
        return np.asarray((step <= RELATIVE_TOLERANCE * np.abs(gradients).max(initial=0.0)).all(axis=(1, 2)))
    equal = np.array((step <= _rounding_bound(network)).all(axis=(1, 2)), dtype=np.bool_)
    candidates = np.flatnonzero(equal)
    exact = IntegerGradients(network, neuron_pieces(cx.signs, network["activations"]))
    equal[candidates] = [exact(a) == exact(b) for a, b in pairs[candidates].tolist()]
    return equal


def _rounding_bound(network: dict[str, Any]) -> FloatArray:
    """Bound (m, d) on the rounding error of a difference of two float gradients; inf where none is known."""
    weights: Sequence[FloatArray] = network["weights"]
    slopes = [a.slopes for a in network["activations"]]
    entries = np.abs(np.concatenate([np.ravel(a) for a in (*weights, *slopes)]))
    entries = entries[entries > 0]
    if len(entries) and (entries.min() < 1.0 / _SAFE or entries.max() > _SAFE):
        return np.full((weights[-1].shape[0], weights[0].shape[1]), np.inf)
    size = np.abs(weights[0])
    roundings = 2
    for weight, slope in zip(weights[1:], slopes, strict=True):
        size = np.abs(weight) @ (np.abs(slope).max() * size)
        roundings += weight.shape[1] + 2
    bound = 4.0 * roundings * np.finfo(float).eps * size
    return np.asarray(np.where(np.isfinite(bound), bound, np.inf))


def integers(array: FloatArray) -> npt.NDArray[np.object_]:
    """The floats as Python integers times one common power of two, which is dropped."""
    mantissa, exponent = np.frexp(array)
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    nonzero = whole != 0
    least = int(exponent[nonzero].min()) if nonzero.any() else 0
    shifted = [m << max(e - least, 0) for m, e in zip(whole.ravel().tolist(), exponent.ravel().tolist(), strict=True)]
    out = np.empty(whole.size, dtype=object)
    out[:] = shifted
    return out.reshape(array.shape)


class IntegerGradients:
    """Gradients of cells in exact integers, all in units of the same power of two.

    Parameters
    ----------
    network : dict
        ``weights`` and ``activations``, as in the metadata of a complex.
    pieces : list of int arrays (n_cells, n_l)
        Piece of the activation of each neuron on each cell.
    """

    def __init__(self, network: dict[str, Any], pieces: list[IntArray]) -> None:
        self._weights = [integers(w) for w in network["weights"]]
        self._slopes = [integers(a.slopes) for a in network["activations"]]
        self._pieces = pieces
        self._known: dict[int, tuple[int, ...]] = {}

    def __call__(self, cell: int) -> tuple[int, ...]:
        """The m d entries of the gradient of the cell."""
        if cell not in self._known:
            rows = self._weights[-1]
            for weight, slope, piece in zip(self._weights[-2::-1], self._slopes[::-1], self._pieces[::-1], strict=True):
                factor = np.broadcast_to(slope[piece[cell]], (len(weight),))
                active = np.flatnonzero(factor != 0)
                rows = (rows[:, active] * factor[active]) @ weight[active]
            self._known[cell] = tuple(int(x) for x in np.ravel(rows))
        return self._known[cell]
