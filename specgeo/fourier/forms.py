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

import weakref
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from specgeo._cast import ComplexArray, FloatArray, IntArray
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.fourier.measures import simplex_measures
from specgeo.fourier.simplex import simplices_sum
from specgeo.geometry.complex import PolyhedralComplex

UNIT = 2.0**-53  # unit roundoff
JUMP_NOISE = 8 * UNIT  # a jump below this share of the two gradients is rounding noise: the facet is no kink


@dataclass(frozen=True, eq=False)
class Term:
    """A sum over simplices: constant densities ``weights``, affine densities by vertex ``values``."""

    points: FloatArray  # (n_p, D), only those in use
    simplices: IntArray  # (n_s, j + 1)
    measures: FloatArray  # (n_s,) j-dimensional measure
    weights: FloatArray | None  # (n_s, m)
    values: FloatArray | None  # (n_s, j + 1, m)

    def sum(self, k: FloatArray) -> ComplexArray:
        """The sum at wavevectors k (n_k, D): shape (n_k, m)."""
        values: ComplexArray = simplices_sum(self.points, self.simplices, self.measures, k, self.weights, self.values)
        return values

    def project(self, direction: FloatArray) -> Term:
        """The same term for wavevectors t * direction, as a function of t (D = 1)."""
        return replace(self, points=np.ascontiguousarray((self.points @ direction)[:, None]))

    def __len__(self) -> int:
        return len(self.simplices)


def make_term(
    points: FloatArray,
    simplices: npt.NDArray[np.integer],
    measures: FloatArray,
    weights: FloatArray | None = None,
    values: FloatArray | None = None,
) -> Term:
    """A term that keeps only the points its simplices use."""
    used, renumbered = np.unique(simplices, return_inverse=True)
    return Term(
        np.ascontiguousarray(points[used]),
        np.ascontiguousarray(renumbered.reshape(simplices.shape), dtype=np.int64),
        np.ascontiguousarray(measures),
        None if weights is None else np.ascontiguousarray(weights),
        None if values is None else np.ascontiguousarray(values),
    )


@dataclass(frozen=True, eq=False)
class FacetForm:
    """Kinks, boundary fluxes and boundary traces of a complex, with the sums that bound their errors."""

    kinks: Term  # weights -c_F
    flux: Term  # weights d_nu f
    trace: Term  # values f on the boundary's simplices
    normals: FloatArray  # (n_b, D) outward, for the trace
    kink_scale: FloatArray  # (m,) sum of (|c_F| + the noise of its gradients) |F|
    flux_scale: FloatArray  # (m,)
    trace_scale: FloatArray  # (D, m) sum of |nu_j| |B| max |f|
    defect: FloatArray  # (m,) sum of |F| max |jump of f|: zero for exactly continuous pieces

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
                terms.append((j, make_term(self.trace.points, simplices, measures, None, values)))
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

    def magnitude(self, k: FloatArray, boundary: str) -> FloatArray:
        """Sum of the absolute values of the terms of `numerator`: (n_k, m)."""
        total = np.broadcast_to(self.kink_scale, (len(k), len(self.kink_scale))).copy()
        if boundary != "interior":
            total += self.flux_scale
        if boundary == "cut":
            total += np.abs(k) @ self.trace_scale
        return total

    def project(self, direction: FloatArray) -> FacetForm:
        """The form along wavevectors t * direction."""
        return replace(
            self,
            kinks=self.kinks.project(direction),
            flux=self.flux.project(direction),
            trace=self.trace.project(direction),
            normals=np.ascontiguousarray((self.normals @ direction)[:, None]),
            trace_scale=np.abs(direction)[None, :] @ self.trace_scale,
        )


@dataclass(frozen=True, eq=False)
class VolumeForm:
    """The cells' simplices with the values of f at their vertices."""

    cells: Term
    scale: FloatArray  # (m,) sum of |S| max (|g| |v| + |b|) >= int |f|

    def project(self, direction: FloatArray) -> VolumeForm:
        """The form along wavevectors t * direction."""
        return replace(self, cells=self.cells.project(direction))


class ComplexForms:
    """The forms of one complex, made on first use and kept as long as the complex lives.

    Points are taken relative to ``origin``; with a ``direction`` u the forms are those of
    t -> f^(t u), whose "points" are the offsets u.v.
    """

    def __init__(
        self, cx: PolyhedralComplex, origin: FloatArray | None = None, direction: FloatArray | None = None
    ) -> None:
        self._cx = weakref.ref(cx)
        self._points = np.ascontiguousarray(cx.vertices if origin is None else cx.vertices - origin)
        self._direction = direction
        self.dim = cx.dim if direction is None else 1
        self.n_outputs = int(cx.gradients.shape[1])

    @property
    def cx(self) -> PolyhedralComplex:
        """The complex; alive, since callers of the forms hold it."""
        cx = self._cx()
        assert cx is not None
        return cx

    @cached_property
    def facets(self) -> FacetForm:
        """The facet form."""
        form = _facet_form(self.cx, self._points)
        return form if self._direction is None else form.project(self._direction)

    @cached_property
    def volume(self) -> VolumeForm:
        """The volume form."""
        form = _volume_form(self.cx, self._points)
        return form if self._direction is None else form.project(self._direction)

    @cached_property
    def norm(self) -> FloatArray:
        """Lower bound sum |int_cell f| of int |f|, shape (m,): the unit in which errors are weighed."""
        return np.asarray(self.cx.volumes @ np.abs(centroid_values(self.cx)))


