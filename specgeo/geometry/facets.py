"""`Facets`: the (d-1)-faces with measure, normal, cells, gradient jump and the units that bend there."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from specgeo._budget import afford
from specgeo._cast import FloatArray, IntArray
from specgeo._display import Shown
from specgeo.geometry.incidence import facet_cells
from specgeo.geometry.measures import face_measures, simplex_normals
from specgeo.geometry.sides import network_sides

if TYPE_CHECKING:
    from specgeo.geometry.complex import Patterns, PolyhedralComplex, Ragged


CLOSE = 1e-10  # of the domain's extent: vertices nearer to a facet than this do not tell its sides


@dataclass(frozen=True, eq=False)
class Facets(Shown):
    """The (d-1)-faces of a complex, as arrays. In d = 1 they are its vertices, of measure 1.

    Attributes
    ----------
    measures : (n_f,)
        (d-1)-volumes.
    normals : (n_f, d)
        Unit normals, pointing from ``cells[:, 0]`` to ``cells[:, 1]``; outwards on the boundary.
    cells : (n_f, 2)
        The two cells, the lower id first; -1 in the second column is the outside of the domain.
    jumps : (n_f, m)
        (g_1 - g_0) . n of the gradients of the two cells; 0 on boundary facets. As f is continuous,
        g_1 - g_0 is this multiple of n, and the sign of n does not matter (theory: c_F).

    Examples
    --------
    >>> import specgeo as sg
    >>> fold = sg.Network([[[1.0, 1.0]], [[3.0]]], [[0.0], [0.0]])
    >>> facets = sg.enumerate_regions(fold, sg.Box([-1, -1], [1, 1])).facets
    >>> [(facets.measures[i].round(6), facets.jumps[i].round(6)) for i in (~facets.is_boundary).nonzero()[0]]
    [(np.float64(2.828427), array([4.242641]))]
    """

    measures: FloatArray
    normals: FloatArray
    cells: IntArray
    jumps: FloatArray
    signs: Patterns | None = field(default=None, repr=False)

    @property
    def is_boundary(self) -> npt.NDArray[np.bool_]:
        """True for the facets on the boundary of the domain, (n_f,)."""
        return np.asarray(self.cells[:, 1] < 0)

    @cached_property
    def units(self) -> Ragged:
        """Units whose sign differs between the two cells: every neuron that bends on the facet.

        Several neurons may share a facet. Boundary facets have none.
        """
        from specgeo.geometry.complex import Ragged

        n = len(self.cells)
        if self.signs is None:
            return Ragged(np.zeros(n + 1, np.int64), np.empty(0, np.int32))
        signs = self.signs
        inner = np.flatnonzero(self.cells[:, 1] >= 0)
        rows: list[IntArray] = []
        units: list[npt.NDArray[np.int32]] = []
        chunk = max(1, (1 << 22) // max(1, signs.positive.shape[1]))  # about 32 MiB of words
        for start in range(0, len(inner), chunk):
            part = inner[start : start + chunk]
            a, b = self.cells[part, 0], self.cells[part, 1]
            differ = (signs.positive[a] ^ signs.positive[b]) | (signs.negative[a] ^ signs.negative[b])
            row, word = np.nonzero(differ)
            value = differ[row, word]
            while len(value):  # one round for each further unit in the same word: few
                lowest = value & (~value + np.uint64(1))
                rows.append(part[row])
                units.append((word * 64 + np.frexp(lowest.astype(np.float64))[1] - 1).astype(np.int32))
                value = value ^ lowest
                left = value != 0
                row, word, value = row[left], word[left], value[left]
        row_ids = np.concatenate(rows) if rows else np.empty(0, np.int64)
        unit_ids = np.concatenate(units) if units else np.empty(0, np.int32)
        order = np.lexsort((unit_ids, row_ids))
        offsets = np.concatenate(([0], np.cumsum(np.bincount(row_ids, minlength=n)))).astype(np.int64)
        return Ragged(offsets, unit_ids[order])


def _unoriented_normals(cx: PolyhedralComplex) -> FloatArray:
    """Unit normals of the facets up to sign: the area-weighted mean over the simplices of each."""
    n, d = cx.f_vector[-2], cx.dim
    if d == 1:
        return np.ones((n, 1))
    simplices, owner = cx.triangulation(d - 1)
    vectors = simplex_normals(cx.vertices[simplices])
    size = np.abs(vectors).max(1)
    total = vectors
    if d > 2:
        # the largest simplex of each facet gives the sense; owners ascend and are contiguous
        order = np.lexsort((size, owner))
        largest = order[np.searchsorted(owner, np.arange(n), side="right") - 1]
        aligned = np.where(np.einsum("ij,ij->i", vectors, vectors[largest][owner]) < 0, -1.0, 1.0)
        total = np.stack([np.bincount(owner, aligned * vectors[:, j], minlength=n) for j in range(d)], axis=1)
    scale = np.abs(total).max(1, keepdims=True)
    total = total / np.where(scale > 0, scale, 1.0)
    length = np.sqrt((total**2).sum(1, keepdims=True))
    return np.asarray(total / np.where(length > 0, length, 1.0))


def _beyond(cx: PolyhedralComplex, normals: FloatArray, cells: IntArray) -> FloatArray:
    """Signed distance of the farthest vertex of either cell, positive where the normal points away from cells[:, 0]."""
    from specgeo.geometry._kernels import farthest_side

    lists, corners = cx.faces[-1], cx.vertices_of(cx.dim)
    base = cx._smallest_vertices[cx.dim - 1]
    away: FloatArray = farthest_side(
        lists.offsets, lists.indices, corners.offsets, corners.indices, cx.vertices, base, normals, cells[:, 0].copy()
    )
    return away


def orientation_margins(cx: PolyhedralComplex) -> FloatArray:
    """How far from each facet the vertex is that decided the sense of its normal, (n_f,)."""
    return np.abs(_beyond(cx, cx.facets.normals, cx.facets.cells))


def build_facets(cx: PolyhedralComplex) -> Facets:
    """The facets of a complex."""
    m, d = cx.gradients.shape[1:]
    n = cx.f_vector[-2]
    afford(8.0 * n * (4 * m * d + 6 * d + 6), f"cx: {n:,} facets", "shrink the domain or take fewer outputs")
    cells = facet_cells(cx)
    normals = _unoriented_normals(cx)
    away = _beyond(cx, normals, cells)
    normals *= np.where(away >= 0, 1.0, -1.0)[:, None]
    inner = np.flatnonzero(cells[:, 1] >= 0)
    near = inner[np.abs(away[inner]) <= CLOSE * np.ptp(cx.vertices, axis=0).max()]
    normals[near[network_sides(cx, cells[near], normals[near]) < 0]] *= -1
    normals += 0.0  # no negative zeros
    gradients = cx.gradients
    jumps = np.zeros((len(cells), gradients.shape[1]))
    step = gradients[cells[inner, 1]] - gradients[cells[inner, 0]]
    jumps[inner] = np.einsum("imj,ij->im", step, normals[inner])
    return Facets(face_measures(cx, cx.dim - 1), normals, cells, jumps, cx.signs)
