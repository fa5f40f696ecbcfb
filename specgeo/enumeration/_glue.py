"""Kernels that take out what a part of a complex owns, and put it in its place in the whole.

A *part* is a group of cells with all layers done. It owns the faces inside those faces of the head that no part before
it has; others it names by what they lie in and which of the pieces there they are, (carrier, n): the owner knows what
number that is (`_groups` says why). Where several parts may ask it *tells*: the numbers of the pieces inside a carrier,
in their order. Pieces that are vertices are counted apart; a vertex v of the head is a carrier of its own, -1 - v.

Within a part a face has a *code*: its rank among those of its dimension that the part owns, or -1 - j for the j-th that
it does not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._cast import IntArray
from specgeo._jit import leaf_kernel, merged
from specgeo.enumeration._groups import Owners, Seen
from specgeo.enumeration._lattice import wall_of
from specgeo.enumeration._layout import CARRIER, LEN, PLANES, START, Size, State
from specgeo.enumeration._scalars import Ids, Integer, index


class Share(NamedTuple):
    """What decides what a part owns."""

    owners: Owners
    seen: Seen
    number: Integer  # of the group
    whole: bool  # the group was not divided: only what other groups have is told


class Pieces(NamedTuple):
    """Of each face of the head, how many pieces a part has in it; zero between parts."""

    faces: Ids
    vertices: Ids
    told: Ids  # where those that are told begin, among faces; -1 for nowhere
    told_vertices: Ids


class Codes(NamedTuple):
    """Work space: codes, and names (carrier, n) of what others own."""

    faces: Ids  # (n_f,)
    vertices: Ids  # (n_v,)
    other_faces: Ids  # (n_f, 2)
    other_vertices: Ids  # (n_v, 2)


class Told(NamedTuple):
    """What a part tells, and what it has met of others'."""

    carriers: Ids  # (n, 3) face of the head, numbers of pieces that are faces and vertices; those told come first
    faces: Ids  # ranks of the pieces, carrier by carrier
    dims: npt.NDArray[np.uint8]  # their dimensions
    vertices: Ids  # ranks of the pieces that are vertices
    corners: Ids  # (n, 2) vertices of the head, and their ranks


class Lists(NamedTuple):
    """Boundaries of the faces that a part owns: those of dimension 1, 2, ..., each by rank."""

    lengths: Ids
    items: Ids  # codes
    walls: Ids  # wall of the domain that a facet lies in, -1 for none


@merged
def _owns(share: Share, f: Integer) -> bool:
    """Whether a part owns what lies inside a face of the head."""
    return bool(share.owners.faces[f] == share.number and not share.seen.faces[f])


@leaf_kernel
def encode(
    state: State, share: Share, pieces: Pieces, codes: Codes, sizes: IntArray, items: IntArray
) -> tuple[int, int]:
    """Codes of all faces and vertices of a part.

    ``sizes`` and ``items`` receive how many faces of each dimension it owns, and the lengths of their boundaries in
    all. Returns how many faces and vertices it does not own.
    """
    n_faces, n_vertices, last = 0, 0, state.vplanes.shape[1] - 1
    for v in range(state.sizes[Size.VERTICES]):
        carrier, n = np.int64(state.vplanes[v, last]), np.int64(0)
        if carrier < 0:
            own = share.owners.vertices[-1 - carrier] == share.number and not share.seen.vertices[-1 - carrier]
        else:
            own, n = _owns(share, carrier), np.int64(pieces.vertices[carrier])
            pieces.vertices[carrier] = n + 1
        if own:
            codes.vertices[v] = sizes[0]
            sizes[0] += 1
        else:
            codes.other_vertices[n_vertices, 0], codes.other_vertices[n_vertices, 1] = carrier, n
            n_vertices += 1
            codes.vertices[v] = -n_vertices
    for f in range(state.sizes[Size.FACES]):
        carrier, k = index(state.faces[f, CARRIER]), state.dims[f]
        n = np.int64(pieces.faces[carrier])
        pieces.faces[carrier] = n + 1
        if _owns(share, carrier):
            codes.faces[f] = sizes[k]
            sizes[k] += 1
            items[k] += state.faces[f, LEN]
        else:
            codes.other_faces[n_faces, 0], codes.other_faces[n_faces, 1] = carrier, n
            n_faces += 1
            codes.faces[f] = -n_faces
    return n_faces, n_vertices


@merged
def _tells(share: Share, f: Integer) -> bool:
    """Whether other parts may ask for what a part owns inside a face of the head."""
    return bool(_owns(share, f) and (share.owners.shared_faces[f] or not share.whole))