def centroid_values(cx: PolyhedralComplex) -> FloatArray:
    """f at the centroid of each cell, its mean there: shape (n_cells, m)."""
    return np.asarray(np.einsum("cmd,cd->cm", cx.gradients, cx.centroids) + cx.offsets)


def _facet_form(cx: PolyhedralComplex, points: FloatArray) -> FacetForm:
    facets, d, m = cx.facets, cx.dim, cx.gradients.shape[1]
    simplices, owner = cx.triangulation(d - 1)
    measures = simplex_measures(cx.vertices[simplices])
    inner, outer = facets.cells[owner, 0], facets.cells[owner, 1]
    speed = np.linalg.norm(cx.gradients, axis=2)  # (n_cells, m)
    noise = speed[inner] + np.where((outer >= 0)[:, None], speed[outer], 0.0)
    jumps = facets.jumps[owner]

    inside = outer >= 0
    kinked = np.flatnonzero(inside & np.any(np.abs(jumps) > JUMP_NOISE * noise, axis=1))
    kinks = make_term(points, simplices[kinked], measures[kinked], -jumps[kinked])
    kink_scale = measures[kinked] @ (np.abs(jumps[kinked]) + noise[kinked])

    rim = np.flatnonzero(~inside)
    normals = np.ascontiguousarray(facets.normals[owner[rim]])
    slopes = np.einsum("bmd,bd->bm", cx.gradients[inner[rim]], normals)
    values, sizes = _vertex_values(cx, simplices[rim], inner[rim])
    flux = make_term(points, simplices[rim], measures[rim], slopes)
    trace = make_term(points, simplices[rim], measures[rim], None, values)
    weighted = measures[rim, None] * sizes
    return FacetForm(
        kinks=kinks,
        flux=flux,
        trace=trace,
        normals=normals,
        kink_scale=kink_scale.reshape(m),
        flux_scale=(measures[rim] @ noise[rim]).reshape(m),
        trace_scale=np.abs(normals).T @ weighted,
        defect=_continuity_defect(cx, simplices[inside], measures[inside], inner[inside], outer[inside]),
    )


def _volume_form(cx: PolyhedralComplex, points: FloatArray) -> VolumeForm:
    simplices, owner = cx.triangulation(cx.dim)
    measures = simplex_measures(cx.vertices[simplices])
    values, sizes = _vertex_values(cx, simplices, owner)
    return VolumeForm(make_term(points, simplices, measures, None, values), measures @ sizes)


def _vertex_values(
    cx: PolyhedralComplex, simplices: npt.NDArray[np.integer], cells: npt.NDArray[np.integer]
) -> tuple[FloatArray, FloatArray]:
    """Values (n_s, j + 1, m) of the given cells' pieces at the simplices' vertices; sizes (n_s, m) of their terms."""
    corners = cx.vertices[simplices]
    gradients, offsets = cx.gradients[cells], cx.offsets[cells]
    values = np.einsum("smd,sid->sim", gradients, corners) + offsets[:, None, :]
    sizes = np.einsum("smd,sid->sim", np.abs(gradients), np.abs(corners)).max(axis=1) + np.abs(offsets)
    return np.ascontiguousarray(values), sizes


def _continuity_defect(
    cx: PolyhedralComplex,
    simplices: npt.NDArray[np.integer],
    measures: FloatArray,
    first: npt.NDArray[np.integer],
    second: npt.NDArray[np.integer],
) -> FloatArray:
    if len(simplices) == 0:
        return np.zeros(cx.gradients.shape[1])
    (left, left_size), (right, right_size) = (_vertex_values(cx, simplices, cells) for cells in (first, second))
    gap = np.abs(left - right).max(axis=1) + 2 * UNIT * (left_size + right_size)
    return np.asarray(measures @ gap)


_KEPT: weakref.WeakKeyDictionary[PolyhedralComplex, dict[str, ComplexForms]] = weakref.WeakKeyDictionary()


def forms_of(cx: PolyhedralComplex, origin: FloatArray | None = None) -> ComplexForms:
    """The forms of a complex, relative to the coordinate origin or to its box's lower corner."""
    if not isinstance(cx, PolyhedralComplex):
        raise InvalidInputError(
            f"cx: a {type(cx).__name__} given, a PolyhedralComplex wanted; call specgeo.enumerate_regions first"
        )
    if cx.n_cells == 0:
        raise UnsupportedError("cx: has no cells; its spectrum is not defined")
    kept = _KEPT.setdefault(cx, {})
    name = "plain" if origin is None else f"at {origin.tolist()}"
    if name not in kept:
        kept[name] = ComplexForms(cx, origin)
    return kept[name]
