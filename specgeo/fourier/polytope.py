"""Fourier transforms and moments of polytopes: convex in any dimension, any shape in two and three.

Each wavevector is taken by one of three forms. The boundary form (`specgeo.fourier.boundary`) visits each edge
once and is used in the plane and in space for |k| |P| >= `SWITCH` |boundary|. Below, where there are many wavevectors,
those with |k| times the radius up to some 4 are taken by a power series (`specgeo.fourier.expansion`). The sum over the
simplices of a triangulation loses nothing at small |k| and serves everywhere else: few wavevectors, long shapes, other
dimensions, densities.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._budget import within_memory
from specgeo._cast import ComplexArray, FloatArray, as_floats, as_whole
from specgeo._display import Shown
from specgeo._double import UNIT_ROUNDOFF, dot
from specgeo.errors import InvalidInputError, UnsupportedError
from specgeo.fourier.boundary import polygon_sum, polyhedron_sum
from specgeo.fourier.expansion import series_sum
from specgeo.fourier.shapes import Shape, as_shapes
from specgeo.fourier.simplex import (
    as_wavevectors,
    bernstein_indices,
    for_kernel,
    polynomial_sum,
    simplices_sum,
)

Density = float | tuple[npt.ArrayLike, npt.ArrayLike] | Callable[[FloatArray], npt.ArrayLike]

SWITCH = 0.6  # |k| |P| / |boundary| above which the boundary form is used: it loses eps / that number
FLAT = 2e-14  # |k| times the warp of a face above which its triangles replace it: they are exactly flat
ENDLESS = 1e100  # wavevectors of shapes near unit size that none is beyond: phases would exceed 1e15
MARGIN = 1e-14  # relative, of |k|^2: the two sides of a switch overlap by its rounding
MAX_DEGREE = 12
FEW = 64  # wavevectors that are looked at before all
MANY = {2: 128, 3: 512}  # wavevectors left by the boundary form from which on moments pay, by dimension


@overload
def polytope_transform(
    polytope: Any,
    k: npt.ArrayLike,
    density: Density | None = ...,
    *,
    degree: int | None = ...,
    return_error: Literal[False] = ...,
) -> ComplexArray: ...
@overload
def polytope_transform(
    polytope: Any,
    k: npt.ArrayLike,
    density: Density | None = ...,
    *,
    degree: int | None = ...,
    return_error: Literal[True],
) -> tuple[ComplexArray, FloatArray]: ...
@checked
@checked
@within_memory
def polytope_transform(
    polytope: Any,
    k: npt.ArrayLike,
    density: Density | None = None,
    *,
    degree: int | None = None,
    return_error: bool = False,
) -> ComplexArray | tuple[ComplexArray, FloatArray]:
    r"""Fourier transform int_P f(x) exp(-i k.x) dx of a polytope P, by default of its indicator.

    In scattering: the amplitude F(q), form factor amplitude of the particle P with scattering length density f.

    Parameters
    ----------
    polytope : array_like, Box, Polytope, shapely geometry, tuple or list
        - vertices (n, d): their convex hull, any d;
        - `specgeo.Box`, `specgeo.Polytope`;
        - shapely Polygon, MultiPolygon or GeometryCollection of these without overlaps, holes included, rings
          either way round, no z;
        - (vertices (n, 3), faces): a closed surface, not necessarily convex; each face lists its
          vertices counter-clockwise as seen from outside; or a mesh object with ``vertices`` and ``faces`` (trimesh);
        - a polygon (in a plane z = constant: a plane shape, k has two components) or polyhedron of coxeter, a
          ``ConvexHull`` of scipy;
        - a list of these: their union, interiors disjoint.
    k : array_like of floats, shape (..., d)
        Wavevectors in angular units.
    density : float, tuple or callable, optional
        A number, 1 by default. Or (gradient, offset): the affine function gradient @ x + offset, with shapes (d,)
        and () or, for m outputs, (m, d) and (m,). Or a polynomial as a callable from points (n, d) to (n,)
        or (n, m), with its ``degree``.
    degree : int, optional
        Total degree of a callable density, at most 12.
    return_error : bool
        Return an error bound too; the sum over simplices then serves at every k, which has one.

    Returns
    -------
    transform : ndarray of complex128, shape (...) or (..., m)
    error : ndarray of float64, of the same shape, only with ``return_error``
        Bound on the distance to the exact transform of the coordinates given, of the kind of `specgeo.spectrum`:
        rounding to first order, independent roundings, six standard deviations allowed.

    Raises
    ------
    DomainError
        Points without volume (they lie in one hyperplane, decided exactly; hardly any volume is a volume), an
        empty or invalid geometry, one with z.
    InvalidInputError
        Something else than a polytope, shapes that do not fit, a volume beyond the range of floats.
    UnsupportedError
        Faces outside three dimensions; a degree above 12; an error bound with a callable density; round shapes.

    Warns
    -----
    UserWarning
        Bare vertices some of which lie inside the hull of the others: the hull is meant.

    Notes
    -----
    The result is that of the coordinates given, as exact numbers. Errors stay within about 1e-15 of \|P\| (a few 1e-15
    times max\|f\| with a density) for every k, up to d = 3: for hulls and plane shapes of any proportion, at any scale
    whose volume floats hold and at any distance from the origin, phases up to 1e15 included. For closed surfaces
    from (vertices, faces) the unit is, at small \|k\|, the sum of \|tetrahedra\| that their faces span with the mean of
    the vertices or with the first, which is \|P\| where no two of them overlap. At \|k\| R = 1e9 they are 1e-13 of
    the sum of absolute vertex terms. Gauss's theorem twice (Wuttke 2021 for the field) with compensated phases,
    and divided differences at small \|k\|.

    Examples
    --------
    >>> import numpy as np
    >>> import specgeo as sg
    >>> square = [[0, 0], [1, 0], [1, 1], [0, 1]]
    >>> complex(sg.polytope_transform(square, [0.0, 0.0]))
    (1+0j)
    >>> bool(abs(sg.polytope_transform(square, [2 * np.pi, 1e-7])) < 1e-15)
    True
    """
    shapes = shapes_of_one_dimension(polytope)
    reach = np.max([np.ldexp(shape.reach, shape.exponents) for shape in shapes], axis=0)
    waves, batch = as_wavevectors(k, shapes[0].dim, reach)
    factor = None
    if isinstance(density, (int, float, np.number)):
        factor, density = float(as_floats(density, "density", ())), None
    if density is None:
        if degree is not None:
            raise InvalidInputError("degree: given without a density; pass density too")
        values, errors = indicator(shapes, waves, return_error)
        if factor is not None:
            values, errors = values * factor, np.abs(errors * factor) + 2 * UNIT_ROUNDOFF * np.abs(values * factor)
        return (values.reshape(batch), errors.reshape(batch)) if return_error else values.reshape(batch)
    parts, bounds, vector = [], [], False
    for shape in shapes:
        coefficients, degree_used, vector = _coefficients(shape, density, degree)
        parts.append(in_units(shape, partial(_polynomial, coefficients, degree_used), waves))
        if return_error and callable(density):
            raise UnsupportedError("return_error: a callable density has no bound; pass (gradient, offset)")
        if return_error:
            bounds.append(powers_of_two(shape.sum_error(coefficients), shape.exponents.sum()))
    total = np.asarray(sum(parts[1:], parts[0]))
    shaped = (*batch, total.shape[1]) if vector else batch
    if not return_error:
        return total.reshape(shaped)
    error = sum(bounds[1:], bounds[0]) + 2 * UNIT_ROUNDOFF * len(shapes) * np.abs(total)
    return total.reshape(shaped), error.reshape(shaped)


def shapes_of_one_dimension(polytope: Any) -> list[Shape]:
    """The shapes whose union a polytope argument is, in one space."""
    shapes = as_shapes(polytope)
    if any(shape.dim != shapes[0].dim for shape in shapes):
        raise InvalidInputError("polytope: the parts of a union must have one dimension")
    return shapes


def indicator(shapes: list[Shape], waves: FloatArray, bounded: bool = False) -> tuple[ComplexArray, FloatArray]:
    """Transform (n_k,) of a union, and the bound on its error, (n_k,): zero unless asked for."""
    form = _bounded if bounded else _indicator
    values = in_units(shapes[0], form, waves)
    for shape in shapes[1:]:
        values += in_units(shape, form, waves)
    if not bounded:
        return values, np.zeros(len(values))
    errors = sum(float(powers_of_two(shape.sum_error(), shape.exponents.sum())[0]) for shape in shapes)
    return values, errors + 2 * UNIT_ROUNDOFF * len(shapes) * np.abs(values)


def _bounded(shape: Shape, k: FloatArray) -> ComplexArray:
    """The indicator by the sum that has an error bound."""
    return _indicator(shape, k) if shape.box is not None else _simplices(shape, k)


def in_units(shape: Shape, transform: Callable[[Shape, FloatArray], ComplexArray], k: FloatArray) -> ComplexArray:
    """A transform in the coordinates of the shape, from wavevectors and to values in those of the caller."""
    if not shape.exponents.any():
        return transform(shape, k)
    result = transform(shape, np.ldexp(k, shape.exponents))
    return powers_of_two(result.view(np.float64), shape.exponents.sum()).view(np.complex128)


def powers_of_two(array: FloatArray, exponents: npt.ArrayLike) -> FloatArray:
    """array * 2^exponents; what overflows is refused."""
    with np.errstate(over="ignore"):
        result = np.ldexp(array, exponents)
    if not np.all(np.isfinite(result)):
        raise InvalidInputError("polytope: a result is beyond the range of floats; rescale it, and k the other way")
    return result


def _indicator(shape: Shape, k: FloatArray) -> ComplexArray:
    """Indicator transform, (n_k,): each wavevector by the form that is accurate there, and by no other."""
    if shape.box is not None:
        return _box(*shape.box, k)
    if shape.dim not in (2, 3):
        return _simplices(shape, k)
    low, high = min(SWITCH * shape.surface / shape.volume, ENDLESS) ** 2, np.inf
    if shape.dim == 3 and shape.warp > FLAT / ENDLESS:
        high = (FLAT / shape.warp) ** 2
    result = np.empty(len(k), dtype=np.complex128)
    out, waves = result.view(np.float64), for_kernel(k).ravel()
    done, near = 0, 0.0
    small = low == ENDLESS**2 or all(_squares(some).max(initial=0.0) < low * (1.0 - MARGIN) for some in (k[:FEW], k))
    if not small:  # else without the kernel of the boundary form, which takes time to compile
        done = _boundary(shape, waves, low, high, out)
    if len(k) - done >= MANY[shape.dim]:
        near = min(shape.expansions.limits[-1], low, high)
        done += series_sum(shape.expansions, waves, near, out)
    if done == len(k):
        return result
    square = _squares(k)
    below = square < low * (1.0 + MARGIN)
    between, beyond = below & (square >= near * (1.0 - MARGIN)), ~below & (square > high * (1.0 - MARGIN))
    for mask, form in ((between, _simplices), (beyond, _split_solid)):
        if mask.any():
            result[mask] = form(shape, np.ascontiguousarray(k[mask]))
    return result


def _squares(k: FloatArray) -> FloatArray:
    """|k|^2, which may differ from the kernels' by rounding: hence the margins."""
    return np.asarray(np.square(k) @ np.ones(k.shape[1]))


