"""The two closed forms of a spectrum as arrays: facets with their weights, cells with their values.

Notation. f is affine on each cell, k a wavevector. Facets F inside the domain carry the jump
c_F = (g_1 - g_0).n_F of the gradient, facets B on its boundary the outward normal nu and the trace of f:

    facet form (Green):  |k|^2 f^(k) = - sum_F c_F F^(k) + sum_B (d_nu f) B^(k) + i sum_B (k.nu) int_B f e^{-ik.x}
    volume form:         f^(k) = sum over the simplices S of the cells of  int_S f e^{-ik.x}

Both are sums over simplices (`Term`), whose weights do not depend on k. The facet form holds for
discontinuous pieces too, once the jumps of f itself are added; they are rounding noise here, and
their size (`FacetForm.defect`) enters the error bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from specgeo._budget import afford
from specgeo._cast import ComplexArray, FloatArray, IntArray
from specgeo._double import UNIT_ROUNDOFF, divide, multiply, two_sum
from specgeo._measures import lengths_of, over_last, simplex_measures
from specgeo.domain import Box
from specgeo.errors import DomainError, InvalidInputError, UnsupportedError
from specgeo.fourier.chunks import Plan, chunked
from specgeo.fourier.simplex import simplices_sum
from specgeo.geometry.arrays import parts
from specgeo.geometry.complex import PolyhedralComplex
from specgeo.geometry.lattice import pulled
from specgeo.geometry.walls import domain_rows

TINY = 2.0**-1066  # what the products of one term lose where they are below the range of floats, at most
GAP_NOISE = 64 * UNIT_ROUNDOFF  # a jump of f below this share of its terms is the rounding of two pieces
# First-order rounding of a compensated sum of n terms t_i, in units of roundoff, with independent errors (Higham and
# Mary 2019): each term is off by at most 8 |t_i|, six standard deviations are allowed; the sum itself is rounded
# once, and it is about max |t_1 + .. + t_i| at k = 0 plus the 2-norm of the terms.
TERM_ROUNDING = 48.0
SUM_ROUNDING = 4.0
JUMP_NOISE = 8 * UNIT_ROUNDOFF  # a jump below this share of the two gradients is rounding noise: the facet is no kink

PI = (np.array(np.pi), np.array(1.2246467991473532e-16))  # as a double-double


class Harmonics(NamedTuple):
    """A box's own coordinates y: the phases k.(x - a) of k_j = pi n_j / s_j are n.y, free of the rounding of k."""

    step: FloatArray  # (D,) pi / s
    points: FloatArray  # (n_p, 2 D) y = pi (x - a) / s, and the low parts


@dataclass(frozen=True, eq=False)
class Term:
    """A sum over simplices: constant densities ``weights``, affine densities by vertex ``values``."""

    points: FloatArray  # (n_p, D), most of them in use
    simplices: IntArray  # (n_s, j + 1)
    measures: FloatArray  # (n_s,) j-dimensional measure
    weights: FloatArray | None  # (n_s, m)
    values: FloatArray | None  # (n_s, j + 1, m)
    harmonics: Harmonics | None = None  # wavevectors are those of Fourier modes of a box

    def sum(self, k: FloatArray) -> ComplexArray:
        """The sum at wavevectors k (n_k, D): shape (n_k, m)."""
        points = self.points if self.harmonics is None else self.harmonics.points
        plan = self.plan if len(self) else None
        values: ComplexArray = simplices_sum(
            points, self.simplices, self.measures, self.waves(k), self.weights, self.values, plan
        )
        return values

    @property
    def coordinates(self) -> FloatArray:
        """The points, or the box's own coordinates of them, rounded: (n_p, D)."""
        return self.points if self.harmonics is None else self.harmonics.points[:, : self.points.shape[1]]

    def waves(self, k: FloatArray) -> FloatArray:
        """Wavevectors for those coordinates: k, or the numbers of the modes."""
        return k if self.harmonics is None else np.rint(k / self.harmonics.step)

    @cached_property
    def plan(self) -> Plan:
        """Order and chunks of the simplices, for one sum after another."""
        return chunked(self.points, self.simplices)

    def project(self, direction: FloatArray) -> Term:
        """The same term for wavevectors t * direction, as a function of t (D = 1)."""
        return replace(self, points=np.ascontiguousarray((self.points @ direction)[:, None]))

    def on(self, box: Box) -> Term:
        """The same term relative to the box's lower corner, for wavevectors of its Fourier modes."""
        own = own_coordinates(self.points, box.lower, box.upper)
        harmonics = Harmonics(np.pi / (box.upper - box.lower), own)
        return replace(self, points=self.points - box.lower, harmonics=harmonics)

    def __len__(self) -> int:
        return len(self.simplices)


