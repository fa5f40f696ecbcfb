"""Runs that keep only the cells that a set asks for which the units of the last layer define."""

from __future__ import annotations

import time
from typing import Literal

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo.enumeration._exact import forget
from specgeo.enumeration._groups import Places, collect, take
from specgeo.enumeration._layers import N_UNITS, N_WORDS, N
from specgeo.enumeration._layout import CARRIER, LEN, PLANES, START, Size, State, words_of
from specgeo.enumeration._memory import workspace
from specgeo.enumeration._reaching import ABOVE, BELOW, MEETS, bounds_of, find_reaching
from specgeo.enumeration._run import Run
from specgeo.enumeration._scalars import Flags
from specgeo.geometry.arrays import spans

_SPARE = 2  # times what is kept: room for the next layer


Wanted = Literal["level", "below", "above", "surface below", "surface above"]
"""Where units of the last layer vanish; where the one unit is <= 0 or >= 0; the surface of that, on the walls too."""


class Pruning:
    """Drops, layer by layer, the cells that have nothing of what is wanted; but keeps one of them."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.forms: FloatArray | None = None  # bounds on the last layer, one for each cell that was kept

    def prune(self, run: Run, layer: int, merged: bool) -> None:
        """Drop cells of the complex after a layer; ``merged``: they may reach beyond the cells that they name."""
        t = time.perf_counter()
        n_cells = int(run.state.sizes[Size.CELLS])
        widest, last = max(run.dim, int(run.layers.meta[:, [N, N_UNITS]].max())), int(run.layers.meta[-1, N])
        known = self.forms if self.forms is not None and not merged else np.empty((0, run.dim + 2, last))
        marks = 16 * int(run.state.sizes[Size.FACES] + run.state.sizes[Size.VERTICES])
        run.afford(marks + 8 * n_cells * (run.dim + 2) * last)
        bounds, reach = bounds_of(widest, run.state, known), np.empty(n_cells, np.uint8)
        find_reaching(run.state, run.layers, layer, run.maps, run.frame, run.scratch, bounds, reach)
        meets, solid = reach & MEETS != 0, reach & (BELOW if self.wanted.endswith("below") else ABOVE) != 0
        keep = solid if self.wanted in ("below", "above") else meets
        if self.wanted.startswith("surface"):
            keep |= solid & _on_walls(run.state)
        cells = np.flatnonzero(keep) if keep.any() else np.zeros(1, np.int64)
        self.forms = bounds.forms[cells]
        run.seconds["bounds"] += time.perf_counter() - t
        if len(cells) < n_cells:
            keep_cells(run, layer, cells)


def _on_walls(s: State) -> Flags:
    """Which cells have a facet in a wall of the domain."""
    dim, n_cells = s.x.shape[1] - 1, int(s.sizes[Size.CELLS])
    planes = s.faces[:, PLANES] if dim > 1 else s.vplanes[:, 0]
    roots = s.faces[s.cells[:n_cells, 0]]
    items = s.pool[spans(roots[:, START].astype(np.int64), roots[:, LEN].astype(np.int64))]
    starts = np.cumsum(roots[:, LEN], dtype=np.int64) - roots[:, LEN]
    return np.asarray(np.logical_or.reduceat(s.porigin[planes[items], 0] < 0, starts))


def keep_cells(run: Run, layer: int, cells: IntArray) -> None:
    """Go on with some of the cells of the complex after a layer."""
    s, dim = run.state, run.dim
    n_faces, n_vertices = int(s.sizes[Size.FACES]), int(s.sizes[Size.VERTICES])
    places = Places(
        np.full(n_faces, -1, np.int32),
        np.full(n_vertices, -1, np.int32),
        np.empty(n_faces, np.int32),
        np.empty(n_vertices, np.int32),
    )
    n_faces, n_vertices, n_items = collect(s, cells, places, dim)
    counts = {"vertices": n_vertices, "faces": n_faces, "pool": n_items, "cells": len(cells)}
    rows = {kind: _SPARE * n + 64 for kind, n in counts.items()}
    words = int(run.layers.meta[layer - 1, N_WORDS])
    bytes_each = {"vertices": s.x.strides[0] + s.vplanes.strides[0] + 16 * words, "pool": 4, "cells": 8 + 16 * words}
    run.afford(sum(rows[kind] * n for kind, n in bytes_each.items()) + rows["faces"] * (s.faces.strides[0] + 1))
    faces = workspace((rows["faces"], s.faces.shape[1]), np.int32)
    kept = State(
        np.zeros_like(s.sizes),
        np.zeros_like(s.cursor),
        np.zeros_like(s.tally),
        s.margin.copy(),
        workspace((rows["vertices"], s.x.shape[1]), np.float64),
        workspace((rows["vertices"], s.vplanes.shape[1]), np.int32),
        workspace((rows["vertices"], 2 * words), np.uint64),
        workspace((rows["faces"],), np.uint8),
        faces,
        words_of(faces),
        workspace((rows["pool"],), np.int32),
        workspace((rows["cells"], 2), np.int32),
        workspace((rows["cells"], 2 * words), np.uint64),
        s.planes,
        s.porigin,
        s.counts,
    )
    take(s, kept, places, len(cells), n_faces, n_vertices)
    kept.faces[:n_faces, CARRIER] = kept.vplanes[:n_vertices, -1] = -1  # no group: all is counted here
    kept.tally[:], kept.margin[:] = s.tally, s.margin
    run.state = kept
    run.past.push(layer, run.past.signs(layer)[cells], run.past.parents(layer)[cells])
    forget(run.arithmetic)
