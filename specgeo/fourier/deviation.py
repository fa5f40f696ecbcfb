"""How far the stored numbers of a complex are from its network, and what that does to its transforms.

A complex stores roundings: vertices v of exact ones v* (|v - v*| <= s along each axis), affine pieces, jumps. Both
forms are compared with the exact ones term by term, and absolute values are added: nothing is assumed about signs.

    facet form     |w F^(k) - w* F*^(k)| <= |w| (|F| max |k.(v - v*)| + | |F| - |F*| |) + |w - w*| |F*|,
                   for a mean of e^{-ik.x} over a simplex moves by no more than its corners do
    its traces     f on a wall is continuous, so vertices that move in the wall change it by 2 Lip s only where the
                   simplices differ; what counts fully is the distance to the wall's plane
    volume form    the same in the domain: exact pieces on moved simplices differ from f by 2 Lip s at most, and
                   only outside the exact simplex; what counts fully is the strip between the stored and the true walls

Displacements s come from exact points where those are cheap, else from the radii of the enumeration. Pieces are
multiplied out again in extended precision, with a running bound, so that the difference itself is known. A complex
without a network is taken as it is: its stored pieces on its stored vertices.
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial
from typing import Any, NamedTuple

import numpy as np

from specgeo._cast import FloatArray, IntArray
from specgeo._double import UNIT_ROUNDOFF
from specgeo._measures import lengths_of
from specgeo.domain import Box
from specgeo.errors import SpecgeoError
from specgeo.fourier.forms import FacetSimplices, facet_simplices, vertex_values, wall_normals, wall_rows
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.extended_pieces import EPS, EXTENDED, extended_pieces
from specgeo.geometry.lattice import pulled
from specgeo.geometry.sides import network_sides
from specgeo.geometry.structure import require_network
from specgeo.geometry.walls import axis_walls, domain_rows, wall_corners

EXACT_COST = 1e6  # exact points up to so many vertices times (weights + 200): about a second
SAFE = 1 + 1e-9  # for the roundings of the bound itself


class Pieces(NamedTuple):
    """Affine pieces in extended precision and bounds on their errors, all (n_cells, m, d + 1): offsets last."""

    rows: Any
    errors: FloatArray


class Moved(NamedTuple):
    """Numerator of a facet sum's deviation: constant + |k| . slope; and the sum of |w| |F|."""

    constant: FloatArray  # (m,)
    slope: FloatArray  # (d, m)
    total: FloatArray  # (m,)