def own_coordinates(points: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """pi (x - a) / s of points (n, D) in a box a <= x <= a + s, and the low parts: (n, 2 D)."""
    low, high = (np.broadcast_to(corner, points.shape) for corner in (lower, upper))
    scale = np.exp2(-np.floor(np.log2(upper - lower)))  # a power of two: no under- or overflow
    offsets, sides = ([part * scale for part in two_sum(end, -low)] for end in (points, high))
    return np.concatenate(multiply(PI, divide((offsets[0], offsets[1]), (sides[0], sides[1]))), axis=1)


def make_term(
    points: FloatArray,
    simplices: npt.NDArray[np.integer],
    measures: FloatArray,
    weights: FloatArray | None = None,
    values: FloatArray | None = None,
) -> Term:
    """A term without the points that its simplices do not use, where these are many."""
    used = np.zeros(len(points), dtype=np.bool_)
    used[simplices] = True
    if 2 * np.count_nonzero(used) < len(points):
        points, simplices = points[used], (np.cumsum(used, dtype=np.int64) - 1)[simplices]
    return Term(
        np.ascontiguousarray(points),
        np.ascontiguousarray(simplices, dtype=np.int64),
        np.ascontiguousarray(measures),
        None if weights is None else np.ascontiguousarray(weights),
        None if values is None else np.ascontiguousarray(values),
    )


class Size(NamedTuple):
    """What bounds the errors of a sum: 2-norm of its terms, largest partial sum at k = 0, rounding in roundoffs."""

    spread: FloatArray  # (m,), or (D, m) for the traces, one row an axis
    largest: FloatArray
    rounding: FloatArray

    def __add__(self, other: Size) -> Size:  # type: ignore[override]
        return Size(*(a + b for a, b in zip(self, other, strict=True)))


def size_of(terms: FloatArray, noise: FloatArray) -> Size:
    """Size of a sum of terms (n, m) at k = 0 that are known up to roundoff times ``noise`` (n, m) only."""
    total = largest = np.zeros(terms.shape[1])
    lengths = [total]
    for some in parts(len(terms)):
        lengths.append(lengths_of((np.abs(terms[some]) + noise[some]).T))
        sums = total + np.cumsum(terms[some], axis=0)
        total, largest = sums[-1], np.maximum(largest, np.abs(sums).max(axis=0))
    spread = lengths_of(np.stack(lengths, axis=1))
    return Size(spread, largest, TERM_ROUNDING * spread + SUM_ROUNDING * (largest + spread))


@dataclass(frozen=True, eq=False)
class FacetForm:
    """Kinks, boundary fluxes and boundary traces of a complex, with the sizes that bound their errors."""

    kinks: Term  # weights -c_F
    flux: Term  # weights d_nu f
    trace: Term  # values f on the boundary's simplices
    normals: FloatArray  # (n_b, D) outward, for the trace
    kink_size: Size
    flux_size: Size
    trace_size: Size
    defect: FloatArray  # (m,) bound on the sum over facets of int_F (jump of f) e^{-ik.x}: rounding of the pieces

    @property
    def underflow(self) -> float:
        """What products below the range of floats may lose in all terms, in units of 1 + |k|."""
        return TINY * float(len(self.kinks) + len(self.flux) + len(self.trace) * self.normals.shape[1])

    @cached_property
    def axis_terms(self) -> list[tuple[int, Term]]:
        """Traces times nu_j for each axis j, on the simplices where nu_j is not zero."""
        terms = []
        for j in range(self.normals.shape[1]):
            chosen = np.flatnonzero(self.normals[:, j])
            if len(chosen):
                assert self.trace.values is not None
                values = self.normals[chosen, j, None, None] * self.trace.values[chosen]
                simplices, measures = self.trace.simplices[chosen], self.trace.measures[chosen]
                terms.append((j, replace(self.trace, simplices=simplices, measures=measures, values=values)))
        return terms

    def numerator(self, k: FloatArray, boundary: str) -> ComplexArray:
        """|k|^2 f^(k): (n_k, m). ``boundary`` is "cut", "interior" or "mirror" (cut without traces)."""
        total = self.kinks.sum(k)
        if boundary != "interior":
            total += self.flux.sum(k)
        if boundary == "cut":
            for j, term in self.axis_terms:
                total += 1j * k[:, j, None] * term.sum(k)
        return total

    def size(self, k: FloatArray, boundary: str) -> Size:
        """Size of `numerator` at each wavevector: (n_k, m)."""
        total = self.kink_size if boundary == "interior" else self.kink_size + self.flux_size
        if boundary == "cut":
            return total + Size(*(np.abs(k) @ row for row in self.trace_size))
        return Size(*(np.broadcast_to(row, (len(k), len(row))) for row in total))

    def on(self, box: Box) -> FacetForm:
        """The form for wavevectors of the box's Fourier modes."""
        return replace(self, kinks=self.kinks.on(box), flux=self.flux.on(box), trace=self.trace.on(box))

    def project(self, direction: FloatArray) -> FacetForm:
        """The form along wavevectors t * direction."""
        return replace(
            self,
            kinks=self.kinks.project(direction),
            flux=self.flux.project(direction),
            trace=self.trace.project(direction),
            normals=np.ascontiguousarray((self.normals @ direction)[:, None]),
            trace_size=Size(*(np.abs(direction)[None, :] @ row for row in self.trace_size)),
        )


@dataclass(frozen=True, eq=False)
class VolumeForm:
    """The cells' simplices with the values of f at their vertices."""

    cells: Term
    size: Size

    @property
    def underflow(self) -> float:
        """What products below the range of floats may lose in all terms."""
        return TINY * len(self.cells)

    def on(self, box: Box) -> VolumeForm:
        """The form for wavevectors of the box's Fourier modes."""
        return replace(self, cells=self.cells.on(box))

    def project(self, direction: FloatArray) -> VolumeForm:
        """The form along wavevectors t * direction."""
        return replace(self, cells=self.cells.project(direction))


_Form = TypeVar("_Form", FacetForm, VolumeForm)


class ComplexForms:
    """The forms of one complex, made on first use and kept as long as the complex lives.

    Points are taken relative to ``origin``; with a ``direction`` u the forms are those of
    t -> f^(t u), whose "points" are the offsets u.v; with a ``box`` they are for its Fourier modes.
    """

    def __init__(
        self,
        cx: PolyhedralComplex,
        origin: FloatArray | None = None,
        direction: FloatArray | None = None,
        box: Box | None = None,
    ) -> None:
        self.cx = cx
        self._points = np.ascontiguousarray(cx.vertices if origin is None else cx.vertices - origin)
        self.direction, self._box = direction, box
        # wavevectors are off by so much of their length: a direction is rounded, and so are points moved or projected
        self.turn = 0.0 if origin is None and direction is None else (cx.dim + 4) * UNIT_ROUNDOFF
        self.reach = float(lengths_of(self._points).max(initial=0.0))
        self.dim = cx.dim if direction is None else 1

    @cached_property
    def n_outputs(self) -> int:
        """Number of outputs m."""
        return int(self.cx.gradients.shape[1])

    @cached_property
    def facets(self) -> FacetForm:
        """The facet form."""
        self._afford(self.cx.dim - 1)
        return self._placed(_facet_form(self.cx, self._points))

    @cached_property
    def volume(self) -> VolumeForm:
        """The volume form."""
        self._afford(self.cx.dim)
        return self._placed(_volume_form(self.cx, self._points))

    def _afford(self, k: int) -> None:
        d, m, n = self.cx.dim, self.n_outputs, len(pulled(self.cx, k)[0])
        needed = 8.0 * n * (3 * (k + 1) * (d + m) + 3 * m * d + 8 * m)
        afford(needed, f"cx: its transform, a sum over {n:,} simplices", "shrink the domain or take fewer outputs")

    def _placed(self, form: _Form) -> _Form:
        form = form if self._box is None else form.on(self._box)
        return form if self.direction is None else form.project(self.direction)

    def waves(self, k: FloatArray) -> FloatArray:
        """Wavevectors (n_k, d) in the space of the complex."""
        return k if self.direction is None else k * self.direction

    @cached_property
    def integral(self) -> tuple[FloatArray, FloatArray]:
        """f^(0), and a bound on its rounding, (m,) each: volumes times values at centroids.

        A cell of n simplices whose vertices reach |x_j| <= X_j errs by u (n + 12) |S| (sum_j |g_j| X_j + |b|).
        """
        cx = self.cx
        lists, owner = cx.vertices_of(cx.dim), cx.triangulation(cx.dim)[1]
        reach = np.maximum.reduceat(np.abs(cx.vertices)[lists.indices], lists.offsets[:-1], axis=0)
        terms = (np.abs(cx.gradients[:, :, a]) * reach[:, a, None] for a in range(cx.dim))
        sizes = reduce(np.add, terms) + np.abs(cx.offsets)
        integrals = cx.volumes[:, None] * cx.means
        noise = (np.bincount(owner, minlength=cx.n_cells) + 12) * cx.volumes
        if not np.all(np.isfinite(integrals)):
            return integrals.sum(axis=0), np.full(integrals.shape[1], np.inf)
        value = np.array([math.fsum(column) for column in integrals.T])
        error = 6 * UNIT_ROUNDOFF * lengths_of((noise[:, None] * sizes).T)
        return value, error + UNIT_ROUNDOFF * np.abs(value) + TINY * len(integrals)

    @cached_property
    def norm(self) -> FloatArray:
        """Lower bound sum |int_cell f| of int |f|, shape (m,): the unit in which errors are weighed."""
        return np.asarray(self.cx.volumes @ np.abs(self.cx.means))


def require_range(what: str, *arrays: FloatArray | ComplexArray) -> None:
    """Refuse numbers that left the range of floats."""
    if not all(np.all(np.isfinite(array)) for array in arrays):
        raise DomainError(f"cx: {what} or its error bound is beyond the range of floats; rescale f, or the domain")


def _facet_form(cx: PolyhedralComplex, points: FloatArray) -> FacetForm:
    simplices, measures, inner, outer, jumps, noise, kinked = facets = facet_simplices(cx)
    kinks = make_term(points, simplices[kinked], measures[kinked], -jumps[kinked])

    rim = np.flatnonzero(outer < 0)
    normals = wall_normals(cx)
    slopes = np.einsum("bmd,bd->bm", cx.gradients[inner[rim]], normals)
    values, sizes = vertex_values(cx, cx.vertices[simplices[rim]], inner[rim])
    flux = make_term(points, simplices[rim], measures[rim], slopes)
    trace = make_term(points, simplices[rim], measures[rim], None, values)
    area = measures[rim, None]
    trace_sizes = [size_of(area * nu * values.mean(axis=1), area * abs(nu) * sizes) for nu in normals.T[:, :, None]]
    return FacetForm(
        kinks=kinks,
        flux=flux,
        trace=trace,
        normals=normals,
        kink_size=size_of(measures[kinked, None] * jumps[kinked], measures[kinked, None] * noise[kinked]),
        flux_size=size_of(area * slopes, area * noise[rim]),
        trace_size=Size(*(np.stack(rows) for rows in zip(*trace_sizes, strict=True))),
        defect=_continuity_defect(cx, facets),
    )


class FacetSimplices(NamedTuple):
    """The simplices of all facets, of no orientation, with what the facet form takes from them."""

    simplices: IntArray  # (n_s, d)
    measures: FloatArray  # (n_s,)
    inner: IntArray  # (n_s,) first cell
    outer: IntArray  # (n_s,) second cell, -1 on the boundary
    jumps: FloatArray  # (n_s, m)
    noise: FloatArray  # (n_s, m) size of the gradients that the jump is the difference of
    kinked: IntArray  # those that are kinks


def facet_simplices(cx: PolyhedralComplex) -> FacetSimplices:
    """The simplices of the facets of a complex."""
    simplices, owner = pulled(cx, cx.dim - 1)
    facets = slice(None) if len(owner) == len(cx.facets.cells) else owner  # views, where each is one simplex
    (inner, outer), jumps = cx.facets.cells[facets].T, cx.facets.jumps[facets]
    speed = np.concatenate([lengths_of(cx.gradients[some]) for some in parts(cx.n_cells)])  # (n_cells, m)
    noise, kinked = np.empty_like(jumps), np.empty(len(jumps), np.bool_)
    for some in parts(len(jumps)):
        inside = outer[some] >= 0
        noise[some] = speed[inner[some]] + np.where(inside[:, None], speed[outer[some]], 0.0)
        kinked[some] = inside & np.any(np.abs(jumps[some]) > JUMP_NOISE * noise[some], axis=1)
    return FacetSimplices(simplices, _measures(cx, cx.dim - 1), inner, outer, jumps, noise, np.flatnonzero(kinked))


def _measures(cx: PolyhedralComplex, k: int) -> FloatArray:
    """Measures of the simplices of the k-faces; those beyond the range of floats are refused."""
    measures = cx.simplex_measures(k)
    doubtful = np.flatnonzero((measures < np.finfo(float).tiny) | ~np.isfinite(measures))
    simplex_measures(cx.vertices[pulled(cx, k)[0][doubtful]])
    return measures


def wall_rows(cx: PolyhedralComplex) -> IntArray | None:
    """The wall of the domain that each boundary simplex lies on, where the complex knows it (`domain_rows`)."""
    walls, owner = cx.facet_walls, pulled(cx, cx.dim - 1)[1]
    if walls is None or len(walls) != cx.f_vector[-2] or not hasattr(cx.domain, "bounding_box"):
        return None
    rows = walls[owner[cx.facets.cells[owner, 1] < 0]]
    return None if np.any(rows < 0) else rows


def wall_normals(cx: PolyhedralComplex) -> FloatArray:
    """Outward normals of the boundary simplices: of the domain's walls where these are known, else of the vertices."""
    rows = wall_rows(cx)
    if rows is None:
        owner = pulled(cx, cx.dim - 1)[1]
        return np.ascontiguousarray(cx.facets.normals[owner[cx.facets.cells[owner, 1] < 0]])
    inward = domain_rows(cx.domain)[:, :-1]
    inward = inward / np.abs(inward).max(axis=1, keepdims=True)
    return np.ascontiguousarray((-inward / np.linalg.norm(inward, axis=1, keepdims=True))[rows] + 0.0)


def _volume_form(cx: PolyhedralComplex, points: FloatArray) -> VolumeForm:
    simplices, owner = cx.triangulation(cx.dim)
    measures = _measures(cx, cx.dim)
    values, sizes = vertex_values(cx, cx.vertices[simplices], owner)
    terms = measures[:, None] * values.mean(axis=1)
    return VolumeForm(make_term(points, simplices, measures, None, values), size_of(terms, measures[:, None] * sizes))


def vertex_values(cx: PolyhedralComplex, corners: FloatArray, cells: IntArray) -> tuple[FloatArray, FloatArray]:
    """Values (n_s, j + 1, m) of the given cells' pieces at corners (n_s, j + 1, d); sizes (n_s, m) of their terms."""
    gradients, offsets = cx.gradients[cells], cx.offsets[cells]
    values, sizes = [], []
    for i in range(corners.shape[1]):  # numbers of one kind at a time: einsum takes its time over short axes
        terms = [gradients[:, :, a] * corners[:, i, a, None] for a in range(corners.shape[2])]
        values.append(reduce(np.add, terms) + offsets)
        sizes.append(reduce(np.add, map(np.abs, terms)))
    return np.stack(values, axis=1), reduce(np.maximum, sizes) + np.abs(offsets)


def _continuity_defect(cx: PolyhedralComplex, facets: FacetSimplices) -> FloatArray:
    # Gaps that rounding explains have independent signs; others may all point the same way.
    lengths, total = [np.zeros(cx.gradients.shape[1])], np.zeros(cx.gradients.shape[1])
    inside = np.flatnonzero(facets.outer >= 0)
    for some in parts(len(inside)):
        rows = inside[some]
        corners = cx.vertices[facets.simplices[rows]]
        left, left_size = vertex_values(cx, corners, facets.inner[rows])
        right, right_size = vertex_values(cx, corners, facets.outer[rows])
        noise = left_size + right_size
        gap = over_last(np.maximum, np.abs(left - right).swapaxes(1, 2)) + 2 * UNIT_ROUNDOFF * noise
        area, rounded = facets.measures[rows, None], gap <= GAP_NOISE * noise
        lengths.append(lengths_of((area * np.where(rounded, gap, 0.0)).T))
        total += (area * np.where(rounded, 0.0, gap)).sum(axis=0)
    return np.asarray(6 * lengths_of(np.stack(lengths, axis=1)) + total)


def forms_of(cx: PolyhedralComplex, box: Box | None = None) -> ComplexForms:
    """The forms of a complex, at any wavevector or for the Fourier modes of its box."""
    if not isinstance(cx, PolyhedralComplex):
        raise InvalidInputError(
            f"cx: a {type(cx).__name__} given, a PolyhedralComplex wanted; call specgeo.enumerate_regions first"
        )
    if cx.n_cells == 0:
        raise UnsupportedError("cx: has no cells; its spectrum is not defined")
    name = "forms" if box is None else "forms on the box"
    return cx.derived(name, lambda kept: ComplexForms(kept, box=box))
