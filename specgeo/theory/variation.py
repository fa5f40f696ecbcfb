r"""Where the gradient jumps, and how much: kinks, their variation, and what the boundary of the domain adds.

f is affine on the cells of a bounded convex domain; interior facets F have unit normal n_F, gradient jump
c_F = (g_1 - g_0).n_F and measure |F|. Their directional variation is

    J(u) = sum_F |c_F| (u.n_F)^2 |F|,

the total variation of the measure d_u^2 f; along lines parallel to u, the integral of their absolute slope jumps.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from specgeo._arguments import checked
from specgeo._cast import FloatArray, as_points
from specgeo._display import brief
from specgeo._double import UNIT_ROUNDOFF
from specgeo.errors import InvalidInputError
from specgeo.geometry.complex import PolyhedralComplex

__all__ = [
    "Kinks", "crossings", "directional_variation", "integral_of_modulus", "is_compact", "kinks", "perimeter", "shadow",
    "total_variation",
]  # fmt: skip

Extension = Literal["interior", "zero", "mirror"]

VANISHING = 1e-12  # |f| on the boundary below this share of max |f| is rounding: f counts as compactly supported
CANCELLING = 16 * UNIT_ROUNDOFF  # times the terms of g.x + b: rounding of a value of f


class Kinks(NamedTuple):
    """The facets across which the gradient jumps, with unit normals, measures and jumps."""

    normals: FloatArray  # (n, d)
    measures: FloatArray  # (n,)
    jumps: FloatArray  # (n,)

    def __repr__(self) -> str:
        return brief(self)


def checked_output(cx: PolyhedralComplex, output: int) -> int:
    """An output that the complex has."""
    m = int(cx.gradients.shape[1])
    if not 0 <= output < m:
        raise InvalidInputError(f"output: {output} given for {m} outputs; use 0..{m - 1}")
    return output


def unit_vectors(directions: npt.ArrayLike, dim: int, name: str = "directions") -> FloatArray:
    """Unit vectors along the given ones; vectors of any size, the powers of two taken out first."""
    u = as_points(directions, name, dim)
    largest = np.abs(u).max(axis=-1, keepdims=True, initial=0.0)
    if np.any(largest == 0):
        raise InvalidInputError(f"{name}: contains the zero vector; leave it out")
    scaled = u / np.exp2(np.floor(np.log2(largest)))
    return np.asarray(scaled / np.linalg.norm(scaled, axis=-1, keepdims=True))


@checked
def kinks(cx: PolyhedralComplex, output: int = 0, boundary: Extension = "interior") -> Kinks:
    """Facets with their gradient jumps c_F.

    Parameters
    ----------
    cx : PolyhedralComplex
    output : int
    boundary : {"interior", "zero", "mirror"}
        Facets on the domain's boundary: left out; with c_B = -d_nu f (f extended by zero, meaningful
        where f vanishes there); with c_B = -2 d_nu f (f reflected) and half their measure, for a wall
        belongs to the box and to its mirror image alike. Sums over the facets are thus those of one
        box; a period of the reflected function is 2^d boxes.

    Returns
    -------
    Kinks

    Examples
    --------
    >>> import specgeo as sg
    >>> from specgeo.theory import kinks
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> kinks(sg.enumerate_regions(net, sg.Box([-2], [2]))).jumps
    array([ 1., -2.,  1.])
    """
    facets, output = cx.facets, checked_output(cx, output)
    inner = ~facets.is_boundary
    normals, measures, jumps = facets.normals, facets.measures, facets.jumps[:, output]
    if boundary == "interior":
        return Kinks(normals[inner], measures[inner], jumps[inner])
    if boundary not in ("zero", "mirror"):
        raise InvalidInputError(f"boundary: {boundary!r} given; 'interior', 'zero' or 'mirror' wanted")
    outward = np.einsum("fd,fd->f", cx.gradients[facets.cells[:, 0], output], normals)
    if boundary == "zero":
        return Kinks(normals, measures, np.where(inner, jumps, -outward))
    return Kinks(normals, np.where(inner, measures, measures / 2), np.where(inner, jumps, -2 * outward))


@checked
def directional_variation(
    cx: PolyhedralComplex, directions: npt.ArrayLike, output: int = 0, boundary: Extension = "interior"
) -> FloatArray:
    r"""J(u) = sum \|c_F\| (u.n_F)^2 \|F\| for unit vectors along ``directions`` (..., d): shape (...).

    The total variation of the second derivative along u: the integral over all lines parallel to u
    of the sum of absolute slope jumps.

    Parameters
    ----------
    cx : PolyhedralComplex
    directions : array_like, shape (..., d)
        Of any length but zero.
    output : int
    boundary : {"interior", "zero", "mirror"}
        As in `kinks`.

    Returns
    -------
    ndarray, shape (...)

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> tent = sg.enumerate_regions(net, sg.Box([-2], [2]))
    >>> directional_variation(tent, [1.0])
    array(4.)
    """
    unit = unit_vectors(directions, cx.dim)
    k = kinks(cx, output, boundary)
    hessian = np.einsum("f,fi,fj->ij", np.abs(k.jumps) * k.measures, k.normals, k.normals)
    return np.asarray(np.einsum("...i,ij,...j->...", unit, hessian, unit))


@checked
def total_variation(cx: PolyhedralComplex, output: int = 0, boundary: Extension = "interior") -> float:
    r"""The sum of \|c_F\| \|F\|, the total variation of grad f: in d = 1 the TV of f'.

    With ``boundary="mirror"`` it is that of one box of the reflected function; a period is 2^d boxes, with as many
    times the variation.

    Parameters
    ----------
    cx : PolyhedralComplex
    output : int
    boundary : {"interior", "zero", "mirror"}
        As in `kinks`.

    Returns
    -------
    float

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[1.0, 0.0, -1.0], [0.0]])
    >>> total_variation(sg.enumerate_regions(net, sg.Box([-2], [2])))
    4.0

    \|x - 1/2\| on [0, 1], reflected: four jumps of 2 in a period of two boxes.

    >>> net = sg.Network([[[1.0]], [[1.0]]], [[-0.5], [0.0]], "abs")
    >>> total_variation(sg.enumerate_regions(net, sg.Box([0], [1])), boundary="mirror")
    4.0
    """
    k = kinks(cx, output, boundary)
    return float(np.abs(k.jumps) @ k.measures)


def perimeter(cx: PolyhedralComplex) -> float:
    """(d-1)-volume of the domain's boundary; 2 in d = 1."""
    return float(cx.facets.measures[cx.facets.is_boundary].sum())


