"""Complexes with one thing wrong each, and the check that must refuse it: in `reprove` and in the program.

Some are wrong in one way alone, so that no other check could see it; others in several, and the check named is the
first to do so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import network_zoo as zoo
import numpy as np

import specgeo as sg
from specgeo.geometry.arrays import Ragged
from specgeo.geometry.complex import PolyhedralComplex


def unpacked(ragged: Ragged) -> list[list[int]]:
    return [items.tolist() for items in ragged]


def with_faces(cx: PolyhedralComplex, k: int, lists: Sequence[Sequence[int]]) -> PolyhedralComplex:
    return replace(cx, faces=(*cx.faces[: k - 1], Ragged.of(lists), *cx.faces[k:]))


def with_cells(cx: PolyhedralComplex, cells: Sequence[int]) -> PolyhedralComplex:
    """These cells alone, in this order."""
    order, lists, signs = list(cells), unpacked(cx.faces[-1]), cx.signs
    assert signs is not None
    return replace(
        with_faces(cx, cx.dim, [lists[c] for c in order]),
        pieces=(cx.gradients[order], cx.offsets[order]),
        signs=signs._replace(positive=signs.positive[order], negative=signs.negative[order]),
    )


def with_sign(cx: PolyhedralComplex, cell: int, unit: int, sign: int) -> PolyhedralComplex:
    signs = cx.signs
    assert signs is not None
    words = {}
    for name, value in (("positive", 1), ("negative", -1)):
        words[name] = getattr(signs, name).copy()
        words[name][cell, 0] &= ~np.uint64(1 << unit)
        words[name][cell, 0] |= np.uint64((sign == value) << unit)
    return replace(cx, signs=signs._replace(**words))


def with_walls(cx: PolyhedralComplex, facets: Any, wall: int) -> PolyhedralComplex:
    walls = cx.facet_walls.copy()
    walls[facets] = wall
    return replace(cx, facet_walls=walls)


def on(dim: int, net: sg.Network) -> PolyhedralComplex:
    return sg.enumerate_regions(net, sg.Box([-1.0] * dim, [1.0] * dim))


def line() -> PolyhedralComplex:
    """Two intervals, one unit."""
    return on(1, zoo.one_layer([[1.0]], [0.0]))


def grid() -> PolyhedralComplex:
    """Nine squares, those at the corners first: all inner vertices are solved there."""
    cx = on(2, zoo.one_layer([[1, 0], [1, 0], [0, 1], [0, 1]], [0.5, -0.5, 0.5, -0.5]))
    return with_cells(cx, np.argsort(-np.abs(cx.centroids).min(axis=1), kind="stable").tolist())


def cubes() -> PolyhedralComplex:
    """Eight cubes round the origin."""
    return on(3, zoo.one_layer(np.eye(3), np.zeros(3)))


def cube() -> PolyhedralComplex:
    """One cube, all of it on one side of the only unit."""
    return on(3, zoo.one_layer([[1.0, 1.0, 1.0]], [9.0]))


def quadrant() -> PolyhedralComplex:
    """A unit of the second layer vanishes on one of five cells."""
    return on(2, zoo.FAILURES["g1 zero layer, next bias zero"][0])


def inner_quad(cx: PolyhedralComplex) -> int:
    return int(np.flatnonzero(~cx.facets.is_boundary)[0])


def quad_split() -> PolyhedralComplex:
    """An inner quad becomes two triangles, in both its cells."""
    cx = cubes()
    quad = inner_quad(cx)
    edges, quads, cells = (unpacked(lists) for lists in cx.faces)
    ring = [quads[quad][0]]  # the four edges in order around
    while len(ring) < 4:
        ring += [e for e in quads[quad] if e not in ring and set(edges[e]) & set(edges[ring[-1]])][:1]
    corner = (set(edges[ring[0]]) & set(edges[ring[3]])).pop(), (set(edges[ring[1]]) & set(edges[ring[2]])).pop()
    diagonal, second = len(edges), len(quads)
    quads[quad] = [ring[0], ring[1], diagonal]
    quads.append([ring[2], ring[3], diagonal])
    cells = [[*items, second] if quad in items else items for items in cells]
    walls = np.append(cx.facet_walls, -1)
    damaged = replace(cx, faces=(Ragged.of([*edges, corner]), Ragged.of(quads), Ragged.of(cells)))
    return replace(damaged, facet_walls=walls)


def edge_of_quad_dropped() -> PolyhedralComplex:
    cx = cubes()
    quads = unpacked(cx.faces[1])
    quads[inner_quad(cx)].pop()
    return with_faces(cx, 2, quads)


def facet_of_cube_dropped() -> PolyhedralComplex:
    """From both its cells and from the list: nothing is unused, its edges are those of others."""
    cx = cubes()
    quad = inner_quad(cx)
    cells = [[f - (f > quad) for f in items if f != quad] for items in unpacked(cx.faces[2])]
    quads = [items for f, items in enumerate(unpacked(cx.faces[1])) if f != quad]
    walls = np.delete(cx.facet_walls, quad)
    return replace(with_faces(with_faces(cx, 2, quads), 3, cells), facet_walls=walls)


def surface_doubled() -> PolyhedralComplex:
    """All edges and facets of one cube once more, on the same vertices."""
    cx = cube()
    edges, quads, cells = (unpacked(lists) for lists in cx.faces)
    again = [[e + len(edges) for e in items] for items in quads]
    cells = [[*items, *(f + len(quads) for f in items)] for items in cells]
    damaged = replace(cx, faces=(Ragged.of(edges + edges), Ragged.of(quads + again), Ragged.of(cells)))
    return replace(damaged, facet_walls=np.tile(cx.facet_walls, 2))


def edge_with_three_ends() -> PolyhedralComplex:
    cx = grid()
    edges = unpacked(cx.faces[0])
    edges[0].append(edges[0][0])
    return with_faces(cx, 1, edges)


def facet_of_three_cells() -> PolyhedralComplex:
    cx = grid()
    cells, side = unpacked(cx.faces[1]), facet_between(cx, False)
    next(items for items in cells if side not in items).append(side)
    return with_faces(cx, 2, cells)


def edge_unused() -> PolyhedralComplex:
    cx = cubes()
    edges = unpacked(cx.faces[0])
    return with_faces(cx, 1, [*edges, [0, len(cx.vertices) - 1]])


def vertex_unused() -> PolyhedralComplex:
    cx = grid()
    damaged = replace(cx, vertices=np.vstack((cx.vertices, [0.1, 0.1])))
    return replace(damaged, vertex_errors=np.append(cx.vertex_errors, 0.0))


def middle_missing() -> PolyhedralComplex:
    """The middle square is not listed; its sides are said to lie in a wall."""
    cx = grid()
    middle = int(np.argmin(np.abs(cx.centroids).max(axis=1)))
    sides = unpacked(cx.faces[1])[middle]
    return with_walls(with_cells(cx, [c for c in range(9) if c != middle]), sides, 0)


def vertices_equal() -> PolyhedralComplex:
    """Two intervals that end in two vertices at the same point."""
    cx = line()
    edges = unpacked(cx.faces[0])
    inner = int(np.flatnonzero(~cx.facets.is_boundary)[0])
    edges[1] = [3 if v == inner else v for v in edges[1]]
    damaged = replace(with_faces(cx, 1, edges), vertices=np.vstack((cx.vertices, cx.vertices[inner])))
    errors, walls = (np.append(x, x[inner]) for x in (cx.vertex_errors, cx.facet_walls))
    return replace(damaged, vertex_errors=errors, facet_walls=walls)


def apart() -> PolyhedralComplex:
    """Two cubes without any face in common, at the same place: not connected."""
    cx = cube()
    n = cx.f_vector
    faces = tuple(Ragged.of([*f, *(items + n[k] for items in f)]) for k, f in enumerate(cx.faces))
    damaged = replace(with_cells(cx, [0, 0]), faces=faces, vertices=np.tile(cx.vertices, (2, 1)))
    return replace(damaged, vertex_errors=np.tile(cx.vertex_errors, 2), facet_walls=np.tile(cx.facet_walls, 2))


def domain_smaller() -> PolyhedralComplex:
    """The interval [0, 2] for the domain {x >= 0, x <= 2, x <= 1}: its end lies in a wall, outside the domain."""
    net = zoo.one_layer([[1.0]], [-0.5])
    cx = sg.enumerate_regions(net, sg.Polytope([[-1.0], [1.0]], [0.0, 2.0]))
    return replace(cx, domain=sg.Polytope([[-1.0], [1.0], [1.0]], [0.0, 2.0, 1.0]))


def facet_between(cx: PolyhedralComplex, edge_of_box: bool) -> int:
    """A side of the middle square, or the side of its right neighbour that is in a wall."""
    ends = np.abs(cx.vertices[cx.vertices_of(1).indices].reshape(-1, 4))
    wanted = [1.0, 0.5, 1.0, 0.5] if edge_of_box else [0.5] * 4
    return int(np.flatnonzero((ends == wanted).all(axis=1))[0])


def corner_facet() -> PolyhedralComplex:
    """A side of a corner square is said to lie in the wall beside its own."""
    cx = grid()
    sides = unpacked(cx.faces[1])[0]
    first, second = (f for f in sides if cx.facet_walls[f] >= 0)
    return with_walls(cx, first, int(cx.facet_walls[second]))


def both_signs() -> PolyhedralComplex:
    cx = grid()
    signs = cx.signs
    assert signs is not None
    return replace(cx, signs=signs._replace(positive=signs.positive | signs.negative))


def moved() -> PolyhedralComplex:
    cx = grid()
    x = cx.vertices.copy()
    x[-1, 0] += 1e-6
    return replace(cx, vertices=x)


def larger_gradients() -> PolyhedralComplex:
    cx = grid()
    return replace(cx, pieces=(cx.gradients + 5.0, cx.offsets))


def other_offset() -> PolyhedralComplex:
    cx = grid()
    offsets = cx.offsets.copy()
    offsets[4] += 1e-9
    return replace(cx, pieces=(cx.gradients, offsets))


def zero_for_positive() -> PolyhedralComplex:
    cx = cube()
    return with_sign(cx, 0, 0, 0)


def zero_beside_positive() -> PolyhedralComplex:
    cx = line()
    return with_sign(cx, int(np.flatnonzero(cx.sign_vectors[:, 0] < 0)[0]), 0, 0)


def vanishing() -> tuple[PolyhedralComplex, int]:
    cx = quadrant()
    return cx, int(np.flatnonzero(cx.sign_vectors[:, 2] == 0)[0])


DAMAGE: dict[str, tuple[Callable[[], PolyhedralComplex], str, str]] = {
    "quad split along a diagonal": (quad_split, "not cut out by vanishing units", "face: .* is not cut out"),
    "edge of a quad dropped": (edge_of_quad_dropped, "a ridge of a 2-face that is not in two", "ridge: 3-face"),
    "inner facet dropped": (facet_of_cube_dropped, "a ridge of a 3-face that is not in two", "point: vertex"),
    "edges and facets twice": (surface_doubled, "two 1-faces with the same vertices", "twice: two 1-faces"),
    "edge with three ends": (edge_with_three_ends, "an edge without two ends", "format: faces_1_offsets"),
    "facet of three cells": (facet_of_three_cells, "a ridge of a 2-face that is not", "glue: facet .* has 3 cells"),
    "unused edge": (edge_unused, "an unused 1-face", "unused: a 1-face"),
    "unused vertex": (vertex_unused, "an unused 0-face", "unused: a 0-face"),
    "missing cell": (middle_missing, "inside the domain, but only one cell", "glue: .* not in the wall"),
    "cell twice": (lambda: with_cells(cube(), [0, 0]), "two cells with the same signs", "signs: two cells"),
    "inner cell twice": (lambda: with_cells(grid(), [*range(9), 8]), "two cells with the same signs", "signs: two"),
    "equal vertices": (vertices_equal, "no unit changes its sign", "wall: wall -1 of facet"),
    "not connected": (apart, "two cells with the same signs", "signs: two cells"),
    "vertex outside": (domain_smaller, "a vertex outside the domain", "side: .* wall 2"),
    "dead unit positive": (lambda: with_sign(*vanishing(), 2, 1), "vanishes on a whole cell", "side: .* vanishes on"),
    "dead unit negative": (lambda: with_sign(*vanishing(), 2, -1), "vanishes on a whole cell", "side: .* vanishes on"),
    "positive unit zero": (zero_for_positive, "signs contradict", "side: a unit of sign 0"),
    "wrong sign": (lambda: with_sign(cube(), 0, 0, -1), "signs contradict", "side: .* wrong side of unit 0"),
    "no change of sign": (zero_beside_positive, "no unit changes its sign", "point: vertex"),
    "both signs": (both_signs, "both positive and negative", "format: the signs of cell"),
    "wall between cells": (
        lambda: with_walls(grid(), facet_between(grid(), False), 0), "has a wall and two cells", "wall: wall 0"
    ),
    "wrong wall": (
        lambda: with_walls(grid(), facet_between(grid(), True), 1), "not in the wall", "glue: .* not in the wall"
    ),
    "walls that meet nowhere": (corner_facet, "do not meet in a point", "point: vertex"),
    "moved vertex": (moved, "off by 1e-06, more than", "error: vertex"),
    "larger gradients": (larger_gradients, "affine piece is not", "piece: .* cell 0"),
    "other offset": (other_offset, "cell 4: its affine piece is not", "piece: .* cell 4"),
}  # fmt: skip
"""Name -> (complex, what `reprove` says, what the program says)."""
