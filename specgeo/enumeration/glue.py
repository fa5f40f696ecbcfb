"""The whole complex from groups of cells: each takes its place by numbers alone.

Groups come in order, whoever takes them through the layers, and number what they own one after the other. A face that
two of them share is cut by both in the same way, so the n-th piece of it in one is the n-th in the other (`_groups`):
what a group does not own it looks up. Coordinates of shared vertices are those of their owner.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from specgeo._budget import memory_budget
from specgeo._cast import FloatArray, IntArray
from specgeo._display import counted
from specgeo._jit import direct
from specgeo._parcels import opened, parcelled
from specgeo._workers import in_order, is_elsewhere, n_cores, named
from specgeo.enumeration._glue import (
    Codes,
    Lists,
    Pieces,
    Place,
    Share,
    Told,
    count_told,
    encode,
    list_boundaries,
    put,
    tell,
)
from specgeo.enumeration._groups import Seen
from specgeo.enumeration._layout import Size
from specgeo.enumeration._memory import workspace
from specgeo.enumeration._run import TooManyCells
from specgeo.enumeration._scalars import Ids, Words
from specgeo.enumeration.begin import lowered_of, require_ieee_arithmetic
from specgeo.enumeration.finish import certificate_of, complex_of, final_signs
from specgeo.enumeration.groups import Group, Head, enough_faces
from specgeo.errors import BudgetError, SpecgeoError
from specgeo.geometry.arrays import Patterns, Ragged
from specgeo.geometry.certificate import Certificate, together
from specgeo.geometry.complex import PolyhedralComplex

_encode, _count_told = direct(encode), direct(count_told)
_tell, _list_boundaries = direct(tell), direct(list_boundaries)


class Part(NamedTuple):
    """What a group, or a part of one that was divided, has of the complex."""

    sizes: IntArray  # (d + 1,) how many faces of each dimension it owns
    items: IntArray  # (d + 1,) lengths of their boundaries in all
    x: FloatArray  # (sizes[0], d + 1) its vertices, and their errors
    lists: Lists
    other_vertices: Ids  # (n, 2) names of what it does not own
    other_faces: Ids
    told: Told
    n_told: int  # carriers
    positive: Words  # signs of all units on its cells
    negative: Words
    certificate: Certificate

    @property
    def nbytes(self) -> int:
        arrays = (*self.lists, *self.told, self.x, self.other_vertices, self.other_faces, self.positive, self.negative)
        return sum(int(array.nbytes) for array in arrays)


class Maker:
    """Makes parts of groups; in other processes with a head of their own."""

    def __init__(self, head: Head) -> None:
        self._asked = head.network, head.domain, head.max_bytes
        self._head: Head | None = head
        self._runs: dict[int, tuple[Group, Pieces]] = {}  # of each thread of this process

    def __getstate__(self) -> dict[str, Any]:
        return {"_asked": self._asked, "_head": None, "_runs": {}}

    def prepare(self) -> None:
        """Make the head, where it is not here."""
        self._head = Head(*self._asked, enough_faces)

    def parts(self, number: int) -> list[Part]:
        """Those of one group."""
        head, thread = self._head, threading.get_ident()
        assert head is not None
        if thread not in self._runs:
            require_ieee_arithmetic()  # a setting of the thread
            n = len(head.owners.faces)
            none = np.full(n, -1, np.int32)
            self._runs[thread] = Group(head), Pieces(np.zeros(n, np.int32), np.zeros(n, np.int32), none, none.copy())
        run, pieces = self._runs[thread]
        return [part_of(run, number, seen, pieces) for seen in run.parts(number)]


def parts_of(parcel: bytes, number: int) -> list[Part]:
    """The parts of one group: the function that workers run."""
    maker: Maker = opened(parcel)
    return maker.parts(number)


def part_of(run: Group, number: int, seen: Seen, pieces: Pieces) -> Part:
    """What a run through a group, or a part of it, has of the whole."""
    s, dim, head = run.state, run.dim, run.head
    n_faces, n_vertices = int(s.sizes[Size.FACES]), int(s.sizes[Size.VERTICES])
    run.afford(12 * (n_faces + n_vertices) + 8 * n_faces + 4 * int(s.sizes[Size.POOL]))
    shapes = (n_faces,), (n_vertices,), (n_faces, 2), (n_vertices, 2)
    codes = Codes(*(workspace(shape, np.int32) for shape in shapes))
    share = Share(head.owners, seen, number, len(run.cells) == len(head.groups[number]))
    sizes, items = np.zeros(dim + 1, np.int64), np.zeros(dim + 1, np.int64)
    n_other_faces, n_other_vertices = _encode(s, share, pieces, codes, sizes, items)
    table = np.empty((len(run.head_faces), 3), np.int32)
    n_told, n_met, told_faces, told_vertices = _count_told(run.head_faces, share, pieces, table)
    told = Told(
        table[:n_met].copy(),
        np.empty(told_faces, np.int32),
        np.empty(told_faces, np.uint8),
        np.empty(told_vertices, np.int32),
        np.empty((len(run.head_vertices), 2), np.int32),
    )
    corners = _tell(s, run.head_faces, share, pieces, codes, told)
    owned = int(sizes[1:].sum())
    lists = Lists(
        np.empty(owned, np.int32), np.empty(int(items.sum()), np.int32), np.empty(int(sizes[dim - 1]), np.int32)
    )
    _list_boundaries(s, codes, sizes.copy(), items.copy(), lists)
    signs = final_signs(run, head.labels, lowered_of(head.network).contests)
    return Part(
        sizes,
        items,
        s.x[:n_vertices][codes.vertices >= 0],
        lists,
        codes.other_vertices[:n_other_vertices].copy(),
        codes.other_faces[:n_other_faces].copy(),
        told._replace(corners=told.corners[:corners].copy()),
        n_told,
        signs.positive,
        signs.negative,
        certificate_of(run),
    )


def glued(
    head: Head, executor: Any, progress: Callable[[str, float], None] | None, max_cells: int | None
) -> PolyhedralComplex:
    """All groups taken through all layers, and put together."""
    allowed, n_groups, begun = memory_budget(head.max_bytes), len(head.groups), head.layer / head.depth
    executor = named(executor)
    executor = n_cores() if executor is None else executor
    parts: list[Part] = []
    cells, faces, held = 0, 0, 0
    with parcelled(executor, Maker(head), "network, domain: they") as parcel:
        tasks = ((parcel, number) for number in range(n_groups))
        for done, found in enumerate(in_order(executor, parts_of, tasks), start=1):
            parts += found
            for part in found:
                cells, faces, held = cells + int(part.sizes[-1]), faces + int(part.sizes.sum()), held + part.nbytes
            if max_cells is not None and cells > max_cells:
                raise TooManyCells(
                    f"max_cells: more than {max_cells} cells, reached in group {done} of {n_groups}; "
                    "raise max_cells or shrink the domain"
                )
            if 2 * held > allowed:
                kind = "available" if head.max_bytes is None else "allowed"
                raise BudgetError(
                    f"max_bytes: {2 * held:,} bytes would be needed at {cells:,} cells, {allowed:,} are {kind}; "
                    "raise max_bytes or shrink the domain"
                )
            if progress is not None:
                text = f"group {done} of {n_groups}: {counted(cells, 'cell')}, {counted(faces, 'face')}"
                progress(text, begun + (1.0 - begun) * done / n_groups)
    return assembled(head, parts, n_cores() if is_elsewhere(executor) else executor)


def assembled(head: Head, parts: list[Part], executor: Any) -> PolyhedralComplex:
    """The complex of all parts, which are thrown away one after the other."""
    dim = head.dim
    sizes, items = np.array([part.sizes for part in parts]), np.array([part.items for part in parts])
    faces, stops = np.cumsum(sizes, axis=0) - sizes, np.cumsum(items, axis=0) - items
    totals, n_items = sizes.sum(axis=0), items.sum(axis=0)
    if totals.max() >= 2**31:
        raise BudgetError("network, domain: more than 2^31 faces of one dimension; shrink the domain or set max_cells")
    look_up = _directory(head, parts, faces)
    rows = np.concatenate(([0], totals[1:]))
    first, begin = np.cumsum(rows + 1) - rows - 1, np.cumsum(n_items) - n_items
    offsets, indices = np.empty(int(rows.sum()) + dim + 1, np.int64), np.empty(int(n_items.sum()), np.int32)
    offsets[first] = 0
    vertices, errors = np.empty((totals[0], dim)), np.empty(totals[0])
    n_units = len(head.labels[0])
    positive, negative = (np.empty((totals[dim], (n_units + 63) // 64), np.uint64) for _ in range(2))
    walls = np.empty(totals[dim - 1], np.int64)
    certificate = together([head.certificate, *(part.certificate for part in parts)])

    left: list[Part | None] = [*parts]
    parts.clear()

    def place(p: int) -> None:
        part, left[p] = left[p], None
        assert part is not None
        at, end = faces[p], faces[p] + sizes[p]
        put(part.lists, part.sizes, Place(at, stops[p]), look_up(part), first, begin, offsets, indices)
        vertices[at[0] : end[0]], errors[at[0] : end[0]] = part.x[:, :dim], part.x[:, dim]
        positive[at[dim] : end[dim]], negative[at[dim] : end[dim]] = part.positive, part.negative
        walls[at[dim - 1] : end[dim - 1]] = part.lists.walls

    for _ in in_order(executor, place, ((p,) for p in range(len(left)))):
        pass
    lists = tuple(
        Ragged(offsets[first[k] : first[k] + rows[k] + 1], indices[begin[k] : begin[k] + n_items[k]])
        for k in range(1, dim + 1)
    )
    signs = Patterns(positive, negative, *head.labels)
    return complex_of(head.network, head.domain, vertices, errors, lists, signs, walls, certificate)


def _directory(head: Head, parts: list[Part], first: IntArray) -> Callable[[Part], tuple[Ids, Ids]]:
    """What tells a part the numbers of the vertices and faces that it does not own; ``first`` (parts, d + 1) of own."""
    n = len(head.owners.faces)
    counts, starts = np.zeros((n, 2), np.int32), np.zeros((n, 2), np.int64)
    corners = np.empty(len(head.owners.vertices), np.int32)
    faces, vertices, at = [], [], np.zeros(2, np.int64)
    for part, own in zip(parts, first, strict=True):
        told = part.told
        carriers, many = told.carriers[: part.n_told, 0], told.carriers[: part.n_told, 1:].astype(np.int64)
        counts[carriers], starts[carriers] = many, at + np.cumsum(many, axis=0) - many
        at = at + many.sum(axis=0)
        faces.append((told.faces + own[told.dims]).astype(np.int32))
        vertices.append((told.vertices + own[0]).astype(np.int32))
        corners[told.corners[:, 0]] = told.corners[:, 1] + own[0]
    all_faces, all_vertices = np.concatenate(faces), np.concatenate(vertices)

    def look_up(part: Part) -> tuple[Ids, Ids]:
        met = part.told.carriers[part.n_told :]
        if (counts[met[:, 0]] != met[:, 1:]).any():
            raise SpecgeoError("internal error: two groups cut a face in different ways; please report this network")
        carriers, nth = part.other_vertices.T.astype(np.int64)
        old = carriers < 0
        of_vertices = corners[np.where(old, -1 - carriers, 0)]
        of_vertices[~old] = all_vertices[starts[carriers[~old], 1] + nth[~old]]
        carriers, nth = part.other_faces.T.astype(np.int64)
        return of_vertices, all_faces[starts[carriers, 0] + nth]

    return look_up
