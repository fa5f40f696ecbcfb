"""Point location: the cell of each of many points.

A binary tree of bounding boxes over the cells in Morton order (no pointers: node i has children
2 i and 2 i + 1) finds candidates; the cell with the largest slack, the signed distance to its
nearest facet, wins. So a point on a common face goes to one of the cells that contain it, and a
point in a sliver thinner than rounding goes to the sliver or to its neighbour, never astray.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray, as_points

if TYPE_CHECKING:
    from specgeo.geometry.complex import PolyhedralComplex

_LEAF = 4
OUTSIDE_TOLERANCE = 1e-12
"""Guards the boundary of the domain: a point farther out than this times the extent is outside."""


class BoxTree(NamedTuple):
    """Bounding boxes of the nodes of an implicit binary tree over blocks of cells."""

    lower: FloatArray  # (2 n_leaves, d), row 0 unused
    upper: FloatArray
    order: IntArray  # (n_cells,) cells in Morton order
    depth: int


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
    """The tree of bounding boxes, widened by a rounding margin."""
    corners = cx.vertices_of(cx.dim)
    starts = corners.offsets[:-1]
    points = cx.vertices[corners.indices]
    low, high = np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)
    order = _morton_order(low / 2 + high / 2)
    margin = 2.0 * OUTSIDE_TOLERANCE * _extent(cx)
    blocks = np.arange(0, len(order), _LEAF)
    depth = max(0, int(len(blocks) - 1).bit_length())
    n = 1 << depth
    lower, upper = np.full((2 * n, cx.dim), np.inf), np.full((2 * n, cx.dim), -np.inf)
    lower[n : n + len(blocks)] = np.minimum.reduceat(low[order], blocks) - margin
    upper[n : n + len(blocks)] = np.maximum.reduceat(high[order], blocks) + margin
    for level in range(depth - 1, -1, -1):
        nodes = slice(1 << level, 2 << level)
        children = slice(2 << level, 4 << level)
        lower[nodes] = np.minimum(lower[children][0::2], lower[children][1::2])
        upper[nodes] = np.maximum(upper[children][0::2], upper[children][1::2])
    return BoxTree(lower, upper, order, depth)


def _extent(cx: PolyhedralComplex) -> float:
    """Largest coordinate in absolute value."""
    return float(np.abs(cx.vertices).max())


def locate(cx: PolyhedralComplex, x: npt.ArrayLike) -> IntArray:
    """Cell index of each point (..., d) -> (...), -1 outside."""
    from specgeo.geometry._kernels import locate_points

    points = as_points(x, "x", cx.dim)
    flat = np.ascontiguousarray(points.reshape(-1, cx.dim))
    tree, lists, facets = cx._box_tree, cx.faces[-1], cx.facets
    tolerance = OUTSIDE_TOLERANCE * _extent(cx)
    base = cx._smallest_vertices[cx.dim - 1]
    found, slack = locate_points(
        flat,
        tree.lower,
        tree.upper,
        tree.order,
        _LEAF,
        tree.depth,
        lists.offsets,
        lists.indices,
        base,
        facets.normals,
        facets.cells[:, 0].copy(),
        cx.vertices,
        tolerance,
    )
    found[slack < -tolerance] = -1
    lower, upper = getattr(cx.domain, "lower", None), getattr(cx.domain, "upper", None)
    if lower is not None and upper is not None:
        found[((flat < lower) | (flat > upper)).any(axis=1)] = -1
    return np.asarray(found.reshape(points.shape[:-1]))


def evaluate(cx: PolyhedralComplex, x: npt.ArrayLike) -> FloatArray:
    """Values f(x) by the affine piece of the cell of each point, (..., d) -> (..., m); NaN outside."""
    points = as_points(x, "x", cx.dim)
    cell = cx.locate(points)
    values = np.einsum("...md,...d->...m", cx.gradients[cell], points) + cx.offsets[cell]
    values[cell < 0] = np.nan
    return np.asarray(values)
