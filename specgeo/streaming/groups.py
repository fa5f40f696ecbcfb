"""Enumeration depth first: the cells of an early complex in groups, each taken through all later layers by itself.

The working set of a group stays in the cache, and no more than a group for each worker is held beside the head.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._cast import IntArray
from specgeo.enumeration._domain import domain_state
from specgeo.enumeration._groups import Owners, Places, centres, choose, collect, find_owners, halves, take
from specgeo.enumeration._layers import N_WORDS, N
from specgeo.enumeration._layout import CARRIER, Size, State, with_room
from specgeo.enumeration._memory import workspace
from specgeo.enumeration._run import Run
from specgeo.enumeration.enumerate import as_complex, layers_of
from specgeo.errors import BudgetError
from specgeo.network import Network

Flags = npt.NDArray[np.bool_]

HEAD_CELLS = 10_000  # the head is the first complex of so many cells, but at most that before the last layer
GROUP_CELLS = 200  # of the head in a group; in dimension 4 and more, where walls are many, GROUP_CELLS_HIGH
GROUP_CELLS_HIGH = 2000
GROUP_BYTES = 1 << 28  # about what a group may need before it is halved


class Head:
    """The complex after an early layer, and the groups of its cells.

    Parameters
    ----------
    network : Network
    domain : Box or Polytope
    max_bytes : int, optional
        Of the head, and of each group.
    head_cells, group_cells : int
        See the constants. Which groups there are follows from these, the network and the domain alone.

    Attributes
    ----------
    layer : int
        The last layer that the head has been cut by.
    groups : list of arrays
        Cells of the head in each.
    """

    def __init__(
        self,
        network: Network,
        domain: Any,
        max_bytes: int | None = None,
        head_cells: int | None = None,
        group_cells: int | None = None,
    ) -> None:
        layers, self.labels = layers_of(network)
        dim = network.input_dim
        self.network, self.domain, self.max_bytes = network, domain, max_bytes
        state, extent = domain_state(domain, dim, True, 1 << max(4, 14 - 2 * dim), max_bytes)
        self.run = Run(layers, state, extent, True, None, None, max_bytes)
        self.dim, self.layers, self.layer, self.depth = dim, layers, 0, len(layers.meta)
        while self.layer < self.depth - 1 and self.n_cells < (head_cells or HEAD_CELLS):
            self.layer += 1
            self.run.layer(self.layer)
        size = group_cells or (GROUP_CELLS if dim < 4 else GROUP_CELLS_HIGH)
        head = self.run.state
        inside = np.empty((int(head.sizes[Size.FACES]), dim))
        centres(head, inside, dim)
        self.points = inside[head.cells[: self.n_cells, 0]]
        self.groups: list[IntArray] = choose(self.points, size)
        group_of = np.empty(self.n_cells, np.int32)
        for number, cells in enumerate(self.groups):
            group_of[cells] = number
        n_faces, n_vertices = int(head.sizes[Size.FACES]), int(head.sizes[Size.VERTICES])
        self.owners = Owners(
            np.empty(n_faces, np.int32), np.empty(n_faces, np.bool_), np.empty(n_vertices, np.int32),
            np.empty(n_vertices, np.bool_),
        )  # fmt: skip
        find_owners(head, group_of, self.owners, dim)

    @property
    def n_cells(self) -> int:
        return int(self.run.state.sizes[Size.CELLS])

    def most_cells(self) -> int:
        """Cells of a group that need about `GROUP_BYTES`: maps before and after a layer, faces and their lists."""
        widest = int(self.layers.meta[:, N].max(initial=1))
        return max(1000, GROUP_BYTES // (16 * (self.dim + 3) * widest + 160 * 3**self.dim))


class Group(Run):
    """One group after the other, in buffers that are kept. Each thread has its own."""

    def __init__(self, head: Head, max_bytes: int | None = None) -> None:
        self.head = head
        s = head.run.state
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
        run = head.run
        super().__init__(head.layers, state, run.frame.extent, True, None, None, max_bytes, run.domain_rows)
        self.past = run.past.fork(head.layer)
        n_faces, n_vertices = len(head.owners.faces), len(head.owners.vertices)
        self.places = Places(
            np.full(n_faces, -1, np.int32), np.full(n_vertices, -1, np.int32), np.empty(n_faces, np.int32),
            np.empty(n_vertices, np.int32),
        )  # fmt: skip

    def enter(self, cells: IntArray) -> None:
        """Begin with some cells of the head."""
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
        self.n_faces, self.n_vertices = n_faces, n_vertices
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

    def finish(self) -> None:
        """All later layers."""
        self.max_cells = self.head.most_cells()
        for layer in range(self.head.layer + 1, self.head.depth + 1):
            self.layer(layer)
        self.polish()

    def carriers(self) -> tuple[IntArray, IntArray]:
        """The carrier of each face and of each vertex, those of old vertices as -1 - v."""
        s = self.state
        n_faces, n_vertices = int(s.sizes[Size.FACES]), int(s.sizes[Size.VERTICES])
        return s.faces[:n_faces, CARRIER].astype(np.int64), s.vplanes[:n_vertices, -1].astype(np.int64)


class RegionGroup:
    """What a reducer sees: the cells of one group with all their faces.

    Attributes
    ----------
    complex : PolyhedralComplex
        Of the group alone. Walls between groups are boundary facets of it; ``facet_walls`` is -1 on them.
    owned : tuple of bool arrays, d + 1
        Faces of each dimension that are to be counted here: of several groups that share a face the first counts it.
    seam : ndarray of int
        Facets between this group and another.
    seam_keys : ndarray of int
        What these lie in, in the head: the n-th facet of a key is the n-th of that key in the other group.
    tally : ndarray of int, shape (5,)
    """

    def __init__(self, run: Group, number: int, seen: tuple[Flags, Flags]) -> None:
        head, s = run.head, run.state
        self.number, self.n_groups = number, len(head.groups)
        self.complex = as_complex(run, head.network, head.labels, head.domain)
        faces, vertices = run.carriers()
        own = head.owners.faces == number
        own_vertices = head.owners.vertices == number
        own, own_vertices = own & ~seen[0], own_vertices & ~seen[1]
        mine = own[faces]
        old = vertices < 0
        at = np.where(old, own_vertices[np.where(old, -1 - vertices, 0)], own[np.where(old, 0, vertices)])
        dims = s.dims[: len(faces)]
        self.owned = (at, *(mine[dims == k] for k in range(1, run.dim + 1)))
        facets = self.complex.facets
        assert self.complex.facet_walls is not None
        self.seam: IntArray = np.flatnonzero(facets.is_boundary & (self.complex.facet_walls < 0))
        self.seam_keys: IntArray = (-1 - vertices if run.dim == 1 else faces[dims == run.dim - 1])[self.seam]
        self.tally = s.tally.copy()


class Worker:
    """Takes groups through all layers, one after the other; each thread has its own."""

    def __init__(self, head: Head) -> None:
        self.head, self.run = head, Group(head, head.max_bytes)

    def groups(self, number: int) -> Iterator[RegionGroup]:
        """The group, or its parts where it is too large to be held at once."""
        head = self.head
        seen = np.zeros(len(head.owners.faces), np.bool_), np.zeros(len(head.owners.vertices), np.bool_)
        stack = [head.groups[number]]
        while stack:
            cells = stack.pop()
            self.run.enter(cells)
            inside = self.run.places.faces[: self.run.n_faces].copy(), self.run.places.vertices[: self.run.n_vertices].copy()
            try:
                self.run.finish()
            except BudgetError:
                if len(cells) == 1:
                    raise
                near, far = halves(head.points, cells)
                stack += [far, near]
                continue
            yield RegionGroup(self.run, number, seen)
            seen[0][inside[0]], seen[1][inside[1]] = True, True
