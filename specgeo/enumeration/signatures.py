"""The kernels of the enumeration and their argument types, for those who compile them beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np

from specgeo.activation import Activation
from specgeo.domain import Box
from specgeo.enumeration import _cut, _lattice, _maps, _planes, _positions, _predicates, _vertex_signs
from specgeo.enumeration._domain import domain_state
from specgeo.enumeration._layers import flatten
from specgeo.enumeration._layout import Crossings, Limits
from specgeo.enumeration._maps import Walk
from specgeo.enumeration._run import Run
from specgeo.enumeration._split import Job
from specgeo.enumeration._vertex_signs import Evaluation, Inside

Signatures = list[tuple[Any, tuple[Any, ...]]]
SLOWEST: Any = _cut.cut_layer


def signatures() -> tuple[Signatures, Signatures]:
    """Kernels with arguments of the types that a run gives them, in two shares that take about as long.

    The first is cutting, which takes longest, and what deep and degenerate networks need beside it.
    """
    state, extent = domain_state(Box([-1.0, -1.0], [1.0, 1.0]), 2, True, 16)
    run = Run(flatten([np.eye(2)], [np.zeros(2)], [Activation.relu()]), state, extent, True)
    crossings = Crossings(np.empty((1, 1), np.int64), np.empty((1, 1), np.uint64))
    one, faces, counts, pairs = 1, np.empty(0, np.int32), np.empty(0, np.int64), np.empty((0, 2), np.int64)
    words, arrays = np.empty((1, 2), np.uint64), _lattice.Arrays(counts, faces, counts, np.empty((0, 2)), np.empty(0))
    job = Job(run.past.history, run.arithmetic, one, crossings, run.frame)
    evaluation = Evaluation(run.past.history, run.maps, words, one, run.frame, run.kept)
    inside, walk = Inside(counts, counts, pairs), Walk(np.empty((0, 2), np.int32), faces)
    late: Signatures = [
        (SLOWEST, (state, job, run.work, Limits(one, one))),
        (_maps.propagate, (state, run.past.history, one, run.maps, run.maps, run.frame, run.scratch, walk)),
        (_predicates.settle, (state, run.past.history, run.arithmetic, pairs, one, 2)),
    ]
    early: Signatures = [
        (_maps.first_map, (run.layers, run.maps, run.maps, run.frame, run.scratch)),
        (_vertex_signs.classify, (state, evaluation, run.scratch, inside, one)),
        (_planes.begin_layer, (state, run.layers, one, crossings, 2)),
        (_planes.make_planes, (state, run.past.history, run.maps, one, crossings, run.scratch, run.frame)),
        (_positions.finish_positions, (state, 2)),
        (_lattice.number_faces, (state, 2, faces, pairs)),
        (_lattice.fill_arrays, (state, 2, faces, pairs, arrays)),
        (_lattice.spread_signs, (words, faces, counts, one, words, words)),
    ]
    return late, early
