"""Enumeration depth first: the cells of an early complex in groups, each taken through all later layers by itself.

The working set of a group stays in the cache, and no more than a group for each worker is held beside the head. Which
groups there are follows from network, domain and budget alone, whoever takes them through the layers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._budget import afford
from specgeo._cast import IntArray
from specgeo.enumeration._domain import domain_state
from specgeo.enumeration._groups import Owners, Places, centres, choose, collect, find_owners, halves, take
from specgeo.enumeration._layers import N_WORDS, N, flat_bytes
from specgeo.enumeration._layout import CARRIER, Size, State, with_room
from specgeo.enumeration._memory import workspace
from specgeo.enumeration._run import Run, TooManyCells
from specgeo.enumeration._scalars import Ids
from specgeo.enumeration.enumerate import certificate_of, check_dimension, cut_by, layers_of, lowered_of
from specgeo.geometry.certificate import Certificate
from specgeo.network import Network

HEAD_CELLS = 10_000  # the head is the first complex of so many cells, but at most that before the last layer
GROUP_CELLS = 200  # of the head in a group; in dimension 4 and more, where walls are many, GROUP_CELLS_HIGH
GROUP_CELLS_HIGH = 2000
GROUP_BYTES = 1 << 28  # about what a group may need before it is halved, if it has this many cells
FEWEST = 1000


class Head:
    """The complex after an early layer, and the groups of its cells.

    Parameters
    ----------
    network : Network
    domain : Box or Polytope
    max_bytes : int, optional
        Of the head, and of each group.

    Attributes
    ----------
    layer : int
        The last layer that the head has been cut by.
    groups : list of arrays
        Cells of the head in each.
    most_cells : int
        Of a group with all layers done: one with more is halved.
    """

    def __init__(self, network: Network, domain: Any, max_bytes: int | None = None) -> None:
        dim = network.input_dim
        check_dimension(dim)
        state, extent = domain_state(domain, dim, True, 1 << max(4, 14 - 2 * dim), max_bytes)
        low = lowered_of(network)
        needed = flat_bytes(low.weights[:-1], low.activations)
        afford(needed, "max_bytes", "raise max_bytes, or take a smaller network", max_bytes)
        layers, self.labels = layers_of(network)
        self.network, self.domain, self.max_bytes, self.dim = network, domain, max_bytes, dim
        self.layer, self.depth = 0, len(layers.meta)
        self.run = Run(layers, state, extent, True, None, None, max_bytes)
        merged = max(low.contests, default=0)  # groups put nothing together: they would do so in different ways
        while self.layer < merged or self.layer < self.depth - 1 and self.n_cells < HEAD_CELLS:
            self.layer += 1
            cut_by(self.run, low, self.layer)
        widest = int(layers.meta[:, N].max(initial=1))  # maps before and after a layer, faces and their lists
        share = GROUP_BYTES if max_bytes is None else min(GROUP_BYTES, max_bytes // 4)
        self.most_cells = max(FEWEST, share // (16 * (dim + 3) * widest + 160 * 3**dim))
        self._make_groups()

    def _make_groups(self) -> None:
        head, dim = self.run.state, self.dim
        n_faces, n_vertices = int(head.sizes[Size.FACES]), int(head.sizes[Size.VERTICES])
        inside = np.empty((n_faces, dim))
        centres(head, inside, dim)
        self.points = inside[head.cells[: self.n_cells, 0]]
        self.groups: list[IntArray] = choose(self.points, GROUP_CELLS if dim < 4 else GROUP_CELLS_HIGH)
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

    def halves(self, cells: IntArray) -> tuple[IntArray, IntArray]:
        """Two smaller groups."""
        return halves(self.points, cells)

    @property
    def n_cells(self) -> int:
        return int(self.run.state.sizes[Size.CELLS])

    @property
    def certificate(self) -> Certificate:
        """How the signs behind the head were decided."""
        return certificate_of(self.run)


class Group(Run):
    """One group after the other, in buffers that are kept. Each thread has its own."""

    def __init__(self, head: Head) -> None:
        self.head = head
        s, run = head.run.state, head.run
        n_planes = int(s.sizes[Size.PLANES])
        state = State(
            np.zeros_like(s.sizes),
            np.zeros_like(s.cursor),
            np.zeros_like(s.tally),
            np.array([np.inf]),
            np.empty((0, s.x.shape[1])),
            np.empty((0, s.vplanes.shape[1]), np.int32),
            np.empty((1, 2), np.uint64),
            np.empty(0, np.uint8),
            np.empty((0, s.faces.shape[1]), np.int32),
            np.empty((0, 3), np.uint64),
            np.empty(0, np.int32),
            np.empty((0, 2), np.int32),
            np.empty((1, 2), np.uint64),
            s.planes[:n_planes].copy(),
            s.porigin[:n_planes].copy(),
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

    def enter(self, cells: IntArray) -> tuple[Ids, Ids]:
        """Begin with some cells of the head; returns its faces and vertices that these have."""
        head, s = self.head, self.head.run.state
        n_faces, n_vertices, n_items = collect(s, cells, self.places, self.dim)
        wanted = {"vertices": n_vertices, "faces": n_faces, "pool": n_items, "cells": len(cells)}
        have = {"vertices": len(self.state.x), "faces": len(self.state.dims), "pool": len(self.state.pool)}
        have["cells"] = len(self.state.cells)
        self.state.sizes[:] = 0
        self.state = with_room(self.state, **{k: 4 * n for k, n in wanted.items() if 2 * n > have[k]})
        words = int(self.layers.meta[head.layer - 1, N_WORDS]) if head.layer else 1
        self.state = self.state._replace(vbits=workspace((len(self.state.x), 2 * words), np.uint64))
        take(s, self.state, self.places, len(cells), n_faces, n_vertices)
        if head.layer:
            past = head.run.past
            self.past.push(head.layer, past.signs(head.layer)[cells], past.parents(head.layer)[cells])
        self.maps = head.run.maps
        arithmetic = self.arithmetic
        arithmetic.used[2] = -1
        if arithmetic.used[1] > 0:  # what it remembers is of other cells
            arithmetic.keys[:] = -1
            arithmetic.used[:2] = 0
        self.granted = 0
        self.max_cells = head.most_cells if len(cells) > 1 else 2**31
        return self.places.faces[:n_faces].copy(), self.places.vertices[:n_vertices].copy()

    def finish(self) -> bool:
        """All later layers; False where the group is too large to be held at once, and can be halved."""
        try:
            for layer in range(self.head.layer + 1, self.head.depth + 1):
                self.layer(layer)
        except TooManyCells:
            return False
        self.polish()
        return True

    def carriers(self) -> tuple[IntArray, IntArray]:
        """The face of the head that each face lies in, and each vertex; -1 - v for a vertex v of the head."""
        s = self.state
        n_faces, n_vertices = int(s.sizes[Size.FACES]), int(s.sizes[Size.VERTICES])
        return s.faces[:n_faces, CARRIER].astype(np.int64), s.vplanes[:n_vertices, -1].astype(np.int64)

    def dimensions(self) -> npt.NDArray[np.uint8]:
        """Of each face."""
        return self.state.dims[: self.state.sizes[Size.FACES]]
