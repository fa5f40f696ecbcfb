"""Point location: the cell of each of many points.

A complex that knows its network is searched by signs. A point lies in the closed cell of signs s if and only if each
of its own signs is 0 or that of s (by induction over the layers its values are those of the cell's affine maps). The
floats of one forward pass prove nearly all signs of nearly all points; a point with those of a cell is looked up in a
table of the cells' signs. Otherwise the cells near it that contradict none of its proved signs are listed: the point
lies in one of them, so if one is left it is that one, and if several are left the exact signs of the point decide.
No coordinate of a vertex and no normal of a facet has a say, so that cells thinner than rounding mislead nobody.

The cells near a point come from a binary tree of bounding boxes over the cells in Morton order (no pointers: node i
has children 2 i and 2 i + 1), widened by the errors of the vertices.

A complex without network (or enumerated with ``exact=False``) has only its rounded vertices. There the cell with the
largest slack wins, the signed distance to its nearest facet: right up to `OUTSIDE_TOLERANCE` of the extent as long as
facets are much longer than that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray, as_points
from specgeo.geometry.arrays import Flags, Words, packed
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.point_signs import PointSigns, inside

if TYPE_CHECKING:
    from specgeo.geometry._kernels import BoxTree

OUTSIDE_TOLERANCE = 1e-12
"""Complexes without network: a point farther out than this times the extent is outside."""


def _morton_order(centres: FloatArray) -> IntArray:
    """Cells along a Z-curve through their centres."""
    n, d = centres.shape
    bits = min(62 // d, 20)
    low, high = centres.min(0), centres.max(0)
    scale = np.where(high > low, high - low, 1.0)
    grid = np.minimum((centres - low) / scale * (1 << bits), (1 << bits) - 1).astype(np.int64)
    keys = np.zeros(n, dtype=np.int64)
    for bit in range(bits):
        for axis in range(d):
            keys |= ((grid[:, axis] >> bit) & 1) << (bit * d + axis)
    return np.argsort(keys, kind="stable")


def build_tree(cx: PolyhedralComplex) -> BoxTree:
    """The tree of bounding boxes, widened by the errors of the vertices."""
    from specgeo.geometry._kernels import LEAF, BoxTree

    corners = cx.vertices_of(cx.dim)
    starts = corners.offsets[:-1]
    points = cx.vertices[corners.indices]
    margin = np.full(len(cx.vertices), 2.0 * OUTSIDE_TOLERANCE * _extent(cx))
    if cx.vertex_errors is not None:
        margin = np.maximum(margin, 2.0 * cx.vertex_errors)
    around = margin[corners.indices, None]
    low, high = np.minimum.reduceat(points - around, starts), np.maximum.reduceat(points + around, starts)
    # by the corners alone: their errors may be infinite
    order = _morton_order(np.minimum.reduceat(points, starts) / 2 + np.maximum.reduceat(points, starts) / 2)
    blocks = np.arange(0, len(order), LEAF)
    depth = max(0, int(len(blocks) - 1).bit_length())
    n = 1 << depth
    lower, upper = np.full((2 * n, cx.dim), np.inf), np.full((2 * n, cx.dim), -np.inf)
    lower[n : n + len(blocks)] = np.minimum.reduceat(low[order], blocks)
    upper[n : n + len(blocks)] = np.maximum.reduceat(high[order], blocks)
    for level in range(depth - 1, -1, -1):
        nodes = slice(1 << level, 2 << level)
        children = slice(2 << level, 4 << level)
        lower[nodes] = np.minimum(lower[children][0::2], lower[children][1::2])
        upper[nodes] = np.maximum(upper[children][0::2], upper[children][1::2])
    return BoxTree(lower, upper, order)


def _extent(cx: PolyhedralComplex) -> float:
    """Largest coordinate in absolute value."""
    return float(np.abs(cx.vertices).max())


class SignTable:
    """The cells by their signs, and the exact signs of points.

    Parameters
    ----------
    cx : PolyhedralComplex
        With network and proved signs.
    """

    def __init__(self, cx: PolyhedralComplex) -> None:
        assert cx.signs is not None and cx.layers is not None
        self._tree = cx.derived("box tree", build_tree)
        self._words = (np.ascontiguousarray(cx.signs.positive), np.ascontiguousarray(cx.signs.negative))
        self.points = PointSigns(cx.layers)
        keys = _mixed(self._words[0])
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]

    def locate(self, x: FloatArray) -> IntArray:
        """A cell that contains each point (n, d) of the domain, the only one or the first of several."""
        found = np.empty(len(x), dtype=np.int64)
        for part in self.points.chunks(len(x)):
            above, below = self.points.decided(x[part])
            found[part] = self._find(x[part], above, below)
        return found

    def _find(self, x: FloatArray, above: Flags, below: Flags) -> IntArray:
        signs = packed(above), packed(below)
        at = np.searchsorted(self._keys, _mixed(signs[0]))
        cell = self._order[np.minimum(at, len(self._order) - 1)]
        # A unit that is undecided at the point and vanishes on the cell: the layers before have the cell's signs, so
        # the unit has the cell's affine map there, which is 0. The point has the very signs of the cell.
        sure = np.all((self._words[0][cell] == signs[0]) & (self._words[1][cell] == signs[1]), axis=1)
        open_ = np.flatnonzero(~sure)
        if len(open_) == 0:
            return np.asarray(cell)
        cell[open_], several = self._compatible(x[open_], signs[0][open_], signs[1][open_])
        rest = open_[several != 1]
        if len(rest):
            exact = self.points.exact(x[rest])
            cell[rest], _ = self._compatible(x[rest], packed(exact > 0), packed(exact < 0))
        return np.asarray(cell)

    def _compatible(self, x: FloatArray, positive: Words, negative: Words) -> tuple[IntArray, IntArray]:
        """The first cell near each point without a sign opposite to those given, and the number of such cells."""
        from specgeo.geometry._kernels import compatible_cells

        return compatible_cells(x, self._tree, positive, negative, *self._words)


def _mixed(words: Words) -> Words:
    """One word for each row: equal rows have equal ones, different rows nearly always different ones."""
    odd = (np.arange(1, words.shape[1] + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)) | np.uint64(1)
    key = (words * odd).sum(axis=1, dtype=np.uint64)
    return np.asarray(key ^ (key >> np.uint64(31)))


def locate(cx: PolyhedralComplex, x: npt.ArrayLike) -> IntArray:
    """Cell index of each point (..., d) -> (...), -1 outside."""
    points = as_points(x, "x", cx.dim)
    flat = np.ascontiguousarray(points.reshape(-1, cx.dim))
    found = np.full(len(flat), -1, dtype=np.int64)
    if knows_signs(cx):
        within = inside(cx.domain, flat)
        found[within] = cx.derived("sign table", SignTable).locate(np.ascontiguousarray(flat[within]))
    else:
        found = _by_slack(cx, flat)
    return np.asarray(found.reshape(points.shape[:-1]))


def knows_signs(cx: PolyhedralComplex) -> bool:
    """Whether points can be located by proved signs."""
    proved = bool(getattr(cx.certificate, "certified", False))
    return proved and cx.signs is not None and cx.domain is not None and cx.layers is not None


def _by_slack(cx: PolyhedralComplex, flat: FloatArray) -> IntArray:
    """By signed distances to facets, for complexes that are known by their rounded vertices only."""
    from specgeo.geometry._kernels import Sides, locate_points

    lists, facets = cx.faces[-1], cx.facets
    tolerance = OUTSIDE_TOLERANCE * _extent(cx)
    sides = Sides(cx.vertices[cx.smallest_vertices[cx.dim - 1]], facets.normals, facets.cells[:, 0].copy())
    tree = cx.derived("box tree", build_tree)
    found, slack = locate_points(flat, tree, lists.offsets, lists.indices, sides, tolerance)
    found[slack < -tolerance] = -1
    if cx.domain is not None:
        found[~inside(cx.domain, flat)] = -1
    return np.asarray(found)


def evaluate(cx: PolyhedralComplex, x: npt.ArrayLike) -> FloatArray:
    """Values f(x) by the affine piece of the cell of each point, (..., d) -> (..., m); NaN outside."""
    points = as_points(x, "x", cx.dim)
    cell = cx.locate(points)
    values = cx.values(np.maximum(cell, 0).ravel(), points.reshape(-1, cx.dim))
    values[cell.ravel() < 0] = np.nan
    return values.reshape(*cell.shape, values.shape[1])
