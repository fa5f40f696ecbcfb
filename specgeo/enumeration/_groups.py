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
from specgeo._jit import leaf_kernel
from specgeo.enumeration._layout import CARRIER, CUT, LEN, NEXT, NUMBER, START, Size, State
from specgeo.enumeration._scalars import Flags, Ids, Integer

NOBODY = np.int32(2**31 - 1)


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
                own, many, start = owners.faces[f], owners.shared_faces[f], head.faces[f, START]
                for i in range(start, start + head.faces[f, LEN]):
                    g = head.pool[i]
                    shared[g] = shared[g] or many or (below[g] != NOBODY and below[g] != own)
                    below[g] = min(below[g], own)


@leaf_kernel
def collect(head: State, cells: IntArray, places: Places, dim: Integer) -> tuple[int, int, int]:
    """Number the faces of a group, top down: how many faces, vertices and boundary items it has."""
    n_faces, n_vertices, n_items, at = len(cells), 0, 0, 0
    for i in range(len(cells)):
        f = head.cells[cells[i], 0]
        places.face_at[f], places.faces[i] = i, f
    while at < n_faces:
        f = places.faces[at]
        start, length = head.faces[f, START], head.faces[f, LEN]
        n_items += length
        for i in range(start, start + length):
            g = head.pool[i]
            if head.dims[f] > 1:
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
        f = places.faces[i]
        k, start, length = head.dims[f], head.faces[f, START], head.faces[f, LEN]
        group.dims[i] = k
        for c in range(head.faces.shape[1]):
            group.faces[i, c] = head.faces[f, c]
        group.faces[i, START], group.faces[i, CARRIER] = items, f
        group.faces[i, NEXT], group.faces[i, CUT] = -1, -1
        if k == dim:
            group.faces[i, NUMBER] = i
        for j in range(length):
            g = head.pool[start + j]
            group.pool[items + j] = places.face_at[g] if k > 1 else places.vertex_at[g]
        items += length
        longest = max(longest, length)
    for i in range(n_vertices):
        v = places.vertices[i]
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
                start, length = head.faces[f, START], head.faces[f, LEN]
                for c in range(dim):
                    total = 0.0
                    for i in range(start, start + length):
                        g = head.pool[i]
                        total += head.x[g, c] if k == 1 else of_faces[g, c]
                    of_faces[f, c] = total / length


def choose(points: FloatArray, size: int, members: IntArray | None = None) -> list[npt.NDArray[np.int64]]:
    """Groups of at most so many cells, of all or of these members (ascending), given by points inside them.

    By halving at the median of the coordinate in which the points (n, d) of a group are spread the widest; of equal
    ones the lower numbers go first. Neighbours come one after the other.
    """
    members = np.arange(len(points)) if members is None else members
    columns = np.ascontiguousarray(points.T)
    done, below = [], np.zeros(len(points), np.bool_)
    stack = [[members[np.argsort(column[members], kind="stable")] for column in columns]]
    while stack:
        orders = stack.pop()  # the members of a group, by each coordinate
        n = len(orders[0])
        if n <= size:
            done.append(np.sort(orders[0]))
            continue
        spread = [column[order[-1]] - column[order[0]] for column, order in zip(columns, orders, strict=True)]
        near = orders[int(np.argmax(spread))][: n // 2]
        below[near] = True
        sides = [below[order] for order in orders]
        below[near] = False
        stack.append([order[~side] for order, side in zip(orders, sides, strict=True)])
        stack.append([order[side] for order, side in zip(orders, sides, strict=True)])
    return done
