"""The layer loop over kernels: one `Run` holds the state and the past of an enumeration.

A run knows nothing of the domain but the complex that it is given: a `State`, and the extent that its cells stay
within. So a group of cells can be taken through all later layers by itself (`groups`): cells of the complex before
layer m, as a state of their own with maps and past of the layers before, and `Run.layer` from m on.
`_domain._single_cell` makes such a state of one cell: a polytope is cut out of its bounding box by a run of its own.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from specgeo._budget import memory_budget
from specgeo._cast import FloatArray, IntArray
from specgeo._jit import direct
from specgeo._limits import check_time
from specgeo.enumeration._cut import cut_layer
from specgeo.enumeration._exact import make_exact
from specgeo.enumeration._layers import N_UNITS, N_WORDS, Layers, N
from specgeo.enumeration._layout import (
    LEN,
    NEXT,
    START,
    VERTICES,
    Crossings,
    Cursor,
    Limits,
    Size,
    State,
    Status,
    Tally,
    Work,
    extra_bytes,
    frame_of,
    moving_bytes,
    scratch_of,
    with_room,
    work_of,
)
from specgeo.enumeration._maps import SIZE, Walk, empty_maps, first_map, input_maps, propagate
from specgeo.enumeration._memory import Loans, give_back, held_bytes, workspace
from specgeo.enumeration._past import Past
from specgeo.enumeration._planes import begin_layer, make_planes
from specgeo.enumeration._positions import finish_positions
from specgeo.enumeration._predicates import settle
from specgeo.enumeration._refine import Refiner
from specgeo.enumeration._split import Job
from specgeo.enumeration._vertex_signs import Evaluation, Inside, classify, inside_of
from specgeo.errors import BudgetError, SpecgeoError

_first_map, _propagate, _classify, _settle = direct(first_map), direct(propagate), direct(classify), direct(settle)
_begin_layer, _make_planes, _cut_layer = direct(begin_layer), direct(make_planes), direct(cut_layer)
_finish_positions = direct(finish_positions)

_CUTS_A_CALL = 100_000
_FEW = 1 << 12  # vertices, and pairs of vertices and units, that there is room for in any case
_KEPT = 1 << 20  # pre-activations that are left to the values at vertices
_UNASKED = 1 << 26  # bytes that are taken without a look at the machine, which costs a fraction of a millisecond
_AHEAD = 64  # address space for arrays that grow: so many times what they need now


class TooManyCells(BudgetError):
    """There would be more cells than ``max_cells``."""


class Run:
    """Cuts a state by the hidden layers, one after the other.

    Parameters
    ----------
    layers : Layers
    state : State
        The domain, one cell.
    extent : (d,) largest |x_c| on the domain
    exact : bool
        Prove every sign; otherwise take the sign of the float.
    max_cells : int, optional
    report : callable, optional
        Called as ``report(layer, share of the layer that is done, sizes of the state)``.
    max_bytes : int, optional
        Of all that the run holds; by default of what is available.
    domain_rows : (n, d + 1), optional
        The walls of the domain, where the state has more planes than these.
    loans : Loans, optional
        What earlier runs have left, of which the state may be.
    origins : list of int, optional
        Which hidden layer of the network each layer is a part of, where several are of one.
    """

    def __init__(
        self,
        layers: Layers,
        state: State,
        extent: FloatArray,
        exact: bool,
        max_cells: int | None = None,
        report: Callable[[int, float, IntArray], None] | None = None,
        max_bytes: int | None = None,
        domain_rows: FloatArray | None = None,
        loans: Loans | None = None,
        origins: list[int] | None = None,
    ) -> None:
        self.dim = len(extent)
        self.layers, self.meta = layers, layers.meta.tolist()
        self.state, self.report, self.origins = state, report, origins
        self.max_cells = sys.maxsize if max_cells is None else max_cells
        self.limited = max_bytes is not None
        self.max_bytes = memory_budget(max_bytes) if self.limited else _UNASKED
        self.granted = 0  # bytes, since they were counted
        self.reserved = 0  # bytes of address space beside them
        self.passing: tuple[Any, ...] = ()  # what the layer at work holds beside the state
        self.frame = frame_of(extent, exact)
        if domain_rows is None:
            domain_rows = np.ascontiguousarray(state.planes[: state.sizes[Size.PLANES], : self.dim + 1])
        self.domain_rows, self.loans = domain_rows, loans or Loans(kept=False)
        self.arithmetic = make_exact(layers, domain_rows, self.dim, self.loans, max_bytes)
        self.past = Past(layers, self.loans)
        self.maps = self.loans.take(input_maps, self.dim)
        self.maps.trust[0, SIZE] = max(extent.tolist())
        self.kept = np.empty((0, 0))  # in one dimension: pre-activations of the last layer, at the vertices before it
        widest = max(self.dim, *[max(own[N], own[N_UNITS]) for own in self.meta], 1)
        self.scratch = self.loans.take(scratch_of, widest, self.dim)
        self.work = self.loans.take(work_of, 64 * -(-widest // 64), self.dim)
        self.inside = self.loans.take(inside_of, _FEW, _FEW)
        self.seconds: defaultdict[str, float] = defaultdict(float)
        if self.limited:  # otherwise they are counted where much is asked for
            self.afford(self._held())

    @cached_property
    def refiner(self) -> Refiner:
        """For positions that are not good enough."""
        return Refiner(self.layers, self.frame.extent)

    def layer(self, number: int) -> None:
        """Cut by hidden layer ``number`` (from 1)."""
        t, n_vertices, last = time.perf_counter(), int(self.state.sizes[Size.VERTICES]), number == len(self.meta)
        evaluation, inside, crossings = self._make_room(number)
        history, frame, scratch = evaluation.history, self.frame, self.scratch
        if number == 1 and not last:
            _first_map(self.layers, evaluation.before, self.maps, frame, scratch)
        elif not last:  # nothing follows the last layer that asks for its maps
            facets = self.state.sizes[Size.FACES if self.dim > 1 else Size.VERTICES]
            walk = Walk(np.empty((facets, 2), np.int32), np.empty(len(self.maps.trust), np.int32))
            _propagate(self.state, history, number, evaluation.before, self.maps, frame, scratch, walk)
            del walk
        t = self._lap("maps", t)
        self._signs(evaluation, inside)
        t = self._lap("signs", t)
        self.passing = evaluation.before, crossings
        n_planes = _begin_layer(self.state, self.layers, number, crossings, self.dim)
        if n_planes > len(self.state.planes):
            self.afford(planes=n_planes)
            self.state = with_room(self.state, planes=n_planes)
        _make_planes(self.state, history, evaluation.before, number, crossings, scratch, frame)
        self.state.sizes[Size.PLANES] = n_planes
        t = self._lap("planes", t)
        del evaluation, inside
        self._cut(number, crossings)
        t = self._lap("cut", t)
        self._positions(n_vertices)
        t = self._lap("positions", t)
        n_cells = int(self.state.sizes[Size.CELLS])
        self.past.push(number, self.state.signs[:n_cells], self.state.cells[:n_cells, 1], self.afford)
        self.passing = ()
        self._lap("cut", t)

    def _make_room(self, number: int) -> tuple[Evaluation, Inside, Crossings]:
        """For all that is to be known of a layer before it is cut by; its maps are those of the run from now on."""
        state, before, dim = self.state, self.maps, self.dim
        own, last = self.meta[number - 1], number == len(self.meta)
        n, n_units, words = own[N], own[N_UNITS], own[N_WORDS]
        n_vertices, n_faces, _, n_cells, _, _ = state.sizes.tolist()
        mapped, walked = (0 if last else n_cells), (0 if last or number == 1 else n_faces if dim > 1 else n_vertices)
        n_pairs = VERTICES * n_units + 512
        signs = state.signs  # of the layer before, which are on record
        fresh = 0 if signs.shape == (len(state.cells), 2 * words) else len(state.cells)
        self.passing = (before,)
        signed = 16 * words * (len(state.x) + fresh)
        kept = n_vertices if dim == 1 and last and n_units and n_vertices * n <= _KEPT else 0
        self.afford(
            8 * (mapped * ((dim + 3) * n + 7) + walked + kept * n)
            + signed
            + 8 * (2 * words * n_cells + 3 * n_vertices + 2 * n_pairs)
        )
        ahead = self.ahead(signed)
        if not last:
            self.maps = empty_maps(n, mapped, dim)
        earlier = state.vbits
        if number > 1 or earlier.shape[1] != 2 * words:  # layer 1 has none before it
            state = self.state = state._replace(vbits=workspace((len(state.x), 2 * words), np.uint64, ahead))
        if fresh:
            self.state = state._replace(signs=workspace((fresh, 2 * words), np.uint64, ahead))
        if dim == 1:
            self.kept = np.empty((kept, n))
        inside = self.inside
        if n_vertices > len(inside.order) or n_pairs > len(inside.pairs):
            inside = inside_of(n_vertices, n_pairs)
        crossings = Crossings(np.empty((n_cells, words), np.int64), np.empty((n_cells, words), np.uint64))
        self.passing = before, earlier, inside, crossings
        return Evaluation(self.past.history, before, earlier, number, self.frame, self.kept), inside, crossings

    def _signs(self, job: Evaluation, inside: Inside) -> None:
        """Signs of a layer at the vertices that exist: by floats, where they do not prove them by exact arithmetic."""
        at, number = 0, int(job.layer)
        if self.meta[number - 1][N_UNITS] == 0:
            return
        while at >= 0:
            check_time()
            at, n_pairs = _classify(self.state, job, self.scratch, inside, at)
            if n_pairs:
                t = time.perf_counter()
                _settle(self.state, job.history, self.arithmetic, inside.pairs[:n_pairs], number, self.dim)
                self._lap("exact signs", t)

    def _cut(self, number: int, crossings: Crossings) -> None:
        job = Job(self.past.history, self.arithmetic, number, crossings, self.frame)
        # the faces that one cut of a k-face makes in its turn grow with its dimension
        limits = Limits(self.max_cells, max(1, _CUTS_A_CALL >> 2 * max(0, self.dim - 3)))
        self.work.level[:] = 0
        while True:
            status = _cut_layer(self.state, job, self.work, limits)
            if status == Status.OVER_BUDGET:
                layer, depth = self.origin(number)
                raise TooManyCells(
                    f"max_cells: more than {self.max_cells} cells, reached in hidden layer {layer} of {depth}; "
                    "raise max_cells or shrink the domain"
                )
            if status == Status.CONTRADICTION:
                raise SpecgeoError(
                    "internal error: proved signs contradict each other; please report this network"
                    if self.frame.exact
                    else "exact=False: rounding gave signs that contradict each other; use exact=True"
                )
            if status == Status.FULL:
                self.work = self._grow(self.work)
                continue
            check_time()
            if self.report is not None:
                self.report(number, 1.0 if status == Status.DONE else self.share(number), self.state.sizes)
            if status == Status.DONE:
                return

    def origin(self, number: int) -> tuple[int, int]:
        """Which hidden layer of the network a layer is a part of, and how many it has."""
        return (number, len(self.meta)) if self.origins is None else (self.origins[number - 1], self.origins[-1])

    def share(self, number: int) -> float:
        """How much of the layer is done: blocks of units, in each the dimensions, in each the faces."""
        cursor, words = self.state.cursor, self.meta[number - 1][N_WORDS]
        faces = cursor[Cursor.FACE] / max(1, cursor[Cursor.OLD])
        dimensions = (max(0, cursor[Cursor.DIMENSION] - 1) + faces) / self.dim
        return float((cursor[Cursor.BLOCK] + min(dimensions, 1.0)) / words)

    def _positions(self, first: int) -> None:
        """Better positions for those of the vertices from ``first`` on whose error radius is too large."""
        if not self.frame.exact or self.state.cursor[Cursor.POOR] == 0:
            return
        error = self.state.x[first : self.state.sizes[Size.VERTICES], self.dim]
        poor = first + np.flatnonzero(~(error <= self.frame.reliable))
        self.refiner.refine(self.state, self.past.history, poor)
        fine = self.state.x[poor, self.dim] <= self.frame.reliable
        left, carriers = poor[~fine], self.state.vplanes[poor[fine], -1]
        self.state.tally[Tally.REFINED_POSITION] += np.count_nonzero(self.state.counts[carriers])
        _settle(
            self.state, self.past.history, self.arithmetic, np.column_stack((left, np.zeros_like(left))), 0, self.dim
        )

    def _grow(self, work: Work) -> Work:
        """Double whatever has little room left."""
        state = self.state
        needed = work.level.copy()  # what one more unit can need, at most
        total = int(needed.sum())
        used = {
            "vertices": (state.sizes[Size.VERTICES], int(needed[1]), len(state.x)),
            "faces": (state.sizes[Size.FACES], 2 * total, len(state.dims)),
            "pool": (state.sizes[Size.POOL], self._items_needed(work), len(state.pool)),
            "cells": (state.sizes[Size.CELLS], int(needed.max()), len(state.cells)),
        }
        wanted = {k: int(2 * (u + n)) for k, (u, n, room) in used.items() if u + n > room}
        self.afford(**wanted)
        self.state = state = with_room(state, self.ahead(moving_bytes(state, **wanted)), **wanted)
        if 2 * int(needed.max()) + 2 > work.pieces.shape[1]:
            room, used_room = 4 * int(needed.max()) + 4, work.pieces.shape[1]
            self.afford(12 * (self.dim + 1) * room)
            pieces, crossed = (np.empty((self.dim + 1, room), kind) for kind in (np.int32, np.uint64))
            pieces[:, :used_room], crossed[:, :used_room] = work.pieces, work.crossed
            work = work._replace(pieces=pieces, crossed=crossed)
        scratch = min(int(state.sizes[Size.LONGEST]) ** 2, int(state.sizes[Size.POOL]))
        if scratch > len(work.cut):
            self.afford(8 * scratch, work.pieces, work.crossed)
            work = work._replace(cut=np.empty(2 * scratch, np.int32))
        return work

    def afford(self, extra: int = 0, *arrays: Any, **wanted: int) -> None:
        """Raise unless so many bytes and rows (in all) beside what is held, and these arrays, stay in the budget."""
        needed = extra + (extra_bytes(self.state, **wanted) if wanted else 0)
        self.granted += needed
        if self.granted > self.max_bytes:  # or less: some of it is free again
            self._recount(needed, arrays)

    def ahead(self, needed: int) -> int:
        """How many times these bytes to reserve: half of what is left of a quarter of the budget, if that is known.

        With a limit, none: what the caller allows is then the address space as well. Nor on Windows, where addresses
        are taken from what memory there is.
        """
        if self.limited or needed == 0 or sys.platform == "win32":
            return 1
        if self.max_bytes == _UNASKED and self.reserved + _AHEAD * needed > _UNASKED:
            self.max_bytes = self.granted + memory_budget()
        times = min(_AHEAD, 1 + max(0, self.max_bytes // 4 - self.reserved) // (2 * needed))
        self.reserved += (times - 1) * needed
        return times

    def _recount(self, needed: int, arrays: tuple[Any, ...]) -> None:
        held = self._held(*arrays)
        if held + needed > self.max_bytes and not self.limited:
            self.max_bytes = held + memory_budget()
        if held + needed > self.max_bytes:
            cells = int(self.state.sizes[Size.CELLS])
            raise BudgetError(
                f"max_bytes: {held + needed:,} bytes would be needed at {cells:,} cell{'s' * (cells != 1)}, "
                f"{self.max_bytes:,} are {'allowed' if self.limited else 'available'}; "
                "raise max_bytes or shrink the domain"
            )
        self.granted = held + needed
        if self.limited or self.max_bytes != _UNASKED:  # the first look without a limit takes back nothing
            self.granted += give_back((self.max_bytes - held - needed) // 2)

    def _held(self, *arrays: Any) -> int:
        """Bytes of what the run holds, and of these arrays."""
        own = self.state, self.maps, self.past.history, self.arithmetic, self.scratch, self.work, self.inside
        return held_bytes((*own, self.passing, self.loans.arrays(), arrays))

    def _items_needed(self, work: Work) -> int:
        """Pool items that one more unit can need in the current face."""
        s = self.state
        if s.cursor[Cursor.OPEN] == 0:
            f = int(s.cursor[Cursor.FACE])
            start = int(s.faces[f, START])
            pieces = s.faces[s.pool[start : start + int(s.faces[f, LEN])], NEXT]
            return int(np.where(pieces >= 0, s.pool[pieces], 1).sum())
        ids = np.concatenate([work.pieces[m, : work.level[m]] for m in range(1, self.dim + 1)])
        return int(4 * s.faces[ids, LEN].sum() + 8 * len(ids))

    def polish(self) -> None:
        """Vertices onto the walls; exact positions where a coordinate is so close to zero that its sign is in doubt."""
        t = time.perf_counter()
        if _finish_positions(self.state, self.dim) > 0 and self.frame.exact:
            x = self.state.x[: self.state.sizes[Size.VERTICES]]
            self.afford(4 * x.nbytes)
            doubtful = np.flatnonzero(np.any(~(np.abs(x[:, :-1]) > x[:, -1:]) & (x[:, :-1] != 0.0), axis=1))
            pairs = np.column_stack((doubtful, np.zeros_like(doubtful)))
            _settle(self.state, self.past.history, self.arithmetic, pairs, 0, self.dim)
            _finish_positions(self.state, self.dim)  # an exact position is rounded, and not to a wall
        self._lap("positions", t)

    def _lap(self, stage: str, since: float) -> float:
        now = time.perf_counter()
        self.seconds[stage] += now - since
        return now
