"""The layer loop over kernels: one `Run` holds the state and the history of an enumeration."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from specgeo._cast import FloatArray
from specgeo.enumeration._cut import Work, cut_layer
from specgeo.enumeration._exact import make_exact
from specgeo.enumeration._layers import N_WORDS, History, flatten
from specgeo.enumeration._layout import (
    CONTRADICTION,
    DONE,
    FACE,
    FULL,
    LEN,
    LONGEST,
    NCELL,
    NEXT,
    NF,
    NPLANE,
    NPOOL,
    NV,
    OPEN,
    OVER_BUDGET,
    START,
    STATUS,
    State,
    with_room,
)
from specgeo.enumeration._predicates import classify, own_faces, polish, settle
from specgeo.enumeration._rows import begin_layer, end_layer, first_map, make_planes, next_maps
from specgeo.errors import BudgetError, SpecgeoError

_FACES_A_CALL = 100_000


class Run:
    """Cuts a state by the hidden layers, one after the other.

    Parameters
    ----------
    weights, biases, activations : sequences
        The hidden layers only.
    state : State
        The domain, one cell.
    extent : (d,) largest |x_c| on the domain
    exact : bool
        Prove every sign; otherwise take the sign of the float.
    max_cells : int, optional
    report : callable, optional
        Called as ``report(layer, number of cells so far, layer done)``.
    """

    def __init__(
        self,
        weights: Sequence[FloatArray],
        biases: Sequence[FloatArray],
        activations: Sequence[Any],
        state: State,
        extent: FloatArray,
        exact: bool,
        max_cells: int | None = None,
        report: Callable[[int, int, bool], None] | None = None,
    ) -> None:
        self.dim = len(extent)
        self.layers = flatten(weights, biases, activations)
        self.state, self.extent, self.exact, self.report = state, extent, exact, report
        self.max_cells = sys.maxsize if max_cells is None else max_cells
        self.n_domain_planes = int(state.counts[NPLANE])
        domain_rows = np.ascontiguousarray(state.planes[: self.n_domain_planes, : self.dim + 1])
        self.arithmetic = make_exact(self.layers, domain_rows, self.dim)
        self.sign_rows: list[Any] = []  # of each layer done, for the cells of the complex after it
        self.parents: list[Any] = [np.zeros(1, np.int32)]
        self.history = _history(self.sign_rows, self.parents)
        self.maps, self.map_bounds = np.empty((0, self.dim + 1, 0)), np.empty((0, 3, 0))
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def layer(self, number: int) -> None:
        """Cut by hidden layer ``number`` (from 1)."""
        clock = time.perf_counter
        dim, layers, history = self.dim, self.layers, self.history
        t = clock()
        if number == 2:
            self.maps, self.map_bounds = first_map(layers, self.extent, dim)
        elif number > 2:
            cells = len(self.parents[number - 2])
            self.maps, self.map_bounds = next_maps(
                layers, history, number - 1, self.maps, self.map_bounds, self.extent, cells, dim
            )
        t = self._lap("maps", t)
        own_faces(self.state, dim)
        vbits, open_pairs = classify(
            self.state, layers, history, self.maps, self.map_bounds, number, self.exact, dim
        )
        t = self._lap("signs", t)
        if len(open_pairs):
            settle(self.state, layers, history, self.arithmetic, vbits, open_pairs, number, dim)
            t = self._lap("exact signs", t)
        signs = np.empty((len(self.state.cells), vbits.shape[1]), np.uint64)
        self.state = self.state._replace(vbits=vbits, signs=signs)
        first, crossed, n_planes = begin_layer(self.state, layers, number, dim)
        self.state = with_room(self.state, planes=n_planes)
        make_planes(
            self.state, layers, history, self.maps, self.map_bounds, number, first, crossed, self.extent, dim
        )
        self.state.counts[NPLANE] = n_planes
        t = self._lap("planes", t)
        self._cut(number, first, crossed)
        end_layer(self.state, layers, number)
        n_cells = int(self.state.counts[NCELL])
        self.sign_rows.append(self.state.signs[:n_cells].copy())
        self.parents.append(self.state.cells[:n_cells, 1].copy())
        self.history = _history(self.sign_rows, self.parents)
        self._lap("cut", t)

    def _cut(self, number: int, first: Any, crossed: Any) -> None:
        work = self._scratch(number)
        while True:
            cut_layer(
                self.state,
                self.layers,
                self.history,
                self.arithmetic,
                work,
                number,
                first,
                crossed,
                self.extent,
                self.exact,
                self.max_cells,
                _FACES_A_CALL,
                self.dim,
            )
            status, n_cells = int(self.state.counts[STATUS]), int(self.state.counts[NCELL])
            if status == OVER_BUDGET:
                raise BudgetError(
                    f"max_cells: more than {self.max_cells} cells, reached in hidden layer {number} of "
                    f"{len(self.layers.meta)}; raise max_cells or shrink the domain"
                )
            if status == CONTRADICTION:
                raise SpecgeoError(
                    "internal error: proved signs contradict each other; please report this network"
                    if self.exact
                    else "exact=False: rounding gave signs that contradict each other; use exact=True"
                )
            if status == FULL:
                work = self._grow(work)
                continue
            if self.report is not None:
                self.report(number, n_cells, status == DONE)
            if status == DONE:
                return

    def _scratch(self, number: int) -> Work:
        units = 64 * int(self.layers.meta[number - 1, N_WORDS])
        return Work(
            np.zeros(self.dim + 1, np.int64),
            np.empty((self.dim + 1, 4096), np.int32),
            np.zeros(1, np.uint64),
            np.empty(1 << 15, np.int32),
            np.empty(1 << 15, np.int32),
            np.empty(1 << 15, np.int32),
            np.empty(units, np.int64),
            np.empty((self.dim, 2 * self.dim)),
        )

    def _grow(self, work: Work) -> Work:
        """Double whatever has little room left."""
        s, count = self.state, self.state.counts
        needed = work.level.copy()  # what one more unit can need, at most
        total = int(needed.sum())
        used = {
            "vertices": (count[NV], int(needed[1]), len(s.x)),
            "faces": (count[NF], 2 * total, len(s.dims)),
            "pool": (count[NPOOL], self._items_needed(work), len(s.pool)),
            "cells": (count[NCELL], int(needed.max()), len(s.cells)),
        }
        self.state = with_room(s, **{k: int(2 * (u + n)) for k, (u, n, room) in used.items() if u + n > room})
        if 2 * int(needed.max()) + 2 > work.pieces.shape[1]:
            pieces = np.empty((self.dim + 1, 4 * int(needed.max()) + 4), np.int32)
            pieces[:, : work.pieces.shape[1]] = work.pieces
            work = work._replace(pieces=pieces)
        scratch = int(count[LONGEST]) ** 2
        if scratch > len(work.cut):
            a, b, c = (np.empty(2 * scratch, np.int32) for _ in range(3))
            work = work._replace(positive=a, negative=b, cut=c)
        return work

    def _items_needed(self, work: Work) -> int:
        """Pool items that one more unit can need in the current face."""
        s = self.state
        if s.counts[OPEN] == 0:
            f = int(s.counts[FACE])
            start = int(s.faces[f, START])
            pieces, n = s.pool[start : start + int(s.faces[f, LEN])].tolist(), 0
            for g in pieces:
                while g >= 0:
                    n, g = n + 1, int(s.faces[g, NEXT])
            return n
        ids = np.concatenate([work.pieces[m, : work.level[m]] for m in range(1, self.dim + 1)])
        return int(4 * s.faces[ids, LEN].sum() + 8 * len(ids))

    def polish(self) -> None:
        """Exact positions for vertices with a coordinate so close to zero that its sign is in doubt."""
        t = time.perf_counter()
        if self.exact:
            x = self.state.x[: self.state.counts[NV]]
            size = np.abs(x[:, :-1])
            doubtful = np.flatnonzero(np.any((size > 0) & ~(size > x[:, -1:]), axis=1))
            if len(doubtful):
                polish(self.state, self.layers, self.history, self.arithmetic, doubtful, self.dim)
        self._lap("positions", t)

    def _lap(self, stage: str, since: float) -> float:
        now = time.perf_counter()
        self.seconds[stage] += now - since
        return now


def _history(sign_rows: list[Any], parents: list[Any]) -> History:
    """Flatten; the rows of layer m start at ``sign_start[m]``."""
    sizes = [0, 0, *(rows.size for rows in sign_rows)]
    lengths = [0, *(len(p) for p in parents)]
    return History(
        np.concatenate([rows.ravel() for rows in sign_rows]) if sign_rows else np.zeros(0, np.uint64),
        np.cumsum(sizes),
        np.concatenate(parents),
        np.cumsum(lengths),
    )
