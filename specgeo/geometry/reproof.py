"""An independent proof that a stored complex is the complex of its network: no trust in the enumerator.

Everything is decided in integers. Write s(v) for the exact signs of all units and all domain rows at vertex v, V_F for
the vertices of a face F (those of its boundary faces), and P(sigma) for the closure of the set of inner points of the
domain at which the units have the signs sigma. The *complex of the network* consists of the P(sigma) that have an
interior, its cells, and of all their faces.

Theorem. If no check fails, the cells listed are the cells of the complex of the network on the domain, each once, with
their signs, and the k-faces listed are all k-faces of these cells, each once, with their boundaries; the domain is
bounded; and the stored numbers are within their stated errors of the exact ones (`specgeo.geometry.stored_values`).

1. *Vertices* are exact meeting points of facets (rational numbers), and lie in the domain.
2. *Conformity*. For each cell with signs sigma and each of its vertices v, s(v)_u is 0 or sigma_u. By induction over
   the layers every unit then has, at v, the value of the affine map of the cell, so the convex hull of the vertices
   lies in the set where no affine map has the sign -sigma_u; and no unit of sign +-1 vanishes at all vertices of the
   cell, so that in the relative interior of the hull the network has the signs sigma. The unit of a member i of a
   group whose maximum is taken is z_i less the largest of the others. On a cell one is positive, which wins: the first
   of those equal on all of it. At v the others have the sign of z_i less the winner's, which are compared with nothing
   else: where losers are equal there is no wall. The winner itself may vanish at any v.
3. *Closure*. A boundary face G of a face F of a cell has not all vertices of F, but exactly those at which the units
   and domain rows vanish that vanish on all of V_G: it is cut out of F by supporting hyperplanes, a proper face of
   conv(V_F). Chains of them from a cell to a vertex have d + 1 members, so a k-face has dimension k.
4. *Lists*. Each ridge of a face F is in exactly two of the boundary faces listed, and different k-faces have different
   vertices. By induction over k all facets of conv(V_F) are listed: those of a listed facet are, beyond each of them
   lies exactly one more facet, it must be the other one listed there, and facets of a polytope are connected through
   ridges. For a cell the hyperplanes are rows of P(sigma): the convex hull *is* P(sigma).
5. *Signs* differ from cell to cell, so the interiors of cells are disjoint.
6. *Completeness*. Each facet has two cells, on its two sides by 5, or one and lies in a wall of the domain. The union
   of the cells is then closed and open in the domain, up to codimension two: it is the domain. Any P(sigma) with an
   interior meets the interior of a listed cell, and is it.
7. No face is *unused*: each is in the boundary of one of the next dimension.

What follows need not be checked. The cells are connected through facets: the argument of 6 holds for each component,
which is the domain alone. No facet has three cells, no facet on a wall has two, no cell is listed twice: two cells
would be on one side. No boundary face is listed twice: its ridges would count more than twice, or be all (3). No two
vertices are equal: in a cell they would be cut out together (3), and the cells round a point hang together through
facets that contain it, which have their vertices in common; so no face of several cells is listed twice.
"""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from specgeo.errors import SpecgeoError, UnsupportedError
from specgeo.geometry.arrays import Flags, Ragged, Signs, packed
from specgeo.geometry.certificate import Reproof
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.exact_points import ExactPoints
from specgeo.geometry.integer_network import Integers
from specgeo.geometry.stored_values import check_coordinates, check_pieces, check_walls, not_covered
from specgeo.geometry.structure import check_structure, require, require_network
from specgeo.layer_activations import MaxGroups

_VERTICES_A_CHUNK = 1024