def _boundary(shape: Shape, waves: FloatArray, low: float, high: float, out: FloatArray) -> int:
    """Boundary form where low <= |k|^2 < high; returns for how many wavevectors."""
    if shape.dim == 2:
        return polygon_sum(*shape.outline, waves, low, out)
    return polyhedron_sum(for_kernel(shape.points), shape.solid, waves, low, high, out)


def _simplices(shape: Shape, k: FloatArray) -> ComplexArray:
    return np.ascontiguousarray(simplices_sum(*shape.triangulated, k)[:, 0])


def _split_solid(shape: Shape, k: FloatArray) -> ComplexArray:
    result = np.empty(len(k), dtype=np.complex128)
    out = result.view(np.float64)
    polyhedron_sum(for_kernel(shape.points), shape.split_solid, for_kernel(k).ravel(), 0.0, np.inf, out)
    return result


def _box(lower: FloatArray, upper: FloatArray, k: FloatArray) -> ComplexArray:
    """Product of the transforms of the sides."""
    result = np.ones(len(k), dtype=np.complex128)
    side = np.array([[0, 1]], dtype=np.int64)
    for a in range(len(lower)):
        ends = np.array([[lower[a]], [upper[a]]])
        length = np.array([upper[a] - lower[a]])
        result *= simplices_sum(ends, side, length, np.ascontiguousarray(k[:, a : a + 1]))[:, 0]
    return result


