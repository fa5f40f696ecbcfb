"""Linear regions: cells merged across facets on which the function does not bend.

Two cells that share a facet carry the same affine map exactly when their gradients are equal, for
the function is continuous. When the complex knows its network, this is decided exactly: a float
difference above a rounding bound proves the gradients different; the facets left are settled modulo
primes (`specgeo.geometry.residues`). A complex without network has only the float gradients it was
given, which are roundings of unknown size: they are compared with `RELATIVE_TOLERANCE`, and the
labels are then no exact statement.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray
from specgeo._codec import Layers
from specgeo._sparse import entries_of
from specgeo.errors import UnsupportedError
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.residues import CellMaps, classes, vanishing

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
    gradients = cx.gradients.reshape(cx.n_cells, -1)
    step = np.abs(gradients[pairs[:, 1]] - gradients[pairs[:, 0]])
    if cx.layers is None or cx.signs is None:
        return np.asarray((step <= RELATIVE_TOLERANCE * np.abs(gradients).max(initial=0.0)).all(axis=1))
    equal = np.array((step <= gradient_error(cx.layers).ravel()).all(axis=1), dtype=np.bool_)
    candidates = pairs[equal]
    if len(candidates) == 0:
        return equal
    maps = CellMaps(cx.layers, cx.signs.neuron_pieces(cx.layers.activations))

    def steps(rows: IntArray, p: int) -> npt.NDArray[np.bool_]:
        cells, at = np.unique(candidates[rows], return_inverse=True)
        both = maps.outputs(cells, p)[at.reshape(-1, 2)].reshape(len(rows), 2, -1, cx.dim + 1)
        return np.asarray((both[:, 0, :, :-1] != both[:, 1, :, :-1]).reshape(len(rows), -1))

    equal[equal] = vanishing(steps, len(candidates), maps.bits[-1] + 1, maps.primes())
    return equal


def distinct_affine_maps(cx: PolyhedralComplex) -> int:
    """Number of distinct affine maps x -> g x + c among the cells, distant cells included; decided exactly.

    Raises
    ------
    UnsupportedError
        The complex does not know its network or signs: float gradients are roundings, which cannot tell.

    Examples
    --------
    >>> import specgeo as sg
    >>> tent = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> cx = sg.enumerate_regions(tent, sg.Box([-2], [2]))  # 0, 1 + x, 1 - x, 0
    >>> cx.n_linear_regions, sg.theory.counting.distinct_affine_maps(cx)
    (4, 3)
    """
    return int(affine_map_labels(cx).max()) + 1


def affine_map_labels(cx: PolyhedralComplex) -> IntArray:
    """Label (n_cells,) of the affine map of each cell, distant cells included; decided exactly."""
    if cx.layers is None or cx.signs is None:
        raise UnsupportedError("cx: distinct affine maps need the network and signs; enumerate the complex again")
    maps = CellMaps(cx.layers, cx.signs.neuron_pieces(cx.layers.activations))
    regions = cx.linear_regions  # cells of one region have one map
    _, first = np.unique(regions, return_index=True)
    labels = classes(lambda rows, p: maps.outputs(first[rows], p), len(first), maps.bits[-1], maps.primes())
    return np.asarray(labels[regions])


def gradient_error(layers: Layers) -> FloatArray:
    """Bound (m, d) on the rounding error of a float gradient, and of a difference of two; inf where none is known."""
    weights, slopes = layers.weights, [a.slopes for a in layers.activations]
    entries = np.abs(np.concatenate([entries_of(a) for a in (*weights, *slopes)]))
    entries = entries[entries > 0]
    if len(entries) and (entries.min() < 1.0 / _SAFE or entries.max() > _SAFE):
        return np.full((weights[-1].shape[0], weights[0].shape[1]), np.inf)
    size = np.abs(np.asarray(weights[0]))
    roundings = 2
    for weight, activation in zip(weights[1:], layers.activations, strict=True):
        size = np.abs(weight) @ activation.spread(size)
        roundings += weight.shape[1] + 2
    bound = 4.0 * roundings * np.finfo(float).eps * size
    return np.asarray(np.where(np.isfinite(bound), bound, np.inf))
