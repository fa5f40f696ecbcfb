"""Homology over GF(2) of unions of faces of a complex, from the face lattice alone: no coordinate has a say.

A set of faces is given by flags for each dimension 0..d. Let it be closed (with a face, all of its boundary): then its
chains, with the boundary of the complex, have its homology. Let it be *open* in the domain D (with a face, all faces
that it bounds), U the union of their relative interiors. The chains of the faces of U that lie within D, without those
on its boundary, give the Borel-Moore homology of U relative to that boundary, and Lefschetz duality in the manifold U
with boundary makes it the cohomology: b_k(U) is the Betti number of dimension d - k of these chains.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from specgeo._cast import IntArray
from specgeo.geometry._reduction import pivots
from specgeo.geometry.arrays import Flags, Ragged
from specgeo.geometry.lattice import FaceLattice


def within(lattice: FaceLattice, vertices: Flags) -> list[Flags]:
    """For each dimension 0..d the faces all of whose vertices are flagged."""
    found = [vertices]
    for lists in lattice.faces:
        below = found[-1][lists.indices]
        found.append(np.logical_and.reduceat(below, lists.offsets[:-1]) if len(lists) else np.zeros(0, np.bool_))
    return found


def closure(lattice: FaceLattice, faces: Flags, k: int) -> list[Flags]:
    """For each dimension 0..d the faces of some k-faces, themselves included."""
    found = [faces]
    for lists, n in zip(lattice.faces[:k][::-1], lattice.f_vector[:k][::-1], strict=True):
        below = np.zeros(n, np.bool_)
        below[lists.indices[np.repeat(found[0], lists.lengths)]] = True
        found.insert(0, below)
    return found + [np.zeros(n, np.bool_) for n in lattice.f_vector[k + 1 :]]


def subcomplex(lattice: FaceLattice, flags: Sequence[Flags]) -> tuple[FaceLattice, list[IntArray]]:
    """The lattice of a closed set of faces, and the numbers its faces had, for each dimension 0..d."""
    ids = [np.flatnonzero(each) for each in flags]
    faces = []
    for lists, own, below in zip(lattice.faces, ids[1:], flags[:-1], strict=True):
        taken = lists.take(own)
        place = np.cumsum(below, dtype=np.int32) - 1
        faces.append(Ragged(taken.offsets, place[taken.indices].astype(np.int32, copy=False)))
    return FaceLattice(lattice.vertices[ids[0]], tuple(faces)), ids


def essential(lattice: FaceLattice, flags: Sequence[Flags]) -> list[IntArray]:
    """For each dimension k the k-faces that stand for classes: b_k of them, one for each class of a basis.

    ``flags`` is a closed set of faces, or the part of one closed set that is not in another.
    """
    dim = lattice.dim
    left = [each.copy() for each in flags]
    zero = np.zeros(int(np.count_nonzero(flags[dim])), np.bool_)  # columns that will be: pivots of the step before
    for k in range(dim, 0, -1):
        columns, rows = np.flatnonzero(flags[k]), np.flatnonzero(flags[k - 1])
        lists = lattice.faces[k - 1].take(columns)
        some = flags[k - 1][lists.indices]
        place = np.cumsum(flags[k - 1]) - 1
        ends = np.concatenate((np.zeros(1, np.int64), np.cumsum(some, dtype=np.int64)))[lists.offsets]
        owner = pivots(ends, place[lists.indices[some]], len(rows), zero)
        zero = owner >= 0
        left[k][columns[owner[zero]]] = False
        left[k - 1][rows[zero]] = False
    return [np.flatnonzero(each) for each in left]


def betti_numbers(lattice: FaceLattice) -> tuple[int, ...]:
    """b_0, ..., b_{d-1} over GF(2) of the union of all faces; a compact set in space has no b_d."""
    return tuple(map(len, essential(lattice, [np.ones(n, np.bool_) for n in lattice.f_vector])))[:-1]
