"""`level_set`: where a network takes a value, exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from specgeo._arguments import checked
from specgeo._budget import within_memory
from specgeo._cast import FloatArray, IntArray, as_budget
from specgeo._progress import reported
from specgeo.activation import Activation
from specgeo.enumeration.reaching import Wanted
from specgeo.geometry.arrays import Flags
from specgeo.geometry.lattice import FaceLattice
from specgeo.geometry.topology import closure, subcomplex, within
from specgeo.geometry.walls import domain_rows
from specgeo.levels.cut import Cut, cut
from specgeo.levels.hypersurface import Hypersurface, carved
from specgeo.levels.orientation import unit_gradients
from specgeo.network import Network

Closed = Literal["below", "above"] | None


@dataclass(frozen=True, eq=False, repr=False)
class LevelSet(Hypersurface):
    """The set {f = value} in a domain, or the closed surface of {f <= value} or {f >= value}: `specgeo.level_set`.

    Which faces there are and which vertices they share is that of the exact function; coordinates are rounded, within
    ``vertex_errors``; normals are unit vectors along gradients.

    Attributes
    ----------
    value, output : float, int
    closed : {"below", "above"} or None
    normals : ndarray, shape (n, d)
        Up the gradient; out of the solid where ``closed``.
    sides : ndarray of int, shape (n, 2)
        Sign of f - value behind and before each face: (-1, 1) where it crosses the value, (1, 1) or (-1, -1) where it
        only touches it, 0 for a flat piece or, where ``on_wall``, the outside of the domain.
    on_wall : ndarray of bool, shape (n,)
    vertex_errors : ndarray, shape (n_0,)
    lattice : FaceLattice
    certificate : Certificate
        How the signs were proved.
    """

    value: float = 0.0
    output: int = 0
    closed: Closed = None
    certificate: Any = field(default=None, repr=False)

    @property
    def _open(self) -> bool:
        return self.closed is None

    def _what(self) -> str:
        relation = {None: "=", "below": "<=", "above": ">="}[self.closed]
        name = "f" if self.output == 0 else f"f[{self.output}]"
        what = "" if self.closed is None else "surface of "
        return f"{what}{name} {relation} {self.value:.6g} in dimension {self.dim}"


@checked
@reported
@within_memory
def level_set(
    net: Network,
    domain: Any,
    value: float = 0.0,
    output: int = 0,
    *,
    closed: Closed = None,
    max_cells: int | None = None,
    max_bytes: int | None = None,
    progress: Callable[[str, float], None] | bool | None = None,
) -> LevelSet:
    """The exact set {f = value} of one output on a bounded domain, as a mesh.

    Points (d = 1), segments (d = 2), polygons (d = 3) with shared vertices; in all dimensions their faces, normals
    and measures. Degenerate sets are what they are: levels through vertices and along edges, several sheets in one
    edge, isolated points (``strays``), pieces of full dimension where f is constant (``flat``).

    Parameters
    ----------
    net : Network
    domain : Box, Polytope, convex shapely Polygon or scipy ConvexHull
    value : float
        Taken as the binary64 number that it is.
    output : int
    closed : {"below", "above"}, optional
        The closed surface of the solid {f <= value} or {f >= value} instead, with those parts of the walls of the
        domain that bound it; normals point out of it. Sheets that bound nothing and flat pieces are no part of it.
    max_cells, max_bytes : int, optional
        Budgets of the enumeration.
    progress : bool or callable, optional
        True: a bar. A callable is called now and then as ``progress(message, fraction)``.

    Returns
    -------
    LevelSet

    Raises
    ------
    DomainError, BudgetError, UnsupportedError
        As `enumerate_regions`.
    InvalidInputError
        There is no such output.

    Notes
    -----
    Cells on which proved bounds exclude the value are dropped after each layer (`specgeo.enumeration._reaching`), so
    that a set is found in a small part of the time of the whole complex; ``certificate`` counts the decisions on the
    cells that were left. For a closed surface cells of the solid at the walls of the domain are kept too.

    f is one more unit of the network, with ``value`` as its breakpoint: the enumerator proves its sign at every vertex
    of the complex and cuts the cells by it. A face belongs to the set if f = value at all of its vertices. In a ridge
    inside the domain an even number of faces that cross the value meet (on a small circle around it, f - value changes
    its sign so often), and `Hypersurface.watertight` counts that it is two.

    Examples
    --------
    >>> import specgeo as sg
    >>> octahedron = sg.Network(  # |x| + |y| + |z| - 1/2
    ...     [[[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], [[1] * 6]], [[0] * 6, [-0.5]]
    ... )
    >>> level = sg.level_set(octahedron, sg.Box(-1, 1, dim=3))
    >>> level
    LevelSet(f = 0 in dimension 3, 6 vertices, 8 faces)
    >>> level.watertight, level.betti_numbers, round(level.measure, 12)
    (True, (1, 0, 1), 1.732050807569)
    """
    budgets = as_budget(max_cells, "max_cells"), as_budget(max_bytes, "max_bytes")
    told = progress if callable(progress) else None
    wanted: dict[Closed, Wanted] = {None: "level", "below": "surface below", "above": "surface above"}
    made = cut_at_level(net, domain, value, output, *budgets, told, reaching=wanted[closed])
    signs = made.on_cells()[:, 0].astype(np.int64)
    flags, facets = _faces_at(made, signs) if closed is None else _surface_of(made, signs, closed)
    normals, sides, on_wall = _placed(net, made, signs, facets, output, closed)
    parts = carved(made.complex, flags, facets)
    return LevelSet(normals, sides, on_wall, *parts, value, output, closed, made.complex.certificate)


def cut_at_level(
    net: Network,
    domain: Any,
    value: float,
    output: int,
    max_cells: int | None = None,
    max_bytes: int | None = None,
    progress: Callable[[str, float], None] | None = None,
    reaching: Wanted | None = None,
) -> Cut:
    """The domain, or the part of it that has what is wanted, cut at the value: the last unit has the sign of f - value.
    """
    step = Activation(np.array([value]), np.array([0.0, 1.0]), name="level")
    return cut(net.component(output), step, domain, max_cells, max_bytes, progress, reaching)


def sublevel_of(net: Network, domain: Any, value: float, output: int, above: bool) -> FaceLattice:
    """The closed set {f <= value}, or {f >= value}, of an output on a domain."""
    return sublevel_set(cut_at_level(net, domain, value, output, reaching="above" if above else "below"), above)


def sublevel_set(made: Cut, above: bool) -> FaceLattice:
    """The closed set {f <= value}, or {f >= value}, of a domain cut there: all its faces."""
    reached = made.signs[:, 0] >= 0 if above else made.signs[:, 0] <= 0
    return subcomplex(made.complex, within(made.complex, reached))[0]


def _faces_at(made: Cut, signs: IntArray) -> tuple[list[Flags], IntArray]:
    """All faces on which f is the value, and those of dimension d - 1 that do not lie within flat pieces."""
    cx, flags = made.complex, made.vanishing(0)
    sides = np.where(cx.facet_cells >= 0, signs[cx.facet_cells], 0)
    return flags, np.flatnonzero(flags[cx.dim - 1] & np.any(sides != 0, axis=1))


def _surface_of(made: Cut, signs: IntArray, closed: str) -> tuple[list[Flags], IntArray]:
    """The facets between the cells of a solid and other cells or the outside, and all their faces.

    A cell that was dropped lies on the same side of the value as those around it, its boundary included.
    """
    cx = made.complex
    solid = signs <= 0 if closed == "below" else signs >= 0
    sides = (cx.facet_cells >= 0) & solid[cx.facet_cells]
    assert cx.facet_walls is not None  # enumerated complexes know their walls
    bounding = (sides[:, 0] != sides[:, 1]) & ((cx.facet_cells[:, 1] >= 0) | (cx.facet_walls >= 0))
    return closure(cx, bounding, cx.dim - 1), np.flatnonzero(bounding)


def _placed(
    net: Network, made: Cut, signs: IntArray, facets: IntArray, output: int, closed: Closed
) -> tuple[FloatArray, IntArray, Flags]:
    """Normals, sides and which are on walls, of some facets of the cut complex."""
    cx = made.complex
    cells = cx.facet_cells[facets]
    on_wall = cells[:, 1] < 0
    beside = np.where(cells >= 0, signs[cells], 0)
    at_level = made.vanishing(0)[cx.dim - 1][facets] & np.any(beside != 0, axis=1)
    first = np.where(beside[:, 0] != 0, 0, 1)  # the side that has a gradient
    row, rows = np.arange(len(facets)), np.zeros((len(facets), net.output_dim))
    rows[:, output] = 1.0
    own, other = beside[row, first], beside[row, 1 - first]
    normals, sides = np.zeros((len(facets), cx.dim)), np.stack((other, own), axis=1)
    normals[at_level] = unit_gradients(net.layers, cx.known_signs, cells[row, first][at_level], rows[at_level])
    sides[own < 0] = sides[own < 0, ::-1]  # gradients point to where f is larger
    if closed == "above":
        normals, sides = 0.0 - normals, sides[:, ::-1].copy()
    walls = np.flatnonzero(~at_level)  # the rest bounds a solid on the walls
    if len(walls):
        assert cx.facet_walls is not None
        outward = -domain_rows(cx.domain)[cx.facet_walls[facets[walls]], :-1]
        outward /= np.abs(outward).max(axis=1, keepdims=True)
        normals[walls] = outward / np.linalg.norm(outward, axis=1, keepdims=True) + 0.0
        sides[walls] = np.stack((beside[walls, 0], np.zeros(len(walls), np.int64)), axis=1)
    return normals, sides, on_wall