class Deviation:
    """Bounds on the distance between the stored and the exact forms of a complex, made once for each."""

    @np.errstate(over="ignore", invalid="ignore")  # whoever uses the bounds refuses what is not finite
    def __init__(self, cx: PolyhedralComplex) -> None:
        self.known = cx.layers is not None and cx.signs is not None
        m, d = cx.gradients.shape[1:]
        self._cx = cx
        self._shifts = displacements(cx) if self.known else np.zeros(cx.vertices.shape)
        self._pieces = exact_pieces(cx) if self.known else stored_pieces(cx)
        speed = lengths_of(self._pieces.rows[:, :, :-1].astype(float))
        self._lipschitz = speed.max(axis=0, initial=0.0) * SAFE  # (m,)
        facets = facet_simplices(cx)
        self.kinks = self._kinks(facets)
        rim = np.flatnonzero(facets.outer < 0)
        simplices, measures, cells = facets.simplices[rim], facets.measures[rim], facets.inner[rim]
        normals, off = wall_normals(cx), self._off_the_wall(simplices)
        rounded = self.known and not isinstance(cx.domain, Box)
        turned = (d + 4) * UNIT_ROUNDOFF if rounded else 0.0  # rounding of a normal
        self.flux = self._flux(simplices, measures, cells, normals, turned)
        values, errors = self._values(simplices, cells)
        self.trace = np.zeros((3, d, m))  # in the wall's plane, off it, and the sum of |nu| |f| |B|
        changed = _changed_measure(cx.vertices[simplices], off[:, None] * np.ones(d))
        plane = measures[:, None] * (errors + turned * values + off[:, None] * self._lipschitz)
        plane += changed[:, None] * values + self._mismatch(simplices, measures) + self._outline(simplices, values)
        self.trace[0] = (np.abs(normals).T @ plane) * SAFE
        self.trace[1] = (np.abs(normals).T @ (off[:, None] * measures[:, None] * values)) * SAFE
        self.trace[2] = np.abs(normals).T @ (measures[:, None] * values)
        strip = (off * (measures + changed)) @ values
        self.cells, self.total = self._cells(2 * strip if self.known else 0.0 * strip)

    def facet(self, k: FloatArray, boundary: str, turn: float = 0.0, reach: float = 0.0) -> FloatArray:
        """Bound for the facet form at k (n_k, d), (n_k, m).

        Where the wavevectors themselves are off by ``turn`` of their length, so are the phases of points within
        ``reach`` and the products k.nu.
        """
        blur = turn * reach
        length = lengths_of(k)[:, None]
        size = np.abs(k)
        parts = [self.kinks] if boundary == "interior" else [self.kinks, self.flux]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            result = np.zeros((len(k), len(self.total)))
            for part in parts:
                result += part.constant / length / length + (size / length) @ part.slope / length
                result += blur * part.total / length
            if boundary == "cut":
                plane, off, total = self.trace
                result += (size / length) @ (plane + turn * total) / length + (size / length) @ (off + blur * total)
        return np.where(np.isnan(result), np.inf, result * SAFE)

    def volume(self, k: FloatArray, turn: float = 0.0, reach: float = 0.0) -> FloatArray:
        """The same for the volume form."""
        length = lengths_of(k)[:, None]
        return np.asarray((self.cells + turn * reach * length * self.total) * SAFE)

    def _kinks(self, facets: FacetSimplices) -> Moved:
        rows = np.flatnonzero(facets.outer >= 0)
        stored = np.zeros((len(facets.simplices), facets.jumps.shape[1]))
        stored[facets.kinked] = facets.jumps[facets.kinked]
        weights = np.abs(stored[rows])
        errors = np.zeros_like(weights)
        if self.known:
            first, second = facets.inner[rows], facets.outer[rows]
            step = self._pieces.rows[second, :, :-1] - self._pieces.rows[first, :, :-1]
            jump = lengths_of(step)
            doubt = self._pieces.errors[second, :, :-1] + self._pieces.errors[first, :, :-1]
            # f is continuous: the exact jump is +-|g_1 - g_0|; its sign is the side on which the second cell lies
            errors = (np.abs(jump - weights) + 4 * EPS * jump).astype(float) + lengths_of(doubt)
            errors += np.where(self._uncertain_sides(rows)[:, None], 2 * weights, 0.0)
        return self._moved(facets.simplices[rows], facets.measures[rows], weights, errors)

    def _flux(
        self, simplices: IntArray, measures: FloatArray, cells: IntArray, normals: FloatArray, turned: float
    ) -> Moved:
        stored = np.einsum("bmd,bd->bm", self._cx.gradients[cells], normals)
        gradients, doubt = self._pieces.rows[cells, :, :-1], self._pieces.errors[cells, :, :-1]
        exact = np.einsum("bmd,bd->bm", gradients, normals.astype(EXTENDED))
        size = np.einsum("bmd,bd->bm", np.abs(gradients), np.abs(normals)).astype(float)
        errors = np.abs(stored - exact).astype(float) + np.einsum("bmd,bd->bm", doubt, np.abs(normals))
        errors += 2 * (len(normals.T) + 1) * EPS * size
        errors += turned * lengths_of(gradients.astype(float))
        return self._moved(simplices, measures, np.abs(stored), errors if self.known else 0.0 * errors)

    def _moved(self, simplices: IntArray, measures: FloatArray, weights: FloatArray, errors: FloatArray) -> Moved:
        shifts = self._shifts[simplices]  # (n_s, j + 1, d)
        changed = _changed_measure(self._cx.vertices[simplices], shifts.max(axis=1, initial=0.0))
        constant = changed @ weights + (measures + changed) @ errors
        slope = shifts.max(axis=1, initial=0.0).T @ (measures[:, None] * weights)
        return Moved(constant * SAFE, slope * SAFE, measures @ weights)

    def _values(self, simplices: IntArray, cells: IntArray) -> tuple[FloatArray, FloatArray]:
        """Largest |f| on each simplex, and the largest error of its stored vertex values: (n_s, m) each."""
        corners = self._cx.vertices[simplices]
        stored, _ = vertex_values(self._cx, corners, cells)
        largest = np.abs(stored).max(axis=1)
        if not self.known:
            return largest, np.zeros_like(largest)
        rows, doubt = self._pieces.rows[cells], self._pieces.errors[cells]
        exact = np.einsum("smd,sid->sim", rows[:, :, :-1], corners.astype(EXTENDED)) + rows[:, None, :, -1]
        size = np.einsum("smd,sid->sim", np.abs(rows[:, :, :-1]).astype(float), np.abs(corners))
        size += np.abs(rows[:, None, :, -1]).astype(float)
        error = np.abs(stored - exact).astype(float) + (self._cx.dim + 2) * EPS * size
        error += np.einsum("smd,sid->sim", doubt[:, :, :-1], np.abs(corners)) + doubt[:, None, :, -1]
        return largest, error.max(axis=1)

    def _mismatch(self, simplices: IntArray, measures: FloatArray) -> FloatArray:
        """2 Lip s times the measure of a moved simplex outside the exact one, (n_s, m)."""
        reach = lengths_of(self._shifts[simplices]).max(axis=1)
        j = simplices.shape[1] - 1
        if j == 0:
            return np.zeros((len(simplices), len(self._lipschitz)))
        diameter = _diameters(self._cx.vertices[simplices]) + 2 * reach
        rim = (j + 1) * diameter ** (j - 1) / factorial(j - 1)  # bounds the measure of the simplex's boundary
        outside = np.minimum(measures, 2 * reach * rim)
        return np.asarray((2 * reach * outside)[:, None] * self._lipschitz)

    def _outline(self, simplices: IntArray, values: FloatArray) -> FloatArray:
        """|f| times what moved ridges add to or take from the walls of a polytope, (n_b, m).

        On a box no ridge moves but along itself.
        """
        j = simplices.shape[1] - 1
        walls = wall_rows(self._cx)
        if not self.known or j == 0 or isinstance(self._cx.domain, Box) or walls is None:
            return np.zeros_like(values)
        of_vertex: list[set[int]] = [set() for _ in self._cx.vertices]
        for corners, wall in zip(simplices.tolist(), walls.tolist(), strict=True):
            for v in corners:
                of_vertex[v].add(wall)
        on_ridge = np.array([len(s) > 1 for s in of_vertex])
        reach = np.where(on_ridge, lengths_of(self._shifts), 0.0)[simplices].max(axis=1)
        rim = (j + 1) * _diameters(self._cx.vertices[simplices]) ** (j - 1) / factorial(j - 1)
        return np.asarray((2 * reach * rim)[:, None] * values)

    def _off_the_wall(self, simplices: IntArray) -> FloatArray:
        """Largest distance of the corners of each boundary simplex from the plane of its wall, (n_b,)."""
        cx, walls = self._cx, wall_rows(self._cx)
        if not self.known:
            return np.zeros(len(simplices))
        if walls is None:
            return np.asarray(lengths_of(self._shifts[simplices]).max(axis=1))
        axes, _, rounding = axis_walls(cx.domain)
        rows: Any = domain_rows(cx.domain)[walls].astype(EXTENDED)
        corners = cx.vertices[simplices].astype(EXTENDED)
        residual = np.abs(np.einsum("bd,bid->bi", rows[:, :-1], corners) + rows[:, -1:]).max(axis=1)
        size = (np.einsum("bd,bid->bi", np.abs(rows[:, :-1]), np.abs(corners)) + np.abs(rows[:, -1:])).max(axis=1)
        oblique = (residual + (cx.dim + 2) * EPS * size) / lengths_of(rows[:, :-1])
        return np.where(axes[walls] >= 0, rounding[walls], oblique.astype(float)) * SAFE

    def _cells(self, strip: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The volume form: its deviation, and the sum of |f| |S|: (m,) each."""
        simplices, owner = self._cx.triangulation(self._cx.dim)
        corners = self._cx.vertices[simplices]
        measures = self._cx.simplex_measures(self._cx.dim)
        values, errors = self._values(simplices, owner)
        total = measures @ values
        if not self.known:
            return np.zeros_like(total), total
        # simplices thinner than the displacements may be turned over: all of them is in doubt
        changed = _changed_measure(corners, self._shifts[simplices].max(axis=1))
        thin = measures <= changed
        result = measures @ errors + self._mismatch(simplices, measures).sum(axis=0) + strip
        return result + 2 * (measures[thin] + changed[thin]) @ values[thin], total

    def _uncertain_sides(self, rows: IntArray) -> Any:
        """Facet simplices (of rows) of which neither vertices nor units tell on which side each cell lies."""
        cx = self._cx
        simplices, owner = (part[rows] for part in pulled(cx, cx.dim - 1))
        lists = cx.vertices_of(cx.dim)
        starts = lists.offsets[:-1]
        reach = np.maximum.reduceat(lengths_of(self._shifts)[lists.indices], starts)
        corners = cx.vertices[lists.indices]
        extent = np.maximum.reduceat(corners, starts, axis=0) - np.minimum.reduceat(corners, starts, axis=0)
        diameter = lengths_of(extent)
        both = cx.facets.cells[owner]
        reach, diameter = reach[both].max(axis=1), diameter[both].max(axis=1)
        j = cx.dim - 1
        size = cx.simplex_measures(j)[rows] * factorial(j)
        height = size / np.maximum(_diameters(cx.vertices[simplices]), 1e-300) ** max(j - 1, 0) if j else np.inf
        with np.errstate(divide="ignore", over="ignore"):
            slack = 4 * reach * (1 + cx.dim * diameter / height)
        uncertain = ~(cx.facet_sides[1][owner] > slack) & (reach > 0)
        decided = np.unique(owner[uncertain])
        if len(decided) and len(decided) * _parameters(cx) <= EXACT_COST:
            sides = network_sides(*require_network(cx, "a side"), cx.facets.cells[decided], cx.facets.normals[decided])
            uncertain &= ~np.isin(owner, decided[sides > 0.5])
        return uncertain


def deviation_of(cx: PolyhedralComplex) -> Deviation:
    """The deviation of a complex, kept as long as it lives."""
    return cx.derived("deviation", Deviation)


def stored_pieces(cx: PolyhedralComplex) -> Pieces:
    """The pieces as they are stored."""
    rows = np.concatenate([cx.gradients, cx.offsets[:, :, None]], axis=2).astype(EXTENDED)
    return Pieces(rows, np.zeros(rows.shape))


def exact_pieces(cx: PolyhedralComplex) -> Pieces:
    """The pieces of the network in extended precision, with a bound on what that loses."""
    assert cx.signs is not None and cx.layers is not None
    return Pieces(*extended_pieces(cx.layers, cx.signs))


def displacements(cx: PolyhedralComplex) -> FloatArray:
    """Bounds on |v - v*| along each axis, (n_0, d)."""
    if len(cx.vertices) * _parameters(cx) <= EXACT_COST:
        try:
            exact = cx.exact_vertices()
        except SpecgeoError:  # no exact complex (exact=False): the radii are all there is
            pass
        else:
            gaps = [
                [float(abs(Fraction(x) - y)) for x, y in zip(row, point, strict=True)]
                for row, point in zip(cx.vertices.tolist(), exact, strict=True)
            ]
            return np.array(gaps) * SAFE
    radii, walls = cx.vertex_errors, cx.facet_walls
    result = np.full(cx.vertices.shape, np.inf) if radii is None else np.outer(radii, np.ones(cx.dim))
    if walls is not None and len(walls) == cx.f_vector[-2]:
        axes, _, rounding = axis_walls(cx.domain)
        corners, wall = wall_corners(walls, cx.faces[:-1])
        straight = axes[wall] >= 0
        result[corners[straight], axes[wall[straight]]] = rounding[wall[straight]]
    return result


def _parameters(cx: PolyhedralComplex) -> int:
    """What an exact point costs: the weights, and 200 for the rest."""
    return 200 + sum(np.size(w) for w in (() if cx.layers is None else cx.layers.weights))


def _diameters(corners: FloatArray) -> FloatArray:
    """Upper bound on the diameter of each simplex (n, j + 1, d)."""
    return np.asarray(lengths_of(corners.max(axis=1) - corners.min(axis=1)))


def _changed_measure(corners: FloatArray, shifts: FloatArray) -> FloatArray:
    """Bound on the change of the measures of simplices (n, j + 1, d) whose corners move by ``shifts`` (n, d).

    The measure is multilinear in the edges; each term that contains a shift is at most the product of the lengths.
    """
    j = corners.shape[1] - 1
    lengths = lengths_of(corners[:, 1:] - corners[:, :1])
    moved = 2 * lengths_of(shifts)
    total = np.zeros(len(corners))
    for i in range(j):  # telescoped, so that small shifts are not lost in the lengths
        total += moved * np.prod(lengths[:, :i], axis=1) * np.prod(lengths[:, i + 1 :] + moved[:, None], axis=1)
    return total / factorial(j)
