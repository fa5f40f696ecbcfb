"""Enumeration depth first: the cells of an early complex in groups, each taken through all later layers by itself.

The working set of a group stays in the cache, and no more than a group for each worker is held beside the head. Which
groups there are follows from network, domain and budget alone, whoever takes them through the layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._cast import IntArray
from specgeo._jit import direct
from specgeo.enumeration._exact import forget
from specgeo.enumeration._groups import Owners, Places, Seen, centres, choose, collect, find_owners, take
from specgeo.enumeration._layers import N_UNITS, N_WORDS, N
from specgeo.enumeration._layout import CARRIER, LEN, PLANES, START, Size, State, Work, with_room, words_of
from specgeo.enumeration._memory import workspace
from specgeo.enumeration._run import Run, TooManyCells
from specgeo.enumeration._scalars import Flags, Ids
from specgeo.enumeration.begin import begin, cut_by, layers_of, lowered_of
from specgeo.enumeration.finish import certificate_of
from specgeo.geometry.certificate import Certificate
from specgeo.network import Network

_collect, _take = direct(collect), direct(take)

HEAD_CELLS = 10_000  # the head is the first complex of so many cells, but at most that before the last layer
GROUP_FACES = 100_000  # about what a group comes to; in dimension 4 and more, where walls are many, GROUP_FACES_HIGH
GROUP_FACES_HIGH = 200_000
LEAST_CELLS, MOST_CELLS = 16, 2000  # of the head in a group
FEW_GROUPS, FEW_CELLS = 16, 64  # so many groups at least, unless they have fewer cells: there should be work for all
GLUED_FACES = 160_000  # of the head of a complex that is glued
GLUED_LAST = 25  # times as many behind the last layer where it is next: walls cut twice cost more than that saves
GLUED_WIDE = 80_000  # cells behind the last layer, where one to come has blocks of units: each goes through all faces
GROUP_BYTES = 1 << 28  # about what a group may need before it is divided, if it has this many cells
FEWEST = 1000


def enough_cells(run: Run) -> bool:
    """Whether groups of the cells of a run are many enough, for those who look at one after the other."""
    return bool(run.state.sizes[Size.CELLS] >= HEAD_CELLS)


def enough_faces(run: Run) -> bool:
    """Whether a run does better to go on in groups, for those who want the whole complex.

    In dimension 4 and more walls are many, and groups pay later.
    """
    cells, faces = int(run.state.sizes[Size.CELLS]), int(run.state.sizes[Size.FACES])
    few = cells < FEW_GROUPS * LEAST_CELLS
    if run.dim == 1 or cells == 1 or (few and faces < GLUED_FACES):
        return False
    layer = run.past.n_layers
    before_last = layer >= len(run.meta) - 1
    times = growth(run, layer) if run.dim < 4 else 1.0
    if run.dim < 4 and not few and cells * times >= GLUED_WIDE and max(own[N_WORDS] for own in run.meta[layer:]) > 1:
        return True
    return faces * times >= GLUED_FACES * GLUED_LAST if before_last else faces >= GLUED_FACES


def growth(run: Run, layer: int) -> float:
    """How many times as many cells there may be behind all layers as behind this one.

    They become more like the d-th power of the units (Hanin and Rolnick 2019, "Deep ReLU networks have surprisingly few
    activation patterns").
    """
    units = run.layers.meta[:, N_UNITS].astype(float)
    return float((max(1.0, units.sum()) / max(1.0, units[:layer].sum())) ** run.dim)


class Head:
    """The complex after an early layer, and the groups of its cells.

    Parameters
    ----------
    network : Network
    domain : Box or Polytope
    max_bytes : int, optional
        Of the head, and of each group.
    enough : callable
        Whether the complex of a run is large enough to be the head; the last but one layer's is in any case.
    begun : (Run, int), optional
        A run that is, and the last layer that it has been cut by.

    Attributes
    ----------
    layer : int
        The last layer that the head has been cut by.
    groups : list of arrays
        Cells of the head in each.
    most_cells, most_faces : int
        Of a group with all layers done: one with more is divided.
    """

    def __init__(
        self,
        network: Network,
        domain: Any,
        max_bytes: int | None = None,
        enough: Callable[[Run], bool] = enough_cells,
        begun: tuple[Run, int] | None = None,
    ) -> None:
        self.network, self.domain, self.max_bytes, self.dim = network, domain, max_bytes, network.input_dim
        self.labels = layers_of(network)[1]
        self.run, self.layer = begun or (begin(network, domain, max_bytes=max_bytes, divides=True), 0)
        layers = self.run.layers
        self.depth = len(layers.meta)
        low = lowered_of(network)
        merged = max(low.contests, default=0)  # groups put nothing together: they would do so in different ways
        while begun is None and (self.layer < merged or self.layer < self.depth - 1 and not enough(self.run)):
            self.layer += 1
            cut_by(self.run, low, self.layer)
        widest = int(layers.meta[:, N].max(initial=1))  # maps before and after a layer, faces and their lists
        share = GROUP_BYTES if max_bytes is None else min(GROUP_BYTES, max_bytes // 4)
        self.most_cells = max(FEWEST, share // (16 * (self.dim + 3) * widest + 320 * 2**self.dim))
        self.most_faces = 2**self.dim * self.most_cells  # so many have cells of simple arrangements
        self._make_groups()

    def _make_groups(self) -> None:
        head, dim = self.run.state, self.dim
        n_faces, n_vertices = int(head.sizes[Size.FACES]), int(head.sizes[Size.VERTICES])
        inside = np.empty((n_faces, dim))
        centres(head, inside, dim)
        self.points = inside[head.cells[: self.n_cells, 0]]
        self.groups: list[IntArray] = choose(self.points, self._cells_of_a_group())
        group_of = np.empty(self.n_cells, np.int32)
        for number, cells in enumerate(self.groups):
            group_of[cells] = number
        self.owners = Owners(
            np.empty(n_faces, np.int32),
            np.empty(n_faces, np.bool_),
            np.empty(n_vertices, np.int32),
            np.empty(n_vertices, np.bool_),
        )
        find_owners(head, group_of, self.owners, dim)

    def _cells_of_a_group(self) -> int:
        """So many that a group comes to about GROUP_FACES faces: with its faces a cell counts for 2^d."""
        wanted = GROUP_FACES if self.dim < 4 else GROUP_FACES_HIGH
        cells = min(wanted / (2**self.dim * growth(self.run, self.layer)), max(self.n_cells / FEW_GROUPS, FEW_CELLS))
        return int(np.clip(cells, LEAST_CELLS, MOST_CELLS))

    def in_walls(self) -> Flags:
        """Which of its faces, of dimension 1 and more, lie in a wall of the domain."""
        s = self.run.state
        n = int(s.sizes[Size.FACES])
        dims, faces = s.dims[:n], s.faces[:n]
        facets, found = np.flatnonzero(dims == self.dim - 1), np.zeros(n, np.bool_)
        found[facets] = s.porigin[faces[facets, PLANES], 0] < 0
        for k in range(self.dim - 1, 1, -1):
            rows = faces[found & (dims == k)]
            ends = np.cumsum(rows[:, LEN])
            items = np.arange(ends[-1] if len(ends) else 0)
            found[s.pool[items + np.repeat(rows[:, START] - ends + rows[:, LEN], rows[:, LEN])]] = True
        return found

    @property
    def n_cells(self) -> int:
        return int(self.run.state.sizes[Size.CELLS])

    @property
    def certificate(self) -> Certificate:
        """How the signs behind the head were decided."""
        return certificate_of(self.run)


def _nothing_of(head: Head) -> Seen:
    """Before a part of a group has had anything of the head."""
    return Seen(np.zeros(len(head.owners.faces), np.bool_), np.zeros(len(head.owners.vertices), np.bool_))


class Group(Run):
    """One group after the other, in buffers that are kept. Each thread has its own.

    Attributes
    ----------
    cells : (n,)
        Those of the head that are in the group, or in the part of it.
    head_faces, head_vertices : (n,)
        What these have of the head.
    """

    cells: IntArray
    head_faces: Ids
    head_vertices: Ids

    def __init__(self, head: Head) -> None:
        self.head = head
        s, run = head.run.state, head.run
        n_planes, none = int(s.sizes[Size.PLANES]), np.empty((0, s.faces.shape[1]), np.int32)
        state = State(
            np.zeros_like(s.sizes),
            np.zeros_like(s.cursor),
            np.zeros_like(s.tally),
            np.array([np.inf]),
            np.empty((0, s.x.shape[1])),
            np.empty((0, s.vplanes.shape[1]), np.int32),
            np.empty((1, 2), np.uint64),
            np.empty(0, np.uint8),
            none,
            words_of(none),
            np.empty(0, np.int32),
            np.empty((0, 2), np.int32),
            np.empty((1, 2), np.uint64),
            s.planes[:n_planes].copy(),
            s.porigin[:n_planes].copy(),
            np.zeros(len(head.owners.faces) + len(head.owners.vertices), np.uint8),
        )
        super().__init__(run.layers, state, run.frame.extent, True, None, None, head.max_bytes, run.domain_rows)
        self.past = run.past.fork(head.layer)
        n_faces, n_vertices = len(head.owners.faces), len(head.owners.vertices)
        self.places = Places(
            np.full(n_faces, -1, np.int32),
            np.full(n_vertices, -1, np.int32),
            np.empty(n_faces, np.int32),
            np.empty(n_vertices, np.int32),
        )
        self.nothing = _nothing_of(head)

    def enter(self, number: int, cells: IntArray, seen: Seen) -> None:
        """Begin with some cells of a group."""
        head, s = self.head, self.head.run.state
        n_faces, n_vertices, n_items = _collect(s, cells, self.places, self.dim)
        wanted = {"vertices": n_vertices, "faces": n_faces, "pool": n_items, "cells": len(cells)}
        have = {"vertices": len(self.state.x), "faces": len(self.state.dims), "pool": len(self.state.pool)}
        have["cells"] = len(self.state.cells)
        self.state.sizes[:] = 0
        self.state = with_room(self.state, **{k: 4 * n for k, n in wanted.items() if 2 * n > have[k]})
        words = int(self.layers.meta[head.layer - 1, N_WORDS]) if head.layer else 1
        self.state = self.state._replace(vbits=workspace((len(self.state.x), 2 * words), np.uint64))
        _take(s, self.state, self.places, len(cells), n_faces, n_vertices)
        if head.layer:
            past = head.run.past
            self.past.push(head.layer, past.signs(head.layer)[cells], past.parents(head.layer)[cells])
        self.maps = head.run.maps
        forget(self.arithmetic)
        self.granted = 0
        self.max_cells = head.most_cells if len(cells) > 1 else 2**31
        self.seconds.clear()
        self.cells = cells
        owners, faces, vertices = head.owners, self.places.faces[:n_faces], self.places.vertices[:n_vertices]
        self.state.counts[faces] = (owners.faces[faces] == number) & ~seen.faces[faces]
        self.state.counts[-1 - vertices] = (owners.vertices[vertices] == number) & ~seen.vertices[vertices]
        self.head_faces, self.head_vertices = faces.copy(), vertices.copy()

    def parts(self, number: int) -> Iterator[Seen]:
        """Take a group through all layers, or its parts one after the other where it is too large to be held at once.

        Each time, gives what of the head earlier parts have had.
        """
        head, seen = self.head, self.nothing
        stack = [head.groups[number]]
        while stack:
            cells = stack.pop()
            self.enter(number, cells, seen)
            pieces = self._finish()
            if pieces > 1:
                seen = _nothing_of(head) if seen is self.nothing else seen
                stack += choose(head.points, -(-len(cells) // pieces), cells)[::-1]
                continue
            yield seen
            if stack:
                seen.faces[self.head_faces], seen.vertices[self.head_vertices] = True, True

    def _finish(self) -> int:
        """All later layers; or in how many pieces the group has to go, being too large to be held at once."""
        for layer in range(self.head.layer + 1, self.head.depth + 1):
            try:
                self.layer(layer)
            except TooManyCells:
                return int(np.clip(np.ceil(1.0 / max(self.share(layer), 1e-3)), 2, len(self.cells)))
        self.polish()
        return 1

    def _grow(self, work: Work) -> Work:
        if len(self.cells) > 1 and self.state.sizes[Size.FACES] > self.head.most_faces:
            raise TooManyCells("a group has too many faces")
        return super()._grow(work)

    def carriers(self) -> tuple[IntArray, IntArray]:
        """The face of the head that each face lies in, and each vertex; -1 - v for a vertex v of the head."""
        s = self.state
        n_faces, n_vertices = int(s.sizes[Size.FACES]), int(s.sizes[Size.VERTICES])
        return s.faces[:n_faces, CARRIER].astype(np.int64), s.vplanes[:n_vertices, -1].astype(np.int64)

    def dimensions(self) -> npt.NDArray[np.uint8]:
        """Of each face."""
        return self.state.dims[: self.state.sizes[Size.FACES]]
