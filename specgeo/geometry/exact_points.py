"""Exact coordinates of the vertices of a complex, from its faces, signs, network and domain.

A vertex of a cell is where its facets meet. Each facet lies in the zero set of a unit whose sign
differs on its two sides, or in a face of the domain; both are affine on the cell, with rational
coefficients, and d independent ones give the vertex. Float coordinates are not used, except to
guess which face of the domain a boundary facet lies on.
"""

from __future__ import annotations

from fractions import Fraction
from math import gcd
from typing import Any

import numpy as np

from specgeo._cast import IntArray
from specgeo.errors import SpecgeoError
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.integer_network import IntegerNetwork, Integers, integer_rows
from specgeo.geometry.structure import require_network
from specgeo.geometry.walls import domain_rows


class ExactPoints:
    """Exact vertices as homogeneous integers (N, D), solved cell by cell on demand."""

    def __init__(self, cx: PolyhedralComplex) -> None:
        layers, signs = require_network(cx, "an exact vertex")
        self._cx = cx
        self.network = IntegerNetwork(layers)
        self.domain = integer_rows(domain_rows(cx.domain))[0]
        self._signs = cx.sign_vectors
        self._layers = signs.layers
        self._maxima = signs.of_maxima(layers.activations)
        self._cells = cx.facet_cells
        self._walls = self._domain_walls()

    def _domain_walls(self) -> IntArray:
        """For each boundary facet the domain row that it lies on (on a polytope: seems to lie on), else -1."""
        cx = self._cx
        if cx.facet_walls is not None and len(cx.facet_walls) == cx.f_vector[-2]:
            return cx.facet_walls
        walls = np.full(cx.f_vector[-2], -1, dtype=np.int64)
        outer = np.flatnonzero(self._cells[:, 1] < 0)
        rows = domain_rows(cx.domain)
        rows = rows / np.abs(rows[:, :-1]).max(axis=1, keepdims=True)
        corners = cx.vertices_of(cx.dim - 1)
        size = np.abs(cx.vertices @ rows[:, :-1].T + rows[:, -1])  # (n_0, n)
        for facet in outer.tolist():
            ids = corners[facet]
            walls[facet] = int(np.argmin(size[ids].max(axis=0)))
        return walls

    def _facet_row(self, facet: int, cell: int) -> tuple[int, int]:
        """(layer, unit) of a unit that vanishes on the facet but not on the cell, or (-1, domain row)."""
        if self._walls[facet] >= 0:
            return -1, int(self._walls[facet])
        a, b = self._cells[facet]
        opposite = self._signs[a] * self._signs[b] < 0
        # the row of a member of a group says something where the member loses
        opposite = np.flatnonzero(opposite & ~(self._maxima & (self._signs[cell] > 0)))
        if len(opposite) == 0:
            raise SpecgeoError(f"facet {facet}: no unit changes its sign there, so the complex cannot be a network's")
        return int(self._layers[opposite[0]]), int(opposite[0])

    def cell_vertices(self, cell: int, wanted: set[int]) -> dict[int, tuple[list[int], int]]:
        """(N, D) of the wanted vertices of a cell."""
        cx, lists = self._cx, self._cx.faces[-1]
        corners = cx.vertices_of(cx.dim - 1)
        through: dict[int, list[tuple[int, int]]] = {v: [] for v in wanted}
        for facet in lists[cell].tolist():
            row = self._facet_row(facet, cell)
            for v in corners[facet].tolist():
                if v in through:
                    through[v].append(row)
        depth = max(layer for rows in through.values() for layer, _ in rows) + 1
        blocks = self.network.unit_rows(self._signs[cell], depth) if depth else []
        stacked = np.concatenate(blocks) if blocks else None
        found = {}
        for v, rows in through.items():
            # shallow units first: their rows are short
            values = [self.domain[u] if layer < 0 or stacked is None else stacked[u] for layer, u in sorted(set(rows))]
            found[v] = _meet([list(row) for row in values], cx.dim, v)
        return found

    def all(self) -> tuple[Integers, Integers]:
        """Numerators (n_0, d) and denominators (n_0,) of every vertex."""
        cx = self._cx
        n = len(cx.vertices)
        numerators, denominators = np.empty((n, cx.dim), dtype=object), np.empty(n, dtype=object)
        for cell, wanted in self._cover(np.arange(n)):
            for v, (top, bottom) in self.cell_vertices(cell, wanted).items():
                numerators[v], denominators[v] = top, bottom
        return numerators, denominators

    def _cover(self, ids: IntArray) -> list[tuple[int, set[int]]]:
        """Cells with the wanted vertices to solve in each: every id once, few cells."""
        corners = self._cx.vertices_of(self._cx.dim)
        open_ = set(ids.tolist())
        result = []
        for cell in np.argsort(-np.diff(corners.offsets), kind="stable").tolist():
            if not open_:
                break
            wanted = open_.intersection(corners[cell].tolist())
            if wanted:
                result.append((cell, wanted))
                open_ -= wanted
        return result


def _meet(rows: list[list[Any]], d: int, vertex: int) -> tuple[list[int], int]:
    """The point a . x + b = 0 for all rows, as integers (N, D) in lowest terms: fraction-free elimination."""
    basis: list[tuple[int, list[int]]] = []  # reduced rows with their pivot columns
    for row in rows:
        for column, pivot_row in basis:
            if row[column]:
                p, q = pivot_row[column], row[column]
                row = [p * x - q * y for x, y in zip(row, pivot_row, strict=True)]
        column = next((j for j in range(d) if row[j]), -1)
        if column < 0:
            continue
        divisor = gcd(*row)
        row = [x // divisor for x in row]
        basis.append((column, row))
        if len(basis) == d:
            break
    if len(basis) < d:
        raise SpecgeoError(f"vertex {vertex}: its facets do not meet in a point, so the complex is not the network's")
    x: dict[int, Fraction] = {}
    for column, row in reversed(basis):
        rest = sum((Fraction(row[j]) * x[j] for j in x), Fraction(row[d]))
        x[column] = -rest / row[column]
    bottom = 1
    for value in x.values():
        bottom = bottom * value.denominator // gcd(bottom, value.denominator)
    return [int(x[j] * bottom) for j in range(d)], bottom


def exact_vertices(cx: PolyhedralComplex, ids: IntArray) -> list[tuple[Fraction, ...]]:
    """Exact coordinates of the vertices ``ids``."""
    points = ExactPoints(cx)
    found: dict[int, tuple[list[int], int]] = {}
    for cell, wanted in points._cover(np.unique(ids)):
        found.update(points.cell_vertices(cell, wanted))
    return [tuple(Fraction(n, found[v][1]) for n in found[v][0]) for v in ids.tolist()]
