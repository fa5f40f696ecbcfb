"""Groups of cells of one complex, each with all its faces: which cells go together, and the kernels that take one out.

The *head* is the complex after some layer, its cells the members of groups. A face of the head that belongs to
several groups is owned by the first of them. What later layers make inside a face of the head carries its number, its
*carrier*: so what a group makes is counted by the group that owns the carrier.

Invariant. Two groups that share a face F of the head cut it in the same way, and make its pieces in the same order: the
list of pieces begins with F alone, units ascend, which piece is crossed is an exact sign, the positive half keeps its
number and the negative half comes behind all others. So the n-th piece of F in one group is the n-th in the other.
That needs proved signs; with signs of rounded values it fails.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray
from specgeo._jit import leaf_kernel, merged
from specgeo._prefetch import prefetch
from specgeo.enumeration._layout import CARRIER, CUT, LEN, NEXT, NUMBER, START, Size, State
from specgeo.enumeration._scalars import Flags, Ids, Integer, index

NOBODY = np.int32(2**31 - 1)
AHEAD = 8  # faces


class Places(NamedTuple):
    """Where faces and vertices of the head stand in a group, -1 for nowhere, and the other way round."""

    face_at: Ids  # (faces of the head,)
    vertex_at: Ids  # (vertices of the head,)
    faces: Ids  # (faces of the group,) in the head; cells first, then by falling dimension
    vertices: Ids


class Owners(NamedTuple):
    """Of each face and vertex of the head: the first group that has it, and whether others do."""

    faces: Ids
    shared_faces: Flags
    vertices: Ids
    shared_vertices: Flags


class Seen(NamedTuple):
    """Whether an earlier part of a group that was divided has had a face or vertex of the head."""

    faces: Flags
    vertices: Flags


@leaf_kernel
def find_owners(head: State, group_of: Ids, owners: Owners, dim: Integer) -> None:
    """Fill ``owners``, top down from the group of each cell."""
    n_faces = head.sizes[Size.FACES]
    for f in range(n_faces):
        owners.faces[f], owners.shared_faces[f] = NOBODY, False
    for v in range(head.sizes[Size.VERTICES]):
        owners.vertices[v], owners.shared_vertices[v] = NOBODY, False
    for c in range(head.sizes[Size.CELLS]):
        owners.faces[head.cells[c, 0]] = group_of[c]
    for k in range(dim, 0, -1):
        below, shared = (owners.faces, owners.shared_faces) if k > 1 else (owners.vertices, owners.shared_vertices)
        for f in range(n_faces):
            if head.dims[f] == k:
                own, many, start = owners.faces[f], owners.shared_faces[f], index(head.faces[f, START])
                for i in range(start, start + head.faces[f, LEN]):
                    g = index(head.pool[i])
                    shared[g] = shared[g] or many or (below[g] != NOBODY and below[g] != own)
                    below[g] = min(below[g], own)


@merged
def _look_ahead(head: State, faces: Ids, at: Integer, n: Integer) -> None:
    """Ask for the rows of faces of the head, in a list of n, whose turn comes soon, and for boundaries sooner still."""
    if at + 2 * AHEAD < n:
        prefetch(head.faces, index(faces[at + 2 * AHEAD]) * head.faces.shape[1])
        prefetch(head.pool, index(head.faces[index(faces[at + AHEAD]), START]))


@leaf_kernel
def collect(head: State, cells: IntArray, places: Places, dim: Integer) -> tuple[int, int, int]:
    """Number the faces of a group, top down: how many faces, vertices and boundary items it has."""
    n_faces, n_vertices, n_items, at = len(cells), 0, 0, 0
    for i in range(len(cells)):
        f = head.cells[cells[i], 0]
        places.face_at[f], places.faces[i] = i, f
    for k in range(dim, 0, -1):
        end = n_faces  # of those of dimension k
        while at < end:
            _look_ahead(head, places.faces, at, n_faces)
            f = index(places.faces[at])
            start, length = index(head.faces[f, START]), head.faces[f, LEN]
            n_items += length
            for i in range(start, start + length):
                g = index(head.pool[i])
                if k > 1:
                    if places.face_at[g] < 0:
                        places.face_at[g], places.faces[n_faces] = n_faces, g
                        n_faces += 1
                elif places.vertex_at[g] < 0:
                    places.vertex_at[g], places.vertices[n_vertices] = n_vertices, g
                    n_vertices += 1
            at += 1
    return n_faces, n_vertices, n_items


@leaf_kernel
def take(head: State, group: State, places: Places, n_cells: Integer, n_faces: Integer, n_vertices: Integer) -> None:
    """Copy what `collect` has numbered into the state of a group, and forget the numbers.

    Planes stay those of the head, with more on top of them; words of signs are as many as the head's.
    """
    dim, items, longest = head.x.shape[1] - 1, 0, 0
    for i in range(n_faces):
        _look_ahead(head, places.faces, i, n_faces)
        f = index(places.faces[i])
        k, start, length = head.dims[f], index(head.faces[f, START]), head.faces[f, LEN]
        group.dims[i] = k
        for w in range(head.bits.shape[1]):
            group.bits[i, w] = head.bits[f, w]
        group.faces[i, START], group.faces[i, CARRIER] = items, f
        group.faces[i, NEXT], group.faces[i, CUT] = -1, -1
        if k == dim:
            group.faces[i, NUMBER] = i
        for j in range(start, start + length):
            g = index(head.pool[j])
            group.pool[items] = places.face_at[g] if k > 1 else places.vertex_at[g]
            items += 1
        longest = max(longest, length)
    for i in range(n_vertices):
        v = index(places.vertices[i])
        for c in range(dim + 1):
            group.x[i, c], group.vplanes[i, c] = head.x[v, c], head.vplanes[v, c]
        group.vplanes[i, dim + 1] = -1 - v
        for w in range(head.vbits.shape[1]):
            group.vbits[i, w] = head.vbits[v, w]
    for i in range(n_cells):
        group.cells[i, 0], group.cells[i, 1] = i, i
    for i in range(n_faces):
        places.face_at[places.faces[i]] = -1
    for i in range(n_vertices):
        places.vertex_at[places.vertices[i]] = -1
    for i in range(len(group.cursor)):
        group.cursor[i] = 0
    for i in range(len(group.tally)):
        group.tally[i] = 0
    group.margin[0] = np.inf
    group.sizes[Size.VERTICES], group.sizes[Size.FACES], group.sizes[Size.POOL] = n_vertices, n_faces, items
    group.sizes[Size.CELLS], group.sizes[Size.PLANES] = n_cells, head.sizes[Size.PLANES]
    group.sizes[Size.LONGEST] = longest + 1


@leaf_kernel
def centres(head: State, of_faces: FloatArray, dim: Integer) -> None:
    """Mean of the means of the facets of each face, down to its vertices: a point inside, whatever rounding does."""
    for k in range(1, dim + 1):
        for f in range(head.sizes[Size.FACES]):
            if head.dims[f] == k:
                start, length = index(head.faces[f, START]), head.faces[f, LEN]
                for c in range(dim):
                    total = 0.0
                    for i in range(start, start + length):
                        g = index(head.pool[i])
                        total += head.x[g, c] if k == 1 else of_faces[g, c]
                    of_faces[f, c] = total / length


def choose(points: FloatArray, size: int, members: IntArray | None = None) -> list[npt.NDArray[np.int64]]:
    """Groups of at most so many cells, of all or of these members (ascending), given by points inside them.

    By halving at the median of the coordinate in which the points (n, d) of a group are spread the widest; of equal
    ones the lower numbers go first. Neighbours come one after the other.
    """
    columns, done = np.ascontiguousarray(points.T), []
    stack = [np.arange(len(points)) if members is None else members]
    while stack:
        group = stack.pop()
        half = len(group) // 2
        if len(group) <= size:
            done.append(group)
            continue
        inside = columns.take(group, axis=1)
        x = inside[(inside.max(axis=1) - inside.min(axis=1)).argmax()]
        middle = np.partition(x, half - 1)[half - 1]
        below = x < middle
        equal = (x == middle).nonzero()[0]
        below[equal[: half - np.count_nonzero(below)]] = True
        stack += group.compress(~below), group.compress(below)
    return done