def _polynomial(coefficients: FloatArray, degree: int, shape: Shape, k: FloatArray) -> ComplexArray:
    """Transform (n_k, m) of a polynomial density by its coefficients on each simplex."""
    points, simplices, volumes = shape.triangulated
    groups = np.zeros(len(simplices), dtype=np.int64)
    return np.asarray(polynomial_sum(points, simplices, volumes, k, coefficients, degree, groups, 1)[0])


def _coefficients(shape: Shape, density: Density, degree: int | None) -> tuple[FloatArray, int, bool]:
    """Bernstein coefficients (n_s, n_b, m) of a density on the shape's simplices, degree, whether it has outputs."""
    if shape.box is not None and shape.dim > 8:
        raise UnsupportedError(f"density on a box of dimension {shape.dim}: not supported above 8 (d! simplices)")
    points, simplices, _ = shape.triangulated
    if callable(density):
        if degree is None or as_whole(degree, "degree") > MAX_DEGREE:
            raise UnsupportedError(f"degree: {degree} given; a callable density needs one from 0 to {MAX_DEGREE}")
        coefficients, vector = _bernstein(np.ldexp(points, shape.exponents)[simplices], density, degree)
        return coefficients, degree, vector
    if not isinstance(density, tuple) or len(density) != 2:
        raise InvalidInputError("density: pass a number, (gradient, offset) or a callable with its degree")
    if degree not in (None, 1):
        raise InvalidInputError(f"degree: {degree!r} given with an affine density; leave it out")
    gradient, offset = as_floats(density[0], "gradient"), as_floats(density[1], "offset")
    if gradient.ndim not in (1, 2) or gradient.shape[-1] != shape.dim or offset.shape != gradient.shape[:-1]:
        raise InvalidInputError(
            f"density: shapes {gradient.shape} and {offset.shape} given; (d,) and () or (m, d) and (m,) wanted"
        )
    values = _affine_values(points, np.ldexp(np.atleast_2d(gradient), shape.exponents), np.atleast_1d(offset))
    return values[simplices], 1, gradient.ndim == 2


