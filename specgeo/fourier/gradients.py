"""Derivatives of transforms with respect to k, vertices and values, by the repeated-node identity.

With z_i = -i k.v_i and G_i = exp[z, z_i], H_ij = exp[z, z_i, z_j] (d G_i / d z_j = (1 + [i = j]) H_ij)::

    F = j! |S| sum_i f_i G_i
    dF/df_i = j! |S| G_i
    dF/dk   = -i j! |S| sum_il f_i (1 + [i = l]) H_il v_l
    dF/dv_l = F grad lambda_l - i k j! |S| sum_i f_i (1 + [i = l]) H_il

where grad lambda_l, the gradient of the barycentric coordinate, is d log|S| / dv_l. All of it is
finite and accurate at every k. A polytope moves with its vertices through its boundary
(Hadamard): dF/dv = sum over boundary simplices around v of n int lambda_v exp(-i k.x).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import ComplexArray, FloatArray, IntArray, as_complexes, as_floats, as_indices
from specgeo._display import Shown
from specgeo._exact import dual_edges
from specgeo._measures import rounded_measures, simplex_measures
from specgeo.errors import DomainError, InvalidInputError, UnsupportedError
from specgeo.fourier.polytope import in_units, polytope_transform, powers_of_two
from specgeo.fourier.shapes import Shape, as_shapes
from specgeo.fourier.simplex import as_wavevectors, polynomial_sum

THIN = 1e-2  # measure over product of sides below which a pseudo-inverse in floats loses digits that are wanted
BATCH = 2**20  # complex numbers held at a time by `mesh_pullback`


@dataclass(frozen=True, eq=False)
class Gradients(Shown):
    """A transform and its derivatives; leading axes are those of the wavevectors.

    Attributes
    ----------
    value : ndarray of complex128, shape (...)
    wrt_k : ndarray of complex128, shape (..., d)
    wrt_vertices : ndarray of complex128, shape (..., n, d), or None
        None where moving one vertex does not keep the faces flat.
    wrt_values : ndarray of complex128, shape (..., n), or None
        Derivatives by the vertex values of an affine density (None for polytopes).
    """

    value: ComplexArray
    wrt_k: ComplexArray
    wrt_vertices: ComplexArray | None
    wrt_values: ComplexArray | None = None


@checked
def simplex_gradients(vertices: npt.ArrayLike, k: npt.ArrayLike, values: npt.ArrayLike | None = None) -> Gradients:
    """Transform of one simplex with an affine density, and its derivatives.

    Parameters
    ----------
    vertices : array_like of floats, shape (j + 1, d), 0 <= j <= d
    k : array_like of floats, shape (..., d)
        Wavevectors in angular units.
    values : array_like of floats, shape (j + 1,), optional
        Vertex values of the density, default 1 (the indicator).

    Returns
    -------
    Gradients

    Raises
    ------
    InvalidInputError
        Shapes that do not fit.
    DomainError
        A flat simplex (decided exactly): its measure has no derivative.

    Notes
    -----
    Repeated nodes: d exp[z_0..z_j] / dz_i = exp[z_0..z_j, z_i]. For a simplex of lower dimension
    the derivative of the measure lies in its own affine span.

    Examples
    --------
    >>> from specgeo.fourier import simplex_gradients
    >>> g = simplex_gradients([[0.0], [2.0]], [0.0])
    >>> g.wrt_vertices.real.tolist()  # the length grows with the right end
    [[-1.0], [1.0]]
    """
    corners = as_floats(vertices, "vertices", (None, None))
    nodes, dim = corners.shape
    if not 1 <= nodes <= dim + 1:
        raise InvalidInputError(f"vertices: shape {corners.shape} given, (j + 1, d) with 0 <= j <= d wanted")
    density = np.ones(nodes) if values is None else as_floats(values, "values", (nodes,))
    waves, batch = as_wavevectors(k, dim, float(np.abs(corners).max()))
    measure = float(simplex_measures(corners[None])[0])
    if measure == 0.0:
        raise DomainError(f"vertices: the simplex is flat, of dimension less than {nodes - 1}: no derivative there")
    first = _derivatives(corners[None], waves, 1)[0] * measure  # (n_k, nodes): j! |S| G_i
    second = _symmetric(_derivatives(corners[None], waves, 2)[0] * measure, nodes)
    pull = np.einsum("i,kil->kl", density, second)  # j! |S| sum_i f_i (1 + [i = l]) H_il
    value = first @ density
    wrt_k = -1j * pull @ corners
    wrt_vertices = (
        value[:, None, None] * _barycentric_gradients(corners[None], np.array([measure]))[0]
        - 1j * pull[:, :, None] * waves[:, None, :]
    )
    return Gradients(
        value.reshape(batch),
        wrt_k.reshape(*batch, dim),
        wrt_vertices.reshape(*batch, nodes, dim),
        first.reshape(*batch, nodes),
    )


def _derivatives(corners: FloatArray, k: FloatArray, degree: int) -> ComplexArray:
    """j! degree! exp[z, ``degree`` repeated nodes], (n_s, n_k, n_b), for all choices; corners (n_s, j + 1, d)."""
    n_s, nodes, dim = corners.shape
    count = math.comb(nodes - 1 + degree, degree)
    identity = np.ascontiguousarray(np.broadcast_to(np.eye(count), (n_s, count, count)))
    simplices = np.arange(n_s * nodes, dtype=np.int64).reshape(n_s, nodes)
    groups = np.arange(n_s, dtype=np.int64)
    return polynomial_sum(corners.reshape(-1, dim), simplices, np.ones(n_s), k, identity, degree, groups, n_s)


def _symmetric(second: ComplexArray, nodes: int) -> ComplexArray:
    """(1 + [i = l]) H_il, (..., nodes, nodes), from the list of 2 H over pairs i <= l."""
    rows, columns = np.triu_indices(nodes)
    result = np.empty((*second.shape[:-1], nodes, nodes), dtype=np.complex128)
    result[..., rows, columns] = 0.5 * second
    result[..., columns, rows] = 0.5 * second
    result[..., np.arange(nodes), np.arange(nodes)] *= 2.0
    return result


def _barycentric_gradients(corners: FloatArray, measures: FloatArray) -> FloatArray:
    """Gradients of the barycentric coordinates within the span of each simplex that is not flat, (n_s, j + 1, d)."""
    n_s, nodes, dim = corners.shape
    edges = corners[:, 1:] - corners[:, :1]
    if nodes == 1:
        return np.zeros((n_s, 1, dim))
    largest = np.abs(edges).max(axis=2)
    lengths = largest * np.linalg.norm(edges / largest[:, :, None], axis=2)
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        # a simplex loses the digits of its measure over the product of its sides; thin ones are inverted exactly
        fat = np.log(measures) + math.lgamma(nodes) > np.log(lengths).sum(axis=1) + math.log(THIN)
    inner = np.empty(edges.shape)
    sides = lengths[fat, :, None]
    inner[fat] = np.linalg.pinv(edges[fat] / sides).transpose(0, 2, 1) / sides
    for s in np.flatnonzero(~fat):
        inner[s] = dual_edges(corners[s])
    return np.concatenate([-inner.sum(axis=1, keepdims=True), inner], axis=1)


@checked
def polytope_gradients(polytope: Any, k: npt.ArrayLike) -> Gradients:
    """Indicator transform of a polytope and its derivatives.

    Parameters
    ----------
    polytope : shape
        As in `polytope_transform`, in one part.
    k : array_like of floats, shape (..., d)
        Wavevectors in angular units.

    Returns
    -------
    Gradients
        ``wrt_vertices`` follows the order of the vertices given, whichever way they run: of a shapely
        geometry that of its coordinates, polygon after polygon, exterior then interiors, each ring
        without its closing point; of a `specgeo.Box` or `specgeo.Polytope` that of its ``vertices``.
        It is given for plane polygons and wherever all facets are simplices; vertices inside the hull
        get 0, and of equal vertices all but one. Otherwise it is None: then a vertex cannot move alone
        without bending a facet.

    Raises
    ------
    InvalidInputError, DomainError
        As in `polytope_transform`.
    UnsupportedError
        A union of several shapes: add the gradients of its parts.

    Notes
    -----
    dF/dk = -i int x exp(-i k.x) dx. dF/dv = sum over boundary simplices S around v of
    n_S int_S lambda_v exp(-i k.x) (Hadamard's formula), which holds at every k, zero included.

    Examples
    --------
    >>> from specgeo.fourier import polytope_gradients
    >>> g = polytope_gradients([[0, 0], [1, 0], [0, 1]], [0.0, 0.0])
    >>> g.wrt_vertices.real.tolist()  # of the area
    [[-0.5, -0.5], [0.5, 0.0], [0.0, 0.5]]
    """
    shapes = as_shapes(polytope)
    if len(shapes) != 1:
        raise UnsupportedError("polytope: gradients of a union are not supported; add the gradients of its parts")
    shape = shapes[0]
    waves, batch = as_wavevectors(k, shape.dim, np.ldexp(shape.reach, shape.exponents))
    identity = (np.eye(shape.dim), np.zeros(shape.dim))
    wrt_k = -1j * polytope_transform(polytope, waves, identity)
    boundary = _boundary_simplices(shape)
    wrt_vertices = None
    if boundary is not None:
        own = in_units(shape, lambda own, k: _hadamard(own.points, *boundary, k), waves)
        parts = powers_of_two(own.view(np.float64).reshape(-1, shape.dim, 2), -shape.exponents[:, None])
        wrt_vertices = parts.view(np.complex128).reshape(*batch, len(shape.points), shape.dim)
    return Gradients(polytope_transform(polytope, waves).reshape(batch), wrt_k.reshape(*batch, shape.dim), wrt_vertices)


def _boundary_simplices(shape: Shape) -> tuple[IntArray, FloatArray] | None:
    """Simplicial facets (n_b, d) and outward normals of the length of their measures, or None where one is none."""
    points = shape.points
    if shape.dim == 1:
        low, high = int(np.argmin(points)), int(np.argmax(points))
        return np.array([[low], [high]], dtype=np.int64), np.array([[-1.0], [1.0]])
    if shape.rings is not None:
        ends = np.concatenate([np.column_stack([ring, np.roll(ring, -1)]) for ring in shape.rings])
        step = points[ends[:, 1]] - points[ends[:, 0]]
        return ends, np.column_stack([step[:, 1], -step[:, 0]])
    if shape.faces is not None:
        if any(len(face) > 3 for face in shape.faces):
            return None
        facets = np.concatenate(shape.face_triangles)
        return facets, shape.solid.frames[:, 2] * rounded_measures(points[facets])[:, None]
    if shape.facets is None or any(len(facet) > shape.dim for facet in shape.facets):
        return None
    facets = np.array([sorted(facet) for facet in shape.facets], dtype=np.int64)
    corners = points[facets]
    normals = np.linalg.svd(corners[:, 1:] - corners[:, :1])[2][:, -1]
    inside = points[np.unique(facets)]
    heights = np.einsum("sa,sva->sv", normals, inside[None] - corners[:, :1])
    farthest = np.take_along_axis(heights, np.abs(heights).argmax(axis=1)[:, None], axis=1)
    return facets, normals * np.where(farthest > 0.0, -1.0, 1.0) * rounded_measures(corners)[:, None]


def _hadamard(points: FloatArray, simplices: IntArray, normals: FloatArray, k: FloatArray) -> ComplexArray:
    """sum over boundary simplices of n mean(lambda_v exp(-i k.x)) for every vertex v: (n_k, n, d)."""
    n_b, nodes = simplices.shape
    groups = np.arange(n_b, dtype=np.int64)
    hats = np.broadcast_to(np.eye(nodes), (n_b, nodes, nodes))
    shares = polynomial_sum(points, simplices, np.ones(n_b), k, hats, 1, groups, n_b)
    result = np.zeros((len(k), *points.shape), dtype=np.complex128)
    for i in range(nodes):
        for s in range(n_b):
            result[:, simplices[s, i]] += shares[s, :, i, None] * normals[s]
    return result


@dataclass(frozen=True, eq=False)
class MeshPullback(Shown):
    """Gradients of a real function of a mesh's transform.

    Attributes
    ----------
    value : ndarray of complex128, shape (n_k,)
        The transform.
    points : ndarray, shape (n_p, d)
    values : ndarray, shape (n_p,)
    k : ndarray, shape (n_k, d)
    """

    value: ComplexArray
    points: FloatArray
    values: FloatArray
    k: FloatArray


@checked
def mesh_pullback(
    points: npt.ArrayLike, simplices: npt.ArrayLike, values: npt.ArrayLike, k: npt.ArrayLike, cotangent: npt.ArrayLike
) -> MeshPullback:
    r"""Reverse-mode gradients of the transform F of a piecewise-linear function on a mesh.

    For a real loss L(F) with dL = Re sum_k conj(c_k) dF_k, c the cotangent, this returns dL/dpoints,
    dL/dvalues and dL/dk: what an automatic-differentiation library needs to train on spectra.

    Parameters
    ----------
    points : array_like of floats, shape (n_p, d)
    simplices : array_like of ints, shape (n_s, d + 1)
    values : array_like of floats, shape (n_p,)
        Vertex values of the continuous function, affine on each simplex.
    k : array_like of floats, shape (n_k, d)
    cotangent : array_like of complex numbers, shape (n_k,)

    Returns
    -------
    MeshPullback

    Raises
    ------
    InvalidInputError
        Shapes that do not fit, point numbers out of range.
    DomainError
        A flat simplex (decided exactly).

    Notes
    -----
    The repeated-node identity on each simplex, exponentials shared. For \|F\|^2 pass c = 2 F.

    Examples
    --------
    >>> import numpy as np
    >>> from specgeo.fourier import mesh_pullback
    >>> g = mesh_pullback([[0.0], [1.0]], [[0, 1]], [1.0, 1.0], [[0.0]], [1.0])
    >>> g.values.tolist(), g.points.tolist()
    ([0.5, 0.5], [[-1.0], [1.0]])
    """
    nodes_at = as_floats(points, "points", (None, None))
    n_p, dim = nodes_at.shape
    cells = as_indices(simplices, "simplices", n_p, dim + 1)
    heights = as_floats(values, "values", (n_p,))
    waves, batch = as_wavevectors(k, dim, float(np.abs(nodes_at).max(initial=0.0)))
    weight = np.conj(as_complexes(cotangent, "cotangent"))
    if len(batch) != 1 or weight.shape != batch:
        raise InvalidInputError(f"cotangent: shape {weight.shape} given, one number for each wavevector {batch} wanted")
    corners = nodes_at[cells]
    measures = simplex_measures(corners)
    if np.any(measures == 0.0):
        number = int(np.argmin(measures))
        raise DomainError(f"simplices: simplex {number} is flat; its volume has no derivative there")
    value = np.zeros(len(waves), dtype=np.complex128)
    by_points, by_values, by_k = np.zeros((n_p, dim)), np.zeros(n_p), np.zeros((len(waves), dim))
    batch_size = max(1, BATCH // max(1, len(waves) * (dim + 1) ** 2))
    for start in range(0, len(cells), batch_size):
        cell, corner = cells[start : start + batch_size], corners[start : start + batch_size]
        scale = measures[start : start + batch_size, None, None]
        density = heights[cell]
        first = _derivatives(corner, waves, 1) * scale
        pull = np.einsum("si,skil->skl", density, _symmetric(_derivatives(corner, waves, 2) * scale, dim + 1))
        part = np.einsum("ski,si->sk", first, density)
        value += part.sum(axis=0)
        np.add.at(by_values, cell, np.einsum("k,ski->si", weight, first).real)
        by_k += (weight[:, None] * -1j * np.einsum("skl,sla->ka", pull, corner)).real
        stretch = (part @ weight).real[:, None, None] * _barycentric_gradients(corner, scale[:, 0, 0])
        np.add.at(by_points, cell, stretch + (-1j * np.einsum("k,skl,ka->sla", weight, pull, waves)).real)
    return MeshPullback(value, by_points, by_values, by_k)
