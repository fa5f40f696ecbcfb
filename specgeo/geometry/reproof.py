"""An independent proof that a stored complex is the complex of its network: no trust in the enumerator.

Everything is decided in integers, from the faces, the signs, the network and the domain alone.
Write s(v) for the exact signs of all units and all domain rows at vertex v. The units that the signs speak of are
those of the network, and every face has enough boundary faces for its dimension. What else is checked:

1. *Vertices*: each is the exact meeting point of facets of one of its cells; all differ; all lie in
   the domain; the stored floats are close to them.
2. *Conformity*: for each cell with signs sigma and each of its vertices v, s(v)_u is 0 or sigma_u.
   By induction over the layers every unit then has, at v, the value of the affine map of the cell:
   the convex hull of the vertices lies in P(sigma), the closure of the activation region. Cells
   have different signs, and no unit of sign +-1 vanishes on the whole cell.
3. *Closure*: a boundary face G of a face F of a cell is exactly the set of vertices of F on which
   the units (and domain rows) that vanish on all of G vanish: G is cut out of F by a supporting
   hyperplane. Each ridge G' of F lies in exactly two of its listed facets. Facets of a polytope are
   connected through ridges, so by induction over the dimension the list is complete, and the faces
   are the faces of the convex hull. For a cell the hyperplanes are rows of P(sigma): the convex
   hull *is* P(sigma).
4. *Completeness*: each facet has two cells, or one and lies on a face of the domain. The union of
   the cells is then closed and open in the domain, up to codimension two: it is the domain.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from specgeo.errors import SpecgeoError, UnsupportedError
from specgeo.geometry.exact_points import ExactPoints
from specgeo.geometry.incidence import owners

if TYPE_CHECKING:
    from specgeo.geometry.complex import PolyhedralComplex, Ragged

_VERTICES_A_CHUNK = 1024
COORDINATE_TOLERANCE = 1e-9
"""Guards the stored float coordinates against the exact ones, relative to the largest coordinate."""


@dataclass(frozen=True)
class Reproof:
    """Result of an independent re-proof.

    Attributes
    ----------
    proved : bool
        True when every check held.
    failure : str or None
        The first check that failed, with the face it failed on.
    n_vertices, n_signs, n_incidences : int
        Vertices solved exactly, signs evaluated exactly, (face, boundary face) pairs checked.
    largest_error : float
        Largest distance (max norm) of a stored coordinate from the exact one.
    seconds : float
    """

    proved: bool
    failure: str | None
    n_vertices: int
    n_signs: int
    n_incidences: int
    largest_error: float
    seconds: float

    def __bool__(self) -> bool:
        return self.proved


class _Refuted(Exception):
    """A check failed."""


def verify_certificate(cx: PolyhedralComplex) -> Reproof:
    """Re-prove a complex from its stored data (see the module's text for the argument)."""
    started = time.perf_counter()
    failure: str | None = None
    error, n_signs = float("nan"), 0
    if "network" not in cx.metadata or cx.signs is None:
        ExactPoints(cx)  # says what is missing
    try:
        _check_lists(cx)
        points = ExactPoints(cx)
        signs, error = _vertex_signs(cx, points)
        n_signs = signs.size
        _check_conformity(cx, signs)
        _check_closure(cx, signs)
        _check_completeness(cx, signs)
    except UnsupportedError:
        raise
    except (_Refuted, SpecgeoError) as refuted:
        failure = str(refuted)
    incidences = sum(len(lists.indices) for lists in cx.faces)
    seconds = time.perf_counter() - started
    return Reproof(failure is None, failure, len(cx.vertices), n_signs, incidences, error, seconds)


def _require(holds: bool | np.bool_, what: str) -> None:
    if not holds:
        raise _Refuted(what)


def _lists(ragged: Ragged) -> list[list[int]]:
    items = ragged.indices.tolist()
    return [items[a:b] for a, b in pairwise(ragged.offsets.tolist())]


def _check_lists(cx: PolyhedralComplex) -> None:
    """Two ends an edge, two facets at each ridge of a face, one or two cells a facet, no face unused or doubled."""
    _require(cx.n_cells > 0, "the complex has no cells")
    signs, network = cx._signs(), cx.metadata["network"]
    counts = [(len(b), len(a.breakpoints)) for b, a in zip(network["biases"][:-1], network["activations"], strict=True)]
    units = [(layer, i, t) for layer, (n, s) in enumerate(counts) for i in range(n) for t in range(s)]
    listed = list(zip(signs.layers.tolist(), signs.neurons.tolist(), signs.breakpoints.tolist(), strict=True))
    _require(listed == units, "the units listed are not those of the network")
    _require(not np.any(signs.positive & signs.negative), "a unit that is both positive and negative on a cell")
    for k, lists in enumerate(cx.faces, start=1):
        _require(np.all(np.diff(lists.offsets) > k), f"a {k}-face with fewer than {k + 1} boundary faces")
        pairs = owners(lists) * np.int64(cx.f_vector[k - 1]) + lists.indices
        _require(len(np.unique(pairs)) == len(pairs), f"a {k}-face lists a boundary face twice")
        _require(np.all(np.bincount(lists.indices, minlength=cx.f_vector[k - 1]) > 0), f"an unused {k - 1}-face")
        if k == 1:
            _require(np.all(np.diff(lists.offsets) == 2), "an edge without two ends")
        else:
            shared = (cx.boundary(k).astype(np.int32) @ cx.boundary(k - 1).astype(np.int32)).data
            _require(np.all(shared == 2), f"a ridge of a {k}-face that is not in two of its facets")
        corners = cx.vertices_of(k)
        _require(len({tuple(v) for v in _lists(corners)}) == cx.f_vector[k], f"two {k}-faces with the same vertices")
    uses = np.bincount(cx.faces[-1].indices, minlength=cx.f_vector[-2])
    _require(np.all(uses <= 2), "a facet of three cells")


def _vertex_signs(cx: PolyhedralComplex, points: ExactPoints) -> tuple[npt.NDArray[np.int8], float]:
    """Exact signs of all units, then of all domain rows, at all vertices; largest error of a coordinate."""
    top, bottom = points.all()
    n = len(bottom)
    _require(len({(*t, b) for t, b in zip(top.tolist(), bottom.tolist(), strict=True)}) == n, "two equal vertices")
    exact = np.array([[t / b for t in row] for row, b in zip(top.tolist(), bottom.tolist(), strict=True)])
    error = float(np.abs(exact - cx.vertices).max())
    _require(error <= COORDINATE_TOLERANCE * np.abs(exact).max(), f"a stored coordinate is off by {error:.3g}")
    parts = []
    for start in range(0, n, _VERTICES_A_CHUNK):
        part = slice(start, start + _VERTICES_A_CHUNK)
        units = points.network.signs_at(top[part], bottom[part])
        walls = points.domain[:, :-1] @ top[part].T + np.multiply.outer(points.domain[:, -1], bottom[part])
        _require(np.all(walls >= 0), "a vertex outside the domain")
        parts.append(np.concatenate((units, (walls.T > 0).astype(np.int8)), axis=1))
    return np.concatenate(parts), error


def _check_conformity(cx: PolyhedralComplex, signs: npt.NDArray[np.int8]) -> None:
    """Point 2: vertices have the signs of their cells or zero."""
    cells = cx.sign_vectors
    n_units = cells.shape[1]
    if n_units:
        _require(len(np.unique(cells, axis=0)) == cx.n_cells, "two cells with the same signs")
    corners = cx.vertices_of(cx.dim)
    for start in range(0, cx.n_cells, _VERTICES_A_CHUNK):
        stop = min(start + _VERTICES_A_CHUNK, cx.n_cells)
        begin, end = corners.offsets[start], corners.offsets[stop]
        at = signs[corners.indices[begin:end], :n_units]
        own = np.repeat(cells[start:stop], np.diff(corners.offsets[start : stop + 1]), axis=0)
        wrong = np.flatnonzero(np.any((at != 0) & (at != own), axis=1))
        if len(wrong):
            vertex = int(corners.indices[begin + wrong[0]])
            raise _Refuted(f"vertex {vertex}: its signs contradict those of a cell that lists it")
        reached = np.add.reduceat(np.abs(at), corners.offsets[start:stop] - begin, axis=0, dtype=np.int64) > 0
        _require(np.all(reached == (cells[start:stop] != 0)), "a unit of sign +-1 that vanishes on a whole cell")


def _masks(flags: npt.NDArray[np.bool_]) -> list[int]:
    """Each row of flags as the bits of one integer."""
    packed = np.packbits(flags, axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def _check_closure(cx: PolyhedralComplex, signs: npt.NDArray[np.int8]) -> None:
    """Point 3: each boundary face is cut out of its face by the units that vanish on it."""
    zeros = _masks(signs == 0)
    walls = np.zeros((cx.n_cells, signs.shape[1] - len(cx._signs().layers)), dtype=np.bool_)
    useless = _masks(np.concatenate((cx.sign_vectors == 0, walls), axis=1))  # units that vanish on the whole cell
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
                    raise _Refuted(f"{k}-face {face}: its boundary face {facet} is not cut out by vanishing units")
        lists = cx.faces[k - 1]
        lower = np.empty(cx.f_vector[k - 1], dtype=np.int64)
        lower[lists.indices] = cell[owners(lists)]  # some cell that contains each boundary face
        cell = lower


def _all_of(zeros: list[int], ids: list[int]) -> int:
    mask = -1
    for v in ids:
        mask &= zeros[v]
    return mask


def _check_completeness(cx: PolyhedralComplex, signs: npt.NDArray[np.int8]) -> None:
    """Point 4: a facet of one cell lies on a face of the domain; the cells are connected."""
    from scipy.sparse.csgraph import connected_components

    n_units = len(cx._signs().layers)
    on_wall = signs[:, n_units:] == 0
    corners = cx.vertices_of(cx.dim - 1)
    outer = cx.facets.is_boundary
    together = np.logical_and.reduceat(on_wall[corners.indices], corners.offsets[:-1], axis=0).any(axis=1)
    missing = np.flatnonzero(outer & ~together)
    if len(missing):
        raise _Refuted(f"facet {int(missing[0])}: inside the domain, but only one cell is listed there")
    _require(not np.any(~outer & together), "a facet on the boundary of the domain with two cells")
    _require(connected_components(cx.dual_graph(), directed=False)[0] == 1, "the cells are not connected")
