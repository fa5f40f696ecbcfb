"""Loops over ragged lists that numpy cannot express without large temporaries.

Notation: ``offsets, items`` are the boundary lists of k-faces (items are (k-1)-faces);
``corner_offsets, corners`` are vertex lists. ``stamp`` holds for each vertex the last face that
was seen to contain it, so that unions cost one visit for each item.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from specgeo._cast import FloatArray, IntArray
from specgeo._jit import kernel

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
            sense = -1.0 if first_cell[facet] == cell else 1.0
            for j in range(corner_offsets[cell], corner_offsets[cell + 1]):
                away = 0.0
                for axis in range(d):
                    away += (x[corners[j], axis] - x[base[facet], axis]) * normals[facet, axis]
                if abs(away) > abs(best[facet]):
                    best[facet] = sense * away
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


@kernel
def locate_points(
    points: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    order: IntArray,
    leaf: int,
    depth: int,
    offsets: IntArray,
    items: Ids,
    base: IntArray,
    normals: FloatArray,
    first_cell: IntArray,
    x: FloatArray,
    sure: float,
) -> tuple[IntArray, FloatArray]:
    """For each point the cell with the largest slack (signed distance to its nearest facet), and the slack.

    ``lower, upper`` are the boxes of an implicit binary tree (node i has children 2 i and 2 i + 1, root
    1) over blocks of ``leaf`` cells in the given order. The search stops at a slack above ``sure``.
    """
    d = points.shape[1]
    found = np.full(len(points), -1, np.int64)
    slack = np.full(len(points), -np.inf)
    stack = np.empty(2 * depth + 4, np.int64)
    n_leaves = 1 << depth
    for p in range(len(points)):
        top = 1
        stack[0] = 1
        while top > 0 and slack[p] <= sure:
            top -= 1
            node = stack[top]
            inside = True
            for axis in range(d):
                if not (lower[node, axis] <= points[p, axis] <= upper[node, axis]):
                    inside = False
                    break
            if not inside:
                continue
            if node < n_leaves:
                stack[top] = 2 * node
                stack[top + 1] = 2 * node + 1
                top += 2
                continue
            begin = (node - n_leaves) * leaf
            for c in range(begin, min(begin + leaf, len(order))):
                cell = order[c]
                least = np.inf
                for i in range(offsets[cell], offsets[cell + 1]):
                    facet = items[i]
                    away = 0.0
                    for axis in range(d):
                        away += (x[base[facet], axis] - points[p, axis]) * normals[facet, axis]
                    if first_cell[facet] != cell:
                        away = -away
                    if away < least:
                        least = away
                    if least < slack[p]:
                        break
                if least > slack[p]:
                    slack[p] = least
                    found[p] = cell
    return found, slack


@kernel
def compatible_cells(
    points: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    order: IntArray,
    leaf: int,
    depth: int,
    positive: Words,
    negative: Words,
    cell_positive: Words,
    cell_negative: Words,
) -> tuple[IntArray, IntArray]:
    """For each point the first cell near it that has all the signs proved for the point, and how many have them.

    ``lower, upper, order, leaf, depth``: the tree of `locate_points`; a cell is near if the boxes above it hold the
    point.
    """
    d, words = points.shape[1], positive.shape[1]
    found = np.full(len(points), -1, np.int64)
    number = np.zeros(len(points), np.int64)
    stack = np.empty(2 * depth + 4, np.int64)
    n_leaves = 1 << depth
    for p in range(len(points)):
        top = 1
        stack[0] = 1
        while top > 0:
            top -= 1
            node = stack[top]
            inside = True
            for axis in range(d):
                if not (lower[node, axis] <= points[p, axis] <= upper[node, axis]):
                    inside = False
                    break
            if not inside:
                continue
            if node < n_leaves:
                stack[top] = 2 * node
                stack[top + 1] = 2 * node + 1
                top += 2
                continue
            begin = (node - n_leaves) * leaf
            for c in range(begin, min(begin + leaf, len(order))):
                cell = order[c]
                agrees = True
                for w in range(words):
                    if positive[p, w] & ~cell_positive[cell, w] or negative[p, w] & ~cell_negative[cell, w]:
                        agrees = False
                        break
                if agrees:
                    number[p] += 1
                    if found[p] < 0 or cell < found[p]:
                        found[p] = cell
    return found, number
