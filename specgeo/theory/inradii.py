"""Inradii: the radius of the largest ball in each cell.

With facets n_i . x <= b_i, |n_i| = 1, it is the linear program

    max r   subject to   n_i . x + r <= b_i for all i.

Programs of many cells are solved as one, block by block. For a convex body |P| / |bd P| <= r <= d |P| / |bd P|
(cut the body into cones over its facets, with their apex at the centre of the ball; push the facets inwards), so in
units of |P| / |bd P| the answer is between 1 and d, and the absolute tolerances of a solver are relative ones of r.
"""

from __future__ import annotations

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._limits import check_time
from specgeo.errors import SpecgeoError
from specgeo.geometry.arrays import spans
from specgeo.geometry.complex import PolyhedralComplex

_ROWS = 4096  # of one linear program


def inradii(cx: PolyhedralComplex) -> FloatArray:
    """Radius of the largest ball in each cell, (n_cells,)."""
    facets, lists, d = cx.facets, cx.faces[-1], cx.dim
    owner = lists.owners
    perimeters = np.bincount(owner, facets.measures[lists.indices], minlength=cx.n_cells)
    units = cx.volumes / np.where(perimeters > 0, perimeters, 1.0)
    if d == 1:
        return np.asarray(cx.volumes / 2)
    outward = np.where(facets.cells[lists.indices, 0] == owner, 1.0, -1.0)[:, None] * facets.normals[lists.indices]
    corners, centres = cx.smallest_vertices[d - 1][lists.indices], cx.centroids[owner]
    heights = np.einsum("ij,ij->i", outward, cx.vertices[corners] - centres)
    out = np.zeros(cx.n_cells)
    solid = np.flatnonzero(units > 0)
    ends = np.cumsum(np.diff(lists.offsets)[solid])
    for cells in np.split(solid, np.searchsorted(ends, np.arange(_ROWS, ends[-1], _ROWS)) if len(solid) else []):
        check_time()
        if len(cells):
            part = spans(lists.offsets[cells], np.diff(lists.offsets)[cells])
            out[cells] = units[cells] * _largest_balls(outward[part], heights[part] / units[owner[part]], owner[part])
    return out


def _largest_balls(normals: FloatArray, heights: FloatArray, owner: IntArray) -> FloatArray:
    """Inradii of cells given by the facets normals . x <= heights of each, in units of |P| / |bd P|."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    d = normals.shape[1]
    _, cell = np.unique(owner, return_inverse=True)
    n, columns = int(cell[-1]) + 1, cell[:, None] * (d + 1) + np.arange(d + 1)
    entries = np.concatenate((normals, np.ones((len(cell), 1))), axis=1)
    shape, starts = (len(cell), n * (d + 1)), np.arange(0, entries.size + 1, d + 1)
    rows = csr_array((entries.ravel(), columns.ravel(), starts), shape)
    cost, highest = np.tile(np.append(np.zeros(d), -1.0), n), np.tile(np.append(np.full(d, np.inf), d + 1.0), n)
    # r <= d + 1 keeps the program bounded where rounded normals do not
    bounds = np.stack((np.full(len(highest), -np.inf), highest), axis=1)
    found = linprog(cost, rows, heights, bounds=bounds, method="highs")
    if not found.success:
        raise SpecgeoError(f"cx: the linear program of the inradii failed ({found.message}); restrict the domain")
    centres = found.x.reshape(n, d + 1)[:, :d]
    distances = heights - np.einsum("ij,ij->i", normals, centres[cell])
    return np.asarray(np.maximum(np.minimum.reduceat(distances, np.flatnonzero(np.diff(cell, prepend=-1))), 0.0))