@leaf_kernel
def count_told(head_faces: Ids, share: Share, pieces: Pieces, told: Ids) -> tuple[int, int, int, int]:
    """Count the pieces of carriers that a part tells, then of those that others own, in ``told`` (n, 3).

    Returns the numbers of carriers told, of carriers in all, of faces and of vertices told.
    """
    n, n_faces, n_vertices = 0, 0, 0
    for i in range(len(head_faces)):
        f = head_faces[i]
        if _tells(share, f):
            told[n, 0], told[n, 1], told[n, 2] = f, pieces.faces[f], pieces.vertices[f]
            pieces.told[f], pieces.told_vertices[f] = n_faces, n_vertices
            n, n_faces, n_vertices = n + 1, n_faces + pieces.faces[f], n_vertices + pieces.vertices[f]
    own = n
    for i in range(len(head_faces)):
        f = head_faces[i]
        if not _owns(share, f):
            told[n, 0], told[n, 1], told[n, 2] = f, pieces.faces[f], pieces.vertices[f]
            n += 1
        pieces.faces[f], pieces.vertices[f] = 0, 0
    return own, n, n_faces, n_vertices


@leaf_kernel
def tell(state: State, head_faces: Ids, share: Share, pieces: Pieces, codes: Codes, told: Told) -> int:
    """Fill what is told of the pieces that a part owns; returns how many vertices of the head are among it."""
    n, last = 0, state.vplanes.shape[1] - 1
    for v in range(state.sizes[Size.VERTICES]):
        carrier = np.int64(state.vplanes[v, last])
        if carrier >= 0:
            if pieces.told_vertices[carrier] >= 0:
                told.vertices[pieces.told_vertices[carrier]] = codes.vertices[v]
                pieces.told_vertices[carrier] += 1
        elif codes.vertices[v] >= 0 and (share.owners.shared_vertices[-1 - carrier] or not share.whole):
            told.corners[n, 0], told.corners[n, 1] = -1 - carrier, codes.vertices[v]
            n += 1
    for f in range(state.sizes[Size.FACES]):
        carrier = np.int64(state.faces[f, CARRIER])
        at = pieces.told[carrier]
        if at >= 0:
            told.faces[at], told.dims[at] = codes.faces[f], state.dims[f]
            pieces.told[carrier] = at + 1
    for i in range(len(head_faces)):
        pieces.told[head_faces[i]], pieces.told_vertices[head_faces[i]] = -1, -1
    return n


@leaf_kernel
def list_boundaries(state: State, codes: Codes, sizes: IntArray, items: IntArray, lists: Lists) -> None:
    """Boundaries of the faces that a part owns; ``sizes`` and ``items`` are those of `encode`, and get lost."""
    dim = len(sizes) - 1
    row, item = np.int64(0), np.int64(0)  # where each dimension begins
    for k in range(1, dim + 1):
        n_rows, n_items = sizes[k], items[k]
        sizes[k], items[k] = row, item
        row, item = row + n_rows, item + n_items
    n_walls = 0
    for f in range(state.sizes[Size.FACES]):
        k, start, length = state.dims[f], index(state.faces[f, START]), state.faces[f, LEN]
        if codes.faces[f] >= 0:
            lists.lengths[index(sizes[k])] = length
            sizes[k] += 1
            own, of_facets = index(items[k]), codes.vertices if k == 1 else codes.faces
            for i in range(length):
                lists.items[own + i] = of_facets[index(state.pool[start + i])]
            items[k] += length
            if k == dim - 1:
                lists.walls[n_walls] = wall_of(state, np.int64(state.faces[f, PLANES]))
                n_walls += 1


class Place(NamedTuple):
    """Where the faces of a part go in the whole: the numbers of the first of each dimension, and of their items."""

    faces: IntArray  # (d + 1,) vertices first
    items: IntArray  # (d + 1,)


@leaf_kernel
def put(
    lists: Lists,
    sizes: IntArray,
    place: Place,
    others: tuple[Ids, Ids],
    first: IntArray,
    begin: IntArray,
    offsets: IntArray,
    indices: Ids,
) -> None:
    """Write the boundaries of a part's own faces into those of the whole, which are as in `fill_arrays`.

    ``others``: the numbers of the vertices and of the faces that it does not own.
    """
    at, item = 0, 0
    for k in range(1, len(sizes)):
        base, stop = place.faces[k - 1], place.items[k]
        for i in range(sizes[k]):
            for _ in range(lists.lengths[at]):
                code = lists.items[item]
                if code >= 0:
                    number = base + code
                elif k == 1:
                    number = np.int64(others[0][-1 - code])
                else:
                    number = np.int64(others[1][-1 - code])
                indices[begin[k] + stop] = number
                item += 1
                stop += 1
            offsets[first[k] + place.faces[k] + i + 1] = stop
            at += 1