def reprove(cx: PolyhedralComplex) -> Reproof:
    """Re-prove a complex from its stored data (see the module's text for the argument)."""
    started = time.perf_counter()
    require_network(cx, "a proof")
    if not hasattr(cx.domain, "lower") and not hasattr(cx.domain, "A"):
        raise UnsupportedError("domain: a proof needs the Box or Polytope of the complex; this one has none")
    failure: str | None = None
    counts, error = (0, 0, 0), float("nan")
    try:
        check_structure(cx)
        counts, error = _prove(cx)
    except SpecgeoError as refuted:
        failure = str(refuted)
    except Exception as strange:  # whatever damaged data do to the arithmetic, they are not proved
        failure = f"the data cannot be worked with ({type(strange).__name__}: {strange})"
    beside = not_covered(cx) if failure is None else ()
    return Reproof(failure is None, failure, beside, *counts, error, time.perf_counter() - started)


def _prove(cx: PolyhedralComplex) -> tuple[tuple[int, int, int], float]:
    """Raises with the first check that fails; returns the numbers of vertices, signs and incidences, and an error."""
    _check_lists(cx)
    points = ExactPoints(cx)
    top, bottom = points.all()
    units, walls = _vertex_signs(points, top, bottom)
    _check_conformity(cx, units)
    _check_closure(cx, np.concatenate((units, walls), axis=1))
    outer = np.bincount(cx.faces[-1].indices, minlength=cx.f_vector[-2]) == 1
    _check_completeness(cx, walls == 0, outer)
    check_walls(cx, walls == 0, outer)
    check_pieces(cx, points.network)
    error = check_coordinates(cx, top, bottom)
    counts = len(bottom), units.size + walls.size, sum(len(lists.indices) for lists in cx.faces)
    return counts, error


def _lists(ragged: Ragged) -> list[list[int]]:
    return [items.tolist() for items in ragged]


def _check_lists(cx: PolyhedralComplex) -> None:
    """Points 4 and 7: two facets at each ridge of a face, no face unused or doubled."""
    signs = cx.known_signs
    require(not np.any(signs.positive & signs.negative), "a unit that is both positive and negative on a cell")
    for k, lists in enumerate(cx.faces, start=1):
        used = np.bincount(lists.indices, minlength=cx.f_vector[k - 1]) > 0
        require(np.all(used), f"an unused {k - 1}-face")
        if k > 1:
            shared = (cx.boundary(k).astype(np.int32) @ cx.boundary(k - 1).astype(np.int32)).data
            require(np.all(shared == 2), f"a ridge of a {k}-face that is not in two of its facets")
        if k < cx.dim:
            corners = {tuple(v) for v in _lists(cx.vertices_of(k))}
            require(len(corners) == cx.f_vector[k], f"two {k}-faces with the same vertices")


def _vertex_signs(points: ExactPoints, top: Integers, bottom: Integers) -> tuple[Signs, Signs]:
    """Point 1: exact signs at all vertices, of all units and of all domain rows."""
    n = len(bottom)
    units, walls = [], []
    for start in range(0, n, _VERTICES_A_CHUNK):
        part = slice(start, start + _VERTICES_A_CHUNK)
        units.append(points.network.signs_at(top[part], bottom[part]))
        rows = points.domain[:, :-1] @ top[part].T + np.multiply.outer(points.domain[:, -1], bottom[part])
        require(np.all(rows >= 0), "a vertex outside the domain")
        walls.append((rows.T > 0).astype(np.int8))
    return np.concatenate(units), np.concatenate(walls)


def _check_conformity(cx: PolyhedralComplex, signs: Signs) -> None:
    """Points 2 and 5: vertices have the signs of their cells or zero; these are different, and not too many zero."""
    cells, wins = cx.sign_vectors, _winners(cx)
    require(len({row.tobytes() for row in cells}) == cx.n_cells, "two cells with the same signs")
    corners = cx.vertices_of(cx.dim)
    for start in range(0, cx.n_cells, _VERTICES_A_CHUNK):
        stop = min(start + _VERTICES_A_CHUNK, cx.n_cells)
        begin, end = corners.offsets[start], corners.offsets[stop]
        at = signs[corners.indices[begin:end]]
        own = np.repeat(cells[start:stop], np.diff(corners.offsets[start : stop + 1]), axis=0)
        wrong = np.flatnonzero(np.any((at != 0) & (at != own), axis=1))
        if len(wrong):
            vertex = int(corners.indices[begin + wrong[0]])
            raise SpecgeoError(f"vertex {vertex}: its signs contradict those of a cell that lists it")
        reached = np.add.reduceat(np.abs(at), corners.offsets[start:stop] - begin, axis=0, dtype=np.int64) > 0
        require(np.all(wins[start:stop] | (reached == (cells[start:stop] != 0))), _VANISHES)


