"""`enumerate_regions`: the layer loop."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from specgeo.domain import Box
from specgeo.enumeration._cut import cut_layer
from specgeo.enumeration._exact import make_exact
from specgeo.enumeration._lattice import boundary_lists, box_state, number_faces
from specgeo.enumeration._layers import N_WORDS, History, flatten
from specgeo.enumeration._layout import (
    CONTRADICTION,
    N_COORD,
    N_EXACT,
    N_FLOAT,
    N_REFINED,
    N_ZERO,
    NCELL,
    NPLANE,
    NV,
    OVER_BUDGET,
    RUNNING,
    STATUS,
    State,
)
from specgeo.enumeration._predicates import classify, own_faces, settle
from specgeo.enumeration._rows import begin_layer, end_layer, first_map, next_maps
from specgeo.enumeration.certificate import Certificate
from specgeo.enumeration.pieces import affine_pieces
from specgeo.errors import BudgetError, DomainError, InvalidInputError, SpecgeoError, UnsupportedError
from specgeo.geometry.complex import Patterns, PolyhedralComplex, Ragged
if TYPE_CHECKING:
    from specgeo.network import Network

_FACES_A_CALL = 200_000


def enumerate_regions(
    network: Network,
    domain: Any,
    *,
    exact: bool = True,
    executor: Any = None,
    progress: Callable[[str, float], None] | None = None,
    max_cells: int | None = None,
) -> PolyhedralComplex:
    """The polyhedral complex of a network on a bounded domain."""
    clock = time.perf_counter
    seconds: defaultdict[str, float] = defaultdict(float)
    started = clock()
    dim = domain.dim
    layers = flatten(network.weights[:-1], network.biases[:-1], network.activations)
    state = box_state(domain.lower, domain.upper, 1024)
    extent = np.maximum(np.abs(domain.lower), np.abs(domain.upper))
    ex = make_exact(layers, state.planes[: 2 * dim, : dim + 1], dim)
    budget = sys.maxsize if max_cells is None else max_cells
    depth = len(layers.meta)
    sign_rows: list[Any] = []
    parents: list[Any] = [np.zeros(1, np.int32)]
    history = _history(sign_rows, parents)
    maps, bounds = np.empty((0, dim + 1, 0)), np.empty((0, 3))
    cells_before = 1
    seconds["setup"] = clock() - started
    for layer in range(1, depth + 1):
        t = clock()
        if layer == 2:
            maps, bounds = first_map(layers, extent, dim)
        elif layer > 2:
            maps, bounds = next_maps(layers, history, layer - 1, maps, bounds, extent, cells_before, dim)
        seconds["maps"] += clock() - t
        t = clock()
        cells_before = int(state.count[NCELL])
        own_faces(state, dim)
        vbits, pairs = classify(state, layers, history, maps, bounds, layer, exact, dim)
        if len(pairs):
            settle(state, layers, history, ex, vbits, pairs, layer, dim)
        state, first, crossed = begin_layer(state, layers, history, maps, bounds, layer, vbits, extent, dim)
        seconds["signs"] += clock() - t
        t = clock()
        while True:
            state = cut_layer(
                state, layers, history, ex, layer, first, crossed, extent, exact, budget, _FACES_A_CALL, dim
            )
            status = int(state.count[STATUS])
            if status == OVER_BUDGET:
                raise BudgetError(
                    f"max_cells: more than {max_cells} cells (stopped in hidden layer {layer} of {depth}); "
                    "raise max_cells or shrink the domain"
                )
            if status == CONTRADICTION:
                raise SpecgeoError(
                    "exact=False: rounding gave signs that contradict each other; use exact=True"
                    if not exact
                    else "internal error: contradictory signs; please report this network"
                )
            if status != RUNNING:
                break
        end_layer(state, layers, layer)
        n_cells = int(state.count[NCELL])
        sign_rows.append(state.signs[:n_cells].copy())
        parents.append(state.cells[:n_cells, 1].copy())
        history = _history(sign_rows, parents)
        seconds["cut"] += clock() - t
        if progress is not None:
            progress(f"layer {layer} of {depth}: {n_cells} cells", layer / depth)
    t = clock()
    result = _finish(state, network, domain, layers, sign_rows, parents, dim)
    seconds["finish"] = clock() - t
    count = state.count
    certificate = Certificate(
        exact,
        int(count[N_FLOAT]),
        int(count[N_REFINED]),
        int(count[N_EXACT]),
        int(count[N_ZERO]),
        int(count[N_COORD]),
        float(state.margin[0]),
        dict(seconds),
    )
    object.__setattr__(result, "certificate", certificate)
    return result


def _history(sign_rows: list[Any], parents: list[Any]) -> History:
    """Flatten; layer m's rows start at ``sign_start[m]``."""
    sizes = [0, 0, *(rows.size for rows in sign_rows)]
    lengths = [0, *(len(p) for p in parents)]
    return History(
        np.concatenate([rows.ravel() for rows in sign_rows]) if sign_rows else np.zeros(0, np.uint64),
        np.cumsum(sizes),
        np.concatenate(parents),
        np.cumsum(lengths),
    )


