"""`Facets`: the (d-1)-faces with measure, normal, cells, gradient jump and the units that bend there."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from specgeo._budget import afford
from specgeo._cast import FloatArray, IntArray
from specgeo._codec import Layers
from specgeo._display import Shown
from specgeo.geometry.arrays import Patterns, Ragged, parts
from specgeo.geometry.lattice import FaceLattice
from specgeo.geometry.sides import network_sides

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
            differ = signs.differences(self.cells[part])
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


def build_facets(lattice: FaceLattice, gradients: FloatArray, signs: Patterns | None, layers: Layers | None) -> Facets:
    """The facets of a complex with these gradients (n_cells, m, d) on its cells."""
    n, (m, d) = lattice.f_vector[-2], gradients.shape[1:]
    afford(8.0 * n * (4 * m * d + 6 * d + 6), f"cx: {n:,} facets", "shrink the domain or take fewer outputs")
    cells, (normals, margins) = lattice.facet_cells, lattice.facet_sides
    inner = np.flatnonzero(cells[:, 1] >= 0)
    near = inner[margins[inner] <= CLOSE * max(map(np.ptp, lattice.vertices.T))]
    if len(near) and signs is not None and layers is not None:
        normals = normals.copy()
        normals[near[network_sides(layers, signs, cells[near], normals[near]) < 0]] *= -1.0
        normals += 0.0  # no negative zeros
    jumps = np.zeros((n, m))
    for some in parts(len(inner)):
        rows = inner[some]
        step = gradients[cells[rows, 1]] - gradients[cells[rows, 0]]
        jumps[rows] = np.einsum("imj,ij->im", step, normals[rows])
    return Facets(lattice.face_measures(d - 1), normals, cells, jumps, signs)