def _affine_values(points: FloatArray, gradient: FloatArray, offset: FloatArray) -> FloatArray:
    """gradient @ x + offset, (n, m), in double-double: far from the origin one term cancels the other."""
    left = np.concatenate([points, np.ones((len(points), 1))], axis=1)[:, None]
    right = np.concatenate([gradient, offset[:, None]], axis=1)[None]
    with np.errstate(over="ignore", invalid="ignore"):
        values = dot((left, np.zeros_like(left)), (right, np.zeros_like(right)))[0]
    if not np.all(np.isfinite(values)):
        raise InvalidInputError("density: its values are beyond the range of floats; rescale gradient and offset")
    return values


def _bernstein(
    corners: FloatArray, density: Callable[[FloatArray], npt.ArrayLike], degree: int
) -> tuple[FloatArray, bool]:
    """Bernstein coefficients (n_s, n_b, m) of a polynomial, interpolated at the lattice points of each simplex."""
    indices = bernstein_indices(corners.shape[1] - 1, degree)
    nodes = indices / max(degree, 1) if degree else np.full((1, corners.shape[1]), 1.0 / corners.shape[1])
    lattice = np.einsum("bi,sid->sbd", nodes, corners)
    values = as_floats(density(lattice.reshape(-1, corners.shape[2])), "density(points)")
    if values.ndim not in (1, 2) or len(values) != lattice.shape[0] * lattice.shape[1]:
        raise InvalidInputError(
            f"density: returned shape {values.shape} for {lattice.shape[0] * lattice.shape[1]} points"
        )
    factors = [math.factorial(degree) / math.prod(math.factorial(int(a)) for a in row) for row in indices]
    basis = np.prod(nodes[:, None, :] ** indices[None, :, :], axis=2) * np.array(factors)
    table = values.reshape(len(corners), len(indices), -1)
    return np.ascontiguousarray(np.einsum("ab,sbm->sam", np.linalg.inv(basis), table)), values.ndim == 2


