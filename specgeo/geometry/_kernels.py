"""Loops over ragged lists that numpy cannot express without large temporaries.

Notation: ``offsets, items`` are the boundary lists of k-faces (items are (k-1)-faces);
``corner_offsets, corners`` are vertex lists. ``stamp`` holds for each vertex the last face that
was seen to contain it, so that unions cost one visit for each item.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray
from specgeo._jit import hot, kernel, leaf

Ids = npt.NDArray[np.int32]
Words = npt.NDArray[np.uint64]


@kernel
def union_sizes(offsets: IntArray, items: Ids, below_offsets: IntArray, below: Ids, stamp: IntArray) -> IntArray:
    """Number of distinct vertices of each face, from the vertex lists of its boundary faces."""
    n = len(offsets) - 1
    out = np.zeros(n + 1, np.int64)
    for face in range(n):
        count = 0
        for i in range(offsets[face], offsets[face + 1]):
            part = items[i]
            for j in range(below_offsets[part], below_offsets[part + 1]):
                vertex = below[j]
                if stamp[vertex] != face:
                    stamp[vertex] = face
                    count += 1
        out[face + 1] = out[face] + count
    return out


@kernel
def union_lists(
    offsets: IntArray,
    items: Ids,
    below_offsets: IntArray,
    below: Ids,
    stamp: IntArray,
    out_offsets: IntArray,
    out: Ids,
) -> None:
    """The distinct vertices themselves, ascending in each face."""
    for face in range(len(offsets) - 1):
        position = out_offsets[face]
        for i in range(offsets[face], offsets[face + 1]):
            part = items[i]
            for j in range(below_offsets[part], below_offsets[part + 1]):
                vertex = below[j]
                if stamp[vertex] != face:
                    stamp[vertex] = face
                    k = position
                    while k > out_offsets[face] and out[k - 1] > vertex:  # insertion sort: the lists are short
                        out[k] = out[k - 1]
                        k -= 1
                    out[k] = vertex
                    position += 1


@kernel
def farthest_side(
    offsets: IntArray,
    items: Ids,
    corner_offsets: IntArray,
    corners: Ids,
    x: FloatArray,
    base: IntArray,
    normals: FloatArray,
    first_cell: IntArray,
) -> FloatArray:
    """Signed distance of the farthest vertex beyond each facet, positive on the side of its second cell."""
    d = x.shape[1]
    best = np.zeros(len(base))
    for cell in range(len(offsets) - 1):
        for i in range(offsets[cell], offsets[cell + 1]):
            facet = items[i]
            largest = 0.0
            for j in range(corner_offsets[cell], corner_offsets[cell + 1]):
                away = 0.0
                for axis in range(d):
                    away += (x[corners[j], axis] - x[base[facet], axis]) * normals[facet, axis]
                largest = away if abs(away) > abs(largest) else largest
            if abs(largest) > abs(best[facet]):
                best[facet] = -largest if first_cell[facet] == cell else largest
    return best


@kernel
def walk_polygons(offsets: IntArray, edges: Ids, ends: Ids, out: Ids) -> None:
    """The vertices of each polygon in order around it; ``out`` has the layout of ``edges``."""
    for cell in range(len(offsets) - 1):
        start, n = offsets[cell], offsets[cell + 1] - offsets[cell]
        edge = edges[start]
        out[start] = ends[edge, 0]
        vertex = ends[edge, 1]
        for step in range(1, n):
            out[start + step] = vertex
            for i in range(n):
                other = edges[start + i]
                if other != edge and (ends[other, 0] == vertex or ends[other, 1] == vertex):
                    vertex = ends[other, 1] if ends[other, 0] == vertex else ends[other, 0]
                    edge = other
                    break


LEAF = 4  # cells of a leaf of a `BoxTree`


class BoxTree(NamedTuple):
    """Boxes of an implicit binary tree over blocks of cells: node i has children 2 i and 2 i + 1, the root is 1."""

    lower: FloatArray  # (2 n_leaves, d), row 0 unused
    upper: FloatArray
    order: IntArray  # (n_cells,) cells in Morton order: leaf i holds `LEAF` of them from i `LEAF` on


class Sides(NamedTuple):
    """What tells on which side of a facet a point is."""

    anchors: FloatArray  # (n_f, d) a vertex of each
    normals: FloatArray  # (n_f, d)
    first_cell: IntArray  # (n_f,) the cell that the normal points out of


@hot
def _after(node: int) -> int:
    """The node that follows if the children of this one are left out, right before left; 0 after the last."""
    while node & 1 == 0:
        node >>= 1
    return node - 1


@leaf
def _next_leaf(tree: BoxTree, point: FloatArray, node: int) -> int:
    """The first leaf from a node on such that the boxes above it and its own hold the point; 0 if there is none."""
    n_leaves = tree.lower.shape[0] // 2
    while node > 0:
        inside = True
        for axis in range(len(point)):
            if not (tree.lower[node, axis] <= point[axis] <= tree.upper[node, axis]):
                inside = False
                break
        if inside and node >= n_leaves:
            return node
        node = 2 * node + 1 if inside else _after(node)
    return 0


@kernel
def locate_points(
    points: FloatArray, tree: BoxTree, offsets: IntArray, items: Ids, sides: Sides, sure: float
) -> tuple[IntArray, FloatArray]:
    """For each point the cell with the largest slack (signed distance to its nearest facet), and the slack.

    The search stops at a slack above ``sure``.
    """
    found = np.full(len(points), -1, np.int64)
    slack = np.full(len(points), -np.inf)
    for p in range(len(points)):
        point = points[p]
        node = _next_leaf(tree, point, 1)
        while node > 0 and slack[p] <= sure:
            begin = (node - tree.lower.shape[0] // 2) * LEAF
            for c in range(begin, min(begin + LEAF, len(tree.order))):
                cell = tree.order[c]
                least = np.inf
                for i in range(offsets[cell], offsets[cell + 1]):
                    facet = items[i]
                    away = 0.0
                    for axis in range(len(point)):
                        away += (sides.anchors[facet, axis] - point[axis]) * sides.normals[facet, axis]
                    least = min(least, away if sides.first_cell[facet] == cell else -away)
                    if least < slack[p]:
                        break
                if least > slack[p]:
                    slack[p] = least
                    found[p] = cell
            node = _next_leaf(tree, point, _after(node))
    return found, slack


@kernel
def compatible_cells(
    points: FloatArray, tree: BoxTree, positive: Words, negative: Words, cell_positive: Words, cell_negative: Words
) -> tuple[IntArray, IntArray]:
    """For each point the first cell near it that has all the signs proved for the point, and how many have them.

    A cell is near if the boxes above it hold the point.
    """
    found = np.full(len(points), -1, np.int64)
    number = np.zeros(len(points), np.int64)
    for p in range(len(points)):
        node = _next_leaf(tree, points[p], 1)
        while node > 0:
            begin = (node - tree.lower.shape[0] // 2) * LEAF
            for c in range(begin, min(begin + LEAF, len(tree.order))):
                cell = tree.order[c]
                agrees = True
                for w in range(positive.shape[1]):
                    if positive[p, w] & ~cell_positive[cell, w] or negative[p, w] & ~cell_negative[cell, w]:
                        agrees = False
                        break
                if agrees:
                    number[p] += 1
                    if found[p] < 0 or cell < found[p]:
                        found[p] = cell
            node = _next_leaf(tree, points[p], _after(node))
    return found, number