_VANISHES = "a unit of sign +-1 that vanishes on a whole cell"


def _winners(cx: PolyhedralComplex) -> Flags:
    """Which units win their group on a cell, (n_cells, n_units): one in each group, the first of equal ones."""
    layers, signs = require_network(cx, "a proof")
    cells, wins, start = cx.sign_vectors, np.zeros((cx.n_cells, len(signs.layers)), np.bool_), 0
    for bias, activation in zip(layers.biases[:-1], layers.activations, strict=True):
        units = activation.units(len(bias))
        stop = start + len(units.owners)
        if isinstance(activation, MaxGroups) and stop > start:
            block = cells[:, start:stop]
            first = np.flatnonzero(units.breakpoints == 0)
            one = np.add.reduceat(block > 0, first, axis=1, dtype=np.int64) == 1
            place = np.where(block >= 0, np.arange(stop - start), stop)
            ahead = np.minimum.reduceat(place, first, axis=1) == np.maximum.reduceat(
                np.where(block > 0, np.arange(stop - start), -1), first, axis=1
            )
            require(np.all(one & ahead), "a group without one winner, or with an equal one before it")
            wins[:, start:stop] = block > 0
        start = stop
    return wins


def _masks(flags: npt.NDArray[np.bool_]) -> list[int]:
    """Each row of flags as the bits of one integer."""
    return [int.from_bytes(row.astype("<u8").tobytes(), "little") for row in packed(flags)]


def _check_closure(cx: PolyhedralComplex, signs: Signs) -> None:
    """Point 3: each boundary face is cut out of its face by the units that vanish on it."""
    zeros = _masks(signs == 0)
    walls = np.zeros((cx.n_cells, signs.shape[1] - len(cx.known_signs.layers)), dtype=np.bool_)
    # units that vanish on the whole cell, and winners: on a face the members vanish that lose and are equal to them
    useless = _masks(np.concatenate(((cx.sign_vectors == 0) | _winners(cx), walls), axis=1))
    cell = np.arange(cx.n_cells)
    for k in range(cx.dim, 0, -1):
        corners, below = _lists(cx.vertices_of(k)), _lists(cx.vertices_of(k - 1))
        common = [_all_of(zeros, ids) for ids in below]
        for face, facets in enumerate(_lists(cx.faces[k - 1])):
            skip = ~useless[cell[face]]
            for facet in facets:
                mask = common[facet] & skip
                inside = [v for v in corners[face] if zeros[v] & mask == mask]
                if inside != below[facet] or len(inside) == len(corners[face]):
                    raise SpecgeoError(f"{k}-face {face}: its boundary face {facet} is not cut out by vanishing units")
        lists = cx.faces[k - 1]
        lower = np.empty(cx.f_vector[k - 1], dtype=np.int64)
        lower[lists.indices] = cell[lists.owners]  # some cell that contains each boundary face
        cell = lower


def _all_of(zeros: list[int], ids: list[int]) -> int:
    mask = -1
    for v in ids:
        mask &= zeros[v]
    return mask


def _check_completeness(cx: PolyhedralComplex, on_wall: npt.NDArray[np.bool_], outer: npt.NDArray[np.bool_]) -> None:
    """Point 6: a facet of one cell lies in a wall of the domain."""
    corners = cx.vertices_of(cx.dim - 1)
    together = np.logical_and.reduceat(on_wall[corners.indices], corners.offsets[:-1], axis=0).any(axis=1)
    missing = np.flatnonzero(outer & ~together)
    if len(missing):
        raise SpecgeoError(f"facet {int(missing[0])}: inside the domain, but only one cell is listed there")