@dataclass(frozen=True, eq=False)
class Moments(Shown):
    """Volume, first and second moments of a polytope.

    Attributes
    ----------
    volume : float
        int 1 dx.
    first : ndarray, shape (d,)
        int x dx.
    second : ndarray, shape (d, d)
        int x x^T dx.
    centroid : ndarray, shape (d,)
        Centre of mass.
    covariance : ndarray, shape (d, d)
        Mean of (x - centroid)(x - centroid)^T, computed as such: ``second`` loses it far from the origin.
    """

    volume: float
    first: FloatArray
    second: FloatArray
    centroid: FloatArray
    covariance: FloatArray


@checked
def polytope_moments(polytope: Any) -> Moments:
    """Volume, first and second moments of a polytope: the derivatives of its transform at k = 0.

    Parameters
    ----------
    polytope : shape
        As in `polytope_transform`.

    Returns
    -------
    Moments

    Raises
    ------
    InvalidInputError, DomainError
        As in `polytope_transform`.

    Examples
    --------
    >>> from specgeo.fourier import polytope_moments
    >>> m = polytope_moments([[0, 0], [2, 0], [2, 1], [0, 1]])
    >>> m.volume, m.centroid.tolist()
    (2.0, [1.0, 0.5])
    """
    shapes = shapes_of_one_dimension(polytope)
    dim = shapes[0].dim
    units = np.max([shape.exponents for shape in shapes], axis=0)
    anchor = np.ldexp(shapes[0].points[0], shapes[0].exponents - units)
    volume, first, second = 0.0, np.zeros(dim), np.zeros((dim, dim))  # in these units, about the anchor
    for shape in shapes:
        if shape.box is not None and dim > 8:
            raise UnsupportedError(f"moments of a box of dimension {dim}: not supported above 8; use the closed form")
        points, simplices, volumes = shape.triangulated
        volumes = np.ldexp(volumes, (shape.exponents - units).sum())
        corners = np.ldexp(points, shape.exponents - units)[simplices] - anchor
        sums = corners.sum(axis=1)
        volume += float(volumes.sum())
        first += volumes @ sums / (dim + 1)
        squares = np.einsum("sia,sib->sab", corners, corners) + np.einsum("sa,sb->sab", sums, sums)
        second += np.einsum("s,sab->ab", volumes, squares) / ((dim + 1) * (dim + 2))
    middle = first / volume
    covariance = second / volume - np.outer(middle, middle)
    centroid = anchor + middle
    whole, planes = units.sum(), units + units[:, None]
    return Moments(
        float(powers_of_two(np.array(volume), whole)),
        powers_of_two(volume * centroid, whole + units),
        powers_of_two(volume * (covariance + np.outer(centroid, centroid)), whole + planes),
        powers_of_two(centroid, units),
        powers_of_two(covariance, planes),
    )
