"""A slow, obvious enumerator in rational arithmetic: the truth for small networks.

Cells are convex polytopes with their vertices and inequalities as `fractions.Fraction`, cut one
after the other, each on its own: no shared faces, no floats, no filters. The faces of the complex
are found at the end, as the vertex sets of intersections of facets of each cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

Point = tuple[Fraction, ...]
Row = tuple[Fraction, ...]  # a . x + b >= 0, with b last


@dataclass
class Cell:
    """A polytope with the signs of the units decided so far and the affine map of the last layer."""

    vertices: list[Point]
    rows: list[Row]
    signs: tuple[int, ...]
    maps: list[Row]


@dataclass
class Truth:
    """The complex: exact vertices, the faces of each dimension as sets of vertex ids, cells with signs and maps."""

    dim: int
    vertices: list[Point]
    faces: list[set[frozenset[int]]]
    cells: list[tuple[frozenset[int], tuple[int, ...], list[Row]]]

    @property
    def f_vector(self) -> tuple[int, ...]:
        return tuple(len(faces) for faces in self.faces)

    @property
    def sign_vectors(self) -> set[tuple[int, ...]]:
        return {signs for _, signs, _ in self.cells}


def value(row: Row, point: Point) -> Fraction:
    return sum((a * x for a, x in zip(row, point, strict=False)), row[-1])


def rank(vectors: Sequence[Sequence[Fraction]]) -> int:
    """Rank by elimination."""
    rows = [list(v) for v in vectors]
    found = 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((i for i in range(found, len(rows)) if rows[i][column] != 0), None)
        if pivot is None:
            continue
        rows[found], rows[pivot] = rows[pivot], rows[found]
        for i in range(found + 1, len(rows)):
            if rows[i][column] != 0:
                factor = rows[i][column] / rows[found][column]
                rows[i] = [x - factor * y for x, y in zip(rows[i], rows[found], strict=True)]
        found += 1
    return found


def affine_dimension(points: Sequence[Point]) -> int:
    return rank([[x - y for x, y in zip(p, points[0], strict=True)] for p in points[1:]]) if len(points) > 1 else 0


def box_cell(lower: Sequence[Any], upper: Sequence[Any]) -> Cell:
    lo, hi = [Fraction(float(x)) for x in lower], [Fraction(float(x)) for x in upper]
    d = len(lo)
    rows: list[Row] = []
    for j in range(d):
        unit = [Fraction(int(i == j)) for i in range(d)]
        rows.append((*unit, -lo[j]))
        rows.append((*(-u for u in unit), hi[j]))
    identity = [(*(Fraction(int(i == j)) for i in range(d)), Fraction(0)) for j in range(d)]
    return Cell([tuple(p) for p in product(*zip(lo, hi, strict=True))], rows, (), identity)


def cut(cell: Cell, row: Row, label: bool = True) -> list[Cell]:
    """The parts of a cell where row > 0 and where row < 0, or the cell itself, with the sign appended."""
    values = [value(row, p) for p in cell.vertices]
    low, high = min(values), max(values)
    if low >= 0 or high <= 0:
        sign = 1 if high > 0 else (-1 if low < 0 else 0)
        return [Cell(cell.vertices, cell.rows, (*cell.signs, sign) if label else cell.signs, cell.maps)]
    tight = [frozenset(i for i, r in enumerate(cell.rows) if value(r, p) == 0) for p in cell.vertices]
    on = [p for p, v in zip(cell.vertices, values, strict=True) if v == 0]
    for i, vi in enumerate(values):
        for j, vj in enumerate(values):
            if vi > 0 > vj:
                common = tight[i] & tight[j]
                if sum(common <= t for t in tight) == 2:  # no third vertex: an edge
                    t = vi / (vi - vj)
                    on.append(tuple(a + t * (b - a) for a, b in zip(cell.vertices[i], cell.vertices[j], strict=True)))
    parts = []
    for sign in (1, -1):
        vertices = [p for p, v in zip(cell.vertices, values, strict=True) if sign * v > 0] + on
        rows = [*cell.rows, tuple(sign * a for a in row)]
        parts.append(Cell(vertices, rows, (*cell.signs, sign) if label else cell.signs, cell.maps))
    return parts


def compose(weight: Any, bias: Any, maps: list[Row]) -> list[Row]:
    """Rows of W a + b for the rows of a."""
    result = []
    for w, b in zip(weight, bias, strict=True):
        total = [Fraction(0)] * len(maps[0])
        for coefficient, row in zip(w, maps, strict=True):
            c = Fraction(float(coefficient))
            if c:
                total = [x + c * y for x, y in zip(total, row, strict=True)]
        total[-1] += Fraction(float(b))
        result.append(tuple(total))
    return result


def pieces_of(activation: Any) -> tuple[list[Fraction], list[Fraction], list[Fraction]]:
    """Breakpoints, slopes and intercepts, exactly."""
    breakpoints = [Fraction(float(t)) for t in activation.breakpoints]
    slopes = [Fraction(float(s)) for s in activation.slopes]
    intercepts = [Fraction(float(activation.intercept))]
    for i, t in enumerate(breakpoints):
        intercepts.append(intercepts[-1] - (slopes[i + 1] - slopes[i]) * t)
    return breakpoints, slopes, intercepts


def largest_cells(cell: Cell, rows: list[Row], groups: Any) -> list[Cell]:
    """One layer of maxima: for each group, the parts of a cell where each member is the largest."""
    parts = [Cell(cell.vertices, cell.rows, cell.signs, [])]
    for group in groups:
        found = []
        for part in parts:
            for place, w in enumerate(group):
                if rows[w] in [rows[i] for i in group[:place]]:
                    continue
                left: list[Cell] = [part]
                for i in group:
                    ahead = tuple(a - b for a, b in zip(rows[w], rows[i], strict=True))
                    if left and any(ahead):
                        halves = cut(left[0], ahead, label=False)
                        left = [half for half in halves if any(value(ahead, p) > 0 for p in half.vertices)]
                signs = tuple(1 if i == w else (0 if rows[i] == rows[w] else -1) for i in group if len(group) > 1)
                found += [Cell(one.vertices, one.rows, part.signs + signs, [*part.maps, rows[w]]) for one in left]
        parts = found
    return parts


def layer_cells(cell: Cell, rows: list[Row], activation: Any) -> list[Cell]:
    """One hidden layer: cut by every unit, then apply the activation, or that of each neuron."""
    if hasattr(activation, "groups"):
        return largest_cells(cell, rows, activation.groups)
    each = [activation.kinds[k] for k in activation.which] if hasattr(activation, "kinds") else [activation] * len(rows)
    neurons = [pieces_of(one) for one in each]
    parts = [cell]
    for row, (breakpoints, _, _) in zip(rows, neurons, strict=True):
        for t in breakpoints:
            shifted = (*row[:-1], row[-1] - t)
            parts = [new for part in parts for new in cut(part, shifted)]
    n_units = sum(len(breakpoints) for breakpoints, _, _ in neurons)
    for part in parts:
        signs = iter(part.signs[len(part.signs) - n_units :])
        maps = []
        for row, (breakpoints, slopes, intercepts) in zip(rows, neurons, strict=True):
            piece = sum(next(signs) > 0 for _ in breakpoints)
            scaled = [slopes[piece] * a for a in row]
            scaled[-1] += intercepts[piece]
            maps.append(tuple(scaled))
        part.maps = maps
    return parts


def faces_of(cell: Cell, dim: int) -> list[set[frozenset[Point]]]:
    """Vertex sets of the faces of each dimension."""
    facets = set()
    for row in cell.rows:
        tight = frozenset(p for p in cell.vertices if value(row, p) == 0)
        if len(tight) >= dim and affine_dimension(sorted(tight)) == dim - 1:
            facets.add(tight)
    found = {frozenset(cell.vertices)}
    frontier = set(found)
    while frontier:
        frontier = {f & g for f in frontier for g in facets} - found - {frozenset()}
        found |= frontier
    result: list[set[frozenset[Point]]] = [set() for _ in range(dim + 1)]
    for face in found:
        result[affine_dimension(sorted(face))].add(face)
    return result


def rational_complex(
    network: Any, lower: Sequence[Any], upper: Sequence[Any], halfspaces: Sequence[tuple[Sequence[Any], Any]] = ()
) -> Truth:
    """The complex of a network on a box, cut down to {a . x <= b} for each of ``halfspaces``."""
    dim = len(lower)
    cells = [box_cell(lower, upper)]
    for a, b in halfspaces:
        row = (*(-Fraction(float(x)) for x in a), Fraction(float(b)))
        cells = [part for part in cut(cells[0], row, label=False) if any(value(row, p) > 0 for p in part.vertices)]
    for weight, bias, activation in zip(network.weights[:-1], network.biases[:-1], network.activations, strict=True):
        cells = [n for c in cells for n in layer_cells(c, compose(weight, bias, c.maps), activation)]
    ids: dict[Point, int] = {}
    faces: list[set[frozenset[int]]] = [set() for _ in range(dim + 1)]
    listed = []
    for cell in cells:
        for p in cell.vertices:
            ids.setdefault(p, len(ids))
        for k, found in enumerate(faces_of(cell, dim)):
            faces[k] |= {frozenset(ids[p] for p in face) for face in found}
        maps = compose(network.weights[-1], network.biases[-1], cell.maps)
        listed.append((frozenset(ids[p] for p in cell.vertices), cell.signs, maps))
    return Truth(dim, list(ids), faces, listed)


def n_linear_regions(truth: Truth) -> int:
    """Cells merged across facets with equal maps, by union-find."""
    parent = list(range(len(truth.cells)))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    facets = truth.faces[truth.dim - 1]
    for facet in facets:
        sides = [i for i, (vertices, _, _) in enumerate(truth.cells) if facet <= vertices]
        if len(sides) == 2 and truth.cells[sides[0]][2] == truth.cells[sides[1]][2]:
            parent[root(sides[0])] = root(sides[1])
    return len({root(i) for i in range(len(parent))})