def shadow(cx: PolyhedralComplex, directions: npt.ArrayLike) -> FloatArray:
    """(d-1)-volume of the domain's projection along unit vectors of ``directions`` (..., d): shape (...).

    By Cauchy's formula, half the sum of |u.nu| |B| over the boundary.

    Examples
    --------
    >>> import specgeo as sg
    >>> net = sg.Network([[[1.0, 0.0]], [[1.0]]], [[0.0], [0.0]])
    >>> shadow(sg.enumerate_regions(net, sg.Box([0, 0], [2, 1])), [[3.0, 0.0], [0.0, 1.0]])
    array([1., 2.])
    """
    u = unit_vectors(directions, cx.dim)
    rim = cx.facets.is_boundary
    return np.asarray(np.abs(u @ cx.facets.normals[rim].T) @ cx.facets.measures[rim] / 2)


def crossings(cx: PolyhedralComplex, directions: npt.ArrayLike) -> FloatArray:
    """X(u) = sum_F |u.n_F| |F| over interior facets, for unit vectors along ``directions`` (..., d): shape (...).

    It is the integral over the shadow of (cells met by the line - 1).

    Hanin & Rolnick's count of cells along a line is linear in the neurons for random networks, so
    J(u) <= 2 L_f X(u) is a typical bound without a factor exponential in the depth.
    """
    u = unit_vectors(directions, cx.dim)
    inner = ~cx.facets.is_boundary
    return np.asarray(np.abs(u @ cx.facets.normals[inner].T) @ cx.facets.measures[inner])


def _modulus_on(cx: PolyhedralComplex, k: int, cells: npt.NDArray[np.int64], output: int) -> FloatArray:
    """Upper bound of int |f| on each k-face: |f| is convex, so below the interpolant of its vertex values."""
    simplices, owner = cx.triangulation(k)
    values = cx.values(cells[owner], cx.vertices[simplices])[:, :, output]
    pieces = cx.simplex_measures(k) * np.abs(values).mean(axis=1)
    return np.asarray(np.bincount(owner, pieces, minlength=len(cells)), dtype=np.float64)


def integral_of_modulus(cx: PolyhedralComplex, output: int = 0) -> float:
    """int |f| over the domain, from above: exact on simplices where f keeps its sign."""
    return float(_modulus_on(cx, cx.dim, np.arange(cx.n_cells), checked_output(cx, output)).sum())


def boundary_sums(cx: PolyhedralComplex, output: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Normals, gradients, measures and int |f| of the boundary facets."""
    facets = cx.facets
    rim = facets.is_boundary
    traces = _modulus_on(cx, cx.dim - 1, facets.cells[:, 0], output)
    return facets.normals[rim], cx.gradients[facets.cells[rim, 0], output], facets.measures[rim], traces[rim]


def is_compact(cx: PolyhedralComplex, output: int = 0) -> bool:
    """Whether f vanishes on the boundary, up to 1e-12 of its largest value and to the rounding of g.x + b there."""
    facets, output = cx.facets, checked_output(cx, output)
    lists = cx.vertices_of(cx.dim)
    cells = np.repeat(np.arange(cx.n_cells), np.diff(lists.offsets))
    terms = cx.gradients[cells, output] * cx.vertices[lists.indices]
    values = terms.sum(axis=1) + cx.offsets[cells, output]
    # Far from the origin g.x and b are large and cancel.
    noise = CANCELLING * float((np.abs(terms).sum(axis=1) + np.abs(cx.offsets[cells, output])).max())
    traces = _modulus_on(cx, cx.dim - 1, facets.cells[:, 0], output)[facets.is_boundary]
    return bool(traces.sum() <= (VANISHING * np.abs(values).max() + noise) * perimeter(cx))