def _finish(
    s: State, network: Network, domain: Any, layers: Any, sign_rows: list[Any], parents: list[Any], dim: int
) -> PolyhedralComplex:
    """The state as a PolyhedralComplex."""
    index, sizes, items = number_faces(s, dim)
    faces = []
    for k in range(1, dim + 1):
        offsets, indices = np.empty(sizes[k] + 1, np.int64), np.empty(items[k], np.int32)
        boundary_lists(s, index, k, dim, offsets, indices)
        faces.append(Ragged(offsets, indices))
    signs = _final_signs(layers, sign_rows, parents, int(s.count[NCELL]))
    n_vertices = int(s.count[NV])
    metadata = {
        "network": {
            "weights": list(network.weights),
            "biases": list(network.biases),
            "activations": list(network.activations),
        },
        "vertex_planes": s.vplanes[:n_vertices, :dim].copy(),
        "plane_origin": s.porigin[: int(s.count[NPLANE])].copy(),
        "domain_rows": s.planes[: 2 * dim, : dim + 1].copy(),
    }
    return PolyhedralComplex(
        np.ascontiguousarray(s.x[:n_vertices, :dim]),
        tuple(faces),
        lambda: affine_pieces(network, signs),
        signs,
        domain,
        None,
        metadata,
    )


def _final_signs(layers: Any, sign_rows: list[Any], parents: list[Any], n_cells: int) -> Patterns:
    """Signs of all units on the final cells, units of all layers side by side."""
    n_units = [int(m[6]) for m in layers.meta]
    total = sum(n_units)
    words = (total + 63) // 64
    positive, negative = np.zeros((n_cells, words), np.uint64), np.zeros((n_cells, words), np.uint64)
    cells = np.arange(n_cells)
    start = total
    for layer in range(len(n_units), 0, -1):
        start -= n_units[layer - 1]
        rows = sign_rows[layer - 1][cells]
        layer_words = int(layers.meta[layer - 1][N_WORDS])
        for w in range(layer_words):
            for out, word in ((positive, rows[:, w]), (negative, rows[:, layer_words + w])):
                bit = start + 64 * w
                shift = np.uint64(bit & 63)
                out[:, bit >> 6] |= word << shift
                if bit & 63 and (bit >> 6) + 1 < words:
                    out[:, (bit >> 6) + 1] |= word >> (np.uint64(64) - shift)
        cells = parents[layer][cells]
    layer_of, neuron, breakpoint_ = [], [], []
    for layer, meta in enumerate(layers.meta):
        n, breaks = int(meta[4]), int(meta[7])
        layer_of.append(np.full(n * breaks, layer))
        neuron.append(np.repeat(np.arange(n), breaks))
        breakpoint_.append(np.tile(np.arange(breaks), n))
    empty = [np.zeros(0, np.int64)]
    return Patterns(
        positive,
        negative,
        np.concatenate(layer_of or empty),
        np.concatenate(neuron or empty),
        np.concatenate(breakpoint_ or empty),
    )
