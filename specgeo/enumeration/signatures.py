"""The kernels of the enumeration that take long to compile, for those who compile them beforehand."""

from __future__ import annotations

from typing import Any

import numpy as np

from specgeo.activation import Activation
from specgeo.domain import Box
from specgeo.enumeration import _exact, _lattice, _planes, _positions
from specgeo.enumeration._domain import domain_state
from specgeo.enumeration._layers import flatten
from specgeo.enumeration._layout import Crossings
from specgeo.enumeration._run import Run


def signatures() -> list[tuple[Any, tuple[Any, ...]]]:
    """What takes long to compile, with arguments of the types that a run gives it."""
    state, extent = domain_state(Box([-1.0, -1.0], [1.0, 1.0]), 2, True, 16)
    run = Run(flatten([np.eye(2)], [np.zeros(2)], [Activation.relu()]), state, extent, True)
    work = run._work(1)
    crossings = Crossings(np.empty((1, 1), np.int64), np.empty((1, 1), np.uint64))
    one, faces, counts = 1, np.empty(0, np.int32), np.empty(0, np.int64)
    return [
        (_exact.evaluate, (run.arithmetic, run.past.history, state, one, one, one, one, 2)),
        (_positions.sharpen, (state, one, work.newton, 2)),
        (_planes.end_layer, (state, run.layers, one)),
        (_planes.make_planes, (state, run.past.history, run.maps, one, crossings, run.scratch, run.frame)),
        (_lattice.number_faces, (state, 2, faces, counts, counts, faces)),
        (_lattice.boundary_lists, (state, 2, faces, counts, counts, counts, faces)),
    ]  # fmt: skip
