"""A grid of leaves over simplices of codimension 1, and the pieces into which they are halved until each fits its leaf.

A simplex goes to the leaf of the midpoint of its longest edge. It fits if every mode turns by at most R radians between
its corners v and the centre c of the leaf: sum_j N_j |v_j - c_j| <= R for modes |n_j| <= N_j, in coordinates in which
the phase is n.y. Otherwise that edge is halved. Halves weigh half: a mean over both is the mean over the simplex.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._jit import kernel, leaf

DEPTH = 60  # halvings of one simplex, many more than it takes


class Leaves(NamedTuple):
    """Boxes with lower corners low + g side, g < counts, numbered as a product grid is, last axis fastest."""

    low: FloatArray  # (d,)
    side: FloatArray  # (d,)
    counts: IntArray  # (d,)
    reach: FloatArray  # (d,) N_j
    radius: float  # R

    def centres(self, axis: int) -> FloatArray:
        """Middles of the leaves along an axis, the very floats that `split` takes."""
        return np.asarray(self.low[axis] + (np.arange(self.counts[axis]) + 0.5) * self.side[axis])


class Pieces(NamedTuple):
    """What fits, leaf after leaf."""

    starts: IntArray  # (n_leaves + 1,)
    corners: FloatArray  # (n, d w) from the centre of the leaf, in units of 1 / N_j, and what else they have
    owners: IntArray  # (n,) the simplex of each
    shares: FloatArray  # (n,) its part of that
    growth: FloatArray  # (n,) mean of exp |x|_1 over its corners x
    depth: int  # halvings of one simplex, at most


def grid(low: FloatArray, high: FloatArray, reach: FloatArray, radius: float, fill: float) -> Leaves:
    """Leaves whose own corners turn by a part ``fill`` < 1 of the radius."""
    width = 2 * fill * radius / len(low)
    counts = np.maximum(1, np.ceil(reach * (high - low) / width)).astype(np.int64)
    return Leaves(low, np.maximum((high - low) / counts, np.finfo(float).tiny), counts, reach, float(radius))


def make_pieces(corners: FloatArray, leaves: Leaves) -> Pieces:
    """The pieces of simplices (n, d w): the d coordinates of each corner first, then what is affine on the simplex."""
    counts, none = np.zeros(int(np.prod(leaves.counts)), np.int64), np.empty(0)
    split(corners, leaves, counts, np.empty((0, corners.shape[1])), np.empty(0, np.int64), none, none)
    starts = np.concatenate([[0], np.cumsum(counts)])
    n, place = int(starts[-1]), starts[:-1].copy()
    pieces, owners = np.empty((n, corners.shape[1])), np.empty(n, np.int64)
    shares, growth = np.empty(n), np.empty(n)
    depth = split(corners, leaves, place, pieces, owners, shares, growth)
    return Pieces(starts, pieces, owners, shares, growth, depth)


@leaf
def _longest(v: FloatArray, dim: int, width: int) -> int:
    """The longest edge i, j of a simplex as dim * i + j."""
    best, length = 1, -1.0
    for i in range(dim):
        for j in range(i + 1, dim):
            square = 0.0
            for a in range(dim):
                square += (v[i * width + a] - v[j * width + a]) ** 2
            if square > length:
                best, length = dim * i + j, square
    return best


@leaf
def _place(v: FloatArray, edge: int, leaves: Leaves, middle: FloatArray, centre: FloatArray) -> int:
    """The leaf of the middle of an edge, that middle and the leaf's centre."""
    dim, width, key = len(centre), len(middle), 0
    i, j = edge // dim * width, edge % dim * width
    for a in range(width):
        middle[a] = 0.5 * (v[i + a] + v[j + a])
    for a in range(dim):
        cell = min(max(int((middle[a] - leaves.low[a]) / leaves.side[a]), 0), leaves.counts[a] - 1)
        centre[a] = leaves.low[a] + (cell + 0.5) * leaves.side[a]
        key = key * leaves.counts[a] + cell
    return key


@leaf
def _turn(v: FloatArray, start: int, centre: FloatArray, leaves: Leaves) -> float:
    """sum_j N_j |v_j - c_j| of the corner that starts there."""
    total, dim = 0.0, len(centre)
    for a in range(dim):
        total += leaves.reach[a] * abs(v[start + a] - centre[a])
    return total


@kernel
def split(
    corners: FloatArray,
    leaves: Leaves,
    places: IntArray,
    pieces: FloatArray,
    owners: IntArray,
    shares: FloatArray,
    growth: FloatArray,
) -> int:
    """Halve simplices (n, d w) until they fit; returns how often, at most.

    Without room for pieces those of each leaf are counted in ``places``; with room they are stored from there on.
    """
    dim, size = len(leaves.side), corners.shape[1]
    width = size // dim
    stack, levels = np.empty((DEPTH + 2, size)), np.empty(DEPTH + 2, np.int64)
    middle, centre = np.empty(width), np.empty(dim)
    deepest = 0
    for s in range(len(corners)):
        for a in range(size):
            stack[0, a] = corners[s, a]
        levels[0], height = 0, 1
        while height > 0:
            height -= 1
            v, level = stack[height], levels[height]
            edge = _longest(v, dim, width)
            key = _place(v, edge, leaves, middle, centre)
            largest = 0.0
            for p in range(dim):
                largest = max(largest, _turn(v, p * width, centre, leaves))
            if largest > leaves.radius and level < DEPTH:
                for a in range(size):
                    stack[height + 1, a] = v[a]
                for a in range(width):
                    stack[height, (edge // dim) * width + a] = middle[a]
                    stack[height + 1, (edge % dim) * width + a] = middle[a]
                levels[height], levels[height + 1] = level + 1, level + 1
                height += 2
                deepest = max(deepest, level + 1)
                continue
            place = places[key]
            places[key] += 1
            if len(pieces) == 0:
                continue
            owners[place], shares[place], growth[place] = s, 0.5**level, 0.0
            for p in range(dim):
                growth[place] += math.exp(_turn(v, p * width, centre, leaves)) / dim
                for a in range(width):
                    x = v[p * width + a]
                    pieces[place, p * width + a] = leaves.reach[a] * (x - centre[a]) if a < dim else x
    return deepest
