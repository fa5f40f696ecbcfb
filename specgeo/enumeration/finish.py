"""What comes after: the arrays of a finished run as a `PolyhedralComplex`."""

from __future__ import annotations

from typing import Any

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._jit import direct
from specgeo._tournament import Contest
from specgeo.domain import Polytope
from specgeo.enumeration._lattice import Arrays, fill_arrays, number_faces, spread_signs
from specgeo.enumeration._layers import N_UNITS, N_WORDS
from specgeo.enumeration._layout import Size
from specgeo.enumeration._merge import winners
from specgeo.enumeration._run import Run
from specgeo.enumeration.begin import Labels, lowered_of
from specgeo.geometry.arrays import Patterns, Ragged
from specgeo.geometry.certificate import Certificate
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.pieces import affine_pieces
from specgeo.geometry.vertex_values import LINE_VALUES, values_on_a_line
from specgeo.geometry.walls import snap
from specgeo.layer_activations import MaxGroups
from specgeo.network import Network

_number_faces, _fill_arrays, _spread_signs = direct(number_faces), direct(fill_arrays), direct(spread_signs)


def as_complex(run: Run, network: Network, labels: Labels, domain: Any) -> PolyhedralComplex:
    """The arrays of a finished run as a PolyhedralComplex."""
    s, dim = run.state, run.dim
    n_vertices, n_faces, pool, n_cells, _, _ = s.sizes.tolist()
    words = sum([own[N_WORDS] for own in run.meta])
    run.afford(24 * n_faces + 4 * pool + (8 * dim + 24) * n_vertices + (16 * words + 32) * n_cells)
    index, starts = np.empty(n_faces, np.int32), np.zeros((2, dim + 2), np.int64)
    _number_faces(s, dim, index, starts)
    first, begin = starts.tolist()
    arrays = Arrays(
        np.empty(first[-1], np.int64),
        np.empty(begin[-1], np.int32),
        np.empty(first[dim] - first[dim - 1] - 1 if dim > 1 else n_vertices, np.int64),
        np.empty((n_vertices, dim)),
        np.empty(n_vertices),
    )
    _fill_arrays(s, dim, index, starts, arrays)
    offsets, indices, walls, vertices, errors = arrays
    faces = tuple(
        [Ragged(offsets[first[k] : first[k + 1]], indices[begin[k] : begin[k + 1]]) for k in range(1, dim + 1)]
    )
    signs = final_signs(run, labels, lowered_of(network).contests)
    # the row of each boundary facet: of A on a polytope; on a box c for the lower and d + c for the upper wall
    cx = complex_of(network, domain, vertices, errors, faces, signs, walls, certificate_of(run))
    if len(run.kept) and _are_the_last(run.kept, network):
        values = values_on_a_line(network.layers, run.kept, cx.vertices[:, 0])
        cx.derived(LINE_VALUES, lambda _: values)
    return cx


def _are_the_last(kept: FloatArray, network: Network) -> bool:
    """Whether pre-activations are those of the last layer: not of comparisons, nor of a block of a divided layer."""
    return kept.shape[1] == network.hidden_widths[-1] and not isinstance(network.activations[-1], MaxGroups)


def complex_of(
    network: Network,
    domain: Any,
    vertices: FloatArray,
    errors: FloatArray,
    faces: tuple[Ragged, ...],
    signs: Patterns,
    facet_walls: IntArray,
    certificate: Certificate,
) -> PolyhedralComplex:
    """The complex. On a box the run has moved vertices to walls; a polytope may have more at a vertex than it knows."""
    if isinstance(domain, Polytope):
        snap(vertices, domain, facet_walls, faces[:-1])
    return PolyhedralComplex(
        vertices,
        faces,
        lambda: affine_pieces(network.layers, signs),
        signs,
        domain,
        certificate,
        network.layers,
        errors,
        facet_walls,
        network.slice_notes,
    )


def certificate_of(run: Run) -> Certificate:
    """How the signs of a run were decided."""
    floats, refined, exact, zeros, exact_positions, refined_positions = run.state.tally.tolist()
    margin, seconds = float(run.state.margin[0]), dict(run.seconds)
    return Certificate(
        run.frame.exact, floats, refined, exact, zeros, exact_positions, margin, seconds, refined_positions
    )


def final_signs(run: Run, labels: Labels, contests: dict[int, Contest]) -> Patterns:
    """Signs of all units on the final cells, units of all layers side by side."""
    n_cells, total = int(run.state.sizes[Size.CELLS]), len(labels[0])
    compared = {layer - i for layer, contest in contests.items() for i in range(len(contest.rounds))}
    words = (total + 63) // 64
    positive, negative = np.zeros((n_cells, words), np.uint64), np.zeros((n_cells, words), np.uint64)
    cells, start = np.arange(n_cells), total
    for layer in range(len(run.meta), 0, -1):
        rows, n_units, parents = run.past.signs(layer), run.meta[layer - 1][N_UNITS], run.past.parents(layer)
        if layer in contests:  # of a group of cells few are asked for
            asked, cells = np.unique(cells, return_inverse=True)
            rows, parents = winners(run.past, layer, contests[layer], asked), parents[asked]
            n_units = len(contests[layer].groups.competing)
        elif layer in compared:
            rows, n_units = np.zeros((len(rows), 0), np.uint64), 0
        start -= n_units
        _spread_signs(rows, parents, cells, start, positive, negative)
    return Patterns(positive, negative, *labels)
